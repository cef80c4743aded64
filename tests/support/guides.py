"""Networks in the words of guides for DMVPN, as files of IOS: one cloud in any protocol, and two clouds of two hubs.

Addresses, names and lines are those that people copy: maps and servers on lines of their own, classic EIGRP, a listen
range of BGP, `ip ospf network broadcast`, RIP without split horizon.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.shells.scenario import Scenario
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_IKE: Final = file_text("guide_ike.cfg")
#: Of a tunnel at a hub and at a spoke: what a protocol needs there. Phase 2 but for BGP and `ospf3`.
_AT_HUB: Final = {
    "rip": " no ip split-horizon\n",
    "eigrp": " no ip split-horizon eigrp 90\n no ip next-hop-self eigrp 90\n",
    "ospf": " ip ospf network broadcast\n ip ospf priority 10\n ip ospf 1 area 0\n",
    "ospf3": " ip ospf network point-to-multipoint\n ip ospf 1 area 0\n ip nhrp redirect\n",
    "bgp": " ip nhrp redirect\n",
}
_AT_SPOKE: Final = {
    "ospf": " ip ospf network broadcast\n ip ospf priority 0\n ip ospf 1 area 0\n",
    "ospf3": " ip ospf network point-to-multipoint\n ip ospf 1 area 0\n ip nhrp shortcut\n",
    "bgp": " ip nhrp shortcut\n",
}
_HUB: Final = 1
_HUBS, _SPOKES = 2, 3


@cache
def loaded(*files: tuple[str, str]) -> Scenario:
    """Return the network of these files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "guide"
        path.mkdir()
        for name, text in files:
            (path / name).write_text(text)
        return Scenario.load(str(path), strict=True)


def one_cloud(routing: str, *, protected: bool = False) -> Scenario:
    """Return HUB and SPOKE1 to SPOKE3: 172.16.0.0/24 in the tunnel, 100.64.N.2 outside, 192.168.10N.0 behind."""
    names = {1: "HUB", 2: "SPOKE1", 3: "SPOKE2", 4: "SPOKE3"}
    files = {f"{name}.cfg": _router(number, name, routing, protected) for number, name in names.items()}
    files["ISP.cfg"] = _provider({n: f"100.64.{n}.1 255.255.255.0" for n in names})
    files["lab.yaml"] = _lab(list(names.values()), {name: f"192.168.{100 + n}" for n, name in names.items()})
    return loaded(*files.items())


def _router(number: int, name: str, routing: str, protected: bool) -> str:
    is_hub = number == _HUB
    tunnel = _AT_HUB[routing] if is_hub else _AT_SPOKE.get(routing, "")
    if is_hub:
        tunnel += " ip nhrp map multicast dynamic\n"
    else:
        tunnel += " ip nhrp map 172.16.0.1 100.64.1.2\n ip nhrp map multicast 100.64.1.2\n ip nhrp nhs 172.16.0.1\n"
    tunnel += " tunnel protection ipsec profile DMVPN\n" * protected
    lan = f"192.168.{100 + number}"
    return f"""\
hostname {name}
{_IKE * protected}interface Loopback0
 ip address 10.255.255.{number} 255.255.255.255
interface Tunnel0
 ip address 172.16.0.{number} 255.255.255.0
 no ip redirects
 ip mtu 1400
 ip tcp adjust-mss 1360
 ip nhrp authentication NHRPKEY
 ip nhrp network-id 99
 ip nhrp holdtime 300
 tunnel source Ethernet0/0
 tunnel mode gre multipoint
 tunnel key 100000
{tunnel}interface Ethernet0/0
 ip address 100.64.{number}.2 255.255.255.0
 no shutdown
interface Ethernet0/1
 ip address {lan}.1 255.255.255.0
{" ip ospf 1 area 0" if routing.startswith("ospf") else " description LAN"}
 no shutdown
{_process(number, routing, lan)}ip route 0.0.0.0 0.0.0.0 100.64.{number}.1
end
"""


def _process(number: int, routing: str, lan: str) -> str:
    match routing:
        case "rip":
            return f"router rip\n version 2\n network 172.16.0.0\n network {lan}.0\n no auto-summary\n"
        case "eigrp":
            return f"router eigrp 90\n network 172.16.0.0 0.0.0.255\n network {lan}.0\n"
        case "bgp":
            return _bgp(number, lan)
        case _:
            return f"router ospf 1\n router-id 10.255.255.{number}\n passive-interface Ethernet0/1\n"


def _bgp(number: int, lan: str) -> str:
    neighbor = "SPOKES" if number == _HUB else "172.16.0.1"
    own = "  neighbor SPOKES route-reflector-client\n  neighbor SPOKES next-hop-self all\n" * (number == _HUB)
    group = " bgp listen range 172.16.0.0/24 peer-group SPOKES\n neighbor SPOKES peer-group\n" * (number == _HUB)
    return f"""\
router bgp 65001
 bgp router-id 10.255.255.{number}
 timers bgp 10 30
{group} neighbor {neighbor} remote-as 65001
 address-family ipv4
  network {lan}.0
  neighbor {neighbor} activate
{own} exit-address-family
"""


def two_clouds() -> Scenario:
    """Return HQ1 and HQ2 with a cloud each, BR1 to BR3 in both, and CORE behind the hubs."""
    wan = {"HQ1": 1, "HQ2": 5, "BR1": 9, "BR2": 13, "BR3": 17}
    files = {f"{name}.cfg": _of_two(name, host) for name, host in wan.items()}
    files["ISP.cfg"] = _provider({n: f"192.0.2.{host + 1} 255.255.255.252" for n, host in enumerate(wan.values(), 1)})
    files["CORE.cfg"] = (
        "hostname CORE\n"
        "interface Ethernet0/1\n ip address 10.1.0.1 255.255.255.0\n no shutdown\n"
        "interface Ethernet0/2\n ip address 10.0.0.3 255.255.255.0\n delay 20\n no shutdown\n"
        "router eigrp 1\n network 10.0.0.0\nend\n"
    )
    lans = {"CORE": "10.1.0"} | {f"BR{n}": f"10.20.{n}" for n in range(1, _SPOKES + 1)}
    wires = ["HQ1:Ethernet0/2", "HQ2:Ethernet0/2", "CORE:Ethernet0/2"]
    files["lab.yaml"] = _lab(list(wan), lans, wires)
    return loaded(*files.items())


def _of_two(name: str, host: int) -> str:
    number, is_hub = int(name[-1]), name.startswith("HQ")
    clouds = (number,) if is_hub else range(1, _HUBS + 1)
    tunnels = "".join(_tunnel(cloud, number, is_hub) for cloud in clouds)
    lan = f"Ethernet0/2\n ip address 10.0.0.{number}" if is_hub else f"Ethernet0/1\n ip address 10.20.{number}.1"
    own = "" if is_hub else " passive-interface Ethernet0/1\n eigrp stub connected summary\n"
    return f"""\
hostname {name}
{_IKE}interface Ethernet0/0
 ip address 192.0.2.{host} 255.255.255.252
 no shutdown
{tunnels}interface {lan} 255.255.255.0
 delay 20
 no shutdown
router eigrp 1
 network 10.0.0.0
{own}ip route 0.0.0.0 0.0.0.0 192.0.2.{host + 1}
end
"""


def _tunnel(cloud: int, number: int, is_hub: bool) -> str:
    server = f"192.0.2.{1 + 4 * (cloud - 1)}"
    spoke = (
        f" ip nhrp map 10.10{cloud}.0.1 {server}\n ip nhrp map multicast {server}\n ip nhrp nhs 10.10{cloud}.0.1\n"
        " ip nhrp shortcut\n tunnel protection ipsec profile DMVPN shared\n"
    )
    hub = (
        " ip nhrp map multicast dynamic\n ip nhrp redirect\n no ip split-horizon eigrp 1\n"
        " tunnel protection ipsec profile DMVPN\n"
    )
    return f"""\
interface Tunnel{cloud}0
 ip address 10.10{cloud}.0.{1 if is_hub else 10 + number} 255.255.255.0
 no ip redirects
 ip mtu 1400
 ip tcp adjust-mss 1360
 delay {1000 * cloud}
 ip nhrp authentication CLOUD{cloud}
 ip nhrp network-id 10{cloud}
 ip nhrp holdtime 600
 tunnel source Ethernet0/0
 tunnel mode gre multipoint
 tunnel key 10{cloud}
{hub if is_hub else spoke}"""


def _provider(ports: dict[int, str]) -> str:
    text = "".join(f"interface Ethernet0/{n}\n ip address {own}\n no shutdown\n" for n, own in ports.items())
    return f"hostname ISP\n{text}end\n"


def _lab(names: list[str], lans: dict[str, str], wire: list[str] | None = None) -> str:
    return "\n".join([*_lab_lines(names, lans, wire), ""])


def _lab_lines(names: list[str], lans: dict[str, str], wire: list[str] | None) -> Iterator[str]:
    yield "title: a guide"
    yield "routers:"
    for name in names:
        yield f"  {name}: {{role: {'hub' if name.startswith('H') else 'spoke'}}}"
    yield "  ISP: {role: provider}"
    yield from ("  CORE: {role: router}",) * (wire is not None)
    yield "links:"
    for number, name in enumerate(names, 1):
        yield f'  - ends: ["{name}:Ethernet0/0", "ISP:Ethernet0/{number}"]'
    if wire is not None:
        yield f"  - ends: {wire}"
    yield "hosts:"
    for name, lan in lans.items():
        yield f'  PC-{name}: {{link: "{name}:Ethernet0/1", address: {lan}.10/24, gateway: {lan}.1}}'
