"""A neighbor that is given up learns it at once, also when it is no longer heard, and its address leads elsewhere."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.events import Tick
from dmvpn.base.notices import LineEnds, NeighborSilent
from dmvpn.features.eigrp import teardown
from dmvpn.features.eigrp.events import ClearNeighbors
from dmvpn.features.eigrp.farewells import LARGEST_LIST
from dmvpn.features.eigrp.model import EigrpConfig, InterfaceSettings, ProcessSettings
from dmvpn.features.eigrp.sender import ALL_ROUTERS
from dmvpn.features.eigrp.tlv import Parameters, PeerTermination
from support.eigrp_net import EVERYTHING, EigrpNet, Sent, ethernet, tunnel

HUB, SPOKE = "192.168.100.11", "192.168.100.31"


def pair() -> EigrpNet:
    net = EigrpNet()
    for name, address in (("R11", HUB), ("R31", SPOKE)):
        net.router(name)
        net.plug("tunnel", name, tunnel(address))
    return net


def crowd(size: int) -> EigrpNet:
    """R11 and so many others, which hear R11 alone, as spokes do."""
    net = EigrpNet()
    net.router("R11")
    net.plug("tunnel", "R11", tunnel(HUB))
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
    net = pair()
    net.run(1)
    net.wires["tunnel"].drops = lambda sender, order: sender == "R11" or not order.destination.is_multicast
    net.run(15)
    assert down("holding time expired", HUB) in net.routers["R31"].logs
    assert down("Interface PEER-TERMINATION received", SPOKE) in net.routers["R11"].logs
    (told,) = terminations(net, "R31")
    assert told.order.destination == ALL_ROUTERS
    assert told.packet.find(PeerTermination) == PeerTermination(addresses=(IPv4Address(HUB),))


def test_a_termination_that_names_somebody_else_ends_nothing() -> None:
    net = crowd(2)
    net.run(3)
    net.event("R11", ClearNeighbors(address=IPv4Address("192.168.100.101")))
    net.run(0.1)
    termination = down("Interface PEER-TERMINATION received", HUB)
    assert [name for name in ("S0", "S1") if termination in net.routers[name].logs] == ["S1"]


@pytest.mark.lengthy
def test_a_hub_that_gives_many_up_names_them_together() -> None:
    net = crowd(60)
    net.run(12)
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
    net = pair()
    net.run(1)
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
    net = pair()
    net.run(1)
    net.change("R11", "Tunnel100", tunnel("192.168.100.12"))
    net.run(0.1)
    goodbye = [sent for sent in net.packets(1) if sent.packet.find(Parameters) == Parameters.goodbye(15)]
    assert {sent.order.destination for sent in goodbye} == {ALL_ROUTERS}
    assert down("Interface Goodbye received", HUB) in net.routers["R31"].logs


def test_a_goodbye_leaves_while_the_line_is_still_up() -> None:
    net = pair()
    net.run(1)
    net.event("R31", LineEnds("Tunnel100"))
    net.line("R31", "Tunnel100", up=False)
    net.run(0.1)
    assert net.routers["R31"].logs[-1] == down("interface down", HUB)
    assert net.routers["R11"].logs[-1] == down("Interface Goodbye received", SPOKE)


def test_a_process_that_ends_leaves_no_route_to_a_network_of_ours_that_a_neighbor_told_too() -> None:
    """The tunnel's own network: when it was connected no more, the way by the neighbor was offered last of all."""
    net = pair()
    own = (("Tunnel100", InterfaceSettings(split_horizon=False)),)
    hub = ProcessSettings(autonomous_system=100, networks=(EVERYTHING,), interfaces=own)
    net.configure("R11", EigrpConfig((hub,)))
    net.plug("", "R11", ethernet("GigabitEthernet0/0", "10.1.1.1"))
    net.run(3)
    assert net.routers["R31"].routes
    net.configure("R31", EigrpConfig(()))
    assert not net.routers["R31"].routes


def test_nobody_is_called_silent_of_whom_leave_was_taken_a_moment_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows for a crowd takes several events, in which its holding times end."""
    monkeypatch.setattr(teardown, "TOGETHER", 1)
    net = crowd(4)
    net.run(3)
    net.wires["tunnel"].drops = lambda sender, order: sender != "R11"
    hub, found = net.routers["R11"], list[NeighborSilent]()
    neighbors = list(hub.process.neighbors())
    net.run(min(one.hold_left(net.now) for one in neighbors) - 0.0001)
    found += [one for one in hub.machine.handle(ClearNeighbors(), net.now) if isinstance(one, NeighborSilent)]
    for _ in range(8):
        net.now += 0.001
        found += [one for one in hub.machine.handle(Tick(), net.now) if isinstance(one, NeighborSilent)]
    assert found == []
