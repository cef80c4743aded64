"""The running configuration: its order, its blocks, and that it loads back unchanged; the harmless known lines."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

import dmvpn.features
import dmvpn.ios
from dmvpn.base.addresses import Prefix
from dmvpn.ios import (
    INTERFACE,
    INTERFACE_MODE,
    ConfigLine,
    Configurator,
    Places,
    Spoken,
    Twins,
    ValueType,
    known_commands,
    register_type,
)
from dmvpn.ios.config_line import UNKNOWN, read_known
from dmvpn.ios.differences import with_defaults
from dmvpn.ios.tree import MARK, render_tree
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support import small_language as small
from support.texts import file_text

LANGUAGE = small.configurator()

HUB = file_text("ios_running_config_hub.cfg")


def test_a_running_configuration_is_shown_exactly_as_it_was_loaded() -> None:
    result = LANGUAGE.parse_text(HUB)
    assert result.problems == ()
    assert "\n".join(result.tree.render()) + "\n" == HUB


def test_any_order_of_entry_gives_the_same_running_configuration() -> None:
    blocks = HUB.split("\n!\n")
    shuffled = "\nend\n".join(reversed(blocks))
    assert LANGUAGE.parse_text(shuffled).tree.render() != []
    once = LANGUAGE.parse_text(HUB).tree
    assert LANGUAGE.parse_text(shuffled).tree == once


def test_interfaces_stand_in_the_order_of_ios() -> None:
    typed = ["Serial0/0", "Gi0/10", "Gi0/2", "tu10", "tu9", "lo1", "Gi0/2.20", "Gi0/2.3", "Et0/0"]
    tree = LANGUAGE.parse_text("\n".join(f"interface {name}" for name in typed)).tree
    assert [line.split()[1] for line in tree.render() if line != "!"] == [
        "Loopback1", "Tunnel9", "Tunnel10", "Ethernet0/0", "GigabitEthernet0/2", "GigabitEthernet0/2.3",
        "GigabitEthernet0/2.20", "GigabitEthernet0/10", "Serial0/0",
    ]  # fmt: skip


KNOWN = file_text("ios_running_config_known.cfg")


def test_harmless_lines_of_ios_are_kept_and_shown_back() -> None:
    result = Configurator(small.LINES, small.MODES, known_commands()).parse_text(KNOWN)
    assert result.problems == ()
    assert "\n".join(result.tree.render()) + "\n" == f"{MARK}\n{KNOWN}"


def test_line_console_is_line_con() -> None:
    """pyATS sends `line console 0`; the configuration says `line con 0`."""
    tree = LANGUAGE.parse_text("line console 0\nexec-timeout 0\nline con 0\nstopbits 1").tree
    assert tree.render() == ["line con 0", " exec-timeout 0", " stopbits 1", "!"]


def test_a_stray_line_of_another_mode_is_not_taken_for_a_known_one() -> None:
    """`version 2` of RIP, typed in the global section, is no release."""
    (entry,) = LANGUAGE.parse_text("version 2").entries
    assert entry.group is UNKNOWN


def test_lines_of_features_are_preferred_to_known_ones() -> None:
    language = Configurator(
        small.LINES, small.MODES, (tuple(read_known(["global 1 - hostname {anything:line}"])[0]), ())
    )
    assert language.parse_text("hostname R1").tree.hostname == "R1"


@pytest.mark.parametrize("line", ["nonsense", "mode x", "global x - y", "global 1 q y"])
def test_a_malformed_known_line_is_our_mistake(line: str) -> None:
    with pytest.raises(ValueError, match="known line"):
        read_known([line])


#: Those for which the small language of these tests was made; the whole one reads all, in test_reading_rules.
SCENARIOS = sorted((Path(dmvpn.ios.__file__).parents[1] / "scenarios").glob("notes-*/*.cfg"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_configurations_of_the_scenarios_are_read_and_load_back(path: Path) -> None:
    result = LANGUAGE.parse_text(path.read_text())
    assert [problem for problem in result.problems if not problem.is_warning] == []
    shown = result.tree.render()
    again = LANGUAGE.parse_text("\n".join(shown))
    assert again.problems == result.problems == ()
    assert again.tree == result.tree


# Values of every type: what is read, what is shown, what is refused; types of features.


def read(kind: str, text: str) -> tuple[object, str] | None:
    """The value and the shown text of `x VALUE`, or None if it is refused."""
    line = ConfigLine("global", f"x {{v:{kind}}}", "")
    tree = Configurator([line], []).parse_text(f"x {text}").tree
    args = tree.get(line)
    return (args["v"], args.words[1]) if args else None


@pytest.mark.parametrize(
    ("kind", "text", "value", "shown"),
    [
        ("1-10", "010", 10, "10"),
        ("address", "10.0.0.1", IPv4Address("10.0.0.1"), "10.0.0.1"),
        ("address6", "2001:db8::1", IPv6Address("2001:db8::1"), "2001:DB8::1"),
        ("mask", "255.255.254.0", IPv4Address("255.255.254.0"), "255.255.254.0"),
        ("wildcard", "0.0.255.255", IPv4Address("0.0.255.255"), "0.0.255.255"),
        ("prefix", "10.1.2.3/8", Prefix.parse("10.0.0.0/8"), "10.0.0.0/8"),
        ("prefix", "10.1.2.3", Prefix.parse("10.1.2.3/32"), "10.1.2.3"),
        ("word", "Word!", "Word!", "Word!"),
        ("secret", "a!b?c|d", "a!b?c|d", "a!b?c|d"),
        ("line", "two  words | ! ", "two  words | !", "two  words | !"),
        ("interface", "gi 0/0/1", "GigabitEthernet0/0/1", "GigabitEthernet0/0/1"),
    ],
)
def test_a_value_is_read_and_shown_in_one_form(kind: str, text: str, value: object, shown: str) -> None:
    assert read(kind, text) == (value, shown)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("1-10", "0"),
        ("1-10", "11"),
        ("1-10", "-1"),
        ("1-10", "1.0"),
        ("1-10", "٣"),
        ("1-10", "9" * 5000),
        ("address", "10.0.0"),
        ("address", "10.0.0.256"),
        ("address", "10.0.0.1/24"),
        ("address6", "10.0.0.1"),
        ("address6", "fe80::1%eth0"),
        ("host6", "fe80::1%eth0/64"),
        ("mask", "255.0.255.0"),
        ("mask", "mask"),
        ("prefix", "10.0.0.0/33"),
        ("prefix", "10.0.0.0/"),
        ("prefix", "10.0.0.0/-1"),
        ("prefix", "x/8"),
        ("word", "two words"),
        ("interface", "nothing0"),
    ],
)
def test_what_is_no_such_value_is_refused(kind: str, text: str) -> None:
    assert read(kind, text) is None


def test_a_feature_may_add_a_type() -> None:
    def parse(text: str) -> tuple[int, str] | None:
        return (int(text, 16), text) if text.startswith("0x") and text[2:].isalnum() else None

    register_type(ValueType("test-hexadecimal", "0xHEX", parse))
    assert read("test-hexadecimal", "0x1f") == (31, "0x1f")
    assert read("test-hexadecimal", "31") is None
    with pytest.raises(ValueError, match="exists already"):
        register_type(ValueType("test-hexadecimal", "0xHEX", parse))


# The places of lines: where something stands in a text is found by its words, however it was typed.

TEXT = file_text("ios_running_config_text.cfg")


@pytest.fixture(scope="module")
def places() -> Places:
    noted = Places()
    configurator(FEATURES).parse_text(TEXT, places=noted)
    return noted


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("hostname",), 1),
        (("hostname R1",), 1),
        (("interface Tunnel0", "ip address"), 3),
        (("interface Tunnel0", "tunnel key"), 6),
        (("interface Tunnel0", "tunnel key 5"), 5),
        (("interface Tunnel0", "no keepalive"), 12),
        (("router eigrp NAME", "address-family", "af-interface Tunnel0", "no split-horizon"), 10),
        (("ip access-list extended A", "no remark text"), 14),
        # What is not there is where its section is, at last at the beginning.
        (("router eigrp NAME", "address-family", "af-interface Tunnel0", "hold-time"), 9),
        (("router eigrp NAME", "address-family", "af-interface Tunnel7"), 8),
        (("router bgp 1", "neighbor"), 1),
        # Whole words count.
        (("host",), 1),
        (("interface Tunnel0", "tunnel k"), 11),
    ],
)
def test_a_line_is_found_by_its_first_words(places: Places, words: tuple[str, ...], line: int) -> None:
    assert places.line(words) == line


def test_comments_have_no_place(places: Places) -> None:
    assert [place.number for place in places if place.number == 4] == []


def test_a_place_has_no_key_in_it(places: Places) -> None:
    assert "S3cret" not in repr(list(places))
    assert places.line(("key chain K", "key 1", "key-string")) == 17


# Twins: lines that exist twice in other words.

TIMER = ConfigLine("interface", "ip hello {s:1-60}", "Seconds", order=10, default="ip hello 5")
PEER = ConfigLine(
    "interface", "ip peer {who:address} [ {mask:mask} ]", {"who": "Somebody"}, key=("who", "mask"), order=20
)
TWINS = Twins(
    (TIMER, PEER),
    {"ip ": "ipv6 ", "{who:address} [ {mask:mask} ]": "{who:prefix6}"},
    help={"ipv6": "Version 6"},
    order=30,
)
TWIN_LANGUAGE = Configurator([INTERFACE, TIMER, PEER, *TWINS.lines], [INTERFACE_MODE])


def read_twins(*lines: str) -> tuple[list[str], Spoken, Spoken]:
    """The lines as shown, and the section as each of the twins sees it."""
    tree = TWIN_LANGUAGE.parse_text("interface Tunnel0\n" + "\n".join(f" {line}" for line in lines)).tree
    ((_, section),) = tree.sections(INTERFACE)
    shown = [line.strip() for line in tree.render() if line.startswith(" ")]
    return shown, Spoken(section), TWINS.spoken(section)


def test_each_of_them_is_kept_by_itself_and_shown_in_its_own_words() -> None:
    lines = ("ip hello 9", "ip peer 10.0.0.1", "ipv6 hello 7", "ipv6 peer 2001:DB8::1/128")
    shown, first, second = read_twins(*lines)
    assert shown == list(lines)
    assert [spoken.get(TIMER).integer("s") for spoken in (first, second)] == [9, 7]  # type: ignore[union-attr]
    assert [len(spoken.all(PEER)) for spoken in (first, second)] == [1, 1]


def test_the_default_of_one_is_the_default_of_the_other_in_its_words() -> None:
    shown, _, second = read_twins("ipv6 hello 5")
    assert shown == []
    assert second.get(TIMER) is None


def test_the_key_of_a_list_is_what_the_twin_has_of_it() -> None:
    shown, _, second = read_twins(
        "ipv6 peer 2001:db8::1", "ipv6 peer 2001:db8::2", "ipv6 peer 2001:db8::1", "no ipv6 peer 2001:db8::2"
    )
    assert shown == ["ipv6 peer 2001:DB8::1/128"]
    assert len(second.all(PEER)) == 1


# A running configuration is in the same order, whichever part of the program asked for a feature first.

#: Imports modules in this order, reads the lines without effect before the modules or behind them, and prints all lines
#: in the order of the running configuration, but those that are not kept.
_PRINT_LINES = """
import importlib, sys
from dmvpn.ios import known_commands
if sys.argv[1] == "known first":
    known_commands()
for name in sys.argv[2:]:
    importlib.import_module(name)
from dmvpn.router.features import FEATURES
lines = [line for feature in FEATURES for line in feature.config]
lines += known_commands()[0]
for line in sorted(lines, key=lambda line: (line.mode, line.place)):
    if line.acts is None:
        print(line.mode, line.order, line.syntax)
"""
_ROOT = Path(dmvpn.features.__path__[0])
#: The modules that declare lines.
_MODULES = sorted(
    ".".join(("dmvpn.features", *path.relative_to(_ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in _ROOT.rglob("*.py")
    if "config" in path.relative_to(_ROOT).as_posix()
)


def test_lines_have_the_same_order_however_their_modules_were_imported() -> None:
    """`no crypto ikev2 http-url cert` stood before the IKEv2 profiles once the tools had been imported first."""
    lines = _in_order("known last", _MODULES)
    others = _in_order("known first", _MODULES[::-1])
    assert len(lines) > 2000
    assert [both for both in zip(lines, others, strict=True) if both[0] != both[1]] == []


def _in_order(known: str, modules: list[str]) -> list[str]:
    command = [sys.executable, "-c", _PRINT_LINES, known, *modules]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


# `show running-config all`: a configuration with what is at its default reads back as the same one.

_TEXT = """hostname R1
interface Tunnel0
 tunnel key 5
 no ip redirects
interface GigabitEthernet0/1
 ip address 192.0.2.1 255.255.255.0
router ospf 1
 router-id 192.0.2.1
"""


def test_defaults_are_listed_where_they_count_and_read_back_as_the_same() -> None:
    tree = configurator(FEATURES).parse_text(_TEXT).tree
    shown = render_tree(tree, of=with_defaults(line for feature in FEATURES for line in feature.config))
    tunnel, ethernet, ospf = (
        "\n".join(shown).split(f"{head}\n")[1].split("\n!")[0]
        for head in ("interface Tunnel0", "interface GigabitEthernet0/1", "router ospf 1")
    )
    assert "service timestamps log datetime msec" in shown
    assert " tunnel ttl 255" in tunnel
    assert " no ip redirects" in tunnel
    assert " ip redirects" in ethernet
    assert "tunnel" not in ethernet
    assert "nhrp" not in ethernet
    assert " distance 110" in ospf
    again = configurator(FEATURES).parse_text("\n".join(shown))
    assert all(problem.is_warning for problem in again.problems)
    marked = [line for line in again.tree.render() if "service timestamps" not in line]
    assert [line for line in marked if line != "!"] == [line for line in tree.render() if line != "!"]
