"""Rules about the underlay and the LANs: interfaces, static routes, subnets of several routers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.findings import Rule, Severity
from dmvpn.features.static.config import route_line
from dmvpn.ios.common import SHUTDOWN
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network
    from dmvpn.tools.lint.found import NetworkConcern

SHUT: Final = Rule(
    id="tunnel-shutdown",
    severity=Severity.ERROR,
    title="A tunnel that is shut down",
    why="An error where other routers have it as their next hop server: their registrations fail. Otherwise advice, "
    "because it is easily forgotten.",
    bad="interface Tunnel0\n shutdown",
    fix="interface Tunnel0\n no shutdown",
)
NEXT_HOP: Final = Rule(
    id="static-next-hop-unreachable",
    severity=Severity.ERROR,
    title="A static route whose next hop is on no subnet of this router",
    why="A next hop has to be on a connected subnet, or reached by another route. Otherwise the route is not used. A "
    "warning where a routing protocol may have a route, and where it is on a subnet of this router and the provider's "
    "router, which is among the files, has another address.",
    bad="interface GigabitEthernet1\n ip address 203.0.113.10 255.255.255.0\n!\n"
    "ip route 0.0.0.0 0.0.0.0 198.51.100.254",
    fix="ip route 0.0.0.0 0.0.0.0 203.0.113.254",
)
OVERLAP: Final = Rule(
    id="subnet-overlap",
    severity=Severity.WARNING,
    title="Two routers are on subnets that overlap and are not the same",
    why="On one wire the masks have to agree: otherwise one end takes addresses for its neighbors that the other one "
    "routes elsewhere. On two wires the same addresses are in two places, and the longer prefix gets the packets.",
    bad="interface GigabitEthernet1\n ip address 203.0.113.10 255.255.0.0",
    fix="interface GigabitEthernet1\n ip address 203.0.113.10 255.255.255.0",
)
INSIDE: Final = Rule(
    id="lan-inside-another",
    severity=Severity.ERROR,
    title="A LAN that is a part of another site's LAN",
    why="Both sites advertise their LAN, and the longer prefix gets the packets: hosts of the larger LAN with an "
    "address in the smaller one cannot be reached. The finding is about the LAN whose mask no other LAN has.",
    bad="interface GigabitEthernet2\n ip address 192.168.20.129 255.255.255.128",
    fix="interface GigabitEthernet2\n ip address 192.168.10.1 255.255.255.0",
)
RULES: Final = (SHUT, NEXT_HOP, OVERLAP, INSIDE)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield findings about the underlay of the tunnels."""
    for device in network.devices:
        yield from _shut(network, device)
        yield from _next_hops(network, device)
    yield from _overlaps(network)


def _shut(network: Network, device: Device) -> Iterator[NetworkConcern]:
    for tunnel in device.tunnels.tunnels:
        if not tunnel.shutdown:
            continue
        interface = device.interface(tunnel.name)
        address = interface.address[0] if interface is not None and interface.address is not None else None
        meant = [link for link in network.links if address is not None and link.nhs.address == address]
        who = ", ".join(link.client.device.hostname for link in meant)
        section = f"interface {tunnel.name}"
        what = f"{tunnel.name} is shut down" + (f", and it is the next hop server of {who}" if meant else "")
        severity = None if meant else Severity.ADVICE
        related = tuple((link.client.device, link.at) for link in meant)
        fix = f"{section}\n {SHUTDOWN.no()}"
        yield found(SHUT, device, (section, "shutdown"), what, fix, related=related, severity=severity)


def _next_hops(network: Network, device: Device) -> Iterator[NetworkConcern]:
    if any(map(device.is_given_address, device.interface_names)) or not device.has_underlay:
        return
    connected = [Prefix.of(address, length) for _, address, length in device.addresses()]
    # An interface that is shut down is another matter, and has a rule of its own.
    connected += [Prefix.of(*one.address) for one in device.interfaces.interfaces if one.shutdown and one.address]
    subnets = frozenset(connected)
    routed = frozenset(one.prefix for one in device.static.routes if not one.prefix.is_default)
    for route in device.static.routes:
        hop = route.next_hop
        if hop is None or hop.version == 6 or route.interface:
            continue
        if not _holding(subnets, hop) and _holding(routed, hop) in ([], [route.prefix]):
            at = (route_line(route.prefix, next_hop=hop),)
            what = f"the next hop {hop} of {route.prefix} is on no subnet of this router"
            severity = Severity.WARNING if device.learns_routes else None
            yield found(NEXT_HOP, device, at, what, severity=severity)
            continue
        near = _providers_near(network, device, _holding(subnets, hop))
        if near and all(one.owner(hop) is None for one in network.devices):
            at = (route_line(route.prefix, next_hop=hop),)
            what = f"no router here has the next hop {hop}; on its subnet {near[0][0]} has {near[0][1]}"
            fix = f"no {at[0]}\n{route_line(route.prefix, next_hop=near[0][1])}"
            yield found(NEXT_HOP, device, at, what, fix, severity=Severity.WARNING)


def _holding(prefixes: frozenset[Prefix], address: IPAddress) -> list[Prefix]:
    """Return those of the prefixes that hold an address, the longest first."""
    candidates = (Prefix.of(address, length) for length in range(address.max_prefixlen, -1, -1))
    return [prefix for prefix in candidates if prefix in prefixes]


def _providers_near(network: Network, besides: Device, subnets: list[Prefix]) -> list[tuple[str, IPAddress]]:
    """Return other routers without tunnels that are on one of these subnets: names and addresses there."""
    return [
        (device.hostname, address)
        for device in network.devices
        if device is not besides and not device.tunnels.tunnels
        for _, address, _ in device.addresses()
        if any(address in subnet for subnet in subnets)
    ]


def _overlaps(network: Network) -> Iterator[NetworkConcern]:
    known: dict[Prefix, tuple[Device, str]] = {}
    placed = [
        (device, settings.name, Prefix.of(address, length))
        for device in network.devices
        if device.site is None or device.site.nat is None
        for settings, address, length in device.addresses()
        if length < 32 and not device.vrf_of(settings.name) and not settings.name.startswith(("Tunnel", "Loopback"))
    ]
    for device, name, prefix in placed:
        known.setdefault(prefix, (device, name))
    for device, name, prefix in placed:
        for length in range(prefix.length - 1, 7, -1):
            other = known.get(Prefix.of(prefix.address, length))
            if other is not None and other[0] is not device:
                wide = Prefix.of(prefix.address, length)
                if wide in network.advertised[other[0]] and prefix in network.advertised[device]:
                    yield _inside(network, (device, name, prefix), (*other, wide))
                    continue
                what = f"{other[1]} is on {wide}, and {name} of {device.hostname} on {prefix}, a part of it"
                at = (f"interface {other[1]}", "ip address")
                related = ((device, (f"interface {name}", "ip address")),)
                yield found(OVERLAP, other[0], at, what, related=related)


def _inside(network: Network, narrow: tuple[Device, str, Prefix], wide: tuple[Device, str, Prefix]) -> NetworkConcern:
    """Return two LANs; the finding is about the one with the rarer mask."""
    lengths = Counter(prefix.length for lans in network.advertised.values() for prefix in lans)
    (device, name, prefix), (other, there, theirs) = narrow, wide
    culprit, section, related = device, f"interface {name}", (other, (f"interface {there}", "ip address"))
    if lengths[theirs.length] < lengths[prefix.length]:
        culprit, section, related = other, f"interface {there}", (device, (f"interface {name}", "ip address"))
    what = f"the LAN {prefix} of {device.hostname} is a part of {theirs}, the LAN of {other.hostname}"
    return found(INSIDE, culprit, (section, "ip address"), what, related=(related,))
