"""Routes for the routing table, made of what the calculation found. Our own networks are the RIB's business."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.notices import Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.ospf.routes import WayKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.features.ospf.model import Process as ProcessSettings
    from dmvpn.features.ospf.routes import OspfRoute

#: Administrative distance that keeps a route out of the routing table.
_UNUSABLE = 255


class Offers:
    """What the RIB has been offered by one process."""

    def __init__(self, context: Context, number: int) -> None:
        self.offered: dict[Prefix, Route] = {}
        self._context = context
        self._number = number

    def refresh(self, routes: Mapping[Prefix, OspfRoute], settings: ProcessSettings) -> None:
        """Offer what holds now, where it is not what the RIB has."""
        for prefix in [prefix for prefix in self.offered if prefix not in routes]:
            self._retract(prefix)
        for prefix, found in routes.items():
            route = self._route(found, settings)
            if route is None:
                self._retract(prefix)
            elif route != self.offered.get(prefix):
                self.offered[prefix] = route
                self._context.out.append(RouteOffered(route))

    def retract_all(self) -> None:
        """The process ends."""
        for prefix in list(self.offered):
            self._retract(prefix)

    def _retract(self, prefix: Prefix) -> None:
        if self.offered.pop(prefix, None) is not None:
            self._context.out.append(RouteRetracted(RouteSource.OSPF, str(self._number), prefix))

    def _route(self, found: OspfRoute, settings: ProcessSettings) -> Route | None:
        intra, inter, external = settings.distances
        distance = {WayKind.INTRA: intra, WayKind.INTER: inter}.get(found.kind, external)
        if not found.hops or distance >= _UNUSABLE or not found.prefix.is_for_stations:
            return None
        return Route(
            prefix=found.prefix,
            source=RouteSource.OSPF,
            process=str(self._number),
            distance=distance,
            metric=found.metric,
            next_hops=found.hops[: settings.maximum_paths],
            subtype=found.kind.value,
            external=found.kind.is_external,
            tag=found.tag,
            told_by=(found.origin,) * len(found.hops[: settings.maximum_paths]),
            since=self._context.now,
        )
