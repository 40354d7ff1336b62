"""Weights of known states at a horizon: those of R, and the influence of censoring by trying it out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.outcome import Outcome
from raise_core.evaluation.horizon_weights import HorizonWeights
from raise_core.evaluation.kaplan_meier import kaplan_meier, survival_at

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = json.loads((TESTS / "golden" / "horizon.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "golden"),
    [pytest.param(s["data"], at, id=f"{s['data']}-{at['horizon']}") for s in GOLDEN for at in s["horizons"]],
)
def test_weights_are_those_of_rs_rttright(name, golden):
    table = pd.read_csv(TESTS / "r" / "data" / f"{name}.csv")
    weights = HorizonWeights.of(Outcome.of(time_weeks=table["time"], event=table["event"]), golden["horizon"])
    np.testing.assert_allclose(weights.weight, np.array(golden["weight"], dtype=float), rtol=1e-9, atol=1e-12)


outcomes = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30).map(
    lambda rows: Outcome.of(time_weeks=[time for time, _ in rows], event=[event for _, event in rows])
)


@given(outcomes, st.integers(1, 9))
def test_weights_add_up_to_the_patients_and_controls_to_the_curve(outcome, horizon):
    weights = HorizonWeights.of(outcome, horizon)
    survival = survival_at(kaplan_meier(outcome), horizon).value
    if survival is None:
        assert weights.weight.sum() < len(outcome)
        return
    assert weights.weight.sum() == pytest.approx(len(outcome))
    assert weights.weight[weights.control].sum() == pytest.approx(len(outcome) * survival)
    assert (weights.weight[~weights.case & ~weights.control] == 0).all()


def weights_when_patients_count(outcome: Outcome, horizon: float, counts: np.ndarray) -> np.ndarray:
    """1 / G(u-), the censoring curve from patients who count `counts` times each: one patient after the other."""
    time = np.minimum(outcome.time_weeks, horizon)
    event = outcome.event & (outcome.time_weeks <= horizon)
    control = (outcome.time_weeks > horizon) | ((outcome.time_weeks == horizon) & ~outcome.event)
    found = np.zeros(len(time))
    for patient in range(len(time)):
        if not (event[patient] or control[patient]):
            continue
        g = 1.0
        for u in np.unique(outcome.time_weeks):
            if u >= time[patient]:
                break
            leaving = counts[(outcome.time_weeks == u) & ~outcome.event].sum()
            at_risk = counts[outcome.time_weeks > u].sum() + leaving
            g *= 1 - leaving / at_risk
        found[patient] = 1 / g
    return found


@pytest.mark.parametrize("horizon", [2, 4, 7])
def test_influence_of_censoring_is_what_happens_when_a_patient_counts_a_little_more(horizon):
    rng = np.random.default_rng(3)
    outcome = Outcome.of(time_weeks=rng.integers(1, 9, 30), event=rng.random(30) < 0.5)
    share = rng.normal(size=30)
    weights = HorizonWeights.of(outcome, horizon)
    expected, step = np.empty(30), 1e-6
    for patient in range(30):
        sums = []
        for sign in (1, -1):
            counts = np.ones(30)
            counts[patient] += sign * step
            sums.append(weights_when_patients_count(outcome, horizon, counts) @ share)
        expected[patient] = (sums[0] - sums[1]) / (2 * step)
    np.testing.assert_allclose(weights.weight, weights_when_patients_count(outcome, horizon, np.ones(30)))
    np.testing.assert_allclose(weights.censoring_influence(share), expected, atol=1e-7)
