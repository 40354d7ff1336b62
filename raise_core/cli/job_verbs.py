"""Running work as a terminal sees it: jobs list, show, cancel; the same ledger as the dashboard's."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from raise_core.cli import context as call
from raise_core.cli.output import plain, print_json, print_table, say
from raise_core.domain.job import Job
from raise_core.figures import durations, job_words
from raise_core.jobs import desk, log
from raise_core.jobs.estimate import remaining_in_stage
from raise_core.jobs.kinds import description_of, label_of

jobs = typer.Typer(no_args_is_help=True, help="Running and finished work: list, show, cancel.")

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="Job id, as listed by: jobs list.")]
SECONDS_TO_CANCEL = 10.0
TAIL_LINES = 20


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    jobs.command("list")(list_)
    jobs.command("show")(show)
    jobs.command("cancel")(cancel)
    app.add_typer(jobs, name="jobs")


def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
) -> None:
    """What waits and what runs, then what is over, newest first."""
    options = call.of(context)
    found = desk.look(options.home, limit=limit)
    if options.json:
        print_json({"jobs": [_document(job) for job in found]})
        return
    if not found:
        say("Nothing has been run in the background yet; start something on the dashboard's page Runs.")
        return
    print_table(
        "Jobs",
        ["job", "work", "study", "state", "progress", "asked for (UTC)", "by"],
        [
            [
                job.job_id,
                label_of(job),
                job.study_id,
                job_words.STATES[job.state],
                job_words.progress(job, *_left(job)),
                durations.moment(job.created_at),
                job.requested_by,
            ]
            for job in found
        ],
    )


def show(context: typer.Context, job: JobArgument) -> None:
    """One job: settings, progress, memory, how it ended, and the end of its log."""
    options = call.of(context)
    found = desk.find(options.home, job)
    lines = log.tail(options.home, found, lines=TAIL_LINES)
    if options.json:
        print_json({**_document(found), "log": lines})
        return
    rows: list[list[object]] = [
        ["work", label_of(found)],
        ["settings", description_of(found)],
        ["study", f"{found.study_id} {found.snapshot_id[:8]}"],
        ["state", job_words.STATES[found.state]],
        ["progress", job_words.progress(found, *_left(found))],
        ["computing on", found.device],
        ["memory", f"{durations.size(found.memory_bytes)}, at most {durations.size(found.peak_memory_bytes)}"],
        ["begun", f"{found.attempts} times"],
        ["asked for", f"{durations.moment(found.created_at)} UTC by {found.requested_by or 'somebody'}"],
        ["message", found.message],
        ["log", str(options.home.path / found.log_file) if found.log_file else None],
    ]
    print_table(f"Job {found.job_id}", ["", ""], rows)
    for line in lines:
        say(line)


def cancel(context: typer.Context, job: JobArgument) -> None:
    """Stop a job; what it has finished is kept. One that is over stays as it is."""
    options = call.of(context)
    before = desk.find(options.home, job)
    desk.cancel(options.home, job)
    after = desk.wait_until_over(options.home, job, seconds=SECONDS_TO_CANCEL)
    if options.json:
        print_json(_document(after))
        return
    if not before.state.is_open:
        say(f"Job {job} was over already: {before.state.value}.")
    elif after.state.is_open:
        say(f"Job {job} has been asked to stop and is still {after.state.value}; look again with: jobs show {job}")
    else:
        say(f"Job {job} is {after.state.value}. What it had finished is kept.")


def _document(job: Job) -> dict[str, Any]:
    document: dict[str, Any] = plain(job)
    span = remaining_in_stage(job)
    document["stage_remaining_seconds"] = None if span is None else [round(span.low, 1), round(span.high, 1)]
    return document


def _left(job: Job) -> tuple[float, float] | tuple[()]:
    span = remaining_in_stage(job)
    return () if span is None else (span.low, span.high)
