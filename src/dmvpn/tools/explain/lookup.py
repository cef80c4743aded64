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
"""

from __future__ import annotations

import difflib
import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dmvpn.base.explanations import WordKind
from dmvpn.router.vocabulary import Vocabulary, configuration_on, is_configuration, plain_text, vocabulary
from dmvpn.tools.explain.answer import Answer, FoundMeaning
from dmvpn.tools.explain.clauses import explain_clause
from dmvpn.tools.explain.commands import Commands

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.ios import ExecCommand, Feature
    from dmvpn.router.vocabulary import Meaning

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
        text = _unquoted(" ".join(plain_text(question).split()))
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
        if mnemonic is not None:
            return self._log_line(text, mnemonic[0])
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

    def _log_line(self, text: str, mnemonic: str) -> list[FoundMeaning]:
        """Return a message, and the codes and reasons in it."""
        message = self.vocabulary.meanings(mnemonic)
        return _listed([*message, *self.vocabulary.in_line(_LOG, text)]) if message else []

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


def _unquoted(text: str) -> str:
    """Return a text without its quotes: `dmvpn explain "'-'"` asks for a sign that would otherwise be an option."""
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] and text[0] in _QUOTES else text


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
