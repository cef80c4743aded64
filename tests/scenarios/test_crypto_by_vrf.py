"""Crypto sessions and SAs, chosen by the VRF of their packets: outside (the front door) or inside the tunnel."""

from __future__ import annotations

import pytest

from support.stories import Story, stories, tell
from support.world import World


@pytest.fixture(scope="module")
def customers() -> World:
    return World("two-customers").converge()


@pytest.fixture(scope="module")
def front_door() -> World:
    return World("front-door").converge()


def tunnels(world: World, what: str) -> list[str]:
    """Return the interfaces that a show has."""
    lines = world.lines("SPOKE1", what)
    return [line.split(": ")[1] for line in lines if line.lower().startswith("interface: ")]


def spis(world: World, router: str = "SPOKE1") -> set[str]:
    lines = world.lines(router, "crypto ikev2 sa")
    return {line.split()[2] for line in lines if "Local spi" in line}


def test_the_vrf_inside_is_in_the_table_of_ike(customers: World) -> None:
    """It was always `none`."""
    lines = [line for line in customers.lines("SPOKE1", "crypto ikev2 sa") if line.rstrip().endswith("READY")]
    assert sorted(line.split()[3] for line in lines) == ["none/BLUE", "none/RED"]


def test_clearing_by_vrf_leaves_other_sessions_alone(front_door: World) -> None:
    before = spis(front_door)
    front_door.do("SPOKE1", "clear crypto session ivrf INTERNET")
    front_door.run_for(3)
    assert spis(front_door) == before, "nothing is inside of INTERNET"
    front_door.do("SPOKE1", "clear crypto session fvrf INTERNET")
    front_door.run_for(3)
    assert not spis(front_door) & before


def test_clearing_isakmp_leaves_peers_of_ikev2_alone(front_door: World) -> None:
    """`clear crypto isakmp` took the IKEv2 sessions down, too: their peers were asked for again."""
    before = spis(front_door)
    front_door.do("SPOKE1", "clear crypto isakmp")
    front_door.run_for(3)
    assert spis(front_door) == before


def test_sas_of_a_vrf_are_renewed(customers: World) -> None:
    def spi(vrf: str) -> list[str]:
        return [line for line in customers.lines("SPOKE1", f"crypto ipsec sa vrf {vrf}") if "spi: 0x" in line]

    before = spi("RED")
    assert customers.do("SPOKE1", "clear crypto sa vrf RED") == ""
    customers.run_for(5)
    assert spi("RED") != before


@pytest.mark.parametrize("story", stories("crypto_by_vrf"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, tunnels)
