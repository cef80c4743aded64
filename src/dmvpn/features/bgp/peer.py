"""A peer: its sessions, what it told (Adj-RIB-In), in which group it is told, and when it is called again.

    Idle ── there is a way ──> Active ── call, or be called ──> one or two sessions ──> one that is established

Both ends may call at once; as soon as an OPEN says who the peer is, one connection goes (RFC 4271 §6.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.features.bgp.feeds import Feed
from dmvpn.features.bgp.session import Counts, Session, cease
from dmvpn.features.bgp.states import SessionState

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.reasons import Reason
    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.codes import Cease
    from dmvpn.features.bgp.groups import Group
    from dmvpn.features.bgp.nlri import Nlri
    from dmvpn.features.bgp.settings import PeerSettings

#: Seconds until a peer is called again, the first time and at most; each failure doubles them.
FIRST_RETRY: Final = 5.0
LONGEST_RETRY: Final = 60.0
_ORDER: Final = tuple(SessionState)


class Peer:
    """What is known of a peer. dynamic: nobody configured it, it called. reason: why it is not called.

    changed: when it came up or went down last, seconds monotonic, None: never. retry: seconds until the next call.
    several: how many paths it told of a prefix, where paths have numbers.
    filtered: those of `received` that its filters refuse. stale: what it has not told again since a refresh or restart.
    barred_until: it told too many prefixes, and is neither called nor heard before. group: who hears the same, and what
    that is. feed: what of it this one is still to be sent. complained: when a damaged UPDATE of it was logged.
    identifier: as its last OPEN said.
    """

    def __init__(self, settings: PeerSettings, *, dynamic: bool) -> None:
        self.settings = settings
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
        self.group: Group | None = None
        self.feed = Feed(settings.address)
        self.stale: dict[Nlri, None] = {}
        self.barred_until = float("-inf")
        self.complained = float("-inf")
        self.denied = 0
        self.warned = False
        self.exceeded = False
        self.counts = Counts.none()

    @property
    def address(self) -> IPv4Address:
        """Its address."""
        return self.settings.address

    @property
    def session(self) -> Session | None:
        """The session that is established."""
        return next((session for session in self.sessions if session.is_established), None)

    @property
    def state(self) -> str:
        """As `show ip bgp summary` has it."""
        if self.settings.lines.shutdown and self.session is None:
            return "Idle (Admin)"
        if self.barred_until > float("-inf") and not self.sessions:
            return "Idle (PfxCt)"
        if self.sessions:
            return max((session.state for session in self.sessions), key=_ORDER.index).value
        return "Idle" if self.reason is not None else "Active"

    @property
    def accepted(self) -> int:
        """How many of the prefixes that it told were taken."""
        return len(self.received) - len(self.filtered)

    def obey(self, settings: PeerSettings) -> PeerSettings:
        """Take other lines; returns those before."""
        before, self.settings = self.settings, settings
        return before

    def came_up(self, identifier: IPv4Address, now: float) -> None:
        """Note that it is established."""
        self.established += 1
        self.identifier = identifier
        self.changed, self.reason = now, None
        self.be_called_often()

    def went_down(self, reason: str, now: float) -> None:
        """Note that it is established no more."""
        self.dropped += 1
        self.changed, self.last_reset = now, reason

    def wait(self, reason: Reason | None) -> None:
        """Note why it is not called; None: it is."""
        self.reason = reason

    def be_called_often(self) -> None:
        """Begin again with the shortest pause between two calls."""
        self.retry = FIRST_RETRY

    def pause(self) -> float:
        """Return the seconds until it is called; after the next call it will be longer."""
        pause, self.retry = self.retry, min(2 * self.retry, LONGEST_RETRY)
        return pause

    def bar(self, until: float = float("-inf")) -> None:
        """Neither call nor hear it before; or again, if nothing is said."""
        self.barred_until = until

    def count(self, *, warned: bool = False, exceeded: bool = False) -> None:
        """Note that there is a line about so many prefixes, or that it tells few enough."""
        self.warned = warned or (exceeded and self.warned)
        self.exceeded = exceeded

    def forget(self) -> dict[Nlri, Attributes]:
        """Forget what it told; returns that."""
        told, self.received, self.several = self.received, {}, {}
        self.filtered.clear()
        self.stale.clear()
        self.denied = 0
        self.warned = self.exceeded = False
        return told

    def filter(self, nlri: Nlri, *, is_refused: bool) -> None:
        """Note whether its filters refuse a path that it told."""
        if is_refused:
            self.filtered[nlri] = None
        else:
            self.filtered.pop(nlri, None)

    @property
    def is_busy(self) -> bool:
        """Return whether another connection is of no use. One that restarts may have lost the last silently."""
        return any(one.restart is None if one.is_established else one.taken for one in self.sessions)

    def losers(self, opened: Session) -> list[Session]:
        """Return the sessions that end because this one got an OPEN: it may be among them. RFC 4271 §6.8."""
        others = [session for session in self.sessions if session is not opened and session.heard is not None]
        if not others or opened.heard is None:
            return []
        established = [other for other in others if other.is_established]
        if established:
            return established if opened.taken and all(one.restart is not None for one in established) else [opened]
        own, theirs = opened.identity.router_id, opened.heard.identifier
        is_taken_kept = own < theirs if own != theirs else opened.identity.local_as < opened.identity.remote_as
        return [session for session in (opened, *others) if session.taken is not is_taken_kept]

    def end_sessions(self, subcode: Cease, reason: str, now: float) -> None:
        """Say goodbye on all connections."""
        for session in self.sessions:
            session.notify(cease(subcode), reason, now)
