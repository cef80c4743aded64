"""The VRFs of a router: for each a second set of seats, for the features whose scope it is.

    Vrf      the machines of one VRF, with ports of their own: the interfaces that are in it, and its own RIB
    Vrfs     all of them: what goes in (events, notices of the router), what comes out (effects as `InVrf`, notices)
"""

from __future__ import annotations

from collections import deque
from copy import copy
from typing import TYPE_CHECKING, Final, cast

from dmvpn.base.effects import Effect, InVrf, SetVrfs
from dmvpn.base.events import EffectFailed, Event, HostRouteChanged, IpReceived
from dmvpn.base.notices import (
    Configured,
    InterfaceChanged,
    NetworksRun,
    Notice,
    OverrideOffered,
    RouteChanged,
    RouteOffered,
    RouteRetracted,
    RoutesCleared,
)
from dmvpn.ios.feature import Feature, Scope, Sleeper
from dmvpn.router.dispatch import Dispatch
from dmvpn.router.ports import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.machine import Machine
    from dmvpn.base.notices import InterfaceState
    from dmvpn.base.ports import Interfaces, Ports

#: Notices about one table. They stay in it; all others are the router's, too.
_OF_A_TABLE: Final = frozenset(
    {RouteOffered, RouteRetracted, RouteChanged, RoutesCleared, NetworksRun, OverrideOffered}
)


class VrfInterfaces:
    """The interfaces of one VRF."""

    def __init__(self, every: Interfaces, vrf: str) -> None:
        self._every, self._vrf = every, vrf

    def get(self, name: str) -> InterfaceState | None:
        """Return the interface, or None."""
        return self.within(self._every.get(name))

    def all(self) -> tuple[InterfaceState, ...]:
        """Return all interfaces, in IOS order."""
        return tuple(state for state in self._every.all() if state.vrf == self._vrf)

    def owner(self, address: IPAddress) -> InterfaceState | None:
        """Return the interface that has this address, or None."""
        return next((state for state in self.all() if address in (own for own, _ in state.addresses)), None)

    def within(self, state: InterfaceState | None) -> InterfaceState | None:
        """Return the state, if it is in this VRF."""
        return state if state is not None and state.vrf == self._vrf else None


class Vrf:
    """The seats of one VRF."""

    def __init__(self, name: str, ports: Ports, features: Iterable[Feature]) -> None:
        self.name = name
        self.interfaces = VrfInterfaces(ports.interfaces, name)
        self.ports = copy(ports)
        self.ports.interfaces = self.interfaces
        self.machines: dict[str, Machine] = {}
        self.models: dict[str, object] = {}
        self.notices: deque[Notice] = deque()
        self.features = tuple(features)
        for feature in self.features:
            if feature.machine is not None and not isinstance(feature.machine, Sleeper):
                self.machines[feature.name] = cast("Callable[[Ports], Machine]", feature.machine)(self.ports)
        fill(self.ports, self.machines)
        self.dispatch = Dispatch((feature.name for feature in self.features), self.machines)

        self.above: deque[Notice] = deque()
        self.raised: deque[Notice] = deque()
        self.dispatch.heard = self._raise

    def _raise(self, notice: Notice) -> Notice:
        """Let the router have a notice that is not about this table alone."""
        if type(notice) not in _OF_A_TABLE:
            self.raised.append(notice)
        return notice

    def take(self, event: Event, now: float) -> list[Effect]:
        """Hand over an event, and return the effects, as the shell gets them."""
        effects: list[Effect] = []
        if isinstance(event, EffectFailed) and isinstance(event.effect, InVrf):
            if event.effect.vrf != self.name:
                return []
            event = EffectFailed(event.effect.effect, event.errno, event.text)
        elif isinstance(event, IpReceived):
            if self.interfaces.get(event.interface) is None:
                return []
        elif isinstance(event, HostRouteChanged | EffectFailed):
            return []
        self.dispatch.take(event, now, effects, self.notices)
        return [InVrf(self.name, effect) for effect in effects]

    def settle(self, now: float) -> list[Effect]:
        """Hand over all notices."""
        effects: list[Effect] = []
        while self.above:
            notice = self.above.popleft()
            self.dispatch.pass_on(notice, type(notice), notice, now, effects, self.notices)
        self.dispatch.settle(effects, self.notices, now)
        return [InVrf(self.name, effect) for effect in effects]

    def hear(self, notice: Notice) -> None:
        """Take a notice of the router: what it says of interfaces of this VRF."""
        if type(notice) is InterfaceChanged:
            old, new = self.interfaces.within(notice.old), self.interfaces.within(notice.new)
            if old is not None or new is not None:
                self.above.append(InterfaceChanged(notice.name, old, new))
        elif type(notice) is not Configured and type(notice) not in _OF_A_TABLE:
            self.above.append(notice)
