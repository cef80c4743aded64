"""Recordings are run again, each on a fresh router, which must act as recorded.

The router receives the recorded events at the recorded times and draws the recorded random numbers, so it acts the same
up to the last octet; if this program has changed since, the first difference is named. A fault that ended a router in
the field happens again here, under a debugger if need be.

`check_types` compares the fields of a recorded event with the types that its class says. `base/recording` makes objects
of what a line has, whatever types its values have: a router would fail later, at a place that does not name the line.
Types are looked up in the source (`ios/shapes`), which no running router needs.
"""

from __future__ import annotations

import json
import traceback
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, is_dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Final

from dmvpn.base import recording
from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable
from dmvpn.ios.shapes import hints_of
from dmvpn.ios.transcript import LONGEST_FILE
from dmvpn.router.router import Router
from dmvpn.shells.files import open_regular

# ----------------------------------------------------------------------------------------- the types of recorded fields


Fits = typing.Callable[[object], bool]
_UNIONS: Final = (typing.Union, types.UnionType)


def check_types(value: object) -> None:
    """Raise UserError if a field of a dataclass, or of one in it, has another type than it should have."""
    kind: type = type(value)
    for name, fits in checks_of(kind):
        found = getattr(value, name)
        if not fits(found):
            raise UserError(f"{type(value).__name__}: {name} cannot be {repr(found)[:80]}")


@lru_cache(maxsize=1024)
def checks_of(kind: type) -> tuple[tuple[str, Fits], ...]:
    """Return the fields of a dataclass, and for each what says whether a value fits."""
    return tuple((name, _check(hint)) for name, hint in hints_of(kind))


def _check(hint: object) -> Fits:
    """Return what says whether a value has a type: a class, a union of types, or a tuple of them."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        checks = [_check(one) for one in inside]
        return lambda value: any(fits(value) for fits in checks)
    if origin is tuple and inside[-1:] == (Ellipsis,):
        item = _check(inside[0])
        return lambda value: isinstance(value, tuple) and all(map(item, value))
    if origin is tuple:
        return _row([_check(one) for one in inside])
    if hint is float:  # JSON may write it without its point
        return _is_time
    if not isinstance(hint, type):
        raise TypeError(f"{hint} is in an event, and nothing here knows it")
    if not is_dataclass(hint):
        return lambda value: isinstance(value, hint) and (hint is not int or not isinstance(value, bool))

    def fits(value: object) -> bool:
        return isinstance(value, hint) and all(check(getattr(value, name)) for name, check in checks_of(type(value)))

    return fits


def _is_time(value: object) -> bool:
    """Return whether this is a number of seconds, as all floats of events are."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= recording.LONGEST_TIME


def _row(checks: Sequence[Fits]) -> Fits:
    def fits(value: object) -> bool:
        return (
            isinstance(value, tuple)
            and len(value) == len(checks)
            and all(one(item) for one, item in zip(checks, value, strict=True))
        )

    return fits


# ------------------------------------------------------------------------------------------------ the replay


#: Characters of a line: an event holds a whole configuration at most.
LONGEST_LINE: Final = 2 * LONGEST_FILE


class Life(Mutable):
    """One router's recording, as far as it was run again, and the event that waits for its recorded outcome.

    differences: events that it did not handle as recorded, or failed at, in words.
    ended: another life of this router has begun.
    """

    name: str
    entropy: recording.RecordedEntropy = field(default_factory=recording.RecordedEntropy)
    router: Router | None = None
    waiting: recording.RecordedEvent | None = None
    effects: int = 0
    last: float = 0.0
    differences: list[str] = field(default_factory=list)
    ended: bool = False

    def take(self, line: recording.RecordedEvent | recording.RecordedOutcome) -> bool:
        """Take the next line of its recording. Returns whether an event was handled."""
        if isinstance(line, recording.RecordedEvent):
            handled = self.finish()
            self.waiting = line
            return handled
        self.entropy.feed(line.drew)
        return self._live(line.did)

    def finish(self) -> bool:
        """Run the last event, which has no recorded outcome: the recording ends, or another event follows.

        Returns whether there was one.
        """
        return self._live(None)

    def _live(self, did: str | None) -> bool:
        entry, self.waiting = self.waiting, None
        if entry is None:
            return False
        if self.router is None:
            self.router = Router(self.entropy)
        self.last = entry.time
        where = f"{self.name} at {entry.time:.6f}, told {type(entry.event).__name__}"
        try:
            effects = self.router.handle(entry.event, entry.time)
        except UserError as error:
            raise UserError(f"{where}: {error}") from error
        except Exception:
            if did != recording.FAULT:
                raise
            # So it did when it was recorded; its shell let it go on with the next event.
            self.differences.append(f"{where}: the recorded fault happens again\n{traceback.format_exc()}")
            return True
        self.effects += len(effects)
        if did is not None and did != recording.fingerprint(effects):
            self.differences.append(f"{where}: not what it did when it was recorded")
        return True


def lives_of(file: Path, only: str | None = None) -> dict[str, Life]:
    """Return the last life of every router in a file, or of one. Raises UserError if this is no recording."""
    return live_again(_lines(file), only, str(file))


def live_again(lines: Iterable[str], only: str | None = None, name: str = "recording") -> dict[str, Life]:
    """Return the last life of every router in a recording, or of one. Raises UserError if this is no recording.

    name: of the recording, for errors.
    """
    lives = {life.name: life for life in moments(lines, only, name)}
    return {name: life for name, life in lives.items() if not life.ended}


def moments_of(file: Path) -> Iterator[Life]:
    """Yield the lives in a file as `moments` does. Raises UserError if this is no recording."""
    return moments(_lines(file), None, str(file))


def moments(lines: Iterable[str], only: str | None = None, name: str = "recording") -> Iterator[Life]:
    """Yield a life after each of its events, and once more when another life of its router begins.

    only: the router; None: all. name: of the recording, for errors. Raises UserError if this is no recording.
    """
    lives: dict[str, Life] = {}
    for number, text in enumerate(lines, 1):
        line = loaded(text, f"{name}:{number}")
        if only is not None and line.router != only:
            continue
        life = lives.get(line.router)
        if isinstance(line, recording.Begin):
            lives[line.router] = Life(line.router)
            if life is not None and life.router is not None:
                life.ended = True
                yield life
        elif life is None:
            raise UserError(f"the recording does not begin at the beginning: {line.router} already lives")
        elif life.take(line):
            yield life
    for life in lives.values():
        if life.finish():
            yield life


def loaded(text: str, where: str) -> recording.Line:
    """Return what a line has. Raises UserError, which says where it is."""
    try:
        line = recording.load(text)
        if isinstance(line, recording.RecordedEvent):
            check_types(line.event)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return line


def _lines(name: Path) -> Iterator[str]:
    """Yield the lines. Raises UserError for a line that is too long for a recording.

    The last one may be cut off: its router died while it wrote, or still writes. Then it is left out.
    """
    with open(name, encoding="utf-8", errors="replace", opener=open_regular) as file:
        for number in count(1):
            line = file.readline(LONGEST_LINE + 1)
            if len(line) > LONGEST_LINE:
                raise UserError(
                    f"{name}:{number}: longer than {LONGEST_LINE >> 20} MiB, so it is no line of a recording"
                )
            if not line or (number > 1 and not line.endswith("\n") and not _is_whole(line)):
                return
            yield line


def _is_whole(line: str) -> bool:
    """Return whether this is JSON, so that nothing of it is missing."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
