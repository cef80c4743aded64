"""How much work one neighbor of OSPF may cause, and that nobody else waits for it."""

from __future__ import annotations

import pytest

from dmvpn.base.effects import SendIp
from dmvpn.base.events import IpReceived
from dmvpn.features.ospf import machine
from dmvpn.features.ospf.auth import AuthenticationSettings, DigestKey
from dmvpn.features.ospf.lsa import ExternalBody, LinkType, Lsa, LsaType, RouterBody, RouterLink
from dmvpn.features.ospf.model import AuthenticationType
from dmvpn.features.ospf.packet import Content, Hello, LinkStateRequest, LinkStateUpdate, OspfPacket
from dmvpn.features.ospf.states import NeighborState
from support.routing import GI1, a
from support.workbench import Workbench, of_type
from unit.test_ospf_hostile import OWN, Neighbor, a_router, lsa, process

MASK = a("255.255.255.0")


def externals(first: int, sequence: int = 1, count: int = 40) -> list[Lsa]:
    """Return advertisements as a neighbor tells them in one packet."""
    body = ExternalBody(MASK, 20 + sequence % 2)
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
    friend.tells(lsa(LsaType.EXTERNAL, 9000 << 8, ExternalBody(MASK, 1), router="7.7.7.8"))
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
    stub = RouterLink(LinkType.STUB, a("10.200.0.0"), MASK, 1)
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
    stub = RouterLink(LinkType.STUB, a("10.200.0.0"), MASK, 1)
    one.tells(lsa(LsaType.ROUTER, 1, RouterBody(0, (stub,) * 5000), router="78.0.0.1"))
    assert any(key.router == a("78.0.0.1") for key in process(bench).areas[0].database.entries)
