"""How configurations are read: as pasted into a terminal, with wrong lines in between; and those of the scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.features.pki.config import model as pki
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.scenario import BUILT_IN

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGE = configurator(FEATURES)

#: A hub without any indentation, comments at every place, blocks that nobody leaves, names cut and in small letters.
PASTED = """\
! the hub
crypto ikev2 keyring RING
peer EVERYBODY
address 0.0.0.0 0.0.0.0
! what follows belongs to the key, not to a comment
pre-shared-key local Bang!Bang!
pre-shared-key remote Bang!Bang!
!
crypto ikev2 profile SPOKES
match identity remote address 0.0.0.0
authentication remote pre-share
authentication local pre-share
keyring local RING
crypto ipsec transform-set STRONG esp-aes 256 esp-sha256-hmac
mode transport
crypto ipsec profile TUNNELS
set transform-set STRONG
set ikev2-profile SPOKES
int tunnel 7
! a comment does not leave the interface
ip address 10.77.0.1 255.255.255.0
no ip split-horizon eigrp 90
ip nhrp map multicast dynamic
ip nhrp network-id 77
    tunnel source gi0/3
  tunnel mode gre multipoint
tunnel protection ipsec profile TUNNELS
router eigrp CLOUD
address-family ipv4 autonomous-system 91
topology base
exit-af-topology
network 10.0.0.0
exit-address-family
int tu7
router eigrp 90
network 10.77.0.0 0.0.0.255
no auto-summary
"""

SHOWN = """\
crypto ikev2 keyring RING
 peer EVERYBODY
  address 0.0.0.0 0.0.0.0
  pre-shared-key local Bang!Bang!
  pre-shared-key remote Bang!Bang!
 !
!
crypto ikev2 profile SPOKES
 match identity remote address 0.0.0.0
 authentication remote pre-share
 authentication local pre-share
 keyring local RING
!
crypto ipsec transform-set STRONG esp-aes 256 esp-sha256-hmac
 mode transport
!
crypto ipsec profile TUNNELS
 set transform-set STRONG
 set ikev2-profile SPOKES
!
interface Tunnel7
 ip address 10.77.0.1 255.255.255.0
 no ip split-horizon eigrp 90
 ip nhrp map multicast dynamic
 ip nhrp network-id 77
 tunnel source GigabitEthernet0/3
 tunnel mode gre multipoint
 tunnel protection ipsec profile TUNNELS
!
router eigrp 90
 network 10.77.0.0 0.0.0.255
!
router eigrp CLOUD
 !
 address-family ipv4 unicast autonomous-system 91
  !
  topology base
  exit-af-topology
  network 10.0.0.0
 exit-address-family
!
"""


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


WRONG = """\
interface Tunnel7
  ip address 10.77.0.1 255.255.255.0
  tunnel source GigabitEthernet0/3
  tunnel mode gre multiprotocol
  tunnel protection ipsec profile TUNNELS
! a heading between
ip nhrp authentication LongerThan8
ip nhrp network-id 1
ip nhrp map 10.77.0.9
ip nhrp nhs 10.77.0.9
  ip authentication key-chain eigrp_auth
  router eigrp 90
    network 10.77.0.0 0.0.0.255
ip nhrp redirect
crypto isakmp policy 20
 group 14
crypto isakmp key Hidden! address
crypto isakmp key Hidden! address 192.0.2.9
"""


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
    assert tunnel[: tunnel.index("!")] == [
        "interface Tunnel7",
        " ip address 10.77.0.1 255.255.255.0",
        " ip nhrp authentication LongerThan8",
        " ip nhrp network-id 1",
        " ip nhrp nhs 10.77.0.9",
        " tunnel source GigabitEthernet0/3",
        " tunnel protection ipsec profile TUNNELS",
    ]
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
    assert LANGUAGE.parse_text(text).tree.render() == [
        "key chain SECRETS",
        " key 2",
        "  key-string two",
        " key 0",
        "  key-string nil",
        "!",
    ]


def test_a_banner_is_text_whatever_it_says() -> None:
    text = (
        "banner motd ^C\n Keep  out!\nno hostname\nend\n^C and this is lost\nhostname EDGE\nbanner login #one line#\n"
    )
    result = LANGUAGE.parse_text(text)
    assert result.problems == ()
    assert result.tree.render() == [
        "hostname EDGE",
        "!",
        "banner login ^Cone line^C",
        "banner motd ^C",
        " Keep  out!",
        "no hostname",
        "end",
        "^C",
        "!",
    ]
    assert LANGUAGE.parse_text("\n".join(result.tree.render())).tree == result.tree


def test_a_banner_without_an_end_is_reported() -> None:
    (problem,) = LANGUAGE.parse_text("banner motd #\nhostname EDGE\n").problems
    said = "% A text has no end: #; it took what is behind it, 1 line of a configuration among that"
    assert (problem.line_number, problem.message_lines) == (1, (said,))


def test_the_certificate_of_a_web_server_does_not_disturb() -> None:
    text = """\
crypto pki trustpoint TP-self-signed-1
 enrollment selfsigned
 subject-name cn=IOS-Self-Signed-Certificate-1
 revocation-check none
 rsakeypair TP-self-signed-1
!
crypto pki certificate chain TP-self-signed-1
 certificate self-signed 01
  30820330 30820218 A0030201 02020101 300D0609 2A864886 F70D0101 05050030
  31312F30 2D060355
  \tquit
!
hostname EDGE
"""
    result = LANGUAGE.parse_text(text)
    assert result.problems == ()
    assert LANGUAGE.parse_text("\n".join(result.tree.render())).tree == result.tree
    config = pki(result.tree)
    assert config is not None
    (trustpoint,) = config.trustpoints
    assert trustpoint.certificates[0].octets.hex().startswith("3082033030820218a0")
    assert len(trustpoint.certificates[0].octets) == 40


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
