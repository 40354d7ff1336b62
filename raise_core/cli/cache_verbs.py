"""Housekeeping of the derived things: cache stats, verify, prune."""

from __future__ import annotations

from typing import Annotated

import typer

from raise_core.cli import context as call
from raise_core.cli.output import plain, print_json, print_table, say, terminal_progress
from raise_core.domain.errors import BadInputError
from raise_core.jobs import housekeeping
from raise_core.jobs.image_check import check_images
from raise_core.store.artifact import ArtifactStore

cache = typer.Typer(no_args_is_help=True, help="Sizes, checks and clearing of derived things; never data.")


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    cache.command("stats")(stats)
    cache.command("verify")(verify)
    cache.command("prune")(prune)
    app.add_typer(cache, name="cache")


def stats(context: typer.Context) -> None:
    """How much each kind of artifact takes."""
    options = call.of(context)
    sizes = ArtifactStore(options.home).sizes()
    if options.json:
        print_json({"bytes_by_kind": sizes, "bytes": sum(sizes.values())})
        return
    print_table("Artifacts", ["kind", "MB"], [[kind, round(size / 1e6, 1)] for kind, size in sizes.items()])


def verify(context: typer.Context) -> None:
    """Read every artifact and imported image against its checksum; damaged artifacts are removed and made again.

    Exits with 3 when images are damaged: those have to be imported again.
    """
    options = call.of(context)
    with terminal_progress() as progress:
        found = ArtifactStore(options.home).verify(progress=progress)
        images = check_images(options.home, progress=progress)
    if options.json:
        print_json({**plain(found), "images_checked": images.checked, "images_damaged": images.damaged})
    else:
        say(f"{found.checked} artifacts checked, {len(found.removed)} damaged and removed.")
        say(f"{images.checked} imported images checked, {len(images.damaged)} damaged. {images.remedy}".rstrip())
    if images.damaged:  # an artifact is made again; an image has to be imported again
        raise typer.Exit(BadInputError.exit_code)


def prune(
    context: typer.Context,
    older_than_days: Annotated[float, typer.Option(min=0.0, help="Only what was made longer ago.")] = 0.0,
    kind: Annotated[str | None, typer.Option(help="Only this kind; see: cache stats.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")] = False,
) -> None:
    """Remove artifacts. Costs time when they are needed again, never data."""
    options = call.of(context)
    if not dry_run:
        housekeeping.refuse_while_working(options.home)
    found = ArtifactStore(options.home).prune(kind=kind, older_than_days=older_than_days, dry_run=dry_run)
    if options.json:
        print_json(found)
        return
    done = "would be removed" if dry_run else "removed"
    say(f"{len(found.removed)} of {found.checked} artifacts {done}, {found.freed_bytes / 1e6:.1f} MB.")
