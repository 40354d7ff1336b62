from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from raise_core.studies.patient_scans import baseline_of, lesion_sizes, patient_scans
from tests.studies import viewing_case


@pytest.fixture
def cohort(tmp_path):
    return viewing_case.cohort(tmp_path)


def scan_named(cohort, scan_id):
    return next(scan for scan in patient_scans(cohort, "A") if scan.scan_id == scan_id)


def test_scans_are_listed_by_visit_and_phase(cohort):
    found = [(scan.visit, scan.phase, scan.phase_words, scan.value_unit) for scan in patient_scans(cohort, "A")]
    assert found == [
        ("0", "portal", "CT portal", "HU"),
        ("0", "pet", "PET", "SUV"),
        ("12", "arterial", "CT arterial", "HU"),
        ("12", "portal", "CT portal", "HU"),
    ]
    assert [scan.visit_week for scan in patient_scans(cohort, "A")] == [0.0, 0.0, 12.0, 12.0]
    assert patient_scans(cohort, "B") == ()


def test_a_second_scan_of_a_phase_gets_a_number(cohort):
    again = cohort.scans[cohort.scans["scan_id"] == "a12"].assign(scan_id="a12b", week=12.9)
    both = replace(cohort, scans=pd.concat([cohort.scans, again]))
    phases = {scan.scan_id: (scan.visit, scan.phase, scan.phase_words) for scan in patient_scans(both, "A")}
    assert phases["a12"] == ("12", "portal", "CT portal")
    assert phases["a12b"] == ("12", "portal-2", "CT portal (2)")


def test_a_scan_of_unknown_kind_is_called_a_scan(cohort):
    unknown = replace(cohort, scans=cohort.scans.assign(modality=None, phase=None))
    scans = patient_scans(unknown, "A")
    assert {scan.phase_words for scan in scans} == {"scan", "scan (2)"}
    assert {scan.value_unit for scan in scans} == {""}


def test_the_baseline_beside_a_scan_has_its_phase_where_there_is_one(cohort):
    scans = patient_scans(cohort, "A")
    assert baseline_of(scans, scan_named(cohort, "a12")).scan_id == "a0"
    assert baseline_of(scans, scan_named(cohort, "a12art")).scan_id == "a0", "no arterial baseline: the portal one"
    assert baseline_of(scans, scan_named(cohort, "a0")) is None
    assert baseline_of(scans, scan_named(cohort, "pet")) is None


def test_sizes_are_those_of_the_visit(cohort):
    assert lesion_sizes(cohort, scan_named(cohort, "a0")) == {"T1": "22.4 mm", "T2": "10.0 mm"}
    assert lesion_sizes(cohort, scan_named(cohort, "a12")) == {"T1": "vanished", "T2": "not evaluable"}
