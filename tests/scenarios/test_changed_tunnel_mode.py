"""A tunnel changes its mode in one step, as `copy FILE running-config` or a replaced configuration does it."""

from __future__ import annotations

import pytest

from dmvpn.base.events import ConfigurationEntered
from support.world import World


@pytest.mark.parametrize("router", ["R31", "R11"])
def test_a_tunnel_that_becomes_multipoint_in_one_step_reaches_everybody_again(router: str) -> None:
    """The line stayed up, registrations went on, and no packet left: the data plane had no adjacencies."""
    world = World("notes-phase3").converge()
    destination = "172.16.11.1" if router == "R31" else "172.16.31.1"
    world.configure(router, "interface Tunnel100", "no tunnel mode gre multipoint", f"tunnel destination {destination}")
    world.run_for(30.0)
    world.sim.post(router, ConfigurationEntered(world.scenario.configurations[router]))
    world.run_for(30.0)
    assert world.wait_until(lambda: not world.lacks(), 70.0), world.lacks()
    assert "!!!!!" in world.do("R31", "ping 10.1.1.100 source 10.3.3.1")
