"""Gateways that BFD watches: `bfd all-interfaces`, `ip rip bfd` of an interface, `neighbor ... bfd` for one.

RIP has no neighbors: a gateway is watched from its first response on, until it has been silent for as long as makes
its routes invalid. There is a bound for each interface; the neighbors that were there first stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.liveness import Client, WatchWanted

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.rip.model import RipConfig

#: There is one process.
PROCESS: Final = 0
#: Gateways that are watched on one interface: senders can be forged, and each costs a session of BFD.
MOST_WATCHED: Final = 1024


class Watched:
    """What BFD was asked for: interfaces and addresses, in order."""

    def __init__(self) -> None:
        self._gateways: dict[tuple[str, IPAddress], None] = {}
        self._count: dict[str, int] = {}

    def heard(self, config: RipConfig, interface: str, gateway: IPAddress) -> list[WatchWanted]:
        """Let a gateway that has told routes be watched, if the lines say so."""
        key = interface, gateway
        if key in self._gateways or not config.watches(interface, gateway):
            return []
        if self._count.get(interface, 0) >= MOST_WATCHED:
            return []
        self._count[interface] = self._count.get(interface, 0) + 1
        self._gateways[key] = None
        return [WatchWanted(Client.RIP, PROCESS, interface, gateway, wanted=True)]

    def reconsider(self, config: RipConfig, circuits: Container[str]) -> list[WatchWanted]:
        """Reconsider whom to watch: there are other lines, or an interface less."""
        return self._end([key for key in self._gateways if key[0] not in circuits or not config.watches(*key)])

    def let_go(self, heard: Mapping[IPAddress, float], since: float) -> list[WatchWanted]:
        """Forget those that were last heard of before `since`, seconds."""
        return self._end([key for key in self._gateways if heard.get(key[1], since) <= since])

    def _end(self, keys: list[tuple[str, IPAddress]]) -> list[WatchWanted]:
        for key in keys:
            del self._gateways[key]
            self._count[key[0]] -= 1
        return [WatchWanted(Client.RIP, PROCESS, name, address, wanted=False) for name, address in keys]
