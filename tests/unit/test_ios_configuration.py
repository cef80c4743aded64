"""Configuration lines: modes and their parents, `no` and `default`, lists and defaults, refusals, files."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.ospf.config.processes import ROUTER
from dmvpn.ios import (
    INTERFACE,
    ConfigLine,
    ConfigSession,
    ConfigTree,
    Configurator,
    LineResult,
    Mode,
    Problem,
    Section,
    prompt,
)
from dmvpn.ios.config_line import Command
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support import small_language as small
from support.texts import file_text, is_golden
from support.work import calls

if TYPE_CHECKING:
    from collections.abc import Callable

LINES_SAID_TWICE = Path(__file__).parents[2] / "docs/reference/lines-said-twice.md"
LANGUAGE = small.configurator()
INVALID = "% Invalid input detected at '^' marker."
REMOVED = "% Not all config may be removed and may reappear after reactivating the logical-interface/sub-interfaces"


def session(*lines: str) -> ConfigSession:
    """A session that has taken these lines without a word."""
    started = ConfigSession(LANGUAGE, ConfigTree(), small.exec_parser())
    for line in lines:
        assert started.enter(line).output_lines == (), line
    return started


def tunnel(started: ConfigSession) -> Section:
    section = started.tree.section(INTERFACE, name="Tunnel0")
    assert section is not None
    return section


def body(started: ConfigSession) -> list[str]:
    """The statements of Tunnel0 as text."""
    return [statement.text for statement in tunnel(started).statements()]


# Modes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "mode"),
    [
        ([], "config"),
        (["int tu 0"], "config-if"),
        (["router eigrp 100"], "config-router"),
        (["router eigrp X", "address-family ipv4 unicast autonomous-system 1"], "config-router-af"),
        (["router eigrp X", "address-family ipv4 aut 1", "topology base"], "config-router-af-topology"),
        (["router eigrp X", "address-family ipv4 aut 1", "af-interface tu0"], "config-router-af-interface"),
        (["crypto ikev2 keyring K", "peer ANY"], "config-ikev2-keyring-peer"),
        (["crypto ipsec transform-set T esp-aes 256 esp-sha-hmac"], "cfg-crypto-trans"),
        (["line vty 0 4"], "config-line"),
        (["interface Tunnel0", "exit"], "config"),
        (["interface Tunnel0", "router rip"], "config-router"),
        (["interface Tunnel0", "interface Tunnel1"], "config-if"),
        (["interface Tunnel0", "ip route 0.0.0.0 0.0.0.0 10.0.0.1"], "config"),
        (["router eigrp X", "address-family ipv4 aut 1", "topology base", "exit-af-topology"], "config-router-af"),
        (["router eigrp X", "address-family ipv4 aut 1", "topology base", "exit-address-family"], "config-router"),
        (["router eigrp X", "address-family ipv4 aut 1", "topology base", "network 10.0.0.0"], "config-router-af"),
        (["interface Tunnel0", "! comment", "", "   "], "config-if"),
    ],
)
def test_a_line_is_taken_by_the_current_mode_or_by_the_nearest_parent(lines: list[str], mode: str) -> None:
    assert session(*lines).prompt_mode == mode


def test_exit_goes_up_and_end_goes_out() -> None:
    started = session("interface Tunnel0")
    assert started.enter("exit") == LineResult()
    assert started.enter("exit") == LineResult(ended=True)
    started = session("router eigrp X", "address-family ipv4 aut 1", "topology base")
    assert started.enter("end") == LineResult(ended=True)
    assert started.prompt_mode == "config"


def test_the_exit_word_of_a_mode_means_nothing_outside() -> None:
    assert session().enter("exit-address-family").refused


def test_do_hands_the_exec_line_back_as_typed() -> None:
    started = session("interface Tunnel0")
    assert started.enter("do show  dmvpn | i UP").exec_line == "show  dmvpn | i UP"
    assert started.prompt_mode == "config-if"


def test_the_prompt_of_configuration_mode_shows_twenty_characters_of_the_name() -> None:
    assert prompt("R31-Spoke-with-a-very-long-name", "config-if") == "R31-Spoke-with-a-ver(config-if)#"
    assert prompt("R31-Spoke-with-a-very-long-name") == "R31-Spoke-with-a-very-long-name#"
    assert prompt("R1", privileged=False) == "R1>"


# Refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "line", "message"),
    [
        ("interface Tunnel0", "tunnel mode gre multiprotocol", [" " * 22 + "^", INVALID, ""]),
        ("interface Tunnel0", "ip authentication key-chain eigrp_auth", [" " * 33 + "^", INVALID, ""]),
        ("interface Tunnel0", "ip nhrp map   [force]", [" " * 14 + "^", INVALID, ""]),
        ("interface Tunnel0", "ip nhrp map", ["% Incomplete command.", ""]),
        ("interface Tunnel0", "ip nhrp map 10.0.0.1 ", ["% Incomplete command.", ""]),
        ("interface Tunnel0", "ip nhrp nhs ", ["% Incomplete command.", ""]),
        ("interface Tunnel0", "ip nhrp network-id 0", [" " * 19 + "^", INVALID, ""]),
        ("interface Tunnel0", "ip nhrp network-id 4294967296", [" " * 19 + "^", INVALID, ""]),
        ("interface Tunnel0", "ip mtu abc", [" " * 7 + "^", INVALID, ""]),
        ("interface Tunnel0", "ip address 10.0.0.1 255.0.255.0", [" " * 20 + "^", INVALID, ""]),
        ("interface Tunnel0", "  ip nhrp shortcut now", [" " * 19 + "^", INVALID, ""]),
        ("interface Tunnel0", "ip nhrp re", ['% Ambiguous command:  "ip nhrp re"', ""]),
        ("interface Tunnel0", "ip route 10.0.0.0", ["% Incomplete command.", ""]),
        ("hostname R1", "ip nhrp shortcut", [" " * 4 + "^", INVALID, ""]),
        ("hostname R1", "crypto isakmp key K address ", ["% Incomplete command.", ""]),
        ("hostname R1", "interface Tunl0", [" " * 13 + "^", INVALID, ""]),
        ("hostname R1", "interface", ["% Incomplete command.", ""]),
        ("hostname R1", "interface tunnel", ["% Incomplete command.", ""]),
        ("hostname R1", "gibberish", ["^", INVALID, ""]),
        ("hostname R1", "no", ["% Incomplete command.", ""]),
        ("hostname R1", "no gibberish", ["   ^", INVALID, ""]),
        ("hostname R1", "no exit", ["   ^", INVALID, ""]),
        ("interface Tunnel0", "no ip nhrp", ["% Incomplete command.", ""]),
        ("interface Tunnel0", "no ip nhrp map", ["% Incomplete command.", ""]),
        ("interface Tunnel0", "no ip nhrp map multicast", ["% Incomplete command.", ""]),
        ("interface Tunnel0", "no ip nhrp nhs", ["% Incomplete command.", ""]),
        ("router rip", "no network", ["% Incomplete command.", ""]),
    ],
)
def test_a_wrong_line_is_refused_in_the_words_of_ios(mode: str, line: str, message: list[str]) -> None:
    started = session(mode)
    before = started.tree.copy()
    result = started.enter(line)
    assert list(result.output_lines) == message
    assert result.refused
    assert started.tree == before


def test_the_caret_counts_the_prompt() -> None:
    result = session("interface Tunnel0").enter("ip mtu abc", prompt_width=len("R1(config-if)#"))
    assert result.output_lines[0] == " " * (14 + 7) + "^"


def test_a_check_may_refuse_a_line() -> None:
    started = session("interface Tunnel0", "ip address 10.0.0.1 255.255.255.0", "interface Tunnel1")
    result = started.enter("ip address 10.0.0.1 255.255.255.0")
    assert result == LineResult(("% 10.0.0.1 overlaps with Tunnel0",), refused=True)
    assert started.section.is_empty()


def test_a_check_may_warn_and_let_the_line_pass() -> None:
    started = session("interface Tunnel0")
    result = started.enter("ip nhrp authentication DMVPN2026")
    assert result == LineResult(("%Warning: cut to 8 characters",), changed=True)
    assert body(started) == ["ip nhrp authentication DMVPN2026"]


# What lines do -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["ip mtu 1400", "ip mtu 1300"], ["ip mtu 1300"]),
        (["ip mtu 1400", "no ip mtu"], []),
        (["ip mtu 1400", "no ip mtu 1400"], []),
        (["no ip mtu"], []),
        (["ip mtu 1400", "default ip mtu"], []),
        (["description  two  words! "], ["description two  words!"]),
        (["ip address 10.0.0.1 255.0.0.0", "no ip address"], []),
        (
            ["ip address 10.0.0.1 255.0.0.0", "ip address 11.0.0.1 255.0.0.0 secondary"],
            ["ip address 10.0.0.1 255.0.0.0", "ip address 11.0.0.1 255.0.0.0 secondary"],
        ),
        (
            [
                "ip address 10.0.0.1 255.0.0.0",
                "ip address 11.0.0.1 255.0.0.0 secondary",
                "no ip address 11.0.0.1 255.0.0.0 secondary",
            ],
            ["ip address 10.0.0.1 255.0.0.0"],
        ),
        (["ip address 10.0.0.1 255.0.0.0", "ip address 11.0.0.1 255.0.0.0 secondary", "no ip address"], []),
        (["ip nhrp nhs 10.0.0.2", "ip nhrp nhs 10.0.0.1"], ["ip nhrp nhs 10.0.0.2", "ip nhrp nhs 10.0.0.1"]),
        (["ip nhrp nhs 10.0.0.1", "ip nhrp nhs 10.0.0.1 nbma 1.1.1.1"], ["ip nhrp nhs 10.0.0.1 nbma 1.1.1.1"]),
        (["ip nhrp nhs 10.0.0.1 nbma 1.1.1.1 multicast", "no ip nhrp nhs 10.0.0.1"], []),
        (["ip nhrp nhs 10.0.0.1 nbma 1.1.1.1", "no ip nhrp nhs 10.0.0.2"], ["ip nhrp nhs 10.0.0.1 nbma 1.1.1.1"]),
        (["ip nhrp map multicast dynamic", "ip nhrp map multicast 1.1.1.1"],
         ["ip nhrp map multicast dynamic", "ip nhrp map multicast 1.1.1.1"]),
        (["ip nhrp map multicast dynamic", "ip nhrp map multicast 1.1.1.1", "no ip nhrp map multicast dynamic"],
         ["ip nhrp map multicast 1.1.1.1"]),
        (["ip nhrp map 10.0.0.1 1.1.1.1", "no ip nhrp map 10.0.0.1"], []),
        (["ip redirects"], []),
        (["no ip redirects"], ["no ip redirects"]),
        (["no ip redirects", "no ip redirects"], ["no ip redirects"]),
        (["no ip redirects", "ip redirects"], []),
        (["no ip redirects", "default ip redirects"], []),
        (["no ip split-horizon eigrp 100"], ["no ip split-horizon eigrp 100"]),
        (["no ip split-horizon eigrp 100", "ip split-horizon eigrp 100"], []),
        (["no ip split-horizon eigrp 1", "no ip split-horizon eigrp 2", "ip split-horizon eigrp 1"],
         ["no ip split-horizon eigrp 2"]),
        (["tunnel mode gre ip"], []),
        (["tunnel mode gre multipoint"], ["tunnel mode gre multipoint"]),
        (["tunnel mode gre multipoint", "tunnel mode gre ip"], []),
        (["tunnel mode gre multipoint", "no tunnel mode"], []),
        (["ip nhrp holdtime 7200"], []),
        (["ip nhrp holdtime 600", "ip nhrp holdtime 7200"], []),
        (["shutdown", "no shutdown"], []),
        (["tunnel source gi0/1", "tunnel source 10.0.0.9"], ["tunnel source 10.0.0.9"]),
        (["tunnel source gigabitethernet 0/1"], ["tunnel source GigabitEthernet0/1"]),
        (["tunnel protection ipsec profile P shared", "no tunnel protection"], []),
        (["tunnel key 5", "tunnel key 5"], ["tunnel key 5"]),
        (["keepalive 5 3", "no keepalive"], []),
        (["no ip mask-reply"], ["no ip mask-reply"]),
        (["no ip mask-reply", "ip mask-reply"], ["ip mask-reply"]),
        (["no ip mask-reply", "default ip mask-reply"], []),
        (["duplex auto", "speed auto", "no cdp enable", "load-interval 30"],
         ["load-interval 30", "duplex auto", "speed auto", "no cdp enable"]),
    ]
)  # fmt: skip
def test_lines_replace_add_or_take_back(lines: list[str], kept: list[str]) -> None:
    assert body(session("interface tunnel 0", *lines)) == kept


def test_a_line_typed_twice_is_no_error_and_no_change() -> None:
    started = session("interface Tunnel0")
    assert started.enter("ip nhrp nhs 10.0.0.1").changed
    assert started.enter("ip nhrp nhs 10.0.0.1") == LineResult()


def test_an_existing_section_is_entered_again() -> None:
    started = session("interface Tunnel0", "tunnel key 5", "exit")
    assert started.enter("interface tu0") == LineResult()
    assert body(started) == ["tunnel key 5"]


def test_a_section_header_with_other_words_keeps_what_is_inside() -> None:
    started = session("crypto ipsec transform-set T esp-aes 256 esp-sha256-hmac", "mode transport")
    started.enter("crypto ipsec transform-set T esp-aes esp-sha-hmac")
    assert started.tree.render() == ["crypto ipsec transform-set T esp-aes esp-sha-hmac", " mode transport", "!"]


def test_removing_a_logical_interface_warns_as_ios_does() -> None:
    started = session("interface Tunnel0", "tunnel key 5")
    assert started.enter("no interface Tunnel0") == LineResult((REMOVED,), changed=True)
    assert started.prompt_mode == "config"
    assert started.tree.is_empty()
    assert started.enter("no interface Tunnel0") == LineResult()


def test_hardware_cannot_be_removed() -> None:
    started = session("interface GigabitEthernet0/1")
    assert started.enter("no interface gi0/1").output_lines == ("% Removal of physical interfaces is not permitted",)
    assert started.tree.section(INTERFACE, name="GigabitEthernet0/1") is not None


def test_default_interface_empties_it() -> None:
    started = session("interface Tunnel0", "tunnel key 5")
    result = started.enter("default interface tu0")
    assert result == LineResult(("Interface Tunnel0 set to default configuration",), changed=True)
    assert tunnel(started).is_empty()


@pytest.mark.parametrize("line", ["no router eigrp X", "no router ei X", "default router eigrp X"])
def test_no_removes_a_whole_section(line: str) -> None:
    started = session("router eigrp X", "address-family ipv4 aut 1", "network 10.0.0.0", "exit", "exit")
    assert started.enter(line).changed
    assert started.tree.is_empty()


def test_a_transform_set_is_removed_by_its_name() -> None:
    started = session("crypto ipsec transform-set T esp-aes 256 esp-sha256-hmac", "exit")
    assert started.enter("no crypto ipsec transform-set T").changed
    assert started.tree.is_empty()


def test_a_section_that_somebody_else_removed_comes_back_when_it_is_written_to() -> None:
    tree = ConfigTree()
    mine, theirs = ConfigSession(LANGUAGE, tree), ConfigSession(LANGUAGE, tree)
    mine.enter("interface Tunnel0")
    mine.enter("tunnel key 5")
    theirs.enter("no interface Tunnel0")
    mine.enter("ip mtu 1400")
    assert tree.render() == ["interface Tunnel0", " ip mtu 1400", "!"]
    theirs.enter("interface Tunnel0")
    theirs.enter("tunnel key 6")
    mine.enter("tunnel key 7")
    assert tree.render() == ["interface Tunnel0", " ip mtu 1400", " tunnel key 7", "!"]


# What features ask ---------------------------------------------------------------------------------------------------


def test_features_get_their_settings_from_the_tree() -> None:
    started = session(
        "interface tu0", "ip nhrp nhs 10.0.0.1 nbma 1.1.1.1 multicast priority 5", "ip nhrp nhs 10.0.0.2",
        "no ip redirects", "no ip split-horizon eigrp 7", "tunnel key 9", "interface gi0/1"
    )  # fmt: skip
    section = tunnel(started)
    first, second = section.all(small.NHS)
    assert (first.address("nhs"), first.address("nbma"), first.integer("priority")) == (
        IPv4Address("10.0.0.1"),
        IPv4Address("1.1.1.1"),
        5,
    )
    assert "multicast" in first
    assert "multicast" not in second
    assert second.address("nbma", None) is None
    key = section.get(small.TUNNEL_KEY)
    assert key is not None
    assert key.integer("key") == 9
    assert section.get(small.IP_MTU) is None
    assert not section.flag(small.REDIRECTS)
    assert section.negated(small.REDIRECTS)
    assert not section.flag(small.SPLIT_HORIZON, asn=7)
    assert section.flag(small.SPLIT_HORIZON, asn=8)
    assert not section.flag(small.SHUTDOWN)
    other = started.tree.section(INTERFACE, name="GigabitEthernet0/1")
    assert other is not None
    assert other.flag(small.REDIRECTS)
    assert [args.interface("name") for args, _ in started.tree.sections(INTERFACE)] == ["Tunnel0", "GigabitEthernet0/1"]


def test_a_copy_of_a_tree_does_not_change_with_it() -> None:
    started = session("hostname R1", "interface Tunnel0", "tunnel key 5")
    copy = started.tree.copy()
    assert copy == started.tree
    started.enter("tunnel key 6")
    assert copy != started.tree
    assert copy.render() == ["hostname R1", "!", "interface Tunnel0", " tunnel key 5", "!"]
    inner = copy.section(INTERFACE, name="Tunnel0")
    assert inner is not None
    assert inner.root is copy


def test_the_host_name_has_a_default() -> None:
    assert session().tree.hostname == "Router"
    assert session("hostname HUB1").tree.hostname == "HUB1"


# Files ---------------------------------------------------------------------------------------------------------------

PASTED = file_text("ios_configuration_pasted.cfg")


def test_a_pasted_file_is_read_without_regard_to_indentation() -> None:
    result = LANGUAGE.parse_text(PASTED)
    is_golden(result.tree.render(), "ios_configuration/a_pasted_file_is_read_without_regard_to_indentation")


def test_a_wrong_line_of_a_file_is_reported_and_the_rest_counts() -> None:
    assert LANGUAGE.parse_text(PASTED).problems == (
        Problem(7, "tunnel mode gre multiprotocol", "interface", (" " * 22 + "^", INVALID, "")),
        Problem(
            8, "ip nhrp authentication DMVPN2026", "interface", ("%Warning: cut to 8 characters",), is_warning=True
        ),
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_one(end: str) -> None:
    assert LANGUAGE.parse_text(f"hostname A{end}interface tu0{end}").tree.hostname == "A"
    assert LANGUAGE.parse_text(f"hostname A{end}{end}hostnme B").problems[0].line_number == 3


def test_a_snippet_is_read_on_top_of_a_configuration_and_leaves_that_alone() -> None:
    base = LANGUAGE.parse_text("hostname A\ninterface tu0\ntunnel key 5").tree
    merged = LANGUAGE.parse_text("interface tu0\nno tunnel key\nip mtu 1400", base).tree
    assert merged.render() == ["hostname A", "!", "interface Tunnel0", " ip mtu 1400", "!"]
    assert base.render() == ["hostname A", "!", "interface Tunnel0", " tunnel key 5", "!"]


# Help ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "typed", "rows"),
    [
        (["router rip"], "no ", ["  auto-summary  Summarize", "  network       Network", "  version       Version"]),
        (["router rip"], "ne", ["  network  "]),
        (["router rip"], "network ", ["  A.B.C.D  Network"]),
        (["router rip"], "interface tu", ["  Tunnel  "]),
        (["interface tu0"], "ip mtu ", ["  <68-17940>  Largest packet"]),
        (["interface tu0"], "ip nhrp nhs ", ["  A.B.C.D  A next hop server"]),
        (["interface tu0"], "no tunnel mode gre ", ["  ip          Encapsulation", "  multipoint  Encapsulation"]),
        (["interface tu0"], "do show ip nhrp nh", ["  nhs  "]),
        (["interface tu0"], "zzz ", ["% Unrecognized command"]),
        ([], "hostname ", ["  WORD  Its name"]),
    ],
)
def test_the_question_mark_helps_in_configuration_mode(lines: list[str], typed: str, rows: list[str]) -> None:
    assert session(*lines).help(typed) == rows


def test_every_mode_offers_its_verbs() -> None:
    words = [row.split()[0] for row in session("router eigrp X", "address-family ipv4 aut 1").help("")]
    assert words == ["af-interface", "default", "do", "end", "exit", "exit-address-family", "network", "no", "topology"]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("tunnel so", "tunnel source "),
        ("no tunnel so", "no tunnel source "),
        ("do show ip nhr", "do show ip nhrp "),
        ("hostn", "hostname "),
        ("tunnel source tu", "tunnel source Tunnel "),
        ("ip nhrp re", None),
        ("zzz", None),
    ],
)
def test_tab_completes_in_configuration_mode(typed: str, completed: str | None) -> None:
    assert session("interface tu0").complete(typed) == completed


# Mistakes of ours ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        ConfigLine("nowhere", "x", ""),
        ConfigLine("global", "x", "", opens="nowhere"),
        ConfigLine("global", "x {n:word}", "", key=("m",)),
        ConfigLine("global", "x {n:strange}", ""),
        ConfigLine("global", "x {n}", ""),
        ConfigLine("global", "x ( a | b", ""),
        ConfigLine("global", "x a )", ""),
        ConfigLine("global", "x [ a | ]", ""),
        ConfigLine("global", "", ""),
        ConfigLine("global", "x {n:9-1}", ""),
    ],
)
def test_a_grammar_that_contradicts_itself_is_refused(line: ConfigLine) -> None:
    with pytest.raises(ValueError, match=r"syntax|mode|key|type"):
        Configurator([line], [Mode("m", "config-m")]).parse_text("x")


def _steps(text: str) -> int:
    """Calls of functions that reading a text takes: unlike seconds, the same on every machine."""
    # A language of its own: what one has understood once it remembers.
    language = configurator.__wrapped__(FEATURES)
    language.parse_text("no ip route 192.0.2.0 255.255.255.0 Null0\nbanner motd ^a^\n")
    return calls(lambda: language.parse_text(text))


def _routes(number: int, verb: str = "") -> str:
    return "".join(f"{verb}ip route 10.{one >> 8}.{one & 255}.0 255.255.255.0 Null0\n" for one in range(number))


@pytest.mark.lengthy
@pytest.mark.parametrize(
    "made",
    [
        lambda number: _routes(number) + _routes(number, "no ").replace(" 10.", " 11."),
        lambda number: _routes(number) + _routes(number, "default "),
        lambda number: "".join(f"x{one} is no line\n" for one in range(number)),
    ],
    ids=["routes-that-are-not-there-are-taken-back", "defaults", "rubbish"],
)
def test_twice_the_lines_take_twice_as_long(made: Callable[[int], str]) -> None:
    """5,000 routes and 5,000 times `no` took 14 seconds, and 20,000 minutes."""
    _steps(made(800))  # addresses are remembered, for all languages
    assert _steps(made(800)) < 3 * _steps(made(400))


def test_a_no_that_names_some_values_takes_all_entries_that_have_them_of_many() -> None:
    text = _routes(100).replace("Null0", "Null0 254") + "no ip route 10.0.7.0 255.255.255.0 Null0\n"
    tree = configurator(FEATURES).parse_text(text).tree
    left = [line for line in tree.render() if line.startswith("ip route")]
    assert len(left) == 99
    assert "ip route 10.0.7.0 255.255.255.0 Null0 254" not in left


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        (["ip nat inside source list 1 interface GigabitEthernet1 overload"], "no ip nat inside source list 1"),
        (["ip route 10.0.0.0 255.0.0.0 Null0"], "no ip route 10.0.0.0"),
        (["interface Tunnel0", "ip nhrp map 10.0.0.1 192.0.2.1"], "no ip nhrp map 10.0.0.1"),
    ],
)
def test_a_no_that_names_no_whole_entry_is_refused_and_not_kept_as_a_line_of_others(
    lines: list[str], wrong: str
) -> None:
    started = ConfigSession(configurator(FEATURES), ConfigTree())
    for line in lines:
        started.enter(line)
    before = started.tree.render()
    result = started.enter(wrong)
    assert (result.output_lines[0], result.refused) == ("% Incomplete command.", True)
    assert started.tree.render() == before


_LINK = "area 1 virtual-link 10.9.0.2"


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        pytest.param(
            ["hello-interval 1 dead-interval 4", "authentication message-digest", "retransmit-interval 3"],
            [" authentication message-digest hello-interval 1 retransmit-interval 3 dead-interval 4"],
            id="what-a-line-does-not-name-stays",
        ),
        pytest.param(
            ["hello-interval 1 authentication key-chain K", "authentication null"],
            [" authentication null hello-interval 1"],
            id="an-option-replaces-itself-with-all-its-words",
        ),
        pytest.param(["dead-interval 4", ""], [" dead-interval 4"], id="a-line-without-options-changes-nothing"),
        pytest.param(
            ["hello-interval 1 dead-interval 4", "no hello-interval", "no transmit-delay 2"],
            [" dead-interval 4"],
            id="no-removes-the-options-that-it-names-and-no-others",
        ),
        pytest.param(["hello-interval 1", "no hello-interval 7"], [""], id="no-needs-no-right-value"),
        pytest.param(
            ["message-digest-key 1 md5 k", "authentication-key w"],
            ["", " authentication-key w", " message-digest-key 1 md5 k"],
            id="a-key-alone-makes-the-link",
        ),
        pytest.param(
            ["hello-interval 1 dead-interval 4", "message-digest-key 1 md5 k", "no"], [], id="no-removes-the-link"
        ),
        pytest.param(
            ["message-digest-key 1 md5 k", "message-digest-key 2 md5 l", "no message-digest-key 1"],
            ["", " message-digest-key 2 md5 l"],
            id="no-removes-one-key",
        ),
    ],
)
def test_lines_about_one_virtual_link_add_up(lines: list[str], kept: list[str]) -> None:
    """Of four lines about one link, only the last one was kept, and the link had neither its timers nor its digests."""
    started = ConfigSession(configurator(FEATURES), ConfigTree())
    started.enter("router ospf 1")
    for line in lines:
        is_no, options = line.startswith("no"), line.removeprefix("no").strip()
        assert started.enter(f"{'no ' if is_no else ''}{_LINK} {options}".rstrip()).output_lines == (), line
    ((_, process),) = started.tree.sections(ROUTER)
    assert [statement.text for statement in process.statements()] == [_LINK + end for end in kept]


@pytest.mark.parametrize(
    ("process", "lines", "kept"),
    [
        ("ospf 1", ["static subnets", "static route-map M"], ["static subnets route-map M"]),
        ("ospf 1", ["static metric 2", "static route-map M subnets metric 3"], ["static route-map M subnets metric 3"]),
        ("ospf 1", ["connected metric 9 subnets", "no connected metric 9 subnets"], ["connected"]),
        ("ospf 1", ["connected metric 9 subnets", "no connected subnets"], ["connected metric 9"]),
        ("ospf 1", ["connected metric 9 subnets", "no connected"], []),
        ("ospf 1", ["bgp 1 match external 2 tag 3", "bgp 1 match internal"], ["bgp 1 match internal tag 3"]),
        ("bgp 1", ["static route-map M", "no static route-map M"], ["static"]),
        ("rip", ["connected route-map M", "connected metric 2"], ["connected metric 2 route-map M"]),
        ("rip", ["ospf 1 metric 2", "ospf 2", "no ospf 1 metric"], ["ospf 1", "ospf 2"]),
        ("eigrp 1", ["static route-map M", "no static route-map M"], []),
    ],
)
def test_options_of_redistribution_add_up_and_go_one_by_one(process: str, lines: list[str], kept: list[str]) -> None:
    """A second line dropped the route map of the first one, and `no` with a route map dropped the redistribution."""
    started = ConfigSession(configurator(FEATURES), ConfigTree())
    started.enter(f"router {process}")
    for line in lines:
        is_no, options = line.startswith("no"), line.removeprefix("no ")
        assert started.enter(f"{'no ' if is_no else ''}redistribute {options}").output_lines == (), line
    shown = [line.strip() for line in started.tree.render()]
    assert [line.removeprefix("redistribute ") for line in shown if line.startswith("redistribute")] == kept


def test_the_page_about_lines_said_twice_names_each_command_and_says_what_the_program_does() -> None:
    language = configurator(FEATURES)
    known: dict[str, bool] = {}
    for row in LINES_SAID_TWICE.read_text().splitlines():
        cells = [cell.strip() for cell in row.split("|")]
        if not row.startswith("|") or "`" not in row:
            continue
        started = ConfigSession(language, ConfigTree())
        for header in reversed(re.findall("`(.+?)`", cells[1])):
            started.enter(header)
        for example in re.findall("`(.+?)`", cells[2]):
            command = language.interpret(started.mode.name, example)
            if isinstance(command, Command):  # a second example of a neighbor goes without the neighbor
                known[command.targets[0].line.syntax] = cells[3] == "adds"
    own = [line for feature in FEATURES for line in feature.config if line.group is None and "[* " in line.syntax]
    assert known == {line.syntax: line.adds for line in own if line.key is None or line.key}


@pytest.mark.parametrize(
    ("mode", "typed", "word"),
    [
        ("interface Tunnel0", "ip nhrp ", "hearsay"),
        ("interface Tunnel0", "ip nhrp ", "watch-servers"),
        ("interface Tunnel0", "ip nhrp registration ", "limit"),
        ("crypto ikev2 profile P", "", "refuse"),
        ("crypto pki trustpoint T", "", "extended-key-usage"),
        ("hostname R1", "crypto isakmp ", "run-as"),
        ("hostname R1", "crypto ipsec ", "encapsulation"),
    ],
)
def test_the_question_mark_says_which_lines_ios_does_not_have(mode: str, typed: str, word: str) -> None:
    started = ConfigSession(configurator(FEATURES), ConfigTree())
    started.enter(mode)
    (row,) = [row for row in started.help(typed, 15, ()) if row.split()[0] == word]
    assert f"{word} " in row
    assert " Not in IOS: " in row
