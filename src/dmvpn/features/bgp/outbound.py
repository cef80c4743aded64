"""What one peer is told of a path: RFC 4271 §5.1 and §9.1.3, route reflection (RFC 4456), communities (RFC 1997).

The next hop decides what a DMVPN is. An external peer hears the address of a third router if that one is on the network
that we share with the peer (§5.1.3): so spokes that a hub joins go to each other directly (phase 2). `next-hop-self`
says ourselves instead (phase 1 and 3); reflected routes keep theirs, unless it has `all`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.routemaps import UNCHANGED, Changes
from dmvpn.features.bgp.attributes import Attributes, Community, Segment, prepended
from dmvpn.features.bgp.model import PrivateAs
from dmvpn.features.bgp.paths import DEFAULT_LOCAL_PREF, Path
from dmvpn.features.bgp.policy import changed

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.routemaps import RoutePolicies
    from dmvpn.features.bgp.settings import PeerSettings

#: Numbers that mean nothing elsewhere, RFC 6996 §5.
_PRIVATE: Final = (range(64512, 65535), range(4200000000, 4294967295))

#: In the first octet of an extended community, RFC 4360 §2.
_NOT_TRANSITIVE: Final = 0x40


@dataclass(frozen=True, slots=True)
class Receiver:
    """A peer that is told. local: our end of the session. shared: the connected network that both ends are on."""

    settings: PeerSettings
    local: IPv4Address
    router_id: IPv4Address
    cluster_id: IPv4Address
    shared: Prefix | None
    policies: RoutePolicies


def told(path: Path, receiver: Receiver, changes: Changes = UNCHANGED) -> Attributes | None:
    """The attributes that the peer hears; None: it does not hear of this path.

    changes: what the neighbor's route map sets. It comes before our own AS number, and its next hop is told as it is.
    """
    settings = receiver.settings
    if path.peer == settings.address or not _may_hear(path, receiver):
        return None
    attributes = _next_hop_of(path, receiver)
    path = replace(path, attributes=changed(path.attributes, changes))
    attributes = changed(attributes, changes)
    attributes = (
        _internally(path, attributes, receiver) if settings.internal else _externally(path, attributes, settings)
    )
    if changes.metric is not None:
        attributes = replace(attributes, med=changes.metric)
    return _with_communities(attributes, settings)


def default_route(receiver: Receiver, changes: Changes = UNCHANGED) -> Attributes:
    """What `default-originate` tells; changes: of its route map."""
    internal = receiver.settings.internal
    plain = Attributes(next_hop=receiver.local, local_pref=DEFAULT_LOCAL_PREF if internal else None)
    attributes = changed(plain, changes)
    if internal:
        return attributes
    return replace(attributes, path=prepended(attributes.path, *_ours(receiver.settings)), local_pref=None)


def _may_hear(path: Path, receiver: Receiver) -> bool:
    settings, communities = receiver.settings, path.attributes.communities
    if Community.NO_ADVERTISE in communities:
        return False
    if not settings.internal:
        return not {Community.NO_EXPORT, Community.NO_EXPORT_SUBCONFED} & {*communities}
    if path.own or not path.internal:
        return True
    return path.client or settings.lines.route_reflector_client  # RFC 4456 §6


def _next_hop_of(path: Path, receiver: Receiver) -> Attributes:
    lines, attributes, settings = receiver.settings.lines, path.attributes, receiver.settings
    hop = attributes.next_hop
    is_reflected = settings.internal and path.internal and not path.own
    if hop == UNSPECIFIED or hop == settings.address:
        keeps = False
    elif lines.next_hop_unchanged:
        keeps = True
    elif is_reflected:
        keeps = not lines.next_hop_self_all
    elif settings.internal:
        keeps = not lines.next_hop_self
    else:
        keeps = not lines.next_hop_self and receiver.shared is not None and hop in receiver.shared
    return attributes if keeps else replace(attributes, next_hop=receiver.local)


def _with_communities(attributes: Attributes, settings: PeerSettings) -> Attributes:
    """The attributes with the kinds of communities that the peer is told."""
    if not settings.lines.send_community:
        attributes = replace(attributes, communities=(), large=())
    if not settings.lines.send_extended:
        return replace(attributes, extended=())
    if settings.internal:
        return attributes
    # What is not transitive stays in our AS, RFC 4360 §6.
    return replace(attributes, extended=tuple(one for one in attributes.extended if not one[0] & _NOT_TRANSITIVE))


def _internally(path: Path, attributes: Attributes, receiver: Receiver) -> Attributes:
    attributes = replace(attributes, local_pref=path.local_pref)
    if path.own or not path.internal:
        return attributes
    return replace(
        attributes,
        originator=attributes.originator or path.identifier,
        clusters=(receiver.cluster_id, *attributes.clusters),
    )


def _externally(path: Path, attributes: Attributes, settings: PeerSettings) -> Attributes:
    systems = attributes.path
    systems = _without_private(systems, settings)
    if settings.lines.override_as:
        systems = tuple(
            Segment(
                part.kind,
                tuple(settings.local_as if one == settings.remote_as else one for one in part.systems),
            )
            for part in systems
        )
    return replace(
        attributes,
        path=prepended(systems, *_ours(settings)),
        local_pref=None,
        med=attributes.med if path.own else None,
        originator=None,
        clusters=(),
    )


def _ours(settings: PeerSettings) -> tuple[int, ...]:
    """The numbers that we put before a path: with `local-as` the real one follows, unless it is replaced."""
    if settings.local_as == settings.real_as or settings.lines.local_as_replaces:
        return (settings.local_as,)
    return settings.local_as, settings.real_as


def _without_private(path: tuple[Segment, ...], settings: PeerSettings) -> tuple[Segment, ...]:
    """The path without private numbers, or with ours instead of them; plainly, only if there are no others."""
    removal = settings.lines.remove_private_as
    if removal is PrivateAs.KEPT:
        return path
    if removal is PrivateAs.IF_ALL_ARE:
        return path if any(not _is_private(one) for part in path for one in part.systems) else ()
    replaced = (
        Segment(
            part.kind,
            tuple(
                settings.local_as if _is_private(one) else one
                for one in part.systems
                if removal is PrivateAs.REPLACED or not _is_private(one)
            ),
        )
        for part in path
    )
    return tuple(part for part in replaced if part.systems)


def _is_private(system: int) -> bool:
    return any(system in block for block in _PRIVATE)
