from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from raise_core.domain.errors import BadUsageError
from raise_core.imaging.augment import Augmentation, augment

STILL = Augmentation(shift_mm=0, rotation_degrees=0, scaling=0, brightness=0, noise_sd=0)


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def ball(field_mm, centre_mm, radius_mm, shape=(24, 24, 24)):
    """A ball in a field around the origin, (D, H, W), by voxel centres."""
    spacing = [mm / n for mm, n in zip(field_mm, reversed(shape), strict=True)]
    axes = [(torch.arange(n) + 0.5) * s - n * s / 2 for n, s in zip(reversed(shape), spacing, strict=True)]
    x, y, z = axes
    far = (z[:, None, None] - centre_mm[2]) ** 2 + (y[None, :, None] - centre_mm[1]) ** 2 + (x - centre_mm[0]) ** 2
    return (far <= radius_mm**2).float()


def centre_mm(volume, field_mm):
    """Centre of mass along x, y, z in mm from the middle of the field."""
    found = []
    for axis, length in zip((2, 1, 0), field_mm, strict=True):
        n = volume.shape[axis]
        along = (torch.arange(n) + 0.5) * length / n - length / 2
        mass = volume.sum(dim=tuple(each for each in range(3) if each != axis))
        found.append(float((mass * along).sum() / mass.sum()))
    return torch.tensor(found)


def test_nothing_drawn_nothing_changed():
    volumes = torch.rand(2, 2, 8, 10, 12)
    torch.testing.assert_close(augment(volumes, generator=drawn(), settings=STILL), volumes)


def test_same_seed_same_volumes_another_seed_others_and_the_input_stays():
    volumes = torch.rand(3, 2, 12, 12, 12)
    kept = volumes.clone()
    first, again = (augment(volumes, generator=drawn(4)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, augment(volumes, generator=drawn(5)))
    assert torch.equal(volumes, kept)
    assert first.shape == volumes.shape
    assert first.dtype == volumes.dtype
    assert float(first.min()) >= 0
    assert float(first.max()) <= 1


def test_cases_are_moved_differently_and_channels_together():
    one = ball((480, 384, 960), (60, -40, 200), 80)
    volumes = torch.stack([one, one]).expand(4, 2, -1, -1, -1)
    moved = augment(volumes, generator=drawn(), settings=Augmentation(brightness=0, noise_sd=0))
    for case in moved:
        torch.testing.assert_close(case[0], case[1])
    assert not torch.allclose(moved[0], moved[1])


def test_shifts_reach_what_was_asked_and_no_more():
    field = (400.0, 400.0, 800.0)
    volumes = ball(field, (0, 0, 0), 90, shape=(32, 32, 32)).expand(64, 1, -1, -1, -1)
    settings = replace(STILL, field_mm=field, shift_mm=50.0)
    moved = augment(volumes, generator=drawn(), settings=settings)
    apart = torch.stack([centre_mm(each[0], field) for each in moved]).abs()
    assert float(apart.max()) <= 50.5
    assert (apart.amax(dim=0) > 40).all()


def test_a_rotation_is_one_in_millimetres_although_the_voxels_are_no_cubes():
    """The ball moves on a sphere about the middle of the field; in voxel units it would not."""
    field = (480.0, 384.0, 960.0)
    volumes = ball(field, (60.0, -50.0, 250.0), 60, shape=(48, 48, 48)).expand(32, 1, -1, -1, -1)
    settings = replace(STILL, field_mm=field, rotation_degrees=12.0)
    moved = augment(volumes, generator=drawn(), settings=settings)
    centres = torch.stack([centre_mm(each[0], field) for each in moved])
    before = centre_mm(volumes[0, 0], field)
    torch.testing.assert_close(centres.norm(dim=1), before.norm().expand(32), atol=2.0, rtol=0)
    assert float((centres - before).norm(dim=1).max()) > 30


def test_scaling_changes_the_volume_of_a_ball():
    field = (480.0, 480.0, 480.0)
    volumes = ball(field, (0, 0, 0), 100, shape=(48, 48, 48)).expand(32, 1, -1, -1, -1)
    moved = augment(volumes, generator=drawn(), settings=replace(STILL, field_mm=field, scaling=0.1))
    share = moved.sum(dim=(1, 2, 3, 4)) / volumes[0].sum()
    assert 0.7 < float(share.min()) < 0.9
    assert 1.1 < float(share.max()) < 1.4


def test_noise_and_brightness_have_the_size_asked_for():
    volumes = torch.full((16, 2, 8, 8, 8), 0.5)
    noisy = augment(volumes, generator=drawn(), settings=replace(STILL, noise_sd=0.02))
    assert float(noisy.std()) == pytest.approx(0.02, rel=0.05)
    bright = augment(volumes, generator=drawn(), settings=replace(STILL, brightness=0.2))[:, :, 4, 4, 4]
    assert 0.4 <= float(bright.min()) < 0.43
    assert 0.57 < float(bright.max()) <= 0.6
    assert not torch.allclose(bright[:, 0], bright[:, 1])


def test_a_volume_without_channels_is_refused():
    with pytest.raises(ValueError, match="channels, D, H, W"):
        augment(torch.rand(2, 8, 8, 8), generator=drawn())


@pytest.mark.parametrize(
    "wrong", [{"shift_mm": -1}, {"rotation_degrees": 60}, {"scaling": 1.0}, {"noise_sd": -0.1}, {"field_mm": (0, 1, 1)}]
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(BadUsageError):
        Augmentation(**wrong)
