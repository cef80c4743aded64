"""What is fuzzed of IKEv1's machine: strangers, and a peer that has proved itself and seals what it likes.

ikev1-stranger  a datagram of a stranger, and the same with the cookies of an ISAKMP SA: the peers are still there
ikev1-peer      a message that a peer has sealed, with a right hash: exchange, type of the first payload, payloads
ikev1-signer    message 5 of main mode with signatures, sealed by a peer that has proved nothing: type of the first
                payload, payloads; the honest one, which comes then, counts
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from dmvpn.base.errors import surely
from dmvpn.base.events import IpReceived
from dmvpn.base.protection import Encapsulation
from dmvpn.features.ike.chain import GENERIC, first_of, serialize_chain
from dmvpn.features.ike.v1.keys import first_iv, hash_1
from dmvpn.features.ike.v1.numbers import ExchangeType, Flag, PayloadType
from dmvpn.features.ike.v1.packet import Header, KeyExchange, Message, Sealed
from dmvpn.features.ike.v1.sa import IsakmpSa
from dmvpn.net.ip import UdpDatagram
from fuzz.target import Target
from support import ikev1_capture
from support.fakes import FakeDebugging, FakePki
from support.ike_capture import datagrams
from support.ike_machines import MachineNet, Node, crosswise
from support.ikev1_samples import SAMPLES
from support.pki import lab_authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.protection import Credentials

_HUB, _SPOKE, _STRANGER = "192.0.2.2", "198.51.100.2", "203.0.113.66"
_LINES = """
crypto isakmp policy 10
 encryption aes
 hash sha256
 authentication pre-share
 group 19
crypto isakmp key secret address 0.0.0.0
crypto isakmp keepalive 10 periodic
"""
_SIGNED = _LINES.replace("authentication pre-share", "authentication rsa-sig").replace(
    "crypto isakmp key secret address 0.0.0.0\n", ""
)
#: Seconds: all repetitions end, and dead peers are noticed.
_LONG = 60.0


def _met() -> tuple[MachineNet, Node, Node]:
    net = MachineNet()
    hub, spoke = (net.node(each, _LINES, encapsulation=Encapsulation.NEVER) for each in (_HUB, _SPOKE))
    for node in (hub, spoke):  # what debugs say of a message must not fail either
        node.ports.debugging = FakeDebugging({"crypto isakmp"})
    spoke.want(hub)
    net.run(1)
    return net, hub, spoke


def _sa(node: Node) -> IsakmpSa:
    (sa,) = (sa for sa in node.machine.sessions if isinstance(sa, IsakmpSa))
    return sa


def _arrives(node: Node, source: IPv4Address, octets: bytes) -> list[bytes]:
    """Return what leaves because of a datagram."""
    before = len(node.net.log)
    datagram = UdpDatagram(source_port=500, destination_port=500, payload=octets)
    node.tell(IpReceived("GigabitEthernet1", source, node.address, 17, datagram.serialize(source, node.address)))
    return [flight.datagram.payload for flight in node.net.log[before:] if flight.sender == node.address]


def stranger(octets: bytes) -> None:
    """It keeps nothing and gets no more than it sends, and the peer is still there."""
    net, hub, spoke = _met()
    cookies = _sa(spoke).spis
    for source in (type(hub.address)(_STRANGER), spoke.address):
        for forged in (octets, cookies + octets[16:], cookies[:8] + octets[8:]):
            answers = _arrives(hub, source, forged)
            assert len(answers) <= 1
            assert sum(map(len, answers)) <= len(forged) or octets[16:18] != b"\x01\x10"
    net.run(_LONG)
    assert crosswise(hub, spoke)
    assert _sa(hub).is_usable


def peer(octets: bytes) -> None:
    """Both ends can go on, and little is kept."""
    if len(octets) < 2:
        return
    net, hub, spoke = _met()
    sa = _sa(spoke)
    channel, keys, message_id = surely(sa.channel), surely(sa.keys), sa.fresh_message_id()
    proof = hash_1(keys, message_id, octets[2:])
    inner = GENERIC.pack(octets[1], 0, GENERIC.size + len(proof)) + proof + octets[2:]
    inner += bytes(-len(inner) % channel.cipher.value)
    header = Header(
        cookie_i=sa.spi_i, cookie_r=sa.spi_r, exchange=octets[0], flags=Flag.ENCRYPTION, message_id=message_id
    )
    secret = channel.cipher.encrypt(keys.cipher, channel.iv(message_id), inner)
    _arrives(hub, spoke.address, Message(header=header, sealed=Sealed(PayloadType.HASH, secret)).serialize())
    net.run(_LONG)
    for node in (hub, spoke):
        known = [spi for sa in node.machine.sessions for spi in (*sa.children.active, *sa.children.lingering)]
        spis = node.machine.peers.settings.esp_spis
        assert len(spis) == len(set(known))
        assert all(spi in spis for spi in known)
        assert len(node.pairs) <= 3
    net.run(_LONG)


def _signing() -> tuple[MachineNet, Node, Node]:
    """Return two routers with certificates; message 5 of the spoke is lost."""
    net = MachineNet()
    hub, spoke = (net.node(each, _SIGNED, encapsulation=Encapsulation.NEVER) for each in (_HUB, _SPOKE))
    for node in (hub, spoke):
        assert isinstance(node.ports.pki, FakePki)
        node.ports.pki.known["LAB"] = _trustpoint(str(node.address))
    net.drops = lambda _: len(net.log) == 5
    spoke.want(hub)
    net.run(0.1)
    return net, hub, spoke


@cache
def _trustpoint(address: str) -> Credentials:
    return lab_authority().credentials(address.replace(".", "-"), address)


def _first_iv(net: MachineNet, sa: IsakmpSa) -> bytes:
    """Return the IV of message 5, by the public values of messages 3 and 4."""
    sent = (Message.parse(flight.datagram.payload) for flight in net.log[2:4])
    public_i, public_r = (surely(each.find(KeyExchange)).data for each in sent)
    return first_iv(sa.prf, public_i, public_r, surely(sa.channel).cipher.value)


def signer(octets: bytes) -> None:
    """The honest proof, which the peer repeats, is taken; little is kept, and nothing is answered but once."""
    if not octets:
        return
    net, hub, spoke = _signing()
    sa = _sa(spoke)
    channel, keys = surely(sa.channel), surely(sa.keys)
    inner = octets[1:] + bytes(-len(octets[1:]) % channel.cipher.value)
    if not inner:
        return
    header = Header(cookie_i=sa.spi_i, cookie_r=sa.spi_r, exchange=ExchangeType.MAIN, flags=Flag.ENCRYPTION)
    sealed = Sealed(octets[0], channel.cipher.encrypt(keys.cipher, _first_iv(net, sa), inner))
    assert len(_arrives(hub, spoke.address, Message(header=header, sealed=sealed).serialize())) <= 1
    net.run(_LONG)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)


def _proofs() -> Iterator[bytes]:
    """Yield the honest one."""
    net, _, spoke = _signing()
    sa = _sa(spoke)
    channel, keys = surely(sa.channel), surely(sa.keys)
    sent = Message.parse(net.log[4].datagram.payload)
    sealed = surely(sent.sealed)
    yield bytes((sealed.first,)) + channel.cipher.decrypt(keys.cipher, _first_iv(net, sa), sealed.octets)


def _datagrams() -> Iterator[bytes]:
    yield from (sample.serialize() for sample in SAMPLES)
    yield from (octets for name in ikev1_capture.names() for _, octets in datagrams(name))


def _messages() -> Iterator[bytes]:
    """Yield what was sealed in captures, without the hash at its beginning."""
    for name in ikev1_capture.names():
        for sa in ikev1_capture.opened(ikev1_capture.Capture(name)):
            for read in sa.messages:
                if read.message.sealed is not None and read.inside is not None and len(read.inside.payloads) > 1:
                    payloads = read.inside.payloads[1:]
                    yield bytes((read.message.header.exchange, first_of(payloads))) + serialize_chain(payloads)


TARGETS = (
    Target("ikev1-stranger", stranger, _datagrams),
    Target("ikev1-peer", peer, _messages),
    Target("ikev1-signer", signer, _proofs),
)
