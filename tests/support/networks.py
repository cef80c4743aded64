"""Networks that several tests change: clouds, homes, and a spoke with two providers."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.net import ip
from dmvpn.net.ip import UDP_HEADER_LENGTH as UDP_HEADER
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Two protected clouds, one for each version of IKE, with a spoke whose wire or port a test changes.

#: Before IKE in UDP port 4500: RFC 3948 §2.2.
MARKER: Final = bytes(4)


class Cloud(NamedTuple):
    """A scenario, a spoke with its wire, the hub's port, and NBMA addresses."""

    scenario: str
    spoke: str
    interface: str
    address: str
    hub: str
    hub_interface: str
    pinger: str
    host: str

    def world(self, seed: int) -> World:
        """Return the cloud when all works."""
        world = World(self.scenario, seed=seed).converge()
        world.run_for(20)
        return world

    def drop(self, world: World, what: Callable[[bytes], bool]) -> None:
        """Drop such packets on the wire of the spoke from now on."""
        world.sim.segment_of(self.spoke, self.interface).gate = lambda _from, _to, packet: not what(packet)


CLOUDS: Final = {
    1: Cloud(
        "course-lab",
        *("SPOKE1", "GigabitEthernet0/0", "192.168.2.1", "192.168.1.1", "GigabitEthernet0/0"),
        *("H2", "10.3.0.100"),
    ),
    2: Cloud(
        "intro-phase3",
        *("SPOKE10", "GigabitEthernet1", "203.0.113.10", "198.51.100.1", "GigabitEthernet1"),
        *("H10", "192.168.20.100"),
    ),
}


def by_udp(packet: bytes, port: int) -> bool:
    """Return whether an IP packet has this UDP port."""
    return packet[9] == 17 and port.to_bytes(2, "big") in (packet[20:22], packet[22:24])


def is_esp(packet: bytes) -> bool:
    """Return whether an IP packet is ESP, in UDP or without."""
    return packet[9] == 50 or (by_udp(packet, 4500) and packet[28:32] != MARKER)


# The scenario front-door with its spokes behind home routers, which both give out the same address.

#: What each home router gives out.
ADDRESS = "192.168.1.10"


def behind_home_routers() -> Scenario:
    """Return the scenario: SPOKE1 is behind 198.51.100.1, SPOKE2 behind 198.51.100.5."""
    one = Scenario.load("front-door")
    texts, wires, gateways = dict(one.configurations), list(one.lab.links), {}
    for number, outside in ((1, 1), (2, 5)):
        old = (f"198.51.100.{outside} 255.255.255.252", f"198.51.100.{outside + 1}")
        spoke = texts[f"SPOKE{number}"].replace(old[0], "192.168.1.10 255.255.255.0")
        texts[f"SPOKE{number}"] = spoke.replace(old[1], "192.168.1.1")
        gateways[f"BOX{number}"] = {
            "kind": "port-restricted",
            "outside": f"198.51.100.{outside}/30",
            "gateway": f"198.51.100.{outside + 1}",
            "inside": "192.168.1.1/24",
        }
    kept = [wire.model_dump() for wire in wires if not any("SPOKE" in str(end) for end in wire.ends)]
    for number in (1, 2):
        kept += [
            {"ends": [f"SPOKE{number}:GigabitEthernet0/1", f"BOX{number}:inside"]},
            {"ends": [f"BOX{number}:outside", f"TRANSPORT:GigabitEthernet0/{number + 2}"]},
        ]
    lab = Lab.model_validate({**one.lab.model_dump(), "links": kept, "gateways": gateways})
    return Scenario("homes", lab, texts)


# What tests of notes-phase3 have in common: lines more in its configurations, and what is asked of it.


def logging(_router: str, text: str) -> str:
    """Return the configuration with `logging dmvpn` on all routers."""
    return text.replace("!\n", "!\nlogging dmvpn\n!\n", 1)


def short_lived(router: str, text: str) -> str:
    """Return the configuration with a holding time of a minute."""
    return logging(router, text).replace(" ip nhrp network-id", " ip nhrp holdtime 60\n ip nhrp network-id")


def nbma_on_the_hub(world: World) -> str:
    """Return the NBMA address of R31 in the hub's cache."""
    match = re.search(r"192\.168\.100\.31/32 via .*\n.*\n.*\n   NBMA address: (\S+) ", world.show("R11", "ip nhrp"))
    return match[1] if match else ""


# Two providers with the same addresses: a hub and a spoke, and a tunnel between them in each of two front doors.
#
# Both tunnels have one source, one destination and no key. Whatever takes a packet, an SA or a peer for one of the
# other VRF is therefore wrong on the wire, and nowhere else. Each tunnel carries the traffic of one pair of hosts:
#
#     PC1 -- SPOKE ==== Tunnel1, VRF EAST, Gi0/1 ==== HUB -- S1      10.2.1.100 and 10.1.1.100
#     PC2 -- SPOKE ==== Tunnel2, VRF WEST, Gi0/2 ==== HUB -- S2      10.2.2.100 and 10.1.2.100
#
# With NAT, the spoke is behind a translator at each provider, and these have the same addresses, too.

NAT_PORT: Final = 4500
#: What keeps a translation alive, RFC 3948 §2.3.
KEEPALIVE: Final = b"\xff"
#: VRF, tunnel and port of each provider.
PROVIDERS: Final = {
    "EAST": ("Tunnel1", "GigabitEthernet0/1"),
    "WEST": ("Tunnel2", "GigabitEthernet0/2"),
}
HUB, SPOKE, TRANSLATOR, INSIDE = "100.64.0.1", "100.64.0.11", "100.64.0.12", "192.168.0.11"
#: The host that sends by each provider, and its target.
PAIRS: Final = {"EAST": ("PC1", "10.1.1.100"), "WEST": ("PC2", "10.1.2.100")}

_WIRES = """\
routers:
  HUB: {role: hub}
  SPOKE: {role: spoke}
links:
"""
_DIRECT = """\
  - ends: ["HUB:GigabitEthernet0/1", "SPOKE:GigabitEthernet0/1"]
  - ends: ["HUB:GigabitEthernet0/2", "SPOKE:GigabitEthernet0/2"]
"""
_TRANSLATED = """\
  - ends: ["HUB:GigabitEthernet0/1", "NATA:outside"]
  - ends: ["NATA:inside", "SPOKE:GigabitEthernet0/1"]
  - ends: ["HUB:GigabitEthernet0/2", "NATB:outside"]
  - ends: ["NATB:inside", "SPOKE:GigabitEthernet0/2"]
gateways:
  NATA: {outside: 100.64.0.12/24, gateway: 100.64.0.1, inside: 192.168.0.1/24}
  NATB: {outside: 100.64.0.12/24, gateway: 100.64.0.1, inside: 192.168.0.1/24}
"""
_HOSTS = """\
hosts:
  S1: {link: "HUB:GigabitEthernet0/3", address: 10.1.1.100/24, gateway: 10.1.1.1}
  S2: {link: "HUB:GigabitEthernet0/4", address: 10.1.2.100/24, gateway: 10.1.2.1}
  PC1: {link: "SPOKE:GigabitEthernet0/3", address: 10.2.1.100/24, gateway: 10.2.1.1}
  PC2: {link: "SPOKE:GigabitEthernet0/4", address: 10.2.2.100/24, gateway: 10.2.2.1}
"""
_IKEV2 = file_text("two_providers_ikev2.cfg")
_ISAKMP = file_text("two_providers_isakmp.cfg")
#: The lines of a router, and the IPsec profile of each provider's tunnel.
CRYPTO: Final = {
    "ikev2, one profile": (
        _IKEV2.format(ring="KEYS", key="of-both", ike="IKE", fvrf="any")
        + "crypto ipsec profile P\n set ikev2-profile IKE\n",
        {"EAST": "P", "WEST": "P"},
    ),
    "ikev2, a profile each": (
        "".join(
            _IKEV2.format(ring=f"KEYS-{vrf}", key=f"of-{vrf}", ike=f"IKE-{vrf}", fvrf=vrf)
            + f"crypto ipsec profile P-{vrf}\n set ikev2-profile IKE-{vrf}\n"
            for vrf in PROVIDERS
        ),
        {"EAST": "P-EAST", "WEST": "P-WEST"},
    ),
    "ikev1, keyrings": (_ISAKMP, {"EAST": "P", "WEST": "P"}),
}
_NHRP: Final = {
    "HUB": "ip nhrp map multicast dynamic",
    "SPOKE": f"ip nhrp nhs 172.16.{{number}}.1 nbma {HUB} multicast",
}
_PROVIDER = file_text("two_providers_port.cfg")


def router(name: str, crypto: str, *, nat: bool = False) -> str:
    """Return the configuration of HUB or SPOKE."""
    site = 1 if name == "HUB" else 2
    lines, profiles = CRYPTO[crypto]
    outer = HUB if name == "HUB" else INSIDE if nat else SPOKE
    text = f"hostname {name}\n{lines}"
    for number, vrf in enumerate(PROVIDERS, 1):
        text += _PROVIDER.format(
            vrf=vrf,
            number=number,
            lan=number + 2,
            site=site,
            other=3 - site,
            outer=outer,
            profile=profiles[vrf],
            nhrp=_NHRP[name].format(number=number),
        )
        if name == "SPOKE" and nat:
            text += f"ip route vrf {vrf} 0.0.0.0 0.0.0.0 192.168.0.1\n"
    return text + "end\n"


def write(folder: Path, crypto: str, *, nat: bool = False) -> Path:
    """Write the network into a new folder of a folder, and return it."""
    network = folder / "two-providers"
    network.mkdir()
    (network / "lab.yaml").write_text(_WIRES + (_TRANSLATED if nat else _DIRECT) + _HOSTS)
    for name in ("HUB", "SPOKE"):
        (network / f"{name}.cfg").write_text(router(name, crypto, nat=nat))
    return network


def spi_of(packet: bytes) -> int:
    """Return the SPI of an ESP packet, whether it is in UDP or not; 0: it is none."""
    protocol, start = ip.peek_payload(packet)
    payload = packet[start:]
    if protocol == IpProtocol.UDP and NAT_PORT in struct.unpack("!HH", payload[:4]):
        payload = payload[UDP_HEADER:]
    elif protocol != IpProtocol.ESP:
        return 0
    return int.from_bytes(payload[:4], "big") if len(payload) > len(KEEPALIVE) else 0
