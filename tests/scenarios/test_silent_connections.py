"""A wire that drops a part of what protects a tunnel, in both versions of IKE, where no line asks for probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from support.cases import every_day_but
from support.secured import said, spis, states
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

#: Before IKE in UDP port 4500: RFC 3948 §2.2.
MARKER: Final = bytes(4)
#: What shows print where there is none.
NO_SPI: Final = "0x0"


class Cloud(NamedTuple):
    """A scenario, a spoke with its wire, and NBMA addresses."""

    scenario: str
    spoke: str
    interface: str
    address: str
    hub: str
    pinger: str
    host: str

    def world(self, seed: int) -> World:
        world = World(self.scenario, seed=seed).converge()
        world.run_for(20)
        return world

    def drop(self, world: World, what: Callable[[bytes], bool]) -> None:
        """Drop such packets on the wire of the spoke from now on."""
        world.sim.segment_of(self.spoke, self.interface).gate = lambda _from, _to, packet: not what(packet)


CLOUDS: Final = {
    1: Cloud("course-lab", "SPOKE1", "GigabitEthernet0/0", "192.168.2.1", "192.168.1.1", "H2", "10.3.0.100"),
    2: Cloud("intro-phase3", "SPOKE10", "GigabitEthernet1", "203.0.113.10", "198.51.100.1", "H10", "192.168.20.100"),
}
SEEDS: Final = pytest.mark.parametrize("seed", every_day_but((2, 3), (1, 2, 3)))
BOTH: Final = pytest.mark.parametrize("version", [1, 2])


def by_udp(packet: bytes, port: int) -> bool:
    return packet[9] == 17 and port.to_bytes(2, "big") in (packet[20:22], packet[22:24])


def is_esp(packet: bytes) -> bool:
    return packet[9] == 50 or (by_udp(packet, 4500) and packet[28:32] != MARKER)


@SEEDS
@BOTH
def test_where_port_4500_is_blocked_later_packets_go_without_udp_within_half_a_minute(version: int, seed: int) -> None:
    cloud = CLOUDS[version]
    world = cloud.world(seed)
    cloud.drop(world, lambda packet: by_udp(packet, 4500))
    world.run_for(40)
    assert world.lacks() == []
    assert states(world, cloud.spoke)[cloud.hub] == "UP"
    assert world.stream(cloud.pinger, cloud.host, seconds=5, rate=5) == 25
    world.run_for(1)
    assert len(world.replies(cloud.pinger)) == 25


@SEEDS
@BOTH
def test_where_only_esp_is_dropped_the_sas_of_a_peer_that_lives_stay(version: int, seed: int) -> None:
    cloud = CLOUDS[version]
    world = cloud.world(seed)
    before = spis(world, cloud.spoke, cloud.hub)
    cloud.drop(world, is_esp)
    world.run_for(300)
    assert spis(world, cloud.spoke, cloud.hub) == before
    assert said(world, cloud.spoke, "no ESP of it has come") == [], "it had come before"
    cloud.drop(world, lambda _: False)
    assert world.wait_until(lambda: world.lacks() == [], limit=120), world.lacks()


@SEEDS
@BOTH
def test_where_esp_never_came_the_log_names_what_may_be_dropped_once(version: int, seed: int) -> None:
    cloud = CLOUDS[version]
    world = World(cloud.scenario, seed=seed)
    cloud.drop(world, is_esp)
    world.run_for(300)
    assert len(said(world, cloud.spoke, f"Peer {cloud.hub} answers IKE, but no ESP of it has come")) == 1


@SEEDS
@BOTH
def test_a_peer_that_is_gone_is_given_up_within_a_minute(version: int, seed: int) -> None:
    cloud = CLOUDS[version]
    world = cloud.world(seed)
    world.sim.kill(cloud.spoke)
    assert world.wait_until(lambda: set(spis(world, "HUB", cloud.address)) <= {NO_SPI}, limit=60)
