r"""Output filters: the words after `|` in a show command.

    include RE   lines that match                   exclude RE   lines that do not
    begin RE     from the first match on            section RE   matching lines and the lines indented below
    count RE     how many lines match               json         the data itself, before it became text
    explain      the lines, and beneath them what their flags and states mean
    redirect FILE, tee FILE, append FILE        into a file, which the session writes; only as the last one

They work on an iterator of lines, so a filter shows its first line before the command has made its last. A pattern is
everything up to the end of the line, blanks and `|` included (`include ^ip route .+ |^ipv6`); only ` | ` followed by
the name of a filter starts the next one.

The regular expressions of IOS, matched in linear time.

    .  any character          *  none or more     +  one or more     ?  none or one
    [abc] [a-z] [^abc]        ^  start of line    $  end of line     |  alternatives     ( )  groups
    _  a delimiter: blank, comma, brace, parenthesis, start or end of line              \x  the character x itself

A pattern comes from the user at the terminal, and one router serves many users; the usual backtracking would let
`(a+)+$` stop it. So the pattern becomes a set of states that all advance together (Thompson), and the sets met are
remembered as a table, one look-up per character (a lazy DFA, as in RE2). The table is bounded, and so is the pattern.

Start and end of a line are symbols of their own, fed before the first and after the last character. That makes `^`,
`$` and `_` ordinary symbols; searching anywhere is a loop in front of the first state.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import lru_cache

from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable, Value
from dmvpn.ios.errors import CliError, ErrorKind

# ------------------------------------------------------------------------------------------------ regular expressions


#: The symbols before and after a line. No character of a line is one of them (lines hold no line ends).
START, END = "\n^", "\n$"

MAX_PATTERN = 512
MAX_DEPTH = 40
MAX_TABLE = 2_000

_DELIMITERS = frozenset(" ,{}()") | {START, END}


class PatternError(ValueError):
    """The pattern is malformed; the text says how."""


Accepts = Callable[[str], bool]


class _State(Mutable):
    """A state: goes to `after` over a symbol that `accepts` takes, and to `free` over nothing."""

    accepts: Accepts | None = None
    after: int = -1
    free: tuple[int, ...] = ()


class Pattern:
    """A compiled pattern. Raises PatternError."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > MAX_PATTERN:
            raise PatternError(f"longer than {MAX_PATTERN} characters")
        self.pattern = pattern
        states, first = _Compiler(pattern).compile()
        self._states = states
        self._first = self._closure([first])
        self._table: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def __repr__(self) -> str:
        return f"Pattern({self.pattern!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.pattern == other.pattern

    def __hash__(self) -> int:
        return hash(self.pattern)

    def search(self, line: str) -> bool:
        """Return whether the pattern matches somewhere in `line`."""
        current = self._first
        if _ACCEPTED in current:
            return True
        table = self._table
        for symbol in (START, *line, END):
            following = table.get((current, symbol))
            if following is None:
                following = self._advance(current, symbol)
            if _ACCEPTED in following:
                return True
            current = following
        return False

    def _advance(self, current: frozenset[int], symbol: str) -> frozenset[int]:
        if len(self._table) >= MAX_TABLE:
            self._table.clear()
        states = self._states
        reached = []
        for number in current:
            accepts = states[number].accepts
            if accepts is not None and accepts(symbol):
                reached.append(states[number].after)
        following = self._table[current, symbol] = self._closure(reached) | self._first
        return following

    def _closure(self, numbers: list[int]) -> frozenset[int]:
        """Return the states reached over nothing."""
        found: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting += self._states[number].free
        return frozenset(found)


#: State 0 is the accepting one.
_ACCEPTED = 0


class _Compiler:
    """Recursive descent; every part is built backwards, knowing the state that follows it."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._states = [_State()]

    def compile(self) -> tuple[list[_State], int]:
        tree, end = self._read_alternatives(0, 0)
        if end != len(self._pattern):
            raise PatternError("unmatched )")
        return self._states, tree(_ACCEPTED)

    def _add(self, state: _State) -> int:
        self._states.append(state)
        return len(self._states) - 1

    def _read_alternatives(self, index: int, depth: int) -> tuple[Callable[[int], int], int]:
        if depth > MAX_DEPTH:
            raise PatternError("nested too deeply")
        branches: list[list[Callable[[int], int]]] = [[]]
        while index < len(self._pattern) and self._pattern[index] != ")":
            if self._pattern[index] == "|":
                branches.append([])
                index += 1
                continue
            part, index = self._read_part(index, depth)
            branches[-1].append(part)
        built = [_in_sequence(parts) for parts in branches]
        if len(built) == 1:
            return built[0], index
        return lambda after: self._add(_State(free=tuple(branch(after) for branch in built))), index

    def _read_part(self, index: int, depth: int) -> tuple[Callable[[int], int], int]:
        part, index = self._read_single(index, depth)
        end = index
        while end < len(self._pattern) and self._pattern[end] in "*+?":
            end += 1
        if end == index:
            return part, end
        times = set(self._pattern[index:end])
        return self._repeated(part, times.pop() if len(times) == 1 else "*"), end

    def _read_single(self, index: int, depth: int) -> tuple[Callable[[int], int], int]:
        char = self._pattern[index]
        if char == "(":
            part, end = self._read_alternatives(index + 1, depth + 1)
            if end >= len(self._pattern):
                raise PatternError("unmatched (")
            return part, end + 1
        if char == "[":
            accepts, end = _read_class(self._pattern, index + 1)
            return self._symbol(accepts), end
        if char in "*+?":
            raise PatternError(f"nothing to repeat before {char}")
        if char == "\\" and index + 1 < len(self._pattern):
            return self._symbol(self._pattern[index + 1].__eq__), index + 2
        return self._symbol(_SPECIAL.get(char) or char.__eq__), index + 1

    def _symbol(self, accepts: Callable[[str], bool]) -> Callable[[int], int]:
        return lambda after: self._add(_State(accepts=accepts, after=after))

    def _repeated(self, part: Callable[[int], int], times: str) -> Callable[[int], int]:
        def build(after: int) -> int:
            if times == "?":
                return self._add(_State(free=(part(after), after)))
            loop = self._add(_State())
            start = part(loop)
            self._states[loop].free = (start, after)
            return start if times == "+" else loop

        return build


def _in_sequence(parts: list[Callable[[int], int]]) -> Callable[[int], int]:
    def build(after: int) -> int:
        for part in reversed(parts):
            after = part(after)
        return after

    return build


def _read_class(pattern: str, index: int) -> tuple[Accepts, int]:
    """Return the characters of `[...]`; `index` is behind the bracket."""
    negated = pattern[index : index + 1] == "^"
    index += negated
    members: set[str] = set()
    ranges: list[tuple[str, str]] = []
    first = True
    while index < len(pattern) and (first or pattern[index] != "]"):
        first = False
        if pattern[index] == "\\" and index + 1 < len(pattern):
            index += 1
        if pattern[index + 1 : index + 2] == "-" and pattern[index + 2 : index + 3] not in ("", "]"):
            ranges.append((pattern[index], pattern[index + 2]))
            index += 3
        else:
            members.add(pattern[index])
            index += 1
    if index >= len(pattern):
        raise PatternError("unmatched [")

    def accepts(symbol: str) -> bool:
        inside = symbol in members or any(low <= symbol <= high for low, high in ranges)
        return inside is not negated and symbol not in (START, END)

    return accepts, index + 1


def _any_character(symbol: str) -> bool:
    return symbol not in (START, END)


_SPECIAL: dict[str, Accepts] = {
    ".": _any_character,
    "^": START.__eq__,
    "$": END.__eq__,
    "_": _DELIMITERS.__contains__,
}


# ------------------------------------------------------------------------------------------------ filters


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


class Filter(Value):
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
