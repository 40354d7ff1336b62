"""The tables of the two RECIST papers, row by row, and properties of the best overall response."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.recist import (
    NO_VISIT,
    NON_TARGETS,
    RESPONSES,
    NonTarget,
    RecistVersion,
    Response,
    best_overall_response,
    overall_response,
    read_visits,
)

CR, PR, SD, NE = Response.COMPLETE, Response.PARTIAL, Response.STABLE, Response.NOT_EVALUABLE
PROGRESSED = Response.PROGRESSIVE
ANY_TARGET, ANY_OTHER = tuple(Response), tuple(NonTarget)


def rows(targets, others, news, expected):
    return [(target, other, new, expected) for target in targets for other in others for new in news]


THERASSE_TABLE_4 = [
    *rows([CR], [NonTarget.COMPLETE], [False], CR),
    *rows([CR], [NonTarget.INCOMPLETE], [False], PR),
    *rows([PR], [NonTarget.COMPLETE, NonTarget.INCOMPLETE], [False], PR),
    *rows([SD], [NonTarget.COMPLETE, NonTarget.INCOMPLETE], [False], SD),
    *rows([PROGRESSED], ANY_OTHER, [False, True], PROGRESSED),
    *rows(ANY_TARGET, [NonTarget.PROGRESSIVE], [False, True], PROGRESSED),
    *rows(ANY_TARGET, ANY_OTHER, [True], PROGRESSED),
]
EISENHAUER_TABLE_1 = [
    *rows([CR], [NonTarget.COMPLETE], [False], CR),
    *rows([CR], [NonTarget.INCOMPLETE, NonTarget.NOT_EVALUATED], [False], PR),
    *rows([PR], [NonTarget.COMPLETE, NonTarget.INCOMPLETE, NonTarget.NOT_EVALUATED], [False], PR),
    *rows([SD], [NonTarget.COMPLETE, NonTarget.INCOMPLETE, NonTarget.NOT_EVALUATED], [False], SD),
    *rows([NE], [NonTarget.COMPLETE, NonTarget.INCOMPLETE, NonTarget.NOT_EVALUATED], [False], NE),
    *rows([PROGRESSED], ANY_OTHER, [False, True], PROGRESSED),
    *rows(ANY_TARGET, [NonTarget.PROGRESSIVE], [False, True], PROGRESSED),
    *rows(ANY_TARGET, ANY_OTHER, [True], PROGRESSED),
]


@pytest.mark.parametrize(("target", "other", "new", "expected"), THERASSE_TABLE_4)
def test_overall_response_of_1_0(target, other, new, expected):
    assert overall_response(target, other, new_lesion=new) is expected


@pytest.mark.parametrize(("target", "other", "new", "expected"), EISENHAUER_TABLE_1)
def test_overall_response_of_1_1(target, other, new, expected):
    assert overall_response(target, other, new_lesion=new) is expected


@pytest.mark.parametrize("target", ANY_TARGET)
def test_without_other_lesions_the_targets_decide(target):
    assert overall_response(target, NonTarget.NONE, new_lesion=False) is target


def best(responses, weeks, *, confirm=True, **intervals) -> str:
    codes = np.array([[RESPONSES.index(Response(name)) for name in responses]], dtype=np.int8).reshape(1, -1)
    since = np.array([weeks], dtype=float).reshape(1, -1)
    return RESPONSES[best_overall_response(codes, since, confirm=confirm, **intervals)[0]].value


EISENHAUER_TABLE_3 = [  # first and subsequent time point; best response when the first was late enough for SD, or not
    (("CR", "CR"), "CR", "CR"),
    (("CR", "SD"), "SD", "PD"),
    (("CR", "PD"), "SD", "PD"),
    (("CR", "NE"), "SD", "NE"),
    (("PR", "CR"), "PR", "PR"),
    (("PR", "PR"), "PR", "PR"),
    (("PR", "PD"), "SD", "PD"),
    (("PR", "NE"), "SD", "NE"),
    (("NE", "NE"), "NE", "NE"),
]


@pytest.mark.parametrize(("visits", "late", "early"), EISENHAUER_TABLE_3)
def test_best_response_where_it_must_be_confirmed(visits, late, early):
    assert best(visits, [8, 16]) == late
    assert best(visits, [4, 9]) == early


def test_best_response_of_cr_then_pr_is_one_that_note_a_allows():
    assert best(["CR", "PR"], [8, 16]) in {"SD", "PD", "PR"}
    assert best(["PR", "SD"], [8, 16]) == "SD"


@pytest.mark.parametrize(
    ("visits", "weeks", "expected"),
    [
        (["PR", "NE", "PR"], [8, 16, 24], "PR"),  # Eisenhauer 2009, section 4.6: a reasonable confirmation
        (["PR", "SD", "PR"], [8, 16, 24], "SD"),
        (["PR", "PR"], [8, 11], "SD"),  # three weeks apart confirm nothing
        (["PR", "PR"], [8, 12], "PR"),
        (["PR", "PR", "PR"], [8, 10, 12], "PR"),  # the first and the last are four weeks apart
        (["PR", "PD", "PR"], [8, 16, 24], "SD"),  # nothing after progression counts
        (["SD"], [5.9], "NE"),
        (["SD"], [6], "SD"),
        (["SD", "PD"], [5, 12], "PD"),
        (["PD", "CR", "CR"], [8, 16, 24], "PD"),
        ([], [], "NE"),
        (["PR", "CR", "CR"], [8, 16, 24], "CR"),
        (["PR", "CR", "PD"], [8, 16, 24], "PR"),
        (["CR", "NE", "CR"], [8, 16, 24], "CR"),
    ],
)
def test_courses(visits, weeks, expected):
    assert best(visits, weeks) == expected


@pytest.mark.parametrize(
    ("visits", "expected"),
    [
        (["PR", "PD"], "PR"), (["CR", "PD"], "CR"), (["SD", "PR", "SD"], "PR"), (["NE", "PD"], "PD"),
        (["PD", "PR"], "PD"), (["PR", "NE"], "PR"), (["SD", "PD"], "SD"),
    ],
)  # fmt: skip
def test_without_confirmation_the_best_before_progression_counts(visits, expected):
    assert best(visits, [8, 16, 24][: len(visits)], confirm=False) == expected


def test_both_intervals_are_settings():
    assert best(["SD"], [8], minimum_stable_weeks=9) == "NE"
    assert best(["PR", "PR"], [8, 12], confirmation_weeks=5) == "SD"


def read(baseline, sums, version=RecistVersion.V1_1, *, new=None, **more):
    found = read_visits(
        baseline_mm=[baseline],
        sld_mm=[sums],
        new_lesion=[new or [False] * len(sums)],
        version=version,
        **{name: [values] for name, values in more.items()},
    )
    return [RESPONSES[code].value for code in found.codes[0]]


def test_normal_nodes_are_a_complete_response_in_1_1():
    assert read(40.0, [9.0, 0.0], gone=[True, True]) == ["CR", "CR"]
    assert read(40.0, [9.0], gone=[False]) == ["PR"]


def test_disease_seen_again_after_a_complete_response_is_progression_however_small():
    assert read(40.0, [9.0, 11.0], gone=[True, False]) == ["CR", "PD"]
    assert read(40.0, [0.0, 3.0]) == ["CR", "PD"]
    assert read(40.0, [0.0, np.nan, 0.0]) == ["CR", "NE", "CR"]


def test_a_target_seen_again_after_a_partial_response_only_adds_to_the_sum():
    assert read(40.0, [20.0, 22.0]) == ["PR", "PR"]


def test_what_was_measured_may_already_be_progression():
    missing = [np.nan, np.nan, 60.0]
    assert read(50.0, missing, measured_mm=[40.0, 60.0, 60.0]) == ["NE", "PD", "PD"]
    assert read(50.0, [np.nan], measured_mm=[np.nan]) == ["NE"]
    assert read(20.0, [np.nan], measured_mm=[24.0]) == ["NE"], "24 mm over 20 mm are not 5 mm"
    assert read(20.0, [np.nan], RecistVersion.V1_0, measured_mm=[24.0]) == ["PD"]


def test_other_lesions_keep_a_complete_response_partial_and_relapse_when_seen_again():
    codes = {name: NON_TARGETS.index(name) for name in NonTarget}
    there, gone, unread = codes[NonTarget.INCOMPLETE], codes[NonTarget.COMPLETE], codes[NonTarget.NOT_EVALUATED]
    assert read(40.0, [0.0, 0.0, 0.0], non_target=[there, unread, gone]) == ["PR", "PR", "CR"]
    assert read(40.0, [0.0, 0.0], non_target=[gone, there]) == ["CR", "PD"]
    assert read(40.0, [0.0, 5.0], non_target=[there, there]) == ["PR", "PD"], "from 0 mm, 5 mm more are progression"


names = st.sampled_from(["CR", "PR", "SD", "PD", "NE"])
courses = st.lists(st.tuples(names, st.integers(min_value=1, max_value=12)), max_size=9)
ORDER = [response.value for response in RESPONSES]


def laid_out(course):
    return [name for name, _ in course], list(np.cumsum([gap for _, gap in course]))


@given(course=courses)
def test_confirmation_never_makes_the_best_response_better(course):
    visits, weeks = laid_out(course)
    assert ORDER.index(best(visits, weeks)) >= ORDER.index(best(visits, weeks, confirm=False))


@given(course=courses, confirm=st.booleans(), later=courses)
def test_nothing_after_progression_changes_the_best_response(course, confirm, later):
    visits, weeks = laid_out([*course, ("PD", 8)])
    more, after = laid_out([*course, ("PD", 8), *later])
    assert best(visits, weeks, confirm=confirm) == best(more, after, confirm=confirm)


@given(course=courses, confirm=st.booleans(), at=st.integers(min_value=0, max_value=9))
def test_a_visit_that_cannot_be_evaluated_changes_nothing(course, confirm, at):
    visits, weeks = laid_out(course)
    place = min(at, len(visits))
    week = weeks[place - 1] if place else 0
    blind = [*visits[:place], "NE", *visits[place:]], [*weeks[:place], week, *weeks[place:]]
    assert best(visits, weeks, confirm=confirm) == best(*blind, confirm=confirm)


@given(course=courses)
def test_disease_is_controlled_at_most_when_some_visit_controlled_it(course):
    visits, weeks = laid_out(course)
    if best(visits, weeks, confirm=False) in {"CR", "PR", "SD"}:
        assert {"CR", "PR", "SD"} & set(visits)


@given(cohort=st.lists(courses, min_size=1, max_size=6), confirm=st.booleans())
def test_a_cohort_is_read_as_its_patients(cohort, confirm):
    width = max(len(course) for course in cohort)
    codes = np.full((len(cohort), width), NO_VISIT, dtype=np.int8)
    since = np.full((len(cohort), width), np.nan)
    for row, course in enumerate(cohort):
        visits, weeks = laid_out(course)
        codes[row, : len(visits)] = [ORDER.index(name) for name in visits]
        since[row, : len(visits)] = weeks
    together = best_overall_response(codes, since, confirm=confirm)
    alone = [best(*laid_out(course), confirm=confirm) for course in cohort]
    assert [ORDER[code] for code in together] == alone


@given(
    sums=st.lists(st.integers(min_value=0, max_value=200).map(float), min_size=1, max_size=8),
    version=st.sampled_from(list(RecistVersion)),
)
def test_after_a_complete_response_there_is_only_that_or_progression(sums, version):
    found = read(100.0, sums, version)
    if "CR" in found:
        assert set(found[found.index("CR") :]) <= {"CR", "PD"}
