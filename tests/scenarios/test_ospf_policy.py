"""Route maps of OSPF, judged by what other routers get to know."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from support.outages import route
from support.stories import Story, stories, tell

if TYPE_CHECKING:
    from support.world import World

NETWORK = "ospf-phase3"


# ------------------------------------------------------------------------------------------------ key chains

_CHAIN = ("key chain OSPF", "key 1", "key-string one", "cryptographic-algorithm hmac-sha-256")


def _chained(world: World, router: str, *lines: str) -> None:
    world.configure(router, *_CHAIN, *lines)
    world.configure(router, "interface Tunnel0", "ip ospf authentication key-chain OSPF")


@pytest.mark.conforms("ospf:5709-rollover")
def test_a_key_chain_seals_with_its_highest_key_and_opens_with_all(world: World) -> None:
    for router in ("HUB", "SPOKE1", "SPOKE2"):
        _chained(world, router)
    assert world.wait_until(lambda: not world.lacks(), 120)
    sealed = "Sending SA: Key 1, Algorithm HMAC-SHA-256 - key chain OSPF"
    assert sealed in world.show("HUB", "ip ospf interface Tunnel0")
    new = ("key 2", "key-string two", "cryptographic-algorithm hmac-sha-512")
    for router in ("SPOKE1", "SPOKE2", "HUB"):
        world.configure(router, "key chain OSPF", *new)
    world.run_for(150)
    assert "Sending SA: Key 2, Algorithm HMAC-SHA-512" in world.show("HUB", "ip ospf interface Tunnel0")
    assert "Dead timer expired" not in world.show("HUB", "logging"), "the keys were rolled over within a dead interval"
    assert not world.lacks()


@pytest.mark.conforms("ospf:D.3-lifetimes")
def test_keys_with_lifetimes_roll_over_and_the_last_one_goes_on(world: World) -> None:
    now = world.show("HUB", "clock")
    for router in ("HUB", "SPOKE1", "SPOKE2"):
        _chained(world, router)
    assert world.wait_until(lambda: not world.lacks(), 120)
    clock = datetime.strptime(" ".join(now.replace("*", "").split()[i] for i in (0, 3, 4, 5)), "%H:%M:%S.%f %b %d %Y")
    change, end = ((clock + timedelta(seconds=seconds)).strftime("%H:%M:%S %b %d %Y") for seconds in (400, 600))
    for router in ("HUB", "SPOKE1", "SPOKE2"):
        first = ("key 1", f"send-lifetime 00:00:00 Jan 1 2020 {change}")
        second = ("key 2", "key-string two", "cryptographic-algorithm hmac-sha-256", f"send-lifetime {change} {end}")
        world.configure(router, "key chain OSPF", *first, *second)
    world.run_for(30)
    assert "Sending SA: Key 1," in world.show("HUB", "ip ospf interface Tunnel0")
    world.run_for(450)
    assert "Sending SA: Key 2," in world.show("HUB", "ip ospf interface Tunnel0")
    assert not world.lacks()
    world.run_for(300)
    assert "%OSPF-5-LASTKEYEXP: Process 1: Tunnel0: key 2 of key chain OSPF" in world.show("HUB", "logging")
    assert "Dead timer expired" not in world.show("HUB", "logging")
    assert not world.lacks()


def test_digest_keys_roll_over_router_by_router(world: World) -> None:
    assert world.wait_until(lambda: not world.lacks(), 120)
    for number, router in enumerate(("HUB", "SPOKE1", "SPOKE2")):
        world.configure(router, "interface Tunnel0", "ip ospf message-digest-key 2 md5 Sun5hine")
        world.run_for(150)
        shown = world.show("HUB", "ip ospf interface Tunnel0")
        assert "youngest key id is 2" in shown
        using = re.findall(r"Rollover in progress, (\d) neighbor", shown)
        assert using == ([str(2 - number)] if number < 2 else [])
        assert not world.lacks()
    for router in ("SPOKE2", "HUB", "SPOKE1"):
        world.configure(router, "interface Tunnel0", "no ip ospf message-digest-key 1")
        world.run_for(150)
        assert not world.lacks()
    assert "Dead timer expired" not in world.show("HUB", "logging")


# ------------------------------------------------------------------------------------------------ distribute lists


@pytest.mark.parametrize("story", stories("ospf_policy"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, route)
