"""A class: each student has a lab of the same scenario on one machine, and a token for this student's labs alone.

    seats(scenario, students)      the names of the labs: anna-notes-phase3
    overview()                     the teacher's view: all running labs with their lessons and their use of the machine
    as_csv(overview())             their results, for a spreadsheet

Nothing else is stored: the name of a lab says whose it is, and a token for `anna-*` is for anna's labs. So the name of
a student has no dash.

What a lab uses is the memory and processor time of the process behind its control socket, and of its descendants.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.labs import orders
from dmvpn.shells.lab.places import LESSON, LabFolder, running_labs
from dmvpn.shells.lab.syscalls import peer_credentials

_PROCESSES: Final = Path("/proc")
#: Fields of /proc/PID/stat behind the name of the program, proc(5): the parent, and ticks in user and kernel mode.
_PARENT, _USER, _KERNEL = 1, 11, 12

#: Seconds for which a lab may be silent: a lab that hangs shall not hide the others for long.
PATIENCE: Final = 2.0
_STUDENT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,31}", re.ASCII)


# -------------------------------------------------------------------------------------------- memory and processor time


class Usage(Value):
    """What a lab uses.

    memory: octets; what several processes share counts in parts (Pss). processor: seconds since it came up.
    """

    memory: int = 0
    processor: float = 0.0


class _Process(Value):
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


# ------------------------------------------------------------------------------------------------ classes


class Desk(Value, kw_only=True):
    """A lab as its teacher sees it.

    student: the owner, or "". silent: it does not answer, so its scenario is unknown, and its routers are those of its
    folder. running: of all its routers. complaint: of the trouble that is to be found, "": nothing is
    broken. hints: how many of them were given. fixed: troubles that were found before. graded: when it was graded last,
    seconds since 1970, 0: never; checks: of that grade; left: the failed ones. memory: octets. processor: seconds.
    """

    lab: str
    student: str
    scenario: str
    simulated: bool
    silent: bool
    running: int
    routers: int
    complaint: str
    hints: int
    fixed: int
    graded: float
    checks: int
    left: tuple[str, ...]
    memory: int
    processor: float


def seats(scenario: str, students: Sequence[str]) -> dict[str, str]:
    """Return the name of each student's lab. Raises UserError."""
    for student in students:
        if not _STUDENT.fullmatch(student):
            raise UserError(
                f"{student!r} is not a valid student name: a letter, then at most 31 letters, digits, '_' and '.'; "
                "no dash: a dash separates the student from the scenario in the lab's name"
            )
        if students.count(student) > 1:
            raise UserError(f"student {student} is named twice: give one of them another name")
    return {student: f"{student}-{scenario}" for student in students}


def labs_of(student: str) -> str:
    """Return the labs of a student, as a token names them."""
    return f"{student}-*"


def student_of(folder: LabFolder) -> str:
    """Return the student that the name of a lab names; "" if it can name none."""
    student, dash, _ = folder.name.partition("-")
    return student if dash else ""


def overview(wanted: Callable[[str], bool] = lambda _: True) -> list[Desk]:
    """Return all labs that run, by name. wanted: whether a lab of this name is asked."""
    return [*_overview([folder for folder in running_labs() if wanted(folder.name)])]


def _overview(folders: Sequence[LabFolder]) -> Iterator[Desk]:
    from dmvpn.tools.lessons import (  # the troubles are a large import, and most have no lesson
        LastGrade,
        Lesson,
        fixed,
    )

    used, answers = usages(folders), orders.statuses(folders, PATIENCE)
    for folder in folders:
        answer = answers.get(folder.name)
        if answer is None and not folder.alive():
            continue  # it has just ended
        try:
            lesson = Lesson.read(folder.path) if (folder.path / LESSON).exists() else None
            grade = LastGrade.read(folder.path)
        except UserError:
            continue  # likewise
        known = dict.fromkeys(folder.routers, True) | dict.fromkeys(folder.dead_routers, False)
        status = answer or orders.LabStatus(routers=known, hosts={}, gateways={}, impaired={})
        student = student_of(folder)
        yield Desk(
            lab=folder.name,
            student=student if answer is None or folder.name == f"{student}-{status.scenario}" else "",
            scenario=status.scenario,
            simulated=status.simulated,
            silent=answer is None,
            running=sum(status.routers.values()),
            routers=len(status.routers),
            complaint=lesson.complaint if lesson else "",
            hints=lesson.hints if lesson else 0,
            fixed=fixed(folder.path),
            graded=grade.at,
            checks=grade.checks,
            left=grade.left,
            memory=used[folder.name].memory,
            processor=used[folder.name].processor,
        )


#: What a spreadsheet takes for the beginning of a formula, in some languages also as a wide character.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def as_csv(desks: Iterable[Desk]) -> str:
    """Return the results of labs as CSV (RFC 4180). What would be a formula begins with an apostrophe."""
    made = io.StringIO(newline="")
    writer = csv.writer(made)
    writer.writerow(("student", "lab", "scenario", "graded", "passed", "checks", "left", "fixed", "hints", "complaint"))
    for desk in desks:
        graded = datetime.fromtimestamp(desk.graded, UTC).isoformat(timespec="seconds") if desk.graded else ""
        result = (graded, desk.checks - len(desk.left), desk.checks, "; ".join(desk.left)) if graded else ("",) * 4
        row = (desk.student, desk.lab, desk.scenario, *result, desk.fixed, desk.hints, desk.complaint)
        writer.writerow([f"'{cell}" if str(cell).startswith(_FORMULA) else cell for cell in row])
    return made.getvalue()
