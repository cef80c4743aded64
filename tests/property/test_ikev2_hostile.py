"""Whatever arrives at the IKE machine, in whatever order it is told things: it never raises, and stays small."""

from __future__ import annotations

from ipaddress import IPv4Address
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmvpn.base.effects import SendIp
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import WireError
from dmvpn.base.events import ConnectionHeard, ConnectionUnheard, IpReceived, UnknownSpi
from dmvpn.base.negotiation import ConnectionUnwanted, PoliciesChanged, SaRenewalWanted
from dmvpn.features.ike.crypto import Cipher, cipher_of
from dmvpn.features.ike.numbers import Encr, Integ
from dmvpn.features.ike.v2.channel import Fragments, open_message, seal
from dmvpn.features.ike.v2.numbers import ExchangeType, Flag
from dmvpn.features.ike.v2.packet import Header, Message, Notify, VendorId
from dmvpn.net.ip import UdpDatagram
from support.ike_machines import Node, crosswise, up

if TYPE_CHECKING:
    from dmvpn.features.ike.chain import Payload

HUB, SPOKE, STRANGER = (IPv4Address(text) for text in ("198.51.100.1", "203.0.113.10", "192.0.2.66"))
PORTS = st.sampled_from((500, 4500, 5500))


def arrive(node: Node, source: IPv4Address, ports: tuple[int, int], payload: bytes) -> None:
    datagram = UdpDatagram(source_port=ports[0], destination_port=ports[1], payload=payload)
    octets = datagram.serialize(source, node.address)
    node.tell(IpReceived("GigabitEthernet1", source, node.address, 17, octets))


@given(st.data())
def test_datagrams_that_were_seen_and_changed_break_nothing(data: st.DataObject) -> None:
    net, hub, spoke = up()
    seen = [flight.datagram.payload for flight in net.log]
    for _ in range(data.draw(st.integers(1, 12))):
        octets = bytearray(data.draw(st.sampled_from(seen)))
        for _ in range(data.draw(st.integers(0, 3))):
            octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(octets)))
        payload = bytes(octets[:cut] if data.draw(st.booleans()) else octets)
        node = data.draw(st.sampled_from((hub, spoke)))
        source = data.draw(st.sampled_from((HUB, SPOKE, STRANGER)))
        arrive(node, source, (data.draw(PORTS), data.draw(PORTS)), payload)
    net.run(1)
    assert crosswise(hub, spoke)
    net.run(100)
    assert len(hub.machine.sas()) <= 3


@given(st.lists(st.binary(max_size=80), max_size=20), PORTS, PORTS)
def test_noise_is_answered_seldom_and_remembered_never(noise: list[bytes], source: int, target: int) -> None:
    _, hub, _ = up()
    hub.forget_what_was_said()
    for octets in noise:
        arrive(hub, STRANGER, (source, target), octets)
    assert len(hub.heard(SendIp)) <= 1
    assert len(hub.machine.sas()) == 1


WORDS = (
    "want",
    "release",
    "clear",
    "renew",
    "unprotect",
    "protect",
    "heard",
    "unheard",
    "unknown",
    "lose",
    "restart",
    "wait",
)


def traffic(one: Node, other: Node) -> None:
    """Packets go on every pair; who does not know an SA says so."""
    for sender, receiver in ((one, other), (other, one)):
        known = {*receiver.pairs, *receiver.lingering}
        for pair in tuple(sender.pairs.values()):
            if pair.sa.spi_out not in known:
                port = pair.sa.local_port
                receiver.tell(UnknownSpi(receiver.address, sender.address, port, pair.sa.spi_out))


@pytest.mark.lengthy
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 40)), max_size=14))
@settings(max_examples=20)
def test_whatever_is_ordered_and_lost_the_ends_agree_again_when_it_is_quiet(steps: list[tuple[str, int]]) -> None:
    net, hub, spoke = up()
    nodes = [hub, spoke]
    for place, (word, number) in enumerate(steps):
        node, other = nodes[number % 2], nodes[1 - number % 2]
        match word:
            case "want" | "release":
                node.want(other, wanted=word == "want")
            case "clear":
                node.tell(ConnectionUnwanted(1, "cleared"))
            case "renew":
                node.tell(SaRenewalWanted(min(node.pairs, default=4711)))
            case "unprotect":
                node.tell(PoliciesChanged(()))
            case "protect":
                node.tell(PoliciesChanged((node.policy,)))
            case "heard":
                node.tell(ConnectionHeard(1, STRANGER if number % 3 else other.address, 5500 * (number % 2)))
            case "unheard":
                node.tell(ConnectionUnheard(1))
            case "unknown":
                node.tell(UnknownSpi(node.address, other.address, 4500, min(node.pairs, default=4711)))
            case "lose":
                lost = number
                net.drops = lambda flight, lost=lost: flight.order % 41 < lost  # type: ignore[misc]
            case "restart":
                nodes[number % 2] = net.node(str(node.address), seed=str(place))
            case _:
                pass
        net.run(number / 20)
        traffic(*nodes)
    net.drops = lambda _: False
    for node in nodes:
        node.tell(PoliciesChanged((node.policy,)))
    nodes[1].want(nodes[0])
    for _ in range(10):
        net.run(30)
        traffic(*nodes)
    assert crosswise(*nodes), [node.logs for node in nodes]
    assert len(nodes[0].pairs) == 1
    assert not nodes[0].lingering
    assert not nodes[1].lingering


# IKE messages from anybody: nothing but `WireError` leaves a decoder, and what was read is written again.

HEADER = Header(
    spi_i=b"initiate", spi_r=b"responds", exchange=ExchangeType.INFORMATIONAL, flags=Flag.INITIATOR, message_id=7
)
CBC, GCM = cipher_of(Encr.AES_CBC, 256, Integ.HMAC_SHA2_256_128), cipher_of(Encr.AES_GCM_16, 128)
KEY, INTEGRITY_KEY = bytes(range(32)), bytes(range(32, 64))


def keys(cipher: Cipher) -> tuple[bytes, bytes]:
    return KEY[: cipher.key_size], INTEGRITY_KEY[: cipher.integrity_size]


@given(
    st.sampled_from([CBC, GCM]),
    st.lists(st.builds(VendorId, st.binary(max_size=300)) | st.builds(Notify, st.integers(1, 65535)), max_size=5),
    st.none() | st.integers(200, 1400),
    st.integers(0, 1 << 32),
)
@pytest.mark.conforms("ike:7383-fragments")
def test_what_is_sealed_opens_whole_and_in_any_order(
    cipher: Cipher, payloads: list[Payload], limit: int | None, order: int
) -> None:
    sealer, opener = cipher.sealer(*keys(cipher), SeededEntropy(1)), cipher.opener(*keys(cipher))
    datagrams_ = list(seal(HEADER, tuple(payloads), sealer, limit))
    assert limit is None or all(len(datagram) <= limit for datagram in datagrams_)
    if len(datagrams_) == 1:
        inside = open_message(Message.parse(datagrams_[0]), datagrams_[0], opener)
        assert inside.payloads == tuple(payloads)
        return
    Random(order).shuffle(datagrams_)
    fragments = Fragments()
    results = [fragments.add(Message.parse(octets), octets, opener) for octets in (*datagrams_, datagrams_[0])]
    complete = results[len(datagrams_) - 1]
    assert complete is not None
    assert complete.payloads == tuple(payloads)
    assert results[:-2] == [None] * (len(datagrams_) - 1)


@given(st.sampled_from([CBC, GCM]), st.binary(max_size=100), st.data())
@pytest.mark.conforms("ike:3.14-sealed")
def test_one_changed_bit_anywhere_does_not_open(cipher: Cipher, text: bytes, data: st.DataObject) -> None:
    sealer, opener = cipher.sealer(*keys(cipher), SeededEntropy(1)), cipher.opener(*keys(cipher))
    (octets,) = seal(HEADER, (VendorId(text),), sealer)
    changed = bytearray(octets)
    changed[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        inside = open_message(Message.parse(bytes(changed)), bytes(changed), opener)
    except WireError:
        return
    raise AssertionError(f"opened: {inside}")
