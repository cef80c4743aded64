"""Routes that the host has of its own, as far as they lead out of interfaces of the router: read, never written.

A tunnel finds its far end by them where the router itself knows no way: on a machine whose DHCP client set the default
route, nobody writes an `ip route` line. Taken are IPv4 routes of the main table that forward; of several for one prefix
the kernel uses the one with the lowest metric. Connected routes follow from addresses, and ours from the router.

The kernel tells what changes, but not what it drops with a link or an address: then all are read again.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import NextHop
from dmvpn.base.events import Event, HostRouteChanged
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL, Change, RouteKind
from dmvpn.dataplane.netlink.route import TABLE_MAIN, NextHopFlag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.base.addresses import Prefix
    from dmvpn.dataplane import netlink

#: How many prefixes a router is told of. The shortest ones count: a full Internet table has a default route, too.
MOST: Final = 4096
#: RTPROT_KERNEL: what the kernel makes of addresses.
_BY_ADDRESS: Final = 2


class HostRoutes:
    """What the host routes, and what the router has been told of it."""

    def __init__(
        self, routes: Callable[[], list[netlink.Route]], name: Callable[[int], str], report: Callable[[Event], None]
    ) -> None:
        """routes: reads the kernel's table. name: of an interface by its index, "" if the router does not know it."""
        self._read = routes
        self._name = name
        self._report = report
        self._known: dict[Prefix, dict[int, netlink.Route]] = {}
        self._told: dict[Prefix, HostRouteChanged] = {}

    def read(self) -> None:
        """Look at the whole table, and report what is different."""
        before = self._known
        self._known = {}
        for route in filter(_counts, self._read()):
            self._known.setdefault(route.prefix, {}).setdefault(route.metric, route)
        self._tell({**before, **self._known})

    def noticed(self, change: Change, route: netlink.Route) -> None:
        """Take what the kernel told of a route."""
        if not _counts(route):
            return
        known = self._known.setdefault(route.prefix, {})
        if change is Change.SET:
            known[route.metric] = route
        else:
            known.pop(route.metric, None)
        if not known:
            del self._known[route.prefix]
        self._tell((route.prefix,))

    def _tell(self, prefixes: Iterable[Prefix]) -> None:
        for prefix in sorted(prefixes, key=lambda prefix: (prefix.length, prefix)):
            told, wanted = self._told.get(prefix), self._best(prefix)
            if wanted == told:
                continue
            if wanted is not None:
                if told is None and len(self._told) >= MOST:
                    continue
                self._told[prefix] = wanted
                self._report(wanted)
            else:
                del self._told[prefix]
                self._report(HostRouteChanged(prefix, ()))

    def _best(self, prefix: Prefix) -> HostRouteChanged | None:
        for metric, route in sorted(self._known.get(prefix, {}).items()):
            hops = tuple(
                NextHop(name, hop.gateway)
                for hop in route.next_hops
                if (name := self._name(hop.link)) and not hop.state & NextHopFlag.DEAD
            )
            if hops:
                return HostRouteChanged(prefix, hops, metric)
        return None


def _counts(route: netlink.Route) -> bool:
    ours = route.protocol in (ROUTE_PROTOCOL, _BY_ADDRESS)
    is_ipv4 = isinstance(route.prefix.address, IPv4Address)
    return is_ipv4 and route.table == TABLE_MAIN and route.kind is RouteKind.UNICAST and not ours
