"""Pictures of networks that run: tunnels that are up or down, direct tunnels, and the pictures of the documentation."""

from __future__ import annotations

import pytest

from dmvpn.tools.picture import as_svg, picture_of
from dmvpn.tools.picture.model import Kind, TunnelState
from support.pictures import FOLDER, PICTURES, live_picture
from support.world import World


def states(world: World) -> dict[tuple[str, str], TunnelState]:
    facts = world.sim.facts(world.scenario)
    picture = picture_of(world.scenario, "test", facts.routers, facts.links)
    return {(tunnel.here, tunnel.there): tunnel.state for tunnel in picture.tunnels}


def test_a_direct_tunnel_is_drawn_when_two_spokes_have_one() -> None:
    world = World("notes-phase3").converge()
    assert states(world) == {("R31", "R11"): TunnelState.UP, ("R41", "R11"): TunnelState.UP}
    world.stream("H3", "10.4.4.100", seconds=3, rate=1)
    assert states(world)["R31", "R41"] is TunnelState.DIRECT


def test_tunnels_of_a_dead_hub_are_down_and_the_picture_says_why() -> None:
    world = World("notes-phase3").converge()
    world.sim.kill("R11")
    facts = world.sim.facts(world.scenario)
    picture = picture_of(world.scenario, "test", facts.routers, facts.links)
    assert {tunnel.state for tunnel in picture.tunnels} == {TunnelState.DOWN}
    svg = as_svg(picture)
    assert "R11 does not run" in svg
    assert "tunnel that is down" in svg
    (hub,) = (node for node in picture.nodes if node.kind is Kind.HUB)
    assert not hub.runs


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_of_the_documentation_is_the_one_that_its_network_makes(name: str) -> None:
    picture = live_picture(PICTURES[name])
    assert any(tunnel.state is TunnelState.DIRECT for tunnel in picture.tunnels)
    old = f"docs/pictures/{name} is old: python -m support.pictures (from the folder tests)"
    assert (FOLDER / name).read_text() == as_svg(picture), old


def test_no_other_picture_is_in_the_documentation() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(PICTURES)
