"""Interfaces come, change and go: where a process runs, and as what. RFC 2328 §9.3. Areas come and go with them.

Virtual links, RFC 2328 §15: a virtual link is an interface of the backbone, through another area to a border router of
it. It comes up when the calculation of its transit area reaches the router at the other end, and goes down when that
router is unreachable. Its cost, both addresses and the next hops are those of the path through the area. Packets travel
by unicast, over several hops if necessary; the area and the sender's router ID identify the virtual link of a received
packet.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Timer
from dmvpn.base.distribution import Covered
from dmvpn.base.notices import InterfaceState as IpInterface
from dmvpn.base.notices import RouteSource
from dmvpn.features.ospf.adjacency import Adjacencies, Hellos
from dmvpn.features.ospf.flooding import Flooding, Origination
from dmvpn.features.ospf.interface import FarEnd, OspfInterface
from dmvpn.features.ospf.lsa import LAST_RESORT, Database, LsaKey, LsaType
from dmvpn.features.ospf.messages import silent
from dmvpn.features.ospf.model import Family, VirtualLink
from dmvpn.features.ospf.neighbor import InterfaceMove, InterfaceState
from dmvpn.features.ospf.output import Sender
from dmvpn.features.ospf.own_lsas import Externals, Summaries, Topology
from dmvpn.features.ospf.reasons import INTERFACE_DOWN
from dmvpn.features.ospf.settings import Settings, area_on, cost_of, settings_of
from dmvpn.features.ospf.spf import Graph, Reached, RunningArea, Slices, Tree
from dmvpn.features.ospf.state import State

# ------------------------------------------------------------------------------------------------ areas


class Areas:
    """The areas of one process."""

    def __init__(
        self,
        state: State,
        flooding: Flooding,
        origination: Origination,
        externals: Externals,
        topology: Topology,
        summaries: Summaries,
    ) -> None:
        self._state = state
        self._flooding = flooding
        self._origination = origination
        self._externals = externals
        self._topology = topology
        self._summaries = summaries

    def get(self, number: int) -> RunningArea:
        """Return the area of this number, made if it is new."""
        state = self._state
        area = state.areas.get(number)
        if area is None:
            database = Database(state.context, lambda key: self.expire(number, key))
            area = RunningArea(number, state.area_settings(number), database, family=state.family)
            state.areas[number] = area
            state.areas = dict(sorted(state.areas.items()))
            self._externals.refresh_all()
            self._topology.describe_all()
        return area

    def expire(self, number: int | None, key: LsaKey) -> None:
        """Flood an advertisement once more that reached MAX_AGE. number: of its area, None if it has none."""
        state = self._state
        area = state.areas[number] if number is not None else next(iter(state.areas.values()), None)
        database = state.externals if number is None or area is None else area.database
        self._flood_last(area, database, key)

    def link(self, area: RunningArea) -> RunningArea | None:
        """Return the scope of advertisements for one link alone, made; None: of version 2, which keeps none."""
        if area.family.version == 4:
            return None
        database = Database(self._state.context, lambda key: self._flood_last(link, database, key))
        link = RunningArea(area.number, area.settings, database, family=area.family)
        return link

    def _flood_last(self, area: RunningArea | None, database: Database, key: LsaKey) -> None:
        state, entry = self._state, database.expire(key)
        if area is not None and entry is not None:
            self._flooding.originate(area, entry.lsa.parse(entry.lsa.at_age(entry.age(state.context.now))))

    def drop_empty(self) -> list[int]:
        """Drop areas without interfaces; returns their numbers."""
        state = self._state
        used = {interface.area.number for interface in state.interfaces.values()}
        empty = [area for number, area in state.areas.items() if number not in used]
        for area in empty:
            self._origination.drop_area(area)
            self._summaries.forget_area(area.number)
            area.database.close()
            del state.areas[area.number]
            state.request_calculation()
            self._externals.refresh_all()
            self._topology.describe_all()
        return [area.number for area in empty]


# ------------------------------------------------------------------------------------------------ interfaces


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
        origination: Origination,
    ) -> None:
        self._state = state
        self._context = state.context
        self._origination = origination
        self._sender = sender
        self._flooding = flooding
        self._externals = externals
        self._topology = topology
        self._areas = areas
        self._adjacencies = adjacencies
        self._hellos = hellos
        self._covered = Covered(RouteSource.OSPF, str(state.number), state.family.version)

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
        family = self._state.family
        return state.line and state.runs(family.version) and family.address(state) is not None and not shut

    def begin(
        self, state: IpInterface, settings: Settings, far_end: FarEnd | None = None, cost: int | None = None
    ) -> None:
        """Begin on an interface. far_end, cost: of a virtual link."""
        family, area = self._state.family, self._areas.get(settings.area.number)
        address = family.address(state)
        if address is None:
            return
        interface = OspfInterface(
            name=state.name,
            state=state,
            settings=settings,
            area=area,
            address=address,
            identity=address if isinstance(address, IPv4Address) else self._state.router_id,
            number=address if isinstance(address, IPv4Address) else self._state.number_of(state.name),
            mtu=family.mtu(state),
            link=self._areas.link(area),
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
            self._context.emit(silent(self._state.number, state.name, settings.obstacle))
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
        if interface.link is not None:
            self._topology.network_changed(interface)
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
        # Timers that run end as the new intervals say, which may be much shorter.
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
            version = self._state.family.version
            networks = tuple(Prefix.of(address, length) for address, length in interface.state.routed(version))
            self._context.emit(*self._covered.tell(interface.name, networks))

    def _costs(self, settings: Settings) -> dict[IPAddress, int]:
        """Return the costs of the paths to single neighbors, on networks where each pair is a link."""
        neighbors = settings.neighbors if settings.is_multipoint else ()
        return {each.address: each.cost for each in neighbors if each.cost is not None}

    def end(self, name: str, why: str) -> None:
        """Stop OSPF on an interface."""
        interface = self._state.interfaces[name]
        self._adjacencies.lose_all(interface, why)
        interface.move(InterfaceMove.GOES_DOWN)
        interface.calls.end()
        if interface.link is not None:
            self._origination.withdraw(interface.link, LsaKey(LsaType.LINK, interface.number, self._state.router_id))
            interface.link.database.close()
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


def _length(state: IpInterface, family: Family) -> int:
    return state.prefix_length if family.version == 4 else 0


def _must_restart(interface: OspfInterface, state: IpInterface, settings: Settings) -> bool:
    """Return whether the interface must restart as a new link."""
    old = interface.settings
    family = interface.area.family
    before = (interface.address, _length(interface.state, family), interface.area.number)
    now = (family.address(state), _length(state, family), settings.area.number)
    kinds = (old.network, old.passive, old.filter_database, old.obstacle, old.area.kind) != (
        settings.network,
        settings.passive,
        settings.filter_database,
        settings.obstacle,
        settings.area.kind,
    )
    return before != now or kinds


# ------------------------------------------------------------------------------------------------ virtual links


class VirtualLinks:
    """The virtual links of one process. An interface is there while the other end is reached."""

    def __init__(self, state: State, topology: Topology, links: Links) -> None:
        self._state = state
        self._topology = topology
        self._links = links

    def reconfigure(self) -> bool:
        """Apply other lines: a link whose lines are gone or changed is removed, and comes back with a calculation.

        Returns whether one went, so that a calculation is needed.
        """
        went = False
        wanted = {link.lines.name: self._settings(link) for link in self._state.settings.virtual_links}
        ends = {link.lines.name: (link.area, link.router) for link in self._state.settings.virtual_links}
        for interface, end in list(self._state.virtual_links()):
            is_same = ends.get(interface.name) == (end.area, end.router)
            if not is_same or wanted[interface.name] != interface.settings:
                self._links.end(interface.name, UNREACHABLE)
                went = True
        return went

    def follow(self, area: RunningArea, graph: Graph) -> None:
        """Follow the new shortest paths within an area for the links through it."""
        for link in self._state.settings.virtual_links:
            if link.area == area.number and area.number and area.tree is not None:
                self._follow(link, area.tree, graph if area.takes_externals else None)

    def _follow(self, link: VirtualLink, tree: Tree, graph: Graph | None) -> None:
        """Follow the paths of one area; graph: None: no link leads through the area, which is a stub or an NSSA."""
        reached, interface = tree.routers.get(link.router), self._state.interfaces.get(link.lines.name)
        address = graph.address_of(link.router, tree) if graph is not None and reached is not None else None
        out = self._way_out(reached, interface) if reached is not None else None
        if reached is None or address is None or out is None or reached.cost >= LAST_RESORT:
            if interface is not None:
                self._links.end(interface.name, UNREACHABLE)
            return
        far_end = FarEnd(link.router, address, link.area, reached.hops)
        if interface is None:
            state = replace(out.state, name=link.lines.name)
            self._links.begin(state, self._settings(link), far_end, reached.cost)
        elif interface.lead_by(replace(out.state, name=interface.name), out.number, far_end, reached.cost):
            self._topology.describe(interface.area)

    def _way_out(self, reached: Reached, interface: OspfInterface | None) -> OspfInterface | None:
        """Return the interface on the path: of several the one with the address that the link has."""
        there = self._state.interfaces  # a hop's interface may be gone since the calculation began
        found = [there[hop.interface] for hop in reached.hops if hop.interface in there]
        kept = (each for each in found if interface is not None and each.address == interface.address)
        return next(kept, found[0] if found else None)

    def _settings(self, link: VirtualLink) -> Settings:
        """Return the settings of a link: it is a part of the backbone, whatever the process says of interfaces."""
        made = settings_of(self._state.settings, link.lines, 0, self._state.key_chains)
        return replace(made, passive=False, suppress_prefixes=False, bfd=False, least_ttl=0)
