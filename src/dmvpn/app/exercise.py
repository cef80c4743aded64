"""Exercises at the command line: the tasks that `lab up` prints, and `lab grade`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from dmvpn.tools.exercises import exercise, look

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.app.told import Told
    from dmvpn.tools.exercises import Exercise, Ground, TaskResult

_WIDTH: Final = 110
_INDENT: Final = " " * 10


def tasks(name: str) -> Iterator[str]:
    """Yield the tasks of the exercise of this name."""
    one = exercise(name)
    yield "Your tasks:"
    for number, task in enumerate(one.tasks if one is not None else (), 1):
        yield f"  {number}. {task.title}"


def grade(ground: Ground, one: Exercise, told: Told) -> int:
    """Print of each task whether it is done. Returns 1 if one is not."""
    findings = look(ground, one)
    for number, finding in enumerate(findings, 1):
        told.say("\n".join(_told(number, finding)))
    left = sum(not finding.is_done for finding in findings)
    told.put(
        done=not left,
        checks=[
            {"title": finding.task.title, "good": finding.is_done, "now": finding.missing, "hint": finding.hint}
            for finding in findings
        ],
    )
    told.say(f"\n{left} of {len(findings)} tasks are left." if left else f"\nAll {len(findings)} tasks are done.")
    return int(bool(left))


def _told(number: int, finding: TaskResult) -> Iterator[str]:
    yield f"{'done ' if finding.is_done else 'TO DO'}  {number}. {finding.task.title}"
    if not finding.is_done:
        for text in (f"Now: {finding.missing}.", finding.hint):
            yield from textwrap.wrap(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
