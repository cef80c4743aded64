"""The `ipv6` lines: what is accepted, refused, shown back, and made of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, RouteKind, SetInterface, SetIpv6Forwarding, SetRoute
from dmvpn.base.events import LinkChanged, PlaneAnnounced
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.interface.port import derive
from dmvpn.features.nhrp import config as nhrp
from dmvpn.features.nhrp.model import NhsConfig
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.static import FEATURE as STATIC
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support.texts import is_golden
from support.workbench import Workbench

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect

LANGUAGE = configurator(FEATURES)
GI1 = "interface GigabitEthernet0/1\n ipv6 address 2001:db8:1::1/64\n"


def shown(text: str) -> list[str]:
    """The lines of the running configuration that follow from these."""
    result = LANGUAGE.parse_text(text)
    assert not result.problems, result.problems
    return [line.strip() for line in result.tree.render() if line not in ("!", "")]


def complaint(text: str) -> str:
    """What is said about a text with one wrong line."""
    (problem,) = LANGUAGE.parse_text(text).problems
    return problem.message_lines[0]


def make(text: str, *, ipv6: bool = True) -> tuple[Workbench, list[Effect]]:
    """A router with this configuration, its wires plugged in, and what it ordered."""
    bench = Workbench(INTERFACE, RIB, STATIC)
    orders = bench.handle(PlaneAnnounced(ipv6=ipv6))
    orders += bench.configure(text)
    hardware = bytes.fromhex("525400123456")
    orders += bench.handle(LinkChanged("GigabitEthernet0/1", up=True))
    orders += bench.handle(LinkChanged("GigabitEthernet0/2", up=True, hardware_address=hardware))
    return bench, orders


def test_the_lines_of_an_interface_are_shown_in_the_order_of_ios() -> None:
    lines = [
        "interface Tunnel0",
        "ip address 10.0.0.1 255.255.255.0",
        "ip nhrp network-id 1",
        "ip tcp adjust-mss 1360",
        "ipv6 address FE80::1 link-local",
        "ipv6 address 2001:DB8::1/64",
        "ipv6 address 2001:DB8:F::1/64",
        "ipv6 enable",
        "ipv6 mtu 1400",
        "ipv6 nhrp authentication SECRET",
        "ipv6 nhrp map 2001:DB8::9/128 192.0.2.9",
        "ipv6 nhrp map multicast dynamic",
        "ipv6 nhrp map multicast 192.0.2.9",
        "ipv6 nhrp network-id 6",
        "ipv6 nhrp holdtime 300",
        "ipv6 nhrp nhs 2001:DB8::9 nbma 192.0.2.9 multicast",
        "ipv6 nhrp nhs dynamic nbma hub.example.com multicast priority 1",
        "ipv6 nhrp registration timeout 60",
        "ipv6 nhrp registration no-unique",
        "ipv6 nhrp shortcut",
        "ipv6 nhrp redirect timeout 4",
        "ipv6 nhrp group GOLD",
        "ipv6 tcp adjust-mss 1340",
        "shutdown",
        "tunnel source GigabitEthernet0/1",
        "tunnel mode gre multipoint",
    ]
    assert shown("\n".join([lines[0], *(f" {line}" for line in entered(lines[1:]))])) == lines


def entered(lines: list[str]) -> list[str]:
    """The lines from the last to the first; entries of a list in the order in which they were entered."""
    listed = ("ipv6 address 2001", "ipv6 nhrp map multicast")
    entries = [line for line in lines if line.startswith(listed)]
    return [*reversed([line for line in lines if line not in entries]), *entries]


def test_global_lines() -> None:
    lines = [
        "ipv6 unicast-routing",
        "ipv6 route 2001:DB8:1::/48 2001:DB8::1",
        "ipv6 route 2001:DB8:2::/48 Tunnel0 FE80::1",
        "ipv6 route 2001:DB8:3::/48 Null0 200 tag 7 name BIN",
        "ipv6 route ::/0 Tunnel0",
    ]
    assert shown("\n".join(lines)) == lines
    assert shown("ipv6 route 2001:db8::7/32 2001:db8::1") == ["ipv6 route 2001:DB8::/32 2001:DB8::1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "interface Gi0/1\n ipv6 address fe80::1/64",
            "% FE80::1 is a link-local address: say `ipv6 address FE80::1 link-local`",
        ),
        (
            "interface Gi0/1\n ipv6 address 2001:db8::1 link-local",
            "% 2001:DB8::1 is not a link-local address (FE80::/10)",
        ),
        ("interface Gi0/1\n ipv6 address ff02::1/64", "% FF02::1 cannot be the address of an interface"),
        (
            "interface Gi0/1\n ipv6 address ::ffff:10.0.0.1/96",
            "% ::FFFF:10.0.0.1 cannot be the address of an interface",
        ),
        (GI1 + "interface Gi0/2\n ipv6 address 2001:db8:1::7/80", "% 2001:DB8:1::/80 overlaps with GigabitEthernet0/1"),
        (
            "interface Gi0/1\n ipv6 address 2001:db8::/65 eui-64",
            "% A prefix of 65 bits has no room for an interface identifier of 64 bits",
        ),
        ("ipv6 route 2001:db8::/32 fe80::1", "% Interface has to be specified for a link-local nexthop"),
        ("ipv6 route 2001:db8::/32 null0 2001:db8::1", "%Invalid next hop: Null0 has no neighbors"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(text: str, message: str) -> None:
    assert complaint(text) == message


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("interface GigabitEthernet0/1", "ipv6 ospf neighbor 2001:db8::1"),
        ("interface GigabitEthernet0/1", "ipv6 ospf neighbor ff02::5"),
        ("interface GigabitEthernet0/1", "ipv6 nd prefix fe80::/64"),
        ("interface GigabitEthernet0/1", "ipv6 nd prefix ff02::/64"),
        ("", "ipv6 route static bfd Tunnel0 ::1"),
        ("", "ip route static bfd Tunnel0 224.0.0.5"),
        ("", "ip route static bfd Null0 10.0.0.1"),
        ("router bgp 65001", "neighbor ff02::1 remote-as 65001"),
        ("router bgp 65001", "neighbor ::ffff:10.0.0.1 remote-as 65001"),
        ("router bgp 65001", "neighbor 224.0.0.5 remote-as 65001"),
        ("interface Tunnel0", "ipv6 nhrp nhs ff02::1 nbma 172.16.11.1"),
        ("interface Tunnel0", "ipv6 nhrp nhs ::1"),
        ("interface Tunnel0", "ip nhrp nhs 224.0.0.5"),
        ("interface Tunnel0", "ipv6 nhrp map ::1/128 172.16.11.1"),
        ("interface Tunnel0", "ipv6 nhrp map ::ffff:10.0.0.1/128 172.16.11.1"),
        ("interface Tunnel0", "ip nhrp map 127.0.0.1 172.16.11.1"),
        ("interface Tunnel0", "ip nhrp map 10.0.0.9 224.0.0.5"),
        ("interface Tunnel0", "ip nhrp map 10.0.0.0 255.255.255.0 127.0.0.1"),
        ("interface Tunnel0", "ip nhrp map 224.0.0.9 255.255.255.255 172.16.11.1"),
        ("interface Tunnel0", "ipv6 nhrp map 2001:db8::9/128 0.0.0.0"),
        ("interface Tunnel0", "ip nhrp map multicast 0.0.0.0"),
        ("interface Tunnel0", "ip nhrp nhs 10.0.0.7 nbma 127.0.0.1"),
        ("interface Tunnel0", "ipv6 nhrp nhs 2001:db8::7 nbma 255.255.255.255"),
        ("interface Tunnel0", "ip nhrp nhs dynamic nbma 224.0.0.5"),
        ("router ospf 1", "neighbor 224.0.0.5"),
        ("router ospf 1", "neighbor 0.0.0.0"),
        ("router rip", "neighbor 224.0.0.9"),
        ("router rip", "neighbor 224.0.0.9 bfd"),
        ("router eigrp 1", "neighbor 224.0.0.10 GigabitEthernet0/1"),
        ("ipv6 router eigrp 1", "neighbor FF02::A GigabitEthernet0/1"),
        ("", "ip default-gateway 224.0.0.1"),
    ],
)
def test_an_address_that_no_neighbor_can_have_is_refused(section: str, line: str) -> None:
    """They were taken, and the neighbor never came. The rest of a file with such a line counts."""
    text = f"{section}\n {line}\nhostname R7\n" if section else f"{line}\nhostname R7\n"
    read = LANGUAGE.parse_text(text)
    (problem,) = read.problems
    assert problem.message_lines[0].startswith("%")
    assert read.tree.hostname == "R7"


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("interface Tunnel0", "ip nhrp map 0.0.0.0 0.0.0.0 172.16.11.1"),
        ("interface Tunnel0", "ip nhrp map 10.0.0.9 255.255.255.255 172.16.11.1"),
        ("interface Tunnel0", "ip nhrp map multicast dynamic"),
        ("interface Tunnel0", "ip nhrp nhs 10.0.0.7 nbma HUB.EXAMPLE"),
        ("ipv6 router eigrp 1", "neighbor FE80::2 GigabitEthernet0/1"),
        ("router eigrp 1", "eigrp router-id 224.0.0.10"),
        ("router bgp 65001", "bgp router-id interface Loopback0"),
    ],
)
def test_lines_like_them_are_taken(section: str, line: str) -> None:
    assert shown(f"{section}\n {line}")[-1] == line


@pytest.mark.parametrize("address", ["0.0.0.0", "255.255.255.255"])
@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("router eigrp 1", "eigrp router-id"),
        ("ipv6 router eigrp 1", "eigrp router-id"),
        ("router ospf 1", "router-id"),
        ("ipv6 router ospf 1", "router-id"),
        ("router bgp 65001", "bgp router-id"),
        ("ip vrf RED\n rd 1:1\nrouter bgp 65001\n address-family ipv4 vrf RED", "bgp router-id"),
    ],
)
def test_an_address_that_is_no_router_id_is_refused(section: str, line: str, address: str) -> None:
    assert complaint(f"{section}\n  {line} {address}") == f"% {address} is no router ID"


def test_nhrp_makes_a_model_for_each_version() -> None:
    tree = LANGUAGE.parse_text(
        "interface Tunnel0\n ip nhrp network-id 1\n ipv6 nhrp network-id 6\n ipv6 nhrp holdtime 300\n"
        " ipv6 nhrp nhs 2001:db8::9 nbma 192.0.2.9\n ipv6 nhrp map 2001:db8:5::/64 192.0.2.5\n if-state nhrp\n"
        "interface Tunnel1\n ip nhrp network-id 2\n"
    ).tree
    one, other, six = nhrp.model(tree).tunnels
    assert [(tunnel.name, tunnel.version, tunnel.network_id) for tunnel in (one, other, six)] == [
        ("Tunnel0", 4, 1),
        ("Tunnel1", 4, 2),
        ("Tunnel0", 6, 6),
    ]
    assert (one.holdtime, six.holdtime) == (7200, 300)
    assert six.nhs == (NhsConfig(address=IPv6Address("2001:db8::9"), nbma=IPv4Address("192.0.2.9")),)
    assert list(six.maps) == [(Prefix.parse("2001:db8:5::/64"), IPv4Address("192.0.2.5"))]
    assert six.if_state, "IPv4 has no server that the line protocol could follow"
    both = LANGUAGE.parse_text(
        "interface Tunnel0\n ip nhrp network-id 1\n ip nhrp nhs 10.0.0.9 nbma 192.0.2.9\n ipv6 nhrp network-id 6\n"
        " ipv6 nhrp nhs 2001:db8::9 nbma 192.0.2.9\n if-state nhrp\n"
    ).tree
    assert [tunnel.if_state for tunnel in nhrp.model(both).tunnels] == [True, False], "it follows one of them"


@pytest.mark.parametrize(
    ("hardware", "address", "expected"),
    [
        ("525400123456", "10.0.0.1", "fe80::5054:ff:fe12:3456"),
        ("", "10.0.0.1", "fe80::a00:1"),
        ("000000000000", "10.0.0.1", "fe80::a00:1"),
    ],
)
def test_a_link_local_address_is_made_of_what_there_is(hardware: str, address: str, expected: str) -> None:
    assert str(derive(bytes.fromhex(hardware), IPv4Address(address), "")) == expected


def test_without_anything_else_names_make_link_local_addresses_that_differ() -> None:
    assert derive(b"", None, "R1 Gi0/1") == derive(b"", None, "R1 Gi0/1") != derive(b"", None, "R2 Gi0/1")


def test_the_shell_is_told_all_addresses_with_the_link_local_one_behind() -> None:
    _, orders = make(
        GI1 + " ip address 10.1.1.1 255.255.255.0\n ipv6 mtu 1400\n ipv6 tcp adjust-mss 1300\nipv6 unicast-routing"
    )
    assert (
        SetInterface(
            "GigabitEthernet0/1",
            up=True,
            addresses=(
                (IPv4Address("10.1.1.1"), 24),
                (IPv6Address("2001:db8:1::1"), 64),
                (IPv6Address("fe80::a01:101"), 64),
            ),
            mtu6=1400,
            mss6=1300,
        )
        in orders
    )
    assert SetIpv6Forwarding(enabled=True) in orders


def test_an_address_of_a_prefix_alone_ends_with_the_identifier_of_the_interface() -> None:
    text = "interface GigabitEthernet0/2\n ipv6 address FE80::2 link-local\n ipv6 address 2001:DB8:2::/64 eui-64"
    assert shown(text)[2] == "ipv6 address 2001:DB8:2::/64 eui-64"
    _, orders = make(text)
    order = [one for one in orders if isinstance(one, SetInterface) and one.interface == "GigabitEthernet0/2"][-1]
    assert [str(address) for address, _ in order.addresses] == ["2001:db8:2:0:5054:ff:fe12:3456", "fe80::2"]


def test_an_interface_with_no_more_than_ipv6_enable_has_a_link_local_address_only() -> None:
    made, _ = make("interface GigabitEthernet0/2\n ipv6 enable")
    assert made.show("show ipv6 interface brief GigabitEthernet0/2") == [
        "GigabitEthernet0/2     [up/up]",
        "    FE80::5054:FF:FE12:3456",
    ]
    assert "  No global unicast address is configured" in made.show("show ipv6 interface GigabitEthernet0/2")


def test_static_routes_lead_by_address_by_interface_and_by_both() -> None:
    text = (
        f"{GI1}ipv6 route 2001:db8:2::/48 2001:db8:1::2\nipv6 route 2001:db8:3::/48 GigabitEthernet0/1 fe80::2\n"
        "ipv6 route 2001:db8:4::/48 2001:db8:2::9\nipv6 route 2001:db8:5::/48 Null0\n"
        "ipv6 route ::/0 GigabitEthernet0/2\n"
    )
    made, _ = make(text)
    assert made.show("show ipv6 route static")[5:] == [
        "S   2001:DB8:2::/48 [1/0]",
        "     via 2001:DB8:1::2",
        "S   2001:DB8:3::/48 [1/0]",
        "     via FE80::2, GigabitEthernet0/1",
        "S   2001:DB8:4::/48 [1/0]",
        "     via 2001:DB8:2::9",
        "S   2001:DB8:5::/48 [1/0]",
        "     via Null0, directly connected",
    ], "IPv6 is not enabled on the interface of the default route"
    (hop,) = made.ports.rib.forwarding(IPv6Address("2001:db8:4::1"))
    assert (hop.interface, str(hop.address)) == ("GigabitEthernet0/1", "2001:db8:1::2"), "a route over a route"


def test_a_plane_that_cannot_carry_them_is_told_no_routes_of_ipv6() -> None:
    _, orders = make(f"{GI1}ipv6 route 2001:db8:2::/48 2001:db8:1::2\nipv6 route 2001:db8:5::/48 Null0\n", ipv6=False)
    assert not [order for order in orders if isinstance(order, SetRoute | ClearRoute)]
    _, orders = make(f"{GI1}ipv6 route 2001:db8:5::/48 Null0\n")
    assert SetRoute(Prefix.parse("2001:db8:5::/48"), (), RouteKind.DISCARD) in orders


def test_the_particulars_of_a_route() -> None:
    made, _ = make(f"{GI1}ipv6 route 2001:db8:2::/48 2001:db8:1::2 tag 7\n")
    is_golden(made.show("show ipv6 route 2001:db8:2::5"), "ipv6_configuration/the_particulars_of_a_route")
    assert made.show("show ipv6 route 2001:db8:9::5") == ["% Route not found"]
