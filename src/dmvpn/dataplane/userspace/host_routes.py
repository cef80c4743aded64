"""The host's own routes that lead out of interfaces of the router: read, never written.

A tunnel finds its far end by them where the router itself has no route: on a machine whose DHCP client set the default
route, users write no `ip route` line. Only IPv4 routes of the main table that forward are used; of several for one
prefix the kernel uses the one with the lowest metric. Connected routes follow from addresses, and ours from the router.

The kernel reports changes, but not routes that it drops with a link or an address: then all are read again.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import NextHop
from dmvpn.base.events import Event, HostRouteChanged
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL, ObjectChange, RouteType
from dmvpn.dataplane.netlink.route import TABLE_MAIN, NextHopFlag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.base.addresses import Prefix
    from dmvpn.dataplane import netlink

#: Prefixes that a router gets at most. The shortest ones count: a full Internet table has a default route, too.
MOST: Final = 4096
#: RTPROT_KERNEL: routes that the kernel makes of addresses.
_BY_ADDRESS: Final = 2


class HostRoutes:
    """The host's routes, and those reported to the router."""

    def __init__(
        self,
        routes: Callable[[], list[netlink.KernelRoute]],
        name: Callable[[int], str],
        report: Callable[[Event], None],
    ) -> None:
        """routes: reads the kernel's table. name: of an interface by its index, "" if it is not the router's."""
        self._read = routes
        self._name = name
        self._report = report
        self._known: dict[Prefix, dict[int, netlink.KernelRoute]] = {}
        self._told: dict[Prefix, HostRouteChanged] = {}

    def read(self) -> None:
        """Read the whole table, and report differences."""
        before = self._known
        self._known = {}
        for route in filter(_counts, self._read()):
            self._known.setdefault(route.prefix, {}).setdefault(route.metric, route)
        self._tell({**before, **self._known})

    def noticed(self, change: ObjectChange, route: netlink.KernelRoute) -> None:
        """Take in a notification about a route."""
        if not _counts(route):
            return
        known = self._known.setdefault(route.prefix, {})
        if change is ObjectChange.SET:
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


def _counts(route: netlink.KernelRoute) -> bool:
    ours = route.protocol in (ROUTE_PROTOCOL, _BY_ADDRESS)
    is_ipv4 = isinstance(route.prefix.address, IPv4Address)
    return is_ipv4 and route.table == TABLE_MAIN and route.kind is RouteType.UNICAST and not ours
