"""One listening address that leads to one router: a user is asked for a password, and gets a terminal line.

Host keys are made once and kept for their owner alone (0600). Threads compute passwords, and each would get a heap of
its own that never shrinks, so all use one (`use_one_heap`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import hashlib
import hmac
import logging
import os
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import asyncssh

from dmvpn.base.credentials import PLAIN, SCRYPT, SecretError, is_right
from dmvpn.base.errors import UserError
from dmvpn.base.shell import NO_FLASH
from dmvpn.base.values import Value
from dmvpn.face.calling import MAX_DATA
from dmvpn.face.messages import MAX_SIZE, Done, Execute, Input, OpenShell, Output, Report, Resize, Signal
from dmvpn.face.ssh.entrance import Doorkeeper, Entrance, Visitor
from dmvpn.face.ssh.link import LinkError, SshLink, ask, report
from dmvpn.face.ssh.transfer import VERSION, Files, ScpError, SftpChannel, copy, is_scp
from dmvpn.shells.flash import FolderFlash

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable
    from pathlib import Path

    from asyncssh.channel import SSHChannel

    from dmvpn.base.shell import Flash
    from dmvpn.face.messages import Access, PlainUser
    from dmvpn.face.ssh.entrance import Visitors


# ------------------------------------------------------------------------------------------------ memory


#: M_ARENA_MAX of mallopt(3).
_ARENA_MAX: Final = -8


def use_one_heap() -> None:
    """Let all threads that begin from now on share one heap, where the C library is glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)


# ------------------------------------------------------------------------------------------------ host keys


#: By the name of the file: Curve25519, and NIST's P-256 for clients that lack it.
_KINDS: Final = {"ssh-host-ed25519": "ssh-ed25519", "ssh-host-ecdsa": "ecdsa-sha2-nistp256"}


def host_keys(folder: Path) -> list[asyncssh.SSHKey]:
    """Return the keys of a folder, made if they are not there. Raises UserError."""
    try:
        return [_key(folder / name, kind) for name, kind in _KINDS.items()]
    except (OSError, asyncssh.KeyImportError) as error:
        raise UserError(f"{folder}: no host keys: {error}") from error


def _key(path: Path, kind: str) -> asyncssh.SSHKey:
    if not path.exists():
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
        unfinished.unlink(missing_ok=True)
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(asyncssh.generate_private_key(kind).export_private_key())
        # Two processes that begin together must have one key: the first one's.
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
        unfinished.unlink()
    return asyncssh.import_private_key(path.read_bytes())


def public_text(keys: list[asyncssh.SSHKey]) -> list[str]:
    """Return the public halves as lines of known hosts have them: kind and key."""
    return [" ".join(key.export_public_key().decode().split()[:2]) for key in keys]


# ------------------------------------------------------------------------------------------------ the gate


log = logging.getLogger("dmvpn.ssh")

#: Curve25519, and the curves of NIST for clients that lack it.
_EXCHANGES: Final = (
    *("curve25519-sha256", "curve25519-sha256@libssh.org"),
    *("ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"),
)
#: Seconds between two keepalives, so that the vty line of a client that lost its network becomes free.
_KEEPALIVE: Final = 60
#: Passwords that are computed at the same time.
_AT_ONCE: Final = max(2, (os.cpu_count() or 2) - 1)
#: The hash for a user that does not exist: the check takes as long, so its duration does not reveal user names.
_NOBODY: Final = (SCRYPT, "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6")
#: The privilege level that copies files.
_PRIVILEGED: Final = 15
#: Transfers at the same time.
_MOST_COPIED: Final = 4
#: Characters of a name that the log shows.
_NAME: Final = 64


class Door(Value):
    """Where a gate listens, and where it leads.

    socket: the management socket of the router.
    vrf: where it listens, "": in the global table.
    guest: a user and a password that come in besides or instead of those of the router's configuration.
    flash: the folder of the router's files.
    """

    socket: Path
    address: str
    port: int
    guest: tuple[str, str] | None = field(default=None, repr=False)
    flash: Path | None = None
    vrf: str = ""


class _Copies:
    """The files that are in memory, for all visitors."""

    def __init__(self) -> None:
        self._count = 0

    def take(self) -> bool:
        """Count one more transfer; return False if there are too many."""
        if self._count >= _MOST_COPIED:
            return False
        self._count += 1
        return True

    def give_back(self) -> None:
        """Count one transfer less."""
        self._count -= 1


class Gate:
    """The door of one router."""

    def __init__(self, door: Door, keys: list[asyncssh.SSHKey], visitors: Visitors, time_out: int = 30) -> None:
        self.door = door
        self.computing = asyncio.Semaphore(_AT_ONCE)
        self.copies = _Copies()
        self._keys = keys
        self._visitors = visitors
        self._time_out = time_out
        self._entrance = Entrance(self._arrive)
        self._doorkeeper = Doorkeeper(door.socket)
        self._arriving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen. Raises UserError if the address is taken, or none of this machine."""
        door = self.door
        try:
            await self._entrance.open(door.address, door.port, door.vrf)
        except OSError as error:
            raise UserError(
                f"{door.address} port {door.port}{f' in VRF {door.vrf}' if door.vrf else ''}: {error.strerror or error}"
            ) from error

    @property
    def port(self) -> int:
        """On which it listens."""
        return self._entrance.port or self.door.port

    async def close(self) -> None:
        """Stop listening, and close the connections without a login."""
        await self._entrance.close()
        for task in self._arriving:
            task.cancel()

    def _arrive(self, arrived: socket.socket, location: str, vrf: str) -> None:
        """Admit a connection, or close it."""
        visitor = Visitor(location, lambda: task.cancel())
        if not self._visitors.admit(visitor):
            arrived.close()
            return

        def end(task: asyncio.Task[None]) -> None:
            self._arriving.discard(task)
            self._visitors.leave(visitor)
            if not visitor.came_in:
                arrived.close()

        task = asyncio.create_task(self._welcome(arrived, location, vrf, visitor))
        self._arriving.add(task)
        task.add_done_callback(end)

    async def _welcome(self, arrived: socket.socket, location: str, vrf: str, visitor: Visitor) -> None:
        """Serve SSH until the login is complete, if the address may connect."""
        # The user of a lab comes in whatever the router's configuration says.
        refused = "" if self.door.guest is not None else await self._doorkeeper.refuses(location, vrf)
        if not refused:
            try:
                await asyncssh.run_server(
                    arrived,
                    server_factory=lambda: _Visit(self, location, vrf, visitor),
                    server_host_keys=self._keys,
                    kex_algs=_EXCHANGES,
                    login_timeout=self._time_out,
                    keepalive_interval=_KEEPALIVE,
                    encoding=None,
                    line_editor=False,
                    allow_scp=False,
                    agent_forwarding=False,
                    x11_forwarding=False,
                    # On a machine that belongs to a Kerberos realm, any user of the realm could log in.
                    gss_host=None,
                    server_version="dmvpn",
                )
                visitor.came_in = True
            except Exception as error:
                # Whatever a stranger's octets made asyncssh raise has ended this connection, and no other.
                refused = str(error) or type(error).__name__
        if refused:
            log.info("%s: %s", location, refused)

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Serve one channel: a shell, or one command."""
        connection = process.get_extra_info("connection")
        user = connection.get_extra_info("username")
        visit: _Visit = connection.get_owner()
        status = 1
        try:
            status = await self._attend(process, user, visit)
        except (LinkError, ConnectionError, asyncssh.Error) as error:
            log.info("%s: %s", visit.location, error)
        with contextlib.suppress(OSError, asyncssh.Error):
            process.exit(status)

    async def _attend(self, process: asyncssh.SSHServerProcess[bytes], user: str, visit: _Visit) -> int:
        if process.subsystem is not None:
            process.stderr.write(b"% Only a shell, commands, scp and sftp are served here\n")
            return 1
        if process.command is not None and is_scp(process.command):
            return await self._copy(process, process.command, user, visit)
        link = await SshLink.open(self.door.socket)
        try:
            whose = (user[:_NAME], visit.privilege, True, visit.location)
            command = process.command
            if command is not None:
                text = command if isinstance(command, str) else command.decode("utf-8", "replace")
                await link.send(Execute(tuple(text.splitlines()), *whose))
            else:
                columns, rows = process.term_size[:2]
                await link.send(OpenShell(_size(rows, 24), _size(columns, 80), *whose))
            reading = asyncio.create_task(_read(process, link))
            try:
                return await _show(process, link, is_terminal=command is None or process.term_type is not None)
            finally:
                reading.cancel()
                with contextlib.suppress(asyncio.CancelledError, LinkError, asyncssh.Error, ConnectionError):
                    await reading
        finally:
            link.close()

    async def _copy(self, process: asyncssh.SSHServerProcess[bytes], command: str, user: str, visit: _Visit) -> int:
        """Serve one transfer, each of which may keep all of a file in memory. Raises LinkError, ConnectionError."""
        if not self.copies.take():
            process.stdout.write(b"\x01scp: too many transfers at once\n")
            return 1
        try:
            return await copy(process, command, await self._flash_for(visit), partial(self._configuration, user, visit))
        except (asyncssh.BreakReceived, asyncssh.SignalReceived, asyncssh.TerminalSizeChanged) as error:
            raise ConnectionError("the transfer was broken off") from error
        finally:
            self.copies.give_back()

    async def _configuration(self, user: str, visit: _Visit, name: str) -> bytes:
        """Return a file that the router itself has. Raises ScpError, LinkError."""
        link = await SshLink.open(self.door.socket)
        try:
            await link.send(Execute((f"more {name}",), user[:_NAME], visit.privilege, True, visit.location))
            said = bytearray()
            while isinstance(message := await link.receive(), Output):
                said += message.data
        finally:
            link.close()
        if not isinstance(message, Done) or message.status:
            raise ScpError(f"{name}: the router does not give it")
        return bytes(said)

    def session(self, visit: _Visit) -> SftpChannel:
        """Return a channel for a shell, a command or SFTP."""

        def files(channel: SSHChannel[bytes]) -> Awaitable[asyncssh.SFTPServer]:
            return self._files(cast("asyncssh.SSHServerChannel[bytes]", channel), session, visit)

        session = SftpChannel(self._serve, files, VERSION, allow_scp=False)
        return session

    async def _files(self, channel: asyncssh.SSHServerChannel[bytes], session: SftpChannel, visit: _Visit) -> Files:
        """Return the files for an SFTP client; a client without permission gets the reason and is disconnected."""
        try:
            flash = await self._flash_for(visit)
            why = "" if flash is not None else "it takes `ip scp server enable` and privilege level 15"
        except LinkError as error:
            flash, why = None, str(error)
        if why:
            channel.write_stderr(f"sftp: {why}\n".encode())
            channel.exit(1)
        return Files(channel, session, flash or NO_FLASH, self.copies)

    async def _flash_for(self, visit: _Visit) -> Flash | None:
        """Return the router's files, if this visitor may copy them. Raises LinkError."""
        access = await ask(self.door.socket, visit.location, visit.vrf)
        if self.door.flash is None or not access.scp or visit.privilege < _PRIVILEGED:
            return None
        return FolderFlash(self.door.flash)


class _Visit(asyncssh.SSHServer):
    """One connection, from its first packet on."""

    def __init__(self, gate: Gate, location: str, vrf: str, visitor: Visitor) -> None:
        self.location = location
        self.vrf = vrf
        self.privilege = 1
        self._gate = gate
        self._visitor = visitor
        self._failed = 0
        self._key_of = ""  # who showed a key that is theirs, and may still have to prove it
        self._reporting: asyncio.Task[None] | None = None
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def auth_completed(self) -> None:
        if self._key_of:
            self._reporting = asyncio.create_task(self._report(self._key_of, accepted=True))

    def session_requested(self) -> SftpChannel:
        return self._gate.session(self)

    def begin_auth(self, username: str) -> bool:
        self._visitor.is_silent = False
        return True

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        try:
            return await self._judge(username, password)
        except LinkError as error:
            log.warning("%s", error)
            return False

    def public_key_auth_supported(self) -> bool:
        return self._gate.door.guest is None

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Return whether it is a key of this user. That the visitor has the other half is proved after this."""
        hashed = hashlib.md5(key.public_data, usedforsecurity=False).hexdigest()
        try:
            access = await ask(self._gate.door.socket, self.location, self.vrf)
        except LinkError as error:
            log.warning("%s", error)
            return False
        level = next((level for name, level, own in access.keys if name == username and own == hashed), None)
        if level is None:
            return False
        self.privilege, self._key_of = level, username
        return True

    async def _report(self, username: str, *, accepted: bool) -> None:
        name = "".join(char if char.isprintable() else "?" for char in username[:_NAME])
        with contextlib.suppress(LinkError):
            await report(self._gate.door.socket, Report(name, self.location, self._gate.port, accepted, self.vrf))

    async def _judge(self, username: str, password: str) -> bool:
        access = await ask(self._gate.door.socket, self.location, self.vrf)
        level = await self._level(access, username, password)
        self._key_of = ""
        await self._report(username, accepted=level is not None)
        if level is not None:
            self.privilege = level
            return True
        self._failed += 1
        if (access.refused or self._failed >= max(1, access.tries)) and self._connection is not None:
            self._connection.disconnect(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many wrong passwords")
        return False

    async def _level(self, access: Access, username: str, password: str) -> int | None:
        """Return the privilege level of a user with the right password, else None."""
        guest = self._gate.door.guest
        if guest is not None:
            named = hmac.compare_digest(guest[0].encode(), username.encode())
            return 15 if hmac.compare_digest(guest[1].encode(), password.encode()) and named else None
        user = next((user for user in access.users if user[0] == username), None)
        async with self._gate.computing:
            right = await asyncio.to_thread(_is_right, user, password)
        return user[1] if right and user is not None and not access.refused else None


def _is_right(user: PlainUser | None, password: str) -> bool:
    kind, secret = _NOBODY if user is None else user[2:]
    try:
        right = is_right(kind, secret, password)
    except SecretError:
        kind, right = PLAIN, False
    # A fast comparison, or a failed one, would reveal that the user exists.
    if kind != SCRYPT and not right:
        is_right(*_NOBODY, password)
    return right and user is not None


async def _show(process: asyncssh.SSHServerProcess[bytes], link: SshLink, *, is_terminal: bool) -> int:
    """Write the router's output until it is done. Returns the status."""
    while (message := await link.receive()) is not None:
        match message:
            case Output(data=data):
                # The answers to lines have bare ends of line; a shell's session makes its own.
                process.stdout.write(
                    data if process.command is None or not is_terminal else data.replace(b"\n", b"\r\n")
                )
                await process.stdout.drain()
            case Done(status=status, reason=reason):
                if reason and status:
                    process.stdout.write(f"% {reason}\r\n".encode())
                return status
    return 1


async def _read(process: asyncssh.SSHServerProcess[bytes], link: SshLink) -> None:
    """Forward keystrokes until the user disconnects."""
    while True:
        try:
            data = await process.stdin.read(MAX_DATA)
        except asyncssh.TerminalSizeChanged as size:
            await link.send(Resize(_size(size.height, 24), _size(size.width, 80)))
            continue
        except (asyncssh.BreakReceived, asyncssh.SignalReceived):
            await link.send(Signal())
            continue
        except asyncssh.Error:
            data = b""
        if process.command is None:
            await link.send(Input(data))
        if not data:
            if process.channel.is_closing():
                link.close()
            return
        if process.command is not None and b"\x03" in data:
            await link.send(Signal())


def _size(wanted: int, usual: int) -> int:
    return min(wanted, MAX_SIZE) or usual
