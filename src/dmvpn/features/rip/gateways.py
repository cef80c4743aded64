"""Gateways: routers that announced routes, and when each was last heard.

RIP has no neighbors. A gateway appears with its first response, and disappears when it has been silent until its routes
are invalid, when BFD or triggered RIP loses it, or with its interface. The chronicle is informed, and on silence NHRP
as well: a silent next hop server may have lost our registration.

BFD watches a gateway where `bfd all-interfaces`, `ip rip bfd` or `neighbor ... bfd` says so. Their number per interface
is limited; the first ones stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.chronicle import Sign
from dmvpn.base.liveness import Client, WatchWanted
from dmvpn.base.notices import NeighborSilent

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.context import Context
    from dmvpn.features.rip.table import State

#: Gateways whose last response is remembered, for `show ip protocols`: senders can be forged.
MOST_REMEMBERED: Final = 4096


class Gateways:
    """The gateways of the process. heard: when, seconds, of lost gateways as well. present: with their interfaces."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.heard: dict[IPAddress, float] = {}
        self.present: dict[IPAddress, str] = {}

    def hear(self, interface: str, gateway: IPAddress, invalid: float) -> None:
        """Record that a gateway announced routes. When too many are known, gateways that are silent for long are
        forgotten.
        """
        now = self._context.now
        if len(self.heard) >= MOST_REMEMBERED and gateway not in self.heard:
            self.heard = {known: heard for known, heard in self.heard.items() if heard > now - invalid}
            self.present = {known: name for known, name in self.present.items() if known in self.heard}
            if len(self.heard) >= MOST_REMEMBERED:
                return
        self.heard[gateway] = now
        if gateway not in self.present:
            self.present[gateway] = interface
            self._report(Sign.CAME, gateway, interface, "tells routes")

    def look(self, heard: Mapping[IPAddress, float], since: float, invalid: float) -> None:
        """Give up gateways that were last heard before `since`. invalid: how long ago that is, seconds."""
        silent = [gateway for gateway in self.present if heard.get(gateway, since) <= since]
        for gateway in silent:
            self.lose(gateway, f"silent for {invalid:g} seconds")

    def lose(self, gateway: IPAddress, why: str) -> None:
        """Record that a gateway is silent, and notify NHRP."""
        interface = self.present.pop(gateway, None)
        if interface is not None:
            self._context.emit(NeighborSilent(interface, gateway))
            self._report(Sign.WENT, gateway, interface, why)

    def reconsider(self, circuits: Container[str]) -> None:
        """Forget the gateways of interfaces that no longer speak RIP."""
        gone = [(gateway, name) for gateway, name in self.present.items() if name not in circuits]
        for gateway, name in gone:
            del self.present[gateway]
            self._report(Sign.WENT, gateway, name, "interface down")

    def clear(self) -> None:
        """Forget when each was last heard."""
        self.heard.clear()

    def _report(self, sign: Sign, gateway: IPAddress, interface: str, what: str) -> None:
        self._context.tell_of_neighbor(sign, gateway, interface, f"RIP: {what}")


# ------------------------------------------------------------------------------------------------ BFD


#: There is only one process.
PROCESS: Final = 0
#: Maximum gateways watched on one interface: senders can be forged, and each costs a BFD session.
MOST_WATCHED: Final = 1024


class Watched:
    """Gateways that BFD watches for us: interfaces and addresses, in order."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._gateways: dict[tuple[str, IPAddress], None] = {}
        self._count: dict[str, int] = {}

    def heard(self, interface: str, gateway: IPAddress) -> None:
        """Watch a gateway that announced routes, if configured."""
        key = interface, gateway
        if key in self._gateways or not self._state.config.watches(interface, gateway):
            return
        if self._count.get(interface, 0) >= MOST_WATCHED:
            return
        self._count[interface] = self._count.get(interface, 0) + 1
        self._gateways[key] = None
        self._state.context.emit(WatchWanted(Client.RIP, PROCESS, interface, gateway, wanted=True))

    def reconsider(self) -> None:
        """Stop watching gateways after the configuration changed or a circuit closed."""
        circuits, config = self._state.circuits, self._state.config
        self._end([key for key in self._gateways if key[0] not in circuits or not config.watches(*key)])

    def let_go(self, heard: Mapping[IPAddress, float], since: float) -> None:
        """Stop watching gateways that were last heard before `since`, seconds."""
        self._end([key for key in self._gateways if heard.get(key[1], since) <= since])

    def _end(self, keys: list[tuple[str, IPAddress]]) -> None:
        for name, address in keys:
            del self._gateways[name, address]
            self._count[name] -= 1
            self._state.context.emit(WatchWanted(Client.RIP, PROCESS, name, address, wanted=False))
