"""Peers of both versions that have begun and not proved themselves: one budget of octets for all that we keep of them.

A peer is counted with its session and with what it sent and we keep: an offer or a first request, and fragments. When
the budget is used up, the oldest goes, so that a peer which answers quickly gets through. Before message 3 of IKEv1
an address may be forged: peers that have not shown their address go first.

Initial contact: a peer says that it has no other session with us. RFC 7296 §2.4, RFC 2407 §4.6.3.3.

What we had with this identity at the same place is over. Elsewhere, behind another address or another port of a NAT, it
may be with another peer that has the same identity, so we ask, and only a silent session ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from dmvpn.base.reasons import Reason
from dmvpn.features.ike.reasons import IkeReason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import Ends
    from dmvpn.features.ike.session import Output, Session


# ------------------------------------------------------------------------------------------------ half-open peers


#: Octets of all half-open peers, and of one session by itself: room for 6,000 peers whose first message is of usual
#: size. All spokes of a large hub begin at once when it restarts, and a spoke whose SA goes takes half a minute to
#: begin again.
LARGEST_OCTETS: Final = 32 << 20
EACH: Final = 5 << 10
_USUAL: Final = 512


class Table(Protocol):
    """The sessions of one version."""

    def drop(self, session: Session, reason: Reason, now: float) -> list[Output]:
        """End a session without a message."""
        ...


class _Peer(NamedTuple):
    table: Table
    session: Session
    octets: int
    ends: Ends


class HalfOpen:
    """All half-open peers, the oldest first."""

    def __init__(self) -> None:
        self._most = LARGEST_OCTETS
        self._octets = 0
        self._forgeable: dict[bytes, _Peer] = {}
        self._shown: dict[bytes, _Peer] = {}
        self._newest: dict[Ends, Session] = {}

    def newest(self, ends: Ends) -> Session | None:
        """Return the session that a peer began last between these addresses, or for which it showed last that its
        address is its own, if the peer has not proved itself yet.
        """
        return self._newest.get(ends)

    def permit(self, number: int) -> None:
        """Have room for so many peers, if a configuration wants more than the usual number."""
        self._most = max(LARGEST_OCTETS, number * (EACH + _USUAL))

    def note(self, table: Table, session: Session, octets: int, now: float, *, is_shown: bool = True) -> list[Output]:
        """Note how many octets we keep of a half-open peer. Returns what follows from making room for it.

        is_shown: it has shown that its address is its own.
        """
        peers = self._shown if is_shown else self._forgeable
        if (peer := peers.get(session.own_spi)) is not None:  # it keeps its place
            self._octets -= peer.octets
            ends = peer.ends
        else:
            self.remove(session)
            ends = session.path.ends
            self._newest[ends] = session
        peers[session.own_spi] = _Peer(table, session, EACH + octets, ends)
        self._octets += EACH + octets
        outputs: list[Output] = []
        while self._octets > self._most:
            oldest = next(iter((self._forgeable or self._shown).values()))
            self.remove(oldest.session)
            outputs += oldest.table.drop(oldest.session, Reason(IkeReason.TOO_MANY_BEGIN), now)
        return outputs

    def remove(self, session: Session) -> None:
        """Forget a peer that has proved itself, or is gone."""
        for peers in (self._forgeable, self._shown):
            if (peer := peers.pop(session.own_spi, None)) is not None:
                self._octets -= peer.octets
                if self._newest.get(peer.ends) is session:
                    del self._newest[peer.ends]


# ------------------------------------------------------------------------------------------------ initial contact


#: Sessions that are asked because another one says that it is the only one of its peer.
MOST_ASKED: Final = 16


def is_older(old: Session, new: Session) -> bool:
    """Return whether a peer that says on `new` that it has no other session with us may mean `old`.

    A session that began while this one did is not old: both ends may have begun at the same moment. Nor is one with
    another address of ours: a peer with two uplinks has one name over both.
    """
    return old is not new and old.since < new.begun and old.path.outer == new.path.outer


def are_together(one: Session, other: Session) -> bool:
    """Return whether two peers are at one place: behind a NAT several peers share an address, and maybe a name."""
    here, there = one.path, other.path
    if here.ends != there.ends:
        return False
    return not (one.nat.remote or other.nat.remote) or here.remote.port == there.remote.port


def to_ask(older: Iterable[Session], new: Session) -> list[Session]:
    """Return which older sessions of an identity are asked whether they live, since it says that it has no other.

    These are elsewhere: of another peer with this identity, or of this very peer before it had another address or port.
    The latter more likely had the same address, and is silent, so of too many the likeliest are asked.
    """
    others = [sa for sa in older if sa.is_usable and not are_together(sa, new)]
    address = new.path.remote.address
    return sorted(others, key=lambda sa: (sa.path.remote.address != address, sa.heard))[:MOST_ASKED]
