from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest

from raise_core.domain.errors import BadInputError
from raise_core.evaluation.concordance import harrell_c
from raise_core.evaluation.deep_risk import DeepRiskUnit, compute_unit, cross_fitted_risk
from raise_core.evaluation.resampling import inner_folds, monte_carlo_splits
from raise_core.models.perceptron import NO_EVENTS, fit_perceptrons
from raise_core.models.perceptron_settings import PerceptronSettings
from raise_core.models.principal_components import principal_component_scores

LESIONS = 3


def unit(n=60, splits=6, columns=64, seed=0, signal=0.0, lesion_noise=1.0):
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n), LESIONS)
    hidden = rng.normal(size=n)
    # Lesions of a patient resemble each other whatever the signal, which is what makes slice-level splits leak.
    of_patient = rng.normal(size=(n, columns)) + signal * hidden[:, None] * rng.normal(size=columns)
    features = (of_patient[patient] + lesion_noise * rng.normal(size=(n * LESIONS, columns))).astype(np.float32)
    time = np.ceil(rng.exponential(40 * np.exp(-1.2 * hidden)) / 12) * 12
    event = rng.random(n) < 0.6
    keys = np.arange(n)
    train = monte_carlo_splits(event, splits=splits, train_fraction=0.8, seed=seed, keys=keys)
    folds = inner_folds(train, event, folds=3, seed=seed, keys=keys)
    return DeepRiskUnit(features, patient, time, event, train, folds, seed=seed, device="cpu")


def test_every_risk_is_of_a_fit_that_did_not_see_the_patient():
    """The whole table again, one fit at a time, from the definition."""
    given = unit(splits=2)
    found = compute_unit(given)
    averages = given.features.reshape(60, LESIONS, -1).astype(np.float64).mean(axis=1).astype(np.float32)
    for j in range(2):
        for fold in (-1, 0, 1, 2):
            seen = given.train[j] & (given.folds[j] != fold) if fold >= 0 else given.train[j]
            x = principal_component_scores(given.features, seen[None, given.patient_of_row], scored=averages).scores
            # The starting weights belong to the position of the fit in the whole table.
            position = j * 4 + fold + 1
            alone = fit_perceptrons(
                np.repeat(x, position + 1, axis=0),
                time_weeks=given.time_weeks,
                event=given.event,
                train=np.repeat(seen[None], position + 1, axis=0),
                settings=PerceptronSettings(),
                seed=given.seed,
            ).risk[position]
            mine = given.folds[j] == fold
            np.testing.assert_array_equal(found.risk[j, mine], alone[mine])
    assert found.fits == 8
    assert found.failures == {}


def test_test_patients_change_no_other_risk_bit_for_bit():
    given = unit()
    test = ~given.train[0]
    one, other = np.flatnonzero(test)[:2]
    rng = np.random.default_rng(1)
    features = given.features.copy()
    features[given.patient_of_row == one] = 100 * rng.normal(size=(LESIONS, features.shape[1]))
    time, event = given.time_weeks.copy(), given.event.copy()
    time[one], event[one] = 1.5, ~event[one]
    before = compute_unit(given).risk[0]
    after = compute_unit(replace(given, features=features, time_weeks=time, event=event)).risk[0]
    untouched = np.arange(60) != one
    np.testing.assert_array_equal(before[untouched], after[untouched])
    assert before[one] != after[one]
    assert test[other]


def test_a_training_patient_does_not_influence_its_own_risk_by_its_outcome():
    given = unit()
    patient = int(np.flatnonzero(given.train[0])[0])
    event = given.event.copy()
    event[patient] = ~event[patient]
    before = compute_unit(given).risk[0]
    after = compute_unit(replace(given, event=event)).risk[0]
    fold_mates = given.folds[0] == given.folds[0, patient]
    np.testing.assert_array_equal(before[fold_mates], after[fold_mates])
    assert not np.array_equal(before[~fold_mates], after[~fold_mates])


def test_noise_gives_half_and_a_planted_signal_is_found():
    """Means over fresh trials; 0.05 is three standard errors of the noise mean (a trial's mean c varies by 0.06)."""
    noise, planted = [], []
    for seed in range(16):
        for signal, into in ((0.0, noise), (1.0, planted)):
            given = unit(splits=5, columns=40, seed=seed, signal=signal)
            into.append(
                float(
                    np.nanmean(harrell_c(compute_unit(given).risk, given.time_weeks, given.event, rows=~given.train).c)
                )
            )
    assert abs(np.mean(noise) - 0.5) < 0.05
    assert np.mean(planted) > 0.65


def test_training_risks_are_out_of_fold_in_size_too():
    """On noise, in-sample risks would sort the training patients well; cross-fitted ones do not."""
    concordances = []
    for seed in range(8):
        given = unit(splits=4, columns=40, seed=seed)
        eager = replace(given, settings=PerceptronSettings(epochs=150, learning_rate=0.01, weight_decay=0.0))
        risk = compute_unit(eager).risk
        concordances.append(float(harrell_c(risk, given.time_weeks, given.event, rows=given.train).c.mean()))
    assert 0.4 < np.mean(concordances) < 0.57


def test_a_fold_that_cannot_be_fitted_is_missing_and_counted():
    given = unit(splits=3)
    folds = given.folds.copy()
    # In the first split all training events fall into fold 0, so the fit that leaves it out has none.
    training = given.train[0]
    folds[0, training & given.event] = 0
    censored = np.flatnonzero(training & ~given.event)
    folds[0, censored] = 1 + np.arange(len(censored)) % 2
    found = compute_unit(replace(given, folds=folds))
    assert found.failures == {NO_EVENTS: 1}
    missing = np.isnan(found.risk)
    np.testing.assert_array_equal(missing[0], folds[0] == 0)
    assert not missing[1:].any()


def test_same_seed_same_risks_and_row_order_is_only_rounding():
    given = unit()
    reference = compute_unit(given).risk
    np.testing.assert_array_equal(compute_unit(given).risk, reference)
    shuffled = np.random.default_rng(0).permutation(len(given.features))
    moved = replace(given, features=given.features[shuffled], patient_of_row=given.patient_of_row[shuffled])
    np.testing.assert_allclose(compute_unit(moved).risk, reference, atol=0.02 * reference.std())
    assert not np.array_equal(compute_unit(replace(given, seed=1)).risk, reference)


def test_patients_may_have_different_numbers_of_lesions():
    given = unit()
    kept = np.ones(len(given.features), dtype=bool)
    kept[[0, 1, 5]] = False
    found = compute_unit(replace(given, features=given.features[kept], patient_of_row=given.patient_of_row[kept]))
    assert np.isfinite(found.risk).all()


def test_progress_counts_up_to_all_fits():
    given = unit(splits=2)
    told = []
    cross_fitted_risk(
        given.features,
        given.patient_of_row,
        time_weeks=given.time_weeks,
        event=given.event,
        train=given.train,
        folds=given.folds,
        seed=0,
        device="cpu",
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )
    assert [done for stage, done, _ in told if stage == "image components"] == [2, 4, 6, 8]
    assert told[-1] == ("image risk", 8, 8)


def test_contradictions_are_refused():
    given = unit()
    with pytest.raises(BadInputError, match="position 4 has no row"):
        compute_unit(
            replace(
                given,
                features=given.features[given.patient_of_row != 4],
                patient_of_row=given.patient_of_row[given.patient_of_row != 4],
            )
        )
    with pytest.raises(BadInputError, match="exactly for training patients"):
        compute_unit(replace(given, folds=np.zeros_like(given.folds)))
    with pytest.raises(BadInputError, match="two inner folds"):
        compute_unit(replace(given, folds=np.where(given.train, 0, -1).astype(np.int8)))
    with pytest.raises(BadInputError, match="between 0 and 59"):
        compute_unit(replace(given, patient_of_row=given.patient_of_row + 1))
    with pytest.raises(BadInputError, match="patient_of_row"):
        compute_unit(replace(given, patient_of_row=given.patient_of_row[1:]))


@pytest.mark.slow
def test_a_spawned_process_gives_the_same_bits():
    given = unit(splits=2)
    assert pickle.loads(pickle.dumps(given)).settings == given.settings
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        away = pool.submit(compute_unit, given).result()
    np.testing.assert_array_equal(away.risk, compute_unit(given).risk)
