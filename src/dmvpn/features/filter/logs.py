"""Log lines about packets that an entry with `log` has decided on.

The first packet of a flow is logged at once. Its further packets are counted, and logged together every five minutes,
or when as many have come as `ip access-list log-update threshold` says. A flow without packets for five minutes is
forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.queues import TimerQueue
from dmvpn.base.translation import ICMP, TCP, UDP
from dmvpn.features.filter import messages

if TYPE_CHECKING:
    from dmvpn.base.context import Context
    from dmvpn.base.events import PacketsFiltered
    from dmvpn.base.filters import FilterEntry, Packet
    from dmvpn.base.notices import Log

#: Seconds from one log line about a flow to the next.
INTERVAL: Final = 300.0
#: Flows that are remembered; packets of further ones are not logged.
_MOST: Final = 4096
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
            name=name,
            permit=entry.permit,
            where=f" ({_where(event)})" if entry.log_input else "",
            protocol=0 if is_standard else packet.protocol,
            source=f"{packet.source}({packet.source_port})" if has_ports and not is_standard else str(packet.source),
            destination="" if is_standard else _destination(packet, has_ports=has_ports),
            icmp=packet.icmp if packet.protocol == ICMP and not is_standard else (0, 0),
            is_standard=is_standard,
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


def _destination(packet: Packet, *, has_ports: bool) -> str:
    return f"{packet.destination}({packet.destination_port})" if has_ports else str(packet.destination)


def _where(event: PacketsFiltered) -> str:
    octets = event.hardware_address.hex()
    dotted = ".".join(octets[place : place + 4] for place in range(0, len(octets), 4))
    return f"{event.interface} {dotted}".rstrip()


def _message(flow: _Flow, count: int) -> Log:
    """Return the line as IOS has it."""
    done = "permitted" if flow.permit else "denied"
    packets = "1 packet" if count == 1 else f"{count} packets"
    if flow.is_standard:
        return messages.PacketSource(f"list {flow.name} {done} {flow.source} {packets}")
    ends = f"{flow.source}{flow.where} -> {flow.destination}"
    if flow.protocol in (TCP, UDP):
        protocol = "tcp" if flow.protocol == TCP else "udp"
        return messages.PacketPorts(f"list {flow.name} {done} {protocol} {ends}, {packets}")
    if flow.protocol == ICMP:
        kind = f"({flow.icmp[0]}/{flow.icmp[1]})"
        return messages.PacketTypes(f"list {flow.name} {done} icmp {ends} {kind}, {packets}")
    if flow.protocol in _NAMED:
        return messages.PacketNamed(f"list {flow.name} {done} {_NAMED[flow.protocol]} {ends}, {packets}")
    return messages.PacketNumbered(f"list {flow.name} {done} {flow.protocol} {ends}, {packets}")
