"""BFD on the tunnel: a neighbor that dies is missed at once, whatever routing protocol has it, and nobody else is."""

from __future__ import annotations

import re
from typing import Final

import pytest

from support.outages import outages
from support.phases_page import FORMING, Case, configured
from support.world import World

FAST: Final = " bfd interval 50 min_rx 50 multiplier 3\n"
#: Seconds that three packets of 50 ms may be missing, and a little for the way.
DETECTION: Final = 0.18
#: Of each scenario: its hub, a spoke, the hub's interface toward the provider, and the line that asks for BFD.
EIGRP: Final = ("notes-phase3", "R11", "R31", "192.168.100.31", "192.168.100.11")
OSPF: Final = ("ospf-phase3", "HUB", "SPOKE1", "10.255.0.11", "10.255.0.1")


def watched(_router: str, text: str) -> str:
    """A scenario in which EIGRP and OSPF have their neighbors watched."""
    text = re.sub(r"(?m)^ ip nhrp network-id", FAST + " ip nhrp network-id", text)
    text = text.replace(
        "autonomous-system 100\n  !\n",
        "autonomous-system 100\n  !\n  af-interface default\n   bfd\n  exit-af-interface\n  !\n",
    )
    return re.sub(r"(?m)^(router ospf \d+)$", r"\1\n bfd all-interfaces", text)


def sessions(world: World, router: str) -> dict[str, str]:
    """State by neighbor."""
    rows = [line.split() for line in world.lines(router, "bfd neighbors") if re.match(r"\d", line)]
    return {row[0]: row[3] for row in rows}


def block(world: World, router: str) -> str:
    return world.show(router, "bfd neighbors details")


def downs(world: World, router: str) -> list[str]:
    return [line for line in world.messages(router) if "BFD_SESS_DOWN" in line]


@pytest.mark.parametrize(
    ("process", "port", "neighbor", "said"),
    [
        (
            "ipv6 router ospf 1\n router-id 0.0.0.{n}",
            " ipv6 ospf 1 area 0\n ipv6 ospf bfd",
            "FE80::31",
            "BFD node down",
        ),
        (
            "ipv6 router eigrp 1\n eigrp router-id 0.0.0.{n}\n bfd all-interfaces",
            " ipv6 eigrp 1",
            "FE80::31",
            "BFD peer",
        ),
        (
            "router bgp 1\n bgp router-id 0.0.0.{n}\n neighbor 2001:DB8:100::{m} remote-as 1\n"
            " neighbor 2001:DB8:100::{m} fall-over bfd\n address-family ipv6\n  neighbor 2001:DB8:100::{m} activate",
            "",
            "2001:DB8:100::31",
            "BFD adjacency down",
        ),
    ],
    ids=["ospf", "eigrp", "bgp"],
)
def test_a_neighbor_of_ipv6_that_dies_is_noticed_within_three_packets(
    process: str, port: str, neighbor: str, said: str
) -> None:
    def change(name: str, text: str) -> str:
        if name not in ("R11", "R31"):
            return text
        lines = process.format(n=name[1:], m="31" if name == "R11" else "11")
        kept = text.replace("interface Tunnel100\n", f"interface Tunnel100\n{FAST}{port}\n").replace("\nend", "")
        return f"{kept}\n{lines}\nend\n"

    world = World("dual-stack", change=change)
    world.run_for(45)
    assert re.search(rf"IPv6 Sessions\nNeighAddr.*\n{neighbor} .* Up +Tu100", world.show("R11", "bfd neighbors"))
    before = len(world.messages("R11"))
    world.cut("R31", "GigabitEthernet0/1")
    world.run_for(DETECTION)
    assert any(said in line for line in world.messages("R11")[before:])


def running(scenario: tuple[str, ...]) -> World:
    world = World(scenario[0], change=watched).converge()
    world.run_for(10)
    return world


@pytest.mark.parametrize("scenario", [EIGRP, OSPF], ids=["eigrp", "ospf"])
def test_a_neighbor_of_a_protocol_with_bfd_is_watched(scenario: tuple[str, ...]) -> None:
    _, hub, spoke, at_spoke, at_hub = scenario
    world = running(scenario)
    assert sessions(world, spoke) == {at_hub: "Up"}
    assert sessions(world, hub)[at_spoke] == "Up"
    text = block(world, spoke)
    assert f"Registered protocols: {'EIGRP' if scenario is EIGRP else 'OSPF'}" in text
    assert "MinTxInt: 50000, MinRxInt: 50000, Multiplier: 3" in text
    assert "Min tx interval: 50000" in text, "the far end has left its slow second behind"
    assert "BFD_SESS_UP" in "".join(world.messages(spoke))


@pytest.mark.parametrize("scenario", [EIGRP, OSPF], ids=["eigrp", "ospf"])
def test_a_dead_hub_is_missed_after_three_packets_and_its_routes_are_gone(scenario: tuple[str, ...]) -> None:
    _, hub, spoke, _, at_hub = scenario
    world = running(scenario)
    world.cut(hub, "GigabitEthernet0/1")
    cut = world.now
    protocol = "eigrp neighbors" if scenario is EIGRP else "ospf neighbor"
    assert world.wait_until(lambda: at_hub not in world.show(spoke, f"ip {protocol}"), 5, 0.005)
    assert world.now - cut <= DETECTION
    assert len(downs(world, spoke)) == 1
    assert "Reason: DETECT TIMER EXPIRED" in downs(world, spoke)[0]
    why = "BFD peer down notified" if scenario is EIGRP else "Neighbor Down: BFD node down"
    assert why in "".join(world.messages(spoke))
    assert world.wait_until(lambda: f"via {at_hub}" not in world.show(spoke, "ip route"), 0.5, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_nobody_is_missed_who_is_there_for_ten_minutes(seed: int) -> None:
    world = World("notes-phase3", seed=seed, change=watched).converge()
    world.run_for(600)
    assert [line for router in ("R11", "R31", "R41") for line in downs(world, router)] == []
    assert sessions(world, "R11") == {"192.168.100.31": "Up", "192.168.100.41": "Up"}


def test_whoever_takes_bfd_away_loses_no_neighbor() -> None:
    world = running(EIGRP)
    lines = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100", "af-interface default")
    world.configure("R11", *lines, "no bfd")
    world.run_for(30)
    assert sessions(world, "R11") == {}
    assert "BFD peer down" not in "".join(world.messages("R31"))
    assert "Session Hosts do not hear each other: the far end does not want a session" in block(world, "R31")
    world.configure("R11", *lines, "bfd")
    world.run_for(10)
    assert sessions(world, "R31") == {"192.168.100.11": "Up"}
    assert len([line for line in world.messages("R31") if "is down" in line]) == 0


def test_an_interface_without_its_interval_keeps_the_neighbor_and_says_why_nothing_is_watched() -> None:
    world = running(EIGRP)
    world.configure("R31", "interface Tunnel100", "no bfd interval")
    world.run_for(30)
    assert "Session Hosts do not hear each other: the interface has no bfd interval" in block(world, "R31")
    assert "192.168.100.11" in world.show("R31", "ip eigrp neighbors")
    assert "BFD peer down" not in "".join([*world.messages("R11"), *world.messages("R31")])


def test_other_intervals_are_agreed_upon_while_the_session_is_up() -> None:
    world = running(EIGRP)
    world.configure("R31", "interface Tunnel100", "bfd interval 300 min_rx 200 multiplier 4")
    world.run_for(5)
    assert downs(world, "R31") == downs(world, "R11") == []
    assert "Received MinRxInt: 200000, Received Multiplier: 4" in block(world, "R11")
    assert "Poll bit: 0" in block(world, "R31"), "the poll was answered"
    world.cut("R11", "GigabitEthernet0/1")
    cut = world.now
    assert world.wait_until(lambda: "192.168.100.31" not in sessions(world, "R11"), 5, 0.01)
    assert 0.8 < world.now - cut <= 1.25, "four times 300 ms"


def bgp_watched(_router: str, text: str) -> str:
    """Every neighbor, or group of neighbors, of BGP is watched."""
    text = re.sub(r"(?m)^ ip nhrp network-id", FAST + " ip nhrp network-id", text)
    return re.sub(r"(?m)^( neighbor \S+) remote-as .*$", r"\g<0>\n\1 fall-over bfd", text)


def test_bgp_loses_a_peer_that_bfd_misses_and_has_it_again() -> None:
    world = World("bgp-phase3", change=bgp_watched).converge()
    world.run_for(10)
    assert sessions(world, "SPOKE1") == {"10.255.0.1": "Up"}
    assert "Registered protocols: BGP" in block(world, "HUB")
    world.cut("HUB", "GigabitEthernet0/1")
    cut = world.now
    assert world.wait_until(lambda: "BFD adjacency down" in "".join(world.messages("SPOKE1")), 5, 0.005)
    assert world.now - cut <= DETECTION
    world.run_for(20)
    assert sessions(world, "SPOKE1") == {}
    world.cut("HUB", "GigabitEthernet0/1", cut=False)
    assert world.wait_until(lambda: sessions(world, "SPOKE1") == {"10.255.0.1": "Up"}, 300, 1)


@pytest.mark.parametrize("phase", [2, 3])
def test_rip_takes_the_second_hub_within_a_second(phase: int) -> None:
    """The outage was as long as the core's wait for the second hub's next update, or for its own holddown."""
    case = Case("RIP", phase, summary=phase == 3, hubs=2)
    world = World("dual-hub", change=lambda router, text: configured(case, router, text))
    world.run_for(FORMING)
    slow = "bfd interval 250 min_rx 250 multiplier 3"
    for router in ("HUB1", "HUB2", "SPOKE1", "SPOKE2"):
        world.configure(router, "interface Tunnel0", slow, "router rip", "bfd all-interfaces")
    hubs = {"10.255.0.1": "Up", "10.255.0.2": "Up"}
    assert world.wait_until(lambda: sessions(world, "SPOKE1") == hubs, 60), "watched from its next update on"

    def die() -> None:
        world.sim.kill("HUB1")
        world.configure("CORE", "interface GigabitEthernet0/1", "shutdown")

    gaps = outages(world, ("H1", "10.1.10.100"), seconds=20, events=((1.0, die),))
    assert [gap.start for gap in gaps] == [1.0]
    assert gaps[0].seconds < 1.0


def test_sessions_are_counted_by_protocol_and_packets_from_nothing_again_when_somebody_clears_them() -> None:
    world = running(EIGRP)
    rows = [line.split() for line in world.lines("R11", "bfd summary client") if line]
    assert rows[1:3] == [["EIGRP", "2", "2", "0"], ["Total", "2", "2", "0"]]
    assert world.show("R11", "bfd summary session") == world.show("R11", "bfd summary")
    world.do("R11", "clear bfd counters")
    assert " Rx Count: 0," in f" {block(world, 'R11')}".replace("\n", " ")
    world.run_for(5)
    assert sessions(world, "R11") == {"192.168.100.31": "Up", "192.168.100.41": "Up"}
    assert " Rx Count: 0," not in f" {block(world, 'R11')}".replace("\n", " ")


# BFD whose packets prove who sent them: RFC 5880 §6.7, between a hub and a spoke.

KEYS = ("key chain BFD", "key 7", "key-string a-key-of-tests")
MODES = ("md5", "meticulous-md5", "sha-1", "meticulous-sha-1")


def lines(mode: str, *keys: str) -> tuple[str, ...]:
    template = ("bfd-template single-hop T", "interval min-tx 250 min-rx 250 multiplier 3")
    authentication = (f"authentication {mode} keychain BFD",) if mode else ()
    bfd = ("router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100", "af-interface Tunnel0", "bfd")
    return (*(keys or KEYS), *template, *authentication, "interface Tunnel0", "bfd template T", *bfd)


def pair(hub: tuple[str, ...], spoke: tuple[str, ...]) -> World:
    world = World("phase2-eigrp").converge()
    for router, typed in (("HUB", hub), ("SPOKE1", spoke)):
        answer = world.configure(router, *typed)
        assert "%" not in answer, answer
    world.run_for(10)
    return world


def state(world: World) -> str:
    (row,) = [line for line in world.lines("SPOKE1", "bfd neighbors") if line.startswith("10.255.0.1 ")]
    return row.split()[-2]


@pytest.mark.parametrize("mode", MODES)
def test_both_ends_with_one_key_hear_each_other(mode: str) -> None:
    world = pair(lines(mode), lines(mode))
    assert state(world) == "Up"
    assert f" authentication {mode} keychain BFD" in world.show("HUB", "running-config")
    world.run_for(60)
    assert state(world) == "Up"
    assert not [text for text in world.messages("SPOKE1") if "BFD_SESS_DOWN" in text]


def test_a_key_that_rolls_over_costs_no_session() -> None:
    world = pair(lines("meticulous-sha-1"), lines("meticulous-sha-1"))
    for router in ("HUB", "SPOKE1"):
        world.configure(router, "key chain BFD", "key 8", "key-string the-next-key-of-tests")
    for router in ("SPOKE1", "HUB"):
        world.configure(router, "key chain BFD", "key 7", "send-lifetime 00:00:00 Jan 1 2020 00:00:00 Jan 2 2020")
        world.run_for(5)
    assert state(world) == "Up"
    assert not [text for text in world.messages("SPOKE1") if "BFD_SESS_DOWN" in text]


# A spoke with two providers: a static route follows an echo, an interface or another route, and comes back with it.

ECHO = (
    "ip sla 1",
    "icmp-echo 10.255.0.1 source-interface Tunnel0",
    "frequency 5",
    "timeout 1000",
    "ip sla schedule 1 life forever start-time now",
)
ROUTES = (
    "ip route 172.30.0.0 255.255.0.0 10.255.0.1 track 1",
    "ip route 172.30.0.0 255.255.0.0 198.51.100.2 250",
)


def spoke(*lines: str) -> World:
    world = World("phase2-eigrp").converge()
    answer = world.configure("SPOKE1", *lines)
    assert "%" not in answer, answer
    world.run_for(12)
    return world


def route(world: World) -> str:
    return next((line for line in world.lines("SPOKE1", "ip route") if "172.30.0.0" in line), "")


def test_a_route_that_follows_itself_does_not_spin() -> None:
    world = spoke(
        "track 2 ip route 172.30.0.0 255.255.0.0 reachability", "track 1 list boolean and", "object 2 not", ROUTES[0]
    )
    world.run_for(20)
    changes = [text for text in world.messages("SPOKE1") if "%TRACK" in text]
    assert len(changes) < 100


def test_a_list_that_has_itself_as_not_changes_once_at_a_time() -> None:
    """Each look at anything wrote as many lines into the log as there are objects."""
    others = [line for number in range(2, 80) for line in (f"track {number} interface Tunnel0 line-protocol", "exit")]
    world = spoke(*others, "track 1 list boolean and", "object 1 not")
    before = sum("TRACK-6-STATE: 1 " in text for text in world.messages("SPOKE1"))
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "shutdown")
    world.run_for(2)
    assert sum("TRACK-6-STATE: 1 " in text for text in world.messages("SPOKE1")) - before < 5


def test_a_list_that_has_itself_as_not_does_not_turn_the_others_without_end() -> None:
    others = [line for number in range(2, 60) for line in (f"track {number} list boolean and", f"object {number - 1}")]
    world = spoke("track 1 list boolean or", "object 1 not", *others)
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "shutdown")
    told = [line for line in world.messages("SPOKE1") if "TRACK-6-STATE: 59 " in line]
    assert len(told) < 10


def test_a_name_for_an_operation_does_not_begin_it_again() -> None:
    world = spoke(*ECHO, "track 1 ip sla 1 reachability", *ROUTES)
    before = [text for text in world.messages("SPOKE1") if "%TRACK" in text]
    counted = world.show("SPOKE1", "ip sla statistics 1")
    world.configure("SPOKE1", "ip sla 1", ECHO[1], "tag WAN", "owner ME")
    assert "Tag: WAN" in world.show("SPOKE1", "ip sla configuration 1")
    assert world.show("SPOKE1", "ip sla statistics 1") == counted
    assert [text for text in world.messages("SPOKE1") if "%TRACK" in text] == before


def test_requests_may_not_leave_before_an_answer_counts_as_lost() -> None:
    world = spoke(*ECHO[:2])
    illegal = "%Illegal Value: Cannot set Frequency to be less than Timeout"
    assert illegal in world.configure("SPOKE1", "ip sla 1", ECHO[1], "frequency 4")
    assert "%" not in world.configure("SPOKE1", "ip sla 1", ECHO[1], "timeout 4000", "frequency 4").replace(
        "CNTL/Z", ""
    )
    said = world.configure("SPOKE1", "ip sla 1", ECHO[1], "timeout 4001")
    assert "%Illegal Value: Cannot set Timeout to be greater than Frequency" in said
    text = world.show("SPOKE1", "running-config | section ip sla")
    assert text.index("timeout 4000") < text.index("frequency 4")


def test_objects_are_shown_by_what_they_look_at() -> None:
    world = spoke(
        "track 1 interface Tunnel0 line-protocol",
        "track 2 ip route 0.0.0.0 0.0.0.0 reachability",
        "track 3 list boolean or",
        "track 4 ip sla 9 reachability",
    )
    for words, number in (("interface", 1), ("ip route", 2), ("list", 3), ("ip sla", 4)):
        text = world.show("SPOKE1", f"track {words}")
        assert [line.split()[1] for line in text.splitlines() if line.startswith("Track")] == [str(number)]
        assert world.lines("SPOKE1", f"track {words} brief")[1].split()[0] == str(number)


def test_a_list_with_thresholds_is_up_from_one_on_and_down_from_the_other_downwards() -> None:
    """The route was never there, and `show track` knew of no such list."""
    world = spoke(
        *[f"track {number} interface Loopback{number} line-protocol" for number in (1, 2, 3)],
        *("track 4 list threshold weight", "object 1 weight 15", "object 2 weight 20", "object 3 weight 30"),
        "threshold weight up 30 down 10",
        *("track 5 list threshold percentage", "object 1", "object 2", "object 3"),
        "threshold percentage down 34 up 60",
        "track 6 list threshold weight",
        *("object 1", "object 2"),
        "ip route 10.66.0.0 255.255.0.0 Null0 track 4",
    )

    def states(*up: int) -> list[bool]:
        for number in (1, 2, 3):
            world.configure("SPOKE1", f"{'' if number in up else 'no '}interface Loopback{number}")
        world.run_for(2)
        found = ["is Up (" in world.show("SPOKE1", f"track {number}") for number in (4, 5, 6)]
        assert ("10.66.0.0" in world.show("SPOKE1", "ip route")) is found[0]
        return found

    assert states() == [False, False, False]
    assert states(1) == [False, False, True]
    assert states(1, 2) == [True, True, True]
    text = world.show("SPOKE1", "track 4")
    assert "  List threshold weight\n  Threshold Weight is Up (35)" in text
    assert "    object 1 weight 15 Up\n" in text
    assert "  Threshold up 30, down 10" in text
    assert "  Threshold Percentage is Up (66%)" in world.show("SPOKE1", "track 5")
    assert "4     list                                   threshold        Up " in world.show("SPOKE1", "track brief")
    assert states(1) == [True, False, True]
    assert states() == [False, False, False]
    assert states(3) == [True, False, False]


def test_objects_and_operations_are_in_the_configuration_by_their_numbers() -> None:
    """Objects that look at interfaces came first, sorted by the interface."""
    world = spoke(
        "track 11 interface Loopback1 line-protocol",
        "track 2 interface Tunnel0 line-protocol",
        "track 1 ip sla 7 reachability",
        *("ip sla 7", "icmp-echo 10.255.0.1", "ip sla 2", "icmp-echo 10.255.0.1"),
    )
    lines = world.lines("SPOKE1", "running-config | include ^track|^ip sla [0-9]")
    assert [" ".join(line.split()[:3]) for line in lines] == [
        *("ip sla 2", "ip sla 7"),
        *("track 1 ip", "track 2 interface", "track 11 interface"),
    ]


@pytest.mark.parametrize(
    ("ip", "hops", "watched_prefix", "other_prefix"),
    [
        ("ip", ("192.168.100.31", "192.168.100.11"), "10.9.0.0 255.255.0.0", "10.8.0.0 255.255.0.0"),
        ("ipv6", ("2001:DB8:100::31", "2001:DB8:100::11"), "2001:DB8:9::/48", "2001:DB8:8::/48"),
    ],
)
def test_a_static_route_to_a_neighbor_that_bfd_watches_is_there_while_the_neighbor_answers(
    ip: str, hops: tuple[str, str], watched_prefix: str, other_prefix: str
) -> None:
    """Only a route with the interface and next hop of the line waits for BFD. Without the line it stays."""
    ends = dict(zip(("R11", "R31"), hops, strict=True))

    def change(name: str, text: str) -> str:
        if name not in ends:
            return text
        kept = text.replace("interface Tunnel100\n", f"interface Tunnel100\n{FAST}").replace("\nend", "")
        hop = f"Tunnel100 {ends[name]}"
        routes = f"{ip} route {watched_prefix} {hop}\n{ip} route {other_prefix} {ends[name]}"
        return f"{kept}\n{ip} route static bfd {hop}\n{routes}\nend\n"

    world = World("dual-stack", change=change)
    world.converge()

    def is_there(router: str, prefix: str) -> bool:
        return prefix.split()[0] in world.show(router, f"{ip} route static")

    assert world.wait_until(lambda: all(is_there(name, watched_prefix) for name in ends), 30)
    assert f"Registered protocols: {'IPv4' if ip == 'ip' else 'IPv6'} Static" in block(world, "R11")
    show = "ip static route bfd" if ip == "ip" else "ipv6 static bfd"
    sessions_shown = world.lines("R11", show)
    assert sessions_shown[0] == "Codes in []: R - Reachable, U - Unreachable"
    assert sessions_shown[2:] == [f"Tunnel100 {ends['R11']} [R]", f"  {watched_prefix.replace(' 255.255.0.0', '/16')}"]
    world.cut("R31", "GigabitEthernet0/1")
    world.run_for(DETECTION + 0.1)
    assert f"Tunnel100 {ends['R11']} [U]" in world.lines("R11", show)
    assert not is_there("R11", watched_prefix)
    assert is_there("R11", other_prefix)
    world.cut("R31", "GigabitEthernet0/1", cut=False)
    assert world.wait_until(lambda: all(is_there(name, watched_prefix) for name in ends), 30)
    world.configure("R11", f"no {ip} route static bfd Tunnel100 {ends['R11']}")
    assert world.wait_until(lambda: not sessions(world, "R11"), 10)
    assert is_there("R11", watched_prefix)
    assert is_there("R31", watched_prefix), "the neighbor said that it goes"


@pytest.mark.parametrize(
    ("ip", "hops", "prefix", "apart"),
    [
        ("ip", ("192.168.100.31", "192.168.100.11"), "10.9.0.0 255.255.0.0", "unassociate"),
        ("ipv6", ("2001:DB8:100::31", "2001:DB8:100::11"), "2001:DB8:9::/48", "unassociated"),
    ],
)
def test_an_unassociated_session_is_there_for_the_neighbors_routes_and_no_route_here_waits_for_it(
    ip: str, hops: tuple[str, str], prefix: str, apart: str
) -> None:
    ends = dict(zip(("R11", "R31"), hops, strict=True))

    def change(name: str, text: str) -> str:
        return text.replace("interface Tunnel100\n", f"interface Tunnel100\n{FAST}") if name in ends else text

    world = World("dual-stack", change=change)
    world.converge()

    def is_there(router: str) -> bool:
        return prefix.split()[0] in world.show(router, f"{ip} route static")

    session = f"{ip} route static bfd Tunnel100 {{}}"
    world.configure("R11", f"{session.format(ends['R11'])} {apart}")
    world.configure("R31", session.format(ends["R31"]), f"{ip} route {prefix} Tunnel100 {ends['R31']}")
    assert world.wait_until(lambda: is_there("R31"), 30), "although R11 has no route of its own"
    assert f"\n{session.format(ends['R11'])} {apart}\n" in world.show("R11", "running-config")
    world.configure("R11", f"{ip} route {prefix} Tunnel100 {ends['R11']}")
    world.cut("R31", "GigabitEthernet0/1")
    world.run_for(DETECTION + 0.1)
    assert (is_there("R11"), is_there("R31")) == (True, False)
    world.configure("R11", session.format(ends["R11"]))
    assert not is_there("R11"), "now it counts on the session, which is down"
    world.configure("R11", f"{session.format(ends['R11'])} {apart}")
    assert is_there("R11")
    world.cut("R31", "GigabitEthernet0/1", cut=False)
    assert world.wait_until(lambda: is_there("R31"), 30)
    world.configure("R11", session.format(ends["R11"]))
    assert is_there("R11"), "the session was up before"
    world.configure("R11", f"no {session.format(ends['R11'])}", f"no {ip} route {prefix} Tunnel100 {ends['R11']}")
    assert world.wait_until(lambda: not sessions(world, "R11"), 10)


def test_a_session_in_a_vrf_stays_for_the_neighbors_routes_when_no_route_counts_on_it_any_more() -> None:
    """The VRF, on whose routes it was, took it away from the global table, whose line it is then."""

    def change(_: str, text: str) -> str:
        return text.replace(" tunnel key 1\n", f" tunnel key 1\n{FAST}")

    world = World("two-customers", change=change).converge()
    session = "ip route static bfd Tunnel1 10.255.0.11"
    world.configure("SPOKE1", "ip route static bfd Tunnel1 10.255.0.1 unassociate")
    world.configure("HUB", session, "ip route vrf RED 10.9.0.0 255.255.0.0 Tunnel1 10.255.0.11")
    assert world.wait_until(lambda: sessions(world, "HUB") == {"10.255.0.11": "Up"}, 30)
    world.configure("HUB", f"{session} unassociate")
    world.run_for(2)
    assert sessions(world, "HUB") == {"10.255.0.11": "Up"}
    world.cut("SPOKE1", "GigabitEthernet0/1")
    world.run_for(2)
    assert "10.9.0.0" in world.show("HUB", "ip route vrf RED static")
