"""Understands exec lines: `show ...`, `clear ...`, `ping ...`, with filters behind a `|`.

    ExecParser      the commands of all features; what a privilege level may not use does not exist for it
    Match           an understood line: the command, its arguments, its filters

It executes nothing. The session calls `match`, then `match.lines(context)` for a show command, or
`match.command.action(context, match.args)` for an action.

Questions about the past have a `moment` as a value (`answered`, `span_of`):

show ip nhrp at 10:42:07
show ip nhrp at 10:42:07.250 20 Nov 2026        the order of the words is that of `clock set`
show dmvpn changes since 5m                     so long ago
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from dmvpn.base.breath import breathing
from dmvpn.base.errors import UserError
from dmvpn.base.moments import Moment, month_of, read_span, read_time, written
from dmvpn.base.values import Value
from dmvpn.ios import matcher
from dmvpn.ios.errors import CliError, ErrorKind, note_secrets
from dmvpn.ios.feature import ShowContext
from dmvpn.ios.filters import Annotate, Filter, FilterKind, apply_filters, find_filters, json_lines, parse_filters
from dmvpn.ios.grammar import Args, ExecCommand, leading_keywords
from dmvpn.ios.interfaces import KINDS
from dmvpn.ios.values import Misfit, Read, Reading, Token, Unfinished, ValueType, register_type

A = TypeVar("A")

#: Seconds: people name moments to the millisecond, so the oldest one as they read it is a little earlier than it was.
_EXACTNESS: Final = 0.001
_PLACEHOLDERS: Final = ("hh:mm:ss", "SPAN")


class MomentType(ValueType):
    """`moment`: a time of day with or without a date, or how long ago. One word to four."""

    def __init__(self) -> None:
        super().__init__("moment", _PLACEHOLDERS[0], lambda text: None, fragment=r"\d[\d:.dhms]*")

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        text = tokens[index].text
        ago = read_span(text)
        if ago is not None:
            return Reading(Moment(ago=ago), text, index + 1)
        of_day = read_time(text)
        if of_day is None:
            return Misfit()
        return _with_date(Moment(of_day=of_day), tokens, index)

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        return [(placeholder, "") for placeholder in _PLACEHOLDERS] if super().hints(fragment) else []


def _with_date(moment: Moment, tokens: Sequence[Token], index: int) -> Read:
    """Read what may follow the time: a day of the month, then its month, then perhaps the year."""
    words = [token.text for token in tokens[index : index + 4]]
    if len(words) < 2 or not _is_number(words[1], 1, 31):
        return Reading(moment, words[0], index + 1)
    if len(words) < 3:
        return Unfinished("MONTH", "The month's name, three letters or more")
    month = month_of(words[2])
    if not month:
        return Misfit(tokens[index + 2].start - tokens[index].start)
    moment = replace(moment, day=int(words[1]), month=month)
    if len(words) < 4 or not _is_number(words[3], 1993, 2035):  # what `clock set` takes
        return Reading(moment, " ".join(words[:3]), index + 3)
    return Reading(replace(moment, year=int(words[3])), " ".join(words), index + 4)


def _is_number(text: str, low: int, high: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4 and low <= int(text) <= high


register_type(MomentType())


class Unknown(Value):
    """The answer to a question about the past that cannot be answered. reason: for people."""

    reason: str


def moment_of(ctx: ShowContext, args: Args, oldest: float | None) -> float | Unknown:
    """Return the moment that the words name, on the router's own clock (seconds), or why nothing is known of it.

    oldest: the earliest time that is remembered.
    """
    when = args["when"]
    if not isinstance(when, Moment):
        raise TypeError(f"{when!r} is no moment")
    if not ctx.ports.remembers or oldest is None:
        return Unknown(f"{ctx.hostname} keeps no past")
    try:
        time = when.seconds(ctx.ports.clock, ctx.now)
    except UserError as error:
        return Unknown(str(error))
    if time < oldest - _EXACTNESS:
        local = ctx.ports.clock.local
        year = len({local(moment).year for moment in (time, oldest, ctx.now)}) > 1
        asked, first = (written(local(moment), msec=True, year=year) for moment in (time, oldest))
        return Unknown(f"nothing is remembered of {asked}; the oldest moment is {first}")
    return max(time, oldest)


def answered(render: Callable[[A], Iterator[str]]) -> Callable[[A | Unknown], Iterator[str]]:
    """Yield the renderer of a question about the past: as of the present, or why there is nothing to show."""

    def lines(answer: A | Unknown) -> Iterator[str]:
        yield from [f"% {answer.reason}"] if isinstance(answer, Unknown) else render(answer)

    return lines


def span_of(ctx: ShowContext, args: Args) -> float | Unknown:
    """Return the same for `since`: a time before the start of the history is no error, the output is only shorter."""
    return moment_of(ctx, args, float("-inf"))


#: By the first words of commands, which may be cut: the level from which on they are seen.
Rules = tuple[tuple[tuple[str, ...], int], ...]
#: Of levels and rules; each user may have another level, but there are few rules at a time.
_MOST_GRAMMARS = 32
_PIPE = re.compile(r"(?<=\s)\|")
_PIPE_ROW = ("|", "Output modifiers")


class Match(Value):
    """An exec line that was understood."""

    command: ExecCommand
    args: Args
    filters: tuple[Filter, ...] = ()

    @property
    def wants_json(self) -> bool:
        """Whether the data itself is wanted, not the text."""
        return bool(self.filters) and self.filters[0].kind is FilterKind.JSON

    @property
    def stored(self) -> Filter | None:
        """The filter that wants the lines in a file, if there is one: the caller that reads the lines writes the
        file.
        """
        return self.filters[-1] if self.filters and self.filters[-1].kind.stores else None

    def lines(self, context: object) -> Iterator[str]:
        """Ask the query of a show command and give what the filters leave of its lines.

        A long show breathes between two lines (`base/breath.py`), whether the filters let them through or not.
        """
        if self.command.query is None:
            raise TypeError(f"{self.command} shows nothing")
        result = self.command.query(context, self.args)
        if self.wants_json or self.command.render is None:
            return apply_filters(breathing(json_lines(result)), self.filters)
        return apply_filters(breathing(self.command.render(result)), self.filters)


class ExecParser:
    """The exec language of a set of commands. annotate(command, lines): the filter `explain`, if there is one."""

    def __init__(
        self, commands: Iterable[ExecCommand], annotate: Callable[[str, Iterable[str]], Iterator[str]] | None = None
    ) -> None:
        self.commands = tuple(commands)
        self._annotate = annotate
        secret = matcher.Grammar([command for command in self.commands if matcher.has_secret(command)])
        note_secrets(tuple([entry.syntax for entry in secret.entries]), secret.secret_in)
        self._grammars: dict[tuple[int, Rules], matcher.Grammar[ExecCommand]] = {}

    def match(self, line: str, privilege: int = 15, rules: Rules = (), *, stores: bool = False) -> Match | CliError:
        """Understand `line` at a privilege level, or say why not. stores: filters may write files (`Match.stored`)."""
        tokens = matcher.tokenize(line)
        if not tokens or tokens[0].text[0] == "!":
            return CliError(ErrorKind.EMPTY, line)
        grammar = self._grammar(privilege, rules)
        pipe = _PIPE.search(line) if "|" in line else None
        if pipe is None:
            return self._match(grammar, line, tokens)
        left = line[: pipe.start()]
        matched = self._match(grammar, left, matcher.tokenize(left))
        if isinstance(matched, Match) and matched.command.takes_filters:
            filters = parse_filters(line, pipe.end(), self._explain(matched), stores=stores)
            return filters if isinstance(filters, CliError) else Match(matched.command, matched.args, filters)
        # A `|` belongs to the command where that takes the rest of the line, such as a text to be logged.
        whole = self._match(grammar, line, tokens)
        if isinstance(whole, Match) and not whole.command.takes_filters:
            return whole
        if isinstance(matched, CliError):
            return CliError(matched.kind, line, matched.column)
        return CliError(ErrorKind.INVALID, line, pipe.start())

    def _explain(self, match: Match) -> Annotate | None:
        return None if self._annotate is None else partial(self._annotate, " ".join(match.args.words))

    def help_lines(
        self,
        line: str,
        privilege: int = 15,
        rules: Rules = (),
        *,
        stores: bool = False,
        kinds: Collection[str] | None = None,
    ) -> list[str]:
        """Return what `?` shows behind `line`.

        stores: as in `match`. kinds: those of interfaces that there are; None: all that have a name.
        """
        pipe = _PIPE.search(line)
        if pipe is not None:
            return _filter_help(line[pipe.end() :], explains=self._annotate is not None, stores=stores)
        found = matcher.alternatives(self._grammar(privilege, rules), line)
        if not isinstance(found, matcher.Alternatives):
            return matcher.error_rows(found, line)
        if kinds is not None:
            found.drop(kind.name for kind in KINDS if kind.name not in kinds)
        extra = [_PIPE_ROW] if found.may_end and self._takes_filters(line, privilege, rules) else []
        return matcher.help_rows(found, line, extra=extra)

    def complete(self, line: str, privilege: int = 15, rules: Rules = ()) -> str | None:
        """Return `line` with its last word completed by Tab, or None if that is not unique."""
        pipe = _PIPE.search(line)
        if pipe is not None:
            words = line[pipe.end() :].split()
            kinds = find_filters(words[0]) if len(words) == 1 and not line[-1].isspace() else []
            # Of several, the meaning of the cut word: `ex` is `exclude`.
            return f"{line[: -len(words[0])]}{kinds[0].word} " if kinds else None
        found = matcher.alternatives(self._grammar(privilege, rules), line)
        return matcher.completed(line, found) if isinstance(found, matcher.Alternatives) else None

    def _grammar(self, privilege: int, rules: Rules) -> matcher.Grammar[ExecCommand]:
        grammar = self._grammars.get((privilege, rules))
        if grammar is None:
            if len(self._grammars) >= _MOST_GRAMMARS:
                self._grammars.clear()
            allowed = [command for command in self.commands if _level(command, rules) <= privilege]
            grammar = self._grammars[privilege, rules] = matcher.Grammar(allowed)
        return grammar

    @staticmethod
    def _match(grammar: matcher.Grammar[ExecCommand], line: str, tokens: Sequence[Token]) -> Match | CliError:
        walk = grammar.walk(line, tokens)
        best = walk.best()
        if best is not None:
            return Match(best[0], best[1].args())
        if walk.error is ErrorKind.INVALID and len(tokens) == 1:
            return CliError(ErrorKind.UNKNOWN, line, tokens[0].start)
        return walk.failure(line)

    def _takes_filters(self, line: str, privilege: int, rules: Rules) -> bool:
        matched = self._grammar(privilege, rules).match(line)
        return isinstance(matched, matcher.MatchedLine) and matched.line.takes_filters


def _level(command: ExecCommand, rules: Rules) -> int:
    """Return from which level on it is seen: the rule with the most words decides."""
    keywords = leading_keywords(command.syntax)
    fitting = [
        (len(words), level)
        for words, level in rules
        if len(words) <= len(keywords) and all(map(str.startswith, keywords, words))
    ]
    return max(fitting)[1] if fitting else command.privilege


def _filter_help(text: str, *, explains: bool, stores: bool) -> list[str]:
    words = text.split()
    if not words:
        hidden = {kind for kind in FilterKind if (kind.stores and not stores) or not kind.help_text}
        hidden |= set() if explains else {FilterKind.EXPLAIN}
        return matcher.format_rows([(kind.word, kind.help_text) for kind in FilterKind if kind not in hidden])
    if len(words) == 1 and not text[-1].isspace():
        found = find_filters(words[0])
        return ["  " + "  ".join(kind.word for kind in found) + "  "] if found else ["% Unrecognized command"]
    if (found := find_filters(words[0])) and found[0].stores:
        return matcher.format_rows([("URL", "File: flash:NAME")])
    return matcher.format_rows([("LINE", "Regular expression")])
