"""A call of a router's management socket that carries lines out, for `dmvpn -r NAME COMMAND`.

It has to be quick, so this file knows the messages of such a call as lines, as `face/protocol.py` writes them, and
imports nothing that takes time: no `enum`, `re`, `typing` or `json`, and no module that imports these.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import os
import sys
from _json import encode_basestring_ascii
from binascii import a2b_base64, b2a_base64

from dmvpn.base.errors import UserError
from dmvpn.shells.lab.sockets import IN_MEMORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike
    from typing import BinaryIO, Final

    from dmvpn.shells.lab.memory import End

#: The version of this protocol; a client that speaks another version reports the difference instead of guessing.
PROTOCOL: Final = 2
#: Octets of the longest line, its end included, and of the data in one `Output` or `Input`.
MAX_LINE: Final = 1 << 20
MAX_DATA: Final = 1 << 16
#: What a Unix shell expects of a program that was interrupted.
INTERRUPTED: Final = 130
GONE: Final = "the router has gone away"

_HELLO: Final = b'{"type":"hello","name":"', b'","protocol":%d}\n' % PROTOCOL
_SIGNAL: Final = b'{"type":"signal","what":"abort"}\n'
_OUTPUT: Final = b'{"type":"output","data":"', b'"}'
_DONE: Final = {b'{"type":"done","status":%d,"reason":""}' % status: status for status in range(3)}


def output_line(data: bytes) -> bytes:
    """Return a message `Output`, at most MAX_DATA octets, as a line."""
    begin, end = _OUTPUT
    return b"%b%b%b\n" % (begin, b2a_base64(data, newline=False), end)


def split(pending: bytes, data: bytes) -> list[bytes]:
    """Return the lines that are complete, and last the begun one. Raises ValueError for a line that is too long.

    pending: the begun line of the last call; data: octets that arrived since.
    """
    lines = (pending + data).split(b"\n")
    if max(map(len, lines)) >= MAX_LINE:
        raise ValueError(f"a line of more than {MAX_LINE} octets")
    return lines


def run_line(path: str, line: str) -> int:
    """Carry one line out and print its answer, as `execute` does. Raises UserError.

    `-` reads lines from standard input: a whole configuration may be piped in.
    """
    return execute(path, sys.stdin.read().splitlines() if line == "-" else [line])


def execute(
    path: str | PathLike[str], lines: Sequence[str], output: BinaryIO | None = None, *, patience: float | None = None
) -> int:
    """Carry lines out and print their output. Returns 0, or 1 if a line was refused. Raises UserError; TimeoutError.

    patience: seconds for which the router may be silent, None: without a limit.
    The first Ctrl-C breaks off the running command, the second one does not wait for it.
    """
    order = b'{"type":"execute","lines":[%b]}\n' % ",".join(map(encode_basestring_ascii, lines)).encode()
    if len(order) > MAX_LINE:
        raise UserError(f"too much at once: a message of {len(order)} octets")
    found = IN_MEMORY.get(os.fspath(path))
    connected = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM) if found is None else found.open()
    before: object = None
    interrupted: list[int] = []

    def interrupt(number: int, _: object) -> None:
        if interrupted:
            raise KeyboardInterrupt
        interrupted.append(number)
        connected.sendall(_SIGNAL)

    try:
        connected.settimeout(patience)
        meet(connected, path)
        try:
            before = _signal.signal(_signal.SIGINT, interrupt)
        except ValueError:
            before = None  # signals belong to the main thread
        connected.sendall(order)
        status = _print_answers(connected, writer(output))
        return INTERRUPTED if interrupted else status
    finally:
        if before is not None:
            _signal.signal(_signal.SIGINT, before)
        connected.close()


def _print_answers(connected: _socket.socket | End, write: Callable[[bytes], None]) -> int:
    """Write output as it comes. Returns the status at its end. Raises UserError."""
    begin, end = _OUTPUT
    pending = b""
    while data := connected.recv(MAX_DATA):
        try:
            *lines, pending = split(pending, data)
        except ValueError as error:
            raise UserError(f"the router sent {error}") from error
        for line in lines:
            if not line.startswith(begin) or not line.endswith(end):
                return _DONE[line] if line in _DONE else _status_in(line)
            try:
                shown = a2b_base64(line[len(begin) : -len(end)])
            except ValueError as error:
                raise UserError("the router sent data that is not base 64") from error
            write(shown)
    raise UserError(GONE)


def _status_in(line: bytes) -> int:
    """Return the status of a `Done`; raises UserError for its reason, if it has one."""
    import json

    try:
        done = json.loads(line)
        status, reason = done["status"], done["reason"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError("the router sent a line that is no answer to a command") from error
    if reason or type(status) is not int or not 0 <= status <= 255:
        raise UserError(str(reason or f"the router sent {status!r}, which is no status from 0 to 255"))
    return status


def meet(connected: _socket.socket | End, path: str | PathLike[str]) -> None:
    """Connect a socket to a router, and read its `Hello`. Raises UserError; TimeoutError if it is silent."""
    try:
        connected.connect(os.fspath(path))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise UserError(f"{path}: no router is running there") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    hello = b""
    while not hello.endswith(b"\n"):  # one octet at a time: those after it are for the next reader
        octet = connected.recv(1)
        if not octet or len(hello) > MAX_DATA:
            raise UserError(f"{path}: this user may not use the router's prompt")
        hello += octet
    if not hello.startswith(_HELLO[0]) or not hello.endswith(_HELLO[1]):
        other = "the router runs another version of this program"
        raise UserError(f"{path}: {other}; use that one, or restart the router")


def writer(output: BinaryIO | None) -> Callable[[bytes], None]:
    """Return a function that writes octets at once, to standard output or to `output`."""
    stream = sys.stdout.buffer if output is None else output

    def write(data: bytes) -> None:
        stream.write(data)
        stream.flush()

    return write
