"""One OSPF process: its areas and interfaces, and the way of an event through its parts.

packet     -> authentic, of this area? -> hellos (who is there), exchange (what have they), flooding (what is new)
interface  -> neighbors lost or called -> origination (what we say of ourselves)
database   -> a calculation, soon -> routes -> offers
settle()   sends what an event made us tell, all together
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.context import Timer
from dmvpn.base.distribution import NOTHING
from dmvpn.features.ospf.adjacency import GIVEN_UP, INTERFACE_DOWN, RESET, Adjacencies
from dmvpn.features.ospf.area import RunningArea
from dmvpn.features.ospf.calculation import Calculation
from dmvpn.features.ospf.complaints import Complaints
from dmvpn.features.ospf.contents import network_body, router_body
from dmvpn.features.ospf.database import Database
from dmvpn.features.ospf.exchange import Exchange
from dmvpn.features.ospf.externals import Externals
from dmvpn.features.ospf.flooding import Flooding
from dmvpn.features.ospf.graceful import Helper
from dmvpn.features.ospf.hellos import Hellos
from dmvpn.features.ospf.history import History
from dmvpn.features.ospf.limit import LsaLimit
from dmvpn.features.ospf.links import Links
from dmvpn.features.ospf.lsa import EVERYWHERE, LsaKey, LsaType, RouterBody, RouterFlag
from dmvpn.features.ospf.messages import (
    FLOOD,
    NoRouterId,
    installed_line,
)
from dmvpn.features.ospf.model import Area, AreaKind, Interface, MaximumMetric
from dmvpn.features.ospf.offers import Offers
from dmvpn.features.ospf.origination import Origination
from dmvpn.features.ospf.receiver import Receiver
from dmvpn.features.ospf.retransmission import Retransmission
from dmvpn.features.ospf.sender import Sender
from dmvpn.features.ospf.settings import router_id
from dmvpn.features.ospf.states import InterfaceState
from dmvpn.features.ospf.summaries import Summaries
from dmvpn.features.ospf.virtual import VirtualLinks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.context import Context
    from dmvpn.base.notices import InterfaceState as InterfaceFacts
    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.lsa import Lsa
    from dmvpn.features.ospf.model import OspfConfig
    from dmvpn.features.ospf.model import Process as ProcessSettings

#: Seconds after which it is said that nothing names the process.
_PATIENCE: Final = 10.0


class Process:
    """One process. router_id: 0.0.0.0 while no interface gives one, and then nothing runs."""

    def __init__(self, settings: ProcessSettings, config: OspfConfig, context: Context) -> None:
        self.settings = settings
        self.context = context
        self.router_id: IPv4Address = UNSPECIFIED
        self.areas: dict[int, RunningArea] = {}
        self.links: Links = Links(self)
        self.interfaces: dict[str, OspfInterface] = self.links.interfaces
        self.history = History()
        self.externals = Database(context, lambda key: self._expired(None, key), self._arrival)
        self._startup = Timer(self._started)
        self.sender = Sender(self)
        self.complaints = Complaints(context, self.sender)
        self.adjacencies: Adjacencies = Adjacencies(self)
        self.hellos: Hellos = Hellos(self)
        self.exchange: Exchange = Exchange(self)
        self.retransmission: Retransmission = Retransmission(
            context,
            self.sender,
            outgoing=lambda lsa, interface: self.flooding.on_the_way(lsa, interface),
            give_up=lambda neighbor: self.adjacencies.lose(neighbor, GIVEN_UP),
            number=settings.number,
        )
        self.helper: Helper = Helper(self)
        self.flooding: Flooding = Flooding(self)
        self.origination: Origination = Origination(self)
        self.receiver: Receiver = Receiver(self)
        self.redistributor: Externals = Externals(self)
        self.summaries: Summaries = Summaries(self)
        self.virtual: VirtualLinks = VirtualLinks(self)
        self.offers: Offers = Offers(context, settings.number)
        self.limit = LsaLimit(self)
        self.calculation: Calculation = Calculation(self)
        self.key_chains = config.key_chains
        self._own = {own.name: own for own in config.interfaces}
        self._patience = Timer(lambda: context.out.append(NoRouterId.of(settings.number)))

    @property
    def number(self) -> int:
        """Its number, which nobody else knows."""
        return self.settings.number

    @property
    def is_border(self) -> bool:
        """Does it join other areas to the backbone? A virtual link counts while the router at its end is full."""
        if 0 not in self.areas or len(self.areas) < 2:
            return False
        mine = [interface for interface in self.interfaces.values() if not interface.area.number]
        return not mine or any(interface.far_end is None or interface.full for interface in mine)

    @property
    def is_exchanging(self) -> bool:
        """Is a neighbor in the middle of an exchange, so that what goes has to be kept for a while?"""
        return any(each.exchanges and not each.is_full for each in self.neighbors())

    def own(self, name: str) -> Interface:
        """Return the `ip ospf` lines of an interface."""
        return self._own.get(name) or Interface(name=name)

    def neighbors(self) -> Iterator[Neighbor]:
        """Yield all of them."""
        for interface in self.interfaces.values():
            yield from interface.neighbors.values()

    def has_address(self, address: IPv4Address) -> bool:
        """Return whether this is an address of an interface of ours."""
        return any(interface.address == address for interface in self.interfaces.values())

    # ------------------------------------------------------------------------------------------------ databases

    def database(self, area: RunningArea, kind: int) -> Database:
        """Return where advertisements of a type live that come by this area."""
        return self.externals if kind in EVERYWHERE else area.database

    def _arrival(self) -> float:
        """Return for how many seconds an instance has to be here before a newer one is taken."""
        return self.settings.lsa_arrival / 1000

    def databases(self, interface: OspfInterface) -> Iterator[Database]:
        """Yield all that neighbors on an interface are to know.

        Type 5 takes no virtual links, RFC 2328 §10.3, §13.3.
        """
        yield interface.area.database
        if interface.area.takes_externals and interface.far_end is None:
            yield self.externals

    def scopes(self) -> Iterator[tuple[RunningArea | None, Database]]:
        """Yield all databases, with their areas."""
        for area in tuple(self.areas.values()):
            yield area, area.database
        yield None, self.externals

    def flooded(self, area: RunningArea, kind: int) -> list[OspfInterface]:
        """Return the interfaces by which an advertisement of this type goes on."""
        if kind in EVERYWHERE:
            return [each for each in self.interfaces.values() if each.area.takes_externals and each.far_end is None]
        return [each for each in self.interfaces.values() if each.area is area]

    def database_changed(self, area: RunningArea, lsa: Lsa) -> None:
        """Note that the database says another thing than before."""
        self.history.changed(self.context.now, lsa.header)
        self.helper.changed(area, lsa)
        if self.context.ports.debugging.on(FLOOD):
            self.context.debug(installed_line(self.number, lsa.header))
        self.calculation.request()

    def _expired(self, number: int | None, key: LsaKey) -> None:
        """Forget one that nobody has refreshed."""
        area = self.areas[number] if number is not None else next(iter(self.areas.values()), None)
        if area is not None:
            entry = self.database(area, key.type).get(key)
            if entry is not None:
                self.flooding.originate(area, entry.lsa.parse(entry.lsa.at_age(entry.age(self.context.now))))

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Begin on all interfaces that there are; without a router identifier wait for one."""
        if self.limit.is_ignoring:
            return
        states = self.context.ports.interfaces.all()
        found = router_id(self.settings, states)
        if found is None:
            if not self.context.is_running(self._patience):
                self.context.start(self._patience, _PATIENCE)
            return
        self.context.stop(self._patience)
        self.router_id = found
        resort = self.settings.maximum_metric
        if resort is not None and resort.on_startup is not None:
            self.context.start(self._startup, resort.on_startup)
        for state in states:
            self.links.changed(state.name, state)

    @property
    def last_resort(self) -> MaximumMetric | None:
        """Is nobody to go through us who can help it, and what is told so?"""
        resort = self.settings.maximum_metric
        over = resort is not None and resort.on_startup is not None and not self.context.is_running(self._startup)
        return None if over else resort

    @property
    def startup_left(self) -> float | None:
        """Seconds of the time after the start in which we are a last resort; None: it is over, or there is none."""
        until = self.context.timers.when(self._startup)
        return None if until is None else until - self.context.now

    def _started(self) -> None:
        """Note that the time after the start is over in which we were a last resort."""
        self.describe_all()
        self.redistributor.refresh_all()
        self.calculation.request()

    def lists_changed(self) -> None:
        """Access lists, prefix lists or route maps say another thing."""
        self.redistributor.refresh_all()
        if self.settings.distribution != NOTHING:
            self.calculation.offer()
        if any(area.settings.filter_in or area.settings.filter_out for area in self.areas.values()):
            self.calculation.request()

    def interface_changed(self, name: str, state: InterfaceFacts | None) -> None:
        """Note that an interface came, went, or is different now."""
        if self.router_id == UNSPECIFIED:
            self.start()
        else:
            self.links.changed(name, state)

    def reconfigure(self, settings: ProcessSettings, config: OspfConfig) -> None:
        """Obey other lines that keep the router identifier."""
        old, self.settings = self.settings, settings
        self.key_chains = config.key_chains
        self._own = {own.name: own for own in config.interfaces}
        self.limit.configure(old)
        if self.router_id == UNSPECIFIED:
            self.start()
            return
        for number, area in self.areas.items():
            area.configure(self.area_settings(number))
        links_went = self.virtual.reconfigure()
        states, known = self.context.ports.interfaces.all(), [*self.interfaces.values()]
        real = [interface.name for interface in known if interface.far_end is None]
        for name in dict.fromkeys((*real, *(state.name for state in states))):
            self.links.changed(name, self.context.ports.interfaces.get(name))
        self.describe_all()
        self.redistributor.refresh_all()
        if _offering(old) != _offering(settings):
            self.calculation.offer()
        before_it = (old.areas, old.maximum_metric, old.virtual_links)
        if links_went or before_it != (settings.areas, settings.maximum_metric, settings.virtual_links):
            self.calculation.request()

    def close(self) -> None:
        """End the process: our advertisements are taken back, neighbors are lost, so are the routes."""
        self.origination.close(tell=True)
        self.redistributor.forget()
        self.flooding.settle()
        self.limit.clear()
        self._remove_all(INTERFACE_DOWN)
        self.calculation.stop()
        for timer in (self._patience, self._startup):
            self.context.stop(timer)
        for _, database in self.scopes():
            database.close()
        self.offers.retract_all()

    def clear(self) -> None:
        """Clear the process (`clear ip ospf process`): give all neighbors up, forget everything, begin again."""
        self.limit.clear()
        self.halt()
        self.start()

    def halt(self) -> None:
        """Give all neighbors up and forget everything; `start` begins again."""
        self.origination.close(tell=True)
        self.flooding.settle()
        self._remove_all(RESET)
        for _, database in self.scopes():
            database.close()
        self.calculation.forget()
        self.offers.retract_all()
        self.redistributor.forget()
        self.summaries.forget()
        self.calculation.stop()
        self.router_id = UNSPECIFIED

    def _remove_all(self, why: str) -> None:
        """Remove the interfaces, virtual links first: they go with the last interface of the area they lead through."""
        for name in sorted(self.interfaces, key=lambda name: self.interfaces[name].far_end is None):
            self.links.end(name, why)

    def settle(self) -> None:
        """Settle the event, which is over."""
        if self.router_id != UNSPECIFIED:
            self.flooding.settle()
            self.limit.check()

    # ------------------------------------------------------------------------------------------------ areas

    def area(self, number: int) -> RunningArea:
        """Return the area of this number, made if it is new."""
        area = self.areas.get(number)
        if area is None:
            database = Database(self.context, lambda key: self._expired(number, key), self._arrival)
            area = self.areas[number] = RunningArea(number, self.area_settings(number), database)
            self.areas = dict(sorted(self.areas.items()))
            self.redistributor.refresh_all()
            self.describe_all()
        return area

    def area_settings(self, number: int) -> Area:
        """Return the lines of an area."""
        return next((area for area in self.settings.areas if area.number == number), Area(number=number))

    def drop_empty_areas(self) -> None:
        """Drop areas without interfaces, which are none of ours."""
        used = {interface.area.number for interface in self.interfaces.values()}
        empty = [area for number, area in self.areas.items() if number not in used]
        for area in empty:
            self.origination.drop_area(area)
            self.summaries.forget_area(area.number)
            area.database.close()
            del self.areas[area.number]
            self.calculation.request()
            self.redistributor.refresh_all()
            self.describe_all()
        for area in empty:  # after all of them: links that go may leave the backbone empty
            self.virtual.drop_area(area.number)

    # ------------------------------------------------------------------------------------------------ our own

    def adjacency_changed(self, neighbor: Neighbor) -> None:
        """Note that a neighbor became full, or is not full any more."""
        state, name = neighbor.state.value, neighbor.interface.name
        self.history.note(self.context.now, f"Neighbor {neighbor.router} on {name} is {state}")
        self.network_changed(neighbor.interface)
        if neighbor.interface.far_end is not None:
            self.describe_all()  # we are a border router by it, and its area a transit area
            self.redistributor.refresh_all()
            self.calculation.request()

    def network_changed(self, interface: OspfInterface) -> None:
        """Describe this interface again: what we say of it may be another thing now."""
        self.describe(interface.area)
        self.redistributor.retell(interface.area)
        key = LsaKey(LsaType.NETWORK, interface.address, self.router_id)
        if interface.phase is InterfaceState.DESIGNATED:
            self.origination.request(interface.area, key, lambda: network_body(interface, self.router_id))
        else:
            self.origination.withdraw(interface.area, key)

    def describe(self, area: RunningArea) -> None:
        """Say of ourselves in an area what holds now."""
        key = LsaKey(LsaType.ROUTER, self.router_id, self.router_id)
        self.origination.request(area, key, lambda: self._router_body(area))

    def describe_all(self) -> None:
        """Describe the same in all areas."""
        for area in self.areas.values():
            self.describe(area)

    def _router_body(self, area: RunningArea) -> RouterBody:
        mine = [interface for interface in self.interfaces.values() if interface.area is area]
        tells = self.redistributor.is_active and area.settings.kind is not AreaKind.STUB
        flags = RouterFlag.EXTERNAL if tells else RouterFlag(0)
        flags |= self.virtual.lead_through(area)
        if self.is_border:
            flags |= RouterFlag.BORDER
            if area.settings.kind is AreaKind.NSSA and area.settings.nssa.always:
                flags |= RouterFlag.TRANSLATOR
        return router_body(mine, flags, self.last_resort)


def _offering(settings: ProcessSettings) -> tuple[object, ...]:
    """Return the lines that say what the routing table gets of what is known."""
    discards = (settings.discards_ranges, settings.discards_summaries)
    distances = (*settings.distances, settings.ranges_distance, settings.summaries_distance)
    return distances, settings.maximum_paths, settings.distribution, discards
