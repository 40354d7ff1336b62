"""What a threshold of a PRRT model does: patients by what they were called, over the scores of both classes."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from raise_core.domain.class_accuracy import Confusion
from raise_core.figures import numbers
from raise_core.figures.fusion_marks import LONG, SHORT
from raise_core.figures.identity import GUIDE, TEXT, Theme
from raise_core.figures.survival_curves import SIMULATED_MARK
from raise_core.figures.template import FONT_SIZE, template

FloatArray = NDArray[np.float64]
FIGURE_HEIGHT = 370
BINS = 20
WRONG_OPACITY, RIGHT_OPACITY = 0.14, 0.42


def prrt_threshold(
    found: Confusion,
    score: FloatArray,
    long: NDArray[np.bool_],
    *,
    is_probability: bool,
    simulated: bool,
    theme: Theme = "light",
) -> go.Figure:
    """Four fields of patients at the left, both classes' scores with the threshold at the right.

    Args:
        found: counts at the threshold.
        score: shape (n,), of the patients counted.
        long: shape (n,), their class.
        is_probability: whether the score is a probability of long; else it is minus a log relative hazard.
        simulated: True when the patients are not real.
        theme: page theme.
    """
    figure = make_subplots(rows=1, cols=2, column_widths=[0.44, 0.56], horizontal_spacing=0.12)
    _fields(figure, found, theme)
    _scores(figure, found, score, long, is_probability=is_probability, theme=theme)
    figure.update_layout(
        template=template(theme), height=FIGURE_HEIGHT, margin={"t": 84, "b": 8, "l": 8, "r": 20}, bargap=0.06,
        legend={"x": 0.52, "xanchor": "left", "y": 1.12, "yanchor": "bottom"},
    )  # fmt: skip
    if simulated:
        figure.add_annotation(**{**SIMULATED_MARK, "yanchor": "bottom", "yshift": 26})
    return figure


def _fields(figure: go.Figure, found: Confusion, theme: Theme) -> None:
    """The four-field table: columns what was called, rows what was true; the right fields stand out."""
    fields = (
        (0, 1, found.long_called_long, LONG, True),
        (1, 1, found.long_called_short, LONG, False),
        (0, 0, found.short_called_long, SHORT, False),
        (1, 0, found.short_called_short, SHORT, True),
    )
    for x, y, _, colour, right in fields:
        figure.add_shape(
            type="rect", x0=x - 0.48, x1=x + 0.48, y0=y - 0.46, y1=y + 0.46, line={"width": 0}, fillcolor=colour,
            opacity=RIGHT_OPACITY if right else WRONG_OPACITY, layer="below", row=1, col=1,
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[field[0] for field in fields], y=[field[1] for field in fields], mode="text",
            text=[f"<b>{field[2]}</b><br>{'right' if field[4] else 'wrong'}" for field in fields],
            textfont={"size": FONT_SIZE + 3, "color": TEXT[theme]}, hoverinfo="skip", showlegend=False, name="counts",
        ),
        row=1, col=1,
    )  # fmt: skip
    plain = {"showgrid": False, "showline": False, "ticks": "", "zeroline": False}
    figure.update_xaxes(
        tickvals=[0, 1],
        ticktext=["Called long", "Called short"],
        side="top",
        range=[-0.52, 1.52],
        row=1,
        col=1,
        **plain,
    )
    figure.update_yaxes(
        tickvals=[1, 0], ticktext=["Truly<br>long", "Truly<br>short"], range=[-0.52, 1.52], row=1, col=1, **plain
    )


def _scores(
    figure: go.Figure,
    found: Confusion,
    score: FloatArray,
    long: NDArray[np.bool_],
    *,
    is_probability: bool,
    theme: Theme,
) -> None:
    ends = (0.0, 1.0) if is_probability else (float(score.min()), float(score.max()))
    size = (ends[1] - ends[0]) / BINS or 1.0
    factor = 100.0 if is_probability else 1.0
    for name, colour, pattern, chosen in (("long", LONG, "", long), ("short", SHORT, "/", ~long)):
        counts, edges = np.histogram(score[chosen], bins=BINS, range=(ends[0], ends[0] + BINS * size))
        hatch = {"shape": pattern, "size": 6, "fillmode": "overlay"}
        figure.add_trace(
            go.Bar(
                x=factor * (edges[:-1] + edges[1:]) / 2, y=counts, name=f"Truly {name}",
                marker={"color": colour, "opacity": 0.85, "pattern": hatch},
                hovertemplate=f"%{{y}} truly {name}<extra></extra>",
            ),
            row=1, col=2,
        )  # fmt: skip
    at = factor * found.threshold
    figure.add_vline(x=at, line={"color": TEXT[theme], "width": 2, "dash": "dot"}, row=1, col=2)
    words = numbers.percent(found.threshold) if is_probability else numbers.decimal(found.threshold, 2)
    figure.add_annotation(
        x=at, y=1, yref="y2 domain", xref="x2", text=f"called long from {words} →", showarrow=False, yanchor="bottom",
        xanchor="right" if found.threshold > sum(ends) / 2 else "left", font={"size": FONT_SIZE - 1, "color": GUIDE},
    )  # fmt: skip
    title = "Predicted probability of long" if is_probability else "Predicted score (minus log relative hazard)"
    low, high = factor * ends[0], factor * (ends[0] + BINS * size)
    edge = 0.02 * (high - low)
    figure.update_layout(barmode="stack")
    figure.update_xaxes(
        title_text=title, range=[low - edge, high + edge], ticksuffix=" %" if is_probability else "", showgrid=False,
        row=1, col=2,
    )  # fmt: skip
    figure.update_yaxes(title_text="Patients", rangemode="tozero", row=1, col=2)
