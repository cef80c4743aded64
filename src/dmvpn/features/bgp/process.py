"""What the parts of the process share: its configuration and name, its timers, and where their orders go.

The machine alone writes configuration and router ID.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.chores import PAUSE, Chores
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.notices import DebugOutput
from dmvpn.features.bgp.model import BgpConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports

#: Neighbors that long work sees to in one event.
_STEPS: Final = 32


class Process:
    """timers: of a kind, and of whom: a peer, a stream, a group, or 0. results: of the event that is handled, now."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.config = BgpConfig()
        self.router_id: IPv4Address | None = None
        self.timers: Deadlines[tuple[str, IPv4Address | int]] = Deadlines()
        self.results: list[Effect | Notice] = []
        self.now = 0.0
        self._chores = Chores(_STEPS)

    def begin(self, now: float) -> None:
        """Begin to handle an event."""
        self.results, self.now = [], now

    def work(self, work: Iterator[None]) -> None:
        """Do long work, about one neighbor after the other: some of it now, the rest in later events."""
        self._chores.begin(work)
        self._go_on_later()

    def go_on(self) -> None:
        """Do some more of the long work."""
        self._chores.go_on()
        self._go_on_later()

    def _go_on_later(self) -> None:
        if self._chores.is_busy:
            self.timers.set(("chores", 0), self.now + PAUSE)

    def order(self, *results: Effect | Notice) -> None:
        """Add effects and notices to the results of this event."""
        self.results += results

    def traces(self, neighbor: IPv4Address, *flags: str) -> bool:
        """Return whether one of these debugs is on for this neighbor. Ask first: formatting costs."""
        return any(self.ports.debugging.on(flag, address=neighbor) for flag in flags)

    def debug(self, lines: Iterable[str]) -> None:
        """Print debug lines."""
        self.order(DebugOutput(tuple(lines)))

    def choose_router_id(self, *, again: bool = False) -> None:
        """Choose the configured identifier, or the address of the configured interface, else the highest address of a
        loopback, else of any interface; it stays what it is. again: unless there is a better one, since nobody
        configures it any more.
        """
        state = self.ports.interfaces.get(self.config.router_id_of) if self.config.router_id_of else None
        if self.config.router_id is not None:
            self.router_id = self.config.router_id
        elif state is not None and isinstance(state.address, IPv4Address):
            self.router_id = state.address
        elif self.router_id is None or again:
            states = self.ports.interfaces.all()
            for some in ([one for one in states if one.name.startswith("Loopback")], states):
                addresses = [one.address for one in some if isinstance(one.address, IPv4Address)]
                if addresses:
                    self.router_id = max(addresses)
                    return
