"""Numbers of a tunnel's peers: what the link-layer addresses of its neighbors name.

A number identifies an NBMA address, on a protected tunnel together with a connection. It is never given twice, so a
frame that was queued before a change cannot reach the wrong peer. Connections come and go forever: of those that no
next hop leads to any more only some are remembered, because frames for them may still be queued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

#: Idle peers that are forgotten at a time, and that stay known at least.
SPARE: Final = 1024


class PeerNumbers:
    """The peers of one tunnel, and which of them each overlay next hop leads to."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[IPAddress, int], int] = {}
        self._in_use: dict[IPAddress, int] = {}
        self._given = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def lead(self, next_hop: IPAddress, nbma: IPAddress, connection: int) -> int:
        """Return the number of the peer that a next hop leads to from now on; a new one, if it had none."""
        number = self._numbers.get((nbma, connection))
        if number is None:
            self._given += 1
            number = self._numbers[nbma, connection] = self._given
        self._in_use[next_hop] = number
        return number

    def clear(self, next_hop: IPAddress) -> None:
        """Let a next hop lead nowhere."""
        self._in_use.pop(next_hop, None)

    def forget_idle(self) -> list[int]:
        """Forget the peers that were idle longest, if there are too many, and say their numbers."""
        if len(self._numbers) <= len(self._in_use) + 2 * SPARE:
            return []
        used = frozenset(self._in_use.values())
        idle = [peer for peer, number in self._numbers.items() if number not in used][:SPARE]
        return [self._numbers.pop(peer) for peer in idle]
