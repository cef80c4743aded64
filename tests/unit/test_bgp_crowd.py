"""A crowd of neighbors of BGP: what is due for all of them at one moment does not keep everybody else waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.chores import PAUSE
from dmvpn.base.events import LinkChanged, Tick
from dmvpn.base.notices import RouteChanged
from dmvpn.base.streams import (
    StreamClose,
    StreamData,
    StreamDown,
    StreamEnd,
    StreamListen,
    StreamSend,
    StreamUp,
    StreamWritable,
)
from dmvpn.features.bgp import FEATURE as BGP
from dmvpn.features.bgp.attributes import Attributes, write
from dmvpn.features.bgp.events import ClearBgp, Softness
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.packet import IPV4_UNICAST, Capability, CapabilityValue, Keepalive, Open, Update, serialize
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.features.policy.machine import PolicyMachine
from support.routing import GI1, a, make
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect

NEIGHBORS = 400
#: Neighbors that one event may be about.
MOST = 64
PREFIXES = 12_000
_LINES = f"""
interface {GI1}
 ip address 172.16.0.1 255.255.0.0
router bgp 65000
 bgp router-id 9.9.9.9
 bgp listen limit 1000
 bgp listen range 172.16.0.0/16 peer-group ALL
 neighbor ALL peer-group
 neighbor ALL remote-as 65000
 neighbor ALL route-reflector-client
"""


def crowd() -> Workbench:
    """All neighbors come up at one moment."""
    base = make()
    bench = Workbench(*base.features, POLICY, BGP)
    bench.ports.policies = bench.machine(PolicyMachine)
    bench.configure(_LINES)
    bench.handle(LinkChanged(GI1, up=True))
    capabilities = [
        CapabilityValue(Capability.MULTIPROTOCOL, IPV4_UNICAST),
        CapabilityValue(Capability.ROUTE_REFRESH, b""),
    ]
    for number in range(NEIGHBORS):
        address, stream = a("172.16.1.0") + number, 2 * number + 1
        bench.handle(StreamUp(stream, a("172.16.0.1"), 179, address, 50000, taken=True))
        bench.handle(StreamData(stream, serialize(Open.with_capabilities(65000, 90, address, capabilities))))
        bench.handle(StreamData(stream, serialize(Keepalive())))
    bench.advance(5.0)
    return bench


def each(bench: Workbench, first: list[Effect], kind: type[StreamSend | StreamClose]) -> set[int]:
    """Return the streams with such an order within a second; no event may have too many."""
    streams: set[int] = set()
    effects, end = first, bench.now + 1.0
    while True:
        found = {order.stream for order in of_type(effects, kind)}
        assert len(found) <= MOST
        streams |= found
        due = bench.next_deadline()
        if due is None or due > end:
            return streams
        bench.now = max(bench.now, due)
        effects = bench.handle(Tick())


def test_all_are_asked_for_their_routes_in_several_events() -> None:
    bench = crowd()
    asked = each(bench, bench.handle(ClearBgp(softness=Softness.SOFT_IN)), StreamSend)
    assert len(asked) == NEIGHBORS


@pytest.mark.lengthy
def test_sessions_that_somebody_clears_are_ended_in_several_events() -> None:
    bench = crowd()
    assert len(each(bench, bench.handle(ClearBgp()), StreamClose)) == NEIGHBORS


def test_lines_about_a_group_are_obeyed_in_several_events() -> None:
    bench = crowd()
    effects = bench.configure("router bgp 65000\n neighbor ALL shutdown\n")
    assert len(each(bench, effects, StreamClose)) == NEIGHBORS


@pytest.mark.lengthy
def test_the_last_line_about_a_group_holds_for_all() -> None:
    bench = crowd()
    effects = bench.configure("router bgp 65000\n neighbor ALL shutdown\n")
    effects += bench.configure("router bgp 65000\n no neighbor ALL shutdown\n")
    assert len(each(bench, effects, StreamClose)) <= 2 * MOST


def test_keepalives_that_are_due_together_are_sent_in_several_events() -> None:
    bench = crowd()
    told: dict[int, int] = {}
    longest = 0
    end = bench.now + 35.0
    while (due := bench.next_deadline()) is not None and due <= end:
        bench.now = max(bench.now, due)
        sent = of_type(bench.handle(Tick()), StreamSend)
        longest = max(longest, len(sent))
        for order in sent:
            told[order.stream] = told.get(order.stream, 0) + 1
    assert len(told) == NEIGHBORS
    assert longest <= MOST


def test_a_change_that_is_about_no_caller_opens_no_port_again() -> None:
    bench = crowd()
    again = bench.configure("router bgp 65000\n network 10.3.3.0 mask 255.255.255.0\n")
    again += bench.handle(LinkChanged(GI1, up=False), LinkChanged(GI1, up=True))
    assert of_type(again, StreamListen) == []


@pytest.mark.lengthy
def test_neighbors_that_read_stay_when_a_long_table_goes() -> None:
    """A table was looked at faster than a crowd can be told: all were taken for neighbors that do not read."""
    bench = crowd()
    first = 2 * NEIGHBORS + 1
    teller = a("172.16.200.1")
    capabilities = [CapabilityValue(Capability.MULTIPROTOCOL, IPV4_UNICAST)]
    bench.handle(StreamUp(first, a("172.16.0.1"), 179, teller, 50000, taken=True))
    bench.handle(StreamData(first, serialize(Open.with_capabilities(65000, 90, teller, capabilities))))
    bench.handle(StreamData(first, serialize(Keepalive())))
    attributes = write(Attributes(next_hop=teller, local_pref=100), wide=True)
    for start in range(0, PREFIXES, 500):
        prefixes = tuple(Prefix.of(a("20.0.0.0") + 256 * one, 24) for one in range(start, start + 500))
        bench.handle(StreamData(first, serialize(Update(attributes=attributes, announced=prefixes))))
    assert len(reading(bench, 30.0)) >= NEIGHBORS
    bench.handle(StreamDown(first, StreamEnd.RESET))
    reading(bench, 30.0)
    assert sum(peer.session is not None for peer in bench.machine(BgpMachine).peers.values()) == NEIGHBORS


def reading(bench: Workbench, seconds: float) -> set[int]:
    """Let neighbors read whatever comes; returns whose streams something was sent on."""
    streams: set[int] = set()
    end = bench.now + seconds
    while (due := bench.next_deadline()) is not None and due <= end:
        bench.now = max(bench.now, due)
        effects = bench.handle(Tick())
        while effects:
            sent = dict.fromkeys(order.stream for order in of_type(effects, StreamSend))
            streams.update(sent)
            effects = [one for stream in sent for one in bench.handle(StreamWritable(stream))]
    return streams


def test_received_routes_are_not_put_off_by_a_routing_table_that_changes_all_the_time() -> None:
    bench = crowd()
    machine = bench.machine(BgpMachine)
    attributes = write(Attributes(next_hop=a("172.16.1.0"), local_pref=100), wide=True)
    prefixes = tuple(Prefix.of(a("20.0.0.0") + 256 * one, 24) for one in range(500))
    bench.handle(StreamData(1, serialize(Update(attributes=attributes, announced=prefixes))))
    assert machine.routes.backlog
    for number in range(100):
        now = bench.now + number * PAUSE / 2
        due = machine.next_deadline()
        if due is not None and due <= now:
            machine.handle(Tick(), now)
        machine.handle(RouteChanged(Prefix.parse("198.51.100.0/24"), None, None), now)
    assert not machine.routes.backlog
