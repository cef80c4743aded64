"""Messages of BGP and their path attributes: captures of FRR, round trips, and what becomes of damaged ones."""

from __future__ import annotations

from dataclasses import fields, replace
from ipaddress import IPv4Address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import WireError
from dmvpn.features.bgp.attributes import (
    Aggregator,
    AttributeCode,
    Attributes,
    Origin,
    Segment,
    SegmentKind,
    Withdraw,
    path_text,
    prepended,
    read,
    write,
)
from dmvpn.features.bgp.packet import (
    MARKER,
    Attribute,
    Capability,
    CapabilityValue,
    ErrorCode,
    Keepalive,
    Message,
    MessageError,
    Notification,
    Open,
    RouteRefresh,
    Update,
    parse,
    serialize,
    split,
)
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from support.pcap import payloads

BGP = 179
addresses = st.integers(1 << 24, 0xDFFFFFFF).map(IPv4Address).filter(lambda address: not address.is_loopback)
prefixes = st.builds(
    lambda number, length: Prefix.of(IPv4Address(number), length), st.integers(0, 2**32 - 1), st.integers(0, 32)
)
systems = st.integers(1, 2**32 - 1)
octets = st.integers(0, 255)
segments = st.builds(
    Segment,
    st.sampled_from([SegmentKind.SET, SegmentKind.SEQUENCE]),
    st.lists(systems, min_size=1, max_size=5).map(tuple),
)
attributes = st.builds(
    Attributes,
    origin=st.sampled_from(Origin),
    path=st.lists(segments, max_size=3).map(tuple),
    next_hop=addresses,
    med=st.none() | st.integers(0, 2**32 - 1),
    local_pref=st.none() | st.integers(0, 2**32 - 1),
    atomic=st.booleans(),
    aggregator=st.none() | st.builds(Aggregator, systems, addresses),
    communities=st.lists(st.integers(0, 2**32 - 1), max_size=70).map(tuple),
    originator=st.none() | addresses,
    clusters=st.lists(addresses, max_size=3).map(tuple),
    extended=st.lists(st.binary(min_size=8, max_size=8), max_size=3).map(tuple),
    large=st.lists(st.binary(min_size=12, max_size=12), max_size=3, unique=True).map(tuple),
)


def captured() -> list[bytes]:
    """The messages that FRR's bgpd sent, from segments that begin with one."""
    found: dict[bytes, None] = {}
    for payload in payloads("ipv4"):
        packet = Ipv4Packet.parse(payload.octets)
        if packet.protocol != IpProtocol.TCP or packet.is_fragment:
            continue
        # Checksums of segments captured on their way out may be left to the interface: do not look.
        ports = int.from_bytes(packet.payload[:2], "big"), int.from_bytes(packet.payload[2:4], "big")
        data = packet.payload[packet.payload[12] >> 4 << 2 :]
        if BGP in ports and data.startswith(MARKER):
            buffer = bytearray(data)
            found.update(dict.fromkeys(split(buffer)))
            assert not buffer
    return list(found)


@pytest.mark.conforms("bgp:4.3-update")
def test_what_frr_sent_is_written_as_it_was_read() -> None:
    messages = captured()
    kinds = {type(parse(data)) for data in messages}
    assert {Open, Update, Keepalive} <= kinds
    assert [serialize(parse(data)) for data in messages] == messages


def test_the_routes_that_frr_told_make_sense() -> None:
    updates = [message for data in captured() if isinstance(message := parse(data), Update) and message.announced]
    assert updates
    for update in updates:
        found, dropped = read(update.attributes, wide=True, internal=True)
        assert not dropped
        assert found.origin in set(Origin)
        written = [(one.code, one.value) for one in write(found, wide=True)]  # FRR's lengths may have two octets
        assert [(one.code, one.value) for one in update.attributes] == written


@given(
    st.one_of(
        st.builds(Keepalive),
        st.builds(Notification, octets, octets, st.binary(max_size=50)),
        st.builds(
            RouteRefresh, st.integers(0, 0xFFFF), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=9)
        ),
        st.builds(
            lambda system, hold, name, values: Open.with_capabilities(
                system, hold, name, [CapabilityValue(code, value) for code, value in values]
            ),
            systems,
            st.integers(0, 0xFFFF),
            addresses,
            st.lists(
                st.tuples(st.integers(0, 255).filter(lambda code: code != 65), st.binary(max_size=20)), max_size=4
            ),
        ),
        st.builds(
            lambda withdrawn, announced, said: Update(
                withdrawn=tuple(withdrawn), announced=tuple(announced), attributes=write(said, wide=True)
            ),
            st.lists(prefixes, max_size=20),
            st.lists(prefixes, max_size=20),
            attributes,
        ),
    )
)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    assert parse(serialize(message)) == message


@given(attributes)
def test_attributes_are_read_as_they_were_written(said: Attributes) -> None:
    assert read(write(said, wide=True), wide=True, internal=True) == (said, ())


@pytest.mark.conforms("bgp:6793-wide")
@given(attributes)
def test_a_peer_with_two_octets_loses_no_as_number(said: Attributes) -> None:
    """The real path goes in AS4_PATH, and comes back."""
    sequence = tuple(part for part in said.path if part.kind is SegmentKind.SEQUENCE)
    plain = replace(said, path=sequence[:1], aggregator=None)
    assert read(write(plain, wide=False), wide=False, internal=True) == (plain, ())


@given(st.binary(max_size=80))
def test_whatever_a_peer_sends_is_parsed_or_refused(data: bytes) -> None:
    for kind in range(7):
        message = MARKER + (19 + len(data)).to_bytes(2, "big") + bytes((kind,)) + data
        try:
            parsed = parse(message)
        except WireError:
            continue
        if isinstance(parsed, Update):
            for wide in (True, False):
                try:
                    read(parsed.attributes, wide=wide, internal=True)
                except Withdraw:
                    continue


@pytest.mark.conforms("bgp:4.1-stream")
@given(st.lists(st.integers(0, 60), max_size=20))
def test_messages_come_out_of_the_stream_whole_wherever_it_is_cut(cuts: list[int]) -> None:
    sent: list[Message] = [Keepalive(), Notification(6, 2, b"bye"), Update(withdrawn=(Prefix.parse("10.0.0.0/8"),))]
    stream = b"".join(map(serialize, sent))
    places = sorted({0, *cuts, len(stream)})
    buffer, found = bytearray(), []
    for start, end in pairwise(places):
        buffer += stream[start:end]
        found += [parse(data) for data in split(buffer)]
    assert found == sent


@pytest.mark.conforms("bgp:4.1-header", "bgp:6.2-open")
@pytest.mark.parametrize(
    ("data", "code", "subcode"),
    [
        (b"\x00" * 19, ErrorCode.HEADER, 1),
        (MARKER + b"\x00\x12\x04", ErrorCode.HEADER, 2),
        (MARKER + b"\x00\x13\x09", ErrorCode.HEADER, 3),
        (MARKER + b"\x00\x14\x04\x00", ErrorCode.HEADER, 2),
        (MARKER + b"\x00\x17\x02\x00\x09\x00\x00", ErrorCode.UPDATE, 1),
        (MARKER + b"\x00\x18\x02\x00\x00\x00\x00\x21", ErrorCode.UPDATE, 10),
    ],
)
def test_what_ends_a_session_says_with_which_notification(data: bytes, code: int, subcode: int) -> None:
    with pytest.raises(MessageError) as error:
        parse(data)
    assert (error.value.code, error.value.subcode) == (code, subcode)


WHOLE = write(
    Attributes(path=prepended((), 65001), next_hop=IPv4Address("10.0.0.1"), aggregator=Aggregator(1, IPv4Address(1))),
    wide=True,
)


@pytest.mark.conforms("bgp:7606-withdraw")
@pytest.mark.parametrize(
    ("code", "value"),
    [
        (AttributeCode.ORIGIN, b"\x07"),
        (AttributeCode.AS_PATH, b"\x02\x02\x00\x00\x00\x01"),
        (AttributeCode.AS_PATH, b"\x02\x00"),
        (AttributeCode.NEXT_HOP, bytes(4)),
        (AttributeCode.NEXT_HOP, b"\xe0\x00\x00\x05"),
        (AttributeCode.MULTI_EXIT_DISC, b"\x00"),
        (AttributeCode.COMMUNITIES, b"\x00\x00\x00"),
    ],
)
def test_a_damaged_attribute_that_matters_withdraws_the_routes(code: AttributeCode, value: bytes) -> None:
    flags = 0x80 if code is AttributeCode.MULTI_EXIT_DISC else 0xC0 if code is AttributeCode.COMMUNITIES else 0x40
    damaged = [one for one in WHOLE if one.code != code]
    with pytest.raises(Withdraw):
        read([*damaged, Attribute(flags, code, value)], wide=True, internal=True)


@pytest.mark.parametrize("code", [AttributeCode.ORIGIN, AttributeCode.AS_PATH, AttributeCode.NEXT_HOP])
def test_routes_without_an_attribute_that_all_need_are_withdrawn(code: AttributeCode) -> None:
    with pytest.raises(Withdraw):
        read([one for one in WHOLE if one.code != code], wide=True, internal=True)


@pytest.mark.parametrize("wide", [True, False])
def test_every_attribute_is_read_as_it_was_written(wide: bool) -> None:
    """A field without a row in the table of attributes would be lost on its way to a neighbor."""
    route = Attributes(
        origin=Origin.EGP,
        path=prepended((), 4_200_000_000, 65001),
        next_hop=IPv4Address("10.0.0.1"),
        med=1,
        local_pref=2,
        atomic=True,
        aggregator=Aggregator(4_200_000_000, IPv4Address(1)),
        communities=(3, 4),
        originator=IPv4Address("10.0.0.2"),
        clusters=(IPv4Address("10.0.0.3"),),
        extended=(bytes(8),),
        large=(bytes(12),),
        others=(Attribute(0xE0, 99, b"far"),),
    )
    plain = Attributes(next_hop=IPv4Address(0))
    assert [one.name for one in fields(route) if getattr(route, one.name) == getattr(plain, one.name)] == []
    assert read(write(route, wide=wide), wide=wide, internal=True) == (route, ())
    of_two_octets = {AttributeCode.AS4_PATH, AttributeCode.AS4_AGGREGATOR}
    missing = {*AttributeCode} - {one.code for one in write(route, wide=wide)} - (of_two_octets if wide else set())
    assert missing == {AttributeCode.MP_REACH_NLRI, AttributeCode.MP_UNREACH_NLRI}


@pytest.mark.conforms("bgp:7606-discard")
def test_a_damaged_attribute_that_no_route_needs_is_dropped() -> None:
    damaged = [one for one in WHOLE if one.code != AttributeCode.AGGREGATOR]
    found, dropped = read([*damaged, Attribute(0xC0, AttributeCode.AGGREGATOR, b"?")], wide=True, internal=True)
    assert dropped == ("AGGREGATOR",)
    assert found.aggregator is None


@pytest.mark.conforms("bgp:5-unknown")
def test_an_unknown_attribute_is_passed_on_if_it_may_travel() -> None:
    raw = [*WHOLE, Attribute(0xC0, 99, b"far"), Attribute(0x80, 98, b"near")]
    found, _ = read(raw, wide=True, internal=False)
    assert found.others == (Attribute(0xE0, 99, b"far"),)


@pytest.mark.conforms("bgp:5.1.5-external")
def test_an_external_peer_has_no_say_in_local_preference() -> None:
    raw = write(Attributes(path=prepended((), 1), next_hop=IPv4Address("10.0.0.1"), local_pref=900), wide=True)
    assert read(raw, wide=True, internal=False)[0].local_pref is None


def test_a_path_is_printed_with_its_sets_in_braces() -> None:
    path = prepended((Segment(SegmentKind.SET, (65003, 65004)),), 65001, 65002)
    assert path_text(path) == "65001 65002 {65003,65004}"
    assert Attributes(path=path, next_hop=IPv4Address(1)).path_length == 3


def test_an_open_tells_the_as_number_of_four_octets() -> None:
    wide = CapabilityValue(Capability.FOUR_OCTET_AS, (4200000000).to_bytes(4, "big"))
    message = Open.with_capabilities(4200000000, 180, IPv4Address(1), [wide])
    assert message.autonomous_system == 23456
    assert message.real_autonomous_system == 4200000000
