"""`distribute-list`, `offset-list` and `distance ... A.B.C.D`: the same lines in several routing protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.distribution import DistanceOf, DistributeList, Distribution, ListKind, OffsetList
from dmvpn.base.translation import Addresses
from dmvpn.ios.grammar import ConfigLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.ios.grammar import Args
    from dmvpn.ios.section import Section

_HELP = {
    "in": "Of what neighbors tell",
    "out": "Of what is told to them",
    "interface": "On this interface alone",
    "list": "Name or number of an access list",
}


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
        self.lists = tuple(
            ConfigLine(
                mode,
                f"distribute-list {syntax} ( in | out ) [ {{interface:interface}} ]",
                {
                    **_HELP,
                    "distribute-list": "Only routes that a list lets through",
                    "prefix": "A prefix list",
                    "route-map": "A route map",
                },
                key=("in", "out", "interface"),
                order=order,
            )
            for syntax in ("{list:word}", "prefix {list:word}", "route-map {list:word}")
        )
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
        """Return what a process is told by them."""
        return Distribution(
            tuple(self._lists(section)),
            tuple(
                OffsetList(args.text("list"), "in" in args, args.integer("offset"), args.interface("interface", ""))
                for args in section.all(self.offset)
            ),
            tuple(map(distance_of, section.all(self.distance))),
        )

    def _lists(self, section: Section) -> Iterator[DistributeList]:
        for line, kind in zip(self.lists, ListKind, strict=True):
            for args in section.all(line):
                yield DistributeList(kind, args.text("list"), "in" in args, args.interface("interface", ""))


def filter_lines(distribution: Distribution) -> Iterator[str]:
    """Yield what `show ip protocols` says of lists."""
    for word, inwards in (("Outgoing", False), ("Incoming", True)):
        lists = [one for one in distribution.lists if one.inwards == inwards]
        general = next((_name(one) for one in lists if not one.interface), "not set")
        yield f"  {word} update filter list for all interfaces is {general}"
        for one in lists:
            if one.interface:
                yield f"    {one.interface} filtered by {_name(one)}, default is {general}"
        for offset in distribution.offsets:
            if offset.inwards == inwards:
                where = f" in {offset.interface}" if offset.interface else ""
                yield f"  {word} routes{where} will have {offset.offset} added to metric if on list {offset.name}"


def _name(one: DistributeList) -> str:
    kinds = {ListKind.PREFIX_LIST: "(prefix-list) ", ListKind.ROUTE_MAP: "(route-map) "}
    return f"{kinds.get(one.kind, '')}{one.name}"
