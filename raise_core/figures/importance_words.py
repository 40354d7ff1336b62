"""Importance of laboratory values in words: headline, footnote, direction, text alternatives."""

from __future__ import annotations

from raise_core.domain.importance_results import NOISE, Drop, ImportanceReport, LabImportance
from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.domain.marker_name import plain_test_name
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.cindex_words import event_noun, event_words
from raise_core.figures.marker_axis import measured

NOISE_NAME = "Random numbers"
MODEL_NAMES = {
    ImportanceModel.SURVIVAL_FOREST: "Survival forest",
    ImportanceModel.COX: "Cox model",
    ImportanceModel.CLASS_FOREST: "Short v long (forest)",
}
USES_NOT_CAUSES = "Importance says what the model uses, not what causes progression."
FINE_LIMITS = 0.005  # intervals narrower than this are written with three decimals


def lab_name(lab: str, *, capital: bool = True) -> str:
    """A test as a clinician writes it; the noise column in words."""
    name = NOISE_NAME if lab == NOISE else plain_test_name(lab)
    return name[:1].upper() + name[1:] if capital and name.islower() else name


def model_in_sentence(model: ImportanceModel) -> str:
    """A model in the middle of a sentence; Cox keeps its capital."""
    name = MODEL_NAMES[model]
    return name if model is ImportanceModel.COX else name[:1].lower() + name[1:]


def joined(names: list[str]) -> str:
    """Names in a sentence: 'CgA', 'CgA and GGT', 'CgA, GGT and LDH'."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def when(week: float, unit: TimeUnit = TimeUnit.WEEKS) -> str:
    """'at baseline', 'at week 12'."""
    return "at baseline" if week == 0 else f"at {unit.visit(week)}"


def digits(report: ImportanceReport) -> int:
    """Decimals of drops: two, or three where intervals are so narrow that two would hide them."""
    widths = [lab.drop.se_corrected for lab in report.used if lab.drop.se_corrected is not None]
    return 3 if widths and sorted(widths)[len(widths) // 2] < FINE_LIMITS else 2


def drop_words(drop: Drop, decimals: int) -> str:
    """A drop with its interval: '0.05 (0.01 to 0.09)'."""
    if drop.importance is None:
        return numbers.MISSING
    value = numbers.decimal(drop.importance, decimals)
    if drop.ci_low is None or drop.ci_high is None:
        return value
    low, high = numbers.decimal(drop.ci_low, decimals), numbers.decimal(drop.ci_high, decimals)
    return f"{value} ({low}–{high})" if drop.ci_low >= 0 else f"{value} ({low} to {high})"


def counts(report: ImportanceReport) -> str:
    """'189 patients, 89 progressions or deaths'."""
    if report.is_classifier:
        return f"{report.n} patients, {report.events} with {event_noun(report.settings.endpoint)} within a year"
    return f"{report.n} patients, {report.events} {event_words(report.settings.endpoint)}"


def headline(report: ImportanceReport, *, unit: TimeUnit = TimeUnit.WEEKS) -> str:
    """One sentence: which value matters most and what its shuffling costs, or that none can be told from noise."""
    places, at = digits(report), when(report.settings.week, unit)
    seen = report.seen
    if not seen:
        first = report.used[0]
        together = [group for group in report.groups if group.is_seen]
        end = (
            f" Only together do {joined([lab_name(lab, capital=False) for lab in together[0].labs])} stand out, "
            f"{drop_words(together[0].drop, places)}." if together else ""
        )  # fmt: skip
        return (
            f"{at[:1].upper()}{at[1:]} none of {len(report.used)} laboratory values can be told from noise; the "
            f"largest cost of shuffling is that of {lab_name(first.lab, capital=False)}, "
            f"{drop_words(first.drop, places)} of the {report.metric} ({counts(report)}).{end}"
        )
    first = seen[0]
    sentence = (
        f"{lab_name(first.lab)} matters most {at}: shuffling it costs {drop_words(first.drop, places)} of the "
        f"{report.metric} ({counts(report)})"
    )
    others = seen[1:4]
    if not others:
        return f"{sentence}; no other laboratory value can be told from noise."
    named = joined([f"{lab_name(lab.lab, capital=False)} {drop_words(lab.drop, places)}" for lab in others])
    more = f", and {len(seen) - 4} more" if len(seen) > 4 else ""
    return f"{sentence}; {named}{more} can also be told from noise."


def model_line(report: ImportanceReport) -> str:
    """How well the model does at all: without that nothing in it can matter."""
    whole = numbers.interval(report.metric_mean, report.metric_low, report.metric_high)
    weak = report.metric_low is not None and report.metric_low <= 0.5
    warning = " It has not been shown to be better than chance, so what it uses says little." if weak else ""
    return f"All laboratory values together: {report.metric} {whole} on patients not seen.{warning}"


def method_words(settings: ImportanceSettings) -> str:
    """The cross-validation in a few words."""
    return (
        f"Fall of the {settings.model.metric} when a value is shuffled among held-out patients "
        f"({settings.permutations} times a fold), mean over {settings.repeats} × {settings.folds} folds stratified by "
        f"{'class' if settings.model is ImportanceModel.CLASS_FOREST else 'event'}; interval: corrected for "
        "overlapping training sets (Nadeau and Bengio), 95 %"
    )


def footnote(report: ImportanceReport, *, unit: TimeUnit = TimeUnit.WEEKS) -> str:
    """Patients, method, noise, snapshot."""
    settings = report.settings
    model = {
        ImportanceModel.SURVIVAL_FOREST: f"Random survival forest of {settings.trees} trees",
        ImportanceModel.COX: "Cox model of all values (Efron ties, light ridge)",
        ImportanceModel.CLASS_FOREST: f"Random forest of {settings.trees} trees, progression within a year or not",
    }[settings.model]
    chosen = f" Patients: {report.provenance.cohort_words}." if report.provenance.cohort_words else ""
    return (
        f"{counts(report)[:1].upper()}{counts(report)[1:]}, values {when(settings.week, unit)}, time from "
        f"{unit.visit(settings.landmark.landmark_weeks)}. {model}; missing values: median and an indicator, learnt "
        f"in training. {method_words(settings)}. Told from noise (filled): above the noise column (paired difference "
        "on the same folds, interval above 0); about 1 value in 40 would be so by chance. "
        f"{USES_NOT_CAUSES}{chosen} Data snapshot {report.provenance.snapshot_id[:8]}."
    )


def importance_alternative(report: ImportanceReport) -> str:
    """The bars for a screen reader."""
    places = digits(report)
    parts = [
        f"{lab_name(lab.lab)} {drop_words(lab.drop, places)}{', told from noise' if lab.is_seen else ''}"
        for lab in report.used
    ]
    return (
        f"Fall of the {report.metric} when each laboratory value is shuffled, largest first: {'; '.join(parts)}. "
        f"{NOISE_NAME}: {drop_words(report.noise, places)}."
    )


def direction(lab: LabImportance) -> str:
    """Which way a value points, by its own hazard ratio: 'higher is worse', 'lower is worse', 'no clear direction'."""
    ratio = lab.effects.per_sd
    if ratio.ci_low is None or ratio.ci_high is None:
        return "unknown"
    if ratio.ci_low > 1:
        return "higher is worse"
    return "lower is worse" if ratio.ci_high < 1 else "no clear direction"


def with_unit(report: ImportanceReport, lab: str, value: float) -> str:
    """A value as it is printed in a lab report; 'not measured' where it is missing."""
    if value != value:  # noqa: PLR0124 - NaN alone differs from itself
        return "not measured"
    return f"{measured(value)} {report.lab(lab).unit}".rstrip()


def axis_name(report: ImportanceReport, lab: str) -> str:
    """A test with its unit."""
    unit = report.lab(lab).unit
    return f"{lab_name(lab)} ({unit})" if unit else lab_name(lab)


def risk_axis(report: ImportanceReport) -> str:
    """What the model predicts, as the title of an axis."""
    return {
        ImportanceModel.SURVIVAL_FOREST: "Risk score (expected events)",
        ImportanceModel.COX: "Log hazard against the average patient",
        ImportanceModel.CLASS_FOREST: f"Probability of {event_noun(report.settings.endpoint)} within a year",
    }[report.settings.model]


def risk_words(report: ImportanceReport, risk: float) -> str:
    """A prediction in words: a probability, a hazard against the average patient, or a risk score."""
    if report.settings.model is ImportanceModel.CLASS_FOREST:
        return numbers.percent(risk)
    if report.settings.model is ImportanceModel.COX:
        return f"{2.718281828459045**risk:.2f} times the average hazard"
    return f"risk score {risk:.1f}"


def out_of_fold_note(report: ImportanceReport) -> str:
    """Footnote of everything said of single patients."""
    return (
        f"Each patient by the model whose training did not include the patient (first of {report.settings.repeats} "
        f"repeats). {counts(report)[:1].upper()}{counts(report)[1:]}; {model_in_sentence(report.settings.model)}. "
        f"{USES_NOT_CAUSES} Data snapshot {report.provenance.snapshot_id[:8]}."
    )
