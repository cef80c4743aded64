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
from dmvpn.base.liveness import Client, PathLost
from dmvpn.base.notices import (
    AccessListsChanged,
    Configured,
    InterfaceChanged,
    LineEnds,
    MulticastReached,
    Notice,
    RouteChanged,
    RouteOffered,
    RouteRetracted,
    RoutesCleared,
    RouteSource,
)
from dmvpn.base.reasons import Reason
from dmvpn.base.redistribution import Covered
from dmvpn.features.rip import messages
from dmvpn.features.rip.circuit import GROUP, PORT, UDP, Circuit, ends
from dmvpn.features.rip.database import Database
from dmvpn.features.rip.lists import believed, offer_of
from dmvpn.features.rip.model import RipConfig
from dmvpn.features.rip.output import announced, answer
from dmvpn.features.rip.own import OwnRoute, all_own_routes, own_route
from dmvpn.features.rip.packet import Command, RipPacket
from dmvpn.features.rip.reasons import RipReason
from dmvpn.features.rip.speaker import Speaker
from dmvpn.features.rip.telling import PAUSE, SLICE, Telling
from dmvpn.features.rip.triggered import Triggered
from dmvpn.features.rip.watched import PROCESS, Watched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import InterfaceState, Route
    from dmvpn.base.ports import Ports
    from dmvpn.features.rip.output import Announced
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

Results = list["Effect | Notice"]

#: Gateways whose last word is remembered, for `show ip protocols`: senders can be forged.
MOST_REMEMBERED: Final = 4096


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
        self._changed: dict[Prefix, None] = {}
        self._last_trigger = float("-inf")
        self._gone: Deadlines[Prefix] = Deadlines()
        self._poisoned: dict[Prefix, None] = {}
        self._offered: dict[Prefix, Route] = {}
        self._speaker = Speaker(ports)
        self._telling = Telling(self._speaker, self._look)
        self._triggered = Triggered(self._speaker, self._view)
        self._pause_until = float("-inf")
        self.config = RipConfig()
        self.circuits: dict[str, Circuit] = {}
        self.silent: dict[str, Reason] = {}
        self.own: dict[Prefix, OwnRoute] = {}
        self.database = Database()
        self.gateways: dict[IPAddress, float] = {}
        self._watched = Watched()
        self._covered = Covered(RouteSource.RIP, "")

    # ---------------------------------------------------------------------------------------------------- machine

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        self._speaker.now = now
        match event:
            case Configured(model=RipConfig() as config):
                return self._configure(config, now)
            case InterfaceChanged():
                return self._refresh(event.name, now)
            case RouteChanged():
                return self._route_changed(event, now)
            case AccessListsChanged() if self.config.enabled:
                self._look_at_own(now)
                return []
            case IpReceived():
                return self._received(event, now)
            case RoutesCleared():
                return [effect for circuit in self.circuits.values() for effect in self._request(circuit, now)]
            case MulticastReached(tunnel=name) if name in self.circuits:
                return self._greet(self.circuits[name], now)
            case LineEnds(interface=name) if name in self.circuits:
                return self._farewell(self.circuits[name])
            case PathLost(interface=name) if name in self.circuits and event.concerns(Client.RIP, PROCESS):
                lost = self.database.lose_gateway(name, event.address, self.config.timers, now)
                return self._lost(lost, now)
            case Tick():
                return self._tick(now)
            case Resync():
                return [Listen(name, UDP, GROUP, PORT) for name in self.circuits]
        return []

    def next_deadline(self) -> float | None:
        """Return the next update, timeout or request."""
        due = earliest(self.database.next_deadline(), self._gone.next(), self._triggered.next_deadline())
        return earliest(self._timers.next(), max(due, self._pause_until) if due is not None else None)

    def next_update(self) -> float | None:
        """Return when the next regular update is due."""
        return self._timers.when(("update", ""))

    # ---------------------------------------------------------------------------------------------- configuration

    def _configure(self, config: RipConfig, now: float) -> Results:
        results = [effect for each in self.circuits.values() if ends(each, config) for effect in self._farewell(each)]
        old, self.config = self.config, config
        self._speaker.config = config
        for state in self._ports.interfaces.all():
            results += self._refresh(state.name, now)
        if not config.enabled:
            results += [RouteRetracted(RouteSource.RIP, "", prefix) for prefix in self._offered]
            self.database.clear()
            self._offered.clear()
            self._changed.clear()
            self._poisoned.clear()
            self._telling.stop()
            self._gone, self._timers = Deadlines(), Deadlines()
            self.gateways.clear()
        elif (old.distance, old.distribution.distances, old.timers) != (
            *(config.distance, config.distribution.distances, config.timers),
        ):
            self.database.rearm(config.timers)
            results += self._publish(self.database.routes, now)
        self._look_at_own(now)
        if (old.interfaces, old.auto_summary, old.distribution) != (
            *(config.interfaces, config.auto_summary, config.distribution),
        ):
            self._changed.update(dict.fromkeys(self._prefixes()))
            self._arm_trigger(now)
        if self.circuits and (self.next_update() is None or old.timers.update != config.timers.update):
            self._arm_update(now)
        return results + self._watched.reconsider(config, self.circuits)

    def _look_at_own(self, now: float) -> None:
        """Look at what we announce of our own accord, which may be something else: other lines, or other route maps."""
        config, before = self.config, self.own
        self.own = all_own_routes(config, self._ports) if config.enabled else {}
        for prefix in (*before, *self.own):
            if before.get(prefix) != self.own.get(prefix):
                self._note(prefix, now)

    def _refresh(self, name: str, now: float) -> Results:
        """Open, close or change the circuit of one interface."""
        state = self._ports.interfaces.get(name)
        self.silent.pop(name, None)
        wanted = self._wanted(state, now) if state is not None else False
        results: Results = [*self._covered.tell(name, self.config.networks_of(state))]
        circuit = self.circuits.get(name)
        if circuit is not None and wanted and state is not None and circuit.goes_on(state, self.config):
            was_passive, circuit.passive = circuit.passive, self.config.is_passive(name)
            circuit.state = state
            return [*results, *self._start(circuit, now)] if was_passive and not circuit.passive else results
        if circuit is not None:
            del self.circuits[name]
            circuit.is_over = True
            self._triggered.end(name)
            self._timers.cancel(("request", name))
            self._timers.cancel(("first", name))
            results.append(StopListening(name, UDP, GROUP, PORT))
            lost = self.database.lose_interface(name, self.config.timers, now)
            results += [*self._lost(lost, now), *self._watched.reconsider(self.config, self.circuits)]
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
        if self.config.version != 2:
            self.silent[state.name] = Reason(RipReason.VERSION, since=now)
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
        circuit.attempts = 0
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
            circuit.greeted = max(now + TRIGGER_DELAY, circuit.greeted + GREETING_INTERVAL)
            self._timers.set(("first", circuit.name), circuit.greeted)
        return [] if circuit.heard else self._request(circuit, now)

    # ------------------------------------------------------------------------------------------------------ timers

    def _tick(self, now: float) -> Results:
        results: Results = []
        for kind, name in self._timers.pop_due(now):
            match kind:
                case "update":
                    self._arm_update(now)
                    heard = {**self.gateways, **dict.fromkeys(self._triggered.peers(), now)}
                    results += self._watched.let_go(heard, now - self.config.timers.invalid)
                    self._changed.clear()
                    self._timers.cancel(("trigger", ""))
                    self._announce(self._prefixes(), self.circuits.values())
                case "trigger" | "lost":
                    changed, self._changed = self._changed, {}
                    self._last_trigger = now
                    self._timers.cancel(("trigger", ""))
                    self._announce(list(changed), self.circuits.values())
                    if kind == "lost":
                        self._telling.add(self._request_all())
                case "first":
                    self._announce(self._prefixes(), [self.circuits[name]])
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
        results += self._publish(self.database.expire(self.config.timers, now, SLICE), now)
        for prefix in self._gone.take_due(now, SLICE):
            self._poisoned.pop(prefix, None)
        again, silent = self._triggered.tick(now, SLICE)
        results += again
        for name, gateway in silent:
            results += self._lost(self.database.lose_gateway(name, gateway, self.config.timers, now), now)
        self._pause_until = now + PAUSE
        return results

    def _arm_update(self, now: float) -> None:
        early = UPDATE_SPREAD * fraction(self._ports.entropy)
        self._timers.set(("update", ""), now + self.config.timers.update * (1.0 - early))

    def _arm_trigger(self, now: float) -> None:
        if not self.circuits or self._timers.when(("trigger", "")) is not None:
            return
        pause = TRIGGER_INTERVAL + TRIGGER_SPREAD * fraction(self._ports.entropy)
        self._timers.set(("trigger", ""), max(now + TRIGGER_DELAY, self._last_trigger + pause))

    # ----------------------------------------------------------------------------------------------------- routes

    def _route_changed(self, event: RouteChanged, now: float) -> Results:
        """Note that a route of our own came, went or changed; or another protocol took a learned one over."""
        if not self.config.enabled:
            return []
        prefix = event.prefix
        old, new = self.own.pop(prefix, None), own_route(prefix, self.config, self._ports)
        if new is not None:
            self.own[prefix] = new
        sources = [route.source for route in (event.old, event.new) if route is not None]
        is_taken_over = prefix in self._offered and len(set(sources)) > 1 and RouteSource.RIP in sources
        if old != new or is_taken_over:
            self._note(prefix, now)
        return []

    def _note(self, prefix: Prefix, now: float) -> None:
        """Note that a prefix must be announced again; one that is nobody's any more, as unreachable and for a while."""
        self._changed[prefix] = None
        self._arm_trigger(now)
        if prefix in self.own:
            self._poisoned.pop(prefix, None)
            self._gone.cancel(prefix)
        else:
            self._poisoned[prefix] = None
            self._gone.set(prefix, now + max(0, self.config.timers.flush - self.config.timers.invalid))

    def _publish(self, prefixes: Iterable[Prefix], now: float) -> Results:
        """Tell the RIB, and soon our neighbors, what became of learned routes."""
        results: Results = []
        for prefix in prefixes:
            results += self._offer(prefix)
            self._changed[prefix] = None
        if self._changed:
            self._arm_trigger(now)
        return results

    def _lost(self, prefixes: list[Prefix], now: float) -> Results:
        """Tell everybody of routes that we saw go, and then ask everybody for others: whoever has our own old news
        must not answer with it. At most once a second.
        """
        is_without = any(not self.database.routes[prefix].reachable for prefix in prefixes)
        if is_without and self._timers.when(("lost", "")) is None:
            self._timers.set(("lost", ""), max(now + TRIGGER_DELAY, self._last_trigger + TRIGGER_INTERVAL))
        return self._publish(prefixes, now)

    def _offer(self, prefix: Prefix) -> Results:
        route = self.database.routes.get(prefix)
        if route is None or not route.reachable:
            known = self._offered.pop(prefix, None)
            return [RouteRetracted(RouteSource.RIP, "", prefix)] if known is not None else []
        offer = offer_of(prefix, route, self.config, self._ports)
        self._offered[prefix] = offer
        return [RouteOffered(offer)]

    def _prefixes(self) -> list[Prefix]:
        """Return all that a full update speaks of."""
        return list(dict.fromkeys((*self.own, *self.database.routes, *self._poisoned)))

    # ---------------------------------------------------------------------------------------------------- packets

    def _received(self, event: IpReceived, now: float) -> Results:
        circuit = self.circuits.get(event.interface)
        if circuit is None or event.payload[2:4] not in (PORT.to_bytes(2, "big"), b""):
            return []  # of another protocol over UDP
        try:
            packet, port = circuit.open(event)
            settings = self.config.interface(circuit.name)
            self._speaker.seals.check(packet, event.payload[8:], self.config, settings, event.source, now)
        except WireError as error:
            circuit.ignored += 1
            circuit.last_ignored = f"{event.source}: {error}"
            return self._speaker.debug([messages.ignored(event.source, event.interface, str(error))])
        match packet.command:
            case Command.REQUEST:
                return self._answer(circuit, packet, event.source, port)
            case Command.RESPONSE:
                return self._learn(circuit, packet, event.source, now)
        results, is_news = self._triggered.take(circuit, packet, event.source, now)
        if not is_news:
            return results
        if packet.update is not None and packet.update.flush:
            self.database.doubt(circuit.name, event.source, self.config.timers, now)
        return results + self._learn(circuit, packet, event.source, now)

    def _learn(self, circuit: Circuit, packet: RipPacket, source: IPAddress, now: float) -> Results:
        """Learn what a gateway tells."""
        circuit.heard = True
        self._timers.cancel(("request", circuit.name))
        self._remember(source, now)
        results = self._speaker.debug(messages.received(source, circuit.name, packet.entries))
        results += self._watched.heard(self.config, circuit.name, source)
        changed: list[Prefix] = []
        for heard in believed(packet.entries, circuit, source, self.config, self._ports):
            if self.database.learn(heard, self.config.timers, self.config.maximum_paths, now):
                changed.append(heard.prefix)
            else:
                results += self._offer(heard.prefix)
        return results + self._publish(changed, now)

    def _remember(self, gateway: IPAddress, now: float) -> None:
        """Note when a gateway spoke last; of very many those are forgotten that have been silent for long."""
        if len(self.gateways) >= MOST_REMEMBERED and gateway not in self.gateways:
            since = now - self.config.timers.invalid
            self.gateways = {known: heard for known, heard in self.gateways.items() if heard > since}
            if len(self.gateways) >= MOST_REMEMBERED:
                return
        self.gateways[gateway] = now

    def _answer(self, circuit: Circuit, request: RipPacket, source: IPAddress, port: int) -> Results:
        """Answer a request, RFC 2453 §3.9.1: the whole table as an update would have it, or the metrics of the prefixes
        asked for.

        A passive interface tells its table to nobody but configured neighbors.
        """
        if circuit.passive and source not in self.config.neighbors:
            return []
        if request.asks_for_whole_table:
            self._telling.answer(self._prefixes(), circuit, source, port)
            return self._go_on(self._speaker.now)
        response = answer(request, self._look(self._prefixes()))
        return self._speaker.send(circuit, response, source, port) if response.entries else []

    def _request(self, circuit: Circuit, now: float) -> Results:
        """Ask everybody on the circuit for everything, and again after a pause."""
        circuit.attempts += 1
        if circuit.attempts < REQUESTS:
            self._timers.set(("request", circuit.name), now + 2.0 ** (circuit.attempts - 1))
        return self._speaker.request(circuit)

    def _farewell(self, circuit: Circuit) -> Results:
        """Tell everybody on the circuit that nothing is to be reached by us any more, RFC 2453 §3.8."""
        if circuit.triggered:
            return self._triggered.farewell(circuit)
        return self._speaker.end(circuit, list(self._look(self._prefixes())))

    def _announce(self, prefixes: Sequence[Prefix], circuits: Iterable[Circuit]) -> None:
        """Tell of these prefixes on circuits; where only changes are told, of what has changed."""
        circuits = list(circuits)
        self._telling.add(self._telling.tell(prefixes, [each for each in circuits if not each.triggered]))
        if any(each.triggered for each in circuits):
            self._telling.add(self._triggered.follow())

    def _request_all(self) -> Job:
        """Ask everybody for everything."""
        yield from ()
        ordinary = [each for each in self.circuits.values() if not each.triggered]
        return [order for each in ordinary for order in self._speaker.request(each)]

    def _look(self, prefixes: Iterable[Prefix]) -> Iterator[Announced]:
        """Look at what we announce of prefixes now."""
        return announced(prefixes, self.own, self.database.routes, self._ports.rib)

    def _view(self, circuit: Circuit) -> View:
        """Find out what the peers of a circuit are to know."""
        routes = yield from self._telling.routes(self._prefixes())
        return (yield from self._telling.entries(circuit, routes))
