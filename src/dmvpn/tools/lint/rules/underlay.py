"""Rules about the underlay and the LANs, and about the routes of packets.

Interfaces, static routes, subnets of several routers; the route of the tunnel's own packets, and that of the sites when
the tunnel is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Final, TypeVar

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.features.eigrp.config.processes import IN_FAMILY
from dmvpn.features.eigrp.config.sections import process_lines
from dmvpn.features.eigrp.model import NetworkLine as EigrpNetwork
from dmvpn.features.ospf.config.interfaces import PROCESS
from dmvpn.features.ospf.config.processes import NETWORKS
from dmvpn.features.ospf.config.processes import process as process_line
from dmvpn.features.ospf.model import NetworkLine as OspfNetwork
from dmvpn.features.rip.config import ROUTER as ROUTER_RIP
from dmvpn.features.static.config import ROUTE, ROUTE6, line_of, route_line
from dmvpn.ios import INTERFACE, Blank
from dmvpn.ios.common import SHUTDOWN
from dmvpn.network.device import Device
from dmvpn.network.lines import indented
from dmvpn.network.overlay import Network, TunnelEnd
from dmvpn.network.routing import Protocol, Running, ospf_interface, running
from dmvpn.tools.lint.found import NetworkConcern, found

# -------------------------------------------------------------------------------- routes of the tunnel and of the sites


STATIC: Final = rule(Severity.ERROR)("""
    tunnel-recursive-route: A static route sends the tunnel's own packets into the tunnel
    The route to the NBMA address leads through the tunnel that is to reach it: recursive routing. IOS takes the tunnel
    down (%TUN-5-RECURDOWN), finds the old path, and brings it up again.
    bad: ip route 198.51.100.0 255.255.255.0 Tunnel0
    fix: no ip route 198.51.100.0 255.255.255.0 Tunnel0
    """)
PROTOCOL: Final = rule(Severity.ERROR, Cause.RECURSION)(r"""
    tunnel-recursive-protocol: The routing protocol of the tunnel advertises the prefix of the tunnel's own source to
        the far end
    The far end learns a route to the NBMA address through the tunnel, whose prefix is longer than its default route:
    recursive routing. The tunnel goes down (%TUN-5-RECURDOWN), comes back, and so on. The protocol of the overlay must
    not run on the underlay.
    bad: router eigrp 100\n network 0.0.0.0
    fix: router eigrp 100\n no network 0.0.0.0\n network 10.0.0.0 0.0.0.255
    """)
LEAK: Final = rule(Severity.WARNING)("""
    overlay-in-clear: When the tunnel's routes go, packets for other sites take the default route in clear
    Protection belongs to the tunnel; routing decides which packets go into it. When the hub is lost its routes
    disappear, and their packets follow the default route to the provider. A route to Null0 of the largest distance
    drops them. A warning, because protection is lost unintentionally. An error in a file that `dmvpn render` made,
    which writes that route.
    bad: ip route 0.0.0.0 0.0.0.0 203.0.113.254
    fix: ip route 10.0.0.0 255.0.0.0 Null0 254
    """)
NOBODY: Final = rule(Severity.ERROR)("""
    route-next-hop-nobody: A static route to a tunnel address that no router has
    The next hop is on the tunnel's subnet, and it is this router itself, or no router of the files has it while another
    one has the LAN that the route is for. NHRP cannot resolve such a next hop. Addresses that may belong to routers
    outside the files are not judged.
    bad: ip route 192.168.20.0 255.255.255.0 10.0.0.99
    fix: ip route 192.168.20.0 255.255.255.0 10.0.0.20
    """)
ROUTE_RULES: Final = (STATIC, PROTOCOL, LEAK, NOBODY)
_Network = TypeVar("_Network", "EigrpNetwork", "OspfNetwork")
#: Behind every protocol, and behind NHRP (250).
_LAST: Final = 254
#: How `dmvpn render` begins its files.
MADE_BY_RENDER: Final = "! Made by `dmvpn render`."


def check_routes(network: Network) -> Iterator[NetworkConcern]:
    """Yield routes that send packets the wrong way."""
    for end in network.ends:
        wanted = [link.nbma for link in network.links_of(end)] or [end.tunnel.destination]
        for nbma in dict.fromkeys(wanted):
            if nbma is not None:
                yield from _static(end, nbma)
        yield from _protocol(network, end)
        yield from _nobody(network, end)
    for device in network.devices:
        yield from _leak(network, device)


def _static(end: TunnelEnd, nbma: IPAddress) -> Iterator[NetworkConcern]:
    if end.tunnel.front:
        return  # its own packets are looked up there, and these routes are of the global table
    outside = end.device.underlay_route(nbma)
    for route in end.device.static.routes:
        is_longest = outside is None or route.prefix.length > outside.length
        if end.carries(route) and nbma in route.prefix and is_longest:
            what = f"{nbma}, the far end of {end.name}, is reached by {route.prefix} through {end.name} itself"
            to, is_six = route.prefix, route.prefix.version == 6
            gone = ROUTE6.no(prefix=to) if is_six else ROUTE.no(network=to.address, mask=to.netmask)
            yield found(STATIC, end.device, (gone.removeprefix("no "),), what, f"no {line_of(route)}")


def _protocol(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    """Check whether a protocol that runs on the tunnel advertises the prefix of the tunnel's source."""
    interface = end.underlay
    if interface is None or interface.address is None or interface.name == end.name:
        return
    prefix = Prefix.of(*interface.address)
    below = {(one.protocol, one.number) for one in running(end.device, interface.name, interface.address[0])}
    shared = [one for one in end.running if (one.protocol, one.number) in below]
    if not shared or not _is_way_out(end, prefix) or _is_known_better(network, end, prefix, shared[0].protocol):
        return
    opening, lines = _withdrawn(end, shared[0], interface.name, interface.address[0])
    what = (
        f"{shared[0]} runs on {end.name} and on {interface.name}, its source: the far ends learn {prefix} "
        "through the tunnel that needs it"
    )
    yield found(PROTOCOL, end.device, opening[:1], what, "\n".join(indented((*opening, *lines) if lines else ())))


def _is_way_out(end: TunnelEnd, prefix: Prefix) -> bool:
    """Return whether packets leave by the tunnel's source, or it is a loopback: of a LAN, the source is the mistake."""
    hops = [route.next_hop for route in end.device.static.routes if route.next_hop and not end.carries(route)]
    return end.source_port.startswith("Loopback") or not hops or any(hop in prefix for hop in hops)


def _withdrawn(end: TunnelEnd, shared: Running, port: str, own: IPAddress) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lines that open the section of a process, and those by which it leaves a port and no other interface.

    RIP has no such lines: its networks are those of classes.
    """
    device = end.device
    if shared.protocol is Protocol.EIGRP:
        process = next(one for one in device.eigrp.processes if one.autonomous_system == shared.number)
        line, (gone, again) = IN_FAMILY.network, _networks_without(device, process.networks, own)
        lines = [line.no(address=one.address, wildcard=one.wildcard) for one in gone]
        lines += [line.line(address=one.address, wildcard=one.wildcard) for one in again]
        return process_lines(process, "")[:-1], tuple(lines)
    if shared.protocol is Protocol.RIP:
        return (ROUTER_RIP.line(),), ()
    ospf = next(one for one in device.ospf.processes if one.number == shared.number)
    mine = ospf_interface(device, port)
    if mine is not None and mine.process == ospf.number:
        return (INTERFACE.line(name=port),), (PROCESS.no(process=ospf.number, area=mine.area),)
    left, again = _networks_without(device, ospf.networks, own)
    lines = [NETWORKS.no(network=(one.address, one.wildcard), area=one.area) for one in left]
    lines += [NETWORKS.line(network=(one.address, one.wildcard), area=left[0].area) for one in again]
    return (process_line(ospf.number),), tuple(lines)


def _networks_without(
    device: Device, networks: Sequence[_Network], own: IPAddress
) -> tuple[list[_Network], list[Prefix]]:
    """Return the `network` lines that cover an address, and the subnets that need new lines without them."""
    gone = [line for line in networks if line.matches(own)]
    lost = dict[Prefix, None]()
    for settings, address, length in device.addresses():
        covering = [line for line in networks if line.matches(address)]
        if covering and all(line in gone for line in covering) and settings.name not in device.tunnel_sources:
            lost[Prefix.of(address, length)] = None
    return gone, list(lost)


def _is_known_better(network: Network, end: TunnelEnd, prefix: Prefix, protocol: Protocol) -> bool:
    """Return whether all far ends that are here have a longer or equal way to it outside, by themselves, or do not run
    the protocol.
    """
    others = [pair.there if pair.here is end else pair.here for pair in network.pairs if end in (pair.here, pair.there)]
    if not others or end.source is None:
        return False
    listening = [other for other in others if any(one.protocol is protocol for one in other.running)]
    known = [other.device.underlay_route(end.seen or end.source) for other in listening]
    return all(route is not None and route.length >= prefix.length for route in known)


def _leak(network: Network, device: Device) -> Iterator[NetworkConcern]:
    ends = [end for end in network.ends_of(device) if end.tunnel.protection and end.running]
    if not ends or not device.has_default or not device.lans:
        return
    others = [
        lan
        for other in network.ends
        if other.device is not device and other.tunnel.protection
        for lan in network.advertised[other.device]
    ]
    own = [lan for _, lan in device.lans]
    dropped = [route.prefix for route in device.static.routes if route.interface == "Null0"]
    foreign = [lan for lan in dict.fromkeys(others) if lan not in own]
    open_ = [lan for lan in foreign if not any(lan in prefix for prefix in dropped)]
    if (foreign and not open_) or (not foreign and dropped):
        return
    shown = ", ".join(str(prefix) for prefix in open_[:4]) + (" and others" if len(open_) > 4 else "")
    into: dict[str, Hashable] = {"interface": "Null0", "distance": _LAST}
    lines = [route_line(prefix, **into) for prefix in _few(open_)]
    lines = lines or [ROUTE.line(network=Blank("prefix"), mask=Blank("mask"), **into)]
    names = " or ".join(end.name for end in ends)
    what = f"without a route of {names}, packets for {shown or 'the other sites'} take the default route, in clear"
    by_dhcp = next((one.name for one in device.interfaces.interfaces if one.dhcp), "")
    is_static = any(route.prefix.is_default for route in device.static.routes) or not by_dhcp
    at = ("ip route 0.0.0.0 0.0.0.0",) if is_static else (f"interface {by_dhcp}", "ip address dhcp")
    severity = Severity.ERROR if MADE_BY_RENDER in device.text else Severity.WARNING
    yield found(LEAK, device, at, what, "\n".join(lines), severity=severity)


def _nobody(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    """Find static routes through the tunnel to an address that no router there has."""
    subnet, own = end.subnet, [address for address, _ in end.addresses]
    for route in end.device.static.routes:
        hop = route.next_hop
        if hop is None or subnet is None or hop not in subnet or end.nhrp.mapped(hop) is not None:
            continue
        if any(one.device is not end.device for one in network.owners(hop)):
            continue
        cloud = (one for one in network.cloud(end) if one is not end)
        owner = next((one for one in cloud if any(lan in route.prefix for _, lan in one.device.lans)), None)
        if hop not in own and owner is None:
            continue
        line = route_line(route.prefix, next_hop=hop)
        right = f"; {route.prefix} is behind {owner.device.hostname}, {owner.address}" if owner is not None else ""
        what = f"the next hop {hop} of {route.prefix} is {'this router itself' if hop in own else 'no router'}{right}"
        fix = f"no {line}"
        if owner is not None:
            right = route_line(route.prefix, next_hop=owner.address)
            fix += f"\n{right}"
        yield found(NOBODY, end.device, (line,), what, fix)


def _few(prefixes: list[Prefix]) -> list[Prefix]:
    """Return the same by as few lines as can be read: private blocks where there are many."""
    if len(prefixes) <= 3:
        return sorted(prefixes)
    blocks = [Prefix.parse(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
    chosen = [next((block for block in blocks if prefix in block), prefix) for prefix in prefixes]
    return sorted(dict.fromkeys(chosen))


# ----------------------------------------------------------------------------------- interfaces, static routes, subnets


SHUT: Final = rule(Severity.ERROR)(r"""
    tunnel-shutdown: A tunnel that is shut down
    An error where other routers have it as their next hop server: their registrations fail. Otherwise advice, because
    it is easily forgotten.
    bad: interface Tunnel0\n shutdown
    fix: interface Tunnel0\n no shutdown
    """)
NEXT_HOP: Final = rule(Severity.ERROR)(r"""
    static-next-hop-unreachable: A static route whose next hop is on no subnet of this router
    A next hop has to be on a connected subnet, or reached by another route. Otherwise the route is not used. A warning
    where a routing protocol may have a route, and where it is on a subnet of this router and the provider's router,
    which is among the files, has another address.
    bad: interface GigabitEthernet1\n ip address 203.0.113.10 255.255.255.0\n!\nip route 0.0.0.0 0.0.0.0 198.51.100.254
    fix: ip route 0.0.0.0 0.0.0.0 203.0.113.254
    """)
OVERLAP: Final = rule(Severity.WARNING)(r"""
    subnet-overlap: Two routers are on subnets that overlap and are not the same
    On one wire the masks have to agree: otherwise one end takes addresses for its neighbors that the other one routes
    elsewhere. On two wires the same addresses are in two places, and the longer prefix gets the packets.
    bad: interface GigabitEthernet1\n ip address 203.0.113.10 255.255.0.0
    fix: interface GigabitEthernet1\n ip address 203.0.113.10 255.255.255.0
    """)
INSIDE: Final = rule(Severity.ERROR)(r"""
    lan-inside-another: A LAN that is a part of another site's LAN
    Both sites advertise their LAN, and the longer prefix gets the packets: hosts of the larger LAN with an address in
    the smaller one cannot be reached. The finding is about the LAN whose mask no other LAN has.
    bad: interface GigabitEthernet2\n ip address 192.168.20.129 255.255.255.128
    fix: interface GigabitEthernet2\n ip address 192.168.10.1 255.255.255.0
    """)
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
        holding = _holding(subnets, hop)
        near = [  # other routers without tunnels that are on one of these subnets
            (other.hostname, address)
            for other in network.devices
            if other is not device and not other.tunnels.tunnels
            for _, address, _ in other.addresses()
            if any(address in subnet for subnet in holding)
        ]
        if near and all(one.owner(hop) is None for one in network.devices):
            at = (route_line(route.prefix, next_hop=hop),)
            what = f"no router here has the next hop {hop}; on its subnet {near[0][0]} has {near[0][1]}"
            fix = f"no {at[0]}\n{route_line(route.prefix, next_hop=near[0][1])}"
            yield found(NEXT_HOP, device, at, what, fix, severity=Severity.WARNING)


def _holding(prefixes: frozenset[Prefix], address: IPAddress) -> list[Prefix]:
    """Return those of the prefixes that hold an address, the longest first."""
    candidates = (Prefix.of(address, length) for length in range(address.max_prefixlen, -1, -1))
    return [prefix for prefix in candidates if prefix in prefixes]


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
