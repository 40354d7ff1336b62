"""Wiring of the command line: options, verbs, and how mistakes are answered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from raise_core.cli import cache_verbs, job_verbs, show_verbs, study_verbs
from raise_core.cli.context import CallContext
from raise_core.cli.output import say
from raise_core.domain.errors import UserFacingError
from raise_core.store.home import Home
from raise_core.studies.opening import default_home

INTERRUPTED = 5

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Explore imaging, laboratory and size markers of progression in neuroendocrine tumour trials.",
)


@app.callback()
def options(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option(help="Where everything is kept; else $RAISE_HOME, else cache/ beside app.py.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else there.")
    ] = False,
) -> None:
    """Options that stand before every verb."""
    context.obj = CallContext(Home.at(home or default_home()), json)


study_verbs.register(app)
show_verbs.register(app)
cache_verbs.register(app)
job_verbs.register(app)


def main() -> None:
    """Run the command line: 0 done, 2 wrong usage, 3 bad input, 4 not in the store, 5 busy or interrupted."""
    try:
        app(prog_name="python -m raise_core")
    except UserFacingError as error:
        say(f"Error: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        say("Interrupted. What was finished is kept; run the same command again to go on.")
        sys.exit(INTERRUPTED)
