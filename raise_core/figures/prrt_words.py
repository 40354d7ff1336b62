"""What the PRRT models' figures say in words: headlines, footnotes, warnings, text alternatives."""

from __future__ import annotations

from collections.abc import Sequence

from raise_core.domain.class_accuracy import ClassCalibration, Confusion
from raise_core.domain.class_results import ClassComparison, ClassEstimate, ClassReport, Measure
from raise_core.domain.fusion_model import Head, parse_fusion_model
from raise_core.domain.horizon_results import DecisionCurve, HorizonEstimate
from raise_core.domain.survival_report import SurvivalReport
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import horizon_words, numbers, survival_words
from raise_core.figures.cindex_words import event_noun
from raise_core.figures.fusion_marks import fusion_in_sentence, fusion_name
from raise_core.figures.identity import endpoint_name

FEW_PATIENTS = 20
"""Patients of the smaller class below which an AUROC says little."""
FOLLOWS_TRAINING = (
    "The whiskers hold for these trained models and other patients; what training on other patients would change is "
    "not in them."
)
APPROXIMATE_P = (
    "Patients of one fold are predicted by a model that learned from the others, so their predictions are not "
    "independent and the p-value is approximate."
)


def headline(report: ClassReport, model: str) -> str:
    """How well one model ranks, with its interval and counts, and how it compares with laboratory values alone."""
    found = report.estimate(model)
    score = found.auroc
    name = fusion_in_sentence(model)
    if score.value is None:
        return f"What a model of {name} predicts cannot be scored on these patients: {score.reason}."
    interval = ""
    if score.ci_low is not None and score.ci_high is not None:
        interval = f"95 % CI {100 * score.ci_low:.0f}–{100 * score.ci_high:.0f}; "
    sentence = (
        f"Of 100 pairs, one patient free of progression for {horizon_words.span(report.horizon_weeks)} and one not, "
        f"{100 * score.value:.0f} are ranked rightly by {name} ({interval}{found.n_long} and {found.n_short} patients)"
    )
    pair = _against(report, model, "lab")
    other = None if pair is None else report.estimate("lab").auroc.value
    if pair is None or pair.difference is None or other is None:
        return f"{sentence}; a coin ranks 50."
    sign = 1.0 if pair.model_a == model else -1.0
    low, high = sorted(100 * sign * (limit or 0.0) for limit in (pair.ci_low, pair.ci_high))
    difference = numbers.difference(100 * sign * pair.difference, low, high, digits=0)
    return f"{sentence}, {100 * other:.0f} by laboratory values alone; difference {difference}."


def _against(report: ClassReport, model: str, other: str) -> ClassComparison | None:
    """The AUROC comparison of two models, whichever stands first."""
    if model == other:
        return None
    wanted = {model, other}
    return next(
        (c for c in report.comparisons if c.measure is Measure.AUROC and {c.model_a, c.model_b} == wanted), None
    )


def _counts(found: ClassEstimate) -> str:
    return f"{found.n} patients, {found.n_long} long, {found.n_short} short"


def footnote(report: ClassReport) -> str:
    """Method, intervals, chance, data."""
    repeats = sorted({found.repeats for found in report.estimates}, reverse=True)
    first = report.estimates[0]
    each = " or ".join(f"{count}" for count in repeats)
    return (
        f"{endpoint_name(report.endpoint)}, long: beyond {horizon_words.span(report.horizon_weeks)}; "
        f"{_counts(_most(report.estimates))}. Out-of-fold predictions of {each} repeats of stratified "
        f"{first.folds}-fold cross-validation, split by patient; each fold scored alone, ties one half. Bar: mean over "
        "repeats of the mean over folds. Thick band: ± standard deviation over repeats, what the paper’s ± is; it is "
        f"no interval for other patients. Whisker: 95 % percentile bootstrap over patients ({report.bootstraps} "
        f"resamples within the classes). {FOLLOWS_TRAINING} {data_line(report)}"
    )


def _most(estimates: Sequence[ClassEstimate]) -> ClassEstimate:
    return max(estimates, key=lambda found: found.n)


def data_line(report: ClassReport | SurvivalReport) -> str:
    """Snapshot, run and patients shown."""
    p = report.provenance
    run = f" · run {p.run_id[:8]}" if p.run_id else ""
    return f"Data snapshot {p.snapshot_id[:8]}{run}.{whole_cohort_run(p.cohort_words)}"


def whole_cohort_run(cohort_words: str) -> str:
    """What a cohort filter means for stored predictions; empty without one."""
    if not cohort_words:
        return ""
    return (
        f" Only {cohort_words}: scores are computed on these patients; the predictions stay those of the run on the "
        "whole cohort."
    )


def left_out(report: ClassReport) -> str:
    """Who is in no classifier and why; empty where everybody is."""
    if not report.excluded:
        return ""
    parts = "; ".join(f"{reason} ({count})" for reason, count in report.excluded.items())
    return f"{sum(report.excluded.values())} of {report.n_study} patients are in no classifier: {parts}."


def warnings(report: ClassReport) -> tuple[str, ...]:
    """What must be known before believing the figure."""
    found = []
    scored = [one for one in report.estimates if one.n]
    if scored:
        fewest = min(scored, key=lambda one: min(one.n_long, one.n_short))
        least = min(fewest.n_long, fewest.n_short)
        if least < FEW_PATIENTS:
            which = "long" if fewest.n_long <= fewest.n_short else "short"
            found.append(f"Only {least} patients are {which}: the models can hardly be told apart.")
    missing = [
        f"{fusion_name(one.model)} {one.auroc.folds - one.auroc.scored} of {one.auroc.folds}"
        for one in report.estimates
        if one.auroc.scored < one.auroc.folds
    ]
    if missing:
        found.append(
            f"Folds without a score, because they hold one class only or the model could not be fitted: "
            f"{'; '.join(missing)}."
        )
    chance = [
        fusion_name(one.model)
        for one in report.estimates
        if one.auroc.ci_low is not None
        and one.auroc.ci_high is not None
        and one.auroc.ci_low <= 0.5 <= one.auroc.ci_high
    ]
    if chance:
        found.append(f"The interval holds 0.5, so no more than chance has been shown: {', '.join(chance)}.")
    return tuple(found)


def text_alternative(report: ClassReport) -> str:
    """The bars for those who cannot see them."""
    parts = []
    for one in report.estimates:
        auroc, auprc = (_score(one, measure) for measure in Measure)
        parts.append(f"{fusion_name(one.model)}: AUROC {auroc}, AUPRC {auprc}")
    first = _most(report.estimates)
    chance = f"Chance: AUROC 0.50, AUPRC {numbers.cindex(first.prevalence)} for calling everybody long"
    if first.random_auprc is not None:
        chance += f" and {first.random_auprc:.2f} for a random order"
    return f"Bars of AUROC and AUPRC by model. {'; '.join(parts)}. {chance}."


def _score(found: ClassEstimate, measure: Measure) -> str:
    score = found.score(measure)
    return score.reason or numbers.interval(score.value, score.ci_low, score.ci_high)


def curves_alternative(report: ClassReport, models: Sequence[str]) -> str:
    """The curves for those who cannot see them."""
    parts = [
        f"{fusion_name(model)}: area under ROC {numbers.cindex(report.estimate(model).auroc.value)}, average precision "
        f"{numbers.cindex(report.estimate(model).auprc.value)}"
        for model in models
    ]
    return f"ROC and precision-recall curves, mean over folds. {'; '.join(parts)}."


def curves_footnote(report: ClassReport) -> str:
    """How curves of folds were averaged."""
    return (
        "Line: mean over all folds and repeats at each place of the horizontal axis (vertical average); band: one "
        "standard deviation over folds. Precision is read at the first threshold that reaches a recall. Numbers in the "
        f"legend: mean AUROC. {data_line(report)}"
    )


def confusion_sentence(found: Confusion, model: str, *, is_probability: bool) -> str:
    """What the threshold does, in patients."""
    at = numbers.percent(found.threshold) if is_probability else numbers.decimal(found.threshold, 2)
    long, short = found.long_called_long + found.long_called_short, found.short_called_long + found.short_called_short
    right = found.long_called_long + found.short_called_short
    return (
        f"Called long from {at} on, a model of {fusion_in_sentence(model)} is right in {right} of {found.n} patients: "
        f"{found.long_called_long} of {long} long and {found.short_called_short} of {short} short patients are called "
        f"what they are; of those called short, {horizon_words.share(found.npv)} are."
    )


def confusion_footnote(report: ClassReport, *, fixed: bool) -> str:
    """How the counts came about."""
    chosen = (
        "The threshold was fixed beforehand."
        if fixed
        else "The threshold was chosen by looking at these same patients, so the numbers flatter it."
    )
    return (
        "One prediction a patient: the mean over repeats of the out-of-fold predictions. Long is the positive class. "
        f"Intervals: Wilson, 95 %. {chosen} {data_line(report)}"
    )


def survival_headline(report: SurvivalReport, model: str, *, unit: TimeUnit) -> str:
    """How the two predicted groups differ."""
    groups = report.comparison.groups
    event = event_noun(report.question.endpoint)
    name = f"a model of {fusion_in_sentence(model)}"
    if len(groups) < 2:
        return f"At this threshold {name} calls everybody the same ({groups[0].label.lower()}, {groups[0].curve.n})."
    ratio = report.comparison.hazard_ratios[0]
    p = survival_words.p_words(report)
    counts = f"{report.n} patients, {report.n_events} events"
    if ratio.hr is None:
        return f"The groups predicted by {name} cannot be compared by a hazard ratio: {ratio.reason} ({p}; {counts})."
    medians = " v ".join(
        "not reached" if group.median_weeks.value is None else f"{unit.of_weeks(group.median_weeks.value):.0f}"
        for group in reversed(groups)
    )
    return (
        f"{event.capitalize()} comes at {ratio.hr:.2f} times the rate in patients whom {name} calls short "
        f"(hazard ratio, 95 % CI {ratio.ci_low:.2f}–{ratio.ci_high:.2f}; {p}; {counts}); median {medians} {unit.value}."
    )


def survival_footnote(report: SurvivalReport, *, fixed: bool) -> str:
    """Method, threshold and p-value."""
    threshold = (
        "The threshold was fixed beforehand, so the log-rank p-value is not adjusted for a choice."
        if fixed
        else "The threshold was chosen by looking: the p-value is that of a maximally selected log-rank statistic over "
        "the thresholds that leave at least a tenth of the patients on either side, 1,000 permutations."
    )
    return (
        f"{endpoint_name(report.question.endpoint)} from baseline, n {report.n}, {report.n_events} events. "
        f"Kaplan–Meier with pointwise 95 % intervals (log-log); hazard ratio: Cox model, Efron ties. One prediction a "
        f"patient, out of fold, mean over repeats. {threshold} {APPROXIMATE_P} {data_line(report)}"
    )


def whole_sentence(report: SurvivalReport, *, horizon_weeks: float, unit: TimeUnit) -> str:
    """The whole cohort: how many are free of progression at the horizon, and the median."""
    group = report.comparison.groups[0]
    share = horizon_words.share(HorizonEstimate(group.at_horizon.value, group.at_horizon.low, group.at_horizon.high))
    return (
        f"Of all {report.n} patients ({report.n_events} events), {share} are free of "
        f"{event_noun(report.question.endpoint)} after {horizon_words.span(horizon_weeks, unit)}; median "
        f"{survival_words.median_words(group.median_weeks, unit=unit)}."
    )


def calibration_sentence(found: ClassCalibration) -> str:
    """Intercept, slope and Brier score in words."""
    brier = f"{found.brier.value or 0:.3f}"
    null = "" if found.null_brier is None else f", against {found.null_brier:.3f} when everybody is given the same"
    scaled = "" if found.scaled_brier.value is None else f": scaled {_signed(found.scaled_brier)}"
    return (
        f"Calibration of {fusion_in_sentence(found.model)}: intercept {_signed(found.intercept)}, where 0 is right; "
        f"slope {_signed(found.slope)}, where 1 is right, less too extreme. Brier score {brier}{null}{scaled}. "
        f"{found.n} patients, {found.n_long} long."
    )


def _signed(estimate: HorizonEstimate) -> str:
    if estimate.value is None:
        return f"missing ({estimate.reason})"
    text = numbers.decimal(estimate.value, 2)
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({numbers.decimal(estimate.low, 2)} to {numbers.decimal(estimate.high, 2)})"


def calibration_footnote(report: ClassReport) -> str:
    """How the calibration was looked at."""
    return (
        "Out-of-fold probabilities, mean over repeats. Points: groups of similar predictions, Wilson limits. Line: "
        "local linear smooth over the nearest three quarters of the patients, band and Brier limits from bootstraps of "
        "the patients. Intercept and slope: logistic model on the logit, Wald limits. Models are trained with both "
        "classes weighing the same, so their probabilities lean towards the rarer one; ranking is untouched by that. "
        f"{data_line(report)}"
    )


def calibration_alternative(found: ClassCalibration) -> str:
    """The calibration plot for those who cannot see it."""
    parts = "; ".join(
        f"predicted {numbers.percent(one.predicted)}, observed {horizon_words.share(one.observed)}, {one.n} patients"
        for one in found.bins
    )
    return f"Calibration of {fusion_name(found.model)}. {parts}."


def decision_alternative(curve: DecisionCurve) -> str:
    """The decision curve for those who cannot see it."""
    at = int(abs(curve.risk_threshold - 0.5).argmin())
    parts = "; ".join(
        f"{fusion_name(model)} {100 * float(curve.net_benefit[place, at, 0]):.1f}"
        for place, model in enumerate(curve.models)
    )
    everybody = 100 * float(curve.treat_all[at, 0])
    return f"Decision curve. Net benefit per 100 patients when acting from a risk of 50 %: {parts}; everybody {everybody:.1f}."  # noqa: E501


def has_probability(model: str) -> bool:
    """Whether a model predicts a probability, which calibration and decisions need."""
    return parse_fusion_model(model).head is Head.CLASS


NO_PROBABILITY = (
    "A censoring-aware model ranks patients by hazard and gives no probability of a year without progression, so there "
    "is nothing to calibrate. Choose one of the classifiers."
)
