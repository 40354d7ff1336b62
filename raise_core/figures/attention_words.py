"""What is said of the maps: the headline, what was explained, whether they pass their checks, footnotes."""

from __future__ import annotations

from raise_core.domain.attention_results import AttentionShare, AttributionMethod, Estimate, RandomisationCheck
from raise_core.figures import numbers

METHOD_NAMES = {
    AttributionMethod.INTEGRATED: "Integrated gradients",
    AttributionMethod.GRAD_CAM: "Grad-CAM",
}
IMAGE_NAMES = {"pet": "PET", "ct": "CT"}
COARSE_GRAD_CAM = (
    "Grad-CAM is computed on a coarse grid (a few voxels a side) and blown up: it says which region, not which lesion."
)


def share_percent(value: float) -> str:
    """A share with as many digits as it can bear: 12 %, 1.4 %, 0.08 %."""
    percent = 100 * value
    digits = 0 if percent >= 10 else 1 if percent >= 1 else 2
    return f"{percent:.{digits}f} %"


def interval(found: Estimate, *, percent: bool) -> str:
    """'95 % CI 9–15 %'; empty where there is none."""
    if found.low is None or found.high is None:
        return ""
    if percent:
        return f"95 % CI {share_percent(found.low).removesuffix(' %')}–{share_percent(found.high)}"
    return f"95 % CI {_times(found.low)}–{_times(found.high)}"


def headline(share: AttentionShare, *, image: str, believed: bool = True) -> str:
    """How much of what moved the network lies in lesions, beside what would be there anyway.

    Args:
        share: over the patients shown.
        image: 'pet' or 'ct'.
        believed: whether the maps passed the check; where not, that is said and nothing is concluded.
    """
    name = IMAGE_NAMES[image]
    times = share.times_even.value
    compared = f"{_times(times)} times as much as if it were spread evenly"
    sentence = (
        f"{share_percent(share.share.value)} of what moved the {name} branch lies inside marked lesions, which fill "
        f"{share_percent(share.lesion_of_body.value)} of the body: {compared} ({_joined(share)})."
    )
    if not believed:
        return f"{sentence} But these maps fail their check (below): do not read them as what was learnt."
    return f"{sentence} {brightness_sentence(share, image=image)}"


def _joined(share: AttentionShare) -> str:
    parts = [interval(share.times_even, percent=False), f"{share.patients} patients"]
    return "; ".join(part for part in parts if part)


def brightness_sentence(share: AttentionShare, *, image: str) -> str:
    """Whether the map does more than follow brightness."""
    what = "tracer uptake" if image == "pet" else "density"
    held = f"Lesions hold {share_percent(share.brightness.value)} of the {what} itself"
    low, high = share.times_brightness.low, share.times_brightness.high
    if low is None or high is None:
        return f"{held}."
    if low > 1:
        return f"{held}, so the network looks at them more than their brightness explains."
    if high < 1:
        return f"{held}, so a map that only follows brightness would point at them more."
    return f"{held}, so brightness alone may explain it."


def verdict(check: RandomisationCheck) -> str:
    """Whether shuffling the weights changed the maps, in plain words."""
    value = numbers.decimal(check.correlation.value, 2)
    start = f"Rank correlation with the maps of a network with shuffled weights: {value}"
    ends = interval_words(check.correlation)
    again = (
        ""
        if check.repeatability is None
        else f" Networks trained on other patients agree with each other at {check.repeatability:.2f}."
    )
    if check.passed:
        return (
            f"Check passed. {start}{ends}, under {check.limit:g}: shuffling the weights changes the maps, as it must. "
            f"That alone does not make them right.{again}"
        )
    if check.correlation.value < check.limit:
        return (
            f"Check failed. {start}{ends}. Networks trained on other patients agree with each other no more than that "
            f"({numbers.decimal(check.repeatability, 2)}): what the maps show comes by chance of training."
        )
    signed = abs(check.signed.value)
    if signed < check.limit:
        return (
            f"Check failed. {start}{ends}, not under {check.limit:g}: where the map is strong is mostly given by the "
            f"image, not by what was learnt. Only its direction (raises or lowers the risk) changes with the weights "
            f"(rank correlation with sign {numbers.decimal(check.signed.value, 2)}).{again}"
        )
    return (
        f"Check failed. {start}{ends}, not under {check.limit:g}: an untrained network would give nearly the same "
        f"maps; do not read them as what the network learnt.{again}"
    )


def interval_words(found: Estimate) -> str:
    """' (95 % CI 0.10 to 0.20)'; empty where there is none."""
    if found.low is None or found.high is None:
        return ""
    return f" (95 % CI {numbers.decimal(found.low, 2)} to {numbers.decimal(found.high, 2)})"


def left_out(share: AttentionShare) -> str:
    """Who is not in the share; empty where everybody is."""
    parts = []
    if share.without_lesion:
        parts.append(f"{share.without_lesion} without a marked lesion")
    if share.without_attribution:
        parts.append(f"{share.without_attribution} whose networks do not use this image at all")
    return f"Left out of the share: {', '.join(parts)}." if parts else ""


def completeness_words(gap: float | None) -> str:
    """How well attributions add up to what they explain."""
    if gap is None:
        return ""
    size = "about" if gap < 0.5 else "as much as"
    return (
        "Attributions of all images should add up to the difference in risk between the scan and an empty scan; they "
        f"miss it by {size} {numbers.percent(gap)} (median over patients)."
    )


def footnote(
    share: AttentionShare | None, *, method: AttributionMethod, repeats: int, steps: int, run_id: str, snapshot_id: str
) -> str:
    """Method, networks, patients, run."""
    n = "" if share is None else f" n = {share.patients} patients with a marked lesion."
    networks = "one network" if repeats == 1 else f"{repeats} networks (one a repeat)"
    how = (
        f"Integrated gradients from an empty scan ({steps} points)"
        if method is AttributionMethod.INTEGRATED
        else "Grad-CAM of the last layer that still has a place, with its sign"
    )
    return (
        f"{how}, mean over {networks} that never saw the patient; drawn smoothed (SD 1 voxel), shares from unsmoothed "
        f"maps, of amounts within the body. 95 % percentile bootstrap over patients.{n} Run {run_id[:8]}, data "
        f"snapshot {snapshot_id[:8]}."
    )


def lesion_headline(share: AttentionShare, *, region: str) -> str:
    """How much of what moved the answer lies in the lesion, or in its rim."""
    times = share.times_even
    ends = _joined(share)
    if region == "liver":
        return (
            f"{share_percent(share.share.value)} of what moved the answer lies inside the lesion, which fills "
            f"{share_percent(share.lesion_of_body.value)} of the liver shown: {_times(times.value)} times as much as "
            f"if it were spread evenly ({ends})."
        )
    more = "more than" if (times.low or 0) > 1 else "less than" if (times.high or 2) < 1 else "about as much as"
    return (
        f"{share_percent(share.share.value)} of what moved the answer lies in the outer 3 mm of the lesion, which make "
        f"up {share_percent(share.lesion_of_body.value)} of its area: {more} its share ({_times(times.value)} times; "
        f"{ends})."
    )


def explained_path(agreement: float, encoder: str) -> str:
    """What the maps of lesions explain, and how far that is the run."""
    quality = "closely" if agreement >= 0.8 else "fairly" if agreement >= 0.6 else "only loosely"
    return (
        f"Explained is the way from the picture through {encoder} to a linear stand-in for the run’s networks, fitted "
        f"without the patient. It follows their out-of-sample risk {quality} (rank correlation {agreement:.2f}); what "
        "the networks do beyond that is not in the maps. The start is the same outline filled evenly with its mean "
        "density, so a map shows what the texture adds."
    )


def component_line(number: int, explained: float, correlation: float | None) -> str:
    """One component in a line."""
    risk = "relation to risk not known" if correlation is None else f"rank correlation with risk {correlation:.2f}"
    return f"Component {number}: {share_percent(explained)} of the spread of the image features; {risk}"


def _times(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
