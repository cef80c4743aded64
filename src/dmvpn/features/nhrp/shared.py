"""What the overlays of a router have in common: one for each IP version, on the same tunnels over the same underlay.

Request identifiers come from one counter. Traffic is counted by peer whatever the packets carry. So both overlays look
at one account of it: packets that one sends to a peer are no use of an entry of the other one, and what one hears from
a peer tells both that the way is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.nhrp.hearsay import Hearsay
from dmvpn.features.nhrp.request_ids import RequestIds

if TYPE_CHECKING:
    from collections.abc import Container

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.tunnel import Usage


class Shared:
    """See the module's docstring."""

    def __init__(self) -> None:
        self.request_ids = RequestIds()
        self.hearsay = Hearsay()
        self._usage: dict[str, dict[IPAddress | int, Usage]] = {}
        self._secured: dict[tuple[str, IPAddress], None] = {}

    def usage_of(self, tunnel: str) -> dict[IPAddress | int, Usage]:
        """The account of a tunnel."""
        return self._usage.setdefault(tunnel, {})

    def keep(self, tunnels: Container[str]) -> None:
        """Forget all other tunnels."""
        self.hearsay.keep(tunnels)
        for name in [name for name in self._usage if name not in tunnels]:
            del self._usage[name]
        for socket in [socket for socket in self._secured if socket[0] not in tunnels]:
            del self._secured[socket]

    def note_socket(self, tunnel: str, nbma: IPAddress, *, secured: bool) -> bool:
        """Packets to this address are protected now, or are not. True: the other overlay has not said so yet."""
        was_secured = (tunnel, nbma) in self._secured
        if secured:
            self._secured[tunnel, nbma] = None
        else:
            self._secured.pop((tunnel, nbma), None)
        return secured != was_secured

    def forget_connection(self, connection: int) -> None:
        """It is gone, and no other one gets its number."""
        for account in self._usage.values():
            account.pop(connection, None)
