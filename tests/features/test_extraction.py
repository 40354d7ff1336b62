from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from raise_core.domain.device import DevicePlan, plan_for
from raise_core.domain.errors import BusyError, WeightsMissingError
from raise_core.features import extraction, pictures
from raise_core.features.extraction import STAGE, ExtractionStoppedError, extract
from raise_core.features.plan import ImageRequest
from raise_core.features.registry import ENCODERS, encoder_named
from raise_core.imaging.plan import SliceImagePlan, Variant
from raise_core.imaging.read import read_volume
from raise_core.imaging.slices import network_image
from tests.features.extraction_case import PLAN, FolderShelf, MemoryShelf, TinyEncoder, write_cohort

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / ".." / "shared" / "data"
CPU = plan_for("cpu")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"), 12)


def run(requests, **more):
    settings = {"plan": PLAN, "encoder": TinyEncoder(), "device_plan": CPU, "shelf": MemoryShelf(), "workers": 0}
    return extract(requests, **(settings | more))


def one_by_one(requests):
    """Vectors by the plainest route: one picture after the other through the network."""
    import torch

    encoder = TinyEncoder()
    network = encoder.network()
    mean, sd = (np.array(values).reshape(3, 1, 1) for values in (encoder.normalisation.mean, encoder.normalisation.sd))
    vectors = []
    for request in requests:
        pixels = network_image(
            request.variant,
            plan=PLAN,
            scan=read_volume(request.scan_file),
            lesion=read_volume(request.lesion_mask_file),
            label=request.lesion_label,
            liver=read_volume(request.liver_mask_file),
            slice_index=request.slice_index,
        )
        with torch.inference_mode():
            vectors.append(network(torch.from_numpy((pixels[None] - mean) / sd).float()[None]).numpy()[0])
    return np.stack(vectors)


def test_vectors_stand_in_the_order_of_the_requests(cohort):
    shuffled = [cohort[index] for index in np.random.default_rng(3).permutation(len(cohort))]
    told = []
    report = run(shuffled, progress=lambda *words: told.append(words))
    assert np.allclose(report.vectors, one_by_one(shuffled), atol=1e-5)
    assert report.failures == ()
    assert (report.computed, report.reused, report.duplicates) == (72, 0, 0)
    assert len(set(report.keys)) == 72
    assert told[0] == (STAGE, 0, 72)
    assert told[-1] == (STAGE, 72, 72)
    assert report.images_per_second == pytest.approx(72 / report.seconds)


def test_batches_do_not_change_vectors(cohort):
    reports = [run(cohort[:20], batch_size=size) for size in (1, 7, 64)]
    for report in reports[1:]:
        assert np.allclose(report.vectors, reports[0].vectors, atol=1e-5)


def test_nothing_is_computed_twice(cohort):
    shelf = MemoryShelf()
    first = run(cohort[:30], shelf=shelf)
    elsewhere = [replace(request, scan_sha256="another phase") for request in cohort[:6]]
    again = run([*cohort, *cohort[:10], *elsewhere], shelf=shelf)
    assert first.computed == 30
    # the contours of the other phase are known; its two lesion and two liver pictures are new
    assert (again.reused, again.computed, again.duplicates) == (30, 72 - 30 + 4, 10 + 2)
    assert np.array_equal(again.vectors[:30], first.vectors)
    assert np.array_equal(again.vectors[72:82], first.vectors[:10])
    assert len(shelf.vectors) == 76
    third = run(cohort, shelf=shelf)
    assert (third.computed, third.images_per_second) == (0, None)


def test_lesions_on_one_slice_share_one_liver_picture(cohort):
    first, second = (replace(cohort[2], lesion_label=None, slice_index=1), replace(cohort[2], slice_index=1))
    assert first.variant is Variant.LIVER
    report = run([first, second])
    assert (report.computed, report.duplicates) == (1, 1)
    assert np.array_equal(report.vectors[0], report.vectors[1])


def test_each_file_is_read_once_whatever_the_order(cohort, monkeypatch):
    reads = Counter()

    def counted(path):
        reads[path] += 1
        return read_volume(path)

    monkeypatch.setattr(pictures, "read_volume", counted)
    run(cohort[::-1])
    assert set(reads.values()) == {1}
    assert len(reads) == 12 * 3
    reads.clear()
    run([request for request in cohort if request.variant is Variant.BINARY])
    assert len(reads) == 12  # contours need no densities and no liver


def test_failures_are_listed_with_reasons_and_the_rest_goes_on(cohort, tmp_path):
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(cohort[0].scan_file.read_bytes()[:-100])
    bad = [
        replace(cohort[0], scan_file=cut, scan_sha256="cut"),
        replace(cohort[0], scan_file=tmp_path / "absent.nii", scan_sha256="absent"),
        replace(cohort[0], lesion_label=9),
        replace(cohort[2], liver_mask_file=None, liver_mask_sha256=None),
        replace(cohort[0], lesion_mask_file=cut, lesion_mask_sha256="cut"),
        replace(cohort[1], lesion_mask_file=cut, lesion_mask_sha256="cut"),
    ]
    requests = [bad[0], *cohort[:6], *bad[1:], bad[0]]
    shelf = MemoryShelf()
    report = run(requests, shelf=shelf)
    assert [failure.request for failure in report.failures] == [*bad[:1], *bad[1:], bad[0]]
    words = ["cut off", "no such image file", "label 9", "no liver mask", "cut off", "cut off", "cut off"]
    assert all(word in failure.reason for word, failure in zip(words, report.failures, strict=True))
    assert np.isnan(report.vectors).all(axis=1).tolist() == [request in bad for request in requests]
    assert np.allclose(report.vectors[1:7], one_by_one(cohort[:6]), atol=1e-5)
    assert len(shelf.vectors) == report.computed == 6
    assert len(run(requests, shelf=shelf).failures) == 7  # tried again


def test_vectors_that_are_not_finite_are_failures(cohort):
    report = run(cohort[:2], encoder=TinyEncoder(overflow=True))
    assert report.computed == 0
    assert all("not finite" in failure.reason for failure in report.failures)


def test_stopping_keeps_what_is_finished(cohort, monkeypatch):
    monkeypatch.setattr(extraction, "UNIT_PICTURES", 12)
    shelf = MemoryShelf()
    answers = iter([False, True])
    with pytest.raises(ExtractionStoppedError, match="24 of 72") as caught:
        run(cohort, shelf=shelf, should_stop=lambda: next(answers))
    assert isinstance(caught.value, BusyError)
    assert len(shelf.vectors) == 24
    rest = run(cohort, shelf=shelf, should_stop=lambda: False)
    assert (rest.reused, rest.computed) == (24, 48)
    assert np.allclose(rest.vectors, one_by_one(cohort), atol=1e-5)


def test_vectors_reach_the_shelf_in_portions(cohort, monkeypatch):
    monkeypatch.setattr(extraction, "UNIT_PICTURES", 6)
    monkeypatch.setattr(extraction, "FLUSH_VECTORS", 15)
    shelf = MemoryShelf()
    run(cohort, shelf=shelf)
    assert shelf.puts == [18, 18, 18, 18]


def test_memory_does_not_grow_with_the_cohort(cohort, tmp_path):
    big = SliceImagePlan(pixel_spacing_mm=1.5, input_px=128, lesion_crop_mm=48, liver_crop_mm=96)

    def copy(file, number):
        link = tmp_path / f"{number}-{file.name}"
        if not link.exists():
            link.symlink_to(file)
        return link

    def peak_mb(copies):
        requests = [
            replace(
                request,
                scan_file=copy(request.scan_file, number),
                scan_sha256=f"{request.scan_sha256} {number}",
                lesion_mask_sha256=f"{request.lesion_mask_sha256} {number}",
            )
            for number in range(copies)
            for request in cohort
        ]
        tracemalloc.start()
        report = run(requests, plan=big)
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        assert report.computed == 72 * copies
        return peak

    run(cohort[:6], plan=big)  # what is imported and cached once is not the cohort's
    small = peak_mb(1)
    large = peak_mb(5)
    pictures_mb = 4 * 72 * 128 * 128 * 4 / 1e6
    assert large - small < 0.5 * pictures_mb


@pytest.mark.slow
def test_worker_processes_give_the_same_vectors(cohort, monkeypatch):
    monkeypatch.setattr(extraction, "UNIT_PICTURES", 12)
    bad = replace(cohort[0], lesion_label=9)
    alone = run([*cohort, bad])
    together = run([*cohort, bad], workers=2)
    assert np.allclose(together.vectors, alone.vectors, atol=1e-5, equal_nan=True)
    assert [failure.reason for failure in together.failures] == [failure.reason for failure in alone.failures]


KILLED = """
import sys
from pathlib import Path
from raise_core.domain.device import plan_for
from raise_core.features import extraction
from tests.features.extraction_case import PLAN, FolderShelf, TinyEncoder, write_cohort
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    extraction.UNIT_PICTURES, extraction.FLUSH_VECTORS = 6, 12
    requests = write_cohort(folder, 30)
    print("start", flush=True)
    extraction.extract(requests, plan=PLAN, encoder=TinyEncoder(), device_plan=plan_for("cpu"),
                       shelf=FolderShelf(folder / "shelf"), workers=1,
                       should_stop=lambda: __import__("time").sleep(0.1))
"""


def children(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes by /proc")
def test_a_kill_loses_little_and_leaves_no_process_behind(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        puts = 0
        while puts < 2:
            line = process.stdout.readline()
            assert line, "ended before it could be killed"
            puts += line.startswith("put")
        workers = children(process.pid)
        process.send_signal(signal.SIGKILL)
    assert workers
    patience = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < patience:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)

    shelf = FolderShelf(tmp_path / "shelf")
    kept = len(shelf.known_keys())
    requests = write_cohort(tmp_path, 30)
    assert 24 <= kept < len(requests)
    report = run(requests, shelf=shelf)
    assert (report.reused, report.computed) == (kept, len(requests) - kept)
    assert np.allclose(report.vectors, run(requests).vectors, atol=1e-5)


def compiled_plan():
    return DevicePlan(
        device="cpu", autocast=False, pin_memory=False, non_blocking=False, channels_last=True, compile=True
    )


def test_a_compiled_network_sees_one_shape_only(cohort, monkeypatch):
    seen = set()

    def compile_(network, **_):
        def forward(batch):
            seen.add(tuple(batch.shape))
            return network(batch)

        return forward

    monkeypatch.setattr("torch.compile", compile_)
    report = run(cohort[:9], device_plan=compiled_plan(), batch_size=4)
    assert seen == {(4, 3, 32, 32)}
    assert np.allclose(report.vectors, one_by_one(cohort[:9]), atol=1e-5)


def test_where_compiling_fails_the_plain_network_runs_and_the_log_says_so(cohort, monkeypatch, caplog):
    from torch._dynamo.exc import TorchDynamoException

    def compile_(network, **_):
        def forward(batch):
            raise TorchDynamoException("no compiler")

        return forward

    monkeypatch.setattr("torch.compile", compile_)
    report = run(cohort[:9], device_plan=compiled_plan())
    assert np.allclose(report.vectors, one_by_one(cohort[:9]), atol=1e-5)
    assert [record.message for record in caplog.records if "going on without" in record.message]


def test_settings_that_make_no_sense_are_programming_errors(cohort):
    for more in ({"workers": -1}, {"batch_size": 0}):
        with pytest.raises(ValueError, match="needed"):
            run(cohort[:1], **more)


@pytest.mark.shared_data
@pytest.mark.slow
@pytest.mark.parametrize("name", list(ENCODERS))
def test_a_real_liver_ct_becomes_feature_vectors(name, tmp_path):
    folder = SHARED / "ct_liver_lesion"
    if not folder.is_dir():
        pytest.skip(f"real CT not found at {folder}")
    try:
        encoder = encoder_named(name, download=False)
    except WeightsMissingError as error:
        pytest.skip(str(error))
    template = {"scan_file": folder / "image.nii.gz", "scan_sha256": "image", "lesion_label": 2}
    template |= {"lesion_mask_file": folder / "labels.nii.gz", "lesion_mask_sha256": "labels"}
    template |= {"liver_mask_file": folder / "labels.nii.gz", "liver_mask_sha256": "labels"}
    requests = [
        ImageRequest(variant=variant, slice_index=index, **template) for variant in Variant for index in (49, 60)
    ]
    plan = SliceImagePlan(
        pixel_spacing_mm=1.0, input_px=encoder.default_input_px, lesion_crop_mm=128, liver_crop_mm=128
    )
    report = run(requests, plan=plan, encoder=encoder)
    assert report.failures == ()
    assert report.vectors.shape == (6, encoder.feature_count)
    assert np.isfinite(report.vectors).all()
    close = np.corrcoef(report.vectors)
    for variant in range(3):  # slices of one variant are more alike than pictures of different variants
        across = [close[2 * variant, 2 * other] for other in range(3) if other != variant]
        assert close[2 * variant, 2 * variant + 1] > max(across)
