"""Whether a converged lab stays so: a lab that comes up and goes down again has not converged.

    flapping(facts)         what will not last, in sentences by router
    changing(before, now)   routers whose neighbors or routes changed between two observations

A tunnel whose packets are routed into itself goes down as soon as its peer entry expires, and comes up again; so does a
neighbor whose hold time is shorter than its hello interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Network
    from dmvpn.router.facts import RouterFacts
    from dmvpn.shells.facts import LabFacts


def flapping(facts: LabFacts) -> dict[str, list[str]]:
    """Return what will not last, by router; routers that are stable are left out."""
    found = {
        name: [*_loops(router), *_forgotten(router)]
        for name, router in facts.routers.items()
        if router is not None and name not in facts.providers
    }
    return {name: list(dict.fromkeys(texts)) for name, texts in found.items() if texts}


def _loops(router: RouterFacts) -> Iterator[str]:
    """Yield tunnels whose own packets, to a peer, are routed into the tunnel."""
    for tunnel in router.tunnels:
        ends = (*(one.nbma for one in tunnel.servers), *(one.nbma for one in tunnel.mappings))
        for nbma in dict.fromkeys((tunnel.destination, *ends)) if tunnel.enabled else ():
            best = next(iter(router.routes_to(nbma, tunnel.front)), None) if nbma is not None else None
            if best is not None and any(hop.interface == tunnel.name for hop in best.next_hops):
                yield (
                    f"{tunnel.name} flaps: {best.source.upper()} leads to its peer {nbma} through {tunnel.name} itself "
                    f"({best.prefix})"
                )
                break


def _forgotten(router: RouterFacts) -> Iterator[str]:
    """Yield interfaces on which EIGRP's hold time ends before the next hello."""
    for process in (each for table in router.tables for each in table.eigrp):
        for one in process.interfaces:
            neighbors = (each for table in router.tables for each in table.neighbors)
            is_heard = any(each.interface == one.name and each.protocol.startswith("eigrp") for each in neighbors)
            if is_heard and not one.passive and one.hold_time <= one.hello_interval:
                yield (
                    f"EIGRP {process.autonomous_system} flaps on {one.name}: it greets every {one.hello_interval} s, "
                    f"and asks to be forgotten after {one.hold_time} s"
                )


def changing(before: LabFacts, now: LabFacts) -> list[str]:
    """Return the routers whose neighbors or routes have changed, or will change when OSPF has done its work."""
    found = []
    for name, router in now.routers.items():
        busy = router is not None and any(process.busy for table in router.tables for process in table.ospf)
        if name not in now.providers and (busy or _state(router) != _state(before.routers.get(name))):
            found.append(name)
    return found


def _state(
    router: RouterFacts | None,
) -> tuple[dict[tuple[str, Network], list[str]], list[tuple[str, str, str]]] | None:
    if router is None:
        return None
    routes = {
        (table.vrf, route.prefix): [f"{hop.address} {hop.interface}" for hop in route.next_hops]
        for table in router.tables
        for route in table.routes
    }
    neighbors = [
        (each.protocol, each.interface, str(each.address))
        for table in router.tables
        for each in table.neighbors
        if each.up
    ]
    return routes, neighbors
