"""Networks that are unusual and work: settings that an operator may have chosen, in clouds of every kind.

The doctor must not call any of them broken.

Odd            a network with the unusual lines of each router, and the wires that are bad on purpose
case_of        the network after it ran for some minutes
said_of        the doctor's diagnosis, with the lines tried in a copy, as `dmvpn doctor` does it
accusations    the findings that call something broken

Run `python -m support.odd` in the folder tests: it prints these findings. `--only NAME` takes one network;
`--seed 7 --count 50` draws networks.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.labs.proofs.breaking import LATER
from dmvpn.labs.proofs.case import Case, well_rows
from dmvpn.labs.proofs.networks import FEW, drawn
from dmvpn.labs.trying import tried
from dmvpn.network.lines import after
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor import in_words, visit
from dmvpn.tools.troubles.plans import Plan, plan_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.tools.doctor import Diagnosis

_TUNNEL: Final = "interface Tunnel0"
_WAN, _LAN = "interface GigabitEthernet0/1", "interface GigabitEthernet0/2"

CLOUD: Final = Plan(
    phase=3,
    hubs=1,
    spokes=3,
    routing="eigrp",
    protection="",
    mtu=1400,
    key=7,
    authentication=True,
    server_lines=False,
    stubs=False,
)
STATIC: Final = replace(CLOUD, routing="static")
OSPF: Final = replace(CLOUD, routing="ospf")
IBGP: Final = replace(CLOUD, routing="ibgp")
RIP: Final = replace(CLOUD, routing="rip", phase=2)
SEALED: Final = replace(CLOUD, protection="ikev2")
OLD: Final = replace(CLOUD, protection="ikev1", server_lines=True)
TWO: Final = replace(CLOUD, hubs=2)


@dataclass(frozen=True, slots=True)
class Odd:
    """network: the plan of one, or the name of a built-in scenario. lines: by router. wires: by link."""

    network: Plan | str
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wires: Mapping[str, Badness] = field(default_factory=dict)

    @property
    def scenario(self) -> Scenario:
        """The network with these lines from the beginning."""
        given = Scenario.load(self.network) if isinstance(self.network, str) else drawn(self.network)
        texts = dict(given.configurations)
        for name, lines in self.lines.items():
            texts[name] = after(texts[name], lines)
        return Scenario(given.name, given.lab, texts, given.certificates)


def case_of(odd: Odd) -> Case:
    """Return the network some minutes after it came up and all LANs exchanged packets."""
    case = Case(odd.scenario, 1)
    for link, badness in odd.wires.items():
        case.bench.impair(link, badness)
    well_rows(case)
    case.wait(LATER)
    case.rows()
    return case


def said_of(odd: Odd) -> Diagnosis:
    """Return the diagnosis of the network, with its lines tried in a copy."""
    case = case_of(odd)
    made = tried(visit(case.patient), case.as_it_runs(), case.patient.facts(), lambda text: None)
    return in_words(made.diagnosis)


def accusations(diagnosis: Diagnosis) -> list[str]:
    """Return the findings that call something broken for certain, or make the exit code 1."""
    return [
        f"{one.cause.value}, {one.router}: {one.what} {list(one.fix)} {one.decide}"
        for one in diagnosis.findings
        if not one.advice and (one.certain or not one.mild)
    ]


_NO_SECOND: Final = (_TUNNEL, "no ip nhrp nhs 10.99.0.2 nbma 203.0.113.9 multicast")
_NO_FIRST: Final = (_TUNNEL, "no ip nhrp nhs 10.99.0.1 nbma 203.0.113.5 multicast")
_SMALL: Final = (_TUNNEL, "ip mtu 1300", "ip tcp adjust-mss 1260")
_GUESTS: Final = ("interface GigabitEthernet0/3", "ip address 10.66.1.1 255.255.255.0", "no shutdown")
_EIGRP: Final = ("router eigrp CLOUD", "address-family ipv4 unicast autonomous-system 100")

ODD: Final[dict[str, Odd]] = {
    # ------------------------------------------------------------------------------------------------ sizes
    "a spoke's tunnel is smaller, and clamps TCP to fit": Odd(CLOUD, {"S1": _SMALL}),
    "a spoke's tunnel is smaller, and the clamp is as it was": Odd(CLOUD, {"S1": (_TUNNEL, "ip mtu 1360")}),
    "a spoke's tunnel is much smaller, and the clamp is as it was": Odd(CLOUD, {"S1": (_TUNNEL, "ip mtu 1300")}),
    "the hub's tunnel is smaller, and clamps TCP to fit": Odd(CLOUD, {"HUB1": _SMALL}),
    "one hub's tunnel of two is smaller": Odd(TWO, {"HUB2": _SMALL}),
    "two spokes' tunnels are smaller": Odd(replace(CLOUD, spokes=5), {"S1": _SMALL, "S4": _SMALL}),
    "a protected spoke's tunnel is smaller": Odd(SEALED, {"S2": _SMALL}),
    "a smaller tunnel with OSPF, which ignores sizes": Odd(
        OSPF, {"S2": (*_SMALL, "ip ospf mtu-ignore"), "HUB1": (_TUNNEL, "ip ospf mtu-ignore")}
    ),
    "a smaller tunnel in phase 1": Odd(replace(STATIC, phase=1), {"S1": _SMALL}),
    "a smaller tunnel in phase 2": Odd(replace(IBGP, phase=2), {"S1": _SMALL}),
    "all tunnels of each size of their own": Odd(
        CLOUD,
        {
            "HUB1": (_TUNNEL, "ip mtu 1420", "ip tcp adjust-mss 1380"),
            "S1": (_TUNNEL, "ip mtu 1380", "ip tcp adjust-mss 1340"),
            "S2": (_TUNNEL, "ip mtu 1360", "ip tcp adjust-mss 1320"),
        },
    ),
    "a port of PPPoE under a tunnel that fits": Odd(CLOUD, {"S1": (_WAN, "ip mtu 1492")}),
    "a narrow port, and a smaller tunnel that fits it": Odd(
        CLOUD, {"S1": (_WAN, "ip mtu 1340", *_SMALL), "TRANSPORT": (_LAN, "ip mtu 1340")}
    ),
    "a narrow wire, and a smaller tunnel that fits it": Odd(
        CLOUD, {"S1": _SMALL}, {"S1:GigabitEthernet0/1": Badness(mtu=1340)}
    ),
    "a wire without large packets that no tunnel makes": Odd(CLOUD, {}, {"S1:GigabitEthernet0/1": Badness(mtu=1440)}),
    "a wire that carries no fragments, and no tunnel makes any": Odd(
        CLOUD, {}, {"S1:GigabitEthernet0/1": Badness(block=("fragments",))}
    ),
    "a lower clamp at one spoke": Odd(CLOUD, {"S1": (_TUNNEL, "ip tcp adjust-mss 1200")}),
    "no clamp at one spoke": Odd(CLOUD, {"S1": (_TUNNEL, "no ip tcp adjust-mss 1360")}),
    # ------------------------------------------------------------------------------------------------ hubs
    "a spoke without the second hub": Odd(TWO, {"S1": _NO_SECOND}),
    "a spoke without the first hub": Odd(TWO, {"S1": _NO_FIRST}),
    "a spoke without the second hub, in phase 2": Odd(replace(TWO, phase=2), {"S1": _NO_SECOND}),
    "a spoke without the second hub, with OSPF": Odd(replace(TWO, routing="ospf"), {"S1": _NO_SECOND}),
    "a spoke without the second hub, protected": Odd(replace(TWO, protection="ikev2"), {"S1": _NO_SECOND}),
    "a spoke without the second hub, with BGP and without its session": Odd(
        replace(TWO, routing="ibgp"), {"S1": (*_NO_SECOND, "exit", "router bgp 65000", "no neighbor 10.99.0.2")}
    ),
    "two of three spokes without the second hub": Odd(TWO, {"S1": _NO_SECOND, "S2": _NO_SECOND}),
    "half of the spokes at one hub, half at the other": Odd(
        replace(TWO, spokes=4), {"S1": _NO_SECOND, "S2": _NO_SECOND, "S3": _NO_FIRST, "S4": _NO_FIRST}
    ),
    "a spoke with two of three hubs": Odd(
        replace(CLOUD, hubs=3), {"S1": (_TUNNEL, "no ip nhrp nhs 10.99.0.3 nbma 203.0.113.13 multicast")}
    ),
    "a built-in spoke without the second hub": Odd(
        "dual-hub", {"SPOKE1": ("interface Tunnel0", "no ip nhrp nhs 10.255.0.2 nbma 203.0.113.6 multicast")}
    ),
    "a spoke that keeps the maps of the second hub": Odd(
        replace(TWO, server_lines=True), {"S1": (_TUNNEL, "no ip nhrp nhs 10.99.0.2")}
    ),
    "a second hub that is shut for now": Odd(TWO, {"HUB2": (_TUNNEL, "shutdown")}),
    "a second hub whose port is shut for now": Odd(TWO, {"HUB2": (_WAN, "shutdown")}),
    "a spoke with an entry of a hub that will come": Odd(
        CLOUD, {"S1": (_TUNNEL, "ip nhrp nhs 10.99.0.9 nbma 203.0.113.30 multicast")}
    ),
    "all spokes with an entry of a hub that will come": Odd(
        CLOUD,
        dict.fromkeys(("S1", "S2", "S3"), (_TUNNEL, "ip nhrp nhs 10.99.0.9 nbma 203.0.113.30 multicast")),
    ),
    "a spoke that prefers one hub": Odd(
        TWO, {"S1": (*_NO_FIRST, "ip nhrp nhs 10.99.0.1 nbma 203.0.113.5 multicast priority 10 cluster 1")}
    ),
    "a spoke whose only server is itself, and which the hub has the map of": Odd(
        STATIC,
        {
            "HUB1": (_TUNNEL, "ip nhrp map 10.99.0.11 198.51.100.5"),
            "S1": (*_NO_FIRST, "ip nhrp nhs 10.99.0.11 nbma 198.51.100.5", "ip nhrp map 10.99.0.1 203.0.113.5"),
        },
    ),
    "a spoke that is a server of its own, beside its hub": Odd(
        CLOUD, {"S1": (_TUNNEL, "ip nhrp nhs 10.99.0.11 nbma 198.51.100.5 multicast")}
    ),
    "a spoke that is a server of its own in the place of the second hub": Odd(
        TWO, {"S1": (*_NO_SECOND, "ip nhrp nhs 10.99.0.11 nbma 198.51.100.5 multicast")}
    ),
    "a spoke of BGP that is a server of its own, with the map of the hub": Odd(
        replace(IBGP, phase=2),
        {
            "HUB1": (_TUNNEL, "ip nhrp map 10.99.0.11 198.51.100.5"),
            "S1": (*_NO_FIRST, "ip nhrp nhs 10.99.0.11 nbma 198.51.100.5", "ip nhrp map 10.99.0.1 203.0.113.5"),
        },
    ),
    "a hub that is a server of its own": Odd(
        CLOUD, {"HUB1": (_TUNNEL, "ip nhrp nhs 10.99.0.1 nbma 203.0.113.5 multicast")}
    ),
    "a map of another spoke": Odd(CLOUD, {"S1": (_TUNNEL, "ip nhrp map 10.99.0.12 198.51.100.9")}),
    "a multicast map of an address that nobody has": Odd(
        CLOUD, {"S1": (_TUNNEL, "ip nhrp map multicast 203.0.113.77")}
    ),
    # ------------------------------------------------------------------------------------------------ hubs' tunnels
    "a hub with a multipoint tunnel that runs no NHRP": Odd(
        CLOUD,
        {
            "HUB1": (
                "interface Tunnel9",
                "ip address 10.98.0.1 255.255.255.0",
                "tunnel source GigabitEthernet0/1",
                "tunnel mode gre multipoint",
                "tunnel key 99",
            )
        },
    ),
    "a hub that is multipoint, of spokes that are not, with maps and no NHRP at spokes": Odd(
        replace(STATIC, phase=1, authentication=False, key=None),
        {
            "HUB1": (
                _TUNNEL,
                *(f"ip nhrp map 10.99.0.{10 + n} 198.51.100.{4 * n + 1}" for n in (1, 2, 3)),
            ),
            **{
                f"S{n}": (
                    _TUNNEL,
                    "no ip nhrp nhs 10.99.0.1 nbma 203.0.113.5 multicast",
                    "no ip nhrp network-id 1",
                    "no ip nhrp holdtime 300",
                )
                for n in (1, 2, 3)
            },
        },
    ),
    "one spoke without NHRP, which the hub has the map of": Odd(
        replace(STATIC, phase=1, authentication=False),
        {
            "HUB1": (_TUNNEL, "ip nhrp map 10.99.0.12 198.51.100.9"),
            "S2": (
                _TUNNEL,
                "no ip nhrp nhs 10.99.0.1 nbma 203.0.113.5 multicast",
                "no ip nhrp network-id 1",
                "no ip nhrp holdtime 300",
            ),
        },
    ),
    "spokes without servers that have maps of all others": Odd(
        replace(STATIC, phase=2),
        {
            name: (
                _TUNNEL,
                *(f"ip nhrp map 10.99.0.{10 + n} 198.51.100.{4 * n + 1}" for n in (1, 2, 3) if name != f"S{n}"),
                *(
                    ("no ip nhrp nhs 10.99.0.1 nbma 203.0.113.5 multicast", "ip nhrp map 10.99.0.1 203.0.113.5")
                    if name != "HUB1"
                    else ()
                ),
            )
            for name in ("HUB1", "S1", "S2", "S3")
        },
    ),
    "a hub with a static tunnel to one spoke beside the cloud": Odd(
        CLOUD,
        {
            "HUB1": (
                "interface Tunnel9",
                "ip address 10.98.0.1 255.255.255.252",
                "tunnel source GigabitEthernet0/1",
                "tunnel destination 198.51.100.5",
                "tunnel key 99",
            ),
            "S1": (
                "interface Tunnel9",
                "ip address 10.98.0.2 255.255.255.252",
                "tunnel source GigabitEthernet0/1",
                "tunnel destination 203.0.113.5",
                "tunnel key 99",
            ),
        },
    ),
    "a hub with a static tunnel to somebody outside": Odd(
        CLOUD,
        {
            "HUB1": (
                "interface Tunnel9",
                "ip address 10.98.0.1 255.255.255.252",
                "tunnel source GigabitEthernet0/1",
                "tunnel destination 198.51.100.6",
                "tunnel key 99",
            )
        },
    ),
    "spokes of phase 1 with the lines of phase 3, and a hub that alone is multipoint": Odd(
        replace(CLOUD, phase=1),
        {
            "HUB1": (_TUNNEL, "ip nhrp redirect"),
            **dict.fromkeys(("S1", "S2", "S3"), (_TUNNEL, "ip nhrp shortcut")),
        },
    ),
    "one point-to-point spoke with a line of phase 3": Odd(
        CLOUD, {"S1": (_TUNNEL, "no tunnel mode gre multipoint", "tunnel destination 203.0.113.5")}
    ),
    "a hub that alone is multipoint, of spokes with NHRP and without servers": Odd(
        replace(STATIC, phase=1),
        {
            "HUB1": (_TUNNEL, *(f"ip nhrp map 10.99.0.{10 + n} 198.51.100.{4 * n + 1}" for n in (1, 2, 3))),
            **dict.fromkeys(("S1", "S2", "S3"), _NO_FIRST),
        },
    ),
    "a hub without multicast, with BGP": Odd(
        replace(IBGP, phase=1), {"HUB1": (_TUNNEL, "no ip nhrp map multicast dynamic")}
    ),
    "a hub without multicast, with static routes": Odd(STATIC, {"HUB1": (_TUNNEL, "no ip nhrp map multicast dynamic")}),
    "a hub whose second multipoint tunnel has clients of its own nowhere": Odd(
        CLOUD,
        {
            "HUB1": (
                "interface Tunnel9",
                "ip address 10.98.0.1 255.255.255.0",
                "ip nhrp network-id 9",
                "ip nhrp map multicast dynamic",
                "tunnel source GigabitEthernet0/1",
                "tunnel mode gre multipoint",
                "tunnel key 99",
            )
        },
    ),
    "a spoke with a multipoint tunnel that runs no NHRP": Odd(
        STATIC,
        {
            "S1": (
                "interface Tunnel9",
                "ip address 10.98.0.11 255.255.255.0",
                "tunnel source GigabitEthernet0/1",
                "tunnel mode gre multipoint",
                "tunnel key 99",
            )
        },
    ),
    "a tunnel that is prepared and shut": Odd(
        CLOUD, {"HUB1": ("interface Tunnel9", "ip address 10.98.0.1 255.255.255.252", "shutdown")}
    ),
    "hubs that redirect and take shortcuts, spokes that redirect": Odd(
        CLOUD, {"HUB1": (_TUNNEL, "ip nhrp shortcut"), "S1": (_TUNNEL, "ip nhrp redirect")}
    ),
    "a spoke that is point-to-point in a cloud of phase 3": Odd(
        CLOUD,
        {
            "S1": (
                _TUNNEL,
                "no ip nhrp shortcut",
                "no tunnel mode gre multipoint",
                "tunnel destination 203.0.113.5",
            )
        },
    ),
    # ------------------------------------------------------------------------------------------------ shut
    "a branch whose tunnel is shut": Odd(CLOUD, {"S1": (_TUNNEL, "shutdown")}),
    "a branch whose port to the provider is shut": Odd(CLOUD, {"S1": (_WAN, "shutdown")}),
    "a branch whose LAN is shut": Odd(CLOUD, {"S1": (_LAN, "shutdown")}),
    "a branch all of which is shut": Odd(CLOUD, {"S1": (_TUNNEL, "shutdown", _LAN, "shutdown", _WAN, "shutdown")}),
    "a branch of phase 1 that is shut": Odd(replace(STATIC, phase=1), {"S1": (_TUNNEL, "shutdown", _LAN, "shutdown")}),
    "two branches that are shut, protected": Odd(
        replace(SEALED, spokes=4), {"S1": (_TUNNEL, "shutdown"), "S4": (_WAN, "shutdown")}
    ),
    "a branch of two hubs with BGP that is shut": Odd(replace(TWO, routing="ibgp"), {"S1": (_TUNNEL, "shutdown")}),
    "a built-in branch that is shut": Odd("intro-phase3", {"SPOKE10": ("interface Tunnel0", "shutdown")}),
    "a built-in branch behind a translator that is shut": Odd(
        "spoke-behind-nat", {"R31": ("interface Tunnel100", "shutdown")}
    ),
    "a branch shut by the provider and by itself": Odd(
        CLOUD, {"S1": (_WAN, "shutdown"), "TRANSPORT": (_LAN, "shutdown")}
    ),
    # ------------------------------------------------------------------------------------------------ apart
    "a LAN in quarantine behind a list": Odd(
        CLOUD, {"S1": ("ip access-list extended JAIL", "deny ip any any", "exit", *_GUESTS, "ip access-group JAIL in")}
    ),
    "guests that reach no other site": Odd(
        CLOUD,
        {
            "S1": (
                *("ip access-list extended GUESTS", "deny ip any 10.0.0.0 0.255.255.255", "permit ip any any", "exit"),
                *(*_GUESTS, "ip access-group GUESTS in", "exit", *_EIGRP, "network 10.66.1.0 0.0.0.255"),
            )
        },
    ),
    "guests with a host that reach no other site": Odd(
        "bgp-phase3",
        {
            "SPOKE2": (
                *("ip access-list extended GUESTS", "deny ip any 10.0.0.0 0.255.255.255", "permit ip any any", "exit"),
                *("interface GigabitEthernet0/2", "ip access-group GUESTS in"),
            )
        },
    ),
    "a LAN that nobody advertises": Odd(CLOUD, {"S1": _GUESTS}),
    "a spoke that takes the hub's LAN alone": Odd(
        CLOUD,
        {
            "S1": (
                *("ip prefix-list HUB seq 5 permit 10.20.1.0/24", *_EIGRP, "topology base"),
                "distribute-list prefix HUB in Tunnel0",
            )
        },
    ),
    # ------------------------------------------------------------------------------------------------ times
    "hellos of EIGRP of another pace, and a hold time that fits": Odd(
        CLOUD, {"S1": (*_EIGRP, "af-interface Tunnel0", "hello-interval 20", "hold-time 60")}
    ),
    "registrations of another pace": Odd(
        CLOUD, {"S1": (_TUNNEL, "ip nhrp holdtime 900", "ip nhrp registration timeout 60")}
    ),
    "times of BGP that the two ends agree on": Odd(
        IBGP, {"S1": ("router bgp 65000", "neighbor 10.99.0.1 timers 20 60")}
    ),
    "lives of IKE and of SAs that differ": Odd(
        SEALED, {"S1": ("crypto ipsec profile CLOUD", "set security-association lifetime seconds 1800")}
    ),
    "probes of dead peers that differ": Odd(SEALED, {"S1": ("crypto ikev2 profile CLOUD", "dpd 60 10 on-demand")}),
    "a wire over a satellite": Odd(CLOUD, {}, {"S1:GigabitEthernet0/1": Badness(delay=560.0)}),
    # ------------------------------------------------------------------------------------------------ routes
    "a distance of EIGRP of its own": Odd(CLOUD, {"S1": (*_EIGRP, "topology base", "distance eigrp 80 150")}),
    "a floating route by the tunnel": Odd(CLOUD, {"S1": ("ip route 10.20.12.0 255.255.255.0 10.99.0.1 250",)}),
    "a floating route to nobody": Odd(CLOUD, {"S1": ("ip route 10.20.12.0 255.255.255.0 10.99.0.77 250",)}),
    "a route for what nobody has": Odd(CLOUD, {"S1": ("ip route 10.77.0.0 255.255.0.0 10.99.0.1",)}),
    "a route for what nobody has to nobody": Odd(CLOUD, {"S1": ("ip route 10.77.0.0 255.255.0.0 10.99.0.77",)}),
    "a route for what nobody has to nothing": Odd(CLOUD, {"HUB1": ("ip route 10.77.0.0 255.255.0.0 Null0",)}),
    "a route in one direction that says what routing says": Odd(
        CLOUD, {"S1": ("ip route 10.20.12.0 255.255.255.0 10.99.0.1",)}
    ),
    "a route in one direction to the spoke itself": Odd(
        CLOUD, {"S1": ("ip route 10.20.12.0 255.255.255.0 10.99.0.12",)}
    ),
    "a route of the underlay for one hub": Odd(CLOUD, {"S1": ("ip route 203.0.113.5 255.255.255.255 198.51.100.6",)}),
    "a second default route of a worse distance to nobody": Odd(
        CLOUD, {"S1": ("ip route 0.0.0.0 0.0.0.0 198.51.100.200 250",)}
    ),
    "a default route in the cloud": Odd(CLOUD, {"HUB1": (_TUNNEL, "ip summary-address eigrp 100 10.0.0.0 255.0.0.0")}),
    "a summary of the hub": Odd(
        CLOUD, {"HUB1": (*_EIGRP, "af-interface Tunnel0", "summary-address 10.20.0.0 255.255.0.0")}
    ),
    "a filter of what nobody has": Odd(
        CLOUD,
        {
            "S1": (
                "ip prefix-list SOME seq 5 deny 10.77.0.0/16 le 32",
                "ip prefix-list SOME seq 10 permit 0.0.0.0/0 le 32",
                *_EIGRP,
                "topology base",
                "distribute-list prefix SOME in",
            )
        },
    ),
    "one stub among others": Odd(CLOUD, {"S1": (*_EIGRP, "eigrp stub connected summary")}),
    "another cost and priority of OSPF": Odd(OSPF, {"S1": (_TUNNEL, "ip ospf cost 50", "ip ospf priority 0")}),
    "a preference of BGP for one neighbor": Odd(
        IBGP,
        {
            "S1": (
                "route-map MORE permit 10",
                "set local-preference 200",
                "router bgp 65000",
                "address-family ipv4",
                "neighbor 10.99.0.1 route-map MORE in",
            )
        },
    ),
    "a neighbor of BGP that is not there yet": Odd(
        IBGP, {"HUB1": ("router bgp 65000", "neighbor 10.99.0.77 remote-as 65000")}
    ),
    "a neighbor of BGP that is not there yet and shut": Odd(
        IBGP,
        {"HUB1": ("router bgp 65000", "neighbor 10.99.0.77 remote-as 65000", "neighbor 10.99.0.77 shutdown")},
    ),
    # ------------------------------------------------------------------------------------------------ networks
    "guests of two branches with one network that nobody announces": Odd(
        CLOUD,
        dict.fromkeys(
            ("S1", "S2"), ("interface GigabitEthernet0/3", "ip address 192.168.77.1 255.255.255.0", "no shutdown")
        ),
    ),
    "one loopback at two routers": Odd(
        STATIC, dict.fromkeys(("S1", "S2"), ("interface Loopback7", "ip address 10.7.7.7 255.255.255.255"))
    ),
    "a port of a management network that all have": Odd(
        CLOUD,
        {
            name: ("interface GigabitEthernet0/7", f"ip address 172.30.0.{n} 255.255.255.0", "no shutdown")
            for n, name in enumerate(("HUB1", "S1", "S2", "S3"), 1)
        },
    ),
    "a port that is prepared and shut": Odd(
        CLOUD, {"S1": ("interface GigabitEthernet0/5", "ip address 10.88.1.1 255.255.255.0", "shutdown")}
    ),
    "a second address of a LAN": Odd(CLOUD, {"S1": (_LAN, "ip address 10.66.1.1 255.255.255.0 secondary")}),
    "a LAN that nobody is to hear of": Odd(
        CLOUD, {"S1": ("interface GigabitEthernet0/3", "ip address 10.55.1.1 255.255.255.0", "no shutdown")}
    ),
    "a smaller mask at the provider's end": Odd(
        CLOUD, {"TRANSPORT": (_LAN, "ip address 198.51.100.6 255.255.255.248")}
    ),
    "a larger network at a spoke's end": Odd(CLOUD, {"S1": (_WAN, "ip address 198.51.100.5 255.255.255.248")}),
    "another TTL of a tunnel": Odd(CLOUD, {"S1": (_TUNNEL, "tunnel ttl 32")}),
    # ------------------------------------------------------------------------------------------------ protection
    "several proposals of IPsec at one spoke": Odd(
        SEALED,
        {
            "S1": (
                "crypto ipsec transform-set MORE esp-gcm 256",
                "mode transport",
                "crypto ipsec profile CLOUD",
                "set transform-set MORE CLOUD",
            )
        },
    ),
    "several policies of IKE at the hub": Odd(
        OLD,
        {
            "HUB1": (
                "crypto isakmp policy 5",
                "encryption aes 128",
                "hash sha",
                "authentication pre-share",
                "group 14",
            )
        },
    ),
    "several proposals of IKEv2 at one spoke": Odd(
        SEALED,
        {
            "S1": (
                "crypto ikev2 proposal MORE",
                "encryption aes-cbc-256 aes-cbc-128",
                "integrity sha512 sha256",
                "group 19 14",
                "crypto ikev2 policy MORE",
                "proposal MORE",
            )
        },
    ),
    "keys and profiles that nobody uses": Odd(
        SEALED,
        {
            "S1": (
                "crypto ikev2 keyring SPARE",
                "peer HIM",
                "address 192.0.2.1",
                "pre-shared-key Spare-Key-1",
                "crypto ipsec profile SPARE",
                "set transform-set CLOUD",
            )
        },
    ),
    "a key for the hub alone": Odd(
        replace(OLD, phase=1),
        {
            "S1": (
                "no crypto isakmp key Drawn-Key-7 address 0.0.0.0",
                "crypto isakmp key Drawn-Key-7 address 203.0.113.5",
            )
        },
    ),
    # ------------------------------------------------------------------------------------------------ filters
    "a list at a port that lets GRE pass, and no pings": Odd(
        CLOUD,
        {
            "S1": (
                "ip access-list extended WAN",
                "permit gre any any",
                "deny icmp any any",
                "permit ip any any",
                _WAN,
                "ip access-group WAN in",
            )
        },
    ),
    "a provider that passes no pings to one site": Odd(CLOUD, {}, {"S1:GigabitEthernet0/1": Badness(block=("icmp",))}),
    "a list that keeps a LAN out of nothing that is there": Odd(
        CLOUD,
        {
            "S1": (
                "ip access-list extended OUT",
                "deny ip any 10.77.0.0 0.0.255.255",
                "permit ip any any",
                _LAN,
                "ip access-group OUT in",
            )
        },
    ),
}


# ------------------------------------------------------------------------------------------------ drawn


def odd_of(name: str, most: int = FEW) -> tuple[str, Odd]:
    """Return a network of a draw, with one oddity at one place: what it is called, and it."""
    entropy = SeededEntropy(f"{name}/odd")
    plan = plan_of(entropy, most)
    kinds = [*_KINDS, *(_OF_TWO_HUBS if plan.hubs > 1 else {})]
    kind = kinds[below(entropy, len(kinds))]
    spoke = f"S{1 + below(entropy, plan.spokes)}"
    if kind in _OF_TWO_HUBS:
        lines = _without_server(plan, 1 + below(entropy, plan.hubs)) if kind == _SINGLE else _KINDS["shut tunnel"]
        where = spoke if kind == _SINGLE else f"HUB{plan.hubs}"
        return f"{plan.title}: {kind}, {where}", Odd(plan, {where: lines})
    return f"{plan.title}: {kind}, {spoke}", Odd(plan, {spoke: _KINDS[kind]})


def _without_server(plan: Plan, hub: int) -> tuple[str, ...]:
    """Return the lines that take a server away, all of them."""
    tunnel, nbma = f"10.99.0.{hub}", f"203.0.113.{4 * hub + 1}"
    if not plan.server_lines:
        return (_TUNNEL, f"no ip nhrp nhs {tunnel} nbma {nbma} multicast")
    return (
        _TUNNEL,
        f"no ip nhrp nhs {tunnel}",
        f"no ip nhrp map multicast {nbma}",
        f"no ip nhrp map {tunnel} {nbma}",
    )


_SINGLE: Final = "a server less"
_OF_TWO_HUBS: Final = (_SINGLE, "a spare hub that is shut")
#: What may be so at any spoke of any cloud.
_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "a smaller tunnel": _SMALL,
    "a slightly smaller tunnel": (_TUNNEL, "ip mtu 1340"),
    "shut tunnel": (_TUNNEL, "shutdown"),
    "shut port": (_WAN, "shutdown"),
    "shut LAN": (_LAN, "shutdown"),
    "all shut": (_TUNNEL, "shutdown", _LAN, "shutdown", _WAN, "shutdown"),
    "registrations of another pace": (_TUNNEL, "ip nhrp holdtime 900", "ip nhrp registration timeout 60"),
    "a server that is not there yet": (_TUNNEL, "ip nhrp nhs 10.99.0.200 nbma 203.0.113.200 multicast"),
    "a floating default route to nobody": ("ip route 0.0.0.0 0.0.0.0 10.99.0.200 250",),
    "a route for what nobody has": ("ip route 10.77.0.0 255.255.0.0 10.99.0.1",),
    "a multipoint tunnel without NHRP": (
        "interface Tunnel9",
        "ip address 10.98.0.11 255.255.255.0",
        "tunnel source GigabitEthernet0/1",
        "tunnel mode gre multipoint",
        "tunnel key 9999",
    ),
    "a spare network": ("interface GigabitEthernet0/3", "ip address 192.168.77.1 255.255.255.0", "no shutdown"),
    "another TTL": (_TUNNEL, "tunnel ttl 32"),
    "a lower clamp": (_TUNNEL, "ip tcp adjust-mss 1100"),
    "a port of PPPoE": (_WAN, "ip mtu 1492"),
}


def main() -> None:
    """Print what the doctor calls broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--seed", default="")
    parser.add_argument("--count", type=int, default=20)
    arguments = parser.parse_args()
    names = arguments.only or list(ODD)
    if arguments.seed:
        names = [f"{arguments.seed}/{number}" for number in range(arguments.count)]
    accused = 0
    for number, given in enumerate(names):
        name, odd = odd_of(given) if arguments.seed else (given, ODD[given])
        name = f"{number}: {name}" if arguments.seed else name
        found = accusations(said_of(odd))
        accused += bool(found)
        print(*(f"{name}: {one}" for one in found), sep="\n" if found else "", end="\n" if found else "", flush=True)
    print(f"{accused} of {len(names)} accused")


if __name__ == "__main__":
    main()
