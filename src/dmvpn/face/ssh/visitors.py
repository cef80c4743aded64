"""Connections before authentication: limited by source network and in total, with a rule for closing the oldest.

A connection is silent until its client has finished the key exchange and named a user. If too many wait, the oldest
silent connection from the network with the most of them is closed to make room for the next one. So clients that only
connect cannot keep users out, unlike with a limit that refuses the last connection (OpenSSH's MaxStartups serves the
same purpose).
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_FROM_ONE: Final = 10
MOST: Final = 64
#: A customer's site has at least so many bits of IPv6 for itself (RFC 6177 §2).
_SITE: Final = 64


class Visitor:
    """One connection until its login. hang_up: closes it."""

    def __init__(self, location: str, hang_up: Callable[[], object]) -> None:
        self.network = network_of(location)
        self.hang_up = hang_up
        self.is_silent = True
        self.came_in = False


class Visitors:
    """Connections without a login, the oldest first, over all gates of a process. Loopback may have all places."""

    def __init__(self) -> None:
        self._waiting: list[Visitor] = []

    def admit(self, visitor: Visitor) -> bool:
        """Return whether a connection may wait; a silent one may be closed for it. If it may, `leave` must follow."""
        own = [other for other in self._waiting if other.network == visitor.network]
        if len(own) >= MOST_FROM_ONE and not ip_network(visitor.network).is_loopback:
            in_the_way = own
        elif len(self._waiting) >= MOST:
            in_the_way = self._of_the_largest_network()
        else:
            in_the_way = None
        if in_the_way is not None:
            silent = next((other for other in in_the_way if other.is_silent), None)
            if silent is None:
                return False
            self.leave(silent)
            silent.hang_up()
        self._waiting.append(visitor)
        return True

    def leave(self, visitor: Visitor) -> None:
        """Forget a connection that has a login, or has ended."""
        if visitor in self._waiting:
            self._waiting.remove(visitor)

    def _of_the_largest_network(self) -> list[Visitor]:
        silent = [visitor for visitor in self._waiting if visitor.is_silent]
        largest = Counter(visitor.network for visitor in silent).most_common(1)
        return [visitor for visitor in silent if visitor.network == largest[0][0]] if largest else []


def network_of(location: str) -> str:
    """Return the prefix whose connections count together: an address of IPv4, 64 bits of IPv6."""
    address = ip_address(location)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    length = _SITE if address.version == 6 and not address.is_loopback else address.max_prefixlen
    return str(ip_network((address, length), strict=False))
