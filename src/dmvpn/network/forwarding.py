"""The forwarding of routers, by the lines of all routers: the neighbor that leads to an address.

    Forwarding.way(router, address, owner)      the neighbor that has the address, or forwards packets towards it

A neighbor that would send a packet back, or has no route, does not lead there. Routes that a protocol would learn are
assumed to be the shortest ones.
"""

from __future__ import annotations

from collections import deque
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.network.routing import running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from ipaddress import IPv4Interface

    from dmvpn.network.device import Device


@dataclass(frozen=True, slots=True)
class Hop:
    """The hop from a router to a neighbor on a wire: outgoing port, address of the neighbor, and its name."""

    port: str
    gateway: IPv4Address
    router: str


Graph = dict[str, list[Hop]]


def graph(wires: Sequence[Sequence[tuple[str, str, IPv4Interface]]]) -> Graph:
    """Return the neighbors of each router. wires: for each end of a wire the router, the port and the address."""
    found: Graph = {}
    for ends in wires:
        for router, port, address in ends:
            found.setdefault(router, []).extend(
                Hop(port, other.ip, name) for name, _, other in ends if name != router and other.ip in address.network
            )
    return found


def shortest(graph: Graph, owner: str) -> dict[str, Hop]:
    """Return the first hop of every router toward the owner, on the shortest path; the nearest routers come first."""
    found: dict[str, Hop] = {}
    queue = deque([owner])
    while queue:
        near = queue.popleft()
        for there in graph.get(near, ()):
            if there.router == owner or there.router in found:
                continue
            back = next((hop for hop in graph[there.router] if hop.router == near), None)
            if back is not None:
                found[there.router] = back
                queue.append(there.router)
    return found


class Forwarding:
    """The forwarding decisions of a network's routers. learns: whether a router learns routes by its protocols."""

    def __init__(self, graph: Graph, read: Mapping[str, Device], learns: Callable[[Device], bool]) -> None:
        self._graph = graph
        self._read = read
        self._learns = learns
        self._ways: dict[str, dict[str, Hop]] = {}

    def way(self, router: str, address: IPv4Address, owner: str) -> Hop | None:
        """Return the neighbor to route an address by that another router owns: the owner, or the nearest that leads
        there.
        """
        near = self._graph.get(router, ())
        direct = next((hop for hop in near if hop.router == owner), None)
        if direct is not None:
            return direct
        order = {name: number for number, name in enumerate(self._toward(owner))}
        nearest = sorted((hop for hop in near if hop.router in order), key=lambda hop: order[hop.router])
        return next((hop for hop in nearest if self._leads(hop.router, address, owner, router)), None)

    def _toward(self, owner: str) -> dict[str, Hop]:
        if owner not in self._ways:
            self._ways[owner] = shortest(self._graph, owner)
        return self._ways[owner]

    def _leads(self, start: str, address: IPv4Address, owner: str, sender: str) -> bool:
        """Return whether a packet of the sender gets from a router to the owner of its address, and not back."""
        passed = [sender]
        here = start
        while here != owner:
            device = self._read.get(here)
            hop = self._next(here, device, address, owner) if here not in passed and device is not None else None
            if hop is None:
                return False
            passed.append(here)
            here = hop.router
        return True

    def _next(self, router: str, device: Device, address: IPv4Address, owner: str) -> Hop | None:
        """Return the next hop of a router for an address."""
        near = self._graph.get(router, ())
        on_wire = next((hop for hop in near if hop.gateway == address), None)
        # Of two that are equally long the first one counts: a connected network.
        fitting = [(port.network.prefixlen, on_wire) for port in device.ports.values() if address in port.network]
        fitting += [
            (route.prefix.length, hop)
            for route in device.routes
            if address in route.prefix and (hop := _hop_of(near, route.next_hop, route.interface)) is not None
        ]
        length, known = max(fitting, key=lambda route: route[0], default=(0, None))
        toward = self._toward(owner)
        learned = toward.get(router)
        if learned is None or length:
            return known
        goes_back = known is not None and known.router in toward and toward[known.router].router == router
        may_learn = self._learns(device) and (known is None or goes_back)
        return learned if may_learn or _is_spoken(device, learned.port) else known


def _is_spoken(device: Device, port: str) -> bool:
    """Return whether a protocol that would bring the way runs on a port."""
    own = device.ports.get(port)
    return any(not each.passive for each in running(device, port, own.ip if own is not None else None))


def _hop_of(near: Sequence[Hop], next_hop: object, port: str) -> Hop | None:
    """Return the neighbor that a static route leads to; without a next hop, the only one on its wire."""
    if isinstance(next_hop, IPv4Address):
        return next((hop for hop in near if hop.gateway == next_hop), None)
    there = [hop for hop in near if hop.port == port]
    return there[0] if len(there) == 1 else None
