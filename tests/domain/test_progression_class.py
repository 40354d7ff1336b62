import numpy as np

from raise_core.domain.outcome import Outcome
from raise_core.domain.progression_class import progression_class
from raise_core.domain.week import WEEKS_PER_YEAR


def test_a_year_is_365_and_a_quarter_days_and_the_last_day_is_still_short():
    outcome = Outcome.of(time_weeks=[10.0, WEEKS_PER_YEAR, WEEKS_PER_YEAR + 0.01, 200.0], event=[1, 1, 1, 1])
    found = progression_class(outcome)
    assert found.long.tolist() == [False, False, True, True]
    assert found.known.all()
    assert (found.n_long, found.n_short, found.n_unknown) == (2, 2, 0)
    assert abs(found.horizon_weeks - 52.178571) < 1e-6


def test_who_is_censored_within_the_year_has_no_class_and_who_is_after_it_was_long():
    outcome = Outcome.of(time_weeks=[10.0, WEEKS_PER_YEAR, 60.0], event=[0, 0, 0])
    found = progression_class(outcome)
    assert found.known.tolist() == [False, False, True]
    assert (found.n_long, found.n_short, found.n_unknown) == (1, 0, 2)


def test_every_patient_is_counted_once_whatever_the_horizon():
    rng = np.random.default_rng(1)
    outcome = Outcome.of(time_weeks=rng.exponential(60.0, 300), event=rng.random(300) < 0.6)
    for horizon in (5.0, 52.0, 400.0):
        found = progression_class(outcome, horizon_weeks=horizon)
        assert found.n_long + found.n_short + found.n_unknown == 300
        assert not (found.long & (outcome.time_weeks <= horizon)).any()
