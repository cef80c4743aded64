"""Log hosts behind the front door: lines to them leave in the VRF, those to other hosts in the global table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.net import ipv4

if TYPE_CHECKING:
    from support.world import Wiretap, World

HOST, PORT = "203.0.113.1", "GigabitEthernet0/1"


NETWORK = "front-door"


def reached(tap: Wiretap, protocol: int, port: int) -> list[str]:
    """Return the sources of the packets for this port of the log host."""
    packets = [ipv4.Ipv4Packet.parse(octets) for _, octets in tap.packets if octets[0] >> 4 == 4]
    mine = [one for one in packets if one.protocol == protocol and str(one.destination) == HOST]
    return [str(one.source) for one in mine if int.from_bytes(one.payload[2:4], "big") == port]


@pytest.mark.parametrize(
    ("lines", "sources"),
    [
        ((f"logging host {HOST} vrf INTERNET transport udp port 5514",), ["198.51.100.1"]),
        ((f"logging host {HOST} transport udp port 5514",), []),
        (
            (
                *("interface Loopback5", "vrf forwarding INTERNET", "ip address 192.0.2.5 255.255.255.255"),
                "logging source-interface Loopback5 vrf INTERNET",
                f"logging host {HOST} vrf INTERNET transport udp port 5514",
            ),
            ["192.0.2.5"],
        ),
    ],
)
def test_lines_leave_in_the_vrf_of_their_host(world: World, lines: tuple[str, ...], sources: list[str]) -> None:
    world.configure("SPOKE1", *lines)
    tap = world.watch("SPOKE1", PORT)
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "shutdown")
    world.run_for(3)
    found = reached(tap, ipv4.IpProtocol.UDP, 5514)
    assert list(dict.fromkeys(found)) == sources


def test_a_connection_is_opened_in_the_vrf(world: World) -> None:
    tap = world.watch("SPOKE1", PORT)
    world.configure("SPOKE1", f"logging host {HOST} vrf INTERNET transport tcp")
    world.run_for(3)
    assert reached(tap, ipv4.IpProtocol.TCP, 601)[0] == "198.51.100.1"
