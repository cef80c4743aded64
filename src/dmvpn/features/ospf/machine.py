"""The OSPF machine: its processes by number, and which of them an event is for.

Every event ends with `settle` of the processes, which sends the LSAs of the event at once. A process creates the parts
and dispatches each event to them:

    packet      Receiver: authentication, area -> Hellos, Exchange (database descriptions), Updates (LSAs)
    interface   neighbors lost or called -> Topology, Externals (our own LSAs)
    database    a calculation, soon -> routes -> offers
    settle()    sends the LSAs and packets of an event together
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import ClassVar, Final, cast

from dmvpn.base import notices
from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.context import Context, Machine, Timer
from dmvpn.base.distribution import NOTHING
from dmvpn.base.effects import SendIp
from dmvpn.base.events import Event, IpReceived, Packets, Resync
from dmvpn.base.notices import InterfaceState, Notice
from dmvpn.base.pacing import Pace, PacedPackets
from dmvpn.base.ports import Ports
from dmvpn.base.values import Value
from dmvpn.features.ospf import version3
from dmvpn.features.ospf.adjacency import LOST, Adjacencies, Hellos, Helper
from dmvpn.features.ospf.calculation import Calculation
from dmvpn.features.ospf.events import Exchange, LsaLimit, Receiver, Updates
from dmvpn.features.ospf.flooding import Flooding, Origination
from dmvpn.features.ospf.interface import Neighbor, OspfInterface
from dmvpn.features.ospf.links import Areas, Links, VirtualLinks
from dmvpn.features.ospf.lsa import Database
from dmvpn.features.ospf.messages import bad_packet, no_router_id, no_router_id3
from dmvpn.features.ospf.model import OspfConfig, ProcessSettings
from dmvpn.features.ospf.output import PROTOCOL, Complaints, Descriptions, Retransmission, Sender
from dmvpn.features.ospf.own_lsas import Externals, Summaries, Topology
from dmvpn.features.ospf.packet import PACKET_HEADER, PacketType
from dmvpn.features.ospf.reasons import INTERFACE_DOWN, RESET
from dmvpn.features.ospf.rib import Offers
from dmvpn.features.ospf.settings import router_id
from dmvpn.features.ospf.spf import RunningArea
from dmvpn.features.ospf.state import State, Throttle, own_lines

# ------------------------------------------------------------------------------------------------ events of commands


class ClearProcess(Event, Value):
    """`clear ip ospf process`: neighbors are given up, and everything is learnt again. None: all processes."""

    vrf: ClassVar[None] = None  # for all tables
    number: int | None = None
    version: int = 4


class ForceCalculation(Event, Value):
    """`clear ip ospf force-spf`: the routes are calculated again. None: of all processes."""

    vrf: ClassVar[None] = None  # for all tables
    number: int | None = None
    version: int = 4


class RefreshRedistribution(Event, Value):
    """`clear ip ospf redistribution`: evaluate redistributed routes again. None: in all processes."""

    vrf: ClassVar[None] = None  # for all tables
    number: int | None = None
    version: int = 4


class ClearOspfCounters(Event, Value):
    """`clear ip ospf counters` and the like. None: of all processes."""

    vrf: ClassVar[None] = None  # for all tables
    number: int | None = None
    version: int = 4


# ------------------------------------------------------------------------------------------------ a process


#: Seconds after which it is said that nothing names the process.
_PATIENCE: Final = 10.0


class Process:
    """One process. Each part knows the state, and the parts that are made before it."""

    def __init__(self, settings: ProcessSettings, config: OspfConfig, context: Context) -> None:
        state = self.state = self._new_state(settings, config, context)
        self._context = context
        self.sender = Sender(state)
        self.complaints = Complaints(context, self.sender)
        retransmission = Retransmission(state, self.sender)
        self._flooding = Flooding(state, self.sender, retransmission)
        self.origination = Origination(state, self._flooding)
        self.offers = Offers(state)
        self.redistributor = Externals(state, self.origination, self.offers)
        self._topology = Topology(state, self.origination, self.redistributor)
        descriptions = Descriptions(state, self.sender)
        self.adjacencies = Adjacencies(
            state, self.sender, self.complaints, retransmission, descriptions, self._topology
        )
        self.hellos = Hellos(state, self.sender, self.complaints, self.adjacencies)
        exchange = Exchange(state, self.sender, self.complaints, retransmission, descriptions, self.adjacencies)
        self._helper = Helper(state, self.sender, self.adjacencies, self._topology)
        self._updates = Updates(
            state,
            self.sender,
            self.complaints,
            retransmission,
            self._flooding,
            self.origination,
            self.adjacencies,
            exchange,
            self._helper,
        )
        self.receiver = Receiver(state, self.sender, self.complaints, self.hellos, exchange, self._updates)
        self._summaries = Summaries(state, self.origination)
        self._areas = Areas(
            state, self._flooding, self.origination, self.redistributor, self._topology, self._summaries
        )
        self.links = Links(
            state,
            self.sender,
            self._flooding,
            self.redistributor,
            self._topology,
            self._areas,
            self.adjacencies,
            self.hellos,
            self.origination,
        )
        self._virtual = VirtualLinks(state, self._topology, self.links)
        self.calculation = Calculation(state, self.redistributor, self._summaries, self._virtual, self.offers)
        ignore, resume = Timer("ignore neighbors", self._ignore), Timer("hear neighbors again", self._resume)
        self.limit = LsaLimit(state, ignore, resume)
        self._patience = Timer("no router ID", self._complain, settings.number)

    def _complain(self) -> None:
        kind = no_router_id if self.settings.family.version == 4 else no_router_id3
        self._context.emit(kind(self.number))

    def _new_state(self, settings: ProcessSettings, config: OspfConfig, context: Context) -> State:
        return State(
            context,
            settings,
            config.key_chains,
            own_lines(config),
            externals=Database(context, lambda key: self._areas.expire(None, key)),
            spf=Throttle(context, Timer("calculate the routes", self._calculate)),
            startup=Timer("end max-metric on startup", self._started),
            family=settings.family,
        )

    @property
    def settings(self) -> ProcessSettings:
        """Its lines."""
        return self.state.settings

    @property
    def number(self) -> int:
        """Its number, which no other router knows."""
        return self.state.number

    @property
    def router_id(self) -> IPv4Address:
        """Its identifier: 0.0.0.0 while no interface provides one; then the process does not run."""
        return self.state.router_id

    @property
    def areas(self) -> dict[int, RunningArea]:
        """The areas, by number."""
        return self.state.areas

    @property
    def interfaces(self) -> dict[str, OspfInterface]:
        """The interfaces that it runs on, by name."""
        return self.state.interfaces

    @property
    def externals(self) -> Database:
        """The database of LSAs with AS scope."""
        return self.state.externals

    def neighbors(self) -> Iterator[Neighbor]:
        """Yield the neighbors on all interfaces."""
        return self.state.neighbors()

    @property
    def is_busy(self) -> bool:
        """Whether a calculation, an LSA of ours or an election waits for its turn, or a neighbor has not acknowledged
        all LSAs.
        """
        waits = self.state.spf.is_waiting or bool(self.origination.waiting())
        waits = waits or any(interface.is_undecided for interface in self.interfaces.values())
        return waits or any(neighbor.waiting for neighbor in self.neighbors())

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Start on all configured interfaces; without a router identifier wait for one."""
        if self.limit.is_ignoring:
            return
        states = self._context.ports.interfaces.all()
        found = router_id(self.settings, states)
        if found is None:
            if not self._context.is_running(self._patience):
                self._context.start(self._patience, _PATIENCE)
            return
        self._context.stop(self._patience)
        self.state.router_id = found
        resort = self.settings.maximum_metric
        if resort is not None and resort.on_startup is not None:
            self._context.start(self.state.startup, resort.on_startup)
        for state in states:
            self.links.changed(state.name, state)

    def _started(self) -> None:
        """Note that the time after the start is over in which we were a last resort."""
        self._topology.describe_all()
        self.redistributor.refresh_all()
        self.state.request_calculation()

    def lists_changed(self) -> None:
        """Access lists, prefix lists or route maps say another thing."""
        self.redistributor.refresh_all()
        if self.settings.distribution != NOTHING:
            self.redistributor.offer()
        if any(area.settings.filter_in or area.settings.filter_out for area in self.areas.values()):
            self.state.request_calculation()

    def interface_changed(self, name: str, state: InterfaceState | None) -> None:
        """Note that an interface came, went, or is different now."""
        if self.state.router_id == UNSPECIFIED:
            self.start()
        else:
            self.links.changed(name, state)

    def reconfigure(self, settings: ProcessSettings, config: OspfConfig) -> None:
        """Obey other lines that keep the router identifier."""
        old = self.settings
        self.state.configure(settings, config)
        if self.limit.configure(old):
            self.start()
        if self.state.router_id == UNSPECIFIED:
            self.start()
            return
        for number, area in self.areas.items():
            area.configure(self.state.area_settings(number))
        links_went = self._virtual.reconfigure()
        states, known = self._context.ports.interfaces.all(), [*self.interfaces.values()]
        real = [interface.name for interface in known if interface.far_end is None]
        for name in dict.fromkeys((*real, *(state.name for state in states))):
            self.links.changed(name, self._context.ports.interfaces.get(name))
        self._topology.describe_all()
        self.redistributor.refresh_all()
        if _offering(old) != _offering(settings):
            self.redistributor.offer()
        if links_went or _calculating(old) != _calculating(settings):
            self.state.request_calculation()

    def close(self) -> None:
        """End the process: our advertisements are taken back, neighbors are lost, so are the routes."""
        self.origination.close(tell=True)
        self.redistributor.forget_routes()
        self._flood()
        self.limit.clear()
        self._remove_all(INTERFACE_DOWN)
        self.calculation.stop()
        for timer in (self._patience, self.state.startup):
            self._context.stop(timer)
        for _, database in self.state.scopes():
            database.close()
        self.offers.retract_all()
        self._context.drop_work(self.state)

    def clear(self) -> None:
        """Clear the process (`clear ip ospf process`): give all neighbors up, forget everything, begin again."""
        self.limit.clear()
        self.halt()
        self.start()

    def halt(self) -> None:
        """Give all neighbors up and forget everything; `start` begins again."""
        self.origination.close(tell=True)
        self._flood()
        self._remove_all(RESET)
        for _, database in self.state.scopes():
            database.close()
        self.calculation.forget_routes()
        self.offers.retract_all()
        self.redistributor.forget_routes()
        self._summaries.forget_summaries()
        self.calculation.stop()
        self.state.router_id = UNSPECIFIED

    def _remove_all(self, why: str) -> None:
        """Remove the interfaces, virtual links first: they go with the last interface of the area they lead through."""
        for name in sorted(self.interfaces, key=lambda name: self.interfaces[name].far_end is None):
            self.links.end(name, why)

    def settle(self) -> None:
        """Settle the event, which is over."""
        if self.state.router_id != UNSPECIFIED:
            self._flood()
            self.limit.check()

    def _flood(self) -> None:
        """Process the flooded LSAs, and send the collected updates."""
        self._updates.go_on()
        while changes := self._flooding.take_changed():
            self._helper.changed(changes)
        for area, key in self._flooding.settle():
            self.origination.buried(area, key)

    def _calculate(self) -> None:
        self.state.spf.begin()
        self.calculation.begin()

    def _ignore(self) -> None:
        if self.limit.ignore():
            self.halt()

    def _resume(self) -> None:
        self.limit.resume()
        self.start()


def _calculating(settings: ProcessSettings) -> tuple[object, ...]:
    """Return the lines that the routes are calculated by."""
    return settings.areas, settings.maximum_metric, settings.virtual_links, settings.vrf_lite


def _offering(settings: ProcessSettings) -> tuple[object, ...]:
    """Return the configuration that affects how OSPF routes are installed in the routing table."""
    discards = (settings.discards_ranges, settings.discards_summaries)
    distances = (*settings.distances, settings.ranges_distance, settings.summaries_distance)
    return distances, settings.maximum_paths, settings.distribution, discards


# ------------------------------------------------------------------------------------------------ all processes


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
        notices.InterfaceChanged,
        notices.MulticastReached,
        notices.RouteChanged,
        notices.AccessListsChanged,
        notices.PathLost,
        ClearOspfCounters,
        ClearProcess,
        ForceCalculation,
        RefreshRedistribution,
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        self.config = OspfConfig()
        self.processes: dict[int, Process] = {}
        #: Of IPv6: OSPF version 3.
        self.ipv6: dict[int, Process] = {}
        self._all: tuple[Process, ...] = ()
        super().__init__(Context(ports))
        self._packets = PacedPackets(self._context, PACE, self._receive)

    def settle(self) -> None:
        """Let each process originate changed LSAs."""
        for process in self._all:
            process.settle()

    def dispatch(self, event: Event | Notice) -> None:
        """Hand an event to the processes that it concerns."""
        match event:
            case IpReceived():
                self._admit(event)
            case notices.MulticastReached():
                for process in self._all:
                    interface = process.interfaces.get(event.tunnel)
                    if interface is not None:
                        process.hellos.hasten(interface)
            case notices.RouteChanged():
                for process in self._all:
                    process.redistributor.route_changed(event.prefix, event.new)
            case notices.AccessListsChanged():
                for process in self._all:
                    process.lists_changed()
            case notices.PathLost():
                self._path_lost(event)
            case notices.InterfaceChanged():
                for process in self._all:
                    process.interface_changed(event.name, event.new)
            case notices.Configured():
                config = cast("OspfConfig | None", event.model) or OspfConfig()
                self.config = config
                self.processes = self._run(self.processes, config)
                if config.ipv6 is not None or self.ipv6:
                    self.ipv6 = self._run(self.ipv6, config.ipv6 or OspfConfig())
                self._all = (*self.processes.values(), *self.ipv6.values())
            case ClearProcess() | ClearOspfCounters() | ForceCalculation() | RefreshRedistribution():
                for number, process in self.of_version(event.version).items():
                    if event.number in (None, number):
                        _obey(process, event)
            case Resync():
                for process in self._all:
                    process.links.listen_again()

    def _path_lost(self, lost: notices.PathLost) -> None:
        """Drop a neighbor that BFD or NHRP reports as unreachable: do not wait for the dead
        interval.
        """
        for process in self._all:
            interface = process.interfaces.get(lost.interface)
            if interface is None:
                continue
            neighbor = interface.neighbors.get(lost.address)
            if neighbor is not None and lost.concerns(notices.Client.OSPF, process.number):
                process.adjacencies.lose(neighbor, LOST[lost.witness])

    def _admit(self, event: IpReceived) -> None:
        """Take a packet when it is the turn of its sender, a Hello at once."""
        payload, running = event.payload, self._running_on(event)
        if running is None:
            return
        process, interface = running
        if len(payload) > LARGEST and not _is_single(payload):
            why = "larger than the network carries"
        elif len(payload) < version3.PACKET_HEADER or payload[1] == PacketType.HELLO:
            process.receiver.receive(interface, event)
            return
        elif event.source not in interface.neighbors and not process.settings.virtual_links:
            why = "of no neighbor"
        elif self._packets.take(event):
            return
        else:
            why = "more work than one neighbor may cause"
            process.complaints.complain(interface, bad_packet(why, event.source, interface.name))
        process.sender.drop(why)

    def _receive(self, event: IpReceived) -> bool:
        """Read a packet. Returns False if it is malformed or not authentic: it may not come from its sender."""
        running = self._running_on(event)
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

    def of_version(self, version: int) -> dict[int, Process]:
        """Return the processes for a version of IP, by number."""
        return self.processes if version == 4 else self.ipv6

    def _running_on(self, event: IpReceived) -> tuple[Process, OspfInterface] | None:
        """Return the process that a packet is for: the first to run on its interface."""
        processes = self.processes if type(event.source) is IPv4Address else self.ipv6
        for process in processes.values():
            interface = process.interfaces.get(event.interface)
            if interface is not None:
                return process, interface
        return None

    def _run(self, processes: dict[int, Process], config: OspfConfig) -> dict[int, Process]:
        """Run the configured processes of one version, and return them in order of their numbers."""
        wanted = {settings.number: settings for settings in config.processes if not settings.shutdown}
        for number, process in list(processes.items()):
            settings = wanted.get(number)
            if settings is None or settings.router_id != process.settings.router_id:
                process.close()
                del processes[number]
            else:
                process.reconfigure(settings, config)
        for number, settings in wanted.items():
            if number not in processes:
                process = processes[number] = Process(settings, config, self._context)
                process.start()
        return dict(sorted(processes.items()))


def _is_single(payload: bytes) -> bool:
    """Return whether it is an update with one advertisement, which may be larger than any packet."""
    at = PACKET_HEADER if payload[0] == 2 else version3.PACKET_HEADER
    count = payload[at : at + 4]
    return payload[1] == PacketType.UPDATE and count == b"\0\0\0\1"


def _obey(process: Process, order: ClearProcess | ClearOspfCounters | ForceCalculation | RefreshRedistribution) -> None:
    match order:
        case ClearProcess():
            process.clear()
        case ClearOspfCounters():
            process.sender.forget_counts()
            process.state.history.clear_history()
        case ForceCalculation():
            process.state.request_calculation()
        case RefreshRedistribution():
            process.redistributor.refresh_all()
