"""Moments as people type them: 10:42:07, 10:42:07.250 20 Nov, 5m. A moment is always in the past.

A time of day without a date means its latest occurrence. A span ("5m", "1h30m") means that long ago. Times are those of
the router's own clock and zone, as `show clock` has them now: if the clock was set since, the past moves with it.

Time spans as IOS writes them: in eight characters, and in words.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.base.ports import Clock
from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ time spans


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


def clock(seconds: float) -> str:
    """Return a time span as hours, minutes, seconds, however many hours."""
    total = max(0, int(seconds))
    return f"{total // HOUR:02}:{total % HOUR // MINUTE:02}:{total % MINUTE:02}"


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


# ------------------------------------------------------------------------------------------------ moments


#: English whatever the locale of the machine is: tools read these.
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SPAN: Final = re.compile(r"(?=\d)(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,8})s)?", re.ASCII)
_TIME: Final = re.compile(r"(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,3}))?", re.ASCII)


class Moment(Value):
    """A moment that the user named.

    ago: seconds, or None: a time of day, in milliseconds since midnight.
    day, month, year: 0 where nothing was said of them.
    """

    ago: int | None = None
    of_day: int = 0
    day: int = 0
    month: int = 0
    year: int = 0

    def seconds(self, clock: Clock, now: float) -> float:
        """Return the time on the router's own clock, monotonic. Raises UserError for a day that does not exist, or the
        future.
        """
        if self.ago is not None:
            return now - self.ago
        here = clock.local(now)
        try:
            found = self._on(here)
        except ValueError:
            year = f" {self.year}" if self.year else ""
            raise UserError(f"there is no {self.day} {MONTHS[self.month - 1]}{year}") from None
        if found > here:
            asked, today = (written(moment, year=found.year != here.year) for moment in (found, here))
            raise UserError(f"{asked} is still to come: it is {today}")
        return now - (here - found).total_seconds()

    def _on(self, here: datetime) -> datetime:
        midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
        since_midnight = timedelta(milliseconds=self.of_day)
        if not self.day:
            found = midnight + since_midnight
            return found if found <= here else found - timedelta(days=1)
        found = midnight.replace(day=1, year=self.year or here.year).replace(month=self.month, day=self.day)
        found += since_midnight
        return found.replace(year=here.year - 1) if found > here and not self.year else found


def read_span(text: str) -> int | None:
    """Return seconds of "90s", "5m", "1h30m", "2d"; None: it is none."""
    match = _SPAN.fullmatch(text.lower())
    if match is None or not text:
        return None
    return sum(int(count) * unit for count, unit in zip(match.groups(), _UNITS.values(), strict=True) if count)


def read_time(text: str) -> int | None:
    """Return milliseconds since midnight of "10:42:07" or "10:42:07.250"; None: it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(match[number]) for number in (1, 2, 3))
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + int((match[4] or "0").ljust(3, "0"))


def month_of(text: str) -> int:
    """Return 1 to 12 of a month's name, three letters of it or more; 0: it is none."""
    known = text[:3].capitalize()
    return MONTHS.index(known) + 1 if len(text) >= 3 and text.isalpha() and known in MONTHS else 0


def written(moment: datetime, *, msec: bool = False, year: bool = False) -> str:
    """Format a time for people: "Nov 20 10:42:07", with `msec` "Nov 20 10:42:07.250".

    year: "Nov 20 2025 10:42:07". Say it where a moment beside it, or the present one, is of another year.
    """
    fraction = f".{moment.microsecond // 1000:03}" if msec else ""
    date = f"{MONTHS[moment.month - 1]} {moment.day:2}{f' {moment.year}' if year else ''}"
    return f"{date} {moment:%H:%M:%S}{fraction}"
