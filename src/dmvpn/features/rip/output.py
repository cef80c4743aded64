"""Content of an update on one interface: split horizon, summaries, next hops, and the packets for it.

RFC 2453 §3.10.2. Split horizon is the simple one, as on IOS: routes that lead out of the interface are omitted; a route
that has become unreachable is announced everywhere. Without split horizon, a route that leads back into the same subnet
carries its next hop (§4.4), so that spokes of one tunnel can reach each other directly.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED, Prefix, classful_length
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import dataclass
from dmvpn.features.rip.packet import INFINITY, MAXIMUM_ENTRIES, Command, RipEntry, RipPacket

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.notices import InterfaceState
    from dmvpn.base.ports import Rib
    from dmvpn.features.rip.database import LearnedRoute, OwnRoute
    from dmvpn.features.rip.model import RipInterfaceSettings


@dataclass(frozen=True, slots=True)
class Summaries:
    """Summaries on an interface. major: the interface's own classful network if auto-summary applies,
    otherwise None.
    """

    configured: tuple[Prefix, ...]
    major: Prefix | None

    @classmethod
    def on(cls, state: InterfaceState, settings: RipInterfaceSettings, *, auto_summary: bool) -> Summaries:
        """Return the summaries of an interface."""
        address = state.address if auto_summary else None
        return cls(settings.summaries, _major(address) if address is not None else None)

    def of(self, prefix: Prefix) -> Prefix | None:
        """Return the summary that covers this prefix, maybe itself; None: the prefix is announced as it is."""
        for summary in self.configured:
            if prefix in summary:
                return summary
        if self.major is None or prefix.is_default:
            return None
        major = _major(prefix.address)
        return None if prefix.length < major.length or major == self.major else major


@dataclass(frozen=True, slots=True)
class Announced:
    """A route to announce. interfaces, next_hop: where it leads, for split horizon and the next hop."""

    prefix: Prefix
    metric: int
    interfaces: tuple[str, ...] = ()
    next_hop: IPAddress | None = None
    tag: int = 0


def announced(
    prefixes: Iterable[Prefix], own: Mapping[Prefix, OwnRoute], learned: Mapping[Prefix, LearnedRoute], rib: Rib
) -> Iterator[Announced]:
    """Yield the routes to announce for these prefixes; a prefix that is neither ours nor learned is unreachable.

    A learned route is not announced if another protocol has the better route: packets would not follow ours.
    """
    for prefix in prefixes:
        mine, route = own.get(prefix), learned.get(prefix)
        if mine is not None:
            yield Announced(prefix, mine.metric, (mine.interface,), mine.next_hop, mine.tag)
        elif route is None or not route.reachable or not _is_used(prefix, rib):
            yield Announced(prefix, INFINITY)
        else:
            paths = route.announcements
            interfaces = tuple(path.interface for path in paths)
            yield Announced(prefix, min(route.metric + 1, INFINITY), interfaces, paths[0].next_hop, paths[0].tag)


def _is_used(prefix: Prefix, rib: Rib) -> bool:
    best = rib.exact(prefix)
    return best is None or best.source is RouteSource.RIP


def gather(
    chosen: dict[Prefix, RipEntry],
    state: InterfaceState,
    routes: Iterable[Announced],
    summaries: Summaries,
    *,
    split_horizon: bool,
) -> None:
    """Add the entries for these routes to an update on this interface."""
    for route in routes:
        leads_back = state.name in route.interfaces
        if leads_back and split_horizon and route.metric < INFINITY:
            continue
        prefix = summaries.of(route.prefix) or route.prefix
        next_hop = _next_hop(route, state) if leads_back and prefix == route.prefix else UNSPECIFIED
        entry = RipEntry.of_prefix(prefix, route.metric, next_hop=next_hop, tag=route.tag)
        known = chosen.get(prefix)
        if known is None or entry.metric < known.metric:
            chosen[prefix] = entry


def in_order(chosen: Mapping[Prefix, RipEntry]) -> list[RipEntry]:
    """Return the entries of an update, sorted by prefix."""
    return [chosen[prefix] for prefix in sorted(chosen, key=lambda prefix: (int(prefix.address), prefix.length))]


def packets(entries: list[RipEntry], most: int = MAXIMUM_ENTRIES) -> list[RipPacket]:
    """Return the responses needed for the entries. most: entries per packet."""
    return [
        RipPacket(command=Command.RESPONSE, entries=tuple(entries[start : start + most]))
        for start in range(0, len(entries), most)
    ]


def answer(request: RipPacket, routes: Iterable[Announced]) -> RipPacket:
    """Answer a request for certain prefixes with our metrics; unknown prefixes are unreachable."""
    known = {route.prefix: route.metric for route in routes}
    entries = [
        replace(entry, metric=INFINITY if entry.prefix is None else known.get(entry.prefix, INFINITY))
        for entry in request.entries
    ]
    return RipPacket(command=Command.RESPONSE, entries=tuple(entries))


def _next_hop(route: Announced, state: InterfaceState) -> IPv4Address:
    """Return the route's next hop if neighbors on this interface can reach it directly, otherwise 0.0.0.0
    (ourselves).
    """
    hop, prefix = route.next_hop, state.prefix
    return hop if isinstance(hop, IPv4Address) and prefix is not None and hop in prefix else UNSPECIFIED


def _major(address: IPAddress) -> Prefix:
    return Prefix.of(address, classful_length(IPv4Address(int(address))))
