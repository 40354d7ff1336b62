"""The flow of participants: counts by hand, everybody accounted for, and the counts the models use."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raise_core.domain.participant_flow import NO_SCAN
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.flow import has_annotation, participant_flow, visit_counts
from raise_core.evaluation.landmark import build_landmark_set
from raise_core.evaluation.marker_values import MarkerSource
from tests.evaluation.small_cohort import make_cohort, two_arms

WEEKS = (12.0, 24.0)


def both_phases(patient: str, week: float):
    return [(f"{patient}-{week}-{phase}", patient, week, phase) for phase in ("portal", "arterial")]


def hand_made() -> MarkerSource:
    """p000 has everything; each of the others lacks one thing."""
    scans = [scan for patient in ("p000", "p003", "p004", "p005", "p006") for scan in both_phases(patient, 0)]
    scans += [scan for patient in ("p000", "p003", "p004", "p006") for scan in both_phases(patient, 12)]
    scans += both_phases("p001", 0)  # one visit only
    scans += [scan for week in (0, 12) for scan in both_phases("p002", week)]  # no liver lesion
    scans += [("p005-24-portal", "p005", 24.0, "portal")]  # portal only at week 24
    lesions = [(f"p00{i}", 0.0, "T1", 20.0, "lung" if i == 2 else "Liver") for i in range(7)]
    masks = [scan for scan, patient, *_ in scans if patient in {"p000", "p004", "p005", "p006"}]
    outcomes = [("p000", 60, True), ("p001", 60, True), ("p002", 60, True), ("p003", 60, True), ("p004", 13, True),
                ("p005", 60, False), ("p006", 10, False)]  # fmt: skip
    return MarkerSource(make_cohort(two_arms(8), outcomes=outcomes, lesions=lesions, scans=scans, masks=masks))


def test_counts_of_a_cohort_made_by_hand():
    flow = participant_flow(hand_made(), WEEKS, endpoint="PFS")
    assert flow.arms == ("Drug", "Placebo")
    assert flow.phases == ("portal", "arterial")
    assert [(step.title, step.total) for step in flow.steps] == [
        ("randomised", 8),
        ("with liver target lesions and CT at two or more visits", 5),
        ("with readable annotations", 4),
    ]
    assert {part.reason: part.counts for part in flow.steps[1].left} == {
        "no target lesion in the liver": (1, 1),  # p002, p007
        "CT at one visit only": (0, 1),  # p001
    }
    assert {part.reason: part.counts for part in flow.steps[2].left} == {"no readable annotation": (0, 1)}  # p003
    week12, week24 = flow.visits
    assert (week12.at_risk, week12.events, week12.censored) == ((1, 1), (1, 0), (1, 0))
    assert week12.imaged == (1, 0)
    assert {part.reason: part.counts for part in week12.not_imaged} == {NO_SCAN: (0, 1)}  # p005 was not scanned
    assert {part.reason: part.total for part in week24.not_imaged} == {NO_SCAN: 1, "no annotated arterial scan": 1}
    assert flow.notes == ()


def test_an_event_on_the_landmark_is_over_and_a_day_later_at_risk():
    patients = two_arms(2)
    source = MarkerSource(make_cohort(patients, outcomes=[("p000", 13, True), ("p001", 13.01, True)]))
    (visit,) = participant_flow(source, (12,), endpoint="PFS").visits
    assert (visit.at_risk, visit.events) == ((0, 1), (1, 0))


def test_a_study_without_scans_lesions_arms_or_outcome_says_what_is_not_there():
    source = MarkerSource(make_cohort(two_arms(5)[["patient_id"]]))
    flow = participant_flow(source, (0,), endpoint=None)
    assert [(step.title, step.total) for step in flow.steps] == [("in the study", 5)]
    assert flow.visits[0].at_risk is None
    assert flow.visits[0].imaged is None
    assert len(flow.notes) == 3
    assert "no CT scans" in " ".join(flow.notes)


def test_lesions_without_a_known_organ_count_wherever_they_are():
    lesions = [(f"p00{i}", 0.0, "SUM", 100.0, None) for i in range(3)]
    flow = participant_flow(MarkerSource(make_cohort(two_arms(4), lesions=lesions)), WEEKS, endpoint=None)
    assert flow.steps[1].title == "with target lesions"
    assert flow.steps[1].total == 3
    assert "organ" in " ".join(flow.notes)


def test_patients_without_an_arm_are_counted_as_such():
    patients = two_arms(4)
    patients.loc[0, "arm"] = None
    flow = participant_flow(MarkerSource(make_cohort(patients)), (12,), endpoint=None)
    assert flow.arms == ("Drug", "Placebo", "Arm not recorded")
    assert flow.steps[0].counts == (1, 2, 1)


def test_scans_seen_once_ask_for_one_visit():
    source = MarkerSource(
        make_cohort(two_arms(3), scans=both_phases("p000", 0), masks=["p000-0-portal"], outcomes=[("p000", 9, True)])
    )
    flow = participant_flow(source, (0,), endpoint="PFS")
    assert flow.steps[1].title == "with CT"
    assert flow.phases == ("portal",), "a phase nobody is annotated in is not asked for"
    assert flow.visits[0].imaged == (1, 0)


def test_imaged_patients_outside_the_flow_are_said():
    scans = [*both_phases("p000", 0), *both_phases("p000", 12), *both_phases("p001", 12)]
    source = MarkerSource(
        make_cohort(two_arms(2), scans=scans, masks=[s[0] for s in scans],
                    outcomes=[("p000", 50, True), ("p001", 50, True)])
    )  # fmt: skip
    flow = participant_flow(source, (12,), endpoint="PFS")
    assert flow.visits[0].imaged == (1, 0)
    assert flow.visits[0].imaged_outside == 1
    assert "1 patients with annotated scans" in flow.notes[-1]


def test_table_counts_everybody_or_the_annotated():
    source = hand_made()
    everybody = visit_counts(source, WEEKS, endpoint="PFS", annotated_only=False)
    annotated = visit_counts(source, WEEKS, endpoint="PFS", annotated_only=True)
    assert everybody.steps[0].total == 8
    assert annotated.steps[0].total == int(has_annotation(source).sum()) == 4
    assert sum(everybody.visits[0].unknown) == 1
    assert everybody.visits[0].imaged == annotated.visits[0].imaged


PATIENT = st.tuples(
    st.sampled_from(["Drug", "Placebo", None]),
    st.sampled_from([None, "liver", "lung"]),  # organ of the lesion, None: no lesion
    st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 5.0, 12.0, 13.0, 20.0, 24.5]),
                       st.sampled_from(["portal", "arterial", "delayed", None]), st.booleans()), max_size=5),
    st.none() | st.tuples(st.floats(0, 40), st.booleans()),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(PATIENT, min_size=1, max_size=12))
def test_everybody_is_accounted_for_at_every_step(drawn):
    patients = two_arms(len(drawn))
    patients["arm"] = [arm for arm, *_ in drawn]
    lesions, scans, masks, outcomes = [], [], [], []
    for i, (_, organ, seen, outcome) in enumerate(drawn):
        who = f"p{i:03d}"
        if organ:
            lesions.append((who, 0.0, "T1", 20.0, organ))
        for number, (week, phase, annotated) in enumerate(seen):
            scans.append((f"{who}-{number}", who, week, phase))
            if annotated:
                masks.append(f"{who}-{number}")
        if outcome:
            outcomes.append((who, *outcome))
    source = MarkerSource(make_cohort(patients, outcomes=outcomes, lesions=lesions, scans=scans, masks=masks))
    endpoint = "PFS" if outcomes else None
    flow = participant_flow(source, WEEKS, endpoint=endpoint)
    assert flow.steps[0].total == len(drawn)
    for before, after in zip(flow.steps, flow.steps[1:], strict=False):
        for arm in range(len(flow.arms)):
            assert before.counts[arm] == after.counts[arm] + sum(part.counts[arm] for part in after.left)
    for visit in flow.visits:
        for arm in range(len(flow.arms)):
            over = visit.events[arm] + visit.censored[arm] + visit.unknown[arm]
            at_risk = flow.steps[-1].counts[arm] - over
            if visit.at_risk is not None:
                assert visit.at_risk[arm] == at_risk
            if visit.imaged is not None:
                assert visit.imaged[arm] + sum(part.counts[arm] for part in visit.not_imaged) == at_risk
    if endpoint:
        whole = visit_counts(source, WEEKS, endpoint=endpoint, annotated_only=False)
        for visit in whole.visits:
            assert sum(visit.at_risk) == build_landmark_set(source, (), LandmarkWeek(visit.week)).n


@pytest.mark.slow
def test_counts_are_those_of_the_models(small_home):
    from raise_core.store.home import Home
    from raise_core.studies.opening import open_study
    from raise_core.studies.raise_images import lesion_pictures
    from raise_core.studies.runs import list_runs

    home = Home.at(small_home)
    source = open_study(home, "demo-raise")
    (run,) = list_runs(home, source.cohort.study.snapshot_id)
    flow = participant_flow(source, run.weeks, endpoint="PFS")
    whole = visit_counts(source, run.weeks, endpoint="PFS", annotated_only=False)
    for visit, every in zip(flow.visits, whole.visits, strict=True):
        assert sum(every.at_risk) == run.at_risk_by_week[visit.week]
        assert sum(visit.imaged) + visit.imaged_outside == run.patients_by_week[visit.week]
        rule = LandmarkWeek(visit.week)
        at_risk = build_landmark_set(source, (), rule).patient_ids
        seen = [
            {p.patient_id for p in lesion_pictures(source.cohort, rule, f"lesion-{phase}", at_risk)}
            for phase in ("portal", "arterial")
        ]
        assert sum(every.imaged) == len(seen[0] & seen[1])
