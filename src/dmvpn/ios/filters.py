"""Output filters: the words after `|` in a show command.

    include RE   lines that match                   exclude RE   lines that do not
    begin RE     from the first match on            section RE   matching lines and the lines indented below
    count RE     how many lines match               json         the data itself, before it became text
    explain      the lines, and beneath them what their flags and states mean
    redirect FILE, tee FILE, append FILE        into a file, which the session writes; only as the last one

They work on an iterator of lines, so a filter shows its first line before the command has made its last. A pattern is
everything up to the end of the line, blanks and `|` included (`include ^ip route .+ |^ipv6`); only ` | ` followed by
the name of a filter starts the next one.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.ios.errors import CliError, ErrorKind
from dmvpn.ios.regex import Pattern, PatternError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: More filters than this in one line are refused.
MAX_FILTERS = 8


class FilterKind(enum.Enum):
    """The filters by their words; the text is for `?`. Those without a text are known, and refused.

    The order decides what a cut word means: `| e` and `| ex` are `exclude`, as they are without `explain`.
    """

    APPEND = "append", "Put the lines behind those of a file"
    BEGIN = "begin", "Begin with the line that matches"
    COUNT = "count", "Count the lines that match"
    EXCLUDE = "exclude", "Leave out the lines that match"
    EXPLAIN = "explain", "Say beneath what the flags and states mean"
    FORMAT = "format", ""
    INCLUDE = "include", "Show the lines that match"
    JSON = "json", "Show the data as JSON"
    REDIRECT = "redirect", "Write the lines into a file"
    SECTION = "section", "Show the sections that match"
    TEE = "tee", "Write the lines into a file, and show them"

    def __init__(self, word: str, help_text: str) -> None:
        self.word = word
        self.help_text = help_text

    @property
    def stores(self) -> bool:
        """Whether it writes a file."""
        return self in (FilterKind.APPEND, FilterKind.REDIRECT, FilterKind.TEE)


_NEXT_FILTER = re.compile(r"\s\|\s+(?=(\w+)(?:\s|\Z))")


#: Adds explanations to the lines of a screen.
Annotate = Callable[["Iterable[str]"], "Iterator[str]"]


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter. `pattern` is None for `json` and `explain`; `annotate` is what `explain` does.

    file: where the lines go, as it was typed.
    """

    kind: FilterKind
    pattern: Pattern | None = None
    annotate: Annotate | None = None
    file: str = ""

    def apply(self, lines: Iterable[str]) -> Iterator[str]:
        """Return the lines that come through."""
        if self.annotate is not None:
            return self.annotate(lines)
        if self.pattern is None:
            return iter(lines)
        return _APPLY[self.kind](lines, self.pattern)


def find_filters(word: str) -> list[FilterKind]:
    """Return the filters that a (cut) word may mean."""
    return [kind for kind in FilterKind if kind.word.startswith(word.lower())]


def parse_filters(
    line: str, start: int, annotate: Annotate | None = None, *, stores: bool = False
) -> tuple[Filter, ...] | CliError:
    """Read the filters of `line`; `start` is the character behind the first `|`.

    annotate: for `explain`. stores: files may be written.
    """
    filters: list[Filter] = []
    while True:
        end, next_start = _end_of_filter(line, start)
        parsed = _parse_filter(line, start, end, annotate, stores=stores)
        if isinstance(parsed, CliError):
            return parsed
        if parsed.kind is FilterKind.JSON and filters:
            return CliError(ErrorKind.REFUSED, line, start, '% "json" must be the first filter\n')
        filters.append(parsed)
        if next_start is None:
            return tuple(filters)
        if len(filters) == MAX_FILTERS or parsed.kind.stores:
            return CliError(ErrorKind.INVALID, line, end + 1)
        start = next_start


def _end_of_filter(line: str, start: int) -> tuple[int, int | None]:
    """Return where the filter at `start` ends, and where the text of the next one starts."""
    for match in _NEXT_FILTER.finditer(line, start):
        if find_filters(match[1]):
            return match.start(), match.end()
    return len(line), None


def _parse_filter(line: str, start: int, end: int, annotate: Annotate | None, *, stores: bool) -> Filter | CliError:
    text = line[start:end]
    column = start + len(text) - len(text.lstrip())
    word, _, pattern = text.strip().partition(" ")
    if not word:
        return CliError(ErrorKind.INCOMPLETE, line, end)
    kinds = find_filters(word)
    if not kinds:
        return CliError(ErrorKind.INVALID, line, column)
    kind = kinds[0]
    impossible = (kind is FilterKind.EXPLAIN and annotate is None) or (kind.stores and not stores)
    if not kind.help_text or impossible:
        return CliError(ErrorKind.REFUSED, line, column, f'% Error: "{kind.word}" is not possible here\n')
    if kind in (FilterKind.JSON, FilterKind.EXPLAIN):
        if pattern.strip():
            return CliError(ErrorKind.INVALID, line, column + len(word) + 1)
        return Filter(kind, annotate=annotate if kind is FilterKind.EXPLAIN else None)
    if not pattern.strip():
        return CliError(ErrorKind.INCOMPLETE, line, end)
    if kind.stores:
        file, *more = pattern.split()
        return CliError(ErrorKind.INVALID, line, line.rindex(more[0], 0, end)) if more else Filter(kind, file=file)
    # The blanks that end a pattern count, and one blank separates it from the word.
    pattern = line[column + len(word) + 1 : end]
    try:
        return Filter(kind, Pattern(pattern))
    except PatternError as error:
        return CliError(ErrorKind.REFUSED, line, column, f"% Invalid regular expression: {error}\n")


def apply_filters(lines: Iterable[str], filters: Iterable[Filter]) -> Iterator[str]:
    """Return the lines after all filters."""
    for each in filters:
        lines = each.apply(lines)
    return iter(lines)


def _include(lines: Iterable[str], pattern: Pattern) -> Iterator[str]:
    return (line for line in lines if pattern.search(line))


def _exclude(lines: Iterable[str], pattern: Pattern) -> Iterator[str]:
    return (line for line in lines if not pattern.search(line))


def _begin(lines: Iterable[str], pattern: Pattern) -> Iterator[str]:
    remaining = iter(lines)
    for line in remaining:
        if pattern.search(line):
            yield line
            yield from remaining


def _section(lines: Iterable[str], pattern: Pattern) -> Iterator[str]:
    depth: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        if depth is not None and indent > depth:
            yield line
        elif pattern.search(line):
            depth = indent
            yield line
        else:
            depth = None


def _count(lines: Iterable[str], pattern: Pattern) -> Iterator[str]:
    yield f"Number of lines which match regexp = {sum(map(pattern.search, lines))}"


_APPLY = {
    FilterKind.INCLUDE: _include,
    FilterKind.EXCLUDE: _exclude,
    FilterKind.BEGIN: _begin,
    FilterKind.SECTION: _section,
    FilterKind.COUNT: _count,
}

Plain = dict[str, "Plain"] | list["Plain"] | str | int | float | bool | None


def to_plain(value: object) -> Plain:
    """Return a dataclass as plain data: enums by their value, bytes in hex, addresses and everything else as text."""
    match _opened(value):
        case dict() as items:
            return {key: to_plain(item) for key, item in items.items()}
        case list() as items:
            return [to_plain(item) for item in items]
        case scalar:
            return scalar


def _opened(value: object) -> dict[str, object] | list[object] | str | int | float | bool | None:
    """Return a value as JSON has it; what it holds inside is left as it is."""
    match value:
        case None | bool() | float() | str():
            return value
        case enum.Enum():
            return value.value if isinstance(value.value, str | int) else value.name.lower()
        case int():
            return int(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case dict():
            return {str(to_plain(key)): item for key, item in value.items()}
        case tuple() if type(value).__str__ is not object.__str__:
            return str(value)  # a prefix
        case tuple() | list():
            return list(value)
        case set() | frozenset():
            return sorted((to_plain(item) for item in value), key=str)
        case Reason():
            said = {"what": value.what, "evidence": value.evidence, "clause": value.clause}
            return {**said, "since": value.since}
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    return str(value)


def json_lines(value: object) -> Iterator[str]:
    """Yield the data of a show command as indented JSON, made while it is shown."""
    import json

    opened = _opened(value)
    if not isinstance(opened, dict | list) or not opened:
        yield json.dumps(opened)
        return
    named = isinstance(opened, dict)
    items = opened.items() if isinstance(opened, dict) else (("", item) for item in opened)
    yield "{" if named else "["
    for place, (name, item) in enumerate(items, 1):
        line = f"{json.dumps(name)}: " if named else ""
        for number, inner in enumerate(json_lines(item)):
            if number:
                yield f"  {line}"
                line = ""
            line += inner
        yield f"  {line}," if place < len(opened) else f"  {line}"
    yield "}" if named else "]"


def json_text(value: object) -> Iterator[str]:
    """Yield the same JSON for programs, without indentation, in small pieces: a row of a table in one."""
    encode = _encoder()
    opened = _opened(value)
    if not isinstance(opened, dict | list):
        yield encode(opened)
    elif not any(map(_holds_more, opened.values() if isinstance(opened, dict) else opened)):
        yield encode(to_plain(opened))
    elif isinstance(opened, dict):
        for place, (name, item) in enumerate(opened.items()):
            yield f"{',' if place else '{'}{encode(name)}:"
            yield from json_text(item)
        yield "}"
    else:
        for place, item in enumerate(opened):
            yield "," if place else "["
            yield from json_text(item)
        yield "]"


@lru_cache(maxsize=1)
def _encoder() -> Callable[[object], str]:
    """Return the encoder of all values: to make one takes as long as to encode a row."""
    import json

    return json.JSONEncoder(separators=(",", ":")).encode


def _holds_more(value: object) -> bool:
    """Return whether a value may be as large as a table: it is in pieces then."""
    return isinstance(value, dict | list | tuple | set | frozenset) or is_dataclass(value)
