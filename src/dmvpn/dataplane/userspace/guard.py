"""The guard: what is routed into a protected tunnel never leaves by another route, even while its own is gone.

The guard is outside the main table, so that a program that empties the main table does not empty the guard. For each
length L of prefixes that lead into protected tunnels there are two rules and a table, the longest prefixes first:

    32700 + 2 (32 - L)        ask main, and take no route shorter than L (suppress_prefixlength L - 1)
    the next number           ask table 5400 + L: a blackhole for each such prefix of this length

So the longest match decides, over both tables. While main has the route, or one of the host's that is more specific,
nothing is different. Without it, the packet finds the blackhole before main's shorter routes, before the default. The
RIB's withdrawal removes the blackhole, and nothing else does; with the last one go the rules, unless another router of
this namespace needs them, too, one that lives or that was killed meanwhile. Each router has a metric of its own, so
that of two that guard the same prefix neither takes away the other's blackhole. All has our protocol number, `ip rule
show` says "proto 54".
"""

from __future__ import annotations

import errno
import itertools
import os
from typing import TYPE_CHECKING, Final

from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL, TABLE_MAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import Prefix
    from dmvpn.dataplane.userspace.keeper import Keeper
    from dmvpn.dataplane.userspace.records import Others

#: The rule of the longest prefixes, and the table of prefixes of length 0.
PRIORITY: Final = 32700
TABLE: Final = 5400
_BITS: Final = 32

#: Why a prefix is guarded: a route leads into a tunnel; an earlier life guarded it.
ROUTED: Final = "route"
_LEFT: Final = "left"

#: Of the routers that this process has had.
_routers = itertools.count()


class Guard:
    """Prefixes that are guarded, and why."""

    def __init__(self, kernel: netlink.NetlinkSocket, keeper: Keeper, others: Callable[[], Others]) -> None:
        """others: the other routers of this network namespace, as they are now."""
        self._kernel = kernel
        self._keeper = keeper
        self._others = others
        self._covered: dict[Prefix, dict[str, None]] = {}
        self._lengths: dict[int, None] = {}
        self._possible = True
        self._metric = (os.getpid() << 8 | next(_routers) & 0xFF) & 0x7FFFFFFF or 1

    def problem(self) -> str | None:
        """Return why this kernel has no guard, or None. What is asked of one that cannot is forgotten."""
        try:
            self._kernel.rules()
        except netlink.NetlinkError as error:
            self._possible = False
            return error.refusal.text
        return None

    def begin(self, others: Others, *, keep: bool) -> None:
        """Keep guarding what an earlier life guarded until this one has said what it wants, or end that at once.

        others: routers that live in this network namespace, too; theirs stays.
        """
        ours = [route for route in self._kernel.routes(protocol=ROUTE_PROTOCOL) if is_guard(route)]
        left = [route for route in ours if route.prefix not in others.prefixes]
        if keep:
            for route in left:
                self.cover(route.prefix, _LEFT)
        else:
            self.close(shared=bool(others.living))
        self._kernel.execute([netlink.delete_route(route) for route in left if not (keep and self.owns(route))])

    def age(self) -> None:
        """End the guard of what an earlier life guarded and nobody wants any more."""
        for prefix in [prefix for prefix, reasons in self._covered.items() if _LEFT in reasons]:
            self.uncover(prefix, _LEFT)

    def cover(self, prefix: Prefix, reason: str) -> None:
        """Guard a prefix; to be called before its route is made."""
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
        """Guard it for this reason no more; to be called after its route went."""
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
        """Note that the router has said what it wants with this prefix: what an earlier life wanted counts no more."""
        self.uncover(prefix, _LEFT)

    def close(self, *, shared: bool) -> None:
        """Guard nothing any more; the routes go with the other ones of ours. shared: others here need the rules."""
        self._covered.clear()
        self._lengths.clear()
        if not shared:
            self._kernel.flush_rules()

    def owns(self, route: netlink.Route) -> bool:
        """Return whether it is one of the guard's, and this router's."""
        return is_guard(route) and route.metric == self._metric

    def _blackhole(self, prefix: Prefix) -> netlink.Route:
        table = TABLE + prefix.length
        return netlink.Route(prefix, kind=netlink.RouteKind.BLACKHOLE, metric=self._metric, table=table)

    def _ask_for(self, length: int) -> None:
        if length in self._lengths:
            return
        self._lengths[length] = None
        # Main first: the blackholes alone would drop what has its route.
        for rule in _rules(length):
            self._make(rule, netlink.add_rule(rule))

    def _remove_rules(self) -> None:
        shared = self._others().has_routes  # without them its prefixes would leave in clear
        for length in self._lengths:
            for rule in reversed(_rules(length)):
                self._keeper.release(rule)
                if not shared:
                    self._kernel.execute([netlink.delete_rule(rule)])
        self._lengths.clear()

    def _make(self, thing: netlink.Rule | netlink.Route, request: netlink.Request) -> None:
        self._keeper.want(thing, request)
        if any(refusal.errno != errno.EEXIST for refusal in self._kernel.execute([request])):
            self._keeper.retry(thing)


def is_guard(route: netlink.Route) -> bool:
    """Return whether it is one of the guard's."""
    return route.protocol == ROUTE_PROTOCOL and TABLE <= route.table <= TABLE + _BITS


def _rules(length: int) -> tuple[netlink.Rule, netlink.Rule]:
    priority = PRIORITY + 2 * (_BITS - length)
    return (
        netlink.Rule(priority, TABLE_MAIN, suppress=length - 1 if length else None),
        netlink.Rule(priority + 1, TABLE + length),
    )
