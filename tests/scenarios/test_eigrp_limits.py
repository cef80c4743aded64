"""`maximum-prefix` of EIGRP, as somebody types it on the hub of a cloud."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.eigrp import limits
from dmvpn.features.eigrp.limits import Limits
from dmvpn.features.eigrp.machine import EigrpMachine
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.topologies import phase3
from support.cases import one_in
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address

    from dmvpn.features.eigrp.model import PrefixLimit

FIRST, SECOND = "10.255.0.11", "10.255.0.12"


def crowd(world: World, router: str, count: int, start: int = 0) -> None:
    """So many networks more behind a spoke."""
    lines = []
    for number in range(start, start + count):
        lines += [f"interface Loopback{number + 1}", f"ip address 10.77.{number}.1 255.255.255.0", "exit"]
    world.configure(router, *lines)


def family(world: World, *lines: str) -> str:
    """Type lines into the hub's address family."""
    return world.configure("HUB", "router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100", *lines)


def neighbors(world: World) -> str:
    return world.show("HUB", "ip eigrp neighbors")


def cloud() -> World:
    world = World("phase2-eigrp").converge()
    world.configure(
        "SPOKE1",
        "router eigrp DMVPN",
        "address-family ipv4 unicast autonomous-system 100",
        "network 10.77.0.0 0.0.255.255",
    )
    world.run_for(3)
    return world


def test_a_neighbor_that_tells_too_much_stays_away_for_the_minutes_of_restart() -> None:
    world = cloud()
    family(world, f"neighbor {FIRST} maximum-prefix 4 50 restart 1 restart-count 2")
    assert f" neighbor {FIRST} maximum-prefix 4 50 restart 1 restart-count 2" in world.show("HUB", "running-config")
    crowd(world, "SPOKE1", 2)
    world.run_for(1)
    named = f"EIGRP-IPv4 100: Neighbor {FIRST} (Tunnel0)"
    assert f"%DUAL-4-PFXLIMITTHR: {named} threshold prefix level(50) reached." in world.messages("HUB")
    assert FIRST in neighbors(world)
    crowd(world, "SPOKE1", 2, 2)
    world.run_for(1)
    assert f"%DUAL-3-PFXLIMIT: {named} prefix limit reached(4)." in world.messages("HUB")
    assert f"%DUAL-5-NBRCHANGE: {named} is down: prefix-limit exceeded" in world.messages("HUB")
    assert FIRST not in neighbors(world)
    assert SECOND in neighbors(world)
    assert f" D     {FIRST}      Tu0" in world.show("HUB", "ip eigrp accounting")
    world.run_for(50)
    assert FIRST not in neighbors(world)
    world.configure("SPOKE1", "no interface Loopback1", "no interface Loopback2")
    world.run_for(20)
    assert FIRST in neighbors(world)
    assert "10.77.2.0/24" in world.show("HUB", "ip route")


def test_after_the_last_pause_only_clear_lets_a_neighbor_come_back() -> None:
    world = cloud()
    family(world, "neighbor maximum-prefix 2 restart 1 restart-count 1")
    crowd(world, "SPOKE1", 3)
    world.run_for(90)
    world.run_for(300)
    assert FIRST not in neighbors(world)
    family(world, "no neighbor maximum-prefix", "neighbor maximum-prefix 20")
    world.run_for(15)
    assert FIRST in neighbors(world), "the line is another one"
    family(world, "neighbor maximum-prefix 2 restart-count 1 restart 1")
    world.run_for(200)
    assert FIRST not in neighbors(world)
    world.configure("SPOKE1", *(f"no interface Loopback{number}" for number in (1, 2, 3)))
    world.run_for(60)
    assert FIRST not in neighbors(world)
    world.do("HUB", "clear ip eigrp neighbors")
    world.run_for(15)
    assert FIRST in neighbors(world)


def test_warning_only_logs_and_keeps_everything() -> None:
    world = cloud()
    family(world, f"neighbor {FIRST} maximum-prefix 2 warning-only")
    crowd(world, "SPOKE1", 5)
    world.run_for(5)
    about = [text for text in world.messages("HUB") if "PFXLIMIT" in text]
    assert [text.split(":")[0] for text in about] == ["%DUAL-4-PFXLIMITTHR", "%DUAL-3-PFXLIMIT"]
    assert "10.77.4.0/24" in world.show("HUB", "ip route")


@pytest.mark.parametrize("limit", ["no maximum-prefix", "maximum-prefix 10 warning-only"])
def test_whoever_tells_more_than_there_is_room_for_goes_whatever_the_limit_of_the_process_says(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that only warns took the last limit away, and a neighbor could fill the memory."""
    world = cloud()
    family(world, "topology base", limit)
    world.configure("SPOKE2", "interface Tunnel0", "shutdown")
    monkeypatch.setattr(limits, "MOST_PREFIXES", 20)
    crowd(world, "SPOKE1", 30)
    world.run_for(5)
    assert FIRST not in neighbors(world)


def test_own_networks_cost_no_neighbor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever had many networks of its own gave up neighbors that told it next to nothing."""
    world = cloud()
    monkeypatch.setattr(limits, "MOST_PREFIXES", 20)
    family(world, "topology base", "redistribute static metric 1000 1 255 1 1400", "no maximum-prefix")
    world.configure("SPOKE2", "interface Tunnel0", "shutdown")
    world.configure("HUB", *(f"ip route 172.16.{number}.0 255.255.255.0 Null0" for number in range(18)))
    world.run_for(5)
    assert FIRST in neighbors(world)


def test_the_limit_of_a_process_sends_all_neighbors_away() -> None:
    world = cloud()
    family(world, "topology base", "maximum-prefix 8 restart 1")
    crowd(world, "SPOKE1", 8)
    world.run_for(2)
    assert "%DUAL-3-PFXLIMIT: EIGRP-IPv4 100: Process prefix limit reached(8)." in world.messages("HUB")
    assert FIRST not in neighbors(world)
    assert SECOND not in neighbors(world)
    world.configure("SPOKE1", *(f"no interface Loopback{number}" for number in range(1, 7)))
    world.run_for(80)
    assert FIRST in neighbors(world)
    assert SECOND in neighbors(world)


def test_a_soft_clear_keeps_neighbors_and_tells_them_everything_again() -> None:
    world = cloud()
    world.do("HUB", "clear ip eigrp neighbors soft")
    world.do("HUB", f"clear eigrp address-family ipv4 100 neighbors {FIRST} soft")
    world.run_for(2)
    assert "up: new adjacency" not in "".join(world.messages("HUB")[-4:])
    named = f"EIGRP-IPv4 100: Neighbor {FIRST} (Tunnel0)"
    assert f"%DUAL-5-NBRCHANGE: {named} is resync: manually cleared" in world.messages("HUB")
    assert "10.1.2.0/24" in world.show("SPOKE1", "ip route")


def test_neighbors_that_tell_nothing_new_are_not_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a thousand neighbors and a limit of each, a hub did little else than count what all of them had told."""
    world = cloud()
    family(world, "neighbor maximum-prefix 100")
    world.run_for(5)
    looked: list[IPv4Address] = []
    known = Limits.limit_of

    def limit_of(self: Limits, address: IPv4Address) -> PrefixLimit | None:
        looked.append(address)
        return known(self, address)

    monkeypatch.setattr(Limits, "limit_of", limit_of)
    world.run_for(60)
    assert not looked
    crowd(world, "SPOKE1", 1)
    world.run_for(5)
    assert {str(address) for address in looked} == {FIRST}


# What EIGRP tells beside summaries and as a stub (`leak-map`), and default routes that it keeps back.


def knows(world: World, router: str, prefix: str) -> bool:
    """Is it in the topology table?"""
    return f" {prefix}, " in world.show(router, "ip eigrp topology")


# What a routing protocol says when its tunnel comes up is said before the hub knows the spoke: nobody hears it.
#
# So a user who brought up a lab saw every spoke registered after 0.1 s and routes after 5 s, a Hello interval, whenever
# the hub was a moment later than its spokes. The protocols are told when registration is through, and greet at once.

#: Seconds between a registration and the routes that it makes possible.
AT_ONCE = 1.0
SEEDS = range(1, 7)
#: Seconds by which the hub starts after its spokes, so that their first registrations and Hellos are lost.
LATE = (0.02, 0.4, 1.5, 3.3, 4.9)


def delay_of_routing(world: World) -> float:
    """Seconds from the moment in which every spoke is registered to that in which every route is there."""
    assert world.wait_until(lambda: not any("not registered" in lack for lack in world.lacks()), 20.0, 0.01)
    registered = world.now
    world.converge()
    return world.now - registered


def hub_starts_late(seconds: float, seed: int, change: Callable[[str, str], str] = lambda _, text: text) -> World:
    world = World("notes-phase3", seed=seed, change=change)
    world.sim.kill("R11")
    world.run_for(seconds)
    world.sim.boot("R11", world.scenario.configurations["R11"])
    return world


def with_rip(router: str, text: str) -> str:
    """RIP in place of EIGRP."""
    rip = "router rip\n version 2\n network 10.0.0.0\n network 192.168.100.0\n no auto-summary\n!\n"
    text = re.sub(r"router eigrp .*?\n!\n(?=ip route)", rip, text, flags=re.DOTALL)
    return text.replace(" ip nhrp redirect\n", " ip nhrp redirect\n no ip split-horizon\n")


@pytest.mark.parametrize("seed", SEEDS)
def test_eigrp_is_up_within_a_second_of_registration(seed: int) -> None:
    assert delay_of_routing(World("notes-phase3", seed=seed)) < AT_ONCE


@pytest.mark.parametrize("seed", one_in(3, SEEDS))
@pytest.mark.parametrize("late", LATE)
def test_eigrp_is_up_within_a_second_of_registration_with_a_hub_that_starts_late(late: float, seed: int) -> None:
    assert delay_of_routing(hub_starts_late(late, seed)) < AT_ONCE


@pytest.mark.parametrize("late", LATE)
def test_rip_says_and_asks_at_once_when_registration_is_through(late: float) -> None:
    """What the hub passes on from one spoke to the other may take five seconds more: RFC 2453 §3.10.1."""
    world = hub_starts_late(late, 1, with_rip)
    assert world.wait_until(lambda: not any("not registered" in lack for lack in world.lacks()), 20.0, 0.01)
    world.run_for(AT_ONCE)
    assert {"10.3.3.0", "10.4.4.0"} <= set(re.findall(r"^R +(10[.\d]+)", world.show("R11", "ip route"), re.MULTILINE))
    for spoke in ("R31", "R41"):
        assert re.search(r"^R +10\.1\.1\.0", world.show(spoke, "ip route"), re.MULTILINE)


def test_a_hub_that_meets_sixty_spokes_at_one_moment_repeats_next_to_nothing() -> None:
    """Most are not receivers of its multicast yet when it hears them; they would ignore its first packet."""
    scenario = phase3(60)
    world = Simulator.of(scenario)
    assert world.run_while(lambda: bool(world.missing(scenario)), 10.0)
    (process,) = world.routers["HUB"].router.machine(EigrpMachine).processes.values()
    assert len(process.neighbors()) == 60
    assert sum(neighbor.retransmissions for neighbor in process.neighbors()) <= 6


def test_without_a_multicast_map_on_the_hub_no_spoke_ever_has_a_neighbor() -> None:
    """As on IOS: the hub hears its spokes, gives them up by the retry limit, and they never hear it."""
    world = World("notes-phase3", change=lambda _, text: text.replace(" ip nhrp map multicast dynamic\n", ""))
    world.run_for(120.0)
    assert "NBRCHANGE" not in "".join(world.console["R31"] + world.console["R41"])
    assert any("retry limit exceeded" in line for line in world.console["R11"])


# Triggered RIP over a multipoint tunnel: a hub that speaks with each spoke alone, and is silent while nothing happens.
#
# As a user of a metered line sees it: routes are there soon after registration, and then the tunnel is quiet.


def with_triggered_rip(router: str, text: str) -> str:
    """RIP in place of EIGRP, triggered on the tunnel."""
    lines = " ip rip triggered\n" if router == "R11" else " ip rip triggered\n ip nhrp registration timeout 20\n"
    return with_rip(router, text).replace("interface Tunnel100\n", f"interface Tunnel100\n{lines}")


def routes(world: World, router: str) -> set[str]:
    return set(re.findall(r"^R +(10[.\d]+)", world.show(router, "ip route rip"), re.MULTILINE))


def test_spokes_and_hub_tell_each_other_everything_and_every_change() -> None:
    world = World("notes-phase3", change=with_triggered_rip)
    assert world.wait_until(lambda: {"10.1.1.0", "10.4.4.0"} <= routes(world, "R31"), 30)
    assert world.wait_until(lambda: {"10.1.1.0", "10.3.3.0"} <= routes(world, "R41"), 30)
    database = world.show("R11", "ip rip database")
    assert "via 192.168.100.31" in database
    assert "(permanent), Tunnel100" in database
    world.run_for(300)  # longer than an ordinary route lives without updates
    assert {"10.3.3.0", "10.4.4.0"} <= routes(world, "R11")
    world.configure("R41", "interface GigabitEthernet0/2", "shutdown")
    assert world.wait_until(lambda: "10.4.4.0" not in routes(world, "R31") | routes(world, "R11"), 15)
    world.configure("R41", "interface GigabitEthernet0/2", "no shutdown")
    assert world.wait_until(lambda: "10.4.4.0" in routes(world, "R31"), 15)


def test_a_hub_that_starts_again_knows_everything_soon() -> None:
    world = World("notes-phase3", change=with_triggered_rip)
    assert world.wait_until(lambda: "10.4.4.0" in routes(world, "R31"), 30)
    world.sim.kill("R11")
    world.run_for(10)
    world.sim.boot("R11", world.scenario.configurations["R11"])
    assert world.wait_until(lambda: {"10.3.3.0", "10.4.4.0"} <= routes(world, "R11"), 60)
    assert world.wait_until(lambda: "10.4.4.0" in routes(world, "R31"), 30)
