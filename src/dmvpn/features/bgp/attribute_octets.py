"""Encoding and decoding of path attributes, and the handling of damaged ones, RFC 7606.

`read` turns the attributes of an UPDATE into `Attributes` or raises `Withdraw`: the routes of the message are treated
as withdrawn, and the session stays up. Damaged attributes that the route can do without are discarded instead, and
`read` returns their names. `write` is the reverse.

With a peer that supports only two-octet AS numbers, AS4_PATH carries the real path (RFC 6793).
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.features.bgp.attributes import (
    SEGMENT_LIMIT,
    Aggregator,
    AttributeCode,
    Attributes,
    Origin,
    Segment,
    SegmentKind,
    outside,
    prepended,
)
from dmvpn.features.bgp.codes import ErrorCode, MessageError, UpdateError
from dmvpn.features.bgp.packet import AS_TRANS, Attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

V = TypeVar("V")

_OPTIONAL: Final = 0x80
_TRANSITIVE: Final = 0x40
_BOTH: Final = _OPTIONAL | _TRANSITIVE
_PARTIAL: Final = 0x20
_EXTENDED: Final = 0x10


class Withdraw(WireError):
    """The routes of the message are treated as withdrawn, RFC 7606 §2."""


@dataclass(frozen=True, slots=True)
class _Codec(Generic[V]):
    """How a value is read from octets and written to them. Both get the octets of an AS number in this session.

    read: raises ValueError. write: None if the value needs no attribute.
    """

    read: Callable[[bytes, int], V]
    write: Callable[[V, int], bytes | None]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A path attribute.

    name: of its field in `Attributes`, whose value is one of the codec.
    is_dispensable: a damaged one is discarded and the route kept, RFC 7606 §7.6, §7.7, RFC 6793 §6.
    """

    code: AttributeCode
    name: str
    flags: int
    codec: _Codec[Any]
    is_dispensable: bool = False


def read(
    raw: Iterable[Attribute], *, wide: bool, internal: bool, confederate: bool = False
) -> tuple[Attributes, tuple[str, ...]]:
    """Return the attributes of announced routes, and the names of discarded attributes. Raises Withdraw.

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
        if code in _OF_OTHER_FAMILIES or (code in _INTERNAL and not (internal or (confederate and code in _INSIDE))):
            continue  # RFC 7606 §7.5, §7.9, §7.10: ignored from an external peer
        kind = _KINDS.get(code)
        if kind is None:
            others += _passed_on(attribute)
            continue
        try:
            if attribute.flags & _BOTH != kind.flags:
                raise ValueError(f"flags {attribute.flags:#04x}")  # RFC 7606 §3 (c)
            found[code] = kind.codec.read(attribute.value, 4 if wide else 2)
        except ValueError as error:
            if not kind.is_dispensable:
                raise Withdraw(f"{name_of(code)}: {error}", offset=0, clause="RFC 7606 §7") from error
            dropped.append(name_of(code))
    return _assembled(found, tuple(others), wide=wide), tuple(dropped)


def write(attributes: Attributes, *, wide: bool) -> tuple[Attribute, ...]:
    """Return the attributes of an UPDATE, sorted by code (RFC 4271 §5 asks for that). wide: as in `read`."""
    found = list(attributes.others)
    for kind, value in zip(_KINDS.values(), _VALUES(attributes), strict=True):
        if value is None or not (value or kind.code in _EVEN_IF_EMPTY):
            continue
        octets = kind.codec.write(value, 4 if wide else 2)
        if octets is not None:
            found.append(Attribute(kind.flags | (_EXTENDED if len(octets) > 0xFF else 0), kind.code, octets))
    return tuple(sorted(found, key=lambda attribute: attribute.code))


def check_known(raw: Iterable[Attribute]) -> None:
    """Check that every well-known attribute is known. Raises MessageError: RFC 7606 does not relax this error."""
    for attribute in raw:
        if not attribute.flags & _OPTIONAL and attribute.code not in set(AttributeCode):
            raise MessageError(
                f"well-known attribute {attribute.code} is unknown",
                code=ErrorCode.UPDATE,
                subcode=UpdateError.UNRECOGNIZED_WELL_KNOWN,
                clause="RFC 4271 §6.3",
                data=attribute.serialize(),
            )


def name_of(code: int) -> str:
    """Return the name of an attribute."""
    return AttributeCode(code).name if code in set(AttributeCode) else f"attribute {code}"


def _assembled(found: dict[int, object], others: tuple[Attribute, ...], *, wide: bool) -> Attributes:
    missing = ", ".join(code.name for code in _NEEDED if code not in found)
    if missing:
        raise Withdraw(f"{missing} missing", offset=0, clause="RFC 7606 §3 (d)")
    path4 = cast("tuple[Segment, ...] | None", found.pop(AttributeCode.AS4_PATH, None))
    aggregator4 = cast("Aggregator | None", found.pop(AttributeCode.AS4_AGGREGATOR, None))
    made = cast("Callable[..., Attributes]", Attributes)(
        **{_KINDS[code].name: value for code, value in found.items()}, others=others
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


def _passed_on(attribute: Attribute) -> list[Attribute]:
    """Return what we pass on of an unknown attribute: a transitive one, marked as partial, RFC 4271 §5."""
    if not attribute.flags & _TRANSITIVE:
        return []
    return [Attribute(attribute.flags | _PARTIAL, attribute.code, attribute.value)]


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
        raise ValueError(f"{hop} is nobody's address")
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
        lambda value, _: tuple(map(read, _pieces(value, octets))),
        lambda values, _: b"".join(map(write, values)),
    )


_ORIGIN: Final = _Codec(lambda value, _: Origin(_number(value, 1)), lambda origin, _: bytes((origin,)))
_PATH: Final = _Codec(_path, _path_octets)
_AS4_PATH: Final = _Codec(_path4, _path4_octets)
_NUMBER: Final = _Codec(lambda value, _: _number(value, 4), lambda number, _: _four_octets(number))
_FLAG: Final = _Codec(lambda value, _: _number(value, 0) == 0, lambda *_: b"")
_ADDRESS: Final = _Codec(lambda value, _: IPv4Address(_number(value, 4)), lambda address, _: address.packed)
_NEXT_HOP: Final = _Codec(_next_hop, _ADDRESS.write)
_EXTENDED_COMMUNITIES: Final = _list(8, bytes, bytes)
#: Duplicates are removed, RFC 8092 §5.
_LARGE: Final = _Codec(lambda value, _: tuple(dict.fromkeys(_pieces(value, 12))), _EXTENDED_COMMUNITIES.write)
_AGGREGATOR: Final = _Codec(_aggregator, _aggregator_octets)
_AS4_AGGREGATOR: Final = _Codec(lambda value, _: _aggregator(value, 4), _aggregator4_octets)
_C: Final = AttributeCode
#: Every attribute that is read and written. A new one is a row here and a field of `Attributes`.
_KINDS: Final[dict[int, _Kind]] = {
    kind.code: kind
    for kind in (
        _Kind(_C.ORIGIN, "origin", _TRANSITIVE, _ORIGIN),
        _Kind(_C.AS_PATH, "path", _TRANSITIVE, _PATH),
        _Kind(_C.NEXT_HOP, "next_hop", _TRANSITIVE, _NEXT_HOP),
        _Kind(_C.MULTI_EXIT_DISC, "med", _OPTIONAL, _NUMBER),
        _Kind(_C.LOCAL_PREF, "local_pref", _TRANSITIVE, _NUMBER),
        _Kind(_C.ATOMIC_AGGREGATE, "atomic", _TRANSITIVE, _FLAG, is_dispensable=True),
        _Kind(_C.AGGREGATOR, "aggregator", _BOTH, _AGGREGATOR, is_dispensable=True),
        _Kind(_C.COMMUNITIES, "communities", _BOTH, _list(4, int.from_bytes, _four_octets)),
        _Kind(_C.ORIGINATOR_ID, "originator", _OPTIONAL, _ADDRESS),
        _Kind(_C.CLUSTER_LIST, "clusters", _OPTIONAL, _list(4, IPv4Address, attrgetter("packed"))),
        _Kind(_C.EXTENDED_COMMUNITIES, "extended", _BOTH, _EXTENDED_COMMUNITIES),
        _Kind(_C.AS4_PATH, "path", _BOTH, _AS4_PATH, is_dispensable=True),
        _Kind(_C.AS4_AGGREGATOR, "aggregator", _BOTH, _AS4_AGGREGATOR, is_dispensable=True),
        _Kind(_C.LARGE_COMMUNITIES, "large", _BOTH, _LARGE),
    )
}
_VALUES: Final = attrgetter(*(kind.name for kind in _KINDS.values()))
#: Attributes that are written also with a value of zero, or an empty path.
_EVEN_IF_EMPTY: Final = frozenset({_C.ORIGIN, _C.AS_PATH, _C.MULTI_EXIT_DISC, _C.LOCAL_PREF})
_NEEDED: Final = (_C.ORIGIN, _C.AS_PATH, _C.NEXT_HOP)
_INTERNAL: Final = frozenset({_C.LOCAL_PREF, _C.ORIGINATOR_ID, _C.CLUSTER_LIST})
#: Those of them that are also sent between the member ASes of a confederation, RFC 5065 §4.
_INSIDE: Final = frozenset({_C.LOCAL_PREF})
_OF_OTHER_FAMILIES: Final = frozenset({_C.MP_REACH_NLRI, _C.MP_UNREACH_NLRI})
