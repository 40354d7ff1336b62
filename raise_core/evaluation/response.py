"""Response of a cohort: every patient's best overall response, rates by arm, and the time on study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from raise_core.domain.recist import RESPONSES, Response, before_progression, best_overall_response
from raise_core.domain.response_results import (
    CONTROLLED,
    OBJECTIVE,
    ArmResponse,
    CohortResponse,
    ExactShare,
    Lane,
    ResponseSettings,
    VisitResponses,
)
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.arms import Arms, arms_of
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.response_visits import VisitTable, read_cohort

TAIL = 0.025  # of a 95 % interval
DEATH, SURVIVAL = "DEATH", "OS"


def cohort_response(source: MarkerSource, settings: ResponseSettings) -> CohortResponse:
    """Read every patient of a cohort.

    Args:
        source: the cohort.
        settings: how responses are read.
    """
    arms = arms_of(source)
    table = read_cohort(source.cohort.lesions, source.sizes, settings.version)
    visits = table.visits.assign(arm=table.visits["patient_id"].map(arms.of_patient))
    patients = _patients(source, arms, visits, table, settings)
    return CohortResponse(
        settings, visits, patients, tuple(_arm(patients, name) for name in arms.names), table.other_lesions,
        table.small_nodes,
    )  # fmt: skip


def _patients(
    source: MarkerSource, arms: Arms, visits: pd.DataFrame, table: VisitTable, settings: ResponseSettings
) -> pd.DataFrame:
    """One row a patient; see `CohortResponse.patients`."""
    start = visits.drop_duplicates("patient_id").set_index("patient_id")[["baseline_week", "baseline_mm"]]
    found = start.reindex(source.patient_ids)
    found.insert(0, "arm", arms.of_patient.reindex(source.patient_ids))
    best = best_overall_response(
        table.codes,
        table.since_baseline_weeks,
        confirm=settings.confirm,
        confirmation_weeks=settings.confirmation_weeks,
        minimum_stable_weeks=settings.minimum_stable_weeks,
    )
    codes = pd.Series(best, index=pd.Index(table.patient_ids, dtype=object), dtype="int8")
    readable = found["baseline_mm"] > 0
    names = codes.map(lambda code: RESPONSES[code].value).reindex(found.index)
    found["best"] = names.fillna(Response.NOT_EVALUABLE.value).astype(object)
    found.loc[~readable, "best"] = None

    follow_up = visits[visits["response"].notna()]
    in_time = follow_up[before_or_at_progression(table)]
    found["visits"] = follow_up.groupby("patient_id").size().reindex(found.index, fill_value=0)
    measured = in_time[in_time["sld_mm"].notna()].sort_values(
        ["patient_id", "change_percent", "week"], kind="stable"
    )  # fmt: skip
    smallest = measured.drop_duplicates("patient_id").set_index("patient_id")
    found["best_change_percent"] = smallest["change_percent"]
    found["best_change_week"] = smallest["week"]
    progressive = follow_up[follow_up["response"] == Response.PROGRESSIVE.value].drop_duplicates("patient_id")
    progressive = progressive.set_index("patient_id")
    found["progression_week"] = progressive["week"]
    found["new_lesion"] = found.index.isin(progressive.index[progressive["new_lesions"].map(bool)])
    responding = in_time[in_time["response"].isin([response.value for response in OBJECTIVE])]
    first = responding.groupby("patient_id")["week"].min().reindex(found.index)
    found["response_week"] = first.where(found["best"].isin([response.value for response in OBJECTIVE]))
    last = in_time.groupby("patient_id")["week"].max().reindex(found.index)
    found["response_end_week"] = last.where(found["response_week"].notna())
    return found.rename_axis("patient_id").reset_index()


def before_or_at_progression(table: VisitTable) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which follow-up visits, in the order of their rows, come no later than the first progression."""
    before = before_progression(table.codes)
    upto = np.ones(before.shape, dtype=np.bool_)
    upto[:, 1:] = before[:, :-1]
    return upto[table.codes >= 0]


def _arm(patients: pd.DataFrame, name: str) -> ArmResponse:
    best = patients.loc[patients["arm"] == name, "best"].dropna()
    counts = {response: int((best == response.value).sum()) for response in Response}
    n = len(best)
    return ArmResponse(
        name,
        n,
        counts,
        exact_share(sum(counts[response] for response in OBJECTIVE), n),
        exact_share(sum(counts[response] for response in CONTROLLED), n),
    )


def exact_share(patients: int, of: int) -> ExactShare:
    """A share with its exact 95 % interval from quantiles of the beta distribution (Clopper & Pearson 1934).

    Args:
        patients: with the property.
        of: all.
    """
    if not of:
        return ExactShare(patients, of, None, None)
    low = 0.0 if patients == 0 else float(special.betaincinv(patients, of - patients + 1, TAIL))
    high = 1.0 if patients == of else float(special.betaincinv(patients + 1, of - patients, 1 - TAIL))
    return ExactShare(patients, of, low, high)


def visit_responses(found: CohortResponse, weeks: Sequence[float]) -> tuple[VisitResponses, ...]:
    """Responses at nominal weeks by arm: the latest reading dated around the week by the landmark rule.

    Args:
        found: responses of a cohort.
        weeks: nominal visit weeks.
    """
    read = found.visits[found.visits["response"].notna()]
    coded = read.assign(code=read["response"].map({name.value: place for place, name in enumerate(RESPONSES)}))
    counted = []
    for week in weeks:
        latest = LandmarkWeek(week).latest(coded.astype({"code": float}), value="code")
        arm_of = found.patients.set_index("patient_id")["arm"].reindex(latest.index)
        for arm in found.arms:
            own = latest.loc[(arm_of == arm.arm).to_numpy(), "value"]
            counted.append(
                VisitResponses(
                    arm.arm, week, {name: int((own == place).sum()) for place, name in enumerate(RESPONSES)}
                )
            )  # fmt: skip
    return tuple(counted)


def lanes(source: MarkerSource, found: CohortResponse, endpoint: str | None) -> tuple[Lane, ...]:
    """Every patient's time on study, in the order of the patients table; those never seen after week 0 are left out.

    Args:
        source: the cohort.
        found: its responses.
        endpoint: outcome that ends the time on study; None where there is none: the last visit ends it.
    """
    outcomes = source.cohort.outcomes
    main, survival = _by_patient(outcomes, endpoint), _by_patient(outcomes, SURVIVAL)
    deaths = {who: week for who, (week, died) in (_by_patient(outcomes, DEATH) | survival).items() if died}
    seen = {str(who): float(week) for who, week in found.visits.groupby("patient_id")["week"].max().items()}
    drawn = []
    for row in found.patients.to_dict("records"):
        who = str(row["patient_id"])
        end, event = main.get(who, (seen.get(who, 0.0), None))
        if end <= 0:
            continue
        alive = survival.get(who, (0.0, False))[0]
        start, stop = _week(row["response_week"]), _week(row["response_end_week"])
        drawn.append(
            Lane(
                patient_id=who,
                arm=str(row["arm"]),
                best=None if row["best"] is None else Response(row["best"]),
                end_week=end,
                event=event,
                response=None if start is None or stop is None else (start, stop),
                progression_week=_week(row["progression_week"]),
                death_week=deaths.get(who),
                known_alive_week=alive if alive > end else None,
            )
        )
    return tuple(drawn)


def _week(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _by_patient(outcomes: pd.DataFrame, endpoint: str | None) -> dict[str, tuple[float, bool]]:
    """Time in weeks and event of one endpoint by patient."""
    rows = outcomes[(outcomes["endpoint"] == endpoint) & outcomes["time_weeks"].notna()]
    return {
        str(who): (float(week), bool(event))
        for who, week, event in zip(rows["patient_id"], rows["time_weeks"], rows["event"], strict=True)
    }
