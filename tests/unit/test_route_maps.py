"""What lists and route maps say of a route, from the lines that a user types."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.communities import communities_text
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered
from dmvpn.base.notices import RouteSource
from dmvpn.base.routemaps import Changes, MatchedRoute, RoutePolicies
from dmvpn.face.language import exec_parser
from dmvpn.features.policy.config import model
from dmvpn.features.policy.machine import of_routes
from dmvpn.ios import Match
from dmvpn.router.entered_text import report, take_in
from dmvpn.router.features import FEATURES
from dmvpn.router.router import Router
from support.texts import file_text, is_golden

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NO_EXPORT = 0xFFFFFF01


def policies(text: str) -> RoutePolicies:
    """Those of a configuration."""
    return of_routes(model(take_in(text).tree))


def permitted(found: RoutePolicies, kind: str, name: str, prefixes: Iterable[str]) -> list[str]:
    """Those prefixes that a list lets through."""
    permits = found.prefix_list_permits if kind == "prefix" else found.access_list_permits
    return [text for text in prefixes if permits(name, Prefix.parse(text))]


def route(prefix: str, hop: str = "10.0.0.9", *, interface: str = "", tag: int = 0, metric: int = 0) -> MatchedRoute:
    """A route."""
    return MatchedRoute(
        prefix=Prefix.parse(prefix), next_hop=IPv4Address(hop), interface=interface, tag=tag, metric=metric
    )


@pytest.mark.parametrize(
    ("lines", "through"),
    [
        ("permit 10.0.0.0/8", ["10.0.0.0/8"]),
        ("permit 10.0.0.0/8 le 16", ["10.0.0.0/8", "10.1.0.0/16"]),
        ("permit 10.0.0.0/8 ge 24", ["10.1.1.0/24", "10.1.1.1/32"]),
        ("permit 10.0.0.0/8 ge 16 le 24", ["10.1.0.0/16", "10.1.1.0/24"]),
        ("permit 0.0.0.0/0", ["0.0.0.0/0"]),
        ("permit 0.0.0.0/0 le 32", ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "10.1.1.1/32"]),
    ],
)
def test_a_prefix_list_permits_prefixes_by_their_length(lines: str, through: list[str]) -> None:
    found = policies(f"ip prefix-list L {lines}\n")
    prefixes = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "10.1.1.1/32")
    assert permitted(found, "prefix", "L", prefixes) == through


@pytest.mark.parametrize("name", ["10", "110"])
def test_an_access_list_of_ipv4_permits_no_prefix_of_ipv6(name: str) -> None:
    """The list could not be asked: a route map is asked about all routes of a table of both versions."""
    found = policies("access-list 10 permit any\naccess-list 110 permit ip any any\n")
    assert permitted(found, "access", name, ("0.0.0.0/0", "::/0", "2001:db8::/32")) == ["0.0.0.0/0"]


@pytest.mark.parametrize(
    ("line", "fitting"),
    [
        ("match ip route-source 10", ["gateway", "author"]),
        ("match ip route-source prefix-list HUBS", ["gateway", "author"]),
        ("match source-protocol eigrp", ["eigrp 100", "eigrp 200"]),
        ("match source-protocol eigrp 200", ["eigrp 200"]),
        ("match source-protocol static", []),
        ("match metric 100 +- 20", ["metric 80", "metric 120"]),
        ("match metric 100 +- 20\n match metric 5", ["metric 5", "metric 80", "metric 120"]),
    ],
)
def test_a_map_chooses_by_who_told_by_protocol_and_by_about_which_metric(line: str, fitting: list[str]) -> None:
    lists = "access-list 10 permit host 10.0.0.1\nip prefix-list HUBS permit 10.0.0.1/32\n"
    found = policies(f"{lists}route-map M permit 10\n {line}\n")
    hub, other, plain = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"), route("10.1.0.0/16")
    routes = {
        "plain": plain,
        "gateway": replace(plain, gateway=hub),
        "author": replace(plain, gateway=other, author=hub),
        "other author": replace(plain, gateway=hub, author=other),
        "eigrp 100": replace(plain, owner=(RouteSource.EIGRP, "100")),
        "eigrp 200": replace(plain, owner=(RouteSource.EIGRP, "200")),
        **{f"metric {metric}": replace(plain, metric=metric) for metric in (5, 79, 80, 120, 121)},
    }
    assert [name for name, one in routes.items() if found.mapped("M", one) is not None] == fitting


def test_the_first_entry_by_sequence_number_decides() -> None:
    found = policies(
        "ip prefix-list L seq 20 permit 10.0.0.0/8 le 32\nip prefix-list L seq 10 deny 10.1.0.0/16 le 32\n"
    )
    assert permitted(found, "prefix", "L", ("10.1.1.0/24", "10.2.1.0/24", "192.0.2.0/24")) == ["10.2.1.0/24"]


def test_a_standard_list_looks_at_the_address_and_an_extended_one_at_the_mask_too() -> None:
    found = policies(
        "access-list 10 deny 10.1.1.0 0.0.0.255\naccess-list 10 permit any\n"
        "access-list 110 permit ip 10.0.0.0 0.255.255.255 host 255.255.255.0\n"
        "ip access-list standard NAMED\n permit 10.1.0.0 0.0.255.255\n"
    )
    prefixes = ("10.1.1.0/24", "10.1.0.0/16", "10.2.1.0/24")
    assert permitted(found, "access", "10", prefixes) == ["10.1.0.0/16", "10.2.1.0/24"]
    assert permitted(found, "access", "110", prefixes) == ["10.1.1.0/24", "10.2.1.0/24"]
    assert permitted(found, "access", "NAMED", prefixes) == ["10.1.1.0/24", "10.1.0.0/16"]


def test_a_list_whose_entries_are_all_about_packets_permits_no_route() -> None:
    found = policies("access-list 110 permit tcp any any eq 80\n")
    assert permitted(found, "access", "110", ("10.1.1.0/24",)) == []


def test_lists_that_nobody_defined_permit_everything_and_maps_nothing() -> None:
    found = policies("hostname R\n")
    assert permitted(found, "prefix", "L", ("10.1.1.0/24",)) == ["10.1.1.0/24"]
    assert permitted(found, "access", "10", ("10.1.1.0/24",)) == ["10.1.1.0/24"]
    assert found.mapped("M", route("10.1.1.0/24")) is None


def test_every_kind_of_match_must_hold_and_of_each_kind_one_value() -> None:
    found = policies(
        "ip prefix-list P permit 10.0.0.0/8 le 32\naccess-list 5 permit 10.0.0.9\n"
        "route-map M permit 10\n match ip address prefix-list P\n match ip next-hop 5\n match tag 7\n match tag 8\n"
        " match metric 20\n match interface Tunnel0\n set tag 99\n"
    )
    assert found.mapped("M", route("10.1.1.0/24", interface="Tunnel0", tag=8, metric=20)) == Changes(tag=99)
    assert found.mapped("M", route("10.1.1.0/24", interface="Tunnel0", tag=7, metric=20)) == Changes(tag=99)
    assert found.mapped("M", route("11.1.1.0/24", interface="Tunnel0", tag=7, metric=20)) is None
    assert found.mapped("M", route("10.1.1.0/24", "10.0.0.8", interface="Tunnel0", tag=7, metric=20)) is None
    assert found.mapped("M", route("10.1.1.0/24", interface="Tunnel1", tag=7, metric=20)) is None
    assert found.mapped("M", route("10.1.1.0/24", interface="Tunnel0", tag=9, metric=20)) is None
    assert found.mapped("M", route("10.1.1.0/24", interface="Tunnel0", tag=7, metric=21)) is None


@pytest.mark.parametrize(
    ("pattern", "through"),
    [("^$", [""]), ("^65001$", ["65001"]), ("_65002$", ["65001 65002"]), ("_65001_", ["65001", "65001 65002"])],
)
def test_an_as_path_list_looks_at_the_path_as_text(pattern: str, through: list[str]) -> None:
    found = policies(f"ip as-path access-list 1 permit {pattern}\n")
    assert [path for path in ("", "65001", "65001 65002", "165001") if found.as_path_permits("1", path)] == through
    assert not found.as_path_permits("2", "65001"), "nobody defined it"


@pytest.mark.parametrize(
    ("listed", "match", "through"),
    [
        ("ip community-list 1 permit 65000:1", "1", [(1,), (1, 2), (1, NO_EXPORT)]),
        ("ip community-list 1 permit 65000:1 65000:2", "1", [(1, 2)]),
        ("ip community-list 1 permit 65000:1", "1 exact-match", [(1,)]),
        ("ip community-list standard C permit no-export", "C", [(1, NO_EXPORT)]),
        ("ip community-list 1 permit internet", "1", [(), (1,), (1, 2), (1, NO_EXPORT)]),
        ("ip community-list expanded C permit 65000:[2-9]", "C", [(1, 2)]),
        ("ip community-list 1 deny 65000:2\nip community-list 1 permit 65000:1", "1", [(1,), (1, NO_EXPORT)]),
        ("hostname R", "1", []),
    ],
)
def test_a_community_list_looks_for_all_of_an_entry(listed: str, match: str, through: list[tuple[int, ...]]) -> None:
    found = policies(f"{listed}\nroute-map M\n match community {match}\n")
    marks: dict[tuple[int, ...], tuple[int, ...]] = {
        short: tuple(one if one == NO_EXPORT else 65000 << 16 | one for one in short)
        for short in ((), (1,), (1, 2), (1, NO_EXPORT))
    }
    prefix = Prefix.parse("10.1.1.0/24")
    assert [
        short for short, full in marks.items() if found.mapped("M", MatchedRoute(prefix=prefix, communities=full))
    ] == through


def test_communities_are_replaced_added_or_taken_off() -> None:
    found = policies(
        "route-map A\n set community 65000:9 additive\nroute-map R\n set community 65000:9 no-export\n"
        "route-map N\n set community none\n"
    )
    made = {}
    for name in "ARN":
        changes = found.mapped(name, route("10.1.1.0/24"))
        assert changes is not None
        assert changes.communities is not None
        made[name] = communities_text(changes.communities.applied((65000 << 16 | 1,)))
    assert made == {"A": "65000:1 65000:9", "R": "65000:9 no-export", "N": ""}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("ip community-list 1 permit 65000:1\nroute-map M\n set comm-list 1 delete\n", "65000:2 no-export"),
        ("ip community-list expanded C permit 65000:.*\nroute-map M\n set comm-list C delete\n", "no-export"),
        (
            "ip community-list 1 deny no-export\nip community-list 1 permit internet\n"
            "route-map M\n set comm-list 1 delete\n",
            "no-export",
        ),
        (
            "ip community-list 1 permit 65000:1 65000:2\nroute-map M\n set comm-list 1 delete\n",
            "65000:1 65000:2 no-export",
        ),
        ("route-map M\n set comm-list 7 delete\n", "65000:1 65000:2 no-export"),
        (
            "ip community-list expanded C permit 65000\n"
            "route-map M\n set comm-list C delete\n set community 65000:1 65000:9 additive\n",
            "65000:1 65000:9 no-export",
        ),
        (
            "ip community-list expanded C permit 65000\n"
            "route-map M\n set community 65000:9 additive\n continue\nroute-map M permit 20\n set comm-list C delete\n",
            "no-export",
        ),
        (
            "ip community-list expanded C permit 65000\n"
            "route-map M\n set community 65000:9 65001:1\n continue\nroute-map M permit 20\n set comm-list C delete\n",
            "65001:1",
        ),
    ],
)
def test_communities_that_a_list_permits_one_by_one_are_taken_off_before_others_are_set(text: str, left: str) -> None:
    marks = (65000 << 16 | 1, 65000 << 16 | 2, NO_EXPORT)
    found = policies(text)
    changes = found.mapped("M", MatchedRoute(prefix=Prefix.parse("10.1.1.0/24"), communities=marks))
    assert changes is not None
    assert changes.communities is not None
    assert communities_text(changes.communities.applied(marks)) == left


def test_a_pattern_that_is_none_is_refused() -> None:
    assert any(
        "Invalid regular expression [65" in line for line in report(take_in("ip as-path access-list 1 permit [65\n"))
    )


def test_a_denying_entry_ends_the_map_and_the_next_one_takes_the_others() -> None:
    found = policies(
        "ip prefix-list P permit 10.1.0.0/16 le 32\n"
        "route-map M deny 10\n match ip address prefix-list P\nroute-map M permit 20\n set metric 5\n"
    )
    assert found.mapped("M", route("10.1.1.0/24")) is None
    assert found.mapped("M", route("10.2.1.0/24")) == Changes(metric=5)


def test_continue_hands_on_and_what_was_permitted_stays_permitted() -> None:
    found = policies(
        "ip prefix-list P permit 10.1.0.0/16 le 32\n"
        "route-map M permit 10\n set metric 5\n set as-path prepend 1 2\n continue 30\n"
        "route-map M deny 20\n"
        "route-map M permit 30\n match ip address prefix-list P\n set metric 6\n set as-path prepend 3\n"
    )
    assert found.mapped("M", route("10.1.1.0/24")) == Changes(metric=6, prepend=(3, 1, 2))
    assert found.mapped("M", route("10.2.1.0/24")) == Changes(metric=5, prepend=(1, 2))


@pytest.mark.parametrize("typed", ["ip prefix-list L permit 10.0.0.0/8", "ip prefix-list L seq 5 permit 10.0.0.0/8"])
@pytest.mark.parametrize(
    "gone", ["no ip prefix-list L permit 10.0.0.0/8", "no ip prefix-list L seq 5 permit 10.0.0.0/8"]
)
def test_no_takes_an_entry_away_with_and_without_its_number(typed: str, gone: str) -> None:
    """An entry that was typed without a number stayed when `no` named the number that it has."""
    assert policies(f"{typed}\n{gone}\n").prefix_lists == {}
    assert len(policies(f"{typed}\n{typed}\n").prefix_lists["L"]) == 1


@pytest.mark.parametrize(
    ("line", "those"),
    [
        ("match tag 10 20", ["tag"]),
        ("match metric 5 6", ["metric"]),
        ("match interface Tunnel7 gi0/1", ["interface"]),
        ("match ip address A B", ["prefix"]),
        ("match tag 10\n match tag 20", ["tag"]),
    ],
)
def test_any_value_of_a_match_fits(line: str, those: list[str]) -> None:
    """`match tag 10 20` was refused at its second number."""
    found = policies(
        f"route-map M permit 10\n {line}\nip access-list standard A\n permit 10.9.0.0\n"
        "ip access-list standard B\n permit 10.8.0.0\n"
    )
    routes = {
        "tag": route("10.1.0.0/16", tag=20),
        "metric": route("10.1.0.0/16", metric=6),
        "interface": route("10.1.0.0/16", interface="GigabitEthernet0/1"),
        "prefix": route("10.8.0.0/16"),
        "none": route("10.1.0.0/16", tag=21, metric=7, interface="GigabitEthernet0/2"),
    }
    assert [name for name, one in routes.items() if found.mapped("M", one) is not None] == those


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("match tag 10 20\n no match tag 10", ["match tag 20"]),
        ("match tag 10 20\n no match tag 20 10", []),
        ("match tag 10 20\n no match tag 30", ["match tag 10 20"]),
        ("match tag 10 20\n match tag 10\n no match tag 10", ["match tag 10 20"]),
        ("match ip address A B C\n no match ip address B", ["match ip address A C"]),
        ("match interface Tunnel1 gi0/1\n no match interface gi0/1", ["match interface Tunnel1"]),
        ("match as-path 1 2\n no match as-path 1", ["match as-path 2"]),
    ],
)
def test_no_takes_single_values_out_of_a_match(typed: str, left: list[str]) -> None:
    """`no match ip address A` took B along, and an entry without a match fits every route."""
    shown = [line.strip() for line in take_in(f"route-map M permit 10\n {typed}\n").tree.render()]
    assert [line for line in shown if line.startswith("match")] == left


# What shows print of lists and route maps.

TEXT = file_text("route_maps_text.cfg")


@pytest.fixture
def show() -> Callable[[str], str]:
    return shows(TEXT)


def shows(text: str) -> Callable[[str], str]:
    """What a router with these lines prints."""
    router = Router(SeededEntropy(1))
    router.handle(ConfigurationEntered(text), 1.0)

    def run(command: str) -> str:
        match = exec_parser(FEATURES).match(command)
        assert isinstance(match, Match), match
        return "\n".join(match.lines(router.context(2.0)))

    return run


def test_prefix_lists_are_shown_by_name_with_their_bounds(show: Callable[[str], str]) -> None:
    is_golden(show("show ip prefix-list").splitlines(), "route_maps/prefix_lists_are_shown_by_name_with_their_bounds")
    assert show("show ip prefix-list B").splitlines()[0] == "ip prefix-list B: 2 entries"
    assert show("show ip prefix-list C") == ""


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("A seq 10", ["10"]),
        ("A seq 7", []),
        ("C seq 5", []),
        ("B 10.0.0.0/8", ["5"]),
        ("B 10.1.0.0/16", []),
        ("A 10.0.0.0/8 longer", ["5"]),
        ("B 0.0.0.0/0 longer", ["5", "10"]),
        ("B 10.1.0.0/16 first-match", ["5"]),
        ("B 10.1.1.0/25 first-match", ["10"]),
        ("B 192.0.2.0/24 first-match", []),
    ],
)
def test_entries_of_a_prefix_list_are_found_by_number_and_by_what_they_are_about(
    show: Callable[[str], str], words: str, numbers: list[str]
) -> None:
    shown = show(f"show ip prefix-list {words}").splitlines()
    assert [line.split()[1] for line in shown] == numbers
    assert all(line.endswith("(hit count: 0, refcount: 1)") for line in shown)


def test_lists_of_attributes_are_shown_as_they_were_typed(show: Callable[[str], str]) -> None:
    assert show("show ip as-path-access-list").splitlines() == [
        "AS path access list 1",
        "    permit ^65001_",
        "    deny .*",
    ]
    is_golden(
        show("show ip community-list").splitlines(), "route_maps/lists_of_attributes_are_shown_as_they_were_typed"
    )


def test_a_route_map_is_shown_entry_by_entry(show: Callable[[str], str]) -> None:
    is_golden(show("show route-map").splitlines(), "route_maps/a_route_map_is_shown_entry_by_entry")
    assert len(show("show route-map N").splitlines()) == 6
    assert show("show route-map X") == "route-map X not found"


def test_extended_and_large_communities_are_shown_as_maps_and_lists_have_them() -> None:
    show = shows(file_text("route_maps_show.cfg"))
    is_golden(
        show("show ip extcommunity-list").splitlines(),
        "route_maps/extended_and_large_communities_are_shown_as_maps_and_lists_have_them",
    )
    assert show("show ip large-community-list L").splitlines() == [
        "Large Community standard list L",
        "    permit 65000:1:2",
    ]
    is_golden(
        show("show route-map M").splitlines()[1:12],
        "route_maps/extended_and_large_communities_are_shown_as_maps_and_lists_have_them-2",
    )


def test_access_lists_are_shown_with_numbers_and_without_remarks(show: Callable[[str], str]) -> None:
    is_golden(
        show("show ip access-lists").splitlines(), "route_maps/access_lists_are_shown_with_numbers_and_without_remarks"
    )
    assert show("show access-lists LANS").splitlines() == [
        "Standard IP access list LANS",
        "    10 permit 10.3.3.0, wildcard bits 0.0.0.255",
    ]
    assert show("show access-lists NONE") == ""


def test_a_list_whose_name_is_a_digit_of_another_kind_is_shown_among_those_with_names() -> None:
    """`show access-lists` was answered by an error of Python's."""
    show = shows("ip access-list standard ²\n permit any\nip access-list standard 10\n permit any\n")
    assert [line for line in show("show access-lists").splitlines() if not line.startswith(" ")] == [
        "Standard IP access list 10",
        "Standard IP access list ²",
    ]


MAPS6 = """
ipv6 prefix-list LANS seq 5 permit 2001:db8::/32 ge 48 le 64
ip prefix-list LANS seq 5 deny 0.0.0.0/0 le 32
ipv6 access-list NETS
 permit ipv6 2001:db8:f::/48 any
route-map M permit 10
 match ipv6 address prefix-list LANS
 match ipv6 next-hop prefix-list HOPS
 set ipv6 next-hop 2001:db8::9
 set ip next-hop 10.0.0.1
route-map M permit 20
 match ip address prefix-list NONE
 match ipv6 address NETS
route-map M deny 30
"""


def test_a_route_map_looks_at_routes_of_ipv6_by_lists_of_ipv6_alone() -> None:
    found = policies(MAPS6 + "ipv6 prefix-list HOPS permit 2001:db8:100::/64 le 128\n")
    hop = IPv6Address("2001:db8:100::41")
    one = replace(route("2001:db8:4::/64"), next_hop=hop)
    changes = found.mapped("M", one)
    assert changes is not None
    assert (changes.next_hop6, changes.next_hop) == (IPv6Address("2001:db8::9"), IPv4Address("10.0.0.1"))
    assert found.mapped("M", replace(one, next_hop=IPv6Address("2001:db8:200::1"))) is None
    assert found.mapped("M", replace(one, prefix=Prefix.parse("2001:db8:f::/40"))) is None
    assert found.mapped("M", replace(one, prefix=Prefix.parse("2001:db8:f:1:2::/80"))) == Changes()
    assert found.mapped("M", route("10.1.0.0/16")) == Changes(), "by the list of IPv4, which is not defined"
    assert policies(MAPS6).mapped("M", replace(one, next_hop=hop)) is not None, "an undefined list permits"
