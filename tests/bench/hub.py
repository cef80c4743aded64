"""A hub and ten thousand spokes: registrations, what one costs in memory, and how quickly the hub passes questions on.

The router is the hub of `dmvpn simulate phase3` with all its features, and its whole way of an event: dispatch,
decoding, the state machines, the answer as octets, log lines. Only the data plane is left out: effects are dropped.
Times are processor time of this process: no other work on the machine disturbs that much. What all is compared with is
reading a packet and writing it again, and nothing else. Garbage is collected as in a router that runs.
"""

from __future__ import annotations

import gc
import resource
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.figures import Figure
from bench.loop import collecting
from dmvpn.base.effects import SendGre
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, ConfigurationEntered, LinkChanged, NhrpReceived, Tick
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationRequest, ResolutionFlag, ResolutionRequest, parse
from dmvpn.features.nhrp.parts import (
    ClientInfo,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    ReverseTransitRecord,
)
from dmvpn.router.router import Router
from dmvpn.shells.simulator.topologies import nbma, phase3, tunnel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.events import Event

TUNNEL: Final = "Tunnel0"
RUNS: Final = 5
#: Questions whose time is measured, in each run.
QUESTIONS: Final = 2000
_AGAINST: Final = "reading and writing the packet alone"


def measure(*, quick: bool) -> list[Figure]:
    """Registrations, memory and resolution."""
    clients, runs = (1000, 2) if quick else (10_000, RUNS)
    memory = _memory(clients)  # before there is rubbish to be used again
    requests = [registration(number) for number in range(1, clients + 1)]
    questions = [question(number, clients) for number in range(1, QUESTIONS + 1)]
    first, refreshed, codec, median, slowest, codec_slowest = [], [], [], [], [], []

    @collecting
    def run() -> None:
        hub = make_hub()
        count, begun = 0, time.process_time()
        for event in requests:
            parse(event.data).serialize()
            count += 1
        codec.append(count / (time.process_time() - begun))
        first.append(_rate(hub, requests, 1.0))
        refreshed.append(_rate(hub, requests, 2.0))
        times = []
        for event in questions:
            begun = time.process_time()
            effects = hub.handle(event, 3.0)
            times.append((time.process_time() - begun) * 1e3)
            assert any(type(effect) is SendGre for effect in effects), "not passed on"
        median.append(statistics.median(times))
        slowest.append(_percentile(times))
        times = []
        for event in questions:
            begun = time.process_time()
            parse(event.data).serialize()
            times.append((time.process_time() - begun) * 1e3)
        codec_slowest.append(_percentile(times))

    for _ in range(runs):
        run()
    return [
        Figure(
            name=f"first registrations a hub answers, {clients:,} spokes",
            unit="/s",
            values=tuple(first),
            goal=14_000,
            floor=12_000,
            more=True,
            baseline=tuple(codec),
            against=_AGAINST,
        ),
        Figure(
            name=f"refreshed registrations, {clients:,} spokes",
            unit="/s",
            values=tuple(refreshed),
            goal=60_000,
            floor=35_000,
            more=True,
            baseline=tuple(codec),
            against=_AGAINST,
        ),
        Figure(name="memory of a registered spoke", unit="KB", values=(memory,), goal=4),
        Figure(
            name=f"a Resolution Request passed on, {clients:,} spokes",
            unit="ms",
            values=tuple(median),
            goal=0.06,
            floor=0.07,
        ),
        Figure(
            name=f"a Resolution Request passed on, {clients:,} spokes, 99 of 100 within",
            unit="ms",
            values=tuple(slowest),
            goal=2,
            baseline=tuple(codec_slowest),
            against=_AGAINST,
        ),
    ]


def make_hub() -> Router:
    """A hub whose tunnel is up."""
    router = Router(SeededEntropy(1))
    configuration = phase3(1).configurations["HUB"]
    start: list[Event] = [ClockSet(1.8e9), ConfigurationEntered(configuration, by="startup", saved=True)]
    start += [LinkChanged(f"GigabitEthernet0/{number}", True) for number in (1, 2)]
    for event in start:
        router.handle(event, 0.0)
    router.handle(Tick(), 0.5)
    return router


# ------------------------------------------------------------------------------------------------ measuring


def _rate(router: Router, events: Sequence[Event], now: float) -> float:
    """Events a second of processor time. Each must be answered."""
    answers, begun = 0, time.process_time()
    for event in events:
        answers += any(type(effect) is SendGre for effect in router.handle(event, now))
    seconds = time.process_time() - begun
    assert answers == len(events), f"{answers} of {len(events)} answered"
    return len(events) / seconds


def _percentile(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def _memory(clients: int) -> float:
    """KB that the process grows by for each client that registers."""
    hub = make_hub()
    before = _resident()
    for number in range(1, clients + 1):
        hub.handle(registration(number), 1.0)
    return (_resident() - before) / clients / 1024


def _resident() -> int:
    """Octets of memory that this process has, rubbish not counted."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


# ------------------------------------------------------------------------------------------------ packets


def registration(number: int) -> NhrpReceived:
    """A client's request as IOS and we make it."""
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


def question(number: int, clients: int) -> NhrpReceived:
    """A client asks for another one, far away in the table."""
    asker, asked = number % clients + 1, (number * 7919) % clients + 1
    request = ResolutionRequest(
        source_nbma=nbma(asker),
        source_protocol=tunnel(asker),
        destination_protocol=tunnel(asked if asked != asker else asked % clients + 1),
        flags=ResolutionFlag.ROUTER | ResolutionFlag.AUTHORITATIVE | ResolutionFlag.SOURCE_STABLE | ResolutionFlag.NAT,
        request_id=number,
        cies=(ClientInfo(prefix_length=32, mtu=17912, holding_time=600, preference=255),),
        extensions=(ResponderAddress(), ForwardTransitRecord(), ReverseTransitRecord(), NatAddress()),
    )
    return NhrpReceived(TUNNEL, nbma(asker), request.serialize())
