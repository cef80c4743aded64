"""Checks for static routes that are configured and not installed, because their tracked object (`track`) is down.

The report names what the object tracks, as far as the configuration says: an IP SLA probe, an interface, a route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.causes import Cause
from dmvpn.features.track.model import TrackKind
from dmvpn.tools.doctor.configuration import device, static_routes
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.facts import Address
    from dmvpn.features.static.model import StaticRoute
    from dmvpn.network.device import Device
    from dmvpn.router.facts import RouterFacts
    from dmvpn.tools.doctor.scene import Scene


def withdrawn(scene: Scene, name: str, target: Address, evidence: tuple[str, ...], step: Step) -> Finding | None:
    """Return the finding that a router's route to an address is withdrawn by its tracked object; None: it is not."""
    facts = scene.of(name)
    if facts is None:
        return None
    known = [one for one in static_routes(facts) if one[0].track and target in one[0].prefix]
    fitting = [one for one in known if not _is_used(facts, one[0])]
    if not fitting:
        return None
    route, line = max(fitting, key=lambda one: one[0].prefix.length)
    why, wanted = _why(scene, device(facts), route.track)
    return Finding(
        step=step,
        cause=Cause.MISSING_ROUTE,
        router=name,
        what=f"the route of {name} to {route.prefix} by {route.next_hop} is gone with track {route.track}: {why}",
        evidence=(f"{name}: {line}", *evidence),
        fix=(f"no {line}", line.replace(f" track {route.track}", "")),
        order=wanted,
    )


def _is_used(facts: RouterFacts, route: StaticRoute) -> bool:
    return any(
        one.source == "static"
        and Prefix.parse(str(one.prefix)) == route.prefix
        and any(hop.address == route.next_hop or hop.interface == route.interface for hop in one.next_hops)
        for one in facts.routes
    )


def _why(scene: Scene, models: Device, number: int) -> tuple[str, str]:
    """Return the object's subject, and further remedies."""
    known = next((one for one in models.track.objects if one.number == number), None)
    if known is None:
        return "there is no such object", f"or: track {number} ..."
    if known.kind not in (TrackKind.REACHABLE, TrackKind.STATE):
        return f"it looks at {known.about} ({known.parameter})", ""
    operation = next((one for one in models.track.operations if one.number == known.operation), None)
    if operation is None:
        return f"there is no ip sla {known.operation}", ""
    return _echoes(scene, operation.destination, known.operation)


def _echoes(scene: Scene, destination: IPv4Address, number: int) -> tuple[str, str]:
    hosts = [host.address.ip for host in scene.lab.hosts.values()]
    nobody = scene.owner(destination) is None and destination not in hosts
    whom = f"{destination}, which no router has" if nobody else f"{destination}"
    return f"ip sla {number} hears nothing of {whom}", f"ip sla {number} with icmp-echo to an address that answers"
