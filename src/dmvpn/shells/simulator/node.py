"""Routers and hosts of the simulation."""

from __future__ import annotations

from collections import deque
from ipaddress import IPv4Interface, IPv6Interface
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import Effect, HistoryGrew, NextHop, Resolve, SendIp, SetInterface, SetRoute, Store
from dmvpn.base.events import EffectFailed, Event, IpReceived, Tick
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.simulated import SimulatedPlane
from dmvpn.router.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dmvpn.base.entropy import Entropy
    from dmvpn.base.recording import Recorder
    from dmvpn.dataplane.simulated.chassis import Transmit

#: Events that one moment may cause in one router. More is an endless loop: our bug.
EVENT_LIMIT = 100_000
#: The TTL of a Linux host's packets.
HOST_TTL = 64


class RouterNode:
    """A router on the simulated plane. Effects that are not for the plane go to `outside` (consoles, jobs).

    sealing: entropy of its plane. watch: called with every event before the router. resolve: queries the name service
        of the simulation. stored: files for its next life.
    """

    def __init__(
        self,
        name: str,
        entropy: Entropy,
        sealing: Entropy,
        transmit: Transmit,
        recorder: Recorder | None = None,
        *,
        remembers: bool = False,
    ) -> None:
        """recorder: records its events. remembers: it keeps its past."""
        self.name = name
        self.stored: dict[str, bytes] = {}
        self.router = Router(entropy if recorder is None else recorder.begin(entropy), remembers=remembers)
        self.plane = SimulatedPlane(self._enqueue, transmit, sealing.octets)
        self.router.counting = self.plane
        self.outside: Callable[[Effect], None] = _ignore
        self.recorder = recorder
        self.watch: Callable[[Event], None] = _ignore
        self.resolve: Callable[[str], None] = _ignore
        self.alive = True
        self._inbox: deque[Event] = deque()
        self._busy = False
        self._due: float | None = None

    def post(self, event: Event, now: float) -> None:
        """Pass an event to the router now, and carry out its effects."""
        self._inbox.append(event)
        self._work(now)

    def arrive(self, interface: str, packet: bytes, now: float) -> None:
        """Process a packet from a wire."""
        if not self.alive:
            return
        self.plane.now = now
        self.plane.receive(interface, packet)
        self._work(now)

    def wake(self, now: float) -> None:
        """Check whether a deadline has come."""
        if not self.alive:
            return
        self.plane.now = now
        due = self.plane.next_deadline()
        if due is not None and due <= now:
            self.plane.tick()
        if self._due is not None and self._due <= now:
            self._inbox.append(Tick())
        self._work(now)

    def next_deadline(self) -> float | None:
        """Return when `wake` is due."""
        if not self.alive:
            return None
        return earliest(self._due, self.plane.next_deadline())

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        """Return the addresses of a port; a dead router has none."""
        return self.plane.addresses_of(interface) if self.alive else ()

    def _enqueue(self, event: Event) -> None:
        self._inbox.append(event)

    def _work(self, now: float) -> None:
        if self._busy:
            return  # the loop below, further up on the stack, handles it
        if not self._inbox:
            return  # transit: the plane reported no event
        self._busy = True
        self.plane.now = now
        try:
            for _ in range(EVENT_LIMIT):
                if not self._inbox:
                    self._due = self.router.next_deadline()
                    return
                event = self._inbox.popleft()
                self.watch(event)
                for effect in self._handle(event, now):
                    self._carry_out(effect)
            raise AssertionError(f"{self.name} is busy with itself forever: {self._inbox[0]!r}")
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
        match effect:
            case Store(name, octets):
                self.stored[name] = octets
            case Resolve(name):
                self.resolve(name)
        try:
            if not isinstance(effect, HistoryGrew):  # for subscribers; a hub emits many of these
                self.plane.execute(effect)
        except EffectError as error:
            self._inbox.append(EffectFailed(effect, error.errno, error.text))
        self.outside(effect)


#: An address with its prefix length, and the gateway.
HostAddress = tuple[IPv4Interface | IPv6Interface, IPAddress | None]


class HostNode:
    """A computer behind a router: one interface and a default gateway.

    take: called with received packets; without it they are kept in `received`.
    """

    def __init__(self, name: str, addresses: Sequence[HostAddress], transmit: Transmit) -> None:
        self.name = name
        self.alive = True
        self.received: list[IpReceived] = []
        self.take: Callable[[IpReceived], None] = self.received.append
        self.plane = SimulatedPlane(self._take, transmit)
        self.plane.echo_ttl = HOST_TTL
        own = tuple((address.ip, address.network.prefixlen) for address, _ in addresses)
        self.plane.execute(SetInterface("eth0", True, own))
        for _, gateway in addresses:
            if gateway is not None:
                self.plane.execute(SetRoute(Prefix.of(gateway, 0), (NextHop("eth0", gateway),)))

    def send(self, packet: SendIp, now: float) -> None:
        """Send a packet of its own. Raises EffectError if it has no route."""
        self.plane.now = now
        self.plane.execute(packet)

    def arrive(self, interface: str, packet: bytes, now: float) -> None:
        """Process a packet from the wire."""
        self.plane.now = now
        self.plane.receive(interface, packet)

    def wake(self, now: float) -> None:
        """Do nothing: a host has no timers."""

    def next_deadline(self) -> float | None:
        """Return None: a host has no timers."""
        return None

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        """Return the addresses of the port."""
        return self.plane.addresses_of(interface)

    def _take(self, event: Event) -> None:
        if isinstance(event, IpReceived):
            self.take(event)


def _ignore(fact: Effect | Event | str) -> None:
    """Ignore a fact without subscribers."""
