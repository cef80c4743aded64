"""ICMP errors that planes send: the packets that one may answer, and the messages. RFC 792, RFC 1122, RFC 4443."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.net import icmp, icmpv6, ip
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet

if TYPE_CHECKING:
    from collections.abc import Callable

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
        return not is_icmp or not icmpv6.is_error(packet.payload)
    if packet.fragment_offset or packet.destination.is_multicast or int(packet.destination) == 0xFFFFFFFF:
        return False
    return packet.protocol != IpProtocol.ICMP or not packet.payload or packet.payload[0] not in _ERRORS
