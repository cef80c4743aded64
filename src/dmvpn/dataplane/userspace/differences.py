"""Differences between the kernel's state and our orders, in words for the user.

Some routes of ours in the kernel's table are taken by no packet (`aside`): a foreign route of the same prefix with a
lower metric, one of a longer prefix, or a policy rule leads elsewhere. The check asks the kernel for the route of an
address, so it covers rules that we cannot decode.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.values import Value
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import KERNEL_PROTOCOL, ROUTE_PROTOCOL, TABLE_MAIN, KernelRoute, RouteType
from dmvpn.dataplane.userspace.keeper import KernelObject, Key, LinkState, ObjectKind, alike, key_of, words


class Difference(Value):
    """An object that was ordered, or has our mark, in words; and the actual state.

    unordered: we did not order it.
    aside: the object exists, and packets to these addresses take another route.
    """

    what: str
    there: str
    unordered: bool = False
    aside: Prefix | None = None


def differences(
    wanted: Sequence[KernelObject],
    kernel: netlink.NetlinkSocket,
    ours: Callable[[KernelRoute], bool],
    name: Callable[[int], str],
) -> Iterator[Difference]:
    """Yield wanted objects that are missing, different, or bypassed by packets; and routes with our mark.

    ours: returns whether such a route belongs to no other router. name: the displayed name of an interface.
    """
    kept = {key_of(one): one for one in wanted}
    routes = {key_of(route): route for route in kernel.routes()}
    there: dict[Key, KernelObject] = dict(routes)
    there |= {key_of(address): address for address in kernel.addresses()}
    there |= {key_of(neighbor): neighbor for neighbor in kernel.neighbors()}
    there |= {(ObjectKind.LINK, one.index, None): LinkState.of(one) for one in kernel.links()}
    if any(key[0] is ObjectKind.RULE for key in kept):
        there |= {key_of(rule): rule for rule in kernel.rules()}
    for key in sorted(kept, key=lambda key: key[0]):
        has = there.get(key)
        if has is None:
            yield Difference(words(kept[key], name), "missing")
        elif not alike(kept[key], has):
            yield Difference(words(kept[key], name), f"there is {words(has, name)}")
    for key, route in routes.items():
        if route.protocol == ROUTE_PROTOCOL and key not in kept and ours(route):
            yield Difference(words(route, name), "nobody ordered it", unordered=True)
    mine = [one for key, one in kept.items() if isinstance(one, KernelRoute) and key in routes]
    yield from aside(mine, routes.values(), lambda address: _way_to(kernel, address), name)


#: Kinds of routes that refuse packets.
_UNSENT: Final = {
    errno.EINVAL: "are dropped by a rule or a route",
    errno.EHOSTUNREACH: "are unreachable by a rule or a route",
    errno.EACCES: "are prohibited by a rule or a route",
    errno.ENETUNREACH: "are unreachable by a rule",
}

#: Addresses to check: first those in foreign routes, then one in each of ours.
MOST: Final = 256
#: An address in no network (RFC 7600): it takes the default route.
_NOBODY: Final = Prefix.parse("192.0.0.8/32").address


def _way_to(kernel: netlink.NetlinkSocket, address: IPAddress) -> KernelRoute | str | None:
    try:
        return kernel.route_to(address)
    except netlink.NetlinkError as error:
        return _UNSENT.get(error.errno or 0)


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
    others = {
        one.prefix for one in there if one.table == TABLE_MAIN and one.protocol not in (ROUTE_PROTOCOL, KERNEL_PROTOCOL)
    }
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
