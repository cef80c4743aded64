"""Adj-RIB-Out: what each peer was told, what it is to hear, and the UPDATEs that make the difference.

A peer's `pending` prefixes are looked at one by one: what `outbound.told` says of the best path is compared with what
it was told. Withdrawals go at once, announcements not more often than its interval. When the peer does not read, what
is left stays pending until its stream has room.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.errors import surely
from dmvpn.features.bgp.attributes import Attributes, write
from dmvpn.features.bgp.model import Direction
from dmvpn.features.bgp.outbound import Receiver, default_route, told
from dmvpn.features.bgp.packet import HEADER_LENGTH, MAXIMUM_LENGTH, Attribute, Update, encoded_prefix
from dmvpn.features.bgp.policy import verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from ipaddress import IPv4Address

    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.routes import Routes
    from dmvpn.features.bgp.session import Session

DEFAULT: Final = Prefix.of(UNSPECIFIED, 0)
#: Octets of an UPDATE for prefixes, besides its header and the two lengths.
_ROOM: Final = MAXIMUM_LENGTH - HEADER_LENGTH - 4
_LARGEST_PREFIX: Final = 5
#: Prefixes that are looked at in one go: some milliseconds, in which nothing else can happen.
SLICE: Final = 400
#: Seconds until the next slice.
_BREATH: Final = 0.001


class Teller:
    """Tells peers of the table."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    def greet(self, peer: Peer) -> None:
        """A peer is to hear everything."""
        peer.pending.update(dict.fromkeys((*self._routes.table.destinations, *peer.advertised)))
        if peer.settings.lines.default_originate:
            peer.pending[DEFAULT] = None

    def receiver(self, peer: Peer, session: Session, cluster_id: IPv4Address, ports: Ports) -> Receiver:
        """The peer as it is now."""
        local = surely(session.up).local
        state = ports.interfaces.owner(local)
        prefix = state.prefix if state is not None else None
        shared = prefix if prefix is not None and peer.address in prefix else None
        policies = ports.policies.of_routes()
        return Receiver(peer.settings, local, session.identity.router_id, cluster_id, shared, policies)

    def what(self, prefix: Prefix, receiver: Receiver) -> Attributes | None:
        """What the peer is to hear of a prefix as of now."""
        best = self._routes.table.best(prefix)
        lines = receiver.settings.lines
        if best is not None and prefix not in self._routes.suppressed:
            changes = verdict(receiver.policies, lines, Direction.OUT, prefix, best.attributes)
            attributes = told(best, receiver, changes) if changes is not None else None
            if attributes is not None:
                return attributes
        if prefix == DEFAULT and lines.default_originate:
            changes = self._routes.condition(lines.originate_map)
            return default_route(receiver, changes) if changes is not None else None
        return None

    def tell(self, peer: Peer, session: Session, receiver: Receiver, now: float) -> float | None:
        """Send what is pending; returns when there is more to be said, if it is time that has to pass."""
        if session.room < MAXIMUM_LENGTH:
            return None  # it does not read; once it does, it is told the rest
        withdrawn: list[Prefix] = []
        announced: dict[Attributes, list[Prefix]] = {}
        may_announce = now >= peer.announce_at
        waiting: dict[Prefix, None] = {}
        # While announcements wait, everything is looked at for what is withdrawn: nothing of it is put into octets.
        slice_ = SLICE if may_announce else len(peer.pending)
        rest = dict.fromkeys(islice(peer.pending, slice_, None))
        for prefix in islice(peer.pending, slice_):
            attributes = self.what(prefix, receiver)
            if attributes == peer.advertised.get(prefix) and (attributes is None or prefix not in peer.again):
                continue
            if attributes is None:
                withdrawn.append(prefix)
            elif may_announce:
                announced.setdefault(attributes, []).append(prefix)
            else:
                waiting[prefix] = None
        peer.pending = {**rest, **waiting}
        raw = {attributes: write(attributes, wide=session.wide) for attributes in announced}
        for attributes in [attributes for attributes in announced if _room(raw[attributes]) < _LARGEST_PREFIX]:
            # What is too long to be told takes back what was told before: the way that led there is none any more.
            withdrawn += [prefix for prefix in announced.pop(attributes) if prefix in peer.advertised]
        for update, prefixes, told_with in _updates(withdrawn, announced, raw):
            if session.room < MAXIMUM_LENGTH:
                peer.pending.update(dict.fromkeys(prefixes))
                continue
            session.send(update, now)
            for prefix in prefixes:
                peer.again.pop(prefix, None)
                if told_with is None:
                    del peer.advertised[prefix]
                else:
                    peer.advertised[prefix] = told_with
        if rest:
            return now + _BREATH  # what was begun is told to its end, whatever the interval
        if announced:
            peer.announce_at = now + peer.settings.advertisement_interval
        return peer.announce_at if waiting else None


def _updates(
    withdrawn: Sequence[Prefix],
    announced: dict[Attributes, list[Prefix]],
    raw: dict[Attributes, tuple[Attribute, ...]],
) -> Iterator[tuple[Update, list[Prefix], Attributes | None]]:
    """The UPDATEs, with their prefixes and what these were told with (None: they were withdrawn)."""
    for prefixes in _fitting(withdrawn, _ROOM):
        yield Update(withdrawn=tuple(prefixes)), prefixes, None
    for attributes, found in announced.items():
        for prefixes in _fitting(found, _room(raw[attributes])):
            yield Update(attributes=raw[attributes], announced=tuple(prefixes)), prefixes, attributes


def _room(raw: Iterable[Attribute]) -> int:
    """Octets for prefixes beside these attributes."""
    return _ROOM - sum(len(attribute.serialize()) for attribute in raw)


def _fitting(prefixes: Sequence[Prefix], room: int) -> Iterator[list[Prefix]]:
    """As many at a time as have room; there is room for one."""
    taken: list[Prefix] = []
    left = room
    for prefix in prefixes:
        size = len(encoded_prefix(prefix))
        if size > left:
            yield taken
            taken, left = [], room
        taken.append(prefix)
        left -= size
    if taken:
        yield taken
