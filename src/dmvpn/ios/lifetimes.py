"""Lifetimes of keys as IOS spells them: `[local] 00:00:00 Jan 1 2026 ( infinite | duration 3600 | ... Feb 1 2026 )`.

Day and month may be the other way round.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from dmvpn.base.keychains import Lifetime

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
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
        case ["duration", seconds] if seconds.isdecimal() and 0 < int(seconds) <= _LONGEST:
            return Lifetime(start, start + timedelta(seconds=int(seconds)), local)
        case [*rest] if (end := _moment(rest)) is not None and end > start:
            return Lifetime(start, end, local)
    return None


def _moment(words: list[str]) -> datetime | None:
    """Read `HH:MM:SS Month Day Year`, or with the day before the month."""
    if len(words) != 4:
        return None
    clock, first, second, year = words
    month, day = (second, first) if first.isdecimal() else (first, second)
    if month[:3] not in _MONTHS or not (day.isdecimal() and year.isdecimal()):
        return None
    parts = clock.split(":")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    try:
        hour, minute, seconds = (int(part) for part in parts)
        return datetime(int(year), _MONTHS.index(month[:3]) + 1, int(day), hour, minute, seconds)
    except ValueError:
        return None
