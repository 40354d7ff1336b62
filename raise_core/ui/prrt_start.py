"""Starting a PRRT run: which models, how often divided, what of it is kept already, how long the rest takes."""

from __future__ import annotations

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.errors import BadUsageError
from raise_core.domain.fusion_model import Head, ModelInput, parse_fusion_model
from raise_core.figures.fusion_marks import fusion_name
from raise_core.figures.identity import endpoint_name
from raise_core.jobs import prrt_job
from raise_core.jobs.accelerator import graphics_card
from raise_core.jobs.prrt_estimate import PrrtEstimate
from raise_core.studies import prrt_protocol
from raise_core.studies.overview import main_endpoint
from raise_core.studies.prrt_material import offered_models
from raise_core.studies.prrt_settings import PrrtSettings
from raise_core.ui import address, run_request, runs_reading
from raise_core.ui.navigation import PRRT
from raise_core.ui.plain_text import plain
from raise_core.ui.run_request import Wish
from raise_core.ui.shell import PageContext

MOST_REPEATS = 20


def form(page: PageContext) -> Wish[PrrtSettings] | None:
    """The controls; None, with the reason on the page, when nothing can be asked for."""
    source = page.whole_source()
    seven = [parse_fusion_model(text) for text in prrt_protocol.DEFAULT_MODELS]
    offered = offered_models(source.cohort, [*seven, *(model.with_cox_head for model in seven)])
    main = main_endpoint(source)
    if not offered or main is None:
        lacks = "neither PET, CT nor laboratory values before treatment" if not offered else "no outcomes"
        st.info(
            f"This study has {lacks}, so these models cannot be trained. Import scans.csv (modality PT or CT), "
            "labs.csv and outcomes.csv to change that.",
            icon=":material/image_not_supported:",
        )
        return None
    try:
        return _controls(page, tuple(model.text for model in offered), main)
    except BadUsageError as error:
        st.warning(plain(str(error)), icon=":material/help:")
        return None


def _controls(page: PageContext, offered: tuple[str, ...], main: str) -> Wish[PrrtSettings]:
    usual = tuple(text for text in offered if parse_fusion_model(text).head is Head.CLASS)
    models = address.multiselect(
        "Models",
        {text: fusion_name(text) for text in offered},
        key="fusion",
        default=usual,
        help="What each model is shown. Censoring-aware models predict the hazard of progression, so that nobody "
        "without a class is lost; the others tell long from short progression-free survival.",
    )
    left, right = st.columns(2)
    with left:
        repeats = address.slider(
            "Repeats for models with images",
            key="repeats",
            minimum=1,
            maximum=MOST_REPEATS,
            default=prrt_protocol.NETWORK_REPEATS,
            step=1,
            help="How often patients are divided anew into folds; each repeat trains every network once a fold.",
        )
    with right:
        device = run_request.device()
    with st.expander("More settings", icon=":material/tune:"):
        first, second, third = st.columns(3)
        with first:
            endpoint = address.select(
                "Outcome",
                {
                    name: endpoint_name(name)
                    for name in sorted(page.whole_source().cohort.outcomes["endpoint"].unique())
                },
                key="endpoint",
                default=main,
                help="What divides patients into long and short at one year.",
            )
            folds = address.slider(
                "Folds", key="folds", minimum=2, maximum=10, default=prrt_protocol.FOLDS, step=1,
                help="Parts the patients are divided into; each is left out of training once.",
            )  # fmt: skip
        with second:
            lab_repeats = address.slider(
                "Repeats for laboratory values alone", key="lab_repeats", minimum=1, maximum=50,
                default=prrt_protocol.LAB_REPEATS, step=1, help="Forests are quick, so more repeats cost little.",
            )  # fmt: skip
            side = address.select(
                "Voxels a side",
                {"32": "32", "48": "48", "64": "64", "96": "96"},
                key="side",
                default="48",
                help="Resolution at which networks see PET and CT. More than 48 is meant for a graphics card.",
            )
        with third:
            seed = address.text("Random seed", key="seed", default="0", help="The same seed gives the same result.")
    settings = PrrtSettings(
        models=models,
        endpoint=endpoint,
        folds=int(folds),
        lab_repeats=int(lab_repeats),
        network_repeats=int(repeats),
        seed=run_request.whole(seed, "Random seed", least=0),
        side_voxels=int(side),
        ct_form="volume" if device != "cpu" and graphics_card() is not None else "slices",
    )
    return Wish(prrt_job.NAME, settings, device)


def estimate_and_start(page: PageContext, wish: Wish[PrrtSettings] | None, *, place: DeltaGenerator) -> None:
    """What the wish needs, how long it takes, and the button that starts it."""
    if wish is None:
        return
    say_needs = partial(_needs, settings=wish.settings)
    run_request.offer(page, wish, needed=runs_reading.needed_prrt, say_needs=say_needs, results=PRRT, place=place)


def _needs(found: PrrtEstimate, *, settings: PrrtSettings) -> None:
    work = found.work
    patients = " and ".join(
        f"**{count} patients** ({'with a class' if head is Head.CLASS else 'censored or not'})"
        for head, count in work.patients.items()
    )
    parts = []
    if work.images:
        parts.append(f"{work.images} pairs of PET and CT ({_kept(work.images, work.images_kept)})")
    if work.scans_read:
        parts.append(
            f"{work.scans_read} CT read by the pretrained network ({_kept(work.scans_read, work.scans_read_kept)})"
        )
    if work.folds:
        parts.append(f"{work.folds} sets of networks ({_kept(work.folds, work.folds_kept)})")
    st.markdown(f"For {patients}: {'; '.join(parts) or 'forests on laboratory values only'}.")
    if work.excluded:
        st.caption("Left out: " + "; ".join(f"{reason}: {count}" for reason, count in work.excluded.items()) + ".")
    run_request.say_time(found.seconds, measured=found.measured)
    if work.weights_missing is not None:
        st.warning(
            "The weights of the pretrained CT network are not on this machine: models with pretrained CT cannot run.",
            icon=":material/download:",
        )
        with st.expander("How to bring the weights here", icon=":material/help:"):
            st.markdown(plain(work.weights_missing))
        without = [text for text in settings.models if ModelInput.CT_PRETRAINED not in parse_fusion_model(text).inputs]
        if without:
            st.caption(f"Without them, these can run: {', '.join(fusion_name(text) for text in without)}.")


def _kept(needed: int, kept: int) -> str:
    if kept == needed:
        return "all kept"
    return f"{kept} kept, {needed - kept} to make" if kept else "all to make"
