"""The lines to enter where keys differ or are missing: those of the keyring that is there."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.network.device import Device
from dmvpn.network.terms import preshared_keys
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address, IPv6Address

HUB = ip_address("172.16.11.1")
RING = """\
crypto ikev2 keyring KR
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key <removed>
 !
 peer HUB
  description the head office
  address 172.16.11.1
  pre-shared-key local <removed>
  pre-shared-key remote <removed>
 !
!
interface Tunnel0
"""


def key_lines(
    lines: Sequence[str],
    peer: IPv4Address | IPv6Address,
    *,
    missing: bool,
    other: Sequence[str] = (),
    every: Sequence[IPv4Address | IPv6Address] = (),
    front: str = "",
) -> tuple[str, ...]:
    """Return the lines to enter for a peer, the router `my OTHER`, of configurations as they are shown."""
    mine, theirs = (Device.read("my OTHER", "\n".join(text)) for text in (lines, other))
    return preshared_keys.key_lines(mine, peer, missing=missing, other=theirs, every=every, front=front)


def test_the_peer_that_fits_closest_is_the_one_whose_keys_are_used() -> None:
    fix = ("crypto ikev2 keyring KR", "peer HUB", "pre-shared-key local <secret>", "pre-shared-key remote <secret>")
    assert key_lines(RING.splitlines(), HUB, missing=False) == fix


def test_anybody_else_has_the_key_of_the_peer_that_takes_all() -> None:
    fix = ("crypto ikev2 keyring KR", "peer ANY", "pre-shared-key <secret>")
    assert key_lines(RING.splitlines(), ip_address("198.51.100.7"), missing=False) == fix


def test_a_missing_key_comes_in_a_peer_of_its_own() -> None:
    fix = ("crypto ikev2 keyring KR", "peer my-OTHER", "address 2001:db8::7", "pre-shared-key <secret>")
    assert key_lines(RING.splitlines(), ip_address("2001:db8::7"), missing=True) == fix


def test_a_keyring_with_one_peer_lacks_its_address_alone() -> None:
    ring = [line for line in RING.replace("172.16.11.1", "10.9.9.9").splitlines() if "ANY" not in line]
    del ring[1:4]
    assert ring[1] == " peer HUB"
    assert key_lines(ring, HUB, missing=True) == ("crypto ikev2 keyring KR", "peer HUB", "address 172.16.11.1")


def test_a_key_of_ikev1_for_a_peer_behind_a_front_door_is_for_its_vrf() -> None:
    """The line was one of the global table, or of the keyring of another VRF."""
    elsewhere = ["crypto isakmp policy 10", "crypto keyring OTHER vrf LAB", " pre-shared-key address 10.9.9.9 key k"]
    fix = ("crypto keyring FOR-WAN vrf WAN", "pre-shared-key address 172.16.11.1 key <secret>")
    assert key_lines(elsewhere, HUB, missing=True, front="WAN") == fix
    known = ["crypto keyring MINE vrf WAN", " pre-shared-key address 10.9.9.9 key k"]
    assert key_lines([*elsewhere, *known], HUB, missing=True, front="WAN") == (known[0], fix[1])


def test_the_name_of_a_peer_that_the_keyring_has_is_left_to_the_reader() -> None:
    """Under the name of the router its entry would have got the address of another router."""
    ring = RING.replace("peer HUB", "peer my-OTHER").splitlines()
    sixth = ip_address("2001:db8::7")
    assert key_lines(ring, sixth, missing=True, every=(HUB, sixth))[1] == "peer <name>"


ONE, TWO = ip_address("198.51.100.5"), ip_address("198.51.100.9")
OF_PEERS = ("crypto ikev2 keyring KR", "peer ANY")


def without_address(ring: str = RING, *gone: str) -> list[str]:
    """Return the keyring where no address says who has the key of its first peer, without these peers."""
    lines = ring.replace("  address 0.0.0.0 0.0.0.0\n", "").splitlines()
    return lines[: lines.index(" peer HUB")] if "HUB" in gone else lines


@pytest.mark.parametrize("gone", [(), ("HUB",)])
def test_an_address_for_several_spokes_that_lack_a_key_is_one_line(gone: tuple[str, ...]) -> None:
    """Each spoke had a line of its own for the same section, and the second took the place of the first."""
    ring = without_address(RING, *gone)
    for spoke in (ONE, TWO):
        lines = key_lines(ring, spoke, missing=True, every=(ONE, TWO))
        assert lines == (*OF_PEERS, "address 0.0.0.0 0.0.0.0")


def test_a_peer_without_an_address_gets_that_of_the_only_router_without_a_key() -> None:
    assert key_lines(without_address(), ONE, missing=True, every=(HUB, ONE)) == (*OF_PEERS, "address 198.51.100.5")


def test_the_peer_of_a_router_that_has_its_key_keeps_its_address() -> None:
    """The address was replaced, and the other router lost its key."""
    ring = RING.replace("0.0.0.0 0.0.0.0", "198.51.100.5").splitlines()
    ring = ring[: ring.index(" peer HUB")]
    assert key_lines(ring, TWO, missing=True, every=(ONE, TWO)) == (
        "crypto ikev2 keyring KR",
        "peer my-OTHER",
        "address 198.51.100.9",
        "pre-shared-key <secret>",
    )


def test_the_wide_address_of_the_other_end_replaces_none_that_it_does_not_cover() -> None:
    """The other end's line took the place of the address of a third router, which lost its key."""
    ring = RING.replace("0.0.0.0 0.0.0.0", "203.0.113.7").splitlines()
    ring = ring[: ring.index(" peer HUB")]
    other = RING.replace("0.0.0.0 0.0.0.0", "198.51.100.0 255.255.255.0").splitlines()
    third = ip_address("203.0.113.7")
    lines = key_lines(ring, TWO, missing=True, other=other, every=(third, TWO))
    assert lines[:2] == ("crypto ikev2 keyring KR", "peer my-OTHER")
    assert key_lines(ring, TWO, missing=True, other=other, every=(ONE, TWO)) == (
        *OF_PEERS,
        "address 198.51.100.0 255.255.255.0",
    )


@pytest.mark.parametrize(
    ("missing", "line"),
    [(False, "crypto isakmp key <secret> address 0.0.0.0"), (True, "crypto isakmp key <secret> address 172.16.11.1")],
    ids=["another", "missing"],
)
def test_keys_of_the_old_kind_stay_of_the_old_kind(missing: bool, line: str) -> None:
    world = World("course-lab", seed=1)
    spoke = world.sim.facts(world.scenario).routers["SPOKE1"]
    assert spoke is not None
    assert key_lines(spoke.configuration, HUB, missing=missing) == (line,)


def test_without_a_keyring_the_lines_say_where_one_goes() -> None:
    assert key_lines([], HUB, missing=True) == (
        "crypto ikev2 keyring <name>",
        "peer my-OTHER",
        "address 172.16.11.1",
        "pre-shared-key <secret>",
    )
