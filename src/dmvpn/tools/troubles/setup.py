"""What the routers of a random cloud have besides their tunnels: routing, packet filters and VRFs, as lines.

Routing is written for each routing protocol and each phase. Access lists are on LANs, tunnels and ports to the
provider, as people write them:

    LAN-IN     hosts send from their own network to the company
    LAN-OUT    answers, ICMP, UDP and HTTPS reach them
    TUNNEL-IN  the routing protocol, and packets of the company
    WAN-IN     the outer packets of the tunnel

VRFs move the lines of a router into the tables that its ports and tunnels are in:

    front     the port to the provider, its default route, and the tunnel's outer packets: `INTERNET`
    inside    the tunnel, the LAN and the routing protocol: `CORP`, or a name of each router's own
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ routing


#: Lines by the header of their section; "tunnel" and "lan" are the two interfaces of the cloud.
Section: TypeAlias = dict[str, list[str]]

_LAN_PORT: Final = "GigabitEthernet0/2"
_SYSTEM: Final = 65000
_LIFETIME: Final = "00:00:00 1 Jan 2020 infinite"
_KEY: Final = [
    "key 1",
    " key-string Drawn-Key-9",
    " cryptographic-algorithm md5",
    f" accept-lifetime {_LIFETIME}",
    f" send-lifetime {_LIFETIME}",
]
#: What a tunnel says of the key chain, by protocol; EIGRP in named mode has it elsewhere, BGP has a password.
_SEALS: Final[dict[str, list[str]]] = {
    "eigrp": [],
    "eigrp-classic": ["ip authentication mode eigrp 100 md5", "ip authentication key-chain eigrp 100 CLOUD"],
    "ospf": ["ip ospf authentication key-chain CLOUD"],
    "rip": ["ip rip authentication mode md5", "ip rip authentication key-chain CLOUD"],
}


class Place(Value, kw_only=True):
    """A router of the cloud. number: among those of its kind. lan: the first three octets of its LAN."""

    name: str
    number: int
    hub: bool
    tunnel: str
    lan: str
    nbma: str
    gateway: str


class RoutingSetup(Value):
    """A routing protocol in a phase, and its routers. sealed: with authentication."""

    protocol: str
    phase: int
    stubs: bool
    places: tuple[Place, ...]
    sealed: bool = False

    def sections(self, place: Place) -> Section:
        """Return the lines of one router."""
        found = _SETUPS[self.protocol](self, place)
        if self.sealed and self.protocol in _SEALS:
            found["tunnel"] = [*found.get("tunnel", []), *_SEALS[self.protocol]]
            return {"key chain CLOUD": _KEY, **found}
        return found

    @property
    def hubs(self) -> tuple[Place, ...]:
        """The routers that all other routers are neighbors of."""
        return tuple(one for one in self.places if one.hub)


def _eigrp(setup: RoutingSetup, place: Place) -> Section:
    passive = [f"af-interface {_LAN_PORT}", " passive-interface", "exit-af-interface"]
    at_hub = [" no split-horizon", *([" no next-hop-self"] if setup.phase == 2 else [])]
    sealed = [" authentication mode md5", " authentication key-chain CLOUD"] if setup.sealed else []
    about = [*(at_hub if place.hub else []), *sealed]
    tunnel = ["af-interface Tunnel0", *about, "exit-af-interface"] if about else []
    networks = [f"network {place.lan}.0 0.0.0.255", "network 10.99.0.0 0.0.0.255"]
    stub = ["eigrp stub connected"] if setup.stubs and not place.hub else []
    family = [*passive, *tunnel, "topology base", "exit-af-topology", *networks, *stub]
    return {
        "tunnel": _second_choice(place),
        "router eigrp CLOUD": [
            "address-family ipv4 unicast autonomous-system 100",
            *(f" {line}" for line in family),
            "exit-address-family",
        ],
    }


def _eigrp_classic(setup: RoutingSetup, place: Place) -> Section:
    at_hub = ["no ip split-horizon eigrp 100", *(["no ip next-hop-self eigrp 100"] if setup.phase == 2 else [])]
    networks = [f"network {place.lan}.0 0.0.0.255", "network 10.99.0.0 0.0.0.255"]
    stub = ["eigrp stub connected"] if setup.stubs and not place.hub else []
    return {
        "tunnel": [*_second_choice(place), *(at_hub if place.hub else [])],
        "router eigrp 100": [*networks, f"passive-interface {_LAN_PORT}", *stub],
    }


def _second_choice(place: Place) -> list[str]:
    """Choose the way by the first hub, as long as it lives."""
    return [f"delay {5000 + 1000 * (place.number - 1)}"] if place.hub and place.number > 1 else []


def _ospf(setup: RoutingSetup, place: Place) -> Section:
    kind = "broadcast" if setup.phase == 2 else "point-to-multipoint"
    tunnel = [f"ip ospf network {kind}", "ip ospf hello-interval 10", "ip ospf dead-interval 40"]
    tunnel += [f"ip ospf cost {10 * place.number}"] if place.hub else ["ip ospf priority 0"]
    if place.hub and kind == "broadcast":
        # The hubs elect one of themselves, so each must hear the other.
        later = [one for one in setup.hubs if one.number > place.number]
        maps = ((f"{one.tunnel} {one.nbma}", f"multicast {one.nbma}") for one in later)
        tunnel += [f"ip nhrp map {words}" for pair in maps for words in pair]
    return {
        "tunnel": tunnel,
        "router ospf 1": [
            f"router-id {place.tunnel}",
            f"passive-interface {_LAN_PORT}",
            "network 10.99.0.0 0.0.0.255 area 0",
            f"network {place.lan}.0 0.0.0.255 area 0",
        ],
    }


def _rip(setup: RoutingSetup, place: Place) -> Section:
    process = ["version 2", "no auto-summary", "timers basic 10 30 30 60", "network 10.0.0.0"]
    process += [f"passive-interface {_LAN_PORT}"]
    process += [f"offset-list 0 out {2 * (place.number - 1)}"] if place.hub and place.number > 1 else []
    return {"tunnel": ["no ip split-horizon"] if place.hub else [], "router rip": process}


def _ibgp(setup: RoutingSetup, place: Place) -> Section:
    return _bgp(setup, place, lambda one: _SYSTEM)


def _ebgp(setup: RoutingSetup, place: Place) -> Section:
    return _bgp(setup, place, lambda one: _SYSTEM if one.hub else _SYSTEM + 10 + one.number)


def _bgp(setup: RoutingSetup, place: Place, system: Callable[[Place], int]) -> Section:
    lines = ["timers bgp 10 30", f"network {place.lan}.0 mask 255.255.255.0"]
    partners = setup.places if place.hub else setup.hubs
    for one in partners:
        if one == place:
            continue
        whom = f"neighbor {one.tunnel}"
        lines += [f"{whom} remote-as {system(one)}", f"{whom} advertisement-interval 1"]
        lines += [f"{whom} password Drawn-Key-9"] if setup.sealed else []
        if not place.hub:
            lines += [f"{whom} weight {100 - 10 * one.number}"]
            continue
        is_client = not one.hub and system(one) == _SYSTEM
        lines += [f"{whom} route-reflector-client"] if is_client else []
        # Of another hub's sites, this one is the next hop where spokes must not be.
        lines += [f"{whom} next-hop-self all"] if setup.phase != 2 and not one.hub else []
    return {f"router bgp {system(place)}": lines}


def _static(setup: RoutingSetup, place: Place) -> Section:
    if place.hub:
        found = [one for one in setup.places if not one.hub]
        return {f"ip route {one.lan}.0 255.255.255.0 {one.tunnel}": [] for one in found}
    hub = setup.hubs[0]
    if setup.phase != 2:
        return {f"ip route 10.20.0.0 255.255.0.0 {hub.tunnel}": []}
    others = [one for one in setup.places if one != place]
    return {f"ip route {one.lan}.0 255.255.255.0 {one.tunnel}": [] for one in others}


_SETUPS: Final[dict[str, Callable[[RoutingSetup, Place], Section]]] = {
    "eigrp": _eigrp,
    "eigrp-classic": _eigrp_classic,
    "ospf": _ospf,
    "rip": _rip,
    "ibgp": _ibgp,
    "ebgp": _ebgp,
    "static": _static,
}
#: What a cloud may speak.
PROTOCOLS: Final = tuple(_SETUPS)


# ------------------------------------------------------------------------------------------------ packet filters


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


class Lists(Value, kw_only=True):
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
        inward = _list(LAN_IN, "deny tcp any any eq telnet", f"permit ip {own} {company}", "deny ip any any")
        outward = _list(
            LAN_OUT,
            f"permit tcp {company} {own} established",
            f"permit icmp any {own}",
            f"permit udp {company} {own}",
            f"permit tcp {company} {own} eq 443",
            "deny ip any any",
        )
        found |= inward | outward
        ports[_LAN] += [f"ip access-group {LAN_IN} in", f"ip access-group {LAN_OUT} out"]
    if lists.tunnel:
        theirs = company if place.hub else own
        entries = ("permit icmp any any", f"permit ip {company} {theirs}", "deny ip any any")
        needed = [f"{number} {text}" for number, text in enumerate(_ROUTING.get(routing, ()), 10)]
        found |= {f"ip access-list extended {TUNNEL_IN}": [*needed, *_numbered(entries, 20)]}
        ports[_TUNNEL] += [f"ip access-group {TUNNEL_IN} in"]
    if lists.wan:
        ipsec = ("permit udp any any eq isakmp", "permit udp any any eq non500-isakmp", "permit esp any any")
        carrying = ipsec if protection else ("permit gre any any",)
        found |= _list(WAN_IN, *carrying, "permit icmp any any", "deny ip any any")
        ports[_WAN] += [f"ip access-group {WAN_IN} in"]
    if lists.verifies:
        ports[_LAN] += ["ip verify unicast source reachable-via rx"]
        ports[_WAN] += ["ip verify unicast source reachable-via any allow-default"]
    return {**{header: [*body, *ports.get(header, [])] for header, body in sections.items()}, **found}


def _list(name: str, *entries: str) -> Section:
    return {f"ip access-list extended {name}": _numbered(entries, 10)}


def _numbered(entries: tuple[str, ...], first: int) -> list[str]:
    return [f"{first + 10 * place} {text}" for place, text in enumerate(entries)]


# ------------------------------------------------------------------------------------------------ VRFs


FRONT: Final = "INTERNET"
_INSIDE: Final = "CORP"
_DEFAULT: Final = "ip route 0.0.0.0 0.0.0.0 "
_ISAKMP_KEY: Final = "crypto isakmp key "
#: Lines that stay above the address families of `router rip` and `router bgp`: they are about the whole process.
_OF_PROCESS: Final = ("timers bgp ",)


class Vrfs(Value, kw_only=True):
    """The tables of a cloud. own_names: each router has a name of its own for the inside VRF.

    redistributes: BGP advertises LANs by `redistribute connected`, without `network` lines.
    """

    front: bool = False
    inside: bool = False
    own_names: bool = False
    redistributes: bool = False

    @property
    def title(self) -> tuple[str, ...]:
        """For people."""
        names = "names of their own" if self.own_names else "inside VRF"
        return (*(("front door",) if self.front else ()), *((names,) if self.inside else ()))

    def inside_of(self, router: str) -> str:
        """Return the VRF of a router's LAN, "": the global table."""
        return (f"{_INSIDE}-{router}" if self.own_names else _INSIDE) if self.inside else ""


def with_vrfs(sections: Section, vrfs: Vrfs, router: str) -> Section:
    """Return the sections of a router with these VRFs."""
    inside = vrfs.inside_of(router)
    names = [*([FRONT] if vrfs.front else []), *([inside] if inside else [])]
    found: Section = {f"vrf definition {name}": ["address-family ipv4", "exit-address-family"] for name in names}
    for header, body in sections.items():
        part = _behind_front_door(header, body) if vrfs.front else (header, body)
        moved = _in_table(*part, inside, redistributes=vrfs.redistributes) if inside else part
        found[moved[0]] = moved[1]
    return found


def _behind_front_door(header: str, body: list[str]) -> tuple[str, list[str]]:
    """Return a section with the lines of the front door."""
    if header == _WAN:
        body = [f"vrf forwarding {FRONT}", *body]
    elif header == _TUNNEL:
        body = [*body, f"tunnel vrf {FRONT}"]
    elif header.startswith("crypto ikev2 profile "):
        body = [f"match fvrf {FRONT}", *body]
    elif header.startswith(_DEFAULT):
        header = header.replace("ip route ", f"ip route vrf {FRONT} ")
    elif header.startswith(_ISAKMP_KEY):
        secret = header.split()[3]
        header, body = f"crypto keyring CLOUD vrf {FRONT}", [f"pre-shared-key address 0.0.0.0 0.0.0.0 key {secret}"]
    return header, body


def _in_table(header: str, body: list[str], vrf: str, *, redistributes: bool) -> tuple[str, list[str]]:
    """Return a section of the overlay in the inside VRF."""
    words = header.split()
    if header in (_TUNNEL, _LAN):
        return header, [f"vrf forwarding {vrf}", *body]
    if header.startswith("ip route ") and words[2] != "vrf" and not header.startswith(_DEFAULT):
        return header.replace("ip route ", f"ip route vrf {vrf} "), body
    if words[0] != "router":
        return header, body
    match words[1]:
        case "ospf":
            return f"{header} vrf {vrf}", body
        case "eigrp" if not words[2].isdigit():
            return header, [line.replace("ipv4 unicast ", f"ipv4 unicast vrf {vrf} ") for line in body]
        case "eigrp":
            return "router eigrp 1", _family(f"address-family ipv4 vrf {vrf} autonomous-system {words[2]}", body)
        case _:
            if redistributes and words[1] == "bgp":
                body = ["redistribute connected" if line.startswith("network ") else line for line in body]
            above = [line for line in body if line.startswith(_OF_PROCESS)]
            within = [line for line in body if line not in above]
            return header, [*above, *_family(f"address-family ipv4 vrf {vrf}", within)]


def _family(header: str, body: list[str]) -> list[str]:
    return [header, *(f" {line}" for line in body), "exit-address-family"]
