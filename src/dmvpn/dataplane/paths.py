"""Path MTUs: how large a packet may be that goes to an NBMA address with DF set. RFC 1191, RFC 4301 §8.2.

Routers on the way say so in ICMP messages that nobody signs. So what they say holds for some minutes only, and packets
that every host must take are never called too big: a forger can make us cut packets, and no more.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

#: Seconds for which a message counts (RFC 1191 §6.3; `age-timer` of IOS's tunnels).
AGE: Final = 600.0
#: Octets that every host takes (RFC 791 §3.1).
LEAST: Final = 576
#: Addresses that are remembered; the one that was heard of longest ago goes first.
LARGEST: Final = 4096


class PathMtus:
    """By packed address. Empty most of the time, which costs nothing to ask (`bool`)."""

    __slots__ = ("_learned",)

    def __init__(self) -> None:
        self._learned: OrderedDict[bytes, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._learned)

    def learn(self, remote: bytes, mtu: int, now: float) -> None:
        """A packet to there was too big; mtu: octets of one that is not."""
        self._learned[remote] = max(mtu, LEAST), now + AGE
        self._learned.move_to_end(remote)
        if len(self._learned) > LARGEST:
            self._learned.popitem(last=False)

    def to(self, remote: bytes, now: float) -> int | None:
        """Octets of the largest packet to there, None: nothing is known."""
        learned = self._learned.get(remote)
        if learned is None:
            return None
        mtu, until = learned
        if now >= until:
            del self._learned[remote]
            return None
        return mtu
