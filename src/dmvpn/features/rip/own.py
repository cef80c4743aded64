"""Routes that RIP originates: connected networks, redistributed routes, a default route.

Each is updated when it changes in the routing table (`RouteChanged`); only a change of the configuration scans the
whole table. A route that is no longer ours is announced as unreachable for a while, like a learned one.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.notices import RouteSource
from dmvpn.base.redistribution import line_for
from dmvpn.base.routemaps import UNCHANGED, MatchedRoute
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.notices import Route
    from dmvpn.base.ports import Ports
    from dmvpn.base.redistribution import Redistribution
    from dmvpn.features.rip.model import RipConfig

DEFAULT: Final = Prefix.of(IPv4Address(0), 0)

#: Sources whose routes need no configured metric: IOS announces them with this one.
_METRIC_FREE: Final = (RouteSource.CONNECTED, RouteSource.STATIC)
_SEED_METRIC: Final = 1
#: The largest metric that can be configured; it means unreachable.
_FARTHEST: Final = 16


@dataclass(frozen=True, slots=True)
class OwnRoute:
    """A route that we originate.

    interface, next_hop: where it leads.
    kind: as `show ip rip database` prints it.
    """

    metric: int
    interface: str = ""
    next_hop: IPAddress | None = None
    tag: int = 0
    kind: str = "directly connected"


def own_route(prefix: Prefix, config: RipConfig, ports: Ports) -> OwnRoute | None:
    """Return the route that we originate for this prefix now; None: none."""
    if not config.enabled or prefix.version != 4:
        return None
    if prefix == DEFAULT and config.default_originate:
        return OwnRoute(_SEED_METRIC, kind="redistributed")
    route = ports.rib.exact(prefix)
    if route is None or not route.next_hops:
        return None
    hop = route.next_hops[0]
    if route.source is RouteSource.CONNECTED and _speaks_rip(hop.interface, prefix, config, ports):
        return OwnRoute(_SEED_METRIC, hop.interface)
    line = line_for(config.redistributions, route)
    return _redistributed(line, route, config, ports) if line is not None else None


def _redistributed(line: Redistribution, route: Route, config: RipConfig, ports: Ports) -> OwnRoute | None:
    policies, asked = ports.policies.of_routes(), MatchedRoute.of(route)
    if not config.distribution.brings_in(policies, asked):
        return None
    changes = policies.mapped(line.route_map, asked) if line.route_map else UNCHANGED
    if changes is None:
        return None
    seed = _metric(line, config)
    metric = max(1, changes.metric_of(seed or 0)) if changes.sets_metric else seed
    if not metric or metric > _FARTHEST:
        return None
    hop = route.next_hops[0]
    tag = route.tag if changes.tag is None else changes.tag & 0xFFFF
    return OwnRoute(metric, hop.interface, hop.address, tag, "redistributed")


def all_own_routes(config: RipConfig, ports: Ports) -> dict[Prefix, OwnRoute]:
    """Return all routes that we originate now."""
    prefixes = dict.fromkeys(route.prefix for route in ports.rib.routes())
    prefixes[DEFAULT] = None
    found = ((prefix, own_route(prefix, config, ports)) for prefix in prefixes)
    return {prefix: own for prefix, own in found if own is not None}


def _speaks_rip(interface: str, prefix: Prefix, config: RipConfig, ports: Ports) -> bool:
    """Return whether this is a connected network of an interface covered by a `network` line."""
    state = ports.interfaces.get(interface)
    addresses = state.addresses if state is not None else ()
    return any(config.covers(address) for address, _ in addresses if address in prefix)


def _metric(redistribution: Redistribution, config: RipConfig) -> int | None:
    """Return the metric of redistributed routes; those of dynamic protocols are not announced without one (IOS)."""
    if redistribution.metric is not None:
        return max(1, redistribution.metric)
    if config.default_metric is not None:
        return config.default_metric
    return _SEED_METRIC if redistribution.source in _METRIC_FREE else None
