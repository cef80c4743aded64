"""Where a packet goes to, or came from: an NBMA address, and on a protected tunnel the connection that it takes there.

An NBMA address alone does not name a station: behind one translator there may be several, each with a connection of
its own. What was heard from a station names its connection; of a server that is only configured the address is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


class Neighbor(NamedTuple):
    """See the module's docstring. connection: 0 is the newest with that address; in clear there is no other."""

    nbma: IPAddress
    connection: int = 0

    @property
    def account(self) -> IPAddress | int:
        """What its traffic is counted under: it keeps its connection wherever it moves."""
        return self.connection or self.nbma

    def meets(self, other: Neighbor | None) -> bool:
        """Is it the same station as far as can be told?"""
        if other is None:
            return False
        if self.connection and other.connection:
            return self.connection == other.connection
        return self.nbma == other.nbma
