"""From the lines of an access list to the entries of a packet filter (`base.filters`), without groups and times."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from dmvpn.base.filters import Condition, FilterEntry, FilterList
from dmvpn.base.shadows import ListedEntry
from dmvpn.base.translation import Addresses
from dmvpn.features.policy.model import ANY
from dmvpn.features.policy.objects import Service, networks_of, services_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from dmvpn.features.policy.model import AccessEntry, AddressRange, PolicyConfig
    from dmvpn.features.policy.objects import NetworkGroup

_EVERYWHERE: Final = Addresses(ANY.address, ANY.wildcard)
_EVERY_SERVICE: Final = (Service(),)


class FilterLists:
    """The access lists of a configuration as packet filters, each made at its first use."""

    def __init__(self, config: PolicyConfig) -> None:
        self._config = config
        self._lists = {name: (extended, entries) for (name, extended), entries in config.access_lists.items()}
        self._made: dict[str, FilterList | None] = {}
        #: The time ranges that lists in use refer to.
        self._ranges: dict[str, bool] = {}

    def get(self, name: str, local: datetime) -> FilterList | None:
        """Return the list as it is now; None: it does not exist, or has no entry. local: without a time zone."""
        if name not in self._made:
            extended, entries = self._lists.get(name, (False, ()))
            found = self._entries(entries, local) if entries else ()
            self._made[name] = FilterList(name, found, is_standard=not extended) if entries else None
        return self._made[name]

    def is_outdated(self, local: datetime) -> bool:
        """Return whether a list that was asked for is another one now; then it is made again when it is needed."""
        if all(self._holds(name, local) is before for name, before in self._ranges.items()):
            return False
        self._made.clear()
        self._ranges.clear()
        return True

    def _holds(self, name: str, local: datetime) -> bool:
        """Return whether it is the time of a time range. A time range that does not exist is always, as on IOS."""
        known = self._config.time_ranges.get(name)
        return known is None or known.holds(local)

    def _entries(self, entries: Iterable[AccessEntry], local: datetime) -> tuple[FilterEntry, ...]:
        found: list[FilterEntry] = []
        for entry in entries:
            if entry.asks.time_range:
                holds = self._ranges[entry.asks.time_range] = self._holds(entry.asks.time_range, local)
                if not holds:
                    continue
            found += filter_entries(entry, self._config)
        return tuple(found)


def filter_entries(entry: AccessEntry, config: PolicyConfig) -> Iterator[FilterEntry]:
    """Yield what an entry means: one for each pair of members of its groups.

    What no filter can look at, and members that do not exist, let nothing pass: a permit is left out, and a denial
    denies all that it might mean.
    """
    if entry.asks.unfit and entry.permit:
        return
    sources, destinations = (_addresses(end, config.networks) for end in (entry.source, entry.destination))
    services = services_of(entry.services, config.services) if entry.services else _EVERY_SERVICE
    if not entry.permit:
        sources, destinations = sources or (_EVERYWHERE,), destinations or (_EVERYWHERE,)
        services = services or _EVERY_SERVICE
    for service, source, destination in product(services, sources, destinations):
        yield FilterEntry(
            entry.sequence,
            entry.permit,
            _condition(entry, service, source, destination),
            log=bool(entry.log),
            log_input=entry.log == "log-input",
        )


def listed_entry(entry: AccessEntry, config: PolicyConfig) -> ListedEntry:
    """Return what an entry means at all times in which it counts."""
    groups = (entry.source.group, entry.destination.group)
    known = all(not name or name in config.networks for name in groups)
    return ListedEntry(
        entry.sequence,
        entry.permit,
        tuple(filter_entries(entry, config)),
        always=entry.asks.time_range not in config.time_ranges,
        covers=known and not entry.asks.unfit and (not entry.services or entry.services in config.services),
    )


def _addresses(end: AddressRange, groups: Mapping[str, NetworkGroup]) -> tuple[Addresses, ...]:
    return networks_of(end.group, groups) if end.group else (Addresses(end.address, end.wildcard),)


def _condition(entry: AccessEntry, service: Service, source: Addresses, destination: Addresses) -> Condition:
    asks = entry.asks
    return Condition(
        source=source,
        destination=destination,
        protocol=service.protocol if entry.services else entry.protocol,
        source_ports=entry.source_ports.ranges if entry.source_ports else service.source_ports,
        destination_ports=entry.destination_ports.ranges if entry.destination_ports else service.destination_ports,
        icmp=asks.icmp or service.icmp,
        flags=asks.flags,
        service=asks.service,
        ttl=asks.ttl,
        option=asks.option,
        fragments=asks.fragments,
    )
