"""Path MTUs: how large a packet may be that goes to an NBMA address with DF set. RFC 1191, RFC 4301 §8.2.

Routers on the way say so in ICMP messages that nobody signs. So what they say holds for some minutes only, and there is
a least of it: a forger can make us cut packets, and no more.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

#: Seconds for which a message counts (RFC 1191 §6.3; `age-timer` of IOS's tunnels).
AGE: Final = 600.0
#: Octets to which nobody can talk a path down: Linux believes no less either (`net.ipv4.route.min_pmtu`). A path that
#: is said to be this narrow may be narrower in truth: what goes there has no DF, for routers to cut it further.
LEAST: Final = 552
#: Addresses that are remembered; the one that was heard of longest ago goes first.
LARGEST: Final = 4096


class PathMtus:
    """By packed address, what was heard of longest ago first. Empty most of the time, which costs nothing to ask."""

    __slots__ = ("_earliest", "_learned")

    def __init__(self) -> None:
        self._learned: OrderedDict[bytes, tuple[int, float]] = OrderedDict()
        self._earliest = math.inf  # when the first of them is over

    def __len__(self) -> int:
        return len(self._learned)

    def knows(self, now: float) -> bool:
        """Return whether anything is known of any path."""
        if not self._learned:
            return False
        self._forget_old(now)
        return bool(self._learned)

    def learn(self, remote: bytes, mtu: int, now: float) -> None:
        """Learn that a packet to there was too big; mtu: octets of one that is not."""
        self._forget_old(now)
        self._learned[remote] = max(mtu, LEAST), now + AGE
        self._earliest = min(self._earliest, now + AGE)
        self._learned.move_to_end(remote)
        if len(self._learned) > LARGEST:
            self._learned.popitem(last=False)

    def to(self, remote: bytes, now: float) -> int | None:
        """Return octets of the largest packet to there, None: nothing is known."""
        self._forget_old(now)
        learned = self._learned.get(remote)
        return None if learned is None else learned[0]

    def _forget_old(self, now: float) -> None:
        """Forget what nobody asks for, too: else one peer that is gone would have all packets looked at forever."""
        if now < self._earliest:
            return
        self._earliest = math.inf
        for remote, (_, until) in list(self._learned.items()):
            if now < until:
                self._earliest = until
                return
            del self._learned[remote]
