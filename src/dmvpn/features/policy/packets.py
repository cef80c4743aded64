"""From the lines of an access list to the entries of a packet filter (`base.filters`), without names and times.

An entry with groups means all pairs of their members. A few pairs are entries of their own; where there are more, the
members are part of the condition, so a list grows by the members of its groups and never by their product.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address
from itertools import product
from typing import Final

from dmvpn.base.filters import END_OF_LIST, NEIGHBOR_DISCOVERY, Condition, FilterEntry, FilterList
from dmvpn.base.packetsets import ListedEntry
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.translation import ICMP_OF, Addresses
from dmvpn.base.values import Value
from dmvpn.features.policy.model import ALL6, ANY, AccessEntry, AddressRange, PolicyConfig, Service, members_of
from dmvpn.net.ipv6 import EXTENSION_HEADERS

_EVERYWHERE: Final = (Addresses(ANY.address, ANY.wildcard),)
_EVERY_SERVICE: Final = (Service(),)
#: What an IPv6 list permits before it denies the rest: solicitations and advertisements of neighbors, never in
#: fragments (RFC 6980 §5).
_DISCOVERY: Final = (
    FilterEntry(END_OF_LIST, False, replace(ALL6, protocol=ICMP_OF[6], fragments=True)),
    *(
        FilterEntry(NEIGHBOR_DISCOVERY, True, replace(ALL6, protocol=ICMP_OF[6], icmp=(one, None)))
        for one in (136, 135)
    ),
)
#: Pairs of a source and a destination that are entries of their own.
_PAIRS: Final = 16
#: Pairs of one entry that a comparison of entries, or a translator, looks at.
MOST_PAIRS: Final = 4096


class _Made(Value):
    """A list, and what it was made of: its entries, and what each of them meant.

    groups: members of the groups of networks and of services that it refers to, by name.
    ranges: whether it was the time of the time ranges that it refers to.
    """

    entries: Pages[AccessEntry]
    listed: FilterList | None
    meanings: Mapping[int, tuple[AccessEntry, tuple[FilterEntry, ...]]]
    groups: Mapping[tuple[bool, str], tuple[Addresses, ...] | tuple[Service, ...]]
    ranges: Mapping[str, bool]


class FilterLists:
    """The access lists of a configuration as packet filters, each made at its first use.

    A list is made again if something that it is made of is different; entries that stay are the same objects.
    """

    def __init__(self, config: PolicyConfig, before: FilterLists | None = None) -> None:
        """before: the lists of the configuration before this one."""
        self._config = config
        self._lists = {name: (extended, entries) for (name, extended), entries in config.access_lists.items()}
        self._lists |= {name: (True, entries) for name, entries in config.ipv6_lists.items()}
        self._before: Mapping[str, _Made] = {} if before is None else before._made
        self._networks: dict[str, tuple[Addresses, ...]] = {}
        self._services: dict[str, tuple[Service, ...]] = {}
        self._earlier: Mapping[str, tuple[Addresses, ...]] = {} if before is None else before._networks
        self._earlier_services: Mapping[str, tuple[Service, ...]] = {} if before is None else before._services
        #: Of groups, a prefix that has all members.
        self._prefixes: dict[str, Addresses] = {}
        self._made: dict[str, _Made] = {}

    def get(self, name: str, local: datetime, version: int = 4) -> FilterList | None:
        """Return the list of a version of IP as it is now; None: it does not exist, or has no entry. local: without a
        time zone.
        """
        if (name in self._config.ipv6_lists) is (version == 4):
            return None
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._make(name, local)
        return made.listed

    def is_outdated(self, local: datetime) -> bool:
        """Return whether a list that was asked for is another one now; then it is made again when it is needed."""
        old = [name for name, made in self._made.items() if not self._is_time(made, local)]
        self._before = {**self._before, **self._made}
        for name in old:
            del self._made[name]
        return bool(old)

    def _holds(self, name: str, local: datetime) -> bool:
        """Return whether it is the time of a time range. A time range that does not exist is always, as on IOS."""
        known = self._config.time_ranges.get(name)
        return known is None or known.holds(local)

    def _is_time(self, made: _Made, local: datetime) -> bool:
        return all(self._holds(name, local) is before for name, before in made.ranges.items())

    def _make(self, name: str, local: datetime) -> _Made:
        extended, entries = self._lists.get(name, (False, NONE))
        before = self._before.get(name)
        same_groups = before is not None and all(self._group(*key) is was for key, was in before.groups.items())
        if before is not None and same_groups and before.entries == entries and self._is_time(before, local):
            return before
        known = {} if before is None else before.meanings
        ranges: dict[str, bool] = {}
        meanings: dict[int, tuple[AccessEntry, tuple[FilterEntry, ...]]] = {}
        found: list[FilterEntry] = []
        for entry in entries:
            earlier = known.get(id(entry)) if same_groups or not _groups(entry) else None
            means = tuple(self._entries(entry)) if earlier is None else earlier[1]
            meanings[id(entry)] = entry, means
            if entry.time_range:
                ranges[entry.time_range] = self._holds(entry.time_range, local)
            if not entry.time_range or ranges[entry.time_range]:
                found += means
        if name in self._config.ipv6_lists:
            found += _DISCOVERY
        listed = FilterList(name, tuple(found), is_standard=not extended) if entries else None
        keys = {key: None for entry in entries for key in _groups(entry)}
        return _Made(entries, listed, meanings, {key: self._group(*key) for key in keys}, ranges)

    def listed(self, entry: AccessEntry) -> ListedEntry:
        """Return what an entry means at all times in which it counts; nothing, if that is too much to look at."""
        means = tuple(self._entries(entry))
        is_small = sum(one.condition.pairs for one in means) <= MOST_PAIRS
        networks = (entry.source.group, entry.destination.group)
        known = all(not name or name in self._config.networks for name in networks)
        return ListedEntry(
            entry.sequence,
            entry.permit,
            means if is_small else (),
            always=entry.time_range not in self._config.time_ranges,
            covers=known
            and is_small
            and not entry.unfit
            and (not entry.services or entry.services in self._config.services),
        )

    def _entries(self, entry: AccessEntry) -> Iterator[FilterEntry]:
        """Yield what an entry means.

        What no filter can look at, and members that do not exist, let nothing pass: a permit is left out, and a denial
        denies all that it might mean.
        """
        if entry.unfit and entry.permit:
            return
        sources, destinations = self._addresses(entry.source), self._addresses(entry.destination)
        services = self._services_of(entry.services) if entry.services else _EVERY_SERVICE
        if not entry.permit:
            sources, destinations = sources or _EVERYWHERE, destinations or _EVERYWHERE
            services = services or _EVERY_SERVICE
        log = bool(entry.log), entry.log == "log-input"
        if len(sources) * len(destinations) <= _PAIRS:
            for service, source, destination in product(services, sources, destinations):
                yield FilterEntry(entry.sequence, entry.permit, _condition(entry, service, source, destination), *log)
        elif sources and destinations:
            source, destination = self._around(entry.source, sources), self._around(entry.destination, destinations)
            members = [some if len(some) > 1 else () for some in (sources, destinations)]
            for service in services:
                condition = _condition(entry, service, source, destination, members[0], members[1])
                yield FilterEntry(entry.sequence, entry.permit, condition, *log)

    # ------------------------------------------------------------------------------------------------ groups

    def _addresses(self, end: AddressRange) -> tuple[Addresses, ...]:
        return self._members(end.group) if end.group else (Addresses(end.address, end.wildcard),)

    def _group(self, is_service: bool, name: str) -> tuple[Addresses, ...] | tuple[Service, ...]:
        return self._services_of(name) if is_service else self._members(name)

    def _members(self, name: str) -> tuple[Addresses, ...]:
        """Return the addresses of a group: the same objects as before, as far as they stay."""
        found = self._networks.get(name)
        if found is None:
            earlier = self._earlier.get(name, ())
            known = dict(zip(earlier, earlier, strict=True))
            found = tuple(known.get(member, member) for member in members_of(name, self._config.networks))
            found = self._networks[name] = earlier if found == earlier else found
        return found

    def _around(self, end: AddressRange, members: tuple[Addresses, ...]) -> Addresses:
        """Return the one member, or the smallest prefix that has all of them."""
        if len(members) == 1:
            return members[0]
        found = self._prefixes.get(end.group)
        if found is None:
            first = min(int(member.address) & ~int(member.wildcard) for member in members)
            last = max(int(member.address) | int(member.wildcard) for member in members)
            wildcard = (1 << (first ^ last).bit_length()) - 1
            found = self._prefixes[end.group] = Addresses(IPv4Address(first & ~wildcard), IPv4Address(wildcard))
        return found

    def _services_of(self, name: str) -> tuple[Service, ...]:
        found = self._services.get(name)
        if found is None:
            earlier = self._earlier_services.get(name, ())
            found = members_of(name, self._config.services)
            found = self._services[name] = earlier if found == earlier else found
        return found


def _groups(entry: AccessEntry) -> list[tuple[bool, str]]:
    """Return the groups that an entry refers to: whether they are of services, and their names."""
    named = ((False, entry.source.group), (False, entry.destination.group), (True, entry.services))
    return [one for one in named if one[1]]


def _condition(
    entry: AccessEntry,
    service: Service,
    source: Addresses,
    destination: Addresses,
    sources: tuple[Addresses, ...] = (),
    destinations: tuple[Addresses, ...] = (),
) -> Condition:
    protocol = service.protocol if entry.services else entry.protocol
    if protocol in EXTENSION_HEADERS and source.address.version == 6:
        protocol = None  # it asks for the header
    return replace(
        entry.asks,
        source=source,
        destination=destination,
        protocol=protocol,
        source_ports=entry.source_ports.ranges if entry.source_ports else service.source_ports,
        destination_ports=entry.destination_ports.ranges if entry.destination_ports else service.destination_ports,
        icmp=entry.asks.icmp or service.icmp,
        sources=sources,
        destinations=destinations,
    )
