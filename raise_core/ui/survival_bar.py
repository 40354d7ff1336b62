"""What every figure of the survival page shares: the marks of its groups and its toolbar."""

from __future__ import annotations

from typing import Any

from raise_core.domain.survival_report import SurvivalReport
from raise_core.evaluation.arms import arms_of
from raise_core.figures.identity import Mark
from raise_core.figures.survival_marks import group_marks
from raise_core.figures.template import toolbar
from raise_core.ui.shell import PageContext


def report_marks(page: PageContext, report: SurvivalReport) -> tuple[Mark, ...]:
    """Name, colour and dash of every group; arms keep theirs whatever the filter leaves."""
    arms = arms_of(page.whole_source())
    return group_marks(report, study_arms=arms.compared, reference_arm=arms.reference)


def figure_bar(page: PageContext, name: str, *, picture_format: str = "png") -> dict[str, Any]:
    """Plotly's toolbar; the name of the picture says where the patients are not real."""
    badge = "simulated-" if page.study.simulated else ""
    return toolbar(f"{badge}{name}-{page.study.study_id}", picture_format=picture_format)
