"""BGP on the tunnel: phases 2 and 3, two hubs, dynamic neighbors, and what happens when one end dies."""

from __future__ import annotations

import pytest

from dmvpn.features.bgp.machine import BgpMachine
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


@pytest.mark.parametrize("name", [PHASE3, PHASE2, TWO_HUBS])
def test_a_cloud_with_bgp_converges_and_lacks_no_neighbor(name: str) -> None:
    world = World(name).converge()
    assert world.wait_until(lambda: not world.lacks(), 30.0)


@pytest.mark.conforms("bgp:4456-reflect")
def test_a_reflector_that_says_itself_makes_phase_3_and_shortcuts_are_direct() -> None:
    world = World(PHASE3).converge()
    assert route(world, "SPOKE1", "10.1.2.0/24") == "10.255.0.1"
    for sequence in range(5):
        world.ping("H1", "10.1.2.100", sequence)
        world.run_for(1)
    assert len(world.replies("H1")) == 5
    assert "10.255.0.12" in world.show("SPOKE1", "ip nhrp shortcut")


@pytest.mark.conforms("bgp:5.1.3-third-party", "bgp:5.1.2-prepend")
def test_an_external_hub_tells_the_next_hop_of_the_spoke_itself() -> None:
    """RFC 4271 §5.1.3: they are on one subnet, so packets need not go by the hub."""
    world = World(PHASE2).converge()
    assert route(world, "SPOKE1", "10.1.2.0/24") == "10.255.0.12"
    world.ping("H1", "10.1.2.100")
    world.run_for(2)
    assert world.replies("H1") == [0]
    assert "65000 65012 i" in world.show("SPOKE1", "ip bgp")
    detail = world.show("SPOKE1", "ip route 10.1.2.0")
    assert "  Tag 65000, type external" in detail
    assert "  * 10.255.0.12, from 10.255.0.1, " in detail, "the next hop is the spoke, and the hub told it"


@pytest.mark.conforms("bgp:5.1.3-self")
def test_next_hop_self_takes_an_external_hub_back_into_the_way() -> None:
    line = " neighbor 10.255.0.11 remote-as 65011\n"
    world = World(PHASE2, change=lambda _, text: text.replace(line, line + " neighbor 10.255.0.11 next-hop-self\n"))
    world.converge()
    assert world.wait_until(lambda: route(world, "SPOKE1", "10.1.2.0/24") == "10.255.0.1", 10.0)


@pytest.mark.conforms("bgp:6.5-hold")
def test_a_dead_hub_is_given_up_after_the_hold_time_and_the_other_one_takes_over() -> None:
    world = World(TWO_HUBS).converge()
    assert route(world, "SPOKE1", "10.1.10.0/24") == "10.255.0.1"
    world.sim.kill("HUB1")
    world.run_for(45)
    assert route(world, "SPOKE1", "10.1.10.0/24") == "10.255.0.2"
    assert route(world, "CORE", "10.1.101.0/24") == "10.1.0.5"
    texts = world.messages("SPOKE1")
    assert "%BGP-3-NOTIFICATION: sent to neighbor 10.255.0.1 4/0 (hold time expired) 0 bytes" in texts
    assert "%BGP-5-ADJCHANGE: neighbor 10.255.0.1 Down BGP Notification sent" in texts


def test_a_hub_that_lives_again_gets_its_neighbors_back() -> None:
    world = World(PHASE3).converge()
    world.sim.kill("HUB")
    world.run_for(60)
    assert route(world, "SPOKE1", "10.1.2.0/24") == ""
    world.sim.boot("HUB", world.scenario.configurations["HUB"])
    assert world.wait_until(lambda: route(world, "SPOKE1", "10.1.2.0/24") == "10.255.0.1", 120.0)


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


@pytest.mark.conforms("bgp:2918-refresh")
def test_clearing_ends_the_session_and_soft_clearing_does_not() -> None:
    world = World(PHASE3).converge()
    world.do("SPOKE1", "clear ip bgp * soft")
    world.run_for(5)
    assert not any("User reset" in text for text in world.messages("SPOKE1"))
    world.do("SPOKE1", "clear ip bgp *")
    world.run_for(30)
    texts = world.messages("SPOKE1")
    assert "%BGP-5-ADJCHANGE: neighbor 10.255.0.1 Down User reset" in texts
    assert "%BGP-3-NOTIFICATION: received from neighbor 10.255.0.11 6/4 (Administrative Reset) 0 bytes" in (
        world.messages("HUB")
    )
    assert route(world, "SPOKE1", "10.1.2.0/24") == "10.255.0.1"


@pytest.mark.conforms("bgp:6.7-cease")
def test_a_neighbor_that_is_shut_down_says_so_and_stays_away() -> None:
    world = World(PHASE2).converge()
    world.configure("HUB", "router bgp 65000", "neighbor 10.255.0.11 shutdown")
    world.run_for(60)
    assert "Idle (Admin)" in world.show("HUB", "ip bgp summary")
    assert "%BGP-5-ADJCHANGE: neighbor 10.255.0.1 Down BGP Notification received" in world.messages("SPOKE1")
    assert route(world, "SPOKE2", "10.1.1.0/24") == ""
    world.configure("HUB", "router bgp 65000", "no neighbor 10.255.0.11 shutdown")
    assert world.wait_until(lambda: route(world, "SPOKE2", "10.1.1.0/24") != "", 120.0)


@pytest.mark.conforms("bgp:9.2.2.2-aggregate")
def test_an_aggregate_speaks_for_its_parts_and_leaves_when_the_last_one_does() -> None:
    world = World(PHASE2).converge()
    world.configure("HUB", "router bgp 65000", "aggregate-address 10.1.0.0 255.255.0.0 summary-only")
    assert world.wait_until(lambda: route(world, "SPOKE1", "10.1.0.0/16") == "10.255.0.1", 60.0)
    assert route(world, "SPOKE1", "10.1.2.0/24") == ""
    assert "Null0" in world.show("HUB", "ip route 10.1.0.0 255.255.0.0")
    world.configure("HUB", "router bgp 65000", "no aggregate-address 10.1.0.0 255.255.0.0 summary-only")
    assert world.wait_until(lambda: route(world, "SPOKE1", "10.1.2.0/24") == "10.255.0.12", 60.0)
    assert route(world, "SPOKE1", "10.1.0.0/16") == ""


def test_a_default_route_is_told_without_having_one() -> None:
    world = World(PHASE3).converge()
    world.configure("HUB", "router bgp 65000", "neighbor SPOKES default-originate")
    assert world.wait_until(lambda: "0.0.0.0" in world.show("SPOKE1", "ip bgp neighbors 10.255.0.1 routes"), 20.0)


def test_a_default_route_that_is_originated_has_the_local_preference_of_the_process() -> None:
    """It had 100 whatever `bgp default local-preference` said, and lost against routes of routers that obey it."""
    world = World(PHASE3).converge()
    world.configure("HUB", "router bgp 65000", "bgp default local-preference 300", "neighbor SPOKES default-originate")
    assert world.wait_until(lambda: "i  0.0.0.0 " in world.show("SPOKE1", "ip bgp"), 20.0)
    assert "localpref 300," in world.show("SPOKE1", "ip bgp 0.0.0.0")
    world.configure("HUB", "router bgp 65000", "bgp default local-preference 50")
    assert world.wait_until(lambda: "localpref 50," in world.show("SPOKE1", "ip bgp 0.0.0.0"), 20.0)


@pytest.mark.conforms("bgp:6.7-cease")
def test_whoever_tells_more_prefixes_than_it_may_is_given_up() -> None:
    world = World(PHASE2).converge()
    world.configure("SPOKE1", "router bgp 65011", "neighbor 10.255.0.1 maximum-prefix 1")
    world.do("SPOKE1", "clear ip bgp *")
    world.run_for(30)
    assert any("%BGP-3-MAXPFXEXCEED" in text for text in world.messages("SPOKE1"))
    assert any("6/1 (Maximum Number of Prefixes Reached)" in text for text in world.messages("HUB"))


@pytest.mark.conforms("bgp:9.4-originate")
def test_a_prefix_is_withdrawn_when_its_interface_goes_down() -> None:
    world = World(PHASE2).converge()
    world.configure("SPOKE2", "interface GigabitEthernet0/2", "shutdown")
    assert world.wait_until(lambda: route(world, "SPOKE1", "10.1.2.0/24") == "", 10.0)


def test_a_process_that_is_taken_away_takes_its_routes_along() -> None:
    world = World(PHASE3).converge()
    world.configure("SPOKE1", "no router bgp 65000")
    world.run_for(1)
    assert world.do("SPOKE1", "show ip bgp summary").strip() == "% BGP not active"
    assert route(world, "SPOKE1", "10.1.2.0/24") == ""
    assert route(world, "SPOKE2", "10.1.1.0/24") == ""


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
