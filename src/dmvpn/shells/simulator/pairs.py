"""Whether spokes use direct paths: pings between disjoint pairs of them, and a check of the forwarding tables."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dmvpn.base.effects import SendIp
from dmvpn.base.events import Event, IpReceived
from dmvpn.base.values import dataclass
from dmvpn.dataplane.contract import EffectError
from dmvpn.net import icmp, ip
from dmvpn.shells.lab_model import INSIDE
from dmvpn.shells.ready import missing

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.notices import TunnelState
    from dmvpn.shells.scenario import Scenario
    from dmvpn.shells.simulator.node import RouterNode
    from dmvpn.shells.simulator.simulator import Simulator

#: Pings from each side, and seconds between them.
PINGS = 5
INTERVAL = 0.5
#: Seconds that routing protocols have to advertise the LANs: OSPF elects for 40, and BGP may try again later.
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class PairResult:
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
    world.run_while(lambda: any(not _has_routes(world, *pair) for pair in pairs), PATIENCE, step=0.25)
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
    earlier = node.watch

    def watch(event: Event) -> None:
        if isinstance(event, IpReceived) and ip.is_icmp(event.protocol, event.source):
            message = ip.parse_icmp(event.payload, event.source, event.destination)
            if isinstance(message, icmp.EchoReply):
                awaited.pop((node.name, event.source.version, message.identifier, message.sequence), None)
        earlier(event)

    node.watch = watch


def _ping(node: RouterNode, destination: IPAddress, number: int, sequence: int, world: Simulator) -> None:
    request = icmp.EchoRequest(identifier=number & 0xFFFF, sequence=sequence, payload=bytes(56))
    version = destination.version
    octets = ip.serialize_icmp(request, version)
    node.plane.now = world.now
    with suppress(EffectError):  # no route: there will be no answer
        node.plane.execute(SendIp(None, _lan(node, version), destination, ip.ICMP[version], octets, ttl=64))
    node.wake(world.now)
    world.schedule(node)


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


def _has_routes(world: Simulator, one: str, other: str) -> bool:
    """Return whether each of two spokes has a route to the other's LAN by a tunnel: the provider's default does not
    count.
    """
    near, far = world.routers[one], world.routers[other]
    return all(
        _leads_into_tunnel(here, _lan(there, version))
        for here, there in ((near, far), (far, near))
        for version in _versions(world, one, other)
    )


def _leads_into_tunnel(node: RouterNode, address: IPAddress) -> bool:
    route = node.router.ports.rib.lookup(address)
    tunnels = [tunnel.name for tunnel in node.router.ports.tunnels.all()]
    return route is not None and any(hop.interface in tunnels for hop in route.next_hops)


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
