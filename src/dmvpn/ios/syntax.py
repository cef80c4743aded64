"""Reads the syntax strings of features: a small language that looks like the syntax lines of a manual.

    word            a keyword; `console=con` is the keyword `console`, shown as `con`
    {name:type}     a value (types: `values.py`)
    ( a | b )       one of them
    [ a | b ]       one of them or none
    [* a | b | c ]  any of them, in any order, each at most once

For example `ip nhrp nhs {nhs:address} [ nbma {nbma:address} ] [* multicast | priority {priority:0-255} ]`.
A mistake in such a string is a mistake of ours and raises ValueError when the string is first used.
"""

from __future__ import annotations

import re
from functools import cache

from dmvpn.ios.grammar import AnyOrder, Choice, Keyword, Node, Optional_, Sequence, Value
from dmvpn.ios.values import find_type

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
