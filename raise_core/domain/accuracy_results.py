"""How well markers predict by a horizon, all from out-of-fold predictions of one Cox model."""

from __future__ import annotations

from dataclasses import dataclass

from raise_core.domain.horizon_results import AucAtHorizon, BrierScores, DecisionCurve, HorizonCalibration


@dataclass(frozen=True, eq=False)
class HorizonReport:
    """Discrimination, calibration and use of out-of-fold predictions.

    Attributes:
        model: markers joined by '+'.
        horizons_weeks: weeks from the clock's start, ascending.
        horizon_weeks: the one looked at closely.
        harrell: concordance of the predicted risks.
        uno: concordance weighted for censoring.
        auc: at each horizon.
        brier: at each horizon, and integrated.
        calibration: at the horizon looked at.
        decision: of the markers, at that horizon.
        folds: of the cross-validation.
        n: patients.
        events: events.
    """

    model: str
    horizons_weeks: tuple[float, ...]
    horizon_weeks: float
    harrell: float | None
    uno: float | None
    auc: tuple[AucAtHorizon, ...]
    brier: BrierScores
    calibration: HorizonCalibration
    decision: DecisionCurve
    folds: int
    n: int
    events: int
