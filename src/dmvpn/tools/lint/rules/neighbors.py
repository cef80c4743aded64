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
from dmvpn.network.terms.protocols import ONE_SIDED, PROTOCOLS, process_line
from dmvpn.network.terms.rip import RIP
from dmvpn.tools.lint.found import differences, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.overlay import EndPair, Network, ServerLink, TunnelEnd
    from dmvpn.network.routing import Running
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
    for table in (EIGRP, RIP, PROTOCOLS):
        yield from differences(network, table)


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
    """Find two ends that run protocols, and none in common: then their systems or protocols differ."""
    here, there = pair.here.running, pair.there.running
    if not here or not there or any(_comparable(one) in map(_comparable, there) for one in here):
        return
    if all(any(one.protocol is Protocol.EIGRP for one in each) for each in (here, there)):
        return  # their autonomous systems differ
    ours, theirs = " and ".join(map(str, here)), " and ".join(map(str, there))
    where = f"{pair.there.device.hostname}'s {pair.there.name}"
    what = f"{ours} runs on {pair.here.name}, and {theirs} on {where}: no route comes over the tunnel"
    related = ((pair.there.device, process_line(pair.there)),)
    yield found(SYSTEM.rule, pair.here.device, process_line(pair.here), what, related=related)


def _comparable(one: Running) -> tuple[Protocol, int]:
    """Return what can be compared: OSPF's process number is local to the router."""
    return one.protocol, one.number if one.protocol is Protocol.EIGRP else 0
