"""Hazard ratio and p-value over every cut of a marker, the present one marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.cut_profile import CutProfile, FloatArray
from raise_core.domain.cut_results import CutStability
from raise_core.figures import numbers
from raise_core.figures.identity import GUIDE, TEXT, Theme
from raise_core.figures.marker_axis import threshold_text
from raise_core.figures.survival_marks import ABOVE
from raise_core.figures.template import FONT_SIZE, template

HEIGHT = 620
NOMINAL = 0.05
_TOP, _MIDDLE, _BOTTOM = [0.56, 1.0], [0.24, 0.48], [0.0, 0.16]
LEAST_P = 0.0005


def cut_profile_figure(
    profile: CutProfile,
    *,
    marker_name: str,
    thresholds: Sequence[float],
    theme: Theme,
    stability: CutStability | None = None,
) -> go.Figure:
    """Draw hazard ratios, p-values and, where given, where the best cut falls when patients are drawn again.

    Args:
        profile: every cut.
        marker_name: of the axis.
        thresholds: those on screen, marked.
        theme: page theme.
        stability: of the best cut.
    """
    hover = [
        f"<b>cut at {threshold_text(float(cut))}</b><br>{n} at or below, {profile.n - n} above"
        f"<br>hazard ratio {numbers.interval(ratio, low, high)}<br>p adjusted {numbers.p_value(adjusted)}, "
        f"as if it were the only cut {numbers.p_value(raw)}"
        for cut, n, ratio, low, high, adjusted, raw in zip(
            profile.cuts, profile.n_low, profile.hazard_ratio, profile.low, profile.high, profile.p_adjusted,
            profile.p_raw, strict=True,
        )
    ]  # fmt: skip
    band = go.Scatter(
        x=np.r_[profile.cuts, profile.cuts[::-1]], y=np.r_[profile.high, profile.low[::-1]], mode="lines",
        line={"width": 0}, fill="toself", fillcolor="rgba(176,86,140,0.15)", hoverinfo="skip", name="95 % interval",
    )  # fmt: skip
    ratio = go.Scatter(
        x=profile.cuts, y=profile.hazard_ratio, mode="lines+markers", hovertext=hover, hoverinfo="text",
        line={"color": ABOVE, "width": 2}, marker={"size": 4}, name="hazard ratio",
    )  # fmt: skip
    raw = _p_line(profile, profile.p_raw, {"color": GUIDE, "width": 1.5, "dash": "dot"}, hover)
    adjusted = _p_line(profile, profile.p_adjusted, {"color": TEXT[theme], "width": 2.5}, hover)
    traces = [band, ratio, raw, adjusted]
    if stability is not None:
        shown = stability.share > 0
        traces.append(
            go.Bar(
                x=stability.cuts[shown], y=100 * stability.share[shown], xaxis="x3", yaxis="y3", name="best cut",
                marker={"color": GUIDE}, width=_bar_width(profile),
                hovertemplate="%{x:.4g} was the best cut in %{y:.0f} % of resamples<extra></extra>",
            )
        )  # fmt: skip
    return go.Figure(traces, _layout(profile, marker_name, thresholds, theme, stability))


def _bar_width(profile: CutProfile) -> float:
    return float(profile.cuts[-1] - profile.cuts[0]) / 120 or 1.0


def _p_line(profile: CutProfile, p: FloatArray, line: dict[str, Any], hover: list[str]) -> go.Scatter:
    return go.Scatter(
        x=profile.cuts, y=np.maximum(p, LEAST_P), mode="lines", xaxis="x2", yaxis="y2", hovertext=hover,
        hoverinfo="text", line=line,
    )  # fmt: skip


def _layout(
    profile: CutProfile, marker_name: str, thresholds: Sequence[float], theme: Theme, stability: CutStability | None
) -> dict[str, Any]:
    finite = np.r_[profile.low, profile.high]
    finite = finite[np.isfinite(finite) & (finite > 0)]
    lowest, highest = (float(finite.min()), float(finite.max())) if len(finite) else (0.5, 2.0)
    lowest, highest = max(min(lowest, 0.8), 0.05), min(max(highest, 1.25), 50.0)
    edge = 0.02 * float(profile.cuts[-1] - profile.cuts[0]) or 1.0
    span = [float(profile.cuts[0]) - edge, float(profile.cuts[-1]) + edge]
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if lowest <= tick <= highest]
    marked = [threshold for threshold in thresholds if span[0] <= threshold <= span[1]]
    lines = [
        {"type": "line", "x0": at, "x1": at, "xref": "x", "y0": 0 if stability is not None else _MIDDLE[0], "y1": 1,
         "yref": "paper", "line": {"color": ABOVE, "width": 1.5, "dash": "dash"}}
        for at in marked
    ]  # fmt: skip
    levels = [("y", 1.0, "x"), ("y2", NOMINAL, "x2")]
    lines += [
        {"type": "line", "x0": span[0], "x1": span[1], "xref": xref, "y0": y, "y1": y, "yref": yref,
         "line": {"color": GUIDE, "width": 1.2, "dash": "dot"}}
        for yref, y, xref in levels
    ]  # fmt: skip

    def note(text: str, y: float, yref: str, colour: str) -> dict[str, Any]:
        return {
            "x": 1.01, "xref": "paper", "y": y, "yref": yref, "text": text, "showarrow": False, "xanchor": "left",
            "align": "left", "font": {"size": FONT_SIZE - 2, "color": colour},
        }  # fmt: skip

    notes = [
        note("same hazard", 0.0, "y", GUIDE),
        note("0.05", float(np.log10(NOMINAL)), "y2", GUIDE),
        note("<b>adjusted</b>", float(np.log10(max(float(profile.p_adjusted[-1]), LEAST_P))) + 0.25, "y2", TEXT[theme]),
        note("as if the only cut", float(np.log10(max(float(profile.p_raw[-1]), LEAST_P))) - 0.25, "y2", GUIDE),
    ]
    notes += [
        {"x": at, "xref": "x", "y": 1.0, "yref": "paper", "yanchor": "bottom", "showarrow": False,
         "text": f"<b>{threshold_text(at)}</b>", "font": {"size": FONT_SIZE, "color": ABOVE}}
        for at in marked
    ]  # fmt: skip
    hidden = {"matches": "x", "showticklabels": False, "ticks": ""}
    named = {"title": {"text": marker_name}}
    layout: dict[str, Any] = {
        "template": template(theme), "height": HEIGHT if stability is not None else HEIGHT - 110, "showlegend": False,
        "margin": {"r": 150, "t": 34, "b": 60, "l": 92}, "shapes": lines, "annotations": notes,
        "xaxis": {"range": span, "anchor": "y", "showticklabels": False, "ticks": ""},
        "yaxis": {"type": "log", "domain": _TOP, "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks],
                  "range": [float(np.log10(lowest)), float(np.log10(highest))], "anchor": "x",
                  "title": {"text": "Hazard ratio,<br>above v below"}},
        "xaxis2": {"anchor": "y2", **(hidden if stability is not None else {"matches": "x", **named})},
        "yaxis2": {"type": "log", "domain": _MIDDLE if stability is not None else [0.0, 0.42], "anchor": "x2",
                   "tickvals": [0.001, 0.01, 0.1, 1], "ticktext": ["0.001", "0.01", "0.1", "1"],
                   "range": [float(np.log10(LEAST_P)) - 0.1, 0.1], "title": {"text": "p-value"}},
    }  # fmt: skip
    if stability is not None:
        layout["xaxis3"] = {"anchor": "y3", "matches": "x", **named}
        layout["yaxis3"] = {
            "domain": _BOTTOM,
            "anchor": "x3",
            "title": {"text": "Best in<br>resamples (%)"},
            "nticks": 3,
        }
    return layout
