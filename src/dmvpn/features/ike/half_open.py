"""Peers of both versions that have begun and not proved themselves: one budget of octets for all that we keep of them.

A peer is counted with its session and with what it sent and we keep: an offer or a first request, and fragments. When
the budget is used up, the oldest goes, so that a peer which answers quickly gets through. Before message 3 of IKEv1
an address may be forged: peers that have not shown their address go first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from dmvpn.base.reasons import Reason
from dmvpn.features.ike.reasons import IkeReason

if TYPE_CHECKING:
    from dmvpn.base.addresses import Ends
    from dmvpn.features.ike.session import Act, Session

#: Octets of all half-open peers, and of one session by itself: room for 6,000 peers whose first message is of usual
#: size. All spokes of a large hub begin at once when it restarts, and a spoke whose SA goes takes half a minute to
#: begin again.
LARGEST_OCTETS: Final = 32 << 20
EACH: Final = 5 << 10
_USUAL: Final = 512


class Table(Protocol):
    """The sessions of one version."""

    def drop(self, session: Session, reason: Reason, now: float) -> list[Act]:
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

    def note(self, table: Table, session: Session, octets: int, now: float, *, is_shown: bool = True) -> list[Act]:
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
        acts: list[Act] = []
        while self._octets > self._most:
            oldest = next(iter((self._forgeable or self._shown).values()))
            self.remove(oldest.session)
            acts += oldest.table.drop(oldest.session, Reason(IkeReason.TOO_MANY_BEGIN), now)
        return acts

    def remove(self, session: Session) -> None:
        """Forget a peer that has proved itself, or is gone."""
        for peers in (self._forgeable, self._shown):
            if (peer := peers.pop(session.own_spi, None)) is not None:
                self._octets -= peer.octets
                if self._newest.get(peer.ends) is session:
                    del self._newest[peer.ends]
