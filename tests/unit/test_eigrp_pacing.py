"""EIGRP takes no more than its share: of the bandwidth of an interface, and of the time of a router with a crowd."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dmvpn.base.notices import Configured
from dmvpn.features.eigrp.events import ClearNeighbors
from dmvpn.features.eigrp.model import EigrpConfig, InterfaceSettings, ProcessSettings
from support.eigrp_crowd import LINK, NETWORKS, Crowd
from support.eigrp_net import EVERYTHING, EigrpNet, ethernet, tunnel

NETWORKS_OF_ONE = 60
#: Effects and notices that one event may have.
MOST = 200


def pair(percent: int) -> EigrpNet:
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
    net = pair(percent)
    begin = net.now
    net.run(least)
    assert least == 0.0 or len(net.routers["B"].routes) < NETWORKS_OF_ONE
    net.run(most - least)
    assert len(net.routers["B"].routes) == NETWORKS_OF_ONE
    octets = sum(20 + len(sent.order.payload) for sent in net.packets(begin) if sent.packet.sequence)
    assert octets * 8 <= 1000 * percent * (most + 1) + 1400 * 8


@pytest.mark.lengthy
def test_a_neighbor_that_goes_while_it_waits_for_its_turn_is_sent_nothing_more() -> None:
    net = pair(2)
    net.run(2.0)
    net.line("B", "Tunnel100", up=False)
    net.line("A", "Tunnel100", up=False)
    net.run(1.0)
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
