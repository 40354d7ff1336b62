"""The risk panel of a patient: a model's out-of-sample risk at each visit, the cohort's quantiles behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raise_core.domain.patient_risk import QUANTILES, PatientRisk
from raise_core.figures.identity import GUIDE, Mark
from raise_core.figures.patient_panels import EndLabel, Stage, padded, scatter, veil

RISK_PX = 190
KEY_PX = 20  # the line at the top of the panel that says what its numbers and whiskers are
SINGLE_WEEK_SHARE = 0.02  # half the width of the bands where there is one week only
NOTE_PX, NUMBER_PX = 110, 42
QUANTILE_SHIFT_PX = 26  # clear of the number at the last visit


@dataclass(frozen=True)
class CohortAtWeek:
    """The cohort behind a patient at one week.

    Attributes:
        week: nominal landmark week.
        n: patients at risk and complete.
        quantiles: of their risk, one for each of `QUANTILES`.
    """

    week: float
    n: int
    quantiles: tuple[float, ...]


@dataclass(frozen=True)
class RiskView:
    """What the panel shows.

    Attributes:
        name: the model as it stands in a sentence.
        mark: how its line is drawn.
        cohort: weeks with risks, ascending.
        patient: the patient's risks, ascending by week.
        gaps: week to a word or two on why the patient has none.
    """

    name: str
    mark: Mark
    cohort: tuple[CohortAtWeek, ...]
    patient: tuple[PatientRisk, ...]
    gaps: dict[float, str]

    @property
    def weeks(self) -> tuple[float, ...]:
        """All weeks of the panel."""
        return tuple(sorted({*(at.week for at in self.cohort), *self.gaps}))


def draw_risk(stage: Stage, row: int, view: RiskView) -> None:
    """Draw the panel; see the module's first line."""
    low, high = _range(view)
    _bands(stage, row, view.cohort)
    if view.patient:
        _patient(stage, row, view)
    stage.scale(row, low, high)
    ticks = [tick for tick in range(-4, 9) if low <= tick <= high]
    stage.value_axes[row - 1] |= {
        "tickvals": ticks,
        "ticktext": [f"{tick:+d}".replace("-", "−").replace("+0", "0") for tick in ticks],
    }
    stage.title(row, f"<b>Risk</b> by {view.name} (SD)")
    if view.patient:
        stage.annotate(
            xref="paper", x=0, xanchor="left", yref=f"{stage.y(row)} domain", y=1, yanchor="top", yshift=3,
            text="numbers: % of others below; whiskers: range over splits", bgcolor=veil(stage.theme),
        )  # fmt: skip
    if view.cohort:
        last = view.cohort[-1]
        words = [f"{100 * share:.0f} %" for share in QUANTILES]
        words[QUANTILES.index(0.5)] = "median patient"
        labels = [EndLabel(value, word, GUIDE) for value, word in zip(last.quantiles, words, strict=True)]
        single = stage.axis.span * SINGLE_WEEK_SHARE if len(view.cohort) == 1 else 0.0
        stage.end_labels(row, labels, week=last.week + single, low=low, high=high, shift_px=QUANTILE_SHIFT_PX)
    _gaps(stage, row, view)


def _range(view: RiskView) -> tuple[float, float]:
    values = [value for at in view.cohort for value in (at.quantiles[0], at.quantiles[-1])]
    values += [value for risk in view.patient for value in (risk.low, risk.high)]
    if not values:
        return -2.0, 2.0
    low, high = padded(values, below=0.16, above=0.2)  # room for the notes below and the numbers above
    return low, (high + (high - low) * KEY_PX / (RISK_PX - KEY_PX) if view.patient else high)


def _bands(stage: Stage, row: int, cohort: Sequence[CohortAtWeek]) -> None:
    """5-95 % and 25-75 % as bands, the median as a line."""
    if not cohort:
        return
    half = stage.axis.span * SINGLE_WEEK_SHARE
    rows = (
        [(at.week, at) for at in cohort]
        if len(cohort) > 1
        else [(cohort[0].week + d, cohort[0]) for d in (-half, half)]
    )
    x = stage.times([week for week, _ in rows])
    for lower, upper, opacity in ((0, 4, 0.16), (1, 3, 0.26)):
        scatter(
            stage, row, x=[*x, *reversed(x)],
            y=[*(at.quantiles[lower] for _, at in rows), *(at.quantiles[upper] for _, at in reversed(rows))],
            mode="lines", line={"width": 0}, fill="toself", fillcolor=_grey(opacity), hoverinfo="skip",
        )  # fmt: skip
    scatter(
        stage, row, x=x, y=[at.quantiles[2] for _, at in rows], mode="lines",
        line={"color": GUIDE, "width": 1.5, "dash": "dot"},
        hovertext=[f"{at.n} patients at risk, {stage.when(at.week)}" for _, at in rows], hoverinfo="text",
    )  # fmt: skip


def _grey(opacity: float) -> str:
    red, green, blue = (int(GUIDE[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def _patient(stage: Stage, row: int, view: RiskView) -> None:
    mark, counts = view.mark, {at.week: at.n for at in view.cohort}
    scatter(
        stage, row, x=stage.times([risk.week for risk in view.patient]), y=[risk.risk for risk in view.patient],
        error_y={
            "type": "data", "array": [risk.high - risk.risk for risk in view.patient],
            "arrayminus": [risk.risk - risk.low for risk in view.patient],
            "color": mark.colour, "thickness": 1.5, "width": 5,
        },
        mode="lines+markers", line={"color": mark.colour, "width": 2.5, "dash": mark.dash},
        marker={"symbol": mark.symbol, "size": 11, "color": mark.colour, "line": {"width": 2, "color": mark.colour}},
        hovertext=[
            f"<b>{stage.axis.unit.visit(risk.week).capitalize()}</b>: risk above {risk.percentile:.0f} % of the "
            f"{counts[risk.week] - 1} others at risk<br>over the splits {risk.percentile_low:.0f}–"
            f"{risk.percentile_high:.0f} %<br>{risk.risk:+.1f} SD ({risk.low:+.1f} to {risk.high:+.1f})<br>mean of "
            f"{risk.test_splits} splits that test the patient"
            for risk in view.patient
        ],
        hoverinfo="text",
    )  # fmt: skip
    for risk in _apart(view.patient, stage.weeks_of(NUMBER_PX)):
        stage.annotate(
            x=stage.time(risk.week), xref=stage.x(row), y=max(risk.high, risk.risk), yref=stage.y(row), yshift=7,
            yanchor="bottom", text=f"<b>{risk.percentile:.0f} %</b>",
        )  # fmt: skip


def _apart(risks: Sequence[PatientRisk], least_weeks: float) -> list[PatientRisk]:
    """The risks whose numbers can be written without overlap, the latest first."""
    kept: list[PatientRisk] = []
    for risk in reversed(risks):
        if all(abs(risk.week - other.week) >= least_weeks for other in kept):
            kept.append(risk)
    return kept


def _gaps(stage: Stage, row: int, view: RiskView) -> None:
    """Why there is no risk, at the foot of the panel; the same reason in a row is said once."""
    apart = stage.weeks_of(NOTE_PX)
    before, reason_before = float("-inf"), ""
    for week in view.weeks:
        reason = view.gaps.get(week, "")
        if reason and reason != reason_before and week - before >= apart:
            at_edge = week + apart / 2 > stage.axis.last_week or week == view.weeks[-1]
            stage.note(row, reason, week=week, height=0.0, colour=GUIDE, xanchor="right" if at_edge else "center")
            before = week
        reason_before = reason
