"""Lines that several routing protocols share.

DistributionLines    `distribute-list`, `offset-list` and `distance ... A.B.C.D`
RouteKinds           `match` behind `redistribute ospf`: which kinds of OSPF's routes come in
key_chains           what key chains say; their lines belong to the feature `policy`
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Final, cast

from dmvpn.base.credentials import Key, KeyChain, Lifetime
from dmvpn.base.distribution import DistanceOf, DistributeList, Distribution, ListKind, OffsetList
from dmvpn.base.notices import RouteSource
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.translation import Addresses
from dmvpn.ios.common import (
    KEY,
    KEY_ACCEPT,
    KEY_ALGORITHM,
    KEY_CHAIN,
    KEY_SEND,
    KEY_STRING,
    Spoken,
    read_lifetime,
)
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.grammar import Args
from dmvpn.ios.section import Section
from dmvpn.ios.tree import ConfigTree
from dmvpn.ios.values import Misfit, Read, Reading, Token, ValueType, register_type

# ------------------------------------------------------------------------------------------------ kinds of routes


#: The words, with the subtypes of routes that they mean; a type may follow words with two subtypes.
_WORDS: Final = {"internal": ("", "IA"), "external": ("E1", "E2"), "nssa-external": ("N1", "N2")}
_OF_KINDS: Final = {
    "internal": "From within OSPF",
    "external": "From outside OSPF, perhaps of one type",
    "nssa-external": "From outside, by a not-so-stubby area, perhaps of one type",
}
#: The types redistributed into BGP by default.
INTERNAL: Final = _WORDS["internal"]


def _spelled(value: Hashable) -> str:
    """Return words that mean these subtypes, in their order."""
    kinds = value if isinstance(value, tuple) else ()
    words: list[str] = []
    while kinds:
        word, both = next((word, both) for word, both in _WORDS.items() if kinds[0] in both)
        is_both = kinds[:2] == both
        words.append(word if is_both else f"{word} {both.index(kinds[0]) + 1}")
        kinds = kinds[1 + is_both :]
    return " ".join(words)


def check_router_id(args: Args, _: Section) -> str | None:
    """Refuse an address that cannot be a router ID. Returns the error."""
    address = args.address("address", None)  # BGP may name an interface
    is_reserved = address is not None and int(address) in (0, 0xFFFFFFFF)
    return f"% {address} is no router ID" if is_reserved else None


class RouteKinds(ValueType):
    """Words in any order. The value: all subtypes that they mean."""

    def __init__(self) -> None:
        super().__init__("ospf-kinds", "internal", lambda text: None, spell=_spelled)

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        kinds: dict[str, None] = {}
        words: list[str] = []
        while index < len(tokens) and len(found := self.words(tokens[index].text)) == 1:
            word, index = found[0], index + 1
            both: tuple[str, ...] = _WORDS[word]
            words.append(word)
            if word != "internal" and index < len(tokens) and tokens[index].text in ("1", "2"):
                both = (both[int(tokens[index].text) - 1],)
                words.append(tokens[index].text)
                index += 1
            kinds.update(dict.fromkeys(both))
        return Reading(tuple(kinds), " ".join(words), index) if kinds else Misfit()

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        return [(word, text) for word, text in _OF_KINDS.items() if word.startswith(fragment.lower())]

    def words(self, fragment: str) -> list[str]:
        return [word for word, _ in self.hints(fragment)]


def kinds_of(args: Args) -> tuple[str, ...]:
    """Return the subtypes that a line names; (): the line has none."""
    return cast("tuple[str, ...]", args.get("kinds")) or ()


ROUTE_KINDS: Final = register_type(RouteKinds())
#: For the syntax of a line, in its `[* ... ]`; the value is `kinds`.
MATCH: Final = f"match {{kinds:{ROUTE_KINDS.name}}}"
MATCH_HELP: Final = {"match": "Only some kinds of OSPF's routes", "kinds": "Which"}
INCLUDE_HELP: Final = {"include-connected": "And the connected networks on which that protocol runs"}


# ------------------------------------------------------------------------------------------------ key chains


def key_chains(tree: ConfigTree) -> Pages[KeyChain]:
    """Return all key chains, with those keys that have a text."""
    return tree.made(KEY_CHAIN, _key_chain)


def _key_chain(args: Args, section: Section) -> KeyChain:
    return KeyChain(args.text("name"), section.following(KEY, _key, _Keys).keys)


class _Keys:
    """The keys of one chain by number."""

    def __init__(self) -> None:
        self.keys: Pages[Key] = NONE

    def follow(self, gone: Mapping[int, Key], came: Mapping[int, Key]) -> None:
        """See `Follower`."""
        changes: dict[int, Key | None] = {key.number: None for key in gone.values()}
        self.keys = self.keys.turned(changes | {key.number: key for key in came.values()})


def _key(args: Args, section: Section) -> Key | None:
    string = section.get(KEY_STRING)
    if string is None:
        return None
    line = section.get(KEY_ALGORITHM)
    return Key(
        args.integer("number"),
        string.text("secret"),
        line.words[-1] if line is not None else "",
        accept=lifetime(section, KEY_ACCEPT),
        send=lifetime(section, KEY_SEND),
    )


def lifetime(key: Section, line: ConfigLine) -> Lifetime | None:
    """Return when a key is valid by this line; None: always."""
    said = key.get(line)
    return read_lifetime(said.text("text")) if said is not None else None


# ------------------------------------------------------------------------------------------------ distribute lists


_HELP = {
    "in": "Routes received from neighbors",
    "out": "Routes advertised to neighbors",
    "interface": "On this interface alone",
    "list": "Name or number of an access list",
    "gateway": "Only from neighbors that a prefix list permits",
}
_LIST = "{list:word}"
#: Protocols whose routes an outbound list may filter, each with its number where it has one.
_SOURCES = "connected | static | rip | eigrp {eigrp:1-65535} | ospf {ospf:1-65535} | bgp {bgp:1-4294967295}"
REDISTRIBUTION_HELP: Final = {
    "redistribute": "Redistribute routes of another source",
    "connected": "Connected networks",
    "static": "Static routes",
    "rip": "Routes of RIP",
    "eigrp": "Routes of EIGRP",
    "ospf": "Routes of OSPF",
    "bgp": "Routes of BGP",
}
#: The sources of routes that may be redistributed, by their words.
SOURCES: Final = {source.value: source for source in RouteSource if source.value in REDISTRIBUTION_HELP}


def distance_line(mode: str, *, order: int) -> ConfigLine:
    """Return `distance N A.B.C.D WILDCARD [LIST]`."""
    return ConfigLine(
        mode,
        "distance {distance:1-255} {address:address} {wildcard:wildcard} [ {list:word} ]",
        {
            **_HELP,
            "distance": "Administrative distance",
            "address": "Routes received from these neighbors",
            "wildcard": "Bits that do not matter",
        },
        key=("address", "wildcard"),
        order=order,
    )


def distance_of(args: Args) -> DistanceOf:
    """Return what such a line says."""
    neighbors = Addresses(args.address("address"), args.address("wildcard"))
    return DistanceOf(args.integer("distance"), neighbors, args.text("list", ""))


class DistributionLines:
    """The lines of one mode. largest: of an offset. prefix: the word before a prefix list, or words."""

    def __init__(self, mode: str, *, largest: int, order: int, prefix: str = "prefix") -> None:
        by_prefix = f"( {prefix} )" if "|" in prefix else prefix
        self._by_kind = tuple(
            ConfigLine(
                mode,
                f"distribute-list {syntax} "
                f"( in [ {{interface:interface}} ] | out [ {{interface:interface}} | {_SOURCES} ] )",
                {
                    **_HELP,
                    **REDISTRIBUTION_HELP,
                    "distribute-list": "Only routes that a list lets through",
                    "prefix": "A prefix list",
                    "prefix-list": "A prefix list of IPv6",
                    "route-map": "A route map",
                },
                key=("in", "out", "interface", *SOURCES),
                order=order,
                beside=(f"distribute-list ( {prefix} | route-map | gateway )",) if syntax == _LIST else (),
            )
            for syntax in (_LIST, f"{by_prefix} {_LIST}", f"route-map {_LIST}")
        )
        self._by_gateway = ConfigLine(
            mode,
            f"distribute-list [ {by_prefix} {{list:word}} ] gateway {{gateway:word}} in [ {{interface:interface}} ]",
            {
                **_HELP,
                "distribute-list": "Only routes that a list lets through",
                "prefix": "A prefix list",
                "prefix-list": "A prefix list of IPv6",
            },
            key=("interface",),
            order=order,
        )
        self.lists = (*self._by_kind, self._by_gateway)
        self.by_prefix_list = self._by_kind[1]
        self.offset = ConfigLine(
            mode,
            f"offset-list {{list:word}} ( in | out ) {{offset:0-{largest}}} [ {{interface:interface}} ]",
            {**_HELP, "offset-list": "Make routes farther", "offset": "By so much"},
            key=("in", "out", "interface"),
            order=order + 1,
        )
        self.distance = distance_line(mode, order=order + 2)

    @property
    def all(self) -> tuple[ConfigLine, ...]:
        """For the grammar."""
        return (*self.lists, self.offset, self.distance)

    def distribution(self, section: Section | Spoken) -> Distribution:
        """Return the distribution settings of a process."""
        return Distribution(
            tuple(self._lists(section)),
            tuple(
                OffsetList(args.text("list"), "in" in args, args.integer("offset"), args.interface("interface", ""))
                for args in section.all(self.offset)
            ),
            tuple(map(distance_of, section.all(self.distance))),
        )

    def _lists(self, section: Section | Spoken) -> Iterator[DistributeList]:
        for line, kind in zip(self._by_kind, ListKind, strict=True):
            for args in section.all(line):
                where = args.interface("interface", "")
                yield DistributeList(kind, args.text("list"), "in" in args, where, source=_source(args))
        for args in section.all(self._by_gateway):
            name, where = args.text("list", ""), args.interface("interface", "")
            yield DistributeList(ListKind.PREFIX_LIST, name, True, where, args.text("gateway"))


def _source(args: Args) -> tuple[RouteSource, str] | None:
    """Return the protocol that a list is about, with the number of its process."""
    word = next((word for word in SOURCES if word in args), None)
    if word is None:
        return None
    return SOURCES[word], str(args.integer(word)) if word in args.values_given else ""


def filter_lines(distribution: Distribution) -> Iterator[str]:
    """Yield what `show ip protocols` says of lists."""
    for word, inwards in (("Outgoing", False), ("Incoming", True)):
        lists = [one for one in distribution.lists if one.inwards == inwards and one.source is None]
        general = next((_name(one) for one in lists if not one.interface), "not set")
        yield f"  {word} update filter list for all interfaces is {general}"
        for one in lists:
            if one.interface:
                yield f"    {one.interface} filtered by {_name(one)}, default is {general}"
        for one in distribution.lists:
            if one.source is not None and not inwards:
                known = " ".join(word for word in (one.source[0].value, one.source[1]) if word)
                yield f"    Redistributed {known} filtered by {_name(one)}, default is {general}"
        for offset in distribution.offsets:
            if offset.inwards == inwards:
                where = f" in {offset.interface}" if offset.interface else ""
                yield f"  {word} routes{where} will have {offset.offset} added to metric if on list {offset.name}"


def _name(one: DistributeList) -> str:
    kinds = {ListKind.PREFIX_LIST: "(prefix-list) ", ListKind.ROUTE_MAP: "(route-map) "}
    words = [f"{kinds.get(one.kind, '')}{one.name}"] if one.name else []
    return " ".join([*words, *([f"gateway {one.gateway}"] if one.gateway else [])])
