"""How much work one neighbor of EIGRP may cause, and that nobody else waits for it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import IpReceived
from dmvpn.base.notices import Route, RouteSource
from dmvpn.features.eigrp import machine
from dmvpn.features.eigrp.metric import Vector
from dmvpn.features.eigrp.model import AuthenticationMode, EigrpConfig, InterfaceSettings, Redistribution
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.sender import PROTOCOL
from dmvpn.features.eigrp.tlv import Encoded
from dmvpn.features.eigrp.translate import Advert, to_tlv
from support.eigrp_net import EigrpNet, ethernet
from unit.test_eigrp_adjacency import CLASSIC, HUB, SPOKE, pair
from unit.test_eigrp_hostile import NO_FLAGS, greets, hub

US = IPv4Address("10.255.0.1")
EACH = 30


def _networks(number: int, delay: int = 10_000_000) -> bytes:
    metric = Vector(delay=delay, bandwidth=1_000_000, mtu=1400)
    networks = (Prefix.of(IPv4Address(0x14000000 + 256 * (EACH * number + one)), 24) for one in range(EACH))
    return b"".join(to_tlv(one, Advert(metric), wide=True).serialize() for one in networks)


class Talker:
    """A neighbor of R11 that tells what it likes, as fast as it likes."""

    def __init__(self, net: EigrpNet) -> None:
        self.net, self.address, self.sequence = net, IPv4Address("10.255.4.0"), 1
        greets(net, 0)
        self.says(Opcode.UPDATE, flags=PacketFlag.INIT, acknowledges=self.heard()[-1].sequence)
        net.run(0.1)
        self.says(Opcode.HELLO, acknowledges=self.heard()[-1].sequence, sequence=0)

    def heard(self) -> list[EigrpPacket]:
        return [sent.packet for sent in self.net.sent if sent.order.destination == self.address]

    def tells(self, number: int, delay: int = 10_000_000) -> int:
        """It tells of thirty networks; the octets of that."""
        self.sequence += 1
        return self.says(Opcode.UPDATE, octets=_networks(number, delay))

    def says(
        self,
        opcode: Opcode,
        *,
        octets: bytes = b"",
        flags: PacketFlag = NO_FLAGS,
        acknowledges: int = 0,
        sequence: int | None = None,
    ) -> int:
        packet = EigrpPacket(
            opcode=opcode,
            autonomous_system=100,
            sequence=self.sequence if sequence is None else sequence,
            acknowledgment=acknowledges,
            flags=flags,
            tlvs=(Encoded(octets=octets),) if octets else (),
        ).serialize()
        self.net.event("R11", IpReceived("Tunnel100", self.address, US, PROTOCOL, packet, 2))
        return len(packet)

    @property
    def told(self) -> int:
        """How many networks the hub has by it."""
        neighbors = self.net.routers["R11"].process.neighbors()
        return next(len(one.source.prefixes) for one in neighbors if one.address == self.address)

    @property
    def acknowledged(self) -> int:
        """The last of its packets that the hub has taken."""
        return max(packet.acknowledgment for packet in self.heard())


def _updates(net: EigrpNet) -> int:
    return net.routers["R11"].process.state.traffic.received[Opcode.UPDATE]


@pytest.mark.lengthy
def test_a_neighbor_that_floods_a_hub_with_changes_is_heard_slowly_and_everybody_else_as_always() -> None:
    """A member whose routes changed all the time held the hub's core, and innocent neighbors expired."""
    net = hub("R31")
    net.run(5)
    talker = Talker(net)
    before, sent, octets = _updates(net), 0, 0
    for number in range(1000):
        octets = talker.tells(0, 10_000_000 + 1000 * (number % 7))
        sent += 1
        net.run(0.01)
    read = _updates(net) - before
    assert read * octets <= 10 * machine.PACE.rate + machine.PACE.credit + octets < sent * octets
    dropped = net.routers["R11"].process.state.traffic.dropped
    assert dropped["more work than one neighbor may cause"] > 100
    net.plug("", "R31", ethernet("GigabitEthernet0/3", "10.99.3.3"))
    net.run(0.1)
    assert net.routers["R11"].metric("10.99.3.0/24") is not None
    assert "10.255.0.31" in [str(one.address) for one in net.routers["R11"].process.neighbors() if one.is_up]


def test_a_whole_table_that_comes_faster_than_it_is_read_waits_and_nothing_of_it_is_lost() -> None:
    net = hub("R31")
    net.run(5)
    talker = Talker(net)
    for number in range(60):
        talker.tells(number)
    assert 0 < talker.told < 60 * EACH
    net.run(3)
    assert talker.told == 60 * EACH
    assert talker.acknowledged == talker.sequence
    assert not net.routers["R11"].process.state.traffic.dropped


def test_what_somebody_without_the_key_sends_in_a_neighbors_name_does_not_count_as_its_work() -> None:
    strong = InterfaceSettings(authentication=AuthenticationMode.HMAC_SHA_256, password="sesame")
    sealed = replace(CLASSIC, default_interface=strong)
    net = pair(sealed, sealed)
    net.run(20)
    packet = EigrpPacket(
        opcode=Opcode.UPDATE, autonomous_system=100, sequence=9, tlvs=(Encoded(octets=_networks(0)),)
    ).serialize()
    for _ in range(500):
        net.event("R11", IpReceived("Tunnel100", SPOKE, HUB, PROTOCOL, packet, 2))
    net.plug("", "R31", ethernet("GigabitEthernet0/3", "10.99.3.3"))
    net.run(0.1)
    assert net.routers["R11"].metric("10.99.3.0/24") is not None


def test_what_comes_from_no_neighbor_or_is_larger_than_any_packet_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LARGEST", 1000)
    net = hub("R31")
    net.run(5)
    talker = Talker(net)
    talker.tells(0)
    assert talker.told == 0
    monkeypatch.undo()
    talker.address = IPv4Address("10.255.4.1")
    talker.tells(0)
    dropped = net.routers["R11"].process.state.traffic.dropped
    assert dropped == {"larger than the network carries": 1, "from no neighbor": 1}


def test_a_process_that_is_gone_leaves_no_work_behind() -> None:
    """After `no router eigrp` the router went on through its routing table, a few routes in each event."""
    net = EigrpNet()
    hub = net.router("R11", replace(CLASSIC, redistributions=(Redistribution(source=RouteSource.STATIC),)))
    prefixes = [Prefix.of(IPv4Address(0x14000000 + 256 * number), 24) for number in range(100)]
    hub.rib.known += [Route(prefix=each, source=RouteSource.STATIC, distance=1) for each in prefixes]
    net.configure("R11", EigrpConfig((replace(hub.process.state.settings, router_id=US),)))
    net.configure("R11", EigrpConfig())
    assert hub.machine.next_deadline() is None
