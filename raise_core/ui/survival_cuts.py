"""Every cut of the marker on screen: hazard ratio, honest p-value, how far the best one can be trusted."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from raise_core.domain.cut_profile import CutProfile
from raise_core.domain.cut_results import CutStability, OutOfFoldGroups
from raise_core.domain.survival_report import GroupPart, HonestP, SurvivalReport
from raise_core.evaluation.cut_profile import cut_profile
from raise_core.evaluation.cut_stability import bootstrap_cut, out_of_fold_groups
from raise_core.evaluation.survival_comparison import compare_survival
from raise_core.figures import numbers
from raise_core.figures.cindex_words import event_noun
from raise_core.figures.cut_profile import cut_profile_figure
from raise_core.figures.identity import Mark, model_name, short_model_name
from raise_core.figures.survival_check_words import scan_words
from raise_core.figures.survival_curves import survival_figure
from raise_core.figures.survival_marks import ABOVE, BELOW
from raise_core.figures.survival_words import ratio_words
from raise_core.ui import survival_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_bar import figure_bar
from raise_core.ui.survival_choice import View
from raise_core.ui.survival_reading import MaterialKey

MOST_RESAMPLED = 5_000
"""Patients up to which the best cut is chosen again in resamples and folds; beyond, that takes a minute."""


def every_cut(page: PageContext, view: View, report: SurvivalReport) -> None:
    """Hazard ratios and p-values over all cuts, the present ones marked."""
    cut = view.single_cut
    scan = None if cut is None else survival_reading.scan(view.key, cut.model)
    if cut is None or scan is None:
        st.info("No cut can be tested here: too few events, or the values hardly differ.", icon=":material/help:")
        return
    profile = _profile(view.key, cut.model)
    stable = report.n <= MOST_RESAMPLED
    stability = _stability(view.key, cut.model) if stable else None
    name = model_name(cut.model)
    if stability is not None:
        folds = _folds(view.key, cut.model)
        st.markdown(plain(scan_words(stability, folds, marker=short_model_name(cut.model))))
    st.plotly_chart(
        cut_profile_figure(
            profile,
            marker_name=f"Risk by {name}" if cut.is_risk else name,
            thresholds=report.cuts[0].thresholds,
            theme=page.theme,
            stability=stability,
        ),
        theme=None,
        key="every_cut",
        config=figure_bar(page, "cuts"),
        alt=f"Hazard ratio and p-value of every cut of {name}; best cut {profile.cuts[profile.best]:.4g}.",
    )
    how = (
        f"{profile.permutations} permutations of the marker"
        if profile.permutations
        else "the analytic bound of Lausen, Sauerbrei & Schumacher (1994)"
    )
    st.caption(_caption(profile, how, stability) + f"Data snapshot {report.provenance.snapshot_id[:8]}.")
    if stability is not None:
        _out_of_fold(page, view, report, _folds(view.key, cut.model))


def _out_of_fold(page: PageContext, view: View, report: SurvivalReport, folds: OutOfFoldGroups) -> None:
    """Curves of patients grouped by a cut that was chosen without them."""
    if folds.worse.all() or not folds.worse.any():
        st.info("Every fold's cut puts all left-out patients on one side, so there is nothing to compare.")
        return
    material = survival_reading.material(view.key)
    names = ("Expected to do better", "Expected to do worse")
    comparison = compare_survival(material.outcome, folds.worse.astype(int), names, scale=view.scale)
    parts = tuple((GroupPart("out of fold", level=name),) for name in names)
    honest = HonestP(folds.p_permutation, is_adjusted=True, reason="permutation of the marker through the same folds")
    found = replace(report, comparison=comparison, parts=parts, p=honest, cuts=(), mean_difference=None)
    marks = tuple(
        Mark(colour, "line-ns", dash, name)
        for colour, dash, name in zip((BELOW, ABOVE), ("solid", "dash"), names, strict=True)
    )
    st.markdown("**Out of fold: each patient grouped by a cut chosen without them**")
    st.plotly_chart(
        survival_figure(
            found, marks, theme=page.theme, unit=page.unit, options=replace(view.options, extended=False),
            event_words=event_noun(report.question.endpoint),
        ),
        theme=None,
        key="out_of_fold",
        config=figure_bar(page, "out-of-fold"),
        alt=f"Kaplan-Meier curves out of fold; p {numbers.p_value(folds.p_permutation)}.",
    )  # fmt: skip
    ratio = comparison.hazard_ratios[0]
    agree = "" if folds.directions_agree else " The folds do not agree on which side does worse."
    st.caption(
        plain(
            f"Hazard ratio {ratio_words(ratio)}; p {numbers.p_value(folds.p_permutation)} by {folds.permutations} "
            f"permutations of the marker through the same {len(folds.cut)} folds. The plain log-rank p of these curves "
            f"would be too small, because folds share patients. n {report.n}, {report.n_events} events.{agree}"
        )
    )


def _caption(profile: CutProfile, how: str, stability: CutStability | None) -> str:
    adjusted, bound, raw = (
        numbers.p_value(float(p[profile.best])) for p in (profile.p_adjusted, profile.p_approximate, profile.p_raw)
    )
    bars = "Bars: share of resamples in which a cut was the best. " if stability is not None else ""
    return (
        f"Every cut that leaves at least a tenth of the {profile.n} patients on either side ({len(profile.cuts)} "
        "drawn). Hazard ratio of the patients above against those at or below, Cox model, Efron ties, pointwise 95 % "
        f"intervals. Adjusted p: maximally selected log-rank statistic, {how}; at the best cut {adjusted}, by the "
        f"analytic bound {bound}, and {raw} if the choice were ignored. {bars}"
    )


@st.cache_resource(max_entries=64, show_spinner="Trying every cut …")
def _profile(key: MaterialKey, model: str) -> CutProfile:
    material, scan = survival_reading.material(key), survival_reading.scan(key, model)
    if scan is None:
        raise ValueError("asked for a profile without a scan")
    return cut_profile(material.outcome, material.marker_values[model], scan)


@st.cache_resource(max_entries=64, show_spinner="Drawing patients again …")
def _stability(key: MaterialKey, model: str) -> CutStability:
    material = survival_reading.material(key)
    return bootstrap_cut(material.outcome, material.marker_values[model])


@st.cache_resource(max_entries=64, show_spinner="Choosing the cut without the patients it is tried on …")
def _folds(key: MaterialKey, model: str) -> OutOfFoldGroups:
    material = survival_reading.material(key)
    return out_of_fold_groups(material.outcome, material.marker_values[model], patients=material.patient_ids)
