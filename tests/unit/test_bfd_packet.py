"""BFD Control packets, RFC 5880 §4.1: octets of the RFC's figure, and what §6.8.6 refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.features.bfd.auth import AuthSection, AuthType
from dmvpn.features.bfd.packet import ControlPacket
from dmvpn.features.bfd.states import BfdState

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
