"""Our LSAs by type: router, network, summary and external ones. Each is originated again when it may have changed.

Router, network and summary LSAs, RFC 2328 §12.4.1 to §12.4.3: a router is a border router if it has interfaces in the
backbone and in another area. It originates summaries, and learns routes between areas from summaries (§16.2). It uses
summaries of the backbone alone, so that all paths between areas lead through the backbone and none in a circle; without
a full neighbor there it uses those of its other areas, and passes on nothing of them (RFC 3509 §2.2, as IOS).

External LSAs, type 5 everywhere, type 7 in each NSSA: RFC 2328 §12.4.4, RFC 3101.

    imports      redistributed routes of the routing table
    translated   type 7 LSAs that a border router translates
    _advertised  networks by prefix: of these, or a `summary-address` that holds some of them

A `summary-address` is advertised while it contains a network; its cost is that of its cheapest network, as on IOS.

The border router of an NSSA with the highest identifier translates, unless another one always translates. A router that
loses this role stops at once; RFC 3101 §3.1 lets it go on for 40 s. Both find out by the same advertisement, so the
outage is that of one flooding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from itertools import islice
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.notices import Route
from dmvpn.features.ospf.flooding import Origination, as_it_is, network_body, router_body, stubs_of
from dmvpn.features.ospf.interface import Neighbor, OspfInterface
from dmvpn.features.ospf.lsa import (
    INFINITY,
    LAST_RESORT,
    ExternalBody,
    InterAreaBody,
    Lsa,
    LsaKey,
    LsaType,
    Options,
    RouterFlag,
    SummaryBody,
)
from dmvpn.features.ospf.model import AreaKind, ExternalSummary
from dmvpn.features.ospf.neighbor import InterfaceState
from dmvpn.features.ospf.prefixes import link_body, network_prefixes, router_prefixes
from dmvpn.features.ospf.rib import Imports, Offers
from dmvpn.features.ospf.spf import SLICE, OspfRoute, Reached, RunningArea, WayKind, range_of
from dmvpn.features.ospf.state import State
from dmvpn.features.ospf.version3 import external_body, summary_body
from dmvpn.net.ipv4 import ipv4_address

# ------------------------------------------------------------------------------------------------ not-so-stubby areas


def body_inside(state: State, area: RunningArea, body: ExternalBody) -> ExternalBody:
    """Return the advertisement of an external route in an area: packets go to its next hop if that is in the area, else
    to us. A border router advertises the route as type 5 itself, so it names no address.
    """
    return replace(body, forwarding=_forwarding_in(state, area, body))


def options_inside(state: State, area: RunningArea, body: ExternalBody) -> int:
    """Return the options of that advertisement: P, so that a border router translates it, if it names an address; and
    DN.
    """
    translated = Options.NSSA if int(_forwarding_in(state, area, body)) else Options(0)
    return int(translated | (Options.DOWN if body.is_down else 0))


def _forwarding_in(state: State, area: RunningArea, body: ExternalBody) -> IPAddress:
    if state.is_border:
        return UNSPECIFIED
    mine = [each for each in state.interfaces.values() if each.area is area]
    if int(body.forwarding) and any(each.covers(body.forwarding) for each in mine):
        return body.forwarding
    # our highest address of a loopback in the area, else of all
    up = [each for each in mine if each.phase is not InterfaceState.DOWN]
    loopbacks = [each for each in up if each.is_loopback]
    if state.family.version == 6:
        addresses = [address for each in loopbacks or up for address, _ in each.state.routed(6)]
        return max(addresses, key=int, default=UNSPECIFIED)
    return max((each.address for each in loopbacks or up), key=int, default=UNSPECIFIED)


def translations(
    areas: Iterable[RunningArea], router_id: IPv4Address, routes: Mapping[Prefix, OspfRoute]
) -> dict[Prefix, ExternalBody]:
    """Return the type 5 LSAs into which we translate type 7 LSAs. routes: result of the last calculation.

    RFC 3101 §3.2.
    """
    found: dict[Prefix, ExternalBody] = {}
    for area in areas:
        if not area.translates(router_id):
            continue
        for key, entry in area.database.entries.items():
            body, prefix, options = entry.lsa.body, entry.lsa.prefix, entry.lsa.header.options
            holds = key.type == LsaType.NSSA_EXTERNAL and key.router != router_id and key not in area.database.dying
            if not holds or not options & Options.NSSA or prefix is None or not isinstance(body, ExternalBody):
                continue
            route = routes.get(prefix)
            chosen = route is not None and route.area == area.number and route.origin == key.router
            if chosen and int(body.forwarding) and body.metric < INFINITY:
                forwarding = UNSPECIFIED if area.settings.nssa.suppress_forwarding else body.forwarding
                is_down = bool(options & Options.DOWN)
                found[prefix] = replace(body, forwarding=forwarding, more=b"", spare=0, is_down=is_down)
    return found


# ---------------------------------------------------------------------------------------------- external advertisements


#: LSAs times neighbors that are sent in one event.
_TOGETHER: Final = 3200


class Externals:
    """The external routes that one process advertises."""

    def __init__(self, state: State, origination: Origination, offers: Offers) -> None:
        self._state = state
        self._origination = origination
        self._offers = offers
        self._imports = Imports(state)
        self._own: dict[Prefix, ExternalBody] = {}
        self._translated: dict[Prefix, ExternalBody] = {}
        self._parts: dict[Prefix, dict[Prefix, None]] = {}  # of summaries, ordered sets
        self._advertised: dict[Prefix, IPv4Address] = {}  # with the names of their advertisements
        self._taken: dict[IPv4Address, None] = {}  # these names, an ordered set
        self._last_name = 0
        self._pending: dict[Prefix, None] = {}  # what `_tell_rest` has still to look at, an ordered set

    def dropped(self) -> dict[Prefix, int]:
        """Return summaries that need a discard route to Null0, with their costs."""
        if not self._state.settings.discards_summaries:
            return {}
        return {each.prefix: body.metric for each, body in self.summed_up() if body is not None and each.advertise}

    def offer(self) -> None:
        """Update the offers to the routing table at once."""
        self._offers.renew(self.dropped())

    def summed_up(self) -> list[tuple[ExternalSummary, ExternalBody | None]]:
        """Return each `summary-address` with its LSA body, None: it contains no route."""
        return [(summary, self._summed_up(summary)) for summary in self._state.settings.summaries]

    # ------------------------------------------------------------------------------------------------ what changed

    def refresh_all(self) -> None:
        """Go through the whole routing table, because the lines, the areas or our identifier changed."""
        routes = self._state.context.ports.rib.routes() if self._state.redistributes else ()
        known = dict.fromkeys((*self._own, *(route.prefix for route in routes), self._state.family.default))
        self._own = {prefix: body for prefix in known if (body := self._imports.external_body(prefix)) is not None}
        self._parts = {summary.prefix: {} for summary in self._state.settings.summaries}
        for prefix in (*self._own, *self._translated):
            summary = self._summary_of(prefix)
            if summary is not None:
                self._parts[summary.prefix][prefix] = None
        is_telling = bool(self._pending)
        default = self._state.family.default
        self._pending.update(dict.fromkeys((*self._advertised, *self._own, *self._translated, *self._parts, default)))
        if not is_telling:
            self._state.context.work(self._tell_rest(), self._state)

    def _tell_rest(self) -> Iterator[None]:
        """Advertise pending prefixes, some in each event: all neighbors receive each."""
        while self._pending:
            neighbors = sum(len(interface.neighbors) for interface in self._state.interfaces.values())
            for prefix in list(islice(self._pending, max(1, min(SLICE, _TOGETHER // (neighbors + 1))))):
                del self._pending[prefix]
                self._tell(prefix)
            if self._pending:
                yield

    def route_changed(self, prefix: Prefix, route: Route | None) -> None:
        """Check a prefix with a new best route; the default route may depend on it."""
        if self._state.redistributes or self._advertised:
            self._put(self._own, prefix, self._imports.external_body(prefix))
        if self._imports.may_decide(prefix, route):
            default = self._state.family.default
            self._put(self._own, default, self._imports.external_body(default))

    def translate(self, found: Mapping[Prefix, ExternalBody]) -> None:
        """Set the networks that we take over from type 7."""
        for prefix in dict.fromkeys((*self._translated, *found)):
            if found.get(prefix) != self._translated.get(prefix):
                self._put(self._translated, prefix, found.get(prefix))

    def forget_routes(self) -> None:
        """Forget the advertised routes, because the process begins again or ends."""
        for state in (self._own, self._translated, self._parts, self._advertised, self._taken, self._pending):
            state.clear()

    def _put(self, known: dict[Prefix, ExternalBody], prefix: Prefix, body: ExternalBody | None) -> None:
        """Note this route, among our own or the translated ones, and advertise the consequences."""
        if body is not None:
            known[prefix] = body
        else:
            known.pop(prefix, None)
        summary = self._summary_of(prefix)
        if summary is None:
            self._tell(prefix)
            return
        parts = self._parts.setdefault(summary.prefix, {})
        if prefix in self._own or prefix in self._translated:
            parts[prefix] = None
        else:
            parts.pop(prefix, None)
        self._tell(summary.prefix)
        if summary.prefix in self._advertised and summary.prefix not in self._offers.offered:
            self.offer()

    # ------------------------------------------------------------------------------------------------ LSAs to originate

    def _summary_of(self, prefix: Prefix) -> ExternalSummary | None:
        """Return the most exact `summary-address` that a network is in."""
        if prefix.is_default:
            return None
        fitting = [each for each in self._state.settings.summaries if prefix in each.prefix]
        return max(fitting, key=lambda each: each.prefix.length, default=None)

    def _summed_up(self, summary: ExternalSummary, *, own: bool = False) -> ExternalBody | None:
        """Return the route of a summary, None: it contains no network. own: of our own networks only."""
        parts = self._parts.get(summary.prefix, ())
        translated = {} if own else self._translated
        found = (self._own.get(prefix) or translated.get(prefix) for prefix in parts)
        best = min(
            (body for body in found if body is not None), key=lambda body: (body.is_type_2, body.metric), default=None
        )
        if best is None:
            return None
        return external_body(summary.prefix, best.metric, best.is_type_2, tag=summary.tag, is_down=best.is_down)

    def _body(self, prefix: Prefix, *, own: bool = False) -> ExternalBody | None:
        """Return the route advertised for a prefix, None: it is not advertised. own: of our own routes only."""
        body, resort = self._found(prefix, own=own), self._state.last_resort
        return (
            body
            if body is None or resort is None or resort.externals is None
            else replace(body, metric=resort.externals)
        )

    def _found(self, prefix: Prefix, *, own: bool) -> ExternalBody | None:
        summary = self._summary_of(prefix)
        if summary is None:
            return self._own.get(prefix) or (None if own else self._translated.get(prefix))
        if summary.prefix != prefix or not summary.advertise:
            return None
        return self._summed_up(summary, own=own)

    def _tell(self, prefix: Prefix) -> None:
        """Advertise the present route for a prefix, which may have changed."""
        areas = self._state.areas.values()
        outside = next((area for area in areas if area.takes_externals), None)
        adverts = [(area, self._inside(area, prefix)) for area in areas if area.settings.kind is AreaKind.NSSA]
        if outside is not None:
            adverts.append((outside, self._body(prefix)))
        name = self._name(prefix, wanted=any(body is not None for _, body in adverts))
        if name is None:
            return
        for area, body in adverts:
            kind = LsaType.EXTERNAL if area.takes_externals else LsaType.NSSA_EXTERNAL
            key = LsaKey(kind, name, self._state.router_id)
            if body is None:
                self._origination.withdraw(area, key)
            elif kind is LsaType.EXTERNAL:
                self._origination.request(area, key, partial(as_it_is, body), partial(_options, body))
            else:
                build = partial(body_inside, self._state, area, body)
                self._origination.request(area, key, build, partial(options_inside, self._state, area, body))

    def _name(self, prefix: Prefix, *, wanted: bool) -> IPv4Address | None:
        """Return the name of its LSAs, None: it is not and was not advertised.

        If another network with the same address has its name, it is its last address (RFC 2328 Appendix E). Names of
        version 3 are numbers.
        """
        known = self._advertised.get(prefix)
        if not wanted:
            if known is not None:
                del self._advertised[prefix]
                del self._taken[known]
            return known
        if known is None and prefix.version == 6:
            self._last_name += 1
            known = self._advertised[prefix] = IPv4Address(self._last_name)
            self._taken[known] = None
        if known is None:
            first = ipv4_address(prefix.address.packed)
            last = IPv4Address(int(first) | int(prefix.wildcard))
            known = self._advertised[prefix] = last if first in self._taken else first
            self._taken[known] = None
        return known

    # ------------------------------------------------------------------------------------------------ type 7

    def _inside(self, area: RunningArea, prefix: Prefix) -> ExternalBody | None:
        """Return the type 7 body of a prefix in a not-so-stubby area. The default route is included if the area's own
        line asks for it.
        """
        if prefix.is_default:
            # An internal router originates it if it has a default route, RFC 3101 §2.7.
            settings = area.settings.nssa
            if not settings.default or not (self._state.is_border or self._imports.has_default()):
                return None
            return external_body(prefix, settings.metric, settings.metric_type == 2)
        if self._state.is_border and not area.settings.nssa.redistribute:
            return None
        return self._body(prefix, own=True)

    def lead_again(self) -> None:
        """Check next hops of redistributed routes: OSPF runs on another network now, or on one less."""
        for prefix, body in list(self._own.items()):
            now = self._imports.external_body(prefix)
            if now != body:
                self._put(self._own, prefix, now)

    def retell(self, area: RunningArea) -> None:
        """Originate again, because the interfaces in an area changed, and so may forwarding addresses."""
        if area.settings.kind is AreaKind.NSSA:
            for prefix in list(self._advertised):
                self._tell(prefix)


def _options(body: ExternalBody) -> int:
    """Return the options of a type 5 LSA."""
    return int(Options.EXTERNAL | (Options.DOWN if body.is_down else 0))


# ---------------------------------------------------------------------------------------------- router and network LSAs


def own_prefixes(state: State, area: RunningArea) -> Iterator[tuple[Prefix, int]]:
    """Yield the networks that version 2 has as stub links in our router LSA."""
    resort = state.last_resort
    for interface in state.interfaces.values():
        for prefix, cost in stubs_of(interface) if interface.area is area else ():
            yield prefix, LAST_RESORT if resort is not None and resort.stubs else cost


def no_options() -> int:
    """Return the options of an LSA that has none."""
    return 0


class Topology:
    """Requests router and network advertisements of one process."""

    def __init__(self, state: State, origination: Origination, externals: Externals) -> None:
        self._state = state
        self._origination = origination
        self._externals = externals

    def describe(self, area: RunningArea) -> None:
        """Originate our router LSA of an area again."""
        state, router = self._state, self._state.router_id
        is_ipv6 = state.family.version == 6
        key = LsaKey(LsaType.ROUTER, UNSPECIFIED if is_ipv6 else router, router)
        self._origination.request(area, key, partial(router_body, state, area))
        if is_ipv6:
            key = LsaKey(LsaType.PREFIXES, UNSPECIFIED, router)
            self._origination.request(area, key, lambda: router_prefixes(router, own_prefixes(state, area)), no_options)

    def describe_all(self) -> None:
        """Describe the same in all areas."""
        for area in self._state.areas.values():
            self.describe(area)

    def adjacency_changed(self, neighbor: Neighbor) -> None:
        """Note that a neighbor became, or stopped being, full."""
        state, name = neighbor.state.value, neighbor.interface.name
        self._state.history.note(self._state.context.now, f"Neighbor {neighbor.router} on {name} is {state}")
        self.network_changed(neighbor.interface)
        if neighbor.interface.far_end is not None:
            self.describe_all()  # we are a border router by it, and its area a transit area
            self._externals.refresh_all()
            self._state.request_calculation()

    def network_changed(self, interface: OspfInterface) -> None:
        """Describe this interface again: its LSA content may have changed."""
        self.describe(interface.area)
        self._externals.retell(interface.area)
        number, router = interface.number, self._state.router_id
        key, prefixes = (LsaKey(kind, number, router) for kind in (LsaType.NETWORK, LsaType.PREFIXES))
        if interface.phase is InterfaceState.DESIGNATED:
            self._origination.request(interface.area, key, partial(network_body, self._state, interface))
            if interface.link is not None:
                build = partial(network_prefixes, self._state.router_id, interface)
                self._origination.request(interface.area, prefixes, build, no_options)
        else:
            self._origination.withdraw(interface.area, key)
            self._origination.withdraw(interface.area, prefixes)
        if interface.link is not None:
            key = LsaKey(LsaType.LINK, number, router)
            if interface.speaks:
                self._origination.request(interface.link, key, partial(link_body, interface))
            else:
                self._origination.withdraw(interface.link, key)


# ------------------------------------------------------------------------------------------------ summaries


class Summaries:
    """The summaries that one process, if it is a border router, originates into each area."""

    def __init__(self, state: State, origination: Origination) -> None:
        self._state = state
        self._origination = origination
        self._advertised: dict[tuple[int, LsaKey], SummaryBody] = {}
        self._numbers: dict[Prefix, IPv4Address] = {}  # names of version 3
        self._last_number = 0

    def refresh(self, routes: Mapping[Prefix, OspfRoute]) -> None:
        """Apply the current routes within OSPF."""
        wanted: dict[tuple[int, LsaKey], SummaryBody] = {}
        if self._state.is_border:
            for area in self._state.areas.values():
                self._add_networks(wanted, area, routes)
                # Type 4: where those are that bring routes in.
                if not area.takes_externals:
                    continue
                for router, (number, reached) in self._state.found.borders.items():
                    if number != area.number and router != self._state.router_id:
                        key = LsaKey(LsaType.BORDER_SUMMARY, router, self._state.router_id)
                        cost = self._cost(reached.cost)
                        is_ipv6 = self._state.family.version == 6
                        kind = partial(InterAreaBody, destination=router) if is_ipv6 else SummaryBody
                        wanted[area.number, key] = kind(UNSPECIFIED, cost)
        areas = self._state.areas
        for name in [name for name in self._advertised if name not in wanted]:
            del self._advertised[name]
            if name[0] in areas:
                self._origination.withdraw(areas[name[0]], name[1])
        if self._numbers:
            names = {key.id for _, key in wanted}
            self._numbers = {prefix: number for prefix, number in self._numbers.items() if number in names}
        for name, body in wanted.items():
            if self._advertised.get(name) != body:
                self._advertised[name] = body
                self._origination.request(areas[name[0]], name[1], partial(as_it_is, body))

    def forget_summaries(self) -> None:
        """Forget the originated summaries, because the process restarts."""
        self._advertised.clear()

    def forget_area(self, number: int) -> None:
        """Forget an area that was removed from this router. If it returns before the next calculation, all summaries
        are originated again.
        """
        self._advertised = {name: body for name, body in self._advertised.items() if name[0] != number}

    def _add_networks(
        self, wanted: dict[tuple[int, LsaKey], SummaryBody], area: RunningArea, routes: Mapping[Prefix, OspfRoute]
    ) -> None:
        settings = area.settings
        found: dict[Prefix, int] = {}
        for route in () if settings.no_summary else self._fit(area, routes):
            prefix, cost = self._as_advertised(route, area)
            if prefix is not None and self._is_let_through(prefix, route, area):
                found[prefix] = cost
        if settings.kind is AreaKind.STUB or (settings.kind is AreaKind.NSSA and settings.no_summary):
            found[self._state.family.default] = settings.default_cost
        for prefix in sorted(found):
            first = self._number(prefix) if prefix.version == 6 else ipv4_address(prefix.address.packed)
            key = LsaKey(LsaType.SUMMARY, first, self._state.router_id)
            if (area.number, key) in wanted:  # RFC 2328 Appendix E
                key = LsaKey.of_numbers(key.type, key[1] | int(prefix.wildcard), key[2])
            wanted[area.number, key] = summary_body(prefix, self._cost(found[prefix]))

    def _number(self, prefix: Prefix) -> IPv4Address:
        if prefix not in self._numbers:
            self._last_number += 1
            self._numbers[prefix] = IPv4Address(self._last_number)
        return self._numbers[prefix]

    def _fit(self, area: RunningArea, routes: Mapping[Prefix, OspfRoute]) -> Iterator[OspfRoute]:
        """Yield routes that the area does not know by itself, and that do not lead into it."""
        names = {each.name for each in self._state.interfaces.values() if each.area is area}
        for route in routes.values():
            inside = route.kind is WayKind.INTRA or (route.kind is WayKind.INTER and not route.area)
            leads_back = any(hop.interface in names for hop in route.hops)
            if inside and route.area != area.number and not leads_back and route.cost < INFINITY:
                yield route

    def _cost(self, cost: int) -> int:
        """Return the cost of a network in our summaries: higher, if we are a last resort."""
        resort = self._state.last_resort
        return cost if resort is None or resort.summaries is None else resort.summaries

    def _as_advertised(self, route: OspfRoute, area: RunningArea) -> tuple[Prefix | None, int]:
        """Return the network, or the range that contains it, with its cost; None: do not advertise it.

        Each network of the backbone is advertised into an area that virtual links lead through, RFC 2328 §12.4.3.
        """
        home = self._state.areas.get(route.area) if route.area is not None else None
        if route.kind is not WayKind.INTRA or home is None or (area.is_transit and not home.number):
            return route.prefix, route.cost
        known = range_of(home, route.prefix)
        active = self._state.found.active.get((home.number, known.prefix)) if known is not None else None
        if active is None:
            return route.prefix, route.cost
        return (active.settings.prefix if active.settings.advertise else None), active.cost

    def _is_let_through(self, prefix: Prefix, route: OspfRoute, area: RunningArea) -> bool:
        """Return whether the filters of both areas let a network or range pass from one into the other."""
        home = self._state.areas.get(route.area) if route.area is not None else None
        filters = (home.settings.filter_out if home is not None else "", area.settings.filter_in)
        policies = self._state.context.ports.policies
        return all(policies.of_routes().prefix_list_permits(name, prefix) for name in filters if name)


def border_routers(state: State) -> dict[IPv4Address, tuple[int, Reached]]:
    """Return the AS boundary routers, with the area of the path to them: within an area first, then the nearest."""
    found: dict[IPv4Address, tuple[int, Reached]] = {}
    for area in state.areas.values():
        for router, reached in area.tree.routers.items() if area.tree is not None and area.takes_externals else ():
            known = found.get(router)
            if reached.flags & RouterFlag.EXTERNAL and (known is None or reached.cost < known[1].cost):
                found[router] = area.number, reached
    near = frozenset(found)
    for area, lsa, cost, border in _learned(state, LsaType.BORDER_SUMMARY):
        known = found.get(lsa.border)
        if lsa.border not in near and (known is None or cost < known[1].cost):
            found[lsa.border] = area.number, Reached(cost, border.hops, int(RouterFlag.EXTERNAL))
    return found


def inter_area_routes(state: State) -> Iterator[OspfRoute]:
    """Yield networks of other areas from summaries of border routers, except for active ranges of our own."""
    ranges = {prefix for _, prefix in state.found.active}
    for area, lsa, cost, border in _learned(state, LsaType.SUMMARY):
        prefix, origin = lsa.prefix, lsa.header.router
        if prefix is not None and prefix not in ranges:
            yield OspfRoute(
                prefix=prefix, kind=WayKind.INTER, cost=cost, hops=border.hops, origin=origin, area=area.number
            )


def _learned(state: State, kind: LsaType) -> Iterator[tuple[RunningArea, Lsa, int, Reached]]:
    """Yield valid summaries, with the total cost of the path, and the border router that originated them."""
    for area in [state.areas[0]] if state.has_backbone else list(state.areas.values()):
        for lsa, cost, border in learned_in(state, area, kind):
            yield area, lsa, cost, border


def learned_in(state: State, area: RunningArea, kind: LsaType) -> Iterator[tuple[Lsa, int, Reached]]:
    """Yield the same of one area, without the area."""
    for key, entry in area.database.entries.items():
        body = entry.lsa.body
        counts = key.type == kind and key.router != state.router_id and key not in area.database.dying
        if not counts or not isinstance(body, SummaryBody) or body.metric >= INFINITY or area.tree is None:
            continue
        if kind is LsaType.SUMMARY and entry.lsa.header.options & Options.DOWN and state.is_provider_edge:
            continue
        border = area.tree.routers.get(key.router)
        if border is None or not border.flags & RouterFlag.BORDER:
            continue
        if border.cost + body.metric < INFINITY:
            yield entry.lsa, border.cost + body.metric, border
