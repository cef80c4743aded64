"""Sets of packets, so that access lists can be compared for all packets at once.

    PacketSet     packets whose fields each have some values: a box with one side for each field
    sets_of       the packets that an entry decides on, if no earlier entry does: two sets for each pair of members
                  of its groups, at most
    split         what a list (its `meanings`) does with the packets of some sets, entry by entry

A set is exact, later fragments included, except for IP options: sets with different options are never taken for parts
of each other, although a packet may have both. So what this module calls covered is covered; it may miss some.

Entries of an access list that decide on no packet, because earlier entries decide on all of theirs.

    shadows(entries)   each such entry, with the earlier ones that take its packets

Most entries of a long list have no packet in common, and a dictionary finds the few earlier ones that have: sets with
equal masks (their shape) are found by the bits that matter to both. What earlier entries cover only together is found
by taking their packets away one after the other, if their sizes make it possible at all. All of this has bounds, and
beyond them an entry is not judged: an entry that is named is shadowed, and some may be missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from dmvpn.base.addresses import EVERY_BIT, IPAddress
from dmvpn.base.filters import Condition, FilterEntry, FilterList, Flags, Packet, Ranges, merged
from dmvpn.base.translation import ICMP_OF, TCP, UDP, Addresses
from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ sets of packets


#: Bits of the longest source, the longest destination, and the service.
_BITS_OF_SIDES: Final = 128 + 128 + 8
_OCTET, _PORT, _FLAG_BITS = 0xFF, 0xFFFF, 0x3F
_EVERY_OCTET: Final[Ranges] = ((0, _OCTET),)
_EVERY_PORT: Final[Ranges] = ((0, _PORT),)
_EVERY_FLAG: Final[Ranges] = ((0, _FLAG_BITS),)
#: Whether it is a later fragment: no and yes.
_WHOLE, _LATER, _EITHER = ((0, 0),), ((1, 1),), ((0, 1),)


class Bits(Value):
    """Numbers that agree with `value` in the bits of `care`; all other bits of `value` are 0."""

    value: int
    care: int

    def holds(self, other: Bits) -> bool:
        """Return whether all numbers of the other are among them."""
        return not self.care & ~other.care and not (self.value ^ other.value) & self.care

    def meets(self, other: Bits) -> bool:
        """Return whether they have a number in common."""
        return not (self.value ^ other.value) & self.care & other.care

    def common(self, other: Bits) -> Bits:
        """Return the numbers that both have; there must be some."""
        return Bits(self.value | other.value, self.care | other.care)

    def without(self, other: Bits) -> Iterator[Bits]:
        """Yield the numbers that the other lacks, in parts; both must have some in common."""
        value, care = self.value, self.care
        missing = other.care & ~care
        while missing:
            bit = 1 << (missing.bit_length() - 1)
            yield Bits(value | (bit & ~other.value), care | bit)
            value, care, missing = value | (bit & other.value), care | bit, missing & ~bit


ANYTHING: Final = Bits(0, 0)


class PacketSet(Value, kw_only=True):
    """Packets by the values of their fields, as in `base.filters.Packet`.

    icmp: type times 256 and code.
    flags: of TCP, as numbers.
    later: (0, 0) for packets with the header behind IP, (1, 1) for later fragments.
    option: as in `Condition`.
    """

    source: Bits = ANYTHING
    destination: Bits = ANYTHING
    service: Bits = ANYTHING
    protocol: Ranges = _EVERY_OCTET
    source_ports: Ranges = _EVERY_PORT
    destination_ports: Ranges = _EVERY_PORT
    icmp: Ranges = _EVERY_PORT
    flags: Ranges = _EVERY_FLAG
    ttl: Ranges = _EVERY_OCTET
    later: Ranges = _EITHER
    option: int | None = None

    def holds(self, other: PacketSet) -> bool:
        """Return whether all packets of the other are in this set."""
        return (
            self.source.holds(other.source)
            and self.destination.holds(other.destination)
            and self.service.holds(other.service)
            and self._option_holds(other)
            and all(map(_range_holds, self._ranges, other._ranges))
        )

    def meets(self, other: PacketSet) -> bool:
        """Return whether some packets may be in both."""
        return (
            self.source.meets(other.source)
            and self.destination.meets(other.destination)
            and self.service.meets(other.service)
            and all(map(_common, self._ranges, other._ranges))
        )

    def common(self, other: PacketSet) -> PacketSet:
        """Return the packets in both sets, which must meet."""
        protocol, source_ports, destination_ports, icmp, flags, ttl, later = map(_common, self._ranges, other._ranges)
        return PacketSet(
            source=self.source.common(other.source),
            destination=self.destination.common(other.destination),
            service=self.service.common(other.service),
            protocol=protocol,
            source_ports=source_ports,
            destination_ports=destination_ports,
            icmp=icmp,
            flags=flags,
            ttl=ttl,
            later=later,
            option=other.option if self._option_holds(other) else self.option,
        )

    def without(self, other: PacketSet) -> Iterator[PacketSet]:
        """Yield the packets that the other lacks, in parts. Of a set with other options nothing is taken away."""
        if not self.meets(other) or not other._option_holds(self):
            yield self
            return
        rest = self
        for name in _BITS:
            mine, theirs = getattr(rest, name), getattr(other, name)
            for part in mine.without(theirs):
                yield _with(rest, name, part)
            rest = _with(rest, name, mine.common(theirs))
        for name in _RANGES:
            mine, theirs = getattr(rest, name), getattr(other, name)
            if outside := _less(mine, theirs):
                yield _with(rest, name, outside)
            rest = _with(rest, name, _common(mine, theirs))

    @property
    def is_later(self) -> bool:
        """Whether all of its packets are later fragments."""
        return self.later == _LATER

    @property
    def size(self) -> int:
        """The number of combinations of values, to compare with that of a set of the same IP version."""
        cared = sum(bits.care.bit_count() for bits in (self.source, self.destination, self.service))
        found = 1 << (_BITS_OF_SIDES - cared)
        for ranges in self._ranges:
            found *= sum(last - first + 1 for first, last in ranges)
        return found

    def example(self, version: type[IPAddress] = IPv4Address) -> Packet:
        """Return one of its packets, if possible not a later fragment. version: of IP."""
        icmp_of_version = ICMP_OF[6 if version is IPv6Address else 4]
        icmp, protocol = divmod(self.icmp[0][0], _OCTET + 1), _usual(self.protocol, icmp_of_version)
        has_ports = protocol in (TCP, UDP)
        return Packet(
            protocol=protocol,
            source=version(self.source.value),
            destination=version(self.destination.value),
            source_port=self.source_ports[0][0] if has_ports else 0,
            destination_port=self.destination_ports[0][0] if has_ports else 0,
            icmp=icmp if protocol in ICMP_OF.values() else (0, 0),
            flags=self.flags[0][0] if protocol == TCP else 0,
            service=self.service.value,
            ttl=self.ttl[-1][1],
            options=() if self.option is None else (max(self.option, 0),),
            is_later_fragment=self.later[0][0] == 1,
        )

    def _option_holds(self, other: PacketSet) -> bool:
        return self.option is None or self.option == other.option or (self.option < 0 and other.option is not None)

    @property
    def _ranges(self) -> tuple[Ranges, ...]:
        return (
            *(self.protocol, self.source_ports, self.destination_ports, self.icmp),
            *(self.flags, self.ttl, self.later),
        )


_BITS: Final = ("source", "destination", "service")
_RANGES: Final = ("protocol", "source_ports", "destination_ports", "icmp", "flags", "ttl", "later")
#: Every packet.
EVERYTHING: Final = PacketSet()


class Decided(Value):
    """Packets, and the entry that decides on them; None: the end of the list."""

    packets: PacketSet
    entry: FilterEntry | None

    @property
    def permit(self) -> bool:
        """Whether they pass."""
        return self.entry is not None and self.entry.permit


#: An entry and its sets.
Meaning = tuple["FilterEntry", tuple[PacketSet, ...]]


def bits_of(addresses: Addresses) -> Bits:
    """Return addresses as numbers."""
    care = ~int(addresses.wildcard) & EVERY_BIT[type(addresses.wildcard)]
    return Bits(int(addresses.address) & care, care)


def sets_of(entry: FilterEntry) -> tuple[PacketSet, ...]:
    """Return the packets that an entry fits: for each pair of members of its groups those with a header behind IP,
    and later fragments.
    """
    return tuple(one for condition in entry.condition.of_pairs() for one in _sets_of(condition, permit=entry.permit))


def _sets_of(condition: Condition, *, permit: bool) -> tuple[PacketSet, ...]:
    of_ip = PacketSet(
        source=bits_of(condition.source),
        destination=bits_of(condition.destination),
        service=Bits(*condition.service) if condition.service is not None else ANYTHING,
        protocol=_EVERY_OCTET if condition.protocol is None else ((condition.protocol, condition.protocol),),
        ttl=_sorted(condition.ttl, _EVERY_OCTET),
        option=condition.option,
        later=_LATER if condition.fragments else _EITHER,
    )
    if not of_ip.ttl:
        return ()
    if not condition.looks_behind_ip:
        return (of_ip,)
    later = (replace(of_ip, later=_LATER),) if permit else ()
    behind = _behind_ip(of_ip, condition)
    return later if behind is None or condition.fragments else (behind, *later)


def meanings(listed: FilterList, *, most: int) -> list[Meaning] | None:
    """Return the entries of a list with their sets, to split sets by; None: more pairs of members than `most`."""
    if sum(entry.condition.pairs for entry in listed.entries) > most:
        return None
    return [(entry, sets_of(entry)) for entry in listed.entries]


def split(listed: Iterable[Meaning], sets: Iterable[PacketSet], *, most: int) -> list[Decided] | None:
    """Return what a list does with the packets of these sets, which have none in common; None: in more parts than
    `most`. Packets are without IP options, except for sets that ask for one.
    """
    left, found = list(sets), list[Decided]()
    for entry, owns in listed:
        for own in owns:
            next_left: list[PacketSet] = []
            for one in left:
                if not own.meets(one) or (own.option is not None and own.option != one.option):
                    next_left.append(one)
                    continue
                found.append(Decided(one.common(own), entry))
                next_left += one.without(own)
            left = next_left
        if len(left) + len(found) > most:
            return None
        if not left:
            break
    return [*found, *(Decided(one, None) for one in left)]


def rest_of(sets: Sequence[PacketSet], gone: Iterable[PacketSet], *, most: int) -> list[PacketSet] | None:
    """Return the packets of sets that are in none of the sets `gone`; None: in more parts than `most`."""
    left = list(sets)
    for one in gone:
        left = [part for each in left for part in each.without(one)]
        if len(left) > most:
            return None
        if not left:
            break
    return left


def _behind_ip(of_ip: PacketSet, condition: Condition) -> PacketSet | None:
    """Return the packets whose header behind IP fits, too; None: none does."""
    kind = condition.icmp
    icmp = _EVERY_PORT
    if kind is not None:
        first = kind[0] * (_OCTET + 1)
        icmp = ((first, first + _OCTET),) if kind[1] is None else ((first + kind[1], first + kind[1]),)
    found = replace(
        of_ip,
        source_ports=_sorted(condition.source_ports, _EVERY_PORT),
        destination_ports=_sorted(condition.destination_ports, _EVERY_PORT),
        icmp=icmp,
        flags=_EVERY_FLAG if condition.flags is None else _fitting(condition.flags),
        later=_WHOLE,
    )
    return found if found.source_ports and found.destination_ports and found.flags else None


def _fitting(flags: Flags) -> Ranges:
    """Return the numbers of the headers that these flags fit."""
    return merged((number, number) for number in range(_FLAG_BITS + 1) if flags.fit(number))


def _sorted(ranges: Ranges | None, every: Ranges) -> Ranges:
    return every if ranges is None else ranges if len(ranges) < 2 else merged(ranges)


def _range_holds(mine: Ranges, theirs: Ranges) -> bool:
    """Return whether each of their ranges is within one of mine; both are sorted and joined."""
    return mine == theirs or all(any(a <= first and last <= b for a, b in mine) for first, last in theirs)


def _common(mine: Ranges, theirs: Ranges) -> Ranges:
    if mine == theirs:
        return mine
    return tuple(
        (max(a, first), min(b, last)) for a, b in mine for first, last in theirs if max(a, first) <= min(b, last)
    )


def _less(mine: Ranges, theirs: Ranges) -> Ranges:
    """Return the numbers of mine that are not theirs."""
    left = list(mine)
    for first, last in theirs:
        left = [
            part
            for a, b in left
            for part in (((a, min(b, first - 1)), (max(a, last + 1), b)) if first <= b and a <= last else ((a, b),))
            if part[0] <= part[1]
        ]
    return tuple(left)


def _with(packets: PacketSet, name: str, part: Bits | Ranges) -> PacketSet:
    return replace(packets, **{name: part})  # type: ignore[arg-type]  # its field is of the part's type


def _usual(protocols: Ranges, icmp: int) -> int:
    """Return a protocol among these, a well-known protocol if possible. icmp: its number."""
    usual = (one for one in (TCP, UDP, icmp) if any(first <= one <= last for first, last in protocols))
    return next(usual, protocols[0][0])


# -------------------------------------------------------------------------------------------- entries that never decide


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
