"""The routing of a random cloud: the lines of each router, for each routing protocol and each phase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A router of the cloud. number: among those of its kind. lan: the first three octets of its LAN."""

    name: str
    number: int
    hub: bool
    tunnel: str
    lan: str
    nbma: str
    gateway: str


@dataclass(frozen=True, slots=True)
class RoutingSetup:
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
        tunnel += [line for one in later for line in _map(one)]
    return {
        "tunnel": tunnel,
        "router ospf 1": [
            f"router-id {place.tunnel}",
            f"passive-interface {_LAN_PORT}",
            "network 10.99.0.0 0.0.0.255 area 0",
            f"network {place.lan}.0 0.0.0.255 area 0",
        ],
    }


def _map(one: Place) -> list[str]:
    return [f"ip nhrp map {one.tunnel} {one.nbma}", f"ip nhrp map multicast {one.nbma}"]


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
