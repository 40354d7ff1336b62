import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from raise_core.domain.errors import BadUsageError
from raise_core.evaluation.resampling import (
    corrected_standard_error,
    corrected_standard_error_kfold,
    inner_folds,
    monte_carlo_splits,
    resampled_mean,
)


def ids(n):
    return [f"P{i:04d}" for i in range(n)]


@settings(max_examples=80, deadline=None)
@given(
    n_events=st.integers(0, 40), n_censored=st.integers(0, 40), fraction=st.floats(0.05, 0.95), seed=st.integers(0, 99)
)
def test_splits_are_stratified_by_event(n_events, n_censored, fraction, seed):
    event = np.random.default_rng(seed).permutation(np.arange(n_events + n_censored) < n_events)
    train = monte_carlo_splits(event, splits=7, train_fraction=fraction, seed=seed, keys=ids(len(event)))
    assert train.shape == (7, n_events + n_censored)
    for stratum, size in ((event, n_events), (~event, n_censored)):
        counts = train[:, stratum].sum(axis=1)
        assert len(set(counts)) == 1
        assert abs(counts[0] - fraction * size) <= (1.0 if size >= 2 else 0.95)
        if size >= 2:
            assert 1 <= counts[0] <= size - 1


def test_every_patient_is_tested_about_equally_often():
    event = np.arange(100) < 30
    train = monte_carlo_splits(event, splits=4000, train_fraction=0.8, seed=3, keys=ids(100))
    share = (~train).mean(axis=0)
    # Binomial sd of a share of 0.2 over 4,000 splits is 0.0063.
    assert np.abs(share - 0.2).max() < 5 * 0.0063
    # Within a stratum, two patients are tested together as often as drawing without replacement says.
    together = ((~train)[:, 0] & (~train)[:, 1]).mean()
    assert abs(together - (6 / 30) * (5 / 29)) < 5 * np.sqrt(0.0345 / 4000)


def test_splits_follow_the_seed_and_the_patient_not_the_row():
    rng = np.random.default_rng(0)
    event = rng.random(61) < 0.4
    keys = np.array(ids(61))
    options = {"splits": 20, "train_fraction": 0.8}
    train = monte_carlo_splits(event, seed=5, keys=keys, **options)
    turn = rng.permutation(61)
    np.testing.assert_array_equal(monte_carlo_splits(event[turn], seed=5, keys=keys[turn], **options), train[:, turn])
    np.testing.assert_array_equal(monte_carlo_splits(event, seed=5, keys=keys, **options), train)
    assert (monte_carlo_splits(event, seed=6, keys=keys, **options) != train).any()
    fewer = monte_carlo_splits(event, splits=5, train_fraction=0.8, seed=5, keys=keys)
    np.testing.assert_array_equal(fewer, train[:5])
    assert len({row.tobytes() for row in train}) == 20


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"splits": 0}, "--splits"),
        ({"train_fraction": 1.0}, "--train-fraction"),
        ({"train_fraction": 0.0}, "--train-fraction"),
        ({"train_fraction": float("nan")}, "--train-fraction"),
        ({"seed": -1}, "--seed"),
        ({"keys": ["a", "b", "a"]}, "patient a comes more than once"),
    ],
)
def test_wrong_settings_name_the_option(options, named):
    settings_ = {"splits": 5, "train_fraction": 0.8, "seed": 0, "keys": ["a", "b", "c"], **options}
    with pytest.raises(BadUsageError, match=named):
        monte_carlo_splits([True, False, True], **settings_)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(30, 90), folds=st.integers(2, 10), seed=st.integers(0, 99))
def test_inner_folds_divide_each_training_set_evenly(n, folds, seed):
    rng = np.random.default_rng(seed)
    event = rng.random(n) < 0.4
    train = monte_carlo_splits(event, splits=4, train_fraction=0.7, seed=seed, keys=ids(n))
    fold = inner_folds(train, event, folds=folds, seed=seed, keys=ids(n))
    assert fold.dtype == np.int8
    np.testing.assert_array_equal(fold == -1, ~train)
    for j in range(4):
        sizes = np.bincount(fold[j, train[j]], minlength=folds)
        events = np.bincount(fold[j, train[j] & event], minlength=folds)
        assert sizes.max() - sizes.min() <= 1
        assert events.max() - events.min() <= 1
        assert len(sizes) == folds
    turn = rng.permutation(n)
    again = inner_folds(train[:, turn], event[turn], folds=folds, seed=seed, keys=np.array(ids(n))[turn])
    np.testing.assert_array_equal(again, fold[:, turn])


def test_inner_folds_refuse_what_cannot_be_divided():
    train = np.array([[True, True, True, False]])
    event = np.array([True, False, True, False])
    with pytest.raises(BadUsageError, match="3 patients for 4 folds"):
        inner_folds(train, event, folds=4, seed=0, keys=ids(4))
    with pytest.raises(BadUsageError, match="between 2 and"):
        inner_folds(train, event, folds=1, seed=0, keys=ids(4))


def test_corrected_standard_errors_by_hand():
    # 100 splits, 90 in training, 10 tested: sqrt(1/100 + 1/9) = 0.348010...
    np.testing.assert_allclose(corrected_standard_error(0.06, 100, 90, 10), 0.06 * np.sqrt(0.01 + 1 / 9), rtol=1e-15)
    # Ten repeats of 3-fold: 1/30 + 1/2.
    np.testing.assert_allclose(
        corrected_standard_error_kfold(0.1, folds=3, repeats=10), 0.1 * np.sqrt(1 / 30 + 1 / 2), rtol=1e-15
    )


def test_resampled_mean_agrees_with_a_t_test_when_nothing_overlaps():
    # With no test patients the correction vanishes and the interval is Student's.
    scores = np.random.default_rng(0).normal(0.1, 1.0, size=(2, 25))
    found = resampled_mean(scores, n_train=100, n_test=0)
    peer = stats.ttest_1samp(scores, 0.0, axis=1)
    np.testing.assert_allclose(found.p_zero, peer.pvalue, rtol=1e-10)
    np.testing.assert_allclose(found.ci_low, peer.confidence_interval().low, rtol=1e-10)
    np.testing.assert_allclose(found.se_naive, found.se_corrected, rtol=1e-12)
    np.testing.assert_allclose(found.sd, scores.std(axis=1, ddof=1), rtol=1e-12)


def test_missing_scores_and_too_few_of_them():
    nan = np.nan
    found = resampled_mean(
        [[0.5, nan, 0.7, 0.6], [nan, nan, 0.7, nan], [nan] * 4, [0.0] * 4, [0.1] * 4], n_train=8, n_test=2
    )
    assert found.n_scored.tolist() == [3, 1, 0, 4, 4]
    np.testing.assert_allclose(found.mean, [0.6, 0.7, nan, 0.0, 0.1], rtol=1e-12)
    np.testing.assert_allclose(found.sd, [0.1, nan, nan, 0.0, 0.0], rtol=1e-12)
    np.testing.assert_allclose(found.se_corrected[0], 0.1 * np.sqrt(1 / 3 + 1 / 4), rtol=1e-12)
    half = stats.t.ppf(0.975, 2) * found.se_corrected[0]
    np.testing.assert_allclose(found.ci_high[0], 0.6 + half, rtol=1e-12)
    assert np.isnan(found.ci_low[1:3]).all()
    assert np.isnan(found.p_zero[[1, 2, 4]]).all()
    assert found.p_zero[3] == 1.0
