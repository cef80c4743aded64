"""Which tunnel a packet of GRE belongs to: as in the engine's `table.rs`."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.dataplane.contract import Door
from dmvpn.dataplane.python.tunnels import CoreTunnel, TunnelTable

HERE, THERE_TOO = Door(0), Door(1)
THERE, ELSEWHERE = (IPv4Address(f"10.0.0.{number}").packed for number in (2, 3))


def table(*tunnels: tuple[bytes | None, int | None]) -> TunnelTable:
    """Tunnels 1, 2, ... from here, each with its destination and key."""
    made = TunnelTable()
    for number, (destination, key) in enumerate(tunnels, 1):
        made.set(number, CoreTunnel(HERE, destination, key, bytes(6)))
    return made


@pytest.mark.parametrize(
    ("remote", "key", "expected"),
    [(THERE, None, 2), (ELSEWHERE, None, 1), (THERE, 0, 3), (THERE, 7, 4), (ELSEWHERE, 7, None)],
)
def test_a_point_to_point_tunnel_comes_before_a_multipoint_one_and_keys_must_be_equal(
    remote: bytes, key: int | None, expected: int | None
) -> None:
    tunnels = table((None, None), (THERE, None), (None, 0), (THERE, 7))
    assert tunnels.demultiplex(HERE, remote, key) == expected
    assert tunnels.demultiplex(THERE_TOO, THERE, None) is None, "the same address in another front door"


def test_a_removed_tunnel_gives_way_to_the_next_one() -> None:
    tunnels = table((THERE, None), (THERE, None), (None, None))
    for expected in (1, 2, 3):
        assert tunnels.demultiplex(HERE, THERE, None) == expected
        tunnels.remove(expected)
    assert tunnels.demultiplex(HERE, THERE, None) is None


def test_a_tunnel_with_a_new_key_is_found_by_it_alone() -> None:
    tunnels = table((None, 1))
    tunnels[1].key = 2
    tunnels.set(1, tunnels[1])
    assert tunnels.demultiplex(HERE, THERE, 1) is None
    assert tunnels.demultiplex(HERE, THERE, 2) == 1
