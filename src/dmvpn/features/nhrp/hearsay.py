"""How many new NBMA addresses one station's words may lead IKE to, on a protected tunnel.

Whoever opens a crypto socket sends IKE there, again and again, as long as the entry lives. A station that invents
requesters or answers chooses the addresses, so it would have us knock on strangers' doors for hours at the price of one
packet each. Of one station 20 new addresses a minute are believed (`ip nhrp hearsay limit`): a spoke may open 1,200
direct paths in an hour, and what is held back goes by the hub until it is asked for again. Half of it is kept for
answers to our own questions, so that nobody can use it up by requests in the name of others. A server passes on what
all others say, and has no more: whose words they are it does not tell.

What leads to an address that is known already costs nothing, nor does what a station says of itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.nhrp.counters import Refusal, SendLimit

if TYPE_CHECKING:
    from collections.abc import Container

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.protection import Proved
    from dmvpn.features.nhrp.tunnel import Tunnel

#: Seconds in which so many new addresses are believed.
MINUTE: Final = 60
#: Of all stations together, on one tunnel: addresses in seconds.
TOGETHER: Final = (200, 10)
#: Stations of one tunnel whose words are counted.
LARGEST_COUNTED: Final = 4096


class Hearsay:
    """Owns the counts of all tunnels of a router, of both versions of IP."""

    def __init__(self) -> None:
        self._together: dict[str, SendLimit] = {}
        self._of: dict[str, dict[IPAddress | Proved, tuple[SendLimit, SendLimit]]] = {}

    def believes(
        self, tunnel: Tunnel, account: IPAddress | Proved, nbma: IPAddress, *, now: float, asked: bool, known: bool
    ) -> bool:
        """May a station's word open a crypto socket with this address? If not that is counted.

        account: what the station is counted under. asked: it answers a question of ours; known: there is a socket with
        the address, or the station says it of itself.
        """
        if not tunnel.protected or known or tunnel.cache.at(nbma):
            return True
        together = self._together.setdefault(tunnel.name, SendLimit(*TOGETHER))
        all_words, unasked = self._limits(tunnel, account)
        if not all_words.may(now) or not together.may(now) or not (asked or unasked.may(now)):
            tunnel.counters.count_refused(Refusal.HELD_BACK)
            return False
        for limit in (all_words, together) if asked else (all_words, together, unasked):
            limit.take(now)
        return True

    def forget(self, tunnel: str) -> None:
        """The tunnel has another limit from now on: count from the beginning."""
        self._of.pop(tunnel, None)

    def keep(self, tunnels: Container[str]) -> None:
        """Forget all other tunnels."""
        for name in [name for name in self._together if name not in tunnels]:
            del self._together[name]
        for name in [name for name in self._of if name not in tunnels]:
            del self._of[name]

    def _limits(self, tunnel: Tunnel, account: IPAddress | Proved) -> tuple[SendLimit, SendLimit]:
        """Of this station: for all its words, and for those that nobody asked for."""
        counted = self._of.setdefault(tunnel.name, {})
        limits = counted.get(account)
        if limits is None:
            if len(counted) >= LARGEST_COUNTED:
                del counted[next(iter(counted))]
            most = tunnel.config.hearsay_limit
            limits = counted[account] = (SendLimit(most, MINUTE), SendLimit(max(1, most // 2), MINUTE))
        return limits
