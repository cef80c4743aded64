"""Routers of OSPF on wires in virtual time, and what the shortest ways between them are, counted without OSPF.

wire (1, 3)   point-to-point between routers 1 and 3: Ethernet0/3 of router 1, 10.1.3.1 and 10.1.3.2
the LAN       Ethernet0/0 of each router, 10.200.0.N
router N      has Loopback0 with 10.0.0.N/32, which all others want to reach
"""

from __future__ import annotations

import heapq
import itertools
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import TYPE_CHECKING

from dmvpn.base.effects import Effect, SendIp
from dmvpn.base.events import IpReceived, LinkChanged
from dmvpn.base.notices import RouteSource
from dmvpn.features.ospf import FEATURE as OSPF
from dmvpn.features.ospf.packet import OspfPacket
from dmvpn.features.policy import FEATURE as POLICY
from support.routing import make
from support.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LAN = 0
_DELAY = 0.001
_TIMERS = " ip ospf hello-interval 1\n ip ospf dead-interval 4\n ip ospf retransmit-interval 2\n"
#: Where a way leads next, and its cost.
Way = tuple[int, frozenset[str]]


class OspfNet:
    """See the module's docstring. wires: pairs of routers, the lesser first. costs: by router and far end (or LAN).

    loses: which packets get lost, on all wires.
    """

    #: By wire, if it is not 0; and lines of `router ospf` by router.
    areas: Mapping[tuple[int, int], int] = MappingProxyType({})
    lines: Mapping[int, str] = MappingProxyType({})

    def __init__(self, routers: int, wires: list[tuple[int, int]], *, lan: bool = False) -> None:
        self.now = 0.0
        self.wires = dict.fromkeys(wires, True)
        self.cut: set[tuple[int, int]] = set()
        self.loses: Callable[[OspfPacket], bool] = lambda _packet: False
        self.on_lan = dict.fromkeys(range(1, routers + 1), lan)
        self.costs: dict[tuple[int, int], int] = {}
        self.routers: dict[int, Workbench] = {}
        self._queue: list[tuple[float, int, int, IpReceived]] = []
        self._count = itertools.count()
        self.lives: dict[int, int] = dict.fromkeys(range(1, routers + 1), 0)
        for number in self.lives:
            self.start(number)

    # ------------------------------------------------------------------------------------------------ changes

    def start(self, number: int) -> None:
        """Start a router, or start it again without a word, with nothing remembered."""
        self.lives[number] += 1
        bench = self.routers[number] = Workbench(*make().features, POLICY, OSPF, seed=100 * number + self.lives[number])
        bench.now = self.now
        far_ends = [other for wire in self.wires for other in wire if number in wire and other != number]
        text = (
            f"interface Loopback0\n ip address 10.0.0.{number} 255.255.255.255\n ip ospf 1 area {self.home(number)}\n"
        )
        for other in far_ends:
            one, two = sorted((number, other))
            text += (
                f"interface Ethernet0/{other}\n ip address 10.{one}.{two}.{1 + (number == two)} 255.255.255.252\n"
                f" ip ospf network point-to-point\n ip ospf 1 area {self.areas.get((one, two), 0)}\n"
                f"{_TIMERS}{self._cost_line(number, other)}"
            )
        if not self.areas:
            text += (
                f"interface Ethernet0/0\n ip address 10.200.0.{number} 255.255.255.0\n"
                f" ip ospf 1 area 0\n{_TIMERS}{self._cost_line(number, LAN)}"
            )
        text += f"router ospf 1\n router-id 10.0.0.{number}\n maximum-paths 16\n timers throttle spf 10 50 500\n"
        text += self.lines.get(number, "")
        self._carry_out(number, bench.configure(text))
        self._carry_out(number, bench.handle(LinkChanged("Loopback0", up=True)))
        for other in far_ends:
            self._link(number, other, up=self.wires[min(number, other), max(number, other)])
        self._link(number, LAN, up=self.on_lan[number])

    def home(self, number: int) -> int:
        """Return the area of a router's loopback: the least of its wires."""
        return min((self.areas.get(wire, 0) for wire in self.wires if number in wire), default=0)

    def set_wire(self, wire: tuple[int, int], *, up: bool) -> None:
        """Pull a cable out, or put it in again; both ends see it."""
        self.wires[wire] = up
        self._link(wire[0], wire[1], up=up)
        self._link(wire[1], wire[0], up=up)

    def set_lan(self, number: int, *, up: bool) -> None:
        """The same with a router's cable to the LAN, which that router alone sees."""
        self.on_lan[number] = up
        self._link(number, LAN, up=up)

    def set_cost(self, number: int, other: int, cost: int) -> None:
        """What the way out costs."""
        self.costs[number, other] = cost
        self.enter(number, f"interface Ethernet0/{other}\n{self._cost_line(number, other)}")

    def enter(self, number: int, text: str) -> None:
        """Enter lines at a router."""
        self._carry_out(number, self.routers[number].configure(text))

    def deliver(self, number: int, event: IpReceived) -> None:
        """Let a router hear a packet that none of the others sent."""
        bench = self.routers[number]
        bench.now = self.now
        self._carry_out(number, bench.handle(event))

    def _cost_line(self, number: int, other: int) -> str:
        return f" ip ospf cost {self.costs.get((number, other), 10)}\n"

    def _link(self, number: int, other: int, *, up: bool) -> None:
        self._carry_out(number, self.routers[number].handle(LinkChanged(f"Ethernet0/{other}", up=up)))

    # ------------------------------------------------------------------------------------------------ time

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while True:
            due = {number: bench.next_deadline() for number, bench in self.routers.items()}
            number, when = min(
                ((number, when) for number, when in due.items() if when is not None),
                key=lambda pair: (pair[1], pair[0]),
            )
            packet = self._queue[0] if self._queue else None
            if packet is not None and packet[0] <= when:
                when, _, number, event = heapq.heappop(self._queue)
            else:
                event = None
            if when > end:
                if packet is not None and event is not None:
                    heapq.heappush(self._queue, packet)
                self.now = end
                return
            self.now = max(self.now, when)
            bench = self.routers[number]
            bench.now = max(bench.now, self.now)
            self._carry_out(number, bench.handle(event) if event is not None else bench.advance(0.0))

    def _carry_out(self, number: int, effects: list[Effect]) -> None:
        for order in effects:
            if not isinstance(order, SendIp) or not isinstance(order.source, IPv4Address):
                continue
            if self.loses(OspfPacket.parse(order.payload)):
                continue
            if order.interface is None:
                self._forward(number, order, order.source)
                continue
            for other in self._hearers(number, int(order.interface.rpartition("/")[2])):
                mine = f"Ethernet0/{LAN if order.interface.endswith('/0') else number}"
                event = IpReceived(mine, order.source, order.destination, order.protocol, order.payload, order.ttl)
                if order.destination.is_multicast or self._has(other, mine, str(order.destination)):
                    heapq.heappush(self._queue, (self.now + _DELAY, next(self._count), other, event))

    def _forward(self, number: int, order: SendIp, source: IPv4Address) -> None:
        """Carry a packet from router to router, as their tables say at once; it arrives after the time of all wires."""
        came_by = ""
        for hops in range(order.ttl):
            rib = self.routers[number].ports.rib
            if self.routers[number].ports.interfaces.owner(order.destination) is not None:
                event = IpReceived(came_by, source, order.destination, order.protocol, order.payload, 1)
                heapq.heappush(self._queue, (self.now + hops * _DELAY, next(self._count), number, event))
                return
            found = rib.lookup(order.destination)
            if found is None or not found.next_hops:
                return
            port = int(found.next_hops[0].interface.rpartition("/")[2])
            address = found.next_hops[0].address or order.destination
            mates = self._hearers(number, port)
            came_by = f"Ethernet0/{LAN if port == LAN else number}"
            owners = (each for each in mates if self.routers[each].ports.interfaces.owner(address) is not None)
            number = next(owners, 0)
            if not number:
                return

    def _hearers(self, number: int, port: int) -> list[int]:
        if port == LAN:
            return [other for other, up in self.on_lan.items() if up and self.on_lan[number] and other != number]
        wire = (min(number, port), max(number, port))
        return [port] if self.wires[wire] and wire not in self.cut else []

    def _has(self, number: int, interface: str, address: str) -> bool:
        state = self.routers[number].ports.interfaces.get(interface)
        return state is not None and str(state.address) == address

    # ------------------------------------------------------------------------------------------------ what is known

    def found(self, number: int) -> dict[int, Way]:
        """Return the ways that a router has to the others."""
        ways = {}
        for route in self.routers[number].ports.rib.routes():
            if route.source is RouteSource.OSPF and str(route.prefix.address).startswith("10.0.0."):
                hops = frozenset(str(hop.address) for hop in route.next_hops)
                ways[int(route.prefix.address) & 0xFF] = (route.metric, hops)
        return ways

    def databases(self) -> dict[int, str]:
        """Return what `show ip ospf database` says of each router's database, without ages."""
        shown = {}
        for number, bench in self.routers.items():
            lines = [line.split() for line in bench.show("show ip ospf database")]
            shown[number] = "\n".join(
                " ".join(line[:2] + line[3:]) for line in lines if len(line) > 4 and line[3][:2] == "0x"
            )
        return shown

    def shortest(self, number: int) -> dict[int, Way]:
        """Return the ways that a router should have, by Dijkstra over the wires. A loopback costs 1 at its router."""
        best: dict[int, int] = {}
        hops: dict[int, set[str]] = {number: set()}
        heap = [(0, number)]
        cost_to = {number: 0}
        while heap:
            cost, here = heapq.heappop(heap)
            if here in best:
                continue
            best[here] = cost
            for there, metric, address in self._edges(here):
                total = cost + metric
                first = {address} if here == number else hops[here]
                if there in best or total > cost_to.get(there, total):
                    continue
                if total < cost_to.get(there, total + 1):
                    cost_to[there], hops[there] = total, set()
                hops[there] |= first
                heapq.heappush(heap, (total, there))
        return {other: (cost + 1, frozenset(hops[other])) for other, cost in best.items() if other != number}

    def _edges(self, here: int) -> list[tuple[int, int, str]]:
        """Routers beside this one, the cost of the way there, and their addresses."""
        edges = []
        for (one, two), up in self.wires.items():
            if up and here in (one, two) and (one, two) not in self.cut:
                there = two if here == one else one
                edges.append((there, self.costs.get((here, there), 10), f"10.{one}.{two}.{1 + (there == two)}"))
        if self.on_lan[here]:
            mates = [other for other, up in self.on_lan.items() if up and other != here]
            edges += [(other, self.costs.get((here, LAN), 10), f"10.200.0.{other}") for other in mates]
        return edges
