"""Addresses for sites that name none: numbers in the tunnel network, LANs, networks towards the provider.

What was given once stays: `Allocations` are written beside the table (`sites.lock.yaml`) and belong into its
repository. A site that is new takes what is free, one that is gone frees what it had, and nobody else notices, wherever
in the table that happens. What the table itself says comes before all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import DmvpnError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.tools.render.table import Hub, Pool, Spoke, Table

#: Spokes are numbered from here on while there is room: the low numbers are for hubs.
FIRST_SPOKE: Final = 11


class AllocationError(DmvpnError):
    """The table cannot be carried out. where: the key that is to blame."""

    def __init__(self, where: tuple[str | int, ...], text: str) -> None:
        super().__init__(text)
        self.where = where
        self.text = text


@dataclass(frozen=True, slots=True)
class Allocations:
    """By site: its number in the tunnel network, its LAN, its network towards the provider (if taken from a pool)."""

    numbers: dict[str, int] = field(default_factory=dict)
    lans: dict[str, IPv4Network] = field(default_factory=dict)
    nbmas: dict[str, IPv4Network] = field(default_factory=dict)


def allocate(table: Table, kept: Allocations) -> Allocations:
    """Everything that sites need. kept: what they were given before. Raises AllocationError."""
    _check_networks(table)
    nbmas = _networks(table, kept.nbmas, "nbma")
    lans = _networks(table, kept.lans, "lan", besides=nbmas)
    return Allocations(_numbers(table, kept.numbers), lans, nbmas)


# ------------------------------------------------------------------------------------------------ numbers


def _numbers(table: Table, kept: Mapping[str, int]) -> dict[str, int]:
    room = [int(network.broadcast_address) - int(network.network_address) for _, network in _tunnels(table)]
    largest = min(room) - 1
    taken: dict[int, str] = {}
    for name, site in table.sites.items():
        if site.number is not None:
            where = (_kind(table, name), name, "number")
            if site.number > largest:
                raise AllocationError(where, f"{table.tunnel.network} has numbers up to {largest}")
            if site.number in taken:
                raise AllocationError(where, f"{taken[site.number]} has number {site.number} already")
            taken[site.number] = name
    for name, number in kept.items():
        if name in table.sites and table.sites[name].number is None and number <= largest:
            if number in taken:
                where = (_kind(table, taken[number]), taken[number], "number")
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


# ------------------------------------------------------------------------------------------------ networks


def _networks(
    table: Table, kept: Mapping[str, IPv4Network], what: str, besides: Mapping[str, IPv4Network] | None = None
) -> dict[str, IPv4Network]:
    """LANs or networks towards the provider, of the sites that have none of their own."""
    pool = table.pools.lan if what == "lan" else table.pools.nbma
    wanting = [name for name, site in table.sites.items() if _wants(site, what)]
    if not wanting:
        return {}
    if pool is None:
        first = (_kind(table, wanting[0]), wanting[0])
        raise AllocationError(first, f"it names no {what}, and there is no pools.{what} to take one from")
    taken = _Taken([network for _, _, network in _given(table)])
    for network in (besides or {}).values():
        taken.add(network)
    found: dict[str, IPv4Network] = {}
    for name in wanting:
        before = kept.get(name)
        if before is not None and before.prefixlen == pool.length and before.subnet_of(pool.network):
            if taken.overlap(before) is not None:
                where, other = _owner(table, before, (_kind(table, name), name))
                raise AllocationError(where, f"{other} overlaps {before}, which {name} was given; take another")
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
    """Networks that are taken; they do not overlap, or are the same."""

    def __init__(self, networks: list[IPv4Network]) -> None:
        self._ranges = {int(net.network_address): int(net.broadcast_address) for net in networks}

    def add(self, network: IPv4Network) -> None:
        self._ranges[int(network.network_address)] = int(network.broadcast_address)

    def overlap(self, network: IPv4Network) -> IPv4Address | None:
        """An address of it that is taken."""
        first, last = int(network.network_address), int(network.broadcast_address)
        for low, high in self._ranges.items():
            if low <= last and high >= first:
                return IPv4Address(max(low, first))
        return None

    def free(self, pool: Pool) -> Iterator[IPv4Network]:
        """The free networks of a pool in order; each is taken at once."""
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


# ------------------------------------------------------------------------------------------------ checks


def _tunnels(table: Table) -> list[tuple[str, IPv4Network]]:
    second = table.tunnel.second
    return [("network", table.tunnel.network), *([("second", second)] if second is not None else [])]


def _given(table: Table) -> Iterator[tuple[tuple[str | int, ...], str, IPv4Network]]:
    """The networks that the table names: where, what they are, which. Those behind NAT are their site's own affair."""
    for key, network in _tunnels(table):
        yield ("tunnel", key), "the tunnels", network
    for name, site in table.sites.items():
        kind = _kind(table, name)
        if site.lan is not None:
            yield (kind, name, "lan"), f"the LAN of {name}", site.lan
        nat = getattr(site, "nat", None)
        outside = site.nbma if nat is None else nat.outside
        if outside is not None:
            yield (kind, name, "nbma" if nat is None else "nat"), f"the provider's at {name}", outside.network


def _check_networks(table: Table) -> None:
    """No two overlap, but for equal ones of the provider's; no two sites have the same address."""
    seen: list[tuple[IPv4Network, str, bool]] = []
    ordered = sorted(_given(table), key=lambda given: (given[2], given[1]))
    for where, what, network in ordered:
        shared = where[-1] in ("nbma", "nat")
        while seen and int(seen[-1][0].broadcast_address) < int(network.network_address):
            seen.pop()
        for other, whose, also in seen:
            if other.overlaps(network) and not (shared and also and other == network):
                raise AllocationError(where, f"{network} ({what}) overlaps {other} ({whose})")
        seen.append((network, what, shared))
    addresses: dict[IPv4Address, str] = {}
    for name, site in table.sites.items():
        nat = getattr(site, "nat", None)
        outside = site.nbma if nat is None else nat.outside
        if outside is None:
            continue
        owner = addresses.setdefault(outside.ip, name)
        if owner != name and (nat is None or getattr(table.sites[owner], "nat", None) is None):
            raise AllocationError((_kind(table, name), name), f"{owner} has the address {outside.ip}, too")
        if nat is not None and site.nbma is not None:
            _check_inside(table, name, site.nbma.network)


def _check_inside(table: Table, name: str, inside: IPv4Network) -> None:
    """What is behind NAT may be the same at many sites, but it is no tunnel and no LAN."""
    for where, what, network in _given(table):
        if where[-1] not in ("nbma", "nat") and network.overlaps(inside):
            raise AllocationError((_kind(table, name), name, "nbma"), f"{inside} overlaps {network} ({what})")


def _owner(table: Table, network: IPv4Network, fallback: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], str]:
    """Where the table names something that overlaps this network, and what."""
    for where, what, other in _given(table):
        if other.overlaps(network):
            return where, f"{other} ({what})"
    return fallback, "another pool"


def _kind(table: Table, name: str) -> str:
    return "hubs" if name in table.hubs else "spokes"
