"""The preference of routes: routes of all kinds, and which of two is better. RFC 2328 §11, §16.2 to §16.4, RFC 3101
§2.5.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Self

from dmvpn.base.values import dataclass, project

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.ospf.spf import AreaRoute, Hops


class WayKind(enum.Enum):
    """How we know a network; the value is the code after the O in `show ip route`."""

    INTRA = ""
    INTER = "IA"
    EXTERNAL_1 = "E1"
    EXTERNAL_2 = "E2"
    NSSA_1 = "N1"
    NSSA_2 = "N2"

    @property
    def is_external(self) -> bool:
        """Whether it is an external route."""
        return self not in (WayKind.INTRA, WayKind.INTER)

    @property
    def rank(self) -> int:
        """Whatever the cost: within the area, then between areas, then type 1, then type 2."""
        return _RANKS[self]


_RANKS = {
    WayKind.INTRA: 0,
    WayKind.INTER: 1,
    WayKind.EXTERNAL_1: 2,
    WayKind.NSSA_1: 2,
    WayKind.EXTERNAL_2: 3,
    WayKind.NSSA_2: 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OspfRoute:
    """A network as this router reaches it. cost: of the internal path; outer: of type 2. hops: () if it is our own.

    area: of the path, None of type 5. origin: its router. liking: of external ones that are worth
    the same, the smaller one wins: type 7 that is translated, type 5, other type 7 (RFC 3101 §2.5 (6e)).
    """

    prefix: Prefix
    kind: WayKind
    cost: int
    hops: Hops
    origin: IPv4Address
    area: int | None = None
    outer: int = 0
    tag: int = 0
    liking: int = 0

    @classmethod
    def within(cls, area: int, found: AreaRoute) -> Self:
        """Return a route within an area."""
        prefix, cost, hops, origin = found.prefix, found.cost, found.hops, found.origin
        return cls(prefix=prefix, kind=WayKind.INTRA, cost=cost, hops=hops, origin=origin, area=area)

    @property
    def metric(self) -> int:
        """The metric in the routing table."""
        return self.outer if self.kind in (WayKind.EXTERNAL_2, WayKind.NSSA_2) else self.cost

    @property
    def worth(self) -> tuple[int, int, int, int]:
        """The smaller one wins."""
        return self.kind.rank, self.outer, self.cost, self.liking


def keep_better(best: dict[Prefix, OspfRoute], route: OspfRoute) -> None:
    """Keep the better route, or the next hops of both if they are equally good."""
    known = best.get(route.prefix)
    if known is None or route.worth < known.worth:
        best[route.prefix] = route
    elif route.worth == known.worth and known.hops and route.hops:
        best[route.prefix] = project(
            OspfRoute,
            known,
            prefix=route.prefix,
            hops=tuple(dict.fromkeys((*known.hops, *route.hops))),
            origin=min(known.origin, route.origin),
        )
