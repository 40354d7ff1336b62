"""What acting on the threshold would mean: accuracy at a horizon, net benefit, who changes group against a pin."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from raise_core.domain.survival_question import ByCut
from raise_core.domain.survival_report import SurvivalReport
from raise_core.evaluation.decision_curve import net_benefit
from raise_core.evaluation.horizon_accuracy import threshold_accuracy
from raise_core.evaluation.survival_groups import SurvivalMaterial
from raise_core.evaluation.time_dependent_auc import roc_at_horizon
from raise_core.figures import horizon_words
from raise_core.figures.horizon_roc import MarkedCut, horizon_roc
from raise_core.figures.identity import sentence_name
from raise_core.figures.marker_axis import measured
from raise_core.figures.survival_tables import origin_of
from raise_core.figures.template import toolbar
from raise_core.ui import address, survival_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_choice import View
from raise_core.ui.survival_threshold import pin_text
from raise_core.ui.table_view import download_row, show_table


def what_if(page: PageContext, view: View, report: SurvivalReport) -> None:
    """The threshold on screen as a rule to act on."""
    cut = view.single_cut
    if cut is None:
        return
    material = survival_reading.material(view.key)
    threshold, endpoint = report.cuts[0].thresholds[0], report.question.endpoint
    values = material.marker_values[cut.model]
    above = values > threshold
    accuracy = threshold_accuracy(material.outcome, above, view.horizon_weeks)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
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
        _pin_buttons(cut, threshold, view)
    benefit = net_benefit(material.outcome, above, view.horizon_weeks, risk_threshold=percent / 100)
    what = f"a risk by {sentence_name(cut.model)}" if cut.is_risk else sentence_name(cut.model)
    sentence = horizon_words.cut_sentence(
        accuracy, what=what, threshold=threshold, endpoint=endpoint, unit=page.unit,
        start_weeks=report.landmark_weeks,
    )  # fmt: skip
    st.markdown(f"**{plain(sentence)}**")
    if view.pinned is not None:
        st.markdown(plain(_moves(material, cut, threshold, view.pinned)))
    table = horizon_words.accuracy_table(
        accuracy,
        benefit,
        what=what,
        threshold=threshold,
        endpoint=endpoint,
        chosen=not report.cuts[0].fixed_in_advance,
        origin=origin_of(report.provenance, patients=report.n),
        unit=page.unit,
        start_weeks=report.landmark_weeks,
    )
    show_table(table)
    download_row(table, name="accuracy")
    _roc(page, view, report, MarkedCut(threshold, accuracy))


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
            config=toolbar(f"roc-{page.study.study_id}"),
            alt=horizon_words.roc_alternative(roc, what=sentence_name(cut.model), endpoint=endpoint, **where),
        )
    st.caption(plain(horizon_words.roc_footnote(roc, endpoint=endpoint, **where)))


def _pin_buttons(cut: ByCut, threshold: float, view: View) -> None:
    if st.button(
        f"Pin {measured(threshold)}",
        icon=":material/keep:",
        help="Keeps these curves dotted in the figure, to compare with other thresholds.",
        key="pin_threshold",
    ):
        address.put(pin=pin_text(cut, (threshold,)))
        st.rerun(scope="fragment")
    if view.pinned is not None and st.button(
        "Unpin", icon=":material/keep_off:", type="tertiary", key="unpin", help="Takes the dotted curves away."
    ):
        address.put(pin=None)
        st.rerun(scope="fragment")


def _moves(material: SurvivalMaterial, cut: ByCut, threshold: float, pinned: tuple[float, ...]) -> str:
    """How many patients change group against the pinned threshold."""
    values = material.marker_values[cut.model]
    before = np.searchsorted(np.array(pinned), values, side="left") > 0
    now = values > threshold
    up, down = now & ~before, before & ~now
    moved = up | down
    if not moved.any():
        return f"Against the pinned threshold {measured(pinned[0])} nobody changes group."
    events = int(material.outcome.event[moved].sum())
    towards = "into the group above" if up.any() else "into the group at or below"
    number = int(moved.sum())
    return (
        f"Against the pinned threshold {measured(pinned[0])}, {number} of {material.n} "
        f"{'patient changes' if number == 1 else 'patients change'} group, {towards} ({events} of them with the event)."
    )
