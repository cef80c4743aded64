"""Packet filters of a simulated router: whether a packet passes a port, the counters, and reports of logged packets.

A port without lists costs one look into an empty dictionary. Boxes of all VRFs share this, because ports have one name
each; the table for the look at a sender is that of the box that asks.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import RouteKind
from dmvpn.base.events import PacketsFiltered
from dmvpn.base.filters import END_OF_LIST, UNREACHABLE_SENDER, FilterCount, Packet, PortFilters
from dmvpn.dataplane.alarms import Alarms
from dmvpn.dataplane.contract import PROHIBITED_INTERVAL
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dmvpn.base.effects import SetFilters
    from dmvpn.base.events import Event
    from dmvpn.base.filters import FilterEntry, FilterList, ReversePath
    from dmvpn.dataplane.simulated.forwarding import ForwardingTable

_NOTHING: Final = PortFilters()
_DEFAULT: Final = Prefix.parse("0.0.0.0/0")
_PORTED: Final = (IpProtocol.TCP, IpProtocol.UDP)
_ONE_OCTET: Final = (0, 1)
#: An address that a station without one sends from, to everybody.
_ASKS_FOR_ADDRESS: Final = (IPv4Address(0), IPv4Address(0xFFFFFFFF))
_Place = tuple[str, bool, int]


class RouterFilters:
    """Carries out `SetFilters`, and decides."""

    def __init__(self, report: Callable[[Event], None]) -> None:
        self._report = report
        self.ports: dict[str, PortFilters] = {}
        self._counts: dict[_Place, int] = {}
        self._alarms = Alarms()
        self._prohibited = -PROHIBITED_INTERVAL

    def set(self, order: SetFilters) -> None:
        """Apply this order from now on. Entries that stay keep their counters."""
        port, filters = order.interface, order.filters
        before = self.ports.pop(port, _NOTHING)
        for inward, old, new in ((True, before.inward, filters.inward), (False, before.outward, filters.outward)):
            kept = _by_number(new)
            for sequence, entries in _by_number(old).items():
                if kept.get(sequence) != entries:
                    self._counts.pop((port, inward, sequence), None)
            if new is None:
                self._counts.pop((port, inward, END_OF_LIST), None)
        if filters.reverse_path is None:
            self._counts.pop((port, True, UNREACHABLE_SENDER), None)
        if filters != _NOTHING:
            self.ports[port] = filters

    def counts(self) -> tuple[FilterCount, ...]:
        """Return the counters of all entries that have decided on packets."""
        return tuple(FilterCount(*place, packets) for place, packets in self._counts.items())

    def admits(self, port: str, data: bytes, table: ForwardingTable, now: float) -> bool | None:
        """Return whether a packet that came by the port may go on; None: it may not, and gets no answer."""
        filters = self.ports.get(port)
        if filters is None or data[:1] >= b"\x60":
            return True
        packet = packet_of(data)
        if packet is None:
            return True  # malformed: dropped where it is parsed
        if filters.inward is not None and not self._passes(port, filters.inward, packet, now, inward=True):
            return False
        if filters.reverse_path is not None and not _is_reachable(port, filters.reverse_path, packet, table):
            self._count((port, True, UNREACHABLE_SENDER))
            return None
        return True

    def releases(self, port: str, data: bytes, now: float) -> bool:
        """Return whether a forwarded packet may leave by the port."""
        filters = self.ports.get(port)
        if filters is None or filters.outward is None or data[:1] >= b"\x60":
            return True
        packet = packet_of(data)
        return packet is None or self._passes(port, filters.outward, packet, now, inward=False)

    def may_prohibit(self, now: float) -> bool:
        """Return whether a denied packet may be answered; then none for a while."""
        if now - self._prohibited < PROHIBITED_INTERVAL:
            return False
        self._prohibited = now
        return True

    def is_silent(self, port: str) -> bool:
        """Return whether no ICMP destination unreachable of the router leaves by this port."""
        filters = self.ports.get(port)
        return filters is not None and not filters.unreachables

    # ------------------------------------------------------------------------------------------------ parts

    def _passes(self, port: str, listed: FilterList, packet: Packet, now: float, *, inward: bool) -> bool:
        entry = listed.decides(packet)
        place = port, inward, END_OF_LIST if entry is None else entry.sequence
        self._count(place)
        if entry is None:
            return False
        if (entry.log or entry.log_input) and self._alarms.may_tell((place, self._counts[place]), now):
            self._report(PacketsFiltered(port, inward, entry.sequence, packet))
        return entry.permit

    def _count(self, place: _Place) -> None:
        self._counts[place] = self._counts.get(place, 0) + 1


def packet_of(data: bytes) -> Packet | None:
    """Return what a list looks at in an IPv4 packet; None: it has no whole header."""
    start = (data[0] & 0x0F) << 2 if data else 0
    if start < HEADER_LENGTH or len(data) < start:
        return None
    offset = (data[6] & 0x1F) << 8 | data[7]
    protocol, behind = data[9], data[start : start + 14] if not offset else b""
    ports, icmp, flags = (0, 0), (0, 0), 0
    if protocol in _PORTED and len(behind) >= 4:
        ports = int.from_bytes(behind[:2], "big"), int.from_bytes(behind[2:4], "big")
        flags = behind[13] & 0x3F if protocol == IpProtocol.TCP and len(behind) == 14 else 0
    elif protocol == IpProtocol.ICMP and len(behind) >= 2:
        icmp = behind[0], behind[1]
    return Packet(
        protocol=protocol,
        source=IPv4Address(data[12:16]),
        destination=IPv4Address(data[16:20]),
        source_port=ports[0],
        destination_port=ports[1],
        icmp=icmp,
        flags=flags,
        service=data[1],
        ttl=data[8],
        options=_options(data[HEADER_LENGTH:start]),
        is_later_fragment=bool(offset),
    )


def _options(octets: bytes) -> tuple[int, ...]:
    """Return the numbers of IP options up to the end of the list, RFC 791 §3.1."""
    found, place = list[int](), 0
    while place < len(octets) and octets[place]:
        found.append(octets[place])
        if octets[place] in _ONE_OCTET:
            place += 1
        elif place + 1 < len(octets) and octets[place + 1] >= 2:
            place += octets[place + 1]
        else:
            break
    return tuple(found)


def _by_number(listed: FilterList | None) -> Mapping[int, tuple[FilterEntry, ...]]:
    found: dict[int, tuple[FilterEntry, ...]] = {}
    for entry in listed.entries if listed is not None else ():
        found[entry.sequence] = (*found.get(entry.sequence, ()), entry)
    return found


def _is_reachable(port: str, asked: ReversePath, packet: Packet, table: ForwardingTable) -> bool:
    """Return whether there is a route to the sender as the port asks for."""
    if packet.destination.is_multicast or (packet.source, packet.destination) == _ASKS_FOR_ADDRESS:
        return True
    found = None if packet.source in table.own else table.look_up(packet.source)
    if found is None or isinstance(found[1], RouteKind) or (found[0] == _DEFAULT and not asked.allow_default):
        return False
    return not asked.strict or any(hop.interface == port for hop in found[1])
