"""Commands, explained from the grammar: every word of a line with its text, and the words that may follow.

The texts are those of `?`, written with each entry; there is no second copy of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.ios.begun import begun, keywords, summary
from dmvpn.ios.errors import without_keys
from dmvpn.ios.matcher import Grammar
from dmvpn.router.language import configurator
from dmvpn.tools.explain.answer import FoundMeaning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.ios import ConfigLine, ExecCommand, Feature
    from dmvpn.ios.begun import Begun

#: Of lines that only have the word somewhere, so many are named; of words that may follow, so many.
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
            yield _listed(command, _EXEC)
        for line in self._config:
            yield _listed(line, self._place(line.mode))

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


def _listed(entry: ExecCommand | ConfigLine, place: str) -> Listed:
    texts = () if isinstance(entry.help, str) else tuple(entry.help.items())
    return Listed(entry.syntax, place, summary(entry), texts)
