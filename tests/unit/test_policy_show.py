"""What shows print of lists and route maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered
from dmvpn.face.language import exec_parser
from dmvpn.ios import Match
from dmvpn.router.features import FEATURES
from dmvpn.router.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = """\
ip prefix-list B seq 5 permit 10.0.0.0/8 le 24
ip prefix-list B seq 10 deny 0.0.0.0/0 ge 25
ip prefix-list A permit 10.1.0.0/16 ge 20 le 28
ip prefix-list A permit 192.0.2.0/24
ip as-path access-list 1 permit ^65001_
ip as-path access-list 1 deny .*
ip community-list 1 permit 65000:1 no-export
ip community-list expanded E deny 65000:[2-9]
access-list 10 permit any
access-list 10 remark the others
access-list 10 deny 10.1.0.0 0.0.255.255
access-list 9 permit host 10.9.9.9
ip access-list extended WEB
 remark what leaves
 permit tcp 10.0.0.0 0.255.255.255 any eq www
 25 deny ip any any log
ip access-list standard LANS
 10 permit 10.3.3.0 0.0.0.255
route-map M deny 5
 match ip address 10
 match as-path 1
 match community 1 E exact-match
route-map M permit 10
 description text
 match ip address prefix-list A B
 match tag 7
 match tag 8
 set metric 5
 set as-path prepend 65000 65000
 set community 65000:1 additive
 continue 30
route-map N permit 10
 set community none
"""


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
    assert show("show ip prefix-list").splitlines() == [
        "ip prefix-list A: 2 entries",
        "   seq 5 permit 10.1.0.0/16 ge 20 le 28",
        "   seq 10 permit 192.0.2.0/24",
        "ip prefix-list B: 2 entries",
        "   seq 5 permit 10.0.0.0/8 le 24",
        "   seq 10 deny 0.0.0.0/0 ge 25",
    ]
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
    assert show("show ip community-list").splitlines() == [
        "Community standard list 1",
        "    permit 65000:1 no-export",
        "Named Community expanded list E",
        "    deny 65000:[2-9]",
    ]


def test_a_route_map_is_shown_entry_by_entry(show: Callable[[str], str]) -> None:
    assert show("show route-map").splitlines() == [
        "route-map M, deny, sequence 5",
        "  Match clauses:",
        "    ip address (access-lists): 10",
        "    as-path (as-path filter): 1",
        "    community (community-list filter) exact-match: 1 E",
        "  Set clauses:",
        "  Policy routing matches: 0 packets, 0 bytes",
        "  Route matches: 0",
        "route-map M, permit, sequence 10",
        "  Match clauses:",
        "    ip address prefix-lists: A B",
        "    tag 7 8",
        "  Continue: sequence 30",
        "  Set clauses:",
        "    metric 5",
        "    as-path prepend 65000 65000",
        "    community 65000:1 additive",
        "  Policy routing matches: 0 packets, 0 bytes",
        "  Route matches: 0",
        "route-map N, permit, sequence 10",
        "  Match clauses:",
        "  Set clauses:",
        "    community none",
        "  Policy routing matches: 0 packets, 0 bytes",
        "  Route matches: 0",
    ]
    assert len(show("show route-map N").splitlines()) == 6
    assert show("show route-map X") == "route-map X not found"


def test_extended_and_large_communities_are_shown_as_maps_and_lists_have_them() -> None:
    show = shows(
        """
ip extcommunity-list standard E permit rt 65000:1 rt 10.0.0.1:2 soo 70000:3
ip extcommunity-list 100 deny ^RT:65000:
ip large-community-list standard L permit 65000:1:2
route-map M permit 10
 match extcommunity E 100
 match large-community L exact-match
 match local-preference 200
 match route-type external type-1
 set extcommunity rt 65000:1 additive
 set extcommunity soo 70000:3
 set large-community none
"""
    )
    assert show("show ip extcommunity-list").splitlines() == [
        "Extended community expanded list 100",
        "    deny ^RT:65000:",
        "Extended community standard list E",
        "    permit RT:65000:1 RT:10.0.0.1:2 SoO:70000:3",
    ]
    assert show("show ip large-community-list L").splitlines() == [
        "Large Community standard list L",
        "    permit 65000:1:2",
    ]
    assert show("show route-map M").splitlines()[1:12] == [
        "  Match clauses:",
        "    extcommunity (extcommunity-list filter): E 100",
        "    large-community (large-community-list filter) exact-match: L",
        "    local-preference 200",
        "    route-type external type-1",
        "  Set clauses:",
        "    extended community RT:65000:1 additive",
        "    extended community SoO:70000:3",
        "    large-community none",
        "  Policy routing matches: 0 packets, 0 bytes",
        "  Route matches: 0",
    ]


def test_access_lists_are_shown_with_numbers_and_without_remarks(show: Callable[[str], str]) -> None:
    assert show("show ip access-lists").splitlines() == [
        "Standard IP access list 9",
        "    10 permit 10.9.9.9",
        "Standard IP access list 10",
        "    10 permit any",
        "    30 deny 10.1.0.0, wildcard bits 0.0.255.255",
        "Standard IP access list LANS",
        "    10 permit 10.3.3.0, wildcard bits 0.0.0.255",
        "Extended IP access list WEB",
        "    20 permit tcp 10.0.0.0 0.255.255.255 any eq www",
        "    25 deny ip any any log",
    ]
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
