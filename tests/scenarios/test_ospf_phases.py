"""OSPF over DMVPN: the guide's phase 2 hairpins, broadcast goes direct, phase 3 takes the hub out of the way."""

from __future__ import annotations

import re

import pytest

from support.outages import hops, outages, route
from support.stories import Story, stories, tell
from support.world import World

#: The guide's dead interval on a broadcast network, seconds: as long is waited before anybody is elected.
DEAD = 40.0


def full(world: World, router: str) -> dict[str, str]:
    """Neighbors by address, and their state."""
    rows = [line.split() for line in world.lines(router, "ip ospf neighbor") if re.match(r"\d", line)]
    return {row[-2]: " ".join(row[2:-3]) for row in rows}


def again(world: World, router: str) -> list[str]:
    """How often something was sent again to each neighbor."""
    return re.findall(r"number of retransmission (\d+)", world.show(router, "ip ospf neighbor detail"))


# ------------------------------------------------------------------------------------------------ the guide


def test_broadcast_keeps_the_spoke_as_the_next_hop_so_phase_2_goes_direct() -> None:
    world = World("guide-phase2-broadcast").converge()
    assert full(world, "HUB1") == {"10.0.0.11": "FULL/DROTHER", "10.0.0.12": "FULL/DROTHER"}
    assert full(world, "SPOKE1") == {"10.0.0.1": "FULL/DR"}
    assert route(world, "SPOKE1", "192.168.12.0/24") == "O 192.168.12.0/24 [110/1001] via 10.0.0.12 Tunnel0"
    hops(world, "SPOKE1", "192.168.12.1", "192.168.11.1")
    assert hops(world, "SPOKE1", "192.168.12.1", "192.168.11.1") == ["10.0.0.12"]


@pytest.mark.conforms("ospf:10.8-described")
def test_everybody_has_the_same_database() -> None:
    world = World("guide-phase2-broadcast").converge()
    world.run_for(10)
    tables = [re.findall(r"0x8\w{7} 0x\w{6}", world.show(name, "ip ospf database")) for name in ("HUB1", "SPOKE1")]
    assert tables[0] == tables[1]
    assert len(tables[0]) == 4, "three routers, and the network that the hub speaks for"


@pytest.mark.conforms("ospf:12.2-refresh")
def test_the_database_is_refreshed_and_nothing_is_lost_by_its_age() -> None:
    world = World("ospf-phase3").converge()
    world.run_for(20)
    before = again(world, "SPOKE2")
    world.run_for(3700)
    assert route(world, "SPOKE1", "10.1.2.0/24") == "O 10.1.2.0/24 [110/2001] via 10.255.0.1 Tunnel0"
    ages = [int(age) for age in re.findall(r"\s(\d+)\s+0x8", world.show("SPOKE1", "ip ospf database"))]
    assert ages
    assert max(ages) < 1805
    assert again(world, "SPOKE2") == before


# ------------------------------------------------------------------------------------------------ phase 3


NETWORK = "ospf-phase3"


def test_in_phase_3_the_route_stays_and_nhrp_overrides_its_next_hop(world: World) -> None:
    hops(world, "SPOKE1", "10.1.2.1", "10.1.1.1")
    world.run_for(2)
    assert hops(world, "SPOKE1", "10.1.2.1", "10.1.1.1") == ["10.255.0.12"]
    text = world.show("SPOKE1", "ip route next-hop-override")
    assert "O   %    10.1.2.0/24 [110/2001] via 10.255.0.1" in text
    assert "[NHO][110/255] via 10.255.0.12" in text
    assert "via None" not in text, "the other spoke is told as a host, and NHRP knows the way straight to it"
    assert "[NHO]10.255.0.12, from 10.255.0.12" in world.show("SPOKE1", "ip route 10.255.0.12")


def test_the_log_says_who_came_and_who_went(world: World) -> None:
    assert "Process 1, Nbr 10.0.0.1 on Tunnel0 from LOADING to FULL, Loading Done" in world.show("SPOKE1", "logging")
    world.sim.kill("HUB")
    world.run_for(DEAD + 5)
    down = "%OSPF-5-ADJCHG: Process 1, Nbr 10.0.0.1 on Tunnel0 from FULL to DOWN, Neighbor Down: Dead timer expired"
    assert down in world.show("SPOKE1", "logging")
    assert route(world, "SPOKE1", "10.1.2.0/24") == ""
    world.sim.boot("HUB", world.scenario.configurations["HUB"])
    assert world.wait_until(lambda: not world.lacks(), 120)
    assert outages(world, ("H1", "10.1.2.100"), seconds=2) == []


@pytest.mark.conforms("ospf:13.4-own")
def test_a_spoke_that_was_restarted_is_believed_again_though_its_numbers_began_again(world: World) -> None:
    """Its advertisement of before is still with the others, with a higher number."""
    world.run_for(400)
    world.sim.kill("SPOKE2")
    world.run_for(5)
    world.sim.boot("SPOKE2", world.scenario.configurations["SPOKE2"])
    assert world.wait_until(lambda: not world.lacks(), 60)
    assert outages(world, ("H1", "10.1.2.100"), seconds=2) == []


def test_clearing_the_process_asks_first_and_learns_everything_again(world: World) -> None:
    world.do("SPOKE1", "clear ip ospf process", "no")
    assert "forced to reset" not in world.show("SPOKE1", "logging")
    assert full(world, "SPOKE1") == {"10.255.0.1": "FULL/ -"}
    world.do("SPOKE1", "clear ip ospf process", "yes")
    assert "Neighbor Down: Adjacency forced to reset" in world.show("SPOKE1", "logging")
    assert world.wait_until(lambda: not world.lacks(), 60)
    assert outages(world, ("H1", "10.1.2.100"), seconds=2) == []


def test_two_neighbors_of_a_point_to_point_tunnel_push_each_other_out() -> None:
    """What people see who forget `ip ospf network`: the adjacencies come and go."""

    def change(_router: str, text: str) -> str:
        return text.replace(" ip ospf network point-to-multipoint\n", "")

    world = World("ospf-phase3", change=change)
    world.run_for(120)
    said = world.show("HUB", "logging")
    assert said.count("Neighbor Down: Adjacency forced to reset") > 3
    assert len(full(world, "HUB")) == 1


# ------------------------------------------------------------------------------------------------ areas


def areas(tunnel: int, lan: int, *lines: str) -> World:
    """The tunnels in one area and the LANs of hub and second spoke in another; lines for all processes."""

    def change(router: str, text: str) -> str:
        head, mark, rest = text.partition("interface GigabitEthernet0/2")
        head = head.replace("ip ospf 1 area 0", f"ip ospf 1 area {tunnel}")
        if router in ("HUB", "SPOKE2"):
            rest = rest.replace("ip ospf 1 area 0", f"ip ospf 1 area {lan}")
        else:
            rest = rest.replace("ip ospf 1 area 0", f"ip ospf 1 area {tunnel}")
        rest = rest.replace("0.0.0.0 area 0", f"0.0.0.0 area {tunnel}")
        more = "".join(f" {line}\n" for line in lines)
        return head + mark + rest.replace("router ospf 1\n", f"router ospf 1\n{more}")

    return World("ospf-phase3", change=change)


@pytest.mark.conforms("ospf:12.4.3-summaries", "ospf:16.2-inter")
def test_networks_of_another_area_come_by_its_border_router() -> None:
    world = areas(0, 2)
    world.run_for(20)
    assert route(world, "SPOKE1", "10.1.2.0/24") == "O IA 10.1.2.0/24 [110/2001] via 10.255.0.1 Tunnel0"
    assert route(world, "SPOKE2", "10.1.1.0/24") == "O 10.1.1.0/24 [110/2001] via 10.255.0.1 Tunnel0"
    assert "Summary Net Link States (Area 2)" in world.show("SPOKE2", "ip ospf database")
    assert outages(world, ("H1", "10.1.2.100"), seconds=2) == []
    world.configure("SPOKE2", "interface GigabitEthernet0/2", "shutdown")
    world.run_for(8)
    assert route(world, "SPOKE1", "10.1.2.0/24") == ""


@pytest.mark.conforms("ospf:3.3-stub")
def test_a_totally_stubby_cloud_hears_of_its_default_route_and_of_itself() -> None:
    """The hub is the border: the backbone is its LAN, and the tunnels are area 5."""
    world = areas(5, 5, "area 5 stub no-summary")
    world.configure("HUB", "interface GigabitEthernet0/2", "ip ospf 1 area 0")
    world.configure("SPOKE1", "ip route 203.0.113.1 255.255.255.255 198.51.100.2")
    world.configure("SPOKE1", "no ip route 0.0.0.0 0.0.0.0 198.51.100.2")
    world.run_for(30)
    assert "O*IA  0.0.0.0/0 [110/1001] via 10.255.0.1" in world.show("SPOKE1", "ip route")
    assert route(world, "SPOKE1", "10.1.0.0/24") == ""
    assert route(world, "SPOKE1", "10.1.2.0/24") == "O 10.1.2.0/24 [110/2001] via 10.255.0.1 Tunnel0"
    assert route(world, "HUB", "10.1.1.0/24") == "O 10.1.1.0/24 [110/1001] via 10.255.0.11 Tunnel0"
    assert "Summary" in world.show("SPOKE1", "ip ospf database")
    world.configure("HUB", "router ospf 1", "redistribute static subnets", "default-information originate always")
    world.run_for(6)
    assert "Type-5" not in world.show("SPOKE1", "ip ospf database"), "external routes stay out of a stub area"


@pytest.mark.conforms("ospf:12.4.3-border")
def test_what_a_router_of_another_area_brings_in_is_reached_by_the_border_router() -> None:
    """The hub tells the backbone where the spoke of area 5 is that redistributes (type 4)."""
    world = areas(5, 5)
    world.configure("HUB", "interface GigabitEthernet0/2", "ip ospf 1 area 0")
    world.configure("SPOKE2", "ip route 172.20.0.0 255.255.0.0 Null0", "router ospf 1", "redistribute static")
    world.run_for(30)
    assert "Summary ASB Link States (Area 0)" in world.show("HUB", "ip ospf database")
    assert route(world, "SPOKE1", "172.20.0.0/16") == "O E2 172.20.0.0/16 [110/20] via 10.255.0.1 Tunnel0"
    assert route(world, "SPOKE1", "10.1.0.0/24") == "O IA 10.1.0.0/24 [110/1001] via 10.255.0.1 Tunnel0"


@pytest.mark.parametrize("story", stories("ospf_phases"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, full, hops, route)
