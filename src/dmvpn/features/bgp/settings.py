"""The effective settings of one peer: its own lines, those of its group and templates, the defaults of the process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from operator import attrgetter
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.streams import StreamPeer
from dmvpn.base.values import Value, copier
from dmvpn.features.bgp.model import (
    IPV4_KEY,
    NO_CONFEDERATION,
    ONE_PATH,
    Additional,
    BgpConfig,
    Confederation,
    NeighborLines,
)

#: Fields of a neighbor that are not inherited.
_OWN: Final = frozenset({"peer", "is_group", "group", "session_template", "policy_templates"})
_INHERITED: Final = tuple(one.name for one in fields(NeighborLines) if one.name not in (*_OWN, "filters"))
#: A router may have thousands of neighbors that have all lines from their group.
_inheritable: Final = attrgetter(*_INHERITED)
_inheriting: Final = copier(NeighborLines, "filters", *_INHERITED)
_of_templates: Final = copier(NeighborLines, "session_template", "policy_templates")
_UNSAID: Final = _inheritable(NeighborLines(peer=""))
#: Maximum depth of template inheritance, as on IOS.
_DEEPEST: Final = 8
#: Seconds between two announcements to an external peer, RFC 4271 §9.2.1.1; the value of IOS.
_EXTERNAL_INTERVAL: Final = 30
LARGEST_TTL: Final = 255


class PeerSettings(Value):
    """The effective settings of a peer. lines: its own and the inherited ones.

    local_as: the AS number that we present to it; real_as: that of the process, or outside our confederation that of
    the confederation. system: that of the process.
    helps: its routes are kept if it restarts.
    least_hold_time: seconds; the peer is refused if it proposes a smaller hold time.
    additional: whether several paths to a prefix are sent to it and received from it.
    in_vrf: it is a neighbor in a VRF.
    family: the key of the address family of these settings. active: its routes are exchanged with the peer.
    others: its settings in the other families in which it is active.
    """

    address: IPAddress
    local_as: int
    remote_as: int
    keepalive: int
    hold_time: int
    lines: NeighborLines
    real_as: int = 0
    helps: bool = False
    least_hold_time: int = 0
    additional: Additional = ONE_PATH
    system: int = 0
    confederation: Confederation = NO_CONFEDERATION
    in_vrf: bool = False
    family: bytes = IPV4_KEY
    active: bool = True
    others: tuple[PeerSettings, ...] = ()

    @property
    def in_families(self) -> tuple[PeerSettings, ...]:
        """Its settings in each family in which it is active."""
        return (self, *self.others) if self.active else self.others

    @property
    def families(self) -> tuple[tuple[bytes, Additional], ...]:
        """Those families, and whether several paths to a prefix are sent and received."""
        return tuple((one.family, one.additional) for one in self.in_families)

    @property
    def extended(self) -> bool:
        """Whether next hops of IPv6 are offered for routes of IPv4: over IPv6, with that family."""
        return self.lines.extended and self.address.version == 6 and any(key == IPV4_KEY for key, _ in self.families)

    @property
    def confederate(self) -> bool:
        """Whether it is in another member AS of our confederation."""
        return not self.internal and self.confederation.has(self.remote_as)

    @property
    def internal(self) -> bool:
        """Whether it is in our own AS."""
        return self.local_as == self.remote_as

    @property
    def ttl(self) -> int:
        """TTL of our packets to it: an external peer is one hop away unless configured otherwise."""
        if self.internal or self.lines.security_hops:
            return LARGEST_TTL
        return 1 if self.lines.ebgp_ttl is None else self.lines.ebgp_ttl

    @property
    def minimum_ttl(self) -> int:
        """Minimum TTL of its packets to us, RFC 5082 §3; 0: any."""
        hops = self.lines.security_hops
        return LARGEST_TTL - hops if hops else 0

    @property
    def is_leaving(self) -> bool:
        """Whether it is in graceful shutdown (RFC 8326)."""
        return self.lines.shutdown and bool(self.lines.shutdown_delay)

    @property
    def must_be_connected(self) -> bool:
        """Whether it must be on a connected network."""
        return not self.internal and self.ttl == 1 and not self.lines.anywhere

    @property
    def advertisement_interval(self) -> float:
        """Seconds between two announcements to it."""
        return float(advertisement_interval(self.lines, internal=self.internal, in_vrf=self.in_vrf))


def advertisement_interval(lines: NeighborLines, *, internal: bool, in_vrf: bool) -> int:
    """Return the seconds between two announcements. IOS waits by default only for external peers outside of VRFs."""
    if lines.advertisement_interval is not None:
        return lines.advertisement_interval
    return 0 if internal or in_vrf else _EXTERNAL_INTERVAL


def settings_of(
    config: BgpConfig,
    address: IPAddress,
    lines: NeighborLines,
    groups: Mapping[str, NeighborLines] | None = None,
    elsewhere: Sequence[_Elsewhere] | None = None,
) -> PeerSettings | None:
    """Return the settings of a peer with these lines; None: it has no AS number, or is not active in any family.
    groups, elsewhere: the results of `groups_of` and `elsewhere_of`, to save time with many peers.
    """
    merged = with_group(config, lines, groups)
    is_active = config.active_by_default and address.version == 4 if merged.active is None else merged.active
    found = (
        settings_of(one, address, known.get(address, lines))
        for one, known in (elsewhere_of(config) if elsewhere is None else elsewhere)
    )
    others = tuple(one for one in found if one is not None)
    if merged.remote_as is None or not (is_active or others):
        return None
    keepalive, hold, least = merged.timers or config.timers
    helps = config.graceful_restart if merged.helps is None else merged.helps
    is_inside = merged.remote_as == config.local_as or config.confederation.has(merged.remote_as)
    real_as = config.local_as if is_inside else config.outer_as
    return PeerSettings(
        address,
        merged.local_as or real_as,
        merged.remote_as,
        keepalive,
        hold,
        merged,
        real_as,
        helps,
        least,
        config.additional if merged.additional is None else merged.additional,
        config.local_as,
        config.confederation,
        config.in_vrf,
        config.family,
        is_active,
        others,
    )


#: The lines of another family, and those of its neighbors by address.
_Elsewhere = tuple[BgpConfig, "Mapping[IPAddress | str, NeighborLines]"]


def elsewhere_of(config: BgpConfig) -> Sequence[_Elsewhere]:
    """Return the lines of the other families, by neighbor; there may be thousands."""
    return [(one, {lines.peer: lines for lines in one.neighbors}) for one in config.others]


def configured_peers(config: BgpConfig) -> dict[IPAddress, PeerSettings]:
    """Return the settings of peers configured by address, in the order of the configuration."""
    found = {}
    groups, elsewhere = groups_of(config), elsewhere_of(config)
    for lines in config.neighbors:
        if not isinstance(lines.peer, str):
            settings = settings_of(config, lines.peer, lines, groups, elsewhere)
            if settings is not None:
                found[lines.peer] = settings
    return found


def changed_peers(old: BgpConfig, config: BgpConfig) -> dict[IPAddress, PeerSettings | None] | None:
    """Return the settings of the peers whose own lines changed; None: the lines of a group changed, which
    has members.
    """
    gone, came = config.neighbors.changes(old.neighbors)
    changed: dict[IPAddress, PeerSettings | None] = {}
    for lines in (*gone.values(), *came.values()):
        if isinstance(lines.peer, str):
            return None
        changed[lines.peer] = None
    for lines in came.values():
        if not isinstance(lines.peer, str):
            changed[lines.peer] = settings_of(config, lines.peer, lines)
    return changed


def guest(
    config: BgpConfig, address: IPAddress, groups: Mapping[str, NeighborLines] | None = None, *, remote_as: int = 0
) -> PeerSettings | None:
    """Return the settings of a dynamic neighbor with this address; None: no `bgp listen range` contains it.

    remote_as: the AS number in its OPEN; 0: none received yet.
    """
    ranges = [one for one in config.listen_ranges if address in one.prefix]
    closest = max(ranges, key=lambda one: one.prefix.length, default=None)
    if closest is None:
        return None
    lines = NeighborLines(peer=address, group=closest.group)
    settings = settings_of(config, address, lines, groups)
    if settings is None or remote_as not in settings.lines.alternates:
        return settings
    return settings_of(config, address, replace(lines, remote_as=remote_as), groups)


def longest_hold_time(config: BgpConfig) -> int:
    """Return the longest configured hold time, seconds; 0: no session is configured."""
    guests = [guest(config, one.prefix.address) for one in config.listen_ranges]
    known = [*configured_peers(config).values(), *(one for one in guests if one is not None)]
    return max((settings.hold_time for settings in known), default=0)


def caller_of(settings: PeerSettings) -> StreamPeer | None:
    """Return the source from which a peer's connections are accepted; None: the peer is shut down."""
    if settings.lines.shutdown:
        return None
    return StreamPeer(Prefix.host(settings.address), settings.lines.password, settings.minimum_ttl, settings.ttl)


def calling_guests(config: BgpConfig) -> Iterator[StreamPeer]:
    """Yield the listen ranges from which connections are accepted."""
    for one in config.listen_ranges:
        first = one.prefix.address
        example = settings_of(config, first, NeighborLines(peer=first, group=one.group))
        if example is not None and not example.lines.shutdown:
            yield StreamPeer(one.prefix, example.lines.password, example.minimum_ttl, example.ttl)


def groups_of(config: BgpConfig) -> dict[str, NeighborLines]:
    """Return the lines of the peer groups by name; there may be thousands of neighbors besides."""
    return {one.peer: one for one in config.neighbors if isinstance(one.peer, str) and one.is_group}


def with_group(
    config: BgpConfig, lines: NeighborLines, groups: Mapping[str, NeighborLines] | None = None
) -> NeighborLines:
    """Return the lines of a neighbor, completed by those of its group and its templates."""
    group = (groups_of(config) if groups is None else groups).get(lines.group) if lines.group else None
    if group is not None:
        lines = _inherited(lines, group)
        session, policies = lines.session_template, lines.policy_templates
        lines = _of_templates(lines, session or group.session_template, policies or group.policy_templates)
    return with_templates(config, lines)


def with_templates(config: BgpConfig, lines: NeighborLines) -> NeighborLines:
    """Return the lines, completed by those of the templates that they inherit."""
    for template in templates(config, lines):
        lines = _inherited(lines, template)
    return lines


def templates(config: BgpConfig, lines: NeighborLines) -> Iterator[NeighborLines]:
    """Yield the inherited templates, directly and through other templates; the one with the highest precedence comes
    first.
    """
    sessions = {one.peer: one for one in config.session_templates}
    policies = {one.peer: one for one in config.policy_templates}
    heir = lines
    for _ in range(_DEEPEST):
        parent = sessions.get(heir.session_template)
        if parent is None:
            break
        yield parent
        heir = parent
    waiting = [name for _, name in reversed(lines.policy_templates)]
    for _ in range(_DEEPEST):
        template = policies.get(waiting.pop(0)) if waiting else None
        if template is not None:
            yield template
            waiting += [name for _, name in reversed(template.policy_templates)]


def _inherited(lines: NeighborLines, parent: NeighborLines) -> NeighborLines:
    """Return the lines, completed by those of `parent`."""
    own = {(one.kind, one.direction) for one in lines.filters}
    filters = (*lines.filters, *(one for one in parent.filters if (one.kind, one.direction) not in own))
    values = zip(_inheritable(lines), _UNSAID, _inheritable(parent), strict=True)
    return _inheriting(lines, filters, *(theirs if said == unsaid else said for said, unsaid, theirs in values))


def session_lines(settings: PeerSettings) -> tuple[object, ...]:
    """Return the settings of which a change needs a new session."""
    lines = settings.lines
    return (
        *(settings.local_as, settings.remote_as, settings.keepalive, settings.hold_time, settings.ttl),
        *(settings.families, settings.system, settings.confederation.identifier, settings.confederate),
        *(lines.update_source, lines.anywhere, lines.passive, lines.security_hops, lines.plain_refresh, lines.extended),
    )


def inward_lines(settings: PeerSettings) -> tuple[object, ...]:
    """Return the settings that affect how received routes are processed."""
    lines = settings.lines
    leaves = settings.is_leaving, lines.shutdown_preference
    return (
        *(lines.allow_own_as, lines.weight, lines.route_reflector_client, lines.filters, lines.local_as_prepends),
        *leaves,
    )


def are_guests_alike(old: BgpConfig, new: BgpConfig) -> bool:
    """Return whether the settings of all dynamic neighbors are unchanged."""
    firsts = [one.prefix.address for one in new.listen_ranges]
    return old.listen_ranges == new.listen_ranges and all(guest(old, one) == guest(new, one) for one in firsts)
