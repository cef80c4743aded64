"""The reliable transport: one packet for many, each to everybody in order, whatever is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.effects import SendIp
from dmvpn.base.events import IpReceived, Tick
from dmvpn.base.notices import Configured, LineEnds, NeighborSilent
from dmvpn.features.eigrp import adjacency
from dmvpn.features.eigrp.machine import ClearNeighbors
from dmvpn.features.eigrp.metric import MetricScale
from dmvpn.features.eigrp.model import IPV4, EigrpConfig, InterfaceSettings, ProcessSettings
from dmvpn.features.eigrp.output import LARGEST_LIST
from dmvpn.features.eigrp.packet import ClassicInternal, EigrpPacket, Opcode, PacketFlag, WideInternal
from dmvpn.features.eigrp.tlv import NextMulticastSequence, Parameters, PeerTermination, Sequence, SoftwareVersion
from support.eigrp_net import EVERYTHING, LINK, NETWORKS, Crowd, EigrpNet, Sent, ethernet, tunnel

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
    net = cloud(8).run(10)
    before = net.now
    net.line("R0", "GigabitEthernet0/2", up=False).run(1)
    (query,) = reliable(net, "R0", before)
    assert (query.packet.opcode, query.order.destination) == (Opcode.QUERY, IPv4Address("224.0.0.10"))
    assert (query.packet.acknowledgment, query.packet.flags) == (0, PacketFlag(0))
    before = net.now
    net.line("R0", "GigabitEthernet0/2", up=True).run(1)
    (update,) = reliable(net, "R0", before)
    assert (update.packet.opcode, update.order.destination) == (Opcode.UPDATE, IPv4Address("224.0.0.10"))
    assert all(net.routers[f"R{number}"].metric("10.0.0.0/24") for number in range(1, 9))


@pytest.mark.conforms("eigrp:5.2-retransmit")
def test_who_misses_a_multicast_gets_it_alone_with_the_same_number() -> None:
    net = cloud(3).run(10)
    lost: list[bool] = []

    def lose_once(sender: str, order: SendIp) -> bool:
        is_first = sender == "R0" and order.destination.is_multicast and not lost
        if is_first:
            lost.append(True)
        return is_first

    before = net.now
    net.wires["tunnel"].drops = lose_once
    net.line("R0", "GigabitEthernet0/2", up=False).run(3)
    first, *again = [sent.packet for sent in reliable(net, "R0", before)]
    assert len(again) == 3
    assert {packet.sequence for packet in again} == {first.sequence}
    assert not any(net.routers[f"R{number}"].metric("10.0.0.0/24") for number in (1, 2, 3))


@pytest.mark.conforms("eigrp:5.2-conditional")
def test_a_multicast_past_a_neighbor_that_is_behind_is_conditional() -> None:
    net = cloud(4).run(10)
    deaf = IPv4Address("192.168.100.1")
    net.wires["tunnel"].drops = lambda sender, order: sender == "R1"
    before = net.now
    net.line("R0", "GigabitEthernet0/2", up=False).run(1.5)
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
    net = cloud(6, seed=seed, loss=0.3).run(30)
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
    net = cloud(1).run(6)
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
    net = cloud(1, delay=0.05).run(20)
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
    net = cloud(2).run(2)
    old = OldRouter(net, "192.168.100.8")
    old.arrive()
    net.run(1)
    old.acknowledge()
    before = net.now
    net.line("R0", "GigabitEthernet0/2", up=False).run(0.1)
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


# A neighbor that is given up learns it at once, also when it is no longer heard, and its address leads elsewhere.

HUB_NAME, SPOKE_NAME = "192.168.100.11", "192.168.100.31"


def pair() -> EigrpNet:
    net = EigrpNet()
    for name, address in (("R11", HUB_NAME), ("R31", SPOKE_NAME)):
        net.router(name)
        net.plug("tunnel", name, tunnel(address))
    return net


def crowd(size: int) -> EigrpNet:
    """R11 and so many others, which hear R11 alone, as spokes do."""
    net = EigrpNet()
    net.router("R11")
    net.plug("tunnel", "R11", tunnel(HUB_NAME))
    net.wires["tunnel"].between = lambda sender, receiver: "R11" in (sender, receiver)
    for number in range(size):
        net.router(f"S{number}")
        net.plug("tunnel", f"S{number}", tunnel(f"192.168.100.{100 + number}"))
    return net


def terminations(net: EigrpNet, router: str, since: float = 0.0) -> list[Sent]:
    return [sent for sent in net.packets(since) if sent.router == router and sent.packet.find(PeerTermination)]


def down(reason: str, address: str) -> str:
    return f"EIGRP-IPv4 100: Neighbor {address} (Tunnel100) is down: {reason}"


def test_a_way_that_is_dead_in_one_direction_ends_the_adjacency_on_both_ends_at_the_same_moment() -> None:
    """R31 hears nothing, and what it sends to R11's own address is lost; by multicast R11 hears of it."""
    net = pair().run(1)
    net.wires["tunnel"].drops = lambda sender, order: sender == "R11" or not order.destination.is_multicast
    net.run(15)
    assert down("holding time expired", HUB_NAME) in net.routers["R31"].logs
    assert down("Interface PEER-TERMINATION received", SPOKE_NAME) in net.routers["R11"].logs
    (told,) = terminations(net, "R31")
    assert told.order.destination == IPV4.group
    assert told.packet.find(PeerTermination) == PeerTermination(addresses=(IPv4Address(HUB_NAME),))


def test_a_termination_that_names_somebody_else_ends_nothing() -> None:
    net = crowd(2).run(3)
    net.event("R11", ClearNeighbors(address=IPv4Address("192.168.100.101")))
    net.run(0.1)
    termination = down("Interface PEER-TERMINATION received", HUB_NAME)
    assert [name for name in ("S0", "S1") if termination in net.routers[name].logs] == ["S1"]


@pytest.mark.lengthy
def test_a_hub_that_gives_many_up_names_them_together() -> None:
    net = crowd(60).run(12)
    assert len(net.routers["R11"].process.neighbors()) == 60
    net.wires["tunnel"].drops = lambda sender, order: sender != "R11"
    cut = net.now
    net.run(20)
    told = terminations(net, "R11", cut)
    named = [address for sent in told for address in (sent.packet.find(PeerTermination) or PeerTermination()).addresses]
    assert sorted(named) == sorted(set(named))
    assert len(named) == 60 <= LARGEST_LIST
    assert len(told) <= 12
    assert told[-1].at <= cut + 17


def test_what_still_waits_to_be_said_does_not_end_an_adjacency_that_has_begun_again() -> None:
    net = pair().run(1)
    for _ in range(20):
        net.event("R11", ClearNeighbors())
        net.run(0.02)
        net.event("R31", ClearNeighbors())
        net.run(0.2)
    net.run(8)
    before = len(net.routers["R31"].logs)
    net.run(60)
    assert len(net.routers["R31"].logs) == before
    assert all(router.process.neighbors()[0].is_up for router in net.routers.values())


@pytest.mark.conforms("eigrp:6.7.7-goodbye")
def test_a_goodbye_goes_to_all() -> None:
    net = pair().run(1)
    net.change("R11", "Tunnel100", tunnel("192.168.100.12"))
    net.run(0.1)
    goodbye = [sent for sent in net.packets(1) if sent.packet.find(Parameters) == Parameters.goodbye(15)]
    assert {sent.order.destination for sent in goodbye} == {IPV4.group}
    assert down("Interface Goodbye received", HUB_NAME) in net.routers["R31"].logs


def test_a_goodbye_leaves_while_the_line_is_still_up() -> None:
    net = pair().run(1)
    net.event("R31", LineEnds("Tunnel100"))
    net.line("R31", "Tunnel100", up=False).run(0.1)
    assert net.routers["R31"].logs[-1] == down("interface down", HUB_NAME)
    assert net.routers["R11"].logs[-1] == down("Interface Goodbye received", SPOKE_NAME)


def test_a_process_that_ends_leaves_no_route_to_a_network_of_ours_that_a_neighbor_told_too() -> None:
    """The tunnel's own network: when it was connected no more, the way by the neighbor was offered last of all."""
    net = pair()
    own = (("Tunnel100", InterfaceSettings(split_horizon=False)),)
    hub = ProcessSettings(autonomous_system=100, networks=(EVERYTHING,), interfaces=own)
    net.configure("R11", EigrpConfig((hub,)))
    net.plug("", "R11", ethernet("GigabitEthernet0/0", "10.1.1.1")).run(3)
    assert net.routers["R31"].routes
    net.configure("R31", EigrpConfig(()))
    assert not net.routers["R31"].routes


def test_nobody_is_called_silent_of_whom_leave_was_taken_a_moment_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows for a crowd takes several events, in which its holding times end."""
    monkeypatch.setattr(adjacency, "TOGETHER", 1)
    net = crowd(4).run(3)
    net.wires["tunnel"].drops = lambda sender, order: sender != "R11"
    hub, found = net.routers["R11"], list[NeighborSilent]()
    neighbors = list(hub.process.neighbors())
    net.run(min(one.hold_left(net.now) for one in neighbors) - 0.0001)
    found += [one for one in hub.machine.handle(ClearNeighbors(), net.now) if isinstance(one, NeighborSilent)]
    for _ in range(8):
        net.now += 0.001
        found += [one for one in hub.machine.handle(Tick(), net.now) if isinstance(one, NeighborSilent)]
    assert found == []


# First packets that cross: each side sent its own before it had the other's, and FRR begins again at ours.

US, EIGRPD = IPv4Address("192.168.100.11"), IPv4Address("192.168.100.31")
GROUP = IPv4Address("224.0.0.10")
NONE = PacketFlag(0)


def _hub() -> EigrpNet:
    """R11, alone with what the tests say in the name of a neighbor."""
    net = EigrpNet()
    net.router("R11", config=EigrpConfig((ProcessSettings(autonomous_system=100, networks=(EVERYTHING,)),)))
    net.plug("tunnel", "R11", tunnel(str(US)))
    net.plug("", "R11", ethernet("GigabitEthernet0/2", "10.1.1.1")).run(0.1)
    return net


def _say(
    net: EigrpNet, opcode: Opcode, sequence: int = 0, acknowledgment: int = 0, flags: PacketFlag = NONE
) -> list[EigrpPacket]:
    """The neighbor sends a packet. Returns what goes to it within a tenth of a second."""
    now = net.now
    packet = EigrpPacket(
        opcode=opcode,
        autonomous_system=100,
        flags=flags,
        sequence=sequence,
        acknowledgment=acknowledgment,
        tlvs=(Parameters(hold_time=15),) if opcode == Opcode.HELLO and not acknowledgment else (),
    )
    destination = GROUP if packet.tlvs else US
    net.event("R11", IpReceived("Tunnel100", EIGRPD, destination, 88, packet.serialize()))
    net.run(0.1)
    orders = [sent for sent in net.packets(now) if isinstance(sent.order, SendIp) and sent.order.destination == EIGRPD]
    return [sent.packet for sent in orders]


def test_a_first_packet_that_acknowledges_ours_is_no_restart_though_another_came_before_it() -> None:
    """With FRR's eigrpd, which had started again, both began again once a second without end, and no route came."""
    net = _hub()
    (init,) = _say(net, Opcode.HELLO)
    assert PacketFlag.INIT in init.flags
    _say(net, Opcode.UPDATE, 1, 0, PacketFlag.INIT)  # it crossed with ours
    _say(net, Opcode.UPDATE, 2, 0, PacketFlag.END_OF_TABLE)  # its table; of ours it says nothing
    net.run(1)  # we repeat our first packet
    answers = _say(net, Opcode.UPDATE, 2, init.sequence, PacketFlag.INIT)  # it begins again
    assert [packet for packet in answers if PacketFlag.INIT in packet.flags] == []
    (table,) = [packet for packet in answers if packet.opcode == Opcode.UPDATE]
    assert (table.acknowledgment, PacketFlag.END_OF_TABLE in table.flags) == (2, True)
    assert len(net.routers["R11"].logs) == 1


@pytest.mark.conforms("eigrp:5.3.3-restart")
def test_a_first_packet_of_a_neighbor_that_is_up_is_a_restart_whatever_it_acknowledges() -> None:
    net = _hub()
    (init,) = _say(net, Opcode.HELLO)
    _say(net, Opcode.UPDATE, 1, init.sequence, PacketFlag.INIT)
    answers = _say(net, Opcode.UPDATE, 7, init.sequence, PacketFlag.INIT)
    assert [packet for packet in answers if PacketFlag.INIT in packet.flags]
    assert [text.rpartition(" is ")[2] for text in net.routers["R11"].logs] == [
        "up: new adjacency",
        "down: peer restarted",
        "up: new adjacency",
    ]


def test_a_neighbor_that_goes_on_where_we_never_began_is_greeted_again_or_its_table_would_never_come() -> None:
    """A spoke's goodbye came twice, late. Its hub began again; the spoke took that for the first time, and sent on."""
    net = _hub()
    (init,) = _say(net, Opcode.HELLO)
    _say(net, Opcode.UPDATE, 8, init.sequence, PacketFlag.END_OF_TABLE)
    assert len(net.routers["R11"].logs) == 1, "it may have been on its way since before"
    net.run(1)
    (again,) = [one for one in _say(net, Opcode.UPDATE, 8, 0, PacketFlag.END_OF_TABLE) if PacketFlag.INIT in one.flags]
    assert again.sequence != init.sequence, "by which it sees that we began again"
    _say(net, Opcode.UPDATE, 9, again.sequence, PacketFlag.INIT)
    net.run(3)
    assert [text.rpartition(" is ")[2] for text in net.routers["R11"].logs] == [
        "up: new adjacency",
        "down: peer restarted",
        "up: new adjacency",
    ]


# EIGRP takes no more than its share: of the bandwidth of an interface, and of the time of a router with a crowd.

NETWORKS_OF_ONE = 60
#: Effects and notices that one event may have.
MOST = 200


def paced_pair(percent: int) -> EigrpNet:
    """A tells B 60 networks, 3 KB, over a tunnel of 100 kbit/s."""
    own = InterfaceSettings(bandwidth_percent=percent)
    process = ProcessSettings(autonomous_system=100, networks=(EVERYTHING,), default_interface=own)
    net = EigrpNet()
    for number, name in enumerate(("A", "B"), 1):
        net.router(name, process)
        net.plug("overlay", name, replace(tunnel(f"192.168.100.{number}"), bandwidth=100, ip_mtu=300))
    for number in range(NETWORKS_OF_ONE):
        net.plug("", "A", ethernet(f"Loopback{number}", f"10.0.{number}.1"))
    return net


@pytest.mark.lengthy
@pytest.mark.conforms("eigrp:5.2.1-share")
@pytest.mark.parametrize(("percent", "least", "most"), [(50, 0.0, 2.0), (5, 2.0, 12.0), (2, 6.0, 30.0)])
def test_a_table_takes_as_long_as_the_share_of_the_bandwidth_lets_it(percent: int, least: float, most: float) -> None:
    net = paced_pair(percent)
    begin = net.now
    net.run(least)
    assert least == 0.0 or len(net.routers["B"].routes) < NETWORKS_OF_ONE
    net.run(most - least)
    assert len(net.routers["B"].routes) == NETWORKS_OF_ONE
    octets = sum(20 + len(sent.order.payload) for sent in net.packets(begin) if sent.packet.sequence)
    assert octets * 8 <= 1000 * percent * (most + 1) + 1400 * 8


@pytest.mark.lengthy
def test_a_neighbor_that_goes_while_it_waits_for_its_turn_is_sent_nothing_more() -> None:
    net = paced_pair(2).run(2.0)
    net.line("B", "Tunnel100", up=False)
    net.line("A", "Tunnel100", up=False).run(1.0)
    gone = net.now
    net.run(30.0)
    assert [sent for sent in net.packets(gone) if sent.packet.sequence] == []


@pytest.mark.lengthy
def test_no_event_of_a_hub_with_a_crowd_is_long_and_everybody_is_told_everything() -> None:
    crowd = Crowd(600)
    crowd.run(8.0)
    assert crowd.up() == 601
    crowd.tell(crowd.core, NETWORKS[:1], LINK._replace(delay=2 * LINK.delay))
    crowd.run(8.0)
    assert crowd.queries == 600
    assert crowd.quiet()
    assert crowd.most < MOST


def _quiet_crowd() -> Crowd:
    crowd = Crowd(600)
    while not (crowd.up() == 601 and crowd.quiet()):
        crowd.run(1.0)
    crowd.most = 0
    return crowd


@pytest.mark.lengthy
def test_a_crowd_that_is_cleared_is_forgotten_in_several_events_and_nobody_of_it_is_asked() -> None:
    crowd = _quiet_crowd()
    crowd.queries = 0
    crowd.handle(ClearNeighbors())
    assert crowd.up() == 0
    crowd.run(1.0)
    assert 0 < crowd.most <= MOST
    assert crowd.queries == 0
    while not (crowd.up() == 601 and crowd.quiet()):
        assert crowd.now < 120.0
        crowd.run(1.0)


def test_a_crowd_that_is_cleared_before_it_answers_is_not_called_any_more() -> None:
    """A busy hub came to timers before it came to the last who had left, and sent each of these a first packet."""
    crowd = Crowd(200)
    crowd.run(0.2)
    assert len(crowd.process.neighbors()) > 2 * adjacency.TOGETHER
    crowd.hub.handle(ClearNeighbors(), crowd.now)
    sent = [effect for effect in crowd.hub.handle(Tick(), crowd.now + 2.0) if isinstance(effect, SendIp)]
    assert not [1 for effect in sent if PacketFlag.INIT in EigrpPacket.parse(effect.payload).flags]


@pytest.mark.lengthy
def test_a_crowd_that_stays_is_logged_in_several_events() -> None:
    crowd = _quiet_crowd()
    crowd.handle(ClearNeighbors(soft=True))
    crowd.run(1.0)
    assert 0 < crowd.most <= MOST


@pytest.mark.lengthy
def test_a_process_that_ends_has_nothing_more_to_do_when_it_has_taken_leave_of_a_crowd() -> None:
    crowd = _quiet_crowd()
    crowd.handle(Configured("eigrp", EigrpConfig()))
    assert crowd.machine.processes == {}
    crowd.run(300.0)
    assert crowd.machine.next_deadline() is None


@pytest.mark.lengthy
def test_a_crowd_that_leaves_while_it_is_asked_is_waited_for_no_more() -> None:
    crowd = _quiet_crowd()
    crowd.tell(crowd.core, NETWORKS[:1], None)
    crowd.run(0.3)
    crowd.handle(ClearNeighbors())
    crowd.run(10.0)
    assert not crowd.process.dual.active
