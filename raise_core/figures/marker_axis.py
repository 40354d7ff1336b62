"""What figures of a marker share: how its values are written, its axis, and the values it is read against."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import plotly.graph_objects as go

from raise_core.domain.marker_results import MarkerScale
from raise_core.figures.identity import GUIDE
from raise_core.figures.template import FONT_SIZE

MINUS = "−"
MARGIN_SHARE = 0.05  # of the values drawn, above and below them


def measured(value: float | None) -> str:
    """A measured value with three significant digits, whole from 100 on: 0.87, 12.3, 1 250."""
    if value is None:
        return "–"
    size = abs(value)
    if size >= 99.95:
        text = f"{value:,.0f}".replace(",", "\u2009")
    elif size >= 9.995:
        text = f"{value:.1f}"
    elif size >= 0.0995 or value == 0:
        text = f"{value:.2f}"
    elif size >= 0.0005:
        text = f"{value:.2g}"
    else:
        text = "0.000"
    return text.replace("-", MINUS)


def threshold_text(value: float) -> str:
    """A threshold with as many digits as it was set with, four at most, so that neighbours stay apart: 1.016."""
    text = f"{value:,.0f}".replace(",", "\u2009") if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", MINUS)


def in_sentence(label: str) -> str:
    """A label as it stands in the middle of a sentence: no capital, unless the word is an abbreviation or a name."""
    first = label.split(" ", maxsplit=1)[0]
    ordinary = first.isalpha() and first[1:].islower() and len(first) > 1
    return label[:1].lower() + label[1:] if ordinary else label


def log_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Ticks of a log axis at 1, 2 and 5 of each decade, fewer where the range is wide.

    Args:
        low: smallest value drawn, above 0.
        high: largest.
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 2 else (1, 3) if last - first <= 4 else (1,)
    ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    return ticks, [_plain(tick) for tick in ticks]


def _plain(tick: float) -> str:
    return f"{tick:,.0f}".replace(",", "\u2009") if tick >= 1 else f"{tick:g}"


def marker_axis(scale: MarkerScale, low: float, high: float) -> dict[str, Any]:
    """Settings of the value axis.

    Args:
        scale: how the marker is read.
        low: smallest value drawn.
        high: largest.
    """
    margin = MARGIN_SHARE * ((high - low) or abs(high) or 1.0)
    axis: dict[str, Any] = {"title_text": escape(scale.title), "range": [low - margin, high + margin]}
    if scale.logarithmic:
        values, texts = log_ticks(low, high)
        span = math.log10(high / low) or 1.0
        axis |= {
            "type": "log", "tickvals": values, "ticktext": texts,
            "range": [math.log10(low) - MARGIN_SHARE * span, math.log10(high) + MARGIN_SHARE * span],
        }  # fmt: skip
    return axis


def add_references(figure: go.Figure, scale: MarkerScale, low: float, high: float, **where: int) -> None:
    """Thin dotted lines at the marker's reference values that lie within the range drawn, named beside the figure.

    Args:
        figure: to draw on.
        scale: how the marker is read.
        low: lowest value of the axis.
        high: highest.
        **where: row and column of a figure of several.
    """
    for reference in scale.references:
        value = reference.value
        if not low <= value <= high:
            continue
        figure.add_hline(y=value, line={"color": GUIDE, "width": 1.5, "dash": "dot"}, **where)
        figure.add_annotation(
            x=1.01, xref="x domain", xanchor="left", y=math.log10(value) if scale.logarithmic else value,
            yanchor="middle", text=reference.short, showarrow=False, font={"color": GUIDE, "size": FONT_SIZE - 2},
            **where,
        )  # fmt: skip


def reference_sentence(scale: MarkerScale) -> str:
    """What the dotted lines are, for the footnote; empty without any."""
    if not scale.references:
        return ""
    named = ", ".join(
        reference.label if reference.short in reference.label else f"{reference.short}, {reference.label}"
        for reference in scale.references
    )
    return f"Dotted: {named}. "


def with_references(scale: MarkerScale, low: float, high: float) -> tuple[float, float]:
    """A range widened to the nearest reference value when that lies just outside."""
    for reference in scale.references:
        near = 0.25 * (high - low)
        least, most = (low / 3, high * 3) if scale.logarithmic else (low - near, high + near)
        if least <= reference.value <= most:
            low, high = min(low, reference.value), max(high, reference.value)
    return low, high
