from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from lifelines import CoxPHFitter
from sksurv.metrics import concordance_index_censored

from raise_core.domain.errors import BadInputError, BadUsageError
from raise_core.models import perceptron as module
from raise_core.models.perceptron import (
    NO_EVENTS,
    CoxBatch,
    PerceptronSettings,
    fit_perceptrons,
    loss_and_gradient,
)

PLAIN = PerceptronSettings(hidden=(8, 5), epochs=25, learning_rate=0.01, weight_decay=0.05)


def trial(n=60, k=6, fits=5, seed=0, tie_weeks=12.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(fits, n, k)).astype(np.float32)
    time = np.ceil(rng.exponential(40 * np.exp(-x[0, :, 0])) / tie_weeks) * tie_weeks
    event = rng.random(n) < 0.6
    train = rng.random((fits, n)) < 0.7
    return x, time, event, train


def fit(x, time, event, train, settings=PLAIN, seed=3, **more):
    return fit_perceptrons(x, time_weeks=time, event=event, train=train, settings=settings, seed=seed, **more)


def breslow_loss(r, time, event):
    """Straight from the definition, one event at a time."""
    total = 0.0
    for i in torch.nonzero(event).flatten():
        total = total + torch.logsumexp(r[time >= time[i]], dim=0) - r[i]
    return total / event.sum()


class HandWritten(torch.autograd.Function):
    @staticmethod
    def forward(ctx, batch, activation, *parameters):
        loss, gradients = loss_and_gradient(list(parameters), batch, activation)
        ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    def backward(ctx, upstream):
        return None, None, *(upstream.view(-1, 1, 1) * g for g in ctx.saved_tensors)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_hand_written_gradient_is_right(activation):
    x, time, event, train = trial(n=14, k=3, fits=2, seed=5)
    order = np.argsort(-time, kind="stable")
    batch = module._batch(x, (time, event, order), train, width=16, device=torch.device("cpu"))
    batch = CoxBatch(batch.x.double(), batch.present, batch.event_share.double(), batch.tie_end_share.double())
    rng = torch.Generator().manual_seed(1)
    shapes = [(2, 3, 4), (2, 1, 4), (2, 4, 5), (2, 1, 5), (2, 5, 1)]
    parameters = [torch.randn(s, generator=rng, dtype=torch.float64, requires_grad=True) for s in shapes]
    assert torch.autograd.gradcheck(lambda *p: HandWritten.apply(batch, activation, *p), parameters)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_one_fit_equals_plain_torch_with_autograd(activation):
    """The same layers, loss and optimiser as anybody would write them, in float64."""
    x, time, event, train = trial()
    settings = PerceptronSettings(
        hidden=(8, 5), activation=activation, epochs=25, learning_rate=0.01, weight_decay=0.05
    )
    ours = fit(x, time, event, train, settings).risk
    for b in range(len(x)):
        mine = train[b]
        mean, sd = x[b, mine].astype(float).mean(0), x[b, mine].astype(float).std(0)
        z = torch.from_numpy((x[b] - mean) / sd.max())
        first = [w[0].double() for w in module._initial(6, (8, 5), 3, np.array([b]))]
        nonlinear = torch.nn.ReLU if activation == "relu" else torch.nn.Tanh
        net = torch.nn.Sequential(
            torch.nn.Linear(6, 8), nonlinear(), torch.nn.Linear(8, 5), nonlinear(), torch.nn.Linear(5, 1, bias=False)
        ).double()
        with torch.no_grad():
            net[0].weight.copy_(first[0][:6, :8].T)
            net[0].bias.zero_()
            net[2].weight.copy_(first[2][:8, :5].T)
            net[2].bias.zero_()
            net[4].weight.copy_(first[4][:5].T)
        optimiser = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.05)
        t, e = torch.from_numpy(time[mine]), torch.from_numpy(event[mine])
        for _ in range(25):
            optimiser.zero_grad()
            breslow_loss(net(z[mine]).squeeze(1), t, e).backward()
            optimiser.step()
        with torch.no_grad():
            theirs = net(z).squeeze(1).numpy()
        # Float32 against float64 over 25 steps; Adam divides small gradients by their own size.
        np.testing.assert_allclose(ours[b], theirs - theirs[mine].mean(), atol=2e-4 * np.ptp(theirs))


def test_loss_is_the_breslow_likelihood_of_lifelines():
    """With risks fixed, the loss times the events is minus lifelines' log likelihood at that coefficient (no ties)."""
    x, time, event, train = trial(k=1, fits=1, tie_weeks=1e-9)
    train[:] = True
    frame = {"x": x[0, :, 0].astype(float), "time": time, "event": event}
    import pandas as pd

    cox = CoxPHFitter().fit(pd.DataFrame(frame), "time", "event")
    r = torch.from_numpy(frame["x"]) * float(cox.params_["x"])
    expected = -cox.log_likelihood_ / event.sum()
    assert float(breslow_loss(r, torch.from_numpy(time), torch.from_numpy(event))) == pytest.approx(expected, rel=1e-9)


def test_loss_with_ties_and_padding_is_the_definition():
    x, time, event, train = trial(n=40, k=3, fits=3)
    order = np.argsort(-time, kind="stable")
    batch = module._batch(x, (time, event, order), train, width=40, device=torch.device("cpu"))
    parameters = module._initial(3, (4, 4), 0, np.arange(3))
    batch = CoxBatch(torch.nn.functional.pad(batch.x, (0, 13)), batch.present, batch.event_share, batch.tie_end_share)
    loss, _ = loss_and_gradient(parameters, batch, "relu")
    for b in range(3):
        full = torch.nn.functional.pad(torch.from_numpy(x[b : b + 1]), (0, 13))
        r = module._forward([p[b : b + 1] for p in parameters], full, "relu")[-1][0, :, 0].double()
        mine = torch.from_numpy(train[b])
        wanted = breslow_loss(r[mine], torch.from_numpy(time)[mine], torch.from_numpy(event)[mine])
        assert float(loss[b]) == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize(
    ("hidden", "k", "activation"), [((32, 16), 20, "relu"), ((7, 5), 9, "tanh"), ((1, 3), 1, "relu")]
)
def test_chunk_size_changes_no_bit(hidden, k, activation):
    x, time, event, train = trial(n=50, k=k, fits=13)
    settings = PerceptronSettings(hidden=hidden, activation=activation, epochs=8)
    reference = fit(x, time, event, train, settings).risk
    for chunk in (1, 2, 5):
        np.testing.assert_array_equal(fit(x, time, event, train, settings, chunk=chunk).risk, reference)


def test_number_of_threads_changes_no_bit():
    x, time, event, train = trial(fits=6)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = fit(x, time, event, train).risk
        torch.set_num_threads(2)
        two = fit(x, time, event, train).risk
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(one, two)


def test_seed_and_position_determine_the_first_weights():
    x, time, event, train = trial()
    again = fit(x, time, event, train).risk
    np.testing.assert_array_equal(fit(x, time, event, train).risk, again)
    assert not np.array_equal(fit(x, time, event, train, seed=4).risk, again)
    same_data = np.repeat(x[:1], 2, axis=0)
    twins = fit(same_data, time, event, np.repeat(train[:1], 2, axis=0)).risk
    assert not np.array_equal(twins[0], twins[1])


def test_padding_units_stay_silent():
    parameters = module._initial(5, (7, 3), 0, np.arange(2))
    assert [tuple(p.shape) for p in parameters] == [(2, 16, 16), (2, 1, 16), (2, 16, 16), (2, 1, 16), (2, 16, 1)]
    x, time, event, train = trial(k=5, fits=2)
    order = np.argsort(-time, kind="stable")
    padded = np.pad(x, ((0, 0), (0, 0), (0, 11)))
    batch = module._batch(padded, (time, event, order), train, width=64, device=torch.device("cpu"))
    module._train(parameters, batch, PLAIN)
    w1, b1, w2, b2, w3 = parameters
    assert float(w1[:, :5, :7].abs().sum()) > 0
    for silent in (w1[:, 5:], w1[:, :, 7:], b1[:, :, 7:], w2[:, 7:], w2[:, :, 3:], b2[:, :, 3:], w3[:, 3:]):
        assert float(silent.abs().sum()) == 0.0


def test_patients_outside_training_do_not_influence_the_fit():
    x, time, event, train = trial()
    train[:, :8] = False
    changed, later, other = x.copy(), time.copy(), event.copy()
    changed[:, :8] += 50
    later[:8] = 1.0
    other[:8] = ~other[:8]
    before, after = fit(x, time, event, train).risk, fit(changed, later, other, train).risk
    np.testing.assert_array_equal(before[:, 8:], after[:, 8:])
    assert not np.array_equal(before[:, :8], after[:, :8])


def test_risk_is_centred_on_training_patients():
    x, time, event, train = trial()
    risk = fit(x, time, event, train).risk
    for b in range(len(x)):
        assert abs(risk[b, train[b]].mean()) < 1e-9


def test_higher_risk_is_worse():
    x, time, event, train = trial(n=200)
    x[:] = x[0]
    risk = fit(x, time, event, train).risk
    test = ~train[0]
    assert concordance_index_censored(event[test], time[test], risk[0, test])[0] > 0.6


def test_a_fit_without_training_events_fails_with_its_reason_and_alone():
    x, time, event, train = trial()
    train[2] &= ~event
    result = fit(x, time, event, train)
    assert result.failures == {NO_EVENTS: 1}
    assert result.failed.tolist() == [False, False, True, False, False]
    assert np.isnan(result.risk[2]).all()
    kept = [0, 1, 3, 4]
    assert np.isfinite(result.risk[kept]).all()


def test_inputs_that_do_not_vary_give_everyone_the_same_risk():
    x, time, event, train = trial()
    x[:] = 0.25
    for scaling in ("first", "whiten"):
        risk = fit(x, time, event, train, PerceptronSettings(input_scaling=scaling, epochs=3)).risk
        np.testing.assert_allclose(risk, 0.0, atol=1e-12)


def test_settings_round_trip_through_json_and_refuse_nonsense():
    settings = PerceptronSettings(hidden=(24, 8), activation="tanh", epochs=7, weight_decay=0.0)
    assert PerceptronSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    with pytest.raises(BadUsageError, match="epochs=0"):
        PerceptronSettings(epochs=0)
    with pytest.raises(BadUsageError, match="learning_rate"):
        PerceptronSettings(learning_rate=float("nan"))
    with pytest.raises(BadUsageError, match="unknown perceptron setting dropout"):
        PerceptronSettings.from_dict({"dropout": 0.5})


def test_unusable_inputs_are_refused():
    x, time, event, train = trial()
    with pytest.raises(BadInputError, match="train"):
        fit(x, time, event, train[:, :5])
    with pytest.raises(BadInputError, match="boolean"):
        fit(x, time, event.astype(int), train)
    x[0, 0, 0] = np.inf
    with pytest.raises(BadInputError, match="finite"):
        fit(x, time, event, train)
