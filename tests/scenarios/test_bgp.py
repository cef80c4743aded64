"""BGP on the tunnel: phases 2 and 3, two hubs, dynamic neighbors, and what happens when one end dies."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.base.effects import ClearRoute, SetRoute
from dmvpn.features.bgp.machine import ECHO, BgpMachine
from dmvpn.features.bgp.routes import SLICE
from dmvpn.features.rib.machine import SLICE as ROUTES
from support.world import World

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event

PHASE3, PHASE2, TWO_HUBS = "bgp-phase3", "bgp-ebgp-phase2", "bgp-two-hubs"


def route(world: World, router: str, prefix: str) -> str:
    """The next hop of the route of BGP for this prefix; "" if there is none."""
    found = [line for line in world.lines(router, "ip route bgp") if f" {prefix} " in line]
    return found[0].split(" via ")[1].split(",")[0] if found else ""


def state(world: World, router: str, neighbor: str) -> str:
    """The last column of the summary."""
    (line,) = [line for line in world.lines(router, "ip bgp summary") if line.lstrip("*").startswith(f"{neighbor} ")]
    return " ".join(line.split()[9:])


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


# Lines of BGP's neighbors and aggregates, each judged by what another router gets to know.

EXTERNAL, REFLECTED = "bgp-ebgp-phase2", "bgp-phase3"
HUB = ("router bgp 65000",)


def path(world: World, router: str, prefix: str) -> str:
    """The AS path of the best path as the table has it; "-": there is none."""
    rows = [line for line in world.lines(router, "ip bgp") if f" {prefix} " in line]
    found = re.search(r"\s{2,}\d+ ((?:[\d{},]+ )*)[ie?]$", rows[0]) if rows else None
    return found[1].strip() if found else "-"


def is_up(world: World, router: str, neighbor: str) -> bool:
    return state(world, router, neighbor).isdigit()


@pytest.mark.conforms("bgp:6.8-collision")
def test_of_two_connections_that_both_ends_opened_one_stays_and_nobody_goes_down() -> None:
    world = World(EXTERNAL).converge()
    world.run_for(30)
    for router, neighbors in (("HUB", ("10.255.0.11", "10.255.0.12")), ("SPOKE1", ("10.255.0.1",))):
        peers = world.sim.routers[router].router.machine(BgpMachine).neighbors
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


# A long table of BGP comes and goes while BFD watches its neighbors: nobody is missed who is there.

#: Prefixes of the table, and virtual seconds for which BFD may miss nobody.
PREFIXES: Final = 20_000
QUIET: Final = 600


def watched(router: str, text: str) -> str:
    """BGP's neighbors on the tunnel are watched; SPOKE2 has a long table that nobody is told of so far."""
    text = text.replace(" ip nhrp network-id", " bfd interval 50 min_rx 50 multiplier 3\n ip nhrp network-id")
    peer = "SPOKES" if router == "HUB" else "10.255.0.1"
    text = text.replace(
        f" neighbor {peer} remote-as 65000\n", f" neighbor {peer} remote-as 65000\n neighbor {peer} fall-over bfd\n"
    )
    if router != "SPOKE2":
        return text
    table = "".join(f"ip route 10.{64 + n // 256}.{n % 256}.0 255.255.255.0 Null0\n" for n in range(PREFIXES))
    return text.replace("ip route 0.0.0.0", f"{table}ip route 0.0.0.0", 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_bfd_misses_nobody_for_ten_minutes_while_a_long_table_comes_and_goes() -> None:
    world = World("bgp-phase3", change=watched).converge()
    router = world.sim.routers["HUB"].router
    handle, most = router.handle, [0]

    def counted(event: Event, now: float) -> list[Effect]:
        done = handle(event, now)
        most[0] = max(most[0], sum(isinstance(effect, SetRoute | ClearRoute) for effect in done))
        return done

    router.handle = counted  # type: ignore[method-assign]
    world.run_for(10)

    def known() -> int:
        return sum(".0/24" in line and line.startswith("B ") for line in world.lines("SPOKE1", "ip route bgp"))

    few = known()
    world.configure("SPOKE2", "router bgp 65000", "redistribute static")
    assert world.wait_until(lambda: known() >= PREFIXES, QUIET / 2, 5.0)
    world.configure("SPOKE2", "router bgp 65000", "no redistribute static")
    assert world.wait_until(lambda: known() == few, QUIET / 2, 5.0)
    world.run_for(max(0.0, QUIET - world.now))
    for name in ("HUB", "SPOKE1", "SPOKE2"):
        assert not [
            line for line in world.messages(name) if "BFD_SESS_DOWN" in line or ("ADJCHANGE" in line and "Down" in line)
        ]
    assert 0 < most[0] <= 2 * (SLICE + ECHO) + ROUTES, "more in one event would keep the router from its neighbors"


# Every form in which people and tools ask BGP: parts of the table, groups, templates, `clear`, `debug`.

TABLE = "     Network          Next Hop            Metric LocPrf Weight Path"


@pytest.fixture(scope="module")
def cloud() -> World:
    """A hub with lists, maps, templates and a static route that is better than one of BGP; it only answers here."""
    world = World("bgp-phase3").converge()
    world.configure(
        "SPOKE1",
        *("route-map MARK permit 10", "set community 65000:7 no-export"),
        *("router bgp 65000", "neighbor 10.255.0.1 route-map MARK out", "neighbor 10.255.0.1 send-community"),
    )
    world.configure(
        "HUB",
        *("ip prefix-list LANS permit 10.1.2.0/24", "ip as-path access-list 1 permit ^$"),
        *("ip community-list 1 permit 65000:7", "route-map FAR permit 10", "match ip address prefix-list LANS"),
        "ip route 10.1.2.0 255.255.255.0 10.255.0.12",
        *("router bgp 65000", "neighbor SPOKES soft-reconfiguration inbound"),
        *("template peer-session TIMES", "timers 10 30", "exit-peer-session"),
        *("template peer-policy BASE", "weight 3", "exit-peer-policy"),
        *("template peer-policy TOP", "inherit peer-policy BASE 10", "route-map FAR out", "exit-peer-policy"),
    )
    world.run_for(40)
    return world


def prefixes(text: str) -> list[str]:
    """The prefixes of a table."""
    return [line.split()[1] for line in text.splitlines() if line[1:2] in {"*", "r"} and line.split()[1][0].isdigit()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("regexp ^$", ["10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24"]),
        ("regexp _65001_", []),
        ('quote-regexp "^$"', ["10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24"]),
        ("community", ["10.1.1.0/24"]),
        ("community 65000:7", ["10.1.1.0/24"]),
        ("community 65000:7 exact-match", []),
        ("community 65000:7 no-export exact-match", ["10.1.1.0/24"]),
        ("community-list 1", ["10.1.1.0/24"]),
        ("community-list 1 exact-match", []),
        ("prefix-list LANS", ["10.1.2.0/24"]),
        ("filter-list 1", ["10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24"]),
        ("route-map FAR", ["10.1.2.0/24"]),
        ("cidr-only", ["10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24"]),
        ("inconsistent-as", []),
        ("10.1.0.0/23 longer-prefixes", ["10.1.0.0/24", "10.1.1.0/24"]),
        ("10.1.2.0 255.255.254.0 subnets", ["10.1.2.0/24"]),
    ],
)
def test_parts_of_the_table_are_shown_as_the_table_is(cloud: World, words: str, expected: list[str]) -> None:
    answer = cloud.show("HUB", f"ip bgp {words}")
    assert prefixes(answer) == expected
    assert (TABLE in answer) is bool(expected)
    for spelling in ("bgp ipv4 unicast", "ip bgp ipv4 unicast", "bgp"):
        assert cloud.show("HUB", f"{spelling} {words}") == answer
    head = "For address family: IPv4 Unicast\n\n"
    assert cloud.show("HUB", f"bgp all {words}") == head + answer


@pytest.mark.parametrize("word", ["9" * 5000, "65000:" + "9" * 5000, "65000:", "no-such"])
def test_what_is_no_community_chooses_nothing(cloud: World, word: str) -> None:
    """A number of thousands of digits was answered by an error of Python's."""
    assert prefixes(cloud.show("HUB", f"ip bgp community {word}")) == []


def test_a_prefix_is_found_by_its_mask_and_shown_by_parts(cloud: World) -> None:
    whole = cloud.show("HUB", "ip bgp 10.1.1.0 255.255.255.0")
    assert whole == cloud.show("HUB", "ip bgp 10.1.1.0/24") == cloud.show("HUB", "ip bgp 10.1.1.0/24 bestpath")
    assert "% Network not in table" in cloud.do("HUB", "show ip bgp 10.1.1.0 255.255.0.0")
    assert whole in cloud.show("HUB", "ip bgp detail")


def test_a_route_that_the_routing_table_has_from_somebody_else_says_so(cloud: World) -> None:
    assert " r>i  10.1.2.0/24      10.255.0.12" in cloud.show("HUB", "ip bgp")
    (row,) = cloud.show("HUB", "ip bgp rib-failure").splitlines()[1:]
    assert row.split() == ["10.1.2.0/24", "10.255.0.12", "Higher", "admin", "distance", "n/a"]


def test_groups_and_their_members_are_listed(cloud: World) -> None:
    group = cloud.show("HUB", "ip bgp update-group")
    assert "Has 2 members:\n   *10.255.0.11    *10.255.0.12" in group
    assert group == cloud.show("HUB", "ip bgp update-group 10.255.0.12")
    assert not cloud.show("HUB", "ip bgp update-group 99")
    assert "  *10.255.0.11 *10.255.0.12" in cloud.show("HUB", "ip bgp peer-group SPOKES")
    assert "*10.255.0.12" in cloud.show("HUB", "ip bgp peer-group SPOKES summary")


def test_what_was_made_once_for_a_group_and_the_next_hops_are_counted(cloud: World) -> None:
    head, _, _, row = cloud.show("HUB", "ip bgp replication").splitlines()
    number, kind, members, leader, formatted, replicated, pending, queued = row.split()
    assert (kind, members, leader, pending, queued) == ("internal", "2", "10.255.0.11", "0", "0")
    assert int(formatted) > 0
    assert int(replicated) > 0
    assert head == f"BGP Total Messages Formatted/Enqueued : {formatted}/0"
    assert cloud.show("HUB", f"ip bgp replication {number}") == cloud.show("HUB", "ip bgp replication 10.255.0.12")
    assert [line.split() for line in cloud.show("HUB", "ip bgp nexthops").splitlines()[1:]] == [
        ["10.255.0.11", "0", "1", "1"],
        ["10.255.0.12", "0", "1", "1"],
    ]
    assert not cloud.show("HUB", "ip bgp pending-prefixes")


def test_what_is_not_configured_is_said() -> None:
    world = World("notes-phase1")
    world.run_for(1)
    every = ("summary", "neighbors", "rib-failure", "update-group", "replication", "nexthops", "paths", "regexp ^$")
    for words in (*every, "template peer-policy"):
        assert world.do("R11", f"show bgp all {words}").strip() == "% BGP not active", words
    assert world.do("R11", "show ip bgp all summary").strip() == "% BGP not active"


@pytest.mark.parametrize(
    ("whom", "goes"),
    [
        ("clear bgp ipv4 unicast 10.255.0.11", {"10.255.0.11"}),
        ("clear ip bgp peer-group SPOKES", {"10.255.0.11", "10.255.0.12"}),
        ("clear ip bgp peer-group OTHERS", set()),
        ("clear ip bgp external", set()),
        ("clear bgp all * soft", set()),
        ("clear ip bgp update-group 1", {"10.255.0.11", "10.255.0.12"}),
    ],
)
def test_clear_ends_the_sessions_that_it_names(whom: str, goes: set[str]) -> None:
    world = World("bgp-phase3").converge()
    before = len(world.messages("HUB"))
    world.do("HUB", whom)
    world.run_for(0.1)
    lines = "\n".join(world.messages("HUB")[before:])
    assert {address for address in ("10.255.0.11", "10.255.0.12") if f"*{address} Down User reset" in lines} == goes


def test_debugs_print_sessions_keepalives_and_what_is_told() -> None:
    world = World("bgp-phase3").converge()
    world.configure("SPOKE1", "logging buffered 100000")
    for words in ("ip bgp", "ip bgp updates", "bgp ipv4 unicast keepalives"):
        assert world.do("SPOKE1", f"debug {words}").strip().endswith("debugging is on")
    world.do("HUB", "clear ip bgp 10.255.0.11")
    world.run_for(40)
    lines = world.show("SPOKE1", "logging")
    for line in (
        "BGP: 10.255.0.1 rcv NOTIFICATION 6/4 (Administrative Reset)",
        "BGP: 10.255.0.1 went from Established to Idle",
        "BGP: 10.255.0.1 send OPEN, version 4, my as: 65000, holdtime 30 seconds",
        "BGP: 10.255.0.1 went from OpenConfirm to Established",
        "BGP: 10.255.0.1 rcv KEEPALIVE",
        "BGP(0): 10.255.0.1 rcvd UPDATE w/ attr: nexthop 10.255.0.1, origin i, localpref 100, metric 0",
        "BGP(0): 10.255.0.1 rcvd 10.1.2.0/24",
        "BGP(0): (base) 10.255.0.1 send UPDATE (format) 10.1.1.0/24, next 10.255.0.11, metric 0, path Local",
    ):
        assert line in lines, line
    world.do("SPOKE1", "undebug all")
    world.do("SPOKE1", "debug ip bgp updates out")
    world.configure("SPOKE1", "router bgp 65000", "address-family ipv4", "no network 10.1.1.0 mask 255.255.255.0")
    world.run_for(5)
    assert "BGP(0): (base) 10.255.0.1 send unreachable (format) 10.1.1.0/24" in world.show("SPOKE1", "logging")
