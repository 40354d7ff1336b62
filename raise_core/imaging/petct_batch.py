"""PET and CT of many patients on their common grids, file by file, in several processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import Volume
from raise_core.imaging.lesion_grid import LesionMask
from raise_core.imaging.petct import PetCtImage, prepare_petct
from raise_core.imaging.petct_plan import PetCtPlan
from raise_core.imaging.petct_request import PetCtRequest
from raise_core.imaging.process_pool import results_as_ready
from raise_core.imaging.read import read_volume


def prepare_all(
    requests: Sequence[PetCtRequest], *, plan: PetCtPlan, workers: int
) -> Iterator[tuple[PetCtRequest, PetCtImage | str]]:
    """Each patient's volumes, or the reason why there are none, in the order in which they get ready.

    Args:
        requests: scans and masks.
        plan: how volumes are made.
        workers: processes; 0: all in this one. Each holds one patient's scans (a whole-body CT of 512 x 512 x 400
            takes 0.2 to 0.8 GB).

    Raises:
        BusyError: a process died (most often: out of memory).
    """
    yield from results_as_ready(requests, partial(prepared, plan=plan), workers=workers)


def prepared(request: PetCtRequest, *, plan: PetCtPlan) -> PetCtImage | str:
    """One patient's volumes, or why there are none; the reason names the patient."""
    try:
        pet = None if request.pet_file is None else read_volume(request.pet_file)
        ct = None if request.ct_file is None else read_volume(request.ct_file)
        masks: dict[Path, Volume] = {}
        for lesion in request.lesions:
            if lesion.file not in masks:
                masks[lesion.file] = read_volume(lesion.file)
        lesions = [LesionMask(masks[lesion.file], lesion.label) for lesion in request.lesions]
        return prepare_petct(pet, ct, plan=plan, lesions=lesions)
    except BadInputError as error:
        return f"patient {request.patient_id}: {error}"
