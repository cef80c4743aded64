"""Which packets a router translates toward the outside, as values: access lists as far as a translator can obey them.

    PacketRule      one entry of an access list
    Clause          what one entry of a route map means of a packet: any of some access lists permits it
    SourceRule      `ip nat inside source list|route-map ...`: the clauses for what leaves by an interface, and the
                    addresses that it gets: that of the interface, or those of a pool
    StaticRule      `ip nat inside source static ...`: a station, a port of it or a network of stations, and its
                    address outside, in both directions

Policy has the lists (`ports.policies`), NAT builds its rules from them, and planes carry out the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import EVERY_BIT, IPAddress, Prefix
from dmvpn.base.values import Value

#: Protocols that an access list of a translator may name, by their numbers.
ICMP, TCP, UDP, GRE, ESP = 1, 6, 17, 47, 50
#: ICMP of each version of IP.
ICMP_OF: Final = {4: ICMP, 6: 58}
PROTOCOLS: Final = (ICMP, TCP, UDP)

#: Flows that one station inside may have by one rule.
SHARE: Final = 4096
#: Public ports that may replace an inside port, of TCP and UDP alike. The first range that has the port inside keeps
#: it; all others go to the last. So no inside station ever sends from port 500 or 4500 of the router, where the
#: router's own IKE is.
PORT_RANGES: Final = ((1024, 4499), (4501, 65535))


class PacketFlow(Value):
    """What an access list looks at. Ports are 0 where the protocol has none."""

    protocol: int
    source: IPv4Address
    destination: IPv4Address
    source_port: int = 0
    destination_port: int = 0


class Addresses(Value):
    """Addresses of one IP version that agree with `address` in the bits that are 0 in `wildcard`."""

    address: IPAddress
    wildcard: IPAddress

    def hold(self, address: IPAddress) -> bool:
        """Return whether this is one of them. It must be of their version."""
        return not (int(address) ^ int(self.address)) & ~int(self.wildcard)

    @property
    def is_any(self) -> bool:
        """Whether all addresses match."""
        return int(self.wildcard) == EVERY_BIT[type(self.wildcard)]


class PacketRule(Value):
    """One entry.

    protocol: None: every one.
    source_ports, destination_ports: the first and the last, None: all.
    """

    permit: bool
    source: Addresses
    destination: Addresses
    protocol: int | None = None
    source_ports: tuple[int, int] | None = None
    destination_ports: tuple[int, int] | None = None

    def fits(self, flow: PacketFlow) -> bool:
        """Return whether it is about this packet."""
        return (
            self.protocol in (None, flow.protocol)
            and self.source.hold(flow.source)
            and self.destination.hold(flow.destination)
            and _between(self.source_ports, flow.source_port)
            and _between(self.destination_ports, flow.destination_port)
        )


Rules = tuple[PacketRule, ...]


class Clause(Value):
    """Packets that one of the lists permits, or all if there is no list: they are translated, or (False) left alone."""

    permit: bool
    lists: tuple[Rules, ...] = ()

    def fits(self, flow: PacketFlow) -> bool:
        """Return whether it is about this packet."""
        return not self.lists or any(permits(rules, flow) for rules in self.lists)


class SourceRule(Value):
    """What leaves by `outside` gets another source where the first clause that fits says so; without one it stays.

    refused: numbers of protocols without ports that would take packets away from the router's own tunnels: dropped.
    vrf: the VRF that the packets come from, "": the global table.
    pool: ranges of addresses, each with its first and last one; (): the address of `outside`.
    overload: many stations share an address; otherwise each station has an address of the pool for itself.
    address: that of the router which stations share; None: the first one of `outside`.
    """

    outside: str
    clauses: tuple[Clause, ...]
    refused: tuple[int, ...] = ()
    vrf: str = ""
    pool: tuple[tuple[IPv4Address, IPv4Address], ...] = ()
    overload: bool = True
    address: IPv4Address | None = None

    def translates(self, flow: PacketFlow) -> bool:
        """Return whether this packet is to be translated."""
        return next((clause.permit for clause in self.clauses if clause.fits(flow)), False)

    def gives(self, address: IPv4Address) -> bool:
        """Return whether the address is in its pool, or shared with the router."""
        return address == self.address or any(first <= address <= last for first, last in self.pool)


class StaticRule(Value):
    """A station inside, known outside by an address of its own, or one port of it by a port of an address.

    length: of the prefixes if `local` and `public` are the first addresses of networks.
    protocol: TCP or UDP; 0: all packets, and no ports.
    vrf: of the station, "": the global table.
    """

    local: IPv4Address
    public: IPv4Address
    length: int = 32
    protocol: int = 0
    local_port: int = 0
    public_port: int = 0
    vrf: str = ""

    @property
    def published(self) -> Prefix:
        """The addresses outside."""
        return Prefix.of(self.public, self.length)

    def inside_of(self, protocol: int, public: IPv4Address, port: int) -> tuple[IPv4Address, int] | None:
        """Return the station and port that a packet to a public address and port is for; None: it is another's."""
        if public not in self.published or (self.protocol and (self.protocol, self.public_port) != (protocol, port)):
            return None
        offset = int(public) - int(self.public)
        return IPv4Address(int(self.local) + offset), self.local_port if self.protocol else port

    def outside_of(self, protocol: int, local: IPv4Address, port: int) -> tuple[IPv4Address, int] | None:
        """Return the public address and port of a station's packet; None: the rule is not about it."""
        offset = int(local) - int(self.local)
        if not 0 <= offset < 1 << 32 - self.length:
            return None
        if self.protocol and (self.protocol, self.local_port) != (protocol, port):
            return None
        return IPv4Address(int(self.public) + offset), self.public_port if self.protocol else port


class FlowFilter(Value):
    """Which flows are meant: `clear ip nat translation ...`. None, a port of 0: any. vrf: of the station inside."""

    protocol: int | None = None
    inside_global: tuple[IPv4Address, int] | None = None
    inside_local: tuple[IPv4Address, int] | None = None
    outside: tuple[IPv4Address, int] | None = None
    vrf: str | None = None

    def fits(self, flow: TranslatedFlow) -> bool:
        """Return whether a flow is meant."""
        asked = (self.inside_global, flow.inside_global), (self.inside_local, flow.inside_local)
        ends = (*asked, (self.outside, flow.outside))
        return (
            self.protocol in (None, flow.protocol)
            and self.vrf in (None, flow.vrf)
            and all(wanted is None or (wanted[0] == end[0] and wanted[1] in (0, end[1])) for wanted, end in ends)
        )


class TranslatedFlow(Value):
    """A flow that is translated. Ports are 0 where the protocol has none; of echoes both are the identifier.

    inside_local, inside_global: the address of the inside station, and the public one.
    expires: seconds, None: not known.
    answered: packets went both ways.
    vrf: of the inside station, "": the global table.
    """

    protocol: int
    inside_local: tuple[IPv4Address, int]
    inside_global: tuple[IPv4Address, int]
    outside: tuple[IPv4Address, int]
    expires: float | None = None
    answered: bool = False
    vrf: str = ""

    @property
    def original(self) -> PacketFlow:
        """Its packets as they leave the station inside."""
        (source, source_port), (destination, port) = self.inside_local, self.outside
        return PacketFlow(self.protocol, source, destination, source_port, port)


class Translations(Value):
    """All flows that live.

    misses: packets that made a flow, since the order was first given.
    hits: all other ones.
    refused: packets dropped because their station had its share of flows, or no address or port was free.
    """

    flows: tuple[TranslatedFlow, ...] = ()
    hits: int = 0
    misses: int = 0
    refused: int = 0

    @property
    def counts(self) -> tuple[int, int, int]:
        """Hits, misses and refused packets."""
        return self.hits, self.misses, self.refused


# ------------------------------------------------------------------------------------------------ what policy has


class ListedPackets(Value):
    """An access list. problem: what in it no translator here can obey, "" for nothing."""

    rules: Rules
    problem: str = ""


class MappedPackets(Value):
    """One entry of a route map.

    access_lists: names of those it matches.
    interfaces: likewise, () for all.
    """

    permit: bool
    access_lists: tuple[str, ...]
    interfaces: tuple[str, ...]
    problem: str = ""


class PacketPolicies(Value):
    """All access lists and route maps, by name."""

    access_lists: Mapping[str, ListedPackets] = field(default_factory=dict)
    route_maps: Mapping[str, tuple[MappedPackets, ...]] = field(default_factory=dict)


def begins_as_station(protocol: int, port: int) -> bool:
    """Return whether a packet that the router sends from an address inside is translated: pings and probes of
    traceroute, not what its protocols send.

    port: of its sender, of UDP.
    """
    return protocol == ICMP or (protocol == UDP and any(_between(ports, port) for ports in PORT_RANGES))


def permits(rules: Rules, flow: PacketFlow) -> bool:
    """Return what the first rule that fits decides; none: denied."""
    return next((rule.permit for rule in rules if rule.fits(flow)), False)


def port_range(port: int) -> tuple[int, int]:
    """Return the public ports that may replace this inside port."""
    return next((ports for ports in PORT_RANGES if _between(ports, port)), PORT_RANGES[-1])


def _between(ports: tuple[int, int] | None, port: int) -> bool:
    return ports is None or ports[0] <= port <= ports[1]
