"""RIP version 2, RFC 2453, with the timers and habits of IOS.

    IpReceived ──> Circuit.open ──> Database.learn ──> RouteOffered, RouteRetracted
                                          │
    RouteChanged ──> own routes ──────────┴──> changed prefixes ──> triggered update ──> SendIp

A circuit is an interface whose address a `network` line covers and whose line is up. When it comes up the whole table
is asked for at once, and again a few times while nobody answers: a spoke's tunnel has a line before the hub knows it.
When the hub does (`MulticastReached`), both sides say and ask at once.
Updates go out every 30 s, changes almost at once, but never two triggered updates within a second (§3.10.1). Where a
gateway or an interface is seen to be gone, everybody is told so and then asked for other ways, which nothing holds
down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import Deadlines, earliest
from dmvpn.base.effects import Listen, StopListening
from dmvpn.base.entropy import fraction
from dmvpn.base.errors import WireError
from dmvpn.base.events import Event, IpReceived, Packets, Resync, Tick
from dmvpn.base.limits import Limiter
from dmvpn.base.liveness import Client, PathLost
from dmvpn.base.notices import (
    AccessListsChanged,
    Configured,
    InterfaceChanged,
    LineEnds,
    MulticastReached,
    Notice,
    RouteChanged,
    RoutesCleared,
    RouteSource,
)
from dmvpn.base.reasons import Reason
from dmvpn.base.redistribution import Covered
from dmvpn.features.rip import messages
from dmvpn.features.rip.circuit import GROUP, PORT, UDP, Circuit, ends
from dmvpn.features.rip.gateways import Gateways
from dmvpn.features.rip.lists import believed
from dmvpn.features.rip.model import RipConfig
from dmvpn.features.rip.output import answer
from dmvpn.features.rip.packet import Command, RipPacket
from dmvpn.features.rip.reasons import RipReason
from dmvpn.features.rip.speaker import Speaker
from dmvpn.features.rip.table import Table
from dmvpn.features.rip.telling import PAUSE, SLICE, Telling
from dmvpn.features.rip.triggered import Triggered
from dmvpn.features.rip.watched import PROCESS, Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import InterfaceState
    from dmvpn.base.ports import Ports
    from dmvpn.features.rip.telling import Job, View

#: A change is announced after so many seconds: those that come together travel together.
TRIGGER_DELAY: Final = 0.05
#: Seconds between triggered updates, and how much chance adds to that (RFC 2453 §3.10.1: 1 to 5 seconds).
TRIGGER_INTERVAL: Final = 1.0
TRIGGER_SPREAD: Final = 4.0
#: Seconds between two tables that are said because somebody new hears them.
GREETING_INTERVAL: Final = 1.0
#: Updates come up to this part of their interval early, so that routers do not fall into step (§3.8).
UPDATE_SPREAD: Final = 0.15
#: How often the whole table is asked for on an interface where nobody answers; the pauses double from a second.
REQUESTS: Final = 6

#: Seconds between two whole tables for one that asks, and how many are told in that time: senders can be forged.
_ANSWER_INTERVAL: Final = 1.0
_MOST_ANSWERS: Final = 128

Results = list["Effect | Notice"]


class RipMachine:
    """The RIP process; there is at most one."""

    subscriptions: tuple[type[Event] | type[Notice] | Packets, ...] = (
        InterfaceChanged,
        RouteChanged,
        AccessListsChanged,
        RoutesCleared,
        MulticastReached,
        LineEnds,
        PathLost,
        Packets(UDP),
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._timers: Deadlines[tuple[str, str]] = Deadlines()
        self._last_trigger = float("-inf")
        self._speaker = Speaker(ports, self)
        self.table = Table(ports, self, self._arm_trigger)
        self._telling = Telling(self._speaker, self.table)
        self._triggered = Triggered(self._speaker, self._view)
        self._answers: Limiter[tuple[str, IPAddress]] = Limiter(_ANSWER_INTERVAL, _MOST_ANSWERS)
        self._pause_until = float("-inf")
        self.config = RipConfig()
        self.now = 0.0
        self.circuits: dict[str, Circuit] = {}
        self.silent: dict[str, Reason] = {}
        self.gateways = Gateways(ports)
        self._watched = Watched()
        self._covered = Covered(RouteSource.RIP, "")

    # ---------------------------------------------------------------------------------------------------- machine

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        self.now = now
        match event:
            case Configured(model=RipConfig() as config):
                return self._configure(config, now)
            case InterfaceChanged():
                return self._refresh(event.name, now)
            case RouteChanged():
                if self.config.enabled:
                    self.table.route_changed(event)
            case AccessListsChanged() if self.config.enabled:
                self.table.look_at_own()
            case IpReceived():
                return self._received(event, now)
            case RoutesCleared():
                return [effect for circuit in self.circuits.values() for effect in self._request(circuit, now)]
            case MulticastReached(tunnel=name) if name in self.circuits:
                return self._greet(self.circuits[name], now)
            case LineEnds(interface=name) if name in self.circuits:
                return self._farewell(self.circuits[name])
            case PathLost(interface=name) if name in self.circuits and event.concerns(Client.RIP, PROCESS):
                return self._silent(name, event.address, "no way to it", now)
            case Tick():
                return self._tick(now)
            case Resync():
                return [Listen(name, UDP, GROUP, PORT) for name in self.circuits]
        return []

    def next_deadline(self) -> float | None:
        """Return the next update, timeout or request."""
        due = earliest(self.table.next_deadline(), self._triggered.next_deadline())
        return earliest(self._timers.next(), max(due, self._pause_until) if due is not None else None)

    def next_update(self) -> float | None:
        """Return when the next regular update is due."""
        return self._timers.when(("update", ""))

    # ---------------------------------------------------------------------------------------------- configuration

    def _configure(self, config: RipConfig, now: float) -> Results:
        results = [effect for each in self.circuits.values() if ends(each, config) for effect in self._farewell(each)]
        old, self.config = self.config, config
        for state in self._ports.interfaces.all():
            results += self._refresh(state.name, now)
        if not config.enabled:
            results += self.table.clear()
            self._telling.stop()
            self._timers = Deadlines()
            self.gateways.clear()
        elif (old.distance, old.distribution.distances, old.timers) != (
            *(config.distance, config.distribution.distances, config.timers),
        ):
            results += self._look_at_all(self.table.rearm)
        self.table.look_at_own()
        if (old.interfaces, old.auto_summary, old.distribution) != (
            *(config.interfaces, config.auto_summary, config.distribution),
        ):
            self.table.tell_all()
        if self.circuits and (self.next_update() is None or old.timers.update != config.timers.update):
            self._arm_update(now)
        return [*results, *self._watched.reconsider(config, self.circuits), *self.gateways.reconsider(self.circuits)]

    def _refresh(self, name: str, now: float) -> Results:
        """Open, close or change the circuit of one interface."""
        state = self._ports.interfaces.get(name)
        self.silent.pop(name, None)
        wanted = self._wanted(state, now) if state is not None else False
        results: Results = [*self._covered.tell(name, self.config.networks_of(state))]
        circuit = self.circuits.get(name)
        if circuit is not None and wanted and state is not None and circuit.goes_on(state, self.config):
            speaks_again = circuit.adjust(state, passive=self.config.is_passive(name))
            return [*results, *self._start(circuit, now)] if speaks_again else results
        if circuit is not None:
            del self.circuits[name]
            circuit.close()
            self._triggered.end(name)
            self._timers.cancel(("request", name))
            self._timers.cancel(("first", name))
            results.append(StopListening(name, UDP, GROUP, PORT))
            results += self._lose(lambda path: path[0] == name)
            results += self._watched.reconsider(self.config, self.circuits)
            results += self.gateways.reconsider(self.circuits)
        if wanted and state is not None and state.address is not None:
            triggered = self.config.interface(name).triggered
            circuit = self.circuits[name] = Circuit(state, state.address, self.config.is_passive(name), triggered)
            results.append(Listen(name, UDP, GROUP, PORT))
            results += self._start(circuit, now)
        if self.circuits and self.next_update() is None:
            self._arm_update(now)
        return results

    def _wanted(self, state: InterfaceState, now: float) -> bool:
        """Return whether this interface may speak RIP.

        If only something that this build lacks forbids it, the reason is kept.
        """
        if not self.config.enabled or not state.line or not self.config.covers(state.address):
            return False
        if 2 not in self.config.sends(state.name):
            own = self.config.interface(state.name).send
            self.silent[state.name] = Reason(RipReason.OWN_VERSION if own else RipReason.VERSION, since=now)
            return False
        obstacle = self._speaker.seals.obstacle(self.config, self.config.interface(state.name), now)
        if obstacle is not None and obstacle.code is not RipReason.NO_VALID_KEY:  # that one passes by itself
            self.silent[state.name] = obstacle
            return False
        return True

    def why_silent(self, now: float) -> dict[str, Reason]:
        """Return interfaces that send nothing, and why."""
        seals, found = self._speaker.seals, dict(self.silent)
        for name in self.circuits:
            obstacle = seals.obstacle(self.config, self.config.interface(name), now)
            if obstacle is not None:
                found[name] = obstacle
        return found

    def _start(self, circuit: Circuit, now: float) -> Results:
        """Ask for everything, and say everything as soon as the routing table has settled."""
        if circuit.passive and not self._speaker.destinations(circuit):
            return []
        circuit.begin()
        self._timers.set(("first", circuit.name), now + TRIGGER_DELAY)
        if circuit.triggered:
            return self._triggered.begin(circuit, now)
        return self._request(circuit, now)

    def _greet(self, circuit: Circuit, now: float) -> Results:
        """Greet somebody new who hears us: say everything, at most once a second, and ask again if nobody
        answered yet.
        """
        if circuit.passive and not self._speaker.destinations(circuit):
            return []
        if circuit.triggered:
            return self._triggered.begin(circuit, now)
        if self._timers.when(("first", circuit.name)) is None:
            self._timers.set(("first", circuit.name), circuit.greet(now + TRIGGER_DELAY, GREETING_INTERVAL))
        return [] if circuit.heard else self._request(circuit, now)

    # ------------------------------------------------------------------------------------------------------ timers

    def _tick(self, now: float) -> Results:
        results: Results = []
        for kind, name in self._timers.pop_due(now):
            match kind:
                case "update":
                    self._arm_update(now)
                    results += self._look_at_gateways(now)
                    self.table.take_changed()
                    self._timers.cancel(("trigger", ""))
                    self._announce(self.circuits.values())
                case "trigger" | "lost":
                    self._last_trigger = now
                    self._timers.cancel(("trigger", ""))
                    self._announce(self.circuits.values(), self.table.take_changed())
                    if kind == "lost":
                        self._telling.add(self._request_all())
                case "first":
                    self._announce([self.circuits[name]])
                case "request" if not self.circuits[name].heard:
                    results += self._request(self.circuits[name], now)
                case _:
                    pass
        return results + self._go_on(now)

    def _go_on(self, now: float) -> Results:
        """Do a slice of whatever is due, or being told."""
        results = self._telling.go_on()
        if self._telling.is_busy:
            self._timers.set(("go on", ""), now + PAUSE)
        results += self.table.expire(SLICE)
        again, silent = self._triggered.tick(now, SLICE)
        results += again
        for name, gateway in silent:
            results += self._silent(name, gateway, "no acknowledgment", now)
        self._pause_until = now + PAUSE
        return results

    def _arm_update(self, now: float) -> None:
        early = UPDATE_SPREAD * fraction(self._ports.entropy)
        self._timers.set(("update", ""), now + self.config.timers.update * (1.0 - early))

    def _arm_trigger(self) -> None:
        if not self.circuits or self._timers.when(("trigger", "")) is not None:
            return
        pause = TRIGGER_INTERVAL + TRIGGER_SPREAD * fraction(self._ports.entropy)
        self._timers.set(("trigger", ""), max(self.now + TRIGGER_DELAY, self._last_trigger + pause))

    # ----------------------------------------------------------------------------------------------------- routes

    def _look_at_gateways(self, now: float) -> Results:
        """Give those up that have been silent for long; triggered RIP has its own way of knowing."""
        invalid = self.config.timers.invalid
        heard = {**self.gateways.heard, **dict.fromkeys(self._triggered.peers(), now)}
        return [*self._watched.let_go(heard, now - invalid), *self.gateways.look(heard, now - invalid, invalid)]

    def _silent(self, name: str, gateway: IPAddress, why: str, now: float) -> Results:
        """Give the routes of a gateway up."""
        return [*self.gateways.lose(gateway, why), *self._lose(lambda path: path == (name, gateway))]

    def _lose(self, is_gone: Callable[[tuple[str, IPAddress]], bool]) -> Results:
        """Lose the paths that are seen to be gone, and tell of them."""
        since = self.now
        return self._look_at_all(lambda some: self._lost(self.table.lose(some, is_gone, since), self.now))

    def _look_at_all(self, look: Callable[[Sequence[Prefix]], Results]) -> Results:
        """Look at all learned routes: at a slice of them now, and at the others in a moment."""
        prefixes = list(self.table.database.routes)
        if len(prefixes) > SLICE:
            self._telling.add(_looking(prefixes[SLICE:], look))
            self._timers.set(("go on", ""), self.now + PAUSE)
        return look(prefixes[:SLICE])

    def _lost(self, prefixes: list[Prefix], now: float) -> Results:
        """Tell everybody of routes that we saw go, and then ask everybody for others: whoever has our own old news
        must not answer with it. At most once a second.
        """
        is_without = any(not self.table.database.routes[prefix].reachable for prefix in prefixes)
        if is_without and self._timers.when(("lost", "")) is None:
            self._timers.set(("lost", ""), max(now + TRIGGER_DELAY, self._last_trigger + TRIGGER_INTERVAL))
        return self.table.publish(prefixes)

    # ---------------------------------------------------------------------------------------------------- packets

    def _received(self, event: IpReceived, now: float) -> Results:
        circuit = self.circuits.get(event.interface)
        if circuit is None or event.payload[2:4] not in (PORT.to_bytes(2, "big"), b""):
            return []  # of another protocol over UDP
        try:
            packet, port = circuit.open(event, self.config.receives(circuit.name))
            settings = self.config.interface(circuit.name)
            self._speaker.seals.check(packet, event.payload[8:], self.config, settings, event.source, now)
        except WireError as error:
            return self._speaker.refuse(circuit, event.source, error)
        match packet.command:
            case Command.REQUEST:
                return self._answer(circuit, packet, event.source, port)
            case Command.RESPONSE:
                return self._learn(circuit, packet, event.source, now)
        results, is_news = self._triggered.take(circuit, packet, event.source, now)
        if not is_news:
            return results
        if packet.update is not None and packet.update.flush:
            self.table.doubt(circuit.name, event.source)
        return results + self._learn(circuit, packet, event.source, now)

    def _learn(self, circuit: Circuit, packet: RipPacket, source: IPAddress, now: float) -> Results:
        """Learn what a gateway tells."""
        circuit.hear()
        self._timers.cancel(("request", circuit.name))
        results: Results = [*self.gateways.hear(circuit.name, source, now, self.config.timers.invalid)]
        results += self._speaker.debug(messages.received(source, circuit.name, packet.entries), len(packet.entries))
        results += self._watched.heard(self.config, circuit.name, source)
        return results + self.table.learn(believed(packet.entries, circuit, source, self.config, self._ports))

    def _answer(self, circuit: Circuit, request: RipPacket, source: IPAddress, port: int) -> Results:
        """Answer a request, RFC 2453 §3.9.1: the whole table as an update would have it, or the metrics of the prefixes
        asked for.

        A passive interface tells its table to nobody but configured neighbors.
        """
        if circuit.passive and source not in self.config.neighbors:
            return []
        if request.asks_for_whole_table:
            if not self._answers.permits((circuit.name, source), self.now):
                return self._speaker.ignore(circuit, source, "it has just been told the whole table")
            self._telling.answer(circuit, source, port)
            return self._go_on(self.now)
        asked = [entry.prefix for entry in request.entries if entry.prefix is not None]
        response = answer(request, self.table.look(asked))
        return self._speaker.send(circuit, response, source, port) if response.entries else []

    def _request(self, circuit: Circuit, now: float) -> Results:
        """Ask everybody on the circuit for everything, and again after a pause."""
        attempts = circuit.ask()
        if attempts < REQUESTS:
            self._timers.set(("request", circuit.name), now + 2.0 ** (attempts - 1))
        return self._speaker.request(circuit)

    def _farewell(self, circuit: Circuit) -> Results:
        """Tell everybody on the circuit that nothing is to be reached by us any more, RFC 2453 §3.8."""
        if circuit.triggered:
            return self._triggered.farewell(circuit)
        return self._speaker.end(circuit, list(self.table.look(self.table.prefixes())))

    def _announce(self, circuits: Iterable[Circuit], changed: Sequence[Prefix] | None = None) -> None:
        """Tell of what has changed on circuits, None: of everything; where only changes are told, of them alone."""
        circuits = list(circuits)
        self._telling.add(self._telling.tell([each for each in circuits if not each.triggered], changed))
        if any(each.triggered for each in circuits):
            self._telling.add(self._triggered.follow())

    def _request_all(self) -> Job:
        """Ask everybody for everything."""
        yield from ()
        ordinary = [each for each in self.circuits.values() if not each.triggered]
        return [order for each in ordinary for order in self._speaker.request(each)]

    def _view(self, circuit: Circuit) -> View:
        """Find out what the peers of a circuit are to know."""
        routes = yield from self._telling.routes(self.table.prefixes())
        return (yield from self._telling.entries(circuit, routes))


def _looking(prefixes: Sequence[Prefix], look: Callable[[Sequence[Prefix]], Results]) -> Job:
    for first in range(0, len(prefixes), SLICE):
        yield look(prefixes[first : first + SLICE])
    return []
