"""The parts of the home page."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from raise_core.domain.errors import UserFacingError
from raise_core.figures import cindex_words, numbers
from raise_core.studies.overview import CohortOverview
from raise_core.studies.raise_protocol import COMPARISONS
from raise_core.ui import reading
from raise_core.ui.navigation import CINDEX
from raise_core.ui.shell import NOT_A_DEVICE, PageContext


def introduction(page: PageContext) -> None:
    """What this is."""
    st.markdown(
        f"**{page.study.title}.** Tumour size, laboratory values and deep-learning features of CT lesions, compared on "
        "how early and how well they rank patients by the time to progression; every number with its uncertainty and "
        "the data it came from."
    )
    st.caption(NOT_A_DEVICE)


def cohort_numbers(page: PageContext) -> None:
    """Who is in the open study: headline counts."""
    found = reading.overview(page.home_path, page.study.study_id, page.study.snapshot_id)
    whole = {e.endpoint: e for e in found.endpoints if e.arm == "*"}
    tiles: list[tuple[str, str, str]] = [("Patients", f"{found.patients}", _arms(found))]
    for name in [name for name in ("PFS", "OS") if name in whole][:1]:
        row = whole[name]
        follow_up = (
            "" if row.median_follow_up_weeks is None else f", median follow-up {row.median_follow_up_weeks:.0f} weeks"
        )
        tiles.append((f"{name} events", f"{row.events}", f"of {row.patients} patients{follow_up}"))
    if found.lesions.lesions:
        tiles.append(("Lesions", f"{found.lesions.lesions}", f"{found.lesions.visits} measured visits"))
    scans = sum(scan.scans for scan in found.scans)
    if scans:
        phases = ", ".join(f"{scan.scans} {scan.phase or scan.modality}" for scan in found.scans)
        tiles.append(("Scans", f"{scans}", phases))
    if found.labs:
        values = sum(lab.values for lab in found.labs)  # noqa: PD011 - a count, not a frame
        tiles.append(("Lab tests", f"{len(found.labs)}", f"{values} values"))
    for column, (label, value, note) in zip(st.columns(len(tiles)), tiles, strict=True):
        with column.container(border=True, height="stretch"):
            st.metric(label, value)
            st.caption(note)


def _arms(found: CohortOverview) -> str:
    named = [f"{arm.patients} {arm.arm}" for arm in found.arms if arm.arm]
    return ", ".join(named) or "one group"


def finished_runs(page: PageContext) -> None:
    """What has been computed on this snapshot."""
    st.subheader("What has been run")
    runs = reading.known_runs(page.home_path, page.study.snapshot_id)
    if not runs:
        st.markdown(
            "No deep-learning run on this data yet. Marker models (size, laboratory values, characteristics) need "
            "none. To train the networks, in a terminal:\n\n"
            f"```\npython -m raise_core run raise --study {page.study.study_id}\n```"
        )
        return
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "Run": run.run_id[:8],
                    "Finished (UTC)": run.finished_at[:16].replace("T", " "),
                    "Encoder": run.encoder,
                    "Week: patients with all images": ", ".join(
                        f"{numbers.week(week)}: {run.patients_by_week[week]}" for week in run.weeks
                    ),
                    "Images": run.images_computed,
                    "Unusable": run.failed_images,
                    "Time": f"{sum(run.seconds.values()):.0f} s on {run.device.upper()}",
                }
                for run in runs
            ]
        ),
        hide_index=True,
    )


def headline_result(page: PageContext) -> None:
    """What the newest run says first: whether deep learning adds to size and CgA."""
    runs = reading.known_runs(page.home_path, page.study.snapshot_id)
    added = next(comparison for comparison in COMPARISONS if comparison.key == "added")
    run = next((run for run in runs if set(added.models) <= set(run.models)), None)
    if run is None:
        return
    try:
        result = reading.evaluation(
            home_path=page.home_path,
            study_id=page.study.study_id,
            snapshot_id=page.study.snapshot_id,
            models=added.models,
            weeks=run.weeks,
            settings=run.settings,
            run_id=run.run_id,
        )
    except UserFacingError as error:
        st.warning(str(error), icon=":material/help:")
        return
    st.markdown(f"**{added.question}** {cindex_words.headline(result.report)}")


def where_next(page: PageContext) -> None:
    """The question to go on with."""
    st.subheader("Does it predict?")
    st.page_link(
        CINDEX.file,
        label="Would an earlier scan have told us? C-index by week of images, size and CgA",
        icon=CINDEX.icon,
        query_params={"study": page.study.study_id},
    )
