"""What lint says of configurations as articles print them, mistakes included: each mistake has its finding."""

from __future__ import annotations

import pytest

from dmvpn.base.findings import Severity
from dmvpn.tools.lint import lint

_GOOD = """\
interface Tunnel0
 ip address 10.0.0.11 255.255.255.0
 ip nhrp authentication NHRPSEC
 ip nhrp map 10.0.0.1 203.0.113.1
 ip nhrp map multicast 203.0.113.1
 ip nhrp network-id 100
 ip nhrp nhs 10.0.0.1
 tunnel source GigabitEthernet0/0/0
 tunnel mode gre multipoint
 tunnel key 100
"""
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
_TWO_HUBS = """\
interface Tunnel0
ip address 10.0.0.11 255.255.255.0
ip nhrp network-id 100
ip nhrp nhs 10.0.0.1
ip nhrp map 10.0.0.1 203.0.113.1
ip nhrp map multicast 203.0.113.1
tunnel source GigabitEthernet0/0/0
tunnel mode gre multipoint
tunnel protection ipsec profile P
!
interface Tunnel1
ip address 10.1.0.11 255.255.255.0
ip nhrp network-id 200
ip nhrp nhs 10.1.0.1
ip nhrp map 10.1.0.1 203.0.113.2
ip nhrp map multicast 203.0.113.2
tunnel source GigabitEthernet0/0/0
tunnel mode gre multipoint
tunnel protection ipsec profile P
!
crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac
mode transport
crypto ipsec profile P
set transform-set TS
"""
_PHASE2 = """\
interface Tunnel0
ip address 10.0.0.{number} 255.255.255.0
ip nhrp network-id 100
{nhrp}
ip ospf network point-to-multipoint
ip mtu 1400
ip tcp adjust-mss 1360
tunnel source GigabitEthernet0/0/0
tunnel mode gre multipoint
tunnel key 100
router ospf 1
network 10.0.0.0 0.0.0.255 area 0
"""
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
