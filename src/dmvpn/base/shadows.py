"""Entries of an access list that decide on no packet, because earlier entries decide on all of theirs.

    shadows(entries)   each such entry, with the earlier ones that take its packets

Most entries of a long list have no packet in common, and a dictionary finds the few earlier ones that have: sets with
equal masks (their shape) are found by the bits that matter to both. What earlier entries cover only together is found
by taking their packets away one after the other, if their sizes make it possible at all. All of this has bounds, and
beyond them an entry is not judged: an entry that is named is shadowed, and some may be missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.packetsets import PacketSet, rest_of, sets_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.base.filters import FilterEntry, Ranges

#: Sets of one entry that are judged, and pieces that are left of a set while others are taken away.
_MOST_SETS: Final = 600
_MOST_PIECES: Final = 200
#: Comparisons of two sets in one list, and entries in dictionaries.
_MOST_COMPARISONS: Final = 200_000
_MOST_KEYS: Final = 600_000

_Key = tuple[int, int, "Ranges | None", "Ranges | None", "Ranges | None", "Ranges | None", "Ranges | None"]
_Parts = list[tuple[int, PacketSet]]


class ListedEntry(NamedTuple):
    """An entry of the configuration. means: an entry for each pair of members of its groups.

    always: no time range says when it counts. covers: it decides as it says; False: its meaning is not quite known.
    """

    sequence: int
    permit: bool
    means: tuple[FilterEntry, ...]
    always: bool = True
    covers: bool = True


class Shadow(NamedTuple):
    """An entry that decides on nothing, and the earlier ones that decide on its packets.

    permits_fragments: it permits later fragments all the same, which have no ports.
    """

    entry: ListedEntry
    by: tuple[ListedEntry, ...]
    permits_fragments: bool = False

    @property
    def changes(self) -> bool:
        """Whether some of its packets get the opposite of what it says."""
        return any(one.permit is not self.entry.permit for one in self.by)


class _Shape(NamedTuple):
    """Bits of addresses that matter, and which other fields have one value."""

    source: int
    destination: int
    protocol: bool
    source_ports: bool
    destination_ports: bool
    icmp: bool
    later: bool

    def with_all_of(self, other: _Shape) -> _Shape:
        """Return what matters to both."""
        return _Shape(
            self.source & other.source,
            self.destination & other.destination,
            self.protocol and other.protocol,
            self.source_ports and other.source_ports,
            self.destination_ports and other.destination_ports,
            self.icmp and other.icmp,
            self.later and other.later,
        )

    def key(self, packets: PacketSet) -> _Key:
        """Return the values of what matters."""
        return (
            packets.source.value & self.source,
            packets.destination.value & self.destination,
            packets.protocol if self.protocol else None,
            packets.source_ports if self.source_ports else None,
            packets.destination_ports if self.destination_ports else None,
            packets.icmp if self.icmp else None,
            packets.later if self.later else None,
        )


def shadows(entries: Iterable[ListedEntry]) -> Iterator[Shadow]:
    """Yield the entries of a list that decide on nothing, in order."""
    listed = [entry for entry in entries if 0 < len(entry.means) <= _MOST_SETS]
    sets = [tuple(one for meant in entry.means for one in sets_of(meant)) for entry in listed]
    earlier = _Earlier(sets)
    for place, (entry, own) in enumerate(zip(listed, sets, strict=True)):
        takers = [earlier.takers(one) for one in own]
        said = any(meant.condition.fragments or not meant.condition.looks_behind_ip for meant in entry.means)
        meant = [each for each, one in zip(takers, own, strict=True) if said or not one.is_later]
        found = [place for each in meant if each is not None for place in each]
        if meant and None not in meant:
            by = tuple(listed[one] for one in sorted(dict.fromkeys(found)))
            yield Shadow(entry, by, permits_fragments=None in takers)
        if entry.always and entry.covers:
            for one, taken in zip(own, takers, strict=True):
                if taken is None:
                    earlier.add(place, one)


class _Earlier:
    """The sets of earlier entries, by shape and by what matters to another shape, too."""

    def __init__(self, sets: Sequence[tuple[PacketSet, ...]]) -> None:
        counts: dict[_Shape, int] = {}
        for own in sets:
            for one in own:
                shape = _shape(one)
                counts[shape] = counts.get(shape, 0) + 1
        most = max(1, _MOST_KEYS // max(1, sum(counts.values())))
        shapes = sorted(counts, key=lambda shape: -counts[shape])[:most]
        self._joints = {shape: {other: shape.with_all_of(other) for other in shapes} for shape in shapes}
        self._found: dict[tuple[_Shape, _Shape], dict[_Key, _Parts]] = {}
        self._left = _MOST_COMPARISONS

    def add(self, place: int, packets: PacketSet) -> None:
        """Add a set of the entry at this place."""
        shape = _shape(packets)
        for joint in dict.fromkeys(self._joints.get(shape, {}).values()):
            self._found.setdefault((shape, joint), {}).setdefault(joint.key(packets), []).append((place, packets))

    def takers(self, packets: PacketSet) -> tuple[int, ...] | None:
        """Return the places of the entries that decide on all packets of a set; None: they do not, or it costs too
        much to know.
        """
        meeting = self._meeting(packets)
        holder = min((place for place, one in meeting if one.holds(packets)), default=None)
        if holder is None and sum(one.common(packets).size for _, one in meeting) < packets.size:
            return None
        return _takers(packets, [one for one in meeting if holder is None or one[0] <= holder], holder)

    def _meeting(self, packets: PacketSet) -> _Parts:
        """Return the earlier sets that have packets in common with this one, by place."""
        shape, found = _shape(packets), _Parts()
        for other in self._joints if shape in self._joints else ():
            joint = self._joints[other][shape]
            candidates = self._found.get((other, joint), {}).get(joint.key(packets), ())
            self._left -= len(candidates)
            if self._left < 0:
                return []
            found += (one for one in candidates if one[1].meets(packets))
        return sorted(found, key=lambda one: one[0])


def _takers(packets: PacketSet, meeting: _Parts, holder: int | None) -> tuple[int, ...] | None:
    """Return the places of the entries that decide on a set, in order; None: something is left."""
    left, found = [packets], list[int]()
    for place, one in meeting:
        if not any(one.meets(piece) for piece in left):
            continue
        rest = rest_of(left, [one], most=_MOST_PIECES)
        if rest is None:
            return None if holder is None else (holder,)
        if rest != left:
            found.append(place)
        left = rest
        if not left:
            return tuple(found)
    return None


def _shape(packets: PacketSet) -> _Shape:
    return _Shape(
        packets.source.care,
        packets.destination.care,
        _is_one(packets.protocol),
        _is_one(packets.source_ports),
        _is_one(packets.destination_ports),
        _is_one(packets.icmp),
        _is_one(packets.later),
    )


def _is_one(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]
