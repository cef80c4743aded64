"""Connections before authentication: each is judged before the first octet of SSH is exchanged, and their number is
limited.

The router decides which addresses may connect (`access-class`; in quiet mode `login quiet-mode access-class`). It is
asked about one connection at a time and with pauses, because strangers decide how many connections there are.

A connection is silent until its client has finished the key exchange and named a user. If too many wait, the oldest
silent connection from the network with the most of them is closed to make room for the next one. So clients that only
connect cannot keep users out, unlike with a limit that refuses the last connection (OpenSSH's MaxStartups serves the
same purpose).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Final

from dmvpn.face.ssh.link import LinkError, ask

# ------------------------------------------------------------------------------------ connections before authentication


MOST_FROM_ONE: Final = 10
MOST: Final = 64
#: A customer's site has at least so many bits of IPv6 for itself (RFC 6177 §2).
_SITE: Final = 64


class Visitor:
    """One connection until its login. hang_up: closes it."""

    def __init__(self, location: str, hang_up: Callable[[], object]) -> None:
        self.network = network_of(location)
        self.hang_up = hang_up
        self.is_silent = True
        self.came_in = False


class Visitors:
    """Connections without a login, the oldest first, over all gates of a process. Loopback may have all places."""

    def __init__(self) -> None:
        self._waiting: list[Visitor] = []

    def admit(self, visitor: Visitor) -> bool:
        """Return whether a connection may wait; a silent one may be closed for it. If it may, `leave` must follow."""
        own = [other for other in self._waiting if other.network == visitor.network]
        if len(own) >= MOST_FROM_ONE and not ip_network(visitor.network).is_loopback:
            in_the_way = own
        elif len(self._waiting) >= MOST:
            silent = [other for other in self._waiting if other.is_silent]
            largest = Counter(other.network for other in silent).most_common(1)
            in_the_way = [other for other in silent if other.network == largest[0][0]] if largest else []
        else:
            in_the_way = None
        if in_the_way is not None:
            gone = next((other for other in in_the_way if other.is_silent), None)
            if gone is None:
                return False
            self.leave(gone)
            gone.hang_up()
        self._waiting.append(visitor)
        return True

    def leave(self, visitor: Visitor) -> None:
        """Forget a connection that has a login, or has ended."""
        if visitor in self._waiting:
            self._waiting.remove(visitor)


def network_of(location: str) -> str:
    """Return the prefix whose connections count together: an address of IPv4, 64 bits of IPv6."""
    address = ip_address(location)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    length = _SITE if address.version == 6 and not address.is_loopback else address.max_prefixlen
    return str(ip_network((address, length), strict=False))


# ------------------------------------------------------------------------------------------------ the entrance


log = logging.getLogger("dmvpn.ssh")

#: Seconds before the next try where the system has no descriptor for an arrival.
_PAUSE: Final = 1.0
#: Seconds between two questions to the router.
_BETWEEN: Final = 0.01
#: Octets of the name of a device, its zero included.
_LONGEST_DEVICE: Final = 16


class Entrance:
    """The listening sockets of one address.

    arrive: called with each connection, its source address, and the VRF through which it came, "": the global table.
    """

    def __init__(self, arrive: Callable[[socket.socket, str, str], None]) -> None:
        self._arrive = arrive
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []

    async def open(self, address: str, port: int, vrf: str = "") -> None:
        """Listen, in a VRF if one is named. Raises OSError if the address is taken, or none of this machine, or if
        there is no such VRF.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, place in dict.fromkeys((family, place) for family, _, _, _, place in found):
                listening = _listening(family, place, vrf)
                self._sockets.append(listening)
                listening.setblocking(False)
        except OSError:
            await self.close()
            raise
        self._accepting = [asyncio.create_task(self._accept(listening)) for listening in self._sockets]

    @property
    def port(self) -> int | None:
        """The TCP port; None while it does not listen."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else None

    async def close(self) -> None:
        """Stop listening."""
        for task in self._accepting:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for listening in self._sockets:
            listening.close()

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                arrived, peer = await asyncio.get_running_loop().sock_accept(listening)
            except OSError as error:
                log.warning("%s", error)
                await asyncio.sleep(_PAUSE)
                continue
            self._arrive(arrived, str(peer[0]).partition("%")[0], _vrf_of(arrived))


def _listening(family: int, place: tuple[object, ...], vrf: str) -> socket.socket:
    """Return a listening socket. Raises OSError."""
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if vrf:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, vrf.encode())
        made.bind(place)
        made.listen()
    except OSError:
        made.close()
        raise
    return made


def _vrf_of(arrived: socket.socket) -> str:
    """Return the VRF of a connection: Linux binds the socket to its device."""
    return arrived.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _LONGEST_DEVICE).rstrip(b"\0").decode()


class Doorkeeper:
    """Asks the router whether an address may connect. path: the router's management socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asking = asyncio.Lock()
        self._next = 0.0

    async def refuses(self, location: str, vrf: str) -> str:
        """Return why an address may not connect, "" if it may. If the router does not answer, no address may."""
        async with self._asking:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(max(0.0, self._next - loop.time()))
            try:
                return (await ask(self._path, location, vrf)).refused
            except LinkError as error:
                return str(error)
            finally:
                self._next = loop.time() + _BETWEEN
