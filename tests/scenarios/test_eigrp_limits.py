"""`maximum-prefix` of EIGRP, as somebody types it on the hub of a cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.features.eigrp import limits
from dmvpn.features.eigrp.limits import Limits
from support.stories import Story, stories, tell
from support.world import World

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.features.eigrp.model import PrefixLimit

FIRST, SECOND = "10.255.0.11", "10.255.0.12"


def crowd(world: World, router: str, count: int, start: int = 0) -> None:
    """So many networks more behind a spoke."""
    lines = []
    for number in range(start, start + count):
        lines += [f"interface Loopback{number + 1}", f"ip address 10.77.{number}.1 255.255.255.0", "exit"]
    world.configure(router, *lines)


def family(world: World, *lines: str) -> str:
    """Type lines into the hub's address family."""
    return world.configure("HUB", "router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100", *lines)


def neighbors(world: World) -> str:
    return world.show("HUB", "ip eigrp neighbors")


def cloud() -> World:
    world = World("phase2-eigrp").converge()
    world.configure(
        "SPOKE1",
        "router eigrp DMVPN",
        "address-family ipv4 unicast autonomous-system 100",
        "network 10.77.0.0 0.0.255.255",
    )
    world.run_for(3)
    return world


def test_a_neighbor_that_tells_too_much_stays_away_for_the_minutes_of_restart() -> None:
    world = cloud()
    family(world, f"neighbor {FIRST} maximum-prefix 4 50 restart 1 restart-count 2")
    assert f" neighbor {FIRST} maximum-prefix 4 50 restart 1 restart-count 2" in world.show("HUB", "running-config")
    crowd(world, "SPOKE1", 2)
    world.run_for(1)
    named = f"EIGRP-IPv4 100: Neighbor {FIRST} (Tunnel0)"
    assert f"%DUAL-4-PFXLIMITTHR: {named} threshold prefix level(50) reached." in world.messages("HUB")
    assert FIRST in neighbors(world)
    crowd(world, "SPOKE1", 2, 2)
    world.run_for(1)
    assert f"%DUAL-3-PFXLIMIT: {named} prefix limit reached(4)." in world.messages("HUB")
    assert f"%DUAL-5-NBRCHANGE: {named} is down: prefix-limit exceeded" in world.messages("HUB")
    assert FIRST not in neighbors(world)
    assert SECOND in neighbors(world)
    assert f" D     {FIRST}      Tu0" in world.show("HUB", "ip eigrp accounting")
    world.run_for(50)
    assert FIRST not in neighbors(world)
    world.configure("SPOKE1", "no interface Loopback1", "no interface Loopback2")
    world.run_for(20)
    assert FIRST in neighbors(world)
    assert "10.77.2.0/24" in world.show("HUB", "ip route")


def test_after_the_last_pause_only_clear_lets_a_neighbor_come_back() -> None:
    world = cloud()
    family(world, "neighbor maximum-prefix 2 restart 1 restart-count 1")
    crowd(world, "SPOKE1", 3)
    world.run_for(90)
    world.run_for(300)
    assert FIRST not in neighbors(world)
    family(world, "no neighbor maximum-prefix", "neighbor maximum-prefix 20")
    world.run_for(15)
    assert FIRST in neighbors(world), "the line is another one"
    family(world, "neighbor maximum-prefix 2 restart-count 1 restart 1")
    world.run_for(200)
    assert FIRST not in neighbors(world)
    world.configure("SPOKE1", *(f"no interface Loopback{number}" for number in (1, 2, 3)))
    world.run_for(60)
    assert FIRST not in neighbors(world)
    world.do("HUB", "clear ip eigrp neighbors")
    world.run_for(15)
    assert FIRST in neighbors(world)


def test_warning_only_logs_and_keeps_everything() -> None:
    world = cloud()
    family(world, f"neighbor {FIRST} maximum-prefix 2 warning-only")
    crowd(world, "SPOKE1", 5)
    world.run_for(5)
    about = [text for text in world.messages("HUB") if "PFXLIMIT" in text]
    assert [text.split(":")[0] for text in about] == ["%DUAL-4-PFXLIMITTHR", "%DUAL-3-PFXLIMIT"]
    assert "10.77.4.0/24" in world.show("HUB", "ip route")


@pytest.mark.parametrize("limit", ["no maximum-prefix", "maximum-prefix 10 warning-only"])
def test_whoever_tells_more_than_there_is_room_for_goes_whatever_the_limit_of_the_process_says(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that only warns took the last limit away, and a neighbor could fill the memory."""
    world = cloud()
    family(world, "topology base", limit)
    world.configure("SPOKE2", "interface Tunnel0", "shutdown")
    monkeypatch.setattr(limits, "MOST_PREFIXES", 20)
    crowd(world, "SPOKE1", 30)
    world.run_for(5)
    assert FIRST not in neighbors(world)


def test_own_networks_cost_no_neighbor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever had many networks of its own gave up neighbors that told it next to nothing."""
    world = cloud()
    monkeypatch.setattr(limits, "MOST_PREFIXES", 20)
    family(world, "topology base", "redistribute static metric 1000 1 255 1 1400", "no maximum-prefix")
    world.configure("SPOKE2", "interface Tunnel0", "shutdown")
    world.configure("HUB", *(f"ip route 172.16.{number}.0 255.255.255.0 Null0" for number in range(18)))
    world.run_for(5)
    assert FIRST in neighbors(world)


def test_the_limit_of_a_process_sends_all_neighbors_away() -> None:
    world = cloud()
    family(world, "topology base", "maximum-prefix 8 restart 1")
    crowd(world, "SPOKE1", 8)
    world.run_for(2)
    assert "%DUAL-3-PFXLIMIT: EIGRP-IPv4 100: Process prefix limit reached(8)." in world.messages("HUB")
    assert FIRST not in neighbors(world)
    assert SECOND not in neighbors(world)
    world.configure("SPOKE1", *(f"no interface Loopback{number}" for number in range(1, 7)))
    world.run_for(80)
    assert FIRST in neighbors(world)
    assert SECOND in neighbors(world)


def test_a_soft_clear_keeps_neighbors_and_tells_them_everything_again() -> None:
    world = cloud()
    world.do("HUB", "clear ip eigrp neighbors soft")
    world.do("HUB", f"clear eigrp address-family ipv4 100 neighbors {FIRST} soft")
    world.run_for(2)
    assert "up: new adjacency" not in "".join(world.messages("HUB")[-4:])
    named = f"EIGRP-IPv4 100: Neighbor {FIRST} (Tunnel0)"
    assert f"%DUAL-5-NBRCHANGE: {named} is resync: manually cleared" in world.messages("HUB")
    assert "10.1.2.0/24" in world.show("SPOKE1", "ip route")


def test_neighbors_that_tell_nothing_new_are_not_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a thousand neighbors and a limit of each, a hub did little else than count what all of them had told."""
    world = cloud()
    family(world, "neighbor maximum-prefix 100")
    world.run_for(5)
    looked: list[IPv4Address] = []
    known = Limits.limit_of

    def limit_of(self: Limits, address: IPv4Address) -> PrefixLimit | None:
        looked.append(address)
        return known(self, address)

    monkeypatch.setattr(Limits, "limit_of", limit_of)
    world.run_for(60)
    assert not looked
    crowd(world, "SPOKE1", 1)
    world.run_for(5)
    assert {str(address) for address in looked} == {FIRST}


@pytest.mark.parametrize("story", stories("eigrp_limits"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, family)
