"""Areas of OSPF that hear less than everything: ranges, summaries, stub areas, NSSAs. Judged by what others know."""

from __future__ import annotations

import pytest

from support.outages import outages, route
from support.stories import Story, stories, tell
from support.world import World

#: SPOKE2 brings these in.
STATIC = tuple(f"ip route 172.20.{number}.0 255.255.255.0 Null0" for number in (1, 2, 3))


def cloud(area: str = "", hub: tuple[str, ...] = ()) -> World:
    """The tunnels and the LANs of spokes in area 5, the hub's LAN in the backbone. area: of the area, on all."""

    def change(router: str, text: str) -> str:
        text = text.replace(" ip ospf 1 area 0", " ip ospf 1 area 5").replace("area 0\n", "area 5\n")
        lines = ([area] if area else []) + (list(hub) if router == "HUB" else [])
        text = text.replace("router ospf 1\n", "router ospf 1\n" + "".join(f" {line}\n" for line in lines))
        if router == "HUB":
            head, mark, rest = text.partition("interface GigabitEthernet0/2")
            text = head + mark + rest.replace(" ip ospf 1 area 5", " ip ospf 1 area 0", 1)
        return text

    world = World("ospf-phase3", change=change)
    world.run_for(30)
    return world


def listed(world: World, router: str, kind: str) -> list[str]:
    """The link identifiers of one type in a router's database."""
    text = world.show(router, "ip ospf database")
    parts = [part for part in text.split("\t\t") if part.startswith(kind)]
    return [line.split()[0] for part in parts for line in part.splitlines() if " 0x8" in line]


# ------------------------------------------------------------------------------------------------ ranges


@pytest.fixture
def ranged() -> World:
    return cloud(hub=("area 5 range 10.1.0.0 255.255.0.0", "area 5 range 10.255.0.0 255.255.255.0 not-advertise"))


@pytest.mark.parametrize("line", ["area 5 filter-list prefix P out", "area 0 filter-list prefix P in"])
def test_a_filter_between_areas_lets_pass_what_its_list_permits(line: str) -> None:
    world = cloud(hub=(line,))
    assert "10.1.1.0" in told(world), "a list that nobody defined permits everything"
    world.configure("HUB", "ip prefix-list P permit 10.1.2.0/24")
    world.run_for(5)
    assert "10.1.2.0" in told(world)
    assert "10.1.1.0" not in told(world)
    assert f"Area-filter P {line.split()[-1]}" in world.show("HUB", "ip ospf")


def told(world: World) -> list[str]:
    """What the hub tells the backbone of LANs and tunnels; not of loopbacks."""
    return [each for each in listed(world, "HUB", "Summary Net Link States (Area 0)") if each[:5] in ("10.1.", "10.25")]


@pytest.mark.conforms("ospf:3.5-ranges")
def test_a_range_is_told_to_other_areas_in_the_place_of_its_networks(ranged: World) -> None:
    assert told(ranged) == ["10.1.0.0"]
    assert "Area range 10.255.0.0/24 Active(0) DoNotAdvertise" in ranged.show("HUB", "ip ospf")
    null = [line for line in ranged.lines("HUB", "ip route") if "Null0" in line]
    assert [line.split(",")[0] for line in null] == ["O        10.1.0.0/16 is a summary"]
    assert route(ranged, "HUB", "10.1.2.0/24") == "O 10.1.2.0/24 [110/1001] via 10.255.0.12 Tunnel0"
    assert outages(ranged, ("H1", "10.1.2.100"), seconds=2) == []


def test_the_range_goes_with_its_last_network_and_its_line(ranged: World) -> None:
    for name in ("SPOKE1", "SPOKE2"):
        ranged.configure(name, "interface GigabitEthernet0/2", "shutdown")
    ranged.run_for(8)
    assert told(ranged) == []
    assert "is a summary" not in ranged.show("HUB", "ip route")
    ranged.configure("SPOKE1", "interface GigabitEthernet0/2", "no shutdown")
    ranged.run_for(8)
    ranged.configure("HUB", "router ospf 1", "no area 5 range 10.1.0.0 255.255.0.0")
    ranged.run_for(8)
    assert told(ranged) == ["10.1.1.0"]
    assert "is a summary" not in ranged.show("HUB", "ip route")


def test_the_route_to_null0_can_be_forgone(ranged: World) -> None:
    ranged.configure("HUB", "router ospf 1", "no discard-route internal")
    ranged.run_for(2)
    assert "is a summary" not in ranged.show("HUB", "ip route")
    assert " no discard-route internal" in ranged.show("HUB", "running-config")
    ranged.configure("HUB", "router ospf 1", "discard-route internal", "no discard-route external")
    ranged.run_for(2)
    assert "10.1.0.0/16 is a summary" in ranged.show("HUB", "ip route")


@pytest.mark.conforms("ospf:3.5-range-cost")
def test_a_cost_of_its_own_is_what_a_range_costs(ranged: World) -> None:
    before = ranged.show("HUB", "ip ospf database summary 10.1.0.0")
    ranged.configure("HUB", "router ospf 1", "area 5 range 10.1.0.0 255.255.0.0 cost 77")
    ranged.run_for(8)
    after = ranged.show("HUB", "ip ospf database summary 10.1.0.0")
    assert "Metric: 1001" in before, "the nearest network"
    assert "Metric: 77" in after


# ------------------------------------------------------------------------------------------------ summaries


# ------------------------------------------------------------------------------------------------ NSSAs


@pytest.mark.conforms("ospf:16.4-external", "nssa:2.4-p")
def test_what_comes_into_an_nssa_is_told_inside_by_type_7_and_outside_by_type_5() -> None:
    world = cloud("area 5 nssa")
    world.configure("SPOKE2", *STATIC, "router ospf 1", "redistribute static subnets metric 5")
    world.run_for(8)
    assert listed(world, "SPOKE1", "Type-7") == ["172.20.1.0", "172.20.2.0", "172.20.3.0"]
    assert listed(world, "SPOKE1", "Type-5") == []
    assert listed(world, "HUB", "Type-5") == ["172.20.1.0", "172.20.2.0", "172.20.3.0"]
    assert route(world, "SPOKE1", "172.20.1.0/24") == "O N2 172.20.1.0/24 [110/5] via 10.255.0.1 Tunnel0"
    assert "type NSSA extern 2" in world.show("SPOKE1", "ip route 172.20.1.0")
    assert route(world, "SPOKE1", "10.1.0.0/24").startswith("O IA 10.1.0.0/24")
    assert "It is a NSSA area" in world.show("SPOKE1", "ip ospf")
    world.configure("SPOKE2", f"no {STATIC[0]}")
    world.run_for(8)
    assert listed(world, "HUB", "Type-5") == ["172.20.2.0", "172.20.3.0"]


@pytest.mark.conforms("nssa:3.2-translated")
def test_the_border_router_of_an_nssa_sums_up_what_it_translates() -> None:
    world = cloud("area 5 nssa", hub=("summary-address 172.20.0.0 255.255.0.0",))
    world.configure("SPOKE2", *STATIC, "router ospf 1", "redistribute static subnets metric 5 metric-type 1")
    world.run_for(8)
    assert listed(world, "HUB", "Type-5") == ["172.20.0.0"]
    assert len(listed(world, "HUB", "Type-7")) == 3


@pytest.mark.conforms("nssa:2.7-default")
def test_a_border_router_tells_a_default_route_into_an_nssa_and_what_it_brings_in_itself() -> None:
    world = cloud("area 5 nssa", hub=("redistribute static subnets",))
    world.configure("HUB", *STATIC[:1])
    world.configure("SPOKE1", "ip route 203.0.113.1 255.255.255.255 198.51.100.2")
    world.configure("SPOKE1", "no ip route 0.0.0.0 0.0.0.0 198.51.100.2")
    world.run_for(8)
    assert route(world, "SPOKE1", "172.20.1.0/24") == "O N2 172.20.1.0/24 [110/20] via 10.255.0.1 Tunnel0"
    assert "0.0.0.0/0" not in world.show("SPOKE1", "ip route")
    world.configure("HUB", "router ospf 1", "area 5 nssa no-redistribution default-information-originate metric 7")
    world.run_for(8)
    assert route(world, "SPOKE1", "172.20.1.0/24") == ""
    assert "O*N2  0.0.0.0/0 [110/7] via 10.255.0.1" in world.show("SPOKE1", "ip route")
    world.configure("HUB", "router ospf 1", "area 5 nssa no-summary")
    world.run_for(8)
    assert "O*IA  0.0.0.0/0 [110/1001] via 10.255.0.1" in world.show("SPOKE1", "ip route")
    assert route(world, "SPOKE1", "10.1.0.0/24") == ""


@pytest.mark.conforms("ospf:10.5-options", "nssa:2.3-options")
def test_a_cloud_where_one_end_takes_the_area_for_an_nssa_says_so() -> None:
    world = cloud()
    world.configure("HUB", "router ospf 1", "area 5 nssa")
    world.run_for(140)
    assert "another kind of area" in world.show("SPOKE1", "ip ospf neighbor detail")


# ------------------------------------------------------------------------------------------------ the process goes


def test_a_process_that_is_taken_away_takes_the_lines_of_its_interfaces_along() -> None:
    world = World("ospf-phase3").converge()
    assert " ip ospf 1 area 0" in world.show("SPOKE1", "running-config")
    world.configure("SPOKE1", "no router ospf 1")
    world.run_for(1)
    assert " ip ospf 1 area 0" not in world.show("SPOKE1", "running-config")
    assert not [line for line in world.lines("SPOKE1", "ip route") if line.startswith("O")]
    world.run_for(5)
    assert route(world, "SPOKE2", "10.1.1.0/24") == ""


@pytest.mark.parametrize("story", stories("ospf_areas"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, listed, route)
