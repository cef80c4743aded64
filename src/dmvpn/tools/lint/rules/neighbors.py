"""Rules about routing protocols between the two ends of a tunnel: do they hear each other, and do they agree?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.findings import Rule, Severity
from dmvpn.features.eigrp.terms import AUTHENTICATION, SYSTEM
from dmvpn.features.interface.config.sections import BANDWIDTH as BANDWIDTH_LINE
from dmvpn.features.nhrp.config.lines import MAP_MULTICAST, of_version
from dmvpn.features.ospf.model import NetworkType
from dmvpn.ios import Blank
from dmvpn.network.routing import Protocol, ospf_interface
from dmvpn.network.terms.eigrp import EIGRP
from dmvpn.network.terms.rip import RIP
from dmvpn.tools.lint.found import differences, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.overlay import EndPair, Network, ServerLink, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

MULTICAST: Final = Rule(
    id="nhrp-multicast-missing",
    severity=Severity.ERROR,
    title="A routing protocol runs on the tunnel, and its multicasts have no receiver",
    why="EIGRP, OSPF and RIP discover their neighbors by multicast. A multipoint tunnel has no multicast of its own: "
    "each copy goes to an address that `ip nhrp map multicast` names, or `multicast` behind an NHS. Without them "
    "there is no adjacency (FRR issue 6276 is full of such cases).",
    bad="interface Tunnel0\n ip nhrp map 10.0.0.1 198.51.100.1\n ip nhrp nhs 10.0.0.1",
    fix="interface Tunnel0\n ip nhrp map multicast 198.51.100.1",
    cause=Cause.SPOKE_MULTICAST,
)
MULTICAST_HUB: Final = Rule(
    id="nhrp-multicast-dynamic-missing",
    severity=Severity.ERROR,
    title="A routing protocol runs on the hub's tunnel, without `map multicast dynamic`",
    why="The hub receives its spokes' Hellos and answers none of them: with `ip nhrp map multicast dynamic` every "
    "spoke that registers gets a copy of its multicasts. Advice where the configuration is one of IOS 15.7 or later "
    "(its line `version`): there it is on by default and not shown. Older routers, and those of this program, need "
    "the line.",
    bad="interface Tunnel0\n ip nhrp network-id 1",
    fix="interface Tunnel0\n ip nhrp map multicast dynamic",
    cause=Cause.HUB_MULTICAST,
)
ONE_SIDED: Final = Rule(
    id="routing-one-sided",
    severity=Severity.ERROR,
    title="Only one end of a tunnel runs a routing protocol on it, and the other has no routes",
    why="The other end neither learns nor advertises routes. Either a `network` line does not match the tunnel's "
    "address, or the interface is passive, or routes are missing. No finding if it has static routes or BGP.",
    bad="router eigrp 100\n network 192.168.10.0 0.0.0.255",
    fix="router eigrp 100\n network 10.0.0.0 0.0.0.255",
)
BANDWIDTH: Final = Rule(
    id="tunnel-bandwidth-default",
    severity=Severity.ADVICE,
    title="EIGRP on a tunnel that has the default bandwidth",
    why="IOS takes 100 kbit/s for a tunnel, and EIGRP uses half of an interface's bandwidth for itself: 50 kbit/s for "
    "all neighbors of a hub together. Large hubs lose neighbors when all spokes come at once, and metrics do "
    "not reflect the bandwidth.",
    bad="interface Tunnel0\n ip address 10.0.0.1 255.255.255.0",
    fix="interface Tunnel0\n bandwidth 10000",
)
RULES: Final = (
    *(MULTICAST, MULTICAST_HUB, SYSTEM.rule, ONE_SIDED, AUTHENTICATION.rule, BANDWIDTH),
    *(term.rule for term in RIP.terms),
    *(duty.rule for duty in RIP.duties),
)
_BANDWIDTH: Final = BANDWIDTH_LINE.of(kbps=Blank("kbit-per-second"))
_UNICAST: Final = (NetworkType.NON_BROADCAST, NetworkType.POINT_TO_MULTIPOINT_NON_BROADCAST)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield ends without multicasts, and ends that do not agree on a routing protocol."""
    for link in network.links:
        yield from _client_multicast(link)
    for end in network.ends:
        yield from _hub_multicast(network, end)
        yield from _bandwidth(end)
    for pair in network.pairs:
        yield from _common(pair)
    yield from differences(network, EIGRP)
    yield from differences(network, RIP)


def _greets_by_multicast(end: TunnelEnd) -> str:
    """Return the protocols that discover neighbors by multicast at this end, "" if none."""
    interface = ospf_interface(end.device, end.name)
    by_unicast = interface is not None and interface.network in _UNICAST
    return " and ".join(str(one) for one in end.running if not (one.protocol is Protocol.OSPF and by_unicast))


def _client_multicast(link: ServerLink) -> Iterator[NetworkConcern]:
    client, nbma = link.client, link.nbma
    protocols = _greets_by_multicast(client)
    if not protocols or not client.multipoint or nbma is None or client.nhrp.network_id is None:
        return
    if not link.nhs.multicast and nbma not in client.nhrp.multicast:
        what = (
            f"{protocols} runs on {client.name}, and its multicasts do not go to the server {link.nhs.address} ({nbma})"
        )
        fix = f"{client.at[0]}\n {of_version(MAP_MULTICAST, client.nhrp.version).of(nbma=nbma)}"
        yield found(MULTICAST, client.device, link.at, what, fix)


def _hub_multicast(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    nhrp = end.nhrp
    if not network.is_server(end) or not end.multipoint or nhrp.multicast_dynamic or nhrp.network_id is None:
        return
    sources = [client.source for client in network.clients(end)]
    if sources and all(source in nhrp.multicast for source in sources):
        return
    if protocols := _greets_by_multicast(end):
        what = f"{protocols} runs on {end.name}, and its multicasts go to no spoke that registers"
        fix = f"{end.at[0]}\n {of_version(MAP_MULTICAST, end.nhrp.version).of(dynamic=True)}"
        severity = None
        if end.device.may_have_unseen(end.nhrp.version):
            what += f", unless IOS {end.device.release} does that by default"
            severity = Severity.ADVICE
        yield found(MULTICAST_HUB, end.device, end.at, what, fix, severity=severity)


def _bandwidth(end: TunnelEnd) -> Iterator[NetworkConcern]:
    running = end.eigrp
    if running is not None and end.interface.bandwidth is None and end.nhrp.network_id is not None:
        what = f"EIGRP {running[0].autonomous_system} runs on {end.name}, whose bandwidth is the default, 100 kbit/s"
        yield found(BANDWIDTH, end.device, end.at, what, f"{end.at[0]}\n {_BANDWIDTH}")


# ------------------------------------------------------------------------------------------------ in common


def _common(pair: EndPair) -> Iterator[NetworkConcern]:
    here, there = pair.here.running, pair.there.running
    if pair.here.nhrp.version == 6 or pair.here.address is None or pair.there.address is None:
        return
    comparable_here = [_comparable(one.protocol, one.number) for one in here]
    comparable_there = [_comparable(one.protocol, one.number) for one in there]
    if any(one in comparable_there for one in comparable_here):
        return
    ours, theirs = " and ".join(map(str, here)), " and ".join(map(str, there))
    where = f"{pair.there.device.hostname}'s {pair.there.name}"
    related = ((pair.there.device, _router_line(pair.there, there[0].protocol, there[0].number)),) if there else ()
    if here and there:
        if all(any(one.protocol is Protocol.EIGRP for one in each) for each in (here, there)):
            return  # their autonomous systems differ
        at = _router_line(pair.here, here[0].protocol, here[0].number)
        what = f"{ours} runs on {pair.here.name}, and {theirs} on {where}: no route comes over the tunnel"
        yield found(SYSTEM.rule, pair.here.device, at, what, related=related)
    elif here or there:
        running, on, off = (ours, pair.here, pair.there) if here else (theirs, pair.there, pair.here)
        if _knows_otherwise(off):
            return
        what = f"{running} runs on {on.device.hostname}'s {on.name}, and no routing protocol on {off.name}"
        first = (here or there)[0]
        other = ((on.device, _router_line(on, first.protocol, first.number)),)
        yield found(ONE_SIDED, off.device, off.at, what, related=other)


def _knows_otherwise(end: TunnelEnd) -> bool:
    """Return whether it knows the far end's prefixes by other means: static routes, BGP, a protocol in a VRF."""
    if end.device.bgp.local_as or end.device.vrf_of(end.name):
        return True
    subnet = end.subnet
    return any(
        route.interface == end.name or (subnet is not None and route.next_hop in subnet)
        for route in end.device.static.routes
    )


def _comparable(protocol: Protocol, number: int) -> tuple[Protocol, int]:
    """Return what can be compared: OSPF's process number is local to the router."""
    return protocol, number if protocol is Protocol.EIGRP else 0


def _router_line(end: TunnelEnd, protocol: Protocol, number: int) -> tuple[str, ...]:
    if protocol is Protocol.EIGRP:
        process = next(one for one in end.device.eigrp.processes if one.autonomous_system == number)
        return (f"router eigrp {process.name or number}",)
    return (f"router ospf {number}",) if protocol is Protocol.OSPF else ("router rip",)
