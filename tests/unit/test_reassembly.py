"""Fragments are put together, whatever order they come in, and what does not fit costs bounded memory."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.dataplane.reassembly import DATAGRAMS, OCTETS, PIECES, TIMEOUT, Reassembler
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet

if TYPE_CHECKING:
    from random import Random

WHOLE = Ipv4Packet(
    source=IPv4Address("192.0.2.2"),
    destination=IPv4Address("192.0.2.1"),
    protocol=IpProtocol.GRE,
    payload=b"",
    identification=7,
    options=b"\x94\x04\x00\x00\x07\x03\x04\x00",
)


def piece(start: int, octets: int, *, more: bool = True, identification: int = 7, tos: int = 0) -> Ipv4Packet:
    flags = Ipv4Flag.MORE_FRAGMENTS if more else Ipv4Flag(0)
    place = replace(WHOLE, identification=identification, flags=flags, fragment_offset=start >> 3)
    return replace(place, payload=bytes(octets), tos=tos)


@given(st.binary(min_size=1, max_size=500), st.sampled_from([76, 100, 300]), st.randoms(use_true_random=False))
def test_pieces_in_any_order_some_of_them_twice_are_the_datagram(data: bytes, size: int, chance: Random) -> None:
    whole = replace(WHOLE, payload=data, tos=0xB8)
    pieces = whole.fragments(size)
    order = [*pieces, *pieces[:-1]]
    chance.shuffle(order)
    reassembler = Reassembler()
    assert whole in [reassembler.add(fragment, 0.0) for fragment in order]


@pytest.mark.parametrize(
    ("second", "fits"),
    [
        (piece(8, 8), True),
        (piece(32, 8), True),
        (piece(32, 3, more=False), True),
        (piece(24, 8), False),
        (piece(24, 16), False),
        (piece(0, 16), False),
        (piece(0, 8, more=False), False),
        (piece(8, 16), False),
        (piece(16, 24), False),
        (piece(8, 8, more=False), False),
    ],
)
def test_what_overlaps_is_forgotten_with_all_of_its_datagram(second: Ipv4Packet, fits: bool) -> None:
    reassembler = Reassembler()
    for start, octets in ((0, 8), (16, 16)):
        assert reassembler.add(piece(start, octets), 0.0) is None
    if fits:
        assert reassembler.add(second, 0.0) is None
        return
    with pytest.raises(WireError, match="do not fit"):
        reassembler.add(second, 0.0)
    assert reassembler.add(piece(8, 8), 0.0) is None
    assert reassembler.add(piece(16, 1, more=False), 0.0) is None, "the first one is gone"


def test_behind_its_last_piece_a_datagram_has_none() -> None:
    for behind in (piece(24, 8), piece(24, 8, more=False)):
        reassembler = Reassembler()
        reassembler.add(piece(16, 5, more=False), 0.0)
        with pytest.raises(WireError, match="do not fit"):
            reassembler.add(behind, 0.0)


@pytest.mark.parametrize("odd", [piece(0, 12), piece(8, 0, more=False), piece(65528, 8, more=False)])
def test_what_is_a_fragment_of_no_packet_is_refused(odd: Ipv4Packet) -> None:
    with pytest.raises(WireError, match="part of no packet"):
        Reassembler().add(odd, 0.0)


def test_a_packet_that_would_be_too_long_with_its_header_is_refused() -> None:
    reassembler = Reassembler()
    assert reassembler.add(piece(0, 65504), 0.0) is None
    with pytest.raises(WireError, match="too long"):
        reassembler.add(piece(65504, 4, more=False), 0.0)


@pytest.mark.parametrize(("first", "second", "expected"), [(2, 3, 3), (3, 1, 3), (0xB8, 0, 0xB8), (0, 3, None)])
def test_a_mark_in_one_piece_is_the_wholes_unless_another_forbids_it(
    first: int, second: int, expected: int | None
) -> None:
    """RFC 3168 §5.3."""
    reassembler = Reassembler()
    assert reassembler.add(piece(0, 8, tos=first), 0.0) is None
    if expected is None:
        with pytest.raises(WireError, match="marked"):
            reassembler.add(piece(8, 1, more=False, tos=second), 0.0)
        return
    whole = reassembler.add(piece(8, 1, more=False, tos=second), 0.0)
    assert whole is not None
    assert whole.tos == expected


def test_what_stays_incomplete_too_long_is_forgotten() -> None:
    for later, complete in ((TIMEOUT, True), (TIMEOUT + 0.1, False)):
        reassembler = Reassembler()
        reassembler.add(piece(0, 8), 0.0)
        assert (reassembler.add(piece(8, 1, more=False), later) is not None) == complete


def test_what_stays_incomplete_too_long_is_forgotten_though_no_piece_comes_any_more() -> None:
    reassembler = Reassembler()
    reassembler.add(piece(0, 8), 0.0)
    reassembler.forget_old(TIMEOUT)
    assert len(reassembler) == 1
    reassembler.forget_old(TIMEOUT + 0.1)
    assert len(reassembler) == 0


def test_only_so_many_datagrams_pieces_and_octets_wait_and_the_oldest_goes_first() -> None:
    def is_there(reassembler: Reassembler, identification: int) -> bool:
        return reassembler.add(piece(8, 1, more=False, identification=identification), 0.0) is not None

    reassembler = Reassembler()
    for number in range(DATAGRAMS + 1):
        reassembler.add(piece(0, 8, identification=number), 0.0)
    assert is_there(reassembler, DATAGRAMS)
    assert is_there(reassembler, 1)
    assert not is_there(reassembler, 0)
    reassembler = Reassembler()
    reassembler.add(piece(0, 8, identification=99), 0.0)
    for number in range(OCTETS // 60_000 + 1):
        reassembler.add(piece(0, 60_000, identification=number), 0.0)
    assert not is_there(reassembler, 99)
    reassembler = Reassembler()
    for number in range(PIECES):
        reassembler.add(piece(16 * number, 8), 0.0)
    with pytest.raises(WireError, match="do not fit"):
        reassembler.add(piece(16 * PIECES, 8), 0.0)
