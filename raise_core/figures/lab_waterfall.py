"""One patient's prediction, from the average to the patient's own, laboratory value by laboratory value."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.importance_results import NOISE, ImportanceReport
from raise_core.figures import numbers
from raise_core.figures.identity import GUIDE, LABS, Theme
from raise_core.figures.importance_words import lab_name, risk_axis, risk_words, with_unit
from raise_core.figures.lab_beeswarm import RAMP
from raise_core.figures.marker_axis import in_sentence
from raise_core.figures.template import FONT_SIZE, template

MOST_STEPS, ROW_PX, ROOM_PX = 9, 34, 122
OTHERS = "All others"


def waterfall_steps(report: ImportanceReport, patient_id: str) -> list[tuple[str, float]]:
    """Label and SHAP value of each step, largest first; small ones and the noise are joined into the last."""
    found = report.explanations
    row = found.row(patient_id)
    shares = found.shap[row]
    order = [int(place) for place in np.argsort(-np.abs(shares), kind="stable")]
    shown = [place for place in order if place < len(found.labs)][:MOST_STEPS]
    steps = [
        (f"{lab_name(found.labs[place])} {with_unit(report, found.labs[place], float(found.values[row, place]))}",
         float(shares[place]))
        for place in shown
    ]  # fmt: skip
    rest = float(shares.sum() - sum(value for _, value in steps))
    left = len(found.labs) - len(shown)
    name = f"{left} others and {lab_name(NOISE, capital=False).lower()}" if left else lab_name(NOISE)
    return [*steps, (name, rest)]


def waterfall_figure(report: ImportanceReport, patient_id: str, *, theme: Theme = "light") -> go.Figure:
    """Bars from the model's average prediction to the patient's.

    Args:
        report: what was found.
        patient_id: who.
        theme: page theme.
    """
    found = report.explanations
    row = found.row(patient_id)
    steps = waterfall_steps(report, patient_id)
    base, end = float(found.base[row]), float(found.prediction[row])
    starts = base + np.r_[0.0, np.cumsum([value for _, value in steps])[:-1]]
    places = list(range(len(steps)))
    _, _, strong = RAMP[theme]
    figure = go.Figure(
        go.Bar(
            x=[value for _, value in steps], base=starts, y=places, orientation="h", width=0.66, showlegend=False,
            marker={"color": [strong if value > 0 else "rgba(123,97,168,0.30)" for _, value in steps],
                    "line": {"color": LABS, "width": 1.4}},
            hovertext=[f"{escape(name)}: {numbers.difference(value, digits=2)}" for name, value in steps],
            hoverinfo="text",
        )
    )  # fmt: skip
    for x, words in ((base, "average"), (end, "this patient")):
        figure.add_vline(x=x, line={"color": GUIDE, "width": 1.4, "dash": "dot"})
        figure.add_annotation(
            x=x, y=1.0, yref="paper", yanchor="bottom", showarrow=False, font={"size": FONT_SIZE - 2},
            text=f"{words}: {escape(risk_words(report, x))}", xanchor="left" if (x >= max(base, end)) else "right",
        )  # fmt: skip
    low, high = float(min(starts.min(), base, end)), float(max((starts + [v for _, v in steps]).max(), base, end))
    margin = 0.12 * (high - low or 1.0)
    figure.update_layout(
        template=template(theme), height=ROOM_PX + ROW_PX * len(steps), margin={"l": 12, "r": 70, "t": 60, "b": 12},
    )  # fmt: skip
    figure.update_xaxes(title_text=risk_axis(report), range=[low - 2.4 * margin, high + 2.4 * margin])
    figure.update_yaxes(
        tickvals=places, ticktext=[escape(name) for name, _ in steps], range=[len(steps) - 0.5, -0.5],
        showgrid=False, ticks="", showline=False, fixedrange=True,
    )  # fmt: skip
    for place, (_, value) in zip(places, steps, strict=True):
        figure.add_annotation(
            x=1.0, xref="paper", xanchor="left", xshift=8, y=place, showarrow=False,
            text=numbers.difference(value, digits=2), font={"size": FONT_SIZE - 2},
        )  # fmt: skip
    return figure


def waterfall_words(report: ImportanceReport, patient_id: str) -> str:
    """The patient's prediction in a sentence, with what moved it most."""
    found = report.explanations
    row = found.row(patient_id)
    steps = waterfall_steps(report, patient_id)[:-1]
    up = [in_sentence(name) for name, value in steps if value > 0][:2]
    down = [in_sentence(name) for name, value in steps if value < 0][:2]
    parts = []
    if up:
        parts.append(f"raised most by {' and '.join(up)}")
    if down:
        parts.append(f"lowered most by {' and '.join(down)}")
    return (
        f"{patient_id}: {risk_words(report, float(found.prediction[row]))}, average "
        f"{risk_words(report, float(found.base[row]))}; {'; '.join(parts)}."
    )
