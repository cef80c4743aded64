"""What a session needs of the router behind it. Every shell (runtime, lab, simulator) makes such handles.

A session asks (`context`), orders (`post`, `save`) and listens (`subscribe`). It never touches a machine, a plane or a
clock: so the same session serves a router in a namespace, one in the simulator, and a fake one in a test.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Protocol

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.captures import Captures
    from dmvpn.base.effects import Effect
    from dmvpn.base.entropy import Entropy
    from dmvpn.base.events import Event
    from dmvpn.base.flash import Flash
    from dmvpn.ios import Configurator, Feature, ShowContext

#: Sessions of this process, over all routers and servers, so that no two jobs answer to one number.
_numbers = itertools.count(1)


def new_session() -> int:
    """Return a number for a session that nobody else has."""
    return next(_numbers)


@dataclass(frozen=True, slots=True)
class TerminalLine:
    """The terminal line on which somebody sits.

    kind: "con" or "vty".
    location: the far address, "" on the console.
    """

    kind: str = "con"
    number: int = 0
    user: str = ""
    location: str = ""

    @property
    def is_console(self) -> bool:
        """Log messages come here without being asked for."""
        return self.kind == "con"

    @property
    def who(self) -> str:
        """The user who changes the configuration, as the head of the configuration and the log name them."""
        return self.user or "console"

    @property
    def place(self) -> str:
        """Where, as `%SYS-5-CONFIG_I` has it: "console", "vty0 (10.0.0.5)"."""
        if self.is_console:
            return "console"
        return f"vty{self.number} ({self.location})" if self.location else f"vty{self.number}"


CONSOLE = TerminalLine()


class RouterHandle(Protocol):
    """One router, as its sessions see it."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """What it consists of: the commands come from here."""
        ...

    @property
    def configurator(self) -> Configurator:
        """Its configuration language."""
        ...

    @property
    def entropy(self) -> Entropy:
        """Unpredictable octets for what is typed; not those of the router, whose draws belong to its events."""
        ...

    def context(self, session: int, *, hides: bool = False) -> ShowContext:
        """Return what a show command may look at, now. hides: no keys and passwords."""
        ...

    def prepare(self, text: str) -> None:
        """Let it make beforehand, with breaths in between, what a `ConfigurationEntered` of this text needs."""
        ...

    def post(self, event: Event) -> None:
        """Hand it an event. It is handled when this returns, unless the call came from a listener: then soon."""
        ...

    @property
    def startup_text(self) -> str:
        """The configuration that it would start with."""
        ...

    def save(self, text: str) -> None:
        """Let it start with this configuration from now on. Raises OSError; then it does not."""
        ...

    @property
    def flash(self) -> Flash:
        """Its files."""
        ...

    @property
    def captures(self) -> Captures:
        """Its capture of packets."""
        ...

    def subscribe(self, listener: Callable[[Effect], None]) -> Callable[[], None]:
        """Tell `listener` every `ConsoleLine`, `JobOutput` and `JobDone` (others do no harm). Returns how to stop."""
        ...
