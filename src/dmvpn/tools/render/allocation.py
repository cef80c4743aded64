"""The addresses of sites: which a table names, and their conflicts; allocations for sites without any.

Outside there is one provider: sites that name the same network there are on one link with one gateway. An inside
network, between a site and its NAT box, concerns only the sites behind that box; another box may use the same.

Allocated are numbers in the tunnel network, LANs, networks towards the provider. An allocation stays: `Allocations`
are written beside the table (`sites.lock.yaml`) and belong into its repository. A new site takes free addresses, a
removed site frees its own, and no other site changes, wherever in the table that happens. Addresses in the table
itself take precedence.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import field
from ipaddress import IPv4Address, IPv4Network
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dmvpn.base.errors import DmvpnError
from dmvpn.base.values import Value
from dmvpn.shells.documents import parse_yaml, read_text
from dmvpn.shells.lab_model import Name
from dmvpn.tools.render.table import Hub, Nat, Pool, Spoke, Table

# ----------------------------------------------------------------------------------------- addresses that a table names


Where = tuple[str | int, ...]


class AllocationError(DmvpnError):
    """The addresses of the table conflict. where: the key to blame."""

    def __init__(self, where: Where, text: str) -> None:
        super().__init__(text)
        self.where = where
        self.text = text


class Named(Value):
    """A network that the table names. shared: the provider's; several sites may be in it."""

    where: Where
    what: str
    network: IPv4Network
    shared: bool = False

    def __str__(self) -> str:
        return f"{self.network} ({self.what})"


def kind_of(table: Table, name: str) -> str:
    """Return the key that a site is under."""
    return "hubs" if name in table.hubs else "spokes"


def nat_of(site: Hub | Spoke) -> Nat | None:
    """Return the NAT box of a site, if it has one."""
    return site.nat if isinstance(site, Spoke) else None


def tunnels(table: Table) -> list[tuple[str, IPv4Network]]:
    """Return the networks of tunnel addresses, by key."""
    second = table.tunnel.second
    return [("network", table.tunnel.network), *([("second", second)] if second is not None else [])]


def named(table: Table) -> Iterator[Named]:
    """Yield all networks that the table names, except inside networks."""
    for key, network in tunnels(table):
        yield Named(("tunnel", key), "the tunnels", network)
    for name, site in table.sites.items():
        kind, nat = kind_of(table, name), nat_of(site)
        if site.lan is not None:
            yield Named((kind, name, "lan"), f"the LAN of {name}", site.lan)
        outside = site.nbma if nat is None else nat.outside
        if outside is not None:
            where = (kind, name, "nbma" if nat is None else "nat")
            yield Named(where, f"the provider's at {name}", outside.network, shared=True)


def inside(table: Table) -> Iterator[Named]:
    """Yield the networks between sites and their NAT boxes."""
    for name, site in table.spokes.items():
        if site.nat is not None and site.nbma is not None:
            yield Named(("spokes", name, "nbma"), f"inside, at {name}", site.nbma.network)


def check_addresses(table: Table) -> None:
    """Check that networks do not overlap where they must not, and that addresses on a link are unique.

    Raises AllocationError.
    """
    _check_overlaps(table)
    _check_inside(table)
    _check_boxes(table)
    _check_links(table)


# ------------------------------------------------------------------------------------------------ networks


def _check_overlaps(table: Table) -> None:
    """Check that no two networks overlap, except equal networks of the provider."""
    seen: list[Named] = []
    for new in sorted(named(table), key=lambda one: (one.network, one.what)):
        while seen and int(seen[-1].network.broadcast_address) < int(new.network.network_address):
            seen.pop()
        for old in seen:
            if old.network.overlaps(new.network) and not (old.shared and new.shared and old.network == new.network):
                raise AllocationError(new.where, f"{new} overlaps {old}")
        seen.append(new)


def _check_inside(table: Table) -> None:
    """Check that an inside network overlaps no network that its site must reach: tunnels, LANs, hubs, the outside of
    its NAT box.
    """
    hubs = {("hubs", name, "nbma") for name in table.hubs}
    others = sorted((one for one in named(table) if not one.shared or one.where in hubs), key=lambda one: one.network)
    starts = [int(one.network.network_address) for one in others]
    for own in inside(table):
        # These networks do not overlap each other, so only the last one that begins in or before `own` can overlap it.
        position = bisect_right(starts, int(own.network.broadcast_address)) - 1
        if position >= 0 and others[position].network.overlaps(own.network):
            raise AllocationError(own.where, f"{own} overlaps {others[position]}")
        nat = nat_of(table.sites[str(own.where[1])])
        if nat is not None and nat.outside is not None and nat.outside.network.overlaps(own.network):
            raise AllocationError(own.where, f"{own} overlaps {nat.outside.network}, outside of its NAT box")


def _check_boxes(table: Table) -> None:
    """Check that several sites agree on the NAT box that they are behind."""
    boxes: dict[IPv4Address, tuple[str, str, str]] = {}
    for name, site in table.spokes.items():
        if site.nat is None or site.nat.outside is None or site.nbma is None:
            continue
        address, within = site.nat.outside.ip, f"{site.gateway}/{site.nbma.network.prefixlen}"
        owner, known, kind = boxes.setdefault(address, (name, within, site.nat.kind))
        said = f"{owner} is behind {address}, too"
        if known != within:
            text = f"{said}, where {known} is inside: one NAT box has one network inside"
            raise AllocationError(("spokes", name, "nat"), text)
        if kind != site.nat.kind:
            text = f"{said}, and says {kind}: one NAT box is of one kind"
            raise AllocationError(("spokes", name, "nat", "kind"), text)


# ------------------------------------------------------------------------------------------------ links


class _End(Value, kw_only=True):
    """An end of a link. whose: a site, or the NAT box that it is behind. keys: of its address and its gateway."""

    name: str
    whose: str
    box: IPv4Address | None
    network: IPv4Network
    address: IPv4Address
    gateway: IPv4Address
    keys: tuple[Where, Where]

    @property
    def link(self) -> tuple[IPv4Address | None, IPv4Network]:
        """The link; ends with equal values are on the same link."""
        return self.box, self.network


def _ends(table: Table) -> Iterator[_End]:
    for name, site in table.sites.items():
        where, nat = (kind_of(table, name), name), nat_of(site)
        if site.nbma is not None and site.gateway is not None and (nat is None or nat.outside is not None):
            yield _End(
                name=name,
                whose=name,
                box=None if nat is None or nat.outside is None else nat.outside.ip,
                network=site.nbma.network,
                address=site.nbma.ip,
                gateway=site.gateway,
                keys=((*where, "nbma"), (*where, "gateway")),
            )
        if nat is not None and nat.outside is not None and nat.gateway is not None:
            yield _End(
                name=name,
                whose=f"the NAT box {nat.outside.ip}",
                box=None,
                network=nat.outside.network,
                address=nat.outside.ip,
                gateway=nat.gateway,
                keys=((*where, "nat", "outside"), (*where, "nat", "gateway")),
            )


def _check_links(table: Table) -> None:
    """Check that the ends of a link have different addresses and one gateway, which is not one of these addresses."""
    ends = list(_ends(table))
    gateways: dict[object, _End] = {}
    for end in ends:
        gateways.setdefault((end.link, end.gateway), end)
    owners: dict[object, _End] = {}
    first: dict[object, _End] = {}
    for end in ends:
        user = gateways.get((end.link, end.address))
        if user is not None:
            raise AllocationError(end.keys[0], f"{end.address} is the gateway of {user.name}")
        owner = owners.setdefault((end.link, end.address), end)
        if owner.whose != end.whose:
            raise AllocationError(end.keys[0], f"{owner.name} has the address {end.address}, too")
        known = first.setdefault(end.link, end)
        if known.gateway != end.gateway:
            text = f"{known.name} has the gateway {known.gateway} on {end.network}: one link has one gateway"
            raise AllocationError(end.keys[1], text)


# ----------------------------------------------------------------------------------------------- addresses for the rest


#: Spokes are numbered from here on while numbers are left: the low numbers are for hubs.
FIRST_SPOKE: Final = 11


class Allocations(Value):
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
        if name in found:
            continue
        first = 1 if name in table.hubs else min(FIRST_SPOKE, largest)
        free = (one for one in chain(range(first, largest + 1), range(1, first)) if one not in taken)
        unused = next(free, None)
        if unused is None:
            text = f"{table.tunnel.network} is full: it has room for {largest} sites; give the tunnel a larger network"
            raise AllocationError(("tunnel", "network"), text)
        found[name], taken[unused] = unused, name
    return {name: found[name] for name in table.sites}


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
    if what == "lan":
        wanting = [name for name, site in table.sites.items() if site.lan is None]
    else:
        own = {name: site.nbma is not None or getattr(site, "dynamic", False) for name, site in table.sites.items()}
        wanting = [name for name, has in own.items() if not has]
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
                known = (one for one in chain(named(table), inside(table)) if one.network.overlaps(before))
                owner = next(known, None)
                where = owner.where if owner is not None else (kind_of(table, name), name)
                other = str(owner) if owner is not None else "another pool"
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


# ---------------------------------------------------------------------------------------------- the file of allocations


_HEAD = (
    "# Made by `dmvpn render`: what sites were given. Keep it with the table; to renumber a site, take it out here.\n"
)
Count = Annotated[int, Field(ge=1)]


class _Lock(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    numbers: dict[Name, Count] = Field(default={})
    lans: dict[Name, IPv4Network] = Field(default={})
    nbmas: dict[Name, IPv4Network] = Field(default={})
    ports: dict[IPv4Network, Count] = Field(default={})


def lock_of(table: Path) -> Path:
    """Return the file beside a table: `sites.lock.yaml` of `sites.yaml`."""
    return table.with_name(f"{table.stem}.lock.yaml")


def read_lock(path: Path) -> Allocations:
    """Read the allocations; they are empty before the first run. Raises UserError."""
    if not os.path.lexists(path):
        return Allocations()
    raw, places = parse_yaml(read_text(path, folder=path.parent), str(path))
    try:
        lock = _Lock.model_validate(raw or {})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise places.error(tuple(part for part in first["loc"] if part != "[key]"), first["msg"]) from error
    ports = {str(network): port for network, port in lock.ports.items()}
    for what, values in (("numbers", lock.numbers), ("lans", lock.lans), ("nbmas", lock.nbmas), ("ports", ports)):
        seen: dict[object, str] = {}
        for name, value in values.items():
            if seen.setdefault(value, name) != name:
                raise places.error((what, name), f"{seen[value]} has {value}, too")
    return Allocations(lock.numbers, lock.lans, lock.nbmas, lock.ports)


def lock_text(given: Allocations) -> str:
    """Return the file for these."""
    document = {
        "numbers": given.numbers,
        "lans": {name: str(network) for name, network in given.lans.items()},
        "nbmas": {name: str(network) for name, network in given.nbmas.items()},
        "ports": {str(network): port for network, port in given.ports.items()},
    }
    return _HEAD + yaml.safe_dump({key: value for key, value in document.items() if value}, sort_keys=False)
