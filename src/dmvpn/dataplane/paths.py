"""Path MTUs: the largest packet with DF set that reaches an NBMA address. RFC 1191, RFC 4301 §8.2.

Routers on the way report it in ICMP messages without authentication. So a report holds for some minutes only, and there
is a minimum: a forger can make us fragment packets, and no more.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final, Generic, NamedTuple, TypeVar

#: Seconds for which a message counts (RFC 1191 §6.3; `age-timer` of IOS's tunnels).
AGE: Final = 600.0
#: The smallest path MTU in octets that is accepted, as in Linux (`net.ipv4.route.min_pmtu`). A path with a smaller
#: reported MTU may really be narrower: packets to there have no DF, so that routers can fragment them further.
LEAST: Final = 552
#: Addresses that are stored; the one with the oldest report goes first.
LARGEST: Final = 4096


#: What is on the way: a packed address, in an engine with the number of the front door whose table leads there.
Path = TypeVar("Path", bytes, tuple[int, bytes])


class Room(NamedTuple):
    """The room on a path.

    largest: octets of a packet that is not fragmented.
    df: it may have DF.
    """

    largest: int
    df: bool


class PathMtus(Generic[Path]):
    """Path MTUs, the oldest report first. Mostly empty, which makes a look-up cheap."""

    __slots__ = ("_earliest", "_learned")

    def __init__(self) -> None:
        self._learned: OrderedDict[Path, tuple[int, float]] = OrderedDict()
        self._earliest = math.inf  # when the first of them expires

    def __len__(self) -> int:
        return len(self._learned)

    def knows(self, now: float) -> bool:
        """Return whether any path MTU is known."""
        if not self._learned:
            return False
        self._forget_old(now)
        return bool(self._learned)

    def learn(self, path: Path, mtu: int, now: float) -> None:
        """Learn that a packet on this way was too big; mtu: octets of a packet that fits."""
        self._forget_old(now)
        self._learned[path] = max(mtu, LEAST), now + AGE
        self._earliest = min(self._earliest, now + AGE)
        self._learned.move_to_end(path)
        if len(self._learned) > LARGEST:
            self._learned.popitem(last=False)

    def to(self, path: Path, now: float) -> int | None:
        """Return octets of the largest packet on this way, None: unknown."""
        self._forget_old(now)
        learned = self._learned.get(path)
        return None if learned is None else learned[0]

    def _forget_old(self, now: float) -> None:
        """Remove expired entries of unused addresses, too: one such entry would keep the check on for all packets."""
        if now < self._earliest:
            return
        self._earliest = math.inf
        for path, (_, until) in list(self._learned.items()):
            if now < until:
                self._earliest = until
                return
            del self._learned[path]
