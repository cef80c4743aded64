"""A peer: its sessions, its routes (Adj-RIB-In), its update group, and when we connect to it again.

    Idle ── route to the peer ──> Active ── connection, by either end ──> one or two sessions ──> one established

Both ends may connect at once; when an OPEN identifies the peer, one connection is closed (RFC 4271 §6.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.features.bgp.session import MessageCounts, Session, SessionState, cease
from dmvpn.features.bgp.updates import Feed

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Timer
    from dmvpn.base.reasons import Reason
    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.groups import UpdateGroup
    from dmvpn.features.bgp.packet import Cease, Nlri
    from dmvpn.features.bgp.settings import PeerSettings

#: Seconds until the next connection attempt, the first time and at most; each failure doubles them.
FIRST_RETRY: Final = 5.0
LONGEST_RETRY: Final = 60.0
_ORDER: Final = tuple(SessionState)


class PeerTimers(NamedTuple):
    """Timers of a peer. call: connect to it. leave: end its sessions after graceful shutdown.

    restart: stop waiting for its restart, or for the end of its table after that. judge: filter its routes again.
    """

    call: Timer
    leave: Timer
    restart: Timer
    judge: Timer


class Peer:
    """The state of a peer. dynamic: it connected from a listen range. reason: why we do not connect to it.

    changed: when it came up or went down last, seconds monotonic; None: never. retry: seconds until the next attempt.
    received: its Adj-RIB-In. several: how many paths it sent to a prefix, if paths have identifiers.
    filtered: routes of `received` that its filters deny. stale: routes not sent again since a refresh or restart began.
    denied: received routes that were not accepted. identifier: its router ID, from its last OPEN.
    barred_until: connections are neither made nor accepted before, because it sent too many prefixes.
    group: its update group. feed: its send queue. complained: when a damaged UPDATE was last logged.
    """

    def __init__(self, settings: PeerSettings, timers: PeerTimers, *, dynamic: bool) -> None:
        self.settings = settings
        self.timers = timers
        self.dynamic = dynamic
        self.sessions: list[Session] = []
        self.reason: Reason | None = None
        self.identifier = UNSPECIFIED
        self.last_reset = ""
        self.changed: float | None = None
        self.established = 0
        self.dropped = 0
        self.retry = FIRST_RETRY
        self.received: dict[Nlri, Attributes] = {}
        self.several: dict[Prefix, int] = {}
        self.filtered: dict[Nlri, None] = {}
        self.group: UpdateGroup | None = None
        self.feed = Feed(settings.address)
        self.stale: dict[Nlri, None] = {}
        self.barred_until = float("-inf")
        self.complained = float("-inf")
        self.denied = 0
        self.warned = False
        self.exceeded = False
        self.counts = MessageCounts.none()

    @property
    def address(self) -> IPv4Address:
        """Its address."""
        return self.settings.address

    @property
    def session(self) -> Session | None:
        """The established session."""
        return next((session for session in self.sessions if session.is_established), None)

    @property
    def state(self) -> str:
        """The state in `show ip bgp summary`."""
        if self.settings.lines.shutdown and self.session is None:
            return "Idle (Admin)"
        if self.barred_until > float("-inf") and not self.sessions:
            return "Idle (PfxCt)"
        if self.sessions:
            return max((session.state for session in self.sessions), key=_ORDER.index).value
        return "Idle" if self.reason is not None else "Active"

    @property
    def accepted(self) -> int:
        """How many of its prefixes were accepted."""
        return len(self.received) - len(self.filtered)

    def obey(self, settings: PeerSettings) -> PeerSettings:
        """Apply new settings; returns the old ones."""
        before, self.settings = self.settings, settings
        return before

    def came_up(self, identifier: IPv4Address, now: float) -> None:
        """Record that the session is established."""
        self.established += 1
        self.identifier = identifier
        self.changed, self.reason = now, None
        self.be_called_often()

    def went_down(self, reason: str, now: float) -> None:
        """Record that the established session ended."""
        self.dropped += 1
        self.changed, self.last_reset = now, reason

    def wait(self, reason: Reason | None) -> None:
        """Record why we do not connect; None: we do."""
        self.reason = reason

    def be_called_often(self) -> None:
        """Reset the retry pause to the shortest one."""
        self.retry = FIRST_RETRY

    def pause(self) -> float:
        """Return the seconds until the next connection attempt, and lengthen the following pause."""
        pause, self.retry = self.retry, min(2 * self.retry, LONGEST_RETRY)
        return pause

    def bar(self, until: float = float("-inf")) -> None:
        """Refuse connections before this time; without a time, allow them again."""
        self.barred_until = until

    def count(self, *, warned: bool = False, exceeded: bool = False) -> None:
        """Record which messages about `maximum-prefix` were logged; without an argument, that the count is
        low again.
        """
        self.warned = warned or (exceeded and self.warned)
        self.exceeded = exceeded

    def forget(self) -> dict[Nlri, Attributes]:
        """Clear the Adj-RIB-In; returns its content."""
        told, self.received, self.several = self.received, {}, {}
        self.filtered.clear()
        self.stale.clear()
        self.denied = 0
        self.warned = self.exceeded = False
        return told

    def filter(self, nlri: Nlri, *, is_refused: bool) -> None:
        """Record whether its filters deny this route."""
        if is_refused:
            self.filtered[nlri] = None
        else:
            self.filtered.pop(nlri, None)

    @property
    def is_busy(self) -> bool:
        """Return whether a further incoming connection is refused, because the peer has a session already. A peer that
        supports graceful restart may have restarted without closing an established one.
        """
        return any(one.restart is None if one.is_established else one.taken for one in self.sessions)

    def losers(self, opened: Session) -> list[Session]:
        """Return the sessions that end because this one received an OPEN; it may be among them. RFC 4271 §6.8."""
        others = [session for session in self.sessions if session is not opened and session.heard is not None]
        if not others or opened.heard is None:
            return []
        established = [other for other in others if other.is_established]
        if established:
            return established if opened.taken and all(one.restart is not None for one in established) else [opened]
        own, theirs = opened.identity.router_id, opened.heard.identifier
        is_taken_kept = own < theirs if own != theirs else opened.identity.local_as < opened.identity.remote_as
        return [session for session in (opened, *others) if session.taken is not is_taken_kept]

    def end_sessions(self, subcode: Cease, reason: str) -> None:
        """End all sessions with a Cease NOTIFICATION."""
        for session in self.sessions:
            session.notify(cease(subcode), reason)
