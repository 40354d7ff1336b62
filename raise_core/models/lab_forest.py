"""Random forests on laboratory values: of the one-year class, and of the hazard where patients may be censored.

Imputation (training medians, with an indicator where a test is missing for some) is part of each fit. Sources:
Breiman L. Random forests. Machine Learning 2001;45:5-32. Ishwaran H et al. Random survival forests. Annals of Applied
Statistics 2008;2:841-860.
"""

from __future__ import annotations

import numpy as np

from raise_core.domain.device import one_thread
from raise_core.domain.errors import BadInputError
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.models.lab_inputs import check_labs, fit_lab_statistics

TREES = 200
"""Trees of a forest. The vote of a patient then has a standard error of at most 0.035 from the drawing of trees."""

SMALLEST_LEAF = 5
"""Training patients in a leaf at least: deeper trees only learn the training patients by heart."""

SMALLEST_HAZARD = 1e-6
"""Expected number of events below which its log is not taken any further."""

ONE_CLASS = "only one class among the training patients"
NO_EVENTS = "no event among the training patients"


def fit_lab_forest(values: FloatArray, long: BoolArray, train: BoolArray, *, seed: int) -> FloatArray:
    """Train a random forest on the training patients and ask it about all.

    Classes are weighted inversely to their size, so 0.5 divides the more likely class at equal prevalence.

    Args:
        values: shape (n, p), NaN where missing.
        long: shape (n,), the class; read where `train` only.
        train: shape (n,), the training patients.
        seed: of bootstrap and candidate tests.

    Returns:
        Probability of long, shape (n,); of training patients it is optimistic.

    Raises:
        BadInputError: shapes disagree, a value is infinite, or the training patients are of one class.
    """
    check_labs(values, train)
    classes = np.asarray(long[train], dtype=np.bool_)
    if classes.all() or not classes.any():
        raise BadInputError(f"{ONE_CLASS}; use fewer folds or another horizon.")
    inputs = fit_lab_statistics(values, train).impute(values)
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        n_estimators=TREES, min_samples_leaf=SMALLEST_LEAF, class_weight="balanced", random_state=seed, n_jobs=1
    )
    with one_thread():
        forest.fit(inputs[train], classes)
        return np.asarray(forest.predict_proba(inputs)[:, 1], dtype=np.float64)


def fit_lab_survival_forest(
    values: FloatArray, time_weeks: FloatArray, event: BoolArray, train: BoolArray, *, seed: int
) -> FloatArray:
    """Train a random survival forest on the training patients and ask it about all.

    Args:
        values: shape (n, p), NaN where missing.
        time_weeks: shape (n,); read where `train` only, as is `event`.
        event: shape (n,), False where censored.
        train: shape (n,), the training patients.
        seed: of bootstrap and candidate tests.

    Returns:
        Shape (n,), higher = worse: the log of the expected number of events (the forest's mortality), less its mean
        over the training patients.

    Raises:
        BadInputError: shapes disagree, a value is infinite, or no training patient has an event.
    """
    check_labs(values, train)
    if not event[train].any():
        raise BadInputError(f"{NO_EVENTS}; use fewer folds.")
    inputs = fit_lab_statistics(values, train).impute(values)
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.util import Surv

    forest = RandomSurvivalForest(
        n_estimators=TREES, min_samples_leaf=SMALLEST_LEAF, max_features="sqrt", random_state=seed, n_jobs=1
    )
    with one_thread():
        forest.fit(inputs[train], Surv.from_arrays(event=event[train], time=time_weeks[train]))
        mortality = np.asarray(forest.predict(inputs), dtype=np.float64)
    risk = np.log(np.maximum(mortality, SMALLEST_HAZARD))
    return np.asarray(risk - risk[train].mean())
