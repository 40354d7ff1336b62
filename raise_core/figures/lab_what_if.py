"""One patient's prediction while laboratory values are moved."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.importance_results import ImportanceReport, LabWhatIf
from raise_core.figures.identity import GUIDE, LABS, TEXT, Theme
from raise_core.figures.importance_words import joined, lab_name, risk_axis, risk_words, with_unit
from raise_core.figures.lab_dependence import value_axis
from raise_core.figures.template import FONT_SIZE, template

HEIGHT_PX = 400


def what_if_figure(report: ImportanceReport, found: LabWhatIf, *, theme: Theme = "light") -> go.Figure:
    """The patient's curve over one value, with the value measured and the value set.

    Args:
        report: what was found.
        found: the values set and what is predicted with them.
        theme: page theme.
    """
    kept = report.explanations
    row, place = kept.row(found.patient_id), kept.labs.index(found.lab)
    figure = go.Figure(
        go.Scatter(x=kept.grid[place], y=found.curve, mode="lines", line={"color": LABS, "width": 3}, hoverinfo="skip")
    )
    others = np.quantile(kept.prediction, [0.25, 0.75])
    figure.add_hrect(y0=others[0], y1=others[1], fillcolor=GUIDE, opacity=0.13, line_width=0, layer="below")
    figure.add_annotation(
        x=0.0, xref="paper", xanchor="left", y=float(others[1]), yanchor="bottom", showarrow=False,
        text="middle half of the patients", font={"size": FONT_SIZE - 2, "color": GUIDE},
    )  # fmt: skip
    marks = [(float(kept.values[row, place]), found.measured_prediction, "circle-open", "measured")]
    if found.moved:
        marks.append((found.value, found.prediction, "diamond", "set"))
    for x, y, symbol, name in marks:
        if np.isnan(x):
            continue
        figure.add_trace(
            go.Scatter(
                x=[x], y=[y], mode="markers+text", text=[name], textposition="top center",
                marker={"size": 15, "symbol": symbol, "color": TEXT[theme], "line": {"width": 2.5}},
                hovertext=f"{name}: {escape(with_unit(report, found.lab, x))}, {escape(risk_words(report, y))}",
                hoverinfo="text",
            )
        )  # fmt: skip
    figure.update_layout(
        template=template(theme), height=HEIGHT_PX, margin={"l": 12, "r": 12, "t": 40, "b": 12}, showlegend=False,
    )  # fmt: skip
    figure.update_xaxes(**value_axis(report, found.lab))
    figure.update_yaxes(title_text=risk_axis(report))
    return figure


def what_if_words(report: ImportanceReport, found: LabWhatIf) -> str:
    """What the values set do to the prediction, with the patient's place among the others."""
    kept = report.explanations
    row = kept.row(found.patient_id)
    before = found.measured_prediction
    if not found.moved:
        return (
            f"{found.patient_id} as measured: {risk_words(report, before)} (higher than {_place(report, row, before)})."
        )
    changed = [
        f"{lab_name(lab, capital=False)} {with_unit(report, lab, value)} instead of "
        f"{with_unit(report, lab, float(kept.values[row, kept.labs.index(lab)]))}"
        for lab, value in found.moved.items()
    ]
    return (
        f"With {joined(changed)}, the prediction for {found.patient_id} goes from {risk_words(report, before)} to "
        f"{risk_words(report, found.prediction)} (higher than {_place(report, row, found.prediction)})."
    )


def _place(report: ImportanceReport, row: int, risk: float) -> str:
    others = np.delete(report.explanations.prediction, row)
    return f"{100 * float((others < risk).mean()):.0f} % of the other patients"
