"""From an UPDATE to Adj-RIB-In: damaged routes are treated as withdrawn (RFC 7606), looped routes are not accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp import messages
from dmvpn.features.bgp.attributes import SegmentKind, Withdraw, read
from dmvpn.features.bgp.packet import AS_TRANS, NumberedPrefix, prefix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.notices import Notice
    from dmvpn.features.bgp.attributes import Attributes, Segment
    from dmvpn.features.bgp.neighbor import Peer
    from dmvpn.features.bgp.packet import Nlri, Update
    from dmvpn.features.bgp.session import Session
    from dmvpn.features.bgp.settings import PeerSettings


#: Seconds between two log messages about damaged UPDATEs of one peer.
_COMPLAINT_PAUSE: Final = 60.0
#: Paths to one prefix that are accepted from a peer: each change of one examines all of them. Twice as many while the
#: peer refreshes its table, because it may use other path identifiers and the old paths are still stored.
MOST_PATHS: Final = 32


class Intake:
    """Writes the Adj-RIB-In of all peers. say: takes log messages. total: prefixes of all peers."""

    def __init__(self, say: Callable[[Notice], None]) -> None:
        self._say = say
        self.total = 0

    def take(
        self, peer: Peer, session: Session, update: Update, router_id: IPv4Address, cluster: IPv4Address, now: float
    ) -> dict[Nlri, None]:
        """Apply an UPDATE to the Adj-RIB-In of a peer; returns the prefixes that changed."""
        if peer.stale:
            for told in (*update.withdrawn, *update.announced):
                peer.stale.pop(told, None)
        changed = dict.fromkeys(told for told in update.withdrawn if told in peer.received)
        for told in changed:
            self._drop(peer, told)
        if not update.announced:
            return changed
        attributes = self._attributes(peer, session, update, now)
        if attributes is not None and not self.is_welcome(peer, session, attributes, router_id, cluster):
            peer.denied += len(update.announced)
            attributes = None
        for told in update.announced:
            if not prefix_of(told).is_for_stations or not _has_room(peer, told):
                peer.denied += attributes is not None
                continue
            if peer.received.get(told) == attributes:
                continue
            changed[told] = None
            if attributes is None:
                self._drop(peer, told)
            else:
                self._keep(peer, told, attributes)
        return changed

    def _keep(self, peer: Peer, told: Nlri, attributes: Attributes) -> None:
        if told not in peer.received:
            self.total += 1
            if isinstance(told, NumberedPrefix):
                peer.several[told.prefix] = peer.several.get(told.prefix, 0) + 1
        peer.received[told] = attributes

    def _drop(self, peer: Peer, told: Nlri) -> None:
        del peer.received[told]
        self.total -= 1
        if isinstance(told, NumberedPrefix):
            left = peer.several.pop(told.prefix) - 1
            if left:
                peer.several[told.prefix] = left

    def forget(self, peer: Peer) -> Mapping[Nlri, Attributes]:
        """Clear the Adj-RIB-In of a peer whose session is over. Returns its former content."""
        told = peer.forget()
        self.total -= len(told)
        return told

    def refresh(self, peer: Peer, *, ends: bool) -> dict[Nlri, None]:
        """Begin or end a refresh: at its end, routes not sent again are removed (RFC 7313 §4). Returns them."""
        if not ends and len(peer.stale) == len(peer.received):
            return {}  # all are marked already
        gone, peer.stale = peer.stale, {} if ends else dict.fromkeys(peer.received)
        if not ends:
            return {}
        for told in gone:
            if told in peer.received:
                self._drop(peer, told)
        return gone

    @staticmethod
    def readable(peer: Peer, session: Session, update: Update) -> Attributes | None:
        """Return the attributes of an UPDATE, for display; None: they cannot be read."""
        try:
            return _read(peer, session, update)[0]
        except Withdraw:
            return None

    def _attributes(self, peer: Peer, session: Session, update: Update, now: float) -> Attributes | None:
        """Return the attributes; None: the routes are treated as withdrawn."""
        try:
            if update.damage:
                raise Withdraw(update.damage, offset=0, clause="RFC 7606 §4")
            attributes, dropped = _read(peer, session, update)
            _check_path(peer.settings, attributes.path)
        except Withdraw as error:
            self._complain(peer, f"{error.what}; its routes count as withdrawn", now)
            return None
        if dropped:
            self._complain(peer, f"{', '.join(dropped)} was dropped; its routes are taken without it", now)
        return attributes

    def _complain(self, peer: Peer, what: str, now: float) -> None:
        """Log at most one line a minute: a peer that sends one damaged UPDATE sends many."""
        if now - peer.complained >= _COMPLAINT_PAUSE:
            peer.complained = now
            self._say(messages.Malformed.of(peer.address, what))

    @staticmethod
    def is_welcome(
        peer: Peer, session: Session, attributes: Attributes, router_id: IPv4Address, cluster: IPv4Address
    ) -> bool:
        """Return whether the routes are free of loops (RFC 4271 §9.1.2, RFC 4456 §8, RFC 5065 §4) and we are not the
        next hop.
        """
        if own_systems(peer.settings, session.identity.local_as, attributes.path) > peer.settings.lines.allow_own_as:
            return False
        if session.up is not None and attributes.next_hop == session.up.local:
            return False
        return attributes.originator != router_id and cluster not in attributes.clusters


def _read(peer: Peer, session: Session, update: Update) -> tuple[Attributes, tuple[str, ...]]:
    settings = peer.settings
    return read(update.attributes, wide=session.wide, internal=settings.internal, confederate=settings.confederate)


def _check_path(settings: PeerSettings, path: tuple[Segment, ...]) -> None:
    """Check that the path begins with the AS of the sender, and that peers outside our confederation send no
    confederation segments: RFC 4271 §6.3, RFC 5065 §5. Raises Withdraw.

    The four-octet AS number of a two-octet speaker appears as AS_TRANS; its real one is in AS4_PATH (RFC 6793).
    """
    if settings.internal:
        return
    kind = SegmentKind.CONFEDERATION_SEQUENCE if settings.confederate else SegmentKind.SEQUENCE
    if not path or path[0].kind is not kind or path[0].systems[0] != settings.remote_as != AS_TRANS:
        raise Withdraw("the path does not begin with its sender", offset=0, clause="RFC 4271 §6.3")
    if not settings.confederate and any(part.is_inside for part in path):
        raise Withdraw("the path has members of a confederation", offset=0, clause="RFC 5065 §5")


def own_systems(settings: PeerSettings, known_as: int, path: tuple[Segment, ...]) -> int:
    """Return how often our AS is in a path. known_as: the AS number that we present to the neighbor that sent it."""
    if not settings.confederation.identifier:
        return sum(part.systems.count(known_as) for part in path)
    ours = settings.system, settings.confederation.identifier
    return sum(part.systems.count(ours[0] if part.is_inside else ours[1]) for part in path)


def _has_room(peer: Peer, told: Nlri) -> bool:
    """Return whether a path is known already, or its prefix may have another path from this peer."""
    if not isinstance(told, NumberedPrefix) or told in peer.received:
        return True
    return peer.several.get(told.prefix, 0) < (2 * MOST_PATHS if peer.stale else MOST_PATHS)
