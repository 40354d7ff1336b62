"""Importance of laboratory values on made cohorts: what was planted is found, what was not is not."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.evaluation.lab_importance import lab_importance
from raise_core.evaluation.lab_panel import is_skewed, lab_panel
from raise_core.evaluation.resampling import corrected_standard_error_kfold
from tests.evaluation.lab_cohort import cohort_of, normal_labs

COX, RSF, RF = ImportanceModel.COX, ImportanceModel.SURVIVAL_FOREST, ImportanceModel.CLASS_FOREST
N = 150


def quick(model: ImportanceModel, **more) -> ImportanceSettings:
    return ImportanceSettings(model=model, repeats=2, permutations=5, trees=25, **more)


@pytest.fixture(scope="module")
def planted():
    """One value that matters much (L2), four that do not; some are missing."""
    labs = normal_labs(N, 5)
    risk = 1.1 * (labs["L2"] - 10.0)
    rng = np.random.default_rng(4)
    for name in ("L2", "L4"):
        labs[name] = np.where(rng.random(N) < 0.1, np.nan, labs[name])
    return cohort_of(labs, risk)


@pytest.fixture(scope="module", params=[COX, RSF, RF])
def report(request, planted):
    return lab_importance(planted, quick(request.param))


def test_what_was_planted_comes_first_and_stands_out(report):
    first = report.labs[0]
    assert (first.lab, first.rank) == ("L2", 1)
    assert first.is_seen
    assert first.drop.importance > 0.08
    assert first.drop.ci_low < first.drop.importance < first.drop.ci_high
    assert first.top_share == 1.0
    assert first.rank_low == 1.0
    assert first.rank_high < 1.5
    assert first.effects.per_sd.hr > 2.0


def test_values_without_information_are_not_told_from_noise(report):
    for lab in report.labs[1:]:
        assert not lab.is_seen
        assert lab.drop.ci_low < 0 < lab.drop.ci_high
    assert abs(report.noise.importance) < 0.03
    assert report.seen == report.labs[:1]


def test_counts_add_up_and_missing_values_are_counted(report):
    assert report.n + sum(report.excluded.values()) == report.n_study == N
    for lab in report.labs:
        assert lab.missing_share == pytest.approx(1 - lab.n / report.n)
    assert [lab.lab for lab in report.labs if lab.missing_share > 0.03] in (["L2", "L4"], ["L4", "L2"])
    assert report.scored_folds == 10
    assert report.metric == ("AUROC" if report.settings.model is RF else "c-index")


def test_shap_values_add_up_to_the_prediction(report):
    found = report.explanations
    np.testing.assert_allclose(found.shap.sum(axis=1) + found.base, found.prediction, atol=1e-9)
    assert np.abs(found.shap).mean(axis=0).argmax() == found.labs.index("L2")


def test_a_patients_curve_passes_through_the_prediction_at_the_measured_value(report):
    found = report.explanations
    place = found.labs.index("L2")
    rises = found.ice[:, place, -1] - found.ice[:, place, 0]
    assert (rises > 0).mean() > 0.95, "higher L2 is worse for nearly everybody"
    if report.settings.model is COX:  # between two points of the grid the log hazard is a straight line
        known = ~np.isnan(found.values[:, place])
        inside = (
            known & (found.values[:, place] >= found.grid[place, 0]) & (found.values[:, place] <= found.grid[place, -1])
        )
        for row in np.flatnonzero(inside)[:20]:
            on_curve = np.interp(found.values[row, place], found.grid[place], found.ice[row, place])
            assert on_curve == pytest.approx(found.prediction[row], abs=1e-9)


def test_every_patient_is_explained_by_a_model_of_another_fold(report):
    assert set(report.explanations.fold.tolist()) == set(range(5))
    assert len(report.explanations.patient_ids) == report.n


def test_the_same_settings_give_the_same_numbers(planted):
    settings = ImportanceSettings(model=RSF, repeats=1, permutations=3, trees=5)
    one, other = (lab_importance(planted, settings) for _ in range(2))
    assert one.labs == other.labs
    assert one.noise == other.noise
    np.testing.assert_array_equal(one.explanations.shap, other.explanations.shap)


def test_correlated_copies_hide_each_other_and_show_together():
    labs = normal_labs(N, 4)
    rng = np.random.default_rng(9)
    signal = labs["L0"] - 10.0
    labs["COPY"] = 10.0 + signal + 0.1 * rng.standard_normal(N)
    report = lab_importance(cohort_of(labs, 0.9 * signal), ImportanceSettings(model=COX, repeats=3, permutations=10))
    (group,) = report.groups
    assert group.labs == ("COPY", "L0")
    assert group.least_correlation > 0.95
    assert group.is_seen
    alone = [report.lab(name).drop.importance for name in group.labs]
    assert group.drop.importance > 1.8 * max(alone)
    assert report.lab("L0").group == ("COPY",)
    assert report.lab("L1").group == ()


def test_intervals_are_those_of_nadeau_and_bengio(planted):
    settings = quick(COX)
    report = lab_importance(planted, settings)
    drop = report.labs[0].drop
    half = (drop.ci_high - drop.ci_low) / 2
    from scipy.stats import t

    assert half == pytest.approx(t.ppf(0.975, 9) * drop.se_corrected)
    sd = drop.se_corrected / corrected_standard_error_kfold(1.0, folds=5, repeats=2)
    assert sd > drop.se_corrected


def test_the_importance_of_noise_alone_covers_chance():
    report = lab_importance(cohort_of(normal_labs(N, 6, seed=7), np.zeros(N), seed=3), quick(COX))
    assert report.metric_low < 0.5 < report.metric_high
    assert report.seen == ()


def test_constant_and_mostly_missing_values_are_listed_with_the_reason():
    labs = normal_labs(N, 3)
    labs["SAME"] = np.full(N, 5.0)
    labs["RARE"] = np.where(np.arange(N) < 20, 3.0 + np.arange(N) / 10, np.nan)
    labs["LATER"] = np.full(N, np.nan)
    report = lab_importance(cohort_of(labs, labs["L0"] - 10.0), quick(COX))
    why = {lab.lab: lab.reason for lab in report.labs if not lab.used}
    assert set(why) == {"SAME", "RARE"}
    assert why["SAME"] == "the same value in everybody"
    assert why["RARE"].startswith("missing in 8")
    assert all(report.lab(name).rank is None for name in why)
    assert report.lab("RARE").n <= 20


def test_skewed_positive_values_are_used_as_logarithms():
    rng = np.random.default_rng(2)
    labs = {"SKEW": np.exp(rng.standard_normal(N)), "EVEN": 10 + rng.standard_normal(N)}
    labs["ZERO"] = np.where(np.arange(N) == 0, 0.0, labs["SKEW"])
    source = cohort_of(labs, np.zeros(N))
    assert {name: is_skewed(source, name) for name in labs} == {"SKEW": True, "EVEN": False, "ZERO": False}
    panel = lab_panel(source, ImportanceSettings())
    at = panel.labs.index("SKEW")
    np.testing.assert_allclose(np.exp(panel.values[:, at]), panel.in_units[:, at])
    wanted = dict(zip(source.patient_ids, labs["SKEW"], strict=True))
    np.testing.assert_allclose(panel.in_units[:, at], [wanted[patient] for patient in panel.patient_ids])


def test_the_classifier_leaves_out_who_has_no_class_and_counts_them():
    labs = normal_labs(N, 2)
    source = cohort_of(labs, labs["L0"] - 10.0)
    panel = lab_panel(source, ImportanceSettings(model=RF))
    outcomes = source.cohort.outcomes.set_index("patient_id").loc[list(panel.patient_ids)]
    year = ImportanceSettings().horizon_weeks
    np.testing.assert_array_equal(panel.short, outcomes["time_weeks"] <= year)
    assert outcomes.loc[panel.short, "event"].all()
    assert sum(panel.excluded.values()) == N - panel.n > 0


def test_too_few_events_no_values_and_no_labs_say_so():
    labs = normal_labs(20, 2)
    with pytest.raises(NotInStoreError, match="needs 10"):
        lab_importance(cohort_of(labs, np.full(20, -4.0)), quick(COX))
    with pytest.raises(NotInStoreError, match=r"nobody is at risk|could be used"):
        lab_importance(cohort_of(labs, np.zeros(20)), quick(COX, week=30.0))
    with pytest.raises(NotInStoreError, match="no laboratory values"):
        lab_importance(cohort_of({}, np.zeros(20)), quick(COX))
    with pytest.raises(NotInStoreError, match="endpoint 'OS'"):
        lab_importance(cohort_of(labs, np.zeros(20)), quick(COX, endpoint="OS"))
