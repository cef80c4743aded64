"""Lines of BGP's neighbors and aggregates, each judged by what another router gets to know."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

import pytest

from dmvpn.features.bgp.machine import BgpMachine
from support.stories import Story, stories, tell
from support.world import World

EXTERNAL, REFLECTED = "bgp-ebgp-phase2", "bgp-phase3"
HUB = ("router bgp 65000",)


def path(world: World, router: str, prefix: str) -> str:
    """The AS path of the best path as the table has it; "-": there is none."""
    rows = [line for line in world.lines(router, "ip bgp") if f" {prefix} " in line]
    found = re.search(r"\s{2,}\d+ ((?:[\d{},]+ )*)[ie?]$", rows[0]) if rows else None
    return found[1].strip() if found else "-"


def state(world: World, router: str, neighbor: str) -> str:
    """The last column of the summary."""
    (line,) = [line for line in world.lines(router, "ip bgp summary") if line.lstrip("*").startswith(f"{neighbor} ")]
    return " ".join(line.split()[9:])


def is_up(world: World, router: str, neighbor: str) -> bool:
    return state(world, router, neighbor).isdigit()


@pytest.mark.conforms("bgp:6.8-collision")
def test_of_two_connections_that_both_ends_opened_one_stays_and_nobody_goes_down() -> None:
    world = World(EXTERNAL).converge()
    world.run_for(30)
    for router, neighbors in (("HUB", ("10.255.0.11", "10.255.0.12")), ("SPOKE1", ("10.255.0.1",))):
        peers = world.sim.routers[router].router.machine(BgpMachine).peers
        for neighbor in neighbors:
            peer = peers[IPv4Address(neighbor)]
            assert (len(peer.sessions), peer.established, peer.dropped) == (1, 1, 0)


def test_kinds_of_communities_that_two_lines_name_are_both_told() -> None:
    """The second line took the first one's place, and communities were told no more."""
    world = World(EXTERNAL).converge()
    world.configure("HUB", *HUB, "neighbor 10.255.0.11 send-community", "neighbor 10.255.0.11 send-community extended")
    lines = world.sim.routers["HUB"].router.machine(BgpMachine).peers[IPv4Address("10.255.0.11")].settings.lines
    assert (lines.send_community, lines.send_extended) == (True, True)
    world.configure("HUB", *HUB, "no neighbor 10.255.0.11 send-community")
    lines = world.sim.routers["HUB"].router.machine(BgpMachine).peers[IPv4Address("10.255.0.11")].settings.lines
    assert (lines.send_community, lines.send_extended) == (False, True)


# ------------------------------------------------------------------------------------------ lines of the process


def test_an_aggregate_has_the_default_local_preference_too() -> None:
    """Inside, an aggregate was told with 100, whatever the line said."""
    world = World(REFLECTED).converge()
    world.configure("SPOKE1", *HUB, "aggregate-address 10.1.0.0 255.255.0.0", "bgp default local-preference 150")
    world.run_for(10)

    def preference() -> str:
        (row,) = [line for line in world.lines("HUB", "ip bgp") if " 10.1.0.0/16 " in line]
        return row.split()[-3]

    assert preference() == "150"
    world.configure("SPOKE1", *HUB, "bgp default local-preference 170")
    world.run_for(10)
    assert preference() == "170"


def test_a_limit_that_only_warns_is_said_once_until_there_are_few_enough_again() -> None:
    world = World(EXTERNAL).converge()
    world.configure("HUB", *HUB, "neighbor 10.255.0.11 maximum-prefix 1 warning-only")

    def loopbacks(*numbers: int, word: str = "") -> None:
        for number in numbers:
            world.configure("SPOKE1", f"interface Loopback{number}", f"ip address 10.77.{number}.1 255.255.255.0")
            network = f"{word}network 10.77.{number}.0 mask 255.255.255.0"
            world.configure("SPOKE1", "router bgp 65011", "address-family ipv4", network)
            world.run_for(35)

    def said() -> int:
        return sum("exceeds limit 1" in line for line in world.messages("HUB"))

    loopbacks(1, 2, 3)
    assert said() == 1
    assert is_up(world, "HUB", "10.255.0.11")
    loopbacks(1, 2, 3, word="no ")
    loopbacks(1)
    assert said() == 2


def test_no_and_a_neighbor_takes_back_all_that_is_said_of_it() -> None:
    """`no neighbor 10.255.0.11` left the session up, and was kept as a line that took lines away at the next start."""
    world = World(EXTERNAL).converge()
    before = world.lines("HUB", "running-config | include 10.255.0.11")
    assert before
    answer = world.configure("HUB", *HUB, "no neighbor 10.255.0.11")
    assert "%" not in answer
    assert not world.lines("HUB", "running-config | section bgp | include 10.255.0.11")
    assert "10.255.0.11" not in world.show("HUB", "ip bgp summary")
    assert "neighbor 10.255.0.12 " in world.show("HUB", "running-config")
    world.configure("HUB", *HUB, "no neighbor 10.255.0.11", *before)
    assert world.lines("HUB", "running-config | include 10.255.0.11") == before
    world.run_for(90)
    assert is_up(world, "HUB", "10.255.0.11")


@pytest.mark.parametrize("typed", ["no neighbor 10.255.0.11 remote-as 65011", "no neighbor 10.255.0.11"])
def test_a_neighbor_without_an_autonomous_system_leaves_nothing_in_the_address_family(typed: str) -> None:
    """Its lines stayed there forever: `no neighbor` is typed in front of the address family and found none of them."""
    world = World("bgp-phase3")
    about = ("neighbor 10.9.9.9 remote-as 65011", "neighbor 10.9.9.9 description nine", "address-family ipv4")
    of_family = ("neighbor 10.9.9.9 activate", "neighbor 10.9.9.9 next-hop-self", "neighbor 10.9.9.9 weight 7")
    process = world.lines("HUB", "running-config | include ^router bgp")[0]
    before = world.lines("HUB", "running-config | section bgp")
    world.configure("HUB", process, *about, *of_family)
    assert len(world.lines("HUB", "running-config | include 10.9.9.9")) >= 4
    world.configure("HUB", process, typed.replace("10.255.0.11", "10.9.9.9"))
    assert not world.lines("HUB", "running-config | include 10.9.9.9")
    world.configure("HUB", process, "no address-family ipv4")
    world.configure("HUB", *(line.strip() for line in before))
    assert world.lines("HUB", "running-config | section bgp") == before


@pytest.mark.parametrize("story", stories("bgp_lines"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, is_up, path, state)
