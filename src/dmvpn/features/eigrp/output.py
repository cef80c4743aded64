"""The reliable transport protocol, RFC 7868 §5.2: sequence numbers, acknowledgments, conditional multicast.

A neighbor has at most one outstanding packet. A multicast is one packet that is outstanding at all its recipients; a
neighbor that does not acknowledge it gets it again by unicast, until it does or the retry limit is reached. So every
neighbor receives packets in the order of their sequence numbers, of which the process has one series for all.

A multicast while some neighbors are behind is conditional: a Hello lists them (Sequence TLV) with the number of the
multicast, and only a router that received this Hello and is not listed in it accepts the packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.eigrp.hello import hello
from dmvpn.features.eigrp.interface import SEQUENCE_SPACE, Neighbor
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.sender import ALL_ROUTERS, Sender
from dmvpn.features.eigrp.tlv import Encoded, NextMulticastSequence, Sequence

if TYPE_CHECKING:
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.state import State

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
        self._transmit(neighbor, neighbor.send(packet, self._context.now))
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
            self._announce(interface, laggards, packet.sequence)
        interface.count_multicast(conditional=bool(laggards))
        self._sender.send(interface, ALL_ROUTERS, packet)
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
            tlvs=(Encoded(octets=octets),) if octets else (),
        )

    def _transmit(self, neighbor: Neighbor, packet: EigrpPacket) -> None:
        self._sender.send(neighbor.interface, neighbor.address, packet)

    def _announce(self, interface: EigrpInterface, laggards: list[Neighbor], sequence: int) -> None:
        names = Sequence(addresses=tuple(neighbor.address for neighbor in laggards))
        packet = hello(self._state.settings, interface, names, NextMulticastSequence(sequence=sequence))
        self._sender.send(interface, ALL_ROUTERS, packet)

    def _acknowledge(self, neighbor: Neighbor) -> None:
        packet = EigrpPacket(
            opcode=Opcode.HELLO,
            acknowledgment=neighbor.pay(alone=True),
            autonomous_system=self._state.autonomous_system,
        )
        self._transmit(neighbor, packet)

    def _owe(self, neighbor: Neighbor, sequence: int) -> None:
        if neighbor.acknowledge and neighbor.acknowledge != sequence:
            self._acknowledge(neighbor)
        neighbor.owe(sequence)
        self._owed[neighbor] = None
