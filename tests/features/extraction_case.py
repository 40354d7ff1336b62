"""A small cohort of scans on disk, a shelf in a folder and a tiny encoder, for the tests of extraction."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK

from raise_core.features.encoder import Normalisation
from raise_core.features.plan import ImageRequest
from raise_core.imaging.plan import SliceImagePlan, Variant

PLAN = SliceImagePlan(pixel_spacing_mm=1.5, input_px=32, lesion_crop_mm=48, liver_crop_mm=96)

NORMALISATION = Normalisation(mean=(0.4, 0.5, 0.6), sd=(0.2, 0.3, 0.4))


def write(path, array):
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing((1.5, 1.5, 5.0))
    SimpleITK.WriteImage(image, path, True)


def write_cohort(folder: Path, scans: int) -> list[ImageRequest]:
    """`scans` scans with two lesions on slices 1 and 2: six requests a scan, all with different pictures."""
    rng = np.random.default_rng(0)
    requests = []
    for number in range(scans):
        scan = rng.normal(60, 60, size=(4, 64, 64)).astype(np.int16)
        liver = np.zeros(scan.shape, dtype=np.uint8)
        liver[:, 4:60, 6:58] = 1
        lesions = np.zeros(scan.shape, dtype=np.uint8)
        for label in (1, 2):
            top, left, height, width = (*rng.integers(6, 30, size=2), *rng.integers(8, 24, size=2))
            lesions[label, top : top + height, left : left + width] = label
        for name, array in (("scan", scan), ("liver", liver), ("lesions", lesions)):
            write(folder / f"{name}{number}.nii.gz", array)
        requests += [
            ImageRequest(
                scan_file=folder / f"scan{number}.nii.gz",
                scan_sha256=f"scan {number}",
                lesion_mask_file=folder / f"lesions{number}.nii.gz",
                lesion_mask_sha256=f"lesions {number}",
                variant=variant,
                lesion_label=label,
                liver_mask_file=folder / f"liver{number}.nii.gz",
                liver_mask_sha256=f"liver {number}",
                slice_index=label,
            )
            for label in (1, 2)
            for variant in Variant
        ]
    return requests


class MemoryShelf:
    """A shelf that lasts as long as the test and remembers each put."""

    def __init__(self):
        self.vectors = {}
        self.puts = []

    def known_keys(self):
        return set(self.vectors)

    def get(self, keys):
        return np.stack([self.vectors[key] for key in keys])

    def put(self, keys, vectors):
        assert len(keys) == len(vectors)
        assert not self.vectors.keys() & set(keys), "a picture was computed twice"
        self.vectors |= dict(zip(keys, vectors, strict=True))
        self.puts.append(len(keys))


class FolderShelf:
    """A shelf of one file a put, written under another name first, as a store would."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def _all(self):
        found = {}
        for path in sorted(self.folder.glob("*.npz")):
            with np.load(path) as shard:
                keys = json.loads(str(shard["keys"]))
                assert not found.keys() & set(keys), "a picture was computed twice"
                found |= dict(zip(keys, shard["vectors"], strict=True))
        return found

    def known_keys(self):
        return set(self._all())

    def get(self, keys):
        found = self._all()
        return np.stack([found[key] for key in keys])

    def put(self, keys, vectors):
        name = self.folder / uuid.uuid4().hex
        with name.open("wb") as file:
            np.savez(file, keys=np.array(json.dumps(list(keys))), vectors=vectors)
            file.flush()
            os.fsync(file.fileno())
        name.rename(name.with_suffix(".npz"))
        print(f"put {len(keys)}", flush=True)


@dataclass(frozen=True)
class TinyEncoder:
    """Eight features of an untrained network: enough to tell pictures apart, quick to run."""

    name: str = "tiny"
    weights_sha256: str = "tiny"
    feature_count: int = 8
    normalisation: Normalisation = NORMALISATION
    overflow: bool = False

    def network(self):
        import torch
        from torch import nn

        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        ).eval()
        if self.overflow:
            with torch.no_grad():
                network[0].bias[:] = float("inf")
        return network
