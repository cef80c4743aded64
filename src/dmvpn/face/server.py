"""The management socket of a router: sessions and commands for people and programs on this machine.

    server = ManagementServer(handle, path)
    await server.start()
    ...
    await server.stop()

These users may connect: the user that runs the router, root, and the group that its operator named
(`shells/admission.py`).

What a client does is in `connection.py`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from functools import partial
from typing import TYPE_CHECKING

from dmvpn.base.breath import at_home
from dmvpn.base.errors import UserError, fault_text
from dmvpn.face.access import free_line
from dmvpn.face.connection import VTY, ClientConnection
from dmvpn.face.context import User
from dmvpn.features.system import SystemMachine
from dmvpn.shells.admission import OWNER_ALONE
from dmvpn.shells.files import LONGEST_SOCKET_PATH

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.face.context import RouterHandle
    from dmvpn.shells.admission import Admission

log = logging.getLogger("dmvpn")


class ManagementServer:
    """The listening socket of one router, and its connections."""

    def __init__(self, handle: RouterHandle, path: Path, admission: Admission = OWNER_ALONE) -> None:
        self.path = path
        self._admission = admission
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._connections: dict[ClientConnection, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Listen. Raises UserError if the socket cannot be made, or another router listens there."""
        listening = _listening_socket(self.path)
        try:
            self._admission.share(self.path, 0o660)
        except UserError:
            listening.close()
            self.path.unlink()
            raise
        self._server = await asyncio.start_unix_server(self._connected, sock=listening)

    async def stop(self) -> None:
        """Hang up everywhere and remove the socket."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._connections.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        self.path.unlink(missing_ok=True)

    @property
    def connections(self) -> tuple[ClientConnection, ...]:
        """The open connections, the oldest first."""
        return tuple(self._connections)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._admission.admits(writer.get_extra_info("socket")):
            writer.close()
            return
        connection = ClientConnection(self._handle, reader, writer, self)
        self._connections[connection] = asyncio.create_task(self._attend(connection, writer))

    async def _attend(self, connection: ClientConnection, writer: asyncio.StreamWriter) -> None:
        try:
            await connection.run()
        except ConnectionError:
            pass  # the client has disconnected: no message can reach it
        except asyncio.CancelledError:
            writer.transport.abort()  # we stop, and do not wait for a client that does not read
        except Exception as error:
            # A fault of ours in one session must not end any other session.
            log.exception("%s", fault_text(error, "serving a session, which ends"))
        finally:
            await connection.leave()
            del self._connections[connection]
            writer.close()

    def clear(self, number: int) -> bool:
        """Disconnect the user of a vty line. False if the line is free."""
        found = [each for each in self._connections if each.line.kind == VTY and each.line.number == number]
        for connection in found:
            at_home(partial(connection.hang_up, "cleared by somebody else"))
        return bool(found)

    def free_line(self) -> int | None:
        """Return the number of a free vty line; None if all are in use."""
        taken = {each.line.number for each in self._connections if each.line.kind == VTY}
        return free_line(self._handle.context(0).machine(SystemMachine).config, taken)

    def users(self, asking: ClientConnection) -> tuple[User, ...]:
        """Return the users that are logged in."""
        now = asking.time()
        return tuple(
            User(connection.line, idle=now - connection.last_input, here=connection is asking)
            for connection in self._connections
            if connection.session is not None or connection is asking
        )


def _listening_socket(path: Path) -> socket.socket:
    """Return a socket at `path` that only its owner may connect to; it replaces a dead one, without a listener."""
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise UserError(f"{path}: too long for a socket, which may have {LONGEST_SOCKET_PATH} characters")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_dead(path)
        # The mode must be right from the beginning: bind makes the file.
        mask = os.umask(0o177)
        try:
            made.bind(os.fspath(path))
        finally:
            os.umask(mask)
    except OSError as error:
        made.close()
        raise UserError(f"{path}: {error.strerror}") from error
    except UserError:
        made.close()
        raise
    made.setblocking(False)
    return made


def _remove_dead(path: Path) -> None:
    """Remove the socket of a router that was killed. Raises UserError if one still lives."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise UserError(f"{path}: another router listens here already")
