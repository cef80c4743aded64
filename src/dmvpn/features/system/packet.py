"""The packets of ping, traceroute and remote logging: what goes out, and how an ICMP error is recognised as ours.

An ICMP error quotes the packet that caused it (RFC 792, RFC 1812 §4.3.2.3): its IP header and at least 8 octets behind
it. For an echo request these hold identifier and sequence number, for a UDP datagram both ports: enough to tell our
probes apart, which is all that this file looks at.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.errors import WireError
from dmvpn.net.icmp import HEADER_LENGTH as ICMP_HEADER_LENGTH
from dmvpn.net.icmp import EchoRequest, IcmpType
from dmvpn.net.ipv4 import HEADER_LENGTH as IPV4_HEADER_LENGTH
from dmvpn.net.ipv4 import IpProtocol, peek_addresses, peek_flow
from dmvpn.net.udp import UdpDatagram

if TYPE_CHECKING:
    from ipaddress import IPv4Address

SYSLOG_PORT = 514  # RFC 3164 §2

_UDP_HEADER = struct.Struct("!HHHH")
_IDENTIFIER_AND_SEQUENCE = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class QuotedEcho:
    """An echo request of ours, as an error quotes it."""

    identifier: int
    sequence: int


@dataclass(frozen=True, slots=True)
class QuotedDatagram:
    """A UDP datagram of ours, as an error quotes it."""

    source_port: int
    destination_port: int


def echo_request(identifier: int, sequence: int, size: int, pattern: int) -> bytes:
    """An echo request that makes an IP packet of `size` octets, filled with the two octets of `pattern`."""
    room = size - IPV4_HEADER_LENGTH - ICMP_HEADER_LENGTH
    filling = (pattern.to_bytes(2, "big") * (room // 2 + 1))[:room]
    return EchoRequest(identifier=identifier, sequence=sequence & 0xFFFF, payload=filling).serialize()


def udp_datagram(ports: tuple[int, int], payload: bytes, source: IPv4Address | None, destination: IPv4Address) -> bytes:
    """A datagram from the first to the second port.

    Who lets the plane choose the source address cannot sum it: such a datagram goes without checksum (RFC 768).
    """
    if source is None:
        return _UDP_HEADER.pack(*ports, _UDP_HEADER.size + len(payload), 0) + payload
    datagram = UdpDatagram(source_port=ports[0], destination_port=ports[1], payload=payload)
    return datagram.serialize(source, destination)


def quoted_echo(quoted: bytes) -> QuotedEcho | None:
    """The echo request in this quotation, or None if it is something else or cut too short."""
    start = (quoted[0] & 0x0F) << 2 if quoted else 0
    if not _is_first_fragment(quoted, IpProtocol.ICMP) or len(quoted) < start + ICMP_HEADER_LENGTH:
        return None
    if quoted[start] != IcmpType.ECHO_REQUEST:
        return None
    return QuotedEcho(*_IDENTIFIER_AND_SEQUENCE.unpack_from(quoted, start + 4))


def quoted_datagram(quoted: bytes) -> QuotedDatagram | None:
    """The UDP datagram in this quotation, or None if it is something else or cut too short."""
    if not _is_first_fragment(quoted, IpProtocol.UDP):
        return None
    flow = peek_flow(quoted)
    return QuotedDatagram(flow.source_port, flow.destination_port)


def _is_first_fragment(quoted: bytes, protocol: IpProtocol) -> bool:
    try:
        peek_addresses(quoted)
    except WireError:
        return False
    return quoted[9] == protocol and not (quoted[6] & 0x1F or quoted[7])
