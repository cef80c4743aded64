"""What both dual-hub scenarios have in common: the places of routers, how they are broken, and the bounds that must
hold.

A failover is EIGRP's: its hold time, and a second for the routes and the packets that follow. A return is one
registration retry, which grows to 64 s (a tenth more with its jitter), and the greetings after it. A hub that restarts
within the hold time is missed by NHRP's probe, not by EIGRP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.outages import hops, outages, route
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.outages import Outage

FAILOVER = 15.0 + 1.0
RETURN = 64 * 1.1 + 5.0
#: Traffic to a dead server is missed within 10 s; the registration and the adjacency follow at once.
RESTART = 10.0 + 1.0
SERVER, H1, H2 = "10.1.10.100", "10.1.101.100", "10.1.102.100"


@dataclass(frozen=True)
class DualHub:
    """One of the two designs.

    hubs: the address that spokes see of HUB1 and HUB2.
    spoke2: SPOKE2's, by either hub.
    """

    scenario: str
    hubs: tuple[str, str]
    spoke2: tuple[str, str]

    def world(self, seed: int = 1, change: Callable[[str, str], str] = lambda _router, text: text) -> World:
        """Converged, and ten seconds on: nobody greets any more."""
        world = World(self.scenario, seed=seed, change=change).converge()
        world.run_for(10)
        return world

    def world_unready(self, change: Callable[[str, str], str]) -> World:
        """Ten seconds old, with a mistake in it."""
        world = World(self.scenario, change=change)
        world.run_for(10)
        return world

    def chosen(self, world: World) -> list[str]:
        """By which hub SPOKE1 reaches the servers and SPOKE2's LAN, and CORE the spokes, as the routing tables say."""
        lines = [route(world, "SPOKE1", "10.1.10.0/24"), route(world, "SPOKE1", "10.1.102.0/24")]
        names = dict(zip((*self.hubs, "10.1.0.1", "10.1.0.5"), ("HUB1", "HUB2", "HUB1", "HUB2"), strict=True))
        lines.append(route(world, "CORE", "10.1.101.0/24"))
        return [names.get(next((word for word in line.split() if word in names), ""), "none") for line in lines]


ONE_CLOUD = DualHub("dual-hub", ("10.255.0.1", "10.255.0.2"), ("10.255.0.12", "10.255.0.12"))
TWO_CLOUDS = DualHub("dual-hub-two-clouds", ("10.255.1.1", "10.255.2.2"), ("10.255.1.12", "10.255.2.12"))
DESIGNS = (ONE_CLOUD, TWO_CLOUDS)


def kill(world: World, *routers: str) -> Callable[[], None]:
    """Return an event: they die without a word."""

    def action() -> None:
        for router in routers:
            world.sim.kill(router)

    return action


def start(world: World, *routers: str) -> Callable[[], None]:
    """Return an event: they start with the configuration of the scenario."""

    def action() -> None:
        for router in routers:
            world.sim.boot(router, world.scenario.configurations[router])

    return action


def worst(gaps: list[Outage]) -> float:
    """Return the longest of them, seconds."""
    return max((gap.seconds for gap in gaps), default=0.0)


# --------------------------------------------------------------------------------------------------- what must hold


def prefers_the_first_hub_in_both_directions(design: DualHub, world: World) -> None:
    """Registered with both; EIGRP's routes and the packets take HUB1."""
    servers = world.show("SPOKE1", "ip nhrp nhs")
    assert [line.split()[1] for line in servers.splitlines() if line.startswith("10.255.")] == ["RE", "RE"]
    assert design.chosen(world) == ["HUB1"] * 3
    assert hops(world, "SPOKE1", SERVER, "10.1.101.1")[0] == design.hubs[0]
    assert hops(world, "CORE", H1, "10.1.10.1")[0] == "10.1.0.1"


def fails_over_and_returns(design: DualHub, world: World) -> None:
    """HUB1 dies under traffic to the servers, and comes back: one gap, in its bound; none at the return."""
    gaps = outages(world, ("H1", SERVER), seconds=30, events=((2.0, kill(world, "HUB1")),))
    assert len(gaps) == 1
    assert gaps[0].start == 2.0
    assert worst(gaps) <= FAILOVER
    assert design.chosen(world) == ["HUB2"] * 3
    assert hops(world, "SPOKE1", SERVER, "10.1.101.1")[0] == design.hubs[1]
    world.run_for(200)
    began = world.now
    assert outages(world, ("H1", SERVER), seconds=RETURN, rate=20, events=((0.0, start(world, "HUB1")),)) == []
    assert design.chosen(world) == ["HUB1"] * 3, world.now - began
    assert not world.lacks()


def a_shortcut_feels_nothing(design: DualHub, world: World) -> None:
    """Spoke to spoke, direct: the death and the return of HUB1 cost no packet."""
    outages(world, ("H1", H2), seconds=2)
    assert hops(world, "SPOKE1", H2, "10.1.101.1")[0] == design.spoke2[0]
    events = ((2.0, kill(world, "HUB1")), (60.0, start(world, "HUB1")))
    assert outages(world, ("H1", H2), seconds=60 + RETURN, events=events) == []
    assert design.chosen(world) == ["HUB1"] * 3
    assert hops(world, "SPOKE1", H2, "10.1.101.1")[0] in design.spoke2


def a_new_shortcut_is_made_by_the_second_hub(design: DualHub, world: World) -> None:
    """With HUB1 dead for good, spokes that never met still find each other."""
    kill(world, "HUB1")()
    world.run_for(FAILOVER)
    assert hops(world, "SPOKE1", "10.1.102.1", "10.1.101.1") == [design.hubs[1], design.spoke2[1]]
    assert hops(world, "SPOKE1", "10.1.102.1", "10.1.101.1") == [design.spoke2[1]]


def a_quick_restart_is_missed_by_the_probe(design: DualHub, world: World) -> None:
    """HUB1 is gone for two seconds and has forgotten everybody; EIGRP's hold time never ends."""
    events = ((2.0, kill(world, "HUB1")), (4.0, start(world, "HUB1")))
    gaps = outages(world, ("H1", SERVER), seconds=40, events=events)
    assert gaps
    assert worst(gaps) <= 2.0 + RESTART
    assert world.wait_until(lambda: design.chosen(world) == ["HUB1"] * 3, RETURN)


def the_death_of_the_second_hub_is_felt_by_nobody(design: DualHub, world: World) -> None:
    """It is a reserve, so it may come and go."""
    events = ((2.0, kill(world, "HUB2")), (40.0, start(world, "HUB2")))
    assert outages(world, ("H1", SERVER), seconds=60, events=events) == []
    assert world.wait_until(lambda: not world.lacks(), RETURN)


def a_cut_cable_of_the_first_hub_is_a_failover_too(design: DualHub, world: World) -> None:
    """HUB1 lives on, but the provider cannot reach it: the core hears of that from HUB1's own EIGRP."""
    events = (
        (2.0, lambda: world.cut("HUB1", "GigabitEthernet0/1")),
        (60.0, lambda: world.cut("HUB1", "GigabitEthernet0/1", cut=False)),
    )
    gaps = outages(world, ("H1", SERVER), seconds=60 + RETURN, events=events)
    assert len(gaps) == 1
    assert worst(gaps) <= FAILOVER
    assert design.chosen(world) == ["HUB1"] * 3


def established_traffic_survives_both_hubs(design: DualHub, world: World) -> None:
    """No hub, no EIGRP: what was direct stays so, and is a route of NHRP's own now, until the holding time ends."""
    outages(world, ("H1", H2), seconds=2)
    assert outages(world, ("H1", H2), seconds=100, events=((2.0, kill(world, "HUB1", "HUB2")),)) == []
    words = route(world, "SPOKE1", "10.1.102.0/24").split()
    assert words[:3] == ["H", "10.1.102.0/24", "[250/255]"]
    assert words[4] in design.spoke2
    start(world, "HUB1", "HUB2")()
    assert outages(world, ("H1", H2), seconds=RETURN) == []
    assert design.chosen(world) == ["HUB1"] * 3


def a_spoke_that_reaches_the_second_hub_alone_is_met_there(design: DualHub, world: World) -> None:
    """SPOKE1 loses its way to HUB1, which lives on and serves SPOKE2: they still talk, and directly."""
    lost = "ip route 203.0.113.1 255.255.255.255 Null0"
    outages(world, ("H2", H1), seconds=2)
    events = ((2.0, lambda: world.configure("SPOKE1", lost)),)
    assert outages(world, ("H2", H1), seconds=30, events=events) == []
    for spoke in ("SPOKE1", "SPOKE2"):
        world.do(spoke, "clear ip nhrp")
    assert outages(world, ("H2", H1), seconds=3) == []
    assert len(hops(world, "SPOKE2", "10.1.101.1", "10.1.102.1")) == 1
    assert outages(world, ("SERVER", H1), seconds=3) == []
    world.configure("SPOKE1", f"no {lost}")
    assert outages(world, ("H1", SERVER), seconds=RETURN) == []
    assert design.chosen(world) == ["HUB1"] * 3
