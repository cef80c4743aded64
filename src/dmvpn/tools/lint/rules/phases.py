"""Rules about the three phases: the lines about shortcuts at hub and spokes must fit their routing.

phase 1    point-to-point spokes; all traffic goes through the hub, which must advertise each spoke's routes to the rest
phase 2    multipoint spokes without `shortcut`; direct where routing keeps the far spoke as the next hop
phase 3    `redirect` at the hub, `shortcut` at the spokes; the hub may advertise a summary, NHRP finds the direct path

Split horizon at hubs: EIGRP and RIP do not advertise a route on the interface where they learned it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import Prefix, ip_keyword
from dmvpn.base.findings import Cause, Rule, Severity, rule
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import Value
from dmvpn.features.bgp.config.instance import FAMILY, IN_ROUTER, ROUTER
from dmvpn.features.eigrp.config import sections as eigrp_lines
from dmvpn.features.eigrp.config.sections import NEXT_HOP_SELF, line_of, nested, taken_back
from dmvpn.features.eigrp.config.sections import SUMMARY as SUMMARY_ADDRESS
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.nhrp.config.lines import of_version
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.rip.config import SPLIT_HORIZON
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.network.device import Device
from dmvpn.network.lines import indented
from dmvpn.network.overlay import Network, TunnelEnd
from dmvpn.network.routing import Protocol
from dmvpn.tools.lint.found import NetworkConcern, found

# ------------------------------------------------------------------------------------------------ split horizon


EIGRP_SPLIT_HORIZON: Final = rule(Severity.ERROR)(r"""
    eigrp-split-horizon: EIGRP's split horizon is on at the hub
    Split horizon never advertises a route on the interface on which it was learned. At a hub all spokes are behind one
    interface, so no spoke learns the other spokes' prefixes. A summary or a static route that the hub advertises also
    works, if it covers the LANs of the spokes; so does a default route for spokes that have none of their own.
    bad: interface Tunnel0\n ip nhrp map multicast dynamic
    fix: interface Tunnel0\n no ip split-horizon eigrp 100
    """)
RIP_SPLIT_HORIZON: Final = rule(Severity.ERROR)(r"""
    rip-split-horizon: RIP's split horizon is on at the hub
    Split horizon never advertises a route on the interface on which it was learned (RFC 2453 §3.4.3). At a hub all
    spokes are behind one interface, so no spoke learns the other spokes' prefixes. A summary or another route that the
    hub advertises works under the same conditions as with EIGRP.
    bad: interface Tunnel0\n ip nhrp map multicast dynamic
    fix: interface Tunnel0\n no ip split-horizon
    """)
SPLIT_HORIZON_RULES: Final = (EIGRP_SPLIT_HORIZON, RIP_SPLIT_HORIZON)
#: Administrative distances of what a spoke hears.
_EIGRP_INTERNAL: Final = 90
_EIGRP_EXTERNAL: Final = 170
_RIP: Final = 120


class _HubRoutes(Value):
    """Other routes that a hub advertises. default: the distance of its default route at a spoke, None: it has none."""

    prefixes: tuple[Prefix, ...] = ()
    default: int | None = None


def check_split_horizon(network: Network) -> Iterator[NetworkConcern]:
    """Yield hubs whose split horizon hides spokes from each other."""
    for hub in network.ends:
        if not _is_hub_of_several(network, hub):
            continue
        yield from _eigrp_split_horizon(network, hub)
        yield from _rip_split_horizon(network, hub)


def _is_hub_of_several(network: Network, hub: TunnelEnd) -> bool:
    """Return whether it is the hub of several, or one of whose spokes nothing is known."""
    is_hub = network.is_server(hub) and hub.nhrp.network_id is not None and hub.multipoint
    return is_hub and (len(network.clients(hub)) != 1 or len(network.devices) == 1)


def _eigrp_split_horizon(network: Network, hub: TunnelEnd) -> Iterator[NetworkConcern]:
    running = hub.eigrp
    if running is None or not running[1].split_horizon:
        return
    process, settings = running
    summaries = [summary.prefix for summary in settings.summaries]
    default = _EIGRP_INTERNAL if any(prefix.is_default for prefix in summaries) else None
    if any(one.source is RouteSource.STATIC for one in process.redistributions):
        routes = _hub_routes([*summaries, *_static(hub.device)], _EIGRP_EXTERNAL, default)
    else:
        routes = _hub_routes(summaries, _EIGRP_INTERNAL)
    fix = eigrp_lines.nested(eigrp_lines.taken_back(process, hub.name, eigrp_lines.SPLIT_HORIZON))
    if default is not None:  # it hides what split horizon would let out
        nothing = IPv4Address(0)
        summary = eigrp_lines.taken_back(process, hub.name, eigrp_lines.SUMMARY, address=nothing, mask=nothing)
        fix += "\n" + eigrp_lines.nested(summary).rpartition("\n")[2]
    yield from _missing(network, hub, EIGRP_SPLIT_HORIZON, routes, f"EIGRP {process.autonomous_system}", fix)


def _rip_split_horizon(network: Network, hub: TunnelEnd) -> Iterator[NetworkConcern]:
    rip = hub.device.rip
    if not any(one.protocol is Protocol.RIP for one in hub.running) or not rip.interface(hub.name).split_horizon:
        return
    prefixes = list(rip.interface(hub.name).summaries)
    if any(one.source is RouteSource.STATIC for one in rip.redistributions):
        prefixes += _static(hub.device)
    routes = _hub_routes(prefixes, _RIP, _RIP if rip.default_originate else None)
    yield from _missing(network, hub, RIP_SPLIT_HORIZON, routes, "RIP", f"{hub.at[0]}\n {SPLIT_HORIZON.no()}")


def _static(device: Device) -> list[Prefix]:
    return [route.prefix for route in device.static.routes if route.prefix.address.version == 4]


def _hub_routes(prefixes: Iterable[Prefix], distance: int, default: int | None = None) -> _HubRoutes:
    """Return the advertised routes; default: the distance of a default route that is known already."""
    listed = tuple(prefixes)
    if default is None and any(prefix.is_default for prefix in listed):
        default = distance
    return _HubRoutes(tuple(prefix for prefix in listed if not prefix.is_default), default)


def _missing(
    network: Network, hub: TunnelEnd, rule: Rule, routes: _HubRoutes, protocol: str, fix: str
) -> Iterator[NetworkConcern]:
    clients = network.clients(hub)
    lans = {client: network.advertised[client.device] for client in clients}
    if not any(lans.values()):
        # Nobody knows what they should hear of.
        is_enough = bool(routes.prefixes) or (
            routes.default is not None and all(_takes_default(client, routes) for client in clients)
        )
        missing: list[Prefix] = []
    else:
        # The LANs that a client of another site does not learn.
        every = {prefix for prefixes in lans.values() for prefix in prefixes}
        hidden = {prefix for prefix in every if not any(prefix in wide for wide in routes.prefixes)}
        without = [own for client, own in lans.items() if not _takes_default(client, routes)]
        missing = list(dict.fromkeys(prefix for own in without for prefix in sorted(hidden.difference(own))))
        is_enough = not missing
    # All spokes may have a static route into the tunnel that holds other prefixes.
    know = bool(clients) and all(any(map(client.carries, client.device.static.routes)) for client in clients)
    if is_enough or know:
        return
    who = f"{len(clients)} spokes" if clients else "spokes"
    shown = ", ".join(map(str, missing[:4])) + (" and others" if len(missing) > 4 else "")
    of = f"the prefixes of the others ({shown})" if missing and routes != _HubRoutes() else "each other's prefixes"
    what = f"{who} behind {hub.name} do not learn {of}: split horizon of {protocol} is on"
    yield found(rule, hub.device, hub.at, what, fix, severity=None if clients else Severity.WARNING)


def _takes_default(client: TunnelEnd, routes: _HubRoutes) -> bool:
    """Return whether it has none of its own that counts more."""
    default = routes.default
    return default is not None and not any(
        route.prefix.is_default and route.distance < default and not client.carries(route)
        for route in client.device.static.routes
    )


# ------------------------------------------------------------------------------------------------ phases


REDIRECT: Final = rule(Severity.WARNING, Cause.REDIRECT)(r"""
    phase3-redirect-missing: Spokes follow redirects, and their hub sends none
    In phase 3 the hub informs a spoke of a shorter path. Without `ip nhrp redirect` at the hub the spokes' `shortcut`
    has nothing to follow, and all traffic between them stays on the hub. No finding where routing makes the spokes each
    other's next hops, as in phase 2.
    bad: interface Tunnel0\n ip nhrp map multicast dynamic
    fix: interface Tunnel0\n ip nhrp redirect
    """)
SHORTCUT: Final = rule(Severity.WARNING, Cause.SHORTCUT)(r"""
    phase3-shortcut-missing: The hub sends redirects, and a multipoint spoke does not follow them
    A spoke without `ip nhrp shortcut` ignores redirects, and its traffic to other spokes stays on the hub.
    Point-to-point spokes of phase 1 have no other way, so redirects for them are harmless. Advice where the
    configuration is one of IOS 15.7 or later (its line `version`): there it is on by default and not shown.
    bad: interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1 multicast
    fix: interface Tunnel0\n ip nhrp shortcut
    """)
SUMMARY: Final = rule(Severity.WARNING, Cause.NEXT_HOP_SELF)(r"""
    phase3-summary-without-redirect: The hub advertises a summary to multipoint spokes, and sends no redirects
    A summary hides which spoke a prefix is behind: its next hop is the hub. Only phase 3 finds the direct path; without
    `ip nhrp redirect` all traffic between spokes stays on the hub. Where EIGRP preserves next hops, as in phase 2, and
    where BGP does, the summary is the mistake.
    bad: interface Tunnel0\n ip summary-address eigrp 100 10.0.0.0 255.0.0.0
    fix: interface Tunnel0\n ip nhrp redirect
    """)
SPOKE: Final = rule(Severity.ADVICE, Cause.SPOKE_POINT_TO_POINT)(r"""
    phase3-spoke-point-to-point: A point-to-point spoke among spokes that go directly
    The other spokes find each other by redirects; this spoke has a single destination, so that all its traffic goes
    through the hub. That is phase 1, and right if it is intended.
    bad: interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1\n tunnel destination 198.51.100.1
    fix: interface Tunnel0\n no tunnel destination\n tunnel mode gre multipoint\n ip nhrp shortcut
    """)
POINT_TO_POINT: Final = rule(Severity.ADVICE)(r"""
    phase3-shortcut-point-to-point: `ip nhrp shortcut` on a point-to-point tunnel
    A point-to-point tunnel has one destination, the hub; no shortcut can use it. Shortcuts need `tunnel mode gre
    multipoint`.
    bad: interface Tunnel0\n tunnel destination 198.51.100.1\n ip nhrp shortcut
    fix: interface Tunnel0\n no tunnel destination\n tunnel mode gre multipoint
    """)
NEXT_HOP: Final = rule(Severity.WARNING, Cause.NEXT_HOP_SELF)(r"""
    phase2-next-hop-self: Phase 2 with EIGRP, and the hub sets itself as the next hop
    In phase 2 spokes ask NHRP for the next hop of a route. EIGRP sets the hub unless configured otherwise, so spokes
    never ask for each other and all traffic stays on the hub.
    bad: interface Tunnel0\n no ip split-horizon eigrp 100
    fix: interface Tunnel0\n no ip next-hop-self eigrp 100
    """)
OSPF: Final = rule(Severity.WARNING)(r"""
    phase2-ospf-point-to-multipoint: Phase 2 with OSPF point-to-multipoint
    In a point-to-multipoint network the hub is a router on the way (RFC 2328 §12.4.1.4): spokes see each other's
    prefixes behind the hub, not behind each other, so NHRP is never asked for the short way. Phase 3 finds it:
    redirects at the hub, then shortcuts at the spokes, and every adjacency stays. Phase 2 needs the network type
    broadcast at hub and spokes alike, with priority 0 at the spokes; at the hub alone it leaves no neighbor.
    bad: interface Tunnel0\n ip ospf network point-to-multipoint
    fix: interface Tunnel0\n ip nhrp redirect
    """)
RULES: Final = (REDIRECT, SHORTCUT, SUMMARY, SPOKE, POINT_TO_POINT, NEXT_HOP, OSPF)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield tunnels whose hub and spokes do not agree on a phase."""
    for hub in network.ends:
        if network.is_server(hub) and hub.nhrp.network_id is not None:
            yield from _phase3(network, hub)
            if hub.multipoint:
                yield from _eigrp(network, hub)
                yield from _ospf(network, hub)
    for end in network.ends:
        yield from _following(network, end)
        if end.nhrp.shortcut and not end.multipoint and end.tunnel.destination is not None:
            what = f"{end.name} is point-to-point: there is no short way through it"
            at = end.line(f"{end.words} shortcut")
            yield found(
                POINT_TO_POINT,
                end.device,
                at,
                what,
                f"{end.at[0]}\n {of_version(nhrp_lines.SHORTCUT, end.nhrp.version).no()}",
            )


def _multipoint_clients(network: Network, hub: TunnelEnd) -> tuple[TunnelEnd, ...]:
    return tuple(client for client in network.clients(hub) if client.multipoint)


def _phase3(network: Network, hub: TunnelEnd) -> Iterator[NetworkConcern]:
    clients = _multipoint_clients(network, hub)
    following = [client for client in clients if client.nhrp.shortcut]
    fix = f"{hub.at[0]}\n {of_version(nhrp_lines.REDIRECT, hub.nhrp.version).line()}"
    if following and not hub.nhrp.redirect and not _keeps_next_hops(hub):
        related = tuple((client.device, client.line(f"{client.words} shortcut")) for client in following)
        what = f"{_names(following)} would follow redirects of {hub.device.hostname}, and {hub.name} sends none"
        yield found(REDIRECT, hub.device, hub.at, what, fix, related=related)
    if hub.nhrp.redirect:
        for client in network.clients(hub) if following else ():
            if not client.multipoint:
                what = (
                    f"{_names(following)} go directly where they can, and {client.device.hostname} has one destination"
                )
                right = (
                    tunnel_lines.DESTINATION.no(),
                    tunnel_lines.MODE.line(gre=True, multipoint=True),
                    of_version(nhrp_lines.SHORTCUT, client.nhrp.version).line(),
                )
                fix = "\n ".join((client.at[0], *right))
                yield found(SPOKE, client.device, client.line("tunnel destination"), what, fix)
    if not hub.nhrp.redirect and not following and (clients or not network.clients(hub)):
        yield from _summaries(network, hub, fix)


def _summaries(network: Network, hub: TunnelEnd, redirect: str) -> Iterator[NetworkConcern]:
    """Check that a hub without redirects hides no LAN of a spoke behind itself. redirect: the lines that send them."""
    name, bgp = hub.device.hostname, hub.device.bgp
    lans = [lan for client in _multipoint_clients(network, hub) for lan in network.advertised[client.device]]
    prefixes = [one.prefix for one in hub.eigrp[1].summaries if not one.leaks] if hub.eigrp is not None else []
    hiding = [prefix for prefix in prefixes if not lans or any(lan in prefix for lan in lans)]
    if hub.eigrp is not None and hiding:
        (process, settings), lines = hub.eigrp, redirect
        if not settings.next_hop_self and not settings.split_horizon:
            gone = [
                taken_back(process, hub.name, SUMMARY_ADDRESS, address=prefix.address, mask=prefix.netmask)
                for prefix in hiding
            ]
            lines = "\n".join(indented((*gone[0][:-1], *(one[-1] for one in gone))))
        what = f"spokes hear {hiding[0]} from {name} instead of each other's prefixes, and no redirects"
        yield found(SUMMARY, hub.device, line_of(process, hub.name, "summary-address"), what, lines)
    for aggregate in bgp.aggregates if bgp.local_as else ():
        prefix = aggregate.prefix
        if aggregate.summary_only and any(lan in prefix for lan in lans):
            what = f"spokes hear {prefix} from {name} instead of each other's prefixes, and no redirects"
            line = IN_ROUTER.aggregate.line(address=prefix.address, mask=prefix.netmask, summary_only=True)
            router = ROUTER.line(number=bgp.local_as)
            yield found(SUMMARY, hub.device, (router, line), what, nested((router, FAMILY.line(), f"no {line}")))


def _keeps_next_hops(hub: TunnelEnd) -> bool:
    """Return whether spokes hear from the hub that they are each other's next hops (phase 2), so that they ask for
    these.
    """
    interface = hub.ospf_lines
    if interface is not None and interface.network in (NetworkType.BROADCAST, NetworkType.NON_BROADCAST):
        return True
    return hub.eigrp is not None and not hub.eigrp[1].next_hop_self and not hub.eigrp[1].summaries


def _following(network: Network, client: TunnelEnd) -> Iterator[NetworkConcern]:
    """Check that a spoke follows the redirects of its hubs."""
    hubs = [hub for hub in network.servers_of(client) if hub.nhrp.redirect and hub.nhrp.network_id is not None]
    if not hubs or not client.multipoint or client.nhrp.shortcut:
        return
    verb = "sends" if len(hubs) == 1 else "send"
    what = f"{_names(hubs)} {verb} redirects, and {client.name} does not follow them"
    severity = None
    if client.device.may_have_unseen(client.nhrp.version):
        what += f", unless IOS {client.device.release} does that by default"
        severity = Severity.ADVICE
    related = tuple((hub.device, hub.line(f"{hub.words} redirect")) for hub in hubs)
    fix = f"{client.at[0]}\n {of_version(nhrp_lines.SHORTCUT, client.nhrp.version).line()}"
    yield found(SHORTCUT, client.device, client.at, what, fix, related=related, severity=severity)


def _names(ends: list[TunnelEnd]) -> str:
    names = [end.device.hostname for end in ends]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _eigrp(network: Network, hub: TunnelEnd) -> Iterator[NetworkConcern]:
    running = hub.eigrp
    clients = network.clients(hub)
    if running is None or (len(clients) == 1 and len(network.devices) > 1):
        return
    process, settings = running
    if _is_hub_of_several(network, hub) and any(True for _ in _eigrp_split_horizon(network, hub)):
        return  # first things first: there are no prefixes yet
    multipoint = _multipoint_clients(network, hub)
    phase2 = [client for client in multipoint if not client.nhrp.shortcut]
    if phase2 and len(phase2) == len(multipoint) and not hub.nhrp.redirect and settings.next_hop_self:
        yield found(
            NEXT_HOP,
            hub.device,
            hub.at,
            f"{_names(phase2)} get each other's prefixes with the next hop {hub.address}, so they never talk directly",
            nested(taken_back(process, hub.name, NEXT_HOP_SELF)),
        )


def _ospf(network: Network, hub: TunnelEnd) -> Iterator[NetworkConcern]:
    if hub.nhrp.redirect or not any(one.protocol is Protocol.OSPF for one in hub.running):
        return
    phase2 = [client for client in _multipoint_clients(network, hub) if not client.nhrp.shortcut]
    interface = hub.ospf_lines
    if interface is None or interface.network not in (
        NetworkType.POINT_TO_MULTIPOINT,
        NetworkType.POINT_TO_MULTIPOINT_NON_BROADCAST,
    ):
        return
    if phase2:
        ospf = f"{ip_keyword(hub.nhrp.version)} ospf"
        yield found(
            OSPF,
            hub.device,
            hub.line(f"{ospf} network"),
            f"{_names(phase2)} see each other's prefixes behind {hub.device.hostname}, so they never talk directly "
            f"without redirects, and `{hub.words} shortcut` at the spokes",
            f"{hub.at[0]}\n {of_version(nhrp_lines.REDIRECT, hub.nhrp.version).line()}",
            related=tuple((client.device, client.line(f"{ospf} network")) for client in phase2),
        )
