"""ROC and precision-recall curves of the PRRT study's models, averaged over folds with a band."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from raise_core.domain.class_results import ClassReport, FoldCurve
from raise_core.figures import numbers
from raise_core.figures.fusion_marks import fusion_mark
from raise_core.figures.identity import GUIDE, Mark, Theme
from raise_core.figures.survival_curves import SIMULATED_MARK
from raise_core.figures.template import FONT_SIZE, template

FloatArray = NDArray[np.float64]
FIGURE_HEIGHT = 460
BAND_OPACITY = 0.13
FOLD_OPACITY = 0.25
EDGE = 2.0  # % beyond 0 and 100


def prrt_curves(
    report: ClassReport, models: Sequence[str], *, each_fold: bool = False, theme: Theme = "light"
) -> go.Figure:
    """ROC left, precision-recall right: the mean over folds and one standard deviation around it.

    Args:
        report: with the curves.
        models: to draw, of the report's.
        each_fold: also a thin line for every fold.
        theme: page theme.
    """
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.14)
    for model in models:
        estimate, curves, mark = report.estimate(model), report.curves_of(model), fusion_mark(model, theme=theme)
        for column, (curve, score) in enumerate(
            ((curves.roc, estimate.auroc), (curves.precision_recall, estimate.auprc)), start=1
        ):
            if curve is None:
                continue
            name = f"{mark.name} {numbers.cindex(score.value)}"
            for trace in _traces(curve, mark, name, column=column, each_fold=each_fold):
                figure.add_trace(trace, row=1, col=column)
    _add_chance(figure, report, models)
    percent = {"range": [-EDGE, 100 + EDGE], "dtick": 25, "ticksuffix": " %"}
    figure.update_xaxes(**percent)
    figure.update_yaxes(**percent)
    figure.update_xaxes(title_text="Short taken for long (1 − specificity)", row=1, col=1)
    figure.update_yaxes(title_text="Long found (sensitivity)", row=1, col=1)
    figure.update_xaxes(title_text="Long found (recall)", row=1, col=2)
    figure.update_yaxes(title_text="Truly long among those called long", row=1, col=2)
    figure.update_layout(
        template=template(theme), height=FIGURE_HEIGHT, margin={"t": 76, "b": 8, "r": 20},
        legend={"y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    if report.provenance.simulated:
        figure.add_annotation(**{**SIMULATED_MARK, "y": 0.02, "yanchor": "bottom"})
    return figure


def _traces(curve: FoldCurve, mark: Mark, name: str, *, column: int, each_fold: bool) -> list[go.Scatter]:
    x, mean, sd = 100 * curve.at, 100 * curve.mean, 100 * curve.sd
    shape = "linear" if column == 1 else "vh"
    traces = [
        go.Scatter(
            x=np.r_[x, x[::-1]], y=np.clip(np.r_[mean + sd, (mean - sd)[::-1]], 0, 100), fill="toself", mode="lines",
            line={"width": 0}, fillcolor=_with_opacity(mark.colour), hoverinfo="skip", showlegend=False,
            legendgroup=mark.name, name=f"{mark.name}, one standard deviation over folds",
        )
    ]  # fmt: skip
    if each_fold:
        rows = np.column_stack([curve.each, np.full(len(curve.each), np.nan)])
        traces.append(
            go.Scatter(
                x=np.tile(np.r_[x, np.nan], len(rows)), y=100 * rows.ravel(), mode="lines", hoverinfo="skip",
                line={"color": mark.colour, "width": 1, "shape": shape}, opacity=FOLD_OPACITY, showlegend=False,
                legendgroup=mark.name, name=f"{mark.name}, each fold",
            )
        )  # fmt: skip
    traces.append(
        go.Scatter(
            x=x, y=mean, mode="lines", line={"color": mark.colour, "width": 3, "dash": mark.dash, "shape": shape},
            name=name, legendgroup=mark.name, showlegend=column == 1,
            hovertemplate=f"<b>{mark.name}</b><br>%{{x:.0f}} %: %{{y:.0f}} %<extra></extra>",
        )
    )  # fmt: skip
    return traces


def _with_opacity(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{BAND_OPACITY})"


def _add_chance(figure: go.Figure, report: ClassReport, models: Sequence[str]) -> None:
    line = {"color": GUIDE, "width": 1.8, "dash": "dot"}
    figure.add_shape(type="line", x0=0, y0=0, x1=100, y1=100, line=line, row=1, col=1)
    font = {"size": FONT_SIZE - 2, "color": GUIDE}
    figure.add_annotation(
        x=50, y=46, text="chance", showarrow=False, xanchor="left", yanchor="top", font=font, row=1, col=1
    )
    prevalence = report.estimate(models[0]).prevalence if models else None
    if prevalence is None:
        return
    at = 100 * prevalence
    figure.add_shape(type="line", x0=0, y0=at, x1=100, y1=at, line=line, row=1, col=2)
    figure.add_annotation(
        x=2, y=at, text=f"everybody called long: {numbers.percent(prevalence)}", showarrow=False, xanchor="left",
        yanchor="top", font=font, row=1, col=2,
    )  # fmt: skip
