"""Networks from a seed, of every phase, protocol and protection that a cloud of one's own may have.

Plan       the drawn values of a network
files_of   the lab and the configurations of a plan, as a scenario's folder has them
table_of   a table of sites for `dmvpn render`, which knows fewer kinds

The routing of a cloud, its lists and its VRFs are in `setup`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Final

from dmvpn.base.entropy import Entropy, below
from dmvpn.base.values import Value
from dmvpn.tools.troubles.setup import PROTOCOLS, Lists, Place, RoutingSetup, Section, Vrfs, with_lists, with_vrfs

# ------------------------------------------------------------------------------------------------ tables of sites


#: Spokes of a network from a seed; one in eight has as many as are allowed at most.
FEWEST, MOST = 2, 40
_SMALL: Final = 6
#: Kinds of translators.
KINDS: Final = ("cone", "port-restricted", "symmetric")


def table_of(entropy: Entropy, most: int = MOST) -> str:
    """Return `sites.yaml` of a network of at most so many routers, the provider not counted."""
    hubs = 1 + below(entropy, 2)
    phase = 1 + below(entropy, 3)
    routing = ("eigrp", "eigrp-classic", "static")[below(entropy, 3)]
    if routing == "static":
        hubs = 1
    if hubs == 2 and phase == 1:
        phase = 3
    protected = below(entropy, 2) == 1
    spokes = spokes_of(entropy, most - hubs)
    lines = [
        "name: drawn",
        f"phase: {phase}",
        f"routing: {routing}",
        f"protection: {'psk' if protected else 'none'}",
        f"tunnel: {{network: 10.255.0.0/24, mtu: {1400 - 20 * below(entropy, 3)}}}",
        "pools:",
        "  lan: {network: 10.1.0.0/16, length: 24}",
        "  nbma: {network: 100.64.0.0/16, length: 30}",
        "hubs:",
        *(f"  HUB{number}: {{}}" for number in range(1, hubs + 1)),
        "spokes:",
        *(_spoke(entropy, number, nat=phase > 1 and protected) for number in range(1, spokes + 1)),
    ]
    return "\n".join([*lines, ""])


def spokes_of(entropy: Entropy, room: int) -> int:
    """Return how many, of a network that has room for so many."""
    spokes = FEWEST + below(entropy, min(room, _SMALL) - FEWEST + 1)
    if below(entropy, 8) == 0 and room > _SMALL:
        spokes = _SMALL + below(entropy, room - _SMALL + 1)
    return spokes


def _spoke(entropy: Entropy, number: int, *, nat: bool) -> str:
    if not nat or below(entropy, 4):
        return f"  S{number}: {{}}"
    kind = KINDS[below(entropy, len(KINDS))]
    inside = f"nbma: 192.168.{number}.2/24, gateway: 192.168.{number}.1"
    outside = f"outside: 198.51.100.{4 * number + 1}/30, gateway: 198.51.100.{4 * number + 2}, kind: {kind}"
    return f"  S{number}: {{{inside}, nat: {{{outside}}}}}"


# ------------------------------------------------------------------------------------------------ clouds line by line


_PROVIDER: Final = "TRANSPORT"
_WAN, _LAN = "GigabitEthernet0/1", "GigabitEthernet0/2"
_MASK30: Final = "255.255.255.252"
_KEY, _PASSWORD = "Drawn-Key-7", "drawncld"
_PROTECTIONS: Final = ("", "ikev2", "ikev1")
_MOST_HUBS: Final = 3
#: Trustpoints of each router of a cloud with certificates: the right one, and some that a mistake may name.
CERTIFICATES: Final = "certificates"
TRUSTPOINTS: Final = ("CLOUD", "EXPIRED", "ELSEWHERE", "MISNAMED")
#: The organizational unit in the certificates that the cloud accepts.
UNIT: Final = "cloud"


class Plan(Value, kw_only=True):
    """phase: 1 to 3. routing: one of `PROTOCOLS`. protection: "", "ikev2", "ikev1": the words that ask for it.

    translators: before which spokes, by number from 1, and of which kind. server_lines: each server takes a map, a
    multicast map and an NHS line, as in older configurations. key: of GRE, None: none. stubs: of EIGRP.
    protection may be "certificates", which are not drawn: the caller makes the certificates of `TRUSTPOINTS`.
    sealed: routing protocols authenticate neighbors with keys that have a lifetime, or with a password.
    vrfs: the tables that ports and tunnels are in. lists: where packets are filtered.
    """

    phase: int
    hubs: int
    spokes: int
    routing: str
    protection: str
    mtu: int
    key: int | None
    authentication: bool
    server_lines: bool
    stubs: bool
    translators: Mapping[int, str] = field(default_factory=dict)
    sealed: bool = False
    vrfs: Vrfs = Vrfs()
    lists: Lists = Lists()

    @property
    def title(self) -> str:
        """For people."""
        parts = (f"phase {self.phase}", self.routing, self.protection or "clear", f"{self.hubs} hubs")
        nat = (f"{len(self.translators)} behind NAT",) if self.translators else ()
        return ", ".join((*parts, f"{self.spokes} spokes", *nat, *self.vrfs.title, *self.lists.title))


def plan_of(entropy: Entropy, most: int = MOST) -> Plan:
    """Return a network of at most so many routers, the provider not counted."""
    routing = PROTOCOLS[below(entropy, len(PROTOCOLS))]
    hubs = 1 + below(entropy, _MOST_HUBS) if routing != "static" else 1
    hubs = min(hubs, most - FEWEST)
    phase = 1 + below(entropy, 3) if hubs == 1 else 2 + below(entropy, 2)
    if routing == "rip" and phase == 3:
        phase = 2  # RIP advertises the spoke as next hop: there is nothing to redirect
    protection = _PROTECTIONS[below(entropy, len(_PROTECTIONS))]
    spokes = spokes_of(entropy, most - hubs)
    behind = {
        number: KINDS[below(entropy, len(KINDS))]
        for number in range(1, spokes + 1)
        if protection and phase > 1 and below(entropy, 4) == 0
    }
    return Plan(
        phase=phase,
        hubs=hubs,
        spokes=spokes,
        routing=routing,
        protection=protection,
        mtu=1400 - 20 * below(entropy, 3),
        key=1 + below(entropy, 4000) if below(entropy, 4) else None,
        authentication=below(entropy, 2) == 1,
        server_lines=below(entropy, 2) == 1,
        stubs=below(entropy, 2) == 1,
        translators=behind,
    )


def files_of(plan: Plan) -> dict[str, str]:
    """Return files by their names: `lab.yaml`, and a configuration of each router."""
    places = [*_places(plan)]
    files = {f"{place.name}.cfg": _text(place.name, _router(plan, place, places)) for place in places}
    files[f"{_PROVIDER}.cfg"] = _text(_PROVIDER, _provider(plan, places))
    files["lab.yaml"] = "\n".join([*_lab(plan, places), ""])
    return files


def _places(plan: Plan) -> Iterator[Place]:
    """Yield hubs, then spokes."""
    for number in range(1, plan.hubs + 1):
        yield Place(
            name=f"HUB{number}",
            number=number,
            hub=True,
            tunnel=f"10.99.0.{number}",
            lan=f"10.20.{number}",
            nbma=f"203.0.113.{4 * number + 1}",
            gateway=f"203.0.113.{4 * number + 2}",
        )
    for number in range(1, plan.spokes + 1):
        inside = number in plan.translators
        yield Place(
            name=f"S{number}",
            number=number,
            hub=False,
            tunnel=f"10.99.0.{10 + number}",
            lan=f"10.20.{10 + number}",
            nbma=f"192.168.{number}.2" if inside else f"198.51.100.{4 * number + 1}",
            gateway=f"192.168.{number}.1" if inside else f"198.51.100.{4 * number + 2}",
        )


def _text(name: str, sections: dict[str, list[str]]) -> str:
    lines = [f"hostname {name}", "!"]
    for header, body in sections.items():
        lines += [header, *(f" {line}" for line in body), "!"] if body else [header]
    return "\n".join([*lines, "end", ""])


# ------------------------------------------------------------------------------------------------ routers


def _router(plan: Plan, place: Place, places: list[Place]) -> dict[str, list[str]]:
    setup = RoutingSetup(plan.routing, plan.phase, plan.stubs, tuple(places), plan.sealed)
    sections: Section = setup.sections(place)
    tunnel = [*_overlay(plan, place, places), *sections.pop("tunnel", [])]
    lan = [f"ip address {place.lan}.1 255.255.255.0", *sections.pop("lan", []), "no shutdown"]
    mask = "255.255.255.0" if place.nbma.startswith("192.168.") else _MASK30
    found: Section = {
        **_crypto(plan),
        "interface Tunnel0": tunnel,
        f"interface {_WAN}": [f"ip address {place.nbma} {mask}", "no shutdown"],
        f"interface {_LAN}": lan,
        **sections,
        f"ip route 0.0.0.0 0.0.0.0 {place.gateway}": [],
    }
    filtered = with_lists(found, plan.lists, place, plan.routing, plan.protection)
    return with_vrfs(filtered, plan.vrfs, place.name)


def _overlay(plan: Plan, place: Place, places: list[Place]) -> list[str]:
    lines = [f"ip address {place.tunnel} 255.255.255.0", "no ip redirects", f"ip mtu {plan.mtu}"]
    lines += [f"ip nhrp authentication {_PASSWORD}"] if plan.authentication else []
    servers = [one for one in places if one.hub and (not place.hub or one.number < place.number)]
    for server in servers:
        if plan.server_lines:
            lines += [
                f"ip nhrp map {server.tunnel} {server.nbma}",
                f"ip nhrp map multicast {server.nbma}",
                f"ip nhrp nhs {server.tunnel}",
            ]
        else:
            lines += [f"ip nhrp nhs {server.tunnel} nbma {server.nbma} multicast"]
    lines += ["ip nhrp map multicast dynamic"] if place.hub else []
    lines += ["ip nhrp network-id 1", "ip nhrp holdtime 300", f"ip tcp adjust-mss {plan.mtu - 40}"]
    if plan.phase == 3:
        lines += ["ip nhrp redirect"] if place.hub else ["ip nhrp shortcut"]
    lines += ["ip nhrp registration no-unique"] if plan.translators else []
    lines += [f"tunnel source {_WAN}"]
    is_bound = plan.phase == 1 and not place.hub
    lines += [f"tunnel destination {places[0].nbma}"] if is_bound else ["tunnel mode gre multipoint"]
    lines += [f"tunnel key {plan.key}"] if plan.key is not None else []
    return [*lines, *(["tunnel protection ipsec profile CLOUD"] if plan.protection else [])]


def _crypto(plan: Plan) -> dict[str, list[str]]:
    if not plan.protection:
        return {}
    transform = "crypto ipsec transform-set CLOUD esp-aes 256 esp-sha256-hmac"
    ipsec = {transform: ["mode transport"], "crypto ipsec profile CLOUD": ["set transform-set CLOUD"]}
    if plan.protection == "ikev1":
        policy = ["encryption aes 256", "hash sha256", "authentication pre-share", "group 14"]
        return {"crypto isakmp policy 10": policy, f"crypto isakmp key {_KEY} address 0.0.0.0": [], **ipsec}
    ipsec["crypto ipsec profile CLOUD"] += ["set ikev2-profile CLOUD"]
    if plan.protection == CERTIFICATES:
        known: dict[str, list[str]] = {
            f"crypto pki trustpoint {name}": ["revocation-check none"] for name in TRUSTPOINTS
        }
        proofs = [
            "authentication remote ecdsa-sig",
            "authentication local ecdsa-sig",
            f"pki trustpoint {TRUSTPOINTS[0]}",
        ]
        return {
            **known,
            "crypto pki certificate map CLOUD 10": [f"subject-name co ou = {UNIT}"],
            "crypto ikev2 profile CLOUD": ["match certificate CLOUD", *proofs, "dpd 30 5 on-demand"],
            **ipsec,
        }
    keyring = ["peer ANY", " address 0.0.0.0 0.0.0.0", f" pre-shared-key {_KEY}"]
    profile = ["match identity remote address 0.0.0.0", "authentication remote pre-share"]
    profile += ["authentication local pre-share", "keyring local CLOUD", "dpd 30 5 on-demand"]
    return {"crypto ikev2 keyring CLOUD": keyring, "crypto ikev2 profile CLOUD": profile, **ipsec}


# ------------------------------------------------------------------------------------------------ around them


def _provider(plan: Plan, places: list[Place]) -> dict[str, list[str]]:
    return {
        f"interface {port}": [f"ip address {_outside(plan, place)[1]} {_MASK30}", "no shutdown"]
        for port, place in _ports(places)
    }


def _ports(places: list[Place]) -> Iterator[tuple[str, Place]]:
    """Yield the ports of the provider, each with the site that is attached."""
    for number, place in enumerate(places, 1):
        yield f"GigabitEthernet0/{number}", place


def _outside(plan: Plan, place: Place) -> tuple[str, str]:
    """Return the address of a site at the provider's wire, and the provider's there."""
    if place.hub or place.number not in plan.translators:
        return place.nbma, place.gateway
    return f"198.51.100.{4 * place.number + 1}", f"198.51.100.{4 * place.number + 2}"


def _lab(plan: Plan, places: list[Place]) -> Iterator[str]:
    yield f'title: "drawn: {plan.title}"'
    yield "routers:"
    yield from (f"  {place.name}: {{role: {'hub' if place.hub else 'spoke'}}}" for place in places)
    yield f"  {_PROVIDER}: {{role: provider}}"
    yield "links:"
    for port, place in _ports(places):
        here = f"{place.name}:{_WAN}"
        if not place.hub and place.number in plan.translators:
            yield f'  - ends: ["NAT{place.number}:inside", "{here}"]'
            here = f"NAT{place.number}:outside"
        yield f'  - ends: ["{here}", "{_PROVIDER}:{port}"]'
    yield "hosts:"
    for place in places:
        address, gateway = f"{place.lan}.100/24", f"{place.lan}.1"
        yield f'  H-{place.name}: {{link: "{place.name}:{_LAN}", address: {address}, gateway: {gateway}}}'
    if plan.translators:
        yield "gateways:"
    for place in places:
        if not place.hub and place.number in plan.translators:
            own, gateway = _outside(plan, place)
            inside = f"192.168.{place.number}.1/24"
            kind = plan.translators[place.number]
            yield f"  NAT{place.number}: {{kind: {kind}, outside: {own}/30, gateway: {gateway}, inside: {inside}}}"
