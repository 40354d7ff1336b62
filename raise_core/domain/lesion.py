"""Tumour size over time from the measured target lesions: SLD, its ratios, growth rate, heterogeneity.

Diameters are millimetres, dates weeks from randomisation. A diameter of 0 means the lesion has vanished.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from raise_core.domain.week import BASELINE_GRACE_WEEKS, DAYS_PER_MONTH, DAYS_PER_WEEK, baseline_values

SMALLEST_READABLE_MM = 5.0  # below this, calipers on CT cannot follow a change (RECIST 1.1, section 3)
MEASURED = "measured"
ABSENT = "absent"
NOT_EVALUABLE = "not evaluable"


def target_measurements(lesions: pd.DataFrame) -> pd.DataFrame:
    """Rows of target lesions known at baseline, with the diameter to count.

    An absent lesion counts 0 mm, a lesion that is not evaluable is missing. Target lesions are those first recorded
    at week <= 0, or within two weeks after for patients with nothing earlier; one first seen later is new.

    Args:
        lesions: `patient_id`, `week`, `lesion_id`, `diameter_mm`, `target`, `status`.

    Returns:
        `patient_id`, `week`, `lesion_id`, `diameter_mm`.
    """
    targets = lesions.loc[lesions["target"].astype(bool), ["patient_id", "week", "lesion_id", "diameter_mm", "status"]]
    first_lesion = targets.groupby(["patient_id", "lesion_id"])["week"].transform("min")
    first_patient = targets.groupby("patient_id")["week"].transform("min")
    latest_start = np.where(first_patient <= 0, 0.0, BASELINE_GRACE_WEEKS)
    known = targets[first_lesion <= latest_start].copy()
    known.loc[known["status"] == ABSENT, "diameter_mm"] = 0.0
    known.loc[known["status"] == NOT_EVALUABLE, "diameter_mm"] = np.nan
    return known.drop(columns="status").reset_index(drop=True)


def size_history(lesions: pd.DataFrame) -> pd.DataFrame:
    """Size measures of every visit, with the rules of the marker table.

    SLD is missing unless every baseline target is measured at the visit. A zero baseline or nadir makes a ratio
    missing; growth rates need sizes above zero; ratios and growth exist only after the baseline. The nadir runs from
    baseline to the visit before. Growth rate, % per month: 100 * (exp(3 ln(D / D_ref) / months) - 1), a month being
    30.4375 days (Dromain et al. 2019); `tgr` from the baseline, `tgr0` from the visit before baseline to baseline.

    Args:
        lesions: `patient_id`, `week`, `lesion_id`, `diameter_mm`, `target`, `status`.

    Returns:
        One row a patient and visit, sorted: `patient_id`, `week`, `sld`, `sldr`, `sldn`, `tgr`, `tgr0`,
        `heterogeneity`, `baseline_week`. `tgr0` repeats at every visit of the patient.
    """
    rows = target_measurements(lesions)
    visits = _sums(rows)
    baseline = baseline_values(visits, by=["patient_id"], value="sld")
    visits = visits.merge(baseline, on="patient_id", how="left")
    after = (visits["week"] > visits["baseline_week"]).to_numpy()

    base = visits["baseline"].where(visits["baseline"] > 0)
    visits["sldr"] = (visits["sld"] / base).where(after)
    since = visits["sld"].where(visits["week"] >= visits["baseline_week"])
    nadir = since.groupby(visits["patient_id"]).transform(lambda sizes: sizes.cummin().ffill().shift())
    visits["sldn"] = (visits["sld"] / nadir.where(nadir > 0)).where(after)
    visits["tgr"] = growth_rate(visits["sld"], base, visits["week"] - visits["baseline_week"]).where(after)
    visits["tgr0"] = visits["patient_id"].map(_growth_before_baseline(visits))
    spread = _heterogeneity(rows)
    visits = visits.merge(spread, on=["patient_id", "week"], how="left")
    columns = ["patient_id", "week", "sld", "sldr", "sldn", "tgr", "tgr0", "heterogeneity", "baseline_week"]
    return visits[columns].sort_values(["patient_id", "week"], kind="stable").reset_index(drop=True)


def growth_rate(size_mm: pd.Series, reference_mm: pd.Series, elapsed_weeks: pd.Series) -> pd.Series:
    """Tumour growth rate in % volume per month; missing for sizes of 0 and for no time elapsed."""
    months = elapsed_weeks.where(elapsed_weeks > 0) * DAYS_PER_WEEK / DAYS_PER_MONTH
    log_ratio = np.log(size_mm.where(size_mm > 0) / reference_mm.where(reference_mm > 0))
    rate: pd.Series = 100.0 * np.expm1(3.0 * log_ratio / months)
    return rate


def _sums(rows: pd.DataFrame) -> pd.DataFrame:
    """SLD of every visit, missing unless all of the patient's baseline targets have a diameter there."""
    expected = rows.groupby("patient_id")["lesion_id"].nunique().rename("expected")
    grouped = rows.groupby(["patient_id", "week"], as_index=False)
    visits = grouped["diameter_mm"].agg(total="sum", measured="count")
    visits = visits.merge(expected, on="patient_id")
    visits["sld"] = visits["total"].where(visits["measured"] == visits["expected"])
    sums: pd.DataFrame = visits[["patient_id", "week", "sld"]].sort_values(["patient_id", "week"], kind="stable")
    return sums


def _growth_before_baseline(visits: pd.DataFrame) -> pd.Series:
    """`tgr0` by patient: growth from the latest SLD before the baseline visit to the baseline."""
    earlier = visits[(visits["week"] < visits["baseline_week"]) & visits["sld"].notna()]
    last = earlier.drop_duplicates("patient_id", keep="last").set_index("patient_id")
    return growth_rate(last["baseline"], last["sld"], last["baseline_week"] - last["week"])


def _heterogeneity(rows: pd.DataFrame) -> pd.DataFrame:
    """Standard deviation (ddof 1) over >= 2 lesions of ln(size / baseline size), sizes floored at 5 mm."""
    baseline = baseline_values(rows, by=["patient_id", "lesion_id"], value="diameter_mm")
    both = rows.merge(baseline, on=["patient_id", "lesion_id"])
    both = both[both["diameter_mm"].notna() & (both["week"] > both["baseline_week"])]
    floored = both["diameter_mm"].clip(lower=SMALLEST_READABLE_MM)
    change = np.log(floored / both["baseline"].clip(lower=SMALLEST_READABLE_MM))
    spread = both.assign(heterogeneity=change).groupby(["patient_id", "week"])[["heterogeneity"]].std(ddof=1)
    return spread.reset_index()
