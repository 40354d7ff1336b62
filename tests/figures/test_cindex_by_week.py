"""The c-index figure shows what the report holds, and says what it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from raise_core.domain.results import (
    CindexComparison,
    CindexEstimate,
    CindexReport,
    CindexSettings,
    Provenance,
    PublishedPoint,
)
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import cindex_tables, cindex_words, numbers
from raise_core.figures.cindex_by_week import AXIS_HIGH, cindex_by_week
from raise_core.figures.direct_labels import spread
from raise_core.figures.identity import PAGE, TEXT, model_marks

TWO, THREE = "sldr+dlog:CGA", "sldr+dlog:CGA+dl:lesion-portal"


def estimate(model, week, cindex, *, n=100, events=50, half=0.08, **changes) -> CindexEstimate:
    values = {
        "model": model, "week": week, "n": n, "events": events, "mean": cindex, "sd": 0.05, "se_naive": 0.005,
        "se_corrected": 0.03, "ci_low": cindex - half, "ci_high": cindex + half,
        "uno": cindex - 0.01, "uno_tau_weeks": 80.0,
        "nan_splits": 0, "nan_reasons": {}, "splits": 100, "events_per_variable": 25.0,
    }  # fmt: skip
    return CindexEstimate(**(values | changes))


def report(estimates, comparisons=(), *, simulated=True) -> CindexReport:
    return CindexReport(
        settings=CindexSettings(),
        provenance=Provenance("demo-raise", "A trial", "ab12cd34ef56", simulated, "f00dfeed" * 8, "resnet50-imagenet"),
        estimates=tuple(estimates),
        comparisons=tuple(comparisons),
        excluded={12.0: {"event by week 13": 10, "marker missing: sldr": 5}},
        n_study=115,
    )


@pytest.fixture
def both() -> CindexReport:
    return report(
        [
            estimate(TWO, 12.0, 0.77),
            estimate(TWO, 24.0, 0.80),
            estimate(THREE, 12.0, 0.78),
            estimate(THREE, 24.0, 0.79),
        ],
        [CindexComparison(TWO, THREE, 12.0, -0.01, -0.05, 0.03, 0.6, 0.9)],
    )


def lines(figure):
    return {trace.name: trace for trace in figure.data if trace.mode == "lines+markers"}


def test_points_and_whiskers_are_the_estimates(both):
    drawn = lines(cindex_by_week(both))
    two = drawn["Two-variable: SLDr + change in log CgA"]
    np.testing.assert_allclose(two.y, [0.77, 0.80])
    np.testing.assert_allclose(two.error_y.array, [0.08, 0.08])


def test_naive_bars_are_the_naive_standard_error(both):
    drawn = lines(cindex_by_week(both, error_bars="naive"))
    np.testing.assert_allclose(drawn["Three-variable: + deep learning"].error_y.array, [0.005, 0.005])


def test_models_are_dodged_so_that_whiskers_do_not_overlap(both):
    first, second = (np.asarray(trace.x) for trace in lines(cindex_by_week(both)).values())
    assert (second > first).all()
    np.testing.assert_allclose((first + second) / 2, [12, 24])


def test_patients_and_events_stand_under_each_week(both):
    texts = {trace.name: tuple(trace.text) for trace in cindex_by_week(both).data if trace.mode == "text"}
    assert texts == {"Patients at risk": ("100", "100"), "Events ahead": ("50", "50")}


def test_published_points_are_hollow_and_say_what_is_not_known(both):
    points = [PublishedPoint(TWO, 12.0, 0.78, "A paper"), PublishedPoint("dl:liver-portal", 12.0, 0.5, "A paper")]
    traces = [trace for trace in cindex_by_week(both, published=points).data if trace.name.startswith("Published")]
    assert len(traces) == 1, "only models on screen"
    assert traces[0].marker.symbol.endswith("-open")
    assert "at-risk definition not stated" in traces[0].hovertext[0]


def test_a_model_that_could_not_be_estimated_leaves_a_gap_and_a_reason():
    missing = estimate(TWO, 12.0, 0.7, n=0, events=0)
    missing = CindexEstimate(
        **{**missing.__dict__, "mean": None, "sd": None, "ci_low": None, "ci_high": None, "se_naive": None,
           "se_corrected": None, "uno": None, "nan_splits": 100, "nan_reasons": {"no comparable pairs": 100},
           "warnings": ("Not estimated: no event after the landmark.",)}
    )  # fmt: skip
    gone = report([missing, estimate(TWO, 24.0, 0.8)])
    trace = next(iter(lines(cindex_by_week(gone)).values()))
    assert list(trace.y) == [0.8]
    assert "no comparable pairs" in cindex_tables.estimates_table(gone)["Splits not scored"][0]
    assert cindex_words.headline(report([missing])).startswith("None of these models")


def test_axis_reaches_below_0_4_when_a_point_does():
    low = cindex_by_week(report([estimate(TWO, 12.0, 0.31)]))
    assert low.layout.yaxis.range[0] < 0.31
    assert cindex_by_week(report([estimate(TWO, 12.0, 0.8)])).layout.yaxis.range[0] == 0.4


def test_colours_stay_with_the_model_whatever_stands_beside_it():
    alone = model_marks((THREE,), theme="light")[THREE]
    beside = model_marks(("sld", "dl:liver-portal", THREE), theme="light")
    assert beside[THREE] == alone
    assert alone.colour == TEXT["light"]
    assert model_marks((THREE,), theme="dark")[THREE].colour == TEXT["dark"]
    portal, arterial = (
        model_marks((f"dl:lesion-{phase}",), theme="light")[f"dl:lesion-{phase}"] for phase in ("portal", "arterial")
    )
    assert portal.colour == arterial.colour
    assert (portal.symbol, portal.dash) != (arterial.symbol, arterial.dash), "never colour alone"


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_model_colour_has_3_to_1_contrast_on_the_page(theme):
    models = (TWO, THREE, "dl:lesion-portal", "dl:binary-portal", "dl:liver-portal", "a", "b", "c", "d", "e", "f")
    page = luminance(PAGE[theme])
    for mark in model_marks(models, theme=theme).values():
        low, high = sorted((luminance(mark.colour), page))
        assert (high + 0.05) / (low + 0.05) >= 3, mark


def test_headline_gives_the_estimate_its_interval_and_the_difference(both):
    sentence = cindex_words.headline(both)
    assert "At week 12" in sentence
    assert "77.0 of 100" in sentence
    assert "69–85; 100 patients, 50 progressions or deaths ahead" in sentence
    assert "difference −1.0 (−5.0 to 3.0)" in sentence


def test_footnote_states_method_ties_interval_snapshot_and_run(both):
    note = cindex_words.footnote(both, naive_bars=False)
    for part in (
        "Harrell",
        "100 Monte Carlo splits",
        "Efron",
        "Nadeau",
        "ab12cd34",
        "f00dfeed",
        "resnet50-imagenet",
        "week + 1",
    ):
        assert part in note
    assert "too small" in cindex_words.footnote(both, naive_bars=True)


def test_few_events_are_said_in_words():
    few = report([estimate(TWO, 72.0, 0.8, events=8), estimate(THREE, 72.0, 0.8, events=8)])
    assert cindex_words.warnings(few) == [
        "Only 8 progressions or deaths lie ahead of week 72: the models cannot be told apart here."
    ]


def test_why_splits_were_not_scored_is_said_however_few_the_events():
    text = "12 of 100 splits could not be scored: no comparable pairs (12)."
    few = report([estimate(TWO, 72.0, 0.8, events=8, warnings=(text, "Only 8 events lie ahead (4.0 per variable)."))])
    said = cindex_words.warnings(few)
    assert any(text in sentence for sentence in said)
    assert not any("per variable" in sentence for sentence in said)
    assert "little more than a guess" in said[0]


def test_without_events_the_reason_stands_below_the_headline():
    none = estimate(TWO, 72.0, 0.8, events=0, mean=None, warnings=("Not estimated: no event after the landmark.",))
    assert cindex_words.headline(report([none])).startswith("None of these models")
    assert cindex_words.warnings(report([none])) == [
        "Week 72, size and CgA: Not estimated: no event after the landmark."
    ]


def test_text_alternative_holds_every_point(both):
    text = cindex_words.text_alternative(both)
    assert text.count("c-index") == 4
    assert "week 24" in text


def test_left_out_and_used_add_up(both):
    table = cindex_tables.excluded_table(both)
    assert table.loc[table["Visit"] == "Week 12", "Patients"].sum() == both.n_study


def test_download_says_that_data_are_simulated_and_where_they_come_from(both):
    table = cindex_tables.download_table(both)
    assert table["simulated_data"].all()
    assert set(table["snapshot"]) == {"ab12cd34ef56"}
    assert table["cindex_mean"].tolist() == [0.77, 0.80, 0.78, 0.79]


@pytest.mark.parametrize(
    ("p", "text"), [(0.0004, "< 0.001"), (0.0031, "0.003"), (0.04, "0.04"), (0.5, "0.50"), (None, "–")]
)
def test_p_values(p, text):
    assert numbers.p_value(p) == text


def test_signed_differences_have_a_true_minus():
    assert numbers.difference(-0.031) == "−0.03"
    assert numbers.difference(0.031) == "+0.03"
    assert numbers.difference(-0.001) == "0.00"


def test_labels_are_pushed_apart():
    placed = spread([0.70, 0.999, 1.0, 0.702], gap=0.04, ceiling=AXIS_HIGH)
    assert min(np.diff(sorted(placed))) >= 0.04 - 1e-12
    assert max(placed) <= 1.0
    assert np.argsort(placed).tolist() == [0, 3, 1, 2]


def test_one_switch_turns_weeks_into_months(both):
    months = TimeUnit.MONTHS
    assert cindex_words.headline(both, unit=months).startswith("At month 2.8, ")
    assert "(month 5.5)" in cindex_words.footnote(both, naive_bars=False, unit=months)
    assert cindex_tables.estimates_table(both, unit=months)["Visit"].tolist()[0] == "Month 2.8"
    figure = cindex_by_week(both, unit=months)
    assert list(figure.layout.xaxis.ticktext) == ["2.8", "5.5"]
    assert figure.layout.xaxis.title.text == "Visit (months from randomisation)"


def test_a_cohort_filter_is_named_under_the_figure(both):
    chosen = replace(both, provenance=replace(both.provenance, cohort_words="G2: 41 of 138 patients"))
    note = cindex_words.footnote(chosen, naive_bars=False)
    assert "Only G2: 41 of 138 patients; Cox models are refitted on them." in note
    assert "Network outputs and splits stay those of the whole-cohort run" in note
    assert "Cox models are refitted" not in cindex_words.footnote(both, naive_bars=False)
