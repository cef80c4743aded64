"""Interfaces come, change and go: where a process runs, and as what. RFC 2328 §9.3."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.context import Timer
from dmvpn.base.notices import RouteSource
from dmvpn.base.redistribution import Covered
from dmvpn.features.ospf.adjacency import INTERFACE_DOWN
from dmvpn.features.ospf.interface import OspfInterface
from dmvpn.features.ospf.messages import Silent
from dmvpn.features.ospf.neighbor import InterfaceMove, InterfaceState
from dmvpn.features.ospf.settings import Settings, area_on, cost_of, settings_of
from dmvpn.features.ospf.spf import Slices

if TYPE_CHECKING:
    from dmvpn.base.notices import InterfaceState as IpInterface
    from dmvpn.features.ospf.adjacency import Adjacencies, Hellos
    from dmvpn.features.ospf.areas import Areas
    from dmvpn.features.ospf.externals import Externals
    from dmvpn.features.ospf.flooding import Flooding
    from dmvpn.features.ospf.interface import FarEnd
    from dmvpn.features.ospf.output import Sender
    from dmvpn.features.ospf.own_lsas import Topology
    from dmvpn.features.ospf.state import State

#: Why the neighbor at the other end of a virtual link is lost, for the log.
UNREACHABLE = "Neighbor Down: Interface down or detached"


class Links:
    """The interfaces of one process."""

    def __init__(
        self,
        state: State,
        sender: Sender,
        flooding: Flooding,
        externals: Externals,
        topology: Topology,
        areas: Areas,
        adjacencies: Adjacencies,
        hellos: Hellos,
    ) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._flooding = flooding
        self._externals = externals
        self._topology = topology
        self._areas = areas
        self._adjacencies = adjacencies
        self._hellos = hellos
        self._covered = Covered(RouteSource.OSPF, str(state.number))

    def changed(self, name: str, state: IpInterface | None) -> None:
        """Apply a change of an interface's state or configuration."""
        interface = self._state.interfaces.get(name)
        if state is None or not self._runs(state):
            if interface is not None:
                self.end(name, INTERFACE_DOWN)
            return
        number = area_on(self._state.settings, self._state.own_of(name), state)
        if number is None:
            if interface is not None:
                self.end(name, INTERFACE_DOWN)
            return
        settings = settings_of(self._state.settings, self._state.own_of(name), number, self._state.key_chains)
        if interface is not None and _must_restart(interface, state, settings):
            self.end(name, INTERFACE_DOWN)
            interface = None
        if interface is None:
            self.begin(state, settings)
        else:
            self._adjust(interface, state, settings)

    def _runs(self, state: IpInterface) -> bool:
        shut = self._state.own_of(state.name).shutdown
        return state.line and isinstance(state.address, IPv4Address) and not shut

    def begin(
        self, state: IpInterface, settings: Settings, far_end: FarEnd | None = None, cost: int | None = None
    ) -> None:
        """Begin on an interface. far_end, cost: of a virtual link."""
        address = state.address
        if not isinstance(address, IPv4Address):
            return
        interface = OspfInterface(
            name=state.name,
            state=state,
            settings=settings,
            area=self._areas.get(settings.area.number),
            address=address,
            cost=cost_of(settings, state, self._state.settings.reference_bandwidth) if cost is None else cost,
            costs=self._costs(settings),
            hello_timer=Timer("send a Hello", lambda: self._hellos.say(interface), state.name),
            wait_timer=Timer(
                "wait time, RFC 2328 §9.1", lambda: self._adjacencies.hold_election(interface), state.name
            ),
            acknowledge_timer=Timer(
                "delayed acknowledgment", lambda: self._flooding.acknowledge(interface), state.name
            ),
            calls=Slices("send Hellos to the next neighbors of a list", self._context),
            far_end=far_end,
        )
        self._state.interfaces[state.name] = interface
        self._cover(interface)
        if settings.obstacle:
            self._context.emit(Silent.of(self._state.number, state.name, settings.obstacle))
        self._come_up(interface)

    def _come_up(self, interface: OspfInterface) -> None:
        settings = interface.settings
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
        self._sender.listen(interface)
        if interface.speaks:
            self._hellos.say(interface)
        self._topology.describe(interface.area)
        self._externals.retell(interface.area)
        if settings.elects:
            self._externals.lead_again()

    def _adjust(self, interface: OspfInterface, state: IpInterface, settings: Settings) -> None:
        """Adjust an interface to a change that neighbors need not be given up for."""
        old, cost = interface.settings, cost_of(settings, state, self._state.settings.reference_bandwidth)
        interface.adjust(state, settings, cost, self._costs(settings))
        self._cover(interface)
        self._topology.network_changed(interface)
        votes = settings.elects and interface.phase not in (InterfaceState.WAITING, InterfaceState.LOOPBACK)
        if votes and old.priority != settings.priority:
            self._adjacencies.hold_election(interface)
        if settings.bfd != old.bfd:
            for neighbor in interface.neighbors.values():
                if neighbor.is_two_way:
                    self._adjacencies.watch(neighbor, wanted=settings.bfd)
        if settings.hello_interval != old.hello_interval and interface.speaks:
            self._hellos.say(interface)
        self._set_timers_again(interface, old)

    def _set_timers_again(self, interface: OspfInterface, old: Settings) -> None:
        """Let timers that run end as the new intervals say, which may be much shorter."""
        settings = interface.settings
        for neighbor in interface.neighbors.values():
            if settings.retransmit_interval < old.retransmit_interval:
                self._context.hasten(neighbor.retransmit_timer, settings.retransmit_interval)
            if settings.dead_interval != old.dead_interval:
                self._adjacencies.await_hello(neighbor)
        if settings.dead_interval < old.dead_interval:
            self._context.hasten(interface.wait_timer, settings.dead_interval)

    def _cover(self, interface: OspfInterface) -> None:
        """Announce the networks of the interface to protocols that redistribute OSPF."""
        if interface.far_end is None:
            networks = tuple(Prefix.of(address, length) for address, length in interface.state.addresses)
            self._context.emit(*self._covered.tell(interface.name, networks))

    def _costs(self, settings: Settings) -> dict[IPv4Address, int]:
        """Return the costs of the paths to single neighbors, on networks where each pair is a link."""
        neighbors = self._state.settings.neighbors if settings.is_multipoint else ()
        return {each.address: each.cost for each in neighbors if each.cost is not None}

    def end(self, name: str, why: str) -> None:
        """Stop OSPF on an interface."""
        interface = self._state.interfaces[name]
        self._adjacencies.lose_all(interface, why)
        interface.move(InterfaceMove.GOES_DOWN)
        interface.calls.end()
        self._sender.listen(interface)
        self._topology.network_changed(interface)
        del self._state.interfaces[name]
        self._context.retire(interface.hello_timer, interface.wait_timer, interface.acknowledge_timer)
        if interface.settings.elects:
            self._externals.lead_again()
        self._context.emit(*self._covered.tell(name, ()))
        for number in self._areas.drop_empty():
            for link, far_end in list(self._state.virtual_links()):
                if far_end.area == number:
                    self.end(link.name, UNREACHABLE)

    def listen_again(self) -> None:
        """Listen again: the shell may have forgotten."""
        for interface in self._state.interfaces.values():
            interface.join(())
            self._sender.listen(interface)


def _must_restart(interface: OspfInterface, state: IpInterface, settings: Settings) -> bool:
    """Return whether the interface must restart as a new link."""
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
