"""Best routes as facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.breath import gulping
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.facts import Address, Fact, Network, network
from dmvpn.base.values import project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.rib.machine import RibMachine


class HopFacts(Fact):
    """A next hop.

    address: None: connected.
    interface: "" while it is not known.
    vrf: of a route that is imported from another VRF, without an interface: the VRF whose table comes next.
    """

    address: Address | None
    interface: str
    vrf: str = ""


class OfferFacts(Fact):
    """A route of a prefix that is not the best one. usable: it would be taken if the better ones were not there."""

    source: str
    process: str = ""
    distance: int
    metric: int
    usable: bool = True


class RouteFacts(Fact):
    """A best route.

    source: "eigrp", "static", "connected" ...
    override: NHRP's next hop in place of the route's own.
    drops: it leads nowhere.
    silently: to Null0, so that no sender hears of it.
    beaten: others of the same prefix.
    imported: the VRF that it is imported from, "": none.
    """

    prefix: Network
    source: str
    process: str = ""
    distance: int
    metric: int
    next_hops: tuple[HopFacts, ...] = ()
    override: HopFacts | None = None
    drops: bool = False
    silently: bool = False
    beaten: tuple[OfferFacts, ...] = ()
    age: float = 0.0
    imported: str = ""


def facts(rib: RibMachine, now: float) -> Iterator[RouteFacts]:
    """Yield the facts of all routes in use."""
    for prefix, node in gulping(tuple(rib.nodes.items())):
        route = node.shown
        if route is None:
            continue
        yield project(
            RouteFacts,
            route,
            prefix=network(prefix),
            source=route.source.value,
            next_hops=tuple(_hop(hop) for hop in route.next_hops),
            override=_hop(node.override) if node.override is not None and rib.overridden(node) else None,
            drops=route.kind is not RouteKind.FORWARD,
            silently=route.kind is RouteKind.DISCARD,
            beaten=tuple(
                project(OfferFacts, offer.route, source=offer.route.source.value, usable=offer.usable)
                for offer in node.offers.values()
                if offer is not node.best
            ),
            age=now - route.since,
        )


def _hop(hop: NextHop) -> HopFacts:
    return HopFacts(address=hop.address, interface=hop.interface, vrf=hop.vrf)
