"""BFD whose packets prove who sent them: RFC 5880 §6.7, between a hub and a spoke."""

from __future__ import annotations

import pytest

from support.stories import Story, stories, tell
from support.world import World

KEYS = ("key chain BFD", "key 7", "key-string a-key-of-tests")
MODES = ("md5", "meticulous-md5", "sha-1", "meticulous-sha-1")


def lines(mode: str, *keys: str) -> tuple[str, ...]:
    template = ("bfd-template single-hop T", "interval min-tx 250 min-rx 250 multiplier 3")
    authentication = (f"authentication {mode} keychain BFD",) if mode else ()
    bfd = ("router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100", "af-interface Tunnel0", "bfd")
    return (*(keys or KEYS), *template, *authentication, "interface Tunnel0", "bfd template T", *bfd)


def pair(hub: tuple[str, ...], spoke: tuple[str, ...]) -> World:
    world = World("phase2-eigrp").converge()
    for router, typed in (("HUB", hub), ("SPOKE1", spoke)):
        answer = world.configure(router, *typed)
        assert "%" not in answer, answer
    world.run_for(10)
    return world


def state(world: World) -> str:
    (row,) = [line for line in world.lines("SPOKE1", "bfd neighbors") if line.startswith("10.255.0.1 ")]
    return row.split()[-2]


@pytest.mark.parametrize("mode", MODES)
def test_both_ends_with_one_key_hear_each_other(mode: str) -> None:
    world = pair(lines(mode), lines(mode))
    assert state(world) == "Up"
    assert f" authentication {mode} keychain BFD" in world.show("HUB", "running-config")
    world.run_for(60)
    assert state(world) == "Up"
    assert not [text for text in world.messages("SPOKE1") if "BFD_SESS_DOWN" in text]


def test_a_key_that_rolls_over_costs_no_session() -> None:
    world = pair(lines("meticulous-sha-1"), lines("meticulous-sha-1"))
    for router in ("HUB", "SPOKE1"):
        world.configure(router, "key chain BFD", "key 8", "key-string the-next-key-of-tests")
    for router in ("SPOKE1", "HUB"):
        world.configure(router, "key chain BFD", "key 7", "send-lifetime 00:00:00 Jan 1 2020 00:00:00 Jan 2 2020")
        world.run_for(5)
    assert state(world) == "Up"
    assert not [text for text in world.messages("SPOKE1") if "BFD_SESS_DOWN" in text]


@pytest.mark.parametrize("story", stories("bfd_authentication"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, state)
