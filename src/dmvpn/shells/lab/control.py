"""Control requests to a lab: one JSON object each way over its Unix socket, then the connection ends.

    {"do": "status"}                          -> {"ok": {...}}
    {"do": "kill", "router": "R31"}           -> {"ok": null}
    {"do": "fly"}                             -> {"error": "..."}
    {"do": "namespace", "node": "H3"}         -> {"ok": null} and a descriptor of its network namespace
    {"do": "clock", "seconds": 9e5}           -> {"busy": "its clock is set, 31 %"}, again and again, then {"ok": 9.1e5}

Work that takes long says twice a second how far it is, and ends when its client is gone.

Supervisors of real and of simulated labs use the same protocol. Only the owner of the lab, and root, may send requests:
the mode of the socket (0600, in a folder of mode 0700) ensures it, and the credentials of the caller; requests are
bounded. For a router that runs for a group (`shells/admission.py`) members may send requests that change nothing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import socket
import time
from dataclasses import field
from typing import TYPE_CHECKING, TypeAlias

from dmvpn.base.errors import UserError, fault_text
from dmvpn.base.values import Mutable, Value
from dmvpn.shells.admission import OWNER_ALONE, Admission, is_owner
from dmvpn.shells.lab.sockets import LABS_IN_MEMORY
from dmvpn.shells.lab.syscalls import peer_credentials

if TYPE_CHECKING:
    import asyncio  # a client, such as `dmvpn lab list`, has no event loop
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path


log = logging.getLogger("dmvpn.lab")

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

#: Octets of a request.
LARGEST_REQUEST = 65536
#: Seconds of silence for which the client waits; and the lab for a whole request, while `serve` does nothing else.
PATIENCE = 30.0
LAB_PATIENCE = 1.0
#: Seconds between two notes about work that takes long.
_BETWEEN_NOTES = 0.5
#: How the line of a note begins.
_NOTE = b'{"busy":'
_SILENT = "the lab does not answer: {}; is it still up? ('dmvpn lab list')"
#: Clients that wait: the next one is refused at once, as if the lab did not answer.
_BACKLOG = 128
#: Concurrent requests of members: each of them holds a descriptor of the router's.
_MOST_MEMBERS = 16
#: Requests that members of the group may send: these end no router.
_FOR_MEMBERS = ("status", "missing", "facts")


class Lent(Value):
    """An answer that is a descriptor."""

    descriptor: int


class SilentError(UserError):
    """The lab gave no answer, or only a part of one."""


class Answer(Mutable):
    """The answer to a request, and the client that waits for it. noted: when it got a note, monotonic seconds."""

    connection: socket.socket
    octets: bytes | memoryview
    descriptor: int | None = None
    noted: float = field(default_factory=time.monotonic)

    def send(self) -> bool:
        """Send as much as the client takes now. True if it has all, or is gone; then the connection is closed."""
        self.connection.setblocking(False)
        try:
            while self.octets:
                given = () if self.descriptor is None else (self.descriptor,)
                sent = socket.send_fds(self.connection, [self.octets], given)
                self.octets, self.descriptor = memoryview(self.octets)[sent:], None
        except BlockingIOError:
            return False
        except OSError:
            pass  # the client is gone
        self.connection.close()
        return True

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Make the failure of the block the answer."""
        try:
            yield
        except Exception as error:
            self.octets = _failure(error)

    def change(self, value: Json) -> None:
        """Answer with this value, because the work has it only at its end."""
        self.octets = _line({"ok": value})

    def is_awaited(self) -> bool:
        """Return whether the client is still there."""
        hung_up = select.poll()
        hung_up.register(self.connection, 0)
        return not hung_up.poll(0)

    def note(self, text: str) -> None:
        """Let the client know how far the work is, twice a second; a client that does not read gets no note."""
        if time.monotonic() < self.noted + _BETWEEN_NOTES:
            return
        self.noted = time.monotonic()
        with contextlib.suppress(OSError):
            self.connection.setblocking(False)
            self.connection.send(_line({"busy": text}))


def listen(path: Path, admission: Admission = OWNER_ALONE) -> socket.socket:
    """Return the supervisor's socket: only this user and admitted users may connect to it. It listens at once.

    Raises UserError, OSError.
    """
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    deaf = path.with_suffix(".new")
    deaf.unlink(missing_ok=True)
    old = os.umask(0o177)
    try:
        server.bind(str(deaf))
    finally:
        os.umask(old)
    admission.share(deaf, 0o660)
    server.listen(_BACKLOG)
    server.setblocking(False)
    deaf.rename(path)
    return server


def serve(
    server: socket.socket, obey: Callable[[dict[str, Json]], Json | Lent], give: Callable[[Answer], object]
) -> None:
    """Take one request and answer it. Any failure becomes the answer: a request must not end the lab.

    give: takes the answer, and sends it when the work that the request began is done, beside other work: that of a
    large lab has megabytes, and on a busy machine the client takes them slowly.
    """
    with contextlib.suppress(OSError), contextlib.ExitStack() as held:  # the client is gone again
        connection = held.enter_context(server.accept()[0])
        if not is_owner(connection):
            return  # the mode of the socket ensures it, too; but modes can be changed
        octets, descriptor = carried_out(receive_order(connection), obey, is_owner=True)
        held.pop_all()
        give(Answer(connection, octets, descriptor))


def deliver(answer: Answer) -> None:
    """Send an answer beside the work of the event loop."""
    if not answer.send():
        import asyncio

        loop, number = asyncio.get_running_loop(), answer.connection.fileno()

        def go_on() -> None:
            loop.remove_writer(number)
            deliver(answer)

        loop.add_writer(number, go_on)


def receive_order(connection: socket.socket) -> bytes:
    """Return the request as far as it arrives in time.

    The limit is for all of it: octet by octet it would block the lab for as long.
    """
    end = time.monotonic() + LAB_PATIENCE
    octets = b""
    with contextlib.suppress(TimeoutError):
        while not octets.endswith(b"\n") and len(octets) <= LARGEST_REQUEST and (left := end - time.monotonic()) > 0:
            connection.settimeout(left)
            piece = connection.recv(LARGEST_REQUEST)
            if not piece:
                break
            octets += piece
    return octets


@contextlib.asynccontextmanager
async def attending(
    path: Path, obey: Callable[[dict[str, Json]], Json], admission: Admission = OWNER_ALONE
) -> AsyncIterator[None]:
    """Answer requests beside the work of the event loop, which waits for no client. Raises UserError, OSError."""
    import asyncio

    members: set[asyncio.StreamWriter] = set()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        by_owner = is_owner(connection)
        if admission.admits(connection) and (by_owner or len(members) < _MOST_MEMBERS):
            if not by_owner:
                members.add(writer)
            try:
                import asyncio

                octets = b""
                with contextlib.suppress(OSError, ValueError):  # the request is late, incomplete, or too long
                    octets = await asyncio.wait_for(reader.readline(), LAB_PATIENCE)
                writer.write(carried_out(octets, obey, is_owner=by_owner)[0])
                writer.close()
                with contextlib.suppress(OSError):  # the client is gone, or does not read
                    await asyncio.wait_for(writer.wait_closed(), PATIENCE)
            finally:
                members.discard(writer)
        writer.transport.abort()

    server = await asyncio.start_unix_server(attend, sock=listen(path, admission), limit=LARGEST_REQUEST)
    try:
        yield
    finally:
        server.close()


def carried_out(
    octets: bytes, obey: Callable[[dict[str, Json]], Json | Lent], *, is_owner: bool
) -> tuple[bytes, int | None]:
    """Return the answer to a request, and the descriptor that goes with it."""
    try:
        if not octets.endswith(b"\n") or len(octets) > LARGEST_REQUEST:
            raise UserError(f"the request is too long, or was not there whole within {LAB_PATIENCE:g} s")
        try:
            request = json.loads(octets)
        except (ValueError, RecursionError) as error:
            raise UserError(f"the request is not JSON: {error}") from error
        if not isinstance(request, dict):
            raise UserError("the request is not an object")
        if not is_owner and request.get("do") not in _FOR_MEMBERS:
            raise UserError("only root and the user that runs the lab may do that")
        answer = obey(request)
    except Exception as error:
        return _failure(error), None
    if isinstance(answer, Lent):
        return _line({"ok": None}), answer.descriptor
    return _line({"ok": answer}), None


def _failure(error: Exception) -> bytes:
    """Return the answer to a request that failed; call it where the error is handled."""
    if isinstance(error, UserError):
        return _line({"error": str(error)})
    text = fault_text(error, "carrying out an order")
    log.exception("%s", text)
    return _line({"error": f"the lab could not do that: {text}"})


def _line(answer: dict[str, Json]) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def order(
    path: Path, patience: float = PATIENCE, note: Callable[[str], None] | None = None, /, **request: Json
) -> Json:
    """Send a request to a lab and return its answer. Raises UserError with the lab's own words; SilentError.

    patience: seconds for which the lab may be silent. note: is called with each note of the lab about long work.
    """
    return _ask(path, request, patience, note or (lambda text: None))[0]


def borrow_namespace(path: Path, node: str, vrf: str = "") -> tuple[int, int]:
    """Return a descriptor of the network namespace of a router, one of its VRFs, or a host, and the supervisor's pid.

    Raises UserError.
    """
    _, descriptor, pid = _ask(path, {"do": "namespace", "node": node, "vrf": vrf})
    if descriptor is None:
        raise UserError("this lab has no namespaces: it is simulated")
    return descriptor, pid


def end_of(path: Path) -> int:
    """Return a descriptor that can be read when the lab has ended: a pidfd of its supervisor. Raises UserError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(path))
            return os.pidfd_open(peer_credentials(connection).pid)
        except OSError as error:
            raise SilentError(_SILENT.format(error)) from error


def _ask(
    path: Path, request: dict[str, Json], patience: float = PATIENCE, note: Callable[[str], None] = lambda text: None
) -> tuple[Json, int | None, int]:
    asked = json.dumps(request).encode() + b"\n"
    desk = LABS_IN_MEMORY.get(str(path))
    octets, descriptors, pid = (
        _exchanged(path, asked, patience, note) if desk is None else (bytearray(desk.ask(asked, note)), list[int](), 0)
    )
    if not octets.endswith(b"\n"):
        raise SilentError("the lab ended while it was asked")
    answer = json.loads(octets)
    if "error" in answer:
        raise UserError(answer["error"])
    return answer["ok"], descriptors[0] if descriptors else None, pid


def _exchanged(
    path: Path, asked: bytes, patience: float, note: Callable[[str], None]
) -> tuple[bytearray, list[int], int]:
    """Return what a lab answers, the descriptors that came with it, and the number of its process."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(patience)
        try:
            connection.connect(str(path))
            pid = peer_credentials(connection).pid
            connection.sendall(asked)
            piece, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 1)
            octets = bytearray(piece)
            while piece and (not octets.endswith(b"\n") or _noted(octets, note)):
                piece = connection.recv(1 << 20)
                octets += piece
        except OSError as error:
            raise SilentError(_SILENT.format(error)) from error
    return octets, descriptors, pid


def _noted(octets: bytearray, note: Callable[[str], None]) -> bool:
    """Remove the notes from what a lab has sent so far; True if there is no answer behind them."""
    while octets.startswith(_NOTE) and (line := octets.partition(b"\n"))[1]:
        note(str(json.loads(line[0])["busy"]))
        del octets[: len(line[0]) + 1]
    return not octets
