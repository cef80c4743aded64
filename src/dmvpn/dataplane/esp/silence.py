"""A connection on which packets go out and none comes in: the planes report it, and IKE asks the peer whether it lives.

One comparison for each packet that goes out. Traffic in one direction is legitimate, so a silence that goes on causes
fewer and fewer alarms: after 10 s, 40 s, 160 s ... of it, always with a packet that goes out.
"""

from __future__ import annotations

from typing import Final

#: Seconds from the first packet that nothing has followed to the first alarm.
PATIENCE: Final = 10.0
#: How many times as long the silence must be for the next alarm.
GROWTH: Final = 4


class Silence:
    """How long a peer has been silent while packets went to it."""

    __slots__ = ("_patience", "_since")

    def __init__(self) -> None:
        self._since: float | None = None
        self._patience = PATIENCE

    def sent(self, now: float) -> bool:
        """Note a packet that went out, and return whether an alarm is due. now: seconds."""
        if self._since is None:
            self._since = now
            return False
        if now - self._since < self._patience:
            return False
        self._patience *= GROWTH
        return True

    def ended(self) -> None:
        """Note that a packet came in, or that the peer is elsewhere from now on: the next silence is another one."""
        self._since, self._patience = None, PATIENCE
