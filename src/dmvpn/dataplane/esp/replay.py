"""Replay protection, and the upper half of a sequence number: RFC 4303 §3.4.3 and appendix A.

The window is at least 1,024 packets wide: trains of packets (UDP segmentation, several queues) arrive out of order.
"""

from __future__ import annotations

from typing import Final

SMALLEST: Final = 1024
_HALF: Final = 1 << 32


class ReplayWindow:
    """Received sequence numbers. size: packets; 0: no protection. top: the highest so far, 64 bits."""

    __slots__ = ("_seen", "size", "top")

    def __init__(self, size: int = SMALLEST) -> None:
        self.size = max(size, SMALLEST) if size else 0
        self.top = 0
        self._seen = 0  # bit n: top - n was received

    def full_number(self, low: int) -> int:
        """Return the 64-bit sequence number from the lower half in a packet (appendix A2.2)."""
        high, bottom = self.top >> 32, self.top & (_HALF - 1)
        width = self.size or SMALLEST
        if bottom >= width - 1:
            guess = high if low > bottom - width else high + 1
        else:  # the window reaches back into the previous half
            guess = high - 1 if low > (bottom - width) % _HALF and high else high
        return guess << 32 | low

    def is_fresh(self, number: int) -> bool:
        """Return whether a packet with this number may be accepted.

        Checked before decryption, and again before it is recorded.
        """
        if number == 0:
            return False
        if not self.size or number > self.top:
            return True
        behind = self.top - number
        return behind < self.size and not self._seen >> behind & 1

    def note(self, number: int) -> None:
        """Record that the packet with this number was accepted: a second one is a replay."""
        if number > self.top:
            ahead = number - self.top
            self._seen = (self._seen << ahead | 1) & ((1 << self.size) - 1) if ahead < self.size else 1
            self.top = number
        elif self.size:
            self._seen |= 1 << (self.top - number)
