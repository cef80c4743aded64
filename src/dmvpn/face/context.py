"""The view of a show about the session itself: the router as every show sees it, and the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.captures import Captures
    from dmvpn.base.counting import Counting
    from dmvpn.base.flash import Flash
    from dmvpn.base.ports import Ports
    from dmvpn.face.handle import TerminalLine
    from dmvpn.face.screen import Screen
    from dmvpn.ios import ConfigTree, Feature, ShowContext

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class User:
    """A user on a line.

    idle: seconds since the last key.
    here: True for the session of the show itself.
    """

    line: TerminalLine
    idle: float = 0.0
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionContext:
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
    def counting(self) -> Counting:
        """The data plane, for the counters of this moment."""
        return self.view.counting

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self.view.now

    @property
    def hostname(self) -> str:
        """The router's configured name."""
        return self.view.hostname

    @property
    def running(self) -> ConfigTree:
        """The running configuration."""
        return self.view.running

    @property
    def session(self) -> int:
        """The session that asks."""
        return self.view.session

    @property
    def hides(self) -> bool:
        """True if the output leaves keys and passwords out."""
        return self.view.hides

    @property
    def features(self) -> tuple[Feature, ...]:
        """All features."""
        return self.view.features

    @property
    def awake(self) -> tuple[Feature, ...]:
        """The features whose machine exists."""
        return self.view.awake

    def machine(self, kind: type[M]) -> M:
        """Return the machine of this class. Raises KeyError."""
        return self.view.machine(kind)
