"""Small random changes of volumes while a network is trained: other positions, other scanners, never another anatomy.

Volumes are not mirrored: the liver lies on the right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raise_core.domain.errors import BadUsageError
from raise_core.domain.volume import Triple
from raise_core.imaging.petct_plan import FIELD_MM

if TYPE_CHECKING:
    import torch

VOLUME_DIMENSIONS = 5
"""Cases, channels, depth, height, width."""

MOST_ROTATION_DEGREES = 45.0


@dataclass(frozen=True)
class Augmentation:
    """How far a volume may be changed; each change is drawn anew for every case and pass.

    Attributes:
        field_mm: extent of the array along x, y, z: rotations are done in mm, so that bodies are not sheared where
            voxels are no cubes.
        shift_mm: largest shift along each axis; about what two positionings on a table differ by.
        rotation_degrees: largest rotation about each axis.
        scaling: largest change of size, as a share.
        brightness: largest change of a channel's values, as a share of each value.
        noise_sd: standard deviation of the noise added to each voxel; values run from 0 to 1.
    """

    field_mm: Triple = FIELD_MM
    shift_mm: float = 16.0
    rotation_degrees: float = 6.0
    scaling: float = 0.08
    brightness: float = 0.1
    noise_sd: float = 0.01

    def __post_init__(self) -> None:
        """Refuse changes that would not leave a patient recognisable.

        Raises:
            BadUsageError: a setting is negative or larger than makes sense.
        """
        if not (len(self.field_mm) == 3 and all(mm > 0 for mm in self.field_mm)):
            raise BadUsageError(f"field_mm is {self.field_mm}; it must be three positive lengths in mm.")
        if not 0 <= self.shift_mm < min(self.field_mm):
            raise BadUsageError(f"shift_mm is {self.shift_mm}; it must be at least 0 and less than the field.")
        if not 0 <= self.rotation_degrees <= MOST_ROTATION_DEGREES:
            raise BadUsageError(f"rotation_degrees is {self.rotation_degrees}; it must be 0 to 45.")
        if not (0 <= self.scaling < 1 and 0 <= self.brightness < 1 and 0 <= self.noise_sd < 1):
            raise BadUsageError("scaling, brightness and noise_sd must be at least 0 and below 1.")


DEFAULT_AUGMENTATION = Augmentation()


def augment(
    volumes: torch.Tensor, *, generator: torch.Generator, settings: Augmentation = DEFAULT_AUGMENTATION
) -> torch.Tensor:
    """Randomly changed copies of volumes.

    All channels of a case are moved together, so PET stays on CT; brightness is drawn for each channel. What comes in
    from beyond the border is 0, which is air on a windowed CT and no uptake on PET.

    Args:
        volumes: (n, channels, D, H, W), 0 to 1, D along z, H along y and W along x; not changed. On any device.
        generator: source of all randomness; best on the device of the volumes, or noise is drawn elsewhere and copied.
        settings: how far volumes may be changed.

    Returns:
        The same shape, type and device, 0 to 1.

    Raises:
        ValueError: `volumes` has no five dimensions.
    """
    import torch
    from torch.nn import functional

    if volumes.ndim != VOLUME_DIMENSIONS:
        raise ValueError(f"volumes have {volumes.ndim} dimensions; (n, channels, D, H, W) are needed.")
    moves = _moves(len(volumes), generator, settings).to(volumes.device, volumes.dtype)
    grid = functional.affine_grid(moves, list(volumes.shape), align_corners=False)
    moved = functional.grid_sample(volumes, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    cases, channels = volumes.shape[:2]
    brightness = 1 + settings.brightness * _signed(generator, cases, channels, 1, 1, 1)
    moved = moved * brightness.to(volumes.device, volumes.dtype)
    if settings.noise_sd > 0:
        noise = torch.randn(volumes.shape, generator=generator, device=generator.device)
        moved = moved + settings.noise_sd * noise.to(volumes.device, volumes.dtype)
    return moved.clamp(0.0, 1.0)


def _signed(generator: torch.Generator, *shape: int) -> torch.Tensor:
    """Uniform draws from -1 to 1."""
    import torch

    return torch.rand(shape, generator=generator, device=generator.device) * 2 - 1


def _moves(cases: int, generator: torch.Generator, settings: Augmentation) -> torch.Tensor:
    """Matrices (cases, 3, 4) from positions of the new volume to those of the old, both -1 to 1 along x, y, z.

    Rotation and scaling are done in mm about the middle of the field; then the positions are shifted.
    """
    import torch

    half = torch.tensor(settings.field_mm, device=generator.device) / 2
    angles = _signed(generator, cases, 3) * math.radians(settings.rotation_degrees)
    sizes = 1 + settings.scaling * _signed(generator, cases, 1, 1)
    shifts = settings.shift_mm * _signed(generator, cases, 3)
    in_mm = _rotations(angles) * sizes
    linear = in_mm * half[None, None, :] / half[None, :, None]
    return torch.cat([linear, (shifts / half).unsqueeze(2)], dim=2)


def _rotations(angles: torch.Tensor) -> torch.Tensor:
    """Rotation matrices (n, 3, 3) about x, then y, then z, of angles (n, 3) in radians."""
    import torch

    generators = torch.zeros(3, 3, 3, device=angles.device, dtype=angles.dtype)
    for axis, (first, second) in enumerate(((1, 2), (2, 0), (0, 1))):
        generators[axis, first, second], generators[axis, second, first] = -1.0, 1.0
    x, y, z = (torch.linalg.matrix_exp(angles[:, axis, None, None] * generators[axis]) for axis in range(3))
    turned: torch.Tensor = z @ y @ x
    return turned
