"""Interfaces come, change and go: where a process runs, and as what. RFC 2328 §9.3."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Protocol

from dmvpn.base.addresses import Prefix
from dmvpn.base.context import Timer
from dmvpn.base.effects import Listen, StopListening
from dmvpn.base.notices import RouteSource
from dmvpn.base.redistribution import Covered
from dmvpn.features.ospf.adjacency import INTERFACE_DOWN
from dmvpn.features.ospf.interface import ALL_DESIGNATED, ALL_ROUTERS, OspfInterface
from dmvpn.features.ospf.messages import Silent
from dmvpn.features.ospf.sender import PROTOCOL
from dmvpn.features.ospf.settings import Settings, area_on, cost_of, settings_of
from dmvpn.features.ospf.slices import Slices
from dmvpn.features.ospf.states import InterfaceMove, InterfaceState
from dmvpn.features.ospf.surroundings import Surroundings

if TYPE_CHECKING:
    from dmvpn.base.keychains import KeyChain
    from dmvpn.base.notices import InterfaceState as IpInterface
    from dmvpn.base.pages import Pages
    from dmvpn.features.ospf.adjacency import Adjacencies
    from dmvpn.features.ospf.area import RunningArea
    from dmvpn.features.ospf.flooding import Flooding
    from dmvpn.features.ospf.hellos import Hellos
    from dmvpn.features.ospf.interface import FarEnd
    from dmvpn.features.ospf.model import Interface


class Retelling(Protocol):
    """The part that tells of the outside."""

    def retell(self, area: RunningArea) -> None:
        """Tell again, because the interfaces in an area are others."""

    def lead_again(self) -> None:
        """Look again at next hops from outside, which may be on other networks."""


class Attached(Surroundings, Protocol):
    """A process, as far as it has interfaces."""

    key_chains: Pages[KeyChain]

    @property
    def adjacencies(self) -> Adjacencies:
        """Moves neighbors."""
        ...

    @property
    def flooding(self) -> Flooding:
        """Acknowledges."""
        ...

    @property
    def hellos(self) -> Hellos:
        """Greets, and holds elections."""
        ...

    @property
    def redistributor(self) -> Retelling:
        """Tells of the outside."""
        ...

    def own(self, name: str) -> Interface:
        """Return the lines of an interface."""

    def area(self, number: int) -> RunningArea:
        """Return the area of this number, made if it is new."""

    def drop_empty_areas(self) -> None:
        """Drop areas without interfaces, which are none of ours."""

    def describe(self, area: RunningArea) -> None:
        """Say of ourselves in an area what holds now."""


class Links:
    """The interfaces of one process."""

    def __init__(self, process: Attached) -> None:
        self.interfaces: dict[str, OspfInterface] = {}
        self._process = process
        self._context = process.context
        self._covered = Covered(RouteSource.OSPF, str(process.settings.number))

    def changed(self, name: str, state: IpInterface | None) -> None:
        """Note that an interface is like this now, or that its lines are others."""
        interface = self.interfaces.get(name)
        if state is None or not self._runs(state):
            if interface is not None:
                self.end(name, INTERFACE_DOWN)
            return
        number = area_on(self._process.settings, self._process.own(name), state)
        if number is None:
            if interface is not None:
                self.end(name, INTERFACE_DOWN)
            return
        settings = settings_of(self._process.settings, self._process.own(name), number, self._process.key_chains)
        if interface is not None and _must_restart(interface, state, settings):
            self.end(name, INTERFACE_DOWN)
            interface = None
        if interface is None:
            self.begin(state, settings)
        else:
            self._adjust(interface, state, settings)

    def _runs(self, state: IpInterface) -> bool:
        shut = self._process.own(state.name).shutdown
        return state.line and isinstance(state.address, IPv4Address) and not shut

    def begin(
        self, state: IpInterface, settings: Settings, far_end: FarEnd | None = None, cost: int | None = None
    ) -> None:
        """Begin on an interface. far_end, cost: of a virtual link."""
        process, address = self._process, state.address
        if not isinstance(address, IPv4Address):
            return
        interface = OspfInterface(
            name=state.name,
            state=state,
            settings=settings,
            area=process.area(settings.area.number),
            address=address,
            cost=cost_of(settings, state, process.settings.reference_bandwidth) if cost is None else cost,
            costs=self._costs(settings),
            hello_timer=Timer(lambda: process.hellos.say(interface)),
            wait_timer=Timer(lambda: process.hellos.hold_election(interface)),
            acknowledge_timer=Timer(lambda: process.flooding.acknowledge(interface)),
            calls=Slices(self._context, lambda: process.hellos.call_all(interface), lambda: None),
            far_end=far_end,
        )
        self.interfaces[state.name] = interface
        self._cover(interface)
        if settings.obstacle:
            self._context.out.append(Silent.of(process.number, state.name, settings.obstacle))
        self._come_up(interface)

    def _come_up(self, interface: OspfInterface) -> None:
        settings, process = interface.settings, self._process
        if interface.name.startswith("Loopback"):
            interface.move(InterfaceMove.UP_LOOPBACK)
        elif settings.is_multipoint:
            interface.move(InterfaceMove.UP_MULTIPOINT)
        elif not settings.elects:
            interface.move(InterfaceMove.UP_ALONE)
        elif settings.priority:
            interface.move(InterfaceMove.UP_ELIGIBLE)
            self._context.start(interface.wait_timer, settings.dead_interval)
        else:
            interface.move(InterfaceMove.UP_INELIGIBLE)
        self.listen(interface)
        if interface.speaks:
            process.hellos.say(interface)
        process.describe(interface.area)
        process.redistributor.retell(interface.area)
        if settings.elects:
            process.redistributor.lead_again()

    def _adjust(self, interface: OspfInterface, state: IpInterface, settings: Settings) -> None:
        """Adjust an interface to a change that neighbors need not be given up for."""
        old, cost = interface.settings, cost_of(settings, state, self._process.settings.reference_bandwidth)
        interface.adjust(state, settings, cost, self._costs(settings))
        self._cover(interface)
        self._process.network_changed(interface)
        votes = settings.elects and interface.phase not in (InterfaceState.WAITING, InterfaceState.LOOPBACK)
        if votes and old.priority != settings.priority:
            self._process.hellos.hold_election(interface)
        if settings.bfd != old.bfd:
            for neighbor in interface.neighbors.values():
                if neighbor.is_two_way:
                    self._process.adjacencies.watch(neighbor, wanted=settings.bfd)
        if settings.hello_interval != old.hello_interval and interface.speaks:
            self._process.hellos.say(interface)

    def _cover(self, interface: OspfInterface) -> None:
        """Cover the networks of the interface: whoever redistributes us takes them, too."""
        if interface.far_end is None:
            networks = tuple(Prefix.of(address, length) for address, length in interface.state.addresses)
            self._context.out.extend(self._covered.tell(interface.name, networks))

    def _costs(self, settings: Settings) -> dict[IPv4Address, int]:
        """Return the costs of the ways to single neighbors, on networks where each pair is a link."""
        neighbors = self._process.settings.neighbors if settings.is_multipoint else ()
        return {each.address: each.cost for each in neighbors if each.cost is not None}

    def end(self, name: str, why: str) -> None:
        """End on an interface, where OSPF does not run any more."""
        process = self._process
        interface = self.interfaces[name]
        process.adjacencies.lose_all(interface, why)
        interface.move(InterfaceMove.GOES_DOWN)
        for timer in (interface.hello_timer, interface.wait_timer, interface.acknowledge_timer):
            self._context.stop(timer)
        interface.calls.stop()
        self.listen(interface)
        process.network_changed(interface)
        del self.interfaces[name]
        if interface.settings.elects:
            process.redistributor.lead_again()
        self._context.out.extend(self._covered.tell(name, ()))
        process.drop_empty_areas()

    def listen(self, interface: OspfInterface) -> None:
        """Hear the groups that an interface in its state has to hear, RFC 2328 §8.1."""
        wanted: tuple[IPv4Address, ...] = ()
        if interface.speaks and interface.far_end is None:
            wanted = (ALL_ROUTERS, ALL_DESIGNATED) if interface.leads else (ALL_ROUTERS,)
        before, orders = interface.join(wanted), self._context.out
        for group in wanted:
            if group not in before:
                orders.append(Listen(interface.name, PROTOCOL, group))
        for group in before:
            if group not in wanted:
                orders.append(StopListening(interface.name, PROTOCOL, group))

    def listen_again(self) -> None:
        """Listen again: the shell may have forgotten."""
        for interface in self.interfaces.values():
            interface.join(())
            self.listen(interface)


def _must_restart(interface: OspfInterface, state: IpInterface, settings: Settings) -> bool:
    """Return whether it is another link now."""
    old = interface.settings
    before = (interface.address, interface.state.prefix_length, interface.area.number)
    now = (state.address, state.prefix_length, settings.area.number)
    kinds = (old.network, old.passive, old.filter_database, old.obstacle, old.area.kind) != (
        settings.network,
        settings.passive,
        settings.filter_database,
        settings.obstacle,
        settings.area.kind,
    )
    return before != now or kinds
