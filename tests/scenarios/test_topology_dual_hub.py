"""Scenario dual-hub: two hubs in one cloud. Spokes are registered with both, EIGRP prefers HUB1 by interface delays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.net import gre
from support import dual_hub
from support.cases import every_day_but
from support.dual_hub import H2, RETURN, SERVER
from support.outages import hops, outages, peers, route
from support.world import World

if TYPE_CHECKING:
    from support.dual_hub import DualHub

DESIGN = dual_hub.ONE_CLOUD


@pytest.fixture
def world() -> World:
    """Converged; no traffic yet."""
    return DESIGN.world()


def test_a_spoke_has_one_tunnel_and_two_servers_on_it(world: World) -> None:
    assert peers(world, "SPOKE1") == [
        "203.0.113.1 10.255.0.1 UP S 10.255.0.1/32",
        "203.0.113.5 10.255.0.2 UP S 10.255.0.2/32",
    ]


def test_the_second_hub_is_further_by_its_delays_alone(world: World) -> None:
    """10 ms of its tunnel towards the other spokes, 20 ms of its port towards the core."""
    assert route(world, "SPOKE1", "10.1.10.0/24") == "D 10.1.10.0/24 [90/26122240] via 10.255.0.1 Tunnel0"
    dual_hub.kill(world, "HUB1")()
    world.run_for(dual_hub.FAILOVER)
    assert route(world, "SPOKE1", "10.1.10.0/24") == "D 10.1.10.0/24 [90/36357120] via 10.255.0.2 Tunnel0"


def test_a_second_resolution_goes_by_the_hub_that_answers(world: World) -> None:
    """A mapping in use is asked for again while its first hub is dead: nobody notices."""
    outages(world, ("H1", H2), seconds=2)
    dual_hub.kill(world, "HUB1")()
    assert outages(world, ("H1", H2), seconds=700, rate=1) == []
    assert "10.1.102.0/24" in "".join(peers(world, "SPOKE1"))


def test_traffic_to_the_servers_makes_no_shortcut(world: World) -> None:
    assert outages(world, ("H1", SERVER), seconds=3) == []
    assert len(peers(world, "SPOKE1")) == 2


def test_without_the_delays_both_hubs_carry_traffic_and_one_alone_when_the_other_is_dead() -> None:
    """Equal cost is a design of its own: half the flows feel a failover, and no flow feels more."""

    def change(_router: str, text: str) -> str:
        return "\n".join(line for line in text.splitlines() if not line.startswith(" delay")) + "\n"

    world = DESIGN.world(change=change)
    lines = world.lines("SPOKE1", "ip route 10.1.10.0 255.255.255.0")
    assert [line.lstrip(" *").split(",")[0] for line in lines if ", from " in line] == list(DESIGN.hubs)
    gaps = outages(world, ("H1", SERVER), seconds=40, events=((2.0, dual_hub.kill(world, "HUB1")),))
    assert dual_hub.worst(gaps) <= dual_hub.FAILOVER
    dual_hub.start(world, "HUB1")()
    assert world.wait_until(lambda: not world.lacks(), RETURN)


# What dual-hub scenarios must survive, in one cloud and in two: dying and returning hubs, restarts, cut cables.


@pytest.fixture(params=dual_hub.DESIGNS, ids=lambda design: design.scenario)
def design(request: pytest.FixtureRequest) -> DualHub:
    design: DualHub = request.param
    return design


@pytest.fixture
def designed(design: DualHub) -> World:
    """Converged; no traffic yet."""
    return design.world()


def test_both_directions_prefer_the_first_hub(design: DualHub, designed: World) -> None:
    dual_hub.prefers_the_first_hub_in_both_directions(design, designed)


@pytest.mark.parametrize("seed", every_day_but((2, 3), (1, 2, 3)))
def test_when_the_first_hub_dies_the_second_takes_over_within_the_hold_time_and_gives_back(
    design: DualHub, seed: int
) -> None:
    dual_hub.fails_over_and_returns(design, design.world(seed))


def test_a_shortcut_feels_neither_the_death_nor_the_return_of_the_first_hub(design: DualHub, designed: World) -> None:
    dual_hub.a_shortcut_feels_nothing(design, designed)


def test_spokes_that_never_met_find_each_other_by_the_second_hub(design: DualHub, designed: World) -> None:
    dual_hub.a_new_shortcut_is_made_by_the_second_hub(design, designed)


def test_a_hub_that_restarts_within_the_hold_time_is_back_in_use_soon(design: DualHub, designed: World) -> None:
    dual_hub.a_quick_restart_is_missed_by_the_probe(design, designed)


def test_the_second_hub_may_come_and_go(design: DualHub, designed: World) -> None:
    dual_hub.the_death_of_the_second_hub_is_felt_by_nobody(design, designed)


def test_a_cut_cable_of_the_first_hub_is_a_failover_too(design: DualHub, designed: World) -> None:
    dual_hub.a_cut_cable_of_the_first_hub_is_a_failover_too(design, designed)


def test_a_spoke_that_reaches_the_second_hub_alone_is_met_there(design: DualHub, designed: World) -> None:
    dual_hub.a_spoke_that_reaches_the_second_hub_alone_is_met_there(design, designed)


def test_established_traffic_survives_both_hubs(design: DualHub, designed: World) -> None:
    dual_hub.established_traffic_survives_both_hubs(design, designed)


# Scenario dual-hub-two-clouds: a tunnel to each hub from one source, told apart by keys; one preferred by delay.

BY_TUNNELS = dual_hub.TWO_CLOUDS


@pytest.fixture
def two_tunnels() -> World:
    """Converged; no traffic yet."""
    return BY_TUNNELS.world()


def test_a_spoke_has_a_server_on_each_tunnel_and_both_are_in_use_from_one_source(two_tunnels: World) -> None:
    assert peers(two_tunnels, "SPOKE1") == [
        "203.0.113.1 10.255.1.1 UP S 10.255.1.1/32",
        "203.0.113.5 10.255.2.2 UP S 10.255.2.2/32",
    ]
    tap = two_tunnels.watch("SPOKE1", "GigabitEthernet0/1")
    two_tunnels.run_for(10)
    keys = {found.way[1]: found.header.key for found in tap.tunnelled(gre.ProtocolType.IPV4)}
    assert (keys["203.0.113.1"], keys["203.0.113.5"]) == (1, 2)


def test_the_delay_of_the_tunnel_decides(two_tunnels: World) -> None:
    assert route(two_tunnels, "SPOKE1", "10.1.10.0/24") == "D 10.1.10.0/24 [90/26122240] via 10.255.1.1 Tunnel1"
    two_tunnels.configure("SPOKE1", "interface Tunnel1", "delay 9000")
    two_tunnels.run_for(2)
    assert route(two_tunnels, "SPOKE1", "10.1.10.0/24").endswith("via 10.255.2.2 Tunnel2")
    two_tunnels.configure("SPOKE1", "interface Tunnel1", "no delay")
    two_tunnels.run_for(2)
    assert route(two_tunnels, "SPOKE1", "10.1.10.0/24").endswith("via 10.255.1.1 Tunnel1")


def test_a_shortcut_under_traffic_follows_a_changed_delay_and_no_packet_is_lost(two_tunnels: World) -> None:
    outages(two_tunnels, ("H1", H2), seconds=2)
    for line, peer in (("delay 9000", "10.255.2.12"), ("no delay", "10.255.1.12")):
        event = (1.0, lambda line=line: two_tunnels.configure("SPOKE1", "interface Tunnel1", line))
        assert outages(two_tunnels, ("H1", H2), seconds=4, rate=100, events=(event,)) == [], line
        rows = [row for row in peers(two_tunnels, "SPOKE1") if row.endswith("10.1.102.0/24")]
        assert rows == [f"198.51.100.5 {peer} UP DT2 10.1.102.0/24"]


def test_a_shortcut_moves_to_the_cloud_that_the_routes_have_moved_to(two_tunnels: World) -> None:
    outages(two_tunnels, ("H1", H2), seconds=2)
    assert hops(two_tunnels, "SPOKE1", H2, "10.1.101.1")[0] == "10.255.1.12"
    dual_hub.kill(two_tunnels, "HUB1")()
    assert outages(two_tunnels, ("H1", H2), seconds=30) == []
    assert hops(two_tunnels, "SPOKE1", H2, "10.1.101.1")[0] == "10.255.2.12"
    dual_hub.start(two_tunnels, "HUB1")()
    assert outages(two_tunnels, ("H1", H2), seconds=RETURN) == []
    assert hops(two_tunnels, "SPOKE1", H2, "10.1.101.1")[0] == "10.255.1.12"


def test_with_a_summary_at_the_spokes_the_shortcut_moves_when_it_is_renewed() -> None:
    """No route of EIGRP's has the prefix of the shortcut, so none tells it that the way of the rest has changed."""

    def change(router: str, text: str) -> str:
        summary = "   no split-horizon\n   summary-address 10.0.0.0 255.0.0.0\n"
        return text.replace("   no split-horizon\n", summary) if router.startswith("HUB") else text

    world = World("dual-hub-two-clouds", change=change)
    assert world.wait_until(lambda: route(world, "SPOKE1", "10.0.0.0/8").endswith("via 10.255.1.1 Tunnel1"), 30)
    outages(world, ("H1", H2), seconds=2)
    assert route(world, "SPOKE1", "10.1.102.0/24") == "H 10.1.102.0/24 [250/255] via 10.255.1.12 Tunnel1"
    dual_hub.kill(world, "HUB1")()
    assert outages(world, ("H1", H2), seconds=700, rate=1) == []
    assert route(world, "SPOKE1", "10.1.102.0/24") == "H 10.1.102.0/24 [250/255] via 10.255.2.12 Tunnel2"


def one_network(_router: str, text: str) -> str:
    """The same network-id on both tunnels of a spoke: local, legal, and common."""
    return text.replace("ip nhrp network-id 2", "ip nhrp network-id 1")


def test_with_one_network_id_on_both_tunnels_a_mapping_stays_in_the_cloud_it_belongs_to() -> None:
    """A refresh that went out of Tunnel2, because HUB1 was dead, put the peer's address there into Tunnel1's cache."""
    world = BY_TUNNELS.world(change=one_network)
    outages(world, ("H1", H2), seconds=2)
    dual_hub.kill(world, "HUB1")()
    assert outages(world, ("H1", H2), seconds=700, rate=1) == []
    assert hops(world, "SPOKE1", H2, "10.1.101.1")[0] == "10.255.2.12"
    for spoke in ("SPOKE1", "SPOKE2"):
        clouds = re.findall(r" via 10\.255\.(\d)\.\d+\n +Tunnel(\d) ", world.show(spoke, "ip nhrp"))
        assert len(clouds) >= 4, "both servers, the peer and its prefix"
        assert [tunnel for cloud, tunnel in clouds if cloud != tunnel] == []
    dual_hub.start(world, "HUB1")()
    assert outages(world, ("H1", H2), seconds=700, rate=1) == []
    assert design_is_whole(world)


def design_is_whole(world: World) -> bool:
    """Routes by HUB1, and a shortcut in its cloud."""
    return BY_TUNNELS.chosen(world) == ["HUB1"] * 3 and hops(world, "SPOKE1", H2, "10.1.101.1")[0] == "10.255.1.12"


def test_with_equal_keys_the_second_tunnel_stays_down_and_says_why() -> None:
    def change(_router: str, text: str) -> str:
        return text.replace("tunnel key 2", "tunnel key 1")

    world = BY_TUNNELS.world_unready(change)
    (lack,) = [text for text in world.lacks() if text.startswith("SPOKE1: Tunnel2 is down")]
    assert "give each its own `tunnel key`" in lack
    assert route(world, "SPOKE1", "10.1.10.0/24").endswith("via 10.255.1.1 Tunnel1")
