"""Importance of laboratory values on a study: computed once for each question, kept, and read again."""

from __future__ import annotations

from collections.abc import Sequence

from raise_core.domain.cohort_filter import parse_filter
from raise_core.domain.errors import NotInStoreError
from raise_core.domain.importance_results import ImportanceReport
from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.domain.progress import Progress, silent
from raise_core.evaluation.cohort_filter import matching, restrict
from raise_core.evaluation.lab_panel import lab_panel, require_possible, weeks_with_labs
from raise_core.evaluation.landmark import require_endpoint
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.store.artifact import ArtifactStore, artifact_key
from raise_core.store.home import Home
from raise_core.studies.lab_importance_kept import from_artifact, to_arrays, to_document
from raise_core.studies.opening import open_study

KIND = "lab-importance"
CODE_VERSION = 1


def importance_key(study_id: str, snapshot_id: str, settings: ImportanceSettings, *, filter_text: str = "") -> str:
    """Hash of all that determines an analysis."""
    inputs = {"study": study_id, "snapshot": snapshot_id, "filter": filter_text, **settings.to_document()}
    return artifact_key(KIND, inputs, code_version=CODE_VERSION)


def kept_importance(
    home: Home, study_id: str, snapshot_id: str, settings: ImportanceSettings, *, filter_text: str = ""
) -> ImportanceReport | None:
    """An analysis that was computed before, or None. Needs none of the libraries that compute it."""
    key = importance_key(study_id, snapshot_id, settings, filter_text=filter_text)
    artifact = ArtifactStore(home).read(KIND, key)
    return None if artifact is None else from_artifact(artifact)


def has_importance(
    home: Home, study_id: str, snapshot_id: str, settings: ImportanceSettings, *, filter_text: str = ""
) -> bool:
    """Whether an analysis is kept, without reading it."""
    return ArtifactStore(home).has(KIND, importance_key(study_id, snapshot_id, settings, filter_text=filter_text))


def importance(
    home: Home,
    study_id: str,
    settings: ImportanceSettings,
    *,
    snapshot_id: str | None = None,
    filter_text: str = "",
    progress: Progress = silent,
) -> ImportanceReport:
    """An analysis, computed and kept where it is not there yet.

    Args:
        home: where the study is.
        study_id: study.
        settings: outcome, week, model.
        snapshot_id: data snapshot; the current one if none is named.
        filter_text: which patients; empty for all.
        progress: told how far it is.

    Raises:
        NotInStoreError: no such study or endpoint, no laboratory values at the week, or too few events.
        BadUsageError: a filter that cannot be understood.
    """
    source = filtered_source(home, study_id, snapshot_id, filter_text)
    snapshot = source.cohort.study.snapshot_id
    found = kept_importance(home, study_id, snapshot, settings, filter_text=filter_text)
    if found is not None:
        return found
    require_possible(lab_panel(source, settings), settings)
    # scikit-learn, scikit-survival and SHAP take seconds to import: only who computes waits for them
    from raise_core.evaluation.lab_importance import lab_importance

    report = lab_importance(source, settings, progress=progress)
    key = importance_key(study_id, snapshot, settings, filter_text=filter_text)
    ArtifactStore(home).write(KIND, key, document=to_document(report), arrays=to_arrays(report))
    return report


def filtered_source(home: Home, study_id: str, snapshot_id: str | None, filter_text: str) -> MarkerSource:
    """The patients of a snapshot who meet a filter.

    Raises:
        NotInStoreError: no such study or snapshot.
        BadUsageError: a filter that cannot be understood.
    """
    whole = open_study(home, study_id, snapshot_id)
    if not filter_text:
        return whole
    chosen = parse_filter(filter_text)
    return MarkerSource(restrict(whole.cohort, matching(whole, chosen).patient_ids, chosen=chosen))


def importance_weeks(
    source: MarkerSource, endpoint: str, *, model: ImportanceModel = ImportanceModel.SURVIVAL_FOREST
) -> tuple[float, ...]:
    """The baseline and visits with laboratory values and enough events ahead for cross-validation.

    Raises:
        NotInStoreError: no such endpoint.
    """
    require_endpoint(source, endpoint)
    if not source.tests:
        return ()
    return tuple(week for week in weeks_with_labs(source) if not why_not(source, _plain(endpoint, week, model)))


def _plain(endpoint: str, week: float, model: ImportanceModel) -> ImportanceSettings:
    return ImportanceSettings(endpoint=endpoint, week=week, model=model)


def why_not(source: MarkerSource, settings: ImportanceSettings) -> str:
    """Why an analysis cannot be made; empty where it can."""
    try:
        require_possible(lab_panel(source, settings), settings)
    except NotInStoreError as error:
        return str(error)
    return ""


def kept_by_week(
    home: Home,
    study_id: str,
    snapshot_id: str,
    settings: ImportanceSettings,
    weeks: Sequence[float],
    *,
    filter_text: str = "",
) -> tuple[ImportanceReport, ...]:
    """The analyses of several visits that are kept, in the order of the weeks."""
    found = (
        kept_importance(home, study_id, snapshot_id, settings.at_week(week), filter_text=filter_text) for week in weeks
    )
    return tuple(report for report in found if report is not None)
