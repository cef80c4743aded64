"""What single events cost a hub, in processor time of this process: no other work on the machine disturbs that much.

The router is the hub of `dmvpn simulate phase3` with all its features, and its whole way of an event: dispatch,
decoding, the state machines, the answer as octets, log lines. Only the data plane is left out: effects are dropped.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bench.figures import Figure
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, ConfigurationEntered, IpReceived, LinkChanged, NhrpReceived, Tick
from dmvpn.features.eigrp.machine import EigrpMachine
from dmvpn.features.eigrp.sender import ALL_ROUTERS, PROTOCOL
from dmvpn.features.nhrp.cie import ClientInfo
from dmvpn.features.nhrp.extensions import ForwardTransitRecord, NatAddress, ResponderAddress, ReverseTransitRecord
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationRequest
from dmvpn.router.router import Router
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.topologies import nbma, phase3, tunnel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.base.events import Event

TUNNEL: Final = "Tunnel0"
RUNS: Final = 5


def measure(*, quick: bool) -> list[Figure]:
    """Registrations, Hellos and a quiet network."""
    clients, spokes = (200, 50) if quick else (2000, 300)
    requests = [_registration(number) for number in range(1, clients + 1)]
    first, refreshed = [], []
    for _ in range(RUNS):
        hub = _hub()
        first.append(_rate(hub, requests, 1.0))
        refreshed.append(_rate(hub, requests, 2.0))
    world = Simulator.of(phase3(spokes))
    world.run_for(10.0)
    heard = _hear_hellos(world)
    quiet = tuple(_let_pass(world, 10.0) for _ in range(RUNS))
    return [
        Figure(name="new registrations a hub answers", unit="/s", values=tuple(first), more=True),
        Figure(name="refreshed registrations a hub answers", unit="/s", values=tuple(refreshed), more=True),
        Figure(name=f"EIGRP Hellos a hub hears, {spokes} neighbors", unit="/s", values=heard, more=True),
        Figure(name="one Hello", unit="µs", values=tuple(1e6 / rate for rate in heard)),
        Figure(
            name=f"a quiet network of {spokes} spokes, simulated",
            unit="router-seconds/s",
            values=quiet,
            more=True,
        ),
    ]


def _hub() -> Router:
    """A hub whose tunnel is up."""
    router = Router(SeededEntropy(1))
    configuration = phase3(1).configurations["HUB"]
    start: list[Event] = [ClockSet(1.8e9), ConfigurationEntered(configuration, by="startup", saved=True)]
    start += [LinkChanged(f"GigabitEthernet0/{number}", True) for number in (1, 2)]
    for event in start:
        router.handle(event, 0.0)
    router.handle(Tick(), 0.5)
    return router


def _rate(router: Router, events: Iterable[Event], now: float) -> float:
    """Events a second of processor time."""
    handle: Callable[[Event, float], object] = router.handle
    count, begun = 0, time.process_time()
    for event in events:
        handle(event, now)
        count += 1
    return count / (time.process_time() - begun)


def _registration(number: int) -> NhrpReceived:
    """What spoke `number` sends, as IOS and our own client do."""
    server = ClientInfo(prefix_length=32, mtu=17912, preference=255, nbma=nbma(0), protocol=tunnel(0))
    request = RegistrationRequest(
        source_nbma=nbma(number),
        source_protocol=tunnel(number),
        destination_protocol=tunnel(0),
        flags=RegistrationFlag.NAT | RegistrationFlag.UNIQUE,
        request_id=number,
        cies=(ClientInfo(prefix_length=32, mtu=17912, holding_time=600, preference=255),),
        extensions=(
            ResponderAddress(),
            ForwardTransitRecord(),
            ReverseTransitRecord(),
            NatAddress(entries=(server,)),
        ),
    )
    return NhrpReceived(TUNNEL, nbma(number), request.serialize())


def _hear_hellos(world: Simulator) -> tuple[float, ...]:
    """Hellos a second of processor time, from neighbors that are up: each the one that it always sends."""
    hub = world.routers["HUB"].router
    (process,) = hub.machine(EigrpMachine).processes.values()
    hellos = [
        IpReceived(TUNNEL, neighbor.address, ALL_ROUTERS, PROTOCOL, neighbor.hello, ttl=2)
        for neighbor in process.neighbors()
        if neighbor.is_up
    ]
    assert len(hellos) == len(world.routers) - 1, "a spoke is no neighbor"
    return tuple(_rate(hub, hellos, world.now) for _ in range(RUNS))


def _let_pass(world: Simulator, seconds: float) -> float:
    """Routers times virtual seconds, for each second of processor time: Hellos, refreshes, polls."""
    begun = time.process_time()
    world.run_for(seconds)
    return len(world.routers) * seconds / (time.process_time() - begun)
