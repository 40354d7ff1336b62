"""What is kept of what a RAISE run read from lesion pictures: maps, and the extremes of components. No torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raise_core.domain.attention_results import AttentionShare, ComponentStory, PatientAttention, RandomisationCheck
from raise_core.domain.errors import NotInStoreError
from raise_core.evaluation.attribution_share import randomisation_check, summarise_shares
from raise_core.store.artifact import ArtifactStore, artifact_key
from raise_core.store.home import Home

RAISE_RECORD_KIND = "raise-attention"
RAISE_PART_KIND = "raise-attention-part"
RAISE_ATTENTION_VERSION = 1
"""Raise this whenever the same run would give other maps."""

STEPS = 16
LEVELS = 127
RIM_MM = 3.0
"""The outer part of a lesion that counts as its rim."""


@dataclass(frozen=True, eq=False)
class LesionAttention:
    """Maps of every lesion picture of one week and image variant, and the gallery of components.

    Attributes:
        run_id: run.
        variant: image variant, for example `lesion-portal`.
        week: landmark week.
        rows: one a picture: patient_id, lesion_id, scan_week, score, share, expected, brightness, completeness_gap,
            shuffled_correlation, shuffled_signed, shuffled_similarity (the last three for one picture a patient).
        pictures: shape (R, px, px), uint8: what the encoder was given.
        maps: shape (R, px, px), int8: attribution in 127ths of the picture's largest.
        scales: shape (R,), what 127 stands for.
        contours: shape (R, px, px), bool: the lesion.
        side_mm: side of the square a picture shows.
        agreement: Spearman correlation of the explained stand-in with the networks' out-of-sample risk.
        components: in the order of explained variance.
        patients: with pictures and a risk.
        seconds: time it took.
        encoder: that read the pictures.
    """

    run_id: str
    variant: str
    week: float
    rows: pd.DataFrame
    pictures: NDArray[np.uint8]
    maps: NDArray[np.int8]
    scales: NDArray[np.float32]
    contours: NDArray[np.bool_]
    side_mm: float
    agreement: float
    components: tuple[ComponentStory, ...]
    patients: int
    seconds: float
    encoder: str

    @property
    def patient_ids(self) -> tuple[str, ...]:
        """Patients with pictures, sorted."""
        return tuple(sorted(self.rows["patient_id"].unique()))

    def share(self, patients: Collection[str] | None = None) -> AttentionShare:
        """Share of attribution in the lesion (`liver`) or its rim (`lesion`, `binary`), mean over a patient's lesions.

        Raises:
            NotInStoreError: nobody has any.
        """
        return summarise_shares(
            [
                PatientAttention(
                    str(patient), own["share"].mean(), own["expected"].mean(), own["brightness"].mean(),
                    own["completeness_gap"].mean(), own["score"].mean(),
                )
                for patient, own in self._of(patients).groupby("patient_id")
            ]
        )  # fmt: skip

    def check(self, patients: Collection[str] | None = None) -> RandomisationCheck:
        """The model-randomisation check, one picture a patient.

        Raises:
            NotInStoreError: no map varies.
        """
        rows = self._of(patients)
        return randomisation_check(
            rows["shuffled_correlation"].tolist(),
            rows["shuffled_signed"].tolist(),
            rows["shuffled_similarity"].tolist(),
        )

    def _of(self, patients: Collection[str] | None) -> pd.DataFrame:
        return self.rows if patients is None else self.rows[self.rows["patient_id"].isin(set(patients))]


def lesion_record_key(run_id: str, variant: str, week: float) -> str:
    """Artifact key of the maps of one week and variant."""
    return artifact_key(RAISE_RECORD_KIND, _inputs(run_id, variant, week), code_version=RAISE_ATTENTION_VERSION)


def lesion_part_key(run_id: str, variant: str, week: float, patient_id: str) -> str:
    """Artifact key of one patient's part, kept until all are done."""
    inputs = {**_inputs(run_id, variant, week), "patient": patient_id}
    return artifact_key(RAISE_PART_KIND, inputs, code_version=RAISE_ATTENTION_VERSION)


def lesions_with_maps(
    home: Home, run_id: str, variants: Sequence[str], weeks: Sequence[float]
) -> tuple[tuple[str, float], ...]:
    """Variant and week of all maps that are there."""
    store = ArtifactStore(home)
    return tuple(
        (variant, week)
        for variant in variants
        for week in weeks
        if store.has(RAISE_RECORD_KIND, lesion_record_key(run_id, variant, week))
    )


def load_lesion_attention(home: Home, run_id: str, variant: str, week: float) -> LesionAttention:
    """Maps and gallery of one week and variant.

    Raises:
        NotInStoreError: they have not been made, or were removed.
    """
    found = ArtifactStore(home).read(RAISE_RECORD_KIND, lesion_record_key(run_id, variant, week))
    if found is None:
        raise NotInStoreError(f"no maps of run {run_id[:8]} have been made for this visit; start them on this page.")
    document, arrays = found.document, found.arrays
    return LesionAttention(
        run_id=run_id,
        variant=variant,
        week=week,
        rows=found.frame("rows"),
        pictures=arrays["pictures"],
        maps=arrays["maps"],
        scales=arrays["scales"],
        contours=arrays["contours"].astype(np.bool_),
        side_mm=document["side_mm"],
        agreement=document["agreement"],
        components=tuple(_component(one) for one in document["components"]),
        patients=document["patients"],
        seconds=document["seconds"],
        encoder=document["encoder"],
    )


def component_document(story: ComponentStory) -> dict[str, Any]:
    """A component as JSON can hold it."""
    return {field.name: _plain(getattr(story, field.name)) for field in fields(story)}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _component(document: Mapping[str, Any]) -> ComponentStory:
    return ComponentStory(
        document["number"], document["explained"], document["risk_correlation"], tuple(document["low"]),
        tuple(document["high"]), tuple(document["low_scores"]), tuple(document["high_scores"]),
    )  # fmt: skip


def _inputs(run_id: str, variant: str, week: float) -> dict[str, Any]:
    return {"run_id": run_id, "variant": variant, "week": week, "steps": STEPS, "rim_mm": RIM_MM}
