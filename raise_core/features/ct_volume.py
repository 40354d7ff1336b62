"""Frozen features of whole CT scans, one vector a patient, handed on one by one.

On the CPU the 2-D form of the network reads slices, in several processes of one thread each; with a graphics card the
processes prepare pictures and the network runs in the calling process, in 2-D or in 3-D as the plan says.

A patient's vector in 2-D is the mean over slices, then the maximum over slices. The mean says what the body is like as
a whole; one diseased slice among twenty hardly moves it, but does move the maximum. (A standard deviation instead of
the maximum would mix up what is rare and strong with what varies from the thighs to the neck in everybody.)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan
from raise_core.domain.errors import BadUsageError
from raise_core.domain.progress import Progress, silent
from raise_core.features import resnet152_ct
from raise_core.features.ct_pictures import Pictures, pictures_of
from raise_core.features.ct_volume_plan import CtForm, CtSlicesPlan, CtVolumeRequest
from raise_core.features.encoder import Encoder, FeatureEncoder
from raise_core.features.extraction import ExtractionStoppedError
from raise_core.features.network_run import NetworkRun
from raise_core.features.workers import default_workers
from raise_core.imaging.process_pool import results_as_ready

STAGE = "Reading CT through the pretrained network"

WORKERS_PAY_FROM = 6
"""Fewer scans are read in this process: starting others costs more (each imports torch and builds the network)."""

Vector = NDArray[np.float32]
VectorsOf = Callable[[Pictures], Vector]


def extract_ct_features(
    requests: Sequence[CtVolumeRequest],
    *,
    plan: CtSlicesPlan,
    encoder: FeatureEncoder,
    device_plan: DevicePlan,
    workers: int | None = None,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[tuple[CtVolumeRequest, Vector | str]]:
    """Each patient's vector, or the reason why there is none, in the order in which they get ready.

    Keep each as it comes: nothing is kept here. Vectors do not depend on the number of processes but for rounding.

    Args:
        requests: scans.
        plan: which slices the network is shown, and how it reads them.
        encoder: with checked weights.
        device_plan: where the network runs.
        workers: processes; 0: all in this one; None: by the number of scans and the machine.
        progress: told after each scan how many are done, failed ones included.
        should_stop: asked after each scan; True ends the work.

    Returns:
        Vectors of `ct_feature_count(plan, encoder)`, float32.

    Raises:
        BadUsageError: the plan wants the 3-D network of an encoder that has none, or without a graphics card.
        ExtractionStoppedError: `should_stop` said so.
        BusyError: a process died.
    """
    if plan.form is CtForm.VOLUME and not device_plan.is_cuda:
        raise BadUsageError(
            "the 3-D form of the CT network needs a graphics card (--device cuda); on a processor slices are read by "
            "its 2-D form."
        )
    if workers is None:
        workers = default_workers() if len(requests) >= WORKERS_PAY_FROM else 0
    results = _results(requests, plan=plan, encoder=encoder, device_plan=device_plan, workers=workers)
    progress(STAGE, 0, len(requests))
    with contextlib.closing(results):
        for done, (request, found) in enumerate(results, start=1):
            yield request, _checked(request, found)
            progress(STAGE, done, len(requests))
            if should_stop is not None and done < len(requests) and should_stop():
                raise ExtractionStoppedError(
                    f"stopped after {done} of {len(requests)} CT scans; the finished ones are kept. Run again to go on."
                )


def pooled(vectors: Vector) -> Vector:
    """Mean and maximum over slices of vectors (slices, features): (2 x features,)."""
    return np.concatenate([vectors.mean(axis=0), vectors.max(axis=0)]).astype(np.float32, copy=False)


def _results(
    requests: Sequence[CtVolumeRequest],
    *,
    plan: CtSlicesPlan,
    encoder: FeatureEncoder,
    device_plan: DevicePlan,
    workers: int,
) -> Generator[tuple[CtVolumeRequest, Vector | str], None, None]:
    if workers and not device_plan.is_cuda:
        start = partial(_start_worker, encoder, device_plan)
        yield from results_as_ready(requests, partial(_read, plan=plan), workers=workers, start=start)
        return
    network = _network(plan, encoder, device_plan)
    for request, pictures in results_as_ready(requests, partial(pictures_of, plan=plan), workers=workers):
        yield request, pictures if isinstance(pictures, str) else network(pictures)


def _network(plan: CtSlicesPlan, encoder: FeatureEncoder, device_plan: DevicePlan) -> VectorsOf:
    """What turns a scan's pictures into its vector."""
    if plan.form is CtForm.SLICES:
        run = NetworkRun(encoder, device_plan)
        return lambda pictures: pooled(run.vectors(pictures))
    if not isinstance(encoder, Encoder) or encoder.name != resnet152_ct.NAME:
        raise BadUsageError(f"encoder {encoder.name} has no 3-D form; use {resnet152_ct.NAME}.")
    from raise_core.features.resnet152_ct_3d import VolumeRun

    return VolumeRun(encoder.weights, device_plan).vector


def _checked(request: CtVolumeRequest, found: Vector | str) -> Vector | str:
    if isinstance(found, str) or np.isfinite(found).all():
        return found
    return f"patient {request.patient_id}: the network gave values that are not finite numbers for {request.scan_file}"


_worker_networks: list[NetworkRun] = []  # one entry, set when a worker process starts


def _start_worker(encoder: FeatureEncoder, device_plan: DevicePlan) -> None:
    import torch

    torch.set_num_threads(1)
    _worker_networks.append(NetworkRun(encoder, device_plan))


def _read(request: CtVolumeRequest, *, plan: CtSlicesPlan) -> Vector | str:
    pictures = pictures_of(request, plan=plan)
    return pictures if isinstance(pictures, str) else pooled(_worker_networks[0].vectors(pictures))
