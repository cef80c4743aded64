"""A router: its configuration, the model that each feature makes of it, and the machines of all features.

    event --> Router.handle(event, now) --> [effect, effect, ...]
              Router.next_deadline()    --> when to call handle(Tick(), now) again

`router/dispatch.py` hands each event to the machines that take it. Notices that follow go to their subscribers when the
event has been handled by all, before `handle` returns, so a router is always at rest between two events. An effect is
for the shell.

A machine of which the configuration never said anything sleeps (`ios.Sleeper`): it is made when that changes.

Nothing here knows a protocol. It handles two events itself: the text of `ConfigurationEntered` becomes a tree, the
lines of `LinesEntered` change the tree; the notice that restores a configuration is handled like the first. Each
feature makes its typed model of the tree again if a line changed that the last model was made from, and a machine is
notified if its model changed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar, cast

from dmvpn.base.breath import aside
from dmvpn.base.counting import NO_PLANE
from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import SendIp
from dmvpn.base.events import ConfigurationEntered, Event, IpReceived, LinesEntered, Resync
from dmvpn.base.notices import Configured, InterfaceChanged, Log, Notice, PacketsHandled
from dmvpn.base.pages import Pages
from dmvpn.base.ports import Ports
from dmvpn.base.streams import StreamNumbers
from dmvpn.base.values import dataclass
from dmvpn.ios import EVERYTHING, ConfigLine, ConfigSession, ConfigTree, Endings, Feature, Scope, Sleeper, reading
from dmvpn.ios.making import shared
from dmvpn.router.dispatch import Dispatch
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.router.ports import fill
from dmvpn.router.vrfs import Vrf, VrfInterfaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dmvpn.base.counting import Counting
    from dmvpn.base.effects import Effect
    from dmvpn.base.entropy import Entropy
    from dmvpn.base.machine import Machine

M = TypeVar("M")

#: What a feature makes of a tree, and the lines that it asked for.
_Model = tuple[object, frozenset[ConfigLine]]
_NO_MODELS: Final[Mapping[str, _Model]] = {}


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What a text makes. models: by feature."""

    text: str
    tree: ConfigTree
    models: Mapping[str, _Model]


def _read(feature: Feature, tree: ConfigTree) -> _Model:
    with reading() as lines:
        model = None if feature.model is None else feature.model(tree)
    return model, shared(frozenset(lines))


@lru_cache(maxsize=64)
def _of_nothing(feature: Feature) -> _Model:
    """Return what a feature makes of a configuration without lines."""
    return _read(feature, ConfigTree())


def _read_whole(feature: Feature, tree: ConfigTree, lines: set[ConfigLine]) -> _Model:
    """Read a tree that has these lines alone.

    If it has none that the feature asks an empty tree for, it answers as the empty one, and the model is the same. Most
    protocols are not configured on a router.
    """
    model, asked = _of_nothing(feature)
    return (model, asked) if asked.isdisjoint(lines) and EVERYTHING not in asked else _read(feature, tree)


def _packets(event: Event, effects: Iterable[Effect]) -> Iterator[PacketsHandled]:
    """Yield the IP packets of an event, if there are any."""
    received = event if isinstance(event, IpReceived) else None
    sent = tuple(effect for effect in effects if isinstance(effect, SendIp))
    if received is not None or sent:
        yield PacketsHandled(received, sent)


class Router:
    """One router's life. Sans-I/O: it owns no clock, socket, file or source of chance."""

    def __init__(self, entropy: Entropy, features: Iterable[Feature] = FEATURES, *, remembers: bool = True) -> None:
        """remembers: keep a history for `show ... at` and `show dmvpn events`, of some megabytes at most."""
        self.features = tuple(features)
        self.running = ConfigTree()
        self.startup_text = ""
        #: Asked by shows alone; the shell puts its plane here.
        self.counting: Counting = NO_PLANE
        self.ports = Ports.__new__(Ports)
        self.ports.entropy, self.ports.streams = entropy, StreamNumbers()
        self.ports.remembers = remembers
        self.machines: dict[str, Machine] = {}
        self._models: dict[str, object] = {}
        #: The lines of which each model was made, configured or not.
        self._read: dict[str, frozenset[ConfigLine]] = {}
        #: What there is that a new configuration may end.
        self._present: dict[Endings, Pages[str]] = {one.endings: Pages() for one in self.features if one.endings}
        self._prepared: _Prepared | None = None
        for feature in self.features:
            if isinstance(feature.machine, Sleeper):
                self._models[feature.name] = feature.machine.idle
            elif feature.machine is not None:
                self._make(feature)
        fill(self.ports, self.machines)
        self.vrfs: dict[str, Vrf] = {}
        self._global = VrfInterfaces(self.ports.interfaces, "") if "interface" in self.machines else None
        self._dispatch = Dispatch((feature.name for feature in self.features), self.machines)
        self._dispatch.tables = frozenset(
            place for place, feature in enumerate(self.features) if feature.scope is Scope.VRF
        )

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Handle one event at `now` (seconds, monotonic, never going back) and return effects, in order."""
        effects: list[Effect] = []
        notices: deque[Notice] = deque()
        try:
            if type(event) is ConfigurationEntered:
                self._replace(event, notices)
            elif type(event) is LinesEntered:
                self._enter(event, notices)
            self._dispatch.take(event, now, effects, notices)
            if self.vrfs:
                for vrf in self.vrfs.values():
                    effects += vrf.take(event, now)
                self._settle(effects, notices, now)
            elif notices:
                self._settle(effects, notices, now)
            if self.ports.debugging.anything:
                notices.extend(_packets(event, effects))
                self._settle(effects, notices, now)
        finally:
            self._dispatch.rest()
            for vrf in self.vrfs.values():
                vrf.dispatch.rest()
        return effects

    def prepare(self, text: str) -> None:
        """Make beforehand what a `ConfigurationEntered` of this text is going to need, with breaths in between.

        It has no visible effect, and whether it ran is not visible either.
        """
        self._prepared = self._made_of(text)
        for feature in self.features:
            machine = feature.machine
            if isinstance(machine, Sleeper) and self._prepared.models[feature.name][0] != machine.idle:
                aside(machine.imported)

    def _made_of(self, text: str) -> _Prepared:
        tree = configurator(self.features).parse_text(text).tree
        lines = tree.take_touched()
        configured = (feature for feature in self.features if feature.machine is not None)
        return _Prepared(text, tree, {feature.name: _read_whole(feature, tree, lines) for feature in configured})

    def next_deadline(self) -> float | None:
        """Return the earliest time at which a machine wants a `Tick`, seconds, or None."""
        deadline = self._dispatch.next_deadline()
        for vrf in self.vrfs.values():
            deadline = earliest(deadline, vrf.dispatch.next_deadline())
        return deadline

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
        machine = cast("Callable[[Ports], Machine]", feature.machine)(self.ports)
        self.machines[feature.name] = machine
        return machine

    def _wake(self, feature: Feature) -> Machine:
        """Make the machine of a feature that is needed from now on."""
        machine = self._make(feature)
        self._dispatch.seat(feature.name, machine)
        return machine

    def _settle(self, effects: list[Effect], notices: deque[Notice], now: float) -> None:
        while True:
            restored = self._dispatch.settle(effects, notices, now)
            if restored is not None:
                event = ConfigurationEntered(restored.text, by=restored.by)
                self._replace(event, notices)
                self._dispatch.take(event, now, effects, notices)
                continue
            for vrf in self.vrfs.values():
                effects += vrf.settle(now)
                notices.extend(vrf.raised)
                vrf.raised.clear()
            if not notices:
                return

    def _hear(self, notice: Notice) -> Notice | None:
        for vrf in self.vrfs.values():
            vrf.hear(notice)
        if type(notice) is not InterfaceChanged:
            return notice
        old, new = self._global.within(notice.old), self._global.within(notice.new)
        return InterfaceChanged(notice.name, old, new) if old is not None or new is not None else None

    def _follow_vrfs(self, now: float = 0.0) -> None:
        """Make the VRFs that the configuration has, and their models."""
        names = tuple(name for feature in self.features if feature.vrfs for name in feature.vrfs(self.running))
        for name in [name for name in self.vrfs if name not in names]:
            del self.vrfs[name]
        for name in names:
            if name not in self.vrfs:
                features = [feature for feature in self.features if feature.scope is Scope.VRF]
                self.vrfs[name] = Vrf(name, self.ports, features)
            vrf = self.vrfs[name]
            for feature in vrf.features:
                if feature.model is not None and feature.machine is not None:
                    model = feature.model(self.running, name)
                    if vrf.models.get(feature.name) != model:
                        vrf.models[feature.name] = model
                        vrf.notices.append(Configured(feature.name, model))
        self._dispatch.heard = self._hear if self.vrfs else None

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
        self, touched: set[ConfigLine], notices: deque[Notice], prepared: Mapping[str, _Model] = _NO_MODELS
    ) -> None:
        """Make the models again that these lines may change. prepared: models that are made already."""
        is_all = EVERYTHING in touched
        self._follow_vrfs()
        for endings, before in self._present.items():
            if is_all or not touched.isdisjoint(endings.lines):
                after = self._present[endings] = endings.present(self.running)
                notices.extend(endings.notices(before, after, self.ports))
        for feature in self.features:
            if feature.model is None or feature.machine is None:
                continue
            read = self._read.get(feature.name, frozenset())
            if not (is_all or EVERYTHING in read) and touched.isdisjoint(read):
                continue
            model, self._read[feature.name] = prepared.get(feature.name) or _read(feature, self.running)
            if self._models.get(feature.name) != model:
                self._models[feature.name] = model
                if feature.name not in self.machines:
                    self._wake(feature)
                notices.append(Configured(feature.name, model))


@dataclass(frozen=True, slots=True)
class RouterView:
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
        return tuple(feature for feature in self.router.features if feature.name in machines)

    def machine(self, kind: type[M]) -> M:
        """Return the machine of this class. Raises KeyError."""
        for machine in self.vrf.machines.values() if self.vrf is not None else ():
            if isinstance(machine, kind):
                return machine
        return self.router.machine(kind)


__all__ = ["Resync", "Router", "RouterView"]
