"""Routes from outside: what we bring into OSPF (type 5), and what others bring. RFC 2328 §12.4.4, §16.4.

A route comes in while it is the best one of its prefix and a `redistribute` names its source; the default route by
`default-information originate` alone. A route map of `redistribute` chooses and changes routes. With a route map the
default route is told while the routing table has some route that the map permits.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix, classful_length
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.notices import RouteSource
from dmvpn.base.routemaps import UNCHANGED, Candidate, Changes
from dmvpn.features.ospf.lsa import INFINITY, ExternalBody, LsaKey, LsaType, Options
from dmvpn.features.ospf.routes import OspfRoute, WayKind
from dmvpn.net.octets import ipv4_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.base.notices import Route
    from dmvpn.features.ospf.model import Redistribution
    from dmvpn.features.ospf.process import Process
    from dmvpn.features.ospf.spf import Hops, Reached

DEFAULT: Final = Prefix.of(IPv4Address(0), 0)
#: Costs that IOS tells if none is configured: of routes, of BGP's, of the default route.
_COST: Final = 20
_COST_OF_BGP: Final = 1
_COST_OF_DEFAULT: Final = 1


class Externals:
    """What one process tells of the routing table."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._told: dict[Prefix, tuple[LsaKey, ExternalBody]] = {}
        self._taken: dict[IPv4Address, None] = {}  # names of these, an ordered set

    @property
    def is_active(self) -> bool:
        """Are we a router at the border of OSPF?"""
        settings = self._process.settings
        return bool(settings.redistributions) or settings.default_originate is not None

    def refresh_all(self) -> None:
        """The lines, the areas or our identifier changed: go through the whole routing table."""
        routes = self._process.context.ports.rib.routes() if self.is_active else ()
        for prefix in dict.fromkeys((*self._told, *(route.prefix for route in routes), DEFAULT)):
            self.refresh(prefix)

    def route_changed(self, prefix: Prefix) -> None:
        """The best route of a prefix may be another one; the default route may depend on it."""
        self.refresh(prefix)
        default = self._process.settings.default_originate
        if default is not None and default.route_map and not prefix.is_default:
            self.refresh(DEFAULT)

    def refresh(self, prefix: Prefix) -> None:
        """What we tell of a prefix may be something else."""
        if not self.is_active and not self._told:
            return
        area = next((area for area in self._process.areas.values() if area.takes_externals), None)
        body = self._body(prefix) if area is not None else None
        known = self._told.get(prefix)
        if area is None or body is None:
            if known is not None:
                del self._told[prefix]
                del self._taken[known[0].id]
                for each in self._process.areas.values():
                    self._process.origination.withdraw(each, known[0])
            return
        key = known[0] if known is not None else self._key(prefix)
        self._told[prefix] = key, body
        self._taken[key.id] = None
        self._process.origination.request(area, key, lambda: body, lambda: int(Options.EXTERNAL))

    def forget(self) -> None:
        """The process begins again: nothing has been told."""
        self._told.clear()
        self._taken.clear()

    def _key(self, prefix: Prefix) -> LsaKey:
        """Its name; if another network with the same address has that, its last address (RFC 2328 Appendix E)."""
        first = ipv4_address(prefix.address.packed)
        last = IPv4Address(int(first) | int(prefix.wildcard))
        return LsaKey(LsaType.EXTERNAL, last if first in self._taken else first, self._process.router_id)

    def _body(self, prefix: Prefix) -> ExternalBody | None:
        if prefix.address.version != 4:
            return None
        route = self._process.context.ports.rib.exact(prefix)
        if prefix.is_default:
            return self._default(route)
        if route is None or self._is_ours(route):
            return None
        for each in self._process.settings.redistributions:
            fits = each.source is route.source and each.process in ("", route.process)
            whole = prefix.length == classful_length(ipv4_address(prefix.address.packed))
            if fits and (each.subnets or whole):
                return self._brought_in(each, route)
        return None

    def _brought_in(self, line: Redistribution, route: Route) -> ExternalBody | None:
        changes = self._mapped(line.route_map, route)
        if changes is None:
            return None
        mask = ipv4_address(route.prefix.netmask.packed)
        cost = self._cost(line) if changes.metric is None else changes.metric
        tag = line.tag or route.tag if changes.tag is None else changes.tag
        return ExternalBody(mask, min(cost, INFINITY - 1), _is_type_2(changes, line.metric_type), tag=tag)

    def _mapped(self, name: str, route: Route) -> Changes | None:
        """What a route map makes of a route, None: it refuses it."""
        if not name:
            return UNCHANGED
        return self._process.context.ports.policies.of_routes().mapped(name, Candidate.of(route))

    def _default(self, route: Route | None) -> ExternalBody | None:
        settings = self._process.settings.default_originate
        if settings is None:
            return None
        if not settings.always and (route is None or self._is_ours(route)):
            return None
        changes = self._condition(settings.route_map)
        if changes is None:
            return None
        cost = _COST_OF_DEFAULT if settings.metric is None else settings.metric
        cost = min(cost if changes.metric is None else changes.metric, INFINITY - 1)
        tag = self._process.number if changes.tag is None else changes.tag
        return ExternalBody(IPv4Address(0), cost, _is_type_2(changes, settings.metric_type), tag=tag)

    def _condition(self, name: str) -> Changes | None:
        """What the route map makes of the first route that it permits, None: it permits none."""
        if not name:
            return UNCHANGED
        made = (self._mapped(name, route) for route in self._process.context.ports.rib.routes())
        return next((changes for changes in made if changes is not None), None)

    def _cost(self, redistribution: Redistribution) -> int:
        if redistribution.metric is not None:
            return redistribution.metric
        default = self._process.settings.default_metric
        if default is not None:
            return default
        return _COST_OF_BGP if redistribution.source is RouteSource.BGP else _COST

    def _is_ours(self, route: Route) -> bool:
        """Do we know it by this process, or is it a network that OSPF runs on?"""
        if route.source is RouteSource.OSPF and route.process == str(self._process.number):
            return True
        names = {hop.interface for hop in route.next_hops}
        return route.source is RouteSource.CONNECTED and not names.isdisjoint(self._process.interfaces)


def _is_type_2(changes: Changes, configured: int) -> bool:
    return changes.metric_type == "type-2" if changes.metric_type.startswith("type-") else configured == 2


def external_routes(process: Process, inside: Mapping[Prefix, OspfRoute]) -> Iterator[OspfRoute]:
    """The networks that others bring in. inside: the ways within OSPF, for forwarding addresses."""
    ways: PrefixTable[OspfRoute] = PrefixTable()
    for route in inside.values():
        ways[route.prefix] = route
    for key, entry in process.externals.entries.items():
        body, prefix = entry.lsa.body, entry.lsa.prefix
        gone = key in process.externals.dying or key.router == process.router_id
        if gone or prefix is None or not isinstance(body, ExternalBody) or body.metric >= INFINITY:
            continue
        border = process.borders[key.router][1] if key.router in process.borders else None
        way = _way(border, body.forwarding, ways)
        if border is None or way is None:
            continue
        cost, hops = way
        yield OspfRoute(
            prefix=prefix,
            kind=WayKind.EXTERNAL_2 if body.is_type_2 else WayKind.EXTERNAL_1,
            cost=cost if body.is_type_2 else cost + body.metric,
            outer=body.metric if body.is_type_2 else 0,
            hops=hops,
            origin=key.router,
            tag=body.tag,
        )


def _way(border: Reached | None, forwarding: IPv4Address, ways: PrefixTable[OspfRoute]) -> tuple[int, Hops] | None:
    """Cost and next hops of the way to the border router, or to the address that it wants packets to go to."""
    if border is None:
        return None
    if not int(forwarding):
        return border.cost, border.hops
    found = ways.lookup(forwarding)
    return (found[1].cost, found[1].hops) if found is not None and found[1].hops else None
