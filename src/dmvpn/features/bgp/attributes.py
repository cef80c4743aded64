"""Path attributes, RFC 4271 §5, as one value; `attribute_octets` reads and writes them. AS numbers have four octets."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.features.bgp.packet import Attribute

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


class AttributeCode(enum.IntEnum):
    """RFC 4271 §5.1, and the documents named by the IANA registry."""

    ORIGIN = 1
    AS_PATH = 2
    NEXT_HOP = 3
    MULTI_EXIT_DISC = 4
    LOCAL_PREF = 5
    ATOMIC_AGGREGATE = 6
    AGGREGATOR = 7
    COMMUNITIES = 8
    ORIGINATOR_ID = 9
    CLUSTER_LIST = 10
    MP_REACH_NLRI = 14
    MP_UNREACH_NLRI = 15
    EXTENDED_COMMUNITIES = 16
    AS4_PATH = 17
    AS4_AGGREGATOR = 18
    LARGE_COMMUNITIES = 32


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


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of an AS path."""

    kind: SegmentKind
    systems: tuple[int, ...]

    @property
    def is_inside(self) -> bool:
        """Whether the segment holds member ASes of a confederation, which are removed outside it (RFC 5065 §4)."""
        return self.kind in (SegmentKind.CONFEDERATION_SEQUENCE, SegmentKind.CONFEDERATION_SET)


@dataclass(frozen=True, slots=True)
class Aggregator:
    """RFC 4271 §5.1.7."""

    autonomous_system: int
    address: IPv4Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """Path attributes of a route. med, local_pref: None if absent. `others`: unknown attributes that we
    only pass on.
    """

    origin: Origin = Origin.IGP
    path: tuple[Segment, ...] = ()
    next_hop: IPv4Address
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
