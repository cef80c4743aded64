"""The shared state of one process: its lines, its identifier, its areas, interfaces and databases; and what happened.

It calls no part. `machine` writes the lines and the identifier, `links` areas and interfaces, and `calculation` its
result.

`History` has recent actions of a process, for `show ip ospf statistics` and `events`: bounded, and used only there.

`Throttle`: not too often; the first time soon, and then each time later, as long as it does not get quiet. IOS-XE 17
does so with the calculation of routes (`timers throttle spf`, 50 200 5000 ms) and with the making of each of its own
advertisements (`timers throttle lsa`, the same numbers), where RFC 2328 has MinLSInterval, five seconds.

Two routers that redistribute the same routes may each withdraw a route as soon as they receive the other's LSA, and
originate it again when the other router has withdrawn its own. With equal delays this would never end: so a router at
the maximum delay waits a little less, at random.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import field
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.context import Context, Timer
from dmvpn.base.credentials import KeyChain
from dmvpn.base.effects import NextHop
from dmvpn.base.entropy import fraction
from dmvpn.base.pages import Pages
from dmvpn.base.values import Mutable, Value
from dmvpn.features.ospf.interface import FarEnd, Neighbor, OspfInterface
from dmvpn.features.ospf.lsa import EVERYWHERE, UNKNOWN_EVERYWHERE, Database, Lsa, LsaHeader, LsaType, VertexId
from dmvpn.features.ospf.model import Area, AreaKind, Family, Interface, MaximumMetric, OspfConfig, ProcessSettings
from dmvpn.features.ospf.prefixes import stations
from dmvpn.features.ospf.spf import Active, FirstHops, Hops, OspfRoute, Reached, RunningArea

# ------------------------------------------------------------------------------------------------ recent actions


_RUNS: Final = 10
_EVENTS: Final = 256
#: How `show ip ospf statistics` calls what made a calculation necessary.
_LETTERS: Final = {
    LsaType.ROUTER: "R",
    LsaType.NETWORK: "N",
    LsaType.SUMMARY: "SN",
    LsaType.BORDER_SUMMARY: "SA",
    LsaType.EXTERNAL: "X",
    LsaType.NSSA_EXTERNAL: "X",
}


class Run(Value):
    """A calculation. at: seconds monotonic. networks: routes that it found. reasons: "R", "N", "SN", "SA", "X"."""

    at: float
    networks: int
    reasons: tuple[str, ...]


class History(Mutable):
    """The last calculations, and the last events: seconds monotonic, and a text or the advertisement that changed."""

    runs: deque[Run] = field(default_factory=lambda: deque(maxlen=_RUNS))
    events: deque[tuple[float, str | LsaHeader]] = field(default_factory=lambda: deque(maxlen=_EVENTS))
    _reasons: dict[str, None] = field(default_factory=dict)

    def changed(self, now: float, header: LsaHeader) -> None:
        """Note that the database says another thing."""
        self.events.append((now, header))
        letter = _LETTERS.get(LsaType(header.type)) if header.type in _KNOWN else None
        if letter is not None:
            self._reasons[letter] = None

    def note(self, now: float, text: str) -> None:
        """Note that something happened."""
        self.events.append((now, text))

    def calculated(self, now: float, networks: int) -> None:
        """Note that a calculation is done."""
        self.runs.append(Run(now, networks, tuple(self._reasons)))
        self._reasons.clear()

    def clear_history(self) -> None:
        """Forget both."""
        self.runs.clear()
        self.events.clear()


_KNOWN: Final = frozenset(int(kind) for kind in LsaType)


# ------------------------------------------------------------------------------------------------ pauses that double


#: Milliseconds before the first time, between two times, and at most between two times: the defaults of IOS.
TIMES: Final = (50, 200, 5000)
#: By how much of it the longest pause may be shorter.
_JITTER: Final = 0.25


class Throttle:
    """When something is done that was requested. timer: does it, and calls `begin` first."""

    __slots__ = ("_context", "_last", "_pause", "_timer")

    def __init__(self, context: Context, timer: Timer) -> None:
        self._context = context
        self._last = float("-inf")
        self._pause = 0.0
        self._timer = timer

    @property
    def is_waiting(self) -> bool:
        """Whether a run was requested and is still pending."""
        return self._context.is_running(self._timer)

    @property
    def due(self) -> float | None:
        """Return when it will be done, monotonic seconds; None: it was not requested."""
        return self._context.timers.when(self._timer)

    def request(self, times: tuple[int, int, int] = TIMES) -> None:
        """Request the work: it is done after the pause that the throttle demands. times: milliseconds, see `TIMES`."""
        if self.is_waiting:
            return
        start, hold, most = (milliseconds / 1000 for milliseconds in times)
        quiet = self._context.now - self._last
        if quiet > 2 * self._pause:
            self._pause = hold
            self._context.start(self._timer, start)
        else:
            is_longest = self._pause >= most
            pause = self._pause * (1 - _JITTER * fraction(self._context.ports.entropy)) if is_longest else self._pause
            self._context.start(self._timer, max(0.0, pause - quiet))
            self._pause = min(2 * self._pause, most)

    def stop(self) -> None:
        """Drop the request."""
        self._context.stop(self._timer)

    def begin(self) -> None:
        """Note that the work begins now, because the timer fired."""
        self._last = self._context.now


# ------------------------------------------------------------------------------------------------ the state


class CalculationResult(Mutable, eq=False):
    """The result of the calculation so far.

    borders: routers at the borders of areas and of OSPF, with the area of the path to them. active: ranges that hold a
    network.
    """

    routes: dict[Prefix, OspfRoute] = field(default_factory=dict)
    borders: dict[IPv4Address, tuple[int, Reached]] = field(default_factory=dict)
    active: Active = field(default_factory=dict)


class State(Mutable, eq=False):
    """The state of one process.

    own: the `ip ospf` lines, by interface. spf: when the next calculation begins. startup: runs while the router is a
    last resort because it has just started. externals: the database of LSAs that are flooded everywhere. router_id:
    0.0.0.0 while no interface gives one, and then nothing runs. numbers: of interfaces, as version 3 names them; they
    are kept while the process lives.
    """

    context: Context
    settings: ProcessSettings
    key_chains: Pages[KeyChain]
    own: dict[str, Interface]
    externals: Database
    spf: Throttle
    startup: Timer
    family: Family
    router_id: IPv4Address = UNSPECIFIED
    numbers: dict[str, IPv4Address] = field(default_factory=dict)
    areas: dict[int, RunningArea] = field(default_factory=dict)
    interfaces: dict[str, OspfInterface] = field(default_factory=dict)
    history: History = field(default_factory=History)
    found: CalculationResult = field(default_factory=CalculationResult)

    # ------------------------------------------------------------------------------------------------ lines

    def configure(self, settings: ProcessSettings, config: OspfConfig) -> None:
        """Take other lines."""
        self.settings, self.key_chains = settings, config.key_chains
        self.own = own_lines(config)

    @property
    def number(self) -> int:
        """The number of the process, which no other router knows."""
        return self.settings.number

    @property
    def arrival(self) -> float:
        """For how many seconds an instance has to be here before a newer one is taken."""
        return self.settings.lsa_arrival / 1000

    def own_of(self, name: str) -> Interface:
        """Return the `ip ospf` lines of an interface."""
        return self.own.get(name) or Interface(name=name)

    def area_settings(self, number: int) -> Area:
        """Return the lines of an area."""
        return next((area for area in self.settings.areas if area.number == number), Area(number=number))

    @property
    def last_resort(self) -> MaximumMetric | None:
        """The metrics to advertise while other routers are to avoid this one; None: they need not."""
        resort = self.settings.maximum_metric
        over = resort is not None and resort.on_startup is not None and not self.context.is_running(self.startup)
        return None if over else resort

    @property
    def startup_left(self) -> float | None:
        """Seconds of the time after the start in which we are a last resort; None: it is over, or there is none."""
        until = self.context.timers.when(self.startup)
        return None if until is None else until - self.context.now

    # ------------------------------------------------------------------------------------------------ roles

    @property
    def is_border(self) -> bool:
        """Whether it joins other areas to the backbone; a virtual link counts while the router at its end is full."""
        if 0 not in self.areas or len(self.areas) < 2:
            return False
        mine = [interface for interface in self.interfaces.values() if not interface.area.number]
        return not mine or any(interface.far_end is None or interface.full for interface in mine)

    @property
    def has_backbone(self) -> bool:
        """Whether it joins other areas to the backbone, and has a full neighbor there (RFC 3509 §2.1)."""
        return self.is_border and any(one.full for one in self.interfaces.values() if not one.area.number)

    @property
    def is_provider_edge(self) -> bool:
        """Whether it is the provider's router in a VRF, as on IOS without `capability vrf-lite`.

        It marks what it brings in from BGP by the DN bit, and uses no LSA with this mark (RFC 4576, RFC 4577 §4.2.5).
        """
        return bool(self.context.ports.vrf) and not self.settings.vrf_lite

    @property
    def redistributes(self) -> bool:
        """Whether lines of the process redistribute routes."""
        return bool(self.settings.redistributions) or self.settings.default_originate is not None

    @property
    def is_boundary(self) -> bool:
        """Whether it is a router at the border of OSPF; a border router of an NSSA is one, RFC 3101 §3.1."""
        nssas = any(area.settings.kind is AreaKind.NSSA for area in self.areas.values())
        return self.redistributes or (nssas and self.is_border)

    # ------------------------------------------------------------------------------------------------ neighbors

    def neighbors(self) -> Iterator[Neighbor]:
        """Yield all of them."""
        for interface in self.interfaces.values():
            yield from interface.neighbors.values()

    @property
    def is_exchanging(self) -> bool:
        """Whether a neighbor is in the middle of an exchange: advertisements at MAX_AGE are kept that long."""
        return any(each.exchanges and not each.is_full for each in self.neighbors())

    def number_of(self, interface: str) -> IPv4Address:
        """Return the number of an interface, RFC 5340 §4.1.2."""
        return self.numbers.setdefault(interface, IPv4Address(len(self.numbers) + 1))

    def has_address(self, address: IPAddress) -> bool:
        """Return whether this is an address of one of our interfaces."""
        return any(interface.address == address for interface in self.interfaces.values())

    def virtual_links(self) -> Iterator[tuple[OspfInterface, FarEnd]]:
        """Yield the virtual links that are up, with their other ends."""
        for interface in self.interfaces.values():
            if interface.far_end is not None:
                yield interface, interface.far_end

    def virtual_link_to(self, area: int, router: IPv4Address) -> OspfInterface | None:
        """Return the link through an area to a router; None: it is not configured, or not up."""
        ends = self.virtual_links()
        return next((interface for interface, end in ends if (end.area, end.router) == (area, router)), None)

    def first_hops(self) -> FirstHops:
        """Return the current next hops of our own links."""
        real = [interface for interface in self.interfaces.values() if interface.far_end is None]
        neighbors: dict[tuple[IPv4Address, VertexId], NextHop] = {
            (interface.number, neighbor.router): NextHop(interface.name, neighbor.address)
            for interface in real
            for neighbor in interface.full
        }
        virtual: dict[tuple[IPv4Address, VertexId], Hops] = {
            (interface.number, end.router): end.hops for interface, end in self.virtual_links()
        }
        names = {interface.number: interface.name for interface in real}
        return FirstHops(neighbors, names, virtual, stations(real) if self.family.version == 6 else None)

    # ------------------------------------------------------------------------------------------------ databases

    def database(self, area: RunningArea, kind: int) -> Database:
        """Return where advertisements of a type live that come by this area."""
        return self.externals if kind in EVERYWHERE or kind >> 13 == UNKNOWN_EVERYWHERE else area.database

    def databases(self, interface: OspfInterface) -> Iterator[Database]:
        """Yield all that neighbors on an interface are to know.

        Type 5 takes no virtual links, RFC 2328 §10.3, §13.3.
        """
        if interface.link is not None:
            yield interface.link.database
        yield interface.area.database
        if interface.area.takes_externals and interface.far_end is None:
            yield self.externals

    def scopes(self) -> Iterator[tuple[RunningArea | None, Database]]:
        """Yield all databases, with their areas."""
        for area in tuple(self.areas.values()):
            yield area, area.database
        if self.family.version == 6:
            for interface in tuple(self.interfaces.values()):
                if interface.link is not None:
                    yield interface.link, interface.link.database
        yield None, self.externals

    def flooded(self, area: RunningArea, kind: int) -> list[OspfInterface]:
        """Return the interfaces by which an advertisement of this type goes on."""
        if kind in EVERYWHERE or kind >> 13 == UNKNOWN_EVERYWHERE:
            return [each for each in self.interfaces.values() if each.area.takes_externals and each.far_end is None]
        return [each for each in self.interfaces.values() if each.area is area or each.link is area]

    def outgoing(self, lsa: Lsa, interface: OspfInterface) -> Lsa:
        """Return an advertisement as it leaves by an interface: as old as it is now, if it still holds."""
        area = interface.area if lsa.header.type != LsaType.LINK else interface.scope(LsaType.LINK)
        entry = self.database(area, lsa.header.type).get(lsa.key)
        if entry is not None and entry.lsa is lsa:
            return entry.outgoing(self.context.now, interface.settings.transmit_delay)
        return lsa

    def request_calculation(self) -> None:
        """Request a calculation, because its input may have changed."""
        self.spf.request(self.settings.spf_throttle)


def own_lines(config: OspfConfig) -> dict[str, Interface]:
    """Return the `ip ospf` lines, by interface."""
    return {own.name: own for own in config.interfaces}
