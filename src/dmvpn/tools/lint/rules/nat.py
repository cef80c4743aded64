"""Rules about translators (NAT) before routers: what a table of sites or a lab knows, and no configuration."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.findings import Severity, rule
from dmvpn.features.ipsec.config.profiles import NAT
from dmvpn.features.ipsec.lint import in_transport_mode
from dmvpn.features.tunnel.config import PROTECTION
from dmvpn.ios import Blank
from dmvpn.network.overlay import Network, TunnelEnd
from dmvpn.network.sites import Site
from dmvpn.tools.lint.found import NetworkConcern, found

HUB: Final = rule(Severity.ERROR)("""
    nat-before-server: A next hop server behind NAT
    Every client contacts the server first, and a NAT drops unsolicited packets from outside. A server needs an address
    of its own, or a translator that gives it one (1:1, static NAT): spokes name the public address.
    bad: (sites) HUB is behind a port-restricted NAT
    fix: (sites) a public address of its own for HUB; in lab.yaml `inward: {PUBLIC: HUB}`
    """)
SAME: Final = rule(Severity.ERROR)(r"""
    nat-same-address-gre: Two spokes in clear behind one translator
    GRE has no ports: a NAT cannot distinguish two flows to one hub, and lets only the first one through. With IPsec,
    ESP is sent in UDP port 4500, which has ports.
    bad: (sites) SPOKE1 and SPOKE2 are behind 203.0.113.1\ninterface Tunnel0\n tunnel mode gre multipoint
    fix: interface Tunnel0\n tunnel protection ipsec profile P
    """)
BOTH: Final = rule(Severity.ADVICE)("""
    nat-before-both-spokes: Two spokes behind NAT that will not reach each other directly
    Routers of this program learn each other's ports from the hub and begin at the same time, so that each opens its NAT
    for the other. That fails where one NAT is symmetric and the other is no cone, and with routers of other vendors,
    which lack this (Cisco's guide: no direct tunnel between two spokes behind PAT). Traffic stays on the hub.
    bad: (sites) SPOKE1 and SPOKE2 are behind symmetric NATs
    fix: (sites) an address of its own, or a cone NAT, for one of them
    """)
TUNNEL_MODE: Final = rule(Severity.WARNING)(r"""
    nat-with-tunnel-mode: IPsec in tunnel mode through NAT
    In tunnel mode the packet inside keeps the private address of the spoke, so the hub sees another sender than the one
    it talks to. In transport mode the translated address is the only one (RFC 3948 §3.1.2); DMVPN through NAT needs it.
    bad: (sites) SPOKE1 is behind NAT\ncrypto ipsec transform-set TS esp-gcm 256
    fix: crypto ipsec transform-set TS esp-gcm 256\n mode transport
    """)
OFF: Final = rule(Severity.ERROR)(r"""
    nat-without-traversal: NAT traversal is switched off, and there is a NAT
    ESP has no ports, and a translator cannot carry it for several peers, or at all; in UDP port 4500 it can (RFC 3948).
    bad: (sites) SPOKE1 is behind NAT\nno crypto ipsec nat-transparency udp-encapsulation
    fix: crypto ipsec nat-transparency udp-encapsulation
    """)
NO_WIRE: Final = rule(Severity.ADVICE)(r"""
    nat-address-on-no-wire: NAT uses addresses that are on no wire of the router
    The router answers for addresses of its own networks. Packets to any other address come only if the provider has a
    route to this router for it.
    bad: ip nat pool INET 198.51.100.10 198.51.100.20 netmask 255.255.255.0\nip nat inside source list LAN pool INET
    overload
    fix: (at the provider) ip route 198.51.100.0 255.255.255.0 192.0.2.2
    """)
RULES: Final = (HUB, SAME, BOTH, TUNNEL_MODE, OFF, NO_WIRE)


_PROTECTED: Final = PROTECTION.line(profile=Blank("name"))


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield what a translator before a router will not let pass."""
    for device in network.devices:
        others = [route.prefix for one in network.devices if one is not device for route in one.static.routes]
        known = [prefix for prefix in others if not prefix.is_default]
        lines: dict[str, list[str]] = {}
        for line, address in device.nat_beyond([Prefix.of(one, length) for _, one, length in device.addresses()]):
            if not any(address in prefix for prefix in known):
                lines.setdefault(line, []).append(str(address))
        for line, these in lines.items():
            what = "is in no network of its interfaces: the provider needs a route to this router for it"
            yield found(NO_WIRE, device, (line,), f"{', '.join(these)} {what}")
    behind = [(end, site) for end in network.ends if (site := end.nat) is not None]
    for end, site in behind:
        if network.clients(end) and end.source is not None and not site.one_to_one:
            what = f"{end.device.hostname} is behind NAT ({site.public}), and others register with it"
            yield found(HUB, end.device, end.at, what)
        yield from _protected(network, end)
    for (one, site), (other, theirs) in combinations(behind, 2):
        if (
            one.device is not other.device
            and one.is_client
            and other.is_client
            and one.nhrp.version == other.nhrp.version
        ):
            nbmas = [link.nbma for link in network.links_of(one)]
            servers = network.servers_of(one)
            if site.public == theirs.public and any(link.nbma in nbmas for link in network.links_of(other)):
                yield from _same(one, other, site)
            elif one.multipoint and other.multipoint and any(server in servers for server in network.servers_of(other)):
                yield from _both(one, site, other, theirs)


def _same(one: TunnelEnd, other: TunnelEnd, site: Site) -> Iterator[NetworkConcern]:
    if one.tunnel.protection and other.tunnel.protection:
        return
    what = (
        f"{one.device.hostname} and {other.device.hostname} send GRE in clear to one server from behind {site.public}: "
        "only the first of them gets through"
    )
    fix = f"{other.at[0]}\n {_PROTECTED}"
    yield found(SAME, other.device, other.line("tunnel source"), what, fix, related=((one.device, one.at),))


def _both(one: TunnelEnd, site: Site, other: TunnelEnd, theirs: Site) -> Iterator[NetworkConcern]:
    kinds = (site.nat, theirs.nat)
    if not (site.ours and theirs.ours):
        foreign = one if not site.ours else other
        why = f"{foreign.device.hostname} is no router of this program and does not learn the other spoke's port"
    elif one.tunnel.protection and "symmetric" in kinds and "cone" not in kinds:
        why = "a symmetric NAT shows another port to each peer, and the other one lets in only whom it knows"
    else:
        return
    what = f"{one.device.hostname} and {other.device.hostname} are both behind NAT ({site.nat}, {theirs.nat}): {why}"
    yield found(BOTH, other.device, other.line("tunnel source"), what, related=((one.device, one.at),))


def _protected(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    device, tunnel = end.device, end.tunnel
    if not tunnel.protection:
        return
    if not device.ipsec.nat_traversal:
        what = f"{device.hostname} is behind NAT, and ESP must not go in UDP"
        yield found(OFF, device, (NAT.no(),), what, NAT.line())
    profile = next((one for one in device.ipsec.profiles if one.name == tunnel.protection), None)
    sets = [s for s in device.ipsec.transform_sets if profile is not None and s.name in profile.transform_sets]
    if sets and not any(one.transport for one in sets):
        at = (f"crypto ipsec transform-set {sets[0].name}",)
        what = f"{device.hostname} is behind NAT, and transform set {sets[0].name} is in tunnel mode"
        yield found(TUNNEL_MODE, device, at, what, in_transport_mode(sets[0]))
