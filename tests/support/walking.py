"""A walk beside the packet that it foretells: what is seen on every wire of a world, and what the sender hears."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from dmvpn.base.effects import SendIp
from dmvpn.base.errors import WireError
from dmvpn.dataplane.fragmentation import AGE, Reassembler
from dmvpn.net import gre, icmp, ip
from dmvpn.net.ip import UDP_HEADER_LENGTH
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol, Ipv4Packet
from dmvpn.tools.walk import Walk, WalkOutcome, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.world import World

#: Octets of the headers of IP and ICMP.
ECHO_HEADERS = 28

#: A packet on a wire: which one, from whom, to whom, and its octets.
Sight = tuple[str, str, str, int]


@dataclass
class Ears:
    """Listens on all wires of a world for packets between two addresses, wrapped or not."""

    world: World
    sealed: dict[bytes, bytes] = field(default_factory=dict)
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = {frozenset(link.ends): link.name for link in self.world.sim.facts(self.world.scenario).links}
        for segment in self.world.sim.segments:
            ends = frozenset((station.name, port) for station, port in segment.ends)
            segment.watch = self._listener(names[ends])
        self.world.sim.sealed = lambda message, packet: self.sealed.__setitem__(packet, message)

    def _listener(self, name: str) -> Callable[[bytes], None]:
        return lambda packet: self.heard.append((name, packet))

    def between(self, wanted: list[tuple[object, object]]) -> tuple[Counter[Sight], int | None]:
        """What was heard since `clear` of packets with these sources and destinations, as they were sent or translated:
        all of them, and the TTL of the last one that was not wrapped.
        """
        sights: Counter[Sight] = Counter()
        waiting: dict[tuple[str, object], list[Sight]] = {}
        joiners: dict[str, Reassembler] = {}
        ttl: int | None = None
        for link, octets in self.heard:
            if octets[0] >> 4 == 6:
                outer6 = ip.parse(octets)
                if (outer6.source, outer6.destination) in wanted:
                    sights[link, str(outer6.source), str(outer6.destination), len(octets)] += 1
                    ttl = outer6.ttl
                continue
            packet = Ipv4Packet.parse(octets)
            sight = (link, str(packet.source), str(packet.destination), len(octets))
            if (packet.source, packet.destination) in wanted and packet.protocol == IpProtocol.ICMP:
                sights[sight] += 1
                ttl = packet.ttl
                continue
            key = (link, (packet.source, packet.destination, packet.identification))
            waiting.setdefault(key, []).append(sight)
            whole = joiners.setdefault(link, Reassembler()).add(packet, 0.0) if packet.is_fragment else packet
            if whole is None:
                continue
            pieces = waiting.pop(key)
            if self._ends_inside(whole) in wanted:
                sights.update(pieces)
        return sights, ttl

    def _ends_inside(self, packet: Ipv4Packet) -> object:
        """Whose packet a tunnel's packet carries."""
        message = packet.payload
        if packet.protocol == IpProtocol.UDP:
            message = self.sealed.get(message[UDP_HEADER_LENGTH:], b"")
        elif packet.protocol == IpProtocol.ESP:
            message = self.sealed.get(message, b"")
        elif packet.protocol != IpProtocol.GRE:
            return None
        if message[:1] == b"\x45":  # tunnel mode
            message = message[HEADER_LENGTH:]
        try:
            header, start = gre.GreHeader.parse(message)
        except WireError:
            return None
        if header.protocol_type not in (gre.ProtocolType.IPV4, gre.ProtocolType.IPV6):
            return None
        inner = message[start:]
        protocol, _ = ip.peek_payload(inner)
        return ip.peek_addresses(inner) if protocol in (-1, 1, 58) else None

    def clear(self) -> None:
        """Forget what was heard."""
        self.heard.clear()
        self.sealed.clear()


def echo(world: World, host: str, destination: str, size: int, *, df: bool) -> None:
    """A host sends an echo request of `size` octets, IP header and all. It has forgotten the MTUs of paths."""
    target = ip_address(destination)
    headers = ECHO_HEADERS if target.version == 4 else ECHO_HEADERS + 20
    request = icmp.EchoRequest(identifier=9, sequence=size & 0xFFFF, payload=bytes(size - headers))
    payload = ip.serialize_icmp(request, target.version)
    node = world.sim.hosts[host]
    node.send(SendIp(None, None, target, ip.ICMP[target.version], payload, ttl=64, df=df), world.now + AGE)
    world.sim.schedule(node)


def errors(world: World, host: str) -> list[tuple[str, int]]:
    """Of the ICMP errors that a host received: the router that says it, and the next-hop MTU (0: another error)."""
    found = []
    for packet in world.sim.hosts[host].received:
        if ip.is_icmp(packet.protocol, packet.source):
            message = ip.parse_icmp(packet.payload, packet.source, packet.destination)
            if isinstance(message, icmp.DestinationUnreachable | icmp.TimeExceeded):
                found.append((str(packet.source), getattr(message, "next_hop_mtu", 0)))
    return found


def try_it(world: World, ears: Ears, ends: tuple[str, str], size: int, *, df: bool = False) -> Walk:
    """Walk, send the packet, and hold the one against the other. ends: two hosts."""
    source, destination = ends
    lab = world.sim.facts(world.scenario)
    told = walk(lab, source, destination, size=size, df=df)
    asked = told.forth.question
    ears.clear()
    world.sim.hosts[source].received.clear()
    answered = len(world.replies(source))
    echo(world, source, str(asked.destination), size, df=df)
    world.run_for(0.4)
    translated = [(it.source, it.destination) for it in told.forth.crossings if it.protocol == "IP"]
    seen, ttl = ears.between([(asked.source, asked.destination), *translated])
    what = f"{source} to {destination}, {size} octets, df {df}"
    sights: Counter[Sight] = Counter()
    for crossing in told.forth.crossings:
        for octets in crossing.octets:
            sights[crossing.link, str(crossing.source), str(crossing.destination), octets] += 1
    assert seen == sights, what
    end = told.forth.end
    if end.outcome is WalkOutcome.DELIVERED:
        assert ttl == end.ttl or told.forth.crossings[-1].protocol != "IP", what
        if told.back is not None:
            came_back = told.back.end.outcome is WalkOutcome.DELIVERED
            assert (len(world.replies(source)) > answered) is came_back, what
    elif end.refusal is not None and end.refusal.to == asked.source and "after" not in end.refusal.what:
        ((who, mtu),) = errors(world, source)
        assert mtu == (end.refusal.mtu or 0), what
        facts = lab.routers.get(end.refusal.by)
        assert facts is not None
        assert any(ip_address(who) in own for own in facts.addresses.values()), what
    else:
        assert len(world.replies(source)) == answered, what
        assert errors(world, source) == [], what
    return told


def edges(told: Walk) -> list[int]:
    """Sizes at which something changes, and their neighbors."""
    found = told.budget
    marks = [size for size in (found.whole, found.with_df) if size is not None]
    around = [size + step for size in marks for step in (-1, 0, 1, 8)]
    return sorted({size for size in (*around, 60, 577, 1500) if 48 <= size <= 1500})
