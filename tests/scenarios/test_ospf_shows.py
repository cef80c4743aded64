"""What `show ip ospf ...` says of calculations, packets, routes and of one process, neighbor or author."""

from __future__ import annotations

import json
import re
from functools import cache

import pytest

from support.world import World


@cache
def network() -> World:
    world = World("ospf-phase3").converge()
    world.run_for(20)
    return world


def router_id(world: World, router: str) -> str:
    return world.show(router, "ip ospf").split("with ID ")[1].split()[0]


def test_calculations_and_events_are_remembered_and_forgotten() -> None:
    world = World("ospf-phase3").converge()
    world.run_for(5)
    statistics = world.show("SPOKE1", "ip ospf statistics")
    assert "SPF algorithm executed" in statistics
    assert " R" in statistics.split("Reason")[1]
    events = world.show("SPOKE1", "ip ospf events")
    assert "is FULL" in events
    assert "LSA of type 1" in events
    assert " 0 hello" not in world.show("SPOKE1", "ip ospf traffic")
    world.do("SPOKE1", "clear ip ospf counters")
    assert "is FULL" not in world.show("SPOKE1", "ip ospf events")
    assert "Rcvd: 0 total" in world.show("SPOKE1", "ip ospf traffic")


@pytest.mark.parametrize(
    ("show", "values"),
    [
        ("statistics", {"areas", "runs"}),
        ("events", {"time", "text"}),
        ("traffic", {"received", "sent", "dropped"}),
        ("max-metric", {"configured", "active", "left"}),
        ("rib", {"prefix", "kind", "metric", "area", "installed", "hops"}),
        ("flood-list", {"Tunnel0"}),
        ("timers rate-limit", set()),
        ("nsf", {"helps", "strictly", "neighbors"}),
        ("neighbor summary", {"states", "helped"}),
    ],
)
def test_json_has_the_values_beside_the_lines(show: str, values: set[str]) -> None:
    (section,) = json.loads(network().show("SPOKE1", f"ip ospf {show} | json"))["sections"]
    found = section["values"]
    assert values <= {*(found[0] if isinstance(found, list) and found else found)}
    assert section["lines"] == network().lines("SPOKE1", f"ip ospf {show}")[3:]


def test_routes_of_ospf_itself_and_what_waits() -> None:
    text = network().show("SPOKE1", "ip ospf rib")
    assert "Intra, cost" in text
    assert "*>" in text
    assert "Queue length 0" in network().show("SPOKE1", "ip ospf flood-list")
    assert network().show("SPOKE1", "ip ospf sham-links") == ""


def test_what_is_under_way_is_counted_and_can_be_begun_by_hand() -> None:
    world = World("ospf-phase3").converge()
    counts = dict(line.split()[:2] for line in world.lines("HUB", "ip ospf neighbor summary") if line[:1].isupper())
    assert (counts["FULL"], counts["LOADING"]) == ("2", "0")
    assert "IETF NSF helper support enabled" in world.show("HUB", "ip ospf nsf")
    world.configure("SPOKE1", "router ospf 1", "timers throttle lsa 9000 9000 9000", "redistribute static subnets")
    world.configure("SPOKE1", "ip route 172.20.0.0 255.255.0.0 Null0")
    assert re.search(r"LSAID: 172.20.0.0 +Type: 5 +Adv Rtr: 10.0.0.11 Due in: 00:00:0\d", rate_limited(world))
    world.run_for(12)
    assert "LSAID" not in rate_limited(world)
    runs = executed(world)
    world.do("SPOKE1", "clear ip ospf 2 force-spf")
    world.run_for(1)
    assert executed(world) == runs
    world.do("SPOKE1", "clear ip ospf force-spf")
    world.run_for(1)
    assert executed(world) == runs + 1
    world.do("SPOKE1", "clear ip ospf redistribution")
    assert "LSAID: 172.20.0.0" in rate_limited(world)


def rate_limited(world: World) -> str:
    return world.show("SPOKE1", "ip ospf timers rate-limit")


def executed(world: World) -> int:
    found = re.search(r"SPF algorithm executed (\d+) times", world.show("SPOKE1", "ip ospf statistics"))
    assert found is not None
    return int(found[1])


def test_an_author_a_neighbor_and_a_process_can_be_chosen() -> None:
    world = network()
    own, spokes = router_id(world, "SPOKE1"), world.show("SPOKE1", "ip ospf database self-originate")
    rows = [line for line in spokes.splitlines() if line[:1].isdigit()]
    assert rows
    assert all(line.split()[1] == own for line in rows)
    assert f"Advertising Router: {own}" in world.show("SPOKE1", f"ip ospf 1 database router adv-router {own}")
    (row,) = [line for line in world.lines("SPOKE1", "ip ospf 1 neighbor") if "FULL" in line]
    assert f"Neighbor {row.split()[0]}," in world.show("SPOKE1", f"ip ospf neighbor {row.split()[0]}")
    assert world.show("SPOKE1", "ip ospf 2 neighbor") == ""


@pytest.mark.parametrize(
    "what", ["events", "adj", "hello", "packet", "spf", "spf statistic", "flood", "lsa-generation"]
)
def test_each_debug_can_be_switched_on(what: str) -> None:
    assert "debugging is on" in network().do("SPOKE2", f"debug ip ospf {what}")


def test_what_changes_in_the_database_and_what_that_leads_to_is_told_to_who_debugs_it() -> None:
    world = World("ospf-phase3").converge()
    world.do("SPOKE1", "debug ip ospf spf", "debug ip ospf flood", "debug ip ospf retransmission")
    world.do("SPOKE2", "debug ip ospf lsa-generation")
    world.configure("SPOKE2", "interface GigabitEthernet0/2", "shutdown")
    world.run_for(20)
    author = router_id(world, "SPOKE2")
    lines = world.console["SPOKE1"]
    assert any(f"FLOOD: Install type 1, LSID {author}, adv router {author}, seq 0x8" in line for line in lines)
    assert any(f"LSGEN: Build type 1, LSID {author}, seq 0x8" in line for line in world.console["SPOKE2"])
    assert not any("RXMT" in line for line in lines)
    assert any("SPF  : SPF is done," in line and line.endswith("because of R") for line in lines)


def test_one_interface_has_its_line_of_the_brief_table() -> None:
    lines = network().lines("SPOKE1", "ip ospf interface Tunnel0 brief")
    assert [line.split()[0] for line in lines] == ["Interface", "Tu0"]


def test_a_loopback_that_is_told_with_its_mask_is_shown_as_point_to_point() -> None:
    world = World("ospf-phase3").converge()
    loopback = ("interface Loopback7", "ip address 10.77.0.1 255.255.255.0", "ip ospf 1 area 0")
    world.configure("SPOKE1", *loopback)
    host = world.show("SPOKE1", "ip ospf interface Loopback7")
    assert "Network Type LOOPBACK, Cost: 1\n  Loopback interface is treated as a stub Host" in host
    world.configure("SPOKE1", "interface Loopback7", "ip ospf network point-to-point")
    whole = world.show("SPOKE1", "ip ospf interface Loopback7")
    assert "Network Type POINT_TO_POINT, Cost: 1\n  Transmit Delay is 1 sec, State POINT_TO_POINT" in whole
    assert " P2P " in world.show("SPOKE1", "ip ospf interface brief").partition("Lo7")[2].splitlines()[0]
