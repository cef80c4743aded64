"""Authentication of BFD packets: RFC 5880 §4.2 to §4.4, §6.7.

A section behind the packet: type, length, key number, and a password, or a number that never falls and a digest of the
whole packet with the key in the digest's place. The number of a *meticulous* type grows with each packet, that of the
others may stay; a number that is too old or too far ahead is refused, unless the session has been silent for long.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import struct
from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.features.bfd.drops import Drop, Dropped

if TYPE_CHECKING:
    from dmvpn.net.octets import Octets

_CLAUSE: Final = "RFC 5880 §4.2"
_HEAD: Final = struct.Struct("!BBBBI")
#: The largest number of a key in a packet.
LAST_KEY: Final = 255


class AuthType(enum.IntEnum):
    """RFC 5880 §4.1."""

    PASSWORD = 1
    MD5 = 2
    METICULOUS_MD5 = 3
    SHA1 = 4
    METICULOUS_SHA1 = 5

    @property
    def word(self) -> str:
        """As the line `authentication` has it."""
        return _WORDS[self]

    @property
    def is_meticulous(self) -> bool:
        """Whether the number grows with each packet."""
        return self in (AuthType.METICULOUS_MD5, AuthType.METICULOUS_SHA1)

    @property
    def digest_length(self) -> int:
        """Octets of the digest, and of the key when it is padded."""
        return 20 if self in (AuthType.SHA1, AuthType.METICULOUS_SHA1) else 16

    @property
    def length(self) -> int:
        """Octets of the section, where there is a digest."""
        return _HEAD.size + self.digest_length


_WORDS: Final = {
    AuthType.PASSWORD: "password",
    AuthType.MD5: "md5",
    AuthType.METICULOUS_MD5: "meticulous-md5",
    AuthType.SHA1: "sha-1",
    AuthType.METICULOUS_SHA1: "meticulous-sha-1",
}
BY_WORD: Final = {word: kind for kind, word in _WORDS.items()}


@dataclass(frozen=True, slots=True)
class AuthSection:
    """The authentication section of a packet. sequence: 0 of a password."""

    type: AuthType
    key: int
    sequence: int = 0

    @classmethod
    def parse(cls, data: Octets) -> Self:
        """Decode the octets behind the packet, all of them. Raises WireError."""
        section = bytes(data)
        if len(section) < 4 or section[1] != len(section):
            raise Dropped(Drop.AUTH_LENGTH, "authentication cut short", offset=24, clause=_CLAUSE)
        if section[0] not in _KNOWN:
            raise WireError(f"authentication of type {section[0]}", offset=24, clause=_CLAUSE)
        kind = AuthType(section[0])
        if kind is AuthType.PASSWORD:
            return cls(kind, section[2])
        if len(section) != kind.length:
            raise Dropped(
                Drop.AUTH_LENGTH, f"authentication of {len(section)} octets", offset=25, clause="RFC 5880 §4.3"
            )
        return cls(kind, section[2], _HEAD.unpack_from(section)[4])


_KNOWN: Final = frozenset(int(kind) for kind in AuthType)


def seal(packet: bytes, kind: AuthType, key: int, text: bytes, sequence: int) -> bytes:
    """Return the packet, whose length counts the section already, with the section behind it."""
    if kind is AuthType.PASSWORD:
        password = text[:16]
        return packet + bytes((kind, 3 + len(password), key)) + password
    head = _HEAD.pack(kind, kind.length, key, 0, sequence)
    return packet + head + _digest(packet + head, kind, text)


def is_genuine(octets: bytes, section: AuthSection, text: bytes) -> bool:
    """Return whether the packet was sealed with this key."""
    if section.type is AuthType.PASSWORD:
        return hmac.compare_digest(octets[27:], text[:16])
    length = section.type.digest_length
    return hmac.compare_digest(octets[-length:], _digest(octets[:-length], section.type, text))


def _digest(head: bytes, kind: AuthType, text: bytes) -> bytes:
    length = kind.digest_length
    padded = text[:length].ljust(length, b"\0")
    if length == 20:
        return hashlib.sha1(head + padded, usedforsecurity=False).digest()
    return hashlib.md5(head + padded, usedforsecurity=False).digest()


def may_follow(sequence: int, last: int, multiplier: int, *, meticulous: bool) -> bool:
    """Return whether the number is neither old nor far ahead. RFC 5880 §6.7.3, §6.7.4; numbers go round."""
    ahead = (sequence - last) & 0xFFFFFFFF
    return (1 if meticulous else 0) <= ahead <= 3 * multiplier
