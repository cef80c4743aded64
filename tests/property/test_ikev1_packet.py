"""IKEv1 messages from anybody: only `WireError` leaves the decoder, and what is read is written as the same octets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.features.ike.v1.wire import Header, Message, parse_chain, serialize_chain
from dmvpn.features.ike.v1.wire.numbers import Flag
from dmvpn.features.ike.v1.wire.payloads import (
    Certificate,
    Delete,
    Fragment,
    Hash,
    IdentificationPayload,
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    Unknown,
    VendorId,
)
from dmvpn.features.ike.v1.wire.proposals import Attribute, Proposal, Transform
from support.ikev1_samples import SAMPLES

OCTET, SHORT, OCTETS = st.integers(0, 255), st.integers(0, 0xFFFF), st.binary(max_size=40)
ATTRIBUTES = st.builds(Attribute, st.integers(0, 0x7FFF), st.binary(min_size=2, max_size=2)) | st.builds(
    Attribute, st.integers(0, 0x7FFF), OCTETS, st.just(value=False)
)
TRANSFORMS = st.builds(Transform, OCTET, OCTET, st.lists(ATTRIBUTES, max_size=5).map(tuple))
PROPOSALS = st.builds(Proposal, OCTET, OCTET, OCTETS, st.lists(TRANSFORMS, min_size=1, max_size=3).map(tuple))
SPIS = st.integers(1, 16).flatmap(
    lambda size: st.lists(st.binary(min_size=size, max_size=size), min_size=1, max_size=4).map(tuple)
)
PAYLOADS = st.one_of(
    st.builds(SecurityAssociation, st.lists(PROPOSALS, min_size=1, max_size=3).map(tuple)),
    st.builds(KeyExchange, OCTETS),
    st.builds(IdentificationPayload, OCTET, OCTETS, OCTET, SHORT),
    st.builds(Certificate, OCTET, OCTETS),
    st.builds(Hash, st.binary(min_size=1, max_size=64)),
    st.builds(Nonce, st.binary(min_size=8, max_size=256)),
    st.builds(Notify, SHORT, OCTETS, OCTET, OCTETS, st.integers(0, 0xFFFFFFFF)),
    st.builds(Delete, OCTET, SPIS, st.integers(0, 0xFFFFFFFF)),
    st.builds(VendorId, OCTETS),
    st.builds(Fragment, SHORT, st.integers(1, 255), OCTET, st.binary(min_size=1, max_size=40)),
    st.builds(Unknown, st.integers(200, 255), OCTETS),
)
HEADERS = st.builds(
    Header,
    cookie_i=st.binary(min_size=8, max_size=8).filter(any),
    cookie_r=st.binary(min_size=8, max_size=8),
    exchange=OCTET,
    flags=st.sampled_from([Flag(0), Flag.COMMIT, Flag.AUTHENTICATION]),
    message_id=st.integers(0, 0xFFFFFFFF),
)


def reads_as_itself(octets: bytes) -> None:
    """Whatever can be read is written again as the octets that came."""
    try:
        message = Message.parse(octets)
    except WireError:
        return
    assert message.serialize() == octets


@given(HEADERS, st.lists(PAYLOADS, max_size=6).map(tuple))
def test_what_is_written_is_read_as_the_same_message(header: Header, payloads: tuple[Unknown, ...]) -> None:
    message = Message(payloads, header=header)
    assert Message.parse(message.serialize()) == message


@given(st.binary(max_size=400))
def test_any_octets_are_a_message_or_a_wire_error(octets: bytes) -> None:
    reads_as_itself(octets)


@given(OCTET, st.binary(max_size=200))
def test_any_octets_are_a_chain_or_a_wire_error(first: int, octets: bytes) -> None:
    try:
        payloads, end = parse_chain(first, octets)
    except WireError:
        return
    assert serialize_chain(payloads) == octets[:end]


@given(st.sampled_from(SAMPLES), st.data())
def test_a_damaged_message_is_a_message_or_a_wire_error(sample: Message, data: st.DataObject) -> None:
    damaged = bytearray(sample.serialize())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(OCTET)
    reads_as_itself(bytes(damaged))
    cut = bytes(damaged[: data.draw(st.integers(28, len(damaged)))])
    reads_as_itself(cut[:24] + len(cut).to_bytes(4, "big") + cut[28:])
