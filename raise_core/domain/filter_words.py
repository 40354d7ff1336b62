"""A cohort filter in words: "G2, pancreas or midgut, CgA > 2 × ULN at baseline"."""

from __future__ import annotations

from collections.abc import Mapping

from raise_core.domain.cohort_filter import HAS, PATIENT, SCAN, CohortFilter, Condition, Operator
from raise_core.domain.marker_name import MarkerKind, MarkerName, plain_column_name, plain_test_name

_SIGNS = {Operator.AT_LEAST: "≥", Operator.AT_MOST: "≤", Operator.ABOVE: ">", Operator.BELOW: "<"}
_RECORDED = {
    "labs": "laboratory values", "lesions": "lesion measurements", "scans": "scans", "masks": "annotated scans",
    "outcome": "an outcome",
}  # fmt: skip
_SIZES = {
    "sld": "sum of diameters", "sldr": "SLDr", "sldn": "size ratio to nadir", "tgr": "growth rate",
    "tgr0": "growth rate before baseline", "heterogeneity": "spread between lesions",
}  # fmt: skip
_SIZE_UNITS = {"sld": " mm", "tgr": " % per month", "tgr0": " % per month"}
MOST_NAMED = 4  # more patients than this are counted, not named


def recorded_words(kind: str) -> str:
    """What `has=` asks for, in words."""
    return _RECORDED[kind]


def filter_words(chosen: CohortFilter, *, units: Mapping[str, str] | None = None) -> str:
    """All conditions in words, joined by commas; empty for everybody.

    Args:
        chosen: filter.
        units: laboratory test (upper case) to its unit.
    """
    return ", ".join(condition_words(condition, units=units) for condition in chosen.conditions)


def condition_words(condition: Condition, *, units: Mapping[str, str] | None = None) -> str:
    """One condition in words."""
    if condition.subject == PATIENT:
        return _patients(condition)
    if condition.subject == HAS:
        joined = " or ".join(_RECORDED[value] for value in condition.values)
        return ("with " if condition.operator is Operator.ANY_OF else "without ") + joined + _when(condition)
    if condition.subject.startswith(SCAN):
        word = "scanned with" if condition.operator is Operator.ANY_OF else "never scanned with"
        name = {"manufacturer": "scanner", "kernel": "kernel"}.get(condition.subject.removeprefix(SCAN), "")
        return " ".join(filter(None, [word, " or ".join(condition.values), name])) + _when(condition)
    marker = condition.marker
    if marker is None:
        raise TypeError(f"{condition.subject} is no marker")
    if condition.operator is Operator.KNOWN:
        return f"{_name(marker)} known{_when(condition)}"
    if condition.operator.compares_numbers:
        return _comparison(condition, marker, units or {})
    return _membership(condition, marker)


def _comparison(condition: Condition, marker: MarkerName, units: Mapping[str, str]) -> str:
    sign = _SIGNS[condition.operator]
    if marker.kind is MarkerKind.CHARACTERISTIC:
        label, _, unit = plain_column_name(marker.key).partition(" (")
        return f"{label} {sign} {condition.values[0]}{' ' + unit.removesuffix(')') if unit else ''}"
    name, value = _name(marker), condition.values[0]
    if marker.transform == "ratio":
        return f"{name} {sign} {value} × ULN{_when(condition)}"
    unit = _SIZE_UNITS.get(marker.key, "") if marker.kind is MarkerKind.SIZE else ""
    if marker.transform == "lab" and units.get(marker.key):
        unit = f" {units[marker.key]}"
    return f"{name} {sign} {value}{unit}{_when(condition)}"


def _membership(condition: Condition, marker: MarkerName) -> str:
    denied = condition.operator is Operator.NONE_OF
    label = plain_column_name(marker.key)
    if set(condition.values) <= {"yes", "no"}:
        positive = (condition.values == ("yes",)) is not denied
        return label if positive else f"not “{label[:1].lower() + label[1:]}”"
    joined = " or ".join(_spoken(value) for value in condition.values)
    speaks_for_itself = not any(value.replace(".", "").isdigit() or len(value) < 2 for value in condition.values)
    text = joined if speaks_for_itself else f"{label} {joined}"
    return f"not {text}" if denied else text


def _spoken(value: str) -> str:
    """A value inside a sentence: ordinary words lose their capital, codes such as G2 keep theirs."""
    first = value.split(" ", maxsplit=1)[0]
    return value[:1].lower() + value[1:] if first.isalpha() and first[1:].islower() else value


def _patients(condition: Condition) -> str:
    named = ", ".join(condition.values) if len(condition.values) <= MOST_NAMED else f"{len(condition.values)} patients"
    if condition.operator is Operator.NONE_OF:
        return f"without {named}"
    return f"only {named}" if len(condition.values) <= MOST_NAMED else f"{named} chosen by hand"


def _name(marker: MarkerName) -> str:
    if marker.kind is MarkerKind.LAB:
        test = plain_test_name(marker.key)
        return {"log": f"log {test}", "dlog": f"change in log {test}"}.get(marker.transform, test)
    return _SIZES.get(marker.key, "") if marker.kind is MarkerKind.SIZE else plain_column_name(marker.key)


def _when(condition: Condition) -> str:
    if condition.week is None:
        return ""
    return " at baseline" if condition.week == 0 else f" at week {condition.week:g}"
