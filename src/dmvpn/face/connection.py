"""One client of the management socket: a shell, one execution of lines, or somebody who watches.

What users do is done in slices (`shells/slices.py`), and what it shows is sent between two of them: who does not read
what a command shows waits in the middle of it, until the line's `exec-timeout` ends that. The router never waits for a
terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.breath import BrokenOff
from dmvpn.base.effects import HistoryGrew
from dmvpn.face.access import access
from dmvpn.face.handle import Line, RouterHandle, new_session
from dmvpn.face.language import exec_parser
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
from dmvpn.shells.slices import Slices, resting

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.effects import Effect
    from dmvpn.face.context import User

#: Octets that a session keeps of what is typed while it is busy, before the client has to wait.
MOST_KEPT: Final = 1 << 16
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
        self._slices = Slices()
        #: What is to be done next, and the task that does it.
        self._deeds: deque[Callable[[], None]] = deque()
        self._doing: asyncio.Task[None] | None = None
        #: What was typed and the session does not know of; and how much it has kept since it was at rest.
        self._ahead = b""
        self._kept = 0
        #: Why we end it: asked for, and when it has come to that.
        self._reason: str | None = None
        self._over: asyncio.Future[str] = self._loop.create_future()
        #: Is there so much to read that we wait for the client?
        self._is_unread = False

    async def run(self) -> None:
        """Serve the client until it or the session ends."""
        self._send(encode(Hello(self._handle.context(0).hostname)))
        try:
            messages = await self._read()
            match messages[:1]:
                case [Execute() as order]:
                    if self._sit_down(order):
                        await self._learn_the_language()
                        await self._execute(order, messages[1:])
                case [OpenShell() as order]:
                    if self._sit_down(order):
                        await self._learn_the_language()
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
        await self._be_read()
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

    async def leave(self) -> None:
        """Leave: nothing that this client began stays."""
        if self._idle is not None:
            self._idle.cancel()
        if self.session is not None:
            self.session.give_up()
        if self._doing is not None:
            await _end(self._doing)
        if self.session is not None and not self.session.closed:
            self.session.hang_up()
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._slices.close()

    def time(self) -> float:
        """Return seconds on the clock of `last_input`."""
        return self._loop.time()

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

    async def _learn_the_language(self) -> None:
        """Have what every session needs; the first one of a router waits for it."""
        await self._slices.run(lambda: exec_parser(self._handle.features))

    # -------------------------------------------------------------------------------------------- lines

    async def _execute(self, order: Execute, messages: list[Message]) -> None:
        lines = order.lines
        run = OneShot(
            self._handle,
            new_session(),
            lines,
            line=self.line,
            privilege=order.privilege,
            users=lambda: self._server.users(self),
            clear=self._server.clear,
        )
        watching = asyncio.create_task(self._watch_for_abort(messages))

        def effect(effect: Effect) -> None:
            run.effect(effect)
            self._news.set()

        self._unsubscribe = self._handle.subscribe(effect)
        try:
            await self._step_through(run, watching)
        except ConnectionError:
            raise
        except Exception:
            log.exception("internal fault in a command")
            run.status = 1
            self._send(encode_output(f"{_FAULT}\n".encode()))
        finally:
            await _end(watching)
            if not run.done:
                run.abort()
        self._send(encode(Done(run.status)))

    async def _step_through(self, run: OneShot, watching: asyncio.Task[None]) -> None:
        is_aborted = False
        with resting() as rest:
            while not run.done:
                self._news.clear()
                text = ""
                if not watching.done() or is_aborted:
                    with contextlib.suppress(BrokenOff):
                        text = await self._slices.run(run.step)
                if watching.done() and not is_aborted:
                    is_aborted = True
                    run.abort()
                elif text:
                    self._send(encode_output(text.encode()))
                    with rest.interrupted():
                        await self._be_read()
                elif not run.done:
                    with rest.interrupted():
                        await self._news.wait()

    async def _watch_for_abort(self, messages: list[Message]) -> None:
        """Watch, while lines are carried out, whether the client breaks off or goes away.

        messages: what came together with its order.
        """
        with contextlib.suppress(ProtocolError, ConnectionError):
            while not any(isinstance(message, Signal) for message in messages):
                messages = await self._read()
                if not messages:
                    break
        self._slices.break_off()
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
                    await self._be_read()
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
        )
        self.session = session
        self._unsubscribe = self._handle.subscribe(self._take_note)
        session.resize(order.rows, order.columns)
        self._do(session.start)
        reading = asyncio.create_task(self._follow(session, messages))
        try:
            await asyncio.wait((reading, self._over), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            if not self._over.done():
                return  # the client has gone
        finally:
            await _end(reading)
        self._send(encode(Done(0, self._over.result())))

    async def _follow(self, session: ConsoleSession, messages: list[Message]) -> None:
        """Take what the client says until it goes. Raises ProtocolError."""
        while True:
            for message in messages:
                await self._take(session, message)
            messages = await self._read()
            if not messages:
                return

    async def _take(self, session: ConsoleSession, message: Message) -> None:
        match message:
            case Input(data=b""):
                self._no_more_input = True
                self._do(self._feed)
            case Input(data=data):
                self.last_input = self._loop.time()
                await self._typed(session, data)
            case Resize(rows=rows, columns=columns):
                session.resize(rows, columns)
            case Signal():
                await self._typed(session, b"\x1e")
            case _:
                raise ProtocolError(f"{type(message).__name__} is nothing for a shell")

    async def _typed(self, session: ConsoleSession, data: bytes) -> None:
        """Take what was typed, perhaps while the session does something; what is too much waits in the client."""
        self._ahead += data
        if self._slices.is_busy:
            if session.type_ahead(self._taken_ahead()):
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
        if self.session is not None:
            self.session.feed(self._taken_ahead())

    def _pump(self) -> None:
        """Let the session show what was noted."""
        self._pumping = False
        if self.session is not None:
            self.session.pump()

    def _take_note(self, effect: Effect) -> None:
        """Note an effect in the middle of the router's work, and show it when the router is at rest."""
        if self.session is None:
            return
        self.session.effect(effect)
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._do, self._pump)

    # -------------------------------------------------------------------------------------------- what it does

    def _do(self, deed: Callable[[], None]) -> None:
        """Let the session do something, in slices, behind what it does already."""
        if self._over.done():
            return
        self._deeds.append(deed)
        if self._doing is None:
            self._doing = asyncio.create_task(self._do_all())

    async def _do_all(self) -> None:
        session = self.session
        if session is None:
            return
        try:
            while self._deeds:
                await self._slices.run(_guarded(session, self._deeds.popleft()), self._show)
        except ConnectionError:
            session.give_up()  # the task that reads sees it, too
        finally:
            self._kept, self._doing = 0, None
        self._watch_the_clock(session)

    async def _show(self) -> None:
        """Send what the session shows, and wait while the client does not read."""
        if self.session is None:
            return
        output = self.session.take_output()
        if not output:
            return
        self._send(encode_output(output))
        try:
            async with asyncio.timeout(self.session.idle_limit or None):
                await self._be_read()
        except TimeoutError:
            log.warning("a session does not read what it is sent: cut off")
            self._writer.transport.abort()
            raise ConnectionResetError from None

    def _watch_the_clock(self, session: ConsoleSession) -> None:
        """Wind up the clock of silence when all is done for now, or end what has ended."""
        if self._idle is not None:
            self._idle.cancel()
        if self._reason is not None or session.closed or (self._no_more_input and not session.busy):
            self._end(self._reason or "")
            return
        limit = session.idle_limit
        self._idle = self._loop.call_at(self.last_input + limit, self._grow_tired, session) if limit else None

    def _grow_tired(self, session: ConsoleSession) -> None:
        """Look at a user that said nothing for as long as the line allows."""
        if session.busy or self._doing is not None:
            self.last_input = self._loop.time()
            self._watch_the_clock(session)
        else:
            self._end("idle for too long")

    def _end(self, reason: str) -> None:
        """End the connection from our side; what the session is in the middle of is broken off first."""
        self._reason = reason
        if self._is_unread:
            self._writer.transport.abort()
        if self.session is None:
            if not self._writer.is_closing():
                self._send(encode(Done(0, reason)))
                self._writer.close()
                self._loop.call_later(_LEAVE, self._writer.transport.abort)
            return
        if self._doing is not None:
            self.session.give_up()
            self._slices.break_off()
            return
        if not self.session.closed:
            self.session.hang_up()
        if not self._over.done():
            self._over.set_result(reason)

    # -------------------------------------------------------------------------------------------- octets

    async def _read(self) -> list[Message]:
        """Return the next messages, at least one; none at the end of the connection. Raises ProtocolError."""
        while data := await self._reader.read(1 << 16):
            messages = self._decoder.feed(data)
            if messages:
                return messages
        return []

    async def _be_read(self) -> None:
        """Wait until the client has read most of what was sent. Raises ConnectionError."""
        self._is_unread = True
        try:
            await self._writer.drain()
        finally:
            self._is_unread = False

    def _send(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)


async def _end(task: asyncio.Task[None]) -> None:
    """Stop a task, and wait until it has: only one may read at a time."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _guarded(session: ConsoleSession, deed: Callable[[], None]) -> Callable[[], None]:
    """Let a command that fails by a fault of ours end with a complaint, not with the session."""

    def work() -> None:
        try:
            deed()
        except BrokenOff:
            pass  # nobody waits for it
        except Exception:
            log.exception("internal fault in a session")
            session.recover(_FAULT)

    return work
