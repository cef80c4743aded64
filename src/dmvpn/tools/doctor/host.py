"""Checks of the machine below a router: the kernel's tables hold its orders, packets take them, the clock is right.

Certificates, and keys of routing protocols with lifetimes, are valid by the clock alone. The clocks of all routers in
view are compared, and the majority counts as right. No router knows the time itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

from dmvpn.base.facts import Address
from dmvpn.base.findings import Cause
from dmvpn.base.moments import MONTHS
from dmvpn.base.notices import RouteSource
from dmvpn.features.filter.reasons import FilterReason
from dmvpn.ios.routing import key_chains
from dmvpn.router.facts import FilterFacts, KernelFacts, RouterFacts
from dmvpn.tools.doctor.configuration import device
from dmvpn.tools.doctor.scene import Client, Scene
from dmvpn.tools.doctor.underlay_path import best_route
from dmvpn.tools.doctor.verdicts import Finding, Step, Verdict

# ------------------------------------------------------------------------------------------------ the kernel


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
    if one.aside is None or (one.aside.prefixlen and any(route.prefix == one.aside for route in facts.routes)):
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
        yield from (own.ip for own in host.addresses)


# ------------------------------------------------------------------------------------------------ clocks


#: Seconds by which clocks may differ; and routers that make a majority.
_FAR: Final = 300.0
_ENOUGH: Final = 3
#: Findings about keys that may have a lifetime.
_BY_KEYS: Final = (Cause.EIGRP_AUTHENTICATION, Cause.OSPF_AUTHENTICATION, Cause.RIP_AUTHENTICATION)


def clock_offsets(scene: Scene) -> dict[str, float]:
    """Return, for each router with a wrong clock, the seconds by which it is ahead."""
    walls = {name: facts.wall for name, facts in scene.alive() if facts.wall is not None}
    if len(walls) < _ENOUGH:
        return {}
    usual = median(walls.values())
    return {name: wall - usual for name, wall in walls.items() if abs(wall - usual) > _FAR}


def with_clock_cause(scene: Scene, client: Client, verdict: Verdict) -> Verdict:
    """Return a finding about authentication as one about the clock of an end, if that is wrong and explains it."""
    if not isinstance(verdict, Finding) or verdict.cause not in (*_BY_KEYS, Cause.CERTIFICATE):
        return verdict
    offsets = clock_offsets(scene)
    name = next((one for one in (client.name, client.hub) if one in offsets), None)
    ends = (facts for facts in (client.facts, client.hub_facts) if facts is not None)
    keys = (key for facts in ends for chain in key_chains(device(facts).tree) for key in chain.keys)
    timed = any(key.accept is not None or key.send is not None for key in keys)
    if name is None or (verdict.cause in _BY_KEYS and not timed):
        return verdict
    proofs = "certificates are" if verdict.cause is Cause.CERTIFICATE else "keys are"
    found = _finding(scene, name, offsets[name], f": {proofs} valid for a time, and it is another one there")
    return replace(found, step=verdict.step, evidence=(*verdict.evidence, *found.evidence), stops=verdict.stops)


def wrong_clocks(scene: Scene) -> Iterator[Finding]:
    """Yield wrong clocks without effect so far."""
    for name, ahead in clock_offsets(scene).items():
        found = _finding(
            scene, name, ahead, ". No user notices it now: its log is hard to compare with the logs of other routers"
        )
        yield replace(found, advice=True)


def _finding(scene: Scene, name: str, ahead: float, what: str) -> Finding:
    facts = scene.facts(name)
    wall = facts.wall if facts is not None and facts.wall is not None else 0.0
    right = _moment(wall - ahead)
    span = timedelta(seconds=round(abs(ahead)))
    what = f"the clock of {name} is {span} {'ahead' if ahead > 0 else 'behind'}, by those of the others{what}"
    evidence = (f"{name}: {_moment(wall)} UTC", f"most others: {right} UTC")
    return Finding(Step.ROUTING, Cause.CLOCK, name, what, evidence, order=f"clock set {right}")


def _moment(seconds: float) -> str:
    """Return the moment in the form of `clock set`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%H:%M:%S} {moment.day} {MONTHS[moment.month - 1]} {moment.year}"
