"""Access lists, prefix lists and route maps, as values. The first entry that fits decides; none: denied."""

from __future__ import annotations

from dataclasses import field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.pages import Pages
    from dmvpn.base.prefixlists import PrefixRule
    from dmvpn.base.routemaps import AttributeRule, MapRule


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Addresses that agree with `address` in the bits that are 0 in `wildcard`. group: only those of this group."""

    address: IPv4Address
    wildcard: IPv4Address
    group: str = ""


#: `any`.
ANY = AddressRange(IPv4Address(0), IPv4Address(0xFFFFFFFF))


@dataclass(frozen=True, slots=True)
class PortRanges:
    """Ports. text: as the line has them ("eq www"). ranges: the first and the last of each; `lt 0` has none."""

    text: str
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """One entry. Standard lists look at the source alone.

    protocol: the number in the IP header, None: every one.
    conditions: what else a packet must have, as the line says it ("echo", "dscp ef").
    """

    sequence: int
    permit: bool
    source: AddressRange
    destination: AddressRange = ANY
    protocol: int | None = None
    source_ports: PortRanges | None = None
    destination_ports: PortRanges | None = None
    conditions: tuple[str, ...] = ()
    log: str = ""

    @property
    def partial(self) -> str:
        """What makes it be about fewer packets than the other fields say, and about no route; "" for nothing."""
        groups = (f"object-group {end.group}" for end in (self.source, self.destination) if end.group)
        return next(iter((*groups, *self.conditions)), "")


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """All lists and maps by name, their entries by sequence number; those without numbers in the order of entry.

    access_lists: the name is "10" for numbered lists; and whether it is an extended one.
    """

    access_lists: Mapping[tuple[str, bool], Pages[AccessEntry]] = field(default_factory=dict)
    prefix_lists: Mapping[str, Pages[PrefixRule]] = field(default_factory=dict)
    as_path_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    community_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    extended_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    large_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    route_maps: Mapping[str, Pages[MapRule]] = field(default_factory=dict)
