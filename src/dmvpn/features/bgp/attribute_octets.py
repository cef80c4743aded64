"""Encoding and decoding of path attributes, and the handling of damaged ones, RFC 7606.

`read` turns the attributes of an UPDATE into `Attributes` or raises `Withdraw`: the routes of the message are treated
as withdrawn, and the session stays up. Damaged attributes that the route can do without are discarded instead, and
`read` returns their names. `write` is the reverse.

With a peer that supports only two-octet AS numbers, AS4_PATH carries the real path (RFC 6793).
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

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

_OPTIONAL: Final = 0x80
_TRANSITIVE: Final = 0x40
_PARTIAL: Final = 0x20
_EXTENDED: Final = 0x10


class Withdraw(WireError):
    """The routes of the message are treated as withdrawn, RFC 7606 §2."""


@dataclass(slots=True)
class _Draft:
    """The attributes read so far. path4, aggregator4: from AS4_PATH and AS4_AGGREGATOR."""

    origin: Origin | None = None
    path: tuple[Segment, ...] | None = None
    next_hop: IPv4Address | None = None
    med: int | None = None
    local_pref: int | None = None
    atomic: bool = False
    aggregator: Aggregator | None = None
    communities: tuple[int, ...] = ()
    originator: IPv4Address | None = None
    clusters: tuple[IPv4Address, ...] = ()
    extended: tuple[bytes, ...] = ()
    large: tuple[bytes, ...] = ()
    path4: tuple[Segment, ...] | None = None
    aggregator4: Aggregator | None = None


def read(
    raw: Iterable[Attribute], *, wide: bool, internal: bool, confederate: bool = False
) -> tuple[Attributes, tuple[str, ...]]:
    """Return the attributes of announced routes, and the names of discarded attributes. Raises Withdraw.

    wide: AS numbers have four octets in this session. internal: the peer is in our AS; confederate: it is in another
    member AS of our confederation.
    """
    draft, seen = _Draft(), dict[int, None]()
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
        reader = _READERS.get(code)
        if reader is None:
            others += _passed_on(attribute)
            continue
        try:
            _check_flags(attribute)
            reader(draft, attribute.value, wide)
        except ValueError as error:
            if code not in _DISPENSABLE:
                raise Withdraw(f"{name_of(code)}: {error}", offset=0, clause="RFC 7606 §7") from error
            dropped.append(name_of(code))
    return _assembled(draft, tuple(others), wide=wide), tuple(dropped)


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


def _assembled(draft: _Draft, others: tuple[Attribute, ...], *, wide: bool) -> Attributes:
    if draft.origin is None or draft.path is None or draft.next_hop is None:
        missing = {"ORIGIN": draft.origin, "AS_PATH": draft.path, "NEXT_HOP": draft.next_hop}
        names = ", ".join(name for name, value in missing.items() if value is None)
        raise Withdraw(f"{names} missing", offset=0, clause="RFC 7606 §3 (d)")
    path, aggregator = draft.path, draft.aggregator
    if not wide:
        if aggregator is not None and aggregator.autonomous_system == AS_TRANS and draft.aggregator4 is not None:
            aggregator = draft.aggregator4
        if draft.path4 is not None and (aggregator is draft.aggregator4 or draft.aggregator4 is None):
            path = _merged(path, draft.path4)
    return Attributes(
        origin=draft.origin,
        path=path,
        next_hop=draft.next_hop,
        med=draft.med,
        local_pref=draft.local_pref,
        atomic=draft.atomic,
        aggregator=aggregator,
        communities=draft.communities,
        originator=draft.originator,
        clusters=draft.clusters,
        extended=draft.extended,
        large=draft.large,
        others=others,
    )


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


def _check_flags(attribute: Attribute) -> None:
    """Check the flags, RFC 7606 §3 (c). Raises ValueError."""
    wanted = _FLAGS[attribute.code]
    if attribute.flags & (_OPTIONAL | _TRANSITIVE) != wanted:
        raise ValueError(f"flags {attribute.flags:#04x}")


def _passed_on(attribute: Attribute) -> list[Attribute]:
    """Return what we pass on of an unknown attribute: a transitive one, marked as partial, RFC 4271 §5."""
    if not attribute.flags & _TRANSITIVE:
        return []
    return [Attribute(attribute.flags | _PARTIAL, attribute.code, attribute.value)]


def _read_origin(draft: _Draft, value: bytes, wide: bool) -> None:
    draft.origin = Origin(_number(value, 1))


def _read_path(draft: _Draft, value: bytes, wide: bool) -> None:
    draft.path = _path(value, 4 if wide else 2)


def _read_path4(draft: _Draft, value: bytes, wide: bool) -> None:
    if not wide:  # RFC 6793 §6: speakers of four-octet AS numbers do not send it to each other
        draft.path4 = tuple(part for part in _path(value, 4) if part.kind in (SegmentKind.SEQUENCE, SegmentKind.SET))


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


def _read_next_hop(draft: _Draft, value: bytes, wide: bool) -> None:
    hop = IPv4Address(_number(value, 4))
    if hop.is_multicast or hop.is_loopback or hop.is_unspecified or int(hop) >= 0xF0000000:
        raise ValueError(f"{hop} is nobody's address")
    draft.next_hop = hop


def _read_med(draft: _Draft, value: bytes, wide: bool) -> None:
    draft.med = _number(value, 4)


def _read_local_pref(draft: _Draft, value: bytes, wide: bool) -> None:
    draft.local_pref = _number(value, 4)


def _read_atomic(draft: _Draft, value: bytes, wide: bool) -> None:
    _number(value, 0)
    draft.atomic = True


def _read_aggregator(draft: _Draft, value: bytes, wide: bool) -> None:
    number = _number(value, 8 if wide else 6)
    draft.aggregator = Aggregator(number >> 32, IPv4Address(number & 0xFFFFFFFF))


def _read_aggregator4(draft: _Draft, value: bytes, wide: bool) -> None:
    number = _number(value, 8)
    draft.aggregator4 = Aggregator(number >> 32, IPv4Address(number & 0xFFFFFFFF))


def _read_communities(draft: _Draft, value: bytes, wide: bool) -> None:
    draft.communities = tuple(int.from_bytes(one, "big") for one in _pieces(value, 4))


def _read_originator(draft: _Draft, value: bytes, wide: bool) -> None:
    draft.originator = IPv4Address(_number(value, 4))


def _read_clusters(draft: _Draft, value: bytes, wide: bool) -> None:
    draft.clusters = tuple(map(IPv4Address, _pieces(value, 4)))


def _read_extended(draft: _Draft, value: bytes, wide: bool) -> None:
    draft.extended = tuple(_pieces(value, 8))


def _read_large(draft: _Draft, value: bytes, wide: bool) -> None:
    draft.large = tuple(dict.fromkeys(_pieces(value, 12)))  # RFC 8092 §5: duplicates are removed


def _number(value: bytes, octets: int) -> int:
    if len(value) != octets:
        raise ValueError(f"{len(value)} octets")
    return int.from_bytes(value, "big")


def _pieces(value: bytes, size: int) -> list[bytes]:
    if not value or len(value) % size:
        raise ValueError(f"{len(value)} octets")
    return [value[at : at + size] for at in range(0, len(value), size)]


_READERS: Final[dict[int, Callable[[_Draft, bytes, bool], None]]] = {
    AttributeCode.ORIGIN: _read_origin,
    AttributeCode.AS_PATH: _read_path,
    AttributeCode.NEXT_HOP: _read_next_hop,
    AttributeCode.MULTI_EXIT_DISC: _read_med,
    AttributeCode.LOCAL_PREF: _read_local_pref,
    AttributeCode.ATOMIC_AGGREGATE: _read_atomic,
    AttributeCode.AGGREGATOR: _read_aggregator,
    AttributeCode.COMMUNITIES: _read_communities,
    AttributeCode.ORIGINATOR_ID: _read_originator,
    AttributeCode.CLUSTER_LIST: _read_clusters,
    AttributeCode.EXTENDED_COMMUNITIES: _read_extended,
    AttributeCode.AS4_PATH: _read_path4,
    AttributeCode.AS4_AGGREGATOR: _read_aggregator4,
    AttributeCode.LARGE_COMMUNITIES: _read_large,
}
_BOTH: Final = _OPTIONAL | _TRANSITIVE
_FLAGS: Final[dict[int, int]] = {
    AttributeCode.ORIGIN: _TRANSITIVE,
    AttributeCode.AS_PATH: _TRANSITIVE,
    AttributeCode.NEXT_HOP: _TRANSITIVE,
    AttributeCode.MULTI_EXIT_DISC: _OPTIONAL,
    AttributeCode.LOCAL_PREF: _TRANSITIVE,
    AttributeCode.ATOMIC_AGGREGATE: _TRANSITIVE,
    AttributeCode.AGGREGATOR: _BOTH,
    AttributeCode.COMMUNITIES: _BOTH,
    AttributeCode.ORIGINATOR_ID: _OPTIONAL,
    AttributeCode.CLUSTER_LIST: _OPTIONAL,
    AttributeCode.EXTENDED_COMMUNITIES: _BOTH,
    AttributeCode.AS4_PATH: _BOTH,
    AttributeCode.AS4_AGGREGATOR: _BOTH,
    AttributeCode.LARGE_COMMUNITIES: _BOTH,
}
#: Attributes that can be discarded while the route is kept, RFC 7606 §7.6, §7.7, RFC 6793 §6.
_DISPENSABLE: Final = frozenset(
    {
        AttributeCode.ATOMIC_AGGREGATE,
        AttributeCode.AGGREGATOR,
        AttributeCode.AS4_PATH,
        AttributeCode.AS4_AGGREGATOR,
    }
)
_INTERNAL: Final = frozenset({AttributeCode.LOCAL_PREF, AttributeCode.ORIGINATOR_ID, AttributeCode.CLUSTER_LIST})
#: Those of them that are also sent between the member ASes of a confederation, RFC 5065 §4.
_INSIDE: Final = frozenset({AttributeCode.LOCAL_PREF})
_OF_OTHER_FAMILIES: Final = frozenset({AttributeCode.MP_REACH_NLRI, AttributeCode.MP_UNREACH_NLRI})

# ------------------------------------------------------------------------------------------------------------ writing


def write(attributes: Attributes, *, wide: bool) -> tuple[Attribute, ...]:
    """Return the attributes of an UPDATE, sorted by code (RFC 4271 §5 asks for that). wide: as in `read`."""
    code, found = AttributeCode, list[Attribute]()

    def add(which: AttributeCode, value: bytes) -> None:
        flags = _FLAGS[which] | (_EXTENDED if len(value) > 0xFF else 0)
        found.append(Attribute(flags, which, value))

    systems = attributes.systems
    is_narrow = not wide and any(system >> 16 for system in systems)
    add(code.ORIGIN, bytes((attributes.origin,)))
    add(code.AS_PATH, _path_octets(attributes.path, 4 if wide else 2))
    add(code.NEXT_HOP, attributes.next_hop.packed)
    if attributes.med is not None:
        add(code.MULTI_EXIT_DISC, attributes.med.to_bytes(4, "big"))
    if attributes.local_pref is not None:
        add(code.LOCAL_PREF, attributes.local_pref.to_bytes(4, "big"))
    if attributes.atomic:
        add(code.ATOMIC_AGGREGATE, b"")
    aggregator = attributes.aggregator
    if aggregator is not None:
        add(code.AGGREGATOR, _system(aggregator.autonomous_system, 4 if wide else 2) + aggregator.address.packed)
    if attributes.communities:
        add(code.COMMUNITIES, b"".join(one.to_bytes(4, "big") for one in attributes.communities))
    if attributes.originator is not None:
        add(code.ORIGINATOR_ID, attributes.originator.packed)
    if attributes.clusters:
        add(code.CLUSTER_LIST, b"".join(one.packed for one in attributes.clusters))
    if attributes.extended:
        add(code.EXTENDED_COMMUNITIES, b"".join(attributes.extended))
    if is_narrow:
        add(code.AS4_PATH, _path_octets(outside(attributes.path), 4))  # RFC 6793 §3
    if not wide and aggregator is not None and aggregator.autonomous_system >> 16:
        add(code.AS4_AGGREGATOR, _system(aggregator.autonomous_system, 4) + aggregator.address.packed)
    if attributes.large:
        add(code.LARGE_COMMUNITIES, b"".join(attributes.large))
    return tuple(sorted([*found, *attributes.others], key=lambda attribute: attribute.code))


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


def _system(number: int, size: int) -> bytes:
    return (number if size == 4 or number < 1 << 16 else AS_TRANS).to_bytes(size, "big")
