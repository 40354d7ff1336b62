"""The simulated PRRT cohort without its images: who progresses within a year, what the laboratory knows, the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from raise_core.demo.prrt_labs import EGFR, PLANTED_LABS, TESTS, egfr
from raise_core.demo.prrt_patients import LOG_HAZARD_PER_SD, enrol
from raise_core.demo.prrt_tables import AFTER_BASELINE, SimulatedPrrt, simulate_tables
from raise_core.domain.errors import BadUsageError
from raise_core.domain.marker_name import plain_column_name, plain_test_name
from raise_core.domain.week import WEEKS_PER_YEAR


@pytest.fixture(scope="module")
def cohort() -> SimulatedPrrt:
    return simulate_tables(seed=0)


@pytest.fixture(scope="module")
def large() -> SimulatedPrrt:
    """Large enough that chance does not decide."""
    return simulate_tables(patients=900, seed=11)


def baseline_labs(cohort: SimulatedPrrt) -> pd.DataFrame:
    """One row a patient, one column a test."""
    rows = cohort.labs[cohort.labs.week <= 0]
    return rows.pivot(index="patient_id", columns="test", values="value").reindex(cohort.patients.patient_id)


def short(cohort: SimulatedPrrt) -> np.ndarray:
    return cohort.outcomes.time_weeks.to_numpy() <= WEEKS_PER_YEAR


def latent(cohort: SimulatedPrrt, name: str) -> np.ndarray:
    return np.array([getattr(patient.latents, name) for patient in cohort.enrolled])


def auroc(cohort: SimulatedPrrt, score: np.ndarray) -> float:
    known = ~np.isnan(score)
    return float(roc_auc_score(short(cohort)[known], score[known]))


def test_everybody_progresses_and_42_of_116_within_a_year(cohort):
    assert len(cohort.patients) == 116
    assert cohort.outcomes.event.eq(1).all()
    assert set(cohort.outcomes.endpoint) == {"PFS"}
    assert short(cohort).sum() == 42
    months = cohort.outcomes.time_weeks * 7 / 30.4375
    assert 13 < months.median() < 22
    assert 48 < months.max() < 110
    days = cohort.outcomes.time_weeks * 7
    assert np.allclose(days, days.round())
    assert list(cohort.patients.columns) == [
        "patient_id", "sex", "age_years", "origin", "grade", "ki67_percent", "prior_treatment", *AFTER_BASELINE,
    ]  # fmt: skip


@pytest.mark.parametrize("patients", [12, 30, 57, 200])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_size_and_seed_keeps_the_share(patients, seed):
    enrolled = enrol(patients=patients, seed=seed)
    assert sum(patient.short for patient in enrolled) == round(patients * 42 / 116)


def test_same_seed_same_tables_and_another_seed_others(cohort):
    again, other = simulate_tables(seed=0), simulate_tables(seed=1)
    for name in ("patients", "outcomes", "labs", "lesions"):
        pd.testing.assert_frame_equal(getattr(cohort, name), getattr(again, name))
        assert not getattr(cohort, name).equals(getattr(other, name))


def test_treatment_stops_at_progression(cohort):
    pfs = cohort.outcomes.set_index("patient_id").time_weeks
    cycles = cohort.patients.set_index("patient_id").prrt_cycles
    assert cycles.between(1, 6).all()
    assert (cycles <= 1 + pfs // 8).all()
    is_short = short(cohort)
    assert mannwhitneyu(cycles[is_short], cycles[~is_short]).pvalue < 0.001
    activity = cohort.patients.cumulative_activity_gbq / cohort.patients.prrt_cycles
    assert activity.between(5.5, 8.7).all()


def test_values_have_units_limits_and_plain_names(cohort):
    assert set(cohort.labs.test) == {*TESTS, EGFR}
    assert cohort.labs.groupby("test").unit.nunique().eq(1).all()
    assert cohort.labs.value.gt(0).all()
    assert (cohort.labs.lower_limit.fillna(-np.inf) < cohort.labs.upper_limit).all()
    assert not cohort.labs.duplicated(["patient_id", "week", "test"]).any()
    for test in cohort.labs.test.unique():
        name = plain_test_name(test)
        assert name != test or name in {"AST", "ALT", "GGT", "LDH", "CRP", "NSE"}
    for column in AFTER_BASELINE:
        assert "_" not in plain_column_name(column)


def test_tests_are_missing_as_planned_and_samples_end_at_progression(large):
    found = baseline_labs(large).isna().mean()
    for test, lab in TESTS.items():
        assert abs(found[test] - lab.missing) < 0.035, test
    assert found["CRP"] > 0.15
    assert found[EGFR] == found["CREA"]
    pfs = large.outcomes.set_index("patient_id").time_weeks
    assert (large.labs.week < pfs[large.labs.patient_id].to_numpy()).all()
    assert 100 < large.labs[large.labs.week > 20].patient_id.nunique() < len(large.patients)


def test_egfr_is_the_published_formula():
    # CKD-EPI 2021: a man of 50 with 1.0 mg/dl has 92, a woman of 70 with 1.2 mg/dl 49 (rounded).
    values = np.array([88.42]), np.array([1.2 * 88.42])
    assert egfr(values[0], age_years=50, male=True) == [92.0]
    assert egfr(values[1], age_years=70, male=False) == [49.0]


def test_tests_go_together_as_in_patients(large):
    logs = np.log(baseline_labs(large)).corr()
    assert logs.loc["AST", "ALT"] > 0.5
    assert logs.loc["CREA", EGFR] < -0.6
    assert logs.loc["CRP", "ALB"] < -0.3
    assert logs.loc["GGT", "AP"] > 0.15
    assert logs.loc["CGA", "GGT"] > 0.4


def test_the_planted_tests_are_higher_in_short_survival_and_no_other(large):
    labs = baseline_labs(large)
    for test in labs:
        found = auroc(large, labs[test].to_numpy())
        if test in PLANTED_LABS:
            assert 0.60 < found < 0.70, test
        else:  # the standard error is about 0.017
            assert abs(found - 0.5) < 0.06, test


def test_no_part_alone_tells_what_all_three_tell(large):
    parts = {name: auroc(large, latent(large, name)) for name in ("lab", "pet", "ct")}
    for name, found in parts.items():
        assert 0.60 < found < 0.73, name
    everything = auroc(large, sum(LOG_HAZARD_PER_SD[name] * latent(large, name) for name in parts))
    assert 0.75 < everything < 0.84
    assert everything > max(parts.values()) + 0.07
    correlation = np.corrcoef([latent(large, name) for name in parts])
    assert np.abs(correlation[np.triu_indices(3, 1)]).max() < 0.1


def test_what_can_be_measured_of_the_laboratory_part_is_less_than_the_part(large):
    labs = np.log(baseline_labs(large)[list(PLANTED_LABS)])
    score = ((labs - labs.mean()) / labs.std()).sum(axis=1, skipna=False).to_numpy()
    assert 0.60 < auroc(large, score) < auroc(large, latent(large, "lab"))


@pytest.mark.slow
def test_chromogranin_and_ggt_differ_at_116_as_in_the_paper():
    p = []
    for seed in range(100, 112):
        cohort = simulate_tables(seed=seed)
        labs, is_short = baseline_labs(cohort), short(cohort)
        p.append([mannwhitneyu(labs[t][is_short].dropna(), labs[t][~is_short].dropna()).pvalue for t in PLANTED_LABS])
    assert (np.median(p, axis=0) < 0.05).all()


def test_lesions_are_those_of_recist(cohort):
    lesions = cohort.lesions
    assert set(lesions.patient_id) == set(cohort.patients.patient_id)
    assert set(lesions.organ) == {"liver", "lymph node", "bone", "pancreas"}
    targets = lesions[lesions.target]
    assert targets.groupby("patient_id").size().max() <= 5
    assert targets.groupby(["patient_id", "organ"]).size().max() <= 2
    assert targets[targets.organ == "lymph node"].diameter_mm.min() >= 15
    assert targets.diameter_mm.min() >= 10
    assert "bone" not in set(targets.organ)
    assert (lesions.organ == "liver").mean() > 0.5
    assert lesions.week.between(-6, -0.5).all()


def test_refuses_a_cohort_too_small_or_a_negative_seed():
    with pytest.raises(BadUsageError, match="patients is 11"):
        simulate_tables(patients=11)
    with pytest.raises(BadUsageError, match="seed is -1"):
        simulate_tables(patients=20, seed=-1)
