"""The IPsec sockets of the Python engine: raw protocol 50 and UDP port 4500 of each served address."""

from __future__ import annotations

import errno
import socket
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.errors import UserError
from dmvpn.dataplane.ike import IKE_BEHIND_NAT
from dmvpn.dataplane.sockets import EspSocket, UdpSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from dmvpn.base.addresses import IPAddress
    from dmvpn.dataplane.python.protection import Sealed
    from dmvpn.dataplane.userspace.watch import Watch


class _End(NamedTuple):
    """The two sockets of one address."""

    esp: EspSocket
    udp: UdpSocket


class IpsecEnds:
    """Opens and closes the sockets, and sends through them; passes received packets to their reader."""

    def __init__(
        self, watch: Watch, read_esp: Callable[[EspSocket], None], read_udp: Callable[[bytes, UdpSocket], None]
    ) -> None:
        self._watch = watch
        self._read_esp = read_esp
        self._read_udp = read_udp
        self._ends: dict[bytes, _End] = {}

    def serve(self, addresses: tuple[IPAddress, ...]) -> dict[IPAddress, OSError | UserError]:
        """Open both sockets at exactly these addresses; returns errors by address."""
        wanted = {address.packed: address for address in addresses}
        for packed in [packed for packed in self._ends if packed not in wanted]:
            self._close(packed)
        problems: dict[IPAddress, OSError | UserError] = {}
        for packed, address in wanted.items():
            if packed not in self._ends:
                try:
                    self._open(address)
                except (OSError, UserError) as error:
                    problems[address] = error
        return problems

    def mind_paths(self, locals_: Container[bytes]) -> None:
        """Enable path MTU discovery at these addresses and at no others (`sockets`)."""
        for local, end in self._ends.items():
            for opened in end:
                opened.mind_paths(local in locals_)

    def send(self, sealed: Sealed) -> None:
        """Send an ESP packet. Raises OSError."""
        end, remote = self._end(sealed.local), socket.inet_ntoa(sealed.remote)
        if sealed.port:
            end.udp.send(sealed.packet, remote, sealed.port, tos=sealed.tos, df=sealed.df)
        else:
            end.esp.send(sealed.packet, remote, tos=sealed.tos, df=sealed.df)

    def send_ike(self, local: IPAddress, remote: IPAddress, port: int, payload: bytes, tos: int) -> None:
        """Send octets from UDP port 4500. Raises OSError."""
        self._end(local.packed).udp.send(payload, str(remote), port, tos=tos)

    def _end(self, local: bytes) -> _End:
        end = self._ends.get(local)
        if end is None:
            raise OSError(errno.EADDRNOTAVAIL, f"IPsec is not served on {socket.inet_ntoa(local)}")
        return end

    def _open(self, address: IPAddress) -> None:
        if not isinstance(address, IPv4Address):
            raise UserError(f"{address}: IPsec is carried over IPv4 only")
        packed, udp = address.packed, UdpSocket(address, IKE_BEHIND_NAT)
        try:
            esp = EspSocket(address)
        except (OSError, UserError):
            udp.close()
            raise
        self._ends[packed] = _End(esp, udp)
        self._watch.add(esp.fileno(), lambda: self._read_esp(esp))
        self._watch.add(udp.fileno(), lambda: self._read_udp(packed, udp))

    def _close(self, packed: bytes) -> None:
        for opened in self._ends.pop(packed):
            self._watch.remove(opened.fileno())
            opened.close()
