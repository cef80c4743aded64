"""`show ... | explain`, and a screen that was pasted: beneath it is what its words mean, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dmvpn.base.explanations import Explanation, WordGroup, WordKind
from dmvpn.face.language import exec_parser
from dmvpn.ios import CliError, ExecParser, Match
from dmvpn.router.features import FEATURES
from dmvpn.router.vocabulary import Vocabulary, annotate, vocabulary
from dmvpn.tools.explain import Explainer
from support import small_language as small
from support.texts import file_text

GOLDENS = Path(__file__).parents[1] / "goldens"
PARSER = exec_parser(FEATURES)
WORDS = vocabulary(FEATURES)
EXPLAINER = Explainer(FEATURES, PARSER.commands)


def golden(name: str) -> list[str]:
    return (GOLDENS / f"{name}.txt").read_text().splitlines()


def words(command: str, lines: list[str]) -> list[tuple[str, str]]:
    on = WORDS.on_screen(command, lines) if command else WORDS.on_paste(lines)
    return [(found.group.title, found.explanation.word) for found in on]


def of(place: str, command: str, name: str) -> set[str]:
    return {word for title, word in words(command, golden(name)) if title == place}


@pytest.mark.parametrize(
    ("place", "command", "name", "expected"),
    [
        ("column Attrb", "show dmvpn", "show_dmvpn__notes-phase3_R31", {"S", "D", "T1", "T2"}),
        ("column State", "show dmvpn", "show_dmvpn__notes-phase3_R31", {"UP"}),
        ("column Attrb", "show dmvpn detail", "show_dmvpn_detail__notes-phase3_R31", {"S", "D", "T1", "T2", "L", "X"}),
        (
            "letters behind a next hop server",
            "show dmvpn detail",
            "show_dmvpn_detail__notes-phase3_R31",
            {"RE"},
        ),
        ("letters behind a next hop server", "show ip nhrp nhs", "show_ip_nhrp_nhs__notes-phase3_R31", {"RE"}),
        ("codes of the routing table", "show ip route", "show_ip_route__notes-phase3_R31", set("SDCLH*%")),
        ("next hop of NHRP", "show ip route", "show_ip_route_next-hop-override__notes-phase3_R31", {"[NHO]"}),
        ("column T", "show ip nhrp brief", "show_ip_nhrp_brief__notes-phase3_R11", {"D"}),
        ("column Flag", "show ip nhrp brief", "show_ip_nhrp_brief__notes-phase3_R11", {"u", "r"}),
        ("Session status", "show crypto session", "show_crypto_session__intro-phase3_HUB", {"UP-ACTIVE"}),
        ("column Status", "show crypto ikev2 sa", "show_crypto_ikev2_sa__intro-phase3_HUB", {"READY"}),
        ("codes of the topology table", "show ip eigrp topology", "show_ip_eigrp_topology__notes-phase3_R11", {"P"}),
        ("status of an interface", "show ip interface brief", "show_ip_interface_brief__notes-phase3_R11", {"up"}),
    ],
)
def test_the_words_of_a_screen_are_those_of_its_lines_not_of_its_legend(
    place: str, command: str, name: str, expected: set[str]
) -> None:
    assert of(place, command, name) == expected


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("show_dmvpn__notes-phase3_R31", "column Attrb"),
        ("show_ip_route__notes-phase3_R31", "codes of the routing table"),
        ("show_ip_nhrp__notes-phase3_R31", "flags of an entry"),
        ("show_ip_nhrp_brief__notes-phase3_R11", "column Flag"),
        ("show_ip_nhrp_nhs__notes-phase3_R31", "letters behind a next hop server"),
        ("show_crypto_session_detail__intro-phase3_HUB", "Session status"),
        ("show_crypto_ikev2_sa__intro-phase3_HUB", "column Status"),
        ("show_ip_eigrp_topology__notes-phase3_R11", "codes of the topology table"),
        ("show_ip_interface_brief__notes-phase3_R11", "status of an interface"),
        ("show_logging__notes-phase3_R31", "log messages of EIGRP"),
    ],
)
def test_a_screen_that_is_pasted_without_its_command_is_known(name: str, place: str) -> None:
    assert place in {title for title, _ in words("", golden(name))}


def test_a_pasted_screen_may_be_of_a_longer_form_of_the_command_that_it_is_known_by() -> None:
    capabilities = "          Capabilities:DN connid:1 lifetime:23:59:59"
    screen = [*golden("show_crypto_session_detail__intro-phase3_HUB"), capabilities]
    assert {("Capabilities", "D"), ("Capabilities", "N")} <= set(words("", screen))


def test_a_prompt_in_a_paste_says_which_command_it_was() -> None:
    lines = ["R31#show ip nhrp nhs", "10.0.0.1  RE  NBMA Address: 192.0.2.1 priority = 0 cluster = 0"]
    assert words("", lines) == [("letters behind a next hop server", "RE")]


@pytest.mark.parametrize("command", ["show ospfv3 neighbor", "show ipv6 ospf neighbor", "show ospfv3"])
def test_a_prompt_with_a_command_of_ipv6_says_what_one_of_ipv4_says(command: str) -> None:
    lines = [f"R31#{command}", *golden("show_ospfv3_neighbor__ipv6-phase3_R31")]
    assert ("states of a neighbor of OSPF", "FULL") in words("", lines)


def test_answers_and_log_lines_between_pasted_screens_are_explained_too() -> None:
    lines = [
        "R31#show ip nhrp nhs",
        "10.0.0.1   E  NBMA Address: 192.0.2.1 priority = 0 cluster = 0",
        "R31#show nhrp nhs",
        "          ^",
        "% Invalid input detected at '^' marker.",
        "*Nov 20 06:00:01.000: %TUN-5-RECURDOWN: Tunnel0 temporarily disabled due to recursive routing",
    ]
    assert {word for _, word in words("", lines)} >= {
        "E",
        "% Invalid input detected at '^' marker.",
        "%TUN-5-RECURDOWN",
    }


def test_a_paste_may_have_colors_cut_commands_and_ends_of_lines_of_another_system() -> None:
    paste = (
        "\x1b[1;31mR31#\x1b[0msh ip nh nhs det | inc RE\r\n"
        "10.0.0.1  \x1b[32mRE\x1b[0m  NBMA Address: 192.0.2.1 priority = 0 cluster = 0\r\n"
    )
    found = EXPLAINER.screen(paste)
    assert [(each.group.title, each.explanation.word) for each in found] == [("letters behind a next hop server", "RE")]


# ---------------------------------------------------------------------------------------- configurations

CONFIGURATION = file_text("explain_screen_configuration.cfg").splitlines()


def configured(shown: list[str]) -> dict[str, list[str]]:
    """By mode the lines that are explained."""
    found: dict[str, list[str]] = {}
    for line in shown:
        if line.startswith("lines of "):
            here = found.setdefault(line.removeprefix("lines of ").rstrip(":"), [])
        elif line.startswith("  ") and line[2] != " " and found:
            here.append(line[2:].split("  ")[0])
    return found


@pytest.mark.parametrize("command", ["show running-config", "show running-config interface Tunnel100"])
def test_the_lines_of_a_configuration_are_explained_by_mode_and_each_kind_once(command: str) -> None:
    shown = list(annotate(FEATURES, command, CONFIGURATION))
    assert shown[: len(CONFIGURATION)] == CONFIGURATION
    below = shown[len(CONFIGURATION) :]
    assert configured(below) == {
        "config": ["hostname R31", "interface Tunnel100", "router eigrp 100"],
        "config-if": [
            "ip address 192.168.100.31 255.255.255.0",
            "ip nhrp authentication <removed>",
            "ip nhrp shortcut",
            "no ip redirects",
        ],
        "config-router": ["network 10.0.0.0"],
    } | {"config": [*configured(below)["config"]]}
    assert "               Off: Send ICMP redirects." in below
    assert "SECRET12" not in "\n".join(below)
    assert "ip nhrp redirect" not in "\n".join(below)  # a text is no configuration


def test_other_screens_have_no_configuration_lines() -> None:
    assert configured(list(annotate(FEATURES, "show ip route", CONFIGURATION))) == {}


def test_a_pasted_configuration_and_what_was_typed_at_a_prompt_are_known() -> None:
    whole = EXPLAINER.screen("\n".join(CONFIGURATION))
    assert "ip nhrp shortcut" in [found.explanation.word for found in whole]
    typed = EXPLAINER.screen("R31#conf t\nR31(config)#int tu100\nR31(config-if)# ip nh sh\n")
    assert [found.explanation.word for found in typed] == ["interface Tunnel100", "ip nhrp shortcut"]


def test_every_word_is_explained_once_and_beneath_the_screen() -> None:
    screen = golden("show_dmvpn__notes-phase3_R31")
    shown = list(annotate(FEATURES, "show dmvpn", screen))
    assert shown[: len(screen)] == screen
    below = shown[len(screen) :]
    assert len([line for line in below if line.startswith("  D ")]) == 1
    assert all(len(line) < 80 for line in below)


def test_a_reason_on_a_screen_is_explained_though_a_longer_line_has_it() -> None:
    lines = ["Tunnel0 is up, line protocol is down ", "  Tunnel linestate evaluation down - no tunnel source"]
    assert ("reasons of tunnels", "no tunnel source") in words("show interfaces", lines)


def test_a_state_that_is_its_own_reason_is_explained_once() -> None:
    found = words("show interfaces", ["Tunnel0 is administratively down, line protocol is down "])
    assert [word for _, word in found].count("administratively down") == 1


def test_a_word_of_several_words_is_one_word() -> None:
    line = "Nov 20 18:28:18.460 +  mapping       Tu100   192.0.2.9 = 203.0.113.9 (from a request)"
    assert ("what a mapping is, in events", "from a request") in words("show dmvpn events", [line])


def reasons_of(*texts: str) -> Vocabulary:
    """A vocabulary of reasons, each explained by itself."""
    group = WordGroup(
        title="reasons",
        kind=WordKind.REASON,
        screens=("show it",),
        explanations=tuple(Explanation(text, f"{text}!") for text in texts),
        lines=True,
    )
    return Vocabulary([group])


def test_a_short_reason_is_not_found_inside_of_any_line_that_has_its_letters() -> None:
    known = reasons_of("timeout", "the peer is gone")
    found = known.on_screen("show it", ["its timeouts are 3", "down: the peer is gone, it seems", "timeout"])
    assert [each.explanation.word for each in found] == ["the peer is gone", "timeout"]


def test_of_two_templates_that_fit_that_with_more_words_of_its_own_is_meant() -> None:
    found = reasons_of("the peer says <what>", "the peer says no to <what>").of_line("the peer says no to us")
    assert found is not None
    assert found.explanation.word == "the peer says no to <what>"


#: Screens with nothing to explain, and why.
SILENT = {
    "show_clock": "a time",
    **dict.fromkeys(
        (
            "show_adjacency",
            "show_arp",
            "show_ip_arp_vrf_RED",
            "show_key_chain",
            "show_nhrp_debug-condition",
            "show_tunnel_endpoints",
        ),
        "columns, addresses and times; `dmvpn explain` knows the columns by their names",
    ),
    **dict.fromkeys(
        (
            "show_access-lists",
            "show_ip_access-lists",
            "show_ip_access-lists_LAN-IN",
            "show_ip_access-lists_interface_GigabitEthernet0%2F2",
        ),
        "entries as they were typed, with their counts",
    ),
    "show_bgp_all_cluster-ids": "headings, addresses and numbers",
    **dict.fromkeys(
        ("show_bgp_all_summary__ipv6-only_R31", "show_bgp_ipv6_unicast_summary"),
        "a neighbor of IPv6 has a line of its own, so no row is below its columns",
    ),
    **dict.fromkeys(
        (
            "show_ipv6_access-list",
            "show_ipv6_ospf_interface_brief",
            "show_ipv6_ospf_neighbor_detail",
            "show_ipv6_prefix-list",
            "show_ipv6_static",
            "show_ospfv3",
            "show_ospfv3_database",
        ),
        "columns, addresses and numbers",
    ),
    "show_debugging": "the words of the commands that were typed",
    "traceroute_10.4.4.1_source_10.3.3.1": "addresses and times; its marks are explained where there are any",
}
ALL_GOLDENS = sorted(
    path for folder in (GOLDENS, Path(__file__).parent / "goldens") for path in folder.glob("*__*.txt")
)


@pytest.mark.lengthy
def test_every_screen_has_something_to_explain() -> None:
    """`show crypto ipsec sa | explain` said that nothing on it has an explanation."""
    for path in ALL_GOLDENS:
        name = path.stem.partition("__")[0]
        shown = list(annotate(FEATURES, name.replace("_", " "), path.read_text().splitlines()))
        is_silent = name in SILENT or path.stem in SILENT
        assert (shown[-1] == "Nothing on this screen has an explanation.") == is_silent, path.stem


@pytest.mark.parametrize(
    ("command", "name", "expected"),
    [
        ("show ip eigrp neighbors", "show_ip_eigrp_neighbors__notes-phase3_R11", {"SRTT", "RTO", "Q Cnt", "Hold"}),
        ("show ip eigrp interfaces", "show_ip_eigrp_interfaces__notes-phase3_R11", {"Mean SRTT", "Pending Routes"}),
        (
            "show crypto ipsec sa",
            "show_crypto_ipsec_sa__intro-phase3_HUB",
            {"#pkts encaps", "UDP-Encaps", "aes-cbc", "active (SA)"},
        ),
        ("show version", "show_version__notes-phase3_R11", {"NOT Cisco software", "uptime"}),
    ],
)
def test_headings_and_labels_are_told_where_the_values_are_plain_numbers(
    command: str, name: str, expected: set[str]
) -> None:
    assert expected <= {word for _, word in words(command, golden(name))}
    assert expected <= {word for _, word in words("", golden(name))}


def test_the_detail_of_neighbors_has_its_labels_too() -> None:
    lines = [
        "0   192.168.100.31          Tu100                    13 00:01:59    1   100  0  2",
        "   Version 23.0/2.0, Retrans: 0, Retries: 0, Prefixes: 1",
        "   Stub Peer Advertising (CONNECTED SUMMARY ) Routes",
    ]
    found = {word for _, word in words("show ip eigrp neighbors detail", lines)}
    assert {"Retrans", "Retries", "Prefixes", "Stub Peer Advertising"} <= found


def test_a_screen_with_nothing_to_explain_says_so() -> None:
    assert list(annotate(FEATURES, "show clock", ["06:00:00"]))[-1] == "Nothing on this screen has an explanation."


# ---------------------------------------------------------------------------------------- the filter


def filters(line: str, parser: ExecParser = PARSER) -> list[str]:
    match = parser.match(line)
    assert isinstance(match, Match), line
    return [each.kind.word for each in match.filters]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("e", "exclude"), ("ex", "exclude"), ("exc", "exclude"), ("exp", "explain"), ("explain", "explain")],
)
def test_cut_filters_mean_what_they_meant(word: str, meant: str) -> None:
    pattern = " UP" if meant == "exclude" else ""
    assert filters(f"show dmvpn | {word}{pattern}") == [meant]


def test_tab_and_the_question_mark_know_the_filter() -> None:
    assert PARSER.complete("show dmvpn | ex") == "show dmvpn | exclude "
    assert PARSER.complete("show dmvpn | exp") == "show dmvpn | explain "
    assert any(row.split()[0] == "explain" for row in PARSER.help_lines("show dmvpn | "))


def test_filters_may_be_before_and_behind() -> None:
    assert filters("show dmvpn | include UP | explain | exclude next:") == ["include", "explain", "exclude"]


def test_the_filter_takes_no_pattern() -> None:
    refused = PARSER.match("show dmvpn | explain UP")
    assert isinstance(refused, CliError)
    assert refused.column == len("show dmvpn | explain ")


def test_a_language_without_explanations_refuses_the_filter_and_does_not_offer_it() -> None:
    parser = small.exec_parser()
    refused = parser.match("show dmvpn | explain")
    assert isinstance(refused, CliError)
    assert refused.lines() == ['% Error: "explain" is not possible here']
    assert not any(row.split()[0] == "explain" for row in parser.help_lines("show dmvpn | "))
