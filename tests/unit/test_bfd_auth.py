"""Sections of authentication, octet for octet: RFC 5880 §4.2 to §4.4."""

from __future__ import annotations

import hashlib

import pytest

from dmvpn.base.errors import WireError
from dmvpn.features.bfd.auth import AuthSection, AuthType, is_genuine, may_follow, seal
from dmvpn.features.bfd.packet import ControlPacket
from dmvpn.features.bfd.states import BfdState

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
