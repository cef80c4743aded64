"""Rules about the NAT lines of one router."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.findings import Cause, Concern, Rule, Severity, rule
from dmvpn.base.translation import ICMP, Clause, PacketFlow, PacketPolicies
from dmvpn.base.values import collected
from dmvpn.features.nat import config as lines
from dmvpn.features.nat.model import NatConfig, NatRule, NatStatic, OwnAddresses, Policies, interface_of, is_of_loopback

OUTSIDE: Final = rule(Severity.WARNING, Cause.TRANSLATION)(r"""
    nat-without-outside: A NAT rule names an interface that is not outside
    Only packets that leave by an interface with `ip nat outside` are translated. Without it packets leave with their
    private addresses, and answers do not return.
    bad: ip nat inside source list LAN interface GigabitEthernet1 overload\ninterface GigabitEthernet1\n
    ip address 192.0.2.2 255.255.255.252
    fix: interface GigabitEthernet1\n ip nat outside
    """)
INSIDE: Final = rule(Severity.WARNING, Cause.TRANSLATION)(r"""
    nat-without-inside: A NAT rule, and no interface is inside
    Only packets that enter by an interface with `ip nat inside` are translated. Tunnels need not be inside: packets to
    another site through a tunnel leave by no outside interface.
    bad: ip nat inside source list LAN interface GigabitEthernet1 overload
    fix: interface GigabitEthernet2\n ip nat inside
    """)
REFUSED: Final = rule(Severity.WARNING, Cause.TRANSLATION)(r"""
    nat-rule-refused: A NAT rule that routers of this program do not obey
    An access list for NAT may permit and deny ip, tcp, udp and icmp, by addresses and by ports (eq, gt, lt, range); a
    route map may match ip address and interface. IOS takes more. A router of this program obeys such a rule to the
    letter or not at all, and `dmvpn run` does not start with one.
    bad: ip access-list extended LAN\n permit gre any any
    fix: ip access-list extended LAN\n permit ip 10.1.1.0 0.0.0.255 any
    """)
COLLISION: Final = rule(Severity.ERROR, Cause.OWN_PACKETS)(r"""
    nat-takes-own-packets: A static rule would give the router's own packets to a station inside
    UDP ports 500 and 4500 are those of IKE, TCP ports 22 and 179 those of SSH and BGP; and an address that is the
    source of a tunnel gets its GRE and ESP. A router of this program does not obey such a rule; on IOS the tunnels go
    down.
    bad: ip nat inside source static 10.1.1.5 interface GigabitEthernet1\n(GigabitEthernet1 is a tunnel source)
    fix: ip nat inside source static tcp 10.1.1.5 443 interface GigabitEthernet1 443
    """)
TUNNEL: Final = rule(Severity.WARNING, Cause.OWN_PACKETS)(r"""
    nat-outside-tunnel: A tunnel is outside of NAT
    What leaves by it is translated where a rule says so: the other sites see public addresses, and their filters and
    routes know the private ones. A tunnel is neither inside nor outside unless stations behind it need the Internet
    access of this router; then it is inside.
    bad: interface Tunnel0\n ip nat outside
    fix: interface Tunnel0\n no ip nat outside
    """)
RULES: Final = collected(Rule, vars())
#: A station outside.
_ANYBODY: Final = IPv4Address("198.18.0.1")


def check(config: NatConfig, known: PacketPolicies, own: OwnAddresses) -> Iterator[Concern]:
    """Yield findings about NAT rules. A list that also permits packets through a tunnel is all right."""
    policies = Policies(known)
    for line in config.every_rule:
        at, named, is_shared = (str(line),), interface_of(line), is_of_loopback(line)
        if is_shared and own.of(named) is None:
            yield Concern(rule=OUTSIDE, at=at, what=f"{named} has no address, so nothing is translated", fix="")
        elif (named not in ("", *config.outside) and not is_shared) or not config.outside:
            port = named or "INTERFACE"
            what = f"{named} is the address that stations inside get, and it" if named else "no interface"
            fix = f"interface {port}\n {lines.OUTSIDE.line()}"
            yield Concern(rule=OUTSIDE, at=at, what=f"{what} has {'no ' if named else ''}ip nat outside", fix=fix)
        if not config.inside:
            what = "no interface has ip nat inside, so nothing is translated"
            clauses = policies.clauses(line) if isinstance(line, NatRule) else ()
            meant = (name for address, name in own.interfaces.items() if _is_meant(clauses, address))
            port = next((name for name in meant if not name.startswith(("Tunnel", "Loopback"))), "")
            fix = f"interface {port}\n {lines.INSIDE.line()}" if port else ""
            yield Concern(rule=INSIDE, at=at, what=what, fix=fix)
        if isinstance(line, NatStatic):
            if why := own.collision(line):
                what = f"a router of this program translates nothing by it: {why}"
                yield Concern(rule=COLLISION, at=at, what=what, fix=f"no {line}")
        elif isinstance(clauses := policies.clauses(line), str):
            yield Concern(rule=REFUSED, at=at, what=f"a router of this program translates nothing by it: {clauses}")
    for name in config.outside:
        if name.startswith("Tunnel") and config.every_rule:
            tunnel = f"interface {name}"
            what = f"packets to other sites are translated where they leave by {name}"
            fix = f"{tunnel}\n {lines.OUTSIDE.no()}"
            yield Concern(rule=TUNNEL, at=(tunnel, lines.OUTSIDE.line()), what=what, fix=fix)


def _is_meant(clauses: tuple[Clause, ...] | str, address: IPv4Address) -> bool:
    """Return whether packets of a station there are translated."""
    flow = PacketFlow(ICMP, address, _ANYBODY)
    return not isinstance(clauses, str) and next((one.permit for one in clauses if one.fits(flow)), False)
