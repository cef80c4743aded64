"""Parts of a comparison in processes of their own. Each computes a world by itself, so the answer is the same.

with Beside(3, stage) as processes:
    first = processes.begin(part)       a function that another process can import
    processes.finish()
first.result()
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeVar

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.queues import SimpleQueue

    Tell = Callable[[str], None]

T = TypeVar("T")
R = TypeVar("R", covariant=True)


class RemoteTask(Protocol[R]):
    """Something to carry out that another process can import."""

    def __call__(self, *, tell: Tell) -> R:
        """Carry it out. The argument is called with the progress."""
        ...


#: Seconds between two looks at how far the parts are, and between two messages of one about that.
_LOOK: Final = 0.25


class Beside:
    """Up to `most` processes. stage: called with the progress of one of them."""

    def __init__(self, most: int, stage: Tell) -> None:
        context = get_context("spawn")
        self._said: SimpleQueue[str] = context.SimpleQueue()
        self._pool = ProcessPoolExecutor(most, mp_context=context, initializer=_begin, initargs=(self._said,))
        self._stage = stage
        self._running: list[Future[object]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def begin(self, part: RemoteTask[T]) -> Future[T]:
        """Let a process carry out a part that it can import."""
        running = self._pool.submit(_carry_out, part)
        self._running.append(running)  # type: ignore[arg-type] # a future only gives its value
        return running

    def finish(self) -> None:
        """Wait until all parts have ended. Raises UserError if a process has died."""
        while wait(self._running, timeout=_LOOK).not_done:
            while not self._said.empty():
                self._stage(self._said.get())
        if any(isinstance(part.exception(), BrokenProcessPool) for part in self._running):
            raise UserError("a process of this comparison was killed, by hand or for lack of memory")


#: Of a process: where it says how far it is.
_said: list[SimpleQueue[str]] = []


def _begin(said: SimpleQueue[str]) -> None:
    _said.append(said)


def _carry_out(part: RemoteTask[T]) -> T:
    last = 0.0

    def tell(how_far: str) -> None:
        nonlocal last
        if time.monotonic() >= last + _LOOK:
            last = time.monotonic()
            _said[0].put(how_far)

    return part(tell=tell)
