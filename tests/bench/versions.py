"""IPv6 beside IPv4 in the routing protocols: what a hub computes until its spokes' routes are there.

One network for each protocol and version, all written from one text: a hub and its spokes in the simulator, with the
same timers and as many routes. Counted is the processor time of the hub alone, event by event, from its first event
until it has a route to each spoke's LAN, and in twenty seconds of rest behind it.
The versions take turns, and a ratio is of one turn: above 1 the hub of IPv6 computes less. Garbage is not collected.

Some of the work differs by the protocols themselves. A client of IPv6 registers two addresses, so the ratio without a
routing protocol is that of an address. A router of OSPF version 3 describes its link, its prefixes and its place in the
graph in one LSA each, one of version 2 in a single one: that ratio is for each LSA of the hub's database.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Final

from bench.figures import Figure
from dmvpn.base.events import NhrpReceived
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.shells.lab_model import Lab, LinkSpec, ReadySpec, RouterSpec
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.router.router import Router

PROTOCOLS: Final = ("static", "eigrp", "ospf", "bgp")
RUNS: Final = 5
#: Virtual seconds within which the hub must have all routes, and those of rest behind it.
_LATEST: Final = 120.0
_REST: Final = 20.0
#: How often each registration is repeated.
_REFRESHED: Final = 20

#: What a ratio is for, where it is not the whole.
_UNITS: Final = {"static": "an address of IPv6", "ospf": "an LSA of IPv6"}
#: What routers say about a version, with {own}: an address on the tunnel, {lan}: one on the LAN.
_ADDRESSES: Final = {
    4: (" ip address {own} 255.255.0.0", " ip address {lan} 255.255.255.0"),
    6: (" ipv6 address {own}/64", " ipv6 address {lan}/64"),
}
#: Of each protocol and version: lines of tunnel and LAN, and of the process.
_LINES: Final = {
    ("eigrp", 4): (
        "",
        "router eigrp 1\n eigrp router-id {identifier}\n network 10.0.0.0\n network 172.16.0.0",
    ),
    ("eigrp", 6): (" ipv6 eigrp 1\n", "ipv6 router eigrp 1\n eigrp router-id {identifier}"),
    ("ospf", 4): (
        " ip ospf network point-to-multipoint\n ip ospf hello-interval 10\n ip ospf 1 area 0\n",
        "router ospf 1\n router-id {identifier}",
    ),
    ("ospf", 6): (
        " ipv6 ospf network point-to-multipoint\n ipv6 ospf hello-interval 10\n ipv6 ospf 1 area 0\n",
        "ipv6 router ospf 1\n router-id {identifier}",
    ),
}


class _Watched:
    """The router of a hub. spent: processor seconds of its events. registrations: what it got of NHRP."""

    def __init__(self, router: Router) -> None:
        self.spent = 0.0
        self.registrations: list[NhrpReceived] = []
        self._handle = router.handle
        router.handle = self.handle  # type: ignore[method-assign]

    def handle(self, event: Event, now: float) -> list[Effect]:
        begun = time.process_time()
        done = self._handle(event, now)
        self.spent += time.process_time() - begun
        if isinstance(event, NhrpReceived):
            self.registrations.append(event)
        return done

    def take(self) -> float:
        """Return the milliseconds since the last call."""
        spent, self.spent = self.spent, 0.0
        return spent * 1e3


def measure(*, quick: bool) -> list[Figure]:
    """Let the networks of each protocol come up in both versions by turns."""
    spokes, runs = (20, 1) if quick else (100, RUNS)
    found = []
    for protocol in PROTOCOLS:
        turns = [[_run(protocol, version, spokes) for version in (4, 6)] for _ in range(runs)]
        times = [[spent for spent, _ in turn] for turn in turns]
        shares = [old / units * new_units / new for (old, units), (new, new_units) in turns]
        what = _UNITS.get(protocol, "IPv6")
        found += _figures(f"{protocol}, {spokes} spokes come up and rest", "ms", times, f"{protocol}: {what}", shares)
    rates = [[_refreshed(version, spokes) for version in (4, 6)] for _ in range(runs)]
    name, shares = "refreshed registrations", [2 * new / old for old, new in rates]
    return found + _figures(f"{name} of {spokes} spokes", "/s", rates, f"{name}: {_UNITS['static']}", shares)


def _figures(name: str, unit: str, turns: list[list[float]], what: str, shares: list[float]) -> list[Figure]:
    """Return the figures of IPv4 and IPv6, and how many times IPv4 a unit of IPv6 is, turn by turn."""
    old, new = (
        Figure(name=f"{name}: IPv{version}", unit=unit, values=values, more=unit == "/s")
        for version, values in zip((4, 6), zip(*turns, strict=True), strict=True)
    )
    ratio = f"{what} for each of IPv4, turn by turn"
    return [old, new, Figure(name=ratio, unit="x", values=tuple(shares), goal=0.95, floor=0.8, more=True)]


def _refreshed(version: int, spokes: int) -> float:
    """Return how often a second a hub answers registrations that it has answered before."""
    world, hub = _started("static", version, spokes)
    first, _ = hub.registrations[:spokes], hub.take()
    for number in range(1, _REFRESHED + 1):
        for event in first:
            assert hub.handle(event, world.now + 100.0 * number), "no answer"
    return 1e3 * _REFRESHED * spokes / hub.take()


def _run(protocol: str, version: int, spokes: int) -> tuple[float, int]:
    """Return what the hub computes, milliseconds, and of how many units that is."""
    gc.collect()
    gc.disable()
    try:
        world, hub = _started(protocol, version, spokes)
        world.run_for(_REST)
    finally:
        gc.enable()
    spent, router = hub.take(), world.routers["HUB"].router
    if protocol == "ospf":
        return spent, router.machine(OspfMachine).of_version(version)[1].limit.count
    return spent, len(router.machine(NhrpMachine).of_version(version)[0].cache) if protocol == "static" else 1


def _started(protocol: str, version: int, spokes: int) -> tuple[Simulator, _Watched]:
    """Return a network whose hub has all routes, and its hub."""
    scenario = network(protocol, version, spokes)
    world = Simulator.of(scenario)
    hub = _Watched(world.routers["HUB"].router)
    if not world.run_while(lambda: bool(world.missing(scenario)), _LATEST, step=0.5):
        raise RuntimeError(f"{protocol} of IPv{version}: {world.missing(scenario)[:3]} missing")
    return world, hub


# ------------------------------------------------------------------------------------------------ networks


def network(protocol: str, version: int, spokes: int) -> Scenario:
    """Return a hub and its spokes, each with a LAN, with IPv4 or IPv6 inside the tunnels."""
    names = ["HUB", *(f"S{number}" for number in range(1, spokes + 1))]
    wires = [LinkSpec(ends=[f"{name}:GigabitEthernet0/1" for name in names])]
    lans = [LinkSpec(ends=[f"{name}:GigabitEthernet0/2", f"{name}:GigabitEthernet0/3"]) for name in names]
    lab = Lab(
        title=f"{protocol}, IPv{version}, {spokes} spokes",
        routers={name: RouterSpec(role="spoke" if number else "hub") for number, name in enumerate(names)},
        links=[*wires, *lans],
        ready=ReadySpec(routes={"HUB": [_lan_of(number, version) for number in range(1, spokes + 1)]}),
    )
    texts = {name: _router(name, number, spokes, protocol, version) for number, name in enumerate(names)}
    return Scenario(f"{protocol}-{version}", lab, texts)


def _own(number: int, version: int) -> str:
    return f"172.16.0.{number + 1}" if version == 4 else f"2001:DB8:0:1::{number + 1:X}"


def _lan_of(number: int, version: int) -> str:
    return f"10.0.{number}.0/24" if version == 4 else f"2001:DB8:1:{number:X}::/64"


def _router(name: str, number: int, spokes: int, protocol: str, version: int) -> str:
    """Return the configuration of router `number`, the hub being 0."""
    ip = "ip" if version == 4 else "ipv6"
    on_tunnel, on_lan = _ADDRESSES[version]
    lan = f"10.0.{number}.1" if version == 4 else f"2001:DB8:1:{number:X}::1"
    interface, process = _LINES.get((protocol, version), ("", ""))
    if protocol == "bgp":
        process = _bgp(number, version)
    if protocol == "static":
        far = range(1, spokes + 1) if not number else (0,)
        process = "\n".join(_static(each, version) for each in far)
    nhrp = f" {ip} nhrp nhs {_own(0, version)} nbma 100.64.0.1 multicast\n" if number else f" {ip} nhrp redirect\n"
    lan_lines = interface.replace(f" {ip} ospf network point-to-multipoint\n", "")
    return (
        f"hostname {name}\n{'ipv6 unicast-routing' if version == 6 else '!'}\n"
        f"interface Tunnel0\n{on_tunnel.format(own=_own(number, version))}\n {ip} mtu 1400\n"
        f" {ip} nhrp network-id 1\n {ip} nhrp map multicast dynamic\n{nhrp}{interface}"
        " tunnel source GigabitEthernet0/1\n tunnel mode gre multipoint\n tunnel key 100\n"
        f"interface GigabitEthernet0/1\n ip address 100.64.0.{number + 1} 255.255.0.0\n"
        f"interface GigabitEthernet0/2\n{on_lan.format(lan=lan)}\n{lan_lines}"
        f"{process.format(identifier=f'192.0.2.{number + 1}')}\nend\n"
    )


def _static(far: int, version: int) -> str:
    if version == 4:
        return f"ip route 10.0.{far}.0 255.255.255.0 {_own(far, version)}"
    return f"ipv6 route {_lan_of(far, version)} {_own(far, version)}"


def _bgp(number: int, version: int) -> str:
    """Spokes are clients of the hub, which reflects their routes with itself as the next hop."""
    neighbor = "SPOKES" if not number else _own(0, version)
    if number:
        lines = f" neighbor {neighbor} remote-as 65000\n neighbor {neighbor} timers 10 30\n"
    else:
        span = "172.16.0.0/16" if version == 4 else "2001:DB8:0:1::/64"
        lines = (
            f" bgp listen range {span} peer-group SPOKES\n bgp listen limit 500\n timers bgp 10 30\n"
            " neighbor SPOKES peer-group\n neighbor SPOKES remote-as 65000\n"
        )
    own = f"10.0.{number}.0 mask 255.255.255.0" if version == 4 else _lan_of(number, version)
    family = f"  network {own}\n  neighbor {neighbor} activate\n"
    if not number:
        family += "  neighbor SPOKES route-reflector-client\n  neighbor SPOKES next-hop-self all\n"
    return (
        f"router bgp 65000\n bgp router-id {{identifier}}\n no bgp log-neighbor-changes\n{lines}"
        f" address-family ipv{version}\n{family} exit-address-family"
    )
