"""An access list in pieces, and what nf_tables compares for each: fields of headers in a rule, keys in a set.

    Piece              packets of one kind that an entry is about, as a box: a range of values for each field
    layers             the pieces in groups, of which no two pieces have a packet in common: each may be one set
    Rules              the chains and sets of one list: made before packets pass them, and what they counted
    fields, guards     the matches of one rule
    HashKey, BoxKey    the keys by which sets find pieces: which bits of which fields, in boxes all of them

Boxes that might have a packet in common count as if they had one; that costs a layer and no more.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Final, NamedTuple

from dmvpn.base.addresses import EVERY_BIT
from dmvpn.base.filters import PATH_ECHO_ICMP, PATH_ECHO_SERVICE, Condition, FilterEntry, Flags, Ranges, merged
from dmvpn.base.translation import ICMP_OF, TCP, UDP, Addresses
from dmvpn.base.values import Mutable, Value
from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
from dmvpn.dataplane.netlink.nftables import (
    Compare,
    Meta,
    Part,
    chain,
    compare,
    has_extension,
    header_words,
    masked,
    meta,
    network_header,
    rule,
    transport_header,
)
from dmvpn.dataplane.netlink.sets import (
    FIRST_REGISTER,
    add_elements,
    area_maker,
    areas,
    elements_there,
    is_member,
    load,
)

# ------------------------------------------------------------------------------------------------ pieces


#: `Box.protocol` of all protocols.
ANY_PROTOCOL: Final = -1
WHOLE: Final = (0, 0xFFFF)
#: More kinds of boxes (lengths of their prefixes) than this are told apart by whole octets only.
_SHAPES: Final = 50


class Kind(enum.Enum):
    """Packets with the header behind IP, of TCP, UDP and ICMP; later fragments; all packets."""

    FIRST = "first"
    LATER = "later"
    ALL = "all"


class Box(NamedTuple):
    """Packets. first, second: the values of the two numbers of 16 bits behind the IP header: ports; type and code.

    bits: of an address.
    """

    protocol: int
    source: int
    source_length: int
    destination: int
    destination_length: int
    first: tuple[int, int] = WHOLE
    second: tuple[int, int] = WHOLE
    bits: int = 32


class Piece(NamedTuple):
    """Packets that an entry is about. is_box: all of the box, else only some of it."""

    entry: FilterEntry
    kind: Kind
    box: Box
    is_box: bool


class UnsuitableEntry(ValueError):
    """An entry asks for a field that packets of its protocol do not have."""


def layers(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return pieces of one chain in groups, of which no two pieces have a packet in common."""
    shapes = {_shape(piece.box) for piece in pieces}  # counted, never iterated
    known = _Index(1 if len(shapes) <= _SHAPES else 8)
    found: list[list[Piece]] = []
    for piece in pieces:
        layer = known.level(piece.box)
        known.add(piece.box, layer + 1)
        if layer == len(found):
            found.append([])
        found[layer].append(piece)
    return found


# ---------------------------------------------------------------------------------------------------- pieces


def pieces_of(entry: FilterEntry) -> Iterator[Piece]:
    """Yield the pieces of an entry. Raises UnsuitableEntry."""
    condition = entry.condition
    _check(entry)
    if condition.ttl is not None and not merged(condition.ttl):
        return
    source, source_length, is_source = _prefix(condition.source)
    destination, destination_length, is_destination = _prefix(condition.destination)
    protocol = ANY_PROTOCOL if condition.protocol is None else condition.protocol
    asked = condition.service, condition.ttl, condition.option
    needs_rule = any((entry.log, entry.log_input, condition.sources, condition.destinations))
    needs_rule = needs_rule or any(part is not None for part in asked)
    is_box = is_source and is_destination and not needs_rule
    bits = condition.source.address.max_prefixlen
    box = Box(protocol, source, source_length, destination, destination_length, bits=bits)
    if not condition.looks_behind_ip:
        yield Piece(entry, Kind.LATER if condition.fragments else Kind.ALL, box, is_box)
        return
    if not condition.fragments:
        is_whole = is_box and condition.flags is None
        for first, second in _behind(condition):
            yield Piece(entry, Kind.FIRST, box._replace(first=first, second=second), is_whole)
    if entry.permit:
        yield Piece(entry, Kind.LATER, box, is_box)


def _check(entry: FilterEntry) -> None:
    condition = entry.condition
    ports = condition.source_ports is not None or condition.destination_ports is not None
    wrong = (
        (ports and condition.protocol not in (TCP, UDP))
        or (condition.icmp is not None and condition.protocol != ICMP_OF[condition.source.address.version])
        or (condition.flags is not None and condition.protocol != TCP)
    )
    if wrong:
        raise UnsuitableEntry(f"entry {entry.sequence}: packets of its protocol do not have what it asks for")


def is_prefix(condition: Condition) -> bool:
    """Return whether its addresses are prefixes, or groups."""
    return _prefix(condition.source)[2] and _prefix(condition.destination)[2]


def _behind(condition: Condition) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    if condition.icmp is not None:
        kind, code = condition.icmp
        yield ((kind << 8, kind << 8 | 0xFF) if code is None else (kind << 8 | code,) * 2), WHOLE
        return
    for first in ports_of(condition.source_ports):
        for second in ports_of(condition.destination_ports):
            yield first, second


def ports_of(ranges: Ranges | None) -> Ranges:
    """Return ranges of ports; None: one with all of them."""
    return (WHOLE,) if ranges is None else merged(ranges)


def _prefix(addresses: Addresses) -> tuple[int, int, bool]:
    """Return a prefix that has all of the addresses, and whether it has no other ones."""
    wildcard = int(addresses.wildcard)
    free = wildcard.bit_length()
    length = addresses.address.max_prefixlen - free
    return int(addresses.address) >> free << free, length, not wildcard & (wildcard + 1)


# ---------------------------------------------------------------------------------------------------- levels


_Shape = tuple[int, int, int]


def _shape(box: Box) -> _Shape:
    return (box.protocol != ANY_PROTOCOL, box.source_length, box.destination_length)


class _Index:
    """Finds the last layer of boxes that may have a packet in common with another one, whatever their ports."""

    def __init__(self, step: int) -> None:
        """step: prefixes are compared by multiples of so many bits."""
        self._step = step
        self._boxes: dict[_Shape, list[tuple[Box, int]]] = {}
        #: By shape, and by what of its boxes another shape can tell apart.
        self._seen: dict[_Shape, dict[_Shape, dict[object, int]]] = {}

    def level(self, box: Box) -> int:
        """Return the number of layers up to the last box that may have a packet in common with this one."""
        return max((self._level(shape, box) for shape in self._boxes), default=0)

    def add(self, box: Box, level: int) -> None:
        """Take in a box; level: the number of layers up to its own."""
        shape = self._shape(box)
        self._boxes.setdefault(shape, []).append((box, level))
        for common, seen in self._seen.setdefault(shape, {}).items():
            _raise(seen, _key(box, common), level)

    def _level(self, shape: _Shape, box: Box) -> int:
        own = self._shape(box)
        common = (min(shape[0], own[0]), min(shape[1], own[1]), min(shape[2], own[2]))
        seen = self._seen[shape].get(common)
        if seen is None:
            seen = self._seen[shape][common] = {}
            for other, level in self._boxes[shape]:
                _raise(seen, _key(other, common), level)
        return seen.get(_key(box, common), 0)

    def _shape(self, box: Box) -> _Shape:
        exact, source, destination = _shape(box)
        return exact, source - source % self._step, destination - destination % self._step


def _raise(seen: dict[object, int], key: object, level: int) -> None:
    seen[key] = max(level, seen.get(key, 0))


def _key(box: Box, shape: _Shape) -> object:
    exact, source, destination = shape
    ends = box.source >> (box.bits - source), box.destination >> (box.bits - destination)
    return (box.protocol if exact else ANY_PROTOCOL, *ends)


# ---------------------------------------------------------------------------------------------------- filter chains

#: Octets of the fields of a group's set: all protocols, and an address. The kernel's boxes have two fields at least.
_FIELDS: Final = (1, 4)
_KEY = struct.Struct("!B3xI")
#: Chains that are read one by one. The table of a router may have thousands.
_FEW_CHAINS: Final = 16


class Rules(Mutable):
    """The parts that make chains and sets that no packet passes yet, and their names.

    version: of IP.
    marked: the chains whose rules count packets. counted: the sets whose elements do.
    groups: the names of the sets of groups of addresses, by the identity of the group: entries share one object.
    """

    table: str
    name: str
    version: int = 4
    parts: list[Part] = field(default_factory=list)
    chains: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    marked: dict[str, None] = field(default_factory=dict)
    counted: list[str] = field(default_factory=list)
    groups: dict[int, tuple[str, tuple[Addresses, ...]]] = field(default_factory=dict)

    def chain(self, end: str = "") -> str:
        """Make a chain; returns its name."""
        name = f"{self.name}{end}"
        self.chains.append(name)
        self.parts.append(chain(self.table, name))
        return name

    def rule(self, name: str, *expressions: bytes, mark: int | None = None) -> None:
        """Append a rule to a chain."""
        if mark is not None:
            self.marked[name] = None
        self.parts.append(rule(self.table, name, *expressions, mark=mark))

    def set(self, end: str, make: Callable[[str, str, int], Part], *, counts: bool = False) -> str:
        """Make a set; returns its name. counts: its elements count packets."""
        name = f"{self.name}{end}"
        self.sets.append(name)
        if counts:
            self.counted.append(name)
        self.parts.append(make(self.table, name, len(self.sets)))
        return name

    def members(self, group: tuple[Addresses, ...]) -> str:
        """Make a set of all protocols and these addresses, once; returns its name."""
        known = self.groups.get(id(group))
        if known is not None:
            return known[0]
        end = f"-group-{len(self.groups)}"
        name = self.set(end, lambda table, name, number: areas(table, name, number, _FIELDS))
        self.groups[id(group)] = name, group
        element = area_maker(_KEY)
        elements = (element((0, first), (0xFF, last)) for first, last in _spans(group))
        self.parts += add_elements(self.table, name, elements)
        return name


def counts_of(kernel: NetfilterSocket | None, table: str, built: Mapping[int, Rules]) -> dict[tuple[int, int], int]:
    """Return the counts of chains and sets, by the key and by number of the entry. Raises OSError."""
    if kernel is None or not built:
        return {}
    found: dict[tuple[int, int], int] = {}
    places = {name: place for place, rules in built.items() for name in rules.marked}
    asked = places if len(places) <= _FEW_CHAINS else ("",)
    for one in (one for name in asked for one in kernel.rules(table, name)):
        if one.mark is not None and one.chain in places:
            key = places[one.chain], one.mark
            found[key] = found.get(key, 0) + (one.packets or 0)
    for place, rules in built.items():
        for name in rules.counted:
            for element in elements_there(kernel, table, name):
                if element.mark is not None:
                    key = place, element.mark
                    found[key] = found.get(key, 0) + element.packets
    return found


def _spans(group: tuple[Addresses, ...]) -> list[tuple[int, int]]:
    """Return the ranges of addresses, none of which overlap."""
    found: list[tuple[int, int]] = []
    spans = ((int(one.address) & ~int(one.wildcard), int(one.address) | int(one.wildcard)) for one in group)
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


# ---------------------------------------------------------------------------------------------------- filter matches

#: Where the headers of IP and behind IP begin, as nf_tables numbers them.
IP, BEHIND_IP = 1, 2
#: Octets of the IP header.
PROTOCOL, SOURCE, DESTINATION = 9, 12, 16
_SERVICE, _TTL, _TCP_FLAGS = 1, 8, 13
#: The first octet of a header of 20 octets; "more fragments" and the offset; type and code except for `PATH_ECHO_ICMP`.
_WITHOUT_OPTIONS: Final = 0x45
_FRAGMENTS: Final = b"\x3f\xff"
_ECHOES: Final = b"\xf7\xff"
#: Octets of the IPv6 header, RFC 8200 §3; of the first two ones, the bits of the class begin behind four others.
NEXT_HEADER: Final = 6
_SOURCE6, _DESTINATION6, _HOPS, _CLASS_SHIFT = 8, 24, 7, 4
_CLASS_AND_VERSION: Final = b"\xff\xf0"
_ECHOES6: Final = b"\xfe\xff"


def is_protocol(number: int, version: int = 4) -> tuple[bytes, bytes]:
    """Return the match for the protocol in the IP header, over IPv6 of the header behind all extension headers."""
    loaded = network_header(PROTOCOL, 1) if version == 4 else meta(Meta.PROTOCOL)
    return loaded, compare(Compare.EQUAL, bytes((number,)))


def fields(piece: Piece) -> Iterator[bytes]:
    """Yield the matches for addresses that are no group, and for ports or the type of ICMP."""
    condition, box = piece.entry.condition, piece.box
    if not condition.sources:
        yield from source(condition.source)
    if not condition.destinations:
        yield from destination(condition.destination)
    for offset, numbers in enumerate((box.first, box.second)):
        if piece.kind is Kind.FIRST and numbers != WHOLE:
            yield from _between(transport_header(2 * offset, 2), numbers, octets=2)


def guards(rules: Rules, piece: Piece) -> Iterator[tuple[bytes, ...]]:
    """Yield what a piece asks for besides `fields`, the protocol, and a certain option: any of the results fits."""
    condition = piece.entry.condition
    found: tuple[bytes, ...] = ()
    is_ipv6 = piece.box.bits > _BITS
    if condition.service is not None and is_ipv6:
        value, mask = ((octet << _CLASS_SHIFT).to_bytes(2, "big") for octet in condition.service)
        found = network_header(0, 2), masked(mask), compare(Compare.EQUAL, value)
    elif condition.service is not None:
        value, mask = (bytes((octet,)) for octet in condition.service)
        found = network_header(_SERVICE, 1), masked(mask), compare(Compare.EQUAL, value)
    if condition.option is not None and is_ipv6:
        found += has_extension(condition.option)
    elif condition.option is not None and condition.option < 0:
        found += header_words(Compare.MORE, 5)
    if piece.kind is Kind.FIRST and condition.flags is not None:
        found += _flags(condition.flags)
    for offset, members in ((SOURCE, condition.sources), (DESTINATION, condition.destinations)):
        if members:  # a group of addresses is a set
            found += load(IP, PROTOCOL, 1, 0), load(IP, offset, 4, 1), is_member(rules.members(members))
    for ttl in merged(condition.ttl) if condition.ttl is not None else (None,):
        hops = network_header(_HOPS if is_ipv6 else _TTL, 1)
        yield found if ttl is None else (*found, *_between(hops, ttl, octets=1))


def source(meant: Addresses) -> tuple[bytes, ...]:
    """Return the match for the source in the IP header."""
    return _address(SOURCE if meant.address.version == 4 else _SOURCE6, meant)


def destination(meant: Addresses) -> tuple[bytes, ...]:
    """Return the match for the destination in the IP header."""
    return _address(DESTINATION if meant.address.version == 4 else _DESTINATION6, meant)


def _address(offset: int, meant: Addresses) -> tuple[bytes, ...]:
    if meant.is_any:
        return ()
    octets, every = len(meant.address.packed), EVERY_BIT[type(meant.address)]
    mask = every ^ int(meant.wildcard)
    wanted = (int(meant.address) & mask).to_bytes(octets, "big")
    loads = (network_header(offset, octets), *([masked(mask.to_bytes(octets, "big"))] if mask != every else []))
    return (*loads, compare(Compare.EQUAL, wanted))


def path_echo(subnet: Addresses) -> tuple[bytes, ...]:
    """Return the match for ICMP between two addresses of a subnet that `PortFilters.is_path_echo` means."""
    ends = (*source(subnet), *destination(subnet))
    if subnet.address.version == 6:
        first = (6 << 12 | PATH_ECHO_SERVICE << _CLASS_SHIFT).to_bytes(2, "big")
        plain = network_header(0, 2), masked(_CLASS_AND_VERSION), compare(Compare.EQUAL, first)
        whole = network_header(NEXT_HEADER, 1), compare(Compare.EQUAL, bytes((ICMP_OF[6],)))
        kind = transport_header(0, 2), masked(_ECHOES6), compare(Compare.EQUAL, bytes(PATH_ECHO_ICMP[6][1]))
        return (*plain, *whole, *kind, *ends)
    plain4 = network_header(0, 2), compare(Compare.EQUAL, bytes((_WITHOUT_OPTIONS, PATH_ECHO_SERVICE)))
    whole4 = network_header(6, 2), masked(_FRAGMENTS), compare(Compare.EQUAL, bytes(2))
    return (*plain4, *whole4, transport_header(0, 2), masked(_ECHOES), compare(Compare.EQUAL, bytes(2)), *ends)


def _between(loaded: bytes, numbers: tuple[int, int], *, octets: int) -> tuple[bytes, ...]:
    first, last = (number.to_bytes(octets, "big") for number in numbers)
    if first == last:
        return loaded, compare(Compare.EQUAL, first)
    return loaded, compare(Compare.AT_LEAST, first), compare(Compare.AT_MOST, last)


def _flags(flags: Flags) -> tuple[bytes, ...]:
    """Return the match for TCP flags, of which `Flags` may ask the impossible."""
    loaded = transport_header(_TCP_FLAGS, 1)
    asked, both = (flags.set | flags.clear) & 0xFF, flags.set & flags.clear
    if flags.is_any:
        if both:
            return (loaded,)
        return loaded, masked(bytes((asked,))), compare(Compare.NOT_EQUAL, bytes((flags.clear & 0xFF,)))
    wanted = flags.set & 0xFF
    if both:  # a bit that is set and clear: masked away, and asked for
        return loaded, masked(bytes((asked & ~both,))), compare(Compare.EQUAL, bytes((wanted | both,)))
    return loaded, masked(bytes((asked,))), compare(Compare.EQUAL, bytes((wanted,)))


# ---------------------------------------------------------------------------------------------------- filter keys

#: The bits that decide: of protocol, source, destination, and of the two numbers behind IP.
Masks = tuple[int, int, int, int, int]
#: Fewer pieces than this are rules: a lookup in a set of boxes costs as much as some thirty of them.
WORTH_BOXES: Final = 32
#: Fields of a set of boxes, at least.
_LEAST: Final = 2
#: Of an address of IPv4.
_BITS: Final = 32


class _Part(Value):
    """A field of a key. code: of `struct`; base, offset, octets: where it is in a packet.

    base: `_META`: `offset` is of `Meta`.
    """

    code: str
    base: int
    offset: int
    octets: int

    @property
    def registers(self) -> int:
        """How many of them it takes."""
        return -(-self.octets // 4)

    def packed(self, value: int) -> int | bytes:
        """Return a value as `struct` takes it."""
        return value.to_bytes(16, "big") if self.registers > 1 else value

    @property
    def whole(self) -> tuple[int, int]:
        """The first and the last value."""
        return 0, (1 << 8 * self.octets) - 1

    def load(self, field: int, mask: int) -> tuple[bytes, ...]:
        """Return the expressions that load its bits. field: the register of the key where it begins."""
        if self.base == _META:
            return (meta(Meta(self.offset), FIRST_REGISTER + field),)
        loaded = load(self.base, self.offset, self.octets, field)
        if mask == self.whole[1]:
            return (loaded,)
        # Four octets, although the field may have fewer: the kernel masks these faster.
        return loaded, masked(mask.to_bytes(self.octets, "big").ljust(4, b"\0"), FIRST_REGISTER + field)


_META: Final = 0
_BEHIND: Final = (_Part("H2x", BEHIND_IP, 0, 2), _Part("H2x", BEHIND_IP, 2, 2))
_PARTS: Final = {
    32: (_Part("B3x", IP, PROTOCOL, 1), _Part("I", IP, SOURCE, 4), _Part("I", IP, DESTINATION, 4), *_BEHIND),
    128: (
        _Part("B3x", _META, Meta.PROTOCOL, 1),
        _Part("16s", IP, _SOURCE6, 16),
        _Part("16s", IP, _DESTINATION6, 16),
        *_BEHIND,
    ),
}


class _Key:
    """The parts of a key, in order."""

    def __init__(self, places: Sequence[int], bits: int) -> None:
        self._places, self._parts = places, [_PARTS[bits][place] for place in places]
        self._wide = [(number, part) for number, part in enumerate(self._parts) if part.registers > 1]
        self.struct = struct.Struct("!" + "".join(part.code for part in self._parts))

    def _loads(self, masks: Sequence[int]) -> Iterator[bytes]:
        register = 0
        for part, mask in zip(self._parts, masks, strict=True):
            yield from part.load(register, mask)
            register += part.registers

    def _packed(self, values: list[int]) -> list[int | bytes]:
        found: list[int | bytes] = [*values]
        for number, part in self._wide:
            found[number] = part.packed(values[number])
        return found


class HashKey(_Key):
    """The key of a hash of pieces that ask for the same bits."""

    def __init__(self, masks: Masks, bits: int) -> None:
        super().__init__([place for place, mask in enumerate(masks) if mask], bits)
        self._masks = masks

    def loads(self) -> Iterator[bytes]:
        """Yield the expressions that load the key of a packet."""
        return self._loads([self._masks[place] for place in self._places])

    def fields(self, values: Sequence[int]) -> Sequence[int | bytes]:
        """Return those of the fields that the key has. values: of all."""
        found = [values[place] for place in self._places]
        return self._packed(found) if self._wide else found


def masks_of(piece: Piece) -> Masks | None:
    """Return the bits that a piece asks for; None: of one of its fields it asks for a range.

    Chains of one protocol need not look at it. Groups of addresses are sets of their own.
    """
    condition, box = piece.entry.condition, piece.box
    first, second = (_mask(numbers) for numbers in (box.first, box.second))
    if first is None or second is None:
        return None
    protocol = 0 if box.protocol == ANY_PROTOCOL or piece.kind is Kind.FIRST else 0xFF
    every = (1 << box.bits) - 1
    source = 0 if condition.sources else every ^ int(condition.source.wildcard)
    destination = 0 if condition.destinations else every ^ int(condition.destination.wildcard)
    return protocol, source, destination, first, second


def values_of(piece: Piece, masks: Masks) -> Masks:
    """Return the values of these bits."""
    condition, box = piece.entry.condition, piece.box
    ends = int(condition.source.address), int(condition.destination.address)
    protocol, source, destination, first, second = masks
    return (
        box.protocol & protocol,
        ends[0] & source,
        ends[1] & destination,
        box.first[0] & first,
        box.second[0] & second,
    )


def _mask(numbers: tuple[int, int]) -> int | None:
    """Return the bits that all numbers of this range have in common, and no other numbers have."""
    first, last = numbers
    size = last - first + 1
    return 0xFFFF ^ (size - 1) if not size & (size - 1) and not first % size else None


class BoxKey(_Key):
    """The key of a set of boxes: the fields in which some of the pieces ask for something.

    The kernel notes all boxes that fit the first field, then those of them that fit the next one: so the field in which
    most boxes differ is the first. A field that all boxes have in common would cost as much as there are boxes.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        ranges = [_ranges(piece.box) for piece in pieces]
        parts = _PARTS[pieces[0].box.bits]
        different = [len({box[place] for box in ranges}) for place in range(len(parts))]  # counted, never iterated
        asked = [place for place, part in enumerate(parts) if any(box[place] != part.whole for box in ranges)]
        asked.sort(key=lambda place: -different[place])
        # The kernel's boxes have two fields at least; later fragments have no numbers behind IP.
        asked += [place for place in range(_LEAST) if place not in asked][: max(0, _LEAST - len(asked))]
        super().__init__(asked, pieces[0].box.bits)
        self.fields = tuple(part.octets for part in self._parts)

    def loads(self) -> Iterator[bytes]:
        """Yield the expressions that load the key of a packet."""
        return self._loads([part.whole[1] for part in self._parts])

    def ranges(self, box: Box) -> tuple[Sequence[int | bytes], Sequence[int | bytes]]:
        """Return the first and the last values of a box."""
        ranges = _ranges(box)
        first, last = [ranges[place][0] for place in self._places], [ranges[place][1] for place in self._places]
        return (self._packed(first), self._packed(last)) if self._wide else (first, last)


def _ranges(box: Box) -> tuple[tuple[int, int], ...]:
    """Return the first and the last value of each field."""
    protocol = (0, 0xFF) if box.protocol == ANY_PROTOCOL else (box.protocol, box.protocol)
    every = (1 << box.bits) - 1
    source = box.source, box.source | every >> box.source_length
    destination = box.destination, box.destination | every >> box.destination_length
    return protocol, source, destination, box.first, box.second
