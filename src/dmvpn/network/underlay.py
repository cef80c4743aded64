"""The underlay that files imply: the ends of links, and paths between tunnel ends where the files rely on protocols
that this release does not run, or on proxy ARP.

    through       routers without tunnels on the shortest paths between tunnel ends: they represent the provider
    stand_in      static routes to tunnel ends, for routers that would learn them by BGP or IS-IS, or by OSPF of foreign
                  routers, through other sites only where there is no other way; and to BGP neighbors behind a provider
                  of our own, which runs none of these protocols
    name_gateway  the router that answers ARP for other addresses, as the gateway of a route that names only a port
    unadvertised  a configuration that redistributes static routes, with a route-map that excludes the stand-ins

A router that already has a route, even a default route, keeps it; so does a router that runs EIGRP or RIP on the path.

`Forwarding.way` is the neighbor that has an address, or forwards packets towards it, by the lines of all routers. A
neighbor that would send a packet back, or has no route, does not lead there. Routes that a protocol would learn are
assumed to be the shortest ones.

`placed` finds the translators before routers.

`pairs` finds the other end of a link among several ports with a fitting address, where sites use the same addresses.

    R14 Ethernet0/0  172.16.1.0/31, OSPF area 10        three other ports have 172.16.1.1/31, and
    R12 Ethernet0/2  172.16.1.1/31, OSPF area 10        two of these ports run OSPF in one area

Settings that match suggest a pair: routing protocols and areas, the AS numbers of BGP neighbors, a description with the
name of the other router, an IPv6 network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from ipaddress import IPv4Address, IPv4Interface
from typing import Final, NamedTuple

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.errors import some
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import Value
from dmvpn.features.interface.model import InterfaceSettings
from dmvpn.features.ospf.settings import network_line
from dmvpn.features.static.model import StaticRoute
from dmvpn.ios import normalize_interface
from dmvpn.network.device import Device
from dmvpn.network.lines import BEFORE
from dmvpn.network.routing import Protocol, ospf_interface, running
from dmvpn.network.sites import Site, translated

# ------------------------------------------------------------------------------------------------ ends of links


_ISIS: Final = "ip router isis"
_NAMED_IN_TEXT: Final = 8
_AGREED: Final = 2
_TOLD: Final = 3


class Seat(NamedTuple):
    """A port with an address, of a router that is called so."""

    router: str
    device: Device
    port: str
    address: IPv4Address


def pairs(seats: Sequence[Seat]) -> list[tuple[int, int]]:
    """Return of the ports of one link's subnet which two are on one wire: indices, those first that fit best."""
    marks = [_Marks(seat, spoken(seat), _networks(seat)) for seat in seats]
    fitting = [
        (-_kinship(first, second), number, other)
        for number, first in enumerate(marks)
        for other, second in enumerate(marks[number + 1 :], number + 1)
        if first.seat.router != second.seat.router and first.seat.address != second.seat.address
    ]
    taken: set[int] = set()  # asked, never iterated
    found: list[tuple[int, int]] = []
    for _, number, other in sorted(fitting):
        if number not in taken and other not in taken:
            taken |= {number, other}
            found.append((number, other))
    return found


class _Marks(NamedTuple):
    """The characteristics of a port: its routing protocols, and its IPv6 networks."""

    seat: Seat
    spoken: list[str]
    networks: list[str]


def _kinship(first: _Marks, second: _Marks) -> int:
    """Return a score for a wire between two ports; it is negative if their settings contradict a wire."""
    total = _of_sets(first.spoken, second.spoken, _AGREED) + _of_sets(first.networks, second.networks, _TOLD)
    here, there = first.seat, second.seat
    total += _of_systems(here, there) + _of_systems(there, here)
    return total + _NAMED_IN_TEXT * (_names(here, there) + _names(there, here))


def _of_sets(first: list[str], second: list[str], each: int) -> int:
    common = sum(each for word in first if word in second)
    return common if common else -each if first and second else -1 if first or second else 0


def spoken(seat: Seat) -> list[str]:
    """Return the routing protocols on the port: the area for OSPF, because numbers of processes need not agree."""
    found = [
        _area(seat) if one.protocol is Protocol.OSPF else str(one)
        for one in running(seat.device, seat.port, seat.address)
        if not one.passive
    ]
    isis = seat.device.lines.section(f"interface {seat.port}").has(_ISIS)
    return [*dict.fromkeys(found), *(["IS-IS"] if isis else [])]


def _area(seat: Seat) -> str:
    own = ospf_interface(seat.device, seat.port)
    if own is not None and own.area is not None:
        return f"OSPF area {own.area}"
    lines = (network_line(process, seat.address) for process in seat.device.ospf.processes)
    return f"OSPF area {next((line.area for line in lines if line is not None), 0)}"


def _networks(seat: Seat) -> list[str]:
    settings = seat.device.interface(seat.port)
    ipv6 = settings.ipv6 if settings is not None else None
    return [str(Prefix.of(*each)) for each in ipv6.addresses] if ipv6 is not None else []


def _of_systems(first: Seat, second: Seat) -> int:
    """Return a score for a BGP neighbor with the other's address: positive if its AS number fits, else negative."""
    named = next((one for one in first.device.bgp.neighbors if one.peer == second.address), None)
    if named is None or named.remote_as is None:
        return 0
    bgp = second.device.bgp
    return _TOLD if named.remote_as in (bgp.local_as, bgp.outer_as) else -_TOLD


def _names(first: Seat, second: Seat) -> int:
    """Return 1 if the description of the first port names the second router, else 0."""
    return int(describes(first.device, first.port, second.router))


def describes(device: Device, port: str, router: str) -> bool:
    """Return whether the description of a port names a router."""
    settings = device.interface(port)
    return settings is not None and is_named(router, settings.description)


def is_named(router: str, text: str) -> bool:
    """Return whether a text has the name of a router as a word."""
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(router)}(?![A-Za-z0-9])", text, re.IGNORECASE) is not None


def placed(devices: list[Device]) -> list[Device]:
    """Return routers with what lines of other routers show: a translator before them that gives them an address."""
    pairs = [(device, pair) for device in devices for pair in translated(device.text)]
    if not pairs:
        return devices
    found = []
    for device in devices:
        inward = tuple(pair for other, pair in pairs if other is not device)
        stations = [station for _, station in inward]
        port = next((port.name for port, address, _ in device.addresses() if address in stations), "")
        site = device.site or Site()
        behind = replace(site, nat="cone", interface=port, inward=inward)
        found.append(replace(device, site=behind) if port and site.nat is None else device)
    return found


# ---------------------------------------------------------------------------------------------------- forwarding


class Hop(Value):
    """The hop from a router to a neighbor on a wire: outgoing port, address of the neighbor, and its name."""

    port: str
    gateway: IPv4Address
    router: str


Graph = dict[str, list[Hop]]


def graph(wires: Sequence[Sequence[tuple[str, str, IPv4Interface]]]) -> Graph:
    """Return the neighbors of each router. wires: for each end of a wire the router, the port and the address."""
    found: Graph = {}
    for ends in wires:
        for router, port, address in ends:
            found.setdefault(router, []).extend(
                Hop(port, other.ip, name) for name, _, other in ends if name != router and other.ip in address.network
            )
    return found


def shortest(graph: Graph, owner: str, around: Collection[str] = ()) -> dict[str, Hop]:
    """Return the first hop of every router toward the owner, on the shortest path; the nearest routers come first.

    around: routers that are passed only where no other way leads to the owner, and then as few of them as there are.
        A way that begins at one comes after all that pass fewer.
    """
    found: dict[str, Hop] = {}
    nearest: list[str] = []
    rings = {0: [owner]}  # by distance: to pass one of `around` is further than any way past none
    while rings:
        distance = min(rings)
        nearest += rings[distance]
        for near in rings.pop(distance):
            for there in graph.get(near, ()):
                if there.router == owner or there.router in found:
                    continue
                back = next((hop for hop in graph[there.router] if hop.router == near), None)
                if back is not None:
                    found[there.router] = back
                    further = len(graph) if there.router in around else 1
                    rings.setdefault(distance + further, []).append(there.router)
    return {name: found[name] for name in nearest[1:]}


class Forwarding:
    """The forwarding decisions of a network's routers.

    learns: whether a router learns routes by its protocols. around: as `shortest` has it.
    """

    def __init__(
        self, graph: Graph, read: Mapping[str, Device], learns: Callable[[Device], bool], around: Collection[str]
    ) -> None:
        self._graph = graph
        self._read = read
        self._learns = learns
        self._toward = cache(partial(shortest, graph, around=around))

    def way(self, router: str, address: IPv4Address, owner: str) -> Hop | None:
        """Return the neighbor to route an address by that another router owns: the owner, or the nearest that leads
        there.
        """
        near = self._graph.get(router, ())
        direct = next((hop for hop in near if hop.router == owner), None)
        if direct is not None:
            return direct
        order = {name: number for number, name in enumerate(self._toward(owner))}
        nearest = sorted((hop for hop in near if hop.router in order), key=lambda hop: order[hop.router])
        return next((hop for hop in nearest if self._leads(hop.router, address, owner, router)), None)

    def _leads(self, start: str, address: IPv4Address, owner: str, sender: str) -> bool:
        """Return whether a packet of the sender gets from a router to the owner of its address, and not back."""
        passed = [sender]
        here = start
        while here != owner:
            device = self._read.get(here)
            hop = self._next(here, device, address, owner) if here not in passed and device is not None else None
            if hop is None:
                return False
            passed.append(here)
            here = hop.router
        return True

    def _next(self, router: str, device: Device, address: IPv4Address, owner: str) -> Hop | None:
        """Return the next hop of a router for an address."""
        near = self._graph.get(router, ())
        on_wire = next((hop for hop in near if hop.gateway == address), None)
        # Of two that are equally long the first one counts: a connected network.
        fitting = [(port.network.prefixlen, on_wire) for port in device.ports.values() if address in port.network]
        fitting += [
            (route.prefix.length, hop)
            for route in device.routes
            if address in route.prefix and (hop := _hop_of(near, route.next_hop, route.interface)) is not None
        ]
        length, known = max(fitting, key=lambda route: route[0], default=(0, None))
        toward = self._toward(owner)
        learned = toward.get(router)
        if learned is None or length:
            return known
        goes_back = known is not None and known.router in toward and toward[known.router].router == router
        if self._learns(device) and (known is None or goes_back):
            return learned
        own = device.ports.get(learned.port)
        spoken = running(device, learned.port, own.ip if own is not None else None)
        return learned if any(not each.passive for each in spoken) else known


def _hop_of(near: Sequence[Hop], next_hop: object, port: str) -> Hop | None:
    """Return the neighbor that a static route leads to; without a next hop, the only one on its wire."""
    if isinstance(next_hop, IPv4Address):
        return next((hop for hop in near if hop.gateway == next_hop), None)
    there = [hop for hop in near if hop.port == port]
    return there[0] if len(there) == 1 else None


# ---------------------------------------------------------------------------------------------------- underlay

#: Protocols that do not run, or (OSPF) that the providers of a lab do not speak.
_KEPT: Final = ("router ospf", "router bgp", "router isis")
#: Worse than whatever else there is.
LAST: Final = 254
#: The tag of the routes that stand in, where static routes are redistributed; and the route-map that denies it.
_TAG: Final = 254
_OTHERS: Final = "NOT-OF-THE-LAB"
_REDISTRIBUTION: Final = re.compile(rf"{BEFORE}redis\w*\s+stat\w*(?P<rest>\s.*)?$")
_ROUTE: Final = re.compile(
    rf"(?P<head>{BEFORE}ip\s+route\s+[\d.]+\s+[\d.]+\s+)(?P<port>[A-Za-z]+ ?[\d/.]+)(?P<rest>.*)$"
)
_NOWHERE: Final = "Null0"
#: What a default route covers, and the same in routes that are better than a default route of the files to Null0.
_EVERYTHING: Final = ("0.0.0.0 0.0.0.0",)
_HALVES: Final = ("0.0.0.0 128.0.0.0", "128.0.0.0 128.0.0.0")


def tunnel_ends(read: Mapping[str, Device]) -> dict[IPv4Address, str]:
    """Return the source addresses of tunnels, each with its router."""
    found: dict[IPv4Address, str] = {}
    for router, device in read.items():
        own = [address for one in device.interfaces.interfaces for address in _addresses(one)]
        for tunnel in device.tunnels.tunnels:
            source = device.source(tunnel)
            if isinstance(source, IPv4Address) and source in own:
                found[source] = router
    return found


def _addresses(interface: InterfaceSettings) -> list[IPAddress]:
    """Return all of one interface, be it shut down or not."""
    first = [interface.address] if interface.address is not None else []
    return [address for address, _ in (*first, *interface.secondary)]


def far_ends(device: Device) -> list[IPv4Address]:
    """Return the NBMA addresses that a router's tunnels lead to: of servers, mapped peers and destinations."""
    named: list[IPAddress | None] = [tunnel.destination for tunnel in device.tunnels.tunnels]
    for nhrp in device.nhrp.tunnels:
        named += [nbma for _, nbma in nhrp.maps]
        named += [*nhrp.multicast, *(server.nbma for server in nhrp.nhs)]
    return [address for address in dict.fromkeys(named) if isinstance(address, IPv4Address)]


def through(graph: Graph, read: Mapping[str, Device]) -> list[str]:
    """Return routers without tunnels that packets between spokes and hubs pass, or without spokes between any tunnel
    ends.
    """
    owners = dict.fromkeys(tunnel_ends(read).values())
    spokes = [name for name in owners if any(nhrp.nhs for nhrp in read[name].nhrp.tunnels if nhrp.version == 4)]
    hubs = [name for name in owners if name not in spokes]
    found: dict[str, None] = {}
    for owner in hubs or owners:
        ways = shortest(graph, owner, owners)
        for start in spokes or owners:
            here = start
            while here in ways and here != owner:
                here = ways[here].router
                if here not in owners:
                    found[here] = None
    return list(found)


def stand_in(
    graph: Graph, wired: Graph, read: Mapping[str, Device], added: str
) -> Iterator[tuple[str, list[str], str]]:
    """Yield of each router that lacks routes to tunnel ends: lines, and a note.

    graph: the ways between tunnel ends. wired: all that is wired together. added: the provider of our own, "" for none.

    A router that speaks BGP with that router gets a default route to it, too, if its lists take none by BGP.
    """
    ends = tunnel_ends(read)
    sites = {*ends.values()}  # asked, never iterated
    ways = cache(partial(shortest, graph, around=sites))
    owners = _owners(read)
    called = {address: owner for address, owner in _called(ways, read, added, owners).items() if address not in ends}
    for router, device in read.items():
        missing: list[str] = []
        kept = _kept(device)
        if not kept:
            continue
        hops = graph.get(router, ())
        peers = (read[owners[peer]] for peer in device.bgp.called if peer in owners)
        internal = [peer for peer in peers if peer.bgp.local_as == device.bgp.local_as]
        own = [one for _, one, _ in device.addresses()]
        learned = [way.prefix for way in _redistributed(internal) if way.next_hop not in own]
        from_upstream = [*_from_provider(router, device, hops, added)]
        yield from from_upstream
        for address, owner in (*ends.items(), *called.items()):
            hop = ways(owner).get(router)
            if hop is None or owner == router:
                continue
            if (address in called and not (hop.router == added or _speaks_isis(device))) or any(
                address in prefix for prefix in learned
            ):
                continue
            # Gateways that would send a packet right back.
            here, there = graph.get(router, ()), ways(owner)
            back = [one.gateway for one in here if one.router in there and there[one.router].router == router]
            if not _knows(device, address, hop, back) and not any(near.gateway == address for near in graph[router]):
                missing.append(f"ip route {address} 255.255.255.255 {hop.gateway} {LAST}")
        if missing:
            names = [line.split()[2] for line in missing]
            kinds = ["the tunnel ends"] if any(IPv4Address(name) in ends for name in names) else []
            kinds += ["neighbors of BGP"] if any(IPv4Address(name) in called for name in names) else []
            note = f"{router}: where {kept} brings no route, static ones of distance {LAST} lead to"
            yield router, missing, "" if from_upstream else f"{note} {' and '.join(kinds)} {some(names)}"
    if added:
        forwarding = Forwarding(wired, read, lambda device: bool(_kept(device)), sites)
        yield _routes_of(added, forwarding, wired, ends | called)


def _from_provider(
    router: str, device: Device, hops: Iterable[Hop], added: str
) -> Iterator[tuple[str, list[str], str]]:
    """Yield lines and a note for what BGP would bring from the provider of our own: closer than a route to Null0."""
    upstream = next((hop.gateway for hop in hops if hop.router == added and hop.gateway in device.bgp.called), None)
    if upstream is None or _has_default(device):
        return
    drops = any(route.prefix.is_default and route.interface == _NOWHERE for route in device.routes)
    drops = drops or _throws_away(device)
    lines = [f"ip route {there} {upstream} {LAST}" for there in (_HALVES if drops else _EVERYTHING)]
    got = "routes for both halves of the addresses" if drops else "a default route"
    yield router, lines, f"{router} would learn its routes by BGP from {upstream}: it has {got} to there instead"


def _kept(device: Device) -> str:
    """Return the header of a protocol that would bring routes, and does not here; "" if none would."""
    return next((header for word in _KEPT for header in device.lines.headers(word)), "")


def _routes_of(
    added: str, forwarding: Forwarding, wired: Graph, owners: Mapping[IPv4Address, str]
) -> tuple[str, list[str], str]:
    """Return the routes of the provider of our own, and a note: by the router that has an address, or is the way to
    it.
    """
    lines: list[str] = []
    unreachable: list[str] = []
    near = [hop.gateway for hop in wired.get(added, ())]
    for address, owner in owners.items():
        hop = forwarding.way(added, address, owner)
        if hop is None:
            unreachable.append(f"{address} ({owner})")
        elif address not in near:
            lines.append(f"ip route {address} 255.255.255.255 {hop.gateway}")
    note = f"{added} has no route to {some(unreachable)}: no router beside it is the way there" if unreachable else ""
    return added, lines, note


def _owners(read: Mapping[str, Device]) -> dict[IPAddress, str]:
    """Return all addresses but those of tunnels, each with its router."""
    ports = [(name, one) for name, device in read.items() for one in device.interfaces.interfaces]
    return {address: name for name, one in ports if not one.name.startswith("Tunnel") for address in _addresses(one)}


def _redistributed(internal: Iterable[Device]) -> Iterator[StaticRoute]:
    """Yield static routes that neighbors of internal BGP redistribute: a route of ours would hide them."""
    for near in internal:
        if any(one.source is RouteSource.STATIC for one in near.bgp.redistributions):
            yield from (way for way in near.static.routes if way.interface != _NOWHERE and not way.prefix.is_default)


def _called(
    ways: Callable[[str], Mapping[str, Hop]], read: Mapping[str, Device], added: str, owners: Mapping[IPAddress, str]
) -> dict[IPv4Address, str]:
    """Return the addresses of BGP neighbors behind a provider of our own, or behind IS-IS, each with its router, and
    those from which routers call neighbors behind IS-IS: a neighbor that listens for them names none.

    ways: the first hops of all routers toward one. owners: the router of each address.
    """
    found: dict[IPv4Address, str] = {}
    for name, device in read.items():
        if _speaks_isis(device):
            sources = (device.interface(one.update_source) for one in device.bgp.neighbors if one.update_source)
            found |= {one: name for port in sources if port for one in _addresses(port) if isinstance(one, IPv4Address)}
        for address in (one for one in device.bgp.called if isinstance(one, IPv4Address)):
            owner = owners.get(address, name)
            hop = ways(owner).get(name) if owner != name else None
            if hop is not None and (hop.router == added or _speaks_isis(device)):
                found[address] = owner
    return found


def _speaks_isis(device: Device) -> bool:
    """Return whether it would learn the ways to its neighbors by IS-IS, which no router here speaks."""
    return bool(device.lines.headers("router isis"))


def _has_default(device: Device) -> bool:
    """Return whether it has a default route that can be used. A gateway in none of its subnets leads nowhere."""
    return any(
        not isinstance(route.next_hop, IPv4Address) or _is_near(device, route.next_hop)
        for route in device.routes
        if route.prefix.is_default and route.interface != _NOWHERE
    )


def _is_near(device: Device, address: IPv4Address) -> bool:
    return any(address in own.network for own in device.ports.values())


def _throws_away(device: Device) -> bool:
    """Return whether EIGRP summarizes everything.

    That makes a route to Null0, better than most static default routes.
    """
    every = (settings for process in device.eigrp.processes for _, settings in process.interfaces)
    return any(summary.prefix.is_default for settings in every for summary in settings.summaries)


def _knows(device: Device, address: IPv4Address, hop: Hop, back: Sequence[IPv4Address]) -> bool:
    """Return whether there is a route, or a protocol that runs and should bring one.

    Not if a default route's gateway is in `back`.
    """
    by_default = _has_default(device) and not _throws_away(device)
    if any(
        address in route.prefix
        and route.interface != _NOWHERE
        and (not route.prefix.is_default or (by_default and route.next_hop not in back))
        for route in device.routes
    ):
        return True
    own = device.ports.get(hop.port)
    return _is_near(device, address) or any(
        one.protocol is not Protocol.OSPF for one in running(device, hop.port, own.ip if own is not None else None)
    )


def name_gateway(text: str, port: str, gateway: IPv4Address) -> str:
    """Name that gateway as the one to which the routes out of this port lead."""
    changed = []
    for line in text.split("\n"):
        match = _ROUTE.match(line)
        if (
            match is not None
            and normalize_interface(match["port"]) == port
            and not re.match(r"\s+\d+\.", match["rest"])
        ):
            line = f"{match['head']}{match['port']} {gateway}{match['rest']}"
        changed.append(line)
    return "\n".join(changed)


def unadvertised(text: str, ways: Sequence[str]) -> tuple[str, list[str]]:
    """Return the text and the routes that stand in, tagged so that no protocol redistributes them.

    Other routers would prefer them to their own, and send a tunnel's packets into that tunnel. ways: lines `ip route`.
    """
    lines = text.split("\n")
    maps: dict[str, None] = {}
    for number, line in enumerate(lines):
        match = _REDISTRIBUTION.match(line)
        if match is None:
            continue
        words = (match["rest"] or "").split()
        own = words[words.index("route-map") + 1] if "route-map" in words[:-1] else ""
        maps[own or _OTHERS] = None
        lines[number] = line if own else f"{line.rstrip()} route-map {_OTHERS}"
    if not maps:
        return text, [*ways]
    entries = [entry for name in maps for entry in (f"route-map {name} deny 1", f" match tag {_TAG}")]
    entries += [f"route-map {_OTHERS} permit 2"] if _OTHERS in maps else []
    return "\n".join(lines), [*(f"{way} tag {_TAG}" for way in ways), *entries]
