"""Graceful restart, the helper's side: RFC 4724 §4.2, with NOTIFICATIONs that a restart may follow (RFC 8538).

session lost ──> its routes stay, marked as stale ──> it is back ──> what it did not tell again goes
                          └── it does not come back within its restart time: all of them go
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.bgp.codes import Cease, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Address

    from dmvpn.features.bgp.intake import Intake
    from dmvpn.features.bgp.nlri import Nlri
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.process import Process
    from dmvpn.features.bgp.session import Ending, Session


def may_return(session: Session, ending: Ending) -> bool:
    """Return whether the peer may be back soon, after a session that ends like this."""
    restart, notification = session.restart, ending.notification
    if restart is None or not restart.keeps:
        return False
    if notification is None:
        return ending.is_lost
    if notification.code == ErrorCode.CEASE and (ending.by == "sent" or notification.subcode == Cease.HARD_RESET):
        return False
    return restart.notifies


class Restarts:
    """Which peers are awaited: those with a timer `restart`. learn: takes prefixes whose routes are to be looked at."""

    def __init__(self, process: Process, intake: Intake, learn: Callable[[Peer, Iterable[Nlri]], None]) -> None:
        self._process = process
        self._intake = intake
        self._learn = learn

    def deadline(self, address: IPv4Address) -> float | None:
        """Return until when a peer must be back, or have told its table to the end; None: it is not awaited."""
        return self._process.timers.when(("restart", address))

    def lost(self, peer: Peer, session: Session, ending: Ending, now: float) -> None:
        """Keep the routes of a peer whose session is over, if it may return, else drop them."""
        if session.restart is None or not may_return(session, ending):
            self.give_up(peer)
            return
        if self.deadline(peer.address) is not None:  # it restarts again: RFC 4724 §4.2
            self._learn(peer, self._intake.refresh(peer, ends=True))
        self._intake.refresh(peer, ends=False)
        self._process.timers.set(("restart", peer.address), now + session.restart.seconds)

    def back(self, peer: Peer, session: Session, now: float) -> None:
        """Note that a session with a peer is established: it tells its table, unless it forgot what it forwarded by."""
        if self.deadline(peer.address) is None:
            return
        if session.restart is None or not session.restart.kept:
            self.forget_stale(peer)
        else:
            self._process.timers.set(("restart", peer.address), now + self._process.config.stale_time)

    def told_everything(self, peer: Peer) -> None:
        """Note that a peer told its table to the end: if it was awaited, it is no longer."""
        if self.deadline(peer.address) is not None:
            self.forget_stale(peer)

    def forget_stale(self, peer: Peer) -> None:
        """Forget what a peer has not told again."""
        self._process.timers.cancel(("restart", peer.address))
        self._learn(peer, self._intake.refresh(peer, ends=True))

    def give_up(self, peer: Peer) -> None:
        """Forget all that a peer without a session told."""
        self._process.timers.cancel(("restart", peer.address))
        self._learn(peer, self._intake.forget(peer))
