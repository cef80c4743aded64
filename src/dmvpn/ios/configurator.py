"""Understands configuration lines: which command of which mode a typed line is.

    Configurator    the grammar of all modes; immutable once made, shared by all routers of a process
    Command         (command.py) one understood line: a verb, the mode whose language it is, and the commands it means
    ConfigSession   (session.py) carries commands out on a tree and remembers the mode

A line is tried in the current mode, then in its parents up to the global one, so that `router eigrp 100` typed inside
an interface leaves it, and `network ...` after `exit-af-topology` finds its address family. If none of them takes it,
the error is that of the mode which understood most of it; a mode that says "incomplete" or "ambiguous" has recognised
the line as its own, and no parent is asked.

`no` and `default` need only as many words as identify the command: all words of a single-valued one may be left out
behind its keywords, an entry of a list is named by its key. What they mean is found by the same walk through the
grammar; it merely need not reach an end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.ios.command import Command, Verb
from dmvpn.ios.errors import CliError, ErrorKind
from dmvpn.ios.grammar import GLOBAL, ConfigLine, Mode
from dmvpn.ios.known import read_known
from dmvpn.ios.matcher import Found, Grammar, Thread, Walk, tokenize
from dmvpn.ios.session import ConfigSession
from dmvpn.ios.syntax import argument_names, leading_keywords, value_names
from dmvpn.ios.tree import ConfigTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.ios.places import Places
    from dmvpn.ios.values import Token

#: How many understood lines are remembered. Thousands of spokes have nearly the same lines.
MEMORY = 4_096

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Problem:
    """A line of a file that was refused, or taken with a warning."""

    line_number: int
    text: str
    mode: str
    message_lines: tuple[str, ...]
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class ConfigResult:
    """What a text made of a configuration."""

    tree: ConfigTree
    problems: tuple[Problem, ...]


def _verb_line(syntax: str, text: str) -> ConfigLine:
    return ConfigLine("", syntax, {syntax.split()[0]: text})


_NO: Final = _verb_line("no {command:line}", "Take a command back, or switch something off")
_DEFAULT: Final = _verb_line("default {command:line}", "Set a command to its default")
_DO: Final = _verb_line("do {command:line}", "Run a command of the exec prompt")
_EXIT: Final = _verb_line("exit", "Go one level up")
_END: Final = _verb_line("end", "Leave configuration mode")
_VERBS: Final = {_NO: Verb.NO, _DEFAULT: Verb.DEFAULT, _DO: Verb.DO, _EXIT: Verb.EXIT, _END: Verb.END}


class Configurator:
    """The configuration language of a set of features. Raises ValueError for a grammar that contradicts itself."""

    def __init__(self, lines: Sequence[ConfigLine], modes: Sequence[Mode], known: Sequence[str] = ()) -> None:
        known_lines, known_modes = read_known(known)
        self._modes: dict[str, Mode] = {mode.name: mode for mode in (*known_modes, *modes, GLOBAL)}
        self._lines: dict[str, list[ConfigLine]] = {name: [] for name in self._modes}
        for line in (*lines, *known_lines):
            if line.mode not in self._modes or (line.opens is not None and line.opens not in self._modes):
                raise ValueError(f"{line.syntax!r} names a mode that does not exist ({line.mode}, {line.opens})")
            self._lines[line.mode].append(line)
        self._grammars: dict[str, Grammar[ConfigLine]] = {}
        self._exit_lines: dict[ConfigLine, str] = {}
        self._memory: dict[tuple[str, str], Command | CliError] = {}

    def parse_text(self, text: str, base: ConfigTree | None = None, *, places: Places | None = None) -> ConfigResult:
        """Read a file or a paste on top of `base`. Wrong lines are reported, the others count.

        places: is told where each line stands.
        """
        session = ConfigSession(self, base.copy() if base else ConfigTree())
        problems: list[Problem] = []
        for number, line in enumerate(_LINE_END.split(text), 1):
            mode = session.mode.name
            result = session.enter(line)
            if places is not None and (place := session.entered(number)) is not None:
                places.note(place)
            messages = result.output_lines
            if result.exec_line is not None:
                messages = ('% "do" runs commands in a session only, not in a file',)
            if messages:
                is_warning = not result.refused and result.exec_line is None
                problems.append(Problem(number, line, mode, tuple(messages), is_warning))
        if session.awaits:
            problems.append(Problem(number, "", session.mode.name, (f"% A text has no end: {session.awaits}",)))
        return ConfigResult(session.tree, tuple(problems))

    def mode(self, name: str) -> Mode:
        """The mode called `name`. Raises KeyError."""
        return self._modes[name]

    def scopes(self, mode: str) -> Iterator[str]:
        """The mode and its parents, the global one last."""
        while True:
            yield mode
            if mode == GLOBAL.name:
                return
            mode = self._modes[mode].parent

    def grammar(self, mode: str) -> Grammar[ConfigLine]:
        """All lines of a mode, verbs included."""
        grammar = self._grammars.get(mode)
        if grammar is None:
            grammar = self._grammars[mode] = self._make_grammar(mode)
        return grammar

    def verbs(self, mode: str) -> frozenset[str]:
        """The words that cannot stand behind `no`."""
        return frozenset(entry.syntax.split()[0] for entry in self.grammar(mode).entries if not entry.mode)

    def _make_grammar(self, mode: str) -> Grammar[ConfigLine]:
        lines = self._lines[mode]
        for line in lines:
            if not argument_names(line.syntax).issuperset(line.key or ()):
                raise ValueError(f"the key {line.key} of {line.syntax!r} names no argument of it")
        exit_word = self._modes[mode].exit_word
        if exit_word:
            exit_line = _verb_line(exit_word, "Close this part of the configuration")
            self._exit_lines[exit_line] = mode
            return Grammar([*_VERBS, exit_line, *lines])
        return Grammar([*_VERBS, *lines])

    # Understanding a line ----------------------------------------------------------------------------------------

    def interpret(self, mode: str, line: str) -> Command | CliError:
        """What `line` means in `mode`, or why it means nothing."""
        found = self._memory.get((mode, line))
        if found is None:
            if len(self._memory) >= MEMORY:
                self._memory.clear()
            found = self._memory[mode, line] = self._interpret(mode, line)
        return found

    def verb_of(self, mode: str, line: str) -> tuple[Verb, int]:
        """The verb that `line` starts with and where the rest begins: (NO, 3) for "no ip ..."; for help."""
        tokens = tokenize(line)
        if tokens and (len(tokens) > 1 or line[-1:].isspace()):
            threads = self.grammar(mode).walk(line, tokens[:1]).threads
            verb = _VERBS.get(threads[0].place.lines[0]) if threads and len(threads[0].place.lines) == 1 else None
            if verb in (Verb.NO, Verb.DEFAULT, Verb.DO):
                return verb, tokens[1].start if len(tokens) > 1 else len(line)
        return Verb.SET, 0

    def _interpret(self, mode: str, line: str) -> Command | CliError:
        tokens = tokenize(line)
        if not tokens or tokens[0].text[0] == "!":
            return Command(Verb.NOTHING, mode)
        failures: list[CliError] = []
        for scope in self._scopes_for(mode, tokens[0].text):
            walk = self.grammar(scope).walk(line, tokens)
            best = walk.best()
            if best is not None:
                return self._understood(mode, scope, best, line, tokens)
            failures.append(walk.failure(line))
            if failures[-1].kind is not ErrorKind.INVALID:
                break
        return _furthest(failures)

    def _scopes_for(self, mode: str, word: str) -> list[str]:
        """The mode and its parents, those before the others that know the first word as it stands.

        `key 2` below `key 1` is the next key of the chain, not a short `key-string 2`.
        """
        lowered = word.lower()
        return sorted(self.scopes(mode), key=lambda scope: lowered not in self.grammar(scope).root.shown_words)

    def _understood(
        self, mode: str, scope: str, best: tuple[ConfigLine, Thread[ConfigLine]], line: str, tokens: list[Token]
    ) -> Command | CliError:
        entry, thread = best
        verb = _VERBS.get(entry)
        if verb is Verb.NO or verb is Verb.DEFAULT:
            return self._interpret_no(mode, verb, line, tokens[1:])
        if verb is not None:
            return Command(verb, mode, rest=line[tokens[1].start :] if verb is Verb.DO else "")
        if entry in self._exit_lines:
            return Command(Verb.LEAVE, scope)
        return Command(Verb.SET, scope, (Found(entry, thread.args()),))

    def _interpret_no(self, mode: str, verb: Verb, line: str, tokens: list[Token]) -> Command | CliError:
        failures: list[CliError] = []
        for scope in self._scopes_for(mode, tokens[0].text):
            walk = self.grammar(scope).walk(line, tokens)
            if any(not entry.mode for thread in walk.threads for entry in thread.place.lines):
                return CliError(ErrorKind.INVALID, line, tokens[0].start)  # "no exit", "no no ..."
            targets = _targets(walk)
            if targets:
                return Command(verb, scope, tuple(targets))
            failures.append(walk.failure(line))
            if failures[-1].kind is not ErrorKind.INVALID:
                break
        return _furthest(failures)


def _furthest(failures: list[CliError]) -> CliError:
    """The error of the mode that understood most of the line; the nearer mode's if they are equal."""
    return max(failures, key=lambda failure: failure.column)


def _targets(walk: Walk[ConfigLine]) -> list[Found[ConfigLine]]:
    """The commands that the words behind `no` identify; none if they are too few."""
    best = walk.best()
    if best is not None:
        return [Found(best[0], best[1].args())]
    begun = [Found(entry, thread.args()) for thread in walk.threads for entry in thread.place.lines]
    named = [found for found in begun if _is_named(found)]
    alone = len({found.line for found in begun}) == 1
    if any(not found.line.is_list for found in named):
        return named + [found for found in begun if found not in named and found.line.is_list and _is_begun(found)]
    if alone and not begun[0].line.is_list:
        return begun
    return named


def _is_begun(found: Found[ConfigLine]) -> bool:
    """Are all keywords given with which the command starts?"""
    return len(found.args.words) >= len(leading_keywords(found.line.syntax))


def _is_named(found: Found[ConfigLine]) -> bool:
    """Do the words name the command, and if it is a list, the entry?"""
    line, args = found
    if not _is_begun(found):
        return False
    if not line.is_list:
        return True
    if len(args.words) == len(leading_keywords(line.syntax)):
        return False
    values = value_names(line.syntax)
    return all(name in args for name in line.key or () if name in values)
