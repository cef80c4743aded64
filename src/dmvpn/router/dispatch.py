"""The dispatch of events and notices: which machines take each one, and when each machine wants a `Tick`.

    Dispatch.take(event, ...)    gives an event to the machines that subscribe to its type (an IP packet: to its
                                 protocol), in the order of their places; a `Tick` to each machine that is due
    Dispatch.settle(...)         does the same with the notices that follow, until the queue is empty
    Dispatch.rest()              asks each machine that took something for its next deadline
    Dispatch.next_deadline()     the earliest deadline of all machines

What a machine returns is taken in order: a notice joins the queue, an effect the list of effects. Both belong to the
event, so the caller has them. A `Dispatch` knows neither a configuration nor a protocol.

`Models` has the models that features make of a configuration, and knows when each must be made again.

In one event nothing passes a port that is not filtered yet, or no more (`filtered_first`). Features give their effects
in the order in which notices reach them: a port may come up by a line, and get its list by a notice about lists that
follows. An order for filters needs no other effect. So this order moves: before the effect that opens its port, or
behind the effect that shuts it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from dmvpn.base.context import Machine
from dmvpn.base.effects import Effect, RemoveTunnel, SetCarrier, SetFilters, SetInterface, SetTunnel
from dmvpn.base.events import Event, IpReceived, Packets, Tick
from dmvpn.base.notices import ConfigurationRestored, Configured, Log, Notice
from dmvpn.base.values import Mutable, Value
from dmvpn.ios import EVERYTHING, ConfigLine, ConfigTree, Feature, Sleeper, reading
from dmvpn.ios.section import shared

# ------------------------------------------------------------------------------------------------ dispatch


#: How often a machine may be due at one and the same time. More often means that it does not hear: our bug.
TICK_LIMIT: Final = 100
#: Notices that one event may cause. More means two machines that answer each other forever: our bug.
NOTICE_LIMIT: Final = 200_000
_NEVER: Final = math.inf


class _Takers(Value):
    """The places of the machines that take something, in order. All routers that have the same machines share one."""

    kinds: Mapping[type, tuple[int, ...]]
    packets: Mapping[int, tuple[int, ...]]


@lru_cache(maxsize=64)
def _places(names: tuple[str, ...]) -> Mapping[str, int]:
    """Return the place of each feature, one and the same for all routers."""
    return {name: place for place, name in enumerate(names)}


@lru_cache(maxsize=64)
def _takers(subscriptions: tuple[tuple[type | Packets, ...], ...]) -> _Takers:
    """Return the places by what their machines take. subscriptions: those of each place."""
    kinds: dict[type, tuple[int, ...]] = {}
    packets: dict[int, tuple[int, ...]] = {}
    for place, taken in enumerate(subscriptions):
        for kind in taken:
            if isinstance(kind, Packets):
                packets[kind.protocol] = (*packets.get(kind.protocol, ()), place)
            else:
                kinds[kind] = (*kinds.get(kind, ()), place)
    return _Takers(kinds, packets)


class _Seat(Mutable):
    """A machine, and its place in the list of when each one wants a `Tick`.

    That time moves only when the machine is handed something, so it is asked only then, and once an event: it may get
    hundreds of notices meanwhile. Most events concern one machine of a dozen: to ask all of them after each one was a
    third of a large simulation. handed: seats to ask.
    """

    machine: Machine
    place: int
    due: list[float]
    handed: dict[int, _Seat]

    def hand(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Let the machine take an event."""
        self.handed[self.place] = self
        return self.machine.handle(event, now)

    def ask(self) -> None:
        """Ask the machine when it wants a `Tick`, and note it."""
        due = self.machine.next_deadline()
        self.due[self.place] = _NEVER if due is None else due


class Dispatch:
    """The seats of machines, each at the place of its feature. A place whose machine sleeps has no seat."""

    __slots__ = ("_due", "_handed", "_places", "_seats", "_takers", "crossing", "inside", "logged")

    def __init__(self, names: Iterable[str], machines: Mapping[str, Machine]) -> None:
        """names: of the features, in the order of their places. machines: the machines that are awake, by feature."""
        self._places = _places(tuple(names))
        #: By place. A machine that is not there, or not yet, is never due.
        self._due = [_NEVER] * len(self._places)
        self._handed: dict[int, _Seat] = {}
        self._seats = {self._places[name]: self._seat(name, machine) for name, machine in machines.items()}
        self._takers = self._subscribed()
        #: Called with each log message, whichever machines take it.
        self.logged: Callable[[Log], None] | None = None
        #: The places of machines that belong to a routing table. Of a VRF's dispatch none do: all its machines are in
        #: one table, and what comes from another table is for all of them.
        self.inside: frozenset[int] = frozenset()
        #: Called with each notice where there are VRFs: it passes the notice on to other tables, and returns it as the
        #: machines `inside` take it, None: they do not.
        self.crossing: Callable[[Notice], Notice | None] | None = None

    def seat(self, name: str, machine: Machine) -> None:
        """Give the machine of a feature that woke up its seat: a new one, or that of its sentinel."""
        place = self._places[name]
        if place in self._seats:
            self._seats[place].machine = machine
        else:
            self._seats[place] = self._seat(name, machine)
        self._takers = self._subscribed()

    def next_deadline(self) -> float | None:
        """Return the earliest time at which a machine wants a `Tick`, seconds, or None."""
        earliest = min(self._due, default=_NEVER)
        return None if earliest == _NEVER else earliest

    def takes(self, kind: type[Event] | type[Notice]) -> bool:
        """Return whether a machine takes events or notices of this kind."""
        return kind in self._takers.kinds

    def take(
        self, event: Event, now: float, effects: list[Effect], notices: deque[Notice], *, inside: bool = True
    ) -> None:
        """Hand an event to the machines that take it. inside: also to those of the routing table."""
        if type(event) is Tick:
            self._tick(event, now, effects, notices)
            return
        if type(event) is IpReceived:
            places = self._takers.packets.get(event.protocol, ())
        else:
            places = self._takers.kinds.get(type(event), ())
        if not inside:
            places = tuple(place for place in places if place not in self.inside)
        for place in places:
            _sort(self._seats[place].hand(event, now), effects, notices)

    def settle(self, effects: list[Effect], notices: deque[Notice], now: float) -> ConfigurationRestored | None:
        """Hand over the notices, and the notices that follow from them, until the queue is empty; return None.

        A notice that restores a configuration ends it: the notice is returned, because the rest needs new models.
        """
        for _ in range(NOTICE_LIMIT):
            if not notices:
                return None
            notice = notices.popleft()
            kind = type(notice)
            if type(notice) is Configured:
                _sort(self._seats[self._places[notice.feature]].hand(notice, now), effects, notices)
                continue
            if type(notice) is ConfigurationRestored:
                return notice
            if type(notice) is Log and self.logged is not None:
                self.logged(notice)
            if self.crossing is not None:
                self._cross(notice, kind, now, effects, notices)
                continue
            places = self._takers.kinds.get(kind, ())
            crowd: list[Notice] = []
            if places and notices and type(notices[0]) is kind:
                for place in places:
                    machine = self._seats[place].machine
                    if kind not in machine.crowds and kind not in machine.unneeded:
                        break
                else:
                    crowd = [notice]
                    while notices and type(notices[0]) is kind:
                        crowd.append(notices.popleft())
            for place in places:
                seat = self._seats[place]
                if kind in seat.machine.unneeded:
                    continue
                if crowd:
                    seat.handed[place] = seat
                    results = seat.machine.handle_crowd(crowd, now)
                else:
                    results = seat.hand(notice, now)
                if results:
                    _sort(results, effects, notices)
        raise AssertionError(f"notices without end, the last one: {notices[0]!r}")

    def deliver(self, notice: Notice, now: float, effects: list[Effect], notices: deque[Notice]) -> None:
        """Hand a notice from another table to the machines that take it, but not to those of this table."""
        kind = type(notice)
        if type(notice) is Log and self.logged is not None:
            self.logged(notice)
        for place in self._takers.kinds.get(kind, ()):
            if place not in self.inside:
                _sort(self._seats[place].hand(notice, now), effects, notices)

    def _cross(self, notice: Notice, kind: type, now: float, effects: list[Effect], notices: deque[Notice]) -> None:
        """Hand a notice to its takers, where it may cross the border of this table."""
        mine = self.crossing(notice) if self.crossing is not None else notice
        for place in self._takers.kinds.get(kind, ()):
            taken = mine if place in self.inside else notice
            if taken is not None:
                _sort(self._seats[place].hand(taken, now), effects, notices)

    def rest(self) -> None:
        """Ask the machines that took something since the last rest for their next deadline."""
        for seat in self._handed.values():
            seat.ask()
        self._handed.clear()

    def _seat(self, name: str, machine: Machine) -> _Seat:
        if IpReceived in machine.subscriptions:
            raise TypeError(f"{type(machine).__name__} does not say of which protocol it takes packets")
        return _Seat(machine, self._places[name], self._due, self._handed if machine.keeps_time else {})

    def _subscribed(self) -> _Takers:
        seats = self._seats
        return _takers(
            tuple(seats[place].machine.subscriptions if place in seats else () for place in range(len(self._places)))
        )

    def _tick(self, event: Tick, now: float, effects: list[Effect], notices: deque[Notice]) -> None:
        due = self._due
        for place, when in enumerate(due):  # most seats are not looked at: a large network does not fit the caches
            if when > now:
                continue
            seat, times = self._seats[place], 0
            # Work that was due may need more at once (a path rests, so resolve the peer again): tick once more.
            while due[place] <= now:
                if times == TICK_LIMIT:
                    name = type(seat.machine).__name__
                    raise AssertionError(f"{name} got its Tick at {now}, and still waits for {due[place]}")
                times += 1
                _sort(seat.hand(event, now), effects, notices)
                seat.ask()
            del seat.handed[place]  # it needs no other question


def _sort(results: list[Effect | Notice], effects: list[Effect], notices: deque[Notice]) -> None:
    for result in results:
        (notices if result.is_notice else effects).append(result)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ models


#: What a feature makes of a tree, and the lines that it asked for.
Model = tuple[object, frozenset[ConfigLine]]
_NO_MODELS: Final[Mapping[str, Model]] = {}


class Models:
    """The model of each feature for one routing table."""

    def __init__(self, features: Iterable[Feature], vrf: str = "") -> None:
        """vrf: whose lines the models are made of, "": of the global table, and of the router."""
        self._features = tuple(one for one in features if one.model is not None and one.machine is not None)
        self._vrf = vrf
        self._models: dict[str, object] = {
            one.name: one.machine.idle for one in self._features if isinstance(one.machine, Sleeper)
        }
        #: The lines of which each model was made, configured or not.
        self._read: dict[str, frozenset[ConfigLine]] = {}

    def renew(
        self, tree: ConfigTree, touched: set[ConfigLine], prepared: Mapping[str, Model] = _NO_MODELS
    ) -> Iterator[tuple[Feature, object]]:
        """Make the models again that these lines may change; yield each model that changed.

        prepared: models that are made already.
        """
        is_all = EVERYTHING in touched
        for feature in self._features:
            lines = self._read.get(feature.name)
            if lines is not None and not is_all and EVERYTHING not in lines and touched.isdisjoint(lines):
                continue
            model, self._read[feature.name] = prepared.get(feature.name) or _read(feature, tree, self._vrf)
            if feature.name not in self._models or self._models[feature.name] != model:
                self._models[feature.name] = model
                yield feature, model


def prepare(
    features: Iterable[Feature], tree: ConfigTree, lines: set[ConfigLine], of: Callable[[Feature], Model] | None = None
) -> dict[str, Model]:
    """Return the models of a tree, by feature. lines: what it has besides another tree. of: returns the models of that
    tree; without it that is an empty one.
    """
    prepared: dict[str, Model] = {}
    for feature in features:
        if feature.machine is not None:
            # A tree that differs in no line that the feature asks the other tree for gives the same model as that one.
            # Most protocols are not configured on a router, and give that of an empty tree.
            model, asked = (of or _of_nothing)(feature)
            is_same = asked.isdisjoint(lines) and EVERYTHING not in asked
            prepared[feature.name] = (model, asked) if is_same else _read(feature, tree)
    return prepared


def _read(feature: Feature, tree: ConfigTree, vrf: str = "") -> Model:
    with reading() as lines:
        made = feature.model
        model = None if made is None else made(tree, vrf) if vrf else made(tree)
    return model, shared(frozenset(lines))


@lru_cache(maxsize=64)
def _of_nothing(feature: Feature) -> Model:
    """Return what a feature makes of a configuration without lines."""
    return _read(feature, ConfigTree())


# ------------------------------------------------------------------------------------ the order of effects about a port


def filtered_first(effects: list[Effect]) -> list[Effect]:
    """Return the effects with the orders for filters of each port before it opens, and behind its end."""
    waiting: dict[str, list[Effect]] = {}
    for effect in effects:
        if isinstance(effect, SetFilters):
            waiting.setdefault(effect.interface, []).append(effect)
    if not waiting:
        return effects
    last = {port: place for place, effect in enumerate(effects) if (port := _changed(effect))}
    shut = {port: place for port, place in last.items() if not _opens(effects[place])}
    found: list[Effect] = []
    for place, effect in enumerate(effects):
        port = effect.interface if isinstance(effect, SetFilters) else _changed(effect)
        if shut.get(port, -1) < place:
            found += waiting.pop(port, [])
        if not isinstance(effect, SetFilters):
            found.append(effect)
        if shut.get(port) == place:
            found += waiting.pop(port, [])
    return found


def _changed(effect: Effect) -> str:
    """Return the port that this opens or shuts, "" for none."""
    match effect:
        case SetInterface(interface=port) | SetCarrier(tunnel=port) | RemoveTunnel(tunnel=port):
            return port
        case SetTunnel(spec=spec):
            return spec.name
    return ""


def _opens(effect: Effect) -> bool:
    return isinstance(effect, SetTunnel) or (isinstance(effect, SetInterface | SetCarrier) and effect.up)
