"""Router Discovery for IPv6 (RFC 4861 §4.1, §4.2): solicitations, and advertisements with prefixes.

A message counts only with hop limit 255, from an address of the link: no router has forwarded it (§6.1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Final, Self

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.net.ipv4 import IpProtocol, Octets, checksum, pseudo_header
from dmvpn.net.ipv6 import RouterPreference

ALL_NODES: Final = IPv6Address("ff02::1")
ALL_ROUTERS: Final = IPv6Address("ff02::2")
SOLICITATION, ADVERTISEMENT = 133, 134
#: The hop limit of a message that comes from the link.
HOP_LIMIT: Final = 255

_SOLICITATION: Final = struct.Struct("!BBHI")
_ADVERTISEMENT: Final = struct.Struct("!BBHBBHII")
_PREFIX: Final = struct.Struct("!BBBBIII16s")
_MTU: Final = struct.Struct("!BBHI")
_SOURCE_OPTION, _PREFIX_OPTION, _MTU_OPTION = 1, 3, 5
_MANAGED, _OTHER, _ON_LINK, _AUTONOMOUS = 0x80, 0x40, 0x80, 0x40


class AdvertisedPrefix(Value):
    """A prefix of the link (§4.6.2). valid, preferred: seconds, `INFINITE`: without end."""

    prefix: Prefix
    valid: int = 2_592_000
    preferred: int = 604_800
    on_link: bool = True
    autonomous: bool = True


class RouterAdvertisement(Value, kw_only=True):
    """What a router says of its link (§4.2).

    managed, other: hosts ask DHCPv6 for addresses, or for the rest alone.
    lifetime: seconds as a default router, 0: it is none.
    reachable, retransmit: milliseconds for neighbor discovery, 0: not said.
    link_address: of its port, 6 octets, or empty. mtu: octets, None: not said.
    """

    hop_limit: int = 64
    managed: bool = False
    other: bool = False
    preference: RouterPreference = RouterPreference.MEDIUM
    lifetime: int = 1800
    reachable: int = 0
    retransmit: int = 0
    link_address: bytes = b""
    mtu: int | None = None
    prefixes: tuple[AdvertisedPrefix, ...] = ()

    def serialize(self) -> bytes:
        """Encode; the checksum is left open."""
        flags = self.managed * _MANAGED | self.other * _OTHER | self.preference << 3
        said = self.hop_limit, flags, self.lifetime, self.reachable, self.retransmit
        pieces = [_ADVERTISEMENT.pack(ADVERTISEMENT, 0, 0, *said)]
        if self.link_address:
            pieces.append(bytes((_SOURCE_OPTION, 1)) + self.link_address)
        if self.mtu is not None:
            pieces.append(_MTU.pack(_MTU_OPTION, 1, 0, self.mtu))
        for one in self.prefixes:
            bits = one.on_link * _ON_LINK | one.autonomous * _AUTONOMOUS
            address, length = one.prefix.address.packed, one.prefix.length
            pieces.append(_PREFIX.pack(_PREFIX_OPTION, 4, length, bits, one.valid, one.preferred, 0, address))
        return b"".join(pieces)

    @classmethod
    def parse(cls, data: Octets, source: IPAddress, destination: IPAddress, hop_limit: int) -> Self:
        """Decode a message that came so, by the checks of §6.1.2. Raises WireError."""
        _check(data, source, destination, hop_limit, _ADVERTISEMENT.size)
        kind, _, _, hops, flags, lifetime, reachable, retransmit = _ADVERTISEMENT.unpack_from(data)
        if kind != ADVERTISEMENT or not is_link_local(source):
            raise WireError("no advertisement of a router of the link", offset=0, clause="RFC 4861 §6.1.2")
        link_address, mtu, prefixes = b"", None, []
        for option, body in _options(data, _ADVERTISEMENT.size):
            if option == _SOURCE_OPTION and len(body) == 8:
                link_address = bytes(body[2:])
            elif option == _MTU_OPTION and len(body) == _MTU.size:
                mtu = int(_MTU.unpack(body)[3])
            elif option == _PREFIX_OPTION and len(body) == _PREFIX.size:
                _, _, length, bits, valid, preferred, _, address = _PREFIX.unpack(body)
                if length <= 128 and preferred <= valid:  # RFC 4862 §5.5.3 (c)
                    prefix = Prefix.of(IPv6Address(address), length)
                    is_on, is_own = bool(bits & _ON_LINK), bool(bits & _AUTONOMOUS)
                    prefixes.append(AdvertisedPrefix(prefix, valid, preferred, is_on, is_own))
        return cls(
            hop_limit=hops,
            managed=bool(flags & _MANAGED),
            other=bool(flags & _OTHER),
            # RFC 4191 §2.2: the value that is reserved means medium.
            preference=RouterPreference(flags >> 3 & 3 if flags >> 3 & 3 != 2 else 0),
            lifetime=lifetime,
            reachable=reachable,
            retransmit=retransmit,
            link_address=link_address,
            mtu=mtu,
            prefixes=tuple(prefixes),
        )


def solicitation(hardware: bytes) -> bytes:
    """Encode a solicitation of routers; the checksum is left open. hardware: the sender's address on the link."""
    return _SOLICITATION.pack(SOLICITATION, 0, 0, 0) + (bytes((_SOURCE_OPTION, 1)) + hardware if hardware else b"")


def check_solicitation(data: Octets, source: IPAddress, destination: IPAddress, hop_limit: int) -> None:
    """Check a message that came so as a solicitation of routers, by §6.1.1. Raises WireError."""
    _check(data, source, destination, hop_limit, _SOLICITATION.size)
    options = list(_options(data, _SOLICITATION.size))
    is_named = any(option == _SOURCE_OPTION for option, _ in options)
    if data[0] != SOLICITATION or (source.is_unspecified and is_named):
        raise WireError("no solicitation of routers", offset=0, clause="RFC 4861 §6.1.1")


def _check(data: Octets, source: IPAddress, destination: IPAddress, hop_limit: int, octets: int) -> None:
    if len(data) < octets:
        raise WireError("a message of Router Discovery cut short", offset=len(data), clause="RFC 4861 §6.1")
    if hop_limit != HOP_LIMIT:
        raise WireError(f"hop limit {hop_limit}: it does not come from the link", offset=0, clause="RFC 4861 §6.1")
    if data[1]:
        raise WireError(f"code {data[1]}", offset=1, clause="RFC 4861 §6.1")
    if checksum(pseudo_header(source, destination, IpProtocol.ICMPV6, len(data)) + bytes(data)):
        raise WireError("ICMPv6 checksum is wrong", offset=2, clause="RFC 4443 §2.3")


def _options(data: Octets, place: int) -> Iterator[tuple[int, Octets]]:
    """Yield the options, each with its octets. Raises WireError, §6.1: one of them has length 0, or is cut short."""
    while place < len(data):
        end = place + data[place + 1] * 8 if place + 1 < len(data) else 0
        if not place < end <= len(data):
            raise WireError("an option of a wrong length", offset=place, clause="RFC 4861 §4.6")
        yield data[place], data[place:end]
        place = end
