"""Output filters and the regular expressions of IOS."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from ipaddress import IPv4Address

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.ios import CliError, FilterKind, apply_filters, json_lines, to_plain
from dmvpn.ios.filters import Pattern, PatternError, find_filters, parse_filters

CONFIGURATION = [
    "hostname R1",
    "!",
    "interface Tunnel0",
    " ip address 10.0.0.1 255.255.255.0",
    " tunnel key 100",
    "!",
    "router eigrp NAME",
    " address-family ipv4",
    "  network 10.0.0.0",
    " exit-address-family",
    "!",
    "ip route 0.0.0.0 0.0.0.0 Tunnel0",
    "ipv6 route ::/0 Tunnel0",
]


def filtered(text: str) -> list[str]:
    filters = parse_filters(text, 0)
    assert not isinstance(filters, CliError), filters
    return list(apply_filters(CONFIGURATION, filters))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("include tunnel", [" tunnel key 100"]),
        ("i Tunnel0$", ["interface Tunnel0", "ip route 0.0.0.0 0.0.0.0 Tunnel0", "ipv6 route ::/0 Tunnel0"]),
        ("inc ^ip route .+ |^ipv6 route .+", CONFIGURATION[-2:]),
        ("exclude ^ |!", ["hostname R1", "interface Tunnel0", "router eigrp NAME", *CONFIGURATION[-2:]]),
        ("begin ^router", CONFIGURATION[6:]),
        ("section ^router eigrp", CONFIGURATION[6:10]),
        ("sec address-family", [" address-family ipv4", "  network 10.0.0.0", " exit-address-family"]),
        ("s interface | include ip", [" ip address 10.0.0.1 255.255.255.0"]),
        ("section interface|router | exclude key | count ^", ["Number of lines which match regexp = 6"]),
        ("count nothing", ["Number of lines which match regexp = 0"]),
        ("i  hostname", []),
        ("i  tunnel", [" tunnel key 100"]),
        ("c _10_", ["Number of lines which match regexp = 0"]),
        ("include _100_", [" tunnel key 100"]),
    ],
)
def test_filters_choose_lines(text: str, lines: list[str]) -> None:
    assert filtered(text) == lines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ["% Incomplete command.", ""]),
        ("include", ["% Incomplete command.", ""]),
        ("include  ", ["% Incomplete command.", ""]),
        ("zzz x", ["^", "% Invalid input detected at '^' marker.", ""]),
        ("json x", ["     ^", "% Invalid input detected at '^' marker.", ""]),
        ("redirect flash:x", ['% Error: "redirect" is not possible here']),
        ("tee flash:x", ['% Error: "tee" is not possible here']),
        ("append flash:x", ['% Error: "append" is not possible here']),
        ("include a | json", ['% "json" must be the first filter']),
        ("include (", ["% Invalid regular expression: unmatched ("]),
        ("include )", ["% Invalid regular expression: unmatched )"]),
        ("include [a", ["% Invalid regular expression: unmatched ["]),
        ("include *", ["% Invalid regular expression: nothing to repeat before *"]),
        ("include " + "(" * 60, ["% Invalid regular expression: nested too deeply"]),
        ("include " + "a" * 600, ["% Invalid regular expression: longer than 512 characters"]),
    ],
)
def test_filters_that_cannot_be_are_refused_with_a_reason(text: str, message: list[str]) -> None:
    refusal = parse_filters(text, 0)
    assert isinstance(refusal, CliError)
    assert refusal.lines() == message


def test_nine_filters_in_a_row_are_too_many() -> None:
    assert isinstance(parse_filters(" | ".join(["include x"] * 9), 0), CliError)


def test_every_filter_has_its_own_first_letter_and_e_is_exclude() -> None:
    others = [kind for kind in FilterKind if kind is not FilterKind.EXPLAIN]
    assert len({kind.word[0] for kind in others}) == len(others)
    assert [find_filters(word)[0] for word in ("e", "ex", "exc")] == [FilterKind.EXCLUDE] * 3
    assert find_filters("exp") == [FilterKind.EXPLAIN]


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        ("", "anything", True),
        ("abc", "xabcx", True),
        ("abc", "ab", False),
        ("ABC", "abc", False),
        ("^abc", "abcd", True),
        ("^abc", "xabc", False),
        ("abc$", "xabc", True),
        ("abc$", "abcx", False),
        ("^$", "", True),
        ("^$", " ", False),
        ("a.c", "abc", True),
        ("a.c", "ac", False),
        ("ab*c", "ac", True),
        ("ab+c", "ac", False),
        ("ab+c", "abbbc", True),
        ("ab?c", "abbc", False),
        ("(ab)+c", "ababc", True),
        ("a|b", "b", True),
        ("^(a|b)$", "ab", False),
        ("[0-9]+", "x7", True),
        ("[^0-9]", "777", False),
        ("[]]", "]", True),
        ("[a-]", "-", True),
        (r"1\.1", "1x1", False),
        (r"1\.1", "1.1", True),
        (r"\_", "_", True),
        ("_65000_", "65000 1", True),
        ("_65000_", "1,65000", True),
        ("_65000_", "165000", False),
        ("_1_2_", "(1 2)", True),
        ("a*?", "", True),
        ("|x", "nothing", True),
        ("x{2}", "x{2}", True),
    ],
)
def test_regular_expressions_are_those_of_ios(pattern: str, line: str, *, matches: bool) -> None:
    assert Pattern(pattern).search(line) is matches


def test_a_malicious_pattern_takes_no_longer_than_an_honest_one() -> None:
    """A backtracking matcher would need the age of the universe."""
    assert not Pattern("(a+)+$").search("a" * 2000 + "b")
    assert not Pattern(".*.*.*.*.*.*x").search("a" * 2000)
    assert not Pattern("((a|aa)*)*b$").search("a" * 2000)


@pytest.mark.parametrize("pattern", ["(", ")", "a)", "[", "[^", "*a", "a|*", "(|", "[a-"])
def test_a_malformed_pattern_is_told_from_a_strange_one(pattern: str) -> None:
    with pytest.raises(PatternError):
        Pattern(pattern)


class Color(enum.Enum):
    RED = "red"


class Code(enum.IntEnum):
    FOUR = 4


@dataclass(frozen=True, slots=True)
class Inner:
    prefix: Prefix
    color: Color


@dataclass(frozen=True, slots=True)
class Outer:
    address: IPv4Address
    inner: tuple[Inner, ...]
    code: Code
    data: bytes
    ages: dict[IPv4Address, float | None]
    names: frozenset[str]


def test_json_shows_the_data_with_addresses_and_enums_as_text() -> None:
    value = Outer(
        IPv4Address("10.0.0.1"),
        (Inner(Prefix.parse("10.3.3.0/24"), Color.RED),),
        Code.FOUR,
        b"\x01\xff",
        {IPv4Address("10.0.0.2"): 1.5, IPv4Address("10.0.0.3"): None},
        frozenset({"b", "a"}),
    )
    assert to_plain(value) == {
        "address": "10.0.0.1",
        "inner": [{"prefix": "10.3.3.0/24", "color": "red"}],
        "code": 4,
        "data": "01ff",
        "ages": {"10.0.0.2": 1.5, "10.0.0.3": None},
        "names": ["a", "b"],
    }
    assert json.loads("\n".join(json_lines(value))) == to_plain(value)
