"""OSPF beyond one area of few routers, judged by what others know."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.ospf import spf
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.net import gre
from dmvpn.net.ipv4 import Ipv4Packet
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.multiply import multiply
from support.ospf_areas import AreaNet
from support.ospf_net import OspfNet
from support.outages import outages, route
from support.routing import p
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

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
    world.run_for(2)  # what arrives within MinLSArrival (1 s) after another instance is not received: RFC 2328 §13 (5a)
    assert " ip ospf 1 area 0" in world.show("SPOKE1", "running-config")
    world.configure("SPOKE1", "no router ospf 1")
    world.run_for(1)
    assert " ip ospf 1 area 0" not in world.show("SPOKE1", "running-config")
    assert not [line for line in world.lines("SPOKE1", "ip route") if line.startswith("O")]
    world.run_for(5)
    assert route(world, "SPOKE2", "10.1.1.0/24") == ""


# Forwarding addresses: whoever brings in a route with a next hop on a common network lets the others go there.

#: A station on the LAN that speaks no OSPF, and a network behind it.
THIRD, BEHIND = "10.200.0.9", "172.20.0.0/16"


@pytest.fixture
def net() -> OspfNet:
    """Router 1 brings the network in; router 3 hears of it by a wire to router 2, which is on the LAN with router 1."""
    net = OspfNet(3, [(2, 3)], lan=True)
    net.set_lan(3, up=False)
    net.enter(1, f"ip route 172.20.0.0 255.255.0.0 {THIRD}\nrouter ospf 1\n redistribute static subnets\n")
    net.run_for(20)
    return net


def hops(net: OspfNet, number: int) -> list[str]:
    route = net.routers[number].ports.rib.exact(p(BEHIND))
    return [str(hop.address) for hop in route.next_hops] if route is not None else []


def forwarding(net: OspfNet) -> str:
    """The forwarding address, as router 3 hears it."""
    shown = net.routers[3].show("show ip ospf database external 172.20.0.0")
    return next(line.split()[-1] for line in shown if "Forward Address" in line)


@pytest.mark.conforms("ospf:16.4-external")
def test_a_router_on_the_same_lan_sends_to_the_next_hop_itself_and_one_further_away_on_the_way_there(
    net: OspfNet,
) -> None:
    assert (hops(net, 2), hops(net, 3), forwarding(net)) == ([THIRD], ["10.2.3.1"], THIRD)


def test_a_lan_that_comes_up_again_is_led_to_again(net: OspfNet) -> None:
    net.set_lan(1, up=False)
    net.run_for(20)
    assert hops(net, 2) == []
    net.set_lan(1, up=True)
    net.run_for(20)
    assert (hops(net, 2), forwarding(net)) == ([THIRD], THIRD)


@pytest.mark.parametrize(
    "line",
    [
        "interface Ethernet0/0\n ip ospf prefix-suppression\n",
        "interface Ethernet0/0\n ip ospf network point-to-multipoint\n",
        "router ospf 1\n passive-interface Ethernet0/0\n",
    ],
)
def test_a_network_that_others_do_not_share_or_know_leads_by_the_router_that_brings_it_in(
    net: OspfNet, line: str
) -> None:
    net.set_wire((2, 3), up=False)
    for number in (1, 2) if "multipoint" in line else (1,):
        net.enter(number, line)
    net.run_for(20)
    told = net.routers[1].show("show ip ospf database external 172.20.0.0")
    assert any(shown.split()[-2:] == ["Address:", "0.0.0.0"] for shown in told)


def test_a_router_does_not_send_to_itself_what_another_one_brings_in_by_way_of_it(net: OspfNet) -> None:
    net.enter(1, f"no ip route 172.20.0.0 255.255.0.0 {THIRD}\nip route 172.20.0.0 255.255.0.0 10.200.0.2\n")
    net.run_for(20)
    assert (hops(net, 2), hops(net, 3), forwarding(net)) == ([], ["10.2.3.1"], "10.200.0.2")


# A neighbor starts again so quickly that our own advertisement stays as it was: the routes come back all the same.


@pytest.mark.parametrize("milliseconds", range(0, 60, 5))
def test_routes_return_if_a_calculation_runs_while_a_neighbor_that_started_again_is_not_full(milliseconds: int) -> None:
    net = OspfNet(3, [(1, 2), (2, 3)], lan=False)
    net.run_for(20)
    net.set_cost(3, 2, 5)  # requests a calculation at routers 1 and 2, which runs 50 ms later
    net.run_for(milliseconds / 1000)
    net.start(2)
    net.run_for(20)
    assert {number: net.found(number) for number in net.routers} == {n: net.shortest(n) for n in net.routers}


# Virtual links in awkward moments: events between the slices of a calculation, and lines that are corrected.

#: Routers 1 and 2 have a part of the backbone each, which the link through area 1 joins.
WIRES = {(1, 2): 1, (1, 3): 1, (2, 3): 1, (1, 4): 0, (2, 5): 0}


def calculates(net: AreaNet, number: int) -> bool:
    machine = net.routers[number].machines["ospf"]
    assert isinstance(machine, OspfMachine)
    return machine.processes[1].calculation.is_busy


def ups(net: AreaNet, number: int) -> int:
    """How many virtual links of a router are up."""
    return sum(
        "Virtual Link" in line and "is up" in line for line in net.routers[number].show("show ip ospf virtual-links")
    )


@pytest.mark.conforms("ospf:15-virtual-links")
@pytest.mark.parametrize("slice_", range(1, 12))
def test_an_interface_that_goes_between_two_slices_takes_no_calculation_along(
    monkeypatch: pytest.MonkeyPatch, slice_: int
) -> None:
    net = AreaNet(5, WIRES, [(1, 1, 2)])
    net.run_for(20)
    assert 5 in net.found(1)
    monkeypatch.setattr(spf, "SLICE", 1)
    net.set_cost(1, 3, 20)
    while not calculates(net, 1):
        net.run_for(0.0005)
    net.run_for(0.001 * slice_)
    net.set_wire((1, 2), up=False)
    net.run_for(20)
    assert net.found(1)[5][0] == net.expected(1)[5]


def test_a_link_whose_key_chain_is_corrected_comes_up() -> None:
    def chain(word: str) -> str:
        return f"key chain K\n key 1\n  key-string {word}\n  cryptographic-algorithm hmac-sha-256\n"

    net = AreaNet(5, WIRES, [(1, 1, 2)])
    for number, other, word in ((1, 2, "right"), (2, 1, "wrong")):
        lines = f"router ospf 1\n area 1 virtual-link 10.0.0.{other} authentication key-chain K\n"
        net.enter(number, chain(word) + lines)
    net.run_for(30)
    assert 5 not in net.found(1)
    net.enter(2, chain("right"))
    net.run_for(30)
    assert net.found(1)[5][0] == net.expected(1)[5]


@pytest.mark.conforms("ospf:15-virtual-links")
def test_a_link_goes_with_the_last_interface_of_the_area_that_it_leads_through() -> None:
    net = AreaNet(3, {(1, 2): 1, (1, 3): 1, (2, 3): 0}, [(1, 2, 3), (1, 1, 3)])
    net.run_for(20)
    assert ups(net, 3) == 2
    net.set_wire((1, 3), up=False)
    net.run_for(20)
    assert ups(net, 3) == 0
    assert net.found(2)[3][0] == net.expected(2)[3]
    net.set_wire((1, 3), up=True)
    net.run_for(20)
    assert ups(net, 3) == 2


@pytest.mark.conforms("ospf:12.4.3-summaries")
def test_a_border_router_whose_only_interface_in_an_area_flaps_tells_the_area_everything_again() -> None:
    net = AreaNet(3, {(1, 2): 1, (1, 3): 0}, [])
    net.run_for(20)
    before = net.found(2)
    assert 3 in before
    for is_up in (False, True):
        net.set_wire((1, 2), up=is_up)
    net.run_for(20)
    assert net.found(2) == before


# OSPF in clouds of many spokes: what a hub says of itself is larger than any packet of the tunnel.

SPOKES = 150


def hub_length(world: World, router: str) -> int:
    """Octets of the hub's router LSA in a router's database."""
    text = world.show(router, "ip ospf database router 10.0.0.1")
    return int(re.findall(r"Length: (\d+)", text)[0])


@pytest.mark.conforms("ospf:12.4.1-size")
@pytest.mark.slow
def test_the_hub_of_150_spokes_tells_in_fragments_what_no_packet_holds_and_all_know_the_same() -> None:
    (scenario,) = multiply([Scenario.load("ospf-phase3")], SPOKES)
    world = World(scenario)
    wire = world.watch("HUB", "GigabitEthernet0/1")
    assert world.wait_until(lambda: world.show("HUB", "ip ospf neighbor").count("FULL/") == SPOKES, 120, 1.0)
    world.run_for(20)
    spokes = [name for name in scenario.configurations if name.startswith("SPOKE")]
    for name in (spokes[0], spokes[-1]):
        assert hub_length(world, name) > 12 * SPOKES
        prefixes = [line.split()[1] for line in world.lines(name, "ip route ospf") if line.startswith("O ")]
        assert len([prefix for prefix in prefixes if prefix.startswith("10.255.0.")]) == SPOKES
    inner = [Ipv4Packet.parse(found.payload) for found in wire.tunnelled(gre.ProtocolType.IPV4)]
    pieces = [packet for packet in inner if packet.protocol == 89 and packet.fragment_offset]
    assert pieces
    assert max(len(packet.serialize()) for packet in inner) <= 1400
    again = re.findall(r"number of retransmission (\d+)", world.show("HUB", "ip ospf neighbor detail"))
    assert max(map(int, again)) <= 2, "no piece is lost on the way"
    before = hub_length(world, spokes[0])
    world.sim.kill(spokes[-1])
    world.run_for(60)
    assert hub_length(world, spokes[0]) == before - 12, "one link less"


# What `show ip ospf ...` says of calculations, packets, routes and of one process, neighbor or author.


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


def test_the_most_specific_network_line_says_the_area_of_an_interface() -> None:
    """The first one did: a course that begins with `network 10.0.0.3 255.255.255.255 area 0` had no neighbors."""
    world = World("ospf-phase3")
    world.configure("SPOKE1", "interface Loopback7", "ip address 10.77.0.1 255.255.255.0")
    lines = [
        f"network {network} area {area}"
        for network, area in (("0.0.0.0 255.255.255.255", 8), ("10.77.0.0 0.0.0.255", 7))
    ]
    world.configure("SPOKE1", "router ospf 77", *lines)
    world.run_for(1.0)
    assert world.show("SPOKE1", "ip ospf 77 interface brief").partition("Lo7")[2].split()[:2] == ["77", "7"]


_AREAS = "hostname {0}\ninterface Loopback0\n ip address 10.9.9.{1} 255.255.255.255\n ip ospf 1 area {2}\n"
_WIRE = (
    "interface GigabitEthernet0/{0}\n ip address 192.0.2.{1} 255.255.255.252\n no shutdown\n"
    " ip ospf network point-to-point\n ip ospf 1 area {2}\n"
)


@pytest.mark.conforms("ospf:16.2-alone")
def test_a_border_router_without_neighbors_in_the_backbone_uses_what_it_learns_elsewhere(tmp_path: Path) -> None:
    """Of two edge routers each had a loopback in area 0, and their site in area 10: neither knew the other's loopback.

    What was learned so is told to no further area.
    """
    texts = {
        "A": _AREAS.format("A", 1, 0) + _WIRE.format(1, 1, 10) + _WIRE.format(2, 9, 20),
        "B": _AREAS.format("B", 2, 10) + _WIRE.format(1, 2, 10) + _WIRE.format(2, 5, 10),
        "C": _AREAS.format("C", 3, 0) + _WIRE.format(1, 6, 10),
        "D": _AREAS.format("D", 4, 20) + _WIRE.format(1, 10, 20),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.cfg").write_text(text + "router ospf 1\nend\n")
    scenario = Scenario.load(str(tmp_path))
    world = Simulator.of(scenario)
    world.run_until(30.0)
    routers = {name: router for name, router in world.facts(scenario).routers.items() if router is not None}
    known = {name: {str(route.prefix) for route in router.routes} for name, router in routers.items()}
    assert "10.9.9.3/32" in known["A"]
    assert "10.9.9.1/32" in known["C"]
    assert "10.9.9.1/32" in known["D"]
    assert "10.9.9.3/32" not in known["D"]
