"""What a show command may look at: machines, ports, the time, the configuration. Nothing here changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from dmvpn.base.counting import Counting
    from dmvpn.base.ports import Ports
    from dmvpn.ios.feature import Feature
    from dmvpn.ios.tree import ConfigTree

M = TypeVar("M")


class ShowContext(Protocol):
    """One command's view of a router, made again for each command."""

    @property
    def ports(self) -> Ports:
        """The answering machines."""
        ...

    @property
    def counting(self) -> Counting:
        """The data plane, for the counters of this moment."""
        ...

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        ...

    @property
    def hostname(self) -> str:
        """The router's configured name."""
        ...

    @property
    def running(self) -> ConfigTree:
        """The running configuration."""
        ...

    @property
    def session(self) -> int:
        """The session that asks; jobs answer to it."""
        ...

    @property
    def features(self) -> tuple[Feature, ...]:
        """All features, for commands that collect from several."""
        ...

    def machine(self, kind: type[M]) -> M:
        """The machine of this class. Raises KeyError if the router has none."""
        ...
