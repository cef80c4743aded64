"""The simulated box takes a short way with nearly all packets of a large network; the long way comes to the same."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from dmvpn.base import effects
from dmvpn.base.addresses import Prefix
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.translation import Clause, SourceRule
from dmvpn.dataplane.simulated import SimulatedPlane
from dmvpn.dataplane.simulated import box as box_module
from dmvpn.dataplane.simulated import gre as gre_module
from dmvpn.dataplane.simulated.forwarding import ForwardingTable
from dmvpn.dataplane.simulated.translation import RouterTranslation
from dmvpn.dataplane.translator import Drop
from dmvpn.net import translate
from dmvpn.net.gre import GreHeader
from dmvpn.net.icmp import DestinationUnreachable, EchoRequest
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol, Ipv4Flag, Ipv4Packet, peek_plain
from dmvpn.net.translate import Side

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

PORT, TUNNEL = "GigabitEthernet0/1", "Tunnel0"
NBMA, PEER, OVERLAY = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"), IPv4Address("10.0.0.1")
EIGRP_ROUTERS, RIP_ROUTERS = IPv4Address("224.0.0.10"), IPv4Address("224.0.0.9")
#: A station that the tunnel's neighbor has, and that neighbor.
BEHIND, NEIGHBOR = IPv4Address("198.51.100.1"), IPv4Address("10.0.0.2")
RIP_PORT = 520

sources = st.sampled_from([PEER, IPv4Address("10.0.0.2"), NBMA])
destinations = st.sampled_from(
    [
        *(NBMA, OVERLAY, EIGRP_ROUTERS, RIP_ROUTERS, PEER, BEHIND),
        *map(IPv4Address, ("192.0.2.255", "10.0.0.9", "203.0.113.1")),
    ]
)
payloads = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda port: UdpDatagram(source_port=1, destination_port=port, payload=b"").serialize(PEER, NBMA),
        st.sampled_from([RIP_PORT, 9]),
    ),
    st.just(EchoRequest(identifier=1, sequence=1).serialize()),
)


def packets(inside: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.builds(
        lambda **fields: Ipv4Packet(**fields).serialize(),
        tos=st.sampled_from([0, 0xC0]),
        flags=st.sampled_from([Ipv4Flag(0), Ipv4Flag(0), Ipv4Flag.DONT_FRAGMENT, Ipv4Flag.MORE_FRAGMENTS]),
        fragment_offset=st.sampled_from([0, 0, 0, 1]),
        ttl=st.sampled_from([1, 2, 255]),
        protocol=st.sampled_from([IpProtocol.EIGRP, IpProtocol.GRE, IpProtocol.UDP, IpProtocol.ICMP, IpProtocol.OSPF]),
        source=sources,
        destination=destinations,
        options=st.sampled_from([b"", b"", b"\x94\x04\x00\x00"]),
        payload=inside,
    )


def in_gre(payload: bytes, key: int | None, protocol: int) -> bytes:
    message = GreHeader(protocol_type=protocol, key=key).serialize(payload)
    return Ipv4Packet(protocol=IpProtocol.GRE, source=PEER, destination=NBMA, payload=message).serialize()


def damaged(data: bytes, place: int, flip: int, length: int) -> bytes:
    """One octet is wrong, and something is cut off or added."""
    octets = bytearray(data)
    octets[place % len(octets)] ^= flip
    return bytes(octets[: len(octets) + length] if length < 0 else octets + bytes(length))


whole = packets(payloads)
tunnelled = st.builds(in_gre, packets(payloads), st.sampled_from([100, 100, None]), st.sampled_from([0x0800, 0x86DD]))
broken = st.builds(
    damaged, whole | tunnelled, st.integers(0, 63), st.sampled_from([0, 1, 0x20, 0xFF]), st.integers(-4, 4)
)
HELLO = Ipv4Packet(
    ttl=1, tos=0xC0, protocol=IpProtocol.EIGRP, source=IPv4Address("10.0.0.2"), destination=EIGRP_ROUTERS, payload=b"hi"
).serialize()


def life_of(arrivals: list[bytes], *, tunnel_up: bool) -> list[object]:
    """Everything that a box reports and sends, and what it counted at the end."""
    seen: list[object] = []

    def transmit(interface: str, next_hop: IPAddress, data: bytes) -> bool:
        seen.append((interface, next_hop, data))
        return True

    box = SimulatedPlane(seen.append, transmit)
    spec = effects.TunnelSpec(name=TUNNEL, source=NBMA, destination=None, key=100, mtu=1400)
    for effect in (
        effects.SetInterface(PORT, True, ((NBMA, 24),)),
        effects.SetTunnel(spec),
        effects.SetInterface(TUNNEL, True, ((OVERLAY, 24),)),
        effects.SetCarrier(TUNNEL, tunnel_up),
        effects.SetRoute(Prefix.host(BEHIND), (effects.NextHop(TUNNEL, NEIGHBOR),)),
        effects.SetAdjacency(TUNNEL, NEIGHBOR, PEER),
        effects.Listen(PORT, IpProtocol.EIGRP, EIGRP_ROUTERS),
        effects.Listen(TUNNEL, IpProtocol.EIGRP, EIGRP_ROUTERS),
        effects.Listen(TUNNEL, IpProtocol.UDP, RIP_ROUTERS, RIP_PORT),
    ):
        box.execute(effect)
    for data in arrivals:
        box.receive(PORT, data)
    box.execute(effects.PollInterfaces())
    box.execute(effects.PollUsage(TUNNEL))
    return [*seen, box.losses]


@given(st.lists(whole | tunnelled | broken, min_size=1, max_size=6), st.booleans())
@example([in_gre(HELLO, 100, 0x0800)], True)
@example([in_gre(HELLO, 100, 0x0800)], False)
def test_the_short_way_of_a_packet_comes_to_what_the_long_way_does(arrivals: list[bytes], tunnel_up: bool) -> None:
    short = life_of(arrivals, tunnel_up=tunnel_up)
    with patch.object(box_module, "peek_plain", _never), patch.object(gre_module, "peek_plain", _never):
        long = life_of(arrivals, tunnel_up=tunnel_up)
    assert short == long


@given(whole | broken)
def test_what_a_look_at_a_plain_header_finds_is_what_decoding_finds(data: bytes) -> None:
    header = peek_plain(data)
    if header is not None:
        packet = Ipv4Packet.parse(data)
        to = packet.destination
        assert header == (packet.tos, packet.ttl, packet.protocol, packet.source, to, to.is_multicast)
        assert data[HEADER_LENGTH:] == packet.payload
        assert (packet.is_fragment, packet.options) == (False, b"")


def test_an_ordinary_hello_is_plain() -> None:
    assert peek_plain(HELLO) is not None


def _never(data: bytes) -> None:
    """Nothing is plain."""


# Translation in place gives the octets that encoding the changed packet gives, and undoes itself.

addresses = st.integers(0x01000000, 0xDFFFFFFF).map(IPv4Address)
ports = st.integers(1, 0xFFFF)
sides = st.sampled_from(Side)


def datagram(source: tuple[IPv4Address, int], destination: tuple[IPv4Address, int], payload: bytes) -> bytes:
    message = UdpDatagram(source_port=source[1], destination_port=destination[1], payload=payload)
    return Ipv4Packet(
        source=source[0],
        destination=destination[0],
        protocol=IpProtocol.UDP,
        payload=message.serialize(source[0], destination[0]),
    ).serialize()


endpoints = st.tuples(addresses, ports)


@given(endpoints, endpoints, endpoints, sides, st.binary(max_size=40))
def test_a_translated_datagram_is_the_one_that_would_have_been_sent_from_there(
    source: tuple[IPv4Address, int],
    destination: tuple[IPv4Address, int],
    new: tuple[IPv4Address, int],
    side: Side,
    payload: bytes,
) -> None:
    data = bytearray(datagram(source, destination, payload))
    translate.rewrite(data, side, *new)
    ends = (new, destination) if side is Side.SOURCE else (source, new)
    assert bytes(data) == datagram(*ends, payload)
    old = source if side is Side.SOURCE else destination
    translate.rewrite(data, side, *old)
    assert bytes(data) == datagram(source, destination, payload)


@given(endpoints, endpoints, endpoints, sides, st.integers(20, 60))
def test_whatever_an_error_quotes_of_a_packet_is_translated_and_its_checksum_stays_right(
    source: tuple[IPv4Address, int],
    destination: tuple[IPv4Address, int],
    new: tuple[IPv4Address, int],
    side: Side,
    length: int,
) -> None:
    original = datagram(source, destination, bytes(20))[:length]
    message = DestinationUnreachable(code=3, quoted=original).serialize()
    error = Ipv4Packet(source=destination[0], destination=source[0], protocol=IpProtocol.ICMP, payload=message)
    data = bytearray(error.serialize())
    quoted = bytearray(translate.quoted(data) or b"")
    translate.rewrite(quoted, side, *new)
    translate.replace_quoted(data, bytes(quoted))
    assert translate.address(quoted, side) == new[0]
    whole = DestinationUnreachable(code=3, quoted=bytes(quoted)).serialize()
    assert Ipv4Packet.parse(data).payload == whole


@given(st.binary(min_size=20, max_size=64), endpoints, sides)
def test_no_octets_break_it(octets: bytes, new: tuple[IPv4Address, int], side: Side) -> None:
    data = bytearray(b"\x45" + octets[1:])
    length = len(data)
    translate.quoted(data)
    translate.rewrite(data, side, *new)
    assert len(data) == length


# NAT overload of a simulated router, whatever is sent: an answer finds whoever asked, and no two share an end.

PUBLIC = IPv4Address("203.0.113.1")
ENDS = st.tuples(st.integers(1, 6), st.one_of(st.integers(0, 65535), st.sampled_from([500, 4500, 4000])))
REMOTES = st.tuples(st.integers(1, 3), st.sampled_from([53, 500, 4500]))


def datagram_of(source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    here, there = IPv4Address(source[0]), IPv4Address(destination[0])
    message = UdpDatagram(source_port=source[1], destination_port=destination[1], payload=b"x").serialize(here, there)
    return Ipv4Packet(source=here, destination=there, protocol=IpProtocol.UDP, payload=message).serialize()


@given(st.lists(st.tuples(ENDS, REMOTES), max_size=40))
def test_every_answer_finds_whoever_asked_and_no_port_of_ike_is_taken(
    packets: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    table = ForwardingTable()
    table.set_interface(effects.SetInterface("WAN", True, ((PUBLIC, 24),)))
    translation = RouterTranslation(table.ports, SeededEntropy(1))
    translation.set(effects.SetTranslation(("LAN",), (SourceRule("WAN", (Clause(True),)),)))
    holders: dict[int, tuple[str, int]] = {}
    for (host, port), (remote, remote_port) in packets:
        inside, outside = (f"10.1.1.{host}", port), (f"198.51.100.{remote}", remote_port)
        sent = translation.outwards("WAN", datagram_of(inside, outside), 0.0)
        assert not isinstance(sent, Drop)
        assert translate.address(sent, Side.SOURCE) == PUBLIC
        public = translate.port(sent, Side.SOURCE)
        assert public > 1023
        assert public != 4500
        assert holders.setdefault(public, inside) == inside
        answer = translation.inwards("WAN", datagram_of(outside, (str(PUBLIC), public)), 0.0)
        assert answer is not None
        assert answer == ("", datagram_of(outside, inside))
    assert len(translation.translations(0.0).flows) == len({(end, remote) for end, remote in packets})
