"""Who meets a filter, counted by hand; and the cohort cut down to them."""

from __future__ import annotations

import pandas as pd
import pytest

from raise_core.domain.cohort import Cohort, Study
from raise_core.domain.cohort_filter import EVERYBODY, parse_filter
from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.evaluation.cohort_filter import cohort_words, matching, restrict, value_levels
from raise_core.evaluation.marker_values import MarkerSource


@pytest.fixture(scope="module")
def source() -> MarkerSource:
    patients = pd.DataFrame(
        {
            "patient_id": list("ABCDE"),
            "arm": ["drug", "drug", "placebo", "placebo", None],
            "grade": ["G1", "G2", "G2", None, "G1"],
            "age_years": [50.0, 65.0, 70.0, None, 80.0],
            "diabetes": [True, False, None, True, False],
            "prior_treatment": ["true", "false", "true", "false", "false"],
        }
    )
    labs = pd.DataFrame(
        [
            ("A", -10.0, "CgA", 300.0, 100.0),  # old, but the latest before randomisation
            ("A", 12.0, "CgA", 50.0, 100.0),
            ("B", 1.5, "CgA", 150.0, 100.0),  # soon after: still the baseline
            ("C", 12.0, "CgA", 500.0, 100.0),  # no baseline
            ("D", 0.0, "CgA", 250.0, None),
        ],
        columns=["patient_id", "week", "test", "value", "upper_limit"],
    ).assign(unit="U/L", lower_limit=None)
    lesions = pd.DataFrame(
        [("A", 0.0, 20.0), ("A", 12.0, 30.0), ("B", 0.0, 40.0), ("B", 12.0, 40.0)],
        columns=["patient_id", "week", "diameter_mm"],
    ).assign(lesion_id="a", organ="liver", target=True, status="measured")
    scans = pd.DataFrame(
        [("s1", "A", 0.0, "GE", "portal"), ("s2", "A", 12.0, "Philips", "portal"), ("s3", "B", 0.0, "GE", "arterial")],
        columns=["scan_id", "patient_id", "week", "manufacturer", "phase"],
    ).assign(modality="CT", kernel=None)
    masks = pd.DataFrame([("s1", "lesion"), ("s3", "liver")], columns=["scan_id", "kind"])
    outcomes = pd.DataFrame(
        [("A", "PFS", 30.0, True), ("B", "PFS", 60.0, False)], columns=["patient_id", "endpoint", "time_weeks", "event"]
    )
    study = Study("s", "0" * 12, "S", True, "placebo", "2026-01-01T00:00:00Z")
    return MarkerSource(Cohort(study, patients, outcomes, labs, lesions, scans, masks))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", "ABCDE"),
        ("grade=G2", "BC"),
        ("grade=g2", "BC"),
        ("grade!=G2", "AE"),  # D's grade is not known: neither G2 nor not G2
        ("grade?", "ABCE"),
        ("arm=drug;age>=65", "B"),
        ("age>65", "CE"),
        ("age<=65", "AB"),
        ("diabetes=yes", "AD"),
        ("diabetes=no", "BE"),
        ("prior_treatment=yes", "AC"),
        ("ratio:CGA@0>2", "A"),  # B is 1.5; D has no limit; C no baseline
        ("lab:cga@0>=150", "ABD"),
        ("lab:CGA>=150", "ABD"),  # without a week the baseline is meant
        ("lab:CGA@12>100", "C"),
        ("ratio:CGA@0?", "AB"),
        ("sld@0>=40", "B"),
        ("sldr@12>1.2", "A"),
        ("has=lesions", "AB"),
        ("has=scans;has@12=scans", "A"),
        ("has!=outcome", "CDE"),
        ("has=masks", "AB"),
        ("has@12=masks", ""),
        ("scan:manufacturer=GE", "AB"),
        ("scan:manufacturer@12=GE", ""),
        ("scan:manufacturer!=Philips", "B"),  # who was never scanned is not known
        ("scan:phase=ARTERIAL", "B"),
        ("patient=A|E", "AE"),
        ("patient!=A|E", "BCD"),
    ],
)
def test_who_meets_it(source, text, kept):
    assert "".join(matching(source, parse_filter(text)).patient_ids) == kept


def test_counts_say_what_each_condition_does(source):
    found = matching(source, parse_filter("grade=G2;age>=65"))
    assert [(c.alone, c.unknown, c.remaining) for c in found.counts] == [(2, 1, 2), (3, 1, 2)]
    assert found.n_study == 5


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("stage=4", NotInStoreError, "no such column"),
        ("lab:NETEST@0>1", NotInStoreError, "no test NETEST"),
        ("dlog:CGA@0>1", NotInStoreError, "give a later week"),
        ("sldr>1.2", NotInStoreError, "give a later week"),
        ("sldr@96>1.2", NotInStoreError, "no value dated"),
        ("grade>2", BadUsageError, "is a category"),
    ],
)
def test_what_the_study_does_not_have_is_refused(source, text, error, message):
    with pytest.raises(error, match=message):
        matching(source, parse_filter(text))


def test_the_cohort_is_cut_down_in_every_table_and_says_so(source):
    chosen = parse_filter("patient=A|C")
    found = restrict(source.cohort, matching(source, chosen).patient_ids, chosen=chosen)
    assert found.patients["patient_id"].tolist() == ["A", "C"]
    assert set(found.labs["patient_id"]) == {"A", "C"}
    assert set(found.lesions["patient_id"]) == {"A"}
    assert found.scans["scan_id"].tolist() == ["s1", "s2"]
    assert found.masks["scan_id"].tolist() == ["s1"]
    assert set(found.outcomes["patient_id"]) == {"A"}
    assert cohort_words(found) == "only A, C: 2 of 5 patients"
    assert cohort_words(source.cohort) == ""
    assert restrict(found, pd.Index(["A"]), chosen=chosen).n_study == 5
    assert matching(source, EVERYBODY).patient_ids.tolist() == list("ABCDE")


def test_levels_are_written_as_a_filter_reads_them(source):
    assert value_levels(source, "grade") == {"G1": 2, "G2": 2}
    assert value_levels(source, "diabetes") == {"no": 2, "yes": 2}
    assert value_levels(source, "prior_treatment") == {"no": 3, "yes": 2}
    for column in ("grade", "diabetes", "prior_treatment", "age_years"):
        for level, count in value_levels(source, column).items():
            assert len(matching(source, parse_filter(f"{column}={level}")).patient_ids) == count


def test_every_column_is_filtered_or_refused_with_a_reason(source):
    for column in [*source.cohort.patients.columns, *source.cohort.scans.columns, "week", "study_id"]:
        for rest in ("=1", "!=x|y", ">1", "?", "@12<3"):
            try:
                matching(source, parse_filter(column + rest))
            except (BadUsageError, NotInStoreError) as error:
                assert len(str(error)) > 20  # noqa: PT017 - either outcome is fine, a crash is not


def test_the_patient_column_means_the_patient(source):
    assert matching(source, parse_filter("patient_id=A|E")).patient_ids.tolist() == ["A", "E"]
