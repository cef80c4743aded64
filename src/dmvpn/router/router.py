"""A router: its configuration, the model that each feature makes of it, and the machines of all features.

    event --> Router.handle(event, now) --> [effect, effect, ...]
              Router.next_deadline()    --> when to call handle(Tick(), now) again

`router/dispatch.py` hands each event to the machines that take it. Notices that follow go to their subscribers when the
event has been handled by all, before `handle` returns, so a router is always at rest between two events. An effect is
for the shell.

A machine of which the configuration never said anything sleeps (`ios.Sleeper`): it is made when that changes, or when
something happens that is for it.

Nothing here knows a protocol. It handles two events itself: the text of `ConfigurationEntered` becomes a tree, the
lines of `LinesEntered` change the tree; the notice that restores a configuration is handled like the first. Each
feature makes its typed model of the tree again if a line changed that the last model was made from, and a machine is
notified if its model changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final, TypeVar, cast

from dmvpn.base.breath import aside, in_one_go
from dmvpn.base.context import Context, Machine, earliest
from dmvpn.base.effects import Effect, InVrf, SendIp
from dmvpn.base.entropy import Entropy, SeededEntropy
from dmvpn.base.events import ConfigurationEntered, Event, IpReceived, LinesEntered, PlaneAnnounced, Remembered, Resync
from dmvpn.base.notices import Configured, InterfaceState, Log, Notice, PacketsHandled
from dmvpn.base.pages import Pages
from dmvpn.base.ports import NO_FILTERS, NO_IKE, Ports
from dmvpn.base.shell import NO_PLANE, Counting
from dmvpn.base.streams import StreamNumbers
from dmvpn.base.values import Value
from dmvpn.ios import EVERYTHING, ConfigLine, ConfigSession, ConfigTree, Endings, Feature, LateMachine, Scope, Sleeper
from dmvpn.router.dispatch import Dispatch, Model, Models, filtered_first
from dmvpn.router.features import FEATURES, fill
from dmvpn.router.language import configurator
from dmvpn.router.likeness import Likes, Made, read
from dmvpn.router.vrfs import Vrf, Vrfs, within

M = TypeVar("M")
_NO_MODELS: Final[Mapping[str, Model]] = {}

for _feature in FEATURES:  # here, not where the first router is made: that may be in a fork, where nothing is shared
    if type(_feature.machine) is LateMachine:
        _feature.machine.imported()


@lru_cache(maxsize=64)
def _inside(features: tuple[Feature, ...]) -> frozenset[int]:
    """Return the places of features that belong to a routing table, one and the same set for all routers."""
    return frozenset(place for place, feature in enumerate(features) if feature.scope is Scope.VRF)


def _packets(event: Event, effects: Iterable[Effect]) -> Iterator[PacketsHandled]:
    """Yield the IP packets of an event, if there are any."""
    received = event if isinstance(event, IpReceived) else None
    inner = (effect.effect if isinstance(effect, InVrf) else effect for effect in effects)
    sent = tuple(effect for effect in inner if isinstance(effect, SendIp))
    if received is not None or sent:
        yield PacketsHandled(received, sent)


@lru_cache(maxsize=64)
def _sentinel(wakes: tuple[type[Event] | type[Notice], ...]) -> type[_Sentinel]:
    """Return the class of sentinels that wait for these events and notices."""

    class Waiting(_Sentinel):
        subscriptions = wakes

    return Waiting


class _Sentinel(Machine):
    """Has the seat of a machine that sleeps, makes it for the first event that wakes it, and hands that over."""

    def __init__(self, ports: Ports, wake: Callable[[], Machine]) -> None:
        super().__init__(Context(ports))
        self._wake = wake

    def dispatch(self, event: Event | Notice) -> None:
        """Wake the machine."""
        self._context.emit(*self._wake().handle(event, self._context.now))


class Router:
    """One router's life. Sans-I/O: it owns no clock, socket, file or source of chance."""

    def __init__(self, entropy: Entropy, features: Iterable[Feature] = FEATURES, *, remembers: bool = True) -> None:
        """remembers: keep a history for `show ... at` and `show dmvpn events`, of some megabytes at most."""
        self.features = tuple(features)
        self.running = ConfigTree()
        self.startup_text = ""
        #: Asked by shows alone; the shell puts its plane here.
        self.counting: Counting = NO_PLANE
        #: What other routers of a simulation were given.
        self.likes: Likes | None = None
        self.ports = Ports.__new__(Ports)
        self.ports.entropy, self.ports.streams = entropy, StreamNumbers()
        self.ports.remembers, self.ports.filters, self.ports.ike = remembers, NO_FILTERS, NO_IKE
        self.ports.vrf, self.ports.tables = "", {}
        self.ports.manages, self.ports.kept = False, {}
        #: Of the machines of the global table.
        self._inside = copy(self.ports)
        self.ports.tables[""] = self._inside
        self.machines: dict[str, Machine] = {}
        self._models = Models(self.features)
        #: What there is that a new configuration may end.
        self._present: dict[Endings, Pages[str]] = {one.endings: Pages() for one in self.features if one.endings}
        self._prepared: Made | None = None
        for feature in self.features:
            if feature.machine is not None and not isinstance(feature.machine, Sleeper):
                self._make(feature)
        fill(self.ports, self.machines)
        fill(self._inside, self.machines)
        self._vrfs = Vrfs(self.features, self.ports, self._inside)
        #: There are VRFs, or were: events of removed ones may still come.
        self._had_vrfs = False
        #: Whether the models changed by the event that is being handled.
        self._modeled = False
        self._dispatch = Dispatch((feature.name for feature in self.features), self.machines)
        self._dispatch.inside = _inside(self.features)
        for feature in self.features:
            if isinstance(feature.machine, Sleeper) and feature.machine.wakes:
                waiting = _sentinel(feature.machine.wakes)(self.ports, partial(self._wake, feature))
                self._dispatch.seat(feature.name, waiting)

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Handle one event at `now` (seconds, monotonic, never going back) and return effects, in order."""
        effects: list[Effect] = []
        notices: deque[Notice] = deque()
        try:
            if type(event) is ConfigurationEntered:
                self._replace(event, notices)
            elif type(event) is LinesEntered:
                self._enter(event, notices)
            elif type(event) is PlaneAnnounced:
                self._vrfs.plane, self.ports.manages = event, event.manages
            elif type(event) is Remembered:
                self.ports.kept[event.name] = event.octets
            if self._had_vrfs:
                self._take_apart(event, now, effects, notices)
                self._settle(effects, notices, now)
            else:
                self._dispatch.take(event, now, effects, notices)
                if notices:
                    self._settle(effects, notices, now)
            if self.ports.debugging.anything:
                notices.extend(_packets(event, effects))
                self._settle(effects, notices, now)
            if self._modeled:
                self._modeled = False
                effects = filtered_first(effects)
        finally:
            self._dispatch.rest()
            if self._had_vrfs:
                self._vrfs.rest()
        return effects

    def prepare(self, text: str) -> None:
        """Make beforehand what a `ConfigurationEntered` of this text is going to need, with breaths in between.

        It has no visible effect, and whether it ran is not visible either.
        """
        prepared = self._prepared = self._made_of(text)
        for feature in self.features:
            machine = feature.machine
            if isinstance(machine, Sleeper) and prepared.models[feature.name][0] != machine.idle:
                aside(machine.imported)

    def _made_of(self, text: str) -> Made:
        return read(text, self.features) if self.likes is None else self.likes.made(text, self.features)

    def next_deadline(self) -> float | None:
        """Return the earliest time at which a machine wants a `Tick`, seconds, or None."""
        deadline = self._dispatch.next_deadline()
        return earliest(deadline, self._vrfs.next_deadline()) if self._had_vrfs else deadline

    @property
    def vrfs(self) -> Mapping[str, Vrf]:
        """The VRFs, by name."""
        return self._vrfs.by_name

    def machine(self, kind: type[M]) -> M:
        """Return the machine of this class, which is made if it slept. Raises KeyError."""
        for machine in self.machines.values():
            if isinstance(machine, kind):
                return machine
        for feature in self.features:
            if isinstance(feature.machine, Sleeper) and feature.machine.makes(kind):
                return cast("M", self._wake(feature))
        raise KeyError(kind.__name__)

    @property
    def logged(self) -> Callable[[Log], None] | None:
        """Called with each log message, whichever machines take it; a shell that prints log messages sets it."""
        return self._dispatch.logged

    @logged.setter
    def logged(self, logged: Callable[[Log], None] | None) -> None:
        self._dispatch.logged = logged

    @property
    def hostname(self) -> str:
        """The configured name, "Router" without one."""
        return self.running.hostname

    def context(self, now: float, session: int = 0, *, hides: bool = False) -> RouterView:
        """Return what a show command of `session` may look at, as of `now`. hides: no keys and passwords."""
        return RouterView(self, now, session, hides)

    def _make(self, feature: Feature) -> Machine:
        ports = self._inside if feature.scope is Scope.VRF else self.ports
        machine = cast("Callable[[Ports], Machine]", feature.machine)(ports)
        self.machines[feature.name] = machine
        return machine

    def _wake(self, feature: Feature) -> Machine:
        """Make the machine of a feature that is needed from now on."""
        machine = self._make(feature)
        self._dispatch.seat(feature.name, machine)
        fill(self.ports, self.machines)
        return machine

    def _take_apart(self, event: Event, now: float, effects: list[Effect], notices: deque[Notice]) -> None:
        """Hand over an event where there may be VRFs. An event of a VRF is not for the machines of the global table."""
        self._vrfs.change_over(self._dispatch, effects, notices, now)
        vrf, there = within(event)
        self._dispatch.take(there, now, effects, notices, inside=not vrf)
        self._vrfs.take(event, now, effects)

    def _settle(self, effects: list[Effect], notices: deque[Notice], now: float) -> None:
        while True:
            restored = self._dispatch.settle(effects, notices, now)
            if restored is not None:
                event = ConfigurationEntered(restored.text, by=restored.by)
                self._replace(event, notices)
                self._take_apart(event, now, effects, notices)
                continue
            if self._had_vrfs:
                self._vrfs.settle(self._dispatch, effects, notices, now)
            if not notices:
                return

    def _replace(self, event: ConfigurationEntered, notices: deque[Notice]) -> None:
        prepared, self._prepared = self._prepared, None
        if prepared is None or prepared.text != event.text:
            prepared = self._made_of(event.text)
        self.running = prepared.tree
        if event.saved:
            self.startup_text = event.text
        self._model({EVERYTHING}, notices, prepared.models)

    def _enter(self, event: LinesEntered, notices: deque[Notice]) -> None:
        session = ConfigSession(configurator(self.features), self.running)
        for line in event.lines:
            session.enter_again(line)
        self._model(self.running.take_touched(), notices)

    def _model(
        self, touched: set[ConfigLine], notices: deque[Notice], prepared: Mapping[str, Model] = _NO_MODELS
    ) -> None:
        """Make the models again that these lines may change. prepared: models that are made already."""
        self._modeled = True
        for endings, before in self._present.items():
            if EVERYTHING in touched or not touched.isdisjoint(endings.lines):
                after = self._present[endings] = endings.present(self.running)
                notices.extend(endings.notices(before, after, self.ports))
        for feature, model in self._models.renew(self.running, touched, prepared):
            if feature.name not in self.machines:
                self._wake(feature)
            notices.append(Configured(feature.name, model))
        # Nothing is prepared for VRFs, and no line may be entered between two models of one configuration.
        in_one_go(lambda: self._vrfs.model(self.running, touched))
        self._had_vrfs = self._had_vrfs or bool(self.vrfs)
        self._dispatch.crossing = self._vrfs.hear if self.vrfs else None


class RouterView(Value):
    """The `ShowContext` of one command."""

    router: Router
    now: float
    session: int
    hides: bool = False
    vrf: Vrf | None = None

    @property
    def ports(self) -> Ports:
        """The answering machines."""
        return self.router.ports if self.vrf is None else self.vrf.ports

    def in_vrf(self, vrf: str) -> RouterView | None:
        """Return the same for the machines of a VRF; None: there is no such VRF."""
        found = self.router.vrfs.get(vrf)
        return None if found is None else replace(self, vrf=found)

    @property
    def counting(self) -> Counting:
        """The data plane, for the counters of this moment."""
        return self.router.counting

    @property
    def hostname(self) -> str:
        """The router's configured name."""
        return self.router.hostname

    @property
    def running(self) -> ConfigTree:
        """The running configuration."""
        return self.router.running

    @property
    def features(self) -> tuple[Feature, ...]:
        """All features, for commands that collect from several."""
        return self.router.features

    @property
    def awake(self) -> tuple[Feature, ...]:
        """Those whose machine is there."""
        machines = self.router.machines
        if self.vrf is None:
            return tuple(feature for feature in self.router.features if feature.name in machines)
        inside = self.vrf.machines
        return tuple(
            feature
            for feature in self.router.features
            if feature.name in (inside if feature.scope is Scope.VRF else machines)
        )

    def machine(self, kind: type[M]) -> M:
        """Return the machine of this class. Raises KeyError."""
        inside = self.vrf.machine(kind) if self.vrf is not None else None
        return self.router.machine(kind) if inside is None else inside


@lru_cache(maxsize=1024)
def addresses(configuration: str) -> tuple[InterfaceState, ...]:
    """Return the interfaces that have an address on a router with this configuration, in IOS order."""
    router = Router(SeededEntropy(0))
    router.handle(PlaneAnnounced(ipv6=True), 0.0)
    router.handle(ConfigurationEntered(configuration), 0.0)
    return tuple(state for state in router.ports.interfaces.all() if state.routed(4) or state.routed(6))


__all__ = ["Resync", "Router", "RouterView", "addresses"]
