"""Who is still at risk after a week, with which marker values: the landmark set every estimate is made on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.marker_name import MarkerKind, MarkerName, Model
from raise_core.domain.outcome import Outcome
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.marker_values import MarkerSource

MARKER_MISSING = "marker missing: "
NO_IMAGES = "annotated images"
"""How a missing deep-learning marker is called in the reasons: its images are what is missing."""


@dataclass(frozen=True, eq=False)
class LandmarkSet:
    """Patients at risk after a landmark and complete for every model of the call.

    Attributes:
        week: the landmark rule used.
        endpoint: which outcome.
        models: the models the set is complete for.
        values: index `patient_id` (sorted), one float column a marker column.
        columns: marker text to its columns in `values`; deep-learning markers have none.
        visit_weeks: index `patient_id`, one column a dated marker: the visit the value was taken from.
        outcome: times in weeks after the landmark.
        excluded: reason to number of patients; with `n` they add up to `n_study`.
        excluded_patients: `patient_id`, `reason`.
        n_study: patients of the study.
    """

    week: LandmarkWeek
    endpoint: str
    models: tuple[Model, ...]
    values: pd.DataFrame
    columns: Mapping[str, tuple[str, ...]]
    visit_weeks: pd.DataFrame
    outcome: Outcome
    excluded: Mapping[str, int]
    excluded_patients: pd.DataFrame
    n_study: int

    @property
    def n(self) -> int:
        """Patients in the set."""
        return len(self.outcome)

    @property
    def patient_ids(self) -> list[str]:
        """Patients in the set, sorted."""
        return [str(patient) for patient in self.values.index]

    def covariates(self, model: Model) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Columns of `model`'s table markers, shape (n, p), and their names; indicator levels nobody has are left out.

        Deep-learning markers contribute nothing here: their values differ by split.
        """
        names = [name for marker in model.markers for name in self.columns.get(marker.text, ())]
        used = [name for name in names if not (self._is_indicator(name) and self.values[name].nunique() < 2)]
        return self.values[used].to_numpy(dtype=np.float64), tuple(used)

    def is_constant(self, marker: MarkerName) -> bool:
        """Whether a marker of the tables is the same for every patient of the set."""
        names = self.columns.get(marker.text, ())
        return marker.kind is not MarkerKind.DEEP and all(self.values[name].nunique() < 2 for name in names)

    @staticmethod
    def _is_indicator(name: str) -> bool:
        return "=" in name and " = " not in name  # a turned score is called "risk = 1 - score"

    def table(self) -> pd.DataFrame:
        """The exact rows behind the estimates: patient, markers, visits used, time after the landmark, event."""
        visits = self.visit_weeks.add_prefix("visit_week ")
        ends = pd.DataFrame(
            {
                "weeks_after_landmark": self.outcome.time_weeks,
                "event": self.outcome.event.astype(int),
            },
            index=self.values.index,
        )
        table = pd.concat([self.values, visits, ends], axis=1)
        table.insert(0, "landmark_week", self.week.landmark_weeks)
        return table.reset_index(names="patient_id")


def require_endpoint(source: MarkerSource, endpoint: str) -> pd.DataFrame:
    """Rows of one endpoint, indexed by patient.

    Raises:
        NotInStoreError: the study has no such endpoint; names those it has.
    """
    outcomes = source.cohort.outcomes
    rows = outcomes[outcomes["endpoint"] == endpoint]
    if rows.empty:
        known = ", ".join(sorted(outcomes["endpoint"].unique())) or "none"
        raise NotInStoreError(
            f"endpoint '{endpoint}': study {source.cohort.study.study_id} has {known}; pass one with --endpoint."
        )
    return rows.set_index("patient_id")[["time_weeks", "event"]]


def build_landmark_set(
    source: MarkerSource,
    models: Sequence[Model],
    week: LandmarkWeek,
    *,
    endpoint: str = "PFS",
    imaged_patients: Mapping[str, frozenset[str]] | None = None,
) -> LandmarkSet:
    """Apply the landmark rule and keep the patients complete for all `models`.

    A patient is left out for the first reason that applies: no outcome recorded, event or censoring at or before the
    landmark, a marker missing. An event found at the week's own scan is therefore not at risk.

    Args:
        source: markers of the study.
        models: every model that will be compared at this week.
        week: landmark rule.
        endpoint: outcome to predict.
        imaged_patients: image variant to the patients for whom a run holds predictions at this week.

    Raises:
        NotInStoreError: unknown endpoint, marker or test, or a marker nobody has at that week.
    """
    outcomes = require_endpoint(source, endpoint).reindex(source.patient_ids)
    landmark = week.landmark_weeks
    time = outcomes["time_weeks"].to_numpy(dtype=float)
    event = outcomes["event"].eq(True).to_numpy()  # noqa: FBT003 - missing outcomes count as no event here

    columns: dict[str, tuple[str, ...]] = {}
    values: list[pd.DataFrame] = []
    visits: dict[str, pd.Series[float]] = {}
    missing: dict[str, NDArray[np.bool_]] = {}
    for marker in {marker.text: marker for model in models for marker in model.markers}.values():
        if marker.kind is MarkerKind.DEEP:
            imaged = (imaged_patients or {}).get(marker.key, frozenset())
            not_imaged = ~source.patient_ids.isin(imaged)
            missing[NO_IMAGES] = missing.get(NO_IMAGES, not_imaged) | not_imaged
            continue
        found = source.at(marker, week)
        columns[marker.text] = tuple(found.by_patient.columns)
        values.append(found.by_patient)
        missing[marker.text] = found.by_patient.isna().any(axis=1).to_numpy()
        if found.visit_week.notna().any():
            visits[marker.text] = found.visit_week

    reason = np.full(len(outcomes), "", dtype=object)
    lacking = np.array(
        ["; ".join(name for name in missing if missing[name][row]) for row in range(len(outcomes))], dtype=object
    )
    reason[lacking != ""] = MARKER_MISSING + lacking[lacking != ""]
    over = time <= landmark
    reason[over & event] = f"event by week {landmark:g}"
    reason[over & ~event] = f"censored by week {landmark:g}"
    reason[np.isnan(time)] = f"no {endpoint} recorded"

    kept = source.patient_ids[reason == ""].sort_values()
    left_out = pd.DataFrame({"patient_id": source.patient_ids, "reason": reason})[reason != ""]
    everything = pd.concat(values, axis=1) if values else pd.DataFrame(index=source.patient_ids)
    ends = outcomes.loc[kept]
    return LandmarkSet(
        week=week,
        endpoint=endpoint,
        models=tuple(models),
        values=everything.loc[kept],
        columns=columns,
        visit_weeks=pd.DataFrame(visits, index=source.patient_ids).loc[kept],
        outcome=Outcome.of(
            time_weeks=ends["time_weeks"].to_numpy(dtype=float) - landmark, event=ends["event"].to_numpy(dtype=bool)
        ),
        excluded={str(name): int(count) for name, count in left_out["reason"].value_counts().sort_index().items()},
        excluded_patients=left_out.reset_index(drop=True),
        n_study=len(source.patient_ids),
    )
