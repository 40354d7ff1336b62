"""Arms: their order, patients without one, the status of patients at a landmark."""

from __future__ import annotations

from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.arms import ARM_NOT_RECORDED, EVERYBODY, arms_of
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.overview import at_risk_counts
from raise_core.evaluation.risk_status import RiskStatus, risk_status
from tests.evaluation.small_cohort import make_cohort, two_arms


def test_the_reference_arm_comes_last_and_those_without_after_it():
    patients = two_arms(5).assign(arm=["Placebo", "Zeta", "Alpha", None, "Placebo"])
    arms = arms_of(MarkerSource(make_cohort(patients)))
    assert arms.names == ("Alpha", "Zeta", "Placebo", ARM_NOT_RECORDED)
    assert arms.compared == ("Alpha", "Zeta", "Placebo")
    assert arms.reference == "Placebo"
    assert arms.count(arms.of_patient.notna()) == (1, 1, 2, 1)


def test_a_study_without_arms_is_one_group():
    arms = arms_of(MarkerSource(make_cohort(two_arms(3)[["patient_id"]])))
    assert arms.names == (EVERYBODY,)
    assert arms.reference is None


def test_each_patient_has_one_status_and_the_counts_are_the_overview_s():
    outcomes = [("p000", 13, True), ("p001", 13, False), ("p002", 13.5, True)]
    source = MarkerSource(make_cohort(two_arms(4), outcomes=outcomes))
    status = risk_status(source, LandmarkWeek(12), endpoint="PFS")
    assert status.tolist() == [RiskStatus.EVENT, RiskStatus.CENSORED, RiskStatus.AT_RISK, RiskStatus.UNKNOWN]
    (everybody,) = [row for row in at_risk_counts(source, [12], endpoint="PFS") if row.arm == "All"]
    assert (everybody.at_risk, everybody.censored, everybody.events, everybody.unknown) == (1, 1, 1, 1)
