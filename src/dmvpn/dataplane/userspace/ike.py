"""IKE in a userspace plane: UDP port 500 is here, port 4500 is the engine's, because ESP uses it too.

    ServeIpsec -> both at each served address, bound to the address: a tunnel source may be a loopback
    SendIp from port 500 or 4500 -> out of the socket that has that port, so that replies and NAT mappings fit
    datagram to port 500 -> IpReceived, UDP header first; its interface is "", because it came to an address

IKE is never sent past these sockets: if another IKE daemon has the port, its peers must not receive ours.
"""

from __future__ import annotations

import errno
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.dataplane.ike import IKE, IKE_BEHIND_NAT, ike_received
from dmvpn.dataplane.sockets import UdpSocket
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.octets import ipv4_address
from dmvpn.net.udp import HEADER_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import SendIp
    from dmvpn.base.events import Event
    from dmvpn.dataplane.userspace.engine import PacketEngine
    from dmvpn.dataplane.userspace.watch import Watch

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
        local, payload = order.source, order.payload[HEADER_LENGTH:]
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
