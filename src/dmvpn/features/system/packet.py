"""The packets of ping, traceroute and remote logging: what goes out, and how an ICMP error is recognized as ours.

An ICMP error quotes the packet that caused it (RFC 792, RFC 1812 §4.3.2.3): its IP header and at least 8 octets behind
it. For an echo request these hold identifier and sequence number, for a UDP datagram both ports: enough to recognize
our probes, which is all that this file looks at.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.net import ip
from dmvpn.net.icmp import HEADER_LENGTH as ICMP_HEADER_LENGTH
from dmvpn.net.icmp import EchoRequest
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

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


def echo_request(identifier: int, sequence: int, size: int, pattern: int, version: int = 4) -> bytes:
    """Return an echo request that makes an IP packet of `size` octets, filled with the two octets of `pattern`."""
    room = max(0, size - ip.HEADER_LENGTH[version] - ICMP_HEADER_LENGTH)
    filling = (pattern.to_bytes(2, "big") * (room // 2 + 1))[:room]
    request = EchoRequest(identifier=identifier, sequence=sequence & 0xFFFF, payload=filling)
    return ip.serialize_icmp(request, version)


def udp_datagram(ports: tuple[int, int], payload: bytes, source: IPAddress | None, destination: IPAddress) -> bytes:
    """Return a datagram from the first to the second port.

    A sender that lets the plane choose the source address cannot sum it: such a datagram goes without checksum (RFC
    768), which over IPv6, where there must be one, the plane fills in.
    """
    if source is None:
        return _UDP_HEADER.pack(*ports, _UDP_HEADER.size + len(payload), 0) + payload
    datagram = UdpDatagram(source_port=ports[0], destination_port=ports[1], payload=payload)
    return datagram.serialize(source, destination)


def quoted_echo(quoted: bytes) -> QuotedEcho | None:
    """Return the echo request in this quotation, or None if it is something else or cut too short."""
    version = quoted[0] >> 4 if quoted else 0
    start = _payload(quoted, ip.ICMP[version]) if version in ip.ICMP else None
    if start is None or len(quoted) < start + ICMP_HEADER_LENGTH or not ip.is_echo_request(quoted[start:], version):
        return None
    return QuotedEcho(*_IDENTIFIER_AND_SEQUENCE.unpack_from(quoted, start + 4))


def quoted_datagram(quoted: bytes) -> QuotedDatagram | None:
    """Return the UDP datagram in this quotation, or None if it is something else or cut too short."""
    if _payload(quoted, IpProtocol.UDP) is None:
        return None
    flow = ip.peek_flow(quoted)
    return QuotedDatagram(flow.source_port, flow.destination_port)


def _payload(quoted: bytes, protocol: IpProtocol) -> int | None:
    """Return where a message of this protocol begins in a quoted packet; None if there is none."""
    try:
        found, start = ip.peek_payload(quoted)
    except WireError:
        return None
    return start if found == protocol else None
