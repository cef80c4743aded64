"""OSPF with a neighbor that is hostile or broken: the router lives, other neighbors stay, the log says one line."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import Effect, SendIp
from dmvpn.base.events import IpReceived, LinkChanged
from dmvpn.base.notices import RouteOffered, RouteSource
from dmvpn.features.ospf import FEATURE as OSPF
from dmvpn.features.ospf import machine
from dmvpn.features.ospf.adjacency import MOST_NEIGHBORS
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
from dmvpn.features.ospf.slices import SLICE
from dmvpn.features.ospf.states import NeighborState
from dmvpn.features.ospf.updates import LARGEST_DATABASES
from support.routing import GI1, GI2, a, make
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from dmvpn.base.events import Event
    from dmvpn.base.notices import Notice
    from dmvpn.features.ospf.process import Process

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
