"""Tumour growth rate before and during treatment: for each arm two columns of points with median and quartiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.marker_results import ArmValues, NumberDistribution
from raise_core.domain.response_results import GrowthChange
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.arm_marks import ArmMark
from raise_core.figures.distribution import number_figure
from raise_core.figures.identity import Theme

TITLE = "Tumour growth rate (% per month)"
CENTRAL_SHARE = 0.98  # of the values, that the axis shows at first when the others lie far out
FAR = 2.5


def growth_figure(
    found: GrowthChange, *, marks: Mapping[str, ArmMark], theme: Theme = "light", unit: TimeUnit = TimeUnit.WEEKS
) -> tuple[go.Figure, int]:
    """Columns of points, `customdata` the patient; and how many points lie beyond the axis as it is first shown.

    Args:
        found: at least one growth rate, before or during.
        marks: mark of each arm.
        theme: page theme.
        unit: unit of the visit's name.
    """
    columns: list[ArmValues] = []
    styles: dict[str, ArmMark] = {}
    for arm in found.paired:
        for words, part in (("before", found.before), (unit.visit(found.week), found.during)):
            for group in () if part is None else part.arms:
                if group.arm == arm:
                    name = f"{arm}, {words}"
                    columns.append(replace(group, arm=name))
                    styles[name] = marks[arm]
    one = found.during or found.before
    if one is None:  # GrowthChange promises one
        raise ValueError("growth rates of nobody cannot be drawn")
    scale = replace(one.scale, title=TITLE)
    figure = number_figure(
        NumberDistribution(one.marker, scale, found.week, tuple(columns), None), marks=styles, theme=theme
    )
    return figure, _narrow(figure, np.concatenate([group.values for group in columns]))


def _narrow(figure: go.Figure, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> int:
    """Have the axis show the central values when a few lie far out; how many those are."""
    rest = (1 - CENTRAL_SHARE) / 2
    low, high = np.quantile(values, [rest, 1 - rest])
    span = max(float(high - low), 1e-9)
    bottom, top = min(float(low), 0.0) - 0.1 * span, max(float(high), 0.0) + 0.1 * span
    if values.max() - values.min() <= FAR * span:
        return 0
    figure.update_yaxes(range=[bottom, top])
    return int(((values < bottom) | (values > top)).sum())
