"""Next hops: whether they are reachable, and at what metric. The routing table is asked once for each.

NHRP routes do not resolve a next hop: they exist for packets on a path that the routing protocol has chosen.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from dmvpn.base.effects import RouteKind

if TYPE_CHECKING:
    from collections.abc import Container
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.ports import Ports


class NextHops:
    """Metrics of the next hops that were looked up."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._known: dict[IPv4Address, int | None] = {}
        self._sorted: list[int] = []  # the same addresses as integers

    def metric_to(self, hop: IPv4Address) -> int | None:
        """Return the metric of the route to a next hop; None: unreachable, or our own address."""
        if hop not in self._known:
            self._known[hop] = self._look(hop)
            insort(self._sorted, int(hop))
        return self._known[hop]

    def any_inside(self, prefix: Prefix) -> bool:
        """Return whether a known next hop is inside this prefix."""
        first = prefix.number
        at = bisect_left(self._sorted, first)
        return at < len(self._sorted) and self._sorted[at] < first + prefix.size

    def refresh(self, *, in_use: Container[IPv4Address]) -> list[IPv4Address]:
        """Look up the next hops again; returns the changed ones. in_use: next hops to keep; the rest is removed."""
        changed = []
        for hop in list(self._known):
            if hop not in in_use:
                del self._known[hop]
                continue
            metric = self._look(hop)
            if metric != self._known[hop]:
                self._known[hop] = metric
                changed.append(hop)
        if len(self._known) != len(self._sorted):
            self._sorted = sorted(map(int, self._known))
        return changed

    def _look(self, hop: IPv4Address) -> int | None:
        if self._ports.interfaces.owner(hop) is not None:
            return None
        route = self._ports.rib.lookup_without_nhrp(hop)
        if route is None or route.kind is not RouteKind.FORWARD:
            return None
        return route.metric
