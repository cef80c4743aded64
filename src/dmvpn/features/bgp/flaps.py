"""Routes that come and go are not used for a while: RFC 2439, with the penalties of IOS.

    withdrawn: 1000, changed: 500 ──> penalty, halved each half-life ──> above the limit: suppressed
         suppressed ── penalty down to the reuse limit ──> used again ── down to half of that ──> forgotten

Only external neighbors' routes are dampened, and a session that ends counts for nothing.
"""

from __future__ import annotations

from math import exp2, log2
from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import Deadlines
from dmvpn.base.values import dataclass
from dmvpn.features.bgp.nlri import in_order, prefix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.bgp.attributes import Segment
    from dmvpn.features.bgp.model import Dampening
    from dmvpn.features.bgp.nlri import Nlri
    from dmvpn.features.bgp.packet import Update
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.process import Process

    #: A route of a neighbor.
    Key = tuple[IPv4Address, Nlri]

WITHDRAWN: Final = 1000.0
CHANGED: Final = 500.0
#: Routes that are remembered; those that flap besides are used as if nothing were configured.
MOST: Final = 20_000
#: Routes that are looked at in one go when their time has come.
_AT_ONCE: Final = 64


@dataclass(slots=True)
class Flap:
    """What is held against a route. penalty: as of `at`, seconds monotonic. count: flaps since `since`.

    path: as it was told last.
    """

    penalty: float
    at: float
    since: float
    count: int
    path: tuple[Segment, ...]


class Flaps:
    """suppressed: routes that are not used. peer_of, learn: of the process; the latter looks at routes again."""

    def __init__(
        self,
        process: Process,
        peer_of: Callable[[IPv4Address], Peer | None],
        learn: Callable[[Peer, Iterable[Nlri]], None],
    ) -> None:
        self._process = process
        self._peer_of = peer_of
        self._learn = learn
        self._known: dict[Key, Flap] = {}
        self._due: Deadlines[Key] = Deadlines()
        self.suppressed: dict[Key, None] = {}

    def before(self, peer: Peer, update: Update) -> dict[Nlri, tuple[Segment, ...]]:
        """Return which routes an UPDATE may let flap, with their paths; none if nothing is dampened."""
        settings = peer.settings
        if self._process.config.dampening is None or settings.internal or settings.confederate:
            return {}
        told, received = (*update.withdrawn, *update.announced), peer.received
        return {nlri: received[nlri].path for nlri in told if nlri in received}

    def heard(self, peer: Peer, before: dict[Nlri, tuple[Segment, ...]], changed: dict[Nlri, None], now: float) -> None:
        """Note which of these an UPDATE took back or changed."""
        limits = self._process.config.dampening
        if limits is None or not before:
            return
        for nlri, path in before.items():
            if nlri in changed:
                self._flap((peer.address, nlri), path, CHANGED if nlri in peer.received else WITHDRAWN, limits, now)
        self._arm()

    def penalty(self, flap: Flap, now: float) -> float:
        """Return what is left of a penalty."""
        limits = self._process.config.dampening
        return flap.penalty * exp2((flap.at - now) / limits.half_life) if limits is not None else 0.0

    def of(self, address: IPv4Address, nlri: Nlri) -> Flap | None:
        """Return what is held against a route; None: nothing."""
        return self._known.get((address, nlri))

    def all(self) -> Iterator[tuple[Key, Flap]]:
        """Yield all routes against which something is held, by prefix."""
        yield from sorted(self._known.items(), key=lambda one: (in_order(one[0][1]), one[0][0]))

    def reuse_in(self, address: IPv4Address, nlri: Nlri, now: float) -> float | None:
        """Return after how many seconds a route is used again; None: it is not suppressed."""
        due = self._due.when((address, nlri)) if (address, nlri) in self.suppressed else None
        return max(0.0, due - now) if due is not None else None

    def expire(self, now: float) -> None:
        """Use routes again whose penalty has gone down, and forget those against which little is held."""
        limits = self._process.config.dampening
        for key in self._due.take_due(now, _AT_ONCE):
            if limits is not None and key in self.suppressed:
                self._aim(key, limits, limits.reuse / 2, now)
                self._release(key)
            else:
                self._known.pop(key, None)
        self._arm()

    def forget(self, prefix: Prefix | None = None) -> None:
        """Forget what is held against all routes, or against those to one prefix; they are used again."""
        for key in [key for key in self._known if prefix is None or prefix_of(key[1]) == prefix]:
            del self._known[key]
            self._due.cancel(key)
            self._release(key)
        self._arm()

    def _flap(self, key: Key, path: tuple[Segment, ...], penalty: float, limits: Dampening, now: float) -> None:
        flap = self._known.get(key)
        if flap is None:
            if len(self._known) >= MOST:
                return
            flap = self._known[key] = Flap(0.0, now, now, 0, path)
        flap.penalty = min(self.penalty(flap, now) + penalty, limits.highest)
        flap.at, flap.path = now, path
        flap.count += 1
        if flap.penalty > limits.suppress:
            self.suppressed[key] = None
        self._aim(key, limits, limits.reuse if key in self.suppressed else limits.reuse / 2, now)

    def _aim(self, key: Key, limits: Dampening, target: float, now: float) -> None:
        """Set the time at which a penalty will have gone down to this."""
        left = self.penalty(self._known[key], now) / target
        self._due.set(key, now + limits.half_life * log2(left) if left > 1 else now)

    def _release(self, key: Key) -> None:
        if key not in self.suppressed:
            return
        del self.suppressed[key]
        peer = self._peer_of(key[0])
        if peer is not None:
            self._learn(peer, (key[1],))

    def _arm(self) -> None:
        due = self._due.next()
        if due is None:
            self._process.timers.cancel(("damp", 0))
        else:
            self._process.timers.set(("damp", 0), due)
