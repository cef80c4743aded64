"""What the overlays of a router have in common: one for each IP version, on the same tunnels over the same underlay.

Request identifiers come from one counter, and a crypto socket is open as long as either needs it. Traffic is counted by
peer whatever the packets carry. So both overlays look at one account of it: packets that one sends to a peer are no use
of an entry of the other one, and what one hears from a peer tells both that the way is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.nhrp.hearsay import Hearsay
from dmvpn.features.nhrp.request_ids import RequestIds

if TYPE_CHECKING:
    from collections.abc import Container

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.tunnel import Usage

#: Which overlays need a crypto socket.
_BITS = {4: 1, 6: 2}


class Shared:
    """See the module's docstring."""

    def __init__(self) -> None:
        self.request_ids = RequestIds()
        self.hearsay = Hearsay()
        self._usage: dict[str, dict[IPAddress | int, Usage]] = {}
        self._sockets: dict[str, dict[IPAddress, dict[int, int]]] = {}  # by tunnel, NBMA address and UDP port
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

    def sockets_of(self, tunnel: str) -> tuple[IPAddress, ...]:
        """The NBMA addresses that the tunnel has a crypto socket for."""
        return tuple(self._sockets.get(tunnel, ()))

    def has_socket(self, tunnel: str, nbma: IPAddress) -> bool:
        """Has the tunnel a crypto socket for this address?"""
        return nbma in self._sockets.get(tunnel, {})

    def set_sockets(
        self, tunnel: str, nbma: IPAddress, version: int, ports: tuple[int, ...]
    ) -> tuple[list[int], list[int]]:
        """The overlay of this IP version needs the sockets of an address with these ports, and no others.

        Which of them that opens, and which it closes.
        """
        sockets = self._sockets.setdefault(tunnel, {})
        users, bit = sockets.setdefault(nbma, {}), _BITS[version]
        opened = [port for port in ports if not users.get(port)]
        users.update((port, users.get(port, 0) | bit) for port in ports)
        users.update((port, known & ~bit) for port, known in users.items() if port not in ports)
        closed = [port for port, known in users.items() if not known]
        for port in closed:
            del users[port]
        if not users:
            del sockets[nbma]
        return opened, closed

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
