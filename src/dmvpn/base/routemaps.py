"""Conditions on routes and changes to routes, as values: prefix lists, access lists, route maps.

    MatchedRoute    a route as an argument of a query
    RoutePolicies   all lists and maps; policy has them (`ports.policies`), and routing protocols ask them
    Changes         what a route map makes of a route that it permits

The first entry that fits decides; without one the route is denied. As on IOS, an undefined prefix or access list
permits everything, and a match by such a list holds. Any other undefined name denies everything, which is the safe
side.

A prefix list of thousands of entries, found by prefix: the first entry that fits, without a look at all of them.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING, Final, Protocol, Self

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.communities import INTERNET, CommunityChange, CommunityKind, CommunityMatch, ExtendedChange, text_of
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.values import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from ipaddress import IPv4Address, IPv6Address

    from dmvpn.base.notices import Route, RouteSource
    from dmvpn.base.translation import Addresses


# ------------------------------------------------------------------------------------------------ prefix lists


#: What is before the name of a list of IPv6 among all lists: names themselves have no space.
IPV6_LIST: Final = "ipv6 "


class PrefixRule(Value):
    """One entry of a prefix list: prefixes inside of `prefix`, with a length between these two."""

    permit: bool
    prefix: Prefix
    shortest: int
    longest: int
    sequence: int = 0

    def fits(self, prefix: Prefix) -> bool:
        """Return whether it is about this prefix."""
        return self.shortest <= prefix.length <= self.longest and prefix in self.prefix


class PrefixIndex:
    """The entries of one list, by their prefixes. A route is inside of those alone that hold its address."""

    __slots__ = ("_table",)

    def __init__(self, rules: Iterable[PrefixRule]) -> None:
        self._table: PrefixTable[list[tuple[int, PrefixRule]]] = PrefixTable()
        for place, rule in enumerate(rules):
            alike = self._table.get(rule.prefix)
            if alike is None:
                alike = self._table[rule.prefix] = []
            alike.append((place, rule))

    def first(self, prefix: Prefix) -> PrefixRule | None:
        """Return the first entry that fits, None: none does."""
        found: tuple[int, PrefixRule] | None = None
        for _, rules in self._table.matches(prefix.address):
            for place, rule in rules:
                if found is not None and found[0] < place:
                    break
                if rule.fits(prefix):
                    found = place, rule
                    break
        return found[1] if found is not None else None


# ------------------------------------------------------------------------------------------------ route maps


class MatchedRoute(Value, kw_only=True):
    """A route, as far as a route map can look at it. next_hop, interface: None, "": it has none.

    metric: MED in BGP. as_path: as shows have it. kinds: the words of `match route-type` that hold. gateway: the
    neighbor that advertised the route. author: its originator, if that is another router (of OSPF a router identifier).
    owner: the protocol that put it into the routing table, with the number of its process.
    """

    prefix: Prefix
    next_hop: IPAddress | None = None
    interface: str = ""
    tag: int = 0
    metric: int = 0
    as_path: str = ""
    communities: tuple[int, ...] = ()
    extended: tuple[int, ...] = ()
    large: tuple[int, ...] = ()
    local_preference: int | None = None
    kinds: tuple[str, ...] = ()
    gateway: IPAddress | None = None
    author: IPAddress | None = None
    owner: tuple[RouteSource, str] | None = None

    @classmethod
    def of(cls, route: Route) -> Self:
        """Return a route of the routing table as a route map sees it."""
        hop = route.next_hops[0] if route.next_hops else None
        author = next(iter(route.told_by), None) or (hop.address if hop is not None else None)
        return cls(
            prefix=route.prefix,
            next_hop=hop.address if hop is not None else None,
            interface=hop.interface if hop is not None else "",
            tag=route.tag,
            metric=route.metric,
            kinds=_kinds(route),
            author=author,
            owner=(route.source, route.process),
        )

    def of_kind(self, kind: CommunityKind) -> tuple[int, ...]:
        """Return the route's communities of this kind."""
        if kind is CommunityKind.PLAIN:
            return self.communities
        return self.extended if kind is CommunityKind.EXTENDED else self.large


class AddressRule(Value):
    """One entry of an access list. mask: of the route's mask, in extended lists; None: every mask."""

    permit: bool
    address: Addresses
    mask: Addresses | None = None

    def fits(self, prefix: Prefix) -> bool:
        """Return whether it is about this prefix."""
        address = prefix.address
        if type(address) is not type(self.address.address) or not self.address.hold(address):
            return False
        return self.mask is None or self.mask.hold(prefix.netmask)


class TextPattern(Protocol):
    """A regular expression."""

    @property
    def pattern(self) -> str:
        """As it was typed."""

    def search(self, line: str) -> bool:
        """Return whether it matches somewhere in this text."""


class AttributeRule(Value):
    """One entry of an AS path or community list: a pattern, or communities that all have to be there."""

    permit: bool
    pattern: TextPattern | None = None
    communities: tuple[int, ...] = ()
    kind: CommunityKind = CommunityKind.PLAIN

    def fits_communities(self, communities: tuple[int, ...], *, exactly: bool) -> bool:
        """Return whether it is about a route with these communities. exactly: further communities are not allowed."""
        if self.pattern is not None:
            return self.pattern.search(text_of(self.kind, communities))
        wanted = {one for one in self.communities if one != INTERNET}
        return wanted == {*communities} if exactly else wanted <= {*communities}


class HopWord(enum.Enum):
    """What `set ip next-hop` says instead of an address, of routes of BGP."""

    #: The neighbor that advertised the route; outbound, our end of the session.
    PEER = "peer-address"
    SELF = "self"
    UNCHANGED = "unchanged"


class Changes(Value, kw_only=True):
    """Changes to a route; None, "" and () leave it as it is. prepend: AS numbers before the path, the first one first.

    step: added to the metric. vector: EIGRP's metric, as `redistribute ... metric` has it: kbit/s, tens of
    microseconds, reliability, load, MTU. next_hop, next_hop6: of routes of either IP version. repeat: how often the
    first AS of the path is put before it.
    """

    metric: int | None = None
    step: int = 0
    vector: tuple[int, ...] = ()
    metric_type: str = ""
    tag: int | None = None
    next_hop: IPv4Address | HopWord | None = None
    next_hop6: IPv6Address | HopWord | None = None
    local_preference: int | None = None
    weight: int | None = None
    origin: str = ""
    prepend: tuple[int, ...] = ()
    repeat: int = 0
    communities: CommunityChange | None = None
    extended: ExtendedChange | None = None
    large: CommunityChange | None = None

    def then(self, later: Changes) -> Changes:
        """Return one change that does what this one and then `later` do."""
        is_step = later.metric is None and self.metric is not None
        return Changes(
            metric=_stepped(self.metric or 0, later.step) if is_step else later.metric,
            step=self.step + later.step if later.metric is None and self.metric is None else 0,
            vector=later.vector or self.vector,
            metric_type=later.metric_type or self.metric_type,
            tag=self.tag if later.tag is None else later.tag,
            next_hop=later.next_hop or self.next_hop,
            next_hop6=later.next_hop6 or self.next_hop6,
            local_preference=self.local_preference if later.local_preference is None else later.local_preference,
            weight=self.weight if later.weight is None else later.weight,
            origin=later.origin or self.origin,
            prepend=later.prepend + self.prepend,
            repeat=self.repeat + later.repeat,
            communities=self.communities.then(later.communities) if self.communities else later.communities,
            extended=self.extended.then(later.extended) if self.extended else later.extended,
            large=self.large.then(later.large) if self.large else later.large,
        )

    @property
    def sets_metric(self) -> bool:
        """Whether they change the metric."""
        return self.metric is not None or self.step != 0

    def metric_of(self, present: int) -> int:
        """Return the metric of a route that has this one."""
        return _stepped(present, self.step) if self.metric is None else self.metric


def _stepped(metric: int, step: int) -> int:
    return min(max(metric + step, 0), _LARGEST_METRIC)


_LARGEST_METRIC: Final = 0xFFFFFFFF
#: A route stays as it is.
UNCHANGED: Final = Changes()


class MapRule(Value, kw_only=True):
    """One entry of a route map. Every kind of match must hold, of each kind one of its values; () holds always.

    Names of lists of IPv6 have `IPV6_LIST` before them; a list of the other version than the route's does not hold.
    source_access_lists, source_prefix_lists: match the routers that advertised the route. owners: protocols with their
    processes, "": any. deviations: metrics, each with the permitted deviation. communities: of all kinds. kinds: those
    of `match route-type`, each of one word or of two that must hold.
    deletes: the list of communities that `set comm-list` deletes, before communities are set; "": none.
    go_on: the sequence number of the entry that goes on after this one fitted; 0: the next one; None: it ends here.
    """

    sequence: int
    permit: bool
    access_lists: tuple[str, ...] = ()
    prefix_lists: tuple[str, ...] = ()
    next_hop_access_lists: tuple[str, ...] = ()
    next_hop_prefix_lists: tuple[str, ...] = ()
    source_access_lists: tuple[str, ...] = ()
    source_prefix_lists: tuple[str, ...] = ()
    owners: tuple[tuple[RouteSource, str], ...] = ()
    interfaces: tuple[str, ...] = ()
    as_paths: tuple[str, ...] = ()
    communities: tuple[CommunityMatch, ...] = ()
    tags: tuple[int, ...] = ()
    metrics: tuple[int, ...] = ()
    deviations: tuple[tuple[int, int], ...] = ()
    local_preferences: tuple[int, ...] = ()
    kinds: tuple[tuple[str, ...], ...] = ()
    changes: Changes = UNCHANGED
    deletes: str = ""
    go_on: int | None = None


class Counted(enum.Enum):
    """Of which entries it is counted how often they fitted."""

    PREFIX_LIST = "ip prefix-list"
    ROUTE_MAP = "route-map"


class RoutePolicies(Value):
    """All lists and maps, by name. hits: how often an entry fitted, by its kind, list or map, and sequence number."""

    access_lists: Mapping[str, Collection[AddressRule]] = field(default_factory=dict)
    prefix_lists: Mapping[str, Collection[PrefixRule]] = field(default_factory=dict)
    as_path_lists: Mapping[str, Collection[AttributeRule]] = field(default_factory=dict)
    community_lists: Mapping[str, Collection[AttributeRule]] = field(default_factory=dict)
    extended_lists: Mapping[str, Collection[AttributeRule]] = field(default_factory=dict)
    large_lists: Mapping[str, Collection[AttributeRule]] = field(default_factory=dict)
    route_maps: Mapping[str, Collection[MapRule]] = field(default_factory=dict)
    hits: dict[tuple[Counted, str, int], int] = field(default_factory=dict, compare=False, repr=False)
    _indexes: dict[str, PrefixIndex] = field(init=False, default_factory=dict, compare=False, repr=False)

    def access_list_permits(self, name: str, prefix: Prefix) -> bool:
        """Return whether the list lets the prefix through.

        Standard lists look at its address, extended ones also at its mask.
        """
        return _first(self.access_lists.get(name), prefix)

    def prefix_list_permits(self, name: str, prefix: Prefix) -> bool:
        """Return whether the list of this name, for the IP version of the prefix, lets the prefix through.

        A list that is defined for the other version alone lets nothing through.
        """
        if prefix.version != 4:
            named, name = name, f"{IPV6_LIST}{name}"
            if name not in self.prefix_lists:
                return named not in self.prefix_lists
        rules = self.prefix_lists.get(name)
        if not rules:
            return True
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = PrefixIndex(rules)
        rule = index.first(prefix)
        if rule is None:
            return False
        self._count(Counted.PREFIX_LIST, name, rule.sequence)
        return rule.permit

    def as_path_permits(self, name: str, as_path: str) -> bool:
        """Return whether the list lets the AS path through."""
        rules = self.as_path_lists.get(name, ())
        return next((rule.permit for rule in rules if rule.pattern is not None and rule.pattern.search(as_path)), False)

    def community_permits(self, match: CommunityMatch, communities: tuple[int, ...]) -> bool:
        """Return whether the list lets a route with these communities through."""
        lists = {
            CommunityKind.PLAIN: self.community_lists,
            CommunityKind.EXTENDED: self.extended_lists,
            CommunityKind.LARGE: self.large_lists,
        }
        rules = lists[match.kind].get(match.name, ())
        fitting = (rule.permit for rule in rules if rule.fits_communities(communities, exactly=match.exactly))
        return next(fitting, False)

    def mapped(self, name: str, route: MatchedRoute) -> Changes | None:
        """Return what the map makes of the route; None: it refuses the route.

        An entry that fits and says `continue` hands on to another, and what it permits stays permitted if none of
        the others fits.
        """
        result: Changes | None = None
        least = 0
        for rule in self.route_maps.get(name, ()):
            if rule.sequence < least or not self._fits(rule, route):
                continue
            self._count(Counted.ROUTE_MAP, name, rule.sequence)
            if not rule.permit:
                return None
            result = result or UNCHANGED
            if rule.deletes:
                there = (
                    route.communities if result.communities is None else result.communities.applied(route.communities)
                )
                match = CommunityMatch(rule.deletes)
                removed = tuple(one for one in there if self.community_permits(match, (one,)))
                result = result.then(Changes(communities=CommunityChange(additive=True, removed=removed)))
            result = result.then(rule.changes)
            if rule.go_on is None:
                return result
            least = rule.go_on
        return result

    def _count(self, kind: Counted, name: str, sequence: int) -> None:
        key = kind, name, sequence
        self.hits[key] = self.hits.get(key, 0) + 1

    def _fits(self, rule: MapRule, route: MatchedRoute) -> bool:
        return (
            self._is_listed(rule.access_lists, rule.prefix_lists, route.prefix)
            and self._is_listed(rule.next_hop_access_lists, rule.next_hop_prefix_lists, _next_hop(route))
            and (not rule.as_paths or any(self.as_path_permits(name, route.as_path) for name in rule.as_paths))
            and self._has_communities(rule, route)
            and (not rule.interfaces or route.interface in rule.interfaces)
            and (not rule.tags or route.tag in rule.tags)
            and self._is_listed(rule.source_access_lists, rule.source_prefix_lists, _source(route))
            and (not rule.owners or _is_owned(route, rule.owners))
            and _has_metric(rule, route.metric)
            and (not rule.local_preferences or route.local_preference in rule.local_preferences)
            and (not rule.kinds or any({*words} <= {*route.kinds} for words in rule.kinds))
        )

    def _has_communities(self, rule: MapRule, route: MatchedRoute) -> bool:
        """Return whether one list of each kind that the entry names permits the communities of the route."""
        verdicts: dict[CommunityKind, bool] = {}
        for one in rule.communities:
            verdicts[one.kind] = verdicts.get(one.kind, False) or self.community_permits(one, route.of_kind(one.kind))
        return all(verdicts.values())

    def _is_listed(self, access_lists: Sequence[str], prefix_lists: Sequence[str], prefix: Prefix | None) -> bool:
        """Return whether one of the lists permits it. If there are none, it need not."""
        if not (access_lists or prefix_lists):
            return True
        if prefix is None:
            return False
        is_six = prefix.version == 6
        own = [
            [name for name in lists if name.startswith(IPV6_LIST) is is_six] for lists in (access_lists, prefix_lists)
        ]
        return any(self.access_list_permits(name, prefix) for name in own[0]) or any(
            self.prefix_list_permits(name.removeprefix(IPV6_LIST), prefix) for name in own[1]
        )


def _kinds(route: Route) -> tuple[str, ...]:
    """Return the words of `match route-type` that hold for a route of the routing table."""
    if not route.external:
        return ("internal",)
    words = {"E1": ("external", "type-1"), "E2": ("external", "type-2"), "N1": ("nssa-external", "type-1")}
    return words.get(route.subtype, ("nssa-external", "type-2") if route.subtype == "N2" else ("external",))


def _next_hop(route: MatchedRoute) -> Prefix | None:
    return None if route.next_hop is None else Prefix.host(route.next_hop)


def _source(route: MatchedRoute) -> Prefix | None:
    """Return the router that advertised the route."""
    source = route.author or route.gateway
    return None if source is None else Prefix.host(source)


def _is_owned(route: MatchedRoute, owners: Iterable[tuple[RouteSource, str]]) -> bool:
    if route.owner is None:
        return False
    source, process = route.owner
    return any(wanted is source and number in ("", process) for wanted, number in owners)


def _has_metric(rule: MapRule, metric: int) -> bool:
    if not rule.metrics and not rule.deviations:
        return True
    return metric in rule.metrics or any(abs(metric - middle) <= most for middle, most in rule.deviations)


def _first(rules: Collection[AddressRule] | None, prefix: Prefix) -> bool:
    """Return the verdict of the first rule that fits.

    None: there is no such list. An empty list permits everything, too.
    """
    return not rules or next((rule.permit for rule in rules if rule.fits(prefix)), False)
