"""The VRFs of a router: each has machines of its own for the features of `Scope.VRF`, and one routing table.

    Vrf      the machines of one VRF. Their ports have the interfaces that are in it, and its RIB
    Vrfs     all VRFs, with the borders between them, the global table and the machines of the router

What crosses a border:

    events       an event with a VRF stays in it; time and streams are for every VRF, as is an event with VRF None
    notices      about a table: stay in their VRF. A change of a route goes up to the machines of the router, too
                 about an interface: to the VRF that it is in. A move ends it in one VRF and begins it in the next
                 any further: from the router to each VRF, from a VRF to the machines of the router
    effects      leave a VRF as `InVrf`

A VRF that took nothing costs an event nothing: `Vrfs` visits the VRFs that took it, and knows when each is due.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from typing import Final, TypeVar, cast

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Deadlines, Machine
from dmvpn.base.effects import Effect, InVrf
from dmvpn.base.events import ClockSet, EffectFailed, Event, PlaneAnnounced, Resync, Tick
from dmvpn.base.exports import PathsImported
from dmvpn.base.notices import (
    Configured,
    InterfaceChanged,
    InterfaceState,
    LeaksFound,
    NetworksRun,
    Notice,
    OverrideOffered,
    RouteChanged,
    RouteOffered,
    RouteRetracted,
    RoutesCleared,
)
from dmvpn.base.ports import Interfaces, Ports
from dmvpn.base.streams import StreamBlocked, StreamData, StreamDown, StreamWritable
from dmvpn.ios import ConfigLine
from dmvpn.ios.feature import Feature, Scope, Sleeper
from dmvpn.ios.section import EVERYTHING, reading
from dmvpn.ios.tree import ConfigTree
from dmvpn.router.dispatch import Dispatch, Models
from dmvpn.router.features import fill

M = TypeVar("M")

#: Notices about one routing table. Without a VRF they are about that of their sender.
_OF_A_TABLE: Final = (
    RouteOffered,
    RouteRetracted,
    RouteChanged,
    RoutesCleared,
    NetworksRun,
    OverrideOffered,
    LeaksFound,
    PathsImported,
)
#: Events for every VRF.
_FOR_ALL: Final = frozenset((ClockSet, Resync, StreamData, StreamWritable, StreamBlocked, StreamDown))


class VrfInterfaces:
    """The interfaces of one VRF, or of the global table."""

    def __init__(self, every: Interfaces, vrf: str) -> None:
        self._every, self._vrf = every, vrf
        self._all: tuple[InterfaceState, ...] | None = None
        self._own: tuple[InterfaceState, ...] = ()

    def get(self, name: str) -> InterfaceState | None:
        """Return the interface, or None: it is not in this VRF."""
        return self.within(self._every.get(name))

    def all(self) -> tuple[InterfaceState, ...]:
        """Return all interfaces, in IOS order."""
        every = self._every.all()
        if every is not self._all:
            self._all, self._own = every, tuple(state for state in every if state.vrf == self._vrf)
        return self._own

    def owner(self, address: IPAddress, vrf: str = "") -> InterfaceState | None:
        """Return the interface of this VRF that has this address, or None."""
        return self._every.owner(address, vrf or self._vrf)

    def hardware(self, name: str) -> bytes:
        """Return the hardware address of an interface."""
        return self._every.hardware(name)

    def within(self, state: InterfaceState | None) -> InterfaceState | None:
        """Return the state of an interface of this VRF, or None."""
        return state if state is not None and state.vrf == self._vrf else None

    def notice(self, notice: Notice) -> Notice | None:
        """Return a notice as the machines of this VRF take it; None: it is not about this VRF."""
        if type(notice) is InterfaceChanged:
            old, new = self.within(notice.old), self.within(notice.new)
            return InterfaceChanged(notice.name, old, new) if old is not None or new is not None else None
        return notice if not isinstance(notice, _OF_A_TABLE) or _vrf_of(notice) == self._vrf else None


class Vrf:
    """The machines of one VRF."""

    def __init__(self, name: str, ports: Ports, features: tuple[Feature, ...], woke: Callable[[], None]) -> None:
        """ports: of the router. features: those of which each VRF has a machine of its own. woke: called when one of
        them has its machine made.
        """
        self.name = name
        self.interfaces = VrfInterfaces(ports.interfaces, name)
        self.ports = copy(ports)
        self.ports.interfaces, self.ports.vrf = self.interfaces, name
        self.features = features
        self._woke = woke
        self.machines: dict[str, Machine] = {}
        for feature in features:
            if feature.machine is not None and not isinstance(feature.machine, Sleeper):
                self._make(feature)
        fill(self.ports, self.machines)
        self._models = Models(features, name)
        self._dispatch = Dispatch((feature.name for feature in features), self.machines)
        self._dispatch.crossing = self._raise
        self._own: deque[Notice] = deque()
        #: From the router, and to its machines.
        self._from_above: deque[Notice] = deque()
        self.risen: deque[Notice] = deque()

    def machine(self, kind: type[M]) -> M | None:
        """Return the machine of this class, which is made if it slept; None: it is the router's."""
        for machine in self.machines.values():
            if isinstance(machine, kind):
                return machine
        for feature in self.features:
            if isinstance(feature.machine, Sleeper) and feature.machine.makes(kind):
                return cast("M", self._wake(feature))
        return None

    def model(self, tree: ConfigTree, touched: set[ConfigLine]) -> bool:
        """Make the models again that these lines may change. Return whether one changed."""
        for feature, model in self._models.renew(tree, touched):
            if feature.name not in self.machines:
                self._wake(feature)
            self._own.append(Configured(feature.name, model))
        return bool(self._own)

    def end(self) -> None:
        """Let the machines stop as if no line of the configuration were left, before this VRF is removed."""
        self.model(ConfigTree(), {EVERYTHING})

    def take(self, event: Event, now: float, effects: list[Effect]) -> None:
        """Hand over an event."""
        emitted: list[Effect] = []
        self._dispatch.take(event, now, emitted, self._own)
        effects += self._wrapped(emitted)

    def takes(self, kind: type[Event] | type[Notice]) -> bool:
        """See `Dispatch.takes`."""
        return self._dispatch.takes(kind)

    def hear(self, notice: Notice) -> None:
        """Take a notice from outside, if it is about this VRF."""
        mine = self.interfaces.notice(notice)
        if mine is not None:
            self._from_above.append(mine)

    def settle(self, now: float, effects: list[Effect]) -> None:
        """Hand over all notices."""
        emitted: list[Effect] = []
        while self._from_above or self._own:
            while self._from_above:
                self._dispatch.deliver(self._from_above.popleft(), now, emitted, self._own)
            self._dispatch.settle(emitted, self._own, now)
        effects += self._wrapped(emitted)

    def rest(self) -> None:
        """See `Dispatch.rest`."""
        self._dispatch.rest()

    def next_deadline(self) -> float | None:
        """See `Dispatch.next_deadline`."""
        return self._dispatch.next_deadline()

    def _make(self, feature: Feature) -> Machine:
        machine = cast("Callable[[Ports], Machine]", feature.machine)(self.ports)
        self.machines[feature.name] = machine
        return machine

    def _wake(self, feature: Feature) -> Machine:
        machine = self._make(feature)
        self._dispatch.seat(feature.name, machine)
        self._woke()
        return machine

    def _raise(self, notice: Notice) -> Notice:
        """Pass a notice of a machine here to the machines of the router, unless it is about this table only."""
        if type(notice) is RouteChanged or not isinstance(notice, _OF_A_TABLE):
            self.risen.append(notice)
        return notice

    def _wrapped(self, effects: Iterable[Effect]) -> Iterator[Effect]:
        return (InVrf(self.name, effect) for effect in effects)


class Vrfs:
    """All VRFs of a router."""

    def __init__(self, features: Iterable[Feature], router: Ports, inside: Ports) -> None:
        """router: ports of the router's machines. inside: of those of the global table."""
        self.by_name: dict[str, Vrf] = {}
        features = tuple(features)
        self._names = next((feature.vrfs for feature in features if feature.vrfs is not None), None)
        self._features = tuple(feature for feature in features if feature.scope is Scope.VRF)
        self._router, self._inside = router, inside
        #: The lines that say which VRFs there are.
        self._read: frozenset[ConfigLine] = frozenset()
        #: VRFs that took something since the last rest, and when each VRF wants a `Tick`.
        self._stirred: dict[str, Vrf] = {}
        self._due: Deadlines[str] = Deadlines()
        #: The VRFs with machines that take events or notices of a kind, as far as that was asked.
        self._takers: dict[type[Event] | type[Notice], tuple[Vrf, ...]] = {}
        #: Removed VRFs, whose machines have not stopped yet; and new ones, which do not know what the plane carries.
        self._gone: list[Vrf] = []
        self._new: list[Vrf] = []
        self.plane: PlaneAnnounced | None = None

    def model(self, tree: ConfigTree, touched: set[ConfigLine]) -> None:
        """Make and remove VRFs as the configuration says, and make the models again that these lines may change."""
        if self._names is None:
            return
        if EVERYTHING in touched or not touched.isdisjoint(self._read):
            with reading() as lines:
                names = self._names(tree)
            self._read = frozenset(lines)
            if list(names) != list(self.by_name):
                self._follow(names)
        for vrf in self.by_name.values():
            if vrf.model(tree, touched):
                self._stirred[vrf.name] = vrf

    def change_over(self, router: Dispatch, effects: list[Effect], notices: deque[Notice], now: float) -> None:
        """Let the machines of removed VRFs stop, while their interfaces can still send goodbyes; and announce to those
        of new VRFs what the plane carries.
        """
        while self._gone:
            vrf = self._gone.pop(0)
            vrf.end()
            self._settle(vrf, router, effects, notices, now)
        while self._new:
            vrf = self._new.pop(0)
            if self.plane is not None:
                vrf.take(self.plane, now, effects)

    def take(self, event: Event, now: float, effects: list[Effect]) -> None:
        """Hand an event to the VRFs that it concerns."""
        name, event = within(event)
        if type(event) is Tick:
            names = sorted(self._due.pop_due(now))
        elif name is None or type(event) in _FOR_ALL:
            names = [vrf.name for vrf in self._taking(type(event))]
        else:
            names = [name] if name in self.by_name else []
        for name in names:
            vrf = self._stirred[name] = self.by_name[name]
            vrf.take(event, now, effects)

    def hear(self, notice: Notice) -> Notice | None:
        """Pass a notice of the router on to the VRFs; return it as the machines of the global table take it."""
        for vrf in self._listeners(notice):
            vrf.hear(notice)
            self._stirred[vrf.name] = vrf
        return cast("VrfInterfaces", self._inside.interfaces).notice(notice)

    def settle(self, router: Dispatch, effects: list[Effect], notices: deque[Notice], now: float) -> None:
        """Hand over the notices inside the VRFs. Some of them rise to the machines of the router."""
        for name in sorted(self._stirred):
            self._settle(self._stirred[name], router, effects, notices, now)

    def rest(self) -> None:
        """See `Dispatch.rest`."""
        for name, vrf in self._stirred.items():
            vrf.rest()
            due = vrf.next_deadline()
            if due is None:
                self._due.cancel(name)
            else:
                self._due.set(name, due)
        self._stirred.clear()

    def next_deadline(self) -> float | None:
        """Return when a machine of a VRF wants a `Tick`, seconds, or None."""
        return self._due.next()

    def _listeners(self, notice: Notice) -> Iterable[Vrf]:
        """Return the VRFs that a notice may be about."""
        if type(notice) is InterfaceChanged:
            names = dict.fromkeys(state.vrf for state in (notice.old, notice.new) if state is not None)
            return [self.by_name[name] for name in names if name in self.by_name]
        if isinstance(notice, _OF_A_TABLE):
            concerned = self.by_name.get(_vrf_of(notice) or "")
            return () if concerned is None else (concerned,)
        return self._taking(type(notice))

    def _taking(self, kind: type[Event] | type[Notice]) -> tuple[Vrf, ...]:
        """Return the VRFs with a machine that takes events or notices of a kind."""
        found = self._takers.get(kind)
        if found is None:
            found = self._takers[kind] = tuple(vrf for vrf in self.by_name.values() if vrf.takes(kind))
        return found

    def _settle(self, vrf: Vrf, router: Dispatch, effects: list[Effect], notices: deque[Notice], now: float) -> None:
        vrf.settle(now, effects)
        while vrf.risen:
            router.deliver(vrf.risen.popleft(), now, effects, notices)

    def _follow(self, names: tuple[str, ...]) -> None:
        """Make new VRFs, and forget removed VRFs."""
        before, every = self.by_name, self._router.interfaces
        self._takers.clear()
        woke, features = self._takers.clear, self._features
        self._new.extend(Vrf(name, self._router, features, woke) for name in names if name not in before)
        every_vrf = before | {vrf.name: vrf for vrf in self._new}
        self.by_name = {name: every_vrf[name] for name in names}
        self._gone.extend(vrf for vrf in before.values() if vrf.name not in self.by_name)
        for vrf in self._gone:
            self._stirred.pop(vrf.name, None)
            self._due.cancel(vrf.name)
        tables = self._router.tables
        tables.clear()
        tables[""] = self._inside
        tables.update((name, vrf.ports) for name, vrf in self.by_name.items())
        self._inside.interfaces = VrfInterfaces(every, "") if self.by_name else every


def within(event: Event) -> tuple[str | None, Event]:
    """Return the VRF that an event is about, and the event as it is there; "": the global table, None: all tables."""
    if type(event) is EffectFailed and isinstance(event.effect, InVrf):
        vrf, effect = event.effect.vrf, event.effect.effect
        return vrf, EffectFailed(effect, event.errno, event.text, vrf)
    return _vrf_of(event), event


def _vrf_of(message: Event | Notice) -> str | None:
    return getattr(message, "vrf", "")
