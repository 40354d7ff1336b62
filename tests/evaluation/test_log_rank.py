"""Log-rank tests against R's survival package and, for weights R does not have, lifelines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines.statistics import logrank_test

from raise_core.domain.outcome import Outcome
from raise_core.domain.survival_results import LogRankWeight
from raise_core.evaluation.log_rank import log_rank

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = json.loads((TESTS / "golden" / "survival_curves.json").read_text(encoding="utf-8"))
TESTED = [
    pytest.param(study, golden, id=f"{study['data']}-rho{golden['rho']}{'-strata' * golden['stratified']}")
    for study in GOLDEN
    for golden in study["tests"]
]


def outcome_of(name: str) -> Outcome:
    table = pd.read_csv(TESTS / "r" / "data" / f"{name}.csv")
    return Outcome.of(time_weeks=table["time"], event=table["event"])


@pytest.mark.parametrize(("study", "golden"), TESTED)
def test_it_is_that_of_r(study, golden):
    weight = LogRankWeight.PETO if golden["rho"] else LogRankWeight.LOG_RANK
    layer = study["layer"] if golden["stratified"] else None
    codes = np.unique(study["group"], return_inverse=True)[1]
    test = log_rank(outcome_of(study["data"]), codes, strata=layer, weight=weight)
    np.testing.assert_allclose(test.observed, golden["observed"], rtol=1e-9)
    np.testing.assert_allclose(test.expected, golden["expected"], rtol=1e-9)
    assert test.chi2 == pytest.approx(golden["chi2"], rel=1e-9, abs=1e-12)
    assert test.p == pytest.approx(golden["p"], rel=1e-8)


@pytest.mark.parametrize("name", ["rossi", "veteran", "whas500", "gbsg2", "scheduled_visits"])
@pytest.mark.parametrize(("weight", "theirs"), [("gehan", "wilcoxon"), ("tarone-ware", "tarone-ware")])
def test_other_weights_are_those_of_lifelines(name, weight, theirs):
    outcome = outcome_of(name)
    study = next(study for study in GOLDEN if study["data"] == name)
    first = np.asarray(study["group"]) == min(study["group"])
    ours = log_rank(outcome, (~first).astype(int), weight=LogRankWeight(weight))
    theirs = logrank_test(
        outcome.time_weeks[first],
        outcome.time_weeks[~first],
        outcome.event[first],
        outcome.event[~first],
        weightings=theirs,
    )
    assert ours.chi2 == pytest.approx(theirs.test_statistic, rel=1e-9)


@pytest.mark.parametrize(
    ("time", "event", "group"),
    [([4, 7], [0, 0], [0, 1]), ([4, 7], [1, 1], [0, 0]), ([], [], []), ([0, 0], [0, 0], [0, 1])],
)
def test_where_nothing_can_be_compared_there_is_no_p(time, event, group):
    test = log_rank(Outcome.of(time_weeks=time, event=event), group)
    assert test.chi2 is None
    assert test.p is None


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 2)), min_size=4, max_size=40),
    st.sampled_from(LogRankWeight),
)
def test_observed_and_expected_add_up_and_names_of_groups_do_not_matter(rows, weight):
    time, event, group = (np.array(column) for column in zip(*rows, strict=True))
    outcome = Outcome.of(time_weeks=time, event=event)
    test = log_rank(outcome, group, weight=weight)
    assert test.observed.sum() == pytest.approx(test.expected.sum())
    turned = log_rank(outcome, 2 - group, weight=weight)
    assert (test.chi2 is None) == (turned.chi2 is None)
    if test.chi2 is not None and test.df == turned.df:
        assert test.chi2 == pytest.approx(turned.chi2, rel=1e-6, abs=1e-9)
        assert 0 <= test.p <= 1
