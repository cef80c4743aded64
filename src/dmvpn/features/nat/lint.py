"""Rules about the NAT lines of one router."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Concern, Rule, Severity
from dmvpn.base.values import collected
from dmvpn.features.nat import config as lines
from dmvpn.features.nat.model import Policies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.translation import PacketPolicies
    from dmvpn.features.nat.model import NatConfig

OUTSIDE: Final = Rule(
    id="nat-without-outside",
    severity=Severity.WARNING,
    title="A NAT rule names an interface that is not outside",
    why="Only packets that leave by an interface with `ip nat outside` are translated. Without it packets leave with "
    "their private addresses, and answers do not return.",
    bad="ip nat inside source list LAN interface GigabitEthernet1 overload\ninterface GigabitEthernet1\n"
    " ip address 192.0.2.2 255.255.255.252",
    fix="interface GigabitEthernet1\n ip nat outside",
)
INSIDE: Final = Rule(
    id="nat-without-inside",
    severity=Severity.WARNING,
    title="A NAT rule, and no interface is inside",
    why="Only packets that enter by an interface with `ip nat inside` are translated. Tunnels need not be inside: "
    "packets to another site through a tunnel leave by no outside interface.",
    bad="ip nat inside source list LAN interface GigabitEthernet1 overload",
    fix="interface GigabitEthernet2\n ip nat inside",
)
REFUSED: Final = Rule(
    id="nat-rule-refused",
    severity=Severity.WARNING,
    title="A NAT rule that routers of this program do not obey",
    why="An access list for NAT may permit and deny ip, tcp, udp and icmp, by addresses and by ports (eq, gt, lt, "
    "range); a route map may match ip address and interface. IOS takes more. A router of this program obeys such a "
    "rule to the letter or not at all, and `dmvpn run` does not start with one.",
    bad="ip access-list extended LAN\n permit gre any any",
    fix="ip access-list extended LAN\n permit ip 10.1.1.0 0.0.0.255 any",
)
RULES: Final = collected(Rule, vars())


def check(config: NatConfig, known: PacketPolicies) -> Iterator[Concern]:
    """Yield findings about NAT rules. A list that also permits packets through a tunnel is all right."""
    policies = Policies(known)
    for rule in config.rules:
        at = (str(rule),)
        if rule.outside not in config.outside:
            what = f"{rule.outside} is the address that stations inside get, and it has no ip nat outside"
            yield Concern(rule=OUTSIDE, at=at, what=what, fix=f"interface {rule.outside}\n {lines.OUTSIDE.line()}")
        if not config.inside:
            what = "no interface has ip nat inside, so nothing is translated"
            yield Concern(rule=INSIDE, at=at, what=what)
        clauses = policies.clauses(rule)
        if isinstance(clauses, str):
            yield Concern(rule=REFUSED, at=at, what=f"a router of this program translates nothing by it: {clauses}")
