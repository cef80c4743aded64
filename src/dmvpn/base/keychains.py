"""Key chains: keys of routing protocols under one name, and when each of them is valid.

A key without lifetimes is valid at all times. A packet is sent with one key; a received packet may use any key that is
accepted at that time. So keys roll over without loss of neighbors, if their lifetimes overlap.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from datetime import datetime

    from dmvpn.base.pages import Pages
    from dmvpn.base.ports import Clock


@dataclass(frozen=True, slots=True)
class Lifetime:
    """From when and until when, without a time zone.

    end: None: infinite.
    local: in the router's own time zone, not in UTC.
    """

    start: datetime
    end: datetime | None = None
    local: bool = False

    def holds(self, clock: Clock, now: float) -> bool:
        """Return whether it is now."""
        at = self._at(clock, now)
        return self.start <= at and (self.end is None or at < self.end)

    def is_over(self, clock: Clock, now: float) -> bool:
        """Return whether it has ended."""
        return self.ended_ago(clock, now) is not None

    def ended_ago(self, clock: Clock, now: float) -> float | None:
        """Return the seconds since it ended; None: it has not."""
        at = self._at(clock, now)
        return (at - self.end).total_seconds() if self.end is not None and self.end <= at else None

    def changes_in(self, clock: Clock, now: float) -> float | None:
        """Return seconds until it begins or ends; None: it does neither any more."""
        at = self._at(clock, now)
        left = [(moment - at).total_seconds() for moment in (self.start, self.end) if moment is not None]
        return min((seconds for seconds in left if seconds > 0), default=None)

    def _at(self, clock: Clock, now: float) -> datetime:
        return (clock.local(now) if self.local else clock.wall(now)).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a key chain.

    algorithm: as `cryptographic-algorithm` has it, "" if nothing is said.
    accept, send: when it opens, and when it seals; None: always.
    """

    number: int
    text: str = field(repr=False)
    algorithm: str = ""
    accept: Lifetime | None = None
    send: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class KeyChain:
    """`key chain`. keys: the keys with a key string, by number; each protocol chooses the key for sending."""

    name: str
    keys: Pages[Key]

    def sending(self, clock: Clock, now: float) -> Key | None:
        """Return the key that EIGRP and RIP seal with: the lowest number that is valid, as on IOS."""
        return next((key for key in self.keys if key.send is None or key.send.holds(clock, now)), None)

    def accepting(self, clock: Clock, now: float) -> tuple[Key, ...]:
        """Return the keys that open what comes."""
        return tuple(key for key in self.keys if key.accept is None or key.accept.holds(clock, now))

    def changes_in(self, clock: Clock, now: float) -> float | None:
        """Return seconds until other keys are valid; None: never."""
        lifetimes = [one for key in self.keys for one in (key.accept, key.send) if one is not None]
        left = [seconds for one in lifetimes if (seconds := one.changes_in(clock, now)) is not None]
        return min(left, default=None)
