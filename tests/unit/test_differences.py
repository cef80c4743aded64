"""How two configurations differ, as IOS prints it, and the lines that make the one of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.ios.differences import commands, contextual, differences
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

if TYPE_CHECKING:
    from dmvpn.ios import ConfigTree

BEFORE = """\
hostname R1
interface Loopback0
 ip address 10.0.0.1 255.255.255.255
interface Tunnel0
 ip address 10.1.1.1 255.255.255.0
 ip mtu 1400
router eigrp 1
 network 10.0.0.0
"""
AFTER = """\
hostname R2
interface Loopback1
 ip address 10.0.0.2 255.255.255.255
interface Tunnel0
 ip address 10.1.1.1 255.255.255.0
 ip mtu 1380
 ip nhrp network-id 1
router eigrp 1
"""


def tree(text: str) -> ConfigTree:
    return configurator(FEATURES).parse_text(text).tree


def test_what_came_is_first_and_what_went_behind_it() -> None:
    assert list(contextual(list(differences(tree(BEFORE), tree(AFTER))))) == [
        "+hostname R2",
        "+interface Loopback1",
        " +ip address 10.0.0.2 255.255.255.255",
        "interface Tunnel0",
        " +ip mtu 1380",
        " +ip nhrp network-id 1",
        "-hostname R1",
        "-interface Loopback0",
        " -ip address 10.0.0.1 255.255.255.255",
        "interface Tunnel0",
        " -ip mtu 1400",
        "router eigrp 1",
        " -network 10.0.0.0",
    ]


def test_commands_take_back_only_what_has_no_successor() -> None:
    assert list(commands(differences(tree(BEFORE), tree(AFTER)))) == [
        "no interface Loopback0",
        "router eigrp 1",
        " no network 10.0.0.0",
        "hostname R2",
        "interface Loopback1",
        " ip address 10.0.0.2 255.255.255.255",
        "interface Tunnel0",
        " ip mtu 1380",
        " ip nhrp network-id 1",
    ]


def test_the_line_that_says_who_wrote_it_is_no_difference() -> None:
    assert list(differences(tree(BEFORE), tree(f"! Written by dmvpn\nversion 17.9\n{BEFORE}"))) == []


def test_options_in_another_order_are_no_difference() -> None:
    """`configure replace` entered the line again each time, and the difference stayed."""
    one = tree("router ospf 1\n redistribute static metric 3 subnets route-map M")
    other = tree("router ospf 1\n redistribute static route-map M metric 3 subnets")
    assert list(differences(one, other)) == []


def test_an_entry_of_an_access_list_goes_before_another_takes_its_number() -> None:
    """The commands of `configure replace` were refused: `% Duplicate sequence number`."""
    before = "ip access-list extended A\n 10 permit ip any any\n 20 deny ip any any"
    after = "ip access-list extended A\n 20 permit ip any any"
    assert list(commands(differences(tree(before), tree(after)))) == [
        "ip access-list extended A",
        " no 10 permit ip any any",
        " no 20 deny ip any any",
        " 20 permit ip any any",
    ]


def test_a_section_with_another_first_line_is_entered_without_the_lines_that_went() -> None:
    """What an entry of a route map matched before stayed in it when `permit` became `deny`."""
    before, after = tree("route-map M permit 10\n match tag 1"), tree("route-map M deny 10\n set tag 2")
    made = configurator(FEATURES).parse_text("\n".join(commands(differences(before, after))), before)
    assert made.tree.render() == after.render()


def test_a_line_that_adds_loses_the_options_that_went_and_keeps_its_keys() -> None:
    key = " area 1 virtual-link 10.9.0.2 message-digest-key 1 md5 k"
    before = f"router ospf 1\n area 1 virtual-link 10.9.0.2 hello-interval 1 dead-interval 4\n{key}"
    after = f"router ospf 1\n area 1 virtual-link 10.9.0.2 dead-interval 5\n{key}"
    assert list(commands(differences(tree(before), tree(after)))) == [
        "router ospf 1",
        " no area 1 virtual-link 10.9.0.2 hello-interval 1 dead-interval 4",
        " area 1 virtual-link 10.9.0.2 dead-interval 5",
    ]


LINES = [
    "hostname R1",
    "hostname R2",
    "no ip domain lookup",
    "interface Loopback0\n ip address 10.0.0.1 255.255.255.255",
    "interface Loopback0\n ip address 10.0.0.2 255.255.255.255\n description two",
    "interface Tunnel0\n ip mtu 1400\n ip nhrp network-id 1",
    "interface Tunnel0\n ip mtu 1380\n no ip nhrp shortcut\n ip nhrp map 10.1.1.1 192.0.2.1",
    "router eigrp 1\n network 10.0.0.0\n network 172.16.0.0",
    "router eigrp 1\n network 10.0.0.0",
    "router bgp 65000\n neighbor 10.1.1.1 remote-as 65000\n address-family ipv4\n  neighbor 10.1.1.1 activate",
    "router bgp 65000\n neighbor 10.1.1.1 remote-as 65001",
    "ip route 10.9.0.0 255.255.0.0 10.1.1.1",
    "ip access-list extended A\n 10 permit ip any any\n 20 deny ip any any",
    "ip access-list extended A\n 20 permit ip any any",
    "ip access-list extended A\n 10 deny ip any any\n 20 permit ip any any\n 25 remark nothing else",
    "ip access-list standard B\n 10 permit 10.0.0.1\n 20 deny any",
    "ip access-list standard B\n 5 remark nobody else\n 20 permit 10.0.0.1",
    "ip prefix-list P seq 5 permit 10.0.0.0/8\nip prefix-list P seq 10 deny 11.0.0.0/8",
    "ip prefix-list P seq 10 permit 10.0.0.0/8",
    "route-map M permit 10\n match tag 1\nroute-map M deny 20",
    "route-map M deny 10\n set tag 2",
    "router ospf 1\n area 1 virtual-link 10.9.0.2 hello-interval 1 dead-interval 4",
    "router ospf 1\n area 1 virtual-link 10.9.0.2 message-digest-key 1 md5 k",
    "router ospf 1\n area 1 virtual-link 10.9.0.2 dead-interval 5 authentication null",
    "router ospf 1\n redistribute static subnets route-map M\n redistribute eigrp 1",
    "router ospf 1\n redistribute static metric 9\n redistribute bgp 1 subnets",
    "router rip\n redistribute connected metric 3",
    "router rip\n redistribute connected route-map M",
    "crypto isakmp key one address 192.0.2.1",
    "crypto isakmp key two address 192.0.2.1",
    "ntp server 192.0.2.9",
]


@given(st.lists(st.sampled_from(LINES)), st.lists(st.sampled_from(LINES)))
def test_the_commands_make_the_one_configuration_of_the_other(one: list[str], other: list[str]) -> None:
    before, after = tree("\n".join(one)), tree("\n".join(other))
    entered = "\n".join(commands(differences(before, after)))
    made = configurator(FEATURES).parse_text(entered, before)
    assert [problem for problem in made.problems if not problem.is_warning] == []
    assert made.tree.render() == after.render()


@pytest.mark.parametrize("text", [BEFORE, AFTER, ""])
def test_a_configuration_does_not_differ_from_itself(text: str) -> None:
    assert list(differences(tree(text), tree(text))) == []
