"""Selection of the pairs of hosts whose packets are traced, where there are too many pairs to trace them all.

Every router's route to every host is looked up, which is cheap. Where most routers have the same kind of route to a
host and a few have another kind, or none, packets from these few routers are traced first.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias

from dmvpn.base.addresses import Prefix
from dmvpn.base.lpm import PrefixTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.router.facts import RouterFacts
    from dmvpn.shells.facts import HostFacts
    from dmvpn.tools.doctor.scene import Scene

#: Properties that the routes of two routers to one host may share: protocol, prefix length, and whether it forwards.
_Kind: TypeAlias = "tuple[str, int, bool] | None"
#: How many routers share its kind of route, the source, and the destination.
_Path: TypeAlias = "tuple[int, HostFacts, HostFacts]"
#: Paths to consider at most: of hundreds of routers one may lack all routes, which is one fault.
_MOST: Final = 2000


def _table(facts: RouterFacts) -> PrefixTable[_Kind]:
    """Return the kinds of a router's routes, for many look-ups."""
    table = PrefixTable[_Kind]()
    for route in facts.routes:
        prefix = Prefix.of(route.prefix.network_address, route.prefix.prefixlen)
        table[prefix] = (route.source, prefix.length, route.drops)
    return table


def pairs(scene: Scene, hosts: Sequence[HostFacts]) -> list[tuple[HostFacts, HostFacts]]:
    """Return source and destination: first those whose router shares its kind of route with the fewest routers."""
    here: dict[str, HostFacts] = {}
    for host in hosts:
        here.setdefault(host.router, host)
    known = dict(scene.alive())
    tables = {name: _table(known[name]) for name in here if name in known}
    found: list[_Path] = []
    for target in hosts:
        ip = target.address.ip
        asking = [name for name in tables if name != target.router and here[name].address.version == ip.version]
        found_there = {name: tables[name].lookup(ip) for name in asking}
        kinds = {name: route[1] if route is not None else None for name, route in found_there.items()}
        often = Counter(kinds.values())
        most = max(often.values(), default=0)
        found += [(often[kind], here[name], target) for name, kind in kinds.items() if often[kind] < most]
    return [(one, other) for _, one, other in _in_turn(sorted(found, key=lambda one: one[0])[:_MOST])]


def _in_turn(found: list[_Path]) -> Iterator[_Path]:
    """Yield each router and each target once before any again: a table that lacks everything is not the only fault."""
    while found:
        later: list[_Path] = []
        senders: set[str] = set()
        targets: set[str] = set()
        for one in found:
            if one[1].router in senders or one[2].router in targets:
                later.append(one)
                continue
            senders.add(one[1].router)
            targets.add(one[2].router)
            yield one
        if len(later) == len(found):
            break
        found = later
