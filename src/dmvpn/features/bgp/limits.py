"""Limits on received prefixes: `maximum-prefix` of each neighbor, and a total for all neighbors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp import messages
from dmvpn.features.bgp.packet import Cease
from dmvpn.features.bgp.session import cease

if TYPE_CHECKING:
    from dmvpn.features.bgp.helper import Restarts
    from dmvpn.features.bgp.input import Intake
    from dmvpn.features.bgp.neighbor import Peer, State

#: Prefixes accepted from all peers together, whatever `maximum-prefix` says: some 700 MB.
MOST_PREFIXES: Final = 250_000


class Limits:
    """Ends sessions of peers that exceed a limit, and schedules their return."""

    def __init__(self, state: State, intake: Intake, restarts: Restarts) -> None:
        self._state = state
        self._context = state.context
        self._intake = intake
        self._restarts = restarts

    def check(self, peer: Peer) -> None:
        """Check the prefix limit of a peer: warn, or end its session.

        Stale prefixes do not count: those sent again with other path identifiers would count twice.
        """
        limit, session = peer.settings.lines.maximum_prefixes, peer.session
        if not limit or session is None:
            return
        accepted = peer.accepted - len(peer.stale)
        if accepted > limit:
            if not peer.exceeded:  # prefixes are counted in slices: log once, until the count is below the limit again
                peer.count(exceeded=True)
                self._context.emit(messages.MaximumExceeded.of(peer.address, accepted, limit))
            if not peer.settings.lines.only_warn:
                self._bar(peer)
                session.notify(cease(Cease.MAXIMUM_PREFIXES), "BGP Notification sent")
            return
        is_near = accepted * 100 > limit * peer.settings.lines.warn_percent
        if is_near and not peer.warned:
            self._context.emit(messages.MaximumNear.of(peer.address, accepted, limit))
        peer.count(warned=is_near)

    def check_all(self) -> None:
        """Check the total of all peers: the peer with the most prefixes loses its session, or its kept routes if it
        restarts; the other sessions stay up.
        """
        if self._intake.total <= MOST_PREFIXES:
            return
        peer = max(self._state.peers.values(), key=lambda one: len(one.received))
        self._context.emit(messages.MaximumExceeded.of_all(peer.address, len(peer.received), MOST_PREFIXES))
        if peer.session is None:
            self._restarts.not_back(peer)
        else:
            peer.session.notify(cease(Cease.OUT_OF_RESOURCES), "BGP Notification sent")

    def _bar(self, peer: Peer) -> None:
        """Keep a peer down that exceeded its limit: for the minutes of `restart`, or until `clear ip bgp`."""
        minutes = peer.settings.lines.restart_minutes
        peer.bar(self._context.now + 60.0 * minutes if minutes else float("inf"))
        if minutes:
            self._context.start(peer.timers.call, 60.0 * minutes)
