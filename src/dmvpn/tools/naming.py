"""Names of servers for a lab whose files have them: the name service that knew them stayed with their author.

    the files                ip nhrp nhs 172.16.0.1 nbma hub1.example.com multicast
    never in the files       the address of hub1.example.com

The line means the router of the lab that has 172.16.0.1 on a tunnel, so the name stands for that tunnel's source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.values import Value
from dmvpn.network.device import Device
from dmvpn.network.lines import with_lines
from dmvpn.shells.scenario import Scenario


def name_servers(scenario: Scenario) -> str:
    """Configure the addresses of servers that routers know by name. Returns a note about it, "" if no router needs any.

    Changes the scenario's configurations: each such name becomes a line `ip host`, unless there is one.
    """
    read = {name: Device.read(name, text, leaves_out=True) for name, text in scenario.configurations.items()}
    servers = [server for device in read.values() for server in _servers(device)]
    added: dict[str, list[str]] = {}
    for router, device in read.items():
        known = {name.lower() for name, _ in device.nhrp.hosts}
        found = {name: address for name, address in _named(device, servers) if name.lower() not in known}
        if found:
            hosts = [f"ip host {name} {address}" for name, address in found.items()]
            scenario.configurations[router] = with_lines(scenario.configurations[router], hosts)
            for name, address in found.items():
                added.setdefault(f"{name} = {address}", []).append(router)
    if not added:
        return ""
    routers = ", ".join(dict.fromkeys(router for each in added.values() for router in each))
    return f"{routers}: no name service answers here, so the lab defines them by `ip host`: {', '.join(added)}"


class _Server(Value):
    """A tunnel that clients may register with: its address, and the NBMA address of its source.

    is_client: it registers with servers itself, as one of several hubs does.
    """

    address: IPAddress
    length: int
    nbma: IPAddress
    is_client: bool


def _servers(device: Device) -> Iterator[_Server]:
    spoken = {nhrp.name: nhrp for nhrp in device.nhrp.tunnels if nhrp.version == 4}
    for tunnel in device.tunnels.tunnels:
        own, source = device.interface(tunnel.name), device.interface(tunnel.source_interface)
        if own is not None and own.address is not None and source is not None and source.address is not None:
            yield _Server(*own.address, source.address[0], bool(spoken[tunnel.name].nhs))


def _named(device: Device, servers: Sequence[_Server]) -> Iterator[tuple[str, IPAddress]]:
    """Yield the servers that a router knows by name alone, each with its NBMA address."""
    for nhrp in device.nhrp.tunnels:
        own = device.interface(nhrp.name)
        for nhs in nhrp.nhs:
            if not nhs.name or nhrp.version != 4:
                continue
            if nhs.address is None:  # the server announces its address: only one may fit
                subnet = Prefix.of(*own.address) if own is not None and own.address is not None else None
                meant = [one for one in servers if Prefix.of(one.address, one.length) == subnet and not one.is_client]
            else:
                meant = [one for one in servers if one.address == nhs.address]
            if len(meant) == 1:
                yield nhs.name, meant[0].nbma
