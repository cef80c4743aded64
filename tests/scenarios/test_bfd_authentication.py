"""BFD whose packets prove who sent them: RFC 5880 §6.7, between a hub and a spoke."""

from __future__ import annotations

import pytest

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


@pytest.mark.conforms("bfd:6.8.6-authentication")
def test_who_authenticates_otherwise_is_not_heard_and_both_ends_say_so() -> None:
    world = pair(lines("sha-1"), lines(""))
    assert state(world) != "Up"
    text = world.show("SPOKE1", "bfd neighbors details")
    assert "the two ends authenticate differently (nothing here, sha-1 there)" in text
    assert "(sha-1 here, nothing there)" in world.show("HUB", "bfd neighbors details")


def test_another_key_is_named() -> None:
    world = pair(lines("md5"), lines("md5", "key chain BFD", "key 7", "key-string another-key-of-tests"))
    assert "the digest is wrong (key 7: other text, or not accepted now)" in world.show("HUB", "bfd neighbors details")


def test_without_a_key_nothing_is_sent() -> None:
    world = pair(lines("md5"), lines("md5", "key chain OTHER", "key 7", "key-string a-key-of-tests"))
    assert 'no key of key chain "BFD" is valid now' in world.show("SPOKE1", "bfd neighbors details")


def test_a_key_that_rolls_over_costs_no_session() -> None:
    world = pair(lines("meticulous-sha-1"), lines("meticulous-sha-1"))
    for router in ("HUB", "SPOKE1"):
        world.configure(router, "key chain BFD", "key 8", "key-string the-next-key-of-tests")
    for router in ("SPOKE1", "HUB"):
        world.configure(router, "key chain BFD", "key 7", "send-lifetime 00:00:00 Jan 1 2020 00:00:00 Jan 2 2020")
        world.run_for(5)
    assert state(world) == "Up"
    assert not [text for text in world.messages("SPOKE1") if "BFD_SESS_DOWN" in text]


def test_sessions_can_be_chosen_by_interface_address_and_client() -> None:
    world = pair(lines(""), lines(""))
    for chosen in ("interface Tunnel0", "ipv4", "ipv4 10.255.0.1", "client eigrp", "Tunnel0"):
        assert "10.255.0.1 " in world.show("SPOKE1", f"bfd neighbors {chosen}"), chosen
        assert "Registered protocols: EIGRP" in world.show("SPOKE1", f"bfd neighbors {chosen} details")
    assert "10.255.0.1 " not in world.show("SPOKE1", "bfd neighbors client ospf")
