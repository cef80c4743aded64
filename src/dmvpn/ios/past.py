"""Questions about the past: the value type `moment`, and the answers where no history is kept.

show ip nhrp at 10:42:07
show ip nhrp at 10:42:07.250 20 Nov 2026        the order of the words is that of `clock set`
show dmvpn changes since 5m                     so long ago
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.base.errors import UserError
from dmvpn.base.moments import Moment, month_of, read_span, read_time, written
from dmvpn.base.values import dataclass
from dmvpn.ios.values import Misfit, Read, Reading, Token, Unfinished, ValueType, register_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dmvpn.ios.feature import ShowContext
    from dmvpn.ios.grammar import Args

A = TypeVar("A")

#: Seconds: people name moments to the millisecond, so the oldest one as they read it is a little earlier than it was.
_EXACTNESS: Final = 0.001
_PLACEHOLDERS: Final = ("hh:mm:ss", "SPAN")


class MomentType(ValueType):
    """`moment`: a time of day with or without a date, or how long ago. One word to four."""

    def __init__(self) -> None:
        super().__init__("moment", _PLACEHOLDERS[0], lambda text: None, fragment=r"\d[\d:.dhms]*")

    def read(self, line: str, tokens: Sequence[Token], index: int) -> Read:
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


@dataclass(frozen=True, slots=True)
class Unknown:
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
