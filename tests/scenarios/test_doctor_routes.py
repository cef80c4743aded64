"""A route that a router lacks: the doctor names the first router that lacks it, why it did not pass, and the lines."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from dmvpn.base.causes import Cause
from support.bench import WorldBench
from support.doctors import no_advice
from support.routing import with_rip
from support.world import World


class Fault(NamedTuple):
    """Lines typed at routers of a network; then the router to change, the cause, and words of the reason."""

    network: str
    typed: dict[str, str]
    at: str
    cause: Cause
    words: str


_RIP = "notes-phase3 with RIP"
_BGP = "router bgp 65000 / address-family ipv4 / "
_EIGRP = "router eigrp GRE-OVERLAY / address-family ipv4 unicast autonomous-system 100 / "
_NO_OSPF = "interface GigabitEthernet0/2 / no ip ospf 1 area 0 / exit / "
_LAN = "route-map LAN permit 10 / match interface GigabitEthernet0/2 / exit / "

FAULTS = {
    "BGP: no network statement": Fault(
        "bgp-phase3",
        {"SPOKE1": f"{_BGP}no network 10.1.1.0 mask 255.255.255.0"},
        *("SPOKE1", Cause.NETWORK_STATEMENT, "no line brings it into bgp"),
    ),
    "BGP: the network statement has another mask": Fault(
        "bgp-phase3",
        {"SPOKE1": f"{_BGP}no network 10.1.1.0 mask 255.255.255.0 / network 10.1.1.0 mask 255.255.255.128"},
        *("SPOKE1", Cause.NETWORK_STATEMENT, "another mask"),
    ),
    "BGP: a list at the sender": Fault(
        "bgp-phase3",
        {
            "SPOKE1": "ip prefix-list P seq 5 deny 10.1.1.0/24 / ip prefix-list P seq 10 permit 0.0.0.0/0 le 32 / "
            f"{_BGP}neighbor 10.255.0.1 prefix-list P out"
        },
        *("SPOKE1", Cause.ROUTE_FILTERED, "prefix-list P out"),
    ),
    "BGP: a map at the receiver": Fault(
        "bgp-phase3",
        {
            "HUB": "ip prefix-list P permit 10.1.1.0/24 / route-map M deny 10 / match ip address prefix-list P / "
            f"exit / route-map M permit 20 / exit / {_BGP}neighbor SPOKES route-map M in"
        },
        *("HUB", Cause.ROUTE_FILTERED, "route-map M in"),
    ),
    "BGP: not reflected": Fault(
        "bgp-phase3",
        {"HUB": f"{_BGP}no neighbor SPOKES route-reflector-client"},
        *("HUB", Cause.REFLECTION, "not reflected"),
    ),
    "BGP: the receiver's own AS in the path": Fault(
        "bgp-ebgp-phase2",
        {
            "SPOKE2": "no router bgp 65012 / router bgp 65011 / network 10.1.2.0 mask 255.255.255.0 / "
            "neighbor 10.255.0.1 remote-as 65000",
            "HUB": "router bgp 65000 / neighbor 10.255.0.12 remote-as 65011",
        },
        *("SPOKE1", Cause.LOOP, "AS 65011"),
    ),
    "BGP: two routers with one cluster": Fault(
        "bgp-phase3",
        {"SPOKE2": "router bgp 65000 / bgp cluster-id 9.9.9.9", "HUB": "router bgp 65000 / bgp cluster-id 9.9.9.9"},
        *("SPOKE2", Cause.LOOP, "9.9.9.9"),
    ),
    "BGP: a distance of 255": Fault(
        "bgp-phase3",
        {"SPOKE1": f"{_BGP}distance bgp 255 255 255"},
        *("SPOKE1", Cause.ROUTE_FILTERED, "255"),
    ),
    "BGP: too many prefixes": Fault(
        "bgp-ebgp-phase2",
        {
            "HUB": "router bgp 65000 / neighbor 10.255.0.11 maximum-prefix 1",
            "SPOKE1": "interface Loopback9 / ip address 10.9.9.9 255.255.255.255 / exit / "
            "router bgp 65011 / network 10.9.9.9 mask 255.255.255.255",
        },
        *("HUB", Cause.MAXIMUM, "no more than 1"),
    ),
    "EIGRP: no network statement": Fault(
        "notes-phase3",
        {"R31": f"{_EIGRP}no network 10.0.0.0"},
        *("R31", Cause.NETWORK_STATEMENT, "no line brings it into eigrp"),
    ),
    "EIGRP: split horizon": Fault(
        "notes-phase3",
        {"R11": f"{_EIGRP}af-interface Tunnel100 / split-horizon"},
        *("R11", Cause.SPLIT_HORIZON, "Tunnel100"),
    ),
    "EIGRP: a list inwards": Fault(
        "notes-phase3",
        {
            "R11": "access-list 7 deny 10.3.3.0 0.0.0.255 / access-list 7 permit any / "
            f"access-list 8 permit any / {_EIGRP}topology base / "
            "distribute-list 8 in / distribute-list 7 out GigabitEthernet0/1 / distribute-list 7 in Tunnel100"
        },
        *("R11", Cause.ROUTE_FILTERED, "distribute-list 7 in Tunnel100"),
    ),
    "EIGRP: a stub without its LAN": Fault(
        "notes-phase3",
        {"R31": f"{_EIGRP}eigrp stub receive-only"},
        *("R31", Cause.SPOKE_STUB, "stub"),
    ),
    "EIGRP: redistributed without a metric": Fault(
        "notes-phase3",
        {
            "R31": f"{_EIGRP}no network 10.0.0.0 / topology base / redistribute ospf 1 / exit / exit / exit / "
            "router ospf 1 / network 10.0.0.0 0.255.255.255 area 0"
        },
        *("R31", Cause.REDISTRIBUTION, "without a metric"),
    ),
    "RIP: no network statement": Fault(
        _RIP,
        {"R31": "router rip / no network 10.0.0.0"},
        *("R31", Cause.NETWORK_STATEMENT, "no line brings it into rip"),
    ),
    "RIP: split horizon": Fault(
        _RIP,
        {"R11": "interface Tunnel100 / ip split-horizon"},
        *("R11", Cause.SPLIT_HORIZON, "Tunnel100"),
    ),
    "RIP: an offset to infinity": Fault(
        _RIP,
        {"R31": "router rip / offset-list 0 out 15 Tunnel100"},
        *("R31", Cause.ROUTE_FILTERED, "offset"),
    ),
    "a static default route in the place of the tunnel's": Fault(
        "phase3-default",
        {"R31": "ip route 0.0.0.0 0.0.0.0 172.16.31.2"},
        *("R31", Cause.BLACK_HOLE, "of static"),
    ),
    "OSPF: not on the LAN": Fault(
        "ospf-phase3",
        {"SPOKE1": _NO_OSPF},
        *("SPOKE1", Cause.NETWORK_STATEMENT, "no line brings it into ospf"),
    ),
    "OSPF: redistributed without subnets": Fault(
        "ospf-phase3",
        {"SPOKE1": f"{_NO_OSPF}{_LAN}router ospf 1 / redistribute connected route-map LAN"},
        *("SPOKE1", Cause.REDISTRIBUTION, "subnets"),
    ),
    "OSPF: a range that is not advertised": Fault(
        "ospf-phase3",
        {
            "SPOKE1": "interface GigabitEthernet0/2 / ip ospf 1 area 7 / exit / "
            "router ospf 1 / area 7 range 10.1.0.0 255.255.0.0 not-advertise"
        },
        *("SPOKE1", Cause.ROUTE_FILTERED, "area 7 range 10.1.0.0 not-advertise"),
    ),
    "EIGRP into OSPF: not redistributed": Fault(
        "eigrp-to-ospf",
        dict.fromkeys(("HUB1", "HUB2"), "router ospf 1 / no redistribute eigrp 100"),
        *("HUB1", Cause.REDISTRIBUTION, "no line brings it into ospf"),
    ),
    "OSPF into EIGRP: without a metric": Fault(
        "eigrp-to-ospf",
        dict.fromkeys(
            ("HUB1", "HUB2"),
            "router eigrp DMVPN / address-family ipv4 unicast autonomous-system 100 / topology base / "
            "no redistribute ospf 1 / redistribute ospf 1",
        ),
        *("HUB1", Cause.REDISTRIBUTION, "from ospf without a metric"),
    ),
    "VRF: a route target that is mistyped": Fault(
        "shared-services",
        {
            "HUB": "vrf definition SERVICES / address-family ipv4 / no route-target import 65000:2 / "
            "route-target import 65000:3"
        },
        *("HUB", Cause.ROUTE_TARGET, "65000:2 is not imported"),
    ),
    "VRF: not redistributed": Fault(
        "shared-services",
        {"HUB": "router bgp 65000 / address-family ipv4 vrf RED / no redistribute eigrp 1"},
        *("HUB", Cause.REDISTRIBUTION, "no line brings it into bgp"),
    ),
    "the underlay: RIP forgets the port to the provider": Fault(
        "notes-gre",
        {"R31": "router rip / no network 172.16.0.0"},
        *("R31", Cause.NETWORK_STATEMENT, "does not run on the link"),
    ),
    "OSPF: a list inwards": Fault(
        "ospf-phase3",
        {
            "HUB": "access-list 7 deny 10.1.1.0 0.0.0.255 / access-list 7 permit any / "
            "router ospf 1 / distribute-list 7 in"
        },
        *("HUB", Cause.ROUTE_FILTERED, "distribute-list 7 in"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_reason_for_a_missing_route_is_named_at_its_router_with_lines_that_bring_it(fault: Fault) -> None:
    world = World("notes-phase3", change=with_rip) if fault.network == _RIP else World(fault.network)
    bench = WorldBench(world.converge())
    for router, lines in fault.typed.items():
        bench.configure(router, lines.removesuffix(" / ").split(" / "))
    cleared = [(name, f"clear ip {what}") for name in world.sim.routers for what in ("route *", "bgp *")]
    bench.ask(cleared)
    world.run_for(300)
    first = no_advice(world)[0]
    assert (first.router, first.cause) == (fault.at, fault.cause), first
    assert fault.words in first.what
    if first.fix:
        for one in no_advice(world):
            bench.configure(one.router, one.fix)
        bench.ask(cleared)
        world.run_for(300)
        assert no_advice(world) == []
