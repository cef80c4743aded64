"""What waits for a neighbor of BGP that does not read: it costs nothing, is bounded, and comes to the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.context import PAUSE
from dmvpn.base.events import LinkChanged, Tick
from dmvpn.base.notices import RouteChanged
from dmvpn.base.streams import (
    StreamBlocked,
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
from dmvpn.features.bgp import groups, packet, session
from dmvpn.features.bgp.attributes import Attributes, write
from dmvpn.features.bgp.events import ClearBgp, Softness
from dmvpn.features.bgp.groups import UpdateGroup
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.model import NeighborLines
from dmvpn.features.bgp.output import Audience
from dmvpn.features.bgp.updates import AdvertisedRoute, Batch, Mark, SendQueue
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.features.policy.machine import PolicyMachine
from support.routing import GI1, Caller, a, hub, make, p
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dmvpn.base.effects import Effect
    from dmvpn.features.bgp.packet import Nlri
    from dmvpn.features.bgp.updates import RouteToSend

LOCAL, PEER, SOURCE = a("10.0.0.1"), a("10.0.0.2"), a("10.0.0.3")
BEGIN, END = (Mark(packet.serialize(packet.RouteRefresh(subtype=subtype))) for subtype in (1, 2))


class Reader:
    """The neighbor: what it knows, after RFC 7313 §4.1. least: the fewest prefixes that it ever knew. pieces: sent."""

    room = 1 << 20

    def __init__(self, *known: str) -> None:
        self.known: dict[Nlri, None] = dict.fromkeys(map(p, known))
        self.least = len(known)
        self.heard = self.pieces = 0
        self._stale: list[Nlri] = []

    def send_updates(self, octets: bytes, updates: int) -> None:
        self.pieces += 1
        for message in map(packet.parse, packet.split(bytearray(octets))):
            if isinstance(message, packet.RouteRefresh) and message.subtype == 1:
                self._stale = list(self.known)
            elif isinstance(message, packet.RouteRefresh):
                self.known = {prefix: None for prefix in self.known if prefix not in self._stale}
            elif isinstance(message, packet.Update):
                self._stale = [prefix for prefix in self._stale if prefix not in message.announced]
                self.heard += len(message.announced) + len(message.withdrawn)
                self.known.update(dict.fromkeys(message.announced))
                for prefix in message.withdrawn:
                    self.known.pop(prefix, None)
            self.least = min(self.least, len(self.known))


def told(hop: str = "10.0.0.3") -> AdvertisedRoute:
    return AdvertisedRoute(Attributes(next_hop=a(hop)), SOURCE)


class Net:
    """A group whose table the test sets."""

    def __init__(self) -> None:
        lines = NeighborLines(peer=UNSPECIFIED)
        self.group = UpdateGroup(
            1,
            Audience(
                internal=True,
                local_as=1,
                real_as=1,
                overridden=0,
                lines=lines,
                interval=0.0,
                local=LOCAL,
                router_id=LOCAL,
                cluster_id=LOCAL,
                shared=None,
            ),
        )
        self.table: dict[Prefix, AdvertisedRoute] = {}

    def set(self, *prefixes: str, hop: str = "10.0.0.3") -> None:
        self.table.update({p(prefix): told(hop) for prefix in prefixes})
        self.look(prefixes)

    def take_away(self, *prefixes: str) -> None:
        for prefix in prefixes:
            del self.table[p(prefix)]
        self.look(prefixes)

    def look(self, prefixes: Iterable[str]) -> None:
        self.group.touch(map(p, prefixes))
        while self.group.pending:
            self.group.look(self._judge, 0.0)

    def _judge(self, prefix: Prefix) -> dict[Nlri, AdvertisedRoute]:
        return {prefix: self.table[prefix]} if prefix in self.table else {}

    def reads(self, queue: SendQueue, reader: Reader, most: int = 100_000) -> None:
        queue.send(reader, most, self.group.next_slice)  # type: ignore[arg-type]


def lans(first: int, count: int) -> list[str]:
    return [f"20.{one >> 8}.{one & 255}.0/24" for one in range(first, first + count)]


def test_batches_that_wait_for_a_neighbor_leave_in_one_piece_at_its_turn_as_far_as_there_is_room() -> None:
    net, queue, reader = Net(), SendQueue(PEER), Reader()
    net.group.join(queue)
    for number in range(6):
        net.set(*lans(100 * number, 100), hop=f"10.0.0.{3 + number}")
    net.reads(queue, reader)
    assert (len(reader.known), reader.pieces) == (600, 1)
    for number in range(6, 12):
        net.set(*lans(100 * number, 100), hop=f"10.0.0.{3 + number}")
    reader.room = 1000
    net.reads(queue, reader)
    assert queue.is_blocked
    assert (len(reader.known), reader.pieces) == (800, 2)


@pytest.mark.conforms("bgp:7313-marks")
@pytest.mark.parametrize("read", [0, 1, 2])
@pytest.mark.parametrize("refreshes", [1, 2, 3])
def test_refreshes_that_wait_become_one_after_which_the_neighbor_knows_everything(refreshes: int, read: int) -> None:
    """read: pieces of the first refresh that it has read before."""
    table = ("10.1.0.0/16", "10.2.0.0/16")
    net, queue, reader = Net(), SendQueue(PEER), Reader(*table)
    net.set(*table)
    net.group.join(queue)
    net.reads(queue, reader)
    for _ in range(refreshes):
        net.group.repeat(queue, (BEGIN,), (END,))
    for _ in range(read):
        net.reads(queue, reader, 1)
    queue.fall_behind(2)
    net.group.repeat(queue, (BEGIN,), (END,))
    net.reads(queue, reader)
    assert queue.is_empty
    assert (list(reader.known), reader.least) == (list(map(p, table)), 2)


@pytest.mark.lengthy
def test_a_thousand_that_do_not_read_cost_no_more_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The changes of each were put together again for it alone, and kept for it alone."""
    monkeypatch.setattr(groups, "BESIDES", 100)
    costs = []
    for count in (1, 1000):
        made = 0

        class Counted(Batch):
            def __init__(self, changes: Sequence[RouteToSend], audience: Audience, since: int = 0) -> None:
                nonlocal made
                made += len(changes)
                super().__init__(changes, audience, since)

        monkeypatch.setattr(groups, "Batch", Counted)
        net = Net()
        queues = [SendQueue(a("10.0.1.0") + number) for number in range(count)]
        net.set(*lans(0, 200))
        for queue in queues:
            net.group.join(queue)
        for number in range(20):
            net.set(*lans(0, 200), hop=f"10.0.0.{100 + number}")
        net.take_away(*lans(100, 100))
        assert all(queue.behind is not None and not queue.length for queue in queues)
        readers = [Reader(*lans(0, 200)) for _ in queues]
        for queue, reader in zip(queues, readers, strict=True):
            net.reads(queue, reader)
            assert queue.is_empty
        assert all(list(reader.known) == list(map(p, lans(0, 100))) for reader in readers)
        costs.append(made)
    assert costs[0] == costs[1]


def test_one_that_is_behind_and_reads_now_and_then_is_told_what_changed_since_and_is_in_step_again() -> None:
    net, queue, reader = Net(), SendQueue(PEER), Reader()
    net.set(*lans(0, 1000))
    net.group.join(queue)
    net.reads(queue, reader)
    assert len(reader.known) == 1000
    net.set(*lans(0, 10), hop="10.0.0.9")
    queue.fall_behind(1010)
    net.set(*lans(500, 10), hop="10.0.0.9")
    net.take_away(*lans(990, 10))
    before = reader.heard
    net.reads(queue, reader, 1)
    net.set(*lans(5, 10), hop="10.0.0.8")
    net.reads(queue, reader)
    assert queue.behind is None
    assert queue.is_empty
    assert len(reader.known) == 990
    assert reader.heard - before <= 10 + 10 + 10 + 10


def test_what_was_withdrawn_is_kept_for_nobody_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbor that never reads, while others tell ever new prefixes and take them back, is given up."""
    monkeypatch.setattr(groups, "BESIDES", 100)
    net, stuck, reading, reader = Net(), SendQueue(PEER), SendQueue(a("10.0.0.4")), Reader()
    net.set(*lans(0, 50))
    net.group.join(stuck)
    net.group.join(reading)
    lost: list[IPAddress] = []
    for number in range(1, 40):
        net.set(*lans(50 * number, 50))
        net.take_away(*lans(50 * number, 50))
        net.reads(reading, reader)
        lost += net.group.lost
        assert net.group.remembered <= 2 * 50 + 2 * 100 + 100
    assert dict.fromkeys(lost) == {PEER: None}
    assert list(reader.known) == list(map(p, lans(0, 50)))


# A crowd of neighbors of BGP: what is due for all of them at one moment does not keep everybody else waiting.

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
        packet.CapabilityValue(packet.Capability.MULTIPROTOCOL, packet.IPV4_UNICAST),
        packet.CapabilityValue(packet.Capability.ROUTE_REFRESH, b""),
    ]
    for number in range(NEIGHBORS):
        address, stream = a("172.16.1.0") + number, 2 * number + 1
        bench.handle(StreamUp(stream, a("172.16.0.1"), 179, address, 50000, taken=True))
        bench.handle(
            StreamData(stream, packet.serialize(packet.Open.with_capabilities(65000, 90, address, capabilities)))
        )
        bench.handle(StreamData(stream, packet.serialize(packet.Keepalive())))
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
    capabilities = [packet.CapabilityValue(packet.Capability.MULTIPROTOCOL, packet.IPV4_UNICAST)]
    bench.handle(StreamUp(first, a("172.16.0.1"), 179, teller, 50000, taken=True))
    bench.handle(StreamData(first, packet.serialize(packet.Open.with_capabilities(65000, 90, teller, capabilities))))
    bench.handle(StreamData(first, packet.serialize(packet.Keepalive())))
    attributes = write(Attributes(next_hop=teller, local_pref=100), wide=True)
    for start in range(0, PREFIXES, 500):
        prefixes = tuple(Prefix.of(a("20.0.0.0") + 256 * one, 24) for one in range(start, start + 500))
        bench.handle(StreamData(first, packet.serialize(packet.Update(attributes=attributes, announced=prefixes))))
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
    bench.handle(StreamData(1, packet.serialize(packet.Update(attributes=attributes, announced=prefixes))))
    assert machine.ipv4.routes.backlog
    for number in range(100):
        now = bench.now + number * PAUSE / 2
        due = machine.next_deadline()
        if due is not None and due <= now:
            machine.handle(Tick(), now)
        machine.handle(RouteChanged(Prefix.parse("198.51.100.0/24"), None, None), now)
    assert not machine.ipv4.routes.backlog


# The Send Hold Timer of BGP, RFC 9687: a peer that does not read what it is sent does not keep its session.

NEIGHBOR = "show ip bgp neighbors 172.16.31.2"


def keeps_quiet_for(one: Caller, seconds: int) -> None:
    """The peer lives, and says so; it may read or not."""
    for _ in range(seconds // 20):
        one.says(packet.Keepalive())
        one.waits(20)


def blocked() -> tuple[Workbench, Caller]:
    bench = hub()
    one = Caller(bench, 2).is_up()
    bench.handle(StreamBlocked(one.stream))
    return bench, one


@pytest.mark.conforms("bgp:9687-expires")
def test_a_peer_that_takes_nothing_for_eight_minutes_is_given_up_without_a_word_to_it() -> None:
    bench, one = blocked()
    keeps_quiet_for(one, 460)
    assert not one.closed
    one.says(packet.Keepalive())
    closes = of_type(bench.advance(21), StreamClose)
    assert [(each.stream, each.abort) for each in closes] == [(one.stream, True)]
    assert not [message for message in one.heard if isinstance(message, packet.Notification)]
    assert "%BGP-3-SENDHOLD: neighbor 172.16.31.2 has taken nothing for 480 seconds (8/0, send hold time expired)" in (
        bench.logs
    )
    assert "%BGP-5-ADJCHANGE: neighbor *172.16.31.2 Down send hold time expired" in bench.logs


@pytest.mark.conforms("bgp:9687-time")
def test_with_a_long_hold_time_it_is_twice_that() -> None:
    bench = hub(" timers bgp 100 600\n")
    one = Caller(bench, 2).connects().opens(hold_time=600)
    one.says(packet.Keepalive())
    bench.handle(StreamBlocked(one.stream))
    keeps_quiet_for(one, 1180)
    assert not one.closed
    keeps_quiet_for(one, 40)
    assert one.closed


def test_a_session_with_hold_time_0_has_no_send_hold_timer() -> None:
    bench = hub()
    one = Caller(bench, 2).connects().opens(hold_time=0)
    one.says(packet.Keepalive())
    bench.handle(StreamBlocked(one.stream))
    one.waits(10_000)
    assert not one.closed


@pytest.mark.parametrize(("hold_time", "is_given_up"), [(90, True), (0, False)])
def test_a_peer_that_takes_nothing_from_the_start_is_given_up_unless_its_hold_time_is_0(
    hold_time: int, is_given_up: bool
) -> None:
    bench = hub()
    one = Caller(bench, 2).connects()
    bench.handle(StreamBlocked(one.stream))
    one.opens(hold_time=hold_time)
    keeps_quiet_for(one, 460)
    assert not one.closed
    keeps_quiet_for(one, 40)
    assert one.closed is is_given_up


@pytest.mark.parametrize("event", [StreamBlocked, StreamWritable])
def test_a_peer_that_takes_some_of_it_or_all_of_it_again_stays(event: type[StreamBlocked | StreamWritable]) -> None:
    bench, one = blocked()
    keeps_quiet_for(one, 460)
    bench.handle(event(one.stream))
    keeps_quiet_for(one, 460)
    assert not one.closed


def test_the_show_says_how_long_it_may_go_on() -> None:
    bench, one = blocked()
    keeps_quiet_for(one, 60)
    assert "  Send hold time is 480 seconds, 420 left: it takes nothing" in bench.show(NEIGHBOR)
    bench.handle(StreamWritable(one.stream))
    assert "  Send hold time is 480 seconds" in bench.show(NEIGHBOR)


def test_its_notification_is_understood_when_a_peer_manages_to_send_it() -> None:
    bench = hub()
    one = Caller(bench, 2).is_up()
    one.says(packet.Notification(packet.ErrorCode.SEND_HOLD_TIME))
    expected = "received from neighbor 172.16.31.2 8/0 (send hold time expired) 0 bytes"
    assert f"%BGP-3-NOTIFICATION: {expected}" in bench.logs


# A neighbor that never reads: its group does not remember for it without end what was withdrawn.

_SILENT_LINES = f"""
interface {GI1}
 ip address 172.16.0.1 255.255.0.0
router bgp 65000
 bgp router-id 9.9.9.9
 bgp listen range 172.16.0.0/16 peer-group ALL
 neighbor ALL peer-group
 neighbor ALL remote-as 65000
 neighbor ALL route-reflector-client
 neighbor ALL advertisement-interval 0
"""
TELLS, READS, STUCK = 1, 3, 5


def _passes(bench: Workbench, seconds: float, stuck: int) -> list[Effect]:
    """Let time pass; all but one read."""
    effects: list[Effect] = []
    for _ in range(round(seconds / 0.1)):
        sent = bench.advance(0.1)
        for one in of_type(sent, StreamSend):
            if one.stream != stuck:
                sent += bench.handle(StreamWritable(one.stream))
        effects += sent
    return effects


@pytest.mark.lengthy
def test_one_that_never_reads_is_given_up_before_it_would_keep_routes_that_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it was not told of was forgotten, and its session stayed up with routes that nobody has any more."""
    monkeypatch.setattr(groups, "BESIDES", 400)
    monkeypatch.setattr(session, "SEND_LIMIT", 4096 + 1024)
    base = make()
    bench = Workbench(*base.features, POLICY, BGP)
    bench.ports.policies = bench.machine(PolicyMachine)
    bench.configure(_SILENT_LINES)
    bench.handle(LinkChanged(GI1, up=True))
    for stream in (TELLS, READS, STUCK):
        address = a("172.16.1.0") + stream
        capabilities = [packet.CapabilityValue(packet.Capability.MULTIPROTOCOL, packet.IPV4_UNICAST)]
        bench.handle(StreamUp(stream, a("172.16.0.1"), 179, address, 50000, taken=True))
        bench.handle(
            StreamData(stream, packet.serialize(packet.Open.with_capabilities(65000, 0, address, capabilities)))
        )
        bench.handle(StreamData(stream, packet.serialize(packet.Keepalive())), StreamWritable(stream))
    attributes = write(Attributes(next_hop=a("172.16.1.1"), local_pref=100), wide=False)
    ended: list[Effect] = []
    for number in range(40):
        some = tuple(p(f"10.{number}.{third}.0/24") for third in range(100))
        bench.handle(StreamData(TELLS, packet.serialize(packet.Update(attributes=attributes, announced=some))))
        ended += _passes(bench, 0.3, STUCK)
        bench.handle(StreamData(TELLS, packet.serialize(packet.Update(withdrawn=some))))
        ended += _passes(bench, 0.3, STUCK)
    assert [one.stream for one in of_type(ended, StreamClose)] == [STUCK]
    peers = bench.machine(BgpMachine).peers
    assert peers[a("172.16.1.3")].session is not None
    assert a("172.16.1.5") not in peers or peers[a("172.16.1.5")].session is None
