"""Rules about OSPF between the two ends of a tunnel: network type, timers, area, authentication, who may be elected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.findings import Rule, Severity
from dmvpn.base.terms import Likeness
from dmvpn.features.ospf.config import interfaces as ospf_lines
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.ospf.settings import ELECTING
from dmvpn.features.ospf.terms import TYPE
from dmvpn.network.routing import ospf_interface
from dmvpn.network.terms.protocols import OSPF, ospf_end
from dmvpn.tools.lint.found import differences, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.terms import OspfEnd
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network, TunnelEnd
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
    cause=Cause.OSPF_NETWORK_TYPE,
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
RULES: Final = (TYPE_DEFAULT, *(term.rule for term in OSPF.terms), *(duty.rule for duty in OSPF.duties), PRIORITY)
_MULTIPOINT: Final = ospf_lines.NETWORK.of(**{"point-to-multipoint": True})


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield what keeps the two ends of a tunnel from an adjacency, or from an election that works."""
    for device in network.devices:
        yield from _in_excerpts(device)
    for end in network.ends:
        yield from _alone(network, end)
    yield from differences(network, OSPF)


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
    of_ospf = ospf_end(end)
    if of_ospf is None:
        return
    interface = of_ospf.port
    spokes = [spoke for client in network.clients(end) if (spoke := ospf_end(client)) is not None]
    has_several = bool(spokes) and len(spokes) + len(network.servers_of(end)) > 1
    is_named = interface.network is NetworkType.POINT_TO_POINT and has_several
    is_named = is_named and all(TYPE.compare(one, of_ospf) is not Likeness.DIFFERENT for one in spokes)
    if end.multipoint and (is_named or (interface.network is None and not network.servers_of(end))):
        what = f"{end.name} is multipoint, and point-to-point for OSPF: it has one neighbor at a time"
        kept = [one for one in spokes if is_named or one.port.network in (None, NetworkType.POINT_TO_POINT)]
        fix = "\n ".join((end.at[0], _MULTIPOINT, *_timers_of(kept)))
        is_at_port = interface.process is not None and not is_named
        at = end.line(f"ip ospf {interface.process}" if is_at_port else "ip ospf network")
        # A spoke has one neighbor, its hub; that works if the hub is point-to-multipoint and has the same timers.
        severity = Severity.WARNING if len(end.nhrp.nhs) == 1 and not is_named else None
        yield found(TYPE_DEFAULT, end.device, at, what, fix, severity=severity)
    if interface.network in ELECTING and end.is_client and interface.priority and not network.clients(end):
        what = f"{end.device.hostname} is a spoke, and with priority {interface.priority} it may be elected"
        fix = f"{end.at[0]}\n {ospf_lines.PRIORITY.of(priority=0)}"
        hubs = [hub for server in network.servers_of(end) if (hub := ospf_interface(server.device, server.name))]
        is_lower = bool(hubs) and all(hub.priority > interface.priority for hub in hubs)
        severity = Severity.WARNING if is_lower else None
        yield found(PRIORITY, end.device, end.line("ip ospf network"), what, fix, severity=severity)


def _timers_of(spokes: list[OspfEnd]) -> tuple[str, ...]:
    """Return the lines by which a point-to-multipoint hub has the timers of these spokes."""
    if not spokes:
        return ()
    hello, dead = spokes[0].timers
    return ospf_lines.HELLO_INTERVAL.of(seconds=hello), ospf_lines.DEAD_INTERVAL.of(seconds=dead)
