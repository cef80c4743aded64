"""Two protected clouds, one for each version of IKE, with a spoke whose wire or port a test changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

#: Before IKE in UDP port 4500: RFC 3948 §2.2.
MARKER: Final = bytes(4)


class Cloud(NamedTuple):
    """A scenario, a spoke with its wire, the hub's port, and NBMA addresses."""

    scenario: str
    spoke: str
    interface: str
    address: str
    hub: str
    hub_interface: str
    pinger: str
    host: str

    def world(self, seed: int) -> World:
        """Return the cloud when all works."""
        world = World(self.scenario, seed=seed).converge()
        world.run_for(20)
        return world

    def drop(self, world: World, what: Callable[[bytes], bool]) -> None:
        """Drop such packets on the wire of the spoke from now on."""
        world.sim.segment_of(self.spoke, self.interface).gate = lambda _from, _to, packet: not what(packet)


CLOUDS: Final = {
    1: Cloud(
        "course-lab",
        *("SPOKE1", "GigabitEthernet0/0", "192.168.2.1", "192.168.1.1", "GigabitEthernet0/0"),
        *("H2", "10.3.0.100"),
    ),
    2: Cloud(
        "intro-phase3",
        *("SPOKE10", "GigabitEthernet1", "203.0.113.10", "198.51.100.1", "GigabitEthernet1"),
        *("H10", "192.168.20.100"),
    ),
}


def by_udp(packet: bytes, port: int) -> bool:
    """Return whether an IP packet has this UDP port."""
    return packet[9] == 17 and port.to_bytes(2, "big") in (packet[20:22], packet[22:24])


def is_esp(packet: bytes) -> bool:
    """Return whether an IP packet is ESP, in UDP or without."""
    return packet[9] == 50 or (by_udp(packet, 4500) and packet[28:32] != MARKER)
