"""RIP packets and their authentication."""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import SendIp
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived
from dmvpn.base.notices import RouteSource
from dmvpn.features.bfd import FEATURE as BFD
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.rip import FEATURE as RIP
from dmvpn.features.rip import database, machine
from dmvpn.features.rip.machine import MOST_REMEMBERED, MOST_WATCHED
from dmvpn.features.rip.output import seal_md5, verify_md5
from dmvpn.features.rip.packet import TRIGGERED, Command, KeyedDigest, Password, RipEntry, RipPacket, UpdateHeader
from dmvpn.features.static import FEATURE as STATIC
from dmvpn.features.tunnel import FEATURE as TUNNEL
from dmvpn.net.ip import UdpDatagram
from support.pcap import payloads
from support.segments import Segments
from support.wire import vectors
from support.work import calls
from support.workbench import Workbench, of_type
from unit.test_rip_machine import entries as known_entries
from unit.test_rip_machine import octets_from, pair, rip_routes

if TYPE_CHECKING:
    from collections.abc import Iterable

VECTORS = vectors("ospf_bgp_rip")
KEY = b"dmvpnkey"
ROUTE = RipEntry.of_prefix(Prefix.parse("172.31.1.0/24"), metric=1)

addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
entries = st.builds(
    RipEntry,
    family=st.integers(0, 0xFFFE),
    tag=st.integers(0, 0xFFFF),
    address=addresses,
    mask=addresses,
    next_hop=addresses,
    metric=st.integers(0, 2**32 - 1),
)


@st.composite
def keyed_digests(draw: st.DrawFn) -> KeyedDigest:
    digest = draw(st.binary(min_size=16, max_size=64))
    length = len(digest) + draw(st.sampled_from([0, 4]))
    numbers = draw(st.tuples(st.integers(0, 255), st.integers(0, 2**32 - 1)))
    return KeyedDigest(key_id=numbers[0], authentication_length=length, sequence=numbers[1], digest=digest)


passwords = st.builds(Password, password=st.binary(max_size=16).map(lambda octets: octets.rstrip(b"\x00")))
updates = st.builds(UpdateHeader, flush=st.booleans(), sequence=st.integers(0, 0xFFFF))


@st.composite
def packets(draw: st.DrawFn) -> RipPacket:
    """Return a packet. That of a command of triggered RIP has the second header, and no other has it."""
    command = draw(st.integers(0, 255) | st.sampled_from(Command))
    return RipPacket(
        command=command,
        version=draw(st.integers(1, 255)),
        update=draw(updates) if command in TRIGGERED else None,
        authentication=draw(st.none() | passwords | keyed_digests()),
        entries=tuple(draw(st.lists(entries, max_size=24))),
    )


@given(packets())
def test_a_packet_is_read_as_it_was_written(packet: RipPacket) -> None:
    assert RipPacket.parse(packet.serialize()) == packet


def test_the_request_for_everything_is_that_of_frr() -> None:
    assert RipPacket.whole_table_request().serialize() == VECTORS["rip_request_md5"]
    assert RipPacket.parse(VECTORS["rip_request_md5"]).asks_for_whole_table


@pytest.mark.parametrize(
    "packet",
    [
        RipPacket(command=Command.REQUEST),
        RipPacket(command=Command.REQUEST, entries=(ROUTE,)),
        RipPacket(command=Command.REQUEST, entries=RipPacket.whole_table_request().entries * 2),
        RipPacket(command=Command.RESPONSE, entries=RipPacket.whole_table_request().entries),
    ],
)
def test_nothing_else_asks_for_everything(packet: RipPacket) -> None:
    assert not packet.asks_for_whole_table


def test_a_response_of_frr_with_a_digest_is_read() -> None:
    assert RipPacket.parse(VECTORS["rip_response_md5"]) == RipPacket(
        command=Command.RESPONSE,
        authentication=KeyedDigest(
            key_id=1, authentication_length=20, sequence=1, digest=VECTORS["rip_response_md5"][-16:]
        ),
        entries=(ROUTE,),
    )


def test_a_response_is_sealed_as_frr_seals_it() -> None:
    response = RipPacket(command=Command.RESPONSE, entries=(ROUTE,))
    assert seal_md5(response, key_id=1, key=KEY, sequence=1) == VECTORS["rip_response_md5"]


@given(st.lists(entries, max_size=24).map(tuple), st.binary(max_size=20), st.integers(0, 255))
def test_a_sealed_packet_is_verified_with_its_key_alone(routes: tuple[RipEntry, ...], key: bytes, key_id: int) -> None:
    octets = seal_md5(RipPacket(command=2, entries=routes), key_id=key_id, key=key, sequence=7)
    read = RipPacket.parse(octets)
    assert read.entries == routes
    assert verify_md5(octets, key=key)
    assert not verify_md5(octets, key=b"?" + key)
    assert not verify_md5(octets[:-17] + b"?" + octets[-16:], key=key)


def test_the_digest_covers_the_trailer_and_the_padded_key() -> None:
    octets = VECTORS["rip_response_md5"]
    assert hashlib.md5(octets[:-16] + KEY + bytes(8), usedforsecurity=False).digest() == octets[-16:]


def test_both_ways_to_count_the_length_of_a_digest_are_read() -> None:
    """RFC 2082 counts 16 octets, IOS and FRR count 20; in RFC 4822 20 is the length of SHA-1."""
    captured = [RipPacket.parse(found.octets).authentication for found in payloads("rip")]
    lengths = {(one.authentication_length, len(one.digest)) for one in captured if isinstance(one, KeyedDigest)}
    assert lengths == {(16, 16), (20, 20), (32, 32), (48, 48), (64, 64)}
    assert isinstance(RipPacket.parse(VECTORS["rip_response_md5"]).authentication, KeyedDigest)


def test_a_password_is_read_without_its_filling() -> None:
    packet = RipPacket(command=2, authentication=Password(password=b"secret"), entries=(ROUTE,))
    assert packet.serialize()[8:24] == b"secret" + bytes(10)
    assert RipPacket.parse(packet.serialize()) == packet


def test_version_1_is_read_too() -> None:
    versions = {RipPacket.parse(found.octets).version for found in payloads("rip")}
    assert versions == {1, 2}


@pytest.mark.parametrize(
    ("address", "mask", "prefix"),
    [
        ("172.31.1.0", "255.255.255.0", "172.31.1.0/24"),
        ("0.0.0.0", "0.0.0.0", "0.0.0.0/0"),
        ("10.1.2.3", "255.255.255.255", "10.1.2.3/32"),
        ("10.1.2.3", "255.255.255.0", None),
        ("10.0.0.0", "255.0.255.0", None),
    ],
)
def test_a_strange_mask_spoils_its_entry_alone(address: str, mask: str, prefix: str | None) -> None:
    entry = RipEntry(address=IPv4Address(address), mask=IPv4Address(mask), metric=1)
    assert RipPacket.parse(RipPacket(command=2, entries=(entry, ROUTE)).serialize()).entries == (entry, ROUTE)
    assert entry.prefix == (Prefix.parse(prefix) if prefix else None)


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("0202", "header cut short"),
        ("02000000", "version 0"),
        ("02020000" + "00" * 19, "entries of 19"),
        ("02020000" + "00" * 20 * 26, "entries of 520"),
        ("02020000ffff0002", "authentication cut short"),
        ("02020000ffff0001" + "00" * 16, "authentication type 1"),
        ("02020000ffff0003" + "0017" + "01140000000100000000000000000000" + "ffff0001" + "00" * 16, "packet length 23"),
        ("02020000ffff0003" + "0018" + "0114000000010000000000000000" + "ffff0002" + "00" * 16, "packet length 24"),
        ("02020000ffff0003" + "ffff" + "0114000000010000000000000000" + "ffff0001" + "00" * 16, "packet length 65535"),
        ("02020000ffff0003" + "0018" + "0110000000010000000000000000" + "ffff0001" + "00" * 15, "digest of 15"),
        ("02020000ffff0003" + "0019" + "0110000000010000000000000000" + "00ffff0001" + "00" * 16, "entries of 1"),
    ],
)
def test_what_does_not_fit_is_refused(octets: str, what: str) -> None:
    with pytest.raises(WireError, match=what):
        RipPacket.parse(bytes.fromhex(octets))


def test_a_packet_with_too_many_entries_or_too_long_a_password_is_not_written() -> None:
    with pytest.raises(ValueError, match="25 entries"):
        RipPacket(command=2, authentication=Password(password=b""), entries=(ROUTE,) * 25).serialize()
    with pytest.raises(ValueError, match="17 octets"):
        RipPacket(command=2, authentication=Password(password=bytes(17))).serialize()
    assert len(RipPacket(command=2, entries=(ROUTE,) * 25).serialize()) == 504


@given(st.binary(max_size=40), st.binary(max_size=20))
def test_random_octets_are_not_verified(octets: bytes, key: bytes) -> None:
    assert not verify_md5(octets, key=key)


# Gateways of RIP that BFD watches, and what becomes of their routes when one is lost.

GI1, GI2 = "GigabitEthernet0/1", "GigabitEthernet0/2"
ALL = " bfd all-interfaces\n"


def text(number: int, more: str) -> str:
    """Router 1 is the one that is looked at; 2 and 3 both reach 10.9.0.0/16, 3 at a greater distance."""
    lan = f"interface {GI2}\n ip address 10.{9 if number > 1 else 1}.0.{number} 255.255.0.0\n"
    offset = " offset-list 0 out 3\n" if number == 3 else ""
    wire = f"interface {GI1}\n ip address 10.0.0.{number} 255.255.255.0\n bfd interval 50 min_rx 50 multiplier 3\n"
    return f"{wire}{lan}router rip\n version 2\n no auto-summary\n network 10.0.0.0\n{offset}{more}"


def net_of(*mores: str) -> Segments:
    net = Segments()
    for number, more in enumerate(mores, 1):
        bench = Workbench(POLICY, INTERFACE, TUNNEL, RIB, STATIC, RIP, BFD, seed=number)
        net.add(f"R{number}", bench, text(number, more))
        net.link(f"R{number}", GI2, up=True)
    net.connect(*((name, GI1) for name in net.routers))
    net.run(5)
    return net


def die(net: Segments, name: str) -> None:
    """Cut a router off from the wire; the others keep their carrier."""
    net.segments = [[end for end in segment if end[0] != name] for segment in net.segments]


def metric(net: Segments) -> int | None:
    """Of router 1's route to the network of both others."""
    routes = net.routers["R1"].ports.rib.routes()
    return next((r.metric for r in routes if r.source is RouteSource.RIP and str(r.prefix) == "10.9.0.0/16"), None)


def sessions(net: Segments, name: str) -> list[str]:
    """Whom a router watches."""
    rows = (line.split() for line in net.routers[name].show("show bfd neighbors"))
    return sorted(row[0] for row in rows if row and row[0].startswith("10."))


@pytest.mark.parametrize(("first", "others"), [(ALL, ALL), (" neighbor 10.0.0.2 bfd\n", " neighbor 10.0.0.1 bfd\n")])
def test_a_gateway_that_tells_routes_is_watched(first: str, others: str) -> None:
    net = net_of(first, others)
    assert sessions(net, "R1") == ["10.0.0.2"]
    assert "Registered protocols: RIP" in net.routers["R1"].show("show bfd neighbors details")
    assert first in "\n".join(net.routers["R1"].running_lines()) + "\n"


def test_an_interface_may_say_for_itself_whether_its_gateways_are_watched() -> None:
    net = net_of("", ALL)
    assert sessions(net, "R1") == []
    net.configure("R1", f"interface {GI1}\n ip rip bfd\n").run(40)
    assert sessions(net, "R1") == ["10.0.0.2"]
    net.configure("R1", f"interface {GI1}\n ip rip bfd disable\nrouter rip\n bfd all-interfaces\n").run(40)
    assert sessions(net, "R1") == []


def test_the_routes_of_a_lost_gateway_go_at_once_and_those_of_the_next_are_asked_for() -> None:
    """Without BFD they stay for three minutes, and nothing worse is believed for another one."""
    net = net_of(ALL, ALL, ALL)
    assert metric(net) == 1
    die(net, "R2")
    net.run(0.3)
    assert metric(net) == 4


@pytest.mark.lengthy
@pytest.mark.parametrize("is_seen_by_bfd", [True, False])
def test_another_way_is_asked_for_on_other_interfaces_too(*, is_seen_by_bfd: bool) -> None:
    """A core that lost its first hub asked on that hub's interface alone: the second one told it when its next update
    was due; and where the interface went down, nothing worse was believed for three minutes.
    """
    net = net_of(ALL, ALL, ALL)
    net.segments = []
    net.connect(("R1", GI1), ("R2", GI1))
    net.connect(("R1", GI2), ("R3", GI1))
    net.configure(
        "R1", f"interface {GI2}\n ip address 10.0.1.1 255.255.255.0\n bfd interval 50 min_rx 50 multiplier 3\n"
    )
    net.configure("R3", f"interface {GI1}\n ip address 10.0.1.3 255.255.255.0\n").run(40)
    assert metric(net) == 1
    if is_seen_by_bfd:
        die(net, "R2")
    else:
        net.link("R1", GI1, up=False)
    net.run(0.3)
    assert metric(net) == 4


@pytest.mark.lengthy
def test_old_news_of_our_own_is_no_answer_when_we_ask_for_another_way() -> None:
    """Router 3 has the network from us alone: it hears that it is gone before it is asked."""
    net = net_of(ALL, ALL, ALL)
    net.segments = []
    net.connect(("R1", GI1), ("R2", GI1))
    net.connect(("R1", GI2), ("R3", GI1))
    net.configure("R1", f"interface {GI2}\n ip address 10.0.1.1 255.255.255.0\n")
    net.configure("R3", f"interface {GI1}\n ip address 10.0.1.3 255.255.255.0\n no ip split-horizon\n")
    net.configure("R3", f"interface {GI2}\n ip address 10.8.0.3 255.255.255.0\n").run(300)
    assert metric(net) == 1
    assert "10.9.0.0/16" in "\n".join(net.routers["R3"].show("show ip route"))
    die(net, "R2")
    for _ in range(60):
        net.run(0.1)
        assert metric(net) in (1, None)


def test_a_lost_gateway_that_nobody_watches_is_believed_until_it_has_been_silent_for_long() -> None:
    net = net_of("", "", "")
    die(net, "R2")
    net.run(100)
    assert metric(net) == 1


@pytest.mark.parametrize("end", ["router rip\n no bfd all-interfaces\n", "no router rip\n"])
def test_who_wants_no_gateway_watched_any_more_ends_the_sessions(end: str) -> None:
    net = net_of(ALL, ALL)
    assert sessions(net, "R1") == ["10.0.0.2"]
    net.configure("R1", end).run(5)
    assert sessions(net, "R1") == []


@pytest.mark.lengthy
def test_forged_senders_are_neither_watched_nor_remembered_without_end() -> None:
    """With `bfd all-interfaces` each new sender of a response cost a session and a row of `show ip protocols`."""
    net = net_of(ALL, ALL)
    router, group = net.routers["R1"], IPv4Address("224.0.0.9")
    response = RipPacket(command=Command.RESPONSE).serialize()
    for number in range(MOST_REMEMBERED + 100):
        source = IPv4Address(int(IPv4Address("10.1.1.0")) + number)
        octets = UdpDatagram(source_port=520, destination_port=520, payload=response).serialize(source, group)
        router.handle(IpReceived(GI2, source, group, 17, octets, ttl=2))
    watched = sessions(net, "R1")
    assert len(watched) == 1 + MOST_WATCHED
    assert "10.0.0.2" in watched
    assert len(router.show("show ip protocols")) < MOST_REMEMBERED + 50
    net.run(400)
    assert sessions(net, "R1") == ["10.0.0.2"], "a gateway that speaks stays; the others were silent for long"


def test_a_gateway_that_says_nothing_for_long_is_watched_no_more() -> None:
    net = net_of(ALL, ALL)
    die(net, "R2")
    net.run(400)
    assert sessions(net, "R1") == []


# RIP with a neighbor that is hostile or broken: what it costs is bounded, and others are served.


def tells(gateway: str, numbers: Iterable[int]) -> list[IpReceived]:
    """Responses with networks 20.x.y.0/24, twenty-five in each."""
    told = [RipEntry.of_prefix(Prefix.parse(f"20.{n >> 8}.{n & 255}.0/24"), 2) for n in numbers]
    parts = [tuple(told[start : start + 25]) for start in range(0, len(told), 25)]
    return [octets_from(gateway, RipPacket(command=Command.RESPONSE, entries=part).serialize()) for part in parts]


def knows(prefixes: int) -> Segments:
    net = pair().run(10)
    net.routers["A"].handle(*tells("10.0.0.2", range(prefixes)))
    net.run(6)  # a large table is read at a pace
    assert len([prefix for prefix in rip_routes(net.routers["A"]) if prefix.startswith("20.")]) == prefixes
    return net


def test_a_question_about_one_prefix_costs_the_same_however_many_there_are() -> None:
    asked = RipPacket(command=Command.REQUEST, entries=(RipEntry.of_prefix(Prefix.parse("20.0.7.0/24"), 16),))
    question = octets_from("10.0.0.9", asked.serialize())
    few, many = (knows(count).routers["A"] for count in (50, 2000))
    (order,) = of_type(many.handle(question), SendIp)
    assert [entry.metric for entry in known_entries(order)] == [3]
    assert calls(lambda: many.handle(question)) < 2 * calls(lambda: few.handle(question))


def test_who_asks_for_the_whole_table_a_thousand_times_hears_it_once_a_second_and_others_hear_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "PACE", machine.PACE._replace(credit=1 << 30))
    net = knows(0)
    asked = octets_from("10.0.0.9", RipPacket.whole_table_request().serialize())
    other = octets_from("10.0.0.8", RipPacket.whole_table_request().serialize())
    for _ in range(2):
        answers = [order for _ in range(1000) for order in of_type(net.routers["A"].handle(asked), SendIp)]
        assert len(answers) == 1
        assert len(of_type(net.routers["A"].handle(other), SendIp)) == 1
        net.run(2)
    assert "ignored 1998 packets" in "".join(net.routers["A"].show("show ip protocols"))


def test_a_gateway_that_tells_without_end_takes_the_room_of_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MOST_PREFIXES", 200)
    monkeypatch.setattr(database, "MOST_OF_ONE", 100)
    net = knows(0)
    hostile, friend = tells("10.0.0.9", range(1000)), tells("10.0.0.8", range(2000, 2050))
    net.routers["A"].handle(*hostile, *friend)
    net.run(0.1)  # the routing table takes some at a time
    routes = rip_routes(net.routers["A"])
    assert len([prefix for prefix in routes if prefix.startswith("20.0.")]) == 100
    assert len([prefix for prefix in routes if prefix.startswith("20.7.") or prefix.startswith("20.8.")]) == 50
    assert len([line for line in net.routers["A"].logs if "RIP-4-TOO_MANY" in line]) == 1
    net.run(600)
    net.routers["A"].handle(*tells("10.0.0.9", range(3000, 3050)))
    assert len([prefix for prefix in rip_routes(net.routers["A"]) if prefix.startswith("20.11.")]) == 50


def test_all_gateways_together_tell_no_more_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MOST_PREFIXES", 200)
    net = knows(0)
    for number in range(10):
        net.routers["A"].handle(*tells(f"10.0.0.{100 + number}", range(50 * number, 50 * number + 50)))
    assert len(rip_routes(net.routers["A"])) <= 200
    assert len([line for line in net.routers["A"].logs if "RIP-4-TOO_MANY" in line]) <= 10


@pytest.mark.lengthy
def test_a_gateway_whose_routes_change_all_the_time_is_heard_slowly_and_another_one_at_once() -> None:
    """A gateway held the core of its neighbors with 2.7 Mbit/s of changes."""
    net = knows(0)
    router, hostile = net.routers["A"], tells("10.0.0.9", range(50_000))
    octets = len(hostile[0].payload)
    router.handle(*hostile, *hostile, *hostile)
    net.run(2)
    most = (2 * machine.PACE.rate + machine.PACE.credit) // octets * 25 + 25
    assert 0 < len([prefix for prefix in rip_routes(router) if prefix.startswith("20.")]) <= most
    router.handle(*tells("10.0.0.8", range(60_000, 60_050)))
    net.run(0.1)
    assert len([prefix for prefix in rip_routes(router) if prefix.startswith("20.234.")]) == 50
    assert "more than is read of one gateway" in "".join(router.show("show ip protocols"))


@pytest.mark.lengthy
def test_a_whole_table_that_comes_at_one_moment_waits_and_nothing_of_it_is_lost() -> None:
    net = knows(0)
    net.routers["A"].handle(*tells("10.0.0.9", range(4000)))
    net.run(6)
    assert len([prefix for prefix in rip_routes(net.routers["A"]) if prefix.startswith("20.")]) == 4000
