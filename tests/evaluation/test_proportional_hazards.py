"""Proportional hazards against R's cox.zph, and by simulation where the truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raise_core.domain.outcome import Outcome
from raise_core.evaluation.proportional_hazards import proportional_hazards, ratio_over_time
from raise_core.evaluation.survival_comparison import compare_survival
from raise_core.models.cox import fit_cox

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = [
    pytest.param(study, id=f"{study['data']}-{'+'.join(study['markers'])}")
    for study in json.loads((TESTS / "golden" / "proportional_hazards.json").read_text(encoding="utf-8"))
]


def fitted(outcome: Outcome, x: np.ndarray) -> np.ndarray:
    return fit_cox(x, outcome.time_weeks, outcome.event, rows=np.ones((1, len(outcome)), bool)).coef[0]


@pytest.mark.parametrize("golden", GOLDEN)
def test_it_is_that_of_r(golden):
    table = pd.read_csv(TESTS / "r" / "data" / f"{golden['data']}.csv")
    outcome = Outcome.of(time_weeks=table["time"], event=table["event"])
    x = table[golden["markers"]].to_numpy(float)
    beta = fitted(outcome, x)
    np.testing.assert_allclose(beta, golden["coef"], rtol=1e-7)
    found = proportional_hazards(outcome, x, beta, golden["markers"])
    ours = [*found.tests, found.whole]
    np.testing.assert_allclose([test.chi2 for test in ours], golden["chi2"], rtol=1e-6)
    np.testing.assert_allclose([test.p for test in ours], golden["p"], rtol=1e-6)
    np.testing.assert_allclose(found.time_weeks, golden["time"])
    np.testing.assert_allclose(found.transformed_time, golden["transformed"], atol=1e-12)
    theirs = np.asarray(golden["residuals"])
    for week in np.unique(found.time_weeks):  # events of one time stand in any order
        rows = found.time_weeks == week
        np.testing.assert_allclose(
            np.sort(found.scaled_residuals[rows], axis=0), np.sort(theirs[rows], axis=0), rtol=1e-6, atol=1e-7
        )


def test_constant_hazard_ratios_are_doubted_no_more_often_than_they_should():
    rng = np.random.default_rng(5)
    doubted = 0
    trials = 400
    for _ in range(trials):
        x = rng.integers(0, 2, (138, 1)).astype(float)
        time = rng.exponential(40 * np.exp(-0.7 * x[:, 0]))
        outcome = Outcome.of(time_weeks=np.minimum(time, 60), event=time <= 60)
        doubted += proportional_hazards(outcome, x, fitted(outcome, x), ["arm"]).whole.p < 0.05
    assert abs(doubted / trials - 0.05) < 3 * np.sqrt(0.05 * 0.95 / trials)


def test_a_hazard_ratio_that_turns_round_is_found():
    rng = np.random.default_rng(6)
    x = np.repeat([0.0, 1.0], 150)[:, None]
    early = rng.exponential(np.where(x[:, 0] == 1, 15.0, 60.0))
    late = 20 + rng.exponential(np.where(x[:, 0] == 1, 60.0, 15.0))
    time = np.where(early < 20, early, late)
    outcome = Outcome.of(time_weeks=time, event=np.ones(300))
    assert proportional_hazards(outcome, x, fitted(outcome, x), ["arm"]).whole.p < 1e-4


def test_a_ratio_that_turns_round_shows_in_its_smooth():
    rng = np.random.default_rng(8)
    n = 600
    group = np.repeat([0, 1], n // 2)
    # The second group does worse before week 20 and better after: hazard 0.05 then 0.01 against 0.02 all along.
    early = rng.exponential(1 / np.where(group == 1, 0.05, 0.02))
    late = 20 + rng.exponential(1 / np.where(group == 1, 0.01, 0.02))
    time = np.where(early < 20, early, late)
    outcome = Outcome.of(time_weeks=np.minimum(time, 90.0), event=time < 90)
    ratio = compare_survival(outcome, group, ("a", "b")).hazard_ratios[0].hr
    found = proportional_hazards(outcome, group[:, None].astype(float), [np.log(ratio)], ["b"])
    assert found.whole.p < 1e-6
    over_time = ratio_over_time(found, float(np.log(ratio)))
    at = over_time.time_weeks
    assert np.exp(over_time.smooth[at < 10].mean()) == pytest.approx(2.5, rel=0.35)
    assert np.exp(over_time.smooth[at > 45].mean()) == pytest.approx(0.5, rel=0.35)
    few = outcome.take(np.arange(n) < 9)
    assert ratio_over_time(proportional_hazards(few, rng.normal(size=(9, 1)), [0.0], ["x"]), 0.0) is None
