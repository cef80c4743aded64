"""Route maps of `redistribute` in EIGRP and RIP, judged by what other routers get to know."""

from __future__ import annotations

import pytest

from support.world import World

STATIC = ("ip route 172.20.0.0 255.255.0.0 Null0 tag 5", "ip route 172.21.0.0 255.255.0.0 Null0")
MAP = ("route-map M permit 10", "match tag 5", "set tag 9")


def knows(world: World, router: str, protocol: str, prefix: str) -> bool:
    """Has a router a route of this protocol for the prefix?"""
    return prefix in world.show(router, f"ip route {protocol}")


EIGRP = ("router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100", "topology base")


@pytest.mark.parametrize(
    ("name", "routers", "process", "protocol"),
    [("phase2-eigrp", ("HUB", "SPOKE1"), EIGRP, "eigrp"), ("notes-gre", ("R31", "R11"), ("router rip",), "rip")],
)
def test_a_map_chooses_what_is_redistributed_and_its_changes_act(
    name: str, routers: tuple[str, str], process: tuple[str, ...], protocol: str
) -> None:
    world = World(name).converge()
    router, other = routers
    world.configure(router, *STATIC, *process, "redistribute static route-map M")
    world.run_for(40)
    assert not knows(world, other, protocol, "172.20.0.0"), "nobody defined the map"
    world.configure(router, *MAP)
    assert world.wait_until(lambda: knows(world, other, protocol, "172.20.0.0"), 60.0)
    assert not knows(world, other, protocol, "172.21.0.0")
    assert "Tag 9" in world.show(other, "ip route 172.20.0.0")
    world.configure(router, "route-map M permit 10", "match tag 6", "no match tag 5")
    assert world.wait_until(lambda: not knows(world, other, protocol, "172.20.0.0"), 300.0)


def test_a_map_gives_what_comes_into_eigrp_a_metric_of_eigrp() -> None:
    world = World("phase2-eigrp").converge()
    world.configure("HUB", STATIC[0], "route-map V", "set metric 500 30 200 3 1300")
    world.configure("HUB", *EIGRP, "redistribute static route-map V")
    assert world.wait_until(lambda: knows(world, "SPOKE1", "eigrp", "172.20.0.0"), 30.0)
    said = world.show("SPOKE1", "ip eigrp topology 172.20.0.0/16")
    for line in ("bandwidth is 500 Kbit", "Reliability is 200/255", "Load is 3/255", "MTU is 1300"):
        assert line in said


@pytest.mark.parametrize(
    ("match", "known"),
    [("", False), (" match internal", False), (" match internal external 2", True), (" match external 1", False)],
)
def test_external_routes_of_ospf_come_into_bgp_only_where_the_line_names_them(match: str, known: bool) -> None:
    world = World("ospf-phase3").converge()
    world.configure("SPOKE1", STATIC[0], "router ospf 1", "redistribute static subnets")
    world.configure("HUB", "router bgp 65000", f"redistribute ospf 1{match}")
    world.run_for(30)
    table = world.show("HUB", "ip bgp")
    assert ("172.20.0.0" in table) is known
    assert ("10.1.1.0/24" in table) is (match != " match external 1")
    assert f"redistribute ospf 1{match}\n" in f"{world.show('HUB', 'running-config')}\n"
