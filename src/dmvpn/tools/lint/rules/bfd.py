"""Rules about BFD on tunnels: protocols that ask for it in vain, and detection that comes too late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.features.bfd import config as bfd
from dmvpn.features.ospf.model import Interface as OspfInterface
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.ospf.settings import timers
from dmvpn.network.routing import Protocol, ospf_interface
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bfd.model import Parameters
    from dmvpn.network.overlay import Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

_FIX: Final = "bfd interval 1000 min_rx 1000 multiplier 5"
SLOW: Final = Rule(
    id="bfd-slower-than-hold",
    severity=Severity.WARNING,
    title="BFD detects a failure later than the timer of the routing protocol",
    why="BFD should report a dead path to a routing protocol before its own timer does. Its detection time is the "
    "multiplier times the interval (RFC 5880 §6.8.4); if that is not shorter than EIGRP's hold time or OSPF's dead "
    "interval it only costs packets.",
    bad="interface Tunnel0\n bfd interval 9000 min_rx 9000 multiplier 5",
    fix="interface Tunnel0\n bfd interval 1000 min_rx 1000 multiplier 5",
)
NO_INTERVAL: Final = Rule(
    id="bfd-without-interval",
    severity=Severity.WARNING,
    title="A protocol asks for BFD on a tunnel that has no intervals",
    why="`bfd` of a routing protocol asks for sessions; the interface sets the intervals (`bfd interval` or `bfd "
    "template`). Without them no packets are sent, and only the protocol's own timer detects a lost neighbor.",
    bad="interface Tunnel0\n ip ospf bfd",
    fix="interface Tunnel0\n bfd interval 1000 min_rx 1000 multiplier 5",
)
RULES: Final = (SLOW, NO_INTERVAL)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield BFD that runs in vain, and detection that comes too late."""
    models: dict[str, dict[str, Parameters]] = {}
    for end in network.ends:
        if end.nhrp.network_id is not None:
            if end.device.name not in models:
                models[end.device.name] = dict(bfd.model(end.device.tree).interfaces)
            yield from _check(end, models[end.device.name].get(end.name))


def _check(end: TunnelEnd, parameters: Parameters | None) -> Iterator[NetworkConcern]:
    if parameters is None:
        for who, at in _askers(end):
            what = f"{who} asks for BFD on {end.name}, which has no bfd interval"
            yield found(NO_INTERVAL, end.device, at, what, f"{end.at[0]}\n {_FIX}")
        return
    detection = parameters.multiplier * max(parameters.interval, parameters.min_rx) / 1000
    hold, who = min(_waits(end), default=(end.nhrp.holdtime, "an entry of NHRP"))
    if detection >= hold:
        what = f"BFD takes {detection:g} s to find a dead path, and {who} waits {hold} s"
        yield found(SLOW, end.device, end.line("bfd interval"), what, f"{end.at[0]}\n {_FIX}")


def _askers(end: TunnelEnd) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the protocols that ask for BFD on a tunnel, with the line, or the section, that does."""
    eigrp = end.eigrp
    if eigrp is not None and eigrp[1].bfd:
        yield "EIGRP", end.at
    interface = ospf_interface(end.device, end.name)
    if interface is not None and interface.bfd:
        yield "OSPF", end.line("ip ospf bfd")


def _waits(end: TunnelEnd) -> Iterator[tuple[int, str]]:
    """Yield how many seconds the protocols on a tunnel wait for a silent neighbor, and who they are."""
    eigrp = end.eigrp
    if eigrp is not None:
        yield eigrp[1].hold_time, "EIGRP"
    if any(one.protocol is Protocol.OSPF for one in end.running):
        interface = ospf_interface(end.device, end.name) or OspfInterface(name=end.name)
        by_second = interface.hello_multiplier is not None
        yield 1 if by_second else timers(interface, NetworkType.POINT_TO_POINT)[1], "OSPF"
