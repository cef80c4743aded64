"""Addresses of ports that a lab must assign, because the configurations do not contain them.

A port that uses DHCP, or is the source of a tunnel in an excerpt, gets the address that its own tunnel, its clients or
its IKE identity name; else one of its drawn wire, or of a pool; else an invented one.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.network.underlay import far_ends

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.network.device import Device

#: Invented networks for ports with unknown addresses (RFC 2544).
_MADE_UP: Final = IPv4Network("198.18.0.0/15")
_LINK: Final = 30
_WIDE: Final = 24
_NO_PORTS: Final = ("Tunnel", "Loopback", "Null", "Virtual", "dynamic")


class MissingAddresses:
    """Assigned addresses of the ports of a network, and the next hops from there."""

    def __init__(self, devices: Mapping[str, Device], segments: Mapping[tuple[str, str], int]) -> None:
        """segments: wires from a drawing, by file name and port."""
        self._across = _across(devices, segments)
        self._given = _given(devices, self._across)
        #: Where tunnels end: looked up, never iterated.
        self._taken = {end for each in devices.values() for end in (*far_ends(each), *_sources(each))}
        self._taken |= {address.ip for ports in self._given.values() for address in ports.values()}

    def of(self, file: str) -> Mapping[str, IPv4Interface]:
        """Return the assigned addresses of a router's ports."""
        return self._given.get(file, {})

    def gateway(self, file: str, port: str) -> IPv4Address:
        """Return the next hop from a port with an assigned address.

        It is the station at the other end of the wire, otherwise the first host that ends no tunnel.
        """
        address, across = self._given[file][port], self._across.get((file, port))
        if across is not None and across.ip in address.network:
            return across.ip
        first = next(host for host in address.network.hosts() if host != address.ip)
        return next(self._free_hosts(address), first)

    def free_host(self, beside: IPv4Interface) -> IPv4Address:
        """Return the first host of a network that ends no tunnel."""
        return next(self._free_hosts(beside))

    def _free_hosts(self, beside: IPv4Interface) -> Iterator[IPv4Address]:
        return (host for host in beside.network.hosts() if host != beside.ip and host not in self._taken)


def _across(
    read: Mapping[str, Device], segments: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], IPv4Interface]:
    """Return for each port on a drawn wire an address that another router has there."""
    own = {(file, name): address for file, device in read.items() for name, address in device.ports.items()}
    on_wire: dict[int, list[tuple[str, str]]] = {}
    for port, number in segments.items():
        if port in own:
            on_wire.setdefault(number, []).append(port)
    others = {port: [one for one in on_wire.get(number, ()) if one[0] != port[0]] for port, number in segments.items()}
    return {port: own[found[0]] for port, found in others.items() if found}


def _given(
    read: Mapping[str, Device], across: Mapping[tuple[str, str], IPv4Interface]
) -> dict[str, dict[str, IPv4Interface]]:
    """Return the address of each port that needs one: by file and port.

    across: the station at the other end of its wire.
    """
    ports = [(file, name) for file, device in read.items() for name in (*_asking(device), *unaddressed(device))]
    known = [address for device in read.values() for address in device.ports.values()]
    pools = [pool for pool in _all_pools(read.values()) if any(one.ip in pool for one in known)]
    providers = [*_all_pools(device for device in read.values() if not device.tunnels.tunnels)]
    found: dict[str, dict[str, IPv4Interface]] = {}
    made = _MADE_UP.subnets(new_prefix=_LINK)
    for file, name in ports:
        address = _told(read, file, name, known)
        if address is None:
            gateway = _elsewhere(read[file])
            is_wan = any(tunnel.source_interface == name for tunnel in read[file].tunnels.tunnels)
            fit = (pool for pool in pools if pool.prefixlen <= _LINK and (pool in providers or not is_wan))
            pool = next(fit, gateway)
            near = across.get((file, name))
            network = near.network if near is not None else pool if pool is not None else next(made)
            free = _free(network, known)
            if free is None:
                free = next(next(made).hosts())
                network = IPv4Network(f"{free}/{_LINK}", strict=False)
            address = IPv4Interface(f"{free}/{network.prefixlen}")
        known.append(address)
        found.setdefault(file, {})[name] = address
    return found


def _elsewhere(device: Device) -> IPv4Network | None:
    """Return the network of a default route's gateway that is in no subnet of this router: its port must be there."""
    own = device.ports.values()
    far = next((one for one in device.default_gateways if not any(one in address.network for address in own)), None)
    return IPv4Network(f"{far}/{_WIDE}", strict=False) if far is not None else None


def _free(network: IPv4Network, known: list[IPv4Interface]) -> IPv4Address | None:
    """Return the last unused address, of the first 254 of a wide network."""
    part = network if network.prefixlen >= _WIDE else next(network.subnets(new_prefix=_WIDE))
    return next((host for host in reversed([*part.hosts()]) if host not in [one.ip for one in known]), None)


def _asking(device: Device) -> list[str]:
    """Return the ports of this router that need an address."""
    return [
        one.name
        for one in device.interfaces.interfaces
        if device.uses_dhcp(one.name) and not one.shutdown and not one.name.startswith("Tunnel")
    ]


def unaddressed(device: Device) -> list[str]:
    """Return sources of tunnels without an address in an excerpt, unless they are meant to have none."""
    sources = dict.fromkeys(tunnel.source_interface for tunnel in device.tunnels.tunnels)
    return [
        source
        for source in sources
        if source
        and not source.startswith(_NO_PORTS)
        and not any(
            line.startswith(("ip address", "no ip address", "shutdown"))
            for line in device.lines.section(f"interface {source}").lines
        )
    ]


def _sources(device: Device) -> list[IPv4Address]:
    """Return the sources of tunnels that are addresses."""
    sources = dict.fromkeys(tunnel.source_address for tunnel in device.tunnels.tunnels)
    return [source for source in sources if isinstance(source, IPv4Address)]


def homeless(device: Device) -> IPv4Interface | None:
    """Return the tunnel source in an excerpt that has only tunnels: no port has an address, and none is the source."""
    own = {name: address.ip for name, address in device.ports.items()}
    has_ports = any(not name.startswith(_NO_PORTS) for name in own)
    named = any(tunnel.source_interface for tunnel in device.tunnels.tunnels)
    unknown = [one for one in _sources(device) if one not in own.values()]
    return IPv4Interface(f"{unknown[0]}/{_WIDE}") if unknown and not has_ports and not named else None


def _told(read: Mapping[str, Device], file: str, name: str, known: list[IPv4Interface]) -> IPv4Interface | None:
    """Return the router's address by its own tunnel, by mappings of its tunnel address, or by its IKE identity."""
    profiles = (profile.local_identity for profile in read[file].ikev2.profiles)
    identities = dict.fromkeys(one.address for one in profiles if one is not None and one.address is not None)
    for tunnel in read[file].tunnels.tunnels:
        said: list[IPAddress | None] = [tunnel.source_address]
        own = read[file].ports.get(tunnel.name)
        if tunnel.source_interface == name:
            said += _told_of(read, own.ip) if own is not None else []
            said += identities if len(identities) == 1 else []
        for address in said:
            if isinstance(address, IPv4Address) and address not in [one.ip for one in known]:
                near = next((one for one in known if address in one.network), None)
                return IPv4Interface(f"{address}/{near.network.prefixlen if near is not None else _WIDE}")
    return None


def _told_of(read: Mapping[str, Device], address: IPv4Address) -> list[IPAddress | None]:
    """Return the NBMA addresses that any router has for a tunnel address: by a map, then as that of a server."""
    every = [nhrp for device in read.values() for nhrp in device.nhrp.tunnels]
    maps = (nbma for nhrp in every for target, nbma in nhrp.maps if target == Prefix.host(address))
    return [*maps, *(server.nbma for nhrp in every for server in nhrp.nhs if server.address == address)]


def _all_pools(routers: Iterable[Device]) -> Iterator[IPv4Network]:
    """Yield the networks of DHCP pools; no feature here serves them."""
    for device in routers:
        for header in device.lines.headers("ip dhcp pool "):
            words = device.lines.section(header).value("network ").split()
            if len(words) > 1 and words[1].count(".") == 3:
                yield IPv4Network((words[0], words[1]), strict=False)
