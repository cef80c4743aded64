"""The core of the Python engine on its own: what it remembers is bounded, whoever sends what."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.dataplane.python import core as module
from dmvpn.dataplane.python.core import PacketCore
from dmvpn.dataplane.python.tunnels import CoreTunnel
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet

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
    core.tunnels[1] = CoreTunnel(OWN.packed, None, None, MAC)
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
    core.inbound(outer.serialize())


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
    assert core.tunnels[1].received[peer.packed] == 1


def test_the_memory_of_pairs_is_bounded() -> None:
    core = _core()
    for number in range(BOUND + 10):
        _arrives(core, 0x0A000001, 0x0B000000 + number)
    assert len(core._came_from) == BOUND
