"""Networks of any size from a few numbers, for `dmvpn simulate` and the benchmarks.

All routers are on one wide underlay (100.64.0.0/10, a switch), because the overlay is measured. Spoke n has the LAN
10.x.y.0/24 and the tunnel address 172.16.x.y, where n = 256 x + y; the hub is number 0.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from dmvpn.base.errors import UserError
from dmvpn.shells.lab_model import Lab, LinkSpec, ReadySpec, RouterSpec
from dmvpn.shells.scenario import Scenario

UNDERLAY = IPv4Address("100.64.0.1")
TUNNEL = IPv4Address("172.16.0.1")
LAN = IPv4Address("10.0.0.1")
#: The limit of the tunnels' 172.16.0.0/16.
MOST_SPOKES = 60_000

_ROUTER = """\
hostname {name}
!
interface Tunnel0
 bandwidth 100000
 ip address {tunnel} 255.255.0.0
 ip mtu 1400
{nhrp}
 ip tcp adjust-mss 1360
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 tunnel key 100
!
interface GigabitEthernet0/1
 ip address {nbma} 255.192.0.0
!
interface GigabitEthernet0/2
 ip address {lan} 255.255.255.0
!
router eigrp OVERLAY
 !
 address-family ipv4 unicast autonomous-system 100
{eigrp}
  network 10.0.0.0
  network 172.16.0.0
 exit-address-family
!
end
"""

#: The hub of thousands of spokes that all want a direct path at once needs a high limit.
_HUB_NHRP = """\
 ip nhrp map multicast dynamic
 ip nhrp max-send 65535 every 10
 ip nhrp network-id 1
 ip nhrp redirect"""

_SPOKE_NHRP = """\
 ip nhrp network-id 1
 ip nhrp nhs {hub_tunnel} nbma {hub_nbma} multicast
 ip nhrp shortcut"""

_HUB_EIGRP = """\
  !
  af-interface Tunnel0
   summary-address 10.0.0.0 255.0.0.0
  exit-af-interface
  !
  topology base
  exit-af-topology"""

_SPOKE_EIGRP = """\
  !
  topology base
  exit-af-topology
  eigrp stub connected"""


def nbma(number: int) -> IPv4Address:
    """Return the NBMA address of router `number` (0: the hub)."""
    return UNDERLAY + number


def tunnel(number: int) -> IPv4Address:
    """Return its tunnel address."""
    return TUNNEL + number


def lan(number: int) -> IPv4Address:
    """Return its address on its LAN."""
    return LAN + (number << 8)


def phase3(spokes: int) -> Scenario:
    """Return one hub, `spokes` spokes, EIGRP with a summary at the hub, redirect and shortcut. Raises UserError."""
    if not 1 <= spokes <= MOST_SPOKES:
        raise UserError(f"--spokes {spokes}: from 1 to {MOST_SPOKES}")
    names = ["HUB", *(f"S{number}" for number in range(1, spokes + 1))]
    spoke_nhrp = _SPOKE_NHRP.format(hub_tunnel=tunnel(0), hub_nbma=nbma(0))
    configurations = {
        name: _ROUTER.format(
            name=name,
            tunnel=tunnel(number),
            nbma=nbma(number),
            lan=lan(number),
            nhrp=spoke_nhrp if number else _HUB_NHRP,
            eigrp=_SPOKE_EIGRP if number else _HUB_EIGRP,
        )
        for number, name in enumerate(names)
    }
    roles = {name: RouterSpec(role="spoke" if number else "hub") for number, name in enumerate(names)}
    wires = [LinkSpec(ends=[f"{name}:GigabitEthernet0/1" for name in names])]
    lans = [LinkSpec(ends=[f"{name}:GigabitEthernet0/2", f"{name}:GigabitEthernet0/3"]) for name in names]
    routes = {name: ["10.0.0.0/8"] for name in names}
    routes["HUB"] = [f"{LAN + (number << 8) - 1}/24" for number in range(1, spokes + 1)]
    ready = ReadySpec(routes=routes)
    lab = Lab(title=f"phase 3, {spokes} spokes", routers=roles, links=[*wires, *lans], ready=ready)
    return Scenario("phase3", lab, configurations)
