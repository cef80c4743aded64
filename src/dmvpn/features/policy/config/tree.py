"""From the configuration tree to the typed model.

When a line changes, only its entry of its list does: a list may have 100,000 entries, and there may be as many lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Generic, NamedTuple, TypeVar, cast

from dmvpn.base import communities
from dmvpn.base.addresses import EVERY_BIT, Prefix
from dmvpn.base.filters import ESTABLISHED, Condition, Flags, Ranges
from dmvpn.base.notices import RouteSource
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.routemaps import IPV6_LIST, AttributeRule, Changes, HopWord, MapRule, PrefixRule
from dmvpn.features.policy.config import access_lists, conditions, objects, route_maps
from dmvpn.features.policy.model import (
    ALL,
    ALL6,
    ANY,
    ANY6,
    HEADERS6,
    PROTOCOLS,
    PROTOCOLS6,
    AccessEntry,
    AddressRange,
    PolicyConfig,
    PortRanges,
)
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section
from dmvpn.ios.filters import Pattern
from dmvpn.net.ipv6 import EXTENSION_HEADERS, HOP_BY_HOP

# ------------------------------------------------------------------------------------------------ lists


V = TypeVar("V")
STEP = 10


class ListEntry(NamedTuple, Generic[V]):
    """One entry. listed: the name of its list. sequence: None in lists whose entries are in the order of entry."""

    listed: str
    sequence: int | None
    rule: V


class Lists(Generic[V]):
    """All lists of a kind by name."""

    def __init__(self) -> None:
        self.lists: Mapping[str, Pages[V]] = {}

    def follow(self, gone: Mapping[int, ListEntry[V]], came: Mapping[int, ListEntry[V]]) -> None:
        """See `Follower`."""
        changes: dict[str, dict[int, V | None]] = {}
        for number, entry in gone.items():
            place = number if entry.sequence is None else entry.sequence
            changes.setdefault(entry.listed, {})[place] = None
        for number, entry in came.items():
            place = number if entry.sequence is None else entry.sequence
            changes.setdefault(entry.listed, {})[place] = entry.rule
        lists = dict(self.lists)
        for name, changed in changes.items():
            lists[name] = lists.get(name, NONE).turned(changed)
            if not lists[name]:
                del lists[name]
        self.lists = lists


class Numbered:
    """Access lists in one line for each entry: the n-th one of a list has the number 10 n, remarks have theirs, too."""

    def __init__(self) -> None:
        self.lists: Mapping[str, Pages[AccessEntry]] = {}
        self._entries: dict[str, dict[int, AccessEntry | None]] = {}

    def follow(
        self, gone: Mapping[int, ListEntry[AccessEntry | None]], came: Mapping[int, ListEntry[AccessEntry | None]]
    ) -> None:
        """See `Follower`."""
        lists, again = dict(self.lists), {entry.listed: None for entry in gone.values()}
        for number, entry in gone.items():
            del self._entries[entry.listed][number]
        behind: dict[str, dict[int, AccessEntry | None]] = {}
        for number, entry in came.items():
            entries = self._entries.setdefault(entry.listed, {})
            if entries and next(reversed(entries)) > number:
                again[entry.listed] = None
            entries[number] = entry.rule
            behind.setdefault(entry.listed, {}).update(_numbered(len(entries), entry.rule))
        for name, entries in behind.items():
            lists[name] = lists.get(name, NONE).turned(entries)
        for name in again:
            entries = self._entries[name] = dict(sorted(self._entries[name].items()))
            rules: dict[int, AccessEntry | None] = {}
            for place, rule in enumerate(entries.values(), 1):
                rules |= _numbered(place, rule)
            renumbered: Pages[AccessEntry] = Pages()
            lists[name] = renumbered.turned(rules)
            if not entries:
                del lists[name], self._entries[name]
        self.lists = lists


def _numbered(place: int, rule: AccessEntry | None) -> dict[int, AccessEntry | None]:
    sequence = STEP * place
    return {sequence: None if rule is None else replace(rule, sequence=sequence)}


def behind(entries: Pages[AccessEntry], more: Iterable[AccessEntry]) -> Pages[AccessEntry]:
    """Return a list, and behind its entries those of the other form."""
    last = max((entry.sequence for entry in entries), default=0)
    first = last - last % STEP
    return entries.turned({first + entry.sequence: replace(entry, sequence=first + entry.sequence) for entry in more})


# ------------------------------------------------------------------------------------------------ the model


_COMMUNITY_LINES: Final = {
    communities.CommunityKind.PLAIN: route_maps.MATCH_COMMUNITY,
    communities.CommunityKind.EXTENDED: route_maps.MATCH_EXTENDED,
    communities.CommunityKind.LARGE: route_maps.MATCH_LARGE,
}
#: EIGRP's metric in `set metric`.
_VECTOR: Final = ("value", "delay", "reliability", "load", "mtu")
_ROUTE_TYPES: Final = ("internal", "local", "external", "nssa-external", "type-1", "type-2")


def read(tree: ConfigTree) -> PolicyConfig:
    """Return what the configuration says of lists and maps. Key chains are read by the protocols that use them."""
    four, six = (
        tree.following(line, _prefix_entry, _PrefixLists).lists for line in (access_lists.ENTRY, access_lists.ENTRY6)
    )
    return PolicyConfig(
        access_lists=_access_lists(tree),
        ipv6_lists=dict(tree.made(access_lists.IPV6, _ipv6_list)),
        prefix_lists={**four, **six} if six else four,
        as_path_lists=tree.following(route_maps.AS_PATH, _attribute_rule, _AttributeLists).lists,
        community_lists=_lists(tree, route_maps.COMMUNITIES_STANDARD, route_maps.COMMUNITIES_EXPANDED, _attribute_rule),
        extended_lists=_lists(tree, route_maps.EXTENDED_STANDARD, route_maps.EXTENDED_EXPANDED, _extended_rule),
        large_lists=_lists(tree, route_maps.LARGE_STANDARD, route_maps.LARGE_EXPANDED, _large_rule),
        route_maps=tree.following(route_maps.ROUTE_MAP, _map_entry, _RouteMaps).lists,
        networks=dict(tree.made(objects.NETWORK_GROUP, objects.network_group)),
        services=dict(tree.made(objects.SERVICE_GROUP, objects.service_group)),
        time_ranges=dict(tree.made(objects.TIME_RANGE, objects.time_range)),
    )


def _lists(
    tree: ConfigTree, standard: ConfigLine, expanded: ConfigLine, make: Callable[[Args], ListEntry[AttributeRule]]
) -> dict[str, Pages[AttributeRule]]:
    """Return the lists of a kind of communities; a name may have entries of both forms."""
    plain = tree.following(standard, make, _AttributeLists).lists
    patterns = tree.following(expanded, make, _AttributeLists).lists
    both = {name: Pages((*plain[name], *patterns[name])) for name in plain if name in patterns}
    return {**plain, **patterns, **both}


class _PrefixLists(Lists["PrefixRule"]):
    """Prefix lists."""


class _AttributeLists(Lists["AttributeRule"]):
    """Lists that look at an attribute of BGP."""


class _RouteMaps(Lists["MapRule"]):
    """Route maps."""


class _AccessEntries(Lists["AccessEntry"]):
    """The entries of one access list, which has no name here."""


def _access_lists(tree: ConfigTree) -> dict[tuple[str, bool], Pages[AccessEntry]]:
    """Return all lists; what both forms say about one number is one list."""
    found: dict[tuple[str, bool], Pages[AccessEntry]] = {}
    for is_extended, line, numbered_line in (
        (False, access_lists.STANDARD, access_lists.STANDARD_NUMBERED),
        (True, access_lists.EXTENDED, access_lists.EXTENDED_NUMBERED),
    ):
        numbered = tree.following(numbered_line, _numbered_entry, Numbered).lists
        found |= {(name, is_extended): entries for name, entries in numbered.items()}
        for name, entries in tree.made(line, _access_list):
            found[name, is_extended] = behind(entries, numbered[name]) if name in numbered else entries
    return found


def _access_list(args: Args, section: Section) -> tuple[str, Pages[AccessEntry]]:
    line = (
        access_lists.EXTENDED_ENTRY if section.get(access_lists.STANDARD_ENTRY) is None else access_lists.STANDARD_ENTRY
    )
    entries = section.following(line, _named_entry, _AccessEntries).lists.get("", NONE)
    return args.text("name"), entries


def _ipv6_list(args: Args, section: Section) -> tuple[str, Pages[AccessEntry]]:
    entries = section.following(access_lists.IPV6_ENTRY, _ipv6_entry, _AccessEntries).lists.get("", NONE)
    return args.text("name"), entries


def _ipv6_entry(args: Args) -> ListEntry[AccessEntry] | None:
    found = None if "remark" in args else _access_entry(args, args.integer("sequence"), 6)
    return None if found is None else ListEntry("", found.sequence, found)


def _named_entry(args: Args) -> ListEntry[AccessEntry] | None:
    return (
        None
        if "remark" in args
        else ListEntry("", args.integer("sequence"), _access_entry(args, args.integer("sequence")))
    )


def _numbered_entry(args: Args) -> ListEntry[AccessEntry | None]:
    return ListEntry(str(args.integer("number")), None, None if "remark" in args else _access_entry(args, 0))


def _access_entry(args: Args, sequence: int, version: int = 4) -> AccessEntry:
    texts, every = tuple(_texts(args)), ALL if version == 4 else ALL6
    return AccessEntry(
        sequence=sequence,
        permit="permit" in args,
        source=_range(args, "source") if version == 4 else _range6(args, "source"),
        destination=_range(args, "destination") if version == 4 else _range6(args, "destination"),
        protocol=_protocol(args, version),
        source_ports=_ports(args, "source_ports"),
        destination_ports=_ports(args, "destination_ports"),
        services=args.text("services", ""),
        asks=_asks(args, every, version) if texts or version == 6 else every,
        texts=texts,
        time_range=args.text("time-range", "") if "time-range" in args else "",
        unfit=next((word for word in access_lists.UNFIT if word in args), args.text("report", "")),
        log=next((word for word in ("log-input", "log") if word in args), ""),
    )


def _range(args: Args, name: str) -> AddressRange:
    address = args.address(name, None)
    wildcard = args.address(f"{name}_wildcard", IPv4Address(0))
    group = args.text(f"{name}_group", "")
    if group:
        return AddressRange(ANY.address, ANY.wildcard, group)
    return ANY if address is None else AddressRange(IPv4Address(int(address) & ~int(wildcard)), wildcard)


def _range6(args: Args, name: str) -> AddressRange:
    said = args.get(name)
    if said is None:
        return ANY6
    prefix = said if isinstance(said, Prefix) else Prefix.host(args.address6(name))
    return AddressRange(prefix.address, IPv6Address(EVERY_BIT[IPv6Address] >> prefix.length))


def _protocol(args: Args, version: int) -> int | None:
    number, known = args.integer("protocol", None), PROTOCOLS if version == 4 else PROTOCOLS6
    words = (value for word, value in known.items() if word in args and word not in args.values_given)
    return next(words, None) if number is None else number


def _ports(args: Args, name: str) -> PortRanges | None:
    return None if args.get(name) is None else PortRanges(*_numbers_of(args, name))


def _numbers_of(args: Args, name: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    # The value type of ports makes such a pair of the words.
    return cast("tuple[str, tuple[tuple[int, int], ...]]", args.get(name))


def _asks(args: Args, every: Condition, version: int) -> Condition:
    """Return what a packet must have besides addresses, protocol and ports."""
    # No hop limit is meant by packets that no list can look at: they are dropped before.
    ttl: Ranges | None = () if "undetermined-transport" in args else None
    return replace(
        every,
        icmp=conditions.icmp_of(args.text("message"), version) if "message" in args.values_given else None,
        flags=_flags(args),
        service=_service(args),
        ttl=_numbers_of(args, "ttl")[1] if "ttl" in args else ttl,
        option=conditions.option_of(args.text("option")) if "option" in args else _header(args, version),
        fragments="fragments" in args,
    )


def _header(args: Args, version: int) -> int | None:
    """Return the number of the extension header that an IPv6 entry asks for, as its protocol or besides."""
    protocol = _protocol(args, version)
    if version == 6 and protocol in EXTENSION_HEADERS:
        return protocol
    return next((header for word, header in HEADERS6.items() if word in args), None)


def _texts(args: Args) -> Iterator[str]:
    """Yield the same as the line has it."""
    yield from (args.text(name) for name in ("message", "report") if name in args.values_given)
    is_hop_by_hop = _protocol(args, 6) == HOP_BY_HOP  # its word is that of the protocol
    yield from (word for word in access_lists.CONDITIONS if word in args and not (is_hop_by_hop and word == "hbh"))
    yield from (f"{word} {args.text(word)}" for word in access_lists.VALUED if word in args)
    if "ttl" in args:
        yield f"ttl {_numbers_of(args, 'ttl')[0]}"


def _flags(args: Args) -> Flags | None:
    for word in ("match-all", "match-any"):
        if word in args:
            return conditions.flags_of(args.text(word), is_any=word == "match-any")
    named = [conditions.flag_of(word) for word in conditions.FLAGS if word in args]
    found = ESTABLISHED.set if "established" in args else 0
    for flag in named:
        found |= flag
    return Flags(found, is_any=True) if found else None


def _service(args: Args) -> tuple[int, int] | None:
    """Return the octet of DSCP, precedence and type of service, and its bits that count."""
    meanings = (("dscp", conditions.dscp_of), ("precedence", conditions.precedence_of), ("tos", conditions.tos_of))
    found = [meaning(args.text(word)) for word, meaning in meanings if word in args]
    if not found:
        return None
    value = mask = 0
    for part, bits in found:
        value, mask = value | part, mask | bits
    return value, mask


def _prefix_entry(args: Args) -> ListEntry[PrefixRule]:
    prefix, least = args.prefix("prefix"), args.integer("least", None)
    entry = PrefixRule(
        permit="permit" in args,
        prefix=prefix,
        shortest=prefix.length if least is None else least,
        longest=args.integer("most", prefix.length if least is None else prefix.width),
        sequence=args.integer("sequence"),
    )
    return ListEntry(IPV6_LIST * (prefix.version == 6) + args.text("name"), entry.sequence, entry)


def _attribute_rule(args: Args) -> ListEntry[AttributeRule]:
    """Return an entry of a list that looks at an attribute of BGP."""
    pattern = Pattern(args.text("regex")) if "regex" in args else None
    name = args.text("name", "") or str(args.integer("number"))
    return ListEntry(name, None, AttributeRule("permit" in args, pattern, _communities(args)))


def _large_rule(args: Args) -> ListEntry[AttributeRule]:
    """Return an entry of a list of large communities."""
    entry = _attribute_rule(args)
    return entry._replace(rule=replace(entry.rule, kind=communities.CommunityKind.LARGE))


def _extended_rule(args: Args) -> ListEntry[AttributeRule]:
    """Return an entry of a list of extended communities."""
    entry = _attribute_rule(args)
    origin = args.integer("origin", None)
    site = () if origin is None else (communities.extended(communities.ORIGIN, origin),)
    rule = replace(entry.rule, kind=communities.CommunityKind.EXTENDED, communities=(*_targets(args), *site))
    return entry._replace(rule=rule)


def _targets(args: Args) -> tuple[int, ...]:
    numbers = (args.integer(f"target{place}", None) for place in range(1, 5))
    return tuple(communities.extended(communities.TARGET, number) for number in numbers if number is not None)


def _communities(args: Args) -> tuple[int, ...]:
    numbers = (args.integer(f"community{place}", None) for place in range(1, 9))
    return tuple(number for number in numbers if number is not None)


def _map_entry(args: Args, section: Section) -> ListEntry[MapRule]:
    go_on = section.get(route_maps.CONTINUE)
    rule = MapRule(
        sequence=args.integer("sequence"),
        permit="deny" not in args,
        access_lists=_names(section, route_maps.MATCH_ADDRESS, route_maps.MATCH_ADDRESS6),
        prefix_lists=_names(section, route_maps.MATCH_PREFIX, route_maps.MATCH_PREFIX6),
        next_hop_access_lists=_names(section, route_maps.MATCH_NEXT_HOP, route_maps.MATCH_NEXT_HOP6),
        next_hop_prefix_lists=_names(section, route_maps.MATCH_NEXT_HOP_PREFIX, route_maps.MATCH_NEXT_HOP_PREFIX6),
        source_access_lists=_names(section, route_maps.MATCH_SOURCE, route_maps.MATCH_SOURCE6),
        source_prefix_lists=_names(section, route_maps.MATCH_SOURCE_PREFIX, route_maps.MATCH_SOURCE_PREFIX6),
        owners=tuple(_owner(entry) for entry in section.all(route_maps.MATCH_PROTOCOL)),
        interfaces=tuple(
            name for entry in section.all(route_maps.MATCH_INTERFACE) for name in entry.texts("interface")
        ),
        as_paths=tuple(map(str, _numbers(section, route_maps.MATCH_AS_PATH))),
        communities=tuple(
            communities.CommunityMatch(name, "exact-match" in entry, kind)
            for kind, line in _COMMUNITY_LINES.items()
            for entry in section.all(line)
            for name in entry.texts("list")
        ),
        deletes=section.args(route_maps.DELETE_COMMUNITIES).text("list", ""),
        tags=_numbers(section, route_maps.MATCH_TAG),
        metrics=_numbers(section, route_maps.MATCH_METRIC),
        deviations=tuple(
            (entry.integer("value"), entry.integer("deviation")) for entry in section.all(route_maps.MATCH_DEVIATION)
        ),
        local_preferences=_numbers(section, route_maps.MATCH_LOCAL_PREFERENCE),
        kinds=tuple(
            tuple(word for word in _ROUTE_TYPES if word in entry) for entry in section.all(route_maps.MATCH_ROUTE_TYPE)
        ),
        changes=_changes(section),
        go_on=go_on.integer("sequence", 0) if go_on is not None else None,
    )
    return ListEntry(args.text("name"), rule.sequence, rule)


def _owner(args: Args) -> tuple[RouteSource, str]:
    source = next(source for source in RouteSource if source.value in args)
    number = args.integer(source.value, None) if source.value in args.values_given else None
    return source, "" if number is None else str(number)


def _changes(section: Section) -> Changes:
    prepend, marks = section.get(route_maps.PREPEND), section.get(route_maps.SET_COMMUNITY)
    targets, site = section.get(route_maps.SET_TARGETS), section.get(route_maps.SET_SITE)
    large, metric = section.get(route_maps.SET_LARGE), section.args(route_maps.SET_METRIC)
    hop, hop6 = section.args(route_maps.SET_NEXT_HOP), section.args(route_maps.SET_NEXT_HOP6)
    return Changes(
        metric=None if "mtu" in metric.values_given else metric.integer("value", None),
        step=metric.integer("step", 0),
        vector=tuple(metric.integer(name) for name in _VECTOR) if "mtu" in metric.values_given else (),
        metric_type=_word(section, route_maps.SET_METRIC_TYPE, ("type-1", "type-2", "internal", "external")),
        tag=section.args(route_maps.SET_TAG).integer("value", None),
        next_hop=_hop_word(hop) or hop.address("address", None),
        next_hop6=_hop_word(hop6) or (hop6.address6("address") if "address" in hop6.values_given else None),
        local_preference=section.args(route_maps.SET_LOCAL_PREFERENCE).integer("value", None),
        weight=section.args(route_maps.SET_WEIGHT).integer("value", None),
        origin=_word(section, route_maps.SET_ORIGIN, ("igp", "incomplete")),
        prepend=_prepended(prepend) if prepend else (),
        repeat=section.args(route_maps.PREPEND).integer("times", 0),
        communities=communities.CommunityChange(_communities(marks), "additive" in marks) if marks else None,
        extended=_extended(targets, site) if targets or site else None,
        large=communities.CommunityChange(_communities(large), "additive" in large) if large else None,
    )


def _hop_word(args: Args) -> HopWord | None:
    return next((word for word in HopWord if word.value in args), None)


def _extended(targets: Args | None, site: Args | None) -> communities.ExtendedChange:
    return communities.ExtendedChange(
        _targets(targets) if targets else (),
        additive=targets is not None and "additive" in targets,
        origin=communities.extended(communities.ORIGIN, site.integer("origin")) if site else None,
    )


def _names(section: Section, line: ConfigLine, line6: ConfigLine) -> tuple[str, ...]:
    """Return the names of lists, those of IPv6 as such."""
    found = tuple(name for args in section.all(line) for name in args.texts("list"))
    return found + tuple(f"{IPV6_LIST}{name}" for args in section.all(line6) for name in args.texts("list"))


def _numbers(section: Section, line: ConfigLine) -> tuple[int, ...]:
    """Return the numbers of all such lines, of which a line may have several."""
    return tuple(int(text) for args in section.all(line) for text in args.texts("value"))


def _word(section: Section, line: ConfigLine, words: tuple[str, ...]) -> str:
    return next((word for word in words if word in section.args(line)), "")


def _prepended(args: Args) -> tuple[int, ...]:
    numbers = (args.integer(f"as{place}", None) for place in range(1, 9))
    return tuple(number for number in numbers if number is not None)
