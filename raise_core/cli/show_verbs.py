"""Verbs that look: show cohort, show markers, show cindex, show km, show importance, show prrt."""

from __future__ import annotations

from typing import Annotated

import typer

from raise_core.cli import context as call
from raise_core.cli import show_importance, show_km, show_prrt
from raise_core.cli.context import EndpointOption, StudyOption, week_list
from raise_core.cli.output import print_json, print_table, say, terminal_progress
from raise_core.domain.results import CindexReport, CindexSettings
from raise_core.figures import cindex_words, numbers
from raise_core.studies import overview, questions

show = typer.Typer(no_args_is_help=True, help="Look at a study: who, which markers, how well they predict.")


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    show.command("cohort")(cohort)
    show.command("markers")(markers)
    show.command("cindex")(cindex)
    show.command("km")(show_km.km)
    show.command("prrt")(show_prrt.prrt)
    show.command("importance")(show_importance.importance)
    app.add_typer(show, name="show")


def cohort(context: typer.Context, study: StudyOption) -> None:
    """Counts by arm, patients at risk by week, characteristics."""
    options = call.of(context)
    found = overview.cohort_overview(options.home, study)
    if options.json:
        print_json(found)
        return
    print_table("Patients", ["arm", "patients"], [[a.arm, a.patients] for a in found.arms])
    print_table(
        "Endpoints",
        ["endpoint", "arm", "patients", "events", "median follow-up (weeks)"],
        [[e.endpoint, e.arm, e.patients, e.events, _rounded(e.median_follow_up_weeks)] for e in found.endpoints],
    )
    print_table(
        "At risk, cumulative",
        ["endpoint", "week", "arm", "at risk", "censored", "events"],
        [
            [endpoint, r.week, r.arm, r.at_risk, r.censored, r.events]
            for endpoint, rows in found.at_risk.items()
            for r in rows
        ],
    )
    print_table(
        "Characteristics",
        ["characteristic", "arm", "value", "missing"],
        [[c.label, c.arm, _characteristic(c), c.missing] for c in found.characteristics],
    )
    print_table(
        "Scans",
        ["modality", "phase", "scans", "patients"],
        [[s.modality, s.phase, s.scans, s.patients] for s in found.scans],
    )


def _rounded(value: float | None) -> str | None:
    return None if value is None else f"{value:.0f}"


def _characteristic(row: overview.Characteristic) -> str:
    if row.mean is not None:
        return f"mean {row.mean:.1f}, median {row.median:.1f}, sd {row.sd or 0:.1f}"
    return ", ".join(f"{level} {count} ({numbers.percent(count / row.n)})" for level, count in row.levels.items())


def markers(context: typer.Context, study: StudyOption) -> None:
    """Which markers exist, at which weeks, how complete among patients at risk."""
    options = call.of(context)
    found = overview.marker_overview(options.home, study)
    if options.json:
        print_json(found)
        return
    rows = [
        [m.marker, m.label, ", ".join(f"{numbers.week(w.week)}: {w.with_value}/{w.at_risk}" for w in m.weeks)]
        for m in found.markers
    ]
    print_table(f"Markers of {study}", ["marker", "meaning", "week: patients with a value / at risk"], rows)


def cindex(
    context: typer.Context,
    study: StudyOption,
    model: Annotated[list[str], typer.Option(help="Markers joined by '+'; give the option again to compare.")],
    endpoint: EndpointOption = "PFS",
    weeks: Annotated[str | None, typer.Option(help="Landmark weeks; else the study's visit weeks.")] = None,
    splits: Annotated[int, typer.Option(min=2, help="Monte Carlo splits.")] = 100,
    train_fraction: Annotated[float, typer.Option(help="Share of patients in training.")] = 0.8,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    window: Annotated[float, typer.Option(help="How old a value may be, weeks.")] = 8.0,
    tolerance: Annotated[float, typer.Option(help="How late a visit may be, weeks.")] = 1.0,
    encoder: Annotated[str | None, typer.Option(help="Encoder of the run to use; else the newest matching.")] = None,
) -> None:
    """C-index by week over Monte Carlo splits, with corrected intervals and paired comparisons."""
    options = call.of(context)
    settings = CindexSettings(endpoint, splits, train_fraction, seed, window, tolerance)
    with terminal_progress() as progress:
        report = questions.cindex(
            options.home,
            study,
            model,
            settings,
            weeks=None if weeks is None else week_list(weeks),
            encoder=encoder,
            progress=progress,
        ).report
    if options.json:
        print_json(
            {
                "results": report.estimates,
                "comparisons": report.comparisons,
                "settings": report.settings,
                "provenance": report.provenance,
                "excluded": report.excluded,
                "n_study": report.n_study,
            }
        )
        return
    _print_cindex(report)


def _print_cindex(report: CindexReport) -> None:
    say("Simulated data" if report.provenance.simulated else f"Study {report.provenance.study_title}")
    print_table(
        "C-index by week (95 % interval with the corrected standard error)",
        ["model", "week", "n", "events", "c-index", "naive SE", "Uno's c (tau, weeks)", "not scored"],
        [
            [
                e.model,
                numbers.week(e.week),
                e.n,
                e.events,
                numbers.interval(e.mean, e.ci_low, e.ci_high),
                None if e.se_naive is None else f"{e.se_naive:.3f}",
                numbers.cindex(e.uno) + ("" if e.uno_tau_weeks is None else f" ({e.uno_tau_weeks:.0f})"),
                e.nan_splits,
            ]
            for e in report.estimates
        ],
    )
    if report.comparisons:
        print_table(
            "Paired differences on the same splits",
            ["week", "A", "B", "A − B", "p corrected", "p Holm"],
            [
                [
                    numbers.week(c.week),
                    c.model_a,
                    c.model_b,
                    numbers.difference(c.difference, c.ci_low, c.ci_high),
                    numbers.p_value(c.p_corrected),
                    numbers.p_value(c.p_holm),
                ]
                for c in report.comparisons
            ],
        )
    for sentence in cindex_words.warnings(report):
        say(sentence)
    say(cindex_words.footnote(report, naive_bars=False))
