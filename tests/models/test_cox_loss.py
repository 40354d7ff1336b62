from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from lifelines import CoxPHFitter

from raise_core.models.cox import fit_cox
from raise_core.models.cox_loss import efron_loss
from raise_core.models.efron import PartialLikelihood


def trial(n=70, seed=0, tie_weeks=10.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    time = np.ceil(rng.exponential(40 * np.exp(-0.8 * x)) / tie_weeks) * tie_weeks
    return x, time, rng.random(n) < 0.65


def as_tensors(*arrays):
    return [torch.from_numpy(np.asarray(each)) for each in arrays]


def by_definition(risk, time, event):
    total = 0.0
    for week in np.unique(time[event]):
        tied, at_risk = np.exp(risk[event & (time == week)]), np.exp(risk[time >= week]).sum()
        for k in range(len(tied)):
            total += np.log(at_risk - k / len(tied) * tied.sum())
    return (total - risk[event].sum()) / event.sum()


@pytest.mark.parametrize("tie_weeks", [1e-9, 10.0, 60.0])
def test_loss_is_the_definition(tie_weeks):
    x, time, event = trial(tie_weeks=tie_weeks)
    assert float(efron_loss(*as_tensors(x, time, event))) == pytest.approx(by_definition(x, time, event), rel=1e-12)


def test_loss_at_lifelines_estimate_is_its_log_likelihood():
    x, time, event = trial()
    cox = CoxPHFitter().fit(pd.DataFrame({"x": x, "time": time, "event": event}), "time", "event")
    loss = efron_loss(*as_tensors(x * float(cox.params_["x"]), time, event))
    assert float(loss) * event.sum() == pytest.approx(-cox.log_likelihood_, rel=1e-9)


def test_gradient_is_that_of_the_cox_models():
    x, time, event = trial()
    order = np.argsort(-time, kind="stable")
    likelihood = PartialLikelihood.of(
        x[None, None, order], time[None, order], event[None, order], np.ones((1, len(x)), dtype=bool), ties="efron"
    )
    for slope in (-0.7, 0.0, 1.3):
        coefficient = torch.tensor(slope, dtype=torch.float64, requires_grad=True)
        values, times, events = as_tensors(x, time, event)
        efron_loss(coefficient * values, times, events).backward()
        expected = likelihood.evaluate(np.array([[slope]]))[1][0, 0]
        assert float(coefficient.grad) == pytest.approx(-expected / event.sum(), rel=1e-9)


def test_descent_ends_at_the_cox_estimate():
    x, time, event = trial()
    values, times, events = as_tensors(x, time, event)
    slope = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [slope], max_iter=100, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        loss = efron_loss(slope * values, times, events)
        loss.backward()
        return loss.detach()

    optimiser.step(closure)
    fitted = fit_cox(x[:, None], time, event, rows=np.ones((1, len(x)), dtype=bool))
    assert float(slope.detach()) == pytest.approx(fitted.coef[0, 0], rel=1e-6)


def test_order_and_level_do_not_matter_and_large_hazards_stay_finite():
    x, time, event = trial()
    expected = float(efron_loss(*as_tensors(x, time, event)))
    turn = np.random.default_rng(1).permutation(len(x))
    assert float(efron_loss(*as_tensors(x[turn] + 800.0, time[turn], event[turn]))) == pytest.approx(expected, rel=1e-9)


def test_without_events_there_is_no_loss_and_no_gradient():
    risk = torch.ones(4, requires_grad=True)
    loss = efron_loss(risk, torch.arange(4.0), torch.zeros(4, dtype=torch.bool))
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert not risk.grad.any()
