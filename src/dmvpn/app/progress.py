"""The progress of work that takes longer than a second: one line on standard error, erased at the end.

Only on a terminal; with `--progress` also elsewhere, one line each few seconds. Never with `--json`. A thread updates
the line while the program computes; if processes are forked (`beats=False`), each note of the loop writes it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, Self

#: Seconds before the first line, between two on a terminal, and between two elsewhere.
_PATIENCE: Final = 1.0
_PACE: Final = 0.25
_SLOW_PACE: Final = 5.0
_WIPE: Final = "\r\x1b[K"
_NARROW: Final = 20


#: Hears each step: in a tab the command has no process of its own.
HEARD: Final[ContextVar[Callable[[str], object]]] = ContextVar("HEARD", default=lambda _: None)


class Progress:
    """One line about the current work, for use in a `with` statement."""

    def __init__(self, *, wanted: bool = False, silent: bool = False, beats: bool = True) -> None:
        """wanted: `--progress`. silent: `--json`. beats: a thread writes it, and the time that has passed."""
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._on = (wanted or self._terminal) and not silent
        self._beats = beats
        self._text = ""
        self._began = self._written = 0.0
        self._is_shown = False
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, arguments: argparse.Namespace, *, beats: bool = True) -> Self:
        """Return the progress that the options ask for."""
        wanted, silent = getattr(arguments, "progress", False), getattr(arguments, "json", False)
        return cls(wanted=bool(wanted), silent=bool(silent), beats=beats)

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        if self._on and self._beats:
            self._thread = threading.Thread(target=self._beat, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self.wipe()

    def tell(self, text: str) -> None:
        """Note the current step; it is written at the next update."""
        HEARD.get()(text)
        self._text = text
        if self._on and not self._beats:
            self._write()

    def wipe(self) -> None:
        """Erase the line before other output."""
        with self._lock:
            self._wipe()

    def say(self, text: str, *, error: bool = False) -> None:
        """Print lines that stay. error: to standard error."""
        with self._lock:
            self._wipe()
            print(text, file=sys.stderr if error else None, flush=True)

    def _wipe(self) -> None:
        if self._is_shown:
            sys.stderr.write(_WIPE)
            sys.stderr.flush()
            self._is_shown = False

    def _beat(self) -> None:
        while not self._ended.wait(_PACE):
            self._write()

    def _write(self) -> None:
        now = time.monotonic()
        pace = _PACE if self._terminal else _SLOW_PACE
        if now - self._began < _PATIENCE or now - self._written < pace or not self._text:
            return
        line = f"{self._text} ({now - self._began:.0f} s)"
        with self._lock:
            if self._ended.is_set():
                return
            self._written = now
            if self._terminal:
                columns = max(_NARROW, shutil.get_terminal_size().columns)
                sys.stderr.write(_WIPE + line[: columns - 1])
                self._is_shown = True
            else:
                sys.stderr.write(line + "\n")
            sys.stderr.flush()
