"""Time ranges: when an entry of an access list counts, in the router's own time zone, to the minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from datetime import datetime

DAY: Final = 24 * 60
_WEEK: Final = 7 * DAY


@dataclass(frozen=True, slots=True)
class Period:
    """A part of every week, both minutes included. first, last: minutes since Monday 0:00; it may go over Sunday."""

    first: int
    last: int

    def holds(self, minute: int) -> bool:
        """Return whether a minute of the week is in it."""
        return (minute - self.first) % _WEEK <= (self.last - self.first) % _WEEK


@dataclass(frozen=True, slots=True)
class TimeRange:
    """`time-range`: between the two absolute times, and in one of the periods if there are any.

    start, end: None: no limit. lines: as the show has them.
    """

    start: datetime | None = None
    end: datetime | None = None
    periods: tuple[Period, ...] = ()
    lines: tuple[str, ...] = ()

    def holds(self, local: datetime) -> bool:
        """Return whether it is that time. local: without a time zone."""
        moment = local.replace(second=0, microsecond=0)
        if (self.start is not None and moment < self.start) or (self.end is not None and moment > self.end):
            return False
        minute = moment.weekday() * DAY + moment.hour * 60 + moment.minute
        return not self.periods or any(period.holds(minute) for period in self.periods)
