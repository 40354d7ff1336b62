"""How the groups of a survival figure are called and drawn; arms keep their colours, a cut its two or three hues."""

from __future__ import annotations

from collections.abc import Sequence

from raise_core.domain.marker_name import parse_model, plain_column_name
from raise_core.domain.survival_report import GroupPart, SurvivalReport
from raise_core.figures.arm_marks import arm_marks
from raise_core.figures.identity import OTHER_HUES, Mark, model_name, short_model_name
from raise_core.figures.marker_axis import in_sentence, threshold_text

BELOW, BETWEEN, ABOVE = "#2F8F8F", "#8C7A2E", "#B0568C"
_CUT_COLOURS = {2: (BELOW, ABOVE), 3: (BELOW, BETWEEN, ABOVE)}
_DASHES = ("solid", "dash", "dashdot", "dot", "longdash", "longdashdot")
ARM = "arm"
_YES_NO = {"yes", "no"}


def group_name(parts: Sequence[GroupPart], *, is_risk: bool = False) -> str:
    """A group in words: 'Lanreotide', 'SLDr ≤ 1.10', 'Grade: G2, CgA > 36'.

    Args:
        parts: what its patients have in common.
        is_risk: whether a cut divides a model's risk.
    """
    return ", ".join(_part_name(part, is_risk=is_risk) for part in parts)


def _part_name(part: GroupPart, *, is_risk: bool) -> str:
    if part.above is None and part.up_to is None:
        if part.level in _YES_NO:
            return f"{plain_column_name(part.name)}: {part.level}"
        return part.level
    if is_risk:
        return {(True, False): "Lower risk", (False, True): "Higher risk"}.get(
            (part.above is None, part.up_to is None), "Middle risk"
        )
    name = short_model_name(part.name)
    if part.above is None:
        return f"{name} ≤ {threshold_text(part.up_to or 0.0)}"
    if part.up_to is None:
        return f"{name} > {threshold_text(part.above)}"
    return f"{name} {threshold_text(part.above)} to {threshold_text(part.up_to)}"


def group_names(report: SurvivalReport) -> tuple[str, ...]:
    """Every group of a report in words."""
    risky = any(cut.is_risk for cut in report.question.cuts)
    return tuple(group_name(parts, is_risk=risky) for parts in report.parts)


def divider_words(report: SurvivalReport) -> str:
    """What divides the patients, in words: 'treatment arm', 'risk by SLDr + change in log CgA'."""
    words = [in_sentence(plain_column_name(column)) for column in report.question.columns]
    words += [
        f"risk by {model_name(cut.model)}" if cut.is_risk else in_sentence(parse_model(cut.model).label)
        for cut in report.question.cuts
    ]
    return " and ".join(words)


def group_marks(
    report: SurvivalReport, *, study_arms: Sequence[str] = (), reference_arm: str | None = None
) -> tuple[Mark, ...]:
    """Colour and dash of every group.

    Args:
        report: the groups.
        study_arms: arms of the whole study, so that colours do not change hands when a filter leaves one out.
        reference_arm: the control arm.
    """
    names = group_names(report)
    arms = arm_marks(study_arms, reference=reference_arm)
    first = [parts[0] for parts in report.parts]
    firsts = list(dict.fromkeys(first))
    seconds = list(dict.fromkeys(parts[1] for parts in report.parts if len(parts) > 1))
    marks = []
    for name, parts in zip(names, report.parts, strict=True):
        place = firsts.index(parts[0])
        if parts[0].name == ARM and parts[0].level:
            colour, dash = arms[parts[0].level].colour, arms[parts[0].level].dash
        elif parts[0].level:
            colour, dash = OTHER_HUES[place % len(OTHER_HUES)], _DASHES[place % len(_DASHES)]
        else:
            colours = _CUT_COLOURS.get(len(firsts), (BELOW,))
            colour, dash = colours[place % len(colours)], _DASHES[place % len(_DASHES)]
        if seconds:
            dash = _DASHES[seconds.index(parts[1]) % len(_DASHES)]
        marks.append(Mark(colour, "line-ns", dash, name))
    return tuple(marks)
