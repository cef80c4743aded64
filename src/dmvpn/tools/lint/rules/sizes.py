"""Rules about sizes: does the largest packet of a tunnel fit into the underlay once everything is around it?

The budget is exact: outer IPv4 header 20, GRE 4 (8 with a key, RFC 2890 §2), ESP by its transform with padding
(RFC 4303 §2.4), UDP 8 where ESP goes in UDP (RFC 3948), another IP header in tunnel mode.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import OuterAddress
from dmvpn.base.causes import Cause
from dmvpn.base.findings import Rule, Severity
from dmvpn.base.reasons import Reason
from dmvpn.base.terms import NoValue, Term
from dmvpn.features.ipsec.policies import expansion, resolve
from dmvpn.ios import INTERFACE
from dmvpn.ios.common import ADJUST_MSS, IP_MTU
from dmvpn.network.routing import Protocol, ospf_interface
from dmvpn.network.terms.table import Table, disagreements
from dmvpn.tools.lint.found import differing, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.overlay import Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

TOO_LARGE: Final = Rule(
    id="tunnel-mtu-too-large",
    severity=Severity.WARNING,
    title="The largest packets of the tunnel do not fit into the underlay",
    why="A packet that is too large with its GRE and ESP headers is fragmented on the path, at the cost of speed, or "
    "dropped where fragments are filtered or not allowed. Small packets pass: the classic case in which ping works "
    "and the web does not. Advice where only the UDP header of NAT traversal does not fit, and no NAT is configured.",
    bad="interface Tunnel0\n ip mtu 1500",
    fix="interface Tunnel0\n ip mtu 1400",
)
MSS: Final = Rule(
    id="tunnel-mss-too-large",
    severity=Severity.WARNING,
    title="TCP segments are not clamped to the tunnel's MTU",
    why="A segment of the clamped size with 20 octets of IP and 20 of TCP has to fit into `ip mtu`; a larger one is "
    "fragmented, or waits for an ICMP message that may never come.",
    bad="interface Tunnel0\n ip mtu 1400\n ip tcp adjust-mss 1460",
    fix="interface Tunnel0\n ip tcp adjust-mss 1360",
    cause=Cause.MSS,
)
NO_MSS: Final = Rule(
    id="tunnel-mss-missing",
    severity=Severity.ADVICE,
    title="TCP segments are not clamped",
    why="Hosts behind the tunnel assume 1500 octets and send segments that do not fit. Path MTU discovery fixes that "
    "where ICMP is not filtered; `ip tcp adjust-mss` fixes it everywhere.",
    bad="interface Tunnel0\n ip mtu 1400",
    fix="interface Tunnel0\n ip tcp adjust-mss 1360",
    cause=Cause.MSS,
)


def _mtu_lines(end: TunnelEnd, mtu: int) -> tuple[str, ...]:
    """Return the lines that set an MTU, unless it is a larger one than fits into the underlay."""
    most = max(end.tunnel.ip_mtu or 0, (budget(end) or (0, ""))[0])
    return (INTERFACE.of(name=end.name), IP_MTU.of(octets=mtu)) if mtu <= most else ()


MTU: Final = Term["TunnelEnd", int](
    rule=Rule(
        id="tunnel-mtu-differs",
        severity=Severity.WARNING,
        title="The two ends of a tunnel have different MTUs",
        why="The end with the larger MTU sends packets that the other would not. OSPF checks it: neighbors with "
        "different MTUs stay in the state Exchange (RFC 2328 §10.6) unless `ip ospf mtu-ignore` is configured.",
        bad="interface Tunnel0\n ip mtu 1440",
        fix="interface Tunnel0\n ip mtu 1400",
    ),
    cause=Cause.MTU,
    name="tunnel MTU",
    see=lambda end: NoValue.UNKNOWN if end.tunnel.ip_mtu is None else end.tunnel.ip_mtu,
    words=lambda mtu: f"ip mtu {mtu}",
    place=lambda end: end.line("ip mtu"),
    lines=_mtu_lines,
)
_SIZES: Final = Table(lambda end, _: end, (MTU,))
RULES: Final = (TOO_LARGE, MSS, NO_MSS, MTU.rule)
_ETHERNET, _IP, _TCP, _TRAILER, _UDP = 1500, 20, 20, 2, 8
_ANY: Final = OuterAddress(IPv4Address(0))
#: Octets: the least that `ip mtu` can say; the range of `ip tcp adjust-mss`.
_LEAST, _SEGMENTS = 68, (500, 1460)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield tunnels whose largest packets do not fit into their underlay."""
    for end in network.ends:
        yield from _packets(end)
        yield from _segments(end)
    for one in disagreements(network.pairs, _SIZES):
        interface = ospf_interface(one.odd.device, one.odd.name)
        checks = interface is None or not interface.ignore_mtu
        if checks and any(running.protocol is Protocol.OSPF for running in one.odd.running):
            yield differing(one, ": OSPF stays in the state Exchange", Severity.ERROR)
        else:
            yield differing(one)


def budget(end: TunnelEnd) -> tuple[int, str] | None:
    """Return the largest packet inside that fits into the underlay, and how that comes about; None: its profile is no
    good.
    """
    interface = end.underlay
    path = _ETHERNET
    if interface is not None and not interface.name.startswith("Loopback"):
        path = interface.ip_mtu or interface.mtu or _ETHERNET
    gre = end.tunnel.overhead - _IP
    words = f"{path} - {_IP} (IP) - {gre} (GRE{' with key' if gre > 4 else ''})"
    if not end.tunnel.protection:
        return path - _IP - gre, words
    policy = resolve(end.device.ipsec, end.tunnel.protected_by, _ANY)
    if isinstance(policy, Reason):
        return None
    size = expansion(policy)
    room = path - _IP - size.overhead
    room -= (room + _TRAILER) % size.block
    esp = path - _IP - room
    return room - gre, f"{words} - {esp} (ESP, the worst of its transforms, with padding{_udp(end)})"


def _udp(end: TunnelEnd) -> str:
    ipsec = end.device.ipsec
    return " and UDP" if ipsec.nat_traversal or ipsec.encapsulation.value != "never" else ""


def _packets(end: TunnelEnd) -> Iterator[NetworkConcern]:
    mtu = end.tunnel.ip_mtu
    room = budget(end)
    if mtu is None or room is None:
        return  # without the line the router computes it
    largest, how = room
    if mtu > largest:
        what = f"ip mtu {mtu}, and packets of {largest} octets fit: {how}"
        fix = f"{end.at[0]}\n {IP_MTU.of(octets=max(_LEAST, min(largest, 1400)))}"
        site = end.device.site
        only_in_udp = end.tunnel.protection and mtu <= largest + _UDP and (site is None or site.nat is None)
        severity = Severity.ADVICE if only_in_udp and _udp(end) else None
        yield found(TOO_LARGE, end.device, end.line("ip mtu"), what, fix, severity=severity)


def clamp_line(octets: int) -> str:
    """Return the line that clamps TCP's segments to this size, or to the nearest valid one."""
    least, most = _SEGMENTS
    return ADJUST_MSS.of(octets=max(least, min(octets, most)))


def _segments(end: TunnelEnd) -> Iterator[NetworkConcern]:
    room = budget(end)
    if end.nhrp.version == 6 or room is None:
        return
    mtu = end.tunnel.ip_mtu or room[0]
    mss = mtu - _IP - _TCP
    fix = f"{end.at[0]}\n {clamp_line(mss)}"
    if end.tunnel.mss is None:
        if end.nhrp.network_id is not None or end.tunnel.protection:
            what = f"TCP through {end.name} is not clamped; {mss} octets of a segment fit into its packets of {mtu}"
            yield found(NO_MSS, end.device, end.at, what, fix)
    elif end.tunnel.mss > mss:
        packets = end.tunnel.mss + _IP + _TCP
        what = f"segments of {end.tunnel.mss} octets make packets of {packets}, and {end.name} takes {mtu}"
        yield found(MSS, end.device, end.line("ip tcp adjust-mss"), what, fix)
