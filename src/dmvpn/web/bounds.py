"""Bounds of `dmvpn web`: one table, how much of each bound its users have, and the threads and connections so bounded.

A user is the name of a token. Each bound has a share for each user, and a part that is kept for tokens of all labs: so
neither one student nor all students together keep a teacher out. `docs/reference/web-bounds.md` is made from the table.

    with bounds.take(name, caller): ...         takes a place, or raises Problem (503) at once
    async with bounds.turn(name, caller): ...   waits for a place, at most `PATIENCE` seconds

Whatever waits for a lab or a disk does so in a thread: a lab that does not answer holds up no other lab, and a user
whose labs do not answer holds up no other user.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

from anyio import CapacityLimiter, to_thread

from dmvpn.base.values import Value
from dmvpn.web.bodies import Problem

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
    from subprocess import Popen

    from starlette.requests import Request

    from dmvpn.ios.filters import Plain
    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.web.fleet import Fleet
    from dmvpn.web.permission import Caller

#: Seconds for which a request waits for its turn.
PATIENCE: Final = 20.0
#: A share is a fifth of a bound, and a tenth is kept for tokens of all labs.
_SHARES, _KEPT = 5, 10
_MIB: Final = 1 << 20
_WAITS: Final = f"waits {PATIENCE:.0f} seconds, then 503"
#: In the place of a user, who has no such name: all users with tokens for some labs.
_STUDENTS: Final = "*"

T = TypeVar("T")

#: In the place of a lab's name, for work that asks several labs.
ALL: Final = "*"


# ------------------------------------------------------------------------------------------------ the table


class User(Protocol):
    """Who takes something: the caller of a request. name: of the token; labs: as of a token, "": all."""

    @property
    def name(self) -> str: ...

    @property
    def labs(self) -> str: ...


class Bound(Value):
    """One bound. what: the things that are bounded, in the plural. most: of all users; unit: octets of one.

    share: of one user, 0: a fifth; trusted: of one user with a token of all labs, 0: the same. kept: for tokens of all
    labs, 0: a tenth. then: what happens beyond it, for the page.
    """

    what: str
    most: int
    then: str = "503"
    unit: int = 1
    share: int = 0
    trusted: int = 0
    kept: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", self.share or self.most // _SHARES)
        object.__setattr__(self, "trusted", self.trusted or self.share)
        object.__setattr__(self, "kept", self.kept or self.most // _KEPT)

    def share_of(self, caller: User) -> int:
        """Return how much this caller may have."""
        return self.share if caller.labs else self.trusted

    def refusal(self, caller: User, taken: Taken, count: int = 1) -> str:
        """Return why a caller does not get so much more, "": the caller gets it."""
        share = self.share_of(caller)
        if taken.own + count > share:
            return f"too many {self.what}: one user has at most {share // self.unit}"
        if taken.all + count > self.most or (caller.labs and taken.students + count > self.most - self.kept):
            return f"too many {self.what}"
        return ""

    def check(self, caller: User, taken: Taken, count: int = 1) -> None:
        """Raise Problem if a caller does not get so much more."""
        if detail := self.refusal(caller, taken, count):
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"})


class Taken(NamedTuple):
    """The parts of a bound that are in use: by the caller, by all users with tokens for some labs, and by all users."""

    own: int = 0
    students: int = 0
    all: int = 0


TABLE: Final[dict[str, Bound]] = {
    "connections": Bound(
        "connections with a token", 1000, "ends the oldest of the user that has most; 503 if that is its own user"
    ),
    "bodies": Bound("MiB of bodies that are being read", 80 * _MIB, unit=_MIB),
    "parses": Bound("bodies of more than 16 KiB whose JSON is read", 5, _WAITS, share=1, kept=1),
    "turns": Bound("requests that one lab answers at a time", 20, _WAITS),
    "threads": Bound("requests that labs answer at a time", 200, _WAITS),
    "reads": Bound("requests that read folders at a time", 10, _WAITS),
    "ends": Bound("labs that end at a time", 20, _WAITS),
    "streams": Bound("streams of events", 500),
    "followed": Bound("routers that streams follow", 10_000),
    "terminals": Bound("terminals", 60),
    "captures": Bound("captures of wires", 4, share=1, trusted=3, kept=1),
    "labs": Bound("labs", 250, trusted=250),
    "jobs": Bound("jobs", 4, share=1, trusted=3, kept=1),
    "results": Bound(
        "MiB of results of jobs", 80 * _MIB, "forgets the oldest job of the user whose results are longest", unit=_MIB
    ),
    "sessions": Bound("sessions of browsers", 250, "ends the oldest of this user, or of the user that has most"),
    "scrapes": Bound("scrapes of metrics at a time", 5, kept=1, then=_WAITS),
}


class Bounds:
    """Counts the use of the bounds in a table. part: a lab, for a bound that each lab has."""

    def __init__(self, table: Mapping[str, Bound] = TABLE) -> None:
        self.table = table
        #: By bound, part and user; "": all users, `_STUDENTS`: all whose tokens are for some labs.
        self._taken: Counter[tuple[str, str, str]] = Counter()
        #: For the bound and part, and by which caller.
        self._waiting: dict[asyncio.Future[None], tuple[tuple[str, str], User]] = {}

    def taken(self, name: str, caller: User, part: str = "") -> Taken:
        """Return how much of a bound is in use."""
        return Taken(*(self._taken[name, part, user] for user in (caller.name, _STUDENTS, "")))

    def claim(self, name: str, caller: User, count: int = 1, part: str = "") -> None:
        """Take so much of a bound until `release`. Raises Problem."""
        self.table[name].check(caller, self.taken(name, caller, part), count)
        self._add(name, caller, count, part)

    def release(self, name: str, caller: User, count: int = 1, part: str = "") -> None:
        """Give it back: requests that wait for it get it, in their order."""
        self._add(name, caller, -count, part)
        for future, (place, other) in [*self._waiting.items()]:
            if place != (name, part) or future.done():  # done: it waits no longer, and notes that soon
                continue
            if not self.table[name].refusal(other, self.taken(name, other, part)):
                del self._waiting[future]
                self._add(name, other, 1, part)
                future.set_result(None)

    @contextmanager
    def take(self, name: str, caller: User, count: int = 1, part: str = "") -> Iterator[None]:
        """Have so much of a bound for a while. Raises Problem."""
        self.claim(name, caller, count, part)
        try:
            yield
        finally:
            self.release(name, caller, count, part)

    @asynccontextmanager
    async def turn(self, name: str, caller: User, part: str = "") -> AsyncIterator[None]:
        """Wait for a place, and have it for a while. Raises Problem if none is free in time."""
        await self.await_turn(name, caller, part)
        try:
            yield
        finally:
            self.release(name, caller, part=part)

    async def await_turn(self, name: str, caller: User, part: str = "") -> None:
        """Wait for a place, and have it until `release`. Raises Problem if none is free in time."""
        try:
            self.claim(name, caller, part=part)
        except Problem as problem:
            await self._wait(name, caller, part, problem)

    async def _wait(self, name: str, caller: User, part: str, problem: Problem) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting[future] = (name, part), caller
        try:
            async with asyncio.timeout(PATIENCE):
                await future
        except BaseException as error:
            if future not in self._waiting:  # it got its place when it stopped waiting
                self.release(name, caller, part=part)
            if isinstance(error, TimeoutError):
                raise problem from None
            raise
        finally:
            self._waiting.pop(future, None)

    def _add(self, name: str, caller: User, count: int, part: str) -> None:
        for user in (caller.name, "", *([_STUDENTS] if caller.labs else [])):
            self._taken[name, part, user] += count
            if not self._taken[name, part, user]:
                del self._taken[name, part, user]


# ------------------------------------------------------------------------------------------------ threads


class OneThread(Protocol):
    """Does the work of a process with one thread, where other processes have more, or have processes of their own."""

    def begin(self, work: Callable[[], T], is_unwanted: Callable[[], bool] = ...) -> Awaitable[T]:
        """Do work beside the loop. is_unwanted: whether it is to be broken off."""

    def run(self, words: Sequence[str], notes: deque[str], begun: Callable[[Popen[str]], None]) -> tuple[int, Plain]:
        """Run `dmvpn WORDS --json`, as `web.jobs.run` does in another process."""


class Workers:
    """Threads for work that waits for a lab or a disk: see the module's docstring. here: does it instead."""

    def __init__(self, bounds: Bounds, here: OneThread | None = None) -> None:
        self._bounds = bounds
        self._here = here
        self._threads = CapacityLimiter(
            sum(bounds.table[name].most for name in ("threads", "reads", "ends", "scrapes"))
        )

    async def run(self, lab: str, caller: Caller, work: Callable[[], T]) -> T:
        """Do work that waits for a lab. lab: its name. Raises Problem, and what `work` does."""
        async with self._bounds.turn("turns", caller, lab), self._bounds.turn("threads", caller):
            return await self._in_thread(work)

    async def run_read(self, caller: Caller, work: Callable[[], T], name: str = "reads") -> T:
        """Do work that has a bound of its own: what waits for the disk alone. Raises Problem, and what `work` does."""
        async with self._bounds.turn(name, caller):
            return await self._in_thread(work)

    async def lab_for_orders(self, request: Request, fleet: Fleet, *, starting: bool = False) -> LabFolder:
        """Return the lab that a request names, as `fleet` has it. Raises Problem."""
        name = request.path_params["lab"]
        return await self.run_read(request.scope["caller"], lambda: fleet.lab_for_orders(name, starting=starting))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._here is not None:
            return await self._here.begin(work)
        return await to_thread.run_sync(work, limiter=self._threads)
