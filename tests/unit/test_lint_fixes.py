"""What `dmvpn lint` prints as the fix of rules about one configuration: lines rendered from the features' own lines."""

from __future__ import annotations

import pytest

from dmvpn.tools.lint import lint
from support.conformance import ROOT

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
