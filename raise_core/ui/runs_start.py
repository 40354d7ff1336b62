"""Starting a run: what is asked for, what of it is kept already, how long the rest takes, and the button."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.errors import BadUsageError
from raise_core.domain.marker_name import DEEP_VARIANTS
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.figures import numbers
from raise_core.figures.identity import encoder_name, endpoint_name
from raise_core.jobs import raise_job
from raise_core.jobs.encoders import QUICKEST, own_input_px
from raise_core.jobs.estimate import Estimate
from raise_core.studies import raise_protocol
from raise_core.studies.overview import main_endpoint
from raise_core.studies.raise_choice import models_for, offered_variants, usual_weeks
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.run_record import RunRecord
from raise_core.ui import address, run_request, runs_reading
from raise_core.ui.navigation import CINDEX
from raise_core.ui.plain_text import plain
from raise_core.ui.run_request import Wish
from raise_core.ui.shell import PageContext

MOST_SPLITS = 500


def form(page: PageContext) -> Wish[RaiseSettings] | None:
    """The controls; None, with the reason on the page, when nothing can be asked for."""
    source = page.whole_source()
    variants = offered_variants(source.cohort)
    endpoint = main_endpoint(source)
    if not variants or endpoint is None:
        lacks = "no CT scan with an annotated lesion" if not variants else "no outcomes"
        st.info(
            f"This study has {lacks}, so there is nothing to train networks on. Marker models need no run. "
            "Import scans.csv, masks.csv and outcomes.csv to change that.",
            icon=":material/image_not_supported:",
        )
        return None
    try:
        return _controls(page, source, variants, endpoint)
    except BadUsageError as error:
        st.warning(plain(str(error)), icon=":material/help:")
        return None


def _controls(page: PageContext, source: MarkerSource, variants: tuple[str, ...], main: str) -> Wish[RaiseSettings]:
    left, right = st.columns(2)
    across = st.container()
    lower_left, lower_right = st.columns(2)
    more = st.expander("More settings", icon=":material/tune:")
    with more:
        first, second, third = st.columns(3)
    with first:
        endpoint = address.select(
            "Outcome",
            {name: endpoint_name(name) for name in sorted(source.cohort.outcomes["endpoint"].unique())},
            key="endpoint",
            default=main,
            help="What the networks learn to predict.",
        )
    usual = [f"{week:g}" for week in usual_weeks(source, endpoint)]
    with left:
        weeks = address.multiselect(
            f"Visits ({page.unit.value})",
            {code: page.unit.write(float(code)) for code in usual},
            key="weeks",
            default=usual,
            accept_new=True,
            help="Networks are trained for the patients still at risk at each visit. Other weeks can be typed.",
        )
    with right:
        encoder = _encoder()
    with across:
        chosen = address.multiselect(
            "What the networks see",
            {name: _shown(name) for name in variants},
            key="images",
            default=variants,
            help="The lesion itself, its outline only, or the whole liver; on portal or arterial CT.",
        )
    with lower_right:
        device = run_request.device()
    with lower_left:
        splits = address.slider(
            "Monte Carlo splits",
            key="splits",
            minimum=2,
            maximum=MOST_SPLITS,
            default=raise_protocol.SPLITS,
            step=1,
            help="How often patients are divided anew into training and test; the paper has 100.",
        )
    with second:
        share = address.slider(
            "Share of patients in training",
            key="train",
            minimum=0.5,
            maximum=0.9,
            default=raise_protocol.TRAIN_FRACTION,
            step=0.05,
            help="The rest is tested.",
        )
        window = address.slider(
            "Scans may be so old (weeks)",
            key="window",
            minimum=1,
            maximum=26,
            default=8,
            step=1,
            help="The latest scan within so many weeks before the visit counts.",
        )
    with third:
        tolerance = address.slider(
            "Visits may be so late (weeks)",
            key="late",
            minimum=0,
            maximum=4,
            default=1,
            step=1,
            help="Patients must be event-free until then.",
        )
        seed = address.text("Random seed", key="seed", default="0", help="The same seed gives the same result.")
    with first:
        pixels = address.text(
            "Picture size (pixels)",
            key="px",
            default="",
            help=f"Side of the pictures; empty for the encoder's own ({own_input_px(encoder)}).",
        )
    settings = RaiseSettings(
        weeks=tuple(sorted({run_request.number(week, "Visits") for week in weeks})),
        models=models_for(source, chosen),
        encoder=encoder,
        endpoint=endpoint,
        splits=int(splits),
        train_fraction=round(share, 2),
        seed=run_request.whole(seed, "Random seed", least=0),
        window_weeks=window,
        tolerance_weeks=tolerance,
        input_px=run_request.whole(pixels, "Picture size", least=16) if pixels else None,
    )
    return Wish(raise_job.NAME, settings, device)


def _shown(variant: str) -> str:
    """An image variant, short enough for six to stand in a row: 'lesion outline only, portal'."""
    return DEEP_VARIANTS[variant].removeprefix("Deep learning, ").removesuffix(" phase")


def _encoder() -> str:
    statuses = {status.name: status for status in runs_reading.encoder_statuses()}
    ready = [name for name, status in statuses.items() if status.available]
    labels = {
        name: f"{encoder_name(name)}{'' if status.available else ' (weights are not on this machine)'}"
        for name, status in statuses.items()
    }
    preferred = (raise_protocol.ENCODER, QUICKEST, *ready, raise_protocol.ENCODER)
    default = next(name for name in preferred if name in ready or not ready)
    return address.select(
        "Image encoder",
        labels,
        key="encoder",
        default=default,
        help="The network that turns each picture into numbers. The paper used ResNet50. Results name their encoder.",
    )


def estimate_and_start(page: PageContext, wish: Wish[RaiseSettings] | None, *, place: DeltaGenerator) -> None:
    """What the wish needs, how long it takes, and the button that starts it."""
    run_request.offer(page, wish, needed=runs_reading.needed, say_needs=_needs, results=CINDEX, place=place)


def _needs(found: Estimate) -> None:
    work = found.work
    if work.pictures_kept is None:
        pictures = "how many are kept is known once the encoder's weights are here"
    elif work.pictures_kept == work.pictures:
        pictures = "all kept from earlier runs"
    else:
        pictures = f"{work.pictures_kept:,} kept, {work.pictures - work.pictures_kept:,} to make"
    if work.networks_kept is None:
        networks = "how many are kept is known once the pictures are made"
    else:
        networks = f"{work.networks_kept} kept, {work.networks - work.networks_kept} to train"
    fewest, most = min(work.patients_by_week.values()), max(work.patients_by_week.values())
    patients = f"{most} patients" if fewest == most else f"{fewest} to {most} patients"
    st.markdown(
        f"Needs **{work.pictures:,} pictures** ({pictures}) and **{work.networks} sets of networks** ({networks}); "
        f"{patients} are at risk at each visit."
    )
    run_request.say_time(found.seconds, measured=found.measured)
    if work.weights_missing is not None:
        st.warning(
            "The weights of this encoder are not on this machine. The run tries to get them from their publisher and "
            "stops at once, saying so, if it cannot.",
            icon=":material/download:",
        )
        with st.expander("How to bring the weights here", icon=":material/help:"):
            st.markdown(plain(work.weights_missing))


def run_again(page: PageContext, record: RunRecord) -> None:
    """Ask for a run as it was, with the settings that the form does not show and on the data it was made from."""
    run_request.ask_for(page, Wish(raise_job.NAME, record.settings, "auto"), snapshot_id=record.snapshot_id)


def again(record: RunRecord) -> dict[str, str]:
    """Parameters of the address that fill the form with a run's settings."""
    settings = record.settings
    return {
        "endpoint": settings.endpoint,
        "weeks": address.BETWEEN.join(numbers.week(week) for week in settings.weeks),
        "images": address.BETWEEN.join(record.variants),
        "encoder": settings.encoder,
        "splits": f"{settings.splits}",
        "train": f"{settings.train_fraction:g}",
        "window": f"{settings.window_weeks:g}",
        "late": f"{settings.tolerance_weeks:g}",
        "seed": f"{settings.seed}",
        **({"px": f"{settings.input_px}"} if settings.input_px else {}),
    }
