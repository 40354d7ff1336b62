"""Analyses of laboratory values on a study: kept, read again, asked of chosen patients, and moved by hand."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.evaluation.lab_what_if import what_if
from raise_core.ingest.importer import import_study
from raise_core.store.home import Home
from raise_core.studies import lab_importance as study
from raise_core.studies.opening import open_study

COX = ImportanceSettings(week=12, model=ImportanceModel.COX, repeats=1, permutations=3)


@pytest.fixture(scope="module")
def home(small_home, tmp_path_factory) -> Home:
    """The tables of the small home, in a folder of their own."""
    home = Home.at(tmp_path_factory.mktemp("labs") / "home")
    home.path.mkdir()
    shutil.copytree(small_home / "studies", home.path / "studies")
    return home


@pytest.fixture(scope="module")
def report(home):
    return study.importance(home, "demo-raise", COX)


def snapshot(home: Home) -> str:
    return open_study(home, "demo-raise").cohort.study.snapshot_id


def test_what_is_kept_is_what_was_computed(home, report):
    kept = study.kept_importance(home, "demo-raise", snapshot(home), COX)
    assert study.has_importance(home, "demo-raise", snapshot(home), COX)
    for name in ("settings", "provenance", "labs", "groups", "noise", "metric_mean", "excluded", "n", "events"):
        assert getattr(kept, name) == getattr(report, name)
    for name in ("values", "shap", "ice", "grid", "fold", "coef", "fill", "missing_coef"):
        np.testing.assert_array_equal(getattr(kept.explanations, name), getattr(report.explanations, name))
    assert kept.explanations.patient_ids == report.explanations.patient_ids


def test_it_is_computed_once(home, report, monkeypatch):
    monkeypatch.setattr("raise_core.evaluation.lab_importance.lab_importance", lambda *_, **__: pytest.fail("again"))
    assert study.importance(home, "demo-raise", COX).labs == report.labs


def test_every_test_of_the_study_is_there(home, report):
    assert {lab.lab for lab in report.labs} == set(open_study(home, "demo-raise").tests)


def test_chosen_patients_are_another_analysis(home):
    filter_text = "age>=60"
    some = study.importance(home, "demo-raise", COX, filter_text=filter_text)
    ages = open_study(home, "demo-raise").cohort.patients.set_index("patient_id")["age_years"]
    assert (ages.loc[list(some.explanations.patient_ids)] >= 60).all()
    assert some.n_study == int((ages >= 60).sum())
    assert some.provenance.cohort_words
    assert not study.has_importance(home, "demo-raise", snapshot(home), COX, filter_text="age<60")


def test_weeks_offered_have_values_and_events(home):
    source = open_study(home, "demo-raise")
    weeks = study.importance_weeks(source, "PFS")
    assert weeks[0] == 0.0
    assert 12.0 in weeks
    assert all(not study.why_not(source, COX.at_week(week)) for week in weeks)
    assert "hoose an earlier" in study.why_not(source, COX.at_week(max(source.visit_weeks)))
    with pytest.raises(NotInStoreError, match="endpoint 'X'"):
        study.importance_weeks(source, "X")
    assert [one.settings.week for one in study.kept_by_week(home, "demo-raise", snapshot(home), COX, weeks)] == [12.0]


def test_moving_values_of_a_cox_model_adds_their_coefficients(report):
    found = report.explanations
    row = 3
    patient, fold = found.patient_ids[row], int(found.fold[row])
    names = [lab.lab for lab in report.used[:2]]
    moved = {name: float(np.nanmedian(found.values[:, found.labs.index(name)])) for name in names}
    answer = what_if(report, patient, names[0], moved)
    wanted = found.prediction[row]
    for name, value in moved.items():
        place = found.labs.index(name)
        scale = np.log if report.lab(name).is_log else np.asarray
        wanted += found.coef[fold, place] * (scale(value) - scale(found.values[row, place]))
    assert answer.prediction == pytest.approx(wanted)
    on_curve = np.interp(moved[names[0]], found.grid[found.labs.index(names[0])], answer.curve)
    assert on_curve == pytest.approx(answer.prediction, abs=0.02)
    unmoved = what_if(report, patient, names[0], {})
    assert unmoved.prediction == pytest.approx(found.prediction[row])
    np.testing.assert_allclose(unmoved.curve, found.ice[row, found.labs.index(names[0])], atol=1e-9)


def test_setting_a_missing_value_takes_its_indicator_away(report):
    found = report.explanations
    rows, places = np.nonzero(np.isnan(found.values))
    row, place = int(rows[0]), int(places[0])
    lab = found.labs[place]
    value = float(found.grid[place, 10])
    answer = what_if(report, found.patient_ids[row], lab, {lab: value})
    assert answer.prediction == pytest.approx(found.ice[row, place, 10])


@pytest.mark.slow
def test_a_forest_moves_one_value_along_its_curve(home):
    settings = ImportanceSettings(week=12, repeats=1, permutations=2, trees=10)
    report = study.importance(home, "demo-raise", settings)
    found = report.explanations
    lab = found.labs[0]
    answer = what_if(report, found.patient_ids[0], lab, {lab: float(found.grid[0, 4])})
    assert answer.prediction == pytest.approx(found.ice[0, 0, 4])
    with pytest.raises(BadUsageError, match="one value is moved at a time"):
        what_if(report, found.patient_ids[0], lab, {found.labs[1]: 5.0})


@pytest.mark.slow
@pytest.mark.shared_data
def test_albumin_matters_most_in_cancer_patients_in_hospital(shared_data, tmp_path):
    home = Home.at(tmp_path / "home")
    import_study(home, shared_data / "labs_support2", "support")
    settings = ImportanceSettings(endpoint="OS", repeats=1, permutations=4, trees=30)
    report = study.importance(home, "support", settings)
    assert report.n + sum(report.excluded.values()) == 1420
    assert report.labs[0].lab == "ALB"
    assert report.labs[0].effects.per_sd.ci_high < 1, "low albumin is worse"
    assert {lab.lab for lab in report.labs} == {"ALB", "BILI", "BUN", "CREAT", "GLUC", "PH", "SODIUM", "WBC"}
    assert report.lab("PH").missing_share > 0.5
    assert [group.labs for group in report.groups] == [("BUN", "CREAT")]
    np.testing.assert_allclose(
        report.explanations.shap.sum(axis=1) + report.explanations.base, report.explanations.prediction, atol=1e-8
    )
