"""Exec lines: abbreviations, the exact words of every refusal, filters, `?` and Tab."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import UserError
from dmvpn.base.moments import Moment, read_span, read_time
from dmvpn.ios import (
    CliError,
    ErrorKind,
    ExecCommand,
    ExecParser,
    FilterKind,
    Match,
    apply_filters,
    json_lines,
    to_plain,
)
from dmvpn.ios.exec_parser import MomentType
from dmvpn.ios.filters import Pattern, PatternError, find_filters, parse_filters
from dmvpn.ios.values import Misfit, Reading, Token, Unfinished
from support import small_language as small
from support.fakes import FakeClock

PARSER = small.exec_parser()
INVALID = "% Invalid input detected at '^' marker."
UNKNOWN = "% Unknown command or computer name, or unable to find computer address"


def matched(line: str) -> Match:
    match = PARSER.match(line)
    assert isinstance(match, Match), match
    return match


def refused(line: str, prompt_width: int = 0) -> list[str]:
    match = PARSER.match(line)
    assert isinstance(match, CliError), match
    return match.lines(prompt_width)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("show ip nhrp", small.SHOW_NHRP),
        ("sh ip nh nh d", small.SHOW_NHS),
        ("SHOW Ip NHRP", small.SHOW_NHRP),
        ("  show   dmvpn  ", small.SHOW_DMVPN),
        ("show run", small.SHOW_RUN),
        ("conf t", small.CONFIGURE),
        ("ping 10.0.0.1", small.PING),
        ("copy run start", small.COPY),
    ],
)
def test_keywords_may_be_cut_and_written_in_any_case(line: str, command: ExecCommand) -> None:
    assert matched(line).command is command


@pytest.mark.parametrize(
    ("line", "caret"),
    [
        ("show ip nrhp", 9),
        ("show ip nhrp detail x", 20),
        ("show ip nhrp 10.0.0.1 bryef", 24),
        ("show ip route 10.0.0.0 255.0.255.0", 23),
        ("show ip route 10.0.0.0/33", 14),
        ("show interfaces Tunl0", 19),
        ("show interfaces tu x", 19),
        ("ping 10.0.0.1 repeat 0", 21),
        ("ping 10.0.0.1 repeat 5 repeat 5", 23),
        ("foo bar", 0),
        ("shwo ip route", 2),
        ("show dmvpn | quote x", 13),
        ("ping 10.0.0.1 | include x", 14),
    ],
)
def test_the_caret_is_under_the_first_character_that_fits_nothing(line: str, caret: int) -> None:
    assert refused(line) == [" " * caret + "^", INVALID, ""]


def test_the_caret_is_counted_from_the_prompt() -> None:
    assert refused("show ip nrhp", len("R1#")) == ["            ^", INVALID, ""]


@pytest.mark.parametrize(
    "line", ["show ip", "show", "sho ip", "show interfaces tu", "ping 10.0.0.1 size", "show dmvpn | i"]
)
def test_a_line_that_needs_more_words_is_incomplete(line: str) -> None:
    assert refused(line) == ["% Incomplete command.", ""]


@pytest.mark.parametrize(
    ("line", "quoted"), [("s", "s"), ("  s  ", "s"), ("c ip route *", "c ip route *"), ("show i", "show i")]
)
def test_an_ambiguous_line_is_quoted_whole_behind_two_blanks(line: str, quoted: str) -> None:
    assert refused(line) == [f'% Ambiguous command:  "{quoted}"', ""]


def test_a_single_word_that_is_no_command_could_be_a_computer() -> None:
    assert refused("foo") == [UNKNOWN]


@pytest.mark.parametrize("line", ["", "   ", "! a comment", "  !x"])
def test_blank_lines_and_comments_say_nothing(line: str) -> None:
    assert refused(line) == []


def test_an_exact_keyword_beats_longer_ones_with_the_same_beginning() -> None:
    short, long = ExecCommand("show nhrp", ""), ExecCommand("show nhrp-cache", "")
    parser = ExecParser([long, short])
    match = parser.match("show nhrp")
    assert isinstance(match, Match)
    assert match.command is short


def test_a_cut_keyword_beats_a_plain_word_and_a_number_beats_both() -> None:
    word, number = ExecCommand("go {name:word}", ""), ExecCommand("go {n:1-9}", "")
    keyword = ExecCommand("go 7up", "")
    parser = ExecParser([word, keyword, number])
    commands = [match.command for line in ("go 7", "go 7u", "go 8") if isinstance(match := parser.match(line), Match)]
    assert commands == [number, keyword, number]
    other = parser.match("go x")
    assert isinstance(other, Match)
    assert other.command is word


def test_arguments_come_back_as_typed_values() -> None:
    args = matched("show ip route 10.1.0.0 255.255.0.0").args
    assert (args.address("network"), args.address("mask")) == (IPv4Address("10.1.0.0"), IPv4Address("255.255.0.0"))
    assert matched("show ip route 10.1.2.3/16").args.prefix("prefix") == Prefix.parse("10.1.0.0/16")
    assert matched("show ip route 10.1.2.3").args.prefix("prefix").is_host


@pytest.mark.parametrize("typed", ["tunnel 100", "Tu100", "tunnel100", "TUNNEL 100", "tu 0100"])
def test_interfaces_are_understood_in_every_spelling(typed: str) -> None:
    assert matched(f"show interfaces {typed}").args.interface("interface") == "Tunnel100"


def test_options_come_in_any_order_each_at_most_once() -> None:
    args = matched("ping 10.4.4.1 rep 7 so tu0 df").args
    assert (args.text("target"), args.integer("count"), args.interface("interface")) == ("10.4.4.1", 7, "Tunnel0")
    assert "df-bit" in args
    assert "size" not in args
    assert matched("ping 10.4.4.1 df so tu0 rep 7").args == args


def test_a_missing_argument_gives_the_default_or_is_our_mistake() -> None:
    args = matched("ping 10.4.4.1").args
    assert args.integer("count", 5) == 5
    assert args.integer("count", None) is None
    with pytest.raises(KeyError):
        args.integer("count")
    with pytest.raises(TypeError):
        args.integer("target")


def test_arguments_are_a_mapping_of_values_and_keywords() -> None:
    args = matched("ping h df").args
    assert dict(args) == {"target": "h", "ping": True, "df-bit": True}
    assert len(args) == 3
    assert len({args, matched("ping h df-bit").args}) == 1


def test_what_a_level_may_not_use_does_not_exist_for_it() -> None:
    assert isinstance(PARSER.match("configure terminal", privilege=15), Match)
    refusal = PARSER.match("configure terminal", privilege=1)
    assert isinstance(refusal, CliError)
    assert refusal.kind is ErrorKind.INVALID
    assert not any("configure" in row for row in PARSER.help_lines("", privilege=1))


def test_a_pipe_inside_a_text_belongs_to_the_text() -> None:
    assert matched("send log either | or").args.text("text") == "either | or"


def test_a_show_command_becomes_lines_or_json() -> None:
    peers = [small.Peer(IPv4Address("10.0.0.1"), "UP"), small.Peer(IPv4Address("10.0.0.2"), "IKE")]
    assert list(matched("show dmvpn").lines(peers)) == ["Peers", "  10.0.0.1 UP", "  10.0.0.2 IKE"]
    assert list(matched("show dmvpn | include IKE").lines(peers)) == ["  10.0.0.2 IKE"]
    json = "\n".join(matched("show ip nhrp 10.0.0.1 | json").lines(peers))
    assert json == '[\n  {\n    "address": "10.0.0.1",\n    "state": "UP"\n  }\n]'


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("show", ["  show  "]),
        ("c", ["  clear  configure  copy  "]),
        ("show ip ", ["  nhrp   NHRP cache", "  route  Routes"]),
        ("show ip nhrp nhs ", ["  detail  Next hop servers", "  |       Output modifiers", "  <cr>"]),
        ("clear ip route ", ["  *           Routes", "  A.B.C.D/nn  Routes"]),
        ("show interfaces tunnel ", ["  <0-2147483647>  Tunnel interface number"]),
        ("show interfaces tunnel 5 ", ["  |     Output modifiers", "  <cr>"]),
        ("ping x size 1", ["  <36-18024>"]),
        ("ping x size ", ["  <36-18024>  Send echo requests"]),
        (
            "show interfaces T",
            ["  TenGigabitEthernet  TokenRing  Tunnel  TwentyFiveGigE  TwoGigabitEthernet", "  TwoHundredGigE  "],
        ),
        ("x", ["% Unrecognized command"]),
        ("show x ", ["% Unrecognized command"]),
        ("s ", ['% Ambiguous command:  "s "']),
        ("show dmvpn | i", ["  include  "]),
        ("show dmvpn | i ", ["  LINE  Regular expression"]),
        ("show dmvpn | q", ["% Unrecognized command"]),
    ],
)
def test_the_question_mark_lists_what_may_come_next(line: str, rows: list[str]) -> None:
    assert PARSER.help_lines(line) == rows


def test_the_question_mark_behind_a_pipe_lists_the_filters() -> None:
    words = [row.split()[0] for row in PARSER.help_lines("show dmvpn | ")]
    assert words == ["begin", "count", "exclude", "include", "json", "section"]


def test_show_running_config_all_is_offered_at_the_start_of_a_row() -> None:
    assert "all" in [row.split()[0] for row in PARSER.help_lines("show running-config ")]


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("sh", "show "),
        ("show ip nh", "show ip nhrp "),
        ("show interfaces tu", "show interfaces Tunnel "),
        ("show ip nhrp b", "show ip nhrp brief "),
        ("show dmvpn | in", "show dmvpn | include "),
        ("s", None),
        ("c", None),
        ("show ", None),
        ("", None),
        ("x", None),
        ("show x y", None),
    ],
)
def test_tab_writes_out_a_word_that_is_unique(line: str, completed: str | None) -> None:
    assert PARSER.complete(line) == completed


# Output filters and the regular expressions of IOS.

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


# Moments as people type them: always in the past, on the router's own clock.

#: On the fake clock it is Nov 20 06:00:00 2026 at 0, so at 3600 it is 07:00:00.
NOW = 3600.0


def read(text: str) -> Reading | Unfinished | Misfit:
    """What the language makes of these words."""
    tokens, start = [], 0
    for word in text.split():
        tokens.append(Token(word, start))
        start += len(word) + 1
    return MomentType().read_value(text, tokens, 0)


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("06:30:00", 1800.0),
        ("6:30:00.25", 1800.25),
        ("07:00:00", 3600.0),
        ("07:00:01", 3601.0 - 86400),
        ("23:00:00", -25200.0),
        ("06:00:00 19 nov", -86400.0),
        ("06:00:00 19 November 2026", -86400.0),
        ("06:00:00 21 nov", -364 * 86400.0),
        ("5m", 3300.0),
        ("1h30m", -1800.0),
        ("90s", 3510.0),
        ("2d", NOW - 172800),
        ("0s", NOW),
    ],
)
def test_a_moment_is_the_last_one_that_fits(typed: str, seconds: float) -> None:
    reading = read(typed)
    assert isinstance(reading, Reading)
    assert reading.end == len(typed.split())
    assert isinstance(reading.value, Moment)
    assert reading.value.seconds(FakeClock(), NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "typed", ["24:00:00", "10:60:00", "10:00", "10:00:00.1234", "soon", "m", "5", "-5m", "10:00:00 20 Foo"]
)
def test_what_is_no_moment_is_refused(typed: str) -> None:
    assert isinstance(read(typed), Misfit)


def test_a_day_without_its_month_is_not_finished() -> None:
    assert isinstance(read("10:00:00 20"), Unfinished)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("06:00:00 30 feb", "there is no 30 Feb"),
        ("06:00:00 29 feb 2025", "there is no 29 Feb 2025"),
        ("07:00:01 20 nov 2026", "Nov 20 07:00:01 is still to come: it is Nov 20 07:00:00"),
        ("07:00:00 20 nov 2027", "Nov 20 2027 07:00:00 is still to come: it is Nov 20 2026 07:00:00"),
    ],
)
def test_a_day_that_is_not_is_said(typed: str, why: str) -> None:
    reading = read(typed)
    assert isinstance(reading, Reading)
    assert isinstance(reading.value, Moment)
    with pytest.raises(UserError, match=why):
        reading.value.seconds(FakeClock(), NOW)


@given(st.text(max_size=12))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    read_span(text)
    read_time(text)
    if text.split():
        read(text)


@given(st.integers(0, 9), st.integers(0, 99), st.integers(0, 999), st.integers(0, 9999))
def test_a_span_is_the_sum_of_its_parts(days: int, hours: int, minutes: int, seconds: int) -> None:
    assert read_span(f"{days}d{hours}h{minutes}m{seconds}s") == ((days * 24 + hours) * 60 + minutes) * 60 + seconds
