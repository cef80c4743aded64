"""Where connections come in: each is judged before the first octet of SSH is exchanged.

The router decides which addresses may connect (`access-class`; in quiet mode `login quiet-mode access-class`). It is
asked about one connection at a time and with pauses, because strangers decide how many connections there are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING, Final

from dmvpn.face.ssh.link import LinkError, ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger("dmvpn.ssh")

#: Seconds before the next try where the system has no descriptor for an arrival.
_PAUSE: Final = 1.0
#: Seconds between two questions to the router.
_BETWEEN: Final = 0.01


class Entrance:
    """The listening sockets of one address. arrive: called with each connection and its source address."""

    def __init__(self, arrive: Callable[[socket.socket, str], None]) -> None:
        self._arrive = arrive
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []

    async def open(self, address: str, port: int) -> None:
        """Listen. Raises OSError if the address is taken, or none of this machine."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, place in dict.fromkeys((family, place) for family, _, _, _, place in found):
                listening = socket.create_server(place, family=family)
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
            self._arrive(arrived, str(peer[0]).partition("%")[0])


class Doorkeeper:
    """Asks the router whether an address may connect. path: the router's management socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asking = asyncio.Lock()
        self._next = 0.0

    async def refuses(self, location: str) -> str:
        """Return why an address may not connect, "" if it may. If the router does not answer, no address may."""
        async with self._asking:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(max(0.0, self._next - loop.time()))
            try:
                return (await ask(self._path, location)).refused
            except LinkError as error:
                return str(error)
            finally:
                self._next = loop.time() + _BETWEEN
