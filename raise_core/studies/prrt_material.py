"""Whom a PRRT run is about and what is known of them before treatment: scans, laboratory values, outcome. No torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from raise_core.domain.cohort import Cohort
from raise_core.domain.errors import BadInputError, NotInStoreError
from raise_core.domain.fusion_model import FusionModel, Head, ModelInput
from raise_core.domain.outcome import BoolArray, FloatArray, Outcome
from raise_core.domain.progression_class import ProgressionClass, progression_class
from raise_core.domain.week import baseline_values
from raise_core.evaluation.landmark import require_endpoint
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.studies.prrt_settings import PrrtSettings

Record = Mapping[Hashable, Any]

PET, CT = "PT", "CT"
PREFERRED_PHASE = "portal"
"""Of several CT phases on one day: liver metastases stand out best there."""

NO_OUTCOME = "no outcome"
NO_PET = "no PET before treatment"
NO_CT = "no CT before treatment"
NO_LABS = "no laboratory values before treatment"
NOT_USABLE = "PET or CT could not be used"
NO_CLASS = "censored before the horizon: neither short nor long"


@dataclass(frozen=True, eq=False)
class HeadMaterial:
    """The patients of all models with one head.

    Attributes:
        head: what those models predict.
        patient_ids: sorted, n of them.
        outcome: of these, from baseline.
        classes: short or long; known for everybody under `Head.CLASS`.
        excluded: reason to number, of the study's other patients.
    """

    head: Head
    patient_ids: tuple[str, ...]
    outcome: Outcome
    classes: ProgressionClass
    excluded: Mapping[str, int]

    @property
    def stratum(self) -> BoolArray:
        """What folds are stratified by: the class, or whether progression was seen."""
        return self.classes.long if self.head is Head.CLASS else self.outcome.event


@dataclass(frozen=True, eq=False)
class PrrtMaterial:
    """What a study has for the models asked for.

    Attributes:
        outcome: of every patient with one, in the order of `patient_ids`.
        patient_ids: sorted ids of the patients with an outcome and every input that any of the models needs.
        reasons: patient to the first reason why not, of all others.
        scans: modality to patient to row of the scans table: the scan before treatment.
        masks: scan id to its lesion masks, rows of the masks table.
        labs: shape (n, p), baseline values, NaN where missing.
        tests: names of the p laboratory tests, upper case, sorted.
        horizon_weeks: what divides short from long.
    """

    outcome: Outcome
    patient_ids: tuple[str, ...]
    reasons: Mapping[str, str]
    scans: Mapping[str, Mapping[str, Record]]
    masks: Mapping[str, tuple[Record, ...]]
    labs: FloatArray
    tests: tuple[str, ...]
    horizon_weeks: float

    def for_head(self, head: Head, *, not_usable: Collection[str] = (), folds: int) -> HeadMaterial:
        """Those whom models with this head can be trained and tested on.

        Args:
            head: what is predicted.
            not_usable: patients whose scans could not be prepared.
            folds: of the cross-validation; each must get patients of either class (or with and without progression).

        Raises:
            BadInputError: too few patients of a class, or with progression.
        """
        classes = progression_class(self.outcome, horizon_weeks=self.horizon_weeks)
        reasons = Counter(self.reasons.values())
        usable = np.array([patient not in set(not_usable) for patient in self.patient_ids], dtype=np.bool_)
        reasons[NOT_USABLE] += int((~usable).sum())
        kept = usable
        if head is Head.CLASS:
            reasons[NO_CLASS] += int((usable & ~classes.known).sum())
            kept = usable & classes.known
        outcome = self.outcome.take(kept)
        own = progression_class(outcome, horizon_weeks=self.horizon_weeks)
        fewest = min(own.n_long, own.n_short) if head is Head.CLASS else outcome.n_events
        if fewest < 2 * folds:
            counted = (
                f"{own.n_long} patients with long and {own.n_short} with short progression-free survival"
                if head is Head.CLASS
                else f"{outcome.n_events} patients with progression"
            )
            raise BadInputError(
                f"the study has {counted} and everything the models need, too few for {folds} folds; ask for models "
                "with fewer inputs (--models), another --endpoint, or fewer --folds."
            )
        return HeadMaterial(
            head,
            tuple(np.array(self.patient_ids, dtype=object)[kept]),
            outcome,
            own,
            {reason: count for reason, count in reasons.items() if count},
        )

    def labs_of(self, patient_ids: Collection[str]) -> FloatArray:
        """Rows of `labs`, shape (len(patient_ids), p)."""
        place = {patient: row for row, patient in enumerate(self.patient_ids)}
        return np.asarray(self.labs[[place[patient] for patient in patient_ids]])


def gather(source: MarkerSource, settings: PrrtSettings) -> PrrtMaterial:
    """Find what the models of a run need.

    A baseline is the latest value or scan at week <= 0, else the first within two weeks after.

    Raises:
        NotInStoreError: the study lacks the endpoint, or an input for everybody.
    """
    outcomes = require_endpoint(source, settings.endpoint)
    cohort = source.cohort
    scans = {modality: _baseline_scans(cohort, modality) for modality in (PET, CT)}
    labs = _baseline_labs(cohort)
    needed = {each for model in settings.parsed_models for each in model.inputs}
    _require(cohort, needed, scans, labs)
    reasons: dict[str, str] = {}
    for patient in source.patient_ids:
        reason = _reason(str(patient), needed, outcomes.index, scans, labs.index)
        if reason is not None:
            reasons[str(patient)] = reason
    kept = tuple(sorted(str(patient) for patient in source.patient_ids if str(patient) not in reasons))
    own = outcomes.loc[list(kept)]
    return PrrtMaterial(
        outcome=Outcome.of(time_weeks=own["time_weeks"].to_numpy(float), event=own["event"].to_numpy(bool)),
        patient_ids=kept,
        reasons=reasons,
        scans=scans,
        masks=_lesion_masks(cohort),
        labs=labs.reindex(list(kept)).to_numpy(dtype=float),
        tests=tuple(str(test) for test in labs.columns),
        horizon_weeks=settings.horizon_weeks,
    )


def offered_models(cohort: Cohort, models: Collection[FusionModel]) -> tuple[FusionModel, ...]:
    """Those of the models for which somebody in the study has every input."""
    scans = {modality: _baseline_scans(cohort, modality) for modality in (PET, CT)}
    labs = _baseline_labs(cohort)
    here = {each for each in ModelInput if _has(each, scans, labs)}
    return tuple(model for model in models if set(model.inputs) <= here)


def _has(needed: ModelInput, scans: Mapping[str, Mapping[str, Record]], labs: pd.DataFrame) -> bool:
    if needed is ModelInput.LAB:
        return bool(len(labs))
    return bool(scans[PET if needed is ModelInput.PET else CT])


def _require(
    cohort: Cohort, needed: Collection[ModelInput], scans: Mapping[str, Mapping[str, Record]], labs: pd.DataFrame
) -> None:
    remedies = {
        ModelInput.PET: "PET (modality PT in scans.csv)",
        ModelInput.CT: "CT (modality CT in scans.csv)",
        ModelInput.CT_PRETRAINED: "CT (modality CT in scans.csv)",
        ModelInput.LAB: "laboratory values (labs.csv)",
    }
    missing = [remedies[each] for each in needed if not _has(each, scans, labs)]
    if missing:
        raise NotInStoreError(
            f"study {cohort.study.study_id} has no {missing[0]} at baseline; import it, or ask for models without it "
            "with --models."
        )


def _reason(
    patient: str,
    needed: Collection[ModelInput],
    with_outcome: pd.Index[Any],
    scans: Mapping[str, Mapping[str, Record]],
    with_labs: pd.Index[Any],
) -> str | None:
    if patient not in with_outcome:
        return NO_OUTCOME
    if ModelInput.PET in needed and patient not in scans[PET]:
        return NO_PET
    if {ModelInput.CT, ModelInput.CT_PRETRAINED} & set(needed) and patient not in scans[CT]:
        return NO_CT
    if ModelInput.LAB in needed and patient not in with_labs:
        return NO_LABS
    return None


def _baseline_scans(cohort: Cohort, modality: str) -> dict[str, Record]:
    """Each patient's scan of a modality before treatment; of several on a day the portal phase, then by name."""
    scans = cohort.scans[cohort.scans["modality"] == modality]
    order = scans.assign(other_phase=(scans["phase"] != PREFERRED_PHASE).astype(int))
    first = order.sort_values(["other_phase", "scan_id"], kind="stable").drop_duplicates(["patient_id", "week"])
    chosen = baseline_values(first, by=["patient_id"], value="scan_id")
    rows: Sequence[Record] = scans[scans["scan_id"].isin(chosen["baseline"])].to_dict("records")
    return {str(row["patient_id"]): row for row in rows}


def _lesion_masks(cohort: Cohort) -> dict[str, tuple[Record, ...]]:
    masks = cohort.masks[cohort.masks["kind"] == "lesion"].sort_values(["scan_id", "file"], kind="stable")
    return {str(scan): tuple(rows.to_dict("records")) for scan, rows in masks.groupby("scan_id")}


def _baseline_labs(cohort: Cohort) -> pd.DataFrame:
    """One row a patient with any value, one column a test."""
    labs = cohort.labs.assign(test=cohort.labs["test"].str.upper())
    found = baseline_values(labs, by=["patient_id", "test"], value="value")
    return found.pivot_table(index="patient_id", columns="test", values="baseline", aggfunc="first").sort_index(axis=1)
