"""Peers that may open a stream to a port: finds the peer of an address among thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.lpm import PrefixTable

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.streams import StreamPeer


class Callers:
    """The peers of one port. peers: of the last order."""

    def __init__(self) -> None:
        self.peers: tuple[StreamPeer, ...] = ()
        self._table: PrefixTable[StreamPeer] | None = None

    def set(self, peers: tuple[StreamPeer, ...]) -> list[tuple[StreamPeer, bool]]:
        """Replace the peers; returns removed peers with passwords (False), then added ones (True)."""
        before, after = ({peer: None for peer in some if peer.password} for some in (self.peers, peers))
        self.peers, self._table = peers, None
        gone = [(peer, False) for peer in before if peer not in after]
        return gone + [(peer, True) for peer in after if peer not in before]

    def closest(self, address: IPv4Address) -> StreamPeer | None:
        """Return the peer with the longest prefix that holds this address; of equal ones the first."""
        if self._table is None:  # many orders may come before the first connection
            self._table = PrefixTable()
            for peer in reversed(self.peers):
                self._table[peer.prefix] = peer
        found = self._table.lookup(address)
        return found[1] if found is not None else None
