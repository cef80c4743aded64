"""Path attributes, RFC 4271 §5: as one value, as octets, and what happens to damaged ones (RFC 7606).

Each attribute is a row of `AttributeCode`: its code and flags, its field of `Attributes`, how it is read and written,
and its explanation. AS numbers have four octets in `Attributes`.

`read` turns the attributes of an UPDATE into `Attributes` or raises `Withdraw`: the routes of the message are treated
as withdrawn, and the session stays up. Damaged attributes that the route can do without are discarded instead, and
`read` returns their names. `write` is the reverse.

With a peer that supports only two-octet AS numbers, AS4_PATH carries the real path (RFC 6793).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import IPv4Address
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar, cast

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.features.bgp.packet import AS_TRANS, Attribute, ErrorCode, MessageError, UpdateError

V = TypeVar("V")

_OPTIONAL: Final = 0x80
_TRANSITIVE: Final = 0x40
_BOTH: Final = _OPTIONAL | _TRANSITIVE
_PARTIAL: Final = 0x20
_EXTENDED: Final = 0x10
#: Maximum AS numbers in a segment, whose count has one octet.
SEGMENT_LIMIT: Final = 255


class Origin(enum.IntEnum):
    """ORIGIN, RFC 4271 §5.1.1; the lowest value is preferred."""

    IGP = 0
    EGP = 1
    INCOMPLETE = 2


class SegmentKind(enum.IntEnum):
    """RFC 4271 §4.3, RFC 5065 §3."""

    SET = 1
    SEQUENCE = 2
    CONFEDERATION_SEQUENCE = 3
    CONFEDERATION_SET = 4


class Community(enum.IntEnum):
    """Well-known communities: RFC 1997, RFC 8326."""

    GRACEFUL_SHUTDOWN = 0xFFFF0000
    NO_EXPORT = 0xFFFFFF01
    NO_ADVERTISE = 0xFFFFFF02
    NO_EXPORT_SUBCONFED = 0xFFFFFF03


_WRITTEN: Final = {
    SegmentKind.SEQUENCE: ("", " ", ""),
    SegmentKind.SET: ("{", ",", "}"),
    SegmentKind.CONFEDERATION_SEQUENCE: ("(", " ", ")"),
    SegmentKind.CONFEDERATION_SET: ("[", ",", "]"),
}


class Segment(Value):
    """A segment of an AS path."""

    kind: SegmentKind
    systems: tuple[int, ...]

    @property
    def is_inside(self) -> bool:
        """Whether the segment holds member ASes of a confederation, which are removed outside it (RFC 5065 §4)."""
        return self.kind in (SegmentKind.CONFEDERATION_SEQUENCE, SegmentKind.CONFEDERATION_SET)


class Aggregator(Value):
    """RFC 4271 §5.1.7."""

    autonomous_system: int
    address: IPv4Address


class Attributes(Value, kw_only=True):
    """Path attributes of a route. med, local_pref: None if absent. `others`: unknown attributes that we
    only pass on.
    """

    origin: Origin = Origin.IGP
    path: tuple[Segment, ...] = ()
    next_hop: IPAddress
    med: int | None = None
    local_pref: int | None = None
    atomic: bool = False
    aggregator: Aggregator | None = None
    communities: tuple[int, ...] = ()
    originator: IPv4Address | None = None
    clusters: tuple[IPv4Address, ...] = ()
    extended: tuple[bytes, ...] = ()
    large: tuple[bytes, ...] = ()
    others: tuple[Attribute, ...] = ()

    @property
    def path_length(self) -> int:
        """AS hops; a set counts as one, RFC 4271 §9.1.2.2."""
        return sum(
            len(part.systems) if part.kind is SegmentKind.SEQUENCE else 1
            for part in self.path
            if part.kind in (SegmentKind.SEQUENCE, SegmentKind.SET)
        )

    @property
    def neighbor_system(self) -> int:
        """The neighboring AS outside our confederation that sent the route; 0: the route is from our own AS."""
        first = next((part for part in self.path if not part.is_inside), None)
        return first.systems[0] if first is not None and first.kind is SegmentKind.SEQUENCE else 0

    @property
    def extended_numbers(self) -> tuple[int, ...]:
        """The extended communities as integers, the form that `base.communities` uses."""
        return tuple(int.from_bytes(one, "big") for one in self.extended)

    @property
    def large_numbers(self) -> tuple[int, ...]:
        """The large communities as integers."""
        return tuple(int.from_bytes(one, "big") for one in self.large)

    @property
    def systems(self) -> tuple[int, ...]:
        """All AS numbers in the path."""
        return tuple(system for part in self.path for system in part.systems)


def prepended(
    path: tuple[Segment, ...], *systems: int, kind: SegmentKind = SegmentKind.SEQUENCE
) -> tuple[Segment, ...]:
    """Return the path with these AS numbers prepended, RFC 4271 §5.1.2, RFC 5065 §4."""
    if path and path[0].kind is kind and len(path[0].systems) + len(systems) <= SEGMENT_LIMIT:
        return Segment(kind, systems + path[0].systems), *path[1:]
    return Segment(kind, systems), *path


def outside(path: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Return the path without the member ASes of our confederation, as it is sent outside."""
    return tuple(part for part in path if not part.is_inside)


def path_text(path: tuple[Segment, ...]) -> str:
    """Return the path in the form of the shows: sets in braces, confederation segments in parentheses or brackets."""
    return " ".join(_segment_text(part) for part in path)


def _segment_text(part: Segment) -> str:
    before, between, after = _WRITTEN[part.kind]
    return before + between.join(map(str, part.systems)) + after


class Withdraw(WireError):
    """The routes of the message are treated as withdrawn, RFC 7606 §2."""


class _Codec(Value, Generic[V]):
    """How a value is read from octets and written to them. Both get the octets of an AS number in this session.

    read: raises ValueError. write: None if the value needs no attribute.
    """

    read: Callable[[bytes, int], V]
    write: Callable[[V, int], bytes | None]


def _path(value: bytes, size: int) -> tuple[Segment, ...]:
    """Parse the AS path, RFC 7606 §7.2. Raises ValueError."""
    parts: list[Segment] = []
    at = 0
    while at < len(value):
        if at + 2 > len(value) or not value[at + 1] or at + 2 + size * value[at + 1] > len(value):
            raise ValueError("a segment that does not fit")
        end = at + 2 + size * value[at + 1]
        systems = tuple(int.from_bytes(value[start : start + size], "big") for start in range(at + 2, end, size))
        parts.append(Segment(SegmentKind(value[at]), systems))
        at = end
    return tuple(parts)


def _path4(value: bytes, size: int) -> tuple[Segment, ...]:
    parts = _path(value, 4) if size == 2 else ()
    return tuple(part for part in parts if part.kind in (SegmentKind.SEQUENCE, SegmentKind.SET))


def _next_hop(value: bytes, _: int) -> IPv4Address:
    hop = IPv4Address(_number(value, 4))
    if hop.is_multicast or hop.is_loopback or hop.is_unspecified or int(hop) >= 0xF0000000:
        raise ValueError(f"{hop} is not a valid next hop")
    return hop


def _aggregator(value: bytes, size: int) -> Aggregator:
    number = _number(value, size + 4)
    return Aggregator(number >> 32, IPv4Address(number & 0xFFFFFFFF))


def _number(value: bytes, octets: int) -> int:
    if len(value) != octets:
        raise ValueError(f"{len(value)} octets")
    return int.from_bytes(value, "big")


def _pieces(value: bytes, size: int) -> list[bytes]:
    if not value or len(value) % size:
        raise ValueError(f"{len(value)} octets")
    return [value[at : at + size] for at in range(0, len(value), size)]


def _path_octets(path: tuple[Segment, ...], size: int) -> bytes:
    """Encode the AS path. A segment of more than 255 numbers is split into several (a set into several sets)."""
    pieces = (
        (part.kind, part.systems[at : at + SEGMENT_LIMIT])
        for part in path
        for at in range(0, len(part.systems), SEGMENT_LIMIT)
    )
    return b"".join(
        bytes((kind, len(systems))) + b"".join(_system(system, size) for system in systems) for kind, systems in pieces
    )


def _path4_octets(path: tuple[Segment, ...], size: int) -> bytes | None:
    """Encode AS4_PATH, RFC 6793 §3."""
    is_needed = size == 2 and any(system >> 16 for part in path for system in part.systems)
    return _path_octets(outside(path), 4) if is_needed else None


def _aggregator_octets(aggregator: Aggregator, size: int) -> bytes:
    return _system(aggregator.autonomous_system, size) + aggregator.address.packed


def _aggregator4_octets(aggregator: Aggregator, size: int) -> bytes | None:
    return _aggregator_octets(aggregator, 4) if size == 2 and aggregator.autonomous_system >> 16 else None


def _four_octets(number: int) -> bytes:
    return number.to_bytes(4, "big")


def _system(number: int, size: int) -> bytes:
    return (number if size == 4 or number < 1 << 16 else AS_TRANS).to_bytes(size, "big")


def _list(octets: int, read: Callable[[bytes], V], write: Callable[[V], bytes]) -> _Codec[tuple[V, ...]]:
    """Return the codec of a list of values of so many octets."""
    return _Codec(
        lambda value, _: tuple(map(read, _pieces(value, octets))), lambda values, _: b"".join(map(write, values))
    )


_ORIGIN: Final = _Codec(lambda value, _: Origin(_number(value, 1)), lambda origin, _: bytes((origin,)))
_PATH: Final = _Codec(_path, _path_octets)
_AS4_PATH: Final = _Codec(_path4, _path4_octets)
_NUMBER: Final = _Codec(lambda value, _: _number(value, 4), lambda number, _: _four_octets(number))
_FLAG: Final = _Codec(lambda value, _: _number(value, 0) == 0, lambda *_: b"")
_ADDRESS: Final = _Codec(lambda value, _: IPv4Address(_number(value, 4)), lambda address, _: address.packed)
#: Next hops of other families are in MP_REACH_NLRI.
_NEXT_HOP: Final = _Codec(_next_hop, lambda hop, _: hop.packed if hop.version == 4 else None)
_COMMUNITIES: Final = _list(4, int.from_bytes, _four_octets)
_CLUSTERS: Final = _list(4, IPv4Address, attrgetter("packed"))
_EXTENDED_COMMUNITIES: Final = _list(8, bytes, bytes)
#: Duplicates are removed, RFC 8092 §5.
_LARGE: Final = _Codec(lambda value, _: tuple(dict.fromkeys(_pieces(value, 12))), _EXTENDED_COMMUNITIES.write)
_AGGREGATOR: Final = _Codec(_aggregator, _aggregator_octets)
_AS4_AGGREGATOR: Final = _Codec(lambda value, _: _aggregator(value, 4), _aggregator4_octets)


#: No route is without it. It is written also with a value of zero, or an empty path. A damaged one is discarded and the
#: route kept, RFC 7606 §7.6, §7.7, RFC 6793 §6.
_NEEDED, _KEPT, _DISPENSABLE = 1, 2, 4
#: An external peer's is ignored, RFC 7606 §7.5, §7.9, §7.10; but not that of a peer in another member AS of our
#: confederation, RFC 5065 §4.
_INTERNAL, _INSIDE = 8, 16


class _Row(Value):
    """A path attribute.

    field: of `Attributes`, whose value is one of the codec; "": the attribute belongs to another address family.
    meaning: for `dmvpn explain`.
    traits: some of those above.
    """

    code: int
    flags: int
    field: str
    codec: _Codec[Any]
    meaning: str
    traits: int = 0


class AttributeCode(enum.IntEnum):
    """Every attribute that is known, RFC 4271 §5.1 and the documents named by the IANA registry.

    A new attribute is a row here and a field of `Attributes`.
    """

    row: _Row

    def __new__(cls, row: _Row) -> AttributeCode:
        """Make the member of a row."""
        member = int.__new__(cls, row.code)
        member._value_, member.row = row.code, row
        return member

    ORIGIN = _Row(1, _TRANSITIVE, "origin", _ORIGIN, "Where the route came from in its own AS.", _NEEDED | _KEPT)
    AS_PATH = _Row(2, _TRANSITIVE, "path", _PATH, "The autonomous systems on the way.", _NEEDED | _KEPT)
    NEXT_HOP = _Row(3, _TRANSITIVE, "next_hop", _NEXT_HOP, "The address that packets go to.", _NEEDED)
    MULTI_EXIT_DISC = _Row(
        4,
        _OPTIONAL,
        "med",
        _NUMBER,
        "The metric (MED): of two paths into one AS the one with the smaller MED is used.",
        _KEPT,
    )
    LOCAL_PREF = _Row(
        5,
        _TRANSITIVE,
        "local_pref",
        _NUMBER,
        "The preference inside our AS: the path with the largest is used.",
        _KEPT | _INTERNAL | _INSIDE,
    )
    ATOMIC_AGGREGATE = _Row(
        6, _TRANSITIVE, "atomic", _FLAG, "Its AS path may omit systems behind some of its parts.", _DISPENSABLE
    )
    AGGREGATOR = _Row(
        7, _BOTH, "aggregator", _AGGREGATOR, "The AS and router ID of the router that made the aggregate.", _DISPENSABLE
    )
    COMMUNITIES = _Row(8, _BOTH, "communities", _COMMUNITIES, "Marks of administrators. [RFC 1997]")
    ORIGINATOR_ID = _Row(
        9,
        _OPTIONAL,
        "originator",
        _ADDRESS,
        "The router from which a route reflector learned the route. [RFC 4456 §8]",
        _INTERNAL,
    )
    CLUSTER_LIST = _Row(10, _OPTIONAL, "clusters", _CLUSTERS, "The reflectors on the way. [RFC 4456 §8]", _INTERNAL)
    MP_REACH_NLRI = _Row(14, _OPTIONAL, "", _FLAG, "Routes of another family than IPv4 unicast. [RFC 4760 §3]")
    MP_UNREACH_NLRI = _Row(15, _OPTIONAL, "", _FLAG, "Withdrawals of another family. [RFC 4760 §4]")
    EXTENDED_COMMUNITIES = _Row(16, _BOTH, "extended", _EXTENDED_COMMUNITIES, "Marks of eight octets. [RFC 4360]")
    AS4_PATH = _Row(
        17,
        _BOTH,
        "path",
        _AS4_PATH,
        "The path in AS numbers of four octets, carried across routers that know only two. [RFC 6793 §3]",
        _DISPENSABLE,
    )
    AS4_AGGREGATOR = _Row(
        18, _BOTH, "aggregator", _AS4_AGGREGATOR, "The aggregator, likewise. [RFC 6793 §3]", _DISPENSABLE
    )
    LARGE_COMMUNITIES = _Row(32, _BOTH, "large", _LARGE, "Marks of twelve octets. [RFC 8092]")


_CODES: Final[dict[int, AttributeCode]] = {code.value: code for code in AttributeCode}
_ROWS: Final = tuple(code.row for code in AttributeCode if code.row.field)
_VALUES: Final = attrgetter(*(row.field for row in _ROWS))


def read(
    raw: Iterable[Attribute], hops: tuple[IPAddress, ...] = (), *, wide: bool, internal: bool, confederate: bool = False
) -> tuple[Attributes, tuple[str, ...]]:
    """Return the attributes of announced routes, and the names of discarded attributes. Raises Withdraw.

    hops: the next hop of MP_REACH_NLRI, which counts in place of NEXT_HOP (RFC 4760 §3); (): there is none.
    wide: AS numbers have four octets in this session. internal: the peer is in our AS; confederate: it is in another
    member AS of our confederation.
    """
    found, seen = dict[int, object](), dict[int, None]()
    dropped: list[str] = []
    others: list[Attribute] = []
    for attribute in raw:
        code = attribute.code
        if code in seen:
            dropped.append(f"{name_of(code)} (twice)")  # RFC 7606 §3 (g)
            continue
        seen[code] = None
        known = _CODES.get(code)
        if known is None:
            if attribute.flags & _TRANSITIVE:  # passed on, marked as partial: RFC 4271 §5
                others.append(Attribute(attribute.flags | _PARTIAL, code, attribute.value))
            continue
        row = known.row
        if not row.field or (row.traits & _INTERNAL and not (internal or (confederate and row.traits & _INSIDE))):
            continue
        try:
            if attribute.flags & _BOTH != row.flags:
                raise ValueError(f"flags {attribute.flags:#04x}")  # RFC 7606 §3 (c)
            found[code] = row.codec.read(attribute.value, 4 if wide else 2)
        except ValueError as error:
            if not row.traits & _DISPENSABLE:
                raise Withdraw(f"{name_of(code)}: {error}", offset=0, clause="RFC 7606 §7") from error
            dropped.append(name_of(code))
    if hops:
        found[AttributeCode.NEXT_HOP] = hops[0]
    return _assembled(found, tuple(others), wide=wide), tuple(dropped)


def write(attributes: Attributes, *, wide: bool) -> tuple[Attribute, ...]:
    """Return the attributes of an UPDATE, sorted by code (RFC 4271 §5 asks for that). wide: as in `read`."""
    found = list(attributes.others)
    for row, value in zip(_ROWS, _VALUES(attributes), strict=True):
        if value is None or not (value or row.traits & _KEPT):
            continue
        octets = row.codec.write(value, 4 if wide else 2)
        if octets is not None:
            found.append(Attribute(row.flags | (_EXTENDED if len(octets) > 0xFF else 0), row.code, octets))
    return tuple(sorted(found, key=lambda attribute: attribute.code))


def check_known(raw: Iterable[Attribute]) -> None:
    """Check that every well-known attribute is known. Raises MessageError: RFC 7606 does not relax this error."""
    for attribute in raw:
        if not attribute.flags & _OPTIONAL and attribute.code not in _CODES:
            raise MessageError(
                f"well-known attribute {attribute.code} is unknown",
                code=ErrorCode.UPDATE,
                subcode=UpdateError.UNRECOGNIZED_WELL_KNOWN,
                clause="RFC 4271 §6.3",
                data=attribute.serialize(),
            )


def name_of(code: int) -> str:
    """Return the name of an attribute."""
    return _CODES[code].name if code in _CODES else f"attribute {code}"


def _assembled(found: dict[int, object], others: tuple[Attribute, ...], *, wide: bool) -> Attributes:
    missing = ", ".join(code.name for code in AttributeCode if code.row.traits & _NEEDED and code not in found)
    if missing:
        raise Withdraw(f"{missing} missing", offset=0, clause="RFC 7606 §3 (d)")
    path4 = cast("tuple[Segment, ...] | None", found.pop(AttributeCode.AS4_PATH, None))
    aggregator4 = cast("Aggregator | None", found.pop(AttributeCode.AS4_AGGREGATOR, None))
    made = cast("Callable[..., Attributes]", Attributes)(
        **{_CODES[code].row.field: value for code, value in found.items()}, others=others
    )
    if wide:  # RFC 6793 §6: speakers of four-octet AS numbers do not send AS4_* to each other
        return made
    aggregator = made.aggregator
    if aggregator is not None and aggregator.autonomous_system == AS_TRANS and aggregator4 is not None:
        aggregator = aggregator4
    is_whole = aggregator is aggregator4 or aggregator4 is None
    path = _merged(made.path, path4) if path4 is not None and is_whole else made.path
    return replace(made, path=path, aggregator=aggregator)


def _merged(path: tuple[Segment, ...], path4: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Return the two-octet path with its end replaced by AS4_PATH, RFC 6793 §4.2.3."""
    members, path = tuple(part for part in path if part.is_inside), outside(path)
    missing = _hops(path) - _hops(path4)
    if missing < 0:
        return *members, *path
    leading: list[int] = []
    for part in path:
        leading += part.systems[: missing - len(leading)]
        if len(leading) >= missing:
            break
    return *members, *(prepended(path4, *leading) if leading else path4)


def _hops(path: tuple[Segment, ...]) -> int:
    return sum(len(part.systems) if part.kind is SegmentKind.SEQUENCE else 1 for part in path)
