"""Attributes of a path as they are sent to one peer: RFC 4271 §5.1 and §9.1.3, route reflection (RFC 4456), communities
(RFC 1997), confederations (RFC 5065).

The next hop determines the DMVPN phase. An external peer receives the address of a third router if that router is on
the network that we share with the peer (§5.1.3): so spokes behind a hub send to each other directly (phase 2).
`next-hop-self` sends our own address instead (phase 1 and 3); reflected routes keep theirs, unless it has `all`.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Self

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.routemaps import UNCHANGED, Changes, HopWord
from dmvpn.base.values import Value
from dmvpn.features.bgp.attributes import Attributes, Community, Segment, SegmentKind, outside, prepended
from dmvpn.features.bgp.families import IPV4, Family
from dmvpn.features.bgp.model import BEST_ALONE, FilterDirection, NeighborLines, PathChoice, PrivateAs
from dmvpn.features.bgp.paths import DEFAULT_LOCAL_PREF, Path
from dmvpn.features.bgp.policy import changed
from dmvpn.features.bgp.settings import PeerSettings

#: AS numbers for private use, RFC 6996 §5.
_PRIVATE: Final = (range(64512, 65535), range(4200000000, 4294967295))

#: A neighbor without any lines.
_SILENT: Final = NeighborLines(peer=UNSPECIFIED)
#: Bit in the first octet of an extended community, RFC 4360 §2.
_NOT_TRANSITIVE: Final = 0x40


#: The lines of a neighbor that affect our advertisements to it.
_OUTWARD: Final = (
    *("next_hop_self", "next_hop_self_all", "next_hop_unchanged", "route_reflector_client", "default_originate"),
    *("originate_map", "unsuppress_map", "send_community", "send_extended"),
    *("remove_private_as", "override_as", "local_as_replaces"),
)


class Audience(Value, kw_only=True):
    """Peers that receive the same routes: everything in which advertisements to two peers can differ.

    confederate: they are in another member AS of our confederation. lines: only the lines that affect advertisements.
    overridden: the AS number that is replaced by ours in paths; 0: none. interval: seconds between announcements.
    local: the next hop that stands for us; link_local: the address beside it on a shared link. shared: the connected
    network that both ends are on.
    wide: AS numbers have four octets. leaves_at: the sessions are in graceful shutdown, with this local preference.
    extended: they take next hops of IPv6 for routes of IPv4 (RFC 8950).
    numbered: path identifiers are sent (RFC 7911); advertised: the paths that are sent then.
    """

    internal: bool
    confederate: bool = False
    local_as: int
    real_as: int
    overridden: int
    lines: NeighborLines
    interval: float
    local: IPAddress
    router_id: IPv4Address
    cluster_id: IPv4Address
    shared: Prefix | None
    wide: bool = True
    leaves_at: int | None = None
    numbered: bool = False
    advertised: PathChoice = BEST_ALONE
    family: Family = IPV4
    link_local: IPAddress | None = None
    extended: bool = False

    @classmethod
    def of(
        cls,
        settings: PeerSettings,
        *,
        family: Family = IPV4,
        local: IPAddress,
        link_local: IPAddress | None = None,
        router_id: IPv4Address,
        cluster_id: IPv4Address,
        shared: Prefix | None,
        wide: bool = True,
        numbered: bool = False,
        extended: bool = False,
    ) -> Self:
        """Return the audience of a peer with these settings."""
        lines = settings.lines
        filters = tuple(one for one in lines.filters if one.direction is FilterDirection.OUT)
        outward = replace(_SILENT, filters=filters, **{name: getattr(lines, name) for name in _OUTWARD})
        return cls(
            internal=settings.internal,
            confederate=settings.confederate,
            local_as=settings.local_as,
            real_as=settings.real_as,
            overridden=settings.remote_as if lines.override_as else 0,
            lines=outward,
            family=family,
            link_local=link_local,
            interval=settings.advertisement_interval,
            local=local,
            router_id=router_id,
            cluster_id=cluster_id,
            shared=shared,
            wide=wide,
            leaves_at=lines.shutdown_preference if settings.is_leaving else None,
            numbered=numbered,
            extended=extended,
            advertised=lines.advertised if numbered else BEST_ALONE,
        )

    @property
    def inside(self) -> bool:
        """Whether they are in our AS or in our confederation."""
        return self.internal or self.confederate

    def hops(self, attributes: Attributes) -> tuple[IPAddress, ...]:
        """Return the next hops that an UPDATE has: beside our own our link-local one, RFC 2545 §3."""
        hop = attributes.next_hop
        return (hop, self.link_local) if self.link_local is not None and hop == self.local else (hop,)

    @property
    def is_filtered(self) -> bool:
        """Whether lists or maps affect what they receive."""
        return bool(self.lines.originate_map or self.lines.unsuppress_map or self.lines.filters)


def sent_attributes(path: Path, audience: Audience, changes: Changes = UNCHANGED) -> Attributes | None:
    """Return the attributes that these peers receive; None: the path is not advertised to them.

    changes: from the neighbor's route map. They apply before our AS number is prepended, and their next hop is kept.
    """
    if not (may_go_by_communities(path, audience) and is_reflected(path, audience)):
        return None
    attributes = _next_hop_of(path, audience)
    hops = {HopWord.PEER: audience.local, HopWord.SELF: audience.local, HopWord.UNCHANGED: path.attributes.next_hop}
    path = replace(path, attributes=changed(path.attributes, changes))
    attributes = changed(attributes, changes, hops)
    metric = attributes.med
    if audience.internal:
        attributes = replace(attributes, local_pref=path.local_pref)
        if path.internal and not path.own:
            clusters = (audience.cluster_id, *attributes.clusters)
            attributes = replace(attributes, originator=attributes.originator or path.identifier, clusters=clusters)
    elif audience.confederate:
        # RFC 5065 §5.2: local preference and MED stay.
        attributes = replace(
            attributes,
            path=_with_member(attributes.path, audience),
            local_pref=path.local_pref,
            originator=None,
            clusters=(),
        )
    else:
        attributes = _externally(path, attributes, audience)
    if changes.sets_metric:
        attributes = replace(attributes, med=metric)
    if isinstance(attributes.next_hop, IPv6Address) and audience.family.version == 4 and not audience.extended:
        return None  # they could not read it: RFC 8950 §4
    return _as_sent(attributes, audience)


def _as_sent(attributes: Attributes, audience: Audience) -> Attributes:
    """Return the attributes after the last steps: the mark of graceful shutdown, and the kinds of
    communities to send.
    """
    if audience.leaves_at is not None:
        attributes = leaving(attributes, audience.leaves_at if audience.inside else None)
    if not audience.lines.send_community:
        attributes = replace(attributes, communities=(), large=())
    if not audience.lines.send_extended:
        return replace(attributes, extended=())
    if audience.inside:
        return attributes
    # Non-transitive communities stay in our AS, RFC 4360 §6.
    return replace(attributes, extended=tuple(one for one in attributes.extended if not one[0] & _NOT_TRANSITIVE))


def leaving(attributes: Attributes, preference: int | None) -> Attributes:
    """Return the attributes of a route in graceful shutdown, RFC 8326 §4."""
    marked = dict.fromkeys((*attributes.communities, Community.GRACEFUL_SHUTDOWN))
    return replace(attributes, communities=tuple(map(int, marked)), local_pref=preference)


def default_route(audience: Audience, changes: Changes = UNCHANGED, preference: int = DEFAULT_LOCAL_PREF) -> Attributes:
    """Return the attributes of `default-originate`; changes: of its route map. preference: that of `bgp default`."""
    plain = Attributes(next_hop=audience.local, local_pref=preference if audience.inside else None)
    attributes = changed(plain, changes)
    if audience.confederate:
        attributes = replace(attributes, path=_with_member(attributes.path, audience))
    elif not audience.internal:
        attributes = replace(attributes, path=prepended(attributes.path, *_ours(audience)), local_pref=None)
    return _as_sent(attributes, audience)


def may_go_by_communities(path: Path, audience: Audience) -> bool:
    """Return whether the well-known communities of a path let these peers have it, RFC 1997."""
    communities = path.attributes.communities
    if Community.NO_ADVERTISE in communities:
        return False
    if audience.internal:
        return True
    if audience.confederate:
        return Community.NO_EXPORT_SUBCONFED not in communities
    return not {Community.NO_EXPORT, Community.NO_EXPORT_SUBCONFED} & {*communities}


def is_reflected(path: Path, audience: Audience) -> bool:
    """Return whether these peers may have a path, as far as it was learned from an internal peer, RFC 4456 §6."""
    if not audience.internal or path.own or not path.internal:
        return True
    return path.client or audience.lines.route_reflector_client


def _next_hop_of(path: Path, audience: Audience) -> Attributes:
    lines, attributes = audience.lines, path.attributes
    hop = attributes.next_hop
    is_reflected = audience.internal and path.internal and not path.own
    if not int(hop) or path.imported is not None:  # of another VRF: these peers have no route to it
        keeps = False
    elif lines.next_hop_unchanged:
        keeps = True
    elif is_reflected:
        keeps = not lines.next_hop_self_all
    elif audience.inside:
        keeps = not lines.next_hop_self  # RFC 5065 §5.2: a confederation has one interior protocol
    else:
        keeps = not lines.next_hop_self and audience.shared is not None and hop in audience.shared
    return attributes if keeps else replace(attributes, next_hop=audience.local)


def _with_member(path: tuple[Segment, ...], audience: Audience) -> tuple[Segment, ...]:
    return prepended(path, audience.local_as, kind=SegmentKind.CONFEDERATION_SEQUENCE)


def _externally(path: Path, attributes: Attributes, audience: Audience) -> Attributes:
    systems = _without_private(outside(attributes.path), audience)
    if audience.overridden:
        systems = tuple(
            Segment(part.kind, tuple(audience.local_as if one == audience.overridden else one for one in part.systems))
            for part in systems
        )
    return replace(
        attributes,
        path=prepended(systems, *_ours(audience)),
        local_pref=None,
        med=attributes.med if path.own or (path.imported is not None and path.imported.is_own) else None,
        originator=None,
        clusters=(),
    )


def _ours(audience: Audience) -> tuple[int, ...]:
    """Return the AS numbers that we prepend: with `local-as` the real one follows, unless it is replaced."""
    if audience.local_as == audience.real_as or audience.lines.local_as_replaces:
        return (audience.local_as,)
    return audience.local_as, audience.real_as


def _without_private(path: tuple[Segment, ...], audience: Audience) -> tuple[Segment, ...]:
    """Return the path without private AS numbers, or with ours in their place; without `all`, only if all
    are private.
    """
    removal = audience.lines.remove_private_as
    if removal is PrivateAs.KEPT:
        return path
    if removal is PrivateAs.IF_ALL_ARE:
        return path if any(not _is_private(one) for part in path for one in part.systems) else ()
    replaced = (
        Segment(
            part.kind,
            tuple(
                audience.local_as if _is_private(one) else one
                for one in part.systems
                if removal is PrivateAs.REPLACED or not _is_private(one)
            ),
        )
        for part in path
    )
    return tuple(part for part in replaced if part.systems)


def _is_private(system: int) -> bool:
    return any(system in block for block in _PRIVATE)
