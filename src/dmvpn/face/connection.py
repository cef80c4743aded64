"""One client of the management socket: a shell, one execution of lines, or somebody who watches.

A client that does not read is cut off when too much waits for it: the router never waits for a terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.effects import HistoryGrew
from dmvpn.face.access import access
from dmvpn.face.handle import Line, RouterHandle, new_session
from dmvpn.face.oneshot import OneShot
from dmvpn.face.protocol import (
    AskAccess,
    Decoder,
    Done,
    Execute,
    Hello,
    Input,
    Message,
    OpenShell,
    ProtocolError,
    Report,
    Resize,
    Signal,
    Watch,
    encode,
    encode_output,
)
from dmvpn.face.session import ConsoleSession
from dmvpn.face.watching import Watching
from dmvpn.features.system import LoginFailed, LoginSucceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.effects import Effect
    from dmvpn.face.context import User
    from dmvpn.face.outcome import Work

#: Octets that may wait for a client that does not read.
MAX_UNREAD: Final = 8 << 20

#: Seconds that a client has to read the end of what was said.
_LEAVE: Final = 5.0
#: The kind of the terminal lines of those who come over the network.
VTY: Final = "vty"
_FAULT: Final = "% Error: internal fault; the log of this program has the particulars"

log = logging.getLogger("dmvpn")


class Terminals(Protocol):
    """What a connection asks about the others of its router."""

    def free_line(self) -> int | None:
        """Return the number of a terminal line of the network that has nobody; None if all have somebody."""
        ...

    def clear(self, number: int) -> bool:
        """Hang up on a terminal line of the network. False if nobody is there."""
        ...

    def users(self, asking: Connection) -> tuple[User, ...]:
        """Return who is logged in."""
        ...


class Connection:
    """One client."""

    def __init__(
        self,
        handle: RouterHandle,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server: Terminals,
    ) -> None:
        self.session: ConsoleSession | None = None
        self.line = Line()
        self._loop = asyncio.get_running_loop()
        self.last_input = self._loop.time()
        self._handle = handle
        self._reader = reader
        self._writer = writer
        self._server = server
        self._decoder = Decoder()
        self._unsubscribe: Callable[[], None] | None = None
        self._pumping = False
        self._idle: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()
        self._no_more_input = False
        self._working: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve the client until it or the session ends."""
        self._send(encode(Hello(self._handle.context(0).hostname)))
        try:
            messages = await self._read()
            match messages[:1]:
                case [Execute() as order]:
                    if self._sit_down(order):
                        await self._execute(order)
                case [OpenShell() as order]:
                    if self._sit_down(order):
                        await self._shell(order, messages[1:])
                case [AskAccess(location=location)]:
                    self._send(encode(access(self._handle.context(0), location)))
                case [Report() as report]:
                    kind = LoginSucceeded if report.accepted else LoginFailed
                    self._handle.post(kind(report.user, report.location, report.port))
                    self._send(encode(Done()))
                case [Watch()]:
                    await self._watch()
                case [message]:
                    raise ProtocolError(f"{type(message).__name__} comes too early")
        except ProtocolError as error:
            self._send(encode(Done(2, str(error))))
        await self._writer.drain()
        await self._take_leave()

    async def _take_leave(self) -> None:
        """Let the client read what was said: it would lose that if it wrote to a socket that is closed."""
        if self._writer.is_closing():
            return
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE):
                while await self._reader.read(1 << 16):
                    pass

    def leave(self) -> None:
        """Leave: nothing that this client began stays."""
        if self._idle is not None:
            self._idle.cancel()
        if self._working is not None:
            self._working.cancel()
        if self.session is not None and not self.session.closed:
            self.session.hang_up()
        if self._unsubscribe is not None:
            self._unsubscribe()

    def hang_up(self, reason: str) -> None:
        """End the connection from our side."""
        self._end(reason)

    def _sit_down(self, order: Execute | OpenShell) -> bool:
        """Take the console, or a line of the network. False if all of these are taken."""
        if not order.vty:
            self.line = Line(user=order.user)
            return True
        number = self._server.free_line()
        if number is None:
            self._send(encode(Done(2, "all terminal lines are in use")))
            return False
        self.line = Line(VTY, number, order.user, order.location)
        return True

    # -------------------------------------------------------------------------------------------- lines

    async def _execute(self, order: Execute) -> None:
        lines = order.lines
        run = OneShot(
            self._handle,
            new_session(),
            lines,
            line=self.line,
            privilege=order.privilege,
            clear=self._server.clear,
            works_elsewhere=True,
        )
        watching = asyncio.create_task(self._watch_for_abort(run))

        def effect(effect: Effect) -> None:
            run.effect(effect)
            self._news.set()

        self._unsubscribe = self._handle.subscribe(effect)
        try:
            while not run.done:
                self._news.clear()
                text = run.step()
                if text:
                    self._send(encode_output(text.encode()))
                    await self._writer.drain()
                elif run.work is not None:
                    run.worked(await asyncio.to_thread(run.work))
                elif not run.done:
                    await self._news.wait()
        except Exception:
            log.exception("internal fault in a command")
            run.status = 1
            self._send(encode_output(f"{_FAULT}\n".encode()))
        finally:
            await _end(watching)
            if not run.done:
                run.abort()
        self._send(encode(Done(run.status)))

    async def _watch_for_abort(self, run: OneShot) -> None:
        """Watch, while lines are carried out, whether the client breaks off or goes away."""
        with contextlib.suppress(ProtocolError, ConnectionError):
            while messages := await self._read():
                if any(isinstance(message, Signal) for message in messages):
                    break
        run.abort()
        self._news.set()

    async def _watch(self) -> None:
        """Tell what happens until the client goes; a slow one misses some of it."""
        watching = Watching(self._handle)
        self._unsubscribe = self._handle.subscribe(self._note_history)
        gone = asyncio.create_task(self._wait_until_gone())
        try:
            while not gone.done():
                self._news.clear()
                while (news := watching.news()) is not None and not gone.done():
                    self._send(encode(news))
                    await self._writer.drain()
                await self._news.wait()
        finally:
            await _end(gone)

    def _note_history(self, effect: Effect) -> None:
        if isinstance(effect, HistoryGrew):
            self._news.set()

    async def _wait_until_gone(self) -> None:
        """Wait until a client is gone that watches and has nothing more to say."""
        with contextlib.suppress(ProtocolError, ConnectionError):
            await self._read()
        self._news.set()

    # -------------------------------------------------------------------------------------------- shell

    async def _shell(self, order: OpenShell, messages: list[Message]) -> None:
        session = ConsoleSession(
            self._handle,
            new_session(),
            line=self.line,
            privilege=order.privilege,
            users=lambda: self._server.users(self),
            clear=self._server.clear,
            elsewhere=self._work,
        )
        self.session = session
        self._unsubscribe = self._handle.subscribe(self._take_note)
        session.resize(order.rows, order.columns)
        session.start()
        self._follow(session)
        while True:
            for message in messages:
                self._take(session, message)
            if session.closed:
                break
            messages = await self._read()
            if not messages:
                return
        self._send(encode(Done()))

    def _take(self, session: ConsoleSession, message: Message) -> None:
        match message:
            case Input(data=b""):
                self._no_more_input = True
            case Input(data=data):
                self.last_input = self._loop.time()
                self._guard(session, lambda: session.feed(data))
            case Resize(rows=rows, columns=columns):
                session.resize(rows, columns)
            case Signal():
                session.feed(b"\x1e")
            case _:
                raise ProtocolError(f"{type(message).__name__} is nothing for a shell")
        self._follow(session)

    def _work(self, work: Work) -> None:
        """Work in a thread: a password takes as long as a hundred packets, and others must not wait for it."""
        self._working = asyncio.create_task(self._work_in_thread(work))

    async def _work_in_thread(self, work: Work) -> None:
        then = await asyncio.to_thread(work)
        session = self.session
        if session is None or session.closed or self._writer.is_closing():
            return
        self._guard(session, lambda: session.worked(then))
        self._follow(session)
        if session.closed:
            self._end("")

    def _take_note(self, effect: Effect) -> None:
        """Note an effect in the middle of the router's work, and show it when the router is at rest."""
        if self.session is None:
            return
        self.session.effect(effect)
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        if self.session is None or self._writer.is_closing():
            return
        self._guard(self.session, self.session.pump)
        self._follow(self.session)
        if self.session.closed:
            self._end("")

    @staticmethod
    def _guard(session: ConsoleSession, work: Callable[[], None]) -> None:
        """Let a command that fails by a fault of ours end with a complaint, not with the session."""
        try:
            work()
        except Exception:
            log.exception("internal fault in a session")
            session.recover(_FAULT)

    def _follow(self, session: ConsoleSession) -> None:
        """Send what the session shows, and wind up its clock of silence."""
        output = session.take_output()
        if output:
            self._send(encode_output(output))
        if self._idle is not None:
            self._idle.cancel()
        if self._no_more_input and not session.busy:
            self._end("")
            return
        limit = session.idle_limit
        self._idle = self._loop.call_at(self.last_input + limit, self._grow_tired, session) if limit else None

    def _grow_tired(self, session: ConsoleSession) -> None:
        """Look at a user that said nothing for as long as the line allows."""
        if session.busy:
            self.last_input = self._loop.time()
            self._follow(session)
        else:
            self._end("idle for too long")

    def _end(self, reason: str) -> None:
        """End the connection from our side."""
        if self.session is not None and not self.session.closed:
            self.session.hang_up()
        if not self._writer.is_closing():
            self._send(encode(Done(0, reason)))
            self._writer.close()

    # -------------------------------------------------------------------------------------------- octets

    async def _read(self) -> list[Message]:
        """Return the next messages, at least one; none at the end of the connection. Raises ProtocolError."""
        while data := await self._reader.read(1 << 16):
            messages = self._decoder.feed(data)
            if messages:
                return messages
        return []

    def _send(self, data: bytes) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(data)
        transport = self._writer.transport
        if transport.get_write_buffer_size() > MAX_UNREAD:
            log.warning("a session does not read what it is sent: cut off")
            transport.abort()


async def _end(reading: asyncio.Task[None]) -> None:
    """Stop a task that reads, and wait until it has: only one may read at a time."""
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
