"""Route flap dampening: RFC 2439, with the penalties of IOS.

    withdrawn: 1000, changed: 500 ──> penalty, halved each half-life ──> above the limit: suppressed
         suppressed ── penalty down to the reuse limit ──> used again ── down to half of that ──> forgotten

Only routes of external neighbors are dampened, and the end of a session is not a flap.
"""

from __future__ import annotations

from math import exp2, log2
from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.values import dataclass
from dmvpn.features.bgp.packet import in_order, prefix_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.bgp.attributes import Segment
    from dmvpn.features.bgp.learning import Key, Learning
    from dmvpn.features.bgp.model import Dampening
    from dmvpn.features.bgp.neighbor import Peer, State
    from dmvpn.features.bgp.packet import Nlri, Update

WITHDRAWN: Final = 1000.0
CHANGED: Final = 500.0
#: Routes whose flaps are recorded; further routes are not dampened.
MOST: Final = 20_000
#: Routes that are processed at once when their penalty has decayed.
_AT_ONCE: Final = 64
#: Cost of that, from the budget for one event.
_COST: Final = 8


@dataclass(slots=True)
class Flap:
    """The flap history of a route. penalty: as of `at`, seconds monotonic. count: flaps since `since`.

    path: the AS path that was received last.
    """

    penalty: float
    at: float
    since: float
    count: int
    path: tuple[Segment, ...]


class Flaps:
    """Records flaps and suppresses routes. suppressed: routes that are not used."""

    def __init__(self, state: State, learning: Learning, suppressed: dict[Key, None]) -> None:
        self._state = state
        self._context = state.context
        self._learning = learning
        self._known: dict[Key, Flap] = {}
        self._due: Deadlines[Key] = Deadlines()
        self._expiry = Timer("use damped routes again", self._expire, cost=_COST)
        self.suppressed = suppressed

    def before(self, peer: Peer, update: Update) -> dict[Nlri, tuple[Segment, ...]]:
        """Return the routes that an UPDATE may flap, with their current AS paths; empty if the peer is not dampened."""
        settings = peer.settings
        if self._state.config.dampening is None or settings.internal or settings.confederate:
            return {}
        told, received = (*update.withdrawn, *update.announced), peer.received
        return {nlri: received[nlri].path for nlri in told if nlri in received}

    def heard(self, peer: Peer, before: dict[Nlri, tuple[Segment, ...]], changed: dict[Nlri, None]) -> None:
        """Record the flaps of an UPDATE: the routes of `before` that it withdrew or changed."""
        limits = self._state.config.dampening
        if limits is None or not before:
            return
        for nlri, path in before.items():
            if nlri in changed:
                self._flap((peer.address, nlri), path, CHANGED if nlri in peer.received else WITHDRAWN, limits)
        self._arm()

    def penalty(self, flap: Flap, now: float) -> float:
        """Return the current, decayed penalty."""
        limits = self._state.config.dampening
        return flap.penalty * exp2((flap.at - now) / limits.half_life) if limits is not None else 0.0

    def of(self, address: IPv4Address, nlri: Nlri) -> Flap | None:
        """Return the flap history of a route; None: it has none."""
        return self._known.get((address, nlri))

    def all(self) -> Iterator[tuple[Key, Flap]]:
        """Yield all routes with a flap history, sorted by prefix."""
        yield from sorted(self._known.items(), key=lambda one: (in_order(one[0][1]), one[0][0]))

    def reuse_in(self, address: IPv4Address, nlri: Nlri, now: float) -> float | None:
        """Return the seconds until a route is used again; None: it is not suppressed."""
        due = self._due.when((address, nlri)) if (address, nlri) in self.suppressed else None
        return max(0.0, due - now) if due is not None else None

    def _expire(self) -> None:
        """Use suppressed routes again whose penalty has decayed, and forget the history of the other routes that are
        due.
        """
        limits, now = self._state.config.dampening, self._context.now
        for key in self._due.take_due(now, _AT_ONCE):
            if limits is not None and key in self.suppressed:
                self._aim(key, limits, limits.reuse / 2, now)
                self._release(key)
            else:
                self._known.pop(key, None)
        self._arm()

    def forget(self, prefix: Prefix | None = None) -> None:
        """Clear the flap history of all routes, or of those to one prefix; suppressed routes are used again."""
        for key in [key for key in self._known if prefix is None or prefix_of(key[1]) == prefix]:
            del self._known[key]
            self._due.cancel(key)
            self._release(key)
        self._arm()

    def _flap(self, key: Key, path: tuple[Segment, ...], penalty: float, limits: Dampening) -> None:
        flap, now = self._known.get(key), self._context.now
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
        """Schedule the moment at which the penalty will have decayed to `target`."""
        left = self.penalty(self._known[key], now) / target
        self._due.set(key, now + limits.half_life * log2(left) if left > 1 else now)

    def _release(self, key: Key) -> None:
        if key not in self.suppressed:
            return
        del self.suppressed[key]
        peer = self._state.peers.get(key[0])
        if peer is not None:
            self._learning.add(peer, (key[1],))

    def _arm(self) -> None:
        self._context.arm(self._expiry, self._due.next())
