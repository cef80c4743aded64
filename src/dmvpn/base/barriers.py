"""Why a route does not pass from a router to its neighbor: each protocol answers in `passing.py` of its feature.

    Gap           a prefix that one router has and its neighbor lacks
    RouteReason   why
    Barrier       a reason, the end at which it lies, and the line that makes it

Nothing here is loaded by a router that only runs.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Machine
from dmvpn.base.distribution import NOTHING, DefaultRoutes, DistributeList, Distribution, Line, OffsetList, line_for
from dmvpn.base.notices import Route
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason, ReasonCode
from dmvpn.base.routemaps import MatchedRoute, RoutePolicies
from dmvpn.base.values import Value


@enum.unique
class RouteReason(ReasonCode):
    """Why a route does not pass."""

    NOT_ADVERTISED = "no line brings it into <protocol>"
    NOT_RUNNING = "<protocol> does not run on the link to the neighbor"
    OTHER_MASK = "the `network` line has another mask: <line>"
    NO_SUBNETS = "only classful networks are redistributed: `subnets` is missing"
    NO_METRIC = "it is redistributed from <protocol> without a metric"
    NOT_REDISTRIBUTED = "route map <name> of the redistribution denies it"
    INTERNAL = "routes of internal BGP neighbors are not redistributed"
    LIST = "a list denies it: <line>"
    OFFSET = "an offset makes it unreachable: <line>"
    SPLIT_HORIZON = "split horizon: it leads out of <interface>"
    STUB = "a stub does not send it"
    SUMMARY = "a summary stands for it: <prefix>"
    REFLECTION = "routes of internal neighbors are not reflected"
    COMMUNITY = "its communities keep it from this neighbor"
    HIDDEN = "a better route is in its place, of <protocol>"
    AREA = "areas exchange routes by the backbone alone, and <router> is not in area 0"
    STUB_AREA = "external routes do not enter area <number>"
    OWN_SYSTEM = "its path has AS <number>, which is the receiver's"
    OWN_ROUTE = "it seems to be the receiver's own: both have the identifier <address>"
    NEXT_HOP = "its next hop <address> is not reached"
    TOO_FAR = "it is too far away"
    NEVER = "an administrative distance of 255 prevents it"
    MAXIMUM = "no more than <number> prefixes are taken"
    NOT_EXPORTED = "VRF <name> exports no route target with it"
    NOT_IMPORTED = "its route target <target> is not imported"


class RouteEnd(Value):
    """A router, its table (VRF), and its addresses on the network between the two; link_local: of IPv6."""

    router: str
    vrf: str
    address: IPAddress
    link_local: IPAddress | None = None

    def has(self, address: IPAddress | None) -> bool:
        """Return whether this is one of its addresses there."""
        return address is not None and address in (self.address, self.link_local)


class Gap(Value):
    """A prefix that one router has and its neighbor lacks."""

    prefix: Prefix
    sender: RouteEnd
    receiver: RouteEnd


class Barrier(Value, kw_only=True):
    """Why a route does not pass.

    protocol: "eigrp", "bgp" ... at_sender: the reason lies there, else at the receiver.
    line: words of the line that makes it, in their order; (): no line does.
    """

    protocol: str
    reason: Reason
    at_sender: bool = True
    line: tuple[str, ...] = ()


class Side(Value):
    """One end: the machines of its table by feature, and what they ask."""

    machines: Mapping[str, Machine]
    ports: Ports

    @property
    def policies(self) -> RoutePolicies:
        """All lists and maps."""
        return self.ports.policies.of_routes()


def barred(
    protocol: str, code: RouteReason, *fields: object, at_sender: bool = True, line: tuple[str, ...] = ()
) -> Barrier:
    """Return a barrier. fields: one for each place of its code."""
    return Barrier(protocol=protocol, reason=Reason(code, fields), at_sender=at_sender, line=line)


def not_running(protocol: str, sender: object, receiver: object) -> Barrier | None:
    """Return the barrier that a protocol runs at one end of a link alone, given what of it runs at each; None: it does
    not run at all, or at both ends, which are no neighbors for another reason.
    """
    if (sender is None) is (receiver is None):
        return None
    return barred(protocol, RouteReason.NOT_RUNNING, protocol, at_sender=sender is None)


def not_brought_in(
    protocol: str, route: Route, lines: Iterable[Line], policies: RoutePolicies, lists: Distribution = NOTHING
) -> Barrier:
    """Return why a route of the routing table is not redistributed, given that it is not."""
    line, asked = line_for(lines, route), MatchedRoute.of(route)
    if line is None and route.stays:
        return barred(protocol, RouteReason.INTERNAL)
    if line is None:
        return barred(protocol, RouteReason.NOT_ADVERTISED, protocol)
    name = getattr(line, "route_map", "")
    if name and policies.mapped(name, asked) is None:
        return barred(protocol, RouteReason.NOT_REDISTRIBUTED, name)
    for one in lists.lists if not lists.brings_in(policies, asked) else ():
        if one.source is not None and not one.permits(policies, asked):
            return _by_line(protocol, one, at_sender=True)
    return barred(protocol, RouteReason.NO_METRIC, line.source.value)


def _by_line(protocol: str, line: DistributeList | DefaultRoutes | OffsetList, *, at_sender: bool) -> Barrier:
    code = RouteReason.OFFSET if isinstance(line, OffsetList) else RouteReason.LIST
    return barred(protocol, code, " ".join(line.words), at_sender=at_sender, line=line.words)


def listed(
    protocol: str, lists: Distribution, policies: RoutePolicies, route: MatchedRoute, interface: str, *, inwards: bool
) -> Barrier | None:
    """Return the barrier that the distribute lists of an interface make, or its offset lists; None: neither does."""
    found: DistributeList | DefaultRoutes | OffsetList | None
    found = lists.denying(policies, route, interface, inwards=inwards)
    if found is None and lists.offset(policies, route, interface, inwards=inwards):
        found = next(one for one in lists.offsets if one.inwards is inwards and one.interface in ("", interface))
    return _by_line(protocol, found, at_sender=not inwards) if found is not None else None
