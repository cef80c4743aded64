"""What neighbors say: they come up, tell routes and ask for ours, and go.

StreamData ──> Session ──> Update ──> intake ──> Adj-RIB-In ──> learning
                      └──> RouteRefresh ──> teller, intake
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.chronicle import Sign, neighbor_changed
from dmvpn.base.errors import surely
from dmvpn.base.notices import NeighborSilent
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.codes import Cease, ErrorCode
from dmvpn.features.bgp.helper import may_return
from dmvpn.features.bgp.packet import RouteRefresh, Update
from dmvpn.features.bgp.restart import END_OF_TABLE
from dmvpn.features.bgp.session import RESTARTED, Ending, cease
from dmvpn.features.bgp.watched import watch

if TYPE_CHECKING:
    from dmvpn.base.streams import StreamDown
    from dmvpn.features.bgp.flaps import Flaps
    from dmvpn.features.bgp.helper import Restarts
    from dmvpn.features.bgp.intake import Intake
    from dmvpn.features.bgp.limits import Limits
    from dmvpn.features.bgp.neighbors import Neighbors
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.process import Process
    from dmvpn.features.bgp.routes import Routes
    from dmvpn.features.bgp.session import Session
    from dmvpn.features.bgp.teller import Teller


class Hearing:
    """Carries what neighbors say to the parts that it is for."""

    def __init__(
        self,
        process: Process,
        neighbors: Neighbors,
        intake: Intake,
        limits: Limits,
        flaps: Flaps,
        restarts: Restarts,
        routes: Routes,
        teller: Teller,
    ) -> None:
        self._process = process
        self._neighbors = neighbors
        self._intake = intake
        self._limits = limits
        self._flaps = flaps
        self._restarts = restarts
        self._routes = routes
        self._teller = teller

    def heard(self, peer: Peer, session: Session, octets: bytes, now: float) -> None:
        """Take octets of a connection, and all that they say."""
        was_open = session.heard is not None
        was_established = session.is_established
        for told in session.take(octets, now):
            if not was_established:
                was_established = True
                self._established(peer, session, now)
            if isinstance(told, Update):
                self._take_update(peer, session, told, now)
            elif told.family == 1 and told.subsequent == 1:
                self._take_refresh(peer, session, told, now)
        if session.is_established and not was_established:
            self._established(peer, session, now)
        elif session.heard is not None and not was_open:
            for loser in peer.losers(session):
                self._collide(loser, now)
        self._neighbors.arm(session)

    def _take_refresh(self, peer: Peer, session: Session, refresh: RouteRefresh, now: float) -> None:
        """Take the request of a peer to hear everything again, or its word where its own refresh begins and ends (RFC
        7313).
        """
        match refresh.subtype:
            case 0:
                self._teller.repeat(peer, now)
            case 1 | 2 if session.marks_refreshes:
                self._routes.learn(peer, self._intake.refresh(peer, ends=refresh.subtype == 2))

    def _established(self, peer: Peer, session: Session, now: float) -> None:
        for other in [one for one in peer.sessions if one is not session]:
            self._collide(other, now)
        self._neighbors.bury_all(now)
        self._neighbors.recognize(peer, session)
        peer.came_up(surely(session.heard).identifier, now)
        if self._process.config.log_changes:
            self._process.order(messages.NeighborChanged.up(_name(peer)))
        self._tell(peer, session, Sign.CAME, "established")
        self._restarts.back(peer, session, now)
        self._teller.join(peer, session, now)
        if peer.settings.lines.bfd:
            self._process.order(*watch(self._process.ports, peer, session, wanted=True))

    @staticmethod
    def _collide(session: Session, now: float) -> None:
        """Look whether there is a better connection: RFC 4271 §6.8.

        One that was established was lost, or there were no other.
        """
        if session.is_established:
            session.give_way()
        else:
            session.notify(cease(Cease.COLLISION), "", now)

    def _take_update(self, peer: Peer, session: Session, update: Update, now: float) -> None:
        if update == END_OF_TABLE:
            self._restarts.told_everything(peer)
            return
        own = session.identity.router_id
        if self._process.traces(peer.address, messages.UPDATES, messages.UPDATES_IN):
            said = self._intake.readable(peer, session, update)
            self._process.debug(messages.received_lines(peer.address, update, said))
        before = self._flaps.before(peer, update)
        changed = self._intake.take(peer, session, update, own, self._process.config.cluster_id or own, now)
        self._flaps.heard(peer, before, changed, now)
        self._routes.learn(peer, changed)
        self._limits.check_all(self._neighbors.peers, now)

    def gone(self, peer: Peer, session: Session, ending: Ending, now: float) -> None:
        """Note that a peer that was established is no more."""
        peer.went_down(ending.reason, now)
        self._process.order(*watch(self._process.ports, peer, session, wanted=False))
        if self._process.config.log_changes:
            self._process.order(messages.NeighborChanged.down(_name(peer), ending.reason))
        self._tell(peer, session, Sign.WENT, ending.reason)
        self._restarts.lost(peer, session, ending, now)
        self._teller.leave(peer)
        notification = ending.notification
        if notification is not None and notification.code == ErrorCode.HOLD_TIME and ending.by == "sent":
            state = self._process.ports.interfaces.owner(surely(session.up).local)
            if state is not None:
                self._process.order(NeighborSilent(state.name, peer.address))

    def _tell(self, peer: Peer, session: Session, sign: Sign, text: str) -> None:
        """Tell the chronicle of a neighbor that came or went; it has that whatever is logged."""
        ports = self._process.ports
        if ports.remembers:
            state = ports.interfaces.owner(session.up.local) if session.up is not None else None
            name = state.name if state is not None else ""
            self._process.order(neighbor_changed(sign, peer.address, name, f"BGP: {text}"))


def lost_by(session: Session, event: StreamDown) -> Ending:
    """Return how a session ended whose connection is gone."""
    ending = Ending("Peer closed the session" if session.up is not None else event.end.value, is_lost=True)
    return replace(ending, reason=RESTARTED) if may_return(session, ending) else ending


def _name(peer: Peer) -> str:
    """Return the name as the log has it: guests have a star."""
    return f"*{peer.address}" if peer.dynamic else str(peer.address)
