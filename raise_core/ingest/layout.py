"""The canonical import files as data: which columns they have, what each may hold, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from raise_core.domain.marker_name import RESERVED_COLUMN_NAMES, SHORT_CHARACTERISTICS

MISSING_TEXTS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", ".")
"""How R, SAS, Excel and pandas write a value that is not known.

Ids, tests and paths are taken exactly as written instead ('NA' is the sodium test).
"""

EARLIEST_WEEK = -1040.0
LATEST_WEEK = 2600.0
MAX_AGE_YEARS = 120.0
MAX_DIAMETER_MM = 1000.0
MAX_SLICES = 8192
MAX_LABEL = 65535

RESERVED_PATIENT_COLUMNS = RESERVED_COLUMN_NAMES
"""A patient column of this name could not be told from the size marker."""

ALIASES = SHORT_CHARACTERISTICS
"""Short marker names and the column they stand for; a patient column of that name would be hidden by it."""


class Kind(Enum):
    """How the text of a cell is understood."""

    ID = "exact text"
    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole number"
    FLAG = "true or false"
    EVENT = "0 or 1"
    CHOICE = "one of a list"


@dataclass(frozen=True)
class Column:
    """One column of a canonical file.

    Attributes:
        name: name in the header.
        kind: how its text is understood.
        required: the column must be there.
        filled: no cell may be empty.
        low: smallest value allowed.
        high: largest value allowed.
        reason: why there are such limits, with the unit.
        remedy: what to do about a value beyond them.
        choices: allowed words.
    """

    name: str
    kind: Kind
    required: bool = False
    filled: bool = False
    low: float = float("-inf")
    high: float = float("inf")
    reason: str = ""
    remedy: str = "Correct the value or its unit, or leave the row out."
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """One canonical file.

    Attributes:
        name: file name without suffix.
        columns: columns with a meaning.
        open_ended: other columns are kept (as covariates) instead of passed over.
        needs_rows: a file without rows is an error.
        key: columns that together name a row.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    open_ended: bool = False
    needs_rows: bool = False
    by_name: Mapping[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})


_PATIENT = Column("patient_id", Kind.ID, required=True, filled=True)
_WEEK = Column(
    "week",
    Kind.NUMBER,
    required=True,
    filled=True,
    low=EARLIEST_WEEK,
    high=LATEST_WEEK,
    reason="weeks from randomisation, at most 20 years before and 50 after",
)
_ANY_TEXT = Kind.TEXT
_TIME_REMEDY = "Count from randomisation; weeks stand in a column time_weeks, days in a column time_days."

PATIENTS = Layout(
    "patients",
    (
        _PATIENT,
        Column("arm", _ANY_TEXT),
        Column("sex", _ANY_TEXT),
        Column("age_years", Kind.NUMBER, low=0.0, high=MAX_AGE_YEARS, reason="years a person can live"),
        Column("origin", _ANY_TEXT),
        Column("grade", _ANY_TEXT),
        Column("ki67_percent", Kind.NUMBER, low=0.0, high=100.0, reason="per cent of cells"),
        Column("prior_treatment", _ANY_TEXT),
        Column("progressed_at_baseline", Kind.FLAG),
    ),
    key=("patient_id",),
    open_ended=True,
    needs_rows=True,
)

OUTCOMES = Layout(
    "outcomes",
    (
        _PATIENT,
        Column("endpoint", Kind.ID, required=True, filled=True),
        Column(
            "time_weeks",
            Kind.NUMBER,
            low=0.0,
            high=LATEST_WEEK,
            reason="weeks from randomisation, never negative, at most 50 years",
            remedy=_TIME_REMEDY,
        ),
        Column(
            "time_days",
            Kind.NUMBER,
            low=0.0,
            high=LATEST_WEEK * 7,
            reason="days from randomisation, never negative, at most 50 years",
            remedy=_TIME_REMEDY,
        ),
        Column("event", Kind.EVENT, required=True, filled=True),
    ),
    key=("patient_id", "endpoint"),
)

LABS = Layout(
    "labs",
    (
        _PATIENT,
        _WEEK,
        Column("test", Kind.ID, required=True, filled=True),
        Column("value", Kind.NUMBER, required=True, filled=True),
        Column("unit", _ANY_TEXT),
        Column("lower_limit", Kind.NUMBER),
        Column("upper_limit", Kind.NUMBER),
    ),
    key=("patient_id", "week", "test"),
)

LESIONS = Layout(
    "lesions",
    (
        _PATIENT,
        _WEEK,
        Column("lesion_id", Kind.ID, required=True, filled=True),
        Column(
            "diameter_mm",
            Kind.NUMBER,
            required=True,
            low=0.0,
            high=MAX_DIAMETER_MM,
            reason="millimetres; longer than any lesion in a 500 mm field of view and than sums kept as one lesion",
        ),
        Column("organ", _ANY_TEXT),
        Column("target", Kind.FLAG, filled=True),
        Column("status", Kind.CHOICE, choices=("measured", "absent", "not evaluable")),
    ),
    key=("patient_id", "week", "lesion_id"),
)

SCANS = Layout(
    "scans",
    (
        _PATIENT,
        _WEEK,
        Column("path", Kind.ID, required=True, filled=True),
        Column("modality", Kind.CHOICE, choices=("CT", "PT", "MR")),
        Column("phase", Kind.CHOICE, choices=("non-enhanced", "arterial", "portal", "delayed")),
        Column("manufacturer", _ANY_TEXT),
        Column("kernel", _ANY_TEXT),
    ),
    key=("path",),
)

MASKS = Layout(
    "masks",
    (
        Column("scan_path", Kind.ID, required=True, filled=True),
        Column("path", Kind.ID, required=True, filled=True),
        Column("kind", Kind.CHOICE, required=True, filled=True, choices=("lesion", "liver")),
        Column("lesion_id", Kind.ID),
        Column("slice_index", Kind.WHOLE, low=0, high=MAX_SLICES - 1, reason="slices counted from 0"),
        Column("label", Kind.WHOLE, low=1, high=MAX_LABEL, reason="voxel value in the mask file; 0 is background"),
    ),
    key=("scan_path", "path", "kind", "lesion_id", "label"),
)

LAYOUTS = (PATIENTS, OUTCOMES, LABS, LESIONS, SCANS, MASKS)
SUFFIXES = (".csv", ".parquet")
DESCRIPTION_FILE = "study.json"
