"""Finds routes of ours in the kernel's table that packets do not take.

A foreign route of the same prefix with a lower metric, one of a longer prefix, or a policy rule leads elsewhere. The
check asks the kernel for the route of an address, so it covers rules that we cannot decode.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.lpm import PrefixTable
from dmvpn.dataplane.netlink import KERNEL_PROTOCOL, ROUTE_PROTOCOL, TABLE_MAIN, KernelRoute, RouteType
from dmvpn.dataplane.userspace.things import Difference, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress

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
