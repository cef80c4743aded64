"""Rules about tunnels: their far ends, their addresses, and the size of their packets.

Far ends: mode, key, keepalives, what makes a tunnel's source. Addresses across routers: duplicates, and subnets that
do not agree. Sizes: does the largest packet fit into the underlay once everything is around it? The budget is exact:
outer IPv4 header 20, GRE 4 (8 with a key, RFC 2890 §2), ESP by its transform with padding (RFC 4303 §2.4), UDP 8 where
ESP goes in UDP (RFC 3948), another IP header in tunnel mode.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, OuterAddress, Prefix, ip_keyword
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.placeholder import SECRET, Blank
from dmvpn.base.reasons import Reason
from dmvpn.base.terms import Likeness, NoValue, Term
from dmvpn.base.values import Value
from dmvpn.features.interface.config import IPV6_ADJUST_MSS, IPV6_MTU
from dmvpn.features.ipsec.policies import expansion, resolve
from dmvpn.features.nhrp.config.lines import AUTHENTICATION, NETWORK_ID, of_version, server
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.features.tunnel.terms import KEY
from dmvpn.ios import INTERFACE
from dmvpn.ios.common import ADJUST_MSS, IP_MTU, SHUTDOWN
from dmvpn.ios.interface_addresses import ADDRESS, OPEN_ADDRESS
from dmvpn.net.ipv6 import LEAST_MTU
from dmvpn.network.device import Device, is_private
from dmvpn.network.overlay import Network, TunnelEnd
from dmvpn.network.routing import Protocol
from dmvpn.network.terms.protocols import TUNNELS
from dmvpn.network.terms.table import Table, disagreements
from dmvpn.tools.lint.found import NetworkConcern, differences, differing, found

# ------------------------------------------------------------------------------------------- tunnels and their far ends


WITHOUT_NHRP: Final = rule(Severity.ERROR, Cause.NETWORK_ID)(r"""
    tunnel-multipoint-without-nhrp: A multipoint tunnel without NHRP
    A multipoint tunnel has no destination; NHRP finds the NBMA address for each tunnel address. Without `ip nhrp
    network-id` there is no NHRP, and no packet can be sent.
    bad: interface Tunnel0\n tunnel source GigabitEthernet1\n tunnel mode gre multipoint
    fix: interface Tunnel0\n ip nhrp network-id 1
    """)
HUB: Final = rule(Severity.ERROR, Cause.HUB_POINT_TO_POINT)(r"""
    tunnel-hub-point-to-point: A next hop server with a point-to-point tunnel
    A hub sends to all spokes on one interface, which is therefore multipoint. A point-to-point tunnel accepts packets
    from its destination alone.
    bad: interface Tunnel0\n tunnel destination 203.0.113.10
    fix: interface Tunnel0\n no tunnel destination\n tunnel mode gre multipoint
    """)
ELSEWHERE: Final = rule(Severity.ERROR, Cause.WRONG_DESTINATION)(r"""
    tunnel-destination-differs: A phase 1 spoke whose tunnel destination is not its next hop server
    A point-to-point tunnel sends everything to its destination, registrations too. It has to be the NBMA address of the
    server.
    bad: interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1\n tunnel destination 198.51.100.9
    fix: interface Tunnel0\n tunnel destination 198.51.100.1
    """)
KEEPALIVE: Final = rule(Severity.WARNING, Cause.KEEPALIVE)(r"""
    tunnel-keepalive: GRE keepalives on a DMVPN tunnel
    A keepalive is a GRE packet that the far end sends back by decapsulating it. A multipoint tunnel has no destination
    for it, and Cisco's DMVPN guide rules keepalives out. Registrations, and IKE's dead peer detection, do that work.
    bad: interface Tunnel0\n keepalive 5 3\n tunnel mode gre multipoint
    fix: interface Tunnel0\n no keepalive
    """)
NO_INTERFACE: Final = rule(Severity.ERROR)(r"""
    tunnel-source-undefined: The tunnel's source is no interface or address of this router
    The source is the address that a tunnel sends from. If no interface has it, or if that interface has no address or
    is shut down, the line protocol stays down.
    bad: interface Tunnel0\n tunnel source Loopback7
    fix: interface Loopback7\n ip address 203.0.113.1 255.255.255.255
    """)
RULES: Final = (WITHOUT_NHRP, KEY.rule, HUB, ELSEWHERE, KEEPALIVE, NO_INTERFACE)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield findings about the tunnels of a network."""
    for end in network.ends:
        yield from _alone(network, end)
        yield from _source(end)
        if not end.multipoint and network.clients(end):
            who = " and ".join(client.device.hostname for client in network.clients(end))
            what = f"{end.name} is point-to-point, and it is the next hop server of {who}"
            fix = f"{end.at[0]}\n {tunnel_lines.DESTINATION.no()}\n {tunnel_lines.MODE.line(gre=True, multipoint=True)}"
            yield found(HUB, end.device, end.line("tunnel destination"), what, fix)
    for link in network.links:
        destination = link.client.tunnel.destination
        if link.client.multipoint or destination is None or link.nbma in (None, destination):
            continue
        if not any(other.nbma == destination for other in network.links_of(link.client)):
            what = f"{link.client.name} leads to {destination}, and its server {link.nhs.address} is at {link.nbma}"
            fix = f"{link.client.at[0]}\n {tunnel_lines.DESTINATION.line(address=link.nbma)}"
            yield found(ELSEWHERE, link.client.device, link.client.line("tunnel destination"), what, fix)
    yield from differences(network, TUNNELS)


def _alone(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    nhrp = end.nhrp
    says_nothing = not (nhrp.nhs or nhrp.maps or nhrp.multicast or nhrp.multicast_dynamic or nhrp.authentication)
    if end.multipoint and nhrp.network_id is None and says_nothing and not (nhrp.shortcut or nhrp.redirect):
        what = f"{end.name} is multipoint and has no NHRP: it finds no peer"
        lines = [end.at[0], of_version(NETWORK_ID, nhrp.version).line(id=1), *_registration(network, end)]
        yield found(WITHOUT_NHRP, end.device, end.line("tunnel mode"), what, "\n ".join(lines))
    if end.tunnel.keepalive is not None and (end.multipoint or nhrp.network_id is not None):
        kind = "multipoint" if end.multipoint else "a DMVPN tunnel"
        what = f"{end.name} is {kind}, and GRE keepalives are for point-to-point tunnels without NHRP"
        yield found(KEEPALIVE, end.device, end.line("keepalive"), what, f"{end.at[0]}\n {tunnel_lines.KEEPALIVE.no()}")


def _registration(network: Network, end: TunnelEnd) -> list[str]:
    """Return the lines by which an end registers with the servers on its subnet."""
    hubs = [hub for hub in network.servers if hub is not end and hub.subnet is not None and hub.subnet == end.subnet]
    lines = [server(hub.address, hub.seen or Blank("nbma-address")) for hub in hubs]
    password = of_version(AUTHENTICATION, end.nhrp.version)
    return [password.line(password=SECRET), *lines] if any(hub.nhrp.authentication for hub in hubs) else lines


def _source(end: TunnelEnd) -> Iterator[NetworkConcern]:
    """Check that our own end can exist; only where the configuration says something of its interfaces at all."""
    device, tunnel = end.device, end.tunnel
    if not device.has_underlay or not (tunnel.source_interface or tunnel.source_address):
        return
    interface = end.underlay
    shown = tunnel.source_interface or str(tunnel.source_address)
    fix = ""
    if interface is None and tunnel.source_address and any(map(device.is_given_address, device.interface_names)):
        return  # it may be what DHCP gives
    if interface is None:
        problem = "which no interface of this router is" if tunnel.source_interface else "which no interface has"
    elif interface.shutdown:
        problem, fix = "which is shut down", f"interface {interface.name}\n {SHUTDOWN.no()}"
    elif interface.address is None and not device.is_given_address(interface.name):
        problem, fix = ("which has no IPv4 address", f"interface {interface.name}\n {OPEN_ADDRESS}")
    else:
        return
    what = f"the source of {end.name} is {shown}, {problem}: the tunnel stays down"
    yield found(NO_INTERFACE, device, end.line("tunnel source"), what, fix)


# ------------------------------------------------------------------------------------------------ addresses


DUPLICATE: Final = rule(Severity.ERROR)(r"""
    address-duplicate: Two routers have the same address
    A tunnel address belongs to the spoke that registers it first; the second spoke is refused with code 14. The same
    NBMA address, or the same address in two LANs, means that only one of the two is ever reached. Private addresses of
    spokes behind NATs of their own may be equal, and so may addresses in VRFs. Advice for loopbacks (anycast) and LANs
    that not both routers advertise (guests).
    bad: interface Tunnel0\n ip address 10.0.0.10 255.255.255.0
    fix: interface Tunnel0\n ip address 10.0.0.20 255.255.255.0
    """)


def _mask_lines(end: TunnelEnd, subnets: tuple[Prefix, ...]) -> tuple[str, ...]:
    """Return the lines that give an address the mask of the other end; () if its network is another one."""
    if end.nhrp.version == 6 or end.address is None or end.address not in subnets[0]:
        return ()
    return INTERFACE.line(name=end.name), ADDRESS.line(address=end.address, mask=subnets[0].netmask)


MASK: Final = Term["TunnelEnd", "tuple[Prefix, ...]"](
    rule=rule(Severity.ERROR)(r"""
        tunnel-mask-differs: The two ends of a tunnel have different masks
        All routers of a cloud are on one subnet. Where the masks differ, a router takes neighbors for remote, or takes
        remote addresses for neighbors, and routing protocols refuse neighbors outside of their subnet.
        bad: interface Tunnel0\n ip address 10.0.0.10 255.255.255.252
        fix: interface Tunnel0\n ip address 10.0.0.10 255.255.255.0
        """),
    cause=Cause.TUNNEL_MASK,
    name="tunnel mask",
    see=lambda end: tuple(Prefix.of(*one) for one in end.addresses) or NoValue.UNKNOWN,
    words=lambda subnets: f"the subnet {subnets[0]}",
    fits=lambda here, there: Likeness.of(any(one in there for one in here)),
    place=lambda end: end.line("ip address"),
    lines=_mask_lines,
)
MASKS: Final = Table(lambda end, _: end, (MASK,))
NO_ADDRESS: Final = rule(Severity.ERROR)(r"""
    tunnel-address-missing: A DMVPN tunnel without an address
    NHRP registers the tunnel's address; without one there is nothing to register, and no neighbor.
    bad: interface Tunnel0\n ip nhrp network-id 1
    fix: interface Tunnel0\n ip address 10.0.0.10 255.255.255.0
    """)
ADDRESS_RULES: Final = (DUPLICATE, MASK.rule, NO_ADDRESS)


def check_addresses(network: Network) -> Iterator[NetworkConcern]:
    """Yield findings about the addresses of a network."""
    yield from _duplicates(network)
    for end in network.ends:
        if end.nhrp.network_id is not None and end.address is None and not end.interface.dhcp:
            what = f"{end.name} runs NHRP and has no {'IP' if end.nhrp.version == 4 else 'IPv6'} address"
            yield found(NO_ADDRESS, end.device, end.at, what, f"{end.at[0]}\n {OPEN_ADDRESS}")
    for one in disagreements(network.pairs, MASKS):
        other = one.right.address
        is_far = one.odd.subnet is not None and other is not None and other not in one.odd.subnet
        yield differing(one, f": {other} is not on it") if is_far else differing(one, severity=Severity.WARNING)


def _duplicates(network: Network) -> Iterator[NetworkConcern]:
    first: dict[tuple[str, IPAddress], _Owner] = {}
    for device in network.devices:
        for settings, address, _ in device.addresses():
            here = _owner(network, device, settings.name, address)
            if here.is_hidden:
                continue
            there = first.setdefault((device.vrf_of(settings.name), address), here)
            if there.device is device:
                continue
            # Anycast, guests and ports for management are the same at many sites, and rightly.
            is_wrong = here.of_tunnel or there.of_tunnel or (here.is_advertised and there.is_advertised)
            if not is_wrong and device.vrf_of(settings.name):
                continue
            what = f"{settings.name} has {address}, and so has {there.interface} of {there.device.hostname}"
            at = (f"interface {settings.name}", f"ip address {address}")
            related = ((there.device, (f"interface {there.interface}", f"ip address {address}")),)
            yield found(DUPLICATE, device, at, what, related=related, severity=None if is_wrong else Severity.ADVICE)


class _Owner(Value):
    """The owner of an address. of_tunnel: on a tunnel, or its source. is_advertised: in a LAN that it advertises."""

    device: Device
    interface: str
    of_tunnel: bool
    is_advertised: bool
    is_hidden: bool


def _owner(network: Network, device: Device, interface: str, address: IPAddress) -> _Owner:
    is_source = interface in device.tunnel_sources
    lans = network.advertised[device]
    return _Owner(
        device,
        interface,
        of_tunnel=is_source or interface.startswith("Tunnel"),
        is_advertised=any(settings.name == interface and prefix in lans for settings, prefix in device.lans),
        is_hidden=_is_hidden(network, device, interface, address, is_source=is_source),
    )


def _is_hidden(network: Network, device: Device, interface: str, address: IPAddress, *, is_source: bool) -> bool:
    """Return whether it may be equal to another router's: a private address that only a NAT sees."""
    if device.site is not None:
        is_behind = device.site.interface == interface if device.site.interface else is_source
        return device.site.nat is not None and is_behind
    if not is_source or not is_private(address):
        return False
    servers = [link.nbma for end in network.ends_of(device) for link in network.links_of(end)]
    return bool(servers) and not any(is_private(nbma) for nbma in servers)


# ------------------------------------------------------------------------------------------------ sizes


TOO_LARGE: Final = rule(Severity.WARNING)(r"""
    tunnel-mtu-too-large: The largest packets of the tunnel do not fit into the underlay
    A packet that is too large with its GRE and ESP headers is fragmented on the path, at the cost of speed, or dropped
    where fragments are filtered or not allowed. Small packets pass: the classic case in which ping works and the web
    does not. Advice where only the UDP header of NAT traversal does not fit, and no NAT is configured.
    bad: interface Tunnel0\n ip mtu 1500
    fix: interface Tunnel0\n ip mtu 1400
    """)
MSS: Final = rule(Severity.WARNING, Cause.MSS)(r"""
    tunnel-mss-too-large: TCP segments are not clamped to the tunnel's MTU
    A segment of the clamped size with 20 octets of IP (40 of IPv6) and 20 of TCP has to fit into `ip mtu`; a larger one
    is fragmented, or waits for an ICMP message that may never come.
    bad: interface Tunnel0\n ip mtu 1400\n ip tcp adjust-mss 1460
    fix: interface Tunnel0\n ip tcp adjust-mss 1360
    """)
NO_MSS: Final = rule(Severity.ADVICE, Cause.MSS)(r"""
    tunnel-mss-missing: TCP segments are not clamped
    Hosts behind the tunnel assume 1500 octets and send segments that do not fit. Path MTU discovery fixes that where
    ICMP is not filtered; `ip tcp adjust-mss` fixes it everywhere, and for IPv6 `ipv6 tcp adjust-mss`.
    bad: interface Tunnel0\n ip mtu 1400
    fix: interface Tunnel0\n ip tcp adjust-mss 1360
    """)


#: Octets of the IP and TCP headers around a segment, by the version of IP.
HEADERS: Final = {4: 40, 6: 60}
#: Octets: the smallest MTU of any link, by the version of IP: RFC 791 §3.2, RFC 8200 §5.
LEAST: Final = {4: 68, 6: LEAST_MTU}
#: Octets: the largest tunnel MTU that a line can set.
_LARGEST: Final = 17940


def mtu_line(octets: int, version: int = 4) -> str:
    """Return the line that sets this tunnel MTU; where no line can set one so large, the router computes it."""
    line = IP_MTU if version == 4 else IPV6_MTU
    return line.line(octets=octets) if octets <= _LARGEST else line.no()


def _mtu_of(end: TunnelEnd) -> tuple[str, int] | NoValue:
    mtu, _ = end.sizes
    return NoValue.UNKNOWN if mtu is None else (ip_keyword(end.nhrp.version), mtu)


def _mtu_lines(end: TunnelEnd, mtu: tuple[str, int]) -> tuple[str, ...]:
    """Return the lines that set an MTU, unless it is a larger one than fits into the underlay."""
    most = max(end.sizes[0] or 0, (budget(end) or (0, ""))[0])
    return (INTERFACE.line(name=end.name), mtu_line(mtu[1], end.nhrp.version)) if mtu[1] <= most else ()


MTU: Final = Term["TunnelEnd", tuple[str, int]](
    rule=rule(Severity.WARNING)(r"""
        tunnel-mtu-differs: The two ends of a tunnel have different MTUs
        The end with the larger MTU sends packets that the other would not. OSPF checks it: neighbors with different
        MTUs stay in the state Exchange (RFC 2328 §10.6) unless `ip ospf mtu-ignore` is configured.
        bad: interface Tunnel0\n ip mtu 1440
        fix: interface Tunnel0\n ip mtu 1400
        """),
    cause=Cause.MTU,
    name="tunnel MTU",
    see=_mtu_of,
    words=lambda mtu: f"{mtu[0]} mtu {mtu[1]}",
    place=lambda end: end.line(f"{ip_keyword(end.nhrp.version)} mtu"),
    lines=_mtu_lines,
)
_SIZES: Final = Table(lambda end, _: end, (MTU,))
SIZE_RULES: Final = (TOO_LARGE, MSS, NO_MSS, MTU.rule)
_ETHERNET, _IP, _TRAILER, _UDP = 1500, 20, 2, 8
_ANY: Final = OuterAddress(IPv4Address(0))
#: Octets: the range of `ip tcp adjust-mss`.
_SEGMENTS = 500, 1460


def check_sizes(network: Network) -> Iterator[NetworkConcern]:
    """Yield tunnels whose largest packets do not fit into their underlay."""
    for end in network.ends:
        yield from _packets(end)
        yield from _segments(end)
    for one in disagreements(network.pairs, _SIZES):
        interface = one.odd.ospf_lines
        checks = interface is None or not interface.ignore_mtu
        if checks and any(running.protocol is Protocol.OSPF for running in one.odd.running):
            yield differing(one, ": OSPF stays in the state Exchange", Severity.ERROR)
        else:
            yield differing(one)


def budget(end: TunnelEnd) -> tuple[int, str] | None:
    """Return the largest packet inside that fits into the underlay, and how that comes about; None: its profile is no
    good.
    """
    interface = end.underlay
    path = _ETHERNET
    if interface is not None and not interface.name.startswith("Loopback"):
        path = interface.ip_mtu or interface.mtu or _ETHERNET
    gre = end.tunnel.overhead - _IP
    words = f"{path} - {_IP} (IP) - {gre} (GRE{' with key' if gre > 4 else ''})"
    if not end.tunnel.protection:
        return path - _IP - gre, words
    policy = resolve(end.device.ipsec, end.tunnel.protected_by, _ANY)
    if isinstance(policy, Reason):
        return None
    size = expansion(policy)
    room = path - _IP - size.overhead
    room -= (room + _TRAILER) % size.block
    esp = path - _IP - room
    return room - gre, f"{words} - {esp} (ESP, the worst of its transforms, with padding{_udp(end)})"


def _udp(end: TunnelEnd) -> str:
    ipsec = end.device.ipsec
    return " and UDP" if ipsec.nat_traversal or ipsec.encapsulation.value != "never" else ""


def _packets(end: TunnelEnd) -> Iterator[NetworkConcern]:
    version = end.nhrp.version
    ip, (mtu, _), room = ip_keyword(version), end.sizes, budget(end)
    if mtu is None or room is None:
        return  # without the line the router computes it
    largest, how = room
    if mtu > largest:
        what = f"{ip} mtu {mtu}, and packets of {largest} octets fit: {how}"
        fix = f"{end.at[0]}\n {mtu_line(max(LEAST[version], min(largest, 1400)), version)}"
        site = end.device.site
        only_in_udp = end.tunnel.protection and mtu <= largest + _UDP and (site is None or site.nat is None)
        severity = Severity.ADVICE if only_in_udp and _udp(end) else None
        yield found(TOO_LARGE, end.device, end.line(f"{ip} mtu"), what, fix, severity=severity)


def clamp_line(octets: int, version: int = 4) -> str:
    """Return the line that clamps TCP's segments to this size, or to the nearest valid one."""
    least, most = _SEGMENTS
    line = ADJUST_MSS if version == 4 else IPV6_ADJUST_MSS
    return line.line(octets=max(least, min(octets, most if version == 4 else most - 20)))


def _segments(end: TunnelEnd) -> Iterator[NetworkConcern]:
    version, room, (mtu, clamp) = end.nhrp.version, budget(end), end.sizes
    if room is None:
        return
    mtu = mtu or room[0]
    mss = mtu - HEADERS[version]
    fix = f"{end.at[0]}\n {clamp_line(mss, version)}"
    if clamp is None:
        if end.nhrp.network_id is not None or end.tunnel.protection:
            tcp = f"TCP {'over IPv6 ' if version == 6 else ''}through {end.name}"
            what = f"{tcp} is not clamped; {mss} octets of a segment fit into its packets of {mtu}"
            yield found(NO_MSS, end.device, end.at, what, fix)
    elif clamp > mss:
        packets = clamp + HEADERS[version]
        what = f"segments of {clamp} octets make packets of {packets}, and {end.name} takes {mtu}"
        yield found(MSS, end.device, end.line(f"{ip_keyword(version)} tcp adjust-mss"), what, fix)
