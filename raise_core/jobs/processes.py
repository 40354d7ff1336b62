"""Processes of this machine: which one a mark means, whether it lives, what its family holds, and ending all of it.

Linux tells this under /proc. Elsewhere a mark is the process id alone, memory is unknown, and a family is its process
group.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_BOOT = _PROC / "sys" / "kernel" / "random" / "boot_id"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SEPARATOR = "/"
JOB_VARIABLE = "RAISE_JOB"
"""Environment variable that the processes of a job inherit; it holds the job's id."""


@dataclass(frozen=True)
class _Status:
    """One line of the process table; `group` is the process group, `started` in clock ticks since the boot."""

    pid: int
    state: str
    parent: int
    group: int
    started: int
    resident_bytes: int


def mark_of(pid: int | None = None) -> str:
    """Host, id, start and boot of a process (this one if none is named): no later process has the same mark."""
    number = os.getpid() if pid is None else pid
    found = _status(number)
    start = "" if found is None else f"{_SEPARATOR}{found.started}{_SEPARATOR}{_boot()}"
    return f"{socket.gethostname()}{_SEPARATOR}{number}{start}"


def is_here(mark: str) -> bool:
    """Whether the mark is of a process of this machine."""
    return mark.partition(_SEPARATOR)[0] == socket.gethostname()


def pid_of(mark: str) -> int:
    """The process id in a mark."""
    return int(mark.split(_SEPARATOR)[1])


def lives(mark: str) -> bool:
    """Whether the very process that a mark of this machine means is still there and not merely unburied."""
    pid = pid_of(mark)
    if not _PROC.is_dir():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    found = _status(pid)
    return found is not None and found.state not in "ZX" and mark_of(pid) == mark


def resident_bytes(pid: int) -> int | None:
    """Memory held by a process and all its descendants (pages they share count each time); None where unknown."""
    table = {status.pid: status for status in _all()}
    if pid not in table:
        return None
    children: dict[int, list[int]] = {}
    for status in table.values():
        children.setdefault(status.parent, []).append(status.pid)
    family, total = [pid], 0
    while family:
        member = family.pop()
        total += table[member].resident_bytes
        family += children.get(member, [])
    return total


def end(mark: str) -> None:
    """Kill the very process that a mark of this machine means, if it is still there."""
    if lives(mark):
        with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
            os.kill(pid_of(mark), signal.SIGKILL)


def end_group(mark: str, *, job_id: str) -> None:
    """Kill the process group that the marked process leads, also when the leader itself is gone already.

    Numbers are given again after a restart of the machine, and after a while without one. So a mark of an earlier
    boot ends nothing, and without its leader a group is only ended if it has the job in its environment.
    """
    pid = pid_of(mark)
    if _PROC.is_dir() and not _is_group_of(mark, job_id):
        return
    with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
        os.killpg(pid, signal.SIGKILL)


def _is_group_of(mark: str, job_id: str) -> bool:
    pid = pid_of(mark)
    if _status(pid) is not None:
        return mark_of(pid) == mark  # an unburied leader keeps its number, too
    if mark.split(_SEPARATOR)[3:] != [_boot()]:
        return False
    return any(_has_in_environment(status.pid, job_id) for status in _all() if status.group == pid)


def _has_in_environment(pid: int, job_id: str) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or another user's: none of ours
        return False
    return f"{JOB_VARIABLE}={job_id}".encode() in environment.split(b"\0")


def _boot() -> str:
    return _BOOT.read_text(encoding="ascii").strip()[:8]


def _all() -> Iterator[_Status]:
    if not _PROC.is_dir():
        return
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            status = _status(int(folder.name))
            if status is not None:
                yield status


def _status(pid: int) -> _Status | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in brackets and may hold anything, blanks and brackets included; see proc_pid_stat(5).
    fields = text.rpartition(")")[2].split()
    return _Status(
        pid=pid,
        state=fields[0],
        parent=int(fields[1]),
        group=int(fields[2]),
        started=int(fields[19]),
        resident_bytes=int(fields[21]) * _PAGE_BYTES,
    )
