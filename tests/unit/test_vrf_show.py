"""`show vrf` and its relatives, laid out as IOS does, and pings within a VRF."""

from __future__ import annotations

import pytest

from dmvpn.base.effects import SetVrfs
from dmvpn.base.events import EffectFailed
from support.whole_router import WholeRouter
from support.world import World

_LINES = """\
vrf definition CUST_A
 description the first customer
 rd 65000:100
 address-family ipv4
  route-target export 65000:100
  route-target import 65000:200
 exit-address-family
ip vrf OLD
interface Loopback7
 vrf forwarding CUST_A
 ip address 10.7.0.1 255.255.255.0
interface Loopback8
 vrf forwarding CUST_A
 ip address 10.8.0.1 255.255.255.0
interface Loopback9
 ip vrf forwarding OLD
 ip address 10.7.0.1 255.255.255.0
"""


@pytest.fixture(scope="module")
def world() -> World:
    found = World("notes-phase3", change=lambda router, text: f"{_LINES}{text}" if router == "R31" else text)
    found.run_for(2)
    return found


def test_the_table_has_a_line_for_each_interface(world: World) -> None:
    assert world.show("R31", "vrf").splitlines() == [
        "  Name                             Default RD            Protocols   Interfaces",
        "  CUST_A                           65000:100             ipv4        Lo7",
        "                                                                     Lo8",
        "  OLD                              <not set>             ipv4        Lo9",
    ]


def test_the_table_of_ipv4_has_no_protocols(world: World) -> None:
    assert world.show("R31", "ip vrf").splitlines() == [
        "  Name                             Default RD            Interfaces",
        "  CUST_A                           65000:100             Lo7",
        "                                                         Lo8",
        "  OLD                              <not set>             Lo9",
    ]


def test_interfaces_are_listed_with_their_addresses(world: World) -> None:
    assert world.show("R31", "ip vrf interfaces CUST_A").splitlines() == [
        "Interface              IP-Address      VRF                              Protocol",
        "Lo7                    10.7.0.1        CUST_A                           up      ",
        "Lo8                    10.8.0.1        CUST_A                           up      ",
    ]


def test_the_details_name_the_route_targets(world: World) -> None:
    assert world.show("R31", "vrf detail CUST_A").splitlines() == [
        "VRF CUST_A (VRF Id = 1); default RD 65000:100; default VPNID <not set>",
        "  Description: the first customer",
        "  New CLI format, supports multiple address-families",
        "  Flags: 0x180C",
        "  Interfaces:",
        "    Lo7                      Lo8                     ",
        "Address family ipv4 unicast (Table ID = 0x1):",
        "  Flags: 0x0",
        "  Export VPN route-target communities",
        "    RT:65000:100",
        "  Import VPN route-target communities",
        "    RT:65000:200",
        "  No import route-map",
        "  No global export route-map",
        "  No export route-map",
        "  VRF label distribution protocol: not configured",
        "  VRF label allocation mode: per-prefix",
        "Address family ipv6 unicast not active",
        "Address family ipv4 multicast not active",
        "",
    ]


def test_an_unknown_vrf_is_named(world: World) -> None:
    assert world.do("R31", "show vrf NONE") == "% No VRF named NONE\n"
    assert world.do("R31", "ping vrf NONE 10.7.0.1") == "% VRF NONE does not exist\n"
    assert world.do("R31", "traceroute vrf NONE 10.7.0.1") == "% VRF NONE does not exist\n"


def test_an_interface_says_which_vrf_it_is_in(world: World) -> None:
    assert '  VPN Routing/Forwarding "CUST_A"' in world.show("R31", "ip interface Loopback7").splitlines()
    assert "VPN Routing" not in world.show("R31", "ip interface GigabitEthernet0/1")


def test_a_ping_starts_from_an_address_of_its_vrf(world: World) -> None:
    assert "Success rate is 100 percent" in world.do("R31", "ping vrf CUST_A 10.8.0.1 source 10.7.0.1")
    assert "Success rate is 100 percent" in world.do("R31", "ping vrf CUST_A 10.8.0.1 source Loopback7")
    for foreign in ("ping vrf OLD 10.7.0.1 source 10.8.0.1", "ping 192.168.100.11 source 10.8.0.1"):
        assert "% Invalid source address- IP address not on any of our up interfaces" in world.do("R31", foreign)


def test_the_details_name_the_refused_vrf_and_not_those_beside_it() -> None:
    """All VRFs were said not to be on the host, if one of them was refused."""
    router = WholeRouter("vrf definition LAB\nvrf definition WAN")
    router.take(EffectFailed(SetVrfs(("WAN",)), 0, "too many"))

    shown = "\n".join(router.show("show vrf detail"))
    assert shown.count("Not on the host") == 1
    assert shown.index("VRF LAB") < shown.index("VRF WAN") < shown.index("Not on the host: the host refused the VRFs")
