"""Checks of LANs: the owner of an address, judged by the hosts there.

A host knows its own network and its gateway. So it is known which of two routers with one LAN is wrong, and which
address a router's LAN port had before a change.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.causes import Cause
from dmvpn.features.interface.config import sections as port_lines
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor.addressing import address_line
from dmvpn.tools.doctor.probes import ProbePurpose
from dmvpn.tools.doctor.verdicts import Finding, Step
from dmvpn.tools.walk.view import HOST_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address, AddressWithLength
    from dmvpn.features.interface.facts import InterfaceFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict


class Lan(NamedTuple):
    """A host's wire: the host, its address, its configured gateway, and the port of the router there."""

    host: str
    own: AddressWithLength
    gateway: Address | None
    router: str
    port: InterfaceFacts


def gateways(scene: Scene) -> Iterator[Verdict]:
    """Check that each host finds its gateway at its router's port."""
    for lan in _strange_lans(scene):
        yield strange(scene, lan)


def silent_hosts(scene: Scene) -> Iterator[Verdict]:
    """Check that a host of each LAN answers its router: a silent one is perhaps not plugged in."""
    names = {host.address.ip: name for name, host in scene.lab.hosts.items()}
    for probe, answer in scene.answers.items():
        if probe.kind is ProbePurpose.LAN and answer.silent and probe.target in names:
            yield Finding(
                step=Step.UNDERLAY,
                cause=Cause.LINK_CUT,
                router=probe.router,
                what=f"{names[probe.target]} ({probe.target}) does not answer at {probe.source} of {probe.router}",
                evidence=(f"pings from {probe.router}: {answer}",),
                order=f"look at the wire of {probe.source}, and whether the host runs",
                stops=False,
            )


def mistaken_ports(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield ports of routers whose hosts have another gateway."""
    for lan in _strange_lans(scene):
        yield lan.router, lan.port.name


def _strange_lans(scene: Scene) -> Iterator[Lan]:
    asked: set[tuple[str, str]] = set()
    for lan in _lans(scene):
        if (lan.router, lan.port.name) in asked or not lan.port.enabled or not isinstance(lan.gateway, IPv4Address):
            continue
        asked.add((lan.router, lan.port.name))
        if all(lan.gateway != one.ip for one in lan.port.addresses):
            yield lan


def _lans(scene: Scene) -> Iterator[Lan]:
    """Yield the wires of hosts with one router, of which it is known that it is the gateway."""
    for name, host in scene.lab.hosts.items():
        lan, link = lan_of(scene, name), scene.link((name, HOST_PORT))
        routers = [node for node, _ in link.ends if node in scene.lab.routers] if link is not None else []
        if lan is not None and len(routers) == 1 and host.gateway and host.router not in scene.lab.providers:
            yield lan


def lan_of(scene: Scene, name: str) -> Lan | None:
    """Return the wire of a host; None: its router does not run, or has no port there."""
    host, port = scene.lab.hosts[name], scene.gateway_port(name)
    return Lan(name, host.address, host.gateway, host.router, port) if port is not None else None


def strange(scene: Scene, lan: Lan, evidence: tuple[str, ...] = ()) -> Finding:
    """Return the finding that the port has a wrong address or none, or that the host has a wrong gateway."""
    mine = [one for one in lan.port.addresses if one.version == lan.own.version]
    if _is_mistaken(scene, lan.host):
        return _gateway(scene, lan.host, lan.port.name, mine, evidence)
    others = [
        name
        for name, facts in scene.alive()
        if name != lan.router
        and any(one.network == own.network for one in mine for port in facts.interfaces for own in port.addresses)
    ]
    has = f"is {', '.join(map(str, mine))}" if mine else "has no address"
    wrong = Cause.LAN_OVERLAP if others else Cause.HOST_GATEWAY
    also = f"; that network is the one of {', '.join(others)}" if others else ""
    return Finding(
        step=Step.UNDERLAY,
        cause=wrong if mine else Cause.NO_ADDRESS,
        router=lan.router,
        what=(
            f"{lan.host} ({lan.own}) sends to the gateway {lan.gateway}, "
            f"and {lan.port.name} of {lan.router} {has}{also}"
        ),
        evidence=evidence or (f"{lan.router}: {lan.port.name} {has}", f"{lan.host}: {lan.own}, gateway {lan.gateway}"),
        fix=(INTERFACE.of(name=lan.port.name), address_line(lan.gateway, lan.own.network)),
        others=tuple(others),
    )


def _is_mistaken(scene: Scene, name: str) -> bool:
    """Return whether a host, and not its router, has the wrong gateway.

    The gateway is unreachable for it, is another host's address, or other hosts on its wire use the router as gateway.
    """
    host = scene.lab.hosts[name]
    own, wanted = host.address, host.gateway
    if wanted is None or wanted.version != own.version:
        return False
    nobody = wanted not in own.network or wanted in (own.ip, own.network.network_address, own.network.broadcast_address)
    others = [one for other, one in scene.lab.hosts.items() if other != name and one.router == host.router]
    near = [one for one in others if one.address.network == own.network]
    served = [one.gateway for one in near if one.gateway is not None and scene.owner(one.gateway) == host.router]
    return nobody or any(one.address.ip == wanted for one in others) or (bool(served) and wanted not in served)


def _gateway(scene: Scene, name: str, port: str, mine: list[AddressWithLength], evidence: tuple[str, ...]) -> Finding:
    """Return the finding that a host has the wrong gateway; mine: the addresses of its router there."""
    host = scene.lab.hosts[name]
    right = next((one.ip for one in mine if one.version == host.address.version), None)
    return Finding(
        step=Step.UNDERLAY,
        cause=Cause.HOST_GATEWAY,
        router=host.router,
        what=(
            f"the host {name} ({host.address}) sends to the gateway {host.gateway}, which is wrong: "
            f"{port} of {host.router} is {', '.join(map(str, mine)) or 'without address'}"
        ),
        evidence=evidence or (f"{name}: {host.address}, gateway {host.gateway}",),
        order=f"give the host {name} the gateway {right}" if right is not None else f"give {port} an address",
    )


def duplicate_addresses(scene: Scene) -> Iterator[Verdict]:
    """Check that no other router has an address out of a host's LAN.

    A longer prefix takes only its part of the LAN: packets for hosts in the other part arrive.
    """
    hosts = [lan.own for lan in _lans(scene)]
    known = {lan.own.network: lan for lan in _lans(scene) if any(lan.gateway == one.ip for one in lan.port.addresses)}
    for network, lan in known.items():
        for name, facts in scene.alive():
            if name == lan.router:
                continue
            for interface in facts.interfaces:
                for own in interface.addresses:
                    if own.version != network.version or own.network == network or own.ip not in network:
                        continue
                    if own.network.prefixlen > network.prefixlen and not any(
                        host.network == network and host.ip in own.network for host in hosts
                    ):
                        continue
                    yield Finding(
                        step=Step.ROUTING,
                        cause=Cause.LAN_OVERLAP,
                        router=name,
                        what=f"{interface.name} of {name} has {own}, out of {network}, the LAN of {lan.router}",
                        evidence=(f"{name}: {interface.name} {own}", f"{lan.router}: {lan.host} is there"),
                        fix=(INTERFACE.of(name=interface.name), port_lines.ADDRESS.no()),
                        others=(lan.router,),
                    )
