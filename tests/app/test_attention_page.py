"""The attention page through Streamlit's own test runner: what is on screen is what the engine found."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from raise_core.domain.attention_results import AttributionMethod
from raise_core.figures import attention_words
from raise_core.figures.attention_slices import strongest_voxel
from raise_core.jobs import attention_job
from raise_core.store.home import Home
from raise_core.store.snapshot import current_snapshot
from raise_core.studies import attention_store
from raise_core.studies.attention import explain_model
from raise_core.studies.attention_material import open_networks
from raise_core.studies.prrt_runs import list_prrt_runs
from raise_core.studies.raise_attention import explain_lesions
from raise_core.studies.raise_attention_store import load_lesion_attention
from raise_core.studies.runs import list_runs

pytestmark = pytest.mark.slow
PAGE = "pages/attention.py"
MODEL = "pet+ct+lab"
IG = AttributionMethod.INTEGRATED


def words(test) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.success)
    return " ".join(element.value for kind in kinds for element in kind).replace("\\", "")


@pytest.fixture(scope="module")
def asked(small_prrt_home, tmp_path_factory):
    """The small PRRT home with the maps of one model, and its run."""
    path = tmp_path_factory.mktemp("asked") / "home"
    shutil.copytree(small_prrt_home, path)
    home = Home.at(path)
    run = list_prrt_runs(home, current_snapshot(home, "demo-prrt"))[0]
    explain_model(home, open_networks(home, run.run_id, MODEL))
    return path, run.run_id


@pytest.fixture(scope="module")
def asked_lesions(small_home, tmp_path_factory):
    """The small RAISE home with the lesion maps of one visit, of few points, and its run."""
    path = tmp_path_factory.mktemp("lesions") / "home"
    shutil.copytree(small_home, path)
    home = Home.at(path)
    run = list_runs(home, current_snapshot(home, "demo-raise"))[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("raise_core.studies.raise_attention.STEPS", 2)
        explain_lesions(home, run.run_id, variant="lesion-portal", week=12.0)
    return path, run.run_id


def test_without_maps_there_is_a_button_and_the_reason(small_prrt_home, open_app):
    test = open_app(PAGE, small_prrt_home)
    assert "have not been asked yet what they looked at" in words(test)
    assert test.button(key="attention_start").label == "Ask the networks"


def test_the_sentence_and_the_check_are_those_of_the_engine(asked, open_app):
    path, run_id = asked
    found = attention_store.load_attention(Home.at(path), run_id, MODEL)
    test = open_app(PAGE, path)
    share, check = found.share("pet", IG), found.check("pet", IG)
    assert attention_words.headline(share, image="pet", believed=check.passed) in words(test)
    assert attention_words.verdict(check) in words(test)
    assert "never saw the patient" in words(test)
    assert len(test.get("plotly_chart")) == 1
    other = open_app(PAGE, path, image="ct", method="gradcam")
    grad_cam = AttributionMethod.GRAD_CAM
    believed = found.check("ct", grad_cam).passed
    assert attention_words.headline(found.share("ct", grad_cam), image="ct", believed=believed) in words(other)
    assert attention_words.COARSE_GRAD_CAM in words(other)


def test_planes_begin_where_the_map_is_strongest_and_stand_in_the_address(asked, open_app):
    path, run_id = asked
    home = Home.at(path)
    patient = attention_store.load_attention(home, run_id, MODEL).patient_ids[3]
    strongest = strongest_voxel(attention_store.load_maps(home, run_id, MODEL, patient).maps["pet", IG])
    test = open_app(PAGE, path, patient=patient)
    assert tuple(test.slider(key=key).value for key in "kji") == tuple(float(at + 1) for at in strongest)
    test.slider(key="k").set_value(3.0).run()
    assert not test.exception
    assert "".join(test.query_params["k"]) == "3"


def test_a_cohort_filter_changes_the_share(asked, open_app):
    path, _ = asked
    everybody, men = words(open_app(PAGE, path)), words(open_app(PAGE, path, filter="sex=M"))
    assert everybody.split(" patients)")[0] != men.split(" patients)")[0]


def test_lesion_maps_and_the_gallery(asked_lesions, open_app):
    path, run_id = asked_lesions
    found = load_lesion_attention(Home.at(path), run_id, "lesion-portal", 12.0)
    test = open_app(PAGE, path)
    assert attention_words.lesion_headline(found.share(), region="lesion") in words(test)
    assert f"rank correlation {found.agreement:.2f}" in words(test)
    gallery = open_app(PAGE, path, show="components", component="3")
    story = found.components[2]
    assert attention_words.component_line(3, story.explained, story.risk_correlation) in words(gallery)
    pictures = " ".join(element.proto.body for element in gallery.get("html"))
    assert pictures.count("<img") == len(story.low) + len(story.high) == 12
    missing = open_app(PAGE, path, week="24")
    assert missing.button(key="lesion_start").label == "Ask the networks"


def test_lesion_maps_hold_the_extremes_and_say_whose_lesion(asked_lesions):
    path, run_id = asked_lesions
    found = load_lesion_attention(Home.at(path), run_id, "lesion-portal", 12.0)
    assert len(found.rows) == len(found.pictures) == len(found.maps) == len(found.contours)
    outside = ~found.contours
    assert not found.maps[outside].any(), "outside the outline nothing is shown, so nothing counts"
    np.testing.assert_array_equal(found.pictures > 0, found.contours & (found.pictures > 0))
    assert found.components[0].explained >= found.components[1].explained
    assert 0 < found.share().lesion_of_body.value < 1


def test_an_empty_study_says_what_to_do(tmp_path, small_home, open_app):
    path = tmp_path / "home"
    shutil.copytree(small_home, path)
    shutil.rmtree(path / "artifacts" / "raise-run")
    test = open_app(PAGE, path)
    assert "no network to ask" in words(test)
    assert "run raise --study demo-raise" in test.code[0].value


def test_the_work_has_a_name_and_is_there_or_not(asked):
    from raise_core.domain.time_unit import TimeUnit
    from raise_core.jobs.kinds import kind_named
    from raise_core.jobs.order import Order

    path, run_id = asked
    home = Home.at(path)
    settings = attention_job.prrt_settings(run_id, (MODEL,))
    kind = kind_named(attention_job.NAME)
    order = Order(home, kind.name, "demo-prrt", current_snapshot(home, "demo-prrt"), settings, "cpu")
    assert kind.existing(order) is None, "the patient maps are missing"
    assert kind.describe(settings, TimeUnit.WEEKS) == f"run {run_id[:8]}; 1 model with images"
    assert "week" in kind.describe(attention_job.raise_settings(run_id, "lesion-portal", 12), TimeUnit.WEEKS)
