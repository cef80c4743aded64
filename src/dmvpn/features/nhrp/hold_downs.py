"""Next hops that do not exist: unreachable for a while, so that senders hear of it instead of waiting.

The first time for 4 s, then 8 ... 64 s, as long as nobody answers for the next hop in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.reasons import Reason
from dmvpn.features.nhrp.cache import Entry, RouteState
from dmvpn.features.nhrp.reasons import NhrpReason

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.routes import Routes
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel

#: Seconds that a next hop stays unreachable: at first, and at most.
FIRST_HOLD_DOWN = 4.0
LONGEST_HOLD_DOWN = 64.0
#: Next hops of all tunnels for which the last time is remembered.
LARGEST_HOLD_DOWNS = 256


class HoldDowns:
    """Owns how long each next hop was unreachable last."""

    def __init__(self, station: Station, routes: Routes) -> None:
        self._station = station
        self._routes = routes
        self._next: dict[tuple[str, IPAddress], float] = {}

    def begin(self, tunnel: Tunnel, entry: Entry, why: str) -> None:
        """Nobody has this next hop, for which the entry is incomplete: say so to who sends to it."""
        key = (tunnel.name, entry.next_hop)
        seconds = self._next.get(key, FIRST_HOLD_DOWN)
        if len(self._next) >= LARGEST_HOLD_DOWNS and key not in self._next:
            del self._next[next(iter(self._next))]
        self._next[key] = min(2 * seconds, LONGEST_HOLD_DOWN)
        now = self._station.now
        entry.expires = now + seconds
        entry.reason = Reason(NhrpReason.NOBODY, (why,), now)
        self._station.time_entry(tunnel, entry)
        if entry.route is not RouteState.UNREACHABLE:
            self._routes.refuse(tunnel, entry)
        self._station.clear_adjacency(tunnel, entry.next_hop)
        tunnel.gleaned.pop(entry.next_hop, None)

    def forget(self, tunnel: str, next_hop: IPAddress) -> None:
        """Somebody has answered for it."""
        self._next.pop((tunnel, next_hop), None)
