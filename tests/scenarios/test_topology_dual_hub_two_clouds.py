"""Scenario dual-hub-two-clouds: a tunnel to each hub from one source, told apart by keys; one preferred by delay."""

from __future__ import annotations

import re

import pytest

from dmvpn.net import gre
from support import dual_hub
from support.dual_hub import H2, RETURN
from support.outages import hops, outages, peers, route
from support.world import World

DESIGN = dual_hub.TWO_CLOUDS


@pytest.fixture
def world() -> World:
    """Converged; no traffic yet."""
    return DESIGN.world()


def test_a_spoke_has_a_server_on_each_tunnel_and_both_are_in_use_from_one_source(world: World) -> None:
    assert peers(world, "SPOKE1") == [
        "203.0.113.1 10.255.1.1 UP S 10.255.1.1/32",
        "203.0.113.5 10.255.2.2 UP S 10.255.2.2/32",
    ]
    tap = world.watch("SPOKE1", "GigabitEthernet0/1")
    world.run_for(10)
    keys = {found.way[1]: found.header.key for found in tap.tunnelled(gre.ProtocolType.IPV4)}
    assert (keys["203.0.113.1"], keys["203.0.113.5"]) == (1, 2)


def test_the_delay_of_the_tunnel_decides(world: World) -> None:
    assert route(world, "SPOKE1", "10.1.10.0/24") == "D 10.1.10.0/24 [90/26122240] via 10.255.1.1 Tunnel1"
    world.configure("SPOKE1", "interface Tunnel1", "delay 9000")
    world.run_for(2)
    assert route(world, "SPOKE1", "10.1.10.0/24").endswith("via 10.255.2.2 Tunnel2")
    world.configure("SPOKE1", "interface Tunnel1", "no delay")
    world.run_for(2)
    assert route(world, "SPOKE1", "10.1.10.0/24").endswith("via 10.255.1.1 Tunnel1")


def test_a_shortcut_under_traffic_follows_a_changed_delay_and_no_packet_is_lost(world: World) -> None:
    outages(world, ("H1", H2), seconds=2)
    for line, peer in (("delay 9000", "10.255.2.12"), ("no delay", "10.255.1.12")):
        event = (1.0, lambda line=line: world.configure("SPOKE1", "interface Tunnel1", line))
        assert outages(world, ("H1", H2), seconds=4, rate=100, events=(event,)) == [], line
        rows = [row for row in peers(world, "SPOKE1") if row.endswith("10.1.102.0/24")]
        assert rows == [f"198.51.100.5 {peer} UP DT2 10.1.102.0/24"]


def test_a_shortcut_moves_to_the_cloud_that_the_routes_have_moved_to(world: World) -> None:
    outages(world, ("H1", H2), seconds=2)
    assert hops(world, "SPOKE1", H2, "10.1.101.1")[0] == "10.255.1.12"
    dual_hub.kill(world, "HUB1")()
    assert outages(world, ("H1", H2), seconds=30) == []
    assert hops(world, "SPOKE1", H2, "10.1.101.1")[0] == "10.255.2.12"
    dual_hub.start(world, "HUB1")()
    assert outages(world, ("H1", H2), seconds=RETURN) == []
    assert hops(world, "SPOKE1", H2, "10.1.101.1")[0] == "10.255.1.12"


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
    world = DESIGN.world(change=one_network)
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
    return DESIGN.chosen(world) == ["HUB1"] * 3 and hops(world, "SPOKE1", H2, "10.1.101.1")[0] == "10.255.1.12"


def test_with_equal_keys_the_second_tunnel_stays_down_and_says_why() -> None:
    def change(_router: str, text: str) -> str:
        return text.replace("tunnel key 2", "tunnel key 1")

    world = DESIGN.world_unready(change)
    (lack,) = [text for text in world.lacks() if text.startswith("SPOKE1: Tunnel2 is down")]
    assert "give each its own `tunnel key`" in lack
    assert route(world, "SPOKE1", "10.1.10.0/24").endswith("via 10.255.1.1 Tunnel1")
