"""The OSPF machine: its processes by number, and which of them an event is for.

Every event ends with `settle` of the processes, which sends the LSAs of the event at once.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, ClassVar, Final, cast

from dmvpn.base.context import Context
from dmvpn.base.effects import SendIp
from dmvpn.base.events import IpReceived, Packets, Resync
from dmvpn.base.liveness import Client, PathLost
from dmvpn.base.machine import Machine
from dmvpn.base.notices import AccessListsChanged, Configured, InterfaceChanged, MulticastReached, RouteChanged
from dmvpn.base.pacing import Pace, PacedPackets
from dmvpn.features.ospf.adjacency import LOST
from dmvpn.features.ospf.events import ClearOspfCounters, ClearProcess, ForceCalculation, RefreshRedistribution
from dmvpn.features.ospf.messages import BadPacket
from dmvpn.features.ospf.model import OspfConfig
from dmvpn.features.ospf.output import PROTOCOL
from dmvpn.features.ospf.packet import PACKET_HEADER, PacketType
from dmvpn.features.ospf.process import Process

if TYPE_CHECKING:
    from dmvpn.base.events import Event
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports
    from dmvpn.features.ospf.interface import OspfInterface

#: How fast packets of one neighbor are read: five hundred external routes in a second are a tenth of a core.
PACE: Final = Pace(rate=20_000, credit=10_000, packet=64, room=1 << 18, total=1 << 23)
#: Octets sent in answer to a request that count as one octet that is read.
_SENT: Final = 16
#: Octets of a packet that is read at all, unless it is an update with a single advertisement.
LARGEST: Final = 16_384


class OspfMachine(Machine):
    """All OSPF processes of a router."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        Packets(PROTOCOL),
        InterfaceChanged,
        MulticastReached,
        RouteChanged,
        AccessListsChanged,
        PathLost,
        ClearOspfCounters,
        ClearProcess,
        ForceCalculation,
        RefreshRedistribution,
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        self.config = OspfConfig()
        self.processes: dict[int, Process] = {}
        super().__init__(Context(ports))
        self._packets = PacedPackets(self._context, PACE, self._receive)

    def settle(self) -> None:
        """Let each process originate changed LSAs."""
        for process in self.processes.values():
            process.settle()

    def dispatch(self, event: Event | Notice) -> None:
        """Hand an event to the processes that it concerns."""
        match event:
            case IpReceived():
                self._admit(event)
            case MulticastReached():
                for process in self.processes.values():
                    interface = process.interfaces.get(event.tunnel)
                    if interface is not None:
                        process.hellos.hasten(interface)
            case RouteChanged():
                for process in self.processes.values():
                    process.redistributor.route_changed(event.prefix, event.new)
            case AccessListsChanged():
                for process in self.processes.values():
                    process.lists_changed()
            case PathLost():
                self._path_lost(event)
            case InterfaceChanged():
                for process in self.processes.values():
                    process.interface_changed(event.name, event.new)
            case Configured():
                self._configure(cast("OspfConfig | None", event.model) or OspfConfig())
            case ClearProcess() | ClearOspfCounters() | ForceCalculation() | RefreshRedistribution():
                for number, process in self.processes.items():
                    if event.number in (None, number):
                        _obey(process, event)
            case Resync():
                for process in self.processes.values():
                    process.links.listen_again()

    def _path_lost(self, lost: PathLost) -> None:
        """Drop a neighbor that BFD or NHRP reports as unreachable: do not wait for the dead
        interval.
        """
        for process in self.processes.values():
            interface = process.interfaces.get(lost.interface)
            if interface is None or not isinstance(lost.address, IPv4Address):
                continue
            neighbor = interface.neighbors.get(lost.address)
            if neighbor is not None and lost.concerns(Client.OSPF, process.number):
                process.adjacencies.lose(neighbor, LOST[lost.witness])

    def _admit(self, event: IpReceived) -> None:
        """Take a packet when it is the turn of its sender, a Hello at once."""
        payload, running = event.payload, self._running_on(event.interface)
        if running is None:
            return
        process, interface = running
        if len(payload) > LARGEST and not _is_single(payload):
            why = "larger than the network carries"
        elif len(payload) < PACKET_HEADER or payload[1] == PacketType.HELLO:
            process.receiver.receive(interface, event)
            return
        elif event.source not in interface.neighbors and not process.settings.virtual_links:
            why = "of no neighbor"
        elif self._packets.take(event):
            return
        else:
            why = "more work than one neighbor may cause"
            process.complaints.complain(interface, BadPacket.of(why, event.source, interface.name))
        process.sender.drop(why)

    def _receive(self, event: IpReceived) -> bool:
        """Read a packet. Returns False if it is malformed or not authentic: it may not come from its sender."""
        running = self._running_on(event.interface)
        if running is None:
            return True
        process, interface = running
        before = len(self._context.emitted)
        if not process.receiver.receive(interface, event):
            return False
        if event.payload[1] == PacketType.REQUEST:
            emitted = self._context.emitted[before:]
            sent = sum(len(effect.payload) for effect in emitted if isinstance(effect, SendIp))
            self._packets.charge(event, sent // _SENT)
        return True

    def _running_on(self, name: str) -> tuple[Process, OspfInterface] | None:
        """Return the process of an interface, which is the first to run there."""
        for process in self.processes.values():
            interface = process.interfaces.get(name)
            if interface is not None:
                return process, interface
        return None

    def _configure(self, config: OspfConfig) -> None:
        self.config = config
        wanted = {settings.number: settings for settings in config.processes if not settings.shutdown}
        for number, process in list(self.processes.items()):
            settings = wanted.get(number)
            if settings is None or settings.router_id != process.settings.router_id:
                process.close()
                del self.processes[number]
            else:
                process.reconfigure(settings, config)
        for number, settings in wanted.items():
            if number not in self.processes:
                process = self.processes[number] = Process(settings, config, self._context)
                process.start()
        self.processes = dict(sorted(self.processes.items()))


def _is_single(payload: bytes) -> bool:
    """Return whether it is an update with one advertisement, which may be larger than any packet."""
    count = payload[PACKET_HEADER : PACKET_HEADER + 4]
    return payload[1] == PacketType.UPDATE and count == b"\0\0\0\1"


def _obey(process: Process, order: ClearProcess | ClearOspfCounters | ForceCalculation | RefreshRedistribution) -> None:
    match order:
        case ClearProcess():
            process.clear()
        case ClearOspfCounters():
            process.sender.forget_counts()
            process.state.history.forget()
        case ForceCalculation():
            process.state.request_calculation()
        case RefreshRedistribution():
            process.redistributor.refresh_all()
