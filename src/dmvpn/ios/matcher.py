"""Matches typed words against many syntaxes at once: abbreviations, ambiguity, carets.

    Grammar       all lines of one mode (or all exec commands); owns the first `GrammarPoint`
    GrammarPoint  a point inside these lines: which keywords and values may come next, and which lines may end here
    Thread        one reading of the words so far: the point it reached and the steps that led there
    Walk          where all threads are when the words are used up, or the error of the thread that came furthest

Points are made when they are first reached and kept, so the lines share their common beginnings and a second line costs
a few dictionary look-ups. Words are taken one by one. At each word an exact keyword beats everything; otherwise a cut
keyword must be unique among the keywords of all threads, and every value that can read the word goes on as a thread
of its own. At the end the best thread wins: specific values before cut keywords before plain words, then the line
that was declared first.

The `?` and Tab of a grammar: what may come next, with a text for each.

A help text comes from the line that declares the word. Words that many lines share ("ip", "show") often have none in
some of them: then the first line that has one speaks for all, and for the commonest words this file does.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import field
from typing import Generic, NamedTuple, Protocol, TypeVar

from dmvpn.base.breath import breathing
from dmvpn.base.placeholder import BLANKS
from dmvpn.base.values import dataclass
from dmvpn.ios.errors import CliError, ErrorKind, without_keys
from dmvpn.ios.grammar import (
    SECRETS,
    AnyOrder,
    Args,
    Choice,
    Help,
    Keyword,
    Node,
    Optional_,
    Value,
    compile_syntax,
    leading_keywords,
)
from dmvpn.ios.grammar import Sequence as SequenceNode
from dmvpn.ios.values import Misfit, Reading, Token, Unfinished

# ------------------------------------------------------------------------------------------------ matching


#: What a cut keyword weighs beside the weights of value types; an exact keyword weighs nothing.
CUT_KEYWORD = 10
#: Whole words that longer ones begin with (`key-string`, `authentication-key`): here they are not cut.
_WHOLE = ("key", "authentication")
#: What follows these keywords is a text for people.
_TEXTS = ("description", "remark")

_WORD = re.compile(r"\S+")


class GrammarEntry(Protocol):
    """What a grammar is made of: `ConfigLine` and `ExecCommand` are."""

    @property
    def syntax(self) -> str:
        """The line in the syntax language."""

    @property
    def help(self) -> Help:
        """The texts of `?`."""


E = TypeVar("E", bound=GrammarEntry)

#: The nodes that are still to come, the next one first.
_Rest = tuple[Node, ...]


def tokenize(line: str, start: int = 0) -> list[Token]:
    """Return the words of `line` from character `start` on."""
    return [Token(word[0], word.start()) for word in _WORD.finditer(line, start)]


def _next_terminals(rest: _Rest) -> Iterator[tuple[Keyword | Value | None, _Rest]]:
    """Yield each keyword or value that may come next with what follows it; (None, ()) if the line may end here."""
    if not rest:
        yield None, ()
        return
    node, after = rest[0], rest[1:]
    match node:
        case Keyword() | Value():
            yield node, after
        case SequenceNode():
            yield from _next_terminals(node.parts + after)
        case Choice():
            for alternative in node.alternatives:
                yield from _next_terminals((alternative, *after))
        case Optional_():
            yield from _next_terminals((node.node, *after))
            yield from _next_terminals(after)
        case AnyOrder():
            for index, alternative in enumerate(node.alternatives):
                others = node.alternatives[:index] + node.alternatives[index + 1 :]
                yield from _next_terminals((alternative, AnyOrder(others), *after) if others else (alternative, *after))
            yield from _next_terminals(after)


class GrammarPoint(Generic[E]):
    """A point inside the lines of a grammar. `lines`: the lines that pass here or end here (`ends`)."""

    __slots__ = (
        *("_beginnings", "_keyword_rests", "_next_places", "_sorted_words", "_value_rests"),
        *("ends", "lines", "shown_words"),
    )

    def __init__(self, rests: Sequence[tuple[E, _Rest]]) -> None:
        self.lines = tuple(dict.fromkeys(line for line, _ in rests))
        ends: dict[E, None] = {}
        self._keyword_rests: dict[str, list[tuple[E, _Rest]]] = {}
        self._value_rests: dict[Value, list[tuple[E, _Rest]]] = {}
        self._next_places: dict[str | Value, GrammarPoint[E]] = {}
        self.shown_words: dict[str, Keyword] = {}
        for line, rest in rests:
            for terminal, after in _next_terminals(rest):
                if terminal is None:
                    ends[line] = None
                elif isinstance(terminal, Keyword):
                    lowered = terminal.word.lower()
                    self.shown_words.setdefault(lowered, terminal)
                    self._keyword_rests.setdefault(lowered, []).append((line, after))
                else:
                    self._value_rests.setdefault(terminal, []).append((line, after))
        self.ends = tuple(ends)
        self._sorted_words: list[str] | None = None
        self._beginnings: frozenset[str] | None = None

    def completions(self, word: str) -> list[str]:
        """Return the keywords that may come next and begin with a (lower-case) word."""
        if word not in self.beginnings:
            return []
        if self._sorted_words is None:
            self._sorted_words = sorted(self.shown_words)
        known = self._sorted_words
        first = last = bisect_left(known, word)
        while last < len(known) and known[last].startswith(word):
            last += 1
        return known[first:last]

    def fitting(self, word: str) -> int:
        """Return how many first characters of a (lower-case) word begin a keyword that may come next.

        A file full of rubbish asks often, and most of its words fail at once.
        """
        known = self.beginnings
        count = 0
        while word[: count + 1] in known and count < len(word):
            count += 1
        return count

    @property
    def beginnings(self) -> frozenset[str]:
        """What begins a (lower-case) keyword that may come next: from nothing to the whole word."""
        if self._beginnings is None:
            words = self.shown_words
            self._beginnings = frozenset([word[:end] for word in words for end in range(len(word) + 1)])
        return self._beginnings

    @property
    def values(self) -> Iterator[Value]:
        """The values that may come next."""
        return iter(self._value_rests)

    def has_values(self) -> bool:
        """Return whether a value may come next."""
        return bool(self._value_rests)

    def lines_with(self, terminal: str | Value) -> list[E]:
        """Return the lines in which this (lower-case) keyword or value comes next."""
        rests = self._keyword_rests.get(terminal) if isinstance(terminal, str) else self._value_rests.get(terminal)
        return [line for line, _ in rests or ()]

    def after(self, terminal: str | Value) -> GrammarPoint[E]:
        """Return the place behind a (lower-case) keyword or value that may come next."""
        place = self._next_places.get(terminal)
        if place is None:
            rests = self._keyword_rests[terminal] if isinstance(terminal, str) else self._value_rests[terminal]
            place = self._next_places[terminal] = GrammarPoint(rests)
        return place


class Thread(Generic[E]):
    """One reading of the words so far. `weights` holds how well each word fitted, smaller is better."""

    __slots__ = ("_before", "_step", "place", "weights")

    def __init__(
        self,
        place: GrammarPoint[E],
        weights: tuple[int, ...] = (),
        before: Thread[E] | None = None,
        step: tuple[Keyword, None] | tuple[Value, Reading] | None = None,
    ) -> None:
        self.place = place
        self.weights = weights
        self._before = before
        self._step = step

    def take_keyword(self, lowered: str, weight: int) -> Thread[E]:
        """Go on over a keyword."""
        keyword = self.place.shown_words[lowered]
        return Thread(self.place.after(lowered), (*self.weights, weight), self, (keyword, None))

    def takes_any_text(self, value: Value) -> bool:
        """Return whether a value that may come next is a text for people, or a line of its own (`do`)."""
        step = self._step
        is_text = step is not None and step[1] is None and step[0].word in _TEXTS
        return value.type.placeholder == "LINE" and (is_text or value.name == "command" or value.type.name == "banner")

    def args(self) -> Args:
        """Return everything that was said on the way here."""
        steps: list[tuple[Keyword, None] | tuple[Value, Reading]] = []
        thread: Thread[E] | None = self
        while thread is not None and thread._step is not None:
            steps.append(thread._step)
            thread = thread._before
        steps.reverse()
        values = {step[0].name: step[1].value for step in steps if step[1] is not None}
        keywords = [step[0].shown for step in steps if step[1] is None]
        words = tuple([step[0].shown if step[1] is None else step[1].text for step in steps])
        return Args(values, keywords, words)


@dataclass(frozen=True, slots=True)
class Walk(Generic[E]):
    """Where the words led. `threads` used all of them up; `unfinished` ended inside a value; else there is an error."""

    threads: list[Thread[E]] = field(default_factory=list)
    unfinished: list[Unfinished] = field(default_factory=list)
    error: ErrorKind | None = None
    column: int = 0

    def best(self) -> tuple[E, Thread[E]] | None:
        """Return the best thread at whose place a line may end, and that line."""
        complete = [thread for thread in self.threads if thread.place.ends]
        if not complete:
            return None
        thread = complete[0] if len(complete) == 1 else min(complete, key=lambda thread: thread.weights)
        return thread.place.ends[0], thread

    def failure(self, line: str) -> CliError:
        """Return why this walk found no line."""
        if self.error is not None:
            return CliError(self.error, line, self.column)
        return CliError(ErrorKind.INCOMPLETE, line, len(line))


class MatchedLine(NamedTuple, Generic[E]):
    """A line that was understood."""

    line: E
    args: Args


class Grammar(Generic[E]):
    """A set of lines. `entries` in the order of preference; compiled when first used."""

    __slots__ = ("_root", "entries")

    def __init__(self, entries: Sequence[E]) -> None:
        self.entries = tuple(entries)
        self._root: GrammarPoint[E] | None = None

    @property
    def root(self) -> GrammarPoint[E]:
        """The place before the first word."""
        if self._root is None:
            self._root = GrammarPoint([(entry, (compile_syntax(entry.syntax),)) for entry in breathing(self.entries)])
        return self._root

    def match(self, line: str, start: int = 0) -> MatchedLine[E] | CliError:
        """Understand `line` from character `start` on."""
        walk = self.walk(line, tokenize(line, start))
        best = walk.best()
        return walk.failure(line) if best is None else MatchedLine(best[0], best[1].args())

    def may_begin(self, tokens: Sequence[Token]) -> bool:
        """Return whether a line may begin with the first word."""
        root = self.root
        return not tokens or tokens[0].text.lower() in root.beginnings or root.has_values()

    def secret_in(self, words: Sequence[str]) -> int:
        """Return the index of the first word that is where a line has a secret; without one, the number of words.

        words: in lower case. Each may be cut, even if it is not unique, and any word may be a value.
        """
        places = [self.root]
        for index, word in enumerate(words):
            if index == 0 and word in ("no", "default"):
                continue
            values = [(place, value) for place in places for value in place.values]
            if any(_is_secret(value) for _, value in values):
                if len(word) == 1 and word.isdigit() and index + 1 < len(words):  # how the secret is written
                    continue
                if not any(word in place.shown_words for place in places):
                    return index
            taken = [place.after(value) for place, value in values if not _is_secret(value)]
            for place in places:
                cut = place.completions(word)
                taken += [place.after(one) for one in cut if one == word or word not in _WHOLE]
            places = taken
        return len(words)

    def walk(self, line: str, tokens: Sequence[Token]) -> Walk[E]:
        """Follow the words as far as they lead."""
        root = self.root
        if not self.may_begin(tokens):  # as most lines of a stranger's file, in the modes around theirs
            return Walk(error=ErrorKind.INVALID, column=tokens[0].start + root.fitting(tokens[0].text.lower()))
        waiting: list[list[Thread[E]]] = [[] for _ in range(len(tokens) + 1)]
        waiting[0].append(Thread(root))
        unfinished: list[Unfinished] = []
        error, column = ErrorKind.INVALID, -1
        for index, token in enumerate(tokens):
            threads = waiting[index]
            if not threads:
                continue
            word = token.text.lower()
            exact = [thread for thread in threads if word in thread.place.shown_words]
            if exact:
                waiting[index + 1] += [thread.take_keyword(word, 0) for thread in exact]
                continue
            moved, fits = _take_values(line, tokens, index, threads, waiting, unfinished)
            keywords = {known for thread in threads for known in thread.place.completions(word)}
            if len(keywords) == 1:
                (only,) = keywords
                takers = [thread for thread in threads if only in thread.place.shown_words]
                waiting[index + 1] += [thread.take_keyword(only, CUT_KEYWORD) for thread in takers]
            elif not moved:
                fits = max(fits, max(thread.place.fitting(word) for thread in threads))
                if token.start + fits > column:
                    error = ErrorKind.AMBIGUOUS if keywords or _is_cut_value(word, threads) else ErrorKind.INVALID
                    column = token.start + fits
        if waiting[-1] or unfinished:
            return Walk(waiting[-1], unfinished)
        return Walk(error=error, column=max(column, 0)) if tokens else Walk(waiting[0])


def has_secret(entry: GrammarEntry) -> bool:
    """Return whether a line may have a secret."""
    return any(f"{{{name}:" in entry.syntax for name in SECRETS)


def _is_secret(value: Value) -> bool:
    """Return whether it is a text: the `key` of a tunnel is a number."""
    return value.name in SECRETS and value.type.placeholder in ("WORD", "LINE")


def _is_cut_value(word: str, threads: Sequence[Thread[E]]) -> bool:
    """Return whether several words that may come next, as values, begin so: `ech` of echo and echo-reply."""
    return any(len(value.type.words(word)) > 1 for thread in threads for value in thread.place.values)


def _take_values(
    line: str,
    tokens: Sequence[Token],
    index: int,
    threads: Sequence[Thread[E]],
    waiting: list[list[Thread[E]]],
    unfinished: list[Unfinished],
) -> tuple[bool, int]:
    """Let every value that may come next read the word. Returns whether one did, and how much of it fitted.

    A word that lint or the doctor left for a user to fill in, such as `<secret>`, is a part of a text alone.
    """
    moved, fits = False, 0
    is_blank = tokens[index].text in BLANKS
    for thread in threads:
        if not thread.place.has_values():
            continue
        for value in thread.place.values:
            if is_blank and not thread.takes_any_text(value):
                continue
            read = value.type.read_value(line, tokens, index)
            if isinstance(read, Reading):
                weights = (*thread.weights, value.type.weight)
                waiting[read.end].append(Thread(thread.place.after(value), weights, thread, (value, read)))
                moved = True
            elif isinstance(read, Misfit):
                fits = max(fits, read.fits)
            else:
                unfinished.append(read)
                moved = True
    return moved, fits


# ------------------------------------------------------------------------------------------------ `?` and Tab


#: Rows of `?` are cut to this many characters.
ROW_WIDTH = 78

#: Texts for words that belong to no feature in particular.
COMMON_WORDS: dict[str, str] = {
    "address": "Address",
    "all": "Everything",
    "brief": "One line each",
    "clear": "Reset something",
    "configure": "Enter configuration mode",
    "copy": "Copy a file",
    "counters": "Counters",
    "crypto": "Encryption and authentication",
    "debug": "Switch debugging on",
    "default": "Set a command to its default",
    "detail": "With all particulars",
    "do": "Run a command of the exec prompt",
    "end": "Leave configuration mode",
    "exit": "Go one level up",
    "interface": "An interface",
    "interfaces": "Interfaces",
    "ip": "IP version 4",
    "ipv6": "IP version 6",
    "key": "Keys for authentication",
    "line": "A terminal line",
    "logging": "Log messages",
    "no": "Take a command back, or switch something off",
    "router": "A routing process",
    "service": "Services of this router",
    "show": "Show how things are",
    "terminal": "This terminal",
    "tunnel": "Tunnel",
    "undebug": "Switch debugging off",
    "write": "Save the configuration",
}


def help_text(lines: Iterable[GrammarEntry], word: str) -> str:
    """Return what `lines` say about their keyword or value `word`; the first that says something is taken."""
    for line in lines:
        if not isinstance(line.help, str):
            text = line.help.get(word)
        else:
            leading = leading_keywords(line.syntax)
            is_own = not leading or word == leading[-1] or word not in leading
            text = line.help if is_own else None
        if text:
            return text
    return COMMON_WORDS.get(word, "")


class Alternatives:
    """What may come next: words with their texts, and whether the line may end. `skip`: words not to be offered."""

    def __init__(self, walk: Walk[E], fragment: str, skip: Collection[str] = ()) -> None:
        self._skip = skip
        self.rows: dict[str, str] = {}
        self.keywords: set[str] = set()
        self.may_end = False
        for thread in walk.threads:
            self._add_place(thread.place, fragment)
        if not fragment:
            self.rows.update(walk.unfinished)
            self.may_end = any(thread.place.ends for thread in walk.threads)

    def drop(self, words: Iterable[str]) -> None:
        """Offer these no more."""
        for word in words:
            self.rows.pop(word, None)

    def _add_place(self, place: GrammarPoint[E], fragment: str) -> None:
        lowered = fragment.lower()
        for word, keyword in place.shown_words.items():
            if word.startswith(lowered) and word not in self._skip:
                self._add(keyword.word, help_text(place.lines_with(word), keyword.word))
                self.keywords.add(keyword.word)
        for value in place.values:
            own = help_text(place.lines_with(value), value.name)
            for placeholder, text in value.type.hints(fragment):
                self._add(placeholder, text or own)
            self.keywords.update(value.type.words(fragment))

    def _add(self, word: str, text: str) -> None:
        if not self.rows.get(word):
            self.rows[word] = text


def alternatives(
    grammar: Grammar[E], line: str, start: int = 0, skip: Collection[str] = ()
) -> Alternatives | ErrorKind:
    """Return what may come next after `line` (read from `start` on), or why nothing can.

    `skip`: first words left out.
    """
    tokens = tokenize(line, start)
    fragment = tokens.pop().text if tokens and not line[-1:].isspace() else ""
    walk = grammar.walk(line, tokens)
    return Alternatives(walk, fragment, () if tokens else skip) if walk.error is None else walk.error


def help_rows(found: Alternatives, line: str, *, extra: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Return the lines that `?` shows for these alternatives; `extra` rows (such as `|`) come before `<cr>`."""
    if line and not line[-1].isspace():
        return _word_rows(found)
    # Placeholders (`<1-5>`, `A.B.C.D`, `WORD`) come before keywords, as they sort in ASCII.
    rows = sorted(found.rows.items(), key=lambda row: (row[0][0].islower(), row[0]))
    rows += extra
    if found.may_end:
        rows.append(("<cr>", ""))
    return format_rows(rows) if rows else ["% Unrecognized command"]


def format_rows(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Return words and texts in two columns."""
    width = max((len(word) for word, _ in rows), default=0)
    return [f"  {word:<{width}}  {text}".rstrip()[:ROW_WIDTH] for word, text in rows]


def _word_rows(found: Alternatives) -> list[str]:
    """Return the matching words side by side, two blanks before each; placeholders in rows of their own."""
    words = sorted(found.keywords)
    rows = [f"  {word}" for word in sorted(found.rows) if word not in found.keywords]
    row = ""
    for word in words:
        if row and len(row) + len(word) + 4 > ROW_WIDTH:
            rows.append(row)
            row = ""
        row += f"  {word}"
    if row:
        rows.append(row + "  ")
    return rows or ["% Unrecognized command"]


def error_rows(error: ErrorKind, line: str) -> list[str]:
    """Return what `?` says when the words before it make no sense."""
    if error is ErrorKind.AMBIGUOUS:
        return [f'% Ambiguous command:  "{without_keys(line)}"']
    return ["% Unrecognized command"]


def completed(line: str, found: Alternatives) -> str | None:
    """Return `line` with its last word written in full and a blank behind it, or None if it is not unique."""
    if not line or line[-1].isspace():
        return None
    fragment = line.split()[-1]
    words = found.keywords
    exact = [word for word in words if word.lower() == fragment.lower()]
    chosen = exact or list(words)
    if len(chosen) != 1:
        return None
    head = line[: len(line) - len(fragment)]
    return f"{head}{chosen[0]} "
