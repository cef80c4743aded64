"""Distribute lists, offset lists and distances of neighbors in EIGRP and RIP, judged by the routing tables."""

from __future__ import annotations

import re

import pytest

from support.world import World

#: Where the lists of `phase2-eigrp` are.
TOPOLOGY = ("router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100", "topology base")


def metric(world: World, router: str, prefix: str) -> int | None:
    """The metric of a route; None: there is none."""
    found = re.search(rf"{re.escape(prefix)} \[\d+/(\d+)\]", world.show(router, "ip route"))
    return int(found[1]) if found else None


@pytest.mark.parametrize(
    ("list_lines", "name"),
    [
        (("access-list 7 deny 10.1.2.0 0.0.0.255", "access-list 7 permit any"), "7"),
        (("ip prefix-list P deny 10.1.2.0/24", "ip prefix-list P permit 0.0.0.0/0 le 32"), "prefix P"),
        (
            (
                "ip prefix-list Q permit 10.1.2.0/24",
                "route-map M deny 10",
                "match ip address prefix-list Q",
                "route-map M permit 20",
            ),
            "route-map M",
        ),
    ],
    ids=["access-list", "prefix", "route-map"],
)
@pytest.mark.parametrize("direction", ["in", "out"])
def test_eigrp_believes_and_tells_what_the_lists_let_through(
    list_lines: tuple[str, ...], name: str, direction: str
) -> None:
    world = World("phase2-eigrp").converge()
    router = "SPOKE1" if direction == "in" else "HUB"
    world.configure(router, *list_lines)
    world.configure(router, *TOPOLOGY, f"distribute-list {name} {direction}")
    world.run_for(5)
    assert metric(world, "SPOKE1", "10.1.2.0/24") is None
    assert metric(world, "SPOKE1", "10.1.0.0/24") is not None
    assert "is down" not in world.show(router, "logging"), "no neighbor is given up for it"
    world.configure(router, *TOPOLOGY, f"no distribute-list {name} {direction}")
    world.run_for(5)
    assert metric(world, "SPOKE1", "10.1.2.0/24") is not None


def test_a_list_that_changes_counts_at_once() -> None:
    world = World("phase2-eigrp").converge()
    world.configure("SPOKE1", *TOPOLOGY, "distribute-list prefix P in Tunnel0")
    world.run_for(2)
    assert metric(world, "SPOKE1", "10.1.2.0/24") is not None, "a list that nobody defined lets everything through"
    world.configure("SPOKE1", "ip prefix-list P permit 10.1.0.0/24")
    world.run_for(2)
    assert metric(world, "SPOKE1", "10.1.2.0/24") is None
    world.configure("SPOKE1", "ip prefix-list P permit 10.1.2.0/24")
    world.run_for(2)
    assert metric(world, "SPOKE1", "10.1.2.0/24") is not None
    assert "Tunnel0 filtered by (prefix-list) P, default is not set" in world.show("SPOKE1", "ip protocols")


@pytest.mark.parametrize(("router", "direction"), [("SPOKE1", "in"), ("HUB", "out")])
def test_an_offset_makes_routes_of_eigrp_farther(router: str, direction: str) -> None:
    world = World("phase2-eigrp").converge()
    before = {prefix: metric(world, "SPOKE1", prefix) for prefix in ("10.1.2.0/24", "10.1.0.0/24")}
    world.configure(router, "access-list 9 permit 10.1.2.0 0.0.0.255")
    world.configure(router, *TOPOLOGY, f"offset-list 9 {direction} 1280000")
    world.run_for(5)
    farther = metric(world, "SPOKE1", "10.1.2.0/24")
    assert farther is not None
    assert before["10.1.2.0/24"] is not None
    assert farther - before["10.1.2.0/24"] == pytest.approx(1280000 // 128, abs=1)
    assert metric(world, "SPOKE1", "10.1.0.0/24") == before["10.1.0.0/24"]


def test_a_distance_of_its_own_for_what_one_neighbor_tells() -> None:
    world = World("phase2-eigrp").converge()
    world.configure("SPOKE1", *TOPOLOGY, "distance 77 10.255.0.1 0.0.0.0")
    world.run_for(2)
    assert "10.1.2.0/24 [77/" in world.show("SPOKE1", "ip route")
    gre = World("notes-gre").converge()
    gre.configure("R11", "router rip", "distance 66 0.0.0.0 255.255.255.255")
    gre.run_for(40)
    assert "[66/" in gre.show("R11", "ip route rip")


@pytest.mark.parametrize("direction", ["in", "out"])
def test_rip_believes_and_tells_what_the_lists_let_through_and_offsets_add_hops(direction: str) -> None:
    world = World("notes-gre").converge()
    prefixes = re.findall(r"^R\s+(\S+/\d+|\S+) \[120/(\d+)\] via (\S+),", world.show("R11", "ip route rip"), re.M)
    assert prefixes
    prefix, hops, _ = prefixes[0]
    address = prefix.split("/")[0]
    routers = ["R11"] if direction == "in" else [name for name in world.scenario.configurations if name != "R11"]
    for router in routers:
        world.configure(router, f"access-list 8 permit {address} 0.0.0.255")
        world.configure(router, "router rip", f"offset-list 8 {direction} 4")
    world.run_for(60)
    assert metric(world, "R11", prefix) in {int(hops) + 4, int(hops) + 8}
    for router in routers:
        world.configure(router, "access-list 6 deny any")
        world.configure(router, "router rip", f"distribute-list 6 {direction}")
    world.run_for(300)
    assert metric(world, "R11", prefix) is None


def test_a_list_of_gateways_says_whom_eigrp_believes() -> None:
    world = World("phase2-eigrp").converge()
    world.configure(
        "SPOKE1", "ip prefix-list NOBODY deny 0.0.0.0/0 le 32", *TOPOLOGY, "distribute-list gateway NOBODY in"
    )
    world.run_for(5)
    assert metric(world, "SPOKE1", "10.1.2.0/24") is None
    world.configure("SPOKE1", "ip prefix-list NOBODY seq 1 permit 10.255.0.1/32")
    world.run_for(5)
    assert metric(world, "SPOKE1", "10.1.2.0/24") is not None


@pytest.mark.parametrize(
    ("name", "routers", "process"),
    [("phase2-eigrp", ("HUB", "SPOKE1"), TOPOLOGY), ("notes-gre", ("R31", "R11"), ("router rip",))],
)
def test_a_list_about_one_protocol_keeps_back_what_comes_in_from_it(
    name: str, routers: tuple[str, str], process: tuple[str, ...]
) -> None:
    world = World(name).converge()
    router, other = routers
    statics = ("ip route 172.20.0.0 255.255.0.0 Null0", "ip route 172.21.0.0 255.255.0.0 Null0")
    world.configure(router, *statics, "ip prefix-list P permit 172.20.0.0/16", *process, "redistribute static")
    world.configure(router, *process, "distribute-list prefix P out static")
    world.run_for(60)
    assert metric(world, other, "172.20.0.0/16") is not None
    assert metric(world, other, "172.21.0.0/16") is None
    world.configure(router, "ip prefix-list P permit 172.21.0.0/16")
    assert world.wait_until(lambda: metric(world, other, "172.21.0.0/16") is not None, 60.0), (
        "at once, and not only new"
    )
    assert "Redistributed static filtered by (prefix-list) P" in world.show(router, "ip protocols")
