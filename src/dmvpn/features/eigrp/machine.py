"""The EIGRP machine: its processes by autonomous system, and the dispatch of events to them.

Every event ends with `settle` of the processes, so the results of DUAL leave in the same event: however much changed,
each destination is then advertised once. The path of a repeated Hello, by far the most frequent event, is short: found
by interface and address, compared octet for octet, recorded.

A process is an autonomous system. An event passes through its parts, which only call parts below them:

    Links                                           interfaces come and go
    Receiver, Reader                                packets come
    Process                                         settle: actions of DUAL, and limits of prefixes
    Adjacencies, Sealing, Limits, StuckWatch        reasons to give up neighbors, all by `Teardown`
    Greetings, Transport, Membership                Hellos, reliable packets, the part of neighbors in routing
    Advertiser, Adverts, Policy                     packets about destinations
    InboundLists, Redistributor, Summaries, Connected    reports for DUAL
    Dual, Neighborhood, State                       destinations; neighbors by state; what all parts share
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final, cast

from dmvpn.base import notices
from dmvpn.base.addresses import IPAddress, Prefix, is_multicast
from dmvpn.base.context import Context, Machine
from dmvpn.base.effects import Effect
from dmvpn.base.errors import WireError
from dmvpn.base.events import ClockSet, Event, IpReceived, Packets, Resync
from dmvpn.base.notices import Client, PathLost, Witness
from dmvpn.base.pacing import Pace, PacedPackets
from dmvpn.base.ports import Ports
from dmvpn.base.values import Value
from dmvpn.features.eigrp.adjacency import Adjacencies, Membership, Teardown
from dmvpn.features.eigrp.advertiser import Advertiser, Adverts, Policy
from dmvpn.features.eigrp.auth import Seals
from dmvpn.features.eigrp.dual import Connected, Dual, DualActions, InboundLists, Summaries
from dmvpn.features.eigrp.events import Reader, Receiver
from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
from dmvpn.features.eigrp.limits import Limits, StuckWatch
from dmvpn.features.eigrp.links import Links, RouterIdChoice, Sealing
from dmvpn.features.eigrp.messages import bad_packet, shows_hellos
from dmvpn.features.eigrp.model import EigrpConfig, ProcessSettings
from dmvpn.features.eigrp.output import PROTOCOL, Greetings, Sender, Transport, parse
from dmvpn.features.eigrp.packet import Opcode
from dmvpn.features.eigrp.reasons import DownReason
from dmvpn.features.eigrp.rib import Offers, Redistributor
from dmvpn.features.eigrp.state import EventKind, EventLog, Neighborhood, PacketCounts, State
from dmvpn.features.eigrp.topology import Destination

# ------------------------------------------------------------------------------------------------ events of commands


class ClearNeighbors(Event, Value):
    """`clear ip eigrp neighbors`: reset adjacencies. None: all.

    soft: the adjacencies stay, and the table is sent again.
    version: of IP.
    """

    autonomous_system: int | None = None
    interface: str | None = None
    address: IPAddress | None = None
    soft: bool = False
    vrf: str = ""
    version: int = 4


class ClearEvents(Event, Value):
    """`clear ip eigrp events`. None: of all processes."""

    autonomous_system: int | None = None
    vrf: str = ""
    version: int = 4


# ------------------------------------------------------------------------------------------------ a process


class Process:
    """One autonomous system. A change of metric weights, mode or name replaces it by a new process (`machine.py`)."""

    def __init__(
        self,
        settings: ProcessSettings,
        config: EigrpConfig,
        context: Context,
        tables: Mapping[int, Mapping[Prefix, Destination]],
    ) -> None:
        """Make a process. tables: the topology tables of all processes of this router, by number."""
        state = self.state = State(
            context, settings, config, tables, EventLog(context, settings.event_log_size), PacketCounts()
        )
        seals = Seals(state)
        sender = Sender(state, seals)
        self._neighborhood = Neighborhood(state)
        self.dual = Dual(state, self._neighborhood.audience)
        self._inbound_lists = InboundLists(state, self.dual)
        self.greetings = Greetings(state, sender)
        self._transport = Transport(state, sender)
        self._policy = Policy(state)
        self.advertiser = Advertiser(context, self.dual, Adverts(self.dual, self._policy, sender), self._transport)
        self._membership = Membership(state, self._neighborhood, self.dual, self._inbound_lists, self.advertiser)
        self.teardown = Teardown(
            state,
            neighborhood=self._neighborhood,
            transport=self._transport,
            greetings=self.greetings,
            membership=self._membership,
        )
        self.adjacencies = Adjacencies(
            state,
            neighborhood=self._neighborhood,
            transport=self._transport,
            greetings=self.greetings,
            membership=self._membership,
            teardown=self.teardown,
        )
        self.summaries = Summaries(context, self.dual)
        self.offers = Offers(state, self.dual, self.summaries)
        self.redistributor = Redistributor(state, self.dual)
        self.limits = self._make_limits()
        self.stuck = StuckWatch(
            state, dual=self.dual, neighborhood=self._neighborhood, advertiser=self.advertiser, teardown=self.teardown
        )
        self.sealing = Sealing(state, seals, self.greetings, self.teardown)
        self._identity = RouterIdChoice(state, self._neighborhood, self.redistributor, self.advertiser)
        self.links = self._make_links()
        self.receiver = self._make_receiver(sender, seals)

    def _make_limits(self) -> Limits:
        return Limits(
            self.state,
            dual=self.dual,
            inbound_lists=self._inbound_lists,
            redistributor=self.redistributor,
            neighborhood=self._neighborhood,
            teardown=self.teardown,
        )

    def _make_links(self) -> Links:
        return Links(
            self.state,
            identity=self._identity,
            connected=Connected(self.state, self.dual, self.summaries),
            membership=self._membership,
            teardown=self.teardown,
            sealing=self.sealing,
            greetings=self.greetings,
            advertiser=self.advertiser,
        )

    def _make_receiver(self, sender: Sender, seals: Seals) -> Receiver:
        reader = Reader(
            self.state,
            transport=self._transport,
            dual=self.dual,
            inbound_lists=self._inbound_lists,
            advertiser=self.advertiser,
            stuck=self.stuck,
        )
        return Receiver(
            self.state,
            sender=sender,
            seals=seals,
            adjacencies=self.adjacencies,
            limits=self.limits,
            advertiser=self.advertiser,
            reader=reader,
        )

    def neighbors(self) -> list[Neighbor]:
        """Return the neighbors on all interfaces, in order of their handles."""
        return self._neighborhood.all()

    # Configuration ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start on all existing interfaces."""
        self._identity.choose()
        for state in self.state.context.ports.interfaces.all():
            self.links.changed(state.name, state)
        self.redistributor.refresh_all()

    def reconfigure(self, settings: ProcessSettings, config: EigrpConfig) -> None:
        """Apply changed settings that do not require all neighbors to be reset."""
        old, self.state.settings = self.state.settings, settings
        chains_changed = self.state.config.key_chains != config.key_chains
        self.state.config = config
        self.limits.configure(old)
        self.state.log.resize(settings.event_log_size)
        if (old.stub, old.stub_leaks) != (settings.stub, settings.stub_leaks):
            for interface in self.state.interfaces.values():
                self.teardown.drop_all(interface, DownReason.PEER_INFO, tell=True)
                interface.forget_hello()
                self.greetings.say(interface)
        self._identity.choose()
        self.links.reconfigure(chains_changed=chains_changed)
        if old.maximum_hops != settings.maximum_hops:
            for source in list(self._neighborhood.up):
                self.dual.rate_again(source, self.state.context.now)
        if old.distribution != settings.distribution:
            self._inbound_lists.configure(old.distribution, list(self._neighborhood.up))
            for interface in self.state.interfaces.values():
                self._membership.resync(interface, "intf route configuration changed")
        self.redistributor.refresh_all()
        self.offers.refresh_all()

    def policies_changed(self) -> None:
        """Apply changed lists and route maps."""
        self.redistributor.policies_changed()
        distribution = self.state.settings.distribution
        self._inbound_lists.judge_again(list(self._neighborhood.up))
        for interface in self.state.interfaces.values():
            if distribution.says(inwards=False) or self._policy.leaks(interface):
                self.advertiser.tell_again(interface)
        if distribution.distances:
            self.offers.refresh_all()

    def close(self, reason: DownReason) -> None:
        """End the process: notify neighbors, retract routes. Of its long work only farewells go on."""
        self.state.is_over = True
        for interface in self.state.interfaces.values():
            self.teardown.drop_all(interface, reason, tell=True)
        for name in list(self.state.interfaces):
            self.links.stop(name, reason, tell=False)
        self.stuck.close()
        self.limits.close()
        self.offers.retract_all()
        self.state.context.drop_work(self.state)

    # Neighbors -------------------------------------------------------------------------------------------------

    def clear_neighbors(
        self, interface_name: str | None = None, address: IPAddress | None = None, *, soft: bool = False
    ) -> None:
        """Clear neighbors (`clear ip eigrp neighbors`): all, those of an interface, or one."""
        if soft:
            for interface in self.state.interfaces.values():
                concerned = address is None or int(address) in interface.neighbors
                if interface_name in (None, interface.name) and concerned:
                    self._membership.resync(interface, DownReason.CLEARED.value)
            return
        if interface_name is None:
            self.limits.clear(address)
        chosen = (
            neighbor
            for neighbor in self.neighbors()
            if interface_name in (None, neighbor.interface.name) and address in (None, neighbor.address)
        )
        self.teardown.drop_some(chosen, DownReason.CLEARED, tell=True)

    # What DUAL wants done --------------------------------------------------------------------------------------

    def settle(self) -> None:
        """End an event: carry out the actions of DUAL, and send queued packets."""
        self.state.traces_dual = self.state.context.ports.debugging.on("eigrp fsm")
        self.limits.check()
        while self.dual.outcome:
            self._carry_out(self.dual.take_outcome())
        self.advertiser.settle()
        self._transport.settle()

    def _carry_out(self, outcome: DualActions) -> None:
        active = self.dual.active
        for prefix in outcome.changed:
            destination = self.dual.table.get(prefix)
            if destination is None:
                self.state.log.note(EventKind.GONE, prefix)
            else:
                self.state.log.note(EventKind.METRIC, prefix, destination.distance)
            if prefix not in active:
                self.stuck.end(prefix)
        for prefix in outcome.queried:
            if prefix in active:
                self._query(prefix)
        listening = [interface for interface in self.state.interfaces.values() if interface.neighbors]
        for interface in listening:
            for prefix in outcome.changed:
                self.advertiser.note_changed(interface, prefix)
        for source, prefix in outcome.replies:
            neighbor = self._neighborhood.up.get(source)
            if neighbor is not None:
                self.advertiser.reply(neighbor, prefix)
        for prefix in outcome.routes if not self.state.is_over else ():
            self.offers.refresh(prefix)
        self.summaries.note_changed(outcome.changed)

    def _query(self, prefix: Prefix) -> None:
        self.state.log.note(EventKind.ACTIVE, prefix, len(self.dual.active[prefix].awaiting))
        self.stuck.begin(prefix)
        asked: dict[EigrpInterface, list[Neighbor]] = {}
        for source in self.dual.active[prefix].awaiting:
            neighbor = self._neighborhood.up.get(source)
            if neighbor is not None:  # it may be leaving, and its reports will be forgotten in a moment
                asked.setdefault(neighbor.interface, []).append(neighbor)
        for interface, neighbors in asked.items():
            self.advertiser.ask(interface, prefix, neighbors)


# ------------------------------------------------------------------------------------------------ all processes


#: How fast packets of one neighbor are processed: a thousand routes a second are a tenth of a core.
PACE: Final = Pace(rate=40_000, credit=20_000, packet=64, room=1 << 17, total=1 << 23)
#: Maximum octets of a packet; a jumbo frame has fewer.
LARGEST: Final = 16_384
#: Opcodes that carry no routes.
_GREETINGS: Final = frozenset((Opcode.HELLO, Opcode.ACK))


class EigrpMachine(Machine):
    """All EIGRP processes of a router: those for IPv4 and those for IPv6, by number."""

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
        #: Of IPv6: the processes, and their tables; None while there is none.
        self._ipv6: tuple[dict[int, Process], dict[int, dict[Prefix, Destination]]] | None = None
        self._all: tuple[Process, ...] = ()
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
        for process in self._all:
            process.settle()

    def dispatch(self, event: Event | notices.Notice) -> None:
        """Pass an event to the processes that it concerns."""
        match event:
            case IpReceived():
                self._admit(event)
            case notices.RouteChanged():
                for process in self._all:
                    process.redistributor.route_changed(event)
            case notices.AccessListsChanged():
                for process in self._all:
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
                for process in self._all:
                    process.links.changed(event.name, event.new)
                    process.redistributor.interface_changed(event.old, event.new)
                self._index()
            case notices.Configured():
                self._configure(cast("EigrpConfig", event.model))
                self._index()
            case ClearNeighbors():
                for process in self._cleared(event):
                    process.clear_neighbors(event.interface, event.address, soft=event.soft)
            case ClearEvents():
                for process in self._cleared(event):
                    process.state.log.clear()
            case ClockSet():
                for running in self._running.values():
                    for process, interface in running:
                        process.sealing.hasten(interface)
            case Resync():
                for process in self._all:
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
                if not neighbor.is_up and (is_multicast(event.destination) or interface.settings.neighbors):
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
            log = bad_packet(process.state.title, event.source, interface.name, what)
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
        version = event.source.version
        for process, interface in running:
            settings = process.state.settings
            if settings.autonomous_system == packet.autonomous_system and settings.family.version == version:
                return process.receiver.receive(interface, event, packet)
        running[0][0].state.traffic.drop("other autonomous system")
        return True

    def of_version(self, version: int) -> dict[int, Process]:
        """Return the processes for a version of IP, by number."""
        if version == 4:
            return self.processes
        return self._ipv6[0] if self._ipv6 is not None else {}

    def _cleared(self, event: ClearNeighbors | ClearEvents) -> list[Process]:
        """Return the processes that a command is about."""
        processes = self.of_version(event.version)
        return [process for number, process in processes.items() if event.autonomous_system in (None, number)]

    def _configure(self, config: EigrpConfig) -> None:
        self.config = config
        self._run(self.processes, self._tables, config.processes)
        if config.ipv6 and self._ipv6 is None:
            self._ipv6 = {}, {}
        if self._ipv6 is not None:
            self._run(*self._ipv6, config.ipv6)
        self._all = (*self.processes.values(), *self.of_version(6).values())

    def _run(
        self,
        processes: dict[int, Process],
        tables: dict[int, dict[Prefix, Destination]],
        configured: Iterable[ProcessSettings],
    ) -> None:
        """Run the configured processes of one version of IP, in order of their numbers."""
        wanted = {settings.autonomous_system: settings for settings in configured if not settings.shutdown}
        for number, process in list(processes.items()):
            old, settings = process.state.settings, wanted.get(number)
            # Other weights change every metric.
            if settings is None or (old.name, old.scale.weights) != (settings.name, settings.scale.weights):
                process.close(DownReason.ROUTE_CONFIGURATION)
                process.settle()
                del processes[number], tables[number]
            else:
                process.reconfigure(settings, self.config)
        for number, settings in wanted.items():
            if number not in processes:
                process = processes[number] = Process(settings, self.config, self._context, tables)
                tables[number] = process.dual.table
                process.start()
        for number in sorted(processes):
            processes[number] = processes.pop(number)

    def _index(self) -> None:
        """Build the index of the processes that run on each interface."""
        self._running = {}
        for process in self._all:
            for name, interface in process.state.interfaces.items():
                self._running.setdefault(name, []).append((process, interface))
