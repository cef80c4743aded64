"""Sets of nf_tables whose elements lead to verdicts: their octets, and their counters.

    names       a hash of interface names, to chains
    counted     a hash of fields; each element counts
    intervals   boxes: a first and a last value of each field; no two of them may overlap; each element counts
    numbers     a hash of fields, or boxes, to a number of four octets
    keys        a hash of fields alone
    areas       boxes alone

The key is in the 32-bit registers from `FIRST_REGISTER` on, each field in a register of its own.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import Value
from dmvpn.dataplane.netlink import nftables
from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
from dmvpn.dataplane.netlink.wire import (
    NLA_F_NESTED,
    NLM_F_CREATE,
    attribute,
    attribute_text,
    nest,
    parse_attributes,
    read_text,
)

#: NFT_REG32_00; the registers behind it are numbered on.
FIRST_REGISTER: Final = 8
_NEW_SET, _DELETE_SET, _NEW_ELEMENTS, _GET_ELEMENTS, _DELETE_ELEMENTS = (
    nftables.SUBSYSTEM << 8 | number for number in (9, 11, 12, 13, 14)
)
_GET_SET: Final = nftables.SUBSYSTEM << 8 | 10
_SET_TABLE, _SET_NAME, _SET_FLAGS, _SET_KEY_TYPE, _SET_KEY_LENGTH, _SET_DATA_TYPE, _SET_DATA_LENGTH = range(1, 8)
_SET_DESCRIPTION, _SET_ID, _SET_EXPRESSION = 9, 10, 17
_DESCRIPTION_SIZE, _DESCRIPTION_FIELDS = 1, 2
_INTERVAL, _MAP, _TIMED, _EVALUATED, _CONCATENATION = 4, 8, 0x10, 0x20, 0x80
_SET_TIMEOUT: Final = 11
#: Milliseconds.
_DAY: Final = 86_400_000
#: NFT_CONNLIMIT_F_INV: more than the number.
_OVER: Final = 1
_VERDICTS: Final = 0xFFFFFF00
_LIST_ELEMENT: Final = 1
_ELEMENTS_TABLE, _ELEMENTS_SET, _ELEMENTS = 1, 2, 3
_KEY, _DATA, _USER_DATA, _EXPRESSION, _KEY_END = 1, 2, 6, 7, 10
_DATA_VALUE, _DATA_VERDICT = 1, 2
_EXPRESSION_DATA, _COUNTER_PACKETS = 2, 2
_BE32 = struct.Struct("!I")
_NAME_OCTETS = 16
_ATTRIBUTE = struct.Struct("=HH")
_MARK_PADDING: Final = bytes(-nftables.MARK.size & 3)
#: What precedes the four octets of a number.
_NUMBER_HEAD: Final = _ATTRIBUTE.pack(12, _DATA | NLA_F_NESTED) + _ATTRIBUTE.pack(8, _DATA_VALUE)
#: Octets of elements in one message; the attribute that holds them has a length of 16 bits.
_MESSAGE: Final = 60_000


class ElementThere(Value):
    """An element in the kernel. mark: the number of ours that it has; packets: its counter."""

    mark: int | None
    packets: int


# ---------------------------------------------------------------------------------------------------- sets


def name_map(table: str, name: str, number: int) -> nftables.Part:
    """Return a map of interface names to verdicts. number: of the set in its transaction."""
    return _set(table, name, number, _MAP, _NAME_OCTETS, _VERDICTS, 0)


def counted_map(table: str, name: str, number: int, length: int, size: int) -> nftables.Part:
    """Return a map of keys of `length` octets to verdicts. Each of its `size` elements counts its packets."""
    description = nest(_SET_DESCRIPTION, attribute(_DESCRIPTION_SIZE, _BE32.pack(size)))
    counts = nest(_SET_EXPRESSION, nftables.expression("counter", b""))
    return _set(table, name, number, _MAP, length, _VERDICTS, 0, description + counts)


def number_map(table: str, name: str, number: int, length: int, size: int = 0) -> nftables.Part:
    """Return a map of keys of so many octets to numbers. size: elements, 0: not known."""
    description = nest(_SET_DESCRIPTION, attribute(_DESCRIPTION_SIZE, _BE32.pack(size))) if size else b""
    return _set(table, name, number, _MAP, length, 0, 4, description)


def number_boxes(table: str, name: str, number: int, fields: Sequence[int]) -> nftables.Part:
    """Return a map of boxes to numbers. fields: the octets of each."""
    return _boxes(table, name, number, fields, _MAP, 0, 4)


def key_set(table: str, name: str, number: int, length: int, size: int) -> nftables.Part:
    """Return a set of `size` keys of so many octets."""
    description = nest(_SET_DESCRIPTION, attribute(_DESCRIPTION_SIZE, _BE32.pack(size)))
    return _set(table, name, number, 0, length, 0, 0, description)


def share_set(table: str, name: str, number: int, size: int) -> nftables.Part:
    """Return a set of addresses that rules fill (`more_flows`)."""
    return _set(table, name, number, _EVALUATED, 4, 0, 0, nest(_SET_DESCRIPTION, attribute(1, _BE32.pack(size))))


def held_map(table: str, name: str, number: int, size: int) -> nftables.Part:
    """Return a map of addresses to addresses that rules fill (`held_anew`). An entry goes after a day without use."""
    more = nest(_SET_DESCRIPTION, attribute(_DESCRIPTION_SIZE, _BE32.pack(size)))
    more += attribute(_SET_TIMEOUT, struct.pack("!Q", _DAY))
    return _set(table, name, number, _MAP | _TIMED | _EVALUATED, 4, 0, 4, more)


def areas(table: str, name: str, number: int, fields: Sequence[int]) -> nftables.Part:
    """Return a set of boxes. fields: the octets of each."""
    return _boxes(table, name, number, fields, 0, 0, 0)


def _boxes(
    table: str,
    name: str,
    number: int,
    fields: Sequence[int],
    flags: int,
    data: int,
    data_length: int,
    more: bytes = b"",
) -> nftables.Part:
    length = sum((octets + 3) & ~3 for octets in fields)
    listed = b"".join(nest(_LIST_ELEMENT, attribute(1, _BE32.pack(octets))) for octets in fields)
    description = nest(_SET_DESCRIPTION, nest(_DESCRIPTION_FIELDS, listed))
    flags |= _INTERVAL | _CONCATENATION
    return _set(table, name, number, flags, length, data, data_length, description + more)


def delete_set(table: str, name: str) -> nftables.Part:
    """Delete a set; no rule may refer to it."""
    return _DELETE_SET, 0, attribute_text(_SET_TABLE, table) + attribute_text(_SET_NAME, name)


def _set(
    table: str, name: str, number: int, flags: int, length: int, data: int, data_length: int, more: bytes = b""
) -> nftables.Part:
    body = attribute_text(_SET_TABLE, table) + attribute_text(_SET_NAME, name)
    values = ((_SET_FLAGS, flags), (_SET_KEY_TYPE, 0), (_SET_KEY_LENGTH, length))
    body += b"".join(attribute(kind, _BE32.pack(value)) for kind, value in values)
    if flags & _MAP:
        body += attribute(_SET_DATA_TYPE, _BE32.pack(data))
    if data_length:
        body += attribute(_SET_DATA_LENGTH, _BE32.pack(data_length))
    return _NEW_SET, NLM_F_CREATE, body + attribute(_SET_ID, _BE32.pack(number)) + more


# ---------------------------------------------------------------------------------------------------- elements


def name_element(interface: str, code: nftables.NetfilterVerdict, chain: str) -> bytes:
    """Return an element of a map of interface names."""
    return nest(_LIST_ELEMENT, _name_key(interface), verdict_data(code, chain))


def verdict_data(code: nftables.NetfilterVerdict, chain: str = "") -> bytes:
    """Return the verdict of an element."""
    fields = attribute(1, struct.pack("!i", code)) + (attribute_text(2, chain) if chain else b"")
    return nest(_DATA, nest(_DATA_VERDICT, fields))


def maker(key: struct.Struct, data: bytes) -> Callable[[Sequence[int | bytes], int], bytes]:
    """Return a function that makes elements with this verdict: of their key and mark.

    It is called for each of thousands, so the octets that all of them share are made once.
    """
    head, tail = _frame(key.size + 8, _key_head(key, _KEY), data)
    pack, noted = key.pack, nftables.MARK.pack

    def element(values: Sequence[int | bytes], mark: int) -> bytes:
        return b"".join((head, pack(*values), tail, noted(nftables.MARK_TYPE, 4, mark), _MARK_PADDING))

    return element


def _key_head(key: struct.Struct, kind: int) -> bytes:
    return _ATTRIBUTE.pack(key.size + 8, kind | NLA_F_NESTED) + _ATTRIBUTE.pack(key.size + 4, _DATA_VALUE)


def _frame(octets: int, head: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Return what precedes and what follows the keys, of so many octets with their heads, of all elements of a set."""
    noted = _ATTRIBUTE.pack(_ATTRIBUTE.size + nftables.MARK.size, _USER_DATA)
    length = _ATTRIBUTE.size + octets + len(data) + len(noted) + nftables.MARK.size + len(_MARK_PADDING)
    return _ATTRIBUTE.pack(length, _LIST_ELEMENT | NLA_F_NESTED) + head, data + noted


def number_maker(key: struct.Struct) -> Callable[[Sequence[int | bytes], bytes], bytes]:
    """Return a function that makes elements of a map of numbers: of their key and number."""
    head, tail = _plain(key.size + 8, _key_head(key, _KEY), _NUMBER_HEAD, _BE32.size)
    pack = key.pack

    def element(values: Sequence[int | bytes], number: bytes) -> bytes:
        return b"".join((head, pack(*values), tail, number))

    return element


def number_box_maker(
    key: struct.Struct,
) -> Callable[[Sequence[int | bytes], Sequence[int | bytes], bytes], bytes]:
    """Return a function that makes boxes of a map of numbers: of their first values, last values, and number."""
    head, tail = _plain(2 * (key.size + 8), _key_head(key, _KEY), _NUMBER_HEAD, _BE32.size)
    middle, pack = _key_head(key, _KEY_END), key.pack

    def element(first: Sequence[int | bytes], last: Sequence[int | bytes], number: bytes) -> bytes:
        return b"".join((head, pack(*first), middle, pack(*last), tail, number))

    return element


def key_element(key: bytes) -> bytes:
    """Return an element of a set of keys."""
    return nest(_LIST_ELEMENT, nest(_KEY, attribute(_DATA_VALUE, key)))


def area_maker(key: struct.Struct) -> Callable[[Sequence[int], Sequence[int]], bytes]:
    """Return a function that makes boxes of a set: of their first values and last values."""
    head, _ = _plain(2 * (key.size + 8), _key_head(key, _KEY), b"", 0)
    middle, pack = _key_head(key, _KEY_END), key.pack

    def element(first: Sequence[int], last: Sequence[int]) -> bytes:
        return b"".join((head, pack(*first), middle, pack(*last)))

    return element


def _plain(octets: int, head: bytes, data: bytes, number: int) -> tuple[bytes, bytes]:
    """Return what precedes and what follows the keys of elements without a mark. number: octets behind all of this."""
    length = _ATTRIBUTE.size + octets + len(data) + number
    return _ATTRIBUTE.pack(length, _LIST_ELEMENT | NLA_F_NESTED) + head, data


def number_element(key: bytes, number: bytes) -> bytes:
    """Return an element of a map of numbers."""
    return nest(_LIST_ELEMENT, nest(_KEY, attribute(_DATA_VALUE, key)), nest(_DATA, attribute(_DATA_VALUE, number)))


def add_elements(table: str, name: str, elements: Iterable[bytes]) -> Iterator[nftables.Part]:
    """Yield the messages that add elements to a set."""
    return _elements(_NEW_ELEMENTS, NLM_F_CREATE, table, name, elements)


def delete_names(table: str, name: str, interfaces: Iterable[str]) -> Iterator[nftables.Part]:
    """Yield the messages that delete elements of a map of interface names; all of them must exist."""
    return _elements(_DELETE_ELEMENTS, 0, table, name, (nest(_LIST_ELEMENT, _name_key(one)) for one in interfaces))


def _name_key(interface: str) -> bytes:
    return nest(_KEY, attribute(_DATA_VALUE, interface.encode().ljust(_NAME_OCTETS, b"\0")))


def _elements(kind: int, flags: int, table: str, name: str, elements: Iterable[bytes]) -> Iterator[nftables.Part]:
    head = attribute_text(_ELEMENTS_TABLE, table) + attribute_text(_ELEMENTS_SET, name)
    some: list[bytes] = []
    size = 0
    for element in elements:
        if size + len(element) > _MESSAGE:
            yield kind, flags, head + nest(_ELEMENTS, *some)
            some, size = [], 0
        some.append(element)
        size += len(element)
    if some:
        yield kind, flags, head + nest(_ELEMENTS, *some)


# ---------------------------------------------------------------------------------------------------- expressions


def lookup(name: str, to: int | None = None) -> bytes:
    """Look up the key: the verdict of its element is carried out, or its number goes into a register."""
    registers = attribute(2, _BE32.pack(FIRST_REGISTER)) + attribute(3, _BE32.pack(0 if to is None else to))
    return nftables.expression("lookup", attribute_text(1, name) + registers)


def is_member(name: str, register: int = FIRST_REGISTER) -> bytes:
    """Continue if the key is in the set. register: where the key begins."""
    return nftables.expression("lookup", attribute_text(1, name) + attribute(2, _BE32.pack(register)))


def more_flows(name: str, most: int) -> bytes:
    """Continue if the address in the key has more flows than this."""
    count = nftables.expression("connlimit", nftables.numbers(most, _OVER))
    fields = attribute_text(1, name) + attribute(3, _BE32.pack(0)) + attribute(4, _BE32.pack(FIRST_REGISTER))
    return nftables.expression("dynset", fields + nest(7, count))


def held_again(name: str) -> tuple[bytes, bytes]:
    """Load the address of the key into the second register, if the map has one, and keep it there for longer."""
    return lookup(name, FIRST_REGISTER + 4), _put_held(name, 1)


def held_anew(name: str, first: int, size: int) -> tuple[bytes, ...]:
    """Put the next of `size` addresses into the second register and the map; break if the map is full."""
    turned = nftables.expression("numgen", nftables.numbers(FIRST_REGISTER + 4, size, 0, first))
    ordered = nftables.expression("byteorder", nftables.numbers(FIRST_REGISTER + 4, FIRST_REGISTER + 4, 1, 4, 4))
    return turned, ordered, _put_held(name, 0)


def _put_held(name: str, operation: int) -> bytes:
    registers = (operation, FIRST_REGISTER, FIRST_REGISTER + 4)
    fields = b"".join(attribute(kind, _BE32.pack(value)) for kind, value in enumerate(registers, 3))
    return nftables.expression("dynset", attribute_text(1, name) + fields)


def load(base: int, offset: int, length: int, field: int) -> bytes:
    """Load octets of a header into a field of the key. base: 1: the IP header, 2: the header behind it."""
    return nftables.expression("payload", nftables.numbers(FIRST_REGISTER + field, base, offset, length))


# ---------------------------------------------------------------------------------------------------- the kernel


def elements_there(kernel: NetfilterSocket, table: str, name: str) -> Iterator[ElementThere]:
    """Yield the elements of a set with their counters. Raises OSError."""
    asked = attribute_text(_ELEMENTS_TABLE, table) + attribute_text(_ELEMENTS_SET, name)
    layouts: dict[int, _Layout] = {}
    for body in list(kernel.dump(_GET_ELEMENTS, asked)):  # to the end: during a breath others may use the socket
        for element in breathing(_listed(parse_attributes(body).get(_ELEMENTS))):
            layout = layouts.get(len(element))
            if layout is None or not layout.fits(element):
                layout = layouts[len(element)] = _Layout(element)
            yield layout.read_element(element)


class _Layout:
    """Where mark and counter are in an element: thousands are alike, so their attributes are walked once."""

    def __init__(self, element: memoryview) -> None:
        self._heads: list[tuple[int, bytes]] = []
        self._mark = self._find(element, 0, (_USER_DATA,))
        self._packets = self._find(element, 0, (_EXPRESSION, _EXPRESSION_DATA, _COUNTER_PACKETS))

    def fits(self, element: memoryview) -> bool:
        """Return whether an element of the same length has the same attributes there."""
        return all(element[place : place + 4] == head for place, head in self._heads)

    def read_element(self, element: memoryview) -> ElementThere:
        """Return an element."""
        mark = None if self._mark is None else nftables.read_mark(element[self._mark : self._mark + nftables.MARK.size])
        packets = 0 if self._packets is None else int.from_bytes(element[self._packets : self._packets + 8], "big")
        return ElementThere(mark, packets)

    def _find(self, element: memoryview, start: int, path: tuple[int, ...]) -> int | None:
        """Return where the value of an attribute begins, and note the heads on the way there."""
        end = len(element)
        for wanted in path:
            while start + 4 <= end:
                length, kind = _ATTRIBUTE.unpack_from(element, start)
                if length < 4 or start + length > end:
                    return None
                if kind & ~NLA_F_NESTED == wanted:
                    break
                start += (length + 3) & ~3
            else:
                return None
            self._heads.append((start, bytes(element[start : start + 4])))
            start, end = start + 4, start + length
        return start


def sets_there(kernel: NetfilterSocket, table: str) -> list[str]:
    """Return the names of the sets of a table; none if it does not exist. Raises OSError."""
    found = [parse_attributes(body) for body in kernel.dump(_GET_SET)]
    return [read_text(one[_SET_NAME]) for one in found if read_text(one[_SET_TABLE]) == table]


def _listed(data: memoryview | None) -> Iterator[memoryview]:
    offset = 0
    while data is not None and offset + 4 <= len(data):
        length = int.from_bytes(data[offset : offset + 2], sys.byteorder)
        if length < 4:
            return
        yield data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
