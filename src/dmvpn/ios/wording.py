"""The `?` and Tab of a grammar: what may come next, with a text for each.

A help text comes from the line that declares the word. Words that many lines share ("ip", "show") often have none in
some of them: then the first line that has one speaks for all, and for the commonest words this file does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dmvpn.ios.errors import ErrorKind
from dmvpn.ios.grammar import leading_keywords
from dmvpn.ios.matcher import Grammar, GrammarEntry, GrammarPoint, Walk, tokenize
from dmvpn.ios.redaction import without_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

E = TypeVar("E", bound=GrammarEntry)

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
    rows = sorted(found.rows.items(), key=_reading_order)
    rows += extra
    if found.may_end:
        rows.append(("<cr>", ""))
    return format_rows(rows) if rows else ["% Unrecognized command"]


def format_rows(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Return words and texts in two columns."""
    width = max((len(word) for word, _ in rows), default=0)
    return [f"  {word:<{width}}  {text}".rstrip()[:ROW_WIDTH] for word, text in rows]


def _reading_order(row: tuple[str, str]) -> tuple[bool, str]:
    """Return placeholders (`<1-5>`, `A.B.C.D`, `WORD`) before keywords, as they sort in ASCII."""
    return (row[0][0].islower(), row[0])


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
