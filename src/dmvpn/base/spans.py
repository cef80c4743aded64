"""Time spans as IOS writes them: in eight characters, and in words."""

from __future__ import annotations

MINUTE, HOUR, DAY, WEEK, YEAR = 60, 3_600, 86_400, 604_800, 31_536_000


def age(seconds: float | None) -> str:
    """Return a time span in the eight characters of a table: 00:01:44, 1d03h, 1w2d, 1y08w; "never" for None."""
    if seconds is None:
        return "never"
    total = max(0, int(seconds))
    if total < DAY:
        return f"{total // HOUR:02}:{total % HOUR // MINUTE:02}:{total % MINUTE:02}"
    if total < WEEK:
        return f"{total // DAY}d{total % DAY // HOUR:02}h"
    if total < YEAR:
        return f"{total // WEEK}w{total % WEEK // DAY}d"
    return f"{total // YEAR}y{total % YEAR // WEEK:02}w"


def uptime(seconds: float) -> str:
    """Return a time span in words: "1 week, 2 days, 3 hours, 4 minutes".

    Units that are zero are left out, except minutes.
    """
    remaining = max(0, int(seconds))
    words: list[str] = []
    for unit, length in (("year", YEAR), ("week", WEEK), ("day", DAY), ("hour", HOUR), ("minute", MINUTE)):
        count, remaining = divmod(remaining, length)
        if count or unit == "minute":
            words.append(f"{count} {unit}" if count == 1 else f"{count} {unit}s")
    return ", ".join(words)
