"""Components whose ends are known, and a linear stand-in for a risk that is linear, and for one that is noise."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.errors import BadInputError
from raise_core.evaluation.component_gallery import component_stories, patient_means, rank_correlation
from raise_core.evaluation.linear_reading import linear_reading

PATIENTS, LESIONS, FEATURES = 60, 3, 30


def cohort(seed=0, *, noise=0.0):
    """Lesion features that lie along one direction, which is the risk."""
    rng = np.random.default_rng(seed)
    of_patient = rng.normal(size=PATIENTS)
    patient_of_row = np.repeat(np.arange(PATIENTS), LESIONS)
    along = of_patient[patient_of_row] + 0.3 * rng.normal(size=len(patient_of_row))
    direction = rng.normal(size=FEATURES)
    features = along[:, None] * direction + 0.3 * rng.normal(size=(len(along), FEATURES))
    risk = -of_patient + noise * rng.normal(size=PATIENTS)
    return features.astype(np.float32), patient_of_row, risk, along


def test_the_first_component_is_the_planted_direction_and_its_ends_are_the_extremes():
    features, patient_of_row, risk, along = cohort()
    first, second, *_ = component_stories(features, patient_of_row, risk)
    assert first.explained > 0.7 > second.explained
    assert first.risk_correlation > 0.9, "a higher score goes with a higher risk"
    assert along[list(first.high)].mean() < along.mean() < along[list(first.low)].mean(), "risk falls along it"
    assert list(first.high_scores) == sorted(first.high_scores, reverse=True)
    assert list(first.low_scores) == sorted(first.low_scores)


def test_each_end_shows_six_patients_once():
    features, patient_of_row, risk, _ = cohort()
    for story in component_stories(features, patient_of_row, risk, components=5):
        for rows in (story.low, story.high):
            assert len(rows) == 6
            assert len({patient_of_row[row] for row in rows}) == 6


def test_scores_have_standard_deviation_one():
    features, patient_of_row, risk, _ = cohort()
    (story,) = component_stories(features, patient_of_row, risk, components=1, each_end=PATIENTS)
    assert 1.5 < story.high_scores[0] < 5


def test_a_constant_risk_has_no_relation():
    features, patient_of_row, _, _ = cohort()
    assert component_stories(features, patient_of_row, np.ones(PATIENTS))[0].risk_correlation is None


def test_means_and_correlations_skip_what_is_missing():
    means = patient_means(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 2]), 3)
    np.testing.assert_array_equal(means, [2.0, np.nan, 5.0])
    assert rank_correlation(np.array([1, 2, 3, np.nan]), np.array([1, 5, 9, 4.0])) == pytest.approx(1)
    assert rank_correlation(np.array([1, 2.0]), np.array([1, 2.0])) is None


def test_few_patients_have_no_components():
    features, patient_of_row, risk, _ = cohort()
    with pytest.raises(BadInputError, match="at least 10"):
        component_stories(features[:15], patient_of_row[:15], risk)


def test_the_stand_in_follows_a_linear_risk():
    features, patient_of_row, risk, _ = cohort(noise=0.2)
    found = linear_reading(features, patient_of_row, risk)
    assert found.agreement > 0.9
    pooled = patient_means(features.astype(float), patient_of_row, PATIENTS)
    predicted = np.einsum("nd,nd->n", pooled, found.weights[found.fold_of_patient])
    for fold in range(found.weights.shape[0]):  # the same up to the fold's intercept
        own = found.fold_of_patient == fold
        assert np.ptp(predicted[own] - found.predicted[own]) < 1e-8


def test_the_stand_in_of_noise_agrees_with_nothing():
    """A stand-in that saw the patient it explains would agree here too."""
    agreements = []
    for seed in range(6):
        features, patient_of_row, _, _ = cohort(seed)
        noise = np.random.default_rng(1000 + seed).normal(size=PATIENTS)
        agreements.append(linear_reading(features, patient_of_row, noise).agreement)
    assert np.mean(agreements) < 0.2


def test_a_patient_does_not_change_the_weights_that_read_it():
    features, patient_of_row, risk, _ = cohort()
    found = linear_reading(features, patient_of_row, risk)
    changed = risk.copy()
    changed[7] += 100
    again = linear_reading(features, patient_of_row, changed)
    fold = found.fold_of_patient[7]
    np.testing.assert_array_equal(found.weights[fold], again.weights[fold])
    assert not np.allclose(found.weights[(fold + 1) % 5], again.weights[(fold + 1) % 5])


def test_few_patients_have_no_stand_in():
    features, patient_of_row, risk, _ = cohort()
    with pytest.raises(BadInputError, match="at least 25"):
        linear_reading(features[:60], patient_of_row[:60], risk[:20])
