"""Wall time, and IOS's formats of a time.

A router's timers run on monotonic seconds. Wall time is the monotonic time plus an offset from the shell (`ClockSet`)
and serves people only: log lines, `show clock`. Until a source confirms it, IOS marks it with `*`.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta, timezone

from dmvpn.base.events import ClockSet
from dmvpn.base.moments import MONTHS, age
from dmvpn.base.values import Value

#: English whatever the locale of the machine is: tools read these.
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TimeZone(Value):
    """`clock timezone NAME HOURS [MINUTES]`; minutes: ahead of UTC."""

    name: str = "UTC"
    minutes: int = 0

    def local(self, moment: datetime) -> datetime:
        """Return the same moment on the clocks of this zone."""
        return moment.astimezone(timezone(timedelta(minutes=self.minutes)))


class StampStyle(enum.Enum):
    """The text before a log or debug line: `service timestamps`."""

    NONE = "none"
    UPTIME = "uptime"
    DATETIME = "datetime"


class Timestamps(Value, kw_only=True):
    """`service timestamps {log | debug} ...`; the default is what IOS-XE writes into every new configuration."""

    style: StampStyle = StampStyle.DATETIME
    msec: bool = True
    localtime: bool = False
    show_timezone: bool = False
    year: bool = False


class WallClock:
    """Wall time over monotonic time. Without `ClockSet` the router's life begins in 1970."""

    __slots__ = ("_offset", "authoritative")

    def __init__(self) -> None:
        self._offset = 0.0
        self.authoritative = False

    def set(self, event: ClockSet) -> None:
        """Apply the shell's wall time."""
        self._offset = event.offset
        self.authoritative = event.authoritative

    def wall(self, now: float) -> datetime:
        """Return the wall time at monotonic `now`, UTC."""
        return _EPOCH + timedelta(seconds=now + self._offset)

    @property
    def mark(self) -> str:
        """What precedes a time: `*` while no source confirms it."""
        return "" if self.authoritative else "*"


def stamp(style: Timestamps, clock: WallClock, zone: TimeZone, now: float, started: float) -> str:
    """Return the time stamp of a line with its colon and blank ("*Nov 20 06:01:09.123: "), or "" if there is none."""
    if style.style is StampStyle.NONE:
        return ""
    if style.style is StampStyle.UPTIME:
        return f"{age(now - started)}: "
    moment = zone.local(clock.wall(now)) if style.localtime else clock.wall(now)
    year = f"{moment.year} " if style.year else ""
    msec = f".{moment.microsecond // 1000:03}" if style.msec else ""
    name = (f" {zone.name}" if style.localtime else " UTC") if style.show_timezone else ""
    date = f"{MONTHS[moment.month - 1]} {moment.day:2}"
    return f"{clock.mark}{date} {year}{moment.isoformat()[11:19]}{msec}{name}: "


def long_date(moment: datetime, zone: TimeZone) -> str:
    """Return "UTC Mon Oct 19 2026", as `show clock` and the head of a configuration have it."""
    local = zone.local(moment)
    return f"{zone.name} {WEEKDAYS[local.weekday()]} {MONTHS[local.month - 1]} {local.day} {local.year}"
