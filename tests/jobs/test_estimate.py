"""What a run would need, before it is started: counted exactly, timed honestly."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.job import Job, JobState, StageTime
from raise_core.jobs import estimate as estimating
from raise_core.jobs.estimate import FEATURE_STAGE, NETWORK_STAGE, estimate, remaining_in_stage
from raise_core.studies.opening import open_study
from raise_core.studies.raise_images import lesion_pictures
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.run_record import run_records

KNOWN = RaiseSettings(weeks=(12.0, 24.0), encoder="efficientnet-lite0-imagenet", splits=8, input_px=64)
STUDY = "demo-raise"


@pytest.fixture(scope="module")
def snapshot(small_home):
    from raise_core.store.home import Home

    return Home.at(small_home), open_study(Home.at(small_home), STUDY).cohort.study.snapshot_id


def asked(snapshot, settings, device="cpu"):
    home, snapshot_id = snapshot
    return estimate(home, STUDY, settings, snapshot_id=snapshot_id, device=device)


@pytest.mark.slow
def test_after_a_run_everything_is_kept(snapshot):
    found = asked(snapshot, KNOWN)
    (record,) = run_records(snapshot[0])
    assert found.work.run_id == record.run_id
    assert found.seconds is None
    assert found.work.pictures == found.work.pictures_kept == record.pictures
    assert found.work.networks == found.work.networks_kept == record.networks == 12


@pytest.mark.slow
def test_other_splits_need_networks_only_and_a_subset_needs_less(snapshot):
    found = asked(snapshot, replace(KNOWN, splits=9))
    assert (found.work.run_id, found.work.networks_kept) == (None, 0)
    assert found.work.pictures_kept == found.work.pictures
    assert found.measured
    fewer = asked(snapshot, replace(KNOWN, models=("dl:lesion-portal",), weeks=(24.0,)))
    assert fewer.work.networks == 1
    source = open_study(*[snapshot[0], STUDY])
    at_risk = fewer.work.patients_by_week[24.0]
    pictures = lesion_pictures(source.cohort, KNOWN.landmark(24.0), "lesion-portal", list(source.patient_ids))
    assert 0 < fewer.work.pictures <= len(pictures)
    assert at_risk <= len(source.patient_ids)


@pytest.mark.slow
def test_other_pictures_must_all_be_made_and_networks_are_known_after(snapshot):
    found = asked(snapshot, replace(KNOWN, input_px=80))
    assert found.work.pictures_kept == 0
    assert found.work.networks_kept is None
    assert not found.measured, "no earlier run made pictures of this size"
    assert 0 < found.seconds.low < found.seconds.high


@pytest.mark.slow
def test_missing_weights_are_said_and_nothing_is_guessed(snapshot, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    found = asked(snapshot, replace(KNOWN, encoder="resnet50-imagenet"))
    assert found.work.pictures_kept is None
    assert found.work.pictures == asked(snapshot, KNOWN).work.pictures
    assert "resnet50-imagenet are not on this machine" in found.work.weights_missing


@pytest.mark.slow
def test_what_the_run_would_refuse_is_refused_now(snapshot):
    with pytest.raises(NotInStoreError, match="week 400"):
        asked(snapshot, replace(KNOWN, weeks=(400.0,)))
    with pytest.raises(NotInStoreError, match="NETEST"):
        asked(snapshot, replace(KNOWN, models=("dl:lesion-portal", "lab:NETEST")))


def stage(name: str, counted: int, seconds: float, device: str = "processor", **settings) -> StageTime:
    return StageTime("j", name, counted, seconds, device, replace(KNOWN, **settings).to_document())


def test_rates_come_from_the_same_encoder_size_and_device_only():
    stages = [
        stage(FEATURE_STAGE, 1000, 10.0),
        stage(FEATURE_STAGE, 1000, 5.0, input_px=128),
        stage(FEATURE_STAGE, 1000, 1.0, device="NVIDIA X"),
        stage(FEATURE_STAGE, 10, 100.0),
        stage(NETWORK_STAGE, 10, 16.0),
    ]
    assert estimating._picture_rates([], stages, KNOWN, "cpu") == [100.0]
    assert estimating._picture_rates([], stages, KNOWN, "cuda") == [1000.0]
    assert estimating._fit_rates([], stages, "cpu") == [10 * 8 * 4 / 16.0]
    assert estimating._fit_rates([], stages, "cuda") == []


def test_a_record_bounds_the_rate_by_what_starting_may_have_taken():
    record = SimpleNamespace(
        settings=KNOWN, input_px=64, device="cpu", pictures_computed=3000, networks_computed=12,
        seconds={"extract features": 40.0, "train networks": 12.0},
    )  # fmt: skip
    assert estimating._picture_rates([record], [], KNOWN, "cpu") == [75.0, 100.0]
    slow, fast = estimating._fit_rates([record], [], "cpu")
    assert (slow, fast) == (12 * 32 / 12.0, 12 * 32 / 2.0)


def job(**more) -> Job:
    values = {
        "job_id": "j", "kind": "raise", "study_id": "s", "snapshot_id": "1", "settings": KNOWN.to_document(),
        "identity": "x", "device_asked": "cpu", "requested_by": "", "state": JobState.RUNNING, "created_at": "",
    }  # fmt: skip
    return Job(**(values | more))


def test_remaining_time_is_a_range_and_nothing_before_it_is_measured():
    assert remaining_in_stage(job(stage=FEATURE_STAGE, done=5, total=100)) is None
    span = remaining_in_stage(job(stage=FEATURE_STAGE, done=400, total=1000, rate=10.0, rate_spread=0.2))
    assert span.low == pytest.approx(50.0)
    assert span.high == pytest.approx(75.0)
