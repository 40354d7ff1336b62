"""Every cut at once gives what each cut gives alone."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.outcome import Outcome
from raise_core.evaluation.cut_points import scan_cuts
from raise_core.evaluation.cut_profile import MOST_CUTS, cut_profile
from raise_core.evaluation.log_rank import log_rank
from raise_core.evaluation.survival_comparison import compare_survival


def trial(n, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n).round(2)
    time = rng.exponential(np.exp(-0.5 * values)) * 40
    ends = rng.uniform(10, 80, n)
    return Outcome.of(time_weeks=np.ceil(np.minimum(time, ends)), event=time <= ends), values


def test_each_cut_is_the_comparison_of_its_two_groups():
    outcome, values = trial(90)
    scan = scan_cuts(outcome, values, permutations=200)
    profile = cut_profile(outcome, values, scan)
    for place in range(0, len(profile.cuts), 7):
        above = values > profile.cuts[place]
        alone = compare_survival(outcome, above.astype(int), ("low", "high"))
        ratio = alone.hazard_ratios[0]
        assert profile.n_low[place] == (~above).sum()
        assert profile.hazard_ratio[place] == pytest.approx(ratio.hr, rel=1e-9)
        assert [profile.low[place], profile.high[place]] == pytest.approx([ratio.ci_low, ratio.ci_high], rel=1e-9)
        assert profile.p_raw[place] == pytest.approx(log_rank(outcome, above.astype(int)).p, rel=1e-9)


def test_adjusted_p_is_never_below_the_smallest_one_can_be_and_rises_away_from_the_best_cut():
    outcome, values = trial(90)
    scan = scan_cuts(outcome, values, permutations=200)
    profile = cut_profile(outcome, values, scan)
    assert profile.p_adjusted[profile.best] == profile.p_adjusted.min() >= 1 / 201
    assert profile.cuts[profile.best] == scan.cuts[scan.best]
    assert (profile.p_adjusted >= profile.p_raw - 1e-3).mean() > 0.95, "adjusting does not make p-values smaller"


def test_a_large_cohort_is_thinned_but_keeps_the_best_cut():
    outcome, values = trial(3000)
    scan = scan_cuts(outcome, values + np.arange(3000) * 1e-6, permutations=20)
    profile = cut_profile(outcome, values + np.arange(3000) * 1e-6, scan)
    assert len(profile.cuts) <= MOST_CUTS + 1
    assert profile.cuts[profile.best] == scan.cuts[scan.best]
