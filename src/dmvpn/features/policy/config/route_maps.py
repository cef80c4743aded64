"""`route-map`, and lists that look at BGP's attributes: `ip as-path access-list`, lists of all communities."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Final

from dmvpn.base.communities import (
    COMMUNITIES,
    TARGET,
    communities_text,
    extended,
    extended_text,
    extended_value,
    large_text,
    large_value,
)
from dmvpn.base.values import collected
from dmvpn.ios import Args, ConfigLine, Mode, Section, ValueType, register_type, several
from dmvpn.ios.filters import Pattern, PatternError

# ---------------------------------------------------------------------------------- lists that look at BGP's attributes


def _spelled(text_of: Callable[[Iterable[int]], str]) -> Callable[[Hashable], str]:
    """Return how one number is written, by what writes several."""
    return lambda value: text_of((value,)) if isinstance(value, int) else str(value)


def _targets_text(values: Iterable[int]) -> str:
    """Return extended communities without the word that says what they are for."""
    return extended_text(extended(TARGET, value) for value in values).removeprefix("RT:")


def _community(text: str) -> tuple[Hashable, str] | None:
    """Return a word, one number, or two with a colon between (RFC 1997)."""
    named = next((name for name in COMMUNITIES if name.lower() == text.lower()), None)
    if named is not None:
        return COMMUNITIES[named], named
    high, colon, low = text.rpartition(":")
    if not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in (high or "0", low)):
        return None
    first, second, limit = int(high or 0), int(low), 1 << (16 if colon else 32)
    if (colon and not high) or first >= limit or second >= limit:
        return None
    return first << 16 | second, text


COMMUNITY: Final = register_type(
    ValueType("bgp-community", "aa:nn or WORD", _community, spell=_spelled(communities_text))
)


def _as_typed(parse: Callable[[str], int | None]) -> Callable[[str], tuple[Hashable, str] | None]:
    """Return a reader that keeps the value as typed, for shows."""

    def read(text: str) -> tuple[Hashable, str] | None:
        number = parse(text)
        return None if number is None else (number, text)

    return read


EXTENDED: Final = register_type(
    ValueType("bgp-extcommunity", "ASN:nn or IP-address:nn", _as_typed(extended_value), spell=_spelled(_targets_text))
)
LARGE: Final = register_type(
    ValueType("bgp-large-community", "aa:bb:cc", _as_typed(large_value), spell=_spelled(large_text))
)


def _check(args: Args, section: Section) -> str | None:
    text = args.text("regex", "")
    try:
        Pattern(text)
    except PatternError as error:
        return f"% Invalid regular expression {text}: {error}"
    return None


_BGP_HELP: Final = {
    "as-path": "BGP's path of autonomous systems",
    "access-list": "Which paths are meant",
    "community-list": "Which communities are meant",
    "number": "Number of the list",
    "standard": "All communities of an entry are there",
    "expanded": "By a regular expression",
    "name": "Name of the list",
    "permit": "These are meant",
    "deny": "These are not",
    "regex": "Regular expression",
    **{f"community{place}": "A community" for place in range(1, 9)},
    "extcommunity-list": "Which extended communities are meant",
    "large-community-list": "Which large communities are meant",
    "rt": "Route target",
    "soo": "Site of origin",
    **{f"target{place}": "A route target" for place in range(1, 5)},
    "origin": "A site of origin",
}
AS_PATH: Final = ConfigLine(
    "global",
    "ip as-path access-list {number:1-500} ( permit | deny ) {regex:line}",
    _BGP_HELP,
    key=(),
    order=612,
    sort=("number",),
    check=_check,
)
COMMUNITIES_STANDARD: Final = ConfigLine(
    "global",
    f"ip community-list ( {{number:1-99}} | standard {{name:word}} ) ( permit | deny ) "
    f"{several('community', COMMUNITY.name, 8)}",
    _BGP_HELP,
    key=(),
    order=613,
)
COMMUNITIES_EXPANDED: Final = ConfigLine(
    "global",
    "ip community-list ( {number:100-500} | expanded {name:word} ) ( permit | deny ) {regex:line}",
    _BGP_HELP,
    key=(),
    order=614,
    check=_check,
)
TARGETS: Final = "".join(
    f"{'[ ' if place > 1 else ''}rt {{target{place}:{EXTENDED.name}}} " for place in range(1, 5)
) + ("] " * 3)
EXTENDED_STANDARD: Final = ConfigLine(
    "global",
    "ip extcommunity-list ( {number:1-99} | standard {name:word} ) ( permit | deny ) "
    f"( {TARGETS} [ soo {{origin:{EXTENDED.name}}} ] | soo {{origin:{EXTENDED.name}}} )",
    _BGP_HELP,
    key=(),
    order=614,
)
EXTENDED_EXPANDED: Final = ConfigLine(
    "global",
    "ip extcommunity-list ( {number:100-500} | expanded {name:word} ) ( permit | deny ) {regex:line}",
    _BGP_HELP,
    key=(),
    order=614,
    check=_check,
)
LARGE_STANDARD: Final = ConfigLine(
    "global",
    f"ip large-community-list ( {{number:1-99}} | standard {{name:word}} ) ( permit | deny ) "
    f"{several('community', LARGE.name, 8)}",
    _BGP_HELP,
    key=(),
    order=614,
)
LARGE_EXPANDED: Final = ConfigLine(
    "global",
    "ip large-community-list ( {number:100-500} | expanded {name:word} ) ( permit | deny ) {regex:line}",
    _BGP_HELP,
    key=(),
    order=614,
    check=_check,
)


# ------------------------------------------------------------------------------------------------ route maps


_ROUTE_MAP = "route-map"
MODES: Final = (Mode(_ROUTE_MAP, "config-route-map"),)

_FIRST = 10


def _step(text: str) -> tuple[int, str] | None:
    """Return by how much a metric changes; None: that is no `+N` or `-N`."""
    sign, number = text[:1], text[1:]
    is_step = sign in ("+", "-") and number.isascii() and number.isdigit() and len(number) <= 10
    return (int(text), text) if is_step else None


STEP: Final = register_type(ValueType("metric-step", "+/-<metric>", _step, spell=lambda value: f"{value:+}"))
_LISTS = several("list", "word", 6)
_NUMBERS = several("value", "0-4294967295", 6)
_HELP: Final = {
    "match": "What routes this entry is for",
    "set": "What it changes",
    "ip": "IP version 4",
    "ipv6": "IP version 6",
    "address": "By prefix",
    "next-hop": "Next hop",
    "route-source": "By the router that advertised it",
    "prefix-list": "In prefix lists",
    "interface": "By interface of the next hop",
    "tag": "Mark",
    "metric": "Metric",
    **{f"list{place}": "Name of a list" for place in range(1, 7)},
    **{f"interface{place}": "Interface" for place in range(1, 7)},
    **{f"value{place}": "Number" for place in range(1, 7)},
    "value": "Number",
}


def _line(
    syntax: str,
    help_: dict[str, str] | None = None,
    *,
    order: int,
    key: tuple[str, ...] | None = None,
    listed: str = "",
    beside: tuple[str, ...] = (),
) -> ConfigLine:
    help_ = {**_HELP, **(help_ or {})}
    return ConfigLine(_ROUTE_MAP, syntax, help_, order=order, key=key, listed=listed, beside=beside)


def _text(args: Args) -> str:
    sequence = args.integer("sequence", _FIRST)
    return f"route-map {args.text('name')} {'deny' if 'deny' in args else 'permit'} {sequence}"


def _complete(args: Args, _: Section) -> Args:
    return args if "sequence" in args.values_given else args.having(sequence=_FIRST)


_WORDS: Final = {
    "route-map": "Selects routes and changes them",
    "name": "Name of the map",
    "permit": "Routes that fit are taken",
    "deny": "Routes that fit are refused",
    "sequence": "Place in the map",
    "continue": "Go on to another entry",
    "source-protocol": "By the protocol that has the route in the routing table",
    "connected": "Connected networks",
    "static": "Static routes",
    "rip": "RIP",
    "eigrp": "EIGRP",
    "ospf": "OSPF",
    "bgp": "BGP",
    "as-path": "BGP's path of autonomous systems",
    "community": "BGP's communities",
    "exact-match": "These and no others",
    "extcommunity": "BGP's extended communities",
    "large-community": "BGP's large communities",
    "local-preference": "BGP's preference in this AS",
    "route-type": "Where it came from",
    "internal": "From within the system of its protocol",
    "local": "BGP: from this router",
    "external": "From elsewhere",
    "nssa-external": "OSPF: from a border in a not-so-stubby area",
    "type-1": "OSPF: with the way to the border",
    "type-2": "OSPF: without it",
    "value": "Metric; of EIGRP kbit/s",
    "delay": "EIGRP: tens of microseconds",
    "reliability": "EIGRP: of 255",
    "load": "EIGRP: of 255",
    "mtu": "EIGRP: octets",
    "step": "Add to the metric, or subtract from it",
    "metric-type": "How metrics add up",
    "address": "Its address",
    "peer-address": "BGP: the neighbor; to a neighbor, this router",
    "self": "BGP: this router",
    "unchanged": "BGP: as advertised",
    "origin": "BGP's origin",
    "igp": "From within",
    "incomplete": "From elsewhere",
    "comm-list": "BGP's communities by a list",
    "list": "Number or name of a community list",
    "delete": "Remove the communities that it permits",
    "soo": "Site of origin",
}
ROUTE_MAP: Final = ConfigLine(
    "global",
    "route-map {name:word} [ permit | deny ] [ {sequence:0-65535} ]",
    _WORDS,
    key=("name", "sequence"),
    order=620,
    opens=_ROUTE_MAP,
    sort=("name", "sequence"),
    complete=_complete,
    show=_text,
)
DESCRIPTION: Final = _line("description {text:line}", {"description": "Text for people"}, order=5)
CONTINUE: Final = _line("continue [ {sequence:1-65535} ]", {**_WORDS, "sequence": "Its number"}, order=6)
MATCH_INTERFACE: Final = _line(
    f"match interface {several('interface', 'interface', 6)}", order=10, key=(), listed="interface"
)


def _listed(what: str, order: int) -> tuple[ConfigLine, ConfigLine]:
    """Return the lines that match by access lists, and by prefix lists."""
    by_prefix = f"match {what} prefix-list"
    return (
        _line(f"match {what} {_LISTS}", order=order, key=(), listed="list", beside=(by_prefix,)),
        _line(f"{by_prefix} {_LISTS}", order=order + (order < 14), key=(), listed="list"),
    )


MATCH_ADDRESS, MATCH_PREFIX = _listed("ip address", 11)
MATCH_NEXT_HOP, MATCH_NEXT_HOP_PREFIX = _listed("ip next-hop", 13)
MATCH_METRIC: Final = _line(f"match metric {_NUMBERS}", order=15, key=(), listed="value")
MATCH_TAG: Final = _line(f"match tag {_NUMBERS}", order=16, key=(), listed="value")
MATCH_SOURCE, MATCH_SOURCE_PREFIX = _listed("ip route-source", 14)
MATCH_ADDRESS6, MATCH_PREFIX6 = _listed("ipv6 address", 14)
MATCH_NEXT_HOP6, MATCH_NEXT_HOP_PREFIX6 = _listed("ipv6 next-hop", 14)
MATCH_SOURCE6, MATCH_SOURCE_PREFIX6 = _listed("ipv6 route-source", 14)
MATCH_PROTOCOL: Final = _line(
    "match source-protocol ( connected | static | rip | eigrp [ {eigrp:1-65535} ] | ospf [ {ospf:1-65535} ] "
    "| bgp [ {bgp:1-4294967295} ] )",
    _WORDS,
    order=14,
    key=("connected", "static", "rip", "eigrp", "ospf", "bgp"),
)
MATCH_DEVIATION: Final = _line(
    "match metric {value:0-4294967295} +- {deviation:0-4294967295}",
    {"+-": "Or about as large", "deviation": "By how much it may differ"},
    order=15,
    key=("value",),
)
MATCH_AS_PATH: Final = _line(f"match as-path {several('value', '1-500', 6)}", _WORDS, order=17, key=(), listed="value")
MATCH_COMMUNITY: Final = _line(f"match community {_LISTS} [ exact-match ]", _WORDS, order=18, key=())
MATCH_EXTENDED: Final = _line(f"match extcommunity {_LISTS}", _WORDS, order=18, key=())
MATCH_LARGE: Final = _line(f"match large-community {_LISTS} [ exact-match ]", _WORDS, order=18, key=())
MATCH_LOCAL_PREFERENCE: Final = _line(f"match local-preference {_NUMBERS}", _WORDS, order=19, key=(), listed="value")
MATCH_ROUTE_TYPE: Final = _line(
    "match route-type ( internal | local | ( external | nssa-external ) [ type-1 | type-2 ] )", _WORDS, order=19, key=()
)
SET_METRIC: Final = _line(
    f"set metric ( {{value:0-4294967295}} [ {{delay:0-4294967295}} {{reliability:0-255}} {{load:1-255}} "
    f"{{mtu:1-65535}} ] | {{step:{STEP.name}}} )",
    _WORDS,
    order=20,
)
SET_METRIC_TYPE: Final = _line(
    "set metric-type ( type-1 | type-2 | internal | external )",
    {**_WORDS, "internal": "BGP: that of the internal route", "external": "IS-IS: external"},
    order=21,
)
SET_TAG: Final = _line("set tag {value:0-4294967295}", order=22)
SET_NEXT_HOP: Final = _line("set ip next-hop ( {address:address} | peer-address | self | unchanged )", _WORDS, order=23)
SET_NEXT_HOP6: Final = _line("set ipv6 next-hop ( {address:address6} | peer-address | unchanged )", _WORDS, order=23)
SET_LOCAL_PREFERENCE: Final = _line(
    "set local-preference {value:0-4294967295}", {"local-preference": "BGP's preference in this AS"}, order=24
)
SET_WEIGHT: Final = _line("set weight {value:0-65535}", {"weight": "BGP's preference on this router"}, order=25)
SET_ORIGIN: Final = _line("set origin ( igp | incomplete )", _WORDS, order=26)
PREPEND: Final = _line(
    f"set as-path prepend ( last-as {{times:1-10}} | {several('as', '1-4294967295', 8)} )",
    {
        "as-path": "BGP's path of autonomous systems",
        "prepend": "Make it longer",
        "last-as": "By the AS that is first in it",
        "times": "So often",
        **{f"as{place}": "Autonomous system" for place in range(1, 9)},
    },
    order=27,
)
SET_COMMUNITY: Final = _line(
    f"set community ( none | {several('community', COMMUNITY.name, 8)} [ additive ] )",
    {
        "community": "BGP's communities",
        "none": "There are none",
        "additive": "In addition to the existing ones",
        **{f"community{place}": "A community" for place in range(1, 9)},
    },
    order=28,
)
DELETE_COMMUNITIES: Final = _line("set comm-list {list:word} delete", _WORDS, order=28)
SET_TARGETS: Final = _line(
    f"set extcommunity rt {several('target', EXTENDED.name, 4)} [ additive ]",
    {
        "extcommunity": "BGP's extended communities",
        "rt": "Route targets",
        "additive": "In addition to the existing ones",
        **{f"target{place}": "A route target" for place in range(1, 5)},
    },
    order=29,
)
SET_SITE: Final = _line(f"set extcommunity soo {{origin:{EXTENDED.name}}}", {**_WORDS, "origin": "The site"}, order=30)
SET_LARGE: Final = _line(
    f"set large-community ( none | {several('community', LARGE.name, 8)} [ additive ] )",
    {
        "large-community": "BGP's large communities",
        "none": "There are none",
        "additive": "In addition to the existing ones",
        **{f"community{place}": "A community" for place in range(1, 9)},
    },
    order=31,
)
LINES: Final = collected(ConfigLine, vars())
