"""How long a RAISE run will take, from the speed of earlier ones on this home; a wide range, said to be one, without.

Rates are pictures per second of the same encoder and picture size on the same device, and fitted networks per second
on the same device. A range spans the slowest and fastest rate seen, widened by `MEASURED_MARGIN` for what else the
machine does and for other cohort sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raise_core.domain.job import Job, StageTime
from raise_core.features.registry import ENCODERS
from raise_core.jobs import prrt_job, raise_job, verify_job
from raise_core.jobs.accelerator import graphics_card
from raise_core.jobs.reporter import PROCESSOR
from raise_core.store import ledger
from raise_core.store.home import Home
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.raise_work import PlannedWork, planned_work
from raise_core.studies.run_record import FEATURE_SECONDS, NETWORK_SECONDS, RunRecord, run_records

FEATURE_STAGE, NETWORK_STAGE = "Extracting image features", "Training networks"
LAST_STAGES = {(raise_job.NAME, NETWORK_STAGE), (prrt_job.NAME, prrt_job.LAST_STAGE)}
START_SECONDS = (5.0, 30.0)
"""Loading the program, reading the study, starting processes."""

STAGE_START_SECONDS = 10.0
"""What the start of a stage's processes may take of the time that a run's record gives for it."""

MEASURED_MARGIN = 1.4
LEAST_PICTURES, LEAST_NETWORK_SETS = 50, 4
"""Fewer say little of the speed: starting takes longer than doing."""

COARSE_PICTURES_PER_SECOND = {"cpu": (4.0, 150.0), "cuda": (100.0, 3000.0)}
COARSE_FITS_PER_SECOND = {"cpu": (40.0, 1000.0), "cuda": (100.0, 10_000.0)}
"""Where nothing has been run yet: from a large encoder on two slow processors to a small one on many."""


@dataclass(frozen=True)
class Span:
    """A range of seconds."""

    low: float
    high: float

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.high + other.high)


@dataclass(frozen=True)
class Estimate:
    """What a run will need.

    Attributes:
        work: pictures and networks, kept and missing.
        seconds: time it will take; None when it is finished already.
        measured: whether every rate behind it was measured on this home.
    """

    work: PlannedWork
    seconds: Span | None
    measured: bool

    @property
    def finished_run_id(self) -> str | None:
        """The run, when it is finished already."""
        return self.work.run_id


def estimate(home: Home, study_id: str, settings: RaiseSettings, *, snapshot_id: str, device: str) -> Estimate:
    """What a run needs, what of it is kept, and how long the rest will take. Computes and downloads nothing.

    Raises:
        UserFacingError: whatever the run itself would refuse.
    """
    kind = "cuda" if device != "cpu" and graphics_card() is not None else "cpu"
    work = planned_work(home, study_id, settings, snapshot_id=snapshot_id, half_precision=kind == "cuda")
    if work.run_id is not None:
        return Estimate(work, None, measured=True)
    records, stages = run_records(home), ledger.stage_times(home, raise_job.NAME)
    pictures = work.pictures - (work.pictures_kept or 0)
    sets = work.networks - (work.networks_kept or 0)
    picture_rates = _picture_rates(records, stages, settings, kind)
    fit_rates = _fit_rates(records, stages, kind)
    seconds = Span(*START_SECONDS)
    seconds += _span(pictures, picture_rates, COARSE_PICTURES_PER_SECOND[kind])
    seconds += _span(sets * _fits(settings), fit_rates, COARSE_FITS_PER_SECOND[kind])
    return Estimate(work, seconds, measured=(not pictures or bool(picture_rates)) and (not sets or bool(fit_rates)))


def remaining_in_stage(job: Job) -> Span | None:
    """How long the stage a job is in still takes, from its own speed; None until that is measured."""
    if job.rate is None or job.rate_spread is None or job.total <= 0:
        return None
    left = job.total - job.done
    return Span(left / (job.rate * (1 + job.rate_spread)), left / (job.rate * (1 - job.rate_spread)))


def remaining_after_stage(home: Home, job: Job) -> Span | None:
    """How long the networks take that follow the extraction, from earlier runs; None where that is not known."""
    if job.kind == verify_job.NAME or (job.kind, job.stage) in LAST_STAGES:
        return Span(0.0, 0.0)
    if job.kind != raise_job.NAME:
        return None
    if job.stage != FEATURE_STAGE:
        return None
    settings = RaiseSettings.from_document(job.settings)
    kind = "cpu" if job.device in (None, PROCESSOR) else "cuda"
    rates = _fit_rates(run_records(home), ledger.stage_times(home, job.kind), kind)
    if not rates:
        return None
    return _span(len(settings.weeks) * len(settings.variants) * _fits(settings), rates, (0.0, 0.0))


def _span(amount: float, rates: Sequence[float], coarse: tuple[float, float]) -> Span:
    if not amount:
        return Span(0.0, 0.0)
    if rates:
        return Span(amount / max(rates) / MEASURED_MARGIN, amount / min(rates) * MEASURED_MARGIN)
    slow, fast = coarse
    return Span(amount / fast, amount / slow)


def _fits(settings: RaiseSettings) -> int:
    """Networks in one set: one an inner fold and one on the whole training split, for every split."""
    return settings.splits * (1 + settings.inner_folds)


def _picture_rates(
    records: Sequence[RunRecord], stages: Sequence[StageTime], settings: RaiseSettings, kind: str
) -> list[float]:
    wanted = _encoder_and_px(settings)
    rates: list[float] = []
    for record in records:
        same = (record.settings.encoder, record.input_px) == wanted and record.device == kind
        if same and record.pictures_computed >= LEAST_PICTURES:
            rates += _recorded(record.pictures_computed, record.seconds.get(FEATURE_SECONDS))
    for stage in stages:
        same = _encoder_and_px(RaiseSettings.from_document(stage.settings)) == wanted and _is(stage, kind)
        if stage.stage == FEATURE_STAGE and same and stage.counted >= LEAST_PICTURES:
            rates.append(stage.counted / stage.seconds)
    return rates


def _fit_rates(records: Sequence[RunRecord], stages: Sequence[StageTime], kind: str) -> list[float]:
    rates: list[float] = []
    for record in records:
        sets = record.networks_computed or 0
        if sets >= LEAST_NETWORK_SETS and record.device == kind:
            rates += _recorded(sets * _fits(record.settings), record.seconds.get(NETWORK_SECONDS))
    for stage in stages:
        if stage.stage == NETWORK_STAGE and _is(stage, kind) and stage.counted >= LEAST_NETWORK_SETS:
            rates.append(stage.counted * _fits(RaiseSettings.from_document(stage.settings)) / stage.seconds)
    return rates


def _recorded(amount: int, seconds: float | None) -> list[float]:
    """Slowest and fastest rate that a record allows: it does not say how much of the time was starting."""
    if not seconds:
        return []
    return [amount / seconds, amount / max(seconds - STAGE_START_SECONDS, seconds / 10)]


def _encoder_and_px(settings: RaiseSettings) -> tuple[str, int]:
    return settings.encoder, settings.input_px or ENCODERS[settings.encoder].default_input_px


def _is(stage: StageTime, kind: str) -> bool:
    return stage.device != "" and (stage.device == PROCESSOR) == (kind == "cpu")
