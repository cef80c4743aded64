"""Commands without the start of Python, for the many of the documentation: one process has imported what they need.

    warm().link(folder)      a program `dmvpn` in this folder, to be first in PATH
    warm().program           such a program
    warm().start(words)      a process for a test that ends it, with the methods of `subprocess.Popen`

Each hands its words, its folder, its environment and its three descriptors to that process, which forks for each
command, and ends with its status. Commands that need another start than a fork are started as ever. A process ends with
the test that started it.

The kernel shows the environment that a program was started with, of forks that of the first process; so each writes its
own one there, by which `Labs.processes` knows whose it is.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import dmvpn
from dmvpn.app.main import main
from support.command import variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_NUMBER: Final = struct.Struct("!I")
_PROGRAM: Final = """\
#!{python} -IS
import os, socket, sys
words = sys.argv[1:]
verb, what = (*words, "", "")[:2]
asks = verb in ("-r", "config", "diff", "doctor", "explain", "lint", "pki", "render", "replay", "walk")
asks = asks or verb == "class" or (verb, what) == ("web", "token")
asks = asks or (verb == "simulate" and "--campaign" not in words)  # a campaign starts processes of its own
if not asks and (verb != "lab" or what in ("capture", "exec", "ssh", "watch")):
    os.execv({real!r}, ["dmvpn", *words])
mask = os.umask(0)
variables = (f"{{name}}={{value}}" for name, value in os.environ.items())
order = "\\0".join((os.getcwd(), str(mask), str(len(words)), *words, *variables)).encode("utf-8", "surrogateescape")
connection = socket.socket(socket.AF_UNIX)
connection.connect({path!r})
socket.send_fds(connection, [len(order).to_bytes(4)], [0, 1, 2])
connection.sendall(order)
connection.recv(4)
status = connection.recv(1)
sys.exit(status[0] if status else 1)
"""


class Warm:
    """The process that has imported all of the package. It ends with the process that started it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dmvpn-warm-")
        self._path = f"{self._folder.name}/socket"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.warm", self._path],
            cwd=Path(__file__).parents[1],
            env=variables(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        self.program = self.link(Path(self._folder.name))

    def link(self, folder: Path) -> Path:
        """Write the program that hands its words on, and return where it is."""
        real = str(Path(sys.executable).parent / "dmvpn")
        program = folder / "dmvpn"
        program.write_text(_PROGRAM.format(python=sys.executable, real=real, path=self._path))
        program.chmod(0o755)
        return program

    def start(
        self,
        words: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        typed: bool = False,
        stderr: IO[str] | None = None,
    ) -> Started:
        """Start `dmvpn WORDS`, or `-m MODULE WORDS`. typed: it reads from us."""
        ends = [os.pipe() if typed else (os.open(os.devnull, os.O_RDONLY), -1), os.pipe()]
        (read, typing), (reading, write) = ends
        variables = (f"{name}={value}" for name, value in (os.environ if environment is None else environment).items())
        order = "\0".join((os.getcwd(), "18", str(len(words)), *words, *variables)).encode("utf-8", "surrogateescape")
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._path)
        socket.send_fds(connection, [_NUMBER.pack(len(order))], [read, write, 2 if stderr is None else stderr.fileno()])
        connection.sendall(order)
        for end in (read, write):
            os.close(end)
        stdin = open(typing, "wb", buffering=0) if typed else None  # noqa: SIM115 - `Started` closes them
        return Started(connection, stdin, open(reading, encoding="utf-8", errors="replace"))

    def close(self) -> None:
        """End it."""
        self._process.communicate()
        self._folder.cleanup()


class Started:
    """A process that a fork made. Its methods are those of `subprocess.Popen`."""

    def __init__(self, connection: socket.socket, stdin: IO[bytes] | None, stdout: IO[str]) -> None:
        self.stdin, self.stdout = stdin, stdout
        self._connection = connection
        (self.pid,) = _NUMBER.unpack(connection.recv(_NUMBER.size, socket.MSG_WAITALL))
        self._handle = os.pidfd_open(self.pid)
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Return its status at its end. Raises TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._handle], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self._connection.setblocking(False)
            try:
                status = self._connection.recv(1)
            except BlockingIOError:  # a child of it has the connection as well
                status = b""
            self.returncode = status[0] if status else -signal.SIGKILL
            os.close(self._handle)
            self._connection.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> None:
        """Wait for its end, and close the pipes."""
        if self.stdin is not None:
            self.stdin.close()
        self.wait(timeout)
        self.stdout.close()


@cache
def warm() -> Warm:
    """Return the one of this process."""
    made = Warm()
    atexit.register(made.close)
    return made


def _serve(path: str) -> None:
    """Fork for each command until our standard input ends."""
    for module in pkgutil.walk_packages(dmvpn.__path__, "dmvpn."):
        # Some need packages that not every machine has.
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(16)
        print("ready", flush=True)
        while 0 not in select.select([listener.fileno(), 0], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _carry_out(connection)
            connection.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _carry_out(connection: socket.socket) -> None:
    """Be the process of a command, until whoever wants it is gone."""
    head, descriptors, _, _ = socket.recv_fds(connection, _NUMBER.size, 3)
    order = b""
    while len(order) < _NUMBER.unpack(head)[0]:
        order += connection.recv(1 << 16)
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(connection, fcntl.F_SETFL, os.O_ASYNC)
    connection.sendall(_NUMBER.pack(os.getpid()))
    folder, mask, count, *rest = order.decode("utf-8", "surrogateescape").split("\0")
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.umask(int(mask))
    os.environ.clear()
    for variable in rest[int(count) :]:
        name, _, value = variable.partition("=")
        os.environ[name] = value
    # Let /proc/PID/environ begin with the folder for labs. Nobody uses the octets there any more: they were copied
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = (int(field) for field in fields[47:49])
    shown = f"XDG_RUNTIME_DIR={os.environ.get('XDG_RUNTIME_DIR', '')}\0".encode()
    ctypes.memmove(start, shown.ljust(end - start, b"\0")[: end - start], end - start)
    status = _status(rest[: int(count)])
    connection.sendall(bytes([status & 0xFF]))
    os._exit(status)


def _status(words: list[str]) -> int:
    run: Callable[[], int] = main
    if words[:1] == ["-m"]:
        run = importlib.import_module(words[1]).main
        words = words[2:]
    sys.argv = ["dmvpn", *words]
    try:
        status = run()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        status = 1
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    return status


if __name__ == "__main__":
    _serve(sys.argv[1])
