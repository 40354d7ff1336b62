"""What is kept of the maps of a PRRT run: one record a model, one small part a patient. No torch.

Maps are kept as the reader sees them: smoothed, rounded to 1/127 of their largest amount, compressed. Shares and checks
were computed before that, from the maps as they came, and stand in the record.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raise_core.domain.attention_results import (
    AttentionShare,
    AttributionMethod,
    PatientAttention,
    RandomisationCheck,
)
from raise_core.domain.errors import NotInStoreError
from raise_core.domain.volume import Geometry
from raise_core.evaluation.attribution_share import randomisation_check, summarise_shares
from raise_core.store.artifact import ArtifactStore, artifact_key
from raise_core.store.home import Home
from raise_core.studies.prrt_runs import IMAGE_KIND, RUN_KIND

RECORD_KIND = "prrt-attention"
"""Numbers of every patient for one model of a run."""
MAP_KIND = "prrt-attention-map"
"""Maps of one patient for one model of a run."""
ATTENTION_VERSION = 1
"""Raise this whenever the same run would give other maps."""

LEVELS = 127
FloatImage = NDArray[np.float32]


@dataclass(frozen=True)
class AttentionSettings:
    """What determines the maps of a run, besides the run.

    Attributes:
        steps: points of integrated gradients.
        shuffled_steps: points for the network with shuffled weights.
        smoothing_sd_voxels: of the Gaussian under which maps are shown.
        seed: of the shuffling.
    """

    steps: int = 24
    shuffled_steps: int = 16
    smoothing_sd_voxels: float = 1.0
    seed: int = 0

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class ModelAttention:
    """What is known of one model's maps.

    Attributes:
        run_id: run.
        model: its text.
        settings: of the maps.
        repeats: networks whose maps were averaged for each patient: one a repeat, each not trained on the patient.
        seconds: time it took.
        numbers: one row a patient, image and method.
        without_map: image to why it has no map.
    """

    run_id: str
    model: str
    settings: AttentionSettings
    repeats: int
    seconds: float
    numbers: pd.DataFrame
    without_map: Mapping[str, str]

    @property
    def images(self) -> tuple[str, ...]:
        """Images with maps, PET first."""
        known = set(self.numbers["image"])
        return tuple(name for name in ("pet", "ct") if name in known)

    @property
    def patient_ids(self) -> tuple[str, ...]:
        """Patients with maps, sorted."""
        return tuple(sorted(self.numbers["patient_id"].unique()))

    def rows(self, image: str, method: AttributionMethod, patients: Collection[str] | None = None) -> pd.DataFrame:
        """Numbers of one image and method, of some patients."""
        chosen = self.numbers[(self.numbers["image"] == image) & (self.numbers["method"] == method.value)]
        return chosen if patients is None else chosen[chosen["patient_id"].isin(set(patients))]

    def share(self, image: str, method: AttributionMethod, patients: Collection[str] | None = None) -> AttentionShare:
        """Share of attribution inside lesions.

        Raises:
            NotInStoreError: nobody has a marked lesion.
        """
        return summarise_shares([patient_attention(row) for row in _records(self.rows(image, method, patients))])

    def check(
        self, image: str, method: AttributionMethod, patients: Collection[str] | None = None
    ) -> RandomisationCheck:
        """The model-randomisation check.

        Raises:
            NotInStoreError: no map varies.
        """
        rows = self.rows(image, method, patients)
        correlation, signed, similarity = (
            rows[f"shuffled_{name}"].tolist() for name in ("correlation", "signed", "similarity")
        )
        return randomisation_check(correlation, signed, similarity, repeatability=rows["repeatability"].tolist())

    def completeness(self, image: str, patients: Collection[str] | None = None) -> float | None:
        """Median size of the gap between what integrated gradients add up to and what they explain, as a share."""
        gaps = self.rows(image, AttributionMethod.INTEGRATED, patients)["completeness_gap"].abs().dropna()
        return None if gaps.empty else float(gaps.median())


@dataclass(frozen=True, eq=False)
class PatientMaps:
    """One patient's maps of one model.

    Attributes:
        patient_id: who.
        maps: (image, method) to map (k, j, i), smoothed; positive raises the risk.
    """

    patient_id: str
    maps: Mapping[tuple[str, AttributionMethod], FloatImage]


@dataclass(frozen=True, eq=False)
class PreparedScan:
    """A patient's PET and CT as the networks saw them.

    Attributes:
        geometry: the grid, along the patient's axes.
        images: image name to values (k, j, i), 0 to 1.
        lesion: lesion voxels; None where none is marked.
    """

    geometry: Geometry
    images: Mapping[str, FloatImage]
    lesion: NDArray[np.bool_] | None


def record_key(run_id: str, model: str, settings: AttentionSettings) -> str:
    """Artifact key of a model's record."""
    return artifact_key(RECORD_KIND, _inputs(run_id, model, settings), code_version=ATTENTION_VERSION)


def map_key(run_id: str, model: str, patient_id: str, settings: AttentionSettings) -> str:
    """Artifact key of a patient's maps."""
    return artifact_key(
        MAP_KIND, {**_inputs(run_id, model, settings), "patient": patient_id}, code_version=ATTENTION_VERSION
    )


def models_with_maps(home: Home, run_id: str, models: Collection[str]) -> tuple[str, ...]:
    """Those of the models whose maps are there, in the order given."""
    store = ArtifactStore(home)
    settings = AttentionSettings()
    return tuple(model for model in models if store.has(RECORD_KIND, record_key(run_id, model, settings)))


def load_attention(home: Home, run_id: str, model: str) -> ModelAttention:
    """Numbers of a model's maps.

    Raises:
        NotInStoreError: they have not been made, or were removed.
    """
    found = ArtifactStore(home).read(RECORD_KIND, record_key(run_id, model, AttentionSettings()))
    if found is None:
        raise NotInStoreError(
            f"no maps of {model} of run {run_id[:8]} have been made yet; start them with the button on the page."
        )
    document = found.document
    return ModelAttention(
        run_id, model, AttentionSettings(**document["settings"]), document["repeats"], document["seconds"],
        found.frame("numbers"), document["without_map"],
    )  # fmt: skip


def load_maps(home: Home, run_id: str, model: str, patient_id: str) -> PatientMaps:
    """One patient's maps.

    Raises:
        NotInStoreError: they are not there.
    """
    found = ArtifactStore(home).read(MAP_KIND, map_key(run_id, model, patient_id, AttentionSettings()))
    if found is None:
        raise NotInStoreError(f"the maps of patient {patient_id} are not there; make them again on this page.")
    shape = tuple(found.document["shape"])
    maps = {
        (image, AttributionMethod(method)): unpacked(
            found.arrays[f"{image}.{method}"], scale=found.document["scales"][f"{image}.{method}"], shape=shape
        )
        for image, method in (name.split(".") for name in found.document["scales"])
    }
    return PatientMaps(patient_id, maps)


def load_scan(home: Home, key: str) -> PreparedScan:
    """A patient's prepared PET and CT.

    Raises:
        NotInStoreError: they were removed.
    """
    found = ArtifactStore(home).read(IMAGE_KIND, key)
    if found is None:
        raise NotInStoreError("the prepared scans of this patient were removed; run the models again to make them.")
    images = {name: found.arrays[name].astype(np.float32) for name in ("pet", "ct") if name in found.arrays}
    lesion = found.arrays["lesion"].astype(np.bool_) if "lesion" in found.arrays else None
    return PreparedScan(Geometry.from_dict(found.document["geometry"]), images, lesion)


def volume_plan(home: Home, run_id: str) -> dict[str, Any]:
    """How the run's volumes were made, as `PetCtPlan.from_dict` reads it.

    Raises:
        NotInStoreError: the run is not there.
    """
    found = ArtifactStore(home).read(RUN_KIND, run_id)
    if found is None:
        raise NotInStoreError(f"PRRT run {run_id[:8]} is no longer in the store.")
    plan: dict[str, Any] = found.document["plans"]["volumes"]
    return plan


def packed(attribution: FloatImage) -> tuple[NDArray[np.uint8], float]:
    """A map as compressed bytes and the value that one level stands for."""
    scale = float(np.abs(attribution).max()) / LEVELS
    levels = np.zeros(attribution.shape, np.int8) if scale == 0 else np.rint(attribution / scale).astype(np.int8)
    return np.frombuffer(zlib.compress(levels.tobytes(), 6), dtype=np.uint8), scale


def unpacked(content: NDArray[np.uint8], *, scale: float, shape: tuple[int, ...]) -> FloatImage:
    """The map that `packed` was given, to within half a level."""
    levels = np.frombuffer(zlib.decompress(content.tobytes()), dtype=np.int8).reshape(shape)
    values: FloatImage = levels.astype(np.float32) * np.float32(scale)
    return values


def patient_attention(row: Mapping[str, Any]) -> PatientAttention:
    """A row of numbers as a result."""
    return PatientAttention(
        str(row["patient_id"]), row["share_in_lesion"], row["lesion_of_body"], row["brightness_in_lesion"],
        row["completeness_gap"], row["score"],
    )  # fmt: skip


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _inputs(run_id: str, model: str, settings: AttentionSettings) -> dict[str, Any]:
    return {"run_id": run_id, "model": model, "settings": settings.to_document()}
