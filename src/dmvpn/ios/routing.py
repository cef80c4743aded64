"""`distribute-list`, `offset-list` and `distance ... A.B.C.D`: the same lines in several routing protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.distribution import DistanceOf, DistributeList, Distribution, ListKind, OffsetList
from dmvpn.base.notices import RouteSource
from dmvpn.base.translation import Addresses
from dmvpn.ios.config_line import ConfigLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.ios.grammar import Args
    from dmvpn.ios.section import Section

_HELP = {
    "in": "Of what neighbors tell",
    "out": "Of what is told to them",
    "interface": "On this interface alone",
    "list": "Name or number of an access list",
    "gateway": "Only from neighbors that a prefix list permits",
}
_LIST = "{list:word}"
#: Protocols whose routes an outbound list may filter, each with its number where it has one.
_SOURCES = "connected | static | rip | eigrp {eigrp:1-65535} | ospf {ospf:1-65535} | bgp {bgp:1-4294967295}"
_SOURCE_HELP = {
    "connected": "Of connected networks that are brought in",
    "static": "Of static routes that are brought in",
    "rip": "Of what is brought in from RIP",
    "eigrp": "Of what is brought in from EIGRP",
    "ospf": "Of what is brought in from OSPF",
    "bgp": "Of what is brought in from BGP",
}
_BY_WORD = {source.value: source for source in RouteSource if source.value in _SOURCE_HELP}


def distance_line(mode: str, *, order: int) -> ConfigLine:
    """Return `distance N A.B.C.D WILDCARD [LIST]`."""
    return ConfigLine(
        mode,
        "distance {distance:1-255} {address:address} {wildcard:wildcard} [ {list:word} ]",
        {
            **_HELP,
            "distance": "Administrative distance",
            "address": "Of what these neighbors tell",
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
    """The lines of one mode. largest: of an offset."""

    def __init__(self, mode: str, *, largest: int, order: int) -> None:
        self._by_kind = tuple(
            ConfigLine(
                mode,
                f"distribute-list {syntax} "
                f"( in [ {{interface:interface}} ] | out [ {{interface:interface}} | {_SOURCES} ] )",
                {
                    **_HELP,
                    **_SOURCE_HELP,
                    "distribute-list": "Only routes that a list lets through",
                    "prefix": "A prefix list",
                    "route-map": "A route map",
                },
                key=("in", "out", "interface", *_SOURCE_HELP),
                order=order,
                beside=("distribute-list ( prefix | route-map | gateway )",) if syntax == _LIST else (),
            )
            for syntax in (_LIST, f"prefix {_LIST}", f"route-map {_LIST}")
        )
        self._by_gateway = ConfigLine(
            mode,
            "distribute-list [ prefix {list:word} ] gateway {gateway:word} in [ {interface:interface} ]",
            {**_HELP, "distribute-list": "Only routes that a list lets through", "prefix": "A prefix list"},
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

    def read(self, section: Section) -> Distribution:
        """Return the distribution settings of a process."""
        return Distribution(
            tuple(self._lists(section)),
            tuple(
                OffsetList(args.text("list"), "in" in args, args.integer("offset"), args.interface("interface", ""))
                for args in section.all(self.offset)
            ),
            tuple(map(distance_of, section.all(self.distance))),
        )

    def _lists(self, section: Section) -> Iterator[DistributeList]:
        for line, kind in zip(self._by_kind, ListKind, strict=True):
            for args in section.all(line):
                where = args.interface("interface", "")
                yield DistributeList(kind, args.text("list"), "in" in args, where, source=_source(args))
        for args in section.all(self._by_gateway):
            name, where = args.text("list", ""), args.interface("interface", "")
            yield DistributeList(ListKind.PREFIX_LIST, name, True, where, args.text("gateway"))


def _source(args: Args) -> tuple[RouteSource, str] | None:
    """Return the protocol that a list is about, with the number of its process."""
    word = next((word for word in _BY_WORD if word in args), None)
    if word is None:
        return None
    return _BY_WORD[word], str(args.integer(word)) if word in args.values_given else ""


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
