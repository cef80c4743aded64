"""IP of either version: the one place that asks which one a packet is.

Code that forwards, tunnels, pings or resolves does the same with both. Here it gets packets that answer to the same
names (`Ipv4Packet` and `Ipv6Packet`: source, destination, protocol, ttl, tos, payload), headers read without decoding,
and ICMP messages without their numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import is_one_station
from dmvpn.base.errors import WireError
from dmvpn.net import icmp, icmpv6, ipv4, ipv6
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet
from dmvpn.net.ipv6 import Ipv6Packet
from dmvpn.net.udp import UdpDatagram

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.net.ipv4 import Octets

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
    return icmp.parse(payload) if source.version == 4 else icmpv6.parse(payload, source, destination)


def serialize_icmp(message: icmp.IcmpMessage, version: int) -> bytes:
    """Encode an ICMP message for this IP version; over IPv6 `build` adds the checksum."""
    return message.serialize() if version == 4 else icmpv6.serialize(message)


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
    return icmpv6.quote(packet) if _version(packet) == 6 else icmp.quote(packet)


def _version(data: Octets) -> int:
    return data[0] >> 4 if len(data) else 4


def _closed(protocol: int, payload: bytes, source: IPAddress, destination: IPAddress) -> bytes:
    if protocol == IpProtocol.ICMPV6 and len(payload) >= icmp.HEADER_LENGTH:
        return icmpv6.closed(payload, source, destination)
    if protocol == IpProtocol.UDP and payload[_UDP_CHECKSUM_AT : _UDP_CHECKSUM_AT + 2] == bytes(2):
        ports = int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")
        datagram = UdpDatagram(source_port=ports[0], destination_port=ports[1], payload=payload[8:])
        return datagram.serialize(source, destination)
    return payload
