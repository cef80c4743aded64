"""Which packets may pass a port, as values: access lists as `ip access-group` and `ipv6 traffic-filter` apply them.

    Packet          what a list looks at
    Condition       what an entry asks of a packet: all parts of it
    FilterEntry     a condition and the verdict
    FilterList      entries in order: the first that fits decides, none: denied
    ReversePath     `ip verify unicast source reachable-via`: the sender of a packet must be reachable
    PortFilters     all of a port, and which echoes they are not asked about
    FilterCount     how many packets an entry has decided on

A plane carries these values out, in the kernel or in Python, and `FilterList.decides` says what both have to do.

A plane knows no names of object groups, and no clock. An entry with a group of services becomes an entry for each of
them, with equal sequence numbers, so counters are added up by sequence number; small groups of networks likewise, and
large ones are part of the condition. An entry whose time range is over is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import IntFlag
from itertools import product
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.translation import ICMP_OF, Addresses
from dmvpn.base.values import Value

#: The first and the last number of each range. No range at all (`lt 0`): no number fits.
Ranges = tuple[tuple[int, int], ...]
#: The octet of service of echoes that prove a direct path: internetwork control.
PATH_ECHO_SERVICE: Final = 0xC0
#: Their types and codes, by version of IP: the answer, and the request.
PATH_ECHO_ICMP: Final = {4: ((0, 0), (8, 0)), 6: ((129, 0), (128, 0))}


class TcpFlag(IntFlag):
    """Flags of a TCP header, as it has them."""

    FIN = 1
    SYN = 2
    RST = 4
    PSH = 8
    ACK = 16
    URG = 32


class Flags(Value):
    """TCP flags that are `set` or `clear`: all of these (`match-all`), or any (`match-any`)."""

    set: int = 0
    clear: int = 0
    is_any: bool = False

    def fit(self, flags: int) -> bool:
        """Return whether a header with these flags is meant."""
        if self.is_any:
            return bool(flags & self.set or ~flags & self.clear)
        return flags & self.set == self.set and not flags & self.clear


#: `established`: no connection is looked up, a header with ACK or RST is enough.
ESTABLISHED: Final = Flags(set=TcpFlag.ACK | TcpFlag.RST, is_any=True)


class Packet(Value, kw_only=True):
    """What a list looks at.

    protocol: over IPv6, of the header behind all extension headers, of which the authentication header is the last.
    service: the octet with DSCP, or with precedence and type of service.
    options: the numbers of the IP options; over IPv6, of the extension headers (RFC 8200 §4).
    is_later_fragment: without the header behind IP, so ports, ICMP type and flags are unknown.
    has_more: further fragments follow.
    """

    protocol: int
    source: IPAddress
    destination: IPAddress
    source_port: int = 0
    destination_port: int = 0
    icmp: tuple[int, int] = (0, 0)
    flags: int = 0
    service: int = 0
    ttl: int = 255
    options: tuple[int, ...] = ()
    is_later_fragment: bool = False
    has_more: bool = False


class Condition(Value, kw_only=True):
    """What an entry asks of a packet. None: nothing.

    icmp: the type, and the code or None for all of them.
    service: the value of the octet, and its bits that count: `dscp ef` is (184, 252), `precedence 5` (160, 224).
    option: the number of an IP option, or of an extension header; -1: any one.
    fragments: only later fragments are meant.
    sources, destinations: a group: of the addresses of `source`, only those of these; without any, all of them.
    """

    source: Addresses
    destination: Addresses
    protocol: int | None = None
    source_ports: Ranges | None = None
    destination_ports: Ranges | None = None
    icmp: tuple[int, int | None] | None = None
    flags: Flags | None = None
    service: tuple[int, int] | None = None
    ttl: Ranges | None = None
    option: int | None = None
    fragments: bool = False
    sources: tuple[Addresses, ...] = ()
    destinations: tuple[Addresses, ...] = ()

    @property
    def pairs(self) -> int:
        """The number of pairs of a member of its sources and one of its destinations."""
        return max(1, len(self.sources)) * max(1, len(self.destinations))

    def of_pairs(self) -> Iterator[Condition]:
        """Yield the condition for each of these pairs, without groups."""
        if not self.sources and not self.destinations:
            yield self
            return
        for source, destination in product(self.sources or (self.source,), self.destinations or (self.destination,)):
            yield replace(self, source=source, destination=destination, sources=(), destinations=())

    @property
    def looks_behind_ip(self) -> bool:
        """Whether it asks for what later fragments do not carry."""
        return any(part is not None for part in (self.source_ports, self.destination_ports, self.icmp, self.flags))

    def fits_ip(self, packet: Packet) -> bool:
        """Return whether the IP header is as it asks."""
        return (
            self.protocol in (None, packet.protocol)
            and self.source.hold(packet.source)
            and self.destination.hold(packet.destination)
            and (self.service is None or packet.service & self.service[1] == self.service[0])
            and _among(self.ttl, packet.ttl)
            and (self.option is None or (bool(packet.options) if self.option < 0 else self.option in packet.options))
            and (packet.is_later_fragment or not self.fragments)
            and _is_member(self.sources, packet.source)
            and _is_member(self.destinations, packet.destination)
        )

    def fits_behind_ip(self, packet: Packet) -> bool:
        """Return whether the header behind IP is as it asks."""
        return (
            _among(self.source_ports, packet.source_port)
            and _among(self.destination_ports, packet.destination_port)
            and (self.icmp is None or (self.icmp[0] == packet.icmp[0] and self.icmp[1] in (None, packet.icmp[1])))
            and (self.flags is None or self.flags.fit(packet.flags))
        )


class FilterEntry(Value):
    """One entry. log: its packets are reported; log_input: with the port that they came by."""

    sequence: int
    permit: bool
    condition: Condition
    log: bool = False
    log_input: bool = False

    def fits(self, packet: Packet) -> bool:
        """Return whether it decides on this packet.

        IOS permits a later fragment if the IP header alone fits, and denies none for a header that it does not have.
        """
        if not self.condition.fits_ip(packet):
            return False
        if packet.is_later_fragment and self.condition.looks_behind_ip:
            return self.permit
        return self.condition.fits_behind_ip(packet)


class FilterList(Value):
    """A list that exists and has entries; none of them may count at this time.

    is_standard: its entries look at the source alone, and its log lines name nothing else.
    """

    name: str
    entries: tuple[FilterEntry, ...]
    is_standard: bool = False

    def decides(self, packet: Packet) -> FilterEntry | None:
        """Return the entry that decides, None: denied by the end of the list."""
        return next((entry for entry in self.entries if entry.fits(packet)), None)

    def denies(self, packet: Packet) -> int | None:
        """Return the sequence number of the entry that denies it, `END_OF_LIST`: no entry fits; None: it may pass."""
        entry = self.decides(packet)
        if entry is None:
            return END_OF_LIST
        return None if entry.permit else entry.sequence

    def about(self, packet: Packet) -> FilterList:
        """Return the entries that may decide on packets like this one, whatever their sender is."""
        entries = tuple(
            entry
            for entry in self.entries
            if entry.condition.protocol in (None, packet.protocol)
            and entry.condition.destination.hold(packet.destination)
            and _among(entry.condition.destination_ports, packet.destination_port)
        )
        return FilterList(self.name, entries, self.is_standard)

    def by_sequence(self) -> dict[int, list[FilterEntry]]:
        """Return the entries of each number: an entry of the configuration with groups is several here."""
        found: dict[int, list[FilterEntry]] = {}
        for entry in self.entries:
            found.setdefault(entry.sequence, []).append(entry)
        return found


class ReversePath(Value):
    """`ip verify unicast source`: a packet passes only if there is a route to its source; looked at behind the list.

    strict: the route leads out of the port that the packet came by (`rx`), else out of any one (`any`).
    allow_default: the default route is one, too.

    A route that discards (Null0) is none. The router's own addresses are no senders. A packet from 0.0.0.0 to
    255.255.255.255, which asks for an address, passes, and so does multicast.
    """

    strict: bool
    allow_default: bool = False


class PortFilters(Value):
    """The lists of a port. None: all pass.

    unreachables: ICMP destination unreachable of the router itself leaves by this port, `ip unreachables`.
    echo_subnets: of a tunnel: the lists are not asked about echoes between two addresses of one subnet that prove a
    direct path (`is_path_echo`).
    """

    inward: FilterList | None = None
    outward: FilterList | None = None
    reverse_path: ReversePath | None = None
    unreachables: bool = True
    echo_subnets: tuple[Addresses, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether something is asked about packets that pass."""
        return self.inward is not None or self.outward is not None or self.reverse_path is not None

    def is_path_echo(self, packet: Packet) -> bool:
        """Return whether routers of the tunnel prove a direct path with this packet: no list is asked about it.

        It is whole and has no options, so that nothing else can pass in its shape.
        """
        version = packet.source.version
        return (
            packet.protocol == ICMP_OF[version]
            and packet.service == PATH_ECHO_SERVICE
            and packet.icmp in PATH_ECHO_ICMP[version]
            and not (packet.options or packet.is_later_fragment or packet.has_more)
            and any(one.hold(packet.source) and one.hold(packet.destination) for one in self.echo_subnets)
        )

    def counted_on(self, before: PortFilters) -> frozenset[tuple[bool, int]]:
        """Return the counters that go on after a change: `FilterCount.inward` and `sequence` of what stays the same."""
        found: list[tuple[bool, int]] = []
        if before.reverse_path == self.reverse_path:
            found.append((True, UNREACHABLE_SENDER))
        for inward, old, new in ((True, before.inward, self.inward), (False, before.outward, self.outward)):
            if old is not None and new is not None and old.name == new.name:
                earlier = old.by_sequence()
                found.append((inward, END_OF_LIST))
                found += [(inward, number) for number, some in new.by_sequence().items() if earlier.get(number) == some]
        return frozenset(found)


#: `FilterCount.sequence` of packets that no entry of a list permits or denies.
END_OF_LIST: Final = 0
#: `FilterCount.sequence` of packets whose sender is not reachable (`ReversePath`).
UNREACHABLE_SENDER: Final = -1
#: `FilterEntry.sequence` of what each IPv6 list permits before its end: solicitations and advertisements of neighbors.
NEIGHBOR_DISCOVERY: Final = -2


class FilterCount(Value):
    """How many packets an entry has decided on since it is in the list of this port, whatever other entries do.

    sequence: of the entry, of all of its number together; `END_OF_LIST`; `UNREACHABLE_SENDER` (inward is True).
    version: of IP, of which a port has filters of their own.
    """

    interface: str
    inward: bool
    sequence: int
    packets: int
    version: int = 4


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return ranges that have no number in common and do not touch, in order."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if first > last:
            continue
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)


def _is_member(group: tuple[Addresses, ...], address: IPAddress) -> bool:
    return not group or any(member.hold(address) for member in group)


def _among(ranges: Ranges | None, number: int) -> bool:
    return ranges is None or any(first <= number <= last for first, last in ranges)
