"""Survival by groups of a study, with the p-value that may be shown: adjusted wherever a threshold was chosen."""

from __future__ import annotations

from raise_core.domain.cut_results import TwoCutScan
from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import MarkerKind, parse_marker
from raise_core.domain.mean_difference import RestrictedMeanDifference
from raise_core.domain.survival_question import ByColumn, ByCut, SurvivalQuestion
from raise_core.domain.survival_report import Cut, HonestP, SurvivalReport
from raise_core.domain.survival_results import IntervalScale, SurvivalComparison
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.cut_points import CutScan, scan_cuts
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.mean_difference import restricted_mean_difference
from raise_core.evaluation.survival_comparison import compare_survival
from raise_core.evaluation.survival_groups import PatientGroups, SurvivalMaterial, divide, thresholds_of
from raise_core.evaluation.two_cuts import pair_statistic, scan_two_cuts
from raise_core.studies.survival_material import survival_material

MEDIAN = "median"
PROTOCOL_CUTS = {
    ("sldr", 1.2): "20 % above baseline",
    ("sldr", 0.7): "30 % below baseline, RECIST response",
    ("sldn", 1.2): "20 % above nadir, RECIST progression",
}
"""Thresholds of markers that were fixed before anybody saw these data."""
UPPER_LIMIT = ("ratio:", 1.0, "upper limit of normal")
NOT_ALLOWED_FOR = "one of the groups holds less than a tenth of the patients, so the choice cannot be adjusted for"
NOTHING_TO_COMPARE = "fewer than two groups have patients at risk at an event"
NO_SCAN = "no patient had the event, or the values hardly differ"
CROSSED = "thresholds were chosen by looking and then crossed with other groups, which no adjustment here covers"


def survival_report(
    material: SurvivalMaterial,
    question: SurvivalQuestion,
    *,
    scan: CutScan | TwoCutScan | None = None,
    scale: IntervalScale = IntervalScale.LOG_LOG,
    horizon_weeks: float | None = None,
) -> SurvivalReport:
    """Divide the patients as asked and compare the groups.

    Args:
        material: made for this question, whatever its thresholds.
        question: what is asked.
        scan: every cut, or pair of cuts, of the one marker that is cut, where it has been made already.
        scale: of the curves' limits.
        horizon_weeks: a time at which survival is wanted, counted as the curves are.

    Raises:
        BadUsageError: a threshold leaves nobody on one side.
        NotInStoreError: no patient is left to divide.
    """
    groups = divide(material, question.dividers)
    comparison = compare_survival(
        material.outcome, groups.group_of, groups.labels, scale=scale, horizon_weeks=horizon_weeks
    )
    week = question.week
    cuts = tuple(_cut(material, cut, week) for cut in question.cuts)
    return SurvivalReport(
        question,
        0.0 if week is None else week.landmark_weeks,
        comparison,
        groups.parts,
        cuts,
        _honest_p(material, question, cuts, comparison, scan),
        _mean_difference(material, groups, comparison),
        dict(material.excluded),
        material.n_study,
        material.provenance,
    )


def survival_by_column(source: MarkerSource, column: str, *, endpoint: str) -> SurvivalReport:
    """Curves from randomisation for each level of a patient column.

    The reference is the study's reference arm, or the first level in alphabetical order.

    Raises:
        NotInStoreError: no such column or endpoint, or nobody with both.
        BadUsageError: too many levels to compare.
    """
    question = SurvivalQuestion(endpoint, (ByColumn(column),))
    return survival_report(survival_material(source, question), question)


def survival_by_marker(
    source: MarkerSource, marker_text: str, week: LandmarkWeek, *, threshold: float | None, endpoint: str
) -> SurvivalReport:
    """Curves from a landmark for the patients at or below a threshold of a marker and those above it.

    Args:
        source: cohort.
        marker_text: one marker of the tables, a number.
        week: landmark.
        threshold: in the marker's unit; None for the median of the patients at risk.
        endpoint: outcome.

    Raises:
        BadUsageError: not a number, or one of the groups is empty.
        NotInStoreError: no such endpoint, marker or week.
    """
    marker = parse_marker(marker_text)
    if marker.kind is MarkerKind.DEEP:
        raise BadUsageError(f"marker '{marker.text}' comes from a run; cut a marker of the tables.")
    question = SurvivalQuestion(endpoint, (ByCut(marker.text, () if threshold is None else (float(threshold),)),), week)
    material = survival_material(source, question)
    if not material.n:
        raise NotInStoreError(f"nobody with {marker.text} is at risk after week {week.landmark_weeks:g}.")
    return survival_report(material, question)


def fixed_in_advance(model: str, threshold: float) -> str:
    """Why a threshold owes nothing to these data: a protocol value, the upper limit of normal; empty otherwise."""
    prefix, limit, name = UPPER_LIMIT
    if model.startswith(prefix) and threshold == limit:
        return name
    return PROTOCOL_CUTS.get((model, threshold), "")


def scan_of(material: SurvivalMaterial, model: str, *, thresholds: int = 1) -> CutScan | TwoCutScan | None:
    """Every cut, or pair of cuts, of a marker; None where none can be tested (no event, or values hardly differ)."""
    scan = scan_cuts if thresholds == 1 else scan_two_cuts
    try:
        return scan(material.outcome, material.marker_values[model])
    except BadUsageError:
        return None


def _mean_difference(
    material: SurvivalMaterial, groups: PatientGroups, comparison: SurvivalComparison
) -> RestrictedMeanDifference | None:
    if len(groups.parts) != 2 or not comparison.rmst_horizon_weeks > 0:
        return None
    return restricted_mean_difference(material.outcome, groups.group_of, horizon_weeks=comparison.rmst_horizon_weeks)


def _cut(material: SurvivalMaterial, cut: ByCut, week: LandmarkWeek | None) -> Cut:
    thresholds = thresholds_of(material, cut)
    if cut.by_looking:
        fixed = ""
    elif not cut.thresholds:
        fixed = MEDIAN
    else:
        reasons = [fixed_in_advance(cut.model, threshold) for threshold in thresholds]
        fixed = " and ".join(reasons) if all(reasons) else ""
    return Cut(cut.model, 0.0 if week is None else week.week, thresholds, fixed)


def _honest_p(
    material: SurvivalMaterial,
    question: SurvivalQuestion,
    cuts: tuple[Cut, ...],
    comparison: SurvivalComparison,
    scan: CutScan | TwoCutScan | None,
) -> HonestP:
    chosen = [cut for cut in cuts if not cut.fixed_in_advance]
    if comparison.log_rank.p is None:
        reason = NOTHING_TO_COMPARE if material.outcome.n_events else "no patient had the event"
        return HonestP(None, is_adjusted=False, reason=reason)
    if not chosen:
        reasons = ", ".join(cut.fixed_in_advance for cut in cuts)
        return HonestP(comparison.log_rank.p, is_adjusted=False, reason=reasons)
    if len(question.dividers) > 1:
        return HonestP(None, is_adjusted=False, reason=CROSSED)
    cut = chosen[0]
    found = scan_of(material, cut.model, thresholds=len(cut.thresholds)) if scan is None else scan
    if found is None:
        return HonestP(None, is_adjusted=False, reason=NO_SCAN)
    value = _adjusted(material, found, cut)
    if value is None:
        return HonestP(None, is_adjusted=False, reason=NOT_ALLOWED_FOR)
    return HonestP(value, is_adjusted=True, reason="adjusted for having chosen the threshold")


def _adjusted(material: SurvivalMaterial, scan: CutScan | TwoCutScan, cut: Cut) -> float | None:
    """P-value of the best cut, or pair, doing as well in shuffled markers; None outside the range of choices."""
    if isinstance(scan, TwoCutScan):
        lower, upper = cut.thresholds
        chi2 = pair_statistic(material.outcome, material.marker_values[cut.model], lower, upper, test=scan.test)
        return None if chi2 is None else scan.adjusted_p(chi2)
    place = scan.place(cut.thresholds[0])
    return None if place is None else scan.adjusted_p(float(scan.statistic[place]))
