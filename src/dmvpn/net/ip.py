"""IP of either version, the one place that asks which one a packet is; and UDP over both (RFC 768, RFC 8200 §8.1).

Code that forwards, tunnels, pings or resolves does the same with both. Here it gets packets that answer to the same
names (`Ipv4Packet` and `Ipv6Packet`: source, destination, protocol, ttl, tos, payload), headers read without decoding,
and ICMP messages without their numbers.
"""

from __future__ import annotations

import struct
from typing import Self

from dmvpn.base.addresses import IPAddress, is_one_station
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.net import icmp, ipv4, ipv6
from dmvpn.net import icmp as icmpv6
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet, Octets, checksum, pseudo_header
from dmvpn.net.ipv6 import Ipv6Packet

# ------------------------------------------------------------------------------------------------ UDP


_HEADER = struct.Struct("!HHHH")
UDP_HEADER_LENGTH = _HEADER.size


class UdpDatagram(Value, kw_only=True):
    """A datagram, RFC 768. The addresses of its IP header belong to the checksum, not to the datagram."""

    source_port: int
    destination_port: int
    payload: bytes

    @classmethod
    def parse(cls, data: Octets, source: IPAddress, destination: IPAddress) -> Self:
        """Decode the payload of an IP packet between these addresses. Raises WireError.

        A checksum of zero means over IPv4 that the sender made none, and is an error over IPv6.
        """
        if len(data) < UDP_HEADER_LENGTH:
            raise WireError("UDP header cut short", offset=len(data), clause="RFC 768")
        source_port, destination_port, length, received_checksum = _HEADER.unpack_from(data)
        if not UDP_HEADER_LENGTH <= length <= len(data):
            raise WireError(f"UDP length {length}", offset=4, clause="RFC 768")
        datagram = bytes(data[:length])
        if received_checksum or source.version == 6:
            pseudo = pseudo_header(source, destination, IpProtocol.UDP, length)
            if not received_checksum or checksum(pseudo + datagram):
                raise WireError("UDP checksum is wrong", offset=6, clause="RFC 768")
        return cls(source_port=source_port, destination_port=destination_port, payload=datagram[UDP_HEADER_LENGTH:])

    def serialize(self, source: IPAddress, destination: IPAddress) -> bytes:
        """Encode with the checksum for an IP packet between these addresses. Raises ValueError if it is too long."""
        length = UDP_HEADER_LENGTH + len(self.payload)
        if length > 0xFFFF:
            raise ValueError(f"UDP datagram of {length} octets")
        datagram = bytearray(_HEADER.pack(self.source_port, self.destination_port, length, 0) + self.payload)
        pseudo = pseudo_header(source, destination, IpProtocol.UDP, length)
        # A sum of zero is sent as its other form, since zero says that there is no checksum.
        datagram[6:8] = (checksum(pseudo + datagram) or 0xFFFF).to_bytes(2, "big")
        return bytes(datagram)


def without_checksum(source_port: int, destination_port: int, payload: bytes) -> bytes:
    """Return a datagram whose payload proves itself: ESP in UDP, RFC 3948 §2.1.

    Over IPv6 the checksum is still to be made.
    """
    return _HEADER.pack(source_port, destination_port, UDP_HEADER_LENGTH + len(payload), 0) + payload


# ------------------------------------------------------------------------------------------------ IP


IpPacket = Ipv4Packet | Ipv6Packet
Flow = ipv4.Flow | ipv6.Flow

#: The protocol number of ICMP by IP version.
ICMP = {4: IpProtocol.ICMP, 6: IpProtocol.ICMPV6}
#: Octets of the header without options, by IP version.
HEADER_LENGTH = {4: ipv4.HEADER_LENGTH, 6: ipv6.HEADER_LENGTH}

_UDP_CHECKSUM_AT = 6
_HOP_LIMIT_AT = 7
_DONT_FRAGMENT = Ipv4Flag.DONT_FRAGMENT << 13


def parse(data: Octets) -> IpPacket:
    """Decode the packet that `data` begins with. Raises WireError."""
    return Ipv6Packet.parse(data) if _version(data) == 6 else Ipv4Packet.parse(data)


def build(
    *,
    source: IPAddress,
    destination: IPAddress,
    protocol: int,
    payload: bytes,
    ttl: int = 255,
    tos: int = 0,
    identification: int = 0,
    dont_fragment: bool = False,
) -> bytes:
    """Return the octets of a packet between these addresses, which must be of one version (ValueError).

    Over IPv6 a checksum that covers the addresses is filled in where the payload leaves it open: ICMPv6's always, UDP's
    if it is zero. identification and dont_fragment: of IPv4 only.
    """
    if source.version == 4 and destination.version == 4:
        return ipv4.build(
            source=source,
            destination=destination,
            protocol=protocol,
            payload=payload,
            ttl=ttl,
            tos=tos,
            identification=identification,
            fragment=_DONT_FRAGMENT if dont_fragment else 0,
        )
    if source.version == 4 or destination.version == 4:
        raise ValueError(f"a packet from {source} to {destination}")
    return Ipv6Packet(
        traffic_class=tos,
        next_header=protocol,
        hop_limit=ttl,
        source=source,
        destination=destination,
        payload=_closed(protocol, payload, source, destination),
    ).serialize()


def one_hop_on(data: bytes) -> bytes:
    """Return the octets of a packet as it is forwarded: its TTL, which is above 1, or hop limit is one less."""
    if _version(data) == 6:
        return data[:_HOP_LIMIT_AT] + bytes((data[_HOP_LIMIT_AT] - 1,)) + data[_HOP_LIMIT_AT + 1 :]
    octets = bytearray(data)
    ipv4.decrement_ttl(octets)
    return bytes(octets)


def is_possible(packet: IpPacket) -> bool:
    """Return whether it has the addresses of a packet on a wire (RFC 4291 §2.5.2, §2.5.3, §2.7).

    Neither end is unspecified or a loopback address, and only receivers are a group.
    """
    destination = packet.destination
    return is_one_station(packet.source) and (destination.is_multicast or is_one_station(destination))


def peek_addresses(data: Octets) -> tuple[IPAddress, IPAddress]:
    """Return source and destination of the packet in `data`, of which only the header need be there.

    Raises WireError.
    """
    return ipv6.peek_addresses(data) if _version(data) == 6 else ipv4.peek_addresses(data)


def peek_flow(data: Octets) -> Flow:
    """Return the flow of the packet in `data`: addresses, protocol, ports. Raises WireError."""
    return ipv6.peek_flow(data) if _version(data) == 6 else ipv4.peek_flow(data)


def peek_tos(data: Octets) -> int:
    """Type of service or traffic class of the packet in `data`. Raises WireError."""
    if len(data) < ipv4.HEADER_LENGTH:
        raise WireError("IP header cut short", offset=len(data), clause="RFC 791 §3.1")
    return data[1] if _version(data) == 4 else (data[0] << 4 & 0xF0) | data[1] >> 4


def peek_payload(data: Octets) -> tuple[int, int]:
    """Return protocol and place of the payload in `data`; the protocol of a later fragment is -1. Raises WireError."""
    peek_addresses(data)
    if _version(data) == 6:
        return data[6], ipv6.HEADER_LENGTH
    is_first = not (data[6] & 0x1F or data[7])
    return (data[9] if is_first else -1), (data[0] & 0x0F) << 2


# ---------------------------------------------------------------------------------------------------------------- ICMP


def is_icmp(protocol: int, address: IPAddress) -> bool:
    """Return whether that is the protocol of ICMP messages to or from this address."""
    return protocol == ICMP[address.version]


def parse_icmp(payload: Octets, source: IPAddress, destination: IPAddress) -> icmp.IcmpMessage:
    """Decode the ICMP message of a packet between these addresses. Raises WireError."""
    return icmp.parse(payload) if source.version == 4 else icmpv6.parse_icmpv6(payload, source, destination)


def serialize_icmp(message: icmp.IcmpMessage, version: int) -> bytes:
    """Encode an ICMP message for this IP version; over IPv6 `build` adds the checksum."""
    return message.serialize() if version == 4 else icmpv6.serialize_icmpv6(message)


def is_echo_reply(payload: Octets, version: int) -> bool:
    """Return whether an ICMP message, which is not decoded yet, is an echo reply."""
    wanted = icmp.IcmpType.ECHO_REPLY if version == 4 else icmpv6.Icmpv6Type.ECHO_REPLY
    return len(payload) > 0 and payload[0] == wanted


def is_echo_request(payload: Octets, version: int) -> bool:
    """Return whether an ICMP message, which is not decoded yet, is an echo request."""
    wanted = icmp.IcmpType.ECHO_REQUEST if version == 4 else icmpv6.Icmpv6Type.ECHO_REQUEST
    return len(payload) > 0 and payload[0] == wanted


def is_echo(payload: Octets, version: int) -> bool:
    """Return whether an ICMP message, which is not decoded yet, is an echo request or reply."""
    return is_echo_request(payload, version) or is_echo_reply(payload, version)


def quote(packet: Octets) -> bytes:
    """Quote as much of an undeliverable packet as an error may carry."""
    return icmpv6.quote_icmpv6(packet) if _version(packet) == 6 else icmp.quote(packet)


def _version(data: Octets) -> int:
    return data[0] >> 4 if len(data) else 4


def _closed(protocol: int, payload: bytes, source: IPAddress, destination: IPAddress) -> bytes:
    if protocol == IpProtocol.ICMPV6 and len(payload) >= icmp.HEADER_LENGTH:
        return icmpv6.closed_icmpv6(payload, source, destination)
    if protocol == IpProtocol.UDP and payload[_UDP_CHECKSUM_AT : _UDP_CHECKSUM_AT + 2] == bytes(2):
        ports = int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")
        datagram = UdpDatagram(source_port=ports[0], destination_port=ports[1], payload=payload[8:])
        return datagram.serialize(source, destination)
    return payload
