"""How a prediction follows one laboratory value: SHAP values against it, and each patient's own curve (ICE)."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from raise_core.domain.importance_results import ImportanceReport
from raise_core.figures.identity import GUIDE, LABS, TEXT, Theme
from raise_core.figures.importance_words import axis_name, lab_name, risk_axis, with_unit
from raise_core.figures.marker_axis import log_ticks
from raise_core.figures.template import FONT_SIZE, template

MOST_CURVES, HEIGHT_PX = 80, 450
FAINT: dict[Theme, str] = {"light": "rgba(22,32,42,0.13)", "dark": "rgba(241,244,247,0.16)"}


def dependence_figure(
    report: ImportanceReport, lab: str, *, theme: Theme = "light", patient_id: str | None = None
) -> go.Figure:
    """Left: one dot a patient. Right: one thin line a patient, their mean, and one patient's own.

    Args:
        report: what was found.
        lab: test that the model was given.
        theme: page theme.
        patient_id: a patient to mark.
    """
    found = report.explanations
    place = found.labs.index(lab)
    values, shares = found.values[:, place], found.shap[:, place]
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.11,
        subplot_titles=("What the value did to each patient’s prediction", "What other values would do"),
    )  # fmt: skip
    known = ~np.isnan(values)
    figure.add_trace(
        go.Scatter(
            x=values[known], y=shares[known], mode="markers", showlegend=False,
            marker={"size": 6, "color": LABS, "opacity": 0.7},
            customdata=[found.patient_ids[row] for row in np.flatnonzero(known)],
            hovertext=[
                f"<b>{escape(found.patient_ids[row])}</b><br>{escape(with_unit(report, lab, float(values[row])))}"
                for row in np.flatnonzero(known)
            ],
            hoverinfo="text",
        ), row=1, col=1,
    )  # fmt: skip
    figure.add_hline(y=0.0, line={"color": GUIDE, "width": 1.2}, row=1, col=1)
    _curves(figure, report, place, theme=theme)
    if patient_id in found.patient_ids:
        _mark(figure, report, place, patient_id or "", theme=theme)
    axis = value_axis(report, lab)
    figure.update_xaxes(**axis)
    figure.update_yaxes(title_text="SHAP value", row=1, col=1)
    figure.update_yaxes(title_text=risk_axis(report), row=1, col=2)
    figure.update_annotations(font_size=FONT_SIZE - 1)
    figure.update_layout(
        template=template(theme), height=HEIGHT_PX, margin={"l": 12, "r": 60, "t": 60, "b": 12}, showlegend=False,
    )  # fmt: skip
    return figure


def value_axis(report: ImportanceReport, lab: str) -> dict[str, object]:
    """The axis of a test in its unit, logarithmic where the model uses its logarithm."""
    axis: dict[str, object] = {"title_text": escape(axis_name(report, lab))}
    if report.lab(lab).is_log:
        values = report.explanations.values[:, report.explanations.labs.index(lab)]
        ticks, texts = log_ticks(float(np.nanmin(values)), float(np.nanmax(values)))
        axis |= {"type": "log", "tickvals": ticks, "ticktext": texts}
    return axis


def _curves(figure: go.Figure, report: ImportanceReport, place: int, *, theme: Theme) -> None:
    found = report.explanations
    grid = found.grid[place]
    some = np.unique(np.linspace(0, len(found.patient_ids) - 1, MOST_CURVES).round().astype(int))
    spread = np.argsort(found.prediction, kind="stable")[some]  # from the lowest to the highest risk
    x = np.tile(np.r_[grid, np.nan], len(spread))
    y = np.column_stack([found.ice[spread, place], np.full(len(spread), np.nan)]).ravel()
    figure.add_trace(
        go.Scatter(x=x, y=y, mode="lines", line={"color": FAINT[theme], "width": 1.2}, hoverinfo="skip"), row=1, col=2
    )
    mean = found.ice[:, place].mean(axis=0)
    figure.add_trace(
        go.Scatter(x=grid, y=mean, mode="lines", line={"color": LABS, "width": 4}, hovertext="mean", hoverinfo="text"),
        row=1, col=2,
    )  # fmt: skip
    figure.add_annotation(
        x=1.0, xref="x2 domain", y=float(mean[-1]), yref="y2", text="mean", showarrow=False, xanchor="left",
        font={"color": LABS, "size": FONT_SIZE - 2},
    )  # fmt: skip


def _mark(figure: go.Figure, report: ImportanceReport, place: int, patient_id: str, *, theme: Theme) -> None:
    found = report.explanations
    row = found.row(patient_id)
    figure.add_trace(
        go.Scatter(
            x=found.grid[place], y=found.ice[row, place], mode="lines", line={"color": TEXT[theme], "width": 2.5},
            hovertext=escape(patient_id), hoverinfo="text",
        ), row=1, col=2,
    )  # fmt: skip
    value = float(found.values[row, place])
    if not np.isnan(value):
        ring = {"size": 13, "symbol": "circle-open", "color": TEXT[theme], "line": {"width": 2.5}}
        for column, y in ((1, float(found.shap[row, place])), (2, float(found.prediction[row]))):
            figure.add_trace(
                go.Scatter(x=[value], y=[y], mode="markers", marker=ring, hovertext=escape(patient_id),
                           hoverinfo="text"), row=1, col=column,
            )  # fmt: skip


def dependence_alternative(report: ImportanceReport, lab: str) -> str:
    """The picture for a screen reader."""
    found = report.explanations
    place = found.labs.index(lab)
    grid, mean = found.grid[place], found.ice[:, place].mean(axis=0)
    return (
        f"Mean prediction over {lab_name(lab)}: {mean[0]:.2f} at {with_unit(report, lab, float(grid[0]))}, "
        f"{mean[len(grid) // 2]:.2f} at {with_unit(report, lab, float(grid[len(grid) // 2]))}, {mean[-1]:.2f} at "
        f"{with_unit(report, lab, float(grid[-1]))}."
    )
