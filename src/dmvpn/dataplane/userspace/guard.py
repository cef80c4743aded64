"""The guard: packets that are routed into a protected tunnel never leave by another route, even while their own is
missing.

The guard is outside the main table, so that a program that empties the main table does not empty the guard. For each
length L of prefixes that lead into protected tunnels there are two rules and a table, the longest prefixes first:

    32700 + 2 (32 - L)        look up main, and accept no route shorter than L (suppress_prefixlength L - 1)
    the next number           look up table 5400 + L: a blackhole for each such prefix of this length

So the longest match decides, over both tables. While main has the route, or one of the host's that is more specific,
forwarding is unchanged. Without it, the packet finds the blackhole before main's shorter routes, before the default.
Only the RIB's withdrawal removes the blackhole; with the last one the rules go, unless another router of this namespace
needs them, too, living or killed meanwhile. Each router has a metric of its own, so that of two routers that guard the
same prefix neither removes the other's blackhole. All routes and rules have our protocol number, `ip rule show` prints
"proto 54".

The kernel looks up the table of a VRF device before these rules, and it is ours alone: its blackholes are in that table
itself, with the last metric.
"""

from __future__ import annotations

import errno
import itertools
import os
from typing import TYPE_CHECKING, Final

from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL, TABLE_MAIN
from dmvpn.dataplane.userspace.domain import GUARD_METRIC
from dmvpn.dataplane.userspace.things import GUARD_TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import Prefix
    from dmvpn.dataplane.userspace.keeper import Keeper
    from dmvpn.dataplane.userspace.records import Others

#: The rule of the longest prefixes, and the table of prefixes of length 0.
PRIORITY: Final = 32700
TABLE: Final = GUARD_TABLES.start
_BITS: Final = 32

#: Reasons to guard a prefix: a route leads into a tunnel; the previous run guarded it.
ROUTED: Final = "route"
_LEFT: Final = "left"

#: Number of routers in this process so far.
_routers = itertools.count()


class Guard:
    """The guarded prefixes, with the reasons."""

    def __init__(
        self,
        kernel: netlink.NetlinkSocket,
        keeper: Keeper,
        others: Callable[[], Others],
        table: int = TABLE_MAIN,
    ) -> None:
        """others: the other routers of this network namespace, as they are now. table: that is guarded."""
        self._table = table
        self._kernel = kernel
        self._keeper = keeper
        self._others = others
        self._covered: dict[Prefix, dict[str, None]] = {}
        self._lengths: dict[int, None] = {}
        self._possible = True
        metric = (os.getpid() << 8 | next(_routers) & 0xFF) & 0x7FFFFFFF or 1
        self._metric = metric if self._is_main else GUARD_METRIC

    @property
    def _is_main(self) -> bool:
        return self._table == TABLE_MAIN

    def problem(self) -> str | None:
        """Return why this kernel cannot have a guard, or None. Without one, orders are ignored."""
        try:
            if self._is_main:
                self._kernel.rules()
        except netlink.NetlinkError as error:
            self._possible = False
            return error.refusal.text
        return None

    def begin(self, others: Others, *, keep: bool) -> None:
        """Keep the guard of the previous run until this one has installed its routes, or end it at once.

        others: routers that live in this network namespace, too; their blackholes stay.
        """
        ours = [route for route in self._kernel.routes(protocol=ROUTE_PROTOCOL) if self._is_guard(route)]
        left = [route for route in ours if route.prefix not in others.prefixes]
        if keep:
            for route in left:
                self.cover(route.prefix, _LEFT)
        else:
            self.close(shared=bool(others.living))
        self._kernel.execute([netlink.delete_route(route) for route in left if not (keep and self.owns(route))])

    def age(self) -> None:
        """Remove the guard of the previous run where this one does not need it."""
        for prefix in [prefix for prefix, reasons in self._covered.items() if _LEFT in reasons]:
            self.uncover(prefix, _LEFT)

    def cover(self, prefix: Prefix, reason: str) -> None:
        """Guard a prefix; must be called before its route is made."""
        if prefix.version != 4 or not self._possible:
            return
        reasons = self._covered.get(prefix)
        if reasons is not None:
            reasons[reason] = None
            return
        self._ask_for(prefix.length)
        self._covered[prefix] = {reason: None}
        route = self._blackhole(prefix)
        self._make(route, netlink.replace_route(route))

    def uncover(self, prefix: Prefix, reason: str) -> None:
        """Remove this reason to guard a prefix; must be called after its route is removed."""
        reasons = self._covered.get(prefix, {})
        if reason not in reasons:
            return
        del reasons[reason]
        if reasons:
            return
        del self._covered[prefix]
        route = self._blackhole(prefix)
        self._keeper.release(route)
        self._kernel.execute([netlink.delete_route(route)])
        if not self._covered:
            self._remove_rules()

    def settled(self, prefix: Prefix) -> None:
        """Record that the router has ordered a route for this prefix: the previous run's guard of it ends."""
        self.uncover(prefix, _LEFT)

    def close(self, *, shared: bool) -> None:
        """Remove the guard; its routes go with our other routes. shared: other routers here need the rules."""
        self._covered.clear()
        self._lengths.clear()
        if not shared and self._is_main:
            self._kernel.flush_rules()

    def owns(self, route: netlink.KernelRoute) -> bool:
        """Return whether the route is a blackhole of this router's guard."""
        return self._is_guard(route) and route.metric == self._metric

    def _is_guard(self, route: netlink.KernelRoute) -> bool:
        if self._is_main:
            return is_guard(route)
        return route.table == self._table and route.metric == GUARD_METRIC

    def _blackhole(self, prefix: Prefix) -> netlink.KernelRoute:
        table = TABLE + prefix.length if self._is_main else self._table
        return netlink.KernelRoute(prefix, kind=netlink.RouteType.BLACKHOLE, metric=self._metric, table=table)

    def _ask_for(self, length: int) -> None:
        if length in self._lengths or not self._is_main:
            return
        self._lengths[length] = None
        # Main first: the blackholes alone would drop packets that have a route.
        for rule in _rules(length):
            self._make(rule, netlink.add_rule(rule))

    def _remove_rules(self) -> None:
        shared = self._others().has_routes  # without the rules its prefixes would leave in clear
        for length in self._lengths:
            for rule in reversed(_rules(length)):
                self._keeper.release(rule)
                if not shared:
                    self._kernel.execute([netlink.delete_rule(rule)])
        self._lengths.clear()

    def _make(self, thing: netlink.Rule | netlink.KernelRoute, request: netlink.KernelRequest) -> None:
        self._keeper.want(thing, request)
        if any(refusal.errno != errno.EEXIST for refusal in self._kernel.execute([request])):
            self._keeper.retry(thing)


def is_guard(route: netlink.KernelRoute) -> bool:
    """Return whether the route is a blackhole of a guard."""
    return route.protocol == ROUTE_PROTOCOL and route.table in GUARD_TABLES


def _rules(length: int) -> tuple[netlink.Rule, netlink.Rule]:
    priority = PRIORITY + 2 * (_BITS - length)
    return (
        netlink.Rule(priority, TABLE_MAIN, suppress=length - 1 if length else None),
        netlink.Rule(priority + 1, TABLE + length),
    )
