"""Work for users in slices: no command holds the loop for longer than one of them.

    slices = Slices()                             one for each user
    text = await slices.run(work, between)        the work, and `between` after each slice
    slices.break_off()                            its next breath raises BrokenOff
    slices.close()

A slice ends at the first breath (`base/breath.py`) after its time. Then the loop does everything else before the next
slice begins, and users take turns: in one round of the loop there is one slice of one user.

The work has a thread of its own, because Python keeps the state of nested calls nowhere else. But it never runs beside
the loop: the loop waits while a slice lasts, and the thread waits between slices. So no state needs a lock. The
exception is work `aside` (a hash, a file), which uses no state of the router.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar, cast
from weakref import WeakKeyDictionary

from dmvpn.base.breath import BREATH, BrokenOff

T = TypeVar("T")

#: Seconds of one slice: about the time of ten packets.
LENGTH: Final = 0.001
#: Seconds of work in the thread of the loop.
LONGEST: Final = 10.0
#: Seconds that the garbage collector rests while output waits for its reader.
PATIENCE: Final = 0.1

#: The queue of users, on each loop.
_TURNS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()


class _Collector:
    """Python's garbage collector, which rests during a user's work.

    Objects of a show are freed after it. A collection before that would soon examine all objects of the router: a
    quarter of a second for ten thousand peers, without a breath.
    """

    def __init__(self) -> None:
        self._resting = 0
        self._was_on = False

    def change(self, by: int) -> None:
        """Change the number of users that need the collector to rest; it rests while there is one."""
        before, self._resting = self._resting, self._resting + by
        if not before:
            self._was_on = gc.isenabled()
            gc.disable()
        elif not self._resting and self._was_on:
            gc.enable()


class Rest:
    """One user's request that the collector rest."""

    def __init__(self, collector: _Collector) -> None:
        self._collector = collector
        self._loop = asyncio.get_running_loop()
        self._is_on = False

    def begin(self) -> None:
        """Let the collector rest."""
        if not self._is_on:
            self._is_on = True
            self._collector.change(1)

    def end(self) -> None:
        """Withdraw the request."""
        if self._is_on:
            self._is_on = False
            self._collector.change(-1)

    @contextlib.contextmanager
    def interrupted(self) -> Iterator[None]:
        """Let the collector work again if the contents take long: a reader may be slow."""
        timer = self._loop.call_later(PATIENCE, self.end)
        try:
            yield
        finally:
            timer.cancel()
            self.begin()


_COLLECTOR: Final = _Collector()


@contextlib.contextmanager
def resting() -> Iterator[Rest]:
    """Let the garbage collector rest inside."""
    rest = Rest(_COLLECTOR)
    rest.begin()
    try:
        yield rest
    finally:
        rest.end()


class Slices:
    """The work of one user, one piece of work at a time. The `Breath` of that work."""

    def __init__(self, length: float = LENGTH) -> None:
        self._loop = asyncio.get_running_loop()
        self._turn = _TURNS.setdefault(self._loop, asyncio.Lock())
        self._length = length
        self._until = 0.0
        self._thread: threading.Thread | None = None
        self._go, self._back = _closed_gate(), _closed_gate()
        self._work: Callable[[], object] | None = None
        self._errand: Callable[[], object] | None = None
        self._answer: tuple[object, BaseException | None] = (None, None)
        self._is_done = True
        self._is_broken_off = False
        #: Set while no work is aside.
        self._together = asyncio.Event()
        self._together.set()

    @property
    def is_busy(self) -> bool:
        """Whether there is unfinished work."""
        return not self._is_done

    async def run(self, work: Callable[[], T], between: Callable[[], Awaitable[None]] | None = None) -> T:
        """Do the work. Raises its exceptions; BrokenOff if it was broken off and did not handle that itself."""
        if not self._is_done:
            raise AssertionError("one piece of work at a time")
        self._work, self._is_done, self._is_broken_off = work, False, False
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, daemon=True, name="slices")
            self._thread.start()
        try:
            while not self._is_done:
                await self._together.wait()
                with resting() as rest:
                    while not self._is_done and self._together.is_set():
                        async with self._turn:
                            self._go_on()
                            await asyncio.sleep(0)
                        if between is not None:
                            with rest.interrupted():
                                await between()
        finally:
            if not self._is_done:
                self._abandon()
        result, error = self._answer
        self._answer = (None, None)
        if error is not None:
            raise error
        return cast("T", result)

    def break_off(self) -> None:
        """Let the next breath of the work raise BrokenOff."""
        self._is_broken_off = self.is_busy

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None and self._is_done:
            self._thread = None
            self._go.release()

    # -------------------------------------------------------------------------------------------- the loop's side

    def _go_on(self) -> None:
        """Run one slice."""
        self._until = time.perf_counter() + self._length
        while True:
            self._go.release()
            self._back.acquire()
            errand, self._errand = self._errand, None
            if errand is None:
                return
            self._answer = _outcome(errand)

    def _abandon(self) -> None:
        """End work without a waiting user: it is broken off at once, or after its work aside."""
        self._is_broken_off = True
        if not self._together.is_set():
            asyncio.ensure_future(self._abandon_later())  # noqa: RUF006 - the loop keeps what waits for a thread
            return
        while not self._is_done and self._together.is_set():
            self._is_broken_off = True
            self._go_on()
        self.close()

    async def _abandon_later(self) -> None:
        await self._together.wait()
        self._abandon()

    # -------------------------------------------------------------------------------------------- the work's side

    def _live(self) -> None:
        """Run in the thread: one piece of work after the other, until there is none."""
        BREATH.set(self)
        while True:
            self._go.acquire()
            work, self._work = self._work, None
            if work is None:
                return
            self._answer = _outcome(work)
            self._is_done = True
            self._back.release()

    def pause(self) -> None:
        """Let the loop run if it is time. Raises BrokenOff."""
        if time.perf_counter() >= self._until:
            self._hand_over()
        if self._is_broken_off:
            self._is_broken_off = False
            raise BrokenOff

    def aside(self, work: Callable[[], T]) -> T:
        """Do work beside the loop. Raises exceptions of `work`, and BrokenOff afterwards."""
        self._together.clear()
        self._back.release()
        result, error = _outcome(work)
        with contextlib.suppress(RuntimeError):  # the loop is closed: no user waits any more
            self._loop.call_soon_threadsafe(self._together.set)
        self._go.acquire()
        if error is not None:
            raise error
        self.pause()
        return cast("T", result)

    def at_home(self, work: Callable[[], T]) -> T:
        """Do work in the thread of the loop, and wait for it. Raises exceptions of `work`."""
        self._errand = work
        self._hand_over()
        result, error = self._answer
        self._answer = (None, None)
        if error is not None:
            raise error
        return cast("T", result)

    def _hand_over(self) -> None:
        self._back.release()
        self._go.acquire()


class AtOnce(Slices):
    """Work in the thread of the loop, to its end: where there are no threads. It is broken off where it takes long."""

    async def run(self, work: Callable[[], T], between: Callable[[], Awaitable[None]] | None = None) -> T:
        """Do the work. Raises its exceptions, and BrokenOff."""
        self._until = time.perf_counter() + LONGEST
        token = BREATH.set(self)
        try:
            result = work()
        finally:
            BREATH.reset(token)
        if between is not None:
            await between()
        return result

    def pause(self) -> None:
        """Raise BrokenOff where the work takes too long."""
        if time.perf_counter() >= self._until:
            raise BrokenOff

    def aside(self, work: Callable[[], T]) -> T:
        """Do work."""
        return work()

    at_home = aside


def _closed_gate() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate


def _outcome(work: Callable[[], object]) -> tuple[object, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:
        return None, error
