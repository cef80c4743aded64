"""The memory and processor time of labs: of the process behind the control socket of each, and of its descendants."""

from __future__ import annotations

import contextlib
import os
import socket
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.shells.lab.syscalls import peer_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.shells.lab.places import LabFolder

_PROCESSES: Final = Path("/proc")
#: Fields of /proc/PID/stat behind the name of the program, proc(5): the parent, and ticks in user and kernel mode.
_PARENT, _USER, _KERNEL = 1, 11, 12


@dataclass(frozen=True, slots=True)
class Usage:
    """What a lab uses.

    memory: octets; what several processes share counts in parts (Pss). processor: seconds since it came up.
    """

    memory: int = 0
    processor: float = 0.0


@dataclass(frozen=True, slots=True)
class _Process:
    """A process that runs. ticks: of processor time."""

    number: int
    parent: int
    ticks: int


def usages(folders: Iterable[LabFolder]) -> dict[str, Usage]:
    """Return what labs use now, by their names; nothing for a lab that has just ended."""
    children: defaultdict[int, list[_Process]] = defaultdict(list)
    known: dict[int, _Process] = {}
    for process in _processes():
        known[process.number] = process
        children[process.parent].append(process)
    return {folder.name: _usage(known.get(_first(folder)), children) for folder in folders}


def _usage(first: _Process | None, children: Mapping[int, list[_Process]]) -> Usage:
    if first is None:
        return Usage()
    found = [first]
    for process in found:  # which grows meanwhile
        found += children.get(process.number, ())
    ticks = sum(process.ticks for process in found)
    return Usage(sum(_memory(process.number) for process in found), ticks / os.sysconf("SC_CLK_TCK"))


def _first(folder: LabFolder) -> int:
    """Return the process that listens on the control socket of a lab; 0 if it has ended."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # it may hang
        try:
            probe.connect(str(folder.control))
        except OSError:
            return 0
        return peer_credentials(probe).pid


def _processes() -> Iterator[_Process]:
    for path in _PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            fields = (path / "stat").read_text(errors="replace").rpartition(")")[2].split()
            yield _Process(int(path.name), int(fields[_PARENT]), int(fields[_USER]) + int(fields[_KERNEL]))


def _memory(process: int) -> int:
    """Return the proportional share of a process, in octets; 0 if it has ended, or belongs to another user."""
    try:
        lines = (_PROCESSES / str(process) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
