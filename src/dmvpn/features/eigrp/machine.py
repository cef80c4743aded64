"""The EIGRP machine: its processes by autonomous system, and the dispatch of events to them.

Every event ends with `settle` of the processes, so the results of DUAL leave in the same event. The path of a repeated
Hello, by far the most frequent event, is short: found by interface and address, compared octet for octet, recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, cast

from dmvpn.base import notices
from dmvpn.base.context import Context
from dmvpn.base.errors import WireError
from dmvpn.base.events import ClockSet, IpReceived, Packets, Resync
from dmvpn.base.liveness import Client, PathLost, Witness
from dmvpn.base.machine import Machine
from dmvpn.base.pacing import Pace, PacedPackets
from dmvpn.features.eigrp.events import ClearEvents, ClearNeighbors
from dmvpn.features.eigrp.messages import BadPacket, shows_hellos
from dmvpn.features.eigrp.model import EigrpConfig
from dmvpn.features.eigrp.output import PROTOCOL, parse
from dmvpn.features.eigrp.packet import Opcode
from dmvpn.features.eigrp.process import Process
from dmvpn.features.eigrp.states import DownReason

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.ports import Ports
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.model import ProcessSettings
    from dmvpn.features.eigrp.topology import Destination

#: How fast packets of one neighbor are processed: a thousand routes a second are a tenth of a core.
PACE: Final = Pace(rate=40_000, credit=20_000, packet=64, room=1 << 17, total=1 << 23)
#: Maximum octets of a packet; a jumbo frame has fewer.
LARGEST: Final = 16_384
#: Opcodes that carry no routes.
_GREETINGS: Final = frozenset((Opcode.HELLO, Opcode.ACK))


class EigrpMachine(Machine):
    """All EIGRP processes of a router."""

    subscriptions: ClassVar[tuple[type[Event] | type[notices.Notice] | Packets, ...]] = (
        Packets(PROTOCOL),
        notices.InterfaceChanged,
        notices.RouteChanged,
        notices.AccessListsChanged,
        notices.MulticastReached,
        notices.LineEnds,
        PathLost,
        ClearNeighbors,
        ClearEvents,
        ClockSet,
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        self.config = EigrpConfig()
        self.processes: dict[int, Process] = {}
        self._tables: dict[int, dict[Prefix, Destination]] = {}
        super().__init__(Context(ports))
        self._running: dict[str, list[tuple[Process, EigrpInterface]]] = {}
        self._packets = PacedPackets(self._context, PACE, self._receive)

    def handle(self, event: Event | notices.Notice, now: float) -> list[Effect | notices.Notice]:
        """Handle one event; a repeated Hello is only recorded.

        `dispatch` would take half as long again for it, to begin and end an event without effects.
        """
        if type(event) is IpReceived and self._is_known_hello(event, now):
            return []
        return super().handle(event, now)

    def settle(self) -> None:
        """Let each process send the results of DUAL."""
        for process in self.processes.values():
            process.settle()

    def dispatch(self, event: Event | notices.Notice) -> None:
        """Pass an event to the processes that it concerns."""
        match event:
            case IpReceived():
                self._admit(event)
            case notices.RouteChanged():
                for process in self.processes.values():
                    process.redistributor.route_changed(event)
            case notices.AccessListsChanged():
                for process in self.processes.values():
                    process.policies_changed()
            case notices.MulticastReached():
                for process, interface in self._running.get(event.tunnel, ()):
                    process.greetings.hasten(interface)
            case notices.LineEnds():
                for process, interface in self._running.get(event.interface, ()):
                    process.teardown.drop_all(interface, DownReason.INTERFACE_DOWN, tell=True)
            case PathLost():
                self._path_lost(event)
            case notices.InterfaceChanged():
                for process in self.processes.values():
                    process.links.changed(event.name, event.new)
                    process.redistributor.interface_changed(event.old, event.new)
                self._index()
            case notices.Configured():
                self._configure(cast("EigrpConfig", event.model))
                self._index()
            case ClearNeighbors():
                for number, process in self.processes.items():
                    if event.autonomous_system in (None, number):
                        process.clear_neighbors(event.interface, event.address, soft=event.soft)
            case ClearEvents():
                for number, process in self.processes.items():
                    if event.autonomous_system in (None, number):
                        process.state.log.clear()
            case ClockSet():
                for running in self._running.values():
                    for process, interface in running:
                        process.sealing.hasten(interface)
            case Resync():
                for process in self.processes.values():
                    process.greetings.listen_again()

    def _path_lost(self, lost: PathLost) -> None:
        """Give up a neighbor that BFD or NHRP found unreachable, without waiting for the holding time."""
        for process, interface in self._running.get(lost.interface, ()):
            neighbor = interface.neighbors.get(int(lost.address))
            if neighbor is not None and lost.concerns(Client.EIGRP, process.state.autonomous_system):
                reason = DownReason.BFD if lost.witness is Witness.BFD else DownReason.SERVER_DEAD
                process.teardown.drop(neighbor, reason, tell=True)

    def _is_known_hello(self, event: IpReceived, now: float) -> bool:
        """Return whether this repeats the last Hello of a neighbor and was recorded, so that nothing else is to be
        done.
        """
        payload, address = event.payload, int(event.source)
        for process, interface in self._running.get(event.interface, ()):
            neighbor = interface.neighbors.get(address)
            if neighbor is not None and neighbor.hello == payload:
                if not neighbor.is_up and (event.destination.is_multicast or interface.settings.neighbors):
                    return False
                if shows_hellos(self._context.ports.debugging):
                    return False
                neighbor.hear(now)
                process.state.traffic.hear_again()
                return True
        return False

    def _admit(self, event: IpReceived) -> None:
        """Process a packet when it is its sender's turn; a Hello or an acknowledgment immediately."""
        payload, running = event.payload, self._running.get(event.interface, ())
        if len(payload) > LARGEST:
            why = "larger than the network carries"
        elif len(payload) < 2 or payload[1] in _GREETINGS:
            self._receive(event)
            return
        elif not any(int(event.source) in interface.neighbors for _, interface in running):
            why = "from no neighbor"
        elif self._packets.take(event):
            return
        else:
            why = "more work than one neighbor may cause"
            for process, interface in running[:1]:
                self._complain(process, interface, event, why)
        for process, _ in running[:1]:
            process.state.traffic.drop(why)

    def _complain(self, process: Process, interface: EigrpInterface, event: IpReceived, what: str) -> None:
        if process.adjacencies.may_complain(interface, event.source):
            log = BadPacket.of(process.state.autonomous_system, event.source, interface.name, what)
            self._context.emit(log)

    def _receive(self, event: IpReceived) -> bool:
        """Process a packet. Returns False if it is malformed or not authentic: then it is not charged to the sender."""
        running = self._running.get(event.interface)
        if not running:
            return True
        try:
            packet = parse(event.payload)
        except WireError as error:
            for process, interface in running[:1]:
                process.state.traffic.drop("malformed")
                self._complain(process, interface, event, str(error))
            return False
        for process, interface in running:
            if process.state.autonomous_system == packet.autonomous_system:
                return process.receiver.receive(interface, event, packet)
        running[0][0].state.traffic.drop("other autonomous system")
        return True

    def _configure(self, config: EigrpConfig) -> None:
        self.config = config
        wanted = {settings.autonomous_system: settings for settings in config.processes if not settings.shutdown}
        for number, process in list(self.processes.items()):
            settings = wanted.get(number)
            if settings is None or _must_restart(process.state.settings, settings):
                process.close(DownReason.ROUTE_CONFIGURATION)
                process.settle()
                del self.processes[number], self._tables[number]
            else:
                process.reconfigure(settings, config)
        for number, settings in wanted.items():
            if number not in self.processes:
                process = self.processes[number] = Process(settings, config, self._context, self._tables)
                self._tables[number] = process.dual.table
                process.start()
        self.processes = dict(sorted(self.processes.items()))

    def _index(self) -> None:
        """Build the index of the processes that run on each interface."""
        self._running = {}
        for process in self.processes.values():
            for name, interface in process.state.interfaces.items():
                self._running.setdefault(name, []).append((process, interface))


def _must_restart(old: ProcessSettings, new: ProcessSettings) -> bool:
    """Return whether a change affects every metric."""
    return (old.name, old.scale.weights) != (new.name, new.scale.weights)
