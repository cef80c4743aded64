"""IKE messages from anybody: nothing but `WireError` leaves a decoder, and what was read is written again."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import WireError
from dmvpn.features.ike.crypto import Cipher, cipher_of
from dmvpn.features.ike.numbers import Encr, Integ
from dmvpn.features.ike.v2.channel import Fragments, open_message, seal
from dmvpn.features.ike.v2.numbers import ExchangeType, Flag
from dmvpn.features.ike.v2.packet import Header, Message, Notify, VendorId
from support.ike_capture import datagrams, names

if TYPE_CHECKING:
    from dmvpn.features.ike.chain import Payload

MESSAGES = [octets for name in names() for _, octets in datagrams(name)]
HEADER = Header(
    spi_i=b"initiate", spi_r=b"responds", exchange=ExchangeType.INFORMATIONAL, flags=Flag.INITIATOR, message_id=7
)
CBC, GCM = cipher_of(Encr.AES_CBC, 256, Integ.HMAC_SHA2_256_128), cipher_of(Encr.AES_GCM_16, 128)
KEY, INTEGRITY_KEY = bytes(range(32)), bytes(range(32, 64))


def parses(octets: bytes) -> Message | None:
    try:
        return Message.parse(octets)
    except WireError:
        return None


@given(st.binary(max_size=400))
def test_any_octets_are_a_message_or_a_wire_error(octets: bytes) -> None:
    parses(octets)


@given(st.sampled_from(MESSAGES), st.data())
@pytest.mark.conforms("ike:3.2-lengths")
def test_a_damaged_message_is_a_message_or_a_wire_error(octets: bytes, data: st.DataObject) -> None:
    damaged = bytearray(octets)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    message = parses(
        bytes(damaged[: data.draw(st.integers(0, len(damaged)))]) if data.draw(st.booleans()) else bytes(damaged)
    )
    if message is not None:
        again = Message.parse(message.serialize())
        assert again == message


def keys(cipher: Cipher) -> tuple[bytes, bytes]:
    return KEY[: cipher.key_size], INTEGRITY_KEY[: cipher.integrity_size]


@given(
    st.sampled_from([CBC, GCM]),
    st.lists(st.builds(VendorId, st.binary(max_size=300)) | st.builds(Notify, st.integers(1, 65535)), max_size=5),
    st.none() | st.integers(200, 1400),
    st.integers(0, 1 << 32),
)
@pytest.mark.conforms("ike:7383-fragments")
def test_what_is_sealed_opens_whole_and_in_any_order(
    cipher: Cipher, payloads: list[Payload], limit: int | None, order: int
) -> None:
    sealer, opener = cipher.sealer(*keys(cipher), SeededEntropy(1)), cipher.opener(*keys(cipher))
    datagrams_ = list(seal(HEADER, tuple(payloads), sealer, limit))
    assert limit is None or all(len(datagram) <= limit for datagram in datagrams_)
    if len(datagrams_) == 1:
        inside = open_message(Message.parse(datagrams_[0]), datagrams_[0], opener)
        assert inside.payloads == tuple(payloads)
        return
    Random(order).shuffle(datagrams_)
    fragments = Fragments()
    results = [fragments.add(Message.parse(octets), octets, opener) for octets in (*datagrams_, datagrams_[0])]
    complete = results[len(datagrams_) - 1]
    assert complete is not None
    assert complete.payloads == tuple(payloads)
    assert results[:-2] == [None] * (len(datagrams_) - 1)


@given(st.sampled_from([CBC, GCM]), st.binary(max_size=100), st.data())
@pytest.mark.conforms("ike:3.14-sealed")
def test_one_changed_bit_anywhere_does_not_open(cipher: Cipher, text: bytes, data: st.DataObject) -> None:
    sealer, opener = cipher.sealer(*keys(cipher), SeededEntropy(1)), cipher.opener(*keys(cipher))
    (octets,) = seal(HEADER, (VendorId(text),), sealer)
    changed = bytearray(octets)
    changed[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        inside = open_message(Message.parse(bytes(changed)), bytes(changed), opener)
    except WireError:
        return
    raise AssertionError(f"opened: {inside}")
