"""The ROC curve of a marker or risk at a horizon, with the cut in use."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from raise_core.domain.horizon_results import HorizonEstimate, HorizonRoc, ThresholdAccuracy
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import horizon_words as words
from raise_core.figures import numbers
from raise_core.figures.cindex_words import event_words
from raise_core.figures.identity import GUIDE, PAGE, TEXT, Mark, Theme, model_marks
from raise_core.figures.marker_axis import measured, threshold_text
from raise_core.figures.template import FONT_SIZE, template

FIGURE_HEIGHT = 500
EDGE = 2.0


@dataclass(frozen=True)
class MarkedCut:
    """The cut in use.

    Attributes:
        threshold: in the marker's unit.
        accuracy: at the curve's horizon.
    """

    threshold: float
    accuracy: ThresholdAccuracy


def horizon_roc(
    roc: HorizonRoc,
    *,
    model: str,
    endpoint: str,
    cut: MarkedCut | None = None,
    theme: Theme = "light",
    unit: TimeUnit = TimeUnit.WEEKS,
    start_weeks: float = 0.0,
) -> go.Figure:
    """Sensitivity against false alarms over all cuts; an empty frame that says why where there is no curve.

    Args:
        roc: the curve.
        model: marker or markers, for the colour.
        endpoint: what is predicted.
        cut: marked with whiskers, where its sensitivity and specificity are known.
        theme: page theme.
        unit: in which times are written.
        start_weeks: where the clock starts, weeks from randomisation.
    """
    mark = model_marks((model,), theme=theme)[model]
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=[0, 100], y=[0, 100], mode="lines", line={"color": GUIDE, "width": 1.5, "dash": "dot"}, hoverinfo="skip",
        )
    )  # fmt: skip
    at, horizon = roc.at, words.span(roc.at.horizon_weeks, unit, start_weeks)
    if at.auc.value is None:
        figure.add_annotation(text=f"No curve: {at.auc.reason}", x=50, y=50, showarrow=False, font={"size": FONT_SIZE})
    else:
        figure.add_trace(_curve(roc, mark))
        figure.add_annotation(
            text=(
                f"<b>Area {words.ratio(at.auc)}</b><br>{at.n} patients within {horizon}:<br>{at.cases} "
                f"{event_words(endpoint)},<br>{at.controls} without, {at.n - at.cases - at.controls} left earlier"
            ),
            x=100, y=2, xanchor="right", yanchor="bottom", align="right", showarrow=False, font={"size": FONT_SIZE},
        )  # fmt: skip
    figure.add_annotation(
        text="chance", x=9, y=7, xanchor="left", yanchor="top", showarrow=False,
        font={"size": FONT_SIZE - 1, "color": GUIDE},
    )  # fmt: skip
    if cut is not None:
        _mark(figure, cut, theme)
    figure.update_layout(template=template(theme), height=FIGURE_HEIGHT, showlegend=False, margin={"t": 12, "b": 12})
    percent = {"range": [-EDGE, 100 + EDGE], "dtick": 20, "ticksuffix": " %"}
    figure.update_xaxes(title_text="False alarms (1 − specificity)", **percent)
    figure.update_yaxes(title_text="Sensitivity", **percent)
    figure.update_xaxes(constrain="domain")
    figure.update_yaxes(scaleanchor="x", scaleratio=1, constrain="domain")
    return figure


def _curve(roc: HorizonRoc, mark: Mark) -> go.Scatter:
    hover = ["nobody called high"] + [
        f"<b>{measured(float(value))} or more</b><br>sensitivity {numbers.percent(float(found))}, "
        f"false alarms {numbers.percent(float(alarms))}"
        for value, found, alarms in zip(roc.cut[1:], roc.sensitivity[1:], roc.false_positive_share[1:], strict=True)
    ]
    return go.Scatter(
        x=100 * roc.false_positive_share, y=100 * roc.sensitivity, mode="lines", name=mark.name,
        line={"color": mark.colour, "width": 2.5, "dash": "solid"}, hovertext=hover, hoverinfo="text",
    )  # fmt: skip


def _mark(figure: go.Figure, cut: MarkedCut, theme: Theme) -> None:
    found, alarms = cut.accuracy.sensitivity, cut.accuracy.specificity.complement
    if found.value is None or alarms.value is None:
        return
    colour, threshold = TEXT[theme], threshold_text(cut.threshold)
    figure.add_trace(
        go.Scatter(
            x=[100 * alarms.value], y=[100 * found.value], mode="markers",
            error_x=_whiskers(alarms, colour), error_y=_whiskers(found, colour),
            marker={"symbol": "diamond", "size": 13, "color": colour}, name="cut",
            hovertext=f"<b>Cut at {threshold}</b><br>sensitivity {words.share(found)}<br>specificity "
            f"{words.share(cut.accuracy.specificity)}",
            hoverinfo="text",
        )
    )  # fmt: skip
    figure.add_annotation(
        text=f"<b>above {threshold}</b>", x=100 * alarms.value, y=100 * found.value, showarrow=False,
        xanchor="left", yanchor="top", xshift=9, yshift=-7, font={"size": FONT_SIZE, "color": colour},
        bgcolor=PAGE[theme], borderpad=1,
    )  # fmt: skip


def _whiskers(estimate: HorizonEstimate, colour: str) -> dict[str, object] | None:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    return {
        "type": "data", "symmetric": False, "array": [100 * (estimate.high - estimate.value)],
        "arrayminus": [100 * (estimate.value - estimate.low)], "color": colour, "thickness": 1.5, "width": 5,
    }  # fmt: skip
