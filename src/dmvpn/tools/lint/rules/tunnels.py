"""Rules about tunnels with their far ends: mode, key, keepalives, what makes a tunnel's source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.findings import Rule, Severity
from dmvpn.base.placeholder import SECRET, Blank
from dmvpn.features.interface.config.sections import OPEN_ADDRESS
from dmvpn.features.nhrp.config.lines import AUTHENTICATION, NETWORK_ID, server
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.features.tunnel.terms import KEY
from dmvpn.ios.common import SHUTDOWN
from dmvpn.network.terms.tunnels import TUNNELS
from dmvpn.tools.lint.found import differences, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.overlay import Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

WITHOUT_NHRP: Final = Rule(
    id="tunnel-multipoint-without-nhrp",
    severity=Severity.ERROR,
    title="A multipoint tunnel without NHRP",
    why="A multipoint tunnel has no destination; NHRP finds the NBMA address for each tunnel address. Without `ip nhrp "
    "network-id` there is no NHRP, and no packet can be sent.",
    bad="interface Tunnel0\n tunnel source GigabitEthernet1\n tunnel mode gre multipoint",
    fix="interface Tunnel0\n ip nhrp network-id 1",
    cause=Cause.NETWORK_ID,
)
HUB: Final = Rule(
    id="tunnel-hub-point-to-point",
    severity=Severity.ERROR,
    title="A next hop server with a point-to-point tunnel",
    why="A hub sends to all spokes on one interface, which is therefore multipoint. A point-to-point tunnel accepts "
    "packets from its destination alone.",
    bad="interface Tunnel0\n tunnel destination 203.0.113.10",
    fix="interface Tunnel0\n no tunnel destination\n tunnel mode gre multipoint",
    cause=Cause.HUB_POINT_TO_POINT,
)
ELSEWHERE: Final = Rule(
    id="tunnel-destination-differs",
    severity=Severity.ERROR,
    title="A phase 1 spoke whose tunnel destination is not its next hop server",
    why="A point-to-point tunnel sends everything to its destination, registrations too. It has to be the NBMA "
    "address of the server.",
    bad="interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1\n tunnel destination 198.51.100.9",
    fix="interface Tunnel0\n tunnel destination 198.51.100.1",
    cause=Cause.WRONG_DESTINATION,
)
KEEPALIVE: Final = Rule(
    id="tunnel-keepalive",
    severity=Severity.WARNING,
    title="GRE keepalives on a DMVPN tunnel",
    why="A keepalive is a GRE packet that the far end sends back by decapsulating it. A multipoint tunnel has no "
    "destination for it, and Cisco's DMVPN guide rules keepalives out. Registrations, and IKE's dead peer detection, "
    "do that work.",
    bad="interface Tunnel0\n keepalive 5 3\n tunnel mode gre multipoint",
    fix="interface Tunnel0\n no keepalive",
    cause=Cause.KEEPALIVE,
)
NO_INTERFACE: Final = Rule(
    id="tunnel-source-undefined",
    severity=Severity.ERROR,
    title="The tunnel's source is no interface or address of this router",
    why="The source is the address that a tunnel sends from. If no interface has it, or if that interface has no "
    "address or is shut down, the line protocol stays down.",
    bad="interface Tunnel0\n tunnel source Loopback7",
    fix="interface Loopback7\n ip address 203.0.113.1 255.255.255.255",
)
RULES: Final = (WITHOUT_NHRP, KEY.rule, HUB, ELSEWHERE, KEEPALIVE, NO_INTERFACE)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield findings about the tunnels of a network."""
    for end in network.ends:
        yield from _alone(network, end)
        yield from _source(end)
        if not end.multipoint and network.clients(end):
            who = " and ".join(client.device.hostname for client in network.clients(end))
            what = f"{end.name} is point-to-point, and it is the next hop server of {who}"
            fix = f"{end.at[0]}\n {tunnel_lines.DESTINATION.no()}\n {tunnel_lines.MODE.of(gre=True, multipoint=True)}"
            yield found(HUB, end.device, end.line("tunnel destination"), what, fix)
    for link in network.links:
        destination = link.client.tunnel.destination
        if link.client.multipoint or destination is None or link.nbma in (None, destination):
            continue
        if not any(other.nbma == destination for other in network.links_of(link.client)):
            what = f"{link.client.name} leads to {destination}, and its server {link.nhs.address} is at {link.nbma}"
            fix = f"{link.client.at[0]}\n {tunnel_lines.DESTINATION.of(address=link.nbma)}"
            yield found(ELSEWHERE, link.client.device, link.client.line("tunnel destination"), what, fix)
    yield from differences(network, TUNNELS)


def _alone(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    nhrp = end.nhrp
    says_nothing = not (nhrp.nhs or nhrp.maps or nhrp.multicast or nhrp.multicast_dynamic or nhrp.authentication)
    if end.multipoint and nhrp.network_id is None and says_nothing and not (nhrp.shortcut or nhrp.redirect):
        what = f"{end.name} is multipoint and has no NHRP: it finds no peer"
        lines = [end.at[0], NETWORK_ID.of(id=1), *_registration(network, end)]
        yield found(WITHOUT_NHRP, end.device, end.line("tunnel mode"), what, "\n ".join(lines))
    if end.tunnel.keepalive is not None and (end.multipoint or nhrp.network_id is not None):
        kind = "multipoint" if end.multipoint else "a DMVPN tunnel"
        what = f"{end.name} is {kind}, and GRE keepalives are for point-to-point tunnels without NHRP"
        yield found(KEEPALIVE, end.device, end.line("keepalive"), what, f"{end.at[0]}\n {tunnel_lines.KEEPALIVE.no()}")


def _registration(network: Network, end: TunnelEnd) -> list[str]:
    """Return the lines by which an end registers with the servers on its subnet."""
    hubs = [hub for hub in network.servers if hub is not end and hub.subnet is not None and hub.subnet == end.subnet]
    lines = [server(hub.address, hub.source or Blank("nbma-address")) for hub in hubs]
    return [AUTHENTICATION.of(password=SECRET), *lines] if any(hub.nhrp.authentication for hub in hubs) else lines


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
