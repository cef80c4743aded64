"""The reliable transport: one packet for many, each to everybody in order, whatever is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.events import IpReceived
from dmvpn.features.eigrp.metric import MetricScale
from dmvpn.features.eigrp.model import InterfaceSettings, ProcessSettings
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.route import ClassicInternal, WideInternal
from dmvpn.features.eigrp.tlv import NextMulticastSequence, Parameters, Sequence, SoftwareVersion
from support.eigrp_net import EVERYTHING, EigrpNet, Sent, ethernet, tunnel

if TYPE_CHECKING:
    from dmvpn.base.effects import SendIp

HUB = ProcessSettings(
    autonomous_system=100, networks=(EVERYTHING,), default_interface=InterfaceSettings(split_horizon=False)
)


def cloud(spokes: int, *, seed: int = 1, loss: float = 0.0, delay: float = 0.01) -> EigrpNet:
    """R0 is the hub of R1, R2 ... on one tunnel."""
    net = EigrpNet(seed, delay)
    net.router("R0", HUB)
    net.plug("tunnel", "R0", tunnel("192.168.100.250"))
    net.wires["tunnel"].between = lambda sender, receiver: "R0" in (sender, receiver)
    net.wires["tunnel"].loss = loss
    net.plug("", "R0", ethernet("GigabitEthernet0/2", "10.0.0.1"))
    for number in range(1, spokes + 1):
        net.router(f"R{number}")
        net.plug("tunnel", f"R{number}", tunnel(f"192.168.100.{number}"))
        net.plug("", f"R{number}", ethernet("GigabitEthernet0/2", f"10.0.{number}.1"))
    return net


def reliable(net: EigrpNet, router: str, since: float) -> list[Sent]:
    return [sent for sent in net.packets(since) if sent.router == router and sent.packet.sequence]


def test_a_change_goes_to_many_neighbors_in_one_multicast() -> None:
    net = cloud(8)
    net.run(10)
    before = net.now
    net.line("R0", "GigabitEthernet0/2", up=False)
    net.run(1)
    (query,) = reliable(net, "R0", before)
    assert (query.packet.opcode, query.order.destination) == (Opcode.QUERY, IPv4Address("224.0.0.10"))
    assert (query.packet.acknowledgment, query.packet.flags) == (0, PacketFlag(0))
    before = net.now
    net.line("R0", "GigabitEthernet0/2", up=True)
    net.run(1)
    (update,) = reliable(net, "R0", before)
    assert (update.packet.opcode, update.order.destination) == (Opcode.UPDATE, IPv4Address("224.0.0.10"))
    assert all(net.routers[f"R{number}"].metric("10.0.0.0/24") for number in range(1, 9))


@pytest.mark.conforms("eigrp:5.2-retransmit")
def test_who_misses_a_multicast_gets_it_alone_with_the_same_number() -> None:
    net = cloud(3)
    net.run(10)
    lost: list[bool] = []

    def lose_once(sender: str, order: SendIp) -> bool:
        is_first = sender == "R0" and order.destination.is_multicast and not lost
        if is_first:
            lost.append(True)
        return is_first

    before = net.now
    net.wires["tunnel"].drops = lose_once
    net.line("R0", "GigabitEthernet0/2", up=False)
    net.run(3)
    first, *again = [sent.packet for sent in reliable(net, "R0", before)]
    assert len(again) == 3
    assert {packet.sequence for packet in again} == {first.sequence}
    assert not any(net.routers[f"R{number}"].metric("10.0.0.0/24") for number in (1, 2, 3))


@pytest.mark.conforms("eigrp:5.2-conditional")
def test_a_multicast_past_a_neighbor_that_is_behind_is_conditional() -> None:
    net = cloud(4)
    net.run(10)
    deaf = IPv4Address("192.168.100.1")
    net.wires["tunnel"].drops = lambda sender, order: sender == "R1"
    before = net.now
    net.line("R0", "GigabitEthernet0/2", up=False)
    net.run(1.5)
    net.change("R2", "GigabitEthernet0/2", ethernet("GigabitEthernet0/2", "10.0.2.1", delay=500))
    net.run(1.5)
    hellos = [sent.packet for sent in net.packets(before) if sent.router == "R0" and sent.packet.find(Sequence)]
    behind, number = hellos[0].find(Sequence), hellos[0].find(NextMulticastSequence)
    assert behind is not None
    assert number is not None
    assert behind.addresses == (deaf,)
    conditional = [p.packet for p in reliable(net, "R0", before) if PacketFlag.CONDITIONAL_RECEIVE in p.packet.flags]
    assert conditional[0].sequence == number.sequence
    late = net.routers["R3"].metric("10.0.2.0/24")
    net.wires["tunnel"].drops = lambda sender, order: False
    net.run(8)
    assert net.routers["R1"].metric("10.0.2.0/24") == net.routers["R3"].metric("10.0.2.0/24") == late
    assert len(net.routers["R0"].logs) == 4


@pytest.mark.lengthy
@pytest.mark.parametrize("seed", range(4))
def test_with_a_third_of_all_packets_lost_everybody_learns_everything(seed: int) -> None:
    net = cloud(6, seed=seed, loss=0.3)
    net.run(30)
    net.wires["tunnel"].loss = 0.0  # only Hellos are not repeated
    net.run(12)
    for number in range(1, 7):
        router = net.routers[f"R{number}"]
        assert len(router.routes) == 6, router.name
        for other in range(7):
            if other != number:
                assert router.metric(f"10.0.{other}.0/24") == (1920256 if other == 0 else 3200256), router.name
    assert net.routers["R0"].process.state.interfaces["Tunnel100"].statistics.retransmissions > 10


@pytest.mark.conforms("eigrp:5.2-order")
def test_a_packet_that_comes_twice_is_acknowledged_twice_and_taken_once() -> None:
    net = cloud(1)
    net.run(6)
    update = next(sent for sent in reversed(net.packets()) if sent.router == "R1" and sent.packet.sequence)
    before = net.now
    order = update.order
    assert order.source is not None
    net.event("R0", IpReceived("Tunnel100", order.source, order.destination, 88, order.payload))
    (answer,) = [sent.packet for sent in net.packets(before) if sent.router == "R0"]
    assert (answer.is_acknowledgment, answer.acknowledgment) == (True, update.packet.sequence)
    assert net.routers["R0"].process.state.interfaces["Tunnel100"].statistics.out_of_sequence == 1


@pytest.mark.conforms("eigrp:5.2-rto")
def test_the_time_for_an_answer_follows_the_way_it_takes() -> None:
    net = cloud(1, delay=0.05)
    net.run(20)
    (neighbor,) = net.routers["R0"].process.neighbors()
    assert 0.1 <= neighbor.srtt < 0.12
    assert neighbor.rto == pytest.approx(6 * neighbor.srtt)


# ------------------------------------------------------------------------------------------------ older neighbors


class OldRouter:
    """A neighbor by hand that says TLV version 1.2, as FRR does, and acknowledges what comes."""

    def __init__(self, net: EigrpNet, address: str) -> None:
        self.net = net
        self.address = IPv4Address(address)
        self.heard = 0

    def say(self, packet: EigrpPacket, to: str = "192.168.100.250") -> None:
        self.net.event("R0", IpReceived("Tunnel100", self.address, IPv4Address(to), 88, packet.serialize()))

    def arrive(self) -> None:
        version = SoftwareVersion(os_major=8, os_minor=4, tlv_major=1, tlv_minor=2)
        self.say(EigrpPacket(opcode=Opcode.HELLO, autonomous_system=100, tlvs=(Parameters(hold_time=15), version)))
        self.say(EigrpPacket(opcode=Opcode.UPDATE, autonomous_system=100, flags=PacketFlag.INIT, sequence=1))
        for _ in range(4):
            self.acknowledge()

    def acknowledge(self) -> None:
        waiting, self.heard = self.net.sent[self.heard :], len(self.net.sent)
        for sent in waiting:
            if sent.router == "R0" and sent.packet.sequence and sent.order.destination == self.address:
                self.say(EigrpPacket(opcode=Opcode.HELLO, autonomous_system=100, acknowledgment=sent.packet.sequence))


@pytest.mark.conforms("eigrp:6.7.4-versions")
def test_a_neighbor_that_reads_classic_metrics_only_gets_those_even_from_a_named_process() -> None:
    net = cloud(1)
    named = replace(HUB, name="X", scale=MetricScale(wide=True))
    net = EigrpNet()
    net.router("R0", named)
    net.plug("tunnel", "R0", tunnel("192.168.100.250"))
    net.plug("", "R0", ethernet("GigabitEthernet0/2", "10.0.0.1"))
    old = OldRouter(net, "192.168.100.8")
    old.arrive()
    lan = [tlv for sent in net.packets() for tlv in sent.packet.tlvs if isinstance(tlv, ClassicInternal)]
    assert ("10.0.0.0/24", 256, 2560) in [
        (str(tlv.destinations[0]), tlv.metric.delay, tlv.metric.bandwidth) for tlv in lan
    ]


@pytest.mark.conforms("eigrp:6.7.4-versions")
def test_old_and_new_neighbors_on_one_interface_each_get_what_they_read_and_no_multicast() -> None:
    net = cloud(2)
    net.run(2)
    old = OldRouter(net, "192.168.100.8")
    old.arrive()
    net.run(1)
    old.acknowledge()
    before = net.now
    net.line("R0", "GigabitEthernet0/2", up=False)
    net.run(0.1)
    old.acknowledge()
    told = {str(sent.order.destination): type(sent.packet.tlvs[0]) for sent in reliable(net, "R0", before)}
    assert told == {
        "192.168.100.1": WideInternal,
        "192.168.100.2": WideInternal,
        "192.168.100.8": ClassicInternal,
    }


def test_an_acknowledgment_may_carry_tlvs_as_frr_sends_them_but_counts_only_as_unicast() -> None:
    net = cloud(0)
    old = OldRouter(net, "192.168.100.8")
    old.arrive()
    (neighbor,) = net.routers["R0"].process.neighbors()
    assert neighbor.is_idle
    net.line("R0", "GigabitEthernet0/2", up=False)
    assert neighbor.outstanding is not None
    tlvs = (Parameters(hold_time=15), SoftwareVersion(os_major=8, os_minor=4, tlv_major=1, tlv_minor=2))
    sequence = neighbor.outstanding.packet.sequence
    acknowledgment = EigrpPacket(opcode=Opcode.HELLO, autonomous_system=100, acknowledgment=sequence, tlvs=tlvs)
    old.say(acknowledgment, to="224.0.0.10")
    assert neighbor.outstanding is not None
    old.say(acknowledgment)
    assert neighbor.outstanding is None


def test_a_neighbor_learns_everything_though_the_one_before_it_went_in_the_middle_of_its_table() -> None:
    net = EigrpNet()
    net.router("R0", HUB)
    small = replace(tunnel("192.168.100.250"), ip_mtu=100)  # one destination a packet
    net.plug("tunnel", "R0", small)
    for number in range(1, 9):
        net.plug("", "R0", ethernet(f"GigabitEthernet0/{number}", f"10.{number}.0.1"))
    first, second = OldRouter(net, "192.168.100.1"), OldRouter(net, "192.168.100.2")
    first.arrive()
    second.arrive()
    gone = Parameters.goodbye(15)
    first.say(EigrpPacket(opcode=Opcode.HELLO, autonomous_system=100, tlvs=(gone,)))
    for _ in range(20):
        net.run(0.1)
        second.acknowledge()
    told = {
        str(tlv.destinations[0])
        for sent in reliable(net, "R0", 0.0)
        if sent.order.destination == second.address
        for tlv in sent.packet.tlvs
        if isinstance(tlv, ClassicInternal)
    }
    assert {f"10.{number}.0.0/24" for number in range(1, 9)} <= told
