"""Triggered RIP over a multipoint tunnel: a hub that speaks with each spoke alone, and is silent while nothing happens.

As a user of a metered line sees it: routes are there soon after registration, and then the tunnel is quiet.
"""

from __future__ import annotations

import re

from scenarios.test_first_greetings import with_rip
from support.world import World


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


def test_a_spoke_that_is_lost_is_lost_with_its_routes_once_there_is_something_to_tell_it() -> None:
    world = World("notes-phase3", change=with_triggered_rip)
    assert world.wait_until(lambda: "10.4.4.0" in routes(world, "R31"), 30)
    world.sim.kill("R41")
    world.run_for(5)
    world.configure("R31", "interface GigabitEthernet0/2", "shutdown")  # the hub has something to say to R41
    assert world.wait_until(lambda: "10.4.4.0" not in routes(world, "R11"), 120)
    assert world.wait_until(lambda: "10.4.4.0" not in routes(world, "R31"), 30)
