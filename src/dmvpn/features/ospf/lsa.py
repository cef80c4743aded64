"""Link state advertisements, RFC 2328 §12.1 and Appendix A.4, type 7 of RFC 3101; and the database of them, §12.

`Lsa.parse` takes the octets of one, `Lsa.make` builds one of our own with its checksum. The octets are kept: they are
flooded as they were received, except for the age. TOS metrics are obsolete and stay octets.

A `Database` is that of one scope: an area, or (type 5) all of OSPF. It keeps one instance of each LSA with its age, and
says when one of them grows too old. It makes no decisions: `events` and `flooding` decide what to flood, acknowledge
and originate again.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from dataclasses import field
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from itertools import accumulate
from operator import itemgetter
from typing import Final, NamedTuple, Self, cast

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix, mask_length
from dmvpn.base.context import Context, Timer
from dmvpn.base.errors import WireError
from dmvpn.base.values import Mutable, Value
from dmvpn.net.ipv4 import Octets, ipv4_address

# ------------------------------------------------------------------------------------------------ advertisements


_HEADER = struct.Struct("!HBBIIIHH")
HEADER_LENGTH = _HEADER.size
_LINK = struct.Struct("!4s4sBBH")
_CLAUSE: Final = "RFC 2328 §A.4"
_CHECKSUM_AT: Final = 16

#: Seconds: an advertisement so old is about to go, RFC 2328 Appendix B. It is refreshed at half of that.
MAX_AGE = 3600
REFRESH_AGE = 1800
#: Instances whose ages differ by less than this are as old as each other.
MAX_AGE_DIFFERENCE = 900
#: A metric that leads nowhere (types 3, 4, 5, 7); routers say it of links that are a last resort with 16 bits.
INFINITY = 0xFFFFFF
LAST_RESORT = 0xFFFF
#: The first sequence number and the last one (signed, RFC 2328 §12.1.6).
FIRST_SEQUENCE = -0x7FFFFFFF
LAST_SEQUENCE = 0x7FFFFFFF


class LsaType(enum.IntEnum):
    """RFC 2328 §A.4.1, RFC 3101 §2.2; opaque ones, of a link, an area, or all of OSPF: RFC 5250 §3.

    Version 3 has other numbers for the same things, see `version3`.
    """

    ROUTER = 1
    NETWORK = 2
    SUMMARY = 3
    BORDER_SUMMARY = 4
    EXTERNAL = 5
    NSSA_EXTERNAL = 7
    OPAQUE_LINK = 9
    OPAQUE_AREA = 10
    OPAQUE_AS = 11
    LINK = 8  # of version 3 alone (RFC 5340 §A.4.9, §A.4.10), as the next one
    PREFIXES = 0x2009


#: Types that go to those neighbors alone that say that they take them.
OPAQUE: Final = (LsaType.OPAQUE_LINK, LsaType.OPAQUE_AREA, LsaType.OPAQUE_AS)
#: Types that go everywhere but into stub areas.
EVERYWHERE: Final = (LsaType.EXTERNAL, LsaType.OPAQUE_AS)
#: An unknown type of version 3 that goes everywhere begins with these three bits, RFC 5340 §A.4.2.1.
UNKNOWN_EVERYWHERE: Final = 0b110
#: A bit of unknown types of version 3 that are acknowledged, and neither kept nor flooded.
NOT_KEPT: Final = 0x10000


def opaque_of(name: IPv4Address) -> tuple[int, int]:
    """Return the opaque type and identifier that the name of an opaque advertisement consists of, RFC 5250 §3."""
    return int(name) >> 24, int(name) & 0xFFFFFF


class LinkType(enum.IntEnum):
    """The type of a router's link, RFC 2328 §A.4.2."""

    POINT_TO_POINT = 1
    TRANSIT = 2
    STUB = 3
    VIRTUAL = 4


class Options(enum.IntFlag):
    """RFC 2328 §A.2, RFC 3101, RFC 4576, RFC 5613; of version 3: RFC 5340 §A.2, with E and N in the same places."""

    V6 = 0x01  # the router takes part in the routing of IPv6
    EXTERNAL = 0x02  # E: type 5 is known here
    MULTICAST = 0x04
    NSSA = 0x08  # N in Hellos, P in type 7: to be translated
    LOCAL_SIGNALING = 0x10  # L: a block behind the packet; in version 3 R: the router forwards
    DEMAND = 0x20
    OPAQUE = 0x40
    DOWN = 0x80  # DN in LSAs: a provider's router brought it in
    LLS = 0x200  # L of version 3: a block of link-local signaling behind the packet, RFC 5613 §2.1
    TRAILER = 0x400  # AT of version 3: an authentication trailer behind the packet, RFC 7166 §2.1


class RouterFlag(enum.IntFlag):
    """The roles of a router, RFC 2328 §A.4.2, RFC 3101 §2.4."""

    BORDER = 0x01  # B: of areas
    EXTERNAL = 0x02  # E: to the outside
    VIRTUAL = 0x04
    TRANSLATOR = 0x10


class LsaKey(tuple[int, int, int]):
    """The identity of an LSA, in all its instances, RFC 2328 §12.1: numbers, because an address hashes slowly."""

    __slots__ = ()

    type: int = property(itemgetter(0))  # type: ignore[assignment]

    def __new__(cls, kind: int, name: IPv4Address, router: IPv4Address) -> Self:
        """Make the key of the LSA of this type with this link state ID of this router."""
        return tuple.__new__(cls, (kind, int(name), int(router)))

    @classmethod
    def of_numbers(cls, kind: int, name: int, router: int) -> Self:
        """Make it of its numbers, as they are in packets."""
        return tuple.__new__(cls, (kind, name, router))

    def __getnewargs__(self) -> tuple[int, IPv4Address, IPv4Address]:
        return self.type, self.id, self.router

    def __repr__(self) -> str:
        return f"LsaKey({self.type}, {self.id}, {self.router})"

    @property
    def id(self) -> IPv4Address:
        """The link state ID."""
        return IPv4Address(self[1])

    @property
    def router(self) -> IPv4Address:
        """The advertising router."""
        return IPv4Address(self[2])


class LsaHeader(Value, kw_only=True):
    """RFC 2328 §A.4.1. age: seconds. options: in version 3 of the body. sequence: signed."""

    age: int
    options: int
    key: LsaKey
    sequence: int
    checksum: int
    length: int

    @classmethod
    def parse(cls, data: Octets) -> Self:
        """Decode the first 20 octets. Raises WireError."""
        if len(data) < HEADER_LENGTH:
            raise WireError("LSA header cut short", offset=len(data), clause=_CLAUSE)
        age, options, kind, ls_id, router, sequence, checksum, length = _HEADER.unpack_from(data)
        if length < HEADER_LENGTH:
            raise WireError(f"LSA of {length} octets", offset=18, clause=_CLAUSE)
        return cls(
            age=age,
            options=options,
            key=LsaKey.of_numbers(kind, ls_id, router),
            sequence=sequence - (1 << 32) if sequence & 0x80000000 else sequence,
            checksum=checksum,
            length=length,
        )

    @property
    def type(self) -> int:
        """The type of the LSA."""
        return self.key[0]

    @property
    def id(self) -> IPv4Address:
        """Its link state ID."""
        return self.key.id

    @property
    def router(self) -> IPv4Address:
        """Its advertising router."""
        return self.key.router

    def serialize(self) -> bytes:
        """Encode, 20 octets."""
        return _HEADER.pack(
            self.age,
            self.options,
            *self.key,
            self.sequence & 0xFFFFFFFF,
            self.checksum,
            self.length,
        )


def newer(one: LsaHeader, other: LsaHeader) -> int:
    """Compare instances: 1: `one` is the newer one, -1: `other` is, 0: they are the same.

    RFC 2328 §13.1; ages as of now.
    """
    for ours, theirs in ((one.sequence, other.sequence), (one.checksum, other.checksum)):
        if ours != theirs:
            return 1 if ours > theirs else -1
    gone, gone_too = one.age >= MAX_AGE, other.age >= MAX_AGE
    if gone != gone_too:
        return 1 if gone else -1
    if abs(one.age - other.age) > MAX_AGE_DIFFERENCE:
        return 1 if one.age < other.age else -1
    return 0


# ------------------------------------------------------------------------------------------------ bodies


#: A vertex of the graph: a router, by its identifier, or a network, by the address of its designated router; in version
#: 3 that is a pair, the identifier of this router and the number of its interface there.
VertexId = IPv4Address | tuple[IPv4Address, IPv4Address]


class RouterLink(Value):
    """One link of a router. id, data: as RFC 2328 §A.4.2 has them for the type. more: metrics per type of service.

    Version 3: see `version3`.
    """

    type: int
    id: VertexId
    data: IPv4Address
    metric: int
    more: bytes = b""


class RouterBody(Value):
    """Type 1: the roles of a router, and its links. spare: the octet behind the flags."""

    flags: int
    links: tuple[RouterLink, ...]
    spare: int = 0

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode what follows the header. Raises WireError."""
        if len(data) < 4:
            raise WireError("router LSA cut short", offset=HEADER_LENGTH, clause=_CLAUSE)
        count, at = int.from_bytes(data[2:4], "big"), 4
        links = []
        for _ in range(count):
            if len(data) < at + _LINK.size:
                raise WireError("links of a router LSA cut short", offset=HEADER_LENGTH + at, clause=_CLAUSE)
            ls_id, link_data, kind, services, metric = _LINK.unpack_from(data, at)
            end = at + _LINK.size + 4 * services
            if len(data) < end:
                raise WireError("metrics of a router LSA cut short", offset=HEADER_LENGTH + at, clause=_CLAUSE)
            more = data[at + _LINK.size : end]
            links.append(RouterLink(kind, ipv4_address(ls_id), ipv4_address(link_data), metric, more))
            at = end
        if at != len(data):
            raise WireError("a router LSA longer than its links", offset=HEADER_LENGTH + at, clause=_CLAUSE)
        return cls(data[0], tuple(links), data[1])

    def serialize(self) -> bytes:
        """Encode."""
        parts = [bytes((self.flags, self.spare)), len(self.links).to_bytes(2, "big")]
        for link in self.links:
            end = cast("IPv4Address", link.id)  # in version 2
            parts.append(_LINK.pack(end.packed, link.data.packed, link.type, len(link.more) // 4, link.metric))
            parts.append(link.more)
        return b"".join(parts)


class NetworkBody(Value):
    """Type 2: the mask of a network, and the routers on it."""

    mask: IPv4Address
    routers: tuple[IPv4Address, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode what follows the header. Raises WireError."""
        if len(data) < 4 or len(data) % 4:
            raise WireError(f"network LSA of {len(data)} octets", offset=HEADER_LENGTH, clause=_CLAUSE)
        mask, *routers = (ipv4_address(data[at : at + 4]) for at in range(0, len(data), 4))
        return cls(mask, tuple(routers))

    def serialize(self) -> bytes:
        """Encode."""
        return b"".join([self.mask.packed, *(router.packed for router in self.routers)])


class SummaryBody(Value):
    """Types 3 and 4: a network or a border router in another area. more: metrics per type of service."""

    mask: IPv4Address
    metric: int
    more: bytes = b""
    spare: int = 0

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode what follows the header. Raises WireError."""
        if len(data) < 8 or len(data) % 4:
            raise WireError(f"summary LSA of {len(data)} octets", offset=HEADER_LENGTH, clause=_CLAUSE)
        return cls(ipv4_address(data[:4]), int.from_bytes(data[5:8], "big"), data[8:], data[4])

    def serialize(self) -> bytes:
        """Encode."""
        return self.mask.packed + bytes((self.spare,)) + self.metric.to_bytes(3, "big") + self.more


class ExternalBody(Value):
    """Types 5 and 7. is_type_2: the metric outweighs any internal cost. forwarding: 0.0.0.0 means the advertising
    router.

    spare: the other bits of the octet before the metric.
    is_down: of LSAs that we originate: their header gets the DN bit.
    """

    mask: IPv4Address
    metric: int
    is_type_2: bool = True
    forwarding: IPAddress = UNSPECIFIED
    tag: int = 0
    more: bytes = b""
    spare: int = 0
    is_down: bool = False

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode what follows the header. Raises WireError."""
        if len(data) < 16 or (len(data) - 16) % 12:
            raise WireError(f"external LSA of {len(data)} octets", offset=HEADER_LENGTH, clause=_CLAUSE)
        return cls(
            ipv4_address(data[:4]),
            int.from_bytes(data[5:8], "big"),
            bool(data[4] & 0x80),
            ipv4_address(data[8:12]),
            int.from_bytes(data[12:16], "big"),
            data[16:],
            data[4] & 0x7F,
        )

    def serialize(self) -> bytes:
        """Encode."""
        kind = bytes((self.spare | (0x80 if self.is_type_2 else 0),))
        head = self.mask.packed + kind + self.metric.to_bytes(3, "big")
        return head + self.forwarding.packed + self.tag.to_bytes(4, "big") + self.more


class PrefixEntry(NamedTuple):
    """A prefix of a link or a router, RFC 5340 §A.4.1. options: see `version3`."""

    prefix: Prefix
    metric: int = 0
    options: int = 0


class InterAreaBody(SummaryBody, Value):
    """A network or a border router in another area, RFC 5340 §A.4.5, §A.4.6. mask: means nothing."""

    destination: Prefix | IPv4Address = UNSPECIFIED


class ExternalBody3(ExternalBody, Value):
    """An external network, RFC 5340 §A.4.7. mask: means nothing. forwarding: 0.0.0.0: none. more: of the advertisement
    that it refers to, type and name.
    """

    destination: Prefix = Prefix.of(IPv6Address(0), 0)


class LinkBody(Value):
    """The link-local address of a router on a link, and prefixes of the link, RFC 5340 §A.4.9."""

    priority: int
    address: IPv6Address
    prefixes: tuple[PrefixEntry, ...] = ()


class Referenced(NamedTuple):
    """The advertisement that prefixes belong to: its type, link state ID and router, RFC 5340 §A.4.10."""

    type: int
    id: IPv4Address
    router: IPv4Address


class PrefixesBody(Value):
    """Prefixes of a router or of a transit network, RFC 5340 §A.4.10."""

    about: Referenced
    prefixes: tuple[PrefixEntry, ...]


class UnknownBody(Value):
    """A type that we do not know."""

    octets: bytes

    def serialize(self) -> bytes:
        """Return the octets as they came."""
        return self.octets


Body = RouterBody | NetworkBody | SummaryBody | ExternalBody | LinkBody | PrefixesBody | UnknownBody

_PARSERS: Final[dict[int, type[RouterBody | NetworkBody | SummaryBody | ExternalBody]]] = {
    LsaType.ROUTER: RouterBody,
    LsaType.NETWORK: NetworkBody,
    LsaType.SUMMARY: SummaryBody,
    LsaType.BORDER_SUMMARY: SummaryBody,
    LsaType.EXTERNAL: ExternalBody,
    LsaType.NSSA_EXTERNAL: ExternalBody,
}


# ------------------------------------------------------------------------------------------------ the whole


class Lsa(Value):
    """An advertisement. octets: all of it, as it came or as it was made."""

    header: LsaHeader
    body: Body
    octets: bytes = field(repr=False)

    @property
    def key(self) -> LsaKey:
        """Its name."""
        return self.header.key

    @property
    def is_sound(self) -> bool:
        """Whether the checksum is correct."""
        covered = self.octets[2:]
        return not sum(covered) % 255 and not sum(accumulate(covered)) % 255

    @property
    def prefix(self) -> Prefix | None:
        """The network that an LSA of type 2, 3, 5 or 7 describes; None for other types, and if the mask has gaps."""
        if not isinstance(self.body, (NetworkBody, SummaryBody, ExternalBody)):
            return None
        length = mask_length(self.body.mask)
        return None if length is None else Prefix.of(self.header.id, length)

    @property
    def border(self) -> IPv4Address:
        """The border router that an LSA of type 4 describes."""
        return self.header.id

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode exactly one. Raises WireError."""
        header = LsaHeader.parse(data)
        if header.length != len(data):
            raise WireError(f"LSA of {header.length} octets in {len(data)}", offset=18, clause=_CLAUSE)
        parser = _PARSERS.get(header.type)
        content = data[HEADER_LENGTH:]
        return cls(header, parser.parse(content) if parser is not None else UnknownBody(content), data)

    @classmethod
    def make(cls, key: LsaKey, body: Body, *, sequence: int, options: int, age: int = 0) -> Self:
        """Return one of our own, with its checksum. Raises struct.error and OverflowError if a number does not fit."""
        content = cast("RouterBody", body).serialize()  # as the others of version 2
        draft = LsaHeader(
            age=age,
            options=options,
            key=key,
            sequence=sequence,
            checksum=0,
            length=HEADER_LENGTH + len(content),
        ).serialize()
        octets = sealed(draft + content)
        return cls(LsaHeader.parse(octets), body, octets)

    def at_age(self, age: int) -> bytes:
        """Return its octets at this age, seconds."""
        return min(age, MAX_AGE).to_bytes(2, "big") + self.octets[2:]


def sealed(draft: bytes) -> bytes:
    """Return an LSA with its checksum, which is 0 in the draft."""
    return draft[:_CHECKSUM_AT] + fletcher(draft).to_bytes(2, "big") + draft[_CHECKSUM_AT + 2 :]


def fletcher(octets: bytes) -> int:
    """Return the checksum of an LSA (with zeros in its place), RFC 905 Appendix B: the age does not count."""
    covered = octets[2:]
    first, second = sum(covered), sum(accumulate(covered))
    high = ((len(covered) - (_CHECKSUM_AT - 2) - 1) * first - second) % 255 or 255
    return high << 8 | ((-first - high) % 255 or 255)


# ---------------------------------------------------------------------------------------------- the link-state database


#: Seconds that an instance must have been here before a newer one is taken: IOS-XE 17's, RFC 2328 has 1 s.
MINIMUM_ARRIVAL: Final = 0.1
_OVERHEAD: Final = 64


class DatabaseEntry(Mutable, eq=False):
    """An instance in the database. arrived: seconds monotonic, when it had the age of its header.

    early: it came so soon after the one before that the next one may not.
    """

    lsa: Lsa
    arrived: float
    early: bool
    expiry: Timer

    def age(self, now: float) -> int:
        """Return its age in seconds, MAX_AGE at most."""
        return min(MAX_AGE, self.lsa.header.age + int(now - self.arrived))

    def may_be_replaced(self, now: float, arrival: float = MINIMUM_ARRIVAL) -> bool:
        """Return whether it has been here for long enough that a newer instance is taken. RFC 2328 §13 (5a).

        One instance may come early: a copy by way of another router may overtake the originator's own; a second one may
        not. arrival: seconds.
        """
        return not self.early or now - self.arrived >= arrival

    def outgoing(self, now: float, delay: int) -> Lsa:
        """Return the advertisement as it leaves: with its age, plus the transmission delay. delay: seconds."""
        return Lsa(self.lsa.header, self.lsa.body, self.lsa.at_age(self.age(now) + delay))

    def header(self, now: float) -> LsaHeader:
        """Return its header as of now."""
        header = self.lsa.header
        return LsaHeader(
            age=self.age(now),
            options=header.options,
            key=header.key,
            sequence=header.sequence,
            checksum=header.checksum,
            length=header.length,
        )


class Database:
    """The advertisements of one scope, by key. expired(key): called by a timer when one reaches MAX_AGE here."""

    def __init__(self, context: Context, expired: Callable[[LsaKey], None]) -> None:
        self.entries: dict[LsaKey, DatabaseEntry] = {}
        #: LSAs at MAX_AGE: removed as soon as all neighbors have acknowledged them. An ordered set.
        self.dying: dict[LsaKey, None] = {}
        #: What it takes: octets of the advertisements, and something for each.
        self.size = 0
        #: How many there are of each router that made them.
        self.by_router: dict[int, int] = {}
        self._context = context
        self._expired = expired

    def get(self, key: LsaKey) -> DatabaseEntry | None:
        """Return the instance that we have, or None."""
        return self.entries.get(key)

    def living(self) -> list[tuple[LsaKey, DatabaseEntry]]:
        """Return the advertisements that are not at MAX_AGE: the others take no part in calculations."""
        return [(key, entry) for key, entry in self.entries.items() if key not in self.dying]

    def compare(self, header: LsaHeader) -> int:
        """Compare instances: 1: this header is newer than our instance (or we have none), 0: the same, -1: older."""
        entry = self.entries.get(header.key)
        return 1 if entry is None else newer(header, entry.header(self._context.now))

    def install(self, lsa: Lsa, arrival: float = MINIMUM_ARRIVAL) -> bool:
        """Take this instance in the place of the one before. True: its content differs, RFC 2328 §13.2.

        arrival: seconds that an instance is here at least.
        """
        key, now = lsa.key, self._context.now
        old = self.entries.get(key)
        if old is not None:
            self._context.stop(old.expiry)
            self.size -= size_of(old.lsa)
        else:
            self.by_router[key[2]] = self.by_router.get(key[2], 0) + 1
        self.size += size_of(lsa)
        early = old is not None and now - old.arrived < arrival
        entry = self.entries[key] = DatabaseEntry(
            lsa, now, early, Timer("an LSA reaches MaxAge", partial(self._expired, key), key)
        )
        if lsa.header.age >= MAX_AGE:
            self.dying[key] = None
        else:
            self.dying.pop(key, None)
            self._context.start(entry.expiry, MAX_AGE - lsa.header.age)
        return old is None or _says_another_thing(old.lsa, lsa)

    def remove(self, key: LsaKey) -> None:
        """Forget it; it need not be there."""
        entry = self.entries.pop(key, None)
        self.dying.pop(key, None)
        if entry is not None:
            self._context.stop(entry.expiry)
            self.size -= size_of(entry.lsa)
            self.by_router[key[2]] -= 1
            if not self.by_router[key[2]]:
                del self.by_router[key[2]]

    def close(self) -> None:
        """Forget everything."""
        for key in list(self.entries):
            self.remove(key)

    def checksum_sum(self, kind: LsaType | None = None) -> int:
        """Return the sum of all checksums, by which people compare databases."""
        return sum(entry.lsa.header.checksum for key, entry in self.entries.items() if kind in (None, key.type))

    def expire(self, key: LsaKey) -> DatabaseEntry | None:
        """Note that an instance has reached MAX_AGE, and return it: it goes as soon as all neighbors know."""
        self.dying[key] = None
        return self.entries.get(key)


def size_of(lsa: Lsa) -> int:
    """Return the share of an LSA in the size of a database."""
    return len(lsa.octets) + _OVERHEAD


def _says_another_thing(old: Lsa, new: Lsa) -> bool:
    gone, gone_too = old.header.age >= MAX_AGE, new.header.age >= MAX_AGE
    return gone != gone_too or old.header.options != new.header.options or old.body != new.body
