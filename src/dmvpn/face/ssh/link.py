"""The management socket of a router, for asyncio: messages out, messages in."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Final

from dmvpn.base.errors import DmvpnError
from dmvpn.face.calling import PROTOCOL
from dmvpn.face.messages import Access, AskAccess, Hello, Message, Report
from dmvpn.face.protocol import Decoder, ProtocolError, encode
from dmvpn.shells.lab.sockets import open_streams

#: Seconds within which a router answers; a router that is busy for longer counts as dead.
_PATIENCE: Final = 10.0


class LinkError(DmvpnError):
    """No router answers there, or its answer is invalid."""


class SshLink:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = Decoder()
        self._ready: list[Message] = []

    @classmethod
    async def open(cls, path: Path) -> SshLink:
        """Connect, and receive `Hello`. Raises LinkError."""
        with contextlib.ExitStack() as undo:
            try:
                async with asyncio.timeout(_PATIENCE):
                    link = cls(*await open_streams(path))
                    undo.callback(link.close)
                    hello = await link.receive()
            except (OSError, TimeoutError) as error:
                raise LinkError(f"{path}: {error}") from error
            if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
                raise LinkError(f"{path}: the router runs another version of this program")
            undo.pop_all()
        return link

    async def send(self, message: Message) -> None:
        """Say something; waits while the router does not listen. Raises LinkError."""
        try:
            self._writer.write(encode(message))
            await self._writer.drain()
        except ConnectionError as error:
            raise LinkError(str(error)) from error

    async def receive(self) -> Message | None:
        """Return the next message; None at the end. Raises LinkError."""
        while not self._ready:
            try:
                data = await self._reader.read(1 << 16)
                if not data:
                    return None
                self._ready = self._decoder.feed(data)
            except (ConnectionError, ProtocolError) as error:
                raise LinkError(str(error)) from error
        return self._ready.pop(0)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def ask(path: Path, location: str, vrf: str) -> Access:
    """Return the users that may log in from this address in a VRF. Raises LinkError."""
    answer = await _exchange(path, AskAccess(location, vrf))
    if not isinstance(answer, Access):
        raise LinkError(f"{path}: no answer")
    return answer


async def report(path: Path, said: Report) -> None:
    """Report a login or a refusal to the router. Raises LinkError."""
    await _exchange(path, said)


async def _exchange(path: Path, message: Message) -> Message | None:
    link = await SshLink.open(path)
    try:
        async with asyncio.timeout(_PATIENCE):
            await link.send(message)
            return await link.receive()
    except TimeoutError as error:
        raise LinkError(f"{path}: no answer") from error
    finally:
        link.close()
