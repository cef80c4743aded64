"""The EIGRP machine: its processes by autonomous system, and which of them an event is for.

Every event ends with `settle` of the processes, so what DUAL decided leaves in the same breath. The way of a repeated
Hello, by far the most frequent event, is short: found by interface and address, compared octet for octet, noted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, cast

from dmvpn.base.context import Context
from dmvpn.base.errors import WireError
from dmvpn.base.events import ClockSet, IpReceived, Packets, Resync, Tick
from dmvpn.base.liveness import Client, PathLost, Witness
from dmvpn.base.notices import (
    AccessListsChanged,
    Configured,
    InterfaceChanged,
    LineEnds,
    MulticastReached,
    RouteChanged,
)
from dmvpn.features.eigrp.events import ClearEvents, ClearNeighbors
from dmvpn.features.eigrp.messages import BadPacket
from dmvpn.features.eigrp.model import EigrpConfig
from dmvpn.features.eigrp.process import Process
from dmvpn.features.eigrp.receiver import Receiver
from dmvpn.features.eigrp.sender import PROTOCOL, parse
from dmvpn.features.eigrp.states import DownReason
from dmvpn.features.eigrp.tracing import shows_hellos

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.model import ProcessSettings

#: Timers that fire in one event; a crowd of neighbors has its timers together, and other events must not wait for all.
_AT_ONCE: Final = 32


class EigrpMachine:
    """All EIGRP processes of a router."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        Packets(PROTOCOL),
        InterfaceChanged,
        RouteChanged,
        AccessListsChanged,
        MulticastReached,
        LineEnds,
        PathLost,
        ClearNeighbors,
        ClearEvents,
        ClockSet,
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        self.config = EigrpConfig()
        self.processes: dict[int, Process] = {}
        self._context = Context(ports)
        self._running: dict[str, list[tuple[Process, EigrpInterface]]] = {}

    def next_deadline(self) -> float | None:
        """Return when the next timer fires."""
        return self._context.next_deadline()

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take an event."""
        if type(event) is IpReceived and self._is_known_hello(event, now):
            return []
        self._context.begin(now)
        if type(event) is IpReceived:
            self._receive(event)
        else:
            self._dispatch(event, now)
        for process in self.processes.values():
            process.settle()
        return self._context.take()

    def _dispatch(self, event: Event | Notice, now: float) -> None:
        match event:
            case Tick():
                self._context.fire(_AT_ONCE)
            case RouteChanged():
                for process in self.processes.values():
                    process.route_changed(event)
            case AccessListsChanged():
                for process in self.processes.values():
                    process.policies_changed()
            case MulticastReached():
                for process, interface in self._running.get(event.tunnel, ()):
                    process.greetings.hasten(interface)
            case LineEnds():
                for process, interface in self._running.get(event.interface, ()):
                    process.adjacencies.drop_all(interface, DownReason.INTERFACE_DOWN, tell=True)
            case PathLost():
                self._path_lost(event)
            case InterfaceChanged():
                for process in self.processes.values():
                    process.interface_changed(event.name, event.new)
                self._index()
            case Configured():
                self._configure(cast("EigrpConfig", event.model))
                self._index()
            case ClearNeighbors():
                for number, process in self.processes.items():
                    if event.autonomous_system in (None, number):
                        process.clear_neighbors(event.interface, event.address, soft=event.soft)
            case ClearEvents():
                for number, process in self.processes.items():
                    if event.autonomous_system in (None, number):
                        process.forget_events()
            case ClockSet():
                for running in self._running.values():
                    for process, interface in running:
                        process.links.sealing.hasten(interface)
            case Resync():
                for process in self.processes.values():
                    process.links.listen_again()

    def _path_lost(self, lost: PathLost) -> None:
        """Give up a neighbor that cannot be reached, as somebody says who watches it: do not wait for the holding
        time.
        """
        for process, interface in self._running.get(lost.interface, ()):
            neighbor = interface.neighbors.get(int(lost.address))
            if neighbor is not None and lost.concerns(Client.EIGRP, process.autonomous_system):
                reason = DownReason.BFD if lost.witness is Witness.BFD else DownReason.SERVER_DEAD
                process.adjacencies.drop(neighbor, reason, tell=True)

    def _is_known_hello(self, event: IpReceived, now: float) -> bool:
        """Return whether it is the last Hello of a neighbor again. Then it is noted, and nothing else is to be done."""
        payload, address = event.payload, int(event.source)
        for process, interface in self._running.get(event.interface, ()):
            neighbor = interface.neighbors.get(address)
            if neighbor is not None and neighbor.hello == payload:
                if not neighbor.is_up and (event.destination.is_multicast or interface.settings.neighbors):
                    return False
                if shows_hellos(self._context.ports.debugging):
                    return False
                neighbor.hear(now)
                process.sender.traffic.hear_again()
                return True
        return False

    def _receive(self, event: IpReceived) -> None:
        running = self._running.get(event.interface)
        if not running:
            return
        try:
            packet = parse(event.payload)
        except WireError as error:
            for process, interface in running[:1]:
                process.sender.traffic.drop("malformed")
                if process.adjacencies.may_complain(interface, event.source):
                    log = BadPacket.of(process.autonomous_system, event.source, interface.name, str(error))
                    self._context.out.append(log)
            return
        for process, interface in running:
            if process.autonomous_system == packet.autonomous_system:
                Receiver(process).receive(interface, event, packet)
                return
        running[0][0].sender.traffic.drop("other autonomous system")

    def _configure(self, config: EigrpConfig) -> None:
        self.config = config
        wanted = {settings.autonomous_system: settings for settings in config.processes if not settings.shutdown}
        for number, process in list(self.processes.items()):
            settings = wanted.get(number)
            if settings is None or _must_restart(process.settings, settings):
                process.close(DownReason.ROUTE_CONFIGURATION)
                process.settle()
                del self.processes[number]
            else:
                process.reconfigure(settings, config)
        for number, settings in wanted.items():
            if number not in self.processes:
                process = self.processes[number] = Process(settings, config, self._context, self.processes)
                process.start()
        self.processes = dict(sorted(self.processes.items()))

    def _index(self) -> None:
        """Index which processes run on which interface."""
        self._running = {}
        for process in self.processes.values():
            for name, interface in process.interfaces.items():
                self._running.setdefault(name, []).append((process, interface))


def _must_restart(old: ProcessSettings, new: ProcessSettings) -> bool:
    """Return whether there are changes that change every metric."""
    return (old.name, old.scale.weights) != (new.name, new.scale.weights)
