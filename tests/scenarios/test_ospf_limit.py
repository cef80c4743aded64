"""`max-lsa`: a router that is told too much by others says so, and then has no neighbors for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.stories import Story, stories, tell

if TYPE_CHECKING:
    from support.world import World

LAN = "10.1.2.0/24"


NETWORK = "ospf-phase3"


def told(world: World) -> int:
    """How many advertisements SPOKE1 has of others."""
    line = next(line for line in world.lines("SPOKE1", "ip ospf") if "Current number" in line)
    return int(line.split()[-1])


def limit(world: World, line: str) -> None:
    world.configure("SPOKE1", "router ospf 1", line)


def logged(world: World, code: str) -> list[str]:
    return [line for line in world.messages("SPOKE1") if f"%{code}:" in line]


def has_neighbor(world: World) -> bool:
    return "FULL" in world.show("SPOKE1", "ip ospf neighbor")


def test_nearly_as_many_as_allowed_are_logged_and_what_is_ours_does_not_count(world: World) -> None:
    limit(world, "max-lsa 1000")
    world.run_for(1)
    count = told(world)
    assert count > 1
    limit(world, f"max-lsa {count} 100")
    for number in range(1, 20):
        world.configure("SPOKE1", f"ip route 172.16.{number}.0 255.255.255.0 Null0")
    world.configure("SPOKE1", "router ospf 1", "redistribute static subnets")
    world.run_for(120)
    assert told(world) == count
    assert not logged(world, "OSPF-4-OSPF_MAX_LSA")
    assert not logged(world, "OSPF-4-OSPF_MAX_LSA_THR")
    limit(world, f"max-lsa {count} 50")
    world.run_for(120)
    assert len(logged(world, "OSPF-4-OSPF_MAX_LSA_THR")) == 1
    assert f'"ospf 1" - {count} LSAs' in logged(world, "OSPF-4-OSPF_MAX_LSA_THR")[0]
    assert has_neighbor(world)


def test_too_many_for_a_minute_are_ignored_with_their_tellers_until_the_time_is_over(world: World) -> None:
    limit(world, "max-lsa 1 ignore-time 2 ignore-count 1")
    world.run_for(50)
    assert len(logged(world, "OSPF-4-OSPF_MAX_LSA")) == 1
    assert has_neighbor(world), "there is a minute to become less"
    world.run_for(20)
    assert not has_neighbor(world)
    assert LAN not in world.show("SPOKE1", "ip route")
    assert "All packets are ignored, for 00:01:" in world.show("SPOKE1", "ip ospf")
    assert "ignores all packets for 2 minutes" in logged(world, "OSPF-4-MAXLSA_IGNORE")[0]
    world.configure("SPOKE1", "interface Loopback7", "ip address 10.7.7.7 255.255.255.255")
    world.run_for(5)
    assert not has_neighbor(world), "another interface is no reason to begin"
    assert world.wait_until(lambda: has_neighbor(world), 180)
    world.run_for(70)
    assert not has_neighbor(world)
    assert "All packets are ignored, until it is cleared" in world.show("SPOKE1", "ip ospf")
    world.run_for(300)
    assert not has_neighbor(world), "the second time is for good"
    world.do("SPOKE1", "clear ip ospf process", "yes")
    assert world.wait_until(lambda: has_neighbor(world), 60)


def test_with_warning_only_nothing_is_ignored(world: World) -> None:
    limit(world, "max-lsa 1 warning-only")
    world.run_for(200)
    assert len(logged(world, "OSPF-4-OSPF_MAX_LSA")) == 1
    assert has_neighbor(world)


@pytest.mark.parametrize("story", stories("ospf_limit"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, has_neighbor)
