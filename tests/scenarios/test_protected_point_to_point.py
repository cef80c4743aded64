"""Scenario notes-gre with protection: a point-to-point tunnel whose settings are changed while it runs.

The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.
"""

from __future__ import annotations

import pytest

from support.nats import lost
from support.secured import ike_sas, said, spis
from support.texts import file_text
from support.world import World

R11, R31 = "172.16.11.1", "172.16.31.1"
CRYPTO = file_text("point_to_point_crypto.cfg")
PROTECTION = "tunnel protection ipsec profile"


def protected(_router: str, text: str) -> str:
    return text.replace("hostname", f"{CRYPTO}hostname", 1).replace(
        " tunnel source", f" {PROTECTION} P\n tunnel source"
    )


@pytest.fixture
def world() -> World:
    world = World("notes-gre", change=protected).converge()
    world.run_for(5)
    return world


def line(world: World, router: str = "R11") -> str:
    """The first line of `show interface`."""
    return world.lines(router, "interface tunnel 100")[0]


def test_the_tunnel_is_protected_and_keepalives_go_and_come_in_esp(world: World) -> None:
    assert lost(world, "H1", "10.3.3.100", seconds=5) == 0
    world.run_for(60)
    assert line(world) == "Tunnel100 is up, line protocol is up "
    assert len(ike_sas(world, "R11", R31)) == 1
    assert said(world, "R11", "changed state to down") == []


def test_another_profile_at_both_ends_replaces_the_sas(world: World) -> None:
    before = spis(world, "R11", R31)
    assert before
    for router in ("R11", "R31"):
        world.configure(router, "interface Tunnel100", f"{PROTECTION} Q")
    world.run_for(10)
    after = spis(world, "R11", R31)
    assert after
    assert not set(before) & set(after)
    assert any("transform: esp-gcm 256" in text for text in world.lines("R11", f"crypto ipsec sa peer {R31}"))
    assert lost(world, "H1", "10.3.3.100", seconds=5) == 0


def test_a_profile_of_ike_that_the_tunnel_names_itself_is_the_one_that_is_used() -> None:
    """The tunnel stayed down, although both profiles were there."""

    def named(router: str, text: str) -> str:
        text = protected(router, text).replace(" set ikev2-profile IKE\n", " set ikev2-profile ABSENT\n")
        return text.replace(f" {PROTECTION} P\n", f" {PROTECTION} P ikev2-profile IKE\n")

    world = World("notes-gre", change=named).converge()
    world.run_for(5)
    assert line(world) == "Tunnel100 is up, line protocol is up "
    assert len(ike_sas(world, "R11", R31)) == 1
    assert lost(world, "H1", "10.3.3.100", seconds=5) == 0


def test_an_end_without_protection_is_not_listened_to_and_the_other_one_says_so() -> None:
    world = World("notes-gre", change=lambda name, text: protected(name, text) if name == "R11" else text)
    world.run_for(60)
    assert said(
        world, "R11", f"Rec'd packet not an IPSEC packet. (ip) vrf/dest_addr= /{R11}, src_addr= {R31}, prot= 47"
    )
    assert not [text for text in world.lines("R11", "ip route eigrp") if "10.3.3" in text]
    assert len(said(world, "R11", "RECVD_PKT_NOT_IPSEC")) <= 2
    world.configure("R31", *CRYPTO.splitlines(), "interface Tunnel100", f"{PROTECTION} P")
    assert world.wait_until(lambda: world.lacks() == [], limit=60), world.lacks()


def test_a_profile_that_protects_nothing_takes_the_tunnel_down_and_a_good_one_brings_it_back(world: World) -> None:
    world.configure("R11", "interface Tunnel100", f"{PROTECTION} WEAK")
    assert line(world) == "Tunnel100 is up, line protocol is down "
    assert said(
        world, "R11", "%CRYPTO-4-CANNOT_PROTECT: Tunnel100 stays down: the IPsec profile has no usable transform"
    )
    world.run_for(5)
    assert ike_sas(world, "R11", R31) == []
    assert spis(world, "R31", R11) == ["0x0"]  # it was told
    world.configure("R11", "interface Tunnel100", f"{PROTECTION} P")
    assert world.wait_until(lambda: world.lacks() == [], limit=60), world.lacks()


def test_a_tunnel_that_is_shut_and_opened_is_back_within_seconds(world: World) -> None:
    world.configure("R11", "interface Tunnel100", "shutdown")
    world.run_for(5)
    assert spis(world, "R11", R31) == []
    assert spis(world, "R31", R11) == ["0x0"]  # wanted, and not there
    world.configure("R11", "interface Tunnel100", "no shutdown")
    assert world.wait_until(lambda: world.lacks() == [], limit=30), world.lacks()
    assert lost(world, "H1", "10.3.3.100", seconds=5) == 0


def test_clear_crypto_session_costs_a_second_at_most(world: World) -> None:
    world.do("R31", "clear crypto session")
    assert lost(world, "H1", "10.3.3.100", seconds=10) <= 20
    assert lost(world, "H1", "10.3.3.100", seconds=5) == 0
    assert len(ike_sas(world, "R11", R31)) == 1


def test_clear_crypto_sa_changes_the_keys_and_costs_nothing(world: World) -> None:
    before = spis(world, "R11", R31)
    world.do("R11", "clear crypto sa")
    assert lost(world, "H1", "10.3.3.100", seconds=10) == 0
    assert not set(before) & set(spis(world, "R11", R31))


def tunnel(number: int, address: str, far_end: str, profile: str) -> str:
    return (
        f"interface Tunnel{number}\n ip address {address} 255.255.255.252\n tunnel source GigabitEthernet0/1\n"
        f" tunnel destination {far_end}\n {PROTECTION} {profile}\n"
    )


def test_tunnels_from_one_address_to_two_peers_have_profiles_of_their_own_whoever_begins() -> None:
    tunnels = {
        "R11": tunnel(1, "10.99.1.1", "172.16.31.1", "P") + tunnel(2, "10.99.2.1", "172.16.41.1", "Q"),
        "R31": tunnel(1, "10.99.1.2", "172.16.11.1", "P"),
        "R41": tunnel(2, "10.99.2.2", "172.16.11.1", "Q"),
    }
    world = World(
        "notes-phase3", change=lambda name, text: text.replace("\nend\n", f"\n{CRYPTO}{tunnels.get(name, '')}end\n")
    )
    for router in ("R11", "R31", "R41"):
        world.run_for(20)
        for address in ("10.99.1.2", "10.99.2.2"):
            assert "Success rate is 100 percent" in world.do("R11", f"ping {address}")
        peers = [text.split()[1] for text in world.lines("R11", "crypto ipsec sa") if "current_peer" in text]
        assert peers == ["172.16.31.1", "172.16.41.1"]
        for peer, transform in (("172.16.31.1", "esp-256-aes esp-sha256-hmac"), ("172.16.41.1", "esp-gcm 256")):
            shown = world.show("R11", f"crypto ipsec sa peer {peer}")
            assert shown.count("transform: ") == shown.count(f"transform: {transform} ,") == 2
        world.do(router, "clear crypto session")
