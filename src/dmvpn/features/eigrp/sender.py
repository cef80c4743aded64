"""The way of a packet out of the machine, and the first steps of one into it: encoding, digest, counting, debug.

Authentication is all or nothing: an interface that is to be authenticated and cannot be (no key chain, a method that
this program does not have) is blocked, with the reason, and never falls back to clear.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import SendIp
from dmvpn.base.reasons import Reason
from dmvpn.features.eigrp import auth, messages
from dmvpn.features.eigrp.model import AuthenticationMode
from dmvpn.features.eigrp.packet import HEADER_LENGTH, EigrpPacket, Opcode
from dmvpn.features.eigrp.reasons import EigrpReason
from dmvpn.features.eigrp.tlv import Authentication, Tlv

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.context import Context
    from dmvpn.base.keychains import Key, KeyChain
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.model import EigrpConfig

#: IP protocol number and group, RFC 7868 §6.1, §6.3.
PROTOCOL: Final = 88
ALL_ROUTERS: Final = IPv4Address("224.0.0.10")
_TTL = 1
_TOS = 0xC0  # internetwork control
_IP_HEADER = 20
_AUTHENTICATION_TLV = 40
_SENT, _RECEIVED = "sent", "received"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded(Tlv):
    """TLVs that are octets already."""

    octets: bytes

    def serialize(self) -> bytes:
        """They as they are."""
        return self.octets


@lru_cache(maxsize=64)
def parse(payload: bytes) -> EigrpPacket:
    """`EigrpPacket.parse`, once for all who get the same multicast or hear a packet again. Raises WireError."""
    return EigrpPacket.parse(payload)


@dataclass(slots=True)
class Traffic:
    """Packets of a process by kind, and those it dropped by reason. An acknowledgment counts as `Opcode.ACK`."""

    sent: Counter[int] = field(default_factory=Counter)
    received: Counter[int] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


class Sender:
    """Encodes and sends for one process."""

    def __init__(self, autonomous_system: int, context: Context, config: EigrpConfig) -> None:
        self.autonomous_system = autonomous_system
        self.config = config
        self.traffic = Traffic()
        self._context = context

    def send(self, interface: EigrpInterface, destination: IPAddress, packet: EigrpPacket) -> bytes | None:
        """Send a packet, if this interface may. Returns the octets that went out."""
        address = interface.address
        payload = self._seal(interface, packet) if address is not None and interface.blocked is None else None
        if payload is None:
            return None
        self._context.out.append(SendIp(interface.name, address, destination, PROTOCOL, payload, ttl=_TTL, tos=_TOS))
        self._count(self.traffic.sent, packet)
        if self._context.ports.debugging.on("eigrp packets"):
            self._context.debug(*messages.packet_lines(_SENT, packet, interface.name, len(payload), destination))
        return payload

    def repeat(self, interface: EigrpInterface, payload: bytes) -> None:
        """Multicast a Hello again that was sent before."""
        self._context.out.append(
            SendIp(interface.name, interface.address, ALL_ROUTERS, PROTOCOL, payload, ttl=_TTL, tos=_TOS)
        )
        self.traffic.sent[Opcode.HELLO] += 1
        if self._context.ports.debugging.on("eigrp packets"):
            lines = messages.packet_lines(_SENT, parse(payload), interface.name, len(payload), ALL_ROUTERS)
            self._context.debug(*lines)

    def note_received(self, interface: EigrpInterface, packet: EigrpPacket, source: IPAddress, length: int) -> None:
        """Count a packet that is taken."""
        self._count(self.traffic.received, packet)
        if self._context.ports.debugging.on("eigrp packets"):
            self._context.debug(*messages.packet_lines(_RECEIVED, packet, interface.name, length, source))

    def room(self, interface: EigrpInterface) -> int:
        """How many octets of TLVs fit into a packet."""
        digest = _AUTHENTICATION_TLV if interface.settings.authentication else 0
        return interface.state.ip_mtu - _IP_HEADER - HEADER_LENGTH - digest

    def obstacle(self, interface: EigrpInterface) -> Reason | None:
        """Why packets of this interface cannot be authenticated as configured, None if they can (or need not)."""
        settings = interface.settings
        if settings.authentication is None:
            return None
        since = self._context.now
        if settings.authentication is not AuthenticationMode.MD5:
            return Reason(EigrpReason.MODE, (settings.authentication.value,), since)
        if not settings.key_chain:
            return Reason(EigrpReason.NO_KEY_CHAIN, since=since)
        if self._key_chain(interface) is None:
            return Reason(EigrpReason.NO_KEY, (settings.key_chain,), since)
        return None

    def is_authentic(self, interface: EigrpInterface, packet: EigrpPacket, payload: bytes) -> bool:
        """Is the packet what this interface's authentication asks for?

        Without authentication a digest is none of ours: its sender would not believe our answers either (IOS:
        "authentication off or key-chain missing").
        """
        chain, digest = self._key_chain(interface), packet.find(Authentication)
        if interface.settings.authentication is None:
            return digest is None
        if chain is None or digest is None:
            return False
        keys = (key for key in chain.keys if key.number == digest.key_id)
        return any(auth.verify_md5(payload, key=key.text.encode()) for key in keys)

    def _seal(self, interface: EigrpInterface, packet: EigrpPacket) -> bytes | None:
        if interface.settings.authentication is None:
            return packet.serialize()
        chain = self._key_chain(interface)
        if chain is None or interface.settings.authentication is not AuthenticationMode.MD5:
            return None
        key: Key = chain.keys[0]
        return auth.seal_md5(packet, key_id=key.number, key=key.text.encode())

    def _key_chain(self, interface: EigrpInterface) -> KeyChain | None:
        chain = self.config.key_chain(interface.settings.key_chain)
        return chain if chain and chain.keys else None

    @staticmethod
    def _count(counter: Counter[int], packet: EigrpPacket) -> None:
        counter[Opcode.ACK if packet.is_acknowledgment else packet.opcode] += 1
