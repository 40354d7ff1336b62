"""Internal entry of the worker and of the process that does one job: `python -m raise_core.jobs --home DIR work`."""

from __future__ import annotations

import argparse
import logging
import sys

from raise_core.domain.errors import BusyError
from raise_core.jobs.job_process import do
from raise_core.jobs.worker import IDLE_SECONDS, work
from raise_core.store.home import Home


def main() -> int:
    """Parse the call and do it."""
    parser = argparse.ArgumentParser(prog="python -m raise_core.jobs", description=__doc__)
    parser.add_argument("--home", required=True, help="where everything is kept")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("work").add_argument("--idle-seconds", type=float, default=IDLE_SECONDS)
    verbs.add_parser("do").add_argument("job_id")
    call = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
    home = Home.at(call.home)
    if call.verb == "do":
        return do(home, call.job_id, sys.stdin.buffer)
    try:
        work(home, idle_seconds=call.idle_seconds)
    except BusyError as error:
        logging.getLogger(__name__).info("%s", error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
