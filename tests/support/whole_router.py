"""A whole router for tests of VRFs: configuration goes in, effects, logs and shows come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, EnteredLine, LinesEntered, LinkChanged, Tick
from dmvpn.features.interface.machine import InterfaceMachine
from dmvpn.ios import CliError, ExecParser
from dmvpn.router.features import FEATURES
from dmvpn.router.router import Router

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event

GI = "GigabitEthernet0/1"


class WholeRouter:
    """A whole router whose port is up."""

    def __init__(self, text: str) -> None:
        self.router = Router(SeededEntropy(1))
        self.now = 0.0
        self.logs: list[str] = []
        self.router.logged = lambda log: self.logs.append(f"%{log.kind.name}: {log.text}")
        self.effects = self.router.handle(ConfigurationEntered(text), 0.0)
        self.effects += self.router.handle(LinkChanged(GI, up=True), 0.0)

    def enter(self, *lines: str) -> list[Effect]:
        """Enter lines in configuration mode; lines that are indented belong to the line before them."""
        section: tuple[str, ...] = ()
        entered: list[EnteredLine] = []
        for line in lines:
            entered.append(EnteredLine(section if line.startswith(" ") else (), line.strip()))
            section = section if line.startswith(" ") else (line,)
        return self.router.handle(LinesEntered(tuple(entered)), self.now)

    def wait(self, seconds: float) -> list[Effect]:
        """Let time pass."""
        effects: list[Effect] = []
        end = self.now + seconds
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            effects += self.router.handle(Tick(), self.now)
        self.now = end
        return effects

    def why(self, name: str = "Tunnel100") -> str:
        """Return why the line protocol is down, "": it is up."""
        state = self.router.machine(InterfaceMachine).get(name)
        assert state is not None
        return str(state.reason) if state.reason else ""

    def take(self, event: Event) -> list[Effect]:
        """Hand over an event."""
        return self.router.handle(event, self.now)

    def show(self, line: str) -> list[str]:
        """Return the lines of a show command."""
        match = ExecParser([command for feature in FEATURES for command in feature.commands]).match(line)
        assert not isinstance(match, CliError), match
        return list(match.lines(self.router.context(self.now)))
