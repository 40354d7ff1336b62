import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raise_core.evaluation.comparison import holm, paired_comparison


def test_holm_by_hand():
    # 0.01 * 4, 0.02 * 3, 0.03 * 2, then 0.04 * 1 raised to the one before.
    np.testing.assert_allclose(holm([0.02, 0.01, 0.04, 0.03]), [0.06, 0.04, 0.06, 0.06], rtol=1e-15)
    np.testing.assert_allclose(holm([0.5, 0.001, 0.6]), [1.0, 0.003, 1.0], rtol=1e-15)
    np.testing.assert_allclose(holm([0.04]), [0.04], rtol=1e-15)


def test_holm_leaves_missing_tests_out():
    np.testing.assert_allclose(holm([np.nan, 0.01, np.nan, 0.04]), [np.nan, 0.02, np.nan, 0.04], rtol=1e-15)
    assert np.isnan(holm([np.nan])).all()
    assert holm([]).shape == (0,)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_holm_never_lowers_a_p_and_keeps_the_order(p):
    adjusted = holm(p)
    assert (adjusted >= np.array(p) - 1e-15).all()
    assert (adjusted <= 1.0).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_difference_interval_and_p_on_the_splits_scored_by_both():
    a = np.array([[0.70, 0.72, np.nan, 0.68, 0.75]])
    b = np.array([[0.65, 0.70, 0.60, np.nan, 0.66]])
    (found,) = paired_comparison(a, b, names=[("a", "b")], weeks=[12], n_train=80, n_test=20)
    difference = np.array([0.05, 0.02, 0.09])
    se = difference.std(ddof=1) * np.sqrt(1 / 3 + 20 / 80)
    assert (found.model_a, found.model_b, found.week) == ("a", "b", 12.0)
    assert found.difference == pytest.approx(difference.mean(), rel=1e-12)
    assert found.ci_low == pytest.approx(difference.mean() - stats.t.ppf(0.975, 2) * se, rel=1e-10)
    assert found.ci_high == pytest.approx(difference.mean() + stats.t.ppf(0.975, 2) * se, rel=1e-10)
    assert found.p_corrected == pytest.approx(2 * stats.t.sf(difference.mean() / se, 2), rel=1e-10)
    assert found.p_holm == found.p_corrected


def test_holm_runs_over_the_call_and_missing_pairs_stay_missing():
    rng = np.random.default_rng(0)
    a = rng.normal(0.7, 0.05, size=(3, 50))
    b = a - rng.normal([[0.04], [0.0], [0.01]], 0.02, size=(3, 50))
    b[1, 1:] = np.nan
    found = paired_comparison(a, b, names=[("a", "b")] * 3, weeks=[12, 24, 36], n_train=80, n_test=20)
    assert found[1].difference is not None
    assert found[1].p_corrected is found[1].p_holm is found[1].ci_low is None
    assert found[0].p_holm == pytest.approx(2 * found[0].p_corrected)
    assert found[2].p_holm == pytest.approx(max(found[2].p_corrected, found[0].p_holm))
    swapped = paired_comparison(b, a, names=[("b", "a")] * 3, weeks=[12, 24, 36], n_train=80, n_test=20)
    assert swapped[0].difference == pytest.approx(-found[0].difference)
    assert swapped[0].p_corrected == pytest.approx(found[0].p_corrected)


def test_a_model_does_not_differ_from_itself():
    c = np.random.default_rng(1).random((1, 20))
    (found,) = paired_comparison(c, c, names=[("a", "a")], weeks=[0], n_train=8, n_test=2)
    assert (found.difference, found.p_corrected, found.ci_low, found.ci_high) == (0.0, 1.0, 0.0, 0.0)


def test_no_pairs_is_no_comparison():
    assert paired_comparison(np.empty((0, 5)), np.empty((0, 5)), names=[], weeks=[], n_train=8, n_test=2) == ()
    with pytest.raises(ValueError, match="pairs"):
        paired_comparison(np.ones((2, 5)), np.ones((2, 5)), names=[("a", "b")], weeks=[1], n_train=8, n_test=2)
