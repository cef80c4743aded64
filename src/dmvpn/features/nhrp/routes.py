"""What the RIB hears of NHRP: routes of our own (`H`, T1) and next-hop overrides (`%` NHO, T2).

A prefix that another protocol routes too gets an override: the route stays that protocol's, packets take our next hop.
When that route goes away (the hubs are dead), the override becomes a route of our own, and back when it returns. A next
hop that somebody said does not exist is made unreachable for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import OverrideOffered, Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.nhrp.cache import Entry, RouteState

if TYPE_CHECKING:
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel

#: IOS's numbers for NHRP routes (17.x).
DISTANCE = 250
METRIC = 255


class Routes:
    """Owns `Entry.route` of all entries."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def install(self, tunnel: Tunnel, entry: Entry) -> None:
        """Let packets for the entry's target take its next hop, whatever the routing protocols say."""
        target, hop = entry.target, next_hop_of(tunnel, entry)
        other = self._station.ports.rib.exact(target)
        wanted = RouteState.INSTALLED if other is None else RouteState.OVERRIDE
        if entry.route is wanted:
            return
        if wanted is RouteState.INSTALLED:
            self._station.emit(RouteOffered(self._route(entry, hop)))
            if entry.route is RouteState.OVERRIDE:
                self._station.emit(OverrideOffered(target, None))
        else:
            self._station.emit(OverrideOffered(target, hop))
            if entry.route in (RouteState.INSTALLED, RouteState.UNREACHABLE):
                self._station.emit(RouteRetracted(RouteSource.NHRP, "", target))
        entry.route = wanted
        self._debug(tunnel, entry, "installed as " + wanted.value)

    def refuse(self, tunnel: Tunnel, entry: Entry) -> None:
        """Nobody has the address: packets for it are answered instead of waiting."""
        self.withdraw(tunnel, entry)
        self._station.emit(RouteOffered(self._route(entry, None)))
        entry.route = RouteState.UNREACHABLE

    def withdraw(self, tunnel: Tunnel, entry: Entry) -> None:
        """Packets for the entry's target go as the routing protocols say."""
        match entry.route:
            case RouteState.INSTALLED | RouteState.UNREACHABLE:
                self._station.emit(RouteRetracted(RouteSource.NHRP, "", entry.target))
            case RouteState.OVERRIDE:
                self._station.emit(OverrideOffered(entry.target, None))
            case RouteState.NONE:
                return
        entry.route = RouteState.NONE
        self._debug(tunnel, entry, "taken back")

    def _route(self, entry: Entry, hop: NextHop | None) -> Route:
        return Route(
            prefix=entry.target,
            source=RouteSource.NHRP,
            distance=DISTANCE,
            metric=METRIC,
            next_hops=(hop,) if hop else (),
            kind=RouteKind.FORWARD if hop else RouteKind.UNREACHABLE,
            since=self._station.now,
        )

    def _debug(self, tunnel: Tunnel, entry: Entry, what: str) -> None:
        self._station.debug(
            "nhrp routing", tunnel, lambda: f"NHRP-RT: {tunnel.name}: {entry.target} {what}", entry.nbma
        )


def next_hop_of(tunnel: Tunnel, entry: Entry) -> NextHop:
    """The next hop of the entry's route. The tunnel address of a peer is on the link itself."""
    return NextHop(tunnel.name, None if entry.is_next_hop else entry.next_hop)
