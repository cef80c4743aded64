"""GRE tunnels and VRFs: the front door, which the outer packets take, and the VRF of the packets inside."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.effects import RemoveTunnel, SetCarrier, SetTunnel
from support.whole_router import GI, WholeRouter

FRONT_DOOR = f"""vrf definition WAN
 address-family ipv4
interface {GI}
 vrf forwarding WAN
 ip address 172.16.11.1 255.255.255.252
"""
DEFAULT = "ip route vrf WAN 0.0.0.0 0.0.0.0 172.16.11.2\n"
P2P = f"""interface Tunnel100
 ip address 192.168.100.11 255.255.255.0
 tunnel source {GI}
 tunnel destination 172.16.31.1
 tunnel vrf WAN
"""
MULTIPOINT = f"""interface Tunnel100
 ip address 192.168.100.11 255.255.255.0
 tunnel source {GI}
 tunnel mode gre multipoint
 tunnel key 100
 tunnel vrf WAN
"""

SOURCE_ELSEWHERE = "the tunnel source is in another VRF than the outer packets"


def test_a_tunnel_of_a_front_door_starts_in_that_vrf() -> None:
    bench = WholeRouter(FRONT_DOOR + MULTIPOINT)
    [order] = [effect for effect in bench.effects if isinstance(effect, SetTunnel)]
    assert (order.spec.source, order.spec.front, order.spec.vrf) == (IPv4Address("172.16.11.1"), "WAN", "")
    assert SetCarrier("Tunnel100", up=True) in bench.effects
    assert bench.why() == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            FRONT_DOOR + MULTIPOINT.replace("tunnel vrf WAN", "tunnel vrf NO"),
            "the tunnel VRF does not exist (`tunnel vrf NO` needs a `vrf definition` with an `address-family ipv4`)",
        ),
        (
            FRONT_DOOR + MULTIPOINT.replace(" tunnel vrf WAN\n", ""),
            f"{SOURCE_ELSEWHERE} ({GI} is in the VRF WAN, not in the global table)",
        ),
        (
            (FRONT_DOOR + MULTIPOINT).replace(" vrf forwarding WAN\n", ""),
            f"{SOURCE_ELSEWHERE} ({GI} is in the global table, not in the VRF WAN)",
        ),
        (
            FRONT_DOOR + MULTIPOINT.replace(f"source {GI}", "source 192.0.2.1"),
            "no output interface (no interface in the VRF WAN has the address 192.0.2.1)",
        ),
        (
            FRONT_DOOR + P2P + "ip route 0.0.0.0 0.0.0.0 Null0\n",
            "no route to destination in the tunnel VRF (172.16.31.1, VRF WAN)",
        ),
    ],
)
def test_a_tunnel_without_a_usable_front_door_is_down_and_says_why(text: str, reason: str) -> None:
    bench = WholeRouter(text)
    assert bench.why() == reason
    assert SetCarrier("Tunnel100", up=True) not in bench.effects


def test_an_address_is_a_source_in_the_vrf_of_the_outer_packets_only() -> None:
    """The same address is that of another interface of the global table."""
    twin = "interface Loopback1\n ip address 172.16.11.1 255.255.255.255\n"
    bench = WholeRouter(FRONT_DOOR + twin + MULTIPOINT.replace(f"source {GI}", "source 172.16.11.1"))
    state = bench.router.ports.tunnels.get("Tunnel100")
    assert state is not None
    assert (state.source_interface, state.front) == (GI, "WAN")


def test_routes_of_the_front_door_bring_a_point_to_point_tunnel_up_and_down() -> None:
    bench = WholeRouter(FRONT_DOOR + P2P)
    assert SetCarrier("Tunnel100", up=True) in bench.enter(DEFAULT.strip())
    assert SetCarrier("Tunnel100", up=False) in bench.enter(f"no {DEFAULT.strip()}")
    assert bench.enter("ip route 172.16.31.1 255.255.255.255 Null0")
    assert bench.why() == "no route to destination in the tunnel VRF (172.16.31.1, VRF WAN)"


def test_a_default_route_through_the_tunnel_is_no_recursion_where_the_front_door_has_its_own() -> None:
    overlay = "ip route 0.0.0.0 0.0.0.0 192.168.100.1\n"
    bench = WholeRouter(FRONT_DOOR + P2P + DEFAULT + overlay)
    bench.wait(120)
    assert bench.why() == ""
    assert not [line for line in bench.logs if "RECURDOWN" in line]


def test_a_tunnel_whose_front_door_is_the_vrf_inside_may_recurse() -> None:
    inside = P2P.replace("interface Tunnel100\n", "interface Tunnel100\n vrf forwarding WAN\n")
    bench = WholeRouter(FRONT_DOOR + inside + "ip route vrf WAN 172.16.31.1 255.255.255.255 192.168.100.1\n" + DEFAULT)
    assert "%TUN-5-RECURDOWN: Tunnel100 temporarily disabled due to recursive routing" in bench.logs


def test_a_tunnel_that_moves_to_another_vrf_is_made_again() -> None:
    bench = WholeRouter(FRONT_DOOR + "vrf definition RED\n address-family ipv4\n" + MULTIPOINT)
    effects = bench.enter("interface Tunnel100", " vrf forwarding RED", " ip address 192.168.100.11 255.255.255.0")
    orders = [effect for effect in effects if isinstance(effect, RemoveTunnel | SetTunnel)]
    assert [type(order) for order in orders] == [RemoveTunnel, SetTunnel]
    assert isinstance(orders[1], SetTunnel)
    assert (orders[1].spec.vrf, orders[1].spec.front) == ("RED", "WAN")
    assert bench.why() == ""


def test_tunnels_of_two_vrfs_over_one_source_are_told_apart_by_their_keys() -> None:
    tunnels = "".join(
        f"vrf definition {vrf}\n address-family ipv4\ninterface Tunnel{key}\n vrf forwarding {vrf}\n"
        f" ip address 192.168.100.11 255.255.255.0\n tunnel source {GI}\n tunnel mode gre multipoint\n"
        f" tunnel key {key}\n tunnel vrf WAN\n"
        for vrf, key in (("RED", 1), ("BLUE", 2))
    )
    bench = WholeRouter(FRONT_DOOR + tunnels)
    assert (bench.why("Tunnel1"), bench.why("Tunnel2")) == ("", "")


def test_equal_addresses_and_keys_in_two_front_doors_are_no_rivals() -> None:
    other = """vrf definition LTE
 address-family ipv4
interface Loopback5
 vrf forwarding LTE
 ip address 172.16.11.1 255.255.255.255
interface Tunnel200
 ip address 192.168.200.11 255.255.255.0
 tunnel source Loopback5
 tunnel mode gre multipoint
 tunnel key 100
 tunnel vrf LTE
"""
    bench = WholeRouter(FRONT_DOOR + MULTIPOINT + other)
    assert (bench.why("Tunnel100"), bench.why("Tunnel200")) == ("", "")
