"""A wire that drops a part of what protects a tunnel, in both versions of IKE, where no line asks for probes."""

from __future__ import annotations

from typing import Final

import pytest

from support.cases import every_day_but
from support.clouds import CLOUDS, by_udp, is_esp
from support.secured import said, spis, states
from support.world import World

#: What shows print where there is none.
NO_SPI: Final = "0x0"
SEEDS: Final = pytest.mark.parametrize("seed", every_day_but((2, 3), (1, 2, 3)))
BOTH: Final = pytest.mark.parametrize("version", [1, 2])


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
