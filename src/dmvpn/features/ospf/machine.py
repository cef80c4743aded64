"""The OSPF machine: its processes by number, and which of them an event is for.

Every event ends with `settle` of the processes, so what it made us tell leaves in the same breath.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, ClassVar, Final, cast

from dmvpn.base.context import Context
from dmvpn.base.events import IpReceived, Packets, Resync, Tick
from dmvpn.base.liveness import Client, PathLost
from dmvpn.base.notices import AccessListsChanged, Configured, InterfaceChanged, MulticastReached, RouteChanged
from dmvpn.features.ospf.adjacency import LOST
from dmvpn.features.ospf.events import ClearCounters, ClearProcess, ForceCalculation, RefreshRedistribution
from dmvpn.features.ospf.model import OspfConfig
from dmvpn.features.ospf.process import Process
from dmvpn.features.ospf.sender import PROTOCOL

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports

#: Timers that one event may let fire; the others remain due, and follow after a moment: `PAUSE`.
_AT_ONCE: Final = 32


class OspfMachine:
    """All OSPF processes of a router."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        Packets(PROTOCOL),
        InterfaceChanged,
        MulticastReached,
        RouteChanged,
        AccessListsChanged,
        PathLost,
        ClearCounters,
        ClearProcess,
        ForceCalculation,
        RefreshRedistribution,
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        self.config = OspfConfig()
        self.processes: dict[int, Process] = {}
        self._context = Context(ports)

    def next_deadline(self) -> float | None:
        """Return when the next timer fires."""
        return self._context.next_deadline()

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take an event."""
        self._context.begin(now)
        if not self.processes and not isinstance(event, Configured | Tick):
            return []
        self._dispatch(event, now)
        for process in self.processes.values():
            process.settle()
        return self._context.take()

    def _dispatch(self, event: Event | Notice, now: float) -> None:
        match event:
            case Tick():
                self._context.fire(_AT_ONCE)
            case IpReceived():
                self._receive(event)
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
            case ClearProcess() | ClearCounters() | ForceCalculation() | RefreshRedistribution():
                for number, process in self.processes.items():
                    if event.number in (None, number):
                        _obey(process, event)
            case Resync():
                for process in self.processes.values():
                    process.links.listen_again()

    def _path_lost(self, lost: PathLost) -> None:
        """Give up a neighbor that cannot be reached, as somebody says who watches it: do not wait for the dead
        interval.
        """
        for process in self.processes.values():
            interface = process.interfaces.get(lost.interface)
            if interface is None or not isinstance(lost.address, IPv4Address):
                continue
            neighbor = interface.neighbors.get(lost.address)
            if neighbor is not None and lost.concerns(Client.OSPF, process.number):
                process.adjacencies.lose(neighbor, LOST[lost.witness])

    def _receive(self, event: IpReceived) -> None:
        """Hand an event to the process of its interface, which is the first one that runs there."""
        for process in self.processes.values():
            interface = process.interfaces.get(event.interface)
            if interface is not None:
                process.receiver.receive(interface, event)
                return

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


def _obey(process: Process, order: ClearProcess | ClearCounters | ForceCalculation | RefreshRedistribution) -> None:
    match order:
        case ClearProcess():
            process.clear()
        case ClearCounters():
            process.sender.forget_counts()
            process.history.forget()
        case ForceCalculation():
            process.calculation.request()
        case RefreshRedistribution():
            process.redistributor.refresh_all()
