"""To which section a line belongs where indentation does not say it: flat files, pastes, text above configurations."""

from __future__ import annotations

import pytest

from dmvpn.ios import ConfigSession, Fate
from dmvpn.ios.config_line import UNKNOWN
from dmvpn.router.features import FEATURES
from dmvpn.router.intake import take_in
from dmvpn.router.language import configurator

LANGUAGE = configurator(FEATURES)


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
    assert shown(f"interface GigabitEthernet0/0\n{lines}") == [
        "interface GigabitEthernet0/0",
        " ip address 192.0.2.1 255.255.255.0",
        " ip mtu 1400",
        "!",
    ]
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
    assert [entry.text for entry in intake.of(Fate.LEFT_OUT)] == ["ip inspect WAN in"]
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
