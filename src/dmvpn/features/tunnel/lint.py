"""Rules about the tunnel interfaces of one router, as far as they are about GRE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.findings import Concern, Rule, Severity, rule
from dmvpn.base.placeholder import Blank
from dmvpn.base.values import collected
from dmvpn.features.tunnel import config
from dmvpn.features.tunnel.model import TunnelConfig, TunnelSettings

_SOURCE: Final = config.SOURCE.line(interface=Blank("interface"))
_MULTIPOINT: Final = config.MODE.line(gre=True, multipoint=True)
SOURCE: Final = rule(Severity.ERROR)(r"""
    tunnel-source-missing: A tunnel without a source
    Without an NBMA address of its own the tunnel cannot send; its line protocol stays down. Advice where no line of the
    interface is about GRE: such a text is an excerpt that is to be added to other lines.
    bad: interface Tunnel0\n tunnel mode gre multipoint
    fix: interface Tunnel0\n tunnel source GigabitEthernet0/1
    """)
DESTINATION: Final = rule(Severity.ERROR)(r"""
    tunnel-destination-missing: A point-to-point tunnel without a destination
    GRE is point-to-point unless `tunnel mode gre multipoint` says otherwise, and a point-to-point tunnel without a
    destination has nowhere to send to: its line protocol stays down.
    bad: interface Tunnel0\n tunnel source GigabitEthernet0/1
    fix: interface Tunnel0\n tunnel mode gre multipoint
    """)
DESTINATION_MULTIPOINT: Final = rule(Severity.WARNING)(r"""
    tunnel-destination-multipoint: A multipoint tunnel with a destination
    A multipoint tunnel learns its destinations by NHRP, and IOS refuses one beside the other. A phase 1 spoke is
    point-to-point with a destination; one of phases 2 and 3 is multipoint without.
    bad: interface Tunnel0\n tunnel mode gre multipoint\n tunnel destination 198.51.100.1
    fix: interface Tunnel0\n no tunnel destination
    """)
TTL: Final = rule(Severity.WARNING)(r"""
    tunnel-ttl-short: Packets of a tunnel may pass few routers
    `tunnel ttl` sets the TTL of the outer header. A path through the Internet has 10 to 30 routers, and the router at
    which the TTL reaches 0 drops the packet. Tunnels to near ends still come up, which hides the mistake.
    bad: interface Tunnel0\n tunnel ttl 10
    fix: interface Tunnel0\n tunnel ttl 255
    """)
#: Routers that a packet of a tunnel has to be able to pass.
_FAR: Final = 32
SAME_KEY: Final = rule(Severity.ERROR)(r"""
    tunnel-key-shared: Two tunnels that received packets do not distinguish
    GRE packets are sorted by local address, key and, for point-to-point tunnels, remote address (RFC 2890 §2.1). Two
    multipoint tunnels with one source need different keys; here the second one stays down.
    bad: interface Tunnel0\n tunnel source Gi0/1\n tunnel mode gre multipoint\n!\ninterface Tunnel1\n
    tunnel source Gi0/1\n tunnel mode gre multipoint
    fix: interface Tunnel0\n tunnel key 1\n!\ninterface Tunnel1\n tunnel key 2
    """)
NOT_SHARED: Final = rule(Severity.WARNING)(r"""
    tunnel-protection-not-shared: Two protected tunnels with one source, and not both `shared`
    IKE sees GRE between two addresses and no tunnel key, so both tunnels use the same SAs. IOS wants that said on each
    of them. A router of this program shares them anyway.
    bad: interface Tunnel0\n tunnel protection ipsec profile P\n!\ninterface Tunnel1\n tunnel protection ipsec profile P
    fix: interface Tunnel0\n tunnel protection ipsec profile P shared\n!\ninterface Tunnel1\n
    tunnel protection ipsec profile P shared
    """)
PROFILES: Final = rule(Severity.ERROR)(r"""
    tunnel-profiles-differ: Two tunnels with one source and different IPsec profiles
    An SA is for GRE between two addresses; the tunnel of the packet inside is known only after decryption. So a peer
    that authenticated for one profile could send on the other tunnel, and the second tunnel stays down.
    bad: interface Tunnel0\n tunnel protection ipsec profile P shared\n!\ninterface Tunnel1\n
    tunnel protection ipsec profile Q shared
    fix: interface Tunnel1\n tunnel protection ipsec profile P shared
    """)
RULES: Final = collected(Rule, vars())


def check(config: TunnelConfig) -> Iterator[Concern]:
    """Yield findings about each tunnel, and about tunnels that conflict."""
    tunnels = [tunnel for tunnel in config.tunnels if not tunnel.shutdown]
    for tunnel in tunnels:
        yield from _ends(tunnel)
    by_source: dict[tuple[str, object, str], list[TunnelSettings]] = {}
    for tunnel in tunnels:
        if tunnel.has_source:
            others = by_source.setdefault((tunnel.source_interface, tunnel.source_address, tunnel.front), [])
            for other in others:
                if other.key == tunnel.key or other.protection:
                    yield from _neighbors(other, tunnel)
            others.append(tunnel)


def _shared(tunnel: TunnelSettings, profile: str) -> str:
    """Return the lines by which a tunnel shares a profile."""
    return f"interface {tunnel.name}\n {config.PROTECTION.line(profile=profile, shared=True)}"


def _ends(tunnel: TunnelSettings) -> Iterator[Concern]:
    interface = f"interface {tunnel.name}"
    if tunnel.is_excerpt:
        what = (
            f"{tunnel.name} has no source, mode or destination; it stays down unless these lines complete other lines"
        )
        fix = f"{interface}\n {_SOURCE}\n {_MULTIPOINT}"
        yield Concern(rule=SOURCE, at=(interface,), what=what, fix=fix, severity=Severity.ADVICE)
        return
    if tunnel.ttl < _FAR:
        what = f"the outer header of {tunnel.name} has TTL {tunnel.ttl}: far ends are not reached"
        at, fix = (interface, f"tunnel ttl {tunnel.ttl}"), f"{interface}\n {config.TTL.line(ttl=255)}"
        yield Concern(rule=TTL, at=at, what=what, fix=fix)
    if not tunnel.has_source:
        what = f"{tunnel.name} has no tunnel source, so it stays down"
        yield Concern(rule=SOURCE, at=(interface,), what=what, fix=f"{interface}\n {_SOURCE}")
    if tunnel.destination is None and not tunnel.multipoint:
        what = (
            f"{tunnel.name} is point-to-point (no `tunnel mode gre multipoint`) and has no destination: it stays down"
        )
        fix = f"{interface}\n {_MULTIPOINT}"
        yield Concern(rule=DESTINATION, at=(interface,), what=what, fix=fix)
    if tunnel.destination is not None and tunnel.multipoint:
        what = f"{tunnel.name} is multipoint, and {tunnel.destination} is its only destination: which of the two?"
        fix = f"{interface}\n {config.DESTINATION.no()}"
        at = (interface, "tunnel destination")
        yield Concern(rule=DESTINATION_MULTIPOINT, at=at, what=what, fix=fix)


def _neighbors(first: TunnelSettings, second: TunnelSettings) -> Iterator[Concern]:
    """Yield two tunnels with one source."""
    source = second.source_interface or str(second.source_address)
    destinations = [None if tunnel.multipoint else tunnel.destination for tunnel in (first, second)]
    if first.key == second.key and destinations[0] == destinations[1]:
        keys = "no tunnel key" if first.key is None else f"tunnel key {first.key}"
        what = f"{first.name} and {second.name} have the same source {source} and {keys}: GRE cannot distinguish them"
        fix = "\n!\n".join(
            f"interface {tunnel.name}\n {config.KEY.line(key=100 + tunnel.number)}" for tunnel in (first, second)
        )
        yield Concern(rule=SAME_KEY, at=(f"interface {second.name}", "tunnel key"), what=what, fix=fix)
    if not (first.protection and second.protection):
        return
    at = (f"interface {second.name}", "tunnel protection")
    overlap = None in destinations or destinations[0] == destinations[1]
    if overlap and first.protection != second.protection:
        what = (
            f"{first.name} protects {source} with profile {first.protection}, {second.name} with {second.protection}: "
            f"{second.name} stays down"
        )
        fix = _shared(second, first.protection)
        yield Concern(rule=PROFILES, at=at, what=what, fix=fix)
    elif overlap and not (first.shared and second.shared):
        what = f"{first.name} and {second.name} share the source {source} and the profile {second.protection}"
        fix = "\n!\n".join(_shared(tunnel, tunnel.protection) for tunnel in (first, second))
        yield Concern(rule=NOT_SHARED, at=at, what=f"{what}, and not both say `shared`", fix=fix)
