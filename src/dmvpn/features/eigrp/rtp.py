"""The reliable transport protocol, RFC 7868 §5.2: sequence numbers, acknowledgments, conditional multicast.

A neighbor has at most one packet outstanding. A multicast is one packet that is outstanding at all its recipients; who
does not acknowledge it gets it again, alone, until he does or has been tried often enough. So packets reach every
neighbor in the order of their sequence numbers, of which the process has one series for all.

A multicast while some neighbors are behind is conditional: a Hello names them (Sequence TLV) and the number of the
multicast, and only a router that got that Hello and is not named in it takes the packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.eigrp.interface import SEQUENCE_SPACE, Neighbor
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.sender import ALL_ROUTERS, Encoded, Sender
from dmvpn.features.eigrp.tlv import NextMulticastSequence, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.context import Context
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.tlv import Tlv

#: Transmissions until a neighbor is given up, if its holding time is over by then too. One that never answered is given
#: up at once: it may be nobody at all, and chose that time itself.
RETRY_LIMIT = 16
_NO_FLAGS = PacketFlag(0)


class Transport:
    """Reliable packets of one process. Calls back when a neighbor is behind no more, or is not reachable."""

    def __init__(
        self,
        sender: Sender,
        context: Context,
        *,
        hello: Callable[[EigrpInterface], tuple[Tlv, ...]],
        on_failure: Callable[[Neighbor], None],
    ) -> None:
        self._sender = sender
        self._context = context
        self._hello = hello
        self._on_failure = on_failure
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

    def retransmit(self, neighbor: Neighbor) -> None:
        """Retransmit to this neighbor, whose timer fired."""
        outstanding = neighbor.outstanding
        if outstanding is None:
            return
        waited = self._context.now - outstanding.sent_at
        if outstanding.tries >= RETRY_LIMIT and (waited >= neighbor.hold_time or not neighbor.is_up):
            self._on_failure(neighbor)
            return
        self._sender.send(neighbor.interface, neighbor.address, neighbor.repeat(outstanding), again=True)
        self._context.start(neighbor.retransmit_timer, neighbor.rto)

    def abandon(self, neighbor: Neighbor) -> None:
        """Abandon a neighbor that is gone."""
        self._owed.pop(neighbor, None)
        self._context.stop(neighbor.retransmit_timer)

    # In --------------------------------------------------------------------------------------------------------

    def acknowledged(self, neighbor: Neighbor, sequence: int) -> bool:
        """Note that the neighbor acknowledges this number. Returns whether that is news."""
        is_news = neighbor.acknowledged(sequence, self._context.now)
        if is_news:
            self._context.stop(neighbor.retransmit_timer)
        return is_news

    def accept(self, neighbor: Neighbor, packet: EigrpPacket, *, multicast: bool) -> bool:
        """Return whether the packet is new and for us. Either way, a neighbor that needs it gets an acknowledgment."""
        if packet.sequence == 0:
            return True
        if neighbor.init_sequence is None:
            return False  # it will send its first packet (INIT) before anything else
        if multicast and PacketFlag.CONDITIONAL_RECEIVE in packet.flags and neighbor.conditional != packet.sequence:
            return False
        self._owe(neighbor, packet.sequence)
        return neighbor.is_next(packet.sequence)

    def accept_first(self, neighbor: Neighbor, packet: EigrpPacket) -> None:
        """Take the neighbor's first packet (INIT), perhaps again: its numbers start here."""
        neighbor.start_at(packet.sequence)
        self._owe(neighbor, packet.sequence)

    def settle(self) -> None:
        """Send the acknowledgments that no packet took along."""
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
            autonomous_system=self._sender.autonomous_system,
            tlvs=(Encoded(octets=octets),) if octets else (),
        )

    def _transmit(self, neighbor: Neighbor, packet: EigrpPacket) -> None:
        self._sender.send(neighbor.interface, neighbor.address, packet)

    def _announce(self, interface: EigrpInterface, laggards: list[Neighbor], sequence: int) -> None:
        names = Sequence(addresses=tuple(neighbor.address for neighbor in laggards))
        tlvs = (*self._hello(interface), names, NextMulticastSequence(sequence=sequence))
        hello = EigrpPacket(opcode=Opcode.HELLO, autonomous_system=self._sender.autonomous_system, tlvs=tlvs)
        self._sender.send(interface, ALL_ROUTERS, hello)

    def _acknowledge(self, neighbor: Neighbor) -> None:
        packet = EigrpPacket(
            opcode=Opcode.HELLO,
            acknowledgment=neighbor.pay(alone=True),
            autonomous_system=self._sender.autonomous_system,
        )
        self._transmit(neighbor, packet)

    def _owe(self, neighbor: Neighbor, sequence: int) -> None:
        if neighbor.acknowledge and neighbor.acknowledge != sequence:
            self._acknowledge(neighbor)
        neighbor.owe(sequence)
        self._owed[neighbor] = None
