"""The types of `{name:type}` places: how a value is read from the typed words, and what `?` shows for it.

    LOW-HIGH    a decimal number in that range                       int
    address     A.B.C.D                                              IPv4Address
    address6    X:X:X:X::X                                           IPv6Address
    mask        a netmask whose ones are contiguous                  IPv4Address
    wildcard    an inverted mask, any bits                           IPv4Address
    prefix      A.B.C.D/L, or a host address                         Prefix
    prefix6     X:X:X:X::X/L, or a host address                      Prefix
    network6    X:X:X:X::X/L                                         Prefix
    host6       X:X:X:X::X/L, an address within its prefix           IPv6Interface
    word        one word                                             str
    host-name   one word, its quotation marks left out               str
    secret      one word, such as a key or password                  str
    line        the rest of the line as typed, inner blanks kept     str
    banner      text between two equal characters, over several lines   str, or OpenText while its end is missing
    interface   an interface, cut or not, one word or two            str, the long name

`register_type` adds more. A reader gets all words of the line and the place where its value starts, because an
interface may take two words and `line` takes all. It answers with a `Reading`, or says how much of the word fits.
`text_of` is the inverse: the text that reads as a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Interface
from typing import NamedTuple

from dmvpn.base.addresses import Prefix, mask_length, spelled
from dmvpn.ios.interfaces import KINDS, find_kind, fitting_kind, is_number, normalize_interface


class Token(NamedTuple):
    """One typed word and where it starts in the line."""

    text: str
    start: int


class Reading(NamedTuple):
    """A value that was read: itself, its canonical text, and the index of the next word."""

    value: Hashable
    text: str
    end: int


class Unfinished(NamedTuple):
    """The line ends inside the value; what `?` shows for the missing part."""

    placeholder: str
    help: str


class Misfit(NamedTuple):
    """The word is no such value; its first `fits` characters would have been (the caret is after them)."""

    fits: int = 0


Read = Reading | Unfinished | Misfit
Parse = Callable[[str], tuple[Hashable, str] | None]
Spell = Callable[[Hashable], str]


class ValueType:
    """A type whose values are one word. `parse` returns value and canonical text, or None if the word is no value.

    `weight` decides between types that all fit: the smallest wins. Keywords that were cut have weight 10.
    `spell` returns the text of a value that is not a text itself.
    """

    def __init__(
        self, name: str, placeholder: str, parse: Parse, *, fragment: str = r"\S+", weight: int = 0, spell: Spell = str
    ) -> None:
        self.name = name
        self.placeholder = placeholder
        self.weight = weight
        self._parse = parse
        self._fragment = re.compile(fragment)
        self._spell = spell

    def text_of(self, value: Hashable) -> str:
        """Return a text that reads as this value; a text as it is. Of no value of this type it may be any text."""
        return value if isinstance(value, str) else self._spell(value)

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        """Read the value that starts with `tokens[index]`."""
        parsed = self._parse(tokens[index].text)
        return Misfit() if parsed is None else Reading(*parsed, index + 1)

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        """Return what `?` lists when `fragment` has been typed of the value: (placeholder or word, help)."""
        return [(self.placeholder, "")] if not fragment or self._fragment.fullmatch(fragment) else []

    def words(self, fragment: str) -> list[str]:
        """Return real words (not placeholders) that Tab may complete."""
        return []


class OneOf(ValueType):
    """One of some words: for lists in which the same words may appear at several places, in an order that matters.

    `words`: each with the text of `?`. Like a keyword, a word may be cut as long as it is unique.
    """

    def __init__(self, name: str, words: Mapping[str, str]) -> None:
        super().__init__(name, "WORD", self._find)
        self._words = dict(words)

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        text = tokens[index].text.lower()
        found = self._find(text)
        if found is None:
            return Misfit(max(common_prefix(text, word) for word in self._words))
        return Reading(*found, index + 1)

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        lowered = fragment.lower()
        return [(word, text) for word, text in self._words.items() if word.startswith(lowered)]

    def words(self, fragment: str) -> list[str]:
        return [word for word, _ in self.hints(fragment)]

    def _find(self, text: str) -> tuple[str, str] | None:
        if text in self._words:
            return text, text
        begun = self.words(text)
        return (begun[0], begun[0]) if len(begun) == 1 else None


class RestOfLine(ValueType):
    """`line`: everything up to the end, verbatim."""

    def __init__(self) -> None:
        super().__init__("line", "LINE", lambda text: (text, text), fragment=r".*", weight=30)

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        rest = line[tokens[index].start :].rstrip()
        return Reading(rest, rest, len(tokens))


class OpenText(NamedTuple):
    """A text whose end has not been entered yet, and what it will end with."""

    delimiter: str


class Banner(ValueType):
    """`banner`: a text between two equal characters. `^C` is written for the control character that IOS shows so."""

    def __init__(self) -> None:
        super().__init__("banner", "LINE", lambda text: None)

    def text_of(self, value: Hashable) -> str:
        text = str(value)
        mark = next(mark for mark in ("^C", *map(chr, range(33, 127))) if mark not in text)
        return f"{mark}{text}{mark}"

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        rest = line[tokens[index].start :]
        delimiter = "^C" if rest.startswith("^C") else rest[0]
        text, end, _ = rest[len(delimiter) :].partition(delimiter)
        if not end:
            return Reading(OpenText(delimiter), rest, len(tokens))
        shown = delimiter if "^C" in text else "^C"
        return Reading(text, f"{shown}{text}{shown}", len(tokens))


class InterfaceName(ValueType):
    """`interface`: "Gi0/1", "gi 0/1". The kind behaves like a keyword, the number like a value."""

    def __init__(self) -> None:
        super().__init__("interface", "INTERFACE", lambda text: None)

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        text = tokens[index].text
        name = normalize_interface(text)
        if name is not None:
            return Reading(name, name, index + 1)
        kind = find_kind(text)
        if kind is None:
            return Misfit(fitting_kind(text))
        if index + 1 == len(tokens):
            return Unfinished("<0-2147483647>", f"{kind.help} number")
        number = tokens[index + 1].text
        name = normalize_interface(text + number) if is_number(number) else None
        if name is None:
            return Misfit(tokens[index + 1].start - tokens[index].start)
        return Reading(name, name, index + 2)

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        lowered = fragment.lower()
        return [(kind.name, kind.help) for kind in KINDS if kind.name.lower().startswith(lowered)]

    def words(self, fragment: str) -> list[str]:
        return [name for name, _ in self.hints(fragment)]


def common_prefix(one: str, other: str) -> int:
    """Return how many first characters two words share."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


@lru_cache(maxsize=8192)
def _address(text: str) -> tuple[IPv4Address, str] | None:
    try:
        address = IPv4Address(text)
    except ValueError:
        return None
    return address, str(address)


def _address6(text: str) -> tuple[IPv6Address, str] | None:
    try:
        address = IPv6Address(text)
    except ValueError:
        return None
    if address.scope_id is not None:  # a zone (RFC 4007 §11) of the host that Python runs on
        return None
    return address, spelled(address)


def _spelled6(value: Hashable) -> str:
    """Return the text of an address, a prefix, or an address within its prefix, with capital letters."""
    if isinstance(value, IPv6Interface):
        return f"{spelled(value.ip)}/{value.network.prefixlen}"
    return spelled(value) if isinstance(value, IPv6Address | Prefix) else str(value)


def _mask(text: str) -> tuple[IPv4Address, str] | None:
    parsed = _address(text)
    return parsed if parsed and mask_length(parsed[0]) is not None else None


@lru_cache(maxsize=1024)
def _prefix(text: str) -> tuple[Prefix, str] | None:
    address_text, slash, length = text.partition("/")
    address = _address(address_text)
    if address is None:
        return None
    if not slash:
        return Prefix.host(address[0]), address[1]
    if not (length.isascii() and length.isdigit() and int(length[:3]) <= 32 and len(length) <= 2):
        return None
    prefix = Prefix.of(address[0], int(length))
    return prefix, str(prefix)


def _host6(text: str) -> tuple[IPv6Interface, str] | None:
    address_text, _, length = text.partition("/")
    address = _address6(address_text)
    if address is None or not (length.isascii() and length.isdigit() and len(length) <= 3 and int(length) <= 128):
        return None
    return IPv6Interface((address[0], int(length))), f"{address[1]}/{int(length)}"


def _network6(text: str) -> tuple[Prefix, str] | None:
    found = _host6(text)
    if found is None:
        return None
    prefix = Prefix.of(found[0].ip, found[0].network.prefixlen)
    return prefix, spelled(prefix)


def _prefix6(text: str) -> tuple[Prefix, str] | None:
    return _network6(text if "/" in text else f"{text}/128")


def _word(text: str) -> tuple[str, str]:
    return text, text


def _range(low: int, high: int) -> ValueType:
    digits = len(str(high))

    def parse(text: str) -> tuple[int, str] | None:
        if not (text.isascii() and text.isdigit() and len(text) <= digits + 4):
            return None
        number = int(text)
        return (number, str(number)) if low <= number <= high else None

    return ValueType(f"{low}-{high}", f"<{low}-{high}>", parse, fragment=r"\d{1,20}")


_DOTTED = r"[\d.]{1,15}"
_COLONS = r"[\da-fA-F:./]{1,49}"
_TYPES: dict[str, ValueType] = {
    kind.name: kind
    for kind in (
        ValueType("address", "A.B.C.D", _address, fragment=_DOTTED),
        ValueType("address6", "X:X:X:X::X", _address6, fragment=r"[\da-fA-F:.]+", spell=_spelled6),
        ValueType("mask", "A.B.C.D", _mask, fragment=_DOTTED),
        ValueType("wildcard", "A.B.C.D", _address, fragment=_DOTTED),
        ValueType("prefix", "A.B.C.D/nn", _prefix, fragment=r"[\d./]{1,18}", weight=1),
        ValueType("prefix6", "X:X:X:X::X/<0-128>", _prefix6, fragment=_COLONS, weight=1, spell=_spelled6),
        ValueType("network6", "X:X:X:X::X/<0-128>", _network6, fragment=_COLONS, weight=1, spell=_spelled6),
        ValueType("host6", "X:X:X:X::X/<0-128>", _host6, fragment=_COLONS, weight=1, spell=_spelled6),
        ValueType("word", "WORD", _word, weight=20),
        ValueType("host-name", "WORD", lambda text: _word(text.strip('"') or text), weight=20),
        ValueType("secret", "WORD", _word, weight=20),
        RestOfLine(),
        Banner(),
        InterfaceName(),
    )
}
_RANGE = re.compile(r"(\d+)-(\d+)\Z", re.ASCII)


def register_type(kind: ValueType) -> ValueType:
    """Make a type of a feature known under its name. The same name twice is our own mistake: ValueError."""
    if kind.name in _TYPES:
        raise ValueError(f"the value type {kind.name!r} exists already")
    _TYPES[kind.name] = kind
    return kind


def find_type(name: str) -> ValueType:
    """Return the type called `name`; ranges are made on first use. Raises ValueError for an unknown one."""
    found = _TYPES.get(name)
    if found is not None:
        return found
    limits = _RANGE.match(name)
    if limits is None or int(limits[1]) > int(limits[2]):
        raise ValueError(f"no value type is called {name!r}")
    return _TYPES.setdefault(name, _range(int(limits[1]), int(limits[2])))
