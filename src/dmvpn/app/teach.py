"""A lab that teaches: `dmvpn lab break`, `hint`, `grade`, `phase`, `save`, for labs of either kind.

The state of a lesson is kept in the folder of the lab, never where the student works.
"""

from __future__ import annotations

import contextlib
import io
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.app import exercise
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError
from dmvpn.face import client
from dmvpn.labs.prompts import Prompts
from dmvpn.network.lines import difference
from dmvpn.shells.lab import control
from dmvpn.shells.lab.badness import HARMLESS, Badness
from dmvpn.shells.lab.finding import find_lab
from dmvpn.shells.scenario import Scenario, from_description
from dmvpn.tools.lessons import Check, Health, examine, grade
from dmvpn.tools.lessons.state import Lesson, fixed, forget, note_fixed
from dmvpn.tools.phases import phase_lines
from dmvpn.tools.saving import save
from dmvpn.tools.troubles import TROUBLES, Fault, Role, Stage, carry_out, draw_story, fits, orders_for, trouble

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from dmvpn.app.told import Told
    from dmvpn.tools.lessons.health import Subject

#: Seconds that a network may need after a change of its phase.
_SETTLING: Final = 30.0
#: Typed at every router when one was broken, so that "Last configuration change" gives no hint. It changes nothing.
_EVERYWHERE: Final = ("ip host lesson 192.0.2.1", "no ip host lesson 192.0.2.1")


class LabBench(Prompts):
    """A lab that runs, as a `Bench`."""

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Type lines in configuration mode."""
        output = io.BytesIO()
        if client.execute(self._folder.management(router), ["configure terminal", *lines, "end"], output):
            raise UserError(f"{router} refuses: {output.getvalue().decode().strip()}")

    def impair(self, link: str, badness: Badness) -> None:
        """Make a wire this bad, and nothing is to be seen of that."""
        control.order(self._folder.control, do="impair", link=link, hidden=True, **badness.request())

    def kill(self, router: str) -> None:
        """End a router."""
        control.order(self._folder.control, do="kill", router=router)

    def set_nat(self, gateway: str, kind: str) -> None:
        """Change the kind of a translator."""
        control.order(self._folder.control, do="rebind", gateway=gateway, kind=kind, hidden=True)

    def badness(self, link: str) -> Badness:
        """Return the impairment of a wire, without one that `lab break` hides."""
        status = control.order(self._folder.control, do="status")
        names, impaired = (status.get("links"), status.get("impaired")) if isinstance(status, dict) else (None, None)
        if not isinstance(names, list) or not isinstance(impaired, dict):
            return HARMLESS
        scenario = from_description(control.order(self._folder.control, do="scenario"))
        for name, (ends, _) in zip(names, scenario.segments(), strict=False):
            found = impaired.get(str(name))
            if Scenario.end(link) in ends and isinstance(found, dict):
                return Badness.read(found)
        return HARMLESS

    def restore(self, link: str, badness: Badness) -> None:
        """Restore a wire; the status of the lab shows it."""
        control.order(self._folder.control, do="impair", link=link, **badness.request())

    @property
    def fixed(self) -> int:
        """How many troubles were fixed here."""
        return fixed(self._folder.path)


class _Class:
    """The lab of a lesson, with everything that orders about it need."""

    def __init__(self, lab: str | None, command: str) -> None:
        """command: the command line, with a place for the name of the lab. Raises UserError."""
        self.folder = find_lab(lab, command.format)
        self.bench = LabBench(self.folder)
        self.scenario: Scenario = from_description(control.order(self.folder.control, do="scenario"))

    def stage(self, running: Mapping[str, str]) -> Stage:
        """Return the roles of the routers; for a router that does not answer, that of its configuration in the
        scenario.
        """
        return Stage.of(self.scenario, {**self.scenario.configurations, **running})

    def running(self) -> dict[str, str]:
        """Return the running configurations of all routers, by name."""
        return self.bench.running(list(self.scenario.configurations))


# ---------------------------------------------------------------------------------------------------- break


def break_(arguments: argparse.Namespace, told: Told) -> int:
    """Inject a fault, and print only the complaint of a user."""
    if arguments.list:
        return _list(arguments, told)
    lesson = _Class(arguments.lab, "dmvpn lab break --lab {}")
    known = Lesson.read(lesson.folder.path)
    if known is not None:
        raise UserError(
            f"something is broken already: {known.complaint} "
            "'dmvpn lab grade' looks at it, 'dmvpn lab reset' begins again"
        )
    missing = control.order(lesson.folder.control, do="missing")
    if missing:
        raise UserError(f"the lab is not well: {missing}; 'dmvpn lab reset' begins again")
    running = lesson.running()
    stage = lesson.stage(running)
    chosen = _choose(stage, arguments.name, arguments.seed)
    told.say("Looking at the lab while it is well ...")
    healthy = examine(lesson.bench, stage)
    if not any(value for subject, value in healthy.found.items() if _is_way(subject)):
        raise UserError("no site reaches another one: nobody would notice if something broke")
    complaint = chosen.stage.fill(chosen.trouble.complaint, Role.SPOKE)
    Lesson.begin(chosen, healthy, running, complaint).write(lesson.folder.path)
    carry_out(lesson.bench, chosen.orders)
    _cover_tracks(lesson.bench, list(running))
    told.say(f"\n  {complaint}\n")
    told.say("Find it and fix it. 'dmvpn lab hint' helps, 'dmvpn lab grade' looks at what you did.")
    told.put(lab=lesson.folder.name, complaint=complaint)
    return 0


def _cover_tracks(bench: LabBench, routers: Sequence[str]) -> None:
    """Begin the logs now and make the times of the last change equal, so that neither shows which router was
    configured.
    """
    for router in routers:
        with contextlib.suppress(UserError, OSError):  # it may be dead
            bench.configure(router, _EVERYWHERE)
    bench.ask([(router, "clear logging") for router in routers])


def _list(arguments: argparse.Namespace, told: Told) -> int:
    """List all troubles; if a lab runs, only the troubles that fit it."""
    stage: Stage | None = None
    with contextlib.suppress(UserError):
        lesson = _Class(arguments.lab, "dmvpn lab break --list --lab {}")
        stage = lesson.stage(lesson.running())
    found = [known for known in TROUBLES if known.noticed and (stage is None or fits(known, stage))]
    for known in found:
        told.say(f"{known.id:<26} {known.title}")
    told.put(troubles=[{"name": known.id, "title": known.title} for known in found])
    return 0


def _choose(stage: Stage, name: str | None, seed: int | None) -> Fault:
    """Return the trouble with this name, where the scenario has it; or any of them, anywhere."""
    if name is not None:
        chosen = trouble(name)
        return Fault(chosen, stage, orders_for(chosen, stage))
    entropy = SeededEntropy(secrets.token_hex(8) if seed is None else seed)
    return draw_story(TROUBLES, stage, entropy)


# ---------------------------------------------------------------------------------------------------- hint, grade


def hint(arguments: argparse.Namespace, told: Told) -> int:
    """Show the next hint."""
    lesson = _Class(arguments.lab, "dmvpn lab hint {}")
    if lesson.scenario.is_exercise and Lesson.read(lesson.folder.path) is None:
        raise UserError(
            "nothing is broken here, it is an exercise: 'dmvpn lab grade' has a hint for each task that is left"
        )
    state = _state(lesson)
    hints = state.trouble.hints
    if state.hints >= len(hints):
        raise UserError("that was the last hint; 'dmvpn lab reset' begins again")
    stage = state.stage(lesson.stage(state.configurations))
    text = stage.fill(hints[state.hints], Role.SPOKE)
    told.say(f"{state.hints + 1}. {text}")
    told.put(lab=lesson.folder.name, number=state.hints + 1, of=len(hints), hint=text)
    state.hinted().write(lesson.folder.path)
    return 0


def grade_(arguments: argparse.Namespace, told: Told) -> int:
    """Judge whether the lab is as well as it was. 1 if not."""
    lesson = _Class(arguments.lab, "dmvpn lab grade {}")
    told.put(lab=lesson.folder.name)
    learnt = exercise.find(lesson.folder.name) if lesson.scenario.is_exercise else None
    if learnt is not None and Lesson.read(lesson.folder.path) is None:
        if not lesson.bench.is_simulated:
            told.say("Looking at the lab; with real packets that may take a minute ...")
        return exercise.grade(lesson.bench, learnt, told)
    state = _state(lesson)
    stage = state.stage(lesson.stage(state.configurations))
    told.say("Looking at the lab; what has just come up must last for some seconds ...")
    verdicts = grade(state.health, examine(lesson.bench, stage, state.health))
    for verdict in verdicts:
        told.say(f"{'good' if verdict.is_good else 'BAD '}  {verdict}")
    bad = sum(not verdict.is_good for verdict in verdicts)
    told.put(
        done=not bad,
        checks=[
            {
                "title": f"{verdict.subject} {verdict.check.value}",
                "good": verdict.is_good,
                "now": str(verdict),
                "hint": "",
            }
            for verdict in verdicts
        ],
    )
    if bad:
        told.say(f"\nNot yet: {bad} of {len(verdicts)} are worse than they were. Some repairs take a minute to show.")
        return 1
    hints = f"with {state.hints} hint{'s' if state.hints != 1 else ''}" if state.hints else "without a hint"
    told.say(f"\nFixed, {hints}. It was: {stage.fill(state.trouble.title, Role.SPOKE)}.")
    note_fixed(lesson.folder.path, state.trouble)
    forget(lesson.folder.path)
    return 0


def _state(lesson: _Class) -> Lesson:
    state = Lesson.read(lesson.folder.path)
    if state is None:
        raise UserError("nothing is broken here; 'dmvpn lab break' breaks something")
    return state


# ---------------------------------------------------------------------------------------------------- phase


def phase(arguments: argparse.Namespace, told: Told) -> int:
    """Convert the lab to this DMVPN phase, and show the differences."""
    lesson = _Class(arguments.lab, f"dmvpn lab phase {arguments.number} {{}}")
    if Lesson.read(lesson.folder.path) is not None:
        raise UserError(
            "something is broken here for somebody to find, and these lines might fix it: first 'dmvpn lab grade' "
            "until all is well, or 'dmvpn lab reset'"
        )
    before = lesson.running()
    _refuse_the_dead(lesson, before)
    stage = lesson.stage(before)
    orders = phase_lines(stage, arguments.number)
    told.put(lab=lesson.folder.name, phase=arguments.number, already=not orders, changes={}, ways=[])
    if not orders:
        told.say(f"{lesson.folder.name} is a phase {arguments.number} network already")
        return 0
    told.say("Looking at the lab before ...\n")
    was = examine(lesson.bench, stage)
    for router, lines in orders.items():
        lesson.bench.configure(router, lines)
    changes: dict[str, control.Json] = {}
    for router, text in lesson.bench.running(list(orders)).items():
        changed = difference(before[router], text, router)
        changes[router] = list(changed)
        told.say("\n".join(changed))
    lesson.bench.ask([(router, "clear ip nhrp") for router in stage.spokes])
    health = _settled(lesson, stage)
    told.say()
    told.say("\n".join(_ways(was, health)))
    told.put(changes=changes, ways=list(_ways(was, health)))
    return int(any(not health.found.get(subject) for subject, value in was.found.items() if value and _is_way(subject)))


def _refuse_the_dead(lesson: _Class, running: Mapping[str, str]) -> None:
    """Refuse to change a lab with dead routers: the change would be incomplete. Raises UserError."""
    dead = [name for name in lesson.scenario.configurations if name not in running]
    if dead:
        raise UserError(
            f"{' and '.join(dead)} {'does' if len(dead) == 1 else 'do'} not answer, so nothing was typed anywhere; "
            f"'dmvpn lab start {dead[0]}' starts a dead router, 'dmvpn lab reset' begins again"
        )


def _is_way(subject: Subject) -> bool:
    return subject[0] is Check.REACH


def _settled(lesson: _Class, stage: Stage) -> Health:
    """Return the health of the network once all paths work, or when the time is over."""
    end = time.monotonic() + _SETTLING
    while True:
        health = examine(lesson.bench, stage)
        well = all(value for subject, value in health.found.items() if _is_way(subject))
        if well or time.monotonic() >= end:
            return health
        time.sleep(1.0)


def _ways(was: Health, now: Health) -> list[str]:
    """Return the hops between sites, before and now."""
    ways = [subject for check, subject in now.found if check is Check.REACH]
    return [f"{way}: {_hops(was, way)} before, {_hops(now, way)} now" for way in ways]


def _hops(health: Health, way: str) -> str:
    number = health.found.get((Check.PATH, way), 0)
    return f"{number} hop{'s' if number > 1 else ''}" if number else "not reached"


# ---------------------------------------------------------------------------------------------------- save


def save_(arguments: argparse.Namespace, told: Told) -> int:
    """Write the lab down as a folder that `lab up` takes."""
    lesson = _Class(arguments.lab, f"dmvpn lab save {{}} {arguments.folder}")
    status = control.order(lesson.folder.control, do="status")
    notes = save(lesson.scenario, lesson.running(), status, Path(arguments.folder))
    for note in notes:
        told.say(f"not saved: {note}")
    told.put(lab=lesson.folder.name, folder=str(arguments.folder), not_saved=list(notes))
    told.say(f"saved; 'dmvpn lab up {arguments.folder}' brings it up again")
    return 0


VERBS: dict[str, Callable[[argparse.Namespace, Told], int]] = {
    "break": break_,
    "hint": hint,
    "grade": grade_,
    "phase": phase,
    "save": save_,
}
