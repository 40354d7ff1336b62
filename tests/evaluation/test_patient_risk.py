"""A patient's out-of-sample risk, on splits small enough to work out by hand, and against the c-index."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.evaluation.cindex import Design, evaluate
from raise_core.evaluation.concordance import censoring_survival_before, harrell_and_uno
from raise_core.evaluation.patient_risk import (
    HeldOutRisks,
    held_out_risks,
    percentile_among,
    split_risks,
    standardised,
)
from raise_core.evaluation.resampling import monte_carlo_splits

NAN = math.nan


def trial(n=90, *, splits=15, seed=1, by_split=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    time = np.ceil(rng.exponential(40.0 / np.exp(x @ [0.8, -0.3])))
    event = rng.random(n) < 0.7
    train = monte_carlo_splits(event, splits=splits, train_fraction=0.8, seed=seed, keys=range(n))
    if by_split:
        x = np.stack([x + 0.1 * rng.normal(size=x.shape) for _ in range(splits)])
    return Design("a+b", 12, time, event, train, ("a", "b"), x)


def harrell_of(risk, design):
    return harrell_and_uno(
        risk,
        np.broadcast_to(design.time_weeks, risk.shape),
        np.broadcast_to(design.event, risk.shape),
        rows=~design.train,
        censoring_survival=np.broadcast_to(censoring_survival_before(design.time_weeks, design.event), risk.shape),
        tau_weeks=np.full(len(risk), np.inf),
    )[0].c


@pytest.mark.parametrize("by_split", [False, True])
def test_the_risks_are_those_the_c_index_scores(by_split):
    design = trial(by_split=by_split)
    scored = evaluate([design])
    np.testing.assert_allclose(harrell_of(split_risks(design), design), scored.harrell[0], rtol=0, atol=1e-12)
    scaled = held_out_risks(design, [str(i) for i in range(90)]).risk
    assert harrell_of(scaled, design).mean() == pytest.approx(scored.estimates[0].mean, abs=1e-12)


def test_a_network_is_read_as_it_is_and_a_split_without_it_is_left_out():
    cox = trial(splits=6)
    ready = np.random.default_rng(0).normal(size=cox.train.shape)
    test_patient = int(np.flatnonzero(~cox.train[2])[0])
    ready[2, test_patient] = NAN
    ready[3, int(np.flatnonzero(cox.train[3])[0])] = NAN  # a training patient's does not matter
    design = Design("dl:lesion-portal", 12, cox.time_weeks, cox.event, cox.train, risk=ready)
    found = split_risks(design)
    assert np.isnan(found[2]).all()
    np.testing.assert_array_equal(found[[0, 1, 3, 4, 5]], ready[[0, 1, 3, 4, 5]])
    assert held_out_risks(design, [str(i) for i in range(90)]).unscored == 1


def test_standardised_by_the_training_patients():
    risk = np.array([[1.0, 3.0, 7.0], [5.0, 5.0, 9.0], [NAN, NAN, NAN]])
    train = np.array([[True, True, False]] * 3)
    found = standardised(risk, train)
    assert found[0].tolist() == [-1.0, 1.0, 5.0]  # mean 2, sd 1
    assert np.isnan(found[1:]).all()  # equal training risks have no scale


def test_percentile_counts_equals_half():
    assert percentile_among(2.0, np.array([1.0, 2.0, 2.0, 3.0])) == 50.0
    assert percentile_among(9.0, np.array([1.0, 2.0])) == 100.0
    assert math.isnan(percentile_among(1.0, np.array([])))


def test_a_patient_by_hand():
    risk = np.array([[0.0, 1.0, 2.0, 3.0], [5.0, 1.0, 2.0, 3.0], [2.0, 2.0, 2.0, 1.0], [NAN] * 4])
    train = np.array([[False, True, True, True], [True, False, True, True], [False, True, False, True], [False] * 4])
    found = HeldOutRisks(24.0, ("a", "b", "c", "d"), 2, risk, train)
    a = found.of("a")
    assert (a.risk, a.test_splits) == (1.0, 2)  # 0 in the first split, 2 in the third
    assert a.low == pytest.approx(0.05)
    assert a.high == pytest.approx(1.95)
    # First split: nobody lower. Third: d is lower, b and c equal.
    assert a.percentile == pytest.approx((0 + 100 * (1 + 0.5 * 2) / 3) / 2)
    assert found.of("b").percentile == 0.0
    assert found.of("d") is None, "always in training, but where there is no risk"
    assert found.of("nobody") is None
    assert found.unscored == 1
    assert found.quantiles == pytest.approx(
        tuple(np.mean([np.quantile(row, (0.05, 0.25, 0.5, 0.75, 0.95)) for row in risk[:3]], axis=0))
    )


def test_patients_with_equal_markers_have_equal_percentiles_whoever_tests_them():
    base = trial(n=80, splits=60, seed=4)
    level = np.arange(80) % 4 == 0
    time = np.where(level, base.time_weeks, base.time_weeks + 30.0)  # worse in every split
    design = Design("g", 12, time, base.event, base.train, ("g=2",), level[:, None].astype(float))
    found = held_out_risks(design, [str(i) for i in range(80)])
    worse = [risk for i in range(0, 80, 4) if (risk := found.of(str(i))) is not None]
    better = [risk for i in range(1, 80, 4) if (risk := found.of(str(i))) is not None]
    assert len(worse) == len(better) == 20
    for risk in worse:  # of the 79 others 60 are lower and 19 equal
        assert risk.percentile == pytest.approx(100 * (60 + 19 / 2) / 79)
        assert risk.percentile_low == pytest.approx(risk.percentile_high)
    for risk in better:
        assert risk.percentile == pytest.approx(100 * (59 / 2) / 79)


@given(st.integers(0, 2**31), st.floats(0.01, 50.0), st.floats(-100.0, 100.0))
def test_neither_scale_nor_offset_of_a_split_matters(seed, scale, offset):
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=(4, 12)).round(1)
    train = rng.random((4, 12)) < 0.7
    train[:, :2] = True, False
    risk[:, 0] = risk[:, 2] + 1.0
    train[:, 2] = True
    ids = tuple(str(i) for i in range(12))
    one = HeldOutRisks(12.0, ids, 3, standardised(risk, train), train)
    other = HeldOutRisks(12.0, ids, 3, standardised(scale * risk + offset, train), train)
    mine, again = one.of("1"), other.of("1")
    assert mine.test_splits == again.test_splits == 4
    assert mine.risk == pytest.approx(again.risk, abs=1e-6)
    assert one.quantiles == pytest.approx(other.quantiles, abs=1e-6)
    assert 0.0 <= mine.percentile_low <= mine.percentile <= mine.percentile_high <= 100.0


def test_ids_must_be_those_of_the_design():
    with pytest.raises(ValueError, match="3 patient ids for 90 patients"):
        held_out_risks(trial(), ["a", "b", "c"])
