"""One client at a prompt: the user types, the session works in slices, and its output is sent between two slices.

Each piece of work of the session is a deed; deeds run one after the other. Keystrokes during a deed are kept, and
interrupt it where the session says so (Ctrl-C). `ClientStream` makes messages of the octets between the router and the
client.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from dmvpn.base.breath import BrokenOff
from dmvpn.base.effects import Effect
from dmvpn.base.errors import fault_text, named
from dmvpn.face.messages import Done, Input, Message, Resize, Signal
from dmvpn.face.protocol import Decoder, ProtocolError, encode, encode_output
from dmvpn.face.session import ConsoleSession
from dmvpn.shells.slices import Slices

# ------------------------------------------------------------------------------------------------ octets and messages


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

    async def read_messages(self) -> list[Message]:
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


# ------------------------------------------------------------------------------------------------ the client


#: Octets of type-ahead that a busy session keeps before the client has to wait.
MOST_KEPT: Final = 1 << 16

log = logging.getLogger("dmvpn")


def complaint(error: Exception) -> str:
    """Return the message for a command that failed by a fault of ours."""
    return f"% Error: internal fault: {named(error)}; report it with the traceback that the log of this program has"


class Sitting:
    """One client and its session."""

    def __init__(self, session: ConsoleSession, stream: ClientStream, slices: Slices) -> None:
        self.session = session
        self._stream = stream
        self._slices = slices
        self._loop = asyncio.get_running_loop()
        self.last_input = self._loop.time()
        self._pumping = False
        self._idle: asyncio.TimerHandle | None = None
        self._no_more_input = False
        #: The deeds that wait, and the task that runs them.
        self._deeds: deque[Callable[[], None]] = deque()
        self._doing: asyncio.Task[None] | None = None
        #: Keystrokes that the session has not read yet; and octets of type-ahead since it was last at rest.
        self._ahead = b""
        self._kept = 0
        #: Why we end it: asked for, and when it has come to that.
        self._reason: str | None = None
        self._over: asyncio.Future[str] = self._loop.create_future()

    async def run(self, messages: list[Message]) -> None:
        """Serve the client until it or the session ends. messages: received together with its order."""
        self._do(self.session.start)
        reading = asyncio.create_task(self._follow(messages))
        try:
            await asyncio.wait((reading, self._over), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            if not self._over.done():
                return  # the client has gone
        finally:
            await end(reading)
        self._stream.send(encode(Done(0, self._over.result())))

    def hang_up(self, reason: str) -> None:
        """End the session; a running command is broken off first."""
        self._reason = reason
        self._stream.cut_off(only_unread=True)
        if self._doing is not None:
            self.session.give_up()
            self._slices.break_off()
            return
        if not self.session.closed:
            self.session.hang_up()
        if not self._over.done():
            self._over.set_result(reason)

    async def leave(self) -> None:
        """Leave: nothing that this client began stays."""
        if self._idle is not None:
            self._idle.cancel()
        self.session.give_up()
        if self._doing is not None:
            await end(self._doing)
        if not self.session.closed:
            self.session.hang_up()

    # ------------------------------------------------------------------------------------ messages of the client

    async def _follow(self, messages: list[Message]) -> None:
        """Handle the client's messages until it disconnects. Raises ProtocolError."""
        while True:
            for message in messages:
                await self._take(message)
            messages = await self._stream.read_messages()
            if not messages:
                return

    async def _take(self, message: Message) -> None:
        match message:
            case Input(data=b""):
                self._no_more_input = True
                self._do(self._feed)
            case Input(data=data):
                self.last_input = self._loop.time()
                await self._typed(data)
            case Resize(rows=rows, columns=columns):
                self.session.resize(rows, columns)
            case Signal():
                await self._typed(b"\x1e")
            case _:
                raise ProtocolError(f"{type(message).__name__} is nothing for a shell")

    async def _typed(self, data: bytes) -> None:
        """Take keystrokes, perhaps while the session is busy; beyond `MOST_KEPT` octets the client has to wait."""
        self._ahead += data
        if self._slices.is_busy:
            if self.session.type_ahead(self._taken_ahead()):
                self._slices.break_off()
            self._kept += len(data)
        if self._feed not in self._deeds:
            self._do(self._feed)
        if self._kept > MOST_KEPT and self._doing is not None:
            await asyncio.wait((self._doing,))

    def _taken_ahead(self) -> bytes:
        taken, self._ahead = self._ahead, b""
        return taken

    def _feed(self) -> None:
        """Let the session read on."""
        self.session.feed(self._taken_ahead())

    def _pump(self) -> None:
        """Let the session show the notes of `take_note`."""
        self._pumping = False
        self.session.pump()

    def take_note(self, effect: Effect) -> None:
        """Note an effect in the middle of the router's work, and show it when the router is at rest."""
        self.session.effect(effect)
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._do, self._pump)

    # -------------------------------------------------------------------------------------------- what it does

    def _do(self, deed: Callable[[], None]) -> None:
        """Let the session run a deed, in slices, after the deeds that wait already."""
        if self._over.done():
            return
        self._deeds.append(deed)
        if self._doing is None:
            self._doing = asyncio.create_task(self._do_all())

    async def _do_all(self) -> None:
        try:
            while self._deeds:
                await self._slices.run(self._guarded(self._deeds.popleft()), self._show)
        except ConnectionError:
            self.session.give_up()  # the task that reads sees it, too
        finally:
            self._kept, self._doing = 0, None
        self._watch_the_clock()

    def _guarded(self, deed: Callable[[], None]) -> Callable[[], None]:
        """Let a command that fails by a fault of ours end with a complaint, not with the session."""

        def work() -> None:
            try:
                deed()
            except BrokenOff:
                pass  # the client has gone, or broke it off
            except Exception as error:
                log.exception("%s", fault_text(error, "carrying out a command of a session"))
                self.session.recover(complaint(error))

        return work

    async def _show(self) -> None:
        """Send the output of the session, and wait while the client does not read."""
        output = self.session.take_output()
        if not output:
            return
        self._stream.send(encode_output(output))
        try:
            async with asyncio.timeout(self.session.idle_limit or None):
                await self._stream.be_read()
        except TimeoutError:
            log.warning("a session does not read what it is sent: cut off")
            self._stream.cut_off()
            raise ConnectionResetError from None

    def _watch_the_clock(self) -> None:
        """Restart the idle timer when the session is at rest, or hang up if it is over."""
        if self._idle is not None:
            self._idle.cancel()
        if self._reason is not None or self.session.closed or (self._no_more_input and not self.session.busy):
            self.hang_up(self._reason or "")
            return
        limit = self.session.idle_limit
        self._idle = self._loop.call_at(self.last_input + limit, self._grow_tired) if limit else None

    def _grow_tired(self) -> None:
        """Disconnect a user that was idle for as long as the line allows, unless the session is busy."""
        if self.session.busy or self._doing is not None:
            self.last_input = self._loop.time()
            self._watch_the_clock()
        else:
            self.hang_up("idle for too long")
