"""Packets of many kinds between the hosts of a network with drawn lists: nothing arrives that a list denies.

All the time packets are drawn and sent. The judge knows by `drawn_lists` which may arrive. A packet that may not is
a violation whenever it reaches its host, whatever else happens in the network. When all faults are over, packets that
may arrive must do so.

    drawn -> `send` -> wires -> `seen` at a host: is it forbidden?
                             -> `review`: permitted, demanded, and lost?
"""

from __future__ import annotations

import struct
from contextlib import suppress
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.effects import SendIp
from dmvpn.base.entropy import below
from dmvpn.base.values import dataclass
from dmvpn.dataplane.contract import EffectError
from dmvpn.judge.drawn_lists import PORTS, Header, NetworkLists, passes
from dmvpn.shells.simulator.node import HOST_TTL

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.entropy import Entropy
    from dmvpn.judge.anatomy import Anatomy
    from dmvpn.shells.scenario import Scenario
    from dmvpn.shells.simulator.simulator import Simulator

#: Seconds between two packets, and packets that must arrive at the end.
PACE: Final = 1.5
DEMANDED: Final = 40
#: The rules that a network breaks.
DENIED, LOST = "denied packet arrived", "permitted packet lost"
_MARK: Final = struct.Struct("!4sI")
_MAGIC: Final = b"\x1ddFw"
_ICMP, _TCP, _UDP = 1, 6, 17
_SYN, _ACK = 2, 16
_EPHEMERAL: Final = 50_000


class _Sent(NamedTuple):
    """A packet. may: it may arrive; None: that depends on its way. forged: its sender is another station's address."""

    source: str
    destination: str
    packet: Header
    may: bool | None
    forged: bool = False

    @property
    def text(self) -> str:
        """For people."""
        names = {_ICMP: "ICMP", _TCP: "TCP", _UDP: "UDP"}
        ports = f"{self.packet.ports[0]} > {self.packet.ports[1]}"
        forged = ", with a forged sender" if self.forged else ""
        return f"{names[self.packet.protocol]} {ports} from {self.source} to {self.destination}{forged}"


@dataclass(slots=True)
class FilterWatch:
    """See the module's docstring. accuse: called with a rule and a text. Sent packets are kept by number."""

    world: Simulator
    scenario: Scenario
    lists: NetworkLists
    pairs: tuple[tuple[str, str], ...]
    entropy: Entropy
    accuse: Callable[[str, str], None]
    _sent: dict[int, _Sent]
    _awaited: dict[int, None]
    _count: int = 0
    _is_over: bool = False

    @classmethod
    def of(
        cls,
        world: Simulator,
        scenario: Scenario,
        anatomy: Anatomy,
        entropy: Entropy,
        accuse: Callable[[str, str], None],
    ) -> FilterWatch:
        """Return the watch over a network."""
        pairs = [pair for one in anatomy.conversations for pair in (one.hosts, one.hosts[::-1])]
        return cls(world, scenario, NetworkLists.of(scenario), tuple(pairs), entropy, accuse, {}, {})

    def begin(self) -> None:
        """Send packets from now on."""

        def act() -> None:
            if not self._is_over:
                self._send(self._draw())
                self.world.after(PACE, act)

        self.world.after(PACE, act)

    def end(self) -> None:
        """Send nothing more."""
        self._is_over = True

    def demand(self) -> None:
        """Send packets that must arrive, as many as are drawn."""
        for _ in range(DEMANDED):
            sent = self._draw()
            number = self._send(sent)
            if sent.may:
                self._awaited[number] = None

    def review(self) -> None:
        """Judge the packets that should have arrived by now."""
        for number in self._awaited:
            self.accuse(LOST, f"{self._sent[number].text}: the lists permit it")
        self._awaited.clear()

    def seen(self, receiver: str, data: bytes) -> None:
        """Look at a packet on a host's wire."""
        place = data.find(_MAGIC)
        if place < 0 or receiver not in self.world.hosts or len(data) < place + _MARK.size:
            return
        number = _MARK.unpack_from(data, place)[1]
        sent = self._sent.get(number)
        if sent is None or sent.destination != receiver or not _is_same(data, sent.packet):
            return  # an answer, or an error that quotes it
        self._awaited.pop(number, None)
        if sent.may is False:
            self.accuse(DENIED, sent.text)

    # ------------------------------------------------------------------------------------------------ drawing

    def _draw(self) -> _Sent:
        here, there = self.pairs[below(self.entropy, len(self.pairs))]
        hosts = self.scenario.lab.hosts
        protocol = (_ICMP, _TCP, _UDP)[below(self.entropy, 3)]
        source, destination = int(hosts[here].interface.ip), int(hosts[there].interface.ip)
        packet = Header(protocol, source, destination, *self._ports(protocol))
        if below(self.entropy, 8) == 0:
            other = self.pairs[below(self.entropy, len(self.pairs))][0]
            forged = int(hosts[other].interface.ip)
            if hosts[other].interface.network != hosts[here].interface.network:
                return _Sent(here, there, packet._replace(source=forged), may=False, forged=True)
        return _Sent(here, there, packet, self._may_pass(here, there, packet))

    def _ports(self, protocol: int) -> tuple[tuple[int, int], int]:
        """Return ports and flags."""
        if protocol == _ICMP:
            return ((8, 0)[below(self.entropy, 2)], 0), 0
        ports = _EPHEMERAL, PORTS[below(self.entropy, len(PORTS))]
        is_answer = below(self.entropy, 2) == 1
        flags = (_SYN | (_ACK if is_answer else 0)) if protocol == _TCP else 0
        return (ports[::-1] if is_answer else ports), flags

    def _may_pass(self, here: str, there: str, packet: Header) -> bool | None:
        """Return whether it may arrive. Between two sites that a cable joins it may pass no tunnel."""
        ends = [self.scenario.end(self.scenario.lab.hosts[name].link) for name in (here, there)]
        first, last = (self.lists.ports[end] for end in ends)
        if not passes(first.inward, packet) or not passes(last.outward, packet):
            return False
        if passes(self.lists.tunnel, packet):
            return True
        return False if any(self.scenario.role(router) == "spoke" for router, _ in ends) else None

    def _send(self, sent: _Sent) -> int:
        self._count += 1
        self._sent[self._count] = sent
        packet = sent.packet
        order = SendIp(
            None,
            IPv4Address(packet.source),
            IPv4Address(packet.destination),
            packet.protocol,
            _payload(packet, _MARK.pack(_MAGIC, self._count)),
            ttl=HOST_TTL,
        )
        with suppress(EffectError):  # its wire is dead
            self.world.hosts[sent.source].send(order, self.world.now)
        return self._count


def _payload(packet: Header, mark: bytes) -> bytes:
    """Return the octets behind the IP header."""
    match packet.protocol:
        case 1:
            return struct.pack("!BBHHH", packet.ports[0], 0, 0, 0, 0) + mark
        case 6:
            return struct.pack("!HHIIBBHHH", *packet.ports, 0, 0, 0x50, packet.flags, 0, 0, 0) + mark
        case _:
            return struct.pack("!HHHH", *packet.ports, 8 + len(mark), 0) + mark


def _is_same(data: bytes, packet: Header) -> bool:
    """Return whether it is this packet, and no other that has its octets in it."""
    ends = (int.from_bytes(data[12:16], "big"), int.from_bytes(data[16:20], "big"))
    begins = data[20:24] if packet.protocol != _ICMP else data[20:21]
    wanted = struct.pack("!HH", *packet.ports) if packet.protocol != _ICMP else bytes(packet.ports[:1])
    return (data[9], *ends) == (packet.protocol, packet.source, packet.destination) and begins == wanted
