"""The chains and sets of one list of a port: how they are made before packets pass them, and what they counted."""

from __future__ import annotations

import struct
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink.nftables import chain, rule
from dmvpn.dataplane.netlink.sets import add_elements, area_maker, areas, elements_there

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dmvpn.base.translation import Addresses
    from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
    from dmvpn.dataplane.netlink.nftables import Part

#: Octets of the fields of a group's set: all protocols, and an address. The kernel's boxes have two fields at least.
_FIELDS: Final = (1, 4)
_KEY = struct.Struct("!B3xI")
#: Chains that are read one by one. The table of a router may have thousands.
_FEW_CHAINS: Final = 16


@dataclass(slots=True)
class Rules:
    """The parts that make chains and sets that no packet passes yet, and their names.

    marked: the chains whose rules count packets. counted: the sets whose elements do.
    groups: the names of the sets of groups of addresses, by the identity of the group: entries share one object.
    """

    table: str
    name: str
    parts: list[Part] = field(default_factory=list)
    chains: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    marked: dict[str, None] = field(default_factory=dict)
    counted: list[str] = field(default_factory=list)
    groups: dict[int, tuple[str, tuple[Addresses, ...]]] = field(default_factory=dict)

    def chain(self, end: str = "") -> str:
        """Make a chain; returns its name."""
        name = f"{self.name}{end}"
        self.chains.append(name)
        self.parts.append(chain(self.table, name))
        return name

    def rule(self, name: str, *expressions: bytes, mark: int | None = None) -> None:
        """Append a rule to a chain."""
        if mark is not None:
            self.marked[name] = None
        self.parts.append(rule(self.table, name, *expressions, mark=mark))

    def set(self, end: str, make: Callable[[str, str, int], Part], *, counts: bool = False) -> str:
        """Make a set; returns its name. counts: its elements count packets."""
        name = f"{self.name}{end}"
        self.sets.append(name)
        if counts:
            self.counted.append(name)
        self.parts.append(make(self.table, name, len(self.sets)))
        return name

    def members(self, group: tuple[Addresses, ...]) -> str:
        """Make a set of all protocols and these addresses, once; returns its name."""
        known = self.groups.get(id(group))
        if known is not None:
            return known[0]
        end = f"-group-{len(self.groups)}"
        name = self.set(end, lambda table, name, number: areas(table, name, number, _FIELDS))
        self.groups[id(group)] = name, group
        element = area_maker(_KEY)
        elements = (element((0, first), (0xFF, last)) for first, last in _spans(group))
        self.parts += add_elements(self.table, name, elements)
        return name


def counts_of(kernel: NetfilterSocket | None, table: str, built: Mapping[int, Rules]) -> dict[tuple[int, int], int]:
    """Return the counts of chains and sets, by the key and by number of the entry. Raises OSError."""
    if kernel is None or not built:
        return {}
    found: dict[tuple[int, int], int] = {}
    places = {name: place for place, rules in built.items() for name in rules.marked}
    asked = places if len(places) <= _FEW_CHAINS else ("",)
    for one in (one for name in asked for one in kernel.rules(table, name)):
        if one.mark is not None and one.chain in places:
            key = places[one.chain], one.mark
            found[key] = found.get(key, 0) + (one.packets or 0)
    for place, rules in built.items():
        for name in rules.counted:
            for element in elements_there(kernel, table, name):
                if element.mark is not None:
                    key = place, element.mark
                    found[key] = found.get(key, 0) + element.packets
    return found


def _spans(group: tuple[Addresses, ...]) -> list[tuple[int, int]]:
    """Return the ranges of addresses, none of which overlap."""
    found: list[tuple[int, int]] = []
    spans = ((int(one.address) & ~int(one.wildcard), int(one.address) | int(one.wildcard)) for one in group)
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
