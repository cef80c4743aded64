"""Distribute lists, offset lists and distances by source: which routes a distance vector protocol accepts and
advertises, what it adds to their metrics, and their administrative distance.

The protocols ask; access lists, prefix lists and route maps themselves are in `base/routemaps.py`.

Which `redistribute` line of a protocol brings a route of the routing table in.

As on IOS, and unlike FRR, a line brings in the routes of its protocol, and the connected networks of the interfaces on
which that protocol runs: its neighbors there know these as connected networks, and routers behind the other protocol
need them too. `redistribute connected` says something about these networks in particular, so it decides where there is
one. Over IPv6 a line brings these networks in by `include-connected` alone.
"""

from __future__ import annotations

import enum
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.notices import NetworksRun, Notice, Route, RouteSource
from dmvpn.base.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.effects import Effect
    from dmvpn.base.routemaps import MatchedRoute, RoutePolicies
    from dmvpn.base.translation import Addresses


# ------------------------------------------------------------------------------------------------ redistribution


class RedistributionLine(Value, kw_only=True):
    """A `redistribute` line, as `line_for` compares it with routes.

    process: "": any.
    route_map: its name, "" without one.
    kinds: which subtypes of OSPF's routes come in (`match`); (): all.
    covers_connected: the connected networks on which the protocol runs come in; over IPv6 by `include-connected`.
    """

    source: RouteSource
    process: str = ""
    route_map: str = ""
    kinds: tuple[str, ...] = ()
    covers_connected: bool = True


class Redistribution(RedistributionLine, Value, kw_only=True):
    """A line of a protocol whose metric is a number. metric: None: the default metric."""

    metric: int | None = None


Line = TypeVar("Line", bound=RedistributionLine)


def line_for(lines: Iterable[Line], route: Route) -> Line | None:
    """Return the line that is about this route, None: it does not come in."""
    lines, own = () if route.stays else tuple(lines), (route.source, route.process)
    for owner in (own, *route.run_by):
        for line in lines:
            if owner is not own and not line.covers_connected:
                continue
            # Of OSPF some kinds alone may be meant; the networks that it runs on are internal.
            if (line.source, line.process) in (owner, (owner[0], "")) and (
                not line.kinds or line.source is not RouteSource.OSPF or route.subtype in line.kinds
            ):
                return line
    return None


class Covered:
    """The networks on which one process runs, as reported to the RIB."""

    def __init__(self, source: RouteSource, process: str, version: int = 4) -> None:
        """version: of IP."""
        self._source = source
        self._version = version
        self._process = process
        self._networks: dict[str, tuple[Prefix, ...]] = {}

    def tell(self, interface: str, prefixes: tuple[Prefix, ...]) -> list[Effect | Notice]:
        """Report the networks of an interface on which the protocol runs now; (): on none of them."""
        if self._networks.get(interface, ()) == prefixes:
            return []
        if prefixes:
            self._networks[interface] = prefixes
        else:
            del self._networks[interface]
        return [NetworksRun(self._source, self._process, interface, prefixes, self._version)]


# ------------------------------------------------------------------------------------------------ distribute lists


#: The access list of `offset-list 0`: every route.
EVERY = "0"


class ListKind(enum.Enum):
    """The kind of list that a distribute list names."""

    ACCESS_LIST = "access-list"
    PREFIX_LIST = "prefix"
    ROUTE_MAP = "route-map"


class DistributeList(Value):
    """`distribute-list`. inwards: for received routes, otherwise for advertised routes. interface: "": every interface.

    name: "": every route. gateway: only routes from neighbors that this prefix list permits; "": from every neighbor.
    source: only routes redistributed from this protocol (and process; "": any), before they are advertised; None: all
    routes.
    """

    kind: ListKind
    name: str
    inwards: bool
    interface: str = ""
    gateway: str = ""
    source: tuple[RouteSource, str] | None = None

    def permits(self, policies: RoutePolicies, route: MatchedRoute) -> bool:
        """Return whether the route passes."""
        if self.gateway:
            teller = None if route.gateway is None else Prefix.host(route.gateway)
            if teller is None or not policies.prefix_list_permits(self.gateway, teller):
                return False
        if not self.name:
            return True
        if self.kind is ListKind.ROUTE_MAP:
            return policies.mapped(self.name, route) is not None
        if self.kind is ListKind.PREFIX_LIST:
            return policies.prefix_list_permits(self.name, route.prefix)
        return policies.access_list_permits(self.name, route.prefix)

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its line, in their order."""
        kind = () if self.kind is ListKind.ACCESS_LIST else (self.kind.value,)
        gateway = ("gateway", self.gateway) if self.gateway else ()
        source = (self.source[0].value,) if self.source is not None else ()
        words = (
            "distribute-list",
            *kind,
            self.name,
            *gateway,
            _direction(inwards=self.inwards),
            *source,
            self.interface,
        )
        return tuple(word for word in words if word)


class OffsetList(Value):
    """`offset-list`: adds to the metric of routes that the access list permits. interface: "": on every one."""

    name: str
    inwards: bool
    offset: int
    interface: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its line, in their order."""
        return ("offset-list", self.name, _direction(inwards=self.inwards), str(self.offset))


class DefaultRoutes(Value):
    """`default-information in|out LIST`, or with `no`: the default route passes if the access list permits it. name:
    "": never.
    """

    inwards: bool
    name: str = ""

    def permits(self, policies: RoutePolicies, route: MatchedRoute) -> bool:
        """Return whether the route passes. Others than the default route do."""
        if not route.prefix.is_default:
            return True
        return bool(self.name) and policies.access_list_permits(self.name, route.prefix)

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its line, in their order."""
        return ("default-information", _direction(inwards=self.inwards), *((self.name,) if self.name else ()))


class DistanceOf(Value):
    """`distance N A.B.C.D WILDCARD [LIST]`: for routes from these neighbors that the list permits."""

    distance: int
    neighbors: Addresses
    name: str = ""


class Distribution(Value):
    """All such lines of one process."""

    lists: tuple[DistributeList, ...] = ()
    offsets: tuple[OffsetList, ...] = ()
    distances: tuple[DistanceOf, ...] = ()
    defaults: tuple[DefaultRoutes, ...] = ()

    def permits(self, policies: RoutePolicies, route: MatchedRoute, interface: str, *, inwards: bool) -> bool:
        """Return whether a route passes all lists of this direction.

        Both that of the interface and the general one decide.
        """
        return self.denying(policies, route, interface, inwards=inwards) is None

    def denying(
        self, policies: RoutePolicies, route: MatchedRoute, interface: str, *, inwards: bool
    ) -> DistributeList | DefaultRoutes | None:
        """Return the first line of this direction that denies a route, None: it passes."""
        for default in self.defaults:
            if default.inwards == inwards and not default.permits(policies, route):
                return default
        for one in self._lists(interface, inwards=inwards):
            if not one.permits(policies, route):
                return one
        return None

    def brings_in(self, policies: RoutePolicies, route: MatchedRoute) -> bool:
        """Return whether a route of the routing table passes the lists about its protocol (`out PROTOCOL`)."""
        owner = route.owner
        owners = () if owner is None else (owner, (owner[0], ""))
        return all(one.permits(policies, route) for one in self.lists if one.source in owners)

    def offset(self, policies: RoutePolicies, route: MatchedRoute, interface: str, *, inwards: bool) -> int:
        """Return by how much a route is farther: the interface's own list takes precedence over the general one."""
        fitting = [one for one in self.offsets if one.inwards == inwards and one.interface in ("", interface)]
        for one in sorted(fitting, key=lambda one: not one.interface):
            if one.name == EVERY or policies.access_list_permits(one.name, route.prefix):
                return one.offset
        return 0

    def distance(self, policies: RoutePolicies, route: MatchedRoute, neighbor: IPAddress, otherwise: int) -> int:
        """Return the administrative distance of a route learned from this neighbor."""
        for one in self.distances:
            is_meant = isinstance(neighbor, IPv4Address) and one.neighbors.hold(neighbor)
            if is_meant and (not one.name or policies.access_list_permits(one.name, route.prefix)):
                return one.distance
        return otherwise

    def says(self, *, inwards: bool) -> bool:
        """Return whether there is any list of this direction."""
        directions = [one.inwards for one in self.lists if one.source is None] + [one.inwards for one in self.offsets]
        return inwards in directions or any(one.inwards == inwards for one in self.defaults)

    def _lists(self, interface: str, *, inwards: bool) -> Iterator[DistributeList]:
        named = ("", interface)
        return (one for one in self.lists if one.inwards == inwards and one.interface in named and one.source is None)


def _direction(*, inwards: bool) -> str:
    return "in" if inwards else "out"


#: A process without any such line.
NOTHING = Distribution()
