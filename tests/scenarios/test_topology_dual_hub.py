"""Scenario dual-hub: two hubs in one cloud. Spokes are registered with both, EIGRP prefers HUB1 by interface delays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import dual_hub
from support.dual_hub import H2, RETURN, SERVER
from support.outages import outages, peers, route

if TYPE_CHECKING:
    from support.world import World

DESIGN = dual_hub.ONE_CLOUD


@pytest.fixture
def world() -> World:
    """Converged; no traffic yet."""
    return DESIGN.world()


def test_a_spoke_has_one_tunnel_and_two_servers_on_it(world: World) -> None:
    assert peers(world, "SPOKE1") == [
        "203.0.113.1 10.255.0.1 UP S 10.255.0.1/32",
        "203.0.113.5 10.255.0.2 UP S 10.255.0.2/32",
    ]


def test_the_second_hub_is_further_by_its_delays_alone(world: World) -> None:
    """10 ms of its tunnel towards the other spokes, 20 ms of its port towards the core."""
    assert route(world, "SPOKE1", "10.1.10.0/24") == "D 10.1.10.0/24 [90/26122240] via 10.255.0.1 Tunnel0"
    dual_hub.kill(world, "HUB1")()
    world.run_for(dual_hub.FAILOVER)
    assert route(world, "SPOKE1", "10.1.10.0/24") == "D 10.1.10.0/24 [90/36357120] via 10.255.0.2 Tunnel0"


def test_a_second_resolution_goes_by_the_hub_that_answers(world: World) -> None:
    """A mapping in use is asked for again while its first hub is dead: nobody notices."""
    outages(world, ("H1", H2), seconds=2)
    dual_hub.kill(world, "HUB1")()
    assert outages(world, ("H1", H2), seconds=700, rate=1) == []
    assert "10.1.102.0/24" in "".join(peers(world, "SPOKE1"))


def test_traffic_to_the_servers_makes_no_shortcut(world: World) -> None:
    assert outages(world, ("H1", SERVER), seconds=3) == []
    assert len(peers(world, "SPOKE1")) == 2


def test_without_the_delays_both_hubs_carry_traffic_and_one_alone_when_the_other_is_dead() -> None:
    """Equal cost is a design of its own: half the flows feel a failover, and no flow feels more."""

    def change(_router: str, text: str) -> str:
        return "\n".join(line for line in text.splitlines() if not line.startswith(" delay")) + "\n"

    world = DESIGN.world(change=change)
    lines = world.lines("SPOKE1", "ip route 10.1.10.0 255.255.255.0")
    assert [line.lstrip(" *").split(",")[0] for line in lines if ", from " in line] == list(DESIGN.hubs)
    gaps = outages(world, ("H1", SERVER), seconds=40, events=((2.0, dual_hub.kill(world, "HUB1")),))
    assert dual_hub.worst(gaps) <= dual_hub.FAILOVER
    dual_hub.start(world, "HUB1")()
    assert world.wait_until(lambda: not world.lacks(), RETURN)
