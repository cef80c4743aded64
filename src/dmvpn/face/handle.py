"""The interface of a router for its sessions. Every shell (runtime, lab, simulator) makes such handles.

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
    """Return a unique number for a session."""
    return next(_numbers)


@dataclass(frozen=True, slots=True)
class TerminalLine:
    """The terminal line of a user.

    kind: "con" or "vty".
    location: the source address of the user, "" on the console.
    """

    kind: str = "con"
    number: int = 0
    user: str = ""
    location: str = ""

    @property
    def is_console(self) -> bool:
        """True for the console, which shows log messages by default."""
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
#: Why nothing changes a frozen router.
FROZEN = "this is a recording: it can be looked at, and nothing changes it"


class RouterHandle(Protocol):
    """One router, as its sessions see it."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features of the router, which define its commands."""
        ...

    @property
    def configurator(self) -> Configurator:
        """Its configuration language."""
        ...

    @property
    def is_frozen(self) -> bool:
        """True if no session changes the router: it is that of a recording."""
        ...

    @property
    def entropy(self) -> Entropy:
        """Unpredictable octets for typed commands; not the entropy of the router, whose draws belong to its events."""
        ...

    def context(self, session: int, *, hides: bool = False) -> ShowContext:
        """Return what a show command may look at, now. hides: no keys and passwords."""
        ...

    def prepare(self, text: str) -> None:
        """Compute in advance, in slices, the results that a `ConfigurationEntered` of this text needs."""
        ...

    def post(self, event: Event) -> None:
        """Let the router handle an event before this returns; in a call from a listener: soon afterwards."""
        ...

    @property
    def startup_text(self) -> str:
        """The startup configuration."""
        ...

    def save(self, text: str) -> None:
        """Save this startup configuration. Raises OSError if it was not saved."""
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
        """Call `listener` with each `ConsoleLine`, `JobOutput` and `JobDone`. Returns a function that stops it."""
        ...
