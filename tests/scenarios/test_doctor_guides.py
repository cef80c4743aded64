"""Faults that people make in networks that they copied from guides: named first, at the right router, with right lines.

Mechanisms that no catalog has; each was missed, or said wrongly, once.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from dmvpn.tools.causes import Cause
from dmvpn.tools.diff.rows import worse
from dmvpn.tools.doctor import visit
from support.guides import one_cloud, two_clouds
from support.harm import Case, well_rows

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
}


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_out_of_a_guide_is_well(network: str) -> None:
    case = Case(NETWORKS[network](), 1)
    well = well_rows(case)
    assert all(pair in well.full for pair in case.pairs)
    assert visit(case.patient).findings == ()


@pytest.mark.parametrize("what", FAULTS)
def test_what_somebody_typed_is_named_and_the_lines_restore_the_network(what: str) -> None:
    network, router, typed, cause, where, line = FAULTS[what]
    case = Case(NETWORKS[network](), 1)
    well = well_rows(case)
    case.bench.configure(router, typed)
    case.world.run_for(180)
    assert worse(case.rows(), well)
    first = visit(case.patient).findings[0]
    assert (first.cause, first.router, first.certain, first.advice) == (cause, where, True, False), first
    assert line in first.fix
    case.bench.configure(first.router, first.fix)
    if "clear" in first.order:
        case.bench.ask([(first.router, first.order.rpartition(": ")[2])])
    case.world.run_for(FORGOTTEN)
    case.rows()
    assert not worse(case.rows(), well)
