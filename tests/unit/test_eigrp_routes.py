"""What routers know after they have talked: the hub of a DMVPN and its spokes, in all the ways one configures them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.distribution import DistributeList, Distribution, ListKind, OffsetList
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import Route, RouteChanged, RouteSource
from dmvpn.features.eigrp import limits
from dmvpn.features.eigrp.metric import MetricScale, Weights, link_vector
from dmvpn.features.eigrp.model import (
    EigrpConfig,
    InterfaceSettings,
    NetworkLine,
    ProcessSettings,
    Redistribution,
    Summary,
)
from dmvpn.features.eigrp.packet import Opcode
from dmvpn.features.eigrp.tlv import StubFlag
from support.eigrp_net import EVERYTHING, EigrpNet, EigrpRouter, ethernet, tunnel

CLASSIC = ProcessSettings(autonomous_system=100, networks=(EVERYTHING,))
NAMED = replace(CLASSIC, name="GRE-OVERLAY", scale=MetricScale(wide=True))


def on_tunnel(settings: ProcessSettings, own: InterfaceSettings) -> ProcessSettings:
    return replace(settings, interfaces=(("Tunnel100", own),))


OPEN_HUB = InterfaceSettings(split_horizon=False)


def cloud(hub: ProcessSettings, *spokes: ProcessSettings) -> EigrpNet:
    """R11 and spokes R31, R41 ... on one tunnel network, each with a LAN; the hub's is ten microseconds away."""
    net = EigrpNet()
    net.router("R11", hub)
    net.plug("tunnel", "R11", tunnel("192.168.100.11"))
    # mGRE carries multicast to and from the hub only.
    net.wires["tunnel"].between = lambda sender, receiver: "R11" in (sender, receiver)
    net.plug("", "R11", ethernet("GigabitEthernet0/2", "10.1.1.1"))
    for number, settings in enumerate(spokes, 3):
        net.router(f"R{number}1", settings)
        net.plug("tunnel", f"R{number}1", tunnel(f"192.168.100.{number}1"))
        net.plug("", f"R{number}1", ethernet("GigabitEthernet0/2", f"10.{number}.{number}.1", delay=1000))
    net.run(3)
    return net


@pytest.mark.conforms("eigrp:5.6.2-wide")
def test_metrics_of_a_named_process_are_those_that_routers_print() -> None:
    net = cloud(on_tunnel(NAMED, OPEN_HUB), NAMED, NAMED)
    hub, spoke = net.routers["R11"], net.routers["R31"]
    assert spoke.metric("10.1.1.0/24") == 26885120
    assert hub.metric("10.3.3.0/24") == hub.metric("10.4.4.0/24") == 27392000
    assert spoke.metric("10.4.4.0/24") == 52992000
    assert spoke.next_hops("10.4.4.0/24") == ["192.168.100.11"]


def test_metrics_of_a_classic_process_are_those_that_routers_print() -> None:
    net = cloud(on_tunnel(CLASSIC, OPEN_HUB), CLASSIC, CLASSIC)
    hub, spoke = net.routers["R11"], net.routers["R31"]
    assert spoke.metric("10.1.1.0/24") == 1920256
    assert hub.metric("10.3.3.0/24") == 1945600
    assert spoke.metric("10.4.4.0/24") == 3225600


def test_a_route_says_what_show_ip_route_prints_of_it() -> None:
    net = cloud(on_tunnel(NAMED, OPEN_HUB), NAMED, NAMED)
    route = net.routers["R31"].routes[Prefix.parse("10.4.4.0/24")]
    assert (route.source, route.process, route.distance) == (RouteSource.EIGRP, "100", 90)
    assert route.next_hops == (NextHop("Tunnel100", IPv4Address("192.168.100.11")),)
    assert route.details == (
        "      Total delay is 101000 microseconds, minimum bandwidth is 4000 Kbit",
        "      Reliability 255/255, minimum MTU 1400 bytes",
        "      Loading 1/255, Hops 2",
    )


@pytest.mark.conforms("eigrp:5.4.2-horizon")
def test_with_split_horizon_the_hub_keeps_spokes_apart() -> None:
    net = cloud(NAMED, NAMED, NAMED)
    assert net.routers["R11"].metric("10.4.4.0/24") == 27392000
    assert net.routers["R31"].metric("10.1.1.0/24") == 26885120
    assert net.routers["R31"].metric("10.4.4.0/24") is None


def test_split_horizon_may_change_while_neighbors_stay() -> None:
    net = cloud(NAMED, NAMED, NAMED)
    net.configure("R11", EigrpConfig((on_tunnel(NAMED, OPEN_HUB),))).run(1)
    assert net.routers["R31"].metric("10.4.4.0/24") == 52992000
    net.configure("R11", EigrpConfig((NAMED,))).run(1)
    assert net.routers["R31"].metric("10.4.4.0/24") is None
    log = "EIGRP-IPv4 100: Neighbor 192.168.100.31 (Tunnel100) is resync: split horizon changed"
    assert net.routers["R11"].logs.count(log) == 2
    assert len(net.routers["R31"].logs) == 1


@pytest.mark.conforms("eigrp:5.4.4-next-hop")
def test_without_next_hop_self_spokes_send_to_each_other() -> None:
    keep = InterfaceSettings(split_horizon=False, next_hop_self=False)
    net = cloud(on_tunnel(NAMED, keep), NAMED, NAMED)
    spoke = net.routers["R31"]
    assert spoke.next_hops("10.4.4.0/24") == ["192.168.100.41"]
    assert spoke.metric("10.4.4.0/24") == 52992000
    assert spoke.next_hops("10.1.1.0/24") == ["192.168.100.11"]


@pytest.mark.parametrize(("looks_at_all", "hop"), [(False, "192.168.100.11"), (True, "192.168.100.41")])
def test_of_equal_ways_over_two_interfaces_the_spoke_is_told_its_own_with_no_ecmp_mode(
    *, looks_at_all: bool, hop: str
) -> None:
    """R41's LAN is as far by a wire as by the tunnel, which came later: the first of equal ways is no next hop for R31,
    unless all are looked at.
    """
    keep = InterfaceSettings(split_horizon=False, next_hop_self=False, ecmp_mode=not looks_at_all)
    net = cloud(on_tunnel(CLASSIC, keep), CLASSIC, CLASSIC)
    for router, number in (("R11", 1), ("R41", 2)):
        wire = replace(tunnel(f"172.16.0.{number}"), name="Ethernet1/0")
        net.plug("wire", router, wire)
    for is_up in (False, True):
        net.line("R41", "Tunnel100", up=is_up).run(20)
    assert net.routers["R11"].next_hops("10.4.4.0/24") == ["172.16.0.2", "192.168.100.41"]
    assert net.routers["R31"].next_hops("10.4.4.0/24") == [hop]


def test_a_network_that_goes_is_gone_everywhere_and_one_that_comes_is_known_everywhere() -> None:
    net = cloud(on_tunnel(NAMED, OPEN_HUB), NAMED, NAMED)
    net.line("R41", "GigabitEthernet0/2", up=False).run(1)
    assert net.routers["R11"].metric("10.4.4.0/24") is None
    assert net.routers["R31"].metric("10.4.4.0/24") is None
    assert Prefix.parse("10.4.4.0/24") not in net.routers["R11"].process.dual.table
    net.line("R41", "GigabitEthernet0/2", up=True).run(1)
    assert net.routers["R31"].metric("10.4.4.0/24") == 52992000


def test_a_change_of_delay_changes_metrics_everywhere() -> None:
    net = cloud(on_tunnel(CLASSIC, OPEN_HUB), CLASSIC, CLASSIC)
    slow = ethernet("GigabitEthernet0/2", "10.4.4.1", delay=2000)
    net.change("R41", "GigabitEthernet0/2", slow)
    net.run(1)
    assert net.routers["R31"].metric("10.4.4.0/24") == 3225600 + 256 * 100
    net.change("R31", "Tunnel100", replace(tunnel("192.168.100.31"), delay=60_000))
    net.run(1)
    assert net.routers["R31"].metric("10.4.4.0/24") == 3225600 + 256 * 1100


def metrics(net: EigrpNet) -> dict[str, dict[Prefix, int]]:
    """Return the metric of every route of every router."""
    return {
        name: {prefix: route.metric for prefix, route in router.routes.items()} for name, router in net.routers.items()
    }


@pytest.mark.parametrize("router", ["R11", "R31"])
@pytest.mark.parametrize(
    ("settings", "bandwidth", "delay"),
    [
        (CLASSIC, 4000, 167_772_150),
        (replace(CLASSIC, scale=MetricScale(weights=Weights(k1=255))), 1, 50_000),
    ],
)
def test_routes_over_an_interface_return_when_its_metric_is_no_longer_infinite(
    router: str, settings: ProcessSettings, bandwidth: int, delay: int
) -> None:
    """After `delay 16777215` and `no delay` on a tunnel the routes over it stayed away until `clear ip eigrp
    neighbors`: a neighbor does not repeat what it said.
    """
    net = cloud(on_tunnel(settings, OPEN_HUB), settings, settings)
    before = metrics(net)
    state = net.routers[router].interfaces.get("Tunnel100")
    assert state is not None
    net.change(router, "Tunnel100", replace(state, bandwidth=bandwidth, delay=delay))
    net.run(20)
    assert not net.routers[router].routes
    net.change(router, "Tunnel100", state)
    net.run(1)
    assert metrics(net) == before
    assert all("new adjacency" in text for text in net.routers[router].logs)


def test_a_network_that_goes_while_the_delay_is_infinite_does_not_return_with_the_delay() -> None:
    net = cloud(on_tunnel(CLASSIC, OPEN_HUB), CLASSIC, CLASSIC)
    usual = tunnel("192.168.100.31")
    net.change("R31", "Tunnel100", replace(usual, delay=167_772_150))
    net.run(1)
    net.line("R41", "GigabitEthernet0/2", up=False).run(1)
    net.change("R31", "Tunnel100", usual)
    net.run(1)
    assert metrics(net)["R31"] == {Prefix.parse("10.1.1.0/24"): 1920256}


@pytest.mark.parametrize("delay_first", [True, False])
def test_routes_return_when_an_offset_list_and_a_delay_that_are_infinite_together_go(*, delay_first: bool) -> None:
    net = cloud(on_tunnel(CLASSIC, OPEN_HUB), CLASSIC, CLASSIC)
    before, usual = metrics(net), tunnel("192.168.100.31")
    offset = replace(CLASSIC, distribution=Distribution(offsets=(OffsetList("", inwards=True, offset=2_147_483_647),)))
    slow = replace(usual, delay=100_000_000)
    for settings, state in ((offset, slow), (CLASSIC, usual)):
        if delay_first:
            net.change("R31", "Tunnel100", state)
        net.configure("R31", EigrpConfig((settings,)))
        net.change("R31", "Tunnel100", state)
        net.run(1)
        assert bool(net.routers["R31"].routes) == (state is usual)
    assert metrics(net) == before


def test_more_hops_that_are_allowed_bring_farther_networks_and_fewer_take_them_away() -> None:
    """`metric maximum-hops` had no effect on what neighbors had said before."""
    net = cloud(on_tunnel(NAMED, OPEN_HUB), NAMED, NAMED)
    before, far = metrics(net), Prefix.parse("10.4.4.0/24")
    net.configure("R31", EigrpConfig((replace(NAMED, maximum_hops=1),))).run(1)
    assert far not in net.routers["R31"].routes
    net.configure("R31", EigrpConfig((NAMED,))).run(1)
    assert metrics(net) == before


def test_a_neighbor_that_tells_more_networks_that_are_too_far_than_there_is_room_for_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = cloud(CLASSIC, CLASSIC, CLASSIC)
    monkeypatch.setattr(limits, "MOST_PREFIXES", 20)
    net.change("R11", "Tunnel100", replace(tunnel("192.168.100.11"), delay=167_772_150))
    for number in range(30):
        net.plug("", "R31", ethernet(f"Loopback{number}", f"10.77.{number}.1"))
    net.run(3)
    assert [str(neighbor.address) for neighbor in net.routers["R11"].process.neighbors()] == ["192.168.100.41"]
    assert any("prefix limit" in text for text in net.routers["R11"].logs), net.routers["R11"].logs


def test_a_neighbor_that_tells_more_networks_that_a_list_refuses_than_there_is_room_for_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What `distribute-list ... in` refused was kept without bound, for the day on which the list changes."""
    refusing = Distribution(lists=(DistributeList(ListKind.ROUTE_MAP, "NONE", inwards=True),))
    net = cloud(replace(CLASSIC, distribution=refusing), CLASSIC, CLASSIC)
    monkeypatch.setattr(limits, "MOST_PREFIXES", 20)
    for number in range(30):
        net.plug("", "R31", ethernet(f"Loopback{number}", f"10.77.{number}.1"))
    net.run(3)
    assert net.routers["R11"].routes == {}
    assert [str(neighbor.address) for neighbor in net.routers["R11"].process.neighbors()] == ["192.168.100.41"]
    assert any("prefix limit" in text for text in net.routers["R11"].logs), net.routers["R11"].logs


def test_routes_of_a_process_that_was_configured_later_are_redistributed_with_their_metric() -> None:
    """`redistribute eigrp 200` brought nothing in until the process that has the line was configured again."""
    lan = NetworkLine(IPv4Address("10.3.3.0"), IPv4Address("0.0.0.255"))
    first = replace(CLASSIC, networks=(), redistributions=(Redistribution(source=RouteSource.EIGRP, process="200"),))
    net = EigrpNet()
    net.router("R31", first)
    net.plug("", "R31", ethernet("GigabitEthernet0/2", "10.3.3.1", delay=1000))
    net.configure("R31", EigrpConfig((first, replace(CLASSIC, autonomous_system=200, networks=(lan,)))))
    prefix = Prefix.parse("10.3.3.0/24")
    route = Route(prefix=prefix, source=RouteSource.EIGRP, distance=90, metric=28160, process="200")
    net.event("R31", RouteChanged(prefix, None, route))
    table = {number: process.dual.table for number, process in net.routers["R31"].machine.processes.items()}
    assert table[100][prefix].distance == table[200][prefix].distance


def test_a_secondary_network_is_told_too() -> None:
    net = cloud(CLASSIC, CLASSIC)
    lan = ethernet("GigabitEthernet0/2", "10.3.3.1", delay=1000)
    net.change("R31", "GigabitEthernet0/2", replace(lan, secondary=((IPv4Address("10.33.0.1"), 16),)))
    net.run(1)
    assert net.routers["R11"].metric("10.33.0.0/16") == 1945600


# ------------------------------------------------------------------------------------------------ queries


def square(settings: ProcessSettings = CLASSIC) -> EigrpNet:
    """A destination behind D, which S reaches by A (near) and B (far): S-A-D, S-B-D."""
    net = EigrpNet()
    for name in "SABD":
        net.router(name, settings)
    for wire, left, right, delay in (
        ("sa", "S", "A", 10),
        ("sb", "S", "B", 20),
        ("ad", "A", "D", 10),
        ("bd", "B", "D", 15),
    ):
        for number, name in enumerate((left, right), 1):
            subnet = ["sa", "sb", "ad", "bd"].index(wire)
            net.plug(wire, name, ethernet(f"GigabitEthernet0/{subnet}", f"172.16.{subnet}.{number}", delay=10 * delay))
    net.plug("", "D", ethernet("GigabitEthernet0/9", "10.9.9.1")).run(3)
    return net


def queries(net: EigrpNet, since: float) -> list[str]:
    return [sent.router for sent in net.packets(since) if sent.packet.opcode == Opcode.QUERY]


@pytest.mark.conforms("eigrp:3.2-feasible")
def test_a_feasible_successor_takes_over_without_a_question() -> None:
    net = square()
    router = net.routers["S"]
    assert router.next_hops("10.9.9.0/24") == ["172.16.0.2"]
    net.line("S", "GigabitEthernet0/0", up=False)
    assert router.next_hops("10.9.9.0/24") == ["172.16.1.2"]
    before = net.now
    net.run(1)
    about_it = [sent for sent in net.packets(before) if sent.packet.opcode == Opcode.QUERY]
    told = {prefix for sent in about_it for tlv in sent.packet.tlvs for prefix in getattr(tlv, "destinations", ())}
    assert Prefix.parse("10.9.9.0/24") not in told


@pytest.mark.conforms("eigrp:3.5-lost")
def test_who_loses_the_only_way_asks_and_takes_the_answer() -> None:
    net = square()
    far = ethernet("GigabitEthernet0/3", "172.16.3.2", delay=10_000)
    net.change("D", "GigabitEthernet0/3", far)
    net.change("B", "GigabitEthernet0/3", replace(far, address=IPv4Address("172.16.3.1")))
    net.run(1)
    before = net.now
    net.line("S", "GigabitEthernet0/0", up=False).run(1)
    assert "S" in queries(net, before)
    assert net.routers["S"].next_hops("10.9.9.0/24") == ["172.16.1.2"]


def test_a_destination_that_is_gone_is_asked_for_and_then_forgotten() -> None:
    net = square()
    before = net.now
    net.line("D", "GigabitEthernet0/9", up=False).run(1)
    assert queries(net, before)
    for name in "SAB":
        assert net.routers[name].metric("10.9.9.0/24") is None
        assert Prefix.parse("10.9.9.0/24") not in net.routers[name].process.dual.table


def test_a_stub_is_not_asked() -> None:
    stub = replace(NAMED, stub=StubFlag.CONNECTED | StubFlag.SUMMARY)
    net = cloud(on_tunnel(NAMED, OPEN_HUB), stub, stub, NAMED)
    before = net.now
    net.line("R31", "GigabitEthernet0/2", up=False).run(1)
    asked = [str(sent.order.destination) for sent in net.packets(before) if sent.packet.opcode == Opcode.QUERY]
    assert asked == ["192.168.100.11", "192.168.100.51"]
    assert net.routers["R51"].metric("10.3.3.0/24") is None
    assert net.routers["R41"].metric("10.3.3.0/24") is None


def test_a_stub_tells_its_own_networks_only() -> None:
    net = cloud(NAMED, replace(NAMED, stub=StubFlag.CONNECTED))
    net.router("R99", NAMED)
    net.plug("behind", "R31", ethernet("GigabitEthernet0/5", "10.30.0.1"))
    net.plug("behind", "R99", ethernet("GigabitEthernet0/5", "10.30.0.2"))
    net.plug("", "R99", ethernet("GigabitEthernet0/6", "10.99.0.1")).run(2)
    hub = net.routers["R11"]
    assert net.routers["R31"].metric("10.99.0.0/24") is not None
    assert hub.metric("10.99.0.0/24") is None
    assert hub.metric("10.30.0.0/24") is not None
    assert net.routers["R99"].metric("10.1.1.0/24") is None


def test_a_receive_only_stub_tells_nothing() -> None:
    net = cloud(NAMED, replace(NAMED, stub=StubFlag.RECEIVE_ONLY))
    assert not net.routers["R11"].routes
    assert net.routers["R31"].metric("10.1.1.0/24") == 26885120


def with_a_mute(net: EigrpNet) -> EigrpNet:
    """Return the square where one way to D is left, by A, and S replies to no query, SIA or not."""
    net.line("S", "GigabitEthernet0/1", up=False)
    net.line("D", "GigabitEthernet0/3", up=False).run(3)
    silent = net.routers["S"].process.advertiser
    silent.reply = lambda neighbor, prefix: None  # type: ignore[method-assign]
    silent.answer_if_stuck = lambda neighbor, prefix: None  # type: ignore[method-assign]
    return net


@pytest.mark.conforms("eigrp:4.4.1-sia")
def test_who_never_replies_is_reset_and_who_waits_for_him_is_not() -> None:
    net = with_a_mute(square(replace(CLASSIC, active_time=60.0)))
    before = net.now
    net.line("D", "GigabitEthernet0/9", up=False).run(59)
    assert net.routers["D"].process.dual.active
    kinds = {(sent.router, sent.packet.opcode) for sent in net.packets(before)}
    assert {("D", Opcode.SIA_QUERY), ("A", Opcode.SIA_REPLY), ("A", Opcode.SIA_QUERY)} <= kinds
    net.run(2)
    assert not net.routers["D"].process.dual.active
    logs = net.routers["A"].logs
    assert "Route 10.9.9.0/24 stuck-in-active state in IP-EIGRP(0) 100.  Cleaning up" in logs
    assert "EIGRP-IPv4 100: Neighbor 172.16.0.1 (GigabitEthernet0/0) is down: stuck in active" in logs
    assert not any("stuck" in line for line in net.routers["D"].logs)


def test_two_destinations_for_which_one_neighbor_never_replies_end_with_it() -> None:
    net = square()
    lan = ethernet("GigabitEthernet0/9", "10.9.9.1")
    net.change("D", "GigabitEthernet0/9", replace(lan, secondary=((IPv4Address("10.9.8.1"), 24),)))
    with_a_mute(net)
    net.line("D", "GigabitEthernet0/9", up=False).run(60)
    assert len(net.routers["A"].process.dual.active) == 2
    net.run(540)
    assert not any(router.process.dual.active for router in net.routers.values())


def test_without_an_active_timer_who_never_replies_is_waited_for() -> None:
    net = with_a_mute(square(replace(CLASSIC, active_time=0.0)))
    net.line("D", "GigabitEthernet0/9", up=False).run(600)
    assert net.routers["D"].process.dual.active
    assert not any("stuck" in line for router in net.routers.values() for line in router.logs)


def test_when_the_active_timer_is_disabled_who_has_not_replied_so_far_is_waited_for_too() -> None:
    net = with_a_mute(square(replace(CLASSIC, active_time=60.0)))
    net.line("D", "GigabitEthernet0/9", up=False).run(10)
    for name in net.routers:
        net.configure(name, EigrpConfig((replace(CLASSIC, active_time=0.0),)))
    net.run(600)
    assert net.routers["D"].process.dual.active
    assert not any("stuck" in line for router in net.routers.values() for line in router.logs)


# ------------------------------------------------------------------------------------------------ many paths


def test_equal_paths_are_used_together_and_variance_adds_unequal_feasible_ones() -> None:
    net = square()
    assert len(net.routers["S"].next_hops("10.9.9.0/24")) == 1
    net.configure("S", EigrpConfig((replace(CLASSIC, variance=2),)))
    assert net.routers["S"].next_hops("10.9.9.0/24") == ["172.16.0.2", "172.16.1.2"]
    net.configure("S", EigrpConfig((replace(CLASSIC, variance=2, maximum_paths=1),)))
    assert net.routers["S"].next_hops("10.9.9.0/24") == ["172.16.0.2"]
    near = ethernet("GigabitEthernet0/1", "172.16.1.1", delay=100)
    net.configure("S", EigrpConfig((CLASSIC,)))
    net.change("S", "GigabitEthernet0/1", near)
    net.change("B", "GigabitEthernet0/3", ethernet("GigabitEthernet0/3", "172.16.3.1", delay=100))
    net.run(1)
    assert net.routers["S"].next_hops("10.9.9.0/24") == ["172.16.0.2", "172.16.1.2"]


def test_unequal_paths_take_flows_by_their_distances() -> None:
    net = square()
    net.configure("S", EigrpConfig((replace(CLASSIC, variance=2),)))
    route = net.routers["S"].routes[Prefix.parse("10.9.9.0/24")]
    first, second = route.next_hops
    assert first.weight > second.weight >= 1
    distances = [path.distance for path in net.routers["S"].process.dual.table[route.prefix].usable()]
    assert abs(first.weight / second.weight - distances[1] / distances[0]) < 0.1


def test_distances_are_as_configured() -> None:
    net = cloud(replace(NAMED, internal_distance=80), NAMED)
    assert net.routers["R11"].routes[Prefix.parse("10.3.3.0/24")].distance == 80


# ------------------------------------------------------------------------------------------------ summaries


def test_a_summary_is_told_instead_of_what_lies_in_it_and_discards_the_rest() -> None:
    summary = InterfaceSettings(split_horizon=False, summaries=(Summary(Prefix.parse("10.0.0.0/8")),))
    net = cloud(on_tunnel(NAMED, summary), NAMED, NAMED)
    hub, spoke = net.routers["R11"], net.routers["R31"]
    assert set(map(str, spoke.routes)) == {"10.0.0.0/8"}
    assert spoke.metric("10.0.0.0/8") == 26885120
    null = hub.routes[Prefix.parse("10.0.0.0/8")]
    assert (null.kind, null.distance, null.next_hops) == (RouteKind.DISCARD, 5, (NextHop("Null0"),))
    assert hub.metric("10.3.3.0/24") == 27392000


def test_a_summary_lives_as_long_as_a_component() -> None:
    summary = InterfaceSettings(summaries=(Summary(Prefix.parse("10.0.0.0/8"), 255),))
    net = cloud(on_tunnel(CLASSIC, summary), CLASSIC)
    hub, spoke = net.routers["R11"], net.routers["R31"]
    assert spoke.metric("10.0.0.0/8") == 1920256
    assert Prefix.parse("10.0.0.0/8") not in hub.routes
    net.line("R11", "GigabitEthernet0/2", up=False).run(1)
    assert spoke.metric("10.0.0.0/8") == 1945600 + 256 * 5000
    net.line("R31", "GigabitEthernet0/2", up=False).run(1)
    assert spoke.metric("10.0.0.0/8") is None


def test_a_summary_that_is_configured_later_replaces_its_components() -> None:
    net = cloud(on_tunnel(NAMED, OPEN_HUB), NAMED, NAMED)
    summary = replace(OPEN_HUB, summaries=(Summary(Prefix.parse("0.0.0.0/0")),))
    net.configure("R11", EigrpConfig((on_tunnel(NAMED, summary),))).run(1)
    assert set(map(str, net.routers["R31"].routes)) == {"0.0.0.0/0"}
    net.configure("R11", EigrpConfig((on_tunnel(NAMED, OPEN_HUB),))).run(1)
    assert set(map(str, net.routers["R31"].routes)) == {"10.1.1.0/24", "10.4.4.0/24"}
    assert Prefix.parse("0.0.0.0/0") not in net.routers["R11"].routes


def test_a_summary_on_an_interface_that_is_down_discards_nothing() -> None:
    summary = InterfaceSettings(summaries=(Summary(Prefix.parse("10.0.0.0/8")),))
    net = cloud(on_tunnel(CLASSIC, summary), CLASSIC)
    assert Prefix.parse("10.0.0.0/8") in net.routers["R11"].routes
    net.line("R11", "Tunnel100", up=False)
    assert Prefix.parse("10.0.0.0/8") not in net.routers["R11"].routes


# ------------------------------------------------------------------------------------------------ redistribution


def has_route(router: EigrpRouter, net: EigrpNet, route: Route) -> None:
    """The routing table of this router has a new best route."""
    router.rib.known.append(route)
    net.event(router.name, RouteChanged(route.prefix, None, route))


DEFAULT = Route(
    prefix=Prefix.parse("0.0.0.0/0"),
    source=RouteSource.STATIC,
    distance=1,
    next_hops=(NextHop("GigabitEthernet0/2", IPv4Address("10.1.1.254")),),
    tag=7,
)


def test_a_static_route_comes_in_with_the_metric_of_its_interface() -> None:
    net = cloud(replace(NAMED, redistributions=(Redistribution(source=RouteSource.STATIC),)), NAMED)
    has_route(net.routers["R11"], net, DEFAULT)
    net.run(1)
    route = net.routers["R31"].routes[DEFAULT.prefix]
    assert (route.external, route.distance, route.metric, route.tag) == (True, 170, 26885120, 7)
    assert DEFAULT.prefix not in net.routers["R11"].routes
    net.event("R11", RouteChanged(DEFAULT.prefix, DEFAULT, None))
    net.run(1)
    assert DEFAULT.prefix not in net.routers["R31"].routes


@pytest.mark.parametrize("settings", [CLASSIC, NAMED])
def test_the_metric_of_a_static_route_that_comes_in_follows_that_of_its_interface(settings: ProcessSettings) -> None:
    """After `delay` on the interface neighbors kept the old metric until some other line of EIGRP was changed."""
    net = cloud(replace(settings, redistributions=(Redistribution(source=RouteSource.STATIC),)), settings)
    has_route(net.routers["R11"], net, DEFAULT)
    net.run(1)
    before, usual = metrics(net)["R31"][DEFAULT.prefix], net.routers["R11"].interfaces.get("GigabitEthernet0/2")
    assert usual is not None
    net.change("R11", usual.name, replace(usual, delay=1000))
    net.run(1)
    assert metrics(net)["R31"][DEFAULT.prefix] == net.routers["R31"].metric("10.1.1.0/24") != before
    net.change("R11", usual.name, replace(usual, delay=167_772_150_000))
    net.run(1)
    net.change("R11", usual.name, usual)
    net.run(1)
    assert metrics(net)["R31"][DEFAULT.prefix] == before


def test_a_rip_route_comes_in_only_with_a_metric() -> None:
    rip = replace(DEFAULT, source=RouteSource.RIP, distance=120, metric=3)
    net = cloud(replace(CLASSIC, redistributions=(Redistribution(source=RouteSource.RIP),)), CLASSIC)
    has_route(net.routers["R11"], net, rip)
    net.run(1)
    assert DEFAULT.prefix not in net.routers["R31"].routes
    seed = link_vector(1_000_000, 1000, 1500)
    settings = replace(CLASSIC, redistributions=(Redistribution(source=RouteSource.RIP),), default_metric=seed)
    net.configure("R11", EigrpConfig((settings,))).run(1)
    assert net.routers["R31"].metric("0.0.0.0/0") == 1945600


@pytest.mark.conforms("eigrp:5.6-external")
def test_an_external_route_that_comes_back_to_its_router_is_not_taken() -> None:
    same = replace(NAMED, router_id=IPv4Address("1.1.1.1"))
    net = cloud(replace(same, redistributions=(Redistribution(source=RouteSource.STATIC),)), same, NAMED)
    has_route(net.routers["R11"], net, DEFAULT)
    net.run(1)
    assert DEFAULT.prefix not in net.routers["R31"].routes
    assert DEFAULT.prefix in net.routers["R41"].routes


def test_the_router_id_is_the_highest_loopback_or_else_the_highest_address() -> None:
    net = cloud(NAMED, NAMED)
    assert str(net.routers["R31"].process.state.router_id) == "192.168.100.31"
    net = EigrpNet()
    net.router("R1")
    net.plug("", "R1", ethernet("Loopback0", "1.1.1.1", 32))
    net.plug("", "R1", ethernet("GigabitEthernet0/1", "172.16.0.1"))
    assert str(net.routers["R1"].process.state.router_id) == "1.1.1.1"
