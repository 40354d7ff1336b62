"""`run prrt` from scans to predictions on a small cohort: everything kept, resumed, counted."""

import numpy as np
import pytest

from raise_core.domain.errors import BadInputError, BadUsageError, BusyError, NotInStoreError
from raise_core.domain.fusion_model import Head
from raise_core.ingest.importer import import_study
from raise_core.jobs import desk, prrt_job
from raise_core.jobs.order import Order
from raise_core.jobs.prrt_estimate import estimate_prrt
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.studies import unit_processes
from raise_core.studies.prrt_run import run_prrt
from raise_core.studies.prrt_runs import (
    FOLD_KIND,
    IMAGE_KIND,
    RUN_KIND,
    fold_artifact,
    load_prrt_run,
    newest_prrt_run,
    parts_of,
)
from raise_core.studies.prrt_settings import PrrtSettings
from raise_core.studies.prrt_work import planned_work
from tests.studies.petct_cohort import PATIENTS, write_cohort

MODELS = ("lab", "pet", "ct", "pet+ct+lab", "cox:lab", "cox:pet+lab")
SETTINGS = PrrtSettings(models=MODELS, folds=2, lab_repeats=3, network_repeats=1, side_voxels=16)
STUDY = "small"

pytestmark = pytest.mark.slow


@pytest.fixture
def one_process(monkeypatch):
    """Networks are trained in this process: starting others takes longer than training these."""
    monkeypatch.setattr(unit_processes, "usable_processors", lambda: 1)


@pytest.fixture(scope="module")
def imported(tmp_path_factory) -> Home:
    home = Home.at(tmp_path_factory.mktemp("prrt") / "home")
    import_study(home, write_cohort(tmp_path_factory.mktemp("prrt") / "cohort"), STUDY, fmt="tables")
    return home


@pytest.fixture(scope="module")
def stopped_first(imported):
    """A home whose run was stopped once after the first fold and then finished; what the first attempt left."""
    stop_asked = []

    def progress(stage, done, total):
        if stage == "Training networks" and done == 1:
            stop_asked.append(True)

    with pytest.raises(BusyError, match="1 of 4 folds; they are kept"):
        run_prrt(imported, STUDY, SETTINGS, device="cpu", progress=progress, should_stop=lambda: bool(stop_asked))
    left = {entry.key: entry.made_at for entry in ArtifactStore(imported).entries() if entry.kind != RUN_KIND}
    with pytest.MonkeyPatch.context() as patch:  # the first attempt used several processes, this one does not
        patch.setattr(unit_processes, "usable_processors", lambda: 1)
        finished = run_prrt(imported, STUDY, SETTINGS, device="cpu")
    return imported, finished, left


@pytest.fixture(scope="module")
def home(stopped_first):
    return stopped_first[0]


@pytest.fixture(scope="module")
def run(stopped_first):
    home, finished, _ = stopped_first
    return load_prrt_run(home, finished.run_id)


def test_a_stopped_run_goes_on_with_what_it_had_finished(stopped_first):
    home, finished, left = stopped_first
    now = {entry.key: entry.made_at for entry in ArtifactStore(home).entries()}
    assert sum(key in now for key in left) == len(left)
    assert all(now[key] == made for key, made in left.items())
    assert finished.computed == {"images": 0, "features": 0, "folds": 3}


def test_a_second_call_computes_nothing(home, run):
    stages = []
    again = run_prrt(home, STUDY, SETTINGS, device="cpu", progress=lambda *told: stages.append(told))
    assert again.run_id == run.summary.run_id
    assert stages == []


def test_everybody_is_predicted_once_a_repeat_and_nobody_else(run):
    for model, output in run.outputs.items():
        assert output.repeats == (3 if model.endswith("lab") and "+" not in model else 1)
        assert np.isfinite(output.value).all(), model
        assert output.folds == 2
    assert run.output("cox:pet+lab").patient_ids == run.patients[Head.COX].patient_ids


def test_who_lacks_a_scan_or_a_class_is_counted(run):
    classified, hazards = run.patients[Head.CLASS], run.patients[Head.COX]
    assert len(classified.patient_ids) + sum(classified.excluded.values()) == PATIENTS
    assert len(hazards.patient_ids) + sum(hazards.excluded.values()) == PATIENTS
    assert len(hazards.patient_ids) == len(classified.patient_ids) + 1  # the one censored early
    assert "P01" not in hazards.patient_ids  # has no PET


def test_folds_are_the_same_for_every_model_of_a_repeat(run):
    first = run.output("lab").fold[0]
    for model in ("pet", "ct", "pet+ct+lab"):
        assert (run.output(model).fold[0] == first).all()


def test_what_was_kept_of_a_fold_gives_the_outputs_of_the_run(home, run):
    output = run.output("pet+ct+lab")
    for fold, key in enumerate(run.fold_keys[Head.CLASS][0]):
        kept = fold_artifact(home, key)
        np.testing.assert_array_equal(kept.arrays["value/pet+ct+lab"], output.value[0, output.fold[0] == fold])
        assert kept.arrays["fused/pet+ct+lab"].shape[0] == len(output.patient_ids)
        assert kept.document["patients"] == list(output.patient_ids)
        assert kept.document["failures"] == {}


def test_more_models_use_the_images_that_are_kept(home, run):
    more = PrrtSettings(models=("pet+lab",), folds=2, network_repeats=1, side_voxels=16)
    work = planned_work(home, STUDY, more)
    assert (work.images_kept, work.folds_kept, work.folds) == (0, 0, 2)  # without CT it is another image
    same = planned_work(home, STUDY, PrrtSettings(models=("pet+ct",), folds=2, network_repeats=1, side_voxels=16))
    assert same.images_kept == same.images == 23
    assert same.run_id is None


def test_the_plan_says_what_is_kept_and_the_estimate_stands_on_it(home, run):
    work = planned_work(home, STUDY, SETTINGS)
    assert work.run_id == run.summary.run_id
    assert work.folds_kept == work.folds == 4
    snapshot = run.summary.snapshot_id
    assert estimate_prrt(home, STUDY, SETTINGS, snapshot_id=snapshot, device="cpu").seconds is None
    other = PrrtSettings(models=("pet",), folds=3, network_repeats=2, side_voxels=16, seed=5)
    found = estimate_prrt(home, STUDY, other, snapshot_id=snapshot, device="cpu")
    assert found.work.folds == 6
    assert found.seconds is not None
    assert 0 < found.seconds.low < found.seconds.high


def test_the_queue_knows_that_the_run_is_finished(home, run):
    order = Order(home, prrt_job.NAME, STUDY, run.summary.snapshot_id, SETTINGS.to_document(), "cpu")
    assert prrt_job.existing(order) == run.summary.run_id
    assert desk.submit(home, kind=prrt_job.NAME, settings=SETTINGS.to_document(), study_id=STUDY).job is None


def test_a_run_that_lost_a_part_is_made_whole_again(home, run, one_process):
    store = ArtifactStore(home)
    record = store.read(RUN_KIND, run.summary.run_id)
    lost = run.fold_keys[Head.CLASS][0][1]
    assert lost in parts_of(record.document)
    before = fold_artifact(home, lost).arrays["value/pet"]
    store.remove(FOLD_KIND, lost)
    again = run_prrt(home, STUDY, SETTINGS, device="cpu")
    assert again.run_id == run.summary.run_id
    assert again.computed["folds"] == 1
    np.testing.assert_array_equal(fold_artifact(home, lost).arrays["value/pet"], before)


def test_prepared_images_are_kept_for_all_patients_of_the_run(home, run):
    store = ArtifactStore(home)
    assert set(run.images) == set(run.patients[Head.COX].patient_ids)
    assert all(store.has(IMAGE_KIND, key) for key in run.images.values())


def test_a_scan_that_cannot_be_used_leaves_its_patient_out_with_the_reason(tmp_path, one_process):
    import SimpleITK as sitk  # noqa: N813 - the library's own abbreviation

    folder = write_cohort(tmp_path / "cohort")
    path = str(folder / "images" / "P05-CT.nii.gz")
    image = sitk.ReadImage(path)
    sitk.WriteImage(image + 1024.0, path)  # an offset that was never taken off
    home = Home.at(tmp_path / "home")
    import_study(home, folder, STUDY, fmt="tables")
    settings = PrrtSettings(models=("ct",), folds=2, network_repeats=1, side_voxels=16)
    found = load_prrt_run(home, run_prrt(home, STUDY, settings, device="cpu").run_id)
    assert found.patients[Head.CLASS].excluded["PET or CT could not be used"] == 1
    assert "P05" not in found.patients[Head.CLASS].patient_ids
    record = ArtifactStore(home).read(RUN_KIND, found.summary.run_id)
    ((patient, reason),) = record.document["failures"]
    assert patient == "P05"
    assert "HU" in reason


def test_mistakes_are_refused_before_anything_is_computed(home, run, tmp_path):
    with pytest.raises(NotInStoreError, match="nosuch"):
        run_prrt(home, "nosuch", SETTINGS, device="cpu")
    with pytest.raises(BadUsageError, match="graphics card"):
        run_prrt(home, STUDY, PrrtSettings(models=("ct-pretrained",), ct_form="volume"), device="cpu")
    with pytest.raises(BadInputError, match="too few for 10 folds"):
        run_prrt(home, STUDY, PrrtSettings(models=("pet",), folds=10), device="cpu")
    assert newest_prrt_run(home, STUDY, run.summary.snapshot_id).run_id == run.summary.run_id
    with pytest.raises(NotInStoreError, match="run prrt --study other"):
        newest_prrt_run(home, "other", "0" * 32)
