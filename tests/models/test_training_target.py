from __future__ import annotations

import numpy as np
import pytest
import torch

from raise_core.domain.errors import BadInputError
from raise_core.domain.fusion_model import Head
from raise_core.models.cox_loss import efron_loss
from raise_core.models.training_target import TOO_FEW_EVENTS, TOO_FEW_OF_A_CLASS, EarlyStopping, TrainingTarget

CPU = torch.device("cpu")


def target(head=Head.CLASS, n=40, seed=0):
    rng = np.random.default_rng(seed)
    return TrainingTarget(head, rng.random(n) < 0.6, rng.exponential(50, n), rng.random(n) < 0.7), rng.random(n) < 0.7


@pytest.mark.parametrize("head", list(Head))
def test_stopping_patients_are_training_patients_of_both_strata(head):
    goal, train = target(head)
    part = goal.stopping_part(train, share=0.2, seed=1)
    assert (part <= train).all()
    for side in (True, False):
        own = train & (goal.stratum == side)
        assert (part & own).sum() == round(0.2 * own.sum())
    np.testing.assert_array_equal(part, goal.stopping_part(train, share=0.2, seed=1))
    assert not np.array_equal(part, goal.stopping_part(train, share=0.2, seed=2))


def test_stopping_patients_do_not_depend_on_the_labels_of_others():
    goal, train = target()
    other = TrainingTarget(goal.head, np.where(train, goal.long, ~goal.long), goal.time_weeks, goal.event)
    np.testing.assert_array_equal(
        goal.stopping_part(train, share=0.2, seed=1), other.stopping_part(train, share=0.2, seed=1)
    )


def test_even_a_stratum_of_two_stands_on_both_sides():
    long = np.array([True, True] + [False] * 10)
    goal = TrainingTarget(Head.CLASS, long, np.ones(12), long)
    part = goal.stopping_part(np.ones(12, dtype=bool), share=0.1, seed=0)
    assert (part & long).sum() == 1


def test_too_few_patients_are_a_reason():
    goal, train = target()
    assert goal.unfit_reason(train) is None
    assert goal.unfit_reason(train & goal.long) == TOO_FEW_OF_A_CLASS
    hazards = TrainingTarget(Head.COX, goal.long, goal.time_weeks, goal.event)
    assert hazards.unfit_reason(train & ~goal.event) == TOO_FEW_EVENTS
    assert hazards.unfit_reason(train & goal.event) is None


def test_class_loss_gives_both_classes_the_same_weight():
    goal, train = target()
    rows = np.flatnonzero(train)
    output = torch.randn(len(rows), generator=torch.Generator().manual_seed(0))
    found = goal.loss(train, CPU)(output, torch.from_numpy(rows))
    long = torch.from_numpy(goal.long[rows])
    each = torch.nn.functional.softplus(torch.where(long, -output, output))
    assert float(found) == pytest.approx(float((each[long].mean() + each[~long].mean()) / 2), rel=1e-5)


def test_hazard_loss_is_efrons_over_the_given_rows():
    goal, train = target(Head.COX)
    rows = np.flatnonzero(train)
    output = torch.randn(len(rows), generator=torch.Generator().manual_seed(0))
    expected = efron_loss(output, torch.from_numpy(goal.time_weeks[rows]), torch.from_numpy(goal.event[rows]))
    assert float(goal.loss(train, CPU)(output, torch.from_numpy(rows))) == pytest.approx(float(expected))


def test_arrays_that_do_not_belong_together_are_refused():
    with pytest.raises(BadInputError, match="must be"):
        TrainingTarget(Head.CLASS, np.ones(3, dtype=bool), np.ones(4), np.ones(3, dtype=bool))
    with pytest.raises(BadInputError, match="boolean"):
        TrainingTarget(Head.CLASS, np.ones(3), np.ones(3), np.ones(3, dtype=bool))


def test_best_epoch_is_kept_by_the_mean_of_three():
    network = torch.nn.Linear(1, 1, bias=False)
    early = EarlyStopping(network, patience=3)
    stopped = []
    for epoch, loss in enumerate([1.0, 0.8, 0.1, 0.9, 0.95, 0.9, 0.2, 0.1], start=1):
        torch.nn.init.constant_(network.weight, epoch)
        stopped.append(early.stop_after(loss))
        if stopped[-1]:
            break
    # means of three: 1, 0.9, 0.633, 0.6, 0.65, 0.917, 0.683
    assert stopped == [False] * 6 + [True]
    assert early.best_epoch == 4
    assert early.restore()
    assert network.weight.item() == 4.0


def test_a_loss_that_is_no_number_ends_training():
    early = EarlyStopping(torch.nn.Linear(1, 1), patience=3)
    assert early.stop_after(float("nan"))
    assert not early.restore()


def test_the_first_epochs_are_never_kept_however_lucky_their_loss():
    early = EarlyStopping(torch.nn.Linear(1, 1), patience=2, least=4)
    assert [early.stop_after(loss) for loss in (0.1, 0.1, 0.1, 5.0, 6.0, 7.0)] == [False] * 5 + [True]
    assert early.best_epoch == 4
