"""What acting on the threshold would mean: accuracy at a horizon, net benefit, who changes group against a pin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from raise_core.domain.survival_report import SurvivalReport
from raise_core.evaluation.decision_curve import net_benefit
from raise_core.evaluation.horizon_accuracy import threshold_accuracy
from raise_core.evaluation.survival_groups import SurvivalMaterial
from raise_core.evaluation.time_dependent_auc import roc_at_horizon
from raise_core.figures import horizon_words
from raise_core.figures.horizon_roc import MarkedCut, horizon_roc
from raise_core.figures.identity import sentence_name
from raise_core.figures.marker_axis import threshold_text
from raise_core.figures.survival_tables import origin_of
from raise_core.ui import address, survival_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_bar import figure_bar
from raise_core.ui.survival_choice import View
from raise_core.ui.survival_threshold import pin_text
from raise_core.ui.table_view import download_row, show_table

BOTH, EITHER = "both", "either"


def what_if(page: PageContext, view: View, report: SurvivalReport) -> None:
    """The thresholds on screen as a rule to act on."""
    material = survival_reading.material(view.key)
    endpoint = report.question.endpoint
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        rule = _rule() if len(report.cuts) > 1 else BOTH
        percent = address.slider(
            "Act from a risk of (%)",
            key="act",
            minimum=5,
            maximum=95,
            default=50,
            step=5,
            help="The chance of the event by the horizon from which one would act, say scan earlier. At 20 % one "
            "missed event weighs as much as four needless actions. The net benefit depends on it; nothing else does.",
            width=320,
        )
        _pin_buttons(report, view)
    above = _flagged(material, [cut.thresholds for cut in report.cuts], report, rule)
    accuracy = threshold_accuracy(material.outcome, above, view.horizon_weeks)
    benefit = net_benefit(material.outcome, above, view.horizon_weeks, risk_threshold=percent / 100)
    what, threshold = _what(report, rule), report.cuts[-1].thresholds[0]
    where: dict[str, Any] = {"endpoint": endpoint, "unit": page.unit, "start_weeks": report.landmark_weeks}
    others = "others" if len(report.cuts) > 1 else "at or below it"
    sentence = horizon_words.cut_sentence(accuracy, what=what, threshold=threshold, others=others, **where)
    st.markdown(f"**{plain(sentence)}**")
    if view.pinned is not None:
        before = _flagged(material, view.pinned, report, rule)
        st.markdown(plain(_moves(material, before, above, view.pinned)))
    table = horizon_words.accuracy_table(
        accuracy,
        benefit,
        what=what,
        threshold=threshold,
        chosen=report.threshold_chosen,
        origin=origin_of(report.provenance, patients=report.n),
        **where,
    )
    show_table(table)
    download_row(table, name="accuracy")
    if len(report.cuts) == 1:
        _roc(page, view, report, MarkedCut(threshold, accuracy))


def _rule() -> str:
    return address.segmented(
        "Act when",
        {BOTH: "both are above", EITHER: "either is above"},
        key="rule",
        default=BOTH,
        help="Which patients count as flagged by the two thresholds.",
    )


def _flagged(
    material: SurvivalMaterial, thresholds: Sequence[tuple[float, ...]], report: SurvivalReport, rule: str
) -> NDArray[np.bool_]:
    """Who lies above: in both markers, or in either."""
    sides = [material.marker_values[cut.model] > limits[0] for cut, limits in zip(report.cuts, thresholds, strict=True)]
    joined: NDArray[np.bool_] = np.all(sides, axis=0) if rule == BOTH else np.any(sides, axis=0)
    return joined


def _what(report: SurvivalReport, rule: str) -> str:
    """The markers as they stand in a sentence that ends with the last threshold."""
    names = [
        f"a risk by {sentence_name(cut.model)}" if cut.is_risk else sentence_name(cut.model)
        for cut in report.question.cuts
    ]
    limits = [threshold_text(cut.thresholds[0]) for cut in report.cuts]
    first = [f"{name} above {limit}" for name, limit in zip(names[:-1], limits[:-1], strict=True)]
    return (" and " if rule == BOTH else " or ").join([*first, names[-1]])


def _roc(page: PageContext, view: View, report: SurvivalReport, marked: MarkedCut) -> None:
    """Every threshold of the marker at once, the present one marked."""
    cut, endpoint = report.cuts[0], report.question.endpoint
    material = survival_reading.material(view.key)
    roc = roc_at_horizon(material.outcome, material.marker_values[cut.model], view.horizon_weeks)
    where: dict[str, Any] = {"unit": page.unit, "start_weeks": report.landmark_weeks}
    with st.container(width=560):
        st.plotly_chart(
            horizon_roc(roc, model=cut.model, endpoint=endpoint, cut=marked, theme=page.theme, **where),
            theme=None,
            key="roc",
            config=figure_bar(page, "roc"),
            alt=horizon_words.roc_alternative(roc, what=sentence_name(cut.model), endpoint=endpoint, **where),
        )
    st.caption(plain(horizon_words.roc_footnote(roc, endpoint=endpoint, **where)))


def _pin_buttons(report: SurvivalReport, view: View) -> None:
    shown = ", ".join(threshold_text(cut.thresholds[0]) for cut in report.cuts)
    st.button(
        f"Pin {shown}",
        icon=":material/keep:",
        help="Keeps these curves dotted in the figure, to compare with other thresholds.",
        key="pin_threshold",
        on_click=lambda: address.put(pin=pin_text(report.cuts)),
    )
    if view.pinned is not None:
        st.button(
            "Unpin", icon=":material/keep_off:", type="tertiary", key="unpin", help="Takes the dotted curves away.",
            on_click=lambda: address.put(pin=None),
        )  # fmt: skip


def _moves(
    material: SurvivalMaterial,
    before: NDArray[np.bool_],
    now: NDArray[np.bool_],
    pinned: Sequence[tuple[float, ...]],
) -> str:
    """How many patients change side against the pinned thresholds."""
    shown = ", ".join(threshold_text(limits[0]) for limits in pinned)
    into, out = now & ~before, before & ~now
    if not (into.any() or out.any()):
        return f"Against the pinned {shown} nobody changes group."
    events = material.outcome.event
    parts = [
        f"{int(moved.sum())} {words} ({int(events[moved].sum())} with the event)"
        for moved, words in ((into, "newly flagged"), (out, "no longer flagged"))
        if moved.any()
    ]
    return f"Against the pinned {shown}, of {material.n} patients {' and '.join(parts)}."
