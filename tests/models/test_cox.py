import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter
from scipy.optimize import linprog
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import concordance_index_censored
from sksurv.util import Surv

from raise_core.domain.errors import BadUsageError
from raise_core.models import cox
from raise_core.models.cox import fit_cox

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = json.loads((TESTS / "golden" / "cox_concordance.json").read_text())
DEGENERATE = json.loads((TESTS / "golden" / "cox_degenerate.json").read_text())
GOLDEN_FITS = [
    pytest.param(study["data"], fit, id=f"{study['data']}-{'+'.join(fit['markers'])}-{fit['ties']}")
    for study in GOLDEN
    for fit in study["cox"]
]


def scheduled(rng, n, p, *, sets=1):
    """Made trials with visits every 12 weeks, so that many events share a time."""
    x = rng.normal(size=(sets, n, p)) * rng.uniform(0.1, 30.0, size=p) + rng.normal(size=p)
    risk = (0.5 * (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)).sum(axis=2)
    time = rng.exponential(60.0 / np.exp(risk))
    censored = rng.uniform(5.0, 120.0, size=(sets, n))
    return x, np.ceil(np.minimum(time, censored) / 12.0) * 12.0, time <= censored


def fits_of_one(x, time, event, **options):
    return fit_cox(x, time, event, rows=np.ones((1, len(time)), dtype=bool), **options)


@pytest.mark.parametrize(("data", "golden"), GOLDEN_FITS)
def test_agrees_with_r(data, golden):
    table = pd.read_csv(TESTS / "r" / "data" / f"{data}.csv")
    fits = fits_of_one(
        table[golden["markers"]].to_numpy(dtype=float), table["time"], table["event"] == 1, ties=golden["ties"]
    )
    assert fits.converged.all()
    np.testing.assert_allclose(fits.coef[0], golden["coef"], rtol=1e-9)
    np.testing.assert_allclose(fits.covariance[0], golden["covariance"], rtol=1e-9)
    np.testing.assert_allclose(fits.log_likelihood[0], golden["log_likelihood"], rtol=1e-9)
    np.testing.assert_allclose(fits.log_likelihood_null[0], golden["log_likelihood_null"], rtol=1e-9)


@pytest.mark.parametrize("p", [1, 2, 5])
def test_agrees_with_scikit_survival_under_heavy_ties(p):
    rng = np.random.default_rng(p)
    x, time, event = scheduled(rng, 110, p, sets=6)
    rows = rng.random((6, 110)) < 0.8
    fits = fit_cox(x, time, event, rows=rows)
    for b in range(6):
        kept = rows[b]
        peer = CoxPHSurvivalAnalysis(ties="efron", n_iter=200, tol=1e-13)
        peer.fit(x[b, kept], Surv.from_arrays(event[b, kept], time[b, kept]))
        np.testing.assert_allclose(fits.coef[b], peer.coef_, rtol=1e-6)
        # The peer centres elsewhere: risks may differ by a constant.
        difference = fits.risk(x[b], fits=np.array([b]))[0] - peer.predict(x[b])
        np.testing.assert_allclose(difference, difference[0], atol=1e-6)
        np.testing.assert_allclose(fits.risk(x)[b, kept].mean(), 0.0, atol=1e-9)


def test_agrees_with_lifelines():
    x, time, event = scheduled(np.random.default_rng(8), 150, 3)
    table = pd.DataFrame(x[0], columns=list("abc")).assign(time=time[0], event=event[0])
    peer = CoxPHFitter().fit(table, "time", "event", fit_options={"precision": 1e-12})
    fits = fits_of_one(x[0], time[0], event[0])
    np.testing.assert_allclose(fits.coef[0], peer.params_.to_numpy(), rtol=1e-6)
    # lifelines inverts the Hessian with its own rounding; its standard errors carry about seven digits.
    np.testing.assert_allclose(np.sqrt(np.diagonal(fits.covariance[0])), peer.standard_errors_.to_numpy(), rtol=1e-6)
    np.testing.assert_allclose(fits.log_likelihood[0], peer.log_likelihood_, rtol=1e-9)


def test_a_batch_equals_its_loop(monkeypatch):
    rng = np.random.default_rng(1)
    x, time, event = scheduled(rng, 90, 2)
    rows = rng.random((25, 90)) < rng.uniform(0.5, 0.95, size=(25, 1))
    together = fit_cox(x, time, event, rows=rows)
    monkeypatch.setattr(cox, "CHUNK_VALUES", 4000)
    in_chunks = fit_cox(x, time, event, rows=rows)
    assert together.converged.all()
    for b in range(25):
        alone = fits_of_one(x[0, rows[b]], time[0, rows[b]], event[0, rows[b]])
        for attribute in ("coef", "covariance", "centre", "log_likelihood", "log_likelihood_null"):
            expected = getattr(alone, attribute)[0]
            np.testing.assert_allclose(getattr(together, attribute)[b], expected, rtol=1e-12)
            np.testing.assert_allclose(getattr(in_chunks, attribute)[b], expected, rtol=1e-12)


def test_padding_rows_and_columns_changes_nothing():
    rng = np.random.default_rng(2)
    x, time, event = scheduled(rng, 60, 2)
    plain = fits_of_one(x[0], time[0], event[0])
    wide = np.full((1, 75, 4), 7.0)
    wide[0, :60, 1], wide[0, :60, 3] = x[0, :, 0], x[0, :, 1]
    long_time, long_event = np.full(75, 24.0), np.ones(75, dtype=bool)
    long_time[:60], long_event[:60] = time[0], event[0]
    padded = fit_cox(
        wide,
        long_time,
        long_event,
        rows=(np.arange(75) < 60)[None],
        columns=np.array([False, True, False, True]),
    )
    assert padded.coef[0].tolist() == [0.0, plain.coef[0, 0], 0.0, plain.coef[0, 1]]
    assert (padded.covariance[0][np.ix_([1, 3], [1, 3])] == plain.covariance[0]).all()
    assert (padded.covariance[0][[0, 2]] == 0.0).all()
    assert padded.log_likelihood[0] == plain.log_likelihood[0]
    np.testing.assert_array_equal(padded.risk(wide)[0, :60], plain.risk(x[0])[0])


def test_source_says_which_data_a_fit_uses():
    rng = np.random.default_rng(3)
    x, time, event = scheduled(rng, 70, 2, sets=2)
    rows = rng.random((4, 70)) < 0.8
    fits = fit_cox(x, time, event, rows=rows, source=[1, 0, 1, 0])
    for b, used in enumerate([1, 0, 1, 0]):
        alone = fit_cox(x[used], time[used], event[used], rows=rows[b : b + 1])
        np.testing.assert_allclose(fits.coef[b], alone.coef[0], rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(25, 60), scale=st.floats(1e-3, 1e4), shift=st.floats(-1e3, 1e3))
def test_properties_of_a_fit(seed, n, scale, shift):
    rng = np.random.default_rng(seed)
    x, time, event = scheduled(rng, n, 2)
    x, time, event = x[0], time[0], event[0]
    fits = fits_of_one(x, time, event)
    if not fits.converged[0] or fits.infinite[0]:
        return
    turn = rng.permutation(n)
    shuffled = fits_of_one(x[turn], time[turn], event[turn])
    np.testing.assert_allclose(shuffled.coef, fits.coef, rtol=1e-8, atol=1e-12)
    rescaled = fits_of_one(x * scale + shift, time, event)
    np.testing.assert_allclose(rescaled.coef * scale, fits.coef, rtol=1e-6, atol=1e-9)
    # Who is censored before the first event never stands in a risk set.
    early = fits_of_one(np.vstack([x, rng.normal(size=2)]), np.r_[time, time[event].min() / 2.0], np.r_[event, False])
    np.testing.assert_allclose(early.coef, fits.coef, rtol=1e-8, atol=1e-12)


def test_risk_of_equal_patients_is_exactly_equal():
    rng = np.random.default_rng(4)
    x = rng.integers(0, 2, size=(200, 3)).astype(float)
    fits = fits_of_one(x, rng.exponential(size=200), rng.random(200) < 0.5)
    risk = fits.risk(x)[0]
    for pattern in np.unique(x, axis=0):
        assert len(set(risk[(x == pattern).all(axis=1)])) == 1


def test_failures_and_dropped_markers_are_named():
    rng = np.random.default_rng(5)
    n = 40
    x = rng.normal(size=(5, n, 2))
    time = rng.exponential(size=(5, n)) + 0.1
    event = np.ones((5, n), dtype=bool)
    event[0] = False
    x[1, :, 1] = 0.1 + 0.2  # constant, and not exactly representable
    x[2, :, 1] = 3.0 * x[2, :, 0] - 1.0
    x[3, :, 1] = time[3] < 0.7  # everybody in the group fails before anybody outside it
    fits = fit_cox(x, time, event, rows=np.ones((5, n), dtype=bool))
    assert fits.reason == (cox.NO_EVENTS, None, None, None, None)
    assert fits.converged.tolist() == [False, True, True, True, True]
    assert fits.dropped.tolist() == [[False, False], [False, True], [False, True], [False, False], [False, False]]
    assert fits.infinite.tolist() == [False, False, False, True, False]
    assert np.isnan(fits.coef[0]).all()
    assert np.isnan(fits.covariance[0]).all()
    assert np.isnan(fits.risk(x)[0]).all()
    assert np.isfinite(fits.risk(x)[1:]).all()
    for b in (1, 2):
        alone = fits_of_one(x[b, :, :1], time[b], event[b])
        assert fits.coef[b].tolist() == [pytest.approx(alone.coef[0, 0], rel=1e-12), 0.0]
        np.testing.assert_allclose(fits.covariance[b, 0, 0], alone.covariance[0, 0, 0], rtol=1e-12)
        np.testing.assert_array_equal(np.isnan(fits.covariance[b]), [[False, True], [True, True]])
    x[1, :, 0] = 5.0
    assert fit_cox(x, time, event, rows=np.ones((5, n), dtype=bool)).reason[1] == cox.CONSTANT_MARKER
    # Before the third look at the likelihood nothing has converged.
    given_up = fit_cox(x, time, event, rows=np.ones((5, n), dtype=bool), max_iterations=2)
    assert given_up.reason[4] == cox.NOT_CONVERGED


@pytest.mark.parametrize("golden", DEGENERATE, ids=lambda golden: "+".join(golden["markers"]))
def test_infinite_and_dropped_coefficients_agree_with_r(golden):
    table = pd.read_csv(TESTS / "r" / "data" / "rare_levels.csv")
    x, train = table[golden["markers"]].to_numpy(dtype=float), table["train"].to_numpy() == 1
    fits = fit_cox(x, table["time"], table["event"] == 1, rows=train[None])
    theirs = np.array(golden["coef"], dtype=float)
    runaway = np.array([name == "rare" for name in golden["markers"]])
    np.testing.assert_array_equal(fits.dropped[0], np.isnan(theirs))
    assert fits.infinite[0] == runaway.any()
    assert (np.sign(fits.coef[0, runaway]) == np.sign(theirs[runaway])).all()
    assert np.isnan(np.diagonal(fits.covariance[0])).tolist() == (runaway | fits.dropped[0]).tolist()
    kept = ~runaway & ~fits.dropped[0]
    # Of a level that e^-20 of its weight is left of, the others' coefficients have their limit to about 1e-7.
    np.testing.assert_allclose(fits.coef[0, kept], theirs[kept], rtol=1e-6 if runaway.any() else 1e-9)
    np.testing.assert_allclose(fits.log_likelihood[0], golden["log_likelihood"], rtol=1e-9)
    test = table[~train]
    c = concordance_index_censored(test["event"] == 1, test["time"], fits.risk(x)[0, ~train])[0]
    np.testing.assert_allclose(c, golden["harrell"], rtol=1e-12)


def rare_level_trial(rng, n, *, events_in_level):
    """A marker with an effect, and a level of about one in fourteen with events in all of its patients or none."""
    marker = rng.normal(size=n)
    level = np.arange(n) % 14 == 3
    time = rng.exponential(60.0 / np.exp(0.7 * marker))
    censored = rng.uniform(12.0, 120.0, size=n)
    event = time <= censored
    event[level] = events_in_level
    time = np.ceil(np.minimum(time, censored) / 12.0) * 12.0
    time[level & event] = 6.0
    return np.c_[marker, level, np.zeros(n)], time, event


@pytest.mark.parametrize("events_in_level", [True, False])
def test_an_infinite_coefficient_orders_patients_as_a_tiny_ridge_does(events_in_level):
    rng = np.random.default_rng(21)
    for _ in range(10):
        x, time, event = rare_level_trial(rng, 80, events_in_level=events_in_level)
        fits = fits_of_one(x, time, event)
        assert fits.infinite.tolist() == [True]
        assert fits.dropped.tolist() == [[False, False, True]]
        peer = CoxPHSurvivalAnalysis(ties="efron", alpha=1e-9, n_iter=500, tol=1e-14)
        peer.fit(x[:, :2], Surv.from_arrays(event, time))
        np.testing.assert_allclose(fits.coef[0, 0], peer.coef_[0], rtol=1e-5)
        risk = fits.risk(x)[0]
        assert np.argsort(risk, kind="stable").tolist() == np.argsort(peer.predict(x[:, :2]), kind="stable").tolist()
        # The level comes before everything else, even beside an extreme value of the other marker.
        extreme = fits.risk(np.array([[-30.0, 1.0, 0.0], [30.0, 0.0, 0.0]]))[0]
        assert (extreme[0] > extreme[1]) == events_in_level


def test_infinite_is_said_exactly_where_the_likelihood_has_no_maximum():
    # Truth from linear programming: is there a direction along which no event ever falls behind its risk set?
    rng = np.random.default_rng(22)
    x = np.stack([np.c_[rng.normal(size=40), rng.random((40, 2)) < 0.1] for _ in range(150)]).astype(float)
    time = np.ceil(rng.exponential(5.0, size=(150, 40)))
    event = rng.random((150, 40)) < 0.25
    fits = fit_cox(x, time, event, rows=np.ones((150, 40), dtype=bool))
    assert fits.converged.all()
    for b in range(150):
        kept = x[b][:, ~fits.dropped[b]]
        ahead = np.vstack([kept[i] - kept[time[b] >= time[b, i]] for i in np.flatnonzero(event[b])])
        best = linprog(-ahead.sum(axis=0), A_ub=-ahead, b_ub=np.zeros(len(ahead)), bounds=(-1, 1))
        assert fits.infinite[b] == (best.fun < -1e-7)
    assert 20 < fits.infinite.sum() < 130
    assert np.isfinite(fits.coef).all()


@pytest.mark.parametrize("seed", range(4))
def test_few_events_and_many_markers_still_have_an_order(seed):
    # Newton's steps leap far here: many fits pass through overflowing weights or singular information.
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(300, 24, 3))
    time = np.ceil(rng.exponential(5.0, size=(300, 24)))
    event = (rng.random((300, 24)) < 0.2) | (np.arange(24) == 0)
    fits = fit_cox(x, time, event, rows=np.ones((300, 24), dtype=bool))
    assert fits.infinite.any()
    # A lone event at the end of follow-up has nobody to be compared with.
    assert set(fits.reason) <= {None, cox.CONSTANT_MARKER}
    assert np.isfinite(fits.risk(x)[fits.converged]).all()


def test_a_marker_that_varies_only_outside_all_risk_sets_counts_as_constant():
    rng = np.random.default_rng(10)
    x = np.zeros((50, 1))
    x[:5] = rng.normal(size=(5, 1))
    time = np.r_[np.full(5, 1.0), rng.uniform(2.0, 9.0, size=45)]
    assert fits_of_one(x, time, np.arange(50) >= 5).reason == (cox.CONSTANT_MARKER,)


def test_an_infinite_fit_does_not_disturb_its_neighbours():
    rng = np.random.default_rng(6)
    x, time, event = scheduled(rng, 60, 1, sets=3)
    x[1, :, 0] = -time[1]
    fits = fit_cox(x, time, event, rows=np.ones((3, 60), dtype=bool))
    assert fits.infinite.tolist() == [False, True, False]
    assert (np.diff(fits.risk(x)[1, np.argsort(time[1], kind="stable")]) <= 0).all()
    for b in (0, 2):
        np.testing.assert_allclose(fits.coef[b], fits_of_one(x[b], time[b], event[b]).coef[0], rtol=1e-12)


def test_far_from_zero_steps_are_shortened():
    # A strong marker with an outlier: the plain Newton step overshoots.
    rng = np.random.default_rng(11)
    x = np.r_[rng.normal(size=49), 60.0][:, None]
    time = rng.exponential(1.0 / np.exp(np.r_[4.0 * x[:49, 0], -3.0]))
    fits = fits_of_one(x, time, np.ones(50, dtype=bool))
    peer = CoxPHSurvivalAnalysis(ties="efron", n_iter=500, tol=1e-14)
    peer.fit(x, Surv.from_arrays(np.ones(50, dtype=bool), time))
    assert fits.converged.all()
    np.testing.assert_allclose(fits.coef[0], peer.coef_, rtol=1e-6)


def test_known_hazard_ratio_is_recovered_in_a_large_cohort():
    rng = np.random.default_rng(9)
    x = rng.normal(size=(100_000, 2))
    time = rng.exponential(30.0 / np.exp(x @ [0.7, -0.3]))
    censored = rng.uniform(5.0, 60.0, size=100_000)
    fits = fits_of_one(x, np.minimum(time, censored), time <= censored)
    se = np.sqrt(np.diagonal(fits.covariance[0]))
    assert (np.abs(fits.coef[0] - [0.7, -0.3]) < 4 * se).all()
    assert (se < 0.01).all()


def test_wrong_arguments_are_refused():
    x, time, event = scheduled(np.random.default_rng(7), 20, 2)
    rows = np.ones((1, 20), dtype=bool)
    with pytest.raises(BadUsageError, match="ties"):
        fit_cox(x, time, event, rows=rows, ties="exact")
    with pytest.raises(ValueError, match="missing or infinite"):
        fit_cox(np.where(x > 0, x, np.nan), time, event, rows=rows)
    with pytest.raises(ValueError, match="rows covers 19"):
        fit_cox(x, time, event, rows=rows[:, 1:])
    with pytest.raises(ValueError, match="differ in patients"):
        fit_cox(x, time[:, 1:], event, rows=rows)
    with pytest.raises(ValueError, match="source"):
        fit_cox(x, time, event, rows=rows, source=[1])
    with pytest.raises(ValueError, match="say with source"):
        fit_cox(np.repeat(x, 2, axis=0), time, event, rows=np.ones((3, 20), dtype=bool))
