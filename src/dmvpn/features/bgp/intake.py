"""From an UPDATE to Adj-RIB-In: what is damaged counts as withdrawn (RFC 7606), what makes a loop is not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp import messages
from dmvpn.features.bgp.attribute_octets import Withdraw, read
from dmvpn.features.bgp.attributes import SegmentKind
from dmvpn.features.bgp.nlri import NumberedPrefix, prefix_of
from dmvpn.features.bgp.packet import AS_TRANS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.notices import Notice
    from dmvpn.features.bgp.attributes import Attributes, Segment
    from dmvpn.features.bgp.nlri import Nlri
    from dmvpn.features.bgp.packet import Update
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.session import Session
    from dmvpn.features.bgp.settings import PeerSettings


#: Seconds between two log messages about damaged UPDATEs of one peer.
_COMPLAINT_PAUSE: Final = 60.0
#: Paths to one prefix that a peer may tell: each change of one looks at all of them. As many besides while it tells its
#: table again, maybe by other numbers, and those of before are still there.
MOST_PATHS: Final = 32


class Intake:
    """Writes what peers told. say: takes log messages. total: prefixes of all peers."""

    def __init__(self, say: Callable[[Notice], None]) -> None:
        self._say = say
        self.total = 0

    def take(
        self, peer: Peer, session: Session, update: Update, router_id: IPv4Address, cluster: IPv4Address, now: float
    ) -> dict[Nlri, None]:
        """Change what the peer told; returns what of it is another thing now."""
        if peer.stale:
            for told in (*update.withdrawn, *update.announced):
                peer.stale.pop(told, None)
        changed = dict.fromkeys(told for told in update.withdrawn if told in peer.received)
        for told in changed:
            self._drop(peer, told)
        if not update.announced:
            return changed
        attributes = self._attributes(peer, session, update, now)
        if attributes is not None and not self._is_welcome(peer, session, attributes, router_id, cluster):
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
        """Forget what was told in a session that is over. Returns what that was."""
        told = peer.forget()
        self.total -= len(told)
        return told

    def refresh(self, peer: Peer, *, ends: bool) -> dict[Nlri, None]:
        """Begin or end a refresh: what was not told again is no more (RFC 7313 §4). Returns what is gone."""
        gone, peer.stale = peer.stale, {} if ends else dict.fromkeys(peer.received)
        if not ends:
            return {}
        for told in gone:
            if told in peer.received:
                self._drop(peer, told)
        return gone

    @staticmethod
    def readable(peer: Peer, session: Session, update: Update) -> Attributes | None:
        """Return what is said of the prefixes of an UPDATE, for people; None: it cannot be read."""
        try:
            return _read(peer, session, update)[0]
        except Withdraw:
            return None

    def _attributes(self, peer: Peer, session: Session, update: Update, now: float) -> Attributes | None:
        """Return the attributes; None: the routes count as withdrawn."""
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
        """Complain in one line a minute: whoever sends one damaged UPDATE sends many."""
        if now - peer.complained >= _COMPLAINT_PAUSE:
            peer.complained = now
            self._say(messages.Malformed.of(peer.address, what))

    @staticmethod
    def _is_welcome(
        peer: Peer, session: Session, attributes: Attributes, router_id: IPv4Address, cluster: IPv4Address
    ) -> bool:
        """Return whether there is no loop: RFC 4271 §9.1.2, RFC 4456 §8, RFC 5065 §4. Nor is its next hop ourselves."""
        if _own_systems(peer.settings, session.identity.local_as, attributes.path) > peer.settings.lines.allow_own_as:
            return False
        if session.up is not None and attributes.next_hop == session.up.local:
            return False
        return attributes.originator != router_id and cluster not in attributes.clusters


def _read(peer: Peer, session: Session, update: Update) -> tuple[Attributes, tuple[str, ...]]:
    settings = peer.settings
    return read(update.attributes, wide=session.wide, internal=settings.internal, confederate=settings.confederate)


def _check_path(settings: PeerSettings, path: tuple[Segment, ...]) -> None:
    """Check that a path begins with its sender, and that no others tell of members of a confederation: RFC 4271 §6.3,
    RFC 5065 §5. Raises Withdraw.

    A sender that says two octets of a number of four is AS_TRANS to us, and its real one is in AS4_PATH (RFC 6793).
    """
    if settings.internal:
        return
    kind = SegmentKind.CONFEDERATION_SEQUENCE if settings.confederate else SegmentKind.SEQUENCE
    if not path or path[0].kind is not kind or path[0].systems[0] != settings.remote_as != AS_TRANS:
        raise Withdraw("the path does not begin with its sender", offset=0, clause="RFC 4271 §6.3")
    if not settings.confederate and any(part.is_inside for part in path):
        raise Withdraw("the path has members of a confederation", offset=0, clause="RFC 5065 §5")


def _own_systems(settings: PeerSettings, known_as: int, path: tuple[Segment, ...]) -> int:
    """Return how often we are in a path. known_as: our number for the neighbor that told it."""
    if not settings.confederation.identifier:
        return sum(part.systems.count(known_as) for part in path)
    ours = settings.system, settings.confederation.identifier
    return sum(part.systems.count(ours[0] if part.is_inside else ours[1]) for part in path)


def _has_room(peer: Peer, told: Nlri) -> bool:
    """Return whether a path is one of those that are known, or not one too many to its prefix."""
    if not isinstance(told, NumberedPrefix) or told in peer.received:
        return True
    return peer.several.get(told.prefix, 0) < (2 * MOST_PATHS if peer.stale else MOST_PATHS)
