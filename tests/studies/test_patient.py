"""Out-of-sample risks of a small cohort with a run: those of the c-index page, patient by patient."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from raise_core.domain.cohort import Cohort, Study
from raise_core.domain.cohort_filter import parse_filter
from raise_core.domain.marker_name import THREE_VARIABLE_MODEL, TWO_VARIABLE_MODEL, parse_model
from raise_core.domain.patient_risk import NoRisk
from raise_core.domain.results import CindexSettings
from raise_core.evaluation.cohort_filter import matching, restrict
from raise_core.evaluation.concordance import censoring_survival_before, harrell_and_uno
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.patient_risk import split_risks
from raise_core.store.home import Home
from raise_core.studies.cindex import cindex_by_week, model_design
from raise_core.studies.opening import open_study
from raise_core.studies.patient import (
    cohort_risks,
    image_gap,
    model_choices,
    patient_risks,
    risk_settings,
    risk_weeks,
)
from raise_core.studies.runs import list_runs, load_predictions

NETWORK = "dl:lesion-portal"


@pytest.fixture(scope="module")
def study(small_home):
    """The small study, its run and the run's predictions."""
    home = Home.at(small_home)
    source = open_study(home, "demo-raise")
    run = list_runs(home, source.cohort.study.snapshot_id)[0]
    return source, run, load_predictions(home, run.run_id)


def risks_of(study, model, *, source=None):
    whole, run, deep = study
    settings = risk_settings(whole, model, run)
    weeks = risk_weeks(whole, model, settings, run)
    return cohort_risks(source or whole, model, weeks=weeks, settings=settings, deep=deep if "dl:" in model else None)


@pytest.mark.slow
@pytest.mark.parametrize("model", [TWO_VARIABLE_MODEL, THREE_VARIABLE_MODEL, NETWORK, "grade", "lab:LDH"])
def test_scored_on_the_test_patients_they_give_the_c_index_of_the_page(study, model):
    source, _, deep = study
    found = risks_of(study, model)
    used = deep if "dl:" in model else None
    page = cindex_by_week(source, [parse_model(model)], found.weeks, found.settings, deep=used)
    assert found.by_week
    for landmark, train in zip(page.landmark_sets, page.train, strict=True):
        week = landmark.week.week
        expected = page.report.estimate(model, week)
        held_out = found.by_week[week]
        assert (held_out.n, held_out.events) == (expected.n, expected.events)
        design = model_design(landmark, parse_model(model), train, used)
        for risk in (held_out.risk, split_risks(design)):
            scored = harrell_and_uno(
                risk,
                np.broadcast_to(design.time_weeks, risk.shape),
                np.broadcast_to(design.event, risk.shape),
                rows=~train,
                censoring_survival=np.broadcast_to(
                    censoring_survival_before(design.time_weeks, design.event), risk.shape
                ),
                tau_weeks=np.full(len(risk), np.inf),
            )[0].c
            assert np.nanmean(scored) == pytest.approx(expected.mean, abs=1e-12)


@pytest.mark.slow
def test_splits_of_networks_are_those_of_the_run_and_others_those_of_the_c_index(study):
    whole, run, deep = study
    assert risk_settings(whole, THREE_VARIABLE_MODEL, run) == run.settings
    assert risk_settings(whole, TWO_VARIABLE_MODEL, run) == CindexSettings()
    held_out = risks_of(study, THREE_VARIABLE_MODEL).by_week[12.0]
    np.testing.assert_array_equal(held_out.train, deep.train_mask(12.0, list(held_out.patient_ids)))


@pytest.mark.slow
def test_each_patient_has_a_risk_or_a_reason_at_every_week(study):
    source = study[0]
    found = risks_of(study, NETWORK)
    for patient_id in source.patient_ids:
        weeks = patient_risks(found, source, patient_id)
        assert [at.week for at in weeks] == [12.0, 24.0]
        for at in weeks:
            assert (at.risk is None) == (at.reason is not None)
    one = next(
        at
        for patient_id in source.patient_ids
        for at in patient_risks(found, source, patient_id)
        if at.reason is NoRisk.NO_IMAGES
    )
    assert one.detail
    risk = next(at.risk for p in source.patient_ids for at in patient_risks(found, source, p) if at.risk is not None)
    held_out = found.by_week[risk.week]
    assert 0.0 <= risk.percentile_low <= risk.percentile <= risk.percentile_high <= 100.0
    assert risk.test_splits <= held_out.splits == 8


@pytest.mark.slow
def test_a_filter_refits_cox_models_and_leaves_networks_as_they_are(study):
    whole, _, deep = study
    kept = matching(whole, parse_filter("grade=G1"))
    few = MarkerSource(restrict(whole.cohort, kept.patient_ids, chosen=parse_filter("grade=G1")))
    filtered = risks_of(study, TWO_VARIABLE_MODEL, source=few)
    assert filtered.n_cohort == len(kept.patient_ids) < whole.cohort.n_patients
    assert set(filtered.by_week[12.0].patient_ids) <= set(kept.patient_ids)
    outsider = next(
        p for p in risks_of(study, TWO_VARIABLE_MODEL).by_week[12.0].patient_ids if p not in kept.patient_ids
    )
    assert {at.reason for at in patient_risks(filtered, whole, outsider)} == {NoRisk.NOT_IN_COHORT}
    network = risks_of(study, NETWORK, source=few).by_week[12.0]
    page = cindex_by_week(few, [parse_model(NETWORK)], [12.0], risk_settings(whole, NETWORK, study[1]), deep=deep)
    design = model_design(page.landmark_sets[0], parse_model(NETWORK), page.train[0], deep)
    np.testing.assert_array_equal(split_risks(design), deep.risk(12.0, "lesion-portal", list(network.patient_ids)))


@pytest.mark.slow
def test_models_that_can_be_chosen_are_those_the_study_has(study):
    whole, run, _ = study
    offered = model_choices(whole, run.variants)
    assert offered[:3] == (TWO_VARIABLE_MODEL, THREE_VARIABLE_MODEL, "dl:lesion-portal")
    assert not any("dl:" in model for model in model_choices(whole))
    assert 0.0 in risk_weeks(whole, "grade", CindexSettings(), None)
    assert 0.0 not in risk_weeks(whole, "sldr", CindexSettings(), None), "a change has no value at baseline"


def cohort(*, scans=(), masks=(), outcomes=()):
    return MarkerSource(
        Cohort(
            study=Study("s", "0" * 12, "S", True, None, "2026-01-01T00:00:00Z"),
            patients=pd.DataFrame({"patient_id": ["P", "Q"], "age_years": [50.0, 60.0]}),
            outcomes=pd.DataFrame(outcomes, columns=["patient_id", "endpoint", "time_weeks", "event"]),
            labs=pd.DataFrame(columns=["patient_id", "week", "test", "value", "unit", "lower_limit", "upper_limit"]),
            lesions=pd.DataFrame(
                columns=["patient_id", "week", "lesion_id", "diameter_mm", "organ", "target", "status"]
            ),
            scans=pd.DataFrame(scans, columns=["scan_id", "patient_id", "week", "phase"]),
            masks=pd.DataFrame(masks, columns=["scan_id", "kind"]),
        )
    )


def test_why_images_are_missing():
    everybody = [("q1", "Q", 12.0, "portal"), ("q2", "Q", 12.0, "arterial")]
    near = [*everybody, ("p1", "P", 12.5, "portal")]
    settings = CindexSettings()
    assert image_gap(cohort(scans=everybody), "P", 12.0, settings) == "no scan of this patient was archived"
    assert image_gap(cohort(scans=near), "P", 48.0, settings) == "no scan is dated near this visit"
    assert image_gap(cohort(scans=near), "P", 12.0, settings) == "the scan near this visit has no outlined lesion"
    outlined = cohort(scans=near, masks=[("p1", "lesion")])
    assert image_gap(outlined, "P", 12.0, settings) == "no outlined arterial scan near this visit"
    both = cohort(scans=[*near, ("p2", "P", 12.5, "arterial")], masks=[("p1", "lesion"), ("p2", "lesion")])
    assert image_gap(both, "P", 12.0, settings) == ""


def test_too_few_patients_are_said_and_not_guessed():
    two = cohort(outcomes=[("P", "PFS", 30.0, True), ("Q", "PFS", 40.0, True)])
    found = cohort_risks(two, "age", weeks=[0.0], settings=CindexSettings())
    assert found.by_week == {}
    (at,) = patient_risks(found, two, "P")
    assert at.reason == NoRisk.NOT_ESTIMABLE
    assert found.report.estimates[0].nan_reasons == {"fewer than 4 patients at risk": 100}


def test_a_marker_nobody_has_then_gives_no_risk():
    none = cohort(outcomes=[("P", "PFS", 30.0, True)])
    found = cohort_risks(none, "sldr", weeks=[12.0], settings=CindexSettings())
    assert found.weeks == (12.0,)
    assert [at.reason for at in patient_risks(found, none, "P")] == [NoRisk.NOT_ESTIMABLE]
    assert risk_settings(cohort(), "sldr", None) is None, "without outcomes there is nothing to predict"
