"""A survival figure as a Python program that gives the same numbers from the same snapshot."""

from __future__ import annotations

from raise_core.domain.results import CindexSettings
from raise_core.domain.survival_question import ByColumn, Divider, SurvivalQuestion
from raise_core.domain.survival_results import IntervalScale

_HEAD = '''"""{title}"""

from raise_core.domain.survival_question import ByColumn, ByCut, SurvivalQuestion
from raise_core.domain.survival_results import IntervalScale
from raise_core.domain.week import LandmarkWeek
from raise_core.store.home import Home
from raise_core.studies.opening import default_home, open_study
from raise_core.studies.survival import survival_report
from raise_core.studies.survival_material import survival_material
'''
_FILTER_IMPORTS = """from raise_core.domain.cohort_filter import parse_filter
from raise_core.evaluation.cohort_filter import matching, restrict
from raise_core.evaluation.marker_values import MarkerSource
"""
_RISK_IMPORTS = """from raise_core.domain.results import CindexSettings
from raise_core.studies.patient import cohort_risks
from raise_core.studies.runs import load_predictions
"""
_PRINT = """
for group in report.comparison.groups:
    curve, median = group.curve, group.median_weeks
    print(f"{group.label}: n {curve.n}, events {curve.n_events}, median {median.value} ({median.low} to {median.high})")
    if report.comparison.horizon_weeks is not None:
        print(f"  without the event at week {report.comparison.horizon_weeks}: {group.at_horizon.value}")
for ratio in report.comparison.hazard_ratios:
    print(f"hazard ratio {ratio.group} v {ratio.reference}: {ratio.hr} ({ratio.ci_low} to {ratio.ci_high})")
print(f"log-rank chi-squared {report.comparison.log_rank.chi2}")
print(f"p {report.p.value} ({'adjusted' if report.p.is_adjusted else 'not adjusted'}) {report.p.reason}")
"""


def survival_recipe(
    question: SurvivalQuestion,
    *,
    study_id: str,
    snapshot_id: str,
    filter_text: str = "",
    scale: IntervalScale = IntervalScale.LOG_LOG,
    settings: CindexSettings | None = None,
    run_id: str | None = None,
    panels: str = "",
    horizon_weeks: float | None = None,
) -> str:
    """The program's text. It reads the home named by `RAISE_HOME`, else the folder `cache` beside `app.py`.

    Args:
        question: what was asked, with its thresholds.
        study_id: study.
        snapshot_id: data snapshot, so that newer data do not change the numbers.
        filter_text: cohort filter; empty for everybody.
        scale: of the curves' limits.
        settings: of the splits, where a model's held-out risk is cut.
        run_id: run whose networks the model uses.
        panels: column whose levels make panels; patients without it are left out.
        horizon_weeks: a time at which survival is wanted.
    """
    risky = [cut.model for cut in question.cuts if cut.is_risk]
    text = _HEAD.format(title=f"{question.endpoint} of study {study_id}, snapshot {snapshot_id}.")
    text += _FILTER_IMPORTS if filter_text else ""
    text += _RISK_IMPORTS if risky else ""
    text += f'\nhome = Home.at(default_home())\nsource = open_study(home, "{study_id}", "{snapshot_id}")\n'
    if filter_text:
        text += (
            f"chosen = parse_filter({filter_text!r})\n"
            "kept = matching(source, chosen).patient_ids\n"
            "source = MarkerSource(restrict(source.cohort, kept, chosen=chosen))\n"
        )
    text += f"question = {_question(question)}\n"
    risks = ""
    if risky:
        week = question.week.week if question.week is not None else 0.0
        deep = "None" if run_id is None else f'load_predictions(home, "{run_id}")'
        text += (
            f"settings = {settings or CindexSettings(endpoint=question.endpoint)!r}\n"
            f"deep = {deep}\n"
            "risks = {\n"
            f"    model: cohort_risks(source, model, weeks=[{week!r}], settings=settings, deep=deep)\n"
            f"    for model in {risky!r}\n"
            "}\n"
        )
        risks = ", risks=risks"
    columns = f", further_columns=({panels!r},)" if panels else ""
    text += f"material = survival_material(source, question{columns}{risks})\n"
    horizon = "" if horizon_weeks is None else f", horizon_weeks={horizon_weeks!r}"
    text += f'report = survival_report(material, question, scale=IntervalScale("{scale.value}"){horizon})\n'
    return text + _PRINT


def _question(question: SurvivalQuestion) -> str:
    dividers = ", ".join(_divider(one) for one in question.dividers)
    comma = "," if len(question.dividers) == 1 else ""
    week = "" if question.week is None else f", {question.week!r}"
    return f"SurvivalQuestion({question.endpoint!r}, ({dividers}{comma}){week})"


def _divider(divider: Divider) -> str:
    if isinstance(divider, ByColumn):
        return f"ByColumn({divider.column!r})"
    looked = ", by_looking=True" if divider.by_looking else ""
    return f"ByCut({divider.model!r}, {divider.thresholds!r}{looked})"
