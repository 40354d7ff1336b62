"""The one Plotly template, light and dark: readable at three metres, nothing that is not data."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import plotly.graph_objects as go

from raise_core.figures.identity import PAGE, TEXT, Theme

FONT_SIZE = 16
GRID: dict[Theme, str] = {"light": "#E3E8EC", "dark": "#2A313B"}
FONT = "Source Sans, Source Sans Pro, Segoe UI, Helvetica Neue, Arial, sans-serif"


@lru_cache(maxsize=2)
def template(theme: Theme) -> go.layout.Template:
    """Fonts, colours and axes shared by every figure."""
    axis = {
        "showline": True,
        "linecolor": TEXT[theme],
        "linewidth": 1,
        "gridcolor": GRID[theme],
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": TEXT[theme],
        "title": {"standoff": 12},
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": FONT_SIZE, "color": TEXT[theme]},
            "paper_bgcolor": PAGE[theme],
            "plot_bgcolor": PAGE[theme],
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 70, "r": 30, "t": 30, "b": 60},
            "hoverlabel": {"font": {"family": FONT, "size": FONT_SIZE - 1}, "align": "left"},
            "legend": {"font": {"size": FONT_SIZE}, "orientation": "h", "y": 1.08, "x": 0},
            "hovermode": "closest",
        }
    )


def toolbar(filename: str, *, picture_format: str = "png") -> dict[str, Any]:
    """Plotly's own toolbar: download as 'png' or 'svg', zoom and reset."""
    return {
        "displaylogo": False,
        "displayModeBar": True,
        "responsive": True,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        "toImageButtonOptions": {"format": picture_format, "filename": filename, "scale": 3},
    }
