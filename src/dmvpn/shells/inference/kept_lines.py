"""Lines that stay as they are, because the lab has in the end what they need.

ip address dhcp          a server of the folder on the wire, or the provider, which leases the port its one address
ip route ... track N     an interface or a route, or a probe whose target some port or host here has, if another route
                         leads there
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from ipaddress import IPv4Address

from dmvpn.base.addresses import IPAddress
from dmvpn.features.dhcp.packet import Code
from dmvpn.features.track.model import CHOSEN_BY, TrackConfig
from dmvpn.network.device import Device
from dmvpn.network.lines import with_lines
from dmvpn.network.underlay import far_ends
from dmvpn.shells.adaptations import ReplacedLine
from dmvpn.shells.inference.roles import is_leased
from dmvpn.shells.inference.wires import InferredNetwork, Port


def keep_lines(
    network: InferredNetwork,
    configurations: dict[str, str],
    provider: str,
    replaced: Mapping[str, Sequence[ReplacedLine]],
    hosts: Sequence[IPAddress],
) -> None:
    """Take replacements back, by router, where the lab has what the lines need, and report all of them."""
    here: list[IPAddress] = [port.address.ip for wire in network.wires for port in wire.ports]
    here += [*hosts, *(address for device in network.devices.values() for _, address, _ in device.addresses())]
    for router, some in replaced.items():
        routes = _keep_tracks(network, configurations, router, [each for each in some if not each.port], here)
        for each in (*routes, *(one for one in some if one.port)):
            if not each.port or _gets_lease(network, configurations, provider, router, each, replaced):
                text = configurations[router].replace(f"{each.now}\n", f"{each.line}\n", 1)
                configurations[router] = text.replace(f"\n{each.route}\n", "\n", 1) if each.route else text


def _keep_tracks(
    network: InferredNetwork,
    configurations: Mapping[str, str],
    router: str,
    routes: Sequence[ReplacedLine],
    here: Sequence[IPAddress],
) -> list[ReplacedLine]:
    """Return the tracked routes that a router may have, and report why others hold always."""
    text, device = configurations[router], network.devices[router]
    kept = [each for each in routes if f"{each.now}\n" in text and _is_here(device.track, each.track, here)]
    gone = [f"`track {each.track}`" for each in routes if each not in kept]
    if gone:
        objects = ", ".join(dict.fromkeys(gone))
        network.notes.append(f"{router}: nothing here is what {objects} looks at, so its routes always hold")
    for each in kept:
        text = text.replace(f"{each.now}\n", "", 1)
    near = _led_to(device.read(router, text), here) if kept else []
    found = [each for each in kept if _is_here(device.track, each.track, near)]
    for name in dict.fromkeys(f"`track {each.track}`" for each in kept if each not in found):
        network.notes.append(f"{router}: only routes that follow {name} lead to what it looks at, so they always hold")
    return found


def _led_to(device: Device, addresses: Sequence[IPAddress]) -> list[IPAddress]:
    """Return the addresses of IPv4 to which a port or a static route leads, and all of IPv6."""
    ways: list[Container[object]] = [port.network for port in device.ports.values()]
    ways += [route.prefix for route in device.routes]
    return [address for address in addresses if address.version == 6 or any(address in way for way in ways)]


def _gets_lease(
    network: InferredNetwork,
    configurations: dict[str, str],
    provider: str,
    router: str,
    line: ReplacedLine,
    replaced: Mapping[str, Sequence[ReplacedLine]],
) -> bool:
    """Return whether a server leases a port its address: the provider, if no other port asks there."""
    asking = {(name, each.port) for name, some in replaced.items() for each in some}  # asked, never iterated
    for wire in network.wires:
        clients = [port for port in wire.ports if (port.router, port.name) in asking]
        port = next((one for one in clients if (one.router, one.name) == (router, line.port)), None)
        if port is None:
            continue
        ours = next((one for one in wire.ports if one.router == provider), None)
        if ours is not None and len(clients) == 1:
            configurations[provider] = with_lines(configurations[provider], [*_pool(port, ours)])
            network.notes.append(f"{router} {line.port} gets its address by DHCP: {provider} leases it {port.address}")
            return True
        pools = [pool for device in network.devices.values() for pool in device.dhcp.pools]
        leads_out = not line.route or any(
            str(pool.network) == str(port.address.network) and Code.ROUTER in dict(pool.options) for pool in pools
        )
        is_named = any(port.address.ip in far_ends(device) for device in network.devices.values())
        if leads_out and not is_named and is_leased(network, wire, port.address.network):
            network.notes.append(f"{router} {line.port} gets an address of {port.address.network} by DHCP")
            return True
        network.notes.append(f"{router} {line.port} gets its address by DHCP: the lab gives it {port.address}")
    return False


def _pool(client: Port, server: Port) -> Iterator[str]:
    """Yield the lines of a server that leases a port its address alone."""
    subnet, own = client.address.network, int(client.address.ip)
    yield "ip dhcp ping packets 0"
    for first, last in ((int(subnet[1]), own - 1), (own + 1, int(subnet[-2]))):
        if first <= last:
            yield f"ip dhcp excluded-address {IPv4Address(first)} {IPv4Address(last)}"
    yield f"ip dhcp pool {client.router}-{client.name}"
    yield f" network {subnet.network_address} {subnet.netmask}"
    yield f" default-router {server.address.ip}"


def _is_here(config: TrackConfig, number: int, here: Container[IPAddress]) -> bool:
    """Return whether an object of a router looks at something that a lab has; of a list each must."""
    objects = {one.number: one for one in config.objects}
    operations = {one.number: one for one in config.operations}
    if number not in objects:
        return False
    members = [member for member, _ in objects[number].members] or [number]
    for one in (objects.get(member) for member in members):
        if one is None or one.kind in CHOSEN_BY["list"]:
            return False
        probe = operations.get(one.operation)
        if one.kind in CHOSEN_BY["sla"] and (probe is None or not probe.scheduled or probe.destination not in here):
            return False
    return True
