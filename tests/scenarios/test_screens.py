"""Commands that people type from habit, on a router that runs."""

from __future__ import annotations

import re

import pytest

from support.world import World


def sent(world: World, router: str) -> int:
    found = re.search(r"Sent: Total (\d+)", world.show(router, "ip nhrp traffic"))
    assert found, world.show(router, "ip nhrp traffic")
    return int(found[1])


@pytest.mark.parametrize("words", ["", " interface Tunnel100"])
def test_clear_dmvpn_statistics_begins_the_numbers_of_nhrp_again(words: str) -> None:
    world = World("notes-phase3").converge()
    assert sent(world, "R31") > 0
    world.do("R31", "clear dmvpn statistics interface Tunnel7")
    assert sent(world, "R31") > 0
    assert world.do("R31", f"clear dmvpn statistics{words}") == ""
    assert sent(world, "R31") == 0
    assert "req-sent 0 " in world.show("R31", "ip nhrp nhs detail").replace("  ", " ")


@pytest.mark.parametrize("peer", ["nbma 172.16.11.1", "tunnel 192.168.100.11"])
def test_clear_dmvpn_statistics_of_a_peer_leaves_the_others(peer: str) -> None:
    world = World("notes-phase3").converge()
    world.do("R31", f"clear dmvpn statistics peer {peer}")
    assert sent(world, "R31") > 0
    assert "req-sent 0 " in world.show("R31", "ip nhrp nhs detail").replace("  ", " ")


def test_conditions_are_listed_until_they_are_taken_away() -> None:
    world = World("notes-phase3")
    assert world.show("R31", "nhrp debug-condition") == ""
    world.do("R31", "debug nhrp condition peer tunnel 192.168.100.11")
    assert world.lines("R31", "nhrp debug-condition") == ["Peer tunnel addresses under debug are:", "192.168.100.11,"]
    world.do("R31", "undebug all")
    assert world.show("R31", "nhrp debug-condition") == ""
