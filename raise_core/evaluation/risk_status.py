"""Where each patient stands at a landmark: at risk, censored, past the event, or without an outcome."""

from __future__ import annotations

from enum import StrEnum

import pandas as pd

from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.landmark import require_endpoint
from raise_core.evaluation.marker_values import MarkerSource


class RiskStatus(StrEnum):
    """One of these holds for each patient at each landmark."""

    AT_RISK = "at risk"
    EVENT = "event"
    CENSORED = "censored"
    UNKNOWN = "no outcome recorded"


def risk_status(source: MarkerSource, week: LandmarkWeek, *, endpoint: str) -> pd.Series[str]:
    """Status of every patient at a landmark, by the rule of the landmark set; index `patient_id`.

    At risk means that the outcome lies after the landmark. An event or a censoring on it or before counts as over.

    Raises:
        NotInStoreError: no such endpoint.
    """
    outcomes = require_endpoint(source, endpoint).reindex(source.patient_ids)
    time = outcomes["time_weeks"].astype(float)
    over = time <= week.landmark_weeks
    event = outcomes["event"].eq(True)  # noqa: FBT003 - a missing outcome is no event
    status = pd.Series(RiskStatus.AT_RISK.value, index=source.patient_ids, dtype=object)
    status[over & event] = RiskStatus.EVENT.value
    status[over & ~event] = RiskStatus.CENSORED.value
    status[time.isna()] = RiskStatus.UNKNOWN.value
    return status
