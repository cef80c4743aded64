"""Routers and hosts of the simulated world."""

from __future__ import annotations

from collections import deque
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import Effect, NextHop, SendIp, SetInterface, SetRoute
from dmvpn.base.events import EffectFailed, Event, IpReceived, Tick
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.simulated import SimulatedPlane
from dmvpn.router.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.entropy import Entropy
    from dmvpn.base.recording import Recorder
    from dmvpn.dataplane.simulated.box import Transmit

#: Events that one moment may cause in one router. More means an endless conversation with itself: our bug.
EVENT_LIMIT = 100_000


class RouterNode:
    """A router on the simulated plane. Effects that are not for the plane go to `outside` (consoles, jobs, storage).

    watch: is told every event before the router is.
    """

    def __init__(self, name: str, entropy: Entropy, transmit: Transmit, recorder: Recorder | None = None) -> None:
        """recorder: writes its life down."""
        self.name = name
        self.router = Router(entropy if recorder is None else recorder.begin(entropy))
        self.plane = SimulatedPlane(self._enqueue, transmit)
        self.outside: Callable[[Effect], None] = _ignore
        self.recorder = recorder
        self.watch: Callable[[Event], None] = _ignore
        self.alive = True
        self._inbox: deque[Event] = deque()
        self._busy = False

    def post(self, event: Event, now: float) -> None:
        """Hand the router an event now, and carry out what follows from it."""
        self._inbox.append(event)
        self._work(now)

    def arrive(self, interface: str, packet: bytes, now: float) -> None:
        """A packet comes in by a wire."""
        if not self.alive:
            return
        self.plane.now = now
        self.plane.receive(interface, packet)
        self._work(now)

    def wake(self, now: float) -> None:
        """A deadline may have come."""
        if not self.alive:
            return
        self.plane.now = now
        due = self.plane.next_deadline()
        if due is not None and due <= now:
            self.plane.tick()
        due = self.router.next_deadline()
        if due is not None and due <= now:
            self._inbox.append(Tick())
        self._work(now)

    def next_deadline(self) -> float | None:
        """When `wake` is due."""
        if not self.alive:
            return None
        router, plane = self.router.next_deadline(), self.plane.next_deadline()
        if router is None or plane is None:
            return plane if router is None else router
        return min(router, plane)

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        """Addresses that a port answers to; a dead router answers nobody."""
        return self.plane.addresses_of(interface) if self.alive else ()

    def _enqueue(self, event: Event) -> None:
        self._inbox.append(event)

    def _work(self, now: float) -> None:
        if self._busy:
            return  # the loop below, further up on the stack, takes it
        self._busy = True
        self.plane.now = now
        try:
            for _ in range(EVENT_LIMIT):
                if not self._inbox:
                    return
                event = self._inbox.popleft()
                self.watch(event)
                for effect in self._handle(event, now):
                    self._carry_out(effect)
            raise AssertionError(f"{self.name} is busy with itself for ever: {self._inbox[0]!r}")
        finally:
            self._busy = False

    def _handle(self, event: Event, now: float) -> list[Effect]:
        if self.recorder is None:
            return self.router.handle(event, now)
        self.recorder.event(event, now)
        effects = self.router.handle(event, now)
        self.recorder.outcome(effects)
        return effects

    def _carry_out(self, effect: Effect) -> None:
        try:
            self.plane.execute(effect)
        except EffectError as error:
            self._inbox.append(EffectFailed(effect, error.errno, error.text))
        self.outside(effect)


class HostNode:
    """A computer behind a router: one interface, a default gateway, no opinions. What it receives is kept."""

    def __init__(self, name: str, address: IPv4Interface, gateway: IPv4Address | None, transmit: Transmit) -> None:
        self.name = name
        self.alive = True
        self.received: list[IpReceived] = []
        self.plane = SimulatedPlane(self._take, transmit)
        self.plane.execute(SetInterface("eth0", True, ((address.ip, address.network.prefixlen),)))
        if gateway is not None:
            self.plane.execute(SetRoute(Prefix(IPv4Address(0), 0), (NextHop("eth0", gateway),)))

    def send(self, packet: SendIp, now: float) -> None:
        """Send a packet of its own. Raises EffectError where it has no route."""
        self.plane.now = now
        self.plane.execute(packet)

    def arrive(self, interface: str, packet: bytes, now: float) -> None:
        """A packet comes in by the wire."""
        self.plane.now = now
        self.plane.receive(interface, packet)

    def wake(self, now: float) -> None:
        """A host has no timers."""

    def next_deadline(self) -> float | None:
        """A host has no timers."""
        return None

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        """Addresses that the port answers to."""
        return self.plane.addresses_of(interface)

    def _take(self, event: Event) -> None:
        if isinstance(event, IpReceived):
            self.received.append(event)


Node = RouterNode | HostNode


def _ignore(fact: Effect | Event) -> None:
    """Nobody listens."""
