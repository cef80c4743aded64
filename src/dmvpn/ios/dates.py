"""Dates as IOS spells them, in lifetimes of keys and in time ranges: a month by its name or the beginning of it."""

from __future__ import annotations

from datetime import date
from typing import Final

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def read_date(day: str, month: str, year: str) -> date | None:
    """Return a date whose month is in lower case; None: there is no such day."""
    if month[:3] not in _MONTHS or not (day.isdecimal() and year.isdecimal()):
        return None
    try:
        return date(int(year), _MONTHS.index(month[:3]) + 1, int(day))
    except (ValueError, OverflowError):
        return None
