"""Static routes that are written and not used, because what they follow (`track`) is down.

What the object looks at is said as far as the configuration has it: the echoes of IP SLA, a line, another route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.features.track.model import Kind
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.reading import read
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.facts import Address
    from dmvpn.features.static.model import StaticRoute
    from dmvpn.network.device import Device
    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.doctor.scene import Scene


def withdrawn(scene: Scene, name: str, target: Address, evidence: tuple[str, ...], step: Step) -> Finding | None:
    """Return that a router's route to an address is gone with the object that it follows; None: it is not so."""
    facts = scene.of(name)
    if facts is None or not any(" track " in line and line.startswith("ip route ") for line in facts.configuration):
        return None
    device = read(name, facts.configuration)
    fitting = [one for one in device.static.ipv4 if one.track and target in one.prefix and not _is_used(facts, one)]
    if not fitting:
        return None
    route = max(fitting, key=lambda one: one.prefix.length)
    line = next(line for line in facts.configuration if line.startswith(_words(route)) and " track " in line)
    why, wanted = _why(scene, device, route.track)
    return Finding(
        step=step,
        cause=Cause.MISSING_ROUTE,
        router=name,
        what=f"the route of {name} to {route.prefix} by {route.next_hop} is gone with track {route.track}: {why}",
        evidence=(f"{name}: {line}", *evidence),
        fix=(f"no {line}", line.partition(" track ")[0]),
        order=wanted,
    )


def _words(route: StaticRoute) -> str:
    return f"ip route {route.prefix.address} {route.prefix.netmask} "


def _is_used(facts: RouterFacts, route: StaticRoute) -> bool:
    return any(
        one.source == "static"
        and Prefix.parse(str(one.prefix)) == route.prefix
        and any(hop.address == route.next_hop or hop.interface == route.interface for hop in one.next_hops)
        for one in facts.routes
    )


def _why(scene: Scene, device: Device, number: int) -> tuple[str, str]:
    """Return what the object looks at, and what may be done besides."""
    known = next((one for one in device.track.objects if one.number == number), None)
    if known is None:
        return "there is no such object", f"or: track {number} ..."
    if known.kind not in (Kind.REACHABLE, Kind.STATE):
        return f"it looks at {known.about} ({known.parameter})", ""
    operation = next((one for one in device.track.operations if one.number == known.operation), None)
    if operation is None:
        return f"there is no ip sla {known.operation}", ""
    return _echoes(scene, operation.destination, known.operation)


def _echoes(scene: Scene, destination: IPv4Address, number: int) -> tuple[str, str]:
    hosts = [host.address.ip for host in scene.lab.hosts.values()]
    nobody = scene.owner(destination) is None and destination not in hosts
    whom = f"{destination}, which nobody has" if nobody else f"{destination}"
    return f"ip sla {number} hears nothing of {whom}", f"ip sla {number} with icmp-echo to an address that answers"
