"""What the route commands print, column by column, in a router that looks like R31 after a shortcut was built."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.events import HostRouteChanged, LinkChanged
from dmvpn.base.notices import LineProtocolDecided, OverrideOffered, Route, RouteOffered, RouteSource
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.rib.show.routes import LEGEND
from dmvpn.features.static import FEATURE as STATIC
from support.texts import file_text, is_golden
from support.workbench import Workbench

GOLDENS = Path(__file__).parent / "goldens"
CONFIGURATION = """
interface Tunnel100
 ip address 192.168.100.31 255.255.255.0
interface GigabitEthernet0/1
 ip address 172.16.31.1 255.255.255.252
interface GigabitEthernet0/2
 ip address 10.3.3.1 255.255.255.0
ip route 0.0.0.0 0.0.0.0 172.16.31.2
"""
HUB, R41, R51 = (NextHop("Tunnel100", IPv4Address(f"192.168.100.{host}")) for host in (11, 41, 51))
DETAILS = (
    "      Total delay is 101000 microseconds, minimum bandwidth is 4000 Kbit",
    "      Reliability 255/255, minimum MTU 1400 bytes",
    "      Loading 1/255, Hops 2",
)


def offer(prefix: str, source: RouteSource, distance: int, metric: int, *hops: NextHop) -> RouteOffered:
    eigrp = source is RouteSource.EIGRP
    return RouteOffered(
        Route(
            prefix=Prefix.parse(prefix),
            source=source,
            distance=distance,
            metric=metric,
            next_hops=hops,
            process="100" if eigrp else "",
            details=DETAILS if eigrp else (),
        )
    )


@pytest.fixture
def r31() -> Workbench:
    bench = Workbench(INTERFACE, RIB, STATIC)
    bench.configure(CONFIGURATION)
    for name in ("GigabitEthernet0/1", "GigabitEthernet0/2"):
        bench.handle(LinkChanged(name, up=True))
    bench.handle(LineProtocolDecided("Tunnel100", up=True))
    bench.handle(offer("10.1.1.0/24", RouteSource.EIGRP, 90, 26885120, HUB))
    bench.advance(25)
    bench.handle(offer("10.4.4.0/24", RouteSource.EIGRP, 90, 52992000, HUB))
    bench.advance(23 * 3600 + 4 * 60 + 13)
    bench.handle(OverrideOffered(Prefix.parse("10.4.4.0/24"), R41))
    bench.handle(offer("192.168.100.41/32", RouteSource.NHRP, 250, 255, NextHop("Tunnel100")))
    bench.advance(1)
    bench.handle(offer("10.5.5.0/24", RouteSource.NHRP, 250, 255, R51))
    bench.advance(9)
    return bench


ROUTES = file_text("rib_show_routes.txt")


def test_show_ip_route_has_the_columns_of_ios(r31: Workbench) -> None:
    head = [*LEGEND, "Gateway of last resort is 172.16.31.2 to network 0.0.0.0", ""]
    assert head[1] == "       D - EIGRP, EX - EIGRP external, O - OSPF, IA - OSPF inter area "
    assert r31.show("show ip route") == head + ROUTES.splitlines()


def test_routes_of_the_host_have_the_letter_of_static_routes_that_nobody_configured(r31: Workbench) -> None:
    hop = NextHop("GigabitEthernet0/1", IPv4Address("172.16.31.2"))
    r31.handle(HostRouteChanged(Prefix.parse("0.0.0.0/0"), (hop,), 100))
    assert "S*    0.0.0.0/0 [1/0] via 172.16.31.2" in r31.show("show ip route")
    r31.configure("no ip route 0.0.0.0 0.0.0.0 172.16.31.2\n")
    r31.handle(HostRouteChanged(Prefix.parse("172.16.0.0/12"), (hop,), 100))
    golden = (GOLDENS / "show_ip_route__of-the-host_R31.txt").read_text().splitlines()
    assert "U*    0.0.0.0/0 [254/100] via 172.16.31.2, GigabitEthernet0/1" in golden
    assert r31.show("show ip route") == golden
    assert "U*    0.0.0.0/0" not in "".join(r31.show("show ip route static"))
    is_golden(
        r31.show("show ip route 0.0.0.0"),
        "rib_show/routes_of_the_host_have_the_letter_of_static_routes_that_nobody_configured",
    )


def test_next_hop_override_adds_the_line_of_nhrp(r31: Workbench) -> None:
    lines = r31.show("show ip route next-hop-override")
    at = next(number for number, line in enumerate(lines) if line.startswith("D   %"))
    assert lines[at + 1] == "                     [NHO][90/255] via 192.168.100.41, 00:00:10, Tunnel100"


def test_show_ip_route_nhrp_has_only_its_routes_under_their_headings(r31: Workbench) -> None:
    is_golden(
        r31.show("show ip route nhrp")[-4:], "rib_show/show_ip_route_nhrp_has_only_its_routes_under_their_headings"
    )


def test_an_empty_selection_prints_legend_and_gateway(r31: Workbench) -> None:
    assert r31.show("show ip route rip")[-2:] == ["Gateway of last resort is 172.16.31.2 to network 0.0.0.0", ""]


def test_without_a_default_route_there_is_no_gateway_of_last_resort() -> None:
    assert "Gateway of last resort is not set" in Workbench(INTERFACE, RIB).show("show ip route")


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("route", "lines"),
    [
        (offer("192.168.11.0/24", RouteSource.RIP, 120, 1, HUB), ["R     192.168.11.0/24 [120/1] via {hub}, {age}"]),
        (offer("192.0.0.0/8", RouteSource.RIP, 120, 1, HUB), ["R     192.0.0.0/8 [120/1] via {hub}, {age}"]),
        (
            offer("11.1.0.0/16", RouteSource.RIP, 120, 1, HUB, R41),
            [
                "      11.0.0.0/16 is subnetted, 1 subnets",
                "R        11.1.0.0 [120/1] via {hub}, {age}",
                "                  [120/1] via 192.168.100.41, 00:00:00, Tunnel100",
            ],
        ),
    ],
)
def test_classful_networks_and_supernets_are_further_left(
    r31: Workbench, route: RouteOffered, lines: list[str]
) -> None:
    r31.handle(route)
    expected = [line.format(hub="192.168.100.11", age="00:00:00, Tunnel100") for line in lines]
    assert r31.show("show ip route rip")[-len(lines) :] == expected


def test_a_summary_of_eigrp_leads_to_null0(r31: Workbench) -> None:
    summary = Route(
        prefix=Prefix.parse("10.0.0.0/8"),
        source=RouteSource.EIGRP,
        distance=5,
        metric=26880000,
        kind=RouteKind.DISCARD,
        process="100",
    )
    r31.handle(RouteOffered(summary))
    assert "D        10.0.0.0/8 is a summary, 00:00:00, Null0" in r31.show("show ip route eigrp")


def test_a_static_route_to_null0_reads_as_directly_connected(r31: Workbench) -> None:
    r31.configure("ip route 10.200.0.0 255.255.0.0 Null0\n")
    assert "S        10.200.0.0/16 is directly connected, Null0" in r31.show("show ip route static")


def test_an_external_default_route_has_both_marks() -> None:
    bench = Workbench(INTERFACE, RIB)
    bench.configure(CONFIGURATION.split("ip route")[0])
    bench.handle(LineProtocolDecided("Tunnel100", up=True))
    route = Route(
        prefix=Prefix.parse("0.0.0.0/0"),
        source=RouteSource.EIGRP,
        distance=170,
        metric=27008000,
        next_hops=(HUB,),
        process="100",
        external=True,
    )
    bench.handle(RouteOffered(route))
    assert bench.show("show ip route")[-4] == "D*EX  0.0.0.0/0 [170/27008000] via 192.168.100.11, 00:00:00, Tunnel100"


def test_a_line_that_is_too_long_is_broken_behind_the_prefix(r31: Workbench) -> None:
    r31.configure("interface TenGigabitEthernet0/0/1\n ip address 192.168.200.200 255.255.255.0\n")
    r31.handle(LinkChanged("TenGigabitEthernet0/0/1", up=True))
    hop = NextHop("TenGigabitEthernet0/0/1", IPv4Address("192.168.200.201"))
    r31.handle(offer("100.100.100.100/32", RouteSource.RIP, 120, 1, hop))
    assert r31.show("show ip route rip")[-2:] == [
        "R        100.100.100.100",
        "           [120/1] via 192.168.200.201, 00:00:00, TenGigabitEthernet0/0/1",
    ]


def test_the_particulars_of_an_eigrp_route_with_an_override(r31: Workbench) -> None:
    is_golden(r31.show("show ip route 10.4.4.1"), "rib_show/the_particulars_of_an_eigrp_route_with_an_override")


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("command", "lines"),
    [
        (
            "show ip route 192.168.100.41",
            ["Routing entry for 192.168.100.41/32", '  Known via "nhrp", distance 250, metric 255'],
        ),
        (
            "show ip route 192.168.100.0 255.255.255.0",
            [
                "Routing entry for 192.168.100.0/24",
                '  Known via "connected", distance 0, metric 0 (connected, via interface)',
                "  Routing Descriptor Blocks:",
                "  * directly connected, via Tunnel100",
                "      Route metric is 0, traffic share count is 1",
            ],
        ),
        (
            "show ip route 0.0.0.0",
            [
                "Routing entry for 0.0.0.0/0",
                '  Known via "static", distance 1, metric 0, candidate default path',
                "  Routing Descriptor Blocks:",
                "  * 172.16.31.2",
            ],
        ),
        ("show ip route 8.8.8.8", ["% Network not in table"]),
        ("show ip route 10.9.9.9", ["% Subnet not in table"]),
        ("show ip route 10.4.4.0/25", ["% Subnet not in table"]),
        (
            "show ip route 10.0.0.0",
            ["Routing entry for 10.0.0.0/8, 5 known subnets", "  Variably subnetted with 2 masks"],
        ),
    ],
)
def test_the_particulars_of_other_routes(r31: Workbench, command: str, lines: list[str]) -> None:
    assert r31.show(command)[: len(lines)] == lines


def test_show_ip_route_summary_counts_by_source(r31: Workbench) -> None:
    is_golden(r31.show("show ip route summary")[3:], "rib_show/show_ip_route_summary_counts_by_source")


def test_show_ip_cef_shows_what_packets_take(r31: Workbench) -> None:
    lines = r31.show("show ip cef")
    assert lines[0] == "Prefix               Next Hop             Interface"
    for line in (
        "0.0.0.0/0            172.16.31.2          GigabitEthernet0/1",
        "10.3.3.0/24          attached             GigabitEthernet0/2",
        "10.3.3.1/32          receive              GigabitEthernet0/2",
        "10.3.3.255/32        receive              GigabitEthernet0/2",
        "10.4.4.0/24          192.168.100.41       Tunnel100",
        "192.168.100.41/32    attached             Tunnel100",
        "224.0.0.0/4          drop",
    ):
        assert line in lines


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("show ip cef 10.4.4.0", ["10.4.4.0/24", "  nexthop 192.168.100.41 Tunnel100"]),
        ("show ip cef 10.1.1.9 detail", ["10.1.1.0/24, epoch 0", "  nexthop 192.168.100.11 Tunnel100"]),
        ("show ip cef 10.3.3.9", ["10.3.3.0/24", "  attached to GigabitEthernet0/2"]),
        ("show ip cef 10.3.3.1", ["10.3.3.1/32", "  receive for GigabitEthernet0/2"]),
        ("show ip cef 10.99.0.0 255.255.0.0", ["%Prefix not found"]),
    ],
)
def test_show_ip_cef_of_one_prefix(r31: Workbench, command: str, lines: list[str]) -> None:
    assert r31.show(command) == lines


def test_the_particulars_of_the_forwarding_table_say_what_kind_each_entry_is(r31: Workbench) -> None:
    lines = r31.show("show ip cef detail")
    assert lines[:3] == ["IPv4 CEF is enabled and running", "VRF Default", " 24 prefixes (20/4 fwd/non-fwd)"]
    for pair in (
        ["0.0.0.0/0, epoch 0, flags [default route]", "  nexthop 172.16.31.2 GigabitEthernet0/1"],
        ["10.3.3.0/24, epoch 0, flags [attached, connected]", "  attached to GigabitEthernet0/2"],
        ["10.3.3.1/32, epoch 0, flags [receive, local]", "  receive for GigabitEthernet0/2"],
        ["10.4.4.0/24, epoch 0", "  nexthop 192.168.100.41 Tunnel100"],
        ["127.0.0.0/8, epoch 0", "  drop"],
    ):
        at = lines.index(pair[0])
        assert lines[at : at + 2] == pair


def test_parts_of_the_forwarding_table_can_be_asked_for(r31: Workbench) -> None:
    r31.configure("ip route 10.77.0.0 255.255.0.0 10.99.99.99\n")
    r31.configure("no ip route 0.0.0.0 0.0.0.0 172.16.31.2\n")
    assert r31.show("show ip cef unresolved") == ["Prefix               Next Hop             Interface"]
    assert [line.split()[0] for line in r31.show("show ip cef 10.4.4.0/22 longer-prefixes")] == [
        "Prefix",
        "10.4.4.0/24",
    ]
    assert (
        r31.show("show ip cef 10.4.0.0 255.255.0.0 longer-prefixes detail")[-1] == "  nexthop 192.168.100.41 Tunnel100"
    )
    assert [line.split()[0] for line in r31.show("show ip cef adjacency Tunnel100 192.168.100.51")[1:]] == [
        "10.5.5.0/24"
    ]


def test_routes_can_be_chosen_by_their_tag_by_a_list_and_by_their_process() -> None:
    bench = Workbench(INTERFACE, RIB, STATIC, POLICY)
    bench.configure(
        CONFIGURATION + "ip route 10.8.0.0 255.255.0.0 10.3.3.9 tag 7\naccess-list 5 permit 10.3.0.0 0.0.255.255\n"
    )
    for name in ("GigabitEthernet0/1", "GigabitEthernet0/2"):
        bench.handle(LinkChanged(name, up=True))
    bench.handle(LineProtocolDecided("Tunnel100", up=True))
    bench.handle(offer("10.4.4.0/24", RouteSource.EIGRP, 90, 52992000, HUB))

    def chosen(words: str) -> list[str]:
        return [
            found[1] for line in bench.show(f"show ip route {words}") if (found := re.match(r"[A-Z] {8}(\S+)", line))
        ]

    assert chosen("tag 7") == ["10.8.0.0/16"]
    assert chosen("list 5") == ["10.3.3.0/24", "10.3.3.1/32"]
    assert (chosen("eigrp 100"), chosen("eigrp 200")) == (["10.4.4.0/24"], [])


def test_show_ip_protocols_begins_as_on_ios() -> None:
    assert Workbench(INTERFACE, RIB).show("show ip protocols") == ["*** IP Routing is NSF aware ***", ""]


def test_the_routes_can_be_had_as_json(r31: Workbench) -> None:
    assert '"10.4.4.0/24"' in "\n".join(r31.show("show ip route | json"))


def test_of_several_next_hops_those_are_shown_that_lead_somewhere(r31: Workbench) -> None:
    def hops(network: str = "10.9.0.0") -> list[str]:
        return [line.split()[-1] for line in r31.show(f"show ip route {network} | include [*] |   1")]

    both = "ip route 10.9.0.0 255.255.0.0 172.16.31.2\nip route 10.9.0.0 255.255.0.0 172.20.0.1\n"
    r31.configure("no ip route 0.0.0.0 0.0.0.0 172.16.31.2\n" + both)
    assert hops() == ["172.16.31.2"]
    r31.configure("ip route 172.20.0.0 255.255.255.0 10.3.3.9\n")
    assert hops() == ["172.16.31.2", "172.20.0.1"]
    r31.configure("no ip route 172.20.0.0 255.255.255.0 10.3.3.9\nip route 172.20.0.0 255.255.255.0 10.9.0.1\n")
    assert hops() == ["172.16.31.2"]  # it would lean on itself
    r31.configure("ip route 172.20.0.0 255.255.255.0 10.3.3.9\n")
    assert (hops(), hops("172.20.0.0")) == (["172.16.31.2", "172.20.0.1"], ["10.3.3.9"])
