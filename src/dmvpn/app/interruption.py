"""Ctrl-C, SIGTERM and SIGHUP as an orderly end, for a command that has something to save.

    with Interruption() as interruption:
        ...                                 code that waits also waits for `interruption.descriptor`
        with interruption.may_tear():       code that may block forever, and may be left in the middle
            print(...)                      Interrupted

Everywhere else a signal is only noted, so that no step is left half done. Ignored signals stay ignored, as `nohup`
intends.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """A signal arrived inside `may_tear`."""


class Interruption:
    """See the module's docstring. asked: a signal has come. descriptor: can be read from then on."""

    def __init__(self) -> None:
        self.asked = False
        self._tears = False
        self.descriptor, self._word = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._restore = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:
                signal.signal(number, self._take)
                self._restore.callback(signal.signal, number, signal.SIG_DFL if before is None else before)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore.close()
        os.close(self.descriptor)
        os.close(self._word)

    @contextlib.contextmanager
    def may_tear(self) -> Iterator[None]:
        """Allow Ctrl-C to raise Interrupted at any point of the block."""
        self._tears = True
        try:
            yield
        finally:
            self._tears = False

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        with contextlib.suppress(BlockingIOError):  # so many have come that the pipe is full
            os.write(self._word, b"!")
        if self._tears:
            raise Interrupted
