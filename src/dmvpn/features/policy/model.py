"""Access lists, prefix lists and route maps, as values. The first entry that fits decides; none: denied."""

from __future__ import annotations

from dataclasses import field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.filters import Condition
from dmvpn.base.translation import Addresses
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.pages import Pages
    from dmvpn.base.prefixlists import PrefixRule
    from dmvpn.base.routemaps import AttributeRule, MapRule
    from dmvpn.features.policy.objects import NetworkGroup, ServiceGroup
    from dmvpn.features.policy.times import TimeRange


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


#: Every packet.
ALL = Condition(source=Addresses(ANY.address, ANY.wildcard), destination=Addresses(ANY.address, ANY.wildcard))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """One entry. Standard lists look at the source alone.

    protocol: the number in the IP header, None: every one.
    services: the object group that says protocol and ports, "": none does.
    asks: what a packet must have besides addresses, protocol and ports. texts: as the line says it ("dscp ef").
    time_range: the name of the time range in which the entry counts, "": always.
    unfit: what no filter here looks at ("host-query" of IGMP), "" for nothing.
    """

    sequence: int
    permit: bool
    source: AddressRange
    destination: AddressRange = ANY
    protocol: int | None = None
    source_ports: PortRanges | None = None
    destination_ports: PortRanges | None = None
    services: str = ""
    asks: Condition = ALL
    texts: tuple[str, ...] = ()
    time_range: str = ""
    unfit: str = ""
    log: str = ""

    @property
    def partial(self) -> str:
        """What makes it be about fewer packets than the other fields say, and about no route; "" for nothing."""
        groups = (self.services, self.source.group, self.destination.group)
        return next(iter((*(f"object-group {group}" for group in groups if group), *self.texts)), "")


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """All lists and maps by name, their entries by sequence number; those without numbers in the order of entry.

    access_lists: the name is "10" for numbered lists; and whether it is an extended one.
    networks, services, time_ranges: what entries of access lists refer to, by name.
    """

    access_lists: Mapping[tuple[str, bool], Pages[AccessEntry]] = field(default_factory=dict)
    prefix_lists: Mapping[str, Pages[PrefixRule]] = field(default_factory=dict)
    as_path_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    community_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    extended_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    large_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    route_maps: Mapping[str, Pages[MapRule]] = field(default_factory=dict)
    networks: Mapping[str, NetworkGroup] = field(default_factory=dict)
    services: Mapping[str, ServiceGroup] = field(default_factory=dict)
    time_ranges: Mapping[str, TimeRange] = field(default_factory=dict)
