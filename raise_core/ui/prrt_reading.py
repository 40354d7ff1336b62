"""What the PRRT page reads, cached by run and cohort filter; thresholds are not part of it. No session state."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from raise_core.domain.class_accuracy import ClassCalibration
from raise_core.domain.class_results import ClassReport
from raise_core.domain.horizon_results import DecisionCurve
from raise_core.domain.survival_report import SurvivalReport
from raise_core.evaluation.cut_points import CutScan
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.store.home import Home
from raise_core.studies import prrt_report
from raise_core.studies.prrt_report import PooledPatients
from raise_core.studies.prrt_runs import PrrtRun, PrrtRunSummary, list_prrt_runs, load_prrt_run
from raise_core.ui import reading


@dataclass(frozen=True)
class RunKey:
    """What determines every number of the page.

    Attributes:
        home_path: home directory.
        study_id: study.
        snapshot_id: data snapshot.
        filter_text: cohort filter.
        run_id: run.
    """

    home_path: str
    study_id: str
    snapshot_id: str
    filter_text: str
    run_id: str

    def source(self) -> MarkerSource:
        """The patients shown."""
        return reading.study_source(self.home_path, self.study_id, self.snapshot_id, self.filter_text)

    def run(self) -> PrrtRun:
        """The run."""
        return run(self.home_path, self.run_id)


@st.cache_data(ttl=5, max_entries=16, show_spinner=False)
def known_prrt_runs(home_path: str, snapshot_id: str) -> tuple[PrrtRunSummary, ...]:
    """Finished runs on a snapshot, newest first; looked up again after five seconds."""
    return list_prrt_runs(Home.at(home_path), snapshot_id)


@st.cache_resource(max_entries=8, show_spinner="Reading the run …")
def run(home_path: str, run_id: str) -> PrrtRun:
    """Everything a finished run predicted."""
    return load_prrt_run(Home.at(home_path), run_id)


@st.cache_resource(max_entries=64, show_spinner="Scoring the models …")
def report(key: RunKey) -> ClassReport:
    """Scores, comparisons and curves of every model."""
    return prrt_report.class_report(key.run(), key.source())


@st.cache_resource(max_entries=128, show_spinner=False)
def patients(key: RunKey, model: str) -> PooledPatients:
    """One out-of-fold score a patient."""
    return prrt_report.pooled_patients(key.run(), model, key.source())


@st.cache_resource(max_entries=128, show_spinner="Trying every threshold …")
def scan(key: RunKey, model: str) -> CutScan | None:
    """Every threshold of a model's score, tested once."""
    return prrt_report.scan_of_score(patients(key, model))


@st.cache_resource(max_entries=64, show_spinner=False)
def everybody(key: RunKey) -> SurvivalReport:
    """Survival of all patients shown."""
    return prrt_report.survival_of_everybody(key.run(), key.source())


@st.cache_resource(max_entries=64, show_spinner="Comparing probabilities with outcomes …")
def calibration(key: RunKey, model: str) -> ClassCalibration:
    """Calibration of a classifier."""
    return prrt_report.calibration_of(patients(key, model))


@st.cache_resource(max_entries=64, show_spinner=False)
def decision(key: RunKey, model: str) -> DecisionCurve:
    """Decision curve of a classifier."""
    return prrt_report.decision_of(patients(key, model))
