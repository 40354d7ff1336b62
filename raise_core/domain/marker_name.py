"""The marker language: `sldr+dlog:CGA+dl:lesion-portal` is three markers joined into one model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from raise_core.domain.errors import BadUsageError

SIZE_MARKERS = {
    "sld": "Sum of longest diameters (mm)",
    "sldr": "Size ratio to baseline (SLDr)",
    "sldn": "Size ratio to nadir",
    "tgr": "Tumour growth rate since baseline (% per month)",
    "tgr0": "Tumour growth rate before baseline (% per month)",
    "heterogeneity": "Spread of size change between lesions",
}
SHORT_CHARACTERISTICS = {"age": "age_years", "ki67": "ki67_percent"}
LAB_TRANSFORMS = {
    "lab": "{test}",
    "log": "log {test}",
    "dlog": "Change in log {test} since baseline",
    "ratio": "{test} / upper limit of normal",
}
DEEP_VARIANTS = {
    "lesion-portal": "Deep learning, lesion, portal phase",
    "lesion-arterial": "Deep learning, lesion, arterial phase",
    "binary-portal": "Deep learning, lesion outline only, portal phase",
    "binary-arterial": "Deep learning, lesion outline only, arterial phase",
    "liver-portal": "Deep learning, whole liver, portal phase",
    "liver-arterial": "Deep learning, whole liver, arterial phase",
}
TWO_VARIABLE_MODEL = "sldr+dlog:CGA"
THREE_VARIABLE_MODEL = f"{TWO_VARIABLE_MODEL}+dl:lesion-portal"
RESERVED_COLUMN_NAMES = frozenset(SIZE_MARKERS)


class MarkerKind(Enum):
    """Where a marker's value comes from."""

    CHARACTERISTIC = "characteristic"
    SIZE = "size"
    LAB = "lab"
    DEEP = "dl"


@dataclass(frozen=True)
class MarkerName:
    """One parsed marker.

    Attributes:
        text: canonical spelling, as it stands in a model.
        kind: source of the value.
        key: patient column, size measure, laboratory test (upper case) or image variant.
        transform: `lab`, `log`, `dlog` or `ratio` for laboratory markers, else empty.
    """

    text: str
    kind: MarkerKind
    key: str
    transform: str = ""

    @property
    def label(self) -> str:
        """Plain name for people."""
        if self.kind is MarkerKind.SIZE:
            return SIZE_MARKERS[self.key]
        if self.kind is MarkerKind.LAB:
            return LAB_TRANSFORMS[self.transform].format(test=plain_test_name(self.key))
        if self.kind is MarkerKind.DEEP:
            return DEEP_VARIANTS[self.key]
        return plain_column_name(self.key)


def parse_marker(text: str) -> MarkerName:
    """Parse one marker; laboratory tests may be written in any case, the rest as listed by `show markers`.

    Raises:
        BadUsageError: the text is empty, has an unknown prefix or names an unknown image variant.
    """
    name = text.strip()
    if not name:
        raise BadUsageError("a marker is empty; join markers with '+', as in sldr+dlog:CGA.")
    prefix, colon, rest = name.partition(":")
    if colon:
        return _parse_prefixed(name, prefix.strip().lower(), rest.strip())
    if name in SIZE_MARKERS:
        return MarkerName(name, MarkerKind.SIZE, name)
    return MarkerName(name, MarkerKind.CHARACTERISTIC, SHORT_CHARACTERISTICS.get(name, name))


def _parse_prefixed(name: str, prefix: str, rest: str) -> MarkerName:
    if not rest:
        raise BadUsageError(f"marker '{name}' names nothing after the colon.")
    if prefix in LAB_TRANSFORMS:
        test = rest.upper()
        return MarkerName(f"{prefix}:{test}", MarkerKind.LAB, test, prefix)
    if prefix == "dl":
        variant = rest.lower()
        if variant not in DEEP_VARIANTS:
            raise BadUsageError(f"marker '{name}': no such image variant; there are {', '.join(DEEP_VARIANTS)}.")
        return MarkerName(f"dl:{variant}", MarkerKind.DEEP, variant)
    raise BadUsageError(f"marker '{name}': unknown prefix '{prefix}'; use lab:, log:, dlog:, ratio: or dl:.")


@dataclass(frozen=True)
class Model:
    """Markers joined by '+': a Cox model, or the network's own risk when the one marker is `dl:`."""

    markers: tuple[MarkerName, ...]

    @property
    def text(self) -> str:
        """Canonical spelling."""
        return "+".join(marker.text for marker in self.markers)

    @property
    def label(self) -> str:
        """Plain name for people."""
        return " + ".join(marker.label for marker in self.markers)

    @property
    def deep_variants(self) -> tuple[str, ...]:
        """Image variants among the markers."""
        return tuple(marker.key for marker in self.markers if marker.kind is MarkerKind.DEEP)

    @property
    def is_network_alone(self) -> bool:
        """True when the model is one network's risk, not a Cox model."""
        return len(self.markers) == 1 and self.markers[0].kind is MarkerKind.DEEP


def parse_model(text: str) -> Model:
    """Parse markers joined by '+'.

    Raises:
        BadUsageError: a marker cannot be parsed or stands twice.
    """
    markers = tuple(parse_marker(part) for part in text.split("+"))
    seen: set[tuple[MarkerKind, str, str]] = set()
    for marker in markers:
        identity = (marker.kind, marker.key, marker.transform)
        if identity in seen:
            raise BadUsageError(f"model '{text}' has the marker '{marker.text}' twice; name it once.")
        seen.add(identity)
    return Model(markers)


_TEST_NAMES = {
    "CGA": "CgA", "ALT": "ALT", "AST": "AST", "GGT": "GGT", "AP": "alkaline phosphatase", "LDH": "LDH",
    "ALBUMIN": "albumin", "CREATININE": "creatinine", "HAEMOGLOBIN": "haemoglobin", "BILIRUBIN": "bilirubin",
    "LEUCOCYTES": "leucocytes", "PLATELETS": "platelets", "CRP": "CRP", "EGFR": "eGFR", "ALB": "albumin",
    "CREA": "creatinine", "HGB": "haemoglobin", "BILI": "bilirubin", "WBC": "leucocytes", "PLT": "platelets",
    "LYMPH": "lymphocytes", "LYMPHOCYTES": "lymphocytes", "NSE": "NSE", "UREA": "urea", "INR": "INR",
}  # fmt: skip
_COLUMN_NAMES = {
    "age_years": "Age (years)", "ki67_percent": "Ki-67 (%)", "arm": "Treatment arm", "sex": "Sex",
    "origin": "Primary tumour", "grade": "Tumour grade", "prior_treatment": "Prior treatment",
    "progressed_at_baseline": "Progressed before baseline", "who_ps": "WHO performance status",
    "prrt_cycles": "PRRT cycles", "cumulative_activity_gbq": "Cumulative activity (GBq)",
}  # fmt: skip


def plain_test_name(test: str) -> str:
    """A laboratory test as a clinician writes it; unknown tests stay as in the data."""
    return _TEST_NAMES.get(test.upper(), test)


def plain_column_name(column: str) -> str:
    """A patient column in words, the unit in brackets; unknown columns lose their underscores."""
    if column in _COLUMN_NAMES:
        return _COLUMN_NAMES[column]
    words = column
    for suffix, unit in (("_years", " (years)"), ("_percent", " (%)"), ("_mm", " (mm)"), ("_kg", " (kg)")):
        if words.endswith(suffix):
            words = words.removesuffix(suffix) + unit
    return words[:1].upper() + words[1:].replace("_", " ")
