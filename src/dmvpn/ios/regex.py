"""The regular expressions of IOS, matched in linear time.

    .  any character          *  none or more     +  one or more     ?  none or one
    [abc] [a-z] [^abc]        ^  start of line    $  end of line     |  alternatives     ( )  groups
    _  a delimiter: blank, comma, brace, parenthesis, start or end of line              \\x  the character x itself

A pattern comes from the user at the terminal, and one router serves many users; the usual backtracking would let
`(a+)+$` stop it. So the pattern becomes a set of states that all advance together (Thompson), and the sets met are
remembered as a table, one look-up per character (a lazy DFA, as in RE2). The table is bounded, and so is the pattern.

Start and end of a line are symbols of their own, fed before the first and after the last character. That makes `^`,
`$` and `_` ordinary symbols; searching anywhere is a loop in front of the first state.
"""

from __future__ import annotations

from collections.abc import Callable

from dmvpn.base.values import dataclass

#: The symbols before and after a line. No character of a line is one of them (lines hold no line ends).
START, END = "\n^", "\n$"

MAX_PATTERN = 512
MAX_DEPTH = 40
MAX_TABLE = 2_000

_DELIMITERS = frozenset(" ,{}()") | {START, END}


class PatternError(ValueError):
    """The pattern is malformed; the text says how."""


Accepts = Callable[[str], bool]


@dataclass(slots=True)
class _State:
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
