"""Questions as the command line and scripts ask them: a home and a study in, a result out."""

from __future__ import annotations

from collections.abc import Sequence

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import MarkerKind, Model
from raise_core.domain.progress import Progress, silent
from raise_core.domain.results import CindexSettings
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.landmark import require_endpoint
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.features.registry import ENCODERS
from raise_core.store.home import Home
from raise_core.studies.cindex import CindexResult, cindex_by_week, parse_models
from raise_core.studies.opening import open_study
from raise_core.studies.runs import RunSummary, list_runs, load_predictions, matching_run

LEAST_EVENTS_AHEAD = 5  # a visit week with fewer events ahead is not offered by itself


def cindex(
    home: Home,
    study_id: str,
    models: Sequence[str],
    settings: CindexSettings,
    *,
    weeks: Sequence[float] | None = None,
    encoder: str | None = None,
    progress: Progress = silent,
) -> CindexResult:
    """C-index by week of marker models on a study's current snapshot.

    Args:
        home: where the study is.
        study_id: study.
        models: markers joined by '+'.
        settings: splits, seed, window.
        weeks: landmark weeks; None for those of the matching run, else the study's visit weeks.
        encoder: encoder of the run whose predictions `dl:` markers are; None for the newest matching.
        progress: told how far it is.

    Raises:
        BadUsageError: a model or setting that cannot be understood.
        NotInStoreError: study, endpoint, marker, week or matching run not there.
    """
    parsed = parse_models(models)
    if encoder is not None and encoder not in ENCODERS:
        raise BadUsageError(f"encoder {encoder!r} is not known; use one of {', '.join(ENCODERS)}.")
    source = open_study(home, study_id)
    require_endpoint(source, settings.endpoint)
    runs = list_runs(home, source.cohort.study.snapshot_id)
    asked = tuple(weeks) if weeks is not None else _default_weeks(source, parsed, settings, runs, encoder)
    run = matching_run(runs, parsed, asked, settings, study_id=study_id, encoder=encoder)
    deep = None if run is None else load_predictions(home, run.run_id)
    return cindex_by_week(source, parsed, asked, settings, deep=deep, progress=progress)


def _default_weeks(
    source: MarkerSource,
    models: Sequence[Model],
    settings: CindexSettings,
    runs: Sequence[RunSummary],
    encoder: str | None,
) -> tuple[float, ...]:
    """Weeks of the run that `dl:` markers will come from, else visit weeks at which every marker has values."""
    try:
        run = matching_run(runs, models, (), settings, study_id=source.cohort.study.study_id, encoder=encoder)
    except NotInStoreError:
        run = None
    weeks = run.weeks if run is not None else offered_weeks(source, settings.endpoint)
    markers = [marker for model in models for marker in model.markers if marker.kind is not MarkerKind.DEEP]

    def has_values(week: float) -> bool:
        rule = LandmarkWeek(week, settings.window_weeks, settings.tolerance_weeks)
        return all(source.present_at(marker, rule).any() for marker in markers)

    for marker in markers:
        source.require_predictor(marker)
    return tuple(week for week in weeks if has_values(week)) or weeks


def offered_weeks(source: MarkerSource, endpoint: str) -> tuple[float, ...]:
    """Visit weeks after which at least a few events of `endpoint` lie ahead; week 0 for a study without such visits."""
    outcomes = require_endpoint(source, endpoint)
    times = outcomes.loc[outcomes["event"].astype(bool), "time_weeks"]
    weeks = tuple(float(week) for week in source.visit_weeks if (times > week + 1).sum() >= LEAST_EVENTS_AHEAD)
    return weeks or (0.0,)
