"""What the RIB hears of NHRP: routes of our own (`H`, T1) and next-hop overrides (`%` NHO, T2).

A prefix that another protocol routes too gets an override: the route stays that protocol's, packets take our next hop.
When that route goes away (the hubs are dead), the override becomes a route of our own, and back when it returns. A next
hop that somebody said does not exist is made unreachable for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import is_link_local, spelled
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import OverrideOffered, Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.nhrp.cache import Entry, RouteState
from dmvpn.features.nhrp.counters import Happening

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
        if is_link_local(target.address):
            return  # it is no destination of a routing table, only a next hop
        other = self._station.ports.rib.exact(target)
        wanted = RouteState.INSTALLED if other is None else RouteState.OVERRIDE
        if entry.route is wanted:
            return
        before = self._take_over(tunnel, entry)
        if wanted is RouteState.INSTALLED:
            self._station.emit(RouteOffered(self._route(entry, hop)))
            if before is RouteState.OVERRIDE:
                self._station.emit(OverrideOffered(target, None))
        else:
            self._station.emit(OverrideOffered(target, hop))
            if before in (RouteState.INSTALLED, RouteState.UNREACHABLE):
                self._station.emit(RouteRetracted(RouteSource.NHRP, "", target))
        entry.route = wanted
        installed = wanted is RouteState.INSTALLED
        tunnel.counters.count(Happening.ROUTE_ADDED if installed else Happening.OVERRIDE_ADDED)
        self._debug(tunnel, entry, "installed as " + wanted.value)

    def refuse(self, tunnel: Tunnel, entry: Entry) -> None:
        """Nobody has the address: packets for it are answered instead of waiting."""
        self.withdraw(tunnel, entry)
        if is_link_local(entry.target.address):
            return
        self._station.emit(RouteOffered(self._route(entry, None)))
        entry.route = RouteState.UNREACHABLE
        tunnel.counters.count(Happening.ROUTE_ADDED)

    def withdraw(self, tunnel: Tunnel, entry: Entry) -> None:
        """Packets for the entry's target go as the routing protocols say."""
        match entry.route:
            case RouteState.INSTALLED | RouteState.UNREACHABLE:
                self._station.emit(RouteRetracted(RouteSource.NHRP, "", entry.target))
            case RouteState.OVERRIDE:
                self._station.emit(OverrideOffered(entry.target, None))
            case RouteState.NONE:
                return
        _release(tunnel, entry)
        self._debug(tunnel, entry, "taken back")

    def _take_over(self, tunnel: Tunnel, entry: Entry) -> RouteState:
        """How the target was routed by NHRP so far. One target has one route: what another tunnel has gives way."""
        before = _release(tunnel, entry)
        for other in self._station.tunnels.values():
            rival = other.cache.get(entry.target) if other is not tunnel else None
            if rival is None or rival.route is RouteState.NONE:
                continue
            before = _release(other, rival)
            if not rival.is_next_hop:
                self._station.remove_entry(other, rival)
        return before

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
            "nhrp routing",
            tunnel,
            lambda: f"NHRP-RT: {tunnel.name}: {spelled(entry.target)} {what}",
            entry.nbma,
            address=entry.next_hop,
        )


def _release(tunnel: Tunnel, entry: Entry) -> RouteState:
    """The entry has no route any more: it goes, or becomes another one. How the entry was routed."""
    before, entry.route = entry.route, RouteState.NONE
    match before:
        case RouteState.INSTALLED | RouteState.UNREACHABLE:
            tunnel.counters.count(Happening.ROUTE_DELETED)
        case RouteState.OVERRIDE:
            tunnel.counters.count(Happening.OVERRIDE_DELETED)
        case RouteState.NONE:
            pass
    return before


def next_hop_of(tunnel: Tunnel, entry: Entry) -> NextHop:
    """The next hop of the entry's route. The tunnel address of a peer is on the link itself."""
    return NextHop(tunnel.name, None if entry.is_next_hop else entry.next_hop)
