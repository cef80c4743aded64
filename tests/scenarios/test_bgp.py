"""BGP on the tunnel: phases 2 and 3, two hubs, dynamic neighbors, and what happens when one end dies."""

from __future__ import annotations

import pytest

from dmvpn.features.bgp.machine import BgpMachine
from support.stories import Story, stories, tell
from support.world import World

PHASE3, PHASE2, TWO_HUBS = "bgp-phase3", "bgp-ebgp-phase2", "bgp-two-hubs"


def route(world: World, router: str, prefix: str) -> str:
    """The next hop of the route of BGP for this prefix; "" if there is none."""
    found = [line for line in world.lines(router, "ip route bgp") if f" {prefix} " in line]
    return found[0].split(" via ")[1].split(",")[0] if found else ""


def state(world: World, router: str, neighbor: str) -> str:
    """The last column of the summary."""
    (line,) = [line for line in world.lines(router, "ip bgp summary") if line.lstrip("*").startswith(f"{neighbor} ")]
    return line.split()[-1]


def test_a_cut_shorter_than_the_hold_time_costs_no_session() -> None:
    world = World(PHASE3).converge()
    world.cut("SPOKE1", "GigabitEthernet0/1")
    world.run_for(12)
    world.cut("SPOKE1", "GigabitEthernet0/1", cut=False)
    world.run_for(60)
    assert not any("Down" in text for text in world.messages("HUB") if "BGP-5-ADJCHANGE" in text)


def test_a_guest_beyond_the_limit_is_not_taken() -> None:
    world = World(PHASE3, change=lambda _, text: text.replace("listen limit 500", "listen limit 1"))
    world.run_for(20)
    machine = world.sim.routers["HUB"].router.machine(BgpMachine)
    assert len(machine.peers) == 1


@pytest.mark.conforms("bgp:4.5-notification", "bgp:6.2-open")
def test_another_as_than_configured_is_refused_with_a_notification() -> None:
    world = World(PHASE2, change=lambda _, text: text.replace("remote-as 65011", "remote-as 65099"))
    world.run_for(20)
    texts = world.messages("HUB") + world.messages("SPOKE1")
    assert any("10.255.0.11 2/2 (peer in wrong AS) 2 bytes" in text for text in texts)
    assert state(world, "HUB", "10.255.0.11") in {"Active", "Connect", "OpenSent", "Idle"}


@pytest.mark.conforms("bgp:2385-md5")
def test_sessions_with_one_password_come_up_and_with_two_do_not() -> None:
    hub = " neighbor SPOKES remote-as 65000\n"
    spoke = " neighbor 10.255.0.1 remote-as 65000\n"

    def change(router: str, text: str) -> str:
        text = text.replace(hub, hub + " neighbor SPOKES password sesame\n")
        password = "sesame" if router == "SPOKE1" else "simsim"
        return text.replace(spoke, spoke + f" neighbor 10.255.0.1 password {password}\n")

    world = World(PHASE3, change=change)
    world.run_for(40)
    assert state(world, "SPOKE1", "10.255.0.1").isdigit()
    assert not state(world, "SPOKE2", "10.255.0.1").isdigit()


def test_a_session_goes_on_if_both_ends_get_another_password_within_its_hold_time_and_ends_else() -> None:
    world = World(PHASE3).converge()
    before = world.show("SPOKE1", "ip bgp neighbors").count("Connections established 1; dropped 0")
    world.configure("HUB", "router bgp 65000", "neighbor SPOKES password sesame")
    world.run_for(5)
    world.configure("SPOKE1", "router bgp 65000", "neighbor 10.255.0.1 password sesame")
    world.run_for(120)
    assert world.show("SPOKE1", "ip bgp neighbors").count("Connections established 1; dropped 0") == before == 1
    assert route(world, "HUB", "10.1.1.0/24") == "10.255.0.11"
    assert not state(world, "SPOKE2", "10.255.0.1").isdigit()
    assert "Down BGP Notification sent" in "\n".join(world.messages("SPOKE2"))


@pytest.mark.conforms("bgp:4456-marks")
def test_shows_have_the_lines_that_tools_read() -> None:
    world = World(PHASE3).converge()
    summary = world.show("HUB", "ip bgp summary")
    assert "BGP router identifier 10.255.0.1, local AS number 65000" in summary
    assert "Neighbor        V           AS MsgRcvd MsgSent   TblVer  InQ OutQ Up/Down  State/PfxRcd" in summary
    assert world.show("HUB", "bgp ipv4 unicast summary") == summary
    table = world.show("SPOKE1", "ip bgp")
    assert " *>   10.1.1.0/24" in table
    assert " *>i  10.1.2.0/24" in table
    detail = world.show("SPOKE1", "ip bgp 10.1.2.0/24")
    assert "Originator: 10.255.0.12, Cluster list: 10.255.0.1" in detail
    neighbor = world.show("SPOKE1", "ip bgp neighbors 10.255.0.1")
    assert "BGP neighbor is 10.255.0.1,  remote AS 65000, internal link" in neighbor
    assert "  BGP state = Established, up for" in neighbor
    assert 'Known via "bgp 65000", distance 200, metric 0, type internal' in world.show("SPOKE1", "ip route 10.1.2.0")


def test_the_same_seed_lives_the_same_life() -> None:
    lives = []
    for _ in range(2):
        world = World(TWO_HUBS, seed=5)
        world.run_for(30)
        lives.append(list(world.console.items()))
    assert lives[0] == lives[1]


def test_a_neighbor_inside_a_tunnel_is_not_called_past_it_while_the_tunnel_is_down() -> None:
    """The default route leads to it, too: in clear, to whoever answers there."""
    world = World(PHASE3).converge()
    tap = world.watch("SPOKE1", "GigabitEthernet0/1")
    world.configure("SPOKE1", "interface Tunnel0", "shutdown")
    world.run_for(120)
    assert "10.255.0.1" not in {destination for _, destination in tap.ends()}
    assert "there is no route to the neighbor" in world.show("SPOKE1", "ip bgp neighbors 10.255.0.1")
    world.configure("SPOKE1", "interface Tunnel0", "no shutdown")
    assert world.wait_until(lambda: route(world, "SPOKE1", "10.1.2.0/24") == "10.255.0.1", 120.0)


@pytest.mark.parametrize("story", stories("bgp"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, route)
