"""Rules about split horizon at hubs: EIGRP and RIP do not advertise a route on the interface where they learned it."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.config import sections as eigrp_lines
from dmvpn.features.rip.config import SPLIT_HORIZON
from dmvpn.network.routing import Protocol
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.addresses import Prefix
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

EIGRP: Final = Rule(
    id="eigrp-split-horizon",
    severity=Severity.ERROR,
    title="EIGRP's split horizon is on at the hub",
    why="Split horizon never advertises a route on the interface on which it was learned. At a hub all spokes are "
    "behind one interface, so no spoke learns the other spokes' prefixes. A summary or a static route that the hub "
    "advertises also works, if it covers the LANs of the spokes; so does a default route for spokes that have none "
    "of their own.",
    bad="interface Tunnel0\n ip nhrp map multicast dynamic",
    fix="interface Tunnel0\n no ip split-horizon eigrp 100",
)
RIP: Final = Rule(
    id="rip-split-horizon",
    severity=Severity.ERROR,
    title="RIP's split horizon is on at the hub",
    why="Split horizon never advertises a route on the interface on which it was learned (RFC 2453 §3.4.3). At a hub "
    "all spokes are behind one interface, so no spoke learns the other spokes' prefixes. A summary or another route "
    "that the hub advertises works under the same conditions as with EIGRP.",
    bad="interface Tunnel0\n ip nhrp map multicast dynamic",
    fix="interface Tunnel0\n no ip split-horizon",
)
RULES: Final = (EIGRP, RIP)
#: Administrative distances of what a spoke hears.
_EIGRP_INTERNAL: Final = 90
_EIGRP_EXTERNAL: Final = 170
_RIP: Final = 120


@dataclass(frozen=True, slots=True)
class _HubRoutes:
    """Other routes that a hub advertises. default: the distance of its default route at a spoke, None: it has none."""

    prefixes: tuple[Prefix, ...] = ()
    default: int | None = None


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield hubs whose split horizon hides spokes from each other."""
    for hub in network.ends:
        if not _is_hub_of_several(network, hub):
            continue
        yield from _eigrp(network, hub)
        yield from _rip(network, hub)


def has_finding(network: Network, hub: TunnelEnd) -> bool:
    """Return whether there is a finding about EIGRP at this hub."""
    return _is_hub_of_several(network, hub) and any(True for _ in _eigrp(network, hub))


def _is_hub_of_several(network: Network, hub: TunnelEnd) -> bool:
    """Return whether it is the hub of several, or one of whose spokes nothing is known."""
    is_hub = network.is_server(hub) and hub.nhrp.network_id is not None and hub.multipoint
    return is_hub and (len(network.clients(hub)) != 1 or len(network.devices) == 1)


def _eigrp(network: Network, hub: TunnelEnd) -> Iterator[NetworkConcern]:
    running = hub.eigrp
    if running is None or not running[1].split_horizon:
        return
    process, settings = running
    summaries = [summary.prefix for summary in settings.summaries]
    default = _EIGRP_INTERNAL if any(prefix.is_default for prefix in summaries) else None
    if any(one.source is RouteSource.STATIC for one in process.redistributions):
        routes = _hub_routes([*summaries, *_static(hub.device)], _EIGRP_EXTERNAL, default)
    else:
        routes = _hub_routes(summaries, _EIGRP_INTERNAL)
    fix = eigrp_lines.nested(eigrp_lines.taken_back(process, hub.name, eigrp_lines.SPLIT_HORIZON))
    if default is not None:  # it hides what split horizon would let out
        nothing = IPv4Address(0)
        summary = eigrp_lines.taken_back(process, hub.name, eigrp_lines.SUMMARY, address=nothing, mask=nothing)
        fix += "\n" + eigrp_lines.nested(summary).rpartition("\n")[2]
    yield from _missing(network, hub, EIGRP, routes, f"EIGRP {process.autonomous_system}", fix)


def _rip(network: Network, hub: TunnelEnd) -> Iterator[NetworkConcern]:
    rip = hub.device.rip
    if not any(one.protocol is Protocol.RIP for one in hub.running) or not rip.interface(hub.name).split_horizon:
        return
    prefixes = list(rip.interface(hub.name).summaries)
    if any(one.source is RouteSource.STATIC for one in rip.redistributions):
        prefixes += _static(hub.device)
    routes = _hub_routes(prefixes, _RIP, _RIP if rip.default_originate else None)
    yield from _missing(network, hub, RIP, routes, "RIP", f"{hub.at[0]}\n {SPLIT_HORIZON.no()}")


def _static(device: Device) -> list[Prefix]:
    return [route.prefix for route in device.static.routes if route.prefix.address.version == 4]


def _hub_routes(prefixes: Iterable[Prefix], distance: int, default: int | None = None) -> _HubRoutes:
    """Return the advertised routes; default: the distance of a default route that is known already."""
    listed = tuple(prefixes)
    if default is None and any(prefix.is_default for prefix in listed):
        default = distance
    return _HubRoutes(tuple(prefix for prefix in listed if not prefix.is_default), default)


def _missing(
    network: Network, hub: TunnelEnd, rule: Rule, routes: _HubRoutes, protocol: str, fix: str
) -> Iterator[NetworkConcern]:
    clients = network.clients(hub)
    lans = {client: network.advertised[client.device] for client in clients}
    if not any(lans.values()):
        # Nobody knows what they should hear of.
        is_enough = bool(routes.prefixes) or (
            routes.default is not None and all(_takes_default(client, routes) for client in clients)
        )
        missing: list[Prefix] = []
    else:
        missing = list(dict.fromkeys(_not_received(lans, routes)))
        is_enough = not missing
    if is_enough or _knows_by_itself(clients):
        return
    who = f"{len(clients)} spokes" if clients else "spokes"
    shown = ", ".join(map(str, missing[:4])) + (" and others" if len(missing) > 4 else "")
    of = f"the prefixes of the others ({shown})" if missing and routes != _HubRoutes() else "each other's prefixes"
    what = f"{who} behind {hub.name} do not learn {of}: split horizon of {protocol} is on"
    yield found(rule, hub.device, hub.at, what, fix, severity=None if clients else Severity.WARNING)


def _not_received(lans: dict[TunnelEnd, tuple[Prefix, ...]], routes: _HubRoutes) -> Iterator[Prefix]:
    """Yield the LANs that a client of another site does not learn."""
    hidden = {
        prefix
        for prefixes in lans.values()
        for prefix in prefixes
        if not any(prefix in wide for wide in routes.prefixes)
    }
    for client, own in lans.items():
        if not _takes_default(client, routes):
            yield from sorted(hidden.difference(own))


def _takes_default(client: TunnelEnd, routes: _HubRoutes) -> bool:
    """Return whether it has none of its own that counts more."""
    default = routes.default
    return default is not None and not any(
        route.prefix.is_default and route.distance < default and not client.carries(route)
        for route in client.device.static.routes
    )


def _knows_by_itself(clients: tuple[TunnelEnd, ...]) -> bool:
    """Return whether all spokes have a static route into the tunnel that holds other prefixes."""
    return bool(clients) and all(any(map(client.carries, client.device.static.routes)) for client in clients)
