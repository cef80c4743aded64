"""Authentication of packets on an interface, sent and received: MD5 with a key chain, HMAC-SHA-256.

An interface that must be authenticated and cannot be (no key chain, no key that is valid now, an unreadable password)
is blocked, with the reason, and never falls back to plain packets.

RFC 7868 §6.7.2 defines the TLV; the hashed data is known from captures. The authentication TLV comes first, the
checksum is computed last; for the digest the checksum counts as zero.

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
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.credentials import KeyChain
from dmvpn.base.reasons import Reason
from dmvpn.features.eigrp.interface import EigrpInterface
from dmvpn.features.eigrp.model import AuthenticationMode, InterfaceSettings
from dmvpn.features.eigrp.packet import HEADER_LENGTH, EigrpPacket, set_checksum
from dmvpn.features.eigrp.reasons import EigrpReason
from dmvpn.features.eigrp.state import State
from dmvpn.features.eigrp.tlv import DIGEST_LENGTH, HEADER, Authentication, AuthenticationType
from dmvpn.net.ipv4 import Octets

# ------------------------------------------------------------------------------------------------ digests


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


# --------------------------------------------------------------------------------------- authentication on an interface


#: Octets of the authentication TLV.
_LENGTHS: Final = {None: 0, AuthenticationMode.MD5: 40, AuthenticationMode.HMAC_SHA_256: 56}
#: Maximum seconds until lifetimes are checked again: the clock may be set.
_LONGEST_SLEEP: Final = 3600.0


class Seals:
    """Authenticates and verifies the packets of one process."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._context = state.context

    def length(self, interface: EigrpInterface) -> int:
        """Return how many octets of each packet the authentication TLV takes."""
        return _LENGTHS[interface.settings.authentication]

    def obstacle(self, interface: EigrpInterface) -> Reason | None:
        """Return why packets of this interface cannot be authenticated as configured; None: they can, or
        need not be.
        """
        settings, since = interface.settings, self._context.now
        if settings.authentication is None:
            return None
        if settings.authentication is AuthenticationMode.HMAC_SHA_256:
            hidden = Reason(EigrpReason.HIDDEN, since=since)
            return None if settings.password else hidden
        if not settings.key_chain:
            return Reason(EigrpReason.NO_KEY_CHAIN, since=since)
        chain = self._key_chain(settings)
        if chain is None:
            return Reason(EigrpReason.NO_KEY, (settings.key_chain,), since)
        if chain.sending(self._context.ports.clock, since) is None:
            return Reason(EigrpReason.NO_VALID_KEY, (settings.key_chain,), since)
        return None

    def is_authentic(self, interface: EigrpInterface, packet: EigrpPacket, payload: bytes, source: IPAddress) -> bool:
        """Return whether the packet is authenticated as configured on this interface.

        Without authentication, a packet with a digest is refused: its sender would not accept our packets either (IOS:
        "authentication off or key-chain missing").
        """
        settings, digest = interface.settings, packet.find(Authentication)
        if settings.authentication is None or digest is None:
            return settings.authentication is None and digest is None
        if settings.authentication is AuthenticationMode.HMAC_SHA_256:
            password = settings.password.encode()
            return bool(password) and verify_sha256(payload, password=password, source=source)
        chain = self._key_chain(settings)
        accepted = chain.accepting(self._context.ports.clock, self._context.now) if chain is not None else ()
        keys = (key for key in accepted if key.number == digest.key_id)
        return any(verify_md5(payload, key=key.text.encode()) for key in keys)

    @staticmethod
    def kind(interface: EigrpInterface) -> AuthenticationType | None:
        """Return the type of authentication on this interface; None: none."""
        mode = interface.settings.authentication
        if mode is None:
            return None
        return AuthenticationType.MD5 if mode is AuthenticationMode.MD5 else AuthenticationType.SHA256

    def seal(self, interface: EigrpInterface, packet: EigrpPacket) -> bytes | None:
        """Return the encoded packet, authenticated as configured; None: that is not possible."""
        settings = interface.settings
        if settings.authentication is None:
            return packet.serialize()
        if settings.authentication is AuthenticationMode.HMAC_SHA_256:
            address = interface.address
            if not settings.password or address is None:
                return None
            return seal_sha256(packet, password=settings.password.encode(), source=address)
        chain = self._key_chain(settings)
        key = chain.sending(self._context.ports.clock, self._context.now) if chain is not None else None
        return seal_md5(packet, key_id=key.number, key=key.text.encode()) if key is not None else None

    def changes_in(self, interface: EigrpInterface) -> float | None:
        """Return the seconds until the valid keys of an interface change, an hour at most; None: never."""
        chain = self._key_chain(interface.settings)
        if interface.settings.authentication is not AuthenticationMode.MD5 or chain is None:
            return None
        left = chain.changes_in(self._context.ports.clock, self._context.now)
        return min(left, _LONGEST_SLEEP) if left is not None else None

    def _key_chain(self, settings: InterfaceSettings) -> KeyChain | None:
        chain = self._state.config.key_chain(settings.key_chain)
        return chain if chain and chain.keys else None
