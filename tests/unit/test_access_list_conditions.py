"""Entries of extended access lists that ask more of a packet than its addresses, its protocol and its ports."""

from __future__ import annotations

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered
from dmvpn.face.language import exec_parser
from dmvpn.features.policy.config import policies
from dmvpn.ios import ConfigSession, ConfigTree, Match
from dmvpn.router.features import FEATURES
from dmvpn.router.intake import take_in
from dmvpn.router.language import configurator
from dmvpn.router.router import Router

SAME = (
    "permit icmp any any echo",
    "permit icmp any any echo-reply",
    "permit icmp any host 10.1.1.1 unreachable",
    "permit icmp 10.0.0.0 0.0.0.255 any packet-too-big",
    "deny icmp any any administratively-prohibited log",
    "permit icmp any any time-exceeded",
    "permit icmp any any ttl-exceeded",
    "permit icmp any any port-unreachable",
    "permit icmp any any 8 0",
    "permit icmp any any 200",
    "permit tcp any any established",
    "permit tcp any any eq www syn",
    "permit tcp any any match-all +ack -syn",
    "permit tcp any eq 22 any gt 1023 match-any +ack +rst log",
    "permit tcp any any eq 22 80 443 log",
    "deny ip any any fragments",
    "permit ip any any log-input",
    "permit ip any any dscp ef",
    "permit ip any any dscp 46",
    "permit ip any any precedence critical",
    "permit ip any any precedence 5 tos min-delay",
    "permit ip any any time-range WORK",
    "permit udp any any eq isakmp",
    "permit udp any any eq isakmp non500-isakmp",
    "permit udp any eq bootpc any eq bootps",
    "permit udp any any eq ntp snmp snmptrap syslog",
    "permit igmp any any host-report",
    "permit ahp any any",
    "permit nos any any",
    "permit ipinip any any",
    "permit pim any any",
    "permit tcp any object-group SERVERS eq 443",
)


@pytest.mark.parametrize("line", SAME)
@pytest.mark.parametrize("head", ["ip access-list extended L\n {}\n", "access-list 110 {}\n"])
def test_an_entry_is_shown_back_as_it_was_typed(head: str, line: str) -> None:
    """An entry with a type of ICMP was a caret at the prompt, and in a file it lost its place and its number."""
    taken = take_in(head.format(line))
    assert not taken.result.entries
    shown = "\n".join(taken.tree.render())
    assert line in shown
    assert take_in(shown).tree == taken.tree


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("permit icmp any any 8", "permit icmp any any echo"),
        ("permit icmp any any 3 4", "permit icmp any any packet-too-big"),
        ("permit icmp any any 3 13 log", "permit icmp any any administratively-prohibited log"),
        ("permit icmp any any adm", "permit icmp any any administratively-prohibited"),
        ("permit icmp any any 003", "permit icmp any any unreachable"),
        ("permit tcp any any eq WWW", "permit tcp any any eq www"),
        ("permit ip any any DSCP EF LOG", "permit ip any any dscp ef log"),
    ],
)
def test_messages_of_icmp_have_their_names_as_on_ios(typed: str, kept: str) -> None:
    shown = list(take_in(f"ip access-list extended L\n {typed}\n").tree.render())
    assert f" 10 {kept}" in shown


@pytest.mark.parametrize(
    "line",
    [
        "permit icmp any any 256",
        "permit icmp any any ech",
        "permit udp any any echo",
        "permit tcp any any match-all syn",
        "permit udp any any syn",
        "permit ip any any dscp 64",
        "permit ip any any dscp af",
        "permit ip any any precedence 8",
        "permit udp any any eq 65536",
        "permit udp any any range 1",
        "permit udp any any lt 5 6",
        "permit tcp any any eq 1 2 3 4 5 6 7 8 9 10 11",
    ],
)
def test_what_is_no_condition_is_refused_at_the_prompt(line: str) -> None:
    session = ConfigSession(configurator(FEATURES), ConfigTree())
    assert not session.enter("ip access-list extended L").refused
    result = session.enter(line)
    assert result.refused
    assert any("^" in shown or "% " in shown for shown in result.output_lines)


@pytest.mark.parametrize(
    "line", ["permit icmp any any ech", "permit icmp any any ech log", "permit ip any any dscp af"]
)
def test_a_word_that_fits_several_names_is_ambiguous(line: str) -> None:
    session = ConfigSession(configurator(FEATURES), ConfigTree())
    assert not session.enter("ip access-list extended L").refused
    assert session.enter(line).output_lines[0] == f'% Ambiguous command:  "{line}"'


def test_entries_keep_their_order_and_the_show_has_them() -> None:
    text = "access-list 110 deny icmp any any echo\naccess-list 110 permit ip any any log-input\n" + (
        "ip access-list extended L\n permit tcp any object-group G eq 22 443 established log\n"
        " 15 permit udp any neq 500 any\n"
    )
    router = Router(SeededEntropy(1))
    router.handle(ConfigurationEntered(text), 1.0)
    match = exec_parser(FEATURES).match("show ip access-lists")
    assert isinstance(match, Match)
    assert list(match.lines(router.context(2.0))) == [
        "Extended IP access list 110",
        "    10 deny icmp any any echo",
        "    20 permit ip any any log-input",
        "Extended IP access list L",
        "    10 permit tcp any object-group G eq 22 443 established log",
        "    15 permit udp any neq 500 any",
    ]


@pytest.mark.parametrize(
    "first", ["deny ip any any dscp ef", "permit ip any any fragments", "deny ip object-group G any"]
)
def test_an_entry_that_needs_a_packet_chooses_no_route(first: str) -> None:
    found = policies(take_in(f"access-list 110 {first}\naccess-list 110 permit ip host 10.1.0.0 any\n").tree)
    assert found.access_list_permits("110", Prefix.parse("10.1.0.0/16"))
    assert not found.access_list_permits("110", Prefix.parse("10.2.0.0/16"))


def test_a_list_is_numbered_again_with_its_remarks() -> None:
    text = "ip access-list standard S\n remark one\n 10 permit host 1.1.1.1\n 15 deny host 3.3.3.3\n"
    shown = take_in(f"{text}ip access-list resequence S 100 7\n").tree.render()
    place = shown.index("ip access-list standard S")
    assert shown[place + 1 : place + 4] == [" 100 remark one", " 100 permit host 1.1.1.1", " 107 deny host 3.3.3.3"]


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ("permit ip any any dscp ef precedence routine", "% An entry asks for dscp, or for precedence and tos"),
        ("permit ip any any tos 4 dscp ef", "% An entry asks for dscp, or for precedence and tos"),
        ("deny tcp any any eq 80 fragments", "% Fragments have no ports, flags or types"),
        ("deny tcp any any fragments established", "% Fragments have no ports, flags or types"),
        ("deny tcp any any fragments match-all +syn", "% Fragments have no ports, flags or types"),
        ("deny icmp any any echo fragments", "% Fragments have no ports, flags or types"),
    ],
)
@pytest.mark.parametrize(
    "lines", [("ip access-list extended L", "{}"), ("access-list 101 {}",)], ids=["named", "numbered"]
)
def test_an_entry_that_asks_for_what_no_packet_has_is_refused(lines: tuple[str, ...], entry: str, error: str) -> None:
    session = ConfigSession(configurator(FEATURES), ConfigTree())
    results = [session.enter(line.format(entry)) for line in lines]
    assert results[-1].refused
    assert results[-1].output_lines[0].startswith(error)
