"""A hub that has restarted, and all its spokes at once: main mode or IKE_SA_INIT, the first pair, the registration.

The hub is a whole router with all features, alone on one core: a datagram waits until the hub has done with those
before it, so the hub's clock goes on by the processor time that it takes. The spokes' own time is not counted, and they
repeat what is not answered in time, as spokes do. Each way takes 10 ms. Effects of the hub are not carried out, and ESP
is neither sealed nor opened: a registration comes with the connection that would have protected it.
"""

from __future__ import annotations

import gc
import heapq
import itertools
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.figures import Figure
from bench.hub import TUNNEL, registration
from bench.ike import ISAKMP, X25519
from dmvpn.base.effects import InstallSa, SendGre, SendIp
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, ConfigurationEntered, IpReceived, LinkChanged, NhrpReceived, Tick
from dmvpn.base.negotiation import SaNegotiated
from dmvpn.router.router import Router
from dmvpn.shells.simulator.topologies import nbma, phase3
from support.ike_machines import GCM, MachineNet, Node

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event

PORT: Final = "GigabitEthernet0/1"
WAY: Final = 0.01
#: Seconds until a spoke repeats its registration: the hub did not have its connection yet.
AGAIN: Final = 1.0
SPOKES: Final = 5000
#: What hub and spokes have, and the seconds in which all spokes should be back, and must be.
LINES: Final[dict[str, tuple[str, float, float | None]]] = {
    "IKEv2 with X25519": (X25519, 2.5, 3.5),
    "IKEv1 with group 14": (ISAKMP.format(group=14), 60.0, None),
}
IPSEC: Final = """crypto ipsec transform-set T esp-gcm 256
 mode transport
crypto ipsec profile IPSEC
 set transform-set T
"""


def measure(*, quick: bool) -> list[Figure]:
    """Processor seconds of the hub, and seconds until the last spoke is registered."""
    spokes = 500 if quick else SPOKES
    figures = []
    for about, (lines, goal, floor) in LINES.items():
        one = Return(lines, spokes)
        gc.collect()
        gc.disable()
        one.run(600.0)
        gc.enable()
        assert len(one.registered) == spokes, "a spoke is not back"
        what = f"{spokes:,} spokes come back at once, {about}"
        last = max(one.registered.values())
        figures += [
            Figure(name=f"{what}: until the last one is registered", unit="s", values=(last,), goal=goal, floor=floor),
            Figure(name=f"{what}: processor time of the hub", unit="s", values=(one.spent,)),
        ]
    return figures


class Arrival(NamedTuple):
    """at: the moment when it arrives, or when a deadline is due. order: of two at one moment. whom: 0 is the hub."""

    at: float
    order: int
    whom: int
    event: Event


class Network(MachineNet):
    """Wires on which nothing is ever late: what spokes send is taken from them at once."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[SendIp] = []

    def send(self, node: Node, sent: SendIp) -> None:
        """Keep it."""
        self.sent.append(sent)


class Return:
    """All spokes come at once. spent: processor seconds of the hub; registered: by number, when."""

    def __init__(self, lines: str, spokes: int) -> None:
        self.net = Network()
        self.hub = _hub(lines)
        self.spokes = [self.net.node(str(nbma(number)), lines, transforms=(GCM,)) for number in range(1, spokes + 1)]
        self.spent = self.free = 0.0
        self.registered: dict[int, float] = {}
        self.datagrams = 0
        self._connections: dict[IPv4Address, int] = {}
        self._numbers = {spoke.address: number for number, spoke in enumerate(self.spokes, 1)}
        self._serial = itertools.count()
        self._queue: list[Arrival] = []

    def run(self, limit: float) -> None:
        """Let them come, until all are registered."""
        for number, spoke in enumerate(self.spokes, 1):
            spoke.want(str(nbma(0)))
            self._said(number, 0.0)
        while self._queue and len(self.registered) < len(self.spokes):
            at, _, whom, event = heapq.heappop(self._queue)
            if at > limit:
                break
            if whom:
                self._spoke(whom, event, at)
            else:
                self._hub(event, at)

    # ------------------------------------------------------------------------------------------------ the hub

    def _hub(self, event: Event, at: float) -> None:
        due = self.hub.next_deadline()
        while due is not None and due <= max(at, self.free):
            self._handled(Tick(), max(due, self.free))
            due = self.hub.next_deadline()
        if isinstance(event, NhrpReceived):
            source = event.outer_source
            assert isinstance(source, IPv4Address)
            number, connection = self._numbers[source], self._connections.get(source, 0)
            if not connection:
                self._push(at + AGAIN, 0, event)
                return
            effects = self._handled(NhrpReceived(TUNNEL, source, event.data, connection), max(at, self.free))
            if any(isinstance(effect, SendGre) for effect in effects):
                self.registered.setdefault(number, self.free)
        else:
            self._handled(event, max(at, self.free))

    def _handled(self, event: Event, now: float) -> list[Effect]:
        begun = time.thread_time()
        effects = self.hub.handle(event, now)
        cost = time.thread_time() - begun
        self.spent += cost
        self.free = now + cost
        for effect in effects:
            if isinstance(effect, SendIp) and effect.source is not None and effect.protocol == 17:
                arrived = IpReceived("GigabitEthernet1", effect.source, effect.destination, 17, effect.payload)
                self._push(self.free + WAY, self._numbers[effect.destination], arrived)  # type: ignore[index]
            elif isinstance(effect, InstallSa):
                self._connections[effect.sa.remote] = effect.sa.connection  # type: ignore[index]
        return effects

    # ------------------------------------------------------------------------------------------------ a spoke

    def _spoke(self, number: int, event: Event, at: float) -> None:
        spoke = self.spokes[number - 1]
        self.net.now = at
        due = spoke.machine.next_deadline()
        if isinstance(event, Tick) and (due is None or due > at):
            return
        spoke.tell(event)
        self._said(number, at)

    def _said(self, number: int, at: float) -> None:
        spoke = self.spokes[number - 1]
        for sent in self.net.sent:
            self.datagrams += 1
            assert sent.source is not None
            self._push(at + WAY, 0, IpReceived(PORT, sent.source, sent.destination, 17, sent.payload))
        self.net.sent.clear()
        if any(isinstance(said, SaNegotiated) for said in spoke.said):
            self._push(at + WAY, 0, registration(number))
        spoke.said.clear()
        due = spoke.machine.next_deadline()
        if due is not None:
            self._push(max(due, at), number, Tick())

    def _push(self, at: float, whom: int, event: Event) -> None:
        heapq.heappush(self._queue, Arrival(at, next(self._serial), whom, event))


def _hub(lines: str) -> Router:
    """A hub whose tunnel is protected, and up."""
    router = Router(SeededEntropy(1))
    text = phase3(1).configurations["HUB"]
    tunnel = f"interface {TUNNEL}\n"
    assert tunnel in text
    text = f"{lines}{IPSEC}" + text.replace(tunnel, f"{tunnel} tunnel protection ipsec profile IPSEC\n")
    start: list[Event] = [ClockSet(1.8e9), ConfigurationEntered(text, by="startup", saved=True)]
    start += [LinkChanged(f"GigabitEthernet0/{number}", True) for number in (1, 2)]
    for event in start:
        router.handle(event, 0.0)
    router.handle(Tick(), 0.0)
    return router
