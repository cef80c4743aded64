"""Checks of `redistribute connected`: a route map may filter a LAN that seems to be advertised.

They run where the server has no route to a client's LAN: the map itself is evaluated for the route.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeAlias

from dmvpn.base.addresses import Prefix
from dmvpn.base.causes import Cause
from dmvpn.base.notices import RouteSource
from dmvpn.base.routemaps import MatchedRoute
from dmvpn.tools.doctor import bgp, learned_routes, ospf, rip
from dmvpn.tools.doctor.configuration import read
from dmvpn.tools.doctor.scene import interface_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address, Network
    from dmvpn.network.device import Device
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Finding, Verdict

    _Lan: TypeAlias = tuple[str, Address, Network]


def route_maps(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a client's redistribution includes its LAN, if it is how the LAN is advertised."""
    there, hub, facts = client.there, client.hub_facts, client.facts
    site = scene.site_of(client.name, facts)
    if there is None or hub is None or site is None or not learned_routes.lacks(hub, there, site[1]):
        return
    port = interface_of(facts, site[0])
    network = next((own.network for own in (port.addresses if port is not None else ()) if own.ip == site[1]), None)
    if network is None or network.version != 4:
        return
    candidate = MatchedRoute(prefix=Prefix.parse(str(network)), interface=site[0])
    device = read(client.name, facts.configuration, facts.vrf)
    for found, route_map in _kept_back(client, device, (*site, network)):
        if route_map and device.policies.mapped(route_map, candidate) is None:
            what = f"route-map {route_map} of {client.name} keeps its LAN {network} out of what it redistributes"
            yield replace(found, cause=Cause.ROUTE_FILTERED, what=what)
            return


def _kept_back(client: Client, device: Device, lan: _Lan) -> Iterator[tuple[Finding, str]]:
    """Yield each protocol's finding that a LAN is not advertised, and its route map for redistribution."""
    name, facts = client.name, client.facts
    port, address, network = lan
    evidence = (f"{client.hub}: no route to {network} by the tunnel",)
    for process, settings in zip(facts.eigrp, device.eigrp.processes, strict=False):
        if all(one.name != port for one in process.interfaces):
            said = learned_routes.not_announced(name, process, (port, network), evidence)
            yield from ((said, one.route_map) for one in settings.redistributions if _is_ours(one.source))
    for running, written in zip(facts.ospf, device.ospf.processes, strict=False):
        if all(one.name != port for one in running.interfaces):
            said = ospf.not_announced(name, running, (port, address), evidence)
            yield from ((said, one.route_map) for one in written.redistributions if _is_ours(one.source))
    if facts.bgp.local_as and not bgp.announced(facts, address):
        said = bgp.not_announced(name, facts, (port, address), evidence)
        yield from ((said, one.route_map) for one in device.bgp.redistributions if _is_ours(one.source))
    if facts.rip is not None and isinstance(address, IPv4Address) and not rip.announced(facts, address):
        said = rip.not_announced(name, port, address, evidence, vrf=facts.vrf)
        yield from ((said, one.route_map) for one in device.rip.redistributions if _is_ours(one.source))


def _is_ours(source: RouteSource) -> bool:
    return source is RouteSource.CONNECTED
