"""Tables of the attention page: shares and checks by image and method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raise_core.domain.attention_results import AttentionShare, AttributionMethod, Estimate, RandomisationCheck
from raise_core.figures import numbers
from raise_core.figures.attention_words import IMAGE_NAMES, METHOD_NAMES, share_percent
from raise_core.figures.table_export import Origin, PrintedTable, TableRow

COLUMNS = (
    "Model", "Image", "Method", "Patients", "Inside lesions", "Lesions of body", "Lesions of brightness",
    "Times even spreading", "Times brightness", "Correlation with shuffled weights", "With its sign",
    "Structural similarity", "Between trained networks", "Check",
)  # fmt: skip

CHECK_NOTE = (
    "Check: rank correlation of amounts with maps of the network with shuffled weights under 0.5 (after Adebayo et al. "
    "2018)."
)


@dataclass(frozen=True)
class ShareLine:
    """One row: what was found for a model, image and method; None where it cannot be made."""

    model_name: str
    image: str
    method: AttributionMethod
    share: AttentionShare | None
    check: RandomisationCheck | None


def share_table(lines: Sequence[ShareLine], origin: Origin) -> PrintedTable:
    """Shares of attribution inside lesions, and the model-randomisation check."""
    return PrintedTable(
        title="How much of what moved the network lies inside marked lesions",
        columns=COLUMNS,
        rows=tuple(TableRow(_cells(line)) for line in lines),
        notes=(
            "Shares of absolute attribution within the body; mean over patients (95 % percentile bootstrap interval).",
            CHECK_NOTE,
        ),
        origin=origin,
    )


def _cells(line: ShareLine) -> tuple[str | int | None, ...]:
    share, check = line.share, line.check
    shares = (
        (None,) * 6
        if share is None
        else (
            share.patients, _percent(share.share), _percent(share.lesion_of_body), _percent(share.brightness),
            _ratio(share.times_even), _ratio(share.times_brightness),
        )
    )  # fmt: skip
    checks = (
        (None,) * 5
        if check is None
        else (
            _ratio(check.correlation), _ratio(check.signed), _ratio(check.similarity),
            numbers.MISSING if check.repeatability is None else numbers.decimal(check.repeatability, 2),
            "passed" if check.passed else "failed",
        )
    )  # fmt: skip
    return (line.model_name, IMAGE_NAMES[line.image], METHOD_NAMES[line.method], *shares, *checks)


def _percent(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return share_percent(found.value)
    low = share_percent(found.low).removesuffix(" %")
    return f"{share_percent(found.value)} ({low}–{share_percent(found.high)})"


def _ratio(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return numbers.decimal(found.value, 2)
    ends = f"{numbers.decimal(found.low, 2)} to {numbers.decimal(found.high, 2)}"
    return f"{numbers.decimal(found.value, 2)} ({ends})"
