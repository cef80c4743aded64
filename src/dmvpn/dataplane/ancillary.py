"""What travels beside an IPv4 packet: TTL, TOS, interface and addresses as control messages, and ICMP errors. ip(7).

The standard library knows `sendmsg` and `recvmsg` but hardly any of ip(7)'s options; they are named here, and their
octets are read and written here, for `sockets`.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

IP_TOS: Final = 1
IP_TTL: Final = 2
IP_PKTINFO: Final = 8
IP_MTU_DISCOVER: Final = 10
IP_RECVERR: Final = 11
IP_RECVTTL: Final = 12
IP_RECVTOS: Final = 13
IP_MTU: Final = 14
IP_MULTICAST_ALL: Final = 49
PMTUDISC_DONT: Final = 0
PMTUDISC_DO: Final = 2
PMTUDISC_PROBE: Final = 3

#: in_pktinfo: interface, our address, the packet's destination.
_PKTINFO = struct.Struct("=i4s4s")
#: ip_mreqn: group, our address, interface.
_MREQN = struct.Struct("=4s4si")
#: sock_extended_err: errno, origin, ICMP type and code, padding, information (the MTU), data.
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_ANCILLARY = socket.CMSG_SPACE(_PKTINFO.size) + 2 * socket.CMSG_SPACE(4)
_ERROR_ANCILLARY = socket.CMSG_SPACE(_EXTENDED_ERROR.size + 16) + _ANCILLARY
_MAX_PACKET = 65535

#: A control message as `socket.sendmsg` takes it: level, type, octets.
Control = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class Datagram:
    """A packet of a routing protocol or ICMP. payload: behind the IP (or UDP) header. link: index of the interface."""

    payload: bytes
    source: IPv4Address
    destination: IPv4Address
    ttl: int
    tos: int
    link: int
    port: int = 0


@dataclass(frozen=True, slots=True)
class PathError:
    """An ICMP error about something we sent to `destination`. reporter: who says so. mtu: of a 3/4, else 0."""

    destination: IPv4Address
    reporter: IPv4Address | None
    errno: int
    icmp_type: int
    icmp_code: int
    mtu: int


def tos_control(tos: int) -> Control:
    """Sets the TOS of this packet only."""
    return socket.IPPROTO_IP, IP_TOS, bytes((tos,))


def ttl_control(ttl: int) -> Control:
    """Sets the TTL of this packet only, a multicast one's too."""
    return socket.IPPROTO_IP, IP_TTL, struct.pack("=i", ttl)


def origin_control(link: int, source: IPv4Address | None) -> Control:
    """Sends this packet out of an interface (0: as routed) and from one of our addresses (None: the kernel chooses)."""
    ours = source.packed if source is not None else bytes(4)
    return socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO.pack(link, ours, bytes(4))


def multicast_request(group: IPv4Address, link: int) -> bytes:
    """The value (ip_mreqn) that joins or leaves a group on an interface, or, with 0.0.0.0, chooses the interface."""
    return _MREQN.pack(group.packed, bytes(4), link)


def receive_datagram(sock: socket.socket, *, raw: bool) -> Datagram | None:
    """The next packet of a non-blocking socket with IP_PKTINFO, IP_RECVTTL and IP_RECVTOS; None: there is none now.

    raw: the packet begins with its IP header, which is taken off.
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


def receive_errors(sock: socket.socket) -> list[PathError]:
    """Empty the error queue of a non-blocking socket with IP_RECVERR."""
    errors: list[PathError] = []
    while True:
        try:
            _, control, _, (destination, _) = sock.recvmsg(_MAX_PACKET, _ERROR_ANCILLARY, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            return errors
        for level, kind, value in control:
            if (level, kind) == (socket.IPPROTO_IP, IP_RECVERR):
                number, _, icmp_type, icmp_code, _, information, _ = _EXTENDED_ERROR.unpack_from(value)
                errors.append(
                    PathError(
                        destination=IPv4Address(destination),
                        reporter=_offender(value[_EXTENDED_ERROR.size :]),
                        errno=number,
                        icmp_type=icmp_type,
                        icmp_code=icmp_code,
                        mtu=information if number == errno.EMSGSIZE else 0,
                    )
                )


def _offender(address: bytes) -> IPv4Address | None:
    """SO_EE_OFFENDER: the sockaddr behind an extended error; of no family if the error is our own kernel's."""
    (family,) = struct.unpack_from("=H", address)
    return IPv4Address(address[4:8]) if family == socket.AF_INET else None
