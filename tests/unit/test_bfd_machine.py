"""Sessions of BFD, packet by packet: RFC 5880 §6.8, RFC 5881, RFC 5882."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.effects import Effect, Listen, SendIp, StopListening
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived, LinkChanged, Tick
from dmvpn.base.notices import Client, PathLost, WatchWanted
from dmvpn.features.bfd import FEATURE as BFD
from dmvpn.features.bfd.machine import MOST_SESSIONS, BfdMachine, ClearBfdCounters
from dmvpn.features.bfd.packet import AuthSection, AuthType, BfdState, ControlPacket, is_genuine, may_follow, seal
from dmvpn.features.bfd.session import CREDIT, CREDIT_RATE, Session
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.net.ip import UdpDatagram
from support.routing import GI1, a, make
from support.work import alive, uncollected
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from collections.abc import Callable

US, PEER = a("10.1.0.1"), a("10.1.0.2")
HIS = 7
Far = ControlPacket(state=BfdState.DOWN, multiplier=3, mine=HIS, yours=0, desired_tx=1_000_000, required_rx=50_000)


def bench(line: str = "bfd interval 50 min_rx 50 multiplier 3") -> Workbench:
    bench = Workbench(*make().features, POLICY, BFD)
    bench.configure(f"interface {GI1}\n ip address 10.1.0.1 255.255.0.0\n {line}\n")
    bench.handle(LinkChanged(GI1, up=True))
    bench.handle(WatchWanted(Client.EIGRP, 100, GI1, PEER, wanted=True))
    return bench


def said(effects: list[Effect]) -> list[ControlPacket]:
    orders = [order for order in of_type(effects, SendIp) if order.protocol == 17]
    return [ControlPacket.parse(UdpDatagram.parse(one.payload, US, one.destination).payload) for one in orders]


def hears(bench: Workbench, packet: ControlPacket, *, ttl: int = 255, port: int = 3784) -> list[ControlPacket]:
    """What we say at once when this comes."""
    datagram = UdpDatagram(source_port=49152, destination_port=port, payload=packet.serialize())
    payload = datagram.serialize(PEER, US)
    return said(bench.handle(IpReceived(GI1, PEER, US, 17, payload, ttl=ttl)))


def discriminator(bench: Workbench) -> int:
    (packet, *_) = said(bench.advance(2))
    return packet.mine


def brought_up(line: str = "bfd interval 50 min_rx 50 multiplier 3") -> tuple[Workbench, ControlPacket]:
    """A session that is up, and the last packet of the far end, which asks and offers 50 ms."""
    up = bench(line)
    ours = discriminator(up)
    hears(up, Far)
    packet = replace(Far, state=BfdState.UP, yours=ours, desired_tx=50_000)
    hears(up, packet)
    hears(up, replace(packet, final=True))
    return up, packet


def lost(bench: Workbench) -> list[PathLost]:
    return [notice for notice in bench.notices if isinstance(notice, PathLost)]


def state(bench: Workbench) -> str:
    return bench.show("show bfd neighbors")[-1].split()[3]


@pytest.mark.conforms("bfd:4.1-echo", "bfd:5881-4-ports", "bfd:5881-5-ttl", "bfd:6.8.1-discriminator", "bfd:6.8.3-slow")
def test_it_calls_once_a_second_from_a_port_of_its_own_with_ttl_255() -> None:
    calling = bench()
    orders = of_type(calling.advance(60), SendIp)
    assert {(order.ttl, order.destination, order.interface) for order in orders} == {(255, PEER, GI1)}
    datagrams = [UdpDatagram.parse(order.payload, US, PEER) for order in orders]
    assert {(one.destination_port, one.source_port >= 49152) for one in datagrams} == {(3784, True)}
    assert len({one.source_port for one in datagrams}) == 1
    packets = said(list(orders))
    assert {(one.state, one.yours, one.desired_tx, one.required_rx) for one in packets} == {
        (BfdState.DOWN, 0, 1_000_000, 50_000)
    }
    assert 60 <= len(packets) <= 80, "a second, shortened by up to a quarter"
    assert packets[0].mine
    assert packets[0].required_echo_rx == 0


@pytest.mark.conforms("bfd:6.2-handshake", "bfd:6.8.7-at-once")
def test_three_steps_make_it_up_and_each_is_told_at_once() -> None:
    calling = bench()
    ours = discriminator(calling)
    (answer,) = hears(calling, Far)
    assert (answer.state, answer.yours) == (BfdState.INIT, HIS)
    (answer,) = hears(calling, replace(Far, state=BfdState.UP, yours=ours))
    assert answer.state is BfdState.UP
    assert state(calling) == "Up"
    assert any("BFD_SESS_UP" in line for line in calling.logs)


@pytest.mark.conforms("bfd:6.8.3-poll", "bfd:6.5-final")
def test_when_it_is_up_faster_packets_are_announced_by_a_poll_until_it_is_answered() -> None:
    calling = bench()
    ours = discriminator(calling)
    hears(calling, Far)
    (answer,) = hears(calling, replace(Far, state=BfdState.UP, yours=ours, desired_tx=50_000))
    assert (answer.poll, answer.desired_tx) == (True, 50_000)
    later = said(calling.advance(0.14))
    assert later
    assert all(one.poll for one in later)
    hears(calling, replace(Far, state=BfdState.UP, yours=ours, desired_tx=50_000, final=True))
    assert not any(one.poll for one in said(calling.advance(0.1)))


@pytest.mark.conforms("bfd:6.5-final")
def test_a_poll_is_answered_at_once_and_the_answer_asks_nothing() -> None:
    up, packet = brought_up()
    (answer,) = hears(up, replace(packet, poll=True))
    assert (answer.final, answer.poll) == (True, False)


@pytest.mark.conforms("bfd:6.8.4-detection", "bfd:6.8.1-forget", "bfd:5882-3-tell")
def test_three_missing_packets_end_it_and_the_protocol_hears_so() -> None:
    up, packet = brought_up()
    for _ in range(20):
        up.advance(0.05)
        hears(up, packet)
    up.advance(0.149)
    assert lost(up) == []
    up.advance(0.002)
    (notice,) = lost(up)
    assert (notice.interface, notice.address, notice.clients) == (GI1, PEER, ((Client.EIGRP, 100),))
    (down, *_) = said(up.advance(2))
    assert (down.state, down.diagnostic, down.yours) == (BfdState.DOWN, 1, 0)
    assert "nothing came for 150 ms" in "\n".join(up.show("show bfd neighbors details"))


@pytest.mark.conforms("bfd:6.8.6-down")
def test_a_far_end_that_does_not_hear_us_ends_it() -> None:
    up, packet = brought_up()
    hears(up, replace(packet, state=BfdState.DOWN, diagnostic=1))
    assert len(lost(up)) == 1
    assert state(up) == "Down"


@pytest.mark.conforms("bfd:6.8.16-admin-down", "bfd:5882-3-admin-down")
def test_a_far_end_that_wants_no_session_is_no_failure_of_the_path() -> None:
    up, packet = brought_up()
    hears(up, replace(packet, state=BfdState.ADMIN_DOWN, diagnostic=7))
    assert state(up) == "Down"
    assert lost(up) == []


@pytest.mark.conforms("bfd:6.8.16-admin-down")
def test_a_session_that_nobody_wants_any_more_is_ended_in_peace() -> None:
    up, _ = brought_up()
    effects = up.handle(WatchWanted(Client.EIGRP, 100, GI1, PEER, wanted=False))
    (farewell,) = said(effects)
    assert (farewell.state, farewell.diagnostic) == (BfdState.ADMIN_DOWN, 7)
    later = up.advance(5)
    assert {one.state for one in said(later)} <= {BfdState.ADMIN_DOWN}
    assert len(of_type(later, StopListening)) == 1
    assert up.show("show bfd neighbors") == []
    assert lost(up) == []


@pytest.mark.conforms("bfd:5882-4.3-share")
def test_two_protocols_share_a_session_and_it_lives_as_long_as_one_wants_it() -> None:
    up, _ = brought_up()
    assert said(up.handle(WatchWanted(Client.OSPF, 1, GI1, PEER, wanted=True))) == []
    assert "Registered protocols: EIGRP OSPF" in up.show("show bfd neighbors details")
    up.handle(WatchWanted(Client.EIGRP, 100, GI1, PEER, wanted=False))
    assert state(up) == "Up"


@pytest.mark.conforms("bfd:5881-5-ttl", "bfd:6.8.6-session")
@pytest.mark.parametrize(
    "change",
    [
        lambda up, packet: hears(up, replace(packet, state=BfdState.DOWN), ttl=254),
        lambda up, packet: hears(up, replace(packet, state=BfdState.DOWN, yours=packet.yours ^ 1)),
        lambda up, packet: hears(up, replace(packet, state=BfdState.DOWN), port=3785),
    ],
    ids=["from farther away", "of another session", "to another port"],
)
def test_a_packet_of_a_stranger_changes_nothing(
    change: Callable[[Workbench, ControlPacket], list[ControlPacket]],
) -> None:
    up, packet = brought_up()
    assert change(up, packet) == []
    assert state(up) == "Up"
    assert lost(up) == []


def test_packets_that_are_not_taken_are_counted_by_why() -> None:
    up, packet = brought_up()
    hears(up, replace(packet, state=BfdState.DOWN), ttl=254)
    hears(up, replace(packet, state=BfdState.DOWN, yours=packet.yours ^ 1))
    for octets in (packet.serialize()[:-1], packet.serialize()):
        stranger = a("10.1.0.9")
        datagram = UdpDatagram(source_port=49152, destination_port=3784, payload=octets)
        up.handle(IpReceived(GI1, stranger, US, 17, datagram.serialize(stranger, US), ttl=255))
    lines = up.show("show bfd drops")
    assert lines[1].split() == ["IPV4", "IPV6", "IPV4-M", "IPV6-M", "MPLS_PW", "MPLS_TP_LSP"]
    counts = {row[:24].rstrip(): row[24:].split() for row in lines[2:]}
    seen = ["Invalid TTL", "No BFD Adjacency", "Invalid Header Bits", "Invalid Discriminator"]
    assert [name for name, (count, *_) in counts.items() if count == "1"] == seen
    assert {name for name, row in counts.items() if set(row) == {"0"}} == set(counts) - set(seen)
    up.handle(ClearBfdCounters())
    assert "1" not in "".join(line[24:] for line in up.show("show bfd drops")[2:])


def test_packets_make_no_sessions() -> None:
    calling = bench()
    datagram = UdpDatagram(source_port=49152, destination_port=3784, payload=Far.serialize())
    for host in range(3, 250):
        source = a(f"10.1.0.{host}")
        assert calling.handle(IpReceived(GI1, source, US, 17, datagram.serialize(source, US), ttl=255)) == []
    assert len(calling.machine(BfdMachine).sessions) == 1


@pytest.mark.lengthy
def test_a_flood_of_polls_is_answered_within_bounds() -> None:
    up, packet = brought_up()
    answers = sum(len(hears(up, replace(packet, poll=True, diagnostic=n % 2))) for n in range(2000))
    assert answers <= CREDIT + 1
    up.advance(0.1)
    answers = sum(len(hears(up, replace(packet, poll=True, diagnostic=n % 2))) for n in range(2000))
    assert answers <= 0.1 * CREDIT_RATE + 1


@pytest.mark.conforms("bfd:6.8.7-zero")
def test_a_far_end_that_can_receive_nothing_is_sent_nothing() -> None:
    up, packet = brought_up()
    hears(up, replace(packet, required_rx=0))
    hears(up, replace(packet, required_rx=0, final=True))
    assert said(up.advance(0.14)) == []


@pytest.mark.parametrize("there", [BfdState.ADMIN_DOWN, BfdState.DOWN, BfdState.UP])
def test_a_far_end_that_could_receive_nothing_and_fell_silent_is_called_again(there: BfdState) -> None:
    """It may be one that only answers (the passive role, RFC 5880 §6.1): nobody would ever begin again."""
    calling = bench()
    ours = discriminator(calling)
    hears(calling, replace(Far, state=there, yours=ours, required_rx=0))
    assert said(calling.advance(2)) == []
    assert len(said(calling.advance(10))) >= 7


@pytest.mark.conforms("bfd:6.6-demand")
def test_a_far_end_in_demand_mode_is_sent_nothing_while_both_are_up() -> None:
    up, packet = brought_up()
    hears(up, replace(packet, demand=True))
    assert said(up.advance(0.14)) == []


@pytest.mark.conforms("bfd:6.8.7-jitter")
@given(seed=st.integers(0, 1000))
def test_no_packet_is_later_than_its_interval_nor_much_earlier(seed: int) -> None:
    up = Workbench(*make().features, BFD, seed=seed)
    up.configure(f"interface {GI1}\n ip address 10.1.0.1 255.255.0.0\n bfd interval 50 min_rx 50 multiplier 3\n")
    up.handle(LinkChanged(GI1, up=True))
    up.handle(WatchWanted(Client.EIGRP, 100, GI1, PEER, wanted=True))
    times: list[float] = []
    while (due := up.next_deadline()) is not None and due < 30:
        up.now = max(up.now, due)
        if said(up.handle(Tick())):
            times.append(up.now)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(0.75 - 1e-9 <= gap <= 1.0 for gap in gaps)


@given(st.lists(st.tuples(st.sampled_from(BfdState), st.booleans(), st.booleans(), st.floats(0.0, 0.5)), max_size=30))
def test_whatever_the_far_end_says_in_whatever_order_the_states_follow(
    steps: list[tuple[BfdState, bool, bool, float]],
) -> None:
    up, packet = brought_up()
    for kind, poll, final, pause in steps:
        hears(up, replace(packet, state=kind, poll=poll, final=final))
        up.advance(pause)
        assert state(up) in ("Down", "Init", "Up")
    up.advance(4)
    assert state(up) == "Down"
    assert up.next_deadline() is not None, "it goes on calling"


def test_a_timer_that_fires_late_lets_waiting_packets_in_first() -> None:
    """A process that was stopped for a second called all its neighbors dead, whose packets were in the socket."""
    up, packet = brought_up()
    up.now += 1.0
    up.handle(Tick())
    assert lost(up) == []
    hears(up, packet)
    up.advance(0.1)
    assert state(up) == "Up"


def test_an_interface_that_goes_down_is_not_told_as_a_lost_path() -> None:
    up, _ = brought_up()
    up.handle(LinkChanged(GI1, up=False))
    assert lost(up) == []
    assert said(up.advance(5)) == []
    assert "the interface is down" in "\n".join(up.show("show bfd neighbors details"))
    up.handle(LinkChanged(GI1, up=True))
    assert said(up.advance(5)) != []


def test_templates_are_the_same_as_lines_of_the_interface() -> None:
    calling = bench("bfd template FAST")
    assert said(calling.advance(5)) == []
    calling.configure("bfd-template single-hop FAST\n interval min-tx 300 min-rx 200 multiplier 5\n")
    (packet, *_) = said(calling.advance(5))
    assert (packet.required_rx, packet.multiplier) == (200_000, 5)


def test_a_listener_is_opened_once_for_an_interface() -> None:
    calling = Workbench(*make().features, POLICY, BFD)
    calling.configure(f"interface {GI1}\n ip address 10.1.0.1 255.255.0.0\n bfd interval 50 min_rx 50 multiplier 3\n")
    calling.handle(LinkChanged(GI1, up=True))
    effects = [
        effect
        for host in range(2, 12)
        for effect in calling.handle(WatchWanted(Client.OSPF, 1, GI1, a(f"10.1.0.{host}"), wanted=True))
    ]
    assert of_type(effects, Listen) == [Listen(GI1, 17, None, 3784)]


def test_there_are_no_more_sessions_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_SESSIONS >= 5000
    monkeypatch.setattr("dmvpn.features.bfd.machine.MOST_SESSIONS", 5)
    calling = bench()
    for host in range(3, 30):
        calling.handle(WatchWanted(Client.OSPF, 1, GI1, a(f"10.1.0.{host}"), wanted=True))
    assert len(calling.machine(BfdMachine).sessions) == 5
    assert len([line for line in calling.logs if "TOO_MANY" in line]) == 1


KEY = b"a-key-of-tests"


def file_with(authentication: str) -> str:
    return (
        f"key chain K\n key 1\n  key-string {KEY.decode()}\n"
        f"bfd-template single-hop T\n interval min-tx 50 min-rx 50 multiplier 3\n {authentication}\n"
        f"interface {GI1}\n ip address 10.1.0.1 255.255.0.0\n bfd template T\n"
    )


def hears_sealed(bench: Workbench, packet: ControlPacket, sequence: int) -> None:
    octets = seal(packet.serialize(AuthType.MD5.length), AuthType.MD5, 1, KEY, sequence)
    datagram = UdpDatagram(source_port=49152, destination_port=3784, payload=octets)
    bench.handle(IpReceived(GI1, PEER, US, 17, datagram.serialize(PEER, US), ttl=255))


def details(bench: Workbench) -> str:
    return "\n".join(bench.show("show bfd neighbors details"))


@pytest.mark.conforms("bfd:6.8.6-authentication")
def test_authentication_that_is_asked_for_later_holds_for_the_very_next_packet() -> None:
    """A packet like the one before it was taken without a look, although the template had begun to ask for a digest."""
    up, packet = brought_up()
    up.configure(file_with("") + " no bfd interval 50 min_rx 50 multiplier 3\n")
    hears(up, packet)
    up.configure(file_with("authentication md5 keychain K"))
    hears(up, packet)
    assert "Packets that were not taken: 1" in "\n".join(up.show("show bfd summary"))


def test_a_refusal_is_not_named_any_more_when_authentication_is_taken_away() -> None:
    """`show bfd neighbors details` went on to say that the two ends authenticate differently."""
    down = bench("")
    down.configure(file_with("authentication md5 keychain K"))
    hears(down, Far)
    assert "authenticate differently" in details(down)
    down.configure(file_with("no authentication md5 keychain K"))
    assert "authenticate differently" not in details(down)
    hears(down, Far)
    assert "authenticate differently" not in details(down)


@pytest.mark.conforms("bfd:6.7.3-sequence")
def test_a_far_end_that_may_miss_many_packets_is_heard_after_it_missed_them() -> None:
    """The numbers of a far end with a larger multiplier than ours were too far ahead after ten lost packets."""
    up = bench("")
    up.configure(file_with("authentication md5 keychain K"))
    (ours, *_) = said(up.advance(2))
    far = replace(Far, multiplier=50, yours=ours.mine)
    hears_sealed(up, far, 100)
    hears_sealed(up, replace(far, state=BfdState.UP), 101)
    assert state(up) == "Up"
    up.advance(1)
    hears_sealed(up, replace(far, state=BfdState.DOWN), 101 + 150)
    assert state(up) == "Down"


def test_what_was_taken_without_a_seal_keeps_no_session_up_that_has_to_be_sealed() -> None:
    """Whoever went on sending the last packet that was taken kept the session up after `authentication` was typed.

    Beside `bfd interval` the template, and so its `authentication`, was not even looked at.
    """
    up, packet = brought_up()
    hears(up, packet)
    up.configure(
        "bfd-template single-hop T\n"
        " interval min-tx 50 min-rx 50 multiplier 3\n authentication sha-1 keychain BFD\n"
        f"interface {GI1}\n ip address 10.1.0.1 255.255.0.0\n bfd template T\n"
    )
    for _ in range(20):
        up.advance(0.05)
        hears(up, packet)
    assert lost(up)


def test_sessions_that_slept_with_the_machine_go_on_a_few_in_each_event() -> None:
    """All timers are due when it wakes up; the router hands out the time a hundred times at most."""
    up = bench()
    for number in range(1, 251):
        up.handle(WatchWanted(Client.EIGRP, 100, GI1, a(f"10.1.1.{number}"), wanted=True))
        up.handle(WatchWanted(Client.EIGRP, 100, GI1, a(f"10.1.2.{number}"), wanted=True))
    up.now += 3600
    assert 0 < len(said(up.handle(Tick()))) < 100
    due = up.next_deadline()
    assert due is not None
    assert due > up.now
    assert len({one.destination for one in of_type(up.advance(2), SendIp)}) == 501


def test_a_session_that_nobody_wants_any_more_is_free() -> None:
    """A session stayed in memory until the collector of circles ran, which is seldom on a router."""
    calling = bench()
    with uncollected():
        before = alive(Session)
        calling.handle(WatchWanted(Client.EIGRP, 100, GI1, PEER, wanted=False))
        calling.advance(10)
        assert alive(Session) == before - 1


# BFD Control packets, RFC 5880 §4.1: octets of the RFC's figure, and what §6.8.6 refuses.

#: Version 1, diagnostic 1, Up with P and C, multiplier 3, discriminators 1 and 2, 50 ms each way, no echoes.
UP = bytes.fromhex("21e803180000000100000002 0000c350 0000c350 00000000".replace(" ", ""))
number = st.integers(0, 2**32 - 1)
packets = st.builds(
    ControlPacket,
    state=st.just(BfdState.UP),
    diagnostic=st.integers(0, 31),
    poll=st.booleans(),
    final=st.booleans(),
    control_plane_independent=st.booleans(),
    demand=st.booleans(),
    multiplier=st.integers(1, 255),
    mine=st.integers(1, 2**32 - 1),
    yours=st.integers(1, 2**32 - 1),
    desired_tx=number,
    required_rx=number,
    required_echo_rx=number,
)


@pytest.mark.conforms("bfd:4.1-fields", "bfd:4.1-version")
def test_every_field_is_where_the_figure_has_it() -> None:
    packet = ControlPacket.parse(UP)
    assert packet == ControlPacket(
        state=BfdState.UP,
        diagnostic=1,
        poll=True,
        control_plane_independent=True,
        multiplier=3,
        mine=1,
        yours=2,
        desired_tx=50_000,
        required_rx=50_000,
    )
    assert packet.serialize() == UP


@given(packets)
def test_what_is_written_is_read(packet: ControlPacket) -> None:
    assert ControlPacket.parse(packet.serialize()) == packet


@given(st.binary(max_size=60))
def test_octets_of_anybody_are_a_packet_or_a_wire_error(octets: bytes) -> None:
    try:
        packet = ControlPacket.parse(octets)
    except WireError:
        return
    assert ControlPacket.parse(packet.serialize()) == packet


@pytest.mark.conforms("bfd:6.8.6-refused")
@pytest.mark.parametrize(
    ("at", "octet", "why"),
    [
        (0, 0x41, "version"),
        (0, 0x01, "version"),
        (1, 0xE9, "multipoint"),
        (2, 0, "multiplier"),
        (3, 23, "length"),
        (3, 25, "length"),
        (7, 0, "my discriminator"),
        (11, 0, "your discriminator"),
    ],
)
def test_a_packet_that_the_rfc_forbids_is_refused(at: int, octet: int, why: str) -> None:
    octets = bytearray(UP)
    octets[at] = octet
    with pytest.raises(WireError, match=why):
        ControlPacket.parse(bytes(octets))


@pytest.mark.conforms("bfd:4.2-password")
def test_a_password_is_read() -> None:
    octets = bytearray(UP + bytes.fromhex("0105016869"))
    octets[1] |= 0x04
    octets[3] = len(octets)
    assert ControlPacket.parse(bytes(octets)).authentication == AuthSection(AuthType.PASSWORD, 1)


@pytest.mark.parametrize("length", range(24))
def test_a_packet_that_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises(WireError):
        ControlPacket.parse(UP[:length])


def test_a_packet_of_nobody_in_particular_may_only_be_down() -> None:
    packet = replace(ControlPacket.parse(UP), yours=0, state=BfdState.DOWN)
    assert ControlPacket.parse(packet.serialize()).yours == 0


# Sections of authentication, octet for octet: RFC 5880 §4.2 to §4.4.

PACKET = ControlPacket(state=BfdState.DOWN, multiplier=3, mine=5, yours=0, desired_tx=1_000_000, required_rx=1_000_000)


@pytest.mark.parametrize("kind", list(AuthType))
def test_a_sealed_packet_is_read_and_genuine_with_its_key_alone(kind: AuthType) -> None:
    more = 3 + len(b"secret") if kind is AuthType.PASSWORD else kind.length
    octets = seal(PACKET.serialize(more), kind, 9, b"secret", 77)
    assert len(octets) == 24 + more == octets[3]
    section = ControlPacket.parse(octets).authentication
    assert section == AuthSection(kind, 9, 0 if kind is AuthType.PASSWORD else 77)
    assert is_genuine(octets, section, b"secret")
    assert not is_genuine(octets, section, b"secreT")
    forged = bytes((*octets[:16], octets[16] ^ 1, *octets[17:]))
    assert is_genuine(forged, section, b"secret") is (kind is AuthType.PASSWORD)


@pytest.mark.conforms("bfd:4.3-digest")
def test_the_digest_is_that_of_the_packet_with_the_padded_key_in_its_place() -> None:
    octets = seal(PACKET.serialize(28), AuthType.SHA1, 1, b"key", 2)
    assert octets[24:32] == bytes((4, 28, 1, 0, 0, 0, 0, 2))
    assert octets[32:] == hashlib.sha1(octets[:32] + b"key".ljust(20, b"\0"), usedforsecurity=False).digest()


@pytest.mark.parametrize("section", [b"", b"\x01", b"\x02\x18\x01", b"\x09\x04\x01\x00", b"\x04\x08\x01\x00\0\0\0\0"])
def test_a_broken_section_is_refused(section: bytes) -> None:
    with pytest.raises(WireError):
        ControlPacket.parse(
            PACKET.serialize(len(section) or 1)[:3] + bytes((24 + len(section),)) + PACKET.serialize(1)[4:] + section
        )


@pytest.mark.conforms("bfd:6.7.3-sequence")
def test_numbers_that_are_old_or_far_ahead_do_not_follow() -> None:
    assert may_follow(5, 5, 3, meticulous=False)
    assert not may_follow(5, 5, 3, meticulous=True)
    assert may_follow(2, 0xFFFFFFFF, 3, meticulous=True)
    assert not may_follow(4, 5, 3, meticulous=False)
    assert not may_follow(15, 5, 3, meticulous=False)
