"""Messages from neighbors: sessions come up, UPDATEs and refresh requests arrive, connections end.

StreamData ──> Session ──> Update ──> intake ──> Adj-RIB-In ──> learning
                      └──> RouteRefresh ──> advertiser, intake

A neighbor may cause so much work in a second, counted in prefixes; then it waits: we read nothing of it for a moment,
and its session stays. After a few seconds we read once, whatever it owes: we notice if it is dead. Prefixes that it did
not have before are free, because a whole table is to arrive quickly; `maximum-prefix` bounds them. So what counts is
prefixes that change, that it withdraws or that are not taken, and messages that bring none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.limits import Budgets
from dmvpn.base.queues import TimerQueue
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.helper import may_return
from dmvpn.features.bgp.packet import END_OF_TABLE, RouteRefresh, Update
from dmvpn.features.bgp.session import RESTARTED, Ending

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.streams import StreamDown
    from dmvpn.features.bgp.advertiser import Advertiser
    from dmvpn.features.bgp.flaps import Flaps
    from dmvpn.features.bgp.helper import Restarts
    from dmvpn.features.bgp.intake import Intake
    from dmvpn.features.bgp.learning import Learning
    from dmvpn.features.bgp.lifecycle import Lifecycle
    from dmvpn.features.bgp.limits import Limits
    from dmvpn.features.bgp.neighbor import Peer, State
    from dmvpn.features.bgp.session import Session


#: Work that one neighbor may cause in a second, a tenth of a core, and at once, a whole table that changes; and that of
#: a request to repeat our table.
RATE: Final = 4_000
CREDIT: Final = 100_000
REFRESH: Final = 4_000
#: Seconds for which we read nothing of a neighbor, at most.
LONGEST_PAUSE: Final = 3.0
#: Neighbors whose turn it is in one event.
_AT_ONCE: Final = 32


class Hearing:
    """Passes messages from neighbors to the parts that handle them."""

    def __init__(
        self,
        state: State,
        lifecycle: Lifecycle,
        intake: Intake,
        limits: Limits,
        flaps: Flaps,
        restarts: Restarts,
        learning: Learning,
        advertiser: Advertiser,
    ) -> None:
        self._state = state
        self._context = state.context
        self._lifecycle = lifecycle
        self._intake = intake
        self._limits = limits
        self._flaps = flaps
        self._restarts = restarts
        self._learning = learning
        self._advertiser = advertiser
        self._budgets: Budgets[IPv4Address] = Budgets(RATE, CREDIT)
        self._turns: TimerQueue[int] = TimerQueue(self._context, "read a neighbor again", self._turn, most=_AT_ONCE)

    def heard(self, peer: Peer, session: Session, octets: bytes) -> None:
        """Take octets from a connection, and handle all complete messages."""
        was_open = session.heard is not None
        was_established = session.is_established
        alive, work = peer.counts.keepalives[1], 0
        for message in session.take(octets):
            if not was_established:
                was_established = True
                self._lifecycle.established(peer, session)
            if isinstance(message, Update):
                work += self._take_update(peer, session, message)
            else:
                work += self._take_refresh(peer, session, message)
        if session.is_established and not was_established:
            self._lifecycle.established(peer, session)
        elif session.heard is not None and not was_open:
            for loser in peer.losers(session):
                self._lifecycle.collide(loser)
        self._charge(peer, session, work + peer.counts.keepalives[1] - alive)

    def _charge(self, peer: Peer, session: Session, work: int) -> None:
        """Count work that a neighbor caused, and let it wait if that is too much."""
        budgets, address, now = self._budgets, peer.address, self._context.now
        budgets.charge(address, work, now)
        if session.is_established and not budgets.may(address, now):
            session.pause()
            self._turns.set(session.stream, min(budgets.when(address, now), now + LONGEST_PAUSE))

    def _turn(self, stream: int) -> None:
        if stream in self._state.by_stream:
            self._state.by_stream[stream][1].go_on()

    def _take_refresh(self, peer: Peer, session: Session, refresh: RouteRefresh) -> int:
        """Handle a request of a peer to repeat our routes, or the marks of its own refresh (RFC 7313).

        Returns how much work of the neighbor it counts as: a request that waits already causes no more.
        """
        if (refresh.family, refresh.subsequent) != (1, 1):
            return 1
        match refresh.subtype:
            case 0 if self._advertiser.repeat(peer):
                return REFRESH
            case 1 | 2 if session.marks_refreshes:
                self._learning.add(peer, self._intake.refresh(peer, ends=refresh.subtype == 2))
                return REFRESH
        return 1

    def _take_update(self, peer: Peer, session: Session, update: Update) -> int:
        """Apply an UPDATE. Returns how much work of the neighbor it counts as."""
        if update == END_OF_TABLE:
            self._restarts.told_everything(peer)
            return 1
        own, now = session.identity.router_id, self._context.now
        if self._state.traces(peer.address, messages.UPDATES, messages.UPDATES_IN):
            said = self._intake.readable(peer, session, update)
            self._context.debug(*messages.received_lines(peer.address, update, said))
        before, known = self._flaps.before(peer, update), len(peer.received)
        changed = self._intake.take(peer, session, update, own, self._state.config.cluster_id or own, now)
        self._flaps.heard(peer, before, changed)
        self._learning.add(peer, changed)
        fresh = max(0, len(peer.received) - known)
        self._limits.check_all()
        return len(update.announced) + len(update.withdrawn) - fresh + (not fresh)


def lost_by(session: Session, event: StreamDown) -> Ending:
    """Return the ending of a session whose connection was lost."""
    ending = Ending("Peer closed the session" if session.up is not None else event.end.value, is_lost=True)
    return replace(ending, reason=RESTARTED) if may_return(session, ending) else ending
