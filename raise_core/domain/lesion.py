"""Tumour size over time from the measured target lesions: SLD, its ratios, growth rate, heterogeneity.

Diameters are millimetres, dates weeks from randomisation. A diameter of 0 means the lesion has vanished.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from raise_core.domain.visit import first_day_of_visit
from raise_core.domain.week import BASELINE_GRACE_WEEKS, DAYS_PER_MONTH, DAYS_PER_WEEK

SMALLEST_READABLE_MM = 5.0  # below this, calipers on CT cannot follow a change (RECIST 1.1, section 3)
ABSENT = "absent"
NOT_EVALUABLE = "not evaluable"


def target_measurements(lesions: pd.DataFrame) -> pd.DataFrame:
    """Rows of target lesions with the diameter to count and the visit they belong to.

    An absent lesion counts 0 mm, one that is not evaluable is missing. A visit of several days is dated by its last,
    when everything of it is known.

    Args:
        lesions: `patient_id`, `week`, `lesion_id`, `diameter_mm`, `target`, `status`.

    Returns:
        `patient_id`, `week` (of the visit), `first_week` (its first day), `lesion_id`, `diameter_mm`.
    """
    columns = ["patient_id", "week", "lesion_id", "diameter_mm", "status"]
    rows = lesions.loc[lesions["target"].astype(bool), columns].reset_index(drop=True)
    rows.loc[rows["status"] == ABSENT, "diameter_mm"] = 0.0
    rows.loc[rows["status"] == NOT_EVALUABLE, "diameter_mm"] = np.nan
    rows["first_week"] = first_day_of_visit(rows, item="lesion_id")
    rows["week"] = rows.groupby(["patient_id", "first_week"])["week"].transform("max")
    return rows.drop(columns="status")


def size_history(lesions: pd.DataFrame) -> pd.DataFrame:
    """Size measures of every visit, with the rules of the marker table.

    The baseline is the latest visit begun at week <= 0 at which every target lesion recorded there has a diameter,
    else the first such visit within two weeks after; its lesions are the baseline targets. SLD is missing unless every
    baseline target is measured at the visit. A zero baseline or nadir makes a ratio missing; growth rates need sizes
    above zero; ratios and growth exist only after the baseline. The nadir runs from baseline to the visit before.
    Growth rate, % per month: 100 * (exp(3 ln(D / D_ref) / months) - 1), a month being 30.4375 days (Dromain et al.
    2019); `tgr` from the baseline, `tgr0` from the visit before baseline to baseline.

    Args:
        lesions: `patient_id`, `week`, `lesion_id`, `diameter_mm`, `target`, `status`.

    Returns:
        One row a patient and visit, sorted: `patient_id`, `week`, `sld`, `sldr`, `sldn`, `tgr`, `tgr0`,
        `heterogeneity`, `baseline_week`. `tgr0` repeats at every visit of the patient.
    """
    rows = target_measurements(lesions)
    baseline = _baseline_visits(rows)
    visits = rows[["patient_id", "week"]].drop_duplicates().merge(baseline, on="patient_id", how="left")
    visits = visits.sort_values(["patient_id", "week"], kind="stable", ignore_index=True)
    targets = rows.merge(_baseline_targets(rows, baseline), on=["patient_id", "lesion_id"])
    visits = visits.merge(_sums(targets), on=["patient_id", "week"], how="left")
    after = (visits["week"] > visits["baseline_week"]).to_numpy()

    at_baseline = visits.loc[visits["week"] == visits["baseline_week"]].set_index("patient_id")["sld"]
    base = visits["patient_id"].map(at_baseline)
    base = base.where(base > 0)
    visits["sldr"] = (visits["sld"] / base).where(after)
    since = visits["sld"].where(visits["week"] >= visits["baseline_week"]).astype("float64")
    patient = visits["patient_id"]
    nadir = since.groupby(patient).cummin().groupby(patient).ffill().groupby(patient).shift()
    visits["sldn"] = (visits["sld"] / nadir.where(nadir > 0)).where(after)
    visits["tgr"] = growth_rate(visits["sld"], base, visits["week"] - visits["baseline_week"]).where(after)
    visits["tgr0"] = visits["patient_id"].map(_growth_before_baseline(visits, at_baseline))
    visits = visits.merge(_heterogeneity(targets), on=["patient_id", "week"], how="left")
    columns = ["patient_id", "week", "sld", "sldr", "sldn", "tgr", "tgr0", "heterogeneity", "baseline_week"]
    return visits[columns]


def growth_rate(size_mm: pd.Series, reference_mm: pd.Series, elapsed_weeks: pd.Series) -> pd.Series:
    """Tumour growth rate in % volume per month; missing for sizes of 0 and for no time elapsed."""
    months = elapsed_weeks.where(elapsed_weeks > 0) * DAYS_PER_WEEK / DAYS_PER_MONTH
    log_ratio = np.log(size_mm.where(size_mm > 0) / reference_mm.where(reference_mm > 0))
    rate: pd.Series = 100.0 * np.expm1(3.0 * log_ratio / months)
    return rate


def _baseline_visits(rows: pd.DataFrame) -> pd.DataFrame:
    """`patient_id` and `baseline_week` of the patients who have a baseline visit."""
    grouped = rows.groupby(["patient_id", "week", "first_week"], as_index=False)
    visits = grouped["diameter_mm"].agg(recorded="size", measured="count")
    whole = visits[visits["recorded"] == visits["measured"]].sort_values(["patient_id", "week"], kind="stable")
    before = whole[whole["first_week"] <= 0].drop_duplicates("patient_id", keep="last")
    soon = whole[(whole["first_week"] > 0) & (whole["week"] <= BASELINE_GRACE_WEEKS)].drop_duplicates("patient_id")
    chosen = pd.concat([before, soon]).drop_duplicates("patient_id", keep="first")
    baseline: pd.DataFrame = chosen[["patient_id", "week"]].rename(columns={"week": "baseline_week"})
    return baseline


def _baseline_targets(rows: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
    """`patient_id`, `lesion_id` and `baseline_mm` of the targets at the baseline visit."""
    there = rows.merge(baseline, left_on=["patient_id", "week"], right_on=["patient_id", "baseline_week"])
    there = there.rename(columns={"diameter_mm": "baseline_mm"})
    targets: pd.DataFrame = there[["patient_id", "lesion_id", "baseline_mm", "baseline_week"]]
    return targets


def _sums(targets: pd.DataFrame) -> pd.DataFrame:
    """SLD of every visit, missing unless all of the patient's baseline targets have a diameter there."""
    expected = targets.groupby("patient_id")["lesion_id"].nunique().rename("expected")
    visits = targets.groupby(["patient_id", "week"], as_index=False)["diameter_mm"].agg(total="sum", measured="count")
    visits = visits.merge(expected, on="patient_id")
    visits["sld"] = visits["total"].where(visits["measured"] == visits["expected"])
    sums: pd.DataFrame = visits[["patient_id", "week", "sld"]]
    return sums


def _growth_before_baseline(visits: pd.DataFrame, at_baseline: pd.Series) -> pd.Series:
    """`tgr0` by patient: growth from the latest SLD before the baseline visit to the baseline."""
    earlier = visits[(visits["week"] < visits["baseline_week"]) & visits["sld"].notna()]
    last = earlier.drop_duplicates("patient_id", keep="last").set_index("patient_id")
    return growth_rate(at_baseline.reindex(last.index), last["sld"], last["baseline_week"] - last["week"])


def _heterogeneity(targets: pd.DataFrame) -> pd.DataFrame:
    """Standard deviation (ddof 1) over >= 2 lesions of ln(size / baseline size), sizes floored at 5 mm."""
    later = targets[targets["diameter_mm"].notna() & (targets["week"] > targets["baseline_week"])]
    floored = later["diameter_mm"].clip(lower=SMALLEST_READABLE_MM)
    change = np.log(floored / later["baseline_mm"].clip(lower=SMALLEST_READABLE_MM))
    spread = later.assign(heterogeneity=change).groupby(["patient_id", "week"])[["heterogeneity"]].std(ddof=1)
    return spread.reset_index()
