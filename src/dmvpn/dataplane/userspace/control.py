"""Packets of the router itself: routing protocols on their interfaces, ICMP, traceroute's probes, IKE.

Of IKE's ports, UDP port 500 is here, port 4500 is the engine's, because ESP uses it too.

    ServeIpsec -> both at each served address, bound to the address: a tunnel source may be a loopback
    SendIp from port 500 or 4500 -> out of the socket that has that port, so that replies and NAT mappings fit
    datagram to port 500 -> IpReceived, UDP header first; its interface is "", because it came to an address

IKE is never sent past these sockets: if another IKE daemon has the port, its peers must not receive ours.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Container
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from dmvpn.base.addresses import IPAddress
from dmvpn.base.effects import Listen, SendIp, StopListening
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, IpReceived
from dmvpn.dataplane.packets import IKE, IKE_BEHIND_NAT, ike_received
from dmvpn.dataplane.sockets import (
    ETHERTYPE_IPV4,
    Datagram,
    FrameSocket,
    IcmpSocket,
    InterfaceSocket,
    Ipv6Socket,
    UdpSocket,
    origin_control,
    place,
)
from dmvpn.dataplane.userspace.engine import PacketEngine, Watch
from dmvpn.net.discovery import ADVERTISEMENT, ALL_NODES, ALL_ROUTERS, SOLICITATION
from dmvpn.net.icmp import IcmpType, Icmpv6Type
from dmvpn.net.ip import UDP_HEADER_LENGTH, UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet, ipv4_address

# ---------------------------------------------------------------------------------------------------- ike

#: Packets read from one socket before other sockets get their turn.
_TURN = 64
#: Receive buffer: IKE peers wait for an answer to each message, so there are a few messages of many peers.
_RECEIVE_BUFFER = 1 << 20


class IkePorts:
    """UDP port 500 of each served address, and the access to the engine's port 4500."""

    def __init__(self, engine: PacketEngine, report: Callable[[Event], None], watch: Watch, front: str = "") -> None:
        """front: the VRF in which they are."""
        self._front = front
        self._engine = engine
        self._report = report
        self._watch = watch
        self._sockets: dict[IPAddress, UdpSocket] = {}

    def serve(self, addresses: tuple[IPAddress, ...]) -> dict[IPAddress, OSError | UserError]:
        """Serve IKE and ESP at exactly these addresses; returns errors by address."""
        for address in [address for address in self._sockets if address not in addresses]:
            self._close(address)
        problems = self._engine.serve_ipsec(addresses, self._front)
        for address in addresses:
            try:
                self._open(address)
            except (OSError, UserError) as error:
                problems[address] = error
        return problems

    def carries(self, order: SendIp) -> bool:
        """Return whether this packet leaves from a port of IKE."""
        return order.protocol == IpProtocol.UDP and _source_port(order) in (IKE, IKE_BEHIND_NAT)

    def send(self, order: SendIp) -> None:
        """Send a datagram of IKE. Raises OSError."""
        local, payload = order.source, order.payload[UDP_HEADER_LENGTH:]
        if local is None:
            raise OSError(errno.EADDRNOTAVAIL, "IKE is sent from an address that is served")
        port = int.from_bytes(order.payload[2:4], "big")
        if _source_port(order) == IKE_BEHIND_NAT:
            self._engine.send_ike(local, order.destination, port, payload, order.tos, self._front)
            return
        opened = self._sockets.get(local)
        if opened is None:
            raise OSError(errno.EADDRNOTAVAIL, f"IKE is not served on {local}")
        opened.send(payload, str(order.destination), port, tos=order.tos)

    def close(self) -> None:
        """Close the sockets here, and those of the engine in this VRF. It closes those of the global table itself."""
        if self._front:
            self._engine.serve_ipsec((), self._front)
        for address in list(self._sockets):
            self._close(address)

    def _open(self, address: IPAddress) -> None:
        if address in self._sockets:
            return
        if not isinstance(address, IPv4Address):
            raise UserError(f"{address}: IPsec is carried over IPv4 only")
        opened = self._sockets[address] = UdpSocket(address, IKE, receive_buffer=_RECEIVE_BUFFER, df=False)
        self._watch.add(opened.fileno(), lambda: self._read(address))

    def _close(self, address: IPAddress) -> None:
        opened = self._sockets.pop(address)
        self._watch.remove(opened.fileno())
        opened.close()

    def _read(self, local: IPv4Address) -> None:
        for _ in range(_TURN):
            opened = self._sockets.get(local)
            arrived = opened.receive() if opened is not None else None
            if arrived is None:
                return
            source = ipv4_address(arrived.source)
            self._report(ike_received(source, arrived.port, local, IKE, arrived.octets, arrived.tos))


def _source_port(order: SendIp) -> int:
    return int.from_bytes(order.payload[:2], "big")


# ---------------------------------------------------------------------------------------------------- control

#: ICMP messages about packets of ours. The kernel answers echo requests; we receive those of other routers.
_ICMP_TYPES = (
    IcmpType.ECHO_REQUEST,
    IcmpType.ECHO_REPLY,
    IcmpType.DESTINATION_UNREACHABLE,
    IcmpType.TIME_EXCEEDED,
    IcmpType.PARAMETER_PROBLEM,
)

_ICMPV6_TYPES = (
    Icmpv6Type.ECHO_REQUEST,
    Icmpv6Type.ECHO_REPLY,
    Icmpv6Type.DESTINATION_UNREACHABLE,
    Icmpv6Type.PACKET_TOO_BIG,
    Icmpv6Type.TIME_EXCEEDED,
    Icmpv6Type.PARAMETER_PROBLEM,
)
#: Of DHCP.
CLIENT_PORT = 68
#: Where the kernel puts the checksum of a packet over IPv6, by protocol.
_CHECKSUM_AT: dict[int, int] = {IpProtocol.UDP: 6}

_Key = tuple[str, int, int | None]
#: What a socket of IPv6 hears: interface and protocol; of ICMPv6 also the group, because a port may advertise and take
#: advertisements.
_HeardKey = tuple[str, int, "IPv6Address | None", "int | None"]
_OF_GROUP = {ALL_ROUTERS: (SOLICITATION,), ALL_NODES: (ADVERTISEMENT,)}


def _heard_as(order: Listen | StopListening, group: IPv6Address) -> _HeardKey:
    return order.interface, order.protocol, group if order.protocol == IpProtocol.ICMPV6 else None, order.port


class ControlSockets:
    """One socket for each (interface, protocol, port) with a listener, one for ICMP, one for all other packets."""

    def __init__(
        self,
        linux_name: Callable[[str], str],
        interface_name: Callable[[int], str],
        report: Callable[[Event], None],
        watch: Watch,
    ) -> None:
        self._linux_name = linux_name
        self._interface_name = interface_name
        self._report = report
        self._watch = watch
        self._sockets: dict[_Key, InterfaceSocket | FrameSocket] = {}
        self._icmp = IcmpSocket(types=_ICMP_TYPES, probes_only=True)
        #: Opened with the first packet that needs it: a VRF has few descriptors.
        self._whole: socket.socket | None = None
        self._icmp6: Ipv6Socket | None = None
        self._others: dict[int, Ipv6Socket] = {}
        #: Of protocols over IPv6.
        self._heard: dict[_HeardKey, Ipv6Socket] = {}
        watch.add(self._icmp.fileno(), self._read_icmp)

    def listen(self, order: Listen) -> None:
        """Open a socket. Raises OSError, UserError."""
        if isinstance(order.group, IPv6Address):
            self._listen_ipv6(order, order.group)
            return
        key = (order.interface, order.protocol, order.port)
        opened = self._sockets.get(key)
        if opened is None:
            linux = self._linux_name(order.interface)
            is_client = order.protocol == IpProtocol.UDP and order.port == CLIENT_PORT
            inodes = [str(os.fstat(one.fileno()).st_ino) for one in self._sockets.values()] if is_client else []
            if is_client and _checks_sources(linux, inodes):
                opened = FrameSocket(linux, CLIENT_PORT)
            else:
                opened = InterfaceSocket(linux, order.protocol, port=order.port)
            self._sockets[key] = opened
            self._watch.add(opened.fileno(), lambda: self._read(key))
        if isinstance(order.group, IPv4Address) and isinstance(opened, InterfaceSocket):
            try:
                opened.join(order.group)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:  # already a member
                    raise

    def stop(self, order: StopListening) -> None:
        """Close a socket; an unknown socket is ignored."""
        if isinstance(order.group, IPv6Address):
            self._stop_ipv6(_heard_as(order, order.group))
            return
        opened = self._sockets.pop((order.interface, order.protocol, order.port), None)
        if opened is not None:
            self._watch.remove(opened.fileno())
            opened.close()

    def forget_interface(self, interface: str) -> None:
        """Forget an interface that is gone, and close its sockets."""
        for name, protocol, port in [key for key in self._sockets if key[0] == interface]:
            self.stop(StopListening(name, protocol, None, port))
        for key in [key for key in self._heard if key[0] == interface]:
            self._stop_ipv6(key)

    def send(self, order: SendIp) -> None:
        """Send a packet of our own. Raises the kernel's OSError."""
        destination, source = order.destination, order.source
        if not isinstance(destination, IPv4Address):
            self._send_ipv6(order, destination)
            return
        own = source if isinstance(source, IPv4Address) else None
        opened = self._find(order)
        if order.hardware or (own is not None and own.is_unspecified) or isinstance(opened, FrameSocket):
            self._send_frame(order, own, destination)
        elif opened is not None:
            udp = order.protocol == IpProtocol.UDP
            payload = order.payload[UDP_HEADER_LENGTH:] if udp else order.payload
            port = int.from_bytes(order.payload[2:4], "big") if udp else 0
            opened.send(payload, destination, source=own, ttl=order.ttl, tos=order.tos, port=port)
        elif order.protocol == IpProtocol.ICMP:
            self._icmp.send(order.payload, destination, source=own, ttl=order.ttl, tos=order.tos, df=order.df)
        else:
            packet = _whole_packet(order, own, destination)
            # A datagram from a port of its own, such as BFD's, that names an interface leaves by that interface all the
            # same.
            way = []
            if order.interface is not None:
                way = [origin_control(socket.if_nametoindex(self._linux_name(order.interface)), None)]
            if self._whole is None:
                self._whole = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
                place(self._whole)
            self._whole.sendmsg((packet.serialize(),), way, 0, (str(destination), 0))

    def _send_frame(self, order: SendIp, own: IPv4Address | None, destination: IPv4Address) -> None:
        """Send a packet that the kernel could not: from 0.0.0.0, or to a station that has no address yet."""
        place = (self._linux_name(order.interface or ""), ETHERTYPE_IPV4, 0, 0, order.hardware or b"\xff" * 6)
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as opened:
            opened.sendto(_whole_packet(order, own, destination).serialize(), place)

    def serve_ipv6(self) -> None:
        """Receive ICMPv6 from now on, too. Raises OSError, UserError."""
        if self._icmp6 is None:
            self._icmp6 = Ipv6Socket(IpProtocol.ICMPV6, types=_ICMPV6_TYPES)
            self._watch.add(self._icmp6.fileno(), self._read_icmp6)

    def _listen_ipv6(self, order: Listen, group: IPv6Address) -> None:
        linux, key = self._linux_name(order.interface), _heard_as(order, group)
        opened = self._heard.get(key)
        if opened is None:
            types = _OF_GROUP.get(group, ()) if order.protocol == IpProtocol.ICMPV6 else ()
            opened = self._heard[key] = Ipv6Socket(order.protocol, types=types, device=linux, port=order.port)
            self._watch.add(opened.fileno(), lambda: self._read_ipv6(key))
        opened.join(group, socket.if_nametoindex(linux))

    def _stop_ipv6(self, key: _HeardKey) -> None:
        opened = self._heard.pop(key, None)
        if opened is not None:
            self._watch.remove(opened.fileno())
            opened.close()

    def _read_ipv6(self, key: _HeardKey) -> None:
        for _ in range(_TURN):
            opened = self._heard.get(key)
            datagram = opened.receive() if opened is not None else None
            if datagram is None:
                return
            self._report_from(datagram, (key[0], key[1], key[3]))

    def _send_ipv6(self, order: SendIp, destination: IPv6Address) -> None:
        link = 0 if order.interface is None else socket.if_nametoindex(self._linux_name(order.interface))
        opened = self._icmp6
        if order.protocol != IpProtocol.ICMPV6:
            opened = self._others.get(order.protocol)
            if opened is None:
                opened = self._others[order.protocol] = Ipv6Socket(
                    order.protocol, checksum_at=_CHECKSUM_AT.get(order.protocol)
                )
        if opened is None:
            raise OSError(errno.EADDRNOTAVAIL, "no interface has an IPv6 address")
        own = order.source if isinstance(order.source, IPv6Address) else None
        opened.send(order.payload, destination, source=own, link=link, ttl=order.ttl, tos=order.tos, df=order.df)

    def close(self) -> None:
        """Close all sockets."""
        for name, protocol, port in list(self._sockets):
            self.stop(StopListening(name, protocol, None, port))
        self._watch.remove(self._icmp.fileno())
        self._icmp.close()
        if self._whole is not None:
            self._whole.close()
        if self._icmp6 is not None:
            self._watch.remove(self._icmp6.fileno())
            self._icmp6.close()
        for key in list(self._heard):
            self._stop_ipv6(key)
        for opened in self._others.values():
            opened.close()

    def _find(self, order: SendIp) -> InterfaceSocket | FrameSocket | None:
        if order.interface is None:
            return None
        port = int.from_bytes(order.payload[0:2], "big") if order.protocol == IpProtocol.UDP else None
        return self._sockets.get((order.interface, order.protocol, port))

    def _read(self, key: _Key) -> None:
        for _ in range(_TURN):
            opened = self._sockets.get(key)
            datagram = opened.receive() if opened is not None else None
            if datagram is None:
                return
            self._report_from(datagram, key)

    def _report_from(self, datagram: Datagram, key: _Key) -> None:
        interface, protocol, port = key
        payload = datagram.payload
        if port is not None:  # UDP sockets remove the header; the machines expect the whole payload of IP
            udp = UdpDatagram(source_port=datagram.port, destination_port=port, payload=payload)
            payload = udp.serialize(datagram.source, datagram.destination)
        self._report(_received(datagram, interface, protocol, payload))

    def _read_icmp(self) -> None:
        self._read_messages(self._icmp, IpProtocol.ICMP)

    def _read_icmp6(self) -> None:
        if self._icmp6 is not None:
            self._read_messages(self._icmp6, IpProtocol.ICMPV6)

    def _read_messages(self, opened: IcmpSocket | Ipv6Socket, protocol: IpProtocol) -> None:
        for _ in range(_TURN):
            datagram = opened.receive()
            if datagram is None:
                return
            interface = self._interface_name(datagram.link)
            self._report(_received(datagram, interface, protocol, datagram.payload))


def _checks_sources(linux: str, own: Container[str]) -> bool:
    """Return whether the kernel drops offers to an interface without an address: no route leads to their sender.

    own: the inodes of our sockets; clients of our other ports are no other client.
    Raises OSError: another DHCP client reads all packets of the interface.
    """
    rows = [line.split() for line in Path("/proc/net/packet").read_text().splitlines()]
    readers = [row[3] for row in rows if row[4] == str(socket.if_nametoindex(linux))]
    sockets = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()]
    is_dhclient = any(row[1].endswith(":0044") and row[9] not in own for row in sockets)  # port 68
    if "0800" in readers or ("0003" in readers and is_dhclient):
        raise OSError(errno.EADDRINUSE, f"another DHCP client has {linux}")
    read = (Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter") for name in ("all", linux))
    return any(path.read_text().strip() != "0" for path in read)


def _received(datagram: Datagram, interface: str, protocol: int, payload: bytes) -> IpReceived:
    return IpReceived(
        interface=interface,
        source=datagram.source,
        destination=datagram.destination,
        protocol=protocol,
        payload=payload,
        ttl=datagram.ttl,
        tos=datagram.tos,
    )


def _whole_packet(order: SendIp, source: IPv4Address | None, destination: IPv4Address) -> Ipv4Packet:
    return Ipv4Packet(
        source=source or IPv4Address(0),  # zero: the kernel inserts the address of the outgoing interface
        destination=destination,
        protocol=order.protocol,
        payload=order.payload,
        ttl=order.ttl,
        tos=order.tos,
        flags=Ipv4Flag.DONT_FRAGMENT if order.df else Ipv4Flag(0),
    )
