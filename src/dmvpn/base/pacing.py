"""Packets of many senders, each at the pace at which it may cause work: what comes faster waits, and then is dropped.

    packets = PacedPackets(context, pace, read)
    packets.take(packet)         reads it now, or when it is its sender's turn; False: it is dropped
    packets.charge(packet, ...)  it cost more than others of its size

A protocol that retransmits would survive the loss of these packets, but it converges sooner if they wait instead. Work
is counted in octets, so that a packet is judged before it is read, and a replay judges the same. However many senders
wait, a packet costs the same: each sender has a deadline of its own (`TimerQueue`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Context, TimerQueue
from dmvpn.base.events import IpReceived
from dmvpn.base.limits import Budgets

Sender = tuple[str, IPAddress]

#: Senders that have their turn in one event, a packet each.
_AT_ONCE: Final = 4


class Pace(NamedTuple):
    """How fast packets of one neighbor are read.

    rate, credit: octets in a second, and at once.
    packet: octets that are added to the size of each packet.
    room, total: octets that may wait, of one neighbor and of all.
    """

    rate: int
    credit: int
    packet: int
    room: int
    total: int


class PacedPackets:
    """The packets that a machine takes from its neighbors: an address on an interface is a neighbor."""

    def __init__(self, context: Context, pace: Pace, read: Callable[[IpReceived], bool]) -> None:
        """read: reads a packet whose turn it is. False: the packet is malformed or not authentic, so it does not count
        as work of the neighbor whose address it has.
        """
        self._context = context
        self._pace = pace
        self._read = read
        self._budgets: Budgets[Sender] = Budgets(pace.rate, pace.credit)
        self._waiting: dict[Sender, deque[IpReceived]] = {}
        #: Octets that wait, of each sender in `_waiting`, and of all.
        self._octets: dict[Sender, int] = {}
        self._all = 0
        self._turns: TimerQueue[Sender] = TimerQueue(context, "read a packet that waits", self._turn, most=_AT_ONCE)

    def take(self, packet: IpReceived) -> bool:
        """Take a packet now or later; False: it is dropped."""
        sender, now = _sender(packet), self._context.now
        queue = self._waiting.get(sender)
        if queue is None and self._budgets.may(sender, now):
            self._process(packet)
            return True
        octets = self._work(packet)
        waits = self._octets.get(sender, 0) + octets
        if waits > self._pace.room or self._all + octets > self._pace.total:
            return False
        if queue is None:
            queue = self._waiting[sender] = deque()
            self._turns.set(sender, self._budgets.when(sender, now))
        queue.append(packet)
        self._octets[sender] = waits
        self._all += octets
        return True

    def charge(self, packet: IpReceived, octets: int) -> None:
        """Count work that followed from a packet, in octets."""
        self._budgets.charge(_sender(packet), octets, self._context.now)

    def _turn(self, sender: Sender) -> None:
        """Read the first packet of a sender that waits, unless the sender was charged for something else meanwhile."""
        now, queue = self._context.now, self._waiting[sender]
        try:
            if self._budgets.may(sender, now):
                packet = queue.popleft()
                octets = self._work(packet)
                self._octets[sender] -= octets
                self._all -= octets
                self._process(packet)
        finally:  # an error in one packet must not hold up the others
            if queue:
                self._turns.set(sender, self._budgets.when(sender, now))
            else:
                del self._waiting[sender], self._octets[sender]

    def _process(self, packet: IpReceived) -> None:
        work = self._work(packet)
        self.charge(packet, work)
        if not self._read(packet):
            self.charge(packet, -work)

    def _work(self, packet: IpReceived) -> int:
        return self._pace.packet + len(packet.payload)


def _sender(packet: IpReceived) -> Sender:
    return packet.interface, packet.source
