"""What a study's own data let a RAISE run be asked for: image variants, and the models that go with them."""

from __future__ import annotations

from collections.abc import Sequence

from raise_core.domain.cohort import Cohort
from raise_core.domain.errors import NotInStoreError
from raise_core.domain.marker_name import DEEP_VARIANTS, Model, parse_model
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.imaging.plan import Variant
from raise_core.studies import raise_protocol
from raise_core.studies.questions import offered_weeks
from raise_core.studies.raise_images import split_variant


def offered_variants(cohort: Cohort) -> tuple[str, ...]:
    """Image variants of which the study has at least one annotated CT scan."""
    masks = cohort.masks
    annotated = cohort.scans[
        (cohort.scans["modality"] == "CT")
        & cohort.scans["scan_id"].isin(masks.loc[masks["kind"] == "lesion", "scan_id"])
    ]
    with_liver = annotated[annotated["scan_id"].isin(masks.loc[masks["kind"] == "liver", "scan_id"])]
    offered = []
    for name in DEEP_VARIANTS:
        shown, phase = split_variant(name)
        scans = with_liver if shown is Variant.LIVER else annotated
        if (scans["phase"] == phase).any():
            offered.append(name)
    return tuple(offered)


def models_for(source: MarkerSource, variants: Sequence[str]) -> tuple[str, ...]:
    """The paper's models that need no other images than these and no marker that the study lacks."""
    models = [parse_model(text) for text in raise_protocol.DEFAULT_MODELS]
    return tuple(model.text for model in models if set(model.deep_variants) <= set(variants) and _has(source, model))


def usual_weeks(source: MarkerSource, endpoint: str) -> tuple[float, ...]:
    """The paper's weeks, where the study has visits then; else the study's own visits."""
    offered = offered_weeks(source, endpoint)
    return tuple(week for week in raise_protocol.WEEKS if week in offered) or offered


def _has(source: MarkerSource, model: Model) -> bool:
    try:
        for marker in model.markers:
            source.require(marker)
    except NotInStoreError:
        return False
    return True
