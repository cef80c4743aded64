"""What happens to all peers or routes of a large router at one moment: how long is the longest event that it makes?

A whole router with all features takes the event, and each `Tick` that follows, in virtual time; effects are dropped,
and TCP takes all octets at once. Processor time is measured from an event to its effects. Nothing may keep a
router for longer than 20 ms: BFD at 50 ms x 3 must not miss a neighbor meanwhile. Garbage is not collected.

`python -m bench.events [NAMES]` prints how many events each happening took, their processor time, and the longest.
"""

from __future__ import annotations

import gc
import sys
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.figures import Figure
from bench.hub import make_hub, registration
from dmvpn.base.addresses import Prefix
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, ConfigurationEntered, EnteredLine, IpReceived, LinesEntered, LinkChanged, Tick
from dmvpn.base.streams import (
    StreamClose,
    StreamData,
    StreamDown,
    StreamEnd,
    StreamPause,
    StreamSend,
    StreamUp,
    StreamWritable,
)
from dmvpn.features.bgp.attributes import Attributes, write
from dmvpn.features.bgp.events import ClearBgp, Softness
from dmvpn.features.bgp.packet import IPV4_UNICAST, Capability, CapabilityValue, Keepalive, Open, Update, serialize
from dmvpn.features.eigrp.machine import ClearNeighbors
from dmvpn.features.nhrp.model import ClearCache, ClearSessions
from dmvpn.features.ospf.machine import ClearProcess, OspfMachine
from dmvpn.features.rib.machine import ClearRoutes
from dmvpn.features.rip.packet import Command, RipEntry, RipPacket
from dmvpn.net.ip import UdpDatagram
from dmvpn.router.router import Router
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.multiply import multiply
from support.eigrp_net import Crowd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event

#: Lines that a paste hands over together.
_PASTED: Final = 8
_GOAL: Final = 20.0
PORTS: Final = ("GigabitEthernet0/0", "GigabitEthernet0/1")


class Happening(NamedTuple):
    """spent, longest: processor seconds of all events, and of the longest, which was `what`."""

    name: str
    events: int
    spent: float
    longest: float
    what: str


class Watch:
    """A look at the clock around each event of a router."""

    def __init__(self, router: Router, about: str) -> None:
        self.happenings: list[Happening] = []
        self._about = about
        self.costs: list[tuple[float, str]] = []
        self._handle = router.handle
        router.handle = self.handle  # type: ignore[method-assign]

    def handle(self, event: Event, now: float) -> list[Effect]:
        begun = time.thread_time()
        effects = self._handle(event, now)
        self.costs.append((time.thread_time() - begun, type(event).__name__))
        return effects

    def note(self, name: str, act: Callable[[], object]) -> None:
        """Let something happen, with all that becomes of it."""
        gc.collect()
        self.costs.clear()
        act()
        longest, what = max(self.costs, default=(0.0, ""))
        spent = sum(cost for cost, _ in self.costs)
        found = Happening(f"{self._about}: {name}", len(self.costs), spent, longest, what)
        self.happenings.append(found)
        print(f"{found.name:66} {found.events:9,} {spent:8.3f} s {1e3 * longest:8.2f} ms {what}", flush=True)


class Hub:
    """A router in virtual time, alone with what it is told. paused: streams of which it reads nothing for now."""

    def __init__(self, router: Router, about: str, now: float = 0.5) -> None:
        self.router = router
        self.now = now
        self.paused: dict[int, None] = {}
        self.watch = Watch(router, about)

    @classmethod
    def of(cls, lines: str, about: str) -> Hub:
        """A router with these lines, whose ports are up."""
        hub = cls(Router(SeededEntropy(1)), about, 0.0)
        hub.handle(ClockSet(1.8e9), ConfigurationEntered(lines, by="startup", saved=True))
        hub.handle(*(LinkChanged(name, up=True) for name in PORTS))
        hub.run(1.0)
        return hub

    def handle(self, *events: Event) -> None:
        """Let the router take events, one after the other; octets of a stream that is paused are left out."""
        for event in events:
            if isinstance(event, StreamData) and event.stream in self.paused:
                continue
            effects = self.router.handle(event, self.now)
            for effect in effects:
                if type(effect) is StreamPause and effect.paused:
                    self.paused[effect.stream] = None
                elif type(effect) is StreamPause:
                    self.paused.pop(effect.stream, None)
            closed = {effect.stream for effect in effects if type(effect) is StreamClose}
            sent = dict.fromkeys(effect.stream for effect in effects if type(effect) is StreamSend)
            self.handle(*(StreamWritable(stream) for stream in sent if stream not in closed))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.handle(Tick())
        self.now = end

    def note(self, name: str, *events: Event, seconds: float = 60.0) -> None:
        """Let these events happen, and let so much time pass."""

        def happen() -> None:
            self.handle(*events)
            self.run(seconds)

        self.watch.note(name, happen)


def pasted(*lines: str) -> Iterator[LinesEntered]:
    """Yield lines as a paste hands them over. A line of a section begins with a space."""
    within: tuple[str, ...] = ()
    found = []
    for line in lines:
        text = line.lstrip()
        within = within[: len(line) - len(text)]
        found.append(EnteredLine(within, text))
        within = (*within, text)
    for first in range(0, len(found), _PASTED):
        yield LinesEntered(tuple(found[first : first + _PASTED]))


def _statics(routes: int) -> tuple[str, ...]:
    return tuple(f"ip route 20.{n >> 8 & 255}.{n & 255}.0 255.255.255.0 Null0" for n in range(routes))


# ------------------------------------------------------------------------------------------------ NHRP


def nhrp(clients: int) -> list[Happening]:
    """Clients of NHRP."""
    hub = Hub(make_hub(), f"{clients:,} clients of NHRP")
    all_of_them = [registration(number) for number in range(1, clients + 1)]
    tunnel, underlay = "interface Tunnel0", "GigabitEthernet0/1"

    def again() -> None:
        hub.handle(*all_of_them)
        hub.run(5.0)

    hub.note("they register", *all_of_them, seconds=5.0)
    hub.note("they expire", seconds=700.0)
    for name, order in (("clear ip nhrp", ClearCache()), ("clear dmvpn session", ClearSessions())):
        again()
        hub.note(name, order)
    again()
    for line in ("ip nhrp holdtime 500", "ip nhrp authentication X", "ip nhrp network-id 9"):
        hub.note(line, *pasted(tunnel, f" {line}"))
    again()
    for up, what in ((False, "goes"), (True, "comes")):
        hub.note(f"the port of the tunnel {what}", LinkChanged(underlay, up), seconds=5.0)
    again()
    for line in ("shutdown", "no shutdown"):
        hub.note(line, *pasted(tunnel, f" {line}"), seconds=5.0)
    again()
    hub.note("no ip nhrp network-id", *pasted(tunnel, " no ip nhrp network-id"))
    hub.handle(*pasted(tunnel, " ip nhrp network-id 1"))
    again()
    hub.note("no interface Tunnel0", *pasted("no interface Tunnel0"))
    return hub.watch.happenings


# ------------------------------------------------------------------------------------------------ RIP

RIP: Final = """interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
interface GigabitEthernet0/1
 ip address 198.51.100.1 255.255.255.0
router rip
 version 2
 no auto-summary
 network 192.0.2.0
 network 198.51.100.0
"""


def _told(routes: int, metric: int = 1) -> Iterator[IpReceived]:
    source, group, mask = IPv4Address("192.0.2.2"), IPv4Address("224.0.0.9"), IPv4Address("255.255.255.0")
    for first in range(0, routes, 25):
        entries = tuple(
            RipEntry(address=IPv4Address(0x14000000 + 256 * number), mask=mask, metric=metric)
            for number in range(first, first + 25)
        )
        packet = RipPacket(command=Command.RESPONSE, entries=entries).serialize()
        datagram = UdpDatagram(source_port=520, destination_port=520, payload=packet).serialize(source, group)
        yield IpReceived(PORTS[0], source, group, 17, datagram, ttl=1)


def rip(routes: int) -> list[Happening]:
    """Routes of RIP, all of one network of class A."""
    hub = Hub.of(RIP, f"{routes:,} routes of RIP")
    hub.note("they are learned and told", *_told(routes))
    hub.note("they change", *_told(routes, 2))
    for line in ("auto-summary", "no auto-summary", "distance 99"):
        hub.note(line, *pasted("router rip", f" {line}"))
    hub.note("clear ip route *", ClearRoutes())
    hub.handle(*_told(routes))
    hub.note("they time out", seconds=400.0)
    hub.handle(*_told(routes))
    hub.run(20.0)
    hub.note("their port goes", LinkChanged(PORTS[0], up=False))
    hub.handle(LinkChanged(PORTS[0], up=True))
    hub.run(10.0)
    hub.handle(*_told(routes))
    hub.run(20.0)
    hub.note("no router rip", *pasted("no router rip"))
    return hub.watch.happenings


# ------------------------------------------------------------------------------------------------ EIGRP

EIGRP: Final = """interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
interface Tunnel100
 bandwidth 1000000
 ip address 172.16.0.1 255.255.0.0
 tunnel source GigabitEthernet0/0
 tunnel mode gre multipoint
router eigrp BENCH
 address-family ipv4 unicast autonomous-system 100
  af-interface Tunnel100
   summary-address 10.0.0.0 255.0.0.0
  exit-af-interface
  network 0.0.0.0
 exit-address-family
"""
_FAMILY: Final = ("router eigrp BENCH", " address-family ipv4 unicast autonomous-system 100")


def eigrp(spokes: int) -> list[Happening]:
    """Neighbors of EIGRP, which answer."""
    hub = Hub.of(EIGRP, f"{spokes:,} neighbors of EIGRP")
    crowd = Crowd(spokes, hub.router)
    crowd.now = hub.now

    def note(name: str, *events: Event, most: float = 120.0) -> None:
        def happen() -> None:
            for event in events:
                crowd.handle(event)
            end = crowd.now + most
            crowd.run(1.0)
            while not (crowd.up() == spokes + 1 and crowd.quiet()) and crowd.now < end:
                crowd.run(0.5)

        hub.watch.note(name, happen)

    note("they come up")
    note("clear ip eigrp neighbors soft", ClearNeighbors(soft=True))
    note("clear ip eigrp neighbors", ClearNeighbors())
    for line in ("no summary-address 10.0.0.0 255.0.0.0", "summary-address 10.0.0.0 255.0.0.0"):
        note(line, *pasted(*_FAMILY, "  af-interface Tunnel100", f"   {line}"))
    for event in pasted(*_statics(500)):
        crowd.handle(event)
    for line in ("redistribute static", "no redistribute static"):
        note(f"{line}, 500 routes", *pasted(*_FAMILY, "  topology base", f"   {line}"))
    for line, most in (("shutdown", 5.0), ("no shutdown", 120.0)):
        note(line, *pasted("interface Tunnel100", f" {line}"), most=most)
    (ending,) = pasted("no router eigrp BENCH")
    hub.watch.note("no router eigrp", lambda: crowd.handle(ending))
    return hub.watch.happenings


# ------------------------------------------------------------------------------------------------ OSPF


def ospf(spokes: int) -> list[Happening]:
    """Neighbors of OSPF, in the simulator."""
    (scenario,) = multiply([Scenario.load("ospf-phase3")], spokes)
    world = Simulator.of(scenario)
    router = world.routers["HUB"].router
    watch = Watch(router, f"{spokes:,} neighbors of OSPF")

    def note(name: str, *events: Event, seconds: float = 20.0) -> None:
        def happen() -> None:
            for event in events:
                world.post("HUB", event)
            world.run_for(seconds)

        watch.note(name, happen)

    note("they come up", seconds=60.0)
    (number,) = router.machine(OspfMachine).processes
    process = f"router ospf {number}"
    note("clear ip ospf process", ClearProcess(), seconds=60.0)
    for event in pasted(*_statics(500)):
        world.post("HUB", event)
    for line in ("redistribute static subnets", "no redistribute static subnets"):
        note(f"{line}, 500 routes", *pasted(process, f" {line}"))
    for line in ("shutdown", "no shutdown"):
        note(line, *pasted("interface Tunnel0", f" {line}"), seconds=60.0)
    note(f"no {process}", *pasted(f"no {process}"))
    return watch.happenings


# ------------------------------------------------------------------------------------------------ BGP

BGP: Final = """interface GigabitEthernet0/0
 ip address 10.32.255.1 255.255.0.0
router bgp 65000
 bgp router-id 10.9.0.1
 bgp listen limit 5000
 bgp listen range 10.32.0.0/16 peer-group SPOKES
 no bgp log-neighbor-changes
 neighbor SPOKES peer-group
 neighbor SPOKES remote-as 65000
 neighbor SPOKES route-reflector-client
"""
_EACH: Final = 10


def bgp_calls(neighbors: int, first_stream: int) -> Iterator[Event]:
    """Each neighbor calls, and tells its prefixes."""
    capabilities = [
        CapabilityValue(Capability.MULTIPROTOCOL, IPV4_UNICAST),
        CapabilityValue(Capability.FOUR_OCTET_AS, (65000).to_bytes(4, "big")),
        CapabilityValue(Capability.ROUTE_REFRESH, b""),
    ]
    for number in range(neighbors):
        address, stream = IPv4Address("10.32.0.1") + number, first_stream + 2 * number
        first = 0x0A400000 + 256 * number * _EACH
        prefixes = tuple(Prefix.of(IPv4Address(first + 256 * one), 24) for one in range(_EACH))
        attributes = write(Attributes(next_hop=address, local_pref=100), wide=True)
        yield StreamUp(stream, IPv4Address("10.32.255.1"), 179, address, 40000, taken=True)
        yield StreamData(stream, serialize(Open.with_capabilities(65000, 0, address, capabilities)))
        yield StreamData(stream, serialize(Keepalive()))
        yield StreamData(stream, serialize(Update(attributes=attributes, announced=prefixes)))


def bgp(neighbors: int) -> list[Happening]:
    """Neighbors of BGP: clients of a route reflector that read whatever comes."""
    hub = Hub.of(BGP, f"{neighbors:,} neighbors of BGP")
    rounds = iter(range(1, 1000 * neighbors, 2 * neighbors))
    streams = range(0)

    def calls() -> list[Event]:
        nonlocal streams
        first = next(rounds)
        streams = range(first, first + 2 * neighbors, 2)
        return list(bgp_calls(neighbors, first))

    def again() -> None:
        hub.handle(*calls())
        hub.run(30.0)

    hub.note("they come up", *calls())
    for softness in (Softness.SOFT, Softness.SOFT_OUT, Softness.SOFT_IN):
        hub.note(f"clear ip bgp * {softness.value}", ClearBgp(softness=softness))
    hub.handle(*pasted(*_statics(5000)))
    for line in ("redistribute static", "no redistribute static", "distance bgp 21 201 201", "maximum-paths ibgp 2"):
        hub.note(line, *pasted("router bgp 65000", f" {line}"))
    hub.note("clear ip route *", ClearRoutes())
    hub.note("their sessions end", *(StreamDown(stream, StreamEnd.RESET) for stream in streams))
    again()
    hub.note("clear ip bgp *", ClearBgp())
    again()
    hub.note("neighbor SPOKES shutdown", *pasted("router bgp 65000", " neighbor SPOKES shutdown"))
    hub.handle(*pasted("router bgp 65000", " no neighbor SPOKES shutdown"))
    again()
    _lists(hub)
    hub.note("their port goes", LinkChanged(PORTS[0], up=False))
    hub.handle(LinkChanged(PORTS[0], up=True))
    hub.run(10.0)
    again()
    hub.note("no router bgp", *pasted("no router bgp 65000"))
    return hub.watch.happenings


def _lists(hub: Hub) -> None:
    """A prefix list of 5,000 entries in a route map."""
    listed = tuple(f"ip prefix-list P permit 10.{64 + (n >> 8)}.{n & 255}.0/24" for n in range(5000))
    mapped = ("route-map M permit 10", " match ip address prefix-list P", "route-map M permit 20", " set weight 9")
    hub.note("5,000 entries of a prefix list", *pasted(*listed), seconds=5.0)
    hub.handle(*pasted(*mapped))
    for line in ("neighbor SPOKES route-map M in", "neighbor SPOKES route-map M out"):
        hub.note(f"{line}, with that list", *pasted("router bgp 65000", f" {line}"))
    hub.note("another entry of that list", *pasted("ip prefix-list P permit 11.0.0.0/24"), seconds=90.0)
    hub.note("no ip prefix-list", *pasted("no ip prefix-list P"), seconds=90.0)


CASES: Final[dict[str, tuple[Callable[[int], list[Happening]], int]]] = {
    "nhrp": (nhrp, 10_000),
    "eigrp": (eigrp, 5_000),
    "ospf": (ospf, 100),
    "bgp": (bgp, 2_000),
    "rip": (rip, 20_000),
}


def measure(*, quick: bool) -> list[Figure]:
    """Let everything happen to large hubs."""
    gc.disable()
    try:
        found = [one for case, size in CASES.values() for one in case(size // 10 if quick else size)]
    finally:
        gc.enable()
    return [Figure(name=one.name, unit="ms", values=(1e3 * one.longest,), goal=_GOAL) for one in found]


if __name__ == "__main__":
    gc.disable()
    for chosen in sys.argv[1:] or CASES:
        CASES[chosen][0](CASES[chosen][1])
