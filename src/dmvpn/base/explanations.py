"""The meanings of the words that this program prints: flags, states, log messages, debug lines, codes, reasons.

    Explanation   one word (or one line, as a template) and what there is to know about it
    WordGroup     words of one kind in one place: the column `Attrb` of `show dmvpn`, the codes of a NAK

A feature writes its groups as tables beside the code that prints them (`features/*/explain.py`) and hands them over in
`FEATURE`; `router/vocabulary.py` collects and finds them. Nothing here prints anything.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.reasons import ReasonCode
from dmvpn.base.values import Value, collected, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dmvpn.base.notices import LogKind

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


class Explanation(Value):
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


class WordGroup(Value, kw_only=True):
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


#: The ranks of kinds whose words are in every feature.
_RANKS: Final = {WordKind.LOG: 20, WordKind.REASON: 60, WordKind.ANSWER: 65, WordKind.DEBUG: 70, WordKind.LABEL: 80}
_TITLE: Final = "## "
_LOG_NAME: Final = r"(%[A-Z][A-Z0-9_]*-[0-7]-[A-Z0-9_]+)"


def words(
    kind: WordKind,
    *members: type[enum.Enum] | LogKind,
    rank: int | None = None,
    sighting: str = "",
    mark: str = "",
    cell: str = "",
    joined: bool = False,
    by_number: bool = False,
    lines: bool = False,
    names: str = "",
    sighted: bool = False,
) -> Callable[[str], tuple[WordGroup, ...]]:
    """Return what makes groups of words from a table. Each group begins with its title, and each row at the margin:

        ## column Attrb :: show dmvpn, show ip nhrp [RFC 2332 §5.2.3] next: show ip nhrp
        WORD | OTHER WORD :: what it is [RFC 2332 §5.2.7]
            when: it appears
            next: the command or fact to look at

    members: what the words are names of: enums, or log messages. A number is explained by its name, a reason and
        another text by its value; a log message is explained by its meaning, and its row says when it appears. Words
        with a blank are no names.
    names: those of `WordGroup`, in one text.
    sighted: of headings and labels, whether they are explained below the screen, too. Screens whose values have
        explanations of their own do without: their readers can ask for a heading.

    Reading a table raises ValueError for a row of another form, and KeyError for a word that no member has as name.
    """
    known: dict[str, enum.Enum | LogKind] = {}
    for each in members:
        known |= each.__members__ if isinstance(each, type) else {f"%{each.name}": each}

    def read(table: str) -> Iterator[WordGroup]:
        for head, *others in _groups(table):
            explanations = tuple(_explanation(row, known) for row in others)
            yield WordGroup(
                title=head["names"],
                kind=kind,
                screens=tuple(head["what"].split(", ")),
                explanations=explanations,
                rank=_RANKS.get(kind, 50) if rank is None else rank,
                next=head["next"] or "",
                clause=head["clause"] or "",
                sighting=_any_of(explanations) if sighted else _LOG_NAME if kind is WordKind.LOG else sighting,
                mark=mark,
                cell=cell,
                joined=joined,
                by_number=by_number,
                lines=lines or kind in (WordKind.REASON, WordKind.ANSWER, WordKind.DEBUG),
                names=frozenset(names.split()),
            )

    return lambda table: tuple(read(table))


def groups(names: Mapping[str, object]) -> tuple[WordGroup, ...]:
    """Return the groups of all tables of a module (`vars()`), in the order of their definition."""
    return tuple(group for table in collected(tuple, names) for group in table if isinstance(group, WordGroup))


def _groups(table: str) -> Iterator[list[re.Match[str]]]:
    """Yield the rows of each group, the one with its title first."""
    group: list[re.Match[str]] = []
    for row in rows(table):
        if row.startswith(_TITLE):
            if group:
                yield group
            group = []
        elif not group:
            raise ValueError(f"no {_TITLE}TITLE :: SCREENS before {row!r}")
        group.append(_row(row.removeprefix(_TITLE)))
    yield group


def _row(row: str) -> re.Match[str]:
    found = _ROW.fullmatch(row)
    if found is None:
        raise ValueError(f"not WORD :: WHAT IT IS: {row!r}")
    return found


def _any_of(explanations: tuple[Explanation, ...]) -> str:
    words = sorted((word for each in explanations for word in (each.word, *each.also)), key=len, reverse=True)
    return rf"(?<![\w/-])({'|'.join(map(re.escape, words))})(?![\w/-])"


def _explanation(row: re.Match[str], known: Mapping[str, enum.Enum | LogKind]) -> Explanation:
    word, *also = row["names"].split(" | ")
    what, when, clause = row["what"] or "", row["when"] or "", row["clause"] or ""
    number = None
    if known and " " not in word:
        match known[word]:
            case ReasonCode() as reason:
                word, clause = reason.value, reason.clause
            case int() as code:
                number = int(code)
            case enum.Enum() as text:
                word = text.value
            case message:
                what, when = message.meaning, what
    return Explanation(word, what, when, row["next"] or "", clause, number, tuple(also))
