"""Gateways watched by BFD: `bfd all-interfaces`, `ip rip bfd` on an interface, `neighbor ... bfd` for one gateway.

RIP has no neighbors: a gateway is watched from its first response until it has been silent for so long that its routes
are invalid. Their number per interface is limited; the first ones stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.liveness import Client, WatchWanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.rip.state import State

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
