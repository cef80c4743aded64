"""Retransmission of unanswered packets: descriptions, requests, advertisements. RFC 2328 §10.8, §10.9, §13.6.

Of the advertisements that are overdue, as many as one packet holds leave at once, and the next packet follows after a
short pause (`timers pacing retransmission` of IOS, 66 ms): a neighbor that missed hundreds is not buried in packets,
and no event takes long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.messages import RETRANSMISSION, repeated_line
from dmvpn.features.ospf.neighbor import NeighborState
from dmvpn.features.ospf.packet import LinkStateRequest

if TYPE_CHECKING:
    from dmvpn.features.ospf.interface import Neighbor
    from dmvpn.features.ospf.lsa import Lsa, LsaHeader
    from dmvpn.features.ospf.output import Sender
    from dmvpn.features.ospf.state import State

#: Intervals in which something is sent again to a neighbor that answers nothing; then it is given up, as by IOS.
_MOST_REPETITIONS: Final = 25
#: Seconds between two packets of retransmitted LSAs to one neighbor.
_PACING: Final = 0.066
_TALKING: Final = (NeighborState.EX_START, NeighborState.EXCHANGE, NeighborState.LOADING)


class Retransmission:
    """Repeats packets that the neighbors of one process have not answered."""

    def __init__(self, state: State, sender: Sender) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender

    def owe(self, neighbor: Neighbor, lsa: Lsa) -> None:
        """Note that this LSA was sent to the neighbor, which must acknowledge it."""
        neighbor.waiting.owe(lsa, self._context.now)
        self.await_answer(neighbor)

    def settle(self, neighbor: Neighbor, header: LsaHeader) -> bool:
        """Return whether this header acknowledges an LSA that awaits acknowledgment; then it is not retransmitted."""
        if not neighbor.waiting.acknowledge(header):
            return False
        neighbor.answer()
        if not neighbor.waiting and not _is_talking(neighbor):
            self._context.stop(neighbor.retransmit_timer)
        return True

    def await_answer(self, neighbor: Neighbor, seconds: float | None = None) -> None:
        """Check for outstanding answers after the retransmit interval, or after the given number of seconds."""
        if self._context.is_running(neighbor.retransmit_timer):
            return
        if neighbor.waiting or _is_talking(neighbor):
            interval = neighbor.interface.settings.retransmit_interval
            self._context.start(neighbor.retransmit_timer, interval if seconds is None else seconds)

    def repeat(self, neighbor: Neighbor) -> bool:
        """Retransmit packets that the neighbor has not answered for the retransmit interval.

        Returns False if the neighbor has not answered for so long that it is given up.
        """
        now, interval = self._context.now, neighbor.interface.settings.retransmit_interval
        repeated = self._repeat_talk(neighbor)
        repeated |= self._repeat_advertisements(neighbor, now - interval)
        if repeated or neighbor.must_go_on:
            neighbor.wait(now, interval, repeated=repeated)
        if neighbor.unanswered > _MOST_REPETITIONS:
            return False
        oldest = next((sent for _, sent in neighbor.waiting.values()), now)
        self.await_answer(neighbor, max(oldest + interval - now, _PACING))
        return True

    def _repeat_talk(self, neighbor: Neighbor) -> bool:
        """Send the last description and the last request again, if they wait for an answer."""
        talk, description = neighbor.talk, neighbor.description
        leads = neighbor.state is NeighborState.EXCHANGE and talk.leads
        describes = leads or neighbor.state is NeighborState.EX_START
        if describes and description is not None:
            self._sender.to(neighbor, description)
        if talk.asked:
            self._sender.to(neighbor, LinkStateRequest(tuple(talk.asked)))
        return (describes and description is not None) or bool(talk.asked)

    def _repeat_advertisements(self, neighbor: Neighbor, limit: float) -> bool:
        """Retransmit one packet full of the LSAs that were sent at `limit` or before."""
        overdue = neighbor.waiting.overdue(limit, self._sender.room(neighbor.interface) - 4)
        for lsa in overdue:
            neighbor.waiting.owe(lsa, self._context.now)
        if overdue and self._context.ports.debugging.on(RETRANSMISSION):
            line = repeated_line(self._state.number, neighbor.router, neighbor.interface.name, len(overdue))
            self._context.debug(line)
        self._sender.tell(neighbor, [self._state.outgoing(lsa, neighbor.interface) for lsa in overdue])
        return bool(overdue)


def _is_talking(neighbor: Neighbor) -> bool:
    return bool(neighbor.talk.asked) or neighbor.state in _TALKING
