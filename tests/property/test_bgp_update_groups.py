"""Neighbors of BGP that share an update group hear what each of them would hear alone, whatever happens meanwhile."""

from __future__ import annotations

from contextlib import ExitStack
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, cast
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.events import LinkChanged
from dmvpn.base.exports import ExportedPath, PathsImported
from dmvpn.base.streams import StreamClose, StreamData, StreamDown, StreamEnd, StreamSend, StreamUp, StreamWritable
from dmvpn.features.bgp import FEATURE as BGP
from dmvpn.features.bgp import advertiser, groups, packet, routes, session
from dmvpn.features.bgp.attributes import Attributes, Segment, SegmentKind, read, write
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.origination import Imports
from dmvpn.features.bgp.paths import LocRib, Path, PathOrigin, is_advertised
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.features.policy.machine import PolicyMachine
from dmvpn.features.rib.machine import RibMachine
from support.routing import GI1, a, make, p
from support.workbench import Workbench, of_type
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Container

    from dmvpn.base.effects import Effect
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.packet import Nlri

LOCAL = a("172.16.31.1")
PREFIXES = tuple(p(f"10.{number}.0.0/16") for number in range(8))
_FILTER = "ip prefix-list SOME seq 5 deny 10.3.0.0/16\nip prefix-list SOME seq 10 permit 0.0.0.0/0 le 32\n"
_LINES = f"""
interface {GI1}
 ip address 172.16.31.1 255.255.255.0
router bgp 65000
 bgp router-id 9.9.9.9
 bgp listen range 172.16.31.0/25 peer-group PLAIN
 bgp listen range 172.16.31.128/25 peer-group OTHERS
 neighbor PLAIN peer-group
 neighbor PLAIN remote-as 65001
 neighbor PLAIN advertisement-interval 0
 neighbor OTHERS peer-group
 neighbor OTHERS remote-as 65002
 neighbor OTHERS advertisement-interval 0
 neighbor OTHERS prefix-list SOME out
 bgp additional-paths send receive
 bgp additional-paths select all best 2
 neighbor OTHERS advertise additional-paths all
"""
_HOSTS = (2, 3, 4, 130, 131)
#: What moves neighbors from one group to another while they are up.
_CHANGES = (
    " neighbor PLAIN prefix-list SOME out",
    " no neighbor PLAIN prefix-list SOME out",
    " neighbor PLAIN next-hop-self",
    " no neighbor PLAIN next-hop-self",
    " no neighbor OTHERS prefix-list SOME out",
    " neighbor OTHERS prefix-list SOME out",
    " neighbor PLAIN advertise additional-paths best 2",
    " no neighbor PLAIN advertise additional-paths best 2",
)


class Listener:
    """A neighbor. heard: what it was told of each path, and nobody took back since; told: of what it tells itself.

    numbered: paths have numbers.
    """

    def __init__(self, bench: Workbench, host: int, *, numbered: bool = False) -> None:
        self.bench = bench
        self.numbered = numbered
        self.system = 65001 if host < 128 else 65002
        self.address = a(f"172.16.31.{host}")
        self.heard: dict[Nlri, Attributes] = {}
        self.told: dict[Nlri, None] = {}
        self.stream = 0
        self.has_more = False
        self._buffer = bytearray()

    def comes(self, stream: int) -> list[Effect]:
        self.stream = stream
        self.heard.clear()
        self.told.clear()
        self._buffer.clear()
        capabilities = [
            packet.CapabilityValue(packet.Capability.MULTIPROTOCOL, packet.IPV4_UNICAST),
            packet.CapabilityValue(packet.Capability.FOUR_OCTET_AS, self.system.to_bytes(4, "big")),
            packet.CapabilityValue(packet.Capability.ROUTE_REFRESH),
        ]
        if self.numbered:
            capabilities.append(packet.CapabilityValue(packet.Capability.ADDITIONAL_PATHS, b"\x00\x01\x01\x03"))
        if stream % 4 == 1:
            capabilities.append(packet.CapabilityValue(packet.Capability.ENHANCED_REFRESH))
        return [
            *self.bench.handle(StreamUp(stream, LOCAL, 179, self.address, 50000, taken=True)),
            *self.says(packet.Open.with_capabilities(self.system, 0, self.address, capabilities)),
            *self.says(packet.Keepalive()),
        ]

    def goes(self) -> list[Effect]:
        gone = self.stream
        self.is_lost()
        return self.bench.handle(StreamDown(gone, StreamEnd.CLOSED))

    def is_lost(self) -> None:
        self.stream = 0
        self.told.clear()

    def says(self, message: packet.Message) -> list[Effect]:
        return self.bench.handle(StreamData(self.stream, packet.serialize(message)))

    def named(self, numbers: list[int], value: int) -> tuple[Nlri, ...]:
        return tuple(
            packet.NumberedPrefix(PREFIXES[one], value % 3) if self.numbered else PREFIXES[one] for one in numbers
        )

    def announces(self, told: tuple[Nlri, ...], value: int) -> list[Effect]:
        self.told.update(dict.fromkeys(told))
        path = (Segment(SegmentKind.SEQUENCE, (self.system,)),)
        raw = write(Attributes(path=path, next_hop=self.address, med=value), wide=True)
        return self.says(packet.Update(attributes=raw, announced=told))

    def withdraws(self, told: tuple[Nlri, ...]) -> list[Effect]:
        for one in told:
            self.told.pop(one, None)
        return self.says(packet.Update(withdrawn=told))

    def hears(self, octets: bytes) -> None:
        self.has_more = True
        self._buffer += octets
        for octets in packet.split(self._buffer):
            message = packet.parse(octets, numbered=self.numbered)
            if isinstance(message, packet.Update):
                for told in message.withdrawn:
                    self.heard.pop(told, None)
                if message.announced:
                    attributes, _ = read(message.attributes, wide=True, internal=False)
                    self.heard.update(dict.fromkeys(message.announced, attributes))


class Net:
    """The router and its neighbors."""

    def __init__(self, numbered: Container[int] = ()) -> None:
        base = make()
        self.bench = Workbench(*base.features, POLICY, BGP)
        self.bench.ports.policies = self.bench.machine(PolicyMachine)
        self.hear(self.bench.configure(_LINES + _FILTER))
        self.hear(self.bench.handle(LinkChanged(GI1, up=True)))
        self.all = [Listener(self.bench, host, numbered=host in numbered) for host in _HOSTS]
        self.streams = 1

    def hear(self, effects: list[Effect]) -> None:
        for order in of_type(effects, StreamSend):
            for one in self.all:
                if one.stream == order.stream:
                    one.hears(order.octets)
        for closed in of_type(effects, StreamClose):  # many paths are too much for one that does not read
            for one in self.all:
                if one.stream == closed.stream:
                    one.is_lost()

    def do(self, step: tuple[int, int, list[int], int]) -> None:
        kind, whose, numbers, value = step
        one = self.all[whose]
        if kind == 0 and not one.stream:
            self.streams += 2
            self.hear(one.comes(self.streams))
        elif kind == 1 and one.stream and value == 0:
            self.hear(one.goes())
        elif kind == 2 and one.stream:
            self.hear(one.announces(one.named(numbers, value), value))
        elif kind == 3 and one.stream:
            self.hear(one.withdraws(one.named(numbers, value)))
        elif kind == 4:
            self.hear(self.bench.configure(f"router bgp 65000\n{_CHANGES[value % len(_CHANGES)]}\n"))
        elif kind == 5 and one.stream:
            self.hear(one.says(packet.RouteRefresh()))
        elif kind == 6:
            self.hear(self.bench.do("clear ip bgp * soft out"))
        elif kind == 7:
            self.read(one)
        else:
            self.hear(self.bench.advance(value / 50))

    def read(self, one: Listener) -> None:
        if one.stream and one.has_more:
            one.has_more = False
            self.hear(self.bench.handle(StreamWritable(one.stream)))

    def rest(self) -> None:
        for _ in range(40):
            for one in self.all:
                self.read(one)
            self.hear(self.bench.advance(3.0))

    def known(self, one: Listener) -> dict[Nlri, None]:
        """What the table has of it."""
        found = self.bench.machine(BgpMachine).ipv4.routes.table.destinations
        return {
            packet.named(prefix, path.number): None
            for prefix, destination in found.items()
            for path in destination.paths.values()
            if path.peer == one.address
        }

    def wanted(self, one: Listener) -> dict[Nlri, Attributes]:
        """What it would hear alone: the best paths of others, or several, with our number before theirs."""
        machine = self.bench.machine(BgpMachine)
        lines = machine.peers[one.address].settings.lines
        found: dict[Nlri, Attributes] = {}
        for prefix, destination in machine.ipv4.routes.table.destinations.items():
            paths: list[tuple[Nlri, Path]] = [(prefix, destination.best[0])] if destination.best else []
            if one.numbered:
                paths = [
                    (packet.NumberedPrefix(prefix, each.number), each.path)
                    for each in destination.candidates
                    if is_advertised(each.merits, lines.advertised)
                ]
            for nlri, best in paths:
                if best.peer == one.address or (lines.filters and prefix == PREFIXES[3]):
                    continue
                path = (Segment(SegmentKind.SEQUENCE, (65000, *best.attributes.systems)),)
                hop: IPAddress = LOCAL if lines.next_hop_self else best.attributes.next_hop
                found[nlri] = Attributes(path=path, next_hop=hop)
        return found


_STEP = st.tuples(
    st.sampled_from((0, 0, 0, 1, 2, 2, 2, 2, 3, 4, 5, 6, 7, 8, 8)),
    st.integers(0, 4),
    st.lists(st.integers(0, len(PREFIXES) - 1), min_size=1, max_size=5, unique=True),
    st.integers(0, 7),
)


@given(st.lists(_STEP, min_size=8, max_size=40), st.sampled_from((0, 2)), st.sets(st.sampled_from(_HOSTS)))
@settings(deadline=None)
def test_neighbors_of_one_group_hear_what_each_would_hear_alone(
    steps: list[tuple[int, int, list[int], int]], tables: int, numbered: set[int]
) -> None:
    """tables: how many may wait for a neighbor that does not read, before it falls behind.

    numbered: neighbors to which paths have numbers.
    """
    with ExitStack() as small:
        for module, name, value in (
            *(
                (groups, "SLICE", 2),
                (routes, "SLICE", 2),
                (advertiser, "_MOST", 3),
                (session, "SEND_LIMIT", 4096 + 300),
            ),
            *((groups, "TABLES", tables), (groups, "BESIDES", 16 if tables else 4)),
        ):
            small.enter_context(patch.object(module, name, value))
        net = Net(numbered)
        for step in steps:
            net.do(step)
        net.rest()
        for one in net.all:
            assert net.known(one) == one.told, one.address
            if one.stream:
                assert one.heard == net.wanted(one), one.address
        plain = [one for one in net.all if one.stream and one.system == 65001 and not one.numbered]
        told = net.bench.machine(BgpMachine)
        assert len({id(told.peers[one.address].group) for one in plain}) <= 1


# EIGRP before OSPF, brought together by two hubs: tags and lists keep packets from circles, at every instant.

ROUTERS = ("CORE", "HUB1", "HUB2", "SPOKE1", "SPOKE2")
TARGETS = tuple(IPv4Address(text) for text in ("10.1.10.100", "10.1.101.100", "10.1.102.100", "10.255.0.11"))
OWNERS = {
    "10.1.0.1": "HUB1",
    "10.1.0.5": "HUB2",
    "10.1.0.2": "CORE",
    "10.1.0.6": "CORE",
    "10.255.0.1": "HUB1",
    "10.255.0.2": "HUB2",
    "10.255.0.11": "SPOKE1",
    "10.255.0.12": "SPOKE2",
}
#: What may go and come back: LANs, cables, tunnels, and the ports to the provider, whose loss only silence tells.
LINES = (
    ("CORE", "GigabitEthernet0/1"),
    ("CORE", "GigabitEthernet0/2"),
    ("CORE", "GigabitEthernet0/3"),
    *((router, port) for router in ROUTERS[1:] for port in ("Tunnel0", "GigabitEthernet0/1")),
    *((router, "GigabitEthernet0/2") for router in ROUTERS[3:]),
)
EVENTS = st.lists(
    st.tuples(st.sampled_from(LINES), st.booleans(), st.sampled_from([0.0, 0.02, 0.3, 6.0, 20.0])),
    min_size=1,
    max_size=5,
)


class Watched:
    """The network, and after every event in it a look for circles."""

    def __init__(self, seed: int) -> None:
        self.world = World("eigrp-to-ospf", seed=seed).converge()
        self._down: dict[tuple[str, str], None] = {}

    def toggle(self, router: str, interface: str, *, silently: bool) -> None:
        """Take a line down, or up again; silently: its wire is cut, and nobody is told."""
        line = (router, interface)
        was_down = line in self._down
        if silently and interface == "GigabitEthernet0/1" and router != "CORE":
            wire = self.world.sim.segment_of(router, interface)
            wire.impairment.cut = not wire.impairment.cut
            return
        self.world.configure(router, f"interface {interface}", "no shutdown" if was_down else "shutdown")
        if was_down:
            del self._down[line]
        else:
            self._down[line] = None

    def run(self, seconds: float) -> None:
        """Let time pass; whenever tables may have changed, no way may be a circle."""
        sim = self.world.sim
        end = sim.now + seconds
        while (following := sim.next_event()) is not None and following <= end:
            sim.run_until(following)
            for target in TARGETS:
                self._judge(target)
        sim.run_until(end)

    def _judge(self, target: IPv4Address) -> None:
        for start in ROUTERS:
            way = [start]
            while (following := self._next(way[-1], target)) is not None:
                assert following not in way, f"{self.world.now:.3f} s: to {target}: {way} and {following} again"
                way.append(following)

    def _next(self, router: str, target: IPv4Address) -> str | None:
        route = self.world.sim.routers[router].router.machine(RibMachine).lookup(target)
        if route is None or route.kind is not RouteKind.FORWARD or not route.next_hops:
            return None
        return OWNERS.get(str(route.next_hops[0].address))


@pytest.mark.slow
@given(EVENTS, st.integers(0, 1000))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
def test_where_two_hubs_bring_two_protocols_together_no_packet_ever_runs_in_a_circle(
    events: list[tuple[tuple[str, str], bool, float]], seed: int
) -> None:
    watched = Watched(seed)
    for (router, interface), silently, pause in events:
        watched.toggle(router, interface, silently=silently)
        watched.run(pause)
    watched.run(20)


# Two VRFs that import each other's paths never both prefer the path of the other, and withdraw theirs, forever.

PREFIX = Prefix.of(IPv4Address("10.0.0.0"), 8)
NUMBERS = st.integers(0, 1)


@st.composite
def paths(draw: st.DrawFn) -> Path:
    """Return a path of a VRF's own: received, or originated there."""
    system = draw(NUMBERS)
    attributes = Attributes(
        next_hop=IPv4Address(draw(NUMBERS)),
        path=(Segment(SegmentKind.SEQUENCE, (65000 + system,)),) if draw(st.booleans()) else (),
        med=draw(NUMBERS),
        local_pref=100 + draw(NUMBERS),
    )
    is_own = draw(st.booleans())
    return Path(
        origin=PathOrigin.REDISTRIBUTED if is_own else PathOrigin.PEER,
        attributes=attributes,
        peer=IPv4Address(0 if is_own else 1 + draw(NUMBERS)),
        identifier=IPv4Address(draw(NUMBERS)),
        internal=draw(st.booleans()) and not is_own,
        weight=draw(NUMBERS),
        since=float(draw(NUMBERS)),
    )


def prefers_the_other(own: Path, metric: int, other: Path, other_metric: int) -> bool:
    """Return whether a VRF with its own path prefers the one that another VRF exports."""
    table = LocRib(lambda _: metric)
    imports = Imports(cast("Ports", None))
    hops = (NextHop("", vrf="B"),)
    exported = ExportedPath(
        prefix=PREFIX, vrf="B", rd="1:1", targets=(1,), path=other, metric=other_metric, next_hops=hops
    )
    imports.receive(PathsImported("B", (exported,), (), "A"))
    table.put((PREFIX,), own)
    assert imports.take(table, 10) == [PREFIX]
    table.choose([PREFIX])
    best = table.best(PREFIX)
    return best is not None and best.imported is not None


@given(first=paths(), second=paths(), metrics=st.tuples(NUMBERS, NUMBERS))
def test_two_vrfs_never_prefer_each_others_paths(first: Path, second: Path, metrics: tuple[int, int]) -> None:
    one, other = (0 if path.own else metric for path, metric in zip((first, second), metrics, strict=True))
    assert not (prefers_the_other(first, one, second, other) and prefers_the_other(second, other, first, one))
