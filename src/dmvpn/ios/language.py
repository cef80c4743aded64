"""Understands configuration lines: which command of which mode a typed line is.

    Language        the grammar of all modes; immutable once made, shared by all routers of a process
    Command         one understood line (config_line.py): its verb, the mode whose language it is, the commands it means
    ConfigSession   (session.py) carries commands out on a tree and remembers the mode

A line is tried in the current mode, then in its parents up to the global one, so that `router eigrp 100` typed inside
an interface leaves it, and `network ...` after `exit-af-topology` finds its address family. If none of them takes it,
the error is that of the mode which understood most of it; a mode that says "incomplete" or "ambiguous" has recognized
the line as its own, and no parent is asked.

`no` and `default` need only as many words as identify the command: all words of a single-valued one may be left out
behind its keywords, an entry of a list is named by its key. What they mean is found by the same walk through the
grammar; it merely need not reach an end.

Plain passwords become hashes before their line is entered anywhere: before it reaches a tree, a recording, a file. A
command that has such a password says so (`ConfigLine.seal`). To make a hash takes tens of milliseconds, so `sealing`
only draws the salt and gives a function, which a session calls aside. It depends on the line alone, and only the
resulting line is visible: so a replay needs neither the password nor the salt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from dmvpn.base.breath import aside, breathe
from dmvpn.base.entropy import Entropy
from dmvpn.base.placeholder import BLANKS
from dmvpn.ios.config_line import (
    FREE,
    GLOBAL,
    UNKNOWN_MODE,
    Command,
    ConfigLine,
    LineGroup,
    Mode,
    Verb,
    is_free,
    is_slip_of_routing,
)
from dmvpn.ios.errors import CliError, ErrorKind, note_secrets
from dmvpn.ios.grammar import Args, argument_names, leading_keywords, value_names
from dmvpn.ios.matcher import Grammar, GrammarPoint, MatchedLine, Walk, has_secret, tokenize
from dmvpn.ios.tree import says_whom_alone
from dmvpn.ios.values import Token

#: The commands and modes of a table of known lines (`read_known`).
Known = tuple[tuple[ConfigLine, ...], tuple[Mode, ...]]
#: Words with which a line of the table begins, at most.
_LONGEST_BEGINNING: Final = 6
#: How many understood lines are remembered. Thousands of spokes have nearly the same lines.
MEMORY = 4_096
_NEGATIONS: Final = ("no", "default")


def _verb_line(syntax: str, text: str) -> ConfigLine:
    return ConfigLine("", syntax, {syntax.split()[0]: text})


_NO: Final = _verb_line("no {command:line}", "Take a command back, or switch something off")
_DEFAULT: Final = _verb_line("default {command:line}", "Set a command to its default")
_DO: Final = _verb_line("do {command:line}", "Run a command of the exec prompt")
_EXIT: Final = _verb_line("exit", "Go one level up")
_END: Final = _verb_line("end", "Leave configuration mode")
_VERBS: Final = {_NO: Verb.NO, _DEFAULT: Verb.DEFAULT, _DO: Verb.DO, _EXIT: Verb.EXIT, _END: Verb.END}


class Language:
    """The configuration language of a set of features. Raises ValueError for a grammar that contradicts itself."""

    def __init__(self, lines: Sequence[ConfigLine], modes: Sequence[Mode], known: Known = ((), ())) -> None:
        known_lines, known_modes = known
        self._modes: dict[str, Mode] = {mode.name: mode for mode in (*known_modes, *modes, GLOBAL, UNKNOWN_MODE)}
        #: For lines that some hosts cannot carry out: returns the line's group on such a host, None on another host.
        self.beyond: Mapping[ConfigLine, Callable[[], LineGroup | None]] = {}
        self._others = frozenset(mode.name for mode in (*known_modes, UNKNOWN_MODE)) - {mode.name for mode in modes}
        self._lines: dict[str, list[ConfigLine]] = {name: [] for name in self._modes}
        self._first_words: dict[str, frozenset[str]] = {}
        self._own_words: dict[str, frozenset[str]] = {}
        present = [line for line in known_lines if line.mode in self._modes]
        for line in (*lines, *(line for line in present if not is_free(line))):
            if line.mode not in self._modes or (line.opens is not None and line.opens not in self._modes):
                raise ValueError(f"{line.syntax!r} names a mode that does not exist ({line.mode}, {line.opens})")
            self._lines[line.mode].append(line)
        self._grammars: dict[str, Grammar[ConfigLine]] = {}
        self._scopes: dict[str, tuple[str, ...]] = {}
        self._free: dict[str, dict[tuple[str, ...], ConfigLine]] = {}
        for line in present:
            if is_free(line):
                self._free.setdefault(line.mode, {})[_beginning(line)] = line
        #: By mode and first words of such lines: the words that follow, made at their first use.
        self._following: dict[str, dict[tuple[str, ...], dict[str, None]]] = {}
        secret = Grammar([line for line in (*lines, *known_lines) if has_secret(line)])
        note_secrets(tuple([entry.syntax for entry in secret.entries]), secret.secret_in)
        self._exit_lines: dict[ConfigLine, str] = {}
        self._memory: dict[tuple[str, str], Command | CliError] = {}
        self._roots: dict[str, tuple[tuple[GrammarPoint[ConfigLine], frozenset[str]], ...]] = {}

    def mode(self, name: str) -> Mode:
        """Return the mode called `name`. Raises KeyError."""
        return self._modes[name]

    def scopes(self, mode: str) -> tuple[str, ...]:
        """Return the mode and its parents, the global one last."""
        found = self._scopes.get(mode)
        if found is None:
            around = () if mode == GLOBAL.name else self.scopes(self._modes[mode].parent)
            found = self._scopes[mode] = (mode, *around)
        return found

    def is_others(self, mode: str) -> bool:
        """Return whether only lines upon which nothing here acts open this mode."""
        return mode in self._others

    def knows(self, mode: str, line: str) -> bool:
        """Return whether `line`, or the part after its `no` or `default`, is a whole command of this very mode."""
        if mode not in self._modes or self._is_strange(mode, line):
            return False
        tokens = _behind_no(line)
        walk = self.grammar(mode).walk(line, tokens)
        is_negated = bool(tokens) and tokens[0].start > len(line) - len(line.lstrip())
        if walk.best() is not None or (is_negated and any(target.line.mode for target in _targets(walk))):
            return True
        return self._begun_free(mode, line, tokens) is not None

    def is_elsewhere(self, mode: str, line: str) -> bool:
        """Return whether the table would take `line` for a mode around this one, whose section would then end."""
        found = self.interpret(mode, line)
        if isinstance(found, CliError) or found.mode == mode or not found.targets:
            return False
        return all(target.line.group is not None for target in found.targets)

    def first_words(self, mode: str) -> frozenset[str]:
        """Return the words that lines of this mode and of those around it begin with."""
        found = self._first_words.get(mode)
        if found is None:
            scopes = self.scopes(mode)
            found = frozenset(word for scope in scopes for word in self.own_words(scope))
            self._first_words[mode] = found
        return found

    def runs(self, mode: str, line: str) -> bool:
        """Return whether `line`, or the part after its `no`, is a whole command of this very mode that has an effect.

        Behind `no` fewer words are one: `no tunnel mode`.
        """
        if mode not in self._modes or self._is_strange(mode, line):
            return False
        tokens = _behind_no(line)
        walk = self.grammar(mode).walk(line, tokens)
        best = walk.best()
        if best is not None:
            return bool(best[0].mode) and best[0].group is None
        is_negated = bool(tokens) and tokens[0].start > len(line) - len(line.lstrip())
        return is_negated and any(target.line.mode and target.line.group is None for target in _targets(walk))

    def _is_strange(self, mode: str, line: str) -> bool:
        """Return whether no line of this very mode begins with its first word, as with most unknown lines."""
        words = line.split(None, 2)
        first = words[0].lower() if words else ""
        if first in _NEGATIONS and len(words) > 1:
            first = words[1].lower()
        root = self.grammar(mode).root
        return not (not words or first in root.beginnings or first in self.own_words(mode) or root.has_values())

    def own_words(self, mode: str) -> frozenset[str]:
        """Return the words that lines of this very mode begin with."""
        found = self._own_words.get(mode)
        if found is None:
            free = (beginning[0] for beginning in self._free.get(mode, ()))
            found = self._own_words[mode] = frozenset((*self.grammar(mode).root.shown_words, *free))
        return found

    def grammar(self, mode: str) -> Grammar[ConfigLine]:
        """Return all lines of a mode, verbs included."""
        grammar = self._grammars.get(mode)
        if grammar is None:
            lines, verbs = self._lines[mode], [*_VERBS]
            for line in lines:
                if not argument_names(line.syntax).issuperset(line.key or ()):
                    raise ValueError(f"the key {line.key} of {line.syntax!r} names no argument of it")
            exit_word = self._modes[mode].exit_word
            if exit_word:
                verbs.append(_verb_line(exit_word, "Close this part of the configuration"))
                self._exit_lines[verbs[-1]] = mode
            grammar = self._grammars[mode] = Grammar([*verbs, *lines])
        return grammar

    def verbs(self, mode: str) -> frozenset[str]:
        """Return the words that cannot follow `no`."""
        return frozenset(entry.syntax.split()[0] for entry in self.grammar(mode).entries if not entry.mode)

    # Understanding a line ----------------------------------------------------------------------------------------

    def interpret(self, mode: str, line: str) -> Command | CliError:
        """Return what `line` means in `mode`, or why it means nothing."""
        found = self._memory.get((mode, line)) or self._strange_line(mode, line)
        if found is None:
            if len(self._memory) >= MEMORY:
                self._memory.clear()
            found = self._memory[mode, line] = self._interpret(mode, line)
        return found

    def interpret_inside(self, mode: str, line: str) -> Command | CliError:
        """Return what `line` means in this very mode, whatever it means in the modes around it."""
        return self._interpret(mode, line, (mode,))

    def _strange_line(self, mode: str, line: str) -> CliError | None:
        """Return the error of a line with a first word that no line here begins with, as most unknown lines have.

        None: some line may. This finds what `_interpret` would, and looks at no other word.
        """
        words = line.split(None, 1)
        roots = self._roots.get(mode)
        if roots is None:
            starts = [(self.grammar(scope).root, self.own_words(scope)) for scope in self.scopes(mode)]
            roots = self._roots[mode] = () if any(root.has_values() for root, _ in starts) else tuple(starts)
        if not words or words[0] == "no" or words[0][0] == "!" or not roots:
            return None
        word, fits = words[0].lower(), 0
        for root, own in roots:
            if word in root.beginnings or word in own:
                return None
            fits = max(fits, root.fitting(word))
        return CliError(ErrorKind.INVALID, line, line.index(words[0]) + fits)

    def verb_of(self, mode: str, line: str) -> tuple[Verb, int]:
        """Return the verb that `line` starts with and where the rest begins: (NO, 3) for "no ip ..."; for help."""
        tokens = tokenize(line)
        if tokens and (len(tokens) > 1 or line[-1:].isspace()):
            threads = self.grammar(mode).walk(line, tokens[:1]).threads
            verb = _VERBS.get(threads[0].place.lines[0]) if threads and len(threads[0].place.lines) == 1 else None
            if verb in (Verb.NO, Verb.DEFAULT, Verb.DO):
                return verb, tokens[1].start if len(tokens) > 1 else len(line)
        return Verb.SET, 0

    def _interpret(self, mode: str, line: str, scopes: tuple[str, ...] = ()) -> Command | CliError:
        """Return what `line` means in one of these modes; by default in `mode` and those around it."""
        scopes = scopes or self.scopes(mode)
        tokens = tokenize(line)
        if not tokens or tokens[0].text[0] == "!":
            return Command(Verb.NOTHING, mode)
        if len(tokens) > 1 and tokens[0].text.lower() == "no" and self._takes_back(mode):
            return self._interpret_no(scopes, Verb.NO, line, tokens[1:])
        kept: Command | None = None
        failures: list[CliError] = []
        for scope in self._ordered(scopes, tokens[0].text):
            walk = self.grammar(scope).walk(line, tokens)
            found = self._found(scopes, scope, walk, line, tokens, failures)
            if found is None:
                failures.append(walk.failure(line))
                if failures[-1].kind is ErrorKind.INCOMPLETE:
                    break
            elif kept is None and isinstance(found, Command) and _is_kept(found):
                kept = found  # unless the router has a line that says more of these words
            elif kept is None or self._gives_way(kept, found, tokens):
                return found
        if kept is not None:
            return kept
        is_begun = any(failure.kind is ErrorKind.INCOMPLETE for failure in failures)
        for scope in scopes if not is_begun else ():
            free = self._begun_free(scope, line, tokens, in_full=True)
            if free is not None and not _is_understood_better(failures, free, tokens, as_well=True):
                return Command(Verb.SET, scope, (free,))
        unclear = next((failure for failure in failures if failure.kind is ErrorKind.AMBIGUOUS), None)
        return unclear or _furthest(failures)

    def _found(
        self,
        scopes: tuple[str, ...],
        scope: str,
        walk: Walk[ConfigLine],
        line: str,
        tokens: list[Token],
        failures: list[CliError],
    ) -> Command | CliError | None:
        """Return what the line is in one mode, by its grammar or by a beginning that the table lists."""
        best = walk.best()
        if best is not None:
            entry, thread = best
            verb = _VERBS.get(entry)
            if verb is Verb.NO or verb is Verb.DEFAULT:
                return self._interpret_no(scopes, verb, line, tokens[1:])
            if verb is not None:
                return Command(verb, scopes[0], rest=line[tokens[1].start :] if verb is Verb.DO else "")
            if entry in self._exit_lines:
                return Command(Verb.LEAVE, scope)
            return Command(Verb.SET, scope, (MatchedLine(entry, thread.args()),))
        free = self._begun_free(scope, line, tokens)
        if free is not None and not _is_understood_better(failures, free, tokens):
            return Command(Verb.SET, scope, (free,))
        return None

    def _gives_way(self, kept: Command, other: Command | CliError, tokens: list[Token]) -> bool:
        """Return whether a line that nothing acts on is rather the line of the router that begins with more of its
        words.

        `ip dhcp` of an interface gives way to `ip dhcp pool`, because more lines belong below that.
        """
        if isinstance(other, CliError) or other.mode != GLOBAL.name or not other.targets:
            return False
        ours, theirs = _beginning(kept.targets[0].line), _beginning(other.targets[0].line)
        if tuple(token.text.lower() for token in tokens[: len(theirs)]) != theirs:
            return False  # an abbreviation
        line = other.targets[0].line
        if kept.mode in self._others:
            return len(theirs) > len(ours) or (len(theirs) == len(ours) and line.group is None)
        return len(theirs) > len(ours) and (line.opens is not None or not is_free(line))

    def _takes_back(self, mode: str) -> bool:
        """Return whether `no` in this mode is the verb, and the first word of no other line."""
        return self.grammar(mode).root.lines_with("no") == [_NO]

    def _ordered(self, scopes: Sequence[str], word: str) -> Sequence[str]:
        """Return these modes, those first that know the first word exactly as it is typed.

        `key 2` below `key 1` is the next key of the chain, not a short `key-string 2`, and `key` below a group of
        clients is theirs, not a short `key chain`.
        """
        if len(scopes) == 1:
            return scopes
        lowered = word.lower()
        return sorted(scopes, key=lambda scope: lowered not in self.own_words(scope))

    def _begun_free(
        self, scope: str, line: str, tokens: list[Token], *, in_full: bool = False
    ) -> MatchedLine[ConfigLine] | None:
        """Return a line of the table whose beginning these words are: what follows may be anything.

        in_full: where they are no other line, and may be abbreviations.

        Such lines are in no grammar, so that they make no abbreviation ambiguous and help with nothing.
        """
        beginnings = self._free.get(scope)
        if beginnings is None:
            return None
        words = [token.text.lower() for token in tokens[:_LONGEST_BEGINNING]]
        if scope not in self._others and is_slip_of_routing(words):
            return None
        if in_full:
            words = self._in_full(scope, words)
        for count in range(len(words), 0, -1):
            entry = beginnings.get(tuple(words[:count]))
            if entry is not None:
                if scope == GLOBAL.name and self.runs("interface", line):
                    return None  # shown in the global section, it would be read as a line of the last interface
                rest = line[tokens[count].start :].rstrip() if len(tokens) > count else ""
                said = {"what": rest} if rest else {}
                return MatchedLine(entry, Args(said, words[:count], (*words[:count], *([rest] if rest else ()))))
        return None

    def _in_full(self, scope: str, words: list[str]) -> list[str]:
        """Return the first words of a line with the whole words of the table, where abbreviations can be nothing else.

        A line of a single word is never abbreviated: it may be a word of a text.
        """
        following = self._following.get(scope)
        if following is None:
            following = self._following[scope] = {}
            for beginning in self._free[scope]:
                for count, word in enumerate(beginning):
                    following.setdefault(beginning[:count], {})[word] = None
        place: GrammarPoint[ConfigLine] | None = self.grammar(scope).root
        full: list[str] = []
        for word in words:
            known, meant = following.get(tuple(full), {}), [word]
            if word not in known:
                ours, size = place.completions(word) if place is not None else [], len(word)
                meant = [*dict.fromkeys([*ours, *[one for one in known if one[:size] == word]])]
            if len(meant) != 1 or meant[0] not in known:
                break
            place = place.after(meant[0]) if place is not None and meant[0] in place.shown_words else None
            full += meant
        return [*full, *words[len(full) :]] if len(full) > 1 else words

    def _interpret_no(self, scopes: tuple[str, ...], verb: Verb, line: str, tokens: list[Token]) -> Command | CliError:
        kept: Command | None = None
        failures: list[CliError] = []
        for scope in self._ordered(scopes, tokens[0].text):
            walk = self.grammar(scope).walk(line, tokens)
            targets = [target for target in _targets(walk) if target.line.mode]
            if kept is None:
                if not targets and any(not entry.mode for thread in walk.threads for entry in thread.place.lines):
                    return CliError(ErrorKind.INVALID, line, tokens[0].start)  # "no exit", "no no ..."
                if _is_entry_begun(walk, targets):
                    return walk.failure(line)  # it is not a line of the table, which would be kept and do nothing
            free = None if targets else self._begun_free(scope, line, tokens)
            if free is not None:
                targets = [free]
            if targets:
                found = Command(verb, scope, tuple(targets))
                if kept is None and _is_kept(found):
                    kept = found
                elif kept is None or self._gives_way(kept, found, tokens):
                    return found
                continue
            failures.append(walk.failure(line))
            if failures[-1].kind is not ErrorKind.INVALID:
                break
        return kept or _furthest(failures)


def _behind_no(line: str) -> list[Token]:
    tokens = tokenize(line)
    return tokens[1:] if len(tokens) > 1 and tokens[0].text.lower() in _NEGATIONS else tokens


def _is_kept(found: Command) -> bool:
    """Return whether it is a line on which nothing acts."""
    return bool(found.targets) and all(target.line.group is not None for target in found.targets)


@lru_cache(maxsize=4_096)
def _beginning(line: ConfigLine) -> tuple[str, ...]:
    """Return the words with which every such line begins."""
    if is_free(line):
        return tuple(line.syntax.removesuffix(FREE).split())
    return leading_keywords(line.syntax)


def _is_understood_better(
    failures: list[CliError], free: MatchedLine[ConfigLine], tokens: list[Token], *, as_well: bool = False
) -> bool:
    """Return whether a nearer mode understood more words than the table lists. Then it is a slip of that mode's line.

    as_well: or as many.

    `ip tcp adjust-mss 13x0` of a tunnel is no line about TCP of the router, which would end the tunnel's section, nor
    is `peer <name>` of a keyring one about dial-up.
    """
    words = len(_beginning(free.line))
    if len(tokens) <= words:
        return False
    following = tokens[words]
    is_enough = as_well or following.text in BLANKS
    return any(one.column > following.start or (is_enough and one.column == following.start) for one in failures)


def _furthest(failures: list[CliError]) -> CliError:
    """Return the error of the mode that understood most of the line; the nearer mode's if they are equal."""
    return max(failures, key=lambda failure: failure.column)


def _targets(walk: Walk[ConfigLine]) -> list[MatchedLine[ConfigLine]]:
    """Return the commands that the words behind `no` identify; none if they are too few."""
    best = walk.best()
    if best is not None:
        return [MatchedLine(best[0], best[1].args())]
    begun = [MatchedLine(entry, thread.args()) for thread in walk.threads for entry in thread.place.lines]
    about = [found for found in begun if says_whom_alone(*found)]
    if about:
        return about
    named = [found for found in begun if _is_named(found)]
    alone = len({found.line for found in begun}) == 1
    if any(not found.line.is_list for found in named):
        return named + [found for found in begun if found not in named and found.line.is_list and _is_begun(found)]
    if alone and not begun[0].line.is_list:
        return begun
    return named


def _is_entry_begun(walk: Walk[ConfigLine], targets: list[MatchedLine[ConfigLine]]) -> bool:
    """Return whether the words refer to an entry of a list that has an effect, but do not identify the entry."""
    if any(target.line.group is None for target in targets) or walk.best() is not None:
        return False
    begun = [MatchedLine(entry, thread.args()) for thread in walk.threads for entry in thread.place.lines]
    own = [found for found in begun if found.line.mode and found.line.group is None and found.line.is_list]
    return any(len(found.args.words) > len(leading_keywords(found.line.syntax)) for found in own)


def _is_begun(found: MatchedLine[ConfigLine]) -> bool:
    """Return whether all keywords are given with which the command starts."""
    return len(found.args.words) >= len(leading_keywords(found.line.syntax))


def _is_named(found: MatchedLine[ConfigLine]) -> bool:
    """Return whether the words name the command, and if it is a list, the entry."""
    line, args = found
    if not _is_begun(found):
        return False
    if not line.is_list:
        return True
    if len(args.words) == len(leading_keywords(line.syntax)):
        return False
    values = value_names(line.syntax)
    values = values if not line.whom else frozenset((line.whom,))
    return all(name in args for name in line.key or () if name in values)


#: Lines of a file, or of the log of a terminal, that may have such a password: all of them are global ones.
#: `enable` and `username` may be cut, and words are parted by whatever is a space to the language.
_MAY_HOLD: Final = re.compile(
    r"(?im)((?:^\ufeff?|(?<=\r))[^\S\r\n]*(?:\S+#[^\S\r\n]*)?)"
    r"((?:e(?:n(?:a\w*)?)?|u(?:s(?:e\w*)?)?)[^\S\r\n]+\S[^\r\n]*)"
)


def sealing(language: Language, mode: str, line: str, entropy: Entropy) -> Callable[[], str] | None:
    """Return what makes the line without the plain password in it; None: it has none."""
    command = language.interpret(mode, line)
    if isinstance(command, CliError) or command.verb is not Verb.SET:
        return None
    ((meant, args),) = command.targets
    sealed = meant.seal(args, entropy) if meant.seal is not None else None
    return None if sealed is None else lambda: meant.text(sealed())


def sealed_text(language: Language, text: str, entropy: Entropy, known: dict[str, str] | None = None) -> str:
    """Return a configuration without plain passwords that have a hash.

    known: lines that were sealed before, and what came out; it grows.
    """
    sealed = {} if known is None else known

    def seal(found: re.Match[str]) -> str:
        breathe()
        before, line = found.groups()
        if line not in sealed:
            made = sealing(language, GLOBAL.name, line, entropy)
            sealed[line] = line if made is None else aside(made)
        return f"{before}{sealed[line]}"

    return _MAY_HOLD.sub(seal, text)
