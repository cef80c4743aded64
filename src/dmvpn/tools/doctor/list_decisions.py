"""What the packet filters of a network do with the packets that it needs (`packet_flows`), by values.

Denial      a packet that a list, or the look at its sender, drops
Decisions   all of them, and for each kind of packets how other routers decide at ports of the same role
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.filters import PortFilters
from dmvpn.tools.doctor.packet_flows import Flows
from dmvpn.tools.walk.tables import unreachable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.base.filters import FilterEntry, FilterList
    from dmvpn.tools.doctor.packet_flows import Demand
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.walk.values import Place

_NOTHING: Final = PortFilters()
#: Packets, or kinds of packets, that a finding names.
MOST_NAMED: Final = 3
#: The filters of ports, by router and port.
Ports = dict[tuple[str, str], PortFilters]


class Denial(NamedTuple):
    """A demand that is not met. listed: the list that drops it; None: its sender is not reachable. entry: of the list,
    None: the end of the list."""

    demand: Demand
    listed: FilterList | None
    entry: FilterEntry | None

    @property
    def place(self) -> Place:
        """Where."""
        return self.demand.place

    @property
    def kind(self) -> str:
        """The kind of the dropped packet, for people."""
        return f"answers of {self.demand.kind.name}" if self.demand.answer else self.demand.kind.name

    @property
    def packet(self) -> str:
        """The packet, for people."""
        packet, demand = self.demand.packet, self.demand
        ports = f", port {packet.source_port} to {packet.destination_port}" if demand.kind.port else ""
        whose = f": {demand.of} of {demand.ends[0]}" if demand.of else ""
        return f"{self.kind} from {packet.source} to {packet.destination}{ports}{whose}"


class _Question(NamedTuple):
    """What decisions of different routers are compared by. role: of the port. is_strange: the sender is a stranger."""

    role: str
    inward: bool
    kind: str
    answer: bool
    is_strange: bool


class Decisions:
    """The decisions of all routers that filter."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.flows = Flows(scene)
        self.ports: Ports = {
            (name, one.interface): one.filters for name, facts in scene.alive() for one in facts.packet_filters
        }
        self.hosts = tuple(self.flows.of_hosts())
        self.strangers = tuple(self.flows.of_strangers())
        self.network = tuple(self._needed())
        self._passed: dict[tuple[str, _Question], Counter[bool]] = {}
        self.denials = tuple(self._denied())

    # ------------------------------------------------------------------------------------------------ deciding

    def denial(self, demand: Demand, ports: Mapping[tuple[str, str], PortFilters] | None = None) -> Denial | None:
        """Return what drops a packet, None: nothing. ports: the filters, None: those of the facts."""
        router, port, inward = demand.place
        filters = (self.ports if ports is None else ports).get((router, port), _NOTHING)
        listed = filters.inward if inward else filters.outward
        if listed is not None:
            entry = listed.decides(demand.packet)
            if entry is None or not entry.permit:
                return Denial(demand, listed, entry)
        facts, check = self.scene.of(router), filters.reverse_path if inward else None
        packet = demand.packet
        if facts is None or check is None or packet.destination.is_multicast:
            return None
        return Denial(demand, None, None) if unreachable(facts, port, packet.source, check) else None

    def _denied(self) -> Iterator[Denial]:
        """Yield all denials. An answer counts only if what it answers passes all lists."""
        dropped = {(one.ends, one.kind) for one in self.hosts if not one.answer and self.denial(one) is not None}
        for demand in self.hosts:
            found = self.denial(demand)
            self._note(demand, passes=found is None)
            if found is not None and not (demand.answer and (demand.ends, demand.kind) in dropped):
                yield found
        for demand in self.strangers:
            self._note(demand, passes=self.denial(demand) is None)
        for demand in self.network:
            found = self.denial(demand)
            if found is not None:
                yield found

    def _needed(self) -> Iterator[Demand]:
        """Yield what tunnels and routing protocols need: the first alternative that passes, or all of them."""
        for alternatives in self.flows.of_tunnels():
            by_kind: dict[str, list[Demand]] = {}
            for one in alternatives:
                by_kind.setdefault(one.kind.name, []).append(one)
            passing = next((some for some in by_kind.values() if not self._count(some)), None)
            yield from passing if passing is not None else alternatives
        routing: dict[tuple[str, ...], list[Demand]] = {}
        for one in self.flows.of_routing():
            routing.setdefault((one.of, *sorted(one.ends)), []).append(one)
        for (of, *_), some in routing.items():
            yield from self._of_bgp(some) if of == "BGP" else some

    def _of_bgp(self, demands: list[Demand]) -> list[Demand]:
        """Return the packets of a connection in the direction of which more passes: either end may call."""
        callers = tuple(dict.fromkeys(one.ends[0] for one in demands))
        calls = [[one for one in demands if (one.ends[0] == caller) is not one.answer] for caller in callers]
        return min(calls, key=self._count, default=[])

    def _count(self, demands: Iterable[Demand]) -> int:
        return sum(self.denial(one) is not None for one in demands)

    # ------------------------------------------------------------------------------------------------ comparing

    def role(self, router: str, port: str) -> str:
        """Return what a port is for: "tunnel", "wan", "lan"; "": nothing that is known."""
        facts = self.scene.of(router)
        tunnels = facts.tunnels if facts is not None else ()
        if any(tunnel.name == port for tunnel in tunnels):
            return "tunnel"
        if any(tunnel.source_interface == port for tunnel in tunnels):
            return "wan"
        link = self.scene.link((router, port))
        ends = link.ends if link is not None else ()
        return "lan" if any(node in self.scene.lab.hosts for node, _ in ends) else ""

    def concerned(self, denials: Iterable[Denial], router: str) -> tuple[str, ...]:
        """Return the routers at the ends of these packets, except one."""
        lab = self.scene.lab
        ends = [end for one in denials for end in one.demand.ends]
        sites = {lab.hosts[end].router for end in ends if end in lab.hosts} | {
            end for end in ends if end in lab.routers
        }
        return tuple(sorted(sites - {router}))

    def _note(self, demand: Demand, *, passes: bool) -> None:
        router, port, inward = demand.place
        filters = self.ports.get((router, port), _NOTHING)
        if (filters.inward if inward else filters.outward) is None:
            return
        self._passed.setdefault((router, self._question(demand)), Counter())[passes] += 1

    def _question(self, demand: Demand) -> _Question:
        router, port, inward = demand.place
        return _Question(self.role(router, port), inward, demand.kind.name, demand.answer, demand.is_strange)

    def others(self, demand: Demand) -> tuple[list[str], list[str]]:
        """Return the other routers whose lists, at ports of this role, permit all such packets, and none of them."""
        router, asked = demand.place[0], self._question(demand)
        found = {name: counts for (name, question), counts in self._passed.items() if question == asked}
        permitting = [name for name, counts in found.items() if name != router and not counts[False]]
        denying = [name for name, counts in found.items() if name != router and not counts[True]]
        return permitting, denying

    def is_usual(self, demand: Demand, *, bare: bool = False) -> bool | None:
        """Return whether most lists of other routers, at ports of this role, permit such packets; None: there are none,
        or as many that do as that do not. bare: ports with a list at the other side alone let all pass at this one.
        """
        permitting, denying = self.others(demand)
        permitting += self.bare(demand.place) if bare else []
        return None if len(permitting) == len(denying) else len(permitting) > len(denying)

    def bare(self, place: Place) -> list[str]:
        """Return the other routers whose ports of this role have a list at the other side alone."""
        router, port, inward = place
        role, found = self.role(router, port), list[str]()
        for (name, other), filters in self.ports.items() if role else ():
            here, there = (filters.inward, filters.outward) if inward else (filters.outward, filters.inward)
            if name != router and here is None and there is not None and self.role(name, other) == role:
                found.append(name)
        return found

    def decided(self, place: Place) -> Iterator[tuple[Demand, FilterEntry | None]]:
        """Yield the packets at a port, with the entry of its list that decides on each."""
        router, port, inward = place
        filters = self.ports.get((router, port), _NOTHING)
        listed = filters.inward if inward else filters.outward
        for demand in (*self.hosts, *self.network):
            if demand.place == place and listed is not None:
                yield demand, listed.decides(demand.packet)
