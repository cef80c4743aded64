"""EIGRP authentication: RFC 7868 §6.7.2 defines the TLV; the hashed data is known from captures.

The authentication TLV comes first, the checksum is computed last; for the digest the checksum counts as zero.

MD5 (key chain, all modes): over the packet, with the key, padded or cut to 16 octets, in place of the digest, without
the last 20 octets of the packet. IOS seems to subtract the header from the length once too often, so all
implementations have to. In a Hello with parameters and version, no TLV is protected by that, and the Update that starts
an adjacency, which has no other TLV, proves nothing: its digest does not even cover the key.

HMAC-SHA-256 (named mode, `authentication mode hmac-sha-256 PASSWORD`, key id 0): over the whole packet with a digest of
zeros; the key is a newline, the password, and the source address of the packet as text (IPv6 in capitals).

Both were checked against every packet of IOS-XE captures (IPv4 and IPv6, with right and wrong keys), MD5 also against
FRR 8.4.4. HMAC-SHA-256 with a key chain is unconfirmed, and FRR 8.4 computes it from wrong inputs.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.features.eigrp.packet import HEADER_LENGTH, EigrpPacket, set_checksum
from dmvpn.features.eigrp.tlv import DIGEST_LENGTH, HEADER, Authentication, AuthenticationType

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.net.octets import Octets

#: Type, lengths, key id, key sequence and padding of the TLV precede the digest.
_DIGEST_AT = HEADER_LENGTH + 24
_MD5_KEY_LENGTH = 16
_NOT_COVERED_BY_MD5 = 20


def seal_md5(packet: EigrpPacket, *, key_id: int, key: bytes) -> bytes:
    """Encode the packet with an MD5 authentication TLV before its other TLVs."""
    sealed = _with_empty_digest(packet, AuthenticationType.MD5, key_id)
    return _with_digest(sealed, _md5_digest(sealed, key))


def verify_md5(data: Octets, *, key: bytes) -> bool:
    """Return whether the first TLV of the packet is an MD5 authentication made with this key.

    `Authentication.key_id` says which key to use. A packet without such a TLV gives False, never an error.
    """
    digest = _digest(data, AuthenticationType.MD5)
    return digest is not None and hmac.compare_digest(digest, _md5_digest(data, key))


def seal_sha256(packet: EigrpPacket, *, password: bytes, source: IPAddress) -> bytes:
    """Encode the packet, to be sent from `source`, with an HMAC-SHA-256 authentication TLV before its other TLVs."""
    sealed = _with_empty_digest(packet, AuthenticationType.SHA256, key_id=0)
    return _with_digest(sealed, _sha256_digest(sealed, password, source))


def verify_sha256(data: Octets, *, password: bytes, source: IPAddress) -> bool:
    """Return whether the first TLV of the packet, received from `source`, is an HMAC-SHA-256 made with this
    password.
    """
    digest = _digest(data, AuthenticationType.SHA256)
    return digest is not None and hmac.compare_digest(digest, _sha256_digest(data, password, source))


def _md5_digest(packet: Octets, key: bytes) -> bytes:
    key_in_place = key[:_MD5_KEY_LENGTH].ljust(_MD5_KEY_LENGTH, b"\x00")
    covered = _around_digest(packet, key_in_place)[: len(packet) - _NOT_COVERED_BY_MD5]
    return hashlib.md5(covered, usedforsecurity=False).digest()


def _sha256_digest(packet: Octets, password: bytes, source: IPAddress) -> bytes:
    key = b"\n" + password + str(source).upper().encode()
    covered = _around_digest(packet, bytes(DIGEST_LENGTH[AuthenticationType.SHA256]))
    return hmac.digest(key, covered, "sha256")


def _around_digest(packet: Octets, digest: bytes) -> bytes:
    """Return the packet with a zero checksum and these octets in place of the digest."""
    return bytes(packet[:2]) + b"\x00\x00" + packet[4:_DIGEST_AT] + digest + packet[_DIGEST_AT + len(digest) :]


def _digest(data: Octets, auth_type: AuthenticationType) -> bytes | None:
    """Return the digest if the first TLV is an authentication of this type, otherwise None."""
    end = _DIGEST_AT + DIGEST_LENGTH[auth_type]
    start = HEADER.pack(Authentication.TYPE, end - HEADER_LENGTH) + auth_type.to_bytes(2, "big")
    if len(data) < end or data[HEADER_LENGTH : HEADER_LENGTH + len(start)] != start:
        return None
    return bytes(data[_DIGEST_AT:end])


def _with_empty_digest(packet: EigrpPacket, auth_type: AuthenticationType, key_id: int) -> bytearray:
    empty = Authentication(auth_type=auth_type, key_id=key_id, digest=bytes(DIGEST_LENGTH[auth_type]))
    return bytearray(replace(packet, tlvs=(empty, *packet.tlvs)).serialize())


def _with_digest(packet: bytearray, digest: bytes) -> bytes:
    packet[_DIGEST_AT : _DIGEST_AT + len(digest)] = digest
    set_checksum(packet)
    return bytes(packet)
