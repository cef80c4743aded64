"""Authentication of packets: RFC 2328 Appendix D (none, a password in clear, MD5), RFC 5709 (HMAC-SHA).

A digest stands behind the packet; the authentication field of the header tells the key, the length of the digest and a
number that never gets smaller. All or nothing: what cannot be authenticated as configured is neither sent nor taken.

MD5 was checked against FRR 8.4.4; HMAC-SHA against the text of the RFC alone.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.model import AuthenticationType

if TYPE_CHECKING:
    from dmvpn.features.ospf.packet import OspfPacket

_FIELD = struct.Struct("!HBBI")
_KEY_LENGTH: Final = 16
_PASSWORD_LENGTH: Final = 8
_APAD: Final = bytes.fromhex("878FE1F3")


class Algorithm(enum.Enum):
    """How a digest is made. The value is hashlib's name."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


_LENGTHS: Final = {algorithm: hashlib.new(algorithm.value).digest_size for algorithm in Algorithm}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of digests. number: travels in packets."""

    number: int
    secret: bytes = field(repr=False)
    algorithm: Algorithm = Algorithm.MD5


@dataclass(frozen=True, slots=True)
class Authentication:
    """What an interface asks for. keys: the last one is sent with, each is taken."""

    type: AuthenticationType = AuthenticationType.NULL
    password: bytes = field(default=b"", repr=False)
    keys: tuple[Key, ...] = ()

    @property
    def overhead(self) -> int:
        """Octets behind each packet."""
        return _LENGTHS[self.keys[-1].algorithm] if self.type is AuthenticationType.CRYPTOGRAPHIC and self.keys else 0

    def seal(self, packet: OspfPacket, sequence: int) -> bytes:
        """Encode the packet as this interface sends it. sequence: of digests."""
        if self.type is AuthenticationType.NULL:
            return packet.serialize()
        if self.type is AuthenticationType.SIMPLE:
            password = self.password[:_PASSWORD_LENGTH].ljust(_PASSWORD_LENGTH, b"\x00")
            return replace(packet, auth_type=self.type.value, auth=password).serialize()
        key = self.keys[-1]
        header = _FIELD.pack(0, key.number, _LENGTHS[key.algorithm], sequence)
        covered = replace(packet, auth_type=self.type.value, auth=header).serialize()
        return covered + _digest(covered, key)

    def refusal(self, packet: OspfPacket, payload: bytes) -> str:
        """Why the packet is not what this interface asks for, in words; "": it is."""
        if packet.auth_type != self.type.value:
            return f"authentication type {packet.auth_type}, and ours is {self.type.value}"
        if self.type is AuthenticationType.SIMPLE:
            password = self.password[:_PASSWORD_LENGTH].ljust(_PASSWORD_LENGTH, b"\x00")
            return "" if hmac.compare_digest(packet.auth, password) else "another password"
        if self.type is AuthenticationType.NULL:
            return ""
        _, number, length, _ = _FIELD.unpack(packet.auth)
        key = next((key for key in self.keys if key.number == number), None)
        if key is None:
            return f"no key {number} here"
        if length != _LENGTHS[key.algorithm] or len(packet.trailer) < length:
            return f"a digest of {min(length, len(packet.trailer))} octets"
        covered = payload[: len(payload) - len(packet.trailer)]
        good = hmac.compare_digest(packet.trailer[:length], _digest(covered, key))
        return "" if good else f"a digest made with another key {number}"


def sequence_of(packet: OspfPacket) -> int:
    """The number of a packet with a digest: smaller than one that was heard, it is an old packet."""
    return int(_FIELD.unpack(packet.auth)[3])


def _digest(covered: bytes, key: Key) -> bytes:
    if key.algorithm is Algorithm.MD5:
        padded = key.secret[:_KEY_LENGTH].ljust(_KEY_LENGTH, b"\x00")
        return hashlib.md5(covered + padded, usedforsecurity=False).digest()
    length = _LENGTHS[key.algorithm]
    # RFC 5709 §3.3: a key longer than the digest is hashed, a shorter one filled with zeros; then RFC 2104.
    secret = key.secret
    if len(secret) > length:
        secret = hashlib.new(key.algorithm.value, secret).digest()
    return hmac.digest(secret.ljust(length, b"\x00"), covered + _APAD * (length // 4), key.algorithm.value)
