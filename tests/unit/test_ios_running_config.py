"""The running configuration: its order, its blocks, and that it loads back unchanged; the harmless known lines."""

from __future__ import annotations

from pathlib import Path

import pytest

import dmvpn.ios
from dmvpn.ios import Configurator, known_commands
from dmvpn.ios.config_line import UNKNOWN, read_known
from dmvpn.ios.tree import MARK
from support import small_language as small

LANGUAGE = small.configurator()

HUB = """\
hostname R11
!
crypto ikev2 keyring KR-DMVPN
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key local DMVPN_KEY
  pre-shared-key remote DMVPN_KEY
 !
!
crypto ikev2 profile IKEV2-DMVPN
 match identity remote address 0.0.0.0
 authentication local pre-share
 authentication remote pre-share
 keyring local KR-DMVPN
!
crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac
 mode transport
!
crypto ipsec profile IPSEC-DMVPN
 set transform-set TS
 set ikev2-profile IKEV2-DMVPN
!
interface Loopback0
 ip address 192.0.2.11 255.255.255.255
!
interface Tunnel100
 description the  cloud
 bandwidth 4000
 ip address 192.168.100.11 255.255.255.0
 no ip redirects
 ip mtu 1400
 no ip split-horizon eigrp 100
 ip nhrp authentication NHRPSEC
 ip nhrp map multicast dynamic
 ip nhrp network-id 100
 ip nhrp redirect
 ip tcp adjust-mss 1360
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 tunnel key 100
 tunnel protection ipsec profile IPSEC-DMVPN
!
interface GigabitEthernet0/1
 ip address 172.16.11.1 255.255.255.252
!
interface GigabitEthernet0/2
 delay 100
 ip address 10.1.1.1 255.255.255.0
 shutdown
!
router eigrp 100
 network 10.0.0.0 0.0.0.255
!
router eigrp GRE-OVERLAY
 !
 address-family ipv4 unicast autonomous-system 100
  !
  af-interface Tunnel100
   no split-horizon
  exit-af-interface
  !
  topology base
  exit-af-topology
  network 10.0.0.0
  network 192.168.100.0
 exit-address-family
!
router rip
 version 2
 network 172.16.0.0
 no auto-summary
!
ip route 0.0.0.0 0.0.0.0 172.16.11.2
ip route 10.9.0.0 255.255.0.0 Tunnel100
!
line con 0
 exec-timeout 0 0
 logging synchronous
!
line vty 0 4
 login local
 transport input ssh
!
"""


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


KNOWN = """\
version 17.9
!
no service pad
service tcp-keepalives-in
!
boot-start-marker
!
boot system flash bootflash:packages.conf
!
boot-end-marker
!
license udi pid X sn Y
!
ip cef
no ip domain lookup
ip domain name example.com
!
multilink bundle-name authenticated
!
subscriber templating
!
spanning-tree extend system-id
!
redundancy
 mode none
!
interface GigabitEthernet0/1
 load-interval 30
 no ip proxy-arp
 ip virtual-reassembly
 duplex auto
 speed auto
 negotiation auto
 no cdp enable
 no mop enabled
!
ip forward-protocol nd
no ip http server
no ip http secure-server
ip ssh version 2
!
control-plane
!
banner motd ^C keep  out ^C
!
line con 0
 exec-timeout 0 0
 logging synchronous
 stopbits 1
!
line vty 0 4
 login local
 transport input ssh
!
"""


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
