"""Lifetimes of keys as IOS spells them: `[local] 00:00:00 Jan 1 2026 ( infinite | duration 3600 | ... Feb 1 2026 )`.

Day and month may be the other way round.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final

from dmvpn.base.keychains import Lifetime
from dmvpn.ios.dates import read_date

_LONGEST: Final = 2_147_483_646


def read_lifetime(text: str) -> Lifetime | None:
    """Return what the words say; None if they are no lifetime."""
    words = text.lower().split()
    local = words[:1] == ["local"]
    words = words[local:]
    start = _moment(words[:4])
    if start is None:
        return None
    match words[4:]:
        case ["infinite"]:
            return Lifetime(start, None, local)
        case ["duration", seconds]:
            end = _after(start, seconds)
            return Lifetime(start, end, local) if end is not None else None
        case [*rest] if (end := _moment(rest)) is not None and end > start:
            return Lifetime(start, end, local)
    return None


def _moment(words: list[str]) -> datetime | None:
    """Read `HH:MM:SS Month Day Year`, or with the day before the month."""
    if len(words) != 4:
        return None
    clock, first, second, year = words
    month, day = (second, first) if first.isdecimal() else (first, second)
    on, parts = read_date(day, month, year), clock.split(":")
    if on is None or len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    try:
        hour, minute, seconds = map(int, parts)
        return datetime.combine(on, time(hour, minute, seconds))
    except (ValueError, OverflowError):
        return None


def _after(start: datetime, seconds: str) -> datetime | None:
    """Return the end of a duration, None: it is too short or too long, or ends behind the last year."""
    if not seconds.isdecimal():
        return None
    try:
        duration = int(seconds)
        return start + timedelta(seconds=duration) if 0 < duration <= _LONGEST else None
    except (ValueError, OverflowError):
        return None
