"""Hazard ratios of one fitted model, each over a difference that means something."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.prediction_results import ModelReport
from raise_core.figures import numbers
from raise_core.figures.effect_words import effect_label
from raise_core.figures.identity import GUIDE, TEXT, Theme
from raise_core.figures.ratio_axis import ratio_ticks
from raise_core.figures.template import template

ROW_PX, MARGIN_PX = 44, 102


def effects_figure(report: ModelReport, *, theme: Theme = "light") -> go.Figure:
    """Hazard ratios with 95 % intervals on a log axis, one row a coefficient, the numbers beside them.

    Args:
        report: a fitted model.
        theme: page theme.
    """
    figure = go.Figure()
    effects = report.effects
    rows = list(range(len(effects)))
    figure.add_trace(
        go.Scatter(
            x=[effect.hr for effect in effects], y=rows, mode="markers",
            marker={"symbol": "square", "size": 11, "color": TEXT[theme]},
            error_x={
                "type": "data", "array": [effect.ci_high - effect.hr for effect in effects],
                "arrayminus": [effect.hr - effect.ci_low for effect in effects],
                "color": TEXT[theme], "thickness": 1.5, "width": 5,
            },
            hovertext=[f"{escape(effect_label(effect))}: p {numbers.p_value(effect.p)}" for effect in effects],
            hoverinfo="text", showlegend=False,
        )
    )  # fmt: skip
    limits = [limit for effect in effects for limit in (effect.ci_low, effect.ci_high)]
    low, high = np.log10(max(min([*limits, 0.8]), 1e-3)), np.log10(min(max([*limits, 1.25]), 1e3))
    values, texts = ratio_ticks(float(10**low), float(10**high))
    figure.add_vline(x=1.0, line={"color": GUIDE, "width": 1.5, "dash": "dot"})
    figure.update_layout(
        template=template(theme), height=MARGIN_PX + ROW_PX * len(effects),
        margin={"l": 12, "r": 150, "t": 36, "b": 12},
    )  # fmt: skip
    figure.update_xaxes(
        type="log", range=[low - 0.03, high + 0.03], tickvals=values, ticktext=texts,
        title_text="Hazard ratio: less risk ← 1 → more risk", fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=rows, ticktext=[escape(effect_label(effect)) for effect in effects],
        range=[len(effects) - 0.5, -0.5], showgrid=False, ticks="", showline=False, fixedrange=True,
    )  # fmt: skip
    for row, effect in zip(rows, effects, strict=True):
        figure.add_annotation(
            x=1.0, xref="paper", xanchor="left", xshift=10, y=row, yref="y", showarrow=False,
            text=numbers.interval(effect.hr, effect.ci_low, effect.ci_high),
        )  # fmt: skip
    return figure
