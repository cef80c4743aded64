"""Networks of any size from a few numbers, for `dmvpn simulate` and the benchmarks.

All routers are on one wide underlay (100.64.0.0/10, a switch), because the overlay is measured. Spoke n has the LAN
10.x.y.0/24 and the tunnel address 172.16.x.y, where n = 256 x + y; the hub is number 0.

`go_direct` says whether spokes use direct paths, by pings between disjoint pairs of them and their forwarding tables.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address

from dmvpn.base.addresses import IPAddress
from dmvpn.base.effects import SendIp
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, IpReceived
from dmvpn.base.notices import TunnelState
from dmvpn.base.values import Value
from dmvpn.dataplane.contract import EffectError
from dmvpn.net import icmp, ip
from dmvpn.shells.lab_model import INSIDE, Lab, LinkSpec, ReadySpec, RouterSpec
from dmvpn.shells.ready import missing
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.node import RouterNode
from dmvpn.shells.simulator.simulator import Simulator

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


#: Pings from each side, and seconds between them.
PINGS = 5
INTERVAL = 0.5
#: Seconds that routing protocols have to advertise the LANs: OSPF elects for 40, and BGP may try again later.
PATIENCE = 120.0


class PairResult(Value):
    """The number of possible pairs (both tunnels are multipoint) that used direct paths both ways, with each version
    of IP that both tunnels have, and the lost pings.
    """

    pairs: int
    direct: int
    sent: int
    lost: int


def go_direct(world: Simulator, scenario: Scenario) -> PairResult:
    """Ping within each pair of spokes, LAN to LAN, as soon as there are routes, and check the NBMA address used at the
    end.

    Where only one of several spokes can come up, the rest are not among the pairs.
    """
    either = scenario.lab.ready.either
    spokes = [
        name
        for name, node in world.routers.items()
        if scenario.role(name) == "spoke" and not (name in either and missing(node.router, ()))
    ]
    pairs = list(zip(spokes[::2], spokes[1::2], strict=False))
    stations: dict[IPAddress | None, str] = {}  # "": several are behind one translator
    for name, node in world.routers.items():
        for tunnel in node.router.ports.tunnels.all():
            nbma = _public(world, name, tunnel)
            stations[nbma] = name if stations.get(nbma, name) == name else ""
    world.run_while(lambda: any(not _has_routes(world, stations, *pair) for pair in pairs), PATIENCE, step=0.25)
    awaited: dict[tuple[str, int, int, int], None] = {}  # router, version of IP, identifier and sequence number
    for one, _ in pairs:
        _remove_answered(world.routers[one], awaited)
    sent = 0
    for sequence in range(PINGS):
        for number, (one, other) in enumerate(pairs):
            for version in _versions(world, one, other):
                _ping(world.routers[one], _lan(world.routers[other], version), number, sequence, world)
                awaited[one, version, number & 0xFFFF, sequence] = None
                sent += 1
        world.run_for(INTERVAL)
    world.run_for(1.0)
    able = [pair for pair in pairs if all(_is_multipoint(world.routers[name]) for name in pair)]
    direct = sum(_is_direct(world, one, other) and _is_direct(world, other, one) for one, other in able)
    return PairResult(len(able), direct, sent, len(awaited))


def _remove_answered(node: RouterNode, awaited: dict[tuple[str, int, int, int], None]) -> None:
    """Remove pings from `awaited` as a router gets their answers."""

    def watch(event: Event) -> None:
        if isinstance(event, IpReceived) and ip.is_icmp(event.protocol, event.source):
            message = ip.parse_icmp(event.payload, event.source, event.destination)
            if isinstance(message, icmp.EchoReply):
                awaited.pop((node.name, event.source.version, message.identifier, message.sequence), None)

    node.add_watch(watch)


def _ping(node: RouterNode, destination: IPAddress, number: int, sequence: int, world: Simulator) -> None:
    request = icmp.EchoRequest(identifier=number & 0xFFFF, sequence=sequence, payload=bytes(56))
    version = destination.version
    octets = ip.serialize_icmp(request, version)
    with suppress(EffectError):  # no route: there will be no answer
        world.send(node.name, SendIp(None, _lan(node, version), destination, ip.ICMP[version], octets, ttl=64))


def _versions(world: Simulator, one: str, other: str) -> list[int]:
    """Return the versions of IP of which both spokes have an address on a tunnel, and one elsewhere."""
    ends = [(world.routers[name], of_tunnels) for name in (one, other) for of_tunnels in (True, False)]
    return [version for version in (4, 6) if all(_own(node, version, of_tunnels=here) for node, here in ends)]


def _lan(node: RouterNode, version: int) -> IPAddress:
    """Return the address of a spoke's last interface that is no tunnel: its LAN."""
    return _own(node, version, of_tunnels=False)[-1]


def _own(node: RouterNode, version: int, *, of_tunnels: bool) -> list[IPAddress]:
    states = [one for one in node.router.ports.interfaces.all() if one.name.startswith("Tunnel") == of_tunnels]
    return [address for one in states if (address := one.primary(version)) is not None]


def _has_routes(world: Simulator, stations: dict[IPAddress | None, str], one: str, other: str) -> bool:
    """Return whether tunnels lead from each of two spokes to the other's LAN, router by router: behind a summary the
    hub has to know the LAN, too.
    """
    return all(
        _leads_there(world, stations, here, there, _lan(world.routers[there], version))
        for here, there in ((one, other), (other, one))
        for version in _versions(world, one, other)
    )


def _leads_there(
    world: Simulator, stations: dict[IPAddress | None, str], here: str, there: str, address: IPAddress
) -> bool:
    """Follow the routes by tunnels: the provider's default does not count. A next hop that is unresolved, or not the
    only station at its NBMA address, is taken for the other spoke.
    """
    for _ in stations:
        node = world.routers[here]
        tunnels = node.router.ports.tunnels.all()
        names = [tunnel.name for tunnel in tunnels]
        hops = [hop for tunnel in tunnels for hop in node.plane.route(address, tunnel.vrf) if hop.interface in names]
        if not hops:
            return False
        nbma = node.plane.adjacency(hops[0].interface, hops[0].address or address)
        here = stations.get(nbma) or there
        if here == there:
            return True
    return False


def _is_multipoint(node: RouterNode) -> bool:
    return any(tunnel.multipoint for tunnel in node.router.ports.tunnels.all())


def _is_direct(world: Simulator, here: str, there: str) -> bool:
    """Return whether packets for the other's LAN leave for the other spoke's own NBMA address."""
    near, far = world.routers[here], world.routers[there]
    (tunnel,) = near.router.ports.tunnels.all()[:1]
    (far_tunnel,) = far.router.ports.tunnels.all()[:1]
    nbma = _public(world, there, far_tunnel)
    ways = [(lan, near.plane.route(lan)) for version in _versions(world, here, there) for lan in [_lan(far, version)]]
    return all(hops for _, hops in ways) and all(
        near.plane.adjacency(hop.interface, hop.address or lan) == nbma
        for lan, hops in ways
        for hop in hops
        if hop.interface == tunnel.name
    )


def _public(world: Simulator, router: str, tunnel: TunnelState) -> IPAddress | None:
    """Return a router's NBMA address as seen from outside: behind a translator that of the translator."""
    with suppress(KeyError):  # a loopback has no wire
        for station, port in world.segment_of(router, tunnel.source_interface).ends:
            if port == INSIDE and station.name in world.gateways:
                return world.gateways[station.name].public_of(tunnel.source)
    return tunnel.source
