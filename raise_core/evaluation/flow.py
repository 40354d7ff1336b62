"""The flow of participants (the paper's Figure 1) and how many are left at each visit (its Table 1).

Everybody who leaves at a step is counted with one reason, the first that applies, so that every step adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from raise_core.domain.annotation import CT, annotated_lesions
from raise_core.domain.participant_flow import NO_SCAN, FlowStep, Leaving, ParticipantFlow, VisitCount
from raise_core.domain.visit import first_day_of_visit
from raise_core.domain.week import DEFAULT_TOLERANCE_WEEKS, DEFAULT_WINDOW_WEEKS, LandmarkWeek
from raise_core.evaluation.arms import Arms, arms_of
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.risk_status import RiskStatus, risk_status

MODELLED_PHASES = ("portal", "arterial")
"""Contrast phases the networks are compared on; a patient counts as imaged with an annotated scan of each."""
LEAST_VISITS = 2
LIVER = "liver"


def participant_flow(
    source: MarkerSource,
    weeks: Sequence[float],
    *,
    endpoint: str | None,
    window_weeks: float = DEFAULT_WINDOW_WEEKS,
    tolerance_weeks: float = DEFAULT_TOLERANCE_WEEKS,
) -> ParticipantFlow:
    """Count a cohort from everybody to those at risk and imaged at each of `weeks`.

    Steps follow Figure 1 of Pavel et al. 2023: liver target lesions and CT at two or more visits; readable
    annotations. A step the study has no data for is left out and named in `notes`. Who is imaged is decided as for the
    networks: an annotated CT scan of each modelled phase the cohort has, dated in the week's window.

    Args:
        source: the cohort.
        weeks: nominal visit weeks.
        endpoint: outcome that says who is at risk; None without outcomes.
        window_weeks: how old a scan may be.
        tolerance_weeks: how late a visit may be.

    Raises:
        NotInStoreError: no such endpoint.
    """
    arms = arms_of(source)
    annotated = _annotated(source)
    phases = imaging_phases(annotated)
    members = pd.Series(data=True, index=source.patient_ids)
    title = "randomised" if len(arms.compared) > 1 else "in the study"
    steps = [FlowStep(title, arms.count(members))]
    notes: list[str] = []
    for step_title, criteria in _criteria(source, annotated, notes):
        left, remaining = [], members
        for reason, met in criteria:
            left.append(Leaving(reason, arms.count(remaining & ~met)))
            remaining = remaining & met
        members = remaining
        steps.append(FlowStep(step_title, arms.count(members), tuple(part for part in left if part.total)))
    if endpoint is None:
        notes.append("No outcome is recorded, so nobody can be called at risk, censored or past an event.")
    rules = [LandmarkWeek(week, window_weeks, tolerance_weeks) for week in weeks]
    counted = _Counted(arms, members, annotated, phases)
    visits = tuple(_visit(source, counted, rule, endpoint) for rule in rules)
    outside = max((visit.imaged_outside for visit in visits), default=0)
    if outside:
        notes.append(
            f"At a visit up to {outside} patients with annotated scans are not among those {steps[-1].title}; models "
            "on images use them, this flow does not count them."
        )
    return ParticipantFlow(
        arms.names, endpoint, phases, tuple(steps), visits, window_weeks, tolerance_weeks, tuple(notes)
    )


def visit_counts(
    source: MarkerSource,
    weeks: Sequence[float],
    *,
    endpoint: str | None,
    annotated_only: bool,
    window_weeks: float = DEFAULT_WINDOW_WEEKS,
    tolerance_weeks: float = DEFAULT_TOLERANCE_WEEKS,
) -> ParticipantFlow:
    """The counts of Table 1 for everybody, or as in the paper for those with readable annotations alone.

    Returns:
        A flow whose one step is the patients counted.

    Raises:
        NotInStoreError: no such endpoint.
    """
    arms = arms_of(source)
    annotated = _annotated(source)
    phases = imaging_phases(annotated)
    members = pd.Series(data=True, index=source.patient_ids)
    if annotated_only:
        members &= has_annotation(source)
    step = FlowStep("with readable annotations" if annotated_only else "in the cohort", arms.count(members))
    rules = [LandmarkWeek(week, window_weeks, tolerance_weeks) for week in weeks]
    counted = _Counted(arms, members, annotated, phases)
    visits = tuple(_visit(source, counted, rule, endpoint) for rule in rules)
    return ParticipantFlow(arms.names, endpoint, phases, (step,), visits, window_weeks, tolerance_weeks, ())


def imaging_phases(annotated: pd.DataFrame) -> tuple[str, ...]:
    """Modelled phases with any annotated scan; empty when there are none, and then any phase counts."""
    there = set(annotated["phase"].dropna())
    return tuple(phase for phase in MODELLED_PHASES if phase in there)


def has_annotation(source: MarkerSource) -> pd.Series[bool]:
    """Who has a lesion annotated on any CT scan; index `patient_id`."""
    return _among(source, _annotated(source)["patient_id"])


def _annotated(source: MarkerSource) -> pd.DataFrame:
    """`patient_id`, `week` and `phase` of the annotated CT scans."""
    lesions = annotated_lesions(source.cohort)
    return lesions[["patient_id", "week", "phase"]].drop_duplicates()


def _criteria(
    source: MarkerSource, annotated: pd.DataFrame, notes: list[str]
) -> list[tuple[str, list[tuple[str, pd.Series[bool]]]]]:
    """Title of each step and what it asks for, as (reason of those who do not meet it, who meets it)."""
    wanted: list[str] = []
    asked: list[tuple[str, pd.Series[bool]]] = []
    lesions = source.cohort.lesions
    targets = lesions[lesions["target"].astype(bool)]
    if targets.empty:
        notes.append("No target lesion is recorded, so the step “target lesions” is left out.")
    else:
        in_liver = targets[targets["organ"].astype("string").str.lower().str.contains(LIVER, na=False)]
        place = "" if in_liver.empty else " in the liver"
        if in_liver.empty:
            notes.append("No target lesion is recorded as lying in the liver, so lesions of every organ count.")
        wanted.append("with target lesions" if in_liver.empty else "with liver target lesions")
        asked.append((f"no target lesion{place}", _among(source, (targets if in_liver.empty else in_liver).patient_id)))
    scanned = _ct_visits(source)
    if scanned.empty:
        notes.append("The study holds no CT scans, so scans, annotations and imaged patients are not shown.")
    elif scanned.max() < LEAST_VISITS:
        notes.append("Nobody has CT at more than one visit, so one is enough here.")
        wanted.append("CT")
        asked.append(("no CT scan", _among(source, scanned.index.to_series())))
    else:
        wanted.append("CT at two or more visits")
        often = scanned[scanned >= LEAST_VISITS]
        asked.append(("no CT scan", _among(source, scanned.index.to_series())))
        asked.append(("CT at one visit only", _among(source, often.index.to_series())))
    steps = [(_sentence(wanted), asked)] if asked else []
    if not scanned.empty and annotated.empty:
        notes.append("No lesion is annotated on a CT scan, so nobody counts as imaged.")
    elif not scanned.empty:
        readable = _among(source, annotated["patient_id"])
        steps.append(("with readable annotations", [("no readable annotation", readable)]))
    return steps


def _sentence(wanted: list[str]) -> str:
    """What a step asks for, beginning with `with`."""
    text = " and ".join(wanted)
    return text if text.startswith("with") else f"with {text}"


def _ct_visits(source: MarkerSource) -> pd.Series[int]:
    """Number of visits with CT of each patient who has any; phases of one visit count once."""
    scans = source.cohort.scans
    ct = scans.loc[scans["modality"] == CT, ["patient_id", "week", "phase"]].fillna({"phase": ""})
    if ct.empty:
        return pd.Series(dtype="int64")
    visits = ct.assign(visit=first_day_of_visit(ct, item="phase"))
    counted: pd.Series[int] = visits.groupby("patient_id")["visit"].nunique()
    return counted


def _among(source: MarkerSource, patients: pd.Series[str]) -> pd.Series[bool]:
    return pd.Series(source.patient_ids.isin(frozenset(patients)), index=source.patient_ids)


@dataclass(frozen=True, eq=False)
class _Counted:
    """Who is counted at each visit, and what counts as imaged."""

    arms: Arms
    members: pd.Series[bool]
    annotated: pd.DataFrame
    phases: tuple[str, ...]


def _visit(source: MarkerSource, counted: _Counted, week: LandmarkWeek, endpoint: str | None) -> VisitCount:
    arms, members, annotated = counted.arms, counted.members, counted.annotated
    nobody = tuple(0 for _ in arms.names)
    if endpoint is None:
        at_risk = pd.Series(data=True, index=source.patient_ids)
        over = dict.fromkeys(RiskStatus, nobody)
    else:
        status = risk_status(source, week, endpoint=endpoint)
        at_risk = status == RiskStatus.AT_RISK.value
        over = {kind: arms.count(members & (status == kind.value)) for kind in RiskStatus}
    imaged: tuple[int, ...] | None = None
    reasons: tuple[Leaving, ...] = ()
    outside = 0
    if not annotated.empty:
        why = _why_not_imaged(source, annotated, counted.phases, week)
        whole = at_risk & (why == "")
        imaged = arms.count(members & whole)
        outside = int((whole & ~members).sum())
        left = members & at_risk & (why != "")
        reasons = tuple(
            Leaving(reason, arms.count(left & (why == reason))) for reason in dict.fromkeys(sorted(why[left]))
        )
    return VisitCount(
        week=float(week.week),
        landmark_weeks=week.landmark_weeks,
        at_risk=None if endpoint is None else arms.count(members & at_risk),
        events=over[RiskStatus.EVENT],
        censored=over[RiskStatus.CENSORED],
        unknown=over[RiskStatus.UNKNOWN],
        imaged=imaged,
        not_imaged=reasons,
        imaged_outside=outside,
    )


def _why_not_imaged(
    source: MarkerSource, annotated: pd.DataFrame, phases: tuple[str, ...], week: LandmarkWeek
) -> pd.Series[str]:
    """Why each patient has no picture at a week; empty for those who have one of every phase."""
    dated = annotated["week"].to_numpy(dtype=float)
    inside = annotated[(dated > week.week - week.window_weeks) & (dated <= week.landmark_weeks)]
    reason = pd.Series("", index=source.patient_ids, dtype=object)
    for phase in phases:
        reason[~_among(source, inside.loc[inside["phase"] == phase, "patient_id"])] = f"no annotated {phase} scan"
    seen = inside[inside["phase"].isin(phases)] if phases else inside
    reason[~_among(source, seen["patient_id"])] = NO_SCAN
    return reason
