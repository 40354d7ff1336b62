from dataclasses import replace

import numpy as np
import pytest
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import concordance_index_censored
from sksurv.util import Surv

from raise_core.evaluation import cindex, concordance
from raise_core.evaluation.cindex import Design, evaluate
from raise_core.evaluation.resampling import monte_carlo_splits
from raise_core.models import cox


def trial(rng, n, *, effect=(0.7, 0.3, -0.2)):
    x = rng.normal(size=(n, len(effect)))
    time = rng.exponential(60.0 / np.exp(x @ effect))
    censored = rng.uniform(12.0, 120.0, size=n)
    return x, np.ceil(np.minimum(time, censored) / 12.0) * 12.0, time <= censored


def grid(*, weeks=((12, 96), (24, 80), (72, 61)), splits=12, seed=0):
    rng = np.random.default_rng(seed)
    designs = []
    for week, n in weeks:
        x, time, event = trial(rng, n)
        train = monte_carlo_splits(event, splits=splits, train_fraction=0.8, seed=seed, keys=range(n))
        designs.append(Design("a+b", week, time, event, train, ("a", "b"), x[:, :2]))
        designs.append(Design("a+b+c", week, time, event, train, ("a", "b", "c"), x))
    return designs


def test_agrees_with_scikit_survival_split_by_split():
    designs = grid()
    found = evaluate(designs)
    for i, design in enumerate(designs):
        for j, train in enumerate(design.train):
            peer = CoxPHSurvivalAnalysis(ties="efron", n_iter=200, tol=1e-13)
            peer.fit(design.x[train], Surv.from_arrays(design.event[train], design.time_weeks[train]))
            test = ~train
            c = concordance_index_censored(design.event[test], design.time_weeks[test], peer.predict(design.x[test]))[0]
            np.testing.assert_allclose(found.coefficients[i][j], peer.coef_, rtol=1e-6)
            np.testing.assert_allclose(found.harrell[i, j], c, rtol=1e-12)


def test_estimates_and_comparisons_state_what_they_are():
    designs = grid()
    found = evaluate(designs)
    assert [(e.model, e.week, e.n) for e in found.estimates] == [(d.model, d.week, len(d.event)) for d in designs]
    for estimate, design, scores in zip(found.estimates, designs, found.harrell, strict=True):
        assert estimate.events == design.event.sum()
        assert estimate.splits == len(estimate.split_scores) == 12
        assert estimate.nan_splits == 0
        assert estimate.mean == pytest.approx(scores.mean())
        assert estimate.se_naive == pytest.approx(scores.std(ddof=1) / np.sqrt(12))
        n_test = (~design.train[0]).sum()
        n_train = design.train[0].sum()
        assert estimate.se_corrected == pytest.approx(scores.std(ddof=1) * np.sqrt(1 / 12 + n_test / n_train))
        assert estimate.ci_low < estimate.mean < estimate.ci_high
        assert estimate.uno_tau_weeks == design.time_weeks[design.event].max()
        assert estimate.events_per_variable == design.event.sum() / len(design.columns)
    assert [(c.model_a, c.model_b, c.week) for c in found.comparisons] == [("a+b", "a+b+c", w) for w in (12, 24, 72)]
    np.testing.assert_allclose(found.comparisons[1].difference, (found.harrell[2] - found.harrell[3]).mean(), rtol=1e-9)


def test_a_batch_equals_its_loop(monkeypatch):
    designs = grid()
    together = evaluate(designs)
    for i, design in enumerate(designs):
        alone = evaluate([design])
        np.testing.assert_array_equal(alone.harrell[0], together.harrell[i])
        np.testing.assert_allclose(alone.uno[0], together.uno[i], rtol=1e-12)
        np.testing.assert_allclose(alone.coefficients[0], together.coefficients[i], rtol=1e-11)
    monkeypatch.setattr(cindex, "CHUNK_VALUES", 1000)
    monkeypatch.setattr(cox, "CHUNK_VALUES", 2000)
    np.testing.assert_array_equal(evaluate(designs).harrell, together.harrell)


def test_row_order_does_not_matter():
    rng = np.random.default_rng(4)
    (design, _) = grid(weeks=((12, 90),))
    turn = rng.permutation(90)
    turned = Design(
        design.model,
        design.week,
        design.time_weeks[turn],
        design.event[turn],
        design.train[:, turn],
        design.columns,
        design.x[turn],
    )
    np.testing.assert_array_equal(evaluate([turned]).harrell, evaluate([design]).harrell)


def test_markers_that_differ_by_split_are_used_in_their_split():
    (design, _) = grid(weeks=((12, 90),))
    rng = np.random.default_rng(5)
    by_split = design.x + rng.normal(size=(12, 90, 2))
    found = evaluate([replace(design, x=by_split), design])
    for j in range(12):
        alone = evaluate([replace(design, x=by_split[j])])
        np.testing.assert_allclose(found.harrell[0, j], alone.harrell[0, j], rtol=1e-12)
    repeated = evaluate([replace(design, x=np.repeat(design.x[None], 12, axis=0))])
    np.testing.assert_allclose(repeated.harrell[0], found.harrell[1], rtol=1e-12)


def test_a_ready_risk_is_scored_as_it_is():
    (design, _) = grid(weeks=((12, 90),))
    risk = np.random.default_rng(6).normal(size=(12, 90))
    risk[design.train] = np.nan
    risk[3] = np.nan
    ready = Design("dl", 12, design.time_weeks, design.event, design.train, risk=risk)
    found = evaluate([ready, design])
    assert found.estimates[0].nan_reasons == {cindex.NO_DEEP_RISK: 1}
    assert found.estimates[0].split_scores[3] is None
    assert found.estimates[0].events_per_variable is None
    assert found.coefficients[0] is None
    for j in (0, 11):
        test = ~design.train[j]
        c = concordance_index_censored(design.event[test], design.time_weeks[test], risk[j, test])[0]
        np.testing.assert_allclose(found.harrell[0, j], c, rtol=1e-12)
    np.testing.assert_array_equal(found.harrell[1], evaluate([design]).harrell[0])
    assert found.comparisons[0].model_a == "dl"
    np.testing.assert_array_equal(evaluate([ready]).harrell[0], found.harrell[0])


def test_splits_that_cannot_be_scored_are_counted_by_reason():
    _, time, event = trial(np.random.default_rng(7), 60)
    indicator = (np.arange(60) < 3).astype(float)
    train = monte_carlo_splits(event, splits=40, train_fraction=0.7, seed=1, keys=range(60))
    train[0] = event
    train[1] = ~event
    train[2] = np.arange(60) >= 3
    (estimate,) = evaluate([Design("arm", 12, time, event, train, ("arm",), indicator[:, None])]).estimates
    assert estimate.split_scores[:3] == (None, None, None)
    assert estimate.nan_reasons[concordance.NO_COMPARABLE_PAIRS] == 1
    assert estimate.nan_reasons[cox.NO_EVENTS] == 1
    assert estimate.nan_reasons[cox.CONSTANT_MARKER] >= 1
    assert estimate.nan_splits == sum(estimate.nan_reasons.values()) == sum(s is None for s in estimate.split_scores)
    scored = [s for s in estimate.split_scores if s is not None]
    assert estimate.mean == pytest.approx(np.mean(scored))
    assert estimate.se_naive == pytest.approx(np.std(scored, ddof=1) / np.sqrt(len(scored)))
    said = [warning for warning in estimate.warnings if "could not be scored" in warning]
    assert len(said) == 1
    assert "no events in training (1)" in said[0]
    assert said[0].startswith(f"{estimate.nan_splits} of 40 splits")
    assert "The mean covers the scored splits only, which are not a random sample of all splits." in estimate.warnings


def test_a_level_without_events_or_absent_in_training_is_scored_and_said():
    x, time, event = trial(np.random.default_rng(7), 60)
    level = np.arange(60) < 3
    event[:3] = [True, False, False]
    time[:3] = [12.0, 36.0, 60.0]
    train = monte_carlo_splits(event, splits=40, train_fraction=0.7, seed=1, keys=range(60))
    train[0] = ~level
    design = Design("a+arm", 12, time, event, train, ("a", "arm"), np.c_[x[:, 0], level])
    found = evaluate([design])
    (estimate,) = found.estimates
    assert estimate.nan_splits == 0
    assert np.isfinite(found.harrell).all()
    absent = ~(train & level).any(axis=1)
    lowest = ~absent & ~(train & level & event).any(axis=1)
    assert absent.sum() >= 1
    assert lowest.sum() >= 5
    assert (found.coefficients[0][absent, 1] == 0.0).all()
    assert (found.coefficients[0][lowest, 1] < -100.0).all()
    for j in np.flatnonzero(absent):
        test = ~train[j]
        c = concordance_index_censored(event[test], time[test], found.coefficients[0][j, 0] * x[test, 0])[0]
        np.testing.assert_allclose(found.harrell[0, j], c, rtol=1e-12)
    for j in np.flatnonzero(lowest):
        peer = CoxPHSurvivalAnalysis(ties="efron", alpha=1e-9, n_iter=500, tol=1e-14)
        peer.fit(design.x[train[j]], Surv.from_arrays(event[train[j]], time[train[j]]))
        test = ~train[j]
        c = concordance_index_censored(event[test], time[test], peer.predict(design.x[test]))[0]
        np.testing.assert_allclose(found.harrell[0, j], c, rtol=1e-12)
    infinite = int((np.abs(found.coefficients[0][:, 1]) > 50.0).sum())
    assert (
        f"In {infinite} of 40 splits a marker level had no events in training; its coefficient is infinite and only "
        "the order of risks was used."
    ) in estimate.warnings
    assert (
        f"In {absent.sum()} of 40 splits a marker was constant in training, or followed from the others, and was left "
        "out of that fit."
    ) in estimate.warnings


@pytest.mark.slow
def test_a_rare_noise_level_does_not_look_informative():
    # 150 cohorts of 60 patients with about 13 events, 100 splits each; the level has 3 patients. Measured: mean c 0.50;
    # giving up the splits without the level or its events in training adds 0.007 on average, 0.05 in some cohorts.
    rng = np.random.default_rng(13)
    designs = []
    for cohort in range(150):
        time = rng.exponential(60.0, size=60)
        censored = np.where(rng.random(60) < 0.1, np.inf, rng.uniform(0.0, 60.0, size=60))
        event = time <= censored
        time = np.ceil(np.minimum(time, censored) / 12.0) * 12.0
        train = monte_carlo_splits(event, splits=100, train_fraction=0.8, seed=cohort, keys=range(60))
        level = np.isin(np.arange(60), rng.choice(60, 3, replace=False))
        x = np.c_[rng.normal(size=60), level]
        designs.append(Design("noise+level", cohort, time, event, train, ("noise", "level"), x))
    found = evaluate(designs)
    assert all(estimate.nan_splits == 0 for estimate in found.estimates)
    means = found.harrell.mean(axis=1)
    assert abs(means.mean() - 0.5) < 3.0 * means.std(ddof=1) / np.sqrt(150)
    of_level = np.array([coef[:, 1] for coef in found.coefficients])
    scored_before = (of_level != 0.0) & (np.abs(of_level) < 50.0)
    some = scored_before.any(axis=1)
    before = np.where(scored_before, found.harrell, 0.0).sum(axis=1)[some] / scored_before.sum(axis=1)[some]
    gain = before - means[some]
    assert gain.mean() > 3.0 * gain.std(ddof=1) / np.sqrt(some.sum())


def test_a_split_without_deep_risk_for_a_patient_is_counted_by_that_reason():
    (design, _) = grid(weeks=((12, 90),))
    by_split = np.repeat(design.x[None], 12, axis=0)
    by_split[2, np.flatnonzero(design.train[2])[0], 1] = np.nan
    by_split[5, np.flatnonzero(~design.train[5])[0], 1] = np.nan
    found = evaluate([replace(design, model="a+dl", x=by_split), design])
    assert found.estimates[0].nan_reasons == {cindex.NO_DEEP_RISK: 2}
    assert [j for j, reason in enumerate(found.reasons[0]) if reason] == [2, 5]
    assert np.isnan(found.harrell[0, [2, 5]]).all()
    assert np.isnan(found.uno[0, [2, 5]]).all()
    scored = np.delete(np.arange(12), [2, 5])
    np.testing.assert_allclose(found.harrell[0, scored], found.harrell[1, scored], rtol=1e-12)
    assert found.estimates[1].nan_splits == 0
    assert any("no deep-learning risk for some patients (2)" in warning for warning in found.estimates[0].warnings)
    with pytest.raises(ValueError, match="missing or infinite"):
        replace(design, x=by_split[2])
    with pytest.raises(ValueError, match="missing or infinite"):
        evaluate([replace(design, x=np.where(np.isnan(by_split), np.inf, by_split))])


def test_no_events_at_all_is_missing_with_its_reason():
    x, time, _ = trial(np.random.default_rng(8), 30)
    event = np.zeros(30, dtype=bool)
    train = monte_carlo_splits(event, splits=5, train_fraction=0.8, seed=0, keys=range(30))
    found = evaluate([Design(name, 96, time, event, train, ("a",), x[:, [k]]) for k, name in enumerate("ab")])
    for estimate in found.estimates:
        assert estimate.mean is estimate.ci_low is estimate.se_corrected is estimate.uno is None
        assert estimate.uno_tau_weeks is None
        assert estimate.nan_reasons == {cox.NO_EVENTS: 5}
    assert found.comparisons[0].difference is found.comparisons[0].p_holm is None


def test_few_events_per_variable_is_said():
    rng = np.random.default_rng(9)
    x, time, _ = trial(rng, 58)
    event = np.arange(58) < 8
    train = monte_carlo_splits(event, splits=30, train_fraction=0.8, seed=0, keys=range(58))
    (estimate,) = evaluate([Design("a+b+c", 72, time, event, train, ("a", "b", "c"), x)]).estimates
    assert estimate.warnings[0] == (
        "Only 8 events lie ahead for 3 variables (2.7 per variable; fewer than 10): estimates are unstable."
    )
    many = evaluate(grid(weeks=((12, 96),))).estimates
    assert many[0].events >= 30
    assert many[0].warnings == ()


def test_the_interval_stays_within_zero_and_one():
    x, time, event = trial(np.random.default_rng(10), 40, effect=(4.0,))
    train = monte_carlo_splits(event, splits=20, train_fraction=0.8, seed=0, keys=range(40))
    (estimate,) = evaluate([Design("a", 12, time, event, train, ("a",), x)]).estimates
    assert estimate.ci_high <= 1.0
    assert estimate.mean > 0.8


def test_a_marker_that_turns_round_in_the_test_patients_is_explained():
    x, time, event = trial(np.random.default_rng(11), 80, effect=(1.0,))
    train = np.repeat((np.arange(80) < 40)[None], 3, axis=0)
    x[40:] *= -1.0
    (estimate,) = evaluate([Design("a", 12, time, event, train, ("a",), x)]).estimates
    assert estimate.mean < 0.5
    assert any("learnt in training" in warning for warning in estimate.warnings)


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.0, 0.5])
def test_intervals_and_comparisons_keep_their_promise(effect):
    # 250 cohorts with two equally good markers. Measured with 500 cohorts of 100 splits: the corrected interval
    # holds the truth in 95.5 % (signal) and 92 % (noise: a learnt direction makes c two-humped), the naive one in 30 %
    # and 19 %; the models are told apart in 5.6 % and 7.8 %. With 250 cohorts a share near 5 % has an sd of 1.4 %.
    rng = np.random.default_rng(12)
    designs = []
    for cohort in range(250):
        x, time, event = trial(rng, 100, effect=(effect, effect))
        train = monte_carlo_splits(event, splits=30, train_fraction=0.8, seed=cohort, keys=range(100))
        designs += [Design(m, cohort, time, event, train, (m,), x[:, [k]]) for k, m in enumerate("ab")]
    found = evaluate(designs)
    means = np.array([estimate.mean for estimate in found.estimates])
    truth = means.mean()
    assert abs(truth - 0.5) < 0.015 if effect == 0.0 else 0.60 < truth < 0.68
    corrected = np.mean([estimate.ci_low <= truth <= estimate.ci_high for estimate in found.estimates])
    naive = np.mean([abs(estimate.mean - truth) < 1.96 * estimate.se_naive for estimate in found.estimates])
    told_apart = np.mean([comparison.p_corrected < 0.05 for comparison in found.comparisons])
    assert corrected > (0.87 if effect == 0.0 else 0.91)
    assert naive < 0.6
    assert told_apart < (0.13 if effect == 0.0 else 0.10)


def test_designs_that_do_not_belong_together_are_refused():
    (design, other) = grid(weeks=((12, 90),))
    with pytest.raises(ValueError, match="differ in train"):
        evaluate([design, replace(other, train=~other.train)])
    with pytest.raises(ValueError, match="differ in event"):
        evaluate([design, replace(other, event=~other.event)])
    with pytest.raises(ValueError, match="numbers of splits"):
        evaluate([design, replace(other, week=24.0, train=other.train[:5])])
    with pytest.raises(ValueError, match="either x or risk"):
        replace(design, risk=np.zeros((12, 90)))
    with pytest.raises(ValueError, match="x has shape"):
        replace(design, columns=("a",))
    with pytest.raises(ValueError, match="risk has shape"):
        Design("dl", 12, design.time_weeks, design.event, design.train, risk=np.zeros(90))
    with pytest.raises(ValueError, match="differ in patients"):
        replace(design, event=design.event[1:])


def test_nothing_asked_is_nothing_found():
    found = evaluate([])
    assert (found.estimates, found.comparisons) == ((), ())


def test_progress_is_told_to_the_end():
    seen = []
    evaluate(grid(), progress=lambda stage, done, total: seen.append((stage, done, total)))
    for stage in ("Cox models", "test sets"):
        told = [(done, total) for name, done, total in seen if name == stage]
        assert told[-1] == (72, 72)
        assert [done for done, _ in told] == sorted(done for done, _ in told)
