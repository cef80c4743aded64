"""What a tunnel needs from its peer, and which entry of the router's own access lists keeps it out.

    Outer      the packets of a tunnel on the way between its ends: IKE, ESP, ESP in UDP port 4500, GRE; and those of
               the DHCP server that leases the address of its source
    Denial     where an inbound list denies such a packet
    denial_by  asks one list; `surely_denied` does so where an address is not known
    Entrances  asks the lists of the ports by which such packets come (`ports.filters`)

Only inbound lists count: an outbound list is not asked about packets of the router itself. What a peer's lists deny is
known at that peer alone.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
from dmvpn.base.filters import END_OF_LIST, FilterEntry, FilterList, Packet
from dmvpn.base.ports import Ports
from dmvpn.base.protection import Connection
from dmvpn.base.translation import UDP, Addresses
from dmvpn.base.values import Value

#: IP precedence 6, which IKE's packets have.
_CONTROL: Final = 0xC0
_UNKNOWN: Final = IPv4Address(0)
_EVERYWHERE: Final = Addresses(IPv4Address(0), IPv4Address(0xFFFFFFFF))


class Outer(enum.Enum):
    """The packets of a tunnel as they come from its peer. The value is how people know them."""

    IKE = "IKE (UDP port 500)"
    IN_UDP = "UDP port 4500"
    ESP = "ESP"
    GRE = "GRE"
    LEASE = "DHCP (UDP port 68)"

    def packet(self, remote: IPAddress, local: IPAddress, port: int = 0) -> Packet:
        """Return such a packet. port: of the peer behind a NAT, 0: its own."""
        match self:
            case Outer.IKE | Outer.IN_UDP:
                own = 500 if self is Outer.IKE else 4500
                return Packet(
                    protocol=UDP,
                    source=remote,
                    destination=local,
                    source_port=port or own,
                    destination_port=own,
                    service=_CONTROL,
                )
            case Outer.ESP:
                return Packet(protocol=50, source=remote, destination=local)
            case Outer.GRE:
                return Packet(protocol=47, source=remote, destination=local)
            case Outer.LEASE:
                return Packet(protocol=UDP, source=remote, destination=local, source_port=67, destination_port=68)


class Denial(Value):
    """Where a packet of a peer is denied. sequence: of the entry, `END_OF_LIST`: no entry permits it."""

    what: Outer
    remote: IPAddress
    interface: str
    name: str
    sequence: int

    @property
    def entry(self) -> str:
        """The list and its entry, for people."""
        return entry_of(self.name, self.sequence)

    def __str__(self) -> str:
        return f"{self.entry}, inbound on {self.interface}, denies {self.what.value} from {self.remote}"


def entry_of(name: str, sequence: int) -> str:
    """Return an entry of a list for people: "access list WAN-IN, entry 30"."""
    entry = "the implicit deny at its end" if sequence == END_OF_LIST else f"entry {sequence}"
    return f"access list {name}, {entry}"


def denial_by(
    listed: FilterList, interface: str, what: Outer, ends: tuple[IPAddress, IPAddress], port: int = 0
) -> Denial | None:
    """Return how the inbound list of an interface denies such a packet, or None. ends: our address, the peer's."""
    local, remote = ends
    if not isinstance(local, IPv4Address) or not isinstance(remote, IPv4Address):
        return None
    sequence = listed.denies(what.packet(remote, local, port))
    return None if sequence is None else Denial(what, remote, interface, listed.name, sequence)


def surely_denied(listed: FilterList, what: Outer, local: IPv4Address | None, remote: IPv4Address | None) -> int | None:
    """Return the entry that denies such packets whatever the unknown addresses are, None: they may pass.

    local, remote: our address and the peer's, None: unknown.
    """
    packet = what.packet(remote or _UNKNOWN, local or _UNKNOWN)
    for entry in listed.entries:
        asks = entry.condition
        known = asks
        if remote is None:
            known = replace(known, source=_EVERYWHERE, sources=())
        if local is None:
            known = replace(known, destination=_EVERYWHERE, destinations=())
        if not known.fits_ip(packet) or not known.fits_behind_ip(packet):
            continue
        if entry.permit:
            return None
        if _is_surely(remote, asks.source, asks.sources) and _is_surely(local, asks.destination, asks.destinations):
            return entry.sequence
    return END_OF_LIST


def _is_surely(address: IPv4Address | None, asked: Addresses, group: tuple[Addresses, ...]) -> bool:
    return address is not None or (asked.is_any and not group)


class _BySender:
    """The entries of a list by the senders that they mean, so that a list of thousands of hosts costs few look-ups."""

    def __init__(self, listed: FilterList) -> None:
        self._listed = listed
        #: By wildcard, then by the bits that count: entries with their places in the list.
        self._entries: dict[int, dict[int, list[tuple[int, FilterEntry]]]] = {}
        for place, entry in enumerate(listed.entries):
            source = entry.condition.source
            wildcard = int(source.wildcard)
            alike = self._entries.setdefault(wildcard, {}).setdefault(int(source.address) & ~wildcard, [])
            alike.append((place, entry))

    def entries(self, sender: IPv4Address) -> FilterList:
        """Return the entries that may decide about packets of this sender."""
        number = int(sender)
        found = [pair for wildcard, by in self._entries.items() for pair in by.get(number & ~wildcard, ())]
        found.sort(key=lambda pair: pair[0])
        return FilterList(self._listed.name, tuple(entry for _, entry in found), self._listed.is_standard)


class Entrances:
    """Asks the inbound lists of the router's ports. Of a long list it keeps the entries that may concern a tunnel."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._known: dict[tuple[str, Outer, IPAddress], tuple[FilterList, _BySender]] = {}

    def denial(self, what: Outer, ends: Ends, port: int = 0) -> Denial | None:
        """Return which list denies such packets of a peer, None: none does.

        port: of the peer behind a NAT, 0: its own.
        """
        if not self._ports.filters.any_inward:
            return None
        addresses = ends[0].address, ends[1]
        for name in self._ways_in(*ends):
            listed = self._ports.filters.inward(name)
            if listed is not None:
                found = denial_by(self._about(listed, name, what, *addresses), name, what, addresses, port)
                if found is not None:
                    return found
        return None

    def cut(self, ends: Ends, connection: Connection | None) -> Denial | None:
        """Return which list cuts a protected tunnel with this peer, None: none does.

        connection: None: there is none yet.
        """
        if connection is None:
            return self.denial(Outer.IKE, ends) or self.esp(ends)
        if not connection.local_port:
            return self.denial(Outer.ESP, ends)
        return self.esp(ends, connection.remote_port if connection.behind_nat else 0, nat=connection.nat)

    def esp(self, ends: Ends, port: int = 0, *, nat: bool = False) -> Denial | None:
        """Return which list keeps ESP of a peer out both ways. With NAT there is one way, UDP port 4500.

        port: see `denial`. nat: there is NAT between the two.
        """
        in_udp = self.denial(Outer.IN_UDP, ends, port)
        return in_udp if in_udp is None or nat else self.denial(Outer.ESP, ends)

    def _ways_in(self, outer: OuterAddress, remote: IPAddress) -> tuple[str, ...]:
        """Return the ports by which packets of a peer come: the port that has our address.

        A loopback has no wire: packets for it come from where the routes to the peer lead.
        """
        owner = self._ports.interfaces.owner(outer.address, outer.front)
        if owner is not None and not owner.name.startswith("Loopback"):
            return (owner.name,)
        rib = self._ports.rib_of(outer.front)
        hops = rib.forwarding(remote) if rib is not None else ()
        return tuple(dict.fromkeys(hop.interface for hop in hops if hop.interface))

    def _about(self, listed: FilterList, name: str, what: Outer, local: IPAddress, remote: IPAddress) -> FilterList:
        """Return the entries that may decide about such packets of this peer."""
        if not isinstance(local, IPv4Address) or not isinstance(remote, IPv4Address):
            return listed
        known = self._known.get((name, what, local))
        if known is None or known[0] is not listed:
            known = self._known[name, what, local] = listed, _BySender(listed.about(what.packet(remote, local)))
        return known[1].entries(remote)
