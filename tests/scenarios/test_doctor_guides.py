"""Faults that people make in networks that they copied from guides: named first, at the right router, with right lines.

Mechanisms that no catalog has; each was missed, or said wrongly, once.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from dmvpn.labs.proofs.case import Case, well_rows
from dmvpn.tools.diff.rows import worse
from dmvpn.tools.doctor import visit
from support.cases import one_in
from support.guides import one_cloud, two_clouds

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.shells.scenario import Scenario

#: Virtual seconds until a router asks again how large packets may be.
FORGOTTEN = 700
BGP = ("router bgp 65001",)
OF_LAN = ("ip prefix-list LAN permit 192.168.1.0/24", "route-map C permit 10", "match ip address prefix-list LAN")
NETWORKS: dict[str, Callable[[], Scenario]] = {
    **{name: partial(one_cloud, name) for name in ("rip", "eigrp", "ospf3", "bgp")},
    "ospf": partial(one_cloud, "ospf", protected=True),
    "two clouds": two_clouds,
}
#: By what happened: where and what was typed, and the cause, the router and a line of the remedy.
FAULTS: dict[str, tuple[str, str, tuple[str, ...], Cause, str, str]] = {
    "a neighbor that is not activated": (
        "bgp",
        "SPOKE2",
        (*BGP, "address-family ipv4", "no neighbor 172.16.0.1 activate"),
        Cause.BGP_NEIGHBOR,
        "SPOKE2",
        "neighbor 172.16.0.1 activate",
    ),
    "a listen range that is too small": (
        "bgp",
        "HUB",
        (
            *BGP,
            "no bgp listen range 172.16.0.0/24 peer-group SPOKES",
            "bgp listen range 172.16.0.0/31 peer-group SPOKES",
        ),
        Cause.BGP_NEIGHBOR,
        "HUB",
        "bgp listen range 172.16.0.0/24 peer-group SPOKES",
    ),
    "one caller too many": (
        "bgp",
        "HUB",
        (*BGP, "bgp listen limit 1", "do clear bgp ipv4 unicast *"),
        Cause.BGP_NEIGHBOR,
        "HUB",
        "no bgp listen limit 1",
    ),
    "OSPF on all networks, that of the provider, too": (
        "ospf3",
        "SPOKE1",
        ("router ospf 1", "network 100.64.0.0 0.0.255.255 area 0"),
        Cause.RECURSION,
        "SPOKE1",
        "no network 100.64.0.0 0.0.255.255 area 0",
    ),
    "one router identifier at two spokes": (
        "ospf",
        "SPOKE2",
        ("router ospf 1", "router-id 10.255.255.2"),
        Cause.OSPF_TERMS,
        "SPOKE2",
        "router-id 10.255.255.3",
    ),
    "the map of a server leads to the other hub": (
        "two clouds",
        "BR2",
        ("interface Tunnel10", "no ip nhrp map 10.101.0.1 192.0.2.1", "ip nhrp map 10.101.0.1 192.0.2.5"),
        Cause.NHS_NBMA,
        "BR2",
        "ip nhrp map 10.101.0.1 192.0.2.1",
    ),
    "the map of a server leads to the router itself": (
        "eigrp",
        "SPOKE1",
        ("interface Tunnel0", "no ip nhrp map 172.16.0.1 100.64.1.2", "ip nhrp map 172.16.0.1 100.64.2.2"),
        Cause.NHS_NBMA,
        "SPOKE1",
        "ip nhrp map 172.16.0.1 100.64.1.2",
    ),
    "a route that follows echoes of nobody": (
        "eigrp",
        "SPOKE3",
        (
            *("ip sla 1", "icmp-echo 100.64.9.9", "exit", "ip sla schedule 1 life forever start-time now"),
            *("track 1 ip sla 1 reachability", "exit", "no ip route 0.0.0.0 0.0.0.0 100.64.4.1"),
            "ip route 0.0.0.0 0.0.0.0 100.64.4.1 track 1",
        ),
        Cause.MISSING_ROUTE,
        "SPOKE3",
        "no ip route 0.0.0.0 0.0.0.0 100.64.4.1 track 1",
    ),
    "an offset that is infinity": (
        "rip",
        "HUB",
        ("router rip", "offset-list 0 out 15 Tunnel0"),
        Cause.ROUTE_FILTERED,
        "HUB",
        "no offset-list 0 out 15 Tunnel0",
    ),
    "a distance at which nothing is taken": (
        "eigrp",
        "SPOKE1",
        ("router eigrp 90", "distance eigrp 255 255"),
        Cause.ROUTE_FILTERED,
        "SPOKE1",
        "no distance eigrp 255 255",
    ),
    "a map that keeps the LAN out of BGP": (
        "bgp",
        "SPOKE1",
        (
            *(*OF_LAN, "exit", *BGP, "address-family ipv4"),
            *("no network 192.168.102.0", "redistribute connected route-map C"),
        ),
        Cause.ROUTE_FILTERED,
        "SPOKE1",
        "network 192.168.102.0 mask 255.255.255.0",
    ),
    "a map that keeps the LAN out of EIGRP": (
        "eigrp",
        "SPOKE1",
        (*OF_LAN, "exit", "router eigrp 90", "no network 192.168.102.0", "redistribute connected route-map C"),
        Cause.ROUTE_FILTERED,
        "SPOKE1",
        "network 192.168.102.0 0.0.0.255",
    ),
    "a narrow port of the provider": (
        "ospf",
        "ISP",
        ("interface Ethernet0/2", "ip mtu 1300"),
        Cause.MTU,
        "ISP",
        "no ip mtu 1300",
    ),
    "a key of its own for one spoke": (
        "ospf",
        "HUB",
        (
            *("crypto ikev2 keyring KR", "peer SPOKE2", "address 100.64.3.2", "pre-shared-key another", "exit"),
            *("exit", "do clear crypto session"),
        ),
        Cause.PSK,
        "HUB",
        "peer SPOKE2",
    ),
    "a process that is shut down": (
        "eigrp",
        "SPOKE1",
        ("router eigrp 90", "shutdown"),
        Cause.NETWORK_STATEMENT,
        "SPOKE1",
        "no shutdown",
    ),
    "a process of the hub that is shut down": (
        "ospf",
        "HUB",
        ("router ospf 1", "shutdown"),
        Cause.NETWORK_STATEMENT,
        "HUB",
        "no shutdown",
    ),
    "the identifier of the hub at a spoke": (
        "bgp",
        "SPOKE2",
        (*BGP, "bgp router-id 10.255.255.1"),
        Cause.BGP_NEIGHBOR,
        "SPOKE2",
        "bgp router-id 10.255.255.3",
    ),
    "calls from a loopback": (
        "bgp",
        "SPOKE2",
        (*BGP, "neighbor 172.16.0.1 update-source Loopback0"),
        Cause.BGP_NEIGHBOR,
        "SPOKE2",
        "no neighbor 172.16.0.1 update-source Loopback0",
    ),
    "a port of the provider that is shut down": (
        "eigrp",
        "ISP",
        ("interface Ethernet0/2", "shutdown"),
        Cause.INTERFACE_SHUTDOWN,
        "ISP",
        "no shutdown",
    ),
    "a hub whose tunnel is for one neighbor": (
        "eigrp",
        "HUB",
        ("interface Tunnel0", "tunnel mode gre ip"),
        Cause.HUB_POINT_TO_POINT,
        "HUB",
        "tunnel mode gre multipoint",
    ),
    "a hub with another address outside": (
        "eigrp",
        "HUB",
        ("interface Ethernet0/0", "ip address 100.64.1.3 255.255.255.0"),
        Cause.NHS_NBMA,
        "HUB",
        "ip address 100.64.1.2 255.255.255.0",
    ),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_out_of_a_guide_is_well(network: str) -> None:
    case = Case(NETWORKS[network](), 1)
    well = well_rows(case)
    assert all(pair in well.full for pair in case.pairs)
    assert visit(case.patient).findings == ()


@pytest.mark.parametrize("what", one_in(3, FAULTS))
def test_what_somebody_typed_is_named_and_the_lines_restore_the_network(what: str) -> None:
    network, router, typed, cause, where, line = FAULTS[what]
    case = Case(NETWORKS[network](), 1)
    well = well_rows(case)
    case.bench.configure(router, typed)
    case.wait(180)
    assert worse(case.rows(), well)
    first = visit(case.patient).findings[0]
    assert (first.cause, first.router, first.advice) == (cause, where, False), first
    is_meant = cause is Cause.ROUTE_FILTERED  # perhaps: it is a question
    assert (first.certain, first.mild) == (not is_meant, is_meant), first
    assert line in first.fix
    if not first.is_complete or line == "peer SPOKE2":
        return  # a secret, that nobody can say
    case.bench.configure(first.router, first.fix)
    if "clear" in first.order:
        case.bench.ask([(first.router, first.order.rpartition(": ")[2])])
    case.wait(FORGOTTEN if cause is Cause.MTU else 180)
    case.rows()
    assert not worse(case.rows(), well)


def test_a_next_hop_of_ipv6_is_in_no_route_of_ipv4() -> None:
    case = Case(NETWORKS["eigrp"](), 1)
    case.bench.configure("ISP", ("interface Ethernet0/3", "no ip address", "ipv6 address 2001:db8:9::1/64"))
    case.bench.configure("SPOKE2", ("no ip route 0.0.0.0 0.0.0.0 100.64.3.1",))
    case.wait(60)
    first = visit(case.patient).findings[0]
    assert (first.cause, first.router, first.fix) == (
        Cause.MISSING_ROUTE,
        "SPOKE2",
        ("ip route 0.0.0.0 0.0.0.0 <next-hop>",),
    )


TUNNEL = ("interface Tunnel0",)
ODD: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "a tunnel that leads elsewhere, and one that is shut down": (
        "eigrp",
        {
            "SPOKE1": (
                *("interface Tunnel7", "ip address 172.20.0.1 255.255.255.252", "tunnel source Ethernet0/0"),
                *("tunnel destination 203.0.113.77", "interface Tunnel8", "tunnel source Ethernet0/0"),
                *("ip address 172.21.0.1 255.255.255.252", "tunnel destination 203.0.113.78", "shutdown"),
            )
        },
    ),
    "an identifier twice, in OSPF of two LANs": (
        "eigrp",
        {
            name: ("router ospf 7", "router-id 1.1.1.1", f"network 192.168.{lan}.0 0.0.0.255 area 0")
            for name, lan in (("SPOKE1", 102), ("SPOKE2", 103))
        },
    ),
    "a tracked route that is down, and one behind it": (
        "eigrp",
        {
            "SPOKE3": (
                *("ip sla 1", "icmp-echo 100.64.9.9", "exit", "ip sla schedule 1 life forever start-time now"),
                *("track 1 ip sla 1 reachability", "exit", "no ip route 0.0.0.0 0.0.0.0 100.64.4.1"),
                *("ip route 0.0.0.0 0.0.0.0 100.64.4.1 track 1", "ip route 0.0.0.0 0.0.0.0 100.64.4.1 200"),
            )
        },
    ),
    "a map that keeps a loopback out": (
        "ospf3",
        {
            "SPOKE1": (
                *("interface Loopback9", "ip address 10.8.8.1 255.255.255.0"),
                *("ip prefix-list L permit 192.168.102.0/24", "route-map M permit 10"),
                *("match ip address prefix-list L", "router ospf 1", "redistribute connected subnets route-map M"),
            )
        },
    ),
    "as many callers as there may be": ("bgp", {"HUB": (*BGP, "bgp listen limit 3")}),
    "distances and offsets of other sizes": (
        "rip",
        {"SPOKE1": ("router rip", "offset-list 0 in 3 Tunnel0", "distance 100")},
    ),
    "an own key that is the one of all": (
        "two clouds",
        {
            "HQ1": (
                *("crypto ikev2 keyring KR", "peer BR2", "address 192.0.2.13"),
                "pre-shared-key cisco123cisco",
            )
        },
    ),
    "a holding time of five seconds": ("eigrp", {"SPOKE1": (*TUNNEL, "ip nhrp holdtime 5")}),
}


@pytest.mark.parametrize("what", one_in(3, ODD))
def test_what_is_odd_and_works_is_not_accused(what: str) -> None:
    network, typed = ODD[what]
    case = Case(NETWORKS[network](), 1)
    well = well_rows(case)
    for router, lines in typed.items():
        case.bench.configure(router, lines)
    case.wait(180)
    assert not worse(case.rows(), well)
    assert [one for one in visit(case.patient).findings if not one.advice] == []
