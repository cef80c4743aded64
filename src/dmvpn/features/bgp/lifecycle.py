"""What follows when a session comes up or ends, for the log, the neighbor, its routes and its updates.

an OPEN and a KEEPALIVE ──> established ──> restarts, advertiser, BFD
a session that ended ──> buried at the event's end ──> log, restarts, advertiser ──> reconnect, or forget the neighbor
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.chronicle import Sign
from dmvpn.base.errors import surely
from dmvpn.base.notices import NeighborSilent
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.neighbor import watch
from dmvpn.features.bgp.packet import Cease, ErrorCode
from dmvpn.features.bgp.session import cease
from dmvpn.features.bgp.settings import guest

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.features.bgp.advertiser import Advertiser
    from dmvpn.features.bgp.helper import Restarts
    from dmvpn.features.bgp.neighbor import Calls, Peer, State
    from dmvpn.features.bgp.packet import Notification
    from dmvpn.features.bgp.session import Ending, Session

#: Seconds between two log messages about connections of one peer that fail with the same error, and how many such pairs
#: of peer and error are tracked.
_COMPLAINT_PAUSE: Final = 60.0
_MOST_COMPLAINTS: Final = 64


class Lifecycle:
    """Acts on sessions that are established, and on sessions that ended."""

    def __init__(self, state: State, calls: Calls, restarts: Restarts, advertiser: Advertiser) -> None:
        self._state = state
        self._context = state.context
        self._calls = calls
        self._restarts = restarts
        self._advertiser = advertiser
        self._failures: dict[tuple[IPv4Address, int, int], float] = {}

    # ---------------------------------------------------------------------------------------------------- coming

    def established(self, peer: Peer, session: Session) -> None:
        """Act on a session that became established: other sessions with the same neighbor end."""
        for other in [one for one in peer.sessions if one is not session]:
            self.collide(other)
        self.bury_all()
        self._recognize(peer, session)
        peer.came_up(surely(session.heard).identifier, self._context.now)
        if self._state.config.log_changes:
            self._context.emit(messages.NeighborChanged.up(_name(peer), self._context.ports.vrf))
        self._tell(peer, session, Sign.CAME, "established")
        self._restarts.back(peer, session)
        self._advertiser.join(peer, session)
        if peer.settings.lines.bfd:
            self._context.emit(*watch(self._state.ports, peer, session, wanted=True))

    @staticmethod
    def collide(session: Session) -> None:
        """End a session that loses a collision: RFC 4271 §6.8.

        If it was established, its connection was lost: without graceful restart the new connection would be refused.
        """
        if session.is_established:
            session.give_way()
        else:
            session.notify(cease(Cease.COLLISION), "")

    def _recognize(self, peer: Peer, session: Session) -> None:
        """Apply the settings for the AS in the OPEN of a dynamic neighbor, where its range allows several."""
        remote_as = session.identity.remote_as
        if peer.dynamic and remote_as != peer.settings.remote_as:
            known = guest(self._state.config, peer.address, remote_as=remote_as)
            peer.obey(peer.settings if known is None else known)

    # ---------------------------------------------------------------------------------------------------- ending

    def reset(self, peer: Peer, subcode: Cease, reason: str) -> None:
        """End the sessions with a neighbor with a Cease NOTIFICATION."""
        peer.end_sessions(subcode, reason)
        self.bury_all()

    def bury_all(self) -> None:
        """Act on the sessions that ended."""
        ended = self._state.ended
        while ended:
            self._bury(ended.pop(0))

    def _bury(self, session: Session) -> None:
        """Log the end of a session, update its neighbor, and schedule the next connection to it."""
        state, peer = self._state, self._state.close(session)
        ending = surely(session.ending)
        self._log(peer, session, ending)
        if session.was_established:
            self._gone(peer, session, ending)
        if peer.sessions or state.peers.get(peer.address) is not peer:
            return
        if peer.dynamic:
            state.forget_guest(peer)
        elif not peer.settings.lines.shutdown and not self._context.is_running(peer.timers.call):
            self._calls.call_soon(peer)

    def _log(self, peer: Peer, session: Session, ending: Ending) -> None:
        """Log the NOTIFICATION that ended a session."""
        notification = ending.notification
        if notification is None or not ending.by or not ending.reason:
            return
        if not session.was_established and not self._may_log(peer, notification):
            return
        if notification.code == ErrorCode.SEND_HOLD_TIME and ending.by == "stuck":
            self._context.emit(messages.Stuck.of(peer.address, session.send_hold_time))
        else:
            way = "sent to" if ending.by == "sent" else "received from"
            self._context.emit(messages.Notified.of(way, peer.address, notification))

    def _may_log(self, peer: Peer, notification: Notification) -> bool:
        """Return whether a failed connection may be logged: one message a minute for each peer and error."""
        now = self._context.now
        self._failures = {key: said for key, said in self._failures.items() if now - said < _COMPLAINT_PAUSE}
        key = peer.address, notification.code, notification.subcode
        if key in self._failures or len(self._failures) >= _MOST_COMPLAINTS:
            return False
        self._failures[key] = now
        return True

    def _gone(self, peer: Peer, session: Session, ending: Ending) -> None:
        """Act on the end of an established session."""
        ports, emit = self._state.ports, self._context.emit
        peer.went_down(ending.reason, self._context.now)
        emit(*watch(ports, peer, session, wanted=False))
        if self._state.config.log_changes:
            emit(messages.NeighborChanged.down(_name(peer), ending.reason, self._context.ports.vrf))
        self._tell(peer, session, Sign.WENT, ending.reason)
        self._restarts.lost(peer, session, ending)
        self._advertiser.leave(peer)
        notification = ending.notification
        if notification is not None and notification.code == ErrorCode.HOLD_TIME and ending.by == "sent":
            state = ports.interfaces.owner(surely(session.up).local)
            if state is not None:
                emit(NeighborSilent(state.name, peer.address))

    def _tell(self, peer: Peer, session: Session, sign: Sign, text: str) -> None:
        """Report to the chronicle that a neighbor came up or went down, whether or not that is logged."""
        state = self._state.ports.interfaces.owner(session.up.local) if session.up is not None else None
        name = state.name if state is not None else ""
        self._context.tell_of_neighbor(sign, peer.address, name, f"BGP: {text}")


def _name(peer: Peer) -> str:
    """Return the name of a neighbor in the log: a dynamic one has a star."""
    return f"*{peer.address}" if peer.dynamic else str(peer.address)
