"""A lab that teaches: `dmvpn lab break`, `hint`, `grade`, `phase`, `save`, for labs of either kind.

Of an exercise, `lab up` prints the tasks, and `lab grade` the results.
"""

from __future__ import annotations

import argparse
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from dmvpn.app.lab_words import Printer
from dmvpn.base.errors import UserError
from dmvpn.labs import lessons
from dmvpn.labs.lessons import Conversion, LessonLab
from dmvpn.shells.lab.places import find_lab
from dmvpn.tools.elsewhere import Elsewhere
from dmvpn.tools.exercises import TaskResult, exercise, look
from dmvpn.tools.lessons import LastGrade

_WIDTH: Final = 110
_INDENT: Final = " " * 10


# ------------------------------------------------------------------------------------------------ exercises


def tasks(name: str) -> Iterator[str]:
    """Yield the tasks of the exercise of this name."""
    one = exercise(name)
    yield "Your tasks:"
    for number, task in enumerate(one.tasks if one is not None else (), 1):
        yield f"  {number}. {task.title}"


def grade_exercise(findings: Sequence[TaskResult], printer: Printer) -> int:
    """Print of each task whether it is done. Returns 1 if one is not."""
    for number, finding in enumerate(findings, 1):
        printer.say("\n".join(_result_lines(number, finding)))
    left = sum(not finding.is_done for finding in findings)
    printer.put(
        done=not left,
        checks=[
            {"title": finding.task.title, "good": finding.is_done, "now": finding.missing, "hint": finding.hint}
            for finding in findings
        ],
    )
    printer.say(f"\n{left} of {len(findings)} tasks are left." if left else f"\nAll {len(findings)} tasks are done.")
    return int(bool(left))


def _result_lines(number: int, finding: TaskResult) -> Iterator[str]:
    yield f"{'done ' if finding.is_done else 'TO DO'}  {number}. {finding.task.title}"
    if not finding.is_done:
        for text in (f"Now: {finding.missing}.", finding.hint):
            yield from textwrap.wrap(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)


# ------------------------------------------------------------------------------------------------ verbs


def _lab(name: str | None, command: str) -> LessonLab:
    """Return the lab. command: the command line, with a place for the name of the lab. Raises UserError."""
    return LessonLab(find_lab(name, command.format))


def break_(arguments: argparse.Namespace, printer: Printer) -> int:
    """Inject a fault, and print only the complaint of a user."""
    if arguments.list:
        try:
            found = lessons.troubles(_lab(arguments.lab, "dmvpn lab break --list --lab {}"))
        except UserError:
            found = lessons.troubles(None)
        for known in found:
            printer.say(f"{known.id:<26} {known.title}")
        printer.put(troubles=[{"name": known.id, "title": known.title} for known in found])
        return 0
    lab = _lab(arguments.lab, "dmvpn lab break --lab {}")
    planned = lessons.plan(lab, arguments.name, arguments.seed)
    printer.say("Recording the healthy state of the lab ...")
    complaint = lessons.carry_out(lab, planned)
    printer.say(f"\n  {complaint}\n")
    printer.say("Find it and fix it. 'dmvpn lab hint' helps, 'dmvpn lab grade' checks your repair.")
    printer.put(lab=lab.folder.name, complaint=complaint)
    return 0


def hint(arguments: argparse.Namespace, printer: Printer) -> int:
    """Show the next hint."""
    lab = _lab(arguments.lab, "dmvpn lab hint {}")
    given = lessons.next_hint(lab)
    printer.say(f"{given.number}. {given.text}")
    printer.put(lab=lab.folder.name, number=given.number, of=given.of, hint=given.text)
    return 0


def grade(arguments: argparse.Namespace, printer: Printer) -> int:
    """Judge whether the lab is as well as it was. 1 if not."""
    lab = _lab(arguments.lab, "dmvpn lab grade {}")
    printer.put(lab=lab.folder.name)
    learned = lab.exercise
    if learned is not None:
        if not lab.bench.is_simulated:
            printer.say("Looking at the lab; with real packets that may take a minute ...")
        findings = look(lab.bench, learned)
        remaining = tuple(finding.task.title for finding in findings if not finding.is_done)
        LastGrade(time.time(), len(findings), remaining).write(lab.folder.path)
        return grade_exercise(findings, printer)
    lessons.begun(lab)
    printer.say("Checking the lab; new adjacencies must last for some seconds ...")
    graded = lessons.grade(lab)
    failed = tuple(str(check) for check in graded.checks if not check.is_good)
    LastGrade(time.time(), len(graded.checks), failed).write(lab.folder.path)
    for check in graded.checks:
        printer.say(f"{'good' if check.is_good else 'BAD '}  {check}")
    printer.put(
        done=not graded.bad,
        checks=[
            {"title": f"{check.subject} {check.check.value}", "good": check.is_good, "now": str(check), "hint": ""}
            for check in graded.checks
        ],
    )
    if graded.bad:
        printer.say(f"\nNot yet: {graded.bad} of {len(graded.checks)} checks fail. Some repairs take a minute to show.")
        return 1
    hints = f"with {graded.hints} hint{'s' if graded.hints != 1 else ''}" if graded.hints else "without a hint"
    printer.say(f"\nFixed, {hints}. It was: {graded.title}.")
    return 0


def phase(arguments: argparse.Namespace, printer: Printer) -> int:
    """Convert the lab to this DMVPN phase, and show the differences."""
    lab = _lab(arguments.lab, f"dmvpn lab phase {arguments.number} {{}}")
    conversion = Conversion(lab, arguments.number)
    printer.put(lab=lab.folder.name, phase=arguments.number, already=not conversion.orders, changes={}, ways=[])
    if not conversion.orders:
        printer.say(f"{lab.folder.name} is a phase {arguments.number} network already")
        return 0
    printer.say("Checking the lab before the change ...\n")
    conversion.look()
    changes = conversion.enter()
    for lines in changes.values():
        printer.say("\n".join(lines))
    outcome = conversion.outcome()
    printer.say()
    printer.say("\n".join(outcome.ways))
    printer.put(changes={router: list(lines) for router, lines in changes.items()}, ways=list(outcome.ways))
    return int(outcome.is_worse)


def save(arguments: argparse.Namespace, printer: Printer) -> int:
    """Write the lab down as a folder that `lab up` takes."""
    lab = _lab(arguments.lab, f"dmvpn lab save {{}} {arguments.folder}")
    elsewhere = None
    if arguments.format is not None:
        elsewhere = Elsewhere(arguments.format, arguments.node, arguments.image)
    elif arguments.node or arguments.image:
        raise UserError("--node and --image are for the files of another program: name it with --format")
    notes = lessons.save(lab, Path(arguments.folder), elsewhere)
    for note in notes:
        printer.say(f"not saved: {note}" if elsewhere is None else f"not the same there: {note}")
    printer.put(lab=lab.folder.name, format=arguments.format, folder=str(arguments.folder), not_saved=list(notes))
    printer.say(f"saved; 'dmvpn lab up {arguments.folder}' brings it up again")
    return 0


VERBS: dict[str, Callable[[argparse.Namespace, Printer], int]] = {
    "break": break_,
    "hint": hint,
    "grade": grade,
    "phase": phase,
    "save": save,
}
