"""Every form in which people and tools ask BGP: parts of the table, groups, templates, `clear`, `debug`."""

from __future__ import annotations

import pytest

from support.world import World

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
