"""The way of a packet out of the machine, and the first steps of one into it: encoding, sealing, counting, debug."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from functools import lru_cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import SendIp
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp import messages
from dmvpn.features.eigrp.packet import HEADER_LENGTH, EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.seals import Seals
from dmvpn.features.eigrp.tlv import Tlv
from dmvpn.features.eigrp.tracing import is_shown, shows_hellos

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.surroundings import Surroundings

#: IP protocol number and group, RFC 7868 §6.1, §6.3.
PROTOCOL: Final = 88
ALL_ROUTERS: Final = IPv4Address("224.0.0.10")
_TTL = 1
_TOS = 0xC0  # internetwork control
_IP_HEADER = 20
_SENT, _RECEIVED = "sent", "received"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded(Tlv):
    """TLVs that are octets already."""

    octets: bytes

    def serialize(self) -> bytes:
        """Return the octets as they are."""
        return self.octets


@lru_cache(maxsize=64)
def parse(payload: bytes) -> EigrpPacket:
    """Parse once for all that get the same multicast or hear a packet again (`EigrpPacket.parse`). Raises WireError."""
    return EigrpPacket.parse(payload)


@dataclass(slots=True)
class Traffic:
    """Packets of a process by kind, and those it dropped by reason. An acknowledgment counts as `Opcode.ACK`."""

    sent: Counter[int] = field(default_factory=Counter)
    received: Counter[int] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def hear_again(self) -> None:
        """Count a Hello that was heard before."""
        self.received[Opcode.HELLO] += 1

    def drop(self, why: str) -> None:
        """Count a packet that is not taken."""
        self.dropped[why] += 1


class Sender:
    """Encodes and sends for one process."""

    def __init__(self, process: Surroundings) -> None:
        self.autonomous_system = process.settings.autonomous_system
        self.seals = Seals(process)
        self.traffic = Traffic()
        self._context = process.context

    def send(
        self, interface: EigrpInterface, destination: IPAddress, packet: EigrpPacket, *, again: bool = False
    ) -> bytes | None:
        """Send a packet, if this interface may. Returns the octets that went out. again: it was sent before.

        Where neighbors are configured, what is for everybody goes to each of them alone.
        """
        address = interface.address
        payload = self.seals.seal(interface, packet) if address is not None and interface.blocked is None else None
        if payload is None:
            return None
        alone = interface.settings.neighbors if destination == ALL_ROUTERS else ()
        for each in alone or (destination,):
            self._context.out.append(SendIp(interface.name, address, each, PROTOCOL, payload, ttl=_TTL, tos=_TOS))
            self._count(self.traffic.sent, packet)
            # A first packet is as small as a Hello, and perhaps for nobody: news for others must not wait for it.
            if packet.sequence and PacketFlag.INIT not in packet.flags:
                interface.spend(_IP_HEADER + len(payload), self._context.now)
            if is_shown(self._context.ports.debugging, packet, again=again):
                self._context.debug(*messages.packet_lines(_SENT, packet, interface.name, len(payload), each))
        return payload

    def repeat(self, interface: EigrpInterface, payload: bytes) -> None:
        """Send everybody a Hello again that was sent before."""
        for destination in interface.settings.neighbors or (ALL_ROUTERS,):
            order = SendIp(interface.name, interface.address, destination, PROTOCOL, payload, ttl=_TTL, tos=_TOS)
            self._context.out.append(order)
            self.traffic.sent[Opcode.HELLO] += 1
            if shows_hellos(self._context.ports.debugging) and is_shown(self._context.ports.debugging, parse(payload)):
                lines = messages.packet_lines(_SENT, parse(payload), interface.name, len(payload), destination)
                self._context.debug(*lines)

    def note_received(self, interface: EigrpInterface, packet: EigrpPacket, source: IPAddress, length: int) -> None:
        """Count a packet that is taken."""
        self._count(self.traffic.received, packet)
        if is_shown(self._context.ports.debugging, packet):
            self._context.debug(*messages.packet_lines(_RECEIVED, packet, interface.name, length, source))

    def room(self, interface: EigrpInterface) -> int:
        """Return how many octets of TLVs fit into a packet."""
        return interface.state.ip_mtu - _IP_HEADER - HEADER_LENGTH - self.seals.length(interface)

    @staticmethod
    def _count(counter: Counter[int], packet: EigrpPacket) -> None:
        counter[Opcode.ACK if packet.is_acknowledgment else packet.opcode] += 1
