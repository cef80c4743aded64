"""Answers `ports.policies`: lists and route maps that match packets or routes.

A translator supports less than these lines can express, so each list carries the unsupported part. A filter supports
all of them; while one depends on the time of day, the machine looks at the clock once a minute. Routing protocols get
the values of `base.routemaps`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import product
from typing import ClassVar, Final, Generic, TypeVar, cast

from dmvpn.base import translation
from dmvpn.base.context import Context, Machine, Timer
from dmvpn.base.events import ClockSet, Event, Packets
from dmvpn.base.filters import FilterList
from dmvpn.base.notices import AccessListsChanged, Configured, Notice
from dmvpn.base.pages import Pages
from dmvpn.base.ports import Ports
from dmvpn.base.routemaps import IPV6_LIST, AddressRule, Counted, MapRule, RoutePolicies
from dmvpn.base.translation import Addresses
from dmvpn.base.values import Value, project
from dmvpn.features.policy.model import (
    ANY,
    AccessEntry,
    AddressRange,
    ObjectGroup,
    PolicyConfig,
    PortRanges,
    members_of,
)
from dmvpn.features.policy.packets import MOST_PAIRS, FilterLists

#: Of a router that has no list and no map.
_NOTHING: Final = PolicyConfig()
#: Groups of networks by name.
Networks = Mapping[str, ObjectGroup[Addresses]]


class ClearHits(Event, Value):
    """`clear ip prefix-list`, `clear route-map counters`. name: of one list or map, "": of all."""

    counted: Counted
    name: str = ""


V = TypeVar("V")
W = TypeVar("W")


def of_routes(config: PolicyConfig | None, hits: dict[tuple[Counted, str, int], int] | None = None) -> RoutePolicies:
    """Return all lists and maps that match routes. None: there are none. hits: where to count."""
    if config is None:
        return RoutePolicies()
    lists = {name: (extended, entries) for (name, extended), entries in config.access_lists.items()}
    # A route of IPv6 is compared with the sources of a list.
    lists |= {f"{IPV6_LIST}{name}": (False, entries) for name, entries in config.ipv6_lists.items()}
    return project(
        RoutePolicies,
        config,
        access_lists=Lazily(lists, _address_rules),
        hits={} if hits is None else hits,
    )


class Lazily(Mapping[str, W], Generic[V, W]):
    """Makes a value from each list at its first use: a configuration may have thousands of unused lists."""

    def __init__(self, lists: Mapping[str, V], make: Callable[[V], W]) -> None:
        self._lists = lists
        self._make = make
        self._made: dict[str, W] = {}

    def __getitem__(self, name: str) -> W:
        if name not in self._made:
            self._made[name] = self._make(self._lists[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)


def _address_rules(listed: tuple[bool, Pages[AccessEntry]]) -> tuple[AddressRule, ...]:
    """Return its entries: in extended lists the destination is the mask. Entries that need a packet choose no route:
    those of protocols other than `ip`, and those with conditions.

    The denial at the end is said, for a list of which no entry is about routes is not an empty one.
    """
    extended, entries = listed
    rules = [
        AddressRule(entry.permit, _range(entry.source), _range(entry.destination) if extended else None)
        for entry in entries
        if entry.protocol is None and not entry.partial
    ]
    return (*rules, AddressRule(False, _range(ANY))) if entries else ()


def _range(listed: AddressRange) -> Addresses:
    return Addresses(listed.address, listed.wildcard)


#: Without time ranges all times are alike.
_ANY_TIME: Final = datetime.min


class PolicyMachine(Machine):
    """Keeps the configured lists and maps in the forms that other features ask for."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (ClearHits, ClockSet)

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.config = _NOTHING
        self._policies = translation.PacketPolicies()
        self.hits: dict[tuple[Counted, str, int], int] = {}
        self._routes = RoutePolicies(hits=self.hits)
        self._filters = FilterLists(self.config)
        self._minute = Timer("see which time ranges have begun or ended", self._look_at_clock)

    def of_packets(self) -> translation.PacketPolicies:
        """Access lists and route maps that match packets."""
        return self._policies

    def of_routes(self) -> RoutePolicies:
        """Return all lists and route maps that filter and change routes."""
        return self._routes

    def filter_list(self, name: str, version: int = 4) -> FilterList | None:
        """Return a list of a version of IP as a packet filter; None: it does not exist, or has no entry."""
        return self._filters.get(name, self._local(), version)

    def dispatch(self, event: Event | Notice) -> None:
        """Take a configuration, or clear counters."""
        match event:
            case ClearHits():
                for kind, name, sequence in list(self.hits):
                    if kind is event.counted and event.name in ("", name):
                        del self.hits[kind, name, sequence]
            case Configured(model=model):
                self.config = cast("PolicyConfig | None", model) or _NOTHING
                self._policies, self._routes = of_packets(self.config), of_routes(self.config, self.hits)
                self._filters = FilterLists(self.config, self._filters)
                self._context.emit(AccessListsChanged())
                self._await_minute()
            case ClockSet():
                self._look_at_clock()

    def _look_at_clock(self) -> None:
        if self._filters.is_outdated(self._local()):
            self._context.emit(AccessListsChanged())
        self._await_minute()

    def _await_minute(self) -> None:
        """Look at the clock again when the next minute begins, if there are time ranges."""
        if self.config.time_ranges:
            local = self._local()
            self._context.start(self._minute, 60.0 - local.second - local.microsecond / 1e6)
        else:
            self._context.stop(self._minute)

    def _local(self) -> datetime:
        return self._context.ports.clock.local(self._context.now).replace(tzinfo=None)


def of_packets(config: PolicyConfig | None) -> translation.PacketPolicies:
    """Return all lists and maps that match packets. None: there are none."""
    if config is None:
        return translation.PacketPolicies()
    lists = {name: entries for (name, _), entries in config.access_lists.items()}
    return translation.PacketPolicies(
        access_lists=Lazily(lists, partial(_packets, config.networks)), route_maps=Lazily(config.route_maps, _mapped)
    )


def filter_list(config: PolicyConfig, name: str, local: datetime | None = None, version: int = 4) -> FilterList | None:
    """Return a list of a version of IP as a packet filter; None: it does not exist, or has no entry.

    local: the time of day, without a time zone; None: while all time ranges hold.
    """
    if local is None:
        return FilterLists(replace(config, time_ranges={})).get(name, _ANY_TIME, version)
    return FilterLists(config).get(name, local, version)


def _packets(networks: Networks, entries: Pages[AccessEntry]) -> translation.ListedPackets:
    plain = [one for entry in entries for one in _plain(entry, networks)]
    problems = (f"entry {entry.sequence} {what}" for entry in plain if (what := _problem(entry)))
    return translation.ListedPackets(tuple(rule for entry in plain for rule in _rules(entry)), next(problems, ""))


def _plain(entry: AccessEntry, networks: Networks) -> Iterator[AccessEntry]:
    """Yield an entry for each pair of members of its groups of networks.

    A group without members stays, and so do groups of too many pairs: no translator obeys the entry then.
    """
    if not entry.source.group and not entry.destination.group:
        yield entry
        return
    sources, destinations = (
        [AddressRange(one.address, one.wildcard) for one in members_of(end.group, networks)] or [end]
        for end in (entry.source, entry.destination)
    )
    if len(sources) * len(destinations) > MOST_PAIRS:
        yield entry
        return
    for source, destination in product(sources, destinations):
        yield replace(entry, source=source, destination=destination)


def _problem(entry: AccessEntry) -> str:
    """Return the part that a translator cannot obey, "" for nothing."""
    if entry.protocol not in (None, *translation.PROTOCOLS):
        return f"names protocol {entry.protocol}, and only ip, tcp, udp and icmp are distinguished"
    return f"asks for {entry.partial}" if entry.partial else ""


def _rules(entry: AccessEntry) -> Iterator[translation.PacketRule]:
    """Yield a rule for each pair of ranges of ports: none, if no port is meant."""
    for source_ports in _ports(entry.source_ports):
        for destination_ports in _ports(entry.destination_ports):
            yield translation.PacketRule(
                permit=entry.permit,
                source=_addresses(entry.source),
                destination=_addresses(entry.destination),
                protocol=entry.protocol,
                source_ports=source_ports,
                destination_ports=destination_ports,
            )


def _addresses(listed: AddressRange) -> translation.Addresses:
    return translation.Addresses(listed.address, listed.wildcard)


def _ports(ports: PortRanges | None) -> tuple[tuple[int, int] | None, ...]:
    return (None,) if ports is None else ports.ranges


def _mapped(entries: Pages[MapRule]) -> tuple[translation.MappedPackets, ...]:
    return tuple(map(_mapped_entry, entries))


def _mapped_entry(entry: MapRule) -> translation.MappedPackets:
    plain = MapRule(
        sequence=entry.sequence, permit=entry.permit, access_lists=entry.access_lists, interfaces=entry.interfaces
    )
    problem = "" if entry == plain else f"entry {entry.sequence} has lines other than match ip address and interface"
    return translation.MappedPackets(entry.permit, entry.access_lists, entry.interfaces, problem)
