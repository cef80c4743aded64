"""Hands events to operations and objects.

Operations of IP SLA: an echo request each `frequency` seconds, and the result of the last one.

A request that is too large to send, or has no source or route, counts as one without an answer. A request is given up
after `timeout`, or when the next one leaves. What an ICMP error says makes no difference: there was no answer.

Tracked objects: each is up or down, by one fact, or by what other objects are together.

A fact that changes counts when the delay for that direction is over, and it has not changed back. A list follows its
members at once, unless it has delays of its own; between its two thresholds it keeps its state. All objects are looked
at once, members before their lists. So a list that is a member of itself changes once at a time, and its final state is
undefined.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar, Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Context, Machine, Timer
from dmvpn.base.effects import SendIp, in_table
from dmvpn.base.entropy import below
from dmvpn.base.errors import WireError
from dmvpn.base.events import Event, IpReceived, Packets
from dmvpn.base.notices import Configured, InterfaceChanged, Notice, RouteChanged, TrackChanged, TrackFollowed
from dmvpn.base.ports import Interfaces, Ports
from dmvpn.base.values import Mutable
from dmvpn.features.track import messages
from dmvpn.features.track.model import Operation, TrackConfig, Tracked, TrackKind
from dmvpn.net import ip
from dmvpn.net.icmp import EchoReply, EchoRequest
from dmvpn.net.ip import ICMP
from dmvpn.net.ipv4 import IpProtocol

# ------------------------------------------------------------------------------------------------ operations of IP SLA


_PATTERN: Final = b"\xab\xcd"


class Code(enum.Enum):
    """The result of the last request: the words of `show ip sla statistics`."""

    UNKNOWN = "Unknown"
    OK = "OK"
    OVER = "Over threshold"
    TIMEOUT = "Timeout"


class Echo(Mutable, eq=False):
    """One operation.

    identifier, sequence: of the outstanding request. sent_at: the time of sending, None if none is outstanding.
    code: of the latest finished request. rtt: seconds, None without an answer.
    started_at: when the last one left, seconds monotonic, None: none has. ends_at: when its life is over.
    """

    settings: Operation
    identifier: int
    next_timer: Timer
    timeout_timer: Timer
    sequence: int = 0
    sent_at: float | None = None
    started_at: float | None = None
    ends_at: float | None = None
    is_running: bool = False
    code: Code = Code.UNKNOWN
    rtt: float | None = None
    successes: int = 0
    failures: int = 0


def _measured(settings: Operation | None) -> Operation | None:
    """Return what an operation measures; names for people make no other one of it."""
    return None if settings is None else replace(settings, tag="", owner="")


class Echoes:
    """All operations of a router. changed: called with the number of each operation whose code changed."""

    def __init__(self, context: Context, changed: Callable[[int], None]) -> None:
        self.running: dict[int, Echo] = {}
        self._context = context
        self._changed = changed

    def configure(self, operations: tuple[Operation, ...]) -> None:
        """Apply other lines: an operation that measures something else begins again."""
        wanted = {each.number: each for each in operations}
        for number, echo in list(self.running.items()):
            if _measured(wanted.get(number)) == _measured(echo.settings):
                echo.settings = wanted[number]
                continue
            self._context.stop(echo.next_timer)
            self._context.stop(echo.timeout_timer)
            del self.running[number]
        for number, settings in wanted.items():
            if number not in self.running:
                self.running[number] = self._begin(settings)
        self.running = dict(sorted(self.running.items()))

    def _begin(self, settings: Operation) -> Echo:
        echo = Echo(
            settings,
            below(self._context.ports.entropy, 0x10000),
            Timer("send the next request", lambda: self._send(echo), settings.number),
            Timer("an answer is late", lambda: self._end(echo, Code.TIMEOUT), settings.number),
        )
        if settings.after is not None:
            echo.is_running = True
            begins = self._context.now + settings.after
            echo.ends_at = None if settings.life is None else begins + settings.life
            self._context.start(echo.next_timer, settings.after)
        return echo

    def _send(self, echo: Echo) -> None:
        settings, now = echo.settings, self._context.now
        if echo.ends_at is not None and now >= echo.ends_at:
            # Its result is discarded, and objects that follow it go down.
            self._context.stop(echo.timeout_timer)
            echo.is_running, echo.sent_at = False, None
            if echo.code is not Code.UNKNOWN:
                echo.code = Code.UNKNOWN
                self._changed(echo.settings.number)
            return
        if echo.sent_at is not None:
            self._end(echo, Code.TIMEOUT)
        left = settings.frequency if echo.ends_at is None else echo.ends_at - now
        self._context.start(echo.next_timer, min(settings.frequency, left))
        echo.sequence = (echo.sequence + 1) & 0xFFFF
        echo.sent_at = echo.started_at = now
        interfaces = self._context.ports.interfaces_of(settings.vrf)
        source = None if interfaces is None else _source(interfaces, settings)
        if interfaces is None or (source is None and (settings.interface or settings.source)):
            self._end(echo, Code.TIMEOUT)
            return
        filling = (_PATTERN * (settings.size // 2 + 1))[: settings.size]
        request = EchoRequest(identifier=echo.identifier, sequence=echo.sequence, payload=filling)
        version = settings.destination.version
        payload = ip.serialize_icmp(request, version)
        order = SendIp(None, source, settings.destination, ICMP[version], payload, tos=settings.tos)
        self._context.start(echo.timeout_timer, settings.timeout)
        self._context.emit(in_table(settings.vrf, order))

    def receive(self, packet: IpReceived) -> None:
        """Take an ICMP message for this router: perhaps an answer."""
        if not any(echo.sent_at is not None for echo in self.running.values()):
            return
        try:
            message = ip.parse_icmp(packet.payload, packet.source, packet.destination)
        except WireError:
            return
        if not isinstance(message, EchoReply):
            return
        for echo in self.running.values():
            mine = (echo.identifier, echo.sequence) == (message.identifier, message.sequence)
            is_there = (packet.vrf, packet.source) == (echo.settings.vrf, echo.settings.destination)
            if mine and echo.sent_at is not None and is_there:
                took = self._context.now - echo.sent_at
                self._end(echo, Code.OK if took <= echo.settings.threshold else Code.OVER, took)
                return

    def _end(self, echo: Echo, code: Code, rtt: float | None = None) -> None:
        self._context.stop(echo.timeout_timer)
        echo.sent_at, echo.rtt = None, rtt
        if rtt is None:
            echo.failures += 1
        else:
            echo.successes += 1
        if code is not echo.code:
            echo.code = code
            self._changed(echo.settings.number)


def _source(interfaces: Interfaces, settings: Operation) -> IPAddress | None:
    """Return the address to send from; None: there is none, or none is wanted."""
    if settings.interface:
        state = interfaces.get(settings.interface)
        return state.primary(settings.destination.version) if state is not None and state.line else None
    if settings.source is None:
        return None
    owner = interfaces.owner(settings.source)
    return settings.source if owner is not None and owner.line else None


# ------------------------------------------------------------------------------------------------ tracked objects


#: Seconds after which objects look at a route that changed: a route may follow an object that looks at it.
_ROUTES_PAUSE: Final = 1.0


class Object(Mutable, eq=False):
    """One object. changes: how often its state changed. since: when it did last, seconds monotonic."""

    settings: Tracked
    timer: Timer
    since: float
    is_up: bool = False
    changes: int = 0


class Objects:
    """All of a router, by number."""

    def __init__(self, context: Context, echoes: Echoes) -> None:
        self.all: dict[int, Object] = {}
        self._context = context
        self._echoes = echoes
        self._members_first: tuple[Object, ...] = ()
        self._prefixes: dict[tuple[str, Prefix], None] = {}
        self._routes_timer = Timer("look at the tracked routes", self.look)

    def configure(self, tracked: tuple[Tracked, ...]) -> None:
        """Apply other lines. An object that looks at something else begins again, down."""
        wanted = {each.number: each for each in tracked}
        for number, each in list(self.all.items()):
            settings = wanted.get(number)
            if settings is None or _looked_at(settings) != _looked_at(each.settings):
                self._context.retire(each.timer)
                del self.all[number]
                self._context.emit(TrackChanged(number, up=False))
            else:
                each.settings = settings
        for number, settings in wanted.items():
            if number not in self.all:
                self.all[number] = self._new(settings)
                self._context.emit(TrackChanged(number, up=False))
        self.all = dict(sorted(self.all.items()))
        self._members_first = tuple(_members_first(self.all))
        self._prefixes = dict.fromkeys((each.vrf, each.prefix) for each in tracked if each.prefix is not None)
        self.look()

    def _new(self, settings: Tracked) -> Object:
        found = Object(
            settings,
            Timer("an object changes after its delay", lambda: self._turn(found), settings.number),
            self._context.now,
        )
        return found

    @property
    def has_routes(self) -> bool:
        """Whether an object follows a route."""
        return bool(self._prefixes)

    def route_changed(self, vrf: str, prefix: Prefix) -> None:
        """Note that the route of a prefix was added, removed or changed in the table of a VRF ("": the global one).

        What this leads to may change it again: not at once.
        """
        if (vrf, prefix) in self._prefixes and not self._context.is_running(self._routes_timer):
            self._context.start(self._routes_timer, _ROUTES_PAUSE)

    def look(self) -> None:
        """Look at the facts again, of which one may be another."""
        for each in self._members_first:
            self._follow(each)

    def _follow(self, each: Object) -> None:
        is_up = self._fact(each)
        if is_up == each.is_up:
            self._context.stop(each.timer)
            return
        delay = each.settings.up_delay if is_up else each.settings.down_delay
        if not delay:
            self._change(each, is_up)
        elif not self._context.is_running(each.timer):
            self._context.start(each.timer, delay)

    def _turn(self, each: Object) -> None:
        """Change the state of an object whose fact has differed for long enough."""
        is_up = self._fact(each)
        if is_up != each.is_up:
            self._change(each, is_up)
            self.look()

    def _change(self, each: Object, is_up: bool) -> None:
        self._context.stop(each.timer)
        each.is_up, each.since = is_up, self._context.now
        each.changes += 1
        settings = each.settings
        about = f"{settings.about} {settings.parameter}"
        self._context.emit(messages.state_changed(settings.number, about, up=is_up))
        self._context.emit(TrackChanged(settings.number, up=is_up))

    def _fact(self, each: Object) -> bool:
        ports, settings = self._context.ports, each.settings
        match settings.kind:
            case TrackKind.LINE | TrackKind.ROUTING:
                state = ports.interfaces.get(settings.interface)
                if state is None or not state.line:
                    return False
                return settings.kind is TrackKind.LINE or state.primary(settings.version) is not None
            case TrackKind.REACHABLE | TrackKind.STATE:
                echo = self._echoes.running.get(settings.operation)
                code = echo.code if echo is not None else Code.UNKNOWN
                return code is Code.OK or (code is Code.OVER and settings.kind is TrackKind.REACHABLE)
            case TrackKind.ROUTE:
                rib = ports.rib_of(settings.vrf)
                return rib is not None and settings.prefix is not None and rib.exact(settings.prefix) is not None
            case TrackKind.WEIGHT | TrackKind.PERCENTAGE:
                level = self.level(settings)
                return level >= settings.up_level or (each.is_up and level > settings.down_level)
            case _:
                members = [self._is_up(number) is not reverse for number, reverse in settings.members]
                return bool(members) and (all(members) if settings.kind is TrackKind.ALL else any(members))

    def level(self, settings: Tracked) -> int:
        """Return the weight of a list's objects that are up, or their part of all, percent."""
        pairs = zip(settings.members, settings.weights, strict=True)
        up = [weight for (number, reverse), weight in pairs if self._is_up(number) is not reverse]
        if settings.kind is TrackKind.WEIGHT:
            return sum(up)
        return 100 * len(up) // len(settings.members) if settings.members else 0

    def _is_up(self, number: int) -> bool:
        member = self.all.get(number)
        return member is not None and member.is_up


def _looked_at(settings: Tracked) -> tuple[TrackKind, str, str]:
    return settings.kind, settings.about, settings.vrf


def _members_first(objects: dict[int, Object]) -> Iterator[Object]:
    """Yield each object once, behind its members, unless they are members of each other."""
    met: dict[int, None] = {}
    for first in objects:
        waiting = [(first, False)]
        while waiting:
            number, is_behind = waiting.pop()
            if is_behind:
                yield objects[number]
            elif number in objects and number not in met:
                met[number] = None
                waiting.append((number, True))
                waiting += [(member, False) for member, _ in objects[number].settings.members]


# ------------------------------------------------------------------------------------------------ the machine


class TrackMachine(Machine):
    """Operations of IP SLA, and the objects that follow them, interfaces and routes."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        InterfaceChanged,
        RouteChanged,
        TrackFollowed,
        Packets(IpProtocol.ICMP),
        Packets(IpProtocol.ICMPV6),
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.config = TrackConfig()
        #: Objects that static routes follow, by the VRF of the routes.
        self._followed: dict[str, tuple[int, ...]] = {}
        self.echoes = Echoes(self._context, self._echo_changed)
        self.objects = Objects(self._context, self.echoes)

    def dispatch(self, event: Event | Notice) -> None:
        """Hand an event to the operations or the objects."""
        match event:
            case IpReceived():
                self.echoes.receive(event)
            case TrackFollowed():
                self._follow(event)
            case InterfaceChanged():
                self.objects.look()
            case RouteChanged():
                self.objects.route_changed(event.vrf, event.prefix)
            case Configured(model=model):
                self.config = model if isinstance(model, TrackConfig) else TrackConfig()
                self.echoes.configure(self.config.operations)
                self.objects.configure(self.config.objects)
                idle = () if self.config.objects else (InterfaceChanged,)
                self.unneeded = idle if self.objects.has_routes else (*idle, RouteChanged)

    def is_followed(self, number: int) -> bool:
        """Return whether static routes follow this object."""
        return any(number in numbers for numbers in self._followed.values())

    def _follow(self, event: TrackFollowed) -> None:
        """Note the objects that the static routes of a VRF follow, and report to a new VRF which are up already."""
        before = dict.fromkeys(self._followed.pop(event.vrf, ()))
        if event.numbers:
            self._followed[event.vrf] = event.numbers
        new = (self.objects.all.get(number) for number in event.numbers if number not in before)
        self._context.emit(
            *(TrackChanged(one.settings.number, up=True) for one in new if one is not None and one.is_up)
        )

    def _echo_changed(self, number: int) -> None:
        self.objects.look()
