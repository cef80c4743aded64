"""The packet filters of a random cloud: access lists on LANs, tunnels and ports to the provider, as people write them.

LAN-IN     hosts send from their own network to the company
LAN-OUT    answers, ICMP, UDP and HTTPS reach them
TUNNEL-IN  the routing protocol, and packets of the company
WAN-IN     the outer packets of the tunnel
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.tools.troubles.setup import Place, Section

LAN_IN, LAN_OUT, TUNNEL_IN, WAN_IN = "LAN-IN", "LAN-OUT", "TUNNEL-IN", "WAN-IN"
#: The object group of a cloud with groups, and its only member.
GROUP: Final = "COMPANY"
GROUP_MEMBER: Final = "10.20.0.0 255.255.0.0"
_COMPANY: Final = "10.20.0.0 0.0.255.255"
_WAN, _LAN, _TUNNEL = "interface GigabitEthernet0/1", "interface GigabitEthernet0/2", "interface Tunnel0"
#: What each routing protocol needs on a tunnel; static routes need nothing.
_ROUTING: Final = {
    "eigrp": ("permit eigrp any any",),
    "eigrp-classic": ("permit eigrp any any",),
    "ospf": ("permit ospf any any",),
    "rip": ("permit udp any any eq rip",),
    "ibgp": ("permit tcp any any eq bgp", "permit tcp any eq bgp any"),
    "ebgp": ("permit tcp any any eq bgp", "permit tcp any eq bgp any"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """Where routers of a cloud have lists. groups: they name the company's networks by an object group.

    verifies: ports to LANs and to the provider verify senders.
    """

    lan: bool = False
    tunnel: bool = False
    wan: bool = False
    groups: bool = False
    verifies: bool = False

    @property
    def title(self) -> tuple[str, ...]:
        """For people."""
        names = {"LAN": self.lan, "tunnel": self.tunnel, "WAN": self.wan, "groups": self.groups, "uRPF": self.verifies}
        places = [name for name, has in names.items() if has]
        return (f"lists: {' '.join(places)}",) if places else ()


def with_lists(sections: Section, lists: Lists, place: Place, routing: str, protection: str) -> Section:
    """Return the sections of a router with these lists."""
    own = f"{place.lan}.0 0.0.0.255"
    company = f"object-group {GROUP}" if lists.groups else _COMPANY
    found: Section = {f"object-group network {GROUP}": [GROUP_MEMBER]} if lists.groups else {}
    ports: dict[str, list[str]] = {_LAN: [], _TUNNEL: [], _WAN: []}
    if lists.lan:
        found |= _lan_lists(own, company)
        ports[_LAN] += [f"ip access-group {LAN_IN} in", f"ip access-group {LAN_OUT} out"]
    if lists.tunnel:
        theirs = company if place.hub else own
        entries = ("permit icmp any any", f"permit ip {company} {theirs}", "deny ip any any")
        needed = [f"{number} {text}" for number, text in enumerate(_ROUTING.get(routing, ()), 10)]
        found |= {f"ip access-list extended {TUNNEL_IN}": [*needed, *_numbered(entries, 20)]}
        ports[_TUNNEL] += [f"ip access-group {TUNNEL_IN} in"]
    if lists.wan:
        found |= _wan_list(protection)
        ports[_WAN] += [f"ip access-group {WAN_IN} in"]
    if lists.verifies:
        ports[_LAN] += ["ip verify unicast source reachable-via rx"]
        ports[_WAN] += ["ip verify unicast source reachable-via any allow-default"]
    return {**{header: [*body, *ports.get(header, [])] for header, body in sections.items()}, **found}


def _lan_lists(own: str, company: str) -> Section:
    inward = _list(LAN_IN, "deny tcp any any eq telnet", f"permit ip {own} {company}", "deny ip any any")
    outward = _list(
        LAN_OUT,
        f"permit tcp {company} {own} established",
        f"permit icmp any {own}",
        f"permit udp {company} {own}",
        f"permit tcp {company} {own} eq 443",
        "deny ip any any",
    )
    return inward | outward


def _wan_list(protection: str) -> Section:
    ipsec = ("permit udp any any eq isakmp", "permit udp any any eq non500-isakmp", "permit esp any any")
    return _list(WAN_IN, *(ipsec if protection else ("permit gre any any",)), "permit icmp any any", "deny ip any any")


def _list(name: str, *entries: str) -> Section:
    return {f"ip access-list extended {name}": _numbered(entries, 10)}


def _numbered(entries: tuple[str, ...], first: int) -> list[str]:
    return [f"{first + 10 * place} {text}" for place, text in enumerate(entries)]
