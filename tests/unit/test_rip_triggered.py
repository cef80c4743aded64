"""Triggered RIP (RFC 2091): packets by the octet, and routers on a wire in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.context import Timer
from dmvpn.base.effects import SendIp
from dmvpn.base.errors import WireError
from dmvpn.features.rip.interface import RipInterface
from dmvpn.features.rip.output import seal_md5, verify_md5
from dmvpn.features.rip.packet import Command, KeyedDigest, RipEntry, RipPacket, UpdateHeader
from dmvpn.features.rip.triggered import Conversation, TriggeredCircuit
from support.segments import Segments
from support.work import alive, uncollected
from unit.test_rip_machine import GI1, GI2, entry, interface, octets_from, process, rip_routes, router

TRIGGERED = " ip rip triggered\n"


#: Of a conversation in which nothing is repeated.
TIMER = Timer("repeat", lambda: None)


def pair(left: str = TRIGGERED, right: str = TRIGGERED, seed: int = 0, more: str = "") -> Segments:
    """A and B share 10.0.0.0/24 on Gi0/1; each has a LAN, 10.1.1.0/24 and 10.2.2.0/24, on Gi0/2."""
    net = Segments()
    for number, (name, line) in enumerate((("A", left), ("B", right)), 1):
        lan = interface(GI2, f"10.{number}.{number}.{number}")
        text = interface(GI1, f"10.0.0.{number}", line) + lan + process("10.0.0.0", more=more)
        net.add(name, router(seed + number), text)
        net.link(name, GI2, up=True)
    net.connect(("A", GI1), ("B", GI1))
    return net


def between(net: Segments, since: float = 0.0) -> list[tuple[str, RipPacket]]:
    """What the two say to each other."""
    return [
        (who, RipPacket.parse(order.payload[8:]))
        for when, who, order in net.sent
        if when >= since and order.interface == GI1
    ]


def cut(net: Segments) -> None:
    """Take the wire away: lines stay up, nothing arrives."""
    net.segments.clear()


def join(net: Segments) -> None:
    net.segments.append([("A", GI1), ("B", GI1)])


# ------------------------------------------------------------------------------------------------------ packets

ROUTE = entry("10.2.2.0/24")
RESPONSE = RipPacket(command=Command.UPDATE_RESPONSE, update=UpdateHeader(sequence=7), entries=(ROUTE,))
ROUTE_OCTETS = bytes.fromhex("00020000 0a020200 ffffff00 00000000 00000001")


@pytest.mark.parametrize(
    ("packet", "octets"),
    [
        (RipPacket(command=Command.UPDATE_REQUEST, update=UpdateHeader()), "09020000 01000000"),
        (RipPacket(command=Command.UPDATE_ACKNOWLEDGE, update=UpdateHeader(sequence=0x102)), "0b020000 01000102"),
    ],
)
def test_requests_and_acknowledgments_have_two_headers_and_nothing_else(packet: RipPacket, octets: str) -> None:
    assert packet.serialize() == bytes.fromhex(octets)
    assert RipPacket.parse(bytes.fromhex(octets)) == packet


def test_a_response_has_its_routes_behind_the_second_header() -> None:
    packet = RipPacket(command=Command.UPDATE_RESPONSE, update=UpdateHeader(flush=True, sequence=1), entries=(ROUTE,))
    assert packet.serialize() == bytes.fromhex("0a020000 01010001") + ROUTE_OCTETS
    assert RipPacket.parse(packet.serialize()) == packet


def test_a_digest_covers_both_headers() -> None:
    packet = RipPacket(command=Command.UPDATE_RESPONSE, update=UpdateHeader(sequence=7), entries=(ROUTE,))
    octets = seal_md5(packet, key_id=7, key=b"sesame", sequence=9)
    digest = RipPacket.parse(octets).authentication
    assert isinstance(digest, KeyedDigest)
    assert octets[8:14] == bytes.fromhex("ffff 0003 0030")  # 48 octets before the trailer
    assert RipPacket.parse(octets) == replace(packet, authentication=digest)
    assert verify_md5(octets, key=b"sesame")
    changed = octets[:5] + b"\x01" + octets[6:]
    assert not verify_md5(changed, key=b"sesame")


@pytest.mark.parametrize("octets", ["09020000", "0a020000 0100", "0a020000 02000001", "0a020000 01000001 0002"])
def test_a_damaged_packet_is_refused(octets: str) -> None:
    with pytest.raises(WireError):
        RipPacket.parse(bytes.fromhex(octets))


# -------------------------------------------------------------------------------------------------------- wires


def test_both_ends_learn_everything_and_then_nothing_is_sent() -> None:
    net = pair().run(60)
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}
    assert rip_routes(net.routers["B"]) == {"10.1.1.0/24": 1}
    before = len(between(net))
    net.run(3600)
    assert len(between(net)) == before
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}


def test_a_change_is_told_acknowledged_and_no_more() -> None:
    net = pair().run(60)
    net.link("B", GI2, up=False).run(10)
    told = between(net, 60)
    assert [(who, packet.command) for who, packet in told] == [
        ("B", Command.UPDATE_RESPONSE),
        ("A", Command.UPDATE_ACKNOWLEDGE),
    ]
    assert [(one.prefix, one.metric) for one in told[0][1].entries] == [(Prefix.parse("10.2.2.0/24"), 16)]
    assert told[0][1].update is not None
    assert told[0][1].update == told[1][1].update
    assert rip_routes(net.routers["A"]) == {}


def test_a_lost_response_is_sent_again_with_what_is_true_by_then() -> None:
    net = pair().run(60)
    cut(net)
    net.link("B", GI2, up=False).run(8)
    net.link("B", GI2, up=True).run(8)
    join(net)
    net.run(30)
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}
    numbers = [p.update.sequence for who, p in between(net, 60) if who == "B" and p.update is not None]
    assert numbers == sorted(numbers)
    assert len(dict.fromkeys(numbers)) == 2  # gone, and there again; repetitions have the same number


def test_a_peer_that_acknowledges_nothing_is_lost_and_told_everything_when_it_is_back() -> None:
    net = pair().run(60)
    cut(net)
    net.link("B", GI2, up=False).run(70)
    assert rip_routes(net.routers["B"]) == {}  # B waited in vain for A, and A had nothing to say
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}
    busy = len(between(net))
    net.run(600)
    assert len(between(net)) - busy <= 2 * 11  # once a minute: a request, and the response
    join(net)
    net.run(61)
    assert rip_routes(net.routers["B"]) == {"10.1.1.0/24": 1}
    assert rip_routes(net.routers["A"]) == {}


def test_a_router_that_starts_again_hears_and_tells_everything() -> None:
    net = pair().run(60)
    text = interface(GI1, "10.0.0.2", TRIGGERED) + interface(GI2, "10.3.3.2") + process("10.0.0.0")
    net.add("B", router(9), text)
    net.link("B", GI1, up=True)
    net.link("B", GI2, up=True).run(10)
    assert rip_routes(net.routers["B"]) == {"10.1.1.0/24": 1}
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1, "10.3.3.0/24": 1}
    net.run(200)  # what it does not tell again goes
    assert rip_routes(net.routers["A"]) == {"10.3.3.0/24": 1}


def test_two_hundred_routes_go_in_packets_of_25_one_at_a_time() -> None:
    routes = "".join(f"ip route 172.16.{number}.0 255.255.255.0 Null0\n" for number in range(200))
    net = pair(more=" redistribute static\n")
    net.configure("B", routes).run(60)
    assert len(rip_routes(net.routers["A"])) == 201
    said = [packet.command for who, packet in between(net) if packet.command != Command.UPDATE_REQUEST]
    busy = 0
    for command in said:
        busy += 1 if command == Command.UPDATE_RESPONSE else -1
        assert 0 <= busy <= 2  # one in each direction


def test_with_the_line_at_one_end_alone_nothing_is_learned_and_both_say_why() -> None:
    net = pair(right="").run(40)
    assert rip_routes(net.routers["A"]) == rip_routes(net.routers["B"]) == {}
    shown = {name: "\n".join(bench.show("show ip protocols")) for name, bench in net.routers.items()}
    assert "last one from 10.0.0.2: a sender without triggered RIP" in shown["A"]
    assert "last one from 10.0.0.1: a sender with triggered RIP" in shown["B"]


def test_the_line_is_taken_away_and_put_back_at_both_ends() -> None:
    net = pair().run(60)
    for line in (" no ip rip triggered\n", TRIGGERED):
        for name in net.routers:
            net.configure(name, f"interface {GI1}\n{line}")
        net.run(40)
        assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}
        assert rip_routes(net.routers["B"]) == {"10.1.1.0/24": 1}


def test_a_summary_stays_while_one_of_its_networks_is_there() -> None:
    net = pair(right=f"{TRIGGERED} ip summary-address rip 172.16.0.0 255.255.0.0\n", more=" redistribute static\n")
    net.configure("B", "ip route 172.16.1.0 255.255.255.0 Null0\nip route 172.16.2.0 255.255.255.0 Null0\n").run(60)
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1, "172.16.0.0/16": 1}
    net.configure("B", "no ip route 172.16.1.0 255.255.255.0 Null0\n").run(60)
    assert "172.16.0.0/16" in rip_routes(net.routers["A"])
    net.configure("B", "no ip route 172.16.2.0 255.255.255.0 Null0\n").run(60)
    assert "172.16.0.0/16" not in rip_routes(net.routers["A"])


def test_shows_say_which_interfaces_and_routes_are_triggered() -> None:
    net = pair().run(100)
    bench = net.routers["A"]
    assert f"    {GI1:<36}2     2          Yes       none" in bench.show("show ip protocols")
    assert bench.show("show ip rip database 10.2.2.0 255.255.255.0") == [
        "10.2.2.0/24",
        f"    [1] via 10.0.0.2, 00:01:39 (permanent), {GI1}",
        "  * Triggered Routes:",
        f"    - [1] via 10.0.0.2, {GI1}",
    ]


def test_a_thousand_forged_requests_cost_one_response_each_at_most_and_a_bounded_table() -> None:
    net = pair().run(10)
    bench, asked = net.routers["A"], RipPacket(command=Command.UPDATE_REQUEST, update=UpdateHeader()).serialize()
    sent = [order for _ in range(100) for order in bench.handle(octets_from("10.0.0.9", asked))]
    assert len([order for order in sent if isinstance(order, SendIp)]) <= 2  # the first is answered, and asked back


def test_a_peer_that_told_something_else_first_is_asked_until_it_tells_its_table() -> None:
    net = pair()

    def asked() -> list[SendIp]:
        to_it = [order for _, _, order in net.sent if str(order.destination) == "10.0.0.9"]
        return [each for each in to_it if RipPacket.parse(each.payload[8:]).command == Command.UPDATE_REQUEST]

    net.routers["A"].handle(octets_from("10.0.0.9", RESPONSE.serialize()))  # as BIRD, which repeats what we forgot
    net.run(21)
    assert len(asked()) == 4
    flush = replace(RESPONSE, update=UpdateHeader(flush=True, sequence=8), entries=())
    net.routers["A"].handle(octets_from("10.0.0.9", flush.serialize()))
    net.run(30)
    assert len(asked()) == 4


# ------------------------------------------------------------------------------------------------ conversations


def told(*prefixes: str) -> dict[Prefix, RipEntry]:
    return {Prefix.parse(prefix): entry(prefix) for prefix in prefixes}


def test_an_acknowledgment_of_something_else_is_no_acknowledgment() -> None:
    talk = Conversation(TIMER)
    talk.begin(told("10.1.0.0/16"))
    assert talk.next(told("10.1.0.0/16"), 25) is not None
    assert not talk.acknowledge(talk.sequence - 1)
    assert talk.is_busy
    assert talk.acknowledge(talk.sequence)
    assert not talk.acknowledge(talk.sequence)


def test_sequence_numbers_go_round() -> None:
    talk = Conversation(TIMER, sequence=0xFFFE)
    numbers = []
    for _ in range(3):
        talk.owe(told("10.1.0.0/16"))
        packet = talk.next({}, 25)
        assert packet is not None
        assert packet.update is not None
        numbers.append(packet.update.sequence)
        talk.acknowledge(packet.update.sequence)
    assert numbers == [0xFFFF, 1, 2]


def test_what_changes_while_a_response_is_on_its_way_is_told_with_the_next() -> None:
    talk, prefix = Conversation(TIMER), Prefix.parse("10.1.0.0/16")
    talk.owe([prefix])
    first = talk.next(told("10.1.0.0/16"), 25)
    talk.owe([prefix])
    assert talk.next({}, 25) is None
    talk.acknowledge(talk.sequence)
    second = talk.next({}, 25)
    assert first is not None
    assert second is not None
    assert [one.metric for one in (*first.entries, *second.entries)] == [1, 16]


@pytest.mark.lengthy
@pytest.mark.parametrize("slices", range(1, 6))
def test_an_interface_may_go_down_while_its_peers_are_being_told_of_a_long_table(slices: int) -> None:
    """Peers that were gone got timers, and when these fired the router ended with a KeyError."""
    net = pair(more=" redistribute static\n")
    net.configure("A", "".join(f"ip route 10.9.{n >> 4}.{16 * (n & 15)} 255.255.255.240 Null0\n" for n in range(600)))
    net.run(300)
    net.link("A", GI2, up=False)
    while (due := net.routers["A"].next_deadline()) is None or due > net.now + 0.002:
        net.run(0.002)
    net.run(0.001 * slices)
    net.link("A", GI1, up=False).run(60)
    net.link("A", GI1, up=True).run(300)
    assert len(rip_routes(net.routers["B"])) == 600


def test_a_circuit_that_is_down_is_free_with_its_conversations() -> None:
    """Both stayed in memory until the collector of circles ran, which is seldom on a router."""
    net = pair().run(30)
    kinds = (RipInterface, TriggeredCircuit, Conversation)
    with uncollected():
        before = [alive(kind) for kind in kinds]
        for name in "AB":
            net.link(name, GI1, up=False)
        net.run(30)
        assert [alive(kind) for kind in kinds] == [each - 2 for each in before]
