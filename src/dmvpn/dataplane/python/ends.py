"""The IPsec sockets of the Python engine: raw protocol 50 and UDP port 4500 of each served address."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.errors import UserError
from dmvpn.dataplane.ike import IKE_BEHIND_NAT
from dmvpn.dataplane.sockets import EspSocket, UdpSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from dmvpn.base.addresses import IPAddress
    from dmvpn.dataplane.esp.protection import Sealed
    from dmvpn.dataplane.local import Door, Doors
    from dmvpn.dataplane.userspace.watch import Watch


class _End(NamedTuple):
    """The two sockets of one address."""

    esp: EspSocket
    udp: UdpSocket


class IpsecEnds:
    """Opens and closes the sockets, and sends through them; passes received packets to their reader."""

    def __init__(
        self,
        doors: Doors,
        watch: Watch,
        read_esp: Callable[[Door, EspSocket], None],
        read_udp: Callable[[Door, UdpSocket], None],
    ) -> None:
        """read_esp, read_udp: called with the door of a readable socket."""
        self._doors = doors
        self._watch = watch
        self._read_esp = read_esp
        self._read_udp = read_udp
        self._ends: dict[Door, _End] = {}

    def serve(self, addresses: tuple[IPAddress, ...], front: str) -> dict[IPAddress, OSError | UserError]:
        """Open both sockets at exactly these addresses of a VRF; returns errors by address."""
        wanted = {self._doors.number(address, front): address for address in addresses}
        for local in [local for local in self._ends if self._doors.front(local) == front and local not in wanted]:
            self._close(local)
        problems: dict[IPAddress, OSError | UserError] = {}
        for local, address in wanted.items():
            if local not in self._ends:
                try:
                    self._open(local, address)
                except (OSError, UserError) as error:
                    problems[address] = error
        return problems

    def mind_paths(self, locals_: Container[Door]) -> None:
        """Enable path MTU discovery at these addresses and at no others (`sockets`)."""
        for local, end in self._ends.items():
            end.esp.mind_paths(local in locals_)
            end.udp.mind_paths(local in locals_)

    def send(self, sealed: Sealed) -> None:
        """Send an ESP packet. Raises OSError."""
        end, remote = self._end(sealed.local), socket.inet_ntoa(sealed.remote)
        if sealed.port:
            end.udp.send(sealed.packet, remote, sealed.port, tos=sealed.tos, df=sealed.df)
        else:
            end.esp.send(sealed.packet, remote, tos=sealed.tos, df=sealed.df)

    def send_ike(self, local: Door, remote: IPAddress, port: int, payload: bytes, tos: int) -> None:
        """Send octets from UDP port 4500. Raises OSError."""
        self._end(local).udp.send(payload, str(remote), port, tos=tos)

    def path_mtu(self, local: Door, remote: IPv4Address) -> int:
        """Return octets of the largest packet to this address. Raises OSError."""
        return self._end(local).udp.path_mtu(remote)

    def _end(self, local: Door) -> _End:
        end = self._ends.get(local)
        if end is None:
            raise OSError(errno.EADDRNOTAVAIL, f"IPsec is not served on {self._doors.address(local)}")
        return end

    def close(self) -> None:
        """Close all sockets."""
        for local in list(self._ends):
            self._close(local)

    def _open(self, local: Door, address: IPAddress) -> None:
        if not isinstance(address, IPv4Address):
            raise UserError(f"{address}: IPsec is carried over IPv4 only")
        with ExitStack() as opened:
            udp = opened.enter_context(UdpSocket(address, IKE_BEHIND_NAT))
            esp = opened.enter_context(EspSocket(address))
            opened.pop_all()
        self._ends[local] = _End(esp, udp)
        self._watch.add(esp.fileno(), lambda: self._read_esp(local, esp))
        self._watch.add(udp.fileno(), lambda: self._read_udp(local, udp))

    def _close(self, local: Door) -> None:
        for opened in self._ends.pop(local):
            self._watch.remove(opened.fileno())
            opened.close()
