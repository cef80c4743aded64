"""The roles in a network: hubs, spokes, providers, and the computers on its LANs."""

from __future__ import annotations

import re
from bisect import bisect
from ipaddress import IPv4Address, IPv4Network
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Literal

from dmvpn.features.nhrp.model import TunnelConfig as NhrpTunnel
from dmvpn.shells.inference.provider import NO_LAN
from dmvpn.shells.lab_model import NAME, HostSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.shells.inference.wires import InferredNetwork, Port

_HOST_NUMBER: Final = 100
#: Addresses of a LAN that are candidates for its computer.
_TRIED: Final = 512


def role(name: str, network: InferredNetwork, *, added: bool) -> Literal["hub", "spoke", "provider", "router"]:
    """Return the role for display. added: the router takes no part in the overlay."""
    device = network.devices.get(name)
    if added or device is None or (not device.tunnels.tunnels and _is_gateway(name, network)):
        return "provider"
    tunnels = device.tunnels.tunnels
    own = [interface.address[0] for one in tunnels if (interface := device.interface(one.name)) and interface.address]
    spoken = {one.name: one for one in device.nhrp.tunnels if one.version == 4}
    if any(address in _servers(network) for address in own):
        return "hub"
    if any(one.multipoint and not spoken[one.name].nhs for one in tunnels):
        return "hub"
    return "spoke" if any(spoken[one.name] != NhrpTunnel(name=one.name) for one in tunnels) else "router"


def _servers(network: InferredNetwork) -> list[IPAddress]:
    """Return the tunnel addresses of servers in `nhs` lines.

    The defaults of newer releases do not show which router is a hub.
    """
    every = (nhrp for device in network.devices.values() for nhrp in device.nhrp.tunnels)
    return [server.address for nhrp in every for server in nhrp.nhs if server.address is not None]


def _is_gateway(name: str, network: InferredNetwork) -> bool:
    """Return whether several routers send their tunnels' packets to it, or over its wires."""
    own = [port.address.ip for wire in network.wires for port in wire.ports if port.router == name]
    near = {
        (port.router, port.name)
        for wire in network.wires
        for port in wire.ports
        if any(there.router == name for there in wire.ports)
    }
    users = [
        router
        for router, device in network.devices.items()
        if device.tunnels.tunnels
        and (
            any(route.prefix.is_default and route.next_hop in own for route in device.static.routes)
            or any((router, tunnel.source_interface) in near for tunnel in device.tunnels.tunnels)
        )
    ]
    return len(users) > 1


def _free(port: Port, known: list[tuple[int, int]]) -> IPv4Address:
    """Return an address for a computer: outside of more specific networks, if possible.

    known: the addresses of all routers and the lengths of their prefixes, in order.
    """
    subnet = port.address.network
    among = slice(bisect(known, (int(subnet[0]),)), bisect(known, (int(subnet[-1]), subnet.max_prefixlen)))
    carved = [IPv4Network(one, strict=False) for one in known[among] if one[1] > subnet.prefixlen]
    usual = subnet.network_address + _HOST_NUMBER
    first = [usual] if usual in subnet and usual != subnet.broadcast_address else []
    candidates = [host for host in chain(first, islice(subnet.hosts(), _TRIED)) if host != port.address.ip]
    return next((host for host in candidates if not any(host in one for one in carved)), candidates[0])


def hosts(network: InferredNetwork, configurations: Mapping[str, str]) -> dict[str, HostSpec]:
    """Return a computer on every wire with a single port, unless that is a way out."""
    found: dict[str, HostSpec] = {}
    known = sorted(
        (int(address), length) for device in network.devices.values() for _, address, length in device.addresses()
    )
    for wire in network.wires:
        if len(wire.ports) != 1 or wire.ports[0].address.network.prefixlen >= NO_LAN:
            continue
        port = wire.ports[0]
        subnet = port.address.network
        wanted = _free(port, known)
        digits = re.sub(r"\D", "", port.router)
        numbers = range(len(network.wires) + len(configurations) + 1)
        names = (f"H{digits}", f"H-{port.router}", *(f"H-{number}" for number in numbers))
        taken = ("H", *found, *configurations)
        name = next(name for name in names if re.fullmatch(NAME, name) and name not in taken)
        found[name] = HostSpec(link=port.end, address=f"{wanted}/{subnet.prefixlen}", gateway=port.address.ip)
    return dict(sorted(found.items()))
