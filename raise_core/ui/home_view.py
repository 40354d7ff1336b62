"""The parts of the home page."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from raise_core.domain.cohort import Study
from raise_core.domain.cohort_filter import EVERYBODY
from raise_core.domain.errors import UserFacingError
from raise_core.evaluation.cohort_counts import CohortCounts
from raise_core.figures import cindex_words, durations, prrt_words
from raise_core.figures.identity import encoder_name
from raise_core.studies.cindex import CindexResult
from raise_core.studies.prrt_report import best_documented
from raise_core.studies.raise_protocol import COMPARISONS
from raise_core.studies.runs import RunSummary
from raise_core.ui import navigation, prrt_reading, reading, run_request, runs_tables
from raise_core.ui.navigation import PAGES, PRRT, Page
from raise_core.ui.prrt_reading import RunKey
from raise_core.ui.shell import NOT_A_DEVICE, PageContext

MOST_VIEWS = 12
ADDED = next(comparison for comparison in COMPARISONS if comparison.key == "added")


def introduction(page: PageContext) -> None:
    """What this is."""
    st.markdown(
        f"**{page.study.title}.** Tumour size, laboratory values and deep-learning features of CT and PET, compared on "
        "how early and how well they rank patients by the time to progression; every number with its uncertainty and "
        "the data it came from."
    )
    st.caption(NOT_A_DEVICE)


def cohort_numbers(page: PageContext) -> None:
    """Who is shown: headline counts."""
    found = reading.counts(page.home_path, page.study.study_id, page.study.snapshot_id, page.cohort_filter.text)
    tiles: list[tuple[str, str, str]] = [("Patients", f"{found.patients:,}", _arms(found))]
    for name in [name for name in ("PFS", "OS") if name in found.endpoints][:1]:
        row = found.endpoints[name]
        weeks = row.median_follow_up_weeks
        watched = "" if weeks is None else f", median follow-up {page.unit.of_weeks(weeks):.0f} {page.unit.value}"
        tiles.append((f"{name} events", f"{row.events:,}", f"of {row.patients} patients{watched}"))
    if found.lesions:
        tiles.append(("Lesions", f"{found.lesions:,}", f"{found.lesion_visits:,} measured visits"))
    if found.scans:
        phases = ", ".join(f"{n:,} {'PET' if phase == 'PT' else phase}" for phase, n in found.scans.items())
        tiles.append(("Scans", f"{sum(found.scans.values()):,}", phases))
    if found.lab_values:
        tiles.append(("Lab tests", f"{len(found.lab_values)}", f"{sum(found.lab_values.values()):,} values"))
    for column, (label, value, note) in zip(st.columns(len(tiles)), tiles, strict=True):
        with column.container(border=True, height="stretch"):
            st.metric(label, value)
            st.caption(note)


def _arms(found: CohortCounts) -> str:
    return ", ".join(f"{n} {arm}" for arm, n in found.arms.items()) or "one group"


def headline_result(page: PageContext) -> None:
    """What the newest runs say first: whether deep learning adds to size and CgA, who stays free of progression."""
    try:
        result = _added_value(page.home_path, page.study, page.cohort_filter.text)
        fused = _fused(page.home_path, page.study, page.cohort_filter.text)
        report = None if fused is None else prrt_reading.report(fused)
    except UserFacingError as error:
        st.warning(str(error), icon=":material/help:")
        return
    if result is not None:
        st.markdown(f"**{ADDED.question}** {cindex_words.headline(result.report, unit=page.unit)}")
    if fused is not None and report is not None:
        st.markdown(f"**{PRRT.question}** {prrt_words.headline(report, best_documented(fused.run()))}")


def _fused(home_path: str, study: Study, filter_text: str) -> RunKey | None:
    """The newest PRRT run; None without one."""
    runs = prrt_reading.known_prrt_runs(home_path, study.snapshot_id)
    return RunKey(home_path, study.study_id, study.snapshot_id, filter_text, runs[0].run_id) if runs else None


def _added_value(home_path: str, study: Study, filter_text: str) -> CindexResult | None:
    """The comparison of the newest run that has its models; None without such a run."""
    runs = reading.known_runs(home_path, study.snapshot_id)
    run = next((run for run in runs if set(ADDED.models) <= set(run.models)), None)
    if run is None:
        return None
    return reading.evaluation(
        home_path=home_path,
        study_id=study.study_id,
        snapshot_id=study.snapshot_id,
        filter_text=filter_text,
        models=ADDED.models,
        weeks=run.weeks,
        settings=run.settings,
        run_id=run.run_id,
    )


def prepare(home_path: str) -> None:
    """Read and compute what the first visitor will see, so that it is there when one comes."""
    for study in reading.known_studies(home_path)[:1]:
        everybody = EVERYBODY.text
        reading.known_snapshots(home_path, study.study_id)
        reading.filtered(home_path, study.study_id, study.snapshot_id, everybody)
        reading.counts(home_path, study.study_id, study.snapshot_id, everybody)
        _added_value(home_path, study, everybody)
        fused = _fused(home_path, study, everybody)
        if fused is not None:
            prrt_reading.report(fused)


def questions() -> None:
    """The pages there are, as questions, under the groups of the navigation."""
    groups: dict[str, list[Page]] = {}
    for known in (known for known in PAGES if known.group):
        groups.setdefault(known.group, []).append(known)
    cells = [
        cell for _ in range(0, len(groups), 2) for cell in st.columns(2)
    ]  # a question is cut off in a narrower one
    for column, (group, pages) in zip(cells, groups.items(), strict=False):
        with column:
            st.subheader(group, anchor=False)
            for known in pages:
                navigation.link(known, known.question)
                st.caption(known.holds)


def kept_views(page: PageContext) -> None:
    """Views somebody saved, one click away."""
    views = reading.saved_views(page.home_path)
    if not views:
        return
    st.subheader("Saved views", anchor=False)
    with st.container(horizontal=True):
        for view in views[:MOST_VIEWS]:
            navigation.saved_view_link(view)
    if len(views) > MOST_VIEWS:
        st.caption(f"The newest {MOST_VIEWS} of {len(views)}; all of them stand under “Share or save view”.")


def finished_runs(page: PageContext) -> None:
    """What has been computed on this snapshot."""
    st.subheader("What has been run", anchor=False)
    runs = reading.known_runs(page.home_path, page.study.snapshot_id)
    fused = prrt_reading.known_prrt_runs(page.home_path, page.study.snapshot_id)
    if not runs and not fused:
        st.markdown(
            "No deep-learning run on this data yet. Marker models (size, laboratory values, characteristics) need "
            "none. Start one on the Runs page, or in a terminal:\n\n"
            f"```\npython -m raise_core run {run_request.usual_protocol(page)} --study {page.study.study_id}\n```"
        )
    if fused:
        st.dataframe(runs_tables.prrt_runs_table(fused, snapshot_id=page.study.snapshot_id), hide_index=True)
    if runs:
        _raise_runs(page, runs)


def _raise_runs(page: PageContext, runs: tuple[RunSummary, ...]) -> None:
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "Run": run.run_id[:8],
                    "Finished (UTC)": durations.moment(run.finished_at),
                    "Encoder": encoder_name(run.encoder),
                    f"Imaged patients by {page.unit.value[:-1]}": ", ".join(
                        f"{page.unit.write(week)}: {run.patients_by_week[week]}" for week in run.weeks
                    ),
                    "Images": run.images_computed,
                    "Unusable": run.failed_images,
                    "Took": durations.duration(sum(run.seconds.values())),
                }
                for run in runs
            ]
        ),
        hide_index=True,
    )
