"""Hours of random life on protected tunnels: what is over leaves nothing behind."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from dmvpn.features.nhrp.machine import NhrpMachine
from support.secured import short_lives
from support.world import World

if TYPE_CHECKING:
    from dmvpn.router.router import Router

SPOKES = ("R31", "R32", "R41")
HOSTS = {"H3": "10.3.3.100", "H32": "10.3.2.100", "H4": "10.4.4.100"}


def _live(world: World, chance: random.Random) -> None:
    """Something happens, then some time passes."""
    spoke = chance.choice(SPOKES)
    match chance.choice(("traffic", "traffic", "clear crypto session", "clear ip nhrp", "kill", "shut")):
        case "traffic":
            one, other = chance.sample(sorted(HOSTS), 2)
            world.stream(one, HOSTS[other], seconds=3, rate=5)
        case "kill":
            world.sim.kill(spoke)
            world.run_for(chance.choice((5, 100)))
            world.sim.boot(spoke, short_lives(spoke, world.scenario.configurations[spoke]))
        case "shut":
            world.configure(spoke, "interface Tunnel100", "shutdown")
            world.run_for(10)
            world.configure(spoke, "interface Tunnel100", "no shutdown")
        case command:
            world.do(chance.choice((*SPOKES, "R11")), command, "")
    world.run_for(chance.choice((1, 20, 200)))


def _needed(router: Router) -> set[tuple[str, str]]:
    """Where NHRP's entries lead to."""
    return {
        (tunnel.name, str(entry.nbma))
        for tunnel in router.machine(NhrpMachine).tunnels
        for entry in tunnel.cache.entries()
        if entry.nbma not in (None, tunnel.nbma)
    }


def test_after_hours_of_random_life_exactly_that_is_protected_which_an_entry_leads_to() -> None:
    world = World("ipsec-two-spokes-one-nat", change=short_lives).converge()
    chance = random.Random(5)
    for _ in range(15):
        _live(world, chance)
    world.run_for(1000)
    assert world.lacks() == []
    for name in ("R11", *SPOKES):
        router = world.sim.routers[name].router
        protection, tunnels = router.ports.protection, router.machine(NhrpMachine).tunnels
        assert {(pair.tunnel, str(pair.remote)) for pair in protection.pairs()} == _needed(router)
        numbers = {connection.number for connection in protection.connections()}
        bound = {entry.connection for tunnel in tunnels for entry in tunnel.cache.entries() if entry.connection}
        assert bound <= numbers
        assert {account for tunnel in tunnels for account in tunnel.usage if isinstance(account, int)} <= numbers
        assert {ike.connection.number for ike in router.ports.ike.sas() if ike.connection is not None} == numbers
