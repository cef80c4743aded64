"""Neighbors of BGP that share an update group hear what each of them would hear alone, whatever happens meanwhile."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from dmvpn.base.events import LinkChanged
from dmvpn.base.streams import StreamClose, StreamData, StreamDown, StreamEnd, StreamSend, StreamUp, StreamWritable
from dmvpn.features.bgp import FEATURE as BGP
from dmvpn.features.bgp import advertiser, groups, routes, session
from dmvpn.features.bgp.additional import is_told
from dmvpn.features.bgp.attributes import Attributes, Segment, SegmentKind, read, write
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.nlri import NumberedPrefix, named
from dmvpn.features.bgp.packet import (
    IPV4_UNICAST,
    Capability,
    CapabilityValue,
    Keepalive,
    Message,
    Open,
    RouteRefresh,
    Update,
    parse,
    serialize,
    split,
)
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.features.policy.machine import PolicyMachine
from support.routing import GI1, a, make, p
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from collections.abc import Container
    from ipaddress import IPv4Address

    from dmvpn.base.effects import Effect
    from dmvpn.features.bgp.nlri import Nlri
    from dmvpn.features.bgp.paths import Path

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
            CapabilityValue(Capability.MULTIPROTOCOL, IPV4_UNICAST),
            CapabilityValue(Capability.FOUR_OCTET_AS, self.system.to_bytes(4, "big")),
            CapabilityValue(Capability.ROUTE_REFRESH),
        ]
        if self.numbered:
            capabilities.append(CapabilityValue(Capability.ADDITIONAL_PATHS, b"\x00\x01\x01\x03"))
        if stream % 4 == 1:
            capabilities.append(CapabilityValue(Capability.ENHANCED_REFRESH))
        return [
            *self.bench.handle(StreamUp(stream, LOCAL, 179, self.address, 50000, taken=True)),
            *self.says(Open.with_capabilities(self.system, 0, self.address, capabilities)),
            *self.says(Keepalive()),
        ]

    def goes(self) -> list[Effect]:
        gone = self.stream
        self.is_lost()
        return self.bench.handle(StreamDown(gone, StreamEnd.CLOSED))

    def is_lost(self) -> None:
        self.stream = 0
        self.told.clear()

    def says(self, message: Message) -> list[Effect]:
        return self.bench.handle(StreamData(self.stream, serialize(message)))

    def named(self, numbers: list[int], value: int) -> tuple[Nlri, ...]:
        return tuple(NumberedPrefix(PREFIXES[one], value % 3) if self.numbered else PREFIXES[one] for one in numbers)

    def announces(self, told: tuple[Nlri, ...], value: int) -> list[Effect]:
        self.told.update(dict.fromkeys(told))
        path = (Segment(SegmentKind.SEQUENCE, (self.system,)),)
        raw = write(Attributes(path=path, next_hop=self.address, med=value), wide=True)
        return self.says(Update(attributes=raw, announced=told))

    def withdraws(self, told: tuple[Nlri, ...]) -> list[Effect]:
        for one in told:
            self.told.pop(one, None)
        return self.says(Update(withdrawn=told))

    def hears(self, octets: bytes) -> None:
        self.has_more = True
        self._buffer += octets
        for octets in split(self._buffer):
            message = parse(octets, numbered=self.numbered)
            if isinstance(message, Update):
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
            self.hear(one.says(RouteRefresh()))
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
        found = self.bench.machine(BgpMachine).routes.table.destinations
        return {
            named(prefix, path.number): None
            for prefix, destination in found.items()
            for path in destination.paths.values()
            if path.peer == one.address
        }

    def wanted(self, one: Listener) -> dict[Nlri, Attributes]:
        """What it would hear alone: the best paths of others, or several, with our number before theirs."""
        machine = self.bench.machine(BgpMachine)
        lines = machine.peers[one.address].settings.lines
        found: dict[Nlri, Attributes] = {}
        for prefix, destination in machine.routes.table.destinations.items():
            paths: list[tuple[Nlri, Path]] = [(prefix, destination.best[0])] if destination.best else []
            if one.numbered:
                paths = [
                    (NumberedPrefix(prefix, each.number), each.path)
                    for each in destination.candidates
                    if is_told(each.merits, lines.advertised)
                ]
            for nlri, best in paths:
                if best.peer == one.address or (lines.filters and prefix == PREFIXES[3]):
                    continue
                path = (Segment(SegmentKind.SEQUENCE, (65000, *best.attributes.systems)),)
                hop: IPv4Address = LOCAL if lines.next_hop_self else best.attributes.next_hop
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
