"""Packets between the LANs of a simulated network: which arrive, by which routers, how large they may be.

Every LAN has a host: one of the scenario, or a host added for the measurement. A router without a LAN sends and takes
packets itself, by a loopback interface, as people try such a network with pings. Packets carry marks
(`judge/traffic.py`) and are seen on all wires, inside ESP too, so their paths are observed and no router is asked.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import field
from ipaddress import ip_interface, ip_network
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import SendIp
from dmvpn.base.values import Mutable, Value
from dmvpn.judge.anatomy import Anatomy, Site, customers_of
from dmvpn.judge.traffic import Mark, Post, SealedMarks
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.base.events import IpReceived
    from dmvpn.base.notices import InterfaceState
    from dmvpn.network.overlay import Table
    from dmvpn.shells.lab_model import HostAddress
    from dmvpn.shells.scenario import Scenario
    from dmvpn.shells.simulator.simulator import Simulator
    from dmvpn.tools.diff.behavior import LanPair

#: Seconds for which a packet may be on its way, besides what wires take; and how often it may pass the slowest one.
FLIGHT: Final = 0.5
_PASSES: Final = 4
#: Octets of the largest packet of a host, and of the smallest that is tried.
LARGEST, SMALLEST = 1500, 68
#: The maximum segment size in a TCP SYN: that of an Ethernet.
ANNOUNCED_MSS: Final = 1460
#: A SYN from port 7 to port 7, a header of 24 octets, and the option itself.
_SYN: Final = struct.Struct("!HHIIBBHHHBBH")
_FRAGMENT: Final = 0x3FFF
_TCP_PORT: Final = 7


class Lan(Value):
    """The origin or destination of packets. site, port: the router in front of it and its interface, which is in this
    VRF. host: its name, or the router's own, where a loopback interface stands for a LAN. customer: LANs of one
    customer should reach each other (`network/overlay`).
    """

    site: str
    port: str
    host: str
    address: IPAddress
    prefix: Prefix
    vrf: str = ""
    customer: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether the router itself sends and takes the packets."""
        return self.host == self.site

    @property
    def own_source(self) -> IPAddress | None:
        """The source that its packets have to name: a host has no other one."""
        return self.address if self.is_loopback else None


class Arrival(NamedTuple):
    """When a packet left and arrived (seconds), and the routers of the overlay that forwarded it."""

    left: float
    came: float
    way: tuple[str, ...]


class _Flow(Mutable):
    """Packets of one pair. count: sent in total. left, arrived: by number, since `reset_counts`."""

    number: int
    source: Lan
    destination: Lan
    count: int = 0
    left: dict[int, float] = field(default_factory=dict)
    arrived: dict[int, Arrival] = field(default_factory=dict)


def lans_of(world: Simulator, scenario: Scenario, anatomy: Anatomy) -> dict[str, Lan]:
    """Return the LANs behind the routers of the overlay by name; adds a host where none is. For a world at time 0."""
    places = {scenario.end(spec.link): name for name, spec in scenario.lab.hosts.items()}
    of_tables = customers_of(world, anatomy.sites)
    found: list[Lan] = []
    for site in anatomy.sites.values():
        for state in world.routers[site.name].router.ports.interfaces.all():
            if state.name in (*site.wans, *site.sources):
                continue
            host = places.get((site.name, state.name))
            own_addresses = _own(state)
            if host is None and own_addresses and _is_lan(world, site.name, state):
                host = f"{site.name}/{state.name}"
                world.plug_host(host, [_neighbor(*own) for own in own_addresses], site.name, state.name)
            if host is None or not (own := world.hosts[host].plane.addresses_of("eth0")):
                continue
            customer = of_tables.get((site.name, state.vrf), state.vrf)
            found.append(Lan(site.name, state.name, host, own[0][0], Prefix.of(*own[0]), state.vrf, customer))
    with_lan = {lan.site for lan in found}  # asked, never iterated
    for site in anatomy.sites.values():
        found += () if site.name in with_lan else _loopbacks(world, site, of_tables)
    several = [site for site, count in Counter(lan.site for lan in found).items() if count > 1]
    return {f"{lan.site}:{lan.port}" if lan.site in several else lan.site: lan for lan in found}


def _loopbacks(world: Simulator, site: Site, of_tables: Mapping[Table, str]) -> Iterator[Lan]:
    """Yield the first loopback interface with an address, which stands for the LAN of a site."""
    for state in world.routers[site.name].router.ports.interfaces.all():
        own = _own(state)
        if state.name.startswith("Loopback") and state.name not in site.sources and own and not state.vrf:
            customer = of_tables.get((site.name, ""), "")
            yield Lan(site.name, state.name, site.name, own[0][0], Prefix.of(*own[0]), "", customer)
            return


def _own(state: InterfaceState) -> tuple[tuple[IPAddress, int], ...]:
    """Return the first address of each version of IP, with its prefix length."""
    return (*state.routed(4)[:1], *state.routed(6)[:1])


def _neighbor(own: IPAddress, length: int) -> HostAddress:
    """Return an address for a host on the network of a router, and the router as its gateway."""
    last = ip_network((own, length), strict=False)[-2]
    return ip_interface((last - (last == own), length)), own


def name_alike(some: dict[str, Lan], others: dict[str, Lan]) -> None:
    """Name LANs with their interfaces, too, where a router has one LAN on one side and several on the other."""
    for lans, besides in ((some, others), (others, some)):
        several = {lan.site for name, lan in besides.items() if name != lan.site}
        for name in [name for name in lans if name in several]:
            lan = lans.pop(name)
            lans[f"{name}:{lan.port}"] = lan


def _is_lan(world: Simulator, router: str, state: InterfaceState) -> bool:
    """Return whether the port is a LAN: no other router is attached, and its subnet has room for hosts.

    A /30, or of IPv6 a /126, is a link to a router that is not part of the network.
    """
    if not state.name.startswith(("Gigabit", "Fast", "Ethernet", "TenGigabit")) or not state.enabled:
        return False
    try:
        ends = world.segment_of(router, state.name).ends
    except KeyError:
        ends = []
    alone = all(station.name == router for station, _ in ends)
    return alone and all(length <= address.max_prefixlen - 3 for address, length in _own(state))


class Probing:
    """The post office of one world."""

    def __init__(self, world: Simulator, scenario: Scenario, anatomy: Anatomy, lans: Mapping[str, Lan]) -> None:
        self.world = world
        self._sites = anatomy.sites
        self._lans = lans
        self._post = Post(world, tcp=True)
        self._post.arrived = self._arrived
        self._post.other = self._other
        self._flows: dict[LanPair, _Flow] = {}
        self._numbered: list[_Flow] = []
        self._ways: dict[Mark, list[str]] = {}
        self._marks = SealedMarks()
        self._fragmented = False
        self._mss: int | None = None
        world.sealed = lambda message, sealed: self._marks.note(message, sealed, world.now)
        world.overhear = self._overhear
        for segment in world.segments:
            segment.gate = self._gate
        for lan in lans.values():
            self._post.listen(lan.host)

    @property
    def _flight(self) -> float:
        """Seconds after which a packet counts as lost; longer while a wire is slow."""
        return FLIGHT + _PASSES * max((one.impairment.delay for one in self.world.segments), default=0.0)

    # ---------------------------------------------------------------------------------------------- packets

    def send(self, pair: LanPair, *, length: int = 0, whole: bool = True) -> int:
        """Return the number of a packet that is sent now. whole: send it with DF set."""
        flow = self._ready(pair)
        flow.count += 1
        flow.left[flow.count] = self.world.now
        mark = Mark(flow.number, flow.count)
        here, there = flow.source, flow.destination.address
        self._post.send(here.host, there, mark, source=here.own_source, length=length, whole=whole)
        return flow.count

    def stream(self, pairs: Iterable[LanPair], interval: float) -> None:
        """Send packets of all pairs, one after another, within `interval` seconds; that time passes."""
        pairs = tuple(pairs)
        start = self.world.now
        for position, pair in enumerate(pairs):
            self.world.run_until(start + interval * position / len(pairs))
            self.send(pair)
        self.world.run_until(start + interval)

    def settle(self) -> None:
        """Wait until packets in flight have arrived."""
        self.world.run_for(self._flight)

    def sent(self, pair: LanPair) -> dict[int, float]:
        """Return the time at which each packet of a pair left, by its number."""
        return self._flow(pair).left

    def arrivals(self, pair: LanPair) -> dict[int, Arrival]:
        """Return the packets of a pair that arrived, by their number."""
        return self._flow(pair).arrived

    def reset_counts(self) -> None:
        """Begin to count again."""
        for flow in self._numbered:
            flow.left, flow.arrived = {}, {}
        self._ways.clear()

    # ---------------------------------------------------------------------------------------------- sizes

    def largest_whole(self, pair: LanPair, guess: int) -> int | None:
        """Return the octets of the largest packet that no router drops or fragments. guess: a likely size."""
        if self._passes_whole(pair, guess):
            low, high = guess, LARGEST + 1
            if guess < LARGEST and not self._passes_whole(pair, guess + 1):
                return guess
        else:
            low, high = SMALLEST, guess
            if not self._passes_whole(pair, low):
                return None
        while high - low > 1:
            middle = (low + high) // 2
            if self._passes_whole(pair, middle):
                low = middle
            else:
                high = middle
        return low

    def _passes_whole(self, pair: LanPair, length: int) -> bool:
        flow = self._flow(pair)
        self._fragmented = False
        number = self.send(pair, length=length)
        arrived = self.world.run_while(lambda: number not in flow.arrived, self._flight, step=0.01)
        return arrived and not self._fragmented

    def mss(self, pair: LanPair) -> int | None:
        """Return the TCP MSS of a host's SYN as it arrives at the other host; None if it is lost."""
        flow = self._ready(pair)
        self._mss = None
        syn = _SYN.pack(_TCP_PORT, _TCP_PORT, 1, 0, 6 << 4, 2, 65535, 0, 0, 2, 4, ANNOUNCED_MSS)
        packet = SendIp(None, flow.source.own_source, flow.destination.address, IpProtocol.TCP, syn, ttl=64)
        self._post.transmit(flow.source.host, packet)
        self.world.run_while(lambda: self._mss is None, self._flight, step=0.01)
        return self._mss

    # ---------------------------------------------------------------------------------------------- inside

    def _flow(self, pair: LanPair) -> _Flow:
        flow = self._flows.get(pair)
        if flow is None:
            flow = _Flow(len(self._numbered), self._lans[pair.source], self._lans[pair.destination])
            self._flows[pair] = flow
            self._numbered.append(flow)
        return flow

    def _ready(self, pair: LanPair) -> _Flow:
        """Return the flow of a pair; a router at its end receives packets by all ports that it has now."""
        flow = self._flow(pair)
        if flow.destination.is_loopback:
            self._post.expect(flow.destination.site)
        return flow

    def _gate(self, sender: str, _receiver: str, packet: bytes) -> bool:
        mark = self._marks.mark_of(packet)
        if mark is not None and sender in self._sites:
            way = self._ways.setdefault(mark, [])
            if not way or way[-1] != sender:
                way.append(sender)
        return True

    def _arrived(self, mark: Mark, _ttl: int) -> None:
        flow = self._numbered[mark.flow]
        last = (flow.destination.site,) if flow.destination.is_loopback else ()  # a LAN's router sends to the host
        way = (*self._ways.pop(mark, ()), *last)
        left = flow.left.get(mark.sequence)
        if left is not None and mark.sequence not in flow.arrived:
            flow.arrived[mark.sequence] = Arrival(left, self.world.now, way)

    def _other(self, event: IpReceived) -> None:
        if event.protocol == IpProtocol.TCP and len(event.payload) == _SYN.size:
            self._mss = _SYN.unpack(event.payload)[-1]

    def _overhear(self, _sender: str, _port: str, packet: bytes) -> None:
        if packet[0] >> 4 == 4 and int.from_bytes(packet[6:8], "big") & _FRAGMENT:
            self._fragmented = True
