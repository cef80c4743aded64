"""The simulated box takes a short way with nearly all packets of a large network; the long way comes to the same."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import (
    Listen,
    NextHop,
    PollInterfaces,
    PollUsage,
    SetAdjacency,
    SetCarrier,
    SetInterface,
    SetRoute,
    SetTunnel,
    TunnelSpec,
)
from dmvpn.dataplane.simulated import SimulatedPlane
from dmvpn.dataplane.simulated import box as box_module
from dmvpn.dataplane.simulated import gre as gre_module
from dmvpn.net.gre import GreHeader
from dmvpn.net.icmp import EchoRequest
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol, Ipv4Flag, Ipv4Packet, peek_plain
from dmvpn.net.udp import UdpDatagram

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
    spec = TunnelSpec(name=TUNNEL, source=NBMA, destination=None, key=100, mtu=1400)
    for effect in (
        SetInterface(PORT, True, ((NBMA, 24),)),
        SetTunnel(spec),
        SetInterface(TUNNEL, True, ((OVERLAY, 24),)),
        SetCarrier(TUNNEL, tunnel_up),
        SetRoute(Prefix.host(BEHIND), (NextHop(TUNNEL, NEIGHBOR),)),
        SetAdjacency(TUNNEL, NEIGHBOR, PEER),
        Listen(PORT, IpProtocol.EIGRP, EIGRP_ROUTERS),
        Listen(TUNNEL, IpProtocol.EIGRP, EIGRP_ROUTERS),
        Listen(TUNNEL, IpProtocol.UDP, RIP_ROUTERS, RIP_PORT),
    ):
        box.execute(effect)
    for data in arrivals:
        box.receive(PORT, data)
    box.execute(PollInterfaces())
    box.execute(PollUsage(TUNNEL))
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
        assert header == (packet.tos, packet.ttl, packet.protocol, packet.source, packet.destination)
        assert data[HEADER_LENGTH:] == packet.payload
        assert (packet.is_fragment, packet.options) == (False, b"")


def test_an_ordinary_hello_is_plain() -> None:
    assert peek_plain(HELLO) is not None


def _never(data: bytes) -> None:
    """Nothing is plain."""
