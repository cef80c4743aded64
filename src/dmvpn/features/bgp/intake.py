"""From an UPDATE to Adj-RIB-In: what is damaged counts as withdrawn (RFC 7606), what makes a loop is not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp import messages
from dmvpn.features.bgp.attribute_octets import Withdraw, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.notices import Notice
    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.packet import Update
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.session import Session


#: Seconds between two log messages about damaged UPDATEs of one peer.
_COMPLAINT_PAUSE: Final = 60.0


class Intake:
    """Writes what peers told. say: takes log messages. total: prefixes of all peers."""

    def __init__(self, say: Callable[[Notice], None]) -> None:
        self._say = say
        self.total = 0

    def take(
        self, peer: Peer, session: Session, update: Update, router_id: IPv4Address, cluster: IPv4Address, now: float
    ) -> dict[Prefix, None]:
        """Change what the peer told; returns the prefixes whose routes are others now."""
        if peer.stale:
            for prefix in (*update.withdrawn, *update.announced):
                peer.stale.pop(prefix, None)
        changed = dict.fromkeys(prefix for prefix in update.withdrawn if prefix in peer.received)
        for prefix in changed:
            del peer.received[prefix]
        self.total -= len(changed)
        if not update.announced:
            return changed
        attributes = self._attributes(peer, session, update, now)
        if attributes is not None and not self._is_welcome(peer, session, attributes, router_id, cluster):
            peer.denied += len(update.announced)
            attributes = None
        for prefix in update.announced:
            if not prefix.is_for_stations:
                peer.denied += attributes is not None
                continue
            if peer.received.get(prefix) == attributes:
                continue
            changed[prefix] = None
            if attributes is None:
                del peer.received[prefix]
                self.total -= 1
            else:
                self.total += prefix not in peer.received
                peer.received[prefix] = attributes
        return changed

    def forget(self, peer: Peer) -> Mapping[Prefix, Attributes]:
        """Forget what was told in a session that is over. Returns what that was."""
        told = peer.forget()
        self.total -= len(told)
        return told

    def refresh(self, peer: Peer, *, ends: bool) -> dict[Prefix, None]:
        """Begin or end a refresh: what was not told again is no more (RFC 7313 §4). Returns what is gone."""
        gone, peer.stale = peer.stale, {} if ends else dict.fromkeys(peer.received)
        if not ends:
            return {}
        for prefix in gone:
            self.total -= peer.received.pop(prefix, None) is not None
        return gone

    @staticmethod
    def readable(peer: Peer, session: Session, update: Update) -> Attributes | None:
        """Return what is said of the prefixes of an UPDATE, for people; None: it cannot be read."""
        try:
            return read(update.attributes, wide=session.wide, internal=peer.settings.internal)[0]
        except Withdraw:
            return None

    def _attributes(self, peer: Peer, session: Session, update: Update, now: float) -> Attributes | None:
        """Return the attributes; None: the routes count as withdrawn."""
        try:
            if update.damage:
                raise Withdraw(update.damage, offset=0, clause="RFC 7606 §4")
            attributes, dropped = read(update.attributes, wide=session.wide, internal=peer.settings.internal)
            if not peer.settings.internal and attributes.neighbor_system != peer.settings.remote_as:
                raise Withdraw("the path does not begin with its sender", offset=0, clause="RFC 4271 §6.3")
        except Withdraw as error:
            self._complain(peer, error.what, now)
            return None
        if dropped:
            self._complain(peer, f"{', '.join(dropped)} was dropped", now)
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
        """Return whether there is no loop: RFC 4271 §9.1.2, RFC 4456 §8. Its next hop is not our own end."""
        own = attributes.systems.count(session.identity.local_as)
        if own > peer.settings.lines.allow_own_as:
            return False
        if session.up is not None and attributes.next_hop == session.up.local:
            return False
        return attributes.originator != router_id and cluster not in attributes.clusters
