"""Hazard ratios of laboratory values against lifelines, and groups of correlated ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from raise_core.domain.importance_settings import ImportanceSettings
from raise_core.evaluation.lab_effects import NO_DOUBLE, NOT_POSITIVE, lab_effects, lab_spread
from raise_core.evaluation.lab_groups import lab_groups
from raise_core.evaluation.lab_panel import lab_panel
from tests.evaluation.lab_cohort import cohort_of, normal_labs

N = 160


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(3)
    labs = normal_labs(N, 2)
    labs["SKEW"] = np.exp(rng.standard_normal(N))
    risk = 0.6 * (labs["L0"] - 10) + 0.5 * np.log(labs["SKEW"])
    labs["L1"] = np.where(rng.random(N) < 0.2, np.nan, labs["L1"])
    labs["ZERO"] = np.maximum(rng.standard_normal(N), 0.0)
    return lab_panel(cohort_of(labs, risk), ImportanceSettings())


def fitted(table: pd.DataFrame) -> pd.DataFrame:
    return CoxPHFitter().fit(table, "time", "event").summary


def ends(panel) -> pd.DataFrame:
    return pd.DataFrame({"time": panel.outcome.time_weeks, "event": panel.outcome.event.astype(int)})


def test_each_alone_is_that_of_lifelines(panel):
    found = dict(zip(panel.labs, lab_effects(panel), strict=True))
    for place, name in enumerate(panel.labs):
        table = ends(panel).assign(x=panel.values[:, place] / lab_spread(panel)[place]).dropna()
        wanted = fitted(table).loc["x"]
        ratio = found[name].per_sd
        assert ratio.hr == pytest.approx(wanted["exp(coef)"], rel=1e-4)
        assert ratio.ci_low == pytest.approx(wanted["exp(coef) lower 95%"], rel=1e-4)
        assert ratio.ci_high == pytest.approx(wanted["exp(coef) upper 95%"], rel=1e-4)
        assert ratio.p == pytest.approx(wanted["p"], rel=1e-3, abs=1e-12)


def test_all_together_is_that_of_lifelines(panel):
    missing = np.isnan(panel.values)
    filled = np.where(missing, np.nanmedian(panel.values, axis=0), panel.values)
    table = ends(panel).assign(**{name: filled[:, place] for place, name in enumerate(panel.labs)})
    table["unknown"] = missing[:, panel.labs.index("L1")].astype(float)
    wanted = fitted(table)
    for place, (name, effect) in enumerate(zip(panel.labs, lab_effects(panel), strict=True)):
        assert np.log(effect.adjusted_per_sd.hr) == pytest.approx(
            wanted.loc[name, "coef"] * lab_spread(panel)[place], rel=1e-3, abs=1e-6
        )


def test_a_doubling_is_a_step_of_log_two_where_it_means_something(panel):
    found = dict(zip(panel.labs, lab_effects(panel), strict=True))
    skew = found["SKEW"]
    sd = lab_spread(panel)[panel.labs.index("SKEW")]
    assert np.log(skew.per_doubling.hr) / np.log(2) == pytest.approx(np.log(skew.per_sd.hr) / sd)
    assert np.log(skew.adjusted_per_doubling.hr) / np.log(2) == pytest.approx(np.log(skew.adjusted_per_sd.hr) / sd)
    assert (found["L0"].per_doubling.hr, found["L0"].per_doubling.reason) == (None, NO_DOUBLE)
    assert found["ZERO"].per_doubling.reason == NOT_POSITIVE


def test_groups_need_the_stated_rank_correlation():
    rng = np.random.default_rng(1)
    base = rng.standard_normal((300, 3))
    values = np.column_stack([base, np.exp(base[:, 0]), -base[:, 1] + 0.2 * rng.standard_normal(300)])
    values[::7, 3] = np.nan
    groups = lab_groups(values, least_correlation=0.6)
    assert [group.members for group in groups] == [(0, 3), (1, 4)]
    assert groups[0].least_correlation == pytest.approx(1.0)
    assert lab_groups(values, least_correlation=0.999)[0].members == (0, 3)
    assert lab_groups(values[:, :1], least_correlation=0.6) == ()
