"""What a session sees: the router by its handle, the user's screen, and the view that a show about the session gets.

Every shell (runtime, lab, simulator) makes a `RouterHandle`. A session asks (`context`), orders (`post`, `save`) and
listens (`subscribe`). It never touches a machine, a plane or a clock: so the same session serves a router in a
namespace, one in the simulator, and a fake one in a test.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import field
from typing import Protocol, TypeVar

from dmvpn.base.effects import Effect
from dmvpn.base.entropy import Entropy
from dmvpn.base.events import Event
from dmvpn.base.ports import Ports
from dmvpn.base.shell import Captures, Flash
from dmvpn.base.values import Mutable, Value
from dmvpn.face.requests import SetHistory, SetMonitor, SetScreen, SetTimestamps
from dmvpn.ios import ConfigTree, Configurator, Feature, ShowContext

# ------------------------------------------------------------------------------------------------ the router


#: Sessions of this process, over all routers and servers, so that no two jobs answer to one number.
_numbers = itertools.count(1)


def new_session() -> int:
    """Return a unique number for a session."""
    return next(_numbers)


class TerminalLine(Value):
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
FROZEN = "this is a recording: it is read-only"


class RouterHandle(Protocol):
    """One router, as its sessions see it."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features of the router, which define its commands."""

    @property
    def configurator(self) -> Configurator:
        """Its configuration language."""

    @property
    def is_frozen(self) -> bool:
        """True if no session changes the router: it is that of a recording."""

    @property
    def entropy(self) -> Entropy:
        """Unpredictable octets for typed commands; not the entropy of the router, whose draws belong to its events."""

    def context(self, session: int, *, hides: bool = False) -> ShowContext:
        """Return what a show command may look at, now. hides: no keys and passwords."""

    def prepare(self, text: str) -> None:
        """Compute in advance, in slices, the results that a `ConfigurationEntered` of this text needs."""

    def post(self, event: Event) -> None:
        """Let the router handle an event before this returns; in a call from a listener: soon afterwards."""

    @property
    def startup_text(self) -> str:
        """The startup configuration."""

    def save(self, text: str) -> None:
        """Save this startup configuration. Raises OSError if it was not saved."""

    @property
    def flash(self) -> Flash:
        """Its files."""

    @property
    def captures(self) -> Captures:
        """Its capture of packets."""

    def subscribe(self, listener: Callable[[Effect], None]) -> Callable[[], None]:
        """Call `listener` with each `ConsoleLine`, `JobOutput` and `JobDone`. Returns a function that stops it."""


# ------------------------------------------------------------------------------------------------ the screen


class Screen(Mutable):
    """How a session wants to read.

    rows, columns: of the window.
    length, width: chosen instead of them, or None.
    timestamps: shows begin with the time.
    """

    rows: int = 24
    columns: int = 80
    length: int | None = None
    width: int | None = None
    monitor: bool = False
    timestamps: bool = False
    history_size: int = 10
    history: list[str] = field(default_factory=list)

    @property
    def page(self) -> int:
        """Lines until `--More--`; 0: no pages."""
        return self.rows if self.length is None else self.length

    @property
    def line(self) -> int:
        """Columns until a line is full; 0: endless."""
        return self.columns if self.width is None else self.width

    def set(self, request: SetScreen | SetMonitor | SetTimestamps | SetHistory) -> None:
        """Carry out a `terminal` command."""
        match request:
            case SetScreen(length=length, width=width):
                self.length = self.length if length is None else length
                self.width = self.width if width is None else width
            case SetMonitor(on=on):
                self.monitor = on
            case SetTimestamps(on=on):
                self.timestamps = on
            case SetHistory(size=size):
                self.history_size = size


# ------------------------------------------------------------------------------------------------ the view of a show


M = TypeVar("M")


class User(Value):
    """A user on a line.

    idle: seconds since the last key.
    here: True for the session of the show itself.
    """

    line: TerminalLine
    idle: float = 0.0
    here: bool = False


class SessionContext(Value, kw_only=True):
    """The view of these shows: the router as every show sees it, and the session."""

    view: ShowContext
    startup_text: str
    flash: Flash
    captures: Captures
    privilege: int
    history: tuple[str, ...]
    screen: Screen
    users: tuple[User, ...]

    @property
    def ports(self) -> Ports:
        """The answering machines."""
        return self.view.ports

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self.view.now

    @property
    def running(self) -> ConfigTree:
        """The running configuration."""
        return self.view.running

    @property
    def hides(self) -> bool:
        """True if the output leaves keys and passwords out."""
        return self.view.hides

    @property
    def features(self) -> tuple[Feature, ...]:
        """All features."""
        return self.view.features

    def machine(self, kind: type[M]) -> M:
        """Return the machine of this class. Raises KeyError."""
        return self.view.machine(kind)
