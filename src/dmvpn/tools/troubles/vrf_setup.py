"""The VRFs of a random cloud: the lines of a router, moved into the tables that its ports and tunnels are in.

front     the port to the provider, its default route, and the tunnel's outer packets: `INTERNET`
inside    the tunnel, the LAN and the routing protocol: `CORP`, or a name of each router's own
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.troubles.setup import Section

FRONT: Final = "INTERNET"
_INSIDE: Final = "CORP"
_WAN, _LAN, _TUNNEL = "interface GigabitEthernet0/1", "interface GigabitEthernet0/2", "interface Tunnel0"
_DEFAULT: Final = "ip route 0.0.0.0 0.0.0.0 "
_KEY: Final = "crypto isakmp key "
#: Lines that stay above the address families of `router rip` and `router bgp`: they are about the whole process.
_OF_PROCESS: Final = ("timers bgp ",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vrfs:
    """The tables of a cloud. own_names: each router has a name of its own for the inside VRF.

    redistributes: BGP announces LANs by `redistribute connected`, without `network` lines.
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
        for part in _behind_front_door(header, body) if vrfs.front else ((header, body),):
            moved = _inside(*part, inside, redistributes=vrfs.redistributes) if inside else part
            found[moved[0]] = moved[1]
    return found


def _behind_front_door(header: str, body: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield a section with the lines of the front door."""
    if header == _WAN:
        body = [f"vrf forwarding {FRONT}", *body]
    elif header == _TUNNEL:
        body = [*body, f"tunnel vrf {FRONT}"]
    elif header.startswith("crypto ikev2 profile "):
        body = [f"match fvrf {FRONT}", *body]
    elif header.startswith(_DEFAULT):
        header = header.replace("ip route ", f"ip route vrf {FRONT} ")
    elif header.startswith(_KEY):
        secret = header.split()[3]
        header, body = f"crypto keyring CLOUD vrf {FRONT}", [f"pre-shared-key address 0.0.0.0 0.0.0.0 key {secret}"]
    yield header, body


def _inside(header: str, body: list[str], vrf: str, *, redistributes: bool) -> tuple[str, list[str]]:
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
