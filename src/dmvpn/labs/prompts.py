"""The prompts of a lab, asked by programs: many at a time, since most of the time is spent on lost pings.

A lab that runs is also a place for lessons and exercises: a `Bench` of troubles, an `ExerciseBench` of exercises.
"""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections import deque
from functools import cached_property
from ipaddress import ip_network
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.face import client
from dmvpn.labs import orders
from dmvpn.shells.lab.badness import HARMLESS, Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.lessons import fixed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dmvpn.base.barriers import Barrier, Gap
    from dmvpn.labs.copied import CopiedLab
    from dmvpn.shells.facts import LabFacts
    from dmvpn.shells.lab.places import LabFolder

_AT_A_TIME: Final = 12
#: Seconds for which a router may be silent.
_PATIENCE: Final = 60.0
#: Seconds without any answer after which a simulated lab has nothing to do but to wait, and how many then pass at once.
_IDLE, _LEAP = 0.1, 1.0
#: Seconds of the processor until no further copy is brought up to ask why routes do not pass.
LONGEST: Final = 90.0
#: A copy in `show archive`, the oldest first.
_COPY: Final = re.compile(r"flash:[^\s<]+(?!\S)")


# ------------------------------------------------------------------------------------------------ prompts


class Prompts:
    """Of the routers of a lab that runs, or of a router that runs alone."""

    def __init__(self, folder: LabFolder) -> None:
        self._folder = folder
        self._copy: CopiedLab | None = None
        self._spent = 0.0

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """Return what commands print at routers; "" for a router that does not answer.

        In a simulated lab the wait is in virtual time.
        """
        if self._folder.is_here:  # this thread has the lab, too, and the wait takes no time
            return [answer(self._folder.management(router), line) for router, line in questions]
        asked, answers = deque(enumerate(questions)), [""] * len(questions)
        found: SimpleQueue[tuple[int, str]] = SimpleQueue()

        def ask() -> None:
            with contextlib.suppress(IndexError):  # there are no more questions
                while True:
                    index, (router, line) = asked.popleft()
                    text = ""
                    try:
                        text = answer(self._folder.management(router), line)
                    finally:
                        found.put((index, text))

        for _ in range(min(_AT_A_TIME, len(questions))):
            Thread(target=ask, daemon=True).start()  # an interrupted command does not wait for them
        left = len(questions)
        while left:
            try:
                index, text = found.get(timeout=_IDLE)
                answers[index], left = text, left - 1
            except Empty:
                if self.is_simulated:
                    self.wait(_LEAP)
        return answers

    def facts(self) -> LabFacts:
        """Return the facts of the lab as of now."""
        return orders.facts(self._folder)

    def running(self, routers: Sequence[str]) -> dict[str, str]:
        """Return the running configurations of the routers that answer."""
        answers = self.ask([(router, "show running-config") for router in routers])
        return {name: _body(answer) for name, answer in zip(routers, answers, strict=True) if answer}

    def scenario(self) -> Scenario:
        """Return the lab with running configurations, those of the scenario for dead routers; without certificates.

        Raises UserError.
        """
        from dmvpn.shells.scenario import Scenario

        given = orders.scenario(self._folder)
        running = self.running(list(given.configurations))
        return Scenario(given.name, given.lab, {**given.configurations, **running})

    def why(self, gap: Gap) -> Barrier | None:
        """Return why a route does not pass from a router to its neighbor, by a copy of the running configurations; None
        as well where copies have taken long.

        A copy of a large network has the two routers and those with the prefix; other routers need another copy.
        """
        ends = {gap.sender.router, gap.receiver.router}
        if (self._copy is None or not ends <= {*self._copy.simulator.routers}) and self._spent < LONGEST:
            from dmvpn.labs.copied import brought_up
            from dmvpn.tools.remedies.affected_pairs import reduced

            begun, facts, prefix = time.process_time(), self.facts(), ip_network(str(gap.prefix))
            known = {name: one.addresses.values() for name, one in facts.routers.items() if one is not None}
            owners = [name for name, ports in known.items() if any(ip in prefix for port in ports for ip in port)]
            self._copy = brought_up(reduced(self.scenario(), facts, (*sorted(ends), *owners)))
            self._spent += time.process_time() - begun
        return self._copy.why(gap) if self._copy is not None else None

    def earlier(self) -> Iterator[dict[str, str]]:
        """Yield configurations of its routers that may have been good: what they saved, the copies of their archives,
        the newest first, and what the lab began with.
        """
        given = orders.scenario(self._folder).configurations
        yield self._saved(dict.fromkeys(given, "show startup-config"))
        archives = self.ask([(router, "show archive") for router in given])
        copies = {router: _COPY.findall(text)[::-1] for router, text in zip(given, archives, strict=True)}
        for number in range(max(map(len, copies.values()), default=0)):
            of_age = {router: known[min(number, len(known) - 1)] for router, known in copies.items() if known}
            yield self._saved({router: f"more {file}" for router, file in of_age.items()})
        yield given

    def _saved(self, commands: Mapping[str, str]) -> dict[str, str]:
        """Return the configurations that these commands print at routers."""
        texts = zip(commands, self.ask(list(commands.items())), strict=True)
        return {name: _body(text) for name, text in texts if "\nversion " in f"\n{text}"}

    def only_router(self) -> str | None:
        """Return the one router of a lab of one: all that `dmvpn run` has."""
        names = list(self.facts().routers)
        return names[0] if len(names) == 1 else None

    def wait(self, seconds: float) -> None:
        """Let time pass; in a simulated lab at once."""
        orders.let_pass(self._folder, seconds, simulated=self.is_simulated)

    @cached_property
    def is_simulated(self) -> bool:
        """True if the lab has virtual time. A router that runs alone has no such status."""
        with contextlib.suppress(UserError):
            return orders.status(self._folder).simulated
        return False


def _body(running: str) -> str:
    """Return a running configuration without its heading: when it was changed last is no difference."""
    from dmvpn.network.lines import Lines

    return "\n".join([*Lines.of(running).lines, "end"]) + "\n"


def answer(management: Path, line: str) -> str:
    """Return what a command prints at one prompt; "" if the router does not answer."""
    printed = io.BytesIO()
    with contextlib.suppress(UserError, OSError):
        client.execute(management, [line], printed, patience=_PATIENCE)
    return printed.getvalue().decode(errors="replace")


# ------------------------------------------------------------------------------------------------ a place for lessons


class LabBench(Prompts):
    """See the module's docstring."""

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Type lines in configuration mode. Raises UserError if the router refuses one."""
        output = io.BytesIO()
        if client.execute(self._folder.management(router), ["configure terminal", *lines, "end"], output):
            raise UserError(f"{router} refuses: {output.getvalue().decode().strip()}")

    def impair(self, link: str, badness: Badness) -> None:
        """Make a wire this bad, and nothing is to be seen of that."""
        orders.impair(self._folder, link, badness, hidden=True)

    def kill(self, router: str) -> None:
        """End a router."""
        orders.kill(self._folder, router)

    def set_nat(self, gateway: str, kind: str) -> None:
        """Change the kind of a translator, and nothing is to be seen of that."""
        orders.rebind(self._folder, gateway, kind=kind, hidden=True)

    def badness(self, link: str) -> Badness:
        """Return the impairment of a wire, except an impairment hidden by `lab break`."""
        status, scenario = orders.status(self._folder), orders.scenario(self._folder)
        for name, (ends, _) in zip(status.links, scenario.segments(), strict=False):
            if Scenario.end(link) in ends and name in status.impaired:
                return status.impaired[name]
        return HARMLESS

    def restore(self, link: str, badness: Badness) -> None:
        """Restore a wire; the status of the lab shows it."""
        orders.impair(self._folder, link, badness)

    @property
    def fixed(self) -> int:
        """How many troubles were fixed here."""
        return fixed(self._folder.path)
