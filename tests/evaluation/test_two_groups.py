"""The comparison under the slider gives what the log-rank test and the Cox fit give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.outcome import Outcome
from raise_core.evaluation.log_rank import log_rank
from raise_core.evaluation.two_groups import OrderedOutcome, compare_two_groups
from raise_core.models.cox import fit_cox


def trial(seed: int, n: int, *, visits: bool) -> tuple[Outcome, np.ndarray]:
    rng = np.random.default_rng(seed)
    marker = rng.normal(size=n)
    time = rng.exponential(40 * np.exp(-0.5 * marker))
    if visits:
        time = np.ceil(time / 12) * 12
    return Outcome.of(time_weeks=np.minimum(time, 60), event=time <= 60), marker


@pytest.mark.parametrize("visits", [False, True])
@pytest.mark.parametrize("n", [12, 138, 700])
def test_every_cut_equals_the_tests_one_by_one(n, visits):
    outcome, marker = trial(n, n, visits=visits)
    cuts = np.sort(marker)[2:-2]
    second = marker > cuts[:, None]
    found = compare_two_groups(OrderedOutcome.of(outcome), second)
    for k in range(0, len(cuts), max(1, len(cuts) // 15)):
        test = log_rank(outcome, second[k].astype(int))
        assert found.chi2[k] == pytest.approx(test.chi2, rel=1e-9)
        assert found.p[k] == pytest.approx(test.p, rel=1e-8)
        fit = fit_cox(second[k][:, None].astype(float), outcome.time_weeks, outcome.event, rows=np.ones((1, n), bool))
        if fit.infinite[0]:
            assert np.isnan(found.log_hazard_ratio[k])
            continue
        assert found.log_hazard_ratio[k] == pytest.approx(fit.coef[0, 0], abs=1e-8)
        assert found.std_error[k] == pytest.approx(np.sqrt(fit.covariance[0, 0, 0]), rel=1e-7)


def test_counts_are_of_both_groups():
    outcome = Outcome.of(time_weeks=[3, 5, 5, 9], event=[1, 1, 0, 0])
    found = compare_two_groups(OrderedOutcome.of(outcome), [True, False, False, True])
    assert found.n.tolist() == [[2, 2]]
    assert found.events.tolist() == [[1, 1]]


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_small_and_odd_sets_agree_or_are_missing_alike(rows):
    time, event, second = (np.array(column) for column in zip(*rows, strict=True))
    outcome = Outcome.of(time_weeks=time, event=event)
    found = compare_two_groups(OrderedOutcome.of(outcome), second)
    test = log_rank(outcome, second.astype(int))
    if test.df == 1:
        assert (np.isnan(found.chi2[0]) and test.chi2 == pytest.approx(0, abs=1e-9)) or found.chi2[0] == pytest.approx(
            test.chi2, rel=1e-9, abs=1e-12
        )
    swapped = compare_two_groups(OrderedOutcome.of(outcome), ~second)
    np.testing.assert_allclose(swapped.log_hazard_ratio, -found.log_hazard_ratio, atol=1e-8)
    np.testing.assert_allclose(swapped.chi2, found.chi2, rtol=1e-9)
    if outcome.n_events and 0 < second.sum() < len(second):
        fit = fit_cox(second[:, None].astype(float), time, event, rows=np.ones((1, len(time)), bool))
        if fit.converged[0] and not fit.infinite[0]:
            assert found.log_hazard_ratio[0] == pytest.approx(fit.coef[0, 0], abs=1e-6)
        else:
            assert np.isnan(found.log_hazard_ratio[0])
