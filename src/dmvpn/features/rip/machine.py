"""RIP version 2, RFC 2453, with the timers and habits of IOS.

    IpReceived ──> RipInterface.open ──> Database.learn ──> RouteOffered, RouteRetracted
                                               │
    RouteChanged ──> own routes ───────────────┴──> changed prefixes ──> triggered update ──> SendIp

RIP runs on an interface whose address a `network` line covers and whose line is up. When it comes up, the whole table
is requested at once, and again a few times while no gateway answers: a spoke's tunnel has a line before the hub knows
the spoke. When the hub does (`MulticastReached`), both sides send their tables and requests at once.
Updates go out every 30 s, changes almost at once, but never two triggered updates within a second (§3.10.1). When a
gateway or an interface is known to be lost, all gateways receive the update and then a request for alternative routes,
which are not subject to holddown.

RIP has no neighbors, but gateways: routers that announced routes. A gateway appears with its first response, and
disappears when it has been silent until its routes are invalid, when BFD or triggered RIP loses it, or with its
interface. The chronicle is informed, and on silence NHRP as well: a silent next hop server may have lost our
registration. BFD watches a gateway where `bfd all-interfaces`, `ip rip bfd` or `neighbor ... bfd` says so. Their number
per interface is limited; the first ones stay.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from dmvpn.base import notices
from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.chronicle import Sign
from dmvpn.base.context import Context, Machine, Timer, in_pieces
from dmvpn.base.distribution import Covered
from dmvpn.base.effects import Listen, StopListening
from dmvpn.base.entropy import fraction
from dmvpn.base.errors import WireError
from dmvpn.base.events import Event, IpReceived, Packets, Resync
from dmvpn.base.limits import Limiter
from dmvpn.base.notices import Client, NeighborSilent, PathLost, WatchWanted
from dmvpn.base.pacing import Pace, PacedPackets
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason
from dmvpn.features.rip import messages
from dmvpn.features.rip.database import LearnedFrom
from dmvpn.features.rip.interface import GROUP, PORT, UDP, RipInterface, ends
from dmvpn.features.rip.model import RipConfig
from dmvpn.features.rip.output import SLICE, Advertiser, Sender
from dmvpn.features.rip.packet import Command, RipPacket
from dmvpn.features.rip.reasons import RipReason
from dmvpn.features.rip.table import TRIGGER_DELAY, Changes, State, Table, answer, believed
from dmvpn.features.rip.triggered import Triggered

# ------------------------------------------------------------------------------------------------ gateways


#: Gateways whose last response is remembered, for `show ip protocols`: senders can be forged.
MOST_REMEMBERED: Final = 4096


class Gateways:
    """The gateways of the process. heard: when, seconds, of lost gateways as well. present: with their interfaces."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.heard: dict[IPAddress, float] = {}
        self.present: dict[IPAddress, str] = {}

    def hear(self, interface: str, gateway: IPAddress, invalid: float) -> None:
        """Record that a gateway announced routes. When too many are known, gateways that are silent for long are
        forgotten.
        """
        now = self._context.now
        if len(self.heard) >= MOST_REMEMBERED and gateway not in self.heard:
            self.heard = {known: heard for known, heard in self.heard.items() if heard > now - invalid}
            self.present = {known: name for known, name in self.present.items() if known in self.heard}
            if len(self.heard) >= MOST_REMEMBERED:
                return
        self.heard[gateway] = now
        if gateway not in self.present:
            self.present[gateway] = interface
            self._report(Sign.CAME, gateway, interface, "tells routes")

    def look(self, heard: Mapping[IPAddress, float], since: float, invalid: float) -> None:
        """Give up gateways that were last heard before `since`. invalid: how long ago that is, seconds."""
        silent = [gateway for gateway in self.present if heard.get(gateway, since) <= since]
        for gateway in silent:
            self.lose(gateway, f"silent for {invalid:g} seconds")

    def lose(self, gateway: IPAddress, why: str) -> None:
        """Record that a gateway is silent, and notify NHRP."""
        interface = self.present.pop(gateway, None)
        if interface is not None:
            self._context.emit(NeighborSilent(interface, gateway))
            self._report(Sign.WENT, gateway, interface, why)

    def reconsider(self, circuits: Container[str]) -> None:
        """Forget the gateways of interfaces that no longer speak RIP."""
        gone = [(gateway, name) for gateway, name in self.present.items() if name not in circuits]
        for gateway, name in gone:
            del self.present[gateway]
            self._report(Sign.WENT, gateway, name, "interface down")

    def clear(self) -> None:
        """Forget when each was last heard."""
        self.heard.clear()

    def _report(self, sign: Sign, gateway: IPAddress, interface: str, what: str) -> None:
        self._context.tell_of_neighbor(sign, gateway, interface, f"RIP: {what}")


# ------------------------------------------------------------------------------------------------ BFD


#: There is only one process.
PROCESS: Final = 0
#: Maximum gateways watched on one interface: senders can be forged, and each costs a BFD session.
MOST_WATCHED: Final = 1024


class Watched:
    """Gateways that BFD watches for us: interfaces and addresses, in order."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._gateways: dict[tuple[str, IPAddress], None] = {}
        self._count: dict[str, int] = {}

    def heard(self, interface: str, gateway: IPAddress) -> None:
        """Watch a gateway that announced routes, if configured."""
        key = interface, gateway
        if key in self._gateways or not self._state.config.watches(interface, gateway):
            return
        if self._count.get(interface, 0) >= MOST_WATCHED:
            return
        self._count[interface] = self._count.get(interface, 0) + 1
        self._gateways[key] = None
        self._state.context.emit(WatchWanted(Client.RIP, PROCESS, interface, gateway, wanted=True))

    def reconsider(self) -> None:
        """Stop watching gateways after the configuration changed or a circuit closed."""
        circuits, config = self._state.circuits, self._state.config
        self._end([key for key in self._gateways if key[0] not in circuits or not config.watches(*key)])

    def let_go(self, heard: Mapping[IPAddress, float], since: float) -> None:
        """Stop watching gateways that were last heard before `since`, seconds."""
        self._end([key for key in self._gateways if heard.get(key[1], since) <= since])

    def _end(self, keys: list[tuple[str, IPAddress]]) -> None:
        for name, address in keys:
            del self._gateways[name, address]
            self._count[name] -= 1
            self._state.context.emit(WatchWanted(Client.RIP, PROCESS, name, address, wanted=False))


# ------------------------------------------------------------------------------------------------ the machine


#: Minimum seconds between two tables that are sent because of new receivers.
GREETING_INTERVAL: Final = 1.0
#: Updates come early by up to this part of their interval, so that routers do not synchronize (§3.8).
UPDATE_SPREAD: Final = 0.15
#: How often the whole table is requested on an interface without an answer; the pauses double from one second.
REQUESTS: Final = 6

#: Minimum seconds between two whole tables for one requester, and tables sent to all in that time: senders can be
#: forged.
_ANSWER_INTERVAL: Final = 1.0
_MOST_ANSWERS: Final = 128
#: Cost of a slice of expiring routes, from the budget for one event.
_EXPIRY_COST: Final = 16
#: How fast packets of one gateway are processed: a few thousand routes a second are a tenth of a core. A gateway does
#: not retransmit soon, so there is room for the largest table that it may announce.
PACE: Final = Pace(rate=40_000, credit=12_000, packet=32, room=1 << 21, total=1 << 23)
#: Octets charged for each change of a route.
_CHANGE: Final = 24
_COMMAND_AT: Final = 8
_ACKNOWLEDGMENT: Final = bytes((Command.UPDATE_ACKNOWLEDGE,))


class RipMachine(Machine):
    """The RIP process; there is at most one."""

    subscriptions: ClassVar[tuple[type[Event] | type[notices.Notice] | Packets, ...]] = (
        notices.InterfaceChanged,
        notices.RouteChanged,
        notices.AccessListsChanged,
        notices.RoutesCleared,
        notices.MulticastReached,
        notices.LineEnds,
        PathLost,
        Packets(UDP),
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self._state = State(self._context)
        self._sender = Sender(self._state)
        self._changes = Changes(
            self._state,
            Timer("send a triggered update", self._announce_changes),
            Timer("announce lost routes", self._announce_lost),
        )
        self.table = Table(self._state, self._changes)
        self._advertiser = Advertiser(self._state, self._sender, self.table)
        self._triggered = Triggered(self._state, self._sender, self._advertiser.view)
        self._answers: Limiter[tuple[str, IPAddress]] = Limiter(_ANSWER_INTERVAL, _MOST_ANSWERS)
        self.silent: dict[str, Reason] = {}
        self.gateways = Gateways(self._context)
        self._watched = Watched(self._state)
        self._covered = Covered(notices.RouteSource.RIP, "")
        self._packets = PacedPackets(self._context, PACE, self._received)
        self._update = Timer("send the regular update", self._send_update)
        self._expiry = Timer("let routes expire", lambda: self.table.expire(SLICE), cost=_EXPIRY_COST)

    # ---------------------------------------------------------------------------------------------------- machine

    def dispatch(self, event: Event | notices.Notice) -> None:
        """Pass an event to the parts that handle it."""
        match event:
            case notices.Configured(model=RipConfig() as config):
                self._configure(config)
            case notices.InterfaceChanged():
                self._refresh(event.name)
            case notices.RouteChanged():
                if self.config.enabled:
                    self.table.route_changed(event)
            case notices.AccessListsChanged() if self.config.enabled:
                self.table.look_at_own()
            case IpReceived():
                self._admit(event)
            case notices.RoutesCleared():
                for circuit in self.circuits.values():
                    self._request(circuit)
            case notices.MulticastReached(tunnel=name) if name in self.circuits:
                self._greet(self.circuits[name])
            case notices.LineEnds(interface=name) if name in self.circuits:
                self._farewell(self.circuits[name])
            case PathLost(interface=name) if name in self.circuits and event.concerns(Client.RIP, PROCESS):
                self._silent(LearnedFrom(name, event.address), "no way to it")
            case Resync():
                for name in self.circuits:
                    self._context.emit(Listen(name, UDP, GROUP, PORT))

    def settle(self) -> None:
        """Give up peers that stopped acknowledging, and schedule the next expiry."""
        for lost in self._triggered.take_lost():
            self._silent(lost, "no acknowledgment")
        self._context.arm(self._expiry, self.table.next_deadline())

    @property
    def config(self) -> RipConfig:
        """The configuration."""
        return self._state.config

    @property
    def circuits(self) -> dict[str, RipInterface]:
        """The interfaces that speak RIP, by name."""
        return self._state.circuits

    def next_update(self) -> float | None:
        """Return when the next regular update is due."""
        return self._context.timers.when(self._update)

    # ---------------------------------------------------------------------------------------------- configuration

    def _configure(self, config: RipConfig) -> None:
        for circuit in self.circuits.values():
            if ends(circuit, config):
                self._farewell(circuit)
        old, self._state.config = self.config, config
        for state in self._context.ports.interfaces.all():
            self._refresh(state.name)
        if not config.enabled:
            # Clear everything because the process ends.
            self._context.drop_work()
            self.table.clear()
            self._changes.clear()
            self._context.stop(self._update)
            self.gateways.clear()
        elif (old.distance, old.distribution.distances, old.timers) != (
            *(config.distance, config.distribution.distances, config.timers),
        ):
            self._look_at_all(self.table.rearm)
        self.table.look_at_own()
        if (old.interfaces, old.auto_summary, old.distribution) != (
            *(config.interfaces, config.auto_summary, config.distribution),
        ):
            self.table.tell_all()
        if self.circuits and (self.next_update() is None or old.timers.update != config.timers.update):
            self._arm_update()
        self._watched.reconsider()
        self.gateways.reconsider(self.circuits)

    def _refresh(self, name: str) -> None:
        """Open, close or change the circuit of one interface."""
        state = self._context.ports.interfaces.get(name)
        self.silent.pop(name, None)
        wanted = self._wanted(state) if state is not None else False
        self._context.emit(*self._covered.tell(name, self.config.networks_of(state)))
        circuit = self.circuits.get(name)
        if circuit is not None and wanted and state is not None and circuit.goes_on(state, self.config):
            if circuit.adjust(state, passive=self.config.is_passive(name)):
                self._start(circuit)
            return
        if circuit is not None:
            self._close(circuit)
        if wanted and state is not None and state.address is not None:
            self._open(state, state.address)
        if self.circuits and self.next_update() is None:
            self._arm_update()

    def _open(self, state: notices.InterfaceState, address: IPAddress) -> None:
        name = state.name
        triggered = self.config.interface(name).triggered
        circuit = self.circuits[name] = RipInterface(
            state,
            address,
            self.config.is_passive(name),
            Timer("send the whole table", lambda: self._announce([circuit]), name),
            Timer("request tables again", lambda: self._request_again(circuit), name),
            triggered,
        )
        self._context.emit(Listen(name, UDP, GROUP, PORT))
        self._start(circuit)

    def _close(self, circuit: RipInterface) -> None:
        name = circuit.name
        del self.circuits[name]
        circuit.close()
        self._triggered.end(name)
        self._context.retire(circuit.first_timer, circuit.request_timer)
        self._context.emit(StopListening(name, UDP, GROUP, PORT))
        self._lose(LearnedFrom(name))
        self._watched.reconsider()
        self.gateways.reconsider(self.circuits)

    def _wanted(self, state: notices.InterfaceState) -> bool:
        """Return whether this interface may speak RIP.

        If only a limit of this implementation or missing keys prevent it, the reason is stored.
        """
        if not self.config.enabled or not state.line or not self.config.covers(state.address):
            return False
        if 2 not in self.config.sends(state.name):
            own = self.config.interface(state.name).send
            reason = RipReason.OWN_VERSION if own else RipReason.VERSION
            self.silent[state.name] = Reason(reason, since=self._context.now)
            return False
        obstacle = self._sender.seals.obstacle(self.config, self.config.interface(state.name), self._context.now)
        if obstacle is not None and obstacle.code is not RipReason.NO_VALID_KEY:  # a key may become valid later
            self.silent[state.name] = obstacle
            return False
        return True

    def why_silent(self, now: float) -> dict[str, Reason]:
        """Return the interfaces that send nothing, with the reasons."""
        seals, found = self._sender.seals, dict(self.silent)
        for name in self.circuits:
            obstacle = seals.obstacle(self.config, self.config.interface(name), now)
            if obstacle is not None:
                found[name] = obstacle
        return found

    def _start(self, circuit: RipInterface) -> None:
        """Request all tables, and send our own as soon as the routing table has settled."""
        if circuit.passive and not self._sender.destinations(circuit):
            return
        circuit.begin()
        self._context.start(circuit.first_timer, TRIGGER_DELAY)
        if circuit.triggered:
            self._triggered.begin(circuit)
        else:
            self._request(circuit)

    def _greet(self, circuit: RipInterface) -> None:
        """Greet a new receiver of our multicast: send the table, at most once a second, and repeat the request if no
        gateway has answered yet.
        """
        if circuit.passive and not self._sender.destinations(circuit):
            return
        if circuit.triggered:
            self._triggered.begin(circuit)
            return
        if not self._context.is_running(circuit.first_timer):
            now = self._context.now
            self._context.start(circuit.first_timer, circuit.greet(now + TRIGGER_DELAY, GREETING_INTERVAL) - now)
        if not circuit.heard:
            self._request(circuit)

    # ------------------------------------------------------------------------------------------------------ updates

    def _send_update(self) -> None:
        self._arm_update()
        # Triggered RIP detects silent gateways by missing acknowledgments.
        now, invalid = self._context.now, self.config.timers.invalid
        heard = {**self.gateways.heard, **dict.fromkeys(self._triggered.peers(), now)}
        self._watched.let_go(heard, now - invalid)
        self.gateways.look(heard, now - invalid, invalid)
        self._changes.take()
        self._announce(list(self.circuits.values()))

    def _announce_changes(self) -> None:
        self._announce(list(self.circuits.values()), self._changes.take_triggered())

    def _announce_lost(self) -> None:
        self._announce_changes()
        self._context.work(self._requesting())

    def _announce(self, circuits: list[RipInterface], changed: Sequence[Prefix] | None = None) -> None:
        """Announce these prefixes on circuits, None: the whole table. Triggered circuits only get changes."""
        self._advertiser.announce([each for each in circuits if not each.triggered], changed)
        if any(each.triggered for each in circuits):
            self._triggered.follow()

    def _arm_update(self) -> None:
        early = UPDATE_SPREAD * fraction(self._context.ports.entropy)
        self._context.start(self._update, self.config.timers.update * (1.0 - early))

    # ----------------------------------------------------------------------------------------------------- routes

    def _silent(self, gone: LearnedFrom, why: str) -> None:
        """Give up a gateway and its routes."""
        if gone.gateway is not None:
            self.gateways.lose(gone.gateway, why)
        self._lose(gone)

    def _lose(self, gone: LearnedFrom) -> None:
        """Remove the paths of a lost source, announce that, and then request alternative routes from all gateways."""
        since = self._context.now
        self._look_at_all(lambda some: self._lost(self.table.lose(some, gone, since)))

    def _look_at_all(self, look: Callable[[Sequence[Prefix]], None]) -> None:
        """Process all learned routes, a slice in each event."""
        self._context.work(in_pieces(list(self.table.database.routes), SLICE, look))

    def _lost(self, prefixes: list[Prefix]) -> None:
        if any(not self.table.database.routes[prefix].reachable for prefix in prefixes):
            self._changes.note_lost()
        self.table.publish(prefixes)

    # ---------------------------------------------------------------------------------------------------- packets

    def _admit(self, event: IpReceived) -> None:
        """Process a packet when it is its sender's turn; an acknowledgment, which costs little, immediately."""
        circuit = self.circuits.get(event.interface)
        if circuit is None or event.payload[2:4] not in (PORT.to_bytes(2, "big"), b""):
            return  # another protocol over UDP
        if event.payload[_COMMAND_AT : _COMMAND_AT + 1] == _ACKNOWLEDGMENT:
            self._received(event)
        elif not self._packets.take(event):
            self._sender.ignore(circuit, event.source, "it has sent more than is read of one gateway")

    def _received(self, event: IpReceived) -> bool:
        """Process a packet. Returns False if it is malformed or not authentic: its cost is not charged to the sender.

        The updates of the routing table are the larger part of the cost.
        """
        before = len(self._context.emitted)
        circuit = self.circuits.get(event.interface)
        if circuit is None:
            return True
        try:
            packet, port = circuit.open(event, self.config.receives(circuit.name))
            settings = self.config.interface(circuit.name)
            self._sender.seals.check(packet, event.payload[8:], self.config, settings, event.source, self._context.now)
        except WireError as error:
            self._sender.refuse(circuit, event.source, error)
            return False
        match packet.command:
            case Command.REQUEST:
                self._answer(circuit, packet, event.source, port)
            case Command.RESPONSE:
                self._learn(circuit, packet, event.source)
            case _ if self._triggered.take(circuit, packet, event.source):
                if packet.update is not None and packet.update.flush:
                    self.table.doubt(circuit.name, event.source)
                self._learn(circuit, packet, event.source)
        self._packets.charge(event, _CHANGE * (len(self._context.emitted) - before))
        return True

    def _learn(self, circuit: RipInterface, packet: RipPacket, source: IPAddress) -> None:
        """Learn the routes that a gateway announces."""
        circuit.hear()
        self._context.stop(circuit.request_timer)
        self.gateways.hear(circuit.name, source, self.config.timers.invalid)
        self._sender.debug(messages.received(source, circuit.name, packet.entries), len(packet.entries))
        self._watched.heard(circuit.name, source)
        self.table.learn(believed(packet.entries, circuit, source, self.config, self._context.ports))

    def _answer(self, circuit: RipInterface, request: RipPacket, source: IPAddress, port: int) -> None:
        """Answer a request, RFC 2453 §3.9.1: with the whole table as in an update, or with the metrics of the requested
        prefixes.

        A passive interface sends its table only to configured neighbors.
        """
        if circuit.passive and source not in self.config.neighbors:
            return
        if request.asks_for_whole_table:
            if self._answers.permits((circuit.name, source), self._context.now):
                self._advertiser.answer(circuit, source, port)
            else:
                self._sender.ignore(circuit, source, "the whole table was sent to it just now")
            return
        asked = [entry.prefix for entry in request.entries if entry.prefix is not None]
        response = answer(request, self.table.look(asked))
        if response.entries:
            self._sender.send(circuit, response, source, port)

    def _request(self, circuit: RipInterface) -> None:
        """Request the tables of all gateways on the circuit, and again after a pause."""
        attempts = circuit.ask()
        if attempts < REQUESTS:
            self._context.start(circuit.request_timer, 2.0 ** (attempts - 1))
        self._sender.request(circuit)

    def _request_again(self, circuit: RipInterface) -> None:
        if not circuit.heard:
            self._request(circuit)

    def _requesting(self) -> Iterator[None]:
        """Request the tables of the gateways on all circuits: work that is done after the pending updates."""
        yield from ()
        for circuit in self.circuits.values():
            if not circuit.triggered:
                self._sender.request(circuit)

    def _farewell(self, circuit: RipInterface) -> None:
        """Announce on the circuit that all our routes are unreachable, RFC 2453 §3.8."""
        if circuit.triggered:
            self._triggered.farewell(circuit)
        else:
            self._sender.end(circuit, list(self.table.look(self.table.prefixes())))
