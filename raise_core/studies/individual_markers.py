"""The markers of a fitted model as a reader meets them: unit, range, levels, and hazard ratios over sensible steps."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from raise_core.domain.marker_name import MarkerKind, MarkerName, Model
from raise_core.domain.prediction_results import MarkerEffect, ModelMarker, NumberRange
from raise_core.evaluation.cohort_filter import lab_units
from raise_core.evaluation.kaplan_meier import LEVEL
from raise_core.evaluation.landmark import LandmarkSet
from raise_core.evaluation.marker_history import titled
from raise_core.evaluation.marker_values import MarkerSource

FloatArray = NDArray[np.float64]
RANGE_SHARES = (0.0, 0.01, 0.5, 0.99, 1.0)
BEYOND_SHARE = 0.5
SETTINGS_TO_TAIL, MOST_SETTINGS = 20, 1000
_STEPS = {"sldr": 0.1, "sldn": 0.1, "sld": 10.0, "tgr": 1.0, "tgr0": 1.0, "age": 10.0, "ki67": 5.0}
"""Differences that a clinician would call one step, in the marker's unit."""
_SETTINGS = {"sldr": 0.01, "sldn": 0.01, "sld": 1.0, "tgr": 0.1, "tgr0": 0.1, "age": 1.0, "ki67": 0.5}
"""How finely their values can be set."""
_LOG_SETTING = 0.05  # of a natural log: 5 %


def describe(source: MarkerSource, landmark: LandmarkSet, marker: MarkerName, used: tuple[str, ...]) -> ModelMarker:
    """A marker with its unit and range or levels.

    Args:
        source: cohort.
        landmark: patients the model was fitted on.
        marker: one of its markers.
        used: covariates with a coefficient.
    """
    columns = landmark.columns[marker.text]
    frame = landmark.table().set_index("patient_id")[list(columns)]
    title, has_coefficient = titled(source, marker), any(name in used for name in columns)
    if not _is_category(marker, columns):
        unit = lab_units(source.cohort).get(marker.key, "") if marker.kind is MarkerKind.LAB else ""
        values = frame[columns[0]].to_numpy(float)
        least, low, middle, high, most = (float(value) for value in np.quantile(values, RANGE_SHARES))
        found = NumberRange(least, low, middle, high, most, bool((values == np.round(values)).all()))
        return ModelMarker(marker, title, unit, found, (), "", has_coefficient)
    reference = _reference(source, marker, columns)
    level_of = frame.idxmax(axis=1).str.removeprefix(f"{marker.text}=")
    levels = tuple(level_of.where(frame.sum(axis=1) > 0, reference).astype(str).value_counts().index)
    if reference not in levels:  # nobody here has it: the level without a coefficient is what others are read against
        reference = next((level for level in levels if f"{marker.text}={level}" not in used), reference)
    return ModelMarker(marker, title, "", None, levels, reference, has_coefficient)


def _is_category(marker: MarkerName, columns: tuple[str, ...]) -> bool:
    return all(name.startswith(f"{marker.text}=") for name in columns)


def _reference(source: MarkerSource, marker: MarkerName, columns: tuple[str, ...]) -> str:
    """The level without an indicator."""
    if columns == (f"{marker.text}=yes",):
        return "no"
    levels = sorted(source.cohort.patients[marker.key].dropna().astype(str).unique())
    return source.reference_level(marker.key, levels) or ""


def value_in(marker: ModelMarker, row: pd.Series[float]) -> float | str:
    """A patient's value: a number, or the level of a category.

    Args:
        marker: whose.
        row: the patient's covariates by column.
    """
    text = marker.marker.text
    if marker.range is None:
        return next((level for level in marker.levels if row.get(f"{text}={level}") == 1.0), marker.reference)
    return float(row[column_of(marker, row.index)])


def column_of(marker: ModelMarker, columns: pd.Index[str] | tuple[str, ...]) -> str:
    """The covariate of a number."""
    text = marker.marker.text
    return next(name for name in columns if name == text or name.endswith(f" - {text}"))


def effects(
    markers: tuple[ModelMarker, ...], used: tuple[str, ...], coef: FloatArray, covariance: FloatArray
) -> tuple[MarkerEffect, ...]:
    """Hazard ratios with Wald intervals.

    Args:
        markers: of the model.
        used: covariates with a coefficient.
        coef: shape (p,), theirs.
        covariance: shape (p, p).
    """
    z = float(norm.ppf((1 + LEVEL) / 2))
    found = []
    for place, name in enumerate(used):
        marker = next(one for one in markers if _belongs(name, one.marker))
        step = None if marker.range is None else marker_step(marker)
        beta, error = coef[place] * (step or 1.0), np.sqrt(covariance[place, place]) * (step or 1.0)
        low, high = np.exp([beta - z * error, beta + z * error])
        level = "" if step else name.removeprefix(f"{marker.marker.text}=")
        found.append(
            MarkerEffect(
                marker.marker, marker.title, step, level, marker.reference if level else "", float(np.exp(beta)),
                float(low), float(high), float(2 * norm.sf(abs(beta / error))),
            )
        )  # fmt: skip
    return tuple(found)


def marker_step(marker: ModelMarker) -> float:
    """A difference of a number that means something: ten years, twice as high, a tenth of the baseline size.

    Where none is agreed on, a round number near half the way from the median to the nearer 1 % tail: about one standard
    deviation, and not led astray by a long tail.
    """
    name = marker.marker
    if name.transform in {"log", "dlog"}:
        return float(np.log(2.0))
    if name.text in _STEPS:
        return _STEPS[name.text]
    if marker.range is None:
        raise ValueError(f"{name.text} is a category and has no step")
    return round_step(_near_half(marker.range) / 2)


def _near_half(values: NumberRange) -> float:
    """From the median to the nearer 1 % tail; the whole range where that is 0."""
    near = min(values.median - values.low, values.high - values.median)
    return near or values.maximum - values.minimum


def setting_limits(marker: ModelMarker) -> tuple[float, float, float]:
    """Least and largest value a number may be set to, and the step between them.

    Both lie half of the range outside the data, so that one can see where the data end; a quantity that is never
    negative stays so, a percentage stays at or below 100.

    Raises:
        ValueError: the marker is a category.
    """
    values = marker.range
    if values is None:
        raise ValueError(f"{marker.marker.text} is a category")
    span = values.maximum - values.minimum
    beyond = BEYOND_SHARE * (span or abs(values.median) or 1.0)
    low, high = values.minimum - beyond, values.maximum + beyond
    if values.minimum >= 0 and marker.marker.transform not in {"log", "dlog"}:
        low = max(low, 0.0)
    if marker.title.endswith("(%)") and values.maximum <= 100:
        high = min(high, 100.0)
    step = _SETTINGS.get(marker.marker.text, _LOG_SETTING if marker.marker.transform in {"log", "dlog"} else 0.0)
    step = step or max(round_step(_near_half(values) / SETTINGS_TO_TAIL), round_step((high - low) / MOST_SETTINGS))
    step = max(step, 1.0) if values.whole else step
    return round(float(np.floor(low / step) * step), 10), round(float(np.ceil(high / step) * step), 10), step


def round_step(size: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above `size`; 1 for a size of 0."""
    if size <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(size))
    return float(max(step for step in (1.0, 2.0, 5.0) if step * power <= size * (1 + 1e-9)) * power)


def left_out(
    source: MarkerSource, landmark: LandmarkSet, markers: tuple[ModelMarker, ...], used: tuple[str, ...]
) -> tuple[str, ...]:
    """Markers and levels that patients of the set have and that got no coefficient of their own, in words."""
    found = []
    for marker in markers:
        text = marker.marker.text
        for name in landmark.columns[text]:
            level = name.removeprefix(f"{text}=") if marker.range is None else ""
            if name not in used and level != marker.reference and (not level or level in marker.levels):
                found.append(column_words(source, Model((marker.marker,)), name))
            elif name not in used and not level:
                found.append(marker.title)
    return tuple(found)


def column_words(source: MarkerSource, model: Model, column: str) -> str:
    """A covariate in words: the marker's name, and the level of a category."""
    marker = next((marker for marker in model.markers if _belongs(column, marker)), None)
    if marker is None:
        return column
    level = column.removeprefix(f"{marker.text}=")
    return titled(source, marker) if level == column else f"{titled(source, marker)} {level}"


def _belongs(column: str, marker: MarkerName) -> bool:
    return column == marker.text or column.startswith(f"{marker.text}=") or column.endswith(f" - {marker.text}")
