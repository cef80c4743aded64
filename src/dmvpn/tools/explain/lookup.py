"""From a question to its meanings.

A question is tried in this order, and the first find is not everything: a log line has codes in it, a letter is on
several screens.

    a clause        "RFC2332-5.2.3"
    a log message   "%NHRP-3-PAKREPLY", or a whole line with its time stamp
    a code          "RFC 2332 code 14", "NAK 12", "nhrp error 11", "notify 14", "RFC7296 NO_PROPOSAL_CHOSEN", "14"
    a word          "D", "READY", "UP-ACTIVE", "Resolution Request"
    a cell          "DT2", "D/ur", "rib nho", "S*": several words side by side
    a line          of a debug, a reason, an answer of the prompt
    a command       "show dmvpn detail", "ip nhrp redirect", or a keyword of one
    a sloppy cell   "dt2"

A flag is of routers; a longer word may be of the commands of the shell as well (`outer`).

Commands are explained from the grammar: every word of a line with its text, and the words that may follow. The texts
are those of `?`, written with each entry; there is no second copy of them. Of a clause the installed sources say where
it is: it is in a docstring or comment beside the code that implements it. Requirements and tests come from the pages
`docs/reference/conformance-*.md`, which are made from the tests; without the documentation at hand only the code is
named.
"""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Final, NamedTuple

import dmvpn
from dmvpn.base.explanations import WordKind
from dmvpn.base.values import Value
from dmvpn.ios import ConfigLine, ExecCommand, Feature
from dmvpn.ios.begun import Begun, begun, keywords, summary
from dmvpn.ios.errors import without_keys
from dmvpn.ios.matcher import Grammar
from dmvpn.router.language import configurator
from dmvpn.router.vocabulary import Meaning, Vocabulary, configuration_on, is_configuration, plain_text, vocabulary

# ------------------------------------------------------------------------------------------------ answers


class FoundMeaning(Value, kw_only=True):
    """One meaning. kind: "flag", "log message", "command" ... place: where it is printed; screens: of which commands.

    details: pairs for a list below: words of a command, requirements of a clause.
    """

    word: str
    kind: str
    place: str
    screens: tuple[str, ...]
    what: str
    when: str = ""
    next: str = ""
    clause: str = ""
    details: tuple[tuple[str, str], ...] = ()


class Answer(Value):
    """asked: the question. found: all meanings. near: words that are spelled alike, if there is no meaning."""

    asked: str
    found: tuple[FoundMeaning, ...]
    near: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------ commands


#: The most lines named that only contain the word; the most words named that may follow.
_MOST_LINES: Final = 8
_MOST_FOLLOWING: Final = 16
_EXEC: Final = "the exec prompt"
#: Words before another line, which is the one to explain.
_VERBS: Final = ("no", "default", "do")


class Listed(NamedTuple):
    """One entry of the grammar: its syntax, its mode, its purpose, and the texts of its words."""

    syntax: str
    place: str
    what: str
    words: tuple[tuple[str, str], ...]


class Commands:
    """The exec language, and the configuration language of each mode."""

    def __init__(self, features: tuple[Feature, ...], commands: Iterable[ExecCommand]) -> None:
        self._exec = tuple(commands)
        self._exec_grammar = Grammar(self._exec)
        self._configurator = configurator(features)
        self._config = [line for feature in features for line in feature.config]
        # Modes that others open come last: `shutdown` of an interface before that of a neighbor.
        self._modes = tuple(dict.fromkeys(line.mode for line in self._config))

    def __iter__(self) -> Iterator[Listed]:
        """Yield all entries, commands of the prompt first."""
        for command in self._exec:
            yield _in_order(command, _EXEC)
        for line in self._config:
            yield _in_order(line, self._place(line.mode))

    @property
    def keywords(self) -> Iterator[str]:
        """All fixed words."""
        entries: tuple[ExecCommand | ConfigLine, ...] = (*self._exec, *self._config)
        return (word for entry in entries for word in keywords(entry))

    def explain(self, text: str, *, in_full: bool = False) -> list[FoundMeaning]:
        """Return the meaning of a line or its beginning; else the lines with this word. in_full: no abbreviations."""
        verb, _, rest = text.partition(" ")
        line = rest.strip() if verb.casefold() in _VERBS and rest.strip() else text
        begun_so = self._begun(line, as_config=line is text or verb.casefold() != "do", as_command=verb != "default")
        found = [self._found(each, place) for each, place in begun_so if not in_full or each.text == line]
        return found if found or in_full else self.with_keyword(line)

    def in_full(self, text: str) -> str:
        """Return a command of the prompt in full words, without its filters; as it is if it is none."""
        command = text.partition("|")[0].strip()
        found = begun(self._exec_grammar, command)
        return found.text if found is not None else command

    def _begun(
        self, text: str, *, as_config: bool, as_command: bool
    ) -> Iterator[tuple[Begun[ExecCommand] | Begun[ConfigLine], str]]:
        command = begun(self._exec_grammar, text) if as_command else None
        if command is not None and _has_keyword(command):
            yield command, _EXEC
        if not as_config:
            return
        known: set[tuple[str, str]] = set()
        for mode in self._modes:
            as_line = begun(self._configurator.grammar(mode), text)
            if as_line is None or not _has_keyword(as_line):
                continue
            same = (as_line.text, as_line.what)
            if same not in known:
                known.add(same)
                yield as_line, self._place(mode)

    def _found(self, line: Begun[ExecCommand] | Begun[ConfigLine], place: str) -> FoundMeaning:
        may_end = "" if line.complete else "The line goes on. "
        what = line.what or f"The beginning of {len(line.entries)} commands."
        shown = without_keys(line.text)
        return FoundMeaning(
            word=shown,
            kind="command",
            place=place,
            screens=(),
            what=f"{may_end}{what}",
            next=f"{shown} ?",
            details=tuple(row for row in line.following if row[0] != "<cr>")[:_MOST_FOLLOWING],
        )

    def with_keyword(self, word: str) -> list[FoundMeaning]:
        """Return the lines that have this word somewhere, the shortest first."""
        rows = [each for each in self if word.casefold() in (part.casefold() for part in each.syntax.split())]
        rows.sort(key=lambda row: len(row.syntax.split()))
        return [
            FoundMeaning(word=each.syntax, kind="command", place=each.place, screens=(), what=f"{each.what}.")
            for each in rows[:_MOST_LINES]
        ]

    def _place(self, mode: str) -> str:
        return f"configuration mode {self._configurator.mode(mode).prompt}"


def _has_keyword(line: Begun[ExecCommand] | Begun[ConfigLine]) -> bool:
    """Return whether any word of it is a fixed one.

    Lines that are all free values fit anything: hex digits, a number, a name.
    """
    fixed = {word for entry in line.entries for word in keywords(entry)}
    return any(word in fixed for word, _ in line.words)


def _in_order(entry: ExecCommand | ConfigLine, place: str) -> Listed:
    texts = () if isinstance(entry.help, str) else tuple(entry.help.items())
    return Listed(entry.syntax, place, summary(entry), texts)


# ------------------------------------------------------------------------------------------------ clauses of standards


_SECTION: Final = r"(?:\d+(?:\.[\dA-Z]+)*|[A-Z](?:\.\d+)+)"
#: With a dot in its number a section needs no sign before it; "RFC 2332 14" asks for a code.
_QUESTION: Final = re.compile(
    rf"rfc ?(\d+)(?:(?:[ -]*§ ?| ?- ?| section )({_SECTION})| (\d+(?:\.[\dA-Z]+)+|[A-Z]\.\d+))\.?", re.IGNORECASE
)
#: What the clause of a word names: "RFC 2332 §5.2.1 and §5.2.2", "RFC 792, type 3", "RFC 4303, RFC 3948", a draft.
_NAMED: Final = re.compile(rf"(?:RFC (\d+)|(draft-[\w-]+))|§({_SECTION})")
_SCOPE: Final = re.compile(r"^( *)(?:class|def) (\w+)")
_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_SOURCES: Final = Path(dmvpn.__file__).parent
_PAGES: Final = _SOURCES.parents[1] / "docs" / "reference"
_MOST: Final = 12


def explain_clause(text: str, words: Vocabulary) -> list[FoundMeaning]:
    """Return the answer, if the question is a clause ("RFC2332-5.2.3", "RFC 2332 §5.2.3"), or is printed as one.

    words: explanations that may name the clause. An answer may name several clauses: "RFC 2332 §5.2.1 and §5.2.2".
    """
    match = _QUESTION.fullmatch(text.strip())
    if match is not None:
        wanted = [(match[1], (match[2] or match[3]).upper())]
    elif text.casefold() in {meaning.clause.casefold() for meaning in words.all()} - {""}:
        wanted = list(_clauses(text[:3].upper() + text[3:] if text[:3].casefold() == "rfc" else text.casefold()))
    else:
        return []
    return [found for document, section in wanted if (found := _explained(document, section, words)) is not None]


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    """Yield the clauses that a text names: the number of the RFC, or the name of a draft, and the section or ""."""
    document, sections = "", 0
    for match in _NAMED.finditer(text):
        if match[3] is not None:
            sections += 1
            yield document, match[3]
            continue
        if document and not sections:
            yield document, ""
        document, sections = match[1] or match[2], 0
    if document and not sections:
        yield document, ""


def _explained(document: str, section: str, words: Vocabulary) -> FoundMeaning | None:
    name = f"RFC {document}" if document.isdecimal() else re.escape(document)
    sections = rf" (?:§[\d.A-Z]+(?:,| and) )*§{re.escape(section)}(?![\d.]*\d)" if section else r"(?!\d)"
    named = re.compile(name + sections)
    code = list(dict.fromkeys(place for place, line in _lines_with_names() if named.search(line)))
    rows = list(_requirements(document, section))
    resting = [each for each in words.all() if (document, section) in _clauses(each.clause)]
    if not code and not rows and not resting:
        return None
    parts = (
        (code, f"the code names this clause in {_counted(len(code), 'place')}"),
        (rows, f"the conformance page has {_counted(len(rows), 'requirement')} of it"),
        (resting, f"{_counted(len(resting), 'explained word')} {'rests' if len(resting) == 1 else 'rest'} on it"),
    )
    what = "; ".join(text for found, text in parts if found)
    details = [("code", place) for place in code[:_MOST]]
    for requirement, status, tests in rows:
        details.append(("asked", f"{requirement} ({status})"))
        details += [("test", test) for test in tests]
    details += [("word", f"{each.explanation.word} ({each.group.title})") for each in resting[:_MOST]]
    if len(resting) > _MOST:
        details.append(("word", f"and {len(resting) - _MOST} more"))
    name = f"RFC {document}" if document.isdecimal() else document
    clause = f"{name} §{section}" if section else name
    return FoundMeaning(
        word=clause,
        kind="clause",
        place=_address(document, section),
        screens=(),
        what=f"{what[0].upper()}{what[1:]}.",
        clause=clause,
        details=tuple(details),
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _address(document: str, section: str) -> str:
    """Return the URL of a clause."""
    if not document.isdecimal():
        return f"https://datatracker.ietf.org/doc/{document}"
    anchor = f"#{'section' if section[0].isdigit() else 'appendix'}-{section}" if section else ""
    return f"https://www.rfc-editor.org/rfc/rfc{document}{anchor}"


@cache
def _lines_with_names() -> tuple[tuple[str, str], ...]:
    """Return the lines of the sources that name a standard: the place, and the line."""
    found: list[tuple[str, str]] = []
    for path in sorted(_SOURCES.rglob("*.py")):
        # Texts that explain are no place where something is done.
        if "explain" in path.relative_to(_SOURCES).as_posix():
            continue
        file, scope = path.relative_to(_SOURCES.parent).as_posix(), ""
        for line in path.read_text(encoding="utf-8").splitlines():
            begins = _SCOPE.match(line)
            scope = begins[2] if begins is not None else scope
            if "RFC " in line or "draft-" in line:
                found.append((f"{file}{f': {scope}' if scope else ''}", line))
    return tuple(found)


def _requirements(document: str, section: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the requirements of a clause in the conformance page, each with its status and its tests."""
    page = _PAGES / f"conformance-rfc{document}.md"
    if not page.is_file():
        return
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 4 and cells[0] == section:
            tests = tuple(f"{path.removeprefix('../../')}: {name}" for name, path in _LINK.findall(cells[3]))
            yield cells[1], cells[2], tests


# ------------------------------------------------------------------------------------------------ an answer as text


_WIDTH: Final = 88
_INDENT: Final = " " * 2


def render(answer: Answer) -> Iterator[str]:
    """Yield the lines."""
    if not answer.found:
        yield f"Nothing that this program prints is called {answer.asked!r}."
        if answer.near:
            yield f"Spelled alike: {', '.join(answer.near)}"
        return
    for number, found in enumerate(answer.found):
        if number:
            yield ""
        screens = f" ({', '.join(found.screens)})" if found.screens else ""
        place = found.place if found.kind in found.place.casefold() else f"{found.kind}: {found.place}"
        yield f"{found.word}    {place}{screens}"
        yield from textwrap.wrap(found.what, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
        for title, text in (("when", found.when), ("next", found.next), ("clause", found.clause)):
            if text:
                yield from textwrap.wrap(
                    text, _WIDTH, initial_indent=f"{_INDENT}{title + ':':<8}", subsequent_indent=_INDENT + " " * 8
                )
        width = max((len(word) for word, _ in found.details), default=0)
        for word, text in found.details:
            yield f"{_INDENT}  {word:<{min(width, 24)}}  {text}".rstrip()


# -------------------------------------------------------------------------------------------- messages and their fields


#: Groups of words that are in messages, by title; and the protocol as the chronicle names it.
_GROUPS: Final = {
    "packet types": "NHRP",
    "fields of an NHRP message": "NHRP",
    "exchanges": "IKEv2",
    "fields of an IKEv2 message": "IKEv2",
    "exchanges of IKEv1": "ISAKMP",
    "fields of an IKEv1 message": "ISAKMP",
}


def in_messages(features: tuple[Feature, ...]) -> dict[str, dict[str, str]]:
    """Return what, when, next and clause, by protocol and word: "NHRP Resolution Request", "NHRP Hop Count"."""
    found: dict[str, dict[str, str]] = {}
    for meaning in vocabulary(features).all():
        protocol = _GROUPS.get(meaning.group.title)
        if protocol is None:
            continue
        each = meaning.explanation
        texts = {"what": each.what, "when": each.when, "next": meaning.next, "clause": meaning.clause}
        for word in (each.word, *each.also):
            found.setdefault(f"{protocol} {word}", {name: text for name, text in texts.items() if text})
    return found


# -------------------------------------------------------------------------------------- from a question to its meanings


_MNEMONIC: Final = re.compile(r"%([A-Z][A-Z0-9_]*-[0-7]-[A-Z0-9_]+)")
_RFC: Final = re.compile(r"\brfc ?(?=\d)")
_NOT_A_WORD: Final = re.compile(r"[^\w§.:%&*!+#/?-]+")
#: Screens whose lines hold codes and reasons inside.
_LOG: Final = "show logging"
_DEBUGS: Final = ("debug nhrp packet", "debug eigrp packets", "debug eigrp fsm", "debug crypto ikev2 packet")
_QUOTES: Final = "'\"`"
_NEAREST: Final = 6
#: A word of so many letters that a router prints is looked for nowhere else.
_LONGEST_FLAG: Final = 4


class Explainer:
    """Answers questions about the words of routers with these features, whose prompt has these commands."""

    def __init__(self, features: tuple[Feature, ...], commands: Iterable[ExecCommand]) -> None:
        self._features = features
        self.vocabulary = vocabulary(features)
        self.commands = Commands(features, commands)

    @cached_property
    def whole(self) -> Vocabulary:
        """The words of routers and of the shell's commands; the latter are not loaded for a word such as `DT2`."""
        from dmvpn.tools.explain import outer

        return Vocabulary((*self.vocabulary.groups, *outer.GROUPS))

    def ask(self, question: str) -> Answer:
        """Return all meanings of a question; if there is none, words with a similar spelling."""
        text = " ".join(plain_text(question).split())
        # `dmvpn explain "'-'"` asks for a sign that would otherwise be an option.
        if len(text) > 2 and text[0] == text[-1] and text[0] in _QUOTES:
            text = text[1:-1]
        if not text:
            return Answer(question, ())
        found = self._found(text)
        return Answer(text, tuple(found), () if found else self._near(text))

    def screen(self, text: str) -> list[Meaning]:
        """Return everything on a screen (or several) that has an explanation."""
        lines = [plain_text(line) for line in text.splitlines()]
        configured = configuration_on(self._features, lines) if is_configuration("", lines) else []
        return [*self.whole.on_paste(lines, self.commands.in_full), *configured]

    def _found(self, text: str) -> list[FoundMeaning]:
        clauses = explain_clause(text, self.whole)
        if clauses:
            return clauses
        mnemonic = _MNEMONIC.search(text)
        if mnemonic is not None:  # the message, and the codes and reasons in it
            message = self.vocabulary.meanings(mnemonic[0])
            return _listed([*message, *self.vocabulary.in_line(_LOG, text)]) if message else []
        known = self.vocabulary if len(text) <= _LONGEST_FLAG else self.whole
        meanings = [*self._codes(text), *known.meanings(text)] or self.vocabulary.of_cell(text)
        meanings = meanings or self.whole.meanings(text)
        if not meanings:
            found = self._line(text) or self.commands.explain(text)
            return found or _listed(self.vocabulary.of_cell(text, any_case=True))
        # A command in full is wanted as much as a word of the same name; a cut one ("s", "d") is not.
        commands = self.commands.explain(text, in_full=True)
        if any(each.group.kind is not WordKind.LABEL for each in meanings):
            return [*_listed(meanings), *commands]
        # A label that is written in another way ("split-horizon") comes behind the lines that have the word.
        commands = commands or self.commands.with_keyword(text)
        spelled = any(each.is_spelled(text) for each in meanings)
        return [*_listed(meanings), *commands] if spelled else [*commands, *_listed(meanings)]

    def _line(self, text: str) -> list[FoundMeaning]:
        line = self.vocabulary.of_line(text)
        if line is None:
            return []
        if line.group.kind is not WordKind.DEBUG:
            return _listed([line])
        inside = [each for command in _DEBUGS for each in self.vocabulary.in_line(command, text)]
        return _listed([line, *(each for each in inside if each.group.kind is not WordKind.DEBUG)])

    def _codes(self, text: str) -> list[Meaning]:
        words = _RFC.sub("rfc ", _NOT_A_WORD.sub(" ", text.casefold())).split()
        if not words:
            return []
        *before, last = words
        named = frozenset(before)
        if last.isdecimal():
            return self.vocabulary.of_code(named, int(last))
        return self.vocabulary.of_names(named, last) if before else []

    def _near(self, text: str) -> tuple[str, ...]:
        known = {spelling: spelling for spelling in self.commands.keywords}
        known |= {word.casefold(): word for word in self.whole.spellings if "<" not in word}
        close = difflib.get_close_matches(text.casefold(), known, n=_NEAREST, cutoff=0.6)
        return tuple(dict.fromkeys(known[spelling] for spelling in close))


def found_of(meaning: Meaning) -> FoundMeaning:
    """Return a meaning as an answer."""
    explanation, group = meaning
    word = f"{explanation.word} ({explanation.number})" if explanation.number is not None else explanation.word
    return FoundMeaning(
        word=word,
        kind=group.kind.value,
        place=group.title,
        screens=group.screens,
        what=explanation.what,
        when=explanation.when,
        next=meaning.next,
        clause=meaning.clause,
    )


def _listed(meanings: Iterable[Meaning]) -> list[FoundMeaning]:
    return [found_of(meaning) for meaning in dict.fromkeys(meanings)]
