"""Subgroup hazard ratios and interaction tests against R's survival package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.subgroups import (
    ALL_PATIENTS,
    INFINITE,
    NO_EVENT_IN_ONE,
    NO_EVENTS,
    NO_INTERACTION,
    ONE_GROUP,
    ONE_LEVEL,
    subgroup_forest,
)

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = [
    pytest.param(one, id=one["data"])
    for one in json.loads((TESTS / "golden" / "subgroups.json").read_text(encoding="utf-8"))
]
ARMS = ("placebo", "lanreotide")


def same_row(ours, theirs):
    assert list(ours.n) == theirs["n"]
    assert list(ours.events) == theirs["events"]
    ratio = ours.hazard_ratio
    np.testing.assert_allclose(
        [ratio.hr, ratio.ci_low, ratio.ci_high], [theirs["hr"], theirs["low"], theirs["high"]], rtol=1e-9
    )


@pytest.mark.parametrize("golden", GOLDEN)
def test_ratios_and_interactions_are_those_of_r(golden):
    table = pd.read_csv(TESTS / "r" / "data" / f"{golden['data']}.csv")
    outcome = Outcome.of(time_weeks=table["time"], event=table["event"])
    labels = pd.DataFrame(
        {one["name"]: pd.Categorical(one["labels"], one["levels"], ordered=True) for one in golden["covariates"]}
    )
    forest = subgroup_forest(outcome, golden["group"], labels, group_labels=ARMS)
    assert forest.overall.level == ALL_PATIENTS
    same_row(forest.overall, golden["overall"])
    assert forest.n_tests == len(golden["covariates"])
    for ours, theirs in zip(forest.covariates, golden["covariates"], strict=True):
        assert ours.name == theirs["name"]
        assert [row.level for row in ours.subgroups] == theirs["levels"]
        assert ours.n_missing == sum(label is None for label in theirs["labels"])
        assert ours.n_missing + sum(sum(row.n) for row in ours.subgroups) == len(outcome)
        for row, expected in zip(ours.subgroups, theirs["subgroups"], strict=True):
            same_row(row, expected)
        assert ours.interaction.df == theirs["df"]
        assert ours.interaction.chi2 == pytest.approx(theirs["chi2"], rel=1e-9, abs=1e-9)
        assert ours.interaction.p == pytest.approx(theirs["p"], rel=1e-9)


def small(labels, *, event=(1, 1, 1, 1, 1, 1, 1, 1), group=(0, 1, 0, 1, 0, 1, 0, 1)):
    outcome = Outcome.of(time_weeks=[3, 5, 8, 2, 9, 4, 6, 7], event=event)
    forest = subgroup_forest(outcome, group, pd.DataFrame({"site": labels}), group_labels=ARMS)
    return forest.covariates[0]


def test_a_level_without_a_ratio_says_why():
    one_arm = small(["a"] * 6 + ["b", "b"], group=[0, 1, 0, 1, 0, 1, 0, 0])
    assert one_arm.subgroups[1].hazard_ratio.reason == ONE_GROUP
    silent = small(["a"] * 4 + ["b"] * 4, event=[1, 1, 1, 1, 0, 0, 0, 0])
    assert silent.subgroups[1].hazard_ratio.reason == NO_EVENTS
    lopsided = small(["a"] * 4 + ["b"] * 4, event=[1, 1, 1, 1, 0, 1, 0, 1])
    assert lopsided.subgroups[1].hazard_ratio.reason == NO_EVENT_IN_ONE
    assert lopsided.subgroups[1].events == (0, 2)
    assert lopsided.interaction.reason == INFINITE
    for row in (one_arm.subgroups[1], silent.subgroups[1], lopsided.subgroups[1]):
        assert row.hazard_ratio.hr is None
    assert one_arm.interaction.p is None
    assert one_arm.interaction.reason == NO_INTERACTION


def test_a_covariate_with_one_level_has_no_interaction():
    alone = small(["a"] * 8)
    assert [row.level for row in alone.subgroups] == ["a"]
    assert (alone.interaction.p, alone.interaction.reason) == (None, ONE_LEVEL)
    unknown = small([None] * 8)
    assert unknown.subgroups == ()
    assert unknown.n_missing == 8


def test_without_covariates_or_events_the_overall_row_remains():
    outcome = Outcome.of(time_weeks=[3, 5, 8, 2], event=[0, 0, 0, 0])
    forest = subgroup_forest(outcome, [0, 1, 0, 1], pd.DataFrame(index=range(4)), group_labels=ARMS)
    assert forest.covariates == ()
    assert forest.overall.hazard_ratio.reason == NO_EVENTS
    with pytest.raises(BadUsageError, match="two groups"):
        subgroup_forest(outcome, [0, 1, 2, 1], pd.DataFrame(index=range(4)), group_labels=ARMS)
    with pytest.raises(BadUsageError, match="3 rows of covariates"):
        subgroup_forest(outcome, [0, 1, 0, 1], pd.DataFrame(index=range(3)), group_labels=ARMS)


def test_interactions_of_noise_are_significant_in_five_of_a_hundred():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(60):
        group = rng.integers(0, 2, 200)
        time = rng.exponential(np.where(group == 1, 60.0, 35.0))
        outcome = Outcome.of(time_weeks=np.ceil(np.minimum(time, 96) / 4) * 4, event=time <= 96)
        labels = pd.DataFrame({f"c{k}": rng.choice(["a", "b", "c"], 200) for k in range(10)})
        forest = subgroup_forest(outcome, group, labels, group_labels=ARMS)
        found += [covariate.interaction.p < 0.05 for covariate in forest.covariates]
    assert abs(np.mean(found) - 0.05) < 3 * np.sqrt(0.05 * 0.95 / len(found)) + 0.005  # chi-squared is asymptotic
