"""One patient's course as small panels over one time axis: visits, lesions, SLDr with RECIST, risk, blood tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.marker_name import plain_test_name
from raise_core.domain.patient_course import LabCourse, LesionCourse, PatientCourse
from raise_core.domain.recist import PARTIAL_RESPONSE_FRACTION, PROGRESSION_FRACTION, Response
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.arm_marks import ArmMark
from raise_core.figures.identity import GUIDE, LABS, LESION, Theme
from raise_core.figures.marker_axis import measured
from raise_core.figures.patient_panels import (
    LINE_PX,
    EndLabel,
    Stage,
    TimeAxis,
    padded,
    scatter,
    veil,
    vertical_line,
)
from raise_core.figures.patient_risk import RISK_PX, RiskView, draw_risk
from raise_core.figures.patient_words import RESPONSES, lesion_name, milestones

STRIP_ROW_PX = 21
SIZE_PX, RATIO_PX, LAB_PX = 130, 135, 86
WIDE_RANGE = 10.0
"""Positive values whose largest is this many times the smallest are drawn on a log axis."""

_BAR_DASHES = {"dash": "6px,2px"}  # a thick line's own dashes would be too long
LETTERS_APART_PX = 34  # between the middles of two response letters
MILESTONE_PX = 215


@dataclass(frozen=True)
class _Panel:
    height_px: int
    draw: Callable[[Stage, int], None]


def patient_figure(
    course: PatientCourse,
    *,
    labs: Sequence[str],
    visit_weeks: Sequence[float],
    endpoint: str | None,
    arm_mark: ArmMark | None = None,
    risk: RiskView | None = None,
    theme: Theme = "light",
    unit: TimeUnit = TimeUnit.WEEKS,
) -> go.Figure:
    """Draw a patient.

    Args:
        course: the patient.
        labs: tests to draw, upper case; those the patient does not have are left out.
        visit_weeks: the study's visit weeks, for the ticks.
        endpoint: the outcome whose end closes the treatment bar.
        arm_mark: how the patient's arm is drawn everywhere; None in a study without arms.
        risk: a model's risk with the cohort's behind; None leaves the panel out.
        theme: page theme.
        unit: unit of the axis.
    """
    panels = [
        _Panel(
            STRIP_ROW_PX * max(len(_strip_rows(course)), 1),
            lambda stage, row: _strip(stage, row, course, endpoint, arm_mark),
        )
    ]
    if any(visit.sld_mm is not None for visit in course.sizes) or course.lesions:
        height = max(SIZE_PX, LINE_PX * (len(_drawn_lesions(course)) + 2))
        panels.append(_Panel(height, lambda stage, row: _sizes(stage, row, course)))
    if any(visit.sldr is not None for visit in course.sizes):
        panels.append(_Panel(RATIO_PX, lambda stage, row: _ratio(stage, row, course)))
    if risk is not None:
        panels.append(_Panel(RISK_PX, lambda stage, row: draw_risk(stage, row, risk)))
    for test in labs:
        if test in course.labs:
            lab = course.labs[test]
            panels.append(_Panel(LAB_PX, lambda stage, row, lab=lab: _lab(stage, row, lab)))  # type: ignore[misc]
    stage = Stage([panel.height_px for panel in panels], _axis(course, risk, visit_weeks, unit), theme)
    for row, panel in enumerate(panels, start=1):
        panel.draw(stage, row)
    _ends(stage, course, endpoint)
    return stage.figure()


def _axis(course: PatientCourse, risk: RiskView | None, visit_weeks: Sequence[float], unit: TimeUnit) -> TimeAxis:
    first = course.first_week
    last = max(course.last_week, *(risk.weeks if risk is not None else ()), 1.0)
    air = 0.02 * (last - first)
    return TimeAxis(first - air, last + air, tuple(float(week) for week in visit_weeks), unit)


def _strip_rows(course: PatientCourse) -> list[str]:
    rows = ["Treatment"] if course.arm is not None else []
    rows += sorted({scan.kind for scan in course.scans}, reverse=True)
    if any(course.labs):
        rows.append("Blood tests")
    return rows


def _strip(stage: Stage, row: int, course: PatientCourse, endpoint: str | None, arm_mark: ArmMark | None) -> None:
    """What was done when, a line each; the arm as a bar to the end of observation."""
    rows = _strip_rows(course)
    height = {name: len(rows) - place for place, name in enumerate(rows)}
    if course.arm is not None:
        outcome = course.outcomes.get(endpoint or "")
        end = outcome.week if outcome is not None else course.last_week
        colour, dash = (arm_mark.colour, arm_mark.dash) if arm_mark is not None else (GUIDE, "solid")
        scatter(
            stage, row, x=stage.times([0.0, end]), y=[height["Treatment"]] * 2, mode="lines",
            line={"color": colour, "width": 9, "dash": _BAR_DASHES.get(dash, dash)},
            hovertext=f"{course.arm}, from randomisation to {stage.when(end)}", hoverinfo="text",
        )  # fmt: skip
        stage.annotate(
            x=stage.time(end), xref="x", y=height["Treatment"], yref="y", text=f"<b>{course.arm}</b>", xanchor="left",
            xshift=9, bgcolor=veil(stage.theme),
        )  # fmt: skip
    for name in sorted({scan.kind for scan in course.scans}):
        scans = [scan for scan in course.scans if scan.kind == name]
        scatter(
            stage, row, x=stage.times([scan.week for scan in scans]), y=[height[name]] * len(scans), mode="markers",
            marker={
                "color": [LESION if scan.annotated else GUIDE for scan in scans], "size": 11,
                "line": {"width": 2, "color": [LESION if scan.annotated else GUIDE for scan in scans]},
                "symbol": ["circle-open" if scan.phase == "arterial" else "circle" for scan in scans],
            },
            hovertext=[
                f"{name}, {stage.when(scan.week)}<br>{'lesions outlined' if scan.annotated else 'no lesion outlined'}"
                for scan in scans
            ],
            hoverinfo="text",
        )  # fmt: skip
    if "Blood tests" in height:
        weeks = sorted({float(week) for lab in course.labs.values() for week in lab.weeks})
        counts = {week: sum(week in lab.weeks for lab in course.labs.values()) for week in weeks}
        scatter(
            stage, row, x=stage.times(weeks), y=[height["Blood tests"]] * len(weeks), mode="markers",
            marker={"color": LABS, "size": 10, "symbol": "line-ns", "line": {"width": 3, "color": LABS}},
            hovertext=[f"{counts[week]} tests, {stage.when(week)}" for week in weeks], hoverinfo="text",
        )  # fmt: skip
    stage.value_axes[row - 1] |= {
        "range": [0.4, max(len(rows), 1) + 0.6], "tickvals": list(height.values()), "ticktext": list(height),
        "showline": False, "ticks": "",
    }  # fmt: skip
    stage.time_axes[row - 1] |= {"side": "top", "showticklabels": True}


def _drawn_lesions(course: PatientCourse) -> tuple[LesionCourse, ...]:
    """Lesions with a line of their own; a single target is the sum itself."""
    targets = [lesion for lesion in course.lesions if lesion.target]
    has_sum = any(visit.sld_mm is not None for visit in course.sizes)
    return tuple(lesion for lesion in course.lesions if not (has_sum and len(targets) == 1 and lesion.target))


def _sizes(stage: Stage, row: int, course: PatientCourse) -> None:
    """Every lesion thin, the sum of the targets thick, new lesions marked."""
    sums = [visit for visit in course.sizes if visit.sld_mm is not None]
    lesions = _drawn_lesions(course)
    values = [float(visit.sld_mm or 0.0) for visit in sums]
    values += [float(d) for lesion in lesions for d in lesion.diameter_mm if np.isfinite(d)]
    low, high = padded([0.0, *values], below=0.04, above=0.1)  # a vanished lesion is not cut by the axis
    labels, last = [], max((float(week) for lesion in course.lesions for week in lesion.weeks), default=0.0)
    for lesion in lesions:
        colour = stage.text if lesion.new else LESION
        scatter(
            stage, row, x=stage.times(lesion.weeks.tolist()), y=lesion.diameter_mm.tolist(), mode="lines+markers",
            line={"color": colour, "width": 1.5, "dash": "solid" if lesion.target else "dot"},
            marker={
                "size": 11 if lesion.new else 5, "symbol": "x-open" if lesion.new else "circle",
                "color": colour, "line": {"width": 2 if lesion.new else 0, "color": colour},
            },
            hovertext=[
                f"{lesion_name(lesion)}, {stage.when(week)}: {_mm(diameter)}"
                for week, diameter in zip(lesion.weeks.tolist(), lesion.diameter_mm.tolist(), strict=True)
            ],
            hoverinfo="text",
        )  # fmt: skip
        seen = lesion.diameter_mm[np.isfinite(lesion.diameter_mm)]
        if len(seen):
            words = f"<b>new: {lesion_name(lesion)}</b>" if lesion.new else lesion_name(lesion)
            labels.append(EndLabel(float(seen[-1]), words, colour))
    if sums:
        scatter(
            stage, row, x=stage.times([visit.week for visit in sums]), y=[visit.sld_mm for visit in sums],
            mode="lines+markers", line={"color": stage.text, "width": 3.5}, marker={"size": 8, "color": stage.text},
            hovertext=[f"Sum of target lesions, {stage.when(visit.week)}: {_mm(visit.sld_mm)}" for visit in sums],
            hoverinfo="text",
        )  # fmt: skip
        labels.append(EndLabel(float(sums[-1].sld_mm or 0.0), "<b>sum (SLD)</b>", stage.text))
    stage.scale(row, low, high)
    stage.title(row, "<b>Target lesions and their sum (SLD)</b>, mm")
    stage.end_labels(row, labels, week=last, low=low, high=high)


def _mm(value: float | None) -> str:
    if value is None or not np.isfinite(value):
        return "not evaluable"
    return "vanished" if value == 0 else f"{value:.1f} mm"


def _ratio(stage: Stage, row: int, course: PatientCourse) -> None:
    """SLDr with the thresholds of RECIST and the response at each visit."""
    baseline, base_mm = course.baseline_week or 0.0, course.baseline_mm or 1.0
    follow_up = [visit for visit in course.sizes if visit.response is not None]
    known = [visit for visit in follow_up if visit.sldr is not None]
    limits = [(visit.progression_mm or 0.0) / base_mm for visit in follow_up]
    partial = 1.0 - PARTIAL_RESPONSE_FRACTION
    values = [1.0, partial, *limits, *(float(visit.sldr or 0.0) for visit in known)]
    low, high = padded(values, below=0.1, above=0.34)  # the response letters stand in the air above
    last = max(visit.week for visit in follow_up)
    weeks = [baseline, *(visit.week for visit in known)]
    guide = {"color": GUIDE, "width": 1.5, "dash": "dot"}
    scatter(stage, row, x=stage.times([baseline, last]), y=[partial] * 2, mode="lines", line=guide, hoverinfo="skip")
    # Each visit is judged by the smallest sum before it, so the limit holds from the visit before.
    scatter(
        stage, row, x=stage.times([baseline, *(visit.week for visit in follow_up)]), y=[limits[0], *limits],
        mode="lines", line={**guide, "dash": "dash", "shape": "vh"}, hoverinfo="skip",
    )  # fmt: skip
    scatter(
        stage, row, x=stage.times(weeks), y=[1.0, *(visit.sldr for visit in known)], mode="lines+markers",
        line={"color": stage.text, "width": 2.5}, marker={"size": 8, "color": stage.text},
        hovertext=[
            f"Baseline, {stage.when(baseline)}: {_mm(base_mm)}",
            *(
                f"SLDr {visit.sldr:.2f}, {stage.when(visit.week)}<br>sum {_mm(visit.sld_mm)}, smallest so far "
                f"{_mm(visit.nadir_mm)}<br>{RESPONSES[visit.response or Response.NOT_EVALUABLE]}"
                for visit in known
            ),
        ],
        hoverinfo="text",
    )  # fmt: skip
    stage.scale(row, low, high)
    stage.title(row, f"<b>SLDr</b>: sum ÷ baseline; response: RECIST {course.recist.value}")
    grown = f"+{100 * PROGRESSION_FRACTION:.0f} % over smallest"
    labels = [
        EndLabel(partial, f"−{100 * PARTIAL_RESPONSE_FRACTION:.0f} % from baseline", GUIDE),
        EndLabel(limits[-1], grown, GUIDE),
    ]
    stage.end_labels(row, labels, week=last, low=low, high=high)
    _letters(stage, row, [(visit.week, visit.response) for visit in follow_up if visit.response is not None])


def _letters(stage: Stage, row: int, responses: Sequence[tuple[float, Response]]) -> None:
    """The response at each visit; where visits stand too close, progression first, then in order of date."""
    apart = stage.weeks_of(LETTERS_APART_PX)
    placed: list[float] = []
    for week, response in sorted(responses, key=lambda pair: (pair[1] is not Response.PROGRESSIVE, pair[0])):
        if all(abs(week - other) >= apart for other in placed):
            placed.append(week)
            text = f"<b>{response.value}</b>" if response is Response.PROGRESSIVE else response.value
            stage.note(row, text, week=week, height=1.0, colour=stage.text)


def _lab(stage: Stage, row: int, lab: LabCourse) -> None:
    """One test with its limits of normal."""
    values = [float(value) for value in lab.value]
    upper, lower = _last(lab.upper_limit), _last(lab.lower_limit)
    shown = [*values, *(limit for limit in (upper, lower) if limit is not None)]
    logarithmic = min(shown) > 0 and max(shown) / min(shown) >= WIDE_RANGE
    scaled = [float(np.log10(value)) for value in shown] if logarithmic else shown
    low, high = padded(scaled, below=0.14, above=0.14)
    name = plain_test_name(lab.test)
    unit = f" {lab.unit}" if lab.unit else ""
    ends = [stage.axis.first_week, stage.axis.last_week]
    for limit, symbol in ((upper, "upper limit"), (lower, "lower limit")):
        if limit is not None:
            scatter(
                stage, row, x=stage.times(ends), y=[limit] * 2, mode="lines",
                line={"color": GUIDE, "width": 1.5, "dash": "dot"}, hoverinfo="skip", name=symbol,
            )  # fmt: skip
    scatter(
        stage, row, x=stage.times(lab.weeks.tolist()), y=values, mode="lines+markers",
        line={"color": LABS, "width": 2.5}, marker={"size": 8, "color": LABS},
        hovertext=[
            f"{name} {measured(value)}{unit}, {stage.when(week)}{_times_limit(value, upper)}"
            for week, value in zip(lab.weeks.tolist(), values, strict=True)
        ],
        hoverinfo="text",
    )  # fmt: skip
    stage.scale(row, low, high, logarithmic=logarithmic)
    if logarithmic:
        ticks = _log_ticks(low, high)
        stage.value_axes[row - 1] |= {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
    details = [lab.unit] if lab.unit else []
    details += ["log axis"] if logarithmic else []
    title = name[:1].upper() + name[1:] if name.islower() else name
    stage.title(row, f"<b>{title}</b>{''.join(f', {detail}' for detail in details)}")
    labels = [
        EndLabel(float(np.log10(limit)) if logarithmic else limit, f"{words} {limit:g}", GUIDE)
        for limit, words in ((upper, "upper limit"), (lower, "lower limit"))
        if limit is not None
    ]
    stage.end_labels(row, labels, week=None, low=low, high=high)


def _last(limits: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float | None:
    known = limits[np.isfinite(limits)]
    return float(known[-1]) if len(known) else None


def _times_limit(value: float, upper: float | None) -> str:
    return f"<br>{value / upper:.1f} × upper limit of normal" if upper else ""


def _log_ticks(low: float, high: float) -> list[float]:
    """At most four round numbers of a log axis."""
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [f * 10.0**p for p in range(int(np.floor(low)), int(np.ceil(high)) + 1) for f in factors]
        ticks = [tick for tick in ticks if low <= np.log10(tick) <= high]
        if len(ticks) <= 4:
            return ticks
    return ticks[:: -(-len(ticks) // 4)]


def _ends(stage: Stage, course: PatientCourse, endpoint: str | None) -> None:
    """Progression, death, end of observation: lines through all panels, each named above them on a line of its own."""
    for level, milestone in enumerate(milestones(course, endpoint, unit=stage.axis.unit)):
        vertical_line(stage, milestone.week, colour=stage.text, dash="solid" if milestone.event else "dash")
        at_right = milestone.week + stage.weeks_of(MILESTONE_PX) > stage.axis.last_week + 0.2 * stage.axis.span
        stage.annotate(
            x=stage.time(milestone.week), xref="x", y=1, yref="paper", yshift=22 + 19 * level,
            text=f"<b>{milestone.words}</b>", xanchor="right" if at_right else "left", yanchor="bottom",
        )  # fmt: skip
