"""How much neighbors may tell: `maximum-prefix` of one, and of all together what there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp import messages
from dmvpn.features.bgp.codes import Cease
from dmvpn.features.bgp.session import cease

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ipaddress import IPv4Address

    from dmvpn.features.bgp.intake import Intake
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.process import Process

#: Prefixes that all peers together may tell, whatever `maximum-prefix` says: some 700 MB.
MOST_PREFIXES: Final = 250_000


class Limits:
    """Ends sessions, and says when a peer may come again. give_up: a peer that restarts is awaited no more."""

    def __init__(self, process: Process, intake: Intake, give_up: Callable[[Peer], None]) -> None:
        self._process = process
        self._intake = intake
        self._give_up = give_up

    def check(self, peer: Peer, now: float) -> None:
        """Check what a peer told: warn, or end its session. What it has not told again counts for nothing: by other
        numbers of paths it would count twice.
        """
        limit, session = peer.settings.lines.maximum_prefixes, peer.session
        if not limit or session is None:
            return
        accepted = peer.accepted - len(peer.stale)
        if accepted > limit:
            if not peer.exceeded:  # prefixes are counted in slices: one line, until there are few enough again
                peer.count(exceeded=True)
                self._process.order(messages.MaximumExceeded.of(peer.address, accepted, limit))
            if not peer.settings.lines.only_warn:
                self._bar(peer, now)
                session.notify(cease(Cease.MAXIMUM_PREFIXES), "BGP Notification sent", now)
            return
        is_near = accepted * 100 > limit * peer.settings.lines.warn_percent
        if is_near and not peer.warned:
            self._process.order(messages.MaximumNear.of(peer.address, accepted, limit))
        peer.count(warned=is_near)

    def check_all(self, peers: Mapping[IPv4Address, Peer], now: float) -> None:
        """Check whether peers tell more than there is room for: the one that tells most of it goes, and the others
        stay. If that one restarts, its routes do.
        """
        if self._intake.total <= MOST_PREFIXES:
            return
        peer = max(peers.values(), key=lambda one: len(one.received))
        self._process.order(messages.MaximumExceeded.of_all(peer.address, len(peer.received), MOST_PREFIXES))
        if peer.session is None:
            self._give_up(peer)
        else:
            peer.session.notify(cease(Cease.OUT_OF_RESOURCES), "BGP Notification sent", now)

    def _bar(self, peer: Peer, now: float) -> None:
        """Bar a peer that told too much: it stays away for the minutes of `restart`, or until somebody clears it."""
        minutes = peer.settings.lines.restart_minutes
        peer.bar(now + 60.0 * minutes if minutes else float("inf"))
        if minutes:
            self._process.timers.set(("call", peer.address), peer.barred_until)
