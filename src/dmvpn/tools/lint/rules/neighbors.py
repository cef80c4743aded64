"""Rules about routing protocols between the two ends of a tunnel: do they hear each other, and do they agree?

OSPF    network type, timers, area, authentication, who may be elected
BGP     does each end know the other one
BFD     protocols that ask for it in vain, and detection that comes too late
LANs    their advertisement, the routers that forward it, and what prevents it
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import spelled
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.terms import Likeness
from dmvpn.features.bfd import config as bfd
from dmvpn.features.bfd.model import Parameters
from dmvpn.features.eigrp.config.processes import IN_FAMILY
from dmvpn.features.eigrp.config.sections import header, nested, process_lines
from dmvpn.features.eigrp.terms import AUTHENTICATION, SYSTEM, WEIGHTS
from dmvpn.features.interface.config import BANDWIDTH as BANDWIDTH_LINE
from dmvpn.features.nhrp.config.lines import MAP_MULTICAST, of_version
from dmvpn.features.ospf.config import interfaces as ospf_lines
from dmvpn.features.ospf.model import Interface as OspfInterface
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.ospf.settings import ELECTING, timers
from dmvpn.features.ospf.terms import TYPE, network_type
from dmvpn.features.static.config import bfd_line, route_line
from dmvpn.ios import Blank
from dmvpn.network.overlay import EndPair, Network, ServerLink, TunnelEnd
from dmvpn.network.routing import Protocol, Running, ospf_interface
from dmvpn.network.terms.bgp import BGP, NEIGHBORS, PASSWORD, SHUTDOWN, awaited
from dmvpn.network.terms.bgp import SYSTEM as BGP_SYSTEM
from dmvpn.network.terms.protocols import EIGRP, ONE_SIDED, OSPF, PROTOCOLS, RIP, ospf_end, process_line
from dmvpn.tools.lint.found import NetworkConcern, differences, failed, found

# ------------------------------------------------------------------------------------------------ any protocol


MULTICAST: Final = rule(Severity.ERROR, Cause.SPOKE_MULTICAST)(r"""
    nhrp-multicast-missing: A routing protocol runs on the tunnel, and its multicasts have no receiver
    EIGRP, OSPF and RIP discover their neighbors by multicast. A multipoint tunnel has no multicast of its own: each
    copy goes to an address that `ip nhrp map multicast` names, or `multicast` behind an NHS. Without them there is no
    adjacency (FRR issue 6276 is full of such cases).
    bad: interface Tunnel0\n ip nhrp map 10.0.0.1 198.51.100.1\n ip nhrp nhs 10.0.0.1
    fix: interface Tunnel0\n ip nhrp map multicast 198.51.100.1
    """)
MULTICAST_HUB: Final = rule(Severity.ERROR, Cause.HUB_MULTICAST)(r"""
    nhrp-multicast-dynamic-missing: A routing protocol runs on the hub's tunnel, without `map multicast dynamic`
    The hub receives its spokes' Hellos and answers none of them: with `ip nhrp map multicast dynamic` every spoke that
    registers gets a copy of its multicasts. Advice where the configuration is one of IOS 15.7 or later (its line
    `version`): there it is on by default and not shown. Older routers, and those of this program, need the line.
    bad: interface Tunnel0\n ip nhrp network-id 1
    fix: interface Tunnel0\n ip nhrp map multicast dynamic
    """)
BANDWIDTH: Final = rule(Severity.ADVICE)(r"""
    tunnel-bandwidth-default: EIGRP on a tunnel that has the default bandwidth
    IOS takes 100 kbit/s for a tunnel, and EIGRP uses half of an interface's bandwidth for itself: 50 kbit/s for all
    neighbors of a hub together. Large hubs lose neighbors when all spokes come at once, and metrics do not reflect the
    bandwidth.
    bad: interface Tunnel0\n ip address 10.0.0.1 255.255.255.0
    fix: interface Tunnel0\n bandwidth 10000
    """)
RULES: Final = (
    *(MULTICAST, MULTICAST_HUB, SYSTEM.rule, ONE_SIDED, AUTHENTICATION.rule, BANDWIDTH),
    *(term.rule for term in RIP.terms),
    *(duty.rule for duty in RIP.duties),
)
_BANDWIDTH: Final = BANDWIDTH_LINE.line(kbps=Blank("kbit-per-second"))
_UNICAST: Final = (NetworkType.NON_BROADCAST, NetworkType.POINT_TO_MULTIPOINT_NON_BROADCAST)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield ends without multicasts, and ends that do not agree on a routing protocol."""
    for link in network.links:
        yield from _client_multicast(link)
    for end in network.ends:
        yield from _hub_multicast(network, end)
        running = end.eigrp
        if running is not None and end.interface.bandwidth is None and end.nhrp.network_id is not None:
            number = running[0].autonomous_system
            what = f"EIGRP {number} runs on {end.name}, whose bandwidth is the default, 100 kbit/s"
            yield found(BANDWIDTH, end.device, end.at, what, f"{end.at[0]}\n {_BANDWIDTH}")
    for pair in network.pairs:
        yield from _common(pair)
    for table in (EIGRP, RIP, PROTOCOLS):
        yield from differences(network, table)


def _greets_by_multicast(end: TunnelEnd) -> str:
    """Return the protocols that discover neighbors by multicast at this end, "" if none."""
    interface = end.ospf_lines
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
        fix = f"{client.at[0]}\n {of_version(MAP_MULTICAST, client.nhrp.version).line(nbma=nbma)}"
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
        fix = f"{end.at[0]}\n {of_version(MAP_MULTICAST, end.nhrp.version).line(dynamic=True)}"
        severity = None
        if end.device.may_have_unseen(end.nhrp.version):
            what += f", unless IOS {end.device.release} does that by default"
            severity = Severity.ADVICE
        yield found(MULTICAST_HUB, end.device, end.at, what, fix, severity=severity)


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


# ------------------------------------------------------------------------------------------------ OSPF


TYPE_DEFAULT: Final = rule(Severity.ERROR, Cause.OSPF_NETWORK_TYPE)(r"""
    ospf-network-type-default: OSPF on a multipoint tunnel with the default network type
    A tunnel is point-to-point for OSPF unless configured otherwise, and such a network has one neighbor (RFC 2328
    §1.2). With several spokes on one interface the adjacency flaps from one spoke to the next. A warning on a spoke,
    which has one neighbor.
    bad: interface Tunnel0\n tunnel mode gre multipoint\n ip ospf 1 area 0
    fix: interface Tunnel0\n ip ospf network point-to-multipoint
    """)
PRIORITY: Final = rule(Severity.ERROR)(r"""
    ospf-priority-on-spoke: A spoke of an OSPF broadcast network may become its designated router
    The designated router has to reach all routers, and only the hub does. A spoke that is elected (the highest router
    ID, if no priority is set) reaches the hub alone, and the other spokes learn no routes. A warning where the hub has
    a higher priority: it stays elected until it restarts.
    bad: interface Tunnel0\n ip ospf network broadcast
    fix: interface Tunnel0\n ip ospf priority 0
    """)
OSPF_RULES: Final = (TYPE_DEFAULT, *(term.rule for term in OSPF.terms), *(duty.rule for duty in OSPF.duties), PRIORITY)
_MULTIPOINT: Final = ospf_lines.NETWORK.line(**{"point-to-multipoint": True})


def check_ospf(network: Network) -> Iterator[NetworkConcern]:
    """Yield what keeps the two ends of a tunnel from an adjacency, or from an election that works."""
    # Tunnels that nothing else is said of may be meant to be multipoint.
    of_devices = ((device, tunnel) for device in network.devices for tunnel in device.tunnels.tunnels)
    for owner, tunnel in of_devices:
        interface = ospf_interface(owner, tunnel.name)
        if tunnel.is_excerpt and interface is not None and interface.process is not None and not interface.network:
            section = f"interface {tunnel.name}"
            what = f"{tunnel.name} is point-to-point for OSPF: if it is multipoint, it has one neighbor at a time"
            at, fix = (section, f"ip ospf {interface.process}"), f"{section}\n {_MULTIPOINT}"
            yield found(TYPE_DEFAULT, owner, at, what, fix, severity=Severity.ADVICE)
    for end in network.ends:
        yield from _ospf_end(network, end)
    yield from differences(network, OSPF)


def _ospf_end(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    of_ospf = ospf_end(end)
    if of_ospf is None:
        return
    interface = of_ospf.port
    spokes = [spoke for client in network.clients(end) if (spoke := ospf_end(client)) is not None]
    has_several = bool(spokes) and len(spokes) + len(network.servers_of(end)) > 1
    is_named = interface.network is NetworkType.POINT_TO_POINT and has_several
    is_named = is_named and all(TYPE.compare(one, of_ospf) is not Likeness.DIFFERENT for one in spokes)
    if end.multipoint and (is_named or (interface.network is None and not network.servers_of(end))):
        what = f"{end.name} is multipoint, and point-to-point for OSPF: it has one neighbor at a time"
        kept = [one for one in spokes if is_named or one.port.network in (None, NetworkType.POINT_TO_POINT)]
        lines = zip((ospf_lines.HELLO_INTERVAL, ospf_lines.DEAD_INTERVAL), kept[0].timers if kept else (), strict=False)
        fix = "\n ".join(
            (
                end.at[0],
                network_type(of_ospf, NetworkType.POINT_TO_MULTIPOINT),
                *tuple(of_ospf.spoken(line).line(seconds=seconds) for line, seconds in lines),
            )
        )
        is_at_port = interface.process is not None and not is_named
        at = end.line(f"{of_ospf.words} {interface.process if is_at_port else 'network'}")
        # A spoke has one neighbor, its hub; that works if the hub is point-to-multipoint and has the same timers.
        severity = Severity.WARNING if len(end.nhrp.nhs) == 1 and not is_named else None
        yield found(TYPE_DEFAULT, end.device, at, what, fix, severity=severity)
    if interface.network in ELECTING and end.is_client and interface.priority and not network.clients(end):
        what = f"{end.device.hostname} is a spoke, and with priority {interface.priority} it may be elected"
        fix = f"{end.at[0]}\n {of_ospf.spoken(ospf_lines.PRIORITY).line(priority=0)}"
        hubs = [hub for server in network.servers_of(end) if (hub := server.ospf_lines)]
        is_lower = bool(hubs) and all(hub.priority > interface.priority for hub in hubs)
        severity = Severity.WARNING if is_lower else None
        yield found(PRIORITY, end.device, end.line(f"{of_ospf.words} network"), what, fix, severity=severity)


# ------------------------------------------------------------------------------------------------ BGP


BGP_RULES: Final = (NEIGHBORS.rule, BGP_SYSTEM.rule, PASSWORD.rule, SHUTDOWN.rule)


def check_bgp(network: Network) -> Iterator[NetworkConcern]:
    """Yield what keeps the two ends of a tunnel from a BGP session that one of them wants."""
    yield from differences(network, BGP)
    for pair in network.pairs:
        yield from map(failed, awaited(pair, network.pairs))


# ------------------------------------------------------------------------------------------------ BFD


_INTERVAL: Final = "bfd interval 1000 min_rx 1000 multiplier 5"
SLOW: Final = rule(Severity.WARNING)(r"""
    bfd-slower-than-hold: BFD detects a failure later than the timer of the routing protocol
    BFD should report a dead path to a routing protocol before its own timer does. Its detection time is the multiplier
    times the interval (RFC 5880 §6.8.4); if that is not shorter than EIGRP's hold time or OSPF's dead interval it only
    costs packets.
    bad: interface Tunnel0\n bfd interval 9000 min_rx 9000 multiplier 5
    fix: interface Tunnel0\n bfd interval 1000 min_rx 1000 multiplier 5
    """)
NO_INTERVAL: Final = rule(Severity.WARNING)(r"""
    bfd-without-interval: A protocol asks for BFD on a tunnel that has no intervals
    `bfd` of a routing protocol asks for sessions; the interface sets the intervals (`bfd interval` or `bfd template`).
    Without them no packets are sent, and only the protocol's own timer detects a lost neighbor. Static routes that wait
    for BFD (`ip route static bfd`) are never used.
    bad: interface Tunnel0\n ip ospf bfd
    fix: interface Tunnel0\n bfd interval 1000 min_rx 1000 multiplier 5
    """)
BFD_RULES: Final = (SLOW, NO_INTERVAL)


def check_bfd(network: Network) -> Iterator[NetworkConcern]:
    """Yield BFD that runs in vain, and detection that comes too late."""
    models: dict[str, dict[str, Parameters]] = {}
    for end in network.ends:
        if end.nhrp.network_id is not None:
            if end.device.name not in models:
                models[end.device.name] = dict(bfd.model(end.device.tree).interfaces)
            yield from _detection(end, models[end.device.name].get(end.name))


def _detection(end: TunnelEnd, parameters: Parameters | None) -> Iterator[NetworkConcern]:
    if parameters is None:
        eigrp, interface = end.eigrp, end.ospf_lines
        asking = [("EIGRP", end.at)] if eigrp is not None and eigrp[1].bfd else []
        asking += [("OSPF", end.line("ip ospf bfd"))] if interface is not None and interface.bfd else []
        watched = [hop for hop in end.device.static.bfd if hop.interface == end.name]
        asking += [(f"A static route by {spelled(hop.address)}", (bfd_line(hop),)) for hop in watched if hop.address]
        for who, at in asking:
            what = f"{who} asks for BFD on {end.name}, which has no bfd interval"
            yield found(NO_INTERVAL, end.device, at, what, f"{end.at[0]}\n {_INTERVAL}")
        return
    detection = parameters.multiplier * max(parameters.interval, parameters.min_rx) / 1000
    hold, who = min(_waits(end), default=(end.nhrp.holdtime, "an entry of NHRP"))
    if detection >= hold:
        what = f"BFD takes {detection:g} s to find a dead path, and {who} waits {hold} s"
        yield found(SLOW, end.device, end.line("bfd interval"), what, f"{end.at[0]}\n {_INTERVAL}")


def _waits(end: TunnelEnd) -> Iterator[tuple[int, str]]:
    """Yield how many seconds the protocols on a tunnel wait for a silent neighbor, and who they are."""
    eigrp = end.eigrp
    if eigrp is not None:
        yield eigrp[1].hold_time, "EIGRP"
    if any(one.protocol is Protocol.OSPF for one in end.running):
        interface = end.ospf_lines or OspfInterface(name=end.name)
        by_second = interface.hello_multiplier is not None
        yield 1 if by_second else timers(interface, NetworkType.POINT_TO_POINT)[1], "OSPF"


# ----------------------------------------------------------------------------------------- the LANs that they advertise


LAN: Final = rule(Severity.WARNING)(r"""
    eigrp-lan-not-told: EIGRP runs on the tunnel and does not advertise a LAN of the router
    No `network` line matches the LAN's address and connected prefixes are not redistributed, so no other site has a
    route to it. Advice where other LANs or routes are advertised, and where the router translates for it (`ip nat
    inside`): a LAN of guests may be local on purpose. A port to a provider or in a VRF is no LAN.
    bad: router eigrp 100\n network 10.0.0.0 0.0.0.255
    fix: router eigrp 100\n network 192.168.10.0 0.0.0.255
    """)
STUB: Final = rule(Severity.ERROR)(r"""
    eigrp-stub-hub: A hub that is an EIGRP stub
    A stub router does not advertise routes that it has learned from neighbors (RFC 7868 §2.1). A hub has to advertise
    the routes of each spoke to the other spokes.
    bad: router eigrp 100\n eigrp stub connected
    fix: router eigrp 100\n no eigrp stub
    """)
HIDDEN: Final = rule(Severity.ERROR)("""
    static-route-hides-lan: A static route to Null0 in the way of another site's LAN
    A static route wins against EIGRP's (distance 1, not 90), and a longer prefix wins against any: packets for that
    site are dropped here. A route that is a last resort needs the distance 254.
    bad: ip route 192.168.20.0 255.255.255.0 Null0
    fix: ip route 192.168.20.0 255.255.255.0 Null0 254
    """)
LAN_RULES: Final = (LAN, STUB, WEIGHTS.rule, HIDDEN)
#: EIGRP's distance for what it learns inside.
_EIGRP: Final = 90
#: A distance behind that of every routing protocol.
_LAST: Final = 254


def check_lans(network: Network) -> Iterator[NetworkConcern]:
    """Yield LANs that routing does not advertise or hides, and stub hubs."""
    for end in network.ends:
        yield from _lans(network, end)
        yield from _stub(network, end)
        yield from _hidden(network, end)


def _lans(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    ours = end.eigrp
    if ours is None or end.nhrp.network_id is None:
        return
    process, advertised = ours[0], network.advertised[end.device]
    advertises_something = bool(advertised or process.redistributions)
    for settings, prefix in end.device.lans:
        if prefix in advertised:
            continue
        number = process.autonomous_system
        what = f"EIGRP {number} does not advertise {prefix} ({settings.name}): no other router has a route to it"
        fix = nested(process_lines(process, IN_FAMILY.network.line(address=prefix.address, wildcard=prefix.wildcard)))
        may_be_meant = advertises_something or end.device.translates(settings.name, "inside")
        yield found(LAN, end.device, (header(process),), what, fix, severity=Severity.ADVICE if may_be_meant else None)


def _stub(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    ours = end.eigrp
    if ours is not None and ours[0].stub is not None and len(network.clients(end)) > 1:
        spokes = len(network.clients(end))
        what = f"{end.device.hostname} is a stub, and {spokes} spokes learn each other's routes only from it"
        yield found(STUB, end.device, (header(ours[0]), "eigrp stub"), what)


def _hidden(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    if end.nhrp.network_id is None:
        return
    for route in end.device.static.routes:
        if route.interface != "Null0":
            continue
        for other in network.ends:
            is_far = other.device is not end.device and other.nhrp.network_id is not None
            for lan in network.advertised[other.device] if is_far else ():
                if route.prefix in lan and (route.prefix != lan or route.distance < _EIGRP):
                    words = route_line(route.prefix, interface="Null0")
                    fix = f"no {words}\n{route_line(route.prefix, interface='Null0', distance=_LAST)}"
                    what = f"packets for {route.prefix} are dropped, and {lan} is a LAN of {other.device.hostname}"
                    yield found(HIDDEN, end.device, (words,), what, fix)
