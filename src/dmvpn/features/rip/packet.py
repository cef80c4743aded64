"""RIP packets: RFC 2453 §4, with authentication by password (§4.1) or keyed digest (RFC 2082, RFC 4822), and those of
triggered RIP (RFC 2091 §5), which have a second header of 4 octets after the first.

A packet has a header of 4 octets and at most 25 entries of 20 octets; there is no length field. With authentication the
first entry says how, and a digest follows the last entry. Version 1 has the same layout with zeros in place of tag,
mask and next hop: it is decoded too, so that a user can see that a router speaks it.

Only lengths are validated here. An entry with an invalid mask or metric does not invalidate the packet
(RFC 2453 §3.9.2): its `prefix` is None.
"""

from __future__ import annotations

import enum
import struct
from ipaddress import IPv4Address
from typing import Final, Self

from dmvpn.base.addresses import UNSPECIFIED, Prefix, mask_length
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.net.ipv4 import Octets, ipv4_address

_HEADER = struct.Struct("!BB2x")
_UPDATE_HEADER = struct.Struct("!BBH")
_ENTRY = struct.Struct("!HH4s4s4sI")
_DIGEST_ENTRY = struct.Struct("!HHHBBI8x")
_TRAILER = b"\xff\xff\x00\x01"
_AUTHENTICATION = 0xFFFF
_PASSWORD_LENGTH = 16
_CLAUSE: Final = "RFC 2453 §4"
_DIGEST_CLAUSE: Final = "RFC 4822 §2.1"
_UPDATE_CLAUSE: Final = "RFC 2091 §5.1"
_UPDATE_VERSION: Final = 1

#: Entries of a packet, the authentication entry included.
MAXIMUM_ENTRIES = 25
#: The metric of an unreachable network.
INFINITY = 16


class Command(enum.IntEnum):
    """RFC 2453 §3.6; those of triggered RIP: RFC 2091 §4."""

    REQUEST = 1
    RESPONSE = 2
    UPDATE_REQUEST = 9
    UPDATE_RESPONSE = 10
    UPDATE_ACKNOWLEDGE = 11


#: Commands whose packets have the second header.
TRIGGERED: Final = (Command.UPDATE_REQUEST, Command.UPDATE_RESPONSE, Command.UPDATE_ACKNOWLEDGE)


class AuthenticationType(enum.IntEnum):
    """Type of an authentication entry, in place of the route tag, RFC 2453 §4.1 and RFC 4822 §2.1."""

    PASSWORD = 2
    DIGEST = 3


class AddressFamily(enum.IntEnum):
    """The family of an entry. UNSPECIFIED with metric 16 requests the whole table, RFC 2453 §3.9.1."""

    UNSPECIFIED = 0
    IPV4 = 2


class RipEntry(Value, kw_only=True):
    """A route, RFC 2453 §4. next_hop: 0.0.0.0 = the sender."""

    family: int = AddressFamily.IPV4
    tag: int = 0
    address: IPv4Address
    mask: IPv4Address
    next_hop: IPv4Address = UNSPECIFIED
    metric: int

    @classmethod
    def of_prefix(cls, prefix: Prefix, metric: int, *, next_hop: IPv4Address = UNSPECIFIED, tag: int = 0) -> Self:
        """Return the entry of this IPv4 prefix. Raises ValueError for another family."""
        address, mask = ipv4_address(prefix.address.packed), ipv4_address(prefix.netmask.packed)
        return cls(tag=tag, address=address, mask=mask, next_hop=next_hop, metric=metric)

    @property
    def prefix(self) -> Prefix | None:
        """The destination; None if the mask has gaps or the address has host bits."""
        length = mask_length(self.mask)
        if length is None or int(self.address) & ~int(self.mask):
            return None
        return Prefix(self.address, length)

    def serialize(self) -> bytes:
        """Encode, 20 octets. Raises struct.error if a number does not fit its field."""
        return _ENTRY.pack(
            self.family, self.tag, self.address.packed, self.mask.packed, self.next_hop.packed, self.metric
        )


class Password(Value, kw_only=True):
    """RFC 2453 §4.1. password: 16 octets at most, without the padding zeros."""

    password: bytes

    def serialize(self) -> bytes:
        """Encode the entry. Raises ValueError if the password is too long."""
        if len(self.password) > _PASSWORD_LENGTH:
            raise ValueError(f"RIP password of {len(self.password)} octets")
        kind = _AUTHENTICATION << 16 | AuthenticationType.PASSWORD
        return kind.to_bytes(4, "big") + self.password.ljust(_PASSWORD_LENGTH, b"\x00")


class KeyedDigest(Value, kw_only=True):
    """RFC 4822 §2.1.

    sequence: never decreases.
    authentication_length: RFC 2082 counts only the digest (MD5: 16), IOS and FRR also the 4 octets before it (20); both
    are
        accepted.
    digest: MD5 in RFC 2082, longer ones in RFC 4822.
    """

    key_id: int
    authentication_length: int = 20
    sequence: int
    digest: bytes


class UpdateHeader(Value, kw_only=True):
    """The second header of triggered RIP, RFC 2091 §5.1. All zero in a request.

    flush: earlier routes of the sender are to be discarded unless it sends them again. sequence: of a response, and of
    its acknowledgment.
    """

    flush: bool = False
    sequence: int = 0

    def serialize(self) -> bytes:
        """Encode, 4 octets. Raises struct.error if the sequence number has more than 16 bits."""
        return _UPDATE_HEADER.pack(_UPDATE_VERSION, self.flush, self.sequence)


class RipPacket(Value, kw_only=True):
    """A packet, RFC 2453 §4. update: only in triggered RIP."""

    command: int
    version: int = 2
    update: UpdateHeader | None = None
    authentication: Password | KeyedDigest | None = None
    entries: tuple[RipEntry, ...] = ()

    @classmethod
    def whole_table_request(cls) -> Self:
        """Return the request for the whole table of the receiver, RFC 2453 §3.9.1."""
        everything = RipEntry(family=AddressFamily.UNSPECIFIED, address=UNSPECIFIED, mask=UNSPECIFIED, metric=INFINITY)
        return cls(command=Command.REQUEST, entries=(everything,))

    @classmethod
    def parse(cls, data: Octets) -> Self:
        """Decode the payload of a UDP datagram. Raises WireError."""
        if len(data) < _HEADER.size:
            raise WireError("RIP header cut short", offset=len(data), clause=_CLAUSE)
        packet = bytes(data)
        command, version = _HEADER.unpack_from(packet)
        if not version:
            raise WireError("RIP version 0", offset=1, clause=_CLAUSE)
        start, end = _HEADER.size, len(packet)
        update = authentication = None
        if command in TRIGGERED:
            update = _parse_update_header(packet)
            start += _UPDATE_HEADER.size
        most = start + MAXIMUM_ENTRIES * _ENTRY.size
        if packet[start : start + 2] == _TRAILER[:2]:
            authentication, end = _parse_authentication(packet, start)
            start += _ENTRY.size
        if (end - start) % _ENTRY.size or end > most:
            raise WireError(f"RIP entries of {end - start} octets", offset=start, clause=_CLAUSE)
        entries = tuple([_parse_entry(packet, at) for at in range(start, end, _ENTRY.size)])
        return cls(command=command, version=version, update=update, authentication=authentication, entries=entries)

    def serialize(self) -> bytes:
        """Encode. Raises ValueError for too many entries, struct.error if a number does not fit its field."""
        if len(self.entries) + (self.authentication is not None) > MAXIMUM_ENTRIES:
            raise ValueError(f"RIP packet with {len(self.entries)} entries")
        header = _HEADER.pack(self.command, self.version)
        if self.update is not None:
            header += self.update.serialize()
        entries = b"".join([entry.serialize() for entry in self.entries])
        keyed = self.authentication
        if keyed is None:
            return header + entries
        if isinstance(keyed, Password):
            return header + keyed.serialize() + entries
        digest_entry = _DIGEST_ENTRY.pack(
            _AUTHENTICATION,
            AuthenticationType.DIGEST,
            len(header) + _DIGEST_ENTRY.size + len(entries),
            keyed.key_id,
            keyed.authentication_length,
            keyed.sequence,
        )
        return header + digest_entry + entries + _TRAILER + keyed.digest

    @property
    def asks_for_whole_table(self) -> bool:
        """Whether this is the request for the whole table, RFC 2453 §3.9.1."""
        if self.command != Command.REQUEST or len(self.entries) != 1:
            return False
        return self.entries[0].family == AddressFamily.UNSPECIFIED and self.entries[0].metric == INFINITY


def _parse_entry(packet: bytes, at: int) -> RipEntry:
    family, tag, address, mask, next_hop, metric = _ENTRY.unpack_from(packet, at)
    return RipEntry(
        family=family,
        tag=tag,
        address=ipv4_address(address),
        mask=ipv4_address(mask),
        next_hop=ipv4_address(next_hop),
        metric=metric,
    )


def _parse_update_header(packet: bytes) -> UpdateHeader:
    """Return the second header. Raises WireError."""
    if len(packet) < _HEADER.size + _UPDATE_HEADER.size:
        raise WireError("RIP update header cut short", offset=len(packet), clause=_UPDATE_CLAUSE)
    version, flush, sequence = _UPDATE_HEADER.unpack_from(packet, _HEADER.size)
    if version != _UPDATE_VERSION:
        raise WireError(f"RIP update header of version {version}", offset=_HEADER.size, clause=_UPDATE_CLAUSE)
    return UpdateHeader(flush=bool(flush), sequence=sequence)


def _parse_authentication(packet: bytes, start: int) -> tuple[Password | KeyedDigest, int]:
    """Return the authentication entry, and where the entries end. Raises WireError."""
    end = start + _ENTRY.size
    if len(packet) < end:
        raise WireError("RIP authentication cut short", offset=start, clause=_CLAUSE)
    _, kind, trailer_at, key_id, length, sequence = _DIGEST_ENTRY.unpack_from(packet, start)
    if kind == AuthenticationType.PASSWORD:
        return Password(password=packet[start + 4 : end].rstrip(b"\x00")), len(packet)
    if kind != AuthenticationType.DIGEST:
        raise WireError(f"RIP authentication type {kind}", offset=start + 2, clause=_CLAUSE)
    digest_at = trailer_at + len(_TRAILER)
    if trailer_at < end or packet[trailer_at:digest_at] != _TRAILER:
        raise WireError(f"RIP packet length {trailer_at}", offset=start + 4, clause=_DIGEST_CLAUSE)
    digest = packet[digest_at:]
    if length not in (len(digest), len(_TRAILER) + len(digest)):
        raise WireError(f"RIP digest of {len(digest)} octets", offset=start + 7, clause=_DIGEST_CLAUSE)
    keyed = KeyedDigest(key_id=key_id, authentication_length=length, sequence=sequence, digest=digest)
    return keyed, trailer_at
