"""The last steps of a packet to be sent, and the first of a received one: encoding, authentication, counters, debug.

    Greetings    our Hellos: periodic ones, extra ones to new routers, RFC 7868 §5.3.1; membership in the group
    Farewells    the end of an adjacency, RFC 7868 §6.7.7: a goodbye to all neighbors, a peer termination to some
    Transport    the reliable transport protocol, RFC 7868 §5.2

Extra Hellos are limited: an interface has credit for six at once, and gets one more each second. So a hub that meets a
thousand spokes at the same moment greets all of them, but not a thousand times.

Farewells are multicast, as FRR sends them. A neighbor that we no longer hear may still hear us: a path can be dead in
one direction. A unicast packet would take our route *to its address*, which may lead elsewhere by then (for example, to
the server that took over for it), where its TTL ends. A hub that lost its own connection gives up a thousand neighbors
within seconds, and each multicast goes to all of them: after a few individual packets, the neighbors are named
together, once a second.

Reliable transport: a neighbor has at most one outstanding packet. A multicast is one packet that is outstanding at all
its recipients; a neighbor that does not acknowledge it gets it again by unicast, until it does or the retry limit is
reached. So every neighbor receives packets in the order of their sequence numbers, of which the process has one series
for all. A multicast while some neighbors are behind is conditional: a Hello lists them (Sequence TLV) with the number
of the multicast, and only a router that received this Hello and is not listed in it accepts the packet.
"""

from __future__ import annotations

from dataclasses import field
from functools import lru_cache
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Timer
from dmvpn.base.effects import Listen, SendIp, StopListening
from dmvpn.base.entropy import fraction
from dmvpn.base.values import Mutable
from dmvpn.features.eigrp import messages, tlv
from dmvpn.features.eigrp.auth import Seals
from dmvpn.features.eigrp.interface import SEQUENCE_SPACE, EigrpInterface, Neighbor
from dmvpn.features.eigrp.messages import is_shown, shows_hellos
from dmvpn.features.eigrp.model import ProcessSettings
from dmvpn.features.eigrp.packet import HEADER_LENGTH, EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.state import State

# ------------------------------------------------------------------------------------------------ packets


#: IP protocol number, RFC 7868 §6.1.
PROTOCOL: Final = 88
_TTL = 1
_TOS = 0xC0  # internetwork control
_SENT, _RECEIVED = "sent", "received"


@lru_cache(maxsize=64)
def parse(payload: bytes) -> EigrpPacket:
    """Parse once for all recipients of a multicast or repeated packet (`EigrpPacket.parse`). Raises WireError."""
    return EigrpPacket.parse(payload)


class Sender:
    """Encodes and sends for one process."""

    def __init__(self, state: State, seals: Seals) -> None:
        self._context = state.context
        self._seals = seals
        self._traffic = state.traffic
        self._family = state.settings.family
        #: All EIGRP routers of a link.
        self.group = self._family.group

    def send(
        self, interface: EigrpInterface, destination: IPAddress, packet: EigrpPacket, *, again: bool = False
    ) -> bytes | None:
        """Send a packet if this interface may. Returns the octets sent. again: it is a retransmission.

        Where neighbors are configured, a multicast is sent to each of them by unicast.
        """
        address = interface.address
        payload = self._seals.seal(interface, packet) if address is not None and interface.blocked is None else None
        if payload is None:
            return None
        alone = interface.settings.neighbors if destination == self.group else ()
        for each in alone or (destination,):
            self._context.emit(SendIp(interface.name, address, each, PROTOCOL, payload, ttl=_TTL, tos=_TOS))
            self._traffic.send(packet)
            # A first packet is as small as a Hello, and its recipient may not exist: news for other neighbors must not
            # wait for it.
            if packet.sequence and PacketFlag.INIT not in packet.flags:
                interface.spend(self._family.ip_header + len(payload), self._context.now)
            if is_shown(self._context.ports.debugging, packet, again=again):
                self._context.debug(*messages.packet_lines(_SENT, packet, interface.name, len(payload), each))
        return payload

    def repeat(self, interface: EigrpInterface, payload: bytes) -> None:
        """Send an encoded Hello again."""
        for destination in interface.settings.neighbors or (self.group,):
            order = SendIp(interface.name, interface.address, destination, PROTOCOL, payload, ttl=_TTL, tos=_TOS)
            self._context.emit(order)
            self._traffic.send_again()
            if shows_hellos(self._context.ports.debugging) and is_shown(self._context.ports.debugging, parse(payload)):
                lines = messages.packet_lines(_SENT, parse(payload), interface.name, len(payload), destination)
                self._context.debug(*lines)

    def note_received(self, interface: EigrpInterface, packet: EigrpPacket, source: IPAddress, length: int) -> None:
        """Count a packet that is accepted."""
        self._traffic.receive(packet)
        if is_shown(self._context.ports.debugging, packet):
            self._context.debug(*messages.packet_lines(_RECEIVED, packet, interface.name, length, source))

    def room(self, interface: EigrpInterface) -> int:
        """Return how many octets of TLVs fit in a packet."""
        family = self._family
        return family.mtu(interface.state) - family.ip_header - HEADER_LENGTH - self._seals.length(interface)


# ------------------------------------------------------------------------------------------------ the content of Hellos


#: Our version TLV: the IOS version that we resemble, and TLV version 2.0 (wide metrics), which we read in classic mode
#: too.
VERSION: Final = tlv.SoftwareVersion(os_major=17, os_minor=9, tlv_major=2, tlv_minor=0)


def parameters(settings: ProcessSettings, interface: EigrpInterface) -> tlv.Parameters:
    """Return the weights of the process and the holding time on an interface."""
    weights = settings.scale.weights
    return tlv.Parameters(
        k1=weights.k1,
        k2=weights.k2,
        k3=weights.k3,
        k4=weights.k4,
        k5=weights.k5,
        k6=weights.k6,
        hold_time=interface.settings.hold_time,
    )


def hello(settings: ProcessSettings, interface: EigrpInterface, *more: tlv.Tlv) -> EigrpPacket:
    """Return a Hello for this interface. more: further TLVs."""
    stub = () if settings.stub is None else (tlv.Stub(flags=settings.stub),)
    return greeting(settings, parameters(settings, interface), VERSION, *stub, *more)


def greeting(settings: ProcessSettings, *tlvs: tlv.Tlv) -> EigrpPacket:
    """Return a Hello with exactly these TLVs."""
    return EigrpPacket(opcode=Opcode.HELLO, autonomous_system=settings.autonomous_system, tlvs=tlvs)


# ------------------------------------------------------------------------------------------------ farewells


#: Cost of each packet in seconds, and how many seconds of credit may be spent at once.
_INTERVAL: Final = 1.0
_CREDIT: Final = 6.0
#: Maximum addresses in one packet; the rest is named in the next one.
LARGEST_LIST: Final = 128


class _Pending(Mutable):
    """The queue of one interface.

    paid: the time up to which packets are paid for, seconds.
    waiting: the neighbors to be named, in order.
    """

    timer: Timer
    paid: float = float("-inf")
    waiting: dict[IPAddress, None] = field(default_factory=dict)


class Farewells:
    """Sends these notices for one process."""

    def __init__(self, state: State, sender: Sender) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._pending: dict[EigrpInterface, _Pending] = {}

    def to_all(self, interface: EigrpInterface) -> None:
        """Announce to all neighbors on the interface that we leave."""
        self._send(interface, tlv.Parameters.goodbye(interface.settings.hold_time))

    def to_one(self, interface: EigrpInterface, address: IPAddress) -> None:
        """Announce to a neighbor that we gave it up, at once or together with further ones in a moment."""
        pending = self._pending.get(interface)
        if pending is None:
            pending = self._pending[interface] = _Pending(
                Timer("Goodbyes that wait", lambda: self._name_waiting(interface), interface.name)
            )
        pending.waiting[address] = None
        if self._context.is_running(pending.timer):
            return
        due = pending.paid - _CREDIT
        if due > self._context.now:
            self._context.start(pending.timer, due - self._context.now)
        else:
            self._name_waiting(interface)

    def withdraw(self, interface: EigrpInterface, address: IPAddress) -> None:
        """Cancel the pending notice to a neighbor that has returned: it would end the new adjacency."""
        if (pending := self._pending.get(interface)) is not None:
            pending.waiting.pop(address, None)

    def forget_interface(self, interface: EigrpInterface) -> None:
        """Forget an interface that EIGRP no longer runs on."""
        if (pending := self._pending.pop(interface, None)) is not None:
            self._context.retire(pending.timer)

    def _name_waiting(self, interface: EigrpInterface) -> None:
        pending = self._pending[interface]
        named = tuple(pending.waiting)[:LARGEST_LIST]
        if not named:
            return
        for address in named:
            del pending.waiting[address]
        pending.paid = max(pending.paid, self._context.now) + _INTERVAL
        if pending.waiting:
            self._context.start(pending.timer, _INTERVAL)
        termination = tlv.PeerTermination(addresses=named)
        self._send(interface, parameters(self._state.settings, interface), termination)

    def _send(self, interface: EigrpInterface, *tlvs: tlv.Tlv) -> None:
        self._sender.send(interface, self._sender.group, greeting(self._state.settings, *tlvs))


# ------------------------------------------------------------------------------------------------ Hellos


#: Hellos come early by up to this part of the interval, so that routers do not synchronize.
_JITTER = 0.1
#: Seconds between two extra Hellos, and their maximum random delay, so that the routers that a hub meets at the same
#: moment do not all send at the same moment.
_GREETING_INTERVAL = 1.0
#: Seconds' worth of extra Hellos that may follow the first one at once. With five, no route of `notes-phase3` came
#: later than 0.9 s after registration, over 200 starts; with four one did, with three seven.
_GREETING_CREDIT = 5.0
_GREETING_SPREAD = 0.05


class Greetings:
    """Sends Hellos on the interfaces of one process."""

    def __init__(self, state: State, sender: Sender) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self.farewells = Farewells(state, sender)

    def introduce(self, interface: EigrpInterface) -> None:
        """Send the first Hello on an interface. On a tunnel, a goodbye precedes it, so that neighbors from before our
        restart greet us again.

        Without it, our Hello would be nothing new to such a neighbor, and we would only meet it at its next periodic
        Hello: an interval without routes, and a hub has many spokes that restart. The goodbye makes it answer at once,
        and is true: we have no neighbor here.
        """
        if interface.speaks and self._context.ports.tunnels.get(interface.name) is not None:
            self.farewells.to_all(interface)
        self.say(interface)

    def say(self, interface: EigrpInterface) -> None:
        """Multicast a Hello, and schedule the next one after the interval."""
        if not interface.speaks:
            return
        octets = interface.hello
        if octets is None:
            octets = self._sender.send(interface, self._sender.group, hello(self._state.settings, interface))
        else:
            self._sender.repeat(interface, octets)
        interface.said(octets)
        early = _JITTER * fraction(self._context.ports.entropy)
        self._context.start(interface.hello_timer, interface.settings.hello_interval * (1 - early))

    def hasten(self, interface: EigrpInterface) -> None:
        """Greet a new receiver soon instead of after the interval; with many new ones, at most once a second."""
        if not interface.speaks:
            return
        now = self._context.now
        soon = now + _GREETING_SPREAD * fraction(self._context.ports.entropy)
        due = max(soon, interface.greetings_paid - _GREETING_CREDIT)
        planned = self._context.timers.when(interface.hello_timer)
        if planned is None or due < planned:
            if planned is None or planned > now + _GREETING_SPREAD:  # else one that is due anyway comes a bit earlier
                interface.pay_greeting(due, _GREETING_INTERVAL)
            self._context.start(interface.hello_timer, due - now)

    def answer(self, interface: EigrpInterface) -> float:
        """Greet a new router by multicast: a router that our multicast does not reach is no neighbor. Returns in how
        many seconds: 0 is now.

        So no adjacency comes up on a hub without `ip nhrp map multicast dynamic`, as on IOS.
        """
        now = self._context.now
        interface.count_answer()
        if interface.greetings_paid - _GREETING_CREDIT > now:
            self.hasten(interface)
            return (self._context.timers.when(interface.hello_timer) or now) - now
        interface.pay_greeting(now, _GREETING_INTERVAL)
        self.say(interface)
        return 0.0

    def say_goodbye(self, interface: EigrpInterface) -> None:
        """Announce to all neighbors on the interface that we leave, RFC 7868 §6.7.7."""
        if interface.speaks and interface.neighbors:
            self.farewells.to_all(interface)

    def listen(self, interface: EigrpInterface) -> None:
        """Join the group on an interface where we send to it; leave it elsewhere."""
        if interface.listen():
            order = Listen if interface.listening else StopListening
            self._context.emit(order(interface.name, PROTOCOL, self._sender.group))
        if not interface.speaks:
            self._context.stop(interface.hello_timer)

    def stop_listening(self, interface: EigrpInterface) -> None:
        """Leave the group on an interface that EIGRP no longer runs on."""
        if interface.listening:
            self._context.emit(StopListening(interface.name, PROTOCOL, self._sender.group))

    def listen_again(self) -> None:
        """Listen again because the shell may have lost the orders (`Resync`)."""
        for interface in self._state.interfaces.values():
            if interface.listening:
                self._context.emit(Listen(interface.name, PROTOCOL, self._sender.group))


# ------------------------------------------------------------------------------------------------ reliable transport


#: Transmissions until a neighbor is given up, if its holding time is over by then too. A pending neighbor is given up
#: regardless of that time, which it chose itself: its address may be forged.
RETRY_LIMIT = 16
_NO_FLAGS = PacketFlag(0)


class Transport:
    """Reliable packets of one process."""

    def __init__(self, state: State, sender: Sender) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._sequence = 0
        self._owed: dict[Neighbor, None] = {}

    @property
    def sequence(self) -> int:
        """The last sequence number used."""
        return self._sequence

    # Out -------------------------------------------------------------------------------------------------------

    def send(self, neighbor: Neighbor, opcode: Opcode, octets: bytes, flags: PacketFlag = _NO_FLAGS) -> None:
        """Send a reliable packet to one neighbor, which must have none outstanding."""
        packet = self._packet(opcode, octets, flags)
        self._sender.send(neighbor.interface, neighbor.address, neighbor.send(packet, self._context.now))
        self._context.start(neighbor.retransmit_timer, neighbor.rto)

    def multicast(
        self,
        interface: EigrpInterface,
        recipients: list[Neighbor],
        laggards: list[Neighbor],
        opcode: Opcode,
        octets: bytes,
    ) -> None:
        """Send a reliable packet to all `recipients` at once, past the `laggards`."""
        flags = PacketFlag.CONDITIONAL_RECEIVE if laggards else PacketFlag(0)
        packet = self._packet(opcode, octets, flags)
        if laggards:
            names = tlv.Sequence(addresses=tuple(neighbor.address for neighbor in laggards))
            announced = tlv.NextMulticastSequence(sequence=packet.sequence)
            self._sender.send(interface, self._sender.group, hello(self._state.settings, interface, names, announced))
        interface.count_multicast(conditional=bool(laggards))
        self._sender.send(interface, self._sender.group, packet)
        for neighbor in recipients:
            neighbor.expect(packet, self._context.now)
            self._context.start(neighbor.retransmit_timer, neighbor.rto)

    def retransmit(self, neighbor: Neighbor) -> bool:
        """Retransmit to this neighbor, whose timer fired. Returns False if the retry limit is reached: it is
        unreachable.
        """
        outstanding = neighbor.outstanding
        if outstanding is None:
            return True
        waited = self._context.now - outstanding.sent_at
        if outstanding.tries >= RETRY_LIMIT and (waited >= neighbor.hold_time or not neighbor.is_up):
            return False
        self._sender.send(neighbor.interface, neighbor.address, neighbor.repeat(outstanding), again=True)
        self._context.start(neighbor.retransmit_timer, neighbor.rto)
        return True

    def abandon(self, neighbor: Neighbor) -> None:
        """Forget a neighbor that is gone."""
        self._owed.pop(neighbor, None)
        self._context.stop(neighbor.retransmit_timer)

    # In --------------------------------------------------------------------------------------------------------

    def acknowledged(self, neighbor: Neighbor, sequence: int) -> bool:
        """Handle an acknowledgment. Returns whether it is for the outstanding packet."""
        is_news = neighbor.acknowledged(sequence, self._context.now)
        if is_news:
            self._context.stop(neighbor.retransmit_timer)
        return is_news

    def accept(self, neighbor: Neighbor, packet: EigrpPacket, *, multicast: bool) -> bool:
        """Return whether the packet is new and for us. In either case the neighbor gets an acknowledgment if it needs
        one.
        """
        if packet.sequence == 0:
            return True
        if neighbor.init_sequence is None:
            return False  # it will send its first packet (INIT) before anything else
        if multicast and PacketFlag.CONDITIONAL_RECEIVE in packet.flags and neighbor.conditional != packet.sequence:
            return False
        self._owe(neighbor, packet.sequence)
        return neighbor.is_next(packet.sequence)

    def accept_first(self, neighbor: Neighbor, packet: EigrpPacket) -> None:
        """Accept the neighbor's first packet (INIT), or a repetition of it: its sequence begins here."""
        neighbor.start_at(packet.sequence)
        self._owe(neighbor, packet.sequence)

    def settle(self) -> None:
        """Send the acknowledgments that no other packet carried."""
        if not self._owed:
            return
        owed, self._owed = self._owed, {}
        for neighbor in owed:
            if neighbor.acknowledge:
                self._acknowledge(neighbor)

    # Small pieces ----------------------------------------------------------------------------------------------

    def _packet(self, opcode: Opcode, octets: bytes, flags: PacketFlag) -> EigrpPacket:
        self._sequence = self._sequence % (SEQUENCE_SPACE - 1) + 1  # 0 is no sequence number
        return EigrpPacket(
            opcode=opcode,
            flags=flags,
            sequence=self._sequence,
            autonomous_system=self._state.autonomous_system,
            tlvs=(tlv.Encoded(octets=octets),) if octets else (),
        )

    def _acknowledge(self, neighbor: Neighbor) -> None:
        packet = EigrpPacket(
            opcode=Opcode.HELLO,
            acknowledgment=neighbor.pay(alone=True),
            autonomous_system=self._state.autonomous_system,
        )
        self._sender.send(neighbor.interface, neighbor.address, packet)

    def _owe(self, neighbor: Neighbor, sequence: int) -> None:
        if neighbor.acknowledge and neighbor.acknowledge != sequence:
            self._acknowledge(neighbor)
        neighbor.owe(sequence)
        self._owed[neighbor] = None
