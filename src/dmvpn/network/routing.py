"""The routing protocols on a tunnel end, of all features."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import Value
from dmvpn.features.interface.model import InterfaceSettings as Interface
from dmvpn.features.ospf.model import Interface as OspfInterface
from dmvpn.features.ospf.model import ProcessSettings
from dmvpn.features.ospf.settings import ELECTING, default_network, network_line, timers
from dmvpn.network.device import Device


class Protocol(enum.Enum):
    """Routing protocols that discover neighbors by multicast."""

    EIGRP = "EIGRP"
    OSPF = "OSPF"
    RIP = "RIP"


class Running(Value):
    """A protocol on an interface. number: the autonomous system or process. passive: it sends no hellos."""

    protocol: Protocol
    number: int = 0
    passive: bool = False

    def __str__(self) -> str:
        return self.protocol.value if self.protocol is Protocol.RIP else f"{self.protocol.value} {self.number}"


def running(device: Device, name: str, address: IPAddress | None) -> Iterator[Running]:
    """Yield the protocols on the interface with this name and address, of the address's version of IP.

    Only processes of one table are read (`Device.vrf`): none of them runs on an interface of another one.
    """
    if address is None:
        return
    config = device.ospf.of_version(address.version)
    if device.vrf_of(name) == device.vrf:
        for eigrp in device.eigrp.of_version(address.version):
            settings = eigrp.interface(name)
            if not eigrp.shutdown and not settings.shutdown and eigrp.covers(address):
                yield Running(Protocol.EIGRP, eigrp.autonomous_system, settings.passive)
        for ospf in config.processes:
            if not ospf.shutdown and _ospf_covers(device, ospf, name, address):
                passive = name in ospf.passive or (ospf.passive_default and name not in ospf.active)
                yield Running(Protocol.OSPF, ospf.number, passive)
        if isinstance(address, IPv4Address) and device.rip.enabled and device.rip.covers(address):
            yield Running(Protocol.RIP, 0, device.rip.is_passive(name))
    for interface in config.interfaces:
        known = any(process.number == interface.process for process in config.processes)
        if interface.name == name and interface.process is not None and not known:
            yield Running(Protocol.OSPF, interface.process)


def _ospf_covers(device: Device, process: ProcessSettings, name: str, address: IPAddress) -> bool:
    interface = ospf_interface(device, name, address.version)
    if interface is not None and interface.process is not None:
        return interface.process == process.number
    return isinstance(address, IPv4Address) and network_line(process, address) is not None


def ospf_interface(device: Device, name: str, version: int = 4) -> OspfInterface | None:
    """Return the `ip ospf` lines of an interface, or those of IPv6."""
    return next((one for one in device.ospf.of_version(version).interfaces if one.name == name), None)


def learns_underlay(device: Device) -> bool:
    """Return whether neighbors outside of tunnels may advertise routes to a router, by another protocol than EIGRP."""
    tunnels, ports = [], []
    for settings, address, length in device.addresses():
        if settings.name.startswith("Tunnel"):
            tunnels.append(Prefix.of(address, length))
        elif not settings.name.startswith("Loopback"):
            ports.append((settings.name, address))
    if device.has_unread_process or any(
        one.protocol is not Protocol.EIGRP and not one.passive
        for name, address in ports
        for one in running(device, name, address)
    ):
        return True
    ranges = (one.prefix for one in device.bgp.listen_ranges)
    peers = (Prefix.of(one.peer, 32) for one in device.bgp.neighbors if isinstance(one.peer, IPv4Address))
    return any(not any(prefix in tunnel for tunnel in tunnels) for prefix in (*peers, *ranges))


def election_time(devices: Sequence[Device]) -> int:
    """Return seconds that OSPF waits before it elects the first designated router (RFC 2328 §9.4); 0 without elections.

    Elections on tunnels may begin only when those of the underlay have ended.
    """
    longest = {True: 0, False: 0}
    for device in devices:
        ends: list[tuple[str, IPAddress]] = [(one.name, address) for one, address, _ in device.addresses()]
        ends += [(one.name, IPv6Address("::")) for one in device.ospf.of_version(6).interfaces]  # any address serves
        for name, address in ends:
            if any(one.protocol is Protocol.OSPF and not one.passive for one in running(device, name, address)):
                own = ospf_interface(device, name, address.version) or OspfInterface(name=name)
                if (own.network or default_network(name)) in ELECTING:
                    is_tunnel = name.startswith("Tunnel")
                    longest[is_tunnel] = max(longest[is_tunnel], timers(own, default_network(name))[1])
    return sum(longest.values())


def advertised_lans(device: Device) -> tuple[Prefix, ...]:
    """Return the LANs that a router advertises to other sites, as far as its configuration shows."""
    redistributions = [
        *(one.source for process in device.eigrp.processes for one in process.redistributions),
        *(one.source for process in device.ospf.processes for one in process.redistributions),
        *(one.source for one in device.rip.redistributions),
        *(one.source for one in device.bgp.redistributions),
    ]
    # With a route map it is a line upon which nothing here acts.
    by_map = any(entry.text.split()[:2] == ["redistribute", "connected"] for entry in device.entries)
    if RouteSource.CONNECTED in redistributions or by_map:
        return tuple(prefix for _, prefix in device.lans)
    exactly = [network.prefix for network in device.bgp.networks]
    together = [aggregate.prefix for aggregate in device.bgp.aggregates]
    return tuple(
        prefix
        for settings, prefix in device.lans
        if prefix in exactly
        or any(prefix in aggregate for aggregate in together)
        or any(True for _ in running(device, settings.name, _address_in(settings, prefix)))
    )


def _address_in(settings: Interface, prefix: Prefix) -> IPAddress | None:
    own = [settings.address[0]] if settings.address is not None else []
    return next((address for address in [*own, *(other for other, _ in settings.secondary)] if address in prefix), None)
