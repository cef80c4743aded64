"""What several peers are told alike: changes of one Adj-RIB-Out, and the UPDATEs that tell them, made once.

Two things differ between peers of equal policy: none hears of a path of its own, nor that it is a next hop itself
(RFC 4271 §5.1.3). `heard` says what becomes of a path for one of them; UPDATEs that concern it are made for it alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.features.bgp.attribute_octets import write
from dmvpn.features.bgp.nlri import encoded
from dmvpn.features.bgp.packet import HEADER_LENGTH, MAXIMUM_LENGTH, update_octets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from ipaddress import IPv4Address

    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.nlri import Nlri

#: Octets of an UPDATE for prefixes and attributes, besides its header and the two lengths.
_ROOM: Final = MAXIMUM_LENGTH - HEADER_LENGTH - 4
#: With the number of its path.
_LARGEST_PREFIX: Final = 9
#: Octets that are sent at a time, if one UPDATE has no more.
_CHUNK: Final = 1 << 14


class Told(NamedTuple):
    """What peers are told of a prefix. source: the peer whose path it is, 0.0.0.0: ourselves."""

    attributes: Attributes
    source: IPv4Address


class Change(NamedTuple):
    """What was told of a prefix, and what is. Nothing before: it is told anyway, even if somebody knows it."""

    nlri: Nlri
    before: Told | None
    after: Told | None


class Chunk(NamedTuple):
    """Whole UPDATEs, and how many."""

    octets: bytes
    updates: int


class _Piece(NamedTuple):
    """An UPDATE, and what it tells; without octets: changes of which most peers hear nothing."""

    octets: bytes
    changes: Sequence[Change]


def heard(told: Told | None, peer: IPv4Address, local: IPv4Address) -> Attributes | None:
    """Return what this peer hears of it. local: our end."""
    if told is None or told.source == peer:
        return None
    attributes = told.attributes
    return replace(attributes, next_hop=local) if attributes.next_hop == peer else attributes


def fits(attributes: Attributes, *, wide: bool) -> bool:
    """Return whether the attributes leave room for a prefix in an UPDATE."""
    return _room(attributes, wide=wide) >= _LARGEST_PREFIX


class Batch:
    """Changes that are told together. wide: AS numbers have four octets. local: our end of all these sessions.

    since: the number of the last change before these, in the log of their group.
    """

    def __init__(self, changes: Sequence[Change], local: IPv4Address, *, wide: bool, since: int = 0) -> None:
        self.changes = changes
        self.since = since
        self._local = local
        self._wide = wide

    def chunks(self, peer: IPv4Address) -> Sequence[Chunk]:
        """Return what is sent to this peer."""
        if peer not in self._concerned:
            return self._common

        def hear(told: Told | None) -> Attributes | None:
            return heard(told, peer, self._local)

        return tuple(_joined(self._for_one(hear, peer)))

    def cost(self, peer: IPv4Address) -> int:
        """Return what `chunks` costs, in prefixes that are put into octets."""
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
        """Peers that hear something else than the others."""
        return _concerned(self.changes)

    def _for_one(self, hear: Callable[[Told | None], Attributes | None], peer: IPv4Address) -> Iterator[_Piece]:
        for piece in self._pieces:
            if peer in _concerned(piece.changes):
                yield from _pieces(piece.changes, hear, wide=self._wide)
            else:
                yield piece


class Mark(NamedTuple):
    """A message between UPDATEs: where a refresh begins or ends (RFC 7313); ends_table: where the table does (4724)."""

    octets: bytes
    ends_table: bool = False


def _as_told(told: Told | None) -> Attributes | None:
    return told.attributes if told is not None else None


def _concerned(changes: Iterable[Change]) -> dict[IPv4Address, None]:
    every = {id(told): told for change in changes for told in change[1:] if told is not None}
    return dict.fromkeys(one for told in every.values() for one in (told.source, told.attributes.next_hop))


def _pieces(
    changes: Iterable[Change], hear: Callable[[Told | None], Attributes | None], *, wide: bool
) -> Iterator[_Piece]:
    """Yield the UPDATEs for whoever hears this: withdrawals first, then prefixes of equal attributes together."""
    quiet: list[Change] = []
    withdrawn: list[Change] = []
    announced: dict[Attributes, list[Change]] = {}
    known: dict[int, tuple[Attributes, list[Change]]] = {}  # by identity: it is quicker, and they live as long
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
    """Return octets for prefixes beside these attributes."""
    return _ROOM - sum(len(one.serialize()) for one in write(attributes, wide=wide))


def _fitting(changes: Sequence[Change], room: int) -> Iterator[tuple[list[Change], bytes]]:
    """Yield as many at a time as have room, with their prefixes in octets; there is room for one."""
    taken: list[Change] = []
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
