"""Writes lines: the inverse of `matcher.py`. From a syntax and values come the words of a line.

    write              the line that says some values, as `Args`
    write_beginning    its words up to the first value that is missing, for `no`

A syntax has many lines: with and without its optional parts, with this or that alternative. Among the lines with all
given values, the writer takes the line that lacks no value and adds the fewest keywords. It adds no optional keywords,
and refuses to choose between alternatives. Parts in any order are written in the order of the syntax. A `Placeholder`
fits any value. The writer refuses a value that the reader would take for a keyword or a number: the key `7` in
`authentication-key [ 0 | 6 | 7 ] {key:secret}`, the name `7` in `router eigrp {name:word}`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cache, reduce
from operator import or_
from typing import NamedTuple

from dmvpn.base.placeholder import Placeholder
from dmvpn.ios import grammar
from dmvpn.ios.grammar import Sequence as SequenceNode
from dmvpn.ios.matcher import Grammar, MatchedLine, tokenize
from dmvpn.ios.values import Reading


class _Line(NamedTuple):
    """A line, or a part of it.

    said: names of values and keywords that were asked for and are in it.
    added: its other keywords.
    missing: names of values that it needs and that were not given; their places are in `words`, as None.
    end: the number of words up to the last given value or keyword.
    """

    words: tuple[str | None, ...] = ()
    values: tuple[tuple[str, Hashable], ...] = ()
    keywords: tuple[str, ...] = ()
    said: frozenset[str] = frozenset()
    added: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    end: int = 0

    def then(self, other: _Line) -> _Line:
        """Return this part with another one behind it."""
        return _Line(
            self.words + other.words,
            self.values + other.values,
            self.keywords + other.keywords,
            self.said | other.said,
            self.added + other.added,
            self.missing + other.missing,
            len(self.words) + other.end if other.end else self.end,
        )


def write(syntax: str, values: Mapping[str, Hashable], beside: tuple[str, ...] = ()) -> grammar.Args:
    """Return what a line says that says these values. beside: see `ConfigLine`. Raises ValueError."""
    best = _best(syntax, values)
    if best.missing:
        raise ValueError(f"{_name(syntax)}: needs {' and '.join(best.missing)}")
    words = tuple(word for word in best.words if word is not None)
    args = grammar.Args(dict(best.values), best.keywords, words)
    _check_reading((syntax, *beside), args)
    return args


class _Entry(NamedTuple):
    """What a grammar needs of a line."""

    syntax: str
    help: str = ""


@cache
def _grammar(syntaxes: tuple[str, ...]) -> Grammar[_Entry]:
    return Grammar([_Entry(syntax) for syntax in syntaxes])


def _check_reading(syntaxes: tuple[str, ...], args: grammar.Args) -> None:
    """Raise ValueError for a line of the first syntax that is read as something else: a keyword beats a name."""
    given = args.values_given
    if any(isinstance(value, Placeholder) for value in given.values()):
        return  # a user replaces the word before a router reads the line
    found = _grammar(syntaxes).match(" ".join(args.words))
    if isinstance(found, MatchedLine) and found.line.syntax == syntaxes[0] and found.args == args:
        return
    said = " and ".join(f"{name} {_shown(name, value)}" for name, value in given.items() if isinstance(value, str))
    raise ValueError(f"{_name(syntaxes[0])}: {said} would be read as something else")


def write_beginning(syntax: str, values: Mapping[str, Hashable]) -> str:
    """Return the words up to the last value or the first that is missing; without values, those of every such line.

    Raises ValueError.
    """
    given = _given(values)
    if not given:
        return _name(syntax)
    return " ".join(_beginning(_best(syntax, given, _beginning)))


def _given(values: Mapping[str, Hashable]) -> dict[str, Hashable]:
    return {name: value for name, value in values.items() if value is not None and value is not False}


def _beginning(line: _Line) -> tuple[str, ...]:
    """Return the words up to the last given value or the first that is missing."""
    return tuple(word for word in itertools.takewhile(lambda word: word is not None, line.words[: line.end]) if word)


def _added(line: _Line) -> Hashable:
    return frozenset(line.added)


def _best(syntax: str, values: Mapping[str, Hashable], difference: Callable[[_Line], Hashable] = _added) -> _Line:
    """Return the line that says all of these and least besides.

    difference: of two lines that say equally little besides, what makes it impossible to choose one.
    Raises ValueError if there is no line, or several.
    """
    known = grammar.argument_names(syntax)
    given: dict[str, Hashable] = {}
    for name, value in _given(values).items():
        word = name if name in known else name.replace("_", "-")
        if word not in known:
            raise ValueError(f"{_name(syntax)}: has no {name}")
        given[word] = value
    _check_values(syntax, given)
    asked = frozenset(given)
    lines = [
        line for line in _lines(grammar.compile_syntax(syntax), given, asked & _single(syntax)) if line.said == asked
    ]
    if not lines:
        raise ValueError(f"{_name(syntax)}: {' and '.join(given)} do not go together")
    best = min(lines, key=_excess)
    equal = (line for line in lines if _excess(line) == _excess(best))
    rivals = [line.added for line in equal if difference(line) != difference(best)]
    if rivals and not best.missing:
        always = grammar.leading_keywords(syntax)
        options = (" ".join(word for word in words if word not in always) for words in (best.added, *rivals))
        raise ValueError(f"{_name(syntax)}: needs one of {', '.join(dict.fromkeys(options))}")
    return best


def _excess(line: _Line) -> tuple[int, int]:
    return len(line.missing), len(line.added)


def _check_values(syntax: str, given: Mapping[str, Hashable]) -> None:
    """Raise ValueError for a value that none of the types takes that it may have in this line."""
    places = grammar.values_of(syntax)
    for name, value in given.items():
        kinds = [place.type for place in places if place.name == name]
        if value is True and any(word == name for word in grammar.argument_names(syntax)):
            continue
        if not kinds:
            raise ValueError(f"{_name(syntax)}: {name} is a keyword and takes no value")
        if all(_read(place, value) is None for place in places if place.name == name):
            wanted = " or ".join(dict.fromkeys(kind.placeholder for kind in kinds))
            raise ValueError(f"{_name(syntax)}: {name} {_shown(name, value)} is no {wanted}")


def _shown(name: str, value: Hashable) -> str:
    return grammar.HIDDEN if name in grammar.SECRETS else repr(str(value))


@cache
def _single(syntax: str) -> frozenset[str]:
    """Return the names that no line of this syntax says twice."""
    return frozenset(name for name, times in _times(grammar.compile_syntax(syntax)).items() if times == 1)


def _times(node: grammar.Node) -> Counter[str]:
    """Return how often a line of this shape can say each name; a keyword and its value of the same name count once."""
    match node:
        case grammar.Keyword():
            return Counter((node.shown,))
        case grammar.Value():
            return Counter((node.name,))
        case SequenceNode():
            pairs = zip(node.parts, (*node.parts[1:], None), strict=True)
            return sum((_times(part) for part, after in pairs if not _names(part, after)), Counter[str]())
        case grammar.Choice():
            return reduce(or_, map(_times, node.alternatives), Counter[str]())
        case grammar.Optional_():
            return _times(node.node)
        case grammar.AnyOrder():
            return sum(map(_times, node.alternatives), Counter[str]())


def _names(part: grammar.Node, after: grammar.Node | None) -> bool:
    return isinstance(part, grammar.Keyword) and isinstance(after, grammar.Value) and part.shown == after.name


def _lines(node: grammar.Node, given: Mapping[str, Hashable], single: frozenset[str]) -> Sequence[_Line]:
    """Return the lines of a shape: among lines with the same given and added names, the line that lacks the least.

    single: given names with one place in a line. An optional part that can say one must say it: with all subsets of
    twelve given options the entry of an IPv6 access list took minutes.
    """
    match node:
        case grammar.Keyword():
            return (_keyword(node.shown, given),)
        case grammar.Value():
            value = given.get(node.name)
            if value is None or value is True:
                return (_Line((None,), missing=(node.name,)),)
            reading = _read(node, value)
            if reading is None:
                return ()
            return (_Line((reading.text,), ((node.name, reading.value),), said=frozenset((node.name,)), end=1),)
        case SequenceNode():
            return _joined(_lines(part, given, single) for part in node.parts)
        case grammar.Choice():
            return _fewest(line for part in node.alternatives for line in _lines(part, given, single))
        case grammar.Optional_():
            return _or_nothing(node.node, given, single)
        case grammar.AnyOrder():
            return _joined(_or_nothing(part, given, single) for part in node.alternatives)


def _or_nothing(node: grammar.Node, given: Mapping[str, Hashable], single: frozenset[str]) -> Sequence[_Line]:
    lines = [line for line in _lines(node, given, single) if line.said]
    due = single.intersection(name for line in lines for name in line.said)
    return tuple(line for line in (_Line(), *lines) if due <= line.said)


def _joined(parts: Iterable[Sequence[_Line]]) -> Sequence[_Line]:
    lines: Sequence[_Line] = (_Line(),)
    for part in parts:
        lines = _fewest(line.then(more) for line in lines for more in part)
    return lines


def _fewest(lines: Iterable[_Line]) -> Sequence[_Line]:
    best: dict[tuple[frozenset[str], tuple[str, ...]], _Line] = {}
    for line in lines:
        kept = best.setdefault((line.said, line.added), line)
        if len(line.missing) < len(kept.missing):
            best[line.said, line.added] = line
    return tuple(best.values())


def _keyword(word: str, given: Mapping[str, Hashable]) -> _Line:
    if given.get(word) is True:
        return _Line((word,), keywords=(word,), said=frozenset((word,)), end=1)
    # A value of the same name asks for its keyword, too.
    return _Line((word,), keywords=(word,), added=() if word in given else (word,))


def _read(node: grammar.Value, value: Hashable) -> Reading | None:
    """Return a value as the line's reader reads its text; None: it does not, or takes it for another value."""
    if isinstance(value, Placeholder):
        return Reading(value, value, 1)
    text = node.type.text_of(value)
    tokens = tokenize(text)
    if not tokens or (text.splitlines() != [text] and node.type.name != "banner"):
        return None  # more lines than one, at whatever character Python ends a line
    reading = node.type.read_value(text, tokens, 0)
    if not isinstance(reading, Reading) or reading.end != len(tokens):
        return None
    return reading if isinstance(value, str) or reading.value == value else None


def _name(syntax: str) -> str:
    return " ".join(grammar.leading_keywords(syntax))
