"""Route maps of OSPF, judged by what other routers get to know."""

from __future__ import annotations

import pytest

from support.outages import route
from support.world import World

STATIC = ("ip route 172.20.0.0 255.255.0.0 Null0 tag 5", "ip route 172.21.0.0 255.255.0.0 Null0")


@pytest.fixture
def world() -> World:
    return World("ospf-phase3").converge()


def test_a_map_chooses_and_changes_what_is_redistributed(world: World) -> None:
    world.configure(
        "SPOKE2",
        *STATIC,
        *("route-map M permit 10", "match tag 5", "set metric 44", "set metric-type type-1", "set tag 9"),
        *("router ospf 1", "redistribute static subnets route-map M"),
    )
    assert world.wait_until(lambda: "O E1 172.20.0.0/16" in route(world, "SPOKE1", "172.20.0.0/16"), 30.0)
    assert "/2044]" in route(world, "SPOKE1", "172.20.0.0/16")
    assert "Tag 9" in world.show("SPOKE1", "ip route 172.20.0.0")
    assert route(world, "SPOKE1", "172.21.0.0/16") == ""
    assert not any("NOT_BUILT" in text for text in world.messages("SPOKE2"))


def test_a_map_that_nobody_defined_brings_nothing_in_until_it_is_defined(world: World) -> None:
    world.configure("SPOKE2", *STATIC, "router ospf 1", "redistribute static subnets route-map M")
    world.run_for(20)
    assert route(world, "SPOKE1", "172.20.0.0/16") == ""
    world.configure("SPOKE2", "ip prefix-list L permit 172.21.0.0/16", "route-map M", "match ip address prefix-list L")
    assert world.wait_until(lambda: route(world, "SPOKE1", "172.21.0.0/16") != "", 30.0)
    assert route(world, "SPOKE1", "172.20.0.0/16") == ""
    world.configure("SPOKE2", "no route-map M")
    assert world.wait_until(lambda: route(world, "SPOKE1", "172.21.0.0/16") == "", 30.0)


def test_the_default_route_is_told_while_the_map_permits_a_route(world: World) -> None:
    world.configure(
        "HUB",
        *("ip prefix-list L permit 172.20.0.0/16", "route-map M", "match ip address prefix-list L"),
        *("router ospf 1", "default-information originate always route-map M"),
    )
    world.run_for(20)
    assert "Type-5" not in world.show("SPOKE1", "ip ospf database")
    world.configure("HUB", STATIC[0])
    assert world.wait_until(lambda: "Type-5" in world.show("SPOKE1", "ip ospf database"), 30.0)
    world.configure("HUB", f"no {STATIC[0]}")
    assert world.wait_until(lambda: "Type-5" not in world.show("SPOKE1", "ip ospf database"), 30.0)
