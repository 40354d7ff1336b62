"""A cohort filter survives its address form, and says in words what it does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.cohort_filter import EVERYBODY, CohortFilter, Condition, Operator, parse_filter
from raise_core.domain.errors import BadUsageError
from raise_core.domain.filter_words import filter_words

VALUES = st.text(min_size=1, max_size=12).filter(lambda text: text.strip() != "")
MEMBERSHIP = st.builds(
    Condition,
    st.sampled_from(["grade", "origin", "patient", "scan:manufacturer"]),
    st.sampled_from([Operator.ANY_OF, Operator.NONE_OF]),
    st.lists(VALUES, min_size=1, max_size=4, unique=True).map(tuple),
)
COMPARISON = st.builds(
    Condition,
    st.sampled_from(["lab:CGA", "ratio:CGA", "sldr"]),
    st.sampled_from([Operator.ABOVE, Operator.AT_LEAST, Operator.BELOW, Operator.AT_MOST]),
    st.floats(-1e6, 1e6).map(lambda number: (f"{number:.10g}",)),
    st.sampled_from([0.0, 12.0, 24.5]),
)


@given(st.lists(MEMBERSHIP | COMPARISON, max_size=6, unique=True).map(tuple).map(CohortFilter))
def test_the_address_form_gives_the_filter_back(chosen):
    assert parse_filter(chosen.text) == chosen


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_reason(text):
    try:
        chosen = parse_filter(text)
    except BadUsageError:
        return
    assert parse_filter(chosen.text) == chosen


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grade", "is no condition"),
        ("age>=old", "is not a number"),
        ("age>=nan", "is not a number"),
        ("age>", "needs one number"),
        ("grade=", "names no value"),
        ("grade?G2", "nothing follows"),
        ("patient>3", "compared with = or != only"),
        ("has=mri", "has= knows"),
        ("scan:patient_name=x", "scan: knows"),
        ("dl:lesion-portal@12>0.1", "differs from split to split"),
        ("foo:bar>1", "unknown prefix"),
        (";".join(f"age>{n}" for n in range(21)), "at most 20"),
    ],
)
def test_what_means_nothing_is_refused(text, message):
    with pytest.raises(BadUsageError, match=message):
        parse_filter(text)


def test_changes_keep_the_rest():
    grade, age = parse_filter("grade=G2").conditions[0], parse_filter("age>=65").conditions[0]
    both = EVERYBODY.with_condition(grade).with_condition(age).with_condition(grade)
    assert both.conditions == (grade, age)
    assert both.without(0).conditions == (age,)
    assert not EVERYBODY
    assert both


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("grade=G2;origin=Pancreas|Midgut;ratio:CGA@0>2", "G2, pancreas or midgut, CgA > 2 × ULN at baseline"),
        ("age>=65", "Age ≥ 65 years"),
        ("ki67>5", "Ki-67 > 5 %"),
        ("lab:ALBUMIN@0<35", "albumin < 35 g/L at baseline"),
        ("sldr@24>1.2", "SLDr > 1.2 at week 24"),
        ("sld@0>=50", "sum of diameters ≥ 50 mm at baseline"),
        ("origin!=Midgut", "not midgut"),
        ("prior_treatment=yes", "Prior treatment"),
        ("prior_treatment=no", "not “prior treatment”"),
        ("stage=4", "Stage 4"),
        ("has@24=masks", "with annotated scans at week 24"),
        ("has!=labs|lesions", "without laboratory values or lesion measurements"),
        ("scan:manufacturer=GE", "scanned with GE scanner"),
        ("scan:phase!=arterial", "never scanned with arterial"),
        ("patient=A1|A2", "only A1, A2"),
        ("patient!=A1", "without A1"),
        ("patient=1|2|3|4|5", "5 patients chosen by hand"),
        ("ki67?", "Ki-67 (%) known"),
    ],
)
def test_words(text, words):
    assert filter_words(parse_filter(text), units={"ALBUMIN": "g/L"}) == words
