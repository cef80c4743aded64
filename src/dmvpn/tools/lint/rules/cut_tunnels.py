"""Rules about packets that a tunnel needs and that a port of its router drops: by an access list, or by the check of
senders (`ip verify unicast source`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.entrances import Outer, entry_of, surely_denied
from dmvpn.base.filters import FilterEntry, FilterList, ReversePath
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.protection import Encapsulation
from dmvpn.features.policy.config import access_lists
from dmvpn.features.policy.machine import filter_list
from dmvpn.ios.common import ACCESS_GROUP
from dmvpn.network.access_entries import numbers_before
from dmvpn.network.device import Device
from dmvpn.network.overlay import Network, TunnelEnd
from dmvpn.tools.lint.found import NetworkConcern, found

# -------------------------------------------------------------------------------------- the entries that let packets in


#: The protocol, and the port of our own.
_ASKS: Final[dict[Outer, dict[str, Hashable]]] = {
    Outer.IKE: {"udp": True, "destination_ports": "eq isakmp"},
    Outer.IN_UDP: {"udp": True, "destination_ports": "eq non500-isakmp"},
    Outer.ESP: {"esp": True},
    Outer.GRE: {"gre": True},
    Outer.LEASE: {"udp": True, "destination_ports": "eq bootpc"},
}
_EVERYBODY: Final = IPv4Address("255.255.255.255")
#: Peers that get lines of their own.
_MOST_PEERS: Final = 16

#: What a list denies, and the sequence number of the entry that does so.
Denied = tuple[Outer, int]


def permitting_lines(
    listed: FilterList, denied: Sequence[Denied], peers: Sequence[IPv4Address | None]
) -> tuple[str, ...]:
    """Return the lines that let such packets in before the entries that deny them, or at the end of the list.

    peers: whose packets it denies. The lines let in those of all peers, unless an entry that denies is about some
    addresses, or the list permits such packets of some addresses only; then they are for these peers, as many as there
    is room for. Empty: a standard list knows no protocols, and between two numbers there may be no room.
    """
    if listed.is_standard:
        return ()
    senders = _senders(listed, denied, peers)
    lines: list[str] = []
    for sequence in dict.fromkeys(sequence for _, sequence in denied):
        kinds = [what for what, by in denied if by == sequence]
        asked = [{**_ASKS[what], **sender} for sender in senders for what in kinds]
        is_at_end = not any(entry.sequence == sequence for entry in listed.entries)
        places = numbers_before((entry.sequence for entry in listed.entries), sequence, len(asked))
        if not is_at_end and len(places) < len(kinds):
            return ()
        numbers: list[dict[str, Hashable]] = [{}] * len(asked) if is_at_end else [{"sequence": one} for one in places]
        whole = len(numbers) - len(numbers) % len(kinds)  # all that a peer needs, or nothing
        lines += (
            access_lists.EXTENDED_ENTRY.line(**number, permit=True, **asks, any=True)
            for number, asks in zip(numbers[:whole], asked, strict=False)
        )
    return (access_lists.EXTENDED.line(name=listed.name), *lines)


def _senders(
    listed: FilterList, denied: Sequence[Denied], peers: Sequence[IPv4Address | None]
) -> list[dict[str, Hashable]]:
    """Return the senders of the new entries as parts of a line; `{}` is any."""
    whats = {what for what, _ in denied}
    numbers = {sequence for _, sequence in denied}
    is_for_some = any(_is_of_some(entry) for entry in listed.entries if entry.sequence in numbers) or any(
        entry.permit and _is_of_some(entry) and any(_is_about(entry, what) for what in whats)
        for entry in listed.entries
    )
    if not is_for_some or None in peers:
        return [{}]
    return [{"host": True, "source": peer} for peer in peers[:_MOST_PEERS]]


def _is_of_some(entry: FilterEntry) -> bool:
    return not entry.condition.source.is_any or bool(entry.condition.sources)


def _is_about(entry: FilterEntry, what: Outer) -> bool:
    """Return whether an entry means such packets in particular, by protocol and port."""
    asks, packet = entry.condition, what.packet(entry.condition.source.address, entry.condition.destination.address)
    has_port = what in (Outer.ESP, Outer.GRE) or asks.destination_ports is not None
    return asks.protocol == packet.protocol and has_port and asks.fits_behind_ip(packet)


# ------------------------------------------------------------------------------------------------ lists


CUT: Final = rule(Severity.ERROR, Cause.LIST_CUTS_TUNNEL)(r"""
    list-cuts-tunnel: An inbound access list denies what a tunnel needs from its peers
    A protected tunnel needs UDP port 500, and ESP or, with NAT on the way, UDP port 4500; without protection it needs
    GRE. An outbound list is not asked about packets of the router itself. A warning where ESP is denied and UDP port
    4500 is not: two of our routers use that port without NAT, and a router of another vendor does not. A warning, too,
    where the entry counts at some times only.
    bad: ip access-list extended WAN-IN\n permit udp any any eq isakmp\n!\ninterface GigabitEthernet1\n
    ip access-group WAN-IN in
    fix: ip access-list extended WAN-IN\n permit esp any any\n permit udp any any eq non500-isakmp
    """)
CUT_LEASE: Final = rule(Severity.ERROR, Cause.NO_ADDRESS)(r"""
    list-cuts-lease: An inbound access list denies the answers of DHCP servers
    With `ip address dhcp` the address of the interface comes in packets to UDP port 68, and its inbound list is asked
    about them. Without an entry that permits them the interface gets no address, or loses it when the lease ends.
    bad: ip access-list extended WAN-IN\n permit udp any any eq isakmp\n
    permit esp any any\n!\ninterface GigabitEthernet1\n ip address dhcp\n ip access-group WAN-IN in
    fix: ip access-list extended WAN-IN\n permit udp any any eq bootpc
    """)
RULES: Final = (CUT, CUT_LEASE)


def check_leases(network: Network) -> Iterator[NetworkConcern]:
    """Yield lists that keep out what leases an interface its address."""
    for device in network.devices:
        for port in (one.name for one in device.interfaces.interfaces if one.dhcp):
            name = device.filters.inward(port)
            listed = filter_list(device.policy, name) if name else None
            sequence = surely_denied(listed, Outer.LEASE, _EVERYBODY, None) if listed is not None else None
            if listed is not None and sequence is not None:
                yield found(
                    CUT_LEASE,
                    device,
                    (f"interface {port}", ACCESS_GROUP.line(**{"name": listed.name, "in": True})),
                    f"{entry_of(listed.name, sequence)}, inbound on {port}, denies {Outer.LEASE.value}: {port} gets no "
                    "lease",
                    "\n ".join(permitting_lines(listed, ((Outer.LEASE, sequence),), (None,))),
                )


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
    peers_by_denial: dict[tuple[Denied, ...], list[IPv4Address | None]] = {}
    for peer, is_translated in _peers(network, end) or ((None, False),):
        if denied := _denied(end, listed, peer, is_translated=is_translated):
            peers_by_denial.setdefault(denied, []).append(peer)
    for denied, peers in peers_by_denial.items():
        what, sequence = denied[0]
        # ESP of a peer of ours comes by UDP port 4500 instead.
        local = end.source if isinstance(end.source, IPv4Address) else None
        prefers = end.device.ipsec.encapsulation is Encapsulation.AUTO and end.device.ipsec.nat_traversal
        may_use_udp = prefers and surely_denied(listed, Outer.IN_UDP, local, peers[0]) is None
        by_udp = what is Outer.ESP and may_use_udp
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
            (f"interface {port}", ACCESS_GROUP.line(**{"name": listed.name, "in": True})),
            f"{entry}, inbound on {port}, denies {what.value} from {peers[0] or 'all peers'}: {end.name} {outcome}",
            "\n ".join(permitting_lines(listed, denied, peers)),
            related=((end.device, end.at),),
            severity=Severity.WARNING if by_udp or at_times else None,
        )


def _denied(end: TunnelEnd, listed: FilterList, peer: IPv4Address | None, *, is_translated: bool) -> tuple[Denied, ...]:
    """Return what a tunnel needs from a peer and does not get, and the entries that deny it.

    is_translated: the peer is behind NAT.
    """
    local = end.source if isinstance(end.source, IPv4Address) else None
    forced = end.device.ipsec.encapsulation is Encapsulation.FORCE
    in_udp = is_translated or end.nat is not None or forced
    needed = (Outer.IKE, Outer.IN_UDP if in_udp else Outer.ESP) if end.tunnel.protection else (Outer.GRE,)
    asked = ((what, surely_denied(listed, what, local, peer)) for what in needed)
    return tuple((what, sequence) for what, sequence in asked if sequence is not None)


def _peers(network: Network, end: TunnelEnd) -> tuple[tuple[IPv4Address, bool], ...]:
    """Return the NBMA addresses of the known peers of a tunnel, and whether each is behind NAT."""
    named: list[IPAddress | None] = [end.tunnel.destination]
    named += [end.nbma_of(server) for server in end.nhrp.nhs]
    named += [nbma for _, nbma in end.nhrp.maps]
    known = [(one, False) for one in named]
    known += [(client.seen, client.nat is not None) for client in network.clients(end)]
    return tuple({one: (one, translated) for one, translated in known if isinstance(one, IPv4Address)}.values())


# ------------------------------------------------------------------------------------------------ the check of senders


SENDERS: Final = rule(Severity.ERROR)(r"""
    verify-source-drops-peers: The check of senders drops packets of the peers of a tunnel
    `ip verify unicast source` drops packets whose sender has no route, with `rx` no route by the same port. The default
    route counts only with `allow-default`, and to peers in the Internet there is no other one.
    bad: interface GigabitEthernet1\n ip address 192.0.2.2 255.255.255.0\n
    ip verify unicast source reachable-via rx\nip route 0.0.0.0 0.0.0.0 192.0.2.1
    fix: interface GigabitEthernet1\n ip verify unicast source reachable-via rx allow-default
    """)
SENDER_RULES: Final = (SENDERS,)
_DEFAULT: Final = Prefix.parse("0.0.0.0/0")


class _Route(NamedTuple):
    """A route, and the port that it leads out of; "": not known."""

    prefix: Prefix
    port: str


def check_senders(network: Network) -> Iterator[NetworkConcern]:
    """Yield ports that drop what peers of a tunnel send, because of where the routes to the peers lead."""
    for end in network.ends:
        port = end.source_port
        lines = end.device.filters.ports.get(port)
        if lines is None or lines.reverse_path is None or end.device.learns_routes:
            continue
        named = (*(link.nbma for link in network.links_of(end)), end.tunnel.destination)
        peers = list(dict.fromkeys(nbma for nbma in named if nbma is not None and nbma.version == 4))
        if not peers:
            continue
        problems = [_problem(end.device, port, lines.reverse_path, peer) for peer in peers]
        if all(problems):
            what = f"{port} drops packets of {peers[0]}, a peer of {end.name}: {problems[0]}"
            at, word = f"interface {port}", "rx" if lines.reverse_path.strict else "any"
            fix = f"{at}\n ip verify unicast source reachable-via {word} allow-default"
            fix = "" if lines.reverse_path.allow_default else fix
            yield found(SENDERS, end.device, (at, "ip verify unicast"), what, fix)


def _problem(device: Device, port: str, asked: ReversePath, peer: IPAddress) -> str:
    """Return why packets of a peer do not pass, "": they may."""
    ways = [way for way in _routes(device, device.vrf_of(port)) if peer in way.prefix]
    longest = max((way.prefix.length for way in ways), default=-1)
    best = [way for way in ways if way.prefix.length == longest]
    if not best:
        return "no route leads to it"
    if best[0].prefix.is_default and not asked.allow_default:
        return "only the default route leads to it, and it does not count without allow-default"
    if asked.strict and all(way.port not in ("", port) for way in best):
        return f"the route to it leads out of {best[0].port}"
    return ""


def _routes(device: Device, vrf: str) -> Iterator[_Route]:
    """Yield the routes of a table by wires, static lines and providers."""
    wires = [
        _Route(Prefix.of(own, length), it.name)
        for it, own, length in device.addresses()
        if device.vrf_of(it.name) == vrf
    ]
    yield from wires
    for name in device.interface_names:
        if device.is_given_address(name) and device.vrf_of(name) == vrf:
            yield _Route(_DEFAULT, name)
    for route in device.static_of(vrf).routes:
        if route.prefix.version == 4:
            hop = route.next_hop
            by_wire = next((wire.port for wire in wires if hop is not None and hop in wire.prefix), "")
            yield _Route(route.prefix, route.interface or by_wire)
