"""Gateways: routers that told routes, and when each spoke last.

RIP has no neighbors. A gateway comes with its first response, and is gone when it has been silent for as long as makes
its routes invalid, when BFD or triggered RIP finds it gone, or with its interface. The chronicle is told, and NHRP of
silence: a next hop server that is silent may have forgotten us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.chronicle import Sign, neighbor_changed
from dmvpn.base.notices import NeighborSilent, Notice

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.ports import Ports

#: Gateways whose last word is remembered, for `show ip protocols`: senders can be forged.
MOST_REMEMBERED: Final = 4096


class Gateways:
    """Those of one process. heard: seconds, of those that are gone, too. present: by which interface."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self.heard: dict[IPAddress, float] = {}
        self.present: dict[IPAddress, str] = {}

    def hear(self, interface: str, gateway: IPAddress, now: float, invalid: float) -> list[Notice]:
        """Note that a gateway told routes; of very many those are forgotten that have been silent for long."""
        if len(self.heard) >= MOST_REMEMBERED and gateway not in self.heard:
            self.heard = {known: heard for known, heard in self.heard.items() if heard > now - invalid}
            self.present = {known: name for known, name in self.present.items() if known in self.heard}
            if len(self.heard) >= MOST_REMEMBERED:
                return []
        self.heard[gateway] = now
        if gateway in self.present:
            return []
        self.present[gateway] = interface
        return self._tell(Sign.CAME, gateway, interface, "tells routes")

    def look(self, heard: Mapping[IPAddress, float], since: float, invalid: float) -> list[Notice]:
        """Find those that were last heard of before `since`. invalid: for how long that is, seconds."""
        silent = [gateway for gateway in self.present if heard.get(gateway, since) <= since]
        return [notice for gateway in silent for notice in self.lose(gateway, f"silent for {invalid:g} seconds")]

    def lose(self, gateway: IPAddress, why: str) -> list[Notice]:
        """Note that a gateway is silent, which NHRP is told, too."""
        interface = self.present.pop(gateway, None)
        if interface is None:
            return []
        return [NeighborSilent(interface, gateway), *self._tell(Sign.WENT, gateway, interface, why)]

    def reconsider(self, circuits: Container[str]) -> list[Notice]:
        """Forget those whose interface does not speak RIP any more."""
        gone = [(gateway, name) for gateway, name in self.present.items() if name not in circuits]
        for gateway, _ in gone:
            del self.present[gateway]
        return [notice for gateway, name in gone for notice in self._tell(Sign.WENT, gateway, name, "interface down")]

    def clear(self) -> None:
        """Forget when each spoke."""
        self.heard.clear()

    def _tell(self, sign: Sign, gateway: IPAddress, interface: str, what: str) -> list[Notice]:
        return [neighbor_changed(sign, gateway, interface, f"RIP: {what}")] if self._ports.remembers else []
