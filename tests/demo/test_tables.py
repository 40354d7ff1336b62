"""The simulated trial's tables: their shape, their agreement with RECIST, and how whole trials behave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter

from raise_core.demo.course import BASELINE
from raise_core.demo.tables import Archive, SimulatedTrial, simulate_trial
from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.domain.recist import RecistVersion, read_recist

WEEKS = (12, 24, 36, 48, 72)
TRIALS = 24


@pytest.fixture(scope="module")
def trial() -> SimulatedTrial:
    return simulate_trial(seed=11)


def outcome(trial: SimulatedTrial, endpoint: str) -> pd.DataFrame:
    return trial.outcomes[trial.outcomes.endpoint == endpoint].set_index("patient_id")


def ids_of(trial: SimulatedTrial, *kinds: Archive) -> list[str]:
    return [
        course.patient.patient_id for course, kind in zip(trial.courses, trial.archive, strict=True) if kind in kinds
    ]


def test_full_size_has_the_papers_flow(trial):
    arm = trial.patients.set_index("patient_id").arm
    assert arm.value_counts().to_dict() == {"Placebo": 103, "Lanreotide": 101}
    assert arm[ids_of(trial, Archive.ANALYSED, Archive.UNREADABLE)].value_counts().to_dict() == {
        "Placebo": 75,
        "Lanreotide": 75,
    }
    assert arm[ids_of(trial, Archive.ANALYSED)].value_counts().to_dict() == {"Placebo": 69, "Lanreotide": 69}
    with_liver = set(trial.lesions[trial.lesions.organ == "liver"].patient_id)
    assert with_liver == set(ids_of(trial, Archive.ANALYSED, Archive.UNREADABLE, Archive.TOO_FEW_CT))


def test_flow_can_be_read_back_from_the_planned_scans(trial):
    visits = pd.DataFrame(
        [(s.patient_index, s.visit, s.annotated) for s in trial.scans], columns=["i", "visit", "seen"]
    )
    per_patient = visits.groupby("i").agg(visits=("visit", "nunique"), annotated=("seen", "all"))
    assert (per_patient.visits >= 2).sum() == 150
    assert ((per_patient.visits >= 2) & per_patient.annotated).sum() == 138
    assert not per_patient[per_patient.visits < 2].annotated.any()


def test_same_seed_same_trial_another_seed_another(trial):
    again, other = simulate_trial(seed=11), simulate_trial(seed=12)
    for name in ("patients", "outcomes", "labs", "lesions"):
        pd.testing.assert_frame_equal(getattr(trial, name), getattr(again, name))
        assert not getattr(trial, name).equals(getattr(other, name))
    assert trial.scans == again.scans


def test_columns_are_canonical(trial):
    assert list(trial.patients)[:9] == [
        "patient_id", "arm", "sex", "age_years", "origin", "grade", "ki67_percent", "prior_treatment",
        "progressed_at_baseline",
    ]  # fmt: skip
    assert list(trial.outcomes) == ["patient_id", "endpoint", "time_weeks", "event"]
    assert list(trial.labs) == ["patient_id", "week", "test", "value", "unit", "lower_limit", "upper_limit"]
    assert list(trial.lesions) == ["patient_id", "week", "lesion_id", "diameter_mm", "organ", "target", "status"]


def test_keys_are_unique_and_values_possible(trial):
    assert trial.patients.patient_id.is_unique
    assert not trial.outcomes.duplicated(["patient_id", "endpoint"]).any()
    assert not trial.labs.duplicated(["patient_id", "week", "test"]).any()
    assert not trial.lesions.duplicated(["patient_id", "week", "lesion_id"]).any()
    assert trial.lesions.diameter_mm.between(3, 150).all()
    assert (trial.labs.value > 0).all()
    assert (trial.labs.groupby("test").unit.nunique() == 1).all()
    for endpoint in trial.outcomes.endpoint.unique():
        table = outcome(trial, endpoint)
        assert len(Outcome.of(time_weeks=table.time_weeks, event=table.event)) == 204


def test_targets_keep_to_recist_limits_and_are_measured_at_each_visit(trial):
    targets = trial.lesions[trial.lesions.target]
    first = targets.drop_duplicates(["patient_id", "lesion_id"])
    assert first.groupby("patient_id").size().between(1, RecistVersion.V1_0.max_targets).all()
    assert (first.groupby(["patient_id", "organ"]).size() <= RecistVersion.V1_0.max_targets_per_organ).all()
    per_visit = targets.groupby(["patient_id", "week"]).size().groupby("patient_id")
    assert (per_visit.nunique() == 1).all()


def test_screening_and_baseline_lie_where_they_should(trial):
    weeks = trial.lesions.groupby("patient_id").week.unique()
    for dates in weeks:
        assert dates[0] < -10
        assert -2 < dates[1] <= 0
        assert (np.diff(dates) > 8).all()


def recist_from_tables(lesions: pd.DataFrame, patient_id: str) -> float | None:
    """Week of progression as anybody would read it from the lesion table alone."""
    own = lesions[lesions.patient_id == patient_id]
    known = set(own.lesion_id[own.week <= 0])
    sums = own[own.target].groupby("week").diameter_mm.sum()
    appeared = {week for week, rows in own.groupby("week") if week > 0 and not set(rows.lesion_id) <= known}
    baseline = max(week for week in sums.index if week <= 0)
    later = sums[sums.index > 0]
    reading = read_recist(
        baseline_mm=sums[baseline], sld_mm=later.to_numpy(), new_lesion=[week in appeared for week in later.index]
    )
    return None if reading.first_progression is None else float(later.index[reading.first_progression])


def test_outcomes_are_recist_read_from_the_lesion_table(trial):
    pfs, progression, death = (outcome(trial, name) for name in ("PFS", "PROGRESSION", "DEATH"))
    last = trial.lesions.groupby("patient_id").week.max()
    seen = 0
    for patient_id in trial.patients.patient_id:
        week = recist_from_tables(trial.lesions, patient_id)
        assert bool(progression.event[patient_id]) == (week is not None)
        if week is not None:
            seen += 1
            assert pfs.time_weeks[patient_id] == week == last[patient_id]  # nothing after progression
        elif not pfs.event[patient_id]:
            assert pfs.time_weeks[patient_id] == max(last[patient_id], 0.0)  # censored at the last visit
        else:
            assert death.event[patient_id]
            assert pfs.time_weeks[patient_id] >= last[patient_id]
    assert seen > 60


def test_survival_is_consistent_with_progression_free_survival(trial):
    pfs, os = outcome(trial, "PFS"), outcome(trial, "OS")
    assert (os.time_weeks >= pfs.time_weeks - 1 / 7).all()
    died_first = outcome(trial, "DEATH").event == 1
    assert os.event[died_first].eq(1).all()
    assert (os.time_weeks[died_first] == pfs.time_weeks[died_first]).all()
    assert (pfs.event == outcome(trial, "PROGRESSION").event + outcome(trial, "DEATH").event).all()


@pytest.mark.parametrize("patients", [4, 12, 13, 60])
def test_smaller_trials_keep_their_proportions(patients):
    small = simulate_trial(patients=patients, seed=3)
    assert len(small.patients) == patients
    assert abs((small.patients.arm == "Placebo").sum() - patients / 2) <= 1
    assert abs(len(ids_of(small, Archive.ANALYSED)) - patients * 138 / 204) <= 2


def test_refuses_a_trial_too_small_or_a_negative_seed():
    with pytest.raises(BadUsageError, match="patients is 3"):
        simulate_trial(patients=3)
    with pytest.raises(BadUsageError, match="seed is -1"):
        simulate_trial(patients=10, seed=-1)


@dataclass
class Landmark:
    used: int
    events: int
    concordance: float


def landmarks(trial: SimulatedTrial) -> dict[int, Landmark]:
    """The two-variable model, in sample, among those strictly at risk with both phases annotated."""
    phases: dict[tuple[int, int], int] = {}
    for scan in trial.scans:
        if scan.annotated:
            phases[scan.patient_index, scan.visit] = phases.get((scan.patient_index, scan.visit), 0) + 1
    cga = trial.labs[trial.labs.test == "CGA"].set_index(["patient_id", "week"]).value.to_dict()
    found = {}
    for visit, week in enumerate(WEEKS, start=BASELINE + 1):
        rows = []
        for course, kind in zip(trial.courses, trial.archive, strict=True):
            if kind is not Archive.ANALYSED or course.pfs_weeks <= week + 1:
                continue
            if phases.get((course.patient.index, visit)) != 2:
                continue
            sld = sum(lesion.measured_mm for lesion in course.targets)
            now, then = (cga.get((course.patient.patient_id, course.weeks[at]), np.nan) for at in (visit, BASELINE))
            rows.append(
                (
                    sld[visit] / sld[BASELINE],
                    np.log(now / then),
                    course.pfs_weeks,
                    course.progressed or course.died_first,
                )
            )
        table = pd.DataFrame(rows, columns=["sldr", "dlog", "time", "event"])
        complete = table.dropna()
        fit = CoxPHFitter(penalizer=1e-4).fit(complete, "time", "event")
        found[week] = Landmark(len(table), int(complete.event.sum()), fit.concordance_index_)
    return found


@pytest.fixture(scope="module")
def trials() -> list[SimulatedTrial]:
    return [simulate_trial(seed=1000 + number) for number in range(TRIALS)]


@pytest.mark.slow
def test_treatment_works_as_in_the_paper_on_average(trials):
    ratios, late = [], {"Placebo": [], "Lanreotide": []}
    for trial in trials:
        data = outcome(trial, "PFS")[["time_weeks", "event"]].join(trial.patients.set_index("patient_id").arm)
        data["treated"] = (data.arm == "Lanreotide").astype(int)
        fit = CoxPHFitter().fit(data[["time_weeks", "event", "treated"]], "time_weeks", "event")
        ratios.append(float(np.exp(fit.params_["treated"])))
        for arm, values in late.items():
            own = data[data.arm == arm]
            values.append(float(KaplanMeierFitter().fit(own.time_weeks, own.event).predict(94.0)))
    assert 0.38 < np.mean(ratios) < 0.52
    assert 0.05 < np.std(ratios) < 0.15
    assert 0.58 < np.mean(late["Lanreotide"]) < 0.72
    assert 0.30 < np.mean(late["Placebo"]) < 0.44


@pytest.mark.slow
def test_landmark_sets_and_the_two_variable_model_come_near_the_paper(trials):
    found = [landmarks(trial) for trial in trials]
    used = {week: np.mean([one[week].used for one in found]) for week in WEEKS}
    for week, published in zip(WEEKS, (116, 105, 90, 78, 54), strict=True):
        assert abs(used[week] - published) < 7, used
    concordance = {week: np.mean([one[week].concordance for one in found]) for week in WEEKS}
    assert 0.74 < concordance[12] < 0.82, concordance
    for week in (24, 36, 48):
        assert 0.81 < concordance[week] < 0.90, concordance
    assert concordance[48] > concordance[12] + 0.03


@pytest.mark.slow
def test_characteristics_lie_near_table_2(trials):
    analysed = pd.concat([t.patients[t.patients.patient_id.isin(ids_of(t, Archive.ANALYSED))] for t in trials])
    known = analysed.dropna(subset=["grade"])
    assert abs((analysed.sex == "male").mean() - 0.49) < 0.03
    assert abs((known.grade == "G2").mean() - 0.29) < 0.04
    assert abs((analysed.origin == "Pancreas").mean() - 0.41) < 0.03
    assert abs(analysed.prior_treatment.mean() - 0.13) < 0.03
    assert 0.01 < analysed.progressed_at_baseline.mean() < 0.08
    assert 0.005 < analysed.ki67_percent.isna().mean() < 0.03
    assert ((known.ki67_percent <= 2) == (known.grade == "G1")).all()


@pytest.mark.slow
def test_growth_is_causal(trials):
    """Aggressiveness speeds growth, treatment slows it, nothing differs between arms before randomisation."""
    rows = []
    for trial in trials[:20]:
        for course in trial.courses:
            sld = np.log(course.true_sld_mm)
            before = sld[BASELINE] - sld[0]
            after = sld[BASELINE + 2] - sld[BASELINE]
            rows.append((course.patient.treated, course.patient.aggressiveness, before, after))
    table = pd.DataFrame(rows, columns=["treated", "aggressiveness", "before", "after"])
    treated, control = table[table.treated], table[~table.treated]
    assert np.corrcoef(control.aggressiveness, control.after)[0, 1] > 0.5
    assert abs(treated.before.mean() - control.before.mean()) < 0.005
    assert abs((control.after.mean() - treated.after.mean()) - 24 * 0.00222) < 0.006
