"""Packet filters as a machine: lines and access lists come in; an order for a port goes out whenever it is another one.

It answers `ports.filters`: how many packets the entries of lists have decided on, since they were cleared; and the
inbound lists of ports, whose changes it announces by `FiltersChanged`.

Routers prove their direct paths by echoes between tunnel addresses, and other makes do not: a list for those costs no
direct path here, because the order for a tunnel with lists names the tunnel's subnets (`PortFilters.is_path_echo`).

Log lines about packets that an entry with `log` has decided on.

The first packet of a flow is logged at once. Its further packets are counted, and logged together every five minutes,
or when as many have come as `ip access-list log-update threshold` says. A flow without packets for five minutes is
forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Final, NamedTuple, cast

from dmvpn.base import notices
from dmvpn.base.addresses import EVERY_BIT, IPAddress, spelled
from dmvpn.base.context import Context, Machine, Retries, TimerQueue
from dmvpn.base.effects import SetFilters
from dmvpn.base.events import EffectFailed, Event, Packets, PacketsFiltered, Resync
from dmvpn.base.filters import END_OF_LIST, FilterCount, FilterEntry, FilterList, PortFilters
from dmvpn.base.merging import MergedChanges
from dmvpn.base.notices import Log, LogWriter
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason
from dmvpn.base.translation import ICMP_OF, TCP, UDP, Addresses
from dmvpn.base.values import Value
from dmvpn.features.filter import messages
from dmvpn.features.filter.model import FilterConfig, PortLines
from dmvpn.features.filter.reasons import FilterReason


class ClearCounters(Event, Value):
    """`clear access-list counters`. name: of one list, "": of all. counts: the counters at this moment.

    version: of lists of one version of IP; 0: of both.
    """

    name: str
    counts: tuple[FilterCount, ...]
    version: int = 0


# ------------------------------------------------------------------------------------------------ log lines


#: Seconds from one log line about a flow to the next.
INTERVAL: Final = 300.0
#: Flows that are remembered; packets of further ones are not logged.
_MOST: Final = 4096
_KINDS: Final[Mapping[int, tuple[LogWriter[str], LogWriter[str], LogWriter[str]]]] = {
    4: (messages.packet_ports, messages.packet_types, messages.packet_numbered),
    6: (messages.packet_ports6, messages.packet_types6, messages.packet_numbered6),
}
_ICMP_WORDS: Final = {4: "icmp", 6: "icmpv6"}
_NAMED: Final = {2: "igmp", 4: "ipinip", 88: "eigrp", 89: "ospf", 94: "nos", 103: "pim"}


class _Flow(NamedTuple):
    """What one log line is about."""

    name: str
    permit: bool
    where: str
    protocol: int
    source: str
    destination: str
    icmp: tuple[int, int]
    is_standard: bool
    version: int


class PacketLogs:
    """The flows of a router that are being logged."""

    def __init__(self, context: Context) -> None:
        self._context = context
        #: Packets of each flow since its last log line.
        self._flows: dict[_Flow, int] = {}
        self._due: TimerQueue[_Flow] = TimerQueue(context, "log a flow again", self._update, most=32)
        self._threshold = 0

    def configure(self, threshold: int) -> None:
        """Log a flow again after so many packets, 0: after minutes only."""
        self._threshold = threshold

    def take(self, event: PacketsFiltered, name: str, entry: FilterEntry, *, is_standard: bool) -> None:
        """Log packets that an entry of this list decided on, or count them."""
        packet = event.packet
        has_ports = packet.protocol in (TCP, UDP)
        flow = _Flow(
            name=name if event.version == 4 else f"{name}/{entry.sequence}",
            permit=entry.permit,
            where=f" ({_where(event)})" if entry.log_input else "",
            protocol=0 if is_standard else packet.protocol,
            source=_end(packet.source, packet.source_port if has_ports and not is_standard else None),
            destination="" if is_standard else _end(packet.destination, packet.destination_port if has_ports else None),
            icmp=packet.icmp if packet.protocol == ICMP_OF[event.version] and not is_standard else (0, 0),
            is_standard=is_standard,
            version=event.version,
        )
        count = event.count
        if flow not in self._flows:
            if len(self._flows) >= _MOST:
                return
            self._flows[flow] = 0
            self._log(flow, 1)
            count -= 1
        self._flows[flow] += count
        if self._threshold and self._flows[flow] >= self._threshold:
            self._update(flow)

    def _update(self, flow: _Flow) -> None:
        count = self._flows[flow]
        if not count:
            del self._flows[flow]
            return
        self._flows[flow] = 0
        self._log(flow, count)

    def _log(self, flow: _Flow, count: int) -> None:
        self._due.set(flow, self._context.now + INTERVAL)
        self._context.emit(_message(flow, count))


def _end(address: IPAddress, port: int | None) -> str:
    return spelled(address) if port is None else f"{spelled(address)}({port})"


def _where(event: PacketsFiltered) -> str:
    octets = event.hardware_address.hex()
    dotted = ".".join(octets[place : place + 4] for place in range(0, len(octets), 4))
    return f"{event.interface} {dotted}".rstrip()


def _message(flow: _Flow, count: int) -> Log:
    """Return the line as IOS has it."""
    done = "permitted" if flow.permit else "denied"
    packets = "1 packet" if count == 1 else f"{count} packets"
    if flow.is_standard:
        return messages.packet_source(f"list {flow.name} {done} {flow.source} {packets}")
    ends = f"{flow.source}{flow.where} -> {flow.destination}"
    ports, types, numbered = _KINDS[flow.version]
    kind: LogWriter[str]
    if flow.protocol in (TCP, UDP):
        protocol, kind = "tcp" if flow.protocol == TCP else "udp", ports
    elif flow.protocol == ICMP_OF[flow.version]:
        protocol, kind = _ICMP_WORDS[flow.version], types
        ends += f" ({flow.icmp[0]}/{flow.icmp[1]})"
    elif flow.protocol in _NAMED and flow.version == 4:
        protocol, kind = _NAMED[flow.protocol], messages.packet_named
    else:
        protocol, kind = str(flow.protocol), numbered
    return kind(f"list {flow.name} {done} {protocol} {ends}, {packets}")


# ------------------------------------------------------------------------------------------------ the machine


_NOTHING = PortFilters()
#: A port, and the version of IP whose packets are filtered.
_Port = tuple[str, int]
_Place = tuple[str, bool, int, int]


class FilterMachine(Machine):
    """Keeps the plane in step with the lines."""

    subscriptions: ClassVar[tuple[type[Event] | type[notices.Notice] | Packets, ...]] = (
        notices.AccessListsChanged,
        ClearCounters,
        EffectFailed,
        notices.InterfaceChanged,
        PacketsFiltered,
        Resync,
        notices.TunnelChanged,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self._ordered: dict[_Port, PortFilters] = {}
        self._retries = Retries[_Port](self._context, "order refused filters again", self._order, most=16)
        #: Counters at the last clear.
        self._bases: dict[_Place, int] = {}
        self._logs = PacketLogs(self._context)
        self._lists = MergedChanges(self._context, "order changed lists", self._refresh, lambda: any(self._changes()))
        self.config = FilterConfig()

    @property
    def ordered(self) -> Mapping[tuple[str, int], PortFilters]:
        """The last order of each port that filters, by its name and the version of IP."""
        return self._ordered

    def failure(self, interface: str, version: int = 4) -> Reason | None:
        """Return why the host does not filter packets of a version of IP at a port as it should, or None."""
        return self._retries.reason((interface, version))

    @property
    def any_inward(self) -> bool:
        """Whether any port has an inbound list."""
        return any(filters.inward is not None for filters in self._ordered.values())

    def inward(self, interface: str) -> FilterList | None:
        """Return the inbound list of a port for IPv4, as it is at this time; None: all pass."""
        return self._ordered.get((interface, 4), _NOTHING).inward

    def matches(
        self, counts: Iterable[FilterCount], interface: str = "", *, inward: bool | None = None
    ) -> dict[tuple[str, int], int]:
        """Return how many packets entries have decided on, by list and sequence number. interface, inward: only there.

        counts: of the plane.
        """
        found: dict[tuple[str, int], int] = {}
        for count in counts:
            listed = self._list_of(count)
            if listed is None or interface not in ("", count.interface) or inward not in (None, count.inward):
                continue
            base = self._bases.get(_place(count), 0)
            place = listed.name, count.sequence
            found[place] = found.get(place, 0) + max(0, count.packets - base)
        return found

    def dispatch(self, event: Event | notices.Notice) -> None:
        """Handle a configuration, an object that it refers to, a report of the plane, or a user's action."""
        match event:
            case notices.Configured():
                self.config = cast("FilterConfig | None", event.model) or FilterConfig()
                self._logs.configure(self.config.threshold)
                self._lists.follow()
            case notices.AccessListsChanged():
                self._lists.changed()
            case notices.InterfaceChanged(name=port) | notices.TunnelChanged(name=port):
                if self._lists.is_waiting:  # a port that comes up does not wait for its filter
                    self._lists.follow()
                # The addresses of a tunnel may be different now.
                for place in ((port, 4), (port, 6)):
                    before = self._ordered.get(place)
                    filters = self._with_subnets(place, before) if before is not None else None
                    if filters is not None and filters != before:
                        self._retries.forget_order(place)
                        self._ordered[place] = filters
                        self._order(place)
            case ClearCounters():
                for count in event.counts:
                    listed = self._list_of(count)
                    if listed is not None and event.name in ("", listed.name) and event.version in (0, count.version):
                        self._bases[_place(count)] = count.packets
            case PacketsFiltered():
                self._log(event)
            case EffectFailed(effect=SetFilters(interface=port, filters=filters, version=version)):
                if filters == self._ordered.get((port, version), _NOTHING):
                    self._fail((port, version), filters, event)
            case Resync():
                for place in self._ordered:
                    self._order(place)

    # ------------------------------------------------------------------------------------------------ orders

    def _changes(self) -> Iterator[tuple[_Port, PortFilters, PortFilters]]:
        """Yield the ports that filter otherwise now, with the filters of the last order and with those of the next."""
        ports = {(name, 4): lines for name, lines in self.config.ports.items()}
        ports |= {(name, 6): lines for name, lines in self.config.ports6.items()}
        for port in (*ports, *(port for port in tuple(self._ordered) if port not in ports)):
            before, filters = self._ordered.get(port, _NOTHING), _NOTHING
            if port in ports:
                filters = self._filters(port, ports[port])
            if filters != before:
                yield port, before, filters

    def _refresh(self) -> int:
        """Order the filters of ports again that are different now. Returns how many ports and entries these are."""
        entries = 0
        for port, before, filters in self._changes():
            # The plane begins to count these entries again.
            places = [place for place in self._bases if (place[0], place[3]) == port]
            stays = filters.counted_on(before) if places else ()
            for place in places:
                if place[1:3] not in stays:
                    del self._bases[place]
            self._retries.forget_order(port)
            if filters == _NOTHING:
                del self._ordered[port]
            else:
                self._ordered[port] = filters
            self._order(port)
            entries += 1 + sum(len(one.entries) for one in (filters.inward, filters.outward) if one is not None)
        if entries:
            self._context.emit(notices.FiltersChanged())
        return entries

    def _filters(self, port: _Port, lines: PortLines) -> PortFilters:
        lists, version = self._context.ports.policies, port[1]
        filters = PortFilters(
            lists.filter_list(lines.inward, version) if lines.inward else None,
            lists.filter_list(lines.outward, version) if lines.outward else None,
            lines.reverse_path,
            lines.unreachables,
        )
        return self._with_subnets(port, filters)

    def _with_subnets(self, port: _Port, filters: PortFilters) -> PortFilters:
        """Return the filters with the subnets of the port, if it is a tunnel with a list."""
        ports, (name, version) = self._context.ports, port
        state = ports.interfaces.get(name) if ports.tunnels.get(name) is not None else None
        is_listed = filters.inward is not None or filters.outward is not None
        known = state.addresses if state is not None and is_listed else ()
        subnets = tuple(
            Addresses(one, type(one)(EVERY_BIT[type(one)] >> length)) for one, length in known if one.version == version
        )
        return replace(filters, echo_subnets=subnets)

    def _order(self, port: _Port) -> None:
        name, version = port
        self._context.emit(SetFilters(name, self._ordered.get(port, _NOTHING), version))

    def _fail(self, port: _Port, filters: PortFilters, event: EffectFailed) -> None:
        """Note that the plane refused an order. With an error of the kernel the port is open (`dataplane.contract`)."""
        is_open = event.errno or not filters.asks
        code = FilterReason.UNFILTERED if is_open else FilterReason.REFUSED
        if self._retries.failed(port, Reason(code, (event.text,), self._context.now)):
            self._context.emit((messages.not_filtered if is_open else messages.port_shut)(*port, event.text))

    # ------------------------------------------------------------------------------------------------ counters, logs

    def _list_of(self, told: FilterCount | PacketsFiltered) -> FilterList | None:
        filters = self._ordered.get((told.interface, told.version), _NOTHING)
        return filters.inward if told.inward else filters.outward

    def _log(self, event: PacketsFiltered) -> None:
        listed = self._list_of(event)
        entries = _entries(listed, event.sequence)
        if listed is not None and entries:
            self._logs.take(event, listed.name, entries[0], is_standard=listed.is_standard)


def _place(count: FilterCount) -> _Place:
    return count.interface, count.inward, count.sequence, count.version


def _entries(listed: FilterList | None, sequence: int) -> tuple[FilterEntry, ...]:
    """Return the entries of a number; the end of a list has none, and is the same in all of them."""
    if listed is None or sequence <= END_OF_LIST:
        return ()
    return tuple(entry for entry in listed.entries if entry.sequence == sequence)
