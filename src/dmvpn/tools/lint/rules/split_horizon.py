"""Rules about split horizon at hubs: EIGRP and RIP tell nothing out of the interface by which they have heard it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.lint import entered
from dmvpn.network.routing import Protocol
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.addresses import Prefix
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import End, Network
    from dmvpn.tools.lint.found import Found

EIGRP: Final = Rule(
    id="eigrp-split-horizon",
    severity=Severity.ERROR,
    title="EIGRP's split horizon is on at the hub",
    why="Split horizon tells nothing out of the interface it was learned by. At a hub all spokes are behind one "
    "interface, so none of them hears of the others' prefixes. A summary or a static route that the hub tells is "
    "another way out, if it holds the LANs of the spokes; a default route is one for spokes that have none of their "
    "own.",
    bad="interface Tunnel0\n ip nhrp map multicast dynamic",
    fix="interface Tunnel0\n no ip split-horizon eigrp 100",
)
RIP: Final = Rule(
    id="rip-split-horizon",
    severity=Severity.ERROR,
    title="RIP's split horizon is on at the hub",
    why="Split horizon tells nothing out of the interface it was learned by (RFC 2453 §3.4.3). At a hub all spokes are "
    "behind one interface, so none of them hears of the others' prefixes. A summary or another route that the hub "
    "tells is a way out under the same conditions as with EIGRP.",
    bad="interface Tunnel0\n ip nhrp map multicast dynamic",
    fix="interface Tunnel0\n no ip split-horizon",
)
RULES: Final = (EIGRP, RIP)
#: Administrative distances of what a spoke hears.
_EIGRP_INTERNAL: Final = 90
_EIGRP_EXTERNAL: Final = 170
_RIP: Final = 120


@dataclass(frozen=True, slots=True)
class _Told:
    """What a hub tells besides. default: the distance that its default route has at a spoke, None: it tells none."""

    prefixes: tuple[Prefix, ...] = ()
    default: int | None = None


def check(network: Network) -> Iterator[Found]:
    """Yield who does not hear of whom."""
    for hub in network.ends:
        if not _is_hub_of_several(network, hub):
            continue
        yield from _eigrp(network, hub)
        yield from _rip(network, hub)


def is_told_of(network: Network, hub: End) -> bool:
    """Return whether there is a finding about EIGRP at this hub."""
    return _is_hub_of_several(network, hub) and any(True for _ in _eigrp(network, hub))


def _is_hub_of_several(network: Network, hub: End) -> bool:
    """Return whether it is the hub of several, or one of whose spokes nothing is known."""
    is_hub = network.is_server(hub) and hub.nhrp.network_id is not None and hub.multipoint
    return is_hub and (len(network.clients(hub)) != 1 or len(network.devices) == 1)


def _eigrp(network: Network, hub: End) -> Iterator[Found]:
    running = hub.eigrp
    if running is None or not running[1].split_horizon:
        return
    process, settings = running
    summaries = [summary.prefix for summary in settings.summaries]
    default = _EIGRP_INTERNAL if any(prefix.is_default for prefix in summaries) else None
    if any(one.source is RouteSource.STATIC for one in process.redistributions):
        told = _told([*summaries, *_static(hub.device)], _EIGRP_EXTERNAL, default)
    else:
        told = _told(summaries, _EIGRP_INTERNAL)
    fix = entered(process, hub.name, "no split-horizon")
    if default is not None:  # it hides what split horizon would let out
        fix += "\n" + entered(process, hub.name, "no summary-address", "0.0.0.0 0.0.0.0").rpartition("\n")[2]
    yield from _missing(network, hub, EIGRP, told, f"EIGRP {process.autonomous_system}", fix)


def _rip(network: Network, hub: End) -> Iterator[Found]:
    rip = hub.device.rip
    if not any(one.protocol is Protocol.RIP for one in hub.running) or not rip.interface(hub.name).split_horizon:
        return
    prefixes = list(rip.interface(hub.name).summaries)
    if any(one.source is RouteSource.STATIC for one in rip.redistributions):
        prefixes += _static(hub.device)
    told = _told(prefixes, _RIP, _RIP if rip.default_originate else None)
    yield from _missing(network, hub, RIP, told, "RIP", f"{hub.at[0]}\n no ip split-horizon")


def _static(device: Device) -> list[Prefix]:
    return [route.prefix for route in device.static.routes if route.prefix.address.version == 4]


def _told(prefixes: Iterable[Prefix], distance: int, default: int | None = None) -> _Told:
    """Return what is told; default: the distance of one that is known already."""
    listed = tuple(prefixes)
    if default is None and any(prefix.is_default for prefix in listed):
        default = distance
    return _Told(tuple(prefix for prefix in listed if not prefix.is_default), default)


def _missing(network: Network, hub: End, rule: Rule, told: _Told, protocol: str, fix: str) -> Iterator[Found]:
    clients = network.clients(hub)
    lans = {client: network.told[client.device] for client in clients}
    if not any(lans.values()):
        # Nobody knows what they should hear of.
        is_enough = bool(told.prefixes) or (
            told.default is not None and all(_takes_default(client, told) for client in clients)
        )
        unheard: list[Prefix] = []
    else:
        unheard = list(dict.fromkeys(_unheard(lans, told)))
        is_enough = not unheard
    if is_enough or _knows_by_itself(clients):
        return
    who = f"{len(clients)} spokes" if clients else "spokes"
    shown = ", ".join(map(str, unheard[:4])) + (" and others" if len(unheard) > 4 else "")
    of = f"the prefixes of the others ({shown})" if unheard and told != _Told() else "each other's prefixes"
    what = f"{who} behind {hub.name} do not hear of {of}: split horizon of {protocol} is on"
    yield found(rule, hub.device, hub.at, what, fix, severity=None if clients else Severity.WARNING)


def _unheard(lans: dict[End, tuple[Prefix, ...]], told: _Told) -> Iterator[Prefix]:
    """Yield the LANs of which a client of another site hears nothing."""
    hidden = {
        prefix for prefixes in lans.values() for prefix in prefixes if not any(prefix in wide for wide in told.prefixes)
    }
    for client, own in lans.items():
        if not _takes_default(client, told):
            yield from sorted(hidden.difference(own))


def _takes_default(client: End, told: _Told) -> bool:
    """Return whether it has none of its own that counts more."""
    subnet, default = client.subnet, told.default
    return default is not None and not any(
        route.prefix.is_default
        and route.distance < default
        and route.interface != client.name
        and (subnet is None or route.next_hop not in subnet)
        for route in client.device.static.routes
    )


def _knows_by_itself(clients: tuple[End, ...]) -> bool:
    """Return whether all spokes have a static route into the tunnel that holds other prefixes."""

    def has_route(client: End) -> bool:
        subnet = client.subnet
        return any(
            route.interface == client.name or (subnet is not None and route.next_hop in subnet)
            for route in client.device.static.routes
        )

    return bool(clients) and all(has_route(client) for client in clients)
