"""Hosts that wait for a lease of either version of IP: where on the way of their request it ends.

host ── inbound list of the port ── a pool here, or the way to a server and its pool ── the way back to the agent
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address
from typing import Final, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED, Prefix, ip_keyword
from dmvpn.base.facts import Address
from dmvpn.base.filters import Packet
from dmvpn.base.findings import Cause
from dmvpn.features.dhcp import config as lines
from dmvpn.features.dhcp.model import AGENTS, CLIENT_PORT6, SERVER_PORT6, PortSettings
from dmvpn.features.dhcp.packet import BROADCAST, CLIENT_PORT, SERVER_PORT
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.features.policy.machine import filter_list
from dmvpn.ios import INTERFACE
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.network.device import Device
from dmvpn.tools.doctor.configuration import device
from dmvpn.tools.doctor.missing_routes import to_address
from dmvpn.tools.doctor.scene import Scene, interface_of, interface_with
from dmvpn.tools.doctor.underlay_path import best_route, leads_nowhere
from dmvpn.tools.doctor.verdicts import Finding, Step, Verdict
from dmvpn.tools.walk.view import HOST_PORT

#: What a client sends first: from, to, and the ports of both.
_ASKS: Final[dict[int, tuple[Address, Address, tuple[int, int]]]] = {
    4: (UNSPECIFIED, BROADCAST, (CLIENT_PORT, SERVER_PORT)),
    6: (IPv6Address("fe80::1"), AGENTS, (CLIENT_PORT6, SERVER_PORT6)),
}


def hosts_without_lease(scene: Scene) -> Iterator[Verdict]:
    """Check that hosts that wait for a DHCP server have an address."""
    for name, host in scene.lab.hosts.items():
        for version in host.waits:
            found = _found(scene, name, host.router, version)
            what = f"{name} has no {'address' if version == 4 else 'IPv6 address'}: {found.what}"
            yield replace(found, what=what, step=Step.UNDERLAY, stops=False)


def _found(scene: Scene, name: str, router: str, version: int) -> Finding:
    """Return what keeps the lease from a host."""
    stations = sorted(_stations(scene, name, version), key=lambda one: (not _leases(one), one.router != router))
    router = stations[0].router if stations else router
    show = "show ip dhcp server statistics" if version == 4 else "show ipv6 dhcp binding"
    found = Finding(Step.UNDERLAY, Cause.NO_ADDRESS, router, "no DHCP server leases it one")
    found = replace(found, order=f"look at {show} on {router}, or on the server of its helper")
    if not stations:
        return found
    _, port, own, models = stations[0]
    filters = models.filters.of_version(version).get(port.name)
    listed = filter_list(models.policy, filters.inward, version=version) if filters is not None else None
    source, to, ports = _ASKS[version]
    asks = Packet(protocol=IpProtocol.UDP, source=source, destination=to, destination_port=ports[1])
    if listed is not None and listed.denies(replace(asks, source_port=ports[0])) is not None:
        what = f"the inbound list {listed.name} of {port.name} denies its requests"
        return replace(found, what=what, order=f"permit UDP from port {ports[0]} to port {ports[1]} in {listed.name}")
    settings = _settings(models, port)
    helpers, relays = (settings.helpers, settings.relays6) if settings is not None else ((), ())
    servers: list[Address] = [one for _, one in helpers] if version == 4 else [one for one, _ in relays]
    serves = settings.serves6 if settings is not None else ""
    pools = _pools(models, own)
    if not servers and not (pools if version == 4 else serves):
        line = "ip helper-address" if version == 4 else "ipv6 dhcp server and no ipv6 dhcp relay destination"
        fix = (INTERFACE.line(name=port.name), lines.SERVER6.line(pool=pools[0])) if pools else ()
        what = f"{router} has no {line} at {port.name}{'' if pools else f', and no pool for {own}'}"
        return replace(found, what=what, fix=fix)
    if version == 6 and serves and serves not in pools:
        return replace(found, what=f"pool {serves}, of {port.name} of {router}, has no prefix with {own}")
    for server in servers:
        owner = scene.owner(server) or ""
        there = scene.facts(owner)
        port_there = interface_with(there, server) if there is not None else None
        vrf = port_there.vrf if port_there is not None else ""
        lost = _lost(scene, (router, port.vrf), server, owner) or _lost(scene, (owner, vrf), own, router)
        if lost is not None:
            return lost
        if there is not None and version == 6 and not _pools(device(there), own):
            return replace(found, router=owner, what=f"{owner} has no pool with the relay agent's address {own}")
    return found


class _Station(NamedTuple):
    """A router that hears a host ask. own: its address at the port."""

    router: str
    port: InterfaceFacts
    own: Address
    models: Device


def _stations(scene: Scene, name: str, version: int) -> Iterator[_Station]:
    """Yield the routers that hear a host ask in this version of IP."""
    link = scene.link((name, HOST_PORT))
    for router, interface in link.ends if link is not None else ():
        facts = scene.facts(router)
        port = interface_of(facts, interface) if facts is not None else None
        own = next((one.ip for one in port.addresses if one.version == version), None) if port is not None else None
        if facts is not None and port is not None and own is not None:
            yield _Station(router, port, own, device(facts))


def _settings(models: Device, port: InterfaceFacts) -> PortSettings | None:
    """Return the lines about DHCP of a port."""
    return next((one for one in models.dhcp.ports if one.interface == port.name), None)


def _leases(station: _Station) -> bool:
    """Return whether a router leases or relays for its port, in the version of IP of its address there."""
    settings, is_ipv4 = _settings(station.models, station.port), station.own.version == 4
    there = (settings.helpers if is_ipv4 else settings.serves6 or settings.relays6) if settings else ()
    return bool(there or _pools(station.models, station.own))


def _pools(models: Device, own: Address) -> list[str]:
    """Return the names of a router's pools with an address of a port."""
    every = [(one.name, one.network) for one in models.dhcp.pools] + [
        (one.name, one.prefix) for one in models.dhcp.pools6
    ]
    return [name for name, prefix in every if prefix is not None and Prefix.host(own) in prefix]


def _lost(scene: Scene, here: tuple[str, str], target: Address, owner: str) -> Finding | None:
    """Return the missing route between a relay agent and its server: of a router to an address of another one."""
    router, vrf = here
    facts = scene.facts(router)
    if facts is None:
        return None
    barred, what = to_address(scene, owner, here, target), f"{router} has no way to {target} of {owner}"
    if barred is not None:  # perhaps on the way, where a summary leads
        return replace(barred, what=f"{what}: {barred.what}")
    route = best_route(facts, target, vrf)
    if not leads_nowhere(facts, route):
        return None
    ask = f"which router does not advertise it? show {ip_keyword(target.version)} route {target}"
    return Finding(Step.UNDERLAY, Cause.MISSING_ROUTE, router, what, decide=ask)
