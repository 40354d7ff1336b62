"""What a RAISE run would still have to do, found out without doing it and without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raise_core.domain.errors import WeightsMissingError
from raise_core.features.encoder import EncoderKind, Normalisation
from raise_core.features.plan import feature_key
from raise_core.features.registry import ENCODERS, encoder_named
from raise_core.store.artifact import ArtifactStore
from raise_core.store.feature_shelf import FeatureShelf
from raise_core.store.home import Home
from raise_core.studies import raise_plan
from raise_core.studies.opening import open_study
from raise_core.studies.raise_images import slice_plan
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.runs import UNIT_KIND

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class PlannedWork:
    """What a run needs, and what of it is kept from earlier ones.

    Attributes:
        run_id: the run, when it is finished already.
        pictures: different pictures it needs.
        pictures_kept: of these, with features kept; None while the encoder's weights are not on this machine.
        networks: sets of networks it needs, one a week and image variant.
        networks_kept: of these, kept; None until every picture has its features.
        patients_by_week: patients at risk at each week.
        weights_missing: what to do about weights that are not on this machine; None when they are here.
    """

    run_id: str | None
    pictures: int
    pictures_kept: int | None
    networks: int
    networks_kept: int | None
    patients_by_week: dict[float, int]
    weights_missing: str | None


@dataclass(frozen=True)
class _EncoderByName:
    """An encoder as a feature's name needs it, whether or not its weights are here. It has no network."""

    kind: EncoderKind
    weights_sha256: str

    @property
    def name(self) -> str:
        return self.kind.name

    @property
    def feature_count(self) -> int:
        return self.kind.feature_count

    @property
    def normalisation(self) -> Normalisation:
        return self.kind.normalisation

    def network(self) -> nn.Module:
        raise WeightsMissingError(f"{self.name} was opened for its name only; use encoder_named.")


def existing_run(home: Home, study_id: str, settings: RaiseSettings, *, snapshot_id: str | None = None) -> str | None:
    """Id of the finished run with these settings, None when it has not been made or has lost a part.

    Raises:
        BadUsageError: no such encoder.
        NotInStoreError: no such study, a marker it lacks, or no annotated scan.
    """
    source = open_study(home, study_id, snapshot_id)
    raise_plan.require_markers(source, settings)
    encoder, missing = _encoder(settings)
    plan = slice_plan(source.cohort, input_px=settings.input_px or encoder.kind.default_input_px)
    if missing is not None:
        return None
    run_id = raise_plan.run_key(
        raise_plan.run_inputs(source, settings, plan=plan, weights_sha256=encoder.weights_sha256)
    )
    return run_id if raise_plan.is_whole(ArtifactStore(home), run_id) else None


def planned_work(
    home: Home,
    study_id: str,
    settings: RaiseSettings,
    *,
    snapshot_id: str | None = None,
    half_precision: bool = False,
) -> PlannedWork:
    """What a run with these settings needs and what of it is kept.

    Args:
        home: where everything is kept.
        study_id: study to run on.
        settings: the plan.
        snapshot_id: data snapshot; the study's current one if none is named.
        half_precision: whether the encoder would run in half precision (on a graphics card).

    Raises:
        BadUsageError: no such encoder.
        NotInStoreError: no such study, a marker it lacks, or nobody imaged at a week.
        BadInputError: too few patients with images at a week (known once features are kept).
    """
    source = open_study(home, study_id, snapshot_id)
    raise_plan.require_markers(source, settings)
    encoder, missing = _encoder(settings)
    plan = slice_plan(source.cohort, input_px=settings.input_px or encoder.kind.default_input_px)
    requests, weeks = raise_plan.wanted_pictures(source, settings)
    keys = [feature_key(request, plan=plan, encoder=encoder, half_precision=half_precision) for request in requests]
    store = ArtifactStore(home)
    kept: set[str] | None = None
    units: set[str] | None = None
    run_id = None
    if missing is None:
        kept = FeatureShelf(store, settings.encoder).known_keys() & set(keys)
        inputs = raise_plan.run_inputs(source, settings, plan=plan, weights_sha256=encoder.weights_sha256)
        run_id = raise_plan.run_key(inputs)
        if kept == set(keys):
            usable = np.ones(len(keys), dtype=np.bool_)
            units = {
                unit.key
                for week in weeks
                for unit in raise_plan.planned_units(settings, week, keys=keys, usable=usable)
            }
    return PlannedWork(
        run_id=run_id if run_id is not None and raise_plan.is_whole(store, run_id) else None,
        pictures=len(set(keys)),
        pictures_kept=None if kept is None else len(kept),
        networks=len(weeks) * len(settings.variants) if units is None else len(units),
        networks_kept=None if units is None else sum(store.has(UNIT_KIND, key) for key in units),
        patients_by_week={week.at_risk.week.week: week.at_risk.n for week in weeks},
        weights_missing=missing,
    )


def _encoder(settings: RaiseSettings) -> tuple[_EncoderByName, str | None]:
    """The encoder with the checksum of its weights, and the remedy when they are not here; nothing is downloaded."""
    try:
        found = encoder_named(settings.encoder, download=False)
    except WeightsMissingError as error:
        return _EncoderByName(ENCODERS[settings.encoder], ""), str(error)
    return _EncoderByName(ENCODERS[settings.encoder], found.weights_sha256), None
