"""Whether a lab has converged, by the facts of all its routers: some checks need both ends.

    registered   every server in use answers, as `show ip nhrp nhs` counts them
    protected    every protected tunnel has SAs with each server and each far end
    neighbors    where both ends run the same EIGRP, or OSPF, on a wire or the tunnel between them, they are neighbors;
                 likewise for BGP, where each of two routers configures the other or accepts it by a listen range

Impossible goals (`cannot`) do not count: kinds of tunnels that this release does not support, and neighbors whose two
ends do not match.

Neighbors of routing protocols that never come up, because the two ends of a link do not match.

    refused_by_ospf(...)    one end drops the other's packets, because of its configuration
    types_of_ospf(...)      the two have incompatible network types
    one_sided(...)          one end of a tunnel wants a neighbor, and the other runs the protocol elsewhere

One-sided neighbors count on tunnels only, and only where the two share no routing protocol at all: a network that
changes its protocol runs the old one beside the new one. If `network 0.0.0.0` of EIGRP includes a tunnel, too, that
does not count where the other end runs no EIGRP in its tunnel: the process may be there for the underlay.

Whether a converged lab stays so: a lab that comes up and goes down again has not converged.

    flapping(facts)         what will not last, in sentences by router
    changing(before, now)   routers whose neighbors or routes changed between two observations

A tunnel whose packets are routed into itself goes down as soon as its peer entry expires, and comes up again; so does a
neighbor whose hold time is shorter than its hello interval.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from types import MappingProxyType
from typing import Final

from dmvpn.base.facts import Address, Network
from dmvpn.features.eigrp.facts import EigrpFacts
from dmvpn.features.nhrp.facts import ServerFacts
from dmvpn.features.ospf.facts import OspfInterfaceFacts
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.shells.facts import LabFacts
from dmvpn.shells.ready import is_unused, wanted_route

# ------------------------------------------------------------------------------------------------ protocols of one end


#: A router, an interface of it, and its address on that link: of IPv6 the link-local one.
Seat = tuple[str, str, "Address"]

_EVERYTHING: Final = 0xFFFFFFFF
_ELECTED: Final = ("broadcast", "non-broadcast")


def refused_by_ospf(mine: RouterFacts, here: Seat, there: Seat) -> bool:
    """Return whether this end drops the packets of the other."""
    return any(
        one.address == there[2] and one.interface == here[1] and one.reason.is_one(*OspfReason)
        for one in mine.neighbors
        if one.protocol.startswith("ospf ") and not one.up
    )


def types_of_ospf(mine: RouterFacts, theirs: RouterFacts, here: Seat, there: Seat) -> str:
    """Return how the network types differ, "" if both elect a designated router, or neither does."""
    ours, other = _ospf_on(mine, here[1]), _ospf_on(theirs, there[1])
    if ours is None or other is None or (ours.network in _ELECTED) == (other.network in _ELECTED):
        return ""
    return f"the network type is {ours.network} here and {other.network} there"


def one_sided(mine: RouterFacts, theirs: RouterFacts, here: Seat, there: Seat) -> Iterator[str]:
    """Yield the protocols that this end runs towards a tunnel's other end, and that one does not run."""
    if not (_is_up_tunnel(mine, here[1]) and _is_up_tunnel(theirs, there[1])):
        return
    own, other = _spoken(mine, here[1]), _spoken(theirs, there[1])
    shares_bgp = any(
        address in addresses
        for one, another in ((mine, theirs), (theirs, mine))
        for addresses in another.addresses.values()
        for address in one.bgp.called
    )
    if shares_bgp or any(protocol in other for protocol in own):
        return
    takes_all = any(int(wildcard) == _EVERYTHING for process in mine.eigrp for _, wildcard in process.networks)
    is_meant = not takes_all or any(protocol.startswith("EIGRP") for protocol in other)
    for protocol in own:
        if protocol.startswith("EIGRP") and not is_meant:
            continue
        why = _why_not(theirs, there, protocol)
        if why:
            yield f"{protocol} has no neighbor {there[2]} ({there[0]}) on {here[1]}: {why}"


def _is_up_tunnel(router: RouterFacts, interface: str) -> bool:
    return any(tunnel.name == interface and tunnel.up for tunnel in router.tunnels)


def _spoken(router: RouterFacts, interface: str) -> list[str]:
    """Return the protocols that want neighbors on an interface."""
    rip = router.rip.interfaces if router.rip is not None else ()
    return [
        *(
            f"EIGRP {process.autonomous_system}"
            for process in router.eigrp
            if any(one.name == interface and not one.passive for one in process.interfaces)
        ),
        *(["OSPF"] if (ospf := _ospf_on(router, interface)) is not None and ospf.speaks else []),
        *(["RIP"] if any(one.name == interface and not one.passive for one in rip) else []),
    ]


def _ospf_on(router: RouterFacts, interface: str) -> OspfInterfaceFacts | None:
    return next((one for process in router.ospf for one in process.interfaces if one.name == interface), None)


def _why_not(router: RouterFacts, there: Seat, protocol: str) -> str:
    """Return why a router that runs the protocol does not run it on an interface; "" if it does not run it at all."""
    name, interface, _ = there
    if protocol == "OSPF":
        return _absence(interface, is_there=_ospf_on(router, interface) is not None) if router.ospf else ""
    if protocol == "RIP":
        rip = router.rip
        return _absence(interface, is_there=any(one.name == interface for one in rip.interfaces)) if rip else ""
    same = [process for process in router.eigrp if protocol == f"EIGRP {process.autonomous_system}"]
    if same:
        return _absence(
            interface, is_there=any(one.name == interface for process in same for one in process.interfaces)
        )
    systems = " and ".join(str(process.autonomous_system) for process in router.eigrp)
    return f"{name} runs EIGRP {systems}" if systems else ""


def _absence(interface: str, *, is_there: bool) -> str:
    return f"{interface} is passive there" if is_there else f"no `network` holds {interface} there"


# ------------------------------------------------------------------------------------------------ what is missing


#: No routes are required.
NO_ROUTES: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


def unfinished(
    facts: LabFacts, either: Sequence[str] = (), routes: Mapping[str, Sequence[str]] = NO_ROUTES
) -> dict[str, list[str]]:
    """Return the missing items, in sentences by router; routers that are complete are left out. Providers need nothing.

    either: routers of which one suffices, so that it is unknown which neighbors it will have.
    routes: prefixes that each router must have, "[vrf NAME] PREFIX [via NEXT HOP]".
    """
    found: dict[str, list[str]] = {name: [] for name in facts.routers}
    for name, why in facts.absent.items():
        found[name].append(why)
    shut = {
        address: f"{name}'s {tunnel.name} is shut down"
        for name, router in _running(facts)
        for tunnel in router.tunnels
        for address in tunnel.addresses
        if not tunnel.enabled
    }
    for name, router in _running(facts):
        for tunnel in router.tunnels:
            found[name] += _of_tunnel(router, tunnel, _elsewhere(facts, tunnel), shut)
        found[name] += [f"no route to {text}" for text in routes.get(name, ()) if not _has_route(router, text)]
    for here, there in _links(facts):
        for first, second in ((here, there), (there, here)) if not {here[0], there[0]} & {*either} else ():
            found[first[0]] += _not_heard(facts, first, second)
    owners = {address: name for name, router in _running(facts) for address in _all_of(router)}
    for name, router in _running(facts):
        for table in router.tables:
            known = {one.address: one for one in table.neighbors if one.protocol.startswith("bgp ")}
            for address in table.bgp.called:  # of both ends, and not established
                peer, mine = owners.get(address), known.get(address)
                if peer is None or peer == name or not _takes(facts.routers[peer], router):
                    continue
                if mine is None or not mine.up:
                    why = f": {mine.reason}" if mine is not None and mine.reason else ""
                    found[name].append(f"BGP has no neighbor {address} ({peer}){why}")
    return {name: list(dict.fromkeys(texts)) for name, texts in found.items() if texts}


def _has_route(router: RouterFacts, text: str) -> bool:
    vrf, prefix, next_hop = wanted_route(text)
    found = (route.next_hops for route in router.table(vrf).routes if route.prefix == ip_network(prefix))
    return any(not next_hop or next_hop in [str(hop.address) for hop in hops] for hops in found)


def _elsewhere(facts: LabFacts, tunnel: TunnelFacts) -> list[Address]:
    """Return the far ends of a tunnel that no router in the lab has; with a translator in the lab this is unknown."""
    if facts.gateways:
        return []
    own = {address for router in facts.routers.values() if router is not None for address in _all_of(router)}
    ends = [tunnel.destination, *(server.nbma for server in tunnel.servers if server.wanted)]
    return [end for end in dict.fromkeys(ends) if end is not None and end not in own]


def _all_of(router: RouterFacts) -> Iterator[Address]:
    return (address for addresses in router.addresses.values() for address in addresses)


def _of_tunnel(
    router: RouterFacts, tunnel: TunnelFacts, elsewhere: Sequence[Address], shut: Mapping[Address, str]
) -> Iterator[str]:
    """Yield missing registrations and SAs. A tunnel that is shut down needs neither.

    elsewhere: far ends that no router has. shut: the tunnels that are shut down, by their addresses.
    """
    if not tunnel.enabled or is_unused(tunnel.source or tunnel.source_interface, tunnel.addresses):
        return
    wants_it = not tunnel.up or tunnel.protection  # as on IOS, a tunnel in clear is up whatever its peers are
    if tunnel.destination is not None and tunnel.destination in elsewhere and wants_it:
        what = "leads nowhere" if tunnel.up else "is down"
        yield f"{tunnel.name} {what}: no router of this lab has its destination {tunnel.destination}"
        return
    if not tunnel.up:
        yield f"{tunnel.name} is down: {tunnel.reason or 'no reason known'}"
    elif tunnel.multipoint and not tunnel.servers and not tunnel.mappings:
        yield f"{tunnel.name} has no peer: no client is registered, and no peer is mapped"
        return
    said: list[Address] = []
    for server in tunnel.servers:
        if server.wanted and not (server.responding and server.secured):
            said += [server.nbma] if server.nbma is not None else []
            lost = f"no router of this lab has its address {server.nbma}" if server.nbma in elsewhere else ""
            lost = lost or (shut.get(server.address, "") if server.address is not None else "")
            yield f"{tunnel.name} is not registered with {server.address}: {lost or _why(tunnel, server)}"
    if not tunnel.protection or not tunnel.up:
        return
    ends = [server.nbma for server in tunnel.servers] + [tunnel.destination]
    for peer in tunnel.unsecured:
        if peer.nbma in ends and peer.nbma not in said:
            said.append(peer.nbma)
            yield f"{tunnel.name} has no SA with {peer.nbma}: {peer.reason or 'no reason known'}"
    if not said and not router.sas_of(tunnel):
        yield f"{tunnel.name} is protected, and has no SA with any peer"


def _why(tunnel: TunnelFacts, server: ServerFacts) -> str:
    """Return the reason of the registration, or of its protection."""
    unsecured = next((peer.reason for peer in tunnel.unsecured if peer.nbma == server.nbma), None)
    if not server.secured and unsecured:
        return str(unsecured)
    return str(server.reason or unsecured or "no reply yet")


# ------------------------------------------------------------------------------------------------ neighbors


def _links(facts: LabFacts) -> Iterator[tuple[Seat, Seat]]:
    """Yield pairs of interfaces that should become neighbors.

    Two ports of a wire; on tunnels a client and its server, the two ends, and a far end that is mapped and gets the
    multicasts.
    """
    for link in facts.links:
        seats = [seat for node, port in link.ends for seat in _seats(facts, node, port)]
        for number, first in enumerate(seats):
            others = [second for second in seats[number + 1 :] if second[2].version == first[2].version]
            yield from ((first, second) for second in others if first[0] != second[0])
    tunnels = [
        (name, tunnel)
        for name, router in facts.routers.items()
        if router is not None
        for tunnel in router.tunnels
        if tunnel.enabled and tunnel.addresses
    ]
    # Tunnels of several networks may have the same link-local address: of these the source decides.
    by_address: dict[tuple[Address, Address | None], Seat] = {
        (address, None): _seat(name, tunnel, address) for name, tunnel in tunnels for address in tunnel.addresses
    }
    by_source: defaultdict[Address, list[Seat]] = defaultdict(list)
    for name, tunnel in tunnels:
        if tunnel.source is not None:
            by_source[tunnel.source].append(_seat(name, tunnel, tunnel.addresses[0]))
            if tunnel.link_local is not None:
                by_address[tunnel.link_local, tunnel.source] = name, tunnel.name, tunnel.link_local
    for name, tunnel in tunnels:
        own = {address.version: _seat(name, tunnel, address) for address in reversed(tunnel.addresses)}
        servers = [(one.address, one.nbma) for one in tunnel.servers if one.address is not None and one.wanted]
        static = [one for one in tunnel.mappings if one.kind == "static" and one.nbma in tunnel.multicast]
        for address, nbma in (*servers, *((one.next_hop, one.nbma) for one in static)):
            seat = by_address.get((address, nbma if address.is_link_local else None))
            if seat is not None and seat[0] != name and address.version in own:
                yield own[address.version], seat
        if tunnel.destination is not None and not tunnel.servers:
            for seat in by_source.get(tunnel.destination, ()):
                back = next(each for who, each in tunnels if (who, each.name) == seat[:2])
                if back.destination == tunnel.source and (name, tunnel.name) < seat[:2]:
                    yield _seat(name, tunnel, tunnel.addresses[0]), seat


def _seat(name: str, tunnel: TunnelFacts, address: Address) -> Seat:
    return name, tunnel.name, address if address.version == 4 or tunnel.link_local is None else tunnel.link_local


def _seats(facts: LabFacts, node: str, port: str) -> Iterator[Seat]:
    router = facts.routers.get(node)
    if router is not None:
        for interface in router.interfaces:
            own: list[Address] = []
            own += [each.ip for each in interface.addresses if each.version == 4][:1]
            own += [interface.link_local] if interface.link_local is not None else []
            if interface.name == port and interface.enabled:
                yield from ((node, port, address) for address in own)


def _not_heard(facts: LabFacts, here: Seat, there: Seat) -> Iterator[str]:
    """Yield neighbors that both ends want and that this end does not have."""
    mine, theirs = _seen(facts, here), _seen(facts, there)
    if mine is None or theirs is None:
        return
    for number in _systems(mine.eigrp, here[1]):
        if number not in _systems(theirs.eigrp, there[1]):
            continue
        yield from _lacks(mine, f"eigrp {number}", here, there)
    process = _ospf_between(mine, theirs, here, there)
    if process is not None and not _fails_in_ospf(mine, theirs, here, there):
        yield from _lacks(mine, f"ospf {process}", here, there)


def _seen(facts: LabFacts, seat: Seat) -> RouterFacts | None:
    """Return a router's facts with the table that an interface is in, and the processes for its version of IP."""
    router = facts.routers[seat[0]]
    return router.seen_from(seat[1]).of_version(seat[2].version) if router is not None else None


def _ospf_between(mine: RouterFacts, theirs: RouterFacts, here: Seat, there: Seat) -> int | None:
    """Return the process of this end that wants the other as its neighbor, if that one wants neighbors, too."""
    return _speaks_ospf(mine, here[1]) if _speaks_ospf(theirs, there[1]) is not None else None


def _fails_in_ospf(mine: RouterFacts, theirs: RouterFacts, here: Seat, there: Seat) -> bool:
    if types_of_ospf(mine, theirs, here, there):
        return True
    return refused_by_ospf(mine, here, there) or refused_by_ospf(theirs, there, here)


def _never_heard(mine: RouterFacts, theirs: RouterFacts, here: Seat, there: Seat) -> Iterator[str]:
    """Yield OSPF neighbors that this end can never have, and tunnel neighbors that the other end does not want."""
    process = _ospf_between(mine, theirs, here, there)
    if process is not None and _fails_in_ospf(mine, theirs, here, there):
        types = types_of_ospf(mine, theirs, here, there)
        said = list(_lacks(mine, f"ospf {process}", here, there))
        if types:
            lacking = said or [f"OSPF {process} uses no routes of {there[2]} ({there[0]}) on {here[1]}"]
            said = [f"{text}{';' if ': ' in text else ':'} {types}" for text in lacking]
        yield from said
    yield from one_sided(mine, theirs, here, there)


def _lacks(mine: RouterFacts, protocol: str, here: Seat, there: Seat) -> Iterator[str]:
    near = [one for one in mine.neighbors if one.protocol == protocol and one.interface == here[1]]
    known = next((one for one in near if one.address == there[2]), None)
    if known is None or not known.up:
        why = f": {known.reason}" if known is not None and known.reason else ""
        name, _, number = protocol.partition(" ")
        yield f"{name.upper()} {number} has no neighbor {there[2]} ({there[0]}) on {here[1]}{why}"


def _speaks_ospf(router: RouterFacts, interface: str) -> int | None:
    """Return the process that wants neighbors on an interface."""
    for process in router.ospf:
        if any(one.name == interface and one.speaks for one in process.interfaces):
            return process.process
    return None


def _systems(processes: tuple[EigrpFacts, ...], interface: str) -> list[int]:
    """Return the autonomous systems of EIGRP that want neighbors on an interface."""
    return [
        process.autonomous_system
        for process in processes
        for running in process.interfaces
        if running.name == interface and not running.passive
    ]


def _takes(router: RouterFacts | None, caller: RouterFacts) -> bool:
    """Return whether BGP here accepts that router, too, by a neighbor line or by a range."""
    if router is None:
        return False
    called = [address for table in router.tables for address in table.bgp.called]
    ranges = [each for table in router.tables for each in table.bgp.ranges]
    return any(address in called or any(address in one for one in ranges) for address in _all_of(caller))


def _running(facts: LabFacts) -> list[tuple[str, RouterFacts]]:
    """Return the routers that are not providers."""
    return [
        (name, router) for name, router in facts.routers.items() if router is not None and name not in facts.providers
    ]


# ------------------------------------------------------------------------------------------------ impossible goals


def cannot(facts: LabFacts, either: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return impossible goals, in sentences by router. either: see `unfinished`.

    Enabled tunnels of a kind that this release does not support; neighbors whose two ends do not match.
    """
    found: dict[str, list[str]] = {}
    for name, router in _running(facts):
        shut = [interface.name for interface in router.interfaces if not interface.enabled]
        found[name] = [
            f"{tunnel.name} is down: {tunnel.reason or 'no reason known'}"
            for tunnel in router.tunnels
            if not tunnel.enabled and tunnel.name not in shut
        ]
    for here, there in _links(facts):
        if {here[0], there[0]} & {*facts.providers, *either}:
            continue
        for first, second in ((here, there), (there, here)):
            mine, theirs = _seen(facts, first), _seen(facts, second)
            if mine is not None and theirs is not None:
                found[first[0]] += _never_heard(mine, theirs, first, second)
    owners = {address: name for name, router in _running(facts) for address in _all_of(router)}
    for name, router in _running(facts):
        for address in (each for table in router.tables for each in table.bgp.called):
            peer = owners.get(address, name)
            wanted = facts.routers[peer]
            if peer == name or wanted is None or not any(one.bgp.called or one.bgp.ranges for one in wanted.tables):
                continue
            if not _takes(wanted, router):
                said = f"BGP has no neighbor {address} ({peer}): no `neighbor` of {peer} names this router"
                found[name].append(said)
    return {name: list(dict.fromkeys(said)) for name, said in found.items() if said}


# ------------------------------------------------------------------------------------------------ what does not last


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
    """Return the routers whose neighbors or routes have changed, or will change: OSPF or BGP is not done.

    Of providers only that counts.
    """
    found = []
    known = [table.bgp for router in now.routers.values() if router is not None for table in router.tables]
    inside = any(peer.allows_own_as for bgp in known for peer in bgp.peers)
    for name, router in now.routers.items():
        tables = router.tables if router is not None else ()
        busy = any(table.bgp.busy or any(process.busy for process in table.ospf) for table in tables)
        busy = busy or (inside and any(table.bgp.busy_inside for table in tables))
        if busy or (name not in now.providers and _state(router) != _state(before.routers.get(name))):
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
