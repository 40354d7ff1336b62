"""Whether torch would find a graphics card here, told without the seconds it takes to import torch."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

_SECONDS_TO_ANSWER = 10.0


@cache
def graphics_card() -> str | None:
    """Name of the first NVIDIA card, None without one or where torch was built without support for it.

    Asked once a process: cards do not come and go.
    """
    program = shutil.which("nvidia-smi")
    if program is None or not _torch_knows_cuda():
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - the driver's own program
            [program, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=_SECONDS_TO_ANSWER, check=True,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError):  # the program is there, the driver does not answer
        return None
    names = answer.stdout.strip().splitlines()
    return names[0] if names else None


def _torch_knows_cuda() -> bool:
    """Whether torch's own note of its build names a CUDA version; read as text."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    note = Path(found.origin).with_name("version.py")
    return (
        note.is_file()
        and re.search(r"^cuda\b[^=]*= *['\"]", note.read_text(encoding="utf-8"), re.MULTILINE) is not None
    )
