"""What a marker was worth for each patient at a week: the one place where marker names meet the tables."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from raise_core.domain.cohort import Cohort
from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.lesion import size_history
from raise_core.domain.marker_name import (
    LAB_TRANSFORMS,
    SHORT_CHARACTERISTICS,
    SIZE_MARKERS,
    MarkerKind,
    MarkerName,
    parse_marker,
)
from raise_core.domain.week import LandmarkWeek, baseline_values, common_visit_weeks

HIGHER_IS_BETTER = "probability_long"  # the one score that is; as a marker it is turned into a risk
MOST_CATEGORIES = 20  # more levels than this is free text, not a characteristic


@dataclass(frozen=True, eq=False)
class MarkerColumns:
    """A marker's values at one week.

    Attributes:
        marker: which.
        by_patient: index `patient_id`, one float column (several for a category: an indicator a level other than the
            reference), NaN where missing.
        visit_week: index `patient_id`, date of the visit the value was taken from; NaN for baseline characteristics.
    """

    marker: MarkerName
    by_patient: pd.DataFrame
    visit_week: pd.Series[float]


class MarkerSource:
    """Marker values of one cohort, with the size and laboratory histories worked out once."""

    def __init__(self, cohort: Cohort) -> None:
        self.cohort = cohort

    @cached_property
    def patient_ids(self) -> pd.Index[str]:
        """All patients of the study, in the order of the patients table."""
        ids: pd.Index[str] = pd.Index(self.cohort.patients["patient_id"], name="patient_id")
        return ids

    @cached_property
    def sizes(self) -> pd.DataFrame:
        """Size measures by visit; see `size_history`."""
        return size_history(self.cohort.lesions)

    @cached_property
    def labs(self) -> pd.DataFrame:
        """Laboratory rows with `test` in upper case and the four transforms as columns."""
        labs = self.cohort.labs[["patient_id", "week", "test", "value", "upper_limit"]].copy()
        labs["test"] = labs["test"].str.upper()
        positive = labs["value"].where(labs["value"] > 0)
        limit = pd.to_numeric(labs["upper_limit"], errors="coerce")
        labs["lab"] = labs["value"].astype(float)
        labs["log"] = np.log(positive)
        labs["ratio"] = labs["lab"] / limit.where(limit > 0)
        start = baseline_values(labs, by=["patient_id", "test"], value="lab")
        labs = labs.merge(start, on=["patient_id", "test"], how="left")
        labs["dlog"] = (labs["log"] - np.log(labs["baseline"].where(labs["baseline"] > 0))).where(
            labs["week"] > labs["baseline_week"]
        )
        return labs[["patient_id", "week", "test", *LAB_TRANSFORMS]]

    @cached_property
    def tests(self) -> tuple[str, ...]:
        """Laboratory tests there are, upper case, sorted."""
        return tuple(sorted(self.labs["test"].unique()))

    @cached_property
    def visit_weeks(self) -> tuple[int, ...]:
        """Weeks after baseline around which patients were commonly seen."""
        seen = [table[["patient_id", "week"]].astype({"week": float}) for table in (self.sizes, self.labs)]
        dates = pd.concat([table for table in seen if len(table)] or seen[:1]).drop_duplicates()
        return common_visit_weeks(dates["week"], self.cohort.n_patients)

    def is_after_baseline(self, marker: MarkerName) -> bool:
        """Whether only the course of treatment shows this characteristic."""
        return marker.kind is MarkerKind.CHARACTERISTIC and marker.key in self.cohort.study.after_baseline

    def predictors(self) -> tuple[MarkerName, ...]:
        """Every marker the tables can give at a landmark: those known only after baseline are not among them."""
        return tuple(marker for marker in self.markers() if not self.is_after_baseline(marker))

    def markers(self) -> tuple[MarkerName, ...]:
        """Every marker the tables can give (deep-learning ones belong to runs and are not listed here)."""
        short = {column: name for name, column in SHORT_CHARACTERISTICS.items()}
        columns = [short.get(column, column) for column in self.cohort.patients.columns if column != "patient_id"]
        usable = [name for name in columns if self._is_usable(SHORT_CHARACTERISTICS.get(name, name))]
        sizes = [name for name in SIZE_MARKERS if self.sizes[name].notna().any()]
        labs = [f"{kind}:{test}" for test in self.tests for kind in LAB_TRANSFORMS if self._has_lab(test, kind)]
        return tuple(parse_marker(name) for name in [*usable, *sizes, *labs])

    def _has_lab(self, test: str, transform: str) -> bool:
        return bool(self.labs.loc[self.labs["test"] == test, transform].notna().any())

    def _is_usable(self, column: str) -> bool:
        known = self.cohort.patients[column].dropna()
        if known.nunique() < 2:
            return False
        return pd.api.types.is_numeric_dtype(known) or known.nunique() <= MOST_CATEGORIES

    def at(self, marker: MarkerName, week: LandmarkWeek) -> MarkerColumns:
        """Values of `marker` at `week`, one row for each patient of the study.

        Raises:
            NotInStoreError: the study has no such column or test, or nobody has a value at that week.
            BadUsageError: a free-text column, one known only after baseline, or a deep-learning marker (those come
                from a run).
        """
        if marker.kind is MarkerKind.CHARACTERISTIC:
            self._require_known_at_baseline(marker)
            return self._characteristic(marker)
        if marker.kind is MarkerKind.SIZE:
            found = self._size(marker, week)
        elif marker.kind is MarkerKind.LAB:
            self._require_test(marker)
            of_test = self.labs[self.labs["test"] == marker.key]
            found = week.latest(of_test, value=marker.transform, measured="lab")
        else:
            raise BadUsageError(f"marker '{marker.text}' comes from a run, not from the study's tables.")
        if found["value"].isna().all():
            raise NotInStoreError(self._nothing_at(marker, week, measured=len(found)))
        whole = found.reindex(self.patient_ids)
        return MarkerColumns(marker, whole[["value"]].rename(columns={"value": marker.text}), whole["visit_week"])

    def _size(self, marker: MarkerName, week: LandmarkWeek) -> pd.DataFrame:
        """Value and visit week of a size marker, index `patient_id`."""
        if self.sizes.empty:
            raise NotInStoreError(f"marker '{marker.text}': study {self.cohort.study.study_id} has no target lesions.")
        if marker.key == "tgr0":  # growth before baseline is known at baseline, whoever is seen later
            known = self.sizes[self.sizes["tgr0"].notna()].drop_duplicates("patient_id").set_index("patient_id")
            return known.rename(columns={"tgr0": "value", "baseline_week": "visit_week"})[["value", "visit_week"]]
        measured = "heterogeneity" if marker.key == "heterogeneity" else "sld"
        return week.latest(self.sizes, value=marker.key, measured=measured)

    def _nothing_at(self, marker: MarkerName, week: LandmarkWeek, *, measured: int) -> str:
        span = f"({week.week - week.window_weeks:g}, {week.landmark_weeks:g}]"
        if measured:
            return (
                f"marker '{marker.text}' is missing for all {measured} patients measured in {span}, so for week "
                f"{week.week:g}: it needs a baseline and, where it is a change, a value after it."
            )
        if marker.kind is MarkerKind.SIZE and self.sizes["sld"].isna().all():
            return (
                f"marker '{marker.text}': no visit of study {self.cohort.study.study_id} has a diameter for every "
                "baseline target, so no sum of diameters can be made; see the lesions file."
            )
        weeks = ", ".join(str(visit) for visit in self.visit_weeks) or "none"
        return (
            f"marker '{marker.text}' has no value dated in {span}, so none for week {week.week:g}. "
            f"Common visit weeks: {weeks}."
        )

    def present_at(self, marker: MarkerName, week: LandmarkWeek) -> pd.Series[bool]:
        """Which patients have a value of a marker of the tables at a week; index `patient_id`."""
        try:
            values = self.at(marker, week).by_patient
        except NotInStoreError:
            return pd.Series(data=False, index=self.patient_ids)
        return values.notna().all(axis=1)

    def require(self, marker: MarkerName) -> None:
        """Refuse a marker the study's tables cannot give at any week.

        Raises:
            NotInStoreError: no such column or test, or no target lesions.
            BadUsageError: a free-text column.
        """
        if marker.kind is MarkerKind.CHARACTERISTIC:
            self._characteristic(marker)
        elif marker.kind is MarkerKind.LAB:
            self._require_test(marker)
        elif marker.kind is MarkerKind.SIZE:
            self._size(marker, LandmarkWeek(0.0))

    def require_predictor(self, marker: MarkerName) -> None:
        """Refuse a marker that cannot be used to predict, or to divide patients, from baseline or a landmark on.

        Raises:
            NotInStoreError: as `require`.
            BadUsageError: as `require`, or the characteristic is known only after baseline.
        """
        self._require_known_at_baseline(marker)
        self.require(marker)

    def _require_known_at_baseline(self, marker: MarkerName) -> None:
        if self.is_after_baseline(marker):
            raise BadUsageError(
                f"{marker.label} is known only after baseline: it can be described, not used to predict or to choose "
                "patients by. Whoever goes longer without progression has had more time to reach a high value."
            )

    def _require_test(self, marker: MarkerName) -> None:
        if marker.key in self.tests:
            return
        study = self.cohort.study.study_id
        if not self.tests:
            raise NotInStoreError(f"marker '{marker.text}': study {study} has no laboratory values.")
        raise NotInStoreError(
            f"marker '{marker.text}': study {study} has no test {marker.key}; it has {', '.join(self.tests)}."
        )

    def _characteristic(self, marker: MarkerName) -> MarkerColumns:
        patients = self.cohort.patients.set_index("patient_id")
        if marker.key not in patients.columns:
            known = [name.text for name in self.markers()]
            close = difflib.get_close_matches(marker.text, known, n=3)
            hint = f" Did you mean {', '.join(close)}?" if close else ""
            raise NotInStoreError(
                f"marker '{marker.text}': study {self.cohort.study.study_id} has no such column.{hint} "
                f"List the markers with: show markers --study {self.cohort.study.study_id}"
            )
        column = patients[marker.key]
        no_visit = pd.Series(np.nan, index=self.patient_ids, name="visit_week")
        if marker.key == HIGHER_IS_BETTER:
            values = (1.0 - column.astype(float)).to_frame(f"risk = 1 - {marker.text}")
        elif pd.api.types.is_bool_dtype(column.dropna().infer_objects()):
            values = column.astype(object).map({True: 1.0, False: 0.0}).astype(float).to_frame(f"{marker.text}=yes")
        elif pd.api.types.is_numeric_dtype(column):
            values = column.astype(float).to_frame(marker.text)
        else:
            values = self._indicators(marker, column)
        return MarkerColumns(marker, values.reindex(self.patient_ids), no_visit)

    def _indicators(self, marker: MarkerName, column: pd.Series[str]) -> pd.DataFrame:
        levels = sorted(column.dropna().astype(str).unique())
        if len(levels) > MOST_CATEGORIES:
            raise BadUsageError(
                f"marker '{marker.text}' has {len(levels)} different values; at most {MOST_CATEGORIES} can be compared."
            )
        reference = self.reference_level(marker.key, levels)
        missing = column.isna()
        return pd.DataFrame(
            {
                f"{marker.text}={level}": (column == level).astype(float).mask(missing)
                for level in levels
                if level != reference
            }
        )

    def reference_level(self, column: str, levels: list[str]) -> str | None:
        """The level others are read against: the study's reference arm, else the first in alphabetical order."""
        if column == "arm" and self.cohort.study.reference_arm in levels:
            return self.cohort.study.reference_arm
        return levels[0] if levels else None
