"""What the image network was given of a lesion, as grey pictures: the paper's Figure 3 for one lesion of one scan."""

from __future__ import annotations

import base64
import html
import io
from operator import attrgetter

import streamlit as st
from PIL import Image

from raise_core.domain.cohort import Cohort
from raise_core.domain.errors import NotInStoreError
from raise_core.figures.identity import LESION, LIVER, OUTLINE
from raise_core.figures.numbers import week as week_number
from raise_core.imaging.plan import SliceImagePlan, Variant
from raise_core.store.home import Home
from raise_core.studies import network_pictures as engine
from raise_core.studies.network_pictures import NetworkPicture, PicturePlan
from raise_core.studies.patient_scans import PatientScan
from raise_core.studies.scan_viewing import OpenScan
from raise_core.ui import address, reading
from raise_core.ui.shell import SNAPSHOT_LETTERS, PageContext

_NAMES = {Variant.LESION: "Lesion mask", Variant.BINARY: "Binary mask", Variant.LIVER: "Whole liver"}
_COLOURS = {Variant.LESION: LESION, Variant.BINARY: OUTLINE, Variant.LIVER: LIVER}
_STYLE = """<style>
.given { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 12px; }
.given.column { grid-template-columns: minmax(120px, 200px); }
.given figure { margin: 0; max-width: 230px; }
.given img { width: 100%; display: block; background: #000; border-top: 4px solid var(--mark); border-radius: 4px; }
.given .none { min-height: 90px; padding: 10px; border: 1px dashed currentColor; border-top: 4px solid var(--mark);
  border-radius: 4px; font-size: 15px; }
.given figcaption { font-size: 14px; line-height: 1.35; margin-top: 4px; }
</style>"""


def cohort(home_path: str, study_id: str, snapshot_id: str) -> Cohort:
    """Every patient of a snapshot: a patient stays the same whatever cohort filter is set."""
    return reading.whole_source(home_path, study_id, snapshot_id).cohort


def network_pictures(page: PageContext, opened: OpenScan, lesion: str | None, *, in_a_row: bool) -> None:
    """The pictures of one lesion with what made them.

    Args:
        page: where the page stands.
        opened: the scan.
        lesion: which lesion, None where none is outlined.
        in_a_row: beside each other rather than below each other.
    """
    st.markdown("**What the network was given**")
    if lesion is None:
        st.caption("No lesion is outlined on this scan, so no picture of it goes to the network.")
        return
    try:
        plan = _plan(page.home_path, page.study.study_id, page.study.snapshot_id, _run_id(page))
    except NotInStoreError as error:
        st.caption(str(error))
        return
    made = _pictures(
        home_path=page.home_path,
        study_id=page.study.study_id,
        snapshot_id=page.study.snapshot_id,
        run_id=plan.run_id,
        scan=opened.scan,
        lesion=lesion,
        _opened=opened,
    )
    reasons = {picture.reason for picture in made}
    if len(reasons) == 1 and None not in reasons:
        st.caption(f"Nothing of this lesion on this scan. {reasons.pop()}")
        return
    figures = "".join(_figure(picture, plan.plan, lesion) for picture in made)
    st.html(f'{_STYLE}<div class="given {"" if in_a_row else "column"}">{figures}</div>')
    st.caption(_origin(plan, made))


@st.cache_resource(max_entries=16, show_spinner=False)
def _plan(home_path: str, study_id: str, snapshot_id: str, run_id: str | None) -> PicturePlan:
    """How pictures of a run, or of none, are made."""
    return engine.picture_plan(Home.at(home_path), cohort(home_path, study_id, snapshot_id), run_id)


@st.cache_resource(max_entries=256, show_spinner=False, hash_funcs={PatientScan: attrgetter("scan_id")})
def _pictures(
    *,
    home_path: str,
    study_id: str,
    snapshot_id: str,
    run_id: str | None,
    scan: PatientScan,  # noqa: ARG001 - the key of the scan in memory
    lesion: str,
    _opened: OpenScan,
) -> tuple[NetworkPicture, ...]:
    """Pictures of one lesion."""
    plan = _plan(home_path, study_id, snapshot_id, run_id)
    return engine.network_pictures(cohort(home_path, study_id, snapshot_id), _opened, lesion, plan)


def _run_id(page: PageContext) -> str | None:
    """The run the address names, else the newest."""
    runs = {
        run.run_id[:SNAPSHOT_LETTERS]: run.run_id for run in reading.known_runs(page.home_path, page.study.snapshot_id)
    }
    if not runs:
        return None
    newest = next(iter(runs))
    return runs.get(address.parameters().get("run", newest), runs[newest])


def _figure(picture: NetworkPicture, plan: SliceImagePlan, lesion: str) -> str:
    name, mark = _NAMES[picture.variant], _COLOURS[picture.variant]
    if picture.pixels is None:
        body = f'<div class="none">{html.escape(picture.reason or "")}</div>'
        return f'<figure style="--mark:{mark}">{body}<figcaption><b>{name}</b></figcaption></figure>'
    shown = "outline filled with white" if picture.variant is Variant.BINARY else "densities"
    window = "" if picture.variant is Variant.BINARY else f", W {plan.window.width_hu:g} L {plan.window.level_hu:g}"
    words = f"{picture.side_mm:.0f} × {picture.side_mm:.0f} mm{window}"
    description = html.escape(f"{name} of lesion {lesion}: {shown}, {words}, black outside.")
    image = Image.fromarray((picture.pixels * 255).round().astype("uint8"), mode="L")
    file = io.BytesIO()
    image.save(file, "PNG")
    source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    return (
        f'<figure style="--mark:{mark}"><img src="{source}" alt="{description}">'
        f"<figcaption><b>{name}</b><br>{words}</figcaption></figure>"
    )


def _origin(plan: PicturePlan, made: tuple[NetworkPicture, ...]) -> str:
    """Whose settings made the pictures, and whether they were really used."""
    size = f"{plan.plan.input_px} × {plan.plan.input_px} pixels, for {plan.encoder}, before its own normalisation."
    if plan.run_id is None:
        return f"{size} No run has been made on these data; these are the default settings."
    run = plan.run_id[:SNAPSHOT_LETTERS]
    weeks = sorted({week for picture in made for week in picture.weeks})
    if not weeks:
        return f"{size} Made with the settings of run {run}, which did not use this scan."
    named = ", ".join(week_number(week) for week in weeks)
    return f"{size} Run {run} used this scan at week {named}."
