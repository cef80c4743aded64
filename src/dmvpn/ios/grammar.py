"""The grammar as data: what a feature writes down, and the values that come back.

    Keyword Value Sequence Choice Optional_ AnyOrder    the shape of a line, compiled from a string
    Args                                                what a typed line said
    ExecCommand                                         a command of the exec prompt

`config_line.py` has the commands of configuration mode.

Reads the syntax strings of features: a small language that looks like the syntax lines of a manual.

    word            a keyword; `console=con` is the keyword `console`, shown as `con`
    {name:type}     a value (types: `values.py`)
    ( a | b )       one of them
    [ a | b ]       one of them or none
    [* a | b | c ]  any of them, in any order, each at most once

For example `ip nhrp nhs {nhs:address} [ nbma {nbma:address} ] [* multicast | priority {priority:0-255} ]`.
A mistake in such a string is a mistake of ours and raises ValueError when the string is first used.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Final, TypeVar, cast, overload

from dmvpn.base.addresses import IPAddress, Prefix, mask_length
from dmvpn.base.values import dataclass
from dmvpn.ios.values import ValueType, find_type

# ------------------------------------------------------------------------------------------------ the grammar


D = TypeVar("D")
C = TypeVar("C")
R = TypeVar("R")
Help = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Keyword:
    """A fixed word. `shown` is what the configuration shows for it, the word itself unless an alias says otherwise."""

    word: str
    shown: str


@dataclass(frozen=True, slots=True)
class Value:
    """A place for a value of a type."""

    name: str
    type: ValueType


@dataclass(frozen=True, slots=True)
class Sequence:
    """All parts, one after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Exactly one of the alternatives."""

    alternatives: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Optional_:
    """The node, or nothing."""

    node: Node


@dataclass(frozen=True, slots=True)
class AnyOrder:
    """Any of the alternatives, each at most once, in any order."""

    alternatives: tuple[Node, ...]


Node = Keyword | Value | Sequence | Choice | Optional_ | AnyOrder


class _Required(Enum):
    REQUIRED = "no default was given"


_REQUIRED: Final = _Required.REQUIRED
#: Names of arguments that are keys and passwords, wherever they are; and the text that replaces one where it is hidden.
SECRETS: Final = ("key", "password", "secret")
HIDDEN: Final = "<removed>"


class Args(Mapping[str, Hashable]):
    """What a line said: its values by name, and its keywords (each True). Immutable, hashable, equal by content.

    `words` is the whole line in canonical words; it takes no part in comparisons.
    """

    __slots__ = ("_keywords", "_values", "words")

    def __init__(
        self,
        values: Mapping[str, Hashable] = MappingProxyType({}),
        keywords: Iterable[str] = (),
        words: tuple[str, ...] = (),
    ) -> None:
        self._values = dict(values)
        self._keywords = frozenset(keywords)
        self.words = words

    def __getitem__(self, name: str) -> Hashable:
        if name in self._values:
            return self._values[name]
        if name in self._keywords:
            return True
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in self._values or name in self._keywords

    def __iter__(self) -> Iterator[str]:
        yield from self._values
        yield from (keyword for keyword in sorted(self._keywords) if keyword not in self._values)

    def __len__(self) -> int:
        return len(self._values.keys() | self._keywords)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Args):
            return NotImplemented
        return self._values == other._values and self._keywords == other._keywords

    def __hash__(self) -> int:
        return hash((frozenset(self._values.items()), self._keywords))

    def __repr__(self) -> str:
        values = {name: HIDDEN if name in SECRETS else value for name, value in self._values.items()}
        return f"Args({self.without_secrets(' '.join(self.words))!r}, {values})"

    def without_secrets(self, text: str) -> str:
        """Return a text about this line, with a mark in the place of keys and passwords."""
        for name in SECRETS:
            if name in self._values and isinstance(secret := self._values[name], str):
                text = re.sub(rf"(?<!\S){re.escape(secret)}(?!\S)", HIDDEN, text)
        return text

    @property
    def values_given(self) -> Mapping[str, Hashable]:
        """The values alone, by name."""
        return MappingProxyType(self._values)

    def having(self, **values: Hashable) -> Args:
        """Return the same line with these values besides; its words stay as they were typed."""
        return Args({**self._values, **values}, self._keywords, self.words)

    def with_keyword(self, keyword: str) -> Args:
        """Return the same line with this keyword besides; its words stay as they were typed."""
        return Args(self._values, self._keywords | {keyword}, self.words)

    def without(self, name: str) -> Args:
        """Return the same line without a value or keyword."""
        values = {other: value for other, value in self._values.items() if other != name}
        return Args(values, self._keywords - {name}, self.words)

    @property
    def version(self) -> int:
        """The version of IP that a command is about."""
        return 6 if "ipv6" in self else 4

    def said(self, name: str) -> Hashable:
        """Return the value called `name`, True for a keyword, or None: for keys of entries, of which a file has
        many.
        """
        if name in self._values and (value := self._values[name]) is not None:
            return value
        return True if name in self._keywords else None

    def agrees_with(self, other: Args) -> bool:
        """Return whether `other` has every value and keyword of this one."""
        return self._keywords <= other._keywords and self._values.items() <= other._values.items()

    @overload
    def integer(self, name: str) -> int: ...
    @overload
    def integer(self, name: str, default: D) -> int | D: ...
    def integer(self, name: str, default: object = _REQUIRED) -> object:
        """Return the number called `name`; without it `default`, or KeyError if there is none."""
        return self._typed(name, int, default)

    @overload
    def address(self, name: str) -> IPv4Address: ...
    @overload
    def address(self, name: str, default: D) -> IPv4Address | D: ...
    def address(self, name: str, default: object = _REQUIRED) -> object:
        """Return the IPv4 address, mask or wildcard called `name`."""
        return self._typed(name, IPv4Address, default)

    @overload
    def address6(self, name: str) -> IPv6Address: ...
    @overload
    def address6(self, name: str, default: D) -> IPv6Address | D: ...
    def address6(self, name: str, default: object = _REQUIRED) -> object:
        """Return the IPv6 address called `name`."""
        return self._typed(name, IPv6Address, default)

    @overload
    def any_address(self, name: str) -> IPAddress: ...
    @overload
    def any_address(self, name: str, default: D) -> IPAddress | D: ...
    def any_address(self, name: str, default: object = _REQUIRED) -> object:
        """Return the address of either family called `name`."""
        return self._typed(name, (IPv4Address, IPv6Address), default)

    @overload
    def prefix(self, name: str) -> Prefix: ...
    @overload
    def prefix(self, name: str, default: D) -> Prefix | D: ...
    def prefix(self, name: str, default: object = _REQUIRED) -> object:
        """Return the prefix called `name`."""
        return self._typed(name, Prefix, default)

    @overload
    def any_prefix(self) -> Prefix: ...
    @overload
    def any_prefix(self, default: D) -> Prefix | D: ...
    def any_prefix(self, default: object = _REQUIRED) -> object:
        """Return the prefix of a line: its value `prefix`, or `network` or `address` with `mask`."""
        if "mask" not in self._values:
            return self._typed("prefix", Prefix, default)
        address = self.address("network" if "network" in self._values else "address")
        return Prefix.of(address, mask_length(self.address("mask")) or 0)

    @overload
    def text(self, name: str) -> str: ...
    @overload
    def text(self, name: str, default: D) -> str | D: ...
    def text(self, name: str, default: object = _REQUIRED) -> object:
        """Return the word, secret or rest of the line called `name`."""
        return self._typed(name, str, default)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the words called `name1`, `name2` ... of a list (`syntax.several`), as many as there are."""
        return tuple(str(value) for value in self.listed(name))

    def listed(self, name: str) -> tuple[Hashable, ...]:
        """Return the values of such a list."""
        found = (self._values.get(f"{name}{number}") for number in itertools.count(1))
        return tuple(itertools.takewhile(lambda value: value is not None, found))

    @overload
    def interface(self, name: str) -> str: ...
    @overload
    def interface(self, name: str, default: D) -> str | D: ...
    def interface(self, name: str, default: object = _REQUIRED) -> object:
        """Return the interface called `name`, as its long name."""
        return self._typed(name, str, default)

    def _typed(self, name: str, kind: type | tuple[type, ...], default: object) -> object:
        if name not in self._values:
            if default is _REQUIRED:
                raise KeyError(name)
            return default
        value = self._values[name]
        if value is not default and not isinstance(value, kind):
            raise TypeError(f"the argument {name!r} is {value!r}, not {kind}")
        return value


class ExecCommand:
    """A command of the exec prompt: either `query` and `render`, or `action`.

    query(context, args) returns a dataclass, render(dataclass) its lines; `| json` prints the dataclass.
    action(context, args) returns what the caller is to carry out. `privilege`: the level from which it is seen.
    configures: on IOS it belongs to configuration mode, so it is taken there, too.
    """

    __slots__ = ("action", "configures", "help", "privilege", "query", "render", "syntax")

    def __init__(
        self,
        syntax: str,
        help: Help,
        *,
        query: Callable[[C, Args], R] | None = None,
        render: Callable[[R], Iterable[str]] | None = None,
        action: Callable[[C, Args], object] | None = None,
        privilege: int = 1,
        configures: bool = False,
    ) -> None:
        # The types of context and result tie the three functions together here; their caller knows neither.
        self.syntax = syntax
        self.help = help
        self.query = cast("Callable[[object, Args], object] | None", query)
        self.render = cast("Callable[[object], Iterable[str]] | None", render)
        self.action = cast("Callable[[object, Args], object] | None", action)
        self.privilege = privilege
        self.configures = configures

    def __repr__(self) -> str:
        return f"ExecCommand({self.syntax!r})"

    @property
    def takes_filters(self) -> bool:
        """Whether `| include ...` may follow. True for whatever shows something."""
        return self.query is not None or self.syntax.split(maxsplit=1)[0] in ("show", "more", "dir")


# ------------------------------------------------------------------------------------------------ syntax strings


_PIECE = re.compile(r"\{[^{}]*\}|\[\*(?=\s)|[()\[\]|]|[^\s()\[\]{}|]+|\S")
_CLOSING = {"(": ")", "[": "]", "[*": "]"}


@cache
def compile_syntax(text: str) -> Node:
    """Return the node that `text` describes. Raises ValueError."""
    pieces = _PIECE.findall(text)
    alternatives, end = _read_alternatives(text, pieces, 0, "")
    if end != len(pieces):
        raise ValueError(f"unbalanced {pieces[end]!r} in the syntax {text!r}")
    return alternatives[0] if len(alternatives) == 1 else Choice(tuple(alternatives))


def several(name: str, kind: str, count: int) -> str:
    """Return the syntax of one to `count` values behind each other, `name1` first; `Args.texts` reads them."""
    return (
        f"{{{name}1:{kind}}} "
        + "".join(f"[ {{{name}{number}:{kind}}} " for number in range(2, count + 1))
        + ("] " * (count - 1))
    )


@cache
def leading_keywords(text: str) -> tuple[str, ...]:
    """Return the keywords with which every line of this syntax starts."""
    node = compile_syntax(text)
    parts = node.parts if isinstance(node, Sequence) else (node,)
    words: list[str] = []
    for part in parts:
        if not isinstance(part, Keyword):
            break
        words.append(part.word)
    return tuple(words)


def naming_keywords(text: str) -> tuple[str, ...]:
    """Return keywords up to the first value or choice, and past what may be left out: `neighbor` of `ospf [ N ]
    neighbor`.
    """
    node = compile_syntax(text)
    words: list[str] = []
    for part in node.parts if isinstance(node, Sequence) else (node,):
        if isinstance(part, Keyword):
            words.append(part.word)
        elif not isinstance(part, Optional_):
            break
    return tuple(words)


@cache
def value_names(text: str) -> frozenset[str]:
    """Return the names of all values of this syntax."""
    return frozenset(value.name for value in values_of(text))


@cache
def values_of(text: str) -> tuple[Value, ...]:
    """Return all places for values of this syntax."""
    return tuple(node for node in _terminals(compile_syntax(text)) if isinstance(node, Value))


@cache
def argument_names(text: str) -> frozenset[str]:
    """Return the names of all values, and all keywords: whatever `Args` may contain."""
    return frozenset(map(_shown, _terminals(compile_syntax(text))))


@cache
def options(text: str) -> tuple[frozenset[str], ...]:
    """Return the names of the values and keywords of each part that may stand in any order (`[* ... ]`)."""
    node = compile_syntax(text)
    parts = node.parts if isinstance(node, Sequence) else (node,)
    nodes = [option for part in parts if isinstance(part, AnyOrder) for option in part.alternatives]
    return tuple(frozenset(_shown(terminal) for terminal in _terminals(option)) for option in nodes)


@cache
def interface_value(text: str) -> str | None:
    """Return the name of the first value that is an interface, if there is one."""
    nodes = _terminals(compile_syntax(text))
    return next((node.name for node in nodes if isinstance(node, Value) and node.type.name == "interface"), None)


@cache
def keyword_names(text: str) -> tuple[str, ...]:
    """Return all keywords of this syntax, each once, in their order."""
    return tuple(dict.fromkeys(node.word for node in _terminals(compile_syntax(text)) if isinstance(node, Keyword)))


def _shown(node: Keyword | Value) -> str:
    return node.shown if isinstance(node, Keyword) else node.name


def _terminals(node: Node) -> list[Keyword | Value]:
    match node:
        case Keyword() | Value():
            return [node]
        case Sequence():
            return [terminal for part in node.parts for terminal in _terminals(part)]
        case Choice() | AnyOrder():
            return [terminal for part in node.alternatives for terminal in _terminals(part)]
        case Optional_():
            return _terminals(node.node)


def _read_alternatives(text: str, pieces: list[str], index: int, closing: str) -> tuple[list[Node], int]:
    """Read sequences separated by `|`, up to `closing` or the end. Returns them and the index of the closing piece."""
    alternatives: list[Node] = []
    parts: list[Node] = []
    while True:
        piece = pieces[index] if index < len(pieces) else ""
        if piece in ("|", ")", "]", ""):
            if not parts:
                raise ValueError(f"an empty alternative in the syntax {text!r}")
            alternatives.append(parts[0] if len(parts) == 1 else Sequence(tuple(parts)))
            parts = []
            if piece != "|":
                if piece != closing:
                    raise ValueError(f"{closing or 'end'!r} expected in the syntax {text!r}")
                return alternatives, index
            index += 1
        else:
            part, index = _read_part(text, pieces, index, piece)
            parts.append(part)


def _read_part(text: str, pieces: list[str], index: int, piece: str) -> tuple[Node, int]:
    if piece in _CLOSING:
        alternatives, end = _read_alternatives(text, pieces, index + 1, _CLOSING[piece])
        if piece == "[*":
            return AnyOrder(tuple(alternatives)), end + 1
        inner = alternatives[0] if len(alternatives) == 1 else Choice(tuple(alternatives))
        return (inner if piece == "(" else Optional_(inner)), end + 1
    if piece.startswith("{"):
        name, colon, kind = piece[1:-1].partition(":")
        if not (colon and name and kind and piece.endswith("}")):
            raise ValueError(f"{piece!r} is no {{name:type}} in the syntax {text!r}")
        return Value(name, find_type(kind)), index + 1
    word, _, shown = piece.partition("=")
    return Keyword(word, shown or word), index + 1
