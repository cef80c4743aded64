"""The path of a packet through the underlay, from router to router, by their routes and the wires of the lab."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.facts import Address
    from dmvpn.features.rib.facts import HopFacts, RouteFacts
    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.doctor.scene import Port, Scene

#: Routers on one path; more is a loop.
_LONGEST = 16


class PathEnd(enum.Enum):
    """The end of a path."""

    ARRIVED = "arrived"
    NO_ROUTE = "no route"
    DROPPED = "dropped by a route to Null0"
    NOBODY = "no router has the next hop"
    DEAD = "the next router is dead"
    SHUT = "the next interface is shut down"
    TUNNEL = "the route leads through a tunnel"
    LOOP = "the way is a loop"
    UNSEEN = "it leaves what is in view"


@dataclass(frozen=True, slots=True)
class UnderlayPath:
    """at: the router where it ends. next_hop: the missing receiver there. wires: ports passed, the senders' first.

    route: the last one. blame: the router that keeps the packet from going on, if that is not the one where it ends.
    vrf: the table of `at` that the packet was looked up in, "": the global table.
    """

    end: PathEnd
    at: str
    next_hop: Address | None = None
    wires: tuple[tuple[Port, Port], ...] = ()
    route: RouteFacts | None = None
    blame: str = ""
    vrf: str = ""


#: Routes with a distance like this one are backups for when all other routes are gone.
_LAST: Final = 250


def is_last_resort(route: RouteFacts) -> bool:
    """Return whether the route only drops packets without any other route, as a protection.

    `dmvpn lint` recommends such routes.
    """
    return route.drops and route.source == "static" and route.distance >= _LAST


def best_route(facts: RouterFacts, target: Address, vrf: str | None = None) -> RouteFacts | None:
    """Return the route that a packet takes in a VRF; None: in the table that the facts show."""
    return next(iter(facts.routes_to(target, vrf)), None)


def trace(scene: Scene, router: str, target: Address, vrf: str = "") -> UnderlayPath:
    """Return the path from a VRF of a router, such as the front door of a tunnel, to an address of the underlay."""
    wires: tuple[tuple[Port, Port], ...] = ()
    at = router
    for _ in range(_LONGEST):
        facts = scene.of(at)
        if facts is None:
            return UnderlayPath(PathEnd.DEAD, at, wires=wires, blame=at)
        if any(one.ip == target for it in facts.interfaces if it.vrf == vrf for one in it.addresses):
            return UnderlayPath(PathEnd.ARRIVED, at, wires=wires, vrf=vrf)
        route = best_route(facts, target, vrf)
        if route is None:
            return UnderlayPath(PathEnd.NO_ROUTE, at, wires=wires, vrf=vrf)
        if route.drops or not route.next_hops:
            return UnderlayPath(PathEnd.DROPPED, at, wires=wires, route=route, vrf=vrf)
        hop = route.next_hops[0]
        next_hop = hop.address if hop.address is not None else target
        if any(tunnel.name == hop.interface for tunnel in facts.tunnels):
            return UnderlayPath(PathEnd.TUNNEL, at, next_hop, wires, route, vrf=vrf)
        port = (at, hop.interface)
        link = scene.link(port)
        if link is None:
            return UnderlayPath(PathEnd.UNSEEN, at, next_hop, wires, route, vrf=vrf)
        taken = _taken(scene, port, link.ends, next_hop)
        if isinstance(taken, UnderlayPath):
            return UnderlayPath(taken.end, at, next_hop, wires, route, taken.blame, vrf)
        for other in route.next_hops[1:]:
            astray = _astray(scene, at, other)
            if astray is not None:
                return UnderlayPath(PathEnd.NOBODY, at, astray, wires, route, vrf=vrf)
        over, at = taken
        wires = (*wires, *over)
        vrf = scene.vrf_of(over[-1][1])
        if target == next_hop and at in scene.lab.gateways:
            return UnderlayPath(PathEnd.ARRIVED, at, wires=wires)
    return UnderlayPath(PathEnd.LOOP, at, wires=wires)


def _astray(scene: Scene, at: str, hop: HopFacts) -> Address | None:
    """Return the next hop of a second equal-cost route, if no station on its wire has it."""
    link = scene.link((at, hop.interface))
    if link is None or hop.address is None:
        return None
    taken = _taken(scene, (at, hop.interface), link.ends, hop.address)
    return hop.address if isinstance(taken, UnderlayPath) and taken.end is PathEnd.NOBODY else None


def _taken(
    scene: Scene, port: Port, ends: Iterable[Port], next_hop: Address
) -> UnderlayPath | tuple[tuple[tuple[Port, Port], ...], str]:
    """Return the receiver on this wire: the wires up to there, and the next router; or why there is none."""
    others = [end for end in ends if end != port]
    for node, interface in others:
        facts = scene.of(node)
        if facts is not None and next_hop in facts.addresses.get(interface, ()):
            return ((port, (node, interface)),), node
        gateway = scene.lab.gateways.get(node)
        if gateway is not None and next_hop == gateway.public:
            return ((port, (node, interface)),), node
        if gateway is not None and interface == "inside" and next_hop in gateway.private:
            return _through(scene, port, (node, interface))
    for node, interface in others:
        if node in scene.lab.routers and scene.of(node) is None:
            return UnderlayPath(PathEnd.DEAD, node, blame=node)
        facts = scene.of(node)
        if facts is not None and any(it.name == interface and not it.enabled for it in facts.interfaces):
            return UnderlayPath(PathEnd.SHUT, node, blame=node)
    return UnderlayPath(PathEnd.NOBODY, port[0])


def _through(scene: Scene, port: Port, inside: Port) -> UnderlayPath | tuple[tuple[tuple[Port, Port], ...], str]:
    """Go through a translator, which forwards by its outside wire, to the first router there."""
    link = scene.behind(inside[0])
    for end in link.ends if link is not None else ():
        if end[0] in scene.lab.routers:
            return ((port, inside), ((inside[0], "outside"), end)), end[0]
    return UnderlayPath(PathEnd.UNSEEN, inside[0])
