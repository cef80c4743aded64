"""IKEv1 messages from anybody: only `WireError` leaves the decoder, and what is read is written as the same octets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.features.ike.chain import serialize_chain
from dmvpn.features.ike.crypto import PrfAlgorithm
from dmvpn.features.ike.v1 import packet
from dmvpn.features.ike.v1.keys import Channel, ike_keys
from dmvpn.features.ike.v1.numbers import Flag
from dmvpn.features.ike.v1.offers import accepted, choose, mismatch
from dmvpn.features.ike.v1.proposals import Attribute, Proposal, Transform
from support.ikev1_samples import WANTED

if TYPE_CHECKING:
    from dmvpn.features.ike.v1.offers import Wanted

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
    st.builds(packet.SecurityAssociation, st.lists(PROPOSALS, min_size=1, max_size=3).map(tuple)),
    st.builds(packet.KeyExchange, OCTETS),
    st.builds(packet.IdentificationPayload, OCTET, OCTETS, OCTET, SHORT),
    st.builds(packet.Certificate, OCTET, OCTETS),
    st.builds(packet.Hash, st.binary(min_size=1, max_size=64)),
    st.builds(packet.Nonce, st.binary(min_size=8, max_size=256)),
    st.builds(packet.Notify, SHORT, OCTETS, OCTET, OCTETS, st.integers(0, 0xFFFFFFFF)),
    st.builds(packet.Delete, OCTET, SPIS, st.integers(0, 0xFFFFFFFF)),
    st.builds(packet.VendorId, OCTETS),
    st.builds(packet.Fragment, SHORT, st.integers(1, 255), OCTET, st.binary(min_size=1, max_size=40)),
    st.builds(packet.Unknown, st.integers(200, 255), OCTETS),
)
HEADERS = st.builds(
    packet.Header,
    cookie_i=st.binary(min_size=8, max_size=8).filter(any),
    cookie_r=st.binary(min_size=8, max_size=8),
    exchange=OCTET,
    flags=st.sampled_from([Flag(0), Flag.COMMIT, Flag.AUTHENTICATION]),
    message_id=st.integers(0, 0xFFFFFFFF),
)

#: Attributes that mean something, with values of which some do.
MEANT = st.builds(Attribute.of, st.integers(1, 14), st.sampled_from([0, 1, 2, 3, 5, 7, 14, 128, 86_400])) | ATTRIBUTES
OFFERS = st.builds(
    Proposal,
    st.integers(0, 2),
    st.sampled_from([1, 3]),
    st.just(bytes(4)),
    st.lists(
        st.builds(Transform, OCTET, st.sampled_from([1, 12, 20]), st.lists(MEANT, max_size=9).map(tuple)), min_size=1
    ).map(tuple),
)


@given(HEADERS, st.lists(PAYLOADS, max_size=6).map(tuple))
def test_what_is_written_is_read_as_the_same_message(
    header: packet.Header, payloads: tuple[packet.Unknown, ...]
) -> None:
    message = packet.Message(payloads, header=header)
    assert packet.Message.parse(message.serialize()) == message


@given(OCTET, st.binary(max_size=200))
def test_any_octets_are_a_chain_or_a_wire_error(first: int, octets: bytes) -> None:
    try:
        payloads, end = packet.parse_chain(first, octets)
    except WireError:
        return
    assert serialize_chain(payloads) == octets[:end]


@given(st.sampled_from(WANTED), st.lists(OFFERS, min_size=1, max_size=4).map(tuple))
def test_any_offer_is_taken_or_refused_with_a_reason(ours: Wanted, theirs: tuple[Proposal, ...]) -> None:
    chosen = choose(ours, theirs)
    if chosen is None:
        assert len(str(mismatch(ours, theirs))) < 2000
    else:
        assert accepted(ours, (chosen.answer(),)) == chosen.terms
    accepted(ours, theirs)


@given(HEADERS, OCTET, st.integers(0, 12), st.binary(min_size=16, max_size=16))
def test_any_encrypted_octets_open_or_are_a_wire_error(
    header: packet.Header, first: int, blocks: int, block: bytes
) -> None:
    keys = ike_keys(PrfAlgorithm.SHA1, bytes(20), bytes(128), bytes(16), 16)
    message = packet.Message(header=header, sealed=packet.Sealed(first, block * blocks + block[: first % 16]))
    try:
        Channel(keys, bytes(16)).open(message)
    except WireError:
        return


@given(st.builds(packet.IdentificationPayload, st.integers(0, 12), st.binary(max_size=33), OCTET, SHORT))
def test_any_identity_is_a_selector_or_a_wire_error(identity: packet.IdentificationPayload) -> None:
    try:
        selector = packet.selector_of(identity)
    except WireError:
        return
    assert int(selector.first) <= int(selector.last)
