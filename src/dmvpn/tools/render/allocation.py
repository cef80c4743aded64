"""Addresses for sites that name none: numbers in the tunnel network, LANs, networks towards the provider.

An allocation stays: `Allocations` are written beside the table (`sites.lock.yaml`) and belong into its repository. A
new site takes free addresses, a removed site frees its own, and no other site changes, wherever in the table that
happens. Addresses in the table itself take precedence.
"""

from __future__ import annotations

from dataclasses import field
from ipaddress import IPv4Address, IPv4Network
from itertools import chain, count
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.tools.render.addresses import AllocationError, check_addresses, inside, kind_of, named, tunnels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.tools.render.addresses import Where
    from dmvpn.tools.render.table import Hub, Pool, Spoke, Table

#: Spokes are numbered from here on while numbers are left: the low numbers are for hubs.
FIRST_SPOKE: Final = 11


@dataclass(frozen=True, slots=True)
class Allocations:
    """By site: its number in the tunnel network, its LAN, its network towards the provider (if taken from a pool).

    ports: by network towards the provider, the provider's port in labs. `dmvpn diff` can try a change only if
    the cabling of the remaining sites stays.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    lans: dict[str, IPv4Network] = field(default_factory=dict)
    nbmas: dict[str, IPv4Network] = field(default_factory=dict)
    ports: dict[IPv4Network, int] = field(default_factory=dict)


def allocate(table: Table, kept: Allocations) -> Allocations:
    """Return the allocations of all sites. kept: earlier allocations. Raises AllocationError."""
    check_addresses(table)
    nbmas = _networks(table, kept.nbmas, "nbma")
    lans = _networks(table, kept.lans, "lan", besides=nbmas)
    return Allocations(_numbers(table, kept.numbers), lans, nbmas, _ports(table, kept.ports, nbmas))


# ------------------------------------------------------------------------------------------------ numbers


def _numbers(table: Table, kept: Mapping[str, int]) -> dict[str, int]:
    room = [int(network.broadcast_address) - int(network.network_address) for _, network in tunnels(table)]
    largest = min(room) - 1
    taken: dict[int, str] = {}
    for name, site in table.sites.items():
        if site.number is not None:
            where = (kind_of(table, name), name, "number")
            if site.number > largest:
                raise AllocationError(where, f"{table.tunnel.network} has numbers up to {largest}")
            if site.number in taken:
                raise AllocationError(where, f"{taken[site.number]} has number {site.number} already")
            taken[site.number] = name
    for name, number in kept.items():
        if name in table.sites and table.sites[name].number is None and number <= largest:
            if number in taken:
                where = (kind_of(table, taken[number]), taken[number], "number")
                raise AllocationError(where, f"{name} was given number {number}; take another one")
            taken[number] = name
    found = {name: number for number, name in taken.items()}
    for name in table.sites:
        if name not in found:
            found[name] = number = _free_number(table, name, taken, largest)
            taken[number] = name
    return {name: found[name] for name in table.sites}


def _free_number(table: Table, name: str, taken: Mapping[int, str], largest: int) -> int:
    first = 1 if name in table.hubs else min(FIRST_SPOKE, largest)
    for number in chain(range(first, largest + 1), range(1, first)):
        if number not in taken:
            return number
    text = f"{table.tunnel.network} is full: it has room for {largest} sites; give the tunnel a larger network"
    raise AllocationError(("tunnel", "network"), text)


def _ports(table: Table, kept: Mapping[IPv4Network, int], nbmas: Mapping[str, IPv4Network]) -> dict[IPv4Network, int]:
    networks = dict.fromkeys([*(one.network for one in named(table) if one.shared), *nbmas.values()])
    taken = {kept[network] for network in networks if network in kept}
    free = (number for number in count(1) if number not in taken)
    return {network: kept[network] if network in kept else next(free) for network in networks}


# ------------------------------------------------------------------------------------------------ networks


def _networks(
    table: Table, kept: Mapping[str, IPv4Network], what: str, besides: Mapping[str, IPv4Network] | None = None
) -> dict[str, IPv4Network]:
    """Return LANs or networks towards the provider, of the sites that have none of their own."""
    pool = table.pools.lan if what == "lan" else table.pools.nbma
    wanting = [name for name, site in table.sites.items() if _wants(site, what)]
    if not wanting:
        return {}
    if pool is None:
        first = (kind_of(table, wanting[0]), wanting[0])
        raise AllocationError(first, f"it names no {what}, and there is no pools.{what} to take one from")
    taken = _Taken([one.network for one in chain(named(table), inside(table))])
    for network in (besides or {}).values():
        taken.add(network)
    found: dict[str, IPv4Network] = {}
    for name in wanting:
        before = kept.get(name)
        if before is not None and before.prefixlen == pool.length and before.subnet_of(pool.network):
            if taken.overlap(before) is not None:
                where, other = _owner(table, before, (kind_of(table, name), name))
                text = f"{other} overlaps {before}, which {name} was given"
                raise AllocationError(where, f"{text}: take another, or take {name} out of the lock file")
            taken.add(before)
            found[name] = before
    free = taken.free(pool)
    for name in wanting:
        if name not in found:
            new = next(free, None)
            if new is None:
                text = f"{pool.network} is full: no /{pool.length} is left for {name}"
                raise AllocationError(("pools", what, "network"), text)
            found[name] = new
    return {name: found[name] for name in wanting}


def _wants(site: Hub | Spoke, what: str) -> bool:
    if what == "lan":
        return site.lan is None
    return site.nbma is None and not getattr(site, "dynamic", False)


class _Taken:
    """Networks that are taken. They may overlap: inside networks are the site's own choice."""

    def __init__(self, networks: list[IPv4Network]) -> None:
        self._ranges: dict[int, int] = {}
        for network in networks:
            self.add(network)

    def add(self, network: IPv4Network) -> None:
        low, high = int(network.network_address), int(network.broadcast_address)
        self._ranges[low] = max(high, self._ranges.get(low, high))

    def overlap(self, network: IPv4Network) -> IPv4Address | None:
        """Return an address of it that is taken."""
        first, last = int(network.network_address), int(network.broadcast_address)
        for low, high in self._ranges.items():
            if low <= last and high >= first:
                return IPv4Address(max(low, first))
        return None

    def free(self, pool: Pool) -> Iterator[IPv4Network]:
        """Yield the free networks of a pool in order; each is taken at once."""
        size = 1 << (32 - pool.length)
        start, end = int(pool.network.network_address), int(pool.network.broadcast_address)
        ordered = sorted((low, high) for low, high in self._ranges.items() if high >= start and low <= end)
        position = 0
        while start + size - 1 <= end:
            while position < len(ordered) and ordered[position][1] < start:
                position += 1
            if position < len(ordered) and ordered[position][0] <= start + size - 1:
                start = (ordered[position][1] // size + 1) * size
                continue
            yield IPv4Network((start, pool.length))
            start += size


def _owner(table: Table, network: IPv4Network, fallback: Where) -> tuple[Where, str]:
    """Return the key of a network in the table that overlaps this one, and its description."""
    for one in chain(named(table), inside(table)):
        if one.network.overlaps(network):
            return one.where, str(one)
    return fallback, "another pool"
