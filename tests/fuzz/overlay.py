"""What comes out of a tunnel for the router: NHRP, EIGRP, RIP and BGP, of anybody on it.

    nhrp-message   octets to the decoder of NHRP: read, written and read again, it is the same
    nhrp-router    octets that a spoke sends, to a hub and to another spoke that have a shortcut and are registered
    eigrp-message  octets to the decoder of EIGRP, as above
    eigrp-router   packets of a neighbor, the length of each before it, to a router that has one
    rip-message    octets to the decoder of RIP, as above
    rip-router     responses of a gateway: each with its length before it
    rip-triggered  the same on an interface that speaks triggered RIP
    bgp-message    octets to the decoder of BGP and of path attributes, as above
    bgp-router     what a neighbor sends over its stream, behind a good OPEN and a KEEPALIVE

Lengths and checksums that keep everything else from being looked at are put right first: whoever sends does that, too.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived, LinkChanged, NhrpReceived
from dmvpn.base.notices import RouteSource
from dmvpn.base.streams import StreamData, StreamDown, StreamEnd, StreamUp
from dmvpn.features.bgp import FEATURE as BGP
from dmvpn.features.bgp.attributes import Attributes, prepended, read, write
from dmvpn.features.bgp.packet import HEADER_LENGTH as BGP_HEADER
from dmvpn.features.bgp.packet import (
    IPV4_UNICAST,
    MARKER,
    Capability,
    CapabilityValue,
    Keepalive,
    NumberedPrefix,
    Open,
    RouteRefresh,
    Update,
)
from dmvpn.features.bgp.packet import parse as parse_bgp
from dmvpn.features.bgp.packet import serialize as serialize_bgp
from dmvpn.features.eigrp.packet import HEADER_LENGTH, EigrpPacket
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.nhrp.packet import HEADER, parse
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.rip import FEATURE as RIP
from dmvpn.features.rip.interface import GROUP as RIP_GROUP
from dmvpn.features.rip.machine import RipMachine
from dmvpn.features.rip.packet import RipPacket
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import checksum
from fuzz.target import Target
from support.cloud import PEER, PEER_NBMA
from support.eigrp_net import EigrpNet, ethernet, tunnel
from support.overlay import TUNNEL, cloud, make_shortcut
from support.pcap import payloads
from support.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What a router may remember of one neighbor's packets.
FEW = 64
_EIGRP = 88


def _with_checksum(octets: bytes, at: int) -> bytes:
    blank = octets[:at] + bytes(2) + octets[at + 2 :]
    return octets[:at] + checksum(blank).to_bytes(2, "big") + octets[at + 2 :]


def _several(octets: bytes) -> Iterator[bytes]:
    """Packets with their length, two octets, before each."""
    while len(octets) > 2:
        size = int.from_bytes(octets[:2], "big") or len(octets)
        yield octets[2 : 2 + size]
        octets = octets[2 + size :]


def _captured(protocol: str) -> Callable[[], Iterator[bytes]]:
    return lambda: (found.octets for found in payloads(protocol))


def _one_after_the_other(protocol: str) -> Iterator[bytes]:
    """Captured packets, four at a time."""
    captured = [found.octets for found in payloads(protocol)]
    for start in range(0, len(captured), 4):
        yield b"".join(len(one).to_bytes(2, "big") + one for one in captured[start : start + 4])


# ------------------------------------------------------------------------------------------------ NHRP


def _nhrp_made_whole(octets: bytes) -> bytes:
    """With the size and the checksum that it has to have."""
    if not HEADER.size <= len(octets) <= 0xFFFF:
        return octets
    return _with_checksum(octets[:10] + len(octets).to_bytes(2, "big") + octets[12:], 12)


def nhrp_message(octets: bytes) -> None:
    """Read, written, and read again."""
    try:
        packet = parse(_nhrp_made_whole(octets))
    except WireError:
        return
    assert parse(packet.serialize()) == packet


def nhrp_router(octets: bytes) -> None:
    """Whatever it is, nobody raises, and each remembers what it can."""
    overlay = cloud().start().run(1)
    make_shortcut(overlay)
    packet = _nhrp_made_whole(octets)
    for name in ("R11", "R31"):
        overlay.handle(name, NhrpReceived(TUNNEL, PEER_NBMA, packet))
    overlay.run(30)
    for member in overlay.members.values():
        (own,) = member.machine.tunnels
        assert len(own.cache) <= FEW
        assert member.adjacencies == {hop: to.nbma for hop, to in own.adjacencies.items()}
    assert PEER in overlay.members["R11"].adjacencies or PEER_NBMA.packed in packet


# ------------------------------------------------------------------------------------------------ EIGRP


def _eigrp_made_whole(octets: bytes) -> bytes:
    return _with_checksum(octets, 2) if len(octets) >= HEADER_LENGTH else octets


def eigrp_message(octets: bytes) -> None:
    """Read, written, and read again."""
    try:
        packet = EigrpPacket.parse(_eigrp_made_whole(octets))
    except WireError:
        return
    assert EigrpPacket.parse(packet.serialize()) == packet


def eigrp_router(octets: bytes) -> None:
    """Whatever the one neighbor says, nobody raises, and the other neighbor's network stays where it is."""
    net = EigrpNet()
    for name, address, lan in (("HUB", "11", "1"), ("SPOKE", "31", "3")):
        net.router(name)
        net.plug("overlay", name, tunnel(f"192.168.100.{address}"))
        net.plug("", name, ethernet("GigabitEthernet0/2", f"10.{lan}.{lan}.1"))
    net.run(10)
    hub = net.routers["HUB"]
    assert hub.metric("10.3.3.0/24") is not None
    for packet in _several(octets):
        for destination in ("192.168.100.11", "224.0.0.10"):
            source = IPv4Address("192.168.100.41")
            whole = _eigrp_made_whole(packet)
            net.event("HUB", IpReceived("Tunnel100", source, IPv4Address(destination), _EIGRP, whole))
        net.run(0.5)
    net.run(120)
    assert hub.metric("10.3.3.0/24") is not None


# ------------------------------------------------------------------------------------------------ RIP


def rip_message(octets: bytes) -> None:
    """Read, written, and read again."""
    try:
        packet = RipPacket.parse(octets)
    except WireError:
        return
    assert RipPacket.parse(packet.serialize()) == packet


def rip_router(octets: bytes) -> None:
    """What it has learned is sound, and gone some minutes after the gateway fell silent."""
    bench = _rip_router_that_heard(octets)
    bench.advance(600)
    assert not [route for route in bench.ports.rib.routes() if route.source is RouteSource.RIP]


def rip_triggered(octets: bytes) -> None:
    """What it has learned is sound, and gone when the line goes."""
    bench = _rip_router_that_heard(octets, " ip rip triggered\n")
    bench.advance(600)
    bench.handle(LinkChanged("GigabitEthernet0/1", up=False))
    assert not [route for route in bench.ports.rib.routes() if route.source is RouteSource.RIP]


def _rip_triggered_corpus() -> Iterator[bytes]:
    """The captured packets, as those of triggered RIP."""
    heads = (b"\x09\x02\0\0\x01\0\0\0", b"\x0a\x02\0\0\x01\x01\0\x01", b"\x0b\x02\0\0\x01\0\0\x01")
    for one in _captured("rip")():
        said = [heads[0], heads[1] + one[4:], heads[2]]
        yield b"".join(len(each).to_bytes(2, "big") + each for each in said)


def _rip_router_that_heard(octets: bytes, lines: str = "") -> Workbench:
    """A router that took these packets of a gateway. Raises AssertionError if its routes are not sound."""
    bench = Workbench(INTERFACE, RIB, RIP)
    bench.configure(
        f"interface Gi0/1\n ip address 10.0.0.1 255.255.255.0\n{lines}router rip\n version 2\n network 10.0.0.0\n"
    )
    bench.handle(LinkChanged("GigabitEthernet0/1", up=True))
    source = IPv4Address("10.0.0.2")
    for payload in _several(octets):
        datagram = UdpDatagram(source_port=520, destination_port=520, payload=payload).serialize(source, RIP_GROUP)
        bench.handle(IpReceived("GigabitEthernet0/1", source, RIP_GROUP, 17, datagram, 2, 0))
        learned = bench.machine(RipMachine).table.database.routes
        shown = [route for route in bench.ports.rib.routes() if route.source is RouteSource.RIP]
        assert all(route.prefix in learned and 1 <= route.metric <= 15 for route in shown)
    return bench


# ------------------------------------------------------------------------------------------------ BGP


def _bgp_made_whole(octets: bytes) -> bytes:
    """With the marker and the length that it has to have."""
    body = octets[1:4000]
    return MARKER + (BGP_HEADER + len(body)).to_bytes(2, "big") + octets[:1] + body


def bgp_message(octets: bytes) -> None:
    """Read, written, and read again."""
    for numbered in (True, False):
        try:
            message = parse_bgp(_bgp_made_whole(octets), numbered=numbered)
        except WireError:
            continue
        if not isinstance(message, Update):
            assert parse_bgp(serialize_bgp(message)) == message
            return
        assert [
            one for one in (*message.withdrawn, *message.announced) if isinstance(one, NumberedPrefix) != numbered
        ] == []
        _bgp_attributes(message)


def _bgp_attributes(message: Update) -> None:
    """Read, written, and read again."""
    for wide in (True, False):
        try:
            found, _ = read(message.attributes, wide=wide, internal=True)
        except WireError:
            continue
        again = write(found, wide=True)
        assert read(again, wide=True, internal=True) == (found, ())


def bgp_router(octets: bytes) -> None:
    """Whatever the neighbor says, nobody raises, and nothing of it is left when it is gone."""
    for capabilities in ((), (CapabilityValue(Capability.ADDITIONAL_PATHS, IPV4_UNICAST[:2] + b"\x01\x03"),)):
        _bgp_router(octets, capabilities)


def _bgp_router(octets: bytes, capabilities: tuple[CapabilityValue, ...]) -> None:
    bench = Workbench(INTERFACE, RIB, BGP)
    lines = "interface Gi0/1\n ip address 10.0.0.1 255.255.255.0\nrouter bgp 1\n neighbor 10.0.0.2 remote-as 2\n"
    bench.configure(f"{lines} bgp additional-paths send receive\n bgp additional-paths select all\n")
    bench.handle(LinkChanged("GigabitEthernet0/1", up=True))
    own, neighbor = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")
    bench.handle(StreamUp(1, own, 179, neighbor, 50000, taken=True))
    opening = Open.with_capabilities(2, 90, neighbor, capabilities)
    bench.handle(StreamData(1, serialize_bgp(opening) + serialize_bgp(Keepalive())))
    for packet in _several(octets):
        bench.handle(StreamData(1, _bgp_made_whole(packet)))
        bench.advance(0.1)
    bench.handle(StreamDown(1, StreamEnd.CLOSED))
    bench.advance(1)
    assert not [route for route in bench.ports.rib.routes() if route.source is RouteSource.BGP]


def _updates() -> Iterator[bytes]:
    """Types and bodies of messages that make sense."""
    found = Attributes(path=prepended((), 2), next_hop=IPv4Address("10.0.0.2"))
    for message in (
        Update(announced=(Prefix.parse("10.9.0.0/16"),), attributes=write(found, wide=False)),
        Update(withdrawn=(Prefix.parse("10.9.0.0/16"),)),
        Update(announced=(NumberedPrefix(Prefix.parse("10.9.0.0/16"), 7),), attributes=write(found, wide=False)),
        RouteRefresh(),
    ):
        yield serialize_bgp(message)[BGP_HEADER - 1 :]


def _conversation() -> Iterator[bytes]:
    """All of them, one after the other."""
    yield b"".join(len(one).to_bytes(2, "big") + one for one in _updates())


TARGETS = (
    Target("nhrp-message", nhrp_message, _captured("nhrp")),
    Target("nhrp-router", nhrp_router, _captured("nhrp")),
    Target("eigrp-message", eigrp_message, _captured("eigrp")),
    Target("eigrp-router", eigrp_router, lambda: _one_after_the_other("eigrp")),
    Target("rip-message", rip_message, _captured("rip")),
    Target("rip-router", rip_router, lambda: _one_after_the_other("rip")),
    Target("rip-triggered", rip_triggered, _rip_triggered_corpus),
    Target("bgp-message", bgp_message, _updates),
    Target("bgp-router", bgp_router, _conversation),
)
