"""Numbers of a tunnel's peers, which the link-layer addresses of its neighbors contain.

A number identifies an NBMA address, on a protected tunnel together with a connection. It is never reused, so a frame
that was queued before a change cannot reach the wrong peer. The number of connections over time is unlimited: of those
without a next hop only some are kept, because frames for them may still be queued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

#: Idle peers that are forgotten at a time, and the least number that is kept.
SPARE: Final = 1024


class PeerNumbers:
    """The peers of one tunnel, and the peer of each overlay next hop."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[IPAddress, int], int] = {}
        self._in_use: dict[IPAddress, int] = {}
        self._given = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def lead(self, next_hop: IPAddress, nbma: IPAddress, connection: int) -> int:
        """Return the number of the peer that a next hop leads to from now on; a new number for a new peer."""
        number = self._numbers.get((nbma, connection))
        if number is None:
            self._given += 1
            number = self._numbers[nbma, connection] = self._given
        self._in_use[next_hop] = number
        return number

    def clear(self, next_hop: IPAddress) -> None:
        """Remove a next hop."""
        self._in_use.pop(next_hop, None)

    def forget_idle(self) -> list[int]:
        """Forget the peers that were idle longest, if there are too many, and return their numbers."""
        if len(self._numbers) <= len(self._in_use) + 2 * SPARE:
            return []
        used = frozenset(self._in_use.values())
        idle = [peer for peer, number in self._numbers.items() if number not in used][:SPARE]
        return [self._numbers.pop(peer) for peer in idle]
