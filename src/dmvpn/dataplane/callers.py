"""Who may open a stream to a port: of thousands of clients, the one that an address belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.lpm import PrefixTable

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.streams import StreamPeer


class Callers:
    """The clients of one port. peers: as they were ordered last."""

    def __init__(self) -> None:
        self.peers: tuple[StreamPeer, ...] = ()
        self._table: PrefixTable[StreamPeer] | None = None

    def set(self, peers: tuple[StreamPeer, ...]) -> list[tuple[StreamPeer, bool]]:
        """Take others instead; returns those with passwords that are gone (False), then those that came (True)."""
        before, after = ({peer: None for peer in some if peer.password} for some in (self.peers, peers))
        self.peers, self._table = peers, None
        gone = [(peer, False) for peer in before if peer not in after]
        return gone + [(peer, True) for peer in after if peer not in before]

    def closest(self, address: IPv4Address) -> StreamPeer | None:
        """Return the client whose prefix is the longest that holds this address; of equal ones the first."""
        if self._table is None:  # many an order comes before somebody calls
            self._table = PrefixTable()
            for peer in reversed(self.peers):
                self._table[peer.prefix] = peer
        found = self._table.lookup(address)
        return found[1] if found is not None else None
