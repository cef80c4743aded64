"""Steady flows between the hosts of a world, each packet with a number that can be read from the wire.

A flow sends at a dense pace while something happens (`hurry`), and at a sparse one in between: quiet hours should cost
little. Some conversations pause for minutes, so that unused entries can expire.

The number of a packet is its last octets: `Mark` is found again on any wire, inside GRE or outside. Inside ESP
`SealedMarks` finds it: the planes report each packet that they seal, and an ESP packet is recognized by its first and
last octets (SPI, sequence number, integrity check value), also behind NAT. Old packets are forgotten.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.effects import Listen, SendIp
from dmvpn.base.entropy import Entropy, below, fraction
from dmvpn.base.events import IpReceived
from dmvpn.base.values import Mutable
from dmvpn.dataplane.contract import EffectError
from dmvpn.judge.anatomy import FLOW_PORT, Anatomy, Conversation
from dmvpn.net import ip
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol
from dmvpn.net.ipv6 import HEADER_LENGTH as HEADER_LENGTH6
from dmvpn.shells.simulator.node import HOST_TTL

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import Event
    from dmvpn.dataplane.simulated import SimulatedPlane
    from dmvpn.shells.scenario import Scenario
    from dmvpn.shells.simulator.simulator import Simulator


# ------------------------------------------------------------------------------------------------ flows


#: The TTL that hosts give to packets.
FIRST_TTL = HOST_TTL
#: Seconds between two packets of a flow.
DENSE, SPARSE = 0.5, 6.0
#: Conversations at a time; a world with more pairs of hosts has others each time.
CONVERSATIONS = 4
#: Seconds that a conversation lasts, and pauses, at least; up to twice as long.
TALK, PAUSE = 600.0, 120.0

_MARK = struct.Struct("!4sHI")
_MAGIC = b"\x1ddMv"
_UDP = struct.pack("!HHHH", FLOW_PORT, FLOW_PORT, 8 + _MARK.size, 0)
#: Octets of a packet of ours, over IPv4 and IPv6, and with what GRE over IPv4 adds (without a key or with one).
_LENGTH, _LENGTH6 = (header + len(_UDP) + _MARK.size for header in (HEADER_LENGTH, HEADER_LENGTH6))
_GRE_LENGTHS = tuple(length + HEADER_LENGTH + gre for length in (_LENGTH, _LENGTH6) for gre in (4, 8))


class Mark(NamedTuple):
    """The flow of a packet, and its number in that flow."""

    flow: int
    sequence: int


def mark_of(packet: bytes) -> Mark | None:
    """Return the mark of a packet on a wire; None if it is not of a flow. An ICMP message that quotes one is not."""
    if packet[-_MARK.size : -6] != _MAGIC:
        return None
    length = len(packet)
    if packet[0] >> 4 == 6:
        ours = packet[6] == IpProtocol.UDP and length == _LENGTH6
    elif packet[9] == IpProtocol.GRE:
        ours = length in _GRE_LENGTHS
    else:
        ours = packet[9] == IpProtocol.UDP and length == _LENGTH
    if not ours:
        return None
    _, flow, sequence = _MARK.unpack_from(packet, len(packet) - _MARK.size)
    return Mark(flow, sequence)


def mark_within(message: bytes) -> Mark | None:
    """Return the mark of the payload of a GRE packet, given without its outer IP header."""
    if message[-_MARK.size : -6] != _MAGIC or len(message) + HEADER_LENGTH not in _GRE_LENGTHS:
        return None
    _, flow, sequence = _MARK.unpack_from(message, len(message) - _MARK.size)
    return Mark(flow, sequence)


class HostFlow(Mutable):
    """Packets from one host to another. sent: packets that did not arrive yet, with the time at which they left.

    direct: packets in a row that arrived without having touched a hub. talking_since: None while it pauses.
    """

    number: int
    source: str
    destination: str
    sites: tuple[str, str]
    sequence: int = 0
    sent: dict[int, float] = field(default_factory=dict)
    direct: int = 0
    talking_since: float | None = None
    paused_at: float = 0.0


class Post:
    """Sends and takes marked packets, host to host. A router may stand for a host, with an address of its own.

    arrived: called with each marked packet that arrives and its TTL. other: called with any other packet that a
    listening host received.
    """

    def __init__(self, world: Simulator, *, tcp: bool = False) -> None:
        """tcp: hosts receive TCP, too."""
        self._world = world
        self._tcp = tcp
        self.arrived: Callable[[Mark, int], None] = lambda _mark, _ttl: None
        self.other: Callable[[IpReceived], None] = lambda _event: None

    def listen(self, host: str) -> None:
        """Let a host receive such packets; a router also has to `expect` them."""
        node = self._world.hosts.get(host)
        if node is None:
            self._world.routers[host].add_watch(self._heard)
        else:
            node.take = self._take
            self._listen(node.plane, "eth0")

    def expect(self, router: str) -> None:
        """Let packets to a router itself reach it by any of its ports, new ones among them."""
        node = self._world.routers[router]
        for state in node.router.ports.interfaces.all():
            self._listen(node.plane, state.name)

    def send(
        self,
        host: str,
        destination: IPAddress,
        mark: Mark,
        *,
        source: IPAddress | None = None,
        length: int = 0,
        whole: bool = True,
    ) -> None:
        """Send one. source: a router's. length: padded to so many octets, and if `whole`, not to be fragmented."""
        head = HEADER_LENGTH if destination.version == 4 else HEADER_LENGTH6
        padding = bytes(max(0, length - head - len(_UDP) - _MARK.size))
        udp = struct.pack("!HHHH", FLOW_PORT, FLOW_PORT, len(_UDP) + _MARK.size + len(padding), 0) if padding else _UDP
        payload = udp + _MARK.pack(_MAGIC, *mark) + padding
        df = bool(length) and whole
        self.transmit(host, SendIp(None, source, destination, IpProtocol.UDP, payload, ttl=FIRST_TTL, df=df))

    def transmit(self, host: str, packet: SendIp) -> None:
        """Send any packet of a host; without a route or a wire it is lost."""
        with suppress(EffectError):
            self._world.send(host, packet)

    def _listen(self, plane: SimulatedPlane, port: str) -> None:
        plane.execute(Listen(port, IpProtocol.UDP, port=FLOW_PORT))
        if self._tcp:
            plane.execute(Listen(port, IpProtocol.TCP))

    def _heard(self, event: Event) -> None:
        if isinstance(event, IpReceived):
            self._take(event)

    def _take(self, event: IpReceived) -> None:
        if event.protocol == IpProtocol.UDP and event.payload[8:12] == _MAGIC:
            _, number, sequence = _MARK.unpack_from(event.payload, 8)
            self.arrived(Mark(number, sequence), event.ttl)
        else:
            self.other(event)


class Traffic:
    """The flows of a world.

    arrived, started: called with a packet that arrived (and its TTL), and with a flow that resumes after a pause.
    """

    def __init__(self, world: Simulator, scenario: Scenario, anatomy: Anatomy, entropy: Entropy) -> None:
        self._world = world
        self._post = Post(world)
        self._post.arrived = self._arrived
        self._entropy = entropy
        self._until = 0.0
        self._ended = False
        self._serials: dict[int, int] = {}
        self.arrived: Callable[[HostFlow, int, int], None] = lambda _flow, _sequence, _ttl: None
        self.started: Callable[[HostFlow], None] = lambda _flow: None
        self.flows: list[HostFlow] = []
        self._pairs: list[tuple[HostFlow, HostFlow]] = []
        self._addresses = {name: host.interface.ip for name, host in scenario.lab.hosts.items()}
        left = list(range(len(anatomy.conversations)))
        while len(left) > CONVERSATIONS:
            left.pop(below(entropy, len(left)))
        for conversation in [anatomy.conversations[position] for position in left]:
            self._add(conversation)

    def _add(self, conversation: Conversation) -> None:
        (one, other), (here, there) = conversation.hosts, conversation.sites
        forth = HostFlow(len(self.flows), one, other, (here, there))
        back = HostFlow(len(self.flows) + 1, other, one, (there, here))
        self.flows += [forth, back]
        self._pairs.append((forth, back))
        for host in conversation.hosts:
            self._post.listen(host)

    @property
    def sent(self) -> int:
        """Packets so far."""
        return sum(flow.sequence for flow in self.flows)

    def begin(self) -> None:
        """Let all conversations begin."""
        for pair in self._pairs:
            self._talk(pair)

    def end(self) -> None:
        """End the traffic: nothing is sent from now on."""
        self._ended = True

    def talk(self) -> None:
        """Let all conversations talk without pauses from now on."""
        for pair in self._pairs:
            if pair[0].talking_since is None:
                self._talk(pair, for_ever=True)
            else:
                self._serials[pair[0].number] = self._serials.get(pair[0].number, 0) + 1

    def hurry(self, until: float) -> None:
        """Send at the dense pace until then."""
        slow = self._world.now >= self._until
        self._until = max(self._until, until)
        if slow:
            for flow in self.flows:
                self._arm(flow)

    def _talk(self, pair: tuple[HostFlow, HostFlow], *, for_ever: bool = False) -> None:
        now = self._world.now
        for flow in pair:
            flow.talking_since = now
            self.started(flow)
            self._arm(flow)
        if not for_ever:
            self._later(pair, TALK, self._rest)

    def _rest(self, pair: tuple[HostFlow, HostFlow]) -> None:
        for flow in pair:
            flow.talking_since = None
            flow.paused_at = self._world.now
        self._later(pair, PAUSE, self._talk)

    def _later(
        self, pair: tuple[HostFlow, HostFlow], least: float, then: Callable[[tuple[HostFlow, HostFlow]], None]
    ) -> None:
        key = pair[0].number
        serial = self._serials[key] = self._serials.get(key, 0) + 1

        def act() -> None:
            if self._serials[key] == serial and not self._ended:
                then(pair)

        self._world.after(least * (1.0 + fraction(self._entropy)), act)

    def _arm(self, flow: HostFlow) -> None:
        """Send the next packet in a moment, and go on; an earlier chain of this flow ends."""
        key = -1 - flow.number
        serial = self._serials[key] = self._serials.get(key, 0) + 1

        def act() -> None:
            if self._serials[key] == serial and flow.talking_since is not None and not self._ended:
                self._send(flow)
                pace = DENSE if self._world.now < self._until else SPARSE
                self._world.after(pace * (0.9 + 0.2 * fraction(self._entropy)), act)

        self._world.after(DENSE * fraction(self._entropy), act)

    def _send(self, flow: HostFlow) -> None:
        flow.sequence += 1
        flow.sent[flow.sequence] = self._world.now
        self._post.send(flow.source, self._addresses[flow.destination], Mark(flow.number, flow.sequence))

    def _arrived(self, mark: Mark, ttl: int) -> None:
        self.arrived(self.flows[mark.flow], mark.sequence, ttl)


# ------------------------------------------------------------------------------------------------ packets inside ESP


#: Seconds for which the content of a packet is remembered, at least.
MEMORY = 5.0
_HEAD = 8
_NAT_PORT = (4500).to_bytes(2, "big")


class SealedMarks:
    """The marks of flows in packets that are sealed."""

    def __init__(self) -> None:
        self._new: dict[bytes, Mark] = {}
        self._old: dict[bytes, Mark] = {}
        self._since = 0.0

    def note(self, message: bytes, sealed: bytes, now: float) -> None:
        """Note that a plane has sealed this GRE packet."""
        mark = mark_within(message)
        if mark is None:
            return
        if now - self._since > MEMORY:
            self._old, self._new, self._since = self._new, {}, now
        self._new[_name(sealed)] = mark

    def mark_of(self, packet: bytes) -> Mark | None:
        """Return the mark of a packet on a wire, sealed or not; None if it is not of a flow."""
        sealed = _sealed(packet)
        if sealed is None:
            return mark_of(packet)
        name = _name(sealed)
        return self._new.get(name) or self._old.get(name)


def _sealed(packet: bytes) -> bytes | None:
    """Return the ESP packet in an IPv4 packet, bare or in UDP."""
    if packet[0] >> 4 != 4:
        return None
    if packet[9] == IpProtocol.ESP:
        return packet[HEADER_LENGTH:]
    start = HEADER_LENGTH + ip.UDP_HEADER_LENGTH
    if packet[9] != IpProtocol.UDP or _NAT_PORT not in (packet[20:22], packet[22:24]) or len(packet) < start + _HEAD:
        return None
    return packet[start:]


def _name(sealed: bytes) -> bytes:
    return sealed[:_HEAD] + sealed[-_HEAD:]
