"""Authentication of packets: RFC 2328 Appendix D (none, a password in clear, MD5), RFC 5709 (HMAC-SHA).

A digest follows the packet; the authentication field of the header carries the key ID, the length of the digest and a
sequence number that never decreases. All or nothing: packets that cannot be authenticated as configured are neither
sent nor accepted.

MD5 is checked against FRR 8.4.4 and BIRD, HMAC-SHA against BIRD 2.0.12 (with keys as long as the digest at most:
longer ones RFC 5709 hashes, and BIRD only beyond the block of the hash). Numbers of 64 bits and digests that cover the
sender's address (RFC 7474, AuType 3) are not here: neither IOS-XE 17 nor FRR nor BIRD has them.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import struct
from dataclasses import field, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ospf.model import AuthenticationType

if TYPE_CHECKING:
    from dmvpn.base.keychains import Lifetime
    from dmvpn.base.ports import Clock
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

    @property
    def word(self) -> str:
        """As `cryptographic-algorithm` has it."""
        return "md5" if self is Algorithm.MD5 else f"hmac-sha-{self.value.removeprefix('sha')}"


_LENGTHS: Final = {algorithm: hashlib.new(algorithm.value).digest_size for algorithm in Algorithm}


@dataclass(frozen=True, slots=True)
class DigestKey:
    """A key of digests. number: travels in packets. accept, send: when it opens and when it seals, None: always."""

    number: int
    secret: bytes = field(repr=False)
    algorithm: Algorithm = Algorithm.MD5
    accept: Lifetime | None = None
    send: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class AuthenticationSettings:
    """The authentication of an interface. keys: the last valid one seals packets, all are accepted. chain: where they
    are from.
    """

    type: AuthenticationType = AuthenticationType.NULL
    password: bytes = field(default=b"", repr=False)
    keys: tuple[DigestKey, ...] = ()
    chain: str = ""

    @property
    def overhead(self) -> int:
        """Octets behind each packet."""
        if self.type is not AuthenticationType.CRYPTOGRAPHIC:
            return 0
        return max((_LENGTHS[key.algorithm] for key in self.keys), default=0)

    def sending(self, clock: Clock, now: float) -> DigestKey | None:
        """Return the key that seals new packets: the valid key with the highest number, as on IOS.

        When the last one is over it goes on (RFC 2328 §D.3): the keys that neighbors had agreed on are better than an
        outage. None: none has begun.
        """
        return next(reversed(_valid([(key, key.send) for key in self.keys], clock, now)), None)

    def accepting(self, clock: Clock, now: float) -> tuple[DigestKey, ...]:
        """Return the keys for received packets; when all have expired, the last one."""
        return _valid([(key, key.accept) for key in self.keys], clock, now)

    def seal(self, packet: OspfPacket, sequence: int, key: DigestKey | None = None) -> bytes:
        """Encode the packet as this interface sends it. sequence: of digests. key: None: the last one."""
        if self.type is AuthenticationType.NULL:
            return packet.serialize()
        if self.type is AuthenticationType.SIMPLE:
            password = self.password[:_PASSWORD_LENGTH].ljust(_PASSWORD_LENGTH, b"\x00")
            return replace(packet, auth_type=self.type.value, auth=password).serialize()
        key = key or self.keys[-1]
        header = _FIELD.pack(0, key.number, _LENGTHS[key.algorithm], sequence)
        covered = replace(packet, auth_type=self.type.value, auth=header).serialize()
        return covered + _digest(covered, key)

    def _words(self) -> str:
        """Return our authentication, in words."""
        if self.type is not AuthenticationType.CRYPTOGRAPHIC:
            return "no authentication" if self.type is AuthenticationType.NULL else "a password in clear"
        keys = (f"key {key.number} with {key.algorithm.word} ({_LENGTHS[key.algorithm]} octets)" for key in self.keys)
        return " or ".join(keys)

    def refusal(self, packet: OspfPacket, payload: bytes, accepted: tuple[DigestKey, ...] | None = None) -> str:
        """Return the difference between the packet's authentication and the interface's, in words; "": none. accepted:
        None: all keys.
        """
        if packet.auth_type != self.type.value:
            return f"theirs is {_words(packet)}, ours is {self._words()}"
        if self.type is AuthenticationType.SIMPLE:
            password = self.password[:_PASSWORD_LENGTH].ljust(_PASSWORD_LENGTH, b"\x00")
            return "" if hmac.compare_digest(packet.auth, password) else "another password"
        if self.type is AuthenticationType.NULL:
            return ""
        _, number, length, _ = _FIELD.unpack(packet.auth)
        key = next((key for key in self.keys if key.number == number), None)
        if key is None or length != _LENGTHS[key.algorithm]:
            return f"theirs is {_words(packet)}, ours is {self._words()}"
        if accepted is not None and key not in accepted:
            return f"key {number} is not valid now (`accept-lifetime`)"
        if len(packet.trailer) < length:
            return f"a digest of {length} octets of which {len(packet.trailer)} came"
        covered = payload[: len(payload) - len(packet.trailer)]
        good = hmac.compare_digest(packet.trailer[:length], _digest(covered, key))
        return "" if good else f"a digest made with another key {number}"


def _valid(keys: list[tuple[DigestKey, Lifetime | None]], clock: Clock, now: float) -> tuple[DigestKey, ...]:
    """Return the keys that are valid now; if no key is valid, the key that expired last."""
    valid = tuple(key for key, lifetime in keys if lifetime is None or lifetime.holds(clock, now))
    if valid:
        return valid
    ended = [(lifetime.ended_ago(clock, now), key) for key, lifetime in keys if lifetime is not None]
    over = [(ago, key) for ago, key in ended if ago is not None]
    return tuple(key for _, key in sorted(over, key=itemgetter(0), reverse=True)[-1:])


def _words(packet: OspfPacket) -> str:
    """Return a packet's authentication, in words."""
    if packet.auth_type == AuthenticationType.CRYPTOGRAPHIC.value:
        _, number, length, _ = _FIELD.unpack(packet.auth)
        return f"key {number} with a digest of {length} octets"
    names = {AuthenticationType.NULL.value: "no authentication", AuthenticationType.SIMPLE.value: "a password in clear"}
    return names.get(packet.auth_type, f"authentication of type {packet.auth_type}")


def sequence_of(packet: OspfPacket) -> int:
    """Return the sequence number of a packet with a digest. A packet with a smaller number than the last one is a
    replay.
    """
    return int(_FIELD.unpack(packet.auth)[3])


def key_of(packet: OspfPacket) -> int:
    """Return the number of the key of a packet with a digest."""
    return int(_FIELD.unpack(packet.auth)[1])


def _digest(covered: bytes, key: DigestKey) -> bytes:
    if key.algorithm is Algorithm.MD5:
        padded = key.secret[:_KEY_LENGTH].ljust(_KEY_LENGTH, b"\x00")
        return hashlib.md5(covered + padded, usedforsecurity=False).digest()
    length = _LENGTHS[key.algorithm]
    # RFC 5709 §3.3: a key longer than the digest is hashed, a shorter one filled with zeros; then RFC 2104.
    secret = key.secret
    if len(secret) > length:
        secret = hashlib.new(key.algorithm.value, secret).digest()
    return hmac.digest(secret.ljust(length, b"\x00"), covered + _APAD * (length // 4), key.algorithm.value)
