"""Many networks advertised as one: `area ... range` between areas, `summary-address` for redistributed routes.

A range is active while it holds a network that is reached within its area; then border routers advertise the range
instead of the networks in it. Its cost is that of the nearest network: IOS does as RFC 1583 had it, where RFC 2328
§12.4.3 takes the farthest. The advertising router drops packets to unknown destinations within the range (Null0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.features.ospf.routes import WayKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.ospf.area import RunningArea
    from dmvpn.features.ospf.model import AreaRange
    from dmvpn.features.ospf.routes import OspfRoute


@dataclass(frozen=True, slots=True)
class ActiveRange:
    """A range with a network in it. cost: as advertised in other areas."""

    settings: AreaRange
    cost: int


#: By the number of the area and the prefix of the range.
Active = dict[tuple[int, "Prefix"], ActiveRange]


def range_of(area: RunningArea, prefix: Prefix) -> AreaRange | None:
    """Return the most exact range of an area that a network is in."""
    fitting = [each for each in area.settings.ranges if prefix in each.prefix]
    return max(fitting, key=lambda each: each.prefix.length, default=None)


def active_ranges(areas: Mapping[int, RunningArea], routes: Iterable[OspfRoute]) -> Active:
    """Return the ranges that hold a network of their area. routes: intra-area routes."""
    active: Active = {}
    for route in routes:
        area = areas.get(route.area) if route.area is not None and route.kind is WayKind.INTRA else None
        found = range_of(area, route.prefix) if area is not None and area.settings.ranges else None
        if area is None or found is None:
            continue
        name = (area.number, found.prefix)
        nearest = route.cost if name not in active else min(route.cost, active[name].cost)
        active[name] = ActiveRange(found, nearest if found.cost is None else found.cost)
    return active


def dropped(active: Active, routes: Mapping[Prefix, OspfRoute]) -> dict[Prefix, int]:
    """Return the ranges that need a discard route to Null0, with their costs: advertised ranges whose exact prefix has
    no route.
    """
    return {
        prefix: each.cost for (_, prefix), each in active.items() if each.settings.advertise and prefix not in routes
    }
