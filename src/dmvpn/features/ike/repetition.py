"""When a message is sent again, in both versions: RFC 7296 §2.1, RFC 2408 §5.1."""

from __future__ import annotations

import hashlib
from typing import Final

#: Seconds after which a request is repeated, and after the last one until the peer counts as dead: half a minute.
INTERVALS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
#: The same where a peer may be gone, as another session of it says: five seconds.
SHORT_INTERVALS: Final = (0.5, 1.0, 1.5, 2.0)
#: How often a request is answered again, in how many seconds: an attacker can repeat it as often as it likes.
MOST_REPETITIONS: Final = 8
REPETITION_TIME: Final = 30.0
#: Seconds in which a peer that began a session must prove itself.
HALF_OPEN: Final = 30.0


def mark_of(octets: bytes) -> bytes:
    """Return the mark by which a message is known when the same octets come again."""
    return hashlib.sha256(octets).digest()


class Repetitions:
    """How often the same message was answered again."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: tuple[float, ...] = ()

    def may(self, now: float) -> bool:
        """Return whether it is answered once more, and count that. now: seconds monotonic."""
        if len(self._times) == MOST_REPETITIONS and now - self._times[0] < REPETITION_TIME:
            return False
        self._times = (*self._times, now)[-MOST_REPETITIONS:]
        return True

    def clear(self) -> None:
        """Begin with another message."""
        self._times = ()
