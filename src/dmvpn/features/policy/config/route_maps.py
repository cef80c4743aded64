"""`route-map`."""

from __future__ import annotations

from typing import Final

from dmvpn.features.policy.model import RouteMap, RouteMapEntry
from dmvpn.ios import Args, ConfigLine, ConfigTree, Mode, Section, several

_ROUTE_MAP = "route-map"
MODES: Final = (Mode(_ROUTE_MAP, "config-route-map"),)

_FIRST = 10
_LISTS = several("list", "word", 6)
_HELP: Final = {
    "match": "What routes this entry is for",
    "set": "What it changes",
    "ip": "IP version 4",
    "address": "By prefix",
    "next-hop": "Next hop",
    "prefix-list": "In prefix lists",
    "interface": "By interface of the next hop",
    "tag": "Mark",
    "metric": "Metric",
    **{f"list{place}": "Name of a list" for place in range(1, 7)},
    **{f"tag{place}": "Mark" for place in range(1, 7)},
    "value": "Number",
}


def _line(
    syntax: str, help_: dict[str, str] | None = None, *, order: int, key: tuple[str, ...] | None = None
) -> ConfigLine:
    return ConfigLine(_ROUTE_MAP, syntax, {**_HELP, **(help_ or {})}, order=order, key=key)


def _text(args: Args) -> str:
    return f"route-map {args.text('name')} {'deny' if 'deny' in args else 'permit'} {args.integer('sequence')}"


def _complete(args: Args, _: Section) -> Args:
    return args if "sequence" in args.values_given else args.having(sequence=_FIRST)


ROUTE_MAP: Final = ConfigLine(
    "global",
    "route-map {name:word} [ permit | deny ] [ {sequence:0-65535} ]",
    {
        "route-map": "Which routes are meant, and what is changed in them",
        "name": "Name of the map",
        "permit": "Routes that fit are taken",
        "deny": "Routes that fit are refused",
        "sequence": "Place in the map",
    },
    key=("name", "sequence"),
    order=620,
    opens=_ROUTE_MAP,
    sort=("name", "sequence"),
    complete=_complete,
    show=_text,
)
DESCRIPTION: Final = _line("description {text:line}", {"description": "Text for people"}, order=5)
CONTINUE: Final = _line(
    "continue [ {sequence:1-65535} ]", {"continue": "Go on to another entry", "sequence": "Its number"}, order=6
)
MATCH_INTERFACE: Final = _line("match interface {interface:interface}", order=10, key=("interface",))
MATCH_ADDRESS: Final = _line(f"match ip address {_LISTS}", order=11, key=())
MATCH_PREFIX: Final = _line(f"match ip address prefix-list {_LISTS}", order=12, key=())
MATCH_NEXT_HOP: Final = _line(f"match ip next-hop {_LISTS}", order=13, key=())
MATCH_NEXT_HOP_PREFIX: Final = _line(f"match ip next-hop prefix-list {_LISTS}", order=14, key=())
MATCH_METRIC: Final = _line("match metric {value:0-4294967295}", order=15, key=("value",))
MATCH_TAG: Final = _line("match tag {value:0-4294967295}", order=16, key=("value",))
SET_METRIC: Final = _line("set metric {value:0-4294967295}", order=20)
SET_METRIC_TYPE: Final = _line(
    "set metric-type ( type-1 | type-2 | internal | external )",
    {
        "metric-type": "How metrics add up",
        "type-1": "OSPF: with the way to the border",
        "type-2": "OSPF: without it",
        "internal": "BGP: that of the internal route",
        "external": "IS-IS: external",
    },
    order=21,
)
SET_TAG: Final = _line("set tag {value:0-4294967295}", order=22)
SET_NEXT_HOP: Final = _line("set ip next-hop {address:address}", {"address": "Its address"}, order=23)
SET_LOCAL_PREFERENCE: Final = _line(
    "set local-preference {value:0-4294967295}", {"local-preference": "BGP's preference in this AS"}, order=24
)
SET_WEIGHT: Final = _line("set weight {value:0-65535}", {"weight": "BGP's preference on this router"}, order=25)
SET_ORIGIN: Final = _line(
    "set origin ( igp | incomplete )",
    {"origin": "BGP's origin", "igp": "From within", "incomplete": "From elsewhere"},
    order=26,
)
PREPEND: Final = _line(
    "set as-path prepend " + several("as", "1-4294967295", 8),
    {
        "as-path": "BGP's path of autonomous systems",
        "prepend": "Make it longer",
        **{f"as{place}": "Autonomous system" for place in range(1, 9)},
    },
    order=27,
)
LINES: Final = (
    *(ROUTE_MAP, DESCRIPTION, CONTINUE, MATCH_INTERFACE, MATCH_ADDRESS, MATCH_PREFIX, MATCH_NEXT_HOP),
    *(MATCH_NEXT_HOP_PREFIX, MATCH_METRIC, MATCH_TAG, SET_METRIC, SET_METRIC_TYPE, SET_TAG, SET_NEXT_HOP),
    *(SET_LOCAL_PREFERENCE, SET_WEIGHT, SET_ORIGIN, PREPEND),
)


def route_maps(tree: ConfigTree) -> tuple[RouteMap, ...]:
    """All maps."""
    entries: dict[str, list[RouteMapEntry]] = {}
    for args, section in tree.sections(ROUTE_MAP):
        entries.setdefault(args.text("name"), []).append(_entry(args, section))
    return tuple(
        RouteMap(name, tuple(sorted(found, key=lambda entry: entry.sequence)))
        for name, found in sorted(entries.items())
    )


def _entry(args: Args, section: Section) -> RouteMapEntry:
    next_hop, go_on, prepend = section.get(SET_NEXT_HOP), section.get(CONTINUE), section.get(PREPEND)
    return RouteMapEntry(
        sequence=args.integer("sequence"),
        permit="deny" not in args,
        access_lists=_names(section, MATCH_ADDRESS),
        prefix_lists=_names(section, MATCH_PREFIX),
        next_hop_access_lists=_names(section, MATCH_NEXT_HOP),
        next_hop_prefix_lists=_names(section, MATCH_NEXT_HOP_PREFIX),
        interfaces=tuple(entry.interface("interface") for entry in section.all(MATCH_INTERFACE)),
        tags=tuple(entry.integer("value") for entry in section.all(MATCH_TAG)),
        metrics=tuple(entry.integer("value") for entry in section.all(MATCH_METRIC)),
        set_metric=_number(section, SET_METRIC),
        set_metric_type=_word(section, SET_METRIC_TYPE, ("type-1", "type-2", "internal", "external")),
        set_tag=_number(section, SET_TAG),
        set_next_hop=next_hop.address("address") if next_hop else None,
        set_local_preference=_number(section, SET_LOCAL_PREFERENCE),
        set_weight=_number(section, SET_WEIGHT),
        set_origin=_word(section, SET_ORIGIN, ("igp", "incomplete")),
        prepend=_prepended(prepend) if prepend else (),
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
