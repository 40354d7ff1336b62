"""Every cut of the marker on screen: hazard ratio, honest p-value, how far the best one can be trusted."""

from __future__ import annotations

import streamlit as st

from raise_core.domain.cut_profile import CutProfile
from raise_core.domain.cut_results import CutStability, OutOfFoldGroups
from raise_core.domain.survival_report import SurvivalReport
from raise_core.evaluation.cut_profile import cut_profile
from raise_core.evaluation.cut_stability import bootstrap_cut, out_of_fold_groups
from raise_core.figures import numbers
from raise_core.figures.cut_profile import cut_profile_figure
from raise_core.figures.identity import model_name, short_model_name
from raise_core.figures.survival_check_words import scan_words
from raise_core.figures.template import toolbar
from raise_core.ui import survival_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
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
        config=toolbar(f"cuts-{page.study.study_id}"),
        alt=f"Hazard ratio and p-value of every cut of {name}; best cut {profile.cuts[profile.best]:.4g}.",
    )
    how = (
        f"{profile.permutations} permutations of the marker"
        if profile.permutations
        else "the analytic bound of Lausen, Sauerbrei & Schumacher (1994)"
    )
    st.caption(_caption(profile, how, stability) + f"Data snapshot {report.provenance.snapshot_id[:8]}.")


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
