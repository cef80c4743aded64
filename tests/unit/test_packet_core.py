"""The core of the Python engine on its own: what it remembers is bounded, whoever sends what."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.effects import DfBit
from dmvpn.dataplane.python import core as module
from dmvpn.dataplane.python.core import PacketCore
from dmvpn.dataplane.python.tunnels import CoreTunnel
from dmvpn.dataplane.tap import GSO_TCPV4, NEEDS_CHECKSUM, VnetHeader
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from support import traffic

#: How much is remembered in these tests.
BOUND = 16
OWN = IPv4Address("192.0.2.1")
MAC = b"\x02\x01\x08\x00\x00\x00"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little memory, so that it is soon full."""
    monkeypatch.setattr(module, "COUNTED_PEERS", BOUND)
    monkeypatch.setattr(module, "HAIRPIN_PAIRS", BOUND)


def _core() -> PacketCore:
    core = PacketCore()
    core.tunnels.set(1, CoreTunnel(core.doors.number(OWN, ""), None, None, MAC))
    core.tunnels[1].report, core.tunnels[1].network = True, 1
    return core


def _arrives(core: PacketCore, nbma: int, source: int) -> None:
    inner = Ipv4Packet(source=IPv4Address(source), destination=IPv4Address("10.0.0.1"), protocol=17, payload=bytes(8))
    outer = Ipv4Packet(
        source=IPv4Address(nbma),
        destination=OWN,
        protocol=IpProtocol.GRE,
        payload=GreHeader(protocol_type=0x0800).serialize(inner.serialize()),
    )
    core.inbound(core.doors.number(OWN, ""), outer.serialize())


def test_forged_senders_get_only_so_many_counters() -> None:
    core = _core()
    for number in range(BOUND + 10):
        _arrives(core, 0x0A000000 + number, 0x0B000001)
    assert len(core.tunnels[1].received) == BOUND
    assert len(core.taps) == BOUND + 10, "they are forwarded all the same"


def test_a_peer_is_counted_though_forged_senders_took_all_counters() -> None:
    core = _core()
    for number in range(BOUND):
        _arrives(core, 0x0A000000 + number, 0x0B000001)
    peer = IPv4Address("203.0.113.9")
    core.set_peer(1, 1, peer.packed)
    _arrives(core, int(peer), 0x0B000001)
    assert core.tunnels[1].received[peer.packed].packets == 1


def test_the_memory_of_pairs_is_bounded() -> None:
    core = _core()
    for number in range(BOUND + 10):
        _arrives(core, 0x0A000001, 0x0B000000 + number)
    assert len(core.came_from) == BOUND


NARROW = IPv4Address("203.0.113.7")
PLAIN = VnetHeader()


def _leaves(core: PacketCore, packet: bytes, vnet: VnetHeader = PLAIN) -> None:
    core.outbound(1, vnet.serialize() + b"\x02\x00\x00\x00\x00\x01" + MAC + b"\x08\x00" + packet, 1.0)


def _core_with_a_narrow_path() -> PacketCore:
    core = _core()
    core.tunnels[1].df = DfBit.COPY
    core.set_peer(1, 1, NARROW.packed)
    core.paths.learn((0, NARROW.packed), 600, 0.0)
    return core


def test_of_a_train_that_the_path_does_not_take_the_sender_hears_once() -> None:
    """It comes from the kernel as one buffer: an answer to each segment would say the same many times."""
    core = _core_with_a_narrow_path()
    buffer = traffic.tcp_packet(traffic.INSIDE[0], traffic.INSIDE[1], bytes(9000), partial=True)
    _leaves(core, buffer, VnetHeader(NEEDS_CHECKSUM, GSO_TCPV4, 0, 1000, 34, 16))
    (told,) = core.punts
    assert (told.kind, told.nbma, told.out, len(told.data)) == ("big", NARROW.packed, 600 - 24, 548)
    assert core.wire == []


def test_what_is_to_be_cut_and_is_no_right_packet_is_counted_and_no_crash() -> None:
    core = _core_with_a_narrow_path()
    right = Ipv4Packet(source=OWN, destination=OWN, protocol=17, payload=bytes(1000)).serialize()
    for at, value in ((0, 0x41), (2, 0xFF), (10, right[10] ^ 1)):
        _leaves(core, right[:at] + bytes((value,)) + right[at + 1 :])
    assert (core.dropped.malformed, core.wire, core.punts) == (3, [], [])
    _leaves(core, right)
    assert [len(packet.packet) for packet in core.wire] == [4 + 20 + 552, 4 + 20 + 448]
