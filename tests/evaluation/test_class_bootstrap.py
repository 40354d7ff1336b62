"""Patient-level intervals: coverage, agreement with the concordance engine, censored patients, Cox heads."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from raise_core.domain.outcome import Outcome
from raise_core.domain.week import WEEKS_PER_YEAR
from raise_core.evaluation.class_bootstrap import class_estimate, patient_weights, weighted_concordance
from raise_core.evaluation.concordance import harrell_c
from tests.evaluation.class_case import folds_of, outcome_of, output_of


def estimate(output, outcome, **settings):
    return class_estimate(output, outcome, horizon_weeks=WEEKS_PER_YEAR, folds=3, **settings)


def test_draws_keep_the_size_of_every_class_and_repeat_themselves():
    strata = np.r_[np.zeros(42), np.ones(74)]
    weights = patient_weights(strata, bootstraps=200)
    assert (weights[:, :42].sum(axis=1) == 42).all()
    assert (weights[:, 42:].sum(axis=1) == 74).all()
    np.testing.assert_array_equal(weights, patient_weights(strata, bootstraps=200))
    assert weights.mean(axis=0) == pytest.approx(np.ones(116), abs=0.35)


def test_interval_holds_the_true_auroc_in_about_95_of_100_cohorts():
    """Scores of known AUROC; the predictions are taken as given, as the interval does."""
    signal, covered, cohorts = 0.8, 0, 200
    truth = norm.cdf(signal / np.sqrt(2 * (1 + 0.2**2)))
    for seed in range(cohorts):
        rng = np.random.default_rng(seed)
        outcome = outcome_of(rng)
        found = estimate(output_of(rng, outcome, signal=signal, repeats=2), outcome, bootstraps=300).auroc
        covered += found.ci_low <= truth <= found.ci_high
    assert 0.90 <= covered / cohorts <= 0.98


def test_a_signal_is_found_and_noise_is_not():
    rng = np.random.default_rng(3)
    outcome = outcome_of(rng)
    strong, noise = (estimate(output_of(rng, outcome, signal=s), outcome) for s in (3.0, 0.0))
    assert strong.auroc.ci_low > 0.9
    assert noise.auroc.ci_low < 0.5 < noise.auroc.ci_high
    assert noise.auprc.ci_low < noise.random_auprc < noise.auprc.ci_high
    assert strong.auroc.sd < (strong.auroc.ci_high - strong.auroc.ci_low) / 2
    assert (strong.n, strong.n_long, strong.n_short) == (116, 74, 42)
    assert strong.prevalence == pytest.approx(74 / 116)
    assert strong.concordance is None


def test_patients_without_a_class_are_left_out_of_the_classes_only():
    rng = np.random.default_rng(4)
    outcome = outcome_of(rng, censored=16)
    found = estimate(output_of(rng, outcome, model="cox:pet+ct", signal=1.5), outcome, bootstraps=100)
    assert (found.n, found.n_all) == (100, 116)
    assert found.concordance.value > 0.6
    assert found.auroc.value > 0.7


def test_weighted_concordance_is_that_of_the_engine_and_counts_patients_as_often_as_drawn():
    rng = np.random.default_rng(5)
    time, event, risk = rng.integers(1, 15, 40).astype(float), rng.random(40) < 0.6, np.round(rng.normal(size=40), 1)
    outcome = Outcome.of(time_weeks=time, event=event)
    drawn = rng.integers(0, 3, 40)
    plain, weighted = weighted_concordance(risk, outcome, np.vstack([np.ones(40), drawn]))
    assert plain == pytest.approx(harrell_c(risk, time, event, rows=np.ones((1, 40), bool)).c[0])
    again = np.repeat(np.arange(40), drawn)
    # The engine also pairs a patient with the copies of itself, which are ties; they have equal times and never count.
    repeated = harrell_c(risk[again], time[again], event[again], rows=np.ones((1, len(again)), bool))
    assert weighted == pytest.approx(repeated.c[0])


def test_a_single_repeat_has_no_spread_over_repeats():
    rng = np.random.default_rng(6)
    outcome = outcome_of(rng)
    fold = folds_of(rng, outcome.time_weeks > WEEKS_PER_YEAR, repeats=1)
    found = estimate(output_of(rng, outcome, signal=1.0, fold=fold), outcome, bootstraps=50)
    assert found.auroc.sd is None
    assert found.auroc.ci_low < found.auroc.value < found.auroc.ci_high
