"""Rules about OSPF between the two ends of a tunnel: network type, timers, area, authentication, who may be elected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.features.ospf.config import interfaces as ospf_lines
from dmvpn.features.ospf.model import Area, Interface, NetworkType
from dmvpn.features.ospf.settings import authentication_of, timers
from dmvpn.network.routing import Protocol, ospf_interface
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.model import NetworkLine as OspfNetwork
    from dmvpn.features.ospf.model import ProcessSettings
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import EndPair, Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

TYPE_DEFAULT: Final = Rule(
    id="ospf-network-type-default",
    severity=Severity.ERROR,
    title="OSPF on a multipoint tunnel with the default network type",
    why="A tunnel is point-to-point for OSPF unless configured otherwise, and such a network has one neighbor (RFC "
    "2328 §1.2). With several spokes on one interface the adjacency flaps from one spoke to the next. A warning on a "
    "spoke, which has one neighbor.",
    bad="interface Tunnel0\n tunnel mode gre multipoint\n ip ospf 1 area 0",
    fix="interface Tunnel0\n ip ospf network point-to-multipoint",
)
TYPE: Final = Rule(
    id="ospf-network-type-differs",
    severity=Severity.ERROR,
    title="The two ends of a tunnel have OSPF network types that do not fit",
    why="Types with different timers form no adjacency (RFC 2328 §10.5); broadcast and point-to-point form one, and "
    "then disagree about what the link is, so that routes over it are not used (FRR issue 15171). A point-to-point "
    "spoke has one neighbor at a time, so its servers take turns.",
    bad="interface Tunnel0\n ip ospf network broadcast",
    fix="interface Tunnel0\n ip ospf network point-to-multipoint",
)
TIMERS: Final = Rule(
    id="ospf-timers-differ",
    severity=Severity.ERROR,
    title="The two ends of a tunnel have different OSPF timers",
    why="A Hello with another Hello or dead interval is dropped (RFC 2328 §10.5): no adjacency.",
    bad="interface Tunnel0\n ip ospf hello-interval 10",
    fix="interface Tunnel0\n ip ospf hello-interval 30",
)
AREA: Final = Rule(
    id="ospf-area-differs",
    severity=Severity.ERROR,
    title="The two ends of a tunnel are in different OSPF areas",
    why="A Hello of another area is dropped (RFC 2328 §8.2): no adjacency.",
    bad="interface Tunnel0\n ip ospf 1 area 1",
    fix="interface Tunnel0\n ip ospf 1 area 0",
)
OSPF_AUTHENTICATION: Final = Rule(
    id="ospf-authentication-differs",
    severity=Severity.ERROR,
    title="OSPF authenticates at one end only, or with other keys",
    why="Every OSPF packet has to have the receiver's authentication type and key (RFC 2328 §8.2, Appendix D).",
    bad="interface Tunnel0\n ip ospf authentication message-digest",
    fix="interface Tunnel0\n ip ospf message-digest-key 1 md5 THE-SAME-KEY",
)
PRIORITY: Final = Rule(
    id="ospf-priority-on-spoke",
    severity=Severity.ERROR,
    title="A spoke of an OSPF broadcast network may become its designated router",
    why="The designated router has to reach all routers, and only the hub does. A spoke that is elected (the highest "
    "router ID, if no priority is set) reaches the hub alone, and the other spokes learn no routes. A warning where "
    "the hub has a higher priority: it stays elected until it restarts.",
    bad="interface Tunnel0\n ip ospf network broadcast",
    fix="interface Tunnel0\n ip ospf priority 0",
)
RULES: Final = (TYPE_DEFAULT, TYPE, TIMERS, AREA, OSPF_AUTHENTICATION, PRIORITY)
_MULTIPOINT: Final = ospf_lines.NETWORK.of(**{"point-to-multipoint": True})
_ELECTED: Final = (NetworkType.BROADCAST, NetworkType.NON_BROADCAST)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield what keeps the two ends of a tunnel from an adjacency, or from an election that works."""
    for device in network.devices:
        yield from _in_excerpts(device)
    for end in network.ends:
        yield from _alone(network, end)
    for pair in network.pairs:
        yield from _types(network, pair)
    for culprit, other in network.differing(_area):
        where = f"{other.device.hostname}'s {other.name}"
        what = f"{culprit.name} is in OSPF area {_area(culprit)}, and {where} in area {_area(other)}"
        yield found(AREA, culprit.device, _area_line(culprit), what, related=((other.device, _area_line(other)),))
    words = "ip ospf authentication"
    for culprit, other in network.differing(_key):
        what = f"{culprit.name} and {other.device.hostname}'s {other.name} do not authenticate OSPF alike"
        related = ((other.device, other.line(words)),)
        yield found(OSPF_AUTHENTICATION, culprit.device, culprit.line(words), what, related=related)


def _in_excerpts(device: Device) -> Iterator[NetworkConcern]:
    """Yield findings about tunnels that nothing else is said of: they may be meant to be multipoint."""
    for tunnel in device.tunnels.tunnels:
        interface = ospf_interface(device, tunnel.name)
        if tunnel.is_excerpt and interface is not None and interface.process is not None and not interface.network:
            section = f"interface {tunnel.name}"
            what = f"{tunnel.name} is point-to-point for OSPF: if it is multipoint, it has one neighbor at a time"
            at, fix = (section, f"ip ospf {interface.process}"), f"{section}\n {_MULTIPOINT}"
            yield found(TYPE_DEFAULT, device, at, what, fix, severity=Severity.ADVICE)


def _alone(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    interface = _running(end)
    if interface is None:
        return
    if end.multipoint and interface.network is None and not network.servers_of(end):
        what = f"{end.name} is multipoint, and point-to-point for OSPF: it has one neighbor at a time"
        fix = "\n ".join((end.at[0], _MULTIPOINT, *_timers_of_clients(network, end)))
        at = end.line("ip ospf network") if interface.process is None else end.line(f"ip ospf {interface.process}")
        # A spoke has one neighbor, its hub; that works if the hub is point-to-multipoint and has the same timers.
        severity = Severity.WARNING if len(end.nhrp.nhs) == 1 else None
        yield found(TYPE_DEFAULT, end.device, at, what, fix, severity=severity)
    if interface.network in _ELECTED and end.is_client and interface.priority and not network.clients(end):
        what = f"{end.device.hostname} is a spoke, and with priority {interface.priority} it may be elected"
        fix = f"{end.at[0]}\n {ospf_lines.PRIORITY.of(priority=0)}"
        hubs = [hub for server in network.servers_of(end) if (hub := ospf_interface(server.device, server.name))]
        is_lower = bool(hubs) and all(hub.priority > interface.priority for hub in hubs)
        severity = Severity.WARNING if is_lower else None
        yield found(PRIORITY, end.device, end.line("ip ospf network"), what, fix, severity=severity)


def _timers_of_clients(network: Network, end: TunnelEnd) -> tuple[str, ...]:
    """Return the lines by which a point-to-multipoint hub keeps the timers of its point-to-point spokes."""
    spokes = [spoke for client in network.clients(end) if (spoke := _running(client)) is not None]
    there = [timers(spoke, _type(spoke)) for spoke in spokes if _type(spoke) is NetworkType.POINT_TO_POINT]
    if not there:
        return ()
    hello, dead = there[0]
    return ospf_lines.HELLO_INTERVAL.of(seconds=hello), ospf_lines.DEAD_INTERVAL.of(seconds=dead)


def _types(network: Network, pair: EndPair) -> Iterator[NetworkConcern]:
    here, there = _running(pair.here), _running(pair.there)
    if here is None or there is None:
        return
    ours, theirs = _type(here), _type(there)
    related = ((pair.there.device, pair.there.line("ip ospf network")),)
    where = f"{pair.there.device.hostname}'s {pair.there.name}"
    if _kind(ours) != _kind(theirs):
        what = f"{pair.here.name} is {ours.value} for OSPF, and {where} is {theirs.value}"
        fix = f"{pair.here.at[0]}\n {ospf_lines.NETWORK.of(**dict.fromkeys(theirs.value.split(), True))}"
        both = NetworkType.POINT_TO_POINT, NetworkType.POINT_TO_MULTIPOINT
        alike = timers(here, ours) == timers(there, theirs) and ours in both and theirs in both
        crowded = ours is NetworkType.POINT_TO_POINT and len(network.servers_of(pair.here)) > 1
        if crowded or not alike:  # a point-to-point spoke of one point-to-multipoint hub works with the hub's timers
            yield found(TYPE, pair.here.device, pair.here.line("ip ospf network"), what, fix, related=related)
            return
    mine, other = timers(here, ours), timers(there, theirs)
    if mine != other and here.hello_multiplier is None and there.hello_multiplier is None:
        what = f"OSPF Hellos every {mine[0]} s, dead after {mine[1]} s; at {where} {other[0]} and {other[1]} s"
        right = (ospf_lines.HELLO_INTERVAL.of(seconds=other[0]), ospf_lines.DEAD_INTERVAL.of(seconds=other[1]))
        fix = "\n ".join((pair.here.at[0], *right))
        at = pair.here.line("ip ospf hello-interval" if mine[0] != other[0] else "ip ospf dead-interval")
        yield found(TIMERS, pair.here.device, at, what, fix, related=related)


def _type(interface: Interface) -> NetworkType:
    return interface.network or NetworkType.POINT_TO_POINT


def _kind(type_: NetworkType) -> str:
    """Return types that understand each other."""
    if type_ in (NetworkType.POINT_TO_MULTIPOINT, NetworkType.POINT_TO_MULTIPOINT_NON_BROADCAST):
        return "multipoint"
    return "elected" if type_ in _ELECTED else "point-to-point"


def _running(end: TunnelEnd) -> Interface | None:
    """Return the `ip ospf` lines of an end on which OSPF runs."""
    if not any(one.protocol is Protocol.OSPF for one in end.running):
        return None
    return ospf_interface(end.device, end.name) or Interface(name=end.name)


def _area(end: TunnelEnd) -> int | None:
    interface = _running(end)
    if interface is None or interface.area is not None:
        return interface.area if interface is not None else None
    return next((network.area for _, network in _networks(end)), None)


def _area_line(end: TunnelEnd) -> tuple[str, ...]:
    interface = _running(end)
    if interface is not None and interface.area is not None:
        return end.line(f"ip ospf {interface.process}")
    said = (
        (f"router ospf {process.number}", f"network {network.address} {network.wildcard}")
        for process, network in _networks(end)
    )
    return next(said, end.at)


def _networks(end: TunnelEnd) -> Iterator[tuple[ProcessSettings, OspfNetwork]]:
    """Yield the `network` lines of OSPF that hold the address of an end."""
    address = int(end.address) if end.address is not None else 0
    for process in end.device.ospf.processes:
        for network in process.networks:
            if not (address ^ int(network.address)) & ~int(network.wildcard) & 0xFFFFFFFF:
                yield process, network


def _key(end: TunnelEnd) -> tuple[object, ...] | None:
    interface = _running(end)
    if interface is None:
        return None
    areas = [area for process in end.device.ospf.processes for area in process.areas if area.number == _area(end)]
    area = areas[0] if areas else Area(number=0)
    sealed, _ = authentication_of(interface, area, end.device.ospf.key_chains)
    return (sealed.type, sealed.password, *sealed.keys[-1:])
