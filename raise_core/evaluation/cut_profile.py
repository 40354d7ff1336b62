"""Hazard ratio and p-values of every cut of a marker at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from raise_core.domain.cut_profile import CutProfile
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.cut_points import CutScan
from raise_core.evaluation.kaplan_meier import LEVEL
from raise_core.evaluation.two_groups import OrderedOutcome, compare_two_groups

MOST_CUTS = 200
"""Cuts drawn; more lie closer together than a line is thick."""


def cut_profile(outcome: Outcome, values: ArrayLike, scan: CutScan) -> CutProfile:
    """What each cut would have shown, evenly thinned to `MOST_CUTS`; the best one always stays.

    Args:
        outcome: times and events of n patients.
        values: shape (n,), the marker.
        scan: of the same patients and marker.
    """
    marker = np.asarray(values, dtype=np.float64)
    spread = np.linspace(0, len(scan.cuts) - 1, min(MOST_CUTS, len(scan.cuts))).round().astype(np.int64)
    kept = np.unique(np.r_[spread, scan.best])
    found = compare_two_groups(OrderedOutcome.of(outcome), marker[None, :] > scan.cuts[kept][:, None])
    reach = float(norm.ppf((1 + LEVEL) / 2)) * found.std_error
    statistic = scan.statistic[kept]
    return CutProfile(
        cuts=scan.cuts[kept],
        n_low=scan.n_low[kept],
        hazard_ratio=np.exp(found.log_hazard_ratio),
        low=np.exp(found.log_hazard_ratio - reach),
        high=np.exp(found.log_hazard_ratio + reach),
        p_raw=found.p,
        p_adjusted=np.array([scan.adjusted_p(float(one)) for one in statistic]),
        p_approximate=np.array([scan.approximate_p(float(one)) for one in statistic]),
        best=int(np.searchsorted(kept, scan.best)),
        n=scan.n,
        permutations=len(scan.null),
    )
