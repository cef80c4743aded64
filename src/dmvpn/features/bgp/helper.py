"""Graceful restart, the helper's side: RFC 4724 §4.2, with NOTIFICATIONs that a restart may follow (RFC 8538).

session lost ──> its routes stay, marked as stale ──> peer is back ──> routes not sent again are removed
                          └── it does not come back within its restart time: all routes are removed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.bgp.packet import Cease, ErrorCode

if TYPE_CHECKING:
    from dmvpn.features.bgp.input import Intake
    from dmvpn.features.bgp.learning import Learning
    from dmvpn.features.bgp.neighbor import Peer, State
    from dmvpn.features.bgp.session import Ending, Session


def may_return(session: Session, ending: Ending) -> bool:
    """Return whether a restart of the peer may follow this ending of its session."""
    restart, notification = session.restart, ending.notification
    if restart is None or not restart.keeps:
        return False
    if notification is None:
        return ending.is_lost
    if notification.code == ErrorCode.CEASE and (ending.by == "sent" or notification.subcode == Cease.HARD_RESET):
        return False
    return restart.notifies


class Restarts:
    """Keeps the routes of restarting peers: those whose timer `restart` runs."""

    def __init__(self, state: State, intake: Intake, learning: Learning) -> None:
        self._state = state
        self._context = state.context
        self._intake = intake
        self._learning = learning

    def deadline(self, peer: Peer) -> float | None:
        """Return when a peer must be back, or must have sent its whole table; None: no restart is in progress."""
        return self._context.timers.when(peer.timers.restart)

    def lost(self, peer: Peer, session: Session, ending: Ending) -> None:
        """Keep the routes of a peer whose session ended if a restart may follow, otherwise remove them."""
        if session.restart is None or not may_return(session, ending):
            self.give_up(peer)
            return
        if self.deadline(peer) is not None:  # the second restart in a row: RFC 4724 §4.2
            self._learning.add(peer, self._intake.refresh(peer, ends=True))
        self._intake.refresh(peer, ends=False)
        self._context.start(peer.timers.restart, session.restart.seconds)

    def back(self, peer: Peer, session: Session) -> None:
        """Note that a restarting peer is established: it resends its table. Without preserved forwarding state, its
        stale routes are removed at once.
        """
        if self.deadline(peer) is None:
            return
        if session.restart is None or not session.restart.kept:
            self.forget_stale(peer)
        else:
            self._context.start(peer.timers.restart, self._state.config.stale_time)

    def told_everything(self, peer: Peer) -> None:
        """Handle the End-of-RIB marker of a peer: if it restarted, its restart is complete."""
        if self.deadline(peer) is not None:
            self.forget_stale(peer)

    def forget_stale(self, peer: Peer) -> None:
        """Remove the routes that a peer has not sent again."""
        self._context.stop(peer.timers.restart)
        self._learning.add(peer, self._intake.refresh(peer, ends=True))

    def give_up(self, peer: Peer) -> None:
        """Remove all routes of a peer that has no session."""
        self._context.stop(peer.timers.restart)
        self._learning.add(peer, self._intake.forget(peer))

    def not_back(self, peer: Peer) -> None:
        """End the wait for a restarting peer that has not returned, or not sent its whole table, in time."""
        if peer.session is None:
            self.give_up(peer)
            self._state.forget_guest(peer)
        else:
            self.forget_stale(peer)
