"""Offers: every route that a protocol wants in the table, and which of one prefix is the best.

A prefix has a `Node`; each protocol (and process) may have one `Offer` there. An offer is usable when it discards
packets, or when at least one of its next hops can be reached now. `Offer.hops` are those, with their interfaces: an
offer whose own next hops name addresses only (a static route) gets them from `rib.recursion`.
"""

from __future__ import annotations

from dataclasses import field
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import Route, RouteSource
from dmvpn.base.values import Mutable, copier

#: The source of an offer: its key within a prefix.
Owner = tuple[RouteSource, str]

_NHRP: Final = (RouteSource.NHRP, "")
_by_hops = copier(Route, "next_hops")

#: A route of this administrative distance is never used.
UNUSABLE_DISTANCE = 255

_SOURCE_ORDER = {source: number for number, source in enumerate(RouteSource)}


class Offer(Mutable, eq=False):
    """A route as offered, and its usable next hops. since: the time of its last change, seconds monotonic.

    recursive: a next hop must be looked up in the table to know its interface.
    counts: it takes part in the choice of the best route that NHRP did not make; distance 255 means never.
    """

    route: Route
    hops: tuple[NextHop, ...] = ()
    since: float = 0.0
    recursive: bool = field(init=False, default=False)
    counts: bool = field(init=False, default=False)
    _resolved: Route | None = None

    def __post_init__(self) -> None:
        self.counts = self.route.source is not RouteSource.NHRP and self.route.distance < UNUSABLE_DISTANCE
        for hop in self.route.next_hops:
            if not hop.interface:
                self.recursive = True
                break

    def lead(self, hops: tuple[NextHop, ...]) -> None:
        """Lead there from now on; (): nowhere."""
        self.hops = hops

    def say_again(self, route: Route) -> None:
        """Take the same route again, which may say since when it is what it is."""
        self.route = route
        self.since = route.since or self.since

    def begin_again(self, now: float) -> None:
        """Be what it is since now."""
        self.since = now

    @property
    def usable(self) -> bool:
        """It may be in the table."""
        return bool(self.hops) or self.route.kind is not RouteKind.FORWARD

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """The smallest is the best: distance first, then metric; the rest makes the choice the same every time."""
        route = self.route
        return route.distance, route.metric, _SOURCE_ORDER[route.source], route.process

    @property
    def resolved(self) -> Route:
        """The route with exactly the next hops that are usable, and their interfaces."""
        if self.route.next_hops == self.hops or self.route.kind is not RouteKind.FORWARD:
            return self.route
        if self._resolved is None or self._resolved.next_hops != self.hops:
            self._resolved = _by_hops(self.route, self.hops)
        return self._resolved


class Node(Mutable, eq=False):
    """One prefix: its offers, the best of all, and the best without those of NHRP.

    shown: the best route as the other features were last notified.
    override: the next hop that NHRP puts in the place of the best route's (NHO), and since when.
    """

    prefix: Prefix
    offers: dict[Owner, Offer] = field(default_factory=dict)
    best: Offer | None = None
    plain: Offer | None = None
    shown: Route | None = None
    override: NextHop | None = None
    override_since: float = 0.0

    @property
    def empty(self) -> bool:
        """Nothing is known of the prefix any more."""
        return not self.offers and self.override is None

    def choose_plain(self) -> Offer | None:
        """Return the best usable offer that NHRP did not make, as of now."""
        if len(self.offers) == 1:
            (one,) = self.offers.values()
            return one if one.usable and one.counts else None
        usable = [offer for offer in self.offers.values() if offer.usable and offer.counts]
        if len(usable) < 2:
            return usable[0] if usable else None
        return min(usable, key=lambda offer: offer.rank)

    def choose(self, plain: Offer | None) -> Offer | None:
        """Return the best usable offer of all, as of now. plain: without the offers of NHRP."""
        nhrp = self.offers.get(_NHRP) if len(self.offers) > 1 or plain is None else None
        if nhrp is None or not nhrp.usable or (plain is not None and plain.rank < nhrp.rank):
            return plain
        return nhrp
