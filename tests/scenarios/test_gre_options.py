"""`tunnel checksum` and `tunnel sequence-datagrams`: what GRE headers have besides, and what it costs."""

from __future__ import annotations

import pytest

from dmvpn.net.gre import ProtocolType
from support.world import World

LINES = " tunnel checksum\n tunnel sequence-datagrams\n"


def with_options(name: str) -> World:
    def change(router: str, text: str) -> str:
        return "".join(
            line + (LINES if line.startswith(" tunnel source") else "") for line in text.splitlines(keepends=True)
        )

    return World(name, change=change)


@pytest.mark.parametrize("name", ["notes-gre", "notes-phase3", "intro-phase3"])
def test_a_network_with_both_lines_everywhere_works(name: str) -> None:
    with_options(name).converge()


def test_point_to_point_tunnels_have_both_and_say_so() -> None:
    world = with_options("notes-gre").converge()
    lines = world.lines("R31", "interfaces Tunnel100")
    assert any(line.endswith(", sequencing enabled") for line in lines)
    assert "    Checksumming of packets enabled" in lines
    tap = world.watch("R31", "GigabitEthernet0/1")
    world.run_for(15)
    headers = [found.header for found in tap.tunnelled(ProtocolType.IPV4)]
    assert headers
    assert all(header.has_checksum and header.sequence is not None for header in headers)


def test_a_multipoint_tunnel_has_checksums_alone() -> None:
    world = with_options("notes-phase3").converge()
    lines = world.lines("R31", "interfaces Tunnel100")
    assert any(line.endswith(", sequencing disabled") for line in lines)
    tap = world.watch("R31", "GigabitEthernet0/1")
    world.run_for(15)
    headers = [found.header for found in tap.tunnelled(ProtocolType.IPV4)]
    assert headers
    assert all(header.has_checksum and header.sequence is None for header in headers)
