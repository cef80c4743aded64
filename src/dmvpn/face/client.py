"""The other end of the management socket: `dmvpn -r NAME COMMAND` and `dmvpn shell NAME`.

Plain blocking sockets, since there is nothing else to do. `execute` prints the output of the lines and returns the
status for the calling shell; `ask` and `count` return values to a program. `shell` sets the terminal to raw mode,
always restores it, and ends with the session or when Ctrl-] is typed.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import termios
import time
import tty
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.face import messages, protocol
from dmvpn.face.calling import GONE, execute, meet, writer
from dmvpn.shells.lab.sockets import IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dmvpn.shells.lab.memory import End

#: Ctrl-], as with telnet: leave the shell, whatever the router is doing.
LEAVE: Final = b"\x1d"
#: Seconds for which a router may take to note a login.
_PATIENCE: Final = 5.0

#: Status of an answer that refuses what was asked.
REFUSED: Final = 1


class RefusedError(UserError):
    """The router answers, and refuses. status: REFUSED: not this, or not for this privilege level; else: it cannot."""

    def __init__(self, reason: str, status: int = REFUSED) -> None:
        super().__init__(reason)
        self.status = status


def ask(path: Path, show: str, *, privilege: int = 15) -> object:
    """Return the value of a show, as `| json` has it. Raises RefusedError, UserError."""
    value: object = json.loads(answer_text(path, messages.Ask(show, privilege=privilege)))
    return value


def answer_text(
    path: Path,
    question: messages.Ask | messages.AskConfiguration | messages.Configure,
    *,
    patience: float | None = None,
) -> str:
    """Return the value that answers a question, such as that of a show, as JSON text. Raises RefusedError, UserError.

    patience: seconds for which the router may be silent, None: without a limit.
    """
    answers = _answers(path, question, patience)
    return "".join(message.text for message in answers if isinstance(message, messages.Answer))


def run(path: Path, order: messages.Execute, *, seconds: float, most: int) -> tuple[int, str]:
    """Carry lines out for a remote user. Returns the status, 1: refused, and the output.

    After so many seconds, or octets of output, the lines are broken off. Raises UserError.
    """
    found, ends = b"", time.monotonic() + seconds
    try:
        with _connect(path, seconds) as connected:
            connected.sendall(protocol.encode(order))
            for message in _messages(connected):
                if isinstance(message, messages.Done):
                    if message.reason:
                        raise UserError(message.reason)
                    return message.status, found.decode("utf-8", "replace")
                found += message.data if isinstance(message, messages.Output) else b""
                if len(found) > most:
                    raise UserError(f"broken off: more than {most} octets of output")
                connected.settimeout(max(ends - time.monotonic(), 0.001))
    except TimeoutError as error:
        raise UserError(f"broken off: not done after {seconds:.0f} s") from error
    except OSError as error:
        raise UserError(GONE) from error
    raise UserError(GONE)


def report(path: Path, login: messages.Report) -> None:
    """Report a login to the router. Raises UserError."""
    for _ in _answers(path, login, _PATIENCE):
        pass


def count(path: Path, *topics: str) -> list[messages.Counts]:
    """Return counters of the data plane; of all topics if none is named. Raises UserError."""
    order = messages.Count(topics) if topics else messages.Count()
    return [message for message in _answers(path, order) if isinstance(message, messages.Counts)]


def measures(path: Path, peers: int, *, patience: float | None = None) -> Iterator[messages.Counts]:
    """Yield the metrics of a router as they come (`face/values.py`). Raises RefusedError, UserError.

    peers: rows of tables with a row for each peer. patience: seconds for which the router may be silent.
    """
    answers = _answers(path, messages.Count(("metrics",), peers), patience)
    return (message for message in answers if isinstance(message, messages.Counts))


def _answers(
    path: Path,
    question: messages.Ask | messages.AskConfiguration | messages.Configure | messages.Count | messages.Report,
    patience: float | None = None,
) -> Iterator[messages.Message]:
    """Yield the messages that answer a question. Raises UserError if the router refuses, or ends before the last."""
    try:
        asked = protocol.encode(question)
    except ValueError as error:
        raise RefusedError(f"too much at once: {error}") from error
    try:
        with _connect(path, patience) as connected:
            connected.sendall(asked)
            for message in _messages(connected):
                if not isinstance(message, messages.Done):
                    yield message
                elif message.status:
                    raise RefusedError(message.reason, message.status)
                else:
                    return
    except TimeoutError as error:
        raise UserError("the router does not answer") from error
    except OSError as error:
        raise UserError(GONE) from error
    raise UserError(GONE)


def shell(path: Path) -> int:
    """Sit down at the router's console until the session ends. Returns the status. Raises UserError."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return execute(path, sys.stdin.read().splitlines())
    with _connect(path) as connected:
        size = os.get_terminal_size(sys.stdout.fileno())
        connected.sendall(protocol.encode(messages.OpenShell(size.lines, size.columns)))
        with _raw_terminal(sys.stdin.fileno()), _window_changes(connected, size):
            reason = _converse(connected, sys.stdin.fileno(), writer(None))
    if reason:
        print(f"\r\n[{reason}]", file=sys.stderr)
    return 0


def _connect(path: Path, patience: float | None = None) -> socket.socket | End:
    """Return a connection on which the server has sent `Hello`. Raises UserError; with `patience`, TimeoutError."""
    found = IN_MEMORY.get(str(path))
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) if found is None else found.open()
    connected.settimeout(patience)
    try:
        meet(connected, path)
    except BaseException:
        connected.close()
        raise
    return connected


def _messages(connected: socket.socket | End) -> Iterator[messages.Message]:
    """Yield messages as they arrive, until the connection ends. Raises UserError if it is no router that talks."""
    decoder = protocol.Decoder()
    while data := connected.recv(1 << 16):
        try:
            yield from decoder.feed(data)
        except protocol.ProtocolError as error:
            raise UserError(f"the router sent {error}") from error


def _converse(connected: socket.socket | End, keyboard: int, write: Callable[[bytes], None]) -> str:
    """Carry keys and output back and forth. Returns why it ended, "" if the user left."""
    decoder, poll = protocol.Decoder(), select.poll()
    for descriptor in (connected.fileno(), keyboard):
        poll.register(descriptor, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        if keyboard in ready:
            typed = os.read(keyboard, 1 << 12)
            if not typed or LEAVE in typed:
                return "left; the router goes on"
            connected.sendall(protocol.encode(messages.Input(typed)))
        if connected.fileno() in ready:
            data = connected.recv(1 << 16)
            if not data:
                return GONE
            for message in decoder.feed(data):
                match message:
                    case messages.Output(data=shown):
                        write(shown)
                    case messages.Done(reason=reason):
                        return reason


@contextlib.contextmanager
def _raw_terminal(descriptor: int) -> Iterator[None]:
    """Let every key come as it is typed, and the terminal be as it was before when it is over."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _window_changes(connected: socket.socket | End, known: os.terminal_size) -> Iterator[None]:
    """Send the router each size of the window after the `known` one."""

    def send_size() -> None:
        size = os.get_terminal_size(sys.stdout.fileno())
        with contextlib.suppress(OSError):
            connected.sendall(protocol.encode(messages.Resize(size.lines, size.columns)))

    before = signal.signal(signal.SIGWINCH, lambda _, __: send_size())
    try:
        # A change between the measurement and the handler raised a signal that was not handled.
        if os.get_terminal_size(sys.stdout.fileno()) != known:
            send_size()
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


__all__ = ["REFUSED", "RefusedError", "answer_text", "ask", "count", "execute", "measures", "report", "run", "shell"]
