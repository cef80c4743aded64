"""DUAL without packets: one router, its neighbors as sources, and every arc of the state machine."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.context import Context
from dmvpn.features.eigrp import topology
from dmvpn.features.eigrp.dual import Dual, Message
from dmvpn.features.eigrp.metric import INFINITY, MetricScale, Vector, Weights, link_vector
from dmvpn.features.eigrp.model import EigrpConfig, ProcessSettings
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode
from dmvpn.features.eigrp.state import EventLog, PacketCounts, State
from dmvpn.router.router import addresses
from support.fakes import fake_ports

P = Prefix.parse("10.9.9.0/24")
UNIT = 10  # microseconds: 256 of classic distance


class Room:
    """A router with neighbors a, b and c, each `UNIT` away. Distances are counted in units, bandwidth apart."""

    def __init__(self) -> None:
        self.neighbors = {
            name: topology.PathSource(
                topology.Origin.NEIGHBOR, f"Ethernet{name}", IPv4Address(f"10.0.0.{number}"), link=self.link(1)
            )
            for number, name in enumerate("abc", 1)
        }
        settings = ProcessSettings(autonomous_system=100)
        context = Context(fake_ports())
        self.dual = Dual(
            State(context, settings, EigrpConfig((settings,)), {}, EventLog(context, 1), PacketCounts()), self.audience
        )
        self.asked_for: list[topology.PathSource | None] = []

    @staticmethod
    def link(units: int) -> Vector:
        return link_vector(10_000_000_000, UNIT * units, 1500)

    def audience(self, prefix: Prefix, told_by: topology.PathSource | None) -> list[topology.PathSource]:
        self.asked_for.append(told_by)
        return [source for source in self.neighbors.values() if source is not told_by]

    def say(self, name: str, message: Message, units: int | None) -> None:
        """A neighbor says that the destination is so far from it, None = unreachable."""
        report = topology.UNREACHABLE if units is None else topology.Report(self.link(units))
        self.dual.receive(P, self.neighbors[name], report, message, 0.0)

    def update(self, name: str, units: int | None) -> None:
        self.say(name, Message.UPDATE, units)

    def query(self, name: str, units: int | None) -> None:
        self.say(name, Message.QUERY, units)

    def reply(self, name: str, units: int | None) -> None:
        self.say(name, Message.REPLY, units)

    @property
    def destination(self) -> topology.Destination:
        return self.dual.table[P]

    @property
    def state(self) -> str:
        return self.destination.state.name if P in self.dual.table else topology.DestinationState.PASSIVE.name

    @property
    def via(self) -> str:
        """By whom the destination is reached."""
        path = self.destination.current
        return next((name for name, source in self.neighbors.items() if path and path.source is source), "")

    @property
    def packets_go_by(self) -> list[str]:
        """The neighbors by which packets may go."""
        names = {source: name for name, source in self.neighbors.items()}
        return [names[path.source] for path in self.destination.usable()]

    @property
    def units(self) -> int | None:
        """How far the destination is."""
        distance = self.destination.distance
        return None if distance >= INFINITY else distance // 256

    def replied_to(self) -> list[str]:
        names = {source: name for name, source in self.neighbors.items()}
        return [names[source] for source, _ in self.dual.take_outcome().replies]


@pytest.fixture
def room() -> Room:
    """The destination by a at 11 units; b offers 13 and is feasible, c offers 21 and is not."""
    room = Room()
    room.update("a", 10)
    room.update("b", 8 + 1)
    room.update("b", 9)
    room.update("c", 20)
    return room


def test_the_nearest_neighbor_becomes_the_successor(room: Room) -> None:
    assert (room.via, room.units) == ("b", 10)
    assert room.destination.feasible_distance == 10 * 256
    assert [path.source.interface for path in room.destination.feasible_successors()] == ["Ethernetb"]


@pytest.mark.conforms("eigrp:3.2-feasible")
def test_a_feasible_successor_takes_over_at_once() -> None:
    room = Room()
    room.update("a", 10)
    room.update("b", 5)
    room.update("c", 5)
    room.update("b", None)
    assert (room.state, room.via, room.units) == ("PASSIVE", "c", 6)


@pytest.mark.conforms("eigrp:3.5-lost")
def test_losing_the_only_feasible_way_asks_everybody_else_and_takes_the_best_answer(room: Room) -> None:
    room.update("b", None)
    assert room.state == "ASKED"
    assert room.destination.current is None
    assert P in room.dual.take_outcome().queried
    assert room.asked_for == [room.neighbors["b"]]
    room.reply("a", 10)
    assert room.state == "ASKED"
    room.reply("c", 20)
    assert (room.state, room.via, room.units) == ("PASSIVE", "a", 11)
    assert room.destination.feasible_distance == 11 * 256


def test_the_best_path_must_be_the_feasible_one_or_everybody_is_asked(room: Room) -> None:
    room.update("b", 30)
    assert room.state == "ASKED"
    assert (room.via, room.units) == ("b", 31)
    for name in "ac":
        room.reply(name, 10 if name == "a" else 20)
    assert (room.via, room.units) == ("a", 11)


@pytest.mark.conforms("eigrp:3.5-query-successor")
def test_a_query_of_the_successor_is_answered_when_all_others_have_answered(room: Room) -> None:
    room.query("b", None)
    assert room.state == "SUCCESSOR_ASKED"
    room.reply("a", 10)
    assert room.replied_to() == []
    room.reply("c", 20)
    assert room.replied_to() == ["b"]
    assert (room.state, room.via) == ("PASSIVE", "a")


@pytest.mark.conforms("eigrp:3.5-query-other")
def test_a_query_of_anybody_else_is_answered_at_once(room: Room) -> None:
    room.query("c", None)
    assert room.replied_to() == ["c"]
    assert room.state == "PASSIVE"
    room.query("b", 30)
    assert room.state == "SUCCESSOR_ASKED"
    room.query("a", None)
    assert room.replied_to() == ["a"]
    assert room.state == "SUCCESSOR_ASKED"


@pytest.mark.conforms("eigrp:3.5-query-other")
def test_a_query_about_what_nobody_knows_is_answered(room: Room) -> None:
    other = Prefix.parse("10.8.0.0/16")
    room.dual.take_outcome()
    room.dual.receive(other, room.neighbors["a"], topology.UNREACHABLE, Message.QUERY, 0.0)
    assert list(room.dual.take_outcome().replies) == [(room.neighbors["a"], other)]
    assert other not in room.dual.table


@pytest.mark.conforms("eigrp:3.5-query-successor")
def test_a_successor_that_asks_while_we_ask_is_answered_at_the_end(room: Room) -> None:
    room.update("b", 30)
    room.dual.take_outcome()
    room.query("b", 40)
    assert room.state == "SUCCESSOR_INCREASED"
    room.reply("a", 10)
    room.reply("c", None)
    # a is feasible: it is nearer than the 31 units that everybody was told.
    assert room.replied_to() == ["b"]
    assert (room.state, room.via) == ("PASSIVE", "a")


def test_if_the_successor_grew_worse_meanwhile_only_a_nearer_neighbor_may_be_taken(room: Room) -> None:
    room.update("b", 12)
    assert room.state == "ASKED"
    room.update("b", 50)
    assert room.state == "INCREASED"
    room.reply("a", 13)
    room.reply("c", 20)
    assert room.state == "ASKED"
    assert room.units == 51
    room.reply("a", 13)
    room.reply("c", 20)
    room.reply("b", 50)
    assert (room.state, room.via, room.units) == ("PASSIVE", "a", 14)


@pytest.mark.conforms("eigrp:3.5-reply-worse")
def test_a_reply_in_which_the_successor_grew_worse_counts_as_that() -> None:
    room = Room()
    room.update("a", 10)
    room.update("b", 30)
    room.update("c", 12)
    room.update("a", 40)
    assert (room.state, room.units) == ("ASKED", 41)
    room.dual.active[P].awaiting[room.neighbors["a"]] = None
    room.reply("a", 60)
    assert room.state == "INCREASED"


def test_who_has_said_unreachable_answers_even_the_old_successor_at_once(room: Room) -> None:
    room.update("b", None)
    room.dual.take_outcome()
    room.query("b", None)
    assert room.replied_to() == ["b"]
    assert room.state == "ASKED"


@pytest.mark.conforms("eigrp:3.5-active-path")
def test_packets_go_by_the_old_successor_while_replies_are_awaited_as_long_as_it_has_a_path(room: Room) -> None:
    room.update("b", 30)
    assert (room.state, room.packets_go_by) == ("ASKED", ["b"])
    room.update("b", 50)
    assert (room.state, room.packets_go_by) == ("INCREASED", ["b"])
    room.update("b", None)
    assert room.packets_go_by == []


@pytest.mark.conforms("eigrp:3.5-active-path")
@pytest.mark.parametrize(("first", "again"), [(None, 9), (30, 9), (30, 40)])
def test_a_successor_that_lost_the_destination_is_not_used_again_before_all_have_replied(
    room: Room, first: int | None, again: int
) -> None:
    """Its new path may begin with a neighbor that has not yet heard of our loss: packets ran in a circle."""
    room.update("b", first)
    room.update("b", None)
    room.update("b", again)
    assert room.packets_go_by == []
    room.reply("a", None)
    room.reply("c", None)
    while room.state != "PASSIVE":  # the distance grew meanwhile: all are asked again
        assert room.packets_go_by == []
        assert room.units is None, "nobody may choose us for a path that our packets do not take"
        for name in "abc":
            room.reply(name, again if name == "b" else None)
    assert room.packets_go_by == ["b"]


@pytest.mark.conforms("eigrp:3.5-gone")
def test_a_neighbor_that_goes_has_replied(room: Room) -> None:
    room.update("b", None)
    room.reply("a", 10)
    room.dual.remove_source(room.neighbors["c"], 0.0)
    assert (room.state, room.via) == ("PASSIVE", "a")


def test_a_successor_that_goes_is_not_answered_any_more(room: Room) -> None:
    room.query("b", 30)
    room.dual.remove_source(room.neighbors["b"], 0.0)
    assert room.state == "SUCCESSOR_INCREASED"
    room.dual.take_outcome()
    room.reply("a", 10)
    room.reply("c", 20)
    assert room.replied_to() == []
    assert room.via == "a"


def test_nobody_to_ask_means_nothing_to_wait_for() -> None:
    room = Room()
    room.update("a", 10)
    room.neighbors.pop("b"), room.neighbors.pop("c")
    room.update("a", None)
    assert P not in room.dual.table


def test_our_own_network_wins_whatever_others_say() -> None:
    room = Room()
    room.update("a", 0)
    mine = topology.PathSource(topology.Origin.CONNECTED, "Tunnel0", absolute=True)
    room.dual.receive(P, mine, topology.Report(Room.link(500)), Message.UPDATE, 0.0)
    assert room.destination.current is not None
    assert room.destination.current.source is mine
    room.dual.receive(P, mine, topology.UNREACHABLE, Message.UPDATE, 0.0)
    assert room.via == "a"


def test_what_is_too_many_hops_away_is_unreachable() -> None:
    room = Room()
    far = topology.Report(Room.link(1)._replace(hop_count=99))
    room.dual.receive(P, room.neighbors["a"], far, Message.UPDATE, 0.0)
    assert room.via == "a"
    room.dual.receive(
        P, room.neighbors["a"], topology.Report(Room.link(1)._replace(hop_count=100)), Message.UPDATE, 0.0
    )
    assert room.state == "ASKED"


@pytest.mark.conforms("eigrp:3.5-moves")
def test_every_state_can_be_reached_and_left() -> None:
    reached = {topology.DestinationState.PASSIVE}
    while more := {after for (before, _), after in topology.MOVES.items() if before in reached} - reached:
        reached |= more
    assert reached == set(topology.DestinationState)
    home = {topology.DestinationState.PASSIVE}
    while more := {before for (before, _), after in topology.MOVES.items() if after in home} - home:
        home |= more
    assert home == set(topology.DestinationState)
    assert {event for _, event in topology.MOVES} == set(topology.Event)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(list(Message)), st.one_of(st.none(), st.integers(0, 40))),
        max_size=40,
    )
)
def test_no_sequence_of_messages_breaks_the_machine(messages: list[tuple[str, Message, int | None]]) -> None:
    room = Room()
    owed = {"a": 0, "b": 0, "c": 0}
    for name, message, units in messages:
        room.say(name, message, units)
        owed[name] += message is Message.QUERY
        for answered in room.replied_to():
            owed[answered] -= 1
            assert owed[answered] >= 0 or message is not Message.QUERY
        destination = room.dual.table.get(P)
        assert (destination is not None and destination.is_active) == (P in room.dual.active)
        if destination is not None:
            assert bool(destination.awaiting) == destination.is_active
            assert destination.feasible_distance <= destination.distance
    while P in room.dual.active:
        name = next(name for name, source in room.neighbors.items() if source in room.dual.active[P].awaiting)
        room.reply(name, None)
    assert P not in room.dual.active


# Metrics, to the digit: vectors of RFC 7868's formulas, and the numbers that routers print.

CLASSIC, WIDE = MetricScale(wide=False), MetricScale(wide=True)
TUNNEL_4000 = link_vector(4000, 50_000, 1400)


@pytest.mark.conforms("eigrp:5.6.1-classic", "eigrp:5.6.2-wide")
@pytest.mark.parametrize(
    ("vector", "classic", "wide", "rib"),
    [
        (link_vector(100, 50_000, 1476), 26880000, 9830400000, 76800000),
        (link_vector(1_000_000, 10, 1500), 2816, 1310720, 10240),
        (link_vector(100_000, 100, 1500), 28160, 13107200, 102400),
        (link_vector(1_000_000, 10, 1500).through(link_vector(100, 50_000, 1476)), 26880256, 9831055360, 76805120),
        (link_vector(1_000_000, 10, 1500).through(TUNNEL_4000), 1920256, 3441295360, 26885120),
        (link_vector(1_000_000, 1000, 1500).through(TUNNEL_4000), 1945600, 3506176000, 27392000),
        (link_vector(1_000_000, 1000, 1500).through(TUNNEL_4000).through(TUNNEL_4000), 3225600, 6782976000, 52992000),
    ],
)
def test_distances_are_those_of_the_standard(vector: Vector, classic: int, wide: int, rib: int) -> None:
    assert CLASSIC.distance(vector) == classic
    assert WIDE.distance(vector) == wide
    assert WIDE.rib_metric(WIDE.distance(vector)) == rib


@pytest.mark.conforms("eigrp:5.6.2-wide")
@pytest.mark.parametrize(
    ("interface", "lines", "classic", "wide"),
    [
        ("Loopback0", "", 128256, 163840),  # 1.25 microseconds, and 8 Gbit/s, as IOS 15.9 tells of its loopbacks
        ("TenGigabitEthernet1", "", 512, 131072),
        ("TenGigabitEthernet1", " delay 1\n", 512, 720896),
        ("TenGigabitEthernet1", " bandwidth 10000000\n", 512, 720896),
        ("GigabitEthernet1", "", 2816, 1310720),
    ],
)
def test_above_a_gigabit_wide_metrics_count_what_the_bandwidth_gives(
    interface: str, lines: str, classic: int, wide: int
) -> None:
    """Named processes told of loopbacks with 5000 microseconds, and another way won than on IOS."""
    (state,) = addresses(f"interface {interface}\n ip address 10.1.1.1 255.255.255.0\n{lines}")
    assert CLASSIC.distance(CLASSIC.link(state)) == classic
    assert WIDE.distance(WIDE.link(state)) == wide


def test_what_is_too_far_for_the_field_is_unreachable() -> None:
    assert CLASSIC.distance(link_vector(1, 10**9, 1500)) == INFINITY
    assert CLASSIC.distance(None) == INFINITY


@pytest.mark.conforms("eigrp:5.6.1-classic")
@pytest.mark.parametrize(
    ("weights", "distance"),
    [
        (Weights(1, 1, 1, 0, 0), 2560 + 2560 // 255 + 256),
        (Weights(0, 0, 1, 0, 0), 256),
        (Weights(1, 0, 1, 1, 1), (2560 + 256) // 256),
        (Weights(2, 0, 1, 0, 0), 5120 + 256),
    ],
)
def test_other_weights_count_as_in_the_formula(weights: Weights, distance: int) -> None:
    assert MetricScale(weights=weights).distance(link_vector(1_000_000, 10, 1500)) == distance


@given(st.integers(1, 100_000_000), st.integers(0, 1_000_000), st.integers(64, 9000), st.integers(0, 99), st.booleans())
def test_a_metric_that_is_told_on_keeps_its_distance(
    bandwidth: int, tens: int, mtu: int, hops: int, wide: bool
) -> None:
    vector = link_vector(bandwidth, 10 * tens, mtu)._replace(hop_count=hops)
    scale = WIDE if wide else CLASSIC
    tlv = to_tlv_and_back(vector, wide=wide)
    assert scale.distance(tlv) == scale.distance(vector)
    again = to_tlv_and_back(tlv, wide=wide) if tlv else None
    assert scale.distance(again) == scale.distance(vector)


def to_tlv_and_back(vector: Vector, *, wide: bool) -> Vector | None:
    """Through octets, as on a wire."""
    tlv = topology.to_tlv(Prefix.parse("10.0.0.0/8"), topology.Advert(vector), wide=wide)
    packet = EigrpPacket(opcode=Opcode.UPDATE, autonomous_system=1, tlvs=(tlv,))
    (parsed,) = EigrpPacket.parse(packet.serialize()).tlvs
    told = topology.from_tlv(parsed)
    assert told is not None
    return told[0].metric


def test_a_route_that_is_too_far_for_the_32_bits_of_the_routing_table_has_their_largest_metric() -> None:
    """A larger one went into the table, and no packet of a protocol that redistributed it had room for it."""
    far = WIDE.distance(link_vector(100, 10 * 1_000_000, 1400))
    assert far // WIDE.rib_scale > 0xFFFFFFFF
    assert WIDE.rib_metric(far) == 0xFFFFFFFF
