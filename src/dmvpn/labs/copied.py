"""A copy of a network in virtual time, with prompts: for the doctor to look at, and to try remedies in."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered
from dmvpn.face.context import new_session
from dmvpn.face.interpreter import OneShot
from dmvpn.labs.breakable import Breakable
from dmvpn.router.passing import barrier
from dmvpn.shells.handle import Handle
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.simulator.network import Impairment
from dmvpn.tools.diff.measuring import Subject
from dmvpn.tools.remedies.trial import settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dmvpn.base.barriers import Barrier, Gap
    from dmvpn.base.effects import Effect
    from dmvpn.shells.facts import LabFacts, LinkFacts
    from dmvpn.shells.scenario import Scenario
    from dmvpn.shells.simulator import Simulator

#: Virtual seconds that a command may take, and between two looks whether it is done.
_PATIENCE, _STEP = 600.0, 0.01


def brought_up(scenario: Scenario) -> CopiedLab:
    """Return a network that runs and whose LANs have talked."""
    copy = CopiedLab(scenario)
    settle(copy)
    return copy


class CopiedLab(Breakable):
    """A `Copy` of a scenario (tools/remedies), and a `Bench` (tools/troubles), just built."""

    def __init__(
        self, scenario: Scenario, seed: int = 1, links: Iterable[LinkFacts] = (), *, subject: Subject | None = None
    ) -> None:
        """links: their bad wires are bad in the copy, too. subject: one of the scenario that is already built."""
        self._scenario = scenario
        self.subject = Subject.of(scenario, seed) if subject is None else subject
        self._world = self.subject.world
        self._impair(links)
        self._handles = {name: self._handle(name) for name in self._world.routers}

    def _impair(self, links: Iterable[LinkFacts]) -> None:
        """Let wires drop the packets that they are known to drop in the lab: else lines are tried on better wires.

        Random loss is left out: it would prove nothing about the lines.
        """
        for link in links:
            badness = replace(Badness.named(link.bad), loss=0.0)
            for end in link.ends[:1] if not badness.harmless else ():
                with suppress(KeyError):  # a large network has not all of its wires in the copy
                    self._world.segment_of(*end).impairment = Impairment.of(badness)

    def _handle(self, name: str) -> Handle:
        world = self._world

        def store(_key: str, _octets: bytes) -> None:
            """Do nothing: a copy keeps no files."""

        handle = Handle(lambda: world.routers[name].router, lambda: world.now, lambda e: world.post(name, e), store)

        def outside(effect: Effect) -> None:
            handle.tell(effect)

        world.routers[name].outside = outside
        return handle

    @property
    def simulator(self) -> Simulator:
        """The network."""
        return self._world

    def facts(self) -> LabFacts:
        """Return the facts of the lab as of now."""
        return self._world.facts(self._scenario)

    def scenario(self) -> Scenario:
        """Return the scenario that the lab was made of."""
        return self._scenario

    def earlier(self) -> Iterable[dict[str, str]]:
        """Return no earlier configurations: a folder has none."""
        return ()

    def only_router(self) -> str | None:
        """Return the one router of a network of one."""
        names = list(self._world.routers)
        return names[0] if len(names) == 1 else None

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """Return the output of commands that are typed at the same time; "" for a dead router."""
        nodes = self._world.routers
        asked = [number for number, (router, _) in enumerate(questions) if nodes[router].alive]
        said = self._typed([(questions[number][0], questions[number][1:]) for number in asked])
        answers = {number: text for number, (text, _) in zip(asked, said, strict=True)}
        return [answers.get(number, "") for number in range(len(questions))]

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._world.run_for(seconds)

    def why(self, gap: Gap) -> Barrier | None:
        """Return why a route does not pass from a router to its neighbor; None: it does, or it is not known."""
        sender, receiver = (self._world.routers[end.router] for end in (gap.sender, gap.receiver))
        return barrier(sender.router, receiver.router, gap) if sender.alive and receiver.alive else None

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Enter lines. Raises UserError if the router refuses a line."""
        ((said, status),) = self._typed([(router, ("configure terminal", *lines, "end"))])
        if status:
            raise UserError(f"{router} refuses: {said.strip()}")

    def running(self, router: str) -> str:
        """Return the running configuration of a router."""
        return "\n".join([*self._world.routers[router].router.running.render(), "end"]) + "\n"

    def replace(self, router: str, text: str) -> None:
        """Replace the running configuration by this one."""
        certificates = self._world.certificates.get(router)
        head = certificates.head if certificates is not None else ""
        self._world.post(router, ConfigurationEntered(head + text, saved=True))

    def _typed(self, typed: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, int]]:
        """Return what each of several prompts prints, and the status of its last refusal."""
        sessions = [OneShot(self._handles[router], new_session(), lines) for router, lines in typed]
        stops = [self._handles[router].subscribe(one.effect) for (router, _), one in zip(typed, sessions, strict=True)]
        texts, end = ["" for _ in typed], self._world.now + _PATIENCE
        while not all(one.done for one in sessions) and self._world.now < end:
            pieces = [one.step() for one in sessions]
            texts = [text + piece for text, piece in zip(texts, pieces, strict=True)]
            if not any(pieces) and not all(one.done for one in sessions):
                self._world.run_for(_STEP)
        for stop in stops:
            stop()
        return [(text, one.status) for text, one in zip(texts, sessions, strict=True)]
