"""Lines of BGP's neighbors and aggregates, each judged by what another router gets to know."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

import pytest

from dmvpn.features.bgp.machine import BgpMachine
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


def test_templates_give_neighbors_what_they_do_not_say_themselves() -> None:
    world = World(EXTERNAL)
    world.configure(
        "HUB",
        *HUB,
        *("template peer-session BASE", "timers 7 21", "exit-peer-session"),
        *("template peer-session S", "inherit peer-session BASE", "description a spoke", "exit-peer-session"),
        *("template peer-policy P", "next-hop-self", "weight 5", "exit-peer-policy"),
        *("template peer-policy Q", "inherit peer-policy P 10", "weight 9", "exit-peer-policy"),
        *("neighbor 10.255.0.11 inherit peer-session S", "neighbor 10.255.0.11 inherit peer-policy Q"),
    )
    world.converge()
    world.run_for(5)
    detail = world.show("HUB", "ip bgp neighbors 10.255.0.11")
    assert "hold time is 21, keepalive interval is 7 seconds" in detail
    assert "Description: a spoke" in detail
    assert "10.1.2.0/24 [20/0] via 10.255.0.1," in world.show("SPOKE1", "ip route bgp")
    assert " 9 65011 i" in world.show("HUB", "ip bgp"), "the template itself goes before what it inherits"
    assert " 0 65012 i" in world.show("HUB", "ip bgp")


def test_whoever_calls_by_a_listen_range_may_be_in_another_system_that_its_group_names() -> None:
    world = World(EXTERNAL).converge()
    world.configure("HUB", *HUB, "no neighbor 10.255.0.11", "no neighbor 10.255.0.12", "neighbor GUESTS peer-group")
    world.configure("HUB", *HUB, "bgp listen range 10.255.0.0/24 peer-group GUESTS")
    world.configure("HUB", *HUB, "neighbor GUESTS remote-as 65011 alternate-as 65012 65013")
    world.run_for(60)
    assert path(world, "SPOKE1", "10.1.2.0/24") == "65000 65012"
    assert path(world, "SPOKE2", "10.1.1.0/24") == "65000 65011"
    assert "BGP neighbor is *10.255.0.12,  remote AS 65012, external link" in world.show("HUB", "ip bgp neighbors")
    world.configure("HUB", *HUB, "neighbor GUESTS timers 7 21")
    world.run_for(90)
    assert path(world, "SPOKE1", "10.1.2.0/24") == "65000 65012"
    world.configure("HUB", *HUB, "neighbor GUESTS remote-as 65011 alternate-as 65013")
    world.run_for(60)
    assert path(world, "SPOKE1", "10.1.2.0/24") == "-"
    assert not is_up(world, "SPOKE2", "10.255.0.1")
    assert is_up(world, "SPOKE1", "10.255.0.1")


def test_an_aggregate_keeps_quiet_what_its_map_permits_and_has_what_its_other_map_sets() -> None:
    world = World(EXTERNAL).converge()
    world.configure("HUB", "ip prefix-list P permit 10.1.2.0/24", "route-map QUIET", "match ip address prefix-list P")
    world.configure("HUB", "route-map LONG", "set as-path prepend 64999")
    line = "aggregate-address 10.1.0.0 255.255.0.0 suppress-map QUIET attribute-map LONG"
    world.configure("HUB", *HUB, line)
    assert world.wait_until(lambda: path(world, "SPOKE1", "10.1.0.0/16") == "65000 64999", 30.0)
    assert path(world, "SPOKE1", "10.1.2.0/24") == "-"
    assert path(world, "SPOKE1", "10.1.0.0/24") == "65000"
    world.configure("HUB", *HUB, f"no {line}")
    assert world.wait_until(lambda: path(world, "SPOKE1", "10.1.2.0/24") == "65000 65012", 30.0)


def test_an_aggregate_is_the_best_path_and_says_who_made_it_and_who_is_told() -> None:
    world = World(EXTERNAL).converge()
    world.configure("HUB", *HUB, "aggregate-address 10.1.0.0 255.255.0.0 summary-only")
    world.run_for(60)
    assert any(line.startswith(" *>   10.1.0.0/16 ") for line in world.lines("HUB", "ip bgp"))
    said = world.show("HUB", "ip bgp 10.1.0.0/16")
    assert "Local, (aggregated by 65000 " in said
    assert "valid, aggregated, local, atomic-aggregate, best" in said
    assert "  Advertised to update-groups:\n     1 " in said
    assert "suppressed by an aggregate" in world.show("HUB", "ip bgp 10.1.1.0/24")
    assert any("B        10.1.0.0/16 [200/0] via 0.0.0.0, " in line for line in world.lines("HUB", "ip route bgp"))


def test_an_aggregate_of_one_neighbors_routes_has_its_path_and_its_communities() -> None:
    world = World(EXTERNAL).converge()
    marks = ("route-map MARK permit 10", "set community 65012:1")
    world.configure("SPOKE2", *marks, "router bgp 65012", "neighbor 10.255.0.1 route-map MARK out")
    world.configure("SPOKE2", "router bgp 65012", "neighbor 10.255.0.1 send-community")
    world.configure("HUB", *HUB, "aggregate-address 10.1.2.0 255.255.254.0 as-set")
    world.run_for(60)
    assert path(world, "SPOKE1", "10.1.2.0/23") == "65000 65012"
    assert "Community: 65012:1" in world.show("HUB", "ip bgp 10.1.2.0/23")


@pytest.mark.conforms("bgp:9.2.2.2-aggregate")
def test_as_set_says_through_which_systems_the_parts_came() -> None:
    world = World(EXTERNAL).converge()
    world.configure("HUB", *HUB, "aggregate-address 10.1.0.0 255.255.0.0 as-set summary-only")
    world.run_for(5)
    assert "{65011,65012}" in world.show("HUB", "ip bgp")
    assert path(world, "SPOKE1", "10.1.0.0/16") == "-", "our own number is in it"


def test_another_system_for_one_neighbor_is_before_the_real_one_unless_it_replaces_it() -> None:
    def change(router: str, text: str) -> str:
        return text.replace("remote-as 65000", "remote-as 64000") if router == "SPOKE1" else text

    world = World(EXTERNAL, change=change)
    world.configure("HUB", *HUB, "neighbor 10.255.0.11 local-as 64000")
    world.converge()
    world.run_for(5)
    assert path(world, "SPOKE1", "10.1.2.0/24") == "64000 65000 65012"
    assert path(world, "SPOKE2", "10.1.1.0/24") == "65000 64000 65011"
    world.configure("HUB", *HUB, "neighbor 10.255.0.11 local-as 64000 no-prepend replace-as")
    world.run_for(30)
    assert path(world, "SPOKE1", "10.1.2.0/24") == "64000 65012"
    assert path(world, "SPOKE2", "10.1.1.0/24") == "65000 65011"


def test_private_numbers_are_taken_off_or_replaced() -> None:
    def change(router: str, text: str) -> str:
        return text.replace("65012", "3000") if router in ("HUB", "SPOKE2") else text

    world = World(EXTERNAL, change=change).converge()
    world.configure("SPOKE2", "route-map MIX", "set as-path prepend 64999")
    world.configure("SPOKE2", "router bgp 3000", "neighbor 10.255.0.1 route-map MIX out")
    world.run_for(70)
    for line, told in (
        ("", "65000 3000 64999"),
        ("remove-private-as", "65000 3000 64999"),
        ("remove-private-as all", "65000 3000"),
        ("remove-private-as all replace-as", "65000 3000 65000"),
    ):
        if line:
            world.configure("HUB", *HUB, f"neighbor 10.255.0.11 {line}")
        world.run_for(5)
        assert path(world, "SPOKE1", "10.1.2.0/24") == told, line or "nothing"


@pytest.mark.conforms("bgp:9.1.2-loop")
def test_our_own_number_in_a_path_is_taken_as_often_as_it_is_said_or_overridden() -> None:
    def change(router: str, text: str) -> str:
        return text.replace("65012", "65011")

    world = World(EXTERNAL, change=change)
    world.run_for(20)
    assert path(world, "SPOKE1", "10.1.2.0/24") == "-"
    world.configure("SPOKE1", "router bgp 65011", "neighbor 10.255.0.1 allowas-in 1")
    assert world.wait_until(lambda: path(world, "SPOKE1", "10.1.2.0/24") == "65000 65011", 30.0)
    world.configure("HUB", *HUB, "neighbor 10.255.0.12 as-override")
    assert world.wait_until(lambda: path(world, "SPOKE2", "10.1.1.0/24") == "65000 65000", 30.0)


def test_a_neighbor_that_told_too_much_stays_away_until_its_time_or_a_clear() -> None:
    world = World(EXTERNAL).converge()
    world.configure("SPOKE1", "router bgp 65011", "neighbor 10.255.0.1 maximum-prefix 1 restart 2")
    world.do("SPOKE1", "clear ip bgp *")
    assert world.wait_until(lambda: state(world, "SPOKE1", "10.255.0.1") == "Idle (PfxCt)", 60.0)
    world.run_for(60)
    assert state(world, "SPOKE1", "10.255.0.1") == "Idle (PfxCt)", "the neighbor that calls is refused, too"
    world.configure("SPOKE1", "router bgp 65011", "neighbor 10.255.0.1 maximum-prefix 10")
    assert world.wait_until(lambda: is_up(world, "SPOKE1", "10.255.0.1"), 120.0)
    world.configure("SPOKE1", "router bgp 65011", "neighbor 10.255.0.1 maximum-prefix 1")
    world.do("SPOKE1", "clear ip bgp *")
    world.run_for(300)
    assert state(world, "SPOKE1", "10.255.0.1") == "Idle (PfxCt)"
    world.configure("SPOKE1", "router bgp 65011", "no neighbor 10.255.0.1 maximum-prefix 1")
    world.do("SPOKE1", "clear ip bgp *")
    assert world.wait_until(lambda: is_up(world, "SPOKE1", "10.255.0.1"), 120.0)


@pytest.mark.conforms("bgp:5082-ttl")
def test_ttl_security_takes_a_neighbor_that_is_near_and_none_that_sends_another_ttl() -> None:
    world = World(EXTERNAL)
    world.configure("HUB", *HUB, "neighbor 10.255.0.11 ttl-security hops 1", "neighbor 10.255.0.12 ttl-security hops 1")
    world.configure("SPOKE1", "router bgp 65011", "neighbor 10.255.0.1 ttl-security hops 1")
    world.run_for(60)
    assert is_up(world, "HUB", "10.255.0.11")
    assert not is_up(world, "HUB", "10.255.0.12"), "it sends packets with a TTL of 1"


def test_the_next_hop_is_told_unchanged_to_an_external_neighbor() -> None:
    world = World(EXTERNAL).converge()
    world.configure("HUB", *HUB, "neighbor 10.255.0.11 next-hop-self")
    world.run_for(5)
    assert "via 10.255.0.1," in world.show("SPOKE1", "ip route bgp")
    world.configure("HUB", *HUB, "no neighbor 10.255.0.11 next-hop-self", "neighbor 10.255.0.11 next-hop-unchanged")
    world.run_for(5)
    assert "10.1.2.0/24 [20/0] via 10.255.0.12," in world.show("SPOKE1", "ip route bgp")


@pytest.mark.conforms("bgp:7313-marks")
def test_a_refresh_is_marked_and_what_is_not_told_again_is_no_more() -> None:
    world = World(REFLECTED).converge()
    assert "Enhanced Refresh Capability: advertised and received" in world.show("SPOKE1", "ip bgp neighbors")
    world.do("SPOKE1", "clear ip bgp * soft in")
    world.run_for(5)
    assert "10.1.2.0/24" in world.show("SPOKE1", "ip route bgp")
    (row,) = [line for line in world.lines("SPOKE1", "ip bgp neighbors") if "Route Refresh:" in line]
    assert row.split()[-2:] == ["1", "2"], "we asked once, and heard where the answer begins and ends"


def test_a_neighbor_that_must_not_hear_of_marked_refreshes_is_refreshed_plainly() -> None:
    world = World(REFLECTED)
    world.configure("SPOKE1", "router bgp 65000", "neighbor 10.255.0.1 dont-capability-negotiate enhanced-refresh")
    world.converge()
    assert "Enhanced Refresh" not in world.show("SPOKE1", "ip bgp neighbors")
    world.do("SPOKE1", "clear ip bgp * soft in")
    world.run_for(5)
    (row,) = [line for line in world.lines("SPOKE1", "ip bgp neighbors") if "Route Refresh:" in line]
    assert row.split()[-2:] == ["1", "0"]
    assert "10.1.2.0/24" in world.show("SPOKE1", "ip route bgp")


@pytest.mark.conforms("bgp:4.2-hold")
def test_the_smaller_hold_time_counts_and_a_third_of_it_is_between_keepalives() -> None:
    world = World(REFLECTED)
    world.configure("SPOKE1", "router bgp 65000", "timers bgp 60 15")
    world.converge()
    for router, neighbor in (("SPOKE1", "10.255.0.1"), ("HUB", "10.255.0.11")):
        detail = world.show(router, f"ip bgp neighbors {neighbor}")
        assert "hold time is 15, keepalive interval is 5 seconds" in detail, router


@pytest.mark.conforms("bgp:6.8-collision")
def test_of_two_connections_that_both_ends_opened_one_stays_and_nobody_goes_down() -> None:
    world = World(EXTERNAL).converge()
    world.run_for(30)
    for router, neighbors in (("HUB", ("10.255.0.11", "10.255.0.12")), ("SPOKE1", ("10.255.0.1",))):
        peers = world.sim.routers[router].router.machine(BgpMachine).peers
        for neighbor in neighbors:
            peer = peers[IPv4Address(neighbor)]
            assert (len(peer.sessions), peer.established, peer.dropped) == (1, 1, 0)


@pytest.mark.conforms("bgp:9.2.1.1-interval")
def test_announcements_keep_their_interval_and_withdrawals_do_not_wait() -> None:
    world = World(EXTERNAL).converge()
    world.configure("HUB", *HUB, "neighbor 10.255.0.11 advertisement-interval 30")
    world.configure("SPOKE2", "router bgp 65012", "neighbor 10.255.0.1 advertisement-interval 0")
    world.run_for(40)

    def announce(number: int) -> None:
        world.configure("SPOKE2", f"interface Loopback{number}", f"ip address 10.9.{number}.1 255.255.255.0")
        world.configure("SPOKE2", "router bgp 65012", f"network 10.9.{number}.0 mask 255.255.255.0")

    announce(1)
    world.run_for(2)
    announce(2)
    world.run_for(20)
    assert path(world, "SPOKE1", "10.9.1.0/24") == "65000 65012"
    assert path(world, "SPOKE1", "10.9.2.0/24") == "-"
    world.configure("SPOKE2", "router bgp 65012", "no network 10.9.1.0 mask 255.255.255.0")
    world.run_for(1)
    assert path(world, "SPOKE1", "10.9.1.0/24") == "-"
    world.run_for(12)
    assert path(world, "SPOKE1", "10.9.2.0/24") == "65000 65012"


@pytest.mark.conforms("bgp:8326-sender")
def test_a_neighbor_that_is_to_go_is_left_by_everybody_before_its_session_ends() -> None:
    world = World("bgp-two-hubs").converge()
    world.configure("HUB1", *HUB, "neighbor SPOKES send-community")
    world.configure("SPOKE1", "ip community-list standard GOES permit gshut")
    world.configure("SPOKE1", "route-map LATE permit 10", "match community GOES", "set local-preference 0")
    world.configure("SPOKE1", "route-map LATE permit 20")
    world.configure("SPOKE1", *HUB, "neighbor 10.255.0.1 route-map LATE in", "no neighbor 10.255.0.1 weight 100")
    world.configure("CORE", *HUB, "no neighbor 10.1.0.1 weight 100")
    world.run_for(5)
    assert "via 10.255.0.1," in world.show("SPOKE1", "ip route bgp | include 10.1.10.0")
    assert "via 10.1.0.1," in world.show("CORE", "ip route bgp | include 10.1.101.0")
    world.configure("HUB1", *HUB, "neighbor SPOKES shutdown graceful 60")
    world.run_for(10)
    assert is_up(world, "SPOKE1", "10.255.0.1")
    assert "via 10.255.0.2," in world.show("SPOKE1", "ip route bgp | include 10.1.10.0")
    assert "via 10.1.0.5," in world.show("CORE", "ip route bgp | include 10.1.101.0")
    world.run_for(60)
    assert not is_up(world, "SPOKE1", "10.255.0.1")
    world.configure("HUB1", *HUB, "no neighbor SPOKES shutdown")
    world.run_for(90)
    assert is_up(world, "SPOKE1", "10.255.0.1")
    assert "via 10.255.0.1," in world.show("SPOKE1", "ip route bgp | include 10.1.10.0")


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


def test_a_default_local_preference_is_told_inside_and_counts_for_what_was_heard_before() -> None:
    world = World(REFLECTED).converge()
    world.configure("SPOKE1", *HUB, "bgp default local-preference 150")
    world.run_for(10)
    (row,) = [line for line in world.lines("HUB", "ip bgp") if " 10.1.1.0/24 " in line]
    assert row.split()[-3:] == ["150", "0", "i"]
    world.configure("SPOKE1", *HUB, "no bgp default local-preference")
    world.run_for(10)
    (row,) = [line for line in world.lines("HUB", "ip bgp") if " 10.1.1.0/24 " in line]
    assert row.split()[-3:] == ["100", "0", "i"]


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


def test_what_internal_neighbors_told_is_redistributed_only_where_a_line_says_so() -> None:
    world = World(REFLECTED).converge()
    world.configure("HUB", "router ospf 7", "redistribute bgp 65000 subnets", "network 10.255.0.0 0.0.0.255 area 0")
    world.run_for(5)

    def told() -> bool:
        return "10.1.2.0" in world.show("HUB", "ip ospf database external")

    assert not told()
    world.configure("HUB", *HUB, "bgp redistribute-internal")
    assert world.wait_until(told, 30)


@pytest.mark.parametrize("stays", [False, True])
def test_an_external_session_survives_its_interface_only_without_fast_external_fallover(stays: bool) -> None:
    world = World(EXTERNAL).converge()
    if stays:
        world.configure("HUB", *HUB, "no bgp fast-external-fallover")
    world.configure("HUB", "interface Tunnel0", "shutdown")
    world.run_for(1)
    assert is_up(world, "HUB", "10.255.0.11") is stays


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
    """Its lines stayed there for ever: `no neighbor` is typed in front of the address family and found none of them."""
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


@pytest.mark.parametrize("typed", ["address-family ipv4", "address-family ipv4 unicast"])
@pytest.mark.parametrize("taken_back", ["no address-family ipv4", "no address-family ipv4 unicast"])
def test_an_address_family_is_taken_back_by_either_of_its_names(typed: str, taken_back: str) -> None:
    """`no address-family ipv4 unicast`, which Ansible sends, said nothing and left all lines."""
    world = World("notes-phase3")
    world.configure("R11", "router bgp 65000", typed, "network 10.1.1.0 mask 255.255.255.0")
    assert "network 10.1.1.0" in world.show("R11", "running-config | section bgp")
    world.configure("R11", "router bgp 65000", taken_back)
    assert world.lines("R11", "running-config | section bgp") == ["router bgp 65000"]
    eigrp = ("router eigrp TWO", f"{typed} autonomous-system 7")
    world.configure("R11", *eigrp, "network 10.7.0.0 0.0.255.255")
    world.configure("R11", "router eigrp TWO", f"{taken_back} autonomous-system 7")
    assert "10.7.0.0" not in world.show("R11", "running-config | section eigrp")


def test_an_aggregate_is_made_of_what_its_map_permits() -> None:
    world = World(EXTERNAL).converge()
    world.configure("HUB", "ip prefix-list P permit 10.1.2.0/24", "route-map P", "match ip address prefix-list P")
    world.configure("HUB", *HUB, "aggregate-address 10.1.0.0 255.255.0.0 as-set advertise-map P")
    assert world.wait_until(lambda: path(world, "SPOKE1", "10.1.0.0/16") == "65000 65012", 30.0)
    world.configure("SPOKE2", "interface GigabitEthernet0/2", "shutdown")
    assert world.wait_until(lambda: path(world, "SPOKE1", "10.1.0.0/16") == "-", 30.0), "other parts make none"


def test_whoever_wants_a_shorter_hold_time_than_the_least_is_refused() -> None:
    world = World(EXTERNAL)
    world.configure("HUB", *HUB, "neighbor 10.255.0.11 timers 10 40 30")
    world.configure("SPOKE1", "router bgp 65011", "timers bgp 5 15")
    world.run_for(30)
    assert not is_up(world, "HUB", "10.255.0.11")
    assert any("2/6 (unacceptable hold time)" in text for text in world.messages("HUB"))
    world.configure("SPOKE1", "router bgp 65011", "timers bgp 10 30")
    assert world.wait_until(lambda: is_up(world, "HUB", "10.255.0.11"), 120.0)


def test_a_router_is_named_by_an_interface_and_a_cluster_by_a_number() -> None:
    world = World("bgp-phase3")
    world.configure("HUB", "interface Loopback7", "ip address 9.9.9.9 255.255.255.255")
    world.configure("HUB", *HUB, "bgp router-id interface Loopback7", "bgp cluster-id 258")
    world.run_for(90)
    assert "router identifier 9.9.9.9," in world.show("HUB", "ip bgp summary")
    assert "Cluster list: 0.0.1.2" in world.show("SPOKE1", "ip bgp 10.1.2.0/24")
