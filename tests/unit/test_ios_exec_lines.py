"""Exec lines: abbreviations, the exact words of every refusal, filters, `?` and Tab."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.ios import CliError, ErrorKind, ExecCommand, ExecParser, Match
from support import small_language as small

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
