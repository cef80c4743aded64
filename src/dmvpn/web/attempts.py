"""Wrong tokens and codes, counted by address.

A right token is always taken at once, also from an address that sends wrong tokens: 256 random bits cannot be guessed,
so no address has to be shut out. The bound keeps wrong tokens cheap: few lines in the audit, and a connection for each.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final

#: Wrong ones at once from one address; seconds for one more; addresses that are remembered.
BURST: Final = 10
SECONDS: Final = 6.0
MOST: Final = 1024
#: Neighbors of an IPv6 network can have any address of it.
_NETWORK: Final = 64


class Attempts:
    """The memory of the last addresses from which wrong ones came."""

    def __init__(self) -> None:
        self._paid: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._paid)

    def wrong(self, place: str, now: float) -> float:
        """Count a wrong one. Returns seconds to wait; 0.0: it is one of the few that any address may try."""
        key = _network_of(place)
        paid = max(self._paid.pop(key, now), now)
        wait = paid - now - (BURST - 1) * SECONDS
        self._paid[key] = paid if wait > 0 else paid + SECONDS
        while len(self._paid) > MOST:
            self._paid.popitem(last=False)
        return max(wait, 0.0)


def _network_of(place: str) -> str:
    """Return the address, or the /64 of an IPv6 address."""
    try:
        address = ipaddress.ip_address(place)
    except ValueError:
        return place
    if address.version == 4:
        return place
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), _NETWORK), strict=False))
