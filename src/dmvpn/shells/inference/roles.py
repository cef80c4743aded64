"""The roles in a network: hubs, spokes, providers, and the computers on its LANs.

Names of the routers in a folder: their host names, or the names of their files.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Container, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import chain, count, islice
from typing import Final, Literal

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import UserError, some
from dmvpn.features.interface.model import IDENTIFIER_LENGTH
from dmvpn.features.nhrp.model import TunnelConfig as NhrpTunnel
from dmvpn.network.device import Device
from dmvpn.shells.inference.provider import INTERNET, NO_LAN
from dmvpn.shells.inference.wires import InferredNetwork, Port, Wire, spelled_end
from dmvpn.shells.lab_model import LEASED, NAME, SLAAC, HostSpec
from dmvpn.shells.stations import Station

# ------------------------------------------------------------------------------------------------ names


_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_NAME: Final = 31


def named(every: Mapping[str, Device]) -> tuple[dict[str, str], list[str]]:
    """Return the name of each router with that of its text, and the decisions. Raises UserError.

    every: by the name of the text.

    A router is named after its text if it has no host name, or if several have the same. Of identical texts the last
    one counts.
    """
    last = {file: _last_like(file, every) for file in every}
    read = {file: device for file, device in every.items() if file == last[file]}
    hosts = {file: device.own_name for file, device in read.items()}
    places = {file: {address.ip for address in device.ports.values()} for file, device in read.items()}
    found: dict[str, str] = {}
    notes = [f"{file} says the same as {last[file]}: it is taken once" for file in every if file not in read]
    for file in read:
        host = hosts[file]
        alike = [other for other in read if hosts[other] == host] if host else []
        for other in alike:
            if other != file and (same := places[file] & places[other]):  # two states of one router
                raise UserError(
                    f"{file} and {other} are both called {host} and have the same address {min(same)}: they are one "
                    "router at two times, or of two networks; put the files of one network into a folder of their own"
                )
        name = _UNFIT.sub("-", host if len(alike) == 1 else file).strip("-_.")[:_LONGEST_NAME] or "router"
        name = name if name[0].isalpha() else f"R{name}"[:_LONGEST_NAME]
        free = (name, *(f"{name[: _LONGEST_NAME - 3]}-{number}" for number in range(2, 100)))
        name = next((each for each in free if each not in found), name)
        if len(alike) > 1 and name != host:
            notes.append(f"{' and '.join(alike)} are all called {host}: {file} is {name} here")
        elif len(alike) == 1 and host and name != host:
            notes.append(
                f"{host} is {name} here: the names of a lab's routers begin with a letter and have at most "
                f"{_LONGEST_NAME} letters, digits, '_', '.' and '-'"
            )
        found[name] = file
    return found, notes


def _last_like(file: str, every: Mapping[str, Device]) -> str:
    """Return the last text with the same lines, name and addresses included: the same router was saved twice."""
    device = every[file]
    if not device.own_name or not device.ports:
        return file
    return next(other for other in reversed([*every]) if every[other].lines == device.lines)


# ------------------------------------------------------------------------------------------------ roles


_HOST_NUMBER: Final = 100
_HOST_NUMBER6: Final = 0x100
#: Prefixes of IPv6 of at least this length are no LANs.
_LINK6: Final = 120
#: Addresses of a LAN that are candidates for its computer.
_TRIED: Final = 512


def role(name: str, network: InferredNetwork, *, added: bool) -> Literal["hub", "spoke", "provider", "router"]:
    """Return the role for display. added: the router takes no part in the overlay."""
    device = network.devices.get(name)
    if added or device is None or (not device.tunnels.tunnels and _is_gateway(name, network)):
        return "provider"
    tunnels = device.tunnels.tunnels
    there = [interface for one in tunnels if (interface := device.interface(one.name)) is not None]
    # The defaults of newer releases do not show which router is a hub.
    spokes = (nhrp for each in network.devices.values() for nhrp in each.nhrp.tunnels)
    servers = [server.address for nhrp in spokes for server in nhrp.nhs if server.address is not None]
    if any(address in servers for one in there for version in (4, 6) for address, _ in one.addresses_of(version)):
        return "hub"
    clients = [one.name for one in device.nhrp.tunnels if one.nhs]
    if any(one.multipoint and one.name not in clients for one in tunnels):
        return "hub"
    spoken = [one for one in device.nhrp.tunnels if one != NhrpTunnel(name=one.name, version=one.version)]
    return "spoke" if spoken else "router"


def _is_gateway(name: str, network: InferredNetwork) -> bool:
    """Return whether several routers send their tunnels' packets to it, or over its wires."""
    own = [port.address.ip for wire in network.wires for port in wire.ports if port.router == name]
    beside = [wire for wire in network.wires if any(port.router == name for port in wire.ports)]
    near = {(port.router, port.name) for wire in beside for port in wire.ports}
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


def _free(
    wire: Wire, known: list[tuple[int, int]], published: Iterable[IPv4Address], taken: Container[IPv4Address]
) -> IPv4Address | None:
    """Return an address for a computer: that of a published server, else outside of more specific networks, if
    possible; None: all are taken.

    known: the addresses of all routers and the lengths of their prefixes, in order. taken: addresses of computers.
    """
    subnet = wire.ports[0].address.network
    among = known[slice(bisect(known, (int(subnet[0]),)), bisect(known, (int(subnet[-1]), subnet.max_prefixlen)))]
    carved = [IPv4Network(one, strict=False) for one in among if one[1] > subnet.prefixlen]
    usual = (subnet.network_address + number for number in range(_HOST_NUMBER, min(_TRIED, subnet.num_addresses - 1)))
    own = [IPv4Address(address) for address, _ in among]
    candidates = [
        host
        for host in chain((one for one in published if one in subnet), usual, islice(subnet.hosts(), _TRIED))
        if host not in own and host not in taken
    ]
    outside = (host for host in candidates if not any(host in one for one in carved))
    return next(chain(outside, candidates), None)


def hosts(
    network: InferredNetwork, configurations: Mapping[str, str], stations: Sequence[Station]
) -> dict[str, HostSpec]:
    """Return a computer on every wire with a single port, unless that is a way out, and one in each VLAN of a switch.

    Where a DHCP server has a pool for them, it leases their addresses; there wires of several routers have one, too.
    A station with an address in the subnet comes first, also on a wire of several routers. Sites may have one subnet,
    and stations one address: each is where the number in its name is nearest, and not where addresses are leased.
    """
    routed = [address for device in network.devices.values() for _, address, _ in device.addresses()]
    waiting = list({(one.name, one.address): one for one in stations if one.address.ip not in routed}.values())
    leased = {id(wire): is_leased(network, wire, wire.ports[0].address.network) for wire in network.wires}
    plain = [wire.ports[0].address.network for wire in network.wires if not leased[id(wire)]]
    found: dict[str, HostSpec] = {}
    known = sorted(
        (int(address), length) for device in network.devices.values() for _, address, length in device.addresses()
    )
    rules = [one.rule for device in network.devices.values() for one in device.nat.statics]
    published = [*(rule.local for rule in rules if rule.length == 32), *(host.ip for host, _ in INTERNET)]
    taken: dict[IPv4Address, None] = {}  # asked, never iterated
    for wire in network.wires:
        subnet, (port, gateway) = wire.ports[0].address.network, _gateway(network, wire)
        if subnet.prefixlen >= NO_LAN:
            continue
        leases = leased[id(wire)]
        places = [spelled_end(*end) for end in wire.computers or ()]
        here = [] if leases and subnet in plain else _seated(waiting, subnet, (places or [port.router])[0])
        if wire.computers is None and (leases or here or len(wire.ports) == 1):
            places = [port.end]
        seats: list[tuple[str, Station | None]] = [(place, one) for one, place in zip(here, places, strict=False)]
        for place, station in [*seats, *((place, None) for place in places[len(here) :])]:
            name = _host_name(place, ("H", *found, *configurations), station.name if station is not None else "")
            own6 = SLAAC if _advertises(network.devices.get(port.router), port.name) else None
            if station is not None:
                waiting.remove(station)
                taken[station.address.ip] = None
                at = str(station.address)
                found[name] = HostSpec(link=place, address=at, gateway=station.gateway or gateway, address6=own6)
            elif leases:
                found[name] = HostSpec(link=place, address=LEASED, address6=own6)
            elif (address := _free(wire, known, published, taken)) is not None:
                taken[address] = None
                mask = subnet.prefixlen
                found[name] = HostSpec(link=place, address=f"{address}/{mask}", gateway=gateway, address6=own6)
    waiting = [one for one in waiting if one.address.ip not in taken]
    if waiting:
        names = some([one.name for one in waiting])
        network.notes.append(f"no wire of the lab has a free port in the subnets of the computers {names}")
    for wire6 in network.wires6():
        (router, interface), own = next(iter(wire6.items()))
        if len(wire6) == 1 and own.network.prefixlen < _LINK6:
            place, host = spelled_end(router, interface), own.network.network_address + _HOST_NUMBER6
            address6 = f"{host if host != own.ip else host + 1}/{own.network.prefixlen}"
            name = _host_name(place, ("H", *found, *configurations))
            found[name] = HostSpec(link=place, address=address6, gateway=own.ip)
    return dict(sorted(found.items()))


def _seated(stations: Sequence[Station], subnet: IPv4Network, place: str) -> list[Station]:
    """Return the stations of a subnet, of each address the one whose number is nearest to that of the place."""
    near = [one for one in stations if one.address.ip in subnet]
    near.sort(key=lambda one: abs(_number(one.name) - _number(place.partition(":")[0])))
    found: dict[IPv4Address, Station] = {}
    for one in near:
        found.setdefault(one.address.ip, one)
    return [*found.values()]


def _number(name: str) -> int:
    return int("0" + re.sub(r"\D", "", name)[:9])


def _host_name(place: str, taken: Container[str], own: str = "") -> str:
    router = place.partition(":")[0]
    digits = re.sub(r"\D", "", router)
    named = (own, f"H{digits}", f"H-{router}")
    names = chain(named, (f"{one}-{number}" for number in count(2) for one in (*named, "H")))
    return next(one for one in names if re.fullmatch(NAME, one) and one not in taken)


def _advertises(device: Device | None, interface: str) -> bool:
    """Return whether a port advertises a prefix of which a computer makes its address."""
    port = device.interface(interface) if device is not None and device.interfaces.forwards_ipv6 else None
    return port is not None and any(length == IDENTIFIER_LENGTH for _, length in port.addresses_of(6))


def _gateway(network: InferredNetwork, wire: Wire) -> tuple[Port, IPAddress]:
    """Return the port of the gateway, and its address.

    It is an additional address, as a group of routers has one; else that of the router with most addresses, because a
    switch has an address in a VLAN for itself alone.
    """

    def addresses(port: Port) -> int:
        return len(network.devices[port.router].ports) if port.router in network.devices else 0

    best = max(wire.ports, key=lambda port: (len(network.addresses(port)) > 1, addresses(port)))
    own, *virtual = network.addresses(best)
    return best, next(iter(virtual), own)


def is_leased(network: InferredNetwork, wire: Wire, subnet: IPv4Network) -> bool:
    """Return whether a DHCP server has a pool for the subnet, and is on the wire or has a relay agent there."""
    servers = [
        name
        for name, device in network.devices.items()
        if any(pool.network is not None and str(pool.network) == str(subnet) for pool in device.dhcp.pools)
    ]
    relayed = any(
        one.interface == port.name and one.helpers
        for port in wire.ports
        if port.router in network.devices
        for one in network.devices[port.router].dhcp.ports
    )
    return bool(servers) and (relayed or any(port.router in servers for port in wire.ports))
