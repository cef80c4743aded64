"""Objects of ours in the kernel, as one kind of value: identity, comparison, and display.

Some routes of ours in the kernel's table are taken by no packet (`aside`): a foreign route of the same prefix with a
lower metric, one of a longer prefix, or a policy rule leads elsewhere. The check asks the kernel for the route of an
address, so it covers rules that we cannot decode.
"""

from __future__ import annotations

import enum
import itertools
from typing import TYPE_CHECKING, Final, TypeAlias

from dmvpn.base.addresses import Prefix
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.values import dataclass
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import (
    KERNEL_PROTOCOL,
    ROUTE_PROTOCOL,
    TABLE_MAIN,
    KernelNeighborState,
    KernelRoute,
    RouteType,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress


# ---------------------------------------------------------------------------------------------------- things


class ThingKind(enum.IntEnum):
    """Kinds of objects, in the order in which they are put back."""

    EVERYTHING = 0
    LINK = 1
    ADDRESS = 2
    NETWORK = 3
    NEIGHBOR = 4
    RULE = 5
    GUARD = 6
    ROUTE = 7
    TABLE = 8


class TablePurpose(enum.Enum):
    """What a table of nf_tables is for, as its name says."""

    TRANSLATION = "nat"
    FILTER = "filter"
    LEAKING = "leak"

    @property
    def words(self) -> str:
        """What it does, for the user."""
        return _PURPOSES[self]


_PURPOSES: Final = {
    TablePurpose.TRANSLATION: "translates addresses",
    TablePurpose.FILTER: "filters packets",
    TablePurpose.LEAKING: "passes packets between VRFs",
}


@dataclass(frozen=True, slots=True)
class LinkState:
    """The state of an interface of ours: administratively up, and its MTU in octets (None: left to the kernel).

    master: the index of the device that it is a port of, 0: of none, or any.
    name: of Linux; "": any.
    """

    link: int
    up: bool
    mtu: int | None = None
    master: int = 0
    name: str = ""

    @classmethod
    def of(cls, link: netlink.KernelLink) -> LinkState:
        """Return the actual state of an interface."""
        return cls(link.index, link.up, link.mtu, link.master, link.name)


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that was ordered, or has our mark, in words; and the actual state.

    unordered: we did not order it.
    aside: the object exists, and packets to these addresses take another route.
    """

    what: str
    there: str
    unordered: bool = False
    aside: Prefix | None = None


@dataclass(frozen=True, slots=True)
class RouterTable:
    """A table of nf_tables that a router has made."""

    name: str
    purpose: TablePurpose


Thing: TypeAlias = (
    netlink.KernelRoute | netlink.KernelNeighbor | netlink.InterfaceAddress | netlink.Rule | LinkState | RouterTable
)
Key: TypeAlias = "tuple[ThingKind, Hashable, Hashable]"
#: The tables of the guard, by length of the prefixes in them.
GUARD_TABLES: Final = range(5400, 5433)
#: The place of our routes in main; thousands of keys share it.
_OURS = (netlink.TABLE_MAIN, netlink.ROUTE_METRIC)


def key_of(thing: Thing) -> Key:
    """Return the identity of a kernel object: its place, not its value."""
    match thing:
        case netlink.KernelRoute(metric=0, table=netlink.TABLE_MAIN):  # two interfaces may be in one network
            return (ThingKind.NETWORK, thing.prefix, links_of(thing))
        case netlink.KernelRoute(metric=0, protocol=netlink.KERNEL_PROTOCOL, kind=netlink.RouteType.UNICAST):
            return (ThingKind.NETWORK, thing.prefix, (thing.table, links_of(thing)))
        case netlink.KernelRoute():
            kind = ThingKind.GUARD if thing.table in GUARD_TABLES else ThingKind.ROUTE
            place = thing.table, thing.metric
            return (kind, thing.prefix, _OURS if place == _OURS else place)
        case netlink.KernelNeighbor():
            return (ThingKind.NEIGHBOR, thing.link, thing.address)
        case netlink.InterfaceAddress():
            return (ThingKind.ADDRESS, thing.link, (thing.address, thing.prefix_length))
        case netlink.Rule():
            return (ThingKind.RULE, thing.priority, (thing.version, thing.table))
        case LinkState():
            return (ThingKind.LINK, thing.link, None)
        case RouterTable():
            return (ThingKind.TABLE, thing.name, None)


def networks_of(
    addresses: Iterable[netlink.InterfaceAddress], table: int = netlink.TABLE_MAIN
) -> list[netlink.KernelRoute]:
    """Return the routes that the kernel makes of IPv4 addresses of one interface that is up: one for each network."""
    found: dict[Prefix, netlink.KernelRoute] = {}
    for address in addresses:
        if address.address.version == 4 and address.prefix_length < 32:
            hops = (netlink.KernelNextHop(address.link),)
            protocol = netlink.KERNEL_PROTOCOL
            route = netlink.KernelRoute(
                address.network, hops, metric=0, protocol=protocol, table=table, source=address.address
            )
            found.setdefault(address.network, route)
    return list(found.values())


def words(thing: Thing, name: Callable[[int], str]) -> str:
    """Return an object in words for the user."""
    match thing:
        case netlink.KernelRoute():
            hops = ", ".join(
                f"via {hop.gateway}, {name(hop.link)}" if hop.gateway else name(hop.link) for hop in thing.next_hops
            )
            table = "" if thing.table == netlink.TABLE_MAIN else f" in table {thing.table}"
            return f"route {thing.prefix} {hops or thing.kind.name.lower()}{table}"
        case netlink.KernelNeighbor():
            return f"neighbor {thing.address} on {name(thing.link)}"
        case netlink.InterfaceAddress():
            return f"address {thing.address}/{thing.prefix_length} of {name(thing.link)}"
        case LinkState():
            mtu = f", MTU {thing.mtu}" if thing.mtu else ""
            port = f", port of {name(thing.master)}" if thing.master else ""
            return f"{name(thing.link)} {'up' if thing.up else 'down'}{mtu}{port}"
        case netlink.Rule():
            return str(thing)
        case RouterTable():
            return f"table ip {thing.name} (nf_tables), which {thing.purpose.words}"


def links_of(thing: Thing) -> tuple[int, ...]:
    """Return the interfaces that it depends on."""
    match thing:
        case netlink.KernelRoute():
            hops = thing.next_hops
            return (hops[0].link,) if len(hops) == 1 else tuple(dict.fromkeys([hop.link for hop in hops]))
        case netlink.Rule() | RouterTable():
            return ()
        case _:
            return (thing.link,)


def alike(wanted: Thing, there: Thing) -> bool:
    """Return whether the object is as wanted, as far as we order it."""
    if isinstance(wanted, netlink.KernelRoute) and isinstance(there, netlink.KernelRoute):
        hops = [(hop.link, hop.gateway) for hop in wanted.next_hops]
        return (
            wanted.protocol == there.protocol
            and wanted.kind is there.kind
            and hops == [(hop.link, hop.gateway) for hop in there.next_hops]
        )
    if isinstance(wanted, netlink.KernelNeighbor) and isinstance(there, netlink.KernelNeighbor):
        return KernelNeighborState.PERMANENT in there.state and wanted.lladdr == there.lladdr
    if isinstance(wanted, LinkState) and isinstance(there, LinkState):
        is_placed = wanted.master in (0, there.master) and wanted.name in ("", there.name)
        return is_placed and wanted.up is there.up and wanted.mtu in (None, there.mtu)
    return True


# ---------------------------------------------------------------------------------------------------- shadows

#: Addresses to check: first those in foreign routes, then one in each of ours.
MOST: Final = 256
#: An address in no network (RFC 7600): it takes the default route.
_NOBODY: Final = Prefix.parse("192.0.0.8/32").address


def aside(
    ours: Sequence[KernelRoute],
    there: Iterable[KernelRoute],
    way_to: Callable[[IPAddress], KernelRoute | str | None],
    name: Callable[[int], str],
) -> Iterator[Difference]:
    """Yield routes of ours, all of them installed, that packets to some address do not take.

    there: all routes of the kernel. way_to: the route of an address; words: why packets are refused; None: unknown.
    """
    wanted: PrefixTable[KernelRoute] = PrefixTable()
    for route in ours:
        if route.table == TABLE_MAIN:
            wanted[route.prefix] = route
    others = {one.prefix for one in there if one.table == TABLE_MAIN and _is_foreign(one)}
    mine = {route.prefix for route in ours if route.table == TABLE_MAIN and route.metric}
    asked: dict[IPAddress, Prefix] = {}
    for prefix in (*sorted(others, key=_longest), *sorted(mine, key=_longest)):
        asked.setdefault(_one_of(prefix), prefix)
    for address, prefix in itertools.islice(asked.items(), MOST):
        match = wanted.lookup(address)
        if match is None or match[0].length > prefix.length:
            continue
        route, taken = match[1], way_to(address)
        if isinstance(taken, KernelRoute) and not _alike(route, taken):
            yield Difference(words(route, name), f"packets to {address} take {words(taken, name)}", aside=prefix)
        elif isinstance(taken, str) and route.kind is RouteType.UNICAST:
            yield Difference(words(route, name), f"packets to {address} {taken}", aside=prefix)


def _longest(prefix: Prefix) -> tuple[int, int, IPAddress]:
    return (-prefix.length, prefix.address.version, prefix.address)


def _is_foreign(route: KernelRoute) -> bool:
    return route.protocol not in (ROUTE_PROTOCOL, KERNEL_PROTOCOL)


def _one_of(prefix: Prefix) -> IPAddress:
    """Return an address that takes this prefix, if there is no longer one."""
    if prefix.is_default and prefix.address.version == 4:
        return _NOBODY
    return prefix.address if prefix.length >= prefix.address.max_prefixlen - 1 else prefix.address + 1


def _alike(ours: KernelRoute, taken: KernelRoute) -> bool:
    """Return whether the route in use is ours, another router's, the machine's own address, or leads the same way."""
    if taken.protocol == ROUTE_PROTOCOL or taken.kind is RouteType.LOCAL:
        return True
    hops = [(hop.link, hop.gateway) for hop in taken.next_hops]
    return ours.kind is taken.kind and hops == [(hop.link, hop.gateway) for hop in ours.next_hops]
