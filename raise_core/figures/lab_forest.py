"""Hazard ratios of laboratory values as a forest plot: each alone, and with all others in the model."""

from __future__ import annotations

import math
from html import escape

import plotly.graph_objects as go

from raise_core.domain.importance_results import ImportanceReport, LabImportance, LabRatio
from raise_core.figures import numbers
from raise_core.figures.cindex_words import event_noun, event_words
from raise_core.figures.identity import GUIDE, LABS, TEXT, Theme
from raise_core.figures.importance_words import direction, joined, lab_name
from raise_core.figures.ratio_axis import ratio_ticks
from raise_core.figures.template import FONT_SIZE, template

ROW_PX, LEAST_ROW_PX, ROOM_PX, MOST_PX, DODGE = 36, 23, 104, 370, 0.17
LEAST_RATIO, MOST_RATIO = 0.05, 20.0


def lab_forest_figure(report: ImportanceReport, *, per_doubling: bool, theme: Theme = "light") -> go.Figure:
    """Hazard ratios with 95 % limits on a log axis; squares alone, hollow diamonds adjusted.

    Args:
        report: what was found.
        per_doubling: for twice the value, else per standard deviation.
        theme: page theme.
    """
    labs = [lab for lab in report.used if _pair(lab, per_doubling=per_doubling)[0].hr is not None]
    pairs = [_pair(lab, per_doubling=per_doubling) for lab in labs]
    drawn = [ratio for pair in pairs for ratio in pair if ratio.ci_low and ratio.ci_high]
    low = max(min([ratio.ci_low or 1.0 for ratio in drawn] + [0.8]), LEAST_RATIO)
    high = min(max([ratio.ci_high or 1.0 for ratio in drawn] + [1.25]), MOST_RATIO)
    figure = go.Figure()
    for which, (name, symbol, colour) in enumerate(
        (("Alone", "square", LABS), ("With all other values", "diamond-open", TEXT[theme]))
    ):
        known = [(place, pair[which]) for place, pair in enumerate(pairs) if pair[which].hr is not None]
        figure.add_trace(
            go.Scatter(
                x=[ratio.hr for _, ratio in known],
                y=[place + (2 * which - 1) * DODGE for place, _ in known],
                mode="markers", name=name,
                marker={"symbol": symbol, "size": 10, "color": colour, "line": {"width": 2, "color": colour}},
                error_x={
                    "type": "data", "color": colour, "thickness": 1.5, "width": 4,
                    "array": [(ratio.ci_high or 0) - (ratio.hr or 0) for _, ratio in known],
                    "arrayminus": [(ratio.hr or 0) - (ratio.ci_low or 0) for _, ratio in known],
                },
                hovertext=[
                    f"<b>{escape(lab_name(labs[place].lab))}</b>, {name.lower()}: "
                    f"{numbers.interval(ratio.hr, ratio.ci_low, ratio.ci_high)}, p {numbers.p_equals(ratio.p or 0.0)}"
                    for place, ratio in known
                ],
                hoverinfo="text",
            )
        )  # fmt: skip
    values, texts = ratio_ticks(low, high)
    figure.add_vline(x=1.0, line={"color": GUIDE, "width": 1.5, "dash": "dot"})
    row = min(ROW_PX, max(MOST_PX // max(len(labs), 1), LEAST_ROW_PX))
    figure.update_layout(
        template=template(theme), height=ROOM_PX + row * max(len(labs), 1),
        margin={"l": 12, "r": 330, "t": 44, "b": 12}, legend={"y": 1.0, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    step = "for twice the value" if per_doubling else "per standard deviation"
    figure.update_xaxes(
        type="log", range=[math.log10(low) - 0.03, math.log10(high) + 0.03], tickvals=values, ticktext=texts,
        title_text=f"Hazard ratio {step}: less risk ← 1 → more risk", fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(labs))), ticktext=[escape(lab_name(lab.lab)) for lab in labs],
        range=[len(labs) - 0.5, -0.5], showgrid=False, ticks="", showline=False, fixedrange=True,
    )  # fmt: skip
    heading = "alone · adjusted"
    for place, text in [(-0.5, heading), *((p, _said(*pair)) for p, pair in enumerate(pairs))]:
        figure.add_annotation(
            x=1.0, xref="paper", xanchor="left", xshift=10, y=place, yref="y", showarrow=False, text=text,
            yanchor="bottom" if place < 0 else "middle", font={"size": FONT_SIZE - 2},
        )  # fmt: skip
    return figure


def _pair(lab: LabImportance, *, per_doubling: bool) -> tuple[LabRatio, LabRatio]:
    effects = lab.effects
    if per_doubling:
        return effects.per_doubling, effects.adjusted_per_doubling
    return effects.per_sd, effects.adjusted_per_sd


def _said(alone: LabRatio, adjusted: LabRatio) -> str:
    return " · ".join(numbers.interval(ratio.hr, ratio.ci_low, ratio.ci_high) for ratio in (alone, adjusted))


def forest_alternative(report: ImportanceReport, *, per_doubling: bool) -> str:
    """The forest for a screen reader."""
    parts = []
    for lab in report.used:
        alone, adjusted = _pair(lab, per_doubling=per_doubling)
        parts.append(f"{lab_name(lab.lab)}: {_said(alone, adjusted)}")
    return f"Hazard ratios alone and adjusted for all other laboratory values: {'; '.join(parts)}."


def forest_note(report: ImportanceReport, *, per_doubling: bool) -> str:
    """Footnote: models, scale, who is in them."""
    p = report.provenance
    log = [lab_name(lab.lab, capital=False) for lab in report.used if lab.is_log]
    scale = f" Used as logarithms, being skewed: {', '.join(log)}." if log else ""
    left = [lab_name(lab.lab, capital=False) for lab in report.used if lab.effects.per_doubling.hr is None]
    without = f" No doubling among these patients: {', '.join(left)}." if per_doubling and left else ""
    return (
        f"{report.n} patients, {report.events_followed} {event_words(report.settings.endpoint)}. Cox models, Efron "
        "ties, 95 % Wald limits. Alone: patients with the value. With all other values: all patients, median and an "
        f"indicator where missing; not penalised.{scale}{without} Data snapshot {p.snapshot_id[:8]}."
    )


def forest_words(report: ImportanceReport) -> str:
    """One sentence: which values go with more, and which with less risk."""
    ahead = [lab for lab in report.used if direction(lab) == "higher is worse"]
    behind = [lab for lab in report.used if direction(lab) == "lower is worse"]
    event = event_noun(report.settings.endpoint)
    parts = [
        f"{word} {joined([_with_ratio(lab) for lab in labs])}"
        for word, labs in (("higher", ahead), ("lower", behind))
        if labs
    ]
    if not parts:
        return f"No laboratory value alone goes clearly with more or less risk of {event}."
    return f"More risk of {event} goes with {' and with '.join(parts)}, per standard deviation."


def _with_ratio(lab: LabImportance) -> str:
    ratio = lab.effects.per_sd
    return f"{lab_name(lab.lab, capital=False)} (HR {ratio.hr:.2f}, {ratio.ci_low:.2f}–{ratio.ci_high:.2f})"
