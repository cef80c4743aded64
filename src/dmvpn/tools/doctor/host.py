"""Checks of the host below a router: the kernel's tables hold the router's orders, and packets take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.notices import RouteSource
from dmvpn.features.filter.reasons import FilterReason
from dmvpn.tools.doctor.underlay_path import best_route
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import FilterFacts, KernelFacts, RouterFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP: Final = Step.UNDERLAY
#: Differences that are listed; the rest is counted.
_MOST: Final = 8


def tables(scene: Scene) -> Iterator[Verdict]:
    """Check the tables: missing or bypassed objects break the path; objects without an order are only suspicious."""
    for name, facts in scene.alive():
        used = [route.prefix for route in facts.routes if route.source == RouteSource.HOST.value]
        kernel = [one for one in facts.kernel if one.aside not in used]  # the router itself uses that route of the host
        if not kernel:
            continue
        broken = [one for one in kernel if not one.unordered and _harms(scene, name, facts, one)]
        ordered = [*broken, *(one for one in kernel if one not in broken)]
        more = len(ordered) - _MOST
        first = ordered[0]
        if broken:
            doing = "sends packets another way than" if first.aside is not None else "lacks what"
            what = f"the kernel below {name} {doing} the router ordered: another program changes its tables"
        elif first.aside is not None:
            what = f"the kernel below {name} sends packets to {first.aside} another way than the router would"
        else:
            what = f"the kernel below {name} has what the router did not order, with its mark: {first.what}"
        said = [f"{one.what}: {one.there}" for one in ordered[:_MOST]] + [f"and {more} more"] * (more > 0)
        order = "ip rule; ip route show table all" if first.aside is not None else _WATCH
        yield Finding(_STEP, Cause.KERNEL_TABLES, name, what, tuple(said), order=order, advice=not broken)


def filters(scene: Scene) -> Iterator[Verdict]:
    """Check the packet filter: a chain that drops by policy stops everything if it has no rules; else its rules
    decide.
    """
    for name, facts in scene.alive():
        chains = [
            one
            for one in facts.filters
            if any(_passes_on(scene, name, facts, version) for version in _VERSIONS[one.family])
        ]
        shut = [one for one in chains if not one.rules]
        said = tuple(map(_words, shut or chains))
        if shut:
            does = f"drops all that {name} is to pass on"
            order = f"on {name}: {_opened(shut[0])}, or rules that accept what it is to pass on"
        elif chains:
            does = f"passes on only what its rules accept ({'; '.join(said)})"
            order = f"to see whether they do, {_DECIDE}"
        else:
            continue
        what = f"the packet filter of {name}'s machine {does}"
        yield Finding(_STEP, Cause.HOST_FILTER, name, what, said, order=order, advice=not shut)


def unfiltered(scene: Scene) -> Iterator[Verdict]:
    """Check that the host filters where the lines of a port say so."""
    for name, facts in scene.alive():
        for port in facts.packet_filters:
            if port.reason.is_one(FilterReason.UNFILTERED):
                what = f"{name} lets all packets pass {port.interface}, although its access lists deny them"
                evidence, order = (port.reason.text,), f"on {name}: modprobe -a nf_tables nft_fib_ipv4 nfnetlink_log"
                yield Finding(_STEP, Cause.NOT_FILTERED, name, what, evidence, order=order, stops=False)


#: Versions of IP whose packets pass a chain.
_VERSIONS: Final = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
_DECIDE: Final = "ping from a host of its LAN through the tunnel; pings of the router itself do not pass there"


def _words(one: FilterFacts) -> str:
    rules = f"{one.rules} rule{'s' * (one.rules != 1)}" if one.rules else "no rules"
    return f"chain {one.chain} of table {one.family} {one.table} at hook forward: policy drop, {rules}"


def _opened(one: FilterFacts) -> str:
    """Return the command that lets the chain accept packets that its rules do not drop."""
    if (one.table, one.chain) == ("filter", "FORWARD") and one.family != "inet":
        return f"{'ip6tables' if one.family == 'ip6' else 'iptables'} -P FORWARD ACCEPT"
    return f"nft 'add chain {one.family} {one.table} {one.chain} {{ policy accept; }}'"


def _passes_on(scene: Scene, name: str, facts: RouterFacts, version: int) -> bool:
    """Return whether the router forwards: for a LAN, for its clients, or between its ports if it has no tunnel."""
    if version == 6 and not facts.forwards_ipv6:
        return False
    ports = {
        it.name
        for it in facts.interfaces
        if it.line and not it.name.startswith("Loopback")
        if any(own.version == version and not own.is_link_local for own in it.addresses)
    }
    if not facts.tunnels:
        return len(ports) > 1
    tunnels = {tunnel.name for tunnel in facts.tunnels}
    if not ports & tunnels:
        return False
    is_lan = bool(ports - tunnels - {tunnel.source_interface for tunnel in facts.tunnels})
    return is_lan or len({client.name for client in scene.clients() if client.hub == name}) > 1


_WATCH: Final = "ip monitor route rule neigh link address"


def _harms(scene: Scene, name: str, facts: RouterFacts, one: KernelFacts) -> bool:
    """Return whether the difference affects a known router or host; other destinations may be intended."""
    if one.aside is None:
        return True
    if one.aside.prefixlen and any(route.prefix == one.aside for route in facts.routes):
        return True
    return any(address in one.aside and _takes(facts, address, one.aside.prefixlen) for address in _others(scene, name))


def _takes(facts: RouterFacts, address: Address, length: int) -> bool:
    route = best_route(facts, address)
    return route is not None and route.prefix.prefixlen <= length


def _others(scene: Scene, name: str) -> Iterator[Address]:
    """Yield the addresses of the other routers, and of hosts."""
    for other, facts in scene.alive():
        if other != name:
            for mine in facts.addresses.values():
                yield from mine
    for host in scene.lab.hosts.values():
        yield host.address.ip
        if host.address6 is not None:
            yield host.address6.ip
