"""The roles in a network: hubs, spokes, providers, and the computers on its LANs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from dmvpn.network.lines import default_routes, interface_address, tunnels
from dmvpn.shells.inference.provider import NO_LAN
from dmvpn.shells.scenario import NAME, HostSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.network.lines import Lines
    from dmvpn.shells.inference.wires import Network

_HOST_NUMBER: Final = 100


def role(name: str, lines: Lines, network: Network, *, added: bool) -> Literal["hub", "spoke", "provider", "router"]:
    """What the picture shows it as. added: nothing of the overlay is expected of it."""
    own = tunnels(lines)
    if added or (not own and _is_gateway(name, network)):
        return "provider"
    if any(str(address.ip) in _servers(network) for tunnel in own if (address := interface_address(tunnel))):
        return "hub"
    multipoint = [tunnel for tunnel in own if tunnel.has("tunnel mode gre multipoint")]
    if any(not tunnel.headers("ip nhrp nhs ") for tunnel in multipoint):
        return "hub"
    return "spoke" if any(tunnel.headers("ip nhrp ") for tunnel in own) else "router"


def _servers(network: Network) -> list[str]:
    """The tunnel addresses that somebody registers with. The defaults of newer releases do not show which router is a
    hub.
    """
    every = [tunnel for lines in network.lines.values() for tunnel in tunnels(lines)]
    return [line.split()[3] for tunnel in every for line in tunnel.headers("ip nhrp nhs ")]


def _is_gateway(name: str, network: Network) -> bool:
    """Do several routers send their tunnels' packets to it, or over its wires?"""
    own = [port.address.ip for wire in network.wires for port in wire.ports if port.router == name]
    near = {
        (port.router, port.name)
        for wire in network.wires
        for port in wire.ports
        if any(there.router == name for there in wire.ports)
    }
    users = [
        router
        for router, lines in network.lines.items()
        if tunnels(lines)
        and (
            any(gateway in own for _, gateway in default_routes(lines))
            or any((router, tunnel.value("tunnel source ")) in near for tunnel in tunnels(lines))
        )
    ]
    return len(users) > 1


def hosts(network: Network, configurations: Mapping[str, str]) -> dict[str, HostSpec]:
    """A computer on every wire with a single port, unless that is a way out."""
    found: dict[str, HostSpec] = {}
    for wire in network.wires:
        if len(wire.ports) != 1 or wire.ports[0].address.network.prefixlen >= NO_LAN:
            continue
        port = wire.ports[0]
        subnet = port.address.network
        wanted = subnet.network_address + _HOST_NUMBER
        if wanted not in subnet or wanted in (port.address.ip, subnet.broadcast_address):
            wanted = next(host for host in subnet.hosts() if host != port.address.ip)
        digits = re.sub(r"\D", "", port.router)
        numbers = range(len(network.wires) + len(configurations) + 1)
        names = (f"H{digits}", f"H-{port.router}", *(f"H-{number}" for number in numbers))
        taken = ("H", *found, *configurations)
        name = next(name for name in names if re.fullmatch(NAME, name) and name not in taken)
        found[name] = HostSpec(link=port.end, address=f"{wanted}/{subnet.prefixlen}", gateway=port.address.ip)
    return dict(sorted(found.items()))
