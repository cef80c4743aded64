"""Route leaks of a lab: pairs of interfaces between the network namespaces of two VRFs (`leak_ends`), and translation
there.

Each way from a VRF, which is an interface of another one and a next hop there, has a pair of its own, as long as a
route takes it. So a packet takes exactly that way, and is looked up once. The MTU of a pair is that of the interface:
a packet too big is answered in the VRF of its sender.

    hold, release    a route is about to take a way, or no longer does
    refresh          an interface may have moved, have come or gone, or have another MTU
    leave, settle    a VRF is about to be removed, and was

Each VRF translates what leaves by its own interfaces. What comes from another VRF, by a route leak, comes by a pair,
and the rules of that VRF are for the pair. There it cannot be seen any more where a packet came in, so the near end
takes only what came in by an inside interface, if there are rules: nothing passes a translating interface beside them.
A pair is used only after its rules are in force.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial
from typing import Final

from dmvpn.base.effects import NextHop, SetTranslation, in_table
from dmvpn.base.errors import UserError
from dmvpn.base.events import EffectFailed, Event
from dmvpn.base.ports import table_named
from dmvpn.base.translation import FlowFilter, Translations
from dmvpn.base.values import Value
from dmvpn.dataplane import netlink
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.userspace.leak_ends import BEYOND, device
from dmvpn.dataplane.userspace.links import InterfaceNames
from dmvpn.dataplane.userspace.routes import LeakWays, Way
from dmvpn.dataplane.userspace.translation_rules import FromVrfs
from dmvpn.dataplane.userspace.vrf_devices import Places
from dmvpn.dataplane.userspace.vrfs import Part, VrfParts

# ------------------------------------------------------------------------------------------------ leaks


#: Octets of the largest IP packet: a pair without an interface of its own.
_LARGEST: Final = 65535


class Pair(Value):
    """The pair of one way. to: the VRF of its far end. index: of its near end."""

    way: Way
    number: int
    to: str
    index: int


class RouteLeaks:
    """The pairs of one router."""

    def __init__(
        self, part: Callable[[str], Part], places: Places, vrf_of: Callable[[str], str], report: Callable[[Event], None]
    ) -> None:
        """part: of a VRF; raises UserError. vrf_of: the VRF of an interface."""
        self._part = part
        self._places = places
        self._vrf_of = vrf_of
        self._report = report
        self._routes: dict[Way, int] = {}
        self._pairs: dict[Way, Pair] = {}
        self._numbers = itertools.count(1)
        #: Called before a route takes a new pair, and after one is gone. Raises OSError, UserError.
        self.changed: Callable[[], None] = _nothing

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs.values())

    def in_vrf(self, vrf: str) -> LeakWays:
        """Return the ways for the routes of a VRF."""
        return _OfVrf(self, vrf)

    def hold(self, way: Way) -> None:
        """Let there be a way for one more route; its pair is made with the first one. Raises UserError, OSError."""
        self._routes[way] = self._routes.get(way, 0) + 1
        if way not in self._pairs:
            self._make(way)

    def hop(self, way: Way, weight: int) -> netlink.KernelNextHop:
        """Return the way out of the near end of its pair. Raises UserError."""
        pair = self._pairs.get(way)
        if pair is None:
            raise UserError(f"{way.interface or way.to} is in no other VRF")
        return netlink.KernelNextHop(pair.index, BEYOND, onlink=True, weight=weight)

    def release(self, way: Way) -> None:
        """Take in that one route fewer takes this way; the pair goes with the last one."""
        self._routes[way] -= 1
        if not self._routes[way]:
            del self._routes[way]
            self._remove(way)

    def refresh(self, interface: str) -> None:
        """Let the ways by this interface be as it is now: it may have moved, have gone, or have another MTU."""
        for way, pair in list(self._pairs.items()):
            if way.interface == interface:
                if self._vrf_of(interface) == pair.to:
                    self._follow(pair)
                else:
                    self._suspend(way)
                    self._again(way)

    def leave(self, vrf: str) -> None:
        """Remove the pairs of a VRF that is removed; routes to there are unreachable until they are ordered again."""
        for way, pair in list(self._pairs.items()):
            if pair.to == vrf and way.vrf != vrf:
                self._suspend(way)
            elif way.vrf == vrf:
                self._remove(way)
        self._routes = {way: count for way, count in self._routes.items() if way.vrf != vrf}

    def settle(self) -> None:
        """Make pairs for routes that have none: their interfaces are in other VRFs now."""
        for way in [way for way in self._routes if way not in self._pairs]:
            self._again(way)

    def close(self) -> None:
        """Remove all pairs."""
        for way in list(self._pairs):
            self._remove(way)

    # ------------------------------------------------------------------------------------------------ pairs

    def _make(self, way: Way) -> None:
        to = self._vrf_of(way.interface) if way.interface else way.to
        if to == way.vrf:
            raise UserError(f"{way.interface or 'the next hop'} is in no other VRF")
        far, near, number = self._part(to), self._part(way.vrf), next(self._numbers)
        name = device(number)
        here, there = (self._places.backend(vrf).arrival.namespace for vrf in (way.vrf, to))
        mtu = far.kernel.mtu_of(way.interface) if way.interface else _LARGEST
        with netlink.NetlinkSocket() as kernel:
            ends = (netlink.VethEnd(name=name, namespace=space) for space in (here, there))
            kernel.call(netlink.create_veth(*ends))
        try:
            pair = Pair(way, number, to, near.kernel.leaks.depart(number, mtu))
            self._pairs[way] = pair
            far.kernel.leaks.arrive(number, mtu, exact=bool(way.interface))
            for vrf, part in ((to, far), (way.vrf, near)):  # before any packet takes the pair
                part.kernel.leaks.lost = partial(self._lose, vrf)
                with self._places.at(vrf):
                    part.kernel.leaks.put()
            self._follow(pair)
            self.changed()
        except BaseException:
            self._remove(way)
            raise

    def _follow(self, pair: Pair) -> None:
        """Let the far end lead out of its interface, and both ends have its MTU."""
        way = pair.way
        if not way.interface:
            return
        far = self._part(pair.to)
        mtu = far.kernel.mtu_of(way.interface)
        for part in (self._part(way.vrf), far):
            part.kernel.leaks.set_mtu(pair.number, mtu)
        far.kernel.leaks.lead(pair.number, far.kernel.hop_by(way.interface, way.address))

    def _remove(self, way: Way) -> None:
        pair = self._pairs.pop(way, None)
        if pair is None:
            return
        for vrf in (way.vrf, pair.to):
            with suppress(UserError), self._places.at(vrf):  # the VRF is gone
                self._part(vrf).kernel.leaks.remove(pair.number)
        with suppress(UserError, OSError):  # rules about devices that are gone do no harm
            self.changed()

    def _lose(self, vrf: str) -> None:
        """Make the pairs of a VRF again, whose rules are gone: without them packets pass beside a translation."""
        lost = [way for way, pair in self._pairs.items() if vrf in (way.vrf, pair.to)]
        for act in (self._suspend, self._again):
            for way in lost:
                act(way)

    def _suspend(self, way: Way) -> None:
        """Remove a pair whose routes stay: they are unreachable, and no shorter route takes their packets."""
        self._part(way.vrf).kernel.routes.suspend(way.takes)
        self._remove(way)

    def _again(self, way: Way) -> None:
        """Carry out the orders of routes again that were suspended."""
        with self._places.at(way.vrf):
            refused = self._part(way.vrf).kernel.routes.again(way.takes)
        for order, error in refused:
            self._report(EffectFailed(in_table(way.vrf, order), error.errno or 0, error.strerror or str(error)))


class _OfVrf:
    """The ways of the routes of one VRF."""

    def __init__(self, leaks: RouteLeaks, vrf: str) -> None:
        self._leaks = leaks
        self._vrf = vrf

    def hold(self, hop: NextHop) -> None:
        """Let there be a way for one more route. Raises UserError, OSError."""
        self._leaks.hold(Way.of(self._vrf, hop))

    def hop(self, hop: NextHop) -> netlink.KernelNextHop:
        """Return a way that is held. Raises UserError."""
        return self._leaks.hop(Way.of(self._vrf, hop), hop.weight)

    def release(self, hop: NextHop) -> None:
        """Take in that one route fewer takes it."""
        self._leaks.release(Way.of(self._vrf, hop))


def _nothing() -> None:
    pass


# --------------------------------------------------------------------------------------------- translation between VRFs


class VrfTranslation:
    """Carries out `SetTranslation` in all VRFs."""

    def __init__(
        self,
        vrfs: VrfParts,
        places: Places,
        leaks: RouteLeaks,
        names: InterfaceNames,
        vrf_of: Callable[[str], str],
        report: Callable[[Event], None],
    ) -> None:
        """vrf_of: the VRF of an interface."""
        self._vrfs = vrfs
        self._places = places
        self._leaks = leaks
        self._names = names
        self._vrf_of = vrf_of
        self._report = report
        self._order = SetTranslation()
        #: What each VRF was ordered last.
        self._applied: dict[str, tuple[SetTranslation, FromVrfs]] = {}
        leaks.changed = self._apply

    def set(self, order: SetTranslation) -> None:
        """Apply this order. Raises EffectError, UserError."""
        self._order = order
        self._applied.clear()
        self._apply()
        devices = self._places.has_devices
        uses = [(one.outside, one.vrf) for one in order.rules]
        uses += [(outside, one.vrf) for one in order.statics for outside in order.outside]
        for outside, vrf in uses:
            if devices and self._vrf_of(outside) != vrf:
                text = f"no NAT from {table_named(vrf)} to {outside}, which is in another table"
                raise EffectError(order, errno.EOPNOTSUPP, text)
            if vrf and devices:
                text = f"no NAT in VRF {vrf}, which is a VRF device of the kernel"
                raise EffectError(order, errno.EOPNOTSUPP, text)

    def refresh(self) -> None:
        """Apply the order where interfaces have moved."""
        if self._order == SetTranslation():
            return
        try:
            self._apply()
        except (OSError, UserError) as error:
            self._report(EffectFailed(self._order, 0, str(error)))

    def left(self, vrfs: Collection[str]) -> None:
        """Apply the order to the interfaces of VRFs that were removed: they are in the global table."""
        self._applied = {vrf: one for vrf, one in self._applied.items() if vrf not in vrfs}
        self.refresh()

    def clear_flows(self, meant: FlowFilter | None = None) -> None:
        """Remove these translated flows, None: all. Raises HostProblem."""
        for part in self._vrfs:
            part.kernel.translation.clear_flows(meant, part.vrf)

    def translations(self) -> Translations:
        """Return the live flows, and the counters."""
        found = [part.kernel.translation.translations(part.vrf) for part in tuple(self._vrfs)]
        flows = tuple(flow for one in found for flow in one.flows)
        counts = ((one.hits, one.misses, one.refused) for one in found)
        return Translations(flows, *map(sum, zip((0, 0, 0), *counts, strict=True)))

    def _apply(self) -> None:
        """Order the changed translations. Raises UserError, OSError."""
        try:
            for part in self._vrfs:
                if not part.vrf or not self._places.has_devices:
                    self._apply_in(part)
        except BaseException:
            self._admit(closed=True)
            raise
        self._admit()

    def _apply_in(self, part: Part) -> None:
        order, here = self._order, part.vrf
        inside = tuple(name for name in order.inside if self._vrf_of(name) == here)
        rules = tuple(one for one in order.rules if self._vrf_of(one.outside) == here)
        if self._places.has_devices:
            rules = tuple(one for one in rules if one.vrf == here)
        outside = tuple(name for name in order.outside if self._vrf_of(name) == here)
        statics = order.statics if outside else ()
        if self._places.has_devices:
            statics = tuple(one for one in statics if one.vrf == here)
        uses = [(one.outside, one.vrf) for one in rules] + [(name, one.vrf) for one in statics for name in outside]
        from_vrfs = {use: self._pairs(*use) for use in uses if use[1] != here}
        aliases = order.aliases if outside else ()
        wanted = SetTranslation(inside, rules, outside, statics, aliases, order.own), from_vrfs
        if self._applied.get(here) != wanted:
            self._applied.pop(here, None)
            part.kernel.translation.lost = self._lose
            with self._places.at(here):
                part.kernel.translation.set(*wanted)
            self._applied[here] = wanted

    def _lose(self, problem: HostProblem) -> None:
        """Report that a VRF does not translate any more, until the order is given again."""
        with suppress(OSError, UserError):
            self._admit(closed=True)
        self._report(EffectFailed(self._order, 0, str(problem)))

    def _pairs(self, outside: str, vrf: str) -> tuple[str, ...]:
        found = (pair for pair in self._leaks if (pair.way.interface, pair.way.vrf) == (outside, vrf))
        return tuple(device(pair.number) for pair in found)

    def _admit(self, *, closed: bool = False) -> None:
        """Let near ends take the packets that their far ends translate; closed: the far ends do not translate as they
        should.
        """
        order = self._order
        translating = {(one.outside, one.vrf) for one in order.rules} | {  # looked up, never iterated
            (name, one.vrf) for one in order.statics for name in order.outside
        }
        for pair in self._leaks:
            vrf = pair.way.vrf
            inside: tuple[str, ...] | None = None
            if (pair.way.interface, vrf) in translating:
                those = () if closed else order.inside
                inside = tuple(self._names.linux(name) for name in those if self._vrf_of(name) == vrf)
            with self._places.at(vrf):
                self._vrfs.part(vrf).kernel.leaks.translate(pair.number, inside)
