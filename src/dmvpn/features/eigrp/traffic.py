"""Packet counters of a process, for `show ip eigrp traffic`."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.packet import Opcode

if TYPE_CHECKING:
    from dmvpn.features.eigrp.packet import EigrpPacket


@dataclass(slots=True)
class PacketCounts:
    """Packets of a process by opcode, and dropped ones by reason. An acknowledgment counts as `Opcode.ACK`."""

    sent: Counter[int] = field(default_factory=Counter)
    received: Counter[int] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def send(self, packet: EigrpPacket) -> None:
        """Count a packet that is sent."""
        self.sent[_kind(packet)] += 1

    def send_again(self) -> None:
        """Count a Hello that is sent again unchanged."""
        self.sent[Opcode.HELLO] += 1

    def receive(self, packet: EigrpPacket) -> None:
        """Count a packet that is accepted."""
        self.received[_kind(packet)] += 1

    def hear_again(self) -> None:
        """Count a received Hello that repeats the last one."""
        self.received[Opcode.HELLO] += 1

    def drop(self, why: str) -> None:
        """Count a packet that is dropped."""
        self.dropped[why] += 1


def _kind(packet: EigrpPacket) -> int:
    return Opcode.ACK if packet.is_acknowledgment else packet.opcode
