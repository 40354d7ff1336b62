"""Verbs that make things: doctor, demo, import, run, serve."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from raise_core.cli import context as call
from raise_core.cli import run_prrt
from raise_core.cli.context import StudyOption, week_list
from raise_core.cli.output import print_json, print_table, say, terminal_progress
from raise_core.ingest.importer import ImportReport, import_study
from raise_core.jobs import desk
from raise_core.store.home import Home
from raise_core.studies import demonstration, health, raise_protocol
from raise_core.studies.raise_settings import RaiseSettings

demo = typer.Typer(no_args_is_help=True, help="Simulate a cohort with images and import it like anybody's files.")
run = typer.Typer(no_args_is_help=True, help="Extract, train, evaluate; resumes where it was stopped.")

SECONDS_BETWEEN_LOOKS = 10.0
DEFAULT_WEEKS = ",".join(f"{week:g}" for week in raise_protocol.WEEKS)
SeedOption = Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same result.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    app.command("doctor")(doctor)
    app.command("import")(import_)
    app.command("serve")(serve)
    demo.command("raise")(demo_raise)
    demo.command("prrt")(demo_prrt)
    run.command("raise")(run_raise_)
    run.command("prrt")(run_prrt.run_prrt_)
    demo.callback()(lambda: None)
    run.callback()(lambda: None)
    app.add_typer(demo, name="demo")
    app.add_typer(run, name="run")


def doctor(context: typer.Context) -> None:
    """Versions, device, encoder weights, studies with their current snapshot, cache size."""
    options = call.of(context)
    found = health.examine(options.home)
    if options.json:
        print_json(found)
        return
    print_table("Versions", ["package", "version"], list(found.versions.items()))
    print_table("Device", ["", ""], [["computing on", found.device], ["processors", found.processors]])
    print_table(
        "Encoder weights", ["encoder", "ready", "detail"], [[e.name, e.available, e.detail] for e in found.encoders]
    )
    print_table(
        "Studies",
        ["study", "title", "snapshot", "patients"],
        [[s.study_id, s.title, s.snapshot_id[:8], s.patients] for s in found.studies],
    )
    sizes = [[kind, f"{size / 1e6:.1f} MB"] for kind, size in found.bytes_by_kind.items()]
    print_table(f"Home {found.home}", ["kept", "size"], sizes)


def demo_raise(
    context: typer.Context,
    patients: Annotated[int, typer.Option(min=8, help="Patients to randomise.")] = 204,
    seed: SeedOption = 0,
) -> None:
    """A CLARINET-like trial with CT slabs, liver masks and lesion contours, as study demo-raise."""
    options = call.of(context)
    with terminal_progress() as progress:
        report = demonstration.make_raise(options.home, patients=patients, seed=seed, progress=progress)
    _print_import(report, as_json=options.json)


def demo_prrt(
    context: typer.Context,
    patients: Annotated[int, typer.Option(min=12, help="Patients; 42 of 116 progress within a year.")] = 116,
    seed: SeedOption = 0,
) -> None:
    """A cohort before 177Lu-PRRT with PET, CT, lesion masks and laboratory values, as study demo-prrt."""
    options = call.of(context)
    with terminal_progress() as progress:
        report = demonstration.make_prrt(options.home, patients=patients, seed=seed, progress=progress)
    _print_import(report, as_json=options.json)


def import_(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="Folder with the study's files.")],
    study: StudyOption,
    fmt: Annotated[Literal["auto", "tables"], typer.Option("--format", help="How the files are laid out.")] = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and report; the store stays as it is.")
    ] = False,
) -> None:
    """Validate a folder of files, then publish it as the study's new snapshot."""
    options = call.of(context)
    with terminal_progress() as progress:
        report = import_study(options.home, source, study, fmt=fmt, dry_run=dry_run, progress=progress)
    _print_import(report, as_json=options.json)


def _print_import(report: ImportReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    done = "would be published" if report.snapshot_id is None else f"is snapshot {report.snapshot_id[:8]}"
    print_table(
        f"Study {report.study_id} {done}", ["table", "rows"], [[name, count] for name, count in report.counts.items()]
    )
    for issue in report.issues:
        say(f"{issue}")


def run_raise_(
    context: typer.Context,
    study: StudyOption,
    weeks: Annotated[str, typer.Option(help="Visit weeks.")] = DEFAULT_WEEKS,
    models: Annotated[
        str, typer.Option(help="Models, separated by commas; their dl: markers say which networks are trained.")
    ] = ",".join(raise_protocol.DEFAULT_MODELS),
    encoder: Annotated[str, typer.Option(help="Image encoder.")] = raise_protocol.ENCODER,
    weights: Annotated[Path | None, typer.Option(help="File with the encoder's weights.")] = None,
    endpoint: Annotated[str, typer.Option(help="Outcome to predict.")] = raise_protocol.ENDPOINT,
    splits: Annotated[int, typer.Option(min=2, help="Monte Carlo splits.")] = raise_protocol.SPLITS,
    train_fraction: Annotated[float, typer.Option(help="Share of patients in training.")] = 0.8,
    seed: SeedOption = 0,
    window: Annotated[float, typer.Option(help="How old a scan or value may be, weeks.")] = 8.0,
    tolerance: Annotated[float, typer.Option(help="How late a visit may be, weeks.")] = 1.0,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to compute.")] = "auto",
) -> None:
    """RAISE: CT lesion slices, ResNet features, PCA, perceptron, progression-free survival."""
    from raise_core.studies.raise_run import run_raise  # torch with it: seconds that no other verb needs

    options = call.of(context)
    settings = RaiseSettings(
        weeks=week_list(weeks),
        models=tuple(filter(None, (model.strip() for model in models.split(",")))),
        encoder=encoder,
        endpoint=endpoint,
        splits=splits,
        train_fraction=train_fraction,
        seed=seed,
        window_weeks=window,
        tolerance_weeks=tolerance,
    )
    with terminal_progress() as progress:
        finished = run_raise(options.home, study, settings, device=device, weights_file=weights, progress=progress)
    if options.json:
        print_json(finished)
        return
    took = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in finished.seconds.items())
    say(f"Run {finished.run_id[:8]} on snapshot {finished.snapshot_id[:8]} is in the store ({took}).")
    if finished.failed_images:
        say(f"{finished.failed_images} images could not be used; see: show run")
    say(f"Look at it with: python -m raise_core show cindex --study {study} --model {raise_protocol.THREE_VARIABLE}")


def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
) -> None:
    """The dashboard, on this machine only (127.0.0.1), until stopped with Ctrl-C."""
    options = call.of(context)
    root = Path(__file__).resolve().parents[2]
    say(f"The dashboard is at http://127.0.0.1:{port} (Ctrl-C stops it).")
    command = [sys.executable, "-m", "raise_core.ui.server", str(root / "app.py"), "--server.port", str(port)]
    environment = demonstration.serving_environment(options.home)
    with subprocess.Popen(command, cwd=root, env=environment) as server:  # noqa: S603 - our own command
        try:
            exit_code = _look_after_jobs(options.home, server)
        except BaseException:  # Ctrl-C, which the server has got as well and had a moment to obey
            server.kill()
            raise
    raise typer.Exit(exit_code)


def _look_after_jobs(home: Home, server: subprocess.Popen[bytes]) -> int:
    """See to dead workers though nobody has the page Runs open, until the server ends; its exit code."""
    said = ""
    while True:
        try:
            return server.wait(SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            try:
                desk.look(home)
                said = ""
            except Exception as error:  # noqa: BLE001 - the dashboard stays up whatever is wrong with the jobs
                if str(error) != said:
                    said = str(error)
                    say(f"Background work could not be looked after ({type(error).__name__}): {error}")
