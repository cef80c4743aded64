"""Shorter paths of the backbone through areas that virtual links lead through. RFC 2328 §16.3."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.features.ospf.lsa import LsaType
from dmvpn.features.ospf.own_lsas import learned_in
from dmvpn.features.ospf.spf import Reached, WayKind

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.ospf.spf import OspfRoute
    from dmvpn.features.ospf.state import State

_INSIDE = (WayKind.INTRA, WayKind.INTER)


def shorten(state: State, best: dict[Prefix, OspfRoute]) -> None:
    """Move backbone routes, in `best`, into a transit area where a border router there is nearer."""
    for area in state.areas.values():
        if not (state.is_border and area.number and area.is_transit):
            continue
        for key, cost, border in learned_in(state, area, LsaType.SUMMARY):
            prefix = area.database.entries[key].lsa.prefix
            known = best.get(prefix) if prefix is not None else None
            if known is None or known.area != 0 or known.kind not in _INSIDE or not known.hops or cost > known.cost:
                continue
            hops = border.hops if cost < known.cost else tuple(dict.fromkeys((*known.hops, *border.hops)))
            best[known.prefix] = replace(known, cost=cost, hops=hops)


def shorten_to_borders(state: State, borders: dict[IPv4Address, tuple[int, Reached]]) -> None:
    """Shorten in the same way the paths to AS boundary routers."""
    for area in state.areas.values():
        if not (state.is_border and area.number and area.is_transit):
            continue
        for key, cost, border in learned_in(state, area, LsaType.BORDER_SUMMARY):
            number, known = borders.get(key.id, (None, None))
            if known is None or number != 0 or cost > known.cost:
                continue
            hops = border.hops if cost < known.cost else tuple(dict.fromkeys((*known.hops, *border.hops)))
            borders[key.id] = 0, Reached(cost, hops, known.flags)
