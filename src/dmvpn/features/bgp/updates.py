"""Changes of an Adj-RIB-Out that several peers receive, and the UPDATEs for them, encoded once.

Two things differ between peers of equal policy: a peer does not receive its own path, and does not receive itself as
the next hop (RFC 4271 §5.1.3). `heard` returns what a path becomes for one of them; UPDATEs for which this matters are
encoded separately for that peer.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.features.bgp.attributes import write
from dmvpn.features.bgp.packet import HEADER_LENGTH, MAXIMUM_LENGTH, encoded, update_octets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from ipaddress import IPv4Address

    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.packet import Nlri

#: Octets of an UPDATE that are left for prefixes and attributes, after the header and the two length fields.
_ROOM: Final = MAXIMUM_LENGTH - HEADER_LENGTH - 4
#: A /32 with its path identifier.
_LARGEST_PREFIX: Final = 9
#: Octets of UPDATEs that are sent at once.
_CHUNK: Final = 1 << 14


class Told(NamedTuple):
    """A route in the Adj-RIB-Out. source: the peer that sent us the path; 0.0.0.0: the path is our own."""

    attributes: Attributes
    source: IPv4Address


class RouteToSend(NamedTuple):
    """Old and new route to a prefix. before None: the new one is sent even to a peer that has it already."""

    nlri: Nlri
    before: Told | None
    after: Told | None


class Chunk(NamedTuple):
    """Encoded UPDATEs, and how many."""

    octets: bytes
    updates: int


class _Piece(NamedTuple):
    """An UPDATE and its changes; without octets: changes that most peers need not receive."""

    octets: bytes
    changes: Sequence[RouteToSend]


def heard(told: Told | None, peer: IPv4Address, local: IPv4Address) -> Attributes | None:
    """Return the attributes that this peer receives; None: it does not receive the route. local: our end of the
    session.
    """
    if told is None or told.source == peer:
        return None
    attributes = told.attributes
    return replace(attributes, next_hop=local) if attributes.next_hop == peer else attributes


def fits(attributes: Attributes, *, wide: bool) -> bool:
    """Return whether the attributes leave room for at least one prefix in an UPDATE."""
    return _room(attributes, wide=wide) >= _LARGEST_PREFIX


class Batch:
    """Changes that are sent together. wide: AS numbers have four octets. local: our end of the members' sessions.

    since: the number of the last change before these in the change log of the group.
    """

    def __init__(self, changes: Sequence[RouteToSend], local: IPv4Address, *, wide: bool, since: int = 0) -> None:
        self.changes = changes
        self.since = since
        self._local = local
        self._wide = wide

    def chunks(self, peer: IPv4Address) -> Sequence[Chunk]:
        """Return the UPDATEs for this peer."""
        if peer not in self._concerned:
            return self._common

        def hear(told: Told | None) -> Attributes | None:
            return heard(told, peer, self._local)

        return tuple(_joined(self._for_one(hear, peer)))

    def cost(self, peer: IPv4Address) -> int:
        """Return the cost of `chunks`, in prefixes to encode."""
        if "_pieces" not in self.__dict__:
            return len(self.changes)
        return len(self.changes) // 10 if peer in self._concerned else 0

    @cached_property
    def _pieces(self) -> tuple[_Piece, ...]:
        return tuple(_pieces(self.changes, _as_told, wide=self._wide))

    @cached_property
    def _common(self) -> tuple[Chunk, ...]:
        return tuple(_joined(self._pieces))

    @cached_property
    def _concerned(self) -> dict[IPv4Address, None]:
        """Peers for which some UPDATEs differ from those of the other members."""
        return _concerned(self.changes)

    def _for_one(self, hear: Callable[[Told | None], Attributes | None], peer: IPv4Address) -> Iterator[_Piece]:
        for piece in self._pieces:
            if peer in _concerned(piece.changes):
                yield from _pieces(piece.changes, hear, wide=self._wide)
            else:
                yield piece


class Mark(NamedTuple):
    """A message between UPDATEs: begin or end of a refresh (RFC 7313), or the End-of-RIB marker (RFC 4724)."""

    octets: bytes


def _as_told(told: Told | None) -> Attributes | None:
    return told.attributes if told is not None else None


def _concerned(changes: Iterable[RouteToSend]) -> dict[IPv4Address, None]:
    every = {id(told): told for change in changes for told in change[1:] if told is not None}
    return dict.fromkeys(one for told in every.values() for one in (told.source, told.attributes.next_hop))


def _pieces(
    changes: Iterable[RouteToSend], hear: Callable[[Told | None], Attributes | None], *, wide: bool
) -> Iterator[_Piece]:
    """Yield the UPDATEs for this view of the changes: withdrawals first, then prefixes grouped by attributes."""
    quiet: list[RouteToSend] = []
    withdrawn: list[RouteToSend] = []
    announced: dict[Attributes, list[RouteToSend]] = {}
    known: dict[int, tuple[Attributes, list[RouteToSend]]] = {}  # by identity, which is faster; the keys live as long
    for change in changes:
        before, after = hear(change.before), hear(change.after)
        if after is None:
            (quiet if before is None else withdrawn).append(change)
        elif before is not None and (before is after or before == after):
            quiet.append(change)
        else:
            if id(after) not in known:
                known[id(after)] = after, announced.setdefault(after, [])
            known[id(after)][1].append(change)
    if quiet:
        yield _Piece(b"", quiet)
    for some, octets in _fitting(withdrawn, _ROOM):
        yield _Piece(update_octets(octets, b"", b""), some)
    for attributes, found in announced.items():
        raw = b"".join(one.serialize() for one in write(attributes, wide=wide))
        for some, octets in _fitting(found, _ROOM - len(raw)):
            yield _Piece(update_octets(b"", raw, octets), some)


def _room(attributes: Attributes, *, wide: bool) -> int:
    """Return the octets that an UPDATE with these attributes has for prefixes."""
    return _ROOM - sum(len(one.serialize()) for one in write(attributes, wide=wide))


def _fitting(changes: Sequence[RouteToSend], room: int) -> Iterator[tuple[list[RouteToSend], bytes]]:
    """Yield as many changes at a time as fit one UPDATE, with their encoded prefixes; at least one fits."""
    taken: list[RouteToSend] = []
    octets = bytearray()
    for change in changes:
        one = encoded(change.nlri)
        if len(octets) + len(one) > room:
            yield taken, bytes(octets)
            taken, octets = [], bytearray()
        taken.append(change)
        octets += one
    if taken:
        yield taken, bytes(octets)


def _joined(pieces: Iterable[_Piece]) -> Iterator[Chunk]:
    octets, updates = bytearray(), 0
    for piece in pieces:
        if not piece.octets:
            continue
        if octets and len(octets) + len(piece.octets) > _CHUNK:
            yield Chunk(bytes(octets), updates)
            octets, updates = bytearray(), 0
        octets += piece.octets
        updates += 1
    if octets:
        yield Chunk(bytes(octets), updates)
