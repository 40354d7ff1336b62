"""Cox models with a light ridge, against lifelines' penalised ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from raise_core.domain.outcome import Outcome
from raise_core.models.cox import fit_cox
from raise_core.models.ridge_cox import fit_ridge_cox

N, P = 120, 4


@pytest.fixture
def data():
    rng = np.random.default_rng(6)
    x = rng.standard_normal((N, P)) * [1.0, 10.0, 0.1, 1.0] + 5
    time = np.round(rng.exponential(20 * np.exp(-(x[:, 0] - 5))), 0) + 1
    return x, Outcome.of(time_weeks=time, event=rng.random(N) < 0.8)


def test_it_maximises_the_penalised_likelihood_of_lifelines(data):
    x, outcome = data
    prior_sd = 0.3
    found = fit_ridge_cox(x[None], outcome, rows=np.ones((1, N), dtype=bool), prior_sd=prior_sd)
    # lifelines scales columns by their sd with ddof 1, divides the likelihood by n and halves the sum of squares
    table = pd.DataFrame(x, columns=list("abcd")).assign(time=outcome.time_weeks, event=outcome.event.astype(int))
    penalizer = (N - 1) / N / (N * prior_sd**2)
    theirs = CoxPHFitter(penalizer=penalizer).fit(table, "time", "event", fit_options={"precision": 1e-9})
    np.testing.assert_allclose(found.coef[0], theirs.params_.to_numpy(), rtol=1e-4)


def test_without_a_penalty_it_is_the_plain_cox_model(data):
    x, outcome = data
    rows = np.stack([np.arange(N) % 3 != fold for fold in range(3)])
    ours = fit_ridge_cox(np.broadcast_to(x, (3, N, P)), outcome, rows=rows, prior_sd=1e5)
    plain = fit_cox(x, outcome.time_weeks, outcome.event, rows=rows)
    np.testing.assert_allclose(ours.coef, plain.coef, rtol=1e-5)


def test_a_constant_column_gets_nothing_and_shares_add_up(data):
    x, outcome = data
    x[:, 3] = 2.0
    found = fit_ridge_cox(x[None], outcome, rows=np.ones((1, N), dtype=bool))
    assert found.coef[0, 3] == 0.0
    np.testing.assert_allclose(found.shares(x, 0).sum(axis=1), found.risk(x, 0))
    assert found.risk(x, 0).mean() == pytest.approx(0.0, abs=1e-12)


def test_more_columns_than_events_can_still_be_fitted():
    rng = np.random.default_rng(0)
    outcome = Outcome.of(time_weeks=np.arange(1.0, 41.0), event=np.arange(40) < 15)
    found = fit_ridge_cox(rng.standard_normal((1, 40, 30)), outcome, rows=np.ones((1, 40), dtype=bool))
    assert np.isfinite(found.coef).all()
