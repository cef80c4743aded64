"""Route maps of OSPF, judged by what other routers get to know."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

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


# ------------------------------------------------------------------------------------------------ key chains

_CHAIN = ("key chain OSPF", "key 1", "key-string one", "cryptographic-algorithm hmac-sha-256")


def _chained(world: World, router: str, *lines: str) -> None:
    world.configure(router, *_CHAIN, *lines)
    world.configure(router, "interface Tunnel0", "ip ospf authentication key-chain OSPF")


@pytest.mark.conforms("ospf:5709-rollover")
def test_a_key_chain_seals_with_its_highest_key_and_opens_with_all(world: World) -> None:
    for router in ("HUB", "SPOKE1", "SPOKE2"):
        _chained(world, router)
    assert world.wait_until(lambda: not world.lacks(), 120)
    sealed = "Sending SA: Key 1, Algorithm HMAC-SHA-256 - key chain OSPF"
    assert sealed in world.show("HUB", "ip ospf interface Tunnel0")
    new = ("key 2", "key-string two", "cryptographic-algorithm hmac-sha-512")
    for router in ("SPOKE1", "SPOKE2", "HUB"):
        world.configure(router, "key chain OSPF", *new)
    world.run_for(150)
    assert "Sending SA: Key 2, Algorithm HMAC-SHA-512" in world.show("HUB", "ip ospf interface Tunnel0")
    assert "Dead timer expired" not in world.show("HUB", "logging"), "the keys were rolled over within a dead interval"
    assert not world.lacks()


@pytest.mark.conforms("ospf:D.3-lifetimes")
def test_keys_with_lifetimes_roll_over_and_the_last_one_goes_on(world: World) -> None:
    now = world.show("HUB", "clock")
    for router in ("HUB", "SPOKE1", "SPOKE2"):
        _chained(world, router)
    assert world.wait_until(lambda: not world.lacks(), 120)
    clock = datetime.strptime(" ".join(now.replace("*", "").split()[i] for i in (0, 3, 4, 5)), "%H:%M:%S.%f %b %d %Y")
    change, end = ((clock + timedelta(seconds=seconds)).strftime("%H:%M:%S %b %d %Y") for seconds in (400, 600))
    for router in ("HUB", "SPOKE1", "SPOKE2"):
        first = ("key 1", f"send-lifetime 00:00:00 Jan 1 2020 {change}")
        second = ("key 2", "key-string two", "cryptographic-algorithm hmac-sha-256", f"send-lifetime {change} {end}")
        world.configure(router, "key chain OSPF", *first, *second)
    world.run_for(30)
    assert "Sending SA: Key 1," in world.show("HUB", "ip ospf interface Tunnel0")
    world.run_for(450)
    assert "Sending SA: Key 2," in world.show("HUB", "ip ospf interface Tunnel0")
    assert not world.lacks()
    world.run_for(300)
    assert "%OSPF-5-LASTKEYEXP: Process 1: Tunnel0: key 2 of key chain OSPF" in world.show("HUB", "logging")
    assert "Dead timer expired" not in world.show("HUB", "logging")
    assert not world.lacks()


def test_digest_keys_roll_over_router_by_router(world: World) -> None:
    assert world.wait_until(lambda: not world.lacks(), 120)
    for number, router in enumerate(("HUB", "SPOKE1", "SPOKE2")):
        world.configure(router, "interface Tunnel0", "ip ospf message-digest-key 2 md5 Sun5hine")
        world.run_for(150)
        shown = world.show("HUB", "ip ospf interface Tunnel0")
        assert "youngest key id is 2" in shown
        using = re.findall(r"Rollover in progress, (\d) neighbor", shown)
        assert using == ([str(2 - number)] if number < 2 else [])
        assert not world.lacks()
    for router in ("SPOKE2", "HUB", "SPOKE1"):
        world.configure(router, "interface Tunnel0", "no ip ospf message-digest-key 1")
        world.run_for(150)
        assert not world.lacks()
    assert "Dead timer expired" not in world.show("HUB", "logging")


# ------------------------------------------------------------------------------------------------ distribute lists


def test_a_distribute_list_keeps_routes_out_of_our_own_table_and_out_of_no_others(world: World) -> None:
    world.configure("HUB", "ip prefix-list LANS deny 10.1.2.0/24", "ip prefix-list LANS permit 0.0.0.0/0 le 32")
    world.configure("HUB", "router ospf 1", "distribute-list prefix LANS in Tunnel0")
    world.run_for(2)
    assert route(world, "HUB", "10.1.2.0/24") == ""
    assert route(world, "HUB", "10.1.1.0/24") != ""
    assert route(world, "SPOKE1", "10.1.2.0/24") != "", "the database is the same everywhere"
    assert "Tunnel0 filtered by (prefix-list) LANS" in world.show("HUB", "ip protocols")
    world.configure("HUB", "no ip prefix-list LANS", "ip prefix-list LANS permit 10.1.2.0/24")
    world.run_for(2)
    assert route(world, "HUB", "10.1.2.0/24") != ""
    assert route(world, "HUB", "10.1.1.0/24") == ""
    world.configure("HUB", "router ospf 1", "no distribute-list prefix LANS in Tunnel0")
    world.run_for(2)
    assert route(world, "HUB", "10.1.1.0/24") != ""


def test_a_distribute_list_outwards_chooses_what_is_brought_in(world: World) -> None:
    world.configure("SPOKE2", *STATIC, "access-list 7 permit 172.20.0.0 0.0.255.255")
    world.configure("SPOKE2", "router ospf 1", "redistribute static subnets", "distribute-list 7 out")
    assert world.wait_until(lambda: route(world, "SPOKE1", "172.20.0.0/16") != "", 30.0)
    assert route(world, "SPOKE1", "172.21.0.0/16") == ""


def test_distances_by_kind_of_route_and_by_the_router_that_tells_it(world: World) -> None:
    world.configure("SPOKE2", *STATIC, "router ospf 1", "redistribute static")
    world.configure("SPOKE1", "router ospf 1", "distance ospf external 180", "distance 99 10.0.0.12 0.0.0.0")
    world.run_for(6)
    assert "[99/2001]" in route(world, "SPOKE1", "10.1.2.0/24")
    assert "[110/1001]" in route(world, "SPOKE1", "10.1.0.0/24"), "the hub's"
    assert "[99/20]" in route(world, "SPOKE1", "172.20.0.0/16")
    world.configure("SPOKE1", "router ospf 1", "no distance 99 10.0.0.12 0.0.0.0")
    world.run_for(2)
    assert "[180/20]" in route(world, "SPOKE1", "172.20.0.0/16")
    assert "[110/2001]" in route(world, "SPOKE1", "10.1.2.0/24")
