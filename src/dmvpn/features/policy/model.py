"""Access lists, prefix lists and route maps, as values. The first entry that fits decides; none: denied."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.pages import Pages
    from dmvpn.base.routemaps import AttributeRule, MapRule, PrefixRule


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Addresses that agree with `address` in the bits that are 0 in `wildcard`."""

    address: IPv4Address
    wildcard: IPv4Address


#: `any`.
ANY = AddressRange(IPv4Address(0), IPv4Address(0xFFFFFFFF))


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports from `low` to `high`; inverse: all others."""

    low: int = 0
    high: int = 65_535
    inverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """One entry. protocol: the number in the IP header, None: every one. Standard lists look at the source alone."""

    sequence: int
    permit: bool
    source: AddressRange
    destination: AddressRange = ANY
    protocol: int | None = None
    source_ports: PortRange | None = None
    destination_ports: PortRange | None = None
    established: bool = False
    log: bool = False


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
