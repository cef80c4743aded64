"""What people read of a member of an overlay: its show commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.shell import NO_PLANE, NoPlane
from dmvpn.features.nhrp.show import COMMANDS
from dmvpn.ios import ConfigTree, ExecParser, Match

if TYPE_CHECKING:
    from dmvpn.base.ports import Ports
    from support.overlay import Overlay

M = TypeVar("M")


@dataclass
class View:
    """The `ShowContext` of a member of an overlay."""

    overlay: Overlay
    name: str
    session: int = 0
    hostname: str = "R31"
    running: ConfigTree = field(default_factory=ConfigTree)
    counting: NoPlane = NO_PLANE

    @property
    def now(self) -> float:
        return self.overlay.now

    @property
    def ports(self) -> Ports:
        return self.overlay.members[self.name].ports

    def machine(self, kind: type[M]) -> M:
        machine = self.overlay.members[self.name].machine
        assert isinstance(machine, kind)
        return machine


def show(overlay: Overlay, name: str, line: str) -> str:
    """Return the text of a command."""
    match = match_of(line)
    return "".join(f"{text}\n" for text in match.lines(View(overlay, name)))


def match_of(line: str) -> Match:
    """Return the command of a line."""
    match = ExecParser(COMMANDS).match(line)
    assert isinstance(match, Match), match
    return match
