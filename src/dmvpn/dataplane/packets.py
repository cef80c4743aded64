"""What all planes ask of an IPv4 packet: what access lists see of it, whether an ICMP error may answer it, whether it
is IKE's.

A packet is hidden from lists if it is too short to have what entries ask for, or if it is a second fragment that would
overwrite the TCP flags of the first one when they are put together (RFC 1858 §3, RFC 3128). A port with a list drops
hidden packets, without an answer.

ICMP errors that planes send follow RFC 792, RFC 1122 and RFC 4443.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.events import IpReceived
from dmvpn.base.filters import Packet
from dmvpn.base.translation import ICMP, TCP, UDP
from dmvpn.net import icmp, ip
from dmvpn.net import icmp as icmpv6
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet, ipv4_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.net.ipv4 import Octets


# --------------------------------------------------------------------------------- packets as access lists look at them


#: Octets that a packet must have behind its IP header, by protocol: up to TCP's flags; the headers of UDP and ICMP.
NEEDED_OCTETS: Final = {TCP: 14, UDP: 8, ICMP: 8}
_SHORTEST_HEADER: Final = 20
#: The first octet of a packet of IPv6 is at least this.
_IPV6: Final = 0x60
_FLAGS: Final = 13
_MORE_FRAGMENTS: Final = 0x20


def has_header(data: Octets) -> bool:
    """Return whether there is a whole IPv4 header."""
    return len(data) >= _SHORTEST_HEADER and _SHORTEST_HEADER <= (data[0] & 0x0F) * 4 <= len(data) and data[0] < _IPV6


def packet_of(data: Octets) -> Packet | None:
    """Return a packet as lists look at it; None: it is hidden from them, or has no whole header."""
    if not has_header(data):
        return None
    header_length = (data[0] & 0x0F) * 4
    offset = (data[6] & 0x1F) << 8 | data[7]
    protocol = data[9]
    behind = bytes(data[header_length : int.from_bytes(data[2:4], "big")])
    if (offset == 1 and protocol == TCP) or (not offset and len(behind) < NEEDED_OCTETS.get(protocol, 0)):
        return None
    numbers = (0, 0) if offset else (int.from_bytes(behind[0:2], "big"), int.from_bytes(behind[2:4], "big"))
    ports = numbers if protocol in (TCP, UDP) else (0, 0)
    return Packet(
        protocol=protocol,
        source=ipv4_address(bytes(data[12:16])),
        destination=ipv4_address(bytes(data[16:20])),
        source_port=ports[0],
        destination_port=ports[1],
        icmp=(behind[0], behind[1]) if protocol == ICMP and not offset else (0, 0),
        flags=behind[_FLAGS] if protocol == TCP and not offset else 0,
        service=data[1],
        ttl=data[8],
        options=tuple(_options(bytes(data[_SHORTEST_HEADER:header_length]))),
        is_later_fragment=offset > 0,
        has_more=bool(data[6] & _MORE_FRAGMENTS),
    )


def _options(octets: bytes) -> Iterator[int]:
    """Yield the numbers of options. The end of the list is one, and so is the first one with a wrong length."""
    place = 0
    while place < len(octets):
        number = octets[place]
        yield number
        if number == 1:
            place += 1
            continue
        length = octets[place + 1] if number and place + 1 < len(octets) else 0
        if length < 2:
            return
        place += length


# ------------------------------------------------------------------------------------------------ ICMP errors


IcmpError = icmp.DestinationUnreachable | icmp.TimeExceeded
_ERRORS = (
    icmp.IcmpType.DESTINATION_UNREACHABLE,
    icmp.IcmpType.REDIRECT,
    icmp.IcmpType.TIME_EXCEEDED,
    icmp.IcmpType.PARAMETER_PROBLEM,
)


def unreachable(code: icmp.UnreachableCode) -> Callable[[bytes], IcmpError]:
    """Return a function of quoted octets that makes the ICMP message destination unreachable."""
    return lambda quoted: icmp.DestinationUnreachable(code=code, quoted=quoted)


def time_exceeded(quoted: bytes) -> IcmpError:
    """Return the error for a packet whose TTL has expired."""
    return icmp.TimeExceeded(quoted=quoted)


def too_big(mtu: int) -> Callable[[bytes], IcmpError]:
    """Return a function of quoted octets that makes the error for a packet with DF larger than this MTU, RFC
    1191 §4.
    """
    code = icmp.UnreachableCode.FRAGMENTATION_NEEDED
    return lambda quoted: icmp.DestinationUnreachable(code=code, next_hop_mtu=mtu, quoted=quoted)


def may_answer(data: bytes) -> bool:
    """Return False for packets that no ICMP error may answer, RFC 1122 §3.2.2: errors, multicast, all fragments but the
    first.

    Over IPv6: RFC 4443 §2.4 (e), which has the same for errors, redirects, multicast and senders without an address.
    """
    packet = ip.parse(data)
    if not isinstance(packet, Ipv4Packet):
        if packet.destination.is_multicast or packet.source.is_multicast or packet.source.is_unspecified:
            return False
        is_icmp = packet.protocol == IpProtocol.ICMPV6 and packet.payload
        return not is_icmp or not icmpv6.is_icmpv6_error(packet.payload)
    if packet.fragment_offset or packet.destination.is_multicast or int(packet.destination) == 0xFFFFFFFF:
        return False
    return packet.protocol != IpProtocol.ICMP or not packet.payload or packet.payload[0] not in _ERRORS


# ------------------------------------------------------------------------------------------------ IKE's ports


IKE: Final = 500
#: ESP uses this port too (RFC 3948).
IKE_BEHIND_NAT: Final = 4500
#: Before IKE on port 4500 (RFC 3948 §2.2): no SPI is zero.
NON_ESP_MARKER: Final = bytes(4)


def ike_received(
    source: IPAddress, source_port: int, local: IPAddress, local_port: int, octets: bytes, tos: int, vrf: str = ""
) -> IpReceived:
    """Return the event of a datagram for IKE, UDP header first. Its interface is "", because it came to an address.

    vrf: the VRF of that address.
    """
    udp = UdpDatagram(source_port=source_port, destination_port=local_port, payload=octets)
    return IpReceived(
        interface="",
        source=source,
        destination=local,
        protocol=IpProtocol.UDP,
        payload=udp.serialize(source, local),
        tos=tos,
        vrf=vrf,
    )
