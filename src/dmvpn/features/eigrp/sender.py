"""The last steps of a packet to be sent, and the first of a received one: encoding, authentication, counters, debug."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import SendIp
from dmvpn.features.eigrp import messages
from dmvpn.features.eigrp.messages import is_shown, shows_hellos
from dmvpn.features.eigrp.packet import HEADER_LENGTH, EigrpPacket, PacketFlag

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.eigrp.auth import Seals
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.state import State

#: IP protocol number and group, RFC 7868 §6.1, §6.3.
PROTOCOL: Final = 88
ALL_ROUTERS: Final = IPv4Address("224.0.0.10")
_TTL = 1
_TOS = 0xC0  # internetwork control
_IP_HEADER = 20
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
        alone = interface.settings.neighbors if destination == ALL_ROUTERS else ()
        for each in alone or (destination,):
            self._context.emit(SendIp(interface.name, address, each, PROTOCOL, payload, ttl=_TTL, tos=_TOS))
            self._traffic.send(packet)
            # A first packet is as small as a Hello, and its recipient may not exist: news for other neighbors must not
            # wait for it.
            if packet.sequence and PacketFlag.INIT not in packet.flags:
                interface.spend(_IP_HEADER + len(payload), self._context.now)
            if is_shown(self._context.ports.debugging, packet, again=again):
                self._context.debug(*messages.packet_lines(_SENT, packet, interface.name, len(payload), each))
        return payload

    def repeat(self, interface: EigrpInterface, payload: bytes) -> None:
        """Send an encoded Hello again."""
        for destination in interface.settings.neighbors or (ALL_ROUTERS,):
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
        return interface.state.ip_mtu - _IP_HEADER - HEADER_LENGTH - self._seals.length(interface)
