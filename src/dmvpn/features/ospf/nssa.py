"""Not-so-stubby areas: which router translates type 7 into type 5, which routes, and which default route is originated.
RFC 3101.

The border router of an area with the highest identifier translates, unless another one always translates. A router that
loses this role stops at once; RFC 3101 §3.1 lets it go on for 40 s. Both find out by the same advertisement, so the
outage is that of one flooding.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.features.ospf.lsa import INFINITY, ExternalBody, LsaType, Options, RouterFlag
from dmvpn.features.ospf.model import AreaKind
from dmvpn.features.ospf.neighbor import InterfaceState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.ospf.interface import OspfInterface
    from dmvpn.features.ospf.spf import OspfRoute, RunningArea
    from dmvpn.features.ospf.state import State


def default_of(area: RunningArea, *, is_border: bool, has_one: bool) -> ExternalBody | None:
    """Return the type 7 default route that we originate in an area.

    An internal router originates it if it has a default route, RFC 3101 §2.7.
    """
    settings = area.settings.nssa
    if not settings.default or not (is_border or has_one):
        return None
    return ExternalBody(IPv4Address(0), settings.metric, settings.metric_type == 2)


def address_in(area: RunningArea, interfaces: Iterable[OspfInterface]) -> IPv4Address:
    """Return the forwarding address of our redistributed routes: our highest address of a loopback in the area, else of
    all.
    """
    mine = [each for each in interfaces if each.area is area and each.phase is not InterfaceState.DOWN]
    loopbacks = [each for each in mine if each.is_loopback]
    return max((each.address for each in loopbacks or mine), default=UNSPECIFIED)


def told_inside(state: State, area: RunningArea, body: ExternalBody) -> ExternalBody:
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


def _forwarding_in(state: State, area: RunningArea, body: ExternalBody) -> IPv4Address:
    if state.is_border:
        return UNSPECIFIED
    mine = [each for each in state.interfaces.values() if each.area is area]
    if any(body.forwarding in each.prefix for each in mine):
        return body.forwarding
    return address_in(area, mine)


def translates(area: RunningArea, router_id: IPv4Address) -> bool:
    """Return whether this router translates an area's type 7 LSAs. RFC 3101 §3.1; asked of border routers alone."""
    if area.settings.kind is not AreaKind.NSSA or area.tree is None:
        return False
    if area.settings.nssa.always:
        return True
    others = {
        router: reached.flags
        for router, reached in area.tree.routers.items()
        if reached.flags & RouterFlag.BORDER and router != router_id
    }
    return not any(flags & RouterFlag.TRANSLATOR or router > router_id for router, flags in others.items())


def translations(
    areas: Iterable[RunningArea], router_id: IPv4Address, routes: Mapping[Prefix, OspfRoute]
) -> dict[Prefix, ExternalBody]:
    """Return the type 5 LSAs into which we translate type 7 LSAs. routes: result of the last calculation.

    RFC 3101 §3.2.
    """
    found: dict[Prefix, ExternalBody] = {}
    for area in areas:
        if not translates(area, router_id):
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
