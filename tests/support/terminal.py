"""A person at a terminal: types keys into a program on a pseudo-terminal, and reads what it shows."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import termios
import time
from fcntl import ioctl
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

CTRL_C, CTRL_SHIFT_6, CTRL_Z, CTRL_A, CTRL_E, CTRL_W, TAB, UP = (
    "\x03",
    "\x1e",
    "\x1a",
    "\x01",
    "\x05",
    "\x17",
    "\t",
    "\x1b[A",
)


class Terminal:
    """A program and its terminal of so many rows and columns. screen: all that it showed, without carriage returns."""

    def __init__(
        self, words: Sequence[str], environment: Mapping[str, str], *, rows: int = 24, columns: int = 80
    ) -> None:
        self.screen = ""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execvpe(words[0], list(words), dict(environment))  # noqa: S606 - the test says which
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def until(self, text: str, seconds: float = 60.0) -> str:
        """Read until the program has shown `text`; what it showed since the last call, up to there."""
        end, looked_at = time.monotonic() + seconds, 0
        while text not in self.screen[looked_at:]:
            # Of what is there already only the end may belong to it: a flood is not looked through again and again.
            looked_at = max(0, len(self.screen) - len(text) + 1)
            left = end - time.monotonic()
            assert left > 0, f"no {text!r} in {self.screen!r}"
            if select.select([self._terminal], [], [], left)[0]:
                piece = self._read()
                assert piece, f"it ended, and no {text!r} in {self.screen!r}"
                self.screen += piece
        shown, _, self.screen = self.screen.partition(text)
        return shown + text

    def silence(self, seconds: float = 0.3) -> str:
        """Read until nothing has come for a while; what it showed since the last call."""
        while select.select([self._terminal], [], [], seconds)[0]:
            piece = self._read()
            if not piece:
                break
            self.screen += piece
        shown, self.screen = self.screen, ""
        return shown

    def line(self, typed: str, prompt: str) -> list[str]:
        """Type a line; the lines that it shows before the prompt comes again."""
        self.type(typed + "\r")
        self.until(f"{typed}\n")
        return self.until(prompt).removesuffix(prompt).split("\n")[:-1]

    def ended(self, seconds: float = 30.0) -> int:
        """Wait for the end of the program: its exit code."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._pid = 0
                return os.waitstatus_to_exitcode(status)
            self.silence(0.05)
        raise AssertionError(f"it does not end: {self.screen!r}")

    def close(self) -> None:
        """End the program, whatever it does."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0
        os.close(self._terminal)

    def _read(self) -> str:
        try:
            return os.read(self._terminal, 65536).decode(errors="replace").replace("\r", "")
        except OSError:  # the other end is closed
            return ""
