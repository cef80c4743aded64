"""All tunnels of the packet core, and which of them a packet of GRE belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from dmvpn.dataplane.local import Door
    from dmvpn.dataplane.python.tunnels import CoreTunnel

#: Source, destination (None: multipoint) and key of a tunnel.
_Ends: TypeAlias = "tuple[Door, bytes | None, int | None]"


class TunnelTable:
    """Tunnels by their number, which is the owner's; a tunnel made later has a higher one."""

    def __init__(self) -> None:
        self._tunnels: dict[int, CoreTunnel] = {}
        self._numbers: dict[_Ends, int] = {}

    def get(self, number: int) -> CoreTunnel | None:
        """Return a tunnel, or None."""
        return self._tunnels.get(number)

    def __getitem__(self, number: int) -> CoreTunnel:
        return self._tunnels[number]

    def set(self, number: int, tunnel: CoreTunnel) -> None:
        """Add a tunnel, or find it by its new ends from now on."""
        self._tunnels[number] = tunnel
        self._index()

    def remove(self, number: int) -> None:
        """Forget a tunnel."""
        del self._tunnels[number]
        self._index()

    def demultiplex(self, local: Door, remote: bytes, key: int | None) -> int | None:
        """Return a point-to-point tunnel to that address before a multipoint one; keys must be equal, or both
        absent.
        """
        number = self._numbers.get((local, remote, key))
        return self._numbers.get((local, None, key)) if number is None else number

    def _index(self) -> None:
        """Index tunnels by their ends: of equal point-to-point ones the first counts, of multipoint ones the last."""
        self._numbers.clear()
        for number, tunnel in self._tunnels.items():
            ends = tunnel.source, tunnel.destination, tunnel.key
            if tunnel.destination is None or ends not in self._numbers:
                self._numbers[ends] = number
