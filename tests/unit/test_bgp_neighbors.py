"""BGP with a neighbor that is hostile or broken: the router lives, other neighbors stay, the log says one line."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import NextHop
from dmvpn.base.events import LinkChanged, Tick
from dmvpn.base.notices import RouteOffered, RouteRetracted, RouteSource, TunnelState
from dmvpn.base.streams import StreamData, StreamDown, StreamEnd, StreamPause, StreamWritable
from dmvpn.features.bgp import input, lifecycle
from dmvpn.features.bgp.attributes import Attributes, Segment, SegmentKind, write
from dmvpn.features.bgp.groups import SLICE
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.packet import (
    Attribute,
    Capability,
    CapabilityValue,
    Cease,
    ErrorCode,
    Keepalive,
    Notification,
    Open,
    RouteRefresh,
    Update,
    serialize,
)
from support.fakes import FakeTunnels
from support.routing import BASE, GI1, GI2, LOCAL, Caller, a, hub, p
from support.workbench import of_type

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.features.bgp.packet import Message
    from support.workbench import Workbench


@pytest.fixture
def bench() -> Workbench:
    return hub()


# ------------------------------------------------------------------------------------------------ lengths that lie


def test_a_path_that_two_octet_numbers_make_too_long_for_one_segment_is_told_on(bench: Workbench) -> None:
    """AS_PATH has 400 hops, AS4_PATH the last of them: what is put before it fills more than one segment."""
    narrow, other = Caller(bench, 2, wide=False).is_up(), Caller(bench, 3).is_up()
    hops = (Segment(SegmentKind.SEQUENCE, (65001,) * 255), Segment(SegmentKind.SEQUENCE, (65002,) * 145))
    raw = list(write(Attributes(path=hops, next_hop=narrow.address), wide=False))
    raw.append(Attribute(0xC0, 17, b"\x02\x01" + (65002).to_bytes(4, "big")))
    narrow.says(Update(attributes=tuple(raw), announced=(p("10.9.0.0/16"),)))
    other.waits(1)
    assert [update.announced for update in other.updates] == [(p("10.9.0.0/16"),)]


def test_an_aggregate_of_more_systems_than_a_segment_has_is_told() -> None:
    bench = hub("  aggregate-address 10.0.0.0 255.0.0.0 as-set\n")
    one, other = Caller(bench, 2).is_up(), Caller(bench, 3).is_up()
    for number in range(4):
        systems = (65001, *range(1000 + 100 * number, 1100 + 100 * number))
        one.announces(f"10.{number}.0.0/16", path=(Segment(SegmentKind.SEQUENCE, systems),))
    other.waits(1)
    assert any(p("10.0.0.0/8") in update.announced for update in other.updates)


def test_a_path_that_leaves_no_room_for_its_prefix_is_not_told_and_the_old_one_is_withdrawn(bench: Workbench) -> None:
    one, other = Caller(bench, 2).is_up(), Caller(bench, 3).is_up()
    one.announces("10.9.0.0/16")
    other.waits(1)
    full = Segment(SegmentKind.SEQUENCE, (65001,) * 255)
    one.announces("10.9.0.0/16", path=(full, full, full, Segment(SegmentKind.SEQUENCE, (65001,) * 245)))
    other.waits(1)
    assert [(update.announced, update.withdrawn) for update in other.updates] == [
        ((p("10.9.0.0/16"),), ()),
        ((), (p("10.9.0.0/16"),)),
    ]


@pytest.mark.conforms("bgp:6.3-unknown")
@pytest.mark.parametrize("announces", [True, False], ids=["announces", "withdraws"])
def test_a_well_known_attribute_that_nobody_knows_ends_the_session(bench: Workbench, announces: bool) -> None:
    """RFC 4271 §6.3, and RFC 7606 leaves it so: its routes counted as withdrawn, and the session lived."""
    one, other = Caller(bench, 2).is_up(), Caller(bench, 3).is_up()
    one.announces("10.9.0.0/16")
    other.waits(1)
    odd = Attribute(0x40, 99, b"\x01")
    routes = (p("10.9.0.0/16"),)
    good = write(Attributes(path=(Segment(SegmentKind.SEQUENCE, (65001,)),), next_hop=one.address), wide=True)
    told = Update(attributes=(*good, odd), announced=routes)
    one.says(told if announces else Update(attributes=(odd,), withdrawn=routes))
    assert one.heard[-1] == Notification(3, 2, odd.serialize())
    other.waits(1)
    assert other.updates[-1].withdrawn == routes


# ------------------------------------------------------------------------------------------------ floods


def test_a_thousand_damaged_updates_are_one_line_of_the_log(bench: Workbench) -> None:
    one = Caller(bench, 2).is_up()
    for _ in range(1000):
        one.says(Update(attributes=(Attribute(0x40, 1, b"\x09"),), announced=(p("10.9.0.0/16"),)))
    assert [line for line in bench.logs if "MALFORMED" in line] == [
        "%BGP-4-MALFORMED: Malformed UPDATE from 172.16.31.2: ORIGIN: 9 is not a valid Origin; "
        "its routes count as withdrawn"
    ]
    assert not one.closed


def test_what_is_dropped_from_an_update_is_said_and_that_its_routes_stay(bench: Workbench) -> None:
    one, other = Caller(bench, 2).is_up(), Caller(bench, 3).is_up()
    path = Segment(SegmentKind.SEQUENCE, (65001,))
    raw = (*write(Attributes(path=(path,), next_hop=one.address), wide=True), Attribute(0x40, 6, b"\x00"))
    one.says(Update(attributes=raw, announced=(p("10.9.0.0/16"),)))
    other.waits(1)
    assert [update.announced for update in other.updates] == [(p("10.9.0.0/16"),)]
    assert [line for line in bench.logs if "MALFORMED" in line] == [
        "%BGP-4-MALFORMED: Malformed UPDATE from 172.16.31.2: ATOMIC_AGGREGATE was dropped; "
        "its routes are taken without it"
    ]


def test_a_neighbor_of_two_octets_whose_number_has_four_tells_it_in_as4_path(bench: Workbench) -> None:
    """OpenBGPD with `announce as-4byte no` calls itself AS 23456, and 4200000011 where it may."""
    bench.configure("router bgp 65000\n neighbor 172.16.31.9 remote-as 23456\n")
    narrow, other = Caller(bench, 9, wide=False, system=23456).is_up(), Caller(bench, 3).is_up()
    narrow.announces("10.9.0.0/16", path=(Segment(SegmentKind.SEQUENCE, (4200000011,)),))
    other.waits(1)
    assert [update.announced for update in other.updates] == [(p("10.9.0.0/16"),)]


def test_who_asks_for_everything_a_thousand_times_hears_it_twice(bench: Workbench) -> None:
    one, other = Caller(bench, 2).is_up(), Caller(bench, 3).is_up()
    one.announces("10.9.0.0/16")
    other.waits(1)
    for _ in range(1000):
        other.says(RouteRefresh())
    other.waits(4)
    assert len(other.updates) == 2
    other.waits(4)
    other.says(RouteRefresh())
    other.waits(1)
    assert len(other.updates) == 3


def test_what_is_withdrawn_while_everything_is_said_again_is_not_forgotten(bench: Workbench) -> None:
    one, other = Caller(bench, 2).is_up(), Caller(bench, 3).is_up()
    one.announces("10.9.0.0/16")
    other.waits(1)
    one.says(Update(withdrawn=(p("10.9.0.0/16"),)))
    other.says(RouteRefresh())
    other.waits(10)
    assert other.updates[-1].withdrawn == (p("10.9.0.0/16"),)


@pytest.mark.lengthy
def test_who_does_not_read_hears_the_rest_when_it_does(bench: Workbench) -> None:
    one, other = Caller(bench, 2).is_up(), Caller(bench, 3).is_up()
    told = [f"10.{number >> 8}.{number & 0xFF}.0/24" for number in range(6000)]
    for at, prefix in enumerate(told):
        one.announces(prefix, path=(Segment(SegmentKind.SEQUENCE, (65001, 1 + at)),))
    other.waits(1)
    heard = len(other.updates)
    assert 0 < heard < len(told)
    other.waits(60)
    assert len(other.updates) == heard
    for _ in range(2):
        other.hears(bench.handle(StreamWritable(other.stream)))
        other.waits(1)
    assert len(other.updates) == len(told)
    assert not other.closed


def test_messages_that_come_octet_by_octet_are_understood(bench: Workbench) -> None:
    one = Caller(bench, 2).connects()
    for octet in serialize(Open.with_capabilities(65001, 90, one.address, ())) + serialize(Keepalive()):
        one.says_octets(bytes((octet,)))
    assert "%BGP-5-ADJCHANGE: neighbor *172.16.31.2 Up" in bench.logs


@pytest.mark.conforms("bgp:4.2-zero")
def test_who_says_hold_time_0_and_then_nothing_does_not_keep_its_place(bench: Workbench) -> None:
    Caller(bench, 2).connects().opens(hold_time=0)
    bench.advance(300)
    assert not bench.machine(BgpMachine).peers


def test_who_connects_again_and_again_with_nonsense_is_logged_once_a_minute(bench: Workbench) -> None:
    for number in range(50):
        one = Caller(bench, 2)
        one.stream = 2 * number + 101
        one.connects().says_octets(b"GET / HTTP/1.1\r\n\r\n" * 3)
        assert one.closed
    assert len([line for line in bench.logs if "NOTIFICATION" in line]) == 1
    assert not bench.machine(BgpMachine).peers


def test_another_router_id_begins_all_sessions_again(bench: Workbench) -> None:
    one = Caller(bench, 2).is_up()
    one.hears(bench.configure("router bgp 65000\n bgp router-id 9.9.9.8\n"))
    assert one.heard[-1] == Notification(6, 6)
    assert one.closed


def test_a_router_id_that_nobody_configures_any_more_is_that_of_an_interface_again(bench: Workbench) -> None:
    bench.configure("router bgp 65000\n bgp router-id 9.9.9.8\n")
    one = Caller(bench, 2).is_up()
    one.hears(bench.configure("router bgp 65000\n no bgp router-id\n"))
    assert one.closed
    own = [word for word in bench.show("show ip bgp summary")[0].replace(",", "").split() if word.count(".") == 3]
    assert own == [str(LOCAL)]


def test_a_prefix_that_holds_its_own_next_hop_makes_no_circle(bench: Workbench) -> None:
    one = Caller(bench, 2).is_up()
    one.announces("172.16.31.2/32", "172.16.31.0/25", "10.9.0.0/16")
    bench.advance(1)
    offers = len([notice for notice in bench.notices if isinstance(notice, RouteOffered)])
    bench.advance(60)
    assert len([notice for notice in bench.notices if isinstance(notice, RouteOffered)]) == offers
    route = bench.ports.rib.lookup(a("10.9.0.1"))
    assert route is not None
    assert route.next_hops == (NextHop(GI1, a("172.16.31.2")),)


def test_who_tells_most_of_more_than_there_is_room_for_is_given_up(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input, "MOST_PREFIXES", 20)
    greedy, modest = Caller(bench, 2).is_up(), Caller(bench, 3).is_up()
    greedy.announces(*(f"10.{number}.0.0/16" for number in range(18)))
    modest.announces("10.100.0.0/16", "10.101.0.0/16", "10.102.0.0/16")
    greedy.waits(1)
    assert not modest.closed
    said = (
        "%BGP-3-MAXPFXEXCEED: Number of prefixes received from all neighbors exceeds limit 20: 18 are from 172.16.31.2"
    )
    assert said in bench.logs
    assert [peer.address for peer in bench.machine(BgpMachine).peers.values()] == [modest.address]
    assert bench.ports.rib.lookup(a("10.100.0.1")) is not None
    assert bench.ports.rib.lookup(a("10.1.0.1")) is None


def test_nobody_tells_us_routes_to_multicast_loopback_and_what_is_no_address(bench: Workbench) -> None:
    one = Caller(bench, 2).is_up()
    one.announces("224.0.0.0/4", "224.0.0.5/32", "127.0.0.0/8", "0.0.0.0/8", "255.255.255.255/32", "128.0.0.0/1")
    one.waits(1)
    routes = [route.prefix for route in bench.ports.rib.routes() if route.source is RouteSource.BGP]
    assert routes == [p("128.0.0.0/1")]
    assert not one.closed


def test_who_calls_past_a_tunnel_that_is_down_is_not_taken(bench: Workbench) -> None:
    """Its address is of the tunnel's network, but our answers would leave in clear along the default route."""
    tunnels = bench.ports.tunnels
    assert isinstance(tunnels, FakeTunnels)
    ends = TunnelState(
        name=GI1,
        multipoint=True,
        source=None,
        source_interface=GI2,
        destination=None,
        key=None,
        transport_mtu=17916,
        up=True,
    )
    tunnels.states.append(ends)
    bench.configure("ip route 0.0.0.0 0.0.0.0 10.3.3.9\n")
    bench.handle(LinkChanged(GI1, up=False))
    assert Caller(bench, 2).connects().closed
    bench.handle(LinkChanged(GI1, up=True))
    assert not Caller(bench, 3).is_up().closed


def test_a_long_table_is_told_in_slices_between_which_others_are_heard(bench: Workbench) -> None:
    teller = Caller(bench, 11).is_up()
    for block in range(5):
        teller.announces(*(f"10.{block}.{number}.0/24" for number in range(250)))
    teller.waits(1.0)
    listener = Caller(bench, 12).is_up()
    told = [0]
    while told[-1] < 1250:
        listener.waits(0.0005 if told[-1] else 0.05)
        told.append(sum(len(update.announced) for update in listener.updates))
        assert len(told) < 100, told
    assert max(after - before for before, after in pairwise(told)) <= SLICE


# ------------------------------------------------------------------------------------------------ late clocks


@pytest.mark.conforms("bgp:8326-sender")
def test_a_session_that_ends_gracefully_while_its_keepalive_is_due_ends_and_others_live() -> None:
    bench = hub(" neighbor 172.16.31.2 remote-as 65001\n")
    leaving, other = Caller(bench, 2).is_up(), Caller(bench, 3).is_up()
    bench.advance(14)
    bench.configure("router bgp 65000\n neighbor 172.16.31.2 shutdown graceful 45\n")
    bench.advance(44)
    bench.now += 3  # the machine was busy: what was due after 59 and after 60 seconds is due now
    effects = bench.handle(Tick())
    for caller in (leaving, other):
        caller.hears(effects)
    assert (leaving.closed, other.closed) == (True, False)
    assert isinstance(leaving.heard[-1], Notification)
    assert isinstance(other.heard[-1], Keepalive)


# ------------------------------------------------------------------------------------------------ work without end

HUNDRED = tuple(p(f"20.0.{number}.0/24") for number in range(100))


def tells(one: Caller, med: int, *prefixes: Prefix) -> list[Effect]:
    """A guest tells routes. Returns what the router does about it."""
    path = (Segment(SegmentKind.SEQUENCE, (65001,)),)
    attributes = write(Attributes(path=path, next_hop=one.address, med=med), wide=True)
    update = Update(attributes=attributes, announced=prefixes)
    effects = one.bench.handle(StreamData(one.stream, serialize(update)))
    one.hears(effects)
    return effects


def pauses(effects: list[Effect]) -> list[bool]:
    return [effect.paused for effect in of_type(effects, StreamPause)]


@pytest.mark.lengthy
def test_a_neighbor_whose_routes_change_without_end_waits_and_keeps_its_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A neighbor that gave a thousand routes another preference in each message took a whole core."""
    monkeypatch.setattr(lifecycle, "CREDIT", 300)
    monkeypatch.setattr(lifecycle, "RATE", 100)
    bench = hub()
    one = Caller(bench, 2).is_up()
    assert pauses(tells(one, 0, *HUNDRED)) == []
    assert [pauses(tells(one, med, *HUNDRED)) for med in (1, 2)] == [[], []]
    assert pauses(tells(one, 3, *HUNDRED)) == [True]
    told = 0
    while bench.now < 120:  # longer than the hold time; the neighbor says what it can, and its KEEPALIVEs wait behind
        resumed = pauses(bench.advance(0.5))
        if resumed == [False]:
            told += 1
            assert pauses(tells(one, 10 + told, *HUNDRED)) == [True]
    assert 100 < told <= 121
    assert not one.closed
    assert not [message for message in one.heard if isinstance(message, Notification)]


def test_a_whole_table_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "CREDIT", 500)
    one = Caller(hub(), 2).is_up()
    for number in range(20):
        assert pauses(tells(one, 0, *(p(f"20.{number}.{third}.0/24") for third in range(256)))) == []


def test_a_neighbor_that_falls_silent_while_it_waits_is_lost_after_its_hold_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lifecycle, "CREDIT", 50)
    bench = hub()
    one = Caller(bench, 2).is_up()
    tells(one, 0, *HUNDRED)
    assert pauses(tells(one, 1, *HUNDRED)) == [True]
    bench.advance(89)
    assert not one.closed
    one.hears(bench.advance(2))
    assert one.closed


@pytest.mark.parametrize("subtype", [1, 2])
def test_a_neighbor_that_sent_many_marks_of_refreshes_and_dies_is_lost_after_its_hold_time(subtype: int) -> None:
    """One read of them stopped the hold timer for six minutes."""
    bench = hub()
    one = Caller(bench, 2, more=(CapabilityValue(Capability.ENHANCED_REFRESH),)).is_up()
    one.announces("10.9.0.0/16")
    assert pauses(bench.handle(StreamData(one.stream, 356 * serialize(RouteRefresh(1, subtype))))) == [True]
    assert pauses(bench.advance(lifecycle.LONGEST_PAUSE + 0.1)) == [False]
    one.hears(bench.advance(90))
    assert one.closed


def test_requests_to_repeat_everything_that_wait_together_count_once() -> None:
    """A read of them, or of requests for families that we do not have, stopped the neighbor for six minutes."""
    bench = hub()
    one = Caller(bench, 2).is_up()
    for family in (1, 2):
        for _ in range(10):
            assert pauses(bench.handle(StreamData(one.stream, 356 * serialize(RouteRefresh(family))))) == []


@pytest.mark.parametrize("message", [Keepalive(), RouteRefresh(1, 1)])
def test_messages_that_bring_no_routes_are_not_free(message: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "CREDIT", 100)
    bench = hub()
    one = Caller(bench, 2).is_up()
    assert pauses(bench.handle(StreamData(one.stream, 200 * serialize(message)))) == [True]


# A neighbor that restarts gracefully: its routes stay until it has told its table again (RFC 4724, RFC 8538).

KEPT, LOST = "10.7.0.0/16", "10.8.0.0/16"
END_OF_TABLE = Update()
#: 120 seconds; it may also restart after a NOTIFICATION; IPv4 unicast, and what of it was kept.
FIRST = CapabilityValue(Capability.GRACEFUL_RESTART, bytes.fromhex("4078 0001 01 80"))
AGAIN = CapabilityValue(Capability.GRACEFUL_RESTART, bytes.fromhex("c078 0001 01 80"))
FORGETFUL = CapabilityValue(Capability.GRACEFUL_RESTART, bytes.fromhex("c078 0001 01 00"))
WITHOUT_N = CapabilityValue(Capability.GRACEFUL_RESTART, bytes.fromhex("0078 0001 01 80"))


def helping(more: str = "") -> Workbench:
    return hub(f" bgp graceful-restart\n{more}")


def told(bench: Workbench, capability: CapabilityValue = FIRST) -> Caller:
    """A neighbor has told two prefixes and the end of its table."""
    caller = Caller(bench, 2, more=(capability,)).is_up()
    caller.announces(KEPT, LOST)
    caller.says(END_OF_TABLE)
    caller.waits(1)
    assert offered(bench) == {KEPT, LOST}
    return caller


def offered(bench: Workbench) -> set[str]:
    """What the routing table has of BGP as of now."""
    found: set[str] = set()
    for notice in bench.notices:
        if isinstance(notice, RouteOffered):
            found.add(str(notice.route.prefix))
        elif isinstance(notice, RouteRetracted):
            found.discard(str(notice.prefix))
    return found & {KEPT, LOST}


def dies(bench: Workbench, caller: Caller) -> None:
    bench.handle(StreamDown(caller.stream, StreamEnd.RESET))


@pytest.mark.conforms("bgp:4724-helper")
def test_routes_of_a_neighbor_that_restarts_stay_and_what_it_does_not_tell_again_goes() -> None:
    bench = helping()
    dies(bench, told(bench))
    bench.advance(60)
    assert offered(bench) == {KEPT, LOST}
    assert [line[1:3] for line in bench.show("show ip bgp") if "10." in line and "/16" in line] == ["S>", "S>"]
    assert any("NSF peer closed the session" in line for line in bench.logs)
    again = Caller(bench, 2, call=1, more=(AGAIN,)).is_up()
    again.announces(KEPT)
    bench.advance(1)
    assert offered(bench) == {KEPT, LOST}
    again.says(END_OF_TABLE)
    bench.advance(1)
    assert offered(bench) == {KEPT}
    assert not any(line.startswith(" S") and "10." in line for line in bench.show("show ip bgp"))


@pytest.mark.conforms("bgp:4724-deadline")
def test_routes_of_a_neighbor_that_does_not_come_back_within_its_restart_time_go() -> None:
    bench = helping()
    dies(bench, told(bench))
    bench.advance(119)
    assert offered(bench) == {KEPT, LOST}
    bench.advance(2)
    assert offered(bench) == set()
    assert "172.16.31.2" not in "\n".join(bench.show("show ip bgp summary"))


@pytest.mark.parametrize("command", ["clear ip bgp *", "clear ip bgp 172.16.31.2"])
def test_a_dynamic_neighbor_that_somebody_clears_while_it_restarts_is_forgotten(command: str) -> None:
    """`show ip bgp summary` listed it forever, and it took a place of `bgp listen limit`."""
    bench = helping()
    dies(bench, told(bench))
    bench.advance(1)
    bench.do(command)
    bench.advance(1)
    assert offered(bench) == set()
    assert "172.16.31.2" not in "\n".join(bench.show("show ip bgp summary"))


def test_a_dynamic_neighbor_whose_lines_change_while_it_restarts_is_forgotten() -> None:
    bench = helping()
    dies(bench, told(bench))
    bench.advance(1)
    bench.configure("router bgp 65000\n neighbor GUESTS timers 3 9\n")
    bench.advance(1)
    assert "172.16.31.2" not in "\n".join(bench.show("show ip bgp summary"))


def test_one_that_is_back_and_never_says_that_its_table_ends_has_the_time_for_stale_routes() -> None:
    bench = helping(" bgp graceful-restart stalepath-time 30\n")
    dies(bench, told(bench))
    again = Caller(bench, 2, call=1, more=(AGAIN,)).is_up()
    again.announces(KEPT)
    bench.advance(29)
    assert offered(bench) == {KEPT, LOST}
    bench.advance(2)
    assert offered(bench) == {KEPT}


@pytest.mark.conforms("bgp:4724-forwarding")
def test_one_that_forgot_what_it_forwarded_by_loses_its_routes_when_it_is_back() -> None:
    bench = helping()
    dies(bench, told(bench))
    Caller(bench, 2, call=1, more=(FORGETFUL,)).is_up()
    bench.advance(1)
    assert offered(bench) == set()


def test_what_it_did_not_tell_again_before_it_restarts_once_more_goes() -> None:
    bench = helping()
    dies(bench, told(bench))
    again = Caller(bench, 2, call=1, more=(AGAIN,)).is_up()
    again.announces(KEPT)
    bench.advance(1)
    dies(bench, again)
    bench.advance(1)
    assert offered(bench) == {KEPT}


@pytest.mark.conforms("bgp:4724-new-connection")
def test_a_new_connection_of_one_that_restarted_takes_the_place_of_the_old_one() -> None:
    """TCP had not noticed that the neighbor was gone, and it was refused until the hold time ran out."""
    bench = helping()
    told(bench)
    again = Caller(bench, 2, call=1, more=(AGAIN,)).is_up()
    bench.advance(1)
    assert offered(bench) == {KEPT, LOST}
    assert not again.closed
    again.announces(LOST)
    again.says(END_OF_TABLE)
    bench.advance(1)
    assert offered(bench) == {LOST}


def test_without_the_line_or_without_the_capability_routes_go_with_the_session() -> None:
    for bench, capability in ((hub(), FIRST), (helping(), CapabilityValue(Capability.GRACEFUL_RESTART, b"\x40\x78"))):
        dies(bench, told(bench, capability))
        bench.advance(1)
        assert offered(bench) == set()


@pytest.mark.conforms("bgp:8538-soft")
@pytest.mark.parametrize(
    ("capability", "notification", "left"),
    [
        (FIRST, Notification(ErrorCode.HOLD_TIME), {KEPT, LOST}),
        (FIRST, Notification(ErrorCode.CEASE, Cease.RESET), {KEPT, LOST}),
        (FIRST, Notification(ErrorCode.CEASE, Cease.HARD_RESET, b"\x06\x04"), set()),
        (WITHOUT_N, Notification(ErrorCode.CEASE, Cease.RESET), set()),
    ],
)
def test_routes_stay_after_a_notification_if_both_ends_say_so_and_it_is_no_hard_reset(
    capability: CapabilityValue, notification: Notification, left: set[str]
) -> None:
    bench = helping()
    caller = told(bench, capability)
    caller.says(notification)
    bench.advance(1)
    assert offered(bench) == left


def test_silence_for_the_hold_time_is_a_restart_for_those_that_say_so_alone() -> None:
    for capability, left in ((FIRST, {KEPT, LOST}), (WITHOUT_N, set[str]())):
        bench = helping()
        told(bench, capability)
        bench.advance(95)
        assert offered(bench) == left


@pytest.mark.conforms("bgp:8538-hard")
def test_who_clears_a_neighbor_says_that_its_routes_are_to_go_and_drops_them() -> None:
    bench = helping()
    caller = told(bench)
    caller.hears(bench.do("clear ip bgp *"))
    bench.advance(1)
    assert caller.heard[-1] == Notification(ErrorCode.CEASE, Cease.HARD_RESET, bytes((ErrorCode.CEASE, Cease.RESET)))
    assert offered(bench) == set()


def test_who_clears_an_awaited_neighbor_or_takes_its_group_away_drops_its_routes() -> None:
    for line in ("clear ip bgp *", ""):
        bench = helping()
        dies(bench, told(bench))
        if line:
            bench.do(line)
        else:
            bench.configure("router bgp 65000\n no bgp listen range 172.16.31.0/24 peer-group GUESTS\n")
        bench.advance(1)
        assert offered(bench) == set()


@pytest.mark.conforms("bgp:4724-end")
def test_who_can_restart_is_told_our_table_and_where_it_ends_and_that_we_keep_nothing_ourselves() -> None:
    bench = helping(" network 10.3.3.0 mask 255.255.255.0\n")
    caller = Caller(bench, 2, more=(FIRST,)).is_up()
    caller.waits(1)
    assert [update.announced for update in caller.updates] == [(p("10.3.3.0/24"),), ()]
    assert caller.updates[-1] == END_OF_TABLE
    (ours,) = [message for message in caller.heard if isinstance(message, Open)]
    said = ours.capability(Capability.GRACEFUL_RESTART)
    assert said is not None
    assert said.value == bytes.fromhex("4078")


def test_shows_say_what_a_neighbor_said_of_restarts_and_what_is_kept_of_it() -> None:
    bench = helping()
    caller = told(bench)
    text = "\n".join(bench.show("show ip bgp neighbors 172.16.31.2"))
    assert (
        "Remote Restart timer is 120 seconds\n      Address families advertised by peer:\n        IPv4 Unicast" in text
    )
    assert "Graceful-Restart is enabled, restart-time 120 seconds, stalepath-time 360 seconds" in text
    dies(bench, caller)
    bench.advance(20)
    text = "\n".join(bench.show("show ip bgp neighbors 172.16.31.2"))
    assert "Stale routes: 2, removed in 100 seconds" in text


@pytest.mark.parametrize("value", [b"", b"\x40", b"\x40\x78\x00", b"\x40\x78\x00\x01\x01"])
def test_a_capability_that_cannot_be_read_is_none(value: bytes) -> None:
    bench = helping()
    caller = told(bench, CapabilityValue(Capability.GRACEFUL_RESTART, value))
    dies(bench, caller)
    bench.advance(1)
    assert offered(bench) == set()


def test_what_an_awaited_neighbor_told_counts_no_more_when_there_is_another_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its prefixes took the room of other neighbors forever, until each neighbor was cut off for sending too many."""
    monkeypatch.setattr(input, "MOST_PREFIXES", 2)
    bench = helping()
    dies(bench, told(bench))
    other = BASE.replace("router bgp 65000", "router bgp 65009")
    bench.configure(f"no router bgp 65000\n{other} bgp graceful-restart\n")
    assert not told(bench).closed


def test_routes_of_one_that_restarts_go_first_where_there_is_no_room_for_those_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(input, "MOST_PREFIXES", 3)
    bench = helping()
    dies(bench, told(bench))
    other = Caller(bench, 3).is_up()
    other.announces(KEPT)
    other.waits(1)
    assert (offered(bench), other.closed) == ({KEPT, LOST}, False)
    third = Caller(bench, 4).is_up()
    third.announces(KEPT)
    third.waits(1)
    assert (offered(bench), other.closed, third.closed) == ({KEPT}, False, False)
    assert "exceeds limit 3: 2 are from 172.16.31.2" in bench.logs[-1]
