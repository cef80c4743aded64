"""Processes of this machine, each with a pipe of its own, so that the death of one leaves the others alone.

A process gets one task at a time, as octets: what it cannot import is an error of the task, and does not end it. It
ends when its pipe is closed. Ctrl-C is for the program that started the processes, which ends them.

What every pool does:

    for came in pool.submit(work, tasks):      results as they come, in any order
        Lost: a worker died of it, or with it. It runs again, and is named if that ends in the same way.

A worker that dies costs its task alone. An exception that `work` raises is raised here and ends the whole.
"""

from __future__ import annotations

import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Protocol, Self, TypeVar, cast

from dmvpn.base.errors import named
from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ what every pool does


T = TypeVar("T")
R = TypeVar("R")


class Lost(Value, Generic[T]):
    """A task whose worker died before there was a result: killed by hand, or for lack of memory.

    is_tried_again: at the end, by another worker.
    """

    task: T
    is_tried_again: bool


class Pool(Protocol):
    """Workers, for use in a `with` statement; what they still do at its end is given up."""

    @property
    def size(self) -> str:
        """The number of workers, in words."""

    def submit(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R | Lost[T]]:
        """Let workers carry tasks out. Raises what `work` raises, and UserError if there are no workers any more."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


# -------------------------------------------------------------------------------------------- processes of this machine


class LocalPool:
    """Up to `jobs` processes; each starts with its first task."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._free: list[_Worker] = []
        self._running: dict[Connection, tuple[_Worker, object, bool]] = {}

    @property
    def size(self) -> str:
        """The number of processes, in words."""
        return f"{self._jobs} process{'es' if self._jobs > 1 else ''}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in (*self._free, *(worker for worker, _, _ in self._running.values())):
            worker.end()
        self._free.clear()
        self._running.clear()

    def submit(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R | Lost[T]]:
        """Carry tasks out; results as they come. A task whose process dies is tried again, at the end."""
        firsts, again = iter(tasks), deque[T]()
        while True:
            self._feed(work, firsts, again)
            if not self._running:
                return
            for pipe in wait(list(self._running)):
                worker, given, is_first = self._running.pop(cast("Connection", pipe))
                task = cast("T", given)
                try:
                    result = cast("R", worker.result())
                except EOFError:
                    worker.end()
                    if is_first:
                        again.append(task)
                    yield Lost(task, is_first)
                    continue
                self._free.append(worker)
                yield result

    def _feed(self, work: Callable[[T], R], firsts: Iterator[T], again: deque[T]) -> None:
        """Give every free worker a task, the first attempts before the second ones."""
        while len(self._running) < self._jobs:
            try:
                task, is_first = next(firsts), True
            except StopIteration:
                if not again:
                    return
                task, is_first = again.popleft(), False
            worker = self._begun(work, task)
            self._running[worker.pipe] = worker, task, is_first

    def _begun(self, work: Callable[[T], R], task: T) -> _Worker:
        """Return a worker that has the task; a worker that died while it was free is replaced."""
        octets = pickle.dumps((work, task))
        while self._free:
            worker = self._free.pop()
            try:
                worker.pipe.send_bytes(octets)
                return worker
            except OSError:
                worker.end()
        worker = _Worker()
        worker.pipe.send_bytes(octets)
        return worker


class _Worker:
    """One process, and the pipe to it."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def result(self) -> object:
        """Return the result. Raises EOFError if the process has died, and what the task raised."""
        try:
            is_done, value = pickle.loads(self.pipe.recv_bytes())  # noqa: S301 # from a process of ours
        except OSError as error:
            raise EOFError from error
        if not is_done:
            raise value
        return value

    def end(self) -> None:
        """End the process, whatever it does."""
        self.pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()


def _serve(pipe: Connection) -> None:
    """Carry out what the pipe brings, until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            octets = pipe.recv_bytes()
        except EOFError:
            return
        answer = _answer(octets)
        try:
            pipe.send_bytes(answer)
        except OSError:
            return


def _answer(octets: bytes) -> bytes:
    """Return the result of a task, or its exception; an exception that cannot travel becomes its text."""
    try:
        work, task = cast("tuple[Callable[[Any], object], object]", pickle.loads(octets))  # noqa: S301 # likewise
        return pickle.dumps((True, work(task)))
    except Exception as error:
        try:
            answer = pickle.dumps((False, error))
            pickle.loads(answer)  # noqa: S301 # likewise: not every exception can be made again
            return answer
        except Exception:
            return pickle.dumps((False, RuntimeError(named(error))))
