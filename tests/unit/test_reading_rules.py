"""How configurations are read: as pasted into a terminal, with wrong lines in between; and those of the scenarios."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.pki.config import model as pki
from dmvpn.ios import ConfigSession, ConfigTree, Fate, Places
from dmvpn.ios.config_line import UNKNOWN
from dmvpn.ios.errors import without_keys
from dmvpn.router.entered_text import take_in
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.exercises import BUILT_IN
from support.texts import file_text, is_golden
from support.work import calls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LANGUAGE = configurator(FEATURES)

#: A hub without any indentation, comments at every place, blocks that nobody leaves, names cut and in small letters.
PASTED = file_text("reading_rules_pasted.cfg")

SHOWN = file_text("reading_rules_shown.cfg")


def test_lines_below_a_section_that_was_refused_are_refused_with_it_though_the_router_knows_their_words() -> None:
    result = LANGUAGE.parse_text("router bgp 65000\nend\nrouter bgp 1\ntemplate peer-policy A\ninherit peer-policy B 1")
    assert [problem.line_number for problem in result.problems] == [3, 4, 5]
    assert result.tree.render() == ["router bgp 65000", "!"]


def test_a_paste_without_indentation_is_read_like_a_tidy_file() -> None:
    result = LANGUAGE.parse_text(PASTED)
    assert result.problems == ()
    assert "\n".join(result.tree.render()) + "\n" == SHOWN


def test_carriage_returns_do_no_harm() -> None:
    assert LANGUAGE.parse_text(PASTED.replace("\n", "\r\n")).tree == LANGUAGE.parse_text(PASTED).tree


WRONG = file_text("reading_rules_wrong.cfg")


def test_wrong_lines_are_reported_and_the_rest_counts() -> None:
    result = LANGUAGE.parse_text(WRONG)
    told = [(problem.line_number, problem.message_lines[0], problem.message_lines[1:2]) for problem in result.problems]
    invalid = ("% Invalid input detected at '^' marker.",)
    assert told == [
        (4, " " * 24 + "^", invalid),
        (7, "%Warning: only the first 8 octets of this password are sent and compared", ()),
        (9, "% Incomplete command.", ("",)),
        (11, " " * 35 + "^", invalid),
        # The router section is left, the interface long ago.
        (14, "% A line of an interface, and no line above says of which one: `interface ...` is missing here", ()),
        (17, "% Incomplete command.", ("",)),
    ]
    shown = result.tree.render()
    tunnel = shown[shown.index("interface Tunnel7") :]
    is_golden(tunnel[: tunnel.index("!")], "reading_rules/wrong_lines_are_reported_and_the_rest_counts")
    assert "router eigrp 90" in shown
    assert "crypto isakmp key Hidden! address 192.0.2.9" in shown


def test_a_fragment_goes_on_top_of_a_whole_configuration() -> None:
    base = LANGUAGE.parse_text(PASTED).tree
    result = LANGUAGE.parse_text("interface Tunnel7\nip nhrp holdtime 450\nip ospf 3 area 0\nip ospf cost 12", base)
    added = [line for line in result.tree.render() if line not in base.render()]
    assert added == [" ip nhrp holdtime 450", " ip ospf 3 area 0", " ip ospf cost 12"]
    assert result.problems == ()


def test_two_keys_of_a_chain_stay_two_keys() -> None:
    """`key 2` below `key 1` is not a short `key-string 2`."""
    text = "key chain SECRETS\nkey 1\nkey-string one\nkey 2\nkey-string two\nno key 1\nkey 0\nkey-string nil"
    is_golden(LANGUAGE.parse_text(text).tree.render(), "reading_rules/two_keys_of_a_chain_stay_two_keys")


def test_a_banner_is_text_whatever_it_says() -> None:
    text = (
        "banner motd ^C\n Keep  out!\nno hostname\nend\n^C and this is lost\nhostname EDGE\nbanner login #one line#\n"
    )
    result = LANGUAGE.parse_text(text)
    assert result.problems == ()
    is_golden(result.tree.render(), "reading_rules/a_banner_is_text_whatever_it_says")
    assert LANGUAGE.parse_text("\n".join(result.tree.render())).tree == result.tree


def test_a_banner_without_an_end_is_reported() -> None:
    (problem,) = LANGUAGE.parse_text("banner motd #\nhostname EDGE\n").problems
    said = "% A text is not terminated: #; it took the rest, 1 line of a configuration among that"
    assert (problem.line_number, problem.message_lines) == (1, (said,))


def test_the_certificate_of_a_web_server_does_not_disturb() -> None:
    text = file_text("reading_rules_text.cfg")
    result = LANGUAGE.parse_text(text)
    assert result.problems == ()
    assert LANGUAGE.parse_text("\n".join(result.tree.render())).tree == result.tree
    config = pki(result.tree)
    assert config is not None
    (trustpoint,) = config.trustpoints
    assert trustpoint.certificates[0].octets.hex().startswith("3082033030820218a0")
    assert len(trustpoint.certificates[0].octets) == 40


def test_a_bundle_of_certificates_is_kept_and_no_line_of_it_refused() -> None:
    """Routers show it without being asked, and a lab refused two lines of a file that was untouched."""
    text = "crypto pki certificate pool\n cabundle nvram:ios_core.p7b\nno crypto isakmp ccm\n"
    assert LANGUAGE.parse_text(text).problems == ()


CONFIGURATIONS = sorted(BUILT_IN.glob("*/*.cfg"))


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_configuration_of_a_scenario_is_its_own_running_configuration(path: Path) -> None:
    """All but its head, its end, and `no shutdown`, which is so anyway."""
    text = path.read_text()
    result = LANGUAGE.parse_text(text)
    assert result.problems == ()
    remarks = ("no shutdown", "end")
    lines = [line for line in text.splitlines() if line.strip() not in remarks and line.strip()[:2] != "! "]
    assert result.tree.render() == lines
    assert LANGUAGE.parse_text("\n".join(lines)).tree == result.tree


# Long files, of whatever lines: the work grows as they do.

SHORT = 75
FACTOR = 8


def word(chance: random.Random) -> str:
    return "".join(chance.choice(string.ascii_lowercase) for _ in range(chance.randint(2, 9)))


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def host(number: int) -> str:
    return f"host {address(number)}"


def rubbish(count: int) -> list[str]:
    chance = random.Random(4)
    return [" ".join(word(chance) for _ in range(3)) for _ in range(count)]


#: Lines by kind; the function makes about so many.
KINDS: dict[str, Callable[[int], list[str]]] = {
    "words": rubbish,
    "in an interface": lambda count: ["interface Loopback0", *(f" {line}" for line in rubbish(count))],
    "in a tunnel": lambda count: ["interface Tunnel0", *(f" {line}" for line in rubbish(count))],
    "no": lambda count: [f"no ip {line}" for line in rubbish(count)],
    "kept": lambda count: [f"ntp server {address(number)}" for number in range(count)],
    "access list": lambda count: [
        "ip access-list extended A",
        *(f" permit ip {host(number)} any" for number in range(count)),
    ],
    "remarks": lambda count: [
        "ip access-list standard A",
        *(line for number in range(count // 2) for line in (f" remark {number}", f" permit {host(number)}")),
    ],
    "numbered access list": lambda count: [
        "ip access-list extended A",
        *(f" {10 * number + 10} permit ip {host(number)} any" for number in range(count)),
    ],
    "access list that is changed": lambda count: [
        "ip access-list standard A",
        *(
            line
            for number in range(count // 2)
            for line in (f" permit {host(number)}", f" no permit {host(number - 1)}")
        ),
    ],
    "access-list 101": lambda count: [f"access-list 101 permit ip {host(number)} any" for number in range(count)],
    "prefix list": lambda count: [f"ip prefix-list P permit {address(number)}/32" for number in range(count)],
    "numbered prefix list": lambda count: [
        f"ip prefix-list P seq {5 * number + 5} permit {address(number)}/32" for number in range(count)
    ],
    "many prefix lists": lambda count: [
        f"ip prefix-list P{number} permit {address(number)}/32" for number in range(count)
    ],
    "route map": lambda count: [
        line
        for number in range(count // 2)
        for line in (f"route-map M permit {number + 1}", f" match ip address prefix-list P{number}")
    ],
    "key chain": lambda count: [
        "key chain K",
        *(line for number in range(count // 2) for line in (f" key {number}", "  key-string X")),
    ],
    "static routes": lambda count: [
        f"ip route {address(number)} 255.255.255.255 192.0.2.{number % 200 + 1}" for number in range(count)
    ],
    "EIGRP networks": lambda count: [
        "router eigrp 1",
        *(f" network {address(number)} 0.0.0.0" for number in range(count)),
    ],
    "tunnels": lambda count: [
        line
        for number in range(count // 4)
        for line in (
            f"interface Tunnel{number}",
            f" ip address {address(number * 256 + 1)} 255.255.255.0",
            f" ip nhrp network-id {number + 1}",
            " tunnel mode gre multipoint",
        )
    ],
    "loopbacks": lambda count: [
        line
        for number in range(count // 2)
        for line in (f"interface Loopback{number}", f" ip address {address(number)} 255.255.255.255")
    ],
    "deeper and deeper": lambda count: [" " * number + f"frobnicate {number}" for number in range(count)],
    "kept sections": lambda count: [
        line for number in range(count // 2) for line in (f"ip sla {number + 1}", f" icmp-echo {address(number)}")
    ],
}


@pytest.mark.lengthy
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_eight_times_as_long_is_eight_times_the_work(kind: str) -> None:
    """A list of 20,000 entries took minutes: each entry looked at all before it."""

    def read(lines: list[str]) -> int:
        text = "\n".join(lines)

        def all_of_it() -> None:
            tree = LANGUAGE.parse_text(text, places=Places()).tree
            tree.render()
            for feature in FEATURES:
                if feature.model is not None:
                    feature.model(tree)

        return calls(all_of_it)

    make = KINDS[kind]
    read(make(8))  # what is made when it is first used
    short, long = read(make(SHORT)), read(make(SHORT * FACTOR))
    assert long < 1.5 * FACTOR * short, f"{short} calls, then {long}"


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("kind", "most"), [("words", 250), ("in an interface", 280), ("in a tunnel", 240), ("no", 420)]
)
def test_a_line_that_nobody_knows_is_read_with_few_steps(kind: str, most: int) -> None:
    """200,000 of them took 20 s: each was looked up in every section around it, word by word, and twice.

    The search for secrets, which no message may repeat, does not count: it has steps for each language of a process.
    """
    text = "\n".join(KINDS[kind](1000))
    language = configurator.__wrapped__(FEATURES)  # the one that all share remembers what others have read
    language.parse_text("\n".join(KINDS[kind](20)))
    steps = calls(lambda: language.parse_text(text))
    searching = calls(lambda: [without_keys(line) for line in text.splitlines()])
    assert steps - searching < most * 1000, (steps, searching)


@pytest.mark.parametrize("mode", ["", "interface Ethernet0/0", "interface Tunnel0", "router eigrp 1", "line vty 0 4"])
@pytest.mark.parametrize(
    ("line", "column"),
    [("zzz 1 2", 0), ("  zzz", 2), ("intervace Tunnel0", 5), ("crypt0 isakmp policy 1", 5), ("xno", 0)],
)
def test_the_caret_is_where_a_line_stops_being_one_however_often_it_comes(mode: str, line: str, column: int) -> None:
    """Lines that nobody knows are told by their first word alone."""
    session = ConfigSession(LANGUAGE, ConfigTree())
    session.enter(mode)
    for _ in range(2):
        caret, words, _ = session.enter(line).output_lines
        assert caret.index("^") == column
        assert words == "% Invalid input detected at '^' marker."


# To which section a line belongs where indentation does not say it: flat files, pastes, text above configurations.


def shown(text: str) -> list[str]:
    """Return what a router shows of a file; nothing in it may be unknown."""
    result = LANGUAGE.parse_text(text)
    assert [entry.text for entry in result.entries if entry.group in (None, UNKNOWN)] == []
    assert typed(text) == result.tree.render()
    return result.tree.render()


def typed(text: str) -> list[str]:
    """Return what a router shows after somebody typed these lines."""
    session = ConfigSession(LANGUAGE, LANGUAGE.parse_text("").tree)
    for line in text.splitlines():
        session.enter(line)
    return session.tree.render()


@pytest.mark.parametrize("line", ["login", "login authentication X", "monitor", "location x", "password x"])
def test_a_line_that_a_terminal_and_the_router_have_is_the_terminals_in_a_flat_file(line: str) -> None:
    """The access class behind it was kept as a line that nobody knows, and restricted nobody."""
    lines = shown(f"line vty 0 4\n{line}\naccess-class 10 in\n")
    assert lines[0] == "line vty 0 4"
    assert {f" {line}", " access-class 10 in"} <= set(lines)


@pytest.mark.parametrize(
    "line",
    [
        "crypto isakmp key K address 192.0.2.1",
        "crypto ikev2 profile P",
        "crypto ipsec transform-set T esp-aes",
        "ip access-list extended A",
        "interface Tunnel0",
        "hostname R1",
    ],
)
def test_a_crypto_map_without_indentation_ends_with_a_line_of_the_router(line: str) -> None:
    """Keys and profiles behind a crypto map were taken for lines of the map at the prompt, without a word."""
    text = f"crypto map M 10 ipsec-isakmp\nset peer 192.0.2.1\nmatch address A\n{line}"
    assert line in [shown_line.removesuffix(" ") for shown_line in shown(text)]


def test_the_crypto_map_on_an_interface_does_not_end_the_section_of_the_interface() -> None:
    """It opened a section of a crypto map, and the interface had no address."""
    lines = "crypto map M\nip address 192.0.2.1 255.255.255.0\nip mtu 1400"
    is_golden(
        shown(f"interface GigabitEthernet0/0\n{lines}"),
        "reading_rules/the_crypto_map_on_an_interface_does_not_end_the_section_of_the_interface",
    )
    assert [entry.fate for entry in take_in(f"interface GigabitEthernet0/0\n{lines}").result.entries] == [Fate.LEFT_OUT]


def test_an_entry_of_a_crypto_map_ends_the_section_of_an_interface() -> None:
    text = "interface GigabitEthernet0/0\nip mtu 1400\ncrypto map M 10 ipsec-isakmp\nset peer 192.0.2.1"
    assert "crypto map M 10 ipsec-isakmp" in shown(text)
    assert " set peer 192.0.2.1" in shown(text)


def test_what_is_behind_an_address_family_of_a_vrf_is_the_routers_own() -> None:
    """Neighbors behind `exit-address-family` were kept as neighbors in the VRF when somebody typed them."""
    text = """\
vrf definition RED
address-family ipv4
exit-address-family
router bgp 65000
address-family ipv4 vrf RED
neighbor 10.0.0.1 remote-as 65001
exit-address-family
neighbor 10.0.0.2 remote-as 65002
"""
    assert " neighbor 10.0.0.2 remote-as 65002" in shown(text)
    assert "  neighbor 10.0.0.1 remote-as 65001" in shown(text)


def test_a_pool_of_addresses_behind_an_interface_is_the_routers() -> None:
    text = "interface GigabitEthernet0/0\nip mtu 1400\nip dhcp pool LAN\nnetwork 10.0.0.0 255.0.0.0"
    assert "ip dhcp pool LAN" in shown(text)
    assert " network 10.0.0.0 255.0.0.0" in shown(text)


# ------------------------------------------------------------------------------------------------ text above it

BLOCK = """\
    hostname HUB
    ip access-list extended WAN
     permit gre any any
    interface GigabitEthernet0/0
     ip address 192.0.2.1 255.255.255.0
     ip inspect WAN in
    ip route 0.0.0.0 0.0.0.0 192.0.2.2
"""


@pytest.mark.parametrize(
    "above",
    [
        "On the hub, configure\n\n",
        "HUB:\n",
        "the hub\n",
        "Step 1. Configure the tunnel.\n",
        "This is what you enter on the router that is the hub of the cloud:\n",
        "Crypto and the rest:\n",
        "R1\n",
    ],
)
def test_a_block_below_a_line_of_prose_is_configuration(above: str) -> None:
    """The whole block was kept as lines that nobody knows, and its access list was not even named."""
    intake = take_in(above + BLOCK)
    assert [entry.text for entry in intake.with_fate(Fate.LEFT_OUT)] == ["ip inspect WAN in"]
    lines = intake.tree.render()
    assert {"hostname HUB", "interface GigabitEthernet0/0", " 10 permit gre any any"} <= set(lines)
    assert "ip route 0.0.0.0 0.0.0.0 192.0.2.2" in lines


def test_two_blocks_below_two_lines_of_prose_are_two_sections() -> None:
    text = "First:\n  interface Loopback0\n   ip mtu 1400\nThen routes:\n  router rip\n   version 2\n"
    assert "router rip" in take_in(text).tree.render()
    assert " version 2" in take_in(text).tree.render()


@pytest.mark.parametrize("above", ["frobnicate widget 7", "service-chain one", "monitoring policy 3"])
def test_a_block_below_a_line_that_may_be_of_another_feature_is_a_part_of_it(above: str) -> None:
    intake = take_in(f"{above}\n knob 3\n ip access-list extended A\n  permit ip any any\nhostname R1\n")
    assert "hostname R1" in intake.tree.render()
    assert "ip access-list extended A" not in intake.tree.render()


def test_prose_below_prose_is_no_configuration() -> None:
    text = (
        "We go on.\n   The interface is not in the VRF.\n   router eigrp is what we use.\n   key words\nhostname R1\n"
    )
    assert {entry.group for entry in take_in(text).result.entries} == {UNKNOWN}
    assert take_in(text).tree.render()[0] == "hostname R1"
