"""The simulated box with IPv6: what it passes on, what it answers, and which addresses it takes for its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dmvpn.base import effects
from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.events import Event, Hairpin, IpReceived, Unresolved
from dmvpn.base.filters import Condition, FilterCount, FilterEntry, FilterList, PortFilters, ReversePath
from dmvpn.base.translation import TCP, UDP, Addresses
from dmvpn.dataplane.contract import RESOLUTION_TIMEOUT, UNRESOLVED_NEXT_HOPS
from dmvpn.dataplane.packets import packet_of
from dmvpn.dataplane.simulated import SimulatedPlane
from dmvpn.dataplane.simulated.chassis import Loss, RouterFilters
from dmvpn.dataplane.simulated.forwarding import ForwardingTable
from dmvpn.net import gre, icmp, ip
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.net.ipv6 import Ipv6Packet
from support.overlay import address

LAN, WAN, PEER = "GigabitEthernet0/2", "GigabitEthernet0/1", address("192.0.2.2")
HOST, BEYOND = address("2001:db8:3::100"), address("2001:db8:4::100")
HUB = address("2001:db8:100::11")


@dataclass
class Box:
    """A box between a LAN and a tunnel, both with IPv6. sent: what left it, by interface."""

    events: list[Event] = field(default_factory=list)
    sent: list[tuple[str, IPAddress, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plane = SimulatedPlane(self.events.append, self._transmit)
        tunnel = effects.TunnelSpec(name="Tunnel0", source=address("192.0.2.1"), destination=None, key=7, mtu=1300)
        for effect in (
            effects.SetInterface(WAN, True, ((address("192.0.2.1"), 24),)),
            effects.SetInterface(LAN, True, ((address("2001:db8:3::1"), 64), (address("fe80::3"), 64)), mss6=1440),
            effects.SetTunnel(tunnel),
            effects.SetInterface(
                "Tunnel0", True, ((address("2001:db8:100::31"), 64), (address("fe80::31"), 64)), mtu6=1400
            ),
            effects.SetCarrier("Tunnel0", True),
            effects.SetRoute(Prefix.parse("2001:db8:4::/64"), (effects.NextHop("Tunnel0", HUB),)),
            effects.SetIpv6Forwarding(enabled=True),
        ):
            self.plane.execute(effect)

    def _transmit(self, interface: str, next_hop: IPAddress, data: bytes) -> bool:
        self.sent.append((interface, next_hop, data))
        return True

    def arrive(self, packet: bytes, interface: str = LAN) -> None:
        """A packet comes in."""
        self.plane.receive(interface, packet)

    def arrive_in_gre(self, packet: bytes, protocol: int = effects.GRE_IPV6) -> None:
        """A packet comes in by the tunnel."""
        message = gre.GreHeader(protocol_type=protocol, key=7).serialize(packet)
        outer = ip.build(source=PEER, destination=address("192.0.2.1"), protocol=IpProtocol.GRE, payload=message)
        self.plane.receive(WAN, outer)

    def in_gre(self) -> list[Ipv6Packet]:
        """The packets that left in the tunnel."""
        found = []
        for interface, _, data in self.sent:
            outer = ip.parse(data)
            if interface == WAN and outer.protocol == IpProtocol.GRE:
                header, start = gre.GreHeader.parse(outer.payload)
                assert (header.protocol_type, header.key) == (effects.GRE_IPV6, 7)
                found.append(Ipv6Packet.parse(outer.payload[start:]))
        return found

    def answers(self) -> list[icmp.IcmpMessage]:
        """The ICMP messages that went back to the LAN."""
        packets = [ip.parse(data) for interface, _, data in self.sent if interface == LAN]
        return [ip.parse_icmp(packet.payload, packet.source, packet.destination) for packet in packets]


def udp(destination: IPAddress, *, size: int = 8, ttl: int = 64, tos: int = 0) -> bytes:
    """A datagram from the host."""
    payload = bytes.fromhex("c000829a00000000") + bytes(size)
    return ip.build(source=HOST, destination=destination, protocol=17, payload=payload, ttl=ttl, tos=tos)


@pytest.fixture
def box() -> Box:
    """One that knows where the hub is."""
    made = Box()
    made.plane.execute(effects.SetAdjacency("Tunnel0", HUB, PEER))
    return made


def test_a_packet_is_carried_in_gre_with_its_traffic_class_outside(box: Box) -> None:
    box.arrive(udp(BEYOND, tos=0x28))
    (packet,) = box.in_gre()
    assert packet.hop_limit == 63
    outer = ip.parse(box.sent[0][2])
    assert isinstance(outer, Ipv4Packet)
    assert (outer.tos, outer.ttl, str(outer.destination)) == (0x28, 255, "192.0.2.2")


def test_a_packet_for_an_unknown_next_hop_waits_and_asks() -> None:
    box = Box()
    box.arrive(udp(BEYOND))
    assert box.events == [Unresolved("Tunnel0", HUB)]
    box.plane.execute(effects.SetAdjacency("Tunnel0", HUB, PEER))
    assert len(box.in_gre()) == 1


def test_who_has_no_unicast_routing_passes_nothing_on(box: Box) -> None:
    box.plane.execute(effects.SetIpv6Forwarding(enabled=False))
    box.arrive(udp(BEYOND))
    assert box.sent == []


@pytest.mark.parametrize(
    ("packet", "answer"),
    [
        (udp(BEYOND, ttl=1), icmp.TimeExceeded),
        (udp(address("2001:db8:99::1")), icmp.DestinationUnreachable),
        (udp(address("2001:db8:3::1")), icmp.DestinationUnreachable),
        (udp(BEYOND, size=1400), icmp.DestinationUnreachable),
    ],
)
def test_what_goes_no_further_is_answered_from_the_interface_it_came_by(
    box: Box, packet: bytes, answer: type[icmp.IcmpMessage]
) -> None:
    box.arrive(packet)
    (message,) = box.answers()
    assert isinstance(message, answer)
    assert ip.parse(box.sent[0][2]).source == address("2001:db8:3::1")
    assert not box.in_gre()


def test_too_big_says_how_big_it_may_be(box: Box) -> None:
    """`ipv6 mtu` of the tunnel, not its `ip mtu`; no router cuts a packet of IPv6."""
    box.arrive(udp(BEYOND, size=1400))
    (message,) = box.answers()
    assert isinstance(message, icmp.DestinationUnreachable)
    assert (message.code, message.next_hop_mtu) == (icmp.UnreachableCode.FRAGMENTATION_NEEDED, 1400)
    box.arrive(udp(BEYOND, size=1300))
    assert len(box.in_gre()) == 1


OWN = address("2001:db8:3::1")


def own_echo(destination: IPAddress, *, df: bool = False) -> effects.SendIp:
    """A ping of 3000 octets of the router."""
    request = icmp.EchoRequest(identifier=3, sequence=1, payload=bytes(2952))
    return effects.SendIp(None, OWN, destination, IpProtocol.ICMPV6, ip.serialize_icmp(request, 6), df=df)


def test_a_large_packet_of_our_own_leaves_in_pieces_of_the_mtu(box: Box) -> None:
    """By a tunnel and by a port; a host's is answered with Packet Too Big."""
    box.plane.execute(own_echo(BEYOND))
    assert [len(piece.serialize()) for piece in box.in_gre()] == [1400, 1400, 304]
    box.sent.clear()
    box.plane.execute(own_echo(HOST))
    assert [(interface, len(data)) for interface, _, data in box.sent] == [(LAN, 1496), (LAN, 1496), (LAN, 112)]
    assert len({data[44:48] for *_, data in box.sent}) == 1, "one identification"


def test_what_must_not_be_cut_is_refused_at_once(box: Box) -> None:
    box.plane.execute(own_echo(BEYOND, df=True))
    (event,) = (one for one in box.events if isinstance(one, IpReceived))
    message = ip.parse_icmp(event.payload, event.source, event.destination)
    assert isinstance(message, icmp.DestinationUnreachable)
    assert (message.code, message.next_hop_mtu) == (icmp.UnreachableCode.FRAGMENTATION_NEEDED, 1400)
    assert box.sent == []


@pytest.mark.parametrize(("mtu", "target", "largest"), [(1300, HOST, 1296), (1279, HOST, 1496), (1300, BEYOND, 1496)])
def test_pieces_fit_what_a_router_on_the_way_has_reported_of_this_destination(
    box: Box, mtu: int, target: IPAddress, largest: int
) -> None:
    """Never less than every path has, 1280 octets (RFC 8201 §4)."""
    quoted = ip.build(source=OWN, destination=target, protocol=58, payload=bytes(1400))
    report = icmp.DestinationUnreachable(
        code=icmp.UnreachableCode.FRAGMENTATION_NEEDED, next_hop_mtu=mtu, quoted=ip.quote(quoted)
    )
    payload = ip.serialize_icmp(report, 6)
    box.arrive(ip.build(source=address("2001:db8:3::9"), destination=OWN, protocol=58, payload=payload))
    box.plane.execute(own_echo(HOST))
    assert max(len(data) for *_, data in box.sent) == largest


def test_pieces_fit_the_known_path_of_the_tunnel_too(box: Box) -> None:
    """The router answered itself that they were too big, did not use the answer, and sent the same ones again."""
    minding = effects.TunnelSpec(
        name="Tunnel0", source=address("192.0.2.1"), destination=None, key=7, mtu=1300, df=effects.DfBit.COPY
    )
    for effect in (effects.SetTunnel(minding), effects.SetAdjacency("Tunnel0", HUB, PEER)):
        box.plane.execute(effect)
    quoted = ip.build(source=address("192.0.2.1"), destination=PEER, protocol=47, payload=bytes(1400))
    report = icmp.DestinationUnreachable(
        code=icmp.UnreachableCode.FRAGMENTATION_NEEDED, next_hop_mtu=1348, quoted=ip.quote(quoted)
    )
    payload = ip.serialize_icmp(report, 4)
    box.arrive(ip.build(source=PEER, destination=address("192.0.2.1"), protocol=1, payload=payload), WAN)
    for _ in range(2):
        box.sent.clear()
        box.plane.execute(own_echo(BEYOND))
    assert [len(piece.serialize()) for piece in box.in_gre()] == [1320, 1320, 464]


def test_pieces_of_an_echo_are_answered_once_they_are_whole(box: Box) -> None:
    request = ip.serialize_icmp(icmp.EchoRequest(identifier=1, sequence=1, payload=bytes(2000)), 6)
    whole = Ipv6Packet.parse(ip.build(source=HOST, destination=OWN, protocol=58, payload=request))
    pieces = whole.fragments(1500, 5)
    for piece in reversed(pieces):
        assert not box.sent
        box.arrive(piece.serialize())
    back = [Ipv6Packet.parse(data) for _, _, data in box.sent]
    assert [one.next_header for one in back] == [44, 44]


def test_news_of_the_link_in_pieces_and_headers_in_two_pieces_are_dropped(box: Box) -> None:
    """RFC 6980, RFC 7112: a piece that shows no header, and a router advertisement."""
    for following, octets in ((60, b"\x3a\x05" + bytes(6)), (58, b"\x86" + bytes(15))):
        fragment = bytes((following, 0, 0, 1, 0, 0, 0, 7)) + octets
        before = box.plane.losses.get(Loss.MALFORMED, 0)
        box.arrive(ip.build(source=HOST, destination=OWN, protocol=44, payload=fragment))
        assert box.plane.losses[Loss.MALFORMED] == before + 1


def test_no_error_answers_an_error_a_redirect_or_a_multicast(box: Box) -> None:
    error = ip.serialize_icmp(icmp.TimeExceeded(quoted=bytes(48)), 6)
    redirect = bytes((137, *bytes(39)))
    for message in (error, redirect):
        box.arrive(ip.build(source=HOST, destination=BEYOND, protocol=58, payload=message, ttl=1))
    box.arrive(udp(address("ff02::1")))
    assert box.sent == []


def test_an_echo_to_a_link_local_address_is_answered_on_its_link_only(box: Box) -> None:
    request = ip.serialize_icmp(icmp.EchoRequest(identifier=1, sequence=1), 6)

    def echo(destination: str) -> bytes:
        return ip.build(source=address("fe80::99"), destination=address(destination), protocol=58, payload=request)

    box.arrive(echo("fe80::3"))
    ((interface, next_hop, data),) = box.sent
    assert (interface, str(next_hop), str(ip.parse(data).source)) == (LAN, "fe80::99", "fe80::3")
    box.sent.clear()
    box.arrive(echo("fe80::31"))
    assert not [
        data
        for _, _, data in box.sent
        if isinstance(ip.parse(data).source, IPv6Address) and str(ip.parse(data).source) == "fe80::31"
    ], "that is the address of another link"


def test_a_packet_from_a_link_local_address_does_not_leave_its_link(box: Box) -> None:
    box.arrive(ip.build(source=address("fe80::99"), destination=BEYOND, protocol=17, payload=bytes(8)))
    assert box.sent == []


def test_an_echo_to_a_link_local_address_is_answered_from_it_whoever_asks(box: Box) -> None:
    """RFC 4443 §4.2: the answer comes from the address that was asked, or its sender does not know it."""
    request = ip.serialize_icmp(icmp.EchoRequest(identifier=1, sequence=1), 6)
    box.arrive(ip.build(source=BEYOND, destination=address("fe80::3"), protocol=58, payload=request))
    ((interface, _, data),) = box.sent
    answer = ip.parse(data)
    assert (interface, str(answer.source), answer.destination) == (LAN, "fe80::3", BEYOND)


def test_a_sender_with_a_link_local_address_hears_on_its_link_what_went_wrong(box: Box) -> None:
    """And nobody else: a default route is no way to such an address."""
    box.plane.execute(effects.SetRoute(Prefix.parse("::/0"), (effects.NextHop("Tunnel0", HUB),)))
    box.arrive(ip.build(source=address("fe80::99"), destination=address("fe80::3"), protocol=17, payload=bytes(8)))
    ((interface, next_hop, data),) = box.sent
    answer = ip.parse(data)
    assert (interface, str(next_hop), str(answer.source)) == (LAN, "fe80::99", "fe80::3")
    message = ip.parse_icmp(answer.payload, answer.source, answer.destination)
    assert isinstance(message, icmp.DestinationUnreachable)
    assert message.code == icmp.UnreachableCode.PORT


def test_an_error_about_a_link_local_address_leaves_another_link_from_an_address_of_that_link(box: Box) -> None:
    """A peer's packet in a LAN host's name drew errors from the tunnel's link-local address onto the LAN (RFC 4007)."""
    box.arrive_in_gre(ip.build(source=HOST, destination=address("fe80::31"), protocol=17, payload=bytes(8)))
    ((interface, _, data),) = box.sent
    assert (interface, str(ip.parse(data).source)) == (LAN, "2001:db8:3::1")


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("::", "2001:db8:4::100"),
        ("::1", "2001:db8:4::100"),
        ("ff02::1", "2001:db8:4::100"),
        ("ff02::1", "2001:db8:3::1"),
        ("::ffff:10.0.0.1", "2001:db8:3::1"),
        ("2001:db8:3::100", "::1"),
        ("2001:db8:3::100", "::"),
        ("2001:db8:3::100", "::ffff:10.0.0.1"),
    ],
)
def test_addresses_that_no_packet_may_have_lead_nowhere(box: Box, source: str, destination: str) -> None:
    """RFC 4291 §2.5.2, §2.5.3, §2.7: not even by a default route, and no echo is answered to a group."""
    box.plane.execute(effects.SetRoute(Prefix.parse("::/0"), (effects.NextHop("Tunnel0", HUB),)))
    request = ip.serialize_icmp(icmp.EchoRequest(identifier=1, sequence=1), 6)
    box.arrive(ip.build(source=address(source), destination=address(destination), protocol=58, payload=request))
    assert box.sent == []


def test_an_interface_without_ipv6_takes_none(box: Box) -> None:
    box.arrive(udp(BEYOND), WAN)
    assert box.sent == []


def test_a_syn_is_clamped_by_the_line_of_ipv6(box: Box) -> None:
    box.plane.execute(effects.SetInterface("Tunnel0", True, ((address("2001:db8:100::31"), 64),), mtu6=1400, mss6=1340))
    syn = bytes.fromhex("c00000500000000000000000600200000000000002040598")
    box.arrive(ip.build(source=HOST, destination=BEYOND, protocol=6, payload=syn))
    (packet,) = box.in_gre()
    assert packet.payload[20:24].hex() == "0204" + (1340).to_bytes(2, "big").hex()


def test_multicasts_go_to_the_receivers_of_their_version(box: Box) -> None:
    box.plane.execute(effects.SetMulticast("Tunnel0", (PEER,), version=4))
    group = effects.SendIp("Tunnel0", None, address("ff02::5"), 89, bytes(8), ttl=1)
    box.plane.execute(group)
    assert box.in_gre() == []
    box.plane.execute(effects.SetMulticast("Tunnel0", (PEER,), version=6))
    box.plane.execute(group)
    (packet,) = box.in_gre()
    assert str(packet.source) == "fe80::31", "the group is of this link, and so is the sender (RFC 6724 §5)"
    box.sent.clear()
    box.plane.execute(replace(group, destination=address("ff0e::5")))
    (packet,) = box.in_gre()
    assert str(packet.source) == "2001:db8:100::31"


def test_what_gre_calls_ipv4_and_is_not_goes_nowhere(box: Box) -> None:
    packet = ip.build(source=BEYOND, destination=HOST, protocol=17, payload=bytes(8))
    box.arrive_in_gre(packet, effects.GRE_IPV4)
    assert box.sent == []
    box.arrive_in_gre(packet)
    assert [(interface, next_hop) for interface, next_hop, _ in box.sent] == [(LAN, HOST)]


def test_a_packet_that_leaves_the_network_of_its_version_is_no_hairpin(box: Box) -> None:
    """Two tunnels may be one network of IPv4 and two of IPv6."""
    third = address("2001:db8:200::1")
    for effect in (
        effects.SetTunnel(
            effects.TunnelSpec(name="Tunnel1", source=address("192.0.2.1"), destination=None, key=8, mtu=1300)
        ),
        effects.SetInterface("Tunnel1", True, ((address("2001:db8:200::31"), 64),)),
        effects.SetCarrier("Tunnel1", True),
        effects.SetAdjacency("Tunnel1", third, address("192.0.2.3")),
        effects.SetHairpin("Tunnel0", 4, report=True, version=4),
        effects.SetHairpin("Tunnel1", 4, report=True, version=4),
        effects.SetHairpin("Tunnel0", 6, report=True, version=6),
        effects.SetHairpin("Tunnel1", 7, report=True, version=6),
    ):
        box.plane.execute(effect)
    packet = ip.build(source=BEYOND, destination=third, protocol=17, payload=bytes(8))
    box.arrive_in_gre(packet)
    assert box.sent
    assert box.events == []
    box.plane.execute(effects.SetHairpin("Tunnel1", 6, report=True, version=6))
    box.arrive_in_gre(packet)
    (hairpin,) = box.events
    assert isinstance(hairpin, Hairpin)
    assert (hairpin.tunnel, hairpin.out_tunnel, hairpin.nbma) == ("Tunnel0", "Tunnel1", PEER)


def test_neighbors_of_ipv6_go_with_its_last_address(box: Box) -> None:
    assert box.plane.adjacency("Tunnel0", HUB) == PEER
    box.plane.execute(effects.SetInterface("Tunnel0", True, ((address("10.0.0.1"), 24),)))
    assert box.plane.adjacency("Tunnel0", HUB) is None


# What the simulated plane's filters see of a packet, count and forget.

EVERY = Addresses(IPv4Address(0), IPv4Address("255.255.255.255"))
PORT = "GigabitEthernet0/1"


def data(**fields: object) -> bytes:
    known = {"protocol": UDP, "source": IPv4Address("10.0.0.1"), "destination": IPv4Address("10.0.0.2")}
    return Ipv4Packet(**{"payload": bytes.fromhex("0035 0045 0008 0000"), **known, **fields}).serialize()  # type: ignore[arg-type]


def entry(sequence: int, *, permit: bool = True, protocol: int | None = None, log: bool = False) -> FilterEntry:
    return FilterEntry(sequence, permit, Condition(source=EVERY, destination=EVERY, protocol=protocol), log)


def listed(*entries: FilterEntry) -> effects.SetFilters:
    return effects.SetFilters(PORT, PortFilters(FilterList("L", entries)))


def test_a_packet_is_read_with_its_options_and_a_later_fragment_without_ports() -> None:
    packet = packet_of(data(options=bytes.fromhex("01 94040000 000000"), tos=184, ttl=9))
    assert packet is not None
    assert (packet.source_port, packet.destination_port) == (53, 69)
    assert (packet.options, packet.service, packet.ttl) == ((1, 148, 0), 184, 9)
    later = packet_of(data(fragment_offset=3))
    assert later is not None
    assert (later.source_port, later.is_later_fragment) == (0, True)


@pytest.mark.parametrize("octets", ["", "45", "4f" + "00" * 20, "40" + "00" * 30])
def test_what_has_no_whole_header_is_no_packet(octets: str) -> None:
    assert packet_of(bytes.fromhex(octets)) is None


def test_entries_that_stay_keep_their_counts_and_changed_ones_begin_again() -> None:
    events: list[Event] = []
    filters, table = RouterFilters(events.append), ForwardingTable()
    filters.set(listed(entry(10, protocol=TCP), entry(20, log=True)))
    assert filters.admits(PORT, data(), table, 1.0)
    filters.set(listed(entry(5, permit=False, protocol=TCP), entry(20, log=True)))
    assert filters.admits(PORT, data(), table, 1.0)
    assert filters.admits(PORT, data(protocol=TCP, payload=bytes(20)), table, 1.0) is False
    assert set(filters.counts()) == {FilterCount(PORT, True, 20, 2), FilterCount(PORT, True, 5, 1)}
    assert len(events) == 2
    filters.set(effects.SetFilters(PORT, PortFilters()))
    assert filters.counts() == ()
    assert filters.admits(PORT, data(), table, 1.0)


@pytest.mark.parametrize(
    ("asked", "source", "expected"),
    [
        (ReversePath(strict=True), "10.0.0.1", True),
        (ReversePath(strict=True), "10.2.0.1", None),
        (ReversePath(strict=False), "10.2.0.1", True),
        (ReversePath(strict=False), "10.3.0.1", None),
        (ReversePath(strict=False), "192.0.2.1", None),
        (ReversePath(strict=False, allow_default=True), "192.0.2.1", True),
        (ReversePath(strict=True, allow_default=True), "192.0.2.1", None),
    ],
)
def test_a_sender_must_be_reachable(asked: ReversePath, source: str, expected: bool | None) -> None:
    filters, table = RouterFilters(lambda event: None), ForwardingTable()
    ways = {"10.0.0.0/16": PORT, "10.2.0.0/16": "Tunnel0", "0.0.0.0/0": "Tunnel0"}
    for prefix, port in ways.items():
        table.set_route(effects.SetRoute(Prefix.parse(prefix), (effects.NextHop(port),)))
    table.set_route(effects.SetRoute(Prefix.parse("10.3.0.0/16"), (), effects.RouteKind.DISCARD))
    filters.set(effects.SetFilters(PORT, PortFilters(reverse_path=asked)))
    assert filters.admits(PORT, data(source=IPv4Address(source)), table, 1.0) is expected


def test_senders_of_denied_packets_are_told_twice_a_second_at_most() -> None:
    filters = RouterFilters(lambda event: None)
    assert [filters.may_prohibit(now / 10) for now in range(12)].count(True) == 3


# The simulated box on its own: what waits in it is bounded, and given up in time.

NET = 0x0A000000


def _box(events: list[Event]) -> SimulatedPlane:
    """A box with a multipoint tunnel 10.0.0.1/16 and nobody resolved."""
    box = SimulatedPlane(events.append, lambda interface, next_hop, data: True)
    tunnel = effects.TunnelSpec(name="Tunnel0", source=IPv4Address("192.0.2.1"), destination=None, key=None, mtu=1400)
    address = ((IPv4Address(NET + 1), 16),)
    for effect in (
        effects.SetTunnel(tunnel),
        effects.SetInterface("Tunnel0", True, address),
        effects.SetCarrier("Tunnel0", True),
    ):
        box.execute(effect)
    return box


def _scan(box: SimulatedPlane, start: int, count: int) -> None:
    for number in range(start, start + count):
        box.execute(effects.SendIp(None, None, IPv4Address(NET + number), 17, bytes(8)))


def test_a_scan_of_the_overlay_leaves_only_so_many_next_hops_unresolved() -> None:
    events: list[Event] = []
    _scan(_box(events), 2, UNRESOLVED_NEXT_HOPS + 10)
    assert sum(isinstance(event, Unresolved) for event in events) == UNRESOLVED_NEXT_HOPS


def test_next_hops_that_nobody_resolved_make_room_for_others() -> None:
    events: list[Event] = []
    box = _box(events)
    _scan(box, 2, UNRESOLVED_NEXT_HOPS)
    box.now = RESOLUTION_TIMEOUT
    box.tick()
    _scan(box, 2 + UNRESOLVED_NEXT_HOPS, 1)
    assert events[-1] == Unresolved("Tunnel0", IPv4Address(NET + 2 + UNRESOLVED_NEXT_HOPS))


# Which of several next hops a flow takes.

NEAR, FAR = effects.NextHop("Gi1", IPv4Address("10.1.0.2"), 3), effects.NextHop("Gi2", IPv4Address("10.2.0.2"), 1)
HERE, THERE = IPv4Address("10.9.0.1"), IPv4Address("10.8.0.1")


def test_flows_are_shared_by_weights_and_each_keeps_to_its_way() -> None:
    table = ForwardingTable()
    for number in (1, 2):
        address = (IPv4Address(f"10.{number}.0.1"), 24)
        table.set_interface(effects.SetInterface(f"Gi{number}", up=True, addresses=(address,)))
        table.port(f"Gi{number}").carrier = True
    table.set_route(effects.SetRoute(Prefix.parse("10.8.0.0/16"), (NEAR, FAR)))
    chosen: Counter[effects.NextHop | effects.RouteKind] = Counter()
    for port in range(5000, 5400):
        datagram = UdpDatagram(source_port=port, destination_port=53, payload=b"").serialize(HERE, THERE)
        packet = Ipv4Packet(source=HERE, destination=THERE, protocol=IpProtocol.UDP, payload=datagram, ttl=9)
        ways = {table.choose(THERE, packet.serialize()) for _ in range(3)}
        assert len(ways) == 1
        chosen.update(ways)
    assert set(chosen) == {NEAR, FAR}
    assert 2.5 < chosen[NEAR] / chosen[FAR] < 3.5


# ------------------------------------------------------------------------------------------------ hostile peers

_ADDRESSES = st.sampled_from(
    [
        *("2001:db8:3::1", "2001:db8:3::100", "2001:db8:4::100", "2001:db8:100::31", "2001:db8:100::11"),
        *("fe80::3", "fe80::31", "fe80::99", "ff02::1", "ff02::5", "ff0e::1", "::", "::1", "::ffff:10.0.0.1"),
    ]
).map(address)
#: Headers with the octets behind their first one: a length, and what it is the length of, or not.
_EXTENSIONS = st.lists(
    st.tuples(
        st.sampled_from([0, 43, 44, 50, 51, 59, 60, 135]),
        st.sampled_from([b"\0\1\4\0\0\0\0", b"\0\0\1\0\0\0\7", b"\0\0\x11\0\0\0\7", b"\1" + bytes(14)])
        | st.binary(min_size=7, max_size=7),
    ),
    max_size=4,
)
_MESSAGES = st.tuples(st.sampled_from([1, 2, 3, 4, 128, 129, *range(130, 138), 143]), st.binary(max_size=60)).map(
    lambda drawn: (58, bytes((drawn[0], 0)) + drawn[1])
)
_PAYLOADS = _MESSAGES | st.tuples(st.sampled_from([6, 17, 41, 47, 59, 88, 89, 255]), st.binary(max_size=60))


@given(_ADDRESSES, _ADDRESSES, _EXTENSIONS, _PAYLOADS, st.sampled_from([0, 1, 2, 255]), st.booleans())
@example(HOST, address("fe80::31"), [], (17, bytes(8)), 64, True)
def test_no_packet_makes_a_box_break_the_scope_of_an_address(
    source: IPAddress,
    destination: IPAddress,
    extensions: list[tuple[int, bytes]],
    payload: tuple[int, bytes],
    hops: int,
    in_tunnel: bool,
) -> None:
    """What has a link-local address stays on its link, and what is passed on has one hop less."""
    following, octets = payload
    for header, rest in reversed(extensions):
        following, octets = header, bytes((following,)) + rest + octets
    head = b"\x60\0\0\0" + len(octets).to_bytes(2, "big") + bytes((following, hops))
    packet = head + source.packed + destination.packed + octets
    if following == 58:
        packet = ip.build(source=source, destination=destination, protocol=58, payload=octets, ttl=hops)
    box = Box()
    box.plane.execute(effects.SetAdjacency("Tunnel0", HUB, PEER))
    if in_tunnel:
        box.arrive_in_gre(packet)
    else:
        box.arrive(packet)
    own = {LAN: "fe80::3", WAN: "fe80::31"}
    ours = {"2001:db8:3::1", "2001:db8:100::31", *own.values()}
    left = [(WAN, each.serialize()) for each in box.in_gre()]
    left += [(LAN, data) for interface, _, data in box.sent if interface == LAN]
    for interface, data in left:
        passed = Ipv6Packet.parse(data)
        stays = (interface == WAN) == in_tunnel
        assert stays or not passed.source.is_link_local or str(passed.source) == own[interface]
        assert passed.hop_limit < hops or str(passed.source) in ours
