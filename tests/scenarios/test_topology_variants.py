"""Variants of the phase 3 cloud: summary or default only, two clouds over one source, several LANs, mixed spokes ..."""

from __future__ import annotations

import re

import pytest

from dmvpn.features.nhrp import packet as nhrp
from support.outages import hops, outages, peers
from support.world import World

UNDERLAY = "GigabitEthernet0/1"
HUB_LAN, LAN3, LAN4, LAN5 = "10.1.1.100", "10.3.3.100", "10.4.4.100", "10.5.5.100"


def route(world: World, router: str, prefix: str) -> str:
    """The line of the routing table about a prefix, without its age; "" if there is none."""
    found = [line for line in world.lines(router, "ip route") if re.match(rf"[A-Z].* {prefix} ", line)]
    return re.sub(r", \d\d:\d\d:\d\d", "", found[0]) if found else ""


def attributes(world: World, router: str, network: str) -> str:
    """Attributes of an entry in `show dmvpn detail`: `DT1`."""
    rows = [line.split() for line in world.lines(router, "dmvpn detail")]
    found = [row[-2] for row in rows if row and row[-1] == network]
    assert found, f"{router} has no entry {network}"
    return found[0]


def all_answered(world: World, host: str, destination: str, *, seconds: float = 3.0) -> bool:
    """A host pings another ten times a second: was every request answered?"""
    before = len(world.replies(host))
    sent = world.stream(host, destination, seconds=seconds, rate=10)
    world.run_for(0.5)
    return len(world.replies(host)) - before == sent


# ------------------------------------------------------------------------------------------- summary or default only


@pytest.mark.parametrize("name", ["phase3-summary", "phase3-default"])
def test_no_packet_is_lost_while_a_shortcut_is_made_out_of_less(name: str) -> None:
    assert all_answered(World(name).converge(), "H3", LAN4)


# ------------------------------------------------------------------------------------------- two clouds, one source


@pytest.fixture
def two() -> World:
    return World("two-tunnels").converge()


def test_two_tunnels_over_one_source_are_told_apart_by_their_keys(two: World) -> None:
    wire = two.watch("R31", UNDERLAY)
    two.run_for(3000)
    keys = {str(packet.destination_protocol): found.header.key for found, packet in wire.nhrp(nhrp.RegistrationRequest)}
    assert keys == {"192.168.100.11": 100, "192.168.200.11": 200}
    hub = two.show("R11", "dmvpn")
    assert hub.count("172.16.31.1") == 2
    assert [line for line in two.messages("R11") if "NBRCHANGE" in line and "down" in line] == []


def test_clouds_with_network_ids_of_their_own_meet_at_the_hub_and_are_not_redirected(two: World) -> None:
    """R31 has lost the first cloud, R41 prefers it: what goes between the two enters and leaves different networks."""
    two.configure("R31", "interface Tunnel100", "shutdown")
    two.run_for(20)
    wire = two.watch("R11", UNDERLAY)
    assert all_answered(two, "H3", LAN4)
    assert hops(two, "R31", "10.4.4.1", "10.3.3.1") == ["192.168.200.11", "192.168.100.41"]
    assert wire.nhrp(nhrp.TrafficIndication) == []


def test_the_same_key_on_both_tunnels_is_refused_with_the_reason() -> None:
    world = World("two-tunnels", change=lambda _, text: text.replace("tunnel key 200", "tunnel key 100"))
    world.run_for(30)
    assert world.sim.missing(world.scenario)
    assert "Tunnel200 is up, line protocol is down" in world.show("R31", "interfaces Tunnel200")


# ------------------------------------------------------------------------------------------- several LANs, hub's LAN


def test_each_lan_of_a_spoke_gets_a_shortcut_with_its_own_prefix_length() -> None:
    world = World("several-lans").converge()
    for destination in ("10.3.3.100", "10.3.4.100", "10.3.150.100"):
        assert all_answered(world, "H4", destination)
    found = {network: attributes(world, "R41", network) for network in ("10.3.3.0/24", "10.3.4.0/24", "10.3.128.0/18")}
    assert set(found.values()) == {"DT2"}
    assert hops(world, "R41", "10.3.150.100", "10.4.4.1")[0] == "192.168.100.31"


def test_traffic_to_and_from_the_hubs_own_lan_is_never_redirected() -> None:
    world = World("several-lans").converge()
    wire = world.watch("R11", UNDERLAY)
    assert all_answered(world, "H1", LAN3)
    assert all_answered(world, "H3", HUB_LAN)
    assert all_answered(world, "H34", HUB_LAN)
    world.run_for(10)
    assert wire.nhrp(nhrp.TrafficIndication) == []
    assert wire.nhrp(nhrp.ResolutionRequest) == []


def test_two_lans_of_one_spoke_meet_in_the_spoke() -> None:
    world = World("several-lans").converge()
    wire = world.watch("R31", UNDERLAY)
    assert all_answered(world, "H3", "10.3.4.100", seconds=1)
    assert wire.pings() == []


# ------------------------------------------------------------------------------------------- migration

#: What the engineer types on R41 to move it into the new cloud.
NEW_TUNNEL = (
    "interface Tunnel200",
    "bandwidth 4000",
    "ip address 192.168.200.41 255.255.255.0",
    "ip mtu 1400",
    "ip nhrp network-id 200",
    "ip nhrp nhs 192.168.200.11 nbma 172.16.11.1 multicast",
    "ip nhrp shortcut",
    "ip tcp adjust-mss 1360",
    "tunnel source GigabitEthernet0/1",
    "tunnel mode gre multipoint",
    "tunnel key 200",
)
EIGRP = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100")


def test_a_spoke_moves_from_phase_1_to_phase_3_without_losing_a_packet() -> None:
    world = World("migration").converge()
    world.configure("R41", *NEW_TUNNEL)
    world.configure("R41", *EIGRP, "network 192.168.200.0")
    assert all_answered(world, "H3", LAN4)
    assert world.do("R41", "show ip eigrp neighbors").count("192.168.200.11") == 1
    world.configure("R41", *EIGRP, "af-interface Tunnel100", "passive-interface")
    assert all_answered(world, "H3", LAN4, seconds=10)
    world.configure("R41", "no interface Tunnel100")
    assert all_answered(world, "H3", LAN4)
    assert hops(world, "R31", "10.4.4.1", "10.3.3.1") == ["192.168.200.41"]
    assert "\ninterface Tunnel100\n" not in world.show("R41", "running-config")


# ------------------------------------------------------------------------------------------- network-ids


# Scenario phase2-eigrp: EIGRP tells the spokes each other as next hops, NHRP finds out where these are.

HUB, SPOKE1, SPOKE2 = "10.255.0.1", "10.255.0.11", "10.255.0.12"
NBMA = {HUB: "203.0.113.1", SPOKE1: "198.51.100.1", SPOKE2: "198.51.100.5"}
THERE = ("H1", "10.1.2.100")
#: EIGRP's hold time, and a second for what follows it.
HOLD = 15.0 + 1.0
#: A direct path that dies is left within so many seconds.
DEAD_PATH = 3.0


#: The spokes are registered, and everybody has every LAN. No traffic yet.
NETWORK = "phase2-eigrp"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_first_packets_go_by_the_hub_and_none_is_lost(seed: int) -> None:
    world = World("phase2-eigrp", seed=seed).converge()
    tap = world.watch("SPOKE1", UNDERLAY)
    assert outages(world, THERE, seconds=3, rate=100) == []
    sent = [found.outer.destination for found, inner in tap.pings() if str(inner.source) == "10.1.1.100"]
    assert [str(sent[0]), str(sent[-1])] == [NBMA[HUB], NBMA[SPOKE2]]
    by_hub = sum(str(destination) == NBMA[HUB] for destination in sent)
    assert [str(destination) for destination in sent[:by_hub]] == [NBMA[HUB]] * by_hub, "it never goes back"


def test_the_spoke_asks_for_the_next_hop_not_for_the_host(world: World) -> None:
    tap = world.watch("SPOKE1", UNDERLAY)
    world.do("SPOKE1", "ping 10.1.2.100 source 10.1.1.1")
    requests = [(found.way, str(packet.destination_protocol)) for found, packet in tap.nhrp(nhrp.ResolutionRequest)]
    assert ((NBMA[SPOKE1], NBMA[HUB]), SPOKE2) in requests
    assert {destination for _, destination in requests} <= {SPOKE1, SPOKE2}
    assert tap.nhrp(nhrp.TrafficIndication) == []


def test_show_dmvpn_has_the_other_spoke_and_no_route_is_overridden(world: World) -> None:
    world.do("SPOKE1", "ping 10.1.2.1 source 10.1.1.1")
    world.run_for(2)
    hub = f"{NBMA[HUB]} {HUB} UP S {HUB}/32"
    assert hub in peers(world, "SPOKE1")
    assert f"{NBMA[SPOKE2]} {SPOKE2} UP D {SPOKE2}/32" in peers(world, "SPOKE1")
    assert f"{NBMA[SPOKE1]} {SPOKE1} UP D {SPOKE1}/32" in peers(world, "SPOKE2")
    assert not [line for line in world.lines("SPOKE1", "ip route") if line.startswith(("H ", "D   %"))][1:]
    assert peers(world, "HUB") == [f"{NBMA[each]} {each} UP D {each}/32" for each in (SPOKE1, SPOKE2)]


def test_traffic_to_the_hubs_lan_asks_for_nothing(world: World) -> None:
    tap = world.watch("SPOKE1", UNDERLAY)
    assert outages(world, ("H1", "10.1.0.100"), seconds=2) == []
    assert tap.nhrp(nhrp.ResolutionRequest) == []
    assert peers(world, "SPOKE1") == [f"{NBMA[HUB]} {HUB} UP S {HUB}/32"]


def test_clearing_the_cache_under_traffic_loses_nothing_and_the_way_is_found_again(world: World) -> None:
    clear = ((2.0, lambda: world.do("SPOKE1", "clear ip nhrp")), (4.0, lambda: world.do("SPOKE2", "clear ip nhrp")))
    assert outages(world, THERE, seconds=6, rate=50, events=clear) == []
    assert hops(world, "SPOKE1", "10.1.2.1", "10.1.1.1") == [SPOKE2]


def test_a_mapping_in_use_outlives_its_holding_time_without_a_gap(world: World) -> None:
    """Six hundred seconds in this scenario; it is asked for again before they are over."""
    assert outages(world, THERE, seconds=700, rate=1) == []
    assert hops(world, "SPOKE1", "10.1.2.1", "10.1.1.1") == [SPOKE2]


def test_what_a_dead_hub_takes_away_comes_back_with_it(world: World) -> None:
    """In phase 2 the routes are the hub's word: without it they go when its hold time is over."""
    outages(world, THERE, seconds=2)
    (gap,) = outages(world, THERE, seconds=40, events=((2.0, lambda: world.sim.kill("HUB")),))
    assert gap.start >= 2.0 + HOLD - 6.0, "until the hold time is over the spokes talk on"
    world.sim.boot("HUB", world.scenario.configurations["HUB"])
    assert world.wait_until(lambda: not world.lacks(), 70.4 + HOLD)
    assert outages(world, THERE, seconds=2) == []


def test_a_spoke_that_dies_and_returns_is_reached_again(world: World) -> None:
    outages(world, THERE, seconds=2)
    back = world.scenario.configurations["SPOKE2"]
    events = ((2.0, lambda: world.sim.kill("SPOKE2")), (30.0, lambda: world.sim.boot("SPOKE2", back)))
    (gap,) = outages(world, THERE, seconds=60, events=events)
    assert gap.start == 2.0
    assert gap.start + gap.seconds <= 30.0 + DEAD_PATH
    assert hops(world, "SPOKE1", "10.1.2.1", "10.1.1.1") == [SPOKE2]
