"""Patients as points by their fused features, coloured by what somebody wants to see in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from raise_core.domain.attention_results import FeatureMap
from raise_core.figures.identity import OTHER_HUES, Theme
from raise_core.figures.template import template

HEIGHT_PX = 440
MOST_LEVELS = 6
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon")
UNKNOWN = "#8A8F94"


@dataclass(frozen=True, eq=False)
class MapColour:
    """What the points are coloured by; exactly one of `levels` and `numbers` is given.

    Attributes:
        title: with unit.
        levels: a category for each patient; empty where it is not known.
        numbers: a number for each patient; NaN where it is not known.
        colours: category to colour; others take the free hues in order.
        logarithmic: numbers on a log scale.
    """

    title: str
    levels: tuple[str, ...] | None = None
    numbers: tuple[float, ...] | None = None
    colours: dict[str, str] | None = None
    logarithmic: bool = False


def feature_map_figure(
    found: FeatureMap, colour: MapColour, *, by_components: bool, shown: Sequence[bool] | None = None, theme: Theme
) -> go.Figure:
    """The scatter; filled points were left out of the network's training, open ones were learnt from.

    Args:
        found: the map.
        colour: what the points show.
        by_components: principal components instead of UMAP.
        shown: which patients are drawn; None for all.
        theme: light or dark page.
    """
    kept = np.flatnonzero(np.ones(len(found.patient_ids), bool) if shown is None else np.asarray(shown, bool))
    figure = go.Figure(layout={"template": template(theme), "height": HEIGHT_PX})
    if colour.levels is not None:
        _by_level(figure, found, colour, kept, by_components=by_components)
    else:
        _by_number(figure, found, colour, kept, by_components=by_components)
    names = (
        [f"Component {n + 1} ({100 * share:.0f} % of the spread)" for n, share in enumerate(found.explained)]
        if by_components
        else ["UMAP 1 (no unit)", "UMAP 2 (no unit)"]
    )
    axis = {"showticklabels": by_components, "ticks": "outside" if by_components else ""}
    figure.update_layout(
        xaxis=axis | {"title": names[0]}, yaxis=axis | {"title": names[1]}, margin={"t": 50},
        legend={"title": {"text": colour.title}, "itemsizing": "constant", "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    return figure


def _by_level(
    figure: go.Figure, found: FeatureMap, colour: MapColour, kept: NDArray[np.intp], *, by_components: bool
) -> None:
    levels = colour.levels or ()
    known = [level for level in dict.fromkeys(sorted({levels[row] for row in kept})) if level]
    names = known[:MOST_LEVELS] + (["Other"] if len(known) > MOST_LEVELS else [])
    free = iter(OTHER_HUES)
    fixed = colour.colours or {}
    for place, name in enumerate([*names, ""]):
        own = [row for row in kept if levels[row] == name or (name == "Other" and levels[row] in known[MOST_LEVELS:])]
        if not own:
            continue
        hue = UNKNOWN if not name or name == "Other" else fixed.get(name) or next(free, UNKNOWN)
        label = f"{name or 'not known'} ({len(own)})"
        _points(
            figure, found, own, by_components=by_components, name=label, symbol=_SYMBOLS[place % len(_SYMBOLS)],
            colour=hue, words=[name or "not known"] * len(own),
        )  # fmt: skip


def _by_number(
    figure: go.Figure, found: FeatureMap, colour: MapColour, kept: NDArray[np.intp], *, by_components: bool
) -> None:
    values = np.asarray(colour.numbers, dtype=float)
    known = [row for row in kept if np.isfinite(values[row]) and (values[row] > 0 or not colour.logarithmic)]
    unknown = [row for row in kept if row not in set(known)]
    if unknown:
        _points(
            figure, found, unknown, by_components=by_components, name=f"not known ({len(unknown)})", symbol="x",
            colour=UNKNOWN, words=["not known"] * len(unknown),
        )  # fmt: skip
    if not known:
        return
    drawn = np.log10(values[known]) if colour.logarithmic else values[known]
    ends = [float(drawn.min()), float(np.median(drawn)), float(drawn.max())]
    written = [_written(10**end if colour.logarithmic else end) for end in ends]
    _points(
        figure, found, known, by_components=by_components, name=f"known ({len(known)})", symbol="circle", colour=drawn,
        words=[f"{colour.title}: {_written(values[row])}" for row in known],
        bar={"title": {"text": colour.title, "side": "right"}, "tickvals": ends, "ticktext": written, "thickness": 14},
    )  # fmt: skip


def _written(value: float) -> str:
    """Three digits, and never a power of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _points(
    figure: go.Figure, found: FeatureMap, rows: Sequence[int], *, by_components: bool, name: str, symbol: str,
    colour: object, words: Sequence[str], bar: dict[str, object] | None = None,
) -> None:  # fmt: skip
    """One trace; open symbols for patients the network was trained on."""
    at = (found.components if by_components else found.umap)[list(rows)]
    tested = found.tested[list(rows)]
    hollow = "x-thin-open" if symbol == "x" else f"{symbol}-open"
    marker: dict[str, object] = {
        "size": np.where(tested, 12, 9), "color": colour, "symbol": [symbol if one else hollow for one in tested],
        "line": {"width": 2},
    }  # fmt: skip
    if bar is not None:
        marker |= {"colorscale": "Viridis", "colorbar": bar, "showscale": True}
    figure.add_scatter(
        x=at[:, 0], y=at[:, 1], mode="markers", name=name, marker=marker, showlegend=bar is None,
        customdata=[[found.patient_ids[row]] for row in rows], hoverinfo="text",
        hovertext=[
            f"<b>{found.patient_ids[row]}</b><br>{text}<br>"
            f"{'left out of this network’s training' if one else 'this network was trained on this patient'}"
            for row, text, one in zip(rows, words, tested, strict=True)
        ],
    )  # fmt: skip
