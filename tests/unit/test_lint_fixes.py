"""What `dmvpn lint` prints as the fix of rules about one configuration: lines rendered from the features' own lines."""

from __future__ import annotations

import pytest

from dmvpn.tools.lint import lint

_FIXES = [
    (
        "eigrp-authentication-half",
        (
            "interface Tunnel0",
            " ip address 10.0.0.1 255.255.255.0",
            " ip authentication mode eigrp 100 md5",
            "router eigrp 100",
            " network 10.0.0.0",
        ),
        (
            "interface Tunnel0",
            " ip authentication key-chain eigrp 100 <name>",
        ),
    ),
    (
        "eigrp-authentication-half",
        (
            "interface Tunnel0",
            " ip address 10.0.0.1 255.255.255.0",
            " ip authentication key-chain eigrp 100 K",
            "router eigrp 100",
            " network 10.0.0.0",
        ),
        (
            "interface Tunnel0",
            " ip authentication mode eigrp 100 md5",
        ),
    ),
    (
        "eigrp-authentication-half",
        (
            "interface Tunnel0",
            " ip address 10.0.0.1 255.255.255.0",
            "router eigrp D",
            " address-family ipv4 unicast autonomous-system 100",
            "  af-interface Tunnel0",
            "   authentication mode md5",
            "  network 10.0.0.0",
        ),
        (
            "router eigrp D",
            " address-family ipv4 unicast autonomous-system 100",
            "  af-interface Tunnel0",
            "   authentication key-chain <name>",
        ),
    ),
    (
        "eigrp-authentication-half",
        (
            "interface Tunnel0",
            " ip address 10.0.0.1 255.255.255.0",
            "router eigrp D",
            " address-family ipv4 unicast autonomous-system 100",
            "  af-interface Tunnel0",
            "   authentication key-chain K",
            "  network 10.0.0.0",
        ),
        (
            "router eigrp D",
            " address-family ipv4 unicast autonomous-system 100",
            "  af-interface Tunnel0",
            "   authentication mode md5",
        ),
    ),
    (
        "eigrp-key-chain-undefined",
        (
            "interface Tunnel0",
            " ip address 10.0.0.1 255.255.255.0",
            " ip authentication key-chain eigrp 100 K",
            " ip authentication mode eigrp 100 md5",
            "router eigrp 100",
            " network 10.0.0.0",
        ),
        (
            "key chain K",
            " key 1",
            "  key-string <secret>",
        ),
    ),
    (
        "eigrp-hmac-hidden",
        (
            "interface Tunnel0",
            " ip address 10.0.0.1 255.255.255.0",
            "router eigrp D",
            " address-family ipv4 unicast autonomous-system 100",
            "  af-interface Tunnel0",
            "   authentication mode hmac-sha-256 7 094F471A1A0A",
            "  network 10.0.0.0",
        ),
        (
            "router eigrp D",
            " address-family ipv4 unicast autonomous-system 100",
            "  af-interface Tunnel0",
            "   authentication mode hmac-sha-256 <secret>",
        ),
    ),
    (
        "eigrp-hold-time-short",
        (
            "interface Tunnel0",
            " ip address 10.0.0.1 255.255.255.0",
            "router eigrp D",
            " address-family ipv4 unicast autonomous-system 100",
            "  af-interface Tunnel0",
            "   hello-interval 20",
            "  network 10.0.0.0",
        ),
        (
            "router eigrp D",
            " address-family ipv4 unicast autonomous-system 100",
            "  af-interface Tunnel0",
            "   hold-time 60",
        ),
    ),
    (
        "ikev2-keyring-undefined",
        (
            "crypto ikev2 profile P",
            " keyring local TYPO",
        ),
        (
            "crypto ikev2 keyring TYPO",
            " peer <name>",
            "  address <address>",
            "  pre-shared-key <secret>",
        ),
    ),
    (
        "ikev2-keyring-undefined",
        (
            "crypto isakmp profile P",
            " keyring TYPO",
        ),
        (
            "crypto keyring TYPO",
            " pre-shared-key address <address> key <secret>",
        ),
    ),
    (
        "ikev2-profile-incomplete",
        ("crypto ikev2 profile P",),
        (
            "crypto ikev2 profile P",
            " match identity remote address 0.0.0.0",
            " authentication local pre-share",
            " authentication remote pre-share",
        ),
    ),
    (
        "ikev2-profile-incomplete",
        (
            "crypto ikev2 profile P",
            " authentication local pre-share",
            " authentication remote pre-share",
        ),
        (
            "crypto ikev2 profile P",
            " match identity remote address 0.0.0.0",
            " keyring local <name>",
        ),
    ),
    (
        "ike-key-for-everybody",
        ("crypto isakmp key SECRET1 address 0.0.0.0",),
        ("crypto isakmp key <secret> address <address>",),
    ),
    (
        "ipsec-tunnel-mode",
        (
            "crypto ipsec transform-set TS esp-aes 256 esp-sha-hmac",
            "crypto ipsec profile P",
            " set transform-set TS",
        ),
        (
            "crypto ipsec transform-set TS esp-aes 256 esp-sha-hmac",
            " mode transport",
        ),
    ),
    (
        "ipsec-tunnel-mode",
        (
            "crypto ipsec transform-set TS esp-aes esp-sha256-hmac",
            "crypto ipsec profile P",
            " set transform-set TS",
        ),
        (
            "crypto ipsec transform-set TS esp-aes esp-sha256-hmac",
            " mode transport",
        ),
    ),
    (
        "ipsec-tunnel-mode",
        (
            "crypto ipsec transform-set TS esp-gcm",
            "crypto ipsec profile P",
            " set transform-set TS",
        ),
        (
            "crypto ipsec transform-set TS esp-gcm",
            " mode transport",
        ),
    ),
    (
        "ipsec-profile-undefined",
        (
            "interface Tunnel0",
            " tunnel protection ipsec profile TYPO",
        ),
        (
            "crypto ipsec profile TYPO",
            " set transform-set <name>",
        ),
    ),
    (
        "ike-profile-undefined",
        (
            "crypto ipsec profile P",
            " set ikev2-profile TYPO",
        ),
        (
            "crypto ikev2 profile TYPO",
            " match identity remote address 0.0.0.0",
            " authentication local pre-share",
            " authentication remote pre-share",
            " keyring local <name>",
        ),
    ),
    (
        "ike-profile-undefined",
        (
            "crypto ipsec profile P",
            " set isakmp-profile TYPO",
        ),
        ("crypto isakmp profile TYPO", " match identity address 0.0.0.0"),
    ),
    (
        "ike-profile-undefined",
        (
            "crypto ipsec profile P",
            " set transform-set X",
            "interface Tunnel0",
            " tunnel protection ipsec profile P ikev2-profile TYPO",
        ),
        (
            "crypto ikev2 profile TYPO",
            " match identity remote address 0.0.0.0",
            " authentication local pre-share",
            " authentication remote pre-share",
            " keyring local <name>",
        ),
    ),
    (
        "trustpoint-undefined",
        (
            "crypto isakmp profile P",
            " ca trust-point TYPO",
            " match certificate TYPO2",
        ),
        (
            "crypto pki trustpoint TYPO",
            " enrollment terminal",
            "crypto pki certificate map TYPO2 10",
            " subject-name co <text>",
        ),
    ),
    (
        "trustpoint-undefined",
        (
            "crypto ikev2 profile P",
            " pki trustpoint TYPO",
            " match certificate TYPO2",
        ),
        (
            "crypto pki trustpoint TYPO",
            " enrollment terminal",
            "crypto pki certificate map TYPO2 10",
            " subject-name co <text>",
        ),
    ),
    (
        "vrf-undefined",
        (
            "interface Tunnel0",
            " tunnel vrf INET",
        ),
        (
            "vrf definition INET",
            " address-family ipv4",
        ),
    ),
    (
        "route-map-undefined",
        (
            "router rip",
            " redistribute static route-map M",
        ),
        ("route-map M permit 10",),
    ),
    (
        "list-undefined",
        (
            "route-map M permit 10",
            " match ip address TYPO",
        ),
        (
            "ip access-list standard TYPO",
            " permit <address>",
        ),
    ),
    (
        "list-undefined",
        (
            "route-map M permit 10",
            " match ip address 10",
        ),
        (
            "ip access-list standard 10",
            " permit <address>",
        ),
    ),
    (
        "list-undefined",
        (
            "route-map M permit 10",
            " match as-path 4",
        ),
        ("ip as-path access-list 4 permit <pattern>",),
    ),
    (
        "list-undefined",
        (
            "route-map M permit 10",
            " match community C",
        ),
        ("ip community-list standard C permit <community>",),
    ),
    (
        "list-undefined",
        (
            "route-map M permit 10",
            " match large-community C",
        ),
        ("ip large-community-list standard C permit <community>",),
    ),
    (
        "list-undefined",
        (
            "router bgp 65001",
            " neighbor 10.0.0.1 remote-as 65000",
            " neighbor 10.0.0.1 filter-list 3 out",
        ),
        ("ip as-path access-list 3 permit <pattern>",),
    ),
    (
        "list-undefined",
        (
            "router bgp 65001",
            " neighbor 10.0.0.1 remote-as 65000",
            " neighbor 10.0.0.1 distribute-list 7 out",
        ),
        (
            "ip access-list standard 7",
            " permit <address>",
        ),
    ),
    (
        "list-undefined",
        ("ip nat inside source list LAN interface GigabitEthernet1 overload",),
        (
            "ip access-list standard LAN",
            " permit <address>",
        ),
    ),
]


@pytest.mark.parametrize(("rule", "lines", "fixes"), _FIXES)
def test_the_fix_of_a_mistake_is_these_lines(rule: str, lines: tuple[str, ...], fixes: tuple[str, ...]) -> None:
    found = [one.fix for one in lint({"R.cfg": "\n".join(lines)}) if one.rule == rule]
    assert "\n".join(found).split("\n") == list(fixes)


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
