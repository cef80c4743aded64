"""The octets between the router and one client of its management socket, as messages."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from dmvpn.face.messages import Done
from dmvpn.face.protocol import Decoder, encode

if TYPE_CHECKING:
    from dmvpn.face.messages import Message

#: Seconds that a client has to read the last messages.
_LEAVE: Final = 5.0


class ClientStream:
    """Both directions of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = Decoder()
        #: True while so much is unread that we wait for the client.
        self._is_unread = False

    async def read(self) -> list[Message]:
        """Return the next messages, at least one; none at the end of the connection. Raises ProtocolError."""
        while data := await self._reader.read(1 << 16):
            messages = self._decoder.feed(data)
            if messages:
                return messages
        return []

    async def be_read(self) -> None:
        """Wait until the client has read most of the data sent. Raises ConnectionError."""
        self._is_unread = True
        try:
            await self._writer.drain()
        finally:
            self._is_unread = False

    def send(self, data: bytes) -> None:
        """Send data, unless the connection is about to end."""
        if not self._writer.is_closing():
            self._writer.write(data)

    def cut_off(self, *, only_unread: bool = False) -> None:
        """End the connection at once. only_unread: if we wait for the client to read."""
        if self._is_unread or not only_unread:
            self._writer.transport.abort()

    def dismiss(self, reason: str) -> None:
        """Disconnect the client after a message with the reason, which it has some time to read."""
        if not self._writer.is_closing():
            self.send(encode(Done(0, reason)))
            self._writer.close()
            asyncio.get_running_loop().call_later(_LEAVE, self._writer.transport.abort)

    async def take_leave(self) -> None:
        """Let the client read the last messages: it would lose them if it wrote to a closed socket."""
        if self._writer.is_closing():
            return
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE):
                while await self._reader.read(1 << 16):
                    pass


async def end(task: asyncio.Task[None]) -> None:
    """Stop a task, and wait until it has: only one may read at a time."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
