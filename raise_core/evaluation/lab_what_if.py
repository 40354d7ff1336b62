"""What would the model say of this patient with other laboratory values? From what the analysis kept, without it.

A Cox model is its coefficients, so any number of values can be moved, exactly. Of a forest the predictions over a grid
of each value are kept, so one value can be moved at a time; between the points of the grid they are joined by lines.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from raise_core.domain.errors import BadUsageError
from raise_core.domain.importance_results import ImportanceReport, LabWhatIf
from raise_core.domain.importance_settings import ImportanceModel
from raise_core.domain.outcome import FloatArray


def what_if(report: ImportanceReport, patient_id: str, lab: str, moved: Mapping[str, float]) -> LabWhatIf:
    """The prediction with some values moved.

    Args:
        report: the analysis.
        patient_id: who.
        lab: test whose curve is drawn.
        moved: test to its new value, in the unit of the data.

    Raises:
        NotInStoreError: the patient is not in the analysis.
        BadUsageError: several values of a forest, or a value that has no logarithm.
    """
    found = report.explanations
    row, place = found.row(patient_id), found.labs.index(lab)
    measured = float(found.prediction[row])
    if report.settings.model is ImportanceModel.COX:
        prediction = measured + sum(_step(report, row, name, np.array([value]))[0] for name, value in moved.items())
        rest = {name: value for name, value in moved.items() if name != lab}
        curve = measured + sum(_step(report, row, name, np.array([value]))[0] for name, value in rest.items())
        curve = curve + _step(report, row, lab, found.grid[place])
    else:
        if set(moved) - {lab}:
            raise BadUsageError("of a forest one value is moved at a time; choose the Cox model to move several.")
        curve = found.ice[row, place]
        prediction = measured
        if lab in moved:
            at = _scaled(report, lab, np.array([moved[lab]]))
            prediction = float(np.interp(at, _scaled(report, lab, found.grid[place]), curve)[0])
    return LabWhatIf(
        patient_id,
        dict(moved),
        lab,
        float(moved.get(lab, found.values[row, place])),
        float(prediction),
        measured,
        np.asarray(curve),
    )


def _step(report: ImportanceReport, row: int, lab: str, values: FloatArray) -> FloatArray:
    """What setting one value adds to the patient's log hazard, shape (g,)."""
    found = report.explanations
    place, fold = found.labs.index(lab), int(found.fold[row])
    new = _scaled(report, lab, values)
    old = found.values[row, place]
    if np.isnan(old):
        before, missing = found.fill[fold, place], found.missing_coef[fold, place]
    else:
        before, missing = _scaled(report, lab, np.array([old]))[0], 0.0
    return np.asarray(found.coef[fold, place] * (new - before) - missing)


def _scaled(report: ImportanceReport, lab: str, values: FloatArray) -> FloatArray:
    """Values on the scale of the model."""
    if not report.lab(lab).is_log:
        return values
    if (values <= 0).any():
        raise BadUsageError(f"{lab} must be above 0.")
    return np.asarray(np.log(values))
