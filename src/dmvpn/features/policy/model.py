"""Access lists, prefix lists and route maps, as values. The first entry that fits decides; none: denied.

An object group has several networks, or several services, under one name; an entry of an access list means all of them.
A group may have other groups as members. What a group means is asked with all groups by name; a group that contains
itself has its other members, once. A time range says when an entry counts, in the router's own time zone, to the
minute.
"""

from __future__ import annotations

from dataclasses import field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from dmvpn.base.addresses import EVERY_BIT, IPAddress
from dmvpn.base.filters import Condition, Ranges
from dmvpn.base.translation import Addresses
from dmvpn.base.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dmvpn.base.pages import Pages
    from dmvpn.base.routemaps import AttributeRule, MapRule, PrefixRule


# ------------------------------------------------------------------------------------------------ time ranges


DAY: Final = 24 * 60
_WEEK: Final = 7 * DAY


class Period(Value):
    """A part of every week, both minutes included. first, last: minutes since Monday 0:00; it may go over Sunday."""

    first: int
    last: int

    def holds(self, minute: int) -> bool:
        """Return whether a minute of the week is in it."""
        return (minute - self.first) % _WEEK <= (self.last - self.first) % _WEEK


class TimeRange(Value):
    """`time-range`: between the two absolute times, and in one of the periods if there are any.

    start, end: None: no limit. lines: as the show has them.
    """

    start: datetime | None = None
    end: datetime | None = None
    periods: tuple[Period, ...] = ()
    lines: tuple[str, ...] = ()

    def holds(self, local: datetime) -> bool:
        """Return whether it is that time. local: without a time zone."""
        moment = local.replace(second=0, microsecond=0)
        if (self.start is not None and moment < self.start) or (self.end is not None and moment > self.end):
            return False
        minute = moment.weekday() * DAY + moment.hour * 60 + moment.minute
        return not self.periods or any(period.holds(minute) for period in self.periods)


# ------------------------------------------------------------------------------------------------ object groups


Member = TypeVar("Member")


class Service(Value, kw_only=True):
    """A member of a service group. Without a protocol: every one. Fields as in `base.filters.Condition`."""

    protocol: int | None = None
    source_ports: Ranges | None = None
    destination_ports: Ranges | None = None
    icmp: tuple[int, int | None] | None = None


class ObjectGroup(Value, Generic[Member]):
    """`object-group network` or `service`. lines: as the show has them. groups: names of member groups."""

    description: str = ""
    lines: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    groups: tuple[str, ...] = ()


def members_of(name: str, groups: Mapping[str, ObjectGroup[Member]]) -> tuple[Member, ...]:
    """Return all members of a group and of the groups in it, each group once; a group that does not exist has none."""
    waiting, seen = [name], dict[str, ObjectGroup[Member]]()
    while waiting:
        each = waiting.pop(0)
        group = groups.get(each)
        if each not in seen and group is not None:
            seen[each] = group
            waiting += group.groups
    return tuple(member for group in seen.values() for member in group.members)


# ------------------------------------------------------------------------------------------------ protocols of IP


#: The number in the IP header, None: every one.
PROTOCOLS: Final = {
    "ip": None,
    "icmp": 1,
    "igmp": 2,
    "ipinip": 4,
    "tcp": 6,
    "udp": 17,
    "gre": 47,
    "esp": 50,
    "ahp": 51,
    "eigrp": 88,
    "ospf": 89,
    "nos": 94,
    "pim": 103,
    "pcp": 108,
}
#: The same of IPv6: of the header behind all extension headers, or of one of these.
PROTOCOLS6: Final = {
    **{"ipv6": None, "icmp": 58, "tcp": 6, "udp": 17, "esp": 50, "ahp": 51, "pcp": 108, "sctp": 132},
    "hbh": 0,
}
#: Words of IPv6 entries that ask for an extension header besides the protocol, and the numbers of these headers.
HEADERS6: Final = {"hbh": 0, "routing": 43, "auth": 51, "dest-option": 60, "mobility": 135}


# ------------------------------------------------------------------------------------------------ lists and maps


class AddressRange(Value):
    """Addresses that agree with `address` in the bits that are 0 in `wildcard`. group: only those of this group."""

    address: IPAddress
    wildcard: IPAddress
    group: str = ""


#: `any`.
ANY = AddressRange(IPv4Address(0), IPv4Address(0xFFFFFFFF))
ANY6 = AddressRange(IPv6Address(0), IPv6Address(EVERY_BIT[IPv6Address]))


class PortRanges(Value):
    """Ports. text: as the line has them ("eq www"). ranges: the first and the last of each; `lt 0` has none."""

    text: str
    ranges: tuple[tuple[int, int], ...]


#: Every packet.
ALL, ALL6 = (
    Condition(source=Addresses(one.address, one.wildcard), destination=Addresses(one.address, one.wildcard))
    for one in (ANY, ANY6)
)


class AccessEntry(Value, kw_only=True):
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


class PolicyConfig(Value):
    """All lists and maps by name, their entries by sequence number; those without numbers in the order of entry.

    access_lists: the name is "10" for numbered lists; and whether it is an extended one. ipv6_lists: for IPv6; no name
        is in both.
    networks, services, time_ranges: what entries of access lists refer to, by name.
    """

    access_lists: Mapping[tuple[str, bool], Pages[AccessEntry]] = field(default_factory=dict)
    ipv6_lists: Mapping[str, Pages[AccessEntry]] = field(default_factory=dict)
    prefix_lists: Mapping[str, Pages[PrefixRule]] = field(default_factory=dict)
    as_path_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    community_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    extended_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    large_lists: Mapping[str, Pages[AttributeRule]] = field(default_factory=dict)
    route_maps: Mapping[str, Pages[MapRule]] = field(default_factory=dict)
    networks: Mapping[str, ObjectGroup[Addresses]] = field(default_factory=dict)
    services: Mapping[str, ObjectGroup[Service]] = field(default_factory=dict)
    time_ranges: Mapping[str, TimeRange] = field(default_factory=dict)
