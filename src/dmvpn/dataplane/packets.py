"""What all planes ask of an IP packet: what access lists see of it, whether an ICMP error may answer it, whether it is
IKE's.

A packet is hidden from lists if it is too short to have what entries ask for, or if it is a second fragment that would
overwrite the TCP flags of the first one when they are put together (RFC 1858 §3, RFC 3128). So is a packet of IPv6
whose extension headers cannot be followed to their end: too many, cut short, with nothing behind them that they name,
behind an authentication header, or not all in the first fragment (RFC 7112 §5), so also later fragments of such a
packet. A port with a list drops hidden packets, without an answer.

ICMP errors that planes send follow RFC 792, RFC 1122 and RFC 4443.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.events import IpReceived
from dmvpn.base.filters import Packet
from dmvpn.base.translation import ICMP_OF, TCP, UDP
from dmvpn.net import icmp, ip
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Octets, ip_address
from dmvpn.net.ipv6 import AUTHENTICATION, EXTENSION_HEADERS, FRAGMENT, HOP_BY_HOP, MOBILITY, NOTHING
from dmvpn.net.ipv6 import HEADER_LENGTH as _IPV6_HEADER

# --------------------------------------------------------------------------------- packets as access lists look at them


#: Octets that a packet must have behind its IP header, by version of IP and by protocol: up to TCP's flags; the headers
#: of UDP and ICMP.
NEEDED_OCTETS: Final = {version: {TCP: 14, UDP: 8, icmp: 8} for version, icmp in ICMP_OF.items()}
_SHORTEST_HEADER: Final = 20
#: The first octet of a packet of IPv6 is at least this.
_IPV6: Final = 0x60
_FLAGS: Final = 13
_MORE_FRAGMENTS: Final = 0x20
#: Extension headers that are followed in one packet.
MOST_EXTENSIONS: Final = 8
#: Headers with another one behind them; what is behind an authentication header is looked at as little as in IPv4.
_FOLLOWED: Final = EXTENSION_HEADERS - {AUTHENTICATION, MOBILITY}
#: Octets that must be there of what is behind the extension headers, where it is not one.
_LEAST: Final = {AUTHENTICATION: 2, NOTHING: 0}
_FRAGMENTED: Final = EXTENSION_HEADERS - {MOBILITY}


def has_header(data: Octets) -> bool:
    """Return whether there is a whole IP header."""
    if len(data) < _SHORTEST_HEADER or data[0] >= _IPV6:
        return len(data) >= _IPV6_HEADER and data[0] >> 4 == 6
    return _SHORTEST_HEADER <= (data[0] & 0x0F) * 4 <= len(data)


def packet_of(data: Octets) -> Packet | None:
    """Return a packet as lists look at it; None: it is hidden from them, or has no whole header."""
    if not has_header(data):
        return None
    if data[0] < _IPV6:
        version, source, end = 4, 12, int.from_bytes(data[2:4], "big")
        header_length = (data[0] & 0x0F) * 4
        offset, more = (data[6] & 0x1F) << 8 | data[7], bool(data[6] & _MORE_FRAGMENTS)
        protocol, service, ttl = data[9], data[1], data[8]
        options = tuple(_options(bytes(data[_SHORTEST_HEADER:header_length])))
    else:
        chain = _extensions(data)
        if chain is None:
            return None
        version, source, end = 6, 8, _IPV6_HEADER + int.from_bytes(data[4:6], "big")
        protocol, header_length, offset, more, options = chain
        service, ttl = (data[0] & 0x0F) << 4 | data[1] >> 4, data[7]
    behind = bytes(data[header_length:end])
    if (offset == 1 and protocol == TCP) or (not offset and len(behind) < NEEDED_OCTETS[version].get(protocol, 0)):
        return None
    octets = 4 if version == 4 else 16
    numbers = (0, 0) if offset else (int.from_bytes(behind[0:2], "big"), int.from_bytes(behind[2:4], "big"))
    ports = numbers if protocol in (TCP, UDP) else (0, 0)
    return Packet(
        protocol=protocol,
        source=ip_address(bytes(data[source : source + octets])),
        destination=ip_address(bytes(data[source + octets : source + 2 * octets])),
        source_port=ports[0],
        destination_port=ports[1],
        icmp=(behind[0], behind[1]) if protocol == ICMP_OF[version] and not offset else (0, 0),
        flags=behind[_FLAGS] if protocol == TCP and not offset else 0,
        service=service,
        ttl=ttl,
        options=options,
        is_later_fragment=offset > 0,
        has_more=more,
    )


def _extensions(data: Octets) -> tuple[int, int, int, bool, tuple[int, ...]] | None:
    """Return the protocol behind the extension headers and where it begins, offset and "more" of a fragment, and the
    numbers of the headers (RFC 8200 §4); None: they cannot be followed.
    """
    kind, place, end = data[6], _IPV6_HEADER, min(len(data), _IPV6_HEADER + int.from_bytes(data[4:6], "big"))
    found: list[int] = []
    offset, more = 0, False
    while kind in _FOLLOWED and not offset:
        misplaced = kind == HOP_BY_HOP if found else False  # RFC 8200 §4.1
        if misplaced or place + 4 > end or len(found) == MOST_EXTENSIONS or (kind == FRAGMENT and kind in found):
            return None
        found.append(kind)
        kind, octets = data[place], (data[place + 1] + 1) * 8
        if found[-1] == FRAGMENT:
            fragment, octets = int.from_bytes(data[place + 2 : place + 4], "big"), 8
            offset, more = fragment >> 3, bool(fragment & 1)
        place += octets
    if (kind in _FRAGMENTED) if offset else (place + _LEAST.get(kind, 1) > end):
        return None
    if kind == AUTHENTICATION and not offset and data[place] in EXTENSION_HEADERS:
        return None
    if kind in EXTENSION_HEADERS and not offset:
        found.append(kind)
    return kind, place, offset, more, tuple(found)


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
_ERRORS = tuple(
    bytes((kind,))
    for kind in (
        icmp.IcmpType.DESTINATION_UNREACHABLE,
        icmp.IcmpType.REDIRECT,
        icmp.IcmpType.TIME_EXCEEDED,
        icmp.IcmpType.PARAMETER_PROBLEM,
    )
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


def may_answer(data: Octets) -> bool:
    """Return False for packets that no ICMP error may answer, RFC 1122 §3.2.2: errors, multicast, all fragments but the
    first.

    Over IPv6: RFC 4443 §2.4 (e), which has the same for errors, redirects, multicast and senders without an address.

    data: its beginning, with the octet behind all headers of IP.
    """
    if not has_header(data):
        return False
    source, destination = ip.peek_addresses(data)
    if data[0] >= _IPV6:
        chain = _extensions(data)
        if chain is None or destination.is_multicast or source.is_multicast or source.is_unspecified:
            return False
        protocol, place, offset, _, _ = chain
        return protocol != IpProtocol.ICMPV6 or not (
            offset or place >= len(data) or icmp.is_icmpv6_error(bytes(data[place : place + 1]))
        )
    if (data[6] & 0x1F) << 8 | data[7] or destination.is_multicast or int(destination) == 0xFFFFFFFF:
        return False
    return data[9] != IpProtocol.ICMP or data[(data[0] & 0x0F) * 4 :][:1] not in _ERRORS


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
