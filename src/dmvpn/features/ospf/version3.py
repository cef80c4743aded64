"""The octets of OSPF version 3, which routes IPv6: packets and advertisements of RFC 5340 Appendix A.

What they say is said by the values of `packet` and `lsa`, and the same parts act on both versions. These differ:

    types       16 bits, three of which are the scope; a type with a meaning of version 2 has its number here, and an
                unknown type its own; `NOT_KEPT` is set besides if it is not to be kept
    options     of a body, not of the header of its advertisement; `LsaHeader.options` has them all the same
    names       mean nothing: networks and border routers stand in the body (`InterAreaBody`, `ExternalBody3`)
    routers     link to interfaces: `RouterLink.data` is the number of ours, `more` that of the neighbor's, and a
                transit network is the identifier of its designated router with the number of its interface
    prefixes    are apart from the links of routers: `LinkBody`, `PrefixesBody`

The checksum of a packet covers the addresses of IPv6, RFC 5340 §A.3.1. A packet with an authentication trailer has none
(RFC 7166 §4.3); `Options.TRAILER` of Hellos and descriptions announces it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Final, Self

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.errors import WireError
from dmvpn.features.ospf.lsa import (
    HEADER_LENGTH,
    NOT_KEPT,
    Body,
    ExternalBody,
    ExternalBody3,
    InterAreaBody,
    LinkBody,
    LinkType,
    Lsa,
    LsaHeader,
    LsaKey,
    LsaType,
    NetworkBody,
    Options,
    PrefixEntry,
    PrefixesBody,
    Referenced,
    RouterBody,
    RouterLink,
    SummaryBody,
    UnknownBody,
    sealed,
)
from dmvpn.features.ospf.model import HMAC_TRAILER, TRAILER
from dmvpn.features.ospf.packet import (
    CRYPTOGRAPHIC,
    Acknowledgment,
    Content,
    Description,
    Hello,
    LinkStateRequest,
    LinkStateUpdate,
    OspfPacket,
    PacketType,
    advertisements,
)
from dmvpn.net.ipv4 import checksum, ipv4_address, ipv6_address, pseudo_header

_CLAUSE: Final = "RFC 5340 §A.4"
#: The numbers of types in octets.
_CODES: Final[dict[int, int]] = {
    LsaType.ROUTER: 0x2001,
    LsaType.NETWORK: 0x2002,
    LsaType.SUMMARY: 0x2003,
    LsaType.BORDER_SUMMARY: 0x2004,
    LsaType.EXTERNAL: 0x4005,
    LsaType.NSSA_EXTERNAL: 0x2007,
    LsaType.LINK: 0x0008,
    LsaType.OPAQUE_LINK: 0x000B,  # the Grace-LSA of RFC 5187, which has a type of its own
    LsaType.PREFIXES: 0x2009,
}
_TYPES: Final = {code: kind for kind, code in _CODES.items()}
_U_BIT: Final = 0x8000  # routers that do not know the type keep it, and flood it in its scope
_SCOPES_KEPT: Final = (1, 2)  # an area, everywhere


def _type_of(code: int) -> int:
    kept = code & _U_BIT and code >> 13 & 3 in _SCOPES_KEPT
    return _TYPES.get(code, code if kept else code | NOT_KEPT)


def code_of(kind: int) -> int:
    """Return the number of a type in octets."""
    return _CODES.get(kind, kind & 0xFFFF)


# ------------------------------------------------------------------------------------------------ bodies


#: Prefix options, RFC 5340 §A.4.1.1: not for routes; an address of the router itself. P is `Options.NSSA`.
NO_UNICAST: Final = 0x01
LOCAL_ADDRESS: Final = 0x02


def external_body(
    prefix: Prefix,
    metric: int,
    is_type_2: bool = True,
    forwarding: IPAddress = UNSPECIFIED,
    tag: int = 0,
    *,
    is_down: bool = False,
) -> ExternalBody:
    """Return the body of an external route in the version that its prefix is for."""
    if prefix.version == 6:
        return ExternalBody3(UNSPECIFIED, metric, is_type_2, forwarding, tag, is_down=is_down, destination=prefix)
    return ExternalBody(ipv4_address(prefix.netmask.packed), metric, is_type_2, forwarding, tag, is_down=is_down)


def summary_body(prefix: Prefix, metric: int) -> SummaryBody:
    """Return the body of a network of another area in the version that its prefix is for."""
    if prefix.version == 6:
        return InterAreaBody(UNSPECIFIED, metric, destination=prefix)
    return SummaryBody(ipv4_address(prefix.netmask.packed), metric)


# ------------------------------------------------------------------------------------------------ octets of bodies


class _Reader:
    """Takes pieces of the octets of a body. Raises WireError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        start, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise WireError("LSA cut short", offset=HEADER_LENGTH + start, clause=_CLAUSE)
        return self._data[start : self._at]

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "big")

    def router(self) -> IPv4Address:
        return ipv4_address(self.take(4))

    def prefix(self) -> PrefixEntry:
        length, options, metric = self.number(1), self.number(1), self.number(2)
        if length > 128:
            raise WireError(f"prefix of {length} bits", offset=HEADER_LENGTH + self._at - 4, clause=_CLAUSE)
        address = ipv6_address(self.take((length + 31) // 32 * 4).ljust(16, b"\0"))
        return PrefixEntry(Prefix.of(address, length), metric, options)

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        if self._at != len(self._data):
            raise WireError("octets behind an LSA", offset=HEADER_LENGTH + self._at, clause=_CLAUSE)


def _prefix(entry: PrefixEntry) -> bytes:
    words = (entry.prefix.length + 31) // 32 * 4
    fixed = bytes((entry.prefix.length, entry.options)) + entry.metric.to_bytes(2, "big")
    return fixed + entry.prefix.address.packed[:words]


def _read_router(data: _Reader) -> tuple[Body, int]:
    flags, options, links = data.number(1), data.number(3), data.rest()
    if len(links) % _LINK.size:
        raise WireError("links of a router LSA cut short", offset=HEADER_LENGTH + 4, clause=_CLAUSE)
    return RouterBody(flags, tuple(_link(*fields) for fields in _LINK.iter_unpack(links))), options


_LINK = struct.Struct("!BxH4s4s4s")


def _link(kind: int, metric: int, ours: bytes, theirs: bytes, router: bytes) -> RouterLink:
    data, end = ipv4_address(ours), ipv4_address(router)
    if kind == LinkType.TRANSIT:
        return RouterLink(kind, (end, ipv4_address(theirs)), data, metric)
    return RouterLink(kind, end, data, metric, theirs)


def _write_link(link: RouterLink) -> bytes:
    router, theirs = (link.id[0], link.id[1].packed) if isinstance(link.id, tuple) else (link.id, link.more)
    return _LINK.pack(link.type, link.metric, link.data.packed, theirs, router.packed)


def _read_network(data: _Reader) -> tuple[Body, int]:
    options, routers = data.number(4) & 0xFFFFFF, data.rest()
    if len(routers) % 4:
        raise WireError("routers of a network LSA cut short", offset=HEADER_LENGTH + 4, clause=_CLAUSE)
    found = tuple(ipv4_address(routers[at : at + 4]) for at in range(0, len(routers), 4))
    return NetworkBody(UNSPECIFIED, found), options


def _read_summary(data: _Reader) -> tuple[Body, int]:
    metric, entry = data.number(4) & 0xFFFFFF, data.prefix()
    data.end()
    return InterAreaBody(UNSPECIFIED, metric, destination=entry.prefix), entry.options


def _read_border_summary(data: _Reader) -> tuple[Body, int]:
    options, metric = data.number(4) & 0xFFFFFF, data.number(4) & 0xFFFFFF
    return InterAreaBody(UNSPECIFIED, metric, destination=data.router()), options


_TYPE_2, _HAS_FORWARDING, _HAS_TAG = 0x04, 0x02, 0x01


def _read_external(data: _Reader) -> tuple[Body, int]:
    flags, metric, entry = data.number(1), data.number(3), data.prefix()
    forwarding: IPAddress = ipv6_address(data.take(16)) if flags & _HAS_FORWARDING else UNSPECIFIED
    tag = data.number(4) if flags & _HAS_TAG else 0
    about = entry.metric.to_bytes(2, "big") + data.take(4) if entry.metric else b""
    data.end()
    is_type_2 = bool(flags & _TYPE_2)
    return ExternalBody3(
        UNSPECIFIED, metric, is_type_2, forwarding, tag, about, destination=entry.prefix
    ), entry.options


def _write_external(body: ExternalBody3, options: int) -> bytes:
    flags = (_TYPE_2 if body.is_type_2 else 0) | (_HAS_FORWARDING if int(body.forwarding) else 0)
    head = bytes((flags | (_HAS_TAG if body.tag else 0),)) + body.metric.to_bytes(3, "big")
    entry = _prefix(PrefixEntry(body.destination, int.from_bytes(body.more[:2], "big"), options & Options.NSSA))
    forwarding = body.forwarding.packed if int(body.forwarding) else b""
    return head + entry + forwarding + (body.tag.to_bytes(4, "big") if body.tag else b"") + body.more[2:]


def _read_link(data: _Reader) -> tuple[Body, int]:
    priority, options, address, count = data.number(1), data.number(3), ipv6_address(data.take(16)), data.number(4)
    return LinkBody(priority, address, _entries(data, count)), options


def _read_prefixes(data: _Reader) -> tuple[Body, int]:
    count, kind, name, router = data.number(2), data.number(2), data.router(), data.router()
    return PrefixesBody(Referenced(_type_of(kind), name, router), _entries(data, count)), 0


def _entries(data: _Reader, count: int) -> tuple[PrefixEntry, ...]:
    found: list[PrefixEntry] = []
    while len(found) < count:  # each takes octets: their number bounds the work, whatever the count is
        found.append(data.prefix())
    data.end()
    return tuple(found)


_READ: Final[dict[int, Callable[[_Reader], tuple[Body, int]]]] = {
    LsaType.ROUTER: _read_router,
    LsaType.NETWORK: _read_network,
    LsaType.SUMMARY: _read_summary,
    LsaType.BORDER_SUMMARY: _read_border_summary,
    LsaType.EXTERNAL: _read_external,
    LsaType.NSSA_EXTERNAL: _read_external,
    LsaType.LINK: _read_link,
    LsaType.PREFIXES: _read_prefixes,
}


def _write(body: Body, options: int) -> bytes:
    """Encode a body. options: that it has. Raises struct.error and OverflowError if a number does not fit."""
    said = options.to_bytes(3, "big")
    match body:
        case RouterBody():
            return bytes((body.flags,)) + said + b"".join(_write_link(link) for link in body.links)
        case NetworkBody():
            return b"\0" + said + b"".join(router.packed for router in body.routers)
        case InterAreaBody(destination=Prefix() as prefix):
            return body.metric.to_bytes(4, "big") + _prefix(PrefixEntry(prefix))
        case InterAreaBody(destination=IPv4Address() as router):
            return b"\0" + said + body.metric.to_bytes(4, "big") + router.packed
        case ExternalBody3():
            return _write_external(body, options)
        case LinkBody():
            prefixes = b"".join(map(_prefix, body.prefixes))
            return (
                bytes((body.priority,)) + said + body.address.packed + len(body.prefixes).to_bytes(4, "big") + prefixes
            )
        case PrefixesBody(about=about):
            head = struct.pack("!HH", len(body.prefixes), code_of(about.type)) + about.id.packed + about.router.packed
            return head + b"".join(map(_prefix, body.prefixes))
        case UnknownBody(octets=octets):
            return octets
        case _:
            raise OverflowError(f"{type(body).__name__} is of version 2")


# ------------------------------------------------------------------------------------------------ advertisements


_LSA = struct.Struct("!HHIIIHH")


def _read_header(data: bytes, options: int = 0) -> LsaHeader:
    """Decode a header. options: of the body behind it. Raises WireError."""
    if len(data) < HEADER_LENGTH:
        raise WireError("LSA header cut short", offset=len(data), clause=_CLAUSE)
    age, code, name, router, sequence, total, length = _LSA.unpack_from(data)
    if length < HEADER_LENGTH:
        raise WireError(f"LSA of {length} octets", offset=18, clause=_CLAUSE)
    return LsaHeader(
        age=age,
        options=options,
        key=LsaKey.of_numbers(_type_of(code), name, router),
        sequence=sequence - (1 << 32) if sequence & 0x80000000 else sequence,
        checksum=total,
        length=length,
    )


def _write_header(header: LsaHeader) -> bytes:
    kind, *names = header.key
    return _LSA.pack(header.age, code_of(kind), *names, header.sequence & 0xFFFFFFFF, header.checksum, header.length)


class Lsa3(Lsa):
    """An advertisement of version 3, RFC 5340 §A.4."""

    __slots__ = ()

    @property
    def prefix(self) -> Prefix | None:
        """The network that it describes; None for other types, and for a prefix of a link, which has no routes."""
        body = self.body
        destination = body.destination if isinstance(body, (InterAreaBody, ExternalBody3)) else None
        if not isinstance(destination, Prefix) or destination.address.is_link_local:
            return None
        return destination

    @property
    def border(self) -> IPv4Address:
        """The border router that a summary describes."""
        destination = self.body.destination if isinstance(self.body, InterAreaBody) else None
        return destination if isinstance(destination, IPv4Address) else UNSPECIFIED

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode exactly one. Raises WireError."""
        header, content = _read_header(data), data[HEADER_LENGTH:]
        if header.length != len(data):
            raise WireError(f"LSA of {header.length} octets in {len(data)}", offset=18, clause=_CLAUSE)
        read = _READ.get(header.type)
        if read is None:
            return cls(header, UnknownBody(content), data)
        body, options = read(_Reader(content))
        return cls(_read_header(data, options), body, data)

    @classmethod
    def make(cls, key: LsaKey, body: Body, *, sequence: int, options: int, age: int = 0) -> Self:
        """Return one of our own, with its checksum. Raises struct.error and OverflowError if a number does not fit."""
        content = _write(body, options)
        kind, *names = key
        length = HEADER_LENGTH + len(content)
        octets = sealed(_LSA.pack(age, code_of(kind), *names, sequence & 0xFFFFFFFF, 0, length) + content)
        return cls(_read_header(octets, options), body, octets)


# ------------------------------------------------------------------------------------------------ packets


_HEADER = struct.Struct("!BBH4s4sHBx")
PACKET_HEADER = _HEADER.size
_VERSION: Final = 3
_PROTOCOL: Final = 89
_CHECKSUM_AT: Final = 12
_HELLO = struct.Struct("!4sIHH4s4s")
_DESCRIPTION = struct.Struct("!IHBBI")
_REQUEST = struct.Struct("!HHII")
_PACKETS: Final = "RFC 5340 §A.3"


@lru_cache(maxsize=64)
def parse(payload: bytes, source: IPAddress, destination: IPAddress) -> OspfPacket:
    """Decode a packet, once for all recipients of the same multicast. Raises WireError, of a wrong checksum, too."""
    if len(payload) < PACKET_HEADER:
        raise WireError("OSPF header cut short", offset=len(payload), clause=_PACKETS)
    version, kind, length, router, area, _, instance = _HEADER.unpack_from(payload)
    if version != _VERSION:
        raise WireError(f"OSPF version {version}", offset=0, clause=_PACKETS)
    if not PACKET_HEADER <= length <= len(payload):
        raise WireError(f"OSPF length {length} in {len(payload)} octets", offset=2, clause=_PACKETS)
    covered, rest = payload[:length], payload[length:]
    content = _content(kind, covered[PACKET_HEADER:])
    auth, trailer = _trailer(content, rest)
    if not auth and checksum(pseudo_header(source, destination, _PROTOCOL, length) + covered):
        raise WireError("wrong OSPF checksum", offset=_CHECKSUM_AT, clause=_PACKETS)
    return OspfPacket(
        router=ipv4_address(router),
        area=ipv4_address(area),
        content=content,
        auth_type=CRYPTOGRAPHIC if auth else 0,
        auth=auth or bytes(8),
        trailer=trailer,
        instance=instance,
    )


def _trailer(content: Content, rest: bytes) -> tuple[bytes, bytes]:
    """Return the fields of an authentication trailer, b"": there is none, and what follows them. rest: what follows
    the packet. Raises WireError.

    Hellos and descriptions say whether there is one; any other packet has one if something follows it (RFC 7166 §4.1).
    """
    options = content.options if isinstance(content, Hello | Description) else Options.TRAILER if rest else 0
    if not options & Options.TRAILER:
        return b"", rest
    at = 4 * int.from_bytes(rest[2:4], "big") if options & Options.LLS else 0
    auth = rest[at : at + TRAILER.size]
    if len(auth) < TRAILER.size or TRAILER.unpack(auth)[:2] != (HMAC_TRAILER, len(rest) - at):
        raise WireError("no whole authentication trailer", offset=PACKET_HEADER, clause="RFC 7166 §4.1")
    return auth, rest[at + TRAILER.size :]


def _content(kind: int, data: bytes) -> Content:
    match kind:
        case PacketType.HELLO if len(data) >= _HELLO.size and not len(data) % 4:
            number, said, interval, dead, designated, backup = _HELLO.unpack_from(data)
            return Hello(
                number=ipv4_address(number),
                interval=interval,
                options=said & 0xFFFFFF,
                priority=said >> 24,
                dead_interval=dead,
                designated=ipv4_address(designated),
                backup=ipv4_address(backup),
                neighbors=tuple([ipv4_address(data[at : at + 4]) for at in range(_HELLO.size, len(data), 4)]),
            )
        case PacketType.DESCRIPTION if len(data) >= _DESCRIPTION.size:
            options, mtu, _, flags, sequence = _DESCRIPTION.unpack_from(data)
            headers = _headers(data[_DESCRIPTION.size :])
            return Description(mtu=mtu, options=options & 0xFFFFFF, flags=flags, sequence=sequence, headers=headers)
        case PacketType.REQUEST if not len(data) % _REQUEST.size:
            wanted = _REQUEST.iter_unpack(data)
            return LinkStateRequest(tuple([LsaKey.of_numbers(_type_of(code), *names) for _, code, *names in wanted]))
        case PacketType.UPDATE:
            return LinkStateUpdate(advertisements(data, Lsa3))
        case PacketType.ACKNOWLEDGMENT:
            return Acknowledgment(_headers(data))
    raise WireError(f"OSPF packet type {kind} with {len(data)} octets", offset=1, clause=_PACKETS)


def _headers(data: bytes) -> tuple[LsaHeader, ...]:
    if len(data) % HEADER_LENGTH:
        raise WireError(f"LSA headers of {len(data)} octets", offset=PACKET_HEADER, clause=_PACKETS)
    return tuple([_read_header(data[at : at + HEADER_LENGTH]) for at in range(0, len(data), HEADER_LENGTH)])


def serialize(packet: OspfPacket, source: IPAddress, destination: IPAddress) -> bytes:
    """Encode a packet, with its checksum. Raises struct.error and OverflowError if a number does not fit."""
    said = packet.content
    if packet.auth_type and isinstance(said, Hello | Description):
        said = replace(said, options=said.options | Options.TRAILER)
    content = _serialize(said)
    length = PACKET_HEADER + len(content)
    fields = (_VERSION, packet.content.TYPE, length, packet.router.packed, packet.area.packed, 0, packet.instance)
    octets = bytearray(_HEADER.pack(*fields) + content)
    if packet.auth_type:
        return bytes(octets) + packet.auth + packet.trailer
    total = checksum(pseudo_header(source, destination, _PROTOCOL, length) + octets)
    octets[_CHECKSUM_AT : _CHECKSUM_AT + 2] = total.to_bytes(2, "big")
    return bytes(octets) + packet.trailer


def _serialize(content: Content) -> bytes:
    match content:
        case Hello():
            fixed = _HELLO.pack(
                content.number.packed,
                content.priority << 24 | content.options,
                content.interval,
                content.dead_interval,
                content.designated.packed,
                content.backup.packed,
            )
            return b"".join([fixed, *(neighbor.packed for neighbor in content.neighbors)])
        case Description():
            fixed = _DESCRIPTION.pack(content.options, content.mtu, 0, content.flags, content.sequence)
            return b"".join([fixed, *map(_write_header, content.headers)])
        case LinkStateRequest():
            return b"".join(_REQUEST.pack(0, code_of(kind), name, router) for kind, name, router in content.keys)
        case LinkStateUpdate():
            return content.serialize()
        case Acknowledgment():
            return b"".join(map(_write_header, content.headers))
