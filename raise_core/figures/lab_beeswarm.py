"""SHAP values of every patient by laboratory value: how far, and which way, each value moves a prediction."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.importance_results import NOISE, ImportanceReport
from raise_core.domain.outcome import FloatArray
from raise_core.figures.identity import GUIDE, TEXT, Theme
from raise_core.figures.importance_words import lab_name, risk_axis, with_unit
from raise_core.figures.template import FONT_SIZE, template

RAMP: dict[Theme, tuple[str, str, str]] = {
    "light": ("#CBBEE6", "#8E74BE", "#34215F"),
    "dark": ("#4A3A73", "#8E74BE", "#E6DCFF"),
}
"""Low to high value: one hue, that of laboratory values."""

MOST_LABS, ROW_PX, LEAST_ROW_PX, MOST_PX, ROOM_PX = 15, 44, 23, 370, 104
SPREAD, BINS = 0.38, 40
MOST_DRAWN_ONE_BY_ONE = 6000  # more dots are drawn by the graphics card, where the browser has one


def beeswarm_figure(report: ImportanceReport, *, theme: Theme = "light", patient_id: str | None = None) -> go.Figure:
    """One dot a patient and value; rows by the mean size of the SHAP value, noise last.

    Args:
        report: what was found.
        theme: page theme.
        patient_id: a patient to ring.
    """
    found = report.explanations
    order = shap_order(report)[:MOST_LABS]
    rows = [*order, len(found.labs)]
    figure = go.Figure()
    for place, lab in enumerate(rows):
        shares = found.shap[:, lab]
        name = found.labs[lab] if lab < len(found.labs) else NOISE
        colour = _percentile(found.values[:, lab]) if name != NOISE else np.full(len(shares), np.nan)
        for known in (False, True):
            here = ~np.isnan(colour) if known else np.isnan(colour)
            if not here.any():
                continue
            lift = _jitter(shares)[here]
            figure.add_trace(
                (go.Scatter if found.shap.size <= MOST_DRAWN_ONE_BY_ONE else go.Scattergl)(
                    x=shares[here], y=place + lift, mode="markers", showlegend=False,
                    marker=_dots(colour[here], theme=theme, bar=known and place == 0) if known else
                    {"size": 5, "color": GUIDE, "symbol": "circle-open"},
                    customdata=[found.patient_ids[row] for row in np.flatnonzero(here)],
                    hovertext=[_hover(report, name, row) for row in np.flatnonzero(here).tolist()], hoverinfo="text",
                )
            )  # fmt: skip
            if patient_id in found.patient_ids and here[found.row(patient_id or "")]:
                row = found.row(patient_id or "")
                figure.add_trace(
                    go.Scatter(
                        x=[shares[row]], y=[place + _jitter(shares)[row]], mode="markers", showlegend=False,
                        marker={"size": 13, "symbol": "circle-open", "color": TEXT[theme], "line": {"width": 2.5}},
                        hoverinfo="skip",
                    )
                )  # fmt: skip
    height = min(ROW_PX, max(MOST_PX // len(rows), LEAST_ROW_PX))
    figure.add_vline(x=0.0, line={"color": GUIDE, "width": 1.2})
    figure.update_layout(
        template=template(theme), height=ROOM_PX + height * len(rows), margin={"l": 12, "r": 12, "t": 30, "b": 12},
    )  # fmt: skip
    figure.update_xaxes(title_text=f"← lower · SHAP value: moves the {_spoken(risk_axis(report))} · higher →")
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[escape(lab_name(found.labs[lab] if lab < len(found.labs) else NOISE)) for lab in rows],
        range=[len(rows) - 0.5, -0.5], showgrid=False, ticks="", showline=False, fixedrange=True,
    )  # fmt: skip
    return figure


def shap_order(report: ImportanceReport) -> list[int]:
    """Places of the tests by the mean absolute SHAP value, largest first."""
    size = np.abs(report.explanations.shap[:, : len(report.explanations.labs)]).mean(axis=0)
    return [int(place) for place in np.argsort(-size, kind="stable")]


def _spoken(title: str) -> str:
    return title[:1].lower() + title[1:]


def _percentile(values: FloatArray) -> FloatArray:
    """Rank of each value from 0 to 1; NaN where missing."""
    known = ~np.isnan(values)
    ranks = np.full(len(values), np.nan)
    if known.sum() > 1:
        ranks[known] = np.argsort(np.argsort(values[known], kind="stable"), kind="stable") / (known.sum() - 1)
    else:
        ranks[known] = 0.5
    return ranks


def _jitter(shares: FloatArray) -> FloatArray:
    """Heights that spread dots of nearly equal SHAP values, in a fixed order: wide where many patients are."""
    span = float(np.ptp(shares)) or 1.0
    cell = np.floor((shares - shares.min()) / span * (BINS - 1)).astype(int)
    counts = np.bincount(cell, minlength=BINS)
    place = np.zeros(len(shares))
    for number in np.flatnonzero(counts):
        inside = np.flatnonzero(cell == number)
        place[inside] = np.arange(len(inside)) - (len(inside) - 1) / 2
    return np.asarray(place / max(counts.max(), 8) * 2 * SPREAD)


def _dots(colour: FloatArray, *, theme: Theme, bar: bool) -> dict[str, object]:
    low, middle, high = RAMP[theme]
    return {
        "size": 6, "color": colour, "cmin": 0.0, "cmax": 1.0, "colorscale": [[0, low], [0.5, middle], [1, high]],
        "showscale": bar,
        "colorbar": {
            "title": {"text": "Value", "font": {"size": FONT_SIZE - 1}}, "tickvals": [0, 1],
            "ticktext": ["low", "high"], "thickness": 12, "len": 0.6, "outlinewidth": 0,
        },
    }  # fmt: skip


def _hover(report: ImportanceReport, name: str, row: int) -> str:
    found = report.explanations
    patient = escape(found.patient_ids[row])
    if name == NOISE:
        return f"<b>{patient}</b><br>{lab_name(name)}"
    value = with_unit(report, name, float(found.values[row, found.labs.index(name)]))
    return f"<b>{patient}</b><br>{escape(lab_name(name))} {escape(value)}"


def beeswarm_alternative(report: ImportanceReport) -> str:
    """The picture for a screen reader: mean size of the SHAP values."""
    found = report.explanations
    size = np.abs(found.shap).mean(axis=0)
    parts = [f"{lab_name(found.labs[lab])} {size[lab]:.3f}" for lab in shap_order(report)]
    return (
        f"Mean size of the SHAP values of {len(found.patient_ids)} patients, largest first: {'; '.join(parts)}; "
        f"{lab_name(NOISE, capital=False).lower()} {size[-1]:.3f}."
    )
