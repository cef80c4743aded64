"""Sockets of the data plane: GRE, ICMP, and routing protocols bound to an interface. raw(7), ip(7), ipv6(7).

    GreSocket        raw protocol 47 on one NBMA address: send with TOS, with or without DF; receive with outer header
    EspSocket        raw protocol 50, likewise
    UdpSocket        likewise a UDP port, by whatever interface: IKE (500), ESP and IKE behind NAT (4500)
    InterfaceSocket  a routing protocol on one interface: raw (EIGRP 88, OSPF 89) or UDP (RIP 520), multicast
    FrameSocket      a UDP port on one interface before there is an address (DHCP); only receives
    IcmpSocket       raw ICMP of the whole namespace: echo, and errors from routers on the way
    Ipv6Socket       raw protocol of IPv6 of the whole namespace: ICMPv6 likewise; other protocols only send

None of them blocks: watch `fileno()`, call `receive` until it returns None. Sends raise the kernel's OSError: EMSGSIZE
(DF and too big), ENETUNREACH (no route), ENOBUFS and EAGAIN (queue full), EPERM (a packet filter).

Traps: every raw socket that matches gets its own copy of a packet, so there is one `GreSocket` per NBMA address and
VRF, and the tunnels that share it are distinguished by key. Without a matching socket the kernel answers protocol
unreachable: keep it open while the tunnel is shut down.

DF: the kernel knows no control message for it, only IP_MTU_DISCOVER of a whole socket. So there is a second one where
packets have DF, which only sends: it is connected to ourselves, since a connected socket receives only packets of its
peer, though it may send to any address, and a filter drops even those. ICMP errors about its packets come to the first
one. The kernel learns path MTUs from them only where the first one has path MTU discovery (`mind_paths`), and from then
on it fragments the first one's packets to that size; otherwise they are ignored. What it knows the second one asks
(`path_mtu`), which for that moment is connected to the receiver.

Errors in opening, binding and filtering that the owner of the host can fix become `HostProblem`s.

A packet's TTL, TOS, interface and addresses are in control messages. The standard library knows `sendmsg` and `recvmsg`
but hardly any of ip(7)'s options; they are named, encoded and decoded here.
"""

from __future__ import annotations

import array
import errno
import socket
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from threading import local
from typing import ClassVar, Final, NamedTuple, Self

from dmvpn.base.addresses import UNSPECIFIED, IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.dataplane.host import HostProblem, need
from dmvpn.net.ip import UDP_HEADER_LENGTH
from dmvpn.net.ipv4 import Ipv4Packet, ipv6_address

# ------------------------------------------------------------------------------------------------ calls


_SO_ATTACH_FILTER = 26
ETHERTYPE_IPV4: Final = 0x0800
#: linux/if_packet.h: to another station.
_PACKET_OTHERHOST = 3

#: A classic packet filter. Each instruction: code, jump if true, jump if false, value.
Program = tuple[tuple[int, int, int, int], ...]
#: Drops echo requests (type 8) that are not marked internetwork control (0xC0): any station may ping us at any rate.
PROBES_ONLY: Final[Program] = (
    (0xB1, 0, 0, 0),  # X = length of the IP header
    (0x50, 0, 0, 0),  # A = ICMP type
    (0x15, 0, 2, 8),  # not 8: keep
    (0x30, 0, 0, 1),  # A = TOS
    (0x15, 0, 1, 0xC0),  # not 0xC0: drop
    (0x06, 0, 0, 0xFFFFFFFF),
    (0x06, 0, 0, 0),
)
#: The same of ICMPv6 (type 128): its raw socket has no IP header, which the kernel keeps before what the filter sees.
PROBES_ONLY6: Final[Program] = (
    (0x30, 0, 0, 0),  # A = ICMPv6 type
    (0x15, 0, 3, 128),  # not 128: keep
    (0x20, 0, 0, 0xFFF00000),  # A = first word of the IP header (SKF_NET_OFF)
    (0x54, 0, 0, 0x0FF00000),  # A = traffic class
    (0x15, 0, 1, 0x0C000000),  # not 0xC0: drop
    (0x06, 0, 0, 0xFFFFFFFF),
    (0x06, 0, 0, 0),
)


def _datagrams_to(port: int) -> Program:
    """Return the filter that keeps datagrams to a UDP port that no router fragmented."""
    return (
        (0x30, 0, 0, 9),  # A = protocol
        (0x15, 0, 6, 17),  # not UDP: drop
        (0x28, 0, 0, 6),  # A = flags and fragment offset
        (0x45, 4, 0, 0x3FFF),  # a fragment: drop
        (0xB1, 0, 0, 0),  # X = length of the IP header
        (0x48, 0, 0, 2),  # A = destination port
        (0x15, 0, 1, port),  # another: drop
        (0x06, 0, 0, 0xFFFFFFFF),
        (0x06, 0, 0, 0),
    )


#: Drops everything.
NOTHING: Final[Program] = ((0x06, 0, 0, 0),)


class _Here(local):
    """The VRF device to which this thread binds the sockets that it opens."""

    device: str | None = None


_here = _Here()


def open_on(device: str | None) -> None:
    """Let sockets that this thread opens be those of a VRF device from now on; None: of the global table."""
    _here.device = device


def place(sock: socket.socket) -> None:
    """Bind a new socket to the VRF device of this thread. Raises OSError, and closes it then."""
    if _here.device is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _here.device.encode() + b"\0")
        except OSError:
            sock.close()
            raise


def opened(kind: int, protocol: int, family: int = socket.AF_INET) -> socket.socket:
    """Return a socket that does not block. Raises HostProblem, OSError."""
    try:
        sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
        place(sock)
    except OSError as error:
        raise explained(f"IP protocol {protocol}", error) from error
    return sock


def set_option(sock: socket.socket, option: int, value: int) -> None:
    """Set an option of ip(7)."""
    sock.setsockopt(socket.IPPROTO_IP, option, value)


def bind(sock: socket.socket, local: IPv4Address | None, device: str | None, port: int = 0) -> None:
    """Bind it to an interface, to an address of ours, to a UDP port. Raises OSError."""
    if device is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.bind((str(local) if local is not None else "", port))


def attach(sock: socket.socket, program: Program) -> None:
    """Attach a packet filter to it."""
    code = array.array("B", b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program), code.buffer_info()[0]))


def drain(sock: socket.socket) -> None:
    """Discard all waiting packets."""
    with suppress(BlockingIOError):
        while True:
            sock.recv(1)


def explained(what: str, error: OSError) -> OSError | HostProblem:
    """Return a HostProblem if the owner of the host can fix the error, otherwise the error itself."""
    match error.errno:
        case errno.EPERM | errno.EACCES:
            # bind(2): a port below net.ipv4.ip_unprivileged_port_start; a raw socket is refused with EPERM, raw(7).
            lacks = "NET_BIND_SERVICE" if error.errno == errno.EACCES and "port" in what else "NET_RAW"
            return HostProblem(f"{what}: the capability {lacks} is missing in this network namespace", fix=need(lacks))
        case errno.EADDRINUSE:
            return HostProblem(f"{what}: another program has this port", fix="ss -lunp, and stop what it shows")
        case errno.EADDRNOTAVAIL | errno.ENETUNREACH:  # the latter where ip_nonlocal_bind allows to bind anyhow
            return HostProblem(f"{what}: this host does not have that address", fix="ip address shows those it has")
        case errno.ENODEV | errno.ENXIO:
            return HostProblem(f"{what}: there is no such interface", fix="ip link shows those there are")
        case _:
            return error


# ------------------------------------------------------------------------------------------------ control messages


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
#: in6_pktinfo: our address, interface.
_PKTINFO6 = struct.Struct("=16si")
_ANCILLARY = socket.CMSG_SPACE(_PKTINFO6.size) + 2 * socket.CMSG_SPACE(4)
_MAX_PACKET = 65535

#: A control message as `socket.sendmsg` takes it: level, type, octets.
Control = tuple[int, int, bytes]


class Datagram(Value):
    """A packet of a routing protocol or ICMP.

    payload: behind the IP (or UDP) header.
    link: index of the interface.
    """

    payload: bytes
    source: IPAddress
    destination: IPAddress
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


# ------------------------------------------------------------------------------------------------ sockets


GRE: Final = 47
ESP: Final = 50
EIGRP: Final = 88
ICMP: Final = 1
EIGRP_GROUP: Final = IPv4Address("224.0.0.10")
RIP_PORT: Final = 520
RIP_GROUP: Final = IPv4Address("224.0.0.9")
#: Precedence 6, internetwork control (RFC 791 §3.1): the TOS of routing protocols.
TOS_CONTROL: Final = 0xC0

_SOL_RAW = 255
_ICMP_FILTER = 1

#: A port from which nothing is ever sent (RFC 863).
_DISCARD = 9

Octets = bytes | bytearray | memoryview

_LARGEST_DATAGRAM = 65535
#: Room for the one control message that `UdpSocket` requests.
_TOS_SPACE = socket.CMSG_SPACE(1)


class _Socket:
    """The common part of the sockets: closing, and use as a context."""

    def __init__(self, kind: int, protocol: int, family: int = socket.AF_INET) -> None:
        self._socket = opened(kind, protocol, family)

    def fileno(self) -> int:
        """Return the descriptor to watch for readability."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket; a second time does nothing."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _TwoSockets(_Socket):
    """A socket of one address, and where packets have DF a second one, which sets it, and only sends."""

    def __init__(self, kind: int, protocol: int, local: IPv4Address) -> None:
        super().__init__(kind, protocol)
        self._local = local
        self._minds_paths: bool | None = None
        self._whole: socket.socket | None = None

    def whole_fileno(self) -> int | None:
        """Return the descriptor of the socket that sends with DF, None without one."""
        return self._whole.fileno() if self._whole is not None else None

    def path_mtu(self, remote: IPv4Address) -> int:
        """Return octets of the largest packet to this address, as far as the kernel knows. Raises OSError."""
        whole = self._second()
        try:
            whole.connect((str(remote), _DISCARD))  # sends nothing
            return whole.getsockopt(socket.IPPROTO_IP, IP_MTU)
        finally:
            whole.connect((str(self._local), _DISCARD))

    def mind_paths(self, minds: bool) -> None:
        """Enable or disable path MTU discovery: whether ICMP errors about packets that are too big are trusted.

        A sender that may set DF needs it: messages about the second socket's packets come to this socket. If no sender
        sets DF, it must be off: such messages are not signed, and one is enough for the kernel to fragment all packets
        that leave here.
        """
        if minds is not self._minds_paths:
            set_option(self._socket, IP_MTU_DISCOVER, PMTUDISC_DONT if minds else PMTUDISC_OMIT)
            self._minds_paths = minds

    def close(self) -> None:
        """Close both; a second time does nothing."""
        super().close()
        if self._whole is not None:
            self._whole.close()

    def _by(self, df: bool) -> socket.socket:
        return self._second() if df else self._socket

    def _second(self) -> socket.socket:
        if self._whole is None:
            raise ValueError("this socket was opened for packets without DF")
        return self._whole

    def _open_whole(self, kind: int, protocol: int, device: str | None, port: int) -> None:
        """Open the second one. Between its binding and its connecting it receives packets for the first one."""
        whole = opened(kind, protocol)
        try:
            attach(whole, NOTHING)
            drain(whole)  # a raw one has received everything since its creation
            bind(whole, self._local, device, port)
            whole.connect((str(self._local), _DISCARD))
            set_option(whole, IP_MTU_DISCOVER, PMTUDISC_DO)
            set_option(whole, IP_TTL, 255)
        except OSError:
            whole.close()
            raise
        self._whole = whole

    def _prepare(self, device: str | None, port: int, receive_buffer: int) -> None:
        """Bind the first one. A second one is bound before it: it was alone then, so a port that another program has
        is detected; no program can join the two later, because SO_REUSEADDR holds only for a moment.
        """
        both = [self._socket] if self._whole is None else [self._socket, self._whole]
        for sock in both:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, len(both) - 1)
        bind(self._socket, self._local, device, port)
        for sock in both:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        set_option(self._socket, IP_TTL, 255)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.mind_paths(False)


class GreSocket(_TwoSockets):
    """Raw protocol 47 on one NBMA address. The outer TTL is 255; fragments arrive whole."""

    protocol: ClassVar[int] = GRE
    what: ClassVar[str] = "GRE"

    def __init__(
        self, local: IPv4Address, *, device: str | None = None, receive_buffer: int = 4 << 20, df: bool = True
    ) -> None:
        """device: of a VRF. receive_buffer: octets; rmem_max caps it. df: packets with DF are sent, too.

        Raises HostProblem, OSError.
        """
        super().__init__(socket.SOCK_RAW, self.protocol, local)
        self._device = device
        try:
            if df:
                self._open_whole(socket.SOCK_RAW, self.protocol, device, 0)
            self._prepare(device, 0, receive_buffer)
        except OSError as error:
            self.close()
            raise explained(f"{self.what} on {local}", error) from error

    def allow_df(self) -> None:
        """Send packets with DF from now on, too. Raises HostProblem, OSError."""
        if self._whole is None:
            try:
                self._open_whole(socket.SOCK_RAW, self.protocol, self._device, 0)
            except OSError as error:
                raise explained(f"{self.what} on {self._local}", error) from error

    def send(self, packet: Octets, destination: str, *, tos: int = 0, df: bool = False) -> None:
        """Send an IP payload. Without `df` the kernel fragments packets that are too big."""
        sock = self._by(df)
        if tos:
            sock.sendmsg((packet,), (tos_control(tos),), 0, (destination, 0))
        else:
            sock.sendto(packet, (destination, 0))

    def receive(self, buffer: bytearray | memoryview) -> int | None:
        """Fill the buffer with the next packet, outer header first. Returns its length, or None if no packet waits."""
        try:
            return self._socket.recv_into(buffer)
        except BlockingIOError:
            return None


class EspSocket(GreSocket):
    """Raw protocol 50 on one address, likewise. It also gets copies of packets for SAs of the host's own kernel."""

    protocol = ESP
    what = "ESP"


class Arrived(NamedTuple):
    """A UDP datagram. source: packed address of its sender, port: its UDP port."""

    octets: bytes
    source: bytes
    port: int
    tos: int


class UdpSocket(_TwoSockets):
    """A UDP port of one address of ours. The TTL is 255; fragments arrive whole."""

    def __init__(self, local: IPv4Address, port: int, *, receive_buffer: int = 4 << 20, df: bool = True) -> None:
        """receive_buffer: octets; rmem_max caps it. df: packets with DF are sent, too.

        Raises HostProblem (another program has the port), OSError.
        """
        kind, protocol = socket.SOCK_DGRAM, int(socket.IPPROTO_UDP)
        super().__init__(kind, protocol, local)
        try:
            if df:
                self._open_whole(kind, protocol, None, port)
            self._prepare(None, port, receive_buffer)
            set_option(self._socket, IP_RECVTOS, 1)
        except OSError as error:
            self.close()
            raise explained(f"UDP port {port} on {local}", error) from error

    def send(self, payload: Octets, destination: str, port: int, *, tos: int = 0, df: bool = False) -> None:
        """Send a datagram from this address and port. Without `df` the kernel fragments packets that are too big."""
        self._by(df).sendmsg((payload,), (tos_control(tos),), 0, (destination, port))

    def receive(self) -> Arrived | None:
        """Return the next datagram, or None if there is none now."""
        try:
            octets, control, _, (sender, port) = self._socket.recvmsg(_LARGEST_DATAGRAM, _TOS_SPACE)
        except BlockingIOError:
            return None
        return Arrived(octets, socket.inet_aton(sender), port, control[0][2][0] if control else 0)


class InterfaceSocket(_Socket):
    """A protocol on one interface: receives only packets that arrive there, sends only out of it, and not to itself."""

    def __init__(self, device: str, protocol: int, *, port: int | None = None) -> None:
        """protocol: of a raw socket, or 17 with a UDP port of ours. Raises HostProblem, OSError."""
        super().__init__(socket.SOCK_RAW if port is None else socket.SOCK_DGRAM, protocol)
        self._raw = port is None
        self.device = device
        what = f"protocol {protocol}" if port is None else f"UDP port {port}"
        try:
            bind(self._socket, None, device, port or 0)
            self.link = socket.if_nametoindex(device)
            for option in (IP_PKTINFO, IP_RECVTTL, IP_RECVTOS):
                set_option(self._socket, option, 1)
            # Own hellos do not come back, and groups that other sockets joined on other interfaces are not ours.
            set_option(self._socket, socket.IP_MULTICAST_LOOP, 0)
            set_option(self._socket, IP_MULTICAST_ALL, 0)
            set_option(self._socket, IP_MTU_DISCOVER, PMTUDISC_DONT)
            outgoing = multicast_request(UNSPECIFIED, self.link)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, outgoing)
        except OSError as error:
            self.close()
            raise explained(f"{what} on {device}", error) from error

    @classmethod
    def eigrp(cls, device: str) -> Self:
        """Return a raw socket of protocol 88, member of 224.0.0.10 (RFC 7868 §6.1)."""
        return cls(device, EIGRP)._joined(EIGRP_GROUP)

    @classmethod
    def rip(cls, device: str) -> Self:
        """Return a socket of UDP port 520, member of 224.0.0.9 (RFC 2453 §4.5)."""
        return cls(device, int(socket.IPPROTO_UDP), port=RIP_PORT)._joined(RIP_GROUP)

    def join(self, group: IPv4Address) -> None:
        """Receive packets to this group on the interface."""
        request = multicast_request(group, self.link)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)

    def leave(self, group: IPv4Address) -> None:
        """Leave the group, the reverse of `join`."""
        request = multicast_request(group, self.link)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, request)

    def send(
        self,
        payload: Octets,
        destination: IPv4Address,
        *,
        source: IPv4Address | None = None,
        ttl: int = 1,
        tos: int = TOS_CONTROL,
        port: int = 0,
    ) -> None:
        """Send out of the interface.

        source: one of our addresses, None: the kernel chooses.
        port: the far UDP port.
        """
        control = (ttl_control(ttl), tos_control(tos), origin_control(self.link, source))
        self._socket.sendmsg((payload,), control, 0, (str(destination), port))

    def receive(self) -> Datagram | None:
        """Return the next packet, or None if there is none now."""
        while True:
            datagram = receive_datagram(self._socket, raw=self._raw)
            # A raw socket receives everything between its creation and its binding to the interface.
            if datagram is None or datagram.link == self.link:
                return datagram

    def _joined(self, group: IPv4Address) -> Self:
        try:
            self.join(group)
        except OSError:
            self.close()
            raise
        return self


class FrameSocket(_Socket):
    """Datagrams to a UDP port on one interface as the wire brings them, before the kernel looks for a route back or
    filters: a DHCP client has no address yet. It never sends.
    """

    def __init__(self, device: str, port: int) -> None:
        """Raises HostProblem, OSError."""
        super().__init__(socket.SOCK_DGRAM, 0, socket.AF_PACKET)
        self._port: InterfaceSocket | None = None  # that the kernel sends no ICMP error; nobody reads it
        with suppress(OSError, HostProblem):
            self._port = InterfaceSocket(device, int(socket.IPPROTO_UDP), port=port)
        try:
            self.link = socket.if_nametoindex(device)
            attach(self._socket, _datagrams_to(port))
            self._socket.bind((device, ETHERTYPE_IPV4))
        except OSError:
            self.close()
            raise

    def receive(self) -> Datagram | None:
        """Return the next datagram, or None if there is none now."""
        while True:
            try:
                octets, place = self._socket.recvfrom(_MAX_PACKET)
                packet = Ipv4Packet.parse(octets)
            except BlockingIOError:
                return None
            except WireError:
                continue
            # Not `UdpDatagram.parse`: what a sender of this host leaves to its card has no checksum yet.
            source, port = packet.source, int.from_bytes(packet.payload[:2], "big")
            if place[2] != _PACKET_OTHERHOST and len(packet.payload) >= UDP_HEADER_LENGTH:
                end = int.from_bytes(packet.payload[4:6], "big")
                payload = packet.payload[UDP_HEADER_LENGTH:end]
                return Datagram(payload, source, packet.destination, packet.ttl, packet.tos, self.link, port)

    def close(self) -> None:
        """Close both sockets."""
        super().close()
        if self._port is not None:
            self._port.close()


class IcmpSocket(_Socket):
    """Raw ICMP: every ICMP message that the namespace receives, or only some types."""

    def __init__(self, *, types: Iterable[int] | None = None, probes_only: bool = False) -> None:
        """types: the ICMP types to receive, None: all. probes_only: of echo requests, those of other routers.

        Raises HostProblem, OSError.
        """
        super().__init__(socket.SOCK_RAW, ICMP)
        for option in (IP_PKTINFO, IP_RECVTTL, IP_RECVTOS):
            set_option(self._socket, option, 1)
        set_option(self._socket, IP_MTU_DISCOVER, PMTUDISC_DONT)
        if types is not None:
            mask = 0xFFFFFFFF
            for number in types:
                mask &= ~(1 << number)
            self._socket.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", mask))
        if probes_only:
            attach(self._socket, PROBES_ONLY)

    def send(
        self,
        message: Octets,
        destination: IPv4Address,
        *,
        source: IPv4Address | None = None,
        ttl: int = 255,
        tos: int = 0,
        df: bool = False,
    ) -> None:
        """Send an ICMP message, checksum included. source: one of our addresses, None: the kernel chooses."""
        # "Probe" sets DF and leaves errors to the routers on the way; "do" would obey an earlier ICMP error.
        set_option(self._socket, IP_MTU_DISCOVER, PMTUDISC_PROBE if df else PMTUDISC_DONT)
        control = (ttl_control(ttl), tos_control(tos), origin_control(0, source))
        self._socket.sendmsg((message,), control, 0, (str(destination), 0))

    def receive(self) -> Datagram | None:
        """Return the next message, or None if there is none now."""
        return receive_datagram(self._socket, raw=True)


class Ipv6Socket(_Socket):
    """A raw protocol of IPv6. Of ICMPv6 it receives some types, of echo requests those of other routers alone; of
    another protocol, or UDP port, what arrives on its interface, without one nothing.
    """

    def __init__(
        self,
        protocol: int,
        *,
        types: Iterable[int] = (),
        checksum_at: int | None = None,
        device: str | None = None,
        port: int | None = None,
    ) -> None:
        """types: of ICMPv6. checksum_at: where the kernel puts the checksum of another protocol; None: nowhere.
        port: of UDP, which it is bound to.

        Raises HostProblem, OSError.
        """
        super().__init__(socket.SOCK_RAW if port is None else socket.SOCK_DGRAM, protocol, socket.AF_INET6)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)  # own hellos do not come back
        if types or device:
            for option in (socket.IPV6_RECVPKTINFO, socket.IPV6_RECVHOPLIMIT, socket.IPV6_RECVTCLASS):
                self._socket.setsockopt(socket.IPPROTO_IPV6, option, 1)
        if types:
            refused = ~sum(1 << number for number in types)
            words = struct.pack("=8I", *(refused >> 32 * place & 0xFFFFFFFF for place in range(8)))
            self._socket.setsockopt(socket.IPPROTO_ICMPV6, _ICMP_FILTER, words)
        elif checksum_at is not None:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, checksum_at)
        if device is None:
            attach(self._socket, PROBES_ONLY6 if types else NOTHING)
        else:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
            drain(self._socket)  # it has received everything since its creation
            if port is not None:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                self._socket.bind(("::", port))

    def join(self, group: IPv6Address, link: int) -> None:
        """Receive packets to this group on an interface; again does nothing. Raises OSError."""
        try:
            request = struct.pack("=16si", group.packed, link)
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise

    def send(
        self,
        payload: Octets,
        destination: IPv6Address,
        *,
        source: IPv6Address | None = None,
        link: int = 0,
        ttl: int = 255,
        tos: int = 0,
        df: bool = False,
    ) -> None:
        """Send a packet. source: one of our addresses, None: the kernel chooses. link: out of it; 0: as routed."""
        words = ((socket.IPV6_HOPLIMIT, ttl), (socket.IPV6_TCLASS, tos), (socket.IPV6_DONTFRAG, int(df)))
        control = [(socket.IPPROTO_IPV6, kind, struct.pack("=i", value)) for kind, value in words]
        ours = source.packed if source is not None else bytes(16)
        control.append((socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _PKTINFO6.pack(ours, link)))
        self._socket.sendmsg((payload,), control, 0, (str(destination), 0, 0, link))

    def receive(self) -> Datagram | None:
        """Return the next message, or None if there is none now."""
        try:
            octets, control, _, sender = self._socket.recvmsg(_MAX_PACKET, _ANCILLARY)
        except BlockingIOError:
            return None
        found = {kind: value for level, kind, value in control if level == socket.IPPROTO_IPV6}
        packed, link = _PKTINFO6.unpack_from(found[socket.IPV6_PKTINFO])
        ttl, tos = (int.from_bytes(found[kind], sys.byteorder) for kind in (socket.IPV6_HOPLIMIT, socket.IPV6_TCLASS))
        source = ipv6_address(socket.inet_pton(socket.AF_INET6, sender[0].partition("%")[0]))
        return Datagram(octets, source, ipv6_address(packed), ttl, tos, link, sender[1])
