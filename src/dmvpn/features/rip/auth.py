"""RIP authentication with MD5: RFC 2082 §3.2, as IOS and FRR use it.

The digest is MD5 over the packet with the four octets of the trailer before the digest, and the key, padded or cut to
16 octets, behind them (checked against IOS-XE and FRR 8.4.4 with known keys).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.features.rip.packet import KeyedDigest, RipPacket

if TYPE_CHECKING:
    from dmvpn.net.octets import Octets

_DIGEST_LENGTH = 16
_KEY_LENGTH = 16


def seal_md5(packet: RipPacket, *, key_id: int, key: bytes, sequence: int) -> bytes:
    """Encode the packet with a digest made with this key, and the authentication length that IOS sends."""
    authentication = KeyedDigest(key_id=key_id, sequence=sequence, digest=b"")
    covered = replace(packet, authentication=authentication).serialize()
    return covered + _md5_digest(covered, key)


def verify_md5(data: Octets, *, key: bytes) -> bool:
    """Return whether the last 16 octets of the packet are the MD5 digest of the octets before them and this key.

    For packets to which `RipPacket.parse` gave a `KeyedDigest`, whose `key_id` identifies the key.
    """
    covered, digest = bytes(data[:-_DIGEST_LENGTH]), bytes(data[-_DIGEST_LENGTH:])
    return hmac.compare_digest(digest, _md5_digest(covered, key))


def _md5_digest(covered: bytes, key: bytes) -> bytes:
    padded = key[:_KEY_LENGTH].ljust(_KEY_LENGTH, b"\x00")
    return hashlib.md5(covered + padded, usedforsecurity=False).digest()
