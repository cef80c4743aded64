"""Distribute lists, offset lists and distances: their effect on received and announced routes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.effects import NextHop
from dmvpn.base.notices import Route, RouteSource
from dmvpn.base.routemaps import MatchedRoute
from dmvpn.features.rip.database import Announcement
from dmvpn.features.rip.interface import believable
from dmvpn.features.rip.packet import INFINITY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.ports import Ports
    from dmvpn.features.rip.database import LearnedRoute
    from dmvpn.features.rip.interface import RipInterface
    from dmvpn.features.rip.model import RipConfig
    from dmvpn.features.rip.output import Announced
    from dmvpn.features.rip.packet import RipEntry


def believed(
    entries: Iterable[RipEntry], circuit: RipInterface, gateway: IPAddress, config: RipConfig, ports: Ports
) -> Iterator[Announcement]:
    """Yield the accepted entries of a gateway's response. A bad entry does not invalidate the other entries."""
    for entry in entries:
        prefix = believable(entry)
        if prefix is None:
            continue
        heard = Announcement(
            prefix=prefix,
            metric=entry.metric,
            tag=entry.tag,
            gateway=gateway,
            next_hop=circuit.next_hop(entry, gateway),
            interface=circuit.name,
            permanent=circuit.triggered,
        )
        left = believed_of(heard, config, ports)
        if left is not None:
            yield left


def believed_of(heard: Announcement, config: RipConfig, ports: Ports) -> Announcement | None:
    """Return an announcement after the inbound lists; None: it is denied, and treated as if it had not come."""
    distribution = config.distribution
    if heard.metric >= INFINITY or not distribution.says(inwards=True):
        return heard
    policies, route = ports.policies.of_routes(), candidate(heard)
    if not distribution.permits(policies, route, heard.interface, inwards=True):
        return None
    offset = distribution.offset(policies, route, heard.interface, inwards=True)
    return replace(heard, metric=min(heard.metric + offset, INFINITY))


def told_on(interface: str, routes: Sequence[Announced], config: RipConfig, ports: Ports) -> Sequence[Announced]:
    """Return the routes to announce on an interface after the outbound lists."""
    distribution = config.distribution
    if not distribution.says(inwards=False):
        return routes
    policies = ports.policies.of_routes()
    told = []
    for route in routes:
        asked = candidate_on(route)
        if distribution.permits(policies, asked, interface, inwards=False):
            offset = distribution.offset(policies, asked, interface, inwards=False)
            told.append(replace(route, metric=min(route.metric + offset, INFINITY)))
    return told


def offer_of(prefix: Prefix, learned: LearnedRoute, config: RipConfig, ports: Ports) -> Route:
    """Return a learned route as offered to the routing table, with the administrative distance of its first path."""
    paths, policies = learned.announcements, ports.policies.of_routes()
    first = paths[0]
    return Route(
        prefix=prefix,
        source=RouteSource.RIP,
        distance=config.distribution.distance(policies, candidate(first), first.gateway, config.distance),
        metric=learned.metric,
        next_hops=tuple(dict.fromkeys(NextHop(path.interface, path.next_hop) for path in paths)),
        tag=first.tag,
        since=learned.updated,
    )


def candidate_on(route: Announced) -> MatchedRoute:
    """Return a route to announce in the form that lists match."""
    return MatchedRoute(prefix=route.prefix, interface=next(iter(route.interfaces), ""), tag=route.tag)


def candidate(path: Announcement) -> MatchedRoute:
    """Return a received path in the form that lists match."""
    hop = path.next_hop if isinstance(path.next_hop, IPv4Address) else None
    teller = path.gateway if isinstance(path.gateway, IPv4Address) else None
    return MatchedRoute(prefix=path.prefix, next_hop=hop, interface=path.interface, tag=path.tag, gateway=teller)
