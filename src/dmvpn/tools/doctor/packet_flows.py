"""The packets that a network needs, the ports that each of them passes, and what packet filters do with them.

    Kind        a kind of packets between hosts: ICMP, UDP, TCP to a port that some list names
    Demand      a packet at a port: of hosts, or of the network itself (tunnels, IKE, routing protocols)
    Denial      a packet that a list, or the look at its sender, drops
    Decisions   all of them, and for each kind of packets how other routers decide at ports of the same role

Walks (`tools.walk`) say which ports a packet passes. They are taken without filters, so that a packet that one list
drops is shown to the lists behind it, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, ip_address
from typing import Final, NamedTuple

from dmvpn.base.breath import gulping
from dmvpn.base.facts import Address
from dmvpn.base.filters import FilterEntry, FilterList, Packet, PortFilters, TcpFlag
from dmvpn.base.translation import ICMP, TCP, UDP
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.tools.doctor.scene import Client, Scene
from dmvpn.tools.walk.values import Passage, Place, Question
from dmvpn.tools.walk.view import View, unreachable, without_shortcuts
from dmvpn.tools.walk.walker import Walker

# ------------------------------------------------------------------------------------------------ packets


#: A port of a client, and one that no list is likely to name.
_EPHEMERAL, _NO_SERVICE = 50_000, 50_001
_IKE, _IKE_NAT, _BGP, _RIP = 500, 4500, 179, 520
_EIGRP, _OSPF = 88, 89
_TO_RIP: Final = IPv4Address("224.0.0.9")
#: The routers of a link that run EIGRP, and OSPF, by the version of IP.
_GROUPS: Final = {
    version: tuple(map(ip_address, groups))
    for version, groups in {4: ("224.0.0.10", "224.0.0.5"), 6: ("ff02::a", "ff02::5")}.items()
}
#: Somebody who belongs to nobody's network (RFC 5737, RFC 9637).
STRANGER: Final = {4: ip_address("192.0.2.99"), 6: ip_address("3fff::99")}
#: Hosts that talk to each host of a router with lists, and services of lists, at most.
_MOST_PEERS, _MOST_SERVICES = 6, 24


class Kind(NamedTuple):
    """A kind of packets. port: the service, 0: none in particular. is_fragment: without ports."""

    name: str
    protocol: int
    port: int = 0
    is_fragment: bool = False

    def packet(self, source: Address, destination: Address, *, answer: bool = False) -> Packet:
        """Return the first packet of a conversation, or the answer to it, from this source to this destination."""
        ports = (_EPHEMERAL, self.port or _NO_SERVICE)
        flags = TcpFlag.SYN | (TcpFlag.ACK if answer else 0) if self.protocol == TCP else 0
        source_port, destination_port = (ports[::-1] if answer else ports) if self.protocol in (TCP, UDP) else (0, 0)
        is_icmp6 = self.protocol == ICMP and source.version == 6
        echo = (129 if answer else 128) if is_icmp6 else 0 if answer else 8
        return Packet(
            protocol=IpProtocol.ICMPV6 if is_icmp6 else self.protocol,
            source=source,
            destination=destination,
            source_port=0 if self.is_fragment else source_port,
            destination_port=0 if self.is_fragment else destination_port,
            icmp=(echo, 0) if self.protocol == ICMP else (0, 0),
            flags=0 if self.is_fragment else flags,
            is_later_fragment=self.is_fragment,
        )


#: Kinds that every network carries. Where all of them are dropped, two sites are kept apart.
PLAIN: Final = (Kind("ICMP", ICMP), Kind("UDP", UDP), Kind("TCP", TCP))
_SSH: Final = Kind("SSH", TCP, 22)
_FRAGMENTS: Final = Kind("fragments", UDP, is_fragment=True)


class Demand(NamedTuple):
    """A packet at a port. ends: host or router, from and to; a stranger is "".

    of: what needs it: "EIGRP"; "": hosts do.
    answer: to a packet that a kind begins with.
    """

    place: Place
    packet: Packet
    kind: Kind
    ends: tuple[str, str]
    answer: bool = False
    of: str = ""

    @property
    def is_outer(self) -> bool:
        """Whether a tunnel or IKE sends it, to a router at one of its ends."""
        return self.place[2] and bool(self.of) and self.of != self.kind.name and self.place[0] in self.ends

    @property
    def is_strange(self) -> bool:
        """Whether its sender does not belong to the network."""
        return not self.ends[0]


class Flows:
    """The demands of a network for one version of IP, from its facts."""

    def __init__(self, scene: Scene, version: int) -> None:
        self._scene = scene
        self._version = version
        #: The hosts, each with its address of this version.
        self._hosts = {
            name: own.ip for name, host in scene.lab.hosts.items() for own in host.addresses if own.version == version
        }
        #: With NHRP's shortcuts, and without: those expire, and later ones are not there yet.
        self._walkers = [Walker(View(lab)) for lab in (scene.unfiltered, without_shortcuts(scene.unfiltered))]
        self._trails: dict[tuple[str, Address, Address, str], tuple[Passage, ...]] = {}
        self.filtering = [
            name for name, facts in scene.alive() if any(one.version == version for one in facts.packet_filters)
        ]
        self.kinds: tuple[Kind, ...] = (*PLAIN, _FRAGMENTS, *_services(scene, version))

    # ------------------------------------------------------------------------------------------------ hosts

    def of_hosts(self) -> Iterator[Demand]:
        """Yield the packets between hosts of different sites, at ports of routers with lists."""
        for here, there in self._pairs():
            ends = self._hosts[here], self._hosts[there]
            forth, back = self._trail(here, *ends), self._trail(there, *ends[::-1])
            for kind in self.kinds:
                yield from _demands(forth, kind, (here, there))
                if not kind.is_fragment:
                    yield from _demands(back, kind, (here, there), answer=True)

    def of_strangers(self) -> Iterator[Demand]:
        """Yield packets of a stranger to the same hosts and to routers: lists need not let them in."""
        for name in self.filtering:
            facts = self._scene.facts(name)
            for it in facts.interfaces if facts is not None else ():
                for address in (own.ip for own in it.addresses):
                    for kind in (*PLAIN, _SSH) if address.version == self._version else ():
                        packet = kind.packet(STRANGER[self._version], address)
                        yield Demand((name, it.name, True), packet, kind, ("", name))
        for here, there in self._pairs():
            own = self._hosts[there]
            trail = self._trail(here, self._hosts[here], own)
            for place in dict.fromkeys(passage.place for passage in trail if not passage.outer):
                for kind in self.kinds:
                    yield Demand(place, kind.packet(STRANGER[self._version], own), kind, ("", there))

    def _pairs(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of hosts of one customer, at different sites, one of which filters."""
        routers = {
            name: host.router
            for name, host in self._scene.lab.hosts.items()
            if self._scene.facts(host.router) is not None and host.router not in self._scene.lab.providers
            if name in self._hosts
        }
        customers = {name: self._scene.customer_of(name) for name in routers}
        done: dict[tuple[str, str], None] = {}
        for here, router in routers.items():
            others = [one for one, its in routers.items() if its != router and customers[one] == customers[here]]
            for there in others[:_MOST_PEERS] if router in self.filtering else []:
                done |= dict.fromkeys(((here, there), (there, here)))
        yield from done

    def _trail(self, start: str, source: Address, destination: Address, front: str = "") -> tuple[Passage, ...]:
        key = (start, source, destination, front)
        if key not in self._trails:
            question = Question(source=source, destination=destination, start=start)
            for walker in self._walkers:
                walker.go(question, front)
            passages = (passage for walker in self._walkers for passage in walker.trail.passages)
            self._trails[key] = tuple(dict.fromkeys(passages))
        return self._trails[key]

    # ------------------------------------------------------------------------------------------------ the network

    def of_tunnels(self) -> Iterator[tuple[Demand, ...]]:
        """Yield groups of outer packets: a tunnel needs all of one group in each sequence of alternatives."""
        for client in self._scene.clients():
            hub, there, nbma = client.hub_facts, client.there, client.nbma
            if hub is None or there is None or nbma is None or client.tunnel.source is None:
                continue
            if nbma.version != self._version:
                continue
            for kinds in self._outer_kinds(client):
                yield tuple(demand for kind in kinds for demand in self._between(client, kind))

    def _outer_kinds(self, client: Client) -> Iterator[tuple[Kind, ...]]:
        """Yield kinds that a tunnel needs, each as alternatives."""
        if not client.tunnel.protection:
            yield (Kind("GRE", IpProtocol.GRE),)
            return
        esp, in_udp = Kind("ESP", IpProtocol.ESP), Kind("ESP in UDP", UDP, _IKE_NAT)
        ends = [(client.name, client.tunnel), *([(client.hub, client.there)] if client.there is not None else [])]
        is_translated = any(self._scene.gateway_of(name, one.source_interface) is not None for name, one in ends)
        theirs = client.hub_facts.sas if client.hub_facts is not None else ()
        seen = self._scene.seen_as(client)
        used = [
            sa for sa in client.facts.sas if sa.used and (sa.remote, sa.front) == (client.nbma, client.tunnel.front)
        ]
        front = client.there.front if client.there is not None else ""
        used += [sa for sa in theirs if sa.used and (sa.remote, sa.front) == (seen, front)]
        yield (Kind("ISAKMP", UDP, _IKE),)
        yield (in_udp,) if is_translated or any(sa.remote_port for sa in used) else (esp, in_udp)

    def _between(self, client: Client, kind: Kind) -> Iterator[Demand]:
        """Yield the demands of a kind of outer packets, both ways."""
        source, nbma = client.tunnel.source, client.nbma
        seen = self._scene.seen_as(client)
        if source is None or nbma is None or seen is None or client.there is None:
            return
        for start, ends, front in (
            (client.name, (source, nbma), client.tunnel.front),
            (client.hub, (client.there.source or nbma, seen), client.there.front),
        ):
            names = (client.name, client.hub) if start == client.name else (client.hub, client.name)
            for passage in self._trail(start, *ends, front):
                packet = Packet(
                    protocol=kind.protocol,
                    source=passage.source,
                    destination=passage.destination,
                    source_port=kind.port,  # IKE has one port at both ends
                    destination_port=kind.port,
                )
                yield Demand(passage.place, packet, kind, names, of=client.tunnel.name)

    def of_routing(self) -> Iterator[Demand]:
        """Yield the packets of routing protocols between the two ends of each tunnel."""
        for client in self._scene.clients():
            hub, there = client.hub_facts, client.there
            if hub is None or there is None or client.version != self._version:
                continue
            ends = (client.name, client.facts, client.tunnel), (client.hub, hub, there)
            for (name, facts, tunnel), (other, _, theirs) in (ends, ends[::-1]):
                place = (name, tunnel.name, True)
                for kind, packet in _routing(facts, tunnel, theirs, self._version):
                    is_answer = bool(packet.flags & TcpFlag.ACK)
                    yield Demand(place, packet, kind, (other, name), is_answer, kind.name)


def _demands(
    trail: tuple[Passage, ...], kind: Kind, ends: tuple[str, str], *, answer: bool = False
) -> Iterator[Demand]:
    for passage in trail:
        if not passage.outer:
            packet = kind.packet(passage.source, passage.destination, answer=answer)
            yield Demand(passage.place, packet, kind, ends, answer)


def _routing(
    facts: RouterFacts, tunnel: TunnelFacts, theirs: TunnelFacts, version: int
) -> Iterator[tuple[Kind, Packet]]:
    """Yield what a neighbor on a tunnel sends: to its multicast group, and to this router."""
    own, far = (next((one for one in it.addresses if one.version == version), None) for it in (tunnel, theirs))
    if own is None or far is None:
        return
    near, sender = (tunnel.link_local or own, theirs.link_local or far) if version == 6 else (own, far)
    spoken = (
        ("EIGRP", _EIGRP, [it.name for one in facts.eigrp for it in one.interfaces if not it.passive]),
        ("OSPF", _OSPF, [it.name for one in facts.ospf for it in one.interfaces if it.speaks]),
    )
    for (name, protocol, ports), everybody in zip(spoken, _GROUPS[version], strict=True):
        for destination in (everybody, near) if tunnel.name in ports else ():
            yield Kind(name, protocol), Packet(protocol=protocol, source=sender, destination=destination)
    if facts.rip is not None and any(it.name == tunnel.name and not it.passive for it in facts.rip.interfaces):
        yield (
            Kind("RIP", UDP, _RIP),
            Packet(protocol=UDP, source=far, destination=_TO_RIP, source_port=_RIP, destination_port=_RIP),
        )
    if far in facts.bgp.called:
        kind = Kind("BGP", TCP, _BGP)
        # The neighbor calls, or answers.
        yield kind, kind.packet(far, own)
        yield kind, kind.packet(far, own, answer=True)


def _services(scene: Scene, version: int) -> list[Kind]:
    """Return the services that entries of lists name, by their first port."""
    found: dict[Kind, None] = {}
    filters = (one.filters for _, facts in scene.alive() for one in facts.packet_filters if one.version == version)
    lists = (listed for one in filters for listed in (one.inward, one.outward) if listed is not None)
    for condition in (entry.condition for listed in lists for entry in listed.entries):
        for ports in (condition.destination_ports, condition.source_ports):
            for protocol in (TCP, UDP):
                port = ports[0][0] if ports else 0
                if condition.protocol == protocol and port:
                    name = "TCP" if protocol == TCP else "UDP"
                    found[Kind(f"{name} port {port}", protocol, port)] = None
    return [one for one in found if one.port not in (_IKE, _IKE_NAT, _BGP, _RIP)][:_MOST_SERVICES]


# ------------------------------------------------------------------------------------------------ decisions of lists


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
    """The decisions of all routers that filter a version of IP."""

    def __init__(self, scene: Scene, version: int) -> None:
        self.scene = scene
        self.version = version
        self.flows = Flows(scene, version)
        self.ports: Ports = {
            (name, one.interface): one.filters
            for name, facts in scene.alive()
            for one in facts.packet_filters
            if one.version == version
        }
        self.hosts = tuple(gulping(self.flows.of_hosts()))
        self.strangers = tuple(gulping(self.flows.of_strangers()))
        self.network = tuple(gulping(self._needed()))
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
        facts, check = self.scene.facts(router), filters.reverse_path if inward else None
        packet = demand.packet
        if facts is None or check is None or packet.destination.is_multicast:
            return None
        return Denial(demand, None, None) if unreachable(facts, port, packet.source, check) else None

    def _denied(self) -> Iterator[Denial]:
        """Yield all denials. An answer counts only if what it answers passes all lists."""
        dropped = {(one.ends, one.kind) for one in self.hosts if not one.answer and self.denial(one) is not None}
        for demand in gulping(self.hosts):
            found = self.denial(demand)
            self._note(demand, passes=found is None)
            if found is not None and not (demand.answer and (demand.ends, demand.kind) in dropped):
                yield found
        for demand in gulping(self.strangers):
            self._note(demand, passes=self.denial(demand) is None)
        for demand in gulping(self.network):
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
        facts = self.scene.facts(router)
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
