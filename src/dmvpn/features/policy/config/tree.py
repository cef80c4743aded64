"""From the configuration tree to the typed model."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, cast

from dmvpn.base.routemaps import AttributeRule, CommunityChange, CommunityMatch
from dmvpn.features.policy.config import access_lists, bgp_lists, prefix_lists, route_maps
from dmvpn.features.policy.config.sequences import Sequences
from dmvpn.features.policy.model import (
    ANY,
    AccessEntry,
    AccessList,
    AddressRange,
    AttributeList,
    PolicyConfig,
    PortRange,
    PrefixEntry,
    PrefixList,
    RouteMap,
    RouteMapEntry,
)
from dmvpn.ios.regex import Pattern

if TYPE_CHECKING:
    from dmvpn.ios import Args, ConfigLine, ConfigTree, Section


def read(tree: ConfigTree) -> PolicyConfig:
    """What the configuration says of lists and maps. Key chains are read by the protocols that use them."""
    return PolicyConfig(
        access_lists=_access_lists(tree),
        prefix_lists=_prefix_lists(tree),
        as_path_lists=_attribute_lists(tree, bgp_lists.AS_PATH),
        community_lists=_attribute_lists(tree, bgp_lists.COMMUNITIES_STANDARD, bgp_lists.COMMUNITIES_EXPANDED),
        route_maps=_route_maps(tree),
    )


def _access_lists(tree: ConfigTree) -> tuple[AccessList, ...]:
    """All lists; what both forms say about one number is one list."""
    entries: dict[tuple[str, bool], list[Args]] = {}
    numbers: dict[tuple[str, bool], Sequences] = {}
    for line, entry_line, extended in (
        (access_lists.STANDARD, access_lists.STANDARD_ENTRY, False),
        (access_lists.EXTENDED, access_lists.EXTENDED_ENTRY, True),
    ):
        for args, section in tree.sections(line):
            found = entries.setdefault((args.text("name"), extended), [])
            found += sorted(section.all(entry_line), key=lambda entry: entry.integer("sequence"))
    for line, extended in ((access_lists.STANDARD_NUMBERED, False), (access_lists.EXTENDED_NUMBERED, True)):
        for args in tree.all(line):
            key = (str(args.integer("number")), extended)
            found = entries.setdefault(key, [])
            if key not in numbers:
                numbers[key] = Sequences(found)
            entry = numbers[key].numbered(args, access_lists.STEP)
            numbers[key].add(entry, entry)
            found.append(entry)
    return tuple(
        AccessList(name, extended, tuple(_access_entry(args) for args in found if "remark" not in args))
        for (name, extended), found in sorted(entries.items(), key=lambda item: item[0])
    )


def _access_entry(args: Args) -> AccessEntry:
    return AccessEntry(
        sequence=args.integer("sequence"),
        permit="permit" in args,
        source=_range(args, "source"),
        destination=_range(args, "destination"),
        protocol=_protocol(args),
        source_ports=_ports(args, "source_ports"),
        destination_ports=_ports(args, "destination_ports"),
        established="established" in args,
        log="log" in args,
    )


def _range(args: Args, name: str) -> AddressRange:
    address = args.address(name, None)
    wildcard = args.address(f"{name}_wildcard", IPv4Address(0))
    return ANY if address is None else AddressRange(IPv4Address(int(address) & ~int(wildcard)), wildcard)


def _protocol(args: Args) -> int | None:
    number = args.integer("protocol", None)
    words = (value for word, value in access_lists.PROTOCOLS.items() if word in args and word not in args.values_given)
    return next(words, None) if number is None else number


def _ports(args: Args, name: str) -> PortRange | None:
    # The value type of ports makes such a triple of the words.
    ports = cast("tuple[int, int, bool] | None", args.get(name))
    return None if ports is None else PortRange(*ports)


def _prefix_lists(tree: ConfigTree) -> tuple[PrefixList, ...]:
    """All lists."""
    entries: dict[str, list[PrefixEntry]] = {}
    for args in tree.all(prefix_lists.ENTRY):
        entries.setdefault(args.text("name"), []).append(_prefix_entry(args))
    return tuple(
        PrefixList(name, tuple(sorted(found, key=lambda entry: entry.sequence)))
        for name, found in sorted(entries.items())
    )


def _prefix_entry(args: Args) -> PrefixEntry:
    prefix, least = args.prefix("prefix"), args.integer("least", None)
    return PrefixEntry(
        sequence=args.integer("sequence"),
        permit="permit" in args,
        prefix=prefix,
        shortest=prefix.length if least is None else least,
        longest=args.integer("most", prefix.length if least is None else 32),
    )


def _attribute_lists(tree: ConfigTree, *lines: ConfigLine) -> tuple[AttributeList, ...]:
    """All lists that look at an attribute of BGP."""
    entries: dict[str, list[AttributeRule]] = {}
    for line in lines:
        for args in tree.all(line):
            name = args.text("name", "") or str(args.integer("number"))
            pattern = Pattern(args.text("regex")) if "regex" in args else None
            entries.setdefault(name, []).append(AttributeRule("permit" in args, pattern, _communities(args)))
    return tuple(AttributeList(name, tuple(found)) for name, found in sorted(entries.items()))


def _communities(args: Args) -> tuple[int, ...]:
    numbers = (args.integer(f"community{place}", None) for place in range(1, 9))
    return tuple(number for number in numbers if number is not None)


def _route_maps(tree: ConfigTree) -> tuple[RouteMap, ...]:
    """All maps."""
    entries: dict[str, list[RouteMapEntry]] = {}
    for args, section in tree.sections(route_maps.ROUTE_MAP):
        entries.setdefault(args.text("name"), []).append(_map_entry(args, section))
    return tuple(
        RouteMap(name, tuple(sorted(found, key=lambda entry: entry.sequence)))
        for name, found in sorted(entries.items())
    )


def _map_entry(args: Args, section: Section) -> RouteMapEntry:
    next_hop, go_on, prepend, marks = (
        section.get(route_maps.SET_NEXT_HOP),
        section.get(route_maps.CONTINUE),
        section.get(route_maps.PREPEND),
        section.get(route_maps.SET_COMMUNITY),
    )
    return RouteMapEntry(
        sequence=args.integer("sequence"),
        permit="deny" not in args,
        access_lists=_names(section, route_maps.MATCH_ADDRESS),
        prefix_lists=_names(section, route_maps.MATCH_PREFIX),
        next_hop_access_lists=_names(section, route_maps.MATCH_NEXT_HOP),
        next_hop_prefix_lists=_names(section, route_maps.MATCH_NEXT_HOP_PREFIX),
        interfaces=tuple(entry.interface("interface") for entry in section.all(route_maps.MATCH_INTERFACE)),
        as_paths=tuple(str(entry.integer("value")) for entry in section.all(route_maps.MATCH_AS_PATH)),
        communities=tuple(
            CommunityMatch(name, "exact-match" in entry)
            for entry in section.all(route_maps.MATCH_COMMUNITY)
            for name in entry.texts("list")
        ),
        tags=tuple(entry.integer("value") for entry in section.all(route_maps.MATCH_TAG)),
        metrics=tuple(entry.integer("value") for entry in section.all(route_maps.MATCH_METRIC)),
        set_metric=_number(section, route_maps.SET_METRIC),
        set_metric_type=_word(section, route_maps.SET_METRIC_TYPE, ("type-1", "type-2", "internal", "external")),
        set_tag=_number(section, route_maps.SET_TAG),
        set_next_hop=next_hop.address("address") if next_hop else None,
        set_local_preference=_number(section, route_maps.SET_LOCAL_PREFERENCE),
        set_weight=_number(section, route_maps.SET_WEIGHT),
        set_origin=_word(section, route_maps.SET_ORIGIN, ("igp", "incomplete")),
        prepend=_prepended(prepend) if prepend else (),
        set_communities=CommunityChange(_communities(marks), "additive" in marks) if marks else None,
        go_on=go_on.integer("sequence", 0) if go_on is not None else None,
    )


def _names(section: Section, line: ConfigLine) -> tuple[str, ...]:
    return tuple(name for args in section.all(line) for name in args.texts("list"))


def _number(section: Section, line: ConfigLine) -> int | None:
    args = section.get(line)
    return args.integer("value") if args else None


def _word(section: Section, line: ConfigLine, words: tuple[str, ...]) -> str:
    args = section.get(line)
    return next((word for word in words if args is not None and word in args), "")


def _prepended(args: Args) -> tuple[int, ...]:
    numbers = (args.integer(f"as{place}", None) for place in range(1, 9))
    return tuple(number for number in numbers if number is not None)
