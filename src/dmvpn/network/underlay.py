"""The ways between tunnel ends, where files leave them to what this release does not run, or to proxy ARP.

    through       routers without tunnels on the shortest ways between tunnel ends: they represent the provider
    stand_in      static routes to tunnel ends, for routers that would learn them by BGP or IS-IS, or by OSPF of others,
                  and to neighbors of BGP behind a provider of our own, which speaks none of these
    name_gateway  who answers for others on the wire that a route without a gateway leads out to

A router that has a route already, be it the default one, keeps it; so does one that speaks EIGRP or RIP on the way.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TYPE_CHECKING, Final

from dmvpn.ios import normalize_interface
from dmvpn.network.lines import BEFORE, addresses, covers, default_routes, interface_address, interfaces

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.interface.model import InterfaceSettings
    from dmvpn.network.device import Device
    from dmvpn.network.lines import Lines

#: Protocols that do not run, or (OSPF) that the providers of a lab do not speak.
_KEPT: Final = ("router ospf", "router bgp", "router isis")
_RUNNING: Final = ("router eigrp", "router rip")
#: Worse than whatever else there is.
_LAST: Final = 254
_ROUTE: Final = re.compile(
    rf"(?P<head>{BEFORE}ip\s+route\s+[\d.]+\s+[\d.]+\s+)(?P<port>[A-Za-z]+ ?[\d/.]+)(?P<rest>.*)$"
)
_NAMED: Final = 4
_IPV4: Final = re.compile(r"\d+(\.\d+){3}")
_NOWHERE: Final = "Null0"


@dataclass(frozen=True, slots=True)
class Hop:
    """The way from a router to a neighbor on a wire: out of which port, to which address of whom."""

    port: str
    gateway: IPv4Address
    router: str


Graph = dict[str, list[Hop]]


def graph(wires: Sequence[Sequence[tuple[str, str, IPv4Interface]]]) -> Graph:
    """Which routers reach each other directly. wires: of each the router, the port and the address of all its ends."""
    found: Graph = {}
    for ends in wires:
        for router, port, address in ends:
            found.setdefault(router, []).extend(
                Hop(port, other.ip, name) for name, _, other in ends if name != router and other.ip in address.network
            )
    return found


def tunnel_ends(read: Mapping[str, Device]) -> dict[IPv4Address, str]:
    """The addresses of tunnels' sources, and whose they are."""
    found: dict[IPv4Address, str] = {}
    for router, device in read.items():
        own = [address for one in device.interfaces.interfaces for address in _addresses(one)]
        for tunnel in device.tunnels.tunnels:
            source = device.source(tunnel)
            if isinstance(source, IPv4Address) and source in own:
                found[source] = router
    return found


def _addresses(interface: InterfaceSettings) -> list[IPAddress]:
    """All of one interface, be it shut down or not."""
    first = [interface.address] if interface.address is not None else []
    return [address for address, _ in (*first, *interface.secondary)]


def far_ends(device: Device) -> list[IPv4Address]:
    """The NBMA addresses that a router's tunnels lead to: of servers, mapped peers and destinations."""
    named: list[IPAddress | None] = [tunnel.destination for tunnel in device.tunnels.tunnels]
    for nhrp in device.nhrp.tunnels:
        named += [nbma for _, nbma in nhrp.maps]
        named += [*nhrp.multicast, *(server.nbma for server in nhrp.nhs)]
    return [address for address in dict.fromkeys(named) if isinstance(address, IPv4Address)]


def _ways(graph: Graph, owner: str) -> dict[str, Hop]:
    """The first hop of every router toward the owner, on the shortest path."""
    found: dict[str, Hop] = {}
    queue = deque([owner])
    while queue:
        near = queue.popleft()
        for there in graph.get(near, ()):
            if there.router == owner or there.router in found:
                continue
            back = next((hop for hop in graph[there.router] if hop.router == near), None)
            if back is not None:
                found[there.router] = back
                queue.append(there.router)
    return found


def through(graph: Graph, read: Mapping[str, Device]) -> list[str]:
    """Routers without tunnels that packets between spokes and hubs pass, or without spokes between any tunnel ends."""
    owners = list(dict.fromkeys(tunnel_ends(read).values()))
    spokes = [name for name in owners if any(nhrp.nhs for nhrp in read[name].nhrp.tunnels if nhrp.version == 4)]
    hubs = [name for name in owners if name not in spokes]
    found: dict[str, None] = {}
    for owner in hubs or owners:
        ways = _ways(graph, owner)
        for start in spokes or owners:
            here = start
            while here in ways and here != owner:
                here = ways[here].router
                if here not in owners:
                    found[here] = None
    return list(found)


def stand_in(graph: Graph, read: Mapping[str, Device], added: str) -> Iterator[tuple[str, list[str], str]]:
    """Of each router that lacks routes to tunnel ends: lines, and a note. added: the provider of our own, "" for none.

    A router that speaks BGP with that router gets a default route to it, too, as from a provider.
    """
    ends = tunnel_ends(read)
    called = {address: owner for address, owner in _called(graph, read, added).items() if address not in ends}
    ways = {owner: _ways(graph, owner) for owner in dict.fromkeys((*ends.values(), *called.values()))}
    for router in (*read, *([added] if added else [])):
        lines = read[router].lines if router in read else None
        missing: list[str] = []
        has_upstream = False
        if lines is not None:
            kept = next((header for word in _KEPT for header in lines.headers(word)), "")
            if not kept:
                continue
            upstream = _upstream(lines, graph.get(router, ()), added)
            has_upstream = upstream is not None and not _has_default(lines)
            if has_upstream:
                yield (
                    router,
                    [f"ip route 0.0.0.0 0.0.0.0 {upstream} {_LAST}"],
                    f"{router} would learn its routes by BGP from {upstream}: it has a default route to there instead",
                )
        for address, owner in (*ends.items(), *called.items()):
            hop = ways[owner].get(router)
            if address in called and lines is not None and hop is not None and hop.router != added:
                continue
            if owner != router and hop is not None and (lines is None or not _knows(lines, address, hop)):
                known = any(near.gateway == address for near in graph[router])
                missing += [] if known else [f"ip route {address} 255.255.255.255 {hop.gateway}"]
        missing = [line if lines is None else f"{line} {_LAST}" for line in missing]
        if missing:
            names = [line.split()[2] for line in missing]
            kinds = ["the tunnel ends"] if any(IPv4Address(name) in ends for name in names) else []
            kinds += ["neighbors of BGP"] if any(IPv4Address(name) in called for name in names) else []
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            note = (
                ""
                if lines is None or has_upstream
                else f"{router}: nobody may tell {kept} the ways here: static routes lead to {' and '.join(kinds)}"
            )
            yield router, missing, f"{note} {', '.join(names[:_NAMED])}{more}" if note else ""


def _called(graph: Graph, read: Mapping[str, Device], added: str) -> dict[IPv4Address, str]:
    """The addresses of neighbors of BGP that somebody reaches through the provider of our own, and whose they are."""
    owners = {
        address: name
        for name, device in read.items()
        for one in device.interfaces.interfaces
        for address in _addresses(one)
        if isinstance(address, IPv4Address)
    }
    found: dict[IPv4Address, str] = {}
    for name, device in read.items():
        for address in bgp_neighbors(device.lines) if added else ():
            owner = owners.get(address, name)
            hop = _ways(graph, owner).get(name) if owner != name else None
            if hop is not None and hop.router == added:
                found[address] = owner
    return found


def _has_default(lines: Lines) -> bool:
    """Has it a default route that can be used? A gateway in none of its subnets leads nowhere."""
    known = dict(default_routes(lines))
    own = [address for _, address in addresses(lines)]
    return any(
        route not in known or any(known[route] in address.network for address in own)
        for route in lines.headers("ip route 0.0.0.0 0.0.0.0 ")
    )


def _throws_away(lines: Lines) -> bool:
    """Does EIGRP summarize everything? That makes a route to Null0, better than most static default routes."""
    return any("summary-address" in line and " 0.0.0.0 0.0.0.0" in line for line in lines.lines)


def _upstream(lines: Lines, hops: Sequence[Hop], added: str) -> IPv4Address | None:
    """The neighbor of BGP that is the provider of our own."""
    named = bgp_neighbors(lines)
    return next((hop.gateway for hop in hops if hop.router == added and hop.gateway in named), None)


def bgp_neighbors(lines: Lines) -> list[IPv4Address]:
    """The addresses of configured neighbors; those of a range call us."""
    words = [line.split() for header in lines.headers("router bgp ") for line in lines.section(header).lines]
    named = [word[1] for word in words if word[:1] == ["neighbor"] and word[2:3] in (["remote-as"], ["peer-group"])]
    return [IPv4Address(name) for name in dict.fromkeys(named) if _IPV4.fullmatch(name)]


def external_neighbors(lines: Lines) -> list[IPv4Address]:
    """Those of BGP in other systems than the router's own."""
    found = []
    for header in lines.headers("router bgp "):
        own = header.split()[2]
        words = [line.split() for line in lines.section(header).headers("neighbor ")]
        found += [word[1] for word in words if word[2:3] == ["remote-as"] and word[3:4] != [own]]
    return [IPv4Address(name) for name in dict.fromkeys(found) if _IPV4.fullmatch(name)]


def _knows(lines: Lines, address: IPv4Address, hop: Hop) -> bool:
    """Is there a route, or a protocol that runs and should bring one?"""
    for line in lines.headers("ip route "):
        words = line.split()
        if not words[2][0].isdigit() or not words[3][0].isdigit() or words[4] == _NOWHERE:
            continue
        prefix = IPv4Network((words[2], words[3]), strict=False)
        if address in prefix and (prefix.prefixlen or (_has_default(lines) and not _throws_away(lines))):
            return True
    own = {name: interface_address(each) for name, each in interfaces(lines)}
    if any(one is not None and address in one.network for one in own.values()):
        return True
    out = own.get(hop.port)
    return out is not None and any(
        covers(" ".join(statement.split()[:3]), out.ip)
        for word in _RUNNING
        for header in lines.headers(word)
        for statement in lines.section(header).headers("network ")
    )


def name_gateway(text: str, port: str, gateway: IPv4Address) -> str:
    """The routes out of this port lead to that gateway on it."""
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
