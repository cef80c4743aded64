"""A copy of a network in virtual time, with prompts: for the doctor to look at, and to try remedies in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered
from dmvpn.face.handle import new_session
from dmvpn.face.oneshot import OneShot
from dmvpn.shells.handle import Handle
from dmvpn.tools.diff import Subject
from dmvpn.tools.remedies import settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.effects import Effect
    from dmvpn.shells.facts import LabFacts
    from dmvpn.shells.scenario import Scenario

#: Virtual seconds that a command may take, and between two looks whether it is done.
_PATIENCE, _STEP = 600.0, 0.01


def brought_up(scenario: Scenario) -> CopiedLab:
    """A network that runs and whose LANs have talked."""
    copy = CopiedLab(scenario)
    settle(copy)
    return copy


class CopiedLab:
    """A `Copy` of a scenario (tools/remedies), just built."""

    def __init__(self, scenario: Scenario, seed: int = 1) -> None:
        self._scenario = scenario
        self.subject = Subject.of(scenario, seed)
        self._world = self.subject.world
        self._handles = {name: self._handle(name) for name in self._world.routers}

    def _handle(self, name: str) -> Handle:
        world = self._world

        def store(_key: str, _octets: bytes) -> None:
            """Nothing outlives the copy."""

        handle = Handle(lambda: world.routers[name].router, lambda: world.now, lambda e: world.post(name, e), store)

        def outside(effect: Effect) -> None:
            handle.tell(effect)

        world.routers[name].outside = outside
        return handle

    def facts(self) -> LabFacts:
        """How it is now."""
        return self._world.facts(self._scenario)

    def scenario(self) -> Scenario:
        """What it was made of."""
        return self._scenario

    def only_router(self) -> str | None:
        """The one router of a network of one."""
        names = list(self._world.routers)
        return names[0] if len(names) == 1 else None

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """What commands print; a dead router says nothing."""
        return [self._typed(router, line)[0] if self._world.routers[router].alive else "" for router, line in questions]

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._world.run_for(seconds)

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Enter lines. Raises UserError for one that is refused."""
        said, status = self._typed(router, "configure terminal", *lines, "end")
        if status:
            raise UserError(f"{router} refuses: {said.strip()}")

    def running(self, router: str) -> str:
        """What it runs."""
        return "\n".join([*self._world.routers[router].router.running.render(), "end"]) + "\n"

    def replace(self, router: str, text: str) -> None:
        """Enter a whole configuration in place of what it runs."""
        certificates = self._world.certificates.get(router)
        head = certificates.head if certificates is not None else ""
        self._world.post(router, ConfigurationEntered(head + text, saved=True))

    def _typed(self, router: str, *lines: str) -> tuple[str, int]:
        """What is printed, and the status of the last refusal."""
        handle, end = self._handles[router], self._world.now + _PATIENCE
        session = OneShot(handle, new_session(), lines)
        stop = handle.subscribe(session.effect)
        pieces: list[str] = []
        while not session.done and self._world.now < end:
            piece = session.step()
            pieces.append(piece)
            if not piece and not session.done:
                self._world.run_for(_STEP)
        stop()
        return "".join(pieces), session.status
