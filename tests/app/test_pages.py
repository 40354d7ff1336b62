"""Every page through Streamlit's own test runner on the small home: numbers on screen are those of the engine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from raise_core.domain.results import CindexSettings
from raise_core.figures import numbers
from raise_core.store.home import Home
from raise_core.studies import raise_protocol
from raise_core.studies.questions import cindex

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _main_module_stays():
    """AppTest puts the page in place of `__main__`; worker processes of later tests would start it."""
    kept = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = kept


def opened(page: str, home: Path, monkeypatch, **address: str) -> AppTest:
    monkeypatch.setenv("RAISE_HOME", str(home))
    test = AppTest.from_file(str(REPOSITORY / "app.py"), default_timeout=60)
    if page != "app.py":
        test.switch_page(page)
    for name, value in address.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def words(test: AppTest) -> str:
    return " ".join(element.value for kind in (test.markdown, test.caption, test.title) for element in kind)


def test_home_counts_patients_and_says_that_data_are_simulated(small_home, monkeypatch):
    test = opened("app.py", small_home, monkeypatch)
    assert {metric.label: metric.value for metric in test.metric}["Patients"] == "90"
    assert "not a medical device" in words(test)
    assert "Simulated data" in words(test)
    assert len(test.dataframe[0].value) == 1, "the one run"


def test_an_empty_home_says_what_to_do(tmp_path, monkeypatch):
    test = opened("app.py", tmp_path / "nothing", monkeypatch)
    assert "No study has been imported yet" in words(test)
    assert "demo raise" in words(test)


def test_cindex_shows_the_numbers_of_the_command_line(small_home, monkeypatch):
    test = opened("pages/cindex.py", small_home, monkeypatch, compare="Added value")
    expected = cindex(
        Home.at(small_home),
        "demo-raise",
        [raise_protocol.TWO_VARIABLE, raise_protocol.THREE_VARIABLE],
        CindexSettings(splits=8),
    ).report
    table = next(frame.value for frame in test.dataframe if "c-index (95 % CI)" in frame.value.columns)
    assert table["c-index (95 % CI)"].tolist() == [
        numbers.interval(e.mean, e.ci_low, e.ci_high) for e in expected.estimates
    ]
    assert f"{100 * expected.estimates[0].mean:.0f} of 100 patient pairs" in words(test)


def test_every_comparison_of_the_paper_has_its_models(small_home, monkeypatch):
    for label, comparison in zip(
        ("Inside or outline", "Lesion or liver", "Portal or arterial", "Added value"),
        raise_protocol.COMPARISONS,
        strict=True,
    ):
        test = opened("pages/cindex.py", small_home, monkeypatch, compare=label)
        table = next(frame.value for frame in test.dataframe if "c-index (95 % CI)" in frame.value.columns)
        assert table["Model"].nunique() == len(comparison.models)
        assert sorted(table["Week"].unique()) == [12, 24]


def test_naive_bars_change_the_footnote(small_home, monkeypatch):
    test = opened("pages/cindex.py", small_home, monkeypatch, bars="naive SE")
    assert "naive standard error as in the paper" in words(test)


def test_own_models_use_every_patient_with_the_markers(small_home, monkeypatch):
    test = opened("pages/cindex.py", small_home, monkeypatch, compare="Your own", models="sldr", weeks="12")
    expected = cindex(Home.at(small_home), "demo-raise", ["sldr"], CindexSettings(), weeks=[12]).report.estimates[0]
    table = next(frame.value for frame in test.dataframe if "c-index (95 % CI)" in frame.value.columns)
    assert table["Patients at risk"].tolist() == [expected.n]
    assert table["c-index (95 % CI)"].tolist() == [numbers.interval(expected.mean, expected.ci_low, expected.ci_high)]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ({"compare": "Your own", "models": "lab:NETEST", "weeks": "12"}, "no test NETEST"),
        ({"compare": "Your own", "models": "sldr", "weeks": "twelve"}, "not a number of weeks"),
        ({"compare": "Your own", "models": "foo:bar", "weeks": "12"}, "unknown prefix"),
        ({"study": "nosuch"}, "which is not here"),
    ],
)
def test_what_cannot_be_shown_is_said(small_home, monkeypatch, address, message):
    test = opened("pages/cindex.py", small_home, monkeypatch, **address)
    assert any(message in warning.value for warning in test.warning)
