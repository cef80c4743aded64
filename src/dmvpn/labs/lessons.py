"""Lessons in a lab of either kind: something is broken, hints, a grade.

    planned = plan(lab, name)          which fault, and where; nothing is broken yet
    complaint = carry_out(lab, planned)
    next_hint(lab)
    grade(lab)                         until it is fixed, or `reset` ends the lesson

The state of a lesson is kept in the folder of the lab, never where the student works. Each function raises UserError
where the lab is not in the state for it; the text says what to do instead.

A lab is converted to another DMVPN phase, too: the lines, the differences, and the paths of packets before and after.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.labs import orders
from dmvpn.labs.prompts import LabBench
from dmvpn.network.lines import difference
from dmvpn.shells.lab import control
from dmvpn.shells.lab.places import LabFolder
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.elsewhere import Elsewhere
from dmvpn.tools.exercises import Exercise, exercise
from dmvpn.tools.lessons import Check, GradedCheck, Health, Lesson, Subject, examine, forget, note_fixed
from dmvpn.tools.lessons import grade as compare
from dmvpn.tools.phases import phase_lines
from dmvpn.tools.saving import save as write
from dmvpn.tools.troubles import TROUBLES, trouble
from dmvpn.tools.troubles.faults import Fault, draw_story
from dmvpn.tools.troubles.model import Role, Trouble
from dmvpn.tools.troubles.orders import carry_out as break_by
from dmvpn.tools.troubles.orders import fits, orders_for
from dmvpn.tools.troubles.stage import Stage

#: Typed at every router when one was broken, so that "Last configuration change" gives no hint. It changes nothing.
_EVERYWHERE: Final = ("ip host lesson 192.0.2.1", "no ip host lesson 192.0.2.1")

#: Looks at a network after a change of its phase, a second after each other.
_SETTLING: Final = 30


# ------------------------------------------------------------------------------------------------ lessons


class LessonLab:
    """The lab of a lesson, with everything that the functions of this module need."""

    def __init__(self, folder: LabFolder) -> None:
        """Ask the lab for its scenario. Raises UserError."""
        self.folder = folder
        self.bench = LabBench(folder)
        self.scenario: Scenario = orders.scenario(folder)

    def stage(self, running: Mapping[str, str]) -> Stage:
        """Return the roles of the routers; for a router that does not answer, that of its configuration in the
        scenario.
        """
        return Stage.of(self.scenario, {**self.scenario.configurations, **running})

    def running(self) -> dict[str, str]:
        """Return the running configurations of all routers, by name."""
        return self.bench.running(list(self.scenario.configurations))

    @property
    def lesson(self) -> Lesson | None:
        """The lesson of the lab, if something is broken."""
        return Lesson.read(self.folder.path)

    @property
    def exercise(self) -> Exercise | None:
        """The exercise of the lab. None if it is no exercise, or if something is broken in it: that is graded first."""
        if not self.scenario.is_exercise or self.lesson is not None:
            return None
        return exercise(self.scenario.name)


class PlannedBreak(Value):
    """A fault for a lab that is well. running: the configurations of its routers."""

    fault: Fault
    stage: Stage
    running: dict[str, str]


class Hint(Value):
    """A hint. number: counted from 1. of: the number of hints that there are."""

    number: int
    of: int
    text: str


class LessonGrade(Value):
    """The state of a lesson. hints: how many were given. title: of the fault if it is fixed, else ""."""

    checks: tuple[GradedCheck, ...]
    hints: int
    title: str = ""

    @property
    def bad(self) -> int:
        """The number of checks that are worse than they were."""
        return sum(not check.is_good for check in self.checks)


def troubles(lab: LessonLab | None) -> list[Trouble]:
    """Return the troubles that a user would notice; with a lab only the troubles that fit it."""
    stage = lab.stage(lab.running()) if lab is not None else None
    return [known for known in TROUBLES if known.noticed and (stage is None or fits(known, stage))]


def plan(lab: LessonLab, name: str | None = None, seed: int | None = None) -> PlannedBreak:
    """Choose a fault for a lab that is well. name: the trouble, wherever the scenario has it; without it any.

    seed: repeats a choice.
    """
    known = lab.lesson
    if known is not None:
        raise UserError(
            f"this lab has a fault already: {known.complaint} "
            "'dmvpn lab grade' checks your repair, 'dmvpn lab reset' resets the lab"
        )
    missing = orders.missing(lab.folder)
    if missing:
        raise UserError(f"the lab is not ready: {', '.join(missing)}; 'dmvpn lab reset' resets the lab")
    running = lab.running()
    stage = lab.stage(running)
    if name is not None:
        chosen = trouble(name)
        fault = Fault(chosen, stage, orders_for(chosen, stage))
    else:
        fault = draw_story(TROUBLES, stage, SeededEntropy(secrets.token_hex(8) if seed is None else seed))
    return PlannedBreak(fault, stage, running)


def carry_out(lab: LessonLab, planned: PlannedBreak) -> str:
    """Examine the lab while it is well, then break it. Returns the complaint of a user, which is all that is said."""
    healthy = examine(lab.bench, planned.stage)
    if not any(value for subject, value in healthy.found.items() if is_way(subject)):
        raise UserError("no site reaches another one: a fault would not show")
    fault = planned.fault
    complaint = fault.stage.fill(fault.trouble.complaint, Role.SPOKE)
    Lesson.begin(fault, healthy, planned.running, complaint).write(lab.folder.path)
    break_by(lab.bench, fault.orders)
    # Neither the times of the last change nor the logs may show which router was configured.
    for router in planned.running:
        with contextlib.suppress(UserError, OSError):  # it may be dead
            lab.bench.configure(router, _EVERYWHERE)
    lab.bench.ask([(router, "clear logging") for router in planned.running])
    return complaint


def next_hint(lab: LessonLab) -> Hint:
    """Return the next hint, and note that it was given."""
    if lab.exercise is not None:
        raise UserError("this lab is an exercise, not a fault: 'dmvpn lab grade' has a hint for each remaining task")
    lesson = begun(lab)
    if lesson.hints >= len(lesson.trouble.hints):
        raise UserError("that was the last hint; 'dmvpn lab reset' resets the lab")
    given = lesson.hinted()
    given.write(lab.folder.path)
    return _hints(lab, given)[-1]


def hints(lab: LessonLab) -> tuple[Hint, ...]:
    """Return the hints that were given in the lesson of the lab."""
    return _hints(lab, begun(lab))


def _hints(lab: LessonLab, lesson: Lesson) -> tuple[Hint, ...]:
    texts = lesson.trouble.hints
    stage = lesson.stage(lab.stage(lesson.configurations))
    given = enumerate(texts[: lesson.hints], 1)
    return tuple(Hint(number, len(texts), stage.fill(text, Role.SPOKE)) for number, text in given)


def begun(lab: LessonLab) -> Lesson:
    """Return the lesson of the lab."""
    lesson = lab.lesson
    if lesson is None:
        raise UserError("this lab has no fault to find; 'dmvpn lab break' adds one")
    return lesson


def grade(lab: LessonLab) -> LessonGrade:
    """Judge whether the lab is as well as it was; if it is, the lesson is over."""
    lesson = begun(lab)
    stage = lesson.stage(lab.stage(lesson.configurations))
    checks = compare(lesson.health, examine(lab.bench, stage, lesson.health))
    if not all(check.is_good for check in checks):
        return LessonGrade(checks, lesson.hints)
    note_fixed(lab.folder.path, lesson.trouble)
    forget(lab.folder.path)
    return LessonGrade(checks, lesson.hints, stage.fill(lesson.trouble.title, Role.SPOKE))


def is_way(subject: Subject) -> bool:
    """Return whether a check is about one site that reaches another."""
    return subject[0] is Check.REACH


def save(lab: LessonLab, folder: Path, elsewhere: Elsewhere | None = None) -> list[str]:
    """Write the lab as a folder that can be brought up; returns sentences about parts that are not saved.

    elsewhere: the program whose files they are; without it they are ours.
    """
    status = control.order(lab.folder.control, do="status")
    return write(lab.scenario, lab.running(), status, folder, elsewhere)


# ------------------------------------------------------------------------------------------------ another phase


class Outcome(Value):
    """What became of the network. ways: sentences about hops before and now. is_worse: a site is not reached now."""

    ways: tuple[str, ...]
    is_worse: bool


class Conversion:
    """The conversion of a lab. orders: lines for each router that needs any; empty if there is nothing to do.

    `look`, `enter` and `outcome` are called once, in this order; the first and the last may take half a minute.
    """

    def __init__(self, lab: LessonLab, phase: int) -> None:
        """Find the lines; nothing is changed yet. Raises UserError."""
        if lab.lesson is not None:
            raise UserError(
                "this lab has a fault to find, and these lines might fix it: first 'dmvpn lab grade' "
                "until all is well, or 'dmvpn lab reset'"
            )
        self._lab = lab
        self._before = lab.running()
        dead = [name for name in lab.scenario.configurations if name not in self._before]
        if dead:  # the change would be incomplete
            raise UserError(
                f"{' and '.join(dead)} {'does' if len(dead) == 1 else 'do'} not answer, so no router was changed; "
                f"'dmvpn lab start {dead[0]}' starts a router, 'dmvpn lab reset' resets the lab"
            )
        self._stage: Stage = lab.stage(self._before)
        self.orders: Mapping[str, Sequence[str]] = phase_lines(self._stage, phase)
        self._was = Health()

    def look(self) -> None:
        """Examine the network before the change."""
        self._was = examine(self._lab.bench, self._stage)

    def enter(self) -> dict[str, list[str]]:
        """Enter the lines, and return the differences of the running configurations, by router. Raises UserError."""
        bench = self._lab.bench
        for router, lines in self.orders.items():
            bench.configure(router, lines)
        running = bench.running(list(self.orders))
        return {router: list(difference(self._before[router], text, router)) for router, text in running.items()}

    def outcome(self) -> Outcome:
        """Let the spokes resolve again, wait until the network has settled, and examine it."""
        self._lab.bench.ask([(router, "clear ip nhrp") for router in self._stage.spokes])
        for _ in range(_SETTLING):
            health = examine(self._lab.bench, self._stage)
            if all(value for subject, value in health.found.items() if is_way(subject)):
                break
            self._lab.bench.wait(1.0)
        reached = [subject for subject, value in self._was.found.items() if value and is_way(subject)]
        ways = [subject for check, subject in health.found if check is Check.REACH]
        return Outcome(
            tuple(f"{way}: {_hops(self._was, way)} before, {_hops(health, way)} now" for way in ways),
            any(not health.found.get(subject) for subject in reached),
        )


def _hops(health: Health, way: str) -> str:
    number = health.found.get((Check.PATH, way), 0)
    return f"{number} hop{'s' if number > 1 else ''}" if number else "not reached"
