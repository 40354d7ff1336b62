"""Which patients are looked at: conditions on any marker, scan or what was recorded, all of which must hold.

The text form stands in addresses and in the store: `grade=G2;origin=pancreas|midgut;ratio:CGA@0>2`. A condition is a
subject, a week after '@' where the subject changes with time, an operator and its values. Subjects are markers
(see `marker_name`), `patient`, `has` (what was recorded) and `scan:` followed by a property of the scans.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, unquote

from raise_core.domain.errors import BadUsageError
from raise_core.domain.marker_name import MarkerKind, MarkerName, parse_marker

SCAN_PROPERTIES = ("modality", "phase", "manufacturer", "kernel")
RECORDED = ("labs", "lesions", "scans", "masks", "outcome")
PATIENT, HAS, SCAN = "patient", "has", "scan:"
PATIENT_COLUMN = "patient_id"
MOST_CONDITIONS = 20
MOST_VALUES = 2000


class Operator(StrEnum):
    """How a value is compared; longer spellings come first so that they are found first."""

    NONE_OF = "!="
    AT_LEAST = ">="
    AT_MOST = "<="
    ANY_OF = "="
    ABOVE = ">"
    BELOW = "<"
    KNOWN = "?"

    @property
    def compares_numbers(self) -> bool:
        """Whether the one value is a number."""
        return self in {Operator.AT_LEAST, Operator.AT_MOST, Operator.ABOVE, Operator.BELOW}


_CONDITION = re.compile(
    r"(?P<subject>[^!<>=?@;]+)(@(?P<week>[^!<>=?;]+))?(?P<operator>!=|>=|<=|=|>|<|\?)(?P<values>.*)"
)


@dataclass(frozen=True)
class Condition:
    """One condition.

    Attributes:
        subject: marker, `patient`, `has` or `scan:<property>`.
        operator: comparison.
        values: values to compare with; one number for the four order comparisons, none for `KNOWN`.
        week: nominal week at which the subject is read, 0 for the baseline; None for what does not change.
    """

    subject: str
    operator: Operator
    values: tuple[str, ...] = ()
    week: float | None = None

    @property
    def text(self) -> str:
        """Address form."""
        week = "" if self.week is None else f"@{self.week:g}"
        values = "|".join(_written(value) for value in self.values)
        return f"{quote(self.subject, safe=' :-')}{week}{self.operator.value}{values}"

    @property
    def marker(self) -> MarkerName | None:
        """The marker compared, None when the subject is none."""
        if self.subject in {PATIENT, HAS} or self.subject.startswith(SCAN):
            return None
        return parse_marker(self.subject)

    @property
    def folded_values(self) -> frozenset[str]:
        """Values without regard to case, as they are compared."""
        return frozenset(value.casefold() for value in self.values)

    @property
    def number(self) -> float:
        """The number compared with."""
        return float(self.values[0])


def _written(value: str) -> str:
    """A value with everything escaped that would end it; spaces only where they would be lost."""
    escaped = quote(value, safe=" :/+()-")
    return escaped if escaped == escaped.strip() else quote(value, safe=":/+()-")


@dataclass(frozen=True)
class CohortFilter:
    """Conditions that must all hold; none lets everybody through."""

    conditions: tuple[Condition, ...] = ()

    @property
    def text(self) -> str:
        """Address form, empty for everybody."""
        return ";".join(condition.text for condition in self.conditions)

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.conditions)

    def with_condition(self, condition: Condition) -> CohortFilter:
        """The filter with one more condition; one that is there already is not added twice."""
        if condition in self.conditions:
            return self
        return CohortFilter((*self.conditions, condition))

    def without(self, position: int) -> CohortFilter:
        """The filter without the condition at `position`."""
        return CohortFilter(self.conditions[:position] + self.conditions[position + 1 :])


EVERYBODY = CohortFilter()


def parse_filter(text: str) -> CohortFilter:
    """Read the address form.

    Raises:
        BadUsageError: a condition cannot be understood, or there are too many.
    """
    parts = [part for part in text.split(";") if part.strip()]
    if len(parts) > MOST_CONDITIONS:
        raise BadUsageError(f"the cohort filter has {len(parts)} conditions; at most {MOST_CONDITIONS} can be read.")
    return CohortFilter(tuple(dict.fromkeys(_parse_condition(part) for part in parts)))


def _parse_condition(text: str) -> Condition:
    found = _CONDITION.fullmatch(text.strip())
    if found is None:
        raise BadUsageError(f"cohort filter: “{text[:60]}” is no condition; write for example grade=G2 or age>=65.")
    subject = unquote(found["subject"]).strip()
    operator = Operator(found["operator"])
    values = tuple(unquote(value) for value in found["values"].split("|") if value)
    week = None if found["week"] is None else _number(found["week"], text)
    if len(values) > MOST_VALUES:
        raise BadUsageError(f"cohort filter: {subject} names {len(values)} values; at most {MOST_VALUES} can be read.")
    if operator.compares_numbers:
        if len(values) != 1:
            raise BadUsageError(f"cohort filter: “{text[:60]}” needs one number after {operator.value}.")
        values = (f"{_number(values[0], text):.10g}",)
    elif operator is Operator.KNOWN:
        if values:
            raise BadUsageError(f"cohort filter: “{text[:60]}” asks whether a value is known; nothing follows the ?.")
    elif not values:
        raise BadUsageError(f"cohort filter: “{text[:60]}” names no value after {operator.value}.")
    return _checked(Condition(subject, operator, values, week), text)


def _checked(condition: Condition, text: str) -> Condition:
    """Refuse subjects and combinations that mean nothing."""
    membership = condition.operator in {Operator.ANY_OF, Operator.NONE_OF}
    subject = condition.subject
    if subject in {PATIENT, HAS} or subject.startswith(SCAN):
        if not membership:
            raise BadUsageError(f"cohort filter: “{text[:60]}”: {subject} is compared with = or != only.")
        if subject == HAS and not set(condition.values) <= set(RECORDED):
            raise BadUsageError(f"cohort filter: “{text[:60]}”: has= knows {', '.join(RECORDED)}.")
        if subject.startswith(SCAN) and subject.removeprefix(SCAN) not in SCAN_PROPERTIES:
            raise BadUsageError(f"cohort filter: “{text[:60]}”: scan: knows {', '.join(SCAN_PROPERTIES)}.")
        return condition
    if subject == PATIENT_COLUMN:
        return _checked(Condition(PATIENT, condition.operator, condition.values), text)
    marker = parse_marker(subject)
    if marker.kind is MarkerKind.DEEP:
        raise BadUsageError(
            f"cohort filter: “{subject}” differs from split to split, so patients cannot be chosen by it."
        )
    if marker.kind is MarkerKind.CHARACTERISTIC:
        return Condition(subject, condition.operator, condition.values, None)
    week = 0.0 if condition.week is None else condition.week
    return Condition(marker.text, condition.operator, condition.values, week)


def _number(text: str, condition: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadUsageError(f"cohort filter: “{text[:20]}” in “{condition[:60]}” is not a number.")
    return number
