"""Why BGP does not pass a route to a neighbor, by the rules that advertise and accept it, or from VRF to VRF."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from dmvpn.base.addresses import Prefix
from dmvpn.base.barriers import Barrier, Gap, RouteReason, Side, barred, not_brought_in
from dmvpn.base.communities import CommunityKind, text_of
from dmvpn.features.bgp.attributes import Attributes
from dmvpn.features.bgp.input import AdjRibIn, own_systems
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.model import FilterDirection
from dmvpn.features.bgp.neighbor import Peer
from dmvpn.features.bgp.output import Audience, is_reflected, may_go_by_communities
from dmvpn.features.bgp.paths import Path
from dmvpn.features.bgp.policy import EXTERNAL, INTERNAL, candidate, kinds_of, verdict
from dmvpn.features.bgp.selection import RouteSelection
from dmvpn.features.bgp.tables import Table

_NAME = "bgp"


def barrier(here: Side, there: Side, gap: Gap) -> Barrier | None:
    """Return why a route does not pass, None: it does, or BGP does not connect these two."""
    tables = [
        next((one for one in machine.tables.values() if one.family.version == gap.prefix.version), machine.ipv4)
        for machine in (cast("BgpMachine", side.machines[_NAME]) for side in (here, there))
    ]
    mine, theirs = tables
    best = mine.routes.table.best(gap.prefix)
    if gap.sender.router == gap.receiver.router:
        return (
            _not_brought_in(here, mine, gap.prefix) if best is None else _not_imported(mine, theirs, there, best, gap)
        )
    peer, sender = (
        next((one for one in machine.peers.values() if one.address == end.address), None)
        for machine, end in ((mine, gap.receiver), (theirs, gap.sender))
    )
    if peer is None or sender is None:
        return None
    limits = (
        (one.settings.lines.maximum_prefixes, one is peer) for one in (peer, sender) if one.neighbor.barred_until > 0
    )
    for limit, at_sender in limits:
        return barred(_NAME, RouteReason.MAXIMUM, limit, at_sender=at_sender)
    if peer.group is None or sender.session is None:
        return None
    if best is None:
        return _not_brought_in(here, mine, gap.prefix)
    audience = peer.group.audience
    selection = RouteSelection(audience, mine.routes, here.ports, mine.config.local_preference)
    sent = next(iter(selection.routes(gap.prefix).values()), None)
    if sent is None:
        return _not_sent(here, mine, peer, audience, best, gap.prefix)
    return _not_taken(there, theirs, sender, sent.attributes, gap.prefix)


def _not_brought_in(here: Side, machine: Table, prefix: Prefix) -> Barrier | None:
    route, config = here.ports.rib.exact(prefix), machine.config
    paths = machine.routes.table.destinations.get(prefix)
    for path in paths.paths.values() if paths is not None else ():
        return barred(_NAME, RouteReason.NEXT_HOP, path.attributes.next_hop)
    for line in config.networks:
        words = ("network", str(line.prefix.address))
        if line.prefix == prefix and line.route_map:
            return barred(_NAME, RouteReason.NOT_REDISTRIBUTED, line.route_map)
        if line.prefix != prefix and line.prefix.address == prefix.address:
            return barred(_NAME, RouteReason.OTHER_MASK, line.prefix, line=words)
    return not_brought_in(_NAME, route, config.redistributions, here.policies) if route is not None else None


def _not_sent(here: Side, machine: Table, peer: Peer, audience: Audience, path: Path, prefix: Prefix) -> Barrier | None:
    if prefix in machine.routes.suppressed:
        over = (one.prefix for one in machine.config.aggregates if prefix in one.prefix)
        return barred(_NAME, RouteReason.SUMMARY, next(over, prefix))
    denied = _filtered(here, peer, FilterDirection.OUT, prefix, path.attributes, kinds_of(path))
    if denied is not None:
        return denied
    if not may_go_by_communities(path, audience):
        return barred(_NAME, RouteReason.COMMUNITY)
    return None if is_reflected(path, audience) else barred(_NAME, RouteReason.REFLECTION)


def _not_taken(there: Side, machine: Table, sender: Peer, attributes: Attributes, prefix: Prefix) -> Barrier | None:
    session, settings = sender.session, sender.settings
    if session is None:
        return None
    identity = session.identity
    cluster = machine.config.cluster_id or identity.router_id
    if not AdjRibIn.is_welcome(sender, session, attributes, identity.router_id, cluster):
        if own_systems(settings, identity.local_as, attributes.path) > settings.lines.allow_own_as:
            return barred(_NAME, RouteReason.OWN_SYSTEM, identity.local_as, at_sender=False)
        is_own = attributes.originator == identity.router_id
        return barred(_NAME, RouteReason.OWN_ROUTE, identity.router_id if is_own else cluster, at_sender=False)
    kinds = INTERNAL if settings.internal or settings.confederate else EXTERNAL
    denied = _filtered(there, sender, FilterDirection.IN, prefix, attributes, kinds)
    if denied is not None:
        return denied
    found = machine.routes.table.destinations.get(prefix)
    for path in found.paths.values() if found is not None else ():
        way = there.ports.rib.lookup(path.attributes.next_hop)
        if path.peer == sender.address and (way is None or way.prefix.is_default):
            return barred(_NAME, RouteReason.NEXT_HOP, path.attributes.next_hop, at_sender=False)
    return None


def _filtered(
    side: Side, peer: Peer, direction: FilterDirection, prefix: Prefix, attributes: Attributes, kinds: tuple[str, ...]
) -> Barrier | None:
    """Return the barrier that the first denying filter of a neighbor makes."""
    for one in peer.settings.lines.filters:
        lines = replace(peer.settings.lines, filters=(one,))
        if one.direction is direction and (verdict(side.policies, lines, direction, prefix, attributes, kinds) is None):
            words = ("neighbor", one.kind.value, one.name, direction.value)
            is_out = direction is FilterDirection.OUT
            return barred(_NAME, RouteReason.LIST, " ".join(words[1:]), at_sender=is_out, line=words)
    return None


def _not_imported(mine: Table, theirs: Table, there: Side, path: Path, gap: Gap) -> Barrier | None:
    targets, vpn = mine.exports.targets_of(gap.prefix, path), theirs.config.vpn
    if not targets:
        return barred(_NAME, RouteReason.NOT_EXPORTED, gap.sender.vrf)
    if not {*targets} & {*vpn.imports}:
        return barred(_NAME, RouteReason.NOT_IMPORTED, text_of(CommunityKind.EXTENDED, targets[:1]), at_sender=False)
    route = candidate(gap.prefix, path.attributes)
    if vpn.import_map and there.policies.mapped(vpn.import_map, route) is None:
        words = ("import", "map", vpn.import_map)
        return barred(_NAME, RouteReason.LIST, " ".join(words), at_sender=False, line=words)
    return None
