"""The coefficients of one model in words: names, differences, tests of their constancy, tables."""

from __future__ import annotations

import pandas as pd

from raise_core.domain.marker_name import MarkerName, plain_test_name
from raise_core.domain.prediction_results import MarkerEffect, ModelReport
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.cindex_tables import plain_reason
from raise_core.figures.cindex_words import event_words
from raise_core.figures.identity import sentence_name
from raise_core.figures.individual_words import DOUBTFUL_P, IN_SAMPLE, label_and_unit
from raise_core.figures.table_export import Origin, PrintedTable, TableRow

_TRANSFORMED = {"dlog": "{} compared with baseline", "log": "{}"}


def proportional_sentence(report: ModelReport) -> str:
    """Whether hazard ratios stay the same over time (Grambsch & Therneau)."""
    if report.proportional is None:
        return "Proportional hazards could not be tested: too few events."
    whole = f"p {numbers.p_equals(report.proportional.whole.p)} for all markers together"
    doubtful = [
        f"{effect_name(effect)} (p {numbers.p_equals(test.p)})"
        for effect, test in zip(report.effects, report.proportional.tests, strict=True)
        if test.p < DOUBTFUL_P
    ]
    method = "Grambsch and Therneau's test"
    if doubtful:
        return f"The hazard ratio of {' and '.join(doubtful)} seems to change with time ({method}; {whole})."
    if report.proportional.whole.p < DOUBTFUL_P:
        return f"The hazard ratios seem to change with time ({method}; {whole})."
    return f"No sign that a hazard ratio changes with time ({method}; {whole})."


def effect_name(effect: MarkerEffect) -> str:
    """A coefficient in the middle of a sentence."""
    name = sentence_name(effect.marker.text)
    return f"{name} {effect.level}" if effect.level else name


def effect_label(effect: MarkerEffect) -> str:
    """Which difference a hazard ratio is for: 'SLDr, per 0.1', 'CgA, per doubling', 'Tumour grade, G2 against G1'."""
    name = _short_title(effect.marker, effect.title)
    if effect.step is None:
        return f"{name}: {effect.level} against {effect.reference}"
    if effect.marker.transform in {"log", "dlog"}:
        return f"{name}, per doubling"
    label, unit = label_and_unit(name)
    return f"{label}, per {_step(effect.step)} {unit}".rstrip()


def _short_title(marker: MarkerName, title: str) -> str:
    if marker.text == "sldr":
        return "SLDr"
    template = _TRANSFORMED.get(marker.transform)
    name = title if template is None else template.format(plain_test_name(marker.key))
    return name[:1].upper() + name[1:] if name.split(" ", maxsplit=1)[0].islower() else name


def _step(step: float) -> str:
    return f"{step:,.0f}".replace(",", "\u2009") if step >= 1000 else f"{step:g}"


def effects_table(report: ModelReport, origin: Origin) -> PrintedTable:
    """Every coefficient: hazard ratio, interval, p, test of proportional hazards."""
    tests = report.proportional.tests if report.proportional is not None else (None,) * len(report.effects)
    rows = tuple(
        TableRow(
            (
                effect_label(effect),
                numbers.interval(effect.hr, effect.ci_low, effect.ci_high),
                numbers.p_value(effect.p),
                numbers.MISSING if test is None else numbers.p_value(test.p),
            )
        )
        for effect, test in zip(report.effects, tests, strict=True)
    )
    return PrintedTable(
        "Hazard ratios of the model",
        ("Difference", "Hazard ratio (95 % CI)", "p", "p, constant over time"),
        rows,
        (
            f"{report.n} patients, {report.events} {event_words(report.endpoint)}.",
            "Cox model, Efron ties, all markers together; Wald intervals and p-values.",
            "Last column: Grambsch and Therneau's test that the ratio does not change with time.",
            IN_SAMPLE,
        ),
        origin,
    )


def effects_note(report: ModelReport) -> str:
    """Footnote of the hazard ratios."""
    return (
        f"{report.n} patients, {report.events} {event_words(report.endpoint)}, "
        f"{report.events_per_variable:.0f} for each coefficient. Cox model, Efron ties, all markers together; bars are "
        f"95 % Wald intervals. {IN_SAMPLE} Data snapshot {report.provenance.snapshot_id[:8]}."
    )


def effects_alternative(report: ModelReport) -> str:
    """The figure of hazard ratios for a screen reader."""
    lines = [
        f"{effect_label(effect)}: {numbers.interval(effect.hr, effect.ci_low, effect.ci_high)}"
        for effect in report.effects
    ]
    return "Hazard ratios of the model with 95 % intervals. " + "; ".join(lines) + "."


def excluded_table(report: ModelReport, *, unit: TimeUnit) -> pd.DataFrame:
    """Patients used and left out, by reason."""
    left_out = ((plain_reason(reason, unit), count) for reason, count in report.excluded.items())
    rows = [("used: at risk and complete", report.n), *left_out]
    return pd.DataFrame(
        {"Patients": [count for _, count in rows]},
        index=pd.Index([reason for reason, _ in rows], name="Used, or left out and why"),
    ).reset_index()
