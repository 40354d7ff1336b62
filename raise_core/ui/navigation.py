"""The pages there are, grouped by the question a user comes with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import streamlit as st

from raise_core.store.saved_views import SavedView
from raise_core.ui import address
from raise_core.ui.plain_text import plain


@dataclass(frozen=True)
class Page:
    """One page of the dashboard.

    Attributes:
        file: script, relative to the folder of app.py.
        name: name in the sidebar.
        icon: Material icon.
        question: what it answers.
        holds: what is found there, under the question on the home page.
        help: how to read it, behind the sign beside its title.
        group: the question it belongs to; empty for home.
        shows_run: whether it shows outputs of a run, so that a link must say which.
    """

    file: str
    name: str
    icon: str
    question: str
    holds: str
    help: str
    group: str = ""
    shows_run: bool = False


_ROOT = Path(__file__).resolve().parents[2]
WHO, PREDICTS, WHY, DATA = "Who are they?", "Does it predict?", "Why?", "Data and runs"
HOME = Page(
    "app.py",
    "Home",
    ":material/home:",
    "What is this, and where do I find what?",
    "The study in a few numbers",
    "Study, patients and unit of time chosen at the left hold for every page. The address bar carries the view: a link "
    "opens the same picture.",
)
COHORT = Page(
    "pages/cohort.py",
    "Cohort",
    ":material/groups:",
    "Who are these patients?",
    "Flow through the study, characteristics, markers by arm, saved cohorts",
    "Everything here counts the patients chosen at the left. Tables can be downloaded and pasted into Word.",
    WHO,
)
PATIENT = Page(
    "pages/patient.py",
    "Patient",
    ":material/person:",
    "How did this patient do?",
    "Course, scans, and the models' risk at each visit",
    "One patient from baseline to the last visit. The risk is out of sample: from models that were not trained on this "
    "patient. Not for decisions on care.",
    WHO,
    shows_run=True,
)
RESPONSE = Page(
    "pages/response.py",
    "Response",
    ":material/monitoring:",
    "How did the tumours respond?",
    "Best change, course and time on study by RECIST; growth rate, spread between lesions",
    "Responses are read from the measured diameters, not taken from a reader’s forms. Click a patient in a picture to "
    "open the patient’s page.",
    WHO,
)
CINDEX = Page(
    "pages/cindex.py",
    "C-index by week",
    ":material/stacked_line_chart:",
    "Would an earlier scan have told us?",
    "C-index by visit of images, size, CgA and any other marker",
    "The c-index is the share of patient pairs that a model ranks correctly: 0.5 is chance, 1 is perfect. Where "
    "whiskers overlap much, models have not been shown to differ.",
    PREDICTS,
    shows_run=True,
)
INDIVIDUAL = Page(
    "pages/individual.py",
    "What if",
    ":material/tune:",
    "What if this patient’s values were others?",
    "Predicted survival for any values of size, CgA and other markers",
    "A Cox model fitted on the patients shown. Move a value: the curve, its interval and the place among the patients "
    "follow. The model is not validated on others. Not for decisions on care.",
    PREDICTS,
)
SURVIVAL = Page(
    "pages/survival.py",
    "Survival",
    ":material/timeline:",
    "How long without the event, and in whom?",
    "Kaplan–Meier curves by arm, marker or risk, with thresholds you can move",
    "Each step down is an event; ticks are patients last seen without one. Numbers under the axis are the patients "
    "still followed. A threshold you drag was chosen by looking: its p-value is adjusted for that.",
    PREDICTS,
    shows_run=True,
)
PRRT = Page(
    "pages/prrt.py",
    "PRRT models",
    ":material/hub:",
    "Who stays free of progression for a year?",
    "Models of PET, CT and laboratory values before treatment, side by side",
    "AUROC is the chance that a patient with long progression-free survival is ranked before one with short: 0.5 is a "
    "coin. Every prediction shown comes from models that were not trained on that patient.",
    PREDICTS,
    shows_run=True,
)
LABS = Page(
    "pages/labs.py",
    "Lab importance",
    ":material/science:",
    "Which laboratory values matter?",
    "Importance of each laboratory value, its direction and hazard ratio, at any week",
    "Importance is how much worse a model predicts patients it has not seen when one laboratory value is shuffled "
    "among them. It says what the model uses, not what causes progression.",
    WHY,
)
ATTENTION = Page(
    "pages/attention.py",
    "Attention",
    ":material/visibility:",
    "What did the network look at?",
    "Saliency of PET, CT and lesion crops; principal components of the image features",
    "Bright voxels are those whose change would move the network’s answer most. A map shows what the network used, "
    "not what is true of the tumour.",
    WHY,
    shows_run=True,
)
RUNS = Page(
    "pages/runs.py",
    "Runs",
    ":material/play_circle:",
    "What is running?",
    "Start, watch, stop and compare runs",
    "Work goes on in a process of its own: closing the browser or restarting the dashboard loses nothing.",
    DATA,
)
CACHE = Page(
    "pages/cache.py",
    "Cache",
    ":material/inventory_2:",
    "What is kept, and is it whole?",
    "Sizes, verification, cleaning up",
    "Imported data are never removed here; what can be computed again may be.",
    DATA,
)
PAGES: tuple[Page, ...] = tuple(
    page
    for page in (HOME, COHORT, PATIENT, RESPONSE, CINDEX, SURVIVAL, INDIVIDUAL, PRRT, LABS, ATTENTION, RUNS, CACHE)
    if (_ROOT / page.file).is_file()
)
CARRIED = ("study", "snapshot", "filter", "time")
"""Parameters every page knows: what is looked at stays chosen when the page changes."""


def target(page: Page, **parameters: str) -> dict[str, str]:
    """Parameters of a link to a page: those every page knows, and `parameters`."""
    known = address.parameters()
    kept = {key: known[key] for key in CARRIED if key in known}
    return address.link_parameters(page.file, kept | parameters)


def link(page: Page, label: str, *, icon: str | None = None, **parameters: str) -> None:
    """A link to another page that keeps study, snapshot, filter and time unit."""
    st.page_link(page.file, label=label, icon=icon or page.icon, query_params=target(page, **parameters))


def go(page: Page, **parameters: str) -> None:
    """Open another page now, keeping study, snapshot, filter and time unit."""
    st.switch_page(page.file, query_params=target(page, **parameters))


def saved_view_link(view: SavedView) -> None:
    """A link that opens a saved view, on the page it was saved on."""
    names = {known.file: known.name for known in PAGES}
    file = view.page if view.page in names else HOME.file
    st.page_link(
        file,
        label=plain(view.name or view.view_id),
        icon=":material/bookmark:",
        query_params=address.link_parameters(file, dict(parse_qsl(view.query, keep_blank_values=True))),
        help=f"{names.get(view.page, view.page)}, study {view.study_id}, saved {view.created_at[:10]} by "
        f"{view.created_by}; id {view.view_id}",
    )


def draw_navigation() -> None:
    """Links to every page; what is looked at stays chosen."""
    group = ""
    for page in PAGES:
        if page.group != group:
            group = page.group
            st.markdown(f"**{group}**")
        st.page_link(page.file, label=page.name, icon=page.icon, width="stretch", query_params=target(page))
