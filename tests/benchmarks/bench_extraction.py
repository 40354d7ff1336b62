"""Pictures per second of each encoder here: preparation alone, network alone, and the whole extraction.

Run as `python tests/benchmarks/bench_extraction.py [--scans 100] [--device cpu] [--workers 2]`. Encoders whose weights
are not on this machine are named and left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from raise_core.domain.device import plan_for
from raise_core.domain.errors import WeightsMissingError
from raise_core.features.extraction import extract
from raise_core.features.network_run import NetworkRun
from raise_core.features.pictures import pictures
from raise_core.features.plan import ImageRequest
from raise_core.features.registry import ENCODERS, encoder_named
from raise_core.imaging.plan import SliceImagePlan, Variant

SPACING_MM = 1.8
LESIONS = 4


class MemoryShelf:
    def __init__(self):
        self.vectors = {}

    def known_keys(self):
        return set(self.vectors)

    def get(self, keys):
        return np.stack([self.vectors[key] for key in keys])

    def put(self, keys, vectors):
        self.vectors |= dict(zip(keys, vectors, strict=True))


def write_slabs(folder: Path, scans: int) -> list[ImageRequest]:
    """Slabs of 192 x 192 x 6 voxels with noise, a liver mask and four lesion masks each."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 15, size=(60, 192, 192))
    y, x = np.mgrid[:192, :192]
    liver = ((y - 90) ** 2 / 40**2 + (x - 60) ** 2 / 35**2 < 1).astype(np.uint8)
    requests = []

    def write(name, array):
        image = SimpleITK.GetImageFromArray(array)
        image.SetSpacing((SPACING_MM, SPACING_MM, 5.0))
        SimpleITK.WriteImage(image, folder / name, True)
        return folder / name

    for number in range(scans):
        scan = np.where(liver, 110, 40) + noise[rng.integers(60, size=6)]
        scan_file = write(f"scan{number}.nii.gz", scan.astype(np.int16))
        liver_file = write(f"liver{number}.nii.gz", np.repeat(liver[None], 6, axis=0))
        for lesion in range(LESIONS):
            row, column, radius = rng.integers((70, 40, 4), (110, 80, 12))
            mask = np.zeros((6, 192, 192), dtype=np.uint8)
            mask[lesion + 1] = (y - row) ** 2 + (x - column) ** 2 < radius**2
            lesion_file = write(f"lesion{number}-{lesion}.nii.gz", mask)
            requests += [
                ImageRequest(
                    scan_file=scan_file,
                    scan_sha256=str(scan_file),
                    lesion_mask_file=lesion_file,
                    lesion_mask_sha256=str(lesion_file),
                    variant=variant,
                    liver_mask_file=liver_file,
                    liver_mask_sha256=str(liver_file),
                    slice_index=lesion + 1,
                )
                for variant in Variant
            ]
    return requests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=100)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=None)
    chosen = parser.parse_args()
    device_plan = plan_for(chosen.device)
    with tempfile.TemporaryDirectory() as folder:
        requests = write_slabs(Path(folder), chosen.scans)
        for name in ENCODERS:
            try:
                encoder = encoder_named(name, download=False)
            except WeightsMissingError as error:
                print(f"{name}: left out. {error}")
                continue
            plan = SliceImagePlan(pixel_spacing_mm=SPACING_MM, input_px=encoder.default_input_px)
            some = requests[: LESIONS * 3 * 10]
            started = time.perf_counter()
            prepared = np.stack([p.pixels for p in pictures(some, plan=plan) if p.pixels is not None])
            preparing = len(some) / (time.perf_counter() - started)
            network = NetworkRun(encoder, device_plan)
            network.vectors(prepared[:16])
            started = time.perf_counter()
            network.vectors(prepared)
            computing = len(prepared) / (time.perf_counter() - started)
            fewer = requests if encoder.default_input_px <= 128 else requests[: len(requests) // 4]
            report = extract(
                fewer,
                plan=plan,
                encoder=encoder,
                device_plan=device_plan,
                shelf=MemoryShelf(),
                workers=chosen.workers,
            )
            print(
                f"{name} at {encoder.default_input_px} px: preparing {preparing:.0f}/s (one process), network "
                f"{computing:.0f}/s, extraction {report.images_per_second:.1f}/s ({report.computed} pictures in "
                f"{report.seconds:.0f} s, {len(report.failures)} failed)"
            )


if __name__ == "__main__":
    main()
