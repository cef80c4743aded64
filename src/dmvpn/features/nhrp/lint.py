"""Rules about the NHRP lines of one router. Rules that compare a client with its server are in `tools/lint`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import ip_keyword
from dmvpn.base.findings import Cause, Concern, Rule, Severity, rule
from dmvpn.base.placeholder import SECRET
from dmvpn.base.values import collected
from dmvpn.features.nhrp.config import lines
from dmvpn.features.nhrp.model import DEFAULT_HOLDTIME, PASSWORD_LENGTH, NhrpConfig, TunnelConfig
from dmvpn.ios.hidden_secrets import is_hidden

NETWORK_ID: Final = rule(Severity.ERROR, Cause.NETWORK_ID)(r"""
    nhrp-network-id-missing: NHRP lines without `ip nhrp network-id`
    The network-id is what switches NHRP on; without it all other NHRP lines of the interface do nothing. The number is
    local to the router and on no wire: it need not be the same at both ends.
    bad: interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1 multicast
    fix: interface Tunnel0\n ip nhrp network-id 1
    """)
PASSWORD: Final = rule(Severity.WARNING)(r"""
    nhrp-password-long: An NHRP password of more than eight characters
    Eight octets of it go into a packet. Releases of IOS refuse a longer one or cut it, and two routers that treat it
    differently do not understand each other.
    bad: interface Tunnel0\n ip nhrp authentication DMVPN2026
    fix: interface Tunnel0\n ip nhrp authentication DMVPN26
    """)
EXPIRES: Final = rule(Severity.ERROR, Cause.HOLDING_TIME)(r"""
    nhrp-registration-expires: Registrations are repeated less often than they expire
    A server keeps a registration for the holding time that the client puts into it (RFC 2332 §5.2.3). If the next one
    comes later, the hub deletes the spoke's entry in between, again and again.
    bad: interface Tunnel0\n ip nhrp holdtime 60\n ip nhrp registration timeout 60
    fix: interface Tunnel0\n ip nhrp holdtime 180
    """)
SLOW: Final = rule(Severity.WARNING)(r"""
    nhrp-registration-slow: The holding time is less than two registration intervals
    After one lost registration the hub deletes the spoke's entry. Two intervals survive one loss (120 and 60 seconds
    do); a third of the holding time, the default, survives two.
    bad: interface Tunnel0\n ip nhrp holdtime 100\n ip nhrp registration timeout 60
    fix: interface Tunnel0\n ip nhrp holdtime 180
    """)
REDIRECT: Final = rule(Severity.ADVICE)(r"""
    nhrp-redirect-on-spoke: `ip nhrp redirect` on a router that is only a client
    Redirects are sent by a router where packets leave by the network they came in from: a hub. On a spoke the line is
    harmless and does nothing; spokes follow redirects with `ip nhrp shortcut`.
    bad: interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1 multicast\n ip nhrp redirect
    fix: interface Tunnel0\n no ip nhrp redirect\n ip nhrp shortcut
    """)
STRAY: Final = rule(Severity.WARNING)(r"""
    nhrp-multicast-stray: Multicasts are sent to an NBMA address that no other line knows
    A client sends its routing protocol's packets to the addresses of `ip nhrp map multicast`. An address that is in no
    `ip nhrp map` or `ip nhrp nhs` gets packets without a tunnel, and the server receives nothing.
    bad: interface Tunnel0\n ip nhrp map 10.0.0.1 198.51.100.1\n ip nhrp map multicast 198.51.100.9
    fix: interface Tunnel0\n no ip nhrp map multicast 198.51.100.9\n ip nhrp map multicast 198.51.100.1
    """)
IF_STATE: Final = rule(Severity.WARNING)(r"""
    nhrp-if-state-without-nhs: `if-state nhrp` on an interface without an NHS
    The line protocol is to follow servers that answer. A hub has none, so it means nothing here; on IOS it keeps the
    line down.
    bad: interface Tunnel0\n ip nhrp network-id 1\n if-state nhrp
    fix: interface Tunnel0\n no if-state nhrp
    """)
RULES: Final = collected(Rule, vars())


def check(config: NhrpConfig) -> Iterator[Concern]:
    """Find mistakes in the NHRP lines, interface by interface."""
    for tunnel in config.tunnels:
        said = tunnel.nhs or tunnel.maps or tunnel.multicast or tunnel.multicast_dynamic
        if tunnel.network_id is None and (said or tunnel.authentication or tunnel.shortcut or tunnel.redirect):
            yield Concern(
                rule=NETWORK_ID,
                at=(f"interface {tunnel.name}",),
                what=f"{tunnel.name} has NHRP lines and no network-id: NHRP does not run on it",
                fix=f"interface {tunnel.name}\n {lines.of_version(lines.NETWORK_ID, tunnel.version).line(id=1)}",
            )
        length = len(tunnel.authentication.encode())
        line = lines.of_version(lines.AUTHENTICATION, tunnel.version)
        if length > PASSWORD_LENGTH and not is_hidden(tunnel.authentication):
            yield Concern(
                rule=PASSWORD,
                at=_line(tunnel, "authentication"),
                what=f"the NHRP password has {length} characters; only the first {PASSWORD_LENGTH} are sent "
                "and compared",
                fix=f"interface {tunnel.name}\n {line.line(password=SECRET)}",
            )
        if tunnel.network_id is not None:
            yield from _times(tunnel)
            if (
                tunnel.redirect
                and tunnel.nhs
                and not _serves(tunnel)
                and not any(_serves(other) for other in config.tunnels if other is not tunnel)
            ):
                yield Concern(
                    rule=REDIRECT,
                    at=_line(tunnel, "redirect"),
                    what=f"{tunnel.name} is a client, and only hubs send redirects: the line has no effect here",
                    fix=f"interface {tunnel.name}\n {lines.of_version(lines.REDIRECT, tunnel.version).no()}",
                )
            if tunnel.if_state and not tunnel.nhs:
                yield Concern(
                    rule=IF_STATE,
                    at=(f"interface {tunnel.name}", "if-state nhrp"),
                    what=f"{tunnel.name} has no next hop server that its line protocol could follow",
                    fix=f"interface {tunnel.name}\n {lines.IF_STATE.no()}",
                )
            yield from _multicast(tunnel)


def _line(tunnel: TunnelConfig, words: str) -> tuple[str, str]:
    """Return the words of a line."""
    return f"interface {tunnel.name}", f"{ip_keyword(tunnel.version)} nhrp {words}"


def _times(tunnel: TunnelConfig) -> Iterator[Concern]:
    every = tunnel.registration_timeout
    if every is None or not tunnel.nhs:
        return
    at = _line(tunnel, "registration timeout")
    given = "" if tunnel.holdtime != DEFAULT_HOLDTIME else " (the default)"
    what = f"registrations every {every} s, and a holding time of {tunnel.holdtime} s{given}"
    right = lines.of_version(lines.HOLDTIME, tunnel.version).line(seconds=min(3 * every, 65535))
    fix = f"interface {tunnel.name}\n {right}"
    if tunnel.holdtime <= every:
        yield Concern(rule=EXPIRES, at=at, what=f"{what}: each expires before the next one", fix=fix)
    elif tunnel.holdtime < 2 * every:
        yield Concern(
            rule=SLOW, at=at, what=f"{what}: after one lost packet the hub deletes this spoke's entry", fix=fix
        )


def _serves(tunnel: TunnelConfig) -> bool:
    """Return whether clients register here, judging by the tunnel's own lines."""
    return tunnel.network_id is not None and (tunnel.multicast_dynamic or not tunnel.nhs)


def _multicast(tunnel: TunnelConfig) -> Iterator[Concern]:
    known = [nbma for _, nbma in tunnel.maps] + [nhs.nbma for nhs in tunnel.nhs if nhs.nbma is not None]
    if not known or any(nhs.name for nhs in tunnel.nhs):
        return
    line = lines.of_version(lines.MAP_MULTICAST, tunnel.version)
    for nbma in tunnel.multicast:
        if nbma not in known:
            yield Concern(
                rule=STRAY,
                at=_line(tunnel, f"map multicast {nbma}"),
                what=f"multicasts go to {nbma}, which is the NBMA address of no server or mapping here",
                fix=f"interface {tunnel.name}\n {line.no(nbma=nbma)}\n {line.line(nbma=known[0])}",
            )
