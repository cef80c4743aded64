"""Traffic of interfaces: the data plane is asked every few seconds, and by shows for themselves (`base.counting`).

Rates are exponential averages over five minutes, as IOS has them: a stream that begins shows 63 percent of itself
after that time. A counter that falls belongs to an interface that was made again, and counts from zero again.

The host's own counters are never touched: `clear counters` stores their values.
"""

from __future__ import annotations

from dataclasses import fields, replace
from math import exp

from dmvpn.base.events import InterfaceCount, PacketCounts
from dmvpn.base.values import dataclass

#: Seconds between two polls.
POLL = 5.0
#: Seconds of the average.
AVERAGE = 300.0


@dataclass(frozen=True, slots=True)
class DirectionCounters:
    """One direction of an interface.

    seen_at: when it was last seen to have grown (seconds), or None.
    packet_rate, bit_rate: per second.
    """

    packets: int = 0
    octets: int = 0
    seen_at: float | None = None
    packet_rate: float = 0.0
    bit_rate: float = 0.0

    def after(self, packets: int, octets: int, seconds: float, now: float) -> DirectionCounters:
        """Return the value after these counters, `seconds` after the last ones."""
        is_new = packets < self.packets
        more = packets if is_new else packets - self.packets
        more_octets = octets if is_new else octets - self.octets
        kept = exp(-seconds / AVERAGE)
        return DirectionCounters(
            packets,
            octets,
            now if more else self.seen_at,
            self.packet_rate * kept + more / seconds * (1 - kept),
            self.bit_rate * kept + more_octets * 8 / seconds * (1 - kept),
        )


@dataclass(frozen=True, slots=True)
class InterfaceTraffic:
    """Both directions of an interface, and the last whole answer about it.

    cleared: the answer at the time of the last `clear counters`, and cleared_at that time (seconds), if there was one.
    """

    count: InterfaceCount
    counted_at: float
    received: DirectionCounters
    sent: DirectionCounters
    cleared: InterfaceCount | None = None
    cleared_at: float | None = None

    @classmethod
    def first(cls, count: InterfaceCount, now: float) -> InterfaceTraffic:
        """Return the counters after the plane's first answer."""
        received, sent = (DirectionCounters().after(*figures, POLL, now) for figures in _directions(count))
        return cls(count, now, received, sent)

    def after(self, count: InterfaceCount, now: float) -> InterfaceTraffic:
        """Return the counters after one more answer."""
        seconds = max(now - self.counted_at, 1e-3)
        received, sent = _directions(count)
        is_new = count.received < self.count.received or count.sent < self.count.sent
        return InterfaceTraffic(
            count,
            now,
            self.received.after(*received, seconds, now),
            self.sent.after(*sent, seconds, now),
            None if is_new else self.cleared,
            self.cleared_at,
        )

    def clear(self, now: float) -> InterfaceTraffic:
        """Return the same, counted from now on."""
        return replace(self, cleared=self.count, cleared_at=now)

    @property
    def shown(self) -> InterfaceCount:
        """The counters since they were cleared."""
        if self.cleared is None:
            return self.count
        names = [field.name for field in fields(PacketCounts)]
        return replace(self.count, **{name: getattr(self.count, name) - getattr(self.cleared, name) for name in names})


def _directions(count: InterfaceCount) -> tuple[tuple[int, int], tuple[int, int]]:
    return (count.received, count.received_octets), (count.sent, count.sent_octets)
