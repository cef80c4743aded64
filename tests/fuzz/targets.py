"""What is fuzzed: octets go in, nothing but a refusal may come out. Captures of other implementations are the corpus.

    ike-message   a datagram to the decoder of IKE: read, written and read again, it is the same
    ikev1         a datagram to the decoder of IKEv1: read and written, it is the same octets; its offers are judged
    ike-payloads  what is inside a sealed message: the type of the first payload, then payloads
    ike-stranger  a datagram of anybody to a router that has an IKE SA, which must stay as it is
    ike-again     a datagram of anybody with the SPIs and the number of a request that was answered: no answer
    certificate   a chain of certificates, the length of each before it, to a router with an authority: bounded checks
    ike-peer      a sealed request of a peer that has proved itself: exchange, first payload, payloads
    ospf-packet   a packet to the decoder of OSPF: read and written, it is the same octets
    bfd-packet    a packet to the decoder of BFD: read and written, it is the same octets
    dhcp          a datagram to a server, a relay agent or a client of IPv4: read, written and read, it is the same
    dhcp6         the same over IPv6, at a router that serves on one port and relays on another
    esp           a datagram of ESP to the packet core; the first octet says whether a peer has sealed the rest

Those for IKEv1's machine are in `ikev1.py`, those for what comes out of a tunnel in `overlay.py`, those for what people
type in `configuration.py`.

An exception is a finding. Each target is a function of octets alone, so a finding repeats.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path as File
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import WireError
from dmvpn.base.events import ConfigurationEntered, IpReceived, LinkChanged, PlaneAnnounced
from dmvpn.base.protection import EspCipher, EspSa, EspTransform
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.esp.table import Outbound, PeerPlace
from dmvpn.dataplane.python.core import PacketCore
from dmvpn.dataplane.python.tunnels import CoreTunnel
from dmvpn.features.bfd.packet import ControlPacket
from dmvpn.features.dhcp.model import AGENTS
from dmvpn.features.dhcp.packet import Message as DhcpMessage
from dmvpn.features.dhcp.packet6 import Kind, Message6
from dmvpn.features.ike.chain import GENERIC, HEADER_LENGTH, first_of
from dmvpn.features.ike.crypto.certificates import Anchors, Checks, Untrusted
from dmvpn.features.ike.identity import Identification
from dmvpn.features.ike.numbers import IdType
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
from dmvpn.features.ike.session import Transmit
from dmvpn.features.ike.v1.offers import choose, mismatch
from dmvpn.features.ike.v1.packet import Message as MessageV1
from dmvpn.features.ike.v1.packet import SecurityAssociation as SecurityAssociationV1
from dmvpn.features.ike.v2.numbers import Flag, PayloadType
from dmvpn.features.ike.v2.packet import Chain, Header, Message, parse_chain, serialize_chain
from dmvpn.features.ospf.packet import OspfPacket
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.router.router import Router
from dmvpn.tools.authority import Authority, RequestedCertificate
from fuzz import configuration, overlay
from fuzz import ikev1 as ikev1_targets
from fuzz.target import Target
from support import ikev1_capture
from support.ike_capture import Capture, datagrams, names
from support.ike_net import IkeNet, Settings, Site, matched
from support.ikev1_samples import SAMPLES, WANTED
from support.pcap import payloads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HUB, SPOKE, STRANGER = (IPv4Address(text) for text in ("192.0.2.2", "198.51.100.2", "203.0.113.66"))
OURS, THEIRS = HUB, SPOKE
#: Down, Init, Up with a poll, and AdminDown.
_BFD_PACKETS = (
    "204003180000000100000000000f4240000f424000000000",
    "208003180000000100000002000f4240000f424000000000",
    "20e0031800000001000000020000c3500000c35000000000",
    "2700031800000001000000020000c3500000c35000000000",
)
SPI, KEY = 0x1000, 100
_SEALED = 1


# ------------------------------------------------------------------------------------------------ decoders


def ike_message(octets: bytes) -> None:
    """Read, written, and read again."""
    try:
        message = Message.parse(octets)
    except WireError:
        return
    assert Message.parse(message.serialize()) == message


def ikev1(octets: bytes) -> None:
    """Read and written it is the octets that came, but for zeros behind the last payload: hashes are over octets."""
    try:
        message = MessageV1.parse(octets)
    except WireError:
        return
    written = message.serialize()
    assert written[: HEADER_LENGTH - 4] == octets[: HEADER_LENGTH - 4]  # but for the length
    assert written[HEADER_LENGTH:] == octets[HEADER_LENGTH : len(written)]
    assert octets[len(written) :] in (b"", bytes(1), bytes(2), bytes(3))
    assert MessageV1.parse(written) == message
    for payload in message.all(SecurityAssociationV1):
        for ours in WANTED:
            if choose(ours, payload.proposals) is None:
                assert str(mismatch(ours, payload.proposals))


def ike_payloads(octets: bytes) -> None:
    """The same of what is inside."""
    try:
        payloads = tuple(parse_chain(octets[0] if octets else 0, octets[1:]))
    except WireError:
        return
    assert tuple(parse_chain(first_of(payloads), serialize_chain(payloads))) == payloads


def ospf_packet(octets: bytes) -> None:
    """Read and written it is what came, but for the checksum of a packet with a digest, which means nothing."""
    try:
        packet = OspfPacket.parse(octets)
    except WireError:
        return
    assert OspfPacket.parse(packet.serialize()) == packet


def bfd_packet(octets: bytes) -> None:
    """Read and written it is the octets that came, but for what followed it."""
    try:
        packet = ControlPacket.parse(octets)
    except WireError:
        return
    written = packet.serialize()
    assert ControlPacket.parse(written) == packet
    assert (written[:3], written[4:]) == (octets[:3], octets[4:24])


def dhcp(octets: bytes) -> None:
    """To a router with a pool, a relay agent and a client of its own."""
    try:
        message = DhcpMessage.parse(octets)
    except WireError:
        message = None
    if message is not None:
        assert DhcpMessage.parse(message.serialize()) == message
    router = _leasing()
    everyone = IPv4Address("255.255.255.255")
    for port, ends in (
        ("GigabitEthernet0/1", (68, 67)),
        ("GigabitEthernet0/2", (68, 67)),
        ("GigabitEthernet0/3", (67, 68)),
    ):
        datagram = UdpDatagram(source_port=ends[0], destination_port=ends[1], payload=octets)
        packet = datagram.serialize(STRANGER, everyone)
        router.handle(IpReceived(port, STRANGER, everyone, IpProtocol.UDP, packet), 10.0)


def dhcp6(octets: bytes) -> None:
    """To a port that serves, and to one that relays; from a client, and from another relay agent or a server."""
    try:
        message = Message6.parse(octets)
    except WireError:
        message = None
    if message is not None:
        assert message.serialize() == octets
    router = _leasing()
    for port in ("GigabitEthernet0/1", "GigabitEthernet0/2"):
        for source, to in (
            (IPv6Address("fe80::66"), AGENTS),
            (IPv6Address("2001:db8:9::1"), IPv6Address("2001:db8:1::1")),
        ):
            datagram = UdpDatagram(source_port=546, destination_port=547, payload=octets)
            packet = datagram.serialize(source, to)
            router.handle(IpReceived(port, source, to, IpProtocol.UDP, packet), 10.0)


_LEASING = """hostname R1
ipv6 unicast-routing
ip dhcp pool LAN
 network 10.1.1.0 /24
ipv6 dhcp pool LAN
 address prefix 2001:DB8:1::/64
 dns-server 2001:DB8::53
interface GigabitEthernet0/1
 ip address 10.1.1.1 255.255.255.0
 ipv6 address 2001:DB8:1::1/64
 ipv6 dhcp server LAN
 no shutdown
interface GigabitEthernet0/2
 ip address 10.2.2.1 255.255.255.0
 ip helper-address 10.9.9.9
 ipv6 address 2001:DB8:2::1/64
 ipv6 dhcp relay destination 2001:DB8:9::9
 no shutdown
interface GigabitEthernet0/3
 ip address dhcp
 no shutdown
"""


def _leasing() -> Router:
    router = Router(SeededEntropy(1))
    router.handle(PlaneAnnounced(ipv6=True, manages=True), 0.0)
    router.handle(ConfigurationEntered(_LEASING), 0.0)
    for number in (1, 2, 3):
        router.handle(LinkChanged(f"GigabitEthernet0/{number}", True), 0.0)
    return router


def _of_dhcp() -> Iterator[bytes]:
    hardware = b"\2\0\0\0\0\1"
    for kind in range(1, 9):
        yield DhcpMessage(
            is_reply=kind in (2, 5, 6), xid=7, hardware=hardware, options={53: bytes((kind,))}
        ).serialize()


def _of_dhcp6() -> Iterator[bytes]:
    options = ((1, b"\0\3\0\1\2\0\0\0\0\1"), (3, b"\0\0\0\1" + bytes(8)), (6, b"\0\x17\0\x18"))
    for kind in (Kind.SOLICIT, Kind.CONFIRM, Kind.REBIND, Kind.INFORMATION_REQUEST):
        inner = Message6(kind, b"abc", options)
        yield inner.serialize()
        head = b"\0" + IPv6Address("2001:db8:1::5").packed + IPv6Address("fe80::5").packed
        for relay, port in ((Kind.RELAY_FORW, b"x"), (Kind.RELAY_REPL, b"GigabitEthernet0/2")):
            yield Message6(relay, head, ((18, port), (9, inner.serialize()))).serialize()


def _of_bfd() -> Iterator[bytes]:
    yield from (bytes.fromhex(text) for text in _BFD_PACKETS)


def _of_ospf() -> Iterator[bytes]:
    return (found.octets for found in payloads("ospf"))


def _of_ikev1() -> Iterator[bytes]:
    yield from (sample.serialize() for sample in SAMPLES)
    yield from (octets for name in ikev1_capture.names() for _, octets in datagrams(name))


def _captured() -> Iterator[bytes]:
    for name in names():
        for _, octets in datagrams(name):
            yield octets


def _opened() -> Iterator[tuple[int, Chain]]:
    """Exchange and content of every sealed request."""
    for name in names():
        for read in Capture(name).messages:
            if read.inside is not None and not read.message.header.is_response:
                yield read.message.header.exchange, read.inside


def _payloads() -> Iterator[bytes]:
    for _, inside in _opened():
        yield bytes((first_of(inside.payloads),)) + serialize_chain(inside.payloads)


def _requests() -> Iterator[bytes]:
    for exchange, inside in _opened():
        yield bytes((exchange, first_of(inside.payloads))) + serialize_chain(inside.payloads)


# ------------------------------------------------------------------------------------------------ machines


def _met() -> tuple[IkeNet, Site, Site]:
    net = IkeNet()
    hub, spoke = net.site(str(HUB), Settings(cookies_from=4)), net.site(str(SPOKE))
    spoke.connect(hub)
    net.run(1)
    return net, hub, spoke


def ike_stranger(octets: bytes) -> None:
    """Whatever it is, the peer is still there, and little is kept of it."""
    net, hub, spoke = _met()
    for port in (500, 4500):
        path = DatagramPath(Endpoint(hub.address, port), Endpoint(STRANGER, port))
        hub.take(hub.sas.handle(octets, path, net.now))
    assert matched(hub, spoke)
    assert len(hub.sas) <= 3


def ike_again(octets: bytes) -> None:
    """Who knows the numbers of an IKE SA gets no answer for it; the first octet is the exchange."""
    if not octets:
        return
    net, hub, spoke = _met()
    (sa,) = hub.sas
    last = sa.incoming.expected - 1
    header = Header(spi_i=sa.spi_i, spi_r=sa.spi_r, exchange=octets[0], flags=Flag.INITIATOR, message_id=last)
    forged = header.serialize(octets[1] if len(octets) > 1 else 0, 28 + len(octets)) + octets
    path = DatagramPath(Endpoint(hub.address, 4500), Endpoint(STRANGER, 4500))
    acts = hub.sas.handle(forged, path, net.now)
    assert not any(isinstance(act, Transmit) for act in acts)
    assert matched(hub, spoke)


# ------------------------------------------------------------------------------------------------ certificates


@cache
def _authority() -> tuple[Anchors, bytes, bytes]:
    """Whom a router believes, the certificate of that authority, and one that it made."""
    folder = TemporaryDirectory(prefix="dmvpn-fuzz-")
    with folder as name:
        made = Authority.make(File(name), "Root", elliptic=True)
        made.issue(RequestedCertificate(name="SPOKE", fqdns=("spoke.example",)))
        leaf = x509.load_pem_x509_certificate((File(name) / "SPOKE.pem").read_bytes())
    return Anchors((made.certificate,)), made.certificate.public_bytes(Encoding.DER), leaf.public_bytes(Encoding.DER)


def certificate(octets: bytes) -> None:
    """Believed or refused, and never at more than the cost of one attempt; only what the authority made is believed."""
    anchors, _, leaf = _authority()
    chain: list[bytes] = []
    while len(octets) > 2:
        size = int.from_bytes(octets[:2], "big")
        chain.append(octets[2 : 2 + size])
        octets = octets[2 + size :]
    checks = Checks()
    try:
        anchors.believe(tuple(chain), Identification(IdType.FQDN, b"spoke.example"), datetime.now(UTC), checks)
    except Untrusted:
        assert checks.left >= 0
        return
    believed, made = (x509.load_der_x509_certificate(each) for each in (chain[0], leaf))
    assert believed.tbs_certificate_bytes == made.tbs_certificate_bytes


def _chains() -> Iterator[bytes]:
    _, root, leaf = _authority()
    for chain in ((leaf,), (leaf, root), (root, leaf), (leaf, *(root,) * 8)):
        yield b"".join(len(one).to_bytes(2, "big") + one for one in chain)


def ike_peer(octets: bytes) -> None:
    """Whatever it asks, it gets one answer or none, and both ends can go on without anybody raising."""
    if len(octets) < 2:
        return
    net, hub, spoke = _met()
    (sa,) = spoke.sas
    header = Header(
        spi_i=sa.spi_i,
        spi_r=sa.spi_r,
        exchange=octets[0],
        flags=Flag.INITIATOR,
        message_id=sa.outgoing.next_id,
    )
    hub.take(hub.sas.handle(_sealed(sa_sealer(spoke), header, octets[1], octets[2:]), _path_of(hub), net.now))
    net.run(60)
    assert len(hub.children) <= 3


def sa_sealer(site: Site) -> Callable[[bytes, bytes], bytes]:
    """How the one IKE SA of a site seals: associated octets and content give IV to ICV."""
    (sa,) = site.sas
    assert sa.channel is not None
    sealer = sa.channel.sealer
    return sealer.seal


def _path_of(site: Site) -> DatagramPath:
    (sa,) = site.sas
    return sa.path


def _sealed(seal: Callable[[bytes, bytes], bytes], header: Header, first: int, inner: bytes) -> bytes:
    size = GENERIC.size + len(seal(b"", inner))
    front = header.serialize(PayloadType.SK, 28 + size) + GENERIC.pack(first, 0, size)
    return front + seal(front, inner)


# ------------------------------------------------------------------------------------------------ ESP


def esp(octets: bytes) -> None:
    """Nothing leaves in clear, and nothing comes in that was not sealed."""
    if len(octets) < 2:
        return
    transform = EspTransform(EspCipher.AES_GCM, 256)
    key = bytes(EspSuite.of(transform).keymat)
    pair = EspSa(
        connection=1,
        spi_in=SPI,
        spi_out=SPI,
        transform=transform,
        key_in=key,
        key_out=key,
        hash_key_in=b"",
        hash_key_out=b"",
        local=OURS,
        remote=THEIRS,
        window=1024,
    )
    core = PacketCore()
    core.tunnels.set(
        1, CoreTunnel(core.doors.number(OURS, ""), None, KEY, bytes(6), network=1, report=True, protected=True)
    )
    core.protection.table.install(pair, eager=True)
    packet, is_sealed = octets[2:], octets[:1] == bytes((_SEALED,))
    if is_sealed:
        packet = Outbound(EspSuite.of(transform), SPI.to_bytes(4, "big"), key, b"").seal(packet, octets[1])
    core.inbound_udp(core.doors.number(OURS, ""), PeerPlace(THEIRS.packed, 4500), 0, packet, 0.0)
    assert core.wire == []
    assert is_sealed or core.taps == []


def _esp() -> Iterator[bytes]:
    yield bytes(2) + SPI.to_bytes(4, "big") + bytes(40)
    for header, inner in ((47, "2000080000000064"), (47, "20002001000000640001"), (4, "45000014"), (59, "")):
        yield bytes((_SEALED, header)) + bytes.fromhex(inner)


TARGETS = (
    Target("ike-message", ike_message, _captured),
    Target("ikev1", ikev1, _of_ikev1),
    Target("ike-payloads", ike_payloads, _payloads),
    Target("ike-stranger", ike_stranger, _captured),
    Target("ike-again", ike_again, _requests),
    Target("certificate", certificate, _chains),
    Target("ike-peer", ike_peer, _requests),
    Target("ospf-packet", ospf_packet, _of_ospf),
    Target("bfd-packet", bfd_packet, _of_bfd),
    Target("dhcp", dhcp, _of_dhcp),
    Target("dhcp6", dhcp6, _of_dhcp6),
    Target("esp", esp, _esp),
    *ikev1_targets.TARGETS,
    *overlay.TARGETS,
    *configuration.TARGETS,
)
