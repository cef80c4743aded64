"""What the overlays of a router have in common: one for each IP version, on the same tunnels over the same underlay.

Request identifiers come from one counter, and traffic is counted by NBMA address whatever the packets carry. So both
overlays look at one account of it: packets that one sends to a peer are no use of an entry of the other one, and what
one hears from a peer tells both that the way is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.nhrp.request_ids import RequestIds

if TYPE_CHECKING:
    from collections.abc import Container

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.tunnel import Usage


class Shared:
    """See the module's docstring."""

    def __init__(self) -> None:
        self.request_ids = RequestIds()
        self._usage: dict[str, dict[IPAddress, Usage]] = {}

    def usage_of(self, tunnel: str) -> dict[IPAddress, Usage]:
        """The account of a tunnel."""
        return self._usage.setdefault(tunnel, {})

    def keep(self, tunnels: Container[str]) -> None:
        """Close the accounts of all other tunnels."""
        for name in [name for name in self._usage if name not in tunnels]:
            del self._usage[name]
