"""What we tell of routes from outside: type 5 everywhere, type 7 in each NSSA. RFC 2328 §12.4.4, RFC 3101.

    imports      what the routing table has for us
    translated   what a border router takes over from type 7
    _told        networks by prefix: of these, or a `summary-address` that holds some of them

A `summary-address` is told while it holds a network; it costs what the cheapest of them costs, as on IOS.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.features.ospf.imports import DEFAULT, Imports
from dmvpn.features.ospf.lsa import ExternalBody, LsaKey, LsaType, Options
from dmvpn.features.ospf.model import AreaKind
from dmvpn.features.ospf.nssa import address_in, default_of
from dmvpn.features.ospf.slices import SLICE
from dmvpn.features.ospf.surroundings import Surroundings
from dmvpn.net.octets import ipv4_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.notices import Route
    from dmvpn.features.ospf.area import RunningArea
    from dmvpn.features.ospf.model import ExternalSummary, MaximumMetric
    from dmvpn.features.ospf.offers import Offers
    from dmvpn.features.ospf.origination import Origination

#: Advertisements times neighbors that are told in one event.
_TOGETHER: Final = 3200


class Offering(Protocol):
    """The part that knows what the routing table is to have."""

    def offer(self) -> None:
        """Let the routing table have what holds now."""


class Redistributing(Surroundings, Protocol):
    """A process, as far as it tells of the outside."""

    @property
    def origination(self) -> Origination:
        """Makes our advertisements."""
        ...

    @property
    def offers(self) -> Offers:
        """What the routing table has been offered."""
        ...

    @property
    def last_resort(self) -> MaximumMetric | None:
        """Is nobody to go through us who can help it?"""
        ...

    @property
    def calculation(self) -> Offering:
        """Offers."""
        ...


class Externals:
    """What one process tells of the outside."""

    def __init__(self, process: Redistributing) -> None:
        self._process = process
        self._imports = Imports(process)
        self._own: dict[Prefix, ExternalBody] = {}
        self._translated: dict[Prefix, ExternalBody] = {}
        self._parts: dict[Prefix, dict[Prefix, None]] = {}  # of summaries, ordered sets
        self._told: dict[Prefix, IPv4Address] = {}  # with the names of their advertisements
        self._taken: dict[IPv4Address, None] = {}  # these names, an ordered set
        self._untold: dict[Prefix, None] = {}  # what `_tell_rest` has still to look at, an ordered set

    @property
    def is_active(self) -> bool:
        """Are we a router at the border of OSPF? A border router of an NSSA is, RFC 3101 §3.1."""
        nssas = any(area.settings.kind is AreaKind.NSSA for area in self._process.areas.values())
        return self._imports.is_active or (nssas and self._process.is_border)

    def dropped(self) -> dict[Prefix, int]:
        """Return summaries whose rest goes to Null0, with their costs."""
        return {each.prefix: body.metric for each, body in self.summed_up() if body is not None and each.advertise}

    def summed_up(self) -> list[tuple[ExternalSummary, ExternalBody | None]]:
        """Return each `summary-address` with what it says, None: it holds nothing."""
        return [(summary, self._summed_up(summary)) for summary in self._process.settings.summaries]

    # ------------------------------------------------------------------------------------------------ what changed

    def refresh_all(self) -> None:
        """Go through the whole routing table, because the lines, the areas or our identifier changed."""
        routes = self._process.context.ports.rib.routes() if self._imports.is_active else ()
        known = dict.fromkeys((*self._own, *(route.prefix for route in routes), DEFAULT))
        self._own = {prefix: body for prefix in known if (body := self._imports.of(prefix)) is not None}
        self._parts = {summary.prefix: {} for summary in self._process.settings.summaries}
        for prefix in (*self._own, *self._translated):
            summary = self._summary_of(prefix)
            if summary is not None:
                self._parts[summary.prefix][prefix] = None
        is_telling = bool(self._untold)
        self._untold.update(dict.fromkeys((*self._told, *self._own, *self._translated, *self._parts, DEFAULT)))
        if not is_telling:
            self._process.context.work(self._tell_rest())

    def _tell_rest(self) -> Iterator[None]:
        """Tell what is left to be told, some in each event: all neighbors hear of each."""
        while self._untold:
            neighbors = sum(len(interface.neighbors) for interface in self._process.interfaces.values())
            for prefix in list(islice(self._untold, max(1, min(SLICE, _TOGETHER // (neighbors + 1))))):
                del self._untold[prefix]
                self._tell(prefix)
            if self._untold:
                yield

    def route_changed(self, prefix: Prefix, route: Route | None) -> None:
        """Look at a prefix, of which the best route is another one; the default route may depend on it."""
        if self._imports.is_active or self._told:
            self._put(self._own, prefix, self._imports.of(prefix))
        if self._imports.may_decide(prefix, route):
            self._put(self._own, DEFAULT, self._imports.of(DEFAULT))

    def translate(self, found: Mapping[Prefix, ExternalBody]) -> None:
        """Set the networks that we take over from type 7."""
        for prefix in dict.fromkeys((*self._translated, *found)):
            if found.get(prefix) != self._translated.get(prefix):
                self._put(self._translated, prefix, found.get(prefix))

    def forget(self) -> None:
        """Forget what was told, because the process begins again or ends."""
        for state in (self._own, self._translated, self._parts, self._told, self._taken, self._untold):
            state.clear()

    def _put(self, known: dict[Prefix, ExternalBody], prefix: Prefix, body: ExternalBody | None) -> None:
        """Note this, among our own or what is translated, and tell what follows from it."""
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
        if summary.prefix in self._told and summary.prefix not in self._process.offers.offered:
            self._process.calculation.offer()

    # ------------------------------------------------------------------------------------------------ what is told

    def _summary_of(self, prefix: Prefix) -> ExternalSummary | None:
        """Return the most exact `summary-address` that a network is in."""
        if prefix.is_default:
            return None
        fitting = [each for each in self._process.settings.summaries if prefix in each.prefix]
        return max(fitting, key=lambda each: each.prefix.length, default=None)

    def _summed_up(self, summary: ExternalSummary, *, own: bool = False) -> ExternalBody | None:
        """Return what a summary says, None: it holds nothing. own: of what is ours alone."""
        parts = self._parts.get(summary.prefix, ())
        translated = {} if own else self._translated
        found = (self._own.get(prefix) or translated.get(prefix) for prefix in parts)
        best = min(
            (body for body in found if body is not None),
            key=lambda body: (body.is_type_2, body.metric),
            default=None,
        )
        if best is None:
            return None
        mask = ipv4_address(summary.prefix.netmask.packed)
        return ExternalBody(mask, best.metric, best.is_type_2, tag=summary.tag)

    def _body(self, prefix: Prefix, *, own: bool = False) -> ExternalBody | None:
        """Return what is told of a prefix, None: nothing. own: of what is ours alone."""
        body, resort = self._found(prefix, own=own), self._process.last_resort
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
        """Tell what we say of a prefix now, which may be something else."""
        areas = self._process.areas.values()
        outside = next((area for area in areas if area.takes_externals), None)
        told = [(area, self._inside(area, prefix)) for area in areas if area.settings.kind is AreaKind.NSSA]
        if outside is not None:
            told.append((outside, self._body(prefix)))
        name = self._name(prefix, wanted=any(body is not None for _, body in told))
        if name is None:
            return
        for area, body in told:
            kind = LsaType.EXTERNAL if area.takes_externals else LsaType.NSSA_EXTERNAL
            key = LsaKey(kind, name, self._process.router_id)
            if body is None:
                self._process.origination.withdraw(area, key)
            elif kind is LsaType.EXTERNAL:
                self._process.origination.request(area, key, partial(_as_it_is, body), lambda: int(Options.EXTERNAL))
            else:
                self._tell_inside(area, key, body)

    def _name(self, prefix: Prefix, *, wanted: bool) -> IPv4Address | None:
        """Return the name of its advertisements, None: nothing is told, and nothing was.

        If another network with the same address has its name, it is its last address (RFC 2328 Appendix E).
        """
        known = self._told.get(prefix)
        if not wanted:
            if known is not None:
                del self._told[prefix]
                del self._taken[known]
            return known
        if known is None:
            first = ipv4_address(prefix.address.packed)
            last = IPv4Address(int(first) | int(prefix.wildcard))
            known = self._told[prefix] = last if first in self._taken else first
            self._taken[known] = None
        return known

    # ------------------------------------------------------------------------------------------------ type 7

    def _inside(self, area: RunningArea, prefix: Prefix) -> ExternalBody | None:
        """Return what a not-so-stubby area hears of a prefix. A default route it hears if its own line says so."""
        if prefix.is_default:
            return default_of(area, is_border=self._process.is_border, has_one=self._imports.has_default())
        if self._process.is_border and not area.settings.nssa.redistribute:
            return None
        return self._body(prefix, own=True)

    def _tell_inside(self, area: RunningArea, key: LsaKey, body: ExternalBody) -> None:
        """Tell it inside: a border router tells it outside by itself; what others bring in a border router has to
        translate (P).
        """

        def build() -> ExternalBody:
            return replace(body, forwarding=self._forwarding_in(area, body))

        def options() -> int:
            return int(Options.NSSA) if int(build().forwarding) else 0

        self._process.origination.request(area, key, build, options)

    def _forwarding_in(self, area: RunningArea, body: ExternalBody) -> IPv4Address:
        """Return where packets for it are to go: to its next hop if that one is in the area, else to us."""
        if self._process.is_border:
            return UNSPECIFIED
        mine = [each for each in self._process.interfaces.values() if each.area is area]
        if any(body.forwarding in each.prefix for each in mine):
            return body.forwarding
        return address_in(area, mine)

    def lead_again(self) -> None:
        """Look at next hops of what we bring in: OSPF runs on another network now, or on one less."""
        for prefix, body in list(self._own.items()):
            now = self._imports.of(prefix)
            if now != body:
                self._put(self._own, prefix, now)

    def retell(self, area: RunningArea) -> None:
        """Tell again, because the interfaces in an area are others: forwarding addresses may be."""
        if area.settings.kind is AreaKind.NSSA:
            for prefix in list(self._told):
                self._tell(prefix)


def _as_it_is(body: ExternalBody) -> ExternalBody:
    return body
