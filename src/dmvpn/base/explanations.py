"""The meanings of the words that this program prints: flags, states, log messages, debug lines, codes, reasons.

    Explanation   one word (or one line, as a template) and what there is to know about it
    WordGroup     words of one kind in one place: the column `Attrb` of `show dmvpn`, the codes of a NAK

A feature writes its groups beside the code that prints them (`features/*/explain.py`) and hands them over in `FEATURE`;
`router/vocabulary.py` collects and finds them. Nothing here prints anything.
"""

from __future__ import annotations

import enum
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmvpn.base.notices import Log
    from dmvpn.base.reasons import ReasonCode

_PLACEHOLDER: Final = re.compile(r"<[^<>]*>")
_BLANKS: Final = re.compile(r"\s+")
#: A row of a table of explanations.
_ROW: Final = re.compile(
    r"(?P<names>.+?) ::( (?P<what>.+?))??( \[(?P<clause>(RFC|draft-).+?)\])?"
    r"( when: (?P<when>.+?))?( next: (?P<next>.+))?"
)


class WordKind(enum.Enum):
    """The kind of a word, as an answer names it."""

    FLAG = "flag"
    STATE = "state"
    COUNTER = "counter"
    LABEL = "label"
    LOG = "log message"
    DEBUG = "debug line"
    CODE = "code"
    REASON = "reason"
    ANSWER = "answer of the prompt"
    LINE = "configuration line"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One word. In the words of lines and reasons `<name>` marks what differs each time: "<tunnel>: keepalive".

    what: it is.
    when: it appears.
    next: the command or fact to look at.
    clause: of the standard.
    number: of a code.
    also: other words by which people ask for it. `next` and `clause` may be left to the group.
    """

    word: str
    what: str
    when: str = ""
    next: str = ""
    clause: str = ""
    number: int | None = None
    also: tuple[str, ...] = ()

    def line_pattern(self) -> re.Pattern[str]:
        """Return the pattern of the whole printed line, or clause; its runs of blanks are one blank."""
        parts = (re.escape(_BLANKS.sub(" ", part)) for part in _PLACEHOLDER.split(self.word))
        return re.compile(".*".join(parts))

    @property
    def certainty(self) -> int:
        """How much of a matching line the template covers: its characters outside of places."""
        return len(_PLACEHOLDER.sub("", self.word))


@dataclass(frozen=True, slots=True, kw_only=True)
class WordGroup:
    """Words of one kind in one place.

    title: the place ("column Attrb").
    screens: the commands that print it, or another source.
    rank: of several meanings of one word, that of the lowest rank comes first.
    next, clause: for all words without one of their own.
    sighting: where the words are on those screens: a regular expression whose first group is the cell. Without one
        they are not looked for in a screen.
    mark: a line by which a screen is known that was pasted without its command.
    joined: the words are side by side ("DT2"), else blanks or commas are between them.
    cell: the format of a cell that a user asks about by itself, if the words are joined, or more is in it ("D/ur"):
        they are its first group.
    by_number: the cell has the number of a code.
    lines: the words are whole lines or clauses.
    names: of codes, the words that may precede a number: "nhrp error 11".
    """

    title: str
    kind: WordKind
    screens: tuple[str, ...]
    explanations: tuple[Explanation, ...]
    rank: int = 50
    next: str = ""
    clause: str = ""
    sighting: str = ""
    mark: str = ""
    cell: str = ""
    joined: bool = False
    by_number: bool = False
    lines: bool = False
    names: frozenset[str] = frozenset()

    def next_of(self, explanation: Explanation) -> str:
        """Return the next step after this word."""
        return explanation.next or self.next

    def clause_of(self, explanation: Explanation) -> str:
        """Return the clause that it rests on, or ""."""
        return explanation.clause or self.clause


def words(table: str) -> tuple[Explanation, ...]:
    """Return the explanations of a table. Each row begins at the margin, and its further lines are indented:

        WORD | OTHER WORD :: what it is [RFC 2332 §5.2.7]
            when: it appears
            next: the command or fact to look at

    Raises ValueError for a row of another form.
    """
    return tuple(_rows(table))


def codes(kind: type[enum.IntEnum | enum.IntFlag]) -> Callable[[str], tuple[Explanation, ...]]:
    """Return what makes the explanations of codes from a table: its words are their names. It raises KeyError for
    another name.
    """
    return lambda table: tuple(replace(row, number=int(kind[row.word])) for row in _rows(table))


def reasons(kind: type[ReasonCode]) -> Callable[[str], tuple[Explanation, ...]]:
    """Return what makes the explanations of reasons from a table: its words are names of codes, which have the clause.
    It raises KeyError for another name.
    """
    return lambda table: tuple(
        replace(row, word=kind[row.word].value, clause=kind[row.word].clause) for row in _rows(table)
    )


def _rows(table: str) -> Iterator[Explanation]:
    margin = table[: -len(table.lstrip())]
    for row in re.split(rf"{margin}(?=\S)", table.strip()):
        found = _ROW.fullmatch(re.sub(r"\n\s+", " ", row))
        if found is None:
            raise ValueError(f"not WORD :: WHAT IT IS: {row!r}")
        word, *also = found["names"].split(" | ")
        yield Explanation(
            word, found["what"] or "", found["when"] or "", found["next"] or "", found["clause"] or "", also=tuple(also)
        )


def code(
    number: enum.IntEnum | enum.IntFlag,
    what: str,
    when: str = "",
    *,
    next: str = "",
    clause: str = "",
    also: tuple[str, ...] = (),
) -> Explanation:
    """Return the explanation of a code: its word is the name in its enum."""
    return Explanation(str(number.name), what, when, next=next, clause=clause, number=int(number), also=also)


def reason(code: ReasonCode, what: str, when: str = "", *, next: str = "") -> Explanation:
    """Return the explanation of a reason: its word is the sentence, its clause that of the code."""
    return Explanation(code.value, what, when, next=next, clause=code.clause)


def log_group(feature: str, messages: Iterable[type[Log]], table: str, *, next: str = "show logging") -> WordGroup:
    """Return the log messages of a feature. The docstring of each is its meaning; a row of the table says when it
    appears. Raises KeyError for a row of no message.
    """
    meanings = {f"%{message.name}": " ".join((message.__doc__ or "").split()) for message in messages}
    return WordGroup(
        title=f"log messages of {feature}",
        kind=WordKind.LOG,
        screens=("show logging",),
        explanations=tuple(replace(row, what=meanings[row.word], when=row.what) for row in _rows(table)),
        rank=20,
        next=next,
        sighting=r"(%[A-Z][A-Z0-9_]*-[0-7]-[A-Z0-9_]+)",
    )


def debug_group(command: str, *explanations: Explanation, next: str = "", clause: str = "") -> WordGroup:
    """Return the lines of a debug."""
    return WordGroup(
        title=f"lines of {command}",
        kind=WordKind.DEBUG,
        screens=(command, "show logging"),
        explanations=explanations,
        rank=70,
        next=next,
        clause=clause,
        lines=True,
    )


def reason_group(feature: str, screens: tuple[str, ...], *explanations: Explanation, next: str = "") -> WordGroup:
    """Return the reasons that a feature stores (`base.reasons`)."""
    return WordGroup(
        title=f"reasons of {feature}",
        kind=WordKind.REASON,
        screens=screens,
        explanations=explanations,
        rank=60,
        next=next,
        lines=True,
    )


def label_group(
    title: str,
    screens: tuple[str, ...],
    *explanations: Explanation,
    next: str,
    sighted: bool = False,
    mark: str = "",
    clause: str = "",
) -> WordGroup:
    """Return headings of columns, and labels before the values of a screen. sighted: they are explained below the
    screen, too.

    Screens whose values have explanations of their own do without: their readers can ask for a heading.
    """
    spellings = sorted((word for each in explanations for word in (each.word, *each.also)), key=len, reverse=True)
    return WordGroup(
        title=title,
        kind=WordKind.LABEL,
        screens=screens,
        explanations=explanations,
        rank=80,
        next=next,
        clause=clause,
        sighting=rf"(?<![\w/-])({'|'.join(map(re.escape, spellings))})(?![\w/-])" if sighted else "",
        mark=mark,
    )


def answer_group(feature: str, *explanations: Explanation, next: str) -> WordGroup:
    """Return the prompt's answers to lines of a feature that it refuses, or that need a remark."""
    return WordGroup(
        title=f"answers to lines of {feature}",
        kind=WordKind.ANSWER,
        screens=("the prompt",),
        explanations=explanations,
        rank=65,
        next=next,
        lines=True,
    )
