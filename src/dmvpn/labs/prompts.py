"""The prompts of a lab, asked by programs: many at a time, since most of the time is spent on lost pings."""

from __future__ import annotations

import contextlib
import io
from collections import deque
from functools import cached_property
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.face import client
from dmvpn.labs import orders
from dmvpn.shells.facts import LabFacts
from dmvpn.shells.lab import control

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dmvpn.base.barriers import Barrier, Gap
    from dmvpn.labs.copied import CopiedLab
    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.shells.scenario import Scenario

_AT_A_TIME: Final = 12
#: Seconds for which a router may be silent.
_PATIENCE: Final = 60.0
#: Seconds without any answer after which a simulated lab has nothing to do but to wait, and how many then pass at once.
_IDLE, _LEAP = 0.1, 1.0


class Prompts:
    """Of the routers of a lab that runs, or of a router that runs alone."""

    def __init__(self, folder: LabFolder) -> None:
        self._folder = folder

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """Return what commands print at routers; "" for a router that does not answer.

        In a simulated lab the wait is in virtual time.
        """
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
        return LabFacts.model_validate(control.order(self._folder.control, do="facts"))

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
        """Return why a route does not pass from a router to its neighbor, by a copy of the running configurations."""
        return self._copy.why(gap)

    @cached_property
    def _copy(self) -> CopiedLab:
        from dmvpn.labs.copied import brought_up

        return brought_up(self.scenario())

    def earlier(self) -> Iterator[dict[str, str]]:
        """Yield configurations of its routers that may have been good: what they saved, and what the lab began with."""
        given = orders.scenario(self._folder).configurations
        saved = self.ask([(router, "show startup-config") for router in given])
        yield {name: _body(text) for name, text in zip(given, saved, strict=True) if "\nversion " in f"\n{text}"}
        yield given

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
