from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from raise_core.domain.volume import Volume
from raise_core.imaging.petct import LesionMask, prepare_petct
from raise_core.imaging.petct_batch import prepare_all
from raise_core.imaging.petct_plan import PetCtPlan
from raise_core.imaging.petct_request import LesionFile, PetCtRequest, petct_key
from raise_core.imaging.read import read_volume
from raise_core.imaging.window import LIVER
from tests.imaging import petct_case as case

PLAN = PetCtPlan(side_voxels=24)
GEOMETRY = case.covering(case.BODY_CENTRE - 320, case.BODY_CENTRE + 320, (8, 8, 8))
BALL = case.BODY_CENTRE + np.array([50.0, 20.0, 100.0])


def write(path: Path, volume: Volume) -> Path:
    image = SimpleITK.GetImageFromArray(volume.array)
    image.SetSpacing(volume.geometry.spacing_mm)
    image.SetOrigin(volume.geometry.origin_mm)
    image.SetDirection(np.ravel(volume.geometry.direction).tolist())
    SimpleITK.WriteImage(image, path, True)
    return path


@pytest.fixture(scope="module")
def requests(tmp_path_factory):
    """Four patients whose ball grows; one has no CT, one's PET is in Bq/mL."""
    folder = tmp_path_factory.mktemp("petct")
    made = []
    for number in range(4):
        radius = 20.0 + 8 * number
        pet = case.pet_of(GEOMETRY, BALL, radius)
        if number == 2:
            pet = Volume(pet.array * 3000, GEOMETRY)
        pet_file = write(folder / f"pet{number}.nii.gz", pet)
        ct_file = write(folder / f"ct{number}.nii.gz", case.ct_of(GEOMETRY, BALL, radius))
        mask = write(folder / f"mask{number}.nii.gz", case.ball_mask(GEOMETRY, BALL, radius, label=2))
        with_ct = number != 1
        made.append(
            PetCtRequest(
                patient_id=f"P{number}",
                pet_file=pet_file,
                pet_sha256=f"{number}a",
                ct_file=ct_file if with_ct else None,
                ct_sha256=f"{number}b" if with_ct else None,
                lesions=(LesionFile(mask, f"{number}c", 2),),
            )
        )
    return tuple(made)


def test_each_patient_comes_once_with_volumes_or_a_reason(requests):
    found = dict(prepare_all(requests, plan=PLAN, workers=0))
    assert list(found) == list(requests)
    for request in (requests[0], requests[1], requests[3]):
        image = found[request]
        expected = prepare_petct(
            read_volume(request.pet_file),
            None if request.ct_file is None else read_volume(request.ct_file),
            plan=PLAN,
            lesions=[LesionMask(read_volume(request.lesions[0].file), 2)],
        )
        np.testing.assert_array_equal(image.pet, expected.pet)
        np.testing.assert_array_equal(image.lesion, expected.lesion)
        assert (image.ct is None) == (request.ct_file is None)
    assert isinstance(found[requests[2]], str)
    assert "P2" in found[requests[2]]
    assert "Bq/mL" in found[requests[2]]


@pytest.mark.slow
def test_processes_give_the_same_voxels(requests):
    alone = dict(prepare_all(requests, plan=PLAN, workers=0))
    shared = dict(prepare_all(requests, plan=PLAN, workers=2))
    assert set(alone) == set(shared)
    for request, image in alone.items():
        other = shared[request]
        if isinstance(image, str):
            assert other == image
        else:
            assert other.pet.tobytes() == image.pet.tobytes()
            assert other.geometry == image.geometry
            assert (other.ct is None and image.ct is None) or other.ct.tobytes() == image.ct.tobytes()


def test_a_missing_file_is_a_reason_and_no_crash(requests):
    gone = replace(requests[0], pet_file=Path("nowhere.nii.gz"))
    ((request, reason),) = prepare_all([gone], plan=PLAN, workers=0)
    assert request is gone
    assert "nowhere.nii.gz" in reason


def test_the_key_counts_content_and_plan_and_nothing_else(requests):
    request = requests[0]
    key = petct_key(request, plan=PLAN)
    elsewhere = replace(request, patient_id="other", pet_file=Path("x"), ct_file=Path("y"))
    assert petct_key(elsewhere, plan=PLAN) == key
    two = (LesionFile(Path("a"), "s", 1), LesionFile(Path("a"), "s", 2))
    assert petct_key(replace(request, lesions=two), plan=PLAN) == petct_key(
        replace(request, lesions=two[::-1]), plan=PLAN
    )
    others = [
        petct_key(replace(request, pet_sha256="z"), plan=PLAN),
        petct_key(replace(request, ct_sha256="z"), plan=PLAN),
        petct_key(replace(request, ct_file=None, ct_sha256=None), plan=PLAN),
        petct_key(replace(request, lesions=()), plan=PLAN),
        petct_key(replace(request, lesions=two), plan=PLAN),
        petct_key(request, plan=PetCtPlan(side_voxels=32)),
        petct_key(request, plan=PetCtPlan(side_voxels=24, window=LIVER)),
    ]
    assert len({key, *others}) == len(others) + 1
