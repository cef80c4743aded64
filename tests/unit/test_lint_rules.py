"""Every rule of `dmvpn lint` finds its mistake, at its line, before anything else, and is silent without it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import LintFinding, Severity
from dmvpn.base.placeholder import BLANKS
from dmvpn.ios import ConfigSession
from dmvpn.network.lines import after
from dmvpn.tools.lint import RULES, lint
from dmvpn.tools.lint.report import as_json, as_text
from support import lint_cases
from support.conformance import ROOT
from support.full_language import LANGUAGE
from support.lint_cases import CASES, CLEAR, Case, bad, below, edited, fixed
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterable

_CLEAN = (
    "CLEAR",
    "SEALED",
    "OSPF",
    "RIP",
    "ELECTED",
    "PHASE1",
    "PHASE2",
    "TWO_TUNNELS",
    "SIGNED",
    "TRANSLATING",
    "FILTERED",
    "DUAL",
    "BGP",
)
ROUTE_MAP = "route-map-undefined"


def _names(case: Case) -> str:
    return case.rule


@cache
def _found(number: int) -> tuple[LintFinding, ...]:
    """What lint finds in the mistake of a case: several tests ask."""
    return tuple(lint(CASES[number].bad, CASES[number].sites))


def _in(case: Case) -> tuple[LintFinding, ...]:
    return _found(CASES.index(case))


@pytest.mark.parametrize("case", CASES, ids=_names)
def test_a_mistake_is_found_at_its_line(case: Case) -> None:
    found = [one for one in _in(case) if one.rule == case.rule]
    router, line = case.at
    places = [(one.file, case.bad[one.file].split("\n")[one.line - 1]) for one in found]
    nothing = "nothing: does src/dmvpn/tools/lint/engine.py call the `check` that yields this rule?"
    assert any(file == router and text.startswith(line) for file, text in places), places or nothing


@pytest.mark.parametrize("case", CASES, ids=_names)
def test_nothing_is_found_once_it_is_fixed(case: Case) -> None:
    sites = case.sites if case.good_sites is None else case.good_sites
    assert [one for one in lint(case.good, sites) if one.rule == case.rule] == []


@pytest.mark.parametrize("case", [case for case in CASES if case.first], ids=_names)
def test_nothing_is_named_before_the_cause(case: Case) -> None:
    assert _in(case)[0].rule == case.rule


@pytest.mark.parametrize("name", _CLEAN)
def test_the_networks_of_the_cases_are_clean(name: str) -> None:
    network: lint_cases.Network = getattr(lint_cases, name)
    assert [(one.file, one.rule, one.what) for one in lint(network) if one.severity is not Severity.ADVICE] == []


def test_every_rule_has_a_case() -> None:
    cases, rules = {case.rule for case in CASES}, {rule.id for rule in RULES}
    assert rules - cases == set(), "write the smallest mistake of it into tests/support/lint_cases.txt"
    assert cases - rules == set(), "no rule has this name; RULES are listed in src/dmvpn/tools/lint/engine.py"


@pytest.mark.parametrize("process", ["router rip", "router eigrp 1"])
def test_a_route_map_of_redistribution_that_nobody_defined_is_named(process: str) -> None:
    told = [one for one in lint({"R.cfg": f"{process}\n redistribute static route-map M\n"}) if one.rule == ROUTE_MAP]
    assert [(one.line, one.what.partition(" names ")[2]) for one in told] == [
        (1, "the route map M, which is not configured")
    ]


def test_lists_of_paths_and_communities_that_nobody_defined_are_named() -> None:
    text = (
        "router bgp 65001\n neighbor 10.0.0.1 remote-as 65000\n neighbor 10.0.0.1 filter-list 3 out\n"
        "route-map M permit 10\n match as-path 4\n match community C\nip as-path access-list 4 permit ^$\n"
    )
    told = {one.what for one in lint({"R.cfg": text}) if one.rule == "list-undefined"}
    assert told == {
        "router bgp 65001 names the as path access list 3, which is not configured",
        "route-map M permit 10 names the community list C, which is not configured",
    }


_VRF = "vrf definition A\n address-family ipv4\n"
_IN_VRF4 = f"{_VRF}router bgp 1\n address-family ipv4 vrf A\n  neighbor 10.0.0.2 remote-as 2\n"
_IN_VRF6 = (
    f"{_VRF} address-family ipv6\nrouter bgp 1\n address-family ipv6 vrf A\n"
    "  neighbor 2001:DB8::2 remote-as 2\n  neighbor 2001:DB8::2 activate\n"
)
_FAMILY6 = "router bgp 1\n neighbor 2001:DB8::2 remote-as 2\n address-family ipv6\n  neighbor 2001:DB8::2 activate\n"


@pytest.mark.parametrize(
    "line",
    ["neighbor 2001:DB8::2 route-map M in", "network 2001:DB8:9::/48 route-map M", "redistribute static route-map M"],
)
def test_route_maps_of_the_ipv6_family_that_nobody_defined_are_named(line: str) -> None:
    told = [one.what for one in lint({"R.cfg": f"{_FAMILY6}  {line}\n"}) if one.rule == "route-map-undefined"]
    assert told == ["bgp 1 names the route map M, which is not configured"]


@pytest.mark.parametrize("hop", ["ip route static bfd Tunnel0 10.0.0.9", "ipv6 route static bfd Tunnel0 2001:DB8::9"])
def test_static_routes_that_wait_for_bfd_on_a_tunnel_without_intervals_are_named(hop: str) -> None:
    tunnel = "interface Tunnel0\n tunnel source 192.0.2.1\n tunnel mode gre multipoint\n ip nhrp network-id 1\n"
    (told,) = [one for one in lint({"R.cfg": f"{tunnel}{hop}\n"}) if one.rule == "bfd-without-interval"]
    assert told.line == 5
    assert told.what == f"A static route by {hop.split()[-1]} asks for BFD on Tunnel0, which has no bfd interval"


@pytest.mark.parametrize(
    ("lines", "line", "what"),
    [
        ("router eigrp 1\n distribute-list 7 in\n", 1, "router eigrp names the access list 7"),
        ("router ospf 1\n distribute-list prefix P in\n", 1, "router ospf 1 names the prefix list P"),
        (
            "ipv6 router ospf 7\n distribute-list prefix-list P in\n",
            1,
            "ipv6 router ospf 7 names the IPv6 prefix list P",
        ),
        (f"{_FAMILY6}  neighbor 2001:DB8::2 prefix-list P in\n", 1, "router bgp 1 names the IPv6 prefix list P"),
        (f"{_FAMILY6}  neighbor 2001:DB8::2 distribute-list D in\n", 1, "router bgp 1 names the IPv6 access list D"),
        (f"{_FAMILY6}  neighbor 2001:DB8::2 filter-list 7 in\n", 1, "router bgp 1 names the as path access list 7"),
        (
            "route-map M permit 10\n match ipv6 address prefix-list P\n",
            2,
            "route-map M permit 10 names the IPv6 prefix list P",
        ),
        ("router rip\n distribute-list gateway G in\n", 1, "router rip names the prefix list G"),
        (f"{_IN_VRF4}  neighbor 10.0.0.2 prefix-list P in\n", 3, "router bgp 1 names the prefix list P"),
        (f"{_IN_VRF6}  neighbor 2001:DB8::2 prefix-list P in\n", 4, "router bgp 1 names the IPv6 prefix list P"),
        (f"{_VRF}router ospf 7 vrf A\n distribute-list prefix P in\n", 3, "router ospf 7 names the prefix list P"),
        ("line vty 0 4\n access-class 23 in\n", 2, "line vty 0 4 names the access list 23"),
    ],
)
def test_lists_of_routing_processes_and_of_logins_that_nobody_defined_are_named(
    lines: str, line: int, what: str
) -> None:
    """A router with such an access class lets no station log in, and lint had nothing to say."""
    told = [one for one in lint({"R.cfg": lines}) if one.rule == "list-undefined"]
    assert [(one.line, one.what) for one in told] == [(line, f"{what}, which is not configured")]


def _errors(findings: Iterable[LintFinding]) -> set[tuple[str, str]]:
    return {(one.rule, one.file) for one in findings if one.severity is Severity.ERROR}


@pytest.mark.parametrize("case", CASES, ids=_names)
def test_a_fix_that_is_entered_heals(case: Case) -> None:
    """Some fixes left their own finding, and some brought an error of another rule."""
    network = fixed(case, _in(case))
    if network is not None:
        found = lint(network, case.sites)
        assert [one.what for one in found if one.rule == case.rule] == []
        assert _errors(found) - _errors(_in(case)) == set()


@pytest.mark.parametrize("case", CASES, ids=_names)
def test_a_fix_with_a_blank_does_no_harm_as_it_is(case: Case) -> None:
    """Pasted as it was, `ip nhrp authentication THE-SAME-AS-THERE` set that password."""
    for one in (one for one in _in(case) if any(blank in one.fix for blank in BLANKS)):
        session = ConfigSession(LANGUAGE, LANGUAGE.parse_text(case.bad[one.file]).tree)
        for line in one.fix.split("\n"):
            result, blank = session.enter(line), min((at for at in map(line.find, BLANKS) if at >= 0), default=None)
            assert result.refused is (blank is not None), line
            if blank is not None:
                assert result.output_lines[0].index("^") <= blank
        assert not any(blank in line for line in session.tree.render() for blank in BLANKS)


def test_the_nbma_address_of_a_server_moves_in_its_own_line() -> None:
    """The fix added a second `ip nhrp nhs` line, without multicast, and the finding stayed."""
    wrong = " ip nhrp nhs 10.0.0.1 nbma 198.51.100.77 priority 2"
    network = edited(
        CLEAR,
        SPOKE1=[
            (" ip nhrp map 10.0.0.1 198.51.100.1\n ip nhrp map multicast 198.51.100.1\n", ""),
            (" ip nhrp nhs 10.0.0.1\n", f"{wrong.replace(' priority', ' multicast priority')}\n"),
        ],
    )
    (finding,) = (one for one in lint(network) if one.severity is Severity.ERROR)
    assert (finding.rule, finding.fix.split("\n")) == (
        "nhrp-map-wrong",
        [
            "interface Tunnel0",
            " no ip nhrp nhs 10.0.0.1 nbma 198.51.100.77",
            " ip nhrp nhs 10.0.0.1 nbma 198.51.100.1 multicast priority 2",
        ],
    )
    network["SPOKE1"] = after(network["SPOKE1"], finding.fix.split("\n"))
    assert bad(network) == []


def test_a_peer_that_is_called_like_its_file_gets_a_name_of_one_word() -> None:
    """Files whose names have blanks: the fix was `peer my HUB`, which no router takes."""
    (case,) = (case for case in CASES if case.rule == "ike-key-missing")
    files = {f"my {name}": text.replace(f"hostname {name}\n", "") for name, text in case.bad.items()}
    fixes = [one.fix for one in lint(files) if one.rule == case.rule]
    assert any(" peer my-HUB\n" in fix for fix in fixes), fixes


# What lint says of configurations as articles print them, mistakes included: each mistake has its finding.

_GOOD = file_text("lint_rules_good.cfg")
_MULTIPROTOCOL = """\
interface Tunnel0
  ip address 10.0.0.2 255.255.255.0
  tunnel source GigabitEthernet0/0
  tunnel mode gre multiprotocol
! NHRP configuration
ip nhrp authentication NHRP-Auth
ip nhrp network-id 1
ip nhrp map 10.0.0.1
ip nhrp nhs 10.0.0.1
"""
_EIGRP_SNIPPET = """\
interface Tunnel0
  ip hello-interval eigrp 100 5
  ip hold-time eigrp 100 15
  ip authentication mode eigrp 100 md5
  ip authentication key-chain eigrp_auth
  router eigrp 100
    network 10.0.0.0 0.0.0.255
"""
_TWO_HUBS = file_text("lint_rules_two_hubs.cfg")
_PHASE2 = file_text("lint_rules_phase2.cfg")
_CLIENT = "ip nhrp nhs 10.0.0.1\nip nhrp map 10.0.0.1 203.0.113.1\nip nhrp map multicast 203.0.113.1"
_KEYS = "crypto ipsec profile P\n set transform-set TS\n"


def found(*texts: str) -> set[tuple[int, str]]:
    """Line and rule of everything that is found in the first of several configurations, the sizes left out."""
    findings = lint({f"{number}.cfg": text for number, text in enumerate(texts)})
    return {(one.line, one.rule) for one in findings if one.file == "0.cfg" and one.rule != "tunnel-mss-missing"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Redirects are for hubs, in phase 2 there is nothing to follow: harmless on a spoke.
        (_GOOD + " ip nhrp redirect\n ip nhrp shortcut\n", {(11, "nhrp-redirect-on-spoke")}),
        # A phase 1 spoke is point-to-point with a destination.
        (_GOOD + " tunnel destination 203.0.113.1\n", {(11, "tunnel-destination-multipoint")}),
        # Not an IOS word, so the tunnel stays point-to-point, without a destination; and a lost placeholder.
        (
            _MULTIPROTOCOL,
            {
                (1, "tunnel-destination-missing"),
                (4, "line-refused"),
                (6, "nhrp-password-long"),
                (8, "line-refused"),
            },
        ),
        # The number of the autonomous system is missing.
        (
            _GOOD + _EIGRP_SNIPPET,
            {(14, "eigrp-authentication-half"), (15, "line-refused"), (11, "tunnel-bandwidth-default")},
        ),
        # Without multicast Hellos get nowhere.
        (
            _GOOD.replace(" ip nhrp map multicast 203.0.113.1\n", " bandwidth 1000\n")
            + "router eigrp 100\n network 10.0.0.0\n",
            {(7, "nhrp-multicast-missing")},
        ),
        # OSPF takes a tunnel for a point-to-point link.
        (_GOOD + " ip ospf 1 area 0\n", {(11, "ospf-network-type-default")}),
        # Tunnel mode by default.
        (
            "crypto ipsec transform-set TS esp-aes 256 esp-sha-hmac\n" + _KEYS,
            {(1, "ipsec-tunnel-mode")},
        ),
        # Nine characters.
        (_GOOD.replace("NHRPSEC", "DMVPN2026"), {(3, "nhrp-password-long")}),
        # Two tunnels that GRE cannot tell apart.
        (
            _TWO_HUBS,
            {(11, "tunnel-key-shared"), (19, "tunnel-protection-not-shared"), (23, "ike-profile-missing")},
        ),
        # 120 and 60 seconds are right.
        (_GOOD + " ip nhrp holdtime 120\n ip nhrp registration timeout 60\n", set()),
        (_GOOD + " ip nhrp holdtime 119\n ip nhrp registration timeout 60\n", {(12, "nhrp-registration-slow")}),
        (_GOOD + " ip nhrp authentication password\n ip nhrp registration no-unique\n", set()),
        (_GOOD + " no ip redirects\n", set()),
    ],
)
def test_what_an_article_prints_is_judged(text: str, expected: set[tuple[int, str]]) -> None:
    assert found(text) == expected


def test_phase_2_with_ospf_point_to_multipoint_is_told_at_the_hub() -> None:
    hub = _PHASE2.format(number=1, nhrp="ip nhrp map multicast dynamic")
    spokes = [_PHASE2.format(number=number, nhrp=_CLIENT) for number in (11, 12)]
    assert found(hub, *spokes) == {(5, "phase2-ospf-point-to-multipoint")}


def test_network_ids_may_differ() -> None:
    """They are local to a router and on no wire."""
    hub = _PHASE2.format(number=1, nhrp="ip nhrp map multicast dynamic\nip nhrp redirect")
    spoke = _PHASE2.format(number=11, nhrp=f"{_CLIENT}\nip nhrp shortcut").replace("network-id 100", "network-id 7")
    assert lint({"hub": hub, "spoke": spoke}) == []


def test_redirects_of_a_hub_with_phase_1_spokes_are_harmless() -> None:
    hub = _PHASE2.format(number=1, nhrp="ip nhrp map multicast dynamic\nip nhrp redirect")
    spoke = _PHASE2.format(number=11, nhrp=_CLIENT).replace("mode gre multipoint", "destination 203.0.113.1")
    assert lint({"hub": hub, "spoke": spoke}) == []


def test_a_refused_line_is_told_before_what_follows_from_it_with_ios_words_and_caret() -> None:
    first = lint({"hub.cfg": _MULTIPROTOCOL})[0]
    assert (first.rule, first.line, first.severity) == ("line-refused", 4, Severity.ERROR)
    mode, line, caret, words = first.what.split("\n")
    assert mode == "in interface mode:"
    assert line[caret.index("^")] == "r"
    assert words == "% Invalid input detected at '^' marker."


# What `dmvpn lint` prints as the fix of rules about one configuration: lines rendered from the features' own lines.

#: Blocks: a rule, a configuration, `fix:`, and the lines of its fixes.
_FIXES = (ROOT / "tests" / "support" / "lint_fixes.txt").read_text("utf-8").rstrip("\n").split("\n\n")


@pytest.mark.parametrize("block", _FIXES, ids=lambda block: block.partition("\n")[0])
def test_the_fix_of_a_mistake_is_these_lines(block: str) -> None:
    rule, _, text = block.partition("\n")
    lines, _, fixes = text.partition("\nfix:\n")
    assert "\n".join(one.fix for one in lint({"R.cfg": lines}) if one.rule == rule) == fixes


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        (
            "crypto ipsec profile P\ninterface Tunnel0\n tunnel protection ipsec profile s shared\n",
            "interface Tunnel0\n tunnel protection ipsec profile P shared",
        ),
        (
            "crypto ikev2 keyring KEYS\ncrypto ikev2 keyring OTHER\ncrypto ikev2 profile P\n keyring local KEY\n",
            "crypto ikev2 profile P\n keyring local KEYS",
        ),
        (
            "key chain RIGHT\n key 1\n  key-string s\n"
            "router eigrp D\n address-family ipv4 unicast autonomous-system 1\n"
            "  af-interface Tunnel0\n   authentication mode md5\n   authentication key-chain WRONG\n",
            "router eigrp D\n address-family ipv4 unicast autonomous-system 1\n  af-interface Tunnel0\n"
            "   authentication key-chain RIGHT",
        ),
    ],
)
def test_a_name_that_nothing_defines_becomes_the_one_that_is_meant(text: str, fix: str) -> None:
    """The fix was a second profile or keyring, half empty, beside the one with another name."""
    assert fix in [one.fix for one in lint({"R.cfg": text}) if one.rule.endswith("-undefined")]


def test_the_hold_time_of_a_fix_is_one_that_a_line_can_say() -> None:
    """For Hellos every 30000 s the fix was `ip hold-time eigrp 100 90000`, which no router takes."""
    lines = ("interface Tunnel0", " ip address 10.0.0.1 255.255.255.0", " ip hello-interval eigrp 100 30000")
    text = "\n".join((*lines, "router eigrp 100", " network 10.0.0.0"))
    (fix,) = (one.fix for one in lint({"R.cfg": text}) if one.rule == "eigrp-hold-time-short")
    assert fix == "interface Tunnel0\n ip hold-time eigrp 100 65535"


@pytest.mark.parametrize(
    ("match", "fix"),
    [
        ("ip address 110", "ip access-list extended 110\n permit ip <address> <wildcard> any"),
        ("ip address 2000", "ip access-list extended 2000\n permit ip <address> <wildcard> any"),
        ("ip address 1300", "ip access-list standard 1300\n permit <address>"),
        ("community 5", "ip community-list 5 permit <community>"),
        ("community 105", "ip community-list 105 permit <pattern>"),
        ("extcommunity C", "ip extcommunity-list standard C permit rt <community>"),
        ("large-community 5", "ip large-community-list 5 permit <community>"),
    ],
)
def test_the_number_of_a_list_decides_of_which_kind_its_lines_are(match: str, fix: str) -> None:
    """The list 110 was to be standard, a numbered list of communities got a name, and `rt` was missing."""
    found = [
        one.fix for one in lint({"R.cfg": f"route-map M permit 10\n match {match}"}) if one.rule == "list-undefined"
    ]
    assert found == [fix]


_TUNNEL6 = """\
interface Tunnel0
 ipv6 address 2001:DB8:100::11/64
 ipv6 nhrp network-id 1
 ipv6 nhrp nhs 2001:DB8:100::1 nbma 198.51.100.1 multicast
 tunnel source GigabitEthernet1
 tunnel mode gre multipoint
interface GigabitEthernet1
 ip address 203.0.113.10 255.255.255.0
ipv6 route 2001:DB8:5::/64 2001:DB8:100::11
"""


def test_a_route_of_ipv6_that_is_to_go_is_a_line_of_ipv6() -> None:
    """The fix was `no ip route 2001:db8:5:: ffff:ffff:ffff:ffff:: ...`, which no router takes."""
    found = [one for one in lint({"R.cfg": _TUNNEL6}) if one.rule == "route-next-hop-nobody"]
    assert [(one.line, one.fix) for one in found] == [(9, "no ipv6 route 2001:DB8:5::/64 2001:DB8:100::11")]


# A comment may allow what is meant so: with a reason, for a line, a section or a file, and for nothing else.

_KEEPALIVE = below(" ip mtu 1400", " keepalive 5 3")
_ALLOW = "! lint: allow tunnel-keepalive a firewall on the way drops idle flows"


def rules(**edits: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(one.file, one.rule) for one in lint(edited(CLEAR, **edits))]


def test_a_comment_above_a_line_allows_what_is_found_there() -> None:
    assert rules(SPOKE1=[below(" ip mtu 1400", _ALLOW, " keepalive 5 3")]) == []


def test_a_comment_above_a_section_allows_it_in_the_whole_section() -> None:
    assert rules(SPOKE1=[_KEEPALIVE, ("!\ninterface Tunnel0", f"{_ALLOW}\n!\ninterface Tunnel0")]) == []


def test_a_comment_allows_nothing_in_the_next_section() -> None:
    found = rules(SPOKE1=[_KEEPALIVE, ("!\ninterface GigabitEthernet1", f"{_ALLOW}\ninterface GigabitEthernet1")])
    assert found == [("SPOKE1", "tunnel-keepalive"), ("SPOKE1", "silence-unused")]


def test_a_comment_for_the_file_may_be_anywhere_in_it() -> None:
    assert rules(SPOKE1=[_KEEPALIVE, ("ip route 0", f"{_ALLOW.replace('allow', 'allow-file')}\nip route 0")]) == []


def test_a_comment_for_a_file_is_for_no_other_file() -> None:
    comment = ("ip route 0", f"{_ALLOW.replace('allow', 'allow-file')}\nip route 0")
    found = rules(SPOKE1=[_KEEPALIVE], SPOKE2=[comment])
    assert found == [("SPOKE1", "tunnel-keepalive"), ("SPOKE2", "silence-unused")]


def test_a_comment_counts_lines_as_the_reader_does() -> None:
    """A form feed in a text was an end of a line for one of them."""
    assert rules(SPOKE1=[below(" ip mtu 1400", " description A\x0cB", _ALLOW, " keepalive 5 3")]) == []


def test_a_comment_without_a_reason_allows_nothing() -> None:
    found = rules(SPOKE1=[below(" ip mtu 1400", "! lint: allow tunnel-keepalive", " keepalive 5 3")])
    assert sorted(found) == [("SPOKE1", "silence-without-reason"), ("SPOKE1", "tunnel-keepalive")]


def test_a_misspelled_rule_is_told() -> None:
    (only,) = lint(edited(CLEAR, SPOKE1=[below(" ip mtu 1400", "! lint: allow tunnel-keepalif a reason")]))
    assert (only.rule, only.what) == ("silence-unused", "there is no rule tunnel-keepalif")


def test_a_comment_that_allows_in_other_words_is_told() -> None:
    (only,) = lint(edited(CLEAR, SPOKE1=[below(" ip mtu 1400", "! lint: disable tunnel-keepalive")]))
    assert only.rule == "silence-unused"
    assert "allow RULE REASON" in only.what


def test_a_comment_about_other_things_is_a_comment() -> None:
    assert rules(SPOKE1=[below(" ip mtu 1400", "! the lint: allow everything")]) == []


def test_what_is_said_of_comments_cannot_be_allowed_by_a_comment() -> None:
    file_comment = ("ip route 0", "! lint: allow-file silence-unused I do not care\nip route 0")
    found = rules(SPOKE1=[file_comment, below(" ip mtu 1400", _ALLOW)])
    assert found == [("SPOKE1", "silence-unused"), ("SPOKE1", "silence-unused")]


# What `dmvpn lint` prints of many sites with the same mistake.


def _sites(count: int, line: str = " keepalive 5 3") -> dict[str, str]:
    return {
        f"S{n:02}.cfg": f"hostname S{n:02}\ninterface Tunnel0\n ip address 10.0.0.{n + 1} 255.255.255.0\n{line}\n"
        " ip nhrp network-id 1\n tunnel source Loopback0\n tunnel mode gre multipoint\nend\n"
        for n in range(count)
    }


def test_what_many_sites_have_in_common_is_said_once() -> None:
    """A line that 30 sites lacked was 30 paragraphs."""
    findings = [one for one in lint(_sites(30)) if one.rule == "tunnel-keepalive"]
    assert len(findings) == 30
    printed = list(as_text(findings))
    assert sum(line.startswith("S") for line in printed) == 1
    assert "    likewise: S01.cfg:4, S02.cfg:4, S03.cfg:4 and 26 more" in printed
    assert printed[-1] == "30 warnings"
    assert as_json(findings).count('"file": "S') == 30


def test_two_sites_are_two_paragraphs() -> None:
    findings = [one for one in lint(_sites(2)) if one.rule == "tunnel-keepalive"]
    assert sum(line.startswith("S") for line in as_text(findings)) == 2
