"""Three-dimensional images that never travel without their geometry, in millimetres.

Conventions, stated once:

* Coordinates in mm are those of DICOM: x grows to the patient's left, y to the back, z to the head (LPS).
* An index is (i, j, k) along the file's first, second and third axis; arrays are stored the other way round, as
  `array[k, j, i]`.
* Column a of `direction` is the unit vector, in mm space, along which index axis a grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadInputError

FloatArray = NDArray[np.float64]
Triple = tuple[float, float, float]

GRID_TOLERANCE_VOXELS = 0.1
"""Two grids are the same while no corner of one lies further from the other's, as a share of the smallest spacing.

Headers round (NIfTI keeps float32, DICOM decimal text), so exact equality would refuse files that belong together; a
tenth of a voxel is far below what a contour can say.
"""

DIRECTION_TOLERANCE = 1e-3
"""How far from a rotation (or mirrored rotation) a direction matrix may be, per element of D'D - 1."""


@dataclass(frozen=True)
class Geometry:
    """Where a grid of voxels lies in the patient.

    Attributes:
        size: voxels along index axes i, j, k.
        spacing_mm: distance between neighbouring voxel centres along i, j, k.
        origin_mm: position of the centre of voxel (0, 0, 0), LPS.
        direction: 3 x 3, row by row; column a is the unit vector of index axis a.
    """

    size: tuple[int, int, int]
    spacing_mm: Triple
    origin_mm: Triple
    direction: tuple[Triple, Triple, Triple]

    def __post_init__(self) -> None:
        """Refuse what cannot be the grid of a scan.

        Raises:
            BadInputError: a size below 1, a spacing that is not positive and finite, an origin that is not finite, or
                axes that are not at right angles.
        """
        if len(self.size) != 3 or any(n < 1 for n in self.size):
            raise BadInputError(f"image size {self.size} is not three counts of at least 1.")
        if len(self.spacing_mm) != 3 or not all(np.isfinite(s) and s > 0 for s in self.spacing_mm):
            raise BadInputError(
                f"voxel spacing {self.spacing_mm} mm is not three positive numbers; correct the header."
            )
        if len(self.origin_mm) != 3 or not np.isfinite(self.origin_mm).all():
            raise BadInputError(f"image origin {self.origin_mm} mm is not three finite numbers; correct the header.")
        matrix = np.asarray(self.direction, dtype=np.float64)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
            raise BadInputError("image direction is not a 3 x 3 matrix of finite numbers; correct the header.")
        if np.abs(matrix.T @ matrix - np.eye(3)).max() > DIRECTION_TOLERANCE:
            raise BadInputError(
                "image axes are not unit vectors at right angles (a sheared or tilted grid); resample the image first."
            )

    @classmethod
    def of(cls, *, size: ArrayLike, spacing_mm: ArrayLike, origin_mm: ArrayLike, direction: ArrayLike) -> Geometry:
        """A geometry from any array-likes; `direction` may be nine numbers or 3 x 3."""
        matrix = np.asarray(direction, dtype=np.float64)
        if matrix.size != 9:
            raise BadInputError(f"image direction has {matrix.size} numbers, not 9; correct the header.")
        rows = tuple(_triple(row) for row in matrix.reshape(3, 3))
        i, j, k = (int(n) for n in np.asarray(size).ravel())
        return cls((i, j, k), _triple(spacing_mm), _triple(origin_mm), (rows[0], rows[1], rows[2]))

    @property
    def affine(self) -> FloatArray:
        """3 x 3 matrix from index steps to mm steps."""
        steps: FloatArray = np.asarray(self.direction, dtype=np.float64) * np.asarray(self.spacing_mm)
        return steps

    def index_to_mm(self, index: ArrayLike) -> FloatArray:
        """Positions (..., 3) in mm of indices (..., 3) given as (i, j, k); fractions are allowed."""
        moved: FloatArray = np.asarray(index, dtype=np.float64) @ self.affine.T + np.asarray(self.origin_mm)
        return moved

    def mm_to_index(self, position_mm: ArrayLike) -> FloatArray:
        """Indices (..., 3) as (i, j, k), with fractions, of positions (..., 3) in mm."""
        offset = np.asarray(position_mm, dtype=np.float64) - np.asarray(self.origin_mm)
        index: FloatArray = offset @ np.linalg.inv(self.affine).T
        return index

    def corners_mm(self) -> FloatArray:
        """Positions (8, 3) of the centres of the corner voxels."""
        last = np.asarray(self.size) - 1
        steps = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(8, 3)
        return self.index_to_mm(steps * last)

    def distance_in_voxels(self, other: Geometry) -> float:
        """Largest distance between matching corners, as a share of the smallest spacing; infinite if sizes differ.

        Axes are matched by where they run in the patient, so a file with flipped or exchanged axes is no further away.
        """
        mine, theirs = self.in_patient_order(), other.in_patient_order()
        if mine.size != theirs.size:
            return float("inf")
        apart = np.linalg.norm(mine.corners_mm() - theirs.corners_mm(), axis=1).max()
        return float(apart / min(*self.spacing_mm, *other.spacing_mm))

    def same_grid(self, other: Geometry) -> bool:
        """Whether voxels of both grids lie at the same places, within `GRID_TOLERANCE_VOXELS`.

        The files may have their axes in another order or direction: bring both volumes into patient order before
        comparing them voxel by voxel.
        """
        return self.distance_in_voxels(other) <= GRID_TOLERANCE_VOXELS

    def patient_axes(self) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
        """Which index axis runs along x, y and z, and whether it runs against it.

        Oblique axes count for the patient axis they are nearest to.

        Returns:
            `axes`: index axis for x, y, z; `flipped`: True where the index falls as the coordinate grows.
        """
        matrix = np.asarray(self.direction, dtype=np.float64)
        left = np.abs(matrix)
        axes = [0, 0, 0]
        for _ in range(3):  # the most clear-cut pair first, so that no axis is used twice
            patient, index = (int(n) for n in np.unravel_index(int(left.argmax()), (3, 3)))
            axes[patient] = index
            left[patient, :] = -1.0
            left[:, index] = -1.0
        x, y, z = axes
        return (x, y, z), (bool(matrix[0, x] < 0), bool(matrix[1, y] < 0), bool(matrix[2, z] < 0))

    def in_patient_order(self) -> Geometry:
        """The same voxels counted with i to the left, j to the back and k to the head (LPS)."""
        axes, flipped = self.patient_axes()
        first = [0, 0, 0]
        for axis, flip in zip(axes, flipped, strict=True):
            first[axis] = self.size[axis] - 1 if flip else 0
        return Geometry.of(
            size=[self.size[axis] for axis in axes],
            spacing_mm=[self.spacing_mm[axis] for axis in axes],
            origin_mm=self.index_to_mm(first),
            direction=np.asarray(self.direction)[:, list(axes)] * np.where(flipped, -1.0, 1.0),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, as JSON can hold them."""
        return {
            "size": list(self.size),
            "spacing_mm": list(self.spacing_mm),
            "origin_mm": list(self.origin_mm),
            "direction": [list(row) for row in self.direction],
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Geometry:
        """The geometry that `to_dict` wrote."""
        return cls.of(
            size=value["size"],
            spacing_mm=value["spacing_mm"],
            origin_mm=value["origin_mm"],
            direction=value["direction"],
        )


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels and where they lie.

    Attributes:
        array: shape (k, j, i), any real number type; not to be changed in place.
        geometry: the grid.
    """

    array: NDArray[Any]
    geometry: Geometry

    def __post_init__(self) -> None:
        """Refuse an array that does not fit the grid.

        Raises:
            BadInputError: the shape is not the grid's size reversed, or voxels are not real numbers.
        """
        if self.array.shape != self.geometry.size[::-1]:
            raise BadInputError(
                f"array of shape {self.array.shape} (k, j, i) does not fit a grid of {self.geometry.size} (i, j, k)."
            )
        if self.array.dtype.kind not in "biuf":
            raise BadInputError(f"voxels of type {self.array.dtype} are not real numbers.")

    def same_grid(self, other: Volume) -> bool:
        """Whether both lie on the same grid, within `GRID_TOLERANCE_VOXELS`."""
        return self.geometry.same_grid(other.geometry)

    def in_patient_order(self) -> Volume:
        """The same voxels with i to the left, j to the back and k to the head (LPS), as a view without copying.

        `array[k]` is then an axial slice as radiologists look at it: the patient's right on the left of the picture.
        Oblique grids keep their small angles; only order and sign of the axes change.
        """
        axes, flipped = self.geometry.patient_axes()
        array = self.array.transpose([2 - axis for axis in reversed(axes)])
        array = array[tuple(slice(None, None, -1) if flip else slice(None) for flip in reversed(flipped))]
        return Volume(array, self.geometry.in_patient_order())


def _triple(values: ArrayLike) -> Triple:
    numbers = np.asarray(values, dtype=np.float64).ravel()
    if numbers.size != 3:
        raise BadInputError(f"three numbers are needed, not {numbers.size}: {numbers.tolist()}.")
    return float(numbers[0]), float(numbers[1]), float(numbers[2])
