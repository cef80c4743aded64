"""Packet filters of a simulated router: whether a packet passes a port, the counters, and reports of logged packets.

A port without lists costs one look into an empty dictionary. Boxes of all VRFs share this, because ports have one name
each; the table for the look at a sender is that of the box that asks.
"""

from __future__ import annotations

import enum
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import RouteKind
from dmvpn.base.events import PacketsFiltered
from dmvpn.base.filters import END_OF_LIST, UNREACHABLE_SENDER, FilterCount, PortFilters
from dmvpn.dataplane.contract import PROHIBITED_INTERVAL, Alarms
from dmvpn.dataplane.packets import has_header, packet_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import SetFilters
    from dmvpn.base.events import Event
    from dmvpn.base.filters import FilterEntry, FilterList, Packet, ReversePath
    from dmvpn.dataplane.simulated.forwarding import ForwardingTable

_NOTHING: Final = PortFilters()
_DEFAULT: Final = Prefix.parse("0.0.0.0/0")
#: An address that a station without one sends from, to everybody.
_ASKS_FOR_ADDRESS: Final = (IPv4Address(0), IPv4Address(0xFFFFFFFF))
_Place = tuple[str, bool, int]
#: Kinds of packets whose entry is remembered, in each direction of a port.
_MOST_REMEMBERED: Final = 4096


class SenderDoubt(enum.Enum):
    """Why the sender of a packet is not reachable as a port asks for (RFC 3704 §2)."""

    OWN = "{source} is an address of the router itself"
    NO_ROUTE = "no route to the sender {source}"
    DEFAULT_ROUTE = "only the default route leads to {source}, without allow-default"
    OTHER_PORT = "the route to {source} leads out of {ports}"


class RouterFilters:
    """Carries out `SetFilters`, and decides."""

    def __init__(self, report: Callable[[Event], None]) -> None:
        self._report = report
        self.ports: dict[str, PortFilters] = {}
        self._counts: dict[_Place, int] = {}
        #: By port and direction. A flow asks again and again, and a list is looked through from its beginning.
        self._decided: dict[tuple[str, bool], dict[Packet, FilterEntry | None]] = {}
        self._alarms = Alarms()
        self._prohibited = -PROHIBITED_INTERVAL

    def set(self, order: SetFilters) -> None:
        """Apply this order from now on. Entries that stay keep their counters."""
        port, filters = order.interface, order.filters
        for inward in (True, False):
            self._decided.pop((port, inward), None)
        kept = filters.counted_on(self.ports.pop(port, _NOTHING))
        for place in [place for place in self._counts if place[0] == port and place[1:] not in kept]:
            del self._counts[place]
        if filters != _NOTHING:
            self.ports[port] = filters

    def counts(self) -> tuple[FilterCount, ...]:
        """Return the counters of all entries that have decided on packets."""
        return tuple(FilterCount(*place, packets) for place, packets in self._counts.items())

    def admits(self, port: str, data: bytes, table: ForwardingTable, now: float) -> bool | None:
        """Return whether a packet that came by the port may go on; None: it may not, and gets no answer."""
        filters = self.ports.get(port)
        if filters is None or not has_header(data):
            return True  # malformed: dropped where it is parsed
        if filters.inward is not None:
            packet = packet_of(data)
            if packet is None:
                return None
            if not filters.is_path_echo(packet) and not self._passes(port, filters.inward, packet, now, inward=True):
                return False
        if filters.reverse_path is not None and not self._is_reachable(port, filters.reverse_path, data, table):
            self._count((port, True, UNREACHABLE_SENDER))
            return None
        return True

    def releases(self, port: str, data: bytes, now: float) -> bool | None:
        """Return whether a forwarded packet may leave by the port; None: it may not, and gets no answer."""
        filters = self.ports.get(port)
        if filters is None or filters.outward is None or not has_header(data):
            return True
        packet = packet_of(data)
        if packet is None:
            return None
        return filters.is_path_echo(packet) or self._passes(port, filters.outward, packet, now, inward=False)

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
        entry = self._decide(port, listed, packet, inward=inward)
        place = port, inward, END_OF_LIST if entry is None else entry.sequence
        self._count(place)
        if entry is None:
            return False
        if (entry.log or entry.log_input) and self._alarms.may_tell((place, self._counts[place]), now):
            self._report(PacketsFiltered(port, inward, entry.sequence, packet))
        return entry.permit

    def _is_reachable(self, port: str, asked: ReversePath, data: bytes, table: ForwardingTable) -> bool:
        """Return whether there is a route to the sender as the port asks for."""
        source, destination = IPv4Address(data[12:16]), IPv4Address(data[16:20])
        is_asked = destination.is_multicast or (source, destination) == _ASKS_FOR_ADDRESS
        return is_asked or doubt_of(port, asked, source, table) is None

    def _decide(self, port: str, listed: FilterList, packet: Packet, *, inward: bool) -> FilterEntry | None:
        known = self._decided.setdefault((port, inward), {})
        if packet not in known:
            if len(known) == _MOST_REMEMBERED:
                known.clear()
            known[packet] = listed.decides(packet)
        return known[packet]

    def _count(self, place: _Place) -> None:
        self._counts[place] = self._counts.get(place, 0) + 1


def doubt_of(port: str, asked: ReversePath, source: IPAddress, table: ForwardingTable) -> SenderDoubt | None:
    """Return why there is no route to the sender of a packet as the port asks for; None: there is."""
    if source in table.own:
        return SenderDoubt.OWN
    found = table.look_up(source)
    if found is None or isinstance(found[1], RouteKind):
        return SenderDoubt.NO_ROUTE
    if found[0] == _DEFAULT and not asked.allow_default:
        return SenderDoubt.DEFAULT_ROUTE
    return SenderDoubt.OTHER_PORT if asked.strict and all(hop.interface != port for hop in found[1]) else None
