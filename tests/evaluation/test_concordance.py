import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sksurv.metrics import concordance_index_censored

from raise_core.evaluation import concordance
from raise_core.evaluation.concordance import censoring_survival_before, harrell_and_uno, harrell_c, uno_c

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = [
    pytest.param(study["data"], marker, id=f"{study['data']}-{marker['marker']}")
    for study in json.loads((TESTS / "golden" / "cox_concordance.json").read_text())
    for marker in study["concordance"]
]


def everybody(n):
    return np.ones((1, n), dtype=bool)


def by_definition(risk, time, event, weight=None):
    """Harrell's or a weighted c, pair by pair."""
    concordant = tied = comparable = 0.0
    for i in np.flatnonzero(event):
        w = 1.0 if weight is None else weight[i]
        later = (time > time[i]) | ((time == time[i]) & ~event)
        comparable += w * later.sum()
        concordant += w * (later & (risk < risk[i])).sum()
        tied += w * (later & (risk == risk[i])).sum()
    return (concordant + tied / 2.0) / comparable if comparable else np.nan


def tied_problem(rng, fits, n):
    time = np.ceil(rng.exponential(30.0, size=(fits, n)) / 12.0) * 12.0
    return np.round(rng.normal(size=(fits, n)), 1), np.minimum(time, 60.0), (rng.random((fits, n)) < 0.5) & (time <= 60)


@pytest.mark.parametrize(("data", "golden"), GOLDEN)
def test_agrees_with_r(data, golden):
    table = pd.read_csv(TESTS / "r" / "data" / f"{data}.csv")
    time, event = table["time"].to_numpy(dtype=float), table["event"].to_numpy() == 1
    harrell, uno = harrell_and_uno(
        table[golden["marker"]],
        time,
        event,
        rows=everybody(len(table)),
        censoring_survival=censoring_survival_before(time, event),
    )
    np.testing.assert_allclose(harrell.c[0], golden["harrell"], rtol=1e-9)
    assert harrell.concordant[0] == golden["concordant"]
    assert harrell.tied[0] == golden["tied"]
    assert harrell.comparable[0] == golden["concordant"] + golden["discordant"] + golden["tied"]
    np.testing.assert_allclose(uno.c[0], golden["uno"], rtol=1e-9)
    truncated = uno_c(
        table[golden["marker"]],
        time,
        event,
        rows=everybody(len(table)),
        censoring_survival=censoring_survival_before(time, event),
        tau_weeks=golden["tau"],
    )
    np.testing.assert_allclose(truncated.c[0], golden["uno_tau"], rtol=1e-9)


@pytest.mark.parametrize("n", [2, 3, 9, 40, 300])
def test_agrees_with_its_definition(n):
    rng = np.random.default_rng(n)
    risk, time, event = tied_problem(rng, 12, n)
    rows = rng.random((12, n)) < 0.7
    survival = np.stack([censoring_survival_before(t, e) for t, e in zip(time, event, strict=True)])
    harrell, uno = harrell_and_uno(risk, time, event, rows=rows, censoring_survival=survival)
    for b in range(12):
        kept = rows[b]
        seen = (risk[b, kept], time[b, kept], event[b, kept])
        np.testing.assert_allclose(harrell.c[b], by_definition(*seen), rtol=1e-12)
        np.testing.assert_allclose(uno.c[b], by_definition(*seen, weight=survival[b, kept] ** -2.0), rtol=1e-12)


def test_agrees_with_scikit_survival():
    rng = np.random.default_rng(1)
    risk, time, event = tied_problem(rng, 10, 120)
    ours = harrell_c(risk, time, event, rows=np.ones((10, 120), dtype=bool))
    for b in range(10):
        c, concordant, _, tied, _ = concordance_index_censored(event[b], time[b], risk[b], tied_tol=0.0)
        np.testing.assert_allclose(ours.c[b], c, rtol=1e-12)
        assert (ours.concordant[b], ours.tied[b]) == (concordant, tied)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 50))
def test_properties(seed, n):
    rng = np.random.default_rng(seed)
    risk, time, event = (part[0] for part in tied_problem(rng, 1, n))
    survival = censoring_survival_before(time, event)
    for c in (
        lambda r, t, e, g: harrell_c(r, t, e, rows=everybody(len(t))),
        lambda r, t, e, g: uno_c(r, t, e, rows=everybody(len(t)), censoring_survival=g),
    ):
        value = c(risk, time, event, survival).c[0]
        if np.isnan(value):
            return
        assert 0.0 <= value <= 1.0
        np.testing.assert_allclose(c(-risk, time, event, survival).c[0], 1.0 - value, atol=1e-12)
        np.testing.assert_allclose(c(np.exp(risk) + 5.0, time, event, survival).c[0], value, rtol=1e-12)
        np.testing.assert_allclose(c(np.zeros(n), time, event, survival).c[0], 0.5, rtol=1e-12)
        turn = rng.permutation(n)
        np.testing.assert_allclose(c(risk[turn], time[turn], event[turn], survival[turn]).c[0], value, rtol=1e-12)
        first = time[event].min() / 2.0
        more = c(np.r_[risk, 9.0], np.r_[time, first], np.r_[event, False], np.r_[survival, 1.0])
        np.testing.assert_allclose(more.c[0], value, rtol=1e-12)


def test_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(2)
    risk, time, event = tied_problem(rng, 30, 50)
    rows = rng.random((30, 50)) < 0.4
    whole = harrell_c(risk, time, event, rows=rows)
    monkeypatch.setattr(concordance, "CHUNK_VALUES", 60)
    np.testing.assert_array_equal(harrell_c(risk, time, event, rows=rows).c, whole.c)


def test_pairs_at_one_time():
    # At week 12: an event and a censored patient are comparable, two events are not.
    pair = harrell_c([2.0, 1.0], [12.0, 12.0], [True, False], rows=everybody(2))
    assert (pair.c[0], pair.comparable[0]) == (1.0, 1)
    two_events = harrell_c([2.0, 1.0], [12.0, 12.0], [True, True], rows=everybody(2))
    assert np.isnan(two_events.c[0])
    assert two_events.reason == (concordance.NO_COMPARABLE_PAIRS,)


def test_missing_estimates_have_their_reason():
    risk = np.array([[0.1, 0.2, 0.3], [0.1, np.nan, 0.3], [0.1, 0.2, 0.3], [0.1, np.nan, 0.3]])
    rows = np.array([[True, True, True], [True, True, True], [False, False, False], [True, False, True]])
    time, event = np.array([3.0, 2.0, 1.0]), np.array([[False] * 3, [True] * 3, [True] * 3, [True] * 3])
    found = harrell_c(risk, time, event, rows=rows)
    assert found.reason == (concordance.NO_COMPARABLE_PAIRS, concordance.NO_RISK, concordance.NO_COMPARABLE_PAIRS, None)
    assert np.isnan(found.c[:3]).all()
    assert found.c[3] == 1.0
    unweighted = uno_c(risk[3], time, event[3], rows=rows[3:], censoring_survival=[1.0, 1.0, 0.0])
    assert unweighted.reason == (concordance.NO_CENSORING_SURVIVAL,)


def test_censoring_survival_by_hand():
    # 5 patients: censored at 10; event and censored at 20 (the event is no longer at risk of censoring); rest at 30.
    before = censoring_survival_before([10.0, 20.0, 20.0, 30.0, 30.0], [False, True, False, True, False])
    np.testing.assert_allclose(before, [1.0, 0.8, 0.8, 0.8 * 2 / 3, 0.8 * 2 / 3], rtol=1e-15)


def test_completers_censored_at_the_last_visit_leave_uno_defined():
    rng = np.random.default_rng(3)
    event = rng.random(80) < 0.4
    time = np.where(event, rng.integers(1, 9, size=80) * 12.0, 96.0)
    survival = censoring_survival_before(time, event)
    splits = rng.random((200, 80)) < 0.2
    found = uno_c(rng.normal(size=80), time, event, rows=splits, censoring_survival=survival, tau_weeks=96.0)
    assert (survival > 0).all()
    testable = (splits & event).sum(axis=1) >= 1
    assert np.isfinite(found.c[testable]).all()
    assert testable.sum() > 190


def test_many_patients_within_bounded_memory():
    rng = np.random.default_rng(4)
    n = 100_000
    risk = rng.normal(size=n)
    time = rng.exponential(30.0 / np.exp(risk))
    found = harrell_c(risk, time, np.ones(n, dtype=bool), rows=everybody(n))
    # Two exponential times with hazard ratio exp(d), d normal with variance 2: P(concordant) = E[1 / (1 + exp(-|d|))].
    gap = np.abs(rng.normal(scale=np.sqrt(2.0), size=2_000_000))
    np.testing.assert_allclose(found.c[0], (1.0 / (1.0 + np.exp(-gap))).mean(), atol=0.003)
