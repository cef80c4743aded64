"""OSPF with a neighbor that is hostile or broken: the router lives, other neighbors stay, the log says one line."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import Effect, SendIp
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import (
    ClockSet,
    ConfigurationEntered,
    EnteredLine,
    Event,
    IpReceived,
    LinesEntered,
    LinkChanged,
    Tick,
)
from dmvpn.base.notices import RouteOffered, RouteSource
from dmvpn.features.ospf import FEATURE as OSPF
from dmvpn.features.ospf import machine
from dmvpn.features.ospf.adjacency import MOST_NEIGHBORS
from dmvpn.features.ospf.events import LARGEST_DATABASES
from dmvpn.features.ospf.lsa import (
    LAST_SEQUENCE,
    MAX_AGE,
    Body,
    ExternalBody,
    LinkType,
    Lsa,
    LsaKey,
    LsaType,
    RouterBody,
    RouterFlag,
    RouterLink,
    SummaryBody,
)
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.features.ospf.model import AuthenticationType
from dmvpn.features.ospf.neighbor import NeighborState
from dmvpn.features.ospf.packet import (
    Acknowledgment,
    Content,
    Description,
    DescriptionFlag,
    Hello,
    LinkStateRequest,
    LinkStateUpdate,
    OspfPacket,
)
from dmvpn.features.ospf.settings import AuthenticationSettings, DigestKey
from dmvpn.features.ospf.spf import SLICE
from dmvpn.features.ospf.state import State
from dmvpn.router.router import Router
from support.routing import GI1, GI2, a, make
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from dmvpn.base.notices import Notice
    from dmvpn.features.ospf.machine import Process
    from dmvpn.features.ospf.spf import FirstHops

OWN = a("9.9.9.9")
MASK = a("255.255.0.0")
SEQUENCE = 1000


def a_router(kind: str = "point-to-multipoint", more: str = "") -> Workbench:
    """10.1.0.1/16 with OSPF in area 0, Hellos every 30 s if it is point-to-multipoint, and 10.3.3.1/24 without it."""
    bench = Workbench(*make().features, OSPF)
    bench.configure(
        f"interface {GI1}\n ip address 10.1.0.1 255.255.0.0\n ip ospf network {kind}\n ip ospf hello-interval 30\n"
        f"interface {GI2}\n ip address 10.3.3.1 255.255.255.0\n"
        f"router ospf 1\n router-id 9.9.9.9\n network 10.1.0.0 0.0.255.255 area 0\n{more}"
    )
    for name in (GI1, GI2):
        bench.handle(LinkChanged(name, up=True))
    return bench


def process(bench: Workbench) -> Process:
    return bench.machine(OspfMachine).processes[1]


class Neighbor:
    """A router at 10.1.x.y, whose identifier is its address. heard: what it was sent alone, or by multicast."""

    def __init__(self, bench: Workbench, number: int, *, router: str = "", area: int = 0, name: str = GI1) -> None:
        self.bench = bench
        self.address = IPv4Address((10 << 24 | 1 << 16) + number)
        self.router = a(router) if router else self.address
        self.heard: list[Content] = []
        self._area, self._name = IPv4Address(area), name

    def says(self, content: Content) -> None:
        packet = OspfPacket(router=self.router, area=self._area, content=content)
        self.hears(self.bench.handle(IpReceived(self._name, self.address, a("10.1.0.1"), 89, packet.serialize(), 1)))

    def hears(self, effects: list[Effect]) -> None:
        for order in of_type(effects, SendIp):
            if order.destination in (self.address, a("224.0.0.5")):
                self.heard.append(OspfPacket.parse(order.payload).content)

    def greets(self, *heard: IPv4Address) -> None:
        self.says(Hello(mask=MASK, interval=30, options=2, priority=0, dead_interval=120, neighbors=heard))

    def describes(self, sequence: int, flags: int = 0) -> None:
        self.says(Description(mtu=1500, options=2, flags=flags, sequence=sequence))

    def exchanges(self) -> Neighbor:
        """It has the higher identifier and leads; its database is empty. Ours has more than one packet of headers."""
        self.greets(OWN)
        self.describes(SEQUENCE, int(DescriptionFlag.INIT | DescriptionFlag.MORE | DescriptionFlag.MASTER))
        return self

    def is_full(self) -> Neighbor:
        self.exchanges()
        for step in range(1, 200):
            if self.state is NeighborState.FULL:
                return self
            self.describes(SEQUENCE + step, int(DescriptionFlag.MASTER))
        raise AssertionError(self.state)

    def acknowledges(self) -> None:
        updates = [content for content in self.heard if isinstance(content, LinkStateUpdate)]
        self.says(Acknowledgment(tuple(each.header for update in updates for each in update.lsas)))

    @property
    def state(self) -> NeighborState:
        neighbor = process(self.bench).interfaces[self._name].neighbors.get(self.address)
        return neighbor.state if neighbor is not None else NeighborState.DOWN

    def tells(self, *lsas: Lsa) -> None:
        self.says(LinkStateUpdate(lsas))


def lsa(kind: LsaType, number: int, body: Body, *, router: str = "", sequence: int = 1, age: int = 0) -> Lsa:
    name = IPv4Address((77 << 24) + number)
    key = LsaKey(kind, a(router) if router and kind is LsaType.ROUTER else name, a(router) if router else name)
    return Lsa.make(key, body, sequence=sequence, options=2, age=age)


# ------------------------------------------------------------------------------------------------ Hellos


@pytest.mark.lengthy
def test_hellos_of_thousands_of_routers_too_many_make_a_bounded_number_of_neighbors_and_few_lines() -> None:
    bench = a_router()
    friend = Neighbor(bench, 65000).is_full()
    for number in range(2, MOST_NEIGHBORS + 2000):
        Neighbor(bench, number).greets()
    assert len(list(process(bench).neighbors())) == MOST_NEIGHBORS
    friend.greets(OWN)
    friend.hears(bench.advance(100))
    friend.acknowledges()
    friend.greets(OWN)
    assert friend.state is NeighborState.FULL
    bench.advance(110)
    assert [neighbor.address for neighbor in process(bench).neighbors()] == [friend.address]
    assert len([line for line in bench.logs if "OSPF" in line]) <= 3


def test_a_strangers_hello_is_not_answered_with_the_list_of_everybody() -> None:
    bench = a_router()
    for number in range(2, 50):
        Neighbor(bench, number).greets()
    stranger = Neighbor(bench, 60)
    stranger.greets()
    (hello,) = stranger.heard
    assert isinstance(hello, Hello)
    assert hello.neighbors == (stranger.router,)


# ------------------------------------------------------------------------------------------------ exchanges


def test_a_neighbor_whose_exchange_never_ends_is_given_up_as_by_ios() -> None:
    bench = a_router()
    slow = Neighbor(bench, 65000)
    slow.greets(OWN)
    assert slow.state is NeighborState.EX_START
    for _ in range(7):
        bench.advance(20)
        if slow.state is NeighborState.EX_START:
            slow.greets(OWN)
    assert [line for line in bench.logs if "retransmissions" in line] == [
        "%OSPF-5-ADJCHG: Process 1, Nbr 10.1.253.232 on GigabitEthernet0/1 from EXSTART to DOWN, "
        "Neighbor Down: Too many retransmissions"
    ]


@pytest.mark.conforms("ospf:13.6-pacing")
def test_a_neighbor_that_missed_hundreds_is_told_them_again_a_packet_at_a_time() -> None:
    bench = a_router()
    teller, silent = Neighbor(bench, 3).is_full(), Neighbor(bench, 2).is_full()
    body = ExternalBody(a("255.255.255.255"), 20)
    teller.tells(*(lsa(LsaType.EXTERNAL, number, body, router="10.1.0.3") for number in range(300)))
    told = _told_again(bench, silent, 4.9)
    assert not told, "the retransmit interval is not over"
    told = _told_again(bench, silent, 0.25)
    assert 1 < len(told) <= 4
    assert all(len(update.lsas) > 30 for update in told)
    told += _told_again(bench, silent, 4.0)
    names = [each.key for update in told for each in update.lsas if each.header.type == LsaType.EXTERNAL]
    assert len(names) == len(set(names)) == 300
    silent.says(Acknowledgment(tuple(each.header for update in told for each in update.lsas)))
    assert not _told_again(bench, silent, 20.0)


def _told_again(bench: Workbench, neighbor: Neighbor, seconds: float) -> list[LinkStateUpdate]:
    """What a neighbor alone is told meanwhile."""
    orders = of_type(bench.advance(seconds), SendIp)
    mine = [OspfPacket.parse(order.payload).content for order in orders if order.destination == neighbor.address]
    return [content for content in mine if isinstance(content, LinkStateUpdate)]


@pytest.mark.conforms("ospf:10.7-request")
def test_a_request_for_one_advertisement_a_hundred_times_is_answered_once() -> None:
    bench = a_router()
    one = Neighbor(bench, 65000).is_full()
    bench.advance(1)
    one.heard.clear()
    one.says(LinkStateRequest((LsaKey(LsaType.ROUTER, OWN, OWN),) * 100))
    (update,) = one.heard
    assert isinstance(update, LinkStateUpdate)
    assert len(update.lsas) == 1


# ------------------------------------------------------------------------------------------------ advertisements


@pytest.mark.lengthy
def test_the_databases_take_no_more_than_they_may_and_the_neighbor_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PACE", machine.PACE._replace(credit=1 << 30))
    bench = a_router()
    one = Neighbor(bench, 65000).is_full()
    stub = RouterLink(LinkType.STUB, a("10.200.0.0"), a("255.255.255.0"), 1)
    body = RouterBody(0, (stub,) * 5000)
    pieces = LARGEST_DATABASES // 60_000 + 20
    for number in range(pieces):
        one.tells(lsa(LsaType.ROUTER, number, body, router=str(IPv4Address((78 << 24) + number))))
    taken = sum(database.size for _, database in process(bench).state.scopes())
    assert LARGEST_DATABASES - 70_000 < taken <= LARGEST_DATABASES
    assert one.state is NeighborState.FULL
    assert len([line for line in bench.logs if "more link states than there is room for" in line]) == 1


@pytest.mark.conforms("ospf:12.1.6-wrap")
def test_our_own_advertisement_with_the_last_number_is_taken_back_and_begins_again() -> None:
    bench = a_router()
    one = Neighbor(bench, 65000).is_full()
    one.hears(bench.advance(1))
    one.tells(lsa(LsaType.ROUTER, 0, RouterBody(0, ()), router="9.9.9.9", sequence=LAST_SEQUENCE))
    one.hears(bench.advance(1))
    updates = [content for content in one.heard if isinstance(content, LinkStateUpdate)]
    (flushed,) = updates[-1].lsas
    assert (flushed.header.age, flushed.header.sequence) == (MAX_AGE, LAST_SEQUENCE)


def test_two_routers_of_one_identifier_do_not_answer_each_other_as_fast_as_they_can() -> None:
    bench = a_router()
    one = Neighbor(bench, 65000).is_full()
    one.hears(bench.advance(10))
    one.heard.clear()
    for number in range(200):
        one.tells(lsa(LsaType.ROUTER, 0, RouterBody(0, ()), router="9.9.9.9", sequence=10_000 + 2 * number))
        one.hears(bench.advance(0.1))
    own = [each for content in one.heard if isinstance(content, LinkStateUpdate) for each in content.lsas]
    assert 3 <= len(own) <= 12
    assert bench.logs[-1] == "%OSPF-4-DUP_RTRID_AREA: Detected router with duplicate router ID 9.9.9.9 in area 0"
    assert len([line for line in bench.logs if "DUP_RTRID" in line]) == 1


@pytest.mark.conforms("ospf:14-maxage")
def test_advertisements_at_their_end_go_although_a_neighbor_was_in_the_middle_of_its_exchange(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "PACE", machine.PACE._replace(credit=1 << 30))
    bench = a_router()
    one = Neighbor(bench, 65000).is_full()
    other = Neighbor(bench, 65001)
    body = ExternalBody(a("255.255.255.0"), 1)
    for number in range(100):
        one.tells(lsa(LsaType.EXTERNAL, number << 8, body, router="7.7.7.7"))
    bench.advance(2)
    other.exchanges()
    assert process(bench).state.is_exchanging
    for number in range(100):
        one.tells(lsa(LsaType.EXTERNAL, number << 8, body, router="7.7.7.7", age=MAX_AGE))
    assert len(process(bench).externals.dying) == 100
    for _ in range(8):
        one.greets(OWN)
        bench.advance(20)
    assert not process(bench).state.is_exchanging
    assert not process(bench).externals.entries


@pytest.mark.conforms("ospf:16.2-infinity")
@pytest.mark.parametrize("metric", [0xFFFFFE, 0xFFFF00])
def test_a_border_router_of_another_area_that_is_infinitely_far_is_told_to_nobody(metric: int) -> None:
    bench = a_router(more=" network 10.3.3.0 0.0.0.255 area 1\n")
    border = Neighbor(bench, 65000).is_full()
    bench.advance(1)
    ours = RouterLink(LinkType.POINT_TO_POINT, OWN, border.address, 1)
    border.tells(
        lsa(LsaType.ROUTER, 0, RouterBody(int(RouterFlag.BORDER), (ours,)), router=str(border.address)),
        lsa(LsaType.BORDER_SUMMARY, 5, SummaryBody(a("0.0.0.0"), metric), router=str(border.address)),
    )
    bench.configure(f"interface {GI1}\n ip ospf cost 65000\n")
    bench.advance(20)
    told = [key for key in process(bench).areas[1].database.entries if key.type == LsaType.BORDER_SUMMARY]
    assert told == []


# ------------------------------------------------------------------------------------------------ the life


def test_the_priority_of_a_loopback_is_a_line_that_nothing_follows_from() -> None:
    loopback = "interface Loopback0\n ip address 10.4.4.4 255.255.255.255\n"
    bench = a_router(more=f" network 10.4.0.0 0.0.255.255 area 0\n{loopback}")
    bench.handle(LinkChanged("Loopback0", up=True))
    assert "Loopback0" in process(bench).interfaces
    bench.configure("interface Loopback0\n ip ospf priority 5\n")
    assert "Loopback0" in process(bench).interfaces


def test_nobody_tells_us_routes_to_multicast_loopback_and_what_is_no_address() -> None:
    bench = a_router()
    one = Neighbor(bench, 65000).is_full()
    bench.advance(1)
    back = RouterLink(LinkType.POINT_TO_POINT, OWN, one.address, 1)
    nets = (
        ("224.0.0.0", "240.0.0.0"),
        ("127.0.0.0", "255.0.0.0"),
        ("255.255.255.255",) * 2,
        ("10.7.0.0", "255.255.0.0"),
    )
    stubs = tuple(RouterLink(LinkType.STUB, a(first), a(mask), 1) for first, mask in nets)
    one.tells(lsa(LsaType.ROUTER, 0, RouterBody(0, (back, *stubs)), router=str(one.address)))
    bench.advance(10)
    routes = [str(route.prefix) for route in bench.ports.rib.routes() if route.source is RouteSource.OSPF]
    assert routes == ["10.7.0.0/16"]


def test_a_thousand_networks_are_calculated_and_offered_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = a_router()
    one = Neighbor(bench, 65000).is_full()
    machine, offered = bench.machine(OspfMachine), [0]
    handle = machine.handle

    def counted(event: Event | Notice, now: float) -> list[Effect | Notice]:
        done = handle(event, now)
        offered.append(sum(isinstance(each, RouteOffered) for each in done))
        return done

    monkeypatch.setattr(machine, "handle", counted)
    back = RouterLink(LinkType.POINT_TO_POINT, OWN, one.address, 1)
    numbers = range(1, 9)
    ways = tuple(
        RouterLink(LinkType.POINT_TO_POINT, IPv4Address((77 << 24) + each), one.address, 1) for each in numbers
    )
    one.tells(lsa(LsaType.ROUTER, 0, RouterBody(0, (back, *ways)), router=str(one.address)))
    for number in numbers:
        nets = [IPv4Address((11 << 24) + (number << 16) + (each << 8)) for each in range(125)]
        stubs = (RouterLink(LinkType.STUB, net, a("255.255.255.0"), 1) for net in nets)
        links = (RouterLink(LinkType.POINT_TO_POINT, one.address, one.address, 1), *stubs)
        one.tells(lsa(LsaType.ROUTER, number, RouterBody(0, links), router=f"77.0.0.{number}"))
    one.hears(bench.advance(1))
    assert sum(offered) == 1000
    assert max(offered) <= SLICE, "Hellos are heard between two slices"


# How much work one neighbor of OSPF may cause, and that nobody else waits for it.

MASK_OF_24 = a("255.255.255.0")


def externals(first: int, sequence: int = 1, count: int = 40) -> list[Lsa]:
    """Return advertisements as a neighbor tells them in one packet."""
    body = ExternalBody(MASK_OF_24, 20 + sequence % 2)
    return [
        lsa(LsaType.EXTERNAL, number << 8, body, router="7.7.7.7", sequence=sequence)
        for number in range(first, first + count)
    ]


def _dropped(bench: Workbench) -> int:
    return process(bench).sender.dropped["more work than one neighbor may cause"]


@pytest.mark.lengthy
def test_a_neighbor_that_floods_changes_is_heard_slowly_and_everybody_else_as_always() -> None:
    """A member whose advertisements changed all the time held the core of all its neighbors."""
    bench = a_router()
    one, friend = Neighbor(bench, 65000).is_full(), Neighbor(bench, 65001).is_full()
    before, octets = process(bench).sender.received[LinkStateUpdate.TYPE], 0
    for step in range(500):
        told = externals(40 * (step % 50), 1 + step // 50)
        octets = len(OspfPacket(router=one.router, area=a("0.0.0.0"), content=LinkStateUpdate(tuple(told))).serialize())
        one.tells(*told)
        bench.advance(0.01)
    read = process(bench).sender.received[LinkStateUpdate.TYPE] - before
    assert read * octets <= 5 * machine.PACE.rate + machine.PACE.credit + octets < 500 * octets
    assert _dropped(bench) > 100
    friend.tells(lsa(LsaType.EXTERNAL, 9000 << 8, ExternalBody(MASK_OF_24, 1), router="7.7.7.8"))
    assert any(key.router == a("7.7.7.8") for key in process(bench).externals.entries)
    one.greets(OWN)
    bench.advance(20)
    assert (one.state, friend.state) == (NeighborState.FULL, NeighborState.FULL)


def test_two_thousand_advertisements_that_come_at_one_moment_wait_and_none_of_them_is_lost() -> None:
    bench = a_router()
    one = Neighbor(bench, 65000).is_full()
    for first in range(0, 2000, 40):
        one.tells(*externals(first))
    assert len(process(bench).externals.entries) < 2000
    bench.advance(4)
    assert len(process(bench).externals.entries) == 2000
    assert not process(bench).sender.dropped


def test_packets_with_digests_that_wait_are_not_old_when_a_hello_overtakes_them() -> None:
    """With digests a large table took far longer to arrive: each Hello made old packets of those that waited."""
    bench = a_router()
    one = Neighbor(bench, 65000).is_full()
    bench.configure(f"interface {GI1}\n ip ospf authentication message-digest\n ip ospf message-digest-key 1 md5 abc\n")
    seal = AuthenticationSettings(AuthenticationType.CRYPTOGRAPHIC, keys=(DigestKey(1, b"abc"),)).seal
    contents: list[Content] = [LinkStateUpdate(tuple(externals(first))) for first in range(0, 2000, 40)]
    contents.append(
        Hello(mask=a("255.255.0.0"), interval=30, options=2, priority=0, dead_interval=120, neighbors=(OWN,))
    )
    for number, content in enumerate(contents, 1):
        octets = seal(OspfPacket(router=one.router, area=a("0.0.0.0"), content=content), number)
        bench.handle(IpReceived(GI1, one.address, a("10.1.0.1"), 89, octets, 1))
    bench.advance(6)
    assert len(process(bench).externals.entries) == 2000
    assert not process(bench).sender.dropped


@pytest.mark.lengthy
def test_what_somebody_without_the_key_sends_in_a_neighbors_name_does_not_count_as_its_work() -> None:
    bench = a_router()
    one = Neighbor(bench, 65000).is_full()
    bench.configure(f"interface {GI1}\n ip ospf authentication\n ip ospf authentication-key secret\n")
    for step in range(200):
        one.tells(*externals(0, 2 + step))
    bench.configure(f"interface {GI1}\n no ip ospf authentication\n")
    one.tells(*externals(500))
    assert len(process(bench).externals.entries) == 40
    assert _dropped(bench) == 0


@pytest.mark.lengthy
def test_requests_for_large_advertisements_are_paid_for_by_what_is_sent() -> None:
    """For each octet of a request a thousand were sent, as often as a neighbor liked."""
    bench = a_router()
    one = Neighbor(bench, 65000).is_full()
    stub = RouterLink(LinkType.STUB, a("10.200.0.0"), MASK_OF_24, 1)
    large = [
        lsa(LsaType.ROUTER, number, RouterBody(0, (stub,) * 1000), router=f"78.0.0.{number}") for number in range(50)
    ]
    for each in large:
        one.tells(each)
        bench.advance(1.0)
    assert one.state is NeighborState.FULL
    request = OspfPacket(
        router=one.router, area=a("0.0.0.0"), content=LinkStateRequest(tuple(each.header.key for each in large))
    )
    sent = 0
    for _ in range(100):
        effects = bench.handle(IpReceived(GI1, one.address, a("10.1.0.1"), 89, request.serialize(), 1))
        sent += sum(len(order.payload) for order in of_type(effects, SendIp))
    assert 0 < sent < 2_000_000


def test_what_comes_from_no_neighbor_or_is_larger_than_any_packet_is_not_read() -> None:
    bench = a_router()
    one, stranger = Neighbor(bench, 65000).is_full(), Neighbor(bench, 65001)
    one.tells(*externals(0, count=1000))
    stranger.tells(*externals(0))
    assert process(bench).sender.dropped == {"larger than the network carries": 1, "of no neighbor": 1}
    stub = RouterLink(LinkType.STUB, a("10.200.0.0"), MASK_OF_24, 1)
    one.tells(lsa(LsaType.ROUTER, 1, RouterBody(0, (stub,) * 5000), router="78.0.0.1"))
    assert any(key.router == a("78.0.0.1") for key in process(bench).areas[0].database.entries)


# Thousands of routes that come into OSPF at one moment, and go again.

ROUTES = 1500
LINES = "".join(f"ip route 20.{n >> 8}.{n & 255}.0 255.255.255.0 Null0\n" for n in range(ROUTES))
CONFIGURATION = f"""interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
router ospf 1
 network 192.0.2.0 0.0.0.255 area 0
{LINES}"""


class Border:
    """A router with many static routes. most: so many more or fewer advertisements at most after one event."""

    def __init__(self) -> None:
        self.router = Router(SeededEntropy(1))
        self.now, self.most = 0.0, 0
        self.handle(ClockSet(1.8e9), ConfigurationEntered(CONFIGURATION, by="startup", saved=True))
        self.handle(LinkChanged("GigabitEthernet0/0", up=True))
        self.run(10.0)

    @property
    def told(self) -> int:
        processes = self.router.machine(OspfMachine).processes
        return len(processes[1].externals.entries) if 1 in processes else 0

    def handle(self, *events: Event) -> None:
        for event in events:
            before = self.told
            self.router.handle(event, self.now)
            self.most = max(self.most, abs(self.told - before))

    def enters(self, line: str) -> None:
        self.handle(LinesEntered((EnteredLine((), "router ospf 1"), EnteredLine(("router ospf 1",), line))))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.handle(Tick())
        self.now = end


@pytest.mark.lengthy
def test_thousands_of_routes_come_in_and_go_again_a_few_in_each_event() -> None:
    border = Border()
    border.enters("redistribute static subnets")
    border.run(5.0)
    assert border.told == ROUTES
    border.enters("no redistribute static subnets")
    border.run(5.0)
    assert border.told == 0
    assert border.most <= SLICE, "neighbors are heard between two slices"


def test_routes_that_have_not_come_in_yet_do_not_come_after_the_end_of_the_process() -> None:
    border = Border()
    border.enters("redistribute static subnets")
    border.handle(LinesEntered((EnteredLine((), "no router ospf 1"),)))
    border.run(5.0)
    assert border.told == 0
    border.handle(
        LinesEntered(
            (
                EnteredLine((), "router ospf 1"),
                EnteredLine(("router ospf 1",), "network 192.0.2.0 0.0.0.255 area 0"),
            )
        )
    )
    border.run(5.0)
    assert border.told == 0


def test_a_process_that_is_gone_leaves_no_work_behind() -> None:
    """After `no router ospf` the router went on through its routing table, a few routes in each event."""
    border = Border()
    border.enters("redistribute static subnets")
    border.handle(LinesEntered((EnteredLine((), "no router ospf 1"),)))
    assert border.router.machine(OspfMachine).next_deadline() is None


@pytest.mark.lengthy
def test_advertisements_that_stay_as_they_are_cost_no_look_at_all_neighbors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each external route looked at each neighbor after any edit of a list: 3.5 s with a thousand neighbors."""
    border = Border()
    border.enters("redistribute static subnets")
    border.run(5.0)
    looks = 0
    first_hops = State.first_hops

    def counted(state: State) -> FirstHops:
        nonlocal looks
        looks += 1
        return first_hops(state)

    monkeypatch.setattr(State, "first_hops", counted)
    border.handle(LinesEntered((EnteredLine((), "ip prefix-list X permit 10.0.0.0/8"),)))
    border.run(5.0)
    assert looks < 10
