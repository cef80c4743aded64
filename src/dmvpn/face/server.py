"""The management socket of a router: sessions and commands for people and programs on this machine.

    server = ManagementServer(handle, path)
    await server.start()
    ...
    await server.stop()

These users may connect: the user that runs the router, root, and the group that its operator named
(`shells/admission.py`).

A client (`ClientConnection`) is a shell, one execution of lines, a program that asks for values and counters, or a
follower of the history. Commands run in slices (`shells/slices.py`), and their output is sent between two slices. A
client that does not read keeps its own command waiting, until the line's `exec-timeout` ends the session. The router
never waits for a terminal.

A front end that accepts logins over the network asks for the permitted users and the free vty lines. The secrets in an
answer are hashes, as a rule; a client of the management socket may read the whole configuration
anyway. The front end checks passwords in its own process, so a login does not delay the router.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from dmvpn.base.breath import BrokenOff, at_home
from dmvpn.base.effects import ConsoleLine, Effect, HistoryGrew
from dmvpn.base.errors import UserError, fault_text
from dmvpn.face import messages, protocol
from dmvpn.face.context import RouterHandle, TerminalLine, User, new_session
from dmvpn.face.interpreter import Interpreter, OneShot
from dmvpn.face.language import exec_parser
from dmvpn.face.messages import Access
from dmvpn.face.session import ConsoleSession
from dmvpn.face.sitting import ClientStream, Sitting, complaint, end
from dmvpn.face.transaction import Transaction, running_text
from dmvpn.face.values import Asking, counted, router_metrics
from dmvpn.face.watching import Watching
from dmvpn.features.system import LineConfig, Login, LoginFailed, LoginSucceeded, SystemConfig, SystemMachine
from dmvpn.ios import ShowContext
from dmvpn.shells.admission import OWNER_ALONE, Admission
from dmvpn.shells.files import LONGEST_SOCKET_PATH
from dmvpn.shells.lab.memory import Connected, Listen, Server
from dmvpn.shells.slices import Slices, resting

# ----------------------------------------------------------------------------------------------- answers for front ends


#: The number of vty lines if no `line vty` is configured.
_USUAL_LINES: Final = 50
#: Type 6: only the router that wrote it can read it.
_UNREADABLE: Final = 6


def access(view: ShowContext, location: str, vrf: str = "") -> Access:
    """Return who may log in from this address, in a VRF ("": in the global table)."""
    system = view.machine(SystemMachine)
    config = system.config
    asking = [line for line in _lines(config) if line.login is Login.LOCAL]
    level = next((line.level for line in asking if line.level is not None), 1)
    levels = {user.name: level if user.privilege is None else user.privilege for user in config.users}
    users = tuple(
        (user.name, levels[user.name], user.kind, user.secret)
        for user in config.users
        if user.kind is not None and user.kind != _UNREADABLE
    )
    keys = tuple((name, levels[name], hashed) for name, hashed in config.keys if name in levels)
    refused = system.logins.refuses(location, view.now, vrf)
    if refused or not asking:
        return Access(refused, config.ssh.time_out, config.ssh.tries, scp=config.ssh.scp)
    return Access("", config.ssh.time_out, config.ssh.tries, users, keys, config.ssh.scp)


def free_line(config: SystemConfig, taken: Collection[int]) -> int | None:
    """Return the first free vty line that accepts SSH; None if all are in use."""
    vty = [line for line in config.lines if line.kind == "vty"]
    numbers = (number for line in _lines(config) for number in range(line.first, line.last + 1))
    return next((number for number in (numbers if vty else range(_USUAL_LINES)) if number not in taken), None)


def _lines(config: SystemConfig) -> list[LineConfig]:
    return [line for line in config.lines if line.kind == "vty" and line.ssh]


# ------------------------------------------------------------------------------------------------ one client


#: The kind of the terminal lines of users from the network.
VTY: Final = "vty"
#: Seconds between two looks into the log: a line that no terminal takes causes no effect.
_LOOK: Final = 1.0

log = logging.getLogger("dmvpn")


class Terminals(Protocol):
    """The queries of a connection about all connections of its router."""

    def free_line(self) -> int | None:
        """Return the number of a free vty line; None if all are in use."""

    def clear(self, number: int) -> bool:
        """Disconnect the user of a vty line. False if the line is free."""

    def users(self, asking: ClientConnection) -> tuple[User, ...]:
        """Return the users that are logged in."""


class ClientConnection:
    """One client."""

    def __init__(
        self,
        handle: RouterHandle,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server: Terminals,
        slices: Slices,
    ) -> None:
        self.line = TerminalLine()
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._handle = handle
        self._stream = ClientStream(reader, writer)
        self._server = server
        self._sitting: Sitting | None = None
        self._is_dismissed = False
        self._unsubscribe: Callable[[], None] | None = None
        self._news = asyncio.Event()
        self._slices = slices

    async def run(self) -> None:
        """Serve the client until it or the session ends."""
        self._stream.send(protocol.encode(messages.Hello(self._handle.context(0).hostname)))
        try:
            received = await self._stream.read_messages()
            match received[:1]:
                case [messages.Execute() as order]:
                    if self._sit_down(order):
                        await self._learn_the_language()
                        await self._execute(order, received[1:])
                case [messages.OpenShell() as order]:
                    if self._sit_down(order):
                        await self._learn_the_language()
                        await self._shell(order, received[1:])
                case [messages.AskAccess(location=location, vrf=vrf)]:
                    self._stream.send(protocol.encode(access(self._handle.context(0), location, vrf)))
                case [messages.Report() as report]:
                    who = (report.user, report.location, report.port)
                    self._handle.post(
                        LoginSucceeded(*who) if report.accepted else LoginFailed(*who, through=report.vrf)
                    )
                    self._stream.send(protocol.encode(messages.Done()))
                case [messages.Watch() as order]:
                    await self._watch(order)
                case [messages.Configure() as order]:
                    if self._sit_down(order):
                        await self._learn_the_language()
                        await self._configure(order, received[1:])
                case [messages.Ask() | messages.AskConfiguration() | messages.Count()]:
                    await self._answer_all(received)
                case [message]:
                    raise protocol.ProtocolError(f"{type(message).__name__} comes too early")
        except protocol.ProtocolError as error:
            self._stream.send(protocol.encode(messages.Done(2, str(error))))
        await self._stream.be_read()
        await self._stream.take_leave()

    async def leave(self) -> None:
        """Leave: nothing that this client began stays."""
        if self._sitting is not None:
            await self._sitting.leave()
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._slices.close()

    @property
    def session(self) -> ConsoleSession | None:
        """The session of a user at a prompt; None for any other client."""
        return self._sitting.session if self._sitting is not None else None

    @property
    def last_input(self) -> float:
        """The time of the last keystroke, or of the connection."""
        return self._sitting.last_input if self._sitting is not None else self._began

    def time(self) -> float:
        """Return seconds on the clock of `last_input`."""
        return self._loop.time()

    def hang_up(self, reason: str) -> None:
        """End the connection from our side."""
        if self._sitting is not None:
            self._sitting.hang_up(reason)
            return
        self._is_dismissed = True
        self._stream.cut_off(only_unread=True)
        self._stream.dismiss(reason)

    def _sit_down(self, order: messages.Execute | messages.OpenShell | messages.Configure) -> bool:
        """Take the console, or a line of the network. False if all of these are taken."""
        if not order.vty:
            self.line = TerminalLine(user=order.user)
            return True
        number = self._server.free_line()
        if number is None:
            self._stream.send(protocol.encode(messages.Done(2, "all terminal lines are in use")))
            return False
        self.line = TerminalLine(VTY, number, order.user, order.location)
        return True

    async def _learn_the_language(self) -> None:
        """Build the command parser, which all sessions share; the first session of a router waits for it."""
        await self._slices.run(lambda: exec_parser(self._handle.features))

    # -------------------------------------------------------------------------------------------- lines

    async def _execute(self, order: messages.Execute, received: list[messages.Message]) -> None:
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
        watching = asyncio.create_task(self._watch_for_abort(received))

        def effect(effect: Effect) -> None:
            run.effect(effect)
            self._news.set()

        self._unsubscribe = self._handle.subscribe(effect)
        try:
            await self._step_through(run, watching)
        except ConnectionError:
            raise
        except Exception as error:
            log.exception("%s", fault_text(error, "carrying out a command"))
            run.status = 1
            self._stream.send(protocol.encode_output(f"{complaint(error)}\n".encode()))
        finally:
            await end(watching)
            if not run.done:
                run.abort()
        self._stream.send(protocol.encode(messages.Done(run.status)))

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
                    self._stream.send(protocol.encode_output(text.encode()))
                    with rest.interrupted():
                        await self._stream.be_read()
                elif not run.done:
                    with rest.interrupted():
                        await self._news.wait()

    async def _watch_for_abort(self, received: list[messages.Message]) -> None:
        """Watch, while lines are carried out, whether the client breaks off or goes away.

        received: those received together with its order.
        """
        with contextlib.suppress(protocol.ProtocolError, ConnectionError):
            while not any(isinstance(message, messages.Signal) for message in received):
                received = await self._stream.read_messages()
                if not received:
                    break
        self._slices.break_off()
        self._news.set()

    # -------------------------------------------------------------------------------------------- values

    async def _answer_all(self, received: list[messages.Message]) -> None:
        """Answer questions, one after the other, until the client disconnects. Raises ProtocolError."""
        while received:
            for message in received:
                match message:
                    case messages.Ask() | messages.AskConfiguration():
                        await self._learn_the_language()
                        await self._answer(message)
                    case messages.Count():
                        await self._count(message)
                    case _:
                        raise protocol.ProtocolError(f"{type(message).__name__} is no question")
            received = await self._stream.read_messages()

    async def _answer(self, order: messages.Ask | messages.AskConfiguration) -> None:
        """Send the value of a show, or what runs."""
        self.line = TerminalLine(user=order.user, location=order.location)
        interpreter = Interpreter(
            self._handle,
            new_session(),
            line=self.line,
            privilege=order.privilege,
            users=lambda: self._server.users(self),
        )
        if isinstance(order, messages.Ask):
            await self._send_value(lambda: interpreter.ask(order.show))
        else:
            await self._send_value(lambda: running_text(interpreter))

    async def _configure(self, order: messages.Configure, received: list[messages.Message]) -> None:
        """Change the configuration, unless the client breaks it off in time."""
        transaction = Transaction(self._handle, new_session(), order, self.line)
        watching = asyncio.create_task(self._watch_for_abort(received))
        try:
            with contextlib.suppress(BrokenOff):
                await self._send_value(transaction.carry_out)
        finally:
            await end(watching)

    async def _send_value(self, value: Callable[[], object]) -> None:
        """Send a value as JSON. A value that ends in the middle has a reason behind it, and is no JSON."""
        asking = Asking(value)
        end = messages.Done()
        try:
            with resting() as rest:
                while text := await self._slices.run(asking.step):
                    self._stream.send(protocol.encode(messages.Answer(text)))
                    with rest.interrupted():
                        await self._stream.be_read()
        except ConnectionError:
            raise
        except UserError as error:
            end = messages.Done(1, str(error))
        except Exception as error:
            log.exception("%s", fault_text(error, "answering a question"))
            end = messages.Done(2, complaint(error))
        self._stream.send(protocol.encode(end))

    async def _count(self, order: messages.Count) -> None:
        """Send counters, a slice at a time. After an error `Done` has its reason, and counters are missing."""
        end = messages.Done()
        try:
            with resting() as rest:
                for topic in order.topics:
                    is_all = topic == "metrics"
                    batches = router_metrics(self._handle, order.peers) if is_all else counted(self._handle, topic)
                    while (counts := await self._slices.run(partial(next, batches, None))) is not None:
                        self._stream.send(protocol.encode(counts))
                        with rest.interrupted():
                            await self._stream.be_read()
        except ConnectionError:
            raise
        except Exception as error:
            log.exception("%s", fault_text(error, "counting"))
            end = messages.Done(1, complaint(error))
        self._stream.send(protocol.encode(end))

    # -------------------------------------------------------------------------------------------- events

    async def _watch(self, order: messages.Watch) -> None:
        """Send the history until the client disconnects; a slow client misses some events."""
        watching = Watching(self._handle, order)
        self._unsubscribe = self._handle.subscribe(self._note_history)
        gone = asyncio.create_task(self._wait_until_gone())
        try:
            while not gone.done():
                self._news.clear()
                while (news := watching.news()) is not None and not gone.done():
                    self._stream.send(protocol.encode(news))
                    await self._stream.be_read()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK if watching.wants_log else None):
                        await self._news.wait()
        finally:
            await end(gone)

    def _note_history(self, effect: Effect) -> None:
        if isinstance(effect, HistoryGrew | ConsoleLine):
            self._news.set()

    async def _wait_until_gone(self) -> None:
        """Wait until a client is gone that watches and has nothing more to say."""
        with contextlib.suppress(protocol.ProtocolError, ConnectionError):
            await self._stream.read_messages()
        self._news.set()

    # -------------------------------------------------------------------------------------------- shell

    async def _shell(self, order: messages.OpenShell, received: list[messages.Message]) -> None:
        if self._is_dismissed:
            return
        session = ConsoleSession(
            self._handle,
            new_session(),
            line=self.line,
            privilege=order.privilege,
            users=lambda: self._server.users(self),
            clear=self._server.clear,
        )
        sitting = self._sitting = Sitting(session, self._stream, self._slices)
        self._unsubscribe = self._handle.subscribe(sitting.take_note)
        session.resize(order.rows, order.columns)
        await sitting.run(received)


# ------------------------------------------------------------------------------------------------ the server


class ManagementServer:
    """The listening socket of one router, and its connections."""

    def __init__(
        self,
        handle: RouterHandle,
        path: Path,
        admission: Admission = OWNER_ALONE,
        *,
        listen: Listen | None = None,
        slices: Callable[[], Slices] = Slices,
    ) -> None:
        """listen: begins to listen at the path, None: at a Unix socket. slices: of one client."""
        self.path = path
        self._admission = admission
        self._handle = handle
        self._listen = listen or self._listen_at_socket
        self._slices = slices
        self._server: Server | None = None
        self._connections: dict[ClientConnection, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Listen. Raises UserError if the socket cannot be made, or another router listens there."""
        self._server = await self._listen(self._connected, self.path)

    async def _listen_at_socket(self, connected: Connected, path: Path) -> Server:
        def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._admission.admits(writer.get_extra_info("socket")):
                connected(reader, writer)
            else:
                writer.close()

        return await asyncio.start_unix_server(admit, sock=_listening_socket(path, self._admission))

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
        connection = ClientConnection(self._handle, reader, writer, self, self._slices())
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
            at_home(partial(connection.hang_up, "cleared by another user"))
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


def _listening_socket(path: Path, admission: Admission) -> socket.socket:
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
    try:
        admission.share(path, 0o660)
    except UserError:
        made.close()
        path.unlink()
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
