"""Rules about access lists that deny what the tunnels of their router need."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.causes import Cause
from dmvpn.base.entrances import Outer, entry_of, surely_denied
from dmvpn.base.findings import Rule, Severity
from dmvpn.base.protection import Encapsulation
from dmvpn.features.policy.machine import filter_list
from dmvpn.ios.common import ACCESS_GROUP
from dmvpn.tools.lint.found import found
from dmvpn.tools.opened_lists import permitting_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.filters import FilterList
    from dmvpn.network.overlay import Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern
    from dmvpn.tools.opened_lists import Denied

CUT: Final = Rule(
    id="list-cuts-tunnel",
    severity=Severity.ERROR,
    title="An inbound access list denies what a tunnel needs from its peers",
    why="A protected tunnel needs UDP port 500, and ESP or, with NAT on the way, UDP port 4500; without protection it "
    "needs GRE. An outbound list is not asked about packets of the router itself. A warning where ESP is denied and "
    "UDP port 4500 is not: two of our routers use that port without NAT, and a router of another vendor does not. A "
    "warning, too, where the entry counts at some times only.",
    bad="ip access-list extended WAN-IN\n permit udp any any eq isakmp\n!\n"
    "interface GigabitEthernet1\n ip access-group WAN-IN in",
    fix="ip access-list extended WAN-IN\n permit esp any any\n permit udp any any eq non500-isakmp",
    cause=Cause.LIST_CUTS_TUNNEL,
)
RULES: Final = (CUT,)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield lists that keep the outer packets of a tunnel out, each once for a tunnel and what it denies."""
    for end in network.ends:
        for port in _ways_in(end):
            name = end.device.filters.inward(port)
            listed = filter_list(end.device.policy, name) if name else None
            if listed is not None:
                yield from _cuts(network, end, port, listed)


def _ways_in(end: TunnelEnd) -> tuple[str, ...]:
    """Return the ports by which packets of peers come: the source, or of a loopback where default routes lead."""
    port = end.source_port
    if not port.startswith("Loopback"):
        return (port,)
    device = end.device
    hops = device.default_gateways_of(end.tunnel.front)
    near = (
        one.name for one, address, length in device.addresses() for hop in hops if hop in Prefix.of(address, length)
    )
    return tuple(dict.fromkeys((*near, *(route.interface for route in device.routes if route.prefix.is_default))))


def _cuts(network: Network, end: TunnelEnd, port: str, listed: FilterList) -> Iterator[NetworkConcern]:
    """Yield what the list of a port denies of the peers of a tunnel, with the first of them."""
    told: dict[tuple[Denied, ...], list[IPv4Address | None]] = {}
    for peer, is_translated in _peers(network, end) or ((None, False),):
        if denied := _denied(end, listed, peer, is_translated=is_translated):
            told.setdefault(denied, []).append(peer)
    for denied, peers in told.items():
        what, sequence = denied[0]
        by_udp = what is Outer.ESP and _may_use_udp(end, listed, peers[0])
        at_times = any(
            one.time_range and one.sequence == sequence
            for extended in (True, False)
            for one in end.device.policy.access_lists.get((listed.name, extended), ())
        )
        outcome = "needs UDP port 4500 then" if by_udp else "is cut then" if at_times else "is cut"
        entry = entry_of(listed.name, sequence)
        yield found(
            CUT,
            end.device,
            (f"interface {port}", ACCESS_GROUP.of(**{"name": listed.name, "in": True})),
            f"{entry}, inbound on {port}, denies {what.value} from {peers[0] or 'all peers'}: {end.name} {outcome}",
            "\n ".join(permitting_lines(listed, denied, peers)),
            related=((end.device, end.at),),
            severity=Severity.WARNING if by_udp or at_times else None,
        )


def _denied(end: TunnelEnd, listed: FilterList, peer: IPv4Address | None, *, is_translated: bool) -> tuple[Denied, ...]:
    """Return what a tunnel needs from a peer and does not get, and the entries that deny it."""
    local = end.source if isinstance(end.source, IPv4Address) else None
    asked = ((what, surely_denied(listed, what, local, peer)) for what in _needs(end, is_translated=is_translated))
    return tuple((what, sequence) for what, sequence in asked if sequence is not None)


def _needs(end: TunnelEnd, *, is_translated: bool) -> tuple[Outer, ...]:
    """Return what comes from a peer. is_translated: the peer is behind NAT."""
    if not end.tunnel.protection:
        return (Outer.GRE,)
    forced = end.device.ipsec.encapsulation is Encapsulation.FORCE
    return Outer.IKE, Outer.IN_UDP if is_translated or end.nat is not None or forced else Outer.ESP


def _may_use_udp(end: TunnelEnd, listed: FilterList, peer: IPv4Address | None) -> bool:
    """Return whether ESP of a peer of ours comes by UDP port 4500 instead."""
    local = end.source if isinstance(end.source, IPv4Address) else None
    prefers = end.device.ipsec.encapsulation is Encapsulation.AUTO and end.device.ipsec.nat_traversal
    return prefers and surely_denied(listed, Outer.IN_UDP, local, peer) is None


def _peers(network: Network, end: TunnelEnd) -> tuple[tuple[IPv4Address, bool], ...]:
    """Return the NBMA addresses of the known peers of a tunnel, and whether each is behind NAT."""
    named: list[IPAddress | None] = [end.tunnel.destination]
    named += [end.nbma_of(server) for server in end.nhrp.nhs]
    named += [nbma for _, nbma in end.nhrp.maps]
    known = [(one, False) for one in named]
    known += [(client.seen, client.nat is not None) for client in network.clients(end)]
    return tuple({one: (one, translated) for one, translated in known if isinstance(one, IPv4Address)}.values())
