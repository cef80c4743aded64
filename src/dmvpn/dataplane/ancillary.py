"""Control messages of an IPv4 packet: TTL, TOS, interface and addresses. ip(7).

The standard library knows `sendmsg` and `recvmsg` but hardly any of ip(7)'s options; they are named, encoded and
decoded here, for `sockets`.
"""

from __future__ import annotations

import socket
import struct
import sys
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.values import dataclass

IP_TOS: Final = 1
IP_TTL: Final = 2
IP_PKTINFO: Final = 8
IP_MTU_DISCOVER: Final = 10
IP_RECVTTL: Final = 12
IP_RECVTOS: Final = 13
IP_MTU: Final = 14
IP_MULTICAST_ALL: Final = 49
PMTUDISC_DONT: Final = 0
PMTUDISC_DO: Final = 2
PMTUDISC_PROBE: Final = 3
#: Neither sets DF, nor learns or obeys path MTUs from ICMP.
PMTUDISC_OMIT: Final = 5

#: in_pktinfo: interface, our address, the packet's destination.
_PKTINFO = struct.Struct("=i4s4s")
#: ip_mreqn: group, our address, interface.
_MREQN = struct.Struct("=4s4si")
_ANCILLARY = socket.CMSG_SPACE(_PKTINFO.size) + 2 * socket.CMSG_SPACE(4)
_MAX_PACKET = 65535

#: A control message as `socket.sendmsg` takes it: level, type, octets.
Control = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class Datagram:
    """A packet of a routing protocol or ICMP.

    payload: behind the IP (or UDP) header.
    link: index of the interface.
    """

    payload: bytes
    source: IPv4Address
    destination: IPv4Address
    ttl: int
    tos: int
    link: int
    port: int = 0


def tos_control(tos: int) -> Control:
    """Return the control message that sets the TOS of one packet."""
    return socket.IPPROTO_IP, IP_TOS, bytes((tos,))


def ttl_control(ttl: int) -> Control:
    """Return the control message that sets the TTL of one packet, multicast or not."""
    return socket.IPPROTO_IP, IP_TTL, struct.pack("=i", ttl)


def origin_control(link: int, source: IPv4Address | None) -> Control:
    """Return the control message that sends one packet by an interface (0: as routed), from one of our addresses.

    source: None: the kernel chooses.
    """
    ours = source.packed if source is not None else bytes(4)
    return socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO.pack(link, ours, bytes(4))


def multicast_request(group: IPv4Address, link: int) -> bytes:
    """Return the value (ip_mreqn) that joins or leaves a group on an interface, or, with 0.0.0.0, chooses the
    interface.
    """
    return _MREQN.pack(group.packed, bytes(4), link)


def receive_datagram(sock: socket.socket, *, raw: bool) -> Datagram | None:
    """Return the next packet of a non-blocking socket with IP_PKTINFO, IP_RECVTTL and IP_RECVTOS; None: none is
    waiting.

    raw: the packet begins with its IP header, which is removed.
    """
    try:
        octets, control, _, (sender, port) = sock.recvmsg(_MAX_PACKET, _ANCILLARY)
    except BlockingIOError:
        return None
    destination, link, ttl, tos = IPv4Address(0), 0, 0, 0
    for level, kind, value in control:
        if level != socket.IPPROTO_IP:
            continue
        if kind == IP_PKTINFO:
            link, _, packed = _PKTINFO.unpack_from(value)
            destination = IPv4Address(packed)
        elif kind == IP_TTL:
            ttl = int.from_bytes(value, sys.byteorder)
        elif kind == IP_TOS:
            tos = value[0]
    payload = octets[(octets[0] & 0x0F) * 4 :] if raw else octets
    return Datagram(payload, IPv4Address(sender), destination, ttl, tos, link, 0 if raw else port)
