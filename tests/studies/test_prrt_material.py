"""Whom a PRRT run is about: everybody is counted once, used or left out with the first reason."""

import numpy as np
import pandas as pd
import pytest

from raise_core.domain.cohort import Cohort, Study
from raise_core.domain.errors import BadInputError, NotInStoreError
from raise_core.domain.fusion_model import Head, parse_fusion_model
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.studies import prrt_material
from raise_core.studies.prrt_material import gather, offered_models
from raise_core.studies.prrt_settings import PrrtSettings

PATIENTS = 40
NO_PET, NO_CT, NO_LABS, NO_OUTCOME, EARLY = "P00", "P01", "P02", "P03", "P04"


def scan(patient, week, modality, phase=None, name=None):
    scan_id = name or f"{patient}-{modality}-{week:g}"
    return {
        "scan_id": scan_id, "patient_id": patient, "week": week, "modality": modality, "phase": phase,
        "manufacturer": None, "kernel": None, "spacing_x_mm": 1.0, "spacing_y_mm": 1.0, "spacing_z_mm": 1.0,
        "size_x": 8, "size_y": 8, "size_z": 8, "content_sha256": scan_id, "file": f"/nowhere/{scan_id}",
    }  # fmt: skip


def cohort(*, extra_scans=()):
    ids = [f"P{n:02d}" for n in range(PATIENTS)]
    rng = np.random.default_rng(3)
    times = np.where(np.arange(PATIENTS) % 2 == 0, 30.0, 90.0) + rng.random(PATIENTS)
    outcomes = pd.DataFrame({"patient_id": ids, "endpoint": "PFS", "time_weeks": times, "event": True})
    outcomes.loc[outcomes["patient_id"] == EARLY, "event"] = False
    outcomes = outcomes[outcomes["patient_id"] != NO_OUTCOME]
    scans = [scan(patient, 0.0, "PT") for patient in ids if patient != NO_PET]
    scans += [scan(patient, -1.0, "CT", "portal") for patient in ids if patient != NO_CT]
    labs = [
        {"patient_id": patient, "week": week, "test": test, "value": float(n + week), "unit": "U/L",
         "lower_limit": None, "upper_limit": 50.0}
        for n, patient in enumerate(ids) for test in ("CGA", "GGT") for week in (-1.0, 0.0, 8.0) if patient != NO_LABS
    ]  # fmt: skip
    study = Study("s", "0" * 32, "A study", simulated=False, reference_arm=None, published_at="2026-01-01T00:00:00")
    mask = {"scan_id": "P05-CT--1", "kind": "lesion", "lesion_id": "1", "slice_index": None, "label": 1,
            "content_sha256": "m", "file": "/nowhere/m"}  # fmt: skip
    return Cohort(
        study,
        pd.DataFrame({"patient_id": ids, "age_years": 60.0}),
        outcomes,
        pd.DataFrame(labs),
        pd.DataFrame(columns=["patient_id", "week", "lesion_id", "diameter_mm", "organ", "target", "status"]),
        pd.DataFrame([*scans, *extra_scans]),
        pd.DataFrame([mask]),
    )


def test_everybody_is_used_or_left_out_with_the_first_reason():
    found = gather(MarkerSource(cohort()), PrrtSettings())
    own = found.for_head(Head.CLASS, folds=3)
    assert found.reasons == {
        NO_PET: prrt_material.NO_PET,
        NO_CT: prrt_material.NO_CT,
        NO_LABS: prrt_material.NO_LABS,
        NO_OUTCOME: prrt_material.NO_OUTCOME,
    }
    assert own.excluded[prrt_material.NO_CLASS] == 1
    assert len(own.patient_ids) + sum(own.excluded.values()) == PATIENTS
    assert own.classes.known.all()
    assert EARLY not in own.patient_ids


def test_the_censoring_aware_models_lose_nobody_to_censoring():
    found = gather(MarkerSource(cohort()), PrrtSettings())
    own = found.for_head(Head.COX, folds=3)
    assert EARLY in own.patient_ids
    assert prrt_material.NO_CLASS not in own.excluded
    assert len(own.patient_ids) == PATIENTS - 4


def test_only_what_the_models_need_is_asked_for():
    found = gather(MarkerSource(cohort()), PrrtSettings(models=("lab",)))
    assert set(found.reasons) == {NO_LABS, NO_OUTCOME}


def test_who_cannot_be_prepared_is_left_out_and_counted():
    found = gather(MarkerSource(cohort()), PrrtSettings())
    own = found.for_head(Head.CLASS, not_usable=["P10", "P11"], folds=3)
    assert own.excluded[prrt_material.NOT_USABLE] == 2
    assert not {"P10", "P11"} & set(own.patient_ids)


def test_values_and_scans_after_treatment_began_are_never_read():
    late = [scan("P06", 12.0, "CT", "portal"), scan("P07", 1.0, "CT", "portal")]
    found = gather(MarkerSource(cohort(extra_scans=late)), PrrtSettings())
    assert found.scans["CT"]["P06"]["scan_id"] == "P06-CT--1"
    assert found.scans["CT"]["P07"]["scan_id"] == "P07-CT--1"
    row = found.patient_ids.index("P06")
    assert found.tests == ("CGA", "GGT")
    assert found.labs[row].tolist() == [6.0, 6.0]  # of week 0, neither of week -1 nor of week 8


def test_of_several_phases_on_a_day_the_portal_one_is_read():
    more = [scan("P06", -1.0, "CT", "arterial", "P06-CT-arterial"), scan("P06", -1.0, "CT", "delayed", "P06-CT-a")]
    found = gather(MarkerSource(cohort(extra_scans=more)), PrrtSettings())
    assert found.scans["CT"]["P06"]["scan_id"] == "P06-CT--1"


def test_labs_come_in_the_order_asked_for():
    found = gather(MarkerSource(cohort()), PrrtSettings())
    assert found.labs_of(["P09", "P06"])[:, 0].tolist() == [9.0, 6.0]


def test_a_study_without_an_input_is_refused_with_the_remedy():
    lacking = cohort()
    lacking.scans.drop(lacking.scans.index[lacking.scans["modality"] == "PT"], inplace=True)
    with pytest.raises(NotInStoreError, match="modality PT"):
        gather(MarkerSource(lacking), PrrtSettings())
    models = [parse_fusion_model(text) for text in ("lab", "pet", "ct", "pet+ct")]
    assert [model.text for model in offered_models(lacking, models)] == ["lab", "ct"]


def test_too_few_of_a_class_are_refused():
    few = cohort()
    few.outcomes["time_weeks"] = 90.0
    with pytest.raises(BadInputError, match="0 with short"):
        gather(MarkerSource(few), PrrtSettings()).for_head(Head.CLASS, folds=3)
