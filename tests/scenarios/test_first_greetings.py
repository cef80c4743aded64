"""What a routing protocol says when its tunnel comes up is said before the hub knows the spoke: nobody hears it.

So a user who brought up a lab saw every spoke registered after 0.1 s and routes after 5 s, a Hello interval, whenever
the hub was a moment later than its spokes. The protocols are told when registration is through, and greet at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.cases import one_in
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_without_a_multicast_map_on_the_hub_no_spoke_ever_has_a_neighbor() -> None:
    """As on IOS: the hub hears its spokes, gives them up by the retry limit, and they never hear it."""
    world = World("notes-phase3", change=lambda _, text: text.replace(" ip nhrp map multicast dynamic\n", ""))
    world.run_for(120.0)
    assert "NBRCHANGE" not in "".join(world.console["R31"] + world.console["R41"])
    assert any("retry limit exceeded" in line for line in world.console["R11"])
