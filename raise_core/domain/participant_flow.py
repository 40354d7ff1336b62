"""The flow of participants as a result: who is counted at each step and visit, who leaves and why."""

from __future__ import annotations

from dataclasses import dataclass

NO_SCAN = "no annotated scan in the window"


@dataclass(frozen=True)
class Leaving:
    """Patients who are not counted further.

    Attributes:
        reason: in plain words.
        counts: patients by arm, in the order of the flow's arms.
    """

    reason: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """Patients of all arms."""
        return sum(self.counts)


@dataclass(frozen=True)
class FlowStep:
    """One box of the flow.

    Attributes:
        title: who is in it, without the number.
        counts: patients by arm.
        left: those of the step before who are not in it.
    """

    title: str
    counts: tuple[int, ...]
    left: tuple[Leaving, ...] = ()

    @property
    def total(self) -> int:
        """Patients of all arms."""
        return sum(self.counts)


@dataclass(frozen=True)
class VisitCount:
    """State of the patients at one visit week, counted from the last step anew at each week (cumulative).

    Attributes:
        week: nominal week.
        landmark_weeks: week + tolerance; who is at risk then counts.
        at_risk: by arm; None in a study without outcomes, where nobody can be called at risk.
        events: event at or before the landmark, by arm.
        censored: censored at or before it.
        unknown: no outcome recorded.
        imaged: at risk with an annotated scan of every phase in the week's window; None in a study without.
        not_imaged: those at risk who are not imaged, by reason.
        imaged_outside: at risk and imaged, but not in the flow's last step; the models use them.
    """

    week: float
    landmark_weeks: float
    at_risk: tuple[int, ...] | None
    events: tuple[int, ...]
    censored: tuple[int, ...]
    unknown: tuple[int, ...]
    imaged: tuple[int, ...] | None
    not_imaged: tuple[Leaving, ...]
    imaged_outside: int = 0


@dataclass(frozen=True)
class ParticipantFlow:
    """From everybody to those at risk and imaged at each week.

    Attributes:
        arms: groups every count is divided into.
        endpoint: outcome that says who is at risk, None without outcomes.
        phases: contrast phases a patient needs to be imaged; empty where any phase counts.
        steps: everybody first; each step holds part of the one before.
        visits: counts at each week of the patients of the last step.
        window_weeks: how old a scan may be.
        tolerance_weeks: how late a visit may be.
        notes: what the study does not hold and the flow therefore cannot show.
    """

    arms: tuple[str, ...]
    endpoint: str | None
    phases: tuple[str, ...]
    steps: tuple[FlowStep, ...]
    visits: tuple[VisitCount, ...]
    window_weeks: float
    tolerance_weeks: float
    notes: tuple[str, ...]
