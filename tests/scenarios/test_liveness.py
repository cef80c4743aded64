"""Is the direct path there, both ways, and is the server? What hosts notice when one dies, and when it is back.

The spokes of notes-phase3 are cut from each other by a route to Null0: it takes the GRE packets of one router to the
other, and nothing else. So one direction can be cut alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.net import icmp
from support.networks import logging, short_lived
from support.outages import Call
from support.world import Wiretap, World

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds within which a dead direct path is left, and a dead server is noticed by a router that sends to it.
PATH_LIMIT = 3.0
SERVER_LIMIT = 10.0

CALL = Call(("H3", "10.3.3.100"), ("H4", "10.4.4.100"))
#: Which spoke cannot send to the other's NBMA address.
CUTS = {"R31": "172.16.41.0 255.255.255.0", "R41": "172.16.31.0 255.255.255.252"}
ONE_WAY_OR_BOTH = pytest.mark.parametrize("cut_off", [("R31",), ("R41",), ("R31", "R41")], ids="+".join)
STATIC_DUAL_HUB = str(Path(__file__).parent / "worlds" / "static-dual-hub")


def cut(world: World, routers: tuple[str, ...], *, heal: bool = False) -> None:
    """Cut the way from these spokes to the other, or fix it."""
    for router in routers:
        world.configure(router, f"{'no ' if heal else ''}ip route {CUTS[router]} Null0")


def is_direct(world: World, router: str) -> bool:
    """Do packets to the other spoke's LAN go to it directly?"""
    return "[NHO]" in world.show(router, "ip route next-hop-override")


def echoes(tap: Wiretap) -> list[float]:
    """When an echo request of one spoke passed on its direct way to the other."""
    spokes = {"172.16.31.1", "172.16.41.1"}
    return [
        found.time
        for found, packet in tap.pings()
        if packet.tos == 0xC0 and isinstance(icmp.parse(packet.payload), icmp.EchoRequest) and set(found.way) == spokes
    ]


def path_messages(world: World, router: str) -> list[str]:
    """UP and DOWN of direct paths, in the order of the log."""
    found = [line for line in world.messages(router) if "NHRP_NHP_" in line]
    return ["UP" if "NHP_UP" in line else "DOWN" for line in found]


# ------------------------------------------------------------------------------------------------ direct paths


@pytest.mark.parametrize("rate", [1, 50])
def test_no_packet_is_lost_in_either_direction_while_the_shortcut_is_built(rate: float) -> None:
    world = World("notes-phase3").converge()
    assert CALL.talk(world, seconds=5, rate=rate).is_complete
    assert is_direct(world, "R31")
    assert is_direct(world, "R41")


@ONE_WAY_OR_BOTH
def test_a_direction_that_never_worked_is_never_used_and_nothing_is_lost(cut_off: tuple[str, ...]) -> None:
    """The other side sends directly all the time; that says nothing about the way to it."""
    world = World("notes-phase3").converge()
    cut(world, cut_off)
    assert CALL.talk(world, seconds=60, rate=10).is_complete
    assert [router for router in ("R31", "R41") if not is_direct(world, router)] == list(cut_off)


@pytest.mark.parametrize("rate", [1, 10])
@ONE_WAY_OR_BOTH
def test_a_direct_path_that_dies_is_left_in_time(cut_off: tuple[str, ...], rate: float) -> None:
    """One direction alone: the dead one is left, although the other goes on bringing packets."""
    world = World("notes-phase3").converge()
    assert CALL.talk(world, seconds=5, rate=rate).is_complete
    cut(world, cut_off)
    after = CALL.talk(world, seconds=15, rate=rate)
    assert max(after.silence("H3"), after.silence("H4")) <= PATH_LIMIT
    assert all(when < after.sent[0] + PATH_LIMIT for host in ("H3", "H4") for when in after.missed(host))


@pytest.mark.parametrize("rate", [1, 10])
def test_a_ping_over_a_path_that_dies_is_answered_again_in_time(rate: float) -> None:
    """Request and reply take different ways; both must be left."""
    world = World("notes-phase3").converge()
    world.stream("H3", "10.4.4.100", seconds=5, rate=rate)
    cut(world, ("R31", "R41"))
    world.run_for(0.5)
    world.sim.hosts["H3"].received.clear()
    sent = world.stream("H3", "10.4.4.100", seconds=15, rate=rate)
    lost = sorted(set(range(sent)) - set(world.replies("H3")))
    assert len(lost) <= 2 * PATH_LIMIT * rate
    assert lost == list(range(len(lost)))


def test_a_path_that_dies_while_nobody_uses_it_is_left_in_time_when_somebody_does() -> None:
    world = World("notes-phase3").converge()
    CALL.talk(world, seconds=2, rate=10)
    world.run_for(60)
    cut(world, ("R31", "R41"))
    world.run_for(60)
    assert is_direct(world, "R31")
    after = CALL.talk(world, seconds=10, rate=10)
    assert max(after.silence("H3"), after.silence("H4")) <= PATH_LIMIT


@ONE_WAY_OR_BOTH
def test_a_path_that_is_fixed_is_used_again_and_nothing_is_lost_on_the_way_back(cut_off: tuple[str, ...]) -> None:
    world = World("notes-phase3").converge()
    CALL.talk(world, seconds=5, rate=10)
    cut(world, cut_off)
    CALL.talk(world, seconds=20, rate=10)
    cut(world, cut_off, heal=True)
    assert CALL.talk(world, seconds=75, rate=10).is_complete
    assert is_direct(world, "R31")
    assert is_direct(world, "R41")


def test_the_log_says_when_packets_go_directly_and_when_they_do_not() -> None:
    world = World("notes-phase3", change=logging).converge()
    CALL.talk(world, seconds=5, rate=10)
    cut(world, ("R31", "R41"))
    CALL.talk(world, seconds=10, rate=10)
    cut(world, ("R31", "R41"), heal=True)
    CALL.talk(world, seconds=70, rate=10)
    assert path_messages(world, "R31") == path_messages(world, "R41") == ["UP", "DOWN", "UP"]


def test_a_path_that_flaps_is_left_alone_more_and_more() -> None:
    """Five seconds up, five seconds down, for ten minutes: a loss at each turn would be sixty."""
    world = World("notes-phase3", change=logging).converge()
    CALL.talk(world, seconds=5, rate=2)
    for _ in range(60):
        cut(world, ("R31", "R41"))
        CALL.talk(world, seconds=5, rate=2)
        cut(world, ("R31", "R41"), heal=True)
        CALL.talk(world, seconds=5, rate=2)
    assert path_messages(world, "R31").count("DOWN") <= 15


def test_a_path_in_use_is_checked_once_a_second_and_one_that_nobody_uses_not_at_all() -> None:
    world = World("notes-phase3").converge()
    CALL.talk(world, seconds=5, rate=10)
    tap = world.watch("R31", "GigabitEthernet0/1")
    CALL.talk(world, seconds=20, rate=10)
    assert 36 <= len(echoes(tap)) <= 44  # of each side
    world.run_for(15)
    quiet = world.now
    world.run_for(60)
    assert [when for when in echoes(tap) if when > quiet] == []


def test_two_routers_that_check_their_path_do_not_keep_it_in_use_for_each_other() -> None:
    """Only H3 sends. R41 answers R31's echoes, but nobody behind R41 uses the path."""
    world = World("notes-phase3").converge()
    CALL.talk(world, seconds=90, rate=2, both=False)
    assert " used" in _entry(world, "R31", "192.168.100.41/32")
    assert " used" not in _entry(world, "R41", "192.168.100.31/32")


def test_a_shortcut_that_nobody_uses_expires_although_it_was_checked() -> None:
    world = World("notes-phase3", change=short_lived).converge()
    CALL.talk(world, seconds=30, rate=2)
    world.run_for(130)
    for router in ("R31", "R41"):
        assert "dynamic" not in world.show(router, "ip nhrp")


def _entry(world: World, router: str, target: str) -> str:
    text = world.show(router, "ip nhrp detail")
    return text[text.index(target) :].split("NBMA address")[0]


# ------------------------------------------------------------------------------------------------ servers


def servers(world: World, router: str) -> dict[str, str]:
    """The state of each server in `show ip nhrp nhs`."""
    rows = [line.split() for line in world.lines(router, "ip nhrp nhs") if "NBMA Address" in line]
    return {row[0]: row[1] for row in rows}


def static(router: str, text: str) -> str:
    """notes-phase3 with static routes in place of EIGRP, and without shortcuts: all traffic goes by the hub."""
    routes = {
        "R11": ("10.3.3.0 255.255.255.0 192.168.100.31", "10.4.4.0 255.255.255.0 192.168.100.41"),
        "R31": ("10.1.1.0 255.255.255.0 192.168.100.11", "10.4.4.0 255.255.255.0 192.168.100.11"),
        "R41": ("10.1.1.0 255.255.255.0 192.168.100.11", "10.3.3.0 255.255.255.0 192.168.100.11"),
    }
    if router not in routes:
        return text
    head, tail = text.split("router eigrp")
    lines = "".join(f"ip route {route}\n" for route in routes[router])
    text = head + lines + tail[tail.index("ip route") :]
    return logging(router, text.replace(" ip nhrp shortcut\n", "").replace(" multicast\n", "\n"))


def static_for_ten_minutes(router: str, text: str) -> str:
    """The same with a holding time of ten minutes."""
    return static(router, text).replace(" ip nhrp network-id", " ip nhrp holdtime 600\n ip nhrp network-id")


def no_shortcut(_router: str, text: str) -> str:
    """All traffic goes by the hub."""
    return text.replace(" ip nhrp shortcut\n", "")


@pytest.mark.parametrize("rate", [1, 10])
@pytest.mark.parametrize("quiet", [0.0, 0.7, 1.9, 2.6])
def test_a_dead_hub_is_noticed_by_traffic_to_it_where_only_static_routes_run(rate: float, quiet: float) -> None:
    world = World("notes-phase3", change=static).converge()
    CALL.talk(world, seconds=7 + quiet, rate=rate)
    world.sim.kill("R11")
    began = world.now
    CALL.talk(world, seconds=SERVER_LIMIT, rate=rate)
    for router in ("R31", "R41"):
        assert servers(world, router) == {"192.168.100.11": "E"}
        assert "NHRP" in next(line for line in world.lines(router, "dmvpn") if "172.16.11.1 " in line)
        (down,) = [line for line in world.messages(router) if "NHRP_NHS_DOWN" in line]
        assert "(Tunnel: 192.168.100.11 NBMA: 172.16.11.1 )" in down
    assert world.now - began < SERVER_LIMIT + 1


@pytest.mark.parametrize("rate", [1, 10])
def test_with_static_routes_traffic_goes_to_the_other_hub_when_one_dies_and_back_without_a_loss(rate: float) -> None:
    """The next hop of the only route is the dead hub: the other one stands in for it."""
    world = World(STATIC_DUAL_HUB, change=no_shortcut).converge()
    assert CALL.talk(world, seconds=7, rate=rate).is_complete
    world.sim.kill("R11")
    after = CALL.talk(world, seconds=25, rate=rate)
    assert max(after.silence("H3"), after.silence("H4")) <= SERVER_LIMIT
    assert all(when < after.sent[0] + SERVER_LIMIT for host in ("H3", "H4") for when in after.missed(host))
    assert servers(world, "R31") == {"192.168.100.11": "E", "192.168.100.12": "RE"}
    world.sim.boot("R11", world.scenario.configurations["R11"])
    assert CALL.talk(world, seconds=150, rate=rate).is_complete
    assert servers(world, "R31") == {"192.168.100.11": "RE", "192.168.100.12": "RE"}
    world.sim.kill("R12")
    assert CALL.talk(world, seconds=20, rate=rate).is_complete


def test_a_shortcut_is_built_by_the_other_hub_while_one_is_dead() -> None:
    world = World(STATIC_DUAL_HUB).converge()
    world.sim.kill("R11")
    CALL.talk(world, seconds=25, rate=2)
    after = CALL.talk(world, seconds=5, rate=2)
    assert after.is_complete
    assert "DT1" in world.show("R31", "dmvpn")
    world.sim.kill("R12")
    assert CALL.talk(world, seconds=60, rate=2).is_complete


def test_a_hub_that_was_only_cut_off_is_asked_as_soon_as_it_is_heard_again() -> None:
    """The next try would be up to a minute away."""
    world = World("notes-phase3", change=no_shortcut).converge()
    CALL.talk(world, seconds=3, rate=2)
    world.cut("R31", "GigabitEthernet0/1")
    CALL.talk(world, seconds=300, rate=1)
    assert servers(world, "R31") == {"192.168.100.11": "E"}
    world.cut("R31", "GigabitEthernet0/1", cut=False)
    assert world.wait_until(lambda: servers(world, "R31") == {"192.168.100.11": "RE"}, 10)


# ------------------------------------------------------------------------------------------------ told to routing

#: Seconds after which packets that went to a dead server go by another one, where NHRP tells the routing protocols.
TOLD_LIMIT = 3.0


def watching(_router: str, text: str) -> str:
    """The spokes watch their servers; the hubs know nothing of it."""
    return (
        text.replace(" ip nhrp shortcut", " ip nhrp watch-servers\n ip nhrp shortcut") if "nhrp nhs" in text else text
    )


def outage_through_a_dead_hub(seed: int, change: Callable[[str, str], str]) -> float:
    """Seconds for which pings to a server behind the preferred hub stop when that loses its power."""
    world = World("dual-hub", seed=seed, change=change).converge()
    world.stream("H1", "10.1.10.100", seconds=5 + seed * 1.3, rate=20)
    world.sim.hosts["H1"].received.clear()
    world.sim.kill("HUB1")
    world.configure("CORE", "interface GigabitEthernet0/1", "shutdown")  # no carrier from a router without power
    sent = world.stream("H1", "10.1.10.100", seconds=25, rate=20)
    lost = sorted(set(range(sent)) - set(world.replies("H1")))
    assert lost == list(range(lost[0], lost[-1] + 1)), "one outage"
    return len(lost) / 20


@pytest.mark.parametrize("seed", range(4))
def test_eigrp_hears_from_nhrp_that_a_server_is_dead_and_flows_go_by_the_other_hub(seed: int) -> None:
    assert outage_through_a_dead_hub(seed, watching) <= TOLD_LIMIT


def test_without_that_line_the_holding_time_of_eigrp_is_the_bound() -> None:
    assert TOLD_LIMIT < outage_through_a_dead_hub(1, lambda _router, text: text) <= 15
