"""A RAISE run from images to cross-fitted risks: what is used, what is kept, what is computed again."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from raise_core.domain.errors import BadUsageError, BusyError, NotInStoreError
from raise_core.domain.results import CindexSettings
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.landmark import build_landmark_set
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.resampling import monte_carlo_splits
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.studies import raise_protocol
from raise_core.studies.cindex import cindex_by_week, parse_models
from raise_core.studies.opening import open_study
from raise_core.studies.questions import cindex
from raise_core.studies.raise_images import lesion_pictures
from raise_core.studies.raise_run import run_raise
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.runs import RUN_KIND, UNIT_KIND, list_runs, load_predictions, matching_run

pytestmark = pytest.mark.slow
SETTINGS = RaiseSettings(weeks=(12.0, 24.0), encoder="efficientnet-lite0-imagenet", splits=8, input_px=64)
MATCHING = CindexSettings(splits=8)


@pytest.fixture(scope="module")
def home(small_home) -> Home:
    return Home.at(small_home)


@pytest.fixture(scope="module")
def source(home):
    return open_study(home, "demo-raise")


@pytest.fixture(scope="module")
def run(home, source):
    return list_runs(home, source.cohort.study.snapshot_id)[0]


@pytest.fixture(scope="module")
def deep(home, run):
    return load_predictions(home, run.run_id)


@pytest.fixture
def own_home(small_home, tmp_path) -> Home:
    """A copy of the small home that a test may change."""
    shutil.copytree(small_home, tmp_path / "copy")
    return Home.at(tmp_path / "copy")


def test_pictures_are_of_the_latest_annotated_scan_in_the_window(source):
    week = LandmarkWeek(24)
    pictures = lesion_pictures(source.cohort, week, "lesion-portal", list(source.patient_ids))
    scans = source.cohort.scans
    portal = scans[(scans["phase"] == "portal") & (scans["week"] > 16) & (scans["week"] <= 25)]
    annotated = portal[portal["scan_id"].isin(source.cohort.masks.query("kind == 'lesion'")["scan_id"])]
    expected = annotated.groupby("patient_id")["week"].max()
    assert {picture.patient_id: picture.scan_week for picture in pictures} == expected.to_dict()


def test_patients_are_at_risk_and_have_every_image(source, deep):
    for week, splits in deep.weeks.items():
        at_risk = set(build_landmark_set(source, (), LandmarkWeek(week)).patient_ids)
        imaged = [
            {p.patient_id for p in lesion_pictures(source.cohort, LandmarkWeek(week), variant, at_risk)}
            for variant in ("lesion-portal", "lesion-arterial")
        ]
        assert set(splits.patient_ids) == at_risk & imaged[0] & imaged[1]


def test_splits_are_the_stratified_ones_of_the_seed(source, deep):
    splits = deep.weeks[12.0]
    landmark = build_landmark_set(source, (), LandmarkWeek(12))
    kept = [landmark.patient_ids.index(patient) for patient in splits.patient_ids]
    expected = monte_carlo_splits(
        landmark.outcome.event[kept], splits=8, train_fraction=0.8, seed=0, keys=list(splits.patient_ids)
    )
    np.testing.assert_array_equal(splits.train, expected)


def test_every_patient_has_a_finite_out_of_sample_risk_in_every_split(deep):
    assert set(deep.risks) == {(week, variant) for week in (12.0, 24.0) for variant in _variants()}
    for (week, _), risk in deep.risks.items():
        assert risk.shape == (8, len(deep.weeks[week].patient_ids))
        assert np.isfinite(risk).all()


def _variants():
    return [f"{region}-{phase}" for region in ("lesion", "binary", "liver") for phase in ("portal", "arterial")]


def test_a_deep_marker_is_evaluated_on_the_run_s_patients_and_splits(source, deep):
    result = cindex_by_week(
        source, parse_models(["dl:lesion-portal", raise_protocol.THREE_VARIABLE]), [12.0], MATCHING, deep=deep
    )
    landmark = result.landmark_sets[0]
    assert set(landmark.patient_ids) <= set(deep.weeks[12.0].patient_ids)
    np.testing.assert_array_equal(result.train[0], deep.train_mask(12.0, landmark.patient_ids))
    assert result.report.provenance.run_id == deep.run_id
    assert result.report.provenance.encoder == "efficientnet-lite0-imagenet"
    assert all(estimate.n == landmark.n for estimate in result.report.estimates)


def test_rows_behind_the_numbers_name_visits_values_and_split_membership(source, deep):
    result = cindex_by_week(source, parse_models([raise_protocol.THREE_VARIABLE]), [12.0], MATCHING, deep=deep)
    rows = result.rows().set_index("patient_id")
    landmark = result.landmark_sets[0]
    patient = landmark.patient_ids[0]
    column = landmark.patient_ids.index(patient)
    tested = [int(split) for split in str(rows.loc[patient, "test_in_splits"]).split()]
    assert tested == np.flatnonzero(~result.train[0][:, column]).tolist()
    assert 4 < rows.loc[patient, "visit_week sldr"] <= 13
    assert len(result.left_out()) + len(rows) == result.report.n_study
    assert 4 < rows.loc[patient, "visit_week dl:lesion-portal"] <= 13
    risks = result.network_risks()
    assert len(risks) == 8 * landmark.n
    mine = risks[(risks["patient_id"] == patient) & (risks["in_training"] == 0)]
    assert sorted(mine["split"]) == tested
    shown = rows.loc[patient, "dl:lesion-portal (mean over the splits that test the patient)"]
    assert shown == pytest.approx(mine["risk"].mean())


def test_non_target_lesions_and_second_masks_give_no_picture(source):
    week, patients = LandmarkWeek(12), list(source.patient_ids)
    pictures = lesion_pictures(source.cohort, week, "lesion-portal", patients)
    one = pictures[0]
    lesions = source.cohort.lesions.copy()
    same = (lesions["patient_id"] == one.patient_id) & (lesions["lesion_id"] == one.lesion_id)
    lesions.loc[same, "target"] = False
    fewer = lesion_pictures(replace(source.cohort, lesions=lesions), week, "lesion-portal", patients)
    assert len(fewer) == len(pictures) - 1
    masks = pd.concat([source.cohort.masks, source.cohort.masks.assign(file="/again.nii.gz")])
    assert len(lesion_pictures(replace(source.cohort, masks=masks), week, "lesion-portal", patients)) == len(pictures)


def test_default_weeks_come_from_the_run_that_has_the_predictions(home, run):
    result = cindex(home, "demo-raise", ["dl:lesion-portal", "sldr"], MATCHING)
    assert result.report.weeks == run.weeks
    assert 96.0 not in cindex(home, "demo-raise", ["sldr"], MATCHING).report.weeks


def test_the_same_markers_in_another_order_or_spelling_are_one_model():
    models = parse_models(["age+sldr", "sldr+age_years", "sldr"])
    assert [model.text for model in models] == ["age+sldr", "sldr"]


def test_a_marker_that_is_the_same_for_all_is_said(source):
    one_arm = source.cohort.patients[source.cohort.patients["arm"] == "Placebo"]
    cohort = replace(source.cohort, patients=one_arm.reset_index(drop=True))
    result = cindex_by_week(MarkerSource(cohort), parse_models(["arm+sldr"]), [12.0], CindexSettings(splits=5))
    assert any("Treatment arm is the same for every patient" in text for text in result.report.estimates[0].warnings)


def test_a_second_run_computes_nothing(home, run, monkeypatch):
    import raise_core.studies.raise_run as module

    monkeypatch.setattr(module, "extract", lambda *_, **__: pytest.fail("extracted again"))
    assert run_raise(home, "demo-raise", SETTINGS, device="cpu").run_id == run.run_id


def test_a_lost_part_is_computed_again_from_what_is_left(own_home, run):
    store = ArtifactStore(own_home)
    manifest = store.read(RUN_KIND, run.run_id).document
    lost = manifest["weeks"][0]["units"]["liver-portal"]
    before = store.read(UNIT_KIND, lost).arrays["risk"]
    store.remove(UNIT_KIND, lost)
    again = run_raise(own_home, "demo-raise", SETTINGS, device="cpu")
    assert again.run_id == run.run_id
    assert again.images_computed == 0, "features were reused"
    np.testing.assert_array_equal(store.read(UNIT_KIND, lost).arrays["risk"], before)


def test_a_changed_byte_is_noticed_and_the_unit_computed_again(own_home, run):
    store = ArtifactStore(own_home)
    key = store.read(RUN_KIND, run.run_id).document["weeks"][1]["units"]["binary-portal"]
    file = store.folder(UNIT_KIND, key) / "arrays.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(NotInStoreError, match="run raise"):
        load_predictions(own_home, run.run_id)
    run_raise(own_home, "demo-raise", SETTINGS, device="cpu")
    assert load_predictions(own_home, run.run_id).risks


def test_stopping_keeps_what_is_finished(own_home, run):
    store = ArtifactStore(own_home)
    store.prune(kind=UNIT_KIND)
    store.prune(kind=RUN_KIND)
    with pytest.raises(BusyError, match="Run again"):
        run_raise(own_home, "demo-raise", SETTINGS, device="cpu", should_stop=lambda: True)
    kept = len(store.entries(UNIT_KIND))
    assert 0 < kept < 12
    assert run_raise(own_home, "demo-raise", SETTINGS, device="cpu").run_id == run.run_id
    assert len(store.entries(UNIT_KIND)) == 12


def test_a_week_without_matching_run_names_the_command(home, run):
    with pytest.raises(
        NotInStoreError, match=r"run raise --study demo-raise --weeks 12,36 --models dl:liver-portal --splits 8"
    ):
        cindex(home, "demo-raise", ["dl:liver-portal"], MATCHING, weeks=[12, 36])


def test_other_splits_encoder_or_seed_do_not_match(run):
    models = parse_models(["dl:lesion-portal"])
    assert matching_run([run], models, [12.0], MATCHING, study_id="demo-raise") == run
    for settings, encoder in (
        (CindexSettings(), None),
        (CindexSettings(splits=8, seed=1), None),
        (MATCHING, "resnet50-imagenet"),
    ):
        with pytest.raises(NotInStoreError):
            matching_run([run], models, [12.0], settings, study_id="demo-raise", encoder=encoder)
    assert matching_run([run], parse_models(["sldr"]), [99.0], MATCHING, study_id="demo-raise") is None


def test_settings_survive_a_round_trip_and_refuse_nothing_to_train():
    assert RaiseSettings.from_document(SETTINGS.to_document()) == SETTINGS
    with pytest.raises(BadUsageError, match="dl:"):
        RaiseSettings(models=("sldr",))


def test_two_and_three_variable_models_are_paired_on_one_set(source, deep):
    models = parse_models([raise_protocol.TWO_VARIABLE, raise_protocol.THREE_VARIABLE])
    report = cindex_by_week(source, models, [12.0, 24.0], MATCHING, deep=deep).report
    assert [(c.model_a, c.model_b) for c in report.comparisons] == [
        (raise_protocol.TWO_VARIABLE, raise_protocol.THREE_VARIABLE)
    ] * 2
    for week in (12.0, 24.0):
        two, three = (report.estimate(model.text, week) for model in models)
        assert (two.n, two.events) == (three.n, three.events)
        assert two.n + sum(report.excluded[week].values()) == report.n_study
