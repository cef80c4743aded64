"""A server stands in for another that is silent.

A routing protocol gives a dead hub up and sends packets to the other one. A static route does not: its next hop remains
the dead hub's tunnel address. So while one server does not answer and another one does, packets for the next hop of the
first go to the NBMA address of the second, which routes them as it routes all others.

    silent     no answer to several requests: another server stands in
    doubted    it answers again, but perhaps knows few of its clients yet: for a while the other one goes on standing in
    trusted    it is its own next hop

A server that gets our multicast is trusted as soon as it answers: a routing protocol wants to speak to it, and will not
use it before it knows its way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.nhrp.entry import EntryType
from dmvpn.features.nhrp.plane import Plane, multicast_receivers
from dmvpn.features.nhrp.station import Station, Timer, TimerKind

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.entry import Neighbor
    from dmvpn.features.nhrp.tunnel import Tunnel

#: Seconds for which a server is doubted: by then all its clients have asked it, too (`client.LONGEST_RETRY`, and more).
RETURN_DELAY = 75.0


class Standby:
    """Owns `Tunnel.doubted`, and says where the next hops of servers lead."""

    def __init__(self, station: Station, plane: Plane) -> None:
        self._station = station
        self._plane = plane

    def update(self, tunnel: Tunnel) -> None:
        """Follow a server that answers, or does not any more, or was doubted long enough."""
        self._doubt(tunnel)
        for client in tunnel.clients.values():
            entry = tunnel.cache.host(client.nhs)
            if entry is not None and entry.neighbor is not None and entry.type is EntryType.STATIC:
                self._plane.lead(tunnel, client.nhs, self.in_place_of(tunnel, client.nhs) or entry.neighbor)

    def in_place_of(self, tunnel: Tunnel, next_hop: IPAddress) -> Neighbor | None:
        """Return where packets for this next hop go, if it is a server for which another one stands in; else None."""
        if next_hop not in tunnel.doubted:
            return None
        other = tunnel.server()
        if other is None or not other.is_responding or other.nhs in tunnel.doubted:
            return None
        returned = next((c for c in tunnel.clients.values() if c.nhs == next_hop and c.is_responding), None)
        if returned is not None and returned.at in multicast_receivers(tunnel):
            return None
        return other.at

    def _doubt(self, tunnel: Tunnel) -> None:
        now, before, tunnel.doubted = self._station.now, tunnel.doubted, {}
        for client in tunnel.clients.values():
            until = before.get(client.nhs, 0.0)
            if client.is_failing or (until is None and not client.is_responding):
                tunnel.doubted[client.nhs] = None
            elif until is None:
                tunnel.doubted[client.nhs] = now + RETURN_DELAY
                self._station.deadlines.set(Timer(TimerKind.RETURN, tunnel.name, client.nhs), now + RETURN_DELAY)
            elif until > now:
                tunnel.doubted[client.nhs] = until
